/* ========================================================================== >>lua/errors
   Error objects, the `errors` module, and how C code of the bridge makes and reads errors.

   An error object is userdata: kind, message, retryable, details, the context given by errors.wrap(),
   and up to 16 {source, line} places. Nothing is formatted before somebody asks. Details are kept as
   the Lua value they are. Two objects are equal only if they are the same. One that came from another
   process has the text of its stack there instead of places, if the sender knew it.

   A raised string stays a string inside the process; wippyli_error_from_raised() makes an error object
   of it where it leaves. The position that error() put in front is taken off only if it is known to be
   one: recorded by wippyli_error_record(), or the place at which the dead thread stands.

   kind is one of the texts of wippy_result_kind(), "" (unknown), or any other text.
   retryable is -1 (unknown), 0 or 1.
   Holds: in the registry of a state the metatable, the names of sources seen and the last position.
   Locks: none.  Allocates: Lua objects, in every function that does not say "runs no Lua". */
#ifndef WIPPYLI_ERRORS_H
#define WIPPYLI_ERRORS_H

#include "sandbox.h"

/* `errors` as a lazy table; a maker for wippyli_entry. */
WIPPYLI_FN int wippyli_errors_open(lua_State *L);

/* ---- making: all push one error object, with the places of the running thread */

WIPPYLI_FN void wippyli_error_push(lua_State *L, const char *kind, const char *message,
                                   int retryable);
/* Formats like lua_pushfstring. */
WIPPYLI_FN void wippyli_error_pushf(lua_State *L, const char *kind, int retryable,
                                    const char *format, ...);
WIPPYLI_FN void wippyli_error_push_slices(lua_State *L, wippy_slice kind, wippy_slice message,
                                          int retryable);

/* As wippyli_error_push_slices, for an error that comes from elsewhere: with room for its stack. */
WIPPYLI_FN void wippyli_error_push_received(lua_State *L, wippy_slice kind, wippy_slice message,
                                            int retryable);

/* The string on top, which is popped, is the stack of the error object at `index`, just made by the
   above: its places are forgotten. Another type changes nothing. */
WIPPYLI_FN void wippyli_error_set_stack(lua_State *L, int index);

/* The same for what was wrapped around it (wippyli_error_wrap) before it came. */
WIPPYLI_FN void wippyli_error_set_context(lua_State *L, int index);

/* The value on top, which is popped, becomes the details of the error object at `index`; an empty
   table becomes nil. Only for objects just made. */
WIPPYLI_FN void wippyli_error_set_details(lua_State *L, int index);

/* Push a copy of the error object at `index` whose text begins with "context: ". */
WIPPYLI_FN void wippyli_error_wrap(lua_State *L, int index, const char *context, size_t size);

/* Push nil and an error object, retryable false; answers 2: `return wippyli_fail(L, ...)`.
   Formats like lua_pushfstring. */
WIPPYLI_FN int wippyli_fail(lua_State *L, const char *kind, const char *format, ...);

/* ---- raised values */

/* Note that the string at `index` is a position ("name:line: ") put in front of a raised text. */
WIPPYLI_FN void wippyli_error_record(lua_State *L, int index);

/* Push an error object for the raised value at `index`: error objects are pushed as they are, anything
   else becomes kind Internal with its text as message. `thread` is where it was raised, if its frames
   are still there (a coroutine that ended with an error), else NULL. Runs no Lua code of the user. */
WIPPYLI_FN void wippyli_error_from_raised(lua_State *L, int index, lua_State *thread);

/* How many bytes at the front of the raised string at `index` are a position: that of the frames in which
   the dead `thread` stands, or one recorded. Runs no Lua, allocates and raises nothing; needs 2 stack
   slots. */
WIPPYLI_FN size_t wippyli_error_position_of(lua_State *L, int index, lua_State *thread);

/* ---- stacks as text, for errors that leave the process: whole lines, as many as fit into `capacity`
   bytes. Answer the size, 0 = nothing is known. Run no Lua, allocate and raise nothing; need 2 stack
   slots. */

#define WIPPYLI_ERROR_STACK_BYTES 1024 /* of stacks that leave a process */

/* The text of stack() of the error object at `index`. */
WIPPYLI_FN size_t wippyli_error_stack_text(lua_State *L, int index, char *text, size_t capacity);

/* The same for a value raised in the dead `thread`. origin: the position ("name:line: ") that was taken
   off its front; a line of its own if the thread does not stand there. */
WIPPYLI_FN size_t wippyli_error_thread_text(lua_State *thread, wippy_slice origin, char *text,
                                            size_t capacity);

/* ---- reading */

typedef struct wippyli_error_view {
    wippy_slice kind;
    wippy_slice message;
    wippy_slice context; /* of errors.wrap; size 0 = none */
    int retryable;
    bool has_details;
} wippyli_error_view;

/* Runs no Lua, raises nothing; needs 2 stack slots. */
WIPPYLI_FN bool wippyli_is_error(lua_State *L, int index);

/* Fill the view of the error object at `index`; its texts live as long as the object. Runs no Lua,
   raises nothing; needs 2 stack slots. False: not an error object. */
WIPPYLI_FN bool wippyli_error_look(lua_State *L, int index, wippyli_error_view *view);

/* Push the details. False: none, nothing pushed. Runs no Lua, raises nothing. */
WIPPYLI_FN bool wippyli_error_push_details(lua_State *L, int index);

/* Push the text that tostring() gives, "context: message". */
WIPPYLI_FN void wippyli_error_push_text(lua_State *L, int index);

/* Push the text of stack(): never empty. */
WIPPYLI_FN void wippyli_error_push_stack(lua_State *L, int index);

/* Like luaL_checklstring for the subject of a string function: an error object stands for its text,
   which then takes its place on the stack. */
WIPPYLI_FN const char *wippyli_check_subject(lua_State *L, int index, size_t *size);

/* Room for `count` more values, as luaL_checkstack(); but its error says so where memory is what is short: a
   limit of memory ends the growth of the stack long before the stack's own. */
WIPPYLI_FN void wippyli_stack_room(lua_State *L, int count, const char *what);

#endif /* WIPPYLI_ERRORS_H */
