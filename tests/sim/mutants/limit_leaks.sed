# a message that was read still counts
# FILE process.c
/^static void wippyi_mail_done/,/^}/s/if (WIPPYI_UNLIKELY(counted)) {/if (WIPPYI_UNLIKELY(counted \&\& slot->fresh == NULL)) {/
