/* The ring with room for two: every second entry is overwritten. */
#define WIPPYI_RING_SIZE 2u
#include "test_ring.c"
