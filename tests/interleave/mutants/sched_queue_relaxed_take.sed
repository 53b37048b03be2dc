# the consumer of the global queue does not acquire
# FILE scheduler.c
# RUN test_scheduler queue_two_workers
# RUN test_scheduler park_one
s/wippyi_ap_xchg_acq(&queue->inbox, NULL)/wippyi_ap_xchg_rlx(\&queue->inbox, NULL)/
