/* Expressions of policies, and patterns of rules. Input: an expression, a zero byte, a pattern, a zero
   byte, a text. A refusal has its column; an expression answers the same each time. */
#include "fuzz.h"

#include "expression.h"
#include "policy.h"

#include "access.h"

static void try_expression(wippyi_mem *mem, wippy_slice source)
{
    wippyi_expression *tree = NULL;
    wippy_diag diag;
    fuzz_accesses all;
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippyi_expression_compile(mem, source, &tree, &diag);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(diag.message[0] != '\0', "refused without a reason: %d", result);
        FUZZ_CHECK(diag.column >= 1 && diag.column <= source.size + 1, "column %u of %zu: %s",
                   diag.column, source.size, diag.message);
        FUZZ_CHECK(tree == NULL, "refused, but there is a tree");
        return;
    }
    fuzz_accesses_init(&all, mem);
    for (size_t i = 0; i < FUZZ_ACCESSES; i++) {
        bool first = false, second = false;
        wippy_result a = wippyi_expression_evaluate(tree, &all.access[i], &first);
        wippy_result b = wippyi_expression_evaluate(tree, &all.access[i], &second);
        FUZZ_CHECK(a == b && first == second, "two answers");
        FUZZ_CHECK(a == WIPPY_OK || a == WIPPY_ERR_INVALID || a == WIPPY_ERR_SYNTAX ||
                       a == WIPPY_ERR_UNSUPPORTED || a == WIPPY_ERR_LIMIT,
                   "result %d", a);
    }
    wippyi_expression_free(tree);
    fuzz_accesses_free(&all);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    char *exact = fuzz_exact(data, size);
    fuzz_input in = fuzz_open((const uint8_t *)exact, size);
    wippy_slice source = fuzz_part(&in);
    wippy_slice pattern = fuzz_part(&in);
    wippy_slice text = fuzz_part(&in);
    wippy_slice star = {"*", 1};
    fuzz_mem(&mem, &heap);
    try_expression(&mem, source);
    (void)wippyi_rule_pattern(pattern, text);
    FUZZ_CHECK(wippyi_rule_pattern(star, text), "* does not take everything");
    if (pattern.size > 0 && memchr(pattern.data, '*', pattern.size) == NULL) {
        FUZZ_CHECK(wippyi_rule_pattern(pattern, pattern), "a pattern does not take itself");
    }
    free(exact);
    FUZZ_BALANCED(&heap);
}
