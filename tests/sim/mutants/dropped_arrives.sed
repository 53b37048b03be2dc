# a completion arrives although its yield was dropped
# FILE yield.c
/^WIPPYI_FN bool wippyi_yield_receive/,/^}/s/    if (yield->dropped) {/    if (yield->dropped \&\& yield->head.index == 0) {/
