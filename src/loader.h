/* ========================================================================== >>loader
   Projects: the lock file, the roots it names, and every document below them, as one load.
   wippy_load_project(), wippy_reload_project() and wippy_load_text().
   Any thread, but it reads files: not a step.  Locks: the registry's, when the entries are ready.
   Allocates: through wippyi_mem.
   Holds: a document that is wrong adds nothing, and ends a reload; of two entries with one id the later stays. */
#ifndef WIPPYI_LOADER_H
#define WIPPYI_LOADER_H

#include "document.h"
#include "registry.h"

#define WIPPYI_WALK_DEPTH 64 /* directories inside each other; deeper ones are left out */
#define WIPPYI_WALK_FILES \
    100000u /* files and directories that are looked at: ends circles of links */

/* Where documents are found, in load order. */
typedef struct wippyi_roots {
    wippyi_mem *mem;
    char **paths; /* own copies */
    size_t count;
    size_t room;
} wippyi_roots;

WIPPYI_FN void wippyi_roots_free(wippyi_roots *roots);

/* Add the roots that a lock file names: replacements, installed modules, sources.
   base: directory its paths start from.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_INVALID, _ERR_NOTFOUND (no such directory), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_roots_from_lock(wippyi_roots *roots, wippy_runtime *rt,
                                              const char *file, const char *text, size_t size,
                                              const char *base, wippy_diag *diag);

#endif /* WIPPYI_LOADER_H */
