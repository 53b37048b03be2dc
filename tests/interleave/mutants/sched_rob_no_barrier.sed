# the owner looks for a thief without the barrier after its step
# FILE scheduler.c
# RUN test_scheduler next_slot_robbed
/^WIPPYI_INLINE void wippyi_take_begin/,/^}/s/^ *wippyi_barrier_near(.*$//
