# take hands the newest first
# FILE mailbox.h
# RUN test_mailbox push_while_owned
# RUN test_mailbox close_against_push
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_take/,/^}/s/if (list == NULL || list->next_ == NULL)/if (1)/
