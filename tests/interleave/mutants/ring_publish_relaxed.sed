# an entry is published without release
# FILE ring.h
# RUN test_ring push_steal
s/wippyi_a32_store_rel(&ring->tail, tail + 1)/wippyi_a32_store_rlx(\&ring->tail, tail + 1)/
