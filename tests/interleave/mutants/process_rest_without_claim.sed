# the last owner takes a terminated process back without asking
# FILE process.c
# RUN test_process terminate_step
# RUN test_process terminate_two_workers
/^WIPPYI_INLINE void wippyi_process_rest/,/^}/s/wippyi_mailbox_claim(&slot->box)/(wippyi_mailbox_claim(\&slot->box) || 1)/
