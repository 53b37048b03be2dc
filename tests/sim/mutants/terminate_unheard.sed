# terminate does not wake who sleeps
# FILE process.c
/^WIPPYI_FN wippy_result wippyi_terminate/,/^}/s/    if (wippyi_mailbox_claim(&slot->box)) {/    if (false) {/
