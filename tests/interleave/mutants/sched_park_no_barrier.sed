# a worker looks at the rings before it sleeps without the barrier
# FILE scheduler.c
# RUN test_scheduler spread_and_wait
s/w->blind = !wippyi_host_barrier(host);/w->blind = false;/
