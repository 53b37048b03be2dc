# the owner does not look whether a thief is at its next-slot
# FILE scheduler.c
# RUN test_scheduler next_slot_robbed
/^WIPPYI_INLINE void wippyi_take_begin/,/^}/s/if (WIPPYI_UNLIKELY(wippyi_a32_load_acq(&w->robber) != 0))/if (0)/
