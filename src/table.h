/* =========================================================================== >>table
   Maps for cold tables: by text (explicit length, any bytes) and by 64-bit number.
   One thread at a time per map; look-ups that nobody changes under may run together.
   Locks: a process-wide one, only while an index grows or shrinks (see table.c).
   Allocates: one block an entry and the index, through the wippyi_mem of the map.
   Holds: a call that fails leaves the map as it was. Removing never fails. Entries are visited in
   the order in which their keys were put, whatever their addresses and hashes are.

   Values belong to the caller and may be NULL; keys are copied. */
#ifndef WIPPYI_TABLE_H
#define WIPPYI_TABLE_H

#include "config.h"
#include "api.h"
#include "memory.h"

/* To visit all:  for (e = wippyi_strmap_first(map); e != NULL; e = e->next)
   Fetch `next` before removing e. */
typedef struct wippyi_table_entry {
    struct wippyi_table_entry *next; /* by order of put; NULL = last */
    struct wippyi_table_entry *previous;
    struct wippyi_table_entry *chain; /* same `key`, other text */
    uint64_t key;                     /* number map: the key; text map: its hash */
    void *value;
    size_t text_size; /* text follows the struct, with a NUL after it */
} wippyi_table_entry;

typedef struct wippyi_table {
    wippyi_mem *mem;
    void *index; /* stb_ds: key -> first entry of a chain; NULL = never needed */
    wippyi_table_entry *first;
    wippyi_table_entry *last;
    size_t count;
} wippyi_table;

typedef struct wippyi_strmap {
    wippyi_table table;
} wippyi_strmap;

typedef struct wippyi_intmap {
    wippyi_table table;
} wippyi_intmap;

/* ---- by text ---- */

/* Takes no memory yet. destroy leaves an empty map, which may be used again. */
WIPPYI_FN void wippyi_strmap_init(wippyi_strmap *map, wippyi_mem *mem);
WIPPYI_FN void wippyi_strmap_destroy(wippyi_strmap *map);

/* Returns: WIPPY_OK, _ERR_EXISTS (value not changed), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_strmap_put(wippyi_strmap *map, const char *key, size_t key_size,
                                         void *value);
/* Put, or replace the value and keep the place in the order. *old (may be NULL) is the value
   replaced or NULL.   Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_strmap_set(wippyi_strmap *map, const char *key, size_t key_size,
                                         void *value, void **old);
/* The value; NULL when there is none. */
WIPPYI_FN void *wippyi_strmap_get(const wippyi_strmap *map, const char *key, size_t key_size);
/* The entry; NULL when there is none. Its value may be changed in place. */
WIPPYI_FN wippyi_table_entry *wippyi_strmap_find(const wippyi_strmap *map, const char *key,
                                                 size_t key_size);
/* *value (may be NULL) is the value removed.   Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPYI_FN wippy_result wippyi_strmap_remove(wippyi_strmap *map, const char *key, size_t key_size,
                                            void **value);

WIPPYI_INLINE size_t wippyi_strmap_count(const wippyi_strmap *map)
{
    return map->table.count;
}

WIPPYI_INLINE wippyi_table_entry *wippyi_strmap_first(const wippyi_strmap *map)
{
    return map->table.first;
}

/* The map's copy of the key, with a NUL after its text_size bytes; lives as long as the entry. */
WIPPYI_INLINE const char *wippyi_table_text(const wippyi_table_entry *entry)
{
    return (const char *)(entry + 1);
}

/* ---- by number: the same verbs ---- */

WIPPYI_FN void wippyi_intmap_init(wippyi_intmap *map, wippyi_mem *mem);
WIPPYI_FN void wippyi_intmap_destroy(wippyi_intmap *map);
WIPPYI_FN wippy_result wippyi_intmap_put(wippyi_intmap *map, uint64_t key, void *value);
WIPPYI_FN wippy_result wippyi_intmap_set(wippyi_intmap *map, uint64_t key, void *value, void **old);
WIPPYI_FN void *wippyi_intmap_get(const wippyi_intmap *map, uint64_t key);
WIPPYI_FN wippyi_table_entry *wippyi_intmap_find(const wippyi_intmap *map, uint64_t key);
WIPPYI_FN wippy_result wippyi_intmap_remove(wippyi_intmap *map, uint64_t key, void **value);

WIPPYI_INLINE size_t wippyi_intmap_count(const wippyi_intmap *map)
{
    return map->table.count;
}

WIPPYI_INLINE wippyi_table_entry *wippyi_intmap_first(const wippyi_intmap *map)
{
    return map->table.first;
}

#endif /* WIPPYI_TABLE_H */
