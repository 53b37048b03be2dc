# mail for the last tenant of a slot is read by the next
# FILE process.c
s/    if (WIPPYI_UNLIKELY(mail->to_ != pid)) {/    if (mail->to_ == 0 \&\& pid == 0) {/
