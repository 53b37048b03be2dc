# one of several watchers hears nothing
# FILE relations.c
s/^        if (kind < 0) {$/        if (kind < 0 || (kind == (int)WIPPY_MAIL_EXIT \&\& next != NULL)) {/
