# take does not acquire
# FILE mailbox.h
# RUN test_mailbox push_while_owned
# RUN test_mailbox push_push_take
s/wippyi_ap_xchg_acq(&box->head, WIPPYI_BOX_EMPTY)/wippyi_ap_xchg_rlx(\&box->head, WIPPYI_BOX_EMPTY)/
