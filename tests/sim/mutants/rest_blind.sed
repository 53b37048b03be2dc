# a process sleeps on mail it has not looked at
# FILE process.c
s/    if (slot->fresh != NULL || !wippyi_mailbox_idle(&slot->box)) {/    if (!wippyi_mailbox_idle(\&slot->box)) {/
