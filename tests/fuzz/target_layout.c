/* Times as text. Input: eight bytes of seconds, four of nanoseconds, one that chooses, a layout, a zero
   byte, a text. Any layout writes and reads anything; the named layouts read what they wrote. */
#include "fuzz.h"

#include "lua/goparse.h"
#include "lua/strftime.h"

static test_heap heap;

static wippyli_mem memory(void)
{
    wippyli_mem mem;
    wippy_allocator allocator = fuzz_allocator(&heap);
    mem.alloc_fn = allocator.alloc_fn;
    mem.free_fn = allocator.free_fn;
    mem.user_data = allocator.user_data;
    return mem;
}

static char *format(wippyli_time t, const wippyli_zone *zone, wippy_slice layout, size_t *size)
{
    *size = wippyli_time_format(t, zone, layout.data, layout.size, NULL, 0);
    char *text = (char *)malloc(*size + 1);
    FUZZ_CHECK(wippyli_time_format(t, zone, layout.data, layout.size, text, *size + 1) == *size,
               "another length with room");
    FUZZ_CHECK(text[*size] == '\0', "no NUL");
    if (*size > 1) {
        char *cut = (char *)malloc(*size / 2 + 1);
        FUZZ_CHECK(wippyli_time_format(t, zone, layout.data, layout.size, cut, *size / 2 + 1) ==
                       *size,
                   "another length when cut");
        FUZZ_CHECK(memcmp(cut, text, *size / 2) == 0 && cut[*size / 2] == '\0', "cut wrongly");
        free(cut);
    }
    return text;
}

static void check_calendar(wippyli_time t)
{
    wippyli_civil civil;
    wippyli_date date;
    wippyli_time again;
    int64_t year;
    wippyli_civil_from(t, 0, &civil);
    FUZZ_CHECK(civil.month >= 1 && civil.month <= 12 && civil.day >= 1 &&
                   civil.day <= wippyli_days_in_month(civil.year, civil.month) && civil.hour >= 0 &&
                   civil.hour < 24 && civil.minute >= 0 && civil.minute < 60 && civil.second >= 0 &&
                   civil.second < 60 && civil.weekday >= 0 && civil.weekday < 7 &&
                   civil.year_day >= 1 && civil.year_day <= 366,
               "no date");
    int week = wippyli_iso_week(&civil, &year);
    FUZZ_CHECK(week >= 1 && week <= 53, "week %d", week);
    memset(&date, 0, sizeof(date));
    date.year = civil.year;
    date.month = civil.month;
    date.day = civil.day;
    date.hour = civil.hour;
    date.minute = civil.minute;
    date.second = civil.second;
    date.nsec = civil.nsec;
    FUZZ_CHECK(wippyli_civil_to(&date, &again), "a date that is no instant");
    FUZZ_CHECK(wippyli_time_compare(t, again) == 0, "another instant");
}

/* What a named layout wrote is read, and written the same. */
static void check_named(wippyli_time t, uint8_t choice)
{
    size_t count, size, again_size;
    const wippyli_layout_constant *named = wippyli_layout_constants(&count);
    wippy_slice layout;
    wippyli_parsed parsed;
    wippyli_civil civil;
    wippy_diag diag;
    wippyli_civil_from(t, 0, &civil);
    if (civil.year < 0 || civil.year > 9999) {
        return; /* four digits are what a layout reads */
    }
    layout.data = named[choice % count].layout;
    layout.size = strlen(layout.data);
    if (strstr(layout.data, "2006") == NULL && (civil.year < 1969 || civil.year > 2068)) {
        return; /* two digits of a year stand for these */
    }
    char *text = format(t, NULL, layout, &size);
    wippy_result result =
        wippyli_time_parse(layout.data, layout.size, text, size, NULL, &parsed, &diag);
    FUZZ_CHECK(result == WIPPY_OK, "%s wrote what it does not read: %s", layout.data, text);
    char *again = format(parsed.time, NULL, layout, &again_size);
    FUZZ_CHECK(strcmp(text, again) == 0, "%s: %s becomes %s", layout.data, text, again);
    if (strcmp(layout.data, WIPPYLI_LAYOUT_RFC3339_NANO) == 0) {
        FUZZ_CHECK(wippyli_time_compare(t, parsed.time) == 0, "not the same instant: %s", text);
    }
    free(text);
    free(again);
}

static void check_parse(wippy_slice layout, wippy_slice text, const wippyli_zone *zone)
{
    wippyli_parsed parsed, twice;
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    wippy_result result =
        wippyli_time_parse(layout.data, layout.size, text.data, text.size, zone, &parsed, &diag);
    FUZZ_CHECK(wippyli_time_parse(layout.data, layout.size, text.data, text.size, zone, &twice,
                                  NULL) == result,
               "two answers");
    if (result != WIPPY_OK) {
        FUZZ_CHECK(result == WIPPY_ERR_INVALID && diag.message[0] != '\0', "result %d", result);
        return;
    }
    FUZZ_CHECK(wippyli_time_compare(parsed.time, twice.time) == 0, "two times");
    FUZZ_CHECK(parsed.time.nsec >= 0 && parsed.time.nsec < WIPPYLI_SECOND_NS, "nanoseconds");
    FUZZ_CHECK(memchr(parsed.abbrev, 0, sizeof(parsed.abbrev)) != NULL, "abbreviation");
    FUZZ_CHECK(parsed.zone != WIPPYLI_PARSED_ZONE_FIXED ||
                   (parsed.offset > -360000 && parsed.offset < 360000),
               "offset %d", parsed.offset);
}

static void check_strftime(wippyli_time t, const wippyli_zone *zone, wippy_slice layout)
{
    char text[64];
    size_t size = 0;
    size_t bad = 0;
    wippy_result result =
        wippyli_strftime(layout.data, layout.size, t, zone, text, sizeof(text), &size, &bad);
    if (result == WIPPY_OK) {
        FUZZ_CHECK(memchr(text, 0, sizeof(text)) != NULL, "no NUL");
        FUZZ_CHECK(size < sizeof(text) ? text[size] == '\0' : true, "length");
    } else {
        FUZZ_CHECK(bad < layout.size && layout.data[bad] == '%', "bad at %zu", bad);
    }
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    fuzz_input in = fuzz_open(data, size);
    wippyli_mem mem = memory();
    int64_t sec = (int64_t)fuzz_u64(&in);
    uint32_t nsec = (uint32_t)fuzz_below(&in, 65536) << 16 | fuzz_below(&in, 65536);
    uint8_t choice = fuzz_byte(&in);
    char *rest = fuzz_exact(in.at, fuzz_left(&in));
    fuzz_input texts = fuzz_open((const uint8_t *)rest, fuzz_left(&in));
    wippy_slice layout = fuzz_part(&texts);
    wippy_slice text = fuzz_part(&texts);
    wippyli_zone *zone = NULL;
    size_t length;
    if (choice & 1) {
        sec %= INT64_C(400000000000); /* a few thousand years around now */
    }
    wippyli_time t = wippyli_time_make(sec, (int64_t)nsec % WIPPYLI_SECOND_NS);
    if (choice & 2) {
        FUZZ_CHECK(wippyli_zone_fixed(&mem, "XYZ", 3, (int32_t)(nsec % 80000) - 40000, &zone) ==
                       WIPPY_OK,
                   "no zone");
    }
    if (sec > -(INT64_C(1) << 60) && sec < INT64_C(1) << 60) {
        check_calendar(t);
        check_named(t, choice >> 2);
    }
    free(format(t, zone, layout, &length));
    check_parse(layout, text, zone);
    check_strftime(t, zone, layout);
    (void)wippyli_time_round(t, (int64_t)nsec << 20);
    (void)wippyli_time_truncate(t, (int64_t)nsec << 20);
    wippyli_zone_free(&mem, zone);
    free(rest);
    FUZZ_BALANCED(&heap);
}
