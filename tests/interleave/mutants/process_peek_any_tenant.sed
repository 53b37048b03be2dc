# the only mail of a step may be meant for an earlier tenant
# FILE process.c
# RUN test_process end_against_send
# RUN test_process end_reuse_two_workers
s/slot->fresh == NULL && seen->to_ == life &&/slot->fresh == NULL \&\&/
