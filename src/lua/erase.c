#include "erase.h"

#include "lexer.h"
#include "typeparse.h"
#include "typetree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Stock Lua nests at most 200 deep, so code that goes beyond is never run. */
#define WIPPYLI_ERASE_NEST 256

typedef struct wippyli_eraser {
    const wippyli_mem *mem;
    const char *chunk;
    const char *source;
    size_t size;
    char *text; /* the copy being blanked, NULL until the first type */
    wippyli_lexer lexer;
    wippyli_token token; /* the one being looked at */
    int before;          /* type of the token before it; ';' where a statement may begin */
    uint32_t before_line;
    unsigned char nest[WIPPYLI_ERASE_NEST]; /* what is open: '(' for brackets, 'f' function, 'b' */
    size_t nest_count;
    uint32_t block_count;
    bool as_searched;
    bool as_is_name;
    wippyli_type_writer types;
    wippy_result result;
    wippy_diag *diag;
} wippyli_eraser;

/* ---- failing ---- */

static void wippyli_eraser_fail(wippyli_eraser *e, wippy_result code, const wippyli_token *at,
                                const char *format, ...) WIPPYLI_PRINTF(4, 5);

static void wippyli_eraser_fail(wippyli_eraser *e, wippy_result code, const wippyli_token *at,
                                const char *format, ...)
{
    char text[160];
    va_list args;
    e->result = code;
    if (!e->diag) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    memset(e->diag, 0, sizeof(*e->diag));
    e->diag->code = code;
    e->diag->line = at->line;
    e->diag->column = at->column;
    (void)snprintf(e->diag->file, sizeof(e->diag->file), "%s", e->chunk);
    (void)snprintf(e->diag->message, sizeof(e->diag->message), "%.255s:%lu: %s", e->chunk,
                   (unsigned long)at->line, text);
}

/* The token as a reader sees it: cut to a length, control bytes as '?'. */
static void wippyli_eraser_quote(const wippyli_eraser *e, const wippyli_token *token, char *out,
                                 size_t size)
{
    size_t count = token->end - token->start;
    bool cut = count >= size;
    size_t used = cut ? size - 4 : count;
    /* do not cut inside a UTF-8 sequence */
    while (cut && used > 0 && ((unsigned char)e->source[token->start + used] & 0xC0u) == 0x80u) {
        used--;
    }
    for (size_t i = 0; i < used; i++) {
        unsigned char c = (unsigned char)e->source[token->start + i];
        out[i] = c < ' ' || c == 0x7F ? '?' : (char)c;
    }
    (void)snprintf(out + used, size - used, "%s", cut ? "..." : "");
}

static void wippyli_eraser_fail_in_type(wippyli_eraser *e, const wippyli_type_parser *parser)
{
    char quoted[48];
    if (parser->no_memory) {
        wippyli_eraser_fail(e, WIPPY_ERR_NOMEM, &parser->look, "out of memory");
    } else if (parser->too_deep) {
        wippyli_eraser_fail(e, WIPPY_ERR_SYNTAX, &parser->look, "type nesting too deep (limit %d)",
                            WIPPYLI_TYPE_DEPTH);
    } else if (parser->look.type == WIPPYLI_TOKEN_END) {
        wippyli_eraser_fail(e, WIPPY_ERR_SYNTAX, &parser->look, "unexpected end of file in type");
    } else {
        wippyli_eraser_quote(e, &parser->look, quoted, sizeof(quoted));
        wippyli_eraser_fail(e, WIPPY_ERR_SYNTAX, &parser->look, "unexpected '%s' in type", quoted);
    }
}

/* ---- blanking ---- */

/* Put spaces over the visible bytes of [from, to); tabs and line ends keep their places. */
static void wippyli_eraser_blank(wippyli_eraser *e, size_t from, size_t to)
{
    if (!e->text) {
        e->text = (char *)wippyli_mem_alloc(e->mem, e->size);
        if (!e->text) {
            wippyli_eraser_fail(e, WIPPY_ERR_NOMEM, &e->token, "out of memory");
            return;
        }
        memcpy(e->text, e->source, e->size);
    }
    for (size_t i = from; i < to; i++) {
        char c = e->text[i];
        if (c != '\n' && c != '\r' && c != '\t' && c != '\v' && c != '\f') {
            e->text[i] = ' ';
        }
    }
}

/* ---- looking ahead ---- */

static void wippyli_eraser_peek(const wippyli_eraser *e, wippyli_token *out)
{
    wippyli_lexer ahead = e->lexer;
    wippyli_lexer_next(&ahead, out);
}

/* Take the next token if it is of that type; it becomes e->token. */
static bool wippyli_eraser_accept(wippyli_eraser *e, int type)
{
    wippyli_lexer ahead = e->lexer;
    wippyli_token token;
    wippyli_lexer_next(&ahead, &token);
    if (token.type != type) {
        return false;
    }
    e->lexer = ahead;
    e->token = token;
    return true;
}

static void wippyli_eraser_remember(wippyli_eraser *e, int before)
{
    e->before = before;
    e->before_line = e->lexer.line;
}

/* Can an expression end with this token? */
static bool wippyli_eraser_ends_operand(int type)
{
    switch (type) {
    case WIPPYLI_TOKEN_NAME:
    case WIPPYLI_TOKEN_NUMBER:
    case WIPPYLI_TOKEN_STRING:
    case WIPPYLI_TOKEN_DOTS:
    case WIPPYLI_TOKEN_NIL:
    case WIPPYLI_TOKEN_TRUE:
    case WIPPYLI_TOKEN_FALSE:
    case WIPPYLI_TOKEN_END_BLOCK:
    case ')':
    case ']':
    case '}': return true;
    default: return false;
    }
}

/* Can a statement begin behind this token? */
static bool wippyli_eraser_ends_statement(int type)
{
    switch (type) {
    case ';':
    case WIPPYLI_TOKEN_BREAK:
    case WIPPYLI_TOKEN_DO:
    case WIPPYLI_TOKEN_ELSE:
    case WIPPYLI_TOKEN_REPEAT:
    case WIPPYLI_TOKEN_THEN: return true;
    default: return wippyli_eraser_ends_operand(type);
    }
}

/* ---- nesting ---- */

static void wippyli_eraser_open(wippyli_eraser *e, unsigned char what)
{
    if (e->nest_count < WIPPYLI_ERASE_NEST) {
        e->nest[e->nest_count] = what;
    }
    e->nest_count++;
    e->block_count += what == '(' ? 0 : 1;
}

/* What is innermost: '(', 'f', 'b', or 0 at chunk level and where it is not known. */
static unsigned char wippyli_eraser_inside(const wippyli_eraser *e)
{
    return e->nest_count > 0 && e->nest_count <= WIPPYLI_ERASE_NEST ? e->nest[e->nest_count - 1]
                                                                    : 0;
}

static bool wippyli_eraser_in_brackets(const wippyli_eraser *e)
{
    return wippyli_eraser_inside(e) == '(';
}

static void wippyli_eraser_close_bracket(wippyli_eraser *e)
{
    if (e->nest_count > WIPPYLI_ERASE_NEST || wippyli_eraser_in_brackets(e)) {
        e->nest_count--;
    }
}

/* At `end` or `until`. Behind the `end` of a function an expression may go on, behind any other
   only a statement can follow. */
static void wippyli_eraser_close_block(wippyli_eraser *e)
{
    unsigned char what = wippyli_eraser_inside(e);
    if (what != '(' && e->nest_count > 0) {
        e->nest_count--;
        e->block_count -= e->block_count > 0 ? 1 : 0;
    }
    if (e->token.type == WIPPYLI_TOKEN_END_BLOCK && what == 'b') {
        wippyli_eraser_remember(e, ';');
    } else {
        wippyli_eraser_remember(e, e->token.type);
    }
}

/* ---- types in place ---- */

/* Erase from `from` to the end of the type that begins behind e->lexer. */
static bool wippyli_eraser_type(wippyli_eraser *e, size_t from, wippyli_type_place place,
                                bool (*parse)(wippyli_type_parser *))
{
    wippyli_type_parser parser;
    wippyli_type_parser_init(&parser, &e->lexer, e->mem, NULL, place);
    if (!parse(&parser)) {
        wippyli_eraser_fail_in_type(e, &parser);
        return false;
    }
    wippyli_eraser_blank(e, from, parser.at.pos);
    e->lexer = parser.at;
    return e->result == WIPPY_OK;
}

/* ':' type, if it is there. */
static bool wippyli_eraser_annotation(wippyli_eraser *e, wippyli_type_place place)
{
    if (!wippyli_eraser_accept(e, ':')) {
        return true;
    }
    return wippyli_eraser_type(e, e->token.start, place, wippyli_type_parse);
}

static bool wippyli_eraser_generics(wippyli_eraser *e)
{
    wippyli_token token;
    wippyli_eraser_peek(e, &token);
    if (token.type != '<') {
        return true;
    }
    return wippyli_eraser_type(e, token.start, WIPPYLI_TYPE_PLACE_ANY, wippyli_type_parse_generics);
}

/* Would erased text join what stands before it with a '(' on a later line? */
static bool wippyli_eraser_joins(const wippyli_eraser *e)
{
    wippyli_token next;
    wippyli_eraser_peek(e, &next);
    return next.type == '(' && next.line > e->lexer.line && !wippyli_eraser_in_brackets(e) &&
           wippyli_eraser_ends_operand(e->before);
}

/* ---- functions ---- */

/* One parameter; false at what is none. */
static bool wippyli_eraser_parameter(wippyli_eraser *e)
{
    if (wippyli_eraser_accept(e, WIPPYLI_TOKEN_DOTS)) {
        return wippyli_eraser_annotation(e, WIPPYLI_TYPE_PLACE_ANY);
    }
    if (!wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME)) {
        return false;
    }
    if (wippyli_eraser_accept(e, '?')) {
        wippyli_eraser_blank(e, e->token.start, e->token.end);
    }
    return e->result == WIPPY_OK && wippyli_eraser_annotation(e, WIPPYLI_TYPE_PLACE_ANY);
}

/* '(' ... ')' [':' type]; what does not fit is left for Lua to report. */
static void wippyli_eraser_parameters(wippyli_eraser *e)
{
    if (!wippyli_eraser_accept(e, '(')) {
        return;
    }
    while (wippyli_eraser_parameter(e) && wippyli_eraser_accept(e, ',')) {
    }
    if (e->result == WIPPY_OK && wippyli_eraser_accept(e, ')') && wippyli_eraser_accept(e, ':')) {
        (void)wippyli_eraser_type(e, e->token.start, WIPPYLI_TYPE_PLACE_ANY,
                                  wippyli_type_parse_result);
    }
}

/* Behind `function`. */
static void wippyli_eraser_function(wippyli_eraser *e)
{
    while (wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME) || wippyli_eraser_accept(e, '.') ||
           wippyli_eraser_accept(e, ':')) {
    }
    if (wippyli_eraser_generics(e)) {
        wippyli_eraser_parameters(e);
    }
    wippyli_eraser_open(e, 'f');
    wippyli_eraser_remember(e, ';');
}

/* ---- local ---- */

/* '<' Name '>', if it is there: it stays. */
static void wippyli_eraser_attribute(wippyli_eraser *e)
{
    if (wippyli_eraser_accept(e, '<')) {
        (void)wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME);
        (void)wippyli_eraser_accept(e, '>');
    }
}

/* Behind `local`. */
static void wippyli_eraser_local(wippyli_eraser *e)
{
    if (wippyli_eraser_accept(e, WIPPYLI_TOKEN_FUNCTION)) {
        wippyli_eraser_function(e);
        return;
    }
    while (wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME)) {
        wippyli_eraser_attribute(e);
        if (!wippyli_eraser_annotation(e, WIPPYLI_TYPE_PLACE_LOCAL)) {
            return;
        }
        wippyli_eraser_attribute(e);
        if (!wippyli_eraser_accept(e, ',')) {
            break;
        }
    }
    wippyli_eraser_remember(e, ';');
}

/* ---- aliases ---- */

/* Is the name `type` at hand the head of an alias? */
static bool wippyli_eraser_at_alias(const wippyli_eraser *e)
{
    wippyli_lexer ahead = e->lexer;
    wippyli_token name;
    wippyli_token sign;
    if (!wippyli_token_is_name(&e->lexer, &e->token, "type") || wippyli_eraser_in_brackets(e) ||
        !wippyli_eraser_ends_statement(e->before)) {
        return false;
    }
    wippyli_lexer_next(&ahead, &name);
    if (name.type != WIPPYLI_TOKEN_NAME) {
        return false;
    }
    wippyli_lexer_next(&ahead, &sign);
    return sign.type == '=' || sign.type == '<';
}

static bool wippyli_eraser_alias_body(wippyli_type_parser *parser, const wippyli_token *name)
{
    if (parser->look.type == '<') {
        if (!wippyli_type_parse_generics(parser)) {
            return false;
        }
    } else {
        wippyli_type_put_u32(parser->writer, 0);
    }
    wippyli_type_put_text(parser->writer, parser->at.text + name->start, name->end - name->start);
    return wippyli_type_parser_accept(parser, '=') && wippyli_type_parse(parser);
}

static void wippyli_eraser_alias(wippyli_eraser *e)
{
    wippyli_type_parser parser;
    size_t start = e->token.start;
    uint32_t line = e->token.line;
    (void)wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME);
    size_t node = wippyli_type_open(&e->types, WIPPYLI_TYPE_ALIAS);
    wippyli_type_put_u32(&e->types, line);
    wippyli_type_put_u32(&e->types, e->block_count);
    wippyli_type_parser_init(&parser, &e->lexer, e->mem, &e->types, WIPPYLI_TYPE_PLACE_ANY);
    if (!wippyli_eraser_alias_body(&parser, &e->token)) {
        wippyli_eraser_fail_in_type(e, &parser);
        return;
    }
    wippyli_type_close(&e->types, node);
    wippyli_eraser_blank(e, start, parser.at.pos);
    e->lexer = parser.at;
    if (e->result == WIPPY_OK && wippyli_eraser_joins(e)) {
        e->text[start] = ';';
    }
    wippyli_eraser_remember(e, ';');
}

/* ---- casts ---- */

static void wippyli_eraser_cast(wippyli_eraser *e)
{
    size_t start = e->token.start;
    if (!wippyli_eraser_type(e, start, WIPPYLI_TYPE_PLACE_CAST, wippyli_type_parse)) {
        return;
    }
    if (wippyli_eraser_joins(e)) {
        e->text[start] = ';';
    }
    wippyli_eraser_remember(e, WIPPYLI_TOKEN_NAME);
}

/* Behind `:: Name ::` on one line with an expression: is the second :: a cast of its own? It is when
   what follows it could be a type but not the first token of a statement. */
static bool wippyli_eraser_second_cast(wippyli_lexer *ahead)
{
    wippyli_token first;
    wippyli_token second;
    wippyli_lexer_next(ahead, &first);
    switch (first.type) {
    case '{':
    case WIPPYLI_TOKEN_STRING:
    case WIPPYLI_TOKEN_NUMBER:
    case WIPPYLI_TOKEN_NIL:
    case WIPPYLI_TOKEN_TRUE:
    case WIPPYLI_TOKEN_FALSE: return true;
    case WIPPYLI_TOKEN_NAME: break;
    default: return false;
    }
    wippyli_lexer_next(ahead, &second);
    switch (second.type) {
    case '.':
    case ':':
    case '[':
    case '(':
    case '{':
    case '=':
    case ',':
    case WIPPYLI_TOKEN_STRING: return false;
    case WIPPYLI_TOKEN_NAME: return !wippyli_token_is_name(ahead, &first, "type");
    default: return true; /* another :: among them: `x :: T ::label::` */
    }
}

static bool wippyli_eraser_at_label(const wippyli_eraser *e)
{
    wippyli_lexer ahead = e->lexer;
    wippyli_token token;
    if (wippyli_eraser_in_brackets(e)) {
        return false;
    }
    if (!wippyli_eraser_ends_operand(e->before) || e->before_line != e->token.line) {
        return true;
    }
    wippyli_lexer_next(&ahead, &token);
    if (token.type != WIPPYLI_TOKEN_NAME) {
        return false;
    }
    wippyli_lexer_next(&ahead, &token);
    return token.type == WIPPYLI_TOKEN_DOUBLE_COLON && !wippyli_eraser_second_cast(&ahead);
}

static void wippyli_eraser_double_colon(wippyli_eraser *e)
{
    if (!wippyli_eraser_at_label(e)) {
        if (wippyli_eraser_ends_operand(e->before)) {
            wippyli_eraser_cast(e);
        } else {
            wippyli_eraser_remember(e, WIPPYLI_TOKEN_DOUBLE_COLON);
        }
        return;
    }
    (void)wippyli_eraser_accept(e, WIPPYLI_TOKEN_NAME);
    (void)wippyli_eraser_accept(e, WIPPYLI_TOKEN_DOUBLE_COLON);
    wippyli_eraser_remember(e, ';');
}

/* Is `as` used anywhere as the name of something? Looked up once, when it matters. */
static bool wippyli_eraser_as_is_name(wippyli_eraser *e)
{
    wippyli_lexer lexer;
    wippyli_token token;
    int before = ';';
    uint32_t before_line = 0;
    if (e->as_searched) {
        return e->as_is_name;
    }
    wippyli_lexer_init(&lexer, e->source, e->size);
    for (;;) {
        wippyli_lexer_next(&lexer, &token);
        if (token.type == WIPPYLI_TOKEN_END || token.type == WIPPYLI_TOKEN_BAD) {
            break;
        }
        if (wippyli_token_is_name(&lexer, &token, "as") && before != '.' && before != ':' &&
            (!wippyli_eraser_ends_operand(before) || before_line != token.line)) {
            e->as_is_name = true;
            break;
        }
        before = token.type;
        before_line = token.end_line;
    }
    e->as_searched = true;
    return e->as_is_name;
}

/* Does a type stand behind the position, all of it? */
static bool wippyli_eraser_type_follows(const wippyli_eraser *e)
{
    wippyli_type_parser parser;
    wippyli_type_parser_init(&parser, &e->lexer, e->mem, NULL, WIPPYLI_TYPE_PLACE_CAST);
    return wippyli_type_parse(&parser) || parser.no_memory;
}

static bool wippyli_eraser_at_as(wippyli_eraser *e)
{
    wippyli_token next;
    if (!wippyli_token_is_name(&e->lexer, &e->token, "as") ||
        !wippyli_eraser_ends_operand(e->before) || e->before_line != e->token.line) {
        return false;
    }
    wippyli_eraser_peek(e, &next);
    switch (next.type) {
    case WIPPYLI_TOKEN_NAME:
    case WIPPYLI_TOKEN_NUMBER:
    case WIPPYLI_TOKEN_NIL:
    case WIPPYLI_TOKEN_TRUE:
    case WIPPYLI_TOKEN_FALSE:
    case WIPPYLI_TOKEN_FUNCTION: return true;
    case WIPPYLI_TOKEN_STRING:
    case '{':
    case '(':
        return wippyli_eraser_in_brackets(e) ||
               (next.start > e->token.end && !wippyli_eraser_as_is_name(e) &&
                wippyli_eraser_type_follows(e));
    default: return false;
    }
}

/* At '!': erased behind an expression, unless it is half of a foreign != . */
static void wippyli_eraser_non_nil(wippyli_eraser *e)
{
    bool operand = wippyli_eraser_ends_operand(e->before);
    bool unequal = e->token.end < e->size && e->source[e->token.end] == '=';
    if (operand && !unequal) {
        wippyli_eraser_blank(e, e->token.start, e->token.end);
        wippyli_eraser_remember(e, WIPPYLI_TOKEN_NAME);
    } else {
        wippyli_eraser_remember(e, '!');
    }
}

/* ---- the pass ---- */

static void wippyli_eraser_name(wippyli_eraser *e)
{
    if (wippyli_eraser_at_alias(e)) {
        wippyli_eraser_alias(e);
    } else if (wippyli_eraser_at_as(e)) {
        wippyli_eraser_cast(e);
    } else {
        wippyli_eraser_remember(e, WIPPYLI_TOKEN_NAME);
    }
}

static void wippyli_eraser_token(wippyli_eraser *e)
{
    switch (e->token.type) {
    case WIPPYLI_TOKEN_NAME: wippyli_eraser_name(e); return;
    case WIPPYLI_TOKEN_FUNCTION: wippyli_eraser_function(e); return;
    case WIPPYLI_TOKEN_LOCAL: wippyli_eraser_local(e); return;
    case WIPPYLI_TOKEN_DOUBLE_COLON: wippyli_eraser_double_colon(e); return;
    case WIPPYLI_TOKEN_END_BLOCK:
    case WIPPYLI_TOKEN_UNTIL: wippyli_eraser_close_block(e); return;
    case '!': wippyli_eraser_non_nil(e); return;
    case '(':
    case '[':
    case '{': wippyli_eraser_open(e, '('); break;
    case ')':
    case ']':
    case '}': wippyli_eraser_close_bracket(e); break;
    case WIPPYLI_TOKEN_DO:
    case WIPPYLI_TOKEN_IF:
    case WIPPYLI_TOKEN_REPEAT: wippyli_eraser_open(e, 'b'); break;
    default: break;
    }
    wippyli_eraser_remember(e, e->token.type);
}

static void wippyli_eraser_run(wippyli_eraser *e)
{
    while (e->result == WIPPY_OK) {
        wippyli_lexer_next(&e->lexer, &e->token);
        if (e->token.type == WIPPYLI_TOKEN_END || e->token.type == WIPPYLI_TOKEN_BAD) {
            break;
        }
        wippyli_eraser_token(e);
    }
    if (e->result == WIPPY_OK && e->types.failed) {
        wippyli_eraser_fail(e, WIPPY_ERR_NOMEM, &e->token, "out of memory");
    }
}

WIPPYLI_FN wippy_result wippyli_erase(const wippyli_mem *mem, const char *chunk, const char *source,
                                      size_t size, wippyli_erased *out, wippy_diag *diag)
{
    wippyli_eraser e;
    memset(&e, 0, sizeof(e));
    e.mem = mem;
    e.chunk = chunk ? chunk : "?";
    e.source = source;
    e.size = size;
    e.diag = diag;
    e.before = ';';
    wippyli_lexer_init(&e.lexer, source, size);
    wippyli_type_writer_init(&e.types, mem);
    wippyli_eraser_run(&e);
    if (e.result != WIPPY_OK) {
        wippyli_mem_free(mem, e.text, size);
        wippyli_type_writer_release(&e.types);
        return e.result;
    }
    out->text = e.text;
    out->size = size;
    out->types = e.types.data;
    out->types_size = e.types.size;
    out->types_capacity = e.types.capacity;
    return WIPPY_OK;
}

WIPPYLI_FN void wippyli_erased_release(const wippyli_mem *mem, wippyli_erased *erased)
{
    wippyli_mem_free(mem, erased->text, erased->size);
    wippyli_mem_free(mem, erased->types, erased->types_capacity);
    memset(erased, 0, sizeof(*erased));
}

#undef WIPPYLI_ERASE_NEST
