/* The system says no: threads, descriptors, files, directories; and its clock jumps, stands still, goes
   back. Every answer is good or an error with its code, what was is still there, the next try works, and
   everything ends. */
#define _DEFAULT_SOURCE
#include "faults.h"

#include "../core_kit.h"
#include "wippy_lua.h"

#include <unistd.h>

static wippy_runtime *open_runtime(fault_run *run, bool lua)
{
    wippy_desc desc;
    wippy_runtime *rt = NULL;
    memset(&desc, 0, sizeof(desc));
    desc.allocator = fault_allocator(run);
    desc.random_seed = 1;
    CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_OK);
    if (lua && rt) {
        CHECK_EQ_INT(wippy_lua_open(rt, NULL), WIPPY_OK);
    }
    return rt;
}

static bool open_core(core *c, fault_run *run, wippy_host_kind kind)
{
    memset(c, 0, sizeof(*c));
    c->rt = open_runtime(run, false);
    c->out = wippy_outside(c->rt);
    return CHECK_EQ_INT(core_types(c), WIPPY_OK) &&
           CHECK_EQ_INT(core_add_host(c, "app:main", kind, 2, &c->host), WIPPY_OK);
}

static void close_core(core *c)
{
    CHECK_EQ_INT(wippy_destroy(c->rt), WIPPY_OK);
}

/* A failure of the system: not one of memory of ours only. */
static bool system_says_no(wippy_result r)
{
    return r == WIPPY_ERR_NOMEM || r == WIPPY_ERR_IO || r == WIPPY_ERR_INTERNAL ||
           r == WIPPY_ERR_UNAVAILABLE;
}

/* ------------------------------------------------------------------ threads */

static void scenario_host(fault_run *run, void *arg)
{
    wippy_host host = {0};
    core_actor a = {0};
    core c;
    (void)arg;
    fault_hold(run);
    REQUIRE(open_core(&c, run, WIPPY_HOST_PUMP));
    fault_begin(run);
    wippy_result r = core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 3, &host);
    CHECK(r == WIPPY_OK || system_says_no(r));
    CHECK_EQ_INT(host.id != 0, r == WIPPY_OK);
    wippy_result resized = r == WIPPY_OK ? wippy_host_resize(c.rt, host, 5) : WIPPY_OK;
    CHECK(resized == WIPPY_OK || system_says_no(resized));
    fault_disarm(run);
    if (r != WIPPY_OK) {
        wippy_host none = {0};
        CHECK_EQ_INT(wippy_host_find(c.rt, "app:pool", &none), WIPPY_ERR_NOTFOUND);
        CHECK_EQ_INT(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 3, &host), WIPPY_OK);
    }
    if (resized != WIPPY_OK) {
        CHECK_EQ_INT(wippy_host_resize(c.rt, host, 5), WIPPY_OK);
    }
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, host, 0, NULL), WIPPY_OK);
    CHECK(core_wait(&a.steps, 1));
    CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK);
    CHECK(core_wait(&a.closes, 1));
    close_core(&c);
}

TEST(test_faults_threads_of_a_host)
{
    CHECK(fault_sweep(FAULT_THREAD, scenario_host, NULL) >= 5);
}

static wippy_result blocking_work(void *arg, wippy_writer *out)
{
    (void)arg;
    wippy_write_int(out, 7);
    return WIPPY_OK;
}

static void blocking_drop(void *arg)
{
    TEST_ATOMIC_ADD((uint32_t *)arg, 1u);
}

static wippy_status ask_blocking(wippy_self *self, core_actor *a)
{
    for (int i = 0; i < 6; i++) {
        wippy_result r = wippy_blocking(self, blocking_work, a->arg, blocking_drop, 1, NULL);
        CHECK(r == WIPPY_PENDING || system_says_no(r));
        a->number += r == WIPPY_PENDING ? 1 : 0;
    }
    return WIPPY_IDLE;
}

/* What was accepted is done, with as many threads as there are. */
static void scenario_blocking(fault_run *run, void *arg)
{
    core_actor a = {0};
    uint32_t dropped = 0;
    core c;
    (void)arg;
    fault_hold(run);
    REQUIRE(open_core(&c, run, WIPPY_HOST_PUMP));
    a.on_start = ask_blocking;
    a.arg = &dropped;
    fault_begin(run);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, c.host, 0, NULL), WIPPY_OK);
    core_run(&c);
    CHECK(core_pump_until(&c, &a.count, (uint32_t)a.number));
    fault_disarm(run);
    CHECK(core_wait(&dropped, (uint32_t)a.number));
    CHECK_EQ_INT(a.number, 6); /* without any thread the caller does the work itself */
    close_core(&c);
    CHECK_EQ_U64(dropped, (uint64_t)a.number);
}

TEST(test_faults_threads_for_blocking_calls)
{
    CHECK(fault_sweep(FAULT_THREAD, scenario_blocking, NULL) >= 1);
}

static const char service_text[] =
    "namespace: app\nentries:\n"
    "  - {name: h, kind: process.host, host: {workers: 2}, lifecycle: {auto_start: true, restart: "
    "{initial_delay: 1ms, max_delay: 5ms}}}\n"
    "  - {name: p, kind: process.lua, method: main, source: 'return {main = function() "
    "process.events():receive() end}'}\n"
    "  - {name: s, kind: process.service, process: p, host: h, lifecycle: {auto_start: true, "
    "requires: [h], restart: {initial_delay: 1ms, max_delay: 5ms}}}\n";

static bool service_runs(void *arg)
{
    wippy_service_info info;
    return wippy_service_state((wippy_runtime *)arg, "app:s", &info) == WIPPY_OK &&
           info.status == WIPPY_SERVICE_RUNNING;
}

/* A host that gets no threads is a service that failed, and is tried again. */
static void scenario_services(fault_run *run, void *arg)
{
    wippy_host none = {0};
    (void)arg;
    fault_hold(run);
    wippy_runtime *rt = open_runtime(run, true);
    REQUIRE(wippy_load_text(rt, "services", service_text, sizeof(service_text) - 1, NULL) ==
            WIPPY_OK);
    fault_begin(run);
    wippy_result r = wippy_services_start(rt, none);
    CHECK(r == WIPPY_OK || system_says_no(r));
    if (r == WIPPY_OK) {
        r = wippy_services_wait(rt, 20000000, NULL);
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_UNAVAILABLE || r == WIPPY_ERR_TIMEOUT);
        fault_disarm(run);
    } else {
        fault_disarm(run);
        CHECK_EQ_INT(wippy_services_start(rt, none), WIPPY_OK);
    }
    CHECK_WAIT(service_runs, rt, 20000);
    CHECK_EQ_INT(wippy_services_stop(rt, UINT64_MAX), WIPPY_OK);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST(test_faults_threads_of_services)
{
    CHECK(fault_sweep(FAULT_THREAD, scenario_services, NULL) >= 3);
}

/* ------------------------------------------------------------------ locks */

static const char locks_text[] =
    "namespace: app\nentries:\n"
    "  - {name: mem, kind: env.storage.memory}\n"
    "  - {name: os, kind: env.storage.os}\n"
    "  - {name: router, kind: env.storage.router, storages: [mem, os]}\n"
    "  - {name: var, kind: env.variable, variable: VAR, storage: 'app:router', default: d}\n"
    "  - {name: p, kind: process.native, type: actor}\n"
    "  - {name: h, kind: process.host, host: {workers: 2}, lifecycle: {auto_start: true, restart: "
    "{initial_delay: 1ms, max_delay: 5ms}}}\n";

static bool host_runs(void *arg)
{
    wippy_service_info info;
    return wippy_service_state((wippy_runtime *)arg, "app:h", &info) == WIPPY_OK &&
           info.status == WIPPY_SERVICE_RUNNING;
}

/* What must be made is made, or is not there; what was not is made later. */
static void scenario_locks(fault_run *run, void *arg)
{
    wippy_host pool = {0}, none = {0};
    core_actor a = {0};
    uint32_t dropped = 0;
    wippy_desc desc;
    core c;
    (void)arg;
    memset(&c, 0, sizeof(c));
    memset(&desc, 0, sizeof(desc));
    desc.allocator = fault_allocator(run);
    wippy_result r = wippy_create(&c.rt, &desc);
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(r, WIPPY_ERR_NOMEM);
        fault_disarm(run);
        REQUIRE(wippy_create(&c.rt, &desc) == WIPPY_OK);
    }
    c.out = wippy_outside(c.rt);
    REQUIRE(core_types(&c) == WIPPY_OK);
    r = core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 2, &pool);
    CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOMEM);
    wippy_result resized = r == WIPPY_OK ? wippy_host_resize(c.rt, pool, 3) : WIPPY_OK;
    CHECK(resized == WIPPY_OK || resized == WIPPY_ERR_NOMEM);
    wippy_result loaded =
        wippy_load_text(c.rt, "locks", locks_text, sizeof(locks_text) - 1, NULL);
    CHECK(loaded == WIPPY_OK || loaded == WIPPY_ERR_NOMEM);
    a.arg = &dropped;
    a.on_start = ask_blocking;
    if (r == WIPPY_OK) {
        wippy_result spawned = core_spawn_by(&c, c.out, &a, pool, 0, NULL);
        CHECK(spawned == WIPPY_OK || spawned == WIPPY_ERR_NOMEM);
        CHECK(spawned != WIPPY_OK || core_wait(&a.steps, 1));
    }
    wippy_result started = wippy_services_start(c.rt, none);
    CHECK(started == WIPPY_OK || started == WIPPY_ERR_NOMEM);
    if (started == WIPPY_OK && loaded == WIPPY_OK) {
        wippy_result waited = wippy_services_wait(c.rt, 20000000, NULL);
        CHECK(waited == WIPPY_OK || waited == WIPPY_ERR_UNAVAILABLE ||
              waited == WIPPY_ERR_TIMEOUT);
    }
    fault_disarm(run);
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 2, &pool), WIPPY_OK);
    }
    if (started != WIPPY_OK) {
        CHECK_EQ_INT(wippy_services_start(c.rt, none), WIPPY_OK);
    }
    if (loaded != WIPPY_OK) {
        CHECK_EQ_INT(wippy_load_text(c.rt, "locks", locks_text, sizeof(locks_text) - 1, NULL),
                     WIPPY_OK);
    }
    CHECK_WAIT(host_runs, c.rt, 20000);
    CHECK_EQ_INT(wippy_host_resize(c.rt, pool, 4), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_stop(c.rt, UINT64_MAX), WIPPY_OK);
    close_core(&c);
    CHECK_EQ_U64(dropped, (uint64_t)a.number);
}

TEST(test_faults_locks)
{
    CHECK(fault_sweep(FAULT_LOCK, scenario_locks, NULL) > 50);
}

/* ------------------------------------------------------------------ descriptors */

static wippy_status wait_for_pipe(wippy_self *self, core_actor *a)
{
    const int *ends = (const int *)a->arg;
    a->answer = wippy_wait_fd(self, ends[0], WIPPY_FD_READ, 3, NULL);
    CHECK(a->answer == WIPPY_PENDING || system_says_no(a->answer));
    return WIPPY_IDLE;
}

int __real_pipe(int ends[2]);

static void descriptors_on(fault_run *run, wippy_host_kind kind)
{
    core_actor a = {0}, b = {0};
    int ends[2];
    core c;
    fault_hold(run);
    REQUIRE(__real_pipe(ends) == 0);
    REQUIRE(open_core(&c, run, kind));
    a.on_start = wait_for_pipe;
    a.arg = ends;
    a.deaf = true;
    b = a;
    fault_begin(run);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, c.host, 0, NULL), WIPPY_OK);
    kind == WIPPY_HOST_PUMP ? core_run(&c) : (void)CHECK(core_wait(&a.steps, 1));
    fault_disarm(run);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, c.host, 0, NULL), WIPPY_OK);
    kind == WIPPY_HOST_PUMP ? core_run(&c) : (void)CHECK(core_wait(&b.steps, 1));
    CHECK_EQ_INT(b.answer, WIPPY_PENDING); /* the next try works */
    if (kind == WIPPY_HOST_PUMP) {
        CHECK(core_pump_until(&c, &b.count, 1));
        CHECK(a.answer != WIPPY_PENDING || core_pump_until(&c, &a.count, 1));
    } else {
        CHECK(core_wait(&b.count, 1));
        CHECK(a.answer != WIPPY_PENDING || core_wait(&a.count, 1));
    }
    CHECK_EQ_INT(b.seen[0].kind, WIPPY_MAIL_DONE);
    CHECK_EQ_INT(b.seen[0].result, WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(c.out, b.pid), WIPPY_OK);
    close_core(&c);
    close(ends[0]);
    close(ends[1]);
}

static void scenario_descriptors(fault_run *run, void *arg)
{
    descriptors_on(run, *(const wippy_host_kind *)arg);
}

TEST(test_faults_pollers)
{
    wippy_host_kind pump = WIPPY_HOST_PUMP;
    wippy_host_kind pool = WIPPY_HOST_POOL;
    CHECK(fault_sweep(FAULT_POLL, scenario_descriptors, &pump) >= 2);
    CHECK(fault_sweep(FAULT_POLL, scenario_descriptors, &pool) >= 2);
    CHECK(fault_sweep(FAULT_THREAD, scenario_descriptors, &pool) >= 1);
    CHECK(fault_sweep(FAULT_LOCK, scenario_descriptors, &pool) >= 1);
}

/* ------------------------------------------------------------------ files */

static void make_project(const char *name)
{
    fault_make_project(name);
    fault_put_file("src/_index.yaml",
                   "namespace: app\nentries:\n  - {name: f, kind: function.lua, method: "
                   "main, source: 'file://f.lua'}\n");
    fault_put_file("src/f.lua", "return {main = function(a) return a end}\n");
    fault_put_file("src/deeper/_index.yaml",
                   "namespace: deeper\nentries:\n  - {name: x, kind: registry.entry, n: 1}\n");
}

static unsigned warnings;

static void note_warning(const wippy_log_record *record, void *user_data)
{
    (void)user_data;
    warnings += record->level >= WIPPY_LOG_WARN ? 1u : 0u;
}

/* A load goes on without a file it cannot read, and warns; what it cannot know whole, it refuses. A
   reload is strict. */
static void scenario_project(fault_run *run, void *arg)
{
    static uint64_t whole;
    static uint64_t changed;
    wippy_project_desc desc;
    wippy_desc options;
    wippy_runtime *rt = NULL;
    wippy_diag diag;
    (void)arg;
    memset(&desc, 0, sizeof(desc));
    memset(&options, 0, sizeof(options));
    memset(&diag, 0, sizeof(diag));
    fault_hold(run);
    fault_put_file("src/deeper/_index.yaml",
             "namespace: deeper\nentries:\n  - {name: x, kind: registry.entry, n: 1}\n");
    options.allocator = fault_allocator(run);
    options.log_fn = note_warning;
    REQUIRE(wippy_create(&rt, &options) == WIPPY_OK && wippy_lua_open(rt, NULL) == WIPPY_OK);
    desc.directory = fault_directory;
    uint64_t empty = fault_picture(rt);
    warnings = 0;
    fault_begin(run);
    wippy_result r = wippy_load_project(rt, &desc, &diag);
    uint64_t loaded = fault_picture(rt);
    if (run->undisturbed) {
        whole = loaded;
    }
    if (r == WIPPY_OK) {
        CHECK(warnings > 0 || loaded == whole);
    } else {
        CHECK(loaded == empty);
        CHECK(diag.message[0] != '\0');
    }
    /* Half of the sweep's calls are those of the reload. */
    bool fine = r == WIPPY_OK && warnings == 0;
    fault_put_file("src/deeper/_index.yaml",
             "namespace: deeper\nentries:\n  - {name: y, kind: registry.entry, n: 2}\n");
    if (fine) {
        memset(&diag, 0, sizeof(diag));
        r = wippy_reload_project(rt, &desc, NULL, NULL, &diag);
        if (run->undisturbed) {
            changed = fault_picture(rt);
        }
        if (fault_picture(rt) != (r == WIPPY_OK ? changed : whole)) {
            FAIL("a reload that is neither: %s %s", wippy_result_name(r), diag.message);
        }
        CHECK(r == WIPPY_OK || diag.message[0] != '\0');
    }
    fault_disarm(run);
    r = wippy_reload_project(rt, &desc, NULL, NULL, &diag);
    if (loaded != empty) {
        CHECK_EQ_INT(r, WIPPY_OK);
        CHECK_EQ_U64(fault_picture(rt), changed);
    }
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

static void sweep_project(fault_kind kind, const char *name)
{
    make_project(name);
    CHECK(fault_sweep(kind, scenario_project, NULL) >= 2);
    fault_remove_project();
}

TEST(test_faults_files_that_do_not_read)
{
    sweep_project(FAULT_READ, "read");
}

TEST(test_faults_directories_that_do_not_list)
{
    sweep_project(FAULT_LIST, "list");
}

TEST(test_faults_files_that_say_nothing_of_themselves)
{
    sweep_project(FAULT_STAT, "stat");
}

/* A variable in a file: written whole, or the file is as it was. */
static void scenario_env(fault_run *run, void *arg)
{
    static const char before[] = "# head\nA=old\n";
    char text[400];
    char value[64];
    wippy_diag diag;
    (void)arg;
    memset(&diag, 0, sizeof(diag));
    fault_hold(run);
    fault_put_file("vars.env", before);
    wippy_runtime *rt = open_runtime(run, false);
    int size = snprintf(text, sizeof(text),
                        "namespace: app\nentries:\n"
                        "  - {name: file, kind: env.storage.file, file_path: '%s/vars.env'}\n"
                        "  - {name: a, kind: env.variable, variable: A, storage: 'app:file'}\n",
                        fault_directory);
    REQUIRE(wippy_load_text(rt, "env", text, (size_t)size, NULL) == WIPPY_OK);
    wippy_self *out = wippy_outside(rt);
    fault_begin(run);
    wippy_result set = wippy_env_set(out, "A", "new", &diag);
    wippy_result get = wippy_env_get(out, "A", value, sizeof(value), NULL, NULL);
    fault_disarm(run);
    CHECK(set == WIPPY_OK || set == WIPPY_ERR_IO || set == WIPPY_ERR_DENIED ||
          set == WIPPY_ERR_NOTFOUND);
    CHECK(set == WIPPY_OK || diag.message[0] != '\0');
    CHECK(fault_file_is("vars.env", set == WIPPY_OK ? "# head\nA=new\n" : before));
    CHECK(get == WIPPY_OK || get == WIPPY_ERR_IO || get == WIPPY_ERR_DENIED ||
          get == WIPPY_ERR_NOTFOUND);
    if (get == WIPPY_OK) {
        CHECK_STR(value, set == WIPPY_OK ? "new" : "old");
    }
    CHECK_EQ_INT(wippy_env_set(out, "A", "again", NULL), WIPPY_OK);
    CHECK(fault_file_is("vars.env", "# head\nA=again\n"));
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST(test_faults_variables_in_files)
{
    static const fault_kind kinds[] = {FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_RENAME,
                                       FAULT_STAT};
    make_project("env");
    for (size_t i = 0; i < TEST_COUNT(kinds); i++) {
        (void)fault_sweep(kinds[i], scenario_env, NULL);
    }
    CHECK(fault_sweep(FAULT_WRITE, scenario_env, NULL) >= 1);
    fault_remove_project();
}

/* Opening fails, with the project's own files written before: load only. */
static void scenario_open(fault_run *run, void *arg)
{
    static uint64_t whole;
    wippy_project_desc desc;
    wippy_desc options;
    wippy_runtime *rt = NULL;
    wippy_diag diag;
    (void)arg;
    memset(&desc, 0, sizeof(desc));
    memset(&options, 0, sizeof(options));
    memset(&diag, 0, sizeof(diag));
    fault_hold(run);
    options.allocator = fault_allocator(run);
    options.log_fn = note_warning;
    REQUIRE(wippy_create(&rt, &options) == WIPPY_OK && wippy_lua_open(rt, NULL) == WIPPY_OK);
    desc.directory = fault_directory;
    uint64_t empty = fault_picture(rt);
    warnings = 0;
    fault_begin(run);
    wippy_result r = wippy_load_project(rt, &desc, &diag);
    uint64_t loaded = fault_picture(rt);
    fault_disarm(run);
    whole = run->undisturbed ? loaded : whole;
    CHECK(r == WIPPY_OK ? warnings > 0 || loaded == whole : loaded == empty && diag.message[0]);
    if (r == WIPPY_OK) {
        CHECK_EQ_INT(wippy_reload_project(rt, &desc, NULL, NULL, &diag), WIPPY_OK);
        CHECK_EQ_U64(fault_picture(rt), whole);
    }
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST(test_faults_files_of_a_load_that_do_not_open)
{
    make_project("open");
    CHECK(fault_sweep(FAULT_OPEN, scenario_open, NULL) >= 3);
    fault_remove_project();
}

/* ------------------------------------------------------------------ the clock */

typedef struct bend {
    const char *what;
    int64_t offset_ns;
    int rate_percent;
    int64_t wall_ns;
} bend;

static const bend bends[] = {
    {"an hour forward", INT64_C(3600000000000), 100, INT64_C(3600000000000)},
    {"a second back", INT64_C(-1000000000), 100, INT64_C(-1000000000)},
    {"an hour back", INT64_C(-3600000000000), 100, INT64_C(-3600000000000)},
    {"standing still", 0, 0, 0},
    {"at a tenth", 0, 10, 0},
    {"ten times as fast", 0, 1000, 0},
    {"only the wall clock, a day back", 0, 100, INT64_C(-86400000000000)},
};

static wippy_status start_timers(wippy_self *self, core_actor *a)
{
    for (uint64_t i = 0; i < 8; i++) {
        CHECK_EQ_INT(wippy_timer(self, i * 2 * CORE_MS, i, NULL), WIPPY_PENDING);
    }
    a->rounds = 1;
    return WIPPY_IDLE;
}

/* Timers under way while the clock does it, on a pump and on a pool. In the end the clock is right
   again: then every timer fires, once, and everything stops. */
static void timers_under(const bend *b, wippy_host_kind kind)
{
    fault_run run;
    core_actor a = {0};
    wippy_runtime_info info;
    core c;
    memset(&run, 0, sizeof(run));
    test_heap_init(&run.heap);
    REQUIRE(open_core(&c, &run, kind));
    a.on_start = start_timers;
    a.deaf = true;
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, c.host, 0, NULL), WIPPY_OK);
    if (kind == WIPPY_HOST_PUMP) {
        core_run(&c);
    } else {
        CHECK(core_wait(&a.steps, 1));
    }
    fault_clock(b->offset_ns, b->rate_percent, b->wall_ns);
    uint64_t end = fault_real_ms() + 30;
    while (fault_real_ms() < end) {
        if (kind == WIPPY_HOST_PUMP) {
            CHECK_EQ_INT(wippy_pump(c.rt, c.host, 0, 0) < 0, false);
        }
        CHECK_EQ_INT(wippy_runtime_stats(c.rt, &info), WIPPY_OK);
    }
    if (b->offset_ns > 0) { /* they are all due */
        CHECK(kind == WIPPY_HOST_PUMP ? core_pump_until(&c, &a.count, 8) : core_wait(&a.count, 8));
    }
    fault_clock_reset();
    CHECK(kind == WIPPY_HOST_PUMP ? core_pump_until(&c, &a.count, 8) : core_wait(&a.count, 8));
    CHECK_EQ_U64(a.count, 8);
    for (uint32_t i = 0; i < a.count; i++) {
        CHECK_EQ_U64(a.seen[i].tag, i); /* in their order, too */
    }
    CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK);
    close_core(&c);
    CHECK_BALANCED(&run.heap);
}

TEST(test_faults_clock_timers)
{
    for (size_t i = 0; i < TEST_COUNT(bends); i++) {
        timers_under(&bends[i], WIPPY_HOST_PUMP);
        timers_under(&bends[i], WIPPY_HOST_POOL);
    }
}

/* Lua processes that sleep, tick and call on a pool, services that start and stop, while the clock is
   bent again and again: everything ends. */
static const char lua_text[] =
    "namespace: app\nentries:\n"
    "  - {name: f, kind: function.lua, method: main, modules: [time], source: 'return {main = "
    "function(a) time.sleep(\"1ms\") return a end}'}\n"
    "  - {name: w, kind: process.lua, method: main, modules: [time, funcs], source: 'return {main "
    "= "
    "function() for i = 1, 5 do time.sleep(\"1ms\") funcs.call(\"app:f\", i) time.now() "
    "local k = time.ticker(\"1ms\") k:channel():receive() k:stop() end end}'}\n";

static uint32_t ended;

static void count_end(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    (void)rt;
    (void)user_data;
    TEST_ATOMIC_ADD(&ended, info->result == WIPPY_OK ? 1u : 1000u);
}

TEST(test_faults_clock_lua_and_services)
{
    fault_run run;
    wippy_host_desc desc;
    wippy_host host, none = {0};
    memset(&run, 0, sizeof(run));
    memset(&desc, 0, sizeof(desc));
    test_heap_init(&run.heap);
    wippy_runtime *rt = open_runtime(&run, true);
    desc.name = "app:pool";
    desc.workers = 2;
    desc.exit_fn = count_end;
    CHECK_EQ_INT(wippy_host_create(rt, &desc, &host), WIPPY_OK);
    CHECK_EQ_INT(wippy_load_text(rt, "lua", lua_text, sizeof(lua_text) - 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_load_text(rt, "s", service_text, sizeof(service_text) - 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_start(rt, none), WIPPY_OK);
    ended = 0;
    for (size_t i = 0; i < TEST_COUNT(bends); i++) {
        wippy_spawn_desc spawn;
        memset(&spawn, 0, sizeof(spawn));
        spawn.entry = "app:w";
        spawn.host = host;
        CHECK_EQ_INT(wippy_spawn(wippy_outside(rt), &spawn, NULL, NULL), WIPPY_OK);
        fault_clock(bends[i].offset_ns, bends[i].rate_percent, bends[i].wall_ns);
        test_pause_ms(10);
        /* What went back comes forth again; what was started later than now would wait for its time. */
        fault_clock(bends[i].offset_ns < 0 ? -bends[i].offset_ns : 0, 100, 0);
    }
    /* 5 calls and one process each */
    CHECK(core_wait(&ended, (uint32_t)TEST_COUNT(bends) * 6));
    CHECK_EQ_U64(ended, TEST_COUNT(bends) * 6);
    CHECK_WAIT(service_runs, rt, 20000);
    CHECK_EQ_INT(wippy_services_stop(rt, UINT64_MAX), WIPPY_OK);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
    fault_clock_reset();
    CHECK_BALANCED(&run.heap);
}

TEST_MAIN(TEST_ENTRY(test_faults_threads_of_a_host),
          TEST_ENTRY(test_faults_threads_for_blocking_calls),
          TEST_ENTRY(test_faults_threads_of_services), TEST_ENTRY(test_faults_locks),
          TEST_ENTRY(test_faults_pollers),
          TEST_ENTRY(test_faults_files_that_do_not_read),
          TEST_ENTRY(test_faults_files_of_a_load_that_do_not_open),
          TEST_ENTRY(test_faults_directories_that_do_not_list),
          TEST_ENTRY(test_faults_files_that_say_nothing_of_themselves),
          TEST_ENTRY(test_faults_variables_in_files), TEST_ENTRY(test_faults_clock_timers),
          TEST_ENTRY(test_faults_clock_lua_and_services))
