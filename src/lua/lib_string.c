/* ========================================================================== >>lua/lib_string.c */
#include "lib_string.h"
#include "lexer.h"
#include "lib_pattern.h"

#include <limits.h>
#include <string.h>

#define WIPPYLI_STRING_MAX ((size_t)PTRDIFF_MAX)

/* ------------------------------------------------------------------ functions */

/* The last position of a range that ends at `position`: 0 ... size. */
static size_t wippyli_string_to(lua_Integer position, size_t size)
{
    if (position > (lua_Integer)size) {
        return size;
    }
    if (position >= 0) {
        return (size_t)position;
    }
    return position < -(lua_Integer)size ? 0 : size + (size_t)position + 1;
}

static int wippyli_string_len(lua_State *L)
{
    size_t size = 0;
    wippyli_check_subject(L, 1, &size);
    lua_pushinteger(L, (lua_Integer)size);
    return 1;
}

static int wippyli_string_sub(lua_State *L)
{
    size_t size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    size_t from = wippyli_string_from(luaL_checkinteger(L, 2), size);
    size_t to = wippyli_string_to(luaL_optinteger(L, 3, -1), size);
    if (from > to) {
        lua_pushliteral(L, "");
    } else {
        lua_pushlstring(L, text + from - 1, to - from + 1);
    }
    return 1;
}

static int wippyli_string_byte(lua_State *L)
{
    size_t size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    size_t from = wippyli_string_from(first, size);
    size_t to = wippyli_string_to(luaL_optinteger(L, 3, first), size);
    if (from > to) {
        return 0;
    }
    if (to - from >= INT_MAX) {
        return luaL_error(L, "string slice too long");
    }
    int count = (int)(to - from) + 1;
    wippyli_stack_room(L, count, "string slice too long");
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, (unsigned char)text[from - 1 + (size_t)i]);
    }
    return count;
}

static int wippyli_string_char(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, (size_t)count);
    for (int i = 1; i <= count; i++) {
        lua_Integer code = luaL_checkinteger(L, i);
        luaL_argcheck(L, code >= 0 && code <= 255, i, "value out of range");
        out[i - 1] = (char)(unsigned char)code;
    }
    luaL_pushresultsize(&buffer, (size_t)count);
    return 1;
}

/* Letters of ASCII only: what a program does shall not depend on the locale of its host. */
static int wippyli_string_lower(lua_State *L)
{
    size_t size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, size);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    luaL_pushresultsize(&buffer, size);
    return 1;
}

static int wippyli_string_upper(lua_State *L)
{
    size_t size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, size);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        out[i] = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
    }
    luaL_pushresultsize(&buffer, size);
    return 1;
}

static int wippyli_string_reverse(lua_State *L)
{
    size_t size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, size);
    for (size_t i = 0; i < size; i++) {
        out[i] = text[size - 1 - i];
    }
    luaL_pushresultsize(&buffer, size);
    return 1;
}

/* Fill `total` bytes with the first `unit` of them over and over, doubling what is there. */
static void wippyli_string_repeat(char *out, size_t unit, size_t total)
{
    size_t done = unit;
    while (done < total) {
        size_t part = done < total - done ? done : total - done;
        memcpy(out + done, out, part);
        done += part;
    }
}

static int wippyli_string_rep(lua_State *L)
{
    size_t size = 0;
    size_t gap_size = 0;
    const char *text = wippyli_check_subject(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *gap = luaL_optlstring(L, 3, "", &gap_size);
    if (count <= 0 || size + gap_size == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    /* as numbers of 64 bits: where addresses have 32 a count may be larger than any size */
    if ((uint64_t)size + gap_size > WIPPYLI_STRING_MAX / (uint64_t)count) {
        return luaL_error(L, "resulting string too large");
    }
    size_t unit = size + gap_size;
    size_t total = unit * (size_t)count - gap_size;
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, total);
    memcpy(out, text, size);
    if (count > 1) {
        memcpy(out + size, gap, gap_size);
        wippyli_string_repeat(out, unit, total);
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* ------------------------------------------------------------------ tostring and format */

/* registry[&key] = {[object] = number, n = how many}, with weak keys */
static const char wippyli_string_ordinals = 0;

/* In the order in which a process first prints its objects: addresses differ from run to run. */
static lua_Integer wippyli_string_ordinal(lua_State *L, int index)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_string_ordinals) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &wippyli_string_ordinals);
    }
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_rawgetp(L, -1, &wippyli_string_ordinals);
        lua_Integer number = lua_tointeger(L, -1) + 1;
        lua_pop(L, 1);
        lua_pushinteger(L, number);
        lua_rawsetp(L, -2, &wippyli_string_ordinals);
        lua_pushvalue(L, index);
        lua_pushinteger(L, number);
        lua_rawset(L, -3);
        lua_pushinteger(L, number);
    }
    lua_Integer ordinal = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return ordinal;
}

static void wippyli_string_push_identity(lua_State *L, int index)
{
    int type = luaL_getmetafield(L, index, "__name");
    const char *name = type == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, index);
    if (wippyli_guard_of(L)->shared->ordinals) {
        lua_Integer ordinal = wippyli_string_ordinal(L, index);
        char digits[17];
        for (int i = 0; i < 16; i++) {
            digits[15 - i] = "0123456789abcdef"[ordinal >> (4 * i) & 15];
        }
        digits[16] = 0;
        lua_pushfstring(L, "%s: 0x%s", name, digits + 8);
    } else {
        lua_pushfstring(L, "%s: %p", name, lua_topointer(L, index));
    }
    if (type != LUA_TNIL) {
        lua_remove(L, -2);
    }
}

WIPPYLI_FN const char *wippyli_tostring(lua_State *L, int index, size_t *size)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1)) {
            luaL_error(L, "'__tostring' must return a string");
        }
        return lua_tolstring(L, -1, size);
    }
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER: lua_pushvalue(L, index); break;
    case LUA_TNIL: lua_pushliteral(L, "nil"); break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false"); break;
    default: wippyli_string_push_identity(L, index); break;
    }
    return lua_tolstring(L, -1, size);
}

/* Replace an argument by its text where stock format() would print an address. */
static void wippyli_string_without_address(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TTHREAD:
    case LUA_TUSERDATA:
        wippyli_tostring(L, index, NULL);
        lua_replace(L, index);
        break;
    default: break;
    }
}

static int wippyli_string_format(lua_State *L)
{
    const wippyli_sandbox *shared = wippyli_guard_of(L)->shared;
    wippyli_check_subject(L, 1, NULL);
    if (shared->ordinals) {
        for (int i = lua_gettop(L); i > 1; i--) {
            wippyli_string_without_address(L, i);
        }
    }
    return shared->format(L);
}

/* ------------------------------------------------------------------ arithmetic */

/* Push the number at `index`, or the one the string there spells. */
static bool wippyli_string_push_number(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        return true;
    }
    size_t size = 0;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;
    return text && lua_stringtonumber(L, text) == size + 1;
}

static int wippyli_string_arith_called(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

static int wippyli_string_arith(lua_State *L, int operation, const char *event)
{
    lua_settop(L, 2);
    bool first = wippyli_string_push_number(L, 1);
    if (first && wippyli_string_push_number(L, 2)) {
        lua_arith(L, operation);
        return 1;
    }
    lua_settop(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING || luaL_getmetafield(L, 2, event) == LUA_TNIL) {
        return luaL_error(L, "attempt to perform arithmetic on a %s value",
                          luaL_typename(L, first ? 2 : 1));
    }
    lua_insert(L, 1); /* the second operand knows how */
    lua_callk(L, 2, 1, 0, wippyli_string_arith_called);
    return 1;
}

static int wippyli_string_add(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPADD, "__add");
}

static int wippyli_string_sub_arith(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPSUB, "__sub");
}

static int wippyli_string_mul(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPMUL, "__mul");
}

static int wippyli_string_mod(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPMOD, "__mod");
}

static int wippyli_string_pow(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPPOW, "__pow");
}

static int wippyli_string_div(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPDIV, "__div");
}

static int wippyli_string_idiv(lua_State *L)
{
    return wippyli_string_arith(L, LUA_OPIDIV, "__idiv");
}

static int wippyli_string_unm(lua_State *L)
{
    lua_settop(L, 1);
    if (!wippyli_string_push_number(L, 1)) {
        return luaL_error(L, "attempt to perform arithmetic on a string value");
    }
    lua_arith(L, LUA_OPUNM);
    return 1;
}

/* ------------------------------------------------------------------ the library */

static const wippyli_entry wippyli_string_entries[] = {
    {"byte", wippyli_string_byte, 0, NULL},       {"char", wippyli_string_char, 0, NULL},
    {"find", wippyli_pattern_find, 0, NULL},      {"format", wippyli_string_format, 0, NULL},
    {"gmatch", wippyli_pattern_gmatch, 0, NULL},  {"gsub", wippyli_pattern_gsub, 0, NULL},
    {"len", wippyli_string_len, 0, NULL},         {"lower", wippyli_string_lower, 0, NULL},
    {"match", wippyli_pattern_match, 0, NULL},    {"rep", wippyli_string_rep, 0, NULL},
    {"reverse", wippyli_string_reverse, 0, NULL}, {"sub", wippyli_string_sub, 0, NULL},
    {"upper", wippyli_string_upper, 0, NULL},
};

static const wippyli_library wippyli_string_library = {
    "string", wippyli_string_entries, WIPPYLI_COUNT(wippyli_string_entries), NULL, NULL};

/* string(x) is a checked cast. */
static int wippyli_string_call(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "expected string, got %s", luaL_typename(L, 2));
    }
    lua_settop(L, 2);
    return 1;
}

/* Push the metatable of strings, its cache made. */
static void wippyli_string_push_ready(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_remove(L, -2);
    if (lua_getfield(L, -1, "__index") != LUA_TTABLE) {
        wippyli_library_push_cache(L, &wippyli_string_library);
        lua_setfield(L, -3, "__index");
    }
    lua_pop(L, 1);
}

/* __index of strings until the first method is used. */
static int wippyli_string_first_index(lua_State *L)
{
    wippyli_string_push_ready(L);
    lua_getfield(L, -1, "__index");
    lua_pushvalue(L, 2);
    lua_gettable(L, -2);
    return 1;
}

static void wippyli_string_set(lua_State *L, const char *event, lua_CFunction function)
{
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, event);
}

/* The library and the methods of strings share their cache. */
WIPPYLI_FN int wippyli_string_open(lua_State *L)
{
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 3);
    wippyli_string_push_ready(L);
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, "__index");
    lua_pop(L, 1);
    wippyli_string_set(L, "__newindex", wippyli_library_refuse);
    wippyli_string_set(L, "__call", wippyli_string_call);
    lua_setmetatable(L, -2);
    return 1;
}

typedef struct wippyli_string_event {
    const char *name;
    lua_CFunction function;
    uint8_t sign;
} wippyli_string_event;

/* Set in the metatable on top what is done with an operator. */
static void wippyli_string_set_arithmetic(lua_State *L, uint32_t signs)
{
    static const wippyli_string_event events[] = {
        {"__add", wippyli_string_add, WIPPYLI_ARITH_ADD},
        {"__sub", wippyli_string_sub_arith, WIPPYLI_ARITH_SUB},
        {"__unm", wippyli_string_unm, WIPPYLI_ARITH_SUB},
        {"__mul", wippyli_string_mul, WIPPYLI_ARITH_MUL},
        {"__mod", wippyli_string_mod, WIPPYLI_ARITH_MOD},
        {"__pow", wippyli_string_pow, WIPPYLI_ARITH_POW},
        {"__div", wippyli_string_div, WIPPYLI_ARITH_DIV},
        {"__idiv", wippyli_string_idiv, WIPPYLI_ARITH_IDIV},
    };
    for (size_t i = 0; i < WIPPYLI_COUNT(events); i++) {
        if ((signs & events[i].sign) != 0) {
            wippyli_string_set(L, events[i].name, events[i].function);
        }
    }
}

static int wippyli_string_event_count(uint32_t signs)
{
    int count = (signs & WIPPYLI_ARITH_SUB) != 0; /* stands for two */
    for (; signs != 0; signs &= signs - 1) {
        count++;
    }
    return count;
}

WIPPYLI_FN int wippyli_string_metatable(lua_State *L)
{
    uint32_t signs = WIPPYLI_ARITH_ALL & ~(uint32_t)wippyli_guard_of(L)->plain_strings;
    lua_pushliteral(L, "__index"); /* a string that is there anyway */
    lua_createtable(L, 0, 1 + wippyli_string_event_count(signs));
    wippyli_string_set(L, "__index", wippyli_string_first_index);
    wippyli_string_set_arithmetic(L, signs);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    return 0;
}

#undef WIPPYLI_STRING_MAX
