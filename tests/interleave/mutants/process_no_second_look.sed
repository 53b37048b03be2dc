# no look at the terminate bit after idle
# FILE process.c
# RUN test_process terminate_step
# RUN test_process terminate_two_workers
s/if (WIPPYI_UNLIKELY((wippyi_a64_load_sc(&slot->life) & WIPPYI_LIFE_TERMINATE) != 0) &&/if (0 \&\&/
