/* ========================================================================== >>entry
   One declared thing: id, kind, meta, data in one block; and tables that find entries by id.
   wippy_entry: immutable but for its count; any thread.  The index and the change list: one thread.
   Locks: none.  Allocates: one block an entry, one a table, through wippyi_mem.
   Holds: an entry's meta is a whole encoded map and its data a whole encoded value; no two entries
   ever had the same revision. */
#ifndef WIPPYI_ENTRY_H
#define WIPPYI_ENTRY_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "memory.h"

struct wippy_entry {
    wippyi_a32 holds; /* starts at 1; the release that takes the last frees the block */
    uint32_t line;
    uint64_t revision;
    uint64_t order; /* place in listings; an update keeps it */
    size_t block_size;
    const char *id; /* this and all below: inside the block */
    const char *kind;
    const char *file;
    wippy_slice meta;
    wippy_slice data;
    size_t id_size;
    uint32_t id_hash;
    bool applied; /* its kind accepted it; guarded by the registry's change lock */
    bool barred;  /* a load kept it although its imports cannot be: they are looked at no more, and it
                     cannot run; written before anybody else sees the entry */
};

typedef struct wippyi_entry_desc {
    const char *id;
    const char *kind;
    const char *file; /* NULL = "" */
    uint32_t line;
    wippy_slice meta; /* size 0 = empty map */
    wippy_slice data; /* size 0 = empty map */
} wippyi_entry_desc;

/* Check and copy; order and revision are 0. Returns: WIPPY_OK, _ERR_INVALID (diag says what), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_entry_make(wippyi_mem *mem, const wippyi_entry_desc *desc,
                                         wippy_entry **out, wippy_diag *diag);
WIPPYI_FN void wippyi_entry_release(wippyi_mem *mem, wippy_entry *entry);

/* The map with nothing in it, encoded. */
WIPPYI_FN wippy_slice wippyi_empty_map(void);

WIPPYI_FN wippy_slice wippyi_text_slice(const char *text);
WIPPYI_FN bool wippyi_text_is(wippy_slice slice, const char *text);

/* Text of a slice for messages: "%.*s" with wippyi_slice_args(slice). */
#define WIPPYI_SLICE_ARGS(slice) (int)WIPPYI_MIN((slice).size, (size_t)200), (slice).data

/* Fill diag (may be NULL) and answer `result`. about: an id or file name, NULL = "". */
WIPPYI_FN wippy_result wippyi_reject(wippy_diag *diag, wippy_result result, const char *about,
                                     const char *format, ...) WIPPYI_PRINTF(4, 5);

/* ------------------------------------------------------------------ finding by id
   Open addressing over somebody's array of entries; places are positions in that array. */

#define WIPPYI_NOWHERE UINT32_MAX

typedef struct wippyi_ids {
    uint32_t *slots; /* position + 1; 0 = free */
    uint32_t mask;   /* slots - 1 */
} wippyi_ids;

/* Room for `room` entries. */
WIPPYI_FN wippy_result wippyi_ids_make(wippyi_ids *index, wippyi_mem *mem, size_t room);
WIPPYI_FN void wippyi_ids_free(wippyi_ids *index, wippyi_mem *mem);
WIPPYI_FN void wippyi_ids_add(wippyi_ids *index, wippy_entry *const *entries, uint32_t position);

/* The entry whose id is `space` followed by `rest`; WIPPYI_NOWHERE when there is none. */
WIPPYI_FN uint32_t wippyi_ids_find(const wippyi_ids *index, wippy_entry *const *entries,
                                   wippy_slice space, wippy_slice rest);

/* ------------------------------------------------------------------ change lists
   At most one change an id. Both sides of a change are held. */

typedef struct wippyi_changes {
    wippyi_mem *mem;
    wippy_entry_change *items;
    wippy_entry **keys; /* an entry with the id of the change, held: what the index looks at */
    size_t count;
    size_t room;
    wippyi_ids index;
} wippyi_changes;

/* Make an empty list for at most `room` changes. */
WIPPYI_FN wippy_result wippyi_changes_make(wippyi_changes *changes, wippyi_mem *mem, size_t room);
WIPPYI_FN void wippyi_changes_free(wippyi_changes *changes);

/* Append; takes holds of its own. The id must be new to the list. */
WIPPYI_FN void wippyi_changes_add(wippyi_changes *changes, wippy_entry *before, wippy_entry *after);
WIPPYI_FN uint32_t wippyi_changes_find(const wippyi_changes *changes, wippy_slice space,
                                       wippy_slice rest);

/* Follow with a change that came later: an id that is there gets the new `after`. A change that came
   to nothing has the same on both sides (perhaps NULL) and means nothing. */
WIPPYI_FN void wippyi_changes_follow(wippyi_changes *changes, wippy_entry *before,
                                     wippy_entry *after);

WIPPYI_INLINE wippy_entry *wippyi_change_entry(const wippy_entry_change *change)
{
    return change->after != NULL ? change->after : change->before;
}

#endif /* WIPPYI_ENTRY_H */
