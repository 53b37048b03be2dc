# idle after a mail overwrites what came meanwhile
# FILE mailbox.h
# RUN test_mailbox peek_against_push
/^WIPPYI_INLINE bool wippyi_mailbox_idle_after/,/^}/s/return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_IDLE)/return (void)expected, wippyi_ap_store_sc(\&box->head, WIPPYI_BOX_IDLE), true/
