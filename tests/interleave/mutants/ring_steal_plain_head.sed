# a thief moves head without CAS
# FILE ring.h
# RUN test_ring push_pop_steal
s/if (wippyi_a32_cas_acqrel(&ring->head, &head, head + count))/if (wippyi_a32_store_rel(\&ring->head, head + count), true)/
