# one of several watchers hears nothing
# FILE relations.c
s/    relation = wippyi_relation_pull(rt, pid, list)/&/
s/^        chain = relation;$/        if (chain != NULL \&\& !relation->is_link) { wippyi_relation_free(rt, NULL, relation); continue; } chain = relation;/
