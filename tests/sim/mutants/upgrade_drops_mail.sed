# an upgrade loses messages
# FILE spawn.c
/^static void wippyi_forget_completions/,/^}/s/if (mail->kind == WIPPY_MAIL_DONE) {/if (mail->kind == WIPPY_MAIL_DONE || mail->kind == WIPPY_MAIL_MESSAGE) {/
