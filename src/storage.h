/* ========================================================================== >>storage
   Where environment variables are kept: memory, the operating system, the registry itself, a file,
   or several of these behind a router.
   Any thread.
   Locks: one mutex a storage, held while it is walked or written, its file included.
   Allocates: storages when entries are staged, values and files while they are used.
   Holds: a write that fails leaves the storage as it was; fn of a walk runs under the lock and must
   not use a storage. */
#ifndef WIPPYI_STORAGE_H
#define WIPPYI_STORAGE_H

#include "api.h"
#include "catalog.h"
#include "config.h"
#include "memory.h"
#include "platform.h"
#include "runtime_access.h"

#define WIPPYI_ENV_DEPTH      8               /* routers inside routers */
#define WIPPYI_ENV_FILE_BYTES (1024u * 1024u) /* largest file of a storage */

struct wippyi_env {
    wippyi_mem *mem;
    wippyi_catalog storages;  /* of wippyi_storage */
    wippyi_catalog variables; /* of wippyi_variable */
};

typedef enum wippyi_storage_type {
    WIPPYI_STORAGE_MEMORY = 0,
    WIPPYI_STORAGE_OS,
    WIPPYI_STORAGE_STATIC,
    WIPPYI_STORAGE_FILE,
    WIPPYI_STORAGE_ROUTER,
    WIPPYI_STORAGE_NONE
} wippyi_storage_type;

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

typedef struct wippyi_env_lookup {
    wippyi_env *env;
    wippy_slice key;
    wippyi_env_pair *found; /* what was read; the caller frees it */
    wippy_diag *diag;
} wippyi_env_lookup;

/* Answers WIPPY_OK to go on, anything else to end the walk with it. */
typedef wippy_result (*wippyi_env_fn)(void *arg, wippy_slice key, wippy_slice value);

/* Every variable, the first of a name first; a router has none of its own. */
WIPPYI_FN wippy_result wippyi_storage_walk(wippyi_storage *storage, wippyi_env_fn fn, void *arg,
                                           wippy_diag *diag);
/* Returns: WIPPY_OK with lookup->found, _ERR_NOTFOUND, or what went wrong. depth: 0. */
WIPPYI_FN wippy_result wippyi_storage_read(wippyi_storage *storage, wippyi_env_lookup *lookup,
                                           uint32_t depth);
WIPPYI_FN wippy_result wippyi_storage_write(wippyi_env *env, wippyi_storage *storage,
                                            wippy_slice key, wippy_slice value, uint32_t depth,
                                            wippy_diag *diag);
WIPPYI_FN wippyi_storage *wippyi_storage_find(wippyi_env *env, const char *id); /* held */

/* Entries of storages: user_data of the call is the wippyi_env. */
WIPPYI_FN const char *wippyi_storage_kind(size_t index); /* NULL = no more */
WIPPYI_FN wippy_result wippyi_storage_check(const wippy_kind_call *call);
WIPPYI_FN wippy_result wippyi_storage_make(const wippy_kind_call *call, wippyi_item **out);
/* Will there be a storage of this id? Otherwise the diagnostic says so. */
WIPPYI_FN wippy_result wippyi_storage_exists(const wippy_kind_call *call, wippy_slice name);

/* ---- words for both modules ---- */
WIPPYI_FN wippyi_env_pair *wippyi_env_pair_make(wippyi_mem *mem, wippy_slice key,
                                                wippy_slice value);
/* Where the pair of this key is, or belongs. */
WIPPYI_FN wippyi_env_pair **wippyi_env_pair_place(wippyi_env_pair **link, wippy_slice key);
WIPPYI_FN void wippyi_env_pairs_free(wippyi_mem *mem, wippyi_env_pair *pair);
WIPPYI_FN wippy_result wippyi_env_reject(wippy_diag *diag, wippy_result result, const char *format,
                                         ...) WIPPYI_PRINTF(3, 4);
WIPPYI_FN wippy_slice wippyi_env_slice(const char *text);
WIPPYI_FN bool wippyi_env_same(wippy_slice a, wippy_slice b);
/* Text of a scalar; `room` takes it when it is no string. */
WIPPYI_FN wippy_slice wippyi_env_scalar(wippy_slice value, char *room, size_t bytes);
WIPPYI_FN char *wippyi_env_append(char *at, const char *data, size_t size); /* the new end */

/* One line "KEY = VALUE  # comment" of a file storage. */
typedef struct wippyi_env_line {
    const char *start; /* of the line */
    const char *next;  /* of the line after it */
    wippy_slice key;   /* trimmed; size 0 = no variable on this line */
    wippy_slice value; /* trimmed */
} wippyi_env_line;

/* Read the line at `at`; false at the end. */
WIPPYI_FN bool wippyi_env_line_read(const char *at, const char *end, wippyi_env_line *out);
/* The content with KEY=VALUE put in place of the first line that has the key, or appended. *out has
   *out_size bytes from mem. Returns: WIPPY_OK, _ERR_INVALID (a key or value that no line can hold),
   _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_env_line_set(wippyi_mem *mem, wippy_slice content, wippy_slice key,
                                           wippy_slice value, char **out, size_t *out_size);

#endif /* WIPPYI_STORAGE_H */
