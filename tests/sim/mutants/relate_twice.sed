# a second monitor of the same pair is accepted: two EXITs
# FILE relations.c
s/} else if (wippyi_relation_find(a, b, watcher, target, relation->is_link) != NULL) {/} else if (a == NULL) {/
