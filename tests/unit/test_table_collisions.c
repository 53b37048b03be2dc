/* The same maps when all texts share four hashes: chains instead of luck. */
#define WIPPYI_TABLE_HASH_MASK 3u
#include "test_table.c"
