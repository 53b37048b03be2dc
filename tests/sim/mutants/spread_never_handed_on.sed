# the last searcher does not hand the search on
# FILE scheduler.c
/^static void wippyi_search_end/,/^}/s/wippyi_searching(before) == 1/wippyi_searching(before) == 9/
