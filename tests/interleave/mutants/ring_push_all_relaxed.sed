# several entries are published without release
# FILE ring.h
# RUN test_ring push_all_pop_some_steal
s/wippyi_a32_store_rel(&ring->tail, tail + count)/wippyi_a32_store_rlx(\&ring->tail, tail + count)/
