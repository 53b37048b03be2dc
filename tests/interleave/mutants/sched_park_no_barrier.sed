# a worker looks at the rings before it sleeps without the barrier
# FILE scheduler.c
# RUN test_scheduler spread_and_wait
s/w->sleep_ns > WIPPYI_NAP_NS && !wippyi_host_barrier(host)/false/
