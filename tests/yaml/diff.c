/* The YAML reader against libyaml: what ours accepts, libyaml must read as the same tree; what ours
   refuses is not looked at, except that the documents named as good must be accepted.
   Documents: by hand, made by a grammar, those damaged, noise, and every file of the fuzzers' corpus,
   whole, damaged, and spliced. `make yamldiff` compares many and says how many.
   Scalars are compared by content and style: their types are ours alone, see test_yaml.c. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "test.h"

#include "yaml/libyaml.h"

#include <dirent.h>

/* ------------------------------------------------------------------ the comparison */

static uint64_t all_compared;
static uint64_t all_accepted;

typedef struct tally {
    unsigned accepted;
    unsigned refused;
    unsigned shown;
    wippyi_mem mem;
    test_heap heap;
} tally;

static void tally_init(tally *t)
{
    wippy_allocator allocator;
    memset(t, 0, sizeof(*t));
    memset(&allocator, 0, sizeof(allocator));
    test_heap_init(&t->heap);
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &t->heap;
    wippyi_mem_init(&t->mem, &allocator);
}

static void report(tally *t, const char *text, size_t size, const char *ours, const char *theirs)
{
    if (t->shown++ < 10) {
        FAIL("different trees for\n----\n%.*s\n----\nours:    %.300s\nlibyaml: %.300s", (int)size,
             text, ours, theirs);
    }
}

/* Returns whether ours accepted the document. */
static bool compare(tally *t, const char *text, size_t size, wippy_diag *diag)
{
    wippyi_yaml *doc = NULL;
    char *exact = (char *)malloc(size > 0 ? size : 1); /* a read outside is seen by the sanitizer */
    memcpy(exact, text, size);
    wippy_result result = wippyi_yaml_parse(exact, size, NULL, &t->mem, &doc, diag);
    free(exact);
    all_compared++;
    if (result != WIPPY_OK) {
        t->refused++;
        return false;
    }
    all_accepted++;
    dump ours;
    dump theirs;
    char problem[200];
    memset(&ours, 0, sizeof(ours));
    memset(&theirs, 0, sizeof(theirs));
    t->accepted++;
    dump_ours(&ours, doc->root);
    if (!dump_libyaml(&theirs, text, size, problem, sizeof(problem))) {
        report(t, text, size, ours.data, problem);
    } else if (ours.size != theirs.size || memcmp(ours.data, theirs.data, ours.size) != 0) {
        report(t, text, size, ours.data, theirs.data);
    }
    free(ours.data);
    free(theirs.data);
    wippyi_yaml_free(doc);
    return true;
}

/* ------------------------------------------------------------------ documents by hand */

static const char *const good[] = {
    "",
    "# only a comment\n",
    "a",
    "a: 1",
    "a: 1\n",
    "  a: 1\n  b: 2\n",
    "a:\n  b:\n    c: d\n  e: f\ng: h\n",
    "a:\n- 1\n- 2\nb: 3\n",
    "a:\n  - 1\n  - 2\nb: 3\n",
    "- a\n- b: c\n  d: e\n-\n  f: g\n- - x\n  - y\n- - - z\n",
    "-\n- a\n-\n",
    "- - a\n  -\n  - b\n-\n  - c\n",
    "- a:\n  - b\n  c: d\n- e:\n    - f\n  g:\n",
    "a:\nb:\n  c:\nd: ~\n",
    "a: b:c\n",
    "a: file://x.lua\nb: :8085\nc: app:x\nd: C#\ne: a#b #c\nf: http://x/y?z=1&a=b,c[d]\n",
    "a: 'it''s'\nb: ''\n'c d': e\n\"f\": g\n\"h\" : i\nj : k\n",
    "a: \"\\0\\a\\b\\t\\n\\v\\f\\r\\e\\\"\\/\\\\\\N\\_\\L\\P\\x41\\u00e9\\U0001F600\\ \"\n",
    "a: \"tab\there\"\nb: \"\"\nc: \" x \"\n",
    "a: [1, 'b', \"c\", [d], {e: f}]\nb: []\nc: {}\nd: [ ]\ne: [a,]\nf: {a: b,}\ng: [a b, c]\n",
    "a: {b: c, \"d\":e, 'f' : g, h: [i, {j: k}]}\n",
    "{a: b,\n c: [d,\n e],\n# comment\n f: {}}\n",
    "[\n  1,\n  2\n]\n",
    "{\n\t\"a\": 1,\n\t\"b\": [true, null, \"x\"],\n\t\"c\": {\"d\": -1.5e3}\n}\n",
    "{\"a\":\n1}",
    "a: |\n  x\n  y\nb: 1\n",
    "a: |\n  x",
    "a: |-\n  x\n\n\nb: |+\n  x\n\n\nc: |\n  x\n\n\n",
    "a: |\n\n  x\n   y\n\n  z\n",
    "a: |\nb: |+\nc: |-\nd: |+\n\n\ne: 1\n",
    "a: |2\n   x\n  y\nb: |1-\n  x\n",
    "a: >\n  x\n  y\n\n  z\n   more\n  back\n\n\n   more\n\n  end\n",
    "a: >-\n  x\n\n\n  y\nb: >+\n  x\n\nc: >\n\n\n  x\n",
    "a: > # comment\n  x\n  # not a comment\n # a comment\n  # also one\nb: 1\n",
    "a:\n  |\n  x\nb:\n  >-\n x\n",
    "- |\n x\n- >\n  y\n- - |\n   z\n",
    "- a: |\n    x\n  b: y\n",
    "a: |\n  x\n     \n  \n",
    "a: |\n  x\n     ",
    "a: >\n  x\n     \n  y\n",
    "a: |2\n  \tx\n  y\t\n",
    "a: >\n  x\n  \ty\n  z\n",
    "a: # comment\n  b\nc: # comment\n  - d # comment\n",
    "a:\n  # c\n\n  b: 1 # d\n # e\n\nf: 2\n",
    "a:\tb\nc: d\t# e\nf: \"g\"\t\n",
    "a: x\ty\n",
    "\xef\xbb\xbf"
    "a: 1\r\nb:\r\n- c\r\nd: |\r\n  x\r\n  y\r\n",
    "\xc3\xa9: \xe2\x82\xac\nb: \xf0\x9f\x98\x80\n",
    "1: a\n2.5: b\ntrue: c\n",
    "-a: b\n--c: d\n---e: f\n...g: h\n",
    "- -1\n- -x\n- --\n- ?a\n- a?\n- :b\n- a,b\n- a]b\n- a}b{\n",
    "a: 'b' \n",
    "a: [b] \t\n",
    "key with spaces: value with spaces   \n",
    "a: <<\nb: =\nc: yes\nd: 2001-12-14\n",
    "a.b: 1\na/b: 2\n\"a b\": 3\n",
    "version: \"1.0\"\nnamespace: app\nentries:\n  - name: thing\n    kind: function.lua\n"
    "    source: file://thing.lua\n    method: main\n    modules: [time, json]\n    meta:\n"
    "      title: A thing # it is\n",
};

TEST(test_yaml_documents_by_hand_give_the_tree_of_libyaml)
{
    tally t;
    tally_init(&t);
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        if (!compare(&t, good[i], strlen(good[i]), &diag)) {
            FAIL("refused: %s, line %u column %u\n%s", diag.message, diag.line, diag.column,
                 good[i]);
        }
    }
    CHECK_BALANCED(&t.heap);
}

/* ------------------------------------------------------------------ documents by chance */

typedef struct draft {
    char data[2048];
    size_t size;
} draft;

static void put(draft *d, const char *text)
{
    size_t size = strlen(text);
    if (d->size + size < sizeof(d->data)) {
        memcpy(d->data + d->size, text, size);
        d->size += size;
    }
}

static const char *pick(const char *const *rows, size_t count)
{
    return rows[test_random_below((uint32_t)count)];
}

#define PICK(rows) pick(rows, TEST_COUNT(rows))

static bool chance(uint32_t one_in)
{
    return test_random_below(one_in) == 0;
}

static void put_spaces(draft *d, size_t count)
{
    while (count-- > 0) {
        put(d, " ");
    }
}

static void put_rest(draft *d)
{
    static const char *const rows[] = {"\n",   "\n",     "\n",       "\n",         " \n", " # c\n",
                                       "\n\n", "\n#c\n", "\n   #\n", "\t# c: d\n", "\r\n"};
    put(d, PICK(rows));
}

static void put_scalar(draft *d, bool flow)
{
    static const char *const rows[] = {"a",        "b c",
                                       "1",        "-1",
                                       "0x1f",     "true",
                                       "~",        "x:y",
                                       "C#",       "a#b",
                                       "''",       "'it''s'",
                                       "\"\"",     "\"q\\n\\\"\\u00e9\"",
                                       "'# no'",   "\": \"",
                                       "' , '",    "\"\\x41 \\\\\"",
                                       "\xc3\xa9", "a-b",
                                       "--x",      "1.5e3",
                                       "null",     "yes",
                                       "a'b\"c",   "\\n",
                                       "a*b&c!",   "file://x.lua"};
    static const char *const block_only[] = {"a, b", "a]", "x{y}", "?a", ":a", "a:,"};
    put(d, !flow && chance(6) ? PICK(block_only) : PICK(rows));
}

static void put_key(draft *d)
{
    static const char *const heads[] = {"k", "key ", "'q ", "\"d\\t", "a.b-", "/"};
    char number[24];
    const char *head = PICK(heads);
    put(d, head);
    snprintf(number, sizeof(number), "%u", test_random_below(1000000));
    put(d, number);
    put(d, *head == '\'' ? "'" : *head == '"' ? "\"" : "");
    put(d, chance(8) ? " " : "");
}

static void put_flow(draft *d, unsigned depth, bool many_lines)
{
    static const char *const gaps[] = {"", "", " ", "  ", "\t"};
    static const char *const breaks[] = {"", " ", "\n", "\n\t", " # c\n ", "\n\n"};
    unsigned count = test_random_below(4);
    bool seq = chance(2);
    put(d, seq ? "[" : "{");
    for (unsigned i = 0; i < count; i++) {
        put(d, many_lines ? PICK(breaks) : PICK(gaps));
        if (!seq) {
            put_key(d);
            put(d, ": ");
        }
        if (depth > 0 && chance(3)) {
            put_flow(d, depth - 1, many_lines);
        } else {
            put_scalar(d, true);
        }
        put(d, many_lines ? PICK(breaks) : PICK(gaps));
        put(d, i + 1 < count || chance(4) ? "," : "");
    }
    put(d, PICK(gaps));
    put(d, seq ? "]" : "}");
}

static void put_block_scalar(draft *d, size_t indent)
{
    static const char *const heads[] = {"|",  ">",     "|-", ">-",  "|+",
                                        ">+", "| # c", ">2", "|1-", ">+3"};
    static const char *const lines[] = {"x",     "y z", " spaced", "  more", "# no",
                                        "\ttab", "- x", "k: v",    "z "};
    unsigned count = test_random_below(6);
    size_t inner = indent + 1 + test_random_below(3);
    put(d, PICK(heads));
    put(d, "\n");
    for (unsigned i = 0; i < count; i++) {
        if (chance(3)) {
            put_spaces(d, test_random_below(5));
        } else {
            put_spaces(d, inner);
            put(d, PICK(lines));
        }
        put(d, chance(12) ? "\r\n" : "\n");
    }
}

static void put_block(draft *d, size_t indent, unsigned depth);

/* What stands behind a key or a '-', to the end of its lines; indent is that of the collection. */
static void put_value(draft *d, size_t indent, unsigned depth, bool in_seq)
{
    uint32_t kind = test_random_below(10);
    size_t inner = indent + 1 + test_random_below(3);
    if (kind < 3 && depth > 0) {
        put_rest(d);
        put_block(d, !in_seq && chance(3) ? indent : inner, depth - 1);
        return;
    }
    if (kind == 3 && depth > 0 && in_seq) { /* compact */
        size_t gap = 1 + test_random_below(2);
        put_spaces(d, gap);
        put_block(d, indent + 1 + gap, depth - 1);
        return;
    }
    if (kind == 4) {
        put_rest(d);
        return;
    }
    put(d, chance(10) && !in_seq ? "\t" : " ");
    if (chance(12)) {
        put(d, "\n");
        put_spaces(d, inner);
    }
    if (kind == 5) {
        put_block_scalar(d, indent);
        return;
    }
    if (kind == 6) {
        put_flow(d, 2, false);
    } else {
        put_scalar(d, false);
    }
    put_rest(d);
}

/* A collection whose first line is already indented when it stands behind a '-'. */
static void put_block(draft *d, size_t indent, unsigned depth)
{
    unsigned count = 1 + test_random_below(4);
    bool seq = chance(2);
    bool compact = d->size > 0 && d->data[d->size - 1] == ' ';
    for (unsigned i = 0; i < count; i++) {
        if (!(compact && i == 0)) {
            put_spaces(d, indent);
        }
        if (seq) {
            put(d, "-");
        } else {
            put_key(d);
            put(d, ":");
        }
        put_value(d, indent, depth, seq);
    }
}

static void make_document(draft *d)
{
    d->size = 0;
    if (chance(8)) {
        put_flow(d, 3, true);
    } else if (chance(20)) {
        put_scalar(d, false);
    } else {
        put_block(d, chance(10) ? 2 : 0, 4);
    }
    if (chance(10)) {
        while (d->size > 0 && d->data[d->size - 1] == '\n') {
            d->size--; /* no line end at the end */
        }
    }
}

TEST(test_yaml_made_documents_give_the_tree_of_libyaml)
{
    tally t;
    wippy_diag diag;
    tally_init(&t);
    for (unsigned i = 0; i < test_scale(20000); i++) {
        draft d;
        make_document(&d);
        compare(&t, d.data, d.size, &diag);
    }
    CHECK(t.accepted > t.refused); /* the generator makes mostly good ones */
    CHECK_BALANCED(&t.heap);
}

/* One to three small accidents. */
static void damage(draft *d)
{
    static const char alphabet[] = " \n\t-:?,[]{}#&*!|>'\"%@`ab01~.\\<=+x/\r\xc3";
    unsigned count = 1 + test_random_below(3);
    for (unsigned i = 0; i < count && d->size > 0; i++) {
        size_t at = test_random_below((uint32_t)d->size);
        char byte = alphabet[test_random_below((uint32_t)sizeof(alphabet) - 1)];
        uint32_t kind = test_random_below(4);
        if (kind == 0) {
            d->data[at] = byte;
        } else if (kind == 1) {
            memmove(d->data + at, d->data + at + 1, d->size - at - 1);
            d->size--;
        } else if (d->size + 1 < sizeof(d->data)) {
            memmove(d->data + at + 1, d->data + at, d->size - at);
            d->data[at] = kind == 2 ? byte : d->data[at];
            d->size++;
        }
    }
}

TEST(test_yaml_damaged_documents_are_never_misread)
{
    tally t;
    wippy_diag diag;
    tally_init(&t);
    for (unsigned i = 0; i < test_scale(60000); i++) {
        draft d;
        if (chance(3)) {
            d.size = 0;
            put(&d, PICK(good));
        } else {
            make_document(&d);
        }
        damage(&d);
        compare(&t, d.data, d.size, &diag);
    }
    CHECK(t.accepted > 1000 || t.accepted > t.refused / 20);
    CHECK(t.refused > 0);
    CHECK_BALANCED(&t.heap);
}

/* Short texts of the characters that mean something, and of pieces that go together. */
TEST(test_yaml_noise_is_never_misread)
{
    static const char *const pieces[] = {
        "a",      "b",     "1",    " ",    " ",   " ",   "  ",   "\n",  "\n",  "\n", "\n ", "\n  ",
        "- ",     "- ",    ": ",   ": ",   ":",   "-",   "?",    "? ",  "[",   "]",  "{",   "}",
        ", ",     ",",     "#",    " #",   "'",   "\"",  "|",    ">",   "|-",  ">+", "|2",  "&",
        "*",      "!",     "%",    "@",    "\t",  "~",   "\\",   "--",  "---", "<<", "''",  "\"\"",
        "a: b\n", "- a\n", "k:\n", "\r\n", "|\n", ">\n", "\n\n", "...", "=",   "`"};
    tally t;
    wippy_diag diag;
    tally_init(&t);
    for (unsigned i = 0; i < test_scale(300000); i++) {
        draft d;
        d.size = 0;
        for (unsigned count = 1 + test_random_below(12); count > 0; count--) {
            put(&d, PICK(pieces));
        }
        compare(&t, d.data, d.size, &diag);
    }
    CHECK(t.accepted > 1000 || t.accepted > t.refused / 100);
    CHECK_BALANCED(&t.heap);
}

/* ------------------------------------------------------------------ the fuzzers' corpus */

#define CORPUS_MAX  20000
#define CORPUS_SIZE 8192

typedef struct corpus {
    char *data[CORPUS_MAX];
    size_t size[CORPUS_MAX];
    size_t count;
} corpus;

static void corpus_add(corpus *all, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL && all->count < CORPUS_MAX) {
        char *data = (char *)malloc(CORPUS_SIZE);
        all->size[all->count] = fread(data, 1, CORPUS_SIZE, file);
        all->data[all->count++] = data;
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void corpus_read(corpus *all, const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        char path[1024];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
            corpus_add(all, path);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

/* The beginning of one, the end of another, and some accidents. */
static void put_spliced(const corpus *all, draft *d)
{
    size_t first = test_random_below((uint32_t)all->count);
    size_t second = test_random_below((uint32_t)all->count);
    size_t head = test_random_below((uint32_t)all->size[first] + 1);
    size_t tail = test_random_below((uint32_t)all->size[second] + 1);
    d->size = 0;
    head = head < sizeof(d->data) / 2 ? head : sizeof(d->data) / 2;
    tail = tail < sizeof(d->data) / 2 ? tail : sizeof(d->data) / 2;
    memcpy(d->data, all->data[first], head);
    memcpy(d->data + head, all->data[second] + all->size[second] - tail, tail);
    d->size = head + tail;
    if (chance(2)) {
        damage(d);
    }
}

TEST(test_yaml_documents_of_the_fuzzers_are_never_misread)
{
    static corpus all;
    tally t;
    wippy_diag diag;
    tally_init(&t);
    corpus_read(&all, "tests/fuzz/corpus/yaml");
    corpus_read(&all, "tests/fuzz/corpus/entries");
    corpus_read(&all, "build/fuzz/corpus/yaml"); /* what fuzzing here has found so far */
    corpus_read(&all, "build/fuzz/corpus/entries");
    REQUIRE(all.count > 50);
    for (size_t i = 0; i < all.count; i++) {
        compare(&t, all.data[i], all.size[i], &diag);
    }
    for (unsigned i = 0; i < test_scale(60000); i++) {
        draft d;
        put_spliced(&all, &d);
        compare(&t, d.data, d.size, &diag);
    }
    CHECK(t.accepted > 20);
    CHECK_BALANCED(&t.heap);
    for (size_t i = 0; i < all.count; i++) {
        free(all.data[i]);
    }
    printf("%llu documents compared: %llu read as the same tree, %llu refused\n",
           (unsigned long long)all_compared, (unsigned long long)all_accepted,
           (unsigned long long)(all_compared - all_accepted));
}

TEST_MAIN(TEST_ENTRY(test_yaml_documents_by_hand_give_the_tree_of_libyaml),
          TEST_ENTRY(test_yaml_made_documents_give_the_tree_of_libyaml),
          TEST_ENTRY(test_yaml_damaged_documents_are_never_misread),
          TEST_ENTRY(test_yaml_noise_is_never_misread),
          TEST_ENTRY(test_yaml_documents_of_the_fuzzers_are_never_misread))
