# the last process wakes nobody
# FILE process.c
# RUN test_stop wait_empty_against_end
/^static void wippyi_host_leave/,/^}/s/wippyi_cond_broadcast(&rt->stop_cond);/;/
