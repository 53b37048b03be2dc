# a process born while its host stops does not see that
# FILE spawn.c
# RUN test_stop begin_stop_against_spawn
/^static void wippyi_late_for_stop/,/^}/s/wippyi_a32_load_sc(&w->host->state)/wippyi_a32_load_rlx(\&w->host->state)/
