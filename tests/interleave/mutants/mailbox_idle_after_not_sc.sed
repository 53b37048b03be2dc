# idle after a mail is not in one order with terminate
# FILE mailbox.h
# RUN test_mailbox peek_terminate
# RUN test_process terminate_step
/^WIPPYI_INLINE bool wippyi_mailbox_idle_after/,/^}/s/wippyi_ap_cas_sc/wippyi_ap_cas_acqrel/
