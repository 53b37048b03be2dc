/* ========================================================================== >>lua/lvalue
   Lua values to encoded values and back, and the Payload object that carries a value unopened.
   STABLE for authors of modules: everything declared here.

   Encoding runs no Lua code, raises nothing and allocates nothing from the Lua heap, so it may stand
   outside protection (a failed coroutine, the results of a finished one). Decoding allocates Lua
   objects and may raise: only inside protection.
   Holds: no state.  Locks: none.  Allocates: encoding from the writer's memory. */
#ifndef WIPPYLI_LVALUE_H
#define WIPPYLI_LVALUE_H

#include "object.h"

/* Append `count` values, from `first` on, to the writer, as one sequence of top-level values; what
   they share is shared within one value only. nil, booleans, numbers, strings, tables, error
   objects and what a Payload holds cross; everything else becomes nil.
   Returns: WIPPY_OK, _ERR_LIMIT (deeper than WIPPY_VALUE_DEPTH_MAX), _ERR_NOMEM (also when the Lua
   stack cannot grow); the writer failed then too. */
WIPPYLI_FN wippy_result wippyli_encode(lua_State *L, int first, int count, wippy_writer *out);

/* The text for a failure of the above ("nesting too deep"). */
WIPPYLI_FN const char *wippyli_encode_text(wippy_result result);

/* Push `count` values; answers count. Raises for malformed bytes and without memory. */
WIPPYLI_FN int wippyli_decode(lua_State *L, const void *data, size_t size, uint32_t count);

/* Push `count` values the way messages are seen by listeners: nothing becomes nil, one value stands
   for itself, several become an array. Always pushes one. */
WIPPYLI_FN void wippyli_decode_packed(lua_State *L, const void *data, size_t size, uint32_t count);

/* ---- payloads */

typedef enum wippyli_format {
    WIPPYLI_FORMAT_LUA = 0,
    WIPPYLI_FORMAT_JSON,
    WIPPYLI_FORMAT_YAML,
    WIPPYLI_FORMAT_STRING,
    WIPPYLI_FORMAT_BYTES,
    WIPPYLI_FORMAT_MSGPACK,
    WIPPYLI_FORMAT_GOLANG,
    WIPPYLI_FORMAT_ERROR
} wippyli_format;

/* "lua/any", "json/plain" and so on; and back, -1 = unknown. */
WIPPYLI_FN const char *wippyli_format_name(wippyli_format format);
WIPPYLI_FN int wippyli_format_find(const char *name);

/* Push a Payload that holds the value at `index`. */
WIPPYLI_FN void wippyli_payload_push(lua_State *L, int index, wippyli_format format);

/* Push a Payload of one encoded value, copied and decoded when first asked for. */
WIPPYLI_FN void wippyli_payload_push_encoded(lua_State *L, wippy_slice value);

/* Is the value at `index` a Payload? Raises nothing. */
WIPPYLI_FN bool wippyli_is_payload(lua_State *L, int index);

/* Push what the Payload at `index` holds. The result is the same value each time. */
WIPPYLI_FN void wippyli_payload_value(lua_State *L, int index);
WIPPYLI_FN wippyli_format wippyli_payload_format(lua_State *L, int index);

/* Methods get_format, data, unmarshal are here; transcode(self, format) asks the function which the
   payload module put into the bridge's hooks (process.h): it pushes a Payload, or nil and an error. */
WIPPYLI_FN lua_CFunction wippyli_transcode_hook(lua_State *L); /* body in process.c */

#endif /* WIPPYLI_LVALUE_H */
