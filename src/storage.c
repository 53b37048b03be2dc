#include "storage.h"
#include "entry.h"
#include "filewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const wippyi_storage_kinds[] = {"env.storage.memory", "env.storage.os",
                                                   "env.storage.static", "env.storage.file",
                                                   "env.storage.router"};

WIPPYI_FN wippy_result wippyi_env_reject(wippy_diag *diag, wippy_result result, const char *format,
                                         ...)
{
    va_list args;
    if (diag) {
        memset(diag, 0, sizeof(*diag));
        diag->code = result;
        va_start(args, format);
        vsnprintf(diag->message, sizeof(diag->message), format, args);
        va_end(args);
    }
    return result;
}

WIPPYI_FN wippy_slice wippyi_env_slice(const char *text)
{
    wippy_slice slice;
    slice.data = text;
    slice.size = strlen(text);
    return slice;
}

WIPPYI_FN bool wippyi_env_same(wippy_slice a, wippy_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ------------------------------------------------------------------ pairs */

WIPPYI_FN wippyi_env_pair *wippyi_env_pair_make(wippyi_mem *mem, wippy_slice key, wippy_slice value)
{
    size_t bytes = sizeof(wippyi_env_pair) + key.size + value.size;
    wippyi_env_pair *pair = (wippyi_env_pair *)wippyi_mem_alloc(mem, bytes);
    if (pair) {
        char *at = (char *)(pair + 1);
        pair->next = NULL;
        pair->bytes = bytes;
        pair->key.data = at;
        pair->key.size = key.size;
        pair->value.data = at + key.size;
        pair->value.size = value.size;
        if (key.size > 0) {
            memcpy(at, key.data, key.size);
        }
        if (value.size > 0) {
            memcpy(at + key.size, value.data, value.size);
        }
    }
    return pair;
}

WIPPYI_FN wippyi_env_pair **wippyi_env_pair_place(wippyi_env_pair **link, wippy_slice key)
{
    while (*link && !wippyi_env_same((*link)->key, key)) {
        link = &(*link)->next;
    }
    return link;
}

WIPPYI_FN void wippyi_env_pairs_free(wippyi_mem *mem, wippyi_env_pair *pair)
{
    while (pair) {
        wippyi_env_pair *next = pair->next;
        wippyi_mem_free(mem, pair, pair->bytes);
        pair = next;
    }
}

/* ------------------------------------------------------------------ lines of a file */

static wippy_slice wippyi_env_trim(const char *start, const char *end)
{
    wippy_slice slice;
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    slice.data = start;
    slice.size = (size_t)(end - start);
    return slice;
}

static const char *wippyi_env_find(const char *at, const char *end, char c)
{
    const char *found = at < end ? (const char *)memchr(at, c, (size_t)(end - at)) : NULL;
    return found ? found : end;
}

WIPPYI_FN bool wippyi_env_line_read(const char *at, const char *end, wippyi_env_line *out)
{
    if (at >= end) {
        return false;
    }
    const char *newline = wippyi_env_find(at, end, '\n');
    const char *text_end = wippyi_env_find(at, newline, '#');
    const char *equals = wippyi_env_find(at, text_end, '=');
    out->start = at;
    out->next = newline < end ? newline + 1 : end;
    out->key = wippyi_env_trim(at, equals);
    out->value = wippyi_env_trim(equals < text_end ? equals + 1 : text_end, text_end);
    if (equals == text_end) {
        out->key.size = 0; /* no variable without '=' */
    }
    return true;
}

static bool wippyi_env_line_holds(wippy_slice key, wippy_slice value)
{
    wippy_slice trimmed = wippyi_env_trim(key.data, key.data + key.size);
    return key.size > 0 && trimmed.size == key.size && !memchr(key.data, '=', key.size) &&
           !memchr(key.data, '#', key.size) && !memchr(key.data, '\n', key.size) &&
           (value.size == 0 ||
            (!memchr(value.data, '#', value.size) && !memchr(value.data, '\n', value.size) &&
             wippyi_env_trim(value.data, value.data + value.size).size == value.size));
}

WIPPYI_FN char *wippyi_env_append(char *at, const char *data, size_t size)
{
    if (size > 0) {
        memcpy(at, data, size);
    }
    return at + size;
}

WIPPYI_FN wippy_result wippyi_env_line_set(wippyi_mem *mem, wippy_slice content, wippy_slice key,
                                           wippy_slice value, char **out, size_t *out_size)
{
    const char *start = content.size > 0 ? content.data : "";
    const char *end = start + content.size;
    const char *cut = end;   /* the new line begins here ... */
    const char *after = end; /* ... and this follows it */
    wippyi_env_line line;
    if (!wippyi_env_line_holds(key, value)) {
        return WIPPY_ERR_INVALID;
    }
    for (const char *at = start; wippyi_env_line_read(at, end, &line); at = line.next) {
        if (wippyi_env_same(line.key, key)) {
            cut = line.start;
            after = line.value.data + line.value.size;
            break;
        }
    }
    bool append = cut == end;
    bool newline = append && content.size > 0 && end[-1] != '\n';
    size_t size = (size_t)(cut - start) + key.size + 1 + value.size + (size_t)(end - after) +
                  (append ? 1u : 0u) + (newline ? 1u : 0u);
    char *text = (char *)wippyi_mem_alloc(mem, size);
    if (!text) {
        return WIPPY_ERR_NOMEM;
    }
    char *to = wippyi_env_append(text, start, (size_t)(cut - start));
    to = wippyi_env_append(to, "\n", newline ? 1 : 0);
    to = wippyi_env_append(to, key.data, key.size);
    to = wippyi_env_append(to, "=", 1);
    to = wippyi_env_append(to, value.data, value.size);
    to = wippyi_env_append(to, append ? "\n" : after, append ? 1 : (size_t)(end - after));
    *out = text;
    *out_size = size;
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ file storage */

/* Path of the file, NUL-terminated, from the storage's allocator. */
static char *wippyi_storage_path(const wippyi_storage *storage)
{
    wippy_slice path = wippy_value_string(wippy_entry_data(storage->entry), "file_path", "");
    return wippyi_mem_text(storage->mem, path.data, path.size);
}

/* Permissions: a number, or text in octal. */
static uint32_t wippyi_storage_mode(const wippyi_storage *storage, const char *field,
                                    uint32_t fallback)
{
    wippy_slice data = wippy_entry_data(storage->entry);
    wippy_slice text = wippy_value_string(data, field, "");
    uint32_t mode = 0;
    for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '7'; i++) {
        mode = mode * 8 + (uint32_t)(text.data[i] - '0');
    }
    mode = text.size > 0 ? mode : (uint32_t)wippy_value_int(data, field, 0);
    return mode != 0 ? mode & 07777u : fallback;
}

/* The whole file; a missing one reads as empty. Give it to wippyi_storage_unload(). */
static wippy_result wippyi_storage_load(const wippyi_storage *storage, const char *path,
                                        wippy_slice *content, bool *missing, wippy_diag *diag)
{
    char *text = NULL;
    size_t size = 0;
    wippy_result result =
        wippyi_file_read(storage->mem, path, WIPPYI_ENV_FILE_BYTES, &text, &size, diag);
    *missing = result == WIPPY_ERR_NOTFOUND;
    content->data = result == WIPPY_OK ? text : NULL;
    content->size = result == WIPPY_OK ? size : 0;
    return *missing ? WIPPY_OK : result;
}

static void wippyi_storage_unload(const wippyi_storage *storage, wippy_slice content)
{
    if (content.data) {
        wippyi_mem_free(storage->mem, (void *)(uintptr_t)content.data, content.size + 1);
    }
}

static wippy_result wippyi_storage_save(const wippyi_storage *storage, const char *path,
                                        wippy_slice content, wippy_slice key, wippy_slice value,
                                        wippy_diag *diag)
{
    char *text = NULL;
    size_t size = 0;
    wippy_result result = wippyi_env_line_set(storage->mem, content, key, value, &text, &size);
    if (result == WIPPY_ERR_INVALID) {
        return wippyi_env_reject(diag, result,
                                 "a value in a file cannot hold '#', line breaks or outer spaces");
    }
    if (result == WIPPY_OK) {
        result = wippyi_file_write(storage->mem, path, text, size,
                                   wippyi_storage_mode(storage, "file_mode", 0644), diag);
    }
    wippyi_mem_free(storage->mem, text, size);
    return result;
}

static wippy_result wippyi_storage_file_set(const wippyi_storage *storage, const char *path,
                                            wippy_slice key, wippy_slice value, wippy_diag *diag)
{
    wippy_slice content;
    bool missing;
    wippy_result result = wippyi_storage_load(storage, path, &content, &missing, diag);
    if (result == WIPPY_OK && missing) {
        if (!wippy_value_bool(wippy_entry_data(storage->entry), "auto_create", false)) {
            return wippyi_env_reject(diag, WIPPY_ERR_NOTFOUND,
                                     "file %.300s does not exist and auto_create is off", path);
        }
        result = wippyi_file_make_room(storage->mem, path,
                                       wippyi_storage_mode(storage, "dir_mode", 0755), diag);
    }
    if (result == WIPPY_OK) {
        result = wippyi_storage_save(storage, path, content, key, value, diag);
    }
    wippyi_storage_unload(storage, content);
    return result;
}

/* ------------------------------------------------------------------ walking a storage
   Every way to read goes through here: fn is called for each variable, the first of a name first,
   until it answers something else than WIPPY_OK. */

static wippy_result wippyi_storage_walk_memory(wippyi_storage *storage, wippyi_env_fn fn, void *arg)
{
    wippy_result result = WIPPY_OK;
    for (wippyi_env_pair *pair = storage->pairs; pair && result == WIPPY_OK; pair = pair->next) {
        result = fn(arg, pair->key, pair->value);
    }
    return result;
}

static wippy_result wippyi_storage_walk_os(wippyi_env_fn fn, void *arg)
{
    char **all = wippyi_environment_all();
    wippy_result result = WIPPY_OK;
    for (; all && *all && result == WIPPY_OK; all++) {
        const char *equals = strchr(*all, '=');
        if (equals) {
            wippy_slice key = wippyi_env_slice(*all);
            key.size = (size_t)(equals - *all);
            result = fn(arg, key, wippyi_env_slice(equals + 1));
        }
    }
    return result;
}

/* Text of a scalar of a static storage, or of a default. */
WIPPYI_FN wippy_slice wippyi_env_scalar(wippy_slice value, char *room, size_t bytes)
{
    if (wippy_value_type_of(value) == WIPPY_STRING) {
        return wippy_value_string(value, "", "");
    }
    wippy_slice text;
    text.data = room;
    text.size =
        wippy_value_type_of(value) == WIPPY_NIL ? 0 : wippy_value_to_text(value, room, bytes);
    text.size = WIPPYI_MIN(text.size, bytes - 1);
    return text;
}

static wippy_result wippyi_storage_walk_static(const wippyi_storage *storage, wippyi_env_fn fn,
                                               void *arg)
{
    wippy_slice values;
    wippy_value_iter it;
    char room[64];
    wippy_result result = WIPPY_OK;
    memset(&values, 0, sizeof(values));
    (void)wippy_value_get(wippy_entry_data(storage->entry), "values", &values);
    for (wippy_value_each(values, &it); result == WIPPY_OK && wippy_value_next(&it);) {
        if (it.name.data) {
            result = fn(arg, it.name, wippyi_env_scalar(it.value, room, sizeof(room)));
        }
    }
    return result;
}

static wippy_result wippyi_storage_walk_file(const wippyi_storage *storage, wippyi_env_fn fn,
                                             void *arg, wippy_diag *diag)
{
    wippy_slice content;
    wippyi_env_line line;
    bool missing;
    char *path = wippyi_storage_path(storage);
    if (!path) {
        return WIPPY_ERR_NOMEM;
    }
    wippy_result result = wippyi_storage_load(storage, path, &content, &missing, diag);
    const char *end = content.data + content.size;
    for (const char *at = content.data;
         result == WIPPY_OK && at && wippyi_env_line_read(at, end, &line); at = line.next) {
        if (line.key.size > 0) {
            result = fn(arg, line.key, line.value);
        }
    }
    wippyi_storage_unload(storage, content);
    wippyi_mem_text_free(storage->mem, path);
    return result;
}

WIPPYI_FN wippy_result wippyi_storage_walk(wippyi_storage *storage, wippyi_env_fn fn, void *arg,
                                           wippy_diag *diag)
{
    wippy_result result = WIPPY_OK;
    wippyi_mutex_lock(&storage->lock);
    switch (storage->type) {
    case WIPPYI_STORAGE_MEMORY: result = wippyi_storage_walk_memory(storage, fn, arg); break;
    case WIPPYI_STORAGE_OS: result = wippyi_storage_walk_os(fn, arg); break;
    case WIPPYI_STORAGE_STATIC: result = wippyi_storage_walk_static(storage, fn, arg); break;
    case WIPPYI_STORAGE_FILE: result = wippyi_storage_walk_file(storage, fn, arg, diag); break;
    case WIPPYI_STORAGE_ROUTER:
    case WIPPYI_STORAGE_NONE:
    default: break;
    }
    wippyi_mutex_unlock(&storage->lock);
    return result;
}

/* ------------------------------------------------------------------ reading and writing */

WIPPYI_FN wippyi_storage *wippyi_storage_find(wippyi_env *env, const char *id)
{
    return (wippyi_storage *)(void *)wippyi_catalog_find(&env->storages, id);
}

/* Storage number `index` of a router, held; NULL = none. */
static wippyi_storage *wippyi_router_next(wippyi_env *env, const wippyi_storage *router,
                                          size_t index, bool *end)
{
    wippy_slice list;
    wippy_value_iter it;
    char id[512];
    memset(&list, 0, sizeof(list));
    (void)wippy_value_get(wippy_entry_data(router->entry), "storages", &list);
    *end = false;
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        if (it.index == index) {
            wippy_slice name = wippy_value_string(it.value, "", "");
            size_t size = wippy_id_complete(name.data, name.size, router->item.id, id, sizeof(id));
            return size < sizeof(id) ? wippyi_storage_find(env, id) : NULL;
        }
    }
    *end = true;
    return NULL;
}

static wippy_result wippyi_env_look(void *arg, wippy_slice key, wippy_slice value)
{
    wippyi_env_lookup *lookup = (wippyi_env_lookup *)arg;
    if (!wippyi_env_same(key, lookup->key)) {
        return WIPPY_OK;
    }
    lookup->found = wippyi_env_pair_make(lookup->env->mem, key, value);
    return lookup->found ? WIPPY_PENDING : WIPPY_ERR_NOMEM; /* PENDING ends the walk */
}

/* The first storage that has it; an error ends the search. */
static wippy_result wippyi_router_read(wippyi_storage *router, wippyi_env_lookup *lookup,
                                       uint32_t depth)
{
    wippy_result result = WIPPY_ERR_NOTFOUND;
    bool end = false;
    for (size_t i = 0; result == WIPPY_ERR_NOTFOUND && !end; i++) {
        wippyi_storage *storage = wippyi_router_next(lookup->env, router, i, &end);
        if (storage) {
            result = wippyi_storage_read(storage, lookup, depth + 1);
            wippyi_item_release(&storage->item);
        }
    }
    return result;
}

/* Returns: WIPPY_OK with lookup->found, _ERR_NOTFOUND, or what went wrong. */
WIPPYI_FN wippy_result wippyi_storage_read(wippyi_storage *storage, wippyi_env_lookup *lookup,
                                           uint32_t depth)
{
    if (depth >= WIPPYI_ENV_DEPTH) {
        return wippyi_env_reject(lookup->diag, WIPPY_ERR_LIMIT, "routers are nested too deep");
    }
    if (storage->type == WIPPYI_STORAGE_ROUTER) {
        return wippyi_router_read(storage, lookup, depth);
    }
    wippy_result result = wippyi_storage_walk(storage, wippyi_env_look, lookup, lookup->diag);
    return result == WIPPY_OK ? WIPPY_ERR_NOTFOUND : result == WIPPY_PENDING ? WIPPY_OK : result;
}

static wippy_result wippyi_storage_memory_set(wippyi_storage *storage, wippy_slice key,
                                              wippy_slice value)
{
    wippyi_env_pair *pair = wippyi_env_pair_make(storage->mem, key, value);
    if (!pair) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_mutex_lock(&storage->lock);
    wippyi_env_pair **link = wippyi_env_pair_place(&storage->pairs, key);
    wippyi_env_pair *old = *link;
    pair->next = old ? old->next : NULL;
    *link = pair;
    wippyi_mutex_unlock(&storage->lock);
    if (old) {
        wippyi_mem_free(storage->mem, old, old->bytes);
    }
    return WIPPY_OK;
}

static wippy_result wippyi_router_write(wippyi_env *env, wippyi_storage *router, wippy_slice key,
                                        wippy_slice value, uint32_t depth, wippy_diag *diag)
{
    bool end;
    wippyi_storage *first = wippyi_router_next(env, router, 0, &end);
    if (!first) {
        return wippyi_env_reject(diag, WIPPY_ERR_NOTFOUND, "storage not found");
    }
    wippy_result result = wippyi_storage_write(env, first, key, value, depth + 1, diag);
    wippyi_item_release(&first->item);
    return result;
}

WIPPYI_FN wippy_result wippyi_storage_write(wippyi_env *env, wippyi_storage *storage,
                                            wippy_slice key, wippy_slice value, uint32_t depth,
                                            wippy_diag *diag)
{
    char *path;
    wippy_result result;
    if (depth >= WIPPYI_ENV_DEPTH) {
        return wippyi_env_reject(diag, WIPPY_ERR_LIMIT, "routers are nested too deep");
    }
    switch (storage->type) {
    case WIPPYI_STORAGE_MEMORY: return wippyi_storage_memory_set(storage, key, value);
    case WIPPYI_STORAGE_ROUTER: return wippyi_router_write(env, storage, key, value, depth, diag);
    case WIPPYI_STORAGE_FILE:
        path = wippyi_storage_path(storage);
        if (!path) {
            return WIPPY_ERR_NOMEM;
        }
        wippyi_mutex_lock(&storage->lock);
        result = wippyi_storage_file_set(storage, path, key, value, diag);
        wippyi_mutex_unlock(&storage->lock);
        wippyi_mem_text_free(storage->mem, path);
        return result;
    case WIPPYI_STORAGE_OS:
    case WIPPYI_STORAGE_STATIC:
    case WIPPYI_STORAGE_NONE:
    default: return wippyi_env_reject(diag, WIPPY_ERR_DENIED, "storage is read-only");
    }
}

/* ------------------------------------------------------------------ entries of storages */

static void wippyi_storage_free(wippyi_item *item)
{
    wippyi_storage *storage = (wippyi_storage *)(void *)item;
    wippyi_env_pairs_free(storage->mem, storage->pairs);
    wippyi_mutex_destroy(&storage->lock);
    wippy_entry_release(storage->rt, storage->entry);
    wippyi_mem_free(storage->mem, storage, sizeof(*storage));
}

static wippyi_storage_type wippyi_storage_type_of(const char *kind)
{
    size_t i = 0;
    while (i < WIPPYI_COUNT(wippyi_storage_kinds) && strcmp(kind, wippyi_storage_kinds[i]) != 0) {
        i++;
    }
    return (wippyi_storage_type)i;
}

WIPPYI_FN wippy_result wippyi_storage_make(const wippy_kind_call *call, wippyi_item **out)
{
    wippyi_env *env = (wippyi_env *)call->user_data;
    wippyi_storage *storage = (wippyi_storage *)wippyi_mem_alloc(env->mem, sizeof(*storage));
    if (!storage) {
        return WIPPY_ERR_NOMEM;
    }
    memset(storage, 0, sizeof(*storage));
    if (wippyi_mutex_init(&storage->lock) != WIPPY_OK) {
        wippyi_mem_free(env->mem, storage, sizeof(*storage));
        return WIPPY_ERR_NOMEM;
    }
    storage->rt = call->rt;
    storage->mem = env->mem;
    storage->entry = wippy_entry_hold(call->after);
    storage->type = wippyi_storage_type_of(wippy_entry_kind(call->after));
    wippyi_item_init(&storage->item, wippy_entry_id(call->after), wippyi_storage_free);
    *out = &storage->item;
    return WIPPY_OK;
}

/* Is there a storage of this id in the registry as it will be? */
WIPPYI_FN wippy_result wippyi_storage_exists(const wippy_kind_call *call, wippy_slice name)
{
    char id[512];
    const char *owner = wippy_entry_id(call->after);
    wippy_entry *entry = NULL;
    if (wippy_id_complete(name.data, name.size, owner, id, sizeof(id)) < sizeof(id)) {
        entry = wippy_snapshot_get(call->next, id);
    }
    if (!entry) {
        return wippyi_env_reject(call->diag, WIPPY_ERR_NOTFOUND, "storage not found: %.*s",
                                 WIPPYI_SLICE_ARGS(name));
    }
    return wippyi_storage_type_of(wippy_entry_kind(entry)) != WIPPYI_STORAGE_NONE
               ? WIPPY_OK
               : wippyi_env_reject(call->diag, WIPPY_ERR_INVALID, "%s is not a storage", id);
}

static wippy_result wippyi_router_check(const wippy_kind_call *call, wippy_slice data)
{
    wippy_slice list;
    wippy_value_iter it;
    wippy_result result = WIPPY_OK;
    size_t count = 0;
    memset(&list, 0, sizeof(list));
    (void)wippy_value_get(data, "storages", &list);
    for (wippy_value_each(list, &it); result == WIPPY_OK && wippy_value_next(&it); count++) {
        result = wippyi_storage_exists(call, wippy_value_string(it.value, "", ""));
    }
    return count > 0 ? result
                     : wippyi_env_reject(call->diag, WIPPY_ERR_INVALID,
                                         "storages: at least one storage is required");
}

WIPPYI_FN wippy_result wippyi_storage_check(const wippy_kind_call *call)
{
    wippy_slice data = wippy_entry_data(call->after);
    wippy_slice values;
    switch (wippyi_storage_type_of(wippy_entry_kind(call->after))) {
    case WIPPYI_STORAGE_FILE:
        return wippy_value_string(data, "file_path", "").size > 0
                   ? WIPPY_OK
                   : wippyi_env_reject(call->diag, WIPPY_ERR_INVALID, "file_path is required");
    case WIPPYI_STORAGE_STATIC:
        return wippy_value_get(data, "values", &values) != WIPPY_OK ||
                       wippy_value_type_of(values) == WIPPY_MAP
                   ? WIPPY_OK
                   : wippyi_env_reject(call->diag, WIPPY_ERR_INVALID, "values must be a map");
    case WIPPYI_STORAGE_ROUTER: return wippyi_router_check(call, data);
    case WIPPYI_STORAGE_MEMORY:
    case WIPPYI_STORAGE_OS:
    case WIPPYI_STORAGE_NONE:
    default: return WIPPY_OK;
    }
}

WIPPYI_FN const char *wippyi_storage_kind(size_t index)
{
    return index < WIPPYI_COUNT(wippyi_storage_kinds) ? wippyi_storage_kinds[index] : NULL;
}
