# a push publishes nothing
# FILE mailbox.h
# RUN test_mailbox push_push_take
# RUN test_process send_two_workers
s/wippyi_ap_cas_acqrel(&box->head, &head, mail)/wippyi_ap_cas_rlx(\&box->head, \&head, mail)/
