/* ========================================================================== >>lua/mod_logger
   The module `logger`, and where print() goes.

   A logger is userdata: a dotted name and fields for every line. A line becomes one record of
   wippy_log(): its fields are pid and location (name and line of the caller), then those of the
   logger and of the call, sorted. With error() the field `error` comes first, as text.
   Holds: no state.  Locks: none.  Allocates: Lua objects; while a line is written, a writer. */
#ifndef WIPPYLI_MOD_LOGGER_H
#define WIPPYLI_MOD_LOGGER_H

#include "process.h"

WIPPYLI_FN const wippyli_library *wippyli_logger_module(void);

/* print of a sandbox: a line at level INFO; bare text on stdout when nobody takes log lines. */
WIPPYLI_FN void wippyli_logger_print(lua_State *L, const char *text, size_t size, void *user_data);

#endif /* WIPPYLI_MOD_LOGGER_H */
