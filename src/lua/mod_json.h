/* ========================================================================== >>lua/mod_json
   The module `json`: text from values and back, and checking values against a schema.

   Encoding reads tables raw, so it runs no Lua code; keys are sorted. The text grows in a userdata.
   Decoding is strict and keeps its levels in a fixed array. Both have depth limits.
   Of a schema these words count: type properties required additionalProperties (false only) items enum
   minimum maximum minLength maxLength minItems maxItems; others are passed over. A nil is null, and an
   empty table is an object as well as an array.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_MOD_JSON_H
#define WIPPYLI_MOD_JSON_H

#include "errors.h"

#define WIPPYLI_JSON_ENCODE_DEPTH 128
#define WIPPYLI_JSON_DECODE_DEPTH 200

WIPPYLI_FN const wippyli_library *wippyli_json_module(void);

/* Push the text of the value at `index`; or nil and an error object. Answers how many were pushed. */
WIPPYLI_FN int wippyli_json_encode(lua_State *L, int index);

/* Push the value of a text, which must stay where it is; or nil and an error object. Answers how many
   were pushed. */
WIPPYLI_FN int wippyli_json_decode(lua_State *L, const char *text, size_t size);

#endif /* WIPPYLI_MOD_JSON_H */
