# a yield is claimed by a load and a store
# FILE yield.c
# RUN test_yield complete_twice
/^WIPPYI_FN wippyi_yield \*wippyi_yield_claim(/i\
static bool wippyi_mutant_claim(wippyi_a64 *a, const uint64_t *e, uint64_t v) { if (wippyi_a64_load_acq(a) != *e) { return false; } wippyi_a64_store_rel(a, v); return true; }
/^WIPPYI_FN wippyi_yield \*wippyi_yield_claim(/,/^}/s/!wippyi_a64_cas_acqrel(/!wippyi_mutant_claim(/
