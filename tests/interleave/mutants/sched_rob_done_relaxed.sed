# the owner does not acquire what the thief took
# FILE scheduler.c
# RUN test_scheduler next_slot_robbed
/^WIPPYI_INLINE void wippyi_take_begin/,/^}/s/wippyi_a32_load_acq(&w->robber)/wippyi_a32_load_rlx(\&w->robber)/
