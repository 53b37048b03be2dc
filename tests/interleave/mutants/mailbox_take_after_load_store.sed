# taking what came after a mail is a load and a store
# FILE mailbox.h
# RUN test_mailbox peek_push_push
# RUN test_mailbox peek_end
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_take_after/,/^}/s/list = (wippy_mail \*)wippyi_ap_xchg_acq(&box->head, WIPPYI_BOX_EMPTY);/list = (wippy_mail *)wippyi_ap_load_acq(\&box->head); wippyi_ap_store_rel(\&box->head, WIPPYI_BOX_EMPTY);/
