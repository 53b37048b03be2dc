# a worker sleeps without looking again
# FILE scheduler.c
# RUN test_scheduler park_one
# RUN test_scheduler park_two
s/if (wippyi_host_has_work(host) || wippyi_worker_has_own(w) ||$/if (wippyi_worker_has_own(w) ||/
