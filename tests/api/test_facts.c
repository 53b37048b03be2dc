/* Small questions with one right answer: texts of results, clocks, logs, facts about the caller. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

TEST(test_results_have_names_kinds_and_texts)
{
#define RESULT(name, value, kind, text)                \
    CHECK_EQ_INT(WIPPY_##name, value);                 \
    CHECK_STR(wippy_result_name(WIPPY_##name), #name); \
    CHECK_STR(wippy_result_kind(WIPPY_##name), kind);  \
    CHECK_STR(wippy_result_text(WIPPY_##name), text);
    WIPPY_RESULTS(RESULT)
#undef RESULT
    CHECK_STR(wippy_result_name((wippy_result)-99), "unknown");
    CHECK_STR(wippy_result_kind((wippy_result)-99), "Internal");
    CHECK_STR(wippy_result_text((wippy_result)-99), "unknown result");
}

TEST(test_service_statuses_have_names)
{
    static const char *const names[] = {"unknown", "starting", "running", "stopping",
                                        "stopped", "failed",   "exited"};
    for (int i = 0; i <= WIPPY_SERVICE_EXITED; i++) {
        CHECK_STR(wippy_service_status_name((wippy_service_status)i), names[i]);
    }
    CHECK_STR(wippy_service_status_name((wippy_service_status)(WIPPY_SERVICE_EXITED + 1)), "unknown");
}

TEST(test_clocks_go_forward)
{
    core c;
    REQUIRE(core_open(&c, 0));
    uint64_t now = wippy_now_ns(c.rt);
    uint64_t up = wippy_uptime_ns(c.rt);
    while (wippy_now_ns(c.rt) == now) {
    }
    CHECK(wippy_now_ns(c.rt) > now);
    CHECK(wippy_uptime_ns(c.rt) > up);
    CHECK(up < now); /* counts from wippy_create() */
    CHECK(wippy_wall_ns(c.rt) > (int64_t)1600000000 * 1000000000);
    core_close(&c);
}

/* ------------------------------------------------------------------ log */

typedef struct heard {
    uint32_t count;
    wippy_log_level level;
    char logger[32];
    char message[2048];
    char entry[32];
    size_t field_bytes;
    wippy_pid pid;
} heard;

static void hear(const wippy_log_record *record, void *user_data)
{
    heard *h = (heard *)user_data;
    h->count++;
    h->level = record->level;
    h->pid = record->pid;
    h->field_bytes = record->fields.size;
    snprintf(h->logger, sizeof(h->logger), "%s", record->logger);
    snprintf(h->message, sizeof(h->message), "%s", record->message);
    snprintf(h->entry, sizeof(h->entry), "%s", record->entry);
}

TEST(test_log_passes_levels_above_the_lowest_and_long_messages_whole)
{
    heard h = {0};
    wippy_desc desc = {0};
    wippy_runtime *rt = NULL;
    wippy_slice none = {NULL, 0};
    wippy_slice fields = {"\x51", 1};
    char text[1501];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    desc.log_fn = hear;
    desc.log_user_data = &h;
    desc.log_level = WIPPY_LOG_INFO;
    REQUIRE(wippy_create(&rt, &desc) == WIPPY_OK);
    h.count = 0;
    wippy_log(wippy_outside(rt), WIPPY_LOG_DEBUG, "a.b", none, "not this");
    CHECK_EQ_INT(h.count, 0);
    wippy_log(wippy_outside(rt), WIPPY_LOG_WARN, NULL, fields, "%s %d", "seven", 7);
    CHECK_EQ_INT(h.count, 1);
    CHECK_EQ_INT(h.level, WIPPY_LOG_WARN);
    CHECK_STR(h.logger, "");
    CHECK_STR(h.message, "seven 7");
    CHECK_STR(h.entry, "");
    CHECK_EQ_INT(h.field_bytes, 1);
    CHECK_EQ_U64(h.pid.id, 0);
    wippy_log(wippy_outside(rt), WIPPY_LOG_INFO, "a.b", none, "%s", text);
    CHECK_STR(h.logger, "a.b");
    CHECK_STR(h.message, text);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

/* ------------------------------------------------------------------ the caller */

static wippy_status look(wippy_self *self, void *state)
{
    wippy_slice none = {NULL, 0};
    (void)state;
    CHECK_EQ_INT(wippy_self_memory_limit(self), 12345);
    CHECK(wippy_allowed(self, "anything", "at:all", none)); /* no actor, no scope, not strict */
    return wippy_done(self);
}

TEST(test_self_knows_the_limit_of_its_host_and_a_type_its_user_data)
{
    static int anchor;
    wippy_runtime *rt = NULL;
    wippy_host host;
    wippy_host_desc host_desc = {0};
    wippy_type type;
    wippy_type none = {0};
    wippy_type_desc type_desc = {0};
    wippy_spawn_desc spawn = {0};
    wippy_runtime_info info;
    REQUIRE(wippy_create(&rt, NULL) == WIPPY_OK);
    host_desc.name = "app:pump";
    host_desc.kind = WIPPY_HOST_PUMP;
    host_desc.memory_limit = 12345;
    REQUIRE(wippy_host_create(rt, &host_desc, &host) == WIPPY_OK);
    type_desc.name = "looker";
    type_desc.step = look;
    type_desc.user_data = &anchor;
    REQUIRE(wippy_type_register(rt, &type_desc, &type) == WIPPY_OK);
    CHECK(wippy_type_user_data(rt, type) == &anchor);
    CHECK(wippy_type_user_data(rt, none) == NULL);
    CHECK_EQ_INT(wippy_self_memory_limit(wippy_outside(rt)), 0);
    spawn.type = type;
    spawn.host = host;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(rt), &spawn, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_pump(rt, host, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_runtime_stats(rt, &info), WIPPY_OK);
    CHECK_EQ_U64(info.processes, 0);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST(test_send_values_too_many_values_is_invalid)
{
    core c;
    core_actor a = {0};
    static const uint8_t zeros[70000];
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_send_values(c.out, pid, c.topic, zeros, sizeof(zeros), 65536),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_values(c.out, pid, c.topic, zeros, 65535, 65535), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(a.count, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ YAML as a value */

TEST(test_yaml_read_gives_a_value_or_says_where_it_is_wrong)
{
    static const char good[] = "a: [1, two]\nb: {c: true}\n";
    static const char bad[] = "a: 1\nb: [1, 2\n";
    wippy_runtime *rt = NULL;
    wippy_writer out;
    wippy_slice value;
    wippy_diag diag;
    char text[128];
    REQUIRE(wippy_create(&rt, NULL) == WIPPY_OK);
    wippy_writer_init(&out, rt);
    CHECK_EQ_INT(wippy_yaml_read(rt, "good.yaml", good, sizeof(good) - 1, &out, NULL), WIPPY_OK);
    REQUIRE(wippy_writer_finish(&out, &value) == WIPPY_OK);
    wippy_value_to_text(value, text, sizeof(text));
    CHECK_STR(text, "{\"a\": [1, \"two\"], \"b\": {\"c\": true}}");
    memset(&diag, 0, sizeof(diag));
    CHECK_EQ_INT(wippy_yaml_read(rt, "bad.yaml", bad, sizeof(bad) - 1, &out, &diag),
                 WIPPY_ERR_SYNTAX);
    CHECK_STR(diag.file, "bad.yaml");
    CHECK(diag.line >= 2);
    CHECK_EQ_INT(wippy_writer_finish(&out, &value), WIPPY_OK); /* unchanged */
    CHECK_EQ_INT(out.count, 1);
    wippy_writer_free(&out);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST_MAIN(TEST_ENTRY(test_results_have_names_kinds_and_texts),
          TEST_ENTRY(test_service_statuses_have_names), TEST_ENTRY(test_clocks_go_forward),
          TEST_ENTRY(test_log_passes_levels_above_the_lowest_and_long_messages_whole),
          TEST_ENTRY(test_self_knows_the_limit_of_its_host_and_a_type_its_user_data),
          TEST_ENTRY(test_send_values_too_many_values_is_invalid),
          TEST_ENTRY(test_yaml_read_gives_a_value_or_says_where_it_is_wrong))
