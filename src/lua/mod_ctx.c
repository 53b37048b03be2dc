/* ========================================================================== >>lua/mod_ctx.c */
#include "mod_ctx.h"

static wippy_slice wippyli_ctx_values(lua_State *L)
{
    wippy_slice none = {NULL, 0};
    const wippy_frame *frame = wippy_self_frame(wippyli_self(wippyli_process_of(L)));
    return frame ? wippy_frame_context(frame) : none;
}

static int wippyli_ctx_all(lua_State *L)
{
    wippy_slice values = wippyli_ctx_values(L);
    if (values.size == 0) {
        lua_newtable(L);
        return 1;
    }
    return wippyli_decode(L, values.data, values.size, 1);
}

static int wippyli_ctx_get(lua_State *L)
{
    size_t size = 0;
    wippy_slice value;
    const char *key = luaL_checklstring(L, 1, &size);
    if (size == 0) {
        return wippyli_fail(L, "Invalid", "empty key");
    }
    if (wippy_value_field(wippyli_ctx_values(L), key, size, &value) != WIPPY_OK) {
        return wippyli_fail(L, "NotFound", "key not found: %s", key);
    }
    if (wippy_value_check(value.data, value.size, 1) == WIPPY_OK) {
        return wippyli_decode(L, value.data, value.size, 1);
    }
    wippyli_ctx_all(L); /* it shares a table with another value */
    lua_pushvalue(L, 1);
    lua_rawget(L, -2);
    return 1;
}

WIPPYLI_FN const wippyli_library *wippyli_mod_ctx(void)
{
    static const wippyli_entry entries[] = {
        {"all", wippyli_ctx_all, 0, NULL},
        {"get", wippyli_ctx_get, 0, NULL},
    };
    static const wippyli_library library = {"ctx", entries, (uint32_t)WIPPYLI_COUNT(entries), NULL,
                                            NULL};
    return &library;
}
