/* ========================================================================== >>lua/mod_time.c */
#include "mod_time.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ kinds of objects */

typedef enum wippyli_mtime_zone {
    WIPPYLI_MTIME_UTC = 0,
    WIPPYLI_MTIME_LOCAL,
    WIPPYLI_MTIME_OWN /* Time: user value 1 is its Location; Location: the zone stands behind */
} wippyli_mtime_zone;

typedef struct wippyli_mtime_time {
    wippyli_time t;
    uint8_t zone; /* wippyli_mtime_zone; in the padding of t */
} wippyli_mtime_time;

typedef struct wippyli_mtime_location {
    uint64_t zone; /* wippyli_mtime_zone */
} wippyli_mtime_location;

typedef struct wippyli_mtime_length {
    int64_t ns;
} wippyli_mtime_length;

/* Timer and Ticker; user value 1 keeps the channel. */
typedef struct wippyli_mtime_handle {
    wippyli_channel *channel;
} wippyli_mtime_handle;

static const wippyli_class *wippyli_mtime_time_class(void);
static const wippyli_class *wippyli_mtime_location_class(void);
static const wippyli_class *wippyli_mtime_length_class(void);

/* ------------------------------------------------------------------ durations */

static void wippyli_mtime_push_duration(lua_State *L, int64_t ns)
{
    wippyli_mtime_length *length = (wippyli_mtime_length *)wippyli_object_push(
        L, wippyli_mtime_length_class(), sizeof(*length), 0);
    length->ns = ns;
}

static bool wippyli_mtime_duration_of_number(lua_State *L, int index, int64_t *out)
{
    if (lua_isinteger(L, index)) {
        *out = (int64_t)lua_tointeger(L, index);
        return true;
    }
    double number = (double)lua_tonumber(L, index);
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

WIPPYLI_FN bool wippyli_mtime_duration(lua_State *L, int index, int64_t *out)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER: return wippyli_mtime_duration_of_number(L, index, out);
    case LUA_TSTRING: {
        size_t size;
        const char *text = lua_tolstring(L, index, &size);
        return wippy_duration_parse(text, size, out) == WIPPY_OK;
    }
    default: {
        const wippyli_mtime_length *length = (const wippyli_mtime_length *)wippyli_object_test(
            L, index, wippyli_mtime_length_class());
        if (length) {
            *out = length->ns;
        }
        return length != NULL;
    }
    }
}

static const char *wippyli_mtime_push_bad_duration(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        return lua_pushfstring(L, "invalid duration \"%s\"", lua_tostring(L, index));
    }
    if (lua_type(L, index) == LUA_TNUMBER) {
        return lua_pushliteral(L, "invalid duration: number out of range");
    }
    return lua_pushfstring(L, "invalid duration: number, string or Duration expected, got %s",
                           luaL_typename(L, index));
}

static int wippyli_mtime_fail_duration(lua_State *L, int index)
{
    return wippyli_fail(L, "Invalid", "%s", wippyli_mtime_push_bad_duration(L, index));
}

static int64_t wippyli_mtime_check_duration(lua_State *L, int index)
{
    int64_t ns = 0;
    if (!wippyli_mtime_duration(L, index, &ns)) {
        luaL_argerror(L, index, wippyli_mtime_push_bad_duration(L, index));
    }
    return ns;
}

static int64_t wippyli_mtime_length_of(lua_State *L, int index)
{
    return ((const wippyli_mtime_length *)wippyli_object_check(L, index,
                                                               wippyli_mtime_length_class()))
        ->ns;
}

static int wippyli_mtime_length_hours(lua_State *L)
{
    lua_pushnumber(L, wippyli_duration_hours(wippyli_mtime_length_of(L, 1)));
    return 1;
}

static int wippyli_mtime_length_minutes(lua_State *L)
{
    lua_pushnumber(L, wippyli_duration_minutes(wippyli_mtime_length_of(L, 1)));
    return 1;
}

static int wippyli_mtime_length_seconds(lua_State *L)
{
    lua_pushnumber(L, wippyli_duration_seconds(wippyli_mtime_length_of(L, 1)));
    return 1;
}

static int wippyli_mtime_length_milliseconds(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)(wippyli_mtime_length_of(L, 1) / 1000000));
    return 1;
}

static int wippyli_mtime_length_microseconds(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)(wippyli_mtime_length_of(L, 1) / 1000));
    return 1;
}

static int wippyli_mtime_length_nanoseconds(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)wippyli_mtime_length_of(L, 1));
    return 1;
}

static int wippyli_mtime_length_tostring(lua_State *L)
{
    char text[WIPPY_DURATION_TEXT_MAX];
    size_t size = wippy_duration_text(wippyli_mtime_length_of(L, 1), text, sizeof(text));
    lua_pushlstring(L, text, size);
    return 1;
}

static int wippyli_mtime_length_eq(lua_State *L)
{
    const wippyli_mtime_length *a =
        (const wippyli_mtime_length *)wippyli_object_test(L, 1, wippyli_mtime_length_class());
    const wippyli_mtime_length *b =
        (const wippyli_mtime_length *)wippyli_object_test(L, 2, wippyli_mtime_length_class());
    lua_pushboolean(L, a && b && a->ns == b->ns);
    return 1;
}

static int wippyli_mtime_length_lt(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_check_duration(L, 1) < wippyli_mtime_check_duration(L, 2));
    return 1;
}

static int wippyli_mtime_length_le(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_check_duration(L, 1) <= wippyli_mtime_check_duration(L, 2));
    return 1;
}

static int64_t wippyli_mtime_negated(int64_t ns)
{
    return ns == INT64_MIN ? INT64_MAX : -ns;
}

static int wippyli_mtime_add(lua_State *L);

static int wippyli_mtime_length_add(lua_State *L)
{
    if (wippyli_object_test(L, 2, wippyli_mtime_time_class())) {
        lua_settop(L, 2);
        lua_insert(L, 1); /* duration + time */
        return wippyli_mtime_add(L);
    }
    wippyli_mtime_push_duration(L, wippyli_add_clamped(wippyli_mtime_check_duration(L, 1),
                                                       wippyli_mtime_check_duration(L, 2)));
    return 1;
}

static int wippyli_mtime_length_sub(lua_State *L)
{
    int64_t a = wippyli_mtime_check_duration(L, 1);
    int64_t b = wippyli_mtime_check_duration(L, 2);
    if (b == INT64_MIN) { /* negated it is one less than it should be */
        a = wippyli_add_clamped(a, 1);
    }
    wippyli_mtime_push_duration(L, wippyli_add_clamped(a, wippyli_mtime_negated(b)));
    return 1;
}

static int wippyli_mtime_length_unm(lua_State *L)
{
    wippyli_mtime_push_duration(L, wippyli_mtime_negated(wippyli_mtime_length_of(L, 1)));
    return 1;
}

static const wippyli_class *wippyli_mtime_length_class(void)
{
    static const luaL_Reg methods[] = {{"hours", wippyli_mtime_length_hours},
                                       {"minutes", wippyli_mtime_length_minutes},
                                       {"seconds", wippyli_mtime_length_seconds},
                                       {"milliseconds", wippyli_mtime_length_milliseconds},
                                       {"microseconds", wippyli_mtime_length_microseconds},
                                       {"nanoseconds", wippyli_mtime_length_nanoseconds},
                                       {"__tostring", wippyli_mtime_length_tostring},
                                       {"__eq", wippyli_mtime_length_eq},
                                       {"__lt", wippyli_mtime_length_lt},
                                       {"__le", wippyli_mtime_length_le},
                                       {"__add", wippyli_mtime_length_add},
                                       {"__sub", wippyli_mtime_length_sub},
                                       {"__unm", wippyli_mtime_length_unm},
                                       {NULL, NULL}};
    static const wippyli_class length_class = {"Duration", methods};
    return &length_class;
}

static int wippyli_mtime_parse_duration(lua_State *L)
{
    int64_t ns = 0;
    if (!wippyli_mtime_duration(L, 1, &ns)) {
        return wippyli_mtime_fail_duration(L, 1);
    }
    wippyli_mtime_push_duration(L, ns);
    return 1;
}

/* ------------------------------------------------------------------ locations */

static void wippyli_mtime_push_known(lua_State *L, wippyli_mtime_zone kind)
{
    wippyli_mtime_location *location = (wippyli_mtime_location *)wippyli_object_push(
        L, wippyli_mtime_location_class(), sizeof(*location), 0);
    location->zone = (uint64_t)kind;
}

static int wippyli_mtime_copy_zone(lua_State *L)
{
    const wippyli_zone *zone = (const wippyli_zone *)lua_touserdata(L, 1);
    wippyli_mtime_location *location = (wippyli_mtime_location *)wippyli_object_push(
        L, wippyli_mtime_location_class(), sizeof(*location) + zone->bytes, 0);
    location->zone = WIPPYLI_MTIME_OWN;
    memcpy(location + 1, zone, zone->bytes);
    return 1;
}

/* Push a Location that holds a copy of the zone, which is freed, also when there is no memory. */
static void wippyli_mtime_push_zone(lua_State *L, wippyli_zone *zone)
{
    lua_pushcfunction(L, wippyli_mtime_copy_zone);
    lua_pushlightuserdata(L, zone);
    int status = lua_pcall(L, 1, 1, 0);
    wippyli_zone_free(&wippyli_bridge_at(L)->mem, zone);
    if (status != LUA_OK) {
        lua_error(L);
    }
}

static const wippyli_zone *wippyli_mtime_zone_in(lua_State *L,
                                                 const wippyli_mtime_location *location)
{
    switch (location->zone) {
    case WIPPYLI_MTIME_UTC: return NULL;
    case WIPPYLI_MTIME_LOCAL: return wippyli_guard_of(L)->shared->zone;
    default: return (const wippyli_zone *)(const void *)(location + 1);
    }
}

static const wippyli_mtime_location *wippyli_mtime_check_location(lua_State *L, int index)
{
    return (const wippyli_mtime_location *)wippyli_object_check(L, index,
                                                                wippyli_mtime_location_class());
}

static int wippyli_mtime_location_string(lua_State *L)
{
    const wippyli_mtime_location *location = wippyli_mtime_check_location(L, 1);
    switch (location->zone) {
    case WIPPYLI_MTIME_UTC: lua_pushliteral(L, "UTC"); break;
    case WIPPYLI_MTIME_LOCAL: lua_pushliteral(L, "Local"); break;
    default: lua_pushstring(L, wippyli_zone_name(wippyli_mtime_zone_in(L, location))); break;
    }
    return 1;
}

/* The two that every process makes anew are equal to themselves. */
static int wippyli_mtime_location_eq(lua_State *L)
{
    const wippyli_mtime_location *a =
        (const wippyli_mtime_location *)wippyli_object_test(L, 1, wippyli_mtime_location_class());
    const wippyli_mtime_location *b =
        (const wippyli_mtime_location *)wippyli_object_test(L, 2, wippyli_mtime_location_class());
    lua_pushboolean(L, a && b && (a == b || (a->zone == b->zone && a->zone != WIPPYLI_MTIME_OWN)));
    return 1;
}

static const wippyli_class *wippyli_mtime_location_class(void)
{
    static const luaL_Reg methods[] = {{"string", wippyli_mtime_location_string},
                                       {"__tostring", wippyli_mtime_location_string},
                                       {"__eq", wippyli_mtime_location_eq},
                                       {NULL, NULL}};
    static const wippyli_class location_class = {"Location", methods};
    return &location_class;
}

static int wippyli_mtime_utc_value(lua_State *L)
{
    wippyli_mtime_push_known(L, WIPPYLI_MTIME_UTC);
    return 1;
}

static int wippyli_mtime_local_value(lua_State *L)
{
    wippyli_mtime_push_known(L, WIPPYLI_MTIME_LOCAL);
    return 1;
}

static int wippyli_mtime_load_location(lua_State *L)
{
    size_t size;
    const char *name = luaL_checklstring(L, 1, &size);
    wippyli_zone *zone = NULL;
    wippy_diag diag;
    if (strcmp(name, "UTC") == 0) {
        return wippyli_mtime_utc_value(L);
    }
    if (strcmp(name, "Local") == 0) {
        return wippyli_mtime_local_value(L);
    }
    wippy_result result = wippyli_zone_load(&wippyli_bridge_at(L)->mem, name, size, &zone, &diag);
    if (result != WIPPY_OK) {
        return wippyli_fail(L, wippy_result_kind(result), "%s",
                            result == WIPPY_ERR_NOMEM ? wippy_result_text(result) : diag.message);
    }
    wippyli_mtime_push_zone(L, zone);
    return 1;
}

static int wippyli_mtime_fixed_zone(lua_State *L)
{
    size_t size;
    const char *name = luaL_checklstring(L, 1, &size);
    lua_Integer offset = luaL_checkinteger(L, 2);
    wippyli_zone *zone = NULL;
    wippy_result result = WIPPY_ERR_INVALID;
    if (offset > INT32_MIN && offset < INT32_MAX) {
        result = wippyli_zone_fixed(&wippyli_bridge_at(L)->mem, name, size, (int32_t)offset, &zone);
    }
    if (result != WIPPY_OK) {
        return wippyli_fail(L, wippy_result_kind(result), "%s",
                            result == WIPPY_ERR_INVALID ? "invalid name or offset of a zone"
                                                        : wippy_result_text(result));
    }
    wippyli_mtime_push_zone(L, zone);
    return 1;
}

/* ------------------------------------------------------------------ times: making */

static wippyli_mtime_time *wippyli_mtime_push(lua_State *L, wippyli_time t, wippyli_mtime_zone kind)
{
    wippyli_mtime_time *time = (wippyli_mtime_time *)wippyli_object_push(
        L, wippyli_mtime_time_class(), sizeof(*time), kind == WIPPYLI_MTIME_OWN ? 1 : 0);
    time->t = t;
    time->zone = (uint8_t)kind;
    return time;
}

/* Push a Time in the Location at `index`. */
static void wippyli_mtime_push_in(lua_State *L, wippyli_time t, int index)
{
    index = lua_absindex(L, index);
    wippyli_mtime_zone kind = (wippyli_mtime_zone)wippyli_mtime_check_location(L, index)->zone;
    wippyli_mtime_push(L, t, kind);
    if (kind == WIPPYLI_MTIME_OWN) {
        lua_pushvalue(L, index);
        lua_setiuservalue(L, -2, 1);
    }
}

WIPPYLI_FN void wippyli_mtime_push_local(lua_State *L, int64_t wall_ns)
{
    wippyli_mtime_push(L, wippyli_time_make(0, wall_ns), WIPPYLI_MTIME_LOCAL);
}

static const wippyli_mtime_time *wippyli_mtime_check(lua_State *L, int index)
{
    return (const wippyli_mtime_time *)wippyli_object_check(L, index, wippyli_mtime_time_class());
}

/* Push a Time in the zone of the Time at `index`. */
static void wippyli_mtime_push_like(lua_State *L, wippyli_time t, int index)
{
    wippyli_mtime_zone kind = (wippyli_mtime_zone)wippyli_mtime_check(L, index)->zone;
    index = lua_absindex(L, index);
    wippyli_mtime_push(L, t, kind);
    if (kind == WIPPYLI_MTIME_OWN) {
        lua_getiuservalue(L, index, 1);
        lua_setiuservalue(L, -2, 1);
    }
}

/* Zone of the Time at `index`; lives as long as the Time. */
static const wippyli_zone *wippyli_mtime_zone_at(lua_State *L, int index)
{
    const wippyli_zone *zone = NULL;
    switch (wippyli_mtime_check(L, index)->zone) {
    case WIPPYLI_MTIME_UTC: return NULL;
    case WIPPYLI_MTIME_LOCAL: return wippyli_guard_of(L)->shared->zone;
    default:
        lua_getiuservalue(L, index, 1);
        zone = wippyli_mtime_zone_in(L, wippyli_mtime_check_location(L, -1));
        lua_pop(L, 1);
        return zone;
    }
}

static int wippyli_mtime_now(lua_State *L)
{
    wippyli_mtime_push_local(L, wippy_wall_ns(wippyli_runtime(wippyli_process_of(L))));
    return 1;
}

static int wippyli_mtime_unix_make(lua_State *L)
{
    lua_Integer sec = luaL_checkinteger(L, 1);
    lua_Integer nsec = luaL_optinteger(L, 2, 0);
    wippyli_mtime_push(L, wippyli_time_make((int64_t)sec, (int64_t)nsec), WIPPYLI_MTIME_LOCAL);
    return 1;
}

/* The Location at `index`, the machine's when it is nil; leaves `index` a Location. */
static const wippyli_zone *wippyli_mtime_opt_location(lua_State *L, int index)
{
    lua_settop(L, index);
    if (lua_isnil(L, index)) {
        wippyli_mtime_push_known(L, WIPPYLI_MTIME_LOCAL);
        lua_replace(L, index);
    }
    return wippyli_mtime_zone_in(L, wippyli_mtime_check_location(L, index));
}

static int wippyli_mtime_date_make(lua_State *L)
{
    wippyli_date date;
    wippyli_time t;
    date.year = (int64_t)luaL_checkinteger(L, 1);
    date.month = (int64_t)luaL_checkinteger(L, 2);
    date.day = (int64_t)luaL_checkinteger(L, 3);
    date.hour = (int64_t)luaL_optinteger(L, 4, 0);
    date.minute = (int64_t)luaL_optinteger(L, 5, 0);
    date.second = (int64_t)luaL_optinteger(L, 6, 0);
    date.nsec = (int64_t)luaL_optinteger(L, 7, 0);
    const wippyli_zone *zone = wippyli_mtime_opt_location(L, 8);
    if (wippyli_time_date(&date, zone, &t) != WIPPY_OK) {
        return wippyli_fail(L, "Invalid", "date out of range");
    }
    wippyli_mtime_push_in(L, t, 8);
    return 1;
}

/* Push the Location a text named by its offset. */
static wippy_result wippyli_mtime_push_parsed_zone(lua_State *L, const wippyli_parsed *parsed)
{
    wippyli_zone *zone = NULL;
    wippy_result result = wippyli_zone_fixed(&wippyli_bridge_at(L)->mem, parsed->abbrev,
                                             strlen(parsed->abbrev), parsed->offset, &zone);
    if (result == WIPPY_OK) {
        wippyli_mtime_push_zone(L, zone);
    }
    return result;
}

static int wippyli_mtime_parse(lua_State *L)
{
    size_t layout_size;
    size_t text_size;
    const char *layout = luaL_checklstring(L, 1, &layout_size);
    const char *text = luaL_checklstring(L, 2, &text_size);
    const wippyli_zone *zone = wippyli_mtime_opt_location(L, 3);
    wippyli_parsed parsed;
    wippy_diag diag;
    if (wippyli_time_parse(layout, layout_size, text, text_size, zone, &parsed, &diag) !=
        WIPPY_OK) {
        return wippyli_fail(L, "Invalid", "%s", diag.message);
    }
    if (parsed.zone == WIPPYLI_PARSED_ZONE_UTC) {
        wippyli_mtime_push(L, parsed.time, WIPPYLI_MTIME_UTC);
        return 1;
    }
    if (parsed.zone == WIPPYLI_PARSED_ZONE_FIXED) {
        wippy_result result = wippyli_mtime_push_parsed_zone(L, &parsed);
        if (result != WIPPY_OK) {
            return wippyli_fail(L, wippy_result_kind(result), "%s", wippy_result_text(result));
        }
        lua_replace(L, 3);
    }
    wippyli_mtime_push_in(L, parsed.time, 3);
    return 1;
}

/* ------------------------------------------------------------------ times: methods */

static int wippyli_mtime_add(lua_State *L)
{
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    wippyli_mtime_push_like(L, wippyli_time_add(t, wippyli_mtime_check_duration(L, 2)), 1);
    return 1;
}

/* time + duration, duration + time */
static int wippyli_mtime_add_operator(lua_State *L)
{
    if (!wippyli_object_test(L, 1, wippyli_mtime_time_class())) {
        lua_settop(L, 2);
        lua_insert(L, 1);
    }
    return wippyli_mtime_add(L);
}

static int wippyli_mtime_sub(lua_State *L)
{
    wippyli_mtime_push_duration(
        L, wippyli_time_sub(wippyli_mtime_check(L, 1)->t, wippyli_mtime_check(L, 2)->t));
    return 1;
}

/* time - time, time - duration */
static int wippyli_mtime_sub_operator(lua_State *L)
{
    if (wippyli_object_test(L, 2, wippyli_mtime_time_class())) {
        return wippyli_mtime_sub(L);
    }
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    int64_t ns = wippyli_mtime_check_duration(L, 2);
    wippyli_mtime_push_like(L, wippyli_time_add(t, wippyli_mtime_negated(ns)), 1);
    return 1;
}

static int wippyli_mtime_add_date(lua_State *L)
{
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    lua_Integer years = luaL_checkinteger(L, 2);
    lua_Integer months = luaL_optinteger(L, 3, 0);
    lua_Integer days = luaL_optinteger(L, 4, 0);
    wippyli_time moved;
    if (wippyli_time_add_date(t, wippyli_mtime_zone_at(L, 1), (int64_t)years, (int64_t)months,
                              (int64_t)days, &moved) != WIPPY_OK) {
        return luaL_error(L, "date out of range");
    }
    wippyli_mtime_push_like(L, moved, 1);
    return 1;
}

static int wippyli_mtime_order(lua_State *L)
{
    return wippyli_time_compare(wippyli_mtime_check(L, 1)->t, wippyli_mtime_check(L, 2)->t);
}

static int wippyli_mtime_before(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_order(L) < 0);
    return 1;
}

static int wippyli_mtime_after_time(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_order(L) > 0);
    return 1;
}

static int wippyli_mtime_equal(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_order(L) == 0);
    return 1;
}

static int wippyli_mtime_le(lua_State *L)
{
    lua_pushboolean(L, wippyli_mtime_order(L) <= 0);
    return 1;
}

/* Two userdata of different kinds come here too. */
static int wippyli_mtime_eq(lua_State *L)
{
    bool both = wippyli_object_test(L, 1, wippyli_mtime_time_class()) &&
                wippyli_object_test(L, 2, wippyli_mtime_time_class());
    lua_pushboolean(L, both && wippyli_mtime_order(L) == 0);
    return 1;
}

static int wippyli_mtime_push_text(lua_State *L, const char *layout, size_t layout_size)
{
    char small[128];
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    const wippyli_zone *zone = wippyli_mtime_zone_at(L, 1);
    size_t size = wippyli_time_format(t, zone, layout, layout_size, small, sizeof(small));
    if (size < sizeof(small)) {
        lua_pushlstring(L, small, size);
        return 1;
    }
    luaL_Buffer buffer;
    char *text = luaL_buffinitsize(L, &buffer, size + 1);
    wippyli_time_format(t, zone, layout, layout_size, text, size + 1);
    luaL_pushresultsize(&buffer, size);
    return 1;
}

static int wippyli_mtime_format(lua_State *L)
{
    size_t size;
    const char *layout = luaL_checklstring(L, 2, &size);
    return wippyli_mtime_push_text(L, layout, size);
}

static int wippyli_mtime_format_rfc3339(lua_State *L)
{
    return wippyli_mtime_push_text(L, WIPPYLI_LAYOUT_RFC3339, strlen(WIPPYLI_LAYOUT_RFC3339));
}

static int wippyli_mtime_tostring(lua_State *L)
{
    static const char layout[] = "2006-01-02 15:04:05.999999999 -0700 MST";
    return wippyli_mtime_push_text(L, layout, sizeof(layout) - 1);
}

static int wippyli_mtime_unix(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)wippyli_mtime_check(L, 1)->t.sec);
    return 1;
}

static int wippyli_mtime_unix_nano(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)wippyli_time_unix_nano(wippyli_mtime_check(L, 1)->t));
    return 1;
}

static void wippyli_mtime_civil(lua_State *L, wippyli_civil *out)
{
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    wippyli_time_civil(t, wippyli_mtime_zone_at(L, 1), out, NULL);
}

static int wippyli_mtime_date(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, (lua_Integer)civil.year);
    lua_pushinteger(L, civil.month);
    lua_pushinteger(L, civil.day);
    return 3;
}

static int wippyli_mtime_clock(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.hour);
    lua_pushinteger(L, civil.minute);
    lua_pushinteger(L, civil.second);
    return 3;
}

static int wippyli_mtime_year(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, (lua_Integer)civil.year);
    return 1;
}

static int wippyli_mtime_month(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.month);
    return 1;
}

static int wippyli_mtime_day(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.day);
    return 1;
}

static int wippyli_mtime_hour(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.hour);
    return 1;
}

static int wippyli_mtime_minute(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.minute);
    return 1;
}

static int wippyli_mtime_second(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.second);
    return 1;
}

static int wippyli_mtime_nanosecond(lua_State *L)
{
    lua_pushinteger(L, wippyli_mtime_check(L, 1)->t.nsec);
    return 1;
}

static int wippyli_mtime_weekday(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.weekday);
    return 1;
}

static int wippyli_mtime_year_day(lua_State *L)
{
    wippyli_civil civil;
    wippyli_mtime_civil(L, &civil);
    lua_pushinteger(L, civil.year_day);
    return 1;
}

static int wippyli_mtime_is_zero(lua_State *L)
{
    lua_pushboolean(L, wippyli_time_is_zero(wippyli_mtime_check(L, 1)->t));
    return 1;
}

static int wippyli_mtime_utc(lua_State *L)
{
    wippyli_mtime_push(L, wippyli_mtime_check(L, 1)->t, WIPPYLI_MTIME_UTC);
    return 1;
}

static int wippyli_mtime_in_local(lua_State *L)
{
    wippyli_mtime_push(L, wippyli_mtime_check(L, 1)->t, WIPPYLI_MTIME_LOCAL);
    return 1;
}

static int wippyli_mtime_in_location(lua_State *L)
{
    wippyli_mtime_push_in(L, wippyli_mtime_check(L, 1)->t, 2);
    return 1;
}

static int wippyli_mtime_location_of(lua_State *L)
{
    wippyli_mtime_zone kind = (wippyli_mtime_zone)wippyli_mtime_check(L, 1)->zone;
    if (kind == WIPPYLI_MTIME_OWN) {
        lua_getiuservalue(L, 1, 1);
    } else {
        wippyli_mtime_push_known(L, kind);
    }
    return 1;
}

static int wippyli_mtime_round(lua_State *L)
{
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    wippyli_mtime_push_like(L, wippyli_time_round(t, wippyli_mtime_length_of(L, 2)), 1);
    return 1;
}

static int wippyli_mtime_truncate(lua_State *L)
{
    wippyli_time t = wippyli_mtime_check(L, 1)->t;
    wippyli_mtime_push_like(L, wippyli_time_truncate(t, wippyli_mtime_length_of(L, 2)), 1);
    return 1;
}

static const luaL_Reg wippyli_mtime_time_methods[] = {
    {"add", wippyli_mtime_add},
    {"sub", wippyli_mtime_sub},
    {"add_date", wippyli_mtime_add_date},
    {"before", wippyli_mtime_before},
    {"after", wippyli_mtime_after_time},
    {"equal", wippyli_mtime_equal},
    {"format", wippyli_mtime_format},
    {"format_rfc3339", wippyli_mtime_format_rfc3339},
    {"unix", wippyli_mtime_unix},
    {"unix_nano", wippyli_mtime_unix_nano},
    {"date", wippyli_mtime_date},
    {"clock", wippyli_mtime_clock},
    {"year", wippyli_mtime_year},
    {"month", wippyli_mtime_month},
    {"day", wippyli_mtime_day},
    {"hour", wippyli_mtime_hour},
    {"minute", wippyli_mtime_minute},
    {"second", wippyli_mtime_second},
    {"nanosecond", wippyli_mtime_nanosecond},
    {"weekday", wippyli_mtime_weekday},
    {"year_day", wippyli_mtime_year_day},
    {"is_zero", wippyli_mtime_is_zero},
    {"utc", wippyli_mtime_utc},
    {"in_local", wippyli_mtime_in_local},
    {"in_location", wippyli_mtime_in_location},
    {"location", wippyli_mtime_location_of},
    {"round", wippyli_mtime_round},
    {"truncate", wippyli_mtime_truncate},
    {"__tostring", wippyli_mtime_tostring},
    {"__eq", wippyli_mtime_eq},
    {"__lt", wippyli_mtime_before},
    {"__le", wippyli_mtime_le},
    {"__add", wippyli_mtime_add_operator},
    {"__sub", wippyli_mtime_sub_operator},
    {NULL, NULL}};

static const wippyli_class *wippyli_mtime_time_class(void)
{
    static const wippyli_class time_class = {"Time", wippyli_mtime_time_methods};
    return &time_class;
}

/* ------------------------------------------------------------------ sleep */

static int wippyli_mtime_slept(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    (void)L;
    (void)mail;
    (void)ctx;
    return 0;
}

static int wippyli_mtime_sleep(lua_State *L)
{
    int64_t ns = 0;
    if (!wippyli_mtime_duration(L, 1, &ns)) {
        return wippyli_mtime_fail_duration(L, 1);
    }
    if (ns <= 0) {
        return 0;
    }
    wippyli_check_block(L, "time.sleep");
    uint64_t tag = wippyli_await_tag(L);
    if (tag == 0) {
        return wippyli_await_failed(L, WIPPY_ERR_NOMEM);
    }
    wippy_result result =
        wippy_timer(wippyli_self(wippyli_process_of(L)), (uint64_t)ns, tag, wippyli_await_token(L));
    return result == WIPPY_PENDING ? wippyli_await(L, wippyli_mtime_slept, 0)
                                   : wippyli_await_failed(L, result);
}

/* ------------------------------------------------------------------ alarms */

#define WIPPYLI_MTIME_TICKS       16
#define WIPPYLI_MTIME_ALARM_BYTES 128 /* what one costs outside the Lua heap */

/* In the extra bytes of a channel. */
typedef struct wippyli_mtime_alarm {
    wippyli_yield yield;
    wippyli_channel *channel;
    int64_t wall_ns;   /* when it last fired */
    int64_t period_ns; /* 0 = one shot */
    uint64_t due_ns;   /* periodic: next instant of the monotonic clock */
    bool ends;         /* one shot: close the channel once it has fired */
} wippyli_mtime_alarm;

typedef struct wippyli_mtime_ticks {
    wippyli_mtime_alarm alarm; /* first */
    uint32_t first;
    uint32_t count;
    int64_t wall_ns[WIPPYLI_MTIME_TICKS]; /* of ticks that wait in the buffer */
} wippyli_mtime_ticks;

static void wippyli_mtime_take(lua_State *L, wippyli_channel *channel)
{
    const wippyli_mtime_alarm *alarm = (const wippyli_mtime_alarm *)wippyli_channel_extra(channel);
    wippyli_mtime_push_local(L, alarm->wall_ns);
}

static void wippyli_mtime_take_tick(lua_State *L, wippyli_channel *channel)
{
    wippyli_mtime_ticks *ticks = (wippyli_mtime_ticks *)wippyli_channel_extra(channel);
    if (ticks->count == 0) {
        wippyli_mtime_push_local(L, ticks->alarm.wall_ns);
        return;
    }
    wippyli_mtime_push_local(L, ticks->wall_ns[ticks->first]);
    ticks->first = (ticks->first + 1) % WIPPYLI_MTIME_TICKS;
    ticks->count--;
}

static void wippyli_mtime_note_tick(wippyli_mtime_ticks *ticks)
{
    if (ticks->count == WIPPYLI_MTIME_TICKS) { /* more receivers were promised one than fit */
        ticks->first = (ticks->first + 1) % WIPPYLI_MTIME_TICKS;
        ticks->count--;
    }
    ticks->wall_ns[(ticks->first + ticks->count) % WIPPYLI_MTIME_TICKS] = ticks->alarm.wall_ns;
    ticks->count++;
}

static const wippyli_feed wippyli_mtime_once_feed = {wippyli_mtime_take,
                                                     sizeof(wippyli_mtime_alarm)};
static const wippyli_feed wippyli_mtime_ticks_feed = {wippyli_mtime_take_tick,
                                                      sizeof(wippyli_mtime_ticks)};

/* Runs no Lua. */
static wippy_result wippyli_mtime_arm(wippyli_process *process, wippyli_mtime_alarm *alarm,
                                      uint64_t delay_ns)
{
    if (!wippyli_charge(process, WIPPYLI_MTIME_ALARM_BYTES)) {
        return WIPPY_ERR_NOMEM;
    }
    uint64_t tag = wippyli_yield_open(process, &alarm->yield);
    wippy_result result = WIPPY_ERR_NOMEM;
    if (tag != 0) {
        result = wippy_timer(wippyli_self(process), delay_ns, tag, &alarm->yield.token);
    }
    if (result != WIPPY_PENDING) {
        wippyli_yield_refused(process, &alarm->yield);
        wippyli_refund(process, WIPPYLI_MTIME_ALARM_BYTES);
    }
    return result;
}

/* Forget the alarm and what it left in the channel. False: it was not armed. */
static bool wippyli_mtime_disarm(wippyli_process *process, wippyli_mtime_alarm *alarm)
{
    bool armed = wippyli_yield_drop(process, &alarm->yield);
    if (armed) {
        wippyli_refund(process, WIPPYLI_MTIME_ALARM_BYTES);
    }
    wippyli_channel_clear(alarm->channel);
    if (alarm->period_ns > 0) {
        ((wippyli_mtime_ticks *)alarm)->count = 0;
    }
    return armed;
}

static void wippyli_mtime_end(wippyli_process *process, wippyli_mtime_alarm *alarm)
{
    wippyli_channel_close(process, alarm->channel);
    wippyli_channel_release(process, alarm->channel);
}

/* The next tick is due a whole number of periods after the first, however late this one came. */
static void wippyli_mtime_arm_next(wippyli_process *process, wippyli_mtime_alarm *alarm)
{
    uint64_t now = wippy_now_ns(wippyli_runtime(process));
    uint64_t period = (uint64_t)alarm->period_ns;
    alarm->due_ns += period;
    if (alarm->due_ns <= now) {
        alarm->due_ns += ((now - alarm->due_ns) / period + 1) * period;
    }
    if (wippyli_mtime_arm(process, alarm, alarm->due_ns - now) != WIPPY_PENDING) {
        wippyli_mtime_end(process, alarm);
    }
}

static void wippyli_mtime_fired(wippyli_process *process, wippyli_yield *yield,
                                const wippy_mail *mail)
{
    wippyli_mtime_alarm *alarm = (wippyli_mtime_alarm *)(void *)yield; /* its first member */
    wippyli_channel *channel = alarm->channel;
    wippyli_refund(process, WIPPYLI_MTIME_ALARM_BYTES);
    if (mail->result != WIPPY_OK || wippyli_channel_is_closed(channel)) {
        wippyli_mtime_end(process, alarm);
        return;
    }
    alarm->wall_ns = wippy_wall_ns(wippyli_runtime(process));
    bool taken = wippyli_channel_offer(process, channel);
    if (alarm->period_ns > 0) {
        if (taken) {
            wippyli_mtime_note_tick((wippyli_mtime_ticks *)alarm);
        }
        wippyli_mtime_arm_next(process, alarm);
    } else if (alarm->ends) {
        wippyli_mtime_end(process, alarm);
    } else {
        wippyli_channel_release(process, channel);
    }
}

/* Push nil and an error. */
static int wippyli_mtime_not_armed(lua_State *L, wippy_result result)
{
    return result == WIPPY_ERR_NOMEM
               ? wippyli_rate_limited(L)
               : wippyli_fail(L, wippy_result_kind(result), "%s", wippy_result_text(result));
}

/* Arm the alarm of the anchored channel; on failure undo the anchor. */
static wippy_result wippyli_mtime_start(wippyli_process *process, wippyli_mtime_alarm *alarm,
                                        int64_t ns)
{
    alarm->due_ns = wippy_now_ns(wippyli_runtime(process)) + (uint64_t)ns;
    wippy_result result = wippyli_mtime_arm(process, alarm, (uint64_t)ns);
    if (result != WIPPY_PENDING) {
        wippyli_channel_release(process, alarm->channel);
    }
    return result;
}

/* Read the duration at 1 and push a channel whose alarm is armed. NULL: nil and an error instead. */
static wippyli_mtime_alarm *wippyli_mtime_push_alarm(lua_State *L, const char *name, bool periodic)
{
    int64_t ns = 0;
    if (!wippyli_mtime_duration(L, 1, &ns)) {
        wippyli_fail(L, "Invalid", "%s: %s", name, wippyli_mtime_push_bad_duration(L, 1));
        return NULL;
    }
    if (ns <= 0) {
        wippyli_fail(L, "Invalid", "%s: duration must be > 0", name);
        return NULL;
    }
    wippyli_channel *channel =
        wippyli_channel_push(L, periodic ? WIPPYLI_MTIME_TICKS : 1,
                             periodic ? &wippyli_mtime_ticks_feed : &wippyli_mtime_once_feed);
    wippyli_mtime_alarm *alarm = (wippyli_mtime_alarm *)wippyli_channel_extra(channel);
    alarm->yield.done = wippyli_mtime_fired;
    alarm->channel = channel;
    alarm->period_ns = periodic ? ns : 0;
    wippyli_channel_anchor(L, -1);
    wippy_result result = wippyli_mtime_start(wippyli_process_of(L), alarm, ns);
    if (result != WIPPY_PENDING) {
        wippyli_mtime_not_armed(L, result);
        return NULL;
    }
    return alarm;
}

static int wippyli_mtime_after(lua_State *L)
{
    wippyli_mtime_alarm *alarm = wippyli_mtime_push_alarm(L, "time.after", false);
    if (!alarm) {
        return 2;
    }
    alarm->ends = true;
    return 1;
}

/* ------------------------------------------------------------------ Timer and Ticker */

static const wippyli_class *wippyli_mtime_timer_class(void);
static const wippyli_class *wippyli_mtime_ticker_class(void);

static int wippyli_mtime_push_handle(lua_State *L, const char *name, bool periodic)
{
    const wippyli_class *cls =
        periodic ? wippyli_mtime_ticker_class() : wippyli_mtime_timer_class();
    lua_settop(L, 1);
    wippyli_mtime_handle *handle =
        (wippyli_mtime_handle *)wippyli_object_push(L, cls, sizeof(*handle), 1);
    handle->channel = NULL;
    wippyli_mtime_alarm *alarm = wippyli_mtime_push_alarm(L, name, periodic);
    if (!alarm) {
        return 2;
    }
    handle->channel = alarm->channel;
    lua_setiuservalue(L, 2, 1);
    return 1;
}

static int wippyli_mtime_timer(lua_State *L)
{
    return wippyli_mtime_push_handle(L, "time.timer", false);
}

static int wippyli_mtime_ticker(lua_State *L)
{
    return wippyli_mtime_push_handle(L, "time.ticker", true);
}

static wippyli_mtime_alarm *wippyli_mtime_alarm_at(lua_State *L, const wippyli_class *cls)
{
    const wippyli_mtime_handle *handle =
        (const wippyli_mtime_handle *)wippyli_object_check(L, 1, cls);
    return (wippyli_mtime_alarm *)wippyli_channel_extra(handle->channel);
}

static int wippyli_mtime_timer_channel(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_mtime_timer_class());
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int wippyli_mtime_ticker_channel(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_mtime_ticker_class());
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static bool wippyli_mtime_stop(lua_State *L, wippyli_mtime_alarm *alarm)
{
    wippyli_process *process = wippyli_process_of(L);
    bool armed = wippyli_mtime_disarm(process, alarm);
    wippyli_mtime_end(process, alarm);
    return armed;
}

static int wippyli_mtime_timer_stop(lua_State *L)
{
    wippyli_mtime_alarm *alarm = wippyli_mtime_alarm_at(L, wippyli_mtime_timer_class());
    lua_pushboolean(L, wippyli_mtime_stop(L, alarm));
    return 1;
}

static int wippyli_mtime_ticker_stop(lua_State *L)
{
    wippyli_mtime_stop(L, wippyli_mtime_alarm_at(L, wippyli_mtime_ticker_class()));
    lua_pushboolean(L, 1);
    return 1;
}

/* A timer that was stopped opens its channel again. */
static int wippyli_mtime_timer_reset(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_mtime_alarm *alarm = wippyli_mtime_alarm_at(L, wippyli_mtime_timer_class());
    int64_t ns = wippyli_mtime_check_duration(L, 2);
    luaL_argcheck(L, ns > 0, 2, "duration must be > 0");
    lua_getiuservalue(L, 1, 1);
    wippyli_channel_anchor(L, -1);
    bool armed = wippyli_mtime_disarm(process, alarm);
    alarm->channel->closed = false;
    wippy_result result = wippyli_mtime_start(process, alarm, ns);
    if (result != WIPPY_PENDING) {
        return wippyli_mtime_not_armed(L, result);
    }
    lua_pushboolean(L, armed);
    return 1;
}

static const wippyli_class *wippyli_mtime_timer_class(void)
{
    static const luaL_Reg methods[] = {{"response", wippyli_mtime_timer_channel},
                                       {"channel", wippyli_mtime_timer_channel},
                                       {"stop", wippyli_mtime_timer_stop},
                                       {"reset", wippyli_mtime_timer_reset},
                                       {NULL, NULL}};
    static const wippyli_class timer_class = {"Timer", methods};
    return &timer_class;
}

static const wippyli_class *wippyli_mtime_ticker_class(void)
{
    static const luaL_Reg methods[] = {{"response", wippyli_mtime_ticker_channel},
                                       {"channel", wippyli_mtime_ticker_channel},
                                       {"stop", wippyli_mtime_ticker_stop},
                                       {NULL, NULL}};
    static const wippyli_class ticker_class = {"Ticker", methods};
    return &ticker_class;
}

/* ------------------------------------------------------------------ the module */

static const wippyli_entry wippyli_mtime_entries[] = {
    {"APRIL", NULL, 4, NULL},
    {"AUGUST", NULL, 8, NULL},
    {"DATE_ONLY", NULL, 0, "2006-01-02"},
    {"DATE_TIME", NULL, 0, "2006-01-02 15:04:05"},
    {"DECEMBER", NULL, 12, NULL},
    {"FEBRUARY", NULL, 2, NULL},
    {"FRIDAY", NULL, 5, NULL},
    {"HOUR", NULL, 3600000000000, NULL},
    {"JANUARY", NULL, 1, NULL},
    {"JULY", NULL, 7, NULL},
    {"JUNE", NULL, 6, NULL},
    {"KITCHEN", NULL, 0, "3:04PM"},
    {"MARCH", NULL, 3, NULL},
    {"MAY", NULL, 5, NULL},
    {"MICROSECOND", NULL, 1000, NULL},
    {"MILLISECOND", NULL, 1000000, NULL},
    {"MINUTE", NULL, 60000000000, NULL},
    {"MONDAY", NULL, 1, NULL},
    {"NANOSECOND", NULL, 1, NULL},
    {"NOVEMBER", NULL, 11, NULL},
    {"OCTOBER", NULL, 10, NULL},
    {"RFC1123", NULL, 0, "Mon, 02 Jan 2006 15:04:05 MST"},
    {"RFC1123Z", NULL, 0, "Mon, 02 Jan 2006 15:04:05 -0700"},
    {"RFC3339", NULL, 0, WIPPYLI_LAYOUT_RFC3339},
    {"RFC3339NANO", NULL, 0, WIPPYLI_LAYOUT_RFC3339_NANO},
    {"RFC822", NULL, 0, "02 Jan 06 15:04 MST"},
    {"RFC822Z", NULL, 0, "02 Jan 06 15:04 -0700"},
    {"RFC850", NULL, 0, "Monday, 02-Jan-06 15:04:05 MST"},
    {"SATURDAY", NULL, 6, NULL},
    {"SECOND", NULL, 1000000000, NULL},
    {"SEPTEMBER", NULL, 9, NULL},
    {"STAMP", NULL, 0, "Jan _2 15:04:05"},
    {"STAMP_MICRO", NULL, 0, "Jan _2 15:04:05.000000"},
    {"STAMP_MILLI", NULL, 0, "Jan _2 15:04:05.000"},
    {"STAMP_NANO", NULL, 0, "Jan _2 15:04:05.000000000"},
    {"SUNDAY", NULL, 0, NULL},
    {"THURSDAY", NULL, 4, NULL},
    {"TIME_ONLY", NULL, 0, "15:04:05"},
    {"TUESDAY", NULL, 2, NULL},
    {"WEDNESDAY", NULL, 3, NULL},
    {"after", wippyli_mtime_after, 0, NULL},
    {"date", wippyli_mtime_date_make, 0, NULL},
    {"fixed_zone", wippyli_mtime_fixed_zone, 0, NULL},
    {"load_location", wippyli_mtime_load_location, 0, NULL},
    {"localtz", wippyli_mtime_local_value, WIPPYLI_MAKE, NULL},
    {"now", wippyli_mtime_now, 0, NULL},
    {"parse", wippyli_mtime_parse, 0, NULL},
    {"parse_duration", wippyli_mtime_parse_duration, 0, NULL},
    {"sleep", wippyli_mtime_sleep, 0, NULL},
    {"ticker", wippyli_mtime_ticker, 0, NULL},
    {"timer", wippyli_mtime_timer, 0, NULL},
    {"unix", wippyli_mtime_unix_make, 0, NULL},
    {"utc", wippyli_mtime_utc_value, WIPPYLI_MAKE, NULL},
};

WIPPYLI_FN const wippyli_library *wippyli_mtime_module(void)
{
    static const wippyli_library library = {"time", wippyli_mtime_entries,
                                            WIPPYLI_COUNT(wippyli_mtime_entries), NULL, NULL};
    return &library;
}
#undef WIPPYLI_MTIME_TICKS
#undef WIPPYLI_MTIME_ALARM_BYTES
