# the last process stolen stays where it was
# FILE ring.h
/^WIPPYI_INLINE void \*wippyi_ring_steal/,/^}/s/if (wippyi_a32_cas_acqrel(&ring->head, &head, head + count)) {/if (wippyi_a32_cas_acqrel(\&ring->head, \&head, head + count - (count > 1))) {/
