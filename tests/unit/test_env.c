/* Environment: lines of a file, every kind of storage, variables, rights. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ lines */

typedef struct line_case {
    const char *content;
    const char *key;
    const char *value;
    const char *expected; /* NULL = refused */
} line_case;

static wippy_slice slice_of(const char *text)
{
    wippy_slice slice;
    slice.data = text;
    slice.size = strlen(text);
    return slice;
}

TEST(test_env_line_set_replaces_in_place_or_appends)
{
    static const line_case cases[] = {
        {"", "A", "1", "A=1\n"},
        {"A=0\n", "A", "1", "A=1\n"},
        {"A=0", "B", "2", "A=0\nB=2\n"},
        {"A=0\nB = old  # why\nA=2\n", "B", "new", "A=0\nB=new  # why\nA=2\n"},
        {"A=0\nA=2\n", "A", "1", "A=1\nA=2\n"},
        {"# A=0\n A = 0\n", "A", "1", "# A=0\nA=1\n"},
        {"A=# none\n", "A", "1", "A=1# none\n"},
        {"A=0\r\nB=1\r\n", "A", "5", "A=5\r\nB=1\r\n"},
        {"AB=0\n", "A", "1", "AB=0\nA=1\n"},
        {"A=0\n", "A", "", "A=\n"},
        {"A\n", "A", "1", "A\nA=1\n"},
        {"\tA\t=\t0\t\n", "A", "1", "A=1\t\n"},
        {" \t \n", "A", "1", " \t \nA=1\n"},
        {"", "A", "x ", NULL},
        {"", "A", "\tx", NULL},
        {"", "A ", "x", NULL},
        {"", "A#", "x", NULL},
        {"", "A\nB", "x", NULL},
        {"", "A", "x#y", NULL},
        {"", "A", "x\ny", NULL},
        {"", "A", " x", NULL},
        {"", "A=B", "x", NULL},
        {"", "", "x", NULL}};
    wippyi_mem mem;
    wippyi_mem_init(&mem, NULL);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        char *out = NULL;
        size_t size = 0;
        wippy_result result =
            wippyi_env_line_set(&mem, slice_of(cases[i].content), slice_of(cases[i].key),
                                slice_of(cases[i].value), &out, &size);
        if (!cases[i].expected) {
            CHECK_EQ_INT(result, WIPPY_ERR_INVALID);
            continue;
        }
        REQUIRE(result == WIPPY_OK);
        if (size != strlen(cases[i].expected) || memcmp(out, cases[i].expected, size) != 0) {
            FAIL("case %zu gives \"%.*s\"", i, (int)size, out);
        }
        wippyi_mem_free(&mem, out, size);
    }
}

TEST(test_env_line_read_trims_and_skips_comments)
{
    const char *text = "A=1\n  B  =  two words # c\n#C=3\n\nD\nE=\nF=x=y";
    const char *end = text + strlen(text);
    const char *expected[] = {"A", "1", "B", "two words", "", "", "", "", "", "", "E", "", "F",
                              "x=y"};
    wippyi_env_line line;
    size_t count = 0;
    for (const char *at = text; wippyi_env_line_read(at, end, &line); at = line.next, count++) {
        REQUIRE(count < 7);
        CHECK(wippyi_env_same(line.key, slice_of(expected[count * 2])));
        if (line.key.size > 0) {
            CHECK(wippyi_env_same(line.value, slice_of(expected[count * 2 + 1])));
        }
    }
    CHECK_EQ_U64(count, 7);
}

/* ------------------------------------------------------------------ storages and variables */

static const char *env_get(kit *k, const char *key, wippy_result expected)
{
    static char text[256];
    wippy_diag diag;
    size_t size = 0;
    memset(&diag, 0, sizeof(diag));
    text[0] = '\0';
    wippy_result result = wippy_env_get(wippy_outside(k->rt), key, text, sizeof(text), &size, &diag);
    if (result != expected) {
        FAIL("get %s gives %d (%s), expected %d", key, (int)result, diag.message, (int)expected);
    }
    return result == WIPPY_OK ? text : "";
}

static wippy_result env_set(kit *k, const char *key, const char *value)
{
    return wippy_env_set(wippy_outside(k->rt), key, value, NULL);
}

static const char env_static[] =
    "namespace: app\n"
    "entries:\n"
    "  - {name: mem, kind: env.storage.memory}\n"
    "  - {name: fixed, kind: env.storage.static, values: {HOME_PAGE: 'x.org', PORT: 8080, S: ''}}\n"
    "  - {name: os, kind: env.storage.os}\n"
    "  - {name: both, kind: env.storage.router, storages: [app:mem, fixed]}\n"
    "  - {name: level, kind: env.variable, variable: LEVEL, storage: app:mem, default: info}\n"
    "  - {name: port, kind: env.variable, variable: PORT, storage: app:fixed}\n"
    "  - {name: number, kind: env.variable, variable: NUMBER, storage: app:mem, default: 42}\n"
    "  - {name: locked, kind: env.variable, variable: LOCKED, storage: app:mem, read_only: true}\n"
    "  - {name: hidden, kind: env.variable, storage: app:mem}\n"
    "  - {name: empty, kind: env.variable, variable: S, storage: app:fixed}\n"
    "  - {name: path, kind: env.variable, variable: WIPPY_TEST_ENV, storage: app:os}\n"
    "  - {name: page, kind: env.variable, variable: HOME_PAGE, storage: app:both}\n";

static bool env_load(kit *k, const char *text)
{
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_load_text(k->rt, "env.yaml", text, strlen(text), &diag);
    if (result != WIPPY_OK) {
        FAIL("load gives %d: %s %s", (int)result, diag.file, diag.message);
    }
    return result == WIPPY_OK;
}

TEST(test_env_get_and_set_over_all_storages)
{
    kit k;
    wippy_diag diag;
    char text[8];
    size_t size = 0;
    setenv("WIPPY_TEST_ENV", "from the system", 1);
    REQUIRE(kit_open(&k));
    REQUIRE(env_load(&k, env_static));
    CHECK_STR(env_get(&k, "LEVEL", WIPPY_OK), "info");
    CHECK_EQ_INT(env_set(&k, "LEVEL", "debug"), WIPPY_OK);
    CHECK_STR(env_get(&k, "LEVEL", WIPPY_OK), "debug");
    CHECK_STR(env_get(&k, "app:level", WIPPY_OK), "debug");
    CHECK_EQ_INT(env_set(&k, "LEVEL", ""), WIPPY_OK);
    CHECK_STR(env_get(&k, "LEVEL", WIPPY_OK), "info");
    CHECK_STR(env_get(&k, "PORT", WIPPY_OK), "8080");
    CHECK_EQ_INT(env_set(&k, "PORT", "1"), WIPPY_ERR_DENIED);
    CHECK_STR(env_get(&k, "NUMBER", WIPPY_OK), "42");
    env_get(&k, "LOCKED", WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(env_set(&k, "LOCKED", "1"), WIPPY_ERR_DENIED);
    env_get(&k, "hidden", WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(env_set(&k, "app:hidden", "seen"), WIPPY_OK);
    CHECK_STR(env_get(&k, "app:hidden", WIPPY_OK), "seen");
    env_get(&k, "S", WIPPY_ERR_NOTFOUND);
    CHECK_STR(env_get(&k, "WIPPY_TEST_ENV", WIPPY_OK), "from the system");
    CHECK_EQ_INT(env_set(&k, "WIPPY_TEST_ENV", "x"), WIPPY_ERR_DENIED);
    env_get(&k, "PATH", WIPPY_ERR_NOTFOUND); /* not declared */
    CHECK_EQ_INT(wippy_env_get(wippy_outside(k.rt), "", NULL, 0, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "empty key");
    /* reads: the first that has it; writes: the first storage only, visible at once */
    CHECK_STR(env_get(&k, "HOME_PAGE", WIPPY_OK), "x.org");
    CHECK_EQ_INT(env_set(&k, "HOME_PAGE", "y.org"), WIPPY_OK);
    CHECK_STR(env_get(&k, "HOME_PAGE", WIPPY_OK), "y.org");
    CHECK_EQ_INT(wippy_env_get(wippy_outside(k.rt), "HOME_PAGE", text, 3, &size, NULL), WIPPY_OK);
    CHECK_STR(text, "y.");
    CHECK_EQ_U64(size, 5);
    kit_close(&k);
}

TEST(test_env_all_holds_raw_names_of_every_storage)
{
    kit k;
    wippy_writer w;
    wippy_slice all;
    setenv("WIPPY_TEST_ENV", "from the system", 1);
    REQUIRE(kit_open(&k));
    REQUIRE(env_load(&k, env_static));
    CHECK_EQ_INT(env_set(&k, "LEVEL", "debug"), WIPPY_OK);
    CHECK_EQ_INT(env_set(&k, "app:hidden", "seen"), WIPPY_OK);
    wippy_writer_init(&w, k.rt);
    CHECK_EQ_INT(wippy_env_all(wippy_outside(k.rt), &w), WIPPY_OK);
    REQUIRE(wippy_writer_finish(&w, &all) == WIPPY_OK);
    CHECK(wippyi_bytes_is(wippy_value_string(all, "LEVEL", ""), "debug"));
    CHECK(wippyi_bytes_is(wippy_value_string(all, "hidden", ""), "seen"));
    CHECK(wippyi_bytes_is(wippy_value_string(all, "PORT", ""), "8080"));
    CHECK(wippyi_bytes_is(wippy_value_string(all, "WIPPY_TEST_ENV", ""), "from the system"));
    CHECK_EQ_U64(wippy_value_string(all, "NUMBER", "").size, 0);
    wippy_writer_free(&w);
    /* a name that two storages have stands there once, with the value of the first of them */
    CHECK_EQ_INT(env_set(&k, "HOME_PAGE", "y.org"), WIPPY_OK);
    wippy_writer_init(&w, k.rt);
    CHECK_EQ_INT(wippy_env_all(wippy_outside(k.rt), &w), WIPPY_OK);
    REQUIRE(wippy_writer_finish(&w, &all) == WIPPY_OK);
    CHECK(wippyi_bytes_is(wippy_value_string(all, "HOME_PAGE", ""), "x.org"));
    wippy_value_iter it;
    int pages = 0;
    for (wippy_value_each(all, &it); wippy_value_next(&it);) {
        pages += wippyi_bytes_is(it.name, "HOME_PAGE") ? 1 : 0;
    }
    CHECK_EQ_INT(pages, 1);
    wippy_writer_free(&w);
    kit_close(&k);
}

TEST(test_env_file_storage_keeps_comments_and_creates_what_is_missing)
{
    kit k;
    char text[1024];
    char path[200];
    char *content = NULL;
    size_t size = 0;
    struct stat info;
    char directory[] = "/tmp/wippy_env_XXXXXX";
    REQUIRE(mkdtemp(directory) != NULL);
    REQUIRE(kit_open(&k));
    snprintf(path, sizeof(path), "%s/deep/er/app.env", directory);
    snprintf(text, sizeof(text),
             "namespace: app\n"
             "entries:\n"
             "  - {name: file, kind: env.storage.file, file_path: '%s', auto_create: true,"
             " file_mode: 0600, dir_mode: 0700}\n"
             "  - {name: never, kind: env.storage.file, file_path: '%s/no.env'}\n"
             "  - {name: a, kind: env.variable, variable: A, storage: app:file}\n"
             "  - {name: n, kind: env.variable, variable: N, storage: app:never, default: d}\n",
             path, directory);
    REQUIRE(env_load(&k, text));
    env_get(&k, "A", WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(env_set(&k, "A", "one"), WIPPY_OK);
    CHECK_STR(env_get(&k, "A", WIPPY_OK), "one");
    REQUIRE(stat(path, &info) == 0);
    CHECK_EQ_INT(info.st_mode & 0777, 0600);
    FILE *file = fopen(path, "w");
    REQUIRE(file != NULL);
    fputs("# head\nA = old # keep\nB=2\n", file);
    fclose(file);
    CHECK_STR(env_get(&k, "A", WIPPY_OK), "old");
    CHECK_EQ_INT(env_set(&k, "A", "new"), WIPPY_OK);
    CHECK_EQ_INT(env_set(&k, "A", "with # sign"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_file_read(wippyi_runtime_mem(k.rt), path, 1000, &content, &size, NULL),
                 WIPPY_OK);
    CHECK_STR(content, "# head\nA=new # keep\nB=2\n");
    wippyi_mem_free(wippyi_runtime_mem(k.rt), content, size + 1);
    CHECK_STR(env_get(&k, "N", WIPPY_OK), "d");
    CHECK_EQ_INT(env_set(&k, "N", "x"), WIPPY_ERR_NOTFOUND);
    kit_close(&k);
    remove(path);
    snprintf(text, sizeof(text), "%s/deep/er", directory);
    rmdir(text);
    snprintf(text, sizeof(text), "%s/deep", directory);
    rmdir(text);
    rmdir(directory);
}

TEST(test_env_malformed_entries_are_refused)
{
    static const kit_wish bad[] = {
        {'+', "app:v", "env.variable", "", "{'variable': 'A'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'A-B', 'storage': 'app:mem'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'LEVEL', 'storage': 'app:mem'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'A', 'storage': 'app:level'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'A', 'storage': 'app:none'}"},
        {'+', "app:v", "env.variable", "", "{'storage': 'app:mem', 'default': [1]}"},
        {'+', "app:v", "env.variable", "", "{'storage': 'app:mem', 'default': {}}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'A@', 'storage': 'app:mem'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'A[', 'storage': 'app:mem'}"},
        {'+', "app:v", "env.variable", "", "{'variable': 'a{', 'storage': 'app:mem'}"},
        {'+', "app:v", "env.storage.router", "", "{'storages': []}"},
        {'+', "app:v", "env.storage.router", "", "{'storages': ['app:none']}"},
        {'+', "app:v", "env.storage.file", "", ""},
        {'+', "app:v", "env.storage.static", "", "{'values': 1}"}};
    kit k;
    wippy_diag diag;
    REQUIRE(kit_open(&k));
    REQUIRE(env_load(&k, env_static));
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        memset(&diag, 0, sizeof(diag));
        wippy_result result = kit_apply(&k, &bad[i], 1, NULL, &diag);
        CHECK(result == WIPPY_ERR_INVALID || result == WIPPY_ERR_NOTFOUND ||
              result == WIPPY_ERR_EXISTS);
        CHECK(diag.message[0] != '\0');
    }
    kit_close(&k);
}

TEST(test_env_questions_at_their_edges)
{
    kit k;
    char text[4] = "xyz";
    size_t size = 0;
    wippy_diag diag;
    REQUIRE(kit_open(&k));
    REQUIRE(env_load(&k, "namespace: app\n"
                         "entries:\n"
                         "  - {name: mem, kind: env.storage.memory}\n"
                         "  - {name: fixed, kind: env.storage.static, values: {LIST: [1, {a: b}], NONE: ~, "
                         "ON: true, HALF: 0.5}}\n"
                         "  - {name: nothing, kind: env.storage.static}\n"
                         "  - {name: all, kind: env.storage.router, storages: [mem, fixed, nothing]}\n"
                         "  - {name: v1, kind: env.variable, variable: LIST, storage: fixed}\n"
                         "  - {name: v2, kind: env.variable, variable: NONE, storage: all}\n"
                         "  - {name: v3, kind: env.variable, variable: ON, storage: all}\n"
                         "  - {name: v4, kind: env.variable, variable: Az09_, storage: all, default: 2.5}\n"
                         "  - {name: v5, kind: env.variable, variable: HALF, storage: fixed, default: true}\n"));
    wippy_self *out = wippy_outside(k.rt);
    CHECK_EQ_INT(wippy_env_get(out, NULL, text, sizeof(text), &size, &diag), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_env_get(out, "", text, sizeof(text), &size, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "empty key");
    CHECK_EQ_INT(wippy_env_set(out, "", "x", NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_env_set(out, "ON", NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(text, "xyz");
    CHECK_EQ_INT(wippy_env_get(out, "ON", text, sizeof(text), &size, NULL), WIPPY_OK);
    CHECK_STR(text, "tru"); /* cut, and the size is that of all */
    CHECK_EQ_U64(size, 4);
    CHECK_EQ_INT(wippy_env_get(out, "ON", NULL, 0, &size, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_env_get(out, "ON", text, 1, NULL, NULL), WIPPY_OK);
    CHECK_STR(text, "");
    env_get(&k, "NONE", WIPPY_ERR_NOTFOUND); /* nothing is none */
    CHECK_STR(env_get(&k, "LIST", WIPPY_OK), "[1, {\"a\": \"b\"}]");
    CHECK_STR(env_get(&k, "Az09_", WIPPY_OK), "2.5");
    CHECK_STR(env_get(&k, "HALF", WIPPY_OK), "0.5");
    CHECK_EQ_INT(env_set(&k, "Az09_", ""), WIPPY_OK);
    CHECK_STR(env_get(&k, "Az09_", WIPPY_OK), "2.5"); /* so the default holds */
    CHECK(env_set(&k, "LIST", "x") != WIPPY_OK); /* static */
    kit_close(&k);
}

TEST(test_env_files_get_the_permissions_that_are_asked_for)
{
    static const struct {
        const char *asked;
        int mode;
    } rows[] = {{"\"0640\"", 0640}, {"\"600\"", 0600}, {"\"rw\"", 0644}, {"0", 0644}, {"\"6008\"", 0600}};
    char directory[] = "/tmp/wippy_env_XXXXXX";
    mode_t mask = umask(0);
    REQUIRE(mkdtemp(directory) != NULL);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char text[512];
        char path[200];
        struct stat info;
        kit k;
        REQUIRE(kit_open(&k));
        snprintf(path, sizeof(path), "%s/mode%zu.env", directory, i);
        snprintf(text, sizeof(text),
                 "namespace: app\nentries:\n"
                 "  - {name: file, kind: env.storage.file, file_path: '%s', auto_create: true, "
                 "file_mode: %s}\n"
                 "  - {name: a, kind: env.variable, variable: A, storage: app:file}\n",
                 path, rows[i].asked);
        REQUIRE(env_load(&k, text));
        CHECK_EQ_INT(env_set(&k, "A", "1"), WIPPY_OK);
        REQUIRE(stat(path, &info) == 0);
        CHECK_EQ_INT(info.st_mode & 07777, rows[i].mode);
        kit_close(&k);
        remove(path);
    }
    umask(mask);
    rmdir(directory);
}

TEST(test_env_routers_in_a_circle_end)
{
    kit k;
    REQUIRE(kit_open(&k));
    REQUIRE(env_load(&k, "namespace: app\n"
                         "entries:\n"
                         "  - {name: mem, kind: env.storage.memory}\n"
                         "  - {name: r, kind: env.storage.router, storages: [app:s]}\n"
                         "  - {name: s, kind: env.storage.router, storages: [app:r]}\n"
                         "  - {name: v, kind: env.variable, variable: V, storage: app:r}\n"));
    env_get(&k, "V", WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(env_set(&k, "V", "1"), WIPPY_ERR_LIMIT);
    kit_close(&k);
}

static void env_scenario(test_heap *heap, void *arg)
{
    kit k;
    wippy_desc desc;
    char text[32];
    (void)arg;
    memset(&k, 0, sizeof(k));
    memset(&desc, 0, sizeof(desc));
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = heap;
    uint64_t fail_at = TEST_ATOMIC_LOAD(&heap->fail_at);
    bool for_ever = heap->fail_for_ever;
    test_heap_fail(heap, 0, false);
    REQUIRE(wippy_create(&k.rt, &desc) == WIPPY_OK);
    if (wippy_load_text(k.rt, "e", env_static, sizeof(env_static) - 1, NULL) == WIPPY_OK) {
        test_heap_fail(heap, fail_at, for_ever);
        wippy_result result = env_set(&k, "LEVEL", "debug");
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        result = wippy_env_get(wippy_outside(k.rt), "HOME_PAGE", text, sizeof(text), NULL, NULL);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        const kit_wish wish = {'+', "app:more", "env.variable", "",
                               "{'variable': 'MORE', 'storage': 'app:mem', 'default': 'x'}"};
        result = kit_apply(&k, &wish, 1, NULL, NULL);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        uint64_t refused = TEST_ATOMIC_LOAD(&heap->refused_count);
        test_heap_fail(heap, 0, false);
        TEST_ATOMIC_STORE(&heap->refused_count, refused);
        wippy_result read = wippy_env_get(wippy_outside(k.rt), "MORE", NULL, 0, NULL, NULL);
        CHECK_EQ_INT(read, result == WIPPY_OK ? WIPPY_OK : WIPPY_ERR_NOTFOUND);
    }
    CHECK_EQ_INT(wippy_destroy(k.rt), WIPPY_OK);
}

TEST(test_env_without_memory_changes_nothing)
{
    CHECK(test_heap_sweep(env_scenario, NULL) > 5);
}

TEST_MAIN(TEST_ENTRY(test_env_line_set_replaces_in_place_or_appends),
          TEST_ENTRY(test_env_line_read_trims_and_skips_comments),
          TEST_ENTRY(test_env_get_and_set_over_all_storages),
          TEST_ENTRY(test_env_all_holds_raw_names_of_every_storage),
          TEST_ENTRY(test_env_file_storage_keeps_comments_and_creates_what_is_missing),
          TEST_ENTRY(test_env_malformed_entries_are_refused),
          TEST_ENTRY(test_env_questions_at_their_edges),
          TEST_ENTRY(test_env_files_get_the_permissions_that_are_asked_for),
          TEST_ENTRY(test_env_routers_in_a_circle_end),
          TEST_ENTRY(test_env_without_memory_changes_nothing))
