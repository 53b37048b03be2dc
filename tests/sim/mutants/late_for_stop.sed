# who is born while its host stops is not told
# FILE spawn.c
/^static void wippyi_born/,/^}/s/^    wippyi_late_for_stop(w, pid);/    (void)wippyi_late_for_stop;/
