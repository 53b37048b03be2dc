# a worker that wakes lets a sleeping watchdog sleep
# FILE watchdog.c
# RUN test_scheduler watchdog_sleeps
s/wippyi_ticket_wake(&rt->watchdog->ticket); \/\* we alone.*/;/
