# nobody is woken for the last sleeper
# FILE scheduler.c
/^WIPPYI_FN void wippyi_host_notify/,/^}/s/wippyi_parked(word) > 0/wippyi_parked(word) > 1/
