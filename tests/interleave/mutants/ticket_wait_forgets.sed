# a wait overwrites a wake that came before it
# FILE platform.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
/^WIPPYI_FN bool wippyi_ticket_wait/,/^}/s/wippyi_a32_cas_rlx(&t->word, &seen, WIPPYI_TICKET_WAITING);/wippyi_a32_store_rlx(\&t->word, WIPPYI_TICKET_WAITING);/
