# close does not see what was pushed
# FILE mailbox.h
# RUN test_mailbox close_against_push
# RUN test_process end_against_send
s/wippyi_ap_xchg_acqrel(&box->head, WIPPYI_BOX_CLOSED)/wippyi_ap_xchg_rlx(\&box->head, WIPPYI_BOX_CLOSED)/
