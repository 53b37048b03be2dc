# the mark of who waits is not in one order with room
# FILE relations.c
# RUN test_process full_and_writable
s/wippyi_a32_or_sc(&slot->marks, WIPPYI_MARK_WRITABLE)/wippyi_a32_or_rlx(\&slot->marks, WIPPYI_MARK_WRITABLE)/
