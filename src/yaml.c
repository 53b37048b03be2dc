#include "yaml.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ the document's memory */

typedef struct wippyi_yaml_chunk {
    struct wippyi_yaml_chunk *next;
    size_t size; /* of the whole block */
    size_t used; /* from the start of the block */
    size_t padding;
} wippyi_yaml_chunk;

enum {
    WIPPYI_YAML_CHUNK_FIRST = 2048, /* bytes; later ones double */
    WIPPYI_YAML_CHUNK_MOST = 65536, /* unless one thing needs more */
    WIPPYI_YAML_KEY_MAX = 1024      /* bytes, where YAML says characters */
};

static wippyi_yaml_chunk *wippyi_yaml_chunk_add(wippyi_mem *mem, wippyi_yaml_chunk *last,
                                                size_t size)
{
    size_t room = last ? WIPPYI_MIN(last->size * 2, (size_t)WIPPYI_YAML_CHUNK_MOST)
                       : (size_t)WIPPYI_YAML_CHUNK_FIRST;
    room = WIPPYI_MAX(room, size + sizeof(wippyi_yaml_chunk));
    wippyi_yaml_chunk *chunk = (wippyi_yaml_chunk *)wippyi_mem_alloc(mem, room);
    if (chunk) {
        chunk->next = last;
        chunk->size = room;
        chunk->used = sizeof(wippyi_yaml_chunk);
    }
    return chunk;
}

static void *wippyi_yaml_chunk_take(wippyi_yaml_chunk *chunk, size_t size)
{
    size_t start = (chunk->used + 15) & ~(size_t)15;
    if (start > chunk->size || size > chunk->size - start) {
        return NULL;
    }
    chunk->used = start + size;
    return (char *)chunk + start;
}

static void wippyi_yaml_chunks_free(wippyi_mem *mem, wippyi_yaml_chunk *chunk)
{
    while (chunk) {
        wippyi_yaml_chunk *next = chunk->next;
        wippyi_mem_free(mem, chunk, chunk->size);
        chunk = next;
    }
}

static wippyi_yaml *wippyi_yaml_create(wippyi_mem *mem, const char *file)
{
    size_t file_size = strlen(file) + 1;
    wippyi_yaml_chunk *chunk =
        wippyi_yaml_chunk_add(mem, NULL, sizeof(wippyi_yaml) + 32 + file_size);
    if (!chunk) {
        return NULL;
    }
    wippyi_yaml *doc = (wippyi_yaml *)wippyi_yaml_chunk_take(chunk, sizeof(wippyi_yaml));
    char *name = (char *)wippyi_yaml_chunk_take(chunk, file_size);
    memcpy(name, file, file_size);
    doc->mem = mem;
    doc->chunks = chunk;
    doc->root = NULL;
    doc->file = name;
    return doc;
}

WIPPYI_FN void wippyi_yaml_free(wippyi_yaml *doc)
{
    if (doc) {
        wippyi_yaml_chunks_free(doc->mem, doc->chunks);
    }
}

/* ------------------------------------------------------------------ the parser and its failures */

typedef struct wippyi_yaml_parser {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *line_start;
    const uint8_t *column_at; /* `column` is that of this place: counted on from here, */
    uint32_t column;          /* so that long lines cost no more than short ones */
    uint32_t line;
    uint32_t depth;  /* collections that are open */
    bool many_lines; /* flow collections may go on in the next line */
    wippyi_yaml *doc;
    const char *file;
    wippy_diag *diag;
    wippy_result result;
} wippyi_yaml_parser;

static bool wippyi_yaml_stop(wippyi_yaml_parser *p, wippy_result code, uint32_t line,
                             uint32_t column, const char *format, va_list args) WIPPYI_PRINTF(5, 0);

/* Every function of the parser returns false when it has failed; this is where that begins. */
static bool wippyi_yaml_stop(wippyi_yaml_parser *p, wippy_result code, uint32_t line,
                             uint32_t column, const char *format, va_list args)
{
    p->result = code;
    if (p->diag) {
        memset(p->diag, 0, sizeof(*p->diag));
        p->diag->code = code;
        p->diag->line = line;
        p->diag->column = column;
        snprintf(p->diag->file, sizeof(p->diag->file), "%s", p->file);
        vsnprintf(p->diag->message, sizeof(p->diag->message), format, args);
    }
    return false;
}

static uint32_t wippyi_yaml_column(wippyi_yaml_parser *p)
{
    if (p->at < p->column_at) {
        p->column_at = p->line_start;
        p->column = 1;
    }
    for (; p->column_at < p->at; p->column_at++) {
        p->column += (*p->column_at & 0xc0) != 0x80;
    }
    return p->column;
}

static bool wippyi_yaml_fail(wippyi_yaml_parser *p, const char *format, ...) WIPPYI_PRINTF(2, 3);
static bool wippyi_yaml_fail_at(wippyi_yaml_parser *p, const wippyi_yaml_node *node,
                                const char *format, ...) WIPPYI_PRINTF(3, 4);

/* At the place the parser stands at. */
static bool wippyi_yaml_fail(wippyi_yaml_parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wippyi_yaml_stop(p, WIPPY_ERR_SYNTAX, p->line, wippyi_yaml_column(p), format, args);
    va_end(args);
    return false;
}

static bool wippyi_yaml_fail_at(wippyi_yaml_parser *p, const wippyi_yaml_node *node,
                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wippyi_yaml_stop(p, WIPPY_ERR_SYNTAX, node->line, node->column, format, args);
    va_end(args);
    return false;
}

static bool wippyi_yaml_fail_code(wippyi_yaml_parser *p, wippy_result code, const char *format, ...)
    WIPPYI_PRINTF(3, 4);

static bool wippyi_yaml_fail_code(wippyi_yaml_parser *p, wippy_result code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wippyi_yaml_stop(p, code, p->line, wippyi_yaml_column(p), format, args);
    va_end(args);
    return false;
}

/* What stands at the parser's place, in words. */
static const char *wippyi_yaml_found(const wippyi_yaml_parser *p, char text[32])
{
    if (p->at >= p->end) {
        return "the end of the file";
    }
    if (*p->at == '\n' || *p->at == '\r') {
        return "the end of the line";
    }
    if (*p->at == '\t') {
        return "a tab";
    }
    size_t length = wippyi_value_utf8(p->at, (size_t)(p->end - p->at));
    snprintf(text, 32, "'%.*s'", (int)length, (const char *)p->at);
    return text;
}

/* The beginning of a scalar for a message: whole characters, nothing that moves the cursor. */
static const char *wippyi_yaml_brief(wippy_slice text, char out[48])
{
    size_t size = 0;
    while (size < text.size) {
        size_t length = wippyi_value_utf8((const uint8_t *)text.data + size, text.size - size);
        if (length == 0 || size + length > 40) {
            break;
        }
        memcpy(out + size, text.data + size, length);
        out[size] = (uint8_t)out[size] < 0x20 || out[size] == 0x7f ? '?' : out[size];
        size += length;
    }
    snprintf(out + size, 48 - size, "%s", size < text.size ? "..." : "");
    return out;
}

static void *wippyi_yaml_alloc(wippyi_yaml_parser *p, size_t size)
{
    wippyi_yaml *doc = p->doc;
    void *place = wippyi_yaml_chunk_take(doc->chunks, size);
    if (!place) {
        wippyi_yaml_chunk *chunk = wippyi_yaml_chunk_add(doc->mem, doc->chunks, size);
        if (!chunk) {
            wippyi_yaml_fail_code(p, WIPPY_ERR_NOMEM, "out of memory");
            return NULL;
        }
        doc->chunks = chunk;
        place = wippyi_yaml_chunk_take(chunk, size);
    }
    return place;
}

/* Give back the unused end of what was allocated last. */
static void wippyi_yaml_trim(wippyi_yaml_parser *p, const char *unused)
{
    wippyi_yaml_chunk *chunk = p->doc->chunks;
    chunk->used = (size_t)(unused - (const char *)chunk);
}

/* A node at the parser's place; NULL on failure. */
static wippyi_yaml_node *wippyi_yaml_node_add(wippyi_yaml_parser *p, wippyi_yaml_kind kind,
                                              wippyi_yaml_style style)
{
    wippyi_yaml_node *node = (wippyi_yaml_node *)wippyi_yaml_alloc(p, sizeof(wippyi_yaml_node));
    if (node) {
        memset(node, 0, sizeof(*node));
        node->kind = kind;
        node->style = style;
        node->line = p->line;
        node->column = wippyi_yaml_column(p);
        node->text.data = "";
    }
    return node;
}

static bool wippyi_yaml_text_set(wippyi_yaml_parser *p, wippyi_yaml_node *node, const uint8_t *text,
                                 size_t size)
{
    char *copy = (char *)wippyi_yaml_alloc(p, size + 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    node->text.data = copy;
    node->text.size = size;
    return true;
}

/* ------------------------------------------------------------------ characters and lines */

static bool wippyi_yaml_is_break(const wippyi_yaml_parser *p, const uint8_t *at)
{
    return at >= p->end || *at == '\n' || *at == '\r';
}

static bool wippyi_yaml_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Does a blank, a line end or the end of the text stand here? */
static bool wippyi_yaml_is_gap(const wippyi_yaml_parser *p, const uint8_t *at)
{
    return wippyi_yaml_is_break(p, at) || wippyi_yaml_is_blank(*at);
}

static bool wippyi_yaml_is_bracket(const wippyi_yaml_parser *p, const uint8_t *at)
{
    return at < p->end && (*at == ',' || *at == '[' || *at == ']' || *at == '{' || *at == '}');
}

static bool wippyi_yaml_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int wippyi_yaml_hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Is the next token a "- " of a block sequence? */
static bool wippyi_yaml_at_dash(const wippyi_yaml_parser *p)
{
    return p->at < p->end && *p->at == '-' && wippyi_yaml_is_gap(p, p->at + 1);
}

static size_t wippyi_yaml_indent(const wippyi_yaml_parser *p)
{
    return (size_t)(p->at - p->line_start);
}

/* Over the line end, if there is one. */
static void wippyi_yaml_newline(wippyi_yaml_parser *p)
{
    if (p->at < p->end && *p->at == '\r') {
        p->at++;
    }
    if (p->at < p->end) {
        p->at++;
        p->line++;
        p->line_start = p->at;
        p->column_at = p->at;
        p->column = 1;
    }
}

static void wippyi_yaml_skip_blanks(wippyi_yaml_parser *p)
{
    while (p->at < p->end && wippyi_yaml_is_blank(*p->at)) {
        p->at++;
    }
}

static void wippyi_yaml_skip_rest(wippyi_yaml_parser *p)
{
    while (!wippyi_yaml_is_break(p, p->at)) {
        p->at++;
    }
}

/* Is there a comment here? A '#' after anything but a blank is none. */
static bool wippyi_yaml_at_comment(const wippyi_yaml_parser *p)
{
    return p->at < p->end && *p->at == '#' &&
           (p->at == p->line_start || wippyi_yaml_is_blank(p->at[-1]));
}

static bool wippyi_yaml_no_marker(wippyi_yaml_parser *p)
{
    if (p->at == p->line_start && p->end - p->at >= 3 && wippyi_yaml_is_gap(p, p->at + 3) &&
        (memcmp(p->at, "---", 3) == 0 || memcmp(p->at, "...", 3) == 0)) {
        return wippyi_yaml_fail(
            p, "document marker '%.3s': a file holds one document, without markers",
            (const char *)p->at);
    }
    return true;
}

/* From the start of a line to the first token in it or in a later line, or to the end. */
static bool wippyi_yaml_next_token(wippyi_yaml_parser *p)
{
    for (;;) {
        while (p->at < p->end && *p->at == ' ') {
            p->at++;
        }
        if (p->at < p->end && *p->at == '\t') {
            return wippyi_yaml_fail(p, "a tab in the indentation, expected spaces");
        }
        if (p->at < p->end && *p->at == '#') {
            wippyi_yaml_skip_rest(p);
        }
        if (p->at >= p->end) {
            return true;
        }
        if (!wippyi_yaml_is_break(p, p->at)) {
            return wippyi_yaml_no_marker(p);
        }
        wippyi_yaml_newline(p);
    }
}

/* Nothing but a comment may follow in this line; then on to the next token. */
static bool wippyi_yaml_finish_line(wippyi_yaml_parser *p)
{
    char found[32];
    wippyi_yaml_skip_blanks(p);
    if (wippyi_yaml_at_comment(p)) {
        wippyi_yaml_skip_rest(p);
    }
    if (!wippyi_yaml_is_break(p, p->at)) {
        if (*p->at == ':') {
            return wippyi_yaml_fail(p, "':' after a value, expected the end of the line; a value "
                                       "that holds ': ' needs quotes");
        }
        return wippyi_yaml_fail(p, "%s after a value, expected the end of the line",
                                wippyi_yaml_found(p, found));
    }
    wippyi_yaml_newline(p);
    return wippyi_yaml_next_token(p);
}

static bool wippyi_yaml_enter(wippyi_yaml_parser *p)
{
    if (p->depth >= WIPPYI_YAML_DEPTH_MAX) {
        return wippyi_yaml_fail_code(p, WIPPY_ERR_LIMIT,
                                     "more than %d collections inside each other",
                                     WIPPYI_YAML_DEPTH_MAX);
    }
    p->depth++;
    return true;
}

/* ------------------------------------------------------------------ what the bytes may be */

static uint32_t wippyi_yaml_code_point(const uint8_t *bytes, size_t length)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (uint32_t)(bytes[0] & masks[length]);
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | (uint32_t)(bytes[i] & 0x3f);
    }
    return code;
}

/* U+0085, U+2028 and U+2029 end a line in YAML 1.1 and not in 1.2: they are refused as well. */
static bool wippyi_yaml_is_printable(uint32_t code)
{
    if (code < 0xa0) {
        return code >= 0x20 && code < 0x7f;
    }
    return code != 0x2028 && code != 0x2029 && code != 0xfeff && code != 0xfffe && code != 0xffff;
}

static bool wippyi_yaml_check_other(wippyi_yaml_parser *p)
{
    size_t length = wippyi_value_utf8(p->at, (size_t)(p->end - p->at));
    if (length == 0) {
        return wippyi_yaml_fail(p, "byte 0x%02x is not valid UTF-8 here", *p->at);
    }
    uint32_t code = wippyi_yaml_code_point(p->at, length);
    if (!wippyi_yaml_is_printable(code)) {
        return wippyi_yaml_fail(p,
                                "character U+%04lX is not allowed, write it as an escape in "
                                "double quotes",
                                (unsigned long)code);
    }
    p->at += length;
    return true;
}

/* One pass over the text before it is parsed, so that the parser need not ask again. */
static bool wippyi_yaml_check_text(wippyi_yaml_parser *p)
{
    while (p->at < p->end) {
        uint8_t byte = *p->at;
        if ((byte >= 0x20 && byte < 0x7f) || byte == '\t') {
            p->at++;
        } else if (byte == '\n' || (byte == '\r' && p->end - p->at > 1 && p->at[1] == '\n')) {
            wippyi_yaml_newline(p);
        } else if (!wippyi_yaml_check_other(p)) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ the types of plain scalars */

static bool wippyi_yaml_one_of(wippy_slice text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == text.size && memcmp(words[i], text.data, text.size) == 0) {
            return true;
        }
    }
    return false;
}

static bool wippyi_yaml_is_null(wippy_slice text)
{
    static const char *const words[] = {"~", "null", "Null", "NULL"};
    return wippyi_yaml_one_of(text, words, WIPPYI_COUNT(words));
}

static bool wippyi_yaml_is_true(wippy_slice text)
{
    static const char *const words[] = {"true", "True", "TRUE"};
    return wippyi_yaml_one_of(text, words, WIPPYI_COUNT(words));
}

static bool wippyi_yaml_is_false(wippy_slice text)
{
    static const char *const words[] = {"false", "False", "FALSE"};
    return wippyi_yaml_one_of(text, words, WIPPYI_COUNT(words));
}

/* The number of digits of the base at the start of the text. */
static size_t wippyi_yaml_span(const char *text, size_t size, int base)
{
    size_t count = 0;
    while (count < size) {
        int digit = wippyi_yaml_hex((uint8_t)text[count]);
        if (digit < 0 || digit >= base) {
            break;
        }
        count++;
    }
    return count;
}

static bool wippyi_yaml_set_int(wippyi_yaml_parser *p, wippyi_yaml_node *node, const char *digits,
                                size_t size, int base, bool negative)
{
    uint64_t most = negative ? (uint64_t)1 << 63 : (uint64_t)INT64_MAX;
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)wippyi_yaml_hex((uint8_t)digits[i]);
        if (number > (most - digit) / (uint64_t)base) {
            return wippyi_yaml_fail_at(p, node, "integer %.40s does not fit 64 bits, expected %s",
                                       node->text.data, "a smaller one or quotes around it");
        }
        number = number * (uint64_t)base + digit;
    }
    node->kind = WIPPYI_YAML_INT;
    node->as.integer = (int64_t)(negative ? ~number + 1 : number);
    return true;
}

/* Sets the kind if the text is an integer; digits without sign, all of the scalar. */
static bool wippyi_yaml_decimal(wippyi_yaml_parser *p, wippyi_yaml_node *node, const char *digits,
                                size_t size, bool negative)
{
    if (size < 2 || digits[0] != '0') {
        return wippyi_yaml_set_int(p, node, digits, size, 10, negative);
    }
    if (wippyi_yaml_span(digits, size, 8) != size) {
        return wippyi_yaml_fail_at(p, node,
                                   "%.40s: a leading zero means octal, expected digits up to "
                                   "7, no leading zero, or quotes",
                                   node->text.data);
    }
    return wippyi_yaml_set_int(p, node, digits, size, 8, negative);
}

/* Parts of a float in decimal: [sign] digits [. digits] [e [sign] digits]. */
typedef struct wippyi_yaml_float {
    const char *whole;
    size_t whole_size;
    const char *fraction;
    size_t fraction_size;
    const char *exponent; /* with its sign */
    size_t exponent_size;
} wippyi_yaml_float;

static bool wippyi_yaml_float_split(const char *text, size_t size, wippyi_yaml_float *out)
{
    const char *end = text + size;
    memset(out, 0, sizeof(*out));
    out->whole = text;
    out->whole_size = wippyi_yaml_span(text, size, 10);
    text += out->whole_size;
    if (text < end && *text == '.') {
        out->fraction = text + 1;
        out->fraction_size = wippyi_yaml_span(text + 1, (size_t)(end - text) - 1, 10);
        text += 1 + out->fraction_size;
    }
    if (out->whole_size + out->fraction_size == 0) {
        return false;
    }
    if (text < end && (*text == 'e' || *text == 'E')) {
        out->exponent = ++text;
        text += text < end && (*text == '-' || *text == '+');
        size_t digits = wippyi_yaml_span(text, (size_t)(end - text), 10);
        text += digits;
        out->exponent_size = (size_t)(text - out->exponent);
        return digits > 0 && text == end;
    }
    return text == end;
}

/* Without a point, so that the locale has no say: 1.25e3 is converted as 125e1. */
static bool wippyi_yaml_set_float(wippyi_yaml_parser *p, wippyi_yaml_node *node,
                                  const wippyi_yaml_float *parts, bool negative)
{
    char text[1100];
    char exponent[24] = "0";
    if (parts->whole_size + parts->fraction_size > 1000 || parts->exponent_size > 16) {
        return wippyi_yaml_fail_at(p, node, "a number of %lu characters, expected fewer or quotes",
                                   (unsigned long)node->text.size);
    }
    if (parts->exponent_size > 0) {
        memcpy(exponent, parts->exponent, parts->exponent_size);
        exponent[parts->exponent_size] = '\0';
    }
    snprintf(text, sizeof(text), "%s%.*s%.*se%lld", negative ? "-" : "", (int)parts->whole_size,
             parts->whole, (int)parts->fraction_size, parts->fraction ? parts->fraction : "",
             strtoll(exponent, NULL, 10) - (long long)parts->fraction_size);
    node->as.number = strtod(text, NULL);
    if (isinf(node->as.number)) {
        return wippyi_yaml_fail_at(p, node, "number %.40s is out of range, expected .inf or quotes",
                                   node->text.data);
    }
    node->kind = WIPPYI_YAML_FLOAT;
    return true;
}

static bool wippyi_yaml_resolve_number(wippyi_yaml_parser *p, wippyi_yaml_node *node)
{
    static const char *const infinities[] = {".inf", ".Inf", ".INF"};
    const char *text = node->text.data;
    size_t size = node->text.size;
    bool negative = *text == '-';
    wippyi_yaml_float parts;
    if (size > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        int base = text[1] == 'o' ? 8 : 16;
        return wippyi_yaml_span(text + 2, size - 2, base) != size - 2 ||
               wippyi_yaml_set_int(p, node, text + 2, size - 2, base, false);
    }
    if (*text == '-' || *text == '+') {
        text++;
        size--;
    }
    if (size > 0 && wippyi_yaml_span(text, size, 10) == size) {
        return wippyi_yaml_decimal(p, node, text, size, negative);
    }
    wippy_slice rest;
    rest.data = text;
    rest.size = size;
    if (wippyi_yaml_one_of(rest, infinities, WIPPYI_COUNT(infinities))) {
        node->kind = WIPPYI_YAML_FLOAT;
        node->as.number = negative ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    return !wippyi_yaml_float_split(text, size, &parts) ||
           wippyi_yaml_set_float(p, node, &parts, negative);
}

/* Give a plain scalar its type; it comes as a string and stays one if it is nothing else. */
static bool wippyi_yaml_resolve(wippyi_yaml_parser *p, wippyi_yaml_node *node)
{
    static const char *const nans[] = {".nan", ".NaN", ".NAN"};
    wippy_slice text = node->text;
    char first = text.data[0];
    if (wippyi_yaml_is_digit(first) || first == '-' || first == '+' || first == '.') {
        if (wippyi_yaml_one_of(text, nans, WIPPYI_COUNT(nans))) {
            node->kind = WIPPYI_YAML_FLOAT;
            node->as.number = (double)NAN;
            return true;
        }
        return wippyi_yaml_resolve_number(p, node);
    }
    if (text.size > 5) {
        return true;
    }
    if (wippyi_yaml_is_null(text)) {
        node->kind = WIPPYI_YAML_NULL;
    } else if (wippyi_yaml_is_true(text) || wippyi_yaml_is_false(text)) {
        node->kind = WIPPYI_YAML_BOOL;
        node->as.boolean = wippyi_yaml_is_true(text);
    }
    return true;
}

/* ------------------------------------------------------------------ scalars on one line */

/* May a plain scalar begin here? Names what is not supported. */
static bool wippyi_yaml_check_start(wippyi_yaml_parser *p, bool flow)
{
    static const struct {
        char byte;
        const char *why;
    } rows[] = {{'&', "anchors (&name) are not supported"},
                {'*', "aliases (*name) are not supported"},
                {'!', "tags (!name) are not supported"},
                {'@', "'@' cannot begin a value, expected quotes around it"},
                {'`', "'`' cannot begin a value, expected quotes around it"},
                {',', "',' found, expected a value"},
                {']', "']' found, expected a value"},
                {'}', "'}' found, expected a value"},
                {'[', "'[' found, expected a key; collections as keys are not supported"},
                {'{', "'{' found, expected a key; collections as keys are not supported"},
                {'|', "'|' cannot begin a value here, expected quotes around it"},
                {'>', "'>' cannot begin a value here, expected quotes around it"},
                {'#', "a comment must follow a blank"}};
    char byte = (char)*p->at;
    for (size_t i = 0; i < WIPPYI_COUNT(rows); i++) {
        if (rows[i].byte == byte) {
            return wippyi_yaml_fail(p, "%s", rows[i].why);
        }
    }
    if (byte == '%') {
        return wippyi_yaml_fail(p, "%s",
                                p->at == p->line_start
                                    ? "directives (%NAME) are not supported"
                                    : "'%' cannot begin a value, expected quotes around it");
    }
    bool gap = wippyi_yaml_is_gap(p, p->at + 1);
    if (byte == '?' && (gap || flow)) {
        return wippyi_yaml_fail(p, "'?' for a complex key is not supported");
    }
    if (byte == ':' && (gap || flow)) {
        return wippyi_yaml_fail(p, "':' without a key before it, expected a key or a value");
    }
    if (byte == '-' && (gap || (flow && wippyi_yaml_is_bracket(p, p->at + 1)))) {
        return wippyi_yaml_fail(p, "'-' found, expected a value; a block sequence begins on a line "
                                   "of its own");
    }
    return true;
}

/* Does the plain scalar end here? True with p->result set when it may not go on like this. */
static bool wippyi_yaml_plain_ends(wippyi_yaml_parser *p, const uint8_t *start, bool flow)
{
    uint8_t byte = *p->at;
    if (byte == ':') {
        /* libyaml refuses ":?" as well, although YAML 1.2 reads it as text */
        if (flow &&
            (wippyi_yaml_is_bracket(p, p->at + 1) || (p->at + 1 < p->end && p->at[1] == '?'))) {
            wippyi_yaml_fail(p, "':' before '%c', expected a blank and a value", p->at[1]);
            return true;
        }
        return wippyi_yaml_is_gap(p, p->at + 1);
    }
    if (byte == '#') {
        return p->at > start && wippyi_yaml_is_blank(p->at[-1]);
    }
    if (flow && byte == '?' && wippyi_yaml_is_gap(p, p->at + 1)) {
        wippyi_yaml_fail(p, "'?' before a blank inside brackets, expected quotes around the text");
        return true;
    }
    return flow && wippyi_yaml_is_bracket(p, p->at);
}

static wippyi_yaml_node *wippyi_yaml_plain(wippyi_yaml_parser *p, bool flow)
{
    const uint8_t *start = p->at;
    const uint8_t *stop = p->at;
    if (!wippyi_yaml_check_start(p, flow)) {
        return NULL;
    }
    wippyi_yaml_node *node = wippyi_yaml_node_add(p, WIPPYI_YAML_STRING, WIPPYI_YAML_PLAIN);
    if (!node) {
        return NULL;
    }
    while (!wippyi_yaml_is_break(p, p->at) && !wippyi_yaml_plain_ends(p, start, flow)) {
        p->at++;
        stop = wippyi_yaml_is_blank(p->at[-1]) ? stop : p->at;
    }
    if (p->result != WIPPY_OK || !wippyi_yaml_text_set(p, node, start, (size_t)(stop - start)) ||
        !wippyi_yaml_resolve(p, node)) {
        return NULL;
    }
    return node;
}

static bool wippyi_yaml_unclosed(wippyi_yaml_parser *p, const wippyi_yaml_node *node)
{
    return wippyi_yaml_fail_at(p, node,
                               "quotes are not closed on the line, expected a closing %s "
                               "(text over several lines: use | or >)",
                               node->style == WIPPYI_YAML_SINGLE ? "'" : "\"");
}

static wippyi_yaml_node *wippyi_yaml_single(wippyi_yaml_parser *p)
{
    wippyi_yaml_node *node = wippyi_yaml_node_add(p, WIPPYI_YAML_STRING, WIPPYI_YAML_SINGLE);
    const uint8_t *start = ++p->at;
    if (!node) {
        return NULL;
    }
    while (!wippyi_yaml_is_break(p, p->at)) {
        bool pair = *p->at == '\'' && p->at + 1 < p->end && p->at[1] == '\'';
        if (*p->at == '\'' && !pair) {
            break;
        }
        p->at += pair ? 2 : 1;
    }
    if (wippyi_yaml_is_break(p, p->at)) {
        wippyi_yaml_unclosed(p, node);
        return NULL;
    }
    char *out = (char *)wippyi_yaml_alloc(p, (size_t)(p->at - start) + 1);
    if (!out) {
        return NULL;
    }
    node->text.data = out;
    for (; start < p->at; start++) {
        *out++ = (char)*start;
        start += *start == '\'';
    }
    *out = '\0';
    node->text.size = (size_t)(out - node->text.data);
    wippyi_yaml_trim(p, out + 1);
    p->at++;
    return node;
}

static char *wippyi_yaml_put_code(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

/* `digits` hexadecimal digits after the two characters at `at`. */
static bool wippyi_yaml_hex_escape(const wippyi_yaml_parser *p, const uint8_t *at, unsigned digits,
                                   uint32_t *out)
{
    uint32_t code = 0;
    for (unsigned i = 0; i < digits; i++) {
        int digit = at + 2 + i < p->end ? wippyi_yaml_hex(at[2 + i]) : -1;
        if (digit < 0) {
            return false;
        }
        code = code << 4 | (uint32_t)digit;
    }
    *out = code;
    return true;
}

/* Two \u halves of one character, as JSON writes what lies beyond U+FFFF. */
static bool wippyi_yaml_surrogates(wippyi_yaml_parser *p, uint32_t *code)
{
    uint32_t low = 0;
    if (p->many_lines && *code < 0xdc00 && p->end - p->at > 7 && p->at[6] == '\\' &&
        p->at[7] == 'u' && wippyi_yaml_hex_escape(p, p->at + 6, 4, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        p->at += 12;
        return true;
    }
    return wippyi_yaml_fail(p, "\\u%04lX is half a character, expected \\U and eight digits",
                            (unsigned long)*code);
}

/* At a backslash with x, u or U behind it. */
static bool wippyi_yaml_numeric_escape(wippyi_yaml_parser *p, uint32_t *code)
{
    uint8_t kind = p->at[1];
    unsigned digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    if (!wippyi_yaml_hex_escape(p, p->at, digits, code)) {
        return wippyi_yaml_fail(p, "\\%c without its digits, expected %u hexadecimal digits", kind,
                                digits);
    }
    if (*code >= 0xd800 && *code < 0xe000) {
        return wippyi_yaml_surrogates(p, code);
    }
    if (*code > 0x10ffff) {
        return wippyi_yaml_fail(p, "\\U%08lX is beyond Unicode, expected at most \\U0010FFFF",
                                (unsigned long)*code);
    }
    p->at += 2 + digits;
    return true;
}

/* At a backslash that is not the last byte of the text. */
static bool wippyi_yaml_escape(wippyi_yaml_parser *p, uint32_t *code)
{
    static const struct {
        char byte;
        uint16_t code;
    } rows[] = {{'0', 0},   {'a', 7},     {'b', 8},    {'t', 9},    {'\t', 9},     {'n', 10},
                {'v', 11},  {'f', 12},    {'r', 13},   {'e', 27},   {' ', ' '},    {'"', '"'},
                {'/', '/'}, {'\\', '\\'}, {'N', 0x85}, {'_', 0xa0}, {'L', 0x2028}, {'P', 0x2029}};
    char kind = (char)p->at[1];
    if (kind == 'x' || kind == 'u' || kind == 'U') {
        return wippyi_yaml_numeric_escape(p, code);
    }
    for (size_t i = 0; i < WIPPYI_COUNT(rows); i++) {
        if (rows[i].byte == kind) {
            *code = rows[i].code;
            p->at += 2;
            return true;
        }
    }
    p->at++;
    char found[32];
    return wippyi_yaml_fail(p, "%s after a backslash, expected one of 0abtnvfre\"/\\N_LPxuU",
                            wippyi_yaml_found(p, found));
}

/* The closing quote; the end of the line if there is none. */
static const uint8_t *wippyi_yaml_closing(const wippyi_yaml_parser *p)
{
    const uint8_t *at = p->at;
    while (!wippyi_yaml_is_break(p, at) && *at != '"') {
        at += *at == '\\' && !wippyi_yaml_is_break(p, at + 1) ? 2 : 1;
    }
    return at;
}

static wippyi_yaml_node *wippyi_yaml_double(wippyi_yaml_parser *p)
{
    wippyi_yaml_node *node = wippyi_yaml_node_add(p, WIPPYI_YAML_STRING, WIPPYI_YAML_DOUBLE);
    p->at++;
    const uint8_t *stop = wippyi_yaml_closing(p);
    if (!node) {
        return NULL;
    }
    if (wippyi_yaml_is_break(p, stop)) {
        wippyi_yaml_unclosed(p, node);
        return NULL;
    }
    size_t raw = (size_t)(stop - p->at); /* \L and \P become three bytes, all else gets shorter */
    char *out = (char *)wippyi_yaml_alloc(p, raw + raw / 2 + 1);
    if (!out) {
        return NULL;
    }
    node->text.data = out;
    while (p->at < stop) {
        uint32_t code = 0;
        if (*p->at != '\\') {
            *out++ = (char)*p->at++;
        } else if (wippyi_yaml_escape(p, &code)) {
            out = wippyi_yaml_put_code(out, code);
        } else {
            return NULL;
        }
    }
    *out = '\0';
    node->text.size = (size_t)(out - node->text.data);
    wippyi_yaml_trim(p, out + 1);
    p->at++;
    return node;
}

/* A scalar on one line; NULL on failure. A plain one may leave the parser before its ':'. */
static wippyi_yaml_node *wippyi_yaml_scalar(wippyi_yaml_parser *p, bool flow)
{
    if (*p->at == '\'') {
        return wippyi_yaml_single(p);
    }
    return *p->at == '"' ? wippyi_yaml_double(p) : wippyi_yaml_plain(p, flow);
}

/* ------------------------------------------------------------------ block scalars */

typedef struct wippyi_yaml_block {
    size_t indent; /* bytes before the text of each line; 0 = take that of the first line */
    size_t least;  /* a line indented less than this is outside */
    char chomp;    /* '-' strip, '+' keep, 0 clip */
    bool folded;
    char *out;   /* NULL = count only */
    size_t size; /* bytes of content so far */
} wippyi_yaml_block;

static void wippyi_yaml_block_put(wippyi_yaml_block *block, const void *bytes, size_t size)
{
    if (block->out) {
        memcpy(block->out + block->size, bytes, size);
    }
    block->size += size;
}

static void wippyi_yaml_block_breaks(wippyi_yaml_block *block, size_t count)
{
    if (block->out) {
        memset(block->out + block->size, '\n', count);
    }
    block->size += count;
}

/* "|" or ">" and what may stand behind it, to the start of the next line. */
static bool wippyi_yaml_block_header(wippyi_yaml_parser *p, wippyi_yaml_block *block)
{
    block->folded = *p->at++ == '>';
    while (!wippyi_yaml_is_gap(p, p->at)) {
        uint8_t byte = *p->at;
        if ((byte == '+' || byte == '-') && block->chomp == 0) {
            block->chomp = (char)byte;
        } else if (byte >= '1' && byte <= '9' && block->indent == 0) {
            if (block->least == 0) {
                return wippyi_yaml_fail(p,
                                        "an indentation indicator needs a key or a '-' before it");
            }
            block->indent = block->least - 1 + (size_t)(byte - '0');
        } else {
            char found[32];
            return wippyi_yaml_fail(p,
                                    "%s in the head of a block scalar, expected '+', '-', 1..9 or "
                                    "the end of the line",
                                    wippyi_yaml_found(p, found));
        }
        p->at++;
    }
    wippyi_yaml_skip_blanks(p);
    if (wippyi_yaml_at_comment(p)) {
        wippyi_yaml_skip_rest(p);
    }
    if (!wippyi_yaml_is_break(p, p->at)) {
        return wippyi_yaml_fail(p, "the text of a block scalar begins on the next line");
    }
    wippyi_yaml_newline(p);
    return true;
}

/* Over spaces, at most `most`; a tab is refused where the indentation is not complete. */
static bool wippyi_yaml_block_indent(wippyi_yaml_parser *p, size_t most)
{
    while (p->at < p->end && *p->at == ' ' && wippyi_yaml_indent(p) < most) {
        p->at++;
    }
    if (p->at < p->end && *p->at == '\t' && wippyi_yaml_indent(p) < most) {
        return wippyi_yaml_fail(p, "a tab in the indentation, expected spaces");
    }
    return true;
}

/* The indentation is that of the first line with text; the parser stays where it is. */
static bool wippyi_yaml_block_detect(wippyi_yaml_parser *p, wippyi_yaml_block *block)
{
    wippyi_yaml_parser before = *p;
    size_t widest = 0; /* of the empty lines before it */
    for (;;) {
        if (!wippyi_yaml_block_indent(p, SIZE_MAX)) {
            return false;
        }
        size_t indent = wippyi_yaml_indent(p);
        if (wippyi_yaml_is_break(p, p->at)) {
            widest = WIPPYI_MAX(widest, indent);
            wippyi_yaml_newline(p);
            if (p->at < p->end) {
                continue;
            }
        } else if (indent >= WIPPYI_MAX(block->least, (size_t)1)) {
            if (widest > indent) {
                return wippyi_yaml_fail(p, "the first line of a block scalar is indented less than "
                                           "an empty line before it");
            }
            widest = indent;
        }
        block->indent = WIPPYI_MAX(widest, WIPPYI_MAX(block->least, (size_t)1));
        *p = before;
        return true;
    }
}

/* What stands between two lines of text with `empty` empty lines between them. */
static void wippyi_yaml_block_join(wippyi_yaml_block *block, size_t empty, bool fold)
{
    if (!fold) {
        wippyi_yaml_block_breaks(block, empty + 1);
    } else if (empty > 0) {
        wippyi_yaml_block_breaks(block, empty);
    } else {
        wippyi_yaml_block_put(block, " ", 1);
    }
}

/* At a line that is indented less than the text: the scalar ends before it. */
static bool wippyi_yaml_block_ends(wippyi_yaml_parser *p, const wippyi_yaml_block *block)
{
    if (wippyi_yaml_indent(p) == 0 && block->least == 0) {
        return wippyi_yaml_fail(p, "the text of a block scalar must be indented");
    }
    if (wippyi_yaml_indent(p) >= block->least && *p->at != '#') {
        return wippyi_yaml_fail(p, "a line of a block scalar is indented less than its first line");
    }
    p->at = p->line_start;
    return true;
}

/* Put the content into the block; run once to count and once to copy. */
static bool wippyi_yaml_block_body(wippyi_yaml_parser *p, wippyi_yaml_block *block)
{
    size_t empty = 0;    /* lines since the last one with text */
    bool any = false;    /* there was a line with text; */
    bool spaced = false; /* it began with a blank; */
    bool ended = false;  /* and had a line end */
    block->size = 0;
    for (;;) {
        if (!wippyi_yaml_block_indent(p, block->indent)) {
            return false;
        }
        if (p->at >= p->end) {
            break;
        }
        if (wippyi_yaml_is_break(p, p->at)) {
            empty++;
            wippyi_yaml_newline(p);
            continue;
        }
        if (wippyi_yaml_indent(p) < block->indent) {
            if (!wippyi_yaml_block_ends(p, block)) {
                return false;
            }
            break;
        }
        bool was_spaced = spaced;
        spaced = wippyi_yaml_is_blank(*p->at);
        if (any) {
            wippyi_yaml_block_join(block, empty, block->folded && !spaced && !was_spaced);
        } else {
            wippyi_yaml_block_breaks(block, empty);
        }
        const uint8_t *start = p->at;
        wippyi_yaml_skip_rest(p);
        wippyi_yaml_block_put(block, start, (size_t)(p->at - start));
        any = true;
        empty = 0;
        ended = p->at < p->end;
        wippyi_yaml_newline(p);
    }
    wippyi_yaml_block_breaks(block, any && ended && block->chomp != '-' ? 1 : 0);
    wippyi_yaml_block_breaks(block, block->chomp == '+' ? empty : 0);
    return true;
}

/* parent: the indentation of the collection it stands in, plus one; 0 at the root. */
static wippyi_yaml_node *wippyi_yaml_block_scalar(wippyi_yaml_parser *p, size_t parent)
{
    wippyi_yaml_block block;
    memset(&block, 0, sizeof(block));
    block.least = parent;
    wippyi_yaml_node *node = wippyi_yaml_node_add(
        p, WIPPYI_YAML_STRING, *p->at == '>' ? WIPPYI_YAML_FOLDED : WIPPYI_YAML_LITERAL);
    if (!node || !wippyi_yaml_block_header(p, &block) ||
        (block.indent == 0 && !wippyi_yaml_block_detect(p, &block))) {
        return NULL;
    }
    wippyi_yaml_parser before = *p;
    if (!wippyi_yaml_block_body(p, &block)) {
        return NULL;
    }
    *p = before;
    block.out = (char *)wippyi_yaml_alloc(p, block.size + 1);
    if (!block.out || !wippyi_yaml_block_body(p, &block)) {
        return NULL;
    }
    block.out[block.size] = '\0';
    node->text.data = block.out;
    node->text.size = block.size;
    return wippyi_yaml_next_token(p) ? node : NULL;
}

/* ------------------------------------------------------------------ collections */

typedef struct wippyi_yaml_list {
    wippyi_yaml_node *node;
    wippyi_yaml_node **tail;
} wippyi_yaml_list;

static bool wippyi_yaml_list_begin(wippyi_yaml_parser *p, wippyi_yaml_list *list,
                                   wippyi_yaml_kind kind, wippyi_yaml_style style)
{
    list->node = wippyi_yaml_enter(p) ? wippyi_yaml_node_add(p, kind, style) : NULL;
    list->tail = list->node ? &list->node->first : NULL;
    return list->node != NULL;
}

static void wippyi_yaml_list_add(wippyi_yaml_list *list, wippyi_yaml_node *key,
                                 wippyi_yaml_node *value)
{
    value->key = key;
    *list->tail = value;
    list->tail = &value->next;
    list->node->count++;
}

static int wippyi_yaml_compare_text(wippy_slice a, wippy_slice b)
{
    int order = memcmp(a.data, b.data, WIPPYI_MIN(a.size, b.size));
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Keys are scalars and not null. */
static int wippyi_yaml_compare(const wippyi_yaml_node *a, const wippyi_yaml_node *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    switch (a->kind) {
    case WIPPYI_YAML_BOOL: return (int)a->as.boolean - (int)b->as.boolean;
    case WIPPYI_YAML_INT: return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    case WIPPYI_YAML_FLOAT: return (a->as.number > b->as.number) - (a->as.number < b->as.number);
    default: return wippyi_yaml_compare_text(a->text, b->text);
    }
}

/* Merge two sorted chains of keys; equal ones keep their order. */
static wippyi_yaml_node *wippyi_yaml_merge(wippyi_yaml_node *a, wippyi_yaml_node *b)
{
    wippyi_yaml_node *head = NULL;
    wippyi_yaml_node **tail = &head;
    while (a && b) {
        wippyi_yaml_node **least = wippyi_yaml_compare(a, b) <= 0 ? &a : &b;
        *tail = *least;
        tail = &(*tail)->next;
        *least = *tail;
    }
    *tail = a ? a : b;
    return head;
}

/* The keys of a map as a sorted chain over `next`, which keys do not use otherwise. Sorting, not
   hashing: nobody can choose keys that make it slow. */
static wippyi_yaml_node *wippyi_yaml_sort_keys(const wippyi_yaml_node *map)
{
    wippyi_yaml_node *bins[32]; /* bins[i]: nothing, or a sorted chain of 2^i keys */
    memset(bins, 0, sizeof(bins));
    for (const wippyi_yaml_node *value = map->first; value; value = value->next) {
        wippyi_yaml_node *chain = value->key;
        size_t i = 0;
        for (; bins[i] && i < WIPPYI_COUNT(bins) - 1; i++) {
            chain = wippyi_yaml_merge(bins[i], chain);
            bins[i] = NULL;
        }
        bins[i] = chain;
    }
    wippyi_yaml_node *all = NULL;
    for (size_t i = 0; i < WIPPYI_COUNT(bins); i++) {
        all = wippyi_yaml_merge(bins[i], all);
    }
    return all;
}

static bool wippyi_yaml_is_before(const wippyi_yaml_node *a, const wippyi_yaml_node *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static bool wippyi_yaml_keys_differ(wippyi_yaml_parser *p, const wippyi_yaml_node *map)
{
    const wippyi_yaml_node *again = NULL; /* the first key in the text that was there before */
    const wippyi_yaml_node *earlier = NULL;
    wippyi_yaml_node *key = map->count > 1 ? wippyi_yaml_sort_keys(map) : NULL;
    while (key) {
        wippyi_yaml_node *next = key->next;
        if (next && wippyi_yaml_compare(key, next) == 0 &&
            (!again || wippyi_yaml_is_before(next, again))) {
            again = next;
            earlier = key;
        }
        key->next = NULL;
        key = next;
    }
    if (again) {
        char brief[48];
        return wippyi_yaml_fail_at(p, again,
                                   "key '%s' is already in this map, line %lu, expected "
                                   "different keys",
                                   wippyi_yaml_brief(again->text, brief),
                                   (unsigned long)earlier->line);
    }
    return true;
}

static bool wippyi_yaml_list_end(wippyi_yaml_parser *p, const wippyi_yaml_list *list)
{
    p->depth--;
    return list->node->kind != WIPPYI_YAML_MAP || wippyi_yaml_keys_differ(p, list->node);
}

/* What a scalar must be to stand before a ':'; the parser stands at it. */
static bool wippyi_yaml_check_key(wippyi_yaml_parser *p, const wippyi_yaml_node *key)
{
    if (key->kind == WIPPYI_YAML_NULL ||
        (key->kind == WIPPYI_YAML_FLOAT && isnan(key->as.number))) {
        return wippyi_yaml_fail_at(p, key, "%s cannot be a key, expected quotes around it",
                                   key->text.data);
    }
    if (key->style == WIPPYI_YAML_PLAIN && key->text.size == 2 &&
        memcmp(key->text.data, "<<", 2) == 0) {
        return wippyi_yaml_fail_at(p, key, "merge keys (<<) are not supported");
    }
    return true;
}

/* ------------------------------------------------------------------ flow collections */

/* To the next token inside brackets. */
static bool wippyi_yaml_flow_token(wippyi_yaml_parser *p, const wippyi_yaml_node *list)
{
    for (;;) {
        wippyi_yaml_skip_blanks(p);
        if (wippyi_yaml_at_comment(p)) {
            wippyi_yaml_skip_rest(p);
        }
        if (p->at < p->end && !wippyi_yaml_is_break(p, p->at)) {
            return wippyi_yaml_no_marker(p);
        }
        if (p->at >= p->end || !p->many_lines) {
            return wippyi_yaml_fail_at(
                p, list, "brackets are not closed%s, expected a closing '%c'",
                p->many_lines ? "" : " on the line", list->kind == WIPPYI_YAML_SEQ ? ']' : '}');
        }
        wippyi_yaml_newline(p);
    }
}

static wippyi_yaml_node *wippyi_yaml_flow(wippyi_yaml_parser *p);

static wippyi_yaml_node *wippyi_yaml_flow_value(wippyi_yaml_parser *p)
{
    return *p->at == '[' || *p->at == '{' ? wippyi_yaml_flow(p) : wippyi_yaml_scalar(p, true);
}

/* The key and its ':'. */
static wippyi_yaml_node *wippyi_yaml_flow_key(wippyi_yaml_parser *p)
{
    char found[32];
    const uint8_t *start = p->at;
    wippyi_yaml_node *key = wippyi_yaml_scalar(p, true);
    if (!key) {
        return NULL;
    }
    wippyi_yaml_skip_blanks(p);
    if (p->at >= p->end || *p->at != ':') {
        wippyi_yaml_fail(p, "%s after a key, expected ': ' and a value",
                         wippyi_yaml_found(p, found));
        return NULL;
    }
    if (!p->many_lines && p->at - start > WIPPYI_YAML_KEY_MAX) {
        wippyi_yaml_fail_at(p, key, "a key of more than %d bytes", (int)WIPPYI_YAML_KEY_MAX);
        return NULL;
    }
    p->at++;
    return wippyi_yaml_check_key(p, key) ? key : NULL;
}

static bool wippyi_yaml_flow_item(wippyi_yaml_parser *p, wippyi_yaml_list *list)
{
    wippyi_yaml_node *key = NULL;
    if (list->node->kind == WIPPYI_YAML_MAP) {
        key = wippyi_yaml_flow_key(p);
        if (!key || !wippyi_yaml_flow_token(p, list->node)) {
            return false;
        }
    }
    wippyi_yaml_node *value = wippyi_yaml_flow_value(p);
    if (!value) {
        return false;
    }
    wippyi_yaml_list_add(list, key, value);
    return wippyi_yaml_flow_token(p, list->node);
}

static wippyi_yaml_node *wippyi_yaml_flow(wippyi_yaml_parser *p)
{
    bool seq = *p->at == '[';
    uint8_t closing = seq ? ']' : '}';
    wippyi_yaml_list list;
    if (!wippyi_yaml_list_begin(p, &list, seq ? WIPPYI_YAML_SEQ : WIPPYI_YAML_MAP,
                                WIPPYI_YAML_FLOW)) {
        return NULL;
    }
    p->at++;
    if (!wippyi_yaml_flow_token(p, list.node)) {
        return NULL;
    }
    while (*p->at != closing) {
        char found[32];
        if (!wippyi_yaml_flow_item(p, &list)) {
            return NULL;
        }
        if (*p->at == ',') {
            p->at++;
            if (!wippyi_yaml_flow_token(p, list.node)) {
                return NULL;
            }
        } else if (*p->at != closing) {
            wippyi_yaml_fail(p, "%s inside brackets, expected ',' or '%c'",
                             wippyi_yaml_found(p, found), closing);
            return NULL;
        }
    }
    p->at++;
    return wippyi_yaml_list_end(p, &list) ? list.node : NULL;
}

/* ------------------------------------------------------------------ block collections
   These begin at a token and end at the first token (or the end) that is not theirs. `indent` is
   the column of a collection from 0; `parent` that of the one around it plus one, 0 at the root. */

static wippyi_yaml_node *wippyi_yaml_block_node(wippyi_yaml_parser *p, size_t parent);
static wippyi_yaml_node *wippyi_yaml_block_seq(wippyi_yaml_parser *p, size_t indent);

/* Is there a value in the lines below, indented at least this much? */
static bool wippyi_yaml_is_below(const wippyi_yaml_parser *p, size_t least)
{
    return p->at < p->end && wippyi_yaml_indent(p) >= least;
}

/* A flow collection or block scalar, which begin with a character of their own; with the line end.
   *is says whether there is one. */
static wippyi_yaml_node *wippyi_yaml_marked(wippyi_yaml_parser *p, size_t parent, bool *is)
{
    *is = *p->at == '[' || *p->at == '{' || *p->at == '|' || *p->at == '>';
    if (*p->at == '|' || *p->at == '>') {
        return wippyi_yaml_block_scalar(p, parent);
    }
    if (!*is) {
        return NULL;
    }
    wippyi_yaml_node *node = wippyi_yaml_flow(p);
    return node && wippyi_yaml_finish_line(p) ? node : NULL;
}

/* Is the scalar before the parser a key? Blanks may stand between it and the ':'. */
static bool wippyi_yaml_at_colon(wippyi_yaml_parser *p)
{
    wippyi_yaml_skip_blanks(p);
    return p->at < p->end && *p->at == ':' && wippyi_yaml_is_gap(p, p->at + 1);
}

/* The value of a key, the parser stands behind the ':'. */
static wippyi_yaml_node *wippyi_yaml_map_value(wippyi_yaml_parser *p, size_t indent)
{
    bool marked;
    wippyi_yaml_skip_blanks(p);
    if (wippyi_yaml_is_break(p, p->at) || wippyi_yaml_at_comment(p)) {
        wippyi_yaml_node *nothing = wippyi_yaml_node_add(p, WIPPYI_YAML_NULL, WIPPYI_YAML_PLAIN);
        if (!nothing || !wippyi_yaml_finish_line(p)) {
            return NULL;
        }
        if (wippyi_yaml_is_below(p, indent + 1)) {
            return wippyi_yaml_block_node(p, indent + 1);
        }
        if (wippyi_yaml_is_below(p, indent) && wippyi_yaml_at_dash(p)) {
            return wippyi_yaml_block_seq(p, indent);
        }
        return nothing;
    }
    wippyi_yaml_node *node = wippyi_yaml_marked(p, indent + 1, &marked);
    if (marked) {
        return node;
    }
    node = wippyi_yaml_scalar(p, false);
    return node && wippyi_yaml_finish_line(p) ? node : NULL;
}

/* A key of a block map, the parser is left at its ':'. */
static wippyi_yaml_node *wippyi_yaml_map_key(wippyi_yaml_parser *p)
{
    char found[32];
    char brief[48];
    wippyi_yaml_node *key = wippyi_yaml_scalar(p, false);
    if (key && !wippyi_yaml_at_colon(p)) {
        wippyi_yaml_fail(p, "%s after '%s', expected ': ' after a key", wippyi_yaml_found(p, found),
                         wippyi_yaml_brief(key->text, brief));
        return NULL;
    }
    return key;
}

/* The tokens of a block collection stand in one column. */
static bool wippyi_yaml_goes_on(wippyi_yaml_parser *p, size_t indent, bool *more)
{
    *more = wippyi_yaml_is_below(p, indent);
    if (*more && wippyi_yaml_indent(p) > indent) {
        return wippyi_yaml_fail(p,
                                "indented more than the lines it belongs to, expected column %lu; "
                                "a value over several lines needs | or >",
                                (unsigned long)indent + 1);
    }
    return true;
}

static wippyi_yaml_node *wippyi_yaml_block_map(wippyi_yaml_parser *p, size_t indent,
                                               wippyi_yaml_list *list, wippyi_yaml_node *key)
{
    bool more = true;
    for (;;) {
        if (p->at - p->line_start - (ptrdiff_t)indent > WIPPYI_YAML_KEY_MAX) {
            wippyi_yaml_fail_at(p, key, "a key of more than %d bytes", (int)WIPPYI_YAML_KEY_MAX);
            return NULL;
        }
        if (!wippyi_yaml_check_key(p, key)) {
            return NULL;
        }
        p->at++;
        wippyi_yaml_node *value = wippyi_yaml_map_value(p, indent);
        if (!value || !wippyi_yaml_goes_on(p, indent, &more)) {
            return NULL;
        }
        wippyi_yaml_list_add(list, key, value);
        if (!more) {
            return wippyi_yaml_list_end(p, list) ? list->node : NULL;
        }
        key = wippyi_yaml_map_key(p);
        if (!key) {
            return NULL;
        }
    }
}

/* Behind a '-'. */
static wippyi_yaml_node *wippyi_yaml_seq_value(wippyi_yaml_parser *p, size_t indent)
{
    while (p->at < p->end && *p->at == ' ') {
        p->at++;
    }
    if (p->at < p->end && *p->at == '\t') {
        wippyi_yaml_fail(p, "a tab after '-', expected spaces");
        return NULL;
    }
    if (!wippyi_yaml_is_break(p, p->at) && !wippyi_yaml_at_comment(p)) {
        return wippyi_yaml_block_node(p, indent + 1);
    }
    wippyi_yaml_node *nothing = wippyi_yaml_node_add(p, WIPPYI_YAML_NULL, WIPPYI_YAML_PLAIN);
    if (!nothing || !wippyi_yaml_finish_line(p)) {
        return NULL;
    }
    return wippyi_yaml_is_below(p, indent + 1) ? wippyi_yaml_block_node(p, indent + 1) : nothing;
}

static wippyi_yaml_node *wippyi_yaml_block_seq(wippyi_yaml_parser *p, size_t indent)
{
    bool more = true;
    wippyi_yaml_list list;
    if (!wippyi_yaml_list_begin(p, &list, WIPPYI_YAML_SEQ, WIPPYI_YAML_BLOCK)) {
        return NULL;
    }
    while (more && wippyi_yaml_at_dash(p)) {
        p->at++;
        wippyi_yaml_node *value = wippyi_yaml_seq_value(p, indent);
        if (!value || !wippyi_yaml_goes_on(p, indent, &more)) {
            return NULL;
        }
        wippyi_yaml_list_add(&list, NULL, value);
    }
    return wippyi_yaml_list_end(p, &list) ? list.node : NULL;
}

/* Any node that begins at the parser's place, to the end of its last line. */
static wippyi_yaml_node *wippyi_yaml_block_node(wippyi_yaml_parser *p, size_t parent)
{
    bool marked;
    size_t indent = wippyi_yaml_indent(p);
    if (wippyi_yaml_at_dash(p)) {
        return wippyi_yaml_block_seq(p, indent);
    }
    wippyi_yaml_node *node = wippyi_yaml_marked(p, parent, &marked);
    if (marked) {
        return node;
    }
    wippyi_yaml_parser before = *p;
    node = wippyi_yaml_scalar(p, false);
    if (!node) {
        return NULL;
    }
    if (!wippyi_yaml_at_colon(p)) {
        return wippyi_yaml_finish_line(p) ? node : NULL;
    }
    wippyi_yaml_list list; /* it was a key: the map begins where the key does */
    if (!wippyi_yaml_list_begin(&before, &list, WIPPYI_YAML_MAP, WIPPYI_YAML_BLOCK)) {
        p->result = before.result;
        return NULL;
    }
    p->depth = before.depth;
    return wippyi_yaml_block_map(p, indent, &list, node);
}

/* ------------------------------------------------------------------ the document */

static void wippyi_yaml_rewind(wippyi_yaml_parser *p, const char *text, size_t size)
{
    p->at = (const uint8_t *)text;
    p->end = p->at + size;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        p->at += 3;
    }
    p->line_start = p->at;
    p->column_at = p->at;
    p->column = 1;
    p->line = 1;
}

static bool wippyi_yaml_document(wippyi_yaml_parser *p)
{
    if (!wippyi_yaml_next_token(p)) {
        return false;
    }
    if (p->at >= p->end) {
        p->doc->root = wippyi_yaml_node_add(p, WIPPYI_YAML_NULL, WIPPYI_YAML_PLAIN);
        return p->doc->root != NULL;
    }
    p->many_lines = *p->at == '{' || *p->at == '[';
    p->doc->root = wippyi_yaml_block_node(p, 0);
    if (!p->doc->root) {
        return false;
    }
    if (p->at < p->end) {
        char found[32];
        return wippyi_yaml_fail(
            p,
            "%s after the document, expected the end of the file or a line that "
            "is indented like the first",
            wippyi_yaml_found(p, found));
    }
    return true;
}

WIPPYI_FN wippy_result wippyi_yaml_parse(const char *text, size_t size, const char *file,
                                         wippyi_mem *mem, wippyi_yaml **out, wippy_diag *diag)
{
    wippyi_yaml_parser parser;
    memset(&parser, 0, sizeof(parser));
    parser.diag = diag;
    parser.file = file ? file : "";
    wippyi_yaml_rewind(&parser, size > 0 ? text : "", size > 0 ? size : 0);
    if (size > INT32_MAX) {
        wippyi_yaml_fail_code(&parser, WIPPY_ERR_LIMIT, "a document of more than 2 GB");
        return parser.result;
    }
    if (!wippyi_yaml_check_text(&parser)) {
        return parser.result;
    }
    wippyi_yaml_rewind(&parser, size > 0 ? text : "", size);
    parser.doc = wippyi_yaml_create(mem, parser.file);
    if (!parser.doc) {
        wippyi_yaml_fail_code(&parser, WIPPY_ERR_NOMEM, "out of memory");
        return parser.result;
    }
    if (!wippyi_yaml_document(&parser)) {
        wippyi_yaml_free(parser.doc);
        return parser.result;
    }
    *out = parser.doc;
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ using the tree */

WIPPYI_FN bool wippyi_yaml_is(const wippyi_yaml_node *node, const char *text)
{
    return node && node->kind == WIPPYI_YAML_STRING && strlen(text) == node->text.size &&
           memcmp(text, node->text.data, node->text.size) == 0;
}

WIPPYI_FN const wippyi_yaml_node *wippyi_yaml_find(const wippyi_yaml_node *map, const char *key)
{
    if (!map || map->kind != WIPPYI_YAML_MAP) {
        return NULL;
    }
    for (const wippyi_yaml_node *value = map->first; value; value = value->next) {
        if (wippyi_yaml_is(value->key, key)) {
            return value;
        }
    }
    return NULL;
}

WIPPYI_FN const char *wippyi_yaml_kind_name(const wippyi_yaml_node *node)
{
    static const char *const names[] = {"nothing",  "a boolean", "an integer", "a float",
                                        "a string", "a list",    "a map"};
    return node ? names[node->kind] : "nothing";
}

static wippy_result wippyi_yaml_write_scalar(const wippyi_yaml_node *node, wippy_writer *w)
{
    switch (node->kind) {
    case WIPPYI_YAML_BOOL: wippy_write_bool(w, node->as.boolean); break;
    case WIPPYI_YAML_INT: wippy_write_int(w, node->as.integer); break;
    case WIPPYI_YAML_FLOAT: wippy_write_float(w, node->as.number); break;
    case WIPPYI_YAML_STRING: wippy_write_string(w, node->text.data, node->text.size); break;
    default: wippy_write_nil(w); break;
    }
    return w->result;
}

/* Recursion ends at the depth limit of the parser. */
WIPPYI_FN wippy_result wippyi_yaml_write(const wippyi_yaml_node *node, wippy_writer *w,
                                         wippyi_yaml_string_fn string_fn, void *user_data)
{
    if (node->kind == WIPPYI_YAML_STRING && string_fn) {
        return string_fn(node, w, user_data);
    }
    if (node->kind < WIPPYI_YAML_SEQ) {
        return wippyi_yaml_write_scalar(node, w);
    }
    if (node->kind == WIPPYI_YAML_MAP) {
        wippy_write_map(w, node->count);
    } else {
        wippy_write_array(w, node->count);
    }
    for (const wippyi_yaml_node *value = node->first; value; value = value->next) {
        wippy_result result = value->key ? wippyi_yaml_write_scalar(value->key, w) : WIPPY_OK;
        if (result == WIPPY_OK) {
            result = wippyi_yaml_write(value, w, string_fn, user_data);
        }
        if (result != WIPPY_OK) {
            return result;
        }
    }
    wippy_write_end(w);
    return w->result;
}

WIPPYI_FN wippy_result wippyi_yaml_reject(const wippyi_yaml *doc, const wippyi_yaml_node *node,
                                          wippy_diag *diag, wippy_result code, const char *format,
                                          ...)
{
    wippyi_yaml_parser parser;
    va_list args;
    memset(&parser, 0, sizeof(parser));
    parser.diag = diag;
    parser.file = doc->file;
    va_start(args, format);
    wippyi_yaml_stop(&parser, code, node ? node->line : 0, node ? node->column : 0, format, args);
    va_end(args);
    return code;
}
