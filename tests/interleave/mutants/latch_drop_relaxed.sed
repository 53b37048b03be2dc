# a latch is dropped without release
# FILE platform.h
# RUN test_relations both_ends_end
# RUN test_relations monitor_against_end
s/wippyi_a32_xchg_rel(&l->word, WIPPYI_LATCH_FREE)/wippyi_a32_xchg_rlx(\&l->word, WIPPYI_LATCH_FREE)/
