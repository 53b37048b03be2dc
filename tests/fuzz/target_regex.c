/* Regular expressions. Input: an expression, a zero byte, a text. (?:e) and (?:e)|(?:e) find what e
   finds; finding is the same twice, and its time is bounded (the driver's alarm, the fuzzer's -timeout). */
#include "fuzz.h"

#include "regex.h"

static int ask(wippyi_mem *mem, const char *pattern, size_t size, wippy_slice text)
{
    wippyi_regex *regex = NULL;
    const char *why = NULL;
    wippy_result result = wippyi_regex_compile(mem, pattern, size, &regex, &why);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(why != NULL && why[0] != '\0', "refused without a reason: %d", result);
        FUZZ_CHECK(regex == NULL, "refused, but there is one");
        FUZZ_CHECK(result == WIPPY_ERR_SYNTAX || result == WIPPY_ERR_UNSUPPORTED ||
                       result == WIPPY_ERR_LIMIT,
                   "result %d", result);
        return -1;
    }
    result = wippyi_regex_find(regex, text.data, text.size);
    FUZZ_CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOTFOUND, "result %d", result);
    FUZZ_CHECK(wippyi_regex_find(regex, text.data, text.size) == result, "two answers");
    wippyi_regex_free(regex);
    return result == WIPPY_OK;
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    char *exact = fuzz_exact(data, size);
    fuzz_input in = fuzz_open((const uint8_t *)exact, size);
    wippy_slice pattern = fuzz_part(&in);
    wippy_slice text = fuzz_part(&in);
    fuzz_mem(&mem, &heap);
    int found = ask(&mem, pattern.data, pattern.size, text);
    if (found >= 0 && pattern.size < 2000) {
        char *longer = (char *)malloc(2 * pattern.size + 10);
        int room = (int)(2 * pattern.size + 10);
        int one = snprintf(longer, (size_t)room, "(?:%.*s)", (int)pattern.size, pattern.data);
        int group = ask(&mem, longer, (size_t)one, text);
        FUZZ_CHECK(group < 0 || group == found, "%s finds %d, without the group %d", longer, group,
                   found);
        int two = snprintf(longer, (size_t)room, "(?:%.*s)|(?:%.*s)", (int)pattern.size,
                           pattern.data, (int)pattern.size, pattern.data);
        int either = ask(&mem, longer, (size_t)two, text);
        FUZZ_CHECK(either < 0 || either == found, "%s finds %d, alone %d", longer, either, found);
        free(longer);
    }
    free(exact);
    FUZZ_BALANCED(&heap);
}
