# the owner moves head without CAS
# FILE ring.h
# RUN test_ring push_pop_steal
s/if (wippyi_a32_cas_acqrel(&ring->head, &head, head + 1))/if (wippyi_a32_store_rel(\&ring->head, head + 1), true)/
