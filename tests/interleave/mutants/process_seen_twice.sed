# the mail of the step is taken again with what came after it
# FILE process.c
# RUN test_process peek_keep
# RUN test_process send_two_workers
s/rest = wippyi_mailbox_take_after(&slot->box, seen);/rest = wippyi_mailbox_take(\&slot->box);/
