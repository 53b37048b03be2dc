/* ========================================================================== >>test_pool
   Lua processes on worker threads: interrupts, kills and messages at once. */
#include "lua_kit.h"

static const char application[] =
    "namespace: app\n"
    "entries:\n"
    "  - name: ring\n    kind: process.lua\n    source: |\n"
    "      return { main = function(next, laps, collector)\n"
    "        local inbox = process.inbox()\n"
    "        while true do\n"
    "          local m = inbox:receive() local v = m:payload():data()\n"
    "          if m:topic() == 'next' then next = v\n"
    "          elseif v >= laps then process.send(collector, 'end', v) return v\n"
    "          else process.send(next, 'token', v + 1) end\n"
    "        end end }\n"
    "  - name: busy\n    kind: process.lua\n    source: |\n"
    "      return { main = function(n)\n"
    "        local t = {} for i = 1, n do t[i % 100 + 1] = {i, tostring(i)} end\n"
    "        local g = coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end)\n"
    "        local s = 0 for i = 1, n do s = s + g() end\n"
    "        table.sort(t, function(a, b) return a[1] < b[1] end)\n"
    "        return s == n * (n + 1) / 2 end }\n"
    "  - name: loop\n    kind: process.lua\n    source: |\n"
    "      return { main = function() while true do pcall(function() while true do end end) end end }\n"
    "  - name: ringmain\n    kind: process.lua\n    modules: [t]\n    source: |\n"
    "      return { main = function(size, laps)\n"
    "        local events, inbox, first, before = process.events(), process.inbox()\n"
    "        for i = 1, size do\n"
    "          local p = process.spawn_linked('app:ring', 'app:processes', before, laps, process.pid())\n"
    "          first = first or p before = p end\n"
    "        process.send(first, 'next', before)\n"
    "        process.send(first, 'token', 0)\n"
    "        t.out('token', (inbox:receive():payload():data())) error('all end') end }\n"
    "  - name: busymain\n    kind: process.lua\n    modules: [t]\n    source: |\n"
    "      return { main = function(count, n)\n"
    "        local events, good = process.events(), 0\n"
    "        for i = 1, count do process.spawn_monitored('app:busy', 'app:processes', n) end\n"
    "        for i = 1, count do if events:receive().result.value == true then good = good + 1 end end\n"
    "        t.out('good', good) end }\n"
    "  - name: loopmain\n    kind: process.lua\n    modules: [t]\n    source: |\n"
    "      return { main = function(count)\n"
    "        local events, ended = process.events(), 0\n"
    "        for i = 1, count do local p = process.spawn_monitored('app:loop', 'app:processes')\n"
    "          process.terminate(p) end\n"
    "        for i = 1, count do local e = events:receive()\n"
    "          if tostring(e.result.error) == 'process terminated' then ended = ended + 1 end end\n"
    "        t.out('ended', ended) end }\n"
    "  - name: none\n    kind: process.lua\n"
    "    source: \"return { main = function(v) return v end }\"\n"
    "  - name: spawnmain\n    kind: process.lua\n    modules: [t]\n    source: |\n"
    "      return { main = function(count)\n"
    "        local events, sum = process.events(), 0\n"
    "        for i = 1, count do process.spawn_monitored('app:none', 'app:processes', i) end\n"
    "        for i = 1, count do sum = sum + events:receive().result.value end\n"
    "        t.out('sum', sum) end }\n";

typedef struct watch {
    wippy_runtime *rt;
    wippy_pid pid;
} watch;

static bool has_ended(void *arg)
{
    watch *one = (watch *)arg;
    return !wippy_alive(one->rt, one->pid);
}

/* Run app:<id> with two integers on two workers until it ended. */
static void scene(const char *id, int64_t a, int64_t b, const char *expected)
{
    lua_kit kit;
    wippy_writer writer;
    wippy_slice encoded;
    wippy_spawn_desc desc;
    lua_kit_open_full(&kit, NULL, WIPPY_HOST_POOL, 0);
    CHECK_EQ_INT(wippy_load_text(kit.rt, "pool", application, sizeof(application) - 1, &kit.diag),
                 WIPPY_OK);
    wippy_writer_init(&writer, kit.rt);
    wippy_write_int(&writer, a);
    wippy_write_int(&writer, b);
    wippy_writer_finish(&writer, &encoded);
    memset(&desc, 0, sizeof(desc));
    desc.entry = id;
    desc.host = kit.host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 2;
    wippy_pid pid;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(kit.rt), &desc, &pid, &kit.diag), WIPPY_OK);
    wippy_writer_free(&writer);
    watch one = {kit.rt, pid};
    CHECK_WAIT(has_ended, &one, 100000);
    CHECK_EQ_INT(wippy_stop(kit.rt), WIPPY_OK);
    lua_kit_close(&kit);
    CHECK_STR(kit.out, expected);
}

TEST(test_pool_ring_of_processes)
{
    char expected[64];
    unsigned laps = test_scale(20000);
    snprintf(expected, sizeof(expected), "token %u\n", laps);
    scene("app:ringmain", 50, laps, expected);
}

TEST(test_pool_busy_processes_are_interrupted_and_come_to_the_same_end)
{
    scene("app:busymain", 6, test_scale(300000), "good 6\n");
}

TEST(test_pool_loops_are_ended)
{
    scene("app:loopmain", 20, 0, "ended 20\n");
}

TEST(test_pool_spawns_and_exits)
{
    char expected[64];
    unsigned count = test_scale(3000);
    snprintf(expected, sizeof(expected), "sum %u\n", count * (count + 1) / 2);
    scene("app:spawnmain", count, 0, expected);
}

TEST_MAIN(TEST_ENTRY(test_pool_ring_of_processes),
          TEST_ENTRY(test_pool_busy_processes_are_interrupted_and_come_to_the_same_end),
          TEST_ENTRY(test_pool_loops_are_ended), TEST_ENTRY(test_pool_spawns_and_exits))
