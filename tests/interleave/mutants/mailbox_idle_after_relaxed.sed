# idle after a mail releases nothing
# FILE mailbox.h
# RUN test_mailbox peek_two_workers
# RUN test_mailbox peek_push_push
/^WIPPYI_INLINE bool wippyi_mailbox_idle_after/,/^}/s/wippyi_ap_cas_sc/wippyi_ap_cas_rlx/
