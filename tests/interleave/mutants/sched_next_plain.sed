# the owner takes its next-slot without exchange
# FILE scheduler.c
# RUN test_scheduler next_slot_and_thief
/^WIPPYI_INLINE wippyi_slot \*wippyi_take_next/,/^}/s/slot = (wippyi_slot \*)wippyi_ap_xchg_acqrel(&w->next_slot, NULL);/slot = (wippyi_slot *)wippyi_ap_load_acq(\&w->next_slot); wippyi_ap_store_rel(\&w->next_slot, NULL);/
