# mail comes newest first
# FILE mailbox.h
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_take/,/^}/s/if (list == NULL || list->next_ == NULL) {/if (true) {/
