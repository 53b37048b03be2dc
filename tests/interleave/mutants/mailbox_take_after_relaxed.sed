# what came after a mail is taken without acquire
# FILE mailbox.h
# RUN test_mailbox peek_end
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_take_after/,/^}/s/wippyi_ap_xchg_acq/wippyi_ap_xchg_rlx/
