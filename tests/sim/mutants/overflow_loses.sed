# a full ring loses a process
# FILE scheduler.c
/^static WIPPYI_NOINLINE void wippyi_overflow/,/^}/s/^    wippyi_queue_add(/    bundle->count -= bundle->count > 1; wippyi_queue_add(/
