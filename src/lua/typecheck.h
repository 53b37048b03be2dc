/* ========================================================================== >>lua/typecheck
   Does a Lua value have a declared type? What stands behind `Type(v)` and `Type:is(v)`.
   Names are looked up among the aliases of the same source; a name that is not there (a type of
   another module) accepts everything, as gradual typing asks.
   Call: from a C function called by Lua, under its protection (looking up fields may need memory).
   Runs no Lua code: tables are read raw.  Locks: none.  Allocates: nothing of its own.
   Limits: WIPPYLI_CHECK_DEPTH levels of value and type together (a list linked by `next: T?` counts
   three a link), cycles count once; WIPPYLI_CHECK_STEPS parts are looked at, then the check fails. */
#ifndef WIPPYLI_TYPECHECK_H
#define WIPPYLI_TYPECHECK_H

#include "stock.h"
#include "typetree.h"

#define WIPPYLI_CHECK_DEPTH 200
#define WIPPYLI_CHECK_STEPS 10000000

/* How a rule @pattern(p) is answered: 1 when p is found in the text, 0 when not, -1 when p is not a
   valid pattern. */
typedef int (*wippyli_pattern_fn)(lua_State *L, const char *pattern, size_t pattern_size,
                                  const char *text, size_t text_size);

/* One type of one source. Points into the table, which must outlive it. */
typedef struct wippyli_descriptor {
    const unsigned char *types;
    size_t types_size;
    wippyli_alias alias;
    wippyli_pattern_fn pattern; /* NULL: a value with such a rule is refused */
} wippyli_descriptor;

/* The alias of that name in a table of lua/erase; pattern is NULL then. */
WIPPYLI_FN bool wippyli_descriptor_find(const unsigned char *types, size_t types_size,
                                        const char *name, size_t name_size,
                                        wippyli_descriptor *out);

/* Has the value at `index` the type? If not, `error` says where and why:
       missing field 'name' (expected string)
       jobs[3].id: expected integer, got string
       age: value -1 is less than min 0
       name: length 2 is less than min_len 3
       mail: value does not match pattern "@"
   Integers are accepted where `number` is asked, floats without a fraction where `integer` is; fields
   that a record does not name are ignored. The Lua stack is as before.
   error: may be NULL when error_size is 0. */
WIPPYLI_FN bool wippyli_type_check(lua_State *L, int index, const wippyli_descriptor *type,
                                   char *error, size_t error_size);

#endif /* WIPPYLI_TYPECHECK_H */
