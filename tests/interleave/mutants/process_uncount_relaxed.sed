# room is not in one order with the mark of who waits for it
# FILE process.c
# RUN test_process full_and_writable
s/wippyi_a32_sub_sc(&slot->pending, 1)/wippyi_a32_sub_rlx(\&slot->pending, 1)/
