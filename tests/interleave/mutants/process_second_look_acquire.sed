# the look at the terminate bit is not in one order with terminate
# FILE process.c
# RUN test_process terminate_step
# RUN test_process terminate_two_workers
s/if (WIPPYI_UNLIKELY((wippyi_a64_load_sc(&slot->life)/if (WIPPYI_UNLIKELY((wippyi_a64_load_acq(\&slot->life)/
