# the last process wakes nobody
# FILE host.c
# RUN test_stop wait_empty_against_end
/^WIPPYI_FN void wippyi_host_leave/,/^}/s/wippyi_cond_broadcast(&rt->stop_cond);/;/
