# the last searcher does not wake the next
# FILE scheduler.c
# RUN test_scheduler search_handed_on
/^static void wippyi_search_end/,/^}/s/if (wippyi_searching(before) == 1 &&/if (0 \&\&/
