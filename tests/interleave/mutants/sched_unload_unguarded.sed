# the watchdog takes what a worker has in hand without asking whether it is in a step
# FILE scheduler.c
# RUN test_scheduler unloaded_twice
s/slot = wippyi_rob(w);/slot = (wippyi_slot *)wippyi_ap_xchg_acqrel(\&w->next_slot, NULL);/
