# the watchdog looks whether all sleep, and then says that it does, in two steps
# FILE watchdog.c
# RUN test_scheduler watchdog_sleeps
s/bool rest = wippyi_a32_cas_acqrel(&dog->rt->awake, &none, WIPPYI_DOG_SLEEPS);/bool rest = wippyi_a32_load_acq(\&dog->rt->awake) == none; if (rest) { wippyi_a32_or_acqrel(\&dog->rt->awake, WIPPYI_DOG_SLEEPS); }/
