# a process sleeps on mail it has not looked at
# FILE process.c
/^WIPPYI_INLINE void wippyi_process_rest/,/^}/{
s/if (WIPPYI_LIKELY(seen != NULL \&\& slot->fresh == NULL)) {/if (seen != NULL) {/
s/if (slot->fresh != NULL || !wippyi_mailbox_idle(&slot->box)) {/if (!wippyi_mailbox_idle(\&slot->box)) {/
}
