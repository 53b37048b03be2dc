# who waits for a latch does not say that it sleeps
# FILE platform.c
# RUN test_relations both_ends_end
# RUN test_relations monitor_against_end
s/wippyi_a32_xchg_acq(&l->word, WIPPYI_LATCH_SLEPT)/wippyi_a32_xchg_acq(\&l->word, WIPPYI_LATCH_HELD)/;s/wippyi_futex_wait(&l->word, WIPPYI_LATCH_SLEPT, /wippyi_futex_wait(\&l->word, WIPPYI_LATCH_HELD, /
