/* The rows in Lua. The programs are in lua.yaml; here is what starts them and a module `bench`:

     bench.start() bench.stop()   what is between is measured
     bench.count(n)               work done; must come out as expected
     bench.now()                  monotonic nanoseconds
     bench.cpu()                  seconds of processor time of the program
     bench.value(index, number)   a result that the program found itself

   A main process gets the host and a number, and returns "done". */
#include "bench.h"

#include <lauxlib.h>
#include <lua.h>

#define PROGRAMS "tools/bench/lua.yaml"

/* ---- the module ---- */

static bench *bench_of(lua_State *L)
{
    return (bench *)wippy_lua_user_data(L, "bench");
}

static int module_start(lua_State *L)
{
    bench_of(L)->took_ns = bench_now_ns();
    return 0;
}

static int module_stop(lua_State *L)
{
    bench_of(L)->took_ns = bench_now_ns() - bench_of(L)->took_ns;
    return 0;
}

static int module_count(lua_State *L)
{
    bench_count(bench_of(L), (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

static int module_now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)bench_now_ns());
    return 1;
}

static int module_cpu(lua_State *L)
{
    lua_pushnumber(L, bench_seconds(CLOCK_PROCESS_CPUTIME_ID));
    return 1;
}

static int module_value(lua_State *L)
{
    lua_Integer index = luaL_checkinteger(L, 1);
    luaL_argcheck(L, index >= 0 && index < BENCH_VALUES_MAX, 1, "0 to 7");
    bench_of(L)->lua_values[index] = luaL_checknumber(L, 2);
    return 0;
}

static const wippy_lua_function functions[] = {
    {"start", module_start}, {"stop", module_stop}, {"count", module_count},
    {"now", module_now},     {"cpu", module_cpu},   {"value", module_value},
};

/* ---- a runtime with the programs ---- */

static void exited(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    char text[512];
    bench *b = (bench *)user_data;
    (void)rt;
    if (info->result == WIPPY_OK && wippy_value_type_of(info->value) == WIPPY_STRING) {
        bench_finish(b);
    } else if (info->result != WIPPY_OK && __atomic_load_n(&b->data, __ATOMIC_ACQUIRE) == NULL) {
        (void)wippy_value_to_text(info->value, text, sizeof(text));
        fprintf(stderr, "bench: a Lua process failed: %s\n", text);
        exit(1);
    }
}

static char *read_programs(void)
{
    FILE *file = fopen(PROGRAMS, "r");
    char *text = (char *)calloc(1, 65536);
    size_t size = file != NULL ? fread(text, 1, 65535, file) : 0;
    if (size == 0 || size == 65535) {
        fprintf(stderr, "bench: %s cannot be read; run from the top of the tree\n", PROGRAMS);
        exit(1);
    }
    fclose(file);
    return text;
}

static void load_programs(bench *b)
{
    char *text = read_programs();
    bench_load(b, PROGRAMS, text);
    free(text);
}

static void open_lua(bench *b, uint32_t workers, const wippy_desc *desc)
{
    wippy_lua_module_desc module;
    wippy_host_desc host;
    wippy_result r;
    memset(b, 0, sizeof(*b));
    b->is_pump = workers == 0;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->finished, NULL);
    memset(&module, 0, sizeof(module));
    module.name = "bench";
    module.functions = functions;
    module.function_count = sizeof(functions) / sizeof(functions[0]);
    module.user_data = b;
    memset(&host, 0, sizeof(host));
    host.name = "bench:pool";
    host.kind = workers == 0 ? WIPPY_HOST_PUMP : WIPPY_HOST_POOL;
    host.workers = workers;
    host.exit_fn = exited;
    host.user_data = b;
    r = wippy_create(&b->rt, desc);
    r = r == WIPPY_OK ? wippy_lua_open(b->rt, NULL) : r;
    r = r == WIPPY_OK ? wippy_lua_module(b->rt, &module) : r;
    r = r == WIPPY_OK ? wippy_host_create(b->rt, &host, &b->host) : r;
    if (r != WIPPY_OK) {
        bench_die("lua", r);
    }
    load_programs(b);
}

static void close_lua(bench *b)
{
    __atomic_store_n(&b->data, b, __ATOMIC_RELEASE); /* who fails from now on is being terminated */
    bench_close(b);
}

/* Run a main process to its end; answers the seconds between its start() and stop(). */
static double run_main(bench *b, const char *entry, int64_t n)
{
    wippy_spawn_desc desc;
    wippy_writer writer;
    wippy_slice input;
    wippy_diag diag;
    wippy_writer_init(&writer, b->rt);
    wippy_write_cstring(&writer, "bench:pool");
    wippy_write_int(&writer, n);
    (void)wippy_writer_finish(&writer, &input);
    memset(&desc, 0, sizeof(desc));
    desc.entry = entry;
    desc.host = b->host;
    desc.data = input.data;
    desc.size = input.size;
    desc.count = 2;
    bench_expect(b, 1);
    if (wippy_spawn(wippy_outside(b->rt), &desc, NULL, &diag) != WIPPY_OK) {
        fprintf(stderr, "bench: %s: %s\n", entry, diag.message);
        exit(1);
    }
    (void)bench_await(b);
    wippy_writer_free(&writer);
    return (double)b->took_ns * 1e-9;
}

/* ---- rows ---- */

/* Twice in one runtime, the second time counts. A main process is given n and does `things` of it each;
   answers things in a second. entries: YAML that is loaded too, or NULL. */
static double run_with(uint32_t workers, const wippy_desc *desc, const char *entries,
                       const char *entry, uint64_t n, uint64_t things)
{
    bench b;
    uint64_t expected = bench_scaled(n) * things;
    double took;
    open_lua(&b, workers, desc);
    if (entries != NULL) {
        bench_load(&b, "more entries", entries);
    }
    (void)run_main(&b, entry, (int64_t)bench_scaled(n) / 10);
    bench_settle(&b);
    __atomic_store_n(&b.counted, 0, __ATOMIC_RELAXED);
    took = run_main(&b, entry, (int64_t)bench_scaled(n));
    bench_settle(&b);
    bench_check(entry, __atomic_load_n(&b.counted, __ATOMIC_RELAXED), expected);
    close_lua(&b);
    bench_worked += expected + expected / 10; /* the first run is a tenth */
    return (double)expected / took;
}

static double run_row(uint32_t workers, const wippy_desc *desc, const char *entry, uint64_t n,
                      uint64_t things)
{
    return run_with(workers, desc, NULL, entry, n, things);
}

static void row_pingpong(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:pingpong", 200000, 1);
}

static void row_ring1(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:ring1", 200000, 1);
}

static void row_ring100(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:ring100", 200000, 1);
}

static void row_fanin(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:fanin", 50000, 4);
}

static void row_random(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:random", 200000, 1);
}

static void row_spawn(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:spawn", 20000, 1);
}

static void row_spawn_typical(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:spawn_typical", 10000, 1);
}

static void row_spawnwait(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:spawnwait", 20000, 1);
}

static void row_tree(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:tree", 10000, 1);
}

static void row_call(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:call", 100000, 1);
}

static void row_funcs(uint32_t workers, double *values)
{
    values[0] = run_row(workers, NULL, "b:funcs", 20000, 1);
}

/* Bytes of each of many idle processes that the entry `crowd` has spawned. */
static void run_crowd(uint32_t workers, const char *crowd, int64_t count, double *values)
{
    bench b;
    wippy_host_info info;
    double before;
    open_lua(&b, workers, NULL);
    before = bench_resident_bytes();
    (void)run_main(&b, crowd, count);
    bench_settle(&b);
    values[0] = (bench_resident_bytes() - before) / (double)count;
    (void)wippy_host_stats(b.rt, b.host, &info);
    bench_check("idle processes", info.processes, (uint64_t)count);
    close_lua(&b);
}

static void row_bytes(uint32_t workers, double *values)
{
    run_crowd(workers, "b:crowd", 100000, values);
}

static void row_bytes_typical(uint32_t workers, double *values)
{
    run_crowd(workers, "b:crowd_typical", 30000, values);
}

/* Values 0..3: processor time in all, to set, and lateness, as in timers.c. */
static void run_timers(uint32_t workers, int64_t count, double *values)
{
    bench b;
    double start;
    open_lua(&b, workers, NULL);
    start = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    (void)run_main(&b, "b:timers", count);
    memcpy(values, b.lua_values, sizeof(b.lua_values));
    values[0] = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    bench_check("timers", b.counted, (uint64_t)count);
    close_lua(&b);
}

static void row_timers(uint32_t workers, double *values)
{
    run_timers(workers, 20000, values);
}

static void row_timers_many(uint32_t workers, double *values)
{
    run_timers(workers, 100000, values);
}

static void row_latency(uint32_t workers, double *values)
{
    bench b;
    open_lua(&b, workers, NULL);
    (void)run_main(&b, "b:latency", 50000);
    memcpy(values, b.lua_values, sizeof(b.lua_values));
    bench_check("answers", b.counted, 50000);
    close_lua(&b);
}

/* Two switches, what each costs three programs when it is on and not used; see switches.c. */

static const struct {
    const char *entry;
    uint64_t n;
} switch_programs[] = {{"b:pingpong", 100000}, {"b:call", 50000}, {"b:spawn", 10000}};

#define SWITCH_PROGRAMS (sizeof(switch_programs) / sizeof(switch_programs[0]))

static void run_switch(uint32_t workers, const wippy_desc *off, const char *on, double *values)
{
    double with[BENCH_SWITCH_ROUNDS], without[BENCH_SWITCH_ROUNDS];
    size_t p;
    int i;
    for (p = 0; p < SWITCH_PROGRAMS; p++) {
        const char *entry = switch_programs[p].entry;
        uint64_t n = switch_programs[p].n;
        for (i = 0; i < BENCH_SWITCH_ROUNDS; i++) {
            with[i] = run_with(workers, NULL, on, entry, n, 1);
            without[i] = run_with(workers, off, NULL, entry, n, 1);
        }
        values[p] = bench_switch_cost(with, without);
    }
}

static void row_slices(uint32_t workers, double *values)
{
    wippy_desc off;
    bench_switch_slices_off(&off);
    run_switch(workers, &off, NULL, values);
}

static void row_policies(uint32_t workers, double *values)
{
    char *policies = bench_switch_policies();
    run_switch(workers, NULL, policies, values);
    free(policies);
}

const bench_row bench_lua_rows[] = {
    {"lua", row_pingpong, 0, {{"pingpong", "messages/s"}}},
    {"lua", row_ring1, 0, {{"ring1", "hops/s"}}},
    {"lua", row_ring100, 0, {{"ring100", "hops/s"}}},
    {"lua", row_fanin, 0, {{"fanin", "messages/s"}}},
    {"lua", row_random, 0, {{"random", "messages/s"}}},
    {"lua", row_spawn, 0, {{"spawn", "processes/s"}}},
    {"lua", row_spawn_typical, 0, {{"spawn_typical", "processes/s"}}},
    {"lua", row_spawnwait, 0, {{"spawnwait", "processes/s"}}},
    {"lua", row_tree, 0, {{"tree", "leaves/s"}}},
    {"lua", row_call, 0, {{"call", "round trips/s"}}},
    {"lua", row_funcs, 0, {{"funcs", "function calls/s"}}},
    {"lua", row_bytes, 0, {{"bytes", "bytes/process"}}},
    {"lua", row_bytes_typical, 0, {{"bytes_typical", "bytes/process"}}},
    {"lua",
     row_timers,
     0,
     {{"timers", "s of CPU, 20,000"},
      {"timers_set", "s of CPU, 20,000"},
      {"timers_late_p50", "us"},
      {"timers_late_p99", "us"}}},
    {"lua",
     row_timers_many,
     0,
     {{"timers_100k", "s of CPU, 100,000"},
      {"timers_100k_set", "s of CPU, 100,000"},
      {"timers_100k_late_p50", "us"},
      {"timers_100k_late_p99", "us"}}},
    {"lua",
     row_slices,
     1,
     {{"slices_cost", "% of pingpong"},
      {"slices_cost_call", "% of call"},
      {"slices_cost_spawn", "% of spawn"}}},
    {"lua",
     row_policies,
     1,
     {{"policies_cost", "% of pingpong"},
      {"policies_cost_call", "% of call"},
      {"policies_cost_spawn", "% of spawn"}}},
    {"lua", row_latency, 1, {{"latency", "us"}, {"latency_p99", "us"}, {"latency_p999", "us"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
