/* ========================================================================== >>lua/strftime
   What os.date and os.time need besides the calendar; `*t` is wippyli_time_civil().
   Pure functions: the C locale, whatever the program's is.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYLI_STRFTIME_H
#define WIPPYLI_STRFTIME_H

#include "golayout.h"

/* The conversions of C's strftime in the C locale, except that %U and %W give the ISO week; E and O
   before a conversion change nothing.
   bad      on failure, where in the format the unknown conversion begins; may be NULL
   length   of the whole text; of it at most room - 1 bytes and a zero are in `out`
   Returns: WIPPY_OK, _ERR_INVALID. */
WIPPYLI_FN wippy_result wippyli_strftime(const char *format, size_t format_size, wippyli_time t,
                                         const wippyli_zone *zone, char *out, size_t room,
                                         size_t *length, size_t *bad);

enum { WIPPYLI_OS_YEAR = 1, WIPPYLI_OS_MONTH = 2, WIPPYLI_OS_DAY = 4 };

/* os.time(t): what of year, month and day is not in `has` (WIPPYLI_OS_...) is today's in the zone;
   the time of day is the caller's, 0 by default. `date` becomes the normalised one.
   Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_os_time(wippyli_date *date, unsigned has, wippyli_time now,
                                        const wippyli_zone *zone, int64_t *out);

#endif /* WIPPYLI_STRFTIME_H */
