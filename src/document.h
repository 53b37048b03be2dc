/* ========================================================================== >>document
   One YAML or JSON document of a project to registry entries, and lists of such entries.
   One thread at a time.  Locks: none.  Allocates: through wippyi_mem.
   Holds: a document gives all of its entries or none; a list has every id once. */
#ifndef WIPPYI_DOCUMENT_H
#define WIPPYI_DOCUMENT_H

#include "entry.h"
#include "yaml.h"

#define WIPPYI_PATH_ROOM 4096                /* bytes of a path, with its NUL */
#define WIPPYI_FILE_MAX  (64u * 1024 * 1024) /* bytes of a file that is read */

/* ------------------------------------------------------------------ lists */

typedef struct wippyi_entries {
    wippyi_mem *mem;
    wippy_entry **items; /* held */
    size_t count;
    size_t room;
    wippyi_ids index;
} wippyi_entries;

WIPPYI_FN void wippyi_entries_init(wippyi_entries *entries, wippyi_mem *mem);
WIPPYI_FN void wippyi_entries_free(wippyi_entries *entries);

/* Append an entry, or put it in place of the one with its id; takes over the caller's hold.
   replaced: receives whether there was one.
   Returns: WIPPY_OK, _ERR_NOMEM (the caller keeps its hold). */
WIPPYI_FN wippy_result wippyi_entries_put(wippyi_entries *entries, wippy_entry *entry,
                                          bool *replaced);

/* NULL = no such id. */
WIPPYI_FN wippy_entry *wippyi_entries_get(const wippyi_entries *entries, wippy_slice id);

/* ------------------------------------------------------------------ documents */

typedef struct wippyi_document_desc {
    const char *file; /* for messages and as the entries' file */
    const char *text;
    size_t size;
    const char *root;      /* load root, where file:/// begins; no file:// leaves it */
    const char *directory; /* of the document below root, "" = root itself: where file:// begins */
    bool need_namespace;   /* without it: an error, not some other file that has no entries */
    /* Told of a second entry with one id in the document; may be NULL. */
    void (*duplicate)(const char *id, void *user_data);
    void *user_data;
} wippyi_document_desc;

/* Put the entries of a document into an empty list.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_INVALID, _ERR_LIMIT, or what reading a file:// gave (_ERR_IO,
   _ERR_NOTFOUND, _ERR_DENIED); _ERR_NOMEM. The list is then empty. */
WIPPYI_FN wippy_result wippyi_document_read(const wippyi_document_desc *desc,
                                            wippyi_entries *entries, wippy_diag *diag);

#endif /* WIPPYI_DOCUMENT_H */
