# the next-slot is published without release
# FILE scheduler.h
# RUN test_scheduler next_slot_and_thief
s/wippyi_ap_store_rel(&w->next_slot, slot);/wippyi_ap_store_rlx(\&w->next_slot, slot);/
