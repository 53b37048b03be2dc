# a push into the global queue is not in one order with sleeping
# FILE scheduler.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
s/while (!wippyi_ap_cas_sc(&queue->inbox, &head, slot))/while (!wippyi_ap_cas_rel(\&queue->inbox, \&head, slot))/
