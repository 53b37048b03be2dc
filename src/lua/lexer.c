#include "lexer.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const char *const wippyli_lexer_keywords[] = {
    "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
    "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
    "repeat",   "return", "then", "true", "until",  "while"};

/* ---- characters: ASCII, whatever the locale, as stock Lua is built ---- */

static bool wippyli_lexer_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool wippyli_lexer_is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int wippyli_lexer_hex_digit(int c)
{
    if (wippyli_lexer_is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool wippyli_lexer_is_newline(int c)
{
    return c == '\n' || c == '\r';
}

/* ---- moving ---- */

/* The byte `ahead` of the position, -1 behind the end. */
static int wippyli_lexer_peek(const wippyli_lexer *lexer, size_t ahead)
{
    return ahead < lexer->size - lexer->pos ? (unsigned char)lexer->text[lexer->pos + ahead] : -1;
}

/* Over one line end; \r\n and \n\r are one, a lone \r counts too. */
static void wippyli_lexer_newline(wippyli_lexer *lexer)
{
    int first = wippyli_lexer_peek(lexer, 0);
    int second = wippyli_lexer_peek(lexer, 1);
    lexer->pos += wippyli_lexer_is_newline(second) && second != first ? 2u : 1u;
    lexer->line++;
    lexer->line_start = lexer->pos;
}

static void wippyli_lexer_step(wippyli_lexer *lexer)
{
    if (wippyli_lexer_is_newline(wippyli_lexer_peek(lexer, 0))) {
        wippyli_lexer_newline(lexer);
    } else {
        lexer->pos++;
    }
}

static void wippyli_lexer_skip_line(wippyli_lexer *lexer)
{
    while (lexer->pos < lexer->size && !wippyli_lexer_is_newline(wippyli_lexer_peek(lexer, 0))) {
        lexer->pos++;
    }
}

WIPPYLI_FN void wippyli_lexer_init(wippyli_lexer *lexer, const char *text, size_t size)
{
    memset(lexer, 0, sizeof(*lexer));
    lexer->text = text;
    lexer->size = size;
    lexer->line = 1;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        lexer->pos = 3;
    }
    if (wippyli_lexer_peek(lexer, 0) == '#') {
        wippyli_lexer_skip_line(lexer);
    }
}

/* ---- long brackets ---- */

/* At '[': the number of = in a long bracket that opens here, -1 when none does. */
static long wippyli_lexer_long_level(const wippyli_lexer *lexer)
{
    long level = 0;
    while (wippyli_lexer_peek(lexer, (size_t)level + 1) == '=') {
        level++;
    }
    return wippyli_lexer_peek(lexer, (size_t)level + 1) == '[' ? level : -1;
}

static bool wippyli_lexer_closes(const wippyli_lexer *lexer, long level)
{
    if (wippyli_lexer_peek(lexer, 0) != ']') {
        return false;
    }
    for (long i = 1; i <= level; i++) {
        if (wippyli_lexer_peek(lexer, (size_t)i) != '=') {
            return false;
        }
    }
    return wippyli_lexer_peek(lexer, (size_t)level + 1) == ']';
}

/* From the opening '[' to behind the closing ']'; false when the source ends before. */
static bool wippyli_lexer_skip_long(wippyli_lexer *lexer, long level)
{
    lexer->pos += (size_t)level + 2;
    while (lexer->pos < lexer->size) {
        if (wippyli_lexer_closes(lexer, level)) {
            lexer->pos += (size_t)level + 2;
            return true;
        }
        wippyli_lexer_step(lexer);
    }
    return false;
}

/* At "--". */
static void wippyli_lexer_skip_comment(wippyli_lexer *lexer)
{
    lexer->pos += 2;
    if (wippyli_lexer_peek(lexer, 0) == '[') {
        long level = wippyli_lexer_long_level(lexer);
        if (level >= 0) {
            (void)wippyli_lexer_skip_long(lexer, level);
            return;
        }
    }
    wippyli_lexer_skip_line(lexer);
}

static void wippyli_lexer_skip_blanks(wippyli_lexer *lexer)
{
    for (;;) {
        int c = wippyli_lexer_peek(lexer, 0);
        if (wippyli_lexer_is_newline(c)) {
            wippyli_lexer_newline(lexer);
        } else if (c == ' ' || c == '\t' || c == '\v' || c == '\f') {
            lexer->pos++;
        } else if (c == '-' && wippyli_lexer_peek(lexer, 1) == '-') {
            wippyli_lexer_skip_comment(lexer);
        } else {
            return;
        }
    }
}

/* ---- tokens ---- */

static int wippyli_lexer_name(wippyli_lexer *lexer)
{
    size_t start = lexer->pos;
    while (wippyli_lexer_is_name_start(wippyli_lexer_peek(lexer, 0)) ||
           wippyli_lexer_is_digit(wippyli_lexer_peek(lexer, 0))) {
        lexer->pos++;
    }
    size_t size = lexer->pos - start;
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_lexer_keywords); i++) {
        const char *word = wippyli_lexer_keywords[i];
        if (word[0] == lexer->text[start] && strlen(word) == size &&
            memcmp(word, lexer->text + start, size) == 0) {
            return WIPPYLI_TOKEN_AND + (int)i;
        }
    }
    return WIPPYLI_TOKEN_NAME;
}

/* As greedy as stock Lua: "1..2" and "3x" are one malformed number each. */
static int wippyli_lexer_number(wippyli_lexer *lexer)
{
    int second = wippyli_lexer_peek(lexer, 1);
    bool hex = wippyli_lexer_peek(lexer, 0) == '0' && (second == 'x' || second == 'X');
    lexer->pos += hex ? 2u : 1u;
    for (;;) {
        int c = wippyli_lexer_peek(lexer, 0);
        if (hex ? (c == 'p' || c == 'P') : (c == 'e' || c == 'E')) {
            int sign = wippyli_lexer_peek(lexer, 1);
            lexer->pos += sign == '+' || sign == '-' ? 2u : 1u;
        } else if (wippyli_lexer_hex_digit(c) >= 0 || c == '.') {
            lexer->pos++;
        } else {
            break;
        }
    }
    if (wippyli_lexer_is_name_start(wippyli_lexer_peek(lexer, 0))) {
        lexer->pos++;
    }
    return WIPPYLI_TOKEN_NUMBER;
}

/* Behind a backslash. */
static void wippyli_lexer_skip_escape(wippyli_lexer *lexer)
{
    if (wippyli_lexer_peek(lexer, 0) != 'z') {
        wippyli_lexer_step(lexer);
        return;
    }
    lexer->pos++;
    for (;;) {
        int c = wippyli_lexer_peek(lexer, 0);
        if (!wippyli_lexer_is_newline(c) && c != ' ' && c != '\t' && c != '\v' && c != '\f') {
            return;
        }
        wippyli_lexer_step(lexer);
    }
}

static int wippyli_lexer_string(wippyli_lexer *lexer)
{
    int quote = wippyli_lexer_peek(lexer, 0);
    lexer->pos++;
    for (;;) {
        int c = wippyli_lexer_peek(lexer, 0);
        if (c < 0 || wippyli_lexer_is_newline(c)) {
            return WIPPYLI_TOKEN_BAD;
        }
        lexer->pos++;
        if (c == quote) {
            return WIPPYLI_TOKEN_STRING;
        }
        if (c == '\\' && lexer->pos < lexer->size) {
            wippyli_lexer_skip_escape(lexer);
        }
    }
}

static int wippyli_lexer_bracket(wippyli_lexer *lexer)
{
    long level = wippyli_lexer_long_level(lexer);
    if (level < 0) {
        lexer->pos++;
        return '[';
    }
    return wippyli_lexer_skip_long(lexer, level) ? WIPPYLI_TOKEN_STRING : WIPPYLI_TOKEN_BAD;
}

/* Signs of one to three bytes. */
static int wippyli_lexer_sign(wippyli_lexer *lexer, bool in_type)
{
    int c = wippyli_lexer_peek(lexer, 0);
    int next = wippyli_lexer_peek(lexer, 1);
    int type = c;
    size_t size = 1;
    if (c == '.' && next == '.') {
        type = wippyli_lexer_peek(lexer, 2) == '.' ? WIPPYLI_TOKEN_DOTS : WIPPYLI_TOKEN_BINARY;
        size = type == WIPPYLI_TOKEN_DOTS ? 3 : 2;
    } else if (c == ':' && next == ':') {
        type = WIPPYLI_TOKEN_DOUBLE_COLON;
        size = 2;
    } else if (in_type && c == '-' && next == '>') {
        type = WIPPYLI_TOKEN_ARROW;
        size = 2;
    } else if (in_type && c == '>') {
        type = '>';
    } else if ((next == '=' && (c == '=' || c == '~' || c == '<' || c == '>')) ||
               (next == c && (c == '<' || c == '>' || c == '/'))) {
        type = WIPPYLI_TOKEN_BINARY;
        size = 2;
    }
    lexer->pos += size;
    return type;
}

static int wippyli_lexer_scan(wippyli_lexer *lexer, bool in_type)
{
    int c = wippyli_lexer_peek(lexer, 0);
    if (c < 0) {
        return WIPPYLI_TOKEN_END;
    }
    if (wippyli_lexer_is_name_start(c)) {
        return wippyli_lexer_name(lexer);
    }
    if (wippyli_lexer_is_digit(c) ||
        (c == '.' && wippyli_lexer_is_digit(wippyli_lexer_peek(lexer, 1)))) {
        return wippyli_lexer_number(lexer);
    }
    if (c == '"' || c == '\'') {
        return wippyli_lexer_string(lexer);
    }
    if (c == '[') {
        return wippyli_lexer_bracket(lexer);
    }
    if (c == 0) { /* 0 means the end to callers, a NUL byte in the source does not */
        lexer->pos++;
        return WIPPYLI_TOKEN_BAD;
    }
    return wippyli_lexer_sign(lexer, in_type);
}

static void wippyli_lexer_token(wippyli_lexer *lexer, wippyli_token *out, bool in_type)
{
    wippyli_lexer_skip_blanks(lexer);
    out->start = lexer->pos;
    out->line = lexer->line;
    out->column = (uint32_t)(lexer->pos - lexer->line_start) + 1;
    out->type = wippyli_lexer_scan(lexer, in_type);
    out->end = lexer->pos;
    out->end_line = lexer->line;
}

WIPPYLI_FN void wippyli_lexer_next(wippyli_lexer *lexer, wippyli_token *out)
{
    wippyli_lexer_token(lexer, out, false);
}

WIPPYLI_FN void wippyli_lexer_next_in_type(wippyli_lexer *lexer, wippyli_token *out)
{
    wippyli_lexer_token(lexer, out, true);
}

static uint32_t wippyli_token_arithmetic(const wippyli_lexer *lexer, const wippyli_token *token)
{
    switch (token->type) {
    case '+': return WIPPYLI_ARITH_ADD;
    case '-': return WIPPYLI_ARITH_SUB;
    case '*': return WIPPYLI_ARITH_MUL;
    case '%': return WIPPYLI_ARITH_MOD;
    case '^': return WIPPYLI_ARITH_POW;
    case '/': return WIPPYLI_ARITH_DIV;
    case WIPPYLI_TOKEN_BINARY: return lexer->text[token->start] == '/' ? WIPPYLI_ARITH_IDIV : 0;
    case WIPPYLI_TOKEN_BAD: return WIPPYLI_ARITH_ALL;
    default: return 0;
    }
}

WIPPYLI_FN uint32_t wippyli_lexer_arithmetic(const char *text, size_t size)
{
    wippyli_lexer lexer;
    wippyli_token token;
    uint32_t found = 0;
    wippyli_lexer_init(&lexer, text, size);
    do {
        wippyli_lexer_next(&lexer, &token);
        found |= wippyli_token_arithmetic(&lexer, &token);
    } while (token.type != WIPPYLI_TOKEN_END && token.type != WIPPYLI_TOKEN_BAD);
    return lexer.pos < size ? (uint32_t)WIPPYLI_ARITH_ALL : found;
}

WIPPYLI_FN bool wippyli_token_is_name(const wippyli_lexer *lexer, const wippyli_token *token,
                                      const char *name)
{
    size_t size = strlen(name);
    return token->type == WIPPYLI_TOKEN_NAME && token->end - token->start == size &&
           memcmp(lexer->text + token->start, name, size) == 0;
}

/* ---- values of literals ---- */

typedef struct wippyli_lexer_unescape {
    const char *in;
    const char *end;
    char *out;
} wippyli_lexer_unescape;

static bool wippyli_lexer_unescape_hex(wippyli_lexer_unescape *u)
{
    int high = u->end - u->in >= 2 ? wippyli_lexer_hex_digit((unsigned char)u->in[0]) : -1;
    int low = high >= 0 ? wippyli_lexer_hex_digit((unsigned char)u->in[1]) : -1;
    if (low < 0) {
        return false;
    }
    *u->out++ = (char)(unsigned char)(high * 16 + low);
    u->in += 2;
    return true;
}

static bool wippyli_lexer_unescape_decimal(wippyli_lexer_unescape *u)
{
    int value = 0;
    for (int i = 0; i < 3 && u->in < u->end && wippyli_lexer_is_digit((unsigned char)*u->in); i++) {
        value = value * 10 + (*u->in++ - '0');
    }
    *u->out++ = (char)(unsigned char)value;
    return value <= 255;
}

/* UTF-8 of up to 31 bits, as Lua accepts it. */
static void wippyli_lexer_unescape_put_utf8(wippyli_lexer_unescape *u, uint32_t code)
{
    static const uint32_t limits[] = {0x80, 0x800, 0x10000, 0x200000, 0x4000000};
    static const unsigned char marks[] = {0, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC};
    unsigned tail = 0; /* bytes behind the first, six bits each */
    while (tail < WIPPYLI_COUNT(limits) && code >= limits[tail]) {
        tail++;
    }
    *u->out++ = (char)(unsigned char)(marks[tail] | code >> (6 * tail));
    while (tail > 0) {
        tail--;
        *u->out++ = (char)(unsigned char)(0x80u | ((code >> (6 * tail)) & 0x3Fu));
    }
}

static bool wippyli_lexer_unescape_utf8(wippyli_lexer_unescape *u)
{
    uint32_t code = 0;
    if (u->in >= u->end || *u->in++ != '{') {
        return false;
    }
    const char *first = u->in;
    while (u->in < u->end && wippyli_lexer_hex_digit((unsigned char)*u->in) >= 0) {
        if (code >= 0x8000000u) {
            return false;
        }
        code = code * 16 + (uint32_t)wippyli_lexer_hex_digit((unsigned char)*u->in++);
    }
    if (u->in == first || u->in >= u->end || *u->in++ != '}') {
        return false;
    }
    wippyli_lexer_unescape_put_utf8(u, code);
    return true;
}

static void wippyli_lexer_unescape_skip_blanks(wippyli_lexer_unescape *u)
{
    while (u->in < u->end && (*u->in == ' ' || (*u->in >= '\t' && *u->in <= '\r'))) {
        u->in++;
    }
}

/* Over a line end that stands for one \n. */
static void wippyli_lexer_unescape_newline(wippyli_lexer_unescape *u)
{
    char first = *u->in++;
    if (u->in < u->end && wippyli_lexer_is_newline((unsigned char)*u->in) && *u->in != first) {
        u->in++;
    }
    *u->out++ = '\n';
}

/* Behind a backslash. */
static bool wippyli_lexer_unescape_one(wippyli_lexer_unescape *u)
{
    static const char names[] = "abfnrtv\\\"'";
    static const char values[] = "\a\b\f\n\r\t\v\\\"'";
    if (u->in >= u->end) {
        return false;
    }
    if (wippyli_lexer_is_digit((unsigned char)*u->in)) {
        return wippyli_lexer_unescape_decimal(u);
    }
    if (wippyli_lexer_is_newline((unsigned char)*u->in)) {
        wippyli_lexer_unescape_newline(u);
        return true;
    }
    char c = *u->in++;
    const char *at = c ? strchr(names, c) : NULL;
    if (at) {
        *u->out++ = values[at - names];
        return true;
    }
    if (c == 'z') {
        wippyli_lexer_unescape_skip_blanks(u);
        return true;
    }
    return c == 'x' ? wippyli_lexer_unescape_hex(u) : c == 'u' && wippyli_lexer_unescape_utf8(u);
}

static bool wippyli_lexer_unescape_quoted(wippyli_lexer_unescape *u)
{
    while (u->in < u->end) {
        if (*u->in != '\\') {
            *u->out++ = *u->in++;
            continue;
        }
        u->in++;
        if (!wippyli_lexer_unescape_one(u)) {
            return false;
        }
    }
    return true;
}

static void wippyli_lexer_unescape_long(wippyli_lexer_unescape *u)
{
    char *first = u->out;
    while (u->in < u->end) {
        if (wippyli_lexer_is_newline((unsigned char)*u->in)) {
            bool leading = u->out == first && u->in[-1] == '['; /* dropped by Lua */
            wippyli_lexer_unescape_newline(u);
            u->out -= leading ? 1 : 0;
        } else {
            *u->out++ = *u->in++;
        }
    }
}

WIPPYLI_FN bool wippyli_token_string(const wippyli_lexer *lexer, const wippyli_token *token,
                                     char *out, size_t *out_size)
{
    const char *text = lexer->text + token->start;
    wippyli_lexer_unescape u;
    size_t quotes = 1;
    bool ok = true;
    if (text[0] == '[') {
        quotes = 2;
        while (text[quotes - 1] == '=') {
            quotes++;
        }
    }
    u.in = text + quotes;
    u.end = lexer->text + token->end - quotes;
    u.out = out;
    if (text[0] == '[') {
        wippyli_lexer_unescape_long(&u);
    } else {
        ok = wippyli_lexer_unescape_quoted(&u);
    }
    *out_size = (size_t)(u.out - out);
    return ok;
}

/* Integers: hexadecimal ones wrap around, decimal ones that do not fit are floats. */
static bool wippyli_lexer_read_integer(const char *text, int64_t *out)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *at = hex ? text + 2 : text;
    uint64_t value = 0;
    if (*at == 0) {
        return false;
    }
    for (; *at; at++) {
        int digit = wippyli_lexer_hex_digit((unsigned char)*at);
        if (digit < 0 || (!hex && digit > 9)) {
            return false;
        }
        if (!hex && (value > (uint64_t)INT64_MAX / 10 ||
                     value * 10 + (unsigned)digit > (uint64_t)INT64_MAX)) {
            return false;
        }
        value = value * (hex ? 16u : 10u) + (unsigned)digit;
    }
    memcpy(out, &value, sizeof(*out));
    return true;
}

/* strtod reads the locale's point: put it there first. */
static bool wippyli_lexer_read_float(char *text, double *out)
{
    char *end = NULL;
    char *point = strchr(text, '.');
    if (point) {
        *point = localeconv()->decimal_point[0];
    }
    *out = strtod(text, &end);
    return end != text && *end == 0;
}

WIPPYLI_FN bool wippyli_token_number(const wippyli_lexer *lexer, const wippyli_token *token,
                                     wippyli_numeral *out)
{
    char text[128];
    size_t size = token->end - token->start;
    if (size >= sizeof(text)) {
        return false;
    }
    memcpy(text, lexer->text + token->start, size);
    text[size] = 0;
    memset(out, 0, sizeof(*out));
    out->is_integer = wippyli_lexer_read_integer(text, &out->integer);
    if (out->is_integer) {
        out->number = (double)out->integer;
        return true;
    }
    return wippyli_lexer_read_float(text, &out->number);
}
