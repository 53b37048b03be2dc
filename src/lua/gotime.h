/* ========================================================================== >>lua/gotime
   Instants and the calendar, as the time module of Lua programs counts them: proleptic Gregorian,
   nanosecond precise, no leap seconds, every out-of-range part normalised.
   Zones are in lua/gozone, text is in lua/golayout, the text of durations is wippy_duration_text().
   Pure functions on values.  Locks: none.  Allocates: nothing.
   Holds: nsec of a wippyli_time is always 0..999,999,999. Nothing overflows silently: sums stop at
   the first and last instant, what cannot be represented is refused. */
#ifndef WIPPYLI_GOTIME_H
#define WIPPYLI_GOTIME_H

#include "config.h"

#define WIPPYLI_SECOND_NS INT64_C(1000000000)

/* 0001-01-01 00:00:00 UTC: the zero Time, and what rounding counts from. */
#define WIPPYLI_ZERO_TIME_SEC INT64_C(-62135596800)

typedef struct wippyli_time {
    int64_t sec; /* since 1970-01-01 00:00:00 UTC */
    int32_t nsec;
} wippyli_time;

/* An instant on a wall clock. */
typedef struct wippyli_civil {
    int64_t year; /* ... -1, 0, 1 ...: the year 0 is 1 BC */
    int month;    /* 1..12 */
    int day;      /* 1..31 */
    int hour;
    int minute;
    int second;
    int32_t nsec;
    int weekday;  /* 0 = Sunday */
    int year_day; /* 1..366 */
} wippyli_civil;

/* Parts of a date as a program gives them, of any size. */
typedef struct wippyli_date {
    int64_t year;
    int64_t month; /* 1 = January; 14 is February of the next year */
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t nsec;
} wippyli_date;

/* ---- instants */

/* sec + nsec, where nsec may have any size and sign. */
WIPPYLI_FN wippyli_time wippyli_time_make(int64_t sec, int64_t nsec);
WIPPYLI_FN wippyli_time wippyli_time_add(wippyli_time t, int64_t duration_ns);

/* a - b, the longest duration when it is longer. */
WIPPYLI_FN int64_t wippyli_time_sub(wippyli_time a, wippyli_time b);

/* -1, 0, 1 */
WIPPYLI_FN int wippyli_time_compare(wippyli_time a, wippyli_time b);

/* Nanoseconds since 1970; right for the years 1678 to 2262, reduced modulo 2^64 outside. */
WIPPYLI_FN int64_t wippyli_time_unix_nano(wippyli_time t);
WIPPYLI_FN bool wippyli_time_is_zero(wippyli_time t);

/* To a multiple of duration_ns since the zero time; halves go up, <= 0 changes nothing. */
WIPPYLI_FN wippyli_time wippyli_time_truncate(wippyli_time t, int64_t duration_ns);
WIPPYLI_FN wippyli_time wippyli_time_round(wippyli_time t, int64_t duration_ns);

/* ---- the calendar */

/* The wall clock of a zone that is `offset` seconds east of UTC. */
WIPPYLI_FN void wippyli_civil_from(wippyli_time t, int32_t offset, wippyli_civil *out);

/* The instant at which a clock of UTC shows the date. False when it is not representable. */
WIPPYLI_FN bool wippyli_civil_to(const wippyli_date *date, wippyli_time *out);

WIPPYLI_FN bool wippyli_is_leap_year(int64_t year);
WIPPYLI_FN int wippyli_days_in_month(int64_t year, int month);

/* Days before the month (1..12) in a year. */
WIPPYLI_FN int wippyli_days_before_month(int64_t year, int month);

/* ISO 8601 week (1..53) and the year it belongs to. */
WIPPYLI_FN int wippyli_iso_week(const wippyli_civil *civil, int64_t *year);

/* ---- durations */

WIPPYLI_FN double wippyli_duration_hours(int64_t duration_ns);
WIPPYLI_FN double wippyli_duration_minutes(int64_t duration_ns);
WIPPYLI_FN double wippyli_duration_seconds(int64_t duration_ns);

/* ---- small arithmetic shared with gozone and golayout */

/* Quotient and remainder with 0 <= remainder < divisor; divisor > 0. */
WIPPYLI_INLINE int64_t wippyli_floor_div(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

WIPPYLI_INLINE int64_t wippyli_floor_mod(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/* a + b, or the nearest int64_t. */
WIPPYLI_INLINE int64_t wippyli_add_clamped(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b) {
        return INT64_MAX;
    }
    return b < 0 && a < INT64_MIN - b ? INT64_MIN : a + b;
}

#endif /* WIPPYLI_GOTIME_H */
