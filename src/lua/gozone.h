/* ========================================================================== >>lua/gozone
   Time zones: fixed ones, and those of the system's zoneinfo (TZif versions 1 to 4, with the rule at
   the end for dates beyond the table).
   A zone is one block without pointers into itself: `bytes` of it may be copied anywhere (a Lua
   userdata) and freed there. It never changes, so any number of threads may look things up. Where a
   zone is asked for, NULL means UTC.
   Locks: none.  Allocates: the zone, and while loading a buffer for the file.
   Reads: $ZONEINFO, $TZ, zone files; nothing else touches the system. */
#ifndef WIPPYLI_GOZONE_H
#define WIPPYLI_GOZONE_H

#include "zonerule.h"

#define WIPPYLI_ZONE_NAME_MAX 128

typedef struct wippyli_zone_type {
    int32_t offset;
    uint8_t is_dst;
    uint8_t abbrev; /* where it begins in the texts */
} wippyli_zone_type;

typedef struct wippyli_zone {
    size_t bytes; /* of the whole block */
    uint32_t change_count;
    uint32_t type_count;
    uint32_t first_type; /* holds before the first change */
    uint32_t name_size;
    wippyli_zone_rule rule;
    /* offsets from the block's begin */
    size_t changes_at;    /* int64_t[change_count], ascending */
    size_t types_at;      /* wippyli_zone_type[type_count] */
    size_t type_index_at; /* uint8_t[change_count] */
    size_t abbrevs_at;    /* texts with a zero each */
    size_t name_at;       /* with a zero */
} wippyli_zone;

/* A zone `offset` seconds east of UTC, |offset| < 100 hours. The name may be empty, and is the
   abbreviation too.
   Returns: WIPPY_OK, _ERR_INVALID (offset, or the name is longer than the maximum or holds a zero),
            _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_zone_fixed(const wippyli_mem *mem, const char *name,
                                           size_t name_size, int32_t offset, wippyli_zone **out);

/* By name: "UTC", "Local", or a file below $ZONEINFO, /usr/share/zoneinfo, /usr/lib/zoneinfo or
   /etc/zoneinfo. Names cannot leave these directories.
   diag     may be NULL; "empty location name" or "unknown time zone NAME"
   Returns: WIPPY_OK, _ERR_INVALID (empty), _ERR_NOTFOUND, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_zone_load(const wippyli_mem *mem, const char *name,
                                          size_t name_size, wippyli_zone **out, wippy_diag *diag);

/* The machine's zone, named "Local": what $TZ says (a zone, a file, a rule like EST5EDT,M3.2.0,M11.1.0),
   without $TZ /etc/localtime, and UTC where there is neither.
   Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_zone_local(const wippyli_mem *mem, wippyli_zone **out);

/* From the bytes of a TZif file. Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_zone_parse(const wippyli_mem *mem, const char *name,
                                           size_t name_size, const void *data, size_t size,
                                           wippyli_zone **out);

/* From a rule as in $TZ: "CET-1CEST,M3.5.0,M10.5.0/3". Returns: as above. */
WIPPYLI_FN wippy_result wippyli_zone_from_rule(const wippyli_mem *mem, const char *name,
                                               size_t name_size, const char *rule, size_t rule_size,
                                               wippyli_zone **out);

WIPPYLI_FN void wippyli_zone_free(const wippyli_mem *mem, wippyli_zone *zone);

WIPPYLI_FN const char *wippyli_zone_name(const wippyli_zone *zone);

WIPPYLI_FN void wippyli_zone_lookup(const wippyli_zone *zone, int64_t unix_sec,
                                    wippyli_zone_span *out);

/* The offset an abbreviation stands for at a wall clock time (given as if it were UTC): the one in
   effect then if possible. False when the zone never had it. */
WIPPYLI_FN bool wippyli_zone_offset_of(const wippyli_zone *zone, const char *abbrev,
                                       size_t abbrev_size, int64_t local_sec, int32_t *out);

/* ---- instants and dates in a zone */

/* span may be NULL. */
WIPPYLI_FN void wippyli_time_civil(wippyli_time t, const wippyli_zone *zone, wippyli_civil *out,
                                   wippyli_zone_span *span);

/* The instant at which the zone's clocks show the date. A time they skip or show twice gives one of
   the two instants that the offsets around it make.  Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_time_date(const wippyli_date *date, const wippyli_zone *zone,
                                          wippyli_time *out);

/* Other years, months, days, the same time of day; out-of-range days move on (31 April = 1 May).
   Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_time_add_date(wippyli_time t, const wippyli_zone *zone,
                                              int64_t years, int64_t months, int64_t days,
                                              wippyli_time *out);

#endif /* WIPPYLI_GOZONE_H */
