#include "frame.h"
#include "runtime_access.h"
#include "value.h"

#include <string.h>

/* What a frame is to hold; everything belongs to somebody else. */
typedef struct wippyi_frame_parts {
    const char *actor;
    wippy_slice actor_meta;
    wippy_slice context;
    const char *const *scope;
    uint32_t scope_count;
    bool has_scope;
    bool trusted;
} wippyi_frame_parts;

/* ------------------------------------------------------------------ one block
   struct, then the pointers of the scope, then bytes. */

static size_t wippyi_frame_size(const wippyi_frame_parts *parts)
{
    size_t size = sizeof(wippy_frame) + parts->scope_count * sizeof(char *);
    for (uint32_t i = 0; i < parts->scope_count; i++) {
        size += strlen(parts->scope[i]) + 1;
    }
    return size + strlen(parts->actor) + 1 + parts->actor_meta.size + parts->context.size;
}

static const char *wippyi_frame_copy(char **at, const char *data, size_t size)
{
    char *start = *at;
    if (size > 0) {
        memcpy(start, data, size);
    }
    *at += size;
    return start;
}

static wippy_slice wippyi_frame_copy_slice(char **at, wippy_slice slice)
{
    wippy_slice copy;
    copy.data = slice.size > 0 ? wippyi_frame_copy(at, slice.data, slice.size) : NULL;
    copy.size = slice.size;
    return copy;
}

static void wippyi_frame_fill(wippy_frame *frame, const wippyi_frame_parts *parts)
{
    const char **scope = (const char **)(void *)(frame + 1);
    char *at = (char *)(void *)(scope + parts->scope_count);
    for (uint32_t i = 0; i < parts->scope_count; i++) {
        scope[i] = wippyi_frame_copy(&at, parts->scope[i], strlen(parts->scope[i]) + 1);
    }
    frame->scope = scope;
    frame->scope_count = parts->scope_count;
    frame->has_scope = parts->has_scope;
    frame->trusted = parts->trusted;
    frame->actor = wippyi_frame_copy(&at, parts->actor, strlen(parts->actor) + 1);
    frame->actor_meta = wippyi_frame_copy_slice(&at, parts->actor_meta);
    frame->context = wippyi_frame_copy_slice(&at, parts->context);
}

static wippy_result wippyi_frame_from_parts(wippyi_mem *mem, const wippyi_frame_parts *parts,
                                            wippy_frame **out)
{
    size_t bytes = wippyi_frame_size(parts);
    wippy_frame *frame = (wippy_frame *)wippyi_mem_alloc(mem, bytes);
    if (!frame) {
        return WIPPY_ERR_NOMEM;
    }
    frame->bytes = bytes;
    frame->mem = mem;
    wippyi_a32_init(&frame->refs, 1);
    wippyi_frame_fill(frame, parts);
    *out = frame;
    return WIPPY_OK;
}

static void wippyi_frame_parts_of(const wippy_frame *base, wippyi_frame_parts *parts)
{
    memset(parts, 0, sizeof(*parts));
    parts->actor = "";
    if (base) {
        parts->actor = base->actor;
        parts->actor_meta = base->actor_meta;
        parts->context = base->context;
        parts->scope = base->scope;
        parts->scope_count = base->scope_count;
        parts->has_scope = base->has_scope;
    }
}

/* ------------------------------------------------------------------ context
   Pairs are copied in runs as long as possible, so that references between pairs of one map keep
   their distance. */

static bool wippyi_frame_has_key(wippy_slice map, wippy_slice key)
{
    wippy_value_iter it;
    for (wippy_value_each(map, &it); wippy_value_next(&it);) {
        if (wippy_value_equal(it.key, key)) {
            return true;
        }
    }
    return false;
}

/* Write the pairs of `map` whose keys `over` does not have. */
static void wippyi_frame_write_pairs(wippy_writer *w, wippy_slice map, wippy_slice over)
{
    const char *run = NULL;
    const char *end = NULL;
    wippy_value_iter it;
    for (wippy_value_each(map, &it); wippy_value_next(&it);) {
        bool hidden = wippyi_frame_has_key(over, it.key);
        if (hidden && run) {
            wippy_write_encoded(w, run, (size_t)(end - run));
            run = NULL;
        } else if (!hidden && !run) {
            run = it.key.data;
        }
        end = it.value.data + it.value.size;
    }
    if (run) {
        wippy_write_encoded(w, run, (size_t)(end - run));
    }
}

static wippy_result wippyi_frame_merge(wippy_writer *w, wippy_slice base, wippy_slice over,
                                       wippy_slice *out)
{
    wippy_slice none;
    none.data = NULL;
    none.size = 0;
    wippy_write_map(w, 0);
    wippyi_frame_write_pairs(w, base, over);
    wippyi_frame_write_pairs(w, over, none);
    wippy_write_end(w);
    wippy_result result = wippy_writer_finish(w, out);
    return result == WIPPY_ERR_SYNTAX ? WIPPY_ERR_INVALID : result;
}

static wippy_result wippyi_frame_check_map(wippy_slice map)
{
    if (map.size == 0) {
        return WIPPY_OK;
    }
    return wippy_value_type_of(map) == WIPPY_MAP &&
                   wippy_value_check(map.data, map.size, 1) == WIPPY_OK
               ? WIPPY_OK
               : WIPPY_ERR_INVALID;
}

/* ------------------------------------------------------------------ making */

static wippy_result wippyi_frame_apply(const wippy_frame_desc *desc, wippyi_frame_parts *parts,
                                       wippy_writer *w)
{
    if (desc->actor_id) {
        parts->actor = desc->actor_id;
        parts->actor_meta = desc->actor_meta;
        if (!*desc->actor_id) {
            memset(&parts->actor_meta, 0, sizeof(parts->actor_meta));
        }
    }
    if (desc->scope) {
        parts->scope = desc->scope;
        parts->scope_count = desc->scope_count;
        parts->has_scope = true;
    }
    if (desc->context.size == 0) {
        return WIPPY_OK;
    }
    if (parts->context.size == 0) {
        parts->context = desc->context;
        return WIPPY_OK;
    }
    return wippyi_frame_merge(w, parts->context, desc->context, &parts->context);
}

WIPPYI_FN wippy_result wippyi_frame_build(wippyi_mem *mem, const wippy_frame_desc *desc,
                                          wippy_frame **out)
{
    wippyi_frame_parts parts;
    wippy_writer w;
    wippy_result result = wippyi_frame_check_map(desc->context);
    if (result == WIPPY_OK) {
        result = wippyi_frame_check_map(desc->actor_meta);
    }
    if (result != WIPPY_OK) {
        return result;
    }
    wippyi_writer_init(&w, mem);
    wippyi_frame_parts_of(desc->base, &parts);
    result = wippyi_frame_apply(desc, &parts, &w);
    if (result == WIPPY_OK) {
        result = wippyi_frame_from_parts(mem, &parts, out);
    }
    wippy_writer_free(&w);
    return result;
}

WIPPY_API wippy_result wippy_frame_make(wippy_runtime *rt, const wippy_frame_desc *desc,
                                        wippy_frame **out)
{
    if (!rt || !desc || !out || (desc->scope_count > 0 && !desc->scope)) {
        return WIPPY_ERR_INVALID;
    }
    return wippyi_frame_build(wippyi_runtime_mem(rt), desc, out);
}

WIPPYI_FN wippy_result wippyi_frame_trusted(wippyi_mem *mem, wippy_frame **out)
{
    wippyi_frame_parts parts;
    wippyi_frame_parts_of(NULL, &parts);
    parts.trusted = true;
    return wippyi_frame_from_parts(mem, &parts, out);
}

/* ------------------------------------------------------------------ counting */

WIPPY_API wippy_frame *wippy_frame_hold(wippy_frame *frame)
{
    if (frame) {
        /* relaxed: whoever holds a count already sees the frame */
        wippyi_a32_add_rlx(&frame->refs, 1);
    }
    return frame;
}

WIPPY_API void wippy_frame_release(wippy_runtime *rt, wippy_frame *frame)
{
    (void)rt;
    /* acq_rel: reads of other holders come before the free of the last one */
    if (frame && wippyi_a32_sub_acqrel(&frame->refs, 1) == 1) {
        wippyi_mem_free(frame->mem, frame, frame->bytes);
    }
}

/* ------------------------------------------------------------------ reading */

WIPPY_API const char *wippy_frame_actor(const wippy_frame *frame)
{
    return frame ? frame->actor : "";
}

static wippy_slice wippyi_frame_empty(void)
{
    wippy_slice none;
    none.data = NULL;
    none.size = 0;
    return none;
}

WIPPY_API wippy_slice wippy_frame_actor_meta(const wippy_frame *frame)
{
    return frame ? frame->actor_meta : wippyi_frame_empty();
}

WIPPY_API wippy_slice wippy_frame_context(const wippy_frame *frame)
{
    return frame ? frame->context : wippyi_frame_empty();
}

WIPPY_API uint32_t wippy_frame_scope(const wippy_frame *frame, const char *const **ids)
{
    if (ids) {
        *ids = frame ? frame->scope : NULL;
    }
    return frame ? frame->scope_count : 0;
}

WIPPY_API bool wippy_frame_has_scope(const wippy_frame *frame)
{
    return frame && frame->has_scope;
}
