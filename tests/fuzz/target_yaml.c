/* YAML and JSON text. A refusal says where, a tree has its nodes in the text, the same text gives the same
   answer, a tree written as JSON reads back equal, and (FUZZ_LIBYAML) libyaml sees the same tree. */
#include "fuzz.h"

#include "yaml.h"

#if defined(FUZZ_LIBYAML)
#include "../yaml/libyaml.h"
#endif

#include <math.h>

typedef struct text {
    char *data;
    size_t size;
    size_t room;
} text;

static void put(text *t, const char *data, size_t size)
{
    if (t->size + size + 1 > t->room) {
        t->room = (t->size + size + 1) * 2;
        t->data = (char *)realloc(t->data, t->room);
    }
    memcpy(t->data + t->size, data, size);
    t->size += size;
    t->data[t->size] = '\0';
}

/* ASCII as it is, everything else as an escape. */
static void put_string(text *t, wippy_slice string)
{
    const uint8_t *at = (const uint8_t *)string.data;
    const uint8_t *end = at + string.size;
    char escape[16];
    put(t, "\"", 1);
    while (at < end) {
        size_t size = wippyi_value_utf8(at, (size_t)(end - at));
        FUZZ_CHECK(size > 0, "a string that is no UTF-8");
        if (size == 1 && *at >= 32 && *at != '"' && *at != '\\' && *at < 127) {
            put(t, (const char *)at, 1);
        } else {
            uint32_t code = size == 1 ? *at : *at & (0x7fu >> size);
            for (size_t i = 1; i < size; i++) {
                code = code << 6 | (at[i] & 63u);
            }
            put(t, escape, (size_t)snprintf(escape, sizeof(escape), "\\U%08x", code));
        }
        at += size;
    }
    put(t, "\"", 1);
}

static void put_float(text *t, double number)
{
    char digits[40];
    if (isnan(number)) {
        put(t, ".nan", 4);
    } else if (isinf(number)) {
        put(t, number < 0 ? "-.inf" : ".inf", number < 0 ? 5 : 4);
    } else {
        int size = snprintf(digits, sizeof(digits), "%.17e", number);
        put(t, digits, (size_t)size);
    }
}

static void put_node(text *t, const wippyi_yaml_node *node)
{
    char digits[32];
    switch (node->kind) {
    case WIPPYI_YAML_NULL: put(t, "null", 4); return;
    case WIPPYI_YAML_BOOL: put(t, node->as.boolean ? "true " : "false", 5); return;
    case WIPPYI_YAML_INT:
        put(t, digits,
            (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)node->as.integer));
        return;
    case WIPPYI_YAML_FLOAT: put_float(t, node->as.number); return;
    case WIPPYI_YAML_STRING: put_string(t, node->text); return;
    default: break;
    }
    put(t, node->kind == WIPPYI_YAML_SEQ ? "[" : "{", 1);
    for (const wippyi_yaml_node *value = node->first; value; value = value->next) {
        if (value->key) {
            put_node(t, value->key);
            put(t, ": ", 2);
        }
        put_node(t, value);
        put(t, value->next ? ",\n" : "", value->next ? 2 : 0);
    }
    put(t, node->kind == WIPPYI_YAML_SEQ ? "]" : "}", 1);
}

static void check_node(const wippyi_yaml_node *node, uint32_t lines)
{
    uint32_t count = 0;
    FUZZ_CHECK(node->line >= 1 && node->line <= lines, "a node on line %u of %u", node->line,
               lines);
    FUZZ_CHECK(node->column >= 1, "a node without column");
    if (node->kind < WIPPYI_YAML_SEQ) {
        FUZZ_CHECK(node->text.data == NULL || node->text.data[node->text.size] == '\0', "no NUL");
        return;
    }
    for (const wippyi_yaml_node *value = node->first; value; value = value->next) {
        FUZZ_CHECK((value->key != NULL) == (node->kind == WIPPYI_YAML_MAP), "key or not");
        if (value->key) {
            check_node(value->key, lines);
        }
        check_node(value, lines);
        count++;
    }
    FUZZ_CHECK(count == node->count, "%u values, said to be %u", count, node->count);
}

static void write_tree(const wippyi_yaml *doc, wippy_writer *w, wippyi_mem *mem, wippy_slice *out)
{
    wippyi_writer_init(w, mem);
    wippy_result result = wippyi_yaml_write(doc->root, w, NULL, NULL);
    FUZZ_CHECK(result == WIPPY_OK, "not written: %d", result);
    FUZZ_CHECK(wippy_writer_finish(w, out) == WIPPY_OK, "not finished");
    FUZZ_CHECK(wippy_value_check(out->data, out->size, 1) == WIPPY_OK, "not a value");
}

static void check_again(const wippyi_yaml *doc, wippyi_mem *mem)
{
    text t = {NULL, 0, 0};
    wippyi_yaml *again = NULL;
    wippy_writer first, second;
    wippy_slice before, after;
    wippy_diag diag;
    put(&t, " ", 1);
    put_node(&t, doc->root);
    wippy_result result = wippyi_yaml_parse(t.data, t.size, NULL, mem, &again, &diag);
    FUZZ_CHECK(result == WIPPY_OK, "written as JSON it is refused: %s, line %u\n%s", diag.message,
               diag.line, t.data);
    write_tree(doc, &first, mem, &before);
    write_tree(again, &second, mem, &after);
    FUZZ_CHECK(wippy_value_equal(before, after), "another value when read again:\n%s", t.data);
    wippy_writer_free(&first);
    wippy_writer_free(&second);
    wippyi_yaml_free(again);
    free(t.data);
}

#if defined(FUZZ_LIBYAML)
static void check_libyaml(const wippyi_yaml *doc, const char *source, size_t size)
{
    dump ours, theirs;
    char problem[200];
    memset(&ours, 0, sizeof(ours));
    memset(&theirs, 0, sizeof(theirs));
    dump_ours(&ours, doc->root);
    bool read = dump_libyaml(&theirs, source, size, problem, sizeof(problem));
    FUZZ_CHECK(read, "libyaml refuses it: %s\nours: %s", problem, ours.data);
    FUZZ_CHECK(ours.size == theirs.size && memcmp(ours.data, theirs.data, ours.size) == 0,
               "another tree\nours:    %s\nlibyaml: %s", ours.data, theirs.data);
    free(ours.data);
    free(theirs.data);
}
#endif

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    wippyi_yaml *doc = NULL;
    wippy_diag diag, again;
    char *source = fuzz_exact(data, size);
    uint32_t lines = 1;
    fuzz_mem(&mem, &heap);
    memset(&diag, 0, sizeof(diag));
    memset(&again, 0, sizeof(again));
    for (size_t i = 0; i < size; i++) {
        lines += source[i] == '\n' || source[i] == '\r' ? 1u : 0u;
    }
    wippy_result result = wippyi_yaml_parse(source, size, "file.yaml", &mem, &doc, &diag);
    if (result == WIPPY_OK) {
        check_node(doc->root, lines);
        check_again(doc, &mem);
#if defined(FUZZ_LIBYAML)
        check_libyaml(doc, source, size);
#endif
        wippyi_yaml_free(doc);
    } else {
        FUZZ_CHECK(result == WIPPY_ERR_SYNTAX || result == WIPPY_ERR_LIMIT, "result %d", result);
        FUZZ_CHECK(doc == NULL, "a failure gives a document");
        fuzz_check_place(&diag, source, size, FUZZ_LINES_YAML);
        FUZZ_CHECK(wippyi_yaml_parse(source, size, "file.yaml", &mem, &doc, &again) == result,
                   "another result");
        fuzz_check_same_diag(&diag, &again);
    }
    free(source);
    FUZZ_BALANCED(&heap);
}
