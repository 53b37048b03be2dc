/* Text form of pids, and everything that is not one. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static const char *text_of(core *c, wippy_pid pid)
{
    static char text[256];
    size_t length = wippy_pid_text(c->rt, pid, text, sizeof(text));
    CHECK_EQ_U64(length, strlen(text));
    return text;
}

TEST(test_pid_first_uses_print_small_numbers)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_pid none = {0};
    REQUIRE(core_open(&c, 0));
    CHECK_STR(text_of(&c, core_spawn(&c, &a)), "{app:main|0x00001}");
    CHECK_STR(text_of(&c, core_spawn(&c, &b)), "{app:main|0x00002}");
    CHECK_STR(text_of(&c, none), "");
    core_close(&c);
}

TEST(test_pid_label_replaces_the_host_in_print)
{
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_pid pid = {0};
    wippy_pid parsed = {0};
    REQUIRE(core_open(&c, 0));
    core_spawn_desc(&c, &at, &desc);
    desc.label = "app:fn#lua.1";
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, NULL), WIPPY_OK);
    CHECK_STR(text_of(&c, pid), "{app:fn#lua.1|0x00001}");
    CHECK_EQ_INT(wippy_pid_parse(c.rt, "{app:fn#lua.1|0x00001}", 22, &parsed, NULL), WIPPY_OK);
    CHECK_EQ_U64(parsed.id, pid.id);
    wippy_process_info info;
    CHECK_EQ_INT(wippy_process_stats(c.rt, pid, &info), WIPPY_OK);
    CHECK_EQ_INT(info.host.id, c.host.id);
    core_close(&c);
}

TEST(test_pid_text_is_cut_to_the_room)
{
    core c;
    core_actor a = {0};
    char text[8] = "xxxxxxx";
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    wippy_pid none = {0};
    CHECK_EQ_U64(wippy_pid_text(c.rt, pid, text, 5), 18);
    CHECK_STR(text, "{app");
    CHECK_EQ_U64(wippy_pid_text(c.rt, pid, NULL, 0), 18);
    CHECK_EQ_U64(wippy_pid_text(c.rt, none, NULL, 0), 0);
    core_close(&c);
}

TEST(test_pid_text_and_parse_agree)
{
    core c;
    REQUIRE(core_open(&c, 0));
    uint64_t last = 0;
    for (int i = 0; i < 300; i++) {
        core_actor a = {0};
        wippy_pid parsed = {0};
        wippy_pid pid = core_spawn(&c, &a);
        const char *text = text_of(&c, pid);
        CHECK_EQ_INT(wippy_pid_parse(c.rt, text, strlen(text), &parsed, NULL), WIPPY_OK);
        CHECK_EQ_U64(parsed.id, pid.id);
        CHECK(pid.id != last);
        last = pid.id;
        wippy_terminate(c.out, pid);
        core_run(&c);
        CHECK_EQ_INT(wippy_pid_parse(c.rt, text, strlen(text), &parsed, NULL), WIPPY_OK);
        CHECK(!wippy_alive(c.rt, parsed)); /* well formed, but gone */
    }
    core_close(&c);
}

TEST(test_pid_parse_rows)
{
    static const struct {
        const char *text;
        wippy_result result;
        const char *message;
        uint64_t number;
    } rows[] = {
        {"", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"{}", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"{", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"app:main|0x00001", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"{app:main|0x00001", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"app:main|0x00001}", WIPPY_ERR_INVALID, "invalid pid format: missing braces", 0},
        {"{app:main}", WIPPY_ERR_INVALID, "invalid pid format: missing pipe", 0},
        {"{x}", WIPPY_ERR_INVALID, "invalid pid format: missing pipe", 0},
        {"{|}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|1}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0x}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0xg}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0x00000}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0x1000000}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0xffffffffffffffff}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0x11111111111111111}", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:main|0x00001 }", WIPPY_ERR_INVALID, "invalid pid format: bad number", 0},
        {"{app:other|0x00001}", WIPPY_ERR_NOTFOUND, "host not found", 0},
        {"{|0x00001}", WIPPY_ERR_NOTFOUND, "host not found", 0},
        {"{app:main|0x00001}", WIPPY_OK, "", 1},
        {"{app:main|0x1}", WIPPY_OK, "", 1},
        {"{app:main|0x0000000000000001}", WIPPY_OK, "", 1},
        {"{node@app:main|0x00001}", WIPPY_OK, "", 1},
        {"{@app:main|0x00001}", WIPPY_OK, "", 1},
        {"{app:main|something|0x00001}", WIPPY_OK, "", 1},
    };
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        size_t bytes = strlen(rows[i].text);
        char *exact = (char *)malloc(bytes + 1); /* so that a read too far is seen */
        wippy_pid pid = {99};
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        memcpy(exact, rows[i].text, bytes);
        if (!CHECK_EQ_INT(wippy_pid_parse(c.rt, exact, bytes, &pid, &diag), rows[i].result)) {
            FAIL("%s", rows[i].text);
        }
        CHECK_STR(diag.message, rows[i].message);
        CHECK_EQ_U64(pid.id, rows[i].number == 1 ? one.id : 99);
        CHECK_EQ_INT(wippy_pid_parse(c.rt, exact, bytes, &pid, NULL), rows[i].result);
        free(exact);
    }
    core_close(&c);
}

TEST(test_pid_parse_of_random_bytes_is_safe)
{
    static const char letters[] = "{}|@0x1fapp:main \377";
    core c;
    REQUIRE(core_open(&c, 0));
    for (unsigned i = 0; i < test_scale(20000); i++) {
        char text[24];
        wippy_pid pid;
        size_t bytes = test_random_below(24);
        for (size_t k = 0; k < bytes; k++) {
            text[k] = letters[test_random_below(sizeof(letters) - 1)];
        }
        (void)wippy_pid_parse(c.rt, text, bytes, &pid, NULL);
    }
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_pid_first_uses_print_small_numbers),
          TEST_ENTRY(test_pid_label_replaces_the_host_in_print),
          TEST_ENTRY(test_pid_text_is_cut_to_the_room), TEST_ENTRY(test_pid_text_and_parse_agree),
          TEST_ENTRY(test_pid_parse_rows), TEST_ENTRY(test_pid_parse_of_random_bytes_is_safe))
