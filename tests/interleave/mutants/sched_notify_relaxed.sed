# the publisher looks at the sleepers too early
# FILE scheduler.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
/^WIPPYI_FN void wippyi_host_notify/,/^}/s/word = wippyi_a64_load_sc(&host->sleep_word)/word = wippyi_a64_load_rlx(\&host->sleep_word)/
