# who slept for a latch takes it without acquire
# FILE platform.c
# RUN test_relations both_ends_end
# RUN test_relations monitor_against_end
s/wippyi_a32_xchg_acq(&l->word, WIPPYI_LATCH_SLEPT)/wippyi_a32_xchg_rlx(\&l->word, WIPPYI_LATCH_SLEPT)/
