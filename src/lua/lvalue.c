/* ========================================================================== >>lua/lvalue.c
   Both directions walk with a stack of levels of their own, so deep data costs no C stack. */
#include "lvalue.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ what was met already */

/* Address of a container -> its number in the encoded sequence. A few stand in a row; more go to a
   hash table from the process's allocator, which counts them but never collects or raises. */
#define WIPPYLI_SEEN_ROW 8

typedef struct wippyli_seen_pair {
    const void *container;
    uint32_t number;
} wippyli_seen_pair;

typedef struct wippyli_seen {
    lua_Alloc alloc_fn;
    void *alloc_data;
    wippyli_seen_pair row[WIPPYLI_SEEN_ROW];
    wippyli_seen_pair *table;
    uint32_t capacity; /* of table: power of two; 0 = the row is in use */
    uint32_t count;
} wippyli_seen;

static void wippyli_seen_init(wippyli_seen *seen, lua_State *L)
{
    seen->alloc_fn = lua_getallocf(L, &seen->alloc_data);
    seen->table = NULL;
    seen->capacity = 0;
    seen->count = 0;
}

static void wippyli_seen_reset(wippyli_seen *seen)
{
    if (seen->table) {
        seen->alloc_fn(seen->alloc_data, seen->table, seen->capacity * sizeof(wippyli_seen_pair),
                       0);
    }
    seen->table = NULL;
    seen->capacity = 0;
    seen->count = 0;
}

static wippyli_seen_pair *wippyli_seen_place(wippyli_seen_pair *table, uint32_t capacity,
                                             const void *container)
{
    uintptr_t bits = (uintptr_t)container;
    uint32_t at = (uint32_t)((bits >> 4) * 2654435769u >> 7) & (capacity - 1);
    while (table[at].container && table[at].container != container) {
        at = (at + 1) & (capacity - 1);
    }
    return &table[at];
}

static const wippyli_seen_pair *wippyli_seen_find(const wippyli_seen *seen, const void *container)
{
    if (seen->capacity == 0) {
        for (uint32_t i = 0; i < seen->count; i++) {
            if (seen->row[i].container == container) {
                return &seen->row[i];
            }
        }
        return NULL;
    }
    wippyli_seen_pair *pair = wippyli_seen_place(seen->table, seen->capacity, container);
    return pair->container ? pair : NULL;
}

static bool wippyli_seen_grow(wippyli_seen *seen)
{
    uint32_t capacity = seen->capacity ? seen->capacity * 2 : WIPPYLI_SEEN_ROW * 4;
    wippyli_seen_pair *table = (wippyli_seen_pair *)seen->alloc_fn(
        seen->alloc_data, NULL, 0, capacity * sizeof(wippyli_seen_pair));
    if (!table) {
        return false;
    }
    memset(table, 0, capacity * sizeof(wippyli_seen_pair));
    const wippyli_seen_pair *old = seen->capacity ? seen->table : seen->row;
    uint32_t old_count = seen->capacity ? seen->capacity : seen->count;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].container) {
            *wippyli_seen_place(table, capacity, old[i].container) = old[i];
        }
    }
    if (seen->table) {
        seen->alloc_fn(seen->alloc_data, seen->table, seen->capacity * sizeof(wippyli_seen_pair),
                       0);
    }
    seen->table = table;
    seen->capacity = capacity;
    return true;
}

static bool wippyli_seen_add(wippyli_seen *seen, const void *container, uint32_t number)
{
    uint32_t room = seen->capacity ? seen->capacity / 2 : WIPPYLI_SEEN_ROW;
    if (seen->count == room && !wippyli_seen_grow(seen)) {
        return false;
    }
    wippyli_seen_pair *pair = seen->capacity
                                  ? wippyli_seen_place(seen->table, seen->capacity, container)
                                  : &seen->row[seen->count];
    pair->container = container;
    pair->number = number;
    seen->count++;
    return true;
}

/* ------------------------------------------------------------------ encoding */

enum { WIPPYLI_LEVEL_ARRAY = 0, WIPPYLI_LEVEL_MAP, WIPPYLI_LEVEL_ERROR };

typedef struct wippyli_level {
    lua_Integer next;  /* array: elements written; map: pairs; error: 1 = details were looked for */
    lua_Integer count; /* array: elements */
    size_t mark;       /* map: of the writer */
    uint8_t kind;
    bool value_waits; /* map: the key was written as a container, its value is on the stack */
} wippyli_level;

typedef struct wippyli_encoder {
    lua_State *L;
    wippy_writer *out;
    wippyli_seen seen;
    uint32_t depth;
    wippyli_level levels[WIPPY_VALUE_DEPTH_MAX];
} wippyli_encoder;

/* Write the value at index if it is no container. */
static bool wippyli_encode_scalar(lua_State *L, int index, wippy_writer *out)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING: {
        size_t size;
        const char *data = lua_tolstring(L, index, &size);
        wippy_write_string(out, data, size);
        return true;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            wippy_put_int(out, (int64_t)lua_tointeger(L, index));
        } else {
            wippy_write_float(out, lua_tonumber(L, index));
        }
        return true;
    case LUA_TBOOLEAN: wippy_put_bool(out, lua_toboolean(L, index) != 0); return true;
    default: return false;
    }
}

/* Is the table on top an array of `border` > 0 elements: keys exactly 1..border? */
static bool wippyli_is_array(lua_State *L, lua_Integer border)
{
    lua_Integer count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || key > border) {
            lua_pop(L, 1);
            return false;
        }
        count++;
    }
    return count == border;
}

static bool wippyli_encode_enter(wippyli_encoder *encoder, const void *container)
{
    if (encoder->depth == WIPPY_VALUE_DEPTH_MAX) {
        wippy_writer_fail(encoder->out, WIPPY_ERR_LIMIT);
        return false;
    }
    if (!lua_checkstack(encoder->L, 8) ||
        !wippyli_seen_add(&encoder->seen, container, encoder->out->containers)) {
        wippy_writer_fail(encoder->out, WIPPY_ERR_NOMEM);
        return false;
    }
    wippyli_level *level = &encoder->levels[encoder->depth++];
    level->next = 0;
    level->count = 0;
    level->value_waits = false;
    return true;
}

/* The container on top begins, unless it was met before. */
static void wippyli_encode_table(wippyli_encoder *encoder)
{
    lua_State *L = encoder->L;
    const void *container = lua_topointer(L, -1);
    const wippyli_seen_pair *met = wippyli_seen_find(&encoder->seen, container);
    if (met) {
        wippy_write_ref(encoder->out, met->number);
        lua_pop(L, 1);
        return;
    }
    if (!wippyli_encode_enter(encoder, container)) {
        return;
    }
    wippyli_level *level = &encoder->levels[encoder->depth - 1];
    level->count = (lua_Integer)lua_rawlen(L, -1);
    if (level->count > 0 && wippyli_is_array(L, level->count)) {
        level->kind = WIPPYLI_LEVEL_ARRAY;
        wippy_write_array(encoder->out, (size_t)level->count);
    } else {
        level->kind = WIPPYLI_LEVEL_MAP;
        level->mark = wippy_writer_mark(encoder->out);
        wippy_write_map(encoder->out, 0);
        lua_pushnil(L);
    }
}

static void wippyli_encode_error(wippyli_encoder *encoder)
{
    lua_State *L = encoder->L;
    const void *container = lua_topointer(L, -1);
    const wippyli_seen_pair *met = wippyli_seen_find(&encoder->seen, container);
    if (met) {
        wippy_write_ref(encoder->out, met->number);
        lua_pop(L, 1);
        return;
    }
    if (!wippyli_encode_enter(encoder, container)) {
        return;
    }
    wippyli_error_view view;
    wippyli_error_look(L, -1, &view);
    encoder->levels[encoder->depth - 1].kind = WIPPYLI_LEVEL_ERROR;
    wippy_write_error(encoder->out, view.kind.data, view.kind.size, view.message.data,
                      view.message.size, view.retryable);
}

static bool wippyli_encode_payload(wippyli_encoder *encoder);

/* Write the value on top, or begin it, and take it off the stack when it is complete. */
static void wippyli_encode_begin(wippyli_encoder *encoder)
{
    lua_State *L = encoder->L;
    for (;;) {
        if (wippyli_encode_scalar(L, -1, encoder->out)) {
            lua_pop(L, 1);
            return;
        }
        if (lua_type(L, -1) == LUA_TTABLE) {
            wippyli_encode_table(encoder);
            return;
        }
        if (wippyli_is_error(L, -1)) {
            wippyli_encode_error(encoder);
            return;
        }
        if (!wippyli_is_payload(L, -1)) {
            wippy_write_nil(encoder->out);
            lua_pop(L, 1);
            return;
        }
        if (wippyli_encode_payload(encoder)) {
            lua_pop(L, 1);
            return;
        }
        lua_getiuservalue(L, -1, 1);
        lua_remove(L, -2);
    }
}

static bool wippyli_crosses(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
    case LUA_TTABLE: return true;
    case LUA_TUSERDATA: return wippyli_is_error(L, index) || wippyli_is_payload(L, index);
    default: return false;
    }
}

static bool wippyli_key_crosses(lua_State *L, int index)
{
    return wippyli_crosses(L, index) && !wippyli_is_payload(L, index);
}

/* Pairs of the map on top, its last key above it, up to the next one with a container in it, which
   begins. False at the end; the stack is then as the level found it. */
static bool wippyli_encode_pairs(wippyli_encoder *encoder, wippyli_level *level)
{
    lua_State *L = encoder->L;
    if (level->value_waits) {
        level->value_waits = false;
        wippyli_encode_begin(encoder);
        return true;
    }
    while (lua_next(L, -2)) {
        if (!wippyli_crosses(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        if (!wippyli_encode_scalar(L, -2, encoder->out)) {
            if (!wippyli_key_crosses(L, -2)) {
                lua_pop(L, 1);
                continue;
            }
            level->next++;
            level->value_waits = true;
            lua_pushvalue(L, -2);
            wippyli_encode_begin(encoder);
            return true;
        }
        level->next++;
        if (!wippyli_encode_scalar(L, -1, encoder->out)) {
            wippyli_encode_begin(encoder);
            return true;
        }
        lua_pop(L, 1);
    }
    wippy_write_count(encoder->out, level->mark, (size_t)level->next);
    return false;
}

/* Elements of the array on top in the same way. */
static bool wippyli_encode_elements(wippyli_encoder *encoder, wippyli_level *level)
{
    lua_State *L = encoder->L;
    while (level->next < level->count) {
        lua_rawgeti(L, -1, ++level->next);
        if (!wippyli_encode_scalar(L, -1, encoder->out)) {
            wippyli_encode_begin(encoder);
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

/* Behind the details of the error on top, if there are any: its stack, and its context. */
static void wippyli_encode_stack(wippyli_encoder *encoder, bool has_details)
{
    char text[WIPPYLI_ERROR_STACK_BYTES];
    wippyli_error_view view;
    size_t size = wippyli_error_stack_text(encoder->L, -1, text, sizeof(text));
    wippyli_error_look(encoder->L, -1, &view);
    if (size == 0 && view.context.size == 0) {
        return;
    }
    if (!has_details) {
        wippy_write_nil(encoder->out);
    }
    if (size > 0) {
        wippy_write_string(encoder->out, text, size);
    } else {
        wippy_write_nil(encoder->out);
    }
    if (view.context.size > 0) {
        wippy_write_string(encoder->out, view.context.data, view.context.size);
    }
}

/* Go on with the innermost container. False: it is complete. */
static bool wippyli_encode_advance(wippyli_encoder *encoder)
{
    lua_State *L = encoder->L;
    wippyli_level *level = &encoder->levels[encoder->depth - 1];
    switch (level->kind) {
    case WIPPYLI_LEVEL_ARRAY: return wippyli_encode_elements(encoder, level);
    case WIPPYLI_LEVEL_MAP: return wippyli_encode_pairs(encoder, level);
    default:
        if (level->next > 0 || !wippyli_error_push_details(L, -1)) {
            wippyli_encode_stack(encoder, level->next > 0);
            return false;
        }
        level->next = 1;
        wippyli_encode_begin(encoder);
        return true;
    }
}

/* Out of line: the levels take stack that the common scalar need not touch. */
static WIPPYLI_NOINLINE void wippyli_encode_whole(lua_State *L, int index, wippy_writer *out)
{
    wippyli_encoder encoder;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 8)) {
        wippy_writer_fail(out, WIPPY_ERR_NOMEM);
        return;
    }
    encoder.L = L;
    encoder.out = out;
    encoder.depth = 0;
    wippyli_seen_init(&encoder.seen, L);
    lua_pushvalue(L, index);
    wippyli_encode_begin(&encoder);
    while (encoder.depth > 0 && out->result == WIPPY_OK) {
        if (!wippyli_encode_advance(&encoder)) {
            wippy_write_end(out);
            lua_pop(L, 1);
            encoder.depth--;
        }
    }
    lua_settop(L, top);
    wippyli_seen_reset(&encoder.seen);
}

WIPPYLI_FN wippy_result wippyli_encode(lua_State *L, int first, int count, wippy_writer *out)
{
    if (first < 0) {
        first = lua_absindex(L, first);
    }
    for (int i = 0; i < count; i++) {
        if (!wippyli_encode_scalar(L, first + i, out)) {
            wippyli_encode_whole(L, first + i, out);
        }
    }
    return out->result;
}

WIPPYLI_FN const char *wippyli_encode_text(wippy_result result)
{
    return result == WIPPY_ERR_LIMIT ? "nesting too deep" : wippy_result_text(result);
}

/* ------------------------------------------------------------------ decoding */

typedef struct wippyli_opened {
    lua_Integer next; /* array: elements set; error: values seen */
    uint8_t kind;
    bool has_key; /* map: the key is on the stack, its value comes next */
} wippyli_opened;

typedef struct wippyli_decoder {
    lua_State *L;
    wippy_reader reader;
    int into; /* stack index of the table that takes the top-level values; 0 = they stay there */
    int seen; /* stack index of the table number -> container; 0 = none is kept */
    uint32_t depth;
    lua_Integer done; /* top-level values complete */
    wippyli_opened levels[WIPPY_VALUE_DEPTH_MAX];
} wippyli_decoder;

static int wippyli_malformed(lua_State *L)
{
    return luaL_error(L, "malformed value");
}

static void wippyli_decode_open(wippyli_decoder *decoder, const wippy_value *value)
{
    lua_State *L = decoder->L;
    if (decoder->depth == WIPPY_VALUE_DEPTH_MAX) {
        luaL_error(L, "nesting too deep");
    }
    wippyli_stack_room(L, 6, "nested values");
    wippyli_opened *level = &decoder->levels[decoder->depth++];
    level->next = 0;
    level->has_key = false;
    int hint = value->as.count < 0x100000 ? (int)value->as.count : 0x100000;
    switch (value->type) {
    case WIPPY_ARRAY:
        level->kind = WIPPYLI_LEVEL_ARRAY;
        lua_createtable(L, hint, 0);
        break;
    case WIPPY_MAP:
        level->kind = WIPPYLI_LEVEL_MAP;
        lua_createtable(L, 0, hint);
        break;
    default:
        level->kind = WIPPYLI_LEVEL_ERROR;
        wippyli_error_push_received(L, value->as.error.kind, value->as.error.message,
                                    value->as.error.retryable);
        break;
    }
    if (decoder->seen) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, decoder->seen, (lua_Integer)decoder->reader.containers);
    }
}

static void wippyli_decode_close(wippyli_decoder *decoder)
{
    if (decoder->depth == 0 || decoder->levels[decoder->depth - 1].has_key) {
        wippyli_malformed(decoder->L);
    }
    decoder->depth--;
}

static void wippyli_decode_pair(wippyli_decoder *decoder, wippyli_opened *level)
{
    lua_State *L = decoder->L;
    if (level->has_key) {
        level->has_key = false;
        lua_rawset(L, -3);
        return;
    }
    if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER && !lua_rawequal(L, -1, -1))) {
        wippyli_malformed(L);
    }
    level->has_key = true;
}

/* The value on top is complete: put it where it belongs. */
static void wippyli_decode_place(wippyli_decoder *decoder)
{
    lua_State *L = decoder->L;
    if (decoder->depth == 0) {
        decoder->done++;
        if (decoder->into) {
            lua_rawseti(L, decoder->into, decoder->done);
        }
        return;
    }
    wippyli_opened *level = &decoder->levels[decoder->depth - 1];
    switch (level->kind) {
    case WIPPYLI_LEVEL_ARRAY: lua_rawseti(L, -2, ++level->next); break;
    case WIPPYLI_LEVEL_MAP: wippyli_decode_pair(decoder, level); break;
    default:
        switch (level->next++) {
        case 0: wippyli_error_set_details(L, -2); break;
        case 1: wippyli_error_set_stack(L, -2); break;
        default: wippyli_error_set_context(L, -2); break;
        }
        break;
    }
}

/* Push a whole scalar. False: `value` is none. */
static bool wippyli_decode_scalar(lua_State *L, const wippy_value *value)
{
    switch (value->type) {
    case WIPPY_NIL: lua_pushnil(L); return true;
    case WIPPY_BOOL: lua_pushboolean(L, value->as.boolean); return true;
    case WIPPY_INT: lua_pushinteger(L, (lua_Integer)value->as.integer); return true;
    case WIPPY_FLOAT: lua_pushnumber(L, (lua_Number)value->as.number); return true;
    case WIPPY_STRING:
        lua_pushlstring(L, value->as.string.data, value->as.string.size);
        return true;
    default: return false;
    }
}

/* False: a reference was met and no containers were kept; start again and keep them. */
static bool wippyli_decode_run(wippyli_decoder *decoder, lua_Integer count)
{
    lua_State *L = decoder->L;
    while (decoder->done < count) {
        wippy_value value;
        if (wippy_read(&decoder->reader, &value) != WIPPY_OK) {
            wippyli_malformed(L);
        }
        if (!wippyli_decode_scalar(L, &value)) {
            if (value.type == WIPPY_REF) {
                if (!decoder->seen) {
                    return false;
                }
                lua_rawgeti(L, decoder->seen, (lua_Integer)value.as.ref + 1);
            } else if (value.type == WIPPY_END) {
                wippyli_decode_close(decoder);
            } else {
                wippyli_decode_open(decoder, &value);
                continue;
            }
        }
        wippyli_decode_place(decoder);
    }
    return true;
}

static void wippyli_decode_start(wippyli_decoder *decoder, const void *data, size_t size)
{
    wippy_reader_init(&decoder->reader, data, size);
    decoder->depth = 0;
    decoder->done = 0;
}

/* Out of line: the levels take stack that the common scalar need not touch. */
static WIPPYLI_NOINLINE void wippyli_decode_all(lua_State *L, const void *data, size_t size,
                                                uint32_t count, int into)
{
    wippyli_decoder decoder;
    decoder.L = L;
    decoder.into = into;
    decoder.seen = 0;
    int top = lua_gettop(L);
    wippyli_decode_start(&decoder, data, size);
    if (!wippyli_decode_run(&decoder, (lua_Integer)count)) {
        lua_settop(L, top);
        lua_newtable(L);
        decoder.seen = top + 1;
        wippyli_decode_start(&decoder, data, size);
        wippyli_decode_run(&decoder, (lua_Integer)count);
        lua_remove(L, decoder.seen);
    }
}

WIPPYLI_FN int wippyli_decode(lua_State *L, const void *data, size_t size, uint32_t count)
{
    wippy_reader reader;
    wippy_value value;
    wippyli_stack_room(L, (int)count + 8, "too many values");
    wippy_reader_init(&reader, data, size);
    if (count == 1 && wippy_read(&reader, &value) == WIPPY_OK && wippyli_decode_scalar(L, &value)) {
        return 1;
    }
    wippyli_decode_all(L, data, size, count, 0);
    return (int)count;
}

WIPPYLI_FN void wippyli_decode_packed(lua_State *L, const void *data, size_t size, uint32_t count)
{
    if (count == 0) {
        lua_pushnil(L);
    } else if (count == 1) {
        wippyli_decode(L, data, size, 1);
    } else {
        wippyli_stack_room(L, 8, "values");
        lua_createtable(L, (int)count, 0);
        wippyli_decode_all(L, data, size, count, lua_gettop(L));
    }
}

/* ------------------------------------------------------------------ payloads */

/* Where the content is. What is smaller than the way to it stands in the object itself. */
enum {
    WIPPYLI_HOLDS_ENCODED = 0, /* behind the struct, `size` bytes; becomes OPENED when asked for */
    WIPPYLI_HOLDS_OPENED,      /* user value 1 */
    WIPPYLI_HOLDS_NIL,
    WIPPYLI_HOLDS_BOOL,
    WIPPYLI_HOLDS_INT,
    WIPPYLI_HOLDS_FLOAT,
    WIPPYLI_HOLDS_TEXT /* a short string, behind the struct, `size` bytes */
};

#define WIPPYLI_HELD_TEXT_MAX 40 /* bytes; Lua keeps longer strings apart, so they are pushed once */

typedef struct wippyli_payload {
    uint8_t format; /* wippyli_format */
    uint8_t holds;
    union {
        size_t size;
        bool boolean;
        lua_Integer integer;
        lua_Number number;
    } as;
} wippyli_payload;

static const char *const wippyli_format_names[] = {"lua/any",
                                                   "json/plain",
                                                   "yaml/plain",
                                                   "text/plain",
                                                   "application/octet-stream",
                                                   "application/msgpack",
                                                   "golang/any",
                                                   "golang/error"};

WIPPYLI_FN const char *wippyli_format_name(wippyli_format format)
{
    return wippyli_format_names[format];
}

WIPPYLI_FN int wippyli_format_find(const char *name)
{
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_format_names); i++) {
        if (strcmp(name, wippyli_format_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int wippyli_payload_get_format(lua_State *L)
{
    lua_pushstring(L, wippyli_format_name(wippyli_payload_format(L, 1)));
    return 1;
}

static int wippyli_payload_data(lua_State *L)
{
    wippyli_payload_value(L, 1);
    lua_pushnil(L);
    return 2;
}

static int wippyli_payload_transcode(lua_State *L)
{
    wippyli_payload_format(L, 1);
    return wippyli_transcode_hook(L)(L);
}

/* The value itself: what is JSON text is decoded. */
static int wippyli_payload_unmarshal(lua_State *L)
{
    if (wippyli_payload_format(L, 1) != WIPPYLI_FORMAT_JSON) {
        return wippyli_payload_data(L);
    }
    lua_settop(L, 1);
    lua_pushstring(L, wippyli_format_name(WIPPYLI_FORMAT_LUA));
    if (wippyli_transcode_hook(L)(L) != 1) {
        return 2;
    }
    wippyli_payload_value(L, lua_gettop(L));
    lua_pushnil(L);
    return 2;
}

static int wippyli_payload_tostring(lua_State *L)
{
    lua_pushfstring(L, "payload{format=%s}", wippyli_format_name(wippyli_payload_format(L, 1)));
    return 1;
}

static const luaL_Reg wippyli_payload_methods[] = {
    {"get_format", wippyli_payload_get_format}, {"data", wippyli_payload_data},
    {"unmarshal", wippyli_payload_unmarshal},   {"transcode", wippyli_payload_transcode},
    {"__tostring", wippyli_payload_tostring},   {NULL, NULL}};

static const wippyli_class wippyli_payload_class = {"Payload", wippyli_payload_methods};

WIPPYLI_FN bool wippyli_is_payload(lua_State *L, int index)
{
    return wippyli_object_test(L, index, &wippyli_payload_class) != NULL;
}

/* Write what the payload on top holds. False: it is its user value. */
static bool wippyli_encode_payload(wippyli_encoder *encoder)
{
    wippy_writer *out = encoder->out;
    const wippyli_payload *payload =
        (const wippyli_payload *)wippyli_object_test(encoder->L, -1, &wippyli_payload_class);
    switch (payload->holds) {
    case WIPPYLI_HOLDS_OPENED: return false;
    case WIPPYLI_HOLDS_BOOL: wippy_put_bool(out, payload->as.boolean); break;
    case WIPPYLI_HOLDS_INT: wippy_put_int(out, (int64_t)payload->as.integer); break;
    case WIPPYLI_HOLDS_FLOAT: wippy_write_float(out, (double)payload->as.number); break;
    case WIPPYLI_HOLDS_TEXT:
        wippy_write_string(out, (const char *)(payload + 1), payload->as.size);
        break;
    case WIPPYLI_HOLDS_ENCODED:
        if (payload->as.size > 0) {
            wippy_write_encoded(out, payload + 1, payload->as.size);
            break;
        }
        wippy_write_nil(out);
        break;
    default: wippy_write_nil(out); break;
    }
    return true;
}

static wippyli_payload *wippyli_payload_new(lua_State *L, int holds, size_t bytes)
{
    bool opens = holds == WIPPYLI_HOLDS_ENCODED || holds == WIPPYLI_HOLDS_OPENED;
    wippyli_payload *payload = (wippyli_payload *)wippyli_object_push_often(
        L, &wippyli_payload_class, WIPPYLI_OFTEN_PAYLOAD, sizeof(*payload) + bytes, opens);
    payload->holds = (uint8_t)holds;
    payload->format = WIPPYLI_FORMAT_LUA;
    return payload;
}

WIPPYLI_FN void wippyli_payload_push(lua_State *L, int index, wippyli_format format)
{
    index = lua_absindex(L, index);
    wippyli_payload_new(L, WIPPYLI_HOLDS_OPENED, 0)->format = (uint8_t)format;
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, 1);
}

static void wippyli_payload_push_bytes(lua_State *L, int holds, wippy_slice bytes)
{
    wippyli_payload *payload = wippyli_payload_new(L, holds, bytes.size);
    payload->as.size = bytes.size;
    if (bytes.size > 0) {
        memcpy(payload + 1, bytes.data, bytes.size);
    }
}

static bool wippyli_payload_push_scalar(lua_State *L, const wippy_value *value)
{
    switch (value->type) {
    case WIPPY_NIL: wippyli_payload_new(L, WIPPYLI_HOLDS_NIL, 0); return true;
    case WIPPY_BOOL:
        wippyli_payload_new(L, WIPPYLI_HOLDS_BOOL, 0)->as.boolean = value->as.boolean;
        return true;
    case WIPPY_INT:
        wippyli_payload_new(L, WIPPYLI_HOLDS_INT, 0)->as.integer = (lua_Integer)value->as.integer;
        return true;
    case WIPPY_FLOAT:
        wippyli_payload_new(L, WIPPYLI_HOLDS_FLOAT, 0)->as.number = (lua_Number)value->as.number;
        return true;
    case WIPPY_STRING:
        if (value->as.string.size > WIPPYLI_HELD_TEXT_MAX) {
            return false;
        }
        wippyli_payload_push_bytes(L, WIPPYLI_HOLDS_TEXT, value->as.string);
        return true;
    default: return false;
    }
}

WIPPYLI_FN void wippyli_payload_push_encoded(lua_State *L, wippy_slice value)
{
    wippy_reader reader;
    wippy_value first;
    wippy_reader_init(&reader, value.data, value.size);
    bool readable = wippy_read(&reader, &first) == WIPPY_OK;
    if (readable && wippyli_payload_push_scalar(L, &first)) {
        return;
    }
    wippyli_payload_push_bytes(L, WIPPYLI_HOLDS_ENCODED, value);
    if (readable && first.type == WIPPY_ERROR) {
        ((wippyli_payload *)wippyli_object_test(L, -1, &wippyli_payload_class))->format =
            WIPPYLI_FORMAT_ERROR;
    }
}

/* Push what an encoded payload holds and keep it. */
static void wippyli_payload_open(lua_State *L, int index, wippyli_payload *payload)
{
    index = lua_absindex(L, index);
    wippyli_decode(L, payload + 1, payload->as.size, 1);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, 1);
    payload->holds = WIPPYLI_HOLDS_OPENED;
}

WIPPYLI_FN void wippyli_payload_value(lua_State *L, int index)
{
    wippyli_payload *payload =
        (wippyli_payload *)wippyli_object_check(L, index, &wippyli_payload_class);
    switch (payload->holds) {
    case WIPPYLI_HOLDS_ENCODED: wippyli_payload_open(L, index, payload); break;
    case WIPPYLI_HOLDS_OPENED: lua_getiuservalue(L, index, 1); break;
    case WIPPYLI_HOLDS_NIL: lua_pushnil(L); break;
    case WIPPYLI_HOLDS_BOOL: lua_pushboolean(L, payload->as.boolean); break;
    case WIPPYLI_HOLDS_INT: lua_pushinteger(L, payload->as.integer); break;
    case WIPPYLI_HOLDS_FLOAT: lua_pushnumber(L, payload->as.number); break;
    default: lua_pushlstring(L, (const char *)(payload + 1), payload->as.size); break;
    }
}

WIPPYLI_FN wippyli_format wippyli_payload_format(lua_State *L, int index)
{
    wippyli_payload *payload =
        (wippyli_payload *)wippyli_object_check(L, index, &wippyli_payload_class);
    return (wippyli_format)payload->format;
}
