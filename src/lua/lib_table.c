/* ========================================================================== >>lua/lib_table.c */
#include "lib_table.h"

#include <limits.h>
#include <string.h>

#define WIPPYLI_TABLE_MAX ((lua_Integer)1 << 31) /* elements any function here works on */

/* ------------------------------------------------------------------ access */

/* A table, or something that behaves like one. */
static void wippyli_table_check(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TTABLE) {
        return;
    }
    if (luaL_getmetafield(L, index, "__index") == LUA_TNIL ||
        luaL_getmetafield(L, index, "__newindex") == LUA_TNIL) {
        luaL_typeerror(L, index, "table");
    }
    lua_pop(L, 2);
}

static lua_Integer wippyli_table_length(lua_State *L, int index)
{
    lua_Integer length = luaL_len(L, index);
    luaL_argcheck(L, length < WIPPYLI_TABLE_MAX, index, "table too big");
    return length;
}

/* ------------------------------------------------------------------ insert, remove, move */

static int wippyli_table_insert(lua_State *L)
{
    wippyli_table_check(L, 1);
    lua_Integer end = wippyli_table_length(L, 1) + 1;
    int count = lua_gettop(L);
    uint32_t steps = 0;
    if (count == 2) {
        lua_seti(L, 1, end);
        return 0;
    }
    if (count != 3) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_Integer at = luaL_checkinteger(L, 2);
    luaL_argcheck(L, at >= 1 && at <= end, 2, "position out of bounds");
    for (lua_Integer i = end; i > at; i--) {
        wippyli_guard_step(L, &steps);
        lua_geti(L, 1, i - 1);
        lua_seti(L, 1, i);
    }
    lua_seti(L, 1, at);
    return 0;
}

static int wippyli_table_remove(lua_State *L)
{
    wippyli_table_check(L, 1);
    lua_Integer length = wippyli_table_length(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, length);
    uint32_t steps = 0;
    if (!lua_isnone(L, 2)) { /* one behind the end is allowed, and 0 of an empty table */
        luaL_argcheck(L, at == length || (at >= 1 && at <= length + 1), 2,
                      "position out of bounds");
    }
    lua_settop(L, 1);
    lua_geti(L, 1, at);
    for (; at < length; at++) {
        wippyli_guard_step(L, &steps);
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

static int wippyli_table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    wippyli_table_check(L, 1);
    wippyli_table_check(L, target);
    uint32_t steps = 0;
    if (to >= from) {
        luaL_argcheck(L, (lua_Unsigned)to - (lua_Unsigned)from < (lua_Unsigned)WIPPYLI_TABLE_MAX, 3,
                      "too many elements to move");
        lua_Integer last = to - from;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - last, 4, "destination wrap around");
        bool upwards = at > to || at <= from || (target != 1 && !lua_rawequal(L, 1, target));
        for (lua_Integer n = 0; n <= last; n++) {
            lua_Integer i = upwards ? n : last - n;
            wippyli_guard_step(L, &steps);
            lua_geti(L, 1, from + i);
            lua_seti(L, target, at + i);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

/* ------------------------------------------------------------------ concat, pack, unpack, create */

static void wippyli_table_add(lua_State *L, luaL_Buffer *buffer, lua_Integer at)
{
    lua_geti(L, 1, at);
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1),
                   (LUAI_UACINT)at);
    }
    luaL_addvalue(buffer);
}

static int wippyli_table_concat(lua_State *L)
{
    size_t gap_size = 0;
    wippyli_table_check(L, 1);
    const char *gap = luaL_optlstring(L, 2, "", &gap_size);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = lua_isnoneornil(L, 4) ? wippyli_table_length(L, 1) : luaL_checkinteger(L, 4);
    uint32_t steps = 0;
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (lua_Integer i = first; i <= last; i++) {
        wippyli_guard_step(L, &steps);
        wippyli_table_add(L, &buffer, i);
        if (i == last) {
            break; /* it may be the largest integer there is */
        }
        luaL_addlstring(&buffer, gap, gap_size);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int wippyli_table_pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--) {
        lua_rawseti(L, 1, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

WIPPYLI_FN int wippyli_table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (first > last) {
        return 0;
    }
    lua_Unsigned count = (lua_Unsigned)last - (lua_Unsigned)first;
    if (count >= INT_MAX || !lua_checkstack(L, (int)++count)) {
        return luaL_error(L, "too many results to unpack");
    }
    uint32_t steps = 0;
    lua_settop(L, 1);
    for (lua_Unsigned i = 0; i < count; i++) {
        wippyli_guard_step(L, &steps);
        lua_geti(L, 1, first + (lua_Integer)i);
    }
    return (int)count;
}

static int wippyli_table_size_hint(lua_State *L, int index)
{
    lua_Integer hint = luaL_optinteger(L, index, 0);
    luaL_argcheck(L, hint < INT_MAX, index, "table too big");
    return hint > 0 ? (int)hint : 0;
}

static int wippyli_table_create(lua_State *L)
{
    int array_count = wippyli_table_size_hint(L, 1);
    int hash_count = wippyli_table_size_hint(L, 2);
    lua_createtable(L, array_count, hash_count);
    return 1;
}

/* ------------------------------------------------------------------ sort
   A merge sort of element numbers: the elements stay where they are until the order is known. So an
   order function that contradicts itself cannot lead outside, and it is the one that is called least. */

#define WIPPYLI_SORT_RUN 6 /* shorter runs are sorted by insertion */

typedef struct wippyli_sort {
    lua_State *L;
    bool has_order;
    uint32_t steps;
    uint32_t yes_count;  /* times the order said yes */
    uint32_t next_check; /* the yes at which it is asked the other way round */
} wippyli_sort;

static bool wippyli_sort_ask(wippyli_sort *sort, uint32_t a, uint32_t b)
{
    lua_State *L = sort->L;
    wippyli_guard_step(L, &sort->steps);
    if (sort->has_order) {
        lua_pushvalue(L, 2);
    }
    lua_geti(L, 1, (lua_Integer)a + 1);
    lua_geti(L, 1, (lua_Integer)b + 1);
    if (!sort->has_order) {
        bool less = lua_compare(L, -2, -1, LUA_OPLT) != 0;
        lua_pop(L, 2);
        return less;
    }
    lua_call(L, 2, 1);
    bool less = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return less;
}

/* Does element a stand before element b? The 1st, 2nd, 4th, 8th ... yes is questioned. */
static bool wippyli_sort_less(wippyli_sort *sort, uint32_t a, uint32_t b)
{
    if (!wippyli_sort_ask(sort, a, b)) {
        return false;
    }
    if (++sort->yes_count == sort->next_check) {
        sort->next_check *= 2;
        if (sort->has_order && wippyli_sort_ask(sort, b, a)) {
            luaL_error(sort->L, "invalid order function for sorting");
        }
    }
    return true;
}

static void wippyli_sort_insertion(wippyli_sort *sort, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t moved = order[i];
        uint32_t at = i;
        while (at > 0 && wippyli_sort_less(sort, moved, order[at - 1])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = moved;
    }
}

/* Two sorted runs that follow each other in `from` become one in `to`. */
static void wippyli_sort_merge(wippyli_sort *sort, const uint32_t *from, uint32_t middle,
                               uint32_t count, uint32_t *to)
{
    uint32_t left = 0;
    uint32_t right = middle;
    if (middle >= count || !wippyli_sort_less(sort, from[middle], from[middle - 1])) {
        memcpy(to, from, count * sizeof(*to)); /* in order already */
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool take_right =
            left == middle || (right < count && wippyli_sort_less(sort, from[right], from[left]));
        to[i] = take_right ? from[right++] : from[left++];
    }
}

/* Sort the numbers 0 ... count-1 of elements; the result is in the array that is answered. */
static uint32_t *wippyli_sort_order(wippyli_sort *sort, uint32_t *order, uint32_t *spare,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint32_t i = 0; i < count; i += WIPPYLI_SORT_RUN) {
        uint32_t run = count - i < WIPPYLI_SORT_RUN ? count - i : WIPPYLI_SORT_RUN;
        wippyli_sort_insertion(sort, order + i, run);
    }
    for (uint64_t width = WIPPYLI_SORT_RUN; width < count; width *= 2) {
        for (uint64_t i = 0; i < count; i += 2 * width) {
            uint64_t run = count - i < 2 * width ? count - i : 2 * width;
            uint64_t middle = run < width ? run : width;
            wippyli_sort_merge(sort, order + i, (uint32_t)middle, (uint32_t)run, spare + i);
        }
        uint32_t *swap = order;
        order = spare;
        spare = swap;
    }
    return order;
}

/* Put the elements into the order found: along the cycles of the permutation, each moved once. */
static void wippyli_sort_apply(wippyli_sort *sort, uint32_t *order, uint32_t count)
{
    lua_State *L = sort->L;
    for (uint32_t start = 0; start < count; start++) {
        if (order[start] == start) {
            continue;
        }
        lua_geti(L, 1, (lua_Integer)start + 1);
        uint32_t at = start;
        while (order[at] != start) {
            uint32_t source = order[at];
            wippyli_guard_step(L, &sort->steps);
            lua_geti(L, 1, (lua_Integer)source + 1);
            lua_seti(L, 1, (lua_Integer)at + 1);
            order[at] = at;
            at = source;
        }
        lua_seti(L, 1, (lua_Integer)at + 1);
        order[at] = at;
    }
}

/* ---- numbers, all integers or all floats, are sorted without Lua: as integers in the same order */

static int64_t wippyli_sort_key_of_float(double number)
{
    int64_t bits = 0;
    memcpy(&bits, &number, sizeof(bits));
    return bits >= 0 ? bits : INT64_MIN - bits - 1;
}

static double wippyli_sort_float_of_key(int64_t key)
{
    double number = 0;
    int64_t bits = key >= 0 ? key : INT64_MIN - key - 1;
    memcpy(&number, &bits, sizeof(bits));
    return number;
}

/* Read the elements as keys. False: not all of them are numbers of one kind, or one is NaN. */
static bool wippyli_sort_read_keys(lua_State *L, int64_t *keys, uint32_t count, bool integers)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < count; i++) {
        wippyli_guard_step(L, &steps);
        bool fits = lua_rawgeti(L, 1, (lua_Integer)i + 1) == LUA_TNUMBER &&
                    (lua_isinteger(L, -1) != 0) == integers;
        double number = lua_tonumber(L, -1);
        if (fits) {
            keys[i] = integers ? lua_tointeger(L, -1) : wippyli_sort_key_of_float(number);
        }
        lua_pop(L, 1);
        if (!fits || !(number == number)) {
            return false;
        }
    }
    return true;
}

static void wippyli_sort_merge_keys(const int64_t *from, uint64_t middle, uint64_t count,
                                    int64_t *to)
{
    uint64_t left = 0;
    uint64_t right = middle;
    for (uint64_t i = 0; i < count; i++) {
        bool take_right = left == middle || (right < count && from[right] < from[left]);
        to[i] = take_right ? from[right++] : from[left++];
    }
}

static int64_t *wippyli_sort_keys(lua_State *L, int64_t *keys, int64_t *spare, uint32_t count)
{
    for (uint64_t width = 1; width < count; width *= 2) {
        wippyli_guard_poll(L);
        for (uint64_t i = 0; i < count; i += 2 * width) {
            uint64_t run = count - i < 2 * width ? count - i : 2 * width;
            wippyli_sort_merge_keys(keys + i, run < width ? run : width, run, spare + i);
        }
        int64_t *swap = keys;
        keys = spare;
        spare = swap;
    }
    return keys;
}

/* False: not such a table, nothing done; it may leave a value on the stack. */
static bool wippyli_sort_numbers(lua_State *L, uint32_t count)
{
    if (lua_type(L, 1) != LUA_TTABLE || lua_getmetatable(L, 1)) {
        return false;
    }
    int type = lua_rawgeti(L, 1, 1);
    bool integers = lua_isinteger(L, -1) != 0;
    lua_pop(L, 1);
    if (type != LUA_TNUMBER) {
        return false;
    }
    int64_t *keys = (int64_t *)lua_newuserdatauv(L, 2 * sizeof(int64_t) * (size_t)count, 0);
    if (!wippyli_sort_read_keys(L, keys, count, integers)) {
        lua_pop(L, 1);
        return false;
    }
    keys = wippyli_sort_keys(L, keys, keys + count, count);
    for (uint32_t i = 0; i < count; i++) {
        if (integers) {
            lua_pushinteger(L, keys[i]);
        } else {
            lua_pushnumber(L, wippyli_sort_float_of_key(keys[i]));
        }
        lua_rawseti(L, 1, (lua_Integer)i + 1);
    }
    return true;
}

static int wippyli_table_sort(lua_State *L)
{
    wippyli_sort sort;
    sort.L = L;
    wippyli_table_check(L, 1);
    sort.steps = 0;
    sort.yes_count = 0;
    sort.next_check = 1;
    lua_Integer length = wippyli_table_length(L, 1);
    if (length < 2) {
        return 0;
    }
    sort.has_order = !lua_isnoneornil(L, 2);
    if (sort.has_order) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    lua_settop(L, 2);
    uint32_t count = (uint32_t)length;
    if (!sort.has_order && wippyli_sort_numbers(L, count)) {
        return 0;
    }
    uint32_t *order = (uint32_t *)lua_newuserdatauv(L, 2 * sizeof(uint32_t) * (size_t)count, 0);
    order = wippyli_sort_order(&sort, order, order + count, count);
    wippyli_sort_apply(&sort, order, count);
    return 0;
}

/* ------------------------------------------------------------------ the library */

static const wippyli_entry wippyli_table_entries[] = {
    {"concat", wippyli_table_concat, 0, NULL}, {"create", wippyli_table_create, 0, NULL},
    {"insert", wippyli_table_insert, 0, NULL}, {"move", wippyli_table_move, 0, NULL},
    {"pack", wippyli_table_pack, 0, NULL},     {"remove", wippyli_table_remove, 0, NULL},
    {"sort", wippyli_table_sort, 0, NULL},     {"unpack", wippyli_table_unpack, 0, NULL},
};

static const wippyli_library wippyli_table_library = {
    "table", wippyli_table_entries, WIPPYLI_COUNT(wippyli_table_entries), NULL, NULL};

WIPPYLI_FN int wippyli_table_open(lua_State *L)
{
    wippyli_library_push(L, &wippyli_table_library);
    return 1;
}

#undef WIPPYLI_TABLE_MAX
#undef WIPPYLI_SORT_RUN
