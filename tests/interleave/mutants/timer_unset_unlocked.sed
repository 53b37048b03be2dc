# a dropped timer leaves the wheel without its lock
# FILE yield.c
# RUN test_yield timer_drop
# RUN test_yield timer_end
/^static void wippyi_timer_unset/,/^}/{
/wippyi_latch_take/d
/wippyi_latch_drop/d
}
