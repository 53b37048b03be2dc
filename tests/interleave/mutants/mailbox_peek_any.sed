# peek takes the newest of several for the only one
# FILE mailbox.h
# RUN test_mailbox peek_push_push
s/return mail != NULL && mail->next_ == NULL ? mail : NULL;/return mail;/
