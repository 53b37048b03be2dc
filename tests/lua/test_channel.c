/* ========================================================================== >>test_channel
   Channels, select, coroutine.spawn: what programs see, in which order. */
#include "lua_kit.h"

/* Run `body` in a process of its own; it must print `expected` and end well. */
static void program(const char *body, const char *expected)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, body);
    CHECK_STR(kit.out, expected);
    CHECK_EQ_INT(kit.exits, 1);
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    if (kit.last_result != WIPPY_OK) {
        printf("  ended with %s\n", kit.last_value);
    }
    lua_kit_close(&kit);
}

/* Run `body`; it must end with an error whose text holds `part`. */
static void failing(const char *body, const char *part)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, body);
    CHECK_EQ_INT(kit.exits, 1);
    CHECK(kit.last_result != WIPPY_OK);
    CHECK_HAS(kit.last_value, part);
    lua_kit_close(&kit);
}

TEST(test_channel_buffered_values_come_in_order)
{
    program("local c = channel.new(3)"
            " c:send(1) c:send('two') c:send(nil)"
            " t.out(c:receive()) t.out(c:receive()) t.out(c:receive())",
            "1 true\ntwo true\nnil true\n");
}

TEST(test_channel_closed_gives_rest_then_nil_false)
{
    program("local c = channel.new(2) c:send('a') c:close() c:close()"
            " t.out(c:receive()) t.out(c:receive()) t.out(c:receive())",
            "a true\nnil false\nnil false\n");
}

TEST(test_channel_send_on_closed_raises_a_string)
{
    program("local c = channel.new(1) c:close()"
            " local ok, e = pcall(c.send, c, 1) t.out(ok, type(e), e)"
            " local ok, e = pcall(function() c:send(1) end) t.out(ok, e)",
            "false string send on closed channel\n"
            "false app:test:1: send on closed channel\n");
}

TEST(test_channel_huge_capacity_allocates_nothing)
{
    program("local c = channel.new(1e12) for i = 1, 100 do c:send(i) end"
            " local s = 0 for i = 1, 100 do s = s + c:receive() end t.out(s)"
            " local d = channel.new(-5) t.out(channel.select{d:case_send(1), default = true}.default)",
            "5050\ntrue\n");
}

TEST(test_channel_ring_grows_with_wrapped_values)
{
    program("local c = channel.new(100) local n, m, good = 0, 0, true"
            " for round = 1, 60 do"
            "  for i = 1, 3 do n = n + 1 c:send(n) end"
            "  for i = 1, 2 do m = m + 1 good = good and c:receive() == m end"
            " end"
            " while m < n do m = m + 1 good = good and c:receive() == m end t.out(good, n)",
            "true 180\n");
}

TEST(test_channel_handoff_goes_to_first_receiver)
{
    program("local c = channel.new()"
            " for i = 1, 3 do coroutine.spawn(function() t.out(i, c:receive()) end) end"
            " for i = 1, 3 do c:send(i * 10) end"
            " c:close() coroutine.yield()",
            "1 10 true\n2 20 true\n3 30 true\n");
}

TEST(test_channel_blocked_senders_move_up_in_order)
{
    program("local c = channel.new(1)"
            " for i = 1, 3 do coroutine.spawn(function() t.out('sent', i, c:send(i)) end) end"
            " t.out(c:receive()) t.out(c:receive()) t.out(c:receive())"
            " coroutine.yield()",
            "sent 1 true\n1 true\n2 true\n3 true\nsent 2 true\nsent 3 true\n");
}

TEST(test_channel_close_wakes_receivers_and_senders)
{
    program("local c = channel.new() local d = channel.new()"
            " coroutine.spawn(function() t.out('r', c:receive()) end)"
            " coroutine.spawn(function() local ok, e = d:send(1) t.out('s', ok, e:message(), e:kind()) end)"
            " c:close() d:close() coroutine.yield()",
            "r nil false\ns nil send on closed channel Invalid\n");
}

TEST(test_channel_spawned_coroutine_runs_before_its_spawner)
{
    program("coroutine.spawn(function() t.out('a1') coroutine.yield() t.out('a2') end)"
            " t.out('m1')"
            " coroutine.spawn(function() t.out('b1') end)"
            " t.out('m2') coroutine.yield() t.out('m3')",
            "a1\nm1\na2\nb1\nm2\nm3\n");
}

TEST(test_channel_spawn_gives_the_thread_which_is_owned)
{
    program("local c = channel.new()"
            " local co = coroutine.spawn(function() c:receive() end)"
            " t.out(type(co), coroutine.status(co))"
            " t.out(coroutine.resume(co))"
            " t.out(coroutine.close(co))",
            "thread suspended\nfalse cannot resume a scheduled coroutine\n"
            "false cannot resume a scheduled coroutine\n");
}

TEST(test_channel_main_end_kills_other_coroutines)
{
    program("local c = channel.new() coroutine.spawn(function() c:receive() t.out('never') end)"
            " t.out('done')",
            "done\n");
}

TEST(test_channel_fan_in_of_four_producers)
{
    program("local c = channel.new(10) local left = 4"
            " for p = 1, 4 do coroutine.spawn(function()"
            "  for i = 1, 5 do c:send(p * 10 + i) end"
            "  left = left - 1 if left == 0 then c:close() end end) end"
            " local n = 0 while true do local v, ok = c:receive() if not ok then break end n = n + 1 end"
            " t.out(n)",
            "20\n");
}

TEST(test_channel_blocks_inside_pcall_iterators_and_metamethods)
{
    program("local c = channel.new()"
            " coroutine.spawn(function() for i = 1, 4 do c:send(i) end c:close() end)"
            " t.out(pcall(function() return c:receive() end))"
            " for v in function() return (c:receive()) end do t.out('it', v) if v == 2 then break end end"
            " local m = setmetatable({}, {__index = function() return (c:receive()) end,"
            "  __add = function() return (c:receive()) end})"
            " t.out(m.x, m + m)",
            "true 1 true\nit 2\n3 4\n");
}

TEST(test_channel_blocks_inside_a_generator)
{
    program("local c = channel.new()"
            " coroutine.spawn(function() for i = 1, 3 do c:send(i) end c:close() end)"
            " local gen = coroutine.wrap(function() while true do local v, ok = c:receive()"
            "  if not ok then return nil end coroutine.yield(v * 2) end end)"
            " for v in gen do t.out(v) end"
            " local co = coroutine.create(function() coroutine.wrap(function()"
            "   t.out('inner', c:receive()) end)() coroutine.yield('y') end)"
            " t.out(coroutine.resume(co)) t.out(coroutine.status(co))",
            "2\n4\n6\ninner nil false\ntrue y\nsuspended\n");
}

TEST(test_channel_refuses_to_block_in_a_sort_callback_and_takes_nothing)
{
    program("local c = channel.new() local a = {3, 1, 2}"
            " coroutine.spawn(function() c:send('kept') end)"
            " local d = channel.new()"
            " t.out(pcall(table.sort, a, function(x, y) d:receive() return x < y end))"
            " t.out(pcall(table.sort, a, function(x, y)"
            "  return coroutine.wrap(function() return (d:receive()) end)() end))"
            " t.out(c:receive())"
            " coroutine.spawn(function() t.out('d', d:receive()) end) d:send(7) coroutine.yield()",
            "false app:test:1: attempt to yield across a C-call boundary (channel.receive)\n"
            "false app:test:1: attempt to yield across a C-call boundary (channel.receive)\n"
            "kept true\nd 7 true\n");
}

TEST(test_channel_identity_and_type)
{
    program("local c = channel.new(1) local k = {} k[c] = 1 c:send(c)"
            " local d = c:receive() t.out(d == c, k[d], type(c), getmetatable(c))"
            " t.out(pcall(c.receive, {}))"
            " t.out(pcall(c.receive))",
            "true 1 userdata false\n"
            "false bad argument #1 to '?' (channel expected, got table)\n"
            "false bad argument #1 to '?' (channel expected, got no value)\n");
}

/* ------------------------------------------------------------------ select */

TEST(test_select_takes_the_first_ready_case)
{
    program("local a, b = channel.new(2), channel.new(2) a:send(1) b:send(2)"
            " local r = channel.select{b:case_receive(), a:case_receive()}"
            " t.out(r.channel == b, r.value, r.ok, r.index)"
            " r = channel.select{b:case_receive(), a:case_receive()}"
            " t.out(r.channel == a, r.value, r.ok)",
            "true 2 true nil\ntrue 1 true\n");
}

TEST(test_select_default_in_both_forms)
{
    program("local a = channel.new()"
            " local r = channel.select{a:case_receive(), default = true}"
            " t.out(r.default, r.ok, r.channel)"
            " r = channel.select({a:case_receive()}, true) t.out(r.default, r.ok)"
            " r = channel.select{default = true} t.out(r.default)",
            "true true nil\ntrue true\ntrue\n");
}

TEST(test_select_receives_close_and_sends)
{
    program("local a, b = channel.new(), channel.new(1) a:close()"
            " local r = channel.select{a:case_receive()} t.out(r.channel == a, r.value, r.ok)"
            " r = channel.select{b:case_send('v')} t.out(r.channel == b, r.value, r.ok)"
            " t.out(b:receive())"
            " b:close()"
            " r = channel.select{b:case_send(1), a:case_receive()} t.out(r.channel == a, r.ok)"
            " local ok, e = pcall(channel.select, {b:case_send(1)}) t.out(ok, e)",
            "true nil false\ntrue v true\nv true\ntrue false\nfalse send on closed channel\n");
}

TEST(test_select_of_any_number_of_cases)
{
    program("local c, cases = channel.new(), {} for i = 1, 9999 do cases[i] = c:case_receive() end"
            " coroutine.spawn(function() for i = 1, 4 do c:send(i) end end)"
            " t.out(channel.select(cases).value) cases[10000] = c:case_receive()"
            " t.out(channel.select(cases).value) cases[10001] = c:case_receive()"
            " t.out(pcall(channel.select, cases)) t.out(channel.select{cases[1], cases[2]}.value)",
            "1\n2\nfalse too many cases\n3\n");
    program("local a, b = channel.new(), channel.new() local function park(n) local cases = {}"
            " for i = 1, n do cases[i] = a:case_receive() end cases[n + 1] = b:case_receive()"
            " return channel.select(cases).value end"
            " coroutine.spawn(function() for i = 1, 3 do coroutine.yield() b:send(i) end end)"
            " t.out(park(1), park(5), park(20))", /* waits with more room each time */
            "1 2 3\n");
}

TEST(test_select_polls_where_nothing_can_wait)
{
    program("local me, inbox, seen = process.pid(), process.inbox(), 0"
            " process.send(me, 'a', 1) table.sort({2, 1}, function()"
            " local r = channel.select{inbox:case_receive(), default = true}"
            " if not r.default then seen = seen + 1 end return false end) t.out(seen)"
            " table.sort({2, 1}, function() local r = channel.select{inbox:case_receive(), default = true}"
            " t.out(r.default) return false end) t.out(inbox:receive():topic())",
            "0\ntrue\na\n"); /* a step sees the mail that had come when it began */
}

TEST(test_channel_spawn_where_nothing_can_wait)
{
    program("table.sort({2, 1}, function() t.out(type(coroutine.spawn(function() t.out('later') end)))"
            " return false end) t.out('sorted') coroutine.yield() t.out('end')",
            "thread\nsorted\nlater\nend\n");
}

/* What was put into the channel and what the mailbox has for it. */
TEST(test_select_of_a_subscribed_channel_with_values)
{
    program("local me, c, inbox = process.pid(), channel.new(3), process.inbox() c:send('own')"
            " process.send(me, 'a', 'inbox') process.send(me, 't', 'mail') t.out(subscribe('t', c))"
            " for i = 1, 3 do local r = channel.select{inbox:case_receive(), c:case_receive()}"
            " t.out(r.channel == c, r.channel == c and r.value) end",
            "true\ntrue own\nfalse false\ntrue mail\n");
    program("local me, c = process.pid(), process.listen('t') process.send(me, 't', 1) c:close()"
            " t.out(pcall(c.send, c, 1)) process.send(me, 't', 2)"
            " for i = 1, 2 do t.out((process.inbox():receive():payload():data())) end",
            "false send on closed channel\n1\n2\n");
}

TEST(test_select_parked_is_woken_by_one_and_leaves_the_others)
{
    program("local a, b = channel.new(), channel.new()"
            " coroutine.spawn(function()"
            "  for i = 1, 2 do local r = channel.select{a:case_receive(), b:case_receive()}"
            "   t.out(r.channel == a, r.value) end end)"
            " b:send('b') a:send('a')"
            " t.out(channel.select{a:case_send(1), default = true}.default)",
            "false b\ntrue a\ntrue\n");
}

TEST(test_select_parked_send_hands_over_its_value)
{
    program("local a, b = channel.new(), channel.new()"
            " coroutine.spawn(function()"
            "  local r = channel.select{a:case_send('x'), b:case_send('y')}"
            "  t.out('sent', r.channel == b, r.value, r.ok) end)"
            " t.out(b:receive()) t.out(channel.select{a:case_receive(), default = true}.default)"
            " coroutine.yield()",
            "y true\ntrue\nsent true y true\n");
}

TEST(test_select_same_channel_in_several_cases_and_other_elements)
{
    program("local a = channel.new() local cases = {a:case_receive(), 'x', a:case_receive(), 7}"
            " coroutine.spawn(function() for i = 1, 2 do a:send(i) end end)"
            " for i = 1, 2 do t.out(channel.select(cases).value) end"
            " t.out(channel.select({1, 2, default = true}).default)",
            "1\n2\ntrue\n");
}

TEST(test_select_close_of_one_channel_wakes_with_not_ok)
{
    program("local a, b = channel.new(), channel.new()"
            " coroutine.spawn(function() local r = channel.select{a:case_receive(), b:case_receive()}"
            "  t.out(r.channel == b, r.value, r.ok) end)"
            " b:close() coroutine.yield()",
            "true nil false\n");
}

TEST(test_select_between_selects_meets)
{
    program("local a, b = channel.new(), channel.new()"
            " coroutine.spawn(function() local r = channel.select{a:case_send(1), b:case_send(2)}"
            "  t.out('s', r.channel == a) end)"
            " local r = channel.select{b:case_receive(), a:case_receive()}"
            " t.out('r', r.value) coroutine.yield()",
            "r 2\ns false\n");
}

/* ------------------------------------------------------------------ ends */

TEST(test_deadlock_ends_with_the_number_of_threads)
{
    failing("local c = channel.new() coroutine.spawn(function() c:receive() end) c:receive()",
            "deadlock: all coroutines blocked with no pending operations (threads=2)");
}

TEST(test_deadlock_of_an_empty_select)
{
    failing("channel.select{}", "(threads=1)");
}

TEST(test_error_in_any_coroutine_ends_the_process)
{
    failing("coroutine.spawn(function() error('inner') end) t.out('never')", "\"inner\"");
}

TEST(test_error_object_keeps_kind_retryable_details)
{
    failing("error(errors.new{message = 'm', kind = 'Conflict', retryable = true,"
            " details = {a = {1, 2}}})",
            "{\"kind\": \"Conflict\", \"message\": \"m\", \"retryable\": true,"
            " \"details\": {\"a\": [1, 2]}}");
}

TEST(test_main_results_become_the_exit)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, "return 1, 2");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    CHECK_STR(kit.last_value, "1");
    lua_kit_run(&kit, "return {a = 1}, nil");
    CHECK_STR(kit.last_value, "{\"a\": 1}");
    lua_kit_run(&kit, "return false, 'why'");
    CHECK_EQ_INT(kit.last_result, WIPPY_ERR_INTERNAL);
    CHECK_STR(kit.last_value,
              "{\"kind\": \"Internal\", \"message\": \"why\", \"retryable\": false}");
    lua_kit_run(&kit, "return nil, errors.new{message = 'gone', kind = errors.NOT_FOUND}");
    CHECK_EQ_INT(kit.last_result, WIPPY_ERR_NOTFOUND);
    CHECK_STR(kit.last_value, "{\"kind\": \"NotFound\", \"message\": \"gone\"}");
    lua_kit_run(&kit, "return 5, {}");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    CHECK_STR(kit.last_value, "5");
    lua_kit_run(&kit, "error({})");
    CHECK_HAS(kit.last_value, "error object is a table value");
    lua_kit_close(&kit);
}

TEST_MAIN(TEST_ENTRY(test_channel_buffered_values_come_in_order),
          TEST_ENTRY(test_channel_closed_gives_rest_then_nil_false),
          TEST_ENTRY(test_channel_send_on_closed_raises_a_string),
          TEST_ENTRY(test_channel_huge_capacity_allocates_nothing),
          TEST_ENTRY(test_channel_ring_grows_with_wrapped_values),
          TEST_ENTRY(test_channel_handoff_goes_to_first_receiver),
          TEST_ENTRY(test_channel_blocked_senders_move_up_in_order),
          TEST_ENTRY(test_channel_close_wakes_receivers_and_senders),
          TEST_ENTRY(test_channel_spawned_coroutine_runs_before_its_spawner),
          TEST_ENTRY(test_channel_spawn_gives_the_thread_which_is_owned),
          TEST_ENTRY(test_channel_main_end_kills_other_coroutines),
          TEST_ENTRY(test_channel_fan_in_of_four_producers),
          TEST_ENTRY(test_channel_blocks_inside_pcall_iterators_and_metamethods),
          TEST_ENTRY(test_channel_blocks_inside_a_generator),
          TEST_ENTRY(test_channel_refuses_to_block_in_a_sort_callback_and_takes_nothing),
          TEST_ENTRY(test_channel_identity_and_type),
          TEST_ENTRY(test_select_takes_the_first_ready_case),
          TEST_ENTRY(test_select_default_in_both_forms),
          TEST_ENTRY(test_select_receives_close_and_sends),
          TEST_ENTRY(test_select_of_any_number_of_cases),
          TEST_ENTRY(test_select_polls_where_nothing_can_wait),
          TEST_ENTRY(test_channel_spawn_where_nothing_can_wait),
          TEST_ENTRY(test_select_of_a_subscribed_channel_with_values),
          TEST_ENTRY(test_select_parked_is_woken_by_one_and_leaves_the_others),
          TEST_ENTRY(test_select_parked_send_hands_over_its_value),
          TEST_ENTRY(test_select_same_channel_in_several_cases_and_other_elements),
          TEST_ENTRY(test_select_close_of_one_channel_wakes_with_not_ok),
          TEST_ENTRY(test_select_between_selects_meets),
          TEST_ENTRY(test_deadlock_ends_with_the_number_of_threads),
          TEST_ENTRY(test_deadlock_of_an_empty_select),
          TEST_ENTRY(test_error_in_any_coroutine_ends_the_process),
          TEST_ENTRY(test_error_object_keeps_kind_retryable_details),
          TEST_ENTRY(test_main_results_become_the_exit))
