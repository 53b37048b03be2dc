# a timer fires a yield that somebody dropped
# FILE scheduler.c
# RUN test_yield timer_drop
# RUN test_yield timer_end
s/if (wippyi_yield_claim(rt, wippyi_yield_token(yield)) != NULL) {/(void)wippyi_yield_claim(rt, wippyi_yield_token(yield)); if (1) {/
