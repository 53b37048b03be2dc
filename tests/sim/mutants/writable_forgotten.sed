# nobody is told that a mailbox has room again
# FILE relations.c
/^    if (slot->relations != NULL) {$/,/^    }$/s/waiters = slot->relations->waiters;/waiters = NULL;/
