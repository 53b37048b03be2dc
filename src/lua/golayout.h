/* ========================================================================== >>lua/golayout
   Times as text. Layouts show how the reference time "Mon Jan 2 15:04:05 MST 2006" (zone -0700)
   would look; elements are
       2006 06 | 01 1 Jan January | 02 2 _2 002 __2 | Mon Monday | 15 03 3 | 04 4 | 05 5 | PM pm
       .000 ,000 .999 ,999 (any number of digits, behind a second or alone) | MST
       -0700 -07:00 -07 -070000 -07:00:00, and the same with Z for -, where UTC is written "Z"
   and everything else is literal. Reading is in lua/goparse.
   Pure functions: no locale, names are English.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYLI_GOLAYOUT_H
#define WIPPYLI_GOLAYOUT_H

#include "gozone.h"

#define WIPPYLI_LAYOUT_RFC3339      "2006-01-02T15:04:05Z07:00"
#define WIPPYLI_LAYOUT_RFC3339_NANO "2006-01-02T15:04:05.999999999Z07:00"

typedef struct wippyli_layout_constant {
    const char *name;
    const char *layout;
} wippyli_layout_constant;

typedef struct wippyli_time_number {
    const char *name;
    int64_t value;
} wippyli_time_number;

/* RFC3339, KITCHEN and so on. */
WIPPYLI_FN const wippyli_layout_constant *wippyli_layout_constants(size_t *count);

/* Durations (NANOSECOND to HOUR), months (JANUARY = 1), weekdays (SUNDAY = 0). */
WIPPYLI_FN const wippyli_time_number *wippyli_time_numbers(size_t *count);

/* Write a time as a layout says.
   out      receives at most room - 1 bytes and a zero; may be NULL when room is 0
   Returns: length of the whole text. */
WIPPYLI_FN size_t wippyli_time_format(wippyli_time t, const wippyli_zone *zone, const char *layout,
                                      size_t layout_size, char *out, size_t room);

/* ---- what lua/goparse and lua/strftime build on */

typedef enum wippyli_element {
    WIPPYLI_ELEMENT_NONE, /* the layout ends */
    WIPPYLI_ELEMENT_LONG_MONTH,
    WIPPYLI_ELEMENT_MONTH,
    WIPPYLI_ELEMENT_NUM_MONTH,
    WIPPYLI_ELEMENT_ZERO_MONTH,
    WIPPYLI_ELEMENT_LONG_WEEKDAY,
    WIPPYLI_ELEMENT_WEEKDAY,
    WIPPYLI_ELEMENT_DAY,
    WIPPYLI_ELEMENT_UNDER_DAY,
    WIPPYLI_ELEMENT_ZERO_DAY,
    WIPPYLI_ELEMENT_UNDER_YEAR_DAY,
    WIPPYLI_ELEMENT_ZERO_YEAR_DAY,
    WIPPYLI_ELEMENT_HOUR,
    WIPPYLI_ELEMENT_HOUR12,
    WIPPYLI_ELEMENT_ZERO_HOUR12,
    WIPPYLI_ELEMENT_MINUTE,
    WIPPYLI_ELEMENT_ZERO_MINUTE,
    WIPPYLI_ELEMENT_SECOND,
    WIPPYLI_ELEMENT_ZERO_SECOND,
    WIPPYLI_ELEMENT_LONG_YEAR,
    WIPPYLI_ELEMENT_YEAR,
    WIPPYLI_ELEMENT_PM,
    WIPPYLI_ELEMENT_SMALL_PM,
    WIPPYLI_ELEMENT_ZONE,
    WIPPYLI_ELEMENT_OFFSET,   /* shape in `part`: colons, how many numbers, Z for UTC */
    WIPPYLI_ELEMENT_FRACTION, /* exactly `part.digits` digits */
    WIPPYLI_ELEMENT_FRACTION_TRIMMED
} wippyli_element;

/* One piece of a layout: literal text, then an element. */
typedef struct wippyli_layout_part {
    const char *literal;
    size_t literal_size;
    const char *text; /* the element as it stands in the layout */
    size_t size;
    wippyli_element element;
    size_t digits; /* of a fraction */
    int numbers;   /* of an offset: hours, minutes, seconds */
    bool colons;
    bool z_for_utc;
} wippyli_layout_part;

/* The first part of a layout; *at moves behind it. */
WIPPYLI_FN void wippyli_layout_next(const char **at, const char *end, wippyli_layout_part *part);
WIPPYLI_FN bool wippyli_layout_begins(const char *at, const char *end, const char *word);
WIPPYLI_FN bool wippyli_layout_is_digit(const char *at, const char *end);

WIPPYLI_FN const char *wippyli_layout_month(int month);     /* 1 = "January" */
WIPPYLI_FN const char *wippyli_layout_weekday(int weekday); /* 0 = "Sunday" */
WIPPYLI_FN int wippyli_layout_hour12(int hour);             /* 0 = 12 */

/* A text that is counted to its end and kept as far as there is room. */
typedef struct wippyli_layout_out {
    char *out;
    size_t room;
    size_t length;
} wippyli_layout_out;

WIPPYLI_FN void wippyli_layout_put(wippyli_layout_out *o, const char *text, size_t size);
WIPPYLI_FN void wippyli_layout_put_char(wippyli_layout_out *o, char c);
WIPPYLI_FN void wippyli_layout_put_word(wippyli_layout_out *o, const char *word);

/* At least `width` digits, filled up with `fill`; a sign stands before them. */
WIPPYLI_FN void wippyli_layout_put_number(wippyli_layout_out *o, int64_t value, int width,
                                          char fill);

/* 1 to 3 numbers: hours, minutes, seconds. */
WIPPYLI_FN void wippyli_layout_put_offset(wippyli_layout_out *o, int32_t offset, int numbers,
                                          bool colons);

/* The abbreviation, or -0700 where there is none. */
WIPPYLI_FN void wippyli_layout_put_zone(wippyli_layout_out *o, const wippyli_zone_span *span);
WIPPYLI_FN void wippyli_layout_put_end(wippyli_layout_out *o);

#endif /* WIPPYLI_GOLAYOUT_H */
