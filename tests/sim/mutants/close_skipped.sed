# a body that ends is not closed when it failed
# FILE process.c
s/    if (type->desc.close != NULL \&\& (slot->flags \& WIPPYI_PROC_BODY) != 0) {/    if (type->desc.close != NULL \&\& (slot->flags \& WIPPYI_PROC_BODY) != 0 \&\& code == WIPPY_OK) {/
