# who drops a latch forgets the sleeper
# FILE platform.h
# RUN test_relations both_ends_end
# RUN test_relations monitor_against_end
s/WIPPYI_UNLIKELY(wippyi_a32_xchg_rel(&l->word, WIPPYI_LATCH_FREE) == WIPPYI_LATCH_SLEPT)/wippyi_a32_xchg_rel(\&l->word, WIPPYI_LATCH_FREE) > WIPPYI_LATCH_SLEPT/
