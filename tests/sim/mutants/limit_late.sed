# one message more than the limit
# FILE send.c
s/if (wippyi_a32_add_rlx(&slot->pending, 1) < limit) {/if (wippyi_a32_add_rlx(\&slot->pending, 1) <= limit) {/
