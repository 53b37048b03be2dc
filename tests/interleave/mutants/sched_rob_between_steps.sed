# a thief takes the next-slot of a worker that is between two steps
# FILE scheduler.c
# RUN test_scheduler next_slot_robbed
# RUN test_scheduler next_slot_and_thief
/^static wippyi_slot \*wippyi_rob/,/^}/s/(wippyi_a64_load_acq(&victim->step_number) & 1) != 0) {/true) {/
