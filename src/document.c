#include "document.h"
#include "platform.h"
#include "runtime_access.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ lists */

WIPPYI_FN void wippyi_entries_init(wippyi_entries *entries, wippyi_mem *mem)
{
    memset(entries, 0, sizeof(*entries));
    entries->mem = mem;
}

WIPPYI_FN void wippyi_entries_free(wippyi_entries *entries)
{
    wippyi_mem *mem = entries->mem;
    for (size_t i = 0; i < entries->count; i++) {
        wippyi_entry_release(mem, entries->items[i]);
    }
    wippyi_mem_free(mem, entries->items, entries->room * sizeof(wippy_entry *));
    wippyi_ids_free(&entries->index, mem);
    wippyi_entries_init(entries, mem);
}

static wippy_result wippyi_entries_grow(wippyi_entries *entries)
{
    size_t room = entries->room > 0 ? entries->room * 2 : 16;
    wippyi_ids index;
    wippy_result result = wippyi_ids_make(&index, entries->mem, room);
    if (result != WIPPY_OK) {
        return result;
    }
    wippy_entry **items = (wippy_entry **)wippyi_mem_resize(entries->mem, entries->items,
                                                            entries->room * sizeof(wippy_entry *),
                                                            room * sizeof(wippy_entry *));
    if (items == NULL) {
        wippyi_ids_free(&index, entries->mem);
        return WIPPY_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < entries->count; i++) {
        wippyi_ids_add(&index, items, i);
    }
    wippyi_ids_free(&entries->index, entries->mem);
    entries->items = items;
    entries->room = room;
    entries->index = index;
    return WIPPY_OK;
}

static uint32_t wippyi_entries_place(const wippyi_entries *entries, wippy_slice id)
{
    wippy_slice none = {NULL, 0};
    return entries->count > 0 ? wippyi_ids_find(&entries->index, entries->items, none, id)
                              : WIPPYI_NOWHERE;
}

WIPPYI_FN wippy_entry *wippyi_entries_get(const wippyi_entries *entries, wippy_slice id)
{
    uint32_t place = wippyi_entries_place(entries, id);
    return place != WIPPYI_NOWHERE ? entries->items[place] : NULL;
}

WIPPYI_FN wippy_result wippyi_entries_put(wippyi_entries *entries, wippy_entry *entry,
                                          bool *replaced)
{
    uint32_t place = wippyi_entries_place(entries, wippyi_text_slice(entry->id));
    *replaced = place != WIPPYI_NOWHERE;
    if (*replaced) {
        wippyi_entry_release(entries->mem, entries->items[place]);
        entries->items[place] = entry; /* same id, same hash: the index stays right */
        return WIPPY_OK;
    }
    if (entries->count == entries->room) {
        wippy_result result = wippyi_entries_grow(entries);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    entries->items[entries->count++] = entry;
    wippyi_ids_add(&entries->index, entries->items, (uint32_t)entries->count - 1);
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ reading a document */

typedef struct wippyi_document {
    const wippyi_document_desc *desc;
    const wippyi_yaml *yaml;
    const char *ns;
    size_t ns_size;
    const wippyi_yaml_node *meta; /* default meta of every entry; NULL = none */
    wippyi_entries *entries;
    wippy_writer meta_out;
    wippy_writer data_out;
    wippy_writer id_out; /* a string value; room for the id */
    wippy_diag *diag;
} wippyi_document;

static bool wippyi_node_is_map(const wippyi_yaml_node *node)
{
    return node != NULL && node->kind == WIPPYI_YAML_MAP;
}

/* ---- file:// ---- */

#define WIPPYI_FILE_SCHEME      "file://"
#define WIPPYI_FILE_SCHEME_SIZE 7

static wippy_result wippyi_source_path(const wippyi_document *document,
                                       const wippyi_yaml_node *node, char *path)
{
    const wippyi_document_desc *desc = document->desc;
    char below[WIPPYI_PATH_ROOM];
    const char *named = node->text.data + WIPPYI_FILE_SCHEME_SIZE;
    size_t named_size = node->text.size - WIPPYI_FILE_SCHEME_SIZE;
    bool from_root = named_size > 0 && named[0] == '/';
    if (from_root) {
        named++;
        named_size--;
    }
    if (named_size == 0 || memchr(named, '\0', named_size) != NULL) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, WIPPY_ERR_INVALID,
                                  "file:// without a path");
    }
    size_t directory_size = from_root ? 0 : strlen(desc->directory);
    if (directory_size + named_size + 2 > sizeof(below)) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, WIPPY_ERR_LIMIT,
                                  "path of file:// is too long");
    }
    snprintf(below, sizeof(below), "%.*s%s%.*s", (int)directory_size, desc->directory,
             directory_size > 0 ? "/" : "", (int)named_size, named);
    wippy_result result = wippyi_path_join(path, WIPPYI_PATH_ROOM, desc->root, below);
    if (result != WIPPY_OK) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, result,
                                  "%.*s leads out of the directory %.200s",
                                  WIPPYI_SLICE_ARGS(node->text), desc->root);
    }
    return WIPPY_OK;
}

static wippy_result wippyi_source_write(const wippyi_document *document,
                                        const wippyi_yaml_node *node, wippy_writer *w)
{
    char path[WIPPYI_PATH_ROOM];
    char *text = NULL;
    size_t size = 0;
    wippy_diag why;
    wippyi_mem *mem = document->entries->mem;
    wippy_result result = wippyi_source_path(document, node, path);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_file_read(mem, path, WIPPYI_FILE_MAX, &text, &size, &why);
    if (result != WIPPY_OK) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, result, "%.200s: %s", path,
                                  why.message);
    }
    wippy_write_string(w, text, size);
    wippyi_mem_free(mem, text, size + 1);
    return WIPPY_OK;
}

static wippy_result wippyi_document_string(const wippyi_yaml_node *node, wippy_writer *w,
                                           void *user_data)
{
    const wippyi_document *document = (const wippyi_document *)user_data;
    if (node->text.size >= WIPPYI_FILE_SCHEME_SIZE &&
        memcmp(node->text.data, WIPPYI_FILE_SCHEME, WIPPYI_FILE_SCHEME_SIZE) == 0) {
        return wippyi_source_write(document, node, w);
    }
    wippy_write_string(w, node->text.data, node->text.size);
    return WIPPY_OK;
}

/* ---- entries ---- */

static wippy_result wippyi_document_write(wippyi_document *document, const wippyi_yaml_node *node,
                                          wippy_writer *w)
{
    wippy_result result = wippyi_yaml_write(node, w, wippyi_document_string, document);
    if (result != WIPPY_OK && document->diag->code != result) { /* the writer failed, not a file */
        wippyi_yaml_reject(document->yaml, node, document->diag, result, "%s",
                           wippy_result_text(result));
    }
    return result;
}

/* Write the pairs of `map` whose key `skip` has not. */
static wippy_result
wippyi_document_pairs(wippyi_document *document, const wippyi_yaml_node *map, wippy_writer *w,
                      bool (*skip)(const wippyi_yaml_node *key, const void *arg), const void *arg)
{
    const wippyi_yaml_node *value = wippyi_node_is_map(map) ? map->first : NULL;
    for (; value != NULL; value = value->next) {
        if (skip(value->key, arg)) {
            continue;
        }
        wippy_result result = wippyi_yaml_write(value->key, w, NULL, NULL);
        if (result == WIPPY_OK) {
            result = wippyi_document_write(document, value, w);
        }
        if (result != WIPPY_OK) {
            return result;
        }
    }
    return WIPPY_OK;
}

static bool wippyi_key_in_list(const wippyi_yaml_node *key, const void *arg)
{
    const char *const *words = (const char *const *)arg;
    for (; *words != NULL; words++) {
        if (wippyi_yaml_is(key, *words)) {
            return true;
        }
    }
    return false;
}

static bool wippyi_key_in_map(const wippyi_yaml_node *key, const void *arg)
{
    const wippyi_yaml_node *map = (const wippyi_yaml_node *)arg;
    return key->kind == WIPPYI_YAML_STRING && wippyi_yaml_find(map, key->text.data) != NULL;
}

static wippy_result wippyi_document_meta(wippyi_document *document, const wippyi_yaml_node *meta,
                                         wippy_slice *out)
{
    static const char *const none[] = {NULL};
    wippy_writer *w = &document->meta_out;
    if (meta != NULL && meta->kind != WIPPYI_YAML_NULL && !wippyi_node_is_map(meta)) {
        return wippyi_yaml_reject(document->yaml, meta, document->diag, WIPPY_ERR_INVALID,
                                  "meta is %s, expected a map", wippyi_yaml_kind_name(meta));
    }
    wippy_writer_reset(w);
    wippy_write_map(w, 0);
    wippy_result result = wippyi_document_pairs(document, meta, w, wippyi_key_in_list, none);
    if (result == WIPPY_OK) {
        result = wippyi_document_pairs(document, document->meta, w, wippyi_key_in_map, meta);
    }
    if (result == WIPPY_OK) {
        wippy_write_end(w);
        result = wippy_writer_finish(w, out);
    }
    return result;
}

static wippy_result wippyi_document_data(wippyi_document *document, const wippyi_yaml_node *node,
                                         const char *const *reserved, wippy_slice *out)
{
    wippy_writer *w = &document->data_out;
    const wippyi_yaml_node *data = wippyi_yaml_find(node, "data");
    wippy_result result = WIPPY_OK;
    wippy_writer_reset(w);
    if (data != NULL) {
        result = wippyi_document_write(document, data, w);
    } else {
        wippy_write_map(w, 0);
        result = wippyi_document_pairs(document, node, w, wippyi_key_in_list, reserved);
        wippy_write_end(w);
    }
    return result == WIPPY_OK ? wippy_writer_finish(w, out) : result;
}

/* A non-empty string without zeros. */
static wippy_result wippyi_document_word(wippyi_document *document, const wippyi_yaml_node *node,
                                         const char *key, wippy_slice *out)
{
    const wippyi_yaml_node *word = wippyi_yaml_find(node, key);
    if (word == NULL) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, WIPPY_ERR_INVALID,
                                  "%s is missing", key);
    }
    if (word->kind != WIPPYI_YAML_STRING || word->text.size == 0 ||
        strlen(word->text.data) != word->text.size) {
        return wippyi_yaml_reject(document->yaml, word, document->diag, WIPPY_ERR_INVALID,
                                  "%s is %s, expected text that is not empty", key,
                                  wippyi_yaml_kind_name(word));
    }
    *out = word->text;
    return WIPPY_OK;
}

/* "namespace:name" with its NUL, in the memory of a writer. */
static wippy_result wippyi_document_id(wippyi_document *document, wippy_slice name, const char **id)
{
    static const char colon[] = ":";
    wippy_writer *w = &document->id_out;
    size_t size = document->ns_size + 1 + name.size + 1;
    char *text = (char *)wippyi_mem_alloc(document->entries->mem, size);
    wippy_slice encoded;
    if (text == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memcpy(text, document->ns, document->ns_size);
    memcpy(text + document->ns_size, colon, 1);
    memcpy(text + document->ns_size + 1, name.data, name.size);
    text[size - 1] = '\0';
    wippy_writer_reset(w);
    wippy_write_string(w, text, size);
    wippyi_mem_free(document->entries->mem, text, size);
    wippy_result result = wippy_writer_finish(w, &encoded);
    if (result == WIPPY_OK) {
        *id = wippy_value_string(encoded, "", "").data;
    }
    return result;
}

static wippy_result wippyi_document_keep(wippyi_document *document, const wippyi_yaml_node *node,
                                         const wippyi_entry_desc *desc)
{
    wippy_entry *entry = NULL;
    bool replaced = false;
    wippy_result result = wippyi_entry_make(document->entries->mem, desc, &entry, document->diag);
    if (result != WIPPY_OK) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, result, "%s",
                                  wippy_result_text(result));
    }
    result = wippyi_entries_put(document->entries, entry, &replaced);
    if (result != WIPPY_OK) {
        wippyi_entry_release(document->entries->mem, entry);
    } else if (replaced && document->desc->duplicate != NULL) {
        document->desc->duplicate(desc->id, document->desc->user_data);
    }
    return result;
}

static wippy_result wippyi_document_entry(wippyi_document *document, const wippyi_yaml_node *node,
                                          const char *const *reserved)
{
    wippyi_entry_desc desc;
    wippy_slice name;
    wippy_slice kind;
    memset(&desc, 0, sizeof(desc));
    if (!wippyi_node_is_map(node)) {
        return wippyi_yaml_reject(document->yaml, node, document->diag, WIPPY_ERR_INVALID,
                                  "entry is %s, expected a map", wippyi_yaml_kind_name(node));
    }
    wippy_result result = wippyi_document_word(document, node, "name", &name);
    if (result == WIPPY_OK) {
        result = wippyi_document_word(document, node, "kind", &kind);
    }
    if (result == WIPPY_OK) {
        result = wippyi_document_id(document, name, &desc.id);
    }
    if (result == WIPPY_OK) {
        result = wippyi_document_meta(document, wippyi_yaml_find(node, "meta"), &desc.meta);
    }
    if (result == WIPPY_OK) {
        result = wippyi_document_data(document, node, reserved, &desc.data);
    }
    if (result != WIPPY_OK) {
        return result;
    }
    desc.kind = kind.data;
    desc.file = document->desc->file;
    desc.line = node->line;
    return wippyi_document_keep(document, node, &desc);
}

static wippy_result wippyi_document_entries(wippyi_document *document)
{
    static const char *const in_list[] = {"name", "kind", "meta", NULL};
    static const char *const alone[] = {"name", "kind", "meta", "namespace", "version", NULL};
    const wippyi_yaml_node *root = document->yaml->root;
    const wippyi_yaml_node *list = wippyi_yaml_find(root, "entries");
    wippy_result result = WIPPY_OK;
    if (list == NULL) {
        if (wippyi_yaml_find(root, "name") == NULL && wippyi_yaml_find(root, "kind") == NULL) {
            return wippyi_yaml_reject(document->yaml, root, document->diag, WIPPY_ERR_INVALID,
                                      "there are neither entries nor name and kind");
        }
        return wippyi_document_entry(document, root, alone);
    }
    if (list->kind != WIPPYI_YAML_SEQ && list->kind != WIPPYI_YAML_NULL) {
        return wippyi_yaml_reject(document->yaml, list, document->diag, WIPPY_ERR_INVALID,
                                  "entries is %s, expected a sequence",
                                  wippyi_yaml_kind_name(list));
    }
    document->meta = wippyi_yaml_find(root, "meta");
    if (document->meta != NULL && document->meta->kind != WIPPYI_YAML_NULL &&
        !wippyi_node_is_map(document->meta)) {
        return wippyi_yaml_reject(document->yaml, document->meta, document->diag, WIPPY_ERR_INVALID,
                                  "meta is %s, expected a map",
                                  wippyi_yaml_kind_name(document->meta));
    }
    const wippyi_yaml_node *item = list->kind == WIPPYI_YAML_SEQ ? list->first : NULL;
    for (; item != NULL && result == WIPPY_OK; item = item->next) {
        result = wippyi_document_entry(document, item, in_list);
    }
    return result;
}

static wippy_result wippyi_document_run(wippyi_document *document)
{
    const wippyi_yaml_node *root = document->yaml->root;
    wippyi_mem *mem = document->entries->mem;
    wippy_slice ns;
    if (wippyi_yaml_find(root, "namespace") == NULL && !document->desc->need_namespace) {
        return WIPPY_OK; /* some other YAML file */
    }
    wippy_result result = wippyi_document_word(document, root, "namespace", &ns);
    if (result != WIPPY_OK) {
        return result;
    }
    document->ns = ns.data;
    document->ns_size = ns.size;
    wippyi_writer_init(&document->meta_out, mem);
    wippyi_writer_init(&document->data_out, mem);
    wippyi_writer_init(&document->id_out, mem);
    result = wippyi_document_entries(document);
    if (result != WIPPY_OK && document->diag->code != result) {
        wippyi_yaml_reject(document->yaml, root, document->diag, result, "%s",
                           wippy_result_text(result));
    }
    wippy_writer_free(&document->meta_out);
    wippy_writer_free(&document->data_out);
    wippy_writer_free(&document->id_out);
    return result;
}

WIPPYI_FN wippy_result wippyi_document_read(const wippyi_document_desc *desc,
                                            wippyi_entries *entries, wippy_diag *diag)
{
    wippyi_document document;
    wippy_diag room;
    wippyi_yaml *yaml = NULL;
    memset(&document, 0, sizeof(document));
    document.desc = desc;
    document.entries = entries;
    document.diag = diag != NULL ? diag : &room;
    memset(document.diag, 0, sizeof(*document.diag));
    wippy_result result =
        wippyi_yaml_parse(desc->text, desc->size, desc->file, entries->mem, &yaml, document.diag);
    if (result != WIPPY_OK) {
        return result;
    }
    document.yaml = yaml;
    result = wippyi_document_run(&document);
    wippyi_yaml_free(yaml);
    if (result != WIPPY_OK) {
        wippyi_entries_free(entries);
    }
    return result;
}

#undef WIPPYI_FILE_SCHEME
#undef WIPPYI_FILE_SCHEME_SIZE

/* ------------------------------------------------------------------ a program's own files */

WIPPY_API wippy_result wippy_yaml_read(wippy_runtime *rt, const char *name, const char *text,
                                       size_t bytes, wippy_writer *out, wippy_diag *diag)
{
    wippyi_yaml *doc = NULL;
    wippy_result r = wippyi_yaml_parse(text, bytes, name, wippyi_runtime_mem(rt), &doc, diag);
    if (r == WIPPY_OK) {
        if (doc->root != NULL) {
            r = wippyi_yaml_write(doc->root, out, NULL, NULL);
        } else {
            wippy_write_nil(out);
        }
    }
    wippyi_yaml_free(doc);
    return r;
}
