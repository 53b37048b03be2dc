/* ========================================================================== >>lua/goparse
   Times from text, by the layouts of lua/golayout.
   Pure functions: no locale, names are English in any case.  Locks: none.  Allocates: nothing.
   Reads: never past the sizes given; texts may hold anything. */
#ifndef WIPPYLI_GOPARSE_H
#define WIPPYLI_GOPARSE_H

#include "golayout.h"

/* What zone a parsed time is in. */
typedef enum wippyli_parsed_zone {
    WIPPYLI_PARSED_ZONE_GIVEN, /* the one given to the call */
    WIPPYLI_PARSED_ZONE_UTC,
    WIPPYLI_PARSED_ZONE_FIXED /* `offset` and `abbrev` came with the text */
} wippyli_parsed_zone;

typedef struct wippyli_parsed {
    wippyli_time time;
    wippyli_parsed_zone zone;
    int32_t offset;
    char abbrev[8]; /* "" when the text had only an offset */
} wippyli_parsed;

/* Read a time that is written as a layout says. Parts that are missing are those of
   January 1, year 0, 00:00:00; a fraction behind the second is read even if the layout has none.
   zone     for texts without one; an offset or abbreviation that it has at that time makes the
            result a time in it
   diag     may be NULL; parsing time "..." as "...": cannot parse "..." as "2006"
   Returns: WIPPY_OK, _ERR_INVALID. */
WIPPYLI_FN wippy_result wippyli_time_parse(const char *layout, size_t layout_size, const char *text,
                                           size_t text_size, const wippyli_zone *zone,
                                           wippyli_parsed *out, wippy_diag *diag);

#endif /* WIPPYLI_GOPARSE_H */
