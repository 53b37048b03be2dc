# the end does not look again when it had to let its stripe go
# FILE relations.c
# RUN test_relations both_ends_end
# RUN test_relations both_linked_fail
s/if (wippyi_stripe_join(rt, pid, peer) || \*list == node) {/wippyi_stripe_join(rt, pid, peer); if (1) {/
