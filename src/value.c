#include "value.h"

#include "runtime_access.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ nesting
   What is open is kept in w->levels, one byte a level: the kind of the container in the low two
   bits, above them how many values its parent held, saturated but with its parity kept. */

enum { WIPPYI_NEST_ARRAY = 0, WIPPYI_NEST_MAP = 1, WIPPYI_NEST_ERROR = 2 };

static unsigned wippyi_nest_kind(const wippy_writer *w)
{
    return w->depth == 0 ? (unsigned)WIPPYI_NEST_ARRAY : w->levels[w->depth - 1] & 3u;
}

static bool wippyi_nest_at_key(const wippy_writer *w)
{
    return wippyi_nest_kind(w) == WIPPYI_NEST_MAP && (w->items & 1) == 0;
}

static wippy_result wippyi_nest_open(wippy_writer *w, unsigned kind)
{
    if (w->depth >= WIPPY_VALUE_DEPTH_MAX || w->containers == UINT32_MAX) {
        return WIPPY_ERR_LIMIT;
    }
    size_t held = w->items < 2 ? w->items : 2 + (w->items & 1);
    if (w->depth == 0) {
        w->count = w->items;
    }
    w->levels[w->depth++] = (uint8_t)(kind | held << 2);
    w->containers++;
    w->items = 0;
    return WIPPY_OK;
}

static wippy_result wippyi_nest_close(wippy_writer *w)
{
    if (w->depth == 0) {
        return WIPPY_ERR_INVALID;
    }
    unsigned kind = wippyi_nest_kind(w);
    if ((kind == WIPPYI_NEST_MAP && (w->items & 1) != 0) ||
        (kind == WIPPYI_NEST_ERROR && w->items > 3)) {
        return WIPPY_ERR_INVALID;
    }
    w->depth--;
    w->items = (w->depth == 0 ? w->count : (size_t)(w->levels[w->depth] >> 2)) + 1;
    return WIPPY_OK;
}

/* Follow one item that was read, as if it were written here. */
static wippy_result wippyi_nest_follow(wippy_writer *w, const wippy_value *value)
{
    switch (value->type) {
    case WIPPY_ARRAY: return wippyi_nest_open(w, WIPPYI_NEST_ARRAY);
    case WIPPY_MAP: return wippyi_nest_open(w, WIPPYI_NEST_MAP);
    case WIPPY_ERROR: return wippyi_nest_open(w, WIPPYI_NEST_ERROR);
    case WIPPY_END: return wippyi_nest_close(w);
    default: break;
    }
    if ((value->type == WIPPY_NIL || (value->type == WIPPY_FLOAT && isnan(value->as.number))) &&
        wippyi_nest_at_key(w)) {
        return WIPPY_ERR_INVALID;
    }
    w->items++;
    return WIPPY_OK;
}

static wippy_result wippyi_nest_follow_all(wippy_writer *w, const void *data, size_t size)
{
    wippy_reader reader;
    wippy_value value;
    wippy_reader_init(&reader, data, size);
    for (;;) {
        wippy_result result = wippy_read(&reader, &value);
        if (result != WIPPY_OK) {
            return result == WIPPY_ERR_NOTFOUND ? WIPPY_OK : result;
        }
        result = wippyi_nest_follow(w, &value);
        if (result != WIPPY_OK) {
            return result == WIPPY_ERR_INVALID ? WIPPY_ERR_SYNTAX : result;
        }
    }
}

/* ------------------------------------------------------------------ writing */

WIPPYI_FN void wippyi_writer_init(wippy_writer *w, wippyi_mem *mem)
{
    w->mem = mem;
    w->start = w->small_bytes;
    w->capacity = sizeof(w->small_bytes);
    wippy_writer_reset(w);
}

WIPPY_API void wippy_writer_init(wippy_writer *w, wippy_runtime *rt)
{
    wippyi_writer_init(w, wippyi_runtime_mem(rt));
}

WIPPY_API void wippy_writer_reset(wippy_writer *w)
{
    w->at = w->start;
    w->limit = w->start + w->capacity;
    w->count = 0;
    w->items = 0;
    w->depth = 0;
    w->containers = 0;
    w->result = WIPPY_OK;
}

WIPPY_API void wippy_writer_free(wippy_writer *w)
{
    wippyi_mem *mem = (wippyi_mem *)w->mem;
    if (w->start != w->small_bytes) {
        wippyi_mem_free(mem, w->start, w->capacity);
    }
    wippyi_writer_init(w, mem);
}

WIPPY_API void wippy_writer_fail(wippy_writer *w, wippy_result result)
{
    WIPPYI_API_CHECK(result < 0);
    if (w->result == WIPPY_OK) {
        w->result = result < 0 ? result : WIPPY_ERR_INVALID;
        w->limit = w->at; /* so that every fast path ends in the slow one, which sees the result */
    }
}

WIPPY_API wippy_result wippy_writer_finish(wippy_writer *w, wippy_slice *out)
{
    if (w->result != WIPPY_OK) {
        return w->result;
    }
    if (w->depth != 0) {
        return WIPPY_ERR_INVALID;
    }
    w->count = w->items;
    if (out) {
        out->data = (const char *)w->start;
        out->size = (size_t)(w->at - w->start);
    }
    return WIPPY_OK;
}

/* Move to a block of `capacity` bytes, which is more than there are. */
static bool wippyi_writer_move(wippy_writer *w, size_t capacity)
{
    wippyi_mem *mem = (wippyi_mem *)w->mem;
    size_t used = (size_t)(w->at - w->start);
    uint8_t *block;
    if (!mem) {
        return false;
    }
    if (w->start == w->small_bytes) {
        block = (uint8_t *)wippyi_mem_alloc(mem, capacity);
        if (block) {
            memcpy(block, w->start, used);
        }
    } else {
        block = (uint8_t *)wippyi_mem_resize(mem, w->start, w->capacity, capacity);
    }
    if (!block) {
        return false;
    }
    w->start = block;
    w->capacity = capacity;
    w->at = block + used;
    w->limit = block + capacity;
    return true;
}

static WIPPYI_NOINLINE bool wippyi_writer_grow(wippy_writer *w, size_t size)
{
    size_t used = (size_t)(w->at - w->start);
    if (w->result != WIPPY_OK) {
        return false;
    }
    if (size > SIZE_MAX / 4 || used > SIZE_MAX / 4) {
        wippy_writer_fail(w, WIPPY_ERR_NOMEM);
        return false;
    }
    size_t wanted = WIPPYI_MAX(w->capacity * 2, used + size);
    if (!wippyi_writer_move(w, wanted)) {
        wippy_writer_fail(w, WIPPY_ERR_NOMEM);
        return false;
    }
    return true;
}

/* Make room for `size` bytes at w->at; false when the writer has failed. */
static bool wippyi_writer_room(wippy_writer *w, size_t size)
{
    return WIPPYI_LIKELY(size <= (size_t)(w->limit - w->at) && w->result == WIPPY_OK) ||
           wippyi_writer_grow(w, size);
}

enum { WIPPYI_VARINT_MAX = 10 }; /* bytes */

static uint8_t *wippyi_varint_put(uint8_t *at, uint64_t number)
{
    while (number >= 0x80) {
        *at++ = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *wippyi_bytes_put(uint8_t *at, const char *data, size_t size)
{
    if (size > 0) {
        memcpy(at, data, size);
    }
    return at + size;
}

static void wippyi_write_tag(wippy_writer *w, unsigned tag)
{
    if (wippyi_writer_room(w, 1)) {
        *w->at++ = (uint8_t)tag;
        w->items++;
    }
}

WIPPY_API void wippy_write_nil(wippy_writer *w)
{
    if (wippyi_nest_at_key(w)) {
        wippy_writer_fail(w, WIPPY_ERR_INVALID);
        return;
    }
    wippyi_write_tag(w, WIPPYI_TAG_NIL);
}

WIPPY_API void wippy_write_bool(wippy_writer *w, bool value)
{
    wippyi_write_tag(w, value ? WIPPYI_TAG_TRUE : WIPPYI_TAG_FALSE);
}

WIPPY_API void wippy_write_int(wippy_writer *w, int64_t value)
{
    if (value >= -32 && value < 64) {
        wippyi_write_tag(w, (unsigned)value & 0xffu);
        return;
    }
    if (!wippyi_writer_room(w, 1 + WIPPYI_VARINT_MAX)) {
        return;
    }
    uint64_t bits = (uint64_t)value << 1;
    *w->at = WIPPYI_TAG_INT;
    w->at = wippyi_varint_put(w->at + 1, value < 0 ? ~bits : bits);
    w->items++;
}

WIPPY_API void wippy_write_float(wippy_writer *w, double value)
{
    uint64_t bits;
    if (isnan(value) && wippyi_nest_at_key(w)) {
        wippy_writer_fail(w, WIPPY_ERR_INVALID);
        return;
    }
    if (!wippyi_writer_room(w, 9)) {
        return;
    }
    memcpy(&bits, &value, sizeof(bits));
    *w->at++ = WIPPYI_TAG_FLOAT;
    for (unsigned i = 0; i < 8; i++) { /* compilers make one store of it */
        w->at[i] = (uint8_t)(bits >> (8 * i));
    }
    w->at += 8;
    w->items++;
}

static void wippyi_write_long_string(wippy_writer *w, const char *data, size_t size)
{
    if (size > SIZE_MAX / 4 || !wippyi_writer_room(w, 1 + WIPPYI_VARINT_MAX + size)) {
        wippy_writer_fail(w, WIPPY_ERR_NOMEM);
        return;
    }
    *w->at = WIPPYI_TAG_STRING;
    w->at = wippyi_bytes_put(wippyi_varint_put(w->at + 1, size), data, size);
    w->items++;
}

WIPPY_API void wippy_write_string(wippy_writer *w, const char *data, size_t size)
{
    if (size > 31) {
        wippyi_write_long_string(w, data, size);
        return;
    }
    if (wippyi_writer_room(w, 1 + size)) {
        *w->at = (uint8_t)(WIPPYI_TAG_SHORT_STRING + size);
        w->at = wippyi_bytes_put(w->at + 1, data, size);
        w->items++;
    }
}

WIPPY_API void wippy_write_cstring(wippy_writer *w, const char *text)
{
    if (text) {
        wippy_write_string(w, text, strlen(text));
    } else {
        wippy_write_nil(w);
    }
}

/* Note that a container begins, and make room for its head; false when the writer has failed. */
static bool wippyi_write_begin(wippy_writer *w, unsigned kind, size_t head_bytes)
{
    if (!wippyi_writer_room(w, head_bytes)) {
        return false;
    }
    wippy_result result = wippyi_nest_open(w, kind);
    if (result != WIPPY_OK) {
        wippy_writer_fail(w, result);
        return false;
    }
    return true;
}

WIPPY_API void wippy_write_array(wippy_writer *w, size_t count)
{
    if (wippyi_write_begin(w, WIPPYI_NEST_ARRAY, 1 + WIPPYI_VARINT_MAX)) {
        *w->at = WIPPYI_TAG_ARRAY;
        w->at = wippyi_varint_put(w->at + 1, count);
    }
}

WIPPY_API void wippy_write_map(wippy_writer *w, size_t count)
{
    if (wippyi_write_begin(w, WIPPYI_NEST_MAP, 1 + WIPPYI_VARINT_MAX)) {
        *w->at = WIPPYI_TAG_MAP;
        w->at = wippyi_varint_put(w->at + 1, count);
    }
}

WIPPY_API size_t wippy_writer_mark(const wippy_writer *w)
{
    return (size_t)(w->at - w->start);
}

WIPPY_API void wippy_write_count(wippy_writer *w, size_t mark, size_t count)
{
    uint8_t varint[WIPPYI_VARINT_MAX];
    size_t size = (size_t)(wippyi_varint_put(varint, count) - varint);
    size_t used = wippy_writer_mark(w);
    if (!wippyi_writer_room(w, size - 1)) {
        return;
    }
    uint8_t *at = w->start + mark;
    if (used < 2 || mark > used - 2 || at[1] != 0 ||
        (at[0] != WIPPYI_TAG_ARRAY && at[0] != WIPPYI_TAG_MAP)) {
        wippy_writer_fail(w, WIPPY_ERR_INVALID);
        return;
    }
    memmove(at + 1 + size, at + 2, used - mark - 2);
    memcpy(at + 1, varint, size);
    w->at += size - 1;
}

WIPPY_API void wippy_write_error(wippy_writer *w, const char *kind, size_t kind_size,
                                 const char *message, size_t message_size, int retryable)
{
    if (kind_size > SIZE_MAX / 8 || message_size > SIZE_MAX / 8) {
        wippy_writer_fail(w, WIPPY_ERR_NOMEM);
        return;
    }
    size_t head = 2 + 2 * (size_t)WIPPYI_VARINT_MAX + kind_size + message_size;
    if (!wippyi_write_begin(w, WIPPYI_NEST_ERROR, head)) {
        return;
    }
    uint8_t *at = w->at;
    *at++ = WIPPYI_TAG_ERROR;
    *at++ = (uint8_t)(retryable < 0 ? 2 : retryable != 0);
    at = wippyi_bytes_put(wippyi_varint_put(at, kind_size), kind, kind_size);
    w->at = wippyi_bytes_put(wippyi_varint_put(at, message_size), message, message_size);
}

WIPPY_API void wippy_write_end(wippy_writer *w)
{
    if (!wippyi_writer_room(w, 1)) {
        return;
    }
    wippy_result result = wippyi_nest_close(w);
    if (result != WIPPY_OK) {
        wippy_writer_fail(w, result);
        return;
    }
    *w->at++ = WIPPYI_TAG_END;
}

WIPPY_API void wippy_write_ref(wippy_writer *w, uint32_t index)
{
    if (index >= w->containers) {
        wippy_writer_fail(w, WIPPY_ERR_INVALID);
        return;
    }
    if (wippyi_writer_room(w, 1 + WIPPYI_VARINT_MAX)) {
        *w->at = WIPPYI_TAG_REF;
        w->at = wippyi_varint_put(w->at + 1, w->containers - index);
        w->items++;
    }
}

WIPPY_API void wippy_write_encoded(wippy_writer *w, const void *data, size_t size)
{
    if (size == 0 || !wippyi_writer_room(w, size)) {
        return;
    }
    wippy_result result = wippyi_nest_follow_all(w, data, size);
    if (result != WIPPY_OK) {
        wippy_writer_fail(w, result);
        return;
    }
    w->at = wippyi_bytes_put(w->at, (const char *)data, size);
}

/* ------------------------------------------------------------------ reading
   The functions below take `at` by pointer and move it on success only. */

static bool wippyi_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *p = *at;
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = p;
            *out = number;
            return true;
        }
    }
    return false;
}

static bool wippyi_bytes_get(const uint8_t **at, const uint8_t *end, uint64_t size,
                             wippy_slice *out)
{
    if (size > (uint64_t)(end - *at)) {
        return false;
    }
    out->data = (const char *)*at;
    out->size = (size_t)size;
    *at += size;
    return true;
}

static bool wippyi_text_get(const uint8_t **at, const uint8_t *end, wippy_slice *out)
{
    uint64_t size;
    return wippyi_varint_get(at, end, &size) && wippyi_bytes_get(at, end, size, out);
}

static bool wippyi_float_get(const uint8_t **at, const uint8_t *end, double *out)
{
    uint64_t bits = 0;
    if (end - *at < 8) {
        return false;
    }
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)(*at)[i] << (8 * i);
    }
    memcpy(out, &bits, sizeof(bits));
    *at += 8;
    return true;
}

WIPPY_API void wippy_reader_init(wippy_reader *reader, const void *data, size_t size)
{
    static const uint8_t nothing = 0;
    reader->at = size > 0 ? (const uint8_t *)data : &nothing;
    reader->end = reader->at + size;
    reader->depth = 0;
    reader->containers = 0;
}

/* Go on at `at`, inside a container that begins there. */
static wippy_result wippyi_read_begin(wippy_reader *reader, const uint8_t *at)
{
    if (reader->depth >= WIPPY_VALUE_DEPTH_MAX || reader->containers == UINT32_MAX) {
        return WIPPY_ERR_LIMIT;
    }
    reader->depth++;
    reader->containers++;
    reader->at = at;
    return WIPPY_OK;
}

/* An array or a map. A count that the bytes cannot keep is cut to what they can. */
static wippy_result wippyi_read_list(wippy_reader *reader, wippy_value_type type, wippy_value *out)
{
    const uint8_t *at = reader->at + 1;
    uint64_t count;
    if (!wippyi_varint_get(&at, reader->end, &count)) {
        return WIPPY_ERR_SYNTAX;
    }
    wippy_result result = wippyi_read_begin(reader, at);
    if (result == WIPPY_OK) {
        size_t most = (size_t)(reader->end - at) / (type == WIPPY_MAP ? 2 : 1);
        out->type = type;
        out->as.count = count < most ? (size_t)count : most;
    }
    return result;
}

static wippy_result wippyi_read_error(wippy_reader *reader, wippy_value *out)
{
    const uint8_t *at = reader->at + 1;
    wippy_slice kind;
    wippy_slice message;
    if (at == reader->end || *at > 2) {
        return WIPPY_ERR_SYNTAX;
    }
    int retryable = *at == 2 ? -1 : *at;
    at++;
    if (!wippyi_text_get(&at, reader->end, &kind) || !wippyi_text_get(&at, reader->end, &message)) {
        return WIPPY_ERR_SYNTAX;
    }
    wippy_result result = wippyi_read_begin(reader, at);
    if (result == WIPPY_OK) {
        out->type = WIPPY_ERROR;
        out->as.error.kind = kind;
        out->as.error.message = message;
        out->as.error.retryable = retryable;
    }
    return result;
}

/* The tags that say everything by themselves. */
static wippy_result wippyi_read_tag(wippy_reader *reader, wippy_value *out)
{
    unsigned tag = *reader->at;
    if (tag == WIPPYI_TAG_END) {
        if (reader->depth == 0) {
            return WIPPY_ERR_SYNTAX;
        }
        reader->depth--;
        out->type = WIPPY_END;
    } else if (tag == WIPPYI_TAG_NIL) {
        out->type = WIPPY_NIL;
    } else {
        out->type = WIPPY_BOOL;
        out->as.boolean = tag == WIPPYI_TAG_TRUE;
    }
    reader->at++;
    return WIPPY_OK;
}

/* An integer or a reference. */
static wippy_result wippyi_read_varint(wippy_reader *reader, wippy_value *out)
{
    const uint8_t *at = reader->at + 1;
    uint64_t number;
    if (!wippyi_varint_get(&at, reader->end, &number)) {
        return WIPPY_ERR_SYNTAX;
    }
    if (*reader->at == WIPPYI_TAG_INT) {
        out->type = WIPPY_INT;
        out->as.integer = (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
    } else {
        if (number == 0 || number > reader->containers) {
            return WIPPY_ERR_SYNTAX;
        }
        out->type = WIPPY_REF;
        out->as.ref = reader->containers - (uint32_t)number;
    }
    reader->at = at;
    return WIPPY_OK;
}

/* A float or a string with its length. */
static wippy_result wippyi_read_bytes(wippy_reader *reader, wippy_value *out)
{
    const uint8_t *at = reader->at + 1;
    if (*reader->at == WIPPYI_TAG_FLOAT) {
        if (!wippyi_float_get(&at, reader->end, &out->as.number)) {
            return WIPPY_ERR_SYNTAX;
        }
        out->type = WIPPY_FLOAT;
    } else {
        if (!wippyi_text_get(&at, reader->end, &out->as.string)) {
            return WIPPY_ERR_SYNTAX;
        }
        out->type = WIPPY_STRING;
    }
    reader->at = at;
    return WIPPY_OK;
}

/* The tags from 60 on, which have no value in them. */
static WIPPYI_NOINLINE wippy_result wippyi_read_long(wippy_reader *reader, wippy_value *out)
{
    switch (*reader->at) {
    case WIPPYI_TAG_NIL:
    case WIPPYI_TAG_FALSE:
    case WIPPYI_TAG_TRUE:
    case WIPPYI_TAG_END: return wippyi_read_tag(reader, out);
    case WIPPYI_TAG_INT:
    case WIPPYI_TAG_REF: return wippyi_read_varint(reader, out);
    case WIPPYI_TAG_FLOAT:
    case WIPPYI_TAG_STRING: return wippyi_read_bytes(reader, out);
    case WIPPYI_TAG_ARRAY: return wippyi_read_list(reader, WIPPY_ARRAY, out);
    case WIPPYI_TAG_MAP: return wippyi_read_list(reader, WIPPY_MAP, out);
    case WIPPYI_TAG_ERROR: return wippyi_read_error(reader, out);
    default: return WIPPY_ERR_SYNTAX;
    }
}

/* An integer of up to four bytes behind its tag, which most are. False: take the long way. */
static bool wippyi_read_short_int(wippy_reader *reader, wippy_value *out)
{
    const uint8_t *at = reader->at + 1;
    const uint8_t *end = reader->end - at > 4 ? at + 4 : reader->end;
    uint32_t number = 0;
    unsigned shift = 0;
    while (at < end) {
        uint32_t byte = *at++;
        number |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            out->type = WIPPY_INT;
            out->as.integer = (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
            reader->at = at;
            return true;
        }
        shift += 7;
    }
    return false;
}

WIPPY_API wippy_result wippy_read(wippy_reader *reader, wippy_value *out)
{
    if (reader->at >= reader->end) {
        return reader->depth == 0 ? WIPPY_ERR_NOTFOUND : WIPPY_ERR_SYNTAX;
    }
    unsigned tag = *reader->at;
    if (tag < WIPPYI_TAG_SHORT_STRING || tag >= WIPPYI_TAG_NEGATIVE) {
        out->type = WIPPY_INT;
        out->as.integer = tag < WIPPYI_TAG_SHORT_STRING ? (int64_t)tag : (int64_t)tag - 256;
        reader->at++;
        return WIPPY_OK;
    }
    if (tag >= WIPPYI_TAG_NIL) {
        if (tag == WIPPYI_TAG_INT && wippyi_read_short_int(reader, out)) {
            return WIPPY_OK;
        }
        return wippyi_read_long(reader, out);
    }
    size_t size = tag - WIPPYI_TAG_SHORT_STRING;
    if (size >= (size_t)(reader->end - reader->at)) {
        return WIPPY_ERR_SYNTAX;
    }
    out->type = WIPPY_STRING;
    out->as.string.data = (const char *)reader->at + 1;
    out->as.string.size = size;
    reader->at += 1 + size;
    return WIPPY_OK;
}

/* Read until no more than `depth` containers are open; put the reader back on failure. */
static wippy_result wippyi_read_down_to(wippy_reader *reader, uint32_t depth)
{
    wippy_reader before = *reader;
    wippy_value value;
    do {
        wippy_result result = wippy_read(reader, &value);
        if (result != WIPPY_OK) {
            *reader = before;
            return result;
        }
    } while (reader->depth > depth);
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_read_skip(wippy_reader *reader, wippy_slice *out)
{
    const uint8_t *start = reader->at;
    if (start < reader->end && *start == WIPPYI_TAG_END && reader->depth > 0) {
        return WIPPY_ERR_NOTFOUND;
    }
    wippy_result result = wippyi_read_down_to(reader, reader->depth);
    if (result == WIPPY_OK && out) {
        out->data = (const char *)start;
        out->size = (size_t)(reader->at - start);
    }
    return result;
}

WIPPY_API wippy_result wippy_read_leave(wippy_reader *reader)
{
    return reader->depth == 0 ? WIPPY_ERR_NOTFOUND : wippyi_read_down_to(reader, reader->depth - 1);
}

WIPPY_API wippy_result wippy_value_check(const void *data, size_t size, size_t count)
{
    wippy_writer nest; /* only its nesting is used, it holds no bytes */
    wippyi_writer_init(&nest, NULL);
    wippy_result result = wippyi_nest_follow_all(&nest, data, size);
    if (result != WIPPY_OK) {
        return result;
    }
    return nest.items == count ? WIPPY_OK : WIPPY_ERR_INVALID;
}

/* ------------------------------------------------------------------ looking things up */

WIPPY_API const char *wippy_value_type_name(wippy_value_type type)
{
    static const char *const names[] = {"nil",   "boolean", "integer", "float",     "string",
                                        "array", "map",     "error",   "reference", "end"};
    return (unsigned)type < WIPPYI_COUNT(names) ? names[(unsigned)type] : "unknown";
}

static wippy_result wippyi_value_first(wippy_slice value, wippy_value *out)
{
    wippy_reader reader;
    wippy_reader_init(&reader, value.data, value.size);
    return wippy_read(&reader, out);
}

WIPPY_API wippy_value_type wippy_value_type_of(wippy_slice value)
{
    wippy_value first;
    return wippyi_value_first(value, &first) == WIPPY_OK ? first.type : WIPPY_END;
}

static bool wippyi_slice_is(wippy_slice slice, const char *data, size_t size)
{
    return slice.size == size && (size == 0 || memcmp(slice.data, data, size) == 0);
}

/* The reader stands behind WIPPY_MAP; leave it behind the key that was sought. */
static wippy_result wippyi_read_to_key(wippy_reader *reader, const char *key, size_t key_size)
{
    for (;;) {
        wippy_reader before = *reader;
        wippy_value item;
        wippy_result result = wippy_read(reader, &item);
        if (result != WIPPY_OK) {
            return result;
        }
        if (item.type == WIPPY_END) {
            return WIPPY_ERR_NOTFOUND;
        }
        if (item.type == WIPPY_STRING && wippyi_slice_is(item.as.string, key, key_size)) {
            return WIPPY_OK;
        }
        *reader = before;
        result = wippy_read_skip(reader, NULL);
        if (result == WIPPY_OK) {
            result = wippy_read_skip(reader, NULL);
            result = result == WIPPY_ERR_NOTFOUND ? WIPPY_ERR_SYNTAX : result;
        }
        if (result != WIPPY_OK) {
            return result;
        }
    }
}

static wippy_result wippyi_read_into_map(wippy_reader *reader)
{
    wippy_value item;
    wippy_result result = wippy_read(reader, &item);
    if (result == WIPPY_OK && item.type != WIPPY_MAP) {
        return WIPPY_ERR_NOTFOUND;
    }
    return result;
}

static wippy_result wippyi_read_value_slice(wippy_reader *reader, wippy_slice *out)
{
    wippy_result result = wippy_read_skip(reader, out);
    return result == WIPPY_ERR_NOTFOUND ? WIPPY_ERR_SYNTAX : result;
}

WIPPY_API wippy_result wippy_value_field(wippy_slice value, const char *key, size_t key_size,
                                         wippy_slice *out)
{
    wippy_reader reader;
    wippy_reader_init(&reader, value.data, value.size);
    wippy_result result = wippyi_read_into_map(&reader);
    if (result == WIPPY_OK) {
        result = wippyi_read_to_key(&reader, key, key_size);
    }
    return result == WIPPY_OK ? wippyi_read_value_slice(&reader, out) : result;
}

WIPPY_API wippy_result wippy_value_get(wippy_slice value, const char *path, wippy_slice *out)
{
    wippy_reader reader;
    wippy_reader_init(&reader, value.data, value.size);
    if (*path == '\0') {
        return wippy_read_skip(&reader, out);
    }
    for (;;) {
        size_t size = strcspn(path, ".");
        wippy_result result = wippyi_read_into_map(&reader);
        if (result == WIPPY_OK) {
            result = wippyi_read_to_key(&reader, path, size);
        }
        if (result != WIPPY_OK) {
            return result;
        }
        if (path[size] == '\0') {
            return wippyi_read_value_slice(&reader, out);
        }
        path += size + 1;
    }
}

static bool wippyi_value_scalar(wippy_slice value, const char *path, wippy_value *out)
{
    wippy_slice found;
    return wippy_value_get(value, path, &found) == WIPPY_OK &&
           wippyi_value_first(found, out) == WIPPY_OK;
}

WIPPY_API wippy_slice wippy_value_string(wippy_slice value, const char *path, const char *fallback)
{
    wippy_value found;
    if (wippyi_value_scalar(value, path, &found) && found.type == WIPPY_STRING) {
        return found.as.string;
    }
    wippy_slice slice;
    slice.data = fallback;
    slice.size = fallback ? strlen(fallback) : 0;
    return slice;
}

/* 2^63 is the first double too large; NaN fails both comparisons. */
static bool wippyi_float_is_int(double number)
{
    return number >= -9223372036854775808.0 && number < 9223372036854775808.0 &&
           floor(number) == number;
}

WIPPY_API int64_t wippy_value_int(wippy_slice value, const char *path, int64_t fallback)
{
    wippy_value found;
    if (!wippyi_value_scalar(value, path, &found)) {
        return fallback;
    }
    if (found.type == WIPPY_FLOAT && wippyi_float_is_int(found.as.number)) {
        return (int64_t)found.as.number;
    }
    return found.type == WIPPY_INT ? found.as.integer : fallback;
}

WIPPY_API double wippy_value_float(wippy_slice value, const char *path, double fallback)
{
    wippy_value found;
    if (!wippyi_value_scalar(value, path, &found)) {
        return fallback;
    }
    if (found.type == WIPPY_INT) {
        return (double)found.as.integer;
    }
    return found.type == WIPPY_FLOAT ? found.as.number : fallback;
}

WIPPY_API bool wippy_value_bool(wippy_slice value, const char *path, bool fallback)
{
    wippy_value found;
    if (wippyi_value_scalar(value, path, &found) && found.type == WIPPY_BOOL) {
        return found.as.boolean;
    }
    return fallback;
}

WIPPY_API bool wippy_value_each(wippy_slice value, wippy_value_iter *iter)
{
    wippy_value first;
    memset(iter, 0, sizeof(*iter));
    iter->index = SIZE_MAX; /* so that the first step makes it 0 */
    wippy_reader_init(&iter->reader, value.data, value.size);
    if (wippy_read(&iter->reader, &first) == WIPPY_OK &&
        (first.type == WIPPY_MAP || first.type == WIPPY_ARRAY)) {
        iter->map = first.type == WIPPY_MAP;
        return true;
    }
    wippy_reader_init(&iter->reader, NULL, 0);
    return false;
}

WIPPY_API bool wippy_value_next(wippy_value_iter *iter)
{
    wippy_value key;
    if (iter->map) {
        if (wippy_read_skip(&iter->reader, &iter->key) != WIPPY_OK) {
            return false;
        }
        memset(&iter->name, 0, sizeof(iter->name));
        if (wippyi_value_first(iter->key, &key) == WIPPY_OK && key.type == WIPPY_STRING) {
            iter->name = key.as.string;
        }
    }
    if (wippy_read_skip(&iter->reader, &iter->value) != WIPPY_OK) {
        return false;
    }
    iter->index++;
    return true;
}

/* ------------------------------------------------------------------ equality */

/* Equal by themselves: what containers hold is compared by the callers. */
static bool wippyi_equal_item(const wippy_value *a, const wippy_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case WIPPY_BOOL: return a->as.boolean == b->as.boolean;
    case WIPPY_INT: return a->as.integer == b->as.integer;
    case WIPPY_FLOAT:
        return !(a->as.number < b->as.number) && !(a->as.number > b->as.number) &&
               isnan(a->as.number) == isnan(b->as.number);
    case WIPPY_STRING: return wippyi_slice_is(a->as.string, b->as.string.data, b->as.string.size);
    case WIPPY_REF: return a->as.ref == b->as.ref;
    case WIPPY_ERROR:
        return a->as.error.retryable == b->as.error.retryable &&
               wippyi_slice_is(a->as.error.kind, b->as.error.kind.data, b->as.error.kind.size) &&
               wippyi_slice_is(a->as.error.message, b->as.error.message.data,
                               b->as.error.message.size);
    default: return true;
    }
}

/* Item by item, in stored order. */
static bool wippyi_equal_in_order(wippy_reader a, wippy_reader b)
{
    for (;;) {
        wippy_value x;
        wippy_value y;
        wippy_result result = wippy_read(&a, &x);
        if (wippy_read(&b, &y) != result) {
            return false;
        }
        if (result != WIPPY_OK) {
            return result == WIPPY_ERR_NOTFOUND;
        }
        if (!wippyi_equal_item(&x, &y)) {
            return false;
        }
    }
}

/* Could another order of pairs make a difference? Not without maps; and not with references, whose
   numbers would then mean other containers. */
static bool wippyi_equal_may_reorder(wippy_reader reader)
{
    bool maps = false;
    wippy_value item;
    wippy_result result;
    while ((result = wippy_read(&reader, &item)) == WIPPY_OK) {
        if (item.type == WIPPY_REF) {
            return false;
        }
        maps = maps || item.type == WIPPY_MAP;
    }
    return result == WIPPY_ERR_NOTFOUND && maps;
}

static bool wippyi_equal_next(wippy_reader *a, wippy_reader *b);

/* Both stand behind the head of an array or error: value by value until both end. */
static bool wippyi_equal_list(wippy_reader *a, wippy_reader *b)
{
    uint32_t depth = a->depth;
    while (wippyi_equal_next(a, b)) {
        if (a->depth < depth) {
            return true;
        }
    }
    return false;
}

/* Find the key at `a` among the pairs of b, beginning at `from`, once around. On success both
   stand behind their key. */
static bool wippyi_equal_key(wippy_reader *a, wippy_reader *b, wippy_reader first,
                             wippy_reader from)
{
    wippy_reader at = from;
    bool around = false;
    for (;;) {
        wippy_reader key = *a;
        wippy_reader other = at;
        if (around && at.at >= from.at) {
            return false;
        }
        if (*at.at == WIPPYI_TAG_END) {
            around = true;
            at = first;
            continue;
        }
        if (wippyi_equal_next(&key, &other)) {
            *a = key;
            *b = other;
            return true;
        }
        wippy_read_skip(&at, NULL);
        if (wippy_read_skip(&at, NULL) != WIPPY_OK) {
            return false;
        }
    }
}

/* Both stand behind the head of a map. Looking begins behind the pair found last, so maps in the
   same order are walked once. The bytes are known to be readable, see the caller at the top. */
static bool wippyi_equal_map(wippy_reader *a, wippy_reader *b)
{
    wippy_reader first = *b;
    size_t missing = 0; /* pairs of b that no pair of a has taken */
    while (*b->at != WIPPYI_TAG_END) {
        if (wippy_read_skip(b, NULL) != WIPPY_OK || wippy_read_skip(b, NULL) != WIPPY_OK) {
            return false;
        }
        missing++;
    }
    wippy_reader end = *b;
    wippy_reader from = first;
    while (*a->at != WIPPYI_TAG_END) {
        if (missing-- == 0 || !wippyi_equal_key(a, &from, first, from) ||
            !wippyi_equal_next(a, &from)) {
            return false;
        }
    }
    *b = end;
    return missing == 0 && wippyi_equal_next(a, b);
}

/* Compare one item and all it holds; recursion ends at the depth limit of the readers. */
static bool wippyi_equal_next(wippy_reader *a, wippy_reader *b)
{
    wippy_value x;
    wippy_value y;
    if (wippy_read(a, &x) != WIPPY_OK || wippy_read(b, &y) != WIPPY_OK ||
        !wippyi_equal_item(&x, &y)) {
        return false;
    }
    switch (x.type) {
    case WIPPY_MAP: return wippyi_equal_map(a, b);
    case WIPPY_ARRAY:
    case WIPPY_ERROR: return wippyi_equal_list(a, b);
    default: return true;
    }
}

WIPPY_API bool wippy_value_equal(wippy_slice a, wippy_slice b)
{
    wippy_reader x;
    wippy_reader y;
    wippy_reader_init(&x, a.data, a.size);
    wippy_reader_init(&y, b.data, b.size);
    if (wippyi_equal_in_order(x, y)) {
        return true;
    }
    if (!wippyi_equal_may_reorder(x) || !wippyi_equal_may_reorder(y)) {
        return false;
    }
    while (x.at < x.end && y.at < y.end) {
        if (!wippyi_equal_next(&x, &y)) {
            return false;
        }
    }
    return x.at == x.end && y.at == y.end;
}

/* ------------------------------------------------------------------ numbers as text */

/* The fewest significant digits that read back as the same number: one digit before the point,
   `exponent` is its power of ten. 15 digits always survive the way through a normal double, so
   fewer show as zeros at the end; denormals have less precision and are tried from one digit. */
static size_t wippyi_float_digits(double number, char digits[24], int *exponent)
{
    char text[48];
    int precision = number < 2.2250738585072014e-308 ? 1 : 15;
    for (;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, number);
        if (precision >= 17 || !(strtod(text, NULL) < number || strtod(text, NULL) > number)) {
            break;
        }
    }
    size_t count = 0;
    const char *p = text;
    for (; *p != 'e' && *p != '\0'; p++) { /* the locale chooses the point */
        if (*p >= '0' && *p <= '9' && count < 20) {
            digits[count++] = *p;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    *exponent = *p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0;
    return count;
}

static char *wippyi_digits_put(char *at, const char *digits, size_t count)
{
    memcpy(at, digits, count);
    return at + count;
}

static char *wippyi_zeros_put(char *at, int count)
{
    while (count-- > 0) {
        *at++ = '0';
    }
    return at;
}

static char *wippyi_scientific_put(char *at, const char *digits, size_t count, int exponent)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = wippyi_digits_put(at, digits + 1, count - 1);
    }
    return at + snprintf(at, 8, "e%+d", exponent);
}

static char *wippyi_decimal_put(char *at, const char *digits, size_t count, int exponent)
{
    if (exponent < 0) {
        *at++ = '0';
        *at++ = '.';
        at = wippyi_zeros_put(at, -exponent - 1);
        return wippyi_digits_put(at, digits, count);
    }
    size_t whole = WIPPYI_MIN(count, (size_t)exponent + 1);
    at = wippyi_digits_put(at, digits, whole);
    at = wippyi_zeros_put(at, exponent + 1 - (int)whole);
    if (count > whole) {
        *at++ = '.';
        at = wippyi_digits_put(at, digits + whole, count - whole);
    }
    return at;
}

WIPPYI_FN size_t wippyi_value_float_text(double number, char text[WIPPYI_VALUE_FLOAT_TEXT])
{
    char digits[24];
    char *at = text;
    int exponent = 0;
    if (!(number - number == 0.0)) { /* NaN and infinities */
        memcpy(text, "null", 5);
        return 4;
    }
    if (signbit(number)) {
        *at++ = '-';
        number = -number;
    }
    size_t count = 1;
    digits[0] = '0';
    if (number > 0.0) {
        count = wippyi_float_digits(number, digits, &exponent);
    }
    if (exponent < -6 || exponent >= 21) {
        at = wippyi_scientific_put(at, digits, count, exponent);
    } else {
        at = wippyi_decimal_put(at, digits, count, exponent);
    }
    *at = '\0';
    return (size_t)(at - text);
}

/* ------------------------------------------------------------------ values as text */

static bool wippyi_utf8_is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

WIPPYI_FN size_t wippyi_value_utf8(const uint8_t *bytes, size_t size)
{
    uint8_t lead = bytes[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4 || size < 2) {
        return 0;
    }
    size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;  /* overlong below */
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf; /* surrogates, out of range */
    if (size < length || bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!wippyi_utf8_is_tail(bytes[i])) {
            return 0;
        }
    }
    return length;
}

/* Text that may be longer than its buffer: what does not fit is counted only. */
typedef struct wippyi_text {
    char *buffer;
    size_t capacity;
    size_t length;
} wippyi_text;

static void wippyi_text_add(wippyi_text *text, const char *data, size_t size)
{
    if (text->length + 1 < text->capacity) {
        size_t room = text->capacity - 1 - text->length;
        memcpy(text->buffer + text->length, data, WIPPYI_MIN(size, room));
    }
    text->length += size;
}

static void wippyi_text_word(wippyi_text *text, const char *word)
{
    wippyi_text_add(text, word, strlen(word));
}

static void wippyi_text_control(wippyi_text *text, uint8_t byte)
{
    static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    char escape[8];
    for (size_t i = 0; i + 1 < sizeof(letters); i += 2) {
        if ((uint8_t)letters[i] == byte) {
            escape[0] = '\\';
            escape[1] = letters[i + 1];
            wippyi_text_add(text, escape, 2);
            return;
        }
    }
    snprintf(escape, sizeof(escape), "\\u%04x", byte);
    wippyi_text_add(text, escape, 6);
}

static void wippyi_text_string(wippyi_text *text, wippy_slice string)
{
    const uint8_t *bytes = (const uint8_t *)string.data;
    size_t done = 0; /* bytes before it are in the text */
    size_t i = 0;
    wippyi_text_add(text, "\"", 1);
    while (i < string.size) {
        size_t length = wippyi_value_utf8(bytes + i, string.size - i);
        if (length == 0 || bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\') {
            wippyi_text_add(text, string.data + done, i - done);
            if (length == 0) {
                wippyi_text_word(text, "\xef\xbf\xbd"); /* U+FFFD */
            } else {
                wippyi_text_control(text, bytes[i]);
            }
            done = i + 1;
        }
        i += length > 0 ? length : 1;
    }
    if (done < i) {
        wippyi_text_add(text, string.data + done, i - done);
    }
    wippyi_text_add(text, "\"", 1);
}

static void wippyi_text_number(wippyi_text *text, const wippy_value *value)
{
    char number[WIPPYI_VALUE_FLOAT_TEXT];
    if (value->type == WIPPY_FLOAT) {
        wippyi_value_float_text(value->as.number, number);
    } else if (value->type == WIPPY_INT) {
        snprintf(number, sizeof(number), "%lld", (long long)value->as.integer);
    } else {
        snprintf(number, sizeof(number), "\"<ref %lu>\"", (unsigned long)value->as.ref);
    }
    wippyi_text_word(text, number);
}

static bool wippyi_text_value(wippyi_text *text, wippy_reader *reader, const wippy_value *value);

static bool wippyi_text_array(wippyi_text *text, wippy_reader *reader)
{
    wippy_value value;
    bool more = false;
    wippyi_text_word(text, "[");
    for (;;) {
        if (wippy_read(reader, &value) != WIPPY_OK) {
            return false;
        }
        if (value.type == WIPPY_END) {
            wippyi_text_word(text, "]");
            return true;
        }
        wippyi_text_word(text, more ? ", " : "");
        more = true;
        if (!wippyi_text_value(text, reader, &value)) {
            return false;
        }
    }
}

static bool wippyi_text_key(wippyi_text *text, wippy_reader *reader, const wippy_value *key)
{
    bool quotes = key->type != WIPPY_STRING && key->type != WIPPY_REF;
    bool whole = true;
    wippyi_text_word(text, quotes ? "\"" : "");
    if (key->type == WIPPY_ARRAY || key->type == WIPPY_MAP || key->type == WIPPY_ERROR) {
        wippyi_text_word(text, "<");
        wippyi_text_word(text, wippy_value_type_name(key->type));
        wippyi_text_word(text, ">");
        whole = wippy_read_leave(reader) == WIPPY_OK;
    } else {
        whole = wippyi_text_value(text, reader, key);
    }
    wippyi_text_word(text, quotes ? "\": " : ": ");
    return whole;
}

static bool wippyi_text_map(wippyi_text *text, wippy_reader *reader)
{
    wippy_value value;
    bool more = false;
    wippyi_text_word(text, "{");
    for (;;) {
        if (wippy_read(reader, &value) != WIPPY_OK) {
            return false;
        }
        if (value.type == WIPPY_END) {
            wippyi_text_word(text, "}");
            return true;
        }
        wippyi_text_word(text, more ? ", " : "");
        more = true;
        if (!wippyi_text_key(text, reader, &value) || wippy_read(reader, &value) != WIPPY_OK ||
            value.type == WIPPY_END || !wippyi_text_value(text, reader, &value)) {
            return false;
        }
    }
}

/* The details were read. The stack is left out: it is long, and for people who look for causes. */
static bool wippyi_text_context(wippyi_text *text, wippy_reader *reader)
{
    wippy_value context;
    wippy_result result = wippy_read_skip(reader, NULL);
    if ((result != WIPPY_OK && result != WIPPY_ERR_NOTFOUND) ||
        wippy_read(reader, &context) != WIPPY_OK) {
        return false;
    }
    if (context.type == WIPPY_END) {
        return true;
    }
    if (context.type == WIPPY_STRING) {
        wippyi_text_word(text, ", \"context\": ");
        wippyi_text_string(text, context.as.string);
    }
    return wippy_read(reader, &context) == WIPPY_OK && context.type == WIPPY_END;
}

static bool wippyi_text_error(wippyi_text *text, wippy_reader *reader, const wippy_value *error)
{
    wippy_value details;
    wippyi_text_word(text, "{\"kind\": ");
    wippyi_text_string(text, error->as.error.kind);
    wippyi_text_word(text, ", \"message\": ");
    wippyi_text_string(text, error->as.error.message);
    if (error->as.error.retryable >= 0) {
        wippyi_text_word(text, ", \"retryable\": ");
        wippyi_text_word(text, error->as.error.retryable > 0 ? "true" : "false");
    }
    if (wippy_read(reader, &details) != WIPPY_OK) {
        return false;
    }
    if (details.type != WIPPY_END && details.type != WIPPY_NIL) {
        wippyi_text_word(text, ", \"details\": ");
        if (!wippyi_text_value(text, reader, &details)) {
            return false;
        }
    }
    if (details.type != WIPPY_END && !wippyi_text_context(text, reader)) {
        return false;
    }
    wippyi_text_word(text, "}");
    return true;
}

/* One item and what it holds; recursion ends at the depth limit of the reader. */
static bool wippyi_text_value(wippyi_text *text, wippy_reader *reader, const wippy_value *value)
{
    switch (value->type) {
    case WIPPY_NIL: wippyi_text_word(text, "null"); return true;
    case WIPPY_BOOL: wippyi_text_word(text, value->as.boolean ? "true" : "false"); return true;
    case WIPPY_STRING: wippyi_text_string(text, value->as.string); return true;
    case WIPPY_ARRAY: return wippyi_text_array(text, reader);
    case WIPPY_MAP: return wippyi_text_map(text, reader);
    case WIPPY_ERROR: return wippyi_text_error(text, reader, value);
    case WIPPY_END: return false;
    default: wippyi_text_number(text, value); return true;
    }
}

/* What stands third in an error, after its details and its stack. */
static wippy_slice wippyi_error_context(wippy_reader *reader)
{
    wippy_value context;
    wippy_slice none = {NULL, 0};
    if (wippy_read_skip(reader, NULL) == WIPPY_OK && wippy_read_skip(reader, NULL) == WIPPY_OK &&
        wippy_read(reader, &context) == WIPPY_OK && context.type == WIPPY_STRING) {
        return context.as.string;
    }
    return none;
}

WIPPY_API size_t wippy_error_text(wippy_slice value, char *text, size_t room)
{
    wippy_reader reader;
    wippy_value error;
    wippy_reader_init(&reader, value.data, value.size);
    if (wippy_read(&reader, &error) != WIPPY_OK || error.type != WIPPY_ERROR) {
        (void)snprintf(text, room, "%s", "");
        return 0;
    }
    wippy_slice message = error.as.error.message;
    wippy_slice context = wippyi_error_context(&reader);
    int length = snprintf(text, room, "%.*s%s%.*s", (int)context.size,
                          context.data != NULL ? context.data : "", context.size > 0 ? ": " : "",
                          (int)message.size, message.data != NULL ? message.data : "");
    return length < 0 ? 0 : (size_t)length;
}

WIPPY_API size_t wippy_value_to_text(wippy_slice value, char *buffer, size_t capacity)
{
    wippyi_text text;
    wippy_reader reader;
    wippy_value first;
    text.buffer = buffer;
    text.capacity = capacity;
    text.length = 0;
    wippy_reader_init(&reader, value.data, value.size);
    while (reader.at < reader.end) {
        wippyi_text_word(&text, text.length > 0 ? ", " : "");
        if (wippy_read(&reader, &first) != WIPPY_OK || !wippyi_text_value(&text, &reader, &first)) {
            wippyi_text_word(&text, "<malformed>");
            break;
        }
    }
    if (capacity > 0) {
        buffer[WIPPYI_MIN(text.length, capacity - 1)] = '\0';
    }
    return text.length;
}
