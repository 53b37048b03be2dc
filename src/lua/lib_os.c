/* ========================================================================== >>lua/lib_os.c */
#include "lib_os.h"
#include "strftime.h"

#include <string.h>
#include <time.h>

static int64_t wippyli_os_now(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    return guard->shared->wall_seconds ? guard->shared->wall_seconds(guard->user_data)
                                       : (int64_t)time(NULL);
}

static int wippyli_os_clock(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    lua_pushnumber(L, guard->shared->clock_seconds ? guard->shared->clock_seconds(guard->user_data)
                                                   : (double)clock() / (double)CLOCKS_PER_SEC);
    return 1;
}

static int wippyli_os_difftime(lua_State *L)
{
    lua_Number later = luaL_checknumber(L, 1);
    lua_pushnumber(L, later - luaL_checknumber(L, 2));
    return 1;
}

/* ------------------------------------------------------------------ tables of a date */

static void wippyli_os_set(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* Fill the table on top. */
static void wippyli_os_set_fields(lua_State *L, wippyli_time t, const wippyli_zone *zone)
{
    wippyli_civil civil;
    wippyli_zone_span span;
    wippyli_time_civil(t, zone, &civil, &span);
    wippyli_os_set(L, "year", (lua_Integer)civil.year);
    wippyli_os_set(L, "month", civil.month);
    wippyli_os_set(L, "day", civil.day);
    wippyli_os_set(L, "hour", civil.hour);
    wippyli_os_set(L, "min", civil.minute);
    wippyli_os_set(L, "sec", civil.second);
    wippyli_os_set(L, "yday", civil.year_day);
    wippyli_os_set(L, "wday", civil.weekday + 1);
    lua_pushboolean(L, span.is_dst);
    lua_setfield(L, -2, "isdst");
}

/* A field of the table at 1. False: it is absent. */
static bool wippyli_os_field(lua_State *L, const char *name, int64_t *out)
{
    int is_integer = 0;
    if (lua_getfield(L, 1, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    *out = (int64_t)lua_tointegerx(L, -1, &is_integer);
    if (!is_integer) {
        luaL_error(L, "field '%s' is not an integer", name);
    }
    lua_pop(L, 1);
    return true;
}

static int wippyli_os_time_of_table(lua_State *L)
{
    wippyli_date date;
    memset(&date, 0, sizeof(date));
    unsigned has = 0;
    has |= wippyli_os_field(L, "year", &date.year) ? (unsigned)WIPPYLI_OS_YEAR : 0u;
    has |= wippyli_os_field(L, "month", &date.month) ? (unsigned)WIPPYLI_OS_MONTH : 0u;
    has |= wippyli_os_field(L, "day", &date.day) ? (unsigned)WIPPYLI_OS_DAY : 0u;
    wippyli_os_field(L, "hour", &date.hour);
    wippyli_os_field(L, "min", &date.minute);
    wippyli_os_field(L, "sec", &date.second);
    const wippyli_zone *zone = wippyli_guard_of(L)->shared->zone;
    int64_t seconds = 0;
    if (wippyli_os_time(&date, has, wippyli_time_make(wippyli_os_now(L), 0), zone, &seconds) !=
        WIPPY_OK) {
        return luaL_error(L, "time result cannot be represented");
    }
    wippyli_os_set_fields(L, wippyli_time_make(seconds, 0), zone); /* the parts normalised */
    lua_pushinteger(L, (lua_Integer)seconds);
    return 1;
}

static int wippyli_os_time_call(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_pushinteger(L, (lua_Integer)wippyli_os_now(L));
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    return wippyli_os_time_of_table(L);
}

/* ------------------------------------------------------------------ date */

static int wippyli_os_push_date(lua_State *L, const char *format, size_t size, wippyli_time t,
                                const wippyli_zone *zone)
{
    char text[128];
    size_t length = 0;
    size_t bad = 0;
    if (wippyli_strftime(format, size, t, zone, text, sizeof(text), &length, &bad) != WIPPY_OK) {
        lua_pushlstring(L, format + bad, size - bad < 2 ? size - bad : 2);
        return luaL_argerror(
            L, 1, lua_pushfstring(L, "invalid conversion specifier '%s'", lua_tostring(L, -1)));
    }
    if (length < sizeof(text)) {
        lua_pushlstring(L, text, length);
        return 1;
    }
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, length + 1);
    wippyli_strftime(format, size, t, zone, out, length + 1, &length, &bad);
    luaL_pushresultsize(&buffer, length);
    return 1;
}

static int wippyli_os_date(lua_State *L)
{
    size_t size = 0;
    const char *format = luaL_optlstring(L, 1, "%c", &size);
    int64_t seconds = lua_isnoneornil(L, 2) ? wippyli_os_now(L) : (int64_t)luaL_checkinteger(L, 2);
    const wippyli_zone *zone = wippyli_guard_of(L)->shared->zone;
    if (size > 0 && *format == '!') {
        zone = NULL;
        format++;
        size--;
    }
    wippyli_time t = wippyli_time_make(seconds, 0);
    if (size >= 2 && memcmp(format, "*t", 2) == 0) {
        lua_createtable(L, 0, 9);
        wippyli_os_set_fields(L, t, zone);
        return 1;
    }
    return wippyli_os_push_date(L, format, size, t, zone);
}

static const wippyli_entry wippyli_os_entries[] = {
    {"clock", wippyli_os_clock, 0, NULL},       {"date", wippyli_os_date, 0, NULL},
    {"difftime", wippyli_os_difftime, 0, NULL}, {"platform", NULL, 0, "wippy"},
    {"time", wippyli_os_time_call, 0, NULL},
};

static const wippyli_library wippyli_os_library = {"os", wippyli_os_entries,
                                                   WIPPYLI_COUNT(wippyli_os_entries), NULL, NULL};

WIPPYLI_FN int wippyli_os_open(lua_State *L)
{
    wippyli_library_push(L, &wippyli_os_library);
    return 1;
}
