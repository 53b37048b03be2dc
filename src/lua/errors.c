/* ========================================================================== >>lua/errors.c */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIPPYLI_ERROR_FRAMES 16
#define WIPPYLI_ERROR_LEVELS 64 /* of the call stack looked at for them; C functions are left out */

/* User values. Most errors have the first two only, received ones the first four. */
enum {
    WIPPYLI_ERROR_MESSAGE = 1,
    WIPPYLI_ERROR_DETAILS,
    WIPPYLI_ERROR_PLAIN_VALUES = WIPPYLI_ERROR_DETAILS,
    WIPPYLI_ERROR_STACK, /* string: where it happened in the process that sent it */
    WIPPYLI_ERROR_CONTEXT, /* string or nil */
    WIPPYLI_ERROR_RECEIVED_VALUES = WIPPYLI_ERROR_CONTEXT,
    WIPPYLI_ERROR_KIND,    /* string when the kind is none of the list */
    WIPPYLI_ERROR_ORIGIN,  /* "name:line: " taken off the message, when no frame says the same */
    WIPPYLI_ERROR_ALL_VALUES = WIPPYLI_ERROR_ORIGIN
};

typedef struct wippyli_error_frame {
    uint32_t source; /* place in the table of sources */
    uint32_t line;
    uint32_t defined; /* first line of the function, 0 = main chunk */
} wippyli_error_frame;

typedef struct wippyli_error {
    const void *identity; /* &wippyli_error_identity: what tells it from other userdata */
    uint8_t kind;         /* place in the list, or WIPPYLI_ERROR_OTHER_KIND */
    int8_t retryable;
    uint8_t frame_count;
    uint8_t value_count;
    /* frame_count frames follow */
} wippyli_error;

/* Keys in the registry. */
static const char wippyli_error_identity = 0; /* the metatable */
static const char wippyli_error_sources = 0;  /* {[1] = name, [name] = 1, ...} */
static const char wippyli_error_position = 0; /* the last position recorded */

#define WIPPYLI_ERROR_OTHER_KIND 255

static const char *const wippyli_error_kinds[] = {
    "NotFound",    "AlreadyExists", "Invalid",  "PermissionDenied",
    "Unavailable", "Internal",      "Canceled", "Conflict",
    "Timeout",     "RateLimited",   ""};

static void wippyli_error_metatable(lua_State *L);

/* ------------------------------------------------------------------ reading */

static const wippyli_error *wippyli_error_test(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) < sizeof(wippyli_error)) {
        return NULL;
    }
    const wippyli_error *error = (const wippyli_error *)lua_touserdata(L, index);
    return error->identity == &wippyli_error_identity ? error : NULL;
}

static const wippyli_error *wippyli_error_check(lua_State *L, int index)
{
    const wippyli_error *error = wippyli_error_test(L, index);
    if (!error) {
        luaL_typeerror(L, index, "error");
    }
    return error;
}

static const wippyli_error_frame *wippyli_error_frames(const wippyli_error *error)
{
    return (const wippyli_error_frame *)(const void *)(error + 1);
}

/* A string among the user values: the object keeps it alive, so it may leave the stack. */
static wippy_slice wippyli_error_value(lua_State *L, int index, int value)
{
    wippy_slice slice = {"", 0};
    if (lua_getiuservalue(L, index, value) == LUA_TSTRING) {
        slice.data = lua_tolstring(L, -1, &slice.size);
    }
    lua_pop(L, 1);
    return slice;
}

static wippy_slice wippyli_error_kind(lua_State *L, int index, const wippyli_error *error)
{
    if (error->kind == WIPPYLI_ERROR_OTHER_KIND) {
        return wippyli_error_value(L, index, WIPPYLI_ERROR_KIND);
    }
    wippy_slice slice;
    slice.data = wippyli_error_kinds[error->kind];
    slice.size = strlen(slice.data);
    return slice;
}

WIPPYLI_FN bool wippyli_is_error(lua_State *L, int index)
{
    return wippyli_error_test(L, index) != NULL;
}

WIPPYLI_FN bool wippyli_error_look(lua_State *L, int index, wippyli_error_view *view)
{
    const wippyli_error *error = wippyli_error_test(L, index);
    if (!error) {
        return false;
    }
    view->kind = wippyli_error_kind(L, index, error);
    view->message = wippyli_error_value(L, index, WIPPYLI_ERROR_MESSAGE);
    view->context = wippyli_error_value(L, index, WIPPYLI_ERROR_CONTEXT);
    view->retryable = error->retryable;
    view->has_details = lua_getiuservalue(L, index, WIPPYLI_ERROR_DETAILS) > LUA_TNIL;
    lua_pop(L, 1);
    return true;
}

WIPPYLI_FN bool wippyli_error_push_details(lua_State *L, int index)
{
    if (!wippyli_error_test(L, index)) {
        return false;
    }
    if (lua_getiuservalue(L, index, WIPPYLI_ERROR_DETAILS) > LUA_TNIL) {
        return true;
    }
    lua_pop(L, 1);
    return false;
}

WIPPYLI_FN void wippyli_error_push_text(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    bool wrapped = lua_getiuservalue(L, index, WIPPYLI_ERROR_CONTEXT) == LUA_TSTRING;
    if (wrapped) {
        lua_pushliteral(L, ": ");
        lua_getiuservalue(L, index, WIPPYLI_ERROR_MESSAGE);
        lua_concat(L, 3);
        return;
    }
    lua_pop(L, 1);
    lua_getiuservalue(L, index, WIPPYLI_ERROR_MESSAGE);
}

WIPPYLI_FN const char *wippyli_check_subject(lua_State *L, int index, size_t *size)
{
    if (lua_type(L, index) == LUA_TUSERDATA && wippyli_is_error(L, index)) {
        wippyli_error_push_text(L, index);
        lua_replace(L, index);
    }
    return luaL_checklstring(L, index, size);
}

/* ------------------------------------------------------------------ places */

/* Number of a source name. Lua has no way to load more code at run time, so there are few. */
static uint32_t wippyli_error_source(lua_State *L, const char *name)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_error_sources) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 1, 1);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &wippyli_error_sources);
    }
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_Integer number = 0;
    if (lua_rawget(L, -3) == LUA_TNUMBER) {
        number = lua_tointeger(L, -1);
    } else {
        number = (lua_Integer)lua_rawlen(L, -3) + 1;
        lua_pushvalue(L, -2);
        lua_rawseti(L, -4, number);
        lua_pushvalue(L, -2);
        lua_pushinteger(L, number);
        lua_rawset(L, -5);
    }
    lua_pop(L, 3);
    return (uint32_t)number;
}

static uint32_t wippyli_error_capture(lua_State *L, lua_State *thread, wippyli_error_frame *frames)
{
    uint32_t count = 0;
    const char *last = NULL;
    uint32_t last_source = 0;
    lua_Debug ar;
    for (int level = 0; level < WIPPYLI_ERROR_LEVELS && count < WIPPYLI_ERROR_FRAMES; level++) {
        if (!lua_getstack(thread, level, &ar)) {
            break;
        }
        lua_getinfo(thread, "Sl", &ar);
        if (ar.currentline <= 0) {
            continue;
        }
        if (ar.source != last) {
            last = ar.source;
            last_source = wippyli_error_source(L, ar.short_src);
        }
        frames[count].source = last_source;
        frames[count].line = (uint32_t)ar.currentline;
        frames[count].defined = (uint32_t)(ar.linedefined > 0 ? ar.linedefined : 0);
        count++;
    }
    return count;
}

/* Push the name of the source of a frame. */
static const char *wippyli_error_push_source(lua_State *L, uint32_t source)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_error_sources);
    lua_rawgeti(L, -1, (lua_Integer)source);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* Push "function <name:line>" or "main chunk". */
static const char *wippyli_error_push_function(lua_State *L, const char *source, uint32_t defined)
{
    if (defined == 0) {
        return lua_pushliteral(L, "main chunk");
    }
    return lua_pushfstring(L, "function <%s:%d>", source, (int)defined);
}

/* ------------------------------------------------------------------ stacks as text */

#define WIPPYLI_STACK_HEAD "stack traceback:"
#define WIPPYLI_STACK_ROOM 4096 /* for the head, an origin and all places */

typedef struct wippyli_stack_text {
    char *text;
    size_t size;
    size_t capacity;
} wippyli_stack_text;

/* Add a line, or nothing more once one did not fit. */
static void wippyli_stack_add(wippyli_stack_text *stack, const char *line, size_t size)
{
    if (size > stack->capacity - stack->size) {
        stack->capacity = stack->size;
        return;
    }
    memcpy(stack->text + stack->size, line, size);
    stack->size += size;
}

static void wippyli_stack_begin(wippyli_stack_text *stack, char *text, size_t capacity)
{
    stack->text = text;
    stack->size = 0;
    stack->capacity = capacity;
    wippyli_stack_add(stack, WIPPYLI_STACK_HEAD, sizeof(WIPPYLI_STACK_HEAD) - 1);
}

/* A head alone says nothing. */
static size_t wippyli_stack_size(const wippyli_stack_text *stack)
{
    return stack->size > sizeof(WIPPYLI_STACK_HEAD) - 1 ? stack->size : 0;
}

static void wippyli_stack_origin(wippyli_stack_text *stack, wippy_slice origin)
{
    char line[LUA_IDSIZE + 32];
    if (origin.size > 2) { /* without ": " */
        snprintf(line, sizeof(line), "\n\t%.*s", (int)origin.size - 2, origin.data);
        wippyli_stack_add(stack, line, strlen(line));
    }
}

static void wippyli_stack_place(wippyli_stack_text *stack, const char *source, int line,
                                int defined)
{
    char text[2 * LUA_IDSIZE + 64];
    if (defined == 0) {
        snprintf(text, sizeof(text), "\n\t%s:%d: in main chunk", source, line);
    } else {
        snprintf(text, sizeof(text), "\n\t%s:%d: in function <%s:%d>", source, line, source,
                 defined);
    }
    wippyli_stack_add(stack, text, strlen(text));
}

/* A text that came with the error: what fits of it, whole lines. */
static size_t wippyli_stack_copy(wippy_slice from, char *text, size_t capacity)
{
    size_t size = from.size;
    if (size > capacity) {
        size = capacity;
        while (size > 0 && from.data[size] != '\n') {
            size--;
        }
    }
    memcpy(text, from.data, size);
    return size;
}

WIPPYLI_FN size_t wippyli_error_stack_text(lua_State *L, int index, char *text, size_t capacity)
{
    index = lua_absindex(L, index);
    const wippyli_error *error = wippyli_error_test(L, index);
    if (!error) {
        return 0;
    }
    wippy_slice received = wippyli_error_value(L, index, WIPPYLI_ERROR_STACK);
    if (received.size > 0) {
        return wippyli_stack_copy(received, text, capacity);
    }
    wippyli_stack_text stack;
    wippyli_stack_begin(&stack, text, capacity);
    wippyli_stack_origin(&stack, wippyli_error_value(L, index, WIPPYLI_ERROR_ORIGIN));
    for (uint32_t i = 0; i < error->frame_count; i++) {
        const wippyli_error_frame *frame = &wippyli_error_frames(error)[i];
        wippyli_stack_place(&stack, wippyli_error_push_source(L, frame->source), (int)frame->line,
                            (int)frame->defined);
        lua_pop(L, 1);
    }
    return wippyli_stack_size(&stack);
}

WIPPYLI_FN size_t wippyli_error_thread_text(lua_State *thread, wippy_slice origin, char *text,
                                            size_t capacity)
{
    wippyli_stack_text stack;
    bool first = true;
    uint32_t count = 0;
    lua_Debug ar;
    wippyli_stack_begin(&stack, text, capacity);
    for (int level = 0; level < WIPPYLI_ERROR_LEVELS && count < WIPPYLI_ERROR_FRAMES; level++) {
        if (!lua_getstack(thread, level, &ar)) {
            break;
        }
        lua_getinfo(thread, "Sl", &ar);
        if (ar.currentline <= 0) {
            continue;
        }
        if (first) {
            char here[LUA_IDSIZE + 16];
            snprintf(here, sizeof(here), "%s:%d: ", ar.short_src, ar.currentline);
            if (strlen(here) != origin.size || memcmp(here, origin.data, origin.size) != 0) {
                wippyli_stack_origin(&stack, origin);
            }
            first = false;
        }
        wippyli_stack_place(&stack, ar.short_src, ar.currentline,
                            ar.linedefined > 0 ? ar.linedefined : 0);
        count++;
    }
    if (first) {
        wippyli_stack_origin(&stack, origin);
    }
    return wippyli_stack_size(&stack);
}

WIPPYLI_FN void wippyli_error_push_stack(lua_State *L, int index)
{
    char text[WIPPYLI_STACK_ROOM];
    size_t size = wippyli_error_stack_text(L, index, text, sizeof(text));
    if (size > 0) {
        lua_pushlstring(L, text, size);
    } else {
        lua_pushliteral(L, WIPPYLI_STACK_HEAD "\n\t[C]: in ?");
    }
}

/* ------------------------------------------------------------------ making */

static uint8_t wippyli_error_find_kind(const char *kind, size_t size)
{
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_error_kinds); i++) {
        if (strlen(wippyli_error_kinds[i]) == size &&
            memcmp(wippyli_error_kinds[i], kind, size) == 0) {
            return (uint8_t)i;
        }
    }
    return WIPPYLI_ERROR_OTHER_KIND;
}

/* Push an object with frames and without texts; the stack keeps its order. */
static wippyli_error *wippyli_error_new(lua_State *L, uint8_t kind, int retryable, int value_count,
                                        const wippyli_error_frame *frames, uint32_t frame_count)
{
    size_t frame_bytes = frame_count * sizeof(*frames);
    wippyli_error *error =
        (wippyli_error *)lua_newuserdatauv(L, sizeof(*error) + frame_bytes, value_count);
    error->identity = &wippyli_error_identity;
    error->kind = kind;
    error->retryable = (int8_t)(retryable < 0 ? -1 : retryable > 0);
    error->frame_count = (uint8_t)frame_count;
    error->value_count = (uint8_t)value_count;
    if (frame_count > 0) {
        memcpy(error + 1, frames, frame_bytes);
    }
    wippyli_error_metatable(L);
    lua_setmetatable(L, -2);
    return error;
}

/* Push an error object whose message is the string on top, which is popped. value_count: user values,
   unless the kind needs more. */
static void wippyli_error_make_room(lua_State *L, lua_State *thread, const char *kind,
                                    size_t kind_size, int retryable, int value_count)
{
    wippyli_error_frame frames[WIPPYLI_ERROR_FRAMES];
    uint32_t frame_count = wippyli_error_capture(L, thread, frames);
    uint8_t known = wippyli_error_find_kind(kind, kind_size);
    bool other = known == WIPPYLI_ERROR_OTHER_KIND;
    wippyli_error_new(L, known, retryable, other ? WIPPYLI_ERROR_ALL_VALUES : value_count, frames,
                      frame_count);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, WIPPYLI_ERROR_MESSAGE);
    if (other) {
        lua_pushlstring(L, kind, kind_size);
        lua_setiuservalue(L, -2, WIPPYLI_ERROR_KIND);
    }
}

static void wippyli_error_make(lua_State *L, lua_State *thread, const char *kind, size_t kind_size,
                               int retryable)
{
    wippyli_error_make_room(L, thread, kind, kind_size, retryable, WIPPYLI_ERROR_PLAIN_VALUES);
}

WIPPYLI_FN void wippyli_error_push(lua_State *L, const char *kind, const char *message,
                                   int retryable)
{
    lua_pushstring(L, message);
    wippyli_error_make(L, L, kind, strlen(kind), retryable);
}

WIPPYLI_FN void wippyli_error_push_slices(lua_State *L, wippy_slice kind, wippy_slice message,
                                          int retryable)
{
    lua_pushlstring(L, message.data, message.size);
    wippyli_error_make(L, L, kind.data, kind.size, retryable);
}

WIPPYLI_FN void wippyli_error_push_received(lua_State *L, wippy_slice kind, wippy_slice message,
                                            int retryable)
{
    lua_pushlstring(L, message.data, message.size);
    wippyli_error_make_room(L, L, kind.data, kind.size, retryable, WIPPYLI_ERROR_RECEIVED_VALUES);
}

WIPPYLI_FN void wippyli_error_set_stack(lua_State *L, int index)
{
    wippyli_error *error = (wippyli_error *)lua_touserdata(L, index);
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        lua_pop(L, 1);
        return;
    }
    error->frame_count = 0;
    lua_setiuservalue(L, index, WIPPYLI_ERROR_STACK);
}

WIPPYLI_FN void wippyli_error_set_context(lua_State *L, int index)
{
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, WIPPYLI_ERROR_CONTEXT);
}

WIPPYLI_FN void wippyli_error_pushf(lua_State *L, const char *kind, int retryable,
                                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lua_pushvfstring(L, format, args);
    va_end(args);
    wippyli_error_make(L, L, kind, strlen(kind), retryable);
}

WIPPYLI_FN int wippyli_fail(lua_State *L, const char *kind, const char *format, ...)
{
    lua_pushnil(L);
    va_list args;
    va_start(args, format);
    lua_pushvfstring(L, format, args);
    va_end(args);
    wippyli_error_make(L, L, kind, strlen(kind), 0);
    return 2;
}

static bool wippyli_is_empty_table(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE) {
        return false;
    }
    index = lua_absindex(L, index);
    lua_pushnil(L);
    if (!lua_next(L, index)) {
        return true;
    }
    lua_pop(L, 2);
    return false;
}

WIPPYLI_FN void wippyli_error_set_details(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (wippyli_is_empty_table(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_setiuservalue(L, index, WIPPYLI_ERROR_DETAILS);
}

/* Push an object with room for every value: a copy of the one at `index`. */
static void wippyli_error_copy(lua_State *L, int index)
{
    const wippyli_error *from = wippyli_error_test(L, index);
    wippyli_error_new(L, from->kind, from->retryable, WIPPYLI_ERROR_ALL_VALUES,
                      wippyli_error_frames(from), from->frame_count);
    for (int value = 1; value <= from->value_count; value++) {
        lua_getiuservalue(L, index, value);
        lua_setiuservalue(L, -2, value);
    }
}

WIPPYLI_FN void wippyli_error_wrap(lua_State *L, int index, const char *context, size_t size)
{
    index = lua_absindex(L, index);
    wippyli_error_copy(L, index);
    if (size == 0) {
        return;
    }
    lua_pushlstring(L, context, size);
    if (lua_getiuservalue(L, index, WIPPYLI_ERROR_CONTEXT) == LUA_TSTRING) {
        lua_pushliteral(L, ": ");
        lua_insert(L, -2);
        lua_concat(L, 3);
    } else {
        lua_pop(L, 1);
    }
    lua_setiuservalue(L, -2, WIPPYLI_ERROR_CONTEXT);
}

/* ------------------------------------------------------------------ raised values */

WIPPYLI_FN void wippyli_error_record(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &wippyli_error_position);
}

/* Length of the string on top if the one at `index` begins with it, else 0. */
static size_t wippyli_error_match(lua_State *L, int index)
{
    size_t size = 0;
    size_t position_size = 0;
    const char *text = lua_tolstring(L, index, &size);
    const char *position = lua_tolstring(L, -1, &position_size);
    bool same = position_size <= size && memcmp(text, position, position_size) == 0;
    return same ? position_size : 0;
}

/* The places where an error that just ended a thread can have got its position from: the function
   itself, or the one that called a C function. */
static size_t wippyli_error_position_here(lua_State *L, int index, lua_State *thread)
{
    for (int level = 0; level < 2; level++) {
        lua_Debug ar;
        if (!lua_getstack(thread, level, &ar)) {
            return 0;
        }
        lua_getinfo(thread, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            size_t size = wippyli_error_match(L, index);
            lua_pop(L, 1);
            return size;
        }
    }
    return 0;
}

/* How much of the string at `index` is a position. *noted: no frame of the thread says the same. */
static size_t wippyli_error_position_size(lua_State *L, int index, lua_State *thread, bool *noted)
{
    size_t size = thread ? wippyli_error_position_here(L, index, thread) : 0;
    *noted = size == 0;
    if (size == 0) {
        if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_error_position) == LUA_TSTRING) {
            size = wippyli_error_match(L, index);
        }
        lua_pop(L, 1);
    }
    return size;
}

WIPPYLI_FN size_t wippyli_error_position_of(lua_State *L, int index, lua_State *thread)
{
    const char *text = lua_tostring(L, index);
    char position[LUA_IDSIZE + 16];
    lua_Debug ar;
    for (int level = 0; level < 2 && lua_getstack(thread, level, &ar); level++) {
        lua_getinfo(thread, "Sl", &ar);
        if (ar.currentline > 0) {
            snprintf(position, sizeof(position), "%s:%d: ", ar.short_src, ar.currentline);
            size_t length = strlen(position);
            if (strncmp(text, position, length) == 0) {
                return length;
            }
            break;
        }
    }
    size_t size = 0;
    index = lua_absindex(L, index);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_error_position) == LUA_TSTRING) {
        size = wippyli_error_match(L, index);
    }
    lua_pop(L, 1);
    return size;
}

static void wippyli_error_from_string(lua_State *L, int index, lua_State *thread)
{
    bool noted = false;
    size_t position = wippyli_error_position_size(L, index, thread, &noted);
    size_t size = 0;
    const char *text = lua_tolstring(L, index, &size);
    lua_pushlstring(L, text + position, size - position);
    wippyli_error_make(L, thread ? thread : L, "Internal", 8, -1);
    if (position > 0 && noted) {
        wippyli_error_copy(L, lua_gettop(L)); /* with room for it */
        lua_remove(L, -2);
        lua_pushlstring(L, text, position);
        lua_setiuservalue(L, -2, WIPPYLI_ERROR_ORIGIN);
    }
}

/* Push the text of a raised value that is neither string nor error object; its `message`, if it is a
   table that has one. */
static void wippyli_error_push_raised_text(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TTABLE) {
        lua_pushliteral(L, "message");
        if (lua_rawget(L, index) == LUA_TSTRING) {
            return;
        }
        lua_pop(L, 1);
    }
    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        lua_tostring(L, -1);
        return;
    }
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
}

WIPPYLI_FN void wippyli_error_from_raised(lua_State *L, int index, lua_State *thread)
{
    index = lua_absindex(L, index);
    if (wippyli_is_error(L, index)) {
        lua_pushvalue(L, index);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        wippyli_error_from_string(L, index, thread);
    } else {
        wippyli_error_push_raised_text(L, index);
        wippyli_error_make(L, thread ? thread : L, "Internal", 8, -1);
    }
}

/* ------------------------------------------------------------------ methods */

static int wippyli_error_method_message(lua_State *L)
{
    wippyli_error_check(L, 1);
    lua_getiuservalue(L, 1, WIPPYLI_ERROR_MESSAGE);
    return 1;
}

static int wippyli_error_method_kind(lua_State *L)
{
    wippy_slice kind = wippyli_error_kind(L, 1, wippyli_error_check(L, 1));
    lua_pushlstring(L, kind.data, kind.size);
    return 1;
}

static int wippyli_error_method_retryable(lua_State *L)
{
    const wippyli_error *error = wippyli_error_check(L, 1);
    if (error->retryable < 0) {
        lua_pushnil(L);
    } else {
        lua_pushboolean(L, error->retryable);
    }
    return 1;
}

static int wippyli_error_method_details(lua_State *L)
{
    wippyli_error_check(L, 1);
    lua_getiuservalue(L, 1, WIPPYLI_ERROR_DETAILS);
    return 1;
}

static int wippyli_error_method_stack(lua_State *L)
{
    wippyli_error_check(L, 1);
    wippyli_error_push_stack(L, 1);
    return 1;
}

static int wippyli_error_tostring(lua_State *L)
{
    wippyli_error_check(L, 1);
    wippyli_error_push_text(L, 1);
    return 1;
}

/* Push an operand of `..` as a string. */
static void wippyli_error_operand(lua_State *L, int index)
{
    if (wippyli_is_error(L, index)) {
        wippyli_error_push_text(L, index);
        return;
    }
    if (!lua_isstring(L, index)) {
        luaL_error(L, "attempt to concatenate a %s value", luaL_typename(L, index));
    }
    lua_pushvalue(L, index);
}

static int wippyli_error_concat(lua_State *L)
{
    lua_settop(L, 2);
    wippyli_error_operand(L, 1);
    wippyli_error_operand(L, 2);
    lua_concat(L, 2);
    return 1;
}

static const wippyli_entry wippyli_error_methods[] = {
    {"details", wippyli_error_method_details, 0, NULL},
    {"kind", wippyli_error_method_kind, 0, NULL},
    {"message", wippyli_error_method_message, 0, NULL},
    {"retryable", wippyli_error_method_retryable, 0, NULL},
    {"stack", wippyli_error_method_stack, 0, NULL},
};

static const wippyli_library wippyli_error_library = {
    "error", wippyli_error_methods, WIPPYLI_COUNT(wippyli_error_methods), NULL, NULL};

/* Push the metatable. Scripts cannot reach it, and __index is not the metatable itself. */
static void wippyli_error_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_error_identity) == LUA_TTABLE) {
        return;
    }
    lua_pop(L, 1);
    lua_createtable(L, 0, 4);
    wippyli_library_push_cache(L, &wippyli_error_library);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, wippyli_error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, wippyli_error_concat);
    lua_setfield(L, -2, "__concat");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &wippyli_error_identity);
}

/* ------------------------------------------------------------------ the module */

/* Push field `name` of the table at 1 as a string, "" when it is absent. */
static wippy_slice wippyli_errors_text_field(lua_State *L, const char *name)
{
    int type = lua_getfield(L, 1, name);
    if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TNUMBER) {
        luaL_error(L, "bad field '%s' (string expected, got %s)", name, luaL_typename(L, -1));
    }
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushliteral(L, "");
    }
    wippy_slice text;
    text.data = lua_tolstring(L, -1, &text.size);
    return text;
}

static int wippyli_errors_new_from_table(lua_State *L)
{
    wippy_slice kind = wippyli_errors_text_field(L, "kind");
    int type = lua_getfield(L, 1, "retryable");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        return luaL_error(L, "bad field 'retryable' (boolean expected, got %s)",
                          luaL_typename(L, -1));
    }
    int retryable = type == LUA_TNIL ? -1 : lua_toboolean(L, -1);
    lua_getfield(L, 1, "details");
    wippyli_errors_text_field(L, "message");
    wippyli_error_make(L, L, kind.data, kind.size, retryable);
    lua_insert(L, -2);
    wippyli_error_set_details(L, -2);
    return 1;
}

static int wippyli_errors_new(lua_State *L)
{
    int type = lua_type(L, 1);
    if (type == LUA_TTABLE) {
        lua_settop(L, 1);
        return wippyli_errors_new_from_table(L);
    }
    if (type != LUA_TSTRING && type != LUA_TNUMBER) {
        return luaL_typeerror(L, 1, "string or table");
    }
    lua_settop(L, 1);
    lua_tostring(L, 1);
    wippyli_error_make(L, L, "", 0, -1);
    return 1;
}

static int wippyli_errors_wrap(lua_State *L)
{
    size_t size = 0;
    const char *context = "";
    if (!lua_isnoneornil(L, 2)) {
        context = wippyli_check_subject(L, 2, &size);
    }
    if (!wippyli_is_error(L, 1)) {
        if (!lua_isstring(L, 1)) {
            return luaL_typeerror(L, 1, "error or string");
        }
        lua_pushvalue(L, 1);
        lua_tostring(L, -1);
        wippyli_error_make(L, L, "", 0, -1);
        lua_replace(L, 1);
    }
    wippyli_error_wrap(L, 1, context, size);
    return 1;
}

static int wippyli_errors_is(lua_State *L)
{
    size_t size = 0;
    const wippyli_error *error = wippyli_error_test(L, 1);
    const char *wanted = luaL_checklstring(L, 2, &size);
    if (!error) {
        lua_pushboolean(L, 0);
        return 1;
    }
    wippy_slice kind = wippyli_error_kind(L, 1, error);
    lua_pushboolean(L, kind.size == size && memcmp(kind.data, wanted, size) == 0);
    return 1;
}

static void wippyli_errors_push_frame(lua_State *L, const wippyli_error_frame *frame)
{
    lua_createtable(L, 0, 3);
    const char *source = wippyli_error_push_source(L, frame->source);
    wippyli_error_push_function(L, source, frame->defined);
    lua_setfield(L, -3, "name");
    lua_setfield(L, -2, "source");
    lua_pushinteger(L, (lua_Integer)frame->line);
    lua_setfield(L, -2, "line");
}

/* The part of [from, to) in front of `mark`; all of it when that is not there. */
static const char *wippyli_text_before(const char *from, const char *to, const char *mark)
{
    size_t size = strlen(mark);
    for (const char *at = from; (size_t)(to - at) >= size; at++) {
        if (memcmp(at, mark, size) == 0) {
            return at;
        }
    }
    return to;
}

/* Push the frame that a line "source:number: in name" tells. False: it tells none. */
static bool wippyli_errors_push_line(lua_State *L, const char *from, const char *to)
{
    const char *end = wippyli_text_before(from, to, ": in ");
    const char *digits = end;
    lua_Integer number = 0;
    while (digits > from && digits[-1] >= '0' && digits[-1] <= '9') {
        digits--;
    }
    if (digits - from < 2 || digits[-1] != ':' || end == digits || end - digits > 9) {
        return false;
    }
    for (const char *at = digits; at < end; at++) {
        number = number * 10 + (*at - '0');
    }
    lua_createtable(L, 0, 3);
    lua_pushlstring(L, from, (size_t)(digits - 1 - from));
    lua_setfield(L, -2, "source");
    lua_pushinteger(L, number);
    lua_setfield(L, -2, "line");
    if (end < to) {
        lua_pushlstring(L, end + 5, (size_t)(to - end - 5));
    } else {
        lua_pushliteral(L, "?");
    }
    lua_setfield(L, -2, "name");
    return true;
}

/* Frames of a stack that came with the error as text, into the table on top. What is no place in it, its
   head too, is passed over. */
static void wippyli_errors_push_received(lua_State *L, wippy_slice stack)
{
    const char *end = stack.data + stack.size;
    lua_Integer count = 0;
    for (const char *line = stack.data; line < end && count < WIPPYLI_ERROR_FRAMES;) {
        const char *next = wippyli_text_before(line, end, "\n");
        if (*line == '\t' && wippyli_errors_push_line(L, line + 1, next)) {
            lua_rawseti(L, -2, ++count);
        }
        line = next < end ? next + 1 : end;
    }
}

static int wippyli_errors_call_stack(lua_State *L)
{
    const wippyli_error *error = wippyli_error_test(L, 1);
    if (!error) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 2);
    lua_pushstring(L, lua_pushthread(L) ? "main" : "coroutine");
    lua_setfield(L, -3, "thread");
    lua_pop(L, 1);
    lua_createtable(L, error->frame_count, 0);
    for (uint32_t i = 0; i < error->frame_count; i++) {
        wippyli_errors_push_frame(L, &wippyli_error_frames(error)[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    wippy_slice received = wippyli_error_value(L, 1, WIPPYLI_ERROR_STACK);
    if (received.size > 0) {
        wippyli_errors_push_received(L, received);
    }
    lua_setfield(L, -2, "frames");
    return 1;
}

static const wippyli_entry wippyli_errors_entries[] = {
    {"ALREADY_EXISTS", NULL, 0, "AlreadyExists"},
    {"CANCELED", NULL, 0, "Canceled"},
    {"CONFLICT", NULL, 0, "Conflict"},
    {"INTERNAL", NULL, 0, "Internal"},
    {"INVALID", NULL, 0, "Invalid"},
    {"NOT_FOUND", NULL, 0, "NotFound"},
    {"PERMISSION_DENIED", NULL, 0, "PermissionDenied"},
    {"RATE_LIMITED", NULL, 0, "RateLimited"},
    {"TIMEOUT", NULL, 0, "Timeout"},
    {"UNAVAILABLE", NULL, 0, "Unavailable"},
    {"UNKNOWN", NULL, 0, ""},
    {"call_stack", wippyli_errors_call_stack, 0, NULL},
    {"is", wippyli_errors_is, 0, NULL},
    {"new", wippyli_errors_new, 0, NULL},
    {"wrap", wippyli_errors_wrap, 0, NULL},
};

static const wippyli_library wippyli_errors_library = {
    "errors", wippyli_errors_entries, WIPPYLI_COUNT(wippyli_errors_entries), NULL, NULL};

WIPPYLI_FN int wippyli_errors_open(lua_State *L)
{
    wippyli_library_push(L, &wippyli_errors_library);
    return 1;
}

WIPPYLI_FN void wippyli_stack_room(lua_State *L, int count, const char *what)
{
    /* A stack at its limit takes so much of the state; Lua does not say which of the two was short. */
    const int full_kilobytes = (int)(LUAI_MAXSTACK / 1024 * sizeof(lua_Number));
    if (lua_checkstack(L, count)) {
        return;
    }
    if (lua_gc(L, LUA_GCCOUNT) < full_kilobytes) {
        luaL_error(L, "not enough memory");
    }
    luaL_error(L, "stack overflow (%s)", what);
}

#undef WIPPYLI_STACK_HEAD
#undef WIPPYLI_STACK_ROOM
#undef WIPPYLI_ERROR_FRAMES
#undef WIPPYLI_ERROR_LEVELS
#undef WIPPYLI_ERROR_OTHER_KIND
