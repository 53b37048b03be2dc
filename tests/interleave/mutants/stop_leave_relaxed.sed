# the last process does not see that somebody waits
# FILE process.c
# RUN test_stop wait_empty_against_end
/^static void wippyi_host_leave/,/^}/s/wippyi_a32_load_sc(&host->state)/wippyi_a32_load_rlx(\&host->state)/
