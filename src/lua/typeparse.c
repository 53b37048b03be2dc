#include "typeparse.h"

#include <string.h>

/* ---- tokens ---- */

WIPPYLI_FN void wippyli_type_parser_init(wippyli_type_parser *parser, const wippyli_lexer *at,
                                         const wippyli_mem *mem, wippyli_type_writer *writer,
                                         wippyli_type_place place)
{
    memset(parser, 0, sizeof(*parser));
    parser->at = *at;
    parser->ahead = *at;
    parser->mem = mem;
    parser->writer = writer;
    parser->place = place;
    wippyli_lexer_next_in_type(&parser->ahead, &parser->look);
}

static void wippyli_type_advance(wippyli_type_parser *parser)
{
    parser->at = parser->ahead;
    wippyli_lexer_next_in_type(&parser->ahead, &parser->look);
}

WIPPYLI_FN bool wippyli_type_parser_accept(wippyli_type_parser *parser, int type)
{
    if (parser->look.type != type) {
        return false;
    }
    wippyli_type_advance(parser);
    return true;
}

static bool wippyli_type_look_is(const wippyli_type_parser *parser, const char *name)
{
    return wippyli_token_is_name(&parser->at, &parser->look, name);
}

/* The type of the token behind `look`. */
static int wippyli_type_second(const wippyli_type_parser *parser)
{
    wippyli_lexer ahead = parser->ahead;
    wippyli_token token;
    wippyli_lexer_next_in_type(&ahead, &token);
    return token.type;
}

/* Are the tokens behind `look` a ':' or '?' ':'? */
static bool wippyli_type_second_is_colon(const wippyli_type_parser *parser)
{
    wippyli_lexer ahead = parser->ahead;
    wippyli_token token;
    wippyli_lexer_next_in_type(&ahead, &token);
    if (token.type == '?') {
        wippyli_lexer_next_in_type(&ahead, &token);
    }
    return token.type == ':';
}

/* Does `look` name one of the types that take no arguments? */
static bool wippyli_type_look_is_plain(const wippyli_type_parser *parser)
{
    static const char *const plain[] = {"any",    "unknown", "never",  "number",  "integer",
                                        "string", "boolean", "thread", "userdata"};
    for (size_t i = 0; i < WIPPYLI_COUNT(plain); i++) {
        if (wippyli_type_look_is(parser, plain[i])) {
            return true;
        }
    }
    return false;
}

/* ---- writing, when there is a writer ---- */

static size_t wippyli_type_mark(const wippyli_type_parser *parser)
{
    return parser->writer ? parser->writer->size : 0;
}

static void wippyli_type_emit(wippyli_type_parser *parser, wippyli_type_kind kind, const void *data,
                              size_t size)
{
    if (parser->writer) {
        wippyli_type_put_leaf(parser->writer, kind, data, size);
    }
}

static void wippyli_type_wrap(wippyli_type_parser *parser, size_t mark, wippyli_type_kind kind)
{
    if (parser->writer) {
        size_t node = wippyli_type_open_around(parser->writer, mark, kind);
        wippyli_type_close(parser->writer, node);
    }
}

/* Forget what was written since `mark`, write a leaf instead. */
static void wippyli_type_replace(wippyli_type_parser *parser, size_t mark, wippyli_type_kind kind)
{
    if (parser->writer) {
        parser->writer->size = parser->writer->failed ? parser->writer->size : mark;
        wippyli_type_put_leaf(parser->writer, kind, NULL, 0);
    }
}

static size_t wippyli_type_begin(wippyli_type_parser *parser, wippyli_type_kind kind)
{
    return parser->writer ? wippyli_type_open(parser->writer, kind) : 0;
}

static void wippyli_type_finish(wippyli_type_parser *parser, size_t node)
{
    if (parser->writer) {
        wippyli_type_close(parser->writer, node);
    }
}

/* The source text from `start` to the last token taken, as a text. */
static void wippyli_type_emit_source(wippyli_type_parser *parser, size_t start)
{
    if (parser->writer) {
        wippyli_type_put_text(parser->writer, parser->at.text + start, parser->at.pos - start);
    }
}

/* ---- literals ---- */

/* The bytes of the string `look`, in a block of *size + 1 bytes or NULL; *used of them count. */
static char *wippyli_type_string_value(wippyli_type_parser *parser, size_t *size, size_t *used,
                                       bool *valid)
{
    *size = parser->look.end - parser->look.start;
    char *text = (char *)wippyli_mem_alloc(parser->mem, *size);
    parser->no_memory = text == NULL;
    *valid = text && wippyli_token_string(&parser->at, &parser->look, text, used);
    return text;
}

/* A string as a literal node, or as a bare text (the name of a field). */
static bool wippyli_type_string(wippyli_type_parser *parser, bool as_node)
{
    size_t size = 0;
    size_t used = 0;
    bool valid = false;
    char *text = wippyli_type_string_value(parser, &size, &used, &valid);
    if (valid && as_node) {
        wippyli_type_emit(parser, WIPPYLI_TYPE_STRING, text, used);
    } else if (valid && parser->writer) {
        wippyli_type_put_text(parser->writer, text, used);
    }
    wippyli_mem_free(parser->mem, text, size);
    if (valid) {
        wippyli_type_advance(parser);
    }
    return valid;
}

static bool wippyli_type_number(wippyli_type_parser *parser)
{
    wippyli_numeral value;
    bool negative = wippyli_type_parser_accept(parser, '-');
    if (parser->look.type != WIPPYLI_TOKEN_NUMBER ||
        !wippyli_token_number(&parser->at, &parser->look, &value)) {
        return false;
    }
    wippyli_type_advance(parser);
    if (value.is_integer) {
        uint64_t bits = (uint64_t)value.integer;
        bits = negative ? 0 - bits : bits;
        wippyli_type_emit(parser, WIPPYLI_TYPE_INTEGER, &bits, sizeof(bits));
    } else {
        double number = negative ? -value.number : value.number;
        wippyli_type_emit(parser, WIPPYLI_TYPE_FLOAT, &number, sizeof(number));
    }
    return true;
}

/* nil, true, false and function are leaves of their own. */
static bool wippyli_type_word(wippyli_type_parser *parser)
{
    wippyli_type_kind kind = WIPPYLI_TYPE_NIL;
    switch (parser->look.type) {
    case WIPPYLI_TOKEN_NIL: break;
    case WIPPYLI_TOKEN_TRUE: kind = WIPPYLI_TYPE_TRUE; break;
    case WIPPYLI_TOKEN_FALSE: kind = WIPPYLI_TYPE_FALSE; break;
    case WIPPYLI_TOKEN_FUNCTION: kind = WIPPYLI_TYPE_FUNCTION; break;
    default: return false;
    }
    wippyli_type_emit(parser, kind, NULL, 0);
    wippyli_type_advance(parser);
    return true;
}

/* `local x:` and then a function on the same line is a forgotten type, not the type "function". */
static bool wippyli_type_function_begins_code(const wippyli_type_parser *parser)
{
    wippyli_lexer ahead = parser->ahead;
    wippyli_token token;
    wippyli_lexer_next_in_type(&ahead, &token);
    return token.line == parser->look.end_line &&
           (token.type == WIPPYLI_TOKEN_NAME || token.type == '(');
}

/* ---- lists ---- */

static bool wippyli_type_arguments(wippyli_type_parser *parser)
{
    parser->enclosed++;
    do {
        if (!wippyli_type_parse(parser)) {
            return false;
        }
    } while (wippyli_type_parser_accept(parser, ','));
    parser->enclosed--;
    return wippyli_type_parser_accept(parser, '>');
}

/* At '<' behind a name: may arguments follow? */
static bool wippyli_type_may_take_arguments(const wippyli_type_parser *parser)
{
    wippyli_lexer ahead = parser->ahead;
    wippyli_token name;
    wippyli_token close;
    if (parser->place != WIPPYLI_TYPE_PLACE_LOCAL || parser->enclosed > 0) {
        return true;
    }
    wippyli_lexer_next_in_type(&ahead, &name);
    wippyli_lexer_next_in_type(&ahead, &close);
    return close.type != '>' || (!wippyli_token_is_name(&ahead, &name, "const") &&
                                 !wippyli_token_is_name(&ahead, &name, "close"));
}

static bool wippyli_type_optional_arguments(wippyli_type_parser *parser)
{
    wippyli_type_parser before = *parser;
    size_t mark = wippyli_type_mark(parser);
    if (parser->look.type != '<' || !wippyli_type_may_take_arguments(parser)) {
        return true;
    }
    wippyli_type_advance(parser);
    if (wippyli_type_arguments(parser)) {
        return true;
    }
    if (parser->place != WIPPYLI_TYPE_PLACE_CAST || before.enclosed > 0 || parser->no_memory) {
        return false;
    }
    *parser = before; /* x :: T < y */
    if (parser->writer) {
        parser->writer->size = mark;
    }
    return true;
}

/* typeof(expression): any tokens up to the parenthesis that closes. */
static bool wippyli_type_typeof(wippyli_type_parser *parser)
{
    size_t open = 0;
    wippyli_type_advance(parser);
    do {
        int type = parser->look.type;
        if (type == WIPPYLI_TOKEN_END || type == WIPPYLI_TOKEN_BAD) {
            return false;
        }
        open += type == '(' ? 1 : 0;
        open -= type == ')' ? 1 : 0;
        wippyli_type_advance(parser);
    } while (open > 0);
    wippyli_type_emit(parser, WIPPYLI_TYPE_ANY, NULL, 0);
    return true;
}

static bool wippyli_type_name(wippyli_type_parser *parser)
{
    if (wippyli_type_look_is(parser, "typeof") && wippyli_type_second(parser) == '(') {
        return wippyli_type_typeof(parser);
    }
    bool plain = wippyli_type_look_is_plain(parser);
    size_t start = parser->look.start;
    size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_NAME);
    wippyli_type_advance(parser);
    while (parser->look.type == '.') {
        plain = false;
        wippyli_type_advance(parser);
        if (!wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_NAME)) {
            return false;
        }
    }
    wippyli_type_emit_source(parser, start);
    if (!plain && !wippyli_type_optional_arguments(parser)) {
        return false;
    }
    wippyli_type_finish(parser, node);
    return true;
}

/* One member of '( ... )'; *only_type stays true for a bare type. */
static bool wippyli_type_item(wippyli_type_parser *parser, bool *only_type)
{
    if (wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_DOTS)) {
        *only_type = false;
        if (!wippyli_type_parser_accept(parser, ':') &&
            (parser->look.type == ',' || parser->look.type == ')')) {
            return true;
        }
    } else if (parser->look.type == WIPPYLI_TOKEN_NAME && wippyli_type_second_is_colon(parser)) {
        *only_type = false;
        wippyli_type_advance(parser);
        (void)wippyli_type_parser_accept(parser, '?');
        (void)wippyli_type_parser_accept(parser, ':');
    }
    return wippyli_type_parse(parser);
}

/* A function type, a list of results, or a type in parentheses. */
static bool wippyli_type_parenthesis(wippyli_type_parser *parser)
{
    size_t mark = wippyli_type_mark(parser);
    bool only_type = true;
    unsigned count = 0;
    if (!wippyli_type_parser_accept(parser, '(')) {
        return false;
    }
    parser->enclosed++;
    if (parser->look.type != ')') {
        do {
            count++;
            if (!wippyli_type_item(parser, &only_type)) {
                return false;
            }
        } while (wippyli_type_parser_accept(parser, ','));
    }
    if (!wippyli_type_parser_accept(parser, ')')) {
        return false;
    }
    parser->enclosed--;
    if (wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_ARROW)) {
        bool ok = wippyli_type_parse_result(parser);
        wippyli_type_replace(parser, mark, WIPPYLI_TYPE_FUNCTION);
        return ok;
    }
    if (count != 1 || !only_type) {
        wippyli_type_replace(parser, mark, WIPPYLI_TYPE_ANY);
    }
    return true;
}

/* ---- tables ---- */

static bool wippyli_type_at_field(const wippyli_type_parser *parser)
{
    int type = parser->look.type;
    if (type == '[') {
        return true;
    }
    return (type == WIPPYLI_TOKEN_NAME || type == WIPPYLI_TOKEN_STRING) &&
           wippyli_type_second_is_colon(parser);
}

/* `readonly` before a field changes nothing at run time. */
static void wippyli_type_skip_readonly_field(wippyli_type_parser *parser)
{
    if (!wippyli_type_look_is(parser, "readonly")) {
        return;
    }
    wippyli_type_parser behind = *parser;
    wippyli_type_advance(&behind);
    if (wippyli_type_at_field(&behind)) {
        *parser = behind;
    }
}

static bool wippyli_type_named_field(wippyli_type_parser *parser)
{
    unsigned char optional = 0;
    size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_FIELD);
    size_t flag = wippyli_type_mark(parser);
    bool bracket = wippyli_type_parser_accept(parser, '[');
    if (parser->writer) {
        wippyli_type_put(parser->writer, &optional, 1);
    }
    if (parser->look.type == WIPPYLI_TOKEN_STRING) {
        if (!wippyli_type_string(parser, false)) {
            return false;
        }
    } else {
        size_t start = parser->look.start;
        wippyli_type_advance(parser);
        wippyli_type_emit_source(parser, start);
    }
    if (bracket && !wippyli_type_parser_accept(parser, ']')) {
        return false;
    }
    if (wippyli_type_parser_accept(parser, '?') && parser->writer && !parser->writer->failed) {
        parser->writer->data[flag] = 1;
    }
    if (!wippyli_type_parser_accept(parser, ':') || !wippyli_type_parse(parser)) {
        return false;
    }
    wippyli_type_finish(parser, node);
    return true;
}

static bool wippyli_type_index_field(wippyli_type_parser *parser)
{
    size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_INDEX);
    if (!wippyli_type_parser_accept(parser, '[') || !wippyli_type_parse(parser) ||
        !wippyli_type_parser_accept(parser, ']') || !wippyli_type_parser_accept(parser, ':') ||
        !wippyli_type_parse(parser)) {
        return false;
    }
    wippyli_type_finish(parser, node);
    return true;
}

/* At '[': does a string and ']' follow, so that it is a field with a quoted name? */
static bool wippyli_type_at_quoted_field(const wippyli_type_parser *parser)
{
    wippyli_lexer ahead = parser->ahead;
    wippyli_token token;
    wippyli_lexer_next_in_type(&ahead, &token);
    if (token.type != WIPPYLI_TOKEN_STRING) {
        return false;
    }
    wippyli_lexer_next_in_type(&ahead, &token);
    return token.type == ']';
}

static bool wippyli_type_fields(wippyli_type_parser *parser)
{
    do {
        wippyli_type_skip_readonly_field(parser);
        if (parser->look.type == '}') {
            break; /* behind the last separator */
        }
        if (!wippyli_type_at_field(parser)) {
            return false;
        }
        bool index = parser->look.type == '[' && !wippyli_type_at_quoted_field(parser);
        if (!(index ? wippyli_type_index_field(parser) : wippyli_type_named_field(parser))) {
            return false;
        }
    } while (wippyli_type_parser_accept(parser, ',') || wippyli_type_parser_accept(parser, ';'));
    return wippyli_type_parser_accept(parser, '}');
}

static bool wippyli_type_table(wippyli_type_parser *parser)
{
    size_t mark = wippyli_type_mark(parser);
    wippyli_type_advance(parser);
    wippyli_type_skip_readonly_field(parser);
    parser->enclosed++;
    if (parser->look.type == '}' || wippyli_type_at_field(parser)) {
        size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_RECORD);
        bool ok = wippyli_type_fields(parser);
        wippyli_type_finish(parser, node);
        parser->enclosed--;
        return ok;
    }
    if (!wippyli_type_parse(parser) || !wippyli_type_parser_accept(parser, '}')) {
        return false;
    }
    parser->enclosed--;
    wippyli_type_wrap(parser, mark, WIPPYLI_TYPE_ARRAY);
    return true;
}

/* ---- operators ---- */

static bool wippyli_type_generic_function(wippyli_type_parser *parser)
{
    wippyli_type_writer *writer = parser->writer;
    parser->writer = NULL;
    bool ok = wippyli_type_parse_generics(parser);
    parser->writer = writer;
    return ok && wippyli_type_parenthesis(parser);
}

static bool wippyli_type_prim(wippyli_type_parser *parser)
{
    switch (parser->look.type) {
    case WIPPYLI_TOKEN_NAME: return wippyli_type_name(parser);
    case WIPPYLI_TOKEN_STRING: return wippyli_type_string(parser, true);
    case WIPPYLI_TOKEN_NUMBER:
    case '-': return wippyli_type_number(parser);
    case '{': return wippyli_type_table(parser);
    case '(': return wippyli_type_parenthesis(parser);
    case '<': return wippyli_type_generic_function(parser);
    case WIPPYLI_TOKEN_FUNCTION:
        return !wippyli_type_function_begins_code(parser) && wippyli_type_word(parser);
    default: return wippyli_type_word(parser);
    }
}

static bool wippyli_type_rule_argument(wippyli_type_parser *parser)
{
    switch (parser->look.type) {
    case WIPPYLI_TOKEN_STRING: return wippyli_type_string(parser, true);
    case WIPPYLI_TOKEN_NUMBER:
    case '-': return wippyli_type_number(parser);
    case WIPPYLI_TOKEN_NIL:
    case WIPPYLI_TOKEN_TRUE:
    case WIPPYLI_TOKEN_FALSE: return wippyli_type_word(parser);
    default: break;
    }
    size_t start = parser->look.start;
    size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_NAME);
    if (!wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_NAME)) {
        return false;
    }
    wippyli_type_emit_source(parser, start);
    wippyli_type_finish(parser, node);
    return true;
}

/* Behind '@'. */
static bool wippyli_type_rule(wippyli_type_parser *parser)
{
    size_t start = parser->look.start;
    size_t node = wippyli_type_begin(parser, WIPPYLI_TYPE_RULE);
    if (!wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_NAME)) {
        return false;
    }
    wippyli_type_emit_source(parser, start);
    if (wippyli_type_parser_accept(parser, '(') && !wippyli_type_parser_accept(parser, ')')) {
        do {
            if (!wippyli_type_rule_argument(parser)) {
                return false;
            }
        } while (wippyli_type_parser_accept(parser, ','));
        if (!wippyli_type_parser_accept(parser, ')')) {
            return false;
        }
    }
    wippyli_type_finish(parser, node);
    return true;
}

/* All rules in a row go into one CHECKED node. */
static bool wippyli_type_rules(wippyli_type_parser *parser, size_t mark)
{
    size_t node =
        parser->writer ? wippyli_type_open_around(parser->writer, mark, WIPPYLI_TYPE_CHECKED) : 0;
    while (wippyli_type_parser_accept(parser, '@')) {
        if (!wippyli_type_rule(parser)) {
            return false;
        }
    }
    wippyli_type_finish(parser, node);
    return true;
}

/* Each ? or [] puts one level around the type; the levels count as nesting. */
static bool wippyli_type_postfix(wippyli_type_parser *parser)
{
    size_t mark = wippyli_type_mark(parser);
    int levels = 0;
    if (!wippyli_type_prim(parser)) {
        return false;
    }
    while (parser->depth + levels <= WIPPYLI_TYPE_DEPTH) {
        if (parser->look.type == '?') {
            wippyli_type_advance(parser);
            wippyli_type_wrap(parser, mark, WIPPYLI_TYPE_OPTIONAL);
        } else if (parser->look.type == '[' && wippyli_type_second(parser) == ']') {
            wippyli_type_advance(parser);
            wippyli_type_advance(parser);
            wippyli_type_wrap(parser, mark, WIPPYLI_TYPE_ARRAY);
        } else if (parser->look.type != '@') {
            return true;
        } else if (!wippyli_type_rules(parser, mark)) {
            return false;
        }
        levels++;
    }
    parser->too_deep = true;
    return false;
}

/* operand { sign operand }, as one node when there are several. */
static bool wippyli_type_chain(wippyli_type_parser *parser, int sign)
{
    size_t mark = wippyli_type_mark(parser);
    size_t node = 0;
    bool many = false;
    for (;;) {
        bool ok = sign == '|' ? wippyli_type_chain(parser, '&') : wippyli_type_postfix(parser);
        if (!ok) {
            return false;
        }
        if (parser->look.type != sign) {
            break;
        }
        wippyli_type_advance(parser);
        if (!many && parser->writer) {
            node = wippyli_type_open_around(parser->writer, mark,
                                            sign == '|' ? WIPPYLI_TYPE_UNION : WIPPYLI_TYPE_BOTH);
        }
        many = true;
    }
    if (many) {
        wippyli_type_finish(parser, node);
    }
    return true;
}

/* `readonly` is a word of its own only where a type follows it. */
static void wippyli_type_skip_readonly(wippyli_type_parser *parser)
{
    if (!wippyli_type_look_is(parser, "readonly")) {
        return;
    }
    switch (wippyli_type_second(parser)) {
    case '{':
    case '(':
    case WIPPYLI_TOKEN_NAME:
    case WIPPYLI_TOKEN_STRING:
    case WIPPYLI_TOKEN_NUMBER: wippyli_type_advance(parser); break;
    default: break;
    }
}

WIPPYLI_FN bool wippyli_type_parse(wippyli_type_parser *parser)
{
    if (parser->depth >= WIPPYLI_TYPE_DEPTH) {
        parser->too_deep = true;
        return false;
    }
    parser->depth++;
    wippyli_type_skip_readonly(parser);
    (void)wippyli_type_parser_accept(parser, '|');
    bool ok = wippyli_type_chain(parser, '|');
    parser->depth--;
    if (parser->writer && parser->writer->failed) {
        parser->no_memory = true;
    }
    return ok && !parser->no_memory;
}

WIPPYLI_FN bool wippyli_type_parse_result(wippyli_type_parser *parser)
{
    if (!wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_DOTS)) {
        return wippyli_type_parse(parser);
    }
    return parser->look.type != WIPPYLI_TOKEN_NAME || wippyli_type_parse(parser);
}

WIPPYLI_FN bool wippyli_type_parse_generics(wippyli_type_parser *parser)
{
    wippyli_type_writer *writer = parser->writer;
    size_t count_at = wippyli_type_mark(parser);
    uint32_t count = 0;
    bool ok = wippyli_type_parser_accept(parser, '<');
    if (writer) {
        wippyli_type_put_u32(writer, 0);
    }
    do {
        size_t start = parser->look.start;
        ok = ok && wippyli_type_parser_accept(parser, WIPPYLI_TOKEN_NAME);
        if (ok) {
            wippyli_type_emit_source(parser, start);
            count++;
        }
        if (ok && wippyli_type_parser_accept(parser, ':')) {
            parser->writer = NULL;
            ok = wippyli_type_parse(parser);
            parser->writer = writer;
        }
    } while (ok && wippyli_type_parser_accept(parser, ','));
    if (writer && !writer->failed) {
        memcpy(writer->data + count_at, &count, sizeof(count));
    }
    return ok && wippyli_type_parser_accept(parser, '>');
}
