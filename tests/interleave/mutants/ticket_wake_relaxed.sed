# a wake publishes nothing
# FILE platform.c
# RUN test_stop stop_against_spawn
# RUN test_stop kill_against_spawn
s/wippyi_a32_xchg_rel(&t->word, WIPPYI_TICKET_WOKEN)/wippyi_a32_xchg_rlx(\&t->word, WIPPYI_TICKET_WOKEN)/
