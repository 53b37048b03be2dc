# who was not born is counted for ever
# FILE spawn.c
s/^    wippyi_unreserve(w->host, w, hidden); \/\* before/    (void)hidden; \/* before/
