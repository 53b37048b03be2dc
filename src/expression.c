#include "expression.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ tree */

typedef enum wippyi_expr_kind {
    WIPPYI_EXPR_VALUE = 0,
    WIPPYI_EXPR_PATH,
    WIPPYI_EXPR_LIST, /* left: first item */
    WIPPYI_EXPR_ITEM, /* left: expression, right: next item */
    WIPPYI_EXPR_NOT,
    WIPPYI_EXPR_AND,
    WIPPYI_EXPR_OR,
    WIPPYI_EXPR_EQ,
    WIPPYI_EXPR_NE,
    WIPPYI_EXPR_LE,
    WIPPYI_EXPR_GE,
    WIPPYI_EXPR_LT,
    WIPPYI_EXPR_GT,
    WIPPYI_EXPR_IN,
    WIPPYI_EXPR_NOT_IN,
    WIPPYI_EXPR_CONTAINS,
    WIPPYI_EXPR_MATCHES,
    WIPPYI_EXPR_STARTS,
    WIPPYI_EXPR_ENDS
} wippyi_expr_kind;

typedef struct wippyi_expr_node {
    wippyi_expr_kind kind;
    uint32_t left, right; /* 0 = none */
    union {
        wippyi_operand value;
        wippyi_path path;
        wippyi_regex *regex; /* of a matches with literal text; NULL = made when evaluated */
    } as;
} wippyi_expr_node;

struct wippyi_expression {
    wippyi_mem *mem;
    wippyi_expr_node *nodes; /* 0 is unused */
    uint32_t count, capacity;
    uint32_t root;
    char *text; /* decoded strings and paths: never longer than the source */
    size_t text_bytes;
};

typedef struct wippyi_expr_parser {
    wippyi_expression *tree;
    const char *start;
    const char *at;
    const char *end;
    char *text; /* next free byte of tree->text */
    uint32_t depth;
    wippy_result result;
    const char *why;
} wippyi_expr_parser;

static uint32_t wippyi_expr_fail(wippyi_expr_parser *p, wippy_result result, const char *why)
{
    if (p->result == WIPPY_OK) {
        p->result = result;
        p->why = why;
    }
    return 0;
}

static wippyi_expr_node *wippyi_expr_at(const wippyi_expression *tree, uint32_t index)
{
    return tree->nodes + index;
}

static uint32_t wippyi_expr_add(wippyi_expr_parser *p, wippyi_expr_kind kind, uint32_t left,
                                uint32_t right)
{
    wippyi_expression *tree = p->tree;
    if (p->result != WIPPY_OK) {
        return 0;
    }
    if (tree->count == tree->capacity) {
        uint32_t capacity = tree->capacity * 2 + 8;
        void *nodes =
            wippyi_mem_resize(tree->mem, tree->nodes, tree->capacity * sizeof(wippyi_expr_node),
                              capacity * sizeof(wippyi_expr_node));
        if (!nodes) {
            return wippyi_expr_fail(p, WIPPY_ERR_NOMEM, "out of memory");
        }
        tree->nodes = (wippyi_expr_node *)nodes;
        tree->capacity = capacity;
    }
    wippyi_expr_node *node = wippyi_expr_at(tree, tree->count);
    memset(node, 0, sizeof(*node));
    node->kind = kind;
    node->left = left;
    node->right = right;
    return tree->count++;
}

/* ------------------------------------------------------------------ words */

static void wippyi_expr_space(wippyi_expr_parser *p)
{
    while (p->at < p->end &&
           (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
        p->at++;
    }
}

static bool wippyi_expr_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool wippyi_expr_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t wippyi_expr_name_size(const wippyi_expr_parser *p)
{
    const char *at = p->at;
    while (at < p->end && (wippyi_expr_letter(*at) || (at > p->at && wippyi_expr_digit(*at)))) {
        at++;
    }
    return (size_t)(at - p->at);
}

/* Take a sign or a whole word. */
static bool wippyi_expr_take(wippyi_expr_parser *p, const char *text)
{
    size_t bytes = strlen(text);
    wippyi_expr_space(p);
    bool there = wippyi_expr_letter(*text)
                     ? wippyi_expr_name_size(p) == bytes && memcmp(p->at, text, bytes) == 0
                     : (size_t)(p->end - p->at) >= bytes && memcmp(p->at, text, bytes) == 0;
    p->at += there ? bytes : 0;
    return there;
}

static bool wippyi_expr_quote(wippyi_expr_parser *p)
{
    wippyi_expr_space(p);
    return p->at < p->end && (*p->at == '"' || *p->at == '\'' || *p->at == '`');
}

/* A quoted string, decoded into tree->text. */
static wippy_slice wippyi_expr_string(wippyi_expr_parser *p)
{
    wippy_slice out;
    char quote = *p->at++;
    out.data = p->text;
    for (; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at == '\\' && quote != '`' && p->end - p->at > 1) {
            p->at++;
            *p->text++ = *p->at == 'n'   ? '\n'
                         : *p->at == 't' ? '\t'
                         : *p->at == 'r' ? '\r'
                                         : *p->at;
        } else {
            *p->text++ = *p->at;
        }
    }
    out.size = (size_t)(p->text - out.data);
    if (p->at == p->end) {
        wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "the string does not end");
    } else {
        p->at++;
    }
    return out;
}

static uint32_t wippyi_expr_value(wippyi_expr_parser *p, const wippyi_operand *value)
{
    uint32_t index = wippyi_expr_add(p, WIPPYI_EXPR_VALUE, 0, 0);
    if (index) {
        wippyi_expr_at(p->tree, index)->as.value = *value;
    }
    return index;
}

static uint32_t wippyi_expr_bool(wippyi_expr_parser *p, bool boolean)
{
    wippyi_operand value;
    wippyi_operand_clear(&value);
    value.type = WIPPY_BOOL;
    value.boolean = boolean;
    return wippyi_expr_value(p, &value);
}

static uint32_t wippyi_expr_nil(wippyi_expr_parser *p)
{
    wippyi_operand value;
    wippyi_operand_clear(&value);
    return wippyi_expr_value(p, &value);
}

static uint32_t wippyi_expr_number(wippyi_expr_parser *p)
{
    wippyi_operand value;
    wippy_slice text;
    bool whole = true;
    text.data = p->at;
    for (p->at++; p->at < p->end; p->at++) {
        bool sign = (*p->at == '-' || *p->at == '+') && (p->at[-1] == 'e' || p->at[-1] == 'E');
        if (!wippyi_expr_digit(*p->at) && *p->at != '.' && *p->at != 'e' && *p->at != 'E' &&
            !sign) {
            break;
        }
        whole = whole && wippyi_expr_digit(*p->at);
    }
    text.size = (size_t)(p->at - text.data);
    wippyi_operand_clear(&value);
    if (!wippyi_number_parse(text, &value.number)) {
        return wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "malformed number");
    }
    value.type = WIPPY_FLOAT;
    if (whole && text.size <= 16) { /* exact in a double */
        value.type = WIPPY_INT;
        value.integer = (int64_t)value.number;
    }
    return wippyi_expr_value(p, &value);
}

/* ------------------------------------------------------------------ paths in expressions */

static bool wippyi_expr_key(wippyi_expr_parser *p)
{
    size_t size = wippyi_expr_name_size(p);
    if (size > 0) {
        memcpy(p->text, p->at, size);
    }
    p->text += size;
    p->at += size;
    return size > 0;
}

static bool wippyi_expr_quoted_key(wippyi_expr_parser *p)
{
    return wippyi_expr_quote(p) && wippyi_expr_string(p).size > 0 && wippyi_expr_take(p, "]");
}

/* Keys behind a root, into tree->text, joined by NUL. A key is written with at least one sign more
   than it has letters, so the separators fit as well. */
static void wippyi_expr_keys(wippyi_expr_parser *p, wippy_slice *rest)
{
    char *start = p->text;
    for (;;) {
        bool dot = wippyi_expr_take(p, ".");
        if (p->result != WIPPY_OK || (!dot && !wippyi_expr_take(p, "["))) {
            break;
        }
        if (p->text > start) {
            *p->text++ = '\0';
        }
        if (!(dot ? wippyi_expr_key(p) : wippyi_expr_quoted_key(p))) {
            wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "expected .name or [\"name\"]");
        }
    }
    rest->data = start;
    rest->size = (size_t)(p->text - start);
}

static uint32_t wippyi_expr_path(wippyi_expr_parser *p)
{
    wippyi_path path;
    bool actor = false;
    memset(&path, 0, sizeof(path));
    if (wippyi_expr_take(p, "action")) {
        path.root = WIPPYI_ROOT_ACTION;
    } else if (wippyi_expr_take(p, "resource")) {
        path.root = WIPPYI_ROOT_RESOURCE;
    } else if (wippyi_expr_take(p, "meta")) {
        path.root = WIPPYI_ROOT_META;
        wippyi_expr_keys(p, &path.rest);
    } else if (wippyi_expr_take(p, "actor")) {
        actor = true;
        wippyi_expr_keys(p, &path.rest);
        wippy_slice first = wippyi_path_next(&path.rest, '\0');
        path.root = wippyi_bytes_is(first, "meta")                        ? WIPPYI_ROOT_ACTOR_META
                    : wippyi_bytes_is(first, "id") && path.rest.size == 0 ? WIPPYI_ROOT_ACTOR_ID
                                                                          : WIPPYI_ROOT_BAD;
    }
    if (path.root == WIPPYI_ROOT_BAD) {
        return wippyi_expr_fail(p, WIPPY_ERR_SYNTAX,
                                actor
                                    ? "an actor has id and meta"
                                    : "expected a value: actor, action, resource, meta, a literal");
    }
    uint32_t index = wippyi_expr_add(p, WIPPYI_EXPR_PATH, 0, 0);
    if (index) {
        wippyi_expr_at(p->tree, index)->as.path = path;
    }
    return index;
}

/* ------------------------------------------------------------------ grammar */

static uint32_t wippyi_expr_or(wippyi_expr_parser *p);

static bool wippyi_expr_enter(wippyi_expr_parser *p)
{
    if (p->depth >= WIPPYI_EXPRESSION_DEPTH) {
        wippyi_expr_fail(p, WIPPY_ERR_LIMIT, "nested too deep");
        return false;
    }
    p->depth++;
    return true;
}

static uint32_t wippyi_expr_list(wippyi_expr_parser *p)
{
    uint32_t list = wippyi_expr_add(p, WIPPYI_EXPR_LIST, 0, 0);
    uint32_t last = 0;
    if (wippyi_expr_take(p, "]")) {
        return list;
    }
    do {
        uint32_t item = wippyi_expr_add(p, WIPPYI_EXPR_ITEM, wippyi_expr_or(p), 0);
        if (p->result == WIPPY_OK && last) {
            wippyi_expr_at(p->tree, last)->right = item;
        } else if (p->result == WIPPY_OK) {
            wippyi_expr_at(p->tree, list)->left = item;
        }
        last = item;
    } while (p->result == WIPPY_OK && wippyi_expr_take(p, ","));
    return wippyi_expr_take(p, "]") ? list : wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "missing ]");
}

static uint32_t wippyi_expr_inner(wippyi_expr_parser *p)
{
    if (wippyi_expr_take(p, "(")) {
        uint32_t inner = wippyi_expr_or(p);
        return wippyi_expr_take(p, ")") ? inner
                                        : wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "missing )");
    }
    if (wippyi_expr_take(p, "[")) {
        return wippyi_expr_list(p);
    }
    if (wippyi_expr_quote(p)) {
        wippyi_operand value;
        wippy_slice text = wippyi_expr_string(p);
        wippyi_operand_string(&value, text.data, text.size);
        return wippyi_expr_value(p, &value);
    }
    if (p->at < p->end && (wippyi_expr_digit(*p->at) || *p->at == '-')) {
        return wippyi_expr_number(p);
    }
    return wippyi_expr_take(p, "true")    ? wippyi_expr_bool(p, true)
           : wippyi_expr_take(p, "false") ? wippyi_expr_bool(p, false)
           : wippyi_expr_take(p, "nil")   ? wippyi_expr_nil(p)
                                          : wippyi_expr_path(p);
}

static uint32_t wippyi_expr_primary(wippyi_expr_parser *p)
{
    bool negate = false;
    while (wippyi_expr_take(p, "!")) {
        if (p->at < p->end && *p->at == '=') {
            return wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "!= without a left side");
        }
        negate = !negate;
    }
    if (!wippyi_expr_enter(p)) {
        return 0;
    }
    uint32_t index = wippyi_expr_inner(p);
    p->depth--;
    return negate ? wippyi_expr_add(p, WIPPYI_EXPR_NOT, index, 0) : index;
}

typedef struct wippyi_expr_sign {
    const char *text;
    wippyi_expr_kind kind;
} wippyi_expr_sign;

/* Longer ones before those they begin with. */
static const wippyi_expr_sign wippyi_expr_signs[] = {{"==", WIPPYI_EXPR_EQ},
                                                     {"!=", WIPPYI_EXPR_NE},
                                                     {"<=", WIPPYI_EXPR_LE},
                                                     {">=", WIPPYI_EXPR_GE},
                                                     {"<", WIPPYI_EXPR_LT},
                                                     {">", WIPPYI_EXPR_GT},
                                                     {"in", WIPPYI_EXPR_IN},
                                                     {"contains", WIPPYI_EXPR_CONTAINS},
                                                     {"matches", WIPPYI_EXPR_MATCHES},
                                                     {"startsWith", WIPPYI_EXPR_STARTS},
                                                     {"endsWith", WIPPYI_EXPR_ENDS}};

static bool wippyi_expr_operator(wippyi_expr_parser *p, wippyi_expr_kind *kind)
{
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_expr_signs); i++) {
        if (wippyi_expr_take(p, wippyi_expr_signs[i].text)) {
            *kind = wippyi_expr_signs[i].kind;
            return true;
        }
    }
    const char *start = p->at;
    if (wippyi_expr_take(p, "not") && wippyi_expr_take(p, "in")) {
        *kind = WIPPYI_EXPR_NOT_IN;
        return true;
    }
    p->at = start;
    return false;
}

/* A literal pattern is compiled here, so that a bad one is known at once. */
static void wippyi_expr_pattern(wippyi_expr_parser *p, uint32_t index, uint32_t right)
{
    wippyi_regex *regex = NULL;
    const char *why = "bad regular expression";
    if (p->result != WIPPY_OK || wippyi_expr_at(p->tree, right)->kind != WIPPYI_EXPR_VALUE) {
        return;
    }
    wippyi_operand *value = &wippyi_expr_at(p->tree, right)->as.value;
    if (value->type == WIPPY_STRING) {
        wippy_result result = wippyi_regex_compile(p->tree->mem, value->string.data,
                                                   value->string.size, &regex, &why);
        if (result != WIPPY_OK) {
            wippyi_expr_fail(p, result, why);
        }
        wippyi_expr_at(p->tree, index)->as.regex = regex;
    }
}

static uint32_t wippyi_expr_compare(wippyi_expr_parser *p)
{
    wippyi_expr_kind kind;
    uint32_t left = wippyi_expr_primary(p);
    if (p->result != WIPPY_OK || !wippyi_expr_operator(p, &kind)) {
        return left;
    }
    uint32_t right = wippyi_expr_primary(p);
    uint32_t index = wippyi_expr_add(p, kind, left, right);
    if (kind == WIPPYI_EXPR_MATCHES) {
        wippyi_expr_pattern(p, index, right);
    }
    return index;
}

static uint32_t wippyi_expr_not(wippyi_expr_parser *p)
{
    bool negate = false;
    while (wippyi_expr_take(p, "not")) {
        negate = !negate;
    }
    uint32_t index = wippyi_expr_compare(p);
    return negate ? wippyi_expr_add(p, WIPPYI_EXPR_NOT, index, 0) : index;
}

/* Chains hang to the right, through `right`, so that evaluating walks them in a loop. */
static uint32_t wippyi_expr_chain(wippyi_expr_parser *p, wippyi_expr_kind kind, const char *sign,
                                  const char *word, uint32_t (*part)(wippyi_expr_parser *p))
{
    uint32_t first = part(p);
    uint32_t last = 0;
    while (p->result == WIPPY_OK && (wippyi_expr_take(p, sign) || wippyi_expr_take(p, word))) {
        uint32_t right = part(p);
        if (last) {
            uint32_t left = wippyi_expr_at(p->tree, last)->right;
            uint32_t link = wippyi_expr_add(p, kind, left, right);
            wippyi_expr_at(p->tree, last)->right = link;
            last = link;
        } else {
            last = first = wippyi_expr_add(p, kind, first, right);
        }
    }
    return first;
}

static uint32_t wippyi_expr_and(wippyi_expr_parser *p)
{
    return wippyi_expr_chain(p, WIPPYI_EXPR_AND, "&&", "and", wippyi_expr_not);
}

static uint32_t wippyi_expr_or(wippyi_expr_parser *p)
{
    return wippyi_expr_chain(p, WIPPYI_EXPR_OR, "||", "or", wippyi_expr_and);
}

static void wippyi_expr_parse(wippyi_expr_parser *p)
{
    wippyi_expr_add(p, WIPPYI_EXPR_VALUE, 0, 0); /* index 0 means none */
    p->tree->root = wippyi_expr_or(p);
    wippyi_expr_space(p);
    if (p->result == WIPPY_OK && p->at < p->end) {
        wippyi_expr_fail(p, WIPPY_ERR_SYNTAX, "expected an operator or the end");
    }
}

static wippyi_expression *wippyi_expression_new(wippyi_mem *mem, size_t bytes)
{
    wippyi_expression *tree = (wippyi_expression *)wippyi_mem_alloc(mem, sizeof(*tree));
    if (!tree) {
        return NULL;
    }
    memset(tree, 0, sizeof(*tree));
    tree->mem = mem;
    tree->text_bytes = bytes + 1;
    tree->text = (char *)wippyi_mem_alloc(mem, tree->text_bytes);
    if (!tree->text) {
        wippyi_mem_free(mem, tree, sizeof(*tree));
        return NULL;
    }
    return tree;
}

WIPPYI_FN wippy_result wippyi_expression_compile(wippyi_mem *mem, wippy_slice source,
                                                 wippyi_expression **out, wippy_diag *diag)
{
    wippyi_expr_parser p;
    memset(&p, 0, sizeof(p));
    p.tree = wippyi_expression_new(mem, source.size);
    if (!p.tree) {
        return WIPPY_ERR_NOMEM;
    }
    p.start = p.at = source.size > 0 ? source.data : "";
    p.end = p.start + source.size;
    p.text = p.tree->text;
    wippyi_expr_parse(&p);
    if (p.result == WIPPY_OK) {
        *out = p.tree;
        return WIPPY_OK;
    }
    if (diag) {
        diag->code = p.result;
        diag->column = (uint32_t)(p.at - p.start) + 1;
        snprintf(diag->message, sizeof(diag->message), "expression, column %u: %s", diag->column,
                 p.why);
    }
    wippyi_expression_free(p.tree);
    return p.result;
}

WIPPYI_FN void wippyi_expression_free(wippyi_expression *tree)
{
    if (!tree) {
        return;
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].kind == WIPPYI_EXPR_MATCHES) {
            wippyi_regex_free(tree->nodes[i].as.regex);
        }
    }
    wippyi_mem_free(tree->mem, tree->nodes, tree->capacity * sizeof(wippyi_expr_node));
    wippyi_mem_free(tree->mem, tree->text, tree->text_bytes);
    wippyi_mem_free(tree->mem, tree, sizeof(*tree));
}

/* ------------------------------------------------------------------ evaluating */

typedef struct wippyi_expr_run {
    const wippyi_expression *tree;
    const wippy_access *access;
} wippyi_expr_run;

static wippy_result wippyi_expr_eval(const wippyi_expr_run *run, uint32_t index,
                                     wippyi_operand *out);

static void wippyi_expr_answer(wippyi_operand *out, bool answer)
{
    wippyi_operand_clear(out);
    out->type = WIPPY_BOOL;
    out->boolean = answer;
}

static wippy_result wippyi_expr_eval_bool(const wippyi_expr_run *run, uint32_t index, bool *out)
{
    wippyi_operand value;
    wippy_result result = wippyi_expr_eval(run, index, &value);
    if (result != WIPPY_OK) {
        return result;
    }
    *out = value.boolean;
    return value.type == WIPPY_BOOL ? WIPPY_OK : WIPPY_ERR_INVALID;
}

static bool wippyi_expr_nothing(const wippyi_operand *value)
{
    return value->type == WIPPY_END || value->type == WIPPY_NIL;
}

static bool wippyi_expr_numeric(const wippyi_operand *value)
{
    return value->type == WIPPY_INT || value->type == WIPPY_FLOAT;
}

static bool wippyi_expr_equal(const wippyi_operand *a, const wippyi_operand *b)
{
    if (wippyi_expr_nothing(a) || wippyi_expr_nothing(b)) {
        return wippyi_expr_nothing(a) && wippyi_expr_nothing(b);
    }
    if (wippyi_expr_numeric(a) && wippyi_expr_numeric(b)) {
        return wippyi_operand_order(a, b) == 0;
    }
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case WIPPY_BOOL: return a->boolean == b->boolean;
    case WIPPY_STRING: return wippyi_bytes_order(a->string, b->string) == 0;
    default: return wippy_value_equal(a->encoded, b->encoded);
    }
}

static wippy_result wippyi_expr_ordered(wippyi_expr_kind kind, const wippyi_operand *a,
                                        const wippyi_operand *b, bool *out)
{
    int order;
    if (wippyi_expr_numeric(a) && wippyi_expr_numeric(b)) {
        order = wippyi_operand_order(a, b);
    } else if (a->type == WIPPY_STRING && b->type == WIPPY_STRING) {
        order = wippyi_bytes_order(a->string, b->string);
    } else {
        return WIPPY_ERR_INVALID;
    }
    *out = order != 2 && (kind == WIPPYI_EXPR_LT   ? order < 0
                          : kind == WIPPYI_EXPR_LE ? order <= 0
                          : kind == WIPPYI_EXPR_GT ? order > 0
                                                   : order >= 0);
    return WIPPY_OK;
}

/* Is `needle` an element of an array, or a key of a map? */
static wippy_result wippyi_expr_member(const wippyi_operand *needle, const wippyi_operand *hay,
                                       bool *out)
{
    wippy_value_iter it;
    *out = false;
    if (hay->type != WIPPY_ARRAY && hay->type != WIPPY_MAP) {
        return wippyi_expr_nothing(hay) ? WIPPY_OK : WIPPY_ERR_INVALID;
    }
    for (wippy_value_each(hay->encoded, &it); !*out && wippy_value_next(&it);) {
        wippyi_operand item;
        wippyi_operand_read(&item, hay->type == WIPPY_MAP ? it.key : it.value);
        *out = wippyi_expr_equal(needle, &item);
    }
    return WIPPY_OK;
}

static wippy_result wippyi_expr_in_list(const wippyi_expr_run *run, const wippyi_operand *needle,
                                        uint32_t list, bool *out)
{
    *out = false;
    for (uint32_t at = wippyi_expr_at(run->tree, list)->left; at && !*out;
         at = wippyi_expr_at(run->tree, at)->right) {
        wippyi_operand item;
        wippy_result result = wippyi_expr_eval(run, wippyi_expr_at(run->tree, at)->left, &item);
        if (result != WIPPY_OK) {
            return result;
        }
        *out = wippyi_expr_equal(needle, &item);
    }
    return WIPPY_OK;
}

/* needle in hay, where hay may be a list written in the expression */
static wippy_result wippyi_expr_has(const wippyi_expr_run *run, uint32_t needle_index,
                                    uint32_t hay_index, bool *out)
{
    wippyi_operand needle, hay;
    wippy_result result = wippyi_expr_eval(run, needle_index, &needle);
    if (result != WIPPY_OK) {
        return result;
    }
    if (wippyi_expr_at(run->tree, hay_index)->kind == WIPPYI_EXPR_LIST) {
        return wippyi_expr_in_list(run, &needle, hay_index, out);
    }
    result = wippyi_expr_eval(run, hay_index, &hay);
    if (result == WIPPY_OK && hay.type == WIPPY_STRING && needle.type == WIPPY_STRING) {
        *out = wippyi_bytes_has(hay.string, needle.string);
        return WIPPY_OK;
    }
    return result == WIPPY_OK ? wippyi_expr_member(&needle, &hay, out) : result;
}

static wippy_result wippyi_expr_matches(const wippyi_expr_run *run, const wippyi_expr_node *node,
                                        const wippyi_operand *text, const wippyi_operand *pattern,
                                        bool *out)
{
    wippyi_regex *made = NULL;
    if (text->type != WIPPY_STRING || pattern->type != WIPPY_STRING) {
        return WIPPY_ERR_INVALID;
    }
    wippy_result result = WIPPY_OK;
    if (!node->as.regex) {
        result = wippyi_regex_compile(run->tree->mem, pattern->string.data, pattern->string.size,
                                      &made, NULL);
    }
    if (result == WIPPY_OK) {
        result = wippyi_regex_find(node->as.regex ? node->as.regex : made, text->string.data,
                                   text->string.size);
    }
    wippyi_regex_free(made);
    *out = result == WIPPY_OK;
    return result == WIPPY_ERR_NOTFOUND ? WIPPY_OK : result;
}

static wippy_result wippyi_expr_text_test(wippyi_expr_kind kind, const wippyi_operand *a,
                                          const wippyi_operand *b, bool *out)
{
    if (a->type != WIPPY_STRING || b->type != WIPPY_STRING) {
        return WIPPY_ERR_INVALID;
    }
    *out = kind == WIPPYI_EXPR_STARTS ? wippyi_bytes_begins(a->string, b->string)
                                      : wippyi_bytes_ends(a->string, b->string);
    return WIPPY_OK;
}

static wippy_result wippyi_expr_binary(const wippyi_expr_run *run, const wippyi_expr_node *node,
                                       bool *out)
{
    wippyi_operand a, b;
    wippy_result result = wippyi_expr_eval(run, node->left, &a);
    if (result == WIPPY_OK) {
        result = wippyi_expr_eval(run, node->right, &b);
    }
    if (result != WIPPY_OK) {
        return result;
    }
    switch (node->kind) {
    case WIPPYI_EXPR_EQ: *out = wippyi_expr_equal(&a, &b); return WIPPY_OK;
    case WIPPYI_EXPR_NE: *out = !wippyi_expr_equal(&a, &b); return WIPPY_OK;
    case WIPPYI_EXPR_MATCHES: return wippyi_expr_matches(run, node, &a, &b, out);
    case WIPPYI_EXPR_STARTS:
    case WIPPYI_EXPR_ENDS: return wippyi_expr_text_test(node->kind, &a, &b, out);
    default: return wippyi_expr_ordered(node->kind, &a, &b, out);
    }
}

/* a && b && c hangs to the right: a loop, not a recursion. */
static wippy_result wippyi_expr_eval_chain(const wippyi_expr_run *run, uint32_t index, bool *out)
{
    wippyi_expr_kind kind = wippyi_expr_at(run->tree, index)->kind;
    for (;;) {
        const wippyi_expr_node *node = wippyi_expr_at(run->tree, index);
        wippy_result result = wippyi_expr_eval_bool(run, node->left, out);
        if (result != WIPPY_OK || *out == (kind == WIPPYI_EXPR_OR)) {
            return result;
        }
        if (wippyi_expr_at(run->tree, node->right)->kind != kind) {
            return wippyi_expr_eval_bool(run, node->right, out);
        }
        index = node->right;
    }
}

static wippy_result wippyi_expr_logic(const wippyi_expr_run *run, uint32_t index, bool *out)
{
    const wippyi_expr_node *node = wippyi_expr_at(run->tree, index);
    wippy_result result;
    switch (node->kind) {
    case WIPPYI_EXPR_AND:
    case WIPPYI_EXPR_OR: return wippyi_expr_eval_chain(run, index, out);
    case WIPPYI_EXPR_NOT:
        result = wippyi_expr_eval_bool(run, node->left, out);
        *out = !*out;
        return result;
    case WIPPYI_EXPR_IN: return wippyi_expr_has(run, node->left, node->right, out);
    case WIPPYI_EXPR_NOT_IN:
        result = wippyi_expr_has(run, node->left, node->right, out);
        *out = !*out;
        return result;
    case WIPPYI_EXPR_CONTAINS: return wippyi_expr_has(run, node->right, node->left, out);
    default: return wippyi_expr_binary(run, node, out);
    }
}

static wippy_result wippyi_expr_eval(const wippyi_expr_run *run, uint32_t index,
                                     wippyi_operand *out)
{
    const wippyi_expr_node *node = wippyi_expr_at(run->tree, index);
    bool answer = false;
    switch (node->kind) {
    case WIPPYI_EXPR_VALUE: *out = node->as.value; return WIPPY_OK;
    case WIPPYI_EXPR_PATH: return wippyi_path_look_up(&node->as.path, run->access, out);
    case WIPPYI_EXPR_LIST:
    case WIPPYI_EXPR_ITEM: return WIPPY_ERR_INVALID; /* only `in` and `contains` take lists */
    default: break;
    }
    wippy_result result = wippyi_expr_logic(run, index, &answer);
    wippyi_expr_answer(out, answer);
    return result;
}

WIPPYI_FN wippy_result wippyi_expression_evaluate(const wippyi_expression *expression,
                                                  const wippy_access *access, bool *out)
{
    wippyi_expr_run run;
    run.tree = expression;
    run.access = access;
    return wippyi_expr_eval_bool(&run, expression->root, out);
}
