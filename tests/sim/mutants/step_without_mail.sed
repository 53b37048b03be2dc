# a step although there is nothing to do
# FILE process.c
s/    if (WIPPYI_LIKELY(slot->fresh != NULL || (slot->flags \& WIPPYI_PROC_RUN) != 0)) {/    if (slot != NULL) {/
