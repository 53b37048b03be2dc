/* ========================================================================== >>test_mod_time
   The module `time`: values, text, timers. */
#include "module_kit.h"

typedef struct time_row {
    const char *body;
    const char *expected;
} time_row;

static void rows(const time_row *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        module_program("time", row[i].body, row[i].expected);
    }
}

/* Most rows in one process each: what one leaves behind must not help the next. */
#define SHOW_ERROR                                                                  \
    " local function e(v, err) t.out(v, err and err:kind(), err and err:message()," \
    " err and err:retryable()) end "

TEST(test_time_types_are_userdata)
{
    static const time_row table[] = {
        {"local ti = time.timer('1h') local tk = time.ticker('1h')"
         " t.out(type(time.now()), type(time.parse_duration(1)), type(time.utc), type(ti), "
         "type(tk))"
         " ti:stop() tk:stop()",
         "userdata userdata userdata userdata userdata\n"},
        {"t.out(time.utc:string(), tostring(time.utc), time.localtz:string())", "UTC UTC Local\n"},
        {"t.out(time.utc == time.utc, rawequal(time.utc, time.utc), time.utc == time.localtz)",
         "true true false\n"},
        {"t.out(require('time') == time, (pcall(function() time.x = 1 end)))", "true false\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_constants)
{
    static const time_row table[] = {
        {"t.out(time.NANOSECOND, time.MICROSECOND, time.MILLISECOND, time.SECOND, time.MINUTE,"
         " time.HOUR, math.type(time.HOUR))",
         "1 1000 1000000 1000000000 60000000000 3600000000000 integer\n"},
        {"t.out(time.JANUARY, time.FEBRUARY, time.MARCH, time.APRIL, time.MAY, time.JUNE, "
         "time.JULY,"
         " time.AUGUST, time.SEPTEMBER, time.OCTOBER, time.NOVEMBER, time.DECEMBER)",
         "1 2 3 4 5 6 7 8 9 10 11 12\n"},
        {"t.out(time.SUNDAY, time.MONDAY, time.TUESDAY, time.WEDNESDAY, time.THURSDAY, time.FRIDAY,"
         " time.SATURDAY)",
         "0 1 2 3 4 5 6\n"},
        {"local d = time.date(2006, 1, 2, 15, 4, 5, 123456789, time.fixed_zone('MST', -7 * 3600))"
         " for _, n in ipairs{'RFC3339', 'RFC3339NANO', 'RFC822', 'RFC822Z', 'RFC850', 'RFC1123',"
         " 'RFC1123Z', 'DATE_TIME', 'DATE_ONLY', 'TIME_ONLY', 'KITCHEN', 'STAMP', 'STAMP_MILLI',"
         " 'STAMP_MICRO', 'STAMP_NANO'} do t.out(d:format(time[n])) end",
         "2006-01-02T15:04:05-07:00\n2006-01-02T15:04:05.123456789-07:00\n02 Jan 06 15:04 MST\n"
         "02 Jan 06 15:04 -0700\nMonday, 02-Jan-06 15:04:05 MST\nMon, 02 Jan 2006 15:04:05 MST\n"
         "Mon, 02 Jan 2006 15:04:05 -0700\n2006-01-02 15:04:05\n2006-01-02\n15:04:05\n3:04PM\n"
         "Jan  2 15:04:05\nJan  2 15:04:05.123\nJan  2 15:04:05.123456\n"
         "Jan  2 15:04:05.123456789\n"},
        {"local n = 0 for k in pairs(time) do n = n + 1 end t.out(n)", "53\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_durations)
{
    static const time_row table[] = {
        {"for _, s in ipairs{'1h30m45s', '1.5s', '100ms', '2500ns', '0', '.5s', '1.5h', '-10s',"
         " '1us', '1\xc2\xb5s', '1\xce\xbcs', '1h'} do t.out(time.parse_duration(s)) end",
         "1h30m45s\n1.5s\n100ms\n2.5\xc2\xb5s\n0s\n500ms\n1h30m0s\n-10s\n1\xc2\xb5s\n1\xc2\xb5s\n"
         "1\xc2\xb5s\n1h0m0s\n"},
        {SHOW_ERROR "for _, s in ipairs{'', '1', '1x', 'abc', '10000000000h'} do"
                    " e(time.parse_duration(s)) end",
         "nil Invalid invalid duration \"\" false\nnil Invalid invalid duration \"1\" false\n"
         "nil Invalid invalid duration \"1x\" false\nnil Invalid invalid duration \"abc\" false\n"
         "nil Invalid invalid duration \"10000000000h\" false\n"},
        {SHOW_ERROR
         "e(time.parse_duration(nil)) e(time.parse_duration({})) e(time.parse_duration())"
         " e(time.parse_duration(1e300)) e(time.parse_duration(0/0))",
         "nil Invalid invalid duration: number, string or Duration expected, got nil false\n"
         "nil Invalid invalid duration: number, string or Duration expected, got table false\n"
         "nil Invalid invalid duration: number, string or Duration expected, got no value false\n"
         "nil Invalid invalid duration: number out of range false\n"
         "nil Invalid invalid duration: number out of range false\n"},
        {"local d = time.parse_duration(time.parse_duration('1h30m15s1ms2us3ns'))"
         " t.out(d:hours(), d:minutes(), d:seconds())"
         " t.out(d:milliseconds(), d:microseconds(), d:nanoseconds())"
         " t.out(string.format('%d', d:milliseconds()), math.type(d:nanoseconds()))",
         "1.5041669450008 90.25001670005 5415.001002003\n"
         "5415001 5415001002 5415001002003\n5415001 integer\n"},
        {"t.out(time.parse_duration(100), time.parse_duration(1.9), time.parse_duration(-1500000))",
         "100ns 1ns -1.5ms\n"},
        {"local a, b = time.parse_duration('1s'), time.parse_duration('1000ms')"
         " t.out(a == b, a < b, a <= b, a + b, a - b, -a, a == 1, a + '1s', a < time.SECOND * 2)",
         "true false true 2s 0s -1s false 2s true\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_making)
{
    static const time_row table[] = {
        {"t.out(time.date(2024, 12, 29, 15, 4, 5, 0, time.utc):format('Mon Jan 2 15:04:05 MST "
         "2006'))",
         "Sun Dec 29 15:04:05 UTC 2024\n"},
        {"t.out(time.date(2024, 14, 1, 0, 0, 0, 0, time.utc):format('2006-01-02'))",
         "2025-02-01\n"},
        {"t.out(time.date(2024, 2, 30, 25, 61, 61, 1000000001, time.utc))",
         "2024-03-02 02:02:02.000000001 +0000 UTC\n"},
        {"t.out(time.date(2024, 1, 1, 0, 0, 0, 0):location():string())", "Local\n"},
        {"t.out(time.unix(1700000000, 5):utc():format_rfc3339(), time.unix(1, "
         "0):location():string())",
         "2023-11-14T22:13:20Z Local\n"},
        {"t.out(time.unix(0, -1):unix(), time.unix(0, -1):nanosecond(), time.unix(1, "
         "2):unix_nano())",
         "-1 999999999 1000000002\n"},
        {"local a = time.now() local b = time.now() t.out(b:before(a), a:unix() > 1600000000,"
         " a:location():string(), math.type(a:unix()), math.type(a:unix_nano()))",
         "false true Local integer integer\n"},
        {SHOW_ERROR "e(time.date(math.maxinteger, 1, 1, 0, 0, 0, 0, time.utc))"
                    " t.out((pcall(time.date, 2024, 1, 1, 0, 0, 0, 0, 'UTC')))",
         "nil Invalid date out of range false\nfalse\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_parsing)
{
    static const time_row table[] = {
        {"local v = time.parse('2006-01-02T15:04:05.999999999Z', '2024-01-01T12:34:56.789Z')"
         " t.out(v:round(time.parse_duration('1s')):format(time.TIME_ONLY),"
         " v:truncate(time.parse_duration('1m')):format(time.TIME_ONLY))",
         "12:34:57 12:34:00\n"},
        {"local v = time.parse(time.RFC3339, '2024-05-06T07:08:09+02:00')"
         " t.out(v:utc():format(time.DATE_TIME), v:format('-07:00'), v:hour(), v:unix())",
         "2024-05-06 05:08:09 +02:00 7 1714972089\n"},
        {"local v = time.parse(time.RFC3339, '2024-05-06T07:08:09Z') t.out(v:location():string())",
         "UTC\n"},
        {"local ny = time.load_location('America/New_York')"
         " local v = time.parse(time.DATE_TIME, '2024-07-01 12:00:00', ny)"
         " t.out(v, v:location():string(), rawequal(v:location(), ny), v:utc():hour())",
         "2024-07-01 12:00:00 -0400 EDT America/New_York true 16\n"},
        {"t.out(time.parse(time.DATE_ONLY, '2024-07-01'):location():string())", "Local\n"},
        {"local v, err = time.parse(time.DATE_ONLY, '2024-13-01')"
         " t.out(v, err:kind(), err:retryable(), #err:message() > 0)",
         "nil Invalid false true\n"},
        {"local v, err = time.parse(time.RFC3339, 'not a date')"
         " t.out(v, err:kind(), err:message():find('not a date', 1, true) ~= nil)",
         "nil Invalid true\n"},
        {"t.out(time.parse('2006-01-02 15:04:05', '2024-01-01 10:00:00.25', time.utc))",
         "2024-01-01 10:00:00.25 +0000 UTC\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_locations)
{
    static const time_row table[] = {
        {SHOW_ERROR
         "e(time.load_location('')) local l, err = time.load_location('Invalid/Location')"
         " t.out(l, err:kind(), err:retryable())",
         "nil Invalid empty location name false\nnil NotFound false\n"},
        {"t.out(time.load_location('UTC'), time.load_location('Local'),"
         " time.load_location('America/New_York'))",
         "UTC Local America/New_York\n"},
        {"local z = time.fixed_zone('EST', -5 * 3600) t.out(z:string(), tostring(z),"
         " time.date(2024, 1, 1, 12, 0, 0, 0, z))",
         "EST EST 2024-01-01 12:00:00 -0500 EST\n"},
        {SHOW_ERROR "e(time.fixed_zone('X', 1 << 40)) e(time.fixed_zone('X', -1 << 40))"
                    " e(time.fixed_zone(('x'):rep(300), 0))",
         "nil Invalid invalid name or offset of a zone false\n"
         "nil Invalid invalid name or offset of a zone false\n"
         "nil Invalid invalid name or offset of a zone false\n"},
        {"t.out((pcall(time.load_location)), (pcall(time.fixed_zone, 'a')))", "false false\n"},
        {"local l, err = time.load_location('../../etc/passwd') t.out(l, err:kind())",
         "nil NotFound\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_methods)
{
    static const time_row table[] = {
        {"local d = time.date(2024, 12, 29, 15, 4, 5, 6, time.utc) t.out(d:date()) t.out(d:clock())"
         " t.out(d:year(), d:month(), d:day(), d:hour(), d:minute(), d:second(), d:nanosecond(),"
         " d:weekday(), d:year_day(), d:is_zero())",
         "2024 12 29\n15 4 5\n2024 12 29 15 4 5 6 0 364 false\n"},
        {"local d = time.date(2024, 12, 29, 0, 0, 0, 0, time.utc):add_date(1, 2, 3)"
         " t.out(d:year(), d:month(), d:day())",
         "2026 3 4\n"},
        {"local d = time.date(2024, 1, 31, 0, 0, 0, 0, time.utc)"
         " t.out(d:add('1h'):hour(), d:add(time.MINUTE):minute(),"
         " d:add(time.parse_duration('24h')):day(), d:add(-1):nanosecond())",
         "1 1 1 999999999\n"},
        {"local ok, e = pcall(function() return time.now():add('x') end)"
         " t.out(ok, type(e), e:find('invalid duration \"x\"', 1, true) ~= nil)",
         "false string true\n"},
        {"local a = time.date(2024, 1, 1, 0, 0, 0, 0, time.utc) local b = a:add('1h')"
         " t.out(b:sub(a), type(b:sub(a)), a:before(b), a:after(b), b:after(a), a:equal(b))"
         " t.out(a < b, a <= b, a == a:add(0), a ~= b, b - a, b - '1h' == a, a + '1h' == b)",
         "1h0m0s userdata true false true false\ntrue true true true 1h0m0s true true\n"},
        {"local a = time.date(2024, 1, 1, 12, 0, 0, 0, time.utc)"
         " local b = a:in_location(time.fixed_zone('X', 3600))"
         " t.out(a:equal(b), b:hour(), b:location(), a:in_local():location(), b:utc():hour())",
         "true 13 X Local 12\n"},
        {"local d = time.date(2024, 1, 1, 0, 0, 0, 500000000, time.utc)"
         " local s = time.parse_duration('1s')"
         " t.out(d:round(s):second(), d:truncate(s):nanosecond(),"
         " d:round(time.parse_duration(0)) == d, d:truncate(time.parse_duration(-5)) == d)"
         " t.out((pcall(d.round, d, 5)), (pcall(d.truncate, d, '1s')))",
         "1 0 true true\nfalse false\n"},
        {"t.out(time.date(1, 1, 1, 0, 0, 0, 0, time.utc):is_zero())", "true\n"},
        {"t.out(time.date(2024, 1, 1, 0, 0, 0, 0, time.utc):format(('x'):rep(300)):len())",
         "300\n"},
        {"local a = time.now() t.out(a:in_location(time.utc):format_rfc3339() == "
         "a:utc():format_rfc3339(), (pcall(a.in_location, a, 'UTC')), (pcall(a.sub, a, 1)))",
         "true false false\n"},
        {"t.out(time.utc == time.now(), time.now() == time.parse_duration(1))", "false false\n"},
        {"local d, n, u = time.parse_duration('1h'), time.date(2024, 1, 1, 0, 0, 0, 0, time.utc), time.utc"
         " t.out(d == n, n == d, d == u, u == d, u == n, n == u, d + n == n + d, (d + n):hour())"
         " t.out((pcall(function() return d + u end)), (pcall(function() return n + n end)))",
         "false false false false false false true 1\nfalse false\n"},
        {"local a, b = time.fixed_zone('X', 3600), time.fixed_zone('X', 3600) t.out(a == a, a == b,"
         " a == time.utc, time.load_location('UTC') == time.utc, time.load_location('Local') =="
         " time.localtz, time.utc == time.localtz)",
         "true false false true true false\n"},
        {"local d = time.date(2024, 1, 1, 0, 0, 0, 0, time.utc) for _, by in ipairs{{1 << 40}, {-1 << 40},"
         " {0, 1 << 60}, {0, -1 << 60}, {0, 0, 1 << 60}, {0, 0, math.mininteger}} do"
         " t.out(pcall(d.add_date, d, table.unpack(by))) end",
         "false date out of range\nfalse date out of range\nfalse date out of range\n"
         "false date out of range\nfalse date out of range\nfalse date out of range\n"},
        {"local most = time.parse_duration(math.mininteger) t.out(most, -most, most - most, -(-most) < most,"
         " -most - most == -most)",
         "-2562047h47m16.854775808s 2562047h47m16.854775807s 0s false true\n"},
    };
    rows(table, TEST_COUNT(table));
}

/* ------------------------------------------------------------------ waiting */

TEST(test_time_sleep)
{
    static const time_row table[] = {
        {"local a = time.now() t.out(time.sleep('20ms')) t.out(time.now():sub(a):milliseconds() >= "
         "20)",
         "\ntrue\n"},
        {SHOW_ERROR "e(time.sleep('soon')) e(time.sleep()) e(time.sleep({}))",
         "nil Invalid invalid duration \"soon\" false\n"
         "nil Invalid invalid duration: number, string or Duration expected, got no value false\n"
         "nil Invalid invalid duration: number, string or Duration expected, got table false\n"},
        {"local ends = channel.new(2) for _, d in ipairs{'400ms', '10ms'} do"
         " coroutine.spawn(function() time.sleep(d) ends:send(d) end) end"
         " t.out(ends:receive()) t.out(ends:receive())",
         "10ms true\n400ms true\n"},
        {"t.out(select('#', time.sleep(1)), select('#', time.sleep(0)))", "0 0\n"},
        {"local ok, e = pcall(table.sort, {3, 2, 1}, function(a, b) time.sleep('1ms') return a < b "
         "end)"
         " t.out(ok, e)",
         "false app:test:1: attempt to yield across a C-call boundary (time.sleep)\n"},
        {"local c = coroutine.wrap(function() time.sleep('1ms') coroutine.yield(7) end) t.out(c())",
         "7\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_after)
{
    static const time_row table[] = {
        {"local a = time.now() local c = time.after('20ms') local v, ok = c:receive()"
         " t.out(type(v), ok, v:sub(a):milliseconds() >= 20, v:location()) t.out(c:receive())",
         "userdata true true Local\nnil false\n"},
        {"local c = time.after('5ms') time.sleep('30ms') local v, ok = c:receive()"
         " t.out(type(v), ok) t.out(c:receive())",
         "userdata true\nnil false\n"},
        {SHOW_ERROR "e(time.after(0)) e(time.after('-1s')) e(time.after('x')) e(time.timer(0))"
                    " e(time.ticker(0)) e(time.ticker(-1))",
         "nil Invalid time.after: duration must be > 0 false\n"
         "nil Invalid time.after: duration must be > 0 false\n"
         "nil Invalid time.after: invalid duration \"x\" false\n"
         "nil Invalid time.timer: duration must be > 0 false\n"
         "nil Invalid time.ticker: duration must be > 0 false\n"
         "nil Invalid time.ticker: duration must be > 0 false\n"},
        {"local a, b = time.after('1h'), time.after('10ms')"
         " local r = channel.select{a:case_receive(), b:case_receive()}"
         " t.out(r.channel == b, type(r.value), r.ok)",
         "true userdata true\n"},
        {"do local c = time.after('10ms') end collectgarbage = nil for i = 1, 20000 do local x = "
         "{} end"
         " time.sleep('30ms') t.out('alive')",
         "alive\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_timer)
{
    static const time_row table[] = {
        {"local ti = time.timer('10ms') t.out(ti:channel() == ti:response(),"
         " rawequal(ti:channel(), ti:channel())) local v, ok = ti:channel():receive()"
         " t.out(type(v), ok, ti:stop(), ti:stop())",
         "true true\nuserdata true false false\n"},
        {"local ti = time.timer('1h') t.out(ti:stop(), ti:stop()) t.out(ti:channel():receive())",
         "true false\nnil false\n"},
        {"local ti = time.timer('1h') local a = time.now() t.out(ti:reset('20ms'))"
         " local v = ti:channel():receive() t.out(v:sub(a):milliseconds() >= 20,"
         " v:sub(a):hours() < 0.5) t.out(ti:reset('5ms')) t.out(type(ti:channel():receive()))",
         "true\ntrue true\nfalse\nuserdata\n"},
        {"local ti = time.timer('5ms') time.sleep('30ms') local a = time.now()"
         " t.out(ti:reset('20ms'))"
         " local v = ti:channel():receive() t.out(v:sub(a):milliseconds() >= 20)",
         "false\ntrue\n"},
        {"local ti = time.timer('5ms') time.sleep('30ms') t.out(ti:stop())"
         " t.out(ti:channel():receive())",
         "false\nnil false\n"},
        {"local ti = time.timer('1h') t.out((pcall(ti.reset, ti, 'x')), (pcall(ti.reset, ti, 0)),"
         " (pcall(ti.reset, ti)))  t.out(ti:stop())",
         "false false false\ntrue\n"},
        {"local ti = time.timer('1h') ti:stop() t.out(ti:reset('5ms'))"
         " t.out(type(ti:channel():receive()))",
         "false\nuserdata\n"},
        {"local ti = time.timer('1h') coroutine.spawn(function() time.sleep('5ms') ti:stop() end)"
         " t.out(ti:channel():receive())",
         "nil false\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_stopped_timer_is_a_deadlock)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    module_setup_init(&setup);
    module_kit_open(kit, &setup);
    module_start(kit, "time", "local ti = time.timer('1h') ti:stop() channel.new():receive()",
                 NULL);
    module_wait(kit);
    CHECK(kit->lua.last_result != WIPPY_OK);
    CHECK_HAS(kit->lua.last_value, "deadlock");
    module_close(kit);
    free(kit);
}

TEST(test_time_ticker)
{
    static const time_row table[] = {
        {"local a = time.now() local tk = time.ticker('10ms') local last for i = 1, 5 do"
         " last = tk:channel():receive() end t.out(last:sub(a):milliseconds() >= 48,"
         " tk:channel() == tk:response(), tk:stop(), tk:stop()) t.out(tk:channel():receive())",
         "true true true true\nnil false\n"},
        /* sixteen wait; ticks that are due at once are one, so when the machine stood still: again */
        {"local n = 0 for _ = 1, 50 do local tk = time.ticker('2ms') time.sleep('120ms') n = 0"
         " local from = time.now() while true do"
         " local r = channel.select{tk:channel():case_receive(), default = true}"
         " if r.default then break end n = n + 1 end tk:stop()"
         " if n >= 16 and time.now():sub(from):milliseconds() < 8 then break end end"
         " t.out(n >= 16 and n <= 20)",
         "true\n"},
        {"local tk = time.ticker('10ms') time.sleep('25ms') local a = tk:channel():receive()"
         " local b = tk:channel():receive() t.out(b:before(a)) tk:stop()",
         "false\n"},
        {"local tk = time.ticker('5ms') time.sleep('30ms') tk:stop() t.out(tk:channel():receive())",
         "nil false\n"},
        {"local tk = time.ticker('5ms') tk:channel():close() time.sleep('20ms')"
         " t.out(tk:channel():receive())",
         "nil false\n"},
    };
    rows(table, TEST_COUNT(table));
}

TEST(test_time_on_a_pool_host)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    module_setup_init(&setup);
    setup.host = WIPPY_HOST_POOL;
    module_kit_open(kit, &setup);
    module_start(
        kit, "time",
        "local early, done = 0, channel.new(50) for i = 1, 50 do coroutine.spawn(function()"
        " for j = 1, 5 do local ns = (i * j % 7 + 1) * 300000 local a = time.now()"
        " if j % 2 == 0 then time.sleep(ns) else time.after(ns):receive() end"
        " if time.now():sub(a):nanoseconds() < ns then early = early + 1 end end"
        " done:send(true) end) end for i = 1, 50 do done:receive() end t.out(early)",
        NULL);
    module_wait(kit);
    module_close(kit);
    CHECK_STR(kit->lua.out, "0\n");
    CHECK_EQ_INT(kit->lua.last_result, WIPPY_OK);
    free(kit);
}

TEST(test_time_over_the_memory_limit_timers_are_refused)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    module_setup_init(&setup);
    setup.memory_limit = 200000;
    module_kit_open(kit, &setup);
    module_start(
        kit, "time",
        "local n, kept = 0, ('x'):rep(20000) for i = 1, 100000 do"
        " local ok, v, err = pcall(time.after, '1h')"
        " if not ok then kept = nil t.out('raised') return end"
        " if not v then kept = nil t.out(err:kind(), n > 100) return end"
        " n = n + 1 end",
        NULL);
    module_wait(kit);
    CHECK(strcmp(kit->lua.out, "RateLimited true\n") == 0 || strcmp(kit->lua.out, "raised\n") == 0);
    CHECK_EQ_INT(kit->lua.last_result, WIPPY_OK);
    module_close(kit);
    free(kit);
}

TEST_MAIN(TEST_ENTRY(test_time_types_are_userdata), TEST_ENTRY(test_time_constants),
          TEST_ENTRY(test_time_durations), TEST_ENTRY(test_time_making),
          TEST_ENTRY(test_time_parsing), TEST_ENTRY(test_time_locations),
          TEST_ENTRY(test_time_methods), TEST_ENTRY(test_time_sleep), TEST_ENTRY(test_time_after),
          TEST_ENTRY(test_time_timer), TEST_ENTRY(test_time_stopped_timer_is_a_deadlock),
          TEST_ENTRY(test_time_ticker), TEST_ENTRY(test_time_on_a_pool_host),
          TEST_ENTRY(test_time_over_the_memory_limit_timers_are_refused))
