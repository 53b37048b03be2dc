# terminate schedules what somebody owns
# FILE process.c
# RUN test_process terminate_step
# RUN test_process terminate_two_workers
/^static wippy_result wippyi_terminate_live/,/^}/s/if (wippyi_mailbox_claim(&slot->box))/if (wippyi_mailbox_claim(\&slot->box) || 1)/
