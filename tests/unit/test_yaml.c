/* The YAML reader: types, texts, positions, what it refuses and where, hostile input. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <math.h>

/* ------------------------------------------------------------------ tools */

typedef struct bench {
    test_heap heap;
    wippyi_mem mem;
} bench;

static void mem_on_heap(wippyi_mem *mem, test_heap *heap)
{
    wippy_allocator allocator;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(mem, &allocator);
}

static void bench_init(bench *b)
{
    test_heap_init(&b->heap);
    mem_on_heap(&b->mem, &b->heap);
}

/* From a block of exactly that size: a read outside is seen by the sanitizer. */
static wippy_result parse(bench *b, const char *text, size_t size, wippyi_yaml **doc,
                          wippy_diag *diag)
{
    char *exact = (char *)malloc(size > 0 ? size : 1);
    if (!exact) {
        return WIPPY_ERR_NOMEM;
    }
    memcpy(exact, text, size);
    wippy_result result = wippyi_yaml_parse(exact, size, "in.yaml", &b->mem, doc, diag);
    memset(exact, '!', size); /* the tree does not need the text any more */
    free(exact);
    return result;
}

static wippyi_yaml *parse_good(bench *b, const char *text)
{
    wippyi_yaml *doc = NULL;
    wippy_diag diag;
    if (parse(b, text, strlen(text), &doc, &diag) != WIPPY_OK) {
        FAIL("refused, %u:%u: %s\n%s", diag.line, diag.column, diag.message, text);
        return NULL;
    }
    return doc;
}

/* The document as the text of its encoded value. */
static void check_tree(const char *text, const char *expected)
{
    bench b;
    wippy_writer w;
    wippy_slice out;
    char actual[2000];
    bench_init(&b);
    wippyi_yaml *doc = parse_good(&b, text);
    REQUIRE(doc != NULL);
    wippyi_writer_init(&w, &b.mem);
    CHECK_EQ_INT(wippyi_yaml_write(doc->root, &w, NULL, NULL), WIPPY_OK);
    REQUIRE(wippy_writer_finish(&w, &out) == WIPPY_OK);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 1), WIPPY_OK);
    wippy_value_to_text(out, actual, sizeof(actual));
    CHECK_STR(actual, expected);
    wippy_writer_free(&w);
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ types */

TEST(test_yaml_plain_scalars_have_the_types_of_the_core_schema)
{
    static const struct {
        const char *text;
        wippyi_yaml_kind kind;
        double number; /* of booleans, integers and floats */
    } rows[] = {
        {"~", WIPPYI_YAML_NULL, 0},
        {"null", WIPPYI_YAML_NULL, 0},
        {"Null", WIPPYI_YAML_NULL, 0},
        {"NULL", WIPPYI_YAML_NULL, 0},
        {"nULL", WIPPYI_YAML_STRING, 0},
        {"nil", WIPPYI_YAML_STRING, 0},
        {"true", WIPPYI_YAML_BOOL, 1},
        {"True", WIPPYI_YAML_BOOL, 1},
        {"TRUE", WIPPYI_YAML_BOOL, 1},
        {"false", WIPPYI_YAML_BOOL, 0},
        {"False", WIPPYI_YAML_BOOL, 0},
        {"FALSE", WIPPYI_YAML_BOOL, 0},
        {"tRUE", WIPPYI_YAML_STRING, 0},
        {"yes", WIPPYI_YAML_STRING, 0},
        {"no", WIPPYI_YAML_STRING, 0},
        {"on", WIPPYI_YAML_STRING, 0},
        {"off", WIPPYI_YAML_STRING, 0},
        {"y", WIPPYI_YAML_STRING, 0},
        {"0", WIPPYI_YAML_INT, 0},
        {"-0", WIPPYI_YAML_INT, 0},
        {"12", WIPPYI_YAML_INT, 12},
        {"+12", WIPPYI_YAML_INT, 12},
        {"-12", WIPPYI_YAML_INT, -12},
        {"0600", WIPPYI_YAML_INT, 384},
        {"00", WIPPYI_YAML_INT, 0},
        {"-017", WIPPYI_YAML_INT, -15},
        {"0o17", WIPPYI_YAML_INT, 15},
        {"0x1F", WIPPYI_YAML_INT, 31},
        {"0xfF", WIPPYI_YAML_INT, 255},
        {"0o8", WIPPYI_YAML_STRING, 0},
        {"0x", WIPPYI_YAML_STRING, 0},
        {"0o", WIPPYI_YAML_STRING, 0},
        {"0xg", WIPPYI_YAML_STRING, 0},
        {"-0x1", WIPPYI_YAML_STRING, 0},
        {"0b1", WIPPYI_YAML_STRING, 0},
        {"1_000", WIPPYI_YAML_STRING, 0},
        {"1,000", WIPPYI_YAML_STRING, 0},
        {"12a", WIPPYI_YAML_STRING, 0},
        {"1s", WIPPYI_YAML_STRING, 0},
        {"1h30m", WIPPYI_YAML_STRING, 0},
        {"0x1.8p1", WIPPYI_YAML_STRING, 0},
        {"1 2", WIPPYI_YAML_STRING, 0},
        {"+", WIPPYI_YAML_STRING, 0},
        {"--1", WIPPYI_YAML_STRING, 0},
        {"+-1", WIPPYI_YAML_STRING, 0},
        {".", WIPPYI_YAML_STRING, 0},
        {"..", WIPPYI_YAML_STRING, 0},
        {"-.", WIPPYI_YAML_STRING, 0},
        {"1.5", WIPPYI_YAML_FLOAT, 1.5},
        {"-1.5", WIPPYI_YAML_FLOAT, -1.5},
        {"1.", WIPPYI_YAML_FLOAT, 1},
        {".5", WIPPYI_YAML_FLOAT, 0.5},
        {"+.5", WIPPYI_YAML_FLOAT, 0.5},
        {"1e3", WIPPYI_YAML_FLOAT, 1000},
        {"1E-2", WIPPYI_YAML_FLOAT, 0.01},
        {"1.25e+2", WIPPYI_YAML_FLOAT, 125},
        {"0.1", WIPPYI_YAML_FLOAT, 0.1},
        {"01.5", WIPPYI_YAML_FLOAT, 1.5},
        {"1.e1", WIPPYI_YAML_FLOAT, 10},
        {"12345678.9", WIPPYI_YAML_FLOAT, 12345678.9},
        {"1e", WIPPYI_YAML_STRING, 0},
        {"e1", WIPPYI_YAML_STRING, 0},
        {"1e+", WIPPYI_YAML_STRING, 0},
        {".e1", WIPPYI_YAML_STRING, 0},
        {"1e5.5", WIPPYI_YAML_STRING, 0},
        {"1.5.2", WIPPYI_YAML_STRING, 0},
        {"1e-400", WIPPYI_YAML_FLOAT, 0},
        {"1.0", WIPPYI_YAML_FLOAT, 1},
        {"inf", WIPPYI_YAML_STRING, 0},
        {".INf", WIPPYI_YAML_STRING, 0},
        {"nan", WIPPYI_YAML_STRING, 0},
        {"+.nan", WIPPYI_YAML_STRING, 0},
        {"2001-12-14", WIPPYI_YAML_STRING, 0},
        {"12:30", WIPPYI_YAML_STRING, 0},
        {"=", WIPPYI_YAML_STRING, 0},
        {"<<", WIPPYI_YAML_STRING, 0},
        {"1.7976931348623157e308", WIPPYI_YAML_FLOAT, 1.7976931348623157e308},
        {"0.30000000000000004", WIPPYI_YAML_FLOAT, 0.30000000000000004},
    };
    bench b;
    bench_init(&b);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippyi_yaml *doc = parse_good(&b, rows[i].text);
        if (!doc) {
            continue;
        }
        const wippyi_yaml_node *node = doc->root;
        double number = node->kind == WIPPYI_YAML_INT     ? (double)node->as.integer
                        : node->kind == WIPPYI_YAML_FLOAT ? node->as.number
                        : node->kind == WIPPYI_YAML_BOOL  ? (double)node->as.boolean
                                                          : 0;
        if (node->kind != rows[i].kind || number < rows[i].number || number > rows[i].number) {
            FAIL("%s is %s %.17g", rows[i].text, wippyi_yaml_kind_name(node), number);
        }
        CHECK_STR(node->text.data, rows[i].text);
        CHECK_EQ_INT(node->style, WIPPYI_YAML_PLAIN);
        wippyi_yaml_free(doc);
    }
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_integers_reach_the_ends_of_64_bits)
{
    bench b;
    bench_init(&b);
    wippyi_yaml *doc =
        parse_good(&b, "[9223372036854775807, -9223372036854775808, 0x7fffffffffffffff, "
                       "0777777777777777777777, +000000000000000000000000000001]");
    REQUIRE(doc != NULL);
    const wippyi_yaml_node *node = doc->root->first;
    CHECK_EQ_INT(node->as.integer, INT64_MAX);
    node = node->next;
    CHECK_EQ_INT(node->as.integer, INT64_MIN);
    node = node->next;
    CHECK_EQ_INT(node->as.integer, INT64_MAX);
    node = node->next;
    CHECK_EQ_INT(node->as.integer, INT64_MAX);
    node = node->next;
    CHECK_EQ_INT(node->as.integer, 1);
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_infinities_and_nan)
{
    bench b;
    bench_init(&b);
    wippyi_yaml *doc = parse_good(&b, "[.inf, -.Inf, +.INF, .nan, .NaN, .NAN]");
    REQUIRE(doc != NULL);
    const wippyi_yaml_node *node = doc->root->first;
    CHECK(isinf(node->as.number) && node->as.number > 0);
    node = node->next;
    CHECK(isinf(node->as.number) && node->as.number < 0);
    node = node->next;
    CHECK(isinf(node->as.number) && node->as.number > 0);
    for (node = node->next; node; node = node->next) {
        CHECK(node->kind == WIPPYI_YAML_FLOAT && isnan(node->as.number));
    }
    wippyi_yaml_free(doc);
}

TEST(test_yaml_quoted_and_block_scalars_are_strings)
{
    check_tree("['1', \"true\", '~', \"\", '']", "[\"1\", \"true\", \"~\", \"\", \"\"]");
    check_tree("a: |-\n 1\nb: >-\n true\n", "{\"a\": \"1\", \"b\": \"true\"}");
}

/* ------------------------------------------------------------------ texts */

TEST(test_yaml_escapes_of_double_quotes)
{
    static const char expected[] =
        "\0\a\b\t\t\n\v\f\r\033\"/\\ \xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9"
        "A\xc3\xbf\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";
    bench b;
    bench_init(&b);
    wippyi_yaml *doc = parse_good(&b, "\"\\0\\a\\b\\t\\\t\\n\\v\\f\\r\\e\\\"\\/\\\\\\ \\N\\_\\L\\P"
                                      "\\x41\\xfF\\u20AC\\U0001f600\\U0010FFFF\"");
    REQUIRE(doc != NULL);
    CHECK_EQ_U64(doc->root->text.size, sizeof(expected) - 1);
    CHECK_MEM(doc->root->text.data, expected, sizeof(expected));
    CHECK_EQ_INT(doc->root->style, WIPPYI_YAML_DOUBLE);
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

/* Long enough to get a block of memory for itself, so that one byte too many is seen. */
TEST(test_yaml_escapes_that_grow_fit)
{
    static char text[200010];
    bench b;
    bench_init(&b);
    text[0] = '"';
    for (size_t i = 1; i < 200001; i += 2) {
        memcpy(text + i, i % 4 == 1 ? "\\L" : "\\P", 2);
    }
    memcpy(text + 200001, "\"", 2);
    wippyi_yaml *doc = parse_good(&b, text);
    REQUIRE(doc != NULL);
    CHECK_EQ_U64(doc->root->text.size, 300000);
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_blocks)
{
    check_tree("a: |\n  x\n   y\n\n  z\n\n", "{\"a\": \"x\\n y\\n\\nz\\n\"}");
    check_tree("a: |-\n  x\n\n\nb: |+\n  x\n\n\n", "{\"a\": \"x\", \"b\": \"x\\n\\n\\n\"}");
    check_tree("a: >\n  x\n  y\n\n  z\n\n\n  e\n   more\n  back\n",
               "{\"a\": \"x y\\nz\\n\\ne\\n more\\nback\\n\"}");
    check_tree("a: |2\n   x\n  y\n", "{\"a\": \" x\\ny\\n\"}");
    check_tree("a: |+1\n  x\nb: >1-\n  x\n", "{\"a\": \" x\\n\", \"b\": \" x\"}");
    check_tree("a: |\n  x", "{\"a\": \"x\"}");
    check_tree("a: |\nb: >\n\n\nc: |+\n\n\n", "{\"a\": \"\", \"b\": \"\", \"c\": \"\\n\\n\"}");
    check_tree("a: |\n\n\n  x\n", "{\"a\": \"\\n\\nx\\n\"}");
    check_tree("a: | # c\n  # d\n # e\n  # f\nb: 1", "{\"a\": \"# d\\n\", \"b\": 1}");
    check_tree("- |\n x\n- - >\n   y\n  - a: |\n      z\n    b: c\n",
               "[\"x\\n\", [\"y\\n\", {\"a\": \"z\\n\", \"b\": \"c\"}]]");
    check_tree("a:\n- |\n x\n- y", "{\"a\": [\"x\\n\", \"y\"]}");
    check_tree("a: |\r\n  x\r\n  y\r\nb: 1\r\n", "{\"a\": \"x\\ny\\n\", \"b\": 1}");
    check_tree("a: |2\n  \tx\n  y\t\n", "{\"a\": \"\\tx\\ny\\t\\n\"}");
    check_tree("source: |\n  local x = {}\n  return { main = function() return x end }\n",
               "{\"source\": \"local x = {}\\nreturn { main = function() return x end }\\n\"}");
}

TEST(test_yaml_plain_texts)
{
    check_tree(
        "a: x:y\nb: C#\nc: :80\nd: file://a.lua\ne: a #b\nf: -x\ng: ?x\nh: a  b \t\ni: a[b]{c},\n",
        "{\"a\": \"x:y\", \"b\": \"C#\", \"c\": \":80\", \"d\": \"file://a.lua\", \"e\": \"a\", "
        "\"f\": \"-x\", \"g\": \"?x\", \"h\": \"a  b\", \"i\": \"a[b]{c},\"}");
    check_tree("[a b, C#, a:b, -x, a'b]", "[\"a b\", \"C#\", \"a:b\", \"-x\", \"a'b\"]");
    check_tree("a: 'it''s'''\nb: ''''\n", "{\"a\": \"it's'\", \"b\": \"'\"}");
    check_tree("a:\tb\t# c\nd: e\tf\n", "{\"a\": \"b\", \"d\": \"e\\tf\"}");
}

/* ------------------------------------------------------------------ structure */

TEST(test_yaml_structures)
{
    check_tree("", "null");
    check_tree("# nothing\n\n", "null");
    check_tree("a", "\"a\"");
    check_tree("  a: 1\n  b: 2", "{\"a\": 1, \"b\": 2}");
    check_tree("a:\n- 1\n- 2\nb:\n  - 3\n", "{\"a\": [1, 2], \"b\": [3]}");
    check_tree("a:\nb:\n  c:\nd: ~", "{\"a\": null, \"b\": {\"c\": null}, \"d\": null}");
    check_tree(
        "- a\n- b: c\n  d: e\n-\n  f: g\n-\n- - x\n  - y\n- - - z\n",
        "[\"a\", {\"b\": \"c\", \"d\": \"e\"}, {\"f\": \"g\"}, null, [\"x\", \"y\"], [[\"z\"]]]");
    check_tree("- a:\n  - b\n  c:\n    - d\n", "[{\"a\": [\"b\"], \"c\": [\"d\"]}]");
    check_tree(
        "a: [1, [2, {b: c, \"d\":e, 'f' : g,}], ]\nh: {}\ni: [ ]",
        "{\"a\": [1, [2, {\"b\": \"c\", \"d\": \"e\", \"f\": \"g\"}]], \"h\": {}, \"i\": []}");
    check_tree("\xef\xbb\xbf"
               "a: 1\r\nb: 2\r\n",
               "{\"a\": 1, \"b\": 2}");
    check_tree("a:\n  # c\n\n  b: 1 # d\n # e\n\nf: 2 # g", "{\"a\": {\"b\": 1}, \"f\": 2}");
    check_tree("1: a\ntrue: b\n2.5: c\n'1': d\n\"\": e\n",
               "{\"1\": \"a\", \"true\": \"b\", \"2.5\": \"c\", \"1\": \"d\", \"\": \"e\"}");
    check_tree("a b : c\n'd' : e\n\"f\": g", "{\"a b\": \"c\", \"d\": \"e\", \"f\": \"g\"}");
}

TEST(test_yaml_json)
{
    check_tree(
        "{\n\t\"a\": [1, 2.5, -3e2, true, null],\n\t\"b\": {\"c\": "
        "\"\\ud83d\\uDE00\\u00e9\\/\"}\n}\n",
        "{\"a\": [1, 2.5, -300, true, null], \"b\": {\"c\": \"\xf0\x9f\x98\x80\xc3\xa9/\"}}");
    check_tree("[\n]\n", "[]");
    check_tree("{\"a\":\n1,\"b\":[\n]}", "{\"a\": 1, \"b\": []}");
    check_tree("[1 # one\n, 2]", "[1, 2]");
}

TEST(test_yaml_nodes_know_their_places)
{
    bench b;
    bench_init(&b);
    wippyi_yaml *doc =
        parse_good(&b, "# c\na: 1\n\xc3\xa9\xc3\xa9: [x, \"\xe2\x82\xac\", y]\nc:\n- d: |\n"
                       "    t\n    u\n  e:\nf: {g: h}\n");
    REQUIRE(doc != NULL);
    static const struct {
        const char *path;
        uint32_t line;
        uint32_t column;
    } rows[] = {{"", 2, 1}, {"a", 2, 4}, {"\xc3\xa9\xc3\xa9", 3, 5}, {"c", 5, 1}, {"f", 9, 4}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        const wippyi_yaml_node *node =
            *rows[i].path ? wippyi_yaml_find(doc->root, rows[i].path) : doc->root;
        REQUIRE(node != NULL);
        CHECK_EQ_INT(node->line, rows[i].line);
        CHECK_EQ_INT(node->column, rows[i].column);
    }
    const wippyi_yaml_node *list = wippyi_yaml_find(doc->root, "\xc3\xa9\xc3\xa9");
    CHECK_EQ_INT(list->first->next->column, 9);
    CHECK_EQ_INT(list->first->next->next->column, 14);
    CHECK_EQ_INT(list->key->column, 1);
    CHECK_EQ_INT(list->count, 3);
    CHECK_EQ_INT(list->style, WIPPYI_YAML_FLOW);
    const wippyi_yaml_node *item = wippyi_yaml_find(doc->root, "c")->first;
    CHECK_EQ_INT(item->line, 5);
    CHECK_EQ_INT(item->column, 3);
    CHECK_EQ_INT(item->style, WIPPYI_YAML_BLOCK);
    CHECK_EQ_INT(wippyi_yaml_find(item, "d")->column, 6);
    CHECK_EQ_INT(wippyi_yaml_find(item, "d")->style, WIPPYI_YAML_LITERAL);
    CHECK_EQ_INT(wippyi_yaml_find(item, "e")->line, 8);
    CHECK_EQ_INT(wippyi_yaml_find(item, "e")->column, 5);
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ what is refused */

TEST(test_yaml_refusals_have_line_column_and_reason)
{
    static const struct {
        const char *text;
        uint32_t line;
        uint32_t column;
        const char *reason; /* a part of the message */
    } rows[] = {
        {"a: &x 1", 1, 4, "anchors"},
        {"- &x 1", 1, 3, "anchors"},
        {"&x a: 1", 1, 1, "anchors"},
        {"a: 1\nb: *x", 2, 4, "aliases"},
        {"*x : 1", 1, 1, "aliases"},
        {"a: [*x]", 1, 5, "aliases"},
        {"a: !!str b", 1, 4, "tags"},
        {"!x\na: b", 1, 1, "tags"},
        {"%YAML 1.2\n---\na: b", 1, 1, "directives"},
        {"a: %x", 1, 4, "quotes"},
        {"a: @x", 1, 4, "quotes"},
        {"a: `x", 1, 4, "quotes"},
        {"---\na: b", 1, 1, "document marker '---'"},
        {"a: b\n---\nc: d", 2, 1, "document marker"},
        {"a: b\n...\n", 2, 1, "document marker '...'"},
        {"--- a", 1, 1, "document marker"},
        {"[a,\n---\n]", 2, 1, "document marker"},
        {"? a\n: b", 1, 1, "complex key"},
        {"? ", 1, 1, "complex key"},
        {"a:\n  ? b", 2, 3, "complex key"},
        {"{? a: b}", 1, 2, "complex key"},
        {"{[a]: b}", 1, 2, "collections as keys"},
        {"{{a: b}: c}", 1, 2, "collections as keys"},
        {"[a]: b", 1, 4, "':' after a value"},
        {"x: 1\n[a]: b", 2, 1, "collections as keys"},
        {": a", 1, 1, "without a key"},
        {"{: a}", 1, 2, "without a key"},
        {"~: a", 1, 1, "~ cannot be a key"},
        {"null: a", 1, 1, "null cannot be a key"},
        {"{null: a}", 1, 2, "null cannot be a key"},
        {"a: 1\n.nan: b", 2, 1, ".nan cannot be a key"},
        {"<<: {a: b}", 1, 1, "merge keys"},
        {"a: b\na: c", 2, 1, "'a' is already in this map, line 1"},
        {"a: 1\n'a': 2", 2, 1, "already"},
        {"1: a\n0x1: b", 2, 1, "already"},
        {"x:\n  b: 1\n  c: 2\n  b: 3\n  c: 4", 4, 3, "'b' is already in this map, line 2"},
        {"{a: 1, \"a\": 2}", 1, 8, "already"},
        {"\"x\\ny\": 1\n\"x\\ny\": 2", 2, 1, "'x?y' is already"},
        {"a: b\n  c", 2, 3, "indented more"},
        {"a: b\n c: d", 2, 2, "indented more"},
        {"a b\nc d", 2, 1, "after the document"},
        {"- a\n  b", 2, 3, "indented more"},
        {"- a\n - b", 2, 2, "indented more"},
        {"- a\nb: c", 2, 1, "after the document"},
        {"a: b\n- c", 2, 1, "'-' found"},
        {"a:\n    b: 1\n  c: 2", 3, 3, "indented more"},
        {"a: 'b\n  c'", 1, 4, "not closed on the line, expected a closing '"},
        {"a: \"b\n  c\"", 1, 4, "not closed on the line, expected a closing \""},
        {"a: \"b\\\n  c\"", 1, 4, "not closed"},
        {"\"a", 1, 1, "not closed"},
        {"'a", 1, 1, "not closed"},
        {"\"a\\\"", 1, 1, "not closed"},
        {"\"\\", 1, 1, "not closed"},
        {"a: \"b\" c", 1, 8, "'c' after a value"},
        {"a: 'b'c", 1, 7, "'c' after a value"},
        {"a: 'b'# c", 1, 7, "'#' after a value"},
        {"a: [b]# c", 1, 7, "'#' after a value"},
        {"a: b: c", 1, 5, "':' after a value"},
        {"a: b:", 1, 5, "':' after a value"},
        {"a: \xc3\xa9: c", 1, 5, "':' after a value"},
        {"a: 'b': c", 1, 7, "':' after a value"},
        {"a: - b", 1, 4, "'-' found"},
        {"a: -", 1, 4, "'-' found"},
        {"a", 0, 0, NULL},
        {"a: 1\nb", 2, 2, "the end of the file after 'b', expected ': '"},
        {"a: 1\nb\nc: 2", 2, 2, "the end of the line after 'b', expected ': '"},
        {"a: 1\nb:c", 2, 4, "expected ': '"},
        {"a: 1\n\"b\":c", 2, 4, "':' after 'b', expected ': '"},
        {"\"b\":c", 1, 4, "':' after a value"},
        {"a: ]", 1, 4, "']' found"},
        {"a: }", 1, 4, "'}' found"},
        {"a: ,", 1, 4, "',' found"},
        {"a: [b", 1, 4, "not closed on the line, expected a closing ']'"},
        {"a: {b: c", 1, 4, "not closed on the line, expected a closing '}'"},
        {"a: [b,\n  c]", 1, 4, "not closed on the line"},
        {"a: [b #c]", 1, 4, "not closed on the line"},
        {"[b\n", 1, 1, "not closed, expected a closing ']'"},
        {"{a: [b}", 1, 7, "'}' inside brackets, expected ',' or ']'"},
        {"[a, , b]", 1, 5, "',' found, expected a value"},
        {"[,]", 1, 2, "',' found"},
        {"[a: b]", 1, 3, "':' inside brackets"},
        {"[a b: c]", 1, 5, "':' inside brackets"},
        {"[\"a\": b]", 1, 5, "':' inside brackets"},
        {"[a\nb]", 2, 1, "'b' inside brackets"},
        {"[a,#c\n]", 1, 4, "comment"},
        {"[- a]", 1, 2, "'-' found"},
        {"[-]", 1, 2, "'-' found"},
        {"[?a]", 1, 2, "'?'"},
        {"[a? b]", 1, 3, "'?'"},
        {"[a:?b]", 1, 3, "':' before '?'"},
        {"[:a]", 1, 2, "':' without a key"},
        {"[|\na]", 1, 2, "'|' cannot begin"},
        {"{a}", 1, 3, "'}' after a key, expected ': '"},
        {"{a, b: c}", 1, 3, "',' after a key"},
        {"{a:b}", 1, 5, "'}' after a key"},
        {"{a:}", 1, 3, "':' before '}'"},
        {"{a: }", 1, 5, "'}' found, expected a value"},
        {"{a\n: b}", 1, 3, "the end of the line after a key"},
        {"[a] b", 1, 5, "'b' after a value"},
        {"[a]\nb", 2, 1, "after the document"},
        {"{\"a\": \"\\ud83d\"}", 1, 8, "half a character"},
        {"{\"a\": \"\\ude00\\ud83d\"}", 1, 8, "half a character"},
        {"\"\\ud83d\\ude00\"", 1, 2, "half a character"},
        {"\"\\U00110000\"", 1, 2, "beyond Unicode"},
        {"\"\\q\"", 1, 3, "'q' after a backslash"},
        {"\"\\x4\"", 1, 2, "expected 2 hexadecimal digits"},
        {"\"\\u12\"", 1, 2, "expected 4 hexadecimal digits"},
        {"\"\\U1234567\"", 1, 2, "expected 8 hexadecimal digits"},
        {"\ta: b", 1, 1, "tab in the indentation"},
        {"a:\n\tb: c", 2, 1, "tab in the indentation"},
        {"a:\n  \tb: c", 2, 3, "tab in the indentation"},
        {"a: b\n\t\nc: d", 2, 1, "tab in the indentation"},
        {"-\ta", 1, 2, "tab after '-'"},
        {"- \ta", 1, 3, "tab after '-'"},
        {"a: |\n\tx", 2, 1, "tab in the indentation"},
        {"a: |\n  x\n\ty", 3, 1, "tab in the indentation"},
        {"a: |\n   x\n  y", 3, 3, "indented less than its first line"},
        {"a: |\n    \n  x", 3, 3, "less than an empty line before it"},
        {"a: |x\n  y", 1, 5, "'x' in the head of a block scalar"},
        {"a: | x\n  y", 1, 6, "begins on the next line"},
        {"a: |0\n  y", 1, 5, "'0' in the head"},
        {"a: |10\n  y", 1, 6, "'0' in the head"},
        {"a: |+-\n  y", 1, 6, "'-' in the head"},
        {"a: |#c\n  y", 1, 5, "'#' in the head"},
        {"a: | \xc3\xa9\n  y", 1, 6, "begins on the next line"},
        {"|\nx", 2, 1, "must be indented"},
        {"|1\n x", 1, 2, "indentation indicator"},
        {"|: x", 1, 2, "':' in the head"},
        {"a: 9223372036854775808", 1, 4, "9223372036854775808 does not fit 64 bits"},
        {"a: -9223372036854775809", 1, 4, "does not fit 64 bits"},
        {"a: 0xffffffffffffffff", 1, 4, "does not fit 64 bits"},
        {"a: 01777777777777777777777", 1, 4, "does not fit 64 bits"},
        {"a: 0899", 1, 4, "leading zero means octal"},
        {"a: -08", 1, 4, "leading zero means octal"},
        {"a: 1e999", 1, 4, "out of range"},
        {"a: 1e11111111111111111", 1, 4, "characters"},
        {"a: b\nc: \x01", 2, 4, "U+0001"},
        {"a: \"\x7f\"", 1, 5, "U+007F"},
        {"a: b\rc: d", 1, 5, "U+000D"},
        {"a: \xc2\x85", 1, 4, "U+0085"},
        {"# \xe2\x80\xa8", 1, 3, "U+2028"},
        {"a: \xef\xbb\xbf", 1, 4, "U+FEFF"},
        {"a: \xef\xbf\xbf", 1, 4, "U+FFFF"},
        {"a: \xff", 1, 4, "byte 0xff is not valid UTF-8"},
        {"\xc3\xa9: \xc3", 1, 4, "byte 0xc3 is not valid UTF-8"},
        {"a: \xed\xa0\x80", 1, 4, "not valid UTF-8"},
        {"a: \xc0\x80", 1, 4, "not valid UTF-8"},
    };
    bench b;
    bench_init(&b);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippyi_yaml *doc = NULL;
        wippy_diag diag;
        wippy_result result = parse(&b, rows[i].text, strlen(rows[i].text), &doc, &diag);
        if (!rows[i].reason) {
            CHECK_EQ_INT(result, WIPPY_OK);
            wippyi_yaml_free(doc);
            continue;
        }
        if (result == WIPPY_OK) {
            FAIL("accepted: %s", rows[i].text);
            wippyi_yaml_free(doc);
            continue;
        }
        CHECK_EQ_INT(result, WIPPY_ERR_SYNTAX);
        CHECK_EQ_INT(diag.code, WIPPY_ERR_SYNTAX);
        CHECK_STR(diag.file, "in.yaml");
        if (diag.line != rows[i].line || diag.column != rows[i].column ||
            !strstr(diag.message, rows[i].reason)) {
            FAIL("%u:%u: %s\nexpected %u:%u: %s for\n%s", diag.line, diag.column, diag.message,
                 rows[i].line, rows[i].column, rows[i].reason, rows[i].text);
        }
    }
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_zero_byte_is_refused)
{
    bench b;
    wippyi_yaml *doc = NULL;
    wippy_diag diag;
    bench_init(&b);
    CHECK_EQ_INT(parse(&b, "a: b\0c", 6, &doc, &diag), WIPPY_ERR_SYNTAX);
    CHECK_HAS(diag.message, "U+0000");
    CHECK_EQ_INT(diag.column, 5);
}

TEST(test_yaml_refusal_without_diag_and_file)
{
    bench b;
    wippyi_yaml *doc = NULL;
    bench_init(&b);
    CHECK_EQ_INT(wippyi_yaml_parse("a: *b", 5, NULL, &b.mem, &doc, NULL), WIPPY_ERR_SYNTAX);
    CHECK_EQ_PTR(doc, NULL);
    CHECK_EQ_INT(wippyi_yaml_parse(NULL, 0, NULL, &b.mem, &doc, NULL), WIPPY_OK);
    wippyi_yaml_free(doc);
    wippyi_yaml_free(NULL);
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_keys_end_at_1024_bytes)
{
    char text[1100];
    bench b;
    wippyi_yaml *doc = NULL;
    wippy_diag diag;
    bench_init(&b);
    memset(text, 'k', sizeof(text));
    memcpy(text + 1024, ": 1", 4);
    CHECK_EQ_INT(parse(&b, text, 1027, &doc, &diag), WIPPY_OK);
    wippyi_yaml_free(doc);
    memcpy(text + 1024, "k: 1", 5);
    CHECK_EQ_INT(parse(&b, text, 1028, &doc, &diag), WIPPY_ERR_SYNTAX);
    CHECK_HAS(diag.message, "1024");
    text[0] = '{';
    memcpy(text + 1030, ": 1}", 4);
    CHECK_EQ_INT(parse(&b, text, 1034, &doc, &diag),
                 WIPPY_ERR_SYNTAX); /* "k: 1k": one more colon */
    memset(text + 1, 'k', 1029);
    CHECK_EQ_INT(parse(&b, text, 1034, &doc, &diag), WIPPY_OK); /* JSON knows no such limit */
    wippyi_yaml_free(doc);
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_depth_is_limited)
{
    static const char *const openers[] = {"- ", "[", "{a: ", "[{a: "};
    bench b;
    bench_init(&b);
    for (size_t i = 0; i < TEST_COUNT(openers); i++) {
        for (unsigned depth = 98; depth < 104; depth++) {
            char text[2000];
            size_t size = 0;
            wippyi_yaml *doc = NULL;
            wippy_diag diag;
            unsigned each = i == 3 ? 2 : 1;
            unsigned rounds = depth / each;
            for (unsigned k = 0; k < rounds; k++) {
                size += (size_t)snprintf(text + size, 10, "%s", openers[i]);
            }
            text[size++] = 'x';
            for (unsigned k = 0; k < rounds && i > 0; k++) {
                size += (size_t)snprintf(text + size, 10, "%s", i == 1 ? "]" : i == 2 ? "}" : "}]");
            }
            bool fits = rounds * each <= WIPPYI_YAML_DEPTH_MAX;
            CHECK_EQ_INT(parse(&b, text, size, &doc, &diag), fits ? WIPPY_OK : WIPPY_ERR_LIMIT);
            if (fits) {
                wippyi_yaml_free(doc);
            } else {
                CHECK_HAS(diag.message, "more than 100 collections");
                CHECK_EQ_INT(diag.line, 1);
            }
        }
    }
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_deep_maps_by_indentation_are_limited)
{
    bench b;
    char text[12000];
    size_t size = 0;
    wippyi_yaml *doc = NULL;
    wippy_diag diag;
    bench_init(&b);
    for (int i = 0; i < 101; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%*sk:\n", i, "");
    }
    CHECK_EQ_INT(parse(&b, text, size, &doc, &diag), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(diag.line, 101);
    CHECK_EQ_INT(diag.column, 101);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ using the tree */

static wippy_result shout(const wippyi_yaml_node *node, wippy_writer *w, void *user_data)
{
    unsigned *count = (unsigned *)user_data;
    if (wippyi_yaml_is(node, "bad")) {
        wippy_writer_fail(w, WIPPY_ERR_NOTFOUND);
        return WIPPY_ERR_NOTFOUND;
    }
    ++*count;
    wippy_write_string(w, "!", 1);
    return WIPPY_OK;
}

TEST(test_yaml_write_lets_strings_be_replaced)
{
    bench b;
    wippy_writer w;
    wippy_slice out;
    char text[100];
    unsigned count = 0;
    bench_init(&b);
    wippyi_yaml *doc = parse_good(&b, "a: b\nc: [d, 1, {e: 'f'}]\n");
    REQUIRE(doc != NULL);
    wippyi_writer_init(&w, &b.mem);
    CHECK_EQ_INT(wippyi_yaml_write(doc->root, &w, shout, &count), WIPPY_OK);
    REQUIRE(wippy_writer_finish(&w, &out) == WIPPY_OK);
    wippy_value_to_text(out, text, sizeof(text));
    CHECK_STR(text, "{\"a\": \"!\", \"c\": [\"!\", 1, {\"e\": \"!\"}]}");
    CHECK_EQ_INT(count, 3);
    wippyi_yaml_free(doc);
    wippy_writer_reset(&w);
    doc = parse_good(&b, "a: b\nc: [bad]\nd: e");
    REQUIRE(doc != NULL);
    CHECK_EQ_INT(wippyi_yaml_write(doc->root, &w, shout, &count), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(count, 4);
    wippyi_yaml_free(doc);
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_find_is_and_names)
{
    bench b;
    bench_init(&b);
    wippyi_yaml *doc = parse_good(&b, "1: x\nname: thing\nlist: [a]\n'': e\n");
    REQUIRE(doc != NULL);
    CHECK(wippyi_yaml_is(wippyi_yaml_find(doc->root, "name"), "thing"));
    CHECK(!wippyi_yaml_is(wippyi_yaml_find(doc->root, "name"), "thin"));
    CHECK(!wippyi_yaml_is(wippyi_yaml_find(doc->root, "list"), "a"));
    CHECK(!wippyi_yaml_is(NULL, ""));
    CHECK_EQ_PTR(wippyi_yaml_find(doc->root, "1"), NULL); /* that key is an integer */
    CHECK(wippyi_yaml_find(doc->root, "") != NULL);
    CHECK_EQ_PTR(wippyi_yaml_find(wippyi_yaml_find(doc->root, "list"), "a"), NULL);
    CHECK_EQ_PTR(wippyi_yaml_find(NULL, "a"), NULL);
    CHECK_STR(wippyi_yaml_kind_name(doc->root), "a map");
    CHECK_STR(wippyi_yaml_kind_name(wippyi_yaml_find(doc->root, "list")), "a list");
    CHECK_STR(wippyi_yaml_kind_name(NULL), "nothing");
    wippyi_yaml_free(doc);
}

TEST(test_yaml_reject_points_at_the_node)
{
    bench b;
    wippy_diag diag;
    wippyi_yaml *doc = NULL;
    bench_init(&b);
    REQUIRE(parse(&b, "a: 1\nb: 2", 9, &doc, &diag) == WIPPY_OK);
    CHECK_EQ_INT(wippyi_yaml_reject(doc, wippyi_yaml_find(doc->root, "b"), &diag, WIPPY_ERR_INVALID,
                                    "%s is %d", "b", 2),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(diag.code, WIPPY_ERR_INVALID);
    CHECK_EQ_INT(diag.line, 2);
    CHECK_EQ_INT(diag.column, 4);
    CHECK_STR(diag.file, "in.yaml");
    CHECK_STR(diag.message, "b is 2");
    CHECK_EQ_INT(wippyi_yaml_reject(doc, NULL, NULL, WIPPY_ERR_IO, "x"), WIPPY_ERR_IO);
    wippyi_yaml_free(doc);
}

/* ------------------------------------------------------------------ memory and hostile input */

static const char project[] =
    "version: \"1.0\"\nnamespace: app.area\nmeta: {owner: 'me', tags: [a, b]}\nentries:\n"
    "  - name: thing\n    kind: function.lua\n    source: |\n      return {\n        main = 1\n    "
    "  }\n"
    "    method: main\n    modules: [time, json]\n    meta:\n      title: A thing # it is\n"
    "      note: >-\n        folded\n        text\n\n        end\n"
    "  - name: other\n    kind: process.service\n    input:\n    - 1\n    - 0600\n    - "
    "\"\\u00e9\"\n"
    "    lifecycle: {auto_start: true, delay: 1.5}\n";

static void scenario_parse(test_heap *heap, void *arg)
{
    wippyi_mem mem;
    wippyi_yaml *doc = NULL;
    wippy_diag diag;
    wippy_writer w;
    const char *text = (const char *)arg;
    mem_on_heap(&mem, heap);
    wippy_result result = wippyi_yaml_parse(text, strlen(text), "a.yaml", &mem, &doc, &diag);
    if (result != WIPPY_OK) {
        CHECK_EQ_INT(result, WIPPY_ERR_NOMEM);
        CHECK_EQ_INT(diag.code, WIPPY_ERR_NOMEM);
        CHECK_EQ_PTR(doc, NULL);
        return;
    }
    wippyi_writer_init(&w, &mem);
    result = wippyi_yaml_write(doc->root, &w, NULL, NULL);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    wippy_writer_free(&w);
    wippyi_yaml_free(doc);
}

TEST(test_yaml_refused_memory_gives_nomem_and_leaks_nothing)
{
    char text[20000];
    size_t size = 0;
    while (size + sizeof(project) < sizeof(text) - 100) {
        memcpy(text + size, "- ", 2);
        size += 2;
        for (const char *p = project; *p; p++) {
            text[size++] = *p;
            if (*p == '\n') {
                text[size++] = ' ';
                text[size++] = ' ';
            }
        }
        while (text[size - 1] == ' ') {
            size--;
        }
        if (size > 8000) {
            break;
        }
    }
    text[size] = '\0';
    CHECK(test_heap_sweep(scenario_parse, text) >= 8);
}

/* Memory ends at a node or a text of every kind: before each stands another number of nodes, so that the
   block which is refused is asked for at another place each time. */
TEST(test_yaml_refused_memory_at_every_node)
{
    static const char *const last[] = {
        "-\n", "- # nothing\n  more\n", "- k:\n", "- k: # nothing\n    more\n", "- [a, {b: c}]\n",
        "- {k: ~}\n", "- 'single'\n", "- \"dou\\tble\"\n", "- |\n  literal\n  text\n",
        "- >\n  folded\n\n  text\n", "- - - deep\n"};
    static char text[20000];
    for (size_t i = 0; i < TEST_COUNT(last); i++) {
        for (int before = 0; before < 60; before++) {
            size_t size = 0;
            for (int n = 0; n < before; n++) {
                size += (size_t)snprintf(text + size, sizeof(text) - size, "- x\n");
            }
            for (int n = 0; n < 20; n++) {
                size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", last[i]);
            }
            if (test_heap_sweep(scenario_parse, text) == 0) {
                FAIL("no memory is asked for");
            }
            if (TEST_ATOMIC_LOAD(&test_global.failures) > 0) {
                FAIL("that was %d before %s", before, last[i]);
                return;
            }
        }
    }
    for (int style = 0; style < 4; style++) { /* texts that need a block of their own */
        static const char *const heads[] = {"- '", "- \"a\\t", "- |\n  ", "- >\n  "};
        static const char *const tails[] = {"'\n", "\"\n", "\n", "\n"};
        size_t size = (size_t)snprintf(text, sizeof(text), "%s", heads[style]);
        memset(text + size, 'x', 15000);
        snprintf(text + size + 15000, sizeof(text) - size - 15000, "%s", tails[style]);
        CHECK(test_heap_sweep(scenario_parse, text) >= 2);
    }
}

TEST(test_yaml_every_truncation_is_safe)
{
    bench b;
    bench_init(&b);
    for (size_t size = 0; size < sizeof(project); size++) {
        wippyi_yaml *doc = NULL;
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        if (parse(&b, project, size, &doc, &diag) == WIPPY_OK) {
            wippyi_yaml_free(doc);
        } else {
            CHECK(diag.line > 0 && diag.column > 0 && diag.message[0] != '\0');
        }
    }
    CHECK_BALANCED(&b.heap);
}

TEST(test_yaml_random_bytes_are_safe)
{
    static const char alphabet[] = "ab1:-? \n\n  \t[]{},'\"|>+#&*!%@\\x0.~<\r\xc3\xa9\xff";
    bench b;
    bench_init(&b);
    for (unsigned round = 0; round < test_scale(100000); round++) {
        char text[48];
        size_t size = test_random_below(sizeof(text));
        wippyi_yaml *doc = NULL;
        wippy_diag diag;
        for (size_t i = 0; i < size; i++) {
            text[i] = alphabet[test_random_below(sizeof(alphabet) - 1)];
        }
        wippy_result result = parse(&b, text, size, &doc, &diag);
        if (result == WIPPY_OK) {
            wippy_writer w;
            wippyi_writer_init(&w, &b.mem);
            CHECK_EQ_INT(wippyi_yaml_write(doc->root, &w, NULL, NULL), WIPPY_OK);
            wippy_writer_free(&w);
            wippyi_yaml_free(doc);
        } else {
            CHECK(diag.line > 0 && diag.column > 0 && diag.column <= size + 1);
        }
    }
    CHECK_BALANCED(&b.heap);
}

typedef size_t (*filler_fn)(char *out, size_t i);

static size_t fill_flow(char *out, size_t i)
{
    (void)i;
    memcpy(out, "[], ", 4);
    return 4;
}

static size_t fill_pairs(char *out, size_t i)
{
    return (size_t)snprintf(out, 32, "\"k%zu\": %zu, ", i * 7919 % 1000003, i);
}

static size_t fill_lines(char *out, size_t i)
{
    return (size_t)snprintf(out, 32, "k%zu: v\n", i);
}

static size_t fill_same_start(char *out, size_t i)
{
    memset(out, 'k', 24);
    return 24 + (size_t)snprintf(out + 24, 24, "%zu: 'v'\n", i);
}

static size_t fill_blocks(char *out, size_t i)
{
    (void)i;
    memcpy(out, "- |+\n\n", 6);
    return 6;
}

static size_t fill_empty(char *out, size_t i)
{
    memcpy(out, i == 0 ? "- |\n" : " \n\n\n", 4);
    return 4;
}

static size_t fill_spaces(char *out, size_t i)
{
    (void)i;
    memset(out, ' ', 4);
    return 4;
}

static size_t fill_quotes(char *out, size_t i)
{
    memcpy(out, i == 0 ? "a: \"" : "\\\"\\L", 4);
    return 4;
}

static size_t fill_open_quotes(char *out, size_t i)
{
    (void)i;
    memcpy(out, "- 'a\n", 5);
    return 5;
}

/* A quadratic step anywhere would take hours here; the harness ends a test after two minutes. */
TEST(test_yaml_long_hostile_texts_take_linear_time)
{
    static const struct {
        const char *head;
        filler_fn fill;
        const char *tail;
        wippy_result result;
    } rows[] = {{"[", fill_flow, "]", WIPPY_OK},
                {"{", fill_pairs, "}", WIPPY_OK},
                {"", fill_lines, "", WIPPY_OK},
                {"", fill_same_start, "", WIPPY_OK},
                {"", fill_blocks, "", WIPPY_OK},
                {"", fill_empty, "", WIPPY_OK},
                {"", fill_spaces, "a", WIPPY_OK},
                {"a: b", fill_spaces, "c", WIPPY_OK},
                {"", fill_quotes, "\"", WIPPY_OK},
                {"", fill_quotes, "", WIPPY_ERR_SYNTAX},
                {"", fill_open_quotes, "", WIPPY_ERR_SYNTAX}};
    size_t most = test_scale(2000000);
    char *text = (char *)malloc(most + 200);
    REQUIRE(text != NULL);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        bench b;
        wippyi_yaml *doc = NULL;
        wippy_diag diag;
        bench_init(&b);
        size_t size = (size_t)snprintf(text, 16, "%s", rows[i].head);
        for (size_t k = 0; size < most; k++) {
            size += rows[i].fill(text + size, k);
        }
        size += (size_t)snprintf(text + size, 16, "%s", rows[i].tail);
        wippy_result result = parse(&b, text, size, &doc, &diag);
        if (result != rows[i].result) {
            FAIL("row %zu: %d %u:%u %s", i, (int)result, diag.line, diag.column, diag.message);
        }
        if (result == WIPPY_OK) {
            wippyi_yaml_free(doc);
        }
        CHECK_BALANCED(&b.heap);
    }
    free(text);
}

TEST_MAIN(TEST_ENTRY(test_yaml_plain_scalars_have_the_types_of_the_core_schema),
          TEST_ENTRY(test_yaml_integers_reach_the_ends_of_64_bits),
          TEST_ENTRY(test_yaml_infinities_and_nan),
          TEST_ENTRY(test_yaml_quoted_and_block_scalars_are_strings),
          TEST_ENTRY(test_yaml_escapes_of_double_quotes),
          TEST_ENTRY(test_yaml_escapes_that_grow_fit), TEST_ENTRY(test_yaml_blocks),
          TEST_ENTRY(test_yaml_plain_texts), TEST_ENTRY(test_yaml_structures),
          TEST_ENTRY(test_yaml_json), TEST_ENTRY(test_yaml_nodes_know_their_places),
          TEST_ENTRY(test_yaml_refusals_have_line_column_and_reason),
          TEST_ENTRY(test_yaml_zero_byte_is_refused),
          TEST_ENTRY(test_yaml_refusal_without_diag_and_file),
          TEST_ENTRY(test_yaml_keys_end_at_1024_bytes), TEST_ENTRY(test_yaml_depth_is_limited),
          TEST_ENTRY(test_yaml_deep_maps_by_indentation_are_limited),
          TEST_ENTRY(test_yaml_write_lets_strings_be_replaced),
          TEST_ENTRY(test_yaml_find_is_and_names), TEST_ENTRY(test_yaml_reject_points_at_the_node),
          TEST_ENTRY(test_yaml_refused_memory_gives_nomem_and_leaks_nothing),
          TEST_ENTRY(test_yaml_refused_memory_at_every_node),
          TEST_ENTRY(test_yaml_every_truncation_is_safe),
          TEST_ENTRY(test_yaml_random_bytes_are_safe),
          TEST_ENTRY(test_yaml_long_hostile_texts_take_linear_time))
