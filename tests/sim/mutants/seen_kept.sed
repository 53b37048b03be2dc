# what came after the mail of a step is thrown away with it
# FILE process.c
s/^    wippyi_intake(w, slot, pid, rest);/    wippyi_mails_release(w->host->rt, w, slot, rest);/
