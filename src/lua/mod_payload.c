/* ========================================================================== >>lua/mod_payload.c */
#include "mod_payload.h"
#include "errors.h"
#include "lvalue.h"
#include "mod_json.h"

/* ------------------------------------------------------------------ transcode */

static bool wippyli_mpayload_is_text(wippyli_format format)
{
    return format == WIPPYLI_FORMAT_STRING || format == WIPPYLI_FORMAT_BYTES;
}

static bool wippyli_mpayload_is_value(wippyli_format format)
{
    return format == WIPPYLI_FORMAT_LUA || format == WIPPYLI_FORMAT_GOLANG;
}

static int wippyli_mpayload_refuse(lua_State *L, wippyli_format from, wippyli_format to)
{
    return wippyli_fail(L, "Internal", "cannot transcode %s to %s", wippyli_format_name(from),
                        wippyli_format_name(to));
}

/* The value on top becomes a Payload. */
static int wippyli_mpayload_made(lua_State *L, wippyli_format format)
{
    wippyli_payload_push(L, -1, format);
    return 1;
}

/* The value on top was JSON text. */
static int wippyli_mpayload_from_json(lua_State *L, wippyli_format to)
{
    size_t size = 0;
    if (wippyli_mpayload_is_text(to)) {
        return wippyli_mpayload_made(L, to);
    }
    if (!wippyli_mpayload_is_value(to) || lua_type(L, -1) != LUA_TSTRING) {
        return wippyli_mpayload_refuse(L, WIPPYLI_FORMAT_JSON, to);
    }
    const char *text = lua_tolstring(L, -1, &size);
    return wippyli_json_decode(L, text, size) == 1 ? wippyli_mpayload_made(L, to) : 2;
}

/* The value on top is anything. */
static int wippyli_mpayload_from_value(lua_State *L, wippyli_format from, wippyli_format to)
{
    if (to == WIPPYLI_FORMAT_JSON) {
        return wippyli_json_encode(L, -1) == 1 ? wippyli_mpayload_made(L, to) : 2;
    }
    if (wippyli_mpayload_is_value(to)) {
        return wippyli_mpayload_made(L, to);
    }
    if (wippyli_mpayload_is_text(to) && wippyli_is_error(L, -1)) {
        wippyli_error_push_text(L, -1);
        return wippyli_mpayload_made(L, to);
    }
    if (wippyli_mpayload_is_text(to) && lua_type(L, -1) == LUA_TSTRING) {
        return wippyli_mpayload_made(L, to);
    }
    return wippyli_mpayload_refuse(L, from, to);
}

/* Stack: payload, name of a format. */
static int wippyli_mpayload_transcode(lua_State *L)
{
    wippyli_format from = wippyli_payload_format(L, 1);
    const char *name = luaL_checkstring(L, 2);
    int found = wippyli_format_find(name);
    if (found < 0) {
        return wippyli_fail(L, "Internal", "unknown payload format: %s", name);
    }
    wippyli_format to = (wippyli_format)found;
    lua_settop(L, 2);
    wippyli_payload_value(L, 1);
    if (to == from) {
        return wippyli_mpayload_made(L, to);
    }
    switch (from) {
    case WIPPYLI_FORMAT_JSON: return wippyli_mpayload_from_json(L, to);
    case WIPPYLI_FORMAT_YAML:
    case WIPPYLI_FORMAT_MSGPACK: return wippyli_mpayload_refuse(L, from, to);
    default: return wippyli_mpayload_from_value(L, from, to);
    }
}

/* ------------------------------------------------------------------ the global */

static int wippyli_mpayload_new(lua_State *L)
{
    lua_settop(L, 1);
    wippyli_payload_push(L, 1, wippyli_is_error(L, 1) ? WIPPYLI_FORMAT_ERROR : WIPPYLI_FORMAT_LUA);
    return 1;
}

static const wippyli_entry wippyli_mpayload_formats[] = {
    {"BYTES", NULL, 0, "application/octet-stream"},
    {"ERROR", NULL, 0, "golang/error"},
    {"GOLANG", NULL, 0, "golang/any"},
    {"JSON", NULL, 0, "json/plain"},
    {"LUA", NULL, 0, "lua/any"},
    {"MSGPACK", NULL, 0, "application/msgpack"},
    {"STRING", NULL, 0, "text/plain"},
    {"YAML", NULL, 0, "yaml/plain"},
};

static const wippyli_library wippyli_mpayload_format_library = {
    "payload.format", wippyli_mpayload_formats, WIPPYLI_COUNT(wippyli_mpayload_formats), NULL,
    NULL};

static int wippyli_mpayload_push_formats(lua_State *L)
{
    wippyli_library_push(L, &wippyli_mpayload_format_library);
    return 1;
}

static const wippyli_entry wippyli_mpayload_entries[] = {
    {"format", wippyli_mpayload_push_formats, WIPPYLI_MAKE, NULL},
    {"new", wippyli_mpayload_new, 0, NULL},
};

static const wippyli_library wippyli_mpayload_library = {
    "payload", wippyli_mpayload_entries, WIPPYLI_COUNT(wippyli_mpayload_entries), NULL, NULL};

static int wippyli_mpayload_push(lua_State *L)
{
    wippyli_library_push(L, &wippyli_mpayload_library);
    return 1;
}

WIPPYLI_FN wippy_result wippyli_mpayload_open(wippyli_bridge *bridge)
{
    static const wippyli_entry entry = {"payload", wippyli_mpayload_push, WIPPYLI_MAKE, NULL};
    wippyli_hooks_of(bridge)->transcode = wippyli_mpayload_transcode;
    return wippyli_bridge_global(bridge, &entry);
}
