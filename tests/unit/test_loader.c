/* Documents, overrides, lock files and the walk over a project, with real files below build/. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

#include <sys/stat.h>

/* ------------------------------------------------------------------ a project on disk */

#define PROJECT_ROOM 512

static char project[PROJECT_ROOM]; /* directory of the running test */

static void make_directories(const char *path)
{
    char part[PROJECT_ROOM];
    for (size_t i = 1; path[i] != '\0' && i < sizeof(part); i++) {
        if (path[i] == '/') {
            memcpy(part, path, i);
            part[i] = '\0';
            mkdir(part, 0755);
        }
    }
}

static void put_file(const char *name, const char *text)
{
    char path[PROJECT_ROOM * 2];
    snprintf(path, sizeof(path), "%s/%s", project, name);
    make_directories(path);
    FILE *file = fopen(path, "wb");
    if (CHECK(file != NULL)) {
        fwrite(text, 1, strlen(text), file);
        fclose(file);
    }
}

/* An empty directory of its own for each test. */
static void begin_project(const char *name)
{
    char command[PROJECT_ROOM * 2];
    const char *top = getenv("BUILD");
    snprintf(project, sizeof(project), "%s/test-loader/%s", top != NULL ? top : "build", name);
    snprintf(command, sizeof(command), "rm -rf '%s'", project);
    CHECK_EQ_INT(system(command), 0);
    put_file(".keep", "");
}

static wippy_result load_with(kit *k, const wippy_project_desc *wanted, wippy_diag *diag)
{
    wippy_project_desc desc = *wanted;
    desc.directory = project;
    return wippy_load_project(k->rt, &desc, diag);
}

static wippy_result load_plain(kit *k, wippy_diag *diag)
{
    wippy_project_desc desc;
    memset(&desc, 0, sizeof(desc));
    return load_with(k, &desc, diag);
}

/* JSON of an entry's meta and data: "{...} {...}". */
static const char *shown(kit *k, const char *id)
{
    static char text[2048];
    wippy_entry *entry = NULL;
    if (wippy_entry_get(k->rt, id, &entry) != WIPPY_OK) {
        return "none";
    }
    size_t size = wippy_value_to_text(wippy_entry_meta(entry), text, sizeof(text));
    text[size] = ' ';
    wippy_value_to_text(wippy_entry_data(entry), text + size + 1, sizeof(text) - size - 1);
    wippy_entry_release(k->rt, entry);
    return text;
}

/* ------------------------------------------------------------------ documents */

static wippy_result read_text(kit *k, const char *text, wippy_diag *diag)
{
    return wippy_load_text(k->rt, "doc.yaml", text, strlen(text), diag);
}

TEST(test_document_entries_get_meta_and_data)
{
    kit k;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(read_text(&k,
                           "version: \"1.0\"\n"
                           "namespace: app.area\n"
                           "meta: {team: core, level: 1}\n"
                           "entries:\n"
                           "  - name: one\n"
                           "    kind: registry.entry\n"
                           "    meta:\n"
                           "      level: 2\n"
                           "      tags: [a, b]\n"
                           "    size: 3\n"
                           "    nested:\n"
                           "      deep: true\n"
                           "  - name: two.x\n"
                           "    kind: registry.entry\n"
                           "    other: dropped\n"
                           "    data: [1, two, 3.5]\n"
                           "  - name: three\n"
                           "    kind: registry.entry\n"
                           "    meta:\n",
                           NULL),
                 WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app.area:one app.area:two.x app.area:three");
    CHECK_STR(shown(&k, "app.area:one"),
              "{\"level\": 2, \"tags\": [\"a\", \"b\"], \"team\": \"core\"} "
              "{\"size\": 3, \"nested\": {\"deep\": true}}");
    CHECK_STR(shown(&k, "app.area:two.x"), "{\"team\": \"core\", \"level\": 1} [1, \"two\", 3.5]");
    CHECK_STR(shown(&k, "app.area:three"), "{\"team\": \"core\", \"level\": 1} {}");
    wippy_entry *entry = NULL;
    uint32_t line = 0;
    CHECK_EQ_INT(wippy_entry_get(k.rt, "app.area:two.x", &entry), WIPPY_OK);
    CHECK_STR(wippy_entry_file(entry, &line), "doc.yaml");
    CHECK_EQ_INT(line, 13);
    wippy_entry_release(k.rt, entry);
    kit_close(&k);
}

TEST(test_document_single_entry_and_json)
{
    kit k;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(read_text(&k,
                           "version: \"1.0\"\nnamespace: app\nname: solo\nkind: registry.entry\n"
                           "meta: {a: 1}\nvalue: x\n",
                           NULL),
                 WIPPY_OK);
    CHECK_STR(shown(&k, "app:solo"), "{\"a\": 1} {\"value\": \"x\"}");
    CHECK_EQ_INT(
        read_text(&k,
                  "{\"namespace\": \"app\",\n \"entries\": [\n"
                  "  {\"name\": \"j\", \"kind\": \"registry.entry\", \"n\": null}\n ]\n}\n",
                  NULL),
        WIPPY_OK);
    CHECK_STR(shown(&k, "app:j"), "{} {\"n\": null}");
    CHECK_EQ_INT(read_text(&k, "namespace: app\nentries: []\n", NULL), WIPPY_OK);
    CHECK_EQ_INT(read_text(&k, "namespace: app\nentries:\n", NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    kit_close(&k);
}

typedef struct bad_document {
    const char *text;
    wippy_result result;
    const char *message;
    uint32_t line;
} bad_document;

TEST(test_document_wrong_ones_say_where_and_what)
{
    static const bad_document bad[] = {
        {"entries: []\n", WIPPY_ERR_INVALID, "namespace is missing", 1},
        {"- a\n", WIPPY_ERR_INVALID, "namespace is missing", 1},
        {"namespace: 5\n", WIPPY_ERR_INVALID, "namespace is an integer", 1},
        {"namespace: \"\"\n", WIPPY_ERR_INVALID, "expected text that is not empty", 1},
        {"namespace: app\n", WIPPY_ERR_INVALID, "neither entries nor name and kind", 1},
        {"namespace: app\nentries: 5\n", WIPPY_ERR_INVALID, "expected a sequence", 2},
        {"namespace: app\nentries:\n  - 5\n", WIPPY_ERR_INVALID, "expected a map", 3},
        {"namespace: app\nentries:\n  - kind: x\n", WIPPY_ERR_INVALID, "name is missing", 3},
        {"namespace: app\nentries:\n  - name: x\n", WIPPY_ERR_INVALID, "kind is missing", 3},
        {"namespace: app\nname: x\n", WIPPY_ERR_INVALID, "kind is missing", 1},
        {"namespace: app\nentries:\n  - name: x\n    kind: \"\"\n", WIPPY_ERR_INVALID,
         "kind is a string, expected text that is not empty", 4},
        {"namespace: app\nentries:\n  - name: 7\n    kind: k\n", WIPPY_ERR_INVALID, "name is an",
         3},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    meta: 1\n", WIPPY_ERR_INVALID,
         "meta is an integer, expected a map", 5},
        {"namespace: app\nmeta: 1\nentries: []\n", WIPPY_ERR_INVALID, "expected a map", 2},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: file://\n", WIPPY_ERR_INVALID,
         "file:// without a path", 5},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: [file:///]\n",
         WIPPY_ERR_INVALID, "file:// without a path", 5},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: file://../x\n",
         WIPPY_ERR_DENIED, "leads out of", 5},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: file://no/such/file\n",
         WIPPY_ERR_NOTFOUND, "no such file", 5},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: \"file://a\\0b\"\n",
         WIPPY_ERR_INVALID, "file:// without a path", 5},
        {"namespace: app\nentries:\n  - name: \"x\\0y\"\n    kind: k\n", WIPPY_ERR_INVALID,
         "name is", 3},
        {"namespace: app\nentries:\n  - name: x\n    kind: k\n    s: file://..\n",
         WIPPY_ERR_DENIED, "leads out of", 5},
        {"namespace: app\nkind: x\n", WIPPY_ERR_INVALID, "name is missing", 1},
        {"namespace: app\nentries:\n  - name: x\n   kind: k\n", WIPPY_ERR_SYNTAX, "", 4}};
    kit k;
    REQUIRE(kit_open(&k));
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        CHECK_EQ_INT(read_text(&k, bad[i].text, &diag), bad[i].result);
        CHECK_EQ_INT(diag.code, bad[i].result);
        CHECK_HAS(diag.message, bad[i].message);
        if (!CHECK_EQ_INT(diag.line, bad[i].line)) {
            printf("  in: %s\n", bad[i].text);
        }
        CHECK_STR(diag.file, "doc.yaml");
        CHECK_EQ_INT(read_text(&k, bad[i].text, NULL), bad[i].result);
    }
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

TEST(test_document_second_entry_of_an_id_counts)
{
    kit k;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(read_text(&k,
                           "namespace: app\nentries:\n"
                           "  - {name: a, kind: registry.entry, n: 1}\n"
                           "  - {name: b, kind: registry.entry}\n"
                           "  - {name: a, kind: registry.entry, n: 2}\n",
                           NULL),
                 WIPPY_OK);
    CHECK_STR(shown(&k, "app:a"), "{} {\"n\": 2}");
    CHECK_STR(kit_current_ids(&k), "app:a app:b");
    CHECK_HAS(k.log, "loader: duplicate entry {\"id\": \"app:a\"");
    kit_close(&k);
}

TEST(test_document_many_entries_are_all_there)
{
    enum { COUNT = 100 };
    static char text[COUNT * 48];
    char id[32];
    kit k;
    size_t size = (size_t)snprintf(text, sizeof(text), "namespace: app\nentries:\n");
    for (int i = 0; i < COUNT; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "  - {name: e%d, kind: registry.entry, n: %d}\n", i % 90, i);
    }
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(read_text(&k, text, NULL), WIPPY_OK);
    for (int i = 0; i < 90; i++) {
        wippy_entry *entry = NULL;
        snprintf(id, sizeof(id), "app:e%d", i);
        REQUIRE(wippy_entry_get(k.rt, id, &entry) == WIPPY_OK);
        CHECK_EQ_INT(wippy_value_int(wippy_entry_data(entry), "n", -1), i < 10 ? i + 90 : i);
        wippy_entry_release(k.rt, entry);
    }
    kit_close(&k);
}

TEST(test_document_too_long_source_path_is_refused)
{
    static char text[8192];
    wippy_diag diag;
    kit k;
    size_t size = (size_t)snprintf(text, sizeof(text),
                                   "namespace: app\nname: a\nkind: ns.x\nsource: file://");
    memset(text + size, 'x', 5000);
    text[size + 5000] = '\0';
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(read_text(&k, text, &diag), WIPPY_ERR_LIMIT);
    CHECK_HAS(diag.message, "too long");
    CHECK_EQ_INT(diag.line, 4);
    kit_close(&k);
}

/* ------------------------------------------------------------------ configuration values */

static const char *set_value(const char *map, const char *path, const char *setting)
{
    static char text[1024];
    wippy_writer w[3];
    wippy_slice value = {NULL, 0};
    kit k;
    text[0] = '\0';
    if (!kit_open(&k)) {
        return "";
    }
    wippy_slice before = kit_value(&w[0], k.rt, map);
    wippy_writer_init(&w[1], k.rt);
    wippy_writer_init(&w[2], k.rt);
    wippy_write_setting(&w[1], setting);
    wippy_writer_finish(&w[1], &value);
    wippy_result result = wippy_value_set(&w[2], before, path, value);
    if (result == WIPPY_OK && wippy_writer_finish(&w[2], &value) == WIPPY_OK &&
        CHECK_EQ_INT(wippy_value_check(value.data, value.size, 1), WIPPY_OK)) {
        wippy_value_to_text(value, text, sizeof(text));
    } else {
        snprintf(text, sizeof(text), "!%d", (int)result);
    }
    for (int i = 0; i < 3; i++) {
        wippy_writer_free(&w[i]);
    }
    kit_close(&k);
    return text;
}

TEST(test_value_set_exchanges_adds_and_makes_way)
{
    CHECK_STR(set_value("", "a", "1"), "{\"a\": 1}");
    CHECK_STR(set_value("", "a.b.c", "x"), "{\"a\": {\"b\": {\"c\": \"x\"}}}");
    CHECK_STR(set_value("{'a': 1, 'b': 2, 'c': 3}", "b", "true"),
              "{\"a\": 1, \"b\": true, \"c\": 3}");
    CHECK_STR(set_value("{'a': {'x': 1, 'y': 2}, 'b': 2}", "a.z", "-5"),
              "{\"a\": {\"x\": 1, \"y\": 2, \"z\": -5}, \"b\": 2}");
    CHECK_STR(set_value("{'a': {'x': {'q': 1}, 'y': 2}, 'b': 2}", "a.x.q", "false"),
              "{\"a\": {\"x\": {\"q\": false}, \"y\": 2}, \"b\": 2}");
    CHECK_STR(set_value("{'a': [1], 'b': 2}", "a.x.y", "1.5"),
              "{\"a\": {\"x\": {\"y\": 1.5}}, \"b\": 2}");
    CHECK_STR(set_value("{'a': 1}", "", "1"), "!-1");
    CHECK_STR(set_value("{'a': 1}", "a..b", "1"), "!-1");
    CHECK_STR(set_value("{'a': 1}", "a.", "1"), "!-1");
    CHECK_STR(set_value("{'a': 1}", ".a", "1"), "!-1");
    CHECK_STR(set_value("[1]", "a", "1"), "!-1");
}

TEST(test_setting_types_what_yaml_would)
{
    CHECK_STR(set_value("", "v", ""), "{\"v\": \"\"}");
    CHECK_STR(set_value("", "v", "null"), "{\"v\": \"null\"}");
    CHECK_STR(set_value("", "v", "10s"), "{\"v\": \"10s\"}");
    CHECK_STR(set_value("", "v", "12 # x"), "{\"v\": \"12 # x\"}");
    CHECK_STR(set_value("", "v", "\"12\""), "{\"v\": \"\\\"12\\\"\"}");
    CHECK_STR(set_value("", "v", "[1"), "{\"v\": \"[1\"}");
    CHECK_STR(set_value("", "v", "a: b"), "{\"v\": \"a: b\"}");
    CHECK_STR(set_value("", "v", "2e3"), "{\"v\": 2000}");
    CHECK_STR(set_value("", "v", "99999999999999999999"), "{\"v\": \"99999999999999999999\"}");
}

TEST(test_write_yaml_gives_one_value_or_says_where)
{
    kit k;
    wippy_writer w;
    wippy_slice out;
    wippy_diag diag;
    char text[128];
    REQUIRE(kit_open(&k));
    wippy_writer_init(&w, k.rt);
    const char *good = "shutdown:\n  timeout: 30s\n";
    CHECK_EQ_INT(wippy_write_yaml(&w, "c.yaml", good, strlen(good), &diag), WIPPY_OK);
    CHECK_EQ_INT(wippy_writer_finish(&w, &out), WIPPY_OK);
    wippy_value_to_text(out, text, sizeof(text));
    CHECK_STR(text, "{\"shutdown\": {\"timeout\": \"30s\"}}");
    wippy_writer_reset(&w);
    const char *bad = "a: 1\n\tb: 2\n";
    CHECK_EQ_INT(wippy_write_yaml(&w, "c.yaml", bad, strlen(bad), &diag), WIPPY_ERR_SYNTAX);
    CHECK_STR(diag.file, "c.yaml");
    CHECK_EQ_INT(diag.line, 2);
    CHECK_EQ_INT(wippy_writer_finish(&w, &out), WIPPY_ERR_SYNTAX);
    wippy_writer_free(&w);
    kit_close(&k);
}

/* ------------------------------------------------------------------ projects */

#define LOCK "directories:\n  modules: .wippy\n  src: ./src\n"

TEST(test_project_walks_in_path_order_and_reads_sources)
{
    kit k;
    begin_project("walk");
    put_file("wippy.lock", LOCK);
    put_file("src/_index.yaml", "namespace: app\nentries:\n"
                                "  - name: main\n    kind: registry.entry\n"
                                "    source: file://main.lua\n"
                                "    more: {list: [plain, file:///lib/x.lua]}\n");
    put_file("src/main.lua", "return 1\n");
    put_file("src/lib/x.lua", "local x\n");
    put_file("src/lib/sub/deep.yml", "namespace: deep\nentries:\n"
                                     "  - name: d\n    kind: registry.entry\n"
                                     "    here: file://own.txt\n    up: file://../x.lua\n");
    put_file("src/lib/sub/own.txt", "");
    put_file("src/lib/a.json", "{\"namespace\": \"app\", \"name\": \"j\", \"kind\": \"ns.x\"}");
    put_file("src/zz.yaml", "just: configuration\n");
    put_file("src/readme.txt", "namespace: app\n");
    put_file("src/node_modules/x.yaml", "namespace: no\nname: n\nkind: ns.x\n");
    put_file("src/temporal/x.yaml", "namespace: no\nname: t\nkind: ns.x\n");
    const char *const skip[] = {"temporal"};
    wippy_project_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.skip = skip;
    desc.skip_count = 1;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_with(&k, &desc, NULL), WIPPY_OK);
    CHECK_STR(k.log, "");
    CHECK_STR(kit_current_ids(&k), "app:main app:j deep:d");
    CHECK_STR(
        shown(&k, "app:main"),
        "{} {\"source\": \"return 1\\n\", \"more\": {\"list\": [\"plain\", \"local x\\n\"]}}");
    CHECK_STR(shown(&k, "deep:d"), "{} {\"here\": \"\", \"up\": \"local x\\n\"}");
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    kit_close(&k);
}

TEST(test_project_wrong_file_is_left_out_as_a_whole)
{
    kit k;
    begin_project("wrong");
    put_file("wippy.lock", LOCK);
    put_file("src/a.yaml", "namespace: app\nentries:\n  - {name: a, kind: ns.x}\n  - {name: b}\n");
    put_file("src/b.yaml", "namespace: app\nentries: [\n");
    put_file("src/c.yaml", "namespace: app\nname: c\nkind: ns.x\nsource: file://gone.lua\n");
    put_file("src/d.yaml", "namespace: app\nname: d\nkind: ns.x\nsource: file://../../x\n");
    put_file("src/e.yaml", "namespace: app\nname: e\nkind: ns.x\n");
    put_file("src/f.yaml", "namespace: app\nname: e\nkind: ns.x\nlater: true\n");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:e");
    CHECK_STR(shown(&k, "app:e"), "{} {\"later\": true}");
    CHECK_HAS(k.log, "loader: process file {\"path\": \"");
    CHECK_HAS(k.log, "src/a.yaml\", \"error\": \"kind is missing\", \"line\": 4, \"column\": 5}");
    CHECK_HAS(k.log, "src/b.yaml");
    CHECK_HAS(k.log, "src/c.yaml");
    CHECK_HAS(k.log, "no such file");
    CHECK_HAS(k.log, "leads out of the directory");
    CHECK_HAS(k.log, "duplicate entry {\"id\": \"app:e\"");
    kit_close(&k);
}

typedef struct bad_lock {
    const char *text;
    wippy_result result;
    const char *message;
} bad_lock;

TEST(test_project_lock_file_is_checked)
{
    static const bad_lock bad[] = {
        {"", WIPPY_ERR_INVALID, "directories.src must not be \".\""},
        {"directories:\n  src: .\n", WIPPY_ERR_INVALID, "directories.src must not be \".\""},
        {"directories:\n  src: \"\"\n", WIPPY_ERR_INVALID, "directories.src must be text"},
        {"directories:\n  modules: \"\"\n  src: s\n", WIPPY_ERR_INVALID, "directories.modules"},
        {"directories:\n  src: 5\n", WIPPY_ERR_INVALID, "directories.src must be text"},
        {"- a\n", WIPPY_ERR_INVALID, "expected a map"},
        {"directories: [\n", WIPPY_ERR_SYNTAX, ""},
        {"directories:\n  src: ./none\n", WIPPY_ERR_NOTFOUND, "no such directory"},
        {LOCK "modules:\n  - version: 1.0.0\n", WIPPY_ERR_INVALID, "modules.name"},
        {LOCK "modules:\n  - {name: a/b, version: \"\"}\n", WIPPY_ERR_INVALID, "modules.version"},
        {LOCK "modules: x\n", WIPPY_ERR_INVALID, "expected a sequence"},
        {LOCK "replacements:\n  - {from: a/b}\n", WIPPY_ERR_INVALID, "replacements.to"},
        {"directories:\n  src: ./\n", WIPPY_ERR_INVALID, "directories.src must not be \".\""},
        {LOCK "replacements: {}\n", WIPPY_ERR_INVALID, "expected a sequence"},
        {LOCK "modules:\n  - {name: a/b, hash: 5}\n", WIPPY_ERR_INVALID, "modules.hash"},
        {LOCK "replacements:\n  - {to: x}\n", WIPPY_ERR_INVALID, "replacements.from"},
        {LOCK "replacements:\n  - {from: a/b, to: ./gone}\n", WIPPY_ERR_NOTFOUND, "gone"}};
    static char longer[6000];
    memset(longer, 'x', sizeof(longer) - 1);
    kit k;
    begin_project("lock");
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    REQUIRE(kit_open(&k));
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        put_file("wippy.lock", bad[i].text);
        CHECK_EQ_INT(load_plain(&k, &diag), bad[i].result);
        CHECK_HAS(diag.message, bad[i].message);
        CHECK_HAS(diag.file, "wippy.lock");
        CHECK_EQ_INT(load_plain(&k, NULL), bad[i].result);
    }
    static const char *const frames[] = {"directories:\n  src: %s\n",
                                         LOCK "replacements:\n  - {from: a/b, to: %s}\n",
                                         LOCK "modules:\n  - {name: %s, version: 1.0.0}\n"};
    static char text[8000];
    for (size_t i = 0; i < TEST_COUNT(frames); i++) {
        wippy_diag diag;
        snprintf(text, sizeof(text), frames[i], longer);
        put_file("wippy.lock", text);
        CHECK_EQ_INT(load_plain(&k, &diag), WIPPY_ERR_LIMIT);
        CHECK_HAS(diag.message, "path is too long");
    }
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

TEST(test_project_lock_file_names_many_places_and_forms_of_path)
{
    static char text[4096];
    kit k;
    begin_project("many");
    int size = snprintf(text, sizeof(text), "%s", LOCK "modules:\nreplacements:\n"
                                                       "  - {from: r/0, to: ././}\n"
                                                       "  - {from: r/9, to: .}\n");
    for (int i = 1; i < 8; i++) {
        char file[64];
        snprintf(file, sizeof(file), "part%d/x.yaml", i);
        put_file(file, "namespace: part\nname: x\nkind: ns.x\n");
        size += snprintf(text + size, sizeof(text) - (size_t)size,
                         "  - {from: r/%d, to: ./part%d}\n", i, i);
    }
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    put_file("wippy.lock", text);
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "part:x app:a");
    kit_close(&k);
}

/* The working directory, which is no project, and an empty name. */
TEST(test_project_without_a_description)
{
    kit k;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(wippy_load_project(k.rt, NULL, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "");
    CHECK_EQ_INT(wippy_reload_project(k.rt, NULL, NULL, NULL, NULL), WIPPY_OK);
    const char *text = "namespace: app\nname: a\nkind: ns.x\nmeta:\n";
    CHECK_EQ_INT(wippy_load_text(k.rt, NULL, text, strlen(text), NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:a");
    kit_close(&k);
}

TEST(test_project_loads_replacements_and_vendored_modules_before_sources)
{
    kit k;
    begin_project("modules");
    put_file("wippy.lock", LOCK "modules:\n  - {name: org/kept, version: 1.0.0, hash: x}\n"
                                "  - {name: org/gone, version: 1.0.0}\n"
                                "  - {name: org/local, version: 1.0.0}\n"
                                "replacements:\n  - {from: org/local, to: ../modules-local}\n");
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    put_file(".wippy/vendor/org/kept/k.yaml", "namespace: kept\nname: k\nkind: ns.x\n");
    put_file("../modules-local/l.yaml", "namespace: local\nname: l\nkind: ns.x\n");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "local:l kept:k app:a");
    CHECK_STR(k.log, "loader: no local copy of module org/gone \n");
    kit_close(&k);
}

TEST(test_project_without_lock_file)
{
    kit k;
    wippy_diag diag;
    wippy_project_desc desc;
    begin_project("bare");
    memset(&desc, 0, sizeof(desc));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK); /* nothing at all */
    CHECK_STR(kit_current_ids(&k), "");
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:a");
    desc.need_lock = true;
    CHECK_EQ_INT(load_with(&k, &desc, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "no lock file found");
    desc.need_lock = false;
    desc.lock_file = "build/no-such.lock";
    CHECK_EQ_INT(load_with(&k, &desc, &diag), WIPPY_ERR_NOTFOUND);
    desc.lock_file = NULL;
    desc.source = "build/no-such-directory";
    CHECK_EQ_INT(load_with(&k, &desc, &diag), WIPPY_ERR_NOTFOUND);
    char source[PROJECT_ROOM * 2];
    snprintf(source, sizeof(source), "%s/other", project);
    put_file("other/b.yaml", "namespace: app\nname: b\nkind: ns.x\n");
    desc.source = source;
    CHECK_EQ_INT(load_with(&k, &desc, &diag), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:a app:b");
    kit_close(&k);
}

static wippy_result load_override(kit *k, const char *setting, wippy_diag *diag)
{
    const char *const overrides[] = {setting};
    wippy_project_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.overrides = overrides;
    desc.override_count = 1;
    return load_with(k, &desc, diag);
}

TEST(test_project_overrides_change_one_field)
{
    kit k;
    wippy_diag diag;
    begin_project("override");
    put_file("src/a.yaml", "namespace: app\nname: a.b\nkind: ns.x\nhost: {workers: 2}\n");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_override(&k, "app:a.b:host.workers=8", NULL), WIPPY_OK);
    CHECK_STR(shown(&k, "app:a.b"), "{} {\"host\": {\"workers\": 8}}");
    CHECK_EQ_INT(load_override(&k, "app:a.b:meta.command.name=run=it", NULL), WIPPY_OK);
    CHECK_STR(shown(&k, "app:a.b"),
              "{\"command\": {\"name\": \"run=it\"}} {\"host\": {\"workers\": 2}}");
    CHECK_EQ_INT(load_override(&k, "app:a.b:kind=ns.y", &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "kind of an entry cannot change"); /* it is loaded already */
    CHECK_EQ_INT(load_override(&k, "app:none:x=1", &diag), WIPPY_ERR_NOTFOUND);
    CHECK_HAS(diag.message, "app:none");
    CHECK_EQ_INT(load_override(&k, "app:a.b:x..y=1", &diag), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(load_override(&k, "app:a.b:kind=", &diag), WIPPY_ERR_INVALID);
    static const char *const malformed[] = {"",       "app",      "app:a",   "app:a:x",
                                            ":a:x=1", "app::x=1", "app:a:=1"};
    for (size_t i = 0; i < TEST_COUNT(malformed); i++) {
        CHECK_EQ_INT(load_override(&k, malformed[i], &diag), WIPPY_ERR_INVALID);
        CHECK_HAS(diag.message, "expected ns:entry:field=value");
    }
    kit_close(&k);
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_override(&k, "app:a.b:kind=ns.y", NULL), WIPPY_OK);
    wippy_entry *entry = NULL;
    REQUIRE(wippy_entry_get(k.rt, "app:a.b", &entry) == WIPPY_OK);
    CHECK_STR(wippy_entry_kind(entry), "ns.y");
    wippy_entry_release(k.rt, entry);
    kit_close(&k);
}

TEST(test_project_circle_of_links_ends)
{
    kit k;
    char link[PROJECT_ROOM * 2];
    begin_project("circle");
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    snprintf(link, sizeof(link), "%s/src/self", project);
    if (symlink(".", link) != 0) {
        TEST_SKIP("no symbolic links here");
    }
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:a");
    kit_close(&k);
}

TEST(test_project_too_deep_directories_are_left_out)
{
    char path[PROJECT_ROOM];
    size_t size = 4;
    kit k;
    begin_project("deep");
    memcpy(path, "src/", 5);
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    for (int i = 0; i < 70; i++, size += 2) {
        memcpy(path + size, "d/", 3);
    }
    memcpy(path + size, "z.yaml", 7);
    put_file(path, "namespace: app\nname: z\nkind: ns.x\n");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "app:a");
    CHECK_HAS(k.log, "loader: directories are too deep");
    kit_close(&k);
}

/* ------------------------------------------------------------------ no memory */

static void load_all(test_heap *heap, void *arg)
{
    static kit k;
    wippy_desc desc;
    wippy_project_desc how;
    const char *const overrides[] = {"app:a:host.x=8", "app:a:meta.y=1.5"};
    (void)arg;
    memset(&k, 0, sizeof(k));
    kit_desc(&k, &desc);
    desc.allocator.user_data = heap;
    if (wippy_create(&k.rt, &desc) != WIPPY_OK) {
        return;
    }
    memset(&how, 0, sizeof(how));
    how.overrides = overrides;
    how.override_count = 2;
    wippy_result result = load_with(&k, &how, NULL);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    CHECK_STR(kit_current_ids(&k), result == WIPPY_OK ? "r:r app:a app:b" : "");
    CHECK_EQ_INT(wippy_destroy(k.rt), WIPPY_OK);
}

TEST(test_project_without_memory_loads_all_or_nothing)
{
    begin_project("memory");
    put_file("wippy.lock", LOCK "replacements:\n  - {from: r/r, to: ./rep}\n");
    put_file("rep/r.yaml", "namespace: r\nname: r\nkind: ns.x\n");
    put_file("src/a.yaml", "namespace: app\nentries:\n  - {name: a, kind: ns.x, s: file://x}\n"
                           "  - {name: b, kind: ns.x}\n  - {name: a, kind: ns.x, m: [1]}\n");
    put_file("src/b/bad.yaml", "namespace: app\nname: 5\n");
    put_file("src/x", "text");
    CHECK(test_heap_sweep(load_all, NULL) > 50);
}

/* ------------------------------------------------------------------ reload */

static wippy_result reload(kit *k, size_t *changes, int64_t *version, wippy_diag *diag)
{
    wippy_project_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.directory = project;
    *changes = 99;
    return wippy_reload_project(k->rt, &desc, changes, version, diag);
}

TEST(test_reload_applies_what_differs_as_one_version)
{
    kit k;
    size_t changes = 0;
    int64_t version = 0;
    begin_project("reload");
    put_file("wippy.lock", LOCK);
    put_file("src/a.yaml",
             "namespace: app\nentries:\n  - {name: a, kind: ns.x, n: 1}\n"
             "  - {name: b, kind: ns.x, s: file://text}\n  - {name: c, kind: ns.x}\n");
    put_file("src/text", "old");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    CHECK_EQ_INT(read_text(&k, "namespace: own\nname: kept\nkind: ns.x\n", NULL), WIPPY_OK);
    CHECK_EQ_INT(reload(&k, &changes, &version, NULL), WIPPY_OK);
    CHECK_EQ_INT(changes, 0);
    CHECK_EQ_INT(version, 0);
    put_file("src/a.yaml",
             "# a line more\nnamespace: app\nentries:\n"
             "  - {name: a, kind: ns.x, n: 1}\n"
             "  - {name: b, kind: ns.x, s: file://text}\n  - {name: d, kind: ns.x}\n");
    put_file("src/text", "new");
    CHECK_EQ_INT(reload(&k, &changes, &version, NULL), WIPPY_OK);
    CHECK_EQ_INT(changes, 3);
    CHECK_EQ_INT(version, 1);
    CHECK_STR(kit_current_ids(&k), "app:a app:b own:kept app:d");
    CHECK_STR(shown(&k, "app:b"), "{} {\"s\": \"new\"}");
    CHECK_EQ_INT(reload(&k, &changes, &version, NULL), WIPPY_OK);
    CHECK_EQ_INT(changes, 0);
    CHECK_EQ_INT(version, 1);
    kit_close(&k);
}

TEST(test_reload_one_wrong_file_changes_nothing)
{
    kit k;
    size_t changes = 0;
    int64_t version = 7;
    wippy_diag diag;
    begin_project("reload-wrong");
    put_file("wippy.lock", LOCK);
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\n");
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(load_plain(&k, NULL), WIPPY_OK);
    put_file("src/a.yaml", "namespace: app\nname: a\nkind: ns.x\nmore: 1\n");
    put_file("src/b.yaml", "namespace: app\nname: [\n");
    memset(&diag, 0, sizeof(diag));
    CHECK_EQ_INT(reload(&k, &changes, &version, &diag), WIPPY_ERR_SYNTAX);
    CHECK(strstr(diag.file, "src/b.yaml") != NULL);
    CHECK_EQ_INT(diag.line, 2);
    CHECK(diag.column > 0);
    CHECK_STR(shown(&k, "app:a"), "{} {}");
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    put_file("src/b.yaml", "namespace: app\nname: a\nkind: registry.entry\n");
    CHECK_EQ_INT(reload(&k, &changes, &version, &diag), WIPPY_ERR_INVALID); /* another kind */
    CHECK_EQ_INT(version, 7);
    kit_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_document_entries_get_meta_and_data),
          TEST_ENTRY(test_document_single_entry_and_json),
          TEST_ENTRY(test_document_wrong_ones_say_where_and_what),
          TEST_ENTRY(test_document_second_entry_of_an_id_counts),
          TEST_ENTRY(test_document_many_entries_are_all_there),
          TEST_ENTRY(test_document_too_long_source_path_is_refused),
          TEST_ENTRY(test_value_set_exchanges_adds_and_makes_way),
          TEST_ENTRY(test_setting_types_what_yaml_would),
          TEST_ENTRY(test_write_yaml_gives_one_value_or_says_where),
          TEST_ENTRY(test_project_walks_in_path_order_and_reads_sources),
          TEST_ENTRY(test_project_wrong_file_is_left_out_as_a_whole),
          TEST_ENTRY(test_project_lock_file_names_many_places_and_forms_of_path),
          TEST_ENTRY(test_project_without_a_description),
          TEST_ENTRY(test_project_lock_file_is_checked),
          TEST_ENTRY(test_project_loads_replacements_and_vendored_modules_before_sources),
          TEST_ENTRY(test_project_without_lock_file),
          TEST_ENTRY(test_project_overrides_change_one_field),
          TEST_ENTRY(test_project_circle_of_links_ends),
          TEST_ENTRY(test_project_too_deep_directories_are_left_out),
          TEST_ENTRY(test_project_without_memory_loads_all_or_nothing),
          TEST_ENTRY(test_reload_applies_what_differs_as_one_version),
          TEST_ENTRY(test_reload_one_wrong_file_changes_nothing))
