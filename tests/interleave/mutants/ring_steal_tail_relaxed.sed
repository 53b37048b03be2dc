# a thief does not acquire what was pushed
# FILE ring.h
# RUN test_ring push_steal
/^WIPPYI_INLINE void \*wippyi_ring_steal/,/^}/s/uint32_t tail = wippyi_a32_load_acq(&ring->tail);/uint32_t tail = wippyi_a32_load_rlx(\&ring->tail);/
