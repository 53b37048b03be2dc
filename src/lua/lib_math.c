/* ========================================================================== >>lua/lib_math.c */
#include "lib_math.h"

#include <float.h>
#include <math.h>

/* ------------------------------------------------------------------ functions of one number */

static int wippyli_math_push(lua_State *L, lua_Number value)
{
    lua_pushnumber(L, value);
    return 1;
}

static int wippyli_math_acos(lua_State *L)
{
    return wippyli_math_push(L, acos(luaL_checknumber(L, 1)));
}

static int wippyli_math_asin(lua_State *L)
{
    return wippyli_math_push(L, asin(luaL_checknumber(L, 1)));
}

static int wippyli_math_cos(lua_State *L)
{
    return wippyli_math_push(L, cos(luaL_checknumber(L, 1)));
}

static int wippyli_math_cosh(lua_State *L)
{
    return wippyli_math_push(L, cosh(luaL_checknumber(L, 1)));
}

static int wippyli_math_exp(lua_State *L)
{
    return wippyli_math_push(L, exp(luaL_checknumber(L, 1)));
}

static int wippyli_math_log10(lua_State *L)
{
    return wippyli_math_push(L, log10(luaL_checknumber(L, 1)));
}

static int wippyli_math_sin(lua_State *L)
{
    return wippyli_math_push(L, sin(luaL_checknumber(L, 1)));
}

static int wippyli_math_sinh(lua_State *L)
{
    return wippyli_math_push(L, sinh(luaL_checknumber(L, 1)));
}

static int wippyli_math_sqrt(lua_State *L)
{
    return wippyli_math_push(L, sqrt(luaL_checknumber(L, 1)));
}

static int wippyli_math_tan(lua_State *L)
{
    return wippyli_math_push(L, tan(luaL_checknumber(L, 1)));
}

static int wippyli_math_tanh(lua_State *L)
{
    return wippyli_math_push(L, tanh(luaL_checknumber(L, 1)));
}

static const double wippyli_math_pi_value = 3.141592653589793238462643383279502884;

static int wippyli_math_deg(lua_State *L)
{
    return wippyli_math_push(L, luaL_checknumber(L, 1) * (180.0 / wippyli_math_pi_value));
}

static int wippyli_math_rad(lua_State *L)
{
    return wippyli_math_push(L, luaL_checknumber(L, 1) * (wippyli_math_pi_value / 180.0));
}

/* ------------------------------------------------------------------ of two */

/* atan(y[, x]) and its older name atan2(y, x) */
static int wippyli_math_atan(lua_State *L)
{
    lua_Number y = luaL_checknumber(L, 1);
    return wippyli_math_push(L, atan2(y, luaL_optnumber(L, 2, 1)));
}

static int wippyli_math_pow(lua_State *L)
{
    lua_Number base = luaL_checknumber(L, 1);
    return wippyli_math_push(L, pow(base, luaL_checknumber(L, 2)));
}

static int wippyli_math_log(lua_State *L)
{
    lua_Number x = luaL_checknumber(L, 1);
    if (lua_isnoneornil(L, 2)) {
        return wippyli_math_push(L, log(x));
    }
    lua_Number base = luaL_checknumber(L, 2);
    if (base == 2.0) {
        return wippyli_math_push(L, log2(x));
    }
    if (base == 10.0) {
        return wippyli_math_push(L, log10(x));
    }
    return wippyli_math_push(L, log(x) / log(base));
}

static int wippyli_math_ldexp(lua_State *L)
{
    lua_Number x = luaL_checknumber(L, 1);
    lua_Integer exponent = luaL_checkinteger(L, 2);
    if (exponent > 100000) {
        exponent = 100000; /* infinite, or zero */
    } else if (exponent < -100000) {
        exponent = -100000;
    }
    return wippyli_math_push(L, ldexp(x, (int)exponent));
}

static int wippyli_math_frexp(lua_State *L)
{
    int exponent = 0;
    lua_pushnumber(L, frexp(luaL_checknumber(L, 1), &exponent));
    lua_pushinteger(L, exponent);
    return 2;
}

static int wippyli_math_fmod_integers(lua_State *L, lua_Integer a, lua_Integer b)
{
    luaL_argcheck(L, b != 0, 2, "zero");
    lua_pushinteger(L, b == -1 ? 0 : a % b); /* the smallest integer % -1 is a trap */
    return 1;
}

static int wippyli_math_fmod(lua_State *L)
{
    if (lua_isinteger(L, 1) && lua_isinteger(L, 2)) {
        return wippyli_math_fmod_integers(L, lua_tointeger(L, 1), lua_tointeger(L, 2));
    }
    lua_Number a = luaL_checknumber(L, 1);
    return wippyli_math_push(L, fmod(a, luaL_checknumber(L, 2)));
}

static int wippyli_math_ult(lua_State *L)
{
    lua_Integer a = luaL_checkinteger(L, 1);
    lua_Integer b = luaL_checkinteger(L, 2);
    lua_pushboolean(L, (lua_Unsigned)a < (lua_Unsigned)b);
    return 1;
}

/* ------------------------------------------------------------------ integers and floats */

/* An integer when there is one, as floor and ceil do. */
static int wippyli_math_push_whole(lua_State *L, lua_Number value)
{
    lua_Integer integer = 0;
    if (lua_numbertointeger(value, &integer)) {
        lua_pushinteger(L, integer);
    } else {
        lua_pushnumber(L, value);
    }
    return 1;
}

static int wippyli_math_floor(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_settop(L, 1);
        return 1;
    }
    return wippyli_math_push_whole(L, floor(luaL_checknumber(L, 1)));
}

static int wippyli_math_ceil(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_settop(L, 1);
        return 1;
    }
    return wippyli_math_push_whole(L, ceil(luaL_checknumber(L, 1)));
}

static int wippyli_math_abs(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_Integer value = lua_tointeger(L, 1);
        lua_pushinteger(L, value < 0 ? (lua_Integer)(0u - (lua_Unsigned)value) : value);
        return 1;
    }
    return wippyli_math_push(L, fabs(luaL_checknumber(L, 1)));
}

static int wippyli_math_modf(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_settop(L, 1);
        lua_pushnumber(L, 0);
        return 2;
    }
    lua_Number value = luaL_checknumber(L, 1);
    lua_Number whole = value < 0 ? ceil(value) : floor(value);
    wippyli_math_push_whole(L, whole);
    lua_pushnumber(L, whole == value ? 0.0 : value - whole);
    return 2;
}

static int wippyli_math_tointeger(lua_State *L)
{
    int fits = 0;
    lua_Integer value = lua_tointegerx(L, 1, &fits);
    if (fits) {
        lua_pushinteger(L, value);
    } else {
        luaL_checkany(L, 1);
        lua_pushnil(L);
    }
    return 1;
}

static int wippyli_math_type(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_pushstring(L, lua_isinteger(L, 1) ? "integer" : "float");
    } else {
        luaL_checkany(L, 1);
        lua_pushnil(L);
    }
    return 1;
}

/* The extreme of all arguments, whatever the operator < can compare. */
static int wippyli_math_extreme(lua_State *L, bool largest)
{
    int count = lua_gettop(L);
    int best = 1;
    luaL_argcheck(L, count >= 1, 1, "value expected");
    for (int i = 2; i <= count; i++) {
        if (largest ? lua_compare(L, best, i, LUA_OPLT) : lua_compare(L, i, best, LUA_OPLT)) {
            best = i;
        }
    }
    lua_pushvalue(L, best);
    return 1;
}

static int wippyli_math_max(lua_State *L)
{
    return wippyli_math_extreme(L, true);
}

static int wippyli_math_min(lua_State *L)
{
    return wippyli_math_extreme(L, false);
}

/* ------------------------------------------------------------------ random numbers */

static uint64_t wippyli_random_rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t wippyli_random_next(uint64_t state[4])
{
    uint64_t result = wippyli_random_rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = wippyli_random_rotate(state[3], 45);
    return result;
}

/* Four words from two by splitmix64, so that no seed leaves the state zero. */
static void wippyli_random_seed(uint64_t state[4], uint64_t first, uint64_t second)
{
    uint64_t at = first ^ wippyli_random_rotate(second, 32);
    for (int i = 0; i < 4; i++) {
        at += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = at;
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        state[i] = mixed ^ mixed >> 31;
    }
}

static uint64_t *wippyli_random_state(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    if (!guard->random_seeded) {
        wippyli_random_seed(guard->random, guard->random[0], 0);
        guard->random_seeded = true;
    }
    return guard->random;
}

/* 0 ... limit, each equally likely: bits beyond the limit are thrown away. */
static uint64_t wippyli_random_below(uint64_t state[4], uint64_t limit)
{
    uint64_t mask = limit;
    for (int shift = 1; shift < 64; shift *= 2) {
        mask |= mask >> shift;
    }
    uint64_t value = wippyli_random_next(state) & mask;
    while (value > limit) {
        value = wippyli_random_next(state) & mask;
    }
    return value;
}

static int wippyli_math_random(lua_State *L)
{
    uint64_t *state = wippyli_random_state(L);
    lua_Integer low = 1;
    lua_Integer high = 0;
    switch (lua_gettop(L)) {
    case 0: return wippyli_math_push(L, (double)(wippyli_random_next(state) >> 11) * (1.0 / 9007199254740992.0));
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)wippyli_random_next(state));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default: return luaL_error(L, "wrong number of arguments");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t limit = (uint64_t)high - (uint64_t)low;
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + wippyli_random_below(state, limit)));
    return 1;
}

/* Without arguments the next seed comes from the numbers so far: a run can always be repeated. */
static int wippyli_math_randomseed(lua_State *L)
{
    uint64_t *state = wippyli_random_state(L);
    uint64_t first = 0;
    uint64_t second = 0;
    if (lua_isnone(L, 1)) {
        first = wippyli_random_next(state);
        second = wippyli_random_next(state);
    } else {
        lua_Number number = luaL_checknumber(L, 1);
        lua_Integer integer = 0;
        if (!lua_isinteger(L, 1) && lua_numbertointeger(number, &integer)) {
            first = (uint64_t)integer;
        } else {
            first = lua_isinteger(L, 1) ? (uint64_t)lua_tointeger(L, 1)
                                        : (uint64_t)(int64_t)fmod(number, 9007199254740992.0);
        }
        second = (uint64_t)luaL_optinteger(L, 2, 0);
    }
    wippyli_random_seed(state, first, second);
    lua_pushinteger(L, (lua_Integer)first);
    lua_pushinteger(L, (lua_Integer)second);
    return 2;
}

/* ------------------------------------------------------------------ the library */

static int wippyli_math_pi(lua_State *L)
{
    return wippyli_math_push(L, wippyli_math_pi_value);
}

static int wippyli_math_huge(lua_State *L)
{
    return wippyli_math_push(L, (lua_Number)HUGE_VAL);
}

static const wippyli_entry wippyli_math_entries[] = {
    {"abs", wippyli_math_abs, 0, NULL},
    {"acos", wippyli_math_acos, 0, NULL},
    {"asin", wippyli_math_asin, 0, NULL},
    {"atan", wippyli_math_atan, 0, NULL},
    {"atan2", wippyli_math_atan, 0, NULL},
    {"ceil", wippyli_math_ceil, 0, NULL},
    {"cos", wippyli_math_cos, 0, NULL},
    {"cosh", wippyli_math_cosh, 0, NULL},
    {"deg", wippyli_math_deg, 0, NULL},
    {"exp", wippyli_math_exp, 0, NULL},
    {"floor", wippyli_math_floor, 0, NULL},
    {"fmod", wippyli_math_fmod, 0, NULL},
    {"frexp", wippyli_math_frexp, 0, NULL},
    {"huge", wippyli_math_huge, WIPPYLI_MAKE, NULL},
    {"ldexp", wippyli_math_ldexp, 0, NULL},
    {"log", wippyli_math_log, 0, NULL},
    {"log10", wippyli_math_log10, 0, NULL},
    {"max", wippyli_math_max, 0, NULL},
    {"maxinteger", NULL, LUA_MAXINTEGER, NULL},
    {"min", wippyli_math_min, 0, NULL},
    {"mininteger", NULL, LUA_MININTEGER, NULL},
    {"modf", wippyli_math_modf, 0, NULL},
    {"pi", wippyli_math_pi, WIPPYLI_MAKE, NULL},
    {"pow", wippyli_math_pow, 0, NULL},
    {"rad", wippyli_math_rad, 0, NULL},
    {"random", wippyli_math_random, 0, NULL},
    {"randomseed", wippyli_math_randomseed, 0, NULL},
    {"sin", wippyli_math_sin, 0, NULL},
    {"sinh", wippyli_math_sinh, 0, NULL},
    {"sqrt", wippyli_math_sqrt, 0, NULL},
    {"tan", wippyli_math_tan, 0, NULL},
    {"tanh", wippyli_math_tanh, 0, NULL},
    {"tointeger", wippyli_math_tointeger, 0, NULL},
    {"type", wippyli_math_type, 0, NULL},
    {"ult", wippyli_math_ult, 0, NULL},
};

static const wippyli_library wippyli_math_library = {
    "math", wippyli_math_entries, WIPPYLI_COUNT(wippyli_math_entries), NULL, NULL};

WIPPYLI_FN int wippyli_math_open(lua_State *L)
{
    wippyli_library_push(L, &wippyli_math_library);
    return 1;
}
