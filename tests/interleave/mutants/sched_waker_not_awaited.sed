# a wake that is on its way is left in the ticket
# FILE scheduler.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
# RUN test_scheduler worker_ends
s/(void)wippyi_ticket_wait(&w->ticket, UINT64_MAX); .*$/;/
