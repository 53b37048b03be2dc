#include "golayout.h"

#include <stdio.h>
#include <string.h>

/* ---- names and constants ---- */

static const char *const wippyli_layout_month_names[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

static const char *const wippyli_layout_weekday_names[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

WIPPYLI_FN const char *wippyli_layout_month(int month)
{
    return wippyli_layout_month_names[month - 1];
}

WIPPYLI_FN const char *wippyli_layout_weekday(int weekday)
{
    return wippyli_layout_weekday_names[weekday];
}

WIPPYLI_FN const wippyli_layout_constant *wippyli_layout_constants(size_t *count)
{
    static const wippyli_layout_constant constants[] = {
        {"RFC3339", WIPPYLI_LAYOUT_RFC3339},
        {"RFC3339NANO", WIPPYLI_LAYOUT_RFC3339_NANO},
        {"RFC822", "02 Jan 06 15:04 MST"},
        {"RFC822Z", "02 Jan 06 15:04 -0700"},
        {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"},
        {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
        {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"},
        {"DATE_TIME", "2006-01-02 15:04:05"},
        {"DATE_ONLY", "2006-01-02"},
        {"TIME_ONLY", "15:04:05"},
        {"KITCHEN", "3:04PM"},
        {"STAMP", "Jan _2 15:04:05"},
        {"STAMP_MILLI", "Jan _2 15:04:05.000"},
        {"STAMP_MICRO", "Jan _2 15:04:05.000000"},
        {"STAMP_NANO", "Jan _2 15:04:05.000000000"},
    };
    *count = WIPPYLI_COUNT(constants);
    return constants;
}

WIPPYLI_FN const wippyli_time_number *wippyli_time_numbers(size_t *count)
{
    static const wippyli_time_number numbers[] = {
        {"NANOSECOND", 1},
        {"MICROSECOND", 1000},
        {"MILLISECOND", 1000000},
        {"SECOND", WIPPYLI_SECOND_NS},
        {"MINUTE", 60 * WIPPYLI_SECOND_NS},
        {"HOUR", 3600 * WIPPYLI_SECOND_NS},
        {"JANUARY", 1},
        {"FEBRUARY", 2},
        {"MARCH", 3},
        {"APRIL", 4},
        {"MAY", 5},
        {"JUNE", 6},
        {"JULY", 7},
        {"AUGUST", 8},
        {"SEPTEMBER", 9},
        {"OCTOBER", 10},
        {"NOVEMBER", 11},
        {"DECEMBER", 12},
        {"SUNDAY", 0},
        {"MONDAY", 1},
        {"TUESDAY", 2},
        {"WEDNESDAY", 3},
        {"THURSDAY", 4},
        {"FRIDAY", 5},
        {"SATURDAY", 6},
    };
    *count = WIPPYLI_COUNT(numbers);
    return numbers;
}

/* ---- elements of a layout ---- */

typedef struct wippyli_element_word {
    const char *text;
    wippyli_element element;
} wippyli_element_word;

/* Of two words that begin alike the longer one stands first. */
static const wippyli_element_word wippyli_element_words[] = {
    {"January", WIPPYLI_ELEMENT_LONG_MONTH},
    {"Jan", WIPPYLI_ELEMENT_MONTH},
    {"Monday", WIPPYLI_ELEMENT_LONG_WEEKDAY},
    {"Mon", WIPPYLI_ELEMENT_WEEKDAY},
    {"MST", WIPPYLI_ELEMENT_ZONE},
    {"01", WIPPYLI_ELEMENT_ZERO_MONTH},
    {"002", WIPPYLI_ELEMENT_ZERO_YEAR_DAY},
    {"02", WIPPYLI_ELEMENT_ZERO_DAY},
    {"03", WIPPYLI_ELEMENT_ZERO_HOUR12},
    {"04", WIPPYLI_ELEMENT_ZERO_MINUTE},
    {"05", WIPPYLI_ELEMENT_ZERO_SECOND},
    {"06", WIPPYLI_ELEMENT_YEAR},
    {"15", WIPPYLI_ELEMENT_HOUR},
    {"1", WIPPYLI_ELEMENT_NUM_MONTH},
    {"2006", WIPPYLI_ELEMENT_LONG_YEAR},
    {"2", WIPPYLI_ELEMENT_DAY},
    {"__2", WIPPYLI_ELEMENT_UNDER_YEAR_DAY},
    {"_2", WIPPYLI_ELEMENT_UNDER_DAY},
    {"3", WIPPYLI_ELEMENT_HOUR12},
    {"4", WIPPYLI_ELEMENT_MINUTE},
    {"5", WIPPYLI_ELEMENT_SECOND},
    {"PM", WIPPYLI_ELEMENT_PM},
    {"pm", WIPPYLI_ELEMENT_SMALL_PM},
};

WIPPYLI_FN bool wippyli_layout_begins(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0;
}

WIPPYLI_FN bool wippyli_layout_is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* -07, -0700, -07:00, -070000, -07:00:00 and the same with Z. */
static bool wippyli_layout_offset(const char *at, const char *end, wippyli_layout_part *part)
{
    static const struct {
        const char *text;
        int numbers;
        bool colons;
    } shapes[] = {{"070000", 3, false},
                  {"07:00:00", 3, true},
                  {"0700", 2, false},
                  {"07:00", 2, true},
                  {"07", 1, false}};
    if (*at != '-' && *at != 'Z') {
        return false;
    }
    for (size_t i = 0; i < WIPPYLI_COUNT(shapes); i++) {
        if (wippyli_layout_begins(at + 1, end, shapes[i].text)) {
            part->element = WIPPYLI_ELEMENT_OFFSET;
            part->numbers = shapes[i].numbers;
            part->colons = shapes[i].colons;
            part->z_for_utc = *at == 'Z';
            part->size = strlen(shapes[i].text) + 1;
            return true;
        }
    }
    return false;
}

/* A point or comma, then only zeros or only nines, and no other digit behind them. */
static bool wippyli_layout_fraction(const char *at, const char *end, wippyli_layout_part *part)
{
    const char *stop = at + 1;
    if ((*at != '.' && *at != ',') || stop >= end || (*stop != '0' && *stop != '9')) {
        return false;
    }
    while (stop < end && *stop == at[1]) {
        stop++;
    }
    if (wippyli_layout_is_digit(stop, end)) {
        return false;
    }
    part->element = at[1] == '0' ? WIPPYLI_ELEMENT_FRACTION : WIPPYLI_ELEMENT_FRACTION_TRIMMED;
    part->size = (size_t)(stop - at);
    part->digits = part->size - 1;
    return true;
}

static bool wippyli_layout_word(const char *at, const char *end, wippyli_layout_part *part)
{
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_element_words); i++) {
        const wippyli_element_word *word = &wippyli_element_words[i];
        if (!wippyli_layout_begins(at, end, word->text)) {
            continue;
        }
        const char *behind = at + strlen(word->text);
        bool lower = behind < end && *behind >= 'a' && *behind <= 'z';
        if (lower &&
            (word->element == WIPPYLI_ELEMENT_MONTH || word->element == WIPPYLI_ELEMENT_WEEKDAY)) {
            return false; /* "Month" is no month */
        }
        if (word->element == WIPPYLI_ELEMENT_UNDER_DAY && wippyli_layout_begins(at, end, "_2006")) {
            return false; /* an underscore and a year */
        }
        part->element = word->element;
        part->size = strlen(word->text);
        return true;
    }
    return false;
}

/* The first part of a layout; *at moves behind it. */
WIPPYLI_FN void wippyli_layout_next(const char **at, const char *end, wippyli_layout_part *part)
{
    const char *here = *at;
    memset(part, 0, sizeof(*part));
    part->literal = here;
    while (here < end && !wippyli_layout_word(here, end, part) &&
           !wippyli_layout_offset(here, end, part) && !wippyli_layout_fraction(here, end, part)) {
        here++;
    }
    part->literal_size = (size_t)(here - *at);
    part->text = here;
    *at = here + part->size;
}

/* ---- writing ---- */

WIPPYLI_FN void wippyli_layout_put(wippyli_layout_out *o, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++, o->length++) {
        if (o->length + 1 < o->room) {
            o->out[o->length] = text[i];
        }
    }
}

WIPPYLI_FN void wippyli_layout_put_char(wippyli_layout_out *o, char c)
{
    wippyli_layout_put(o, &c, 1);
}

WIPPYLI_FN void wippyli_layout_put_word(wippyli_layout_out *o, const char *word)
{
    wippyli_layout_put(o, word, strlen(word));
}

/* With at least `width` digits, filled up with `fill`; a sign stands before them. */
WIPPYLI_FN void wippyli_layout_put_number(wippyli_layout_out *o, int64_t value, int width,
                                          char fill)
{
    char digits[24];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        wippyli_layout_put_char(o, '-');
    }
    for (int i = count; i < width; i++) {
        wippyli_layout_put_char(o, fill);
    }
    while (count > 0) {
        wippyli_layout_put_char(o, digits[--count]);
    }
}

WIPPYLI_FN void wippyli_layout_put_end(wippyli_layout_out *o)
{
    if (o->room > 0) {
        o->out[o->length < o->room ? o->length : o->room - 1] = 0;
    }
}

/* 1 to 3 numbers: hours, minutes, seconds. */
WIPPYLI_FN void wippyli_layout_put_offset(wippyli_layout_out *o, int32_t offset, int numbers,
                                          bool colons)
{
    int32_t size = offset < 0 ? -offset : offset;
    /* the sign belongs to the minutes: 30 seconds west are +0000 */
    wippyli_layout_put_char(o, offset / 60 < 0 ? '-' : '+');
    wippyli_layout_put_number(o, size / 3600, 2, '0');
    if (numbers > 1) {
        wippyli_layout_put(o, ":", colons ? 1 : 0);
        wippyli_layout_put_number(o, size % 3600 / 60, 2, '0');
    }
    if (numbers > 2) {
        wippyli_layout_put(o, ":", colons ? 1 : 0);
        wippyli_layout_put_number(o, size % 60, 2, '0');
    }
}

WIPPYLI_FN void wippyli_layout_put_zone(wippyli_layout_out *o, const wippyli_zone_span *span)
{
    if (span->abbrev[0]) {
        wippyli_layout_put_word(o, span->abbrev);
    } else {
        wippyli_layout_put_offset(o, span->offset, 2, false);
    }
}

static void wippyli_layout_put_fraction(wippyli_layout_out *o, int32_t nsec,
                                        const wippyli_layout_part *part)
{
    char digits[16];
    size_t count = part->digits < 9 ? part->digits : 9;
    (void)snprintf(digits, sizeof(digits), "%09ld", (long)nsec);
    if (part->element == WIPPYLI_ELEMENT_FRACTION_TRIMMED) {
        while (count > 0 && digits[count - 1] == '0') {
            count--;
        }
        if (count == 0) {
            return;
        }
    }
    wippyli_layout_put_char(o, part->text[0]);
    wippyli_layout_put(o, digits, count);
}

WIPPYLI_FN int wippyli_layout_hour12(int hour)
{
    return hour % 12 == 0 ? 12 : hour % 12;
}

/* Elements of the date; false when it is none of them. */
static bool wippyli_layout_put_date_element(wippyli_layout_out *o, wippyli_element element,
                                            const wippyli_civil *c)
{
    switch (element) {
    case WIPPYLI_ELEMENT_YEAR:
        wippyli_layout_put_number(o, c->year < 0 ? 0 : c->year % 100, 2, '0');
        return true;
    case WIPPYLI_ELEMENT_LONG_YEAR: wippyli_layout_put_number(o, c->year, 4, '0'); return true;
    case WIPPYLI_ELEMENT_MONTH:
        wippyli_layout_put(o, wippyli_layout_month(c->month), 3);
        return true;
    case WIPPYLI_ELEMENT_LONG_MONTH:
        wippyli_layout_put_word(o, wippyli_layout_month(c->month));
        return true;
    case WIPPYLI_ELEMENT_NUM_MONTH: wippyli_layout_put_number(o, c->month, 1, '0'); return true;
    case WIPPYLI_ELEMENT_ZERO_MONTH: wippyli_layout_put_number(o, c->month, 2, '0'); return true;
    case WIPPYLI_ELEMENT_WEEKDAY:
        wippyli_layout_put(o, wippyli_layout_weekday(c->weekday), 3);
        return true;
    case WIPPYLI_ELEMENT_LONG_WEEKDAY:
        wippyli_layout_put_word(o, wippyli_layout_weekday(c->weekday));
        return true;
    case WIPPYLI_ELEMENT_DAY: wippyli_layout_put_number(o, c->day, 1, '0'); return true;
    case WIPPYLI_ELEMENT_UNDER_DAY: wippyli_layout_put_number(o, c->day, 2, ' '); return true;
    case WIPPYLI_ELEMENT_ZERO_DAY: wippyli_layout_put_number(o, c->day, 2, '0'); return true;
    case WIPPYLI_ELEMENT_UNDER_YEAR_DAY:
        wippyli_layout_put_number(o, c->year_day, 3, ' ');
        return true;
    case WIPPYLI_ELEMENT_ZERO_YEAR_DAY:
        wippyli_layout_put_number(o, c->year_day, 3, '0');
        return true;
    default: return false;
    }
}

static void wippyli_layout_put_clock_element(wippyli_layout_out *o, const wippyli_layout_part *part,
                                             const wippyli_civil *c, const wippyli_zone_span *span)
{
    switch (part->element) {
    case WIPPYLI_ELEMENT_HOUR: wippyli_layout_put_number(o, c->hour, 2, '0'); break;
    case WIPPYLI_ELEMENT_HOUR12:
        wippyli_layout_put_number(o, wippyli_layout_hour12(c->hour), 1, '0');
        break;
    case WIPPYLI_ELEMENT_ZERO_HOUR12:
        wippyli_layout_put_number(o, wippyli_layout_hour12(c->hour), 2, '0');
        break;
    case WIPPYLI_ELEMENT_MINUTE: wippyli_layout_put_number(o, c->minute, 1, '0'); break;
    case WIPPYLI_ELEMENT_ZERO_MINUTE: wippyli_layout_put_number(o, c->minute, 2, '0'); break;
    case WIPPYLI_ELEMENT_SECOND: wippyli_layout_put_number(o, c->second, 1, '0'); break;
    case WIPPYLI_ELEMENT_ZERO_SECOND: wippyli_layout_put_number(o, c->second, 2, '0'); break;
    case WIPPYLI_ELEMENT_PM: wippyli_layout_put_word(o, c->hour >= 12 ? "PM" : "AM"); break;
    case WIPPYLI_ELEMENT_SMALL_PM: wippyli_layout_put_word(o, c->hour >= 12 ? "pm" : "am"); break;
    case WIPPYLI_ELEMENT_ZONE: wippyli_layout_put_zone(o, span); break;
    case WIPPYLI_ELEMENT_OFFSET:
        if (part->z_for_utc && span->offset == 0) {
            wippyli_layout_put_char(o, 'Z');
        } else {
            wippyli_layout_put_offset(o, span->offset, part->numbers, part->colons);
        }
        break;
    case WIPPYLI_ELEMENT_FRACTION:
    case WIPPYLI_ELEMENT_FRACTION_TRIMMED: wippyli_layout_put_fraction(o, c->nsec, part); break;
    default: break;
    }
}

WIPPYLI_FN size_t wippyli_time_format(wippyli_time t, const wippyli_zone *zone, const char *layout,
                                      size_t layout_size, char *out, size_t room)
{
    wippyli_civil civil;
    wippyli_zone_span span;
    wippyli_layout_part part;
    wippyli_layout_out o;
    const char *at = layout;
    o.out = out;
    o.room = room;
    o.length = 0;
    wippyli_time_civil(t, zone, &civil, &span);
    do {
        wippyli_layout_next(&at, layout + layout_size, &part);
        wippyli_layout_put(&o, part.literal, part.literal_size);
        if (!wippyli_layout_put_date_element(&o, part.element, &civil)) {
            wippyli_layout_put_clock_element(&o, &part, &civil, &span);
        }
    } while (part.element != WIPPYLI_ELEMENT_NONE);
    wippyli_layout_put_end(&o);
    return o.length;
}
