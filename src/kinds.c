#include "kinds.h"

#include <stdio.h>
#include <string.h>

WIPPYI_FN void wippyi_kinds_init(wippyi_kinds *kinds)
{
    wippyi_ap_init(&kinds->head, NULL);
}

WIPPYI_FN void wippyi_kinds_free(wippyi_kinds *kinds, wippyi_mem *mem)
{
    wippyi_kind *kind = (wippyi_kind *)wippyi_ap_load_acq(&kinds->head);
    while (kind != NULL) {
        wippyi_kind *next = kind->next;
        wippyi_mem_free(mem, kind, sizeof(*kind) + strlen(kind->desc.name) + 1);
        kind = next;
    }
    wippyi_ap_store_rel(&kinds->head, NULL);
}

/* acquire: the kind was filled before it became the head; pairs with wippyi_kinds_add() */
static const wippyi_kind *wippyi_kinds_first(const wippyi_kinds *kinds)
{
    return (const wippyi_kind *)wippyi_ap_load_acq(&kinds->head);
}

static bool wippyi_kinds_has(const wippyi_kinds *kinds, const char *name)
{
    for (const wippyi_kind *kind = wippyi_kinds_first(kinds); kind != NULL; kind = kind->next) {
        if (strcmp(kind->desc.name, name) == 0) {
            return true;
        }
    }
    return false;
}

WIPPYI_FN wippy_result wippyi_kinds_add(wippyi_kinds *kinds, wippyi_mem *mem,
                                        const wippy_kind_desc *desc)
{
    if (desc == NULL || desc->name == NULL || desc->name[0] == '\0') {
        return WIPPY_ERR_INVALID;
    }
    if (wippyi_kinds_has(kinds, desc->name)) {
        return WIPPY_ERR_EXISTS;
    }
    size_t size = strlen(desc->name);
    wippyi_kind *kind = (wippyi_kind *)wippyi_mem_alloc(mem, sizeof(wippyi_kind) + size + 1);
    if (kind == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memcpy(kind + 1, desc->name, size + 1);
    kind->desc = *desc;
    kind->desc.name = (const char *)(kind + 1);
    kind->prefix = size >= 2 && strcmp(desc->name + size - 2, ".*") == 0;
    kind->match_size = kind->prefix ? size - 1 : size;
    kind->next = (wippyi_kind *)wippyi_ap_load_rlx(&kinds->head); /* one adder at a time */
    /* release: publishes the fields above; pairs with wippyi_kinds_first() */
    wippyi_ap_store_rel(&kinds->head, kind);
    return WIPPY_OK;
}

WIPPYI_FN const wippyi_kind *wippyi_kinds_find(const wippyi_kinds *kinds, const char *name)
{
    const wippyi_kind *best = NULL;
    for (const wippyi_kind *kind = wippyi_kinds_first(kinds); kind != NULL; kind = kind->next) {
        if (!kind->prefix && strcmp(kind->desc.name, name) == 0) {
            return kind;
        }
        if (kind->prefix && strncmp(kind->desc.name, name, kind->match_size) == 0 &&
            (best == NULL || best->match_size < kind->match_size)) {
            best = kind;
        }
    }
    return best;
}

WIPPYI_FN const wippyi_kind *wippyi_kinds_active(const wippyi_kinds *kinds,
                                                 const wippy_entry *entry)
{
    const wippyi_kind *kind = wippyi_kinds_find(kinds, entry->kind);
    return kind != NULL && (kind->desc.flags & WIPPY_KIND_PASSIVE) == 0 ? kind : NULL;
}

WIPPYI_FN wippy_result wippyi_kinds_type(const wippyi_kinds *kinds, wippy_runtime *rt,
                                         const wippy_entry *entry, wippy_type *type,
                                         wippy_diag *diag)
{
    const wippyi_kind *kind = wippyi_kinds_find(kinds, entry->kind);
    uint32_t runs = WIPPY_KIND_PROCESS | WIPPY_KIND_CALLABLE;
    if (entry->barred) {
        return wippyi_reject(diag, WIPPY_ERR_CONFLICT, entry->id, "its imports were refused");
    }
    if (kind != NULL && (kind->desc.flags & runs) != 0) {
        if (kind->desc.choose_type != NULL) {
            return kind->desc.choose_type(rt, entry, type, diag, kind->desc.user_data);
        }
        if (kind->desc.process_type.id != 0) {
            *type = kind->desc.process_type;
            return WIPPY_OK;
        }
    }
    return wippyi_reject(diag, WIPPY_ERR_NOTFOUND, entry->id, "factory not found");
}

/* ---- fields that mean nothing: a wrong name would be silent otherwise ---- */

typedef struct wippyi_ignored {
    wippy_runtime *rt;
    const wippyi_kind *kind;
    const wippy_entry *entry;
    char path[256]; /* of the field that is looked at, as far as there is room */
} wippyi_ignored;

typedef enum wippyi_field_is {
    WIPPYI_FIELD_IGNORED,
    WIPPYI_FIELD_KNOWN,
    WIPPYI_FIELD_AROUND /* something below it is known */
} wippyi_field_is;

static wippyi_field_is wippyi_field_look(const char *const *fields, const char *path)
{
    wippyi_field_is is = WIPPYI_FIELD_IGNORED;
    size_t size = strlen(path);
    for (; *fields != NULL && is != WIPPYI_FIELD_KNOWN; fields++) {
        if (strncmp(*fields, path, size) == 0 && (*fields)[size] == '\0') {
            is = WIPPYI_FIELD_KNOWN;
        } else if (strncmp(*fields, path, size) == 0 && (*fields)[size] == '.') {
            is = WIPPYI_FIELD_AROUND;
        }
    }
    return is;
}

static void wippyi_field_ignored(const wippyi_ignored *look)
{
    const wippy_slice none = {NULL, 0};
    uint32_t line = 0;
    const char *file = wippy_entry_file(look->entry, &line);
    wippyi_log(look->rt, WIPPY_LOG_DEBUG, "registry", none,
               "%s: field %s means nothing to kind %s (%s:%u)", look->entry->id, look->path,
               look->entry->kind, file, (unsigned)line);
}

/* As deep as the paths of the kind. `used`: bytes of look->path that stand for `map`. */
static void wippyi_fields_look(wippyi_ignored *look, wippy_slice map, size_t used)
{
    wippy_value_iter it;
    for (wippy_value_each(map, &it); wippy_value_next(&it);) {
        size_t size = (size_t)snprintf(look->path + used, sizeof(look->path) - used, "%s%.*s",
                                       used > 0 ? "." : "",
                                       (int)WIPPYI_MIN(it.name.size, sizeof(look->path)),
                                       it.name.data != NULL ? it.name.data : "");
        wippyi_field_is is = wippyi_field_look(look->kind->desc.fields, look->path);
        if (is == WIPPYI_FIELD_AROUND) {
            wippyi_fields_look(look, it.value, used + size);
        } else if (is == WIPPYI_FIELD_IGNORED) {
            wippyi_field_ignored(look);
        }
    }
}

WIPPYI_FN void wippyi_kinds_tell_ignored(wippy_runtime *rt, const wippyi_kind *kind,
                                         const wippy_entry *entry)
{
    wippyi_ignored look;
    if (kind->desc.fields != NULL && wippyi_log_wanted(rt, WIPPY_LOG_DEBUG)) {
        look.rt = rt;
        look.kind = kind;
        look.entry = entry;
        wippyi_fields_look(&look, entry->data, 0);
    }
}

/* ---- process.native: a process type that the program registered ---- */

#define WIPPYI_NATIVE_NAME_ROOM 256

static wippy_result wippyi_native_type(wippy_runtime *rt, const wippy_entry *entry, wippy_type *out,
                                       wippy_diag *diag, void *user_data)
{
    (void)user_data;
    char name[WIPPYI_NATIVE_NAME_ROOM];
    wippy_slice type = wippy_value_string(entry->data, "type", NULL);
    if (type.size == 0) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, entry->id, "type is required");
    }
    if (type.size >= sizeof(name)) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, entry->id, "type is longer than %d bytes",
                             WIPPYI_NATIVE_NAME_ROOM - 1);
    }
    memcpy(name, type.data, type.size);
    name[type.size] = '\0';
    if (wippy_type_find(rt, name, out) != WIPPY_OK) {
        return wippyi_reject(diag, WIPPY_ERR_NOTFOUND, entry->id,
                             "no process type \"%s\" is registered", name);
    }
    return WIPPY_OK;
}

static wippy_result wippyi_native_check(const wippy_kind_call *call)
{
    wippy_type ignored;
    return wippyi_native_type(call->rt, call->after, &ignored, call->diag, NULL);
}

#undef WIPPYI_NATIVE_NAME_ROOM

WIPPYI_FN wippy_result wippyi_kinds_add_native(wippyi_kinds *kinds, wippyi_mem *mem)
{
    static const char *const passive[] = {"registry.entry", "ns.*"};
    static const char *const native_fields[] = {"type", NULL};
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.flags = WIPPY_KIND_PASSIVE;
    for (size_t i = 0; i < WIPPYI_COUNT(passive); i++) {
        desc.name = passive[i];
        wippy_result result = wippyi_kinds_add(kinds, mem, &desc);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    desc.name = "process.native";
    desc.flags = WIPPY_KIND_PROCESS;
    desc.check = wippyi_native_check;
    desc.choose_type = wippyi_native_type;
    desc.fields = native_fields;
    return wippyi_kinds_add(kinds, mem, &desc);
}
