# terminate schedules what somebody owns
# FILE process.c
# RUN test_process terminate_step
# RUN test_process terminate_two_workers
/^WIPPYI_FN wippy_result wippyi_terminate/,/^}/s/if (wippyi_mailbox_claim(&slot->box))/if (wippyi_mailbox_claim(\&slot->box) || 1)/
