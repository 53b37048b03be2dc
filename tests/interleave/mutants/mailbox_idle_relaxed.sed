# idle releases nothing
# FILE mailbox.h
# RUN test_mailbox push_push_take
# RUN test_mailbox terminate_idle_push
s/return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_IDLE)/return wippyi_ap_cas_rlx(\&box->head, \&expected, WIPPYI_BOX_IDLE)/
