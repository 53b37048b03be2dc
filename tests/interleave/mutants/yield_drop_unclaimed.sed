# a record is dropped although its completion is under way
# FILE yield.c
# RUN test_yield complete_drop_reopen
# RUN test_yield complete_end_reuse
/^WIPPYI_FN bool wippyi_yield_drop(/,/^}/s/if (!wippyi_a64_cas_sc(&yield->state, &expected,/if (0 \&\& !wippyi_a64_cas_sc(\&yield->state, \&expected,/
