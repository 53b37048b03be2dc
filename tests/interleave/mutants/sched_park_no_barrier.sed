# a worker looks at the rings before it sleeps without the barrier
# FILE scheduler.c
# RUN test_scheduler spread_and_wait
s/if (!wippyi_host_barrier(host) || wippyi_host_has_work(host) ||/if (wippyi_host_has_work(host) ||/
