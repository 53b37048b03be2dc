/* ========================================================================== >>lua/mod_metrics.c */
#include "mod_metrics.h"

#include <string.h>

typedef struct wippyli_metric {
    wippyli_record record; /* name and labels as text, the same for the same labels */
    double value;          /* counter, gauge: the value; histogram: the sum; guarded by the lock */
    uint64_t count;        /* observations */
} wippyli_metric;

typedef enum wippyli_metric_op {
    WIPPYLI_METRIC_ADD = 0,
    WIPPYLI_METRIC_SET,
    WIPPYLI_METRIC_OBSERVE
} wippyli_metric_op;

/* Push an array of the keys of the table at `index` that are strings, sorted. */
static void wippyli_sorted_keys(lua_State *L, int index)
{
    lua_Integer count = 0;
    lua_newtable(L);
    int keys = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            continue;
        }
        lua_Integer at = count++;
        for (; at > 0; at--) { /* labels are few */
            lua_rawgeti(L, keys, at);
            bool later = strcmp(lua_tostring(L, -1), lua_tostring(L, -2)) > 0;
            if (!later) {
                lua_pop(L, 1);
                break;
            }
            lua_rawseti(L, keys, at + 1);
        }
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, at + 1);
    }
}

/* Push "name{a=1,b=2}" for the name at 1 and the labels at `index`, if there are any. */
static const char *wippyli_metric_name(lua_State *L, int index)
{
    luaL_Buffer buffer;
    const char *name = luaL_checkstring(L, 1);
    if (lua_isnoneornil(L, index)) {
        return lua_pushstring(L, name);
    }
    luaL_checktype(L, index, LUA_TTABLE);
    wippyli_sorted_keys(L, index);
    int keys = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, keys);
    luaL_buffinit(L, &buffer);
    luaL_addstring(&buffer, name);
    luaL_addchar(&buffer, '{');
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        const char *key = lua_tostring(L, -1);
        lua_pushfstring(L, i > 1 ? ",%s=" : "%s=", key);
        lua_replace(L, -2);
        luaL_addvalue(&buffer);
        lua_rawgeti(L, keys, i);
        lua_rawget(L, index);
        luaL_tolstring(L, -1, NULL);
        lua_replace(L, -2);
        luaL_addvalue(&buffer);
    }
    luaL_addchar(&buffer, '}');
    luaL_pushresult(&buffer);
    return lua_tostring(L, -1);
}

static int wippyli_metric_change(lua_State *L, wippyli_metric_op op, double value, int labels)
{
    wippyli_common *common = wippyli_common_of(L);
    const char *name = wippyli_metric_name(L, labels);
    wippyli_metric *metric = (wippyli_metric *)(void *)wippyli_record_get(
        common, common->metrics, name, sizeof(wippyli_metric));
    if (!metric) {
        return wippyli_failed(L, WIPPY_ERR_NOMEM, NULL);
    }
    wippyli_lock_take(&common->lock);
    metric->value = op == WIPPYLI_METRIC_SET ? value : metric->value + value;
    metric->count += op == WIPPYLI_METRIC_OBSERVE ? 1u : 0u;
    wippyli_lock_drop(&common->lock);
    lua_pushboolean(L, 1);
    lua_pushnil(L);
    return 2;
}

static int wippyli_metrics_counter_inc(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_ADD, 1.0, 2);
}

static int wippyli_metrics_counter_add(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_ADD, luaL_checknumber(L, 2), 3);
}

static int wippyli_metrics_gauge_set(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_SET, luaL_checknumber(L, 2), 3);
}

static int wippyli_metrics_gauge_inc(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_ADD, 1.0, 2);
}

static int wippyli_metrics_gauge_dec(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_ADD, -1.0, 2);
}

static int wippyli_metrics_histogram(lua_State *L)
{
    return wippyli_metric_change(L, WIPPYLI_METRIC_OBSERVE, luaL_checknumber(L, 2), 3);
}

/* What is kept: value (a histogram's sum) and number of observations. */
static int wippyli_metrics_value(lua_State *L)
{
    wippyli_common *common = wippyli_common_of(L);
    const char *name = wippyli_metric_name(L, 2);
    const wippyli_metric *metric =
        (const wippyli_metric *)(const void *)wippyli_record_look(common, common->metrics, name);
    if (!metric) {
        return wippyli_fail(L, "NotFound", "metric not found: %s", name);
    }
    wippyli_lock_take(&common->lock);
    double value = metric->value;
    uint64_t count = metric->count;
    wippyli_lock_drop(&common->lock);
    lua_pushnumber(L, value);
    lua_pushnil(L);
    lua_pushinteger(L, (lua_Integer)count);
    return 3;
}

WIPPYLI_FN const wippyli_library *wippyli_mod_metrics(void)
{
    static const wippyli_entry entries[] = {
        {"counter_add", wippyli_metrics_counter_add, 0, NULL},
        {"counter_inc", wippyli_metrics_counter_inc, 0, NULL},
        {"gauge_dec", wippyli_metrics_gauge_dec, 0, NULL},
        {"gauge_inc", wippyli_metrics_gauge_inc, 0, NULL},
        {"gauge_set", wippyli_metrics_gauge_set, 0, NULL},
        {"histogram", wippyli_metrics_histogram, 0, NULL},
        {"value", wippyli_metrics_value, 0, NULL},
    };
    static const wippyli_library library = {"metrics", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
