#include "regex.h"
#include "value.h"

#include <string.h>

#define WIPPYI_REGEX_DEPTH   200
#define WIPPYI_REGEX_PROGRAM 10000 /* instructions */
#define WIPPYI_REGEX_REPEAT  1000
#define WIPPYI_REGEX_SMALL   96 /* instructions that match without allocating */

enum {                          /* flags of the syntax */
       WIPPYI_REGEX_FOLD = 1,   /* i */
       WIPPYI_REGEX_LINES = 2,  /* m */
       WIPPYI_REGEX_DOT_ALL = 4 /* s */
};

typedef enum wippyi_regex_op {
    WIPPYI_RX_CHAR = 0, /* x: code point, y: flags */
    WIPPYI_RX_ANY,      /* y: flags */
    WIPPYI_RX_CLASS,    /* x: class */
    WIPPYI_RX_ASSERT,   /* x: which */
    WIPPYI_RX_SPLIT,    /* x, y: where to go on */
    WIPPYI_RX_JUMP,     /* x: where to go on */
    WIPPYI_RX_MATCH,
    /* nodes of the tree only */
    WIPPYI_RX_EMPTY,
    WIPPYI_RX_CAT,   /* x: first child */
    WIPPYI_RX_ALT,   /* x: first child */
    WIPPYI_RX_REPEAT /* x: child, y: least, z: most, UINT32_MAX = no limit */
} wippyi_regex_op;

enum {
    WIPPYI_RX_TEXT_BEGIN = 0,
    WIPPYI_RX_TEXT_END,
    WIPPYI_RX_LINE_BEGIN,
    WIPPYI_RX_LINE_END,
    WIPPYI_RX_WORD,
    WIPPYI_RX_NO_WORD
};

typedef struct wippyi_regex_node {
    wippyi_regex_op op;
    uint32_t x, y, z;
    uint32_t next; /* sibling; 0 = last */
} wippyi_regex_node;

typedef struct wippyi_regex_range {
    uint32_t low, high;
} wippyi_regex_range;

typedef struct wippyi_regex_class {
    uint32_t first, count; /* ranges */
    bool negated, fold;
} wippyi_regex_class;

typedef struct wippyi_regex_step {
    wippyi_regex_op op;
    uint32_t x, y;
} wippyi_regex_step;

/* A growing array; items are addressed by index, the block may move. */
typedef struct wippyi_regex_list {
    void *items;
    size_t item_bytes;
    uint32_t count, capacity;
} wippyi_regex_list;

struct wippyi_regex {
    wippyi_mem *mem;
    wippyi_regex_list steps;   /* wippyi_regex_step */
    wippyi_regex_list classes; /* wippyi_regex_class */
    wippyi_regex_list ranges;  /* wippyi_regex_range */
};

typedef struct wippyi_regex_parser {
    wippyi_regex *regex;
    wippyi_regex_list nodes; /* wippyi_regex_node; 0 is unused */
    const char *at;
    const char *end;
    uint32_t flags;
    uint32_t depth;
    wippy_result result; /* the first failure */
    const char *why;
} wippyi_regex_parser;

/* ------------------------------------------------------------------ memory */

static uint32_t wippyi_regex_add(wippyi_mem *mem, wippyi_regex_list *list, const void *item)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity * 2 + 8;
        void *items = wippyi_mem_resize(mem, list->items, list->capacity * list->item_bytes,
                                        capacity * list->item_bytes);
        if (!items) {
            return UINT32_MAX;
        }
        list->items = items;
        list->capacity = capacity;
    }
    memcpy((char *)list->items + list->count * list->item_bytes, item, list->item_bytes);
    return list->count++;
}

static void wippyi_regex_list_free(wippyi_mem *mem, wippyi_regex_list *list)
{
    wippyi_mem_free(mem, list->items, list->capacity * list->item_bytes);
}

static wippyi_regex_step *wippyi_regex_step_at(const wippyi_regex *regex, uint32_t index)
{
    return (wippyi_regex_step *)regex->steps.items + index;
}

static wippyi_regex_node *wippyi_regex_node_at(const wippyi_regex_parser *p, uint32_t index)
{
    return (wippyi_regex_node *)p->nodes.items + index;
}

static uint32_t wippyi_regex_fail(wippyi_regex_parser *p, wippy_result result, const char *why)
{
    if (p->result == WIPPY_OK) {
        p->result = result;
        p->why = why;
    }
    return 0;
}

static uint32_t wippyi_regex_node_add(wippyi_regex_parser *p, wippyi_regex_op op, uint32_t x,
                                      uint32_t y)
{
    wippyi_regex_node node;
    node.op = op;
    node.x = x;
    node.y = y;
    node.z = 0;
    node.next = 0;
    uint32_t index = wippyi_regex_add(p->regex->mem, &p->nodes, &node);
    return index != UINT32_MAX ? index : wippyi_regex_fail(p, WIPPY_ERR_NOMEM, "out of memory");
}

/* ------------------------------------------------------------------ reading */

/* The next code point of [at, end); an ill-formed byte is U+FFFD. */
static uint32_t wippyi_regex_rune(const char **at, const char *end)
{
    const uint8_t *b = (const uint8_t *)*at;
    size_t bytes = wippyi_value_utf8(b, (size_t)(end - *at));
    *at += bytes > 0 ? bytes : 1;
    switch (bytes) {
    case 1: return b[0];
    case 2: return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3fu);
    case 3: return (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3fu);
    case 4:
        return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
               (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3fu);
    default: return 0xfffd;
    }
}

static bool wippyi_regex_take(wippyi_regex_parser *p, const char *text)
{
    size_t bytes = strlen(text);
    if ((size_t)(p->end - p->at) < bytes || memcmp(p->at, text, bytes) != 0) {
        return false;
    }
    p->at += bytes;
    return true;
}

static bool wippyi_regex_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int wippyi_regex_hex(char c)
{
    return wippyi_regex_digit(c)  ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind \x: two digits, or any in braces. */
static uint32_t wippyi_regex_hex_rune(wippyi_regex_parser *p)
{
    uint32_t rune = 0;
    int digits = 0;
    bool braces = wippyi_regex_take(p, "{");
    int limit = braces ? 8 : 2;
    for (; p->at < p->end && digits < limit && wippyi_regex_hex(*p->at) >= 0; p->at++, digits++) {
        rune = rune << 4 | (uint32_t)wippyi_regex_hex(*p->at);
    }
    if (digits == 0 || (!braces && digits != 2) || (braces && !wippyi_regex_take(p, "}")) ||
        rune > 0x10ffff) {
        return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "invalid \\x escape");
    }
    return rune;
}

/* One character behind a backslash that stands for itself or a control character. */
static uint32_t wippyi_regex_escape(wippyi_regex_parser *p)
{
    static const char names[] = "ntrfva";
    static const char runes[] = "\n\t\r\f\v\a";
    if (p->at == p->end) {
        return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "a backslash at the end");
    }
    char c = *p->at++;
    const char *name = strchr(names, c);
    if (c != '\0' && name) {
        return (uint32_t)(unsigned char)runes[name - names];
    }
    if (c == 'x') {
        return wippyi_regex_hex_rune(p);
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || wippyi_regex_digit(c) ||
        (unsigned char)c >= 0x80) {
        return wippyi_regex_fail(p, WIPPY_ERR_UNSUPPORTED, "unknown escape");
    }
    return (uint32_t)(unsigned char)c;
}

/* ------------------------------------------------------------------ classes */

typedef struct wippyi_regex_named {
    const char *name;
    const char *ranges; /* pairs of characters */
} wippyi_regex_named;

static const wippyi_regex_named wippyi_regex_perl[] = {
    {"d", "09"}, {"w", "09AZ__az"}, {"s", "\t\n\f\r  "}};

static const wippyi_regex_named wippyi_regex_posix[] = {
    {"[:alnum:]", "09AZaz"},   {"[:alpha:]", "AZaz"},    {"[:blank:]", "\t\t  "},
    {"[:digit:]", "09"},       {"[:lower:]", "az"},      {"[:print:]", " ~"},
    {"[:punct:]", "!/:@[`{~"}, {"[:space:]", "\t\r  "},  {"[:upper:]", "AZ"},
    {"[:word:]", "09AZ__az"},  {"[:xdigit:]", "09AFaf"}, {"[:graph:]", "!~"}};

static void wippyi_regex_range_add(wippyi_regex_parser *p, uint32_t low, uint32_t high)
{
    wippyi_regex_range range;
    range.low = low;
    range.high = high;
    if (wippyi_regex_add(p->regex->mem, &p->regex->ranges, &range) == UINT32_MAX) {
        wippyi_regex_fail(p, WIPPY_ERR_NOMEM, "out of memory");
    }
}

static void wippyi_regex_named_add(wippyi_regex_parser *p, const char *ranges, bool negated)
{
    uint32_t low = 0;
    for (const char *at = ranges; *at; at += 2) {
        if (!negated) {
            wippyi_regex_range_add(p, (uint32_t)(unsigned char)at[0],
                                   (uint32_t)(unsigned char)at[1]);
        } else if ((uint32_t)(unsigned char)at[0] > low) {
            wippyi_regex_range_add(p, low, (uint32_t)(unsigned char)at[0] - 1);
        }
        low = (uint32_t)(unsigned char)at[1] + 1;
    }
    if (negated) {
        wippyi_regex_range_add(p, low, 0x10ffff);
    }
}

/* \d \D \w \W \s \S: adds its ranges. */
static bool wippyi_regex_perl_class(wippyi_regex_parser *p)
{
    if (p->end - p->at < 2 || p->at[0] != '\\') {
        return false;
    }
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_regex_perl); i++) {
        char lower = wippyi_regex_perl[i].name[0];
        if (p->at[1] == lower || p->at[1] == lower - 'a' + 'A') {
            wippyi_regex_named_add(p, wippyi_regex_perl[i].ranges, p->at[1] != lower);
            p->at += 2;
            return true;
        }
    }
    return false;
}

static bool wippyi_regex_posix_class(wippyi_regex_parser *p)
{
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_regex_posix); i++) {
        if (wippyi_regex_take(p, wippyi_regex_posix[i].name)) {
            wippyi_regex_named_add(p, wippyi_regex_posix[i].ranges, false);
            return true;
        }
    }
    return false;
}

static uint32_t wippyi_regex_class_rune(wippyi_regex_parser *p)
{
    return wippyi_regex_take(p, "\\") ? wippyi_regex_escape(p) : wippyi_regex_rune(&p->at, p->end);
}

static void wippyi_regex_class_item(wippyi_regex_parser *p)
{
    if (wippyi_regex_perl_class(p) || wippyi_regex_posix_class(p)) {
        return;
    }
    uint32_t low = wippyi_regex_class_rune(p);
    uint32_t high = low;
    if (p->end - p->at >= 2 && p->at[0] == '-' && p->at[1] != ']') {
        p->at++;
        high = wippyi_regex_class_rune(p);
    }
    if (high < low) {
        wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "a range that runs backwards");
    }
    wippyi_regex_range_add(p, low, high);
}

static uint32_t wippyi_regex_class_node(wippyi_regex_parser *p, uint32_t first, bool negated)
{
    wippyi_regex_class item;
    item.first = first;
    item.count = p->regex->ranges.count - first;
    item.negated = negated;
    item.fold = (p->flags & WIPPYI_REGEX_FOLD) != 0;
    uint32_t index = wippyi_regex_add(p->regex->mem, &p->regex->classes, &item);
    if (index == UINT32_MAX) {
        return wippyi_regex_fail(p, WIPPY_ERR_NOMEM, "out of memory");
    }
    return wippyi_regex_node_add(p, WIPPYI_RX_CLASS, index, 0);
}

/* Behind '['. */
static uint32_t wippyi_regex_class_parse(wippyi_regex_parser *p)
{
    uint32_t first = p->regex->ranges.count;
    bool negated = wippyi_regex_take(p, "^");
    bool any = false;
    while (p->result == WIPPY_OK && p->at < p->end && (*p->at != ']' || !any)) {
        wippyi_regex_class_item(p);
        any = true;
    }
    if (!wippyi_regex_take(p, "]")) {
        return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "missing ]");
    }
    return wippyi_regex_class_node(p, first, negated);
}

/* ------------------------------------------------------------------ grammar */

static uint32_t wippyi_regex_alternatives(wippyi_regex_parser *p);

/* Letters behind "(?"; true when a ':' follows, false for ')'. */
static bool wippyi_regex_flags(wippyi_regex_parser *p)
{
    bool on = true;
    for (; p->at < p->end; p->at++) {
        uint32_t flag = 0;
        switch (*p->at) {
        case 'i': flag = WIPPYI_REGEX_FOLD; break;
        case 'm': flag = WIPPYI_REGEX_LINES; break;
        case 's': flag = WIPPYI_REGEX_DOT_ALL; break;
        case 'U': break; /* lazy or not makes no difference to a search */
        case '-': on = false; break;
        case ':':
        case ')': return *p->at++ == ':';
        default: wippyi_regex_fail(p, WIPPY_ERR_UNSUPPORTED, "unknown group"); return false;
        }
        p->flags = on ? p->flags | flag : p->flags & ~flag;
    }
    wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "missing )");
    return false;
}

static void wippyi_regex_group_name(wippyi_regex_parser *p)
{
    while (p->at < p->end && *p->at != '>') {
        p->at++;
    }
    if (!wippyi_regex_take(p, ">")) {
        wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "missing >");
    }
}

/* Behind '('. */
static uint32_t wippyi_regex_group(wippyi_regex_parser *p)
{
    uint32_t flags = p->flags;
    if (wippyi_regex_take(p, "?P<")) {
        wippyi_regex_group_name(p);
    } else if (wippyi_regex_take(p, "?") && !wippyi_regex_flags(p)) {
        return wippyi_regex_node_add(p, WIPPYI_RX_EMPTY, 0,
                                     0); /* flags hold until the ')' around */
    }
    if (p->result != WIPPY_OK) {
        return 0;
    }
    uint32_t node = wippyi_regex_alternatives(p);
    if (!wippyi_regex_take(p, ")")) {
        return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "missing )");
    }
    p->flags = flags;
    return node;
}

static uint32_t wippyi_regex_backslash(wippyi_regex_parser *p)
{
    static const char letters[] = "AzbB";
    static const uint32_t kinds[] = {WIPPYI_RX_TEXT_BEGIN, WIPPYI_RX_TEXT_END, WIPPYI_RX_WORD,
                                     WIPPYI_RX_NO_WORD};
    uint32_t first = p->regex->ranges.count;
    if (wippyi_regex_perl_class(p)) {
        return wippyi_regex_class_node(p, first, false);
    }
    p->at++;
    const char *letter = p->at < p->end && *p->at ? strchr(letters, *p->at) : NULL;
    if (letter) {
        p->at++;
        return wippyi_regex_node_add(p, WIPPYI_RX_ASSERT, kinds[letter - letters], 0);
    }
    return wippyi_regex_node_add(p, WIPPYI_RX_CHAR, wippyi_regex_escape(p), p->flags);
}

static uint32_t wippyi_regex_atom(wippyi_regex_parser *p)
{
    bool lines = (p->flags & WIPPYI_REGEX_LINES) != 0;
    switch (*p->at) {
    case '\\': return wippyi_regex_backslash(p);
    case '[': p->at++; return wippyi_regex_class_parse(p);
    case '(': p->at++; return wippyi_regex_group(p);
    case '.': p->at++; return wippyi_regex_node_add(p, WIPPYI_RX_ANY, 0, p->flags);
    case '^':
        p->at++;
        return wippyi_regex_node_add(p, WIPPYI_RX_ASSERT,
                                     lines ? WIPPYI_RX_LINE_BEGIN : WIPPYI_RX_TEXT_BEGIN, 0);
    case '$':
        p->at++;
        return wippyi_regex_node_add(p, WIPPYI_RX_ASSERT,
                                     lines ? WIPPYI_RX_LINE_END : WIPPYI_RX_TEXT_END, 0);
    case '*':
    case '+':
    case '?': return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "nothing to repeat");
    default: break;
    }
    uint32_t rune = wippyi_regex_rune(&p->at, p->end);
    return wippyi_regex_node_add(p, WIPPYI_RX_CHAR, rune, p->flags);
}

static bool wippyi_regex_count(wippyi_regex_parser *p, uint32_t *out)
{
    const char *start = p->at;
    uint32_t count = 0;
    for (; p->at < p->end && wippyi_regex_digit(*p->at) && count <= WIPPYI_REGEX_REPEAT; p->at++) {
        count = count * 10 + (uint32_t)(*p->at - '0');
    }
    *out = count;
    return p->at > start;
}

/* {n} {n,} {n,m}; anything else is a literal brace. */
static bool wippyi_regex_braces(wippyi_regex_parser *p, uint32_t *least, uint32_t *most)
{
    const char *start = p->at;
    if (wippyi_regex_take(p, "{") && wippyi_regex_count(p, least)) {
        *most = *least;
        if (wippyi_regex_take(p, ",") && !wippyi_regex_count(p, most)) {
            *most = UINT32_MAX;
        }
        if (wippyi_regex_take(p, "}")) {
            bool fits = *least <= WIPPYI_REGEX_REPEAT && *least <= *most &&
                        (*most == UINT32_MAX || *most <= WIPPYI_REGEX_REPEAT);
            if (!fits) {
                wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "bad repetition count");
            }
            return fits;
        }
    }
    p->at = start;
    return false;
}

static bool wippyi_regex_repetition(wippyi_regex_parser *p, uint32_t *least, uint32_t *most)
{
    *least = 0;
    *most = UINT32_MAX;
    if (wippyi_regex_take(p, "*")) {
        return true;
    }
    if (wippyi_regex_take(p, "+")) {
        *least = 1;
        return true;
    }
    if (wippyi_regex_take(p, "?")) {
        *most = 1;
        return true;
    }
    return wippyi_regex_braces(p, least, most);
}

static uint32_t wippyi_regex_repeated(wippyi_regex_parser *p)
{
    uint32_t least, most, again;
    uint32_t node = wippyi_regex_atom(p);
    if (p->result == WIPPY_OK && wippyi_regex_repetition(p, &least, &most)) {
        (void)wippyi_regex_take(p, "?"); /* lazy: the same for a search */
        if (wippyi_regex_repetition(p, &again, &again)) {
            return wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "repetition of a repetition");
        }
        node = wippyi_regex_node_add(p, WIPPYI_RX_REPEAT, node, least);
        if (p->result == WIPPY_OK) {
            wippyi_regex_node_at(p, node)->z = most;
        }
    }
    return node;
}

/* Append `child` to the children of `parent`. */
static void wippyi_regex_append(wippyi_regex_parser *p, uint32_t parent, uint32_t *last,
                                uint32_t child)
{
    if (p->result != WIPPY_OK) {
        return;
    }
    if (*last) {
        wippyi_regex_node_at(p, *last)->next = child;
    } else {
        wippyi_regex_node_at(p, parent)->x = child;
    }
    *last = child;
}

static uint32_t wippyi_regex_sequence(wippyi_regex_parser *p)
{
    uint32_t last = 0;
    uint32_t parent = wippyi_regex_node_add(p, WIPPYI_RX_CAT, 0, 0);
    while (p->result == WIPPY_OK && p->at < p->end && *p->at != '|' && *p->at != ')') {
        wippyi_regex_append(p, parent, &last, wippyi_regex_repeated(p));
    }
    return parent;
}

static uint32_t wippyi_regex_alternatives(wippyi_regex_parser *p)
{
    uint32_t last = 0;
    if (p->depth++ >= WIPPYI_REGEX_DEPTH) {
        return wippyi_regex_fail(p, WIPPY_ERR_LIMIT, "nested too deep");
    }
    uint32_t parent = wippyi_regex_node_add(p, WIPPYI_RX_ALT, 0, 0);
    do {
        wippyi_regex_append(p, parent, &last, wippyi_regex_sequence(p));
    } while (p->result == WIPPY_OK && wippyi_regex_take(p, "|"));
    p->depth--;
    return parent;
}

/* ------------------------------------------------------------------ program
   Recursion follows the tree, whose depth the parser limited. */

static uint32_t wippyi_regex_emit_step(wippyi_regex_parser *p, wippyi_regex_op op, uint32_t x,
                                       uint32_t y)
{
    wippyi_regex_step step;
    step.op = op;
    step.x = x;
    step.y = y;
    if (p->regex->steps.count >= WIPPYI_REGEX_PROGRAM) {
        return wippyi_regex_fail(p, WIPPY_ERR_LIMIT, "too long");
    }
    uint32_t index = wippyi_regex_add(p->regex->mem, &p->regex->steps, &step);
    return index != UINT32_MAX ? index : wippyi_regex_fail(p, WIPPY_ERR_NOMEM, "out of memory");
}

static void wippyi_regex_emit(wippyi_regex_parser *p, uint32_t node);

static void wippyi_regex_emit_alt(wippyi_regex_parser *p, uint32_t child)
{
    uint32_t ends = UINT32_MAX; /* jumps to the end, chained through x */
    for (; child && p->result == WIPPY_OK; child = wippyi_regex_node_at(p, child)->next) {
        if (!wippyi_regex_node_at(p, child)->next) {
            wippyi_regex_emit(p, child);
            break;
        }
        uint32_t split = wippyi_regex_emit_step(p, WIPPYI_RX_SPLIT, 0, 0);
        wippyi_regex_emit(p, child);
        ends = wippyi_regex_emit_step(p, WIPPYI_RX_JUMP, ends, 0);
        if (p->result == WIPPY_OK) {
            wippyi_regex_step_at(p->regex, split)->x = split + 1;
            wippyi_regex_step_at(p->regex, split)->y = ends + 1;
        }
    }
    while (p->result == WIPPY_OK && ends != UINT32_MAX) {
        wippyi_regex_step *jump = wippyi_regex_step_at(p->regex, ends);
        ends = jump->x;
        jump->x = p->regex->steps.count;
    }
}

static void wippyi_regex_emit_loop(wippyi_regex_parser *p, uint32_t child)
{
    uint32_t split = wippyi_regex_emit_step(p, WIPPYI_RX_SPLIT, 0, 0);
    wippyi_regex_emit(p, child);
    wippyi_regex_emit_step(p, WIPPYI_RX_JUMP, split, 0);
    if (p->result == WIPPY_OK) {
        wippyi_regex_step_at(p->regex, split)->x = split + 1;
        wippyi_regex_step_at(p->regex, split)->y = p->regex->steps.count;
    }
}

static void wippyi_regex_emit_repeat(wippyi_regex_parser *p, uint32_t child, uint32_t least,
                                     uint32_t most)
{
    uint32_t ends = UINT32_MAX; /* splits that may leave, chained through y */
    for (uint32_t i = 0; i < least && p->result == WIPPY_OK; i++) {
        wippyi_regex_emit(p, child);
    }
    if (most == UINT32_MAX) {
        wippyi_regex_emit_loop(p, child);
        return;
    }
    for (uint32_t i = least; i < most && p->result == WIPPY_OK; i++) {
        ends = wippyi_regex_emit_step(p, WIPPYI_RX_SPLIT, p->regex->steps.count + 1, ends);
        wippyi_regex_emit(p, child);
    }
    while (p->result == WIPPY_OK && ends != UINT32_MAX) {
        wippyi_regex_step *split = wippyi_regex_step_at(p->regex, ends);
        ends = split->y;
        split->y = p->regex->steps.count;
    }
}

static void wippyi_regex_emit(wippyi_regex_parser *p, uint32_t index)
{
    wippyi_regex_node node = *wippyi_regex_node_at(p, index);
    switch (node.op) {
    case WIPPYI_RX_EMPTY: break;
    case WIPPYI_RX_CAT:
        for (uint32_t child = node.x; child && p->result == WIPPY_OK;
             child = wippyi_regex_node_at(p, child)->next) {
            wippyi_regex_emit(p, child);
        }
        break;
    case WIPPYI_RX_ALT: wippyi_regex_emit_alt(p, node.x); break;
    case WIPPYI_RX_REPEAT: wippyi_regex_emit_repeat(p, node.x, node.y, node.z); break;
    default: wippyi_regex_emit_step(p, node.op, node.x, node.y); break;
    }
}

static void wippyi_regex_build(wippyi_regex_parser *p)
{
    wippyi_regex_node_add(p, WIPPYI_RX_EMPTY, 0, 0); /* index 0 means none */
    uint32_t root = p->result == WIPPY_OK ? wippyi_regex_alternatives(p) : 0;
    if (p->result == WIPPY_OK && p->at < p->end) {
        wippyi_regex_fail(p, WIPPY_ERR_SYNTAX, "unexpected )");
    }
    if (p->result == WIPPY_OK) {
        wippyi_regex_emit(p, root);
    }
    if (p->result == WIPPY_OK) {
        wippyi_regex_emit_step(p, WIPPYI_RX_MATCH, 0, 0);
    }
}

WIPPYI_FN wippy_result wippyi_regex_compile(wippyi_mem *mem, const char *pattern, size_t bytes,
                                            wippyi_regex **out, const char **why)
{
    wippyi_regex_parser p;
    memset(&p, 0, sizeof(p));
    p.regex = (wippyi_regex *)wippyi_mem_alloc(mem, sizeof(*p.regex));
    if (!p.regex) {
        return WIPPY_ERR_NOMEM;
    }
    memset(p.regex, 0, sizeof(*p.regex));
    p.regex->mem = mem;
    p.regex->steps.item_bytes = sizeof(wippyi_regex_step);
    p.regex->classes.item_bytes = sizeof(wippyi_regex_class);
    p.regex->ranges.item_bytes = sizeof(wippyi_regex_range);
    p.nodes.item_bytes = sizeof(wippyi_regex_node);
    p.at = pattern;
    p.end = pattern + bytes;
    wippyi_regex_build(&p);
    wippyi_regex_list_free(mem, &p.nodes);
    if (p.result != WIPPY_OK) {
        wippyi_regex_free(p.regex);
        if (why) {
            *why = p.why;
        }
        return p.result;
    }
    *out = p.regex;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_regex_free(wippyi_regex *regex)
{
    if (regex) {
        wippyi_regex_list_free(regex->mem, &regex->steps);
        wippyi_regex_list_free(regex->mem, &regex->classes);
        wippyi_regex_list_free(regex->mem, &regex->ranges);
        wippyi_mem_free(regex->mem, regex, sizeof(*regex));
    }
}

/* ------------------------------------------------------------------ matching
   All states at once: a set of program positions per character. */

typedef struct wippyi_regex_set {
    uint32_t *dense;
    uint32_t *sparse;
    uint32_t count;
} wippyi_regex_set;

typedef struct wippyi_regex_run {
    const wippyi_regex *regex;
    const char *start;
    const char *at; /* next character */
    const char *end;
    wippyi_regex_set now;
    wippyi_regex_set then;
    uint32_t *stack;
} wippyi_regex_run;

static bool wippyi_regex_set_add(wippyi_regex_set *set, uint32_t item)
{
    if (set->sparse[item] < set->count && set->dense[set->sparse[item]] == item) {
        return false;
    }
    set->sparse[item] = set->count;
    set->dense[set->count++] = item;
    return true;
}

static bool wippyi_regex_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || wippyi_regex_digit(c) || c == '_';
}

static bool wippyi_regex_assert(const wippyi_regex_run *run, uint32_t kind)
{
    const char *at = run->at;
    bool before = at > run->start && wippyi_regex_is_word(at[-1]);
    bool after = at < run->end && wippyi_regex_is_word(*at);
    switch (kind) {
    case WIPPYI_RX_TEXT_BEGIN: return at == run->start;
    case WIPPYI_RX_TEXT_END: return at == run->end;
    case WIPPYI_RX_LINE_BEGIN: return at == run->start || at[-1] == '\n';
    case WIPPYI_RX_LINE_END: return at == run->end || *at == '\n';
    case WIPPYI_RX_WORD: return before != after;
    default: return before == after;
    }
}

/* Add a position and everything reachable from it without a character; true when that is the end.
   Each position is pushed at most twice (by the two that lead to it at most through a split), so
   the stack needs two places a step. */
static bool wippyi_regex_follow(wippyi_regex_run *run, wippyi_regex_set *set, uint32_t start)
{
    uint32_t depth = 0;
    run->stack[depth++] = start;
    while (depth > 0) {
        uint32_t at = run->stack[--depth];
        if (!wippyi_regex_set_add(set, at)) {
            continue;
        }
        const wippyi_regex_step *step = wippyi_regex_step_at(run->regex, at);
        switch (step->op) {
        case WIPPYI_RX_MATCH: return true;
        case WIPPYI_RX_JUMP: run->stack[depth++] = step->x; break;
        case WIPPYI_RX_SPLIT:
            run->stack[depth++] = step->y;
            run->stack[depth++] = step->x;
            break;
        case WIPPYI_RX_ASSERT:
            if (wippyi_regex_assert(run, step->x)) {
                run->stack[depth++] = at + 1;
            }
            break;
        default: break;
        }
    }
    return false;
}

static uint32_t wippyi_regex_swap_case(uint32_t rune)
{
    bool letter = (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
    return letter ? rune ^ 0x20u : rune;
}

static bool wippyi_regex_in_class(const wippyi_regex *regex, uint32_t index, uint32_t rune)
{
    const wippyi_regex_class *item = (const wippyi_regex_class *)regex->classes.items + index;
    const wippyi_regex_range *ranges = (const wippyi_regex_range *)regex->ranges.items;
    uint32_t other = item->fold ? wippyi_regex_swap_case(rune) : rune;
    for (uint32_t i = item->first; i < item->first + item->count; i++) {
        if ((rune >= ranges[i].low && rune <= ranges[i].high) ||
            (other >= ranges[i].low && other <= ranges[i].high)) {
            return !item->negated;
        }
    }
    return item->negated;
}

static bool wippyi_regex_takes(const wippyi_regex *regex, const wippyi_regex_step *step,
                               uint32_t rune)
{
    switch (step->op) {
    case WIPPYI_RX_CHAR:
        return rune == step->x ||
               ((step->y & WIPPYI_REGEX_FOLD) != 0 && wippyi_regex_swap_case(rune) == step->x);
    case WIPPYI_RX_ANY: return rune != '\n' || (step->y & WIPPYI_REGEX_DOT_ALL) != 0;
    case WIPPYI_RX_CLASS: return wippyi_regex_in_class(regex, step->x, rune);
    default: return false;
    }
}

static bool wippyi_regex_scan(wippyi_regex_run *run)
{
    for (;;) {
        if (wippyi_regex_follow(run, &run->now, 0)) {
            return true;
        }
        if (run->at == run->end) {
            return false;
        }
        uint32_t rune = wippyi_regex_rune(&run->at, run->end);
        run->then.count = 0;
        for (uint32_t i = 0; i < run->now.count; i++) {
            uint32_t at = run->now.dense[i];
            if (wippyi_regex_takes(run->regex, wippyi_regex_step_at(run->regex, at), rune) &&
                wippyi_regex_follow(run, &run->then, at + 1)) {
                return true;
            }
        }
        wippyi_regex_set swap = run->now;
        run->now = run->then;
        run->then = swap;
    }
}

WIPPYI_FN wippy_result wippyi_regex_find(const wippyi_regex *regex, const char *text, size_t bytes)
{
    uint32_t small[WIPPYI_REGEX_SMALL * 6 + 1];
    uint32_t count = regex->steps.count;
    size_t room = ((size_t)count * 6 + 1) * sizeof(uint32_t);
    uint32_t *block = small;
    if (count > WIPPYI_REGEX_SMALL) {
        block = (uint32_t *)wippyi_mem_alloc(regex->mem, room);
        if (!block) {
            return WIPPY_ERR_NOMEM;
        }
    }
    memset(block, 0, room); /* sets may be looked at before they are written */
    wippyi_regex_run run;
    memset(&run, 0, sizeof(run));
    run.regex = regex;
    run.start = run.at = bytes > 0 ? text : "";
    run.end = run.start + bytes;
    run.now.dense = block;
    run.now.sparse = block + count;
    run.then.dense = block + count * 2;
    run.then.sparse = block + count * 3;
    run.stack = block + count * 4;
    bool found = wippyi_regex_scan(&run);
    if (block != small) {
        wippyi_mem_free(regex->mem, block, room);
    }
    return found ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}
