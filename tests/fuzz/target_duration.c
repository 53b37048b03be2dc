/* Durations: what is read is written again and read as the same; so is any number of nanoseconds. */
#include "fuzz.h"

static void check_number(int64_t ns)
{
    char text[WIPPY_DURATION_TEXT_MAX];
    char cut[5];
    int64_t again = 0;
    size_t size = wippy_duration_text(ns, text, sizeof(text));
    FUZZ_CHECK(size < sizeof(text) && strlen(text) == size, "%lld is %zu bytes", (long long)ns,
               size);
    FUZZ_CHECK(wippy_duration_text(ns, cut, sizeof(cut)) == size, "another length when cut");
    FUZZ_CHECK(strlen(cut) < sizeof(cut) && !strncmp(cut, text, strlen(cut)), "cut wrongly");
    FUZZ_CHECK(wippy_duration_parse(text, size, &again) == WIPPY_OK, "%s is refused", text);
    FUZZ_CHECK(again == ns, "%lld is %s is %lld", (long long)ns, text, (long long)again);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    char *exact = fuzz_exact(data, size);
    int64_t ns = 7;
    wippy_result result = wippy_duration_parse(exact, size, &ns);
    if (result == WIPPY_OK) {
        check_number(ns);
    } else {
        FUZZ_CHECK(ns == 7, "written although it failed");
        FUZZ_CHECK(result == WIPPY_ERR_INVALID || result == WIPPY_ERR_LIMIT, "result %d", result);
    }
    if (size >= 8) {
        memcpy(&ns, data, sizeof(ns));
        check_number(ns);
    }
    free(exact);
}
