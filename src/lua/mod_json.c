/* ========================================================================== >>lua/mod_json.c */
#include "mod_json.h"

#include "errors.h"
#include "lvalue.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ tables */

typedef enum wippyli_json_shape {
    WIPPYLI_JSON_EMPTY,
    WIPPYLI_JSON_ARRAY,  /* keys are exactly 1..n */
    WIPPYLI_JSON_OBJECT, /* keys are strings */
    WIPPYLI_JSON_SPARSE,
    WIPPYLI_JSON_MIXED
} wippyli_json_shape;

/* What the table at `index` (absolute) is, and how many keys it has. */
static wippyli_json_shape wippyli_json_shape_of(lua_State *L, int index, size_t *count,
                                                uint32_t *steps)
{
    size_t texts = 0;
    size_t numbers = 0;
    lua_Integer largest = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        wippyli_guard_step(L, steps);
        if (lua_type(L, -2) == LUA_TSTRING) {
            texts++;
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
            numbers++;
            largest = lua_tointeger(L, -2) > largest ? lua_tointeger(L, -2) : largest;
        } else {
            lua_pop(L, 2);
            return WIPPYLI_JSON_MIXED;
        }
    }
    *count = texts + numbers;
    if (texts > 0) {
        return numbers > 0 ? WIPPYLI_JSON_MIXED : WIPPYLI_JSON_OBJECT;
    }
    if (numbers == 0) {
        return WIPPYLI_JSON_EMPTY;
    }
    return (uint64_t)largest == numbers ? WIPPYLI_JSON_ARRAY : WIPPYLI_JSON_SPARSE;
}

static int wippyli_json_compare(const void *left, const void *right)
{
    const wippy_slice *a = (const wippy_slice *)left;
    const wippy_slice *b = (const wippy_slice *)right;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Push the sorted keys, `count` of them, of the table at `index`, which keeps them. */
static const wippy_slice *wippyli_json_push_keys(lua_State *L, int index, size_t count)
{
    wippy_slice *keys = (wippy_slice *)lua_newuserdatauv(L, count * sizeof(*keys), 0);
    size_t at = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        keys[at].data = lua_tolstring(L, -2, &keys[at].size); /* they all are strings */
        at++;
    }
    qsort(keys, at, sizeof(*keys), wippyli_json_compare);
    return keys;
}

/* ------------------------------------------------------------------ encoding: text */

typedef struct wippyli_json_out {
    lua_State *L;
    int slot; /* the userdata that holds bytes */
    char *bytes;
    size_t size;
    size_t room;
    uint32_t steps;
    uint32_t depth;
    char problem[96];                            /* "" = none yet */
    const void *path[WIPPYLI_JSON_ENCODE_DEPTH]; /* tables that are open */
} wippyli_json_out;

static void wippyli_json_put(wippyli_json_out *out, const char *bytes, size_t size)
{
    if (size > out->room - out->size) {
        size_t room = (out->size + size) * 2;
        char *grown = (char *)lua_newuserdatauv(out->L, room, 0);
        memcpy(grown, out->bytes, out->size);
        lua_replace(out->L, out->slot);
        out->bytes = grown;
        out->room = room;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void wippyli_json_put_char(wippyli_json_out *out, char c)
{
    wippyli_json_put(out, &c, 1);
}

static void wippyli_json_put_word(wippyli_json_out *out, const char *word)
{
    wippyli_json_put(out, word, strlen(word));
}

/* Bytes of the UTF-8 sequence at `at`; 0 = it is none. */
static size_t wippyli_json_utf8(const unsigned char *at, const unsigned char *end)
{
    static const unsigned char least[] = {0, 0, 0x80, 0xa0, 0x90}; /* second byte, by length */
    size_t size = *at < 0x80   ? 1
                  : *at < 0xc2 ? 0
                  : *at < 0xe0 ? 2
                  : *at < 0xf0 ? 3
                  : *at < 0xf5 ? 4
                               : 0;
    if (size == 0 || (size_t)(end - at) < size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((*at == 0xe0 || *at == 0xf0) && at[1] < least[size]) {
        return 0;
    }
    bool beyond = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
    return beyond ? 0 : size;
}

static void wippyli_json_put_escape(wippyli_json_out *out, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];
    for (const char *n = named; *n; n += 2) {
        if ((unsigned char)*n == c) {
            wippyli_json_put_char(out, '\\');
            wippyli_json_put_char(out, n[1]);
            return;
        }
    }
    snprintf(text, sizeof(text), "\\u%04x", (unsigned)c);
    wippyli_json_put_word(out, text);
}

static void wippyli_json_put_string(wippyli_json_out *out, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + size;
    const unsigned char *run = at;
    wippyli_json_put_char(out, '"');
    while (at < end) {
        bool plain = *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\';
        size_t length = plain ? 1 : *at < 0x80 ? 0 : wippyli_json_utf8(at, end);
        if (length > 0) {
            at += length;
            continue;
        }
        wippyli_json_put(out, (const char *)run, (size_t)(at - run));
        if (*at < 0x80) {
            wippyli_json_put_escape(out, *at);
        } else {
            wippyli_json_put_word(out, "\xef\xbf\xbd");
        }
        run = ++at;
    }
    wippyli_json_put(out, (const char *)run, (size_t)(at - run));
    wippyli_json_put_char(out, '"');
}

/* The fewest digits that read as `number` (positive, finite), and the exponent of the first one. The
   locale chooses the point, so anything but digits is skipped. */
static int wippyli_json_digits(double number, char digits[24], int *exponent)
{
    char text[48];
    int count = 0;
    int precision = number < 2.2250738585072014e-308 ? 0 : 14;
    for (;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        double read = strtod(text, NULL);
        if (precision >= 16 || !(read < number || read > number)) {
            break;
        }
    }
    const char *at = text;
    for (; *at && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            digits[count++] = *at;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    *exponent = *at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0;
    return count;
}

static void wippyli_json_put_zeros(wippyli_json_out *out, int count)
{
    for (int i = 0; i < count; i++) {
        wippyli_json_put_char(out, '0');
    }
}

static void wippyli_json_put_plain(wippyli_json_out *out, const char *digits, int count,
                                   int exponent)
{
    if (exponent < 0) {
        wippyli_json_put_word(out, "0.");
        wippyli_json_put_zeros(out, -exponent - 1);
        wippyli_json_put(out, digits, (size_t)count);
    } else if (exponent >= count - 1) {
        wippyli_json_put(out, digits, (size_t)count);
        wippyli_json_put_zeros(out, exponent - count + 1);
    } else {
        wippyli_json_put(out, digits, (size_t)exponent + 1);
        wippyli_json_put_char(out, '.');
        wippyli_json_put(out, digits + exponent + 1, (size_t)(count - exponent - 1));
    }
}

static void wippyli_json_put_float(wippyli_json_out *out, double number)
{
    char digits[24];
    char text[16];
    int exponent = 0;
    if (!isfinite(number)) {
        wippyli_json_put_word(out, "null");
        return;
    }
    if (signbit(number)) {
        wippyli_json_put_char(out, '-');
        number = -number;
    }
    if (!(number > 0)) {
        wippyli_json_put_char(out, '0');
        return;
    }
    int count = wippyli_json_digits(number, digits, &exponent);
    if (exponent >= -6 && exponent < 21) {
        wippyli_json_put_plain(out, digits, count, exponent);
        return;
    }
    wippyli_json_put_char(out, digits[0]);
    if (count > 1) {
        wippyli_json_put_char(out, '.');
        wippyli_json_put(out, digits + 1, (size_t)count - 1);
    }
    snprintf(text, sizeof(text), "e%+d", exponent);
    wippyli_json_put_word(out, text);
}

/* ------------------------------------------------------------------ encoding: values
   The value on top is encoded and stays there. False: out->problem says why not. */

static bool wippyli_json_put_value(wippyli_json_out *out);

static bool wippyli_json_refuse(wippyli_json_out *out, const char *problem)
{
    snprintf(out->problem, sizeof(out->problem), "%s", problem);
    return false;
}

static bool wippyli_json_put_array(wippyli_json_out *out, int index, size_t count)
{
    lua_State *L = out->L;
    wippyli_json_put_char(out, '[');
    for (size_t i = 1; i <= count; i++) {
        if (i > 1) {
            wippyli_json_put_char(out, ',');
        }
        lua_rawgeti(L, index, (lua_Integer)i);
        if (!wippyli_json_put_value(out)) {
            return false;
        }
        lua_pop(L, 1);
    }
    wippyli_json_put_char(out, ']');
    return true;
}

static bool wippyli_json_put_object(wippyli_json_out *out, int index, size_t count)
{
    lua_State *L = out->L;
    const wippy_slice *keys = wippyli_json_push_keys(L, index, count);
    wippyli_json_put_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            wippyli_json_put_char(out, ',');
        }
        wippyli_json_put_string(out, keys[i].data, keys[i].size);
        wippyli_json_put_char(out, ':');
        lua_pushlstring(L, keys[i].data, keys[i].size);
        lua_rawget(L, index);
        if (!wippyli_json_put_value(out)) {
            return false;
        }
        lua_pop(L, 1);
    }
    wippyli_json_put_char(out, '}');
    lua_pop(L, 1);
    return true;
}

static bool wippyli_json_enter(wippyli_json_out *out, const void *table)
{
    for (uint32_t i = 0; i < out->depth; i++) {
        if (out->path[i] == table) {
            return wippyli_json_refuse(out, "cannot encode recursively nested tables to JSON");
        }
    }
    if (out->depth == WIPPYLI_JSON_ENCODE_DEPTH) {
        return wippyli_json_refuse(out, "nesting too deep");
    }
    wippyli_stack_room(out->L, 8, "nested values");
    out->path[out->depth++] = table;
    return true;
}

static bool wippyli_json_put_table(wippyli_json_out *out)
{
    lua_State *L = out->L;
    int index = lua_gettop(L);
    size_t count = 0;
    bool done;
    if (!wippyli_json_enter(out, lua_topointer(L, index))) {
        return false;
    }
    switch (wippyli_json_shape_of(L, index, &count, &out->steps)) {
    case WIPPYLI_JSON_EMPTY:
        wippyli_json_put_word(out, "[]");
        done = true;
        break;
    case WIPPYLI_JSON_ARRAY: done = wippyli_json_put_array(out, index, count); break;
    case WIPPYLI_JSON_OBJECT: done = wippyli_json_put_object(out, index, count); break;
    case WIPPYLI_JSON_SPARSE:
        done = wippyli_json_refuse(out, "cannot encode sparse array to JSON");
        break;
    default:
        done = wippyli_json_refuse(out, "cannot encode mixed or invalid key types to JSON");
        break;
    }
    out->depth--;
    return done;
}

/* Errors are their text, payloads what they hold. */
static bool wippyli_json_put_userdata(wippyli_json_out *out)
{
    lua_State *L = out->L;
    bool done = true;
    if (wippyli_is_error(L, -1)) {
        size_t size;
        wippyli_error_push_text(L, -1);
        const char *text = lua_tolstring(L, -1, &size);
        wippyli_json_put_string(out, text, size);
    } else if (wippyli_is_payload(L, -1)) {
        wippyli_payload_value(L, -1);
        done = !wippyli_is_payload(L, -1) && wippyli_json_put_value(out);
    } else {
        return wippyli_json_refuse(out, "cannot encode userdata to JSON");
    }
    if (done) {
        lua_pop(L, 1);
    }
    return done;
}

static bool wippyli_json_put_value(wippyli_json_out *out)
{
    lua_State *L = out->L;
    char text[48];
    size_t size;
    wippyli_guard_step(L, &out->steps);
    switch (lua_type(L, -1)) {
    case LUA_TNIL: wippyli_json_put_word(out, "null"); return true;
    case LUA_TBOOLEAN:
        wippyli_json_put_word(out, lua_toboolean(L, -1) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            snprintf(text, sizeof(text), "%lld", (long long)lua_tointeger(L, -1));
            wippyli_json_put_word(out, text);
        } else {
            wippyli_json_put_float(out, (double)lua_tonumber(L, -1));
        }
        return true;
    case LUA_TSTRING: {
        const char *string = lua_tolstring(L, -1, &size);
        wippyli_json_put_string(out, string, size);
        return true;
    }
    case LUA_TTABLE: return wippyli_json_put_table(out);
    case LUA_TUSERDATA: return wippyli_json_put_userdata(out);
    default:
        snprintf(text, sizeof(text), "cannot encode %s to JSON", luaL_typename(L, -1));
        return wippyli_json_refuse(out, text);
    }
}

WIPPYLI_FN int wippyli_json_encode(lua_State *L, int index)
{
    wippyli_json_out out;
    index = lua_absindex(L, index);
    wippyli_stack_room(L, 8, "value");
    int top = lua_gettop(L);
    out.L = L;
    out.slot = top + 1;
    out.size = 0;
    out.room = 256;
    out.steps = 0;
    out.depth = 0;
    out.problem[0] = 0;
    out.bytes = (char *)lua_newuserdatauv(L, out.room, 0);
    lua_pushvalue(L, index);
    if (!wippyli_json_put_value(&out)) {
        lua_settop(L, top);
        return wippyli_fail(L, "Internal", "%s",
                            out.problem[0] ? out.problem : "cannot encode payload to JSON");
    }
    lua_pushlstring(L, out.bytes, out.size);
    lua_replace(L, out.slot);
    lua_settop(L, out.slot);
    return 1;
}

/* ------------------------------------------------------------------ decoding */

typedef struct wippyli_json_level {
    lua_Integer next; /* array: index of the next element; 0 = object */
} wippyli_json_level;

typedef struct wippyli_json_in {
    lua_State *L;
    const char *begin;
    const char *at;
    const char *end;
    const char *problem; /* NULL = none yet */
    const char *problem_kind;
    uint32_t steps;
    uint32_t depth;
    wippyli_json_level levels[WIPPYLI_JSON_DECODE_DEPTH];
} wippyli_json_in;

static bool wippyli_json_wrong(wippyli_json_in *in, const char *problem)
{
    in->problem = in->at >= in->end ? "unexpected end" : problem;
    in->problem_kind = "Internal";
    return false;
}

static void wippyli_json_skip(wippyli_json_in *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) {
        in->at++;
    }
}

/* Skip blanks and then `c` if it is there. */
static bool wippyli_json_next_is(wippyli_json_in *in, char c)
{
    wippyli_json_skip(in);
    if (in->at < in->end && *in->at == c) {
        in->at++;
        return true;
    }
    return false;
}

static bool wippyli_json_word(wippyli_json_in *in, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, word, size) != 0) {
        return false;
    }
    in->at += size;
    return true;
}

static bool wippyli_json_is_digit(const wippyli_json_in *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

static bool wippyli_json_digit_run(wippyli_json_in *in)
{
    if (!wippyli_json_is_digit(in)) {
        return wippyli_json_wrong(in, "expected a digit");
    }
    while (wippyli_json_is_digit(in)) {
        in->at++;
    }
    return true;
}

/* Pass over a number as the grammar has it. */
static bool wippyli_json_number_text(wippyli_json_in *in)
{
    if (*in->at == '-') {
        in->at++;
    }
    if (in->at < in->end && *in->at == '0') {
        in->at++;
    } else if (!wippyli_json_digit_run(in)) {
        return false;
    }
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (!wippyli_json_digit_run(in)) {
            return false;
        }
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        in->at++;
        if (in->at < in->end && (*in->at == '+' || *in->at == '-')) {
            in->at++;
        }
        return wippyli_json_digit_run(in);
    }
    return true;
}

/* A float that is integral becomes an integer where it fits. */
static void wippyli_json_number_settle(lua_State *L)
{
    double number = (double)lua_tonumber(L, -1);
    if (!lua_isinteger(L, -1) && floor(number) == number &&
        number >= -9223372036854775808.0 && number < 9223372036854775808.0) {
        lua_pop(L, 1);
        lua_pushinteger(L, (lua_Integer)number);
    }
}

static bool wippyli_json_number(wippyli_json_in *in)
{
    char small[64];
    lua_State *L = in->L;
    const char *from = in->at;
    if (!wippyli_json_number_text(in)) {
        return false;
    }
    size_t size = (size_t)(in->at - from);
    const char *text = small;
    if (size < sizeof(small)) {
        memcpy(small, from, size);
        small[size] = 0;
    } else {
        text = lua_pushlstring(L, from, size); /* with a zero behind */
    }
    if (lua_stringtonumber(L, text) == 0 || !isfinite((double)lua_tonumber(L, -1))) {
        in->at = from;
        return wippyli_json_wrong(in, "number out of range");
    }
    if (text != small) {
        lua_remove(L, -2);
    }
    wippyli_json_number_settle(L);
    return true;
}

static bool wippyli_json_hex(wippyli_json_in *in, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, in->at++) {
        char c = in->at < in->end ? *in->at : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) {
            return wippyli_json_wrong(in, "expected four hexadecimal digits");
        }
        *out = *out << 4 | digit;
    }
    return true;
}

static void wippyli_json_add_code(luaL_Buffer *buffer, uint32_t code)
{
    char bytes[4];
    size_t size;
    if (code < 0x80) {
        bytes[0] = (char)code;
        size = 1;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        size = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        size = 3;
    } else {
        bytes[0] = (char)(0xf0 | code >> 18);
        size = 4;
    }
    for (size_t i = 1; i < size; i++) {
        bytes[i] = (char)(0x80 | (code >> (6 * (size - 1 - i)) & 0x3f));
    }
    luaL_addlstring(buffer, bytes, size);
}

/* Behind "\u". Halves of a pair that stand alone become U+FFFD. */
static bool wippyli_json_unicode(wippyli_json_in *in, luaL_Buffer *buffer)
{
    uint32_t code;
    uint32_t low;
    if (!wippyli_json_hex(in, &code)) {
        return false;
    }
    if (code >= 0xd800 && code < 0xdc00 && in->end - in->at >= 2 && in->at[0] == '\\' &&
        in->at[1] == 'u') {
        const char *from = in->at;
        in->at += 2;
        if (!wippyli_json_hex(in, &low)) {
            return false;
        }
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else {
            in->at = from;
        }
    }
    wippyli_json_add_code(buffer, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return true;
}

static bool wippyli_json_escape(wippyli_json_in *in, luaL_Buffer *buffer)
{
    static const char named[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = in->at < in->end ? *in->at : 0;
    if (c == 'u') {
        in->at++;
        return wippyli_json_unicode(in, buffer);
    }
    for (const char *n = named; *n; n += 2) {
        if (*n == c) {
            in->at++;
            luaL_addchar(buffer, n[1]);
            return true;
        }
    }
    return wippyli_json_wrong(in, "unknown escape");
}

/* Pass over bytes that stand for themselves. */
static size_t wippyli_json_run(wippyli_json_in *in)
{
    const char *from = in->at;
    while (in->at < in->end && *in->at != '"' && *in->at != '\\' &&
           (unsigned char)*in->at >= 0x20) {
        in->at++;
    }
    return (size_t)(in->at - from);
}

/* Behind the first quote: push the string. */
/* The rest of a string with escapes, up to its quote. */
static bool wippyli_json_pieces(wippyli_json_in *in, luaL_Buffer *buffer)
{
    for (;;) {
        if (in->at >= in->end || (unsigned char)*in->at < 0x20) {
            return wippyli_json_wrong(in, "control character in a string");
        }
        if (*in->at++ == '"') {
            return true;
        }
        if (!wippyli_json_escape(in, buffer)) {
            return false;
        }
        const char *from = in->at;
        size_t size = wippyli_json_run(in);
        luaL_addlstring(buffer, from, size);
    }
}

static bool wippyli_json_string(wippyli_json_in *in)
{
    luaL_Buffer buffer;
    const char *from = in->at;
    size_t size = wippyli_json_run(in);
    if (in->at < in->end && *in->at == '"') {
        in->at++;
        lua_pushlstring(in->L, from, size);
        return true;
    }
    luaL_buffinit(in->L, &buffer);
    luaL_addlstring(&buffer, from, size);
    bool whole = wippyli_json_pieces(in, &buffer);
    /* Also when it is wrong: lua_settop() of Lua 5.4.4 closes a large buffer that is still open with a
       pointer into a stack that may have moved. */
    luaL_pushresult(&buffer);
    return whole;
}

/* Push the key of the next pair and pass its colon. */
static bool wippyli_json_key(wippyli_json_in *in)
{
    if (!wippyli_json_next_is(in, '"')) {
        return wippyli_json_wrong(in, "expected a key");
    }
    if (!wippyli_json_string(in)) {
        return false;
    }
    if (wippyli_json_next_is(in, ':')) {
        return true;
    }
    return wippyli_json_wrong(in, "expected ':'");
}

static bool wippyli_json_scalar(wippyli_json_in *in)
{
    lua_State *L = in->L;
    char c = in->at < in->end ? *in->at : 0;
    if (c == '"') {
        in->at++;
        return wippyli_json_string(in);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return wippyli_json_number(in);
    }
    if (wippyli_json_word(in, "true") || wippyli_json_word(in, "false")) {
        lua_pushboolean(L, c == 't');
        return true;
    }
    if (wippyli_json_word(in, "null")) {
        lua_pushnil(L);
        return true;
    }
    return wippyli_json_wrong(in, "expected a value");
}

/* Begin a value. *whole: it is complete on the stack, otherwise its first part comes next. */
static bool wippyli_json_begin(wippyli_json_in *in, bool *whole)
{
    bool array = wippyli_json_next_is(in, '[');
    *whole = true;
    if (!array && !wippyli_json_next_is(in, '{')) {
        return wippyli_json_scalar(in);
    }
    if (in->depth == WIPPYLI_JSON_DECODE_DEPTH) {
        in->problem = "nesting too deep";
        in->problem_kind = "Invalid";
        return false;
    }
    wippyli_stack_room(in->L, 8, "nested values");
    lua_newtable(in->L);
    if (wippyli_json_next_is(in, array ? ']' : '}')) {
        return true;
    }
    *whole = false;
    in->levels[in->depth++].next = array ? 1 : 0;
    return array || wippyli_json_key(in);
}

/* Put the complete value on top where it belongs. *whole: that completed its container. */
static bool wippyli_json_place(wippyli_json_in *in, bool *whole)
{
    lua_State *L = in->L;
    wippyli_json_level *level = &in->levels[in->depth - 1];
    bool array = level->next > 0;
    if (array) {
        lua_rawseti(L, -2, level->next++);
    } else {
        lua_rawset(L, -3);
    }
    *whole = wippyli_json_next_is(in, array ? ']' : '}');
    if (*whole) {
        in->depth--;
        return true;
    }
    if (!wippyli_json_next_is(in, ',')) {
        return wippyli_json_wrong(in, array ? "expected ',' or ']'" : "expected ',' or '}'");
    }
    return array || wippyli_json_key(in);
}

static bool wippyli_json_document(wippyli_json_in *in)
{
    bool whole = false;
    do {
        wippyli_guard_step(in->L, &in->steps);
        if (!wippyli_json_begin(in, &whole)) {
            return false;
        }
        while (whole && in->depth > 0) {
            if (!wippyli_json_place(in, &whole)) {
                return false;
            }
        }
    } while (in->depth > 0);
    wippyli_json_skip(in);
    if (in->at == in->end) {
        return true;
    }
    return wippyli_json_wrong(in, "expected the end");
}

WIPPYLI_FN int wippyli_json_decode(lua_State *L, const char *text, size_t size)
{
    wippyli_json_in in;
    wippyli_stack_room(L, 8, "value");
    int top = lua_gettop(L);
    in.L = L;
    in.begin = in.at = text;
    in.end = text + size;
    in.problem = NULL;
    in.problem_kind = NULL;
    in.steps = 0;
    in.depth = 0;
    if (wippyli_json_document(&in)) {
        return 1;
    }
    lua_settop(L, top);
    return wippyli_fail(L, in.problem_kind, "invalid JSON at offset %I: %s",
                        (lua_Integer)(in.at - in.begin), in.problem);
}

/* ------------------------------------------------------------------ schemas */

typedef struct wippyli_json_check {
    lua_State *L;
    uint32_t steps;
    uint32_t depth;
    size_t path_size;
    char path[160];
    char problem[256]; /* "" = none */
} wippyli_json_check;

static bool wippyli_json_valid(wippyli_json_check *check, int schema, int value);

static bool wippyli_json_invalid(wippyli_json_check *check, const char *format, ...)
    WIPPYLI_PRINTF(2, 3);

static bool wippyli_json_invalid(wippyli_json_check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->problem, sizeof(check->problem), format, arguments);
    va_end(arguments);
    return false;
}

static const char *wippyli_json_type_name(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL: return "null";
    case LUA_TTABLE: return lua_rawlen(L, index) > 0 ? "array" : "object";
    default: return luaL_typename(L, index);
    }
}

static bool wippyli_json_is_integral(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TNUMBER) {
        return false;
    }
    double number = (double)lua_tonumber(L, index);
    return lua_isinteger(L, index) || (isfinite(number) && floor(number) == number);
}

static bool wippyli_json_has_type(wippyli_json_check *check, int value, const char *type)
{
    lua_State *L = check->L;
    size_t count;
    switch (lua_type(L, value)) {
    case LUA_TNIL: return strcmp(type, "null") == 0;
    case LUA_TBOOLEAN: return strcmp(type, "boolean") == 0;
    case LUA_TSTRING: return strcmp(type, "string") == 0;
    case LUA_TNUMBER:
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && wippyli_json_is_integral(L, value));
    case LUA_TTABLE:
        switch (wippyli_json_shape_of(L, value, &count, &check->steps)) {
        case WIPPYLI_JSON_EMPTY: return strcmp(type, "array") == 0 || strcmp(type, "object") == 0;
        case WIPPYLI_JSON_ARRAY: return strcmp(type, "array") == 0;
        case WIPPYLI_JSON_OBJECT: return strcmp(type, "object") == 0;
        default: return false;
        }
    default: return false;
    }
}

/* Push schema[key]; its type. */
static int wippyli_json_keyword(lua_State *L, int schema, const char *key)
{
    lua_pushstring(L, key);
    return lua_rawget(L, schema);
}

static bool wippyli_json_check_type(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    int type = wippyli_json_keyword(L, schema, "type");
    bool fits = type != LUA_TSTRING && type != LUA_TTABLE;
    if (type == LUA_TSTRING) {
        fits = wippyli_json_has_type(check, value, lua_tostring(L, -1));
        if (!fits) {
            return wippyli_json_invalid(check, "expected %s, got %s", lua_tostring(L, -1),
                                        wippyli_json_type_name(L, value));
        }
    }
    for (lua_Integer i = 1; type == LUA_TTABLE && !fits; i++) {
        bool more = lua_rawgeti(L, -1, i) == LUA_TSTRING;
        fits = more && wippyli_json_has_type(check, value, lua_tostring(L, -1));
        lua_pop(L, 1);
        if (!more) {
            return wippyli_json_invalid(check, "%s is none of the types allowed",
                                        wippyli_json_type_name(L, value));
        }
    }
    lua_pop(L, 1);
    return true;
}

/* Equal if their texts are. */
static bool wippyli_json_equal(lua_State *L, int a, int b)
{
    int top = lua_gettop(L);
    bool equal =
        wippyli_json_encode(L, a) == 1 && wippyli_json_encode(L, b) == 1 && lua_rawequal(L, -1, -2);
    lua_settop(L, top);
    return equal;
}

static bool wippyli_json_check_enum(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    bool found = wippyli_json_keyword(L, schema, "enum") != LUA_TTABLE;
    lua_Integer count = found ? 0 : (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count && !found; i++) {
        lua_rawgeti(L, -1, i);
        found = wippyli_json_equal(L, lua_gettop(L), value);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (found) {
        return true;
    }
    return wippyli_json_invalid(check, "value is not one of the values allowed");
}

/* Compare `number` with the limit schema[key]; lower: it must not be less. */
static bool wippyli_json_check_limit(wippyli_json_check *check, int schema, const char *key,
                                     int number, bool lower, const char *what)
{
    lua_State *L = check->L;
    bool fits = true;
    if (wippyli_json_keyword(L, schema, key) == LUA_TNUMBER) {
        int limit = lua_gettop(L);
        fits = lower ? lua_compare(L, limit, number, LUA_OPLE)
                     : lua_compare(L, number, limit, LUA_OPLE);
        if (!fits) {
            wippyli_json_invalid(check, "%s is %s %s", what, lower ? "less than" : "greater than",
                                 lua_tostring(L, -1));
        }
    }
    lua_pop(L, 1);
    return fits;
}

static bool wippyli_json_check_count(wippyli_json_check *check, int schema, const char *least,
                                     const char *most, size_t count, const char *what)
{
    lua_State *L = check->L;
    lua_pushinteger(L, (lua_Integer)count);
    int number = lua_gettop(L);
    bool fits = wippyli_json_check_limit(check, schema, least, number, true, what) &&
                wippyli_json_check_limit(check, schema, most, number, false, what);
    lua_pop(L, 1);
    return fits;
}

static size_t wippyli_json_length(lua_State *L, int index)
{
    size_t size;
    size_t length = 0;
    const char *text = lua_tolstring(L, index, &size);
    for (size_t i = 0; i < size; i++) {
        length += ((unsigned char)text[i] & 0xc0) != 0x80 ? 1u : 0u;
    }
    return length;
}

static size_t wippyli_json_path_add(wippyli_json_check *check, const char *name, size_t size)
{
    size_t before = check->path_size;
    int added = snprintf(check->path + before, sizeof(check->path) - before, "/%.*s",
                         size < 100 ? (int)size : 100, name);
    check->path_size += added > 0 ? (size_t)added : 0;
    if (check->path_size >= sizeof(check->path)) {
        check->path_size = sizeof(check->path) - 1;
    }
    return before;
}

static bool wippyli_json_check_items(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    size_t count = lua_rawlen(L, value);
    char number[24];
    if (!wippyli_json_check_count(check, schema, "minItems", "maxItems", count,
                                  "number of items")) {
        return false;
    }
    if (wippyli_json_keyword(L, schema, "items") == LUA_TTABLE) {
        int items = lua_gettop(L);
        for (size_t i = 1; i <= count; i++) {
            snprintf(number, sizeof(number), "%lu", (unsigned long)(i - 1));
            size_t before = wippyli_json_path_add(check, number, strlen(number));
            lua_rawgeti(L, value, (lua_Integer)i);
            if (!wippyli_json_valid(check, items, lua_gettop(L))) {
                return false;
            }
            lua_pop(L, 1);
            check->path_size = before;
        }
    }
    lua_pop(L, 1);
    return true;
}

static bool wippyli_json_check_required(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    if (wippyli_json_keyword(L, schema, "required") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, -1, i);
            lua_pushvalue(L, -1);
            if (!lua_isnil(L, -1) && lua_rawget(L, value) == LUA_TNIL) {
                return wippyli_json_invalid(check, "missing required property '%.100s'",
                                            lua_tostring(L, -2));
            }
            lua_pop(L, 2);
        }
    }
    lua_pop(L, 1);
    return true;
}

/* Stack: the table of properties at `properties`, 0 = none. */
static bool wippyli_json_check_others(wippyli_json_check *check, int schema, int value,
                                      int properties)
{
    lua_State *L = check->L;
    bool closed = wippyli_json_keyword(L, schema, "additionalProperties") == LUA_TBOOLEAN &&
                  !lua_toboolean(L, -1);
    lua_pop(L, 1);
    for (lua_pushnil(L); closed && lua_next(L, value); lua_pop(L, 1)) {
        bool known = false;
        if (properties != 0) {
            lua_pushvalue(L, -2);
            known = lua_rawget(L, properties) != LUA_TNIL;
            lua_pop(L, 1);
        }
        if (!known) {
            lua_pushvalue(L, -2);
            return wippyli_json_invalid(check, "unknown property '%.100s'", lua_tostring(L, -1));
        }
    }
    if (!closed) {
        lua_pop(L, 1);
    }
    return true;
}

/* In the order of their names, so that the same problem is told each time. */
static bool wippyli_json_check_each(wippyli_json_check *check, int properties, int value)
{
    lua_State *L = check->L;
    size_t count = 0;
    if (wippyli_json_shape_of(L, properties, &count, &check->steps) != WIPPYLI_JSON_OBJECT) {
        return true;
    }
    const wippy_slice *keys = wippyli_json_push_keys(L, properties, count);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, keys[i].data, keys[i].size);
        lua_pushvalue(L, -1);
        lua_rawget(L, properties);
        lua_insert(L, -2);
        if (lua_rawget(L, value) != LUA_TNIL && lua_istable(L, -2)) {
            size_t before = wippyli_json_path_add(check, keys[i].data, keys[i].size);
            if (!wippyli_json_valid(check, lua_gettop(L) - 1, lua_gettop(L))) {
                return false;
            }
            check->path_size = before;
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return true;
}

static bool wippyli_json_check_object(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    bool has = wippyli_json_keyword(L, schema, "properties") == LUA_TTABLE;
    int properties = has ? lua_gettop(L) : 0;
    bool fits = wippyli_json_check_required(check, schema, value) &&
                wippyli_json_check_others(check, schema, value, properties) &&
                (!has || wippyli_json_check_each(check, properties, value));
    if (fits) {
        lua_pop(L, 1);
    }
    return fits;
}

static bool wippyli_json_check_content(wippyli_json_check *check, int schema, int value)
{
    lua_State *L = check->L;
    size_t count;
    switch (lua_type(L, value)) {
    case LUA_TNUMBER:
        return wippyli_json_check_limit(check, schema, "minimum", value, true, "value") &&
               wippyli_json_check_limit(check, schema, "maximum", value, false, "value");
    case LUA_TSTRING:
        return wippyli_json_check_count(check, schema, "minLength", "maxLength",
                                        wippyli_json_length(L, value), "length");
    case LUA_TTABLE:
        switch (wippyli_json_shape_of(L, value, &count, &check->steps)) {
        case WIPPYLI_JSON_ARRAY: return wippyli_json_check_items(check, schema, value);
        case WIPPYLI_JSON_EMPTY:
            return wippyli_json_check_items(check, schema, value) &&
                   wippyli_json_check_object(check, schema, value);
        default: return wippyli_json_check_object(check, schema, value);
        }
    default: return true;
    }
}

/* Indices are absolute. On failure the stack is left as it is. */
static bool wippyli_json_valid(wippyli_json_check *check, int schema, int value)
{
    if (check->depth == WIPPYLI_JSON_ENCODE_DEPTH) {
        return wippyli_json_invalid(check, "nesting too deep");
    }
    wippyli_stack_room(check->L, 16, "nested values");
    wippyli_guard_step(check->L, &check->steps);
    check->depth++;
    bool fits = wippyli_json_check_type(check, schema, value) &&
                wippyli_json_check_enum(check, schema, value) &&
                wippyli_json_check_content(check, schema, value);
    check->depth--;
    return fits;
}

/* ------------------------------------------------------------------ functions */

static int wippyli_json_encode_call(lua_State *L)
{
    lua_settop(L, 1);
    return wippyli_json_encode(L, 1);
}

static int wippyli_json_decode_call(lua_State *L)
{
    size_t size = 0;
    if (lua_type(L, 1) != LUA_TSTRING || lua_rawlen(L, 1) == 0) {
        return wippyli_fail(L, "Invalid", "string expected");
    }
    const char *text = lua_tolstring(L, 1, &size);
    return wippyli_json_decode(L, text, size);
}

/* Push false and an error; formats like lua_pushfstring. */
static int wippyli_json_rejected(lua_State *L, const char *prefix, const char *text)
{
    lua_pushfstring(L, "%s%s", prefix, text);
    const char *message = lua_tostring(L, -1);
    lua_pushboolean(L, 0);
    wippyli_error_push(L, "Invalid", message, 0);
    return 2;
}

/* The text on the error object on top. */
static const char *wippyli_json_error_text(lua_State *L)
{
    wippyli_error_push_text(L, -1);
    return lua_tostring(L, -1);
}

/* Make the schema at 1 a table. 0 = done, else the number of results. */
static int wippyli_json_open_schema(lua_State *L)
{
    size_t size = 0;
    if (lua_isnoneornil(L, 1)) {
        return wippyli_json_rejected(L, "", "schema is required");
    }
    if (lua_type(L, 1) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, 1, &size);
        if (size == 0) {
            return wippyli_json_rejected(L, "", "schema is required");
        }
        if (wippyli_json_decode(L, text, size) == 2) {
            return wippyli_json_rejected(L, "invalid schema: ", wippyli_json_error_text(L));
        }
        lua_replace(L, 1);
    }
    if (lua_type(L, 1) != LUA_TTABLE) {
        return wippyli_json_rejected(L, "", "invalid schema: table or JSON text expected");
    }
    return 0;
}

/* Stack: schema, value. */
static int wippyli_json_validate_values(lua_State *L)
{
    wippyli_json_check check;
    memset(&check, 0, sizeof(check));
    check.L = L;
    if (wippyli_json_valid(&check, 1, 2)) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_settop(L, 2);
    if (check.path_size == 0) {
        return wippyli_json_rejected(L, "validation failed: ", check.problem);
    }
    check.path[check.path_size] = 0; /* what was right may stand behind */
    lua_pushfstring(L, "at %s: %s", check.path, check.problem);
    return wippyli_json_rejected(L, "validation failed: ", lua_tostring(L, -1));
}

static int wippyli_json_validate(lua_State *L)
{
    lua_settop(L, 2);
    int results = wippyli_json_open_schema(L);
    if (results > 0) {
        return results;
    }
    if (lua_isnil(L, 2)) {
        return wippyli_json_rejected(L, "", "data is required");
    }
    return wippyli_json_validate_values(L);
}

static int wippyli_json_validate_string(lua_State *L)
{
    size_t size = 0;
    lua_settop(L, 2);
    int results = wippyli_json_open_schema(L);
    if (results > 0) {
        return results;
    }
    if (lua_isnil(L, 2) || (lua_type(L, 2) == LUA_TSTRING && lua_rawlen(L, 2) == 0)) {
        return wippyli_json_rejected(L, "", "data is required");
    }
    if (lua_type(L, 2) != LUA_TSTRING) {
        return wippyli_json_rejected(L, "", "string expected");
    }
    const char *text = lua_tolstring(L, 2, &size);
    if (wippyli_json_decode(L, text, size) == 2) {
        return wippyli_json_rejected(L, "validation failed: ", wippyli_json_error_text(L));
    }
    lua_replace(L, 2);
    return wippyli_json_validate_values(L);
}

static const wippyli_entry wippyli_json_entries[] = {
    {"decode", wippyli_json_decode_call, 0, NULL},
    {"encode", wippyli_json_encode_call, 0, NULL},
    {"validate", wippyli_json_validate, 0, NULL},
    {"validate_string", wippyli_json_validate_string, 0, NULL},
};

WIPPYLI_FN const wippyli_library *wippyli_json_module(void)
{
    static const wippyli_library library = {"json", wippyli_json_entries,
                                            WIPPYLI_COUNT(wippyli_json_entries), NULL, NULL};
    return &library;
}
