# who replaces IDLE does not see what the last owner did
# FILE mailbox.h
# RUN test_mailbox push_push_take
# RUN test_mailbox push_while_owned
# RUN test_process send_two_workers
s/wippyi_ap_cas_acqrel(&box->head, &head, mail)/wippyi_ap_cas_rel(\&box->head, \&head, mail)/
