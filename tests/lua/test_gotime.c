/* Instants, calendar, zones, layouts, strftime. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "../../src/lua/gotime.c"
#include "../../src/lua/zonerule.c"
#include "../../src/lua/gozone.c"
#include "../../src/lua/golayout.c"
#include "../../src/lua/goparse.c"
#include "../../src/lua/strftime.c"

#include "test.h"

#define AT(sec, nsec) wippyli_time_make((sec), (nsec))

static wippyli_mem gotime_mem(test_heap *heap)
{
    wippyli_mem mem;
    test_heap_init(heap);
    mem.alloc_fn = test_alloc_fn;
    mem.free_fn = test_free_fn;
    mem.user_data = heap;
    return mem;
}

static wippyli_date gotime_date(int64_t year, int64_t month, int64_t day, int64_t hour,
                                int64_t minute, int64_t second, int64_t nsec)
{
    wippyli_date date;
    date.year = year;
    date.month = month;
    date.day = day;
    date.hour = hour;
    date.minute = minute;
    date.second = second;
    date.nsec = nsec;
    return date;
}

static wippyli_time gotime_utc(int64_t year, int64_t month, int64_t day, int64_t hour,
                               int64_t minute, int64_t second, int64_t nsec)
{
    wippyli_date date = gotime_date(year, month, day, hour, minute, second, nsec);
    wippyli_time t = AT(0, 0);
    CHECK(wippyli_civil_to(&date, &t));
    return t;
}

static const char *gotime_text(wippyli_time t, const wippyli_zone *zone, const char *layout)
{
    static char texts[4][256];
    static unsigned next;
    char *text = texts[next++ % 4];
    (void)wippyli_time_format(t, zone, layout, strlen(layout), text, sizeof(texts[0]));
    return text;
}

static const char *gotime_iso(wippyli_time t)
{
    return gotime_text(t, NULL, WIPPYLI_LAYOUT_RFC3339_NANO);
}

/* ------------------------------------------------------------------ instants */

TEST(test_gotime_instants_normalise_and_saturate)
{
    CHECK_STR(gotime_iso(AT(0, 0)), "1970-01-01T00:00:00Z");
    CHECK_STR(gotime_iso(AT(0, -1)), "1969-12-31T23:59:59.999999999Z");
    CHECK_STR(gotime_iso(AT(5, 2500000000)), "1970-01-01T00:00:07.5Z");
    CHECK_STR(gotime_iso(AT(-5, -2500000000)), "1969-12-31T23:59:52.5Z");
    CHECK_EQ_INT(AT(INT64_MAX, INT64_MAX).sec, INT64_MAX);
    CHECK_EQ_INT(AT(INT64_MAX, INT64_MAX).nsec, 999999999);
    CHECK_EQ_INT(AT(INT64_MIN, INT64_MIN).sec, INT64_MIN);
    CHECK_EQ_INT(AT(INT64_MIN, INT64_MIN).nsec, 0);
    CHECK_EQ_INT(wippyli_time_add(AT(INT64_MAX, 5), INT64_MAX).sec, INT64_MAX);
    CHECK_EQ_INT(wippyli_time_add(AT(INT64_MIN, 5), INT64_MIN).sec, INT64_MIN);
    CHECK_STR(gotime_iso(wippyli_time_add(AT(0, 0), -1)), "1969-12-31T23:59:59.999999999Z");
    CHECK_STR(gotime_iso(wippyli_time_add(AT(0, 999999999), 1)), "1970-01-01T00:00:01Z");
    CHECK(wippyli_time_is_zero(gotime_utc(1, 1, 1, 0, 0, 0, 0)));
    CHECK(!wippyli_time_is_zero(gotime_utc(1, 1, 1, 0, 0, 0, 1)));
    CHECK_EQ_INT(wippyli_time_unix_nano(AT(1, 2)), 1000000002);
    CHECK_EQ_INT(wippyli_time_unix_nano(AT(-1, 2)), -999999998);
    CHECK_EQ_INT(wippyli_time_unix_nano(AT(-9223372037, 145224192)), INT64_MIN);
    CHECK_EQ_INT(wippyli_time_unix_nano(AT(9223372036, 854775807)), INT64_MAX);
}

TEST(test_gotime_differences_saturate_at_the_longest_duration)
{
    CHECK_EQ_INT(wippyli_time_sub(AT(5, 1), AT(3, 2)), 1999999999);
    CHECK_EQ_INT(wippyli_time_sub(AT(3, 2), AT(5, 1)), -1999999999);
    CHECK_EQ_INT(wippyli_time_sub(AT(3, 2), AT(3, 2)), 0);
    CHECK_EQ_INT(wippyli_time_sub(AT(3, 1), AT(3, 2)), -1);
    CHECK_EQ_INT(wippyli_time_sub(AT(9223372036, 854775807), AT(0, 0)), INT64_MAX);
    CHECK_EQ_INT(wippyli_time_sub(AT(9223372036, 854775808), AT(0, 0)), INT64_MAX);
    CHECK_EQ_INT(wippyli_time_sub(AT(9223372037, 0), AT(0, 145224193)), INT64_MAX);
    CHECK_EQ_INT(wippyli_time_sub(AT(9223372037, 0), AT(0, 145224194)), INT64_MAX - 1);
    CHECK_EQ_INT(wippyli_time_sub(AT(0, 0), AT(9223372036, 854775808)), INT64_MIN);
    CHECK_EQ_INT(wippyli_time_sub(AT(0, 0), AT(9223372036, 854775807)), INT64_MIN + 1);
    CHECK_EQ_INT(wippyli_time_sub(AT(0, 1), AT(9223372036, 854775808)), INT64_MIN + 1);
    CHECK_EQ_INT(wippyli_time_sub(AT(INT64_MAX, 0), AT(INT64_MIN, 0)), INT64_MAX);
    CHECK_EQ_INT(wippyli_time_sub(AT(INT64_MIN, 0), AT(INT64_MAX, 0)), INT64_MIN);
    CHECK_EQ_INT(wippyli_time_compare(AT(1, 0), AT(0, 5)), 1);
    CHECK_EQ_INT(wippyli_time_compare(AT(1, 0), AT(1, 5)), -1);
    CHECK_EQ_INT(wippyli_time_compare(AT(1, 5), AT(1, 5)), 0);
    for (unsigned i = 0; i < 2000; i++) {
        int64_t sec = (int64_t)(test_random() % 8000000000) - 4000000000;
        wippyli_time t = AT(sec, (int64_t)(test_random() % 1000000000));
        int64_t d = (int64_t)test_random() / 4;
        CHECK_EQ_INT(wippyli_time_sub(wippyli_time_add(t, d), t), d);
    }
}

TEST(test_gotime_durations_in_floating_units)
{
    CHECK_NEAR(wippyli_duration_hours(5400000000000), 1.5, 0);
    CHECK_NEAR(wippyli_duration_minutes(90000000000), 1.5, 0);
    CHECK_NEAR(wippyli_duration_seconds(-1500000000), -1.5, 0);
    CHECK_NEAR(wippyli_duration_seconds(INT64_MIN), -9223372036.854775808, 1e-6);
}

/* ------------------------------------------------------------------ rounding */

TEST(test_gotime_rounding_counts_from_the_year_one)
{
    wippyli_time t = gotime_utc(2024, 1, 1, 12, 34, 56, 789000000);
    CHECK_STR(gotime_iso(wippyli_time_round(t, 1000000000)), "2024-01-01T12:34:57Z");
    CHECK_STR(gotime_iso(wippyli_time_truncate(t, 60000000000)), "2024-01-01T12:34:00Z");
    CHECK_STR(gotime_iso(wippyli_time_truncate(t, 3600000000000)), "2024-01-01T12:00:00Z");
    CHECK_STR(gotime_iso(wippyli_time_round(t, 3600000000000)), "2024-01-01T13:00:00Z");
    CHECK_STR(gotime_iso(wippyli_time_truncate(t, 86400000000000)), "2024-01-01T00:00:00Z");
    /* 0001-01-01 was a Monday, as this day is */
    CHECK_STR(gotime_iso(wippyli_time_truncate(t, 7 * INT64_C(86400000000000))),
              "2024-01-01T00:00:00Z");
    CHECK_STR(gotime_iso(wippyli_time_round(t, 1)), gotime_iso(t));
    CHECK_STR(gotime_iso(wippyli_time_round(t, 0)), gotime_iso(t));
    CHECK_STR(gotime_iso(wippyli_time_truncate(t, -5)), gotime_iso(t));
    CHECK_STR(gotime_iso(wippyli_time_round(AT(0, 500000000), 1000000000)), "1970-01-01T00:00:01Z");
    CHECK_STR(gotime_iso(wippyli_time_round(AT(0, 499999999), 1000000000)), "1970-01-01T00:00:00Z");
    CHECK_STR(gotime_iso(wippyli_time_round(AT(-1, 500000000), 1000000000)),
              "1970-01-01T00:00:00Z");
    CHECK_STR(gotime_iso(wippyli_time_truncate(AT(-1, 500000000), 1000000000)),
              "1969-12-31T23:59:59Z");
    CHECK(wippyli_time_is_zero(wippyli_time_truncate(AT(WIPPYLI_ZERO_TIME_SEC, 5), INT64_MAX)));
}

/* Around the year 1 a count of nanoseconds fits into 64 bits: compare with plain arithmetic. */
TEST(test_gotime_rounding_agrees_with_plain_arithmetic)
{
    for (unsigned i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)(test_random() >> (2 + test_random() % 40));
        int64_t d = (int64_t)(test_random() >> (2 + test_random() % 60)) + 1;
        ns = i % 2 ? ns : -ns;
        wippyli_time t = wippyli_time_add(AT(WIPPYLI_ZERO_TIME_SEC, 0), ns);
        int64_t rest = wippyli_floor_mod(ns, d);
        int64_t rounded = rest < d - rest ? ns - rest : ns - rest + d;
        wippyli_time zero = AT(WIPPYLI_ZERO_TIME_SEC, 0);
        if (!CHECK_EQ_INT(wippyli_time_sub(wippyli_time_truncate(t, d), zero), ns - rest) ||
            !CHECK_EQ_INT(wippyli_time_sub(wippyli_time_round(t, d), zero), rounded)) {
            break;
        }
    }
}

/* ------------------------------------------------------------------ calendar */

TEST(test_gotime_calendar_agrees_with_counting_days)
{
    int64_t year = 1599;
    int month = 1;
    int day = 1;
    int year_day = 1;
    wippyli_time t = gotime_utc(1599, 1, 1, 0, 0, 0, 0);
    int weekday = 5; /* a Friday */
    for (int i = 0; i < 400 * 366; i++) {
        wippyli_civil c;
        wippyli_civil_from(t, 0, &c);
        if (c.year != year || c.month != month || c.day != day || c.weekday != weekday ||
            c.year_day != year_day) {
            FAIL("%lld-%d-%d (%d, %d) instead of %lld-%d-%d (%d, %d)", (long long)c.year, c.month,
                 c.day, c.weekday, c.year_day, (long long)year, month, day, weekday, year_day);
            return;
        }
        if (gotime_utc(year, month, day, 0, 0, 0, 0).sec != t.sec) {
            FAIL("%lld-%d-%d back", (long long)year, month, day);
            return;
        }
        t.sec += 86400;
        weekday = (weekday + 1) % 7;
        year_day++;
        if (++day > wippyli_days_in_month(year, month)) {
            day = 1;
            month++;
        }
        if (month > 12) {
            month = 1;
            year_day = 1;
            year++;
        }
    }
}

TEST(test_gotime_leap_years_follow_the_gregorian_rule)
{
    static const int leap[] = {-400, -4, 0, 4, 1600, 1972, 2000, 2024, 2400};
    static const int common[] = {-100, -1, 1, 100, 1700, 1900, 2023, 2100};
    for (size_t i = 0; i < TEST_COUNT(leap); i++) {
        CHECK(wippyli_is_leap_year(leap[i]));
        CHECK_EQ_INT(wippyli_days_in_month(leap[i], 2), 29);
        CHECK_EQ_INT(wippyli_days_before_month(leap[i], 12), 335);
    }
    for (size_t i = 0; i < TEST_COUNT(common); i++) {
        CHECK(!wippyli_is_leap_year(common[i]));
        CHECK_EQ_INT(wippyli_days_in_month(common[i], 2), 28);
        CHECK_EQ_INT(wippyli_days_before_month(common[i], 12), 334);
    }
}

TEST(test_gotime_dates_normalise)
{
    static const struct {
        int64_t parts[7];
        const char *expected;
    } cases[] = {
        {{2024, 14, 1, 0, 0, 0, 0}, "2025-02-01T00:00:00Z"},
        {{2024, 0, 1, 0, 0, 0, 0}, "2023-12-01T00:00:00Z"},
        {{2024, -11, 1, 0, 0, 0, 0}, "2023-01-01T00:00:00Z"},
        {{2024, -12, 1, 0, 0, 0, 0}, "2022-12-01T00:00:00Z"},
        {{2024, 2, 30, 0, 0, 0, 0}, "2024-03-01T00:00:00Z"},
        {{2023, 2, 29, 0, 0, 0, 0}, "2023-03-01T00:00:00Z"},
        {{2024, 1, 0, 0, 0, 0, 0}, "2023-12-31T00:00:00Z"},
        {{2024, 1, -365, 0, 0, 0, 0}, "2022-12-31T00:00:00Z"},
        {{2024, 1, 1, 25, 61, 61, 1000000001}, "2024-01-02T02:02:02.000000001Z"},
        {{2024, 1, 1, -1, -1, -1, -1}, "2023-12-31T22:58:58.999999999Z"},
        {{0, 1, 1, 0, 0, 0, 0}, "0000-01-01T00:00:00Z"},
        {{-1, 12, 31, 23, 59, 59, 0}, "-0001-12-31T23:59:59Z"},
        {{1, 1, 1, 0, 0, -1, 0}, "0000-12-31T23:59:59Z"},
        {{12345, 1, 1, 0, 0, 0, 0}, "12345-01-01T00:00:00Z"},
        {{1970, 1, 1, 0, 0, 0, INT64_MAX}, "2262-04-11T23:47:16.854775807Z"},
        {{1970, 1, 1, 0, 0, 0, INT64_MIN}, "1677-09-21T00:12:43.145224192Z"},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        const int64_t *p = cases[i].parts;
        CHECK_STR(gotime_iso(gotime_utc(p[0], p[1], p[2], p[3], p[4], p[5], p[6])),
                  cases[i].expected);
    }
}

TEST(test_gotime_dates_beyond_all_instants_are_refused)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX,
                                    -400000000001, 400000000001, 292277026596, -292277022657};
    wippyli_time t;
    for (size_t i = 0; i < TEST_COUNT(edges); i++) {
        for (size_t k = 0; k < 7; k++) {
            int64_t p[7] = {2024, 6, 15, 12, 30, 30, 5};
            p[k] = edges[i];
            wippyli_date date = gotime_date(p[0], p[1], p[2], p[3], p[4], p[5], p[6]);
            if (wippyli_civil_to(&date, &t)) {
                wippyli_civil c;
                wippyli_civil_from(t, 0, &c);
                date = gotime_date(c.year, c.month, c.day, c.hour, c.minute, c.second, c.nsec);
                wippyli_time again;
                CHECK(wippyli_civil_to(&date, &again));
                CHECK_EQ_INT(again.sec, t.sec);
            }
            for (size_t m = 0; m < 7; m++) { /* two edges at once must not overflow either */
                p[m] = edges[(i + m) % TEST_COUNT(edges)];
                date = gotime_date(p[0], p[1], p[2], p[3], p[4], p[5], p[6]);
                (void)wippyli_civil_to(&date, &t);
            }
        }
    }
    wippyli_date far = gotime_date(INT64_MAX, 1, 1, 0, 0, 0, 0);
    CHECK(!wippyli_civil_to(&far, &t));
    far = gotime_date(2024, 1, INT64_MAX, 0, 0, 0, 0);
    CHECK(!wippyli_civil_to(&far, &t));
    far = gotime_date(2024, INT64_MIN, 1, 0, 0, 0, 0);
    CHECK(!wippyli_civil_to(&far, &t));
}

TEST(test_gotime_every_instant_has_a_date)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    for (unsigned i = 0; i < 20000; i++) {
        int64_t sec = i < TEST_COUNT(edges) ? edges[i]
                                            : (int64_t)test_random() >> (test_random() % 40);
        int32_t offset = (int32_t)(test_random() % 172800) - 86400;
        wippyli_civil c;
        wippyli_time back;
        wippyli_civil_from(AT(sec, 0), offset, &c);
        wippyli_date date =
            gotime_date(c.year, c.month, c.day, c.hour, c.minute, c.second, c.nsec);
        if (c.month < 1 || c.month > 12 || c.day < 1 ||
            c.day > wippyli_days_in_month(c.year, c.month) || c.hour < 0 || c.hour > 23) {
            FAIL("%lld becomes %d-%d", (long long)sec, c.month, c.day);
            return;
        }
        bool near_end = sec > INT64_MAX - 300000 || sec < INT64_MIN + 300000;
        if (!near_end && (!wippyli_civil_to(&date, &back) || back.sec != sec + offset)) {
            FAIL("%lld is not found again", (long long)sec);
            return;
        }
    }
    CHECK_STR(gotime_iso(AT(INT64_MAX, 0)), "292277026596-12-04T15:30:07Z");
    CHECK_STR(gotime_iso(AT(INT64_MIN, 0)), "-292277022657-01-27T08:29:52Z");
}

TEST(test_gotime_add_date_normalises)
{
    wippyli_time t = gotime_utc(2024, 12, 29, 15, 4, 5, 6);
    wippyli_time out;
    wippyli_civil c;
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, 1, 2, 3, &out), WIPPY_OK);
    wippyli_civil_from(out, 0, &c);
    CHECK_EQ_INT(c.year, 2026);
    CHECK_EQ_INT(c.month, 3);
    CHECK_STR(gotime_iso(out), "2026-03-04T15:04:05.000000006Z");
    t = gotime_utc(2024, 1, 31, 0, 0, 0, 0);
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, 0, 1, 0, &out), WIPPY_OK);
    CHECK_STR(gotime_iso(out), "2024-03-02T00:00:00Z");
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, 0, 0, -31, &out), WIPPY_OK);
    CHECK_STR(gotime_iso(out), "2023-12-31T00:00:00Z");
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, INT64_MAX, 0, 0, &out), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, 0, INT64_MIN, 0, &out), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippyli_time_add_date(t, NULL, 0, 0, INT64_C(1) << 60, &out), WIPPY_ERR_LIMIT);
}

/* ------------------------------------------------------------------ zones */

static wippyli_zone *gotime_rule(wippyli_mem *mem, const char *rule)
{
    wippyli_zone *zone = NULL;
    if (wippyli_zone_from_rule(mem, "Rule", 4, rule, strlen(rule), &zone) != WIPPY_OK) {
        FAIL("rule %s is refused", rule);
    }
    return zone;
}

#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

TEST(test_gotime_zone_rules_change_the_clock)
{
    static const struct {
        const char *rule;
        const char *utc;
        const char *local;
    } cases[] = {
        {NEW_YORK, "2024-03-10T06:59:59Z", "2024-03-10T01:59:59 -0500 EST"},
        {NEW_YORK, "2024-03-10T07:00:00Z", "2024-03-10T03:00:00 -0400 EDT"},
        {NEW_YORK, "2024-11-03T05:59:59Z", "2024-11-03T01:59:59 -0400 EDT"},
        {NEW_YORK, "2024-11-03T06:00:00Z", "2024-11-03T01:00:00 -0500 EST"},
        {NEW_YORK, "2099-07-01T12:00:00Z", "2099-07-01T08:00:00 -0400 EDT"},
        {"EST5EDT", "2024-03-10T07:00:00Z", "2024-03-10T03:00:00 -0400 EDT"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31T00:59:59Z", "2024-03-31T01:59:59 +0100 CET"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31T01:00:00Z", "2024-03-31T03:00:00 +0200 CEST"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T00:59:59Z", "2024-10-27T02:59:59 +0200 CEST"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T01:00:00Z", "2024-10-27T02:00:00 +0100 CET"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-01-15T00:00:00Z", "2024-01-15T11:00:00 +1100 AEDT"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-04-06T15:59:59Z", "2024-04-07T02:59:59 +1100 AEDT"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-04-06T16:00:00Z", "2024-04-07T02:00:00 +1000 AEST"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2024-12-31T23:00:00Z", "2025-01-01T10:00:00 +1100 AEDT"},
        /* winter time is the exception there */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2024-07-01T00:00:00Z", "2024-07-01T01:00:00 +0100 IST"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2024-12-01T00:00:00Z", "2024-12-01T00:00:00 +0000 GMT"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2024-03-31T00:59:59Z", "2024-03-31T00:59:59 +0000 GMT"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2024-03-31T01:00:00Z", "2024-03-31T02:00:00 +0100 IST"},
        /* changes before midnight, on the day before the Sunday */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T00:59:59Z", "2024-03-30T22:59:59 -0200 -02"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z", "2024-03-31T00:00:00 -0100 -01"},
        /* all year */
        {"XXX3EDT4,0/0,J365/23", "2024-01-01T03:59:59Z", "2023-12-31T23:59:59 -0400 EDT"},
        {"XXX3EDT4,0/0,J365/23", "2024-01-01T04:00:00Z", "2024-01-01T00:00:00 -0400 EDT"},
        {"XXX3EDT4,0/0,J365/23", "2024-07-01T04:00:00Z", "2024-07-01T00:00:00 -0400 EDT"},
        {"AAA0BBB,J60/0,J61/0", "2024-03-01T12:00:00Z", "2024-03-01T13:00:00 +0100 BBB"},
        {"AAA0BBB,J60/0,J61/0", "2023-03-01T12:00:00Z", "2023-03-01T13:00:00 +0100 BBB"},
        {"AAA0BBB,J60/0,J61/0", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00 +0000 AAA"},
        {"AAA0BBB,59/0,60/0", "2024-02-29T12:00:00Z", "2024-02-29T13:00:00 +0100 BBB"},
        {"AAA0BBB,59/0,60/0", "2023-03-01T12:00:00Z", "2023-03-01T13:00:00 +0100 BBB"},
        {"UTC0", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00 +0000 UTC"},
        {"<+0545>-5:45", "2024-02-29T12:00:00Z", "2024-02-29T17:45:00 +0545 +0545"},
        {"ABC-1:02:03", "2024-02-29T12:00:00Z", "2024-02-29T13:02:03 +0102 ABC"},
    };
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        wippyli_parsed parsed;
        wippyli_zone *zone = gotime_rule(&mem, cases[i].rule);
        REQUIRE(wippyli_time_parse(WIPPYLI_LAYOUT_RFC3339, strlen(WIPPYLI_LAYOUT_RFC3339),
                                   cases[i].utc, strlen(cases[i].utc), NULL, &parsed,
                                   NULL) == WIPPY_OK);
        if (strcmp(gotime_text(parsed.time, zone, "2006-01-02T15:04:05 -0700 MST"),
                   cases[i].local) != 0) {
            FAIL("%s at %s is %s, expected %s", cases[i].rule, cases[i].utc,
                 gotime_text(parsed.time, zone, "2006-01-02T15:04:05 -0700 MST"), cases[i].local);
        }
        wippyli_zone_free(&mem, zone);
    }
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_zone_rules_that_are_none_are_refused)
{
    static const char *const rules[] = {
        "", "E", "ES5", "EST", "5", "EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,",
        "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M0.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J5", "EST5EDT,J366,J5", "EST5EDT,366,5",
        "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0x", "<EST5EDT", "<E>5", "EST25",
        "EST5:60", "EST5EDT6,M3.2.0", "ABCDEFGHIJKLMNOPQRST5", "America/New_York",
        "EST99999999999999", "EST5EDT,M3.2.0,M11.1.0/", "EST-", "EST5EDT,M3.2,M11.1",
    };
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    for (size_t i = 0; i < TEST_COUNT(rules); i++) {
        wippyli_zone *zone = NULL;
        if (wippyli_zone_from_rule(&mem, "x", 1, rules[i], strlen(rules[i]), &zone) !=
            WIPPY_ERR_SYNTAX) {
            FAIL("accepted: %s", rules[i]);
            wippyli_zone_free(&mem, zone);
        }
    }
    CHECK_BALANCED(&heap);
}

/* Each instant lies in the span that is told, and both ends of the span are told the same. */
static void gotime_check_spans(const wippyli_zone *zone, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        int64_t sec = i == 0   ? INT64_MIN
                      : i == 1 ? INT64_MAX
                               : (int64_t)test_random() >> (test_random() % 45);
        wippyli_zone_span span;
        wippyli_zone_span edge;
        wippyli_zone_lookup(zone, sec, &span);
        bool inside = span.start <= sec && (sec < span.end || span.end == INT64_MAX);
        wippyli_zone_lookup(zone, span.start, &edge);
        bool same = edge.offset == span.offset && strcmp(edge.abbrev, span.abbrev) == 0;
        if (span.end != INT64_MAX) {
            wippyli_zone_lookup(zone, span.end - 1, &edge);
            same = same && edge.offset == span.offset;
            wippyli_zone_lookup(zone, span.end, &edge);
            inside = inside && edge.start >= span.end;
        }
        if (!inside || !same || span.offset <= -360000 || span.offset >= 360000) {
            FAIL("%s at %lld: %lld..%lld", wippyli_zone_name(zone), (long long)sec,
                 (long long)span.start, (long long)span.end);
            return;
        }
    }
}

TEST(test_gotime_zone_spans_frame_their_instants)
{
    static const char *const rules[] = {NEW_YORK, "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "AEST-10AEDT,M10.1.0,M4.1.0/3",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1", "UTC0"};
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    for (size_t i = 0; i < TEST_COUNT(rules); i++) {
        wippyli_zone *zone = gotime_rule(&mem, rules[i]);
        gotime_check_spans(zone, 5000);
        wippyli_zone_free(&mem, zone);
    }
    gotime_check_spans(NULL, 100);
    CHECK_BALANCED(&heap);
}

static wippyli_time gotime_in(const wippyli_zone *zone, int64_t year, int64_t month, int64_t day,
                              int64_t hour, int64_t minute)
{
    wippyli_date date = gotime_date(year, month, day, hour, minute, 0, 0);
    wippyli_time t = AT(0, 0);
    CHECK_EQ_INT(wippyli_time_date(&date, zone, &t), WIPPY_OK);
    return t;
}

TEST(test_gotime_dates_in_gaps_and_overlaps_are_one_of_two_instants)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = gotime_rule(&mem, NEW_YORK);
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 1, 15, 12, 0)), "2024-01-15T17:00:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 7, 15, 12, 0)), "2024-07-15T16:00:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 3, 10, 1, 59)), "2024-03-10T06:59:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 3, 10, 2, 30)), "2024-03-10T06:30:00Z"); /* gap */
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 3, 10, 3, 0)), "2024-03-10T07:00:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 11, 3, 0, 59)), "2024-11-03T04:59:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 11, 3, 1, 30)), "2024-11-03T05:30:00Z"); /* twice */
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 11, 3, 2, 0)), "2024-11-03T07:00:00Z");
    wippyli_zone_free(&mem, zone);
    zone = gotime_rule(&mem, "AEST-10AEDT,M10.1.0,M4.1.0/3");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 10, 6, 1, 59)), "2024-10-05T15:59:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 10, 6, 3, 0)), "2024-10-05T16:00:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 4, 7, 1, 59)), "2024-04-06T14:59:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 4, 7, 3, 0)), "2024-04-06T17:00:00Z");
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

/* A date in a zone, shown in that zone, is that date, except in a gap. */
TEST(test_gotime_dates_in_zones_round_trip)
{
    static const char *const rules[] = {NEW_YORK, "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "AEST-10AEDT,M10.1.0,M4.1.0/3",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1", "<+0545>-5:45"};
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    for (size_t i = 0; i < TEST_COUNT(rules); i++) {
        wippyli_zone *zone = gotime_rule(&mem, rules[i]);
        for (unsigned k = 0; k < 3000; k++) {
            wippyli_time t = AT((int64_t)(test_random() % 8000000000) - 3000000000, 7);
            wippyli_civil c;
            wippyli_civil shown;
            wippyli_time again;
            wippyli_time_civil(t, zone, &c, NULL);
            wippyli_date date =
                gotime_date(c.year, c.month, c.day, c.hour, c.minute, c.second, c.nsec);
            CHECK_EQ_INT(wippyli_time_date(&date, zone, &again), WIPPY_OK);
            wippyli_time_civil(again, zone, &shown, NULL);
            if (shown.hour != c.hour || shown.minute != c.minute || shown.day != c.day) {
                FAIL("%s in %s", gotime_iso(t), rules[i]);
                break;
            }
        }
        wippyli_zone_free(&mem, zone);
    }
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_fixed_zones)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    wippyli_time t = gotime_utc(2024, 12, 29, 15, 4, 5, 0);
    REQUIRE(wippyli_zone_fixed(&mem, "CET", 3, 3600, &zone) == WIPPY_OK);
    CHECK_STR(wippyli_zone_name(zone), "CET");
    CHECK_STR(gotime_text(t, zone, "15:04 MST -07:00"), "16:04 CET +01:00");
    wippyli_zone_free(&mem, zone);
    REQUIRE(wippyli_zone_fixed(&mem, "", 0, -12600, &zone) == WIPPY_OK);
    CHECK_STR(wippyli_zone_name(zone), "");
    CHECK_STR(gotime_text(t, zone, "15:04 MST Z0700"), "11:34 -0330 -0330");
    wippyli_zone_free(&mem, zone);
    CHECK_EQ_INT(wippyli_zone_fixed(&mem, "x", 1, 360000, &zone), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyli_zone_fixed(&mem, "x", 1, INT32_MIN, &zone), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyli_zone_fixed(&mem, "a\0b", 3, 0, &zone), WIPPY_ERR_INVALID);
    char longest[200];
    memset(longest, 'x', sizeof(longest));
    CHECK_EQ_INT(wippyli_zone_fixed(&mem, longest, 129, 0, &zone), WIPPY_ERR_INVALID);
    REQUIRE(wippyli_zone_fixed(&mem, longest, 128, 0, &zone) == WIPPY_OK);
    CHECK_EQ_INT(strlen(wippyli_zone_name(zone)), 128);
    wippyli_zone_free(&mem, zone);
    CHECK_STR(wippyli_zone_name(NULL), "UTC");
    CHECK_BALANCED(&heap);
}

/* ---- zone files, made here */

typedef struct gotime_file {
    unsigned char data[1024];
    size_t size;
} gotime_file;

static void gotime_put_number(gotime_file *f, int64_t value, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--) {
        f->data[f->size++] = (unsigned char)((uint64_t)value >> (8 * (i - 1)));
    }
}

static void gotime_put_body(gotime_file *f, char version, size_t time_bytes)
{
    static const int64_t changes[] = {0, 1000000, 2000000};
    static const unsigned char index[] = {1, 2, 1};
    memcpy(f->data + f->size, "TZif", 4);
    memset(f->data + f->size + 4, 0, 16);
    f->data[f->size + 4] = (unsigned char)version;
    f->size += 20;
    gotime_put_number(f, 0, 4);
    gotime_put_number(f, 0, 4);
    gotime_put_number(f, 0, 4);
    gotime_put_number(f, 3, 4);
    gotime_put_number(f, 3, 4);
    gotime_put_number(f, 12, 4);
    for (size_t i = 0; i < 3; i++) {
        gotime_put_number(f, changes[i], time_bytes);
    }
    memcpy(f->data + f->size, index, 3);
    f->size += 3;
    gotime_put_number(f, -17762, 4); /* LMT */
    gotime_put_number(f, 0x0000, 2);
    gotime_put_number(f, -18000, 4); /* EST */
    gotime_put_number(f, 0x0004, 2);
    gotime_put_number(f, -14400, 4); /* EDT */
    gotime_put_number(f, 0x0108, 2);
    memcpy(f->data + f->size, "LMT\0EST\0EDT", 12);
    f->size += 12;
}

static void gotime_make_file(gotime_file *f, bool second)
{
    f->size = 0;
    gotime_put_body(f, second ? '2' : '\0', 4);
    if (second) {
        gotime_put_body(f, '2', 8);
        memcpy(f->data + f->size, "\n" NEW_YORK "\n", sizeof(NEW_YORK) + 1);
        f->size += sizeof(NEW_YORK) + 1;
    }
}

static const char *gotime_zone_text(const wippyli_zone *zone, int64_t sec)
{
    return gotime_text(AT(sec, 0), zone, "MST -070000");
}

TEST(test_gotime_zone_files_of_both_versions)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    gotime_file file;
    wippyli_zone *zone = NULL;
    gotime_make_file(&file, false);
    REQUIRE(wippyli_zone_parse(&mem, "One", 3, file.data, file.size, &zone) == WIPPY_OK);
    CHECK_STR(wippyli_zone_name(zone), "One");
    CHECK_STR(gotime_zone_text(zone, -1), "LMT -045602");
    CHECK_STR(gotime_zone_text(zone, INT64_MIN), "LMT -045602");
    CHECK_STR(gotime_zone_text(zone, 0), "EST -050000");
    CHECK_STR(gotime_zone_text(zone, 1000000), "EDT -040000");
    CHECK_STR(gotime_zone_text(zone, 2000000), "EST -050000");
    CHECK_STR(gotime_zone_text(zone, 1720000000), "EST -050000"); /* no rule */
    gotime_check_spans(zone, 2000);
    wippyli_zone_free(&mem, zone);

    gotime_make_file(&file, true);
    REQUIRE(wippyli_zone_parse(&mem, "Two", 3, file.data, file.size, &zone) == WIPPY_OK);
    CHECK_STR(gotime_zone_text(zone, -1), "LMT -045602");
    CHECK_STR(gotime_zone_text(zone, 1999999), "EDT -040000");
    CHECK_STR(gotime_zone_text(zone, 1720000000), "EDT -040000"); /* by the rule */
    CHECK_STR(gotime_zone_text(zone, 1735000000), "EST -050000");
    gotime_check_spans(zone, 2000);
    /* a copy elsewhere is a zone too */
    wippyli_zone *copy = (wippyli_zone *)malloc(zone->bytes);
    REQUIRE(copy != NULL);
    memcpy(copy, zone, zone->bytes);
    wippyli_zone_free(&mem, zone);
    CHECK_STR(wippyli_zone_name(copy), "Two");
    CHECK_STR(gotime_zone_text(copy, 1735000000), "EST -050000");
    free(copy);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_zone_files_cut_short_are_refused)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    gotime_file file;
    gotime_make_file(&file, true);
    size_t rule = file.size - sizeof(NEW_YORK) - 1;
    for (size_t size = 0; size <= file.size; size++) {
        wippyli_zone *zone = NULL;
        unsigned char *exact = (unsigned char *)malloc(size + 1);
        REQUIRE(exact != NULL);
        memcpy(exact, file.data, size);
        wippy_result result = wippyli_zone_parse(&mem, "x", 1, exact, size, &zone);
        CHECK_EQ_INT(result, size >= rule ? WIPPY_OK : WIPPY_ERR_SYNTAX);
        wippyli_zone_free(&mem, zone);
        free(exact);
    }
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_zone_files_changed_at_random_do_no_harm)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    gotime_file file;
    unsigned accepted = 0;
    for (unsigned i = 0; i < test_scale(20000); i++) {
        wippyli_zone *zone = NULL;
        gotime_make_file(&file, test_random() % 2);
        for (unsigned k = 0; k < 1 + test_random() % 4; k++) {
            uint64_t value = test_random();
            file.data[test_random() % file.size] =
                (unsigned char)(value % 3 ? value >> 8 : value >> 8 & 7);
        }
        unsigned char *exact = (unsigned char *)malloc(file.size);
        REQUIRE(exact != NULL);
        memcpy(exact, file.data, file.size);
        if (wippyli_zone_parse(&mem, "x", 1, exact, file.size, &zone) == WIPPY_OK) {
            gotime_check_spans(zone, 5);
            int32_t offset;
            (void)wippyli_zone_offset_of(zone, "EST", 3, 0, &offset);
            accepted++;
            wippyli_zone_free(&mem, zone);
        }
        free(exact);
    }
    CHECK(accepted > 0);
    CHECK_BALANCED(&heap);
}

/* ---- zones of the machine */

TEST(test_gotime_zone_names_that_lead_elsewhere_are_unknown)
{
    static const char *const names[] = {
        "Invalid/Location", "../zoneinfo/UTC", "America/../UTC", "/etc/localtime", "/UTC", "America",
        "zone.tab", "America/New_York ", "America\\New_York", "a\nb", "..", "local",
        "`", "{a", "@", "a[", ":", "a;", "Etc/GMT+99", "A.b", "x.", "a..b", "."};
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    wippy_diag diag;
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        char expected[128];
        (void)snprintf(expected, sizeof(expected), "unknown time zone %s", names[i]);
        CHECK_EQ_INT(wippyli_zone_load(&mem, names[i], strlen(names[i]), &zone, &diag),
                     WIPPY_ERR_NOTFOUND);
        CHECK_STR(diag.message, expected);
        CHECK_EQ_INT(diag.code, WIPPY_ERR_NOTFOUND);
    }
    char long_name[600];
    memset(long_name, 'a', sizeof(long_name));
    CHECK_EQ_INT(wippyli_zone_load(&mem, long_name, sizeof(long_name), &zone, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippyli_zone_load(&mem, long_name, 250, &zone, NULL), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippyli_zone_load(&mem, "", 0, &zone, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "empty location name");
    REQUIRE(wippyli_zone_load(&mem, "UTC", 3, &zone, NULL) == WIPPY_OK);
    CHECK_STR(wippyli_zone_name(zone), "UTC");
    CHECK_STR(gotime_text(AT(0, 0), zone, "MST Z07:00"), "UTC Z");
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_zone_new_york_of_the_machine)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    if (wippyli_zone_load(&mem, "America/New_York", 16, &zone, NULL) != WIPPY_OK) {
        TEST_SKIP("no zoneinfo on this machine");
    }
    wippyli_zone *rule = gotime_rule(&mem, NEW_YORK);
    CHECK_STR(wippyli_zone_name(zone), "America/New_York");
    CHECK_STR(gotime_zone_text(zone, -5000000000), "LMT -045602");
    CHECK_STR(gotime_text(gotime_utc(1944, 7, 1, 0, 0, 0, 0), zone, "MST"), "EWT");
    CHECK_STR(gotime_text(gotime_utc(2006, 4, 1, 12, 0, 0, 0), zone, "MST"), "EST");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 3, 10, 2, 30)), "2024-03-10T06:30:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2024, 11, 3, 1, 30)), "2024-11-03T05:30:00Z");
    CHECK_STR(gotime_iso(gotime_in(zone, 2050, 7, 1, 12, 0)), "2050-07-01T16:00:00Z");
    gotime_check_spans(zone, 5000);
    /* table and rule say the same since 2007, and the seam between them cannot be seen */
    for (int64_t sec = 1200000000; sec < 4000000000; sec += 5400) {
        wippyli_zone_span a;
        wippyli_zone_span b;
        wippyli_zone_lookup(zone, sec, &a);
        wippyli_zone_lookup(rule, sec, &b);
        if (a.offset != b.offset || strcmp(a.abbrev, b.abbrev) != 0) {
            FAIL("differs at %lld", (long long)sec);
            break;
        }
    }
    wippyli_zone_free(&mem, rule);
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

#if !defined(_WIN32)
static void gotime_check_local(const char *tz, const char *name, const char *expected)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    if (tz) {
        setenv("TZ", tz, 1);
    } else {
        unsetenv("TZ");
    }
    REQUIRE(wippyli_zone_load(&mem, "Local", 5, &zone, NULL) == WIPPY_OK);
    CHECK_STR(wippyli_zone_name(zone), name);
    if (expected) {
        CHECK_STR(gotime_zone_text(zone, 1720000000), expected);
    }
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_zone_local_follows_tz)
{
    char before[256] = "";
    bool had = getenv("TZ") != NULL;
    FILE *file = fopen("/usr/share/zoneinfo/America/New_York", "rb");
    if (had) {
        (void)snprintf(before, sizeof(before), "%s", getenv("TZ"));
    }
    gotime_check_local("", "UTC", "UTC +000000");
    gotime_check_local("Nowhere/AtAll", "UTC", "UTC +000000");
    gotime_check_local("/nowhere/at/all", "UTC", "UTC +000000");
    gotime_check_local("CET-1CEST,M3.5.0,M10.5.0/3", "Local", "CEST +020000");
    if (file) {
        gotime_check_local("America/New_York", "Local", "EDT -040000");
        gotime_check_local(":America/New_York", "Local", "EDT -040000");
        gotime_check_local("/usr/share/zoneinfo/America/New_York", "Local", "EDT -040000");
        (void)fclose(file);
    }
    file = fopen("/etc/localtime", "rb");
    if (file) {
        gotime_check_local(NULL, "Local", NULL);
        (void)fclose(file);
    }
    if (had) {
        setenv("TZ", before, 1);
    } else {
        unsetenv("TZ");
    }
}
#endif

TEST(test_gotime_zone_offset_of_abbreviations)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = gotime_rule(&mem, NEW_YORK);
    int32_t offset = 0;
    CHECK(wippyli_zone_offset_of(zone, "EST", 3, 1705000000, &offset));
    CHECK_EQ_INT(offset, -18000);
    CHECK(wippyli_zone_offset_of(zone, "EDT", 3, 1720000000, &offset));
    CHECK_EQ_INT(offset, -14400);
    CHECK(wippyli_zone_offset_of(zone, "EDT", 3, 1705000000, &offset)); /* not in effect then */
    CHECK_EQ_INT(offset, -14400);
    CHECK(!wippyli_zone_offset_of(zone, "CET", 3, 0, &offset));
    CHECK(wippyli_zone_offset_of(NULL, "UTC", 3, 0, &offset));
    CHECK(!wippyli_zone_offset_of(NULL, "EST", 3, 0, &offset));
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

static void gotime_zone_under_failure(test_heap *heap, void *arg)
{
    wippyli_mem mem;
    wippyli_zone *zone = NULL;
    gotime_file file;
    (void)arg;
    mem.alloc_fn = test_alloc_fn;
    mem.free_fn = test_free_fn;
    mem.user_data = heap;
    gotime_make_file(&file, true);
    wippy_result result = wippyli_zone_parse(&mem, "x", 1, file.data, file.size, &zone);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    wippyli_zone_free(&mem, zone);
    zone = NULL;
    result = wippyli_zone_load(&mem, "America/New_York", 16, &zone, NULL);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM || result == WIPPY_ERR_NOTFOUND);
    wippyli_zone_free(&mem, zone);
    zone = NULL;
    result = wippyli_zone_local(&mem, &zone);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    wippyli_zone_free(&mem, zone);
}

TEST(test_gotime_zone_out_of_memory_leaks_nothing)
{
    CHECK(test_heap_sweep(gotime_zone_under_failure, NULL) > 1);
}

/* ------------------------------------------------------------------ writing */

TEST(test_gotime_format_elements)
{
    static const struct {
        const char *layout;
        const char *expected;
    } cases[] = {
        {"2006 06", "2024 24"},
        {"01 1 Jan January", "02 2 Feb February"},
        {"02 2 _2 002 __2", "04 4  4 035  35"},
        {"Mon Monday", "Sun Sunday"},
        {"15 03 3 04 4 05 5", "21 09 9 00 0 57 57"},
        {"PM pm", "PM pm"},
        {".0 .00 .000 .000000000", ".0 .01 .012 .012345600"},
        {".9 .99 .999 .999999999 ,999", " .01 .012 .0123456 ,012"},
        {",000000", ",012345"},
        {".0000000000000", ".012345600"},
        {"MST", "PST"},
        {"-0700 -07:00 -07 -070000 -07:00:00", "-0800 -08:00 -08 -080000 -08:00:00"},
        {"Z0700 Z07:00 Z07 Z070000 Z07:00:00", "-0800 -08:00 -08 -080000 -08:00:00"},
        {"Month Monday Mond Janet", "Month Sunday Mond Janet"},
        {"JanJan", "FebFeb"},
        {"Mon.", "Sun."},
        {"_2006 __2006", "_2024  35024"},
        {"20060102150405", "20240204210057"},
        {"2006.01.02", "2024.02.04"},
        {".0005", ".0057"},
        {"x.99999999991", "x.99999999992"},
        {"", ""},
        {"at: %d \\ \"", "at: %d \\ \""},
        {"Z07x Z", "-08x Z"},
        {"pM Pm MSt", "pM Pm MSt"},
        {"0 00 7 8", "0 00 7 8"},
        {"\xC3\xA4 2006", "\xC3\xA4 2024"},
    };
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    REQUIRE(wippyli_zone_fixed(&mem, "PST", 3, -8 * 3600, &zone) == WIPPY_OK);
    wippyli_time t = gotime_utc(2024, 2, 5, 5, 0, 57, 12345600);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        CHECK_STR(gotime_text(t, zone, cases[i].layout), cases[i].expected);
    }
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_format_corners)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = NULL;
    wippyli_time t = gotime_utc(2024, 12, 29, 15, 4, 5, 0);
    CHECK_STR(gotime_text(t, NULL, "Mon Jan 2 15:04:05 MST 2006"), "Sun Dec 29 15:04:05 UTC 2024");
    CHECK_STR(gotime_text(t, NULL, "Z0700 Z07:00 Z07"), "Z Z Z");
    CHECK_STR(gotime_text(t, NULL, "-0700 -07:00 -07"), "+0000 +00:00 +00");
    CHECK_STR(gotime_text(gotime_utc(2024, 1, 1, 0, 5, 0, 0), NULL, "3:04PM"), "12:05AM");
    CHECK_STR(gotime_text(gotime_utc(2024, 1, 1, 12, 5, 0, 0), NULL, "3:04pm"), "12:05pm");
    CHECK_STR(gotime_text(gotime_utc(-5, 1, 1, 0, 0, 0, 0), NULL, "2006 06"), "-0005 00");
    CHECK_STR(gotime_text(gotime_utc(5, 1, 1, 0, 0, 0, 0), NULL, "2006 06"), "0005 05");
    CHECK_STR(gotime_text(gotime_utc(2024, 12, 31, 0, 0, 0, 0), NULL, "002 __2"), "366 366");
    REQUIRE(wippyli_zone_fixed(&mem, "", 0, -30, &zone) == WIPPY_OK);
    CHECK_STR(gotime_text(t, zone, "Z07:00:00"), "+00:00:30");
    wippyli_zone_free(&mem, zone);
    REQUIRE(wippyli_zone_fixed(&mem, "", 0, -17762, &zone) == WIPPY_OK);
    CHECK_STR(gotime_text(t, zone, "MST Z07:00:00 -0700"), "-0456 -04:56:02 -0456");
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_format_is_counted_beyond_its_room)
{
    char text[8];
    memset(text, 'x', sizeof(text));
    CHECK_EQ_INT(wippyli_time_format(AT(0, 0), NULL, "2006-01-02", 10, text, 5), 10);
    CHECK_STR(text, "1970");
    CHECK_EQ_INT(text[5], 'x');
    CHECK_EQ_INT(wippyli_time_format(AT(0, 0), NULL, "2006-01-02", 10, NULL, 0), 10);
    CHECK_EQ_INT(wippyli_time_format(AT(0, 0), NULL, "2006-01-02", 4, text, 1), 4);
    CHECK_STR(text, "");
}

TEST(test_gotime_constants)
{
    static const struct {
        const char *name;
        const char *expected;
    } cases[] = {
        {"RFC3339", "2024-02-04T21:00:57Z"},
        {"RFC3339NANO", "2024-02-04T21:00:57.0123456Z"},
        {"RFC822", "04 Feb 24 21:00 UTC"},
        {"RFC822Z", "04 Feb 24 21:00 +0000"},
        {"RFC850", "Sunday, 04-Feb-24 21:00:57 UTC"},
        {"RFC1123", "Sun, 04 Feb 2024 21:00:57 UTC"},
        {"RFC1123Z", "Sun, 04 Feb 2024 21:00:57 +0000"},
        {"DATE_TIME", "2024-02-04 21:00:57"},
        {"DATE_ONLY", "2024-02-04"},
        {"TIME_ONLY", "21:00:57"},
        {"KITCHEN", "9:00PM"},
        {"STAMP", "Feb  4 21:00:57"},
        {"STAMP_MILLI", "Feb  4 21:00:57.012"},
        {"STAMP_MICRO", "Feb  4 21:00:57.012345"},
        {"STAMP_NANO", "Feb  4 21:00:57.012345600"},
    };
    size_t count = 0;
    const wippyli_layout_constant *constants = wippyli_layout_constants(&count);
    wippyli_time t = gotime_utc(2024, 2, 4, 21, 0, 57, 12345600);
    REQUIRE(count == TEST_COUNT(cases));
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(constants[i].name, cases[i].name);
        CHECK_STR(gotime_text(t, NULL, constants[i].layout), cases[i].expected);
    }
    const wippyli_time_number *numbers = wippyli_time_numbers(&count);
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += numbers[i].value;
    }
    CHECK_EQ_INT(count, 6 + 12 + 7);
    CHECK_EQ_INT(sum, INT64_C(3661001001001) + 78 + 21);
}

/* ------------------------------------------------------------------ reading */

typedef struct gotime_parse_case {
    const char *layout;
    const char *text;
    const char *expected; /* in UTC */
} gotime_parse_case;

static void gotime_check_parse(const gotime_parse_case *c, const wippyli_zone *zone)
{
    wippyli_parsed parsed;
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    if (wippyli_time_parse(c->layout, strlen(c->layout), c->text, strlen(c->text), zone, &parsed,
                           &diag) != WIPPY_OK) {
        FAIL("%s", diag.message);
    } else if (strcmp(gotime_iso(parsed.time), c->expected) != 0) {
        FAIL("%s as %s is %s, expected %s", c->text, c->layout, gotime_iso(parsed.time),
             c->expected);
    }
}

TEST(test_gotime_parse_elements)
{
    static const gotime_parse_case cases[] = {
        {"2006-01-02T15:04:05.999999999Z", "2024-01-01T12:34:56.789Z", "2024-01-01T12:34:56.789Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05Z", "2024-12-29T15:04:05Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05+01:00", "2024-12-29T14:04:05Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05.25-08:30", "2024-12-29T23:34:05.25Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05,25Z", "2024-12-29T15:04:05.25Z"},
        {"2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05.1234567891234Z",
         "2024-12-29T15:04:05.123456789Z"},
        {"2006-01-02", "2024-02-29", "2024-02-29T00:00:00Z"},
        {"15:04:05", "12:34:56", "0000-01-01T12:34:56Z"},
        {"", "", "0000-01-01T00:00:00Z"},
        {"06", "69", "1969-01-01T00:00:00Z"},
        {"06", "68", "2068-01-01T00:00:00Z"},
        {"2006 Jan", "2024 feb", "2024-02-01T00:00:00Z"},
        {"2006 January", "2024 MARCH", "2024-03-01T00:00:00Z"},
        {"2006 1", "2024 12", "2024-12-01T00:00:00Z"},
        {"2006 1", "2024 3", "2024-03-01T00:00:00Z"},
        {"2006 002", "2024 060", "2024-02-29T00:00:00Z"},
        {"2006 002", "2023 060", "2023-03-01T00:00:00Z"},
        {"2006 002", "2024 366", "2024-12-31T00:00:00Z"},
        {"2006 __2", "2024  60", "2024-02-29T00:00:00Z"},
        {"2006 __2", "2024   1", "2024-01-01T00:00:00Z"},
        {"2006-01-02 002", "2024-02-29 060", "2024-02-29T00:00:00Z"},
        {"Jan _2 2006", "Feb  4 2024", "2024-02-04T00:00:00Z"},
        {"Jan _2 2006", "Feb 14 2024", "2024-02-14T00:00:00Z"},
        {"Jan 2 2006", "Feb    14 2024", "2024-02-14T00:00:00Z"},
        {"Jan  2 2006", "Feb 14 2024", "2024-02-14T00:00:00Z"},
        {"Mon Monday", "sat SUNDAY", "0000-01-01T00:00:00Z"},
        {"3:04PM", "9:05PM", "0000-01-01T21:05:00Z"},
        {"3:04PM", "12:05AM", "0000-01-01T00:05:00Z"},
        {"3:04PM", "12:05PM", "0000-01-01T12:05:00Z"},
        {"03:04pm", "09:05am", "0000-01-01T09:05:00Z"},
        {"15:04:05", "7:08:09", "0000-01-01T07:08:09Z"},
        {"3:4:5", "7:8:9", "0000-01-01T07:08:09Z"},
        {"15:04:05", "07:08:09.5", "0000-01-01T07:08:09.5Z"},
        {"15:04:05.000", "07:08:09.500", "0000-01-01T07:08:09.5Z"},
        {"15:04:05.999", "07:08:09", "0000-01-01T07:08:09Z"},
        {"15:04:05.999", "07:08:09.123456", "0000-01-01T07:08:09.123456Z"},
        {"15:04:05.00", "07:08:09,25", "0000-01-01T07:08:09.25Z"},
        {"15:04 MST", "12:00 UTC", "0000-01-01T12:00:00Z"},
        {"15:04 MST", "12:00 GMT+3", "0000-01-01T09:00:00Z"},
        {"15:04 MST", "12:00 GMT-3", "0000-01-01T15:00:00Z"},
        {"15:04 MST", "12:00 CET", "0000-01-01T12:00:00Z"},
        {"15:04 MST", "12:00 +03", "0000-01-01T12:00:00Z"},
        {"15:04 MST", "12:00 WITA", "0000-01-01T12:00:00Z"},
        {"15:04 MST", "12:00 ChST", "0000-01-01T12:00:00Z"},
        {"15:04 MST -0700", "12:00 CET +0100", "0000-01-01T11:00:00Z"},
        {"15:04 -0700", "12:00 +0130", "0000-01-01T10:30:00Z"},
        {"15:04 -07", "12:00 -01", "0000-01-01T13:00:00Z"},
        {"15:04 -07:00:00", "12:00 -01:02:03", "0000-01-01T13:02:03Z"},
        {"15:04 -070000", "12:00 -010203", "0000-01-01T13:02:03Z"},
        {"15:04 Z0700", "12:00 Z", "0000-01-01T12:00:00Z"},
        {"15:04 -07:00", "12:00 +24:60", "-0001-12-31T11:00:00Z"},
        {"\"2006\"", "\"2024\"", "2024-01-01T00:00:00Z"},
        {"_2006", "_2024", "2024-01-01T00:00:00Z"},
        {"2006 ", "2024", "2024-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        gotime_check_parse(&cases[i], NULL);
    }
}

TEST(test_gotime_parse_chooses_the_zone)
{
    static const gotime_parse_case cases[] = {
        {"2006-01-02 15:04", "2024-07-01 12:00", "2024-07-01T16:00:00Z"},
        {"2006-01-02 15:04", "2024-01-01 12:00", "2024-01-01T17:00:00Z"},
        {"2006-01-02 15:04 MST", "2024-07-01 12:00 EDT", "2024-07-01T16:00:00Z"},
        {"2006-01-02 15:04 MST", "2024-07-01 12:00 EST", "2024-07-01T17:00:00Z"},
        {"2006-01-02 15:04 MST", "2024-07-01 12:00 UTC", "2024-07-01T12:00:00Z"},
    };
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = gotime_rule(&mem, NEW_YORK);
    wippyli_parsed p;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        gotime_check_parse(&cases[i], zone);
    }
    CHECK_EQ_INT(wippyli_time_parse("2006-01-02Z07:00", 16, "2024-07-01Z", 11, zone, &p, NULL), 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_UTC);
    CHECK_EQ_INT(wippyli_time_parse("2006-01-02Z07:00", 16, "2024-07-01-04:00", 16, zone, &p, NULL),
                 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_GIVEN);
    CHECK_EQ_INT(wippyli_time_parse("2006-01-02Z07:00", 16, "2024-07-01-05:00", 16, zone, &p, NULL),
                 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_FIXED);
    CHECK_EQ_INT(p.offset, -18000);
    CHECK_STR(p.abbrev, "");
    CHECK_EQ_INT(wippyli_time_parse("2006 MST", 8, "2024 GMT+7", 10, zone, &p, NULL), 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_FIXED);
    CHECK_EQ_INT(p.offset, 25200);
    CHECK_STR(p.abbrev, "GMT+7");
    CHECK_EQ_INT(wippyli_time_parse("2006 MST -0700", 14, "2024 CET +0100", 14, zone, &p, NULL), 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_FIXED);
    CHECK_STR(p.abbrev, "CET");
    CHECK_EQ_INT(wippyli_time_parse("2006", 4, "2024", 4, zone, &p, NULL), 0);
    CHECK_EQ_INT(p.zone, WIPPYLI_PARSED_ZONE_GIVEN);
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_parse_errors_say_what_does_not_fit)
{
    static const struct {
        const char *layout;
        const char *text;
        const char *message;
    } cases[] = {
        {"2006-01-02", "invalid",
         "parsing time \"invalid\" as \"2006-01-02\": cannot parse \"invalid\" as \"2006\""},
        {"2006-01-02", "22-10-25",
         "parsing time \"22-10-25\" as \"2006-01-02\": cannot parse \"22-10-25\" as \"2006\""},
        {"2006-01-02", "2024/10/25",
         "parsing time \"2024/10/25\" as \"2006-01-02\": cannot parse \"/10/25\" as \"-\""},
        {"2006-01-02", "2024-1-25",
         "parsing time \"2024-1-25\" as \"2006-01-02\": cannot parse \"1-25\" as \"01\""},
        {"2006-01-02", "2024-10-2",
         "parsing time \"2024-10-2\" as \"2006-01-02\": cannot parse \"2\" as \"02\""},
        {"2006-01-02", "2024-10-25x",
         "parsing time \"2024-10-25x\": extra text: \"x\""},
        {"2006-01-02", "",
         "parsing time \"\" as \"2006-01-02\": cannot parse \"\" as \"2006\""},
        {"2006-01-02", "2024-13-25", "parsing time \"2024-13-25\": month out of range"},
        {"2006-01-02", "2024-00-25", "parsing time \"2024-00-25\": month out of range"},
        {"2006-01-02", "2024-02-30", "parsing time \"2024-02-30\": day out of range"},
        {"2006-01-02", "2023-02-29", "parsing time \"2023-02-29\": day out of range"},
        {"2006-01-02", "2023-02-00", "parsing time \"2023-02-00\": day out of range"},
        {"15:04:05", "24:00:00", "parsing time \"24:00:00\": hour out of range"},
        {"15:04:05", "23:60:00", "parsing time \"23:60:00\": minute out of range"},
        {"15:04:05", "23:00:60", "parsing time \"23:00:60\": second out of range"},
        {"3PM", "13PM", "parsing time \"13PM\": hour out of range"},
        {"3PM", "1XM", "parsing time \"1XM\" as \"3PM\": cannot parse \"XM\" as \"PM\""},
        {"3PM", "1pm", "parsing time \"1pm\" as \"3PM\": cannot parse \"pm\" as \"PM\""},
        {"2006 002", "2023 366", "parsing time \"2023 366\": day-of-year out of range"},
        {"2006 002", "2023 000", "parsing time \"2023 000\": day-of-year out of range"},
        {"2006-01 002", "2023-05 001",
         "parsing time \"2023-05 001\": day-of-year does not match month"},
        {"2006-01-02 002", "2023-01-05 001",
         "parsing time \"2023-01-05 001\": day-of-year does not match day"},
        {"Jan", "Foo", "parsing time \"Foo\" as \"Jan\": cannot parse \"Foo\" as \"Jan\""},
        {"Monday", "Mon", "parsing time \"Mon\" as \"Monday\": cannot parse \"Mon\" as \"Monday\""},
        {"15:04 MST", "12:00 xy",
         "parsing time \"12:00 xy\" as \"15:04 MST\": cannot parse \"xy\" as \"MST\""},
        {"15:04 MST", "12:00 ABCD",
         "parsing time \"12:00 ABCD\" as \"15:04 MST\": cannot parse \"ABCD\" as \"MST\""},
        {"15:04 MST", "12:00 ABCDEF",
         "parsing time \"12:00 ABCDEF\" as \"15:04 MST\": cannot parse \"ABCDEF\" as \"MST\""},
        {"15:04 -07:00", "12:00 +25:00",
         "parsing time \"12:00 +25:00\": time zone offset hour out of range"},
        {"15:04 -07:00", "12:00 +01:61",
         "parsing time \"12:00 +01:61\": time zone offset minute out of range"},
        {"15:04 -07:00", "12:00 Z",
         "parsing time \"12:00 Z\" as \"15:04 -07:00\": cannot parse \"Z\" as \"-07:00\""},
        {"15:04 -07:00", "12:00 +0100",
         "parsing time \"12:00 +0100\" as \"15:04 -07:00\": cannot parse \"+0100\" as \"-07:00\""},
        {"05.000", "09.12", "parsing time \"09.12\" as \"05.000\": cannot parse \".12\" as \".000\""},
        {"05.000", "09.1x3", "parsing time \"09.1x3\" as \"05.000\": cannot parse \".1x3\" as \".000\""},
        {"05.000", "09.1234", "parsing time \"09.1234\": extra text: \"4\""},
        {"\"2006\"", "a\"\\\x01\xC3",
         "parsing time \"a\\\"\\\\\\x01\\xc3\" as \"\\\"2006\\\"\": cannot parse "
         "\"a\\\"\\\\\\x01\\xc3\" as \"\\\"\""},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        wippyli_parsed parsed;
        wippy_diag diag;
        memset(&parsed, 0x5A, sizeof(parsed));
        wippyli_parsed before = parsed;
        memset(&diag, 0, sizeof(diag));
        CHECK_EQ_INT(wippyli_time_parse(cases[i].layout, strlen(cases[i].layout), cases[i].text,
                                        strlen(cases[i].text), NULL, &parsed, &diag),
                     WIPPY_ERR_INVALID);
        CHECK_STR(diag.message, cases[i].message);
        CHECK_EQ_INT(diag.code, WIPPY_ERR_INVALID);
        CHECK(memcmp(&before, &parsed, sizeof(parsed)) == 0);
    }
}

TEST(test_gotime_parse_reads_what_format_writes)
{
    static const char *const layouts[] = {
        WIPPYLI_LAYOUT_RFC3339_NANO,
        "Monday, 02-January-2006 15:04:05.000000000 -0700",
        "2006 __2 3:4:5.999999999PM Z0700",
        "2006-002 03:04:05,000000000 pm -07:00:00",
        "_2 Jan 2006 15:04:05.999999999 Z070000",
        "20060102150405.000000000-0700",
    };
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    for (unsigned i = 0; i < 6000; i++) {
        char text[128];
        wippyli_parsed parsed;
        wippyli_zone *zone = NULL;
        const char *layout = layouts[i % TEST_COUNT(layouts)];
        wippyli_time t = AT((int64_t)(test_random() % 315000000000) - 62000000000,
                            (int64_t)(test_random() % 1000000000));
        int32_t offset = (int32_t)(test_random() % 1439 * 60) - 720 * 60;
        REQUIRE(wippyli_zone_fixed(&mem, "", 0, offset, &zone) == WIPPY_OK);
        size_t size = wippyli_time_format(t, zone, layout, strlen(layout), text, sizeof(text));
        if (wippyli_time_parse(layout, strlen(layout), text, size, NULL, &parsed, NULL) !=
                WIPPY_OK ||
            wippyli_time_compare(parsed.time, t) != 0) {
            FAIL("%s as %s", text, layout);
        }
        wippyli_zone_free(&mem, zone);
    }
    CHECK_BALANCED(&heap);
}

TEST(test_gotime_parse_random_texts_do_no_harm)
{
    static const char *const pieces[] = {
        "2006", "06", "01", "1", "Jan", "January", "02", "2", "_2", "002", "__2", "Mon", "Monday", "15",
        "03", "3", "04", "4", "05", "5", "PM", "pm", ".000", ".999", ",0", "MST", "-0700", "Z07:00",
        "-07", "Z070000", " ", "-", ":", "T", "Z", "x", "\"", "\\", "9", "99", "GMT+3", "UTC", "+01",
        "Feb", "December", "2024", "31", "\x80", "AM"};
    for (unsigned i = 0; i < test_scale(40000); i++) {
        char texts[2][128];
        size_t sizes[2] = {0, 0};
        char *exact[2];
        char out[512];
        wippyli_parsed parsed;
        wippy_diag diag;
        for (int k = 0; k < 2; k++) {
            for (uint64_t n = test_random() % 8; n > 0; n--) {
                const char *piece = pieces[test_random() % TEST_COUNT(pieces)];
                memcpy(texts[k] + sizes[k], piece, strlen(piece));
                sizes[k] += strlen(piece);
            }
            exact[k] = (char *)malloc(sizes[k] + 1);
            REQUIRE(exact[k] != NULL);
            exact[k] = (char *)realloc(exact[k], sizes[k] ? sizes[k] : 1);
            memcpy(exact[k], texts[k], sizes[k]);
        }
        wippyli_time t = AT((int64_t)test_random() >> (test_random() % 40), 5);
        size_t size = wippyli_time_format(t, NULL, exact[0], sizes[0], out, sizeof(out));
        CHECK(size < sizeof(out));
        (void)wippyli_time_parse(exact[0], sizes[0], exact[1], sizes[1], NULL, &parsed, &diag);
        (void)wippyli_time_parse(exact[0], sizes[0], out, size, NULL, &parsed, &diag);
        free(exact[0]);
        free(exact[1]);
    }
}

/* ------------------------------------------------------------------ os.date, os.time */

static const char *gotime_strf(wippyli_time t, const wippyli_zone *zone, const char *format)
{
    static char text[256];
    size_t length = 0;
    if (wippyli_strftime(format, strlen(format), t, zone, text, sizeof(text), &length, NULL) !=
        WIPPY_OK) {
        return "refused";
    }
    CHECK_EQ_INT(length, strlen(text));
    return text;
}

TEST(test_gotime_strftime_agrees_with_the_c_library)
{
    static const char format[] = "%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%m|%M|%n|%p|%r|"
                                 "%R|%S|%t|%T|%u|%V|%w|%x|%X|%y|%Y|%%|%Ey|%Od";
    for (unsigned i = 0; i < 5000; i++) {
        char expected[256];
        uint64_t span = sizeof(time_t) > 4 ? 250000000000 : 4000000000;
        int64_t sec = (int64_t)(test_random() % span) - 2000000000;
        time_t c = (time_t)sec;
        struct tm *tm = gmtime(&c);
        REQUIRE(tm != NULL);
        (void)strftime(expected, sizeof(expected), format, tm);
        if (!CHECK_STR(gotime_strf(AT(sec, 0), NULL, format), expected)) {
            return;
        }
    }
}

TEST(test_gotime_strftime_corners)
{
    wippyli_time t = gotime_utc(2024, 12, 30, 15, 4, 5, 0);
    char text[8];
    size_t length = 0;
    size_t bad = 0;
    CHECK_STR(gotime_strf(t, NULL, ""), "");
    CHECK_STR(gotime_strf(t, NULL, "%z %Z"), "+0000 UTC");
    CHECK_STR(gotime_strf(t, NULL, "%U %W %V %G"), "01 01 01 2025"); /* the ISO week for all */
    CHECK_STR(gotime_strf(gotime_utc(2021, 1, 3, 0, 0, 0, 0), NULL, "%U %G-%V"), "53 2020-53");
    CHECK_STR(gotime_strf(gotime_utc(-5, 1, 1, 0, 0, 0, 0), NULL, "%Y %C %y"), "-5 -01 95");
    CHECK_EQ_INT(wippyli_strftime("%Y-%Q", 5, t, NULL, text, sizeof(text), &length, &bad),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(bad, 3);
    CHECK_EQ_INT(wippyli_strftime("ab%", 3, t, NULL, text, sizeof(text), &length, &bad),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(bad, 2);
    CHECK_EQ_INT(wippyli_strftime("%E", 2, t, NULL, text, sizeof(text), &length, &bad),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyli_strftime("%Ed", 3, t, NULL, text, sizeof(text), &length, &bad),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyli_strftime("%\0", 2, t, NULL, text, sizeof(text), &length, &bad),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyli_strftime("%Y%m%d", 6, t, NULL, text, 5, &length, NULL), WIPPY_OK);
    CHECK_EQ_INT(length, 8);
    CHECK_STR(text, "2024");
}

TEST(test_gotime_os_time_fills_in_today_and_normalises)
{
    test_heap heap;
    wippyli_mem mem = gotime_mem(&heap);
    wippyli_zone *zone = gotime_rule(&mem, NEW_YORK);
    wippyli_time now = gotime_utc(2024, 7, 2, 3, 0, 0, 0); /* still July 1 in New York */
    wippyli_date date = gotime_date(0, 0, 0, 0, 0, 0, 0);
    int64_t sec = 0;
    CHECK_EQ_INT(wippyli_os_time(&date, 0, now, zone, &sec), WIPPY_OK);
    CHECK_STR(gotime_iso(AT(sec, 0)), "2024-07-01T04:00:00Z");
    CHECK_EQ_INT(date.month, 7);
    CHECK_EQ_INT(date.day, 1);
    date = gotime_date(2024, 14, -3, 25, 61, 61, 0);
    CHECK_EQ_INT(wippyli_os_time(&date, WIPPYLI_OS_YEAR | WIPPYLI_OS_MONTH | WIPPYLI_OS_DAY, now,
                                 zone, &sec),
                 WIPPY_OK);
    CHECK_EQ_INT(date.year, 2025);
    CHECK_EQ_INT(date.month, 1);
    CHECK_EQ_INT(date.day, 29);
    CHECK_EQ_INT(date.hour, 2);
    CHECK_EQ_INT(date.minute, 2);
    CHECK_EQ_INT(date.second, 1);
    CHECK_STR(gotime_iso(AT(sec, 0)), "2025-01-29T07:02:01Z");
    date = gotime_date(INT64_MAX, 1, 1, 0, 0, 0, 0);
    CHECK_EQ_INT(wippyli_os_time(&date, WIPPYLI_OS_YEAR, now, zone, &sec), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(date.year, INT64_MAX);
    wippyli_zone_free(&mem, zone);
    CHECK_BALANCED(&heap);
}

#if defined(_WIN32)
#define LOCAL_ENTRY
#else
#define LOCAL_ENTRY TEST_ENTRY(test_gotime_zone_local_follows_tz),
#endif

TEST_MAIN(TEST_ENTRY(test_gotime_instants_normalise_and_saturate),
          TEST_ENTRY(test_gotime_differences_saturate_at_the_longest_duration),
          TEST_ENTRY(test_gotime_durations_in_floating_units),
          TEST_ENTRY(test_gotime_rounding_counts_from_the_year_one),
          TEST_ENTRY(test_gotime_rounding_agrees_with_plain_arithmetic),
          TEST_ENTRY(test_gotime_calendar_agrees_with_counting_days),
          TEST_ENTRY(test_gotime_leap_years_follow_the_gregorian_rule),
          TEST_ENTRY(test_gotime_dates_normalise),
          TEST_ENTRY(test_gotime_dates_beyond_all_instants_are_refused),
          TEST_ENTRY(test_gotime_every_instant_has_a_date),
          TEST_ENTRY(test_gotime_add_date_normalises),
          TEST_ENTRY(test_gotime_zone_rules_change_the_clock),
          TEST_ENTRY(test_gotime_zone_rules_that_are_none_are_refused),
          TEST_ENTRY(test_gotime_zone_spans_frame_their_instants),
          TEST_ENTRY(test_gotime_dates_in_gaps_and_overlaps_are_one_of_two_instants),
          TEST_ENTRY(test_gotime_dates_in_zones_round_trip),
          TEST_ENTRY(test_gotime_fixed_zones),
          TEST_ENTRY(test_gotime_zone_files_of_both_versions),
          TEST_ENTRY(test_gotime_zone_files_cut_short_are_refused),
          TEST_ENTRY(test_gotime_zone_files_changed_at_random_do_no_harm),
          TEST_ENTRY(test_gotime_zone_names_that_lead_elsewhere_are_unknown),
          TEST_ENTRY(test_gotime_zone_new_york_of_the_machine), LOCAL_ENTRY
          TEST_ENTRY(test_gotime_zone_offset_of_abbreviations),
          TEST_ENTRY(test_gotime_zone_out_of_memory_leaks_nothing),
          TEST_ENTRY(test_gotime_format_elements), TEST_ENTRY(test_gotime_format_corners),
          TEST_ENTRY(test_gotime_format_is_counted_beyond_its_room),
          TEST_ENTRY(test_gotime_constants), TEST_ENTRY(test_gotime_parse_elements),
          TEST_ENTRY(test_gotime_parse_chooses_the_zone),
          TEST_ENTRY(test_gotime_parse_errors_say_what_does_not_fit),
          TEST_ENTRY(test_gotime_parse_reads_what_format_writes),
          TEST_ENTRY(test_gotime_parse_random_texts_do_no_harm),
          TEST_ENTRY(test_gotime_strftime_agrees_with_the_c_library),
          TEST_ENTRY(test_gotime_strftime_corners),
          TEST_ENTRY(test_gotime_os_time_fills_in_today_and_normalises))
