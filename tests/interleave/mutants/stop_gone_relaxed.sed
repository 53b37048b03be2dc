# who waits for an empty host does not see what its last process did
# FILE host.c
# RUN test_stop wait_empty_against_end
# RUN test_stop wait_empty_two_ends
/^WIPPYI_FN void wippyi_host_leave/,/^}/s/wippyi_a64_add_sc(/wippyi_a64_add_rlx(/
