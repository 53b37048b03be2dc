/* Lua under simulation: the same seed prints the same text, every time; other seeds print others. What a
   program sees of chance, time, addresses and order comes from the seed. */
#include "lua_kit.h"

static const char program[] =
    "version: \"1.0\"\n"
    "namespace: app\n"
    "entries:\n"
    "  - {name: worker, kind: process.lua, method: main, modules: [t, time, uuid], source: '"
    "      local function main(boss, name)"
    "        local inner = channel.new()"
    "        coroutine.spawn(function() for i = 1, 3 do time.sleep(math.random(0, 3) .. \"ms\")"
    "          inner:send(i) end inner:close() end)"
    "        while true do local i, more = inner:receive() if not more then break end"
    "          local spin = 0 for k = 1, 20000 do spin = spin + k end"
    "          process.send(boss, \"work\", name .. i .. tostring({}) .. math.random(1000)) end"
    "        return uuid.v4()"
    "      end return {main = main}'}\n"
    "  - {name: main, kind: process.lua, method: main, modules: [t, time], source: '"
    "      local function main()"
    "        local inbox, events = process.inbox(), process.events()"
    "        local left = 4"
    "        for i = 1, 4 do local pid, err = process.spawn_monitored(\"app:worker\","
    "          \"app:processes\", process.pid(), \"w\" .. i .. \".\") assert(pid, err) end"
    "        while left > 0 do"
    "          local r = channel.select{inbox:case_receive(), events:case_receive()}"
    "          if r.channel == inbox then t.out(r.value:payload():data())"
    "          else left = left - 1 t.out(r.value.kind, r.value.from, r.value.result.value, r.value.at) end"
    "        end"
    "        t.out(tostring(function() end), tostring(inbox) ~= \"\", time.now():unix_nano())"
    "      end return {main = main}'}\n";

/* The text and the hash of one run. */
static uint64_t run(uint64_t seed, bool whole_steps, char *text, size_t room)
{
    static const wippy_lua_function functions[] = {{"out", lua_kit_out}};
    static lua_kit kit;
    wippy_desc desc;
    wippy_host_desc host;
    wippy_lua_module_desc module;
    wippy_spawn_desc spawn;
    wippy_sim_info info;
    wippy_diag diag;
    memset(&kit, 0, sizeof(kit));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&module, 0, sizeof(module));
    memset(&spawn, 0, sizeof(spawn));
    memset(&info, 0, sizeof(info));
    test_heap_init(&kit.heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &kit.heap;
    desc.sim.on = true;
    desc.sim.seed = seed;
    desc.sim.whole_steps = whole_steps;
    CHECK_EQ_INT(wippy_create(&kit.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_open(kit.rt, NULL), WIPPY_OK);
    module.name = "t";
    module.functions = functions;
    module.function_count = 1;
    module.user_data = &kit;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_OK);
    host.name = "app:processes";
    host.workers = 3;
    host.exit_fn = lua_kit_exit;
    host.user_data = &kit;
    CHECK_EQ_INT(wippy_host_create(kit.rt, &host, &kit.host), WIPPY_OK);
    if (wippy_load_text(kit.rt, "program.yaml", program, strlen(program), &diag) != WIPPY_OK) {
        FAIL("%s", diag.message);
    }
    spawn.entry = "app:main";
    spawn.host = kit.host;
    if (wippy_spawn(wippy_outside(kit.rt), &spawn, NULL, &diag) != WIPPY_OK) {
        FAIL("%s", diag.message);
    }
    CHECK_EQ_INT(wippy_sim_run(kit.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(kit.exits, 5);
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    CHECK_EQ_INT(wippy_sim_stats(kit.rt, &info), WIPPY_OK);
    snprintf(text, room, "%s", kit.out);
    lua_kit_close(&kit);
    return info.hash;
}

TEST(test_sim_lua_same_seed_prints_the_same)
{
    static char first[16384], second[16384];
    for (uint64_t seed = 0; seed < 10; seed++) {
        uint64_t a = run(seed, seed % 2 == 0, first, sizeof(first));
        uint64_t b = run(seed, seed % 2 == 0, second, sizeof(second));
        CHECK(a == b);
        CHECK_STR(first, second);
        CHECK(strstr(first, "w4.3table") != NULL);
        CHECK(strstr(first, "0x") != NULL); /* pids; an address would not repeat */
    }
}

/* Only who works when, without numbers of chance: the order itself. */
static void order(const char *text, char *out, size_t room)
{
    size_t at = 0;
    for (; text != NULL && at + 8 < room; text = strchr(text, '\n'), text = text ? text + 1 : NULL) {
        if (text[0] == 'w') {
            at += (size_t)snprintf(out + at, room - at, "%.4s ", text);
        }
    }
    out[at] = '\0';
}

TEST(test_sim_lua_other_seeds_interleave_otherwise)
{
    static char text[16384], orders[12][256];
    uint32_t different = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        (void)run(100 + seed, false, text, sizeof(text));
        order(text, orders[seed], sizeof(orders[seed]));
        CHECK(strlen(orders[seed]) == 12 * 5);
        different += seed > 0 && strcmp(orders[seed], orders[0]) != 0 ? 1 : 0;
    }
    CHECK(different >= 8);
}

TEST_MAIN(TEST_ENTRY(test_sim_lua_same_seed_prints_the_same),
          TEST_ENTRY(test_sim_lua_other_seeds_interleave_otherwise))
