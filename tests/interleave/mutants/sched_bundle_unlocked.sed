# what overflows is put into the queue without its lock
# FILE scheduler.c
# RUN test_scheduler ring_overflow
/^static void wippyi_queue_add/,/^}/{
/wippyi_mutex_/d
}
