# idle overwrites mail that came
# FILE mailbox.h
# RUN test_mailbox push_while_owned
s/return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_IDLE)/return (void)expected, wippyi_ap_store_sc(\&box->head, WIPPYI_BOX_IDLE), true/
