/* ========================================================================== >>kinds
   What entries mean: the handlers of kinds, found by exact name, else by the longest prefix.
   Find: any thread.  Add: one at a time, the caller's lock.
   Locks: none.  Allocates: one block a kind, through wippyi_mem.
   Holds: a kind never changes and never goes away before the list does, so finding takes no lock. */
#ifndef WIPPYI_KINDS_H
#define WIPPYI_KINDS_H

#include "entry.h"
#include "runtime_access.h"

typedef struct wippyi_kind {
    struct wippyi_kind *next;
    wippy_kind_desc desc; /* desc.name lies behind this struct */
    size_t match_size;    /* bytes of the name that must be equal */
    bool prefix;          /* the name ends in ".*" */
} wippyi_kind;

typedef struct wippyi_kinds {
    wippyi_ap head; /* wippyi_kind *, newest first; written: wippyi_kinds_add (release), read: any
                       (acquire); a kind is never taken out */
} wippyi_kinds;

WIPPYI_FN void wippyi_kinds_init(wippyi_kinds *kinds);
WIPPYI_FN void wippyi_kinds_free(wippyi_kinds *kinds, wippyi_mem *mem);

/* Returns: WIPPY_OK, _ERR_INVALID, _ERR_EXISTS, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_kinds_add(wippyi_kinds *kinds, wippyi_mem *mem,
                                        const wippy_kind_desc *desc);

/* registry.entry, ns.*, process.native. */
WIPPYI_FN wippy_result wippyi_kinds_add_native(wippyi_kinds *kinds, wippyi_mem *mem);

/* NULL = nobody handles the kind. */
WIPPYI_FN const wippyi_kind *wippyi_kinds_find(const wippyi_kinds *kinds, const char *name);

/* The kind of an entry when it has one whose fields mean something, else NULL. */
WIPPYI_FN const wippyi_kind *wippyi_kinds_active(const wippyi_kinds *kinds,
                                                 const wippy_entry *entry);

/* What an entry runs as. Returns: WIPPY_OK, _ERR_NOTFOUND ("factory not found"), or what the kind
   answered. */
WIPPYI_FN wippy_result wippyi_kinds_type(const wippyi_kinds *kinds, wippy_runtime *rt,
                                         const wippy_entry *entry, wippy_type *type,
                                         wippy_diag *diag);

/* Name the fields of an entry that its kind ignores in the log, at DEBUG. */
WIPPYI_FN void wippyi_kinds_tell_ignored(wippy_runtime *rt, const wippyi_kind *kind,
                                         const wippy_entry *entry);

#endif /* WIPPYI_KINDS_H */
