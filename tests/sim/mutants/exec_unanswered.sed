# the end of an executed process is not told
# FILE process.c
s/^    wippyi_complete_exec(rt, w, slot, result);/    (void)wippyi_complete_exec;/
