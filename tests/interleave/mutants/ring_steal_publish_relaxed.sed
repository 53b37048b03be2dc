# a thief publishes its copies without release
# FILE ring.h
# RUN test_ring thief_of_thief
s/wippyi_a32_store_rel(&own->tail, own_tail + count - 1)/wippyi_a32_store_rlx(\&own->tail, own_tail + count - 1)/
