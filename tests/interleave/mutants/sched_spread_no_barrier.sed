# what is pushed into a ring is not in one order with sleeping
# FILE scheduler.c
# RUN test_scheduler spread_and_wait
/^WIPPYI_INLINE void wippyi_spread(wippyi_worker \*w)$/,/^}/s/^ *wippyi_barrier_near(.*$//
