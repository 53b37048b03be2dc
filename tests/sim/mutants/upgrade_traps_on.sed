# news of a failed link reaches a body that does not trap
# FILE spawn.c
s/^    wippyi_forget_events(rt, w, slot);/    (void)wippyi_forget_events;/
