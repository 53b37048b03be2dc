# a slot is opened as nobody's while the spawner owns it
# FILE mailbox.h
# RUN test_process end_against_send
# RUN test_mailbox close_open_against_push
s/wippyi_ap_store_rel(&box->head, WIPPYI_BOX_EMPTY)/wippyi_ap_store_rel(\&box->head, WIPPYI_BOX_IDLE)/
