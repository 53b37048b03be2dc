#include "strftime.h"

#include <string.h>

/* ---- os.date ---- */

typedef struct wippyli_strftime_state {
    wippyli_layout_out o;
    wippyli_civil civil;
    wippyli_zone_span span;
} wippyli_strftime_state;

/* Conversions that stand for others; NULL for the rest. */
static const char *wippyli_strftime_alias(char c)
{
    switch (c) {
    case 'c': return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x': return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    case 'R': return "%H:%M";
    case 'r': return "%I:%M:%S %p";
    case 'T':
    case 'X': return "%H:%M:%S";
    default: return NULL;
    }
}

static void wippyli_strftime_name(wippyli_strftime_state *s, char c)
{
    const char *month = wippyli_layout_month(s->civil.month);
    const char *day = wippyli_layout_weekday(s->civil.weekday);
    switch (c) {
    case 'a': wippyli_layout_put(&s->o, day, 3); break;
    case 'A': wippyli_layout_put_word(&s->o, day); break;
    case 'b':
    case 'h': wippyli_layout_put(&s->o, month, 3); break;
    case 'B': wippyli_layout_put_word(&s->o, month); break;
    case 'p': wippyli_layout_put_word(&s->o, s->civil.hour >= 12 ? "PM" : "AM"); break;
    case 'n': wippyli_layout_put_char(&s->o, '\n'); break;
    case 't': wippyli_layout_put_char(&s->o, '\t'); break;
    case '%': wippyli_layout_put_char(&s->o, '%'); break;
    case 'Z': wippyli_layout_put_zone(&s->o, &s->span); break;
    case 'z': wippyli_layout_put_offset(&s->o, s->span.offset, 2, false); break;
    default: break;
    }
}

static void wippyli_strftime_number(wippyli_strftime_state *s, char c)
{
    const wippyli_civil *civil = &s->civil;
    int64_t iso_year = 0;
    int iso_week = wippyli_iso_week(civil, &iso_year);
    wippyli_layout_out *o = &s->o;
    switch (c) {
    case 'C': wippyli_layout_put_number(o, wippyli_floor_div(civil->year, 100), 2, '0'); break;
    case 'd': wippyli_layout_put_number(o, civil->day, 2, '0'); break;
    case 'e': wippyli_layout_put_number(o, civil->day, 2, ' '); break;
    case 'g': wippyli_layout_put_number(o, wippyli_floor_mod(iso_year, 100), 2, '0'); break;
    case 'G': wippyli_layout_put_number(o, iso_year, 1, '0'); break;
    case 'H': wippyli_layout_put_number(o, civil->hour, 2, '0'); break;
    case 'I': wippyli_layout_put_number(o, wippyli_layout_hour12(civil->hour), 2, '0'); break;
    case 'j': wippyli_layout_put_number(o, civil->year_day, 3, '0'); break;
    case 'm': wippyli_layout_put_number(o, civil->month, 2, '0'); break;
    case 'M': wippyli_layout_put_number(o, civil->minute, 2, '0'); break;
    case 'S': wippyli_layout_put_number(o, civil->second, 2, '0'); break;
    case 'u': wippyli_layout_put_number(o, civil->weekday == 0 ? 7 : civil->weekday, 1, '0'); break;
    case 'w': wippyli_layout_put_number(o, civil->weekday, 1, '0'); break;
    case 'U':
    case 'V':
    case 'W': wippyli_layout_put_number(o, iso_week, 2, '0'); break;
    case 'y': wippyli_layout_put_number(o, wippyli_floor_mod(civil->year, 100), 2, '0'); break;
    case 'Y': wippyli_layout_put_number(o, civil->year, 1, '0'); break;
    default: break;
    }
}

static void wippyli_strftime_one(wippyli_strftime_state *s, char c)
{
    if (strchr("aAbBhpnt%Zz", c)) {
        wippyli_strftime_name(s, c);
    } else {
        wippyli_strftime_number(s, c);
    }
}

/* Is the conversion known, with the modifier E or O or without ('\0') one? */
static bool wippyli_strftime_known(char modifier, char c)
{
    static const char plain[] = "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
    const char *known = modifier == 'E' ? "cCxXyY" : modifier == 'O' ? "deHImMSuUVwWy" : plain;
    return c != 0 && strchr(known, c) != NULL;
}

/* A conversion that stands for others, which stand for themselves. */
static void wippyli_strftime_conversion(wippyli_strftime_state *s, char c)
{
    const char *alias = wippyli_strftime_alias(c);
    if (!alias) {
        wippyli_strftime_one(s, c);
        return;
    }
    for (; *alias; alias++) {
        if (*alias == '%') {
            alias++;
            wippyli_strftime_one(s, *alias);
        } else {
            wippyli_layout_put_char(&s->o, *alias);
        }
    }
}

WIPPYLI_FN wippy_result wippyli_strftime(const char *format, size_t format_size, wippyli_time t,
                                         const wippyli_zone *zone, char *out, size_t room,
                                         size_t *length, size_t *bad)
{
    wippyli_strftime_state s;
    memset(&s, 0, sizeof(s));
    s.o.out = out;
    s.o.room = room;
    wippyli_time_civil(t, zone, &s.civil, &s.span);
    for (size_t i = 0; i < format_size; i++) {
        if (format[i] != '%') {
            wippyli_layout_put_char(&s.o, format[i]);
            continue;
        }
        size_t start = i++;
        char modifier = i < format_size && (format[i] == 'E' || format[i] == 'O') ? format[i] : 0;
        i += modifier ? 1 : 0;
        if (i >= format_size || !wippyli_strftime_known(modifier, format[i])) {
            if (bad) {
                *bad = start;
            }
            return WIPPY_ERR_INVALID;
        }
        wippyli_strftime_conversion(&s, format[i]);
    }
    wippyli_layout_put_end(&s.o);
    *length = s.o.length;
    return WIPPY_OK;
}

/* ---- os.time ---- */

WIPPYLI_FN wippy_result wippyli_os_time(wippyli_date *date, unsigned has, wippyli_time now,
                                        const wippyli_zone *zone, int64_t *out)
{
    wippyli_civil civil;
    wippyli_date whole = *date;
    wippyli_time t;
    wippyli_time_civil(now, zone, &civil, NULL);
    whole.year = has & WIPPYLI_OS_YEAR ? date->year : civil.year;
    whole.month = has & WIPPYLI_OS_MONTH ? date->month : civil.month;
    whole.day = has & WIPPYLI_OS_DAY ? date->day : civil.day;
    wippy_result result = wippyli_time_date(&whole, zone, &t);
    if (result != WIPPY_OK) {
        return result;
    }
    wippyli_time_civil(t, zone, &civil, NULL);
    date->year = civil.year;
    date->month = civil.month;
    date->day = civil.day;
    date->hour = civil.hour;
    date->minute = civil.minute;
    date->second = civil.second;
    date->nsec = civil.nsec;
    *out = t.sec;
    return WIPPY_OK;
}
