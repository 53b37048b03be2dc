# going to sleep is not in one order with publishing
# FILE scheduler.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
/^static bool wippyi_park_begin(/,/^}/s/wippyi_a64_add_sc(&host->sleep_word,/wippyi_a64_add_acqrel(\&host->sleep_word,/
