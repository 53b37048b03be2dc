/* The registry, the environment, events and services without memory: allocation n is refused. Every
   answer is good or NOMEM; what was refused changed nothing (the whole registry is looked at); with memory
   again the same call succeeds. */
#define _DEFAULT_SOURCE
#include "faults.h"

#include "../core_kit.h"
#include "wippy_lua.h"

#include <unistd.h>

static wippy_runtime *open_runtime(fault_run *run)
{
    wippy_desc desc;
    wippy_runtime *rt = NULL;
    memset(&desc, 0, sizeof(desc));
    desc.allocator = fault_allocator(run);
    desc.random_seed = 1;
    wippy_result r = wippy_create(&rt, &desc);
    CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOMEM);
    return r == WIPPY_OK ? rt : NULL;
}

static void close_runtime(wippy_runtime *rt)
{
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

/* ------------------------------------------------------------------ changes of the registry */

static const char world[] =
    "version: '1.0'\nnamespace: app\nentries:\n"
    "  - {name: a, kind: registry.entry, meta: {tag: one}, x: 1}\n"
    "  - {name: lib, kind: library.lua, source: 'return {}'}\n"
    "  - {name: p, kind: process.lua, method: main, source: 'return {main = function() end}', "
    "imports: {l: lib}}\n"
    "  - {name: mem, kind: env.storage.memory}\n"
    "  - {name: var, kind: env.variable, variable: VAR, storage: 'app:mem', default: d}\n"
    "  - {name: pol, kind: security.policy, groups: [g], policy: {actions: 'a.*', resources: '*', "
    "effect: deny, conditions: [{field: resource, operator: matches, value: '^(a|b)+$'}]}}\n"
    "  - {name: exp, kind: security.policy.expr, expression: 'resource == \"x\" && action in "
    "[\"b\"]', "
    "policy: {actions: '*', resources: '*', effect: allow}}\n"
    "  - {name: srv, kind: process.service, process: p, host: h, lifecycle: {requires: [h], "
    "restart: "
    "{initial_delay: 1s}}}\n"
    "  - {name: h, kind: process.host, host: {workers: 1}}\n";

static wippy_result load_world(wippy_runtime *rt)
{
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    wippy_result r = wippy_lua_open(rt, NULL);
    r = r == WIPPY_OK ? wippy_load_text(rt, "world", world, sizeof(world) - 1, &diag) : r;
    if (r != WIPPY_OK && r != WIPPY_ERR_NOMEM) {
        FAIL("not loaded: %s %s", wippy_result_name(r), diag.message);
    }
    return r;
}

/* Loading: everything or nothing. */
static void scenario_load(fault_run *run, void *arg)
{
    static uint64_t whole;
    wippy_runtime *rt;
    (void)arg;
    fault_hold(run);
    rt = open_runtime(run);
    REQUIRE(rt != NULL && wippy_lua_open(rt, NULL) == WIPPY_OK);
    uint64_t empty = fault_picture(rt);
    fault_begin(run);
    wippy_result r = wippy_load_text(rt, "world", world, sizeof(world) - 1, NULL);
    fault_disarm(run);
    FAIR(r);
    if (run->undisturbed) {
        whole = fault_picture(rt);
    }
    CHECK_EQ_U64(fault_picture(rt), r == WIPPY_OK ? whole : empty);
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(wippy_load_text(rt, "world", world, sizeof(world) - 1, NULL), WIPPY_OK);
        CHECK_EQ_U64(fault_picture(rt), whole);
    }
    close_runtime(rt);
}

TEST(test_faults_load_is_whole_or_nothing)
{
    CHECK(fault_sweep(FAULT_ALLOC, scenario_load, NULL) > 50);
}

typedef struct wish_texts {
    wippy_entry_op op;
    const char *id;
    const char *kind;
    const char *data;
} wish_texts;

static const wish_texts first_change[] = {
    {WIPPY_ENTRY_CREATE, "app:new", "library.lua", "{source: 'return {1}'}"},
    {WIPPY_ENTRY_CREATE, "app:user", "function.lua",
     "{source: 'return {main = print}', method: main, imports: {n: 'app:new'}}"},
    {WIPPY_ENTRY_CREATE, "app:var2", "env.variable", "{variable: TWO, storage: 'app:mem'}"},
    {WIPPY_ENTRY_CREATE, "app:pol2", "security.policy",
     "{policy: {actions: [x], resources: [y], effect: allow}}"},
    {WIPPY_ENTRY_UPDATE, "app:a", NULL, "{x: 2}"},
    {WIPPY_ENTRY_UPDATE, "app:pol", NULL,
     "{policy: {actions: '*', resources: '*', effect: allow}}"},
    {WIPPY_ENTRY_UPDATE, "app:lib", NULL, "{source: 'return {2}'}"},
};
static const wish_texts second_change[] = {
    {WIPPY_ENTRY_DELETE, "app:user", NULL, NULL},
    {WIPPY_ENTRY_DELETE, "app:new", NULL, NULL},
    {WIPPY_ENTRY_DELETE, "app:pol2", NULL, NULL},
    {WIPPY_ENTRY_UPDATE, "app:a", NULL, "{x: 3}"},
};

/* The wishes are written with memory of the program. */
static wippy_result apply(wippy_runtime *rt, wippy_runtime *scratch, const wish_texts *texts,
                          size_t count, int64_t *version)
{
    wippy_registry_change changes[8];
    wippy_writer writers[8];
    memset(changes, 0, sizeof(changes));
    for (size_t i = 0; i < count; i++) {
        changes[i].op = texts[i].op;
        changes[i].id = texts[i].id;
        changes[i].kind = texts[i].kind;
        wippy_writer_init(&writers[i], scratch);
        if (texts[i].data) {
            (void)wippy_write_yaml(&writers[i], NULL, texts[i].data, strlen(texts[i].data), NULL);
            CHECK_EQ_INT(wippy_writer_finish(&writers[i], &changes[i].data), WIPPY_OK);
        }
    }
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    wippy_result r = wippy_registry_apply(rt, changes, count, version, &diag);
    if (!fault_fair(r)) {
        FAIL("%s: %s", diag.file, diag.message);
    }
    for (size_t i = 0; i < count; i++) {
        wippy_writer_free(&writers[i]);
    }
    return r;
}

typedef struct told {
    unsigned events;
} told;

static void on_change(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    (void)rt;
    (void)event;
    ((told *)user_data)->events++;
}

/* A change, another, back to the first version, forth again. After each: done, or as before. */
static void scenario_change(fault_run *run, void *arg)
{
    static uint64_t pictures[3];
    wippy_runtime *scratch = NULL;
    told listener = {0};
    wippy_runtime *rt;
    int64_t version = -7;
    wippy_snapshot *old = NULL;
    (void)arg;
    fault_hold(run);
    REQUIRE(wippy_create(&scratch, NULL) == WIPPY_OK);
    rt = open_runtime(run);
    REQUIRE(rt != NULL && load_world(rt) == WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_listen(rt, on_change, &listener), WIPPY_OK);
    pictures[0] = fault_picture(rt);
    fault_begin(run);
    wippy_result r = apply(rt, scratch, first_change, TEST_COUNT(first_change), &version);
    FAIR(r);
    if (run->undisturbed) {
        pictures[1] = fault_picture(rt);
    }
    CHECK_EQ_U64(fault_picture(rt), pictures[r == WIPPY_OK]);
    CHECK_EQ_INT(version, r == WIPPY_OK ? 1 : -7);
    CHECK_EQ_INT(wippy_version_current(rt), r == WIPPY_OK ? 1 : 0);
    CHECK_EQ_U64(listener.events, r == WIPPY_OK ? 1 : 0);
    CHECK_EQ_INT(wippy_policy_exists(rt, "app:pol2"), r == WIPPY_OK);
    if (r == WIPPY_OK) {
        r = apply(rt, scratch, second_change, TEST_COUNT(second_change), &version);
        FAIR(r);
        if (run->undisturbed) {
            pictures[2] = fault_picture(rt);
        }
        CHECK_EQ_U64(fault_picture(rt), pictures[r == WIPPY_OK ? 2 : 1]);
        CHECK_EQ_INT(wippy_policy_exists(rt, "app:pol2"), r != WIPPY_OK);
        uint64_t before = fault_picture(rt);
        wippy_result back = wippy_registry_apply_version(rt, 0, NULL);
        FAIR(back);
        CHECK_EQ_U64(fault_picture(rt), back == WIPPY_OK ? pictures[0] : before);
        FAIR(wippy_snapshot_at(rt, 1, &old));
    }
    fault_disarm(run);
    wippy_snapshot_release(rt, old);
    /* With memory everything can still be done, from wherever it is. */
    CHECK_EQ_INT(wippy_registry_apply_version(rt, 0, NULL), WIPPY_OK);
    CHECK_EQ_U64(fault_picture(rt), pictures[0]);
    CHECK_EQ_INT(apply(rt, scratch, first_change, TEST_COUNT(first_change), &version), WIPPY_OK);
    CHECK_EQ_U64(fault_picture(rt), pictures[1]);
    close_runtime(rt);
    CHECK_EQ_INT(wippy_destroy(scratch), WIPPY_OK);
}

TEST(test_faults_changes_are_whole_or_nothing)
{
    CHECK(fault_sweep(FAULT_ALLOC, scenario_change, NULL) > 50);
}

/* ------------------------------------------------------------------ projects on disk */

static void make_project(const char *name)
{
    fault_make_project(name);
    fault_put_file("src/_index.yaml", world);
    fault_put_file("src/deeper/_index.yaml",
                   "namespace: app.deeper\nentries:\n  - {name: f, kind: function.lua, source: "
                   "'file://f.lua', method: main}\n");
    fault_put_file("src/deeper/f.lua", "return {main = function(a) return a end}\n");
    fault_put_file("src/more.json", "{\"namespace\": \"more\", \"entries\": [{\"name\": \"x\", "
                                    "\"kind\": \"registry.entry\", \"n\": 1}]}");
}

static wippy_result load_project(wippy_runtime *rt)
{
    wippy_project_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.directory = fault_directory;
    return wippy_load_project(rt, &desc, NULL);
}

static void scenario_project(fault_run *run, void *arg)
{
    static uint64_t whole;
    (void)arg;
    fault_hold(run);
    wippy_runtime *rt = open_runtime(run);
    REQUIRE(rt != NULL && wippy_lua_open(rt, NULL) == WIPPY_OK);
    uint64_t empty = fault_picture(rt);
    fault_begin(run);
    wippy_result r = load_project(rt);
    fault_disarm(run);
    FAIR(r);
    if (run->undisturbed) {
        whole = fault_picture(rt);
    }
    CHECK_EQ_U64(fault_picture(rt), r == WIPPY_OK ? whole : empty);
    close_runtime(rt);
}

TEST(test_faults_project_is_whole_or_nothing)
{
    make_project("project");
    CHECK(fault_sweep(FAULT_ALLOC, scenario_project, NULL) > 50);
    fault_remove_project();
}

static void scenario_reload(fault_run *run, void *arg)
{
    static uint64_t after;
    wippy_project_desc desc;
    size_t changes = 77;
    (void)arg;
    fault_hold(run);
    fault_put_file("src/more.json", "{\"namespace\": \"more\", \"entries\": [{\"name\": \"x\", \"kind\": "
                              "\"registry.entry\", \"n\": 1}]}");
    wippy_runtime *rt = open_runtime(run);
    REQUIRE(rt != NULL && wippy_lua_open(rt, NULL) == WIPPY_OK && load_project(rt) == WIPPY_OK);
    uint64_t before = fault_picture(rt);
    fault_put_file("src/more.json", "{\"namespace\": \"more\", \"entries\": [{\"name\": \"y\", \"kind\": "
                              "\"registry.entry\", \"n\": 2}]}");
    memset(&desc, 0, sizeof(desc));
    desc.directory = fault_directory;
    fault_begin(run);
    wippy_result r = wippy_reload_project(rt, &desc, &changes, NULL, NULL);
    fault_disarm(run);
    FAIR(r);
    if (run->undisturbed) {
        after = fault_picture(rt);
        CHECK(after != before);
    }
    CHECK_EQ_U64(changes, r == WIPPY_OK ? 2 : 77);
    CHECK_EQ_U64(fault_picture(rt), r == WIPPY_OK ? after : before);
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(wippy_reload_project(rt, &desc, NULL, NULL, NULL), WIPPY_OK);
        CHECK_EQ_U64(fault_picture(rt), after);
    }
    close_runtime(rt);
}

TEST(test_faults_reload_is_whole_or_nothing)
{
    make_project("reload");
    CHECK(fault_sweep(FAULT_ALLOC, scenario_reload, NULL) > 50);
    fault_remove_project();
}

/* ------------------------------------------------------------------ environment */

static void scenario_env(fault_run *run, void *arg)
{
    static const char before[] = "# head\nA=old # keep\nB=2\n";
    char text[600];
    char value[64];
    (void)arg;
    fault_hold(run);
    fault_put_file("vars.env", before);
    wippy_runtime *rt = open_runtime(run);
    REQUIRE(rt != NULL);
    int size = snprintf(text, sizeof(text),
                        "namespace: app\nentries:\n"
                        "  - {name: file, kind: env.storage.file, file_path: '%s/vars.env'}\n"
                        "  - {name: mem, kind: env.storage.memory}\n"
                        "  - {name: both, kind: env.storage.router, storages: [mem, file]}\n"
                        "  - {name: a, kind: env.variable, variable: A, storage: 'app:file'}\n"
                        "  - {name: m, kind: env.variable, variable: M, storage: 'app:both'}\n",
                        fault_directory);
    REQUIRE(wippy_load_text(rt, "env", text, (size_t)size, NULL) == WIPPY_OK);
    wippy_self *out = wippy_outside(rt);
    fault_begin(run);
    wippy_result set = wippy_env_set(out, "A", "new", NULL);
    FAIR(set);
    wippy_result memory = wippy_env_set(out, "M", "a value in memory", NULL);
    FAIR(memory);
    wippy_result get = wippy_env_get(out, "A", value, sizeof(value), NULL, NULL);
    FAIR(get);
    fault_disarm(run);
    CHECK(fault_file_is("vars.env", set == WIPPY_OK ? "# head\nA=new # keep\nB=2\n" : before));
    if (get == WIPPY_OK) {
        CHECK_STR(value, set == WIPPY_OK ? "new" : "old");
    }
    get = wippy_env_get(out, "M", value, sizeof(value), NULL, NULL);
    CHECK_EQ_INT(get, memory == WIPPY_OK ? WIPPY_OK : WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_env_set(out, "A", "again", NULL), WIPPY_OK);
    CHECK(fault_file_is("vars.env", "# head\nA=again # keep\nB=2\n"));
    close_runtime(rt);
}

TEST(test_faults_environment_keeps_what_it_had)
{
    make_project("env");
    CHECK(fault_sweep(FAULT_ALLOC, scenario_env, NULL) > 5);
    fault_remove_project();
}

/* ------------------------------------------------------------------ events */

static wippy_status subscribe(wippy_self *self, core_actor *a)
{
    uint64_t number = 0;
    a->answer = wippy_events_subscribe(self, "test", "*", "ev", &number);
    FAIR(a->answer);
    a->number = (int64_t)number;
    return WIPPY_IDLE;
}

static wippy_status count_mail(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail;
    bool asked = false;
    while ((mail = wippy_next(self)) != NULL) {
        asked = asked || mail->kind == WIPPY_MAIL_CANCEL;
        a->count += mail->kind == WIPPY_MAIL_MESSAGE ? 1u : 0u;
    }
    return asked ? wippy_done(self) : WIPPY_IDLE;
}

static void scenario_events(fault_run *run, void *arg)
{
    core c;
    core_actor actors[3];
    char big[600];
    const uint8_t seven = 7;
    wippy_slice data = {(const char *)&seven, 1};
    uint32_t sent = 0;
    unsigned listening = 0;
    (void)arg;
    memset(&c, 0, sizeof(c));
    memset(actors, 0, sizeof(actors));
    memset(big, 'k', sizeof(big));
    big[300] = '\0';
    fault_hold(run);
    c.rt = open_runtime(run);
    REQUIRE(c.rt != NULL && core_types(&c) == WIPPY_OK);
    c.out = wippy_outside(c.rt);
    REQUIRE(core_add_host(&c, "app:main", WIPPY_HOST_PUMP, 0, &c.host) == WIPPY_OK);
    fault_begin(run);
    for (int i = 0; i < 3; i++) {
        actors[i].on_start = subscribe;
        actors[i].on_step = count_mail;
        wippy_result r = core_spawn_by(&c, c.out, &actors[i], c.host, 0, NULL);
        FAIR(r);
        core_run(&c);
        listening += r == WIPPY_OK && actors[i].answer == WIPPY_OK ? 1u : 0u;
    }
    for (int i = 0; i < 3; i++) {
        wippy_result r = wippy_events_send(c.out, "test", "kind", big, data);
        FAIR(r);
        sent += r == WIPPY_OK ? 1u : 0u;
    }
    core_run(&c);
    fault_disarm(run);
    for (int i = 0; i < 3; i++) { /* an event that was sent has arrived everywhere */
        if (actors[i].number != 0) {
            CHECK(actors[i].count >= sent && actors[i].count <= 3);
        }
    }
    CHECK_EQ_INT(wippy_events_send(c.out, "test", "kind", "last", data), WIPPY_OK);
    core_run(&c);
    unsigned heard = 0;
    for (int i = 0; i < 3; i++) {
        heard += actors[i].number != 0 && actors[i].count > sent ? 1u : 0u;
    }
    CHECK_EQ_U64(heard, listening);
    close_runtime(c.rt);
}

TEST(test_faults_events_arrive_or_are_refused)
{
    CHECK(fault_sweep(FAULT_ALLOC, scenario_events, NULL) > 5);
}

/* ------------------------------------------------------------------ services */

typedef struct crew {
    uint32_t inits;
    uint32_t closes;
} crew;

static wippy_result crew_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)state;
    (void)input;
    TEST_ATOMIC_ADD(&((crew *)wippy_self_user_data(self))->inits, 1u);
    return WIPPY_OK;
}

static wippy_status crew_step(wippy_self *self, void *state)
{
    const wippy_mail *mail;
    (void)state;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        if (mail->kind == WIPPY_MAIL_MESSAGE) {
            return wippy_fail(self, WIPPY_ERR_INTERNAL, "crashed on purpose");
        }
    }
    return WIPPY_IDLE;
}

static void crew_close(wippy_self *self, void *state)
{
    (void)state;
    TEST_ATOMIC_ADD(&((crew *)wippy_self_user_data(self))->closes, 1u);
}

/* The type `crew` and a pump host. */
static bool crew_settle(wippy_runtime *rt, crew *people, const char *name, wippy_host *host)
{
    wippy_type_desc type;
    wippy_type made;
    wippy_host_desc desc;
    memset(&type, 0, sizeof(type));
    memset(&desc, 0, sizeof(desc));
    type.name = "crew";
    type.init = crew_init;
    type.step = crew_step;
    type.close = crew_close;
    type.user_data = people;
    desc.kind = WIPPY_HOST_PUMP;
    desc.name = name;
    return CHECK_EQ_INT(wippy_type_register(rt, &type, &made), WIPPY_OK) &&
           CHECK_EQ_INT(wippy_host_create(rt, &desc, host), WIPPY_OK);
}

static bool is_running(wippy_runtime *rt, const char *id)
{
    wippy_service_info info;
    return wippy_service_state(rt, id, &info) == WIPPY_OK && info.status == WIPPY_SERVICE_RUNNING;
}

/* Pump until the service runs; it was told to, and memory is there again. */
static bool comes_back(wippy_runtime *rt, wippy_host control, wippy_host host, const char *id)
{
    uint64_t end = fault_real_ms() + 20000;
    while (!is_running(rt, id) && fault_real_ms() < end) {
        (void)wippy_pump(rt, control, UINT64_MAX, 0);
        (void)wippy_pump(rt, host, UINT64_MAX, 0);
        test_pause_ms(1);
    }
    return is_running(rt, id);
}

/* They always come to rest, with memory and without. */
static void pump_both(wippy_runtime *rt, wippy_host control, wippy_host host)
{
    for (int i = 0; i < 10; i++) {
        CHECK_EQ_INT(wippy_pump(rt, control, UINT64_MAX, 0), WIPPY_OK);
        CHECK_EQ_INT(wippy_pump(rt, host, UINT64_MAX, 0), WIPPY_OK);
    }
}

/* Start, a crash, a restart, stop, start again, on pump hosts. */
static void scenario_services(fault_run *run, void *arg)
{
    static const char text[] = "namespace: app\nentries:\n"
                               "  - {name: p, kind: process.native, type: crew}\n"
                               "  - {name: one, kind: process.service, process: p, host: main, "
                               "lifecycle: {auto_start: true, "
                               "restart: {initial_delay: 1ms, max_delay: 5ms}}}\n"
                               "  - {name: two, kind: process.service, process: p, host: main, "
                               "lifecycle: {auto_start: true, "
                               "requires: [one], restart: {initial_delay: 1ms, max_delay: 5ms}}}\n";
    crew people = {0, 0};
    wippy_host control = {0}, host = {0};
    wippy_host_desc desc;
    wippy_service_info info;
    (void)arg;
    memset(&desc, 0, sizeof(desc));
    fault_hold(run);
    wippy_runtime *rt = open_runtime(run);
    REQUIRE(rt != NULL);
    REQUIRE(crew_settle(rt, &people, "app:control", &control));
    desc.kind = WIPPY_HOST_PUMP;
    desc.name = "app:main";
    REQUIRE(wippy_host_create(rt, &desc, &host) == WIPPY_OK);
    REQUIRE(wippy_load_text(rt, "services", text, sizeof(text) - 1, NULL) == WIPPY_OK);
    fault_begin(run);
    wippy_result started = wippy_services_start(rt, control);
    FAIR(started);
    pump_both(rt, control, host);
    if (started == WIPPY_OK && is_running(rt, "app:one") &&
        wippy_service_state(rt, "app:one", &info) == WIPPY_OK) {
        wippy_topic none = {0};
        FAIR(wippy_send(wippy_outside(rt), info.pid, none, "x", 1)); /* it crashes */
        pump_both(rt, control, host);
    }
    fault_disarm(run);
    if (started != WIPPY_OK) {
        CHECK_EQ_INT(wippy_services_start(rt, control), WIPPY_OK);
    }
    if (!comes_back(rt, control, host, "app:two")) {
        /* It may have been given up as failed: then it says so, and can be asked for again. */
        REQUIRE(wippy_service_state(rt, "app:two", &info) == WIPPY_OK);
        FAIL("app:two is %s, retry in %llu, details %s", wippy_service_status_name(info.status),
             (unsigned long long)info.retry_in_ns, info.details);
    }
    CHECK_EQ_INT(wippy_services_stop(rt, 0), WIPPY_PENDING);
    uint64_t end = fault_real_ms() + 20000;
    while (wippy_services_stop(rt, 0) == WIPPY_PENDING && fault_real_ms() < end) {
        pump_both(rt, control, host);
        test_pause_ms(1);
    }
    CHECK_EQ_INT(wippy_services_stop(rt, 0), WIPPY_OK);
    CHECK_EQ_U64(people.inits, people.closes);
    close_runtime(rt);
}

TEST(test_faults_services_come_back_when_there_is_memory)
{
    CHECK(fault_sweep(FAULT_ALLOC, scenario_services, NULL) > 5);
}

/* Hosts as services, rights, changes while they run: each may find no memory. */
static const char staff_text[] =
    "namespace: app\nentries:\n"
    "  - {name: p, kind: process.native, type: crew}\n"
    "  - {name: one, kind: security.policy, groups: [staff], policy: {actions: '*', resources: '*', "
    "effect: allow}}\n"
    "  - {name: two, kind: security.policy, groups: [staff], policy: {actions: 'a', resources: '*', "
    "effect: deny}}\n"
    "  - {name: h, kind: process.host, host: {workers: 1}, lifecycle: {auto_start: true, restart: "
    "{initial_delay: 1ms, max_delay: 2ms}}}\n"
    "  - {name: t, kind: terminal.host, lifecycle: {auto_start: true, restart: {initial_delay: 1ms, "
    "max_delay: 2ms}}}\n"
    "  - {name: s, kind: process.service, process: p, host: h, input: [1, two], lifecycle: {auto_start: "
    "true, requires: [h], restart: {initial_delay: 1ms, max_delay: 2ms}, security: {actor: {id: ann, "
    "meta: {team: x}}, policies: [one, 'app:missing'], groups: [staff]}}}\n"
    "  - {name: g, kind: pg.scope, lifecycle: {auto_start: true}}\n";

static const wish_texts staff_change[] = {
    {WIPPY_ENTRY_UPDATE, "app:h", NULL,
     "{host: {workers: 3}, lifecycle: {auto_start: true, restart: {initial_delay: 1ms, max_delay: 2ms}}}"},
    {WIPPY_ENTRY_UPDATE, "app:s", NULL,
     "{process: p, host: h, input: [3], lifecycle: {auto_start: true, requires: [h], restart: "
     "{initial_delay: 1ms, max_delay: 2ms}}}"},
    {WIPPY_ENTRY_UPDATE, "app:g", NULL, "{lifecycle: {auto_start: true, stop_timeout: 1s}}"},
};
static const wish_texts staff_end[] = {{WIPPY_ENTRY_DELETE, "app:t", NULL, NULL}};

/* Some time for the supervisor's host, whose hosts are made on other threads. */
static void pump_for_ms(wippy_runtime *rt, wippy_host control, uint64_t ms, const char *until)
{
    uint64_t end = fault_real_ms() + ms;
    while (fault_real_ms() < end && !(until && is_running(rt, until))) {
        CHECK_EQ_INT(wippy_pump(rt, control, UINT64_MAX, 0), WIPPY_OK);
        test_pause_ms(until ? 1 : 0);
    }
}

static void scenario_staff(fault_run *run, void *arg)
{
    crew people = {0, 0};
    wippy_host control = {0};
    wippy_service_info info;
    wippy_runtime *scratch = NULL;
    (void)arg;
    fault_hold(run);
    REQUIRE(wippy_create(&scratch, NULL) == WIPPY_OK);
    wippy_runtime *rt = open_runtime(run);
    REQUIRE(rt != NULL);
    REQUIRE(crew_settle(rt, &people, "app:control", &control));
    REQUIRE(wippy_load_text(rt, "staff", staff_text, sizeof(staff_text) - 1, NULL) == WIPPY_OK);
    fault_begin(run);
    wippy_result started = wippy_services_start(rt, control);
    FAIR(started);
    pump_for_ms(rt, control, run->for_ever ? 3 : 20, "app:s");
    FAIR(apply(rt, scratch, staff_change, TEST_COUNT(staff_change), NULL));
    pump_for_ms(rt, control, 3, NULL);
    FAIR(apply(rt, scratch, staff_end, TEST_COUNT(staff_end), NULL));
    if (wippy_service_state(rt, "app:s", &info) == WIPPY_OK) {
        wippy_topic none = {0};
        (void)wippy_send(wippy_outside(rt), info.pid, none, "x", 1); /* it crashes, if it lives */
    }
    pump_for_ms(rt, control, 3, NULL);
    fault_disarm(run);
    if (started != WIPPY_OK) {
        CHECK_EQ_INT(wippy_services_start(rt, control), WIPPY_OK);
    }
    pump_for_ms(rt, control, 20000, "app:s");
    CHECK(is_running(rt, "app:s"));
    pump_for_ms(rt, control, 20000, "app:h");
    CHECK(is_running(rt, "app:h"));
    uint64_t end = fault_real_ms() + 20000;
    while (wippy_services_stop(rt, 0) == WIPPY_PENDING && fault_real_ms() < end) {
        CHECK_EQ_INT(wippy_pump(rt, control, UINT64_MAX, 0), WIPPY_OK);
        test_pause_ms(0);
    }
    CHECK_EQ_INT(wippy_services_stop(rt, 0), WIPPY_OK);
    close_runtime(rt);
    CHECK_EQ_U64(people.inits, people.closes);
    CHECK_EQ_INT(wippy_destroy(scratch), WIPPY_OK);
}

TEST(test_faults_hosts_and_rights_of_services)
{
    CHECK(fault_sweep(FAULT_ALLOC, scenario_staff, NULL) > 50);
}

/* ------------------------------------------------------------------ more ready than a ring holds */

#define CROWD 700 /* more than twice as many as a worker's ring has places for */

typedef struct crowd {
    wippy_pid people[CROWD];
    uint32_t told;
    uint32_t heard;
} crowd;

static wippy_status crowd_listen(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)self;
    ((crowd *)a->arg)->heard += mail->kind == WIPPY_MAIL_MESSAGE ? 1 : 0;
    return WIPPY_IDLE;
}

/* "warm up": twice as much mail as there are people, to a quarter of them, so that later each may have one.
   "call": take every block of the size that a full ring needs, then tell all, so that they become ready
   behind each other on one worker. */
static wippy_status crowd_call(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    static const char large[900];
    crowd *all = (crowd *)a->arg;
    bool call = mail->size == 4;
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->size == sizeof(large)) {
        return WIPPY_IDLE;
    }
    while (call && wippy_send(self, a->pid, mail->topic, large, sizeof(large)) == WIPPY_OK) {
        a->number++;
    }
    for (int i = 0; i < (call ? CROWD : 2 * CROWD); i++) {
        wippy_pid to = all->people[call ? i : i % (CROWD / 4)];
        all->told += wippy_send(self, to, mail->topic, "hear", 4) == WIPPY_OK ? 1 : 0;
    }
    return WIPPY_IDLE;
}

/* What does not fit in the ring finds another place, without memory for it, too. */
TEST(test_faults_crowd_of_ready_processes_runs)
{
    static core_actor listeners[CROWD];
    core_actor caller = {0};
    fault_run run;
    crowd all;
    core c;
    memset(&c, 0, sizeof(c));
    memset(&run, 0, sizeof(run));
    memset(&all, 0, sizeof(all));
    test_heap_init(&run.heap);
    c.rt = open_runtime(&run);
    REQUIRE(c.rt != NULL);
    c.out = wippy_outside(c.rt);
    REQUIRE(core_types(&c) == WIPPY_OK);
    REQUIRE(core_add_host(&c, "app:main", WIPPY_HOST_PUMP, 0, &c.host) == WIPPY_OK);
    for (int i = 0; i < CROWD; i++) {
        listeners[i].arg = &all;
        listeners[i].on_mail = crowd_listen;
        all.people[i] = core_spawn(&c, &listeners[i]);
    }
    caller.arg = &all;
    caller.on_mail = crowd_call;
    core_spawn(&c, &caller);
    core_run(&c);
    CHECK_EQ_INT(core_tell(&c, caller.pid, "warm up"), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(all.told, 2 * CROWD);
    CHECK_EQ_INT(core_tell(&c, caller.pid, "call"), WIPPY_OK);
    test_heap_fail(&run.heap, 1, true);
    core_run(&c);
    test_heap_fail(&run.heap, 0, false);
    CHECK_EQ_U64(all.heard, all.told);
#if !defined(__SANITIZE_ADDRESS__) /* there no cache holds any */
    CHECK_EQ_U64(all.told, 3 * CROWD);
    CHECK(caller.number > 0);
#endif
    close_runtime(c.rt);
    CHECK_BALANCED(&run.heap);
}

/* ------------------------------------------------------------------ waiting without memory */

/* Take every record that can be had, so that nobody gets another. */
static wippy_status hoard(wippy_self *self, core_actor *a)
{
    while (wippy_open(self, 1, NULL) == WIPPY_PENDING) {
        a->number++;
    }
    return WIPPY_IDLE;
}

typedef struct hoarding {
    core c;
    crew people;
    core_actor hog;
} hoarding;

static bool hoarding_open(hoarding *h, fault_run *run)
{
    static const char text[] = "namespace: app\nentries:\n"
                               "  - {name: p, kind: process.native, type: crew}\n"
                               "  - {name: one, kind: process.service, process: p, host: main, "
                               "lifecycle: {restart: {initial_delay: 300ms, max_delay: 300ms}}}\n";
    memset(h, 0, sizeof(*h));
    h->c.rt = open_runtime(run);
    h->c.out = wippy_outside(h->c.rt);
    return CHECK_EQ_INT(core_types(&h->c), WIPPY_OK) &&
           crew_settle(h->c.rt, &h->people, "app:main", &h->c.host) &&
           CHECK_EQ_INT(wippy_load_text(h->c.rt, "services", text, sizeof(text) - 1, NULL),
                        WIPPY_OK) &&
           CHECK_EQ_INT(wippy_services_start(h->c.rt, h->c.host), WIPPY_OK);
}

/* From here on nobody gets memory or a record. */
static void hoarding_begin(hoarding *h, fault_run *run)
{
    core_run(&h->c);
    h->hog.on_start = hoard;
    CHECK_EQ_INT(core_spawn_by(&h->c, h->c.out, &h->hog, h->c.host, 0, NULL), WIPPY_OK);
    test_heap_fail(&run->heap, 1, true);
    core_run(&h->c);
#if !defined(__SANITIZE_ADDRESS__) /* there no cache holds any */
    CHECK(h->hog.number > 0);
#endif
}

static void hoarding_close(hoarding *h)
{
    CHECK_EQ_INT(wippy_terminate(h->c.out, h->hog.pid), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_stop(h->c.rt, 20000 * CORE_MS), WIPPY_OK);
    CHECK_EQ_U64(h->people.inits, h->people.closes);
    close_runtime(h->c.rt);
}

/* A service crashes while there is no memory for anything: its supervisor waits for the time of the next
   attempt as it does otherwise, and does not look again and again. */
TEST(test_faults_supervisor_waits_without_memory)
{
    fault_run run;
    hoarding h;
    wippy_service_info info;
    memset(&run, 0, sizeof(run));
    test_heap_init(&run.heap);
    REQUIRE(hoarding_open(&h, &run));
    CHECK_EQ_INT(wippy_service_start(h.c.rt, "app:one"), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(h.c.rt, UINT64_MAX, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(h.c.rt, "app:one", &info) == WIPPY_OK);
    hoarding_begin(&h, &run);
    CHECK_EQ_INT(wippy_terminate(h.c.out, info.pid), WIPPY_OK);
    CHECK_EQ_INT(wippy_pump(h.c.rt, h.c.host, 200 * CORE_MS, 0), WIPPY_OK); /* nothing to do */
    REQUIRE(wippy_service_state(h.c.rt, "app:one", &info) == WIPPY_OK);
    CHECK_EQ_INT(info.status, WIPPY_SERVICE_FAILED);
    CHECK(info.retry_in_ns > 0);
    uint64_t deadline_ns = wippy_pump_deadline(h.c.rt, h.c.host);
    CHECK(deadline_ns != 0 && deadline_ns < 400 * CORE_MS);
    test_heap_fail(&run.heap, 0, false);
    CHECK(comes_back(h.c.rt, h.c.host, h.c.host, "app:one"));
    CHECK_EQ_U64(h.people.inits, 2);
    hoarding_close(&h);
    CHECK_BALANCED(&run.heap);
}

/* The same of the root: a service whose supervisor cannot be made is tried again later, not at once. */
TEST(test_faults_root_waits_without_memory)
{
    fault_run run;
    hoarding h;
    memset(&run, 0, sizeof(run));
    test_heap_init(&run.heap);
    REQUIRE(hoarding_open(&h, &run));
    hoarding_begin(&h, &run);
    CHECK_EQ_INT(wippy_service_start(h.c.rt, "app:one"), WIPPY_OK);
    CHECK_EQ_INT(wippy_pump(h.c.rt, h.c.host, 200 * CORE_MS, 0), WIPPY_OK);
    CHECK(!is_running(h.c.rt, "app:one"));
    CHECK(wippy_pump_deadline(h.c.rt, h.c.host) <= 11 * CORE_MS);
    test_heap_fail(&run.heap, 0, false);
    CHECK(comes_back(h.c.rt, h.c.host, h.c.host, "app:one"));
    hoarding_close(&h);
    CHECK_BALANCED(&run.heap);
}

TEST_MAIN(TEST_ENTRY(test_faults_load_is_whole_or_nothing),
          TEST_ENTRY(test_faults_changes_are_whole_or_nothing),
          TEST_ENTRY(test_faults_project_is_whole_or_nothing),
          TEST_ENTRY(test_faults_reload_is_whole_or_nothing),
          TEST_ENTRY(test_faults_environment_keeps_what_it_had),
          TEST_ENTRY(test_faults_events_arrive_or_are_refused),
          TEST_ENTRY(test_faults_services_come_back_when_there_is_memory),
          TEST_ENTRY(test_faults_hosts_and_rights_of_services),
          TEST_ENTRY(test_faults_crowd_of_ready_processes_runs),
          TEST_ENTRY(test_faults_supervisor_waits_without_memory),
          TEST_ENTRY(test_faults_root_waits_without_memory))
