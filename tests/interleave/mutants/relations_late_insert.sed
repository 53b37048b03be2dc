# a relation is inserted although the end has begun
# FILE relations.c
# RUN test_relations monitor_against_end
# RUN test_relations link_against_failure
s/if (!wippyi_tenant_is(a, watcher) || !wippyi_tenant_is(b, target) ||/if (!wippyi_tenant_is(a, watcher) ||/;s/!(target_is_new || wippyi_slot_is(b, target))) {/0) {/
