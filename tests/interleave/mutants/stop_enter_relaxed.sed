# a birth is not counted in one order with the state of the host
# FILE host.c
# RUN test_stop begin_stop_against_spawn
# RUN test_stop wait_empty_against_refused
# RUN test_stop stop_against_spawn
/^WIPPYI_FN void wippyi_host_enter/,/^}/s/wippyi_a64_add_sc/wippyi_a64_add_rlx/
