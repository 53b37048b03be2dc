/* Time zones: the first byte chooses a TZif file or a rule as in $TZ. A zone that was made answers any
   instant: a span that holds it, an offset of less than 168 hours; dates and instants agree. */
#include "fuzz.h"

#include "lua/gozone.h"

static void check_at(const wippyli_zone *zone, int64_t sec)
{
    wippyli_zone_span span, twice;
    wippyli_civil civil;
    wippyli_date date;
    wippyli_time again;
    wippyli_time t = wippyli_time_make(sec, 0);
    wippyli_zone_lookup(zone, sec, &span);
    wippyli_zone_lookup(zone, sec, &twice);
    FUZZ_CHECK(span.offset == twice.offset && span.start == twice.start, "two answers");
    FUZZ_CHECK(span.start <= sec && (sec < span.end || span.end == INT64_MAX),
               "%lld is not from %lld to %lld", (long long)sec, (long long)span.start,
               (long long)span.end);
    FUZZ_CHECK(span.offset > -700000 && span.offset < 700000, "offset %d", span.offset);
    FUZZ_CHECK(strlen(span.abbrev) < 64, "abbreviation");
    wippyli_time_civil(t, zone, &civil, NULL);
    memset(&date, 0, sizeof(date));
    date.year = civil.year;
    date.month = civil.month;
    date.day = civil.day;
    date.hour = civil.hour;
    date.minute = civil.minute;
    date.second = civil.second;
    if (sec > -(INT64_C(1) << 55) && sec < INT64_C(1) << 55) {
        FUZZ_CHECK(wippyli_time_date(&date, zone, &again) == WIPPY_OK, "a date that is none");
    }
    int32_t offset = 0;
    (void)wippyli_zone_offset_of(zone, span.abbrev, strlen(span.abbrev), sec, &offset);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    static const int64_t times[] = {0,         -1,        1700000000,   -2000000000, 4102444800,
                                    INT64_MIN, INT64_MAX, 253402300799, -62135596800};
    test_heap heap;
    wippyli_mem mem;
    wippyli_zone *zone = NULL;
    wippy_result result;
    wippy_allocator allocator = fuzz_allocator(&heap);
    fuzz_input in = fuzz_open(data, size);
    uint8_t choice = fuzz_byte(&in);
    char *exact = fuzz_exact(in.at, fuzz_left(&in));
    mem.alloc_fn = allocator.alloc_fn;
    mem.free_fn = allocator.free_fn;
    mem.user_data = allocator.user_data;
    if (choice & 1) {
        result = wippyli_zone_from_rule(&mem, "Test", 4, exact, fuzz_left(&in), &zone);
    } else {
        result = wippyli_zone_parse(&mem, "Test", 4, exact, fuzz_left(&in), &zone);
    }
    if (result == WIPPY_OK) {
        FUZZ_CHECK(strcmp(wippyli_zone_name(zone), "Test") == 0, "its name");
        for (size_t i = 0; i < TEST_COUNT(times); i++) {
            check_at(zone, times[i]);
        }
        for (int i = 0; i < 4; i++) {
            check_at(zone, (int64_t)fuzz_u64(&in));
        }
        wippyli_zone_free(&mem, zone);
    } else {
        FUZZ_CHECK(result == WIPPY_ERR_SYNTAX && zone == NULL, "result %d", result);
    }
    free(exact);
    FUZZ_BALANCED(&heap);
}
