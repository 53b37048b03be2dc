# the end closes its relations without the stripe
# FILE relations.c
# RUN test_relations monitor_against_end
/^WIPPYI_FN void wippyi_relations_exit/,/relations = slot->relations;/{
/wippyi_latch_take/d
s/relations = slot->relations;/&wippyi_latch_take(wippyi_stripe_of(rt, pid));/
}
