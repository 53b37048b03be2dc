#include "goparse.h"

#include <string.h>

/* ---- reading ---- */

typedef struct wippyli_time_reader {
    const char *layout;
    const char *layout_at;
    const char *layout_end;
    const char *text;
    const char *at;
    const char *end;
    const char *range; /* what was out of range: "month" */
    int64_t year;
    int month;    /* -1: not given */
    int day;      /* -1 */
    int year_day; /* -1 */
    int hour;
    int minute;
    int second;
    int64_t nsec;
    bool am;
    bool pm;
    bool is_utc;
    bool has_offset;
    int32_t offset;
    const char *abbrev; /* NULL: not given */
    size_t abbrev_size;
} wippyli_time_reader;

/* Up to `most` digits, at least `least`. */
static bool wippyli_goparse_read_number(wippyli_time_reader *r, int least, int most, int *out)
{
    int value = 0;
    int count = 0;
    while (count < most && wippyli_layout_is_digit(r->at, r->end)) {
        value = value * 10 + (*r->at++ - '0');
        count++;
    }
    *out = value;
    return count >= least;
}

/* One or two digits; with `two` exactly two. A number that is not in low..high is noted. */
static bool wippyli_goparse_read_limited(wippyli_time_reader *r, bool two, int low, int high,
                                         const char *what, int *out)
{
    const char *start = r->at;
    if (!wippyli_goparse_read_number(r, two ? 2 : 1, 2, out)) {
        r->at = start;
        return false;
    }
    if (*out < low || *out > high) {
        r->range = what;
    }
    return true;
}

static char wippyli_goparse_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* A name, whole or its first three letters, in any case. */
static bool wippyli_goparse_read_word(wippyli_time_reader *r, const char *name, bool whole)
{
    size_t size = whole ? strlen(name) : 3;
    for (size_t i = 0; i < size; i++) {
        if (r->at + i >= r->end ||
            wippyli_goparse_lower(r->at[i]) != wippyli_goparse_lower(name[i])) {
            return false;
        }
    }
    r->at += size;
    return true;
}

static bool wippyli_goparse_read_month(wippyli_time_reader *r, bool whole)
{
    for (int month = 1; month <= 12; month++) {
        if (wippyli_goparse_read_word(r, wippyli_layout_month(month), whole)) {
            r->month = month;
            return true;
        }
    }
    return false;
}

/* Read and forgotten: the date says which it is. */
static bool wippyli_goparse_read_weekday(wippyli_time_reader *r, bool whole)
{
    for (int weekday = 0; weekday < 7; weekday++) {
        if (wippyli_goparse_read_word(r, wippyli_layout_weekday(weekday), whole)) {
            return true;
        }
    }
    return false;
}

static bool wippyli_goparse_read_short_year(wippyli_time_reader *r)
{
    int year = 0;
    if (!wippyli_goparse_read_number(r, 2, 2, &year)) {
        return false;
    }
    r->year = year >= 69 ? 1900 + year : 2000 + year;
    return true;
}

static bool wippyli_goparse_read_long_year(wippyli_time_reader *r)
{
    int year = 0;
    bool ok = wippyli_goparse_read_number(r, 4, 4, &year);
    r->year = year;
    return ok;
}

static void wippyli_goparse_read_blanks(wippyli_time_reader *r, int most)
{
    for (; most > 0 && r->at < r->end && *r->at == ' '; most--) {
        r->at++;
    }
}

/* The digits behind a point at r->at; more than nine are read and forgotten. */
static void wippyli_goparse_read_fraction_digits(wippyli_time_reader *r)
{
    int64_t unit = WIPPYLI_SECOND_NS;
    r->nsec = 0;
    for (r->at++; wippyli_layout_is_digit(r->at, r->end); r->at++) {
        unit /= 10;
        r->nsec += unit * (*r->at - '0');
    }
}

static bool wippyli_goparse_at_fraction(const wippyli_time_reader *r)
{
    return r->at < r->end && (*r->at == '.' || *r->at == ',') &&
           wippyli_layout_is_digit(r->at + 1, r->end);
}

/* Does the layout go on with a fraction, after whatever literal text? */
static bool wippyli_layout_has_fraction_next(const wippyli_time_reader *r)
{
    wippyli_layout_part part;
    const char *at = r->layout_at;
    wippyli_layout_next(&at, r->layout_end, &part);
    return part.element == WIPPYLI_ELEMENT_FRACTION ||
           part.element == WIPPYLI_ELEMENT_FRACTION_TRIMMED;
}

static bool wippyli_goparse_read_second(wippyli_time_reader *r, bool two)
{
    if (!wippyli_goparse_read_limited(r, two, 0, 59, "second", &r->second)) {
        return false;
    }
    if (!r->range && wippyli_goparse_at_fraction(r) && !wippyli_layout_has_fraction_next(r)) {
        wippyli_goparse_read_fraction_digits(r);
    }
    return true;
}

/* Exactly as many digits as the layout has. */
static bool wippyli_goparse_read_exact_fraction(wippyli_time_reader *r, size_t digits)
{
    const char *stop = r->at + 1;
    const char *end = r->end;
    if (r->at >= end || (*r->at != '.' && *r->at != ',') || (size_t)(end - stop) < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (!wippyli_layout_is_digit(stop + i, end)) {
            return false;
        }
    }
    r->end = stop + digits; /* what follows belongs to the next element */
    wippyli_goparse_read_fraction_digits(r);
    r->end = end;
    return true;
}

static bool wippyli_goparse_read_half(wippyli_time_reader *r, char a, char p, char m)
{
    if (r->end - r->at < 2 || r->at[1] != m || (r->at[0] != a && r->at[0] != p)) {
        return false;
    }
    r->am = r->at[0] == a;
    r->pm = r->at[0] == p;
    r->at += 2;
    return true;
}

static bool wippyli_goparse_read_offset(wippyli_time_reader *r, const wippyli_layout_part *part)
{
    int numbers[3] = {0, 0, 0};
    static const int limits[3] = {24, 60, 60}; /* inclusive: people do write 24:00 */
    static const char *const names[3] = {"time zone offset hour", "time zone offset minute",
                                         "time zone offset second"};
    if (part->z_for_utc && r->at < r->end && *r->at == 'Z') {
        r->at++;
        r->is_utc = true;
        return true;
    }
    if (r->at >= r->end || (*r->at != '+' && *r->at != '-')) {
        return false;
    }
    bool negative = *r->at++ == '-';
    for (int i = 0; i < part->numbers; i++) {
        if (i > 0 && part->colons && (r->at >= r->end || *r->at++ != ':')) {
            return false;
        }
        if (!wippyli_goparse_read_limited(r, true, 0, limits[i], r->range ? r->range : names[i],
                                          &numbers[i])) {
            return false;
        }
    }
    int32_t offset = (int32_t)(numbers[0] * 3600 + numbers[1] * 60 + numbers[2]);
    r->offset = negative ? -offset : offset;
    r->has_offset = true;
    return true;
}

/* How many bytes are a signed hour as in "GMT+3" or "-03": at most 23, 0 when it is none. */
static size_t wippyli_goparse_abbrev_hours(const char *at, const char *end)
{
    const char *digit = at + 1;
    int value = 0;
    if (at >= end || (*at != '+' && *at != '-')) {
        return 0;
    }
    while (wippyli_layout_is_digit(digit, end) && value <= 23) {
        value = value * 10 + (*digit++ - '0');
    }
    return value > 23 || digit == at + 1 ? 0 : (size_t)(digit - at);
}

/* How many bytes look like the abbreviation of a zone; 0 when none do. Three or four capitals, where
   four or five must end in T, apart from a few that are known. */
static size_t wippyli_goparse_abbrev_size(const char *at, const char *end)
{
    size_t upper = 0;
    if (end - at < 3) {
        return 0;
    }
    if (wippyli_layout_begins(at, end, "ChST") || wippyli_layout_begins(at, end, "MeST")) {
        return 4;
    }
    if (wippyli_layout_begins(at, end, "GMT")) {
        return 3 + wippyli_goparse_abbrev_hours(at + 3, end);
    }
    if (*at == '+' || *at == '-') {
        return wippyli_goparse_abbrev_hours(at, end);
    }
    while (upper < 6 && at + upper < end && at[upper] >= 'A' && at[upper] <= 'Z') {
        upper++;
    }
    if (upper == 3 || (upper == 4 && memcmp(at, "WITA", 4) == 0)) {
        return upper;
    }
    return (upper == 4 || upper == 5) && at[upper - 1] == 'T' ? upper : 0;
}

static bool wippyli_goparse_read_abbrev(wippyli_time_reader *r)
{
    if (wippyli_layout_begins(r->at, r->end, "UTC")) {
        r->at += 3;
        r->is_utc = true;
        return true;
    }
    r->abbrev = r->at;
    r->abbrev_size = wippyli_goparse_abbrev_size(r->at, r->end);
    r->at += r->abbrev_size;
    return r->abbrev_size > 0;
}

static bool wippyli_goparse_read_date_element(wippyli_time_reader *r, wippyli_element element)
{
    switch (element) {
    case WIPPYLI_ELEMENT_YEAR: return wippyli_goparse_read_short_year(r);
    case WIPPYLI_ELEMENT_LONG_YEAR: return wippyli_goparse_read_long_year(r);
    case WIPPYLI_ELEMENT_MONTH: return wippyli_goparse_read_month(r, false);
    case WIPPYLI_ELEMENT_LONG_MONTH: return wippyli_goparse_read_month(r, true);
    case WIPPYLI_ELEMENT_NUM_MONTH:
    case WIPPYLI_ELEMENT_ZERO_MONTH:
        return wippyli_goparse_read_limited(r, element == WIPPYLI_ELEMENT_ZERO_MONTH, 1, 12,
                                            "month", &r->month);
    case WIPPYLI_ELEMENT_WEEKDAY: return wippyli_goparse_read_weekday(r, false);
    case WIPPYLI_ELEMENT_LONG_WEEKDAY: return wippyli_goparse_read_weekday(r, true);
    case WIPPYLI_ELEMENT_UNDER_DAY:
        wippyli_goparse_read_blanks(r, 1);
        return wippyli_goparse_read_number(r, 1, 2, &r->day);
    case WIPPYLI_ELEMENT_DAY: return wippyli_goparse_read_number(r, 1, 2, &r->day);
    case WIPPYLI_ELEMENT_ZERO_DAY: return wippyli_goparse_read_number(r, 2, 2, &r->day);
    case WIPPYLI_ELEMENT_UNDER_YEAR_DAY:
        wippyli_goparse_read_blanks(r, 2);
        return wippyli_goparse_read_number(r, 1, 3, &r->year_day);
    case WIPPYLI_ELEMENT_ZERO_YEAR_DAY: return wippyli_goparse_read_number(r, 3, 3, &r->year_day);
    default: return true;
    }
}

static bool wippyli_goparse_read_clock_element(wippyli_time_reader *r,
                                               const wippyli_layout_part *part)
{
    switch (part->element) {
    case WIPPYLI_ELEMENT_HOUR:
        return wippyli_goparse_read_limited(r, false, 0, 23, "hour", &r->hour);
    case WIPPYLI_ELEMENT_HOUR12:
    case WIPPYLI_ELEMENT_ZERO_HOUR12:
        return wippyli_goparse_read_limited(r, part->element == WIPPYLI_ELEMENT_ZERO_HOUR12, 0, 12,
                                            "hour", &r->hour);
    case WIPPYLI_ELEMENT_MINUTE:
    case WIPPYLI_ELEMENT_ZERO_MINUTE:
        return wippyli_goparse_read_limited(r, part->element == WIPPYLI_ELEMENT_ZERO_MINUTE, 0, 59,
                                            "minute", &r->minute);
    case WIPPYLI_ELEMENT_SECOND: return wippyli_goparse_read_second(r, false);
    case WIPPYLI_ELEMENT_ZERO_SECOND: return wippyli_goparse_read_second(r, true);
    case WIPPYLI_ELEMENT_PM: return wippyli_goparse_read_half(r, 'A', 'P', 'M');
    case WIPPYLI_ELEMENT_SMALL_PM: return wippyli_goparse_read_half(r, 'a', 'p', 'm');
    case WIPPYLI_ELEMENT_ZONE: return wippyli_goparse_read_abbrev(r);
    case WIPPYLI_ELEMENT_OFFSET: return wippyli_goparse_read_offset(r, part);
    case WIPPYLI_ELEMENT_FRACTION: return wippyli_goparse_read_exact_fraction(r, part->digits);
    case WIPPYLI_ELEMENT_FRACTION_TRIMMED:
        if (wippyli_goparse_at_fraction(r)) {
            wippyli_goparse_read_fraction_digits(r);
        }
        return true;
    default: return true;
    }
}

/* Literal text; a run of blanks matches any run, also of no length at the end. On failure r->at is
   where it differs, *at in the layout too. */
static bool wippyli_goparse_read_literal(wippyli_time_reader *r, const char **at, const char *end)
{
    while (*at < end) {
        if (**at == ' ') {
            if (r->at < r->end && *r->at != ' ') {
                return false;
            }
            while (*at < end && **at == ' ') {
                (*at)++;
            }
            while (r->at < r->end && *r->at == ' ') {
                r->at++;
            }
            continue;
        }
        if (r->at >= r->end || *r->at != **at) {
            return false;
        }
        (*at)++;
        r->at++;
    }
    return true;
}

/* ---- errors of reading ---- */

/* In quotes, quotes and backslashes escaped, what is not printable ASCII as \x... */
static void wippyli_layout_put_quoted(wippyli_layout_out *o, const char *text, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    wippyli_layout_put_char(o, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            wippyli_layout_put_char(o, '\\');
        }
        if (c < ' ' || c >= 0x7F) {
            wippyli_layout_put_word(o, "\\x");
            wippyli_layout_put_char(o, hex[c >> 4]);
            wippyli_layout_put_char(o, hex[c & 15]);
        } else {
            wippyli_layout_put_char(o, (char)c);
        }
    }
    wippyli_layout_put_char(o, '"');
}

static void wippyli_goparse_message_begin(const wippyli_time_reader *r, wippy_diag *diag,
                                          wippyli_layout_out *o)
{
    memset(diag, 0, sizeof(*diag));
    diag->code = WIPPY_ERR_INVALID;
    o->out = diag->message;
    o->room = sizeof(diag->message);
    o->length = 0;
    wippyli_layout_put_word(o, "parsing time ");
    wippyli_layout_put_quoted(o, r->text, (size_t)(r->end - r->text));
}

/* parsing time "T" as "L": cannot parse "rest" as "element" */
static wippy_result wippyli_goparse_mismatch(const wippyli_time_reader *r, const char *rest,
                                             const char *element, size_t element_size,
                                             wippy_diag *diag)
{
    wippyli_layout_out o;
    if (diag) {
        wippyli_goparse_message_begin(r, diag, &o);
        wippyli_layout_put_word(&o, " as ");
        wippyli_layout_put_quoted(&o, r->layout, (size_t)(r->layout_end - r->layout));
        wippyli_layout_put_word(&o, ": cannot parse ");
        wippyli_layout_put_quoted(&o, rest, (size_t)(r->end - rest));
        wippyli_layout_put_word(&o, " as ");
        wippyli_layout_put_quoted(&o, element, element_size);
        wippyli_layout_put_end(&o);
    }
    return WIPPY_ERR_INVALID;
}

/* parsing time "T": month out of range */
static wippy_result wippyli_goparse_refuse(const wippyli_time_reader *r, const char *what,
                                           const char *why, wippy_diag *diag)
{
    wippyli_layout_out o;
    if (diag) {
        wippyli_goparse_message_begin(r, diag, &o);
        wippyli_layout_put_word(&o, ": ");
        wippyli_layout_put_word(&o, what);
        wippyli_layout_put_word(&o, why);
        wippyli_layout_put_end(&o);
    }
    return WIPPY_ERR_INVALID;
}

static wippy_result wippyli_goparse_extra(const wippyli_time_reader *r, wippy_diag *diag)
{
    wippyli_layout_out o;
    if (diag) {
        wippyli_goparse_message_begin(r, diag, &o);
        wippyli_layout_put_word(&o, ": extra text: ");
        wippyli_layout_put_quoted(&o, r->at, (size_t)(r->end - r->at));
        wippyli_layout_put_end(&o);
    }
    return WIPPY_ERR_INVALID;
}

/* ---- from parts to an instant ---- */

static wippy_result wippyli_goparse_parts(wippyli_time_reader *r, wippy_diag *diag)
{
    wippyli_layout_part part;
    do {
        wippyli_layout_next(&r->layout_at, r->layout_end, &part);
        const char *literal = part.literal;
        if (!wippyli_goparse_read_literal(r, &literal, part.literal + part.literal_size)) {
            return wippyli_goparse_mismatch(r, r->at, part.literal, part.literal_size, diag);
        }
        const char *rest = r->at;
        bool ok = wippyli_goparse_read_date_element(r, part.element) &&
                  wippyli_goparse_read_clock_element(r, &part);
        if (r->range) {
            return wippyli_goparse_refuse(r, r->range, " out of range", diag);
        }
        if (!ok) {
            return wippyli_goparse_mismatch(r, rest, part.text, part.size, diag);
        }
    } while (part.element != WIPPYLI_ELEMENT_NONE);
    return r->at == r->end ? WIPPY_OK : wippyli_goparse_extra(r, diag);
}

/* Month and day from the day of the year, which must not contradict them. */
static wippy_result wippyli_goparse_year_day(wippyli_time_reader *r, wippy_diag *diag)
{
    int month = 1;
    if (r->year_day < 1 || r->year_day > (wippyli_is_leap_year(r->year) ? 366 : 365)) {
        return wippyli_goparse_refuse(r, "day-of-year", " out of range", diag);
    }
    while (month < 12 && wippyli_days_before_month(r->year, month + 1) < r->year_day) {
        month++;
    }
    int day = r->year_day - wippyli_days_before_month(r->year, month);
    if (r->month >= 0 && r->month != month) {
        return wippyli_goparse_refuse(r, "day-of-year", " does not match month", diag);
    }
    if (r->day >= 0 && r->day != day) {
        return wippyli_goparse_refuse(r, "day-of-year", " does not match day", diag);
    }
    r->month = month;
    r->day = day;
    return WIPPY_OK;
}

static wippy_result wippyli_goparse_date(wippyli_time_reader *r, wippyli_date *date,
                                         wippy_diag *diag)
{
    wippy_result result = WIPPY_OK;
    if (r->year_day >= 0) {
        result = wippyli_goparse_year_day(r, diag);
    }
    r->month = r->month < 0 ? 1 : r->month;
    r->day = r->day < 0 ? 1 : r->day;
    if (result == WIPPY_OK && (r->day < 1 || r->day > wippyli_days_in_month(r->year, r->month))) {
        result = wippyli_goparse_refuse(r, "day", " out of range", diag);
    }
    if (r->pm && r->hour < 12) {
        r->hour += 12;
    } else if (r->am && r->hour == 12) {
        r->hour = 0;
    }
    date->year = r->year;
    date->month = r->month;
    date->day = r->day;
    date->hour = r->hour;
    date->minute = r->minute;
    date->second = r->second;
    date->nsec = r->nsec;
    return result;
}

static void wippyli_goparse_fixed(wippyli_parsed *out, int32_t offset, const char *abbrev,
                                  size_t abbrev_size)
{
    out->zone = WIPPYLI_PARSED_ZONE_FIXED;
    out->offset = offset;
    memset(out->abbrev, 0, sizeof(out->abbrev));
    if (abbrev_size < sizeof(out->abbrev)) {
        memcpy(out->abbrev, abbrev, abbrev_size);
    }
}

/* The text had an offset, perhaps with an abbreviation. */
static void wippyli_goparse_with_offset(const wippyli_time_reader *r, const wippyli_zone *zone,
                                        wippyli_parsed *out)
{
    wippyli_zone_span span;
    out->time.sec -= r->offset;
    wippyli_zone_lookup(zone, out->time.sec, &span);
    bool same_name = !r->abbrev || (strlen(span.abbrev) == r->abbrev_size &&
                                    memcmp(span.abbrev, r->abbrev, r->abbrev_size) == 0);
    if (span.offset != r->offset || !same_name) {
        wippyli_goparse_fixed(out, r->offset, r->abbrev ? r->abbrev : "",
                              r->abbrev ? r->abbrev_size : 0);
    }
}

/* "GMT+3" says its offset, other abbreviations the zone does not have count as UTC. */
static int32_t wippyli_goparse_abbrev_offset(const char *abbrev, size_t size)
{
    int32_t hours = 0;
    for (size_t i = 4; i < size && memcmp(abbrev, "GMT", 3) == 0; i++) {
        hours = hours * 10 + (abbrev[i] - '0');
    }
    return size > 4 && abbrev[3] == '-' ? -hours * 3600 : hours * 3600;
}

static void wippyli_goparse_with_abbrev(const wippyli_time_reader *r, const wippyli_zone *zone,
                                        wippyli_parsed *out)
{
    int32_t offset = 0;
    if (wippyli_zone_offset_of(zone, r->abbrev, r->abbrev_size, out->time.sec, &offset)) {
        out->time.sec -= offset;
        return;
    }
    offset = wippyli_goparse_abbrev_offset(r->abbrev, r->abbrev_size);
    out->time.sec -= offset;
    wippyli_goparse_fixed(out, offset, r->abbrev, r->abbrev_size);
}

WIPPYLI_FN wippy_result wippyli_time_parse(const char *layout, size_t layout_size, const char *text,
                                           size_t text_size, const wippyli_zone *zone,
                                           wippyli_parsed *out, wippy_diag *diag)
{
    wippyli_time_reader r;
    wippyli_date date;
    wippyli_parsed parsed;
    memset(&r, 0, sizeof(r));
    memset(&parsed, 0, sizeof(parsed));
    r.layout = r.layout_at = layout;
    r.layout_end = layout + layout_size;
    r.text = r.at = text;
    r.end = text + text_size;
    r.month = r.day = r.year_day = -1;
    wippy_result result = wippyli_goparse_parts(&r, diag);
    if (result == WIPPY_OK) {
        result = wippyli_goparse_date(&r, &date, diag);
    }
    if (result != WIPPY_OK) {
        return result;
    }
    parsed.zone = r.is_utc ? WIPPYLI_PARSED_ZONE_UTC : WIPPYLI_PARSED_ZONE_GIVEN;
    (void)wippyli_civil_to(&date, &parsed.time); /* four digits of year always fit */
    if (r.has_offset && !r.is_utc) {
        wippyli_goparse_with_offset(&r, zone, &parsed);
    } else if (r.abbrev && !r.is_utc) {
        wippyli_goparse_with_abbrev(&r, zone, &parsed);
    } else if (!r.is_utc) {
        (void)wippyli_time_date(&date, zone, &parsed.time);
    }
    *out = parsed;
    return WIPPY_OK;
}
