# a blocking call that is taken back is not dropped
# FILE blocking.c
/^static void wippyi_blocking_cancel/,/^}/s/if (found->drop != NULL) {/if (found->drop != NULL \&\& found->next != NULL) {/
