/* ========================================================================== >>lua/mod_logger.c */
#include "mod_logger.h"
#include "errors.h"
#include "lib_string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* User values: 1 its fields, a table of string keys, or nil; 2 its name, or nil. */
typedef struct wippyli_logger {
    uint64_t unused_;
} wippyli_logger;

/* One field of a line. Its value stands in the list at `at`. */
typedef struct wippyli_logger_field {
    wippy_slice key; /* the table it comes from keeps it */
    lua_Integer at;
    bool first;
} wippyli_logger_field;

/* Stack indices of what a line is made from; 0 = none. */
typedef struct wippyli_logger_line {
    wippy_log_level level;
    const char *name;
    const char *message;
    int own;  /* fields of the logger */
    int call; /* fields of the call */
    int list; /* values of the fields */
    wippyli_logger_field *fields;
    size_t count;
} wippyli_logger_line;

static const wippyli_class *wippyli_logger_class(void);

static bool wippyli_logger_wanted(lua_State *L, wippy_log_level level)
{
    const wippy_desc *desc = wippy_runtime_desc(wippyli_runtime(wippyli_process_of(L)));
    return desc->log_fn && level >= desc->log_level;
}

/* ------------------------------------------------------------------ gathering: may raise */

static size_t wippyli_logger_count(lua_State *L, int index)
{
    size_t count = 0;
    if (index == 0) {
        return 0;
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        count += lua_type(L, -2) == LUA_TSTRING ? 1u : 0u;
    }
    return count;
}

/* Push what a line shows of the value on top. False: nothing, and nothing is pushed. */
static bool wippyli_logger_push_shown(lua_State *L, bool as_text)
{
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
    case LUA_TTABLE: lua_pushvalue(L, -1); return true;
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
        if (as_text) {
            wippyli_tostring(L, -1, NULL);
        } else {
            lua_pushvalue(L, -1);
        }
        return true;
    case LUA_TUSERDATA:
        if (wippyli_is_payload(L, -1)) {
            lua_pushvalue(L, -1);
        } else {
            wippyli_tostring(L, -1, NULL);
        }
        return true;
    default: return false;
    }
}

/* Take the pair on top, key and value, into the line. */
static void wippyli_logger_add(lua_State *L, wippyli_logger_line *line)
{
    wippyli_logger_field *field = &line->fields[line->count];
    field->key.data = lua_tolstring(L, -2, &field->key.size);
    field->first = line->level == WIPPY_LOG_ERROR && strcmp(field->key.data, "error") == 0;
    if (wippyli_logger_push_shown(L, field->first)) {
        field->at = (lua_Integer)++line->count;
        lua_rawseti(L, line->list, field->at);
    }
}

/* The logger's fields, without those that the call gives anew. */
static void wippyli_logger_add_own(lua_State *L, wippyli_logger_line *line)
{
    for (lua_pushnil(L); lua_next(L, line->own); lua_pop(L, 1)) {
        bool given = false;
        if (line->call != 0) {
            lua_pushvalue(L, -2);
            given = lua_rawget(L, line->call) != LUA_TNIL;
            lua_pop(L, 1);
        }
        if (!given) {
            wippyli_logger_add(L, line);
        }
    }
}

static void wippyli_logger_add_call(lua_State *L, wippyli_logger_line *line)
{
    for (lua_pushnil(L); lua_next(L, line->call); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            wippyli_logger_add(L, line);
        }
    }
}

static int wippyli_logger_compare(const void *left, const void *right)
{
    const wippyli_logger_field *a = (const wippyli_logger_field *)left;
    const wippyli_logger_field *b = (const wippyli_logger_field *)right;
    if (a->first != b->first) {
        return a->first ? -1 : 1;
    }
    size_t common = a->key.size < b->key.size ? a->key.size : b->key.size;
    int order = memcmp(a->key.data, b->key.data, common);
    return order != 0 ? order : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

/* Push the list of values and the sorted fields. */
static void wippyli_logger_gather(lua_State *L, wippyli_logger_line *line)
{
    wippyli_stack_room(L, 8, "log fields");
    size_t room = wippyli_logger_count(L, line->own) + wippyli_logger_count(L, line->call);
    if (room == 0) {
        return;
    }
    lua_createtable(L, room < INT32_MAX ? (int)room : INT32_MAX, 0);
    line->list = lua_gettop(L);
    line->fields = (wippyli_logger_field *)lua_newuserdatauv(L, room * sizeof(*line->fields), 0);
    if (line->own != 0) {
        wippyli_logger_add_own(L, line);
    }
    if (line->call != 0) {
        wippyli_logger_add_call(L, line);
    }
    qsort(line->fields, line->count, sizeof(*line->fields), wippyli_logger_compare);
}

/* ------------------------------------------------------------------ writing: raises nothing */

/* "ns:name:line" of the innermost Lua function. */
static void wippyli_logger_write_location(lua_State *L, wippy_writer *writer)
{
    char text[320];
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0) {
            const char *source = ar.source[0] == '=' ? ar.source + 1 : ar.short_src;
            snprintf(text, sizeof(text), "%.256s:%d", source, ar.currentline);
            wippy_write_cstring(writer, "location");
            wippy_write_cstring(writer, text);
            return;
        }
    }
}

/* One that is nested too deep does not spoil the line. */
static void wippyli_logger_write_nested(lua_State *L, wippy_writer *writer)
{
    wippy_writer nested;
    wippy_slice encoded;
    wippy_writer_init(&nested, wippyli_runtime(wippyli_process_of(L)));
    wippy_result result = wippyli_encode(L, lua_gettop(L), 1, &nested);
    if (result == WIPPY_OK) {
        result = wippy_writer_finish(&nested, &encoded);
    }
    if (result == WIPPY_OK) {
        wippy_write_encoded(writer, encoded.data, encoded.size);
    } else {
        wippy_write_cstring(writer, wippyli_encode_text(result));
    }
    wippy_writer_free(&nested);
}

static void wippyli_logger_write_value(lua_State *L, wippy_writer *writer)
{
    size_t size;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN: wippy_write_bool(writer, lua_toboolean(L, -1) != 0); break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            wippy_write_int(writer, (int64_t)lua_tointeger(L, -1));
        } else {
            wippy_write_float(writer, (double)lua_tonumber(L, -1));
        }
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &size);
        wippy_write_string(writer, text, size);
        break;
    default: wippyli_logger_write_nested(L, writer); break;
    }
}

static void wippyli_logger_write(lua_State *L, const wippyli_logger_line *line)
{
    const wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    char pid[320];
    wippy_writer_init(&writer, wippyli_runtime(process));
    wippy_pid_text(wippyli_runtime(process), wippy_self_pid(wippyli_self(process)), pid,
                   sizeof(pid));
    wippy_write_map(&writer, line->count + 2);
    wippy_write_cstring(&writer, "pid");
    wippy_write_cstring(&writer, pid);
    wippyli_logger_write_location(L, &writer);
    for (size_t i = 0; i < line->count; i++) {
        wippy_write_string(&writer, line->fields[i].key.data, line->fields[i].key.size);
        lua_rawgeti(L, line->list, line->fields[i].at);
        wippyli_logger_write_value(L, &writer);
        lua_pop(L, 1);
    }
    wippy_write_end(&writer);
    if (wippy_writer_finish(&writer, &encoded) != WIPPY_OK) {
        encoded.size = 0; /* no memory: the line without its fields */
    }
    wippy_log(wippyli_self(process), line->level, line->name, encoded, "%s", line->message);
    wippy_writer_free(&writer);
}

WIPPYLI_FN void wippyli_logger_print(lua_State *L, const char *text, size_t size, void *user_data)
{
    wippyli_logger_line line;
    (void)user_data;
    if (!wippy_runtime_desc(wippyli_runtime(wippyli_process_of(L)))->log_fn) {
        fwrite(text, 1, size, stdout);
        fputc('\n', stdout);
        fflush(stdout);
        return;
    }
    if (wippyli_logger_wanted(L, WIPPY_LOG_INFO)) {
        memset(&line, 0, sizeof(line));
        line.level = WIPPY_LOG_INFO;
        line.name = "";
        line.message = text;
        wippyli_logger_write(L, &line);
    }
}

/* ------------------------------------------------------------------ methods */

/* Stack: logger, message, fields or nil. */
static int wippyli_logger_line_at(lua_State *L, wippy_log_level level)
{
    wippyli_logger_line line;
    wippyli_object_check(L, 1, wippyli_logger_class());
    luaL_checktype(L, 2, LUA_TSTRING);
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
    }
    if (!wippyli_logger_wanted(L, level)) {
        return 0;
    }
    lua_settop(L, 3);
    memset(&line, 0, sizeof(line));
    line.level = level;
    line.message = lua_tostring(L, 2);
    line.call = lua_istable(L, 3) ? 3 : 0;
    lua_getiuservalue(L, 1, 1);
    line.own = lua_istable(L, 4) ? 4 : 0;
    line.name = lua_getiuservalue(L, 1, 2) == LUA_TSTRING ? lua_tostring(L, 5) : "";
    wippyli_logger_gather(L, &line);
    wippyli_logger_write(L, &line);
    return 0;
}

static int wippyli_logger_debug(lua_State *L)
{
    return wippyli_logger_line_at(L, WIPPY_LOG_DEBUG);
}

static int wippyli_logger_info(lua_State *L)
{
    return wippyli_logger_line_at(L, WIPPY_LOG_INFO);
}

static int wippyli_logger_warn(lua_State *L)
{
    return wippyli_logger_line_at(L, WIPPY_LOG_WARN);
}

static int wippyli_logger_error(lua_State *L)
{
    return wippyli_logger_line_at(L, WIPPY_LOG_ERROR);
}

/* Push a logger with the fields and the name of the one at 1. */
static void wippyli_logger_push_copy(lua_State *L)
{
    wippyli_object_push(L, wippyli_logger_class(), sizeof(wippyli_logger), 2);
    lua_getiuservalue(L, 1, 1);
    lua_setiuservalue(L, -2, 1);
    lua_getiuservalue(L, 1, 2);
    lua_setiuservalue(L, -2, 2);
}

/* Set the string keys of the table at `from` in the one at `to`. */
static void wippyli_logger_merge(lua_State *L, int from, int to)
{
    for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, to);
        }
    }
}

static int wippyli_logger_with(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_logger_class());
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L);
    if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE) {
        wippyli_logger_merge(L, 4, 3);
    }
    wippyli_logger_merge(L, 2, 3);
    wippyli_logger_push_copy(L);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int wippyli_logger_named(lua_State *L)
{
    size_t size;
    wippyli_object_check(L, 1, wippyli_logger_class());
    luaL_checktype(L, 2, LUA_TSTRING);
    lua_tolstring(L, 2, &size);
    luaL_argcheck(L, size > 0, 2, "logger name is required");
    lua_settop(L, 2);
    wippyli_logger_push_copy(L);
    if (lua_getiuservalue(L, 1, 2) == LUA_TSTRING) {
        lua_pushliteral(L, ".");
        lua_pushvalue(L, 2);
        lua_concat(L, 3);
    } else {
        lua_pushvalue(L, 2);
        lua_remove(L, -2);
    }
    lua_setiuservalue(L, -2, 2);
    return 1;
}

static int wippyli_logger_tostring(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_logger_class());
    bool named = lua_getiuservalue(L, 1, 2) == LUA_TSTRING;
    lua_pushfstring(L, "logger{%s}", named ? lua_tostring(L, -1) : "");
    return 1;
}

static const wippyli_class *wippyli_logger_class(void)
{
    static const luaL_Reg methods[] = {
        {"debug", wippyli_logger_debug},         {"info", wippyli_logger_info},
        {"warn", wippyli_logger_warn},           {"error", wippyli_logger_error},
        {"with", wippyli_logger_with},           {"named", wippyli_logger_named},
        {"__tostring", wippyli_logger_tostring}, {NULL, NULL}};
    static const wippyli_class logger_class = {"logger", methods};
    return &logger_class;
}

static int wippyli_logger_make(lua_State *L)
{
    wippyli_object_push(L, wippyli_logger_class(), sizeof(wippyli_logger), 2);
    return 1;
}

WIPPYLI_FN const wippyli_library *wippyli_logger_module(void)
{
    static const wippyli_library library = {"logger", NULL, 0, NULL, wippyli_logger_make};
    return &library;
}
