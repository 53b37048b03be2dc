# the last process does not see that somebody waits
# FILE host.c
# RUN test_stop wait_empty_against_end
/^WIPPYI_FN void wippyi_host_leave/,/^}/s/wippyi_a32_load_sc(&host->state)/wippyi_a32_load_rlx(\&host->state)/
