# the thief looks at the step without the barrier
# FILE scheduler.c
# RUN test_scheduler next_slot_robbed
/^static wippyi_slot \*wippyi_rob/,/^}/s/if (wippyi_barrier_far(&victim->barrier) &&/if (/
