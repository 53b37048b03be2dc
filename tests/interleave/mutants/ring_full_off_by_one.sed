# the owner overwrites the oldest entry
# FILE ring.h
# RUN test_ring full_pop_push_steal
s/if (tail - head >= WIPPYI_RING_SIZE)/if (tail - head > WIPPYI_RING_SIZE)/
