/* Policies. Input: a byte (1 = with expression), then the data of an entry as YAML. A policy that
   compiles gives one of three decisions, the same each time; only its own effect or nothing. */
#include "fuzz.h"

#include "policy.h"

#include "access.h"

static void try_policy(wippyi_mem *mem, wippy_slice data, bool with_expression)
{
    wippyi_rule *rule = NULL;
    wippy_diag diag;
    fuzz_accesses all;
    memset(&diag, 0, sizeof(diag));
    wippy_result result =
        wippyi_rule_compile(NULL, mem, NULL, "app:rule", data, with_expression, &rule, &diag);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(diag.message[0] != '\0', "refused without a reason: %d", result);
        FUZZ_CHECK(rule == NULL, "refused, but there is a rule");
        return;
    }
    wippy_slice effect = wippy_value_string(data, "policy.effect", "");
    bool allows = effect.size == 5 && memcmp(effect.data, "allow", 5) == 0;
    fuzz_accesses_init(&all, mem);
    for (size_t i = 0; i < FUZZ_ACCESSES; i++) {
        wippy_decision decision = wippyi_rule_evaluate(rule, &all.access[i]);
        FUZZ_CHECK(wippyi_rule_evaluate(rule, &all.access[i]) == decision, "two decisions");
        FUZZ_CHECK(decision == WIPPY_UNDEFINED || decision == (allows ? WIPPY_ALLOW : WIPPY_DENY),
                   "decision %d of a policy that %s", decision, allows ? "allows" : "denies");
    }
    (void)wippyi_rule_in_group(rule, "app:group");
    wippyi_item_release((wippyi_item *)rule);
    fuzz_accesses_free(&all);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    wippy_writer w;
    wippy_slice bytes;
    fuzz_input in = fuzz_open(data, size);
    bool with_expression = fuzz_byte(&in) & 1;
    fuzz_mem(&mem, &heap);
    wippyi_writer_init(&w, &mem);
    (void)wippy_write_yaml(&w, NULL, (const char *)in.at, fuzz_left(&in), NULL);
    if (wippy_writer_finish(&w, &bytes) == WIPPY_OK) {
        try_policy(&mem, bytes, with_expression);
    }
    wippy_writer_free(&w);
    FUZZ_BALANCED(&heap);
}
