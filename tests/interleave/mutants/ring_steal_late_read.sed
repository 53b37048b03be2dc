# a thief reads its entry after the CAS
# FILE ring.h
# RUN test_ring_small full_pop_push_steal
# RUN test_ring full_pop_push_steal
/^ *last = wippyi_ap_load_rlx/d
s/^ *\*taken = count;/last = wippyi_ap_load_rlx(\&ring->entries[(head + i) \& (WIPPYI_RING_SIZE - 1)]); *taken = count;/
