# the owner takes several without CAS
# FILE ring.h
# RUN test_ring push_all_pop_some_steal
# RUN test_ring full_pop_some_push_all_two_thieves
s/count == 0 || wippyi_a32_cas_acqrel(&ring->head, &head, head + count)/count == 0 || (wippyi_a32_store_rel(\&ring->head, head + count), true)/
