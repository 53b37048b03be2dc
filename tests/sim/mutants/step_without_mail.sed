# a step although there is nothing to do
# FILE process.c
s/    } else if (WIPPYI_UNLIKELY(slot->fresh == NULL)) {/    } else if (slot == NULL) {/
