/* ========================================================================== >>lua/erase
   From gradually typed Lua to plain Lua 5.4 of the same length.
   Types are blanked, so every line and every column of the code stays where it was; strings,
   comments and plain sources pass byte for byte. Aliases (`type Name = ...`) are returned as a
   table (see lua/typetree), for the checks at run time.
   Thread: any; two calls share nothing.  Locks: none.
   Allocates: through the given pair; the text only when something was erased.
   Limits: types nest up to WIPPYLI_TYPE_DEPTH; no recursion over the code itself.

   Two places where plain Lua and typed Lua would collide, and what happens there:
   - A `;` is left in the blanks of a cast or an alias when the next line opens with `(`: erased
     text would otherwise turn two statements into a call.
   - `x as {T}`, `x as (T)`, `x as "T"` outside brackets could also be two statements, the second a
     call of a function named `as`. They are casts unless nothing stands between `as` and the
     bracket, or the source uses `as` as a name somewhere. */
#ifndef WIPPYLI_ERASE_H
#define WIPPYLI_ERASE_H

#include "config.h"

typedef struct wippyli_erased {
    char *text; /* NULL when nothing was to erase: the source itself is plain */
    size_t size;
    unsigned char *types; /* table of the aliases; NULL when the source has none */
    size_t types_size;
    size_t types_capacity; /* bytes of the block behind `types` */
} wippyli_erased;

/* Erase the types of `source`.

   chunk    name for messages, such as "app:main"; without Lua's leading '='
   source   `size` bytes, not NULL when size > 0, need not end with 0
   out      written on success only; release it with wippyli_erased_release()
   diag     may be NULL; message "app:main:3: unexpected ')' in type", line, column, file

   Only types are judged. Whatever else is wrong with the source passes through untouched, so that
   Lua itself reports it, on the right line.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_erase(const wippyli_mem *mem, const char *chunk, const char *source,
                                      size_t size, wippyli_erased *out, wippy_diag *diag);

WIPPYLI_FN void wippyli_erased_release(const wippyli_mem *mem, wippyli_erased *erased);

#endif /* WIPPYLI_ERASE_H */
