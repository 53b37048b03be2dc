# a process can be stolen while the queue still links it
# FILE scheduler.c
# RUN test_scheduler queue_and_thief
s/(void)wippyi_ring_push(&w->rings\[lane\], wippyi_queue_pop(queue));/(void)wippyi_ring_push(\&w->rings[lane], queue->first); (void)wippyi_queue_pop(queue);/
