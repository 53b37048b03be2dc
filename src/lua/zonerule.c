#include "zonerule.h"

#include <string.h>

#define WIPPYLI_ZONE_CYCLE_SEC INT64_C(12622780800) /* 400 years */

/* ---- reading ---- */

typedef struct wippyli_zone_rule_reader {
    const char *at;
    const char *end;
} wippyli_zone_rule_reader;

static bool wippyli_zone_rule_take(wippyli_zone_rule_reader *r, char c)
{
    if (r->at >= r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static bool wippyli_zone_rule_number(wippyli_zone_rule_reader *r, int low, int high, int *out)
{
    const char *first = r->at;
    int value = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - first < 4) {
        value = value * 10 + (*r->at++ - '0');
    }
    *out = value;
    return r->at > first && value >= low && value <= high;
}

/* "EST", "<-03>" */
static bool wippyli_zone_rule_abbrev(wippyli_zone_rule_reader *r, char *out)
{
    bool quoted = wippyli_zone_rule_take(r, '<');
    const char *first = r->at;
    while (r->at < r->end) {
        char c = *r->at;
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool sign = (c >= '0' && c <= '9') || c == '+' || c == '-';
        if (!letter && !(quoted && sign)) {
            break;
        }
        r->at++;
    }
    size_t size = (size_t)(r->at - first);
    if (size < 3 || size >= WIPPYLI_ZONE_ABBREV_MAX) {
        return false;
    }
    memcpy(out, first, size);
    out[size] = 0;
    return !quoted || wippyli_zone_rule_take(r, '>');
}

/* [+-]hh[:mm[:ss]] */
static bool wippyli_zone_rule_time(wippyli_zone_rule_reader *r, int max_hours, int32_t *out)
{
    int parts[3] = {0, 0, 0};
    bool negative = wippyli_zone_rule_take(r, '-');
    if (!negative) {
        (void)wippyli_zone_rule_take(r, '+');
    }
    for (int i = 0; i < 3; i++) {
        if (!wippyli_zone_rule_number(r, 0, i == 0 ? max_hours : 59, &parts[i])) {
            return false;
        }
        if (i == 2 || !wippyli_zone_rule_take(r, ':')) {
            break;
        }
    }
    int32_t seconds = (int32_t)(parts[0] * 3600 + parts[1] * 60 + parts[2]);
    *out = negative ? -seconds : seconds;
    return true;
}

static bool wippyli_zone_rule_day(wippyli_zone_rule_reader *r, wippyli_zone_change *out)
{
    if (wippyli_zone_rule_take(r, 'J')) {
        out->kind = 'J';
        return wippyli_zone_rule_number(r, 1, 365, &out->day);
    }
    if (wippyli_zone_rule_take(r, 'M')) {
        out->kind = 'M';
        return wippyli_zone_rule_number(r, 1, 12, &out->month) && wippyli_zone_rule_take(r, '.') &&
               wippyli_zone_rule_number(r, 1, 5, &out->week) && wippyli_zone_rule_take(r, '.') &&
               wippyli_zone_rule_number(r, 0, 6, &out->day);
    }
    out->kind = 'n';
    return wippyli_zone_rule_number(r, 0, 365, &out->day);
}

static bool wippyli_zone_rule_change(wippyli_zone_rule_reader *r, wippyli_zone_change *out)
{
    out->second = 2 * 3600;
    if (!wippyli_zone_rule_take(r, ',') || !wippyli_zone_rule_day(r, out)) {
        return false;
    }
    return !wippyli_zone_rule_take(r, '/') || wippyli_zone_rule_time(r, 167, &out->second);
}

static bool wippyli_zone_rule_dst(wippyli_zone_rule_reader *r, wippyli_zone_rule *out)
{
    static const char usual[] = ",M3.2.0,M11.1.0"; /* when the rule does not say */
    out->has_dst = true;
    out->dst_offset = out->std_offset + 3600;
    if (!wippyli_zone_rule_abbrev(r, out->dst_abbrev)) {
        return false;
    }
    if (r->at < r->end && *r->at != ',') {
        if (!wippyli_zone_rule_time(r, 24, &out->dst_offset)) {
            return false;
        }
        out->dst_offset = -out->dst_offset;
    }
    if (r->at == r->end) {
        r->at = usual;
        r->end = usual + sizeof(usual) - 1;
    }
    return wippyli_zone_rule_change(r, &out->to_dst) && wippyli_zone_rule_change(r, &out->to_std);
}

WIPPYLI_FN bool wippyli_zone_rule_parse(const char *text, size_t size, wippyli_zone_rule *out)
{
    wippyli_zone_rule_reader r;
    r.at = text;
    r.end = text + size;
    memset(out, 0, sizeof(*out));
    if (!wippyli_zone_rule_abbrev(&r, out->std_abbrev) ||
        !wippyli_zone_rule_time(&r, 24, &out->std_offset)) {
        return false;
    }
    out->std_offset = -out->std_offset; /* a rule counts west of Greenwich */
    if (r.at < r.end && !wippyli_zone_rule_dst(&r, out)) {
        return false;
    }
    out->present = true;
    return r.at == r.end;
}

/* ---- looking up ---- */

/* Seconds since 1970 UTC at which the rule changes the clock in that year. */
static int64_t wippyli_zone_rule_instant(const wippyli_zone_change *change, int64_t year,
                                         int32_t offset)
{
    wippyli_date date;
    wippyli_time t;
    wippyli_civil first;
    memset(&date, 0, sizeof(date));
    date.year = year;
    date.month = 1;
    date.day = change->day + 1;
    if (change->kind == 'J') { /* day 60 is March 1st in every year */
        date.day = change->day + (change->day > 59 && wippyli_is_leap_year(year) ? 1 : 0);
    } else if (change->kind == 'M') {
        date.month = change->month;
        date.day = 1;
        (void)wippyli_civil_to(&date, &t);
        wippyli_civil_from(t, 0, &first);
        date.day = 1 + (change->day - first.weekday + 7) % 7 + (change->week - 1) * 7;
        if (date.day > wippyli_days_in_month(year, change->month)) {
            date.day -= 7; /* the fifth means the last */
        }
    }
    (void)wippyli_civil_to(&date, &t);
    return t.sec + change->second - offset;
}

/* The rule at an instant in the years 0..399: the last change before it among those of the year and
   its neighbours. *start and *end frame the span. */
static bool wippyli_zone_rule_is_dst(const wippyli_zone_rule *rule, int64_t sec, int64_t *start,
                                     int64_t *end)
{
    wippyli_civil civil;
    bool dst = false;
    *start = INT64_MIN;
    *end = INT64_MAX;
    wippyli_civil_from(wippyli_time_make(sec, 0), rule->std_offset, &civil);
    for (int64_t year = civil.year - 1; year <= civil.year + 1; year++) {
        for (int i = 0; i < 2; i++) {
            int64_t at = i == 0 ? wippyli_zone_rule_instant(&rule->to_std, year, rule->dst_offset)
                                : wippyli_zone_rule_instant(&rule->to_dst, year, rule->std_offset);
            /* of two changes at one instant the one to summer time is later */
            if (at <= sec && (at > *start || (at == *start && i == 1))) {
                *start = at;
                dst = i == 1;
            } else if (at > sec && at < *end) {
                *end = at;
            }
        }
    }
    return dst;
}

/* The calendar repeats every 400 years, so every instant has one in a small year that is alike. */
WIPPYLI_FN void wippyli_zone_rule_lookup(const wippyli_zone_rule *rule, int64_t sec,
                                         wippyli_zone_span *out)
{
    int64_t start = INT64_MIN;
    int64_t end = INT64_MAX;
    int64_t alike = wippyli_floor_mod(sec, WIPPYLI_ZONE_CYCLE_SEC);
    bool dst = rule->has_dst && wippyli_zone_rule_is_dst(rule, alike, &start, &end);
    out->is_dst = dst;
    out->offset = dst ? rule->dst_offset : rule->std_offset;
    out->abbrev = dst ? rule->dst_abbrev : rule->std_abbrev;
    out->start = start == INT64_MIN ? start : wippyli_add_clamped(sec, start - alike);
    out->end = end == INT64_MAX ? end : wippyli_add_clamped(sec, end - alike);
}

#undef WIPPYLI_ZONE_CYCLE_SEC
