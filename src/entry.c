#include "entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- small words ---- */

WIPPYI_FN wippy_slice wippyi_text_slice(const char *text)
{
    wippy_slice slice;
    slice.data = text;
    slice.size = text != NULL ? strlen(text) : 0;
    return slice;
}

WIPPYI_FN bool wippyi_text_is(wippy_slice slice, const char *text)
{
    size_t size = strlen(text);
    return slice.size == size && (size == 0 || memcmp(slice.data, text, size) == 0);
}

WIPPYI_FN wippy_slice wippyi_empty_map(void)
{
    wippy_slice slice;
    slice.data = "\x67\x00\x68"; /* the format is described in the value module */
    slice.size = 3;
    return slice;
}

static void wippyi_diag_text(char *target, size_t room, const char *text)
{
    size_t size = strlen(text);
    size = size < room ? size : room - 1;
    memmove(target, text, size); /* a handler may pass on its own diag */
    target[size] = '\0';
}

WIPPYI_FN wippy_result wippyi_reject(wippy_diag *diag, wippy_result result, const char *about,
                                     const char *format, ...)
{
    if (diag != NULL) {
        va_list args;
        memset(diag, 0, sizeof(*diag));
        diag->code = result;
        wippyi_diag_text(diag->file, sizeof(diag->file), about != NULL ? about : "");
        va_start(args, format);
        vsnprintf(diag->message, sizeof(diag->message), format, args);
        va_end(args);
    }
    return result;
}

/* ---- entries ---- */

static wippy_result wippyi_entry_check(const wippyi_entry_desc *desc, wippy_diag *diag)
{
    if (desc->id == NULL || desc->id[0] == '\0' || desc->id[strlen(desc->id) - 1] == ':') {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, desc->id, "entry must have valid id field");
    }
    if (desc->kind == NULL || desc->kind[0] == '\0') {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, desc->id, "entry must have kind field");
    }
    if (desc->meta.size > 0 &&
        (wippy_value_check(desc->meta.data, desc->meta.size, 1) != WIPPY_OK ||
         wippy_value_type_of(desc->meta) != WIPPY_MAP)) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, desc->id, "meta is %s, expected a map",
                             wippy_value_type_name(wippy_value_type_of(desc->meta)));
    }
    if (desc->data.size > 0 && wippy_value_check(desc->data.data, desc->data.size, 1) != WIPPY_OK) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, desc->id, "data is not one encoded value");
    }
    return WIPPY_OK;
}

/* Append `size` bytes and a zero to the block; answers where they went. */
static const char *wippyi_entry_put(char **at, const char *data, size_t size)
{
    char *start = *at;
    if (size > 0) {
        memcpy(start, data, size);
    }
    start[size] = '\0';
    *at = start + size + 1;
    return start;
}

static uint32_t wippyi_hash_more(uint32_t hash, wippy_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (uint8_t)text.data[i]) * 16777619u; /* FNV-1a */
    }
    return hash;
}

static uint32_t wippyi_hash(wippy_slice space, wippy_slice rest)
{
    return wippyi_hash_more(wippyi_hash_more(2166136261u, space), rest);
}

WIPPYI_FN wippy_result wippyi_entry_make(wippyi_mem *mem, const wippyi_entry_desc *desc,
                                         wippy_entry **out, wippy_diag *diag)
{
    wippy_result result = wippyi_entry_check(desc, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    wippy_slice id = wippyi_text_slice(desc->id);
    wippy_slice kind = wippyi_text_slice(desc->kind);
    wippy_slice file = wippyi_text_slice(desc->file);
    wippy_slice meta = desc->meta.size > 0 ? desc->meta : wippyi_empty_map();
    wippy_slice data = desc->data.size > 0 ? desc->data : wippyi_empty_map();
    size_t size = sizeof(wippy_entry) + id.size + kind.size + file.size + meta.size + data.size + 5;
    wippy_entry *entry = (wippy_entry *)wippyi_mem_alloc(mem, size);
    if (entry == NULL) {
        return wippyi_reject(diag, WIPPY_ERR_NOMEM, desc->id, "out of memory");
    }
    memset(entry, 0, sizeof(*entry));
    wippyi_a32_init(&entry->holds, 1);
    entry->line = desc->line;
    entry->block_size = size;
    char *at = (char *)(entry + 1);
    entry->id = wippyi_entry_put(&at, id.data, id.size);
    entry->kind = wippyi_entry_put(&at, kind.data, kind.size);
    entry->file = wippyi_entry_put(&at, file.data, file.size);
    entry->meta.data = wippyi_entry_put(&at, meta.data, meta.size);
    entry->meta.size = meta.size;
    entry->data.data = wippyi_entry_put(&at, data.data, data.size);
    entry->data.size = data.size;
    entry->id_size = id.size;
    entry->id_hash = wippyi_hash_more(2166136261u, id);
    *out = entry;
    return WIPPY_OK;
}

WIPPY_API wippy_entry *wippy_entry_hold(wippy_entry *entry)
{
    if (entry != NULL) {
        /* relaxed: the caller has a hold already, so the block cannot go away */
        wippyi_a32_add_rlx(&entry->holds, 1);
    }
    return entry;
}

WIPPYI_FN void wippyi_entry_release(wippyi_mem *mem, wippy_entry *entry)
{
    /* acquire-release: reads made under other holds happen before the block is freed */
    if (entry != NULL && wippyi_a32_sub_acqrel(&entry->holds, 1) == 1) {
        wippyi_mem_free(mem, entry, entry->block_size);
    }
}

WIPPY_API const char *wippy_entry_id(const wippy_entry *entry)
{
    return entry->id;
}

WIPPY_API const char *wippy_entry_kind(const wippy_entry *entry)
{
    return entry->kind;
}

WIPPY_API wippy_slice wippy_entry_meta(const wippy_entry *entry)
{
    return entry->meta;
}

WIPPY_API wippy_slice wippy_entry_data(const wippy_entry *entry)
{
    return entry->data;
}

WIPPY_API uint64_t wippy_entry_revision(const wippy_entry *entry)
{
    return entry->revision;
}

WIPPY_API const char *wippy_entry_file(const wippy_entry *entry, uint32_t *line)
{
    if (line != NULL) {
        *line = entry->line;
    }
    return entry->file;
}

/* ---- ids ---- */

WIPPY_API void wippy_id_parse(const char *id, size_t bytes, wippy_slice *ns, wippy_slice *name)
{
    const char *colon = bytes > 0 ? (const char *)memchr(id, ':', bytes) : NULL;
    size_t ns_size = colon != NULL ? (size_t)(colon - id) : 0;
    size_t skipped = colon != NULL ? ns_size + 1 : 0;
    ns->data = id;
    ns->size = ns_size;
    name->data = bytes > 0 ? id + skipped : id;
    name->size = bytes - skipped;
}

static void wippyi_text_append(char *text, size_t room, size_t at, wippy_slice piece)
{
    if (at < room) {
        memcpy(text + at, piece.data, WIPPYI_MIN(piece.size, room - at));
    }
}

WIPPY_API size_t wippy_id_complete(const char *id, size_t bytes, const char *owner, char *text,
                                   size_t room)
{
    wippy_slice space = {NULL, 0};
    wippy_slice rest = {id, bytes};
    if (bytes > 0 && memchr(id, ':', bytes) == NULL) {
        const char *colon = strchr(owner, ':');
        space.data = owner;
        space.size = colon != NULL ? (size_t)(colon - owner) + 1 : 0;
    }
    size_t size = space.size + rest.size;
    if (room > 0) {
        if (space.size > 0) {
            wippyi_text_append(text, room - 1, 0, space);
        }
        if (rest.size > 0) {
            wippyi_text_append(text, room - 1, space.size, rest);
        }
        text[WIPPYI_MIN(size, room - 1)] = '\0';
    }
    return size;
}

/* ---- index ---- */

WIPPYI_FN wippy_result wippyi_ids_make(wippyi_ids *index, wippyi_mem *mem, size_t room)
{
    size_t slots = 8;
    while (slots < room * 2) {
        slots *= 2;
    }
    if (room > UINT32_MAX / 4) {
        return WIPPY_ERR_LIMIT;
    }
    index->slots = (uint32_t *)wippyi_mem_alloc(mem, slots * sizeof(uint32_t));
    if (index->slots == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(index->slots, 0, slots * sizeof(uint32_t));
    index->mask = (uint32_t)(slots - 1);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_ids_free(wippyi_ids *index, wippyi_mem *mem)
{
    if (index->slots != NULL) {
        wippyi_mem_free(mem, index->slots, ((size_t)index->mask + 1) * sizeof(uint32_t));
        index->slots = NULL;
    }
}

WIPPYI_FN void wippyi_ids_add(wippyi_ids *index, wippy_entry *const *entries, uint32_t position)
{
    uint32_t slot = entries[position]->id_hash & index->mask;
    while (index->slots[slot] != 0) {
        slot = (slot + 1) & index->mask;
    }
    index->slots[slot] = position + 1;
}

static bool wippyi_id_is(const wippy_entry *entry, uint32_t hash, wippy_slice space,
                         wippy_slice rest)
{
    return entry->id_hash == hash && entry->id_size == space.size + rest.size &&
           (space.size == 0 || memcmp(entry->id, space.data, space.size) == 0) &&
           (rest.size == 0 || memcmp(entry->id + space.size, rest.data, rest.size) == 0);
}

WIPPYI_FN uint32_t wippyi_ids_find(const wippyi_ids *index, wippy_entry *const *entries,
                                   wippy_slice space, wippy_slice rest)
{
    uint32_t hash = wippyi_hash(space, rest);
    for (uint32_t slot = hash & index->mask; index->slots[slot] != 0;
         slot = (slot + 1) & index->mask) {
        uint32_t position = index->slots[slot] - 1;
        if (wippyi_id_is(entries[position], hash, space, rest)) {
            return position;
        }
    }
    return WIPPYI_NOWHERE;
}

/* ---- change lists ---- */

WIPPYI_FN wippy_result wippyi_changes_make(wippyi_changes *changes, wippyi_mem *mem, size_t room)
{
    memset(changes, 0, sizeof(*changes));
    changes->mem = mem;
    changes->room = room;
    changes->items = (wippy_entry_change *)wippyi_mem_alloc(mem, room * sizeof(wippy_entry_change));
    changes->keys = (wippy_entry **)wippyi_mem_alloc(mem, room * sizeof(wippy_entry *));
    wippy_result result = wippyi_ids_make(&changes->index, mem, room);
    if (changes->items == NULL || changes->keys == NULL || result != WIPPY_OK) {
        wippyi_changes_free(changes);
        return result != WIPPY_OK ? result : WIPPY_ERR_NOMEM;
    }
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_changes_free(wippyi_changes *changes)
{
    wippyi_mem *mem = changes->mem;
    for (size_t i = 0; i < changes->count; i++) {
        wippyi_entry_release(mem, changes->items[i].before);
        wippyi_entry_release(mem, changes->items[i].after);
        wippyi_entry_release(mem, changes->keys[i]);
    }
    wippyi_mem_free(mem, changes->items, changes->room * sizeof(wippy_entry_change));
    wippyi_mem_free(mem, changes->keys, changes->room * sizeof(wippy_entry *));
    wippyi_ids_free(&changes->index, mem);
    changes->items = NULL;
    changes->keys = NULL;
    changes->count = 0;
}

static wippy_entry_op wippyi_change_op(const wippy_entry *before, const wippy_entry *after)
{
    if (before == NULL) {
        return WIPPY_ENTRY_CREATE;
    }
    return after == NULL ? WIPPY_ENTRY_DELETE : WIPPY_ENTRY_UPDATE;
}

WIPPYI_FN void wippyi_changes_add(wippyi_changes *changes, wippy_entry *before, wippy_entry *after)
{
    WIPPYI_ASSERT(changes->count < changes->room);
    uint32_t position = (uint32_t)changes->count++;
    wippy_entry_change *item = &changes->items[position];
    item->op = wippyi_change_op(before, after);
    item->before = wippy_entry_hold(before);
    item->after = wippy_entry_hold(after);
    changes->keys[position] = wippy_entry_hold(wippyi_change_entry(item));
    wippyi_ids_add(&changes->index, changes->keys, position);
}

WIPPYI_FN uint32_t wippyi_changes_find(const wippyi_changes *changes, wippy_slice space,
                                       wippy_slice rest)
{
    return wippyi_ids_find(&changes->index, changes->keys, space, rest);
}

WIPPYI_FN void wippyi_changes_follow(wippyi_changes *changes, wippy_entry *before,
                                     wippy_entry *after)
{
    const wippy_entry *entry = after != NULL ? after : before;
    wippy_slice none = {NULL, 0};
    uint32_t position = wippyi_changes_find(changes, none, wippyi_text_slice(entry->id));
    if (position == WIPPYI_NOWHERE) {
        wippyi_changes_add(changes, before, after);
        return;
    }
    wippy_entry_change *item = &changes->items[position];
    wippy_entry_hold(after);
    wippyi_entry_release(changes->mem, item->after);
    item->after = after;
    item->op = wippyi_change_op(item->before, after);
}
