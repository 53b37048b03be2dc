# who waits for room does not look again
# FILE relations.c
# RUN test_process full_and_writable
s/if (wippyi_has_room(slot)) {/if (0) {/
