# take is a load and a store
# FILE mailbox.h
# RUN test_mailbox push_while_owned
# RUN test_mailbox push_push_take
s/list = (wippy_mail \*)wippyi_ap_xchg_acq(&box->head, WIPPYI_BOX_EMPTY);/list = (wippy_mail *)wippyi_ap_load_acq(\&box->head); wippyi_ap_store_rel(\&box->head, WIPPYI_BOX_EMPTY);/
