#include "loader.h"
#include "change.h"
#include "override.h"
#include "platform.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ roots */

WIPPYI_FN void wippyi_roots_free(wippyi_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++) {
        wippyi_mem_text_free(roots->mem, roots->paths[i]);
    }
    wippyi_mem_free(roots->mem, roots->paths, roots->room * sizeof(char *));
    roots->paths = NULL;
    roots->count = 0;
    roots->room = 0;
}

static wippy_result wippyi_roots_add(wippyi_roots *roots, const char *path)
{
    if (roots->count == roots->room) {
        size_t room = roots->room > 0 ? roots->room * 2 : 4;
        char **paths = (char **)wippyi_mem_resize(
            roots->mem, roots->paths, roots->room * sizeof(char *), room * sizeof(char *));
        if (paths == NULL) {
            return WIPPY_ERR_NOMEM;
        }
        roots->paths = paths;
        roots->room = room;
    }
    char *copy = wippyi_mem_text(roots->mem, path, strlen(path));
    if (copy == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    roots->paths[roots->count++] = copy;
    return WIPPY_OK;
}

static bool wippyi_root_is_absolute(const char *path)
{
    bool drive = path[0] != '\0' && path[1] == ':' && WIPPYI_OS_WINDOWS;
    return path[0] == '/' || drive;
}

/* "base/path"; an absolute path stands alone, "." and "./" vanish. False: too long. */
static bool wippyi_path_under(char *out, size_t room, const char *base, const char *path)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    if (strcmp(path, ".") == 0) {
        path = "";
    }
    bool alone = wippyi_root_is_absolute(path) || strcmp(base, ".") == 0;
    int size;
    if (path[0] == '\0') {
        size = snprintf(out, room, "%s", base);
    } else if (alone) {
        size = snprintf(out, room, "%s", path);
    } else {
        size = snprintf(out, room, "%s/%s", base, path);
    }
    return size >= 0 && (size_t)size < room;
}

/* ------------------------------------------------------------------ the lock file */

typedef struct wippyi_lock {
    wippy_runtime *rt;
    wippyi_roots *roots;
    const wippyi_yaml *yaml;
    const char *base;
    const char *modules; /* directory */
    const char *source;
    wippy_diag *diag;
} wippyi_lock;

/* A string that is not empty; `fallback` when the key is absent, an error when that is NULL. */
static wippy_result wippyi_lock_text(const wippyi_lock *lock, const wippyi_yaml_node *map,
                                     const char *where, const char *key, const char *fallback,
                                     const char **out)
{
    const wippyi_yaml_node *node = wippyi_yaml_find(map, key);
    if (node == NULL && fallback != NULL) {
        *out = fallback;
        return WIPPY_OK;
    }
    if (node == NULL || node->kind != WIPPYI_YAML_STRING || node->text.size == 0) {
        return wippyi_yaml_reject(lock->yaml, node != NULL ? node : map, lock->diag,
                                  WIPPY_ERR_INVALID, "%s.%s must be text that is not empty", where,
                                  key);
    }
    *out = node->text.data;
    return WIPPY_OK;
}

static wippy_result wippyi_lock_list(const wippyi_lock *lock, const char *key,
                                     const wippyi_yaml_node **first)
{
    const wippyi_yaml_node *list = wippyi_yaml_find(lock->yaml->root, key);
    *first = NULL;
    if (list == NULL || list->kind == WIPPYI_YAML_NULL) {
        return WIPPY_OK;
    }
    if (list->kind != WIPPYI_YAML_SEQ) {
        return wippyi_yaml_reject(lock->yaml, list, lock->diag, WIPPY_ERR_INVALID,
                                  "%s is %s, expected a sequence", key,
                                  wippyi_yaml_kind_name(list));
    }
    *first = list->first;
    return WIPPY_OK;
}

static wippy_result wippyi_lock_directories(wippyi_lock *lock)
{
    const wippyi_yaml_node *root = lock->yaml->root;
    const wippyi_yaml_node *directories = wippyi_yaml_find(root, "directories");
    if (root->kind != WIPPYI_YAML_MAP && root->kind != WIPPYI_YAML_NULL) {
        return wippyi_yaml_reject(lock->yaml, root, lock->diag, WIPPY_ERR_INVALID,
                                  "lock file is %s, expected a map", wippyi_yaml_kind_name(root));
    }
    const wippyi_yaml_node *at = directories != NULL ? directories : root;
    wippy_result result =
        wippyi_lock_text(lock, at, "directories", "modules", ".wippy", &lock->modules);
    if (result == WIPPY_OK) {
        result = wippyi_lock_text(lock, at, "directories", "src", ".", &lock->source);
    }
    if (result == WIPPY_OK && (strcmp(lock->source, ".") == 0 || strcmp(lock->source, "./") == 0)) {
        result = wippyi_yaml_reject(lock->yaml, at, lock->diag, WIPPY_ERR_INVALID,
                                    "directories.src must not be \".\"");
    }
    return result;
}

static wippy_result wippyi_lock_add(wippyi_lock *lock, const char *path, const char *what,
                                    bool must_be)
{
    wippy_slice none = {NULL, 0};
    char full[WIPPYI_PATH_ROOM];
    if (!wippyi_path_under(full, sizeof(full), lock->base, path)) {
        return wippyi_reject(lock->diag, WIPPY_ERR_LIMIT, lock->yaml->file,
                             "path is too long: %.300s", path);
    }
    if (wippyi_path_look(full) == WIPPYI_PATH_DIR) {
        return wippyi_roots_add(lock->roots, full) == WIPPY_OK
                   ? WIPPY_OK
                   : wippyi_reject(lock->diag, WIPPY_ERR_NOMEM, lock->yaml->file, "out of memory");
    }
    if (must_be) {
        return wippyi_reject(lock->diag, WIPPY_ERR_NOTFOUND, lock->yaml->file,
                             "%s: no such directory: %.300s", what, full);
    }
    wippyi_log(lock->rt, WIPPY_LOG_WARN, "loader", none, "no local copy of module %s", what);
    return WIPPY_OK;
}

static wippy_result wippyi_lock_replacements(wippyi_lock *lock)
{
    const wippyi_yaml_node *item = NULL;
    wippy_result result = wippyi_lock_list(lock, "replacements", &item);
    for (; item != NULL && result == WIPPY_OK; item = item->next) {
        const char *from = NULL;
        const char *to = NULL;
        result = wippyi_lock_text(lock, item, "replacements", "from", NULL, &from);
        if (result == WIPPY_OK) {
            result = wippyi_lock_text(lock, item, "replacements", "to", NULL, &to);
        }
        if (result == WIPPY_OK) {
            result = wippyi_lock_add(lock, to, from, true);
        }
    }
    return result;
}

static bool wippyi_lock_replaced(const wippyi_lock *lock, const char *name)
{
    const wippyi_yaml_node *list = wippyi_yaml_find(lock->yaml->root, "replacements");
    const wippyi_yaml_node *item = list != NULL ? list->first : NULL;
    for (; item != NULL; item = item->next) {
        if (wippyi_yaml_is(wippyi_yaml_find(item, "from"), name)) {
            return true;
        }
    }
    return false;
}

static wippy_result wippyi_lock_modules(wippyi_lock *lock)
{
    const wippyi_yaml_node *item = NULL;
    wippy_result result = wippyi_lock_list(lock, "modules", &item);
    for (; item != NULL && result == WIPPY_OK; item = item->next) {
        const char *name = NULL;
        const char *ignored = NULL;
        char path[WIPPYI_PATH_ROOM];
        result = wippyi_lock_text(lock, item, "modules", "name", NULL, &name);
        if (result == WIPPY_OK) {
            result = wippyi_lock_text(lock, item, "modules", "version", "-", &ignored);
        }
        if (result == WIPPY_OK) {
            result = wippyi_lock_text(lock, item, "modules", "hash", "-", &ignored);
        }
        if (result != WIPPY_OK || wippyi_lock_replaced(lock, name)) {
            continue;
        }
        int size = snprintf(path, sizeof(path), "%s/vendor/%s", lock->modules, name);
        if (size < 0 || (size_t)size >= sizeof(path)) {
            return wippyi_reject(lock->diag, WIPPY_ERR_LIMIT, lock->yaml->file,
                                 "path is too long: %.300s", name);
        }
        result = wippyi_lock_add(lock, path, name, false);
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_roots_from_lock(wippyi_roots *roots, wippy_runtime *rt,
                                              const char *file, const char *text, size_t size,
                                              const char *base, wippy_diag *diag)
{
    wippyi_lock lock;
    wippyi_yaml *yaml = NULL;
    memset(&lock, 0, sizeof(lock));
    wippy_result result = wippyi_yaml_parse(text, size, file, roots->mem, &yaml, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    lock.rt = rt;
    lock.roots = roots;
    lock.yaml = yaml;
    lock.base = base;
    lock.diag = diag;
    result = wippyi_lock_directories(&lock);
    if (result == WIPPY_OK) {
        result = wippyi_lock_replacements(&lock);
    }
    if (result == WIPPY_OK) {
        result = wippyi_lock_modules(&lock);
    }
    if (result == WIPPY_OK) {
        result = wippyi_lock_add(&lock, lock.source, "directories.src", true);
    }
    wippyi_yaml_free(yaml);
    return result;
}

/* ------------------------------------------------------------------ walking */

typedef struct wippyi_walk_level {
    wippyi_dir dir;
    size_t next;
    size_t path_size; /* of the directory itself */
} wippyi_walk_level;

typedef struct wippyi_loader {
    wippy_runtime *rt;
    wippyi_mem *mem;
    const wippy_project_desc *desc;
    bool strict;            /* a wrong file is an error, not left out */
    wippyi_entries entries; /* of all documents so far */
    const char *file;       /* the document that is read, for the warning about duplicates */
    wippy_diag *diag;
    uint32_t seen_count;
    char path[WIPPYI_PATH_ROOM];
    wippyi_walk_level levels[WIPPYI_WALK_DEPTH];
} wippyi_loader;

static wippy_result wippyi_loader_nomem(const wippyi_loader *loader)
{
    return wippyi_reject(loader->diag, WIPPY_ERR_NOMEM, NULL, "out of memory");
}

/* One record; the text of `value` may be NULL. */
static void wippyi_loader_warn(const wippyi_loader *loader, const char *message, const char *key,
                               const char *value, const wippy_diag *why)
{
    wippy_writer fields;
    wippy_slice encoded = {NULL, 0};
    wippyi_writer_init(&fields, loader->mem);
    wippy_write_map(&fields, 0);
    wippy_write_cstring(&fields, key);
    wippy_write_cstring(&fields, value);
    if (why != NULL) {
        wippy_write_cstring(&fields, "error");
        wippy_write_cstring(&fields, why->message);
    }
    if (why != NULL && why->line > 0) {
        wippy_write_cstring(&fields, "line");
        wippy_write_int(&fields, why->line);
        wippy_write_cstring(&fields, "column");
        wippy_write_int(&fields, why->column);
    }
    wippy_write_end(&fields);
    if (wippy_writer_finish(&fields, &encoded) != WIPPY_OK) {
        encoded.size = 0;
    }
    wippyi_log(loader->rt, WIPPY_LOG_WARN, "loader", encoded, "%s", message);
    wippy_writer_free(&fields);
}

static void wippyi_loader_duplicate(const char *id, void *user_data)
{
    const wippyi_loader *loader = (const wippyi_loader *)user_data;
    wippy_diag why;
    memset(&why, 0, sizeof(why));
    snprintf(why.message, sizeof(why.message), "the later one counts, in %.400s", loader->file);
    wippyi_loader_warn(loader, "duplicate entry", "id", id, &why);
}

/* Put what a document gave behind what is there. */
static wippy_result wippyi_loader_merge(wippyi_loader *loader, const wippyi_entries *found)
{
    for (size_t i = 0; i < found->count; i++) {
        bool replaced = false;
        wippy_entry *entry = wippy_entry_hold(found->items[i]);
        if (wippyi_entries_put(&loader->entries, entry, &replaced) != WIPPY_OK) {
            wippyi_entry_release(loader->mem, entry);
            return wippyi_loader_nomem(loader);
        }
        if (replaced) {
            wippyi_loader_duplicate(entry->id, loader);
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyi_loader_text(wippyi_loader *loader, const wippyi_document_desc *document,
                                       wippy_diag *diag)
{
    wippyi_entries found;
    wippyi_entries_init(&found, loader->mem);
    loader->file = document->file;
    wippy_result result = wippyi_document_read(document, &found, diag);
    if (result == WIPPY_OK) {
        result = wippyi_loader_merge(loader, &found);
    }
    wippyi_entries_free(&found);
    return result;
}

/* What stands at loader->path could not be read: leave it out, or give up. */
static wippy_result wippyi_loader_bad(const wippyi_loader *loader, wippy_result result,
                                      const char *what, const wippy_diag *why)
{
    if (result == WIPPY_ERR_NOMEM) {
        return wippyi_loader_nomem(loader);
    }
    if (result == WIPPY_OK || !loader->strict) {
        if (result != WIPPY_OK) {
            wippyi_loader_warn(loader, what, "path", loader->path, why);
        }
        return WIPPY_OK;
    }
    if (loader->diag != NULL) {
        *loader->diag = *why;
        loader->diag->code = result;
        if (loader->diag->file[0] == '\0') {
            snprintf(loader->diag->file, sizeof(loader->diag->file), "%.250s", loader->path);
        }
    }
    return result;
}

/* The file at loader->path; a wrong one is left out. `root_size`: bytes of the root in the path. */
static wippy_result wippyi_loader_file(wippyi_loader *loader, const char *root, size_t root_size,
                                       size_t directory_size)
{
    wippyi_document_desc document;
    char directory[WIPPYI_PATH_ROOM];
    char *text = NULL;
    size_t size = 0;
    wippy_diag why;
    memset(&document, 0, sizeof(document));
    size_t below = directory_size > root_size ? directory_size - root_size - 1 : 0;
    memcpy(directory, loader->path + directory_size - below, below);
    directory[below] = '\0';
    wippy_result result =
        wippyi_file_read(loader->mem, loader->path, WIPPYI_FILE_MAX, &text, &size, &why);
    if (result == WIPPY_OK) {
        document.file = loader->path;
        document.text = text;
        document.size = size;
        document.root = root;
        document.directory = directory;
        document.duplicate = wippyi_loader_duplicate;
        document.user_data = loader;
        result = wippyi_loader_text(loader, &document, &why);
        wippyi_mem_free(loader->mem, text, size + 1);
    }
    return wippyi_loader_bad(loader, result, "process file", &why);
}

static bool wippyi_name_ends(const wippyi_dir_entry *item, const char *ending)
{
    size_t size = strlen(ending);
    return item->name_size > size && memcmp(item->name + item->name_size - size, ending, size) == 0;
}

static bool wippyi_loader_skips(const wippyi_loader *loader, const char *name)
{
    if (strcmp(name, "node_modules") == 0) {
        return true;
    }
    for (uint32_t i = 0; i < loader->desc->skip_count; i++) {
        if (strcmp(name, loader->desc->skip[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* List the directory at loader->path as level `depth`. One that cannot be read is left out. */
static wippy_result wippyi_loader_enter(wippyi_loader *loader, size_t depth)
{
    wippy_diag why;
    wippyi_walk_level *level = &loader->levels[depth];
    memset(level, 0, sizeof(*level));
    level->path_size = strlen(loader->path);
    wippy_result result = wippyi_dir_read(loader->mem, loader->path, &level->dir, &why);
    return wippyi_loader_bad(loader, result, "process directory", &why);
}

static wippy_result wippyi_loader_too_many(const wippyi_loader *loader)
{
    return wippyi_reject(loader->diag, WIPPY_ERR_LIMIT, loader->path,
                         "more than %u files and directories: a circle of links?",
                         WIPPYI_WALK_FILES);
}

/* One name in the directory of the top level; a directory opens a level. */
static wippy_result wippyi_loader_step(wippyi_loader *loader, const char *root, size_t root_size,
                                       size_t *depth)
{
    wippyi_walk_level *level = &loader->levels[*depth - 1];
    const wippyi_dir_entry *item = &level->dir.entries[level->next++];
    size_t room = sizeof(loader->path) - level->path_size;
    if (++loader->seen_count > WIPPYI_WALK_FILES) {
        return wippyi_loader_too_many(loader);
    }
    if (item->name_size + 2 > room) {
        wippyi_loader_warn(loader, "path is too long", "name", item->name, NULL);
        return WIPPY_OK;
    }
    snprintf(loader->path + level->path_size, room, "/%s", item->name);
    if (!item->is_dir) {
        bool wanted = wippyi_name_ends(item, ".yaml") || wippyi_name_ends(item, ".yml") ||
                      wippyi_name_ends(item, ".json");
        return wanted ? wippyi_loader_file(loader, root, root_size, level->path_size) : WIPPY_OK;
    }
    if (wippyi_loader_skips(loader, item->name)) {
        return WIPPY_OK;
    }
    if (*depth == WIPPYI_WALK_DEPTH) {
        wippyi_loader_warn(loader, "directories are too deep", "path", loader->path, NULL);
        return WIPPY_OK;
    }
    return wippyi_loader_enter(loader, (*depth)++);
}

static wippy_result wippyi_loader_walk(wippyi_loader *loader, const char *root)
{
    size_t root_size = strlen(root);
    size_t depth = 0;
    if (root_size >= sizeof(loader->path)) {
        return wippyi_reject(loader->diag, WIPPY_ERR_LIMIT, NULL, "path is too long: %.300s", root);
    }
    memcpy(loader->path, root, root_size + 1);
    wippy_result result = wippyi_loader_enter(loader, depth++);
    while (depth > 0 && result == WIPPY_OK) {
        wippyi_walk_level *level = &loader->levels[depth - 1];
        if (level->next == level->dir.count) {
            wippyi_dir_free(loader->mem, &level->dir);
            depth--;
        } else {
            result = wippyi_loader_step(loader, root, root_size, &depth);
        }
    }
    while (depth > 0) { /* after a failure */
        wippyi_dir_free(loader->mem, &loader->levels[--depth].dir);
    }
    return result;
}

/* ------------------------------------------------------------------ projects */

static wippy_result wippyi_project_add(const wippyi_loader *loader, wippyi_roots *roots,
                                       const char *path)
{
    return wippyi_roots_add(roots, path) == WIPPY_OK ? WIPPY_OK : wippyi_loader_nomem(loader);
}

static wippy_result wippyi_project_without_lock(const wippyi_loader *loader, wippyi_roots *roots,
                                                const char *directory, const char *lock_file)
{
    wippy_slice none = {NULL, 0};
    char source[WIPPYI_PATH_ROOM];
    if (loader->desc->need_lock || loader->desc->lock_file != NULL) {
        return wippyi_reject(loader->diag, WIPPY_ERR_NOTFOUND, lock_file, "no lock file found");
    }
    if (wippyi_path_under(source, sizeof(source), directory, "src") &&
        wippyi_path_look(source) == WIPPYI_PATH_DIR) {
        return wippyi_project_add(loader, roots, source);
    }
    wippyi_log(loader->rt, WIPPY_LOG_INFO, "loader", none,
               "no lock file found, starting with empty registry");
    return WIPPY_OK;
}

static wippy_result wippyi_project_roots(const wippyi_loader *loader, wippyi_roots *roots)
{
    const wippy_project_desc *desc = loader->desc;
    const char *directory = desc->directory != NULL ? desc->directory : ".";
    char lock_file[WIPPYI_PATH_ROOM];
    char *text = NULL;
    size_t size = 0;
    if (desc->source != NULL) {
        if (wippyi_path_look(desc->source) != WIPPYI_PATH_DIR) {
            return wippyi_reject(loader->diag, WIPPY_ERR_NOTFOUND, desc->source,
                                 "no such directory: %.300s", desc->source);
        }
        return wippyi_project_add(loader, roots, desc->source);
    }
    if (desc->lock_file != NULL
            ? !wippyi_path_under(lock_file, sizeof(lock_file), ".", desc->lock_file)
            : !wippyi_path_under(lock_file, sizeof(lock_file), directory, "wippy.lock")) {
        return wippyi_reject(loader->diag, WIPPY_ERR_LIMIT, NULL, "path is too long");
    }
    wippy_result result =
        wippyi_file_read(loader->mem, lock_file, WIPPYI_FILE_MAX, &text, &size, loader->diag);
    if (result == WIPPY_ERR_NOTFOUND) {
        return wippyi_project_without_lock(loader, roots, directory, lock_file);
    }
    if (result == WIPPY_OK) {
        result = wippyi_roots_from_lock(roots, loader->rt, lock_file, text, size, directory,
                                        loader->diag);
        wippyi_mem_free(loader->mem, text, size + 1);
    }
    return result;
}

static wippy_result wippyi_project_read(wippyi_loader *loader, const wippyi_roots *roots)
{
    wippy_result result = WIPPY_OK;
    for (size_t i = 0; i < roots->count && result == WIPPY_OK; i++) {
        result = wippyi_loader_walk(loader, roots->paths[i]);
    }
    for (uint32_t i = 0; i < loader->desc->override_count && result == WIPPY_OK; i++) {
        result = wippyi_override_apply(&loader->entries, loader->desc->overrides[i], loader->diag);
    }
    return result;
}

/* The loader is large: it lies on the heap. */
static wippyi_loader *wippyi_loader_make(wippy_runtime *rt, const wippy_project_desc *desc,
                                         wippy_diag *diag)
{
    wippyi_mem *mem = wippyi_runtime_mem(rt);
    wippyi_loader *loader = (wippyi_loader *)wippyi_mem_alloc(mem, sizeof(wippyi_loader));
    if (loader == NULL) {
        wippyi_reject(diag, WIPPY_ERR_NOMEM, NULL, "out of memory");
        return NULL;
    }
    memset(loader, 0, sizeof(*loader));
    loader->rt = rt;
    loader->mem = mem;
    loader->desc = desc;
    loader->diag = diag;
    wippyi_entries_init(&loader->entries, mem);
    return loader;
}

static void wippyi_loader_free(wippyi_loader *loader)
{
    wippyi_mem *mem = loader->mem;
    wippyi_entries_free(&loader->entries);
    wippyi_mem_free(mem, loader, sizeof(*loader));
}

static wippy_result wippyi_loader_finish(wippyi_loader *loader, bool lenient, wippy_result result)
{
    if (result == WIPPY_OK) {
        result = wippyi_change_load(wippyi_runtime_registry(loader->rt), loader->entries.items,
                                    loader->entries.count, lenient, loader->diag);
    }
    wippyi_loader_free(loader);
    return result;
}

/* Every entry of the project; roots receives where they were found. */
static wippy_result wippyi_loader_project(wippyi_loader *loader, wippyi_roots *roots)
{
    memset(roots, 0, sizeof(*roots));
    roots->mem = loader->mem;
    wippy_result result = wippyi_project_roots(loader, roots);
    return result == WIPPY_OK ? wippyi_project_read(loader, roots) : result;
}

WIPPY_API wippy_result wippy_load_project(wippy_runtime *rt, const wippy_project_desc *desc,
                                          wippy_diag *diag)
{
    wippy_project_desc defaults;
    wippyi_roots roots;
    memset(&defaults, 0, sizeof(defaults));
    wippyi_loader *loader = wippyi_loader_make(rt, desc != NULL ? desc : &defaults, diag);
    if (loader == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippy_result result = wippyi_loader_project(loader, &roots);
    wippyi_roots_free(&roots);
    return wippyi_loader_finish(loader, true, result);
}

/* Is the file below one of the roots? Entries made at run time have none. */
static bool wippyi_roots_own(const char *file, void *user_data)
{
    const wippyi_roots *roots = (const wippyi_roots *)user_data;
    for (size_t i = 0; i < roots->count; i++) {
        size_t size = strlen(roots->paths[i]);
        if (strncmp(file, roots->paths[i], size) == 0 && file[size] == '/') {
            return true;
        }
    }
    return false;
}

WIPPY_API wippy_result wippy_reload_project(wippy_runtime *rt, const wippy_project_desc *desc,
                                            size_t *changes, int64_t *version, wippy_diag *diag)
{
    wippy_project_desc defaults;
    wippyi_roots roots;
    size_t count = 0;
    memset(&defaults, 0, sizeof(defaults));
    wippyi_loader *loader = wippyi_loader_make(rt, desc != NULL ? desc : &defaults, diag);
    if (loader == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    loader->strict = true;
    wippy_result result = wippyi_loader_project(loader, &roots);
    if (result == WIPPY_OK) {
        result = wippyi_change_reload(wippyi_runtime_registry(rt), loader->entries.items,
                                      loader->entries.count, wippyi_roots_own, &roots, &count,
                                      version, diag);
    }
    if (result == WIPPY_OK && changes != NULL) {
        *changes = count;
    }
    wippyi_roots_free(&roots);
    wippyi_loader_free(loader);
    return result;
}

WIPPY_API wippy_result wippy_load_text(wippy_runtime *rt, const char *name, const char *text,
                                       size_t bytes, wippy_diag *diag)
{
    wippyi_document_desc document;
    wippyi_loader *loader = wippyi_loader_make(rt, NULL, diag);
    if (loader == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(&document, 0, sizeof(document));
    document.file = name != NULL ? name : "";
    document.text = text;
    document.size = bytes;
    document.root = ".";
    document.directory = "";
    document.need_namespace = true;
    document.duplicate = wippyi_loader_duplicate;
    document.user_data = loader;
    return wippyi_loader_finish(loader, false, wippyi_loader_text(loader, &document, diag));
}
