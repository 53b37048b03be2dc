# the end closes its relations without the stripe
# FILE relations.c
# RUN test_relations monitor_against_end
/^WIPPYI_FN void wippyi_relations_exit/,/relations = slot->relations;/{
/wippyi_mutex_lock/d
s/relations = slot->relations;/&wippyi_mutex_lock(wippyi_stripe(rt, pid));/
}
