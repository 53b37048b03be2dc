# a token completes a later use of its record
# FILE yield.c
# RUN test_yield complete_drop_reopen
# RUN test_yield complete_end_reuse
/^WIPPYI_FN wippyi_yield \*wippyi_yield_claim(/,/^}/s/uint64_t expected = wippyi_yield_word(token.sequence, WIPPYI_YIELD_OPEN);/uint64_t expected = (token.sequence = yield != NULL ? (uint32_t)wippyi_yield_sequence(yield) : 0, wippyi_yield_word(token.sequence, WIPPYI_YIELD_OPEN));/
