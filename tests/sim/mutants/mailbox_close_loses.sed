# mail that came before the close is forgotten
# FILE mailbox.h
/^WIPPYI_INLINE wippy_mail \*wippyi_mailbox_close/,/^}/s/    return wippyi_mailbox_ordered(.*;/    return NULL;/
