# a latch is taken without acquire
# FILE platform.h
# RUN test_relations both_ends_end
# RUN test_relations monitor_against_end
s/wippyi_a32_cas_acq(&l->word, &expected, WIPPYI_LATCH_HELD)/wippyi_a32_cas_rlx(\&l->word, \&expected, WIPPYI_LATCH_HELD)/
