#include "env.h"
#include "entry.h"

#include <string.h>

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
                WIPPYI_SLICE_ARGS(name), wippy_entry_id(other));
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
    static const char *const variable[] = {"variable", "storage",   "default",
                                           "readonly", "read_only", NULL};
    static const char *const storage[] = {"file_path", "auto_create", "file_mode", "dir_mode",
                                          "values",    "storages",    NULL};
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "env.variable";
    desc.fields = variable;
    desc.check = wippyi_env_check;
    desc.apply = wippyi_env_apply;
    desc.commit = wippyi_env_commit;
    desc.user_data = env;
    wippy_result result = wippy_kind_register(rt, &desc);
    desc.fields = storage;
    for (size_t i = 0; wippyi_storage_kind(i) && result == WIPPY_OK; i++) {
        desc.name = wippyi_storage_kind(i);
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
