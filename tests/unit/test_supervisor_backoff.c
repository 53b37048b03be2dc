/* The arithmetic of restarting, and what a lifecycle block says. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"
#include "literal.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static wippyi_restart restart_plain(void)
{
    wippyi_restart restart;
    restart.initial_ns = 1 * S;
    restart.max_ns = 90 * S;
    restart.factor_milli = 2000;
    restart.jitter_ppm = 0;
    restart.max_attempts = 0;
    return restart;
}

TEST(test_backoff_doubles_up_to_the_cap)
{
    static const uint64_t expected[] = {1, 2, 4, 8, 16, 32, 64, 90, 90, 90};
    wippyi_restart restart = restart_plain();
    for (uint32_t i = 0; i < TEST_COUNT(expected); i++) {
        CHECK_EQ_U64(wippyi_restart_delay(&restart, i + 1, 12345), expected[i] * S);
    }
    CHECK_EQ_U64(wippyi_restart_delay(&restart, UINT32_MAX, 0), 90 * S);
    restart.factor_milli = 1500;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 3, 0), 2250 * MS);
}

TEST(test_backoff_extreme_numbers_neither_overflow_nor_loop)
{
    wippyi_restart restart = restart_plain();
    restart.max_ns = (uint64_t)INT64_MAX;
    restart.factor_milli = 1000000;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, UINT32_MAX, 0), (uint64_t)INT64_MAX);
    restart.jitter_ppm = 1000000;
    CHECK(wippyi_restart_delay(&restart, UINT32_MAX, UINT64_MAX) <= (uint64_t)INT64_MAX * 2);
    restart.factor_milli = 1000;
    restart.jitter_ppm = 0;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, UINT32_MAX, 0), 1 * S);
    restart.factor_milli = 1001;
    restart.initial_ns = 5;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, UINT32_MAX, 0), 5);
    restart.factor_milli = 500;
    restart.initial_ns = 1 * S;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 3, 0), 250 * MS);
    restart.initial_ns = 200 * S;
    restart.max_ns = 90 * S;
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 1, 0), 90 * S);
}

TEST(test_backoff_jitter_is_even_and_after_the_cap)
{
    wippyi_restart restart = restart_plain();
    uint64_t lowest = UINT64_MAX, highest = 0, sum = 0;
    restart.jitter_ppm = 100000;
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t delay = wippyi_restart_delay(&restart, 20, test_random());
        lowest = delay < lowest ? delay : lowest;
        highest = delay > highest ? delay : highest;
        sum += delay / 20000;
    }
    CHECK(lowest >= 81 * S && lowest < 82 * S);
    CHECK(highest <= 99 * S && highest > 98 * S);
    CHECK(sum > 89 * S && sum < 91 * S);
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 1, 0), 900 * MS);
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 1, 200000), 1100 * MS);
    CHECK_EQ_U64(wippyi_restart_delay(&restart, 1, 200001), 900 * MS);
}

TEST(test_backoff_attempts_count_failures_since_a_stable_run)
{
    wippyi_restart restart = restart_plain();
    uint32_t failures = 0;
    unsigned runs = 1;
    restart.max_attempts = 5;
    while (wippyi_restart_again(&restart, 5 * S, 1 * S, &failures)) {
        runs++;
    }
    CHECK_EQ_INT(runs, 5);
    CHECK_EQ_INT(failures, 5);
    failures = 4;
    CHECK(wippyi_restart_again(&restart, 5 * S, 5 * S, &failures)); /* a stable run: from 1 again */
    CHECK_EQ_INT(failures, 1);
    restart.max_attempts = 1;
    failures = 0;
    CHECK(!wippyi_restart_again(&restart, 5 * S, 0, &failures));
    restart.max_attempts = 0;
    failures = UINT32_MAX;
    CHECK(wippyi_restart_again(&restart, 5 * S, 0, &failures));
    CHECK_EQ_U64(failures, UINT32_MAX);
}

/* ------------------------------------------------------------------ lifecycle */

static wippy_result service_read(const char *kind, const char *text, wippyi_mem *mem,
                                 wippyi_service_config **out, literal *data, wippy_diag *diag)
{
    memset(diag, 0, sizeof(*diag));
    return wippyi_service_read(NULL, mem, NULL, "app:svc", kind, literal_make(data, text), out,
                               diag);
}

TEST(test_service_defaults)
{
    wippyi_mem mem;
    literal data;
    wippy_diag diag;
    wippyi_service_config *config = NULL;
    wippyi_mem_init(&mem, NULL);
    REQUIRE(service_read("process.service", "{process: 'p', host: 'other:h'}", &mem, &config, &data,
                         &diag) == WIPPY_OK);
    CHECK_STR(config->process, "app:p");
    CHECK_STR(config->host, "other:h");
    CHECK(!config->auto_start && !config->optional);
    CHECK_EQ_U64(config->start_timeout_ns, 10 * S);
    CHECK_EQ_U64(config->stop_timeout_ns, 10 * S);
    CHECK_EQ_U64(config->stable_ns, 5 * S);
    CHECK_EQ_U64(config->restart.initial_ns, 1 * S);
    CHECK_EQ_U64(config->restart.max_ns, 90 * S);
    CHECK_EQ_U64(config->restart.factor_milli, 2000);
    CHECK_EQ_U64(config->restart.jitter_ppm, 100000);
    CHECK_EQ_U64(config->restart.max_attempts, 0);
    CHECK_EQ_U64(config->requirement_count, 1);
    CHECK_STR(config->requirements[0].id, "other:h");
    wippyi_service_release(config);
    literal_free(&data);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

TEST(test_service_fields_and_aliases)
{
    wippyi_mem mem;
    literal data;
    wippy_diag diag;
    wippyi_service_config *config = NULL;
    char text[64];
    wippy_slice input;
    wippyi_mem_init(&mem, NULL);
    REQUIRE(service_read("process.service",
                         "{process: 'p', host: 'h', input: ['a', {b: 1}, 3],"
                         " lifecycle: {auto_start: true, startup: 'optional', requires: ['x', 'o:y'],"
                         " depends_on: ['z'], start_timeout: '1m', stop_timeout: '250ms',"
                         " stable_threshold: 0, restart: {delay: '2s', max_delay: '1h',"
                         " backoff_factor: 1.5, jitter: 0, max_attempts: 7}}}",
                         &mem, &config, &data, &diag) == WIPPY_OK);
    CHECK(config->auto_start && config->optional);
    CHECK_EQ_U64(config->start_timeout_ns, 60 * S);
    CHECK_EQ_U64(config->stop_timeout_ns, 250 * MS);
    CHECK_EQ_U64(config->stable_ns, 5 * S); /* zero is the default */
    CHECK_EQ_U64(config->restart.initial_ns, 2 * S);
    CHECK_EQ_U64(config->restart.max_ns, 3600 * S);
    CHECK_EQ_U64(config->restart.factor_milli, 1500);
    CHECK_EQ_U64(config->restart.jitter_ppm, 0); /* but an explicit zero jitter is none */
    CHECK_EQ_U64(config->restart.max_attempts, 7);
    CHECK_EQ_U64(config->requirement_count, 4);
    CHECK_STR(config->requirements[0].id, "app:h");
    CHECK_STR(config->requirements[1].id, "app:x");
    CHECK_STR(config->requirements[2].id, "o:y");
    CHECK_STR(config->requirements[3].id, "app:z");
    CHECK_EQ_U64(config->input_count, 3);
    CHECK_EQ_INT(wippy_value_check(config->input.data, config->input.size, 3), WIPPY_OK);
    input = config->input;
    wippy_value_to_text(input, text, sizeof(text));
    CHECK_STR(text, "\"a\", {\"b\": 1}, 3");
    wippyi_service_release(config);
    literal_free(&data);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

static void service_scenario(test_heap *heap, void *arg)
{
    wippy_allocator allocator;
    wippyi_mem mem;
    literal data;
    wippy_diag diag;
    wippyi_service_config *config = NULL;
    (void)arg;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&mem, &allocator);
    wippy_result result = service_read("process.service", "{process: 'p', host: 'h'}", &mem, &config,
                                       &data, &diag);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    wippyi_service_release(config);
    literal_free(&data);
}

TEST(test_service_without_memory_says_so)
{
    CHECK_EQ_U64(test_heap_sweep(service_scenario, NULL), 1);
}

/* ------------------------------------------------------------------ durations */

typedef struct duration_case {
    const char *text;
    int64_t ns;
    const char *written; /* NULL = as text */
} duration_case;

TEST(test_duration_text_both_ways)
{
    static const duration_case cases[] = {
        {"0s", 0, NULL},
        {"0", 0, "0s"},
        {"1ns", 1, NULL},
        {"2.5\xc2\xb5s", 2500, NULL},
        {"2.5us", 2500, "2.5\xc2\xb5s"},
        {"3\xce\xbcs", 3000, "3\xc2\xb5s"},
        {"100ms", 100000000, NULL},
        {"1.5s", 1500000000, NULL},
        {".5s", 500000000, "500ms"},
        {"5.s", 5000000000, "5s"},
        {"1h30m45s", 5445000000000, NULL},
        {"1h", 3600000000000, "1h0m0s"},
        {"1.5h", 5400000000000, "1h30m0s"},
        {"90s", 90000000000, "1m30s"},
        {"-10s", -10000000000, NULL},
        {"+1m", 60000000000, "1m0s"},
        {"1m1m", 120000000000, "2m0s"},
        {"0.3333333333333333333s", 333333333, "333.333333ms"},
        {"1.000000001s", 1000000001, NULL},
        {"2562047h47m16.854775807s", INT64_MAX, NULL},
        {"-2562047h47m16.854775808s", INT64_MIN, NULL}};
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        int64_t ns = -1;
        char text[WIPPY_DURATION_TEXT_MAX];
        CHECK_EQ_INT(wippy_duration_parse(cases[i].text, strlen(cases[i].text), &ns), WIPPY_OK);
        CHECK_EQ_INT(ns, cases[i].ns);
        size_t size = wippy_duration_text(cases[i].ns, text, sizeof(text));
        CHECK_STR(text, cases[i].written ? cases[i].written : cases[i].text);
        CHECK_EQ_U64(size, strlen(text));
    }
}

TEST(test_duration_malformed_or_too_large_is_refused)
{
    static const char *const bad[] = {"", "1", "s", "-", "1x", "1 s", " 1s", "1s ", ".s", "1..5s",
                                      "1.5.5s", "--1s", "1ss", "1hm", "ten", "1e3s"};
    int64_t ns = 77;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        CHECK_EQ_INT(wippy_duration_parse(bad[i], strlen(bad[i]), &ns), WIPPY_ERR_INVALID);
    }
    CHECK_EQ_INT(wippy_duration_parse("2562048h", 8, &ns), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_duration_parse("9223372036854775808ns", 21, &ns), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_duration_parse("99999999999999999999999s", 24, &ns), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_duration_parse("2562047h2562047h", 16, &ns), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_duration_parse(NULL, 0, &ns), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(ns, 77);
}

TEST(test_duration_any_number_survives_the_round_trip)
{
    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)(test_random() >> test_random_below(64));
        int64_t back = 0;
        char text[WIPPY_DURATION_TEXT_MAX];
        size_t size = wippy_duration_text(ns, text, sizeof(text));
        REQUIRE(size < sizeof(text));
        REQUIRE(wippy_duration_parse(text, size, &back) == WIPPY_OK);
        REQUIRE(back == ns);
    }
    char small[4];
    CHECK_EQ_U64(wippy_duration_text(90000000000, small, sizeof(small)), 5);
    CHECK_STR(small, "1m3");
    CHECK_EQ_U64(wippy_duration_text(1, NULL, 0), 3);
}

TEST_MAIN(TEST_ENTRY(test_backoff_doubles_up_to_the_cap),
          TEST_ENTRY(test_backoff_extreme_numbers_neither_overflow_nor_loop),
          TEST_ENTRY(test_backoff_jitter_is_even_and_after_the_cap),
          TEST_ENTRY(test_backoff_attempts_count_failures_since_a_stable_run),
          TEST_ENTRY(test_service_defaults), TEST_ENTRY(test_service_fields_and_aliases),
          TEST_ENTRY(test_service_without_memory_says_so),
          TEST_ENTRY(test_duration_text_both_ways),
          TEST_ENTRY(test_duration_malformed_or_too_large_is_refused),
          TEST_ENTRY(test_duration_any_number_survives_the_round_trip))
