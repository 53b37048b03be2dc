#include "gotime.h"

#include <string.h>

#define WIPPYLI_DAY_SEC    INT64_C(86400)
#define WIPPYLI_CYCLE_DAYS INT64_C(146097)       /* 400 years, after which the calendar repeats */
#define WIPPYLI_EPOCH_DAYS INT64_C(719468)       /* from 0000-03-01 to 1970-01-01 */
#define WIPPYLI_YEAR_LIMIT INT64_C(400000000000) /* no instant lies in a year beyond */

/* ---- instants ---- */

static wippyli_time wippyli_time_of(int64_t sec, int64_t nsec)
{
    wippyli_time t;
    t.sec = sec;
    t.nsec = (int32_t)nsec;
    return t;
}

static wippyli_time wippyli_time_first_or_last(bool last)
{
    return last ? wippyli_time_of(INT64_MAX, WIPPYLI_SECOND_NS - 1) : wippyli_time_of(INT64_MIN, 0);
}

static bool wippyli_add_overflows(int64_t a, int64_t b)
{
    return b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b;
}

WIPPYLI_FN wippyli_time wippyli_time_make(int64_t sec, int64_t nsec)
{
    int64_t carry = wippyli_floor_div(nsec, WIPPYLI_SECOND_NS);
    if (wippyli_add_overflows(sec, carry)) {
        return wippyli_time_first_or_last(carry > 0);
    }
    return wippyli_time_of(sec + carry, wippyli_floor_mod(nsec, WIPPYLI_SECOND_NS));
}

WIPPYLI_FN wippyli_time wippyli_time_add(wippyli_time t, int64_t duration_ns)
{
    int64_t sec = wippyli_floor_div(duration_ns, WIPPYLI_SECOND_NS);
    if (wippyli_add_overflows(t.sec, sec)) {
        return wippyli_time_first_or_last(sec > 0);
    }
    return wippyli_time_make(t.sec + sec,
                             t.nsec + wippyli_floor_mod(duration_ns, WIPPYLI_SECOND_NS));
}

WIPPYLI_FN int64_t wippyli_time_sub(wippyli_time a, wippyli_time b)
{
    int64_t limit = INT64_MAX / WIPPYLI_SECOND_NS;
    bool later = wippyli_time_compare(a, b) > 0;
    /* the distance fits into unsigned arithmetic whatever the signs */
    uint64_t distance =
        later ? (uint64_t)a.sec - (uint64_t)b.sec : (uint64_t)b.sec - (uint64_t)a.sec;
    if (distance > (uint64_t)limit + 1) {
        return later ? INT64_MAX : INT64_MIN;
    }
    int64_t sec = later ? (int64_t)distance : -(int64_t)distance;
    int64_t nsec = (int64_t)a.nsec - b.nsec;
    /* sec is at most one beyond the limit; bring the parts to one sign before joining them */
    if (sec > 0 && nsec < 0) {
        sec -= 1;
        nsec += WIPPYLI_SECOND_NS;
    } else if (sec < 0 && nsec > 0) {
        sec += 1;
        nsec -= WIPPYLI_SECOND_NS;
    }
    if (sec > limit || sec < -limit) {
        return later ? INT64_MAX : INT64_MIN;
    }
    return wippyli_add_clamped(sec * WIPPYLI_SECOND_NS, nsec);
}

WIPPYLI_FN int wippyli_time_compare(wippyli_time a, wippyli_time b)
{
    if (a.sec != b.sec) {
        return a.sec < b.sec ? -1 : 1;
    }
    return a.nsec < b.nsec ? -1 : a.nsec > b.nsec;
}

WIPPYLI_FN int64_t wippyli_time_unix_nano(wippyli_time t)
{
    uint64_t bits = (uint64_t)t.sec * (uint64_t)WIPPYLI_SECOND_NS + (uint64_t)t.nsec;
    int64_t nano = 0;
    memcpy(&nano, &bits, sizeof(nano));
    return nano;
}

WIPPYLI_FN bool wippyli_time_is_zero(wippyli_time t)
{
    return t.sec == WIPPYLI_ZERO_TIME_SEC && t.nsec == 0;
}

/* ---- rounding ---- */

/* a * b mod m without a wider type; a < m, b > 0, m <= 2^63. */
static uint64_t wippyli_mul_mod(uint64_t a, uint64_t b, uint64_t m)
{
    uint64_t sum = 0;
    for (; b > 0; b >>= 1) {
        if (b & 1) {
            sum = (sum + a) % m;
        }
        a = (a + a) % m;
    }
    return sum;
}

/* Nanoseconds since the last multiple of d since the zero time. */
static int64_t wippyli_time_rest(wippyli_time t, int64_t d)
{
    uint64_t m = (uint64_t)d;
    uint64_t sec = (uint64_t)wippyli_floor_mod(t.sec, d) +
                   (uint64_t)wippyli_floor_mod(-WIPPYLI_ZERO_TIME_SEC, d);
    uint64_t ns = wippyli_mul_mod(sec % m, (uint64_t)WIPPYLI_SECOND_NS, m);
    return (int64_t)((ns + (uint64_t)t.nsec % m) % m);
}

WIPPYLI_FN wippyli_time wippyli_time_truncate(wippyli_time t, int64_t duration_ns)
{
    return duration_ns > 0 ? wippyli_time_add(t, -wippyli_time_rest(t, duration_ns)) : t;
}

WIPPYLI_FN wippyli_time wippyli_time_round(wippyli_time t, int64_t duration_ns)
{
    if (duration_ns <= 0) {
        return t;
    }
    int64_t rest = wippyli_time_rest(t, duration_ns);
    bool down = rest < duration_ns - rest;
    return wippyli_time_add(t, down ? -rest : duration_ns - rest);
}

/* ---- the calendar ---- */

WIPPYLI_FN bool wippyli_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

WIPPYLI_FN int wippyli_days_before_month(int64_t year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    return before[month - 1] + (month > 2 && wippyli_is_leap_year(year) ? 1 : 0);
}

WIPPYLI_FN int wippyli_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && wippyli_is_leap_year(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first of a month. Years are counted from March, so that the leap day is
   the last one; |year| <= WIPPYLI_YEAR_LIMIT. */
static int64_t wippyli_days_to_month(int64_t year, int month)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t cycle = wippyli_floor_div(shifted, 400);
    int64_t in_cycle = wippyli_floor_mod(shifted, 400);
    int64_t from_march = (month + 9) % 12;
    int64_t days = in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + (153 * from_march + 2) / 5;
    return cycle * WIPPYLI_CYCLE_DAYS + days - WIPPYLI_EPOCH_DAYS;
}

static void wippyli_civil_from_days(int64_t days, wippyli_civil *out)
{
    int64_t since = days + WIPPYLI_EPOCH_DAYS;
    int64_t cycle = wippyli_floor_div(since, WIPPYLI_CYCLE_DAYS);
    int64_t day = wippyli_floor_mod(since, WIPPYLI_CYCLE_DAYS);
    /* take out the leap days passed so far: every 4 years, not every 100, every 400 */
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * in_year + 2) / 153;
    out->day = (int)(in_year - (153 * from_march + 2) / 5) + 1;
    out->month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    out->year = cycle * 400 + year + (out->month <= 2 ? 1 : 0);
    out->weekday = (int)wippyli_floor_mod(days + 4, 7);
    out->year_day = wippyli_days_before_month(out->year, out->month) + out->day;
}

WIPPYLI_FN void wippyli_civil_from(wippyli_time t, int32_t offset, wippyli_civil *out)
{
    int64_t days = wippyli_floor_div(t.sec, WIPPYLI_DAY_SEC);
    int64_t second = wippyli_floor_mod(t.sec, WIPPYLI_DAY_SEC) + offset;
    days += wippyli_floor_div(second, WIPPYLI_DAY_SEC);
    second = wippyli_floor_mod(second, WIPPYLI_DAY_SEC);
    wippyli_civil_from_days(days, out);
    out->hour = (int)(second / 3600);
    out->minute = (int)(second % 3600 / 60);
    out->second = (int)(second % 60);
    out->nsec = t.nsec;
}

/* Move what is over `base` in *low up into *high. */
static bool wippyli_carry(int64_t *high, int64_t *low, int64_t base)
{
    int64_t carry = wippyli_floor_div(*low, base);
    if (wippyli_add_overflows(*high, carry)) {
        return false;
    }
    *high += carry;
    *low = wippyli_floor_mod(*low, base);
    return true;
}

WIPPYLI_FN bool wippyli_civil_to(const wippyli_date *date, wippyli_time *out)
{
    wippyli_date d = *date;
    int64_t day_limit = INT64_MAX / WIPPYLI_DAY_SEC;
    if (!wippyli_carry(&d.second, &d.nsec, WIPPYLI_SECOND_NS) ||
        !wippyli_carry(&d.minute, &d.second, 60) || !wippyli_carry(&d.hour, &d.minute, 60) ||
        !wippyli_carry(&d.day, &d.hour, 24) || d.month == INT64_MIN) {
        return false;
    }
    d.month--;
    if (!wippyli_carry(&d.year, &d.month, 12) || d.year > WIPPYLI_YEAR_LIMIT ||
        d.year < -WIPPYLI_YEAR_LIMIT) {
        return false;
    }
    int64_t days = wippyli_days_to_month(d.year, (int)d.month + 1) - 1;
    if (wippyli_add_overflows(days, d.day)) {
        return false;
    }
    days += d.day;
    if (days >= day_limit || days <= -day_limit) {
        return false;
    }
    *out =
        wippyli_time_of(days * WIPPYLI_DAY_SEC + d.hour * 3600 + d.minute * 60 + d.second, d.nsec);
    return true;
}

WIPPYLI_FN int wippyli_iso_week(const wippyli_civil *civil, int64_t *year)
{
    int64_t week_year = civil->year;
    int from_monday = (civil->weekday + 6) % 7;
    /* a week belongs to the year of its Thursday */
    int thursday = civil->year_day + 3 - from_monday;
    int length = wippyli_is_leap_year(week_year) ? 366 : 365;
    if (thursday < 1) {
        week_year--;
        thursday += wippyli_is_leap_year(week_year) ? 366 : 365;
    } else if (thursday > length) {
        week_year++;
        thursday -= length;
    }
    *year = week_year;
    return (thursday - 1) / 7 + 1;
}

/* ---- durations ---- */

/* Whole units exactly, then the rest: the quotient of the whole as a float would lose digits. */
static double wippyli_duration_in(int64_t duration_ns, int64_t unit)
{
    return (double)(duration_ns / unit) + (double)(duration_ns % unit) / (double)unit;
}

WIPPYLI_FN double wippyli_duration_hours(int64_t duration_ns)
{
    return wippyli_duration_in(duration_ns, 3600 * WIPPYLI_SECOND_NS);
}

WIPPYLI_FN double wippyli_duration_minutes(int64_t duration_ns)
{
    return wippyli_duration_in(duration_ns, 60 * WIPPYLI_SECOND_NS);
}

WIPPYLI_FN double wippyli_duration_seconds(int64_t duration_ns)
{
    return wippyli_duration_in(duration_ns, WIPPYLI_SECOND_NS);
}

#undef WIPPYLI_DAY_SEC
#undef WIPPYLI_CYCLE_DAYS
#undef WIPPYLI_EPOCH_DAYS
#undef WIPPYLI_YEAR_LIMIT
