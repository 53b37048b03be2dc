# a step begins although the process was terminated
# FILE process.c
s/    if (WIPPYI_UNLIKELY((life \& WIPPYI_LIFE_TERMINATE) != 0)) {/    if (WIPPYI_UNLIKELY((life \& WIPPYI_LIFE_TERMINATE) != 0 \&\& (slot->flags \& WIPPYI_PROC_RUN) == 0)) {/
s/    wippyi_intake(w, slot, life);/    life \&= ~WIPPYI_LIFE_TERMINATE; wippyi_intake(w, slot, life);/
