# a full ring loses a process
# FILE scheduler.c
/^static void wippyi_overflow/,/^}/s/^        wippyi_queue_push(w->host, lane, slot);/        if (i == 0) { wippyi_queue_push(w->host, lane, slot); }/
