/* ========================================================================== >>env
   Environment variables: storages, and variables declared on top of them.
   Any thread.
   Locks: the catalogs', for a few instructions; one mutex a storage, held while its file is read or
   written.  Allocates: objects when entries are staged, values and files while they are used.
   Holds: what is not declared cannot be read, even if the operating system has it; a write that
   fails leaves the storage as it was. */
#ifndef WIPPYI_ENV_H
#define WIPPYI_ENV_H

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

/* Also registers the kinds env.storage.* and env.variable. */
WIPPYI_FN wippy_result wippyi_env_create(wippy_runtime *rt, wippyi_mem *mem, wippyi_env **out);
WIPPYI_FN void wippyi_env_destroy(wippyi_env *env); /* NULL does nothing */

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

#endif /* WIPPYI_ENV_H */
