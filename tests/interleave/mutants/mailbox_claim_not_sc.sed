# claim is not in one order with idle
# FILE mailbox.h
# RUN test_mailbox terminate_against_idle
# RUN test_process terminate_step
s/return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_EMPTY)/return wippyi_ap_cas_acqrel(\&box->head, \&expected, WIPPYI_BOX_EMPTY)/
