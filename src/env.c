#include "env.h"
#include "filewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef enum wippyi_storage_type {
    WIPPYI_STORAGE_MEMORY = 0,
    WIPPYI_STORAGE_OS,
    WIPPYI_STORAGE_STATIC,
    WIPPYI_STORAGE_FILE,
    WIPPYI_STORAGE_ROUTER,
    WIPPYI_STORAGE_NONE
} wippyi_storage_type;

static const char *const wippyi_storage_kinds[] = {"env.storage.memory", "env.storage.os",
                                                   "env.storage.static", "env.storage.file",
                                                   "env.storage.router"};

/* One variable of a memory storage, or one found while all are collected. Texts lie behind it. */
typedef struct wippyi_env_pair {
    struct wippyi_env_pair *next;
    size_t bytes;
    wippy_slice key;
    wippy_slice value;
} wippyi_env_pair;

typedef struct wippyi_storage {
    wippyi_item item;
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippy_entry *entry; /* held */
    wippyi_storage_type type;
    wippyi_mutex lock;
    wippyi_env_pair *pairs; /* memory: guarded by lock */
} wippyi_storage;

typedef struct wippyi_variable {
    wippyi_item item;
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippy_entry *entry;  /* held */
    size_t bytes;        /* of this block; the texts lie behind it */
    const char *name;    /* public name, or "" */
    const char *storage; /* full id */
    wippy_slice fallback;
    bool read_only;
} wippyi_variable;

static wippy_result wippyi_env_reject(wippy_diag *diag, wippy_result result, const char *format,
                                      ...) WIPPYI_PRINTF(3, 4);

static wippy_result wippyi_env_reject(wippy_diag *diag, wippy_result result, const char *format,
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

static wippy_slice wippyi_env_slice(const char *text)
{
    wippy_slice slice;
    slice.data = text;
    slice.size = strlen(text);
    return slice;
}

static bool wippyi_env_same(wippy_slice a, wippy_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ------------------------------------------------------------------ pairs */

static wippyi_env_pair *wippyi_env_pair_make(wippyi_mem *mem, wippy_slice key, wippy_slice value)
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

static wippyi_env_pair **wippyi_env_pair_place(wippyi_env_pair **link, wippy_slice key)
{
    while (*link && !wippyi_env_same((*link)->key, key)) {
        link = &(*link)->next;
    }
    return link;
}

static void wippyi_env_pairs_free(wippyi_mem *mem, wippyi_env_pair *pair)
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

static char *wippyi_env_append(char *at, const char *data, size_t size)
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

typedef wippy_result (*wippyi_env_fn)(void *arg, wippy_slice key, wippy_slice value);

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
static wippy_slice wippyi_env_scalar(wippy_slice value, char *room, size_t bytes)
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

static wippy_result wippyi_storage_walk(wippyi_storage *storage, wippyi_env_fn fn, void *arg,
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

static wippyi_storage *wippyi_storage_find(wippyi_env *env, const char *id)
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

typedef struct wippyi_env_lookup {
    wippyi_env *env;
    wippy_slice key;
    wippyi_env_pair *found; /* what was read; the caller frees it */
    wippy_diag *diag;
} wippyi_env_lookup;

static wippy_result wippyi_env_look(void *arg, wippy_slice key, wippy_slice value)
{
    wippyi_env_lookup *lookup = (wippyi_env_lookup *)arg;
    if (!wippyi_env_same(key, lookup->key)) {
        return WIPPY_OK;
    }
    lookup->found = wippyi_env_pair_make(lookup->env->mem, key, value);
    return lookup->found ? WIPPY_PENDING : WIPPY_ERR_NOMEM; /* PENDING ends the walk */
}

static wippy_result wippyi_storage_read(wippyi_storage *storage, wippyi_env_lookup *lookup,
                                        uint32_t depth);

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
static wippy_result wippyi_storage_read(wippyi_storage *storage, wippyi_env_lookup *lookup,
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

static wippy_result wippyi_storage_write(wippyi_env *env, wippyi_storage *storage, wippy_slice key,
                                         wippy_slice value, uint32_t depth, wippy_diag *diag);

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

static wippy_result wippyi_storage_write(wippyi_env *env, wippyi_storage *storage, wippy_slice key,
                                         wippy_slice value, uint32_t depth, wippy_diag *diag)
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

/* ------------------------------------------------------------------ variables */

static wippyi_variable *wippyi_variable_by_name(wippyi_env *env, const char *name)
{
    wippyi_item *item = wippyi_catalog_next(&env->variables, NULL);
    while (item) {
        wippyi_variable *variable = (wippyi_variable *)(void *)item;
        if (variable->name[0] != '\0' && strcmp(variable->name, name) == 0) {
            return variable;
        }
        item = wippyi_catalog_next(&env->variables, variable->item.id);
        wippyi_item_release(&variable->item);
    }
    return NULL;
}

/* By public name, else in the namespace of the caller, else by id. Held; NULL = not declared. */
static wippyi_variable *wippyi_variable_find(wippyi_env *env, const wippy_self *self,
                                             const char *key)
{
    char id[512];
    wippyi_variable *variable = wippyi_variable_by_name(env, key);
    if (variable) {
        return variable;
    }
    if (wippy_id_complete(key, strlen(key), wippy_self_entry(self), id, sizeof(id)) >= sizeof(id)) {
        return NULL;
    }
    return (wippyi_variable *)(void *)wippyi_catalog_find(&env->variables, id);
}

/* What its storage calls it: the public name, or the name part of its id. */
static wippy_slice wippyi_variable_key(const wippyi_variable *variable)
{
    wippy_slice space, name;
    if (variable->name[0] != '\0') {
        return wippyi_env_slice(variable->name);
    }
    wippy_id_parse(variable->item.id, strlen(variable->item.id), &space, &name);
    return name;
}

static bool wippyi_env_right(const wippy_self *self, const char *action, const char *name)
{
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    return wippy_self_pid(self).id == 0 || wippy_allowed(self, action, name, none);
}

static wippy_result wippyi_env_open(wippy_self *self, const char *key, const char *action,
                                    const char *refusal, wippyi_variable **out, wippy_diag *diag)
{
    if (!key || !*key) {
        return wippyi_env_reject(diag, WIPPY_ERR_INVALID, "empty key");
    }
    if (!wippyi_env_right(self, action, key)) {
        return wippyi_env_reject(diag, WIPPY_ERR_DENIED, "%s: %.300s", refusal, key);
    }
    wippyi_variable *variable =
        wippyi_variable_find(wippyi_runtime_env(wippy_self_runtime(self)), self, key);
    if (!variable) {
        return wippyi_env_reject(diag, WIPPY_ERR_NOTFOUND, "environment variable not found");
    }
    const char *name = variable->name[0] != '\0' ? variable->name : variable->item.id;
    if (strcmp(name, key) != 0 && !wippyi_env_right(self, action, name)) {
        wippyi_item_release(&variable->item); /* no way round a right by another spelling */
        return wippyi_env_reject(diag, WIPPY_ERR_DENIED, "%s: %.300s", refusal, key);
    }
    *out = variable;
    return WIPPY_OK;
}

static wippy_result wippyi_variable_read(wippyi_variable *variable, wippyi_env_lookup *lookup)
{
    wippyi_storage *storage = wippyi_storage_find(lookup->env, variable->storage);
    wippy_result result = WIPPY_ERR_NOTFOUND;
    lookup->key = wippyi_variable_key(variable);
    if (storage) {
        result = wippyi_storage_read(storage, lookup, 0);
        wippyi_item_release(&storage->item);
    }
    return result;
}

static void wippyi_env_give(wippy_slice value, char *text, size_t room, size_t *size)
{
    if (size) {
        *size = value.size;
    }
    if (room > 0) {
        size_t copied = WIPPYI_MIN(value.size, room - 1);
        if (copied > 0) {
            memcpy(text, value.data, copied);
        }
        text[copied] = '\0';
    }
}

WIPPY_API wippy_result wippy_env_get(wippy_self *self, const char *key, char *text, size_t room,
                                     size_t *size, wippy_diag *diag)
{
    wippyi_variable *variable = NULL;
    wippyi_env_lookup lookup;
    wippy_result result = wippyi_env_open(
        self, key, "env.get", "not allowed to access environment variable", &variable, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    memset(&lookup, 0, sizeof(lookup));
    lookup.env = wippyi_runtime_env(wippy_self_runtime(self));
    lookup.diag = diag;
    result = wippyi_variable_read(variable, &lookup);
    bool there = result == WIPPY_OK && lookup.found->value.size > 0;
    if (there ||
        ((result == WIPPY_OK || result == WIPPY_ERR_NOTFOUND) && variable->fallback.size > 0)) {
        wippyi_env_give(there ? lookup.found->value : variable->fallback, text, room, size);
        result = WIPPY_OK;
    } else if (result == WIPPY_OK || result == WIPPY_ERR_NOTFOUND) {
        result = wippyi_env_reject(diag, WIPPY_ERR_NOTFOUND, "environment variable not found");
    }
    wippyi_env_pairs_free(lookup.env->mem, lookup.found);
    wippyi_item_release(&variable->item);
    return result;
}

static wippy_result wippyi_variable_write(wippyi_env *env, wippyi_variable *variable,
                                          const char *value, wippy_diag *diag)
{
    if (variable->read_only) {
        return wippyi_env_reject(diag, WIPPY_ERR_DENIED, "environment variable is read-only");
    }
    wippyi_storage *storage = wippyi_storage_find(env, variable->storage);
    if (!storage) {
        return wippyi_env_reject(diag, WIPPY_ERR_NOTFOUND, "storage not found: %.300s",
                                 variable->storage);
    }
    wippy_result result = wippyi_storage_write(env, storage, wippyi_variable_key(variable),
                                               wippyi_env_slice(value), 0, diag);
    wippyi_item_release(&storage->item);
    return result;
}

WIPPY_API wippy_result wippy_env_set(wippy_self *self, const char *key, const char *value,
                                     wippy_diag *diag)
{
    wippyi_env *env = wippyi_runtime_env(wippy_self_runtime(self));
    wippyi_variable *variable = NULL;
    if (!value) {
        return wippyi_env_reject(diag, WIPPY_ERR_INVALID, "value is required");
    }
    wippy_result result = wippyi_env_open(
        self, key, "env.set", "not allowed to set environment variable", &variable, diag);
    if (result == WIPPY_OK) {
        result = wippyi_variable_write(env, variable, value, diag);
        wippyi_item_release(&variable->item);
    }
    return result;
}

/* ------------------------------------------------------------------ everything */

typedef struct wippyi_env_collection {
    wippy_self *self;
    wippyi_mem *mem;
    wippyi_env_pair *first;
    size_t count;
} wippyi_env_collection;

static wippy_result wippyi_env_collect(void *arg, wippy_slice key, wippy_slice value)
{
    wippyi_env_collection *all = (wippyi_env_collection *)arg;
    wippyi_env_pair **link = wippyi_env_pair_place(&all->first, key);
    if (*link) {
        return WIPPY_OK; /* an earlier storage has it */
    }
    *link = wippyi_env_pair_make(all->mem, key, value);
    all->count++;
    return *link ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

/* Rights are asked after the walk: no lock is held then. */
static void wippyi_env_write_allowed(wippyi_env_collection *all, wippy_writer *out)
{
    char name[512];
    for (wippyi_env_pair *pair = all->first; pair; pair = pair->next) {
        if (pair->key.size >= sizeof(name)) {
            continue;
        }
        memcpy(name, pair->key.data, pair->key.size);
        name[pair->key.size] = '\0';
        if (wippyi_env_right(all->self, "env.get", name)) {
            wippy_write_string(out, pair->key.data, pair->key.size);
            wippy_write_string(out, pair->value.data, pair->value.size);
        }
    }
}

WIPPY_API wippy_result wippy_env_all(wippy_self *self, wippy_writer *out)
{
    wippyi_env *env = wippyi_runtime_env(wippy_self_runtime(self));
    wippyi_env_collection all;
    wippy_result result = WIPPY_OK;
    memset(&all, 0, sizeof(all));
    all.self = self;
    all.mem = env->mem;
    wippyi_item *item = wippyi_catalog_next(&env->storages, NULL);
    while (item) {
        if (result == WIPPY_OK) {
            result =
                wippyi_storage_walk((wippyi_storage *)(void *)item, wippyi_env_collect, &all, NULL);
        }
        wippyi_item *next = wippyi_catalog_next(&env->storages, item->id);
        wippyi_item_release(item);
        item = next;
    }
    if (result == WIPPY_OK) {
        wippy_write_map(out, all.count);
        wippyi_env_write_allowed(&all, out);
        wippy_write_end(out);
    }
    wippyi_env_pairs_free(env->mem, all.first);
    return result == WIPPY_ERR_NOMEM || result == WIPPY_OK ? result : WIPPY_ERR_IO;
}

/* ------------------------------------------------------------------ kinds: storages */

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

static wippy_result wippyi_storage_make(const wippy_kind_call *call, wippyi_item **out)
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
static wippy_result wippyi_storage_exists(const wippy_kind_call *call, wippy_slice name)
{
    char id[512];
    const char *owner = wippy_entry_id(call->after);
    wippy_entry *entry = NULL;
    if (wippy_id_complete(name.data, name.size, owner, id, sizeof(id)) < sizeof(id)) {
        entry = wippy_snapshot_get(call->next, id);
    }
    if (!entry) {
        return wippyi_env_reject(call->diag, WIPPY_ERR_NOTFOUND, "storage not found: %.*s",
                                 (int)WIPPYI_MIN(name.size, 300), name.data);
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

static wippy_result wippyi_storage_check(const wippy_kind_call *call)
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

/* ------------------------------------------------------------------ kinds: variables */

static void wippyi_variable_free(wippyi_item *item)
{
    wippyi_variable *variable = (wippyi_variable *)(void *)item;
    wippy_entry_release(variable->rt, variable->entry);
    wippyi_mem_free(variable->mem, variable, variable->bytes);
}

static bool wippyi_variable_is_name(wippy_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_')) {
            return false;
        }
    }
    return true;
}

static bool wippyi_variable_is_read_only(wippy_slice data)
{
    return wippy_value_bool(data, "readonly", false) || wippy_value_bool(data, "read_only", false);
}

static wippy_result wippyi_variable_make(const wippy_kind_call *call, wippyi_item **out)
{
    wippyi_env *env = (wippyi_env *)call->user_data;
    const char *id = wippy_entry_id(call->after);
    wippy_slice data = wippy_entry_data(call->after);
    wippy_slice name = wippy_value_string(data, "variable", "");
    wippy_slice storage = wippy_value_string(data, "storage", "");
    wippy_slice fallback = wippyi_env_slice("");
    wippy_slice value;
    char room[64];
    if (wippy_value_get(data, "default", &value) == WIPPY_OK) {
        fallback = wippyi_env_scalar(value, room, sizeof(room));
    }
    size_t storage_bytes = wippy_id_complete(storage.data, storage.size, id, NULL, 0) + 1;
    size_t bytes = sizeof(wippyi_variable) + name.size + 1 + storage_bytes + fallback.size;
    wippyi_variable *variable = (wippyi_variable *)wippyi_mem_alloc(env->mem, bytes);
    if (!variable) {
        return WIPPY_ERR_NOMEM;
    }
    char *at = (char *)(variable + 1);
    memset(variable, 0, sizeof(*variable));
    variable->bytes = bytes;
    variable->rt = call->rt;
    variable->mem = env->mem;
    variable->entry = wippy_entry_hold(call->after);
    variable->name = at;
    at = wippyi_env_append(at, name.data, name.size);
    *at++ = '\0';
    variable->storage = at;
    (void)wippy_id_complete(storage.data, storage.size, id, at, storage_bytes);
    at += storage_bytes;
    variable->fallback.data = at;
    variable->fallback.size = fallback.size;
    (void)wippyi_env_append(at, fallback.data, fallback.size);
    variable->read_only = wippyi_variable_is_read_only(data);
    wippyi_item_init(&variable->item, id, wippyi_variable_free);
    *out = &variable->item;
    return WIPPY_OK;
}

/* Public names are unique in the registry as it will be. */
static wippy_result wippyi_variable_check_name(const wippy_kind_call *call, wippy_slice name)
{
    for (size_t i = 0; name.size > 0 && i < wippy_snapshot_count(call->next); i++) {
        wippy_entry *other = wippy_snapshot_entry(call->next, i);
        if (strcmp(wippy_entry_kind(other), "env.variable") == 0 &&
            strcmp(wippy_entry_id(other), wippy_entry_id(call->after)) != 0 &&
            wippyi_env_same(wippy_value_string(wippy_entry_data(other), "variable", ""), name)) {
            return wippyi_env_reject(
                call->diag, WIPPY_ERR_EXISTS, "variable %.*s is already declared by %.200s",
                (int)WIPPYI_MIN(name.size, 200), name.data, wippy_entry_id(other));
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyi_variable_check(const wippy_kind_call *call)
{
    wippy_slice data = wippy_entry_data(call->after);
    wippy_slice name = wippy_value_string(data, "variable", "");
    wippy_slice storage = wippy_value_string(data, "storage", "");
    wippy_slice fallback;
    if (!wippyi_variable_is_name(name)) {
        return wippyi_env_reject(call->diag, WIPPY_ERR_INVALID,
                                 "variable may hold letters, digits and _ only");
    }
    if (storage.size == 0) {
        return wippyi_env_reject(call->diag, WIPPY_ERR_INVALID, "storage is required");
    }
    if (wippy_value_get(data, "default", &fallback) == WIPPY_OK &&
        (wippy_value_type_of(fallback) == WIPPY_ARRAY ||
         wippy_value_type_of(fallback) == WIPPY_MAP)) {
        return wippyi_env_reject(call->diag, WIPPY_ERR_INVALID, "default must be a string");
    }
    wippy_result result = wippyi_storage_exists(call, storage);
    return result == WIPPY_OK ? wippyi_variable_check_name(call, name) : result;
}

/* ------------------------------------------------------------------ kinds: both */

static bool wippyi_env_is_variable(const wippy_kind_call *call)
{
    const char *kind = wippy_entry_kind(call->after ? call->after : call->before);
    return strcmp(kind, "env.variable") == 0;
}

static wippyi_catalog *wippyi_env_catalog(const wippy_kind_call *call)
{
    wippyi_env *env = (wippyi_env *)call->user_data;
    return wippyi_env_is_variable(call) ? &env->variables : &env->storages;
}

static wippy_result wippyi_env_check(const wippy_kind_call *call)
{
    return wippyi_env_is_variable(call) ? wippyi_variable_check(call) : wippyi_storage_check(call);
}

static wippy_result wippyi_env_apply(const wippy_kind_call *call)
{
    const char *id = wippy_entry_id(call->after ? call->after : call->before);
    wippyi_item *item = NULL;
    wippy_result result = WIPPY_OK;
    if (call->undo) {
        wippyi_catalog_unstage(wippyi_env_catalog(call), id);
        return WIPPY_OK;
    }
    if (call->after) {
        result = wippyi_env_is_variable(call) ? wippyi_variable_make(call, &item)
                                              : wippyi_storage_make(call, &item);
    }
    if (result == WIPPY_OK) {
        result = wippyi_catalog_stage(wippyi_env_catalog(call), id, item);
        if (result != WIPPY_OK) {
            wippyi_item_release(item);
        }
    }
    return result;
}

static void wippyi_env_commit(const wippy_kind_call *call)
{
    wippyi_catalog_commit(wippyi_env_catalog(call),
                          wippy_entry_id(call->after ? call->after : call->before));
}

static wippy_result wippyi_env_register(wippy_runtime *rt, wippyi_env *env)
{
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "env.variable";
    desc.check = wippyi_env_check;
    desc.apply = wippyi_env_apply;
    desc.commit = wippyi_env_commit;
    desc.user_data = env;
    wippy_result result = wippy_kind_register(rt, &desc);
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_storage_kinds) && result == WIPPY_OK; i++) {
        desc.name = wippyi_storage_kinds[i];
        result = wippy_kind_register(rt, &desc);
    }
    return result;
}

/* ------------------------------------------------------------------ creation */

WIPPYI_FN wippy_result wippyi_env_create(wippy_runtime *rt, wippyi_mem *mem, wippyi_env **out)
{
    wippyi_env *env = (wippyi_env *)wippyi_mem_alloc(mem, sizeof(*env));
    if (!env) {
        return WIPPY_ERR_NOMEM;
    }
    env->mem = mem;
    wippy_result result = wippyi_catalog_init(&env->storages, mem);
    if (result == WIPPY_OK) {
        result = wippyi_catalog_init(&env->variables, mem);
        if (result != WIPPY_OK) {
            wippyi_catalog_destroy(&env->storages);
        }
    }
    if (result != WIPPY_OK) {
        wippyi_mem_free(mem, env, sizeof(*env));
        return result;
    }
    result = wippyi_env_register(rt, env);
    if (result != WIPPY_OK) {
        wippyi_env_destroy(env);
        return result;
    }
    *out = env;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_env_destroy(wippyi_env *env)
{
    if (env) {
        wippyi_catalog_destroy(&env->variables);
        wippyi_catalog_destroy(&env->storages);
        wippyi_mem_free(env->mem, env, sizeof(*env));
    }
}
