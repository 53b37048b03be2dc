# a worker that ends takes a process with it
# FILE scheduler.c
/^static void wippyi_hand_over/,/^}/s/^    if (slot != NULL) {/    if (slot != NULL \&\& w->index == 0) {/
