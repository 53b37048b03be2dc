# peek does not acquire
# FILE mailbox.h
# RUN test_mailbox peek_push_push
# RUN test_process send_two_workers
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_peek/,/^}/s/wippyi_ap_load_acq/wippyi_ap_load_rlx/
