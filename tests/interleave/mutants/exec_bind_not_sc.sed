# the child of an execution is not in one order with the drop
# FILE spawn.c
# RUN test_yield exec_drop
/^static void wippyi_bind_exec/,/^}/{
s/wippyi_a64_load_sc(&yield->state)/wippyi_a64_load_acq(\&yield->state)/
s/wippyi_a64_store_sc(&yield->child, child)/wippyi_a64_store_rel(\&yield->child, child)/
}
