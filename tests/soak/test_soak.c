/* Everything at once, for a long time: processes in C and Lua that spawn, link, watch, take names, set
   timers, talk over the event bus, call functions in pools, upgrade and crash; services that crash and
   are restarted; registry changes with new code. The work comes in rounds; after each everything that
   was begun has ended, so tables, memory and counters have to be where they were: a line is fitted
   through what was sampled, and it has to be flat.

   SOAK_SECONDS: how long (6). SOAK_LOOPS: starts and stops of a whole runtime (150; 10,000 at
   TEST_SCALE 1000 and above). */
#include "wippy.h"
#include "wippy_lua.h"

#include <limits.h>

#include "../test.h"

#include "../resident.h"

#include <unistd.h>

/* ------------------------------------------------------------------ memory and lines */

static uint64_t heap_live; /* atomic */

static void *heap_alloc(size_t size, void *user_data)
{
    void *ptr = malloc(size);
    (void)user_data;
    if (ptr != NULL) {
        TEST_ATOMIC_ADD(&heap_live, (uint64_t)size);
    }
    return ptr;
}

static void heap_free(void *ptr, size_t size, void *user_data)
{
    (void)user_data;
    if (ptr != NULL) {
        TEST_ATOMIC_SUB(&heap_live, (uint64_t)size);
        free(ptr);
    }
}

/* Samples in the order they came. When the room is full every second one is thrown away. */
#define SAMPLES 512

typedef struct series {
    const char *what;
    double at[SAMPLES], value[SAMPLES];
    unsigned count, stride, skipped;
} series;

static void series_add(series *s, double at, double value)
{
    if (++s->skipped <= s->stride) {
        return;
    }
    s->skipped = 0;
    if (s->count == SAMPLES) {
        for (unsigned i = 0; i < SAMPLES / 2; i++) {
            s->at[i] = s->at[2 * i];
            s->value[i] = s->value[2 * i];
        }
        s->count = SAMPLES / 2;
        s->stride = s->stride * 2 + 1;
    }
    s->at[s->count] = at;
    s->value[s->count++] = value;
}

/* Where the line begins: caches and pools fill up in the first two thirds, when rounds are slow. */
static unsigned series_first(const series *s)
{
    return s->count - s->count / 3;
}

/* Least squares over the last third. Growth a unit of `at`. */
static double series_slope(const series *s)
{
    unsigned first = series_first(s);
    unsigned n = s->count - first;
    double at = 0, value = 0, up = 0, down = 0;
    for (unsigned i = first; i < s->count; i++) {
        at += s->at[i] / n;
        value += s->value[i] / n;
    }
    for (unsigned i = first; i < s->count; i++) {
        up += (s->at[i] - at) * (s->value[i] - value);
        down += (s->at[i] - at) * (s->at[i] - at);
    }
    return down > 0 ? up / down : 0;
}

/* The last third may have grown by no more than `allowed`, by the fitted line. */
static void series_flat(const series *s, double allowed)
{
    double span, grown;
    if (s->count < 12) {
        printf("     %s: %u samples are no line\n", s->what, s->count);
        return;
    }
    span = s->at[s->count - 1] - s->at[series_first(s)];
    grown = series_slope(s) * span;
    printf("     %s: %.0f at the end, %+.3f a round, %+.1f over the last third, allowed %.0f\n", s->what,
           s->value[s->count - 1], series_slope(s), grown, allowed);
    if (!CHECK(grown <= allowed)) {
        for (unsigned i = 0; i < s->count; i += 1 + s->count / 32) {
            printf("%s%.0f", i > 0 ? " " : "     ", s->value[i]);
        }
        printf("\n");
    }
}

/* ------------------------------------------------------------------ the application */

static const char application[] =
    "version: \"1.0\"\n"
    "namespace: soak\n"
    "entries:\n"
    "  - name: field\n"
    "    kind: process.host\n"
    "    host: {workers: 2, mailbox_limit: 200, memory_limit: 8388608}\n"
    "    lifecycle: {auto_start: true}\n"
    "  - name: crasher\n"
    "    kind: process.lua\n"
    "    modules: [time]\n"
    "    source: |\n"
    "      local time = require('time')\n"
    "      return { main = function() time.sleep('5ms') error('again') end }\n"
    "  - name: crashing\n"
    "    kind: process.service\n"
    "    process: soak:crasher\n"
    "    host: soak:field\n"
    "    lifecycle: {auto_start: true, restart: {initial_delay: 10ms, max_delay: 20ms, max_attempts: 0}}\n"
    "  - name: steady\n"
    "    kind: process.lua\n"
    "    source: |\n"
    "      return { main = function() process.events():receive() end }\n"
    "  - name: steady_service\n"
    "    kind: process.service\n"
    "    process: soak:steady\n"
    "    host: soak:field\n"
    "    lifecycle: {auto_start: true}\n"
    "  - name: double\n"
    "    kind: function.lua\n"
    "    method: main\n"
    "    source: \"return { main = function(n) return n * 2 end }\"\n"
    "    pool: {type: static, workers: 2, buffer: 64}\n"
    "  - name: inline\n"
    "    kind: function.lua\n"
    "    method: main\n"
    "    source: \"return { main = function(n) return n + 1 end }\"\n"
    "    pool: {type: inline}\n"
    "  - name: shared\n"
    "    kind: library.lua\n"
    "    source: \"return { number = 1 }\"\n"
    "  - name: child\n"
    "    kind: process.lua\n"
    "    imports: {shared: soak:shared}\n"
    "    source: |\n"
    "      return { main = function(what, to)\n"
    "          if what == 'crash' then error('child') end\n"
    "          if what == 'upgrade' then process.upgrade(nil, 'value') end\n"
    "          if what == 'send' then process.send(to, 'answer', shared.number) end\n"
    "          return what\n"
    "      end }\n"
    "  - name: busy\n"
    "    kind: process.lua\n"
    "    modules: [time, funcs, events]\n"
    "    source: |\n"
    "      local time, funcs, events = require('time'), require('funcs'), require('events')\n"
    "      return { main = function(round)\n"
    "          local inbox, news = process.inbox(), process.events()\n"
    "          process.set_options({ trap_links = true })\n"
    "          local me = process.pid()\n"
    "          local sub = events.subscribe('soak', 'lua')\n"
    "          process.registry.register('busy.' .. me)\n"
    "          local exits = 0\n"
    "          for _, what in ipairs{ 'crash', 'upgrade', 'send', 'value' } do\n"
    "              assert(process.spawn_linked_monitored('soak:child', 'soak:field', what, me))\n"
    "              exits = exits + 1\n"
    "          end\n"
    "          local deep, done = {}, channel.new(4)\n"
    "          for i = 1, 200 do deep[i] = { i, text = ('x'):rep(i % 50) } end\n"
    "          for i = 1, 4 do coroutine.spawn(function() time.sleep('1ms') done:send(i) end) end\n"
    "          for _ = 1, 4 do done:receive() end\n"
    "          local number, err = funcs.call('soak:double', 21)\n"
    "          if number ~= 42 then error('double: ' .. tostring(err)) end\n"
    "          number, err = funcs.call('soak:inline', 41)\n"
    "          if number ~= 42 then error('inline: ' .. tostring(err)) end\n"
    "          events.send('soak', 'lua', 'path/' .. round, { round = round })\n"
    "          local late = time.after('20s')\n"
    "          local answers, seen = 0, 0\n"
    "          while exits > 0 or answers == 0 or seen == 0 do\n"
    "              local got = channel.select{ inbox:case_receive(), news:case_receive(),\n"
    "                  sub:channel():case_receive(), late:case_receive() }\n"
    "              if got.channel == late then error('late: ' .. exits .. ' ' .. answers .. ' ' .. seen) end\n"
    "              if got.channel == inbox then answers = answers + 1\n"
    "              elseif got.channel == news then\n"
    "                  if got.value.kind == process.event.EXIT then exits = exits - 1 end\n"
    "              else seen = seen + 1 end\n"
    "          end\n"
    "          sub:close()\n"
    "          return 'the round is over'\n"
    "      end }\n";

/* ------------------------------------------------------------------ processes in C */

typedef struct soak {
    wippy_runtime *rt;
    wippy_self *out;
    wippy_host host, field;
    wippy_type type;
    wippy_topic topic;
    wippy_pid first; /* of the round */
    /* atomic */
    uint64_t inits, closes, monitors, exits, timers, fired, names, events, heard;
    uint64_t lua_ends, lua_errors;
    char lua_error[256];
    unsigned rounds;
} soak;

typedef struct node {
    soak *s;
    uint32_t number;
    uint32_t waits; /* completions and EXITs it wants before it ends */
    bool begun;
} node;

typedef struct node_input {
    soak *s;
    uint32_t number;
} node_input;

#define COUNT(field) TEST_ATOMIC_ADD(&(field), (uint64_t)1)
#define NODES 100u

static wippy_result node_init(wippy_self *self, void *state, const wippy_input *input)
{
    node *n = (node *)state;
    node_input in;
    memcpy(&in, input->data, sizeof(in));
    n->s = in.s;
    n->number = in.number;
    COUNT(n->s->inits);
    wippy_trap_links(self, in.number % 4 == 0);
    return WIPPY_OK;
}

static wippy_result node_spawn(soak *s, wippy_self *self, uint32_t number, uint32_t flags, wippy_pid *out)
{
    wippy_spawn_desc desc;
    node_input input;
    memset(&desc, 0, sizeof(desc));
    input.s = s;
    input.number = number;
    desc.type = s->type;
    desc.host = s->host;
    desc.data = &input;
    desc.size = sizeof(input);
    desc.flags = flags;
    return wippy_spawn(self, &desc, out, NULL);
}

/* What it starts: a child it watches, timers (one dropped), a name, an event that it hears itself. */
static void node_begin(wippy_self *self, node *n)
{
    soak *s = n->s;
    char name[48];
    wippy_token token;
    uint64_t subscription;
    wippy_slice none = {NULL, 0};
    n->begun = true;
    snprintf(name, sizeof(name), "soak.%u", (unsigned)n->number);
    if (wippy_name_register(self, name, 0, wippy_self_pid(self)) == WIPPY_OK) {
        COUNT(s->names);
    }
    if (n->number < NODES) { /* children have no children */
        CHECK_EQ_INT(node_spawn(s, self, n->number + NODES, WIPPY_SPAWN_MONITOR | WIPPY_SPAWN_LINK, NULL),
                     WIPPY_OK);
        COUNT(s->monitors);
        n->waits++;
    }
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(wippy_timer(self, i * 500000, i, &token), WIPPY_PENDING);
        if (i == 2) {
            CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
        } else {
            COUNT(s->timers);
            n->waits++;
        }
    }
    if (n->number % 10 == 0) {
        CHECK_EQ_INT(wippy_events_subscribe(self, "soak", name, "bus", &subscription), WIPPY_OK);
        CHECK_EQ_INT(wippy_events_send(self, "soak", name, "path", none), WIPPY_OK);
        COUNT(s->events);
        n->waits++;
    }
    (void)wippy_send(self, s->first, s->topic, "x", 1);
}

static wippy_status node_end(wippy_self *self, node *n)
{
    /* A child that fails would take its parent along unless that traps. */
    if (n->number >= NODES && (n->number - NODES) % 4 == 0) {
        return wippy_fail(self, WIPPY_ERR_IO, "a failure");
    }
    return wippy_done(self);
}

static wippy_status node_step(wippy_self *self, void *state)
{
    node *n = (node *)state;
    soak *s = n->s;
    const wippy_mail *mail;
    if (!n->begun) {
        node_begin(self, n);
    }
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        if (mail->kind == WIPPY_MAIL_DONE) {
            COUNT(s->fired);
            n->waits--;
        } else if (mail->kind == WIPPY_MAIL_EXIT) {
            COUNT(s->exits);
            n->waits--;
        } else if (mail->kind == WIPPY_MAIL_MESSAGE && wippy_mail_is(self, mail, s->topic) == false) {
            COUNT(s->heard);
            n->waits--;
        }
    }
    return n->waits == 0 ? node_end(self, n) : WIPPY_IDLE;
}

static void node_close(wippy_self *self, void *state)
{
    (void)self;
    COUNT(((node *)state)->s->closes);
}

/* ------------------------------------------------------------------ one runtime */

static void on_exit_of_field(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    soak *s = (soak *)user_data;
    wippy_slice said = wippy_value_string(info->value, "", "");
    (void)rt;
    if (info->result == WIPPY_OK && (said.size != 17 || memcmp(said.data, "the round is over", 17) != 0)) {
        return; /* a function of a pool */
    }
    if (info->result != WIPPY_OK) {
        COUNT(s->lua_errors);
        if (s->lua_error[0] == 0) {
            (void)wippy_value_to_text(info->value, s->lua_error, sizeof(s->lua_error));
        }
    }
    COUNT(s->lua_ends);
}

/* The one that crashes may have done so already. */
static bool services_began(soak *s)
{
    wippy_result r = wippy_services_wait(s->rt, 20000000000u, NULL);
    return r == WIPPY_OK || r == WIPPY_ERR_UNAVAILABLE;
}

/* ThreadSanitizer does not see that lua_yield() jumps out of functions in C: its own stack of calls grows
   with every yield of a thread, gigabytes of history with it, and at 65,536 it ends the program. */
static unsigned rounds_most(void)
{
#if defined(__SANITIZE_THREAD__)
    return 250;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return 250;
#endif
#endif
    return UINT_MAX;
}

static bool soak_open(soak *s)
{
    wippy_desc desc;
    wippy_host_desc host;
    wippy_type_desc type;
    wippy_diag diag;
    memset(s, 0, sizeof(*s));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&type, 0, sizeof(type));
    desc.history_limit = 8; /* reached in a few rounds: what is taken must not grow after that */
    desc.allocator.alloc_fn = heap_alloc;
    desc.allocator.free_fn = heap_free;
    type.name = "node";
    type.state_bytes = sizeof(node);
    type.init = node_init;
    type.step = node_step;
    type.close = node_close;
    host.name = "soak:c";
    host.kind = WIPPY_HOST_POOL;
    host.workers = 2;
    if (!CHECK_EQ_INT(wippy_create(&s->rt, &desc), WIPPY_OK) ||
        !CHECK_EQ_INT(wippy_lua_open(s->rt, NULL), WIPPY_OK) ||
        !CHECK_EQ_INT(wippy_type_register(s->rt, &type, &s->type), WIPPY_OK) ||
        !CHECK_EQ_INT(wippy_host_create(s->rt, &host, &s->host), WIPPY_OK)) {
        return false;
    }
    host.name = "soak:lua";
    host.exit_fn = on_exit_of_field;
    host.user_data = s;
    s->out = wippy_outside(s->rt);
    s->topic = wippy_topic_make(s->rt, "topic");
    if (!CHECK_EQ_INT(wippy_host_create(s->rt, &host, &s->field), WIPPY_OK)) {
        return false;
    }
    if (!CHECK_EQ_INT(wippy_load_text(s->rt, "soak.yaml", application, sizeof(application) - 1, &diag),
                      WIPPY_OK)) {
        FAIL("%s:%u: %s", diag.file, (unsigned)diag.line, diag.message);
        return false;
    }
    wippy_host none = {0};
    return CHECK_EQ_INT(wippy_services_start(s->rt, none), WIPPY_OK) &&
           CHECK(services_began(s));
}

static void soak_close(soak *s)
{
    CHECK_EQ_INT(wippy_stop(s->rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(s->rt, 20000000000u), WIPPY_OK);
    CHECK_EQ_INT(wippy_destroy(s->rt), WIPPY_OK);
    CHECK_EQ_U64(s->inits, s->closes);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&heap_live), 0);
}

static wippy_result spawn_busy(soak *s, unsigned round)
{
    wippy_spawn_desc desc;
    wippy_writer writer;
    wippy_slice data;
    wippy_result r;
    wippy_writer_init(&writer, s->rt);
    wippy_write_int(&writer, (int64_t)round);
    (void)wippy_writer_finish(&writer, &data);
    memset(&desc, 0, sizeof(desc));
    desc.entry = "soak:busy";
    desc.host = s->field;
    desc.data = data.data;
    desc.size = data.size;
    desc.count = 1;
    r = wippy_spawn(s->out, &desc, NULL, NULL);
    wippy_writer_free(&writer);
    return r;
}

/* A new source for the library, each round another; every third round the one before comes back. */
static void change_code(soak *s, unsigned round)
{
    wippy_registry_change change;
    wippy_writer writer;
    char source[48];
    if (round % 3 == 2) {
        CHECK_EQ_INT(wippy_registry_apply_version(s->rt, wippy_version_current(s->rt) - 1, NULL), WIPPY_OK);
        return;
    }
    snprintf(source, sizeof(source), "return { number = %u }", round + 2);
    memset(&change, 0, sizeof(change));
    wippy_writer_init(&writer, s->rt);
    wippy_write_map(&writer, 1);
    wippy_write_cstring(&writer, "source");
    wippy_write_cstring(&writer, source);
    wippy_write_end(&writer);
    change.op = WIPPY_ENTRY_UPDATE;
    change.id = "soak:shared";
    (void)wippy_writer_finish(&writer, &change.data);
    CHECK_EQ_INT(wippy_registry_apply(s->rt, &change, 1, NULL, NULL), WIPPY_OK);
    wippy_writer_free(&writer);
}

typedef struct goal {
    soak *s;
    uint64_t closes, lua_ends;
} goal;

static bool round_over(void *arg)
{
    const goal *g = (const goal *)arg;
    return TEST_ATOMIC_LOAD(&g->s->closes) >= g->closes && TEST_ATOMIC_LOAD(&g->s->lua_ends) >= g->lua_ends;
}

#define BUSY 4u

static bool one_round(soak *s)
{
    goal g;
    wippy_pid pid;
    g.s = s;
    g.closes = s->closes + 2 * NODES;
    g.lua_ends = s->lua_ends + BUSY;
    for (uint32_t i = 0; i < NODES; i++) {
        if (!CHECK_EQ_INT(node_spawn(s, s->out, i, 0, i == 0 ? &s->first : &pid), WIPPY_OK)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < BUSY; i++) {
        if (!CHECK_EQ_INT(spawn_busy(s, s->rounds), WIPPY_OK)) {
            return false;
        }
    }
    change_code(s, s->rounds);
    if (!CHECK(test_wait_until(round_over, &g, 60000))) {
        FAIL("round %u: %llu of %llu nodes, %llu of %llu Lua processes", s->rounds,
             (unsigned long long)s->closes, (unsigned long long)g.closes, (unsigned long long)s->lua_ends,
             (unsigned long long)g.lua_ends);
        return false;
    }
    s->rounds++;
    return TEST_ATOMIC_LOAD(&test_global.failures) == 0;
}

/* Nothing of the round is left. */
static bool books(soak *s)
{
    char name[48];
    wippy_pid pid;
    for (uint32_t i = 0; i < 2 * NODES; i += 7) {
        snprintf(name, sizeof(name), "soak.%u", (unsigned)i);
        CHECK_EQ_INT(wippy_name_find(s->rt, name, 0, &pid), WIPPY_ERR_NOTFOUND);
    }
    CHECK_EQ_U64(s->exits, s->monitors);
    CHECK_EQ_U64(s->fired, s->timers);
    CHECK_EQ_U64(s->heard, s->events);
    CHECK_EQ_U64(s->names, (uint64_t)s->rounds * 2 * NODES);
    CHECK_EQ_U64(s->inits, (uint64_t)s->rounds * 2 * NODES);
    if (s->lua_errors > 0) {
        FAIL("a Lua process failed: %s", s->lua_error);
    }
    CHECK_EQ_U64(s->lua_ends, (uint64_t)s->rounds * BUSY);
    return TEST_ATOMIC_LOAD(&test_global.failures) == 0;
}

static uint64_t wanted_seconds(void)
{
    const char *text = getenv("SOAK_SECONDS");
    return text != NULL && text[0] != 0 ? strtoul(text, NULL, 10) : 6;
}

static unsigned long restarts(soak *s)
{
    wippy_service_info info;
    memset(&info, 0, sizeof(info));
    CHECK_EQ_INT(wippy_service_state(s->rt, "soak:crashing", &info), WIPPY_OK);
    return (unsigned long)info.retry_count;
}

TEST(test_soak_everything_at_once_stays_flat)
{
    static soak s;
    static series bytes, resident, processes;
    uint64_t end;
    wippy_runtime_info info;
    bytes.what = "KB taken by the runtime";
    resident.what = "KB resident";
    processes.what = "processes between rounds";
    REQUIRE(soak_open(&s));
    end = test_now_ms() + wanted_seconds() * 1000;
    while (test_now_ms() < end && s.rounds < rounds_most() && one_round(&s) && books(&s)) {
        wippy_runtime_stats(s.rt, &info);
        series_add(&bytes, s.rounds, (double)info.memory_bytes / 1024.0);
        series_add(&resident, s.rounds, (double)resident_bytes() / 1024.0);
        series_add(&processes, s.rounds, (double)info.processes);
    }
    printf("     %u rounds: %llu processes in C, %llu in Lua with %u children each, %llu timers, %lu restarts\n",
           s.rounds, (unsigned long long)s.inits, (unsigned long long)s.lua_ends, 4u,
           (unsigned long long)s.fired, restarts(&s));
    CHECK(s.rounds > 1);
    if (rounds_most() == UINT_MAX) { /* pools still fill up in so few */
        series_flat(&bytes, 512);
    }
    series_flat(&processes, 4);
    if (!sanitized()) { /* sanitizers keep what was freed */
        series_flat(&resident, 1024);
    }
    soak_close(&s);
}

/* ------------------------------------------------------------------ start and stop */

static const char little[] = "version: \"1.0\"\n"
                             "namespace: little\n"
                             "entries:\n"
                             "  - name: host\n"
                             "    kind: process.host\n"
                             "    host: {workers: 1}\n"
                             "    lifecycle: {auto_start: true}\n"
                             "  - name: waits\n"
                             "    kind: process.lua\n"
                             "    source: |\n"
                             "      return { main = function() process.events():receive() end }\n";

static void one_life(unsigned number)
{
    wippy_runtime *rt = NULL;
    wippy_desc desc;
    wippy_host_desc host_desc;
    wippy_spawn_desc spawn;
    wippy_host host, none = {0};
    memset(&desc, 0, sizeof(desc));
    memset(&host_desc, 0, sizeof(host_desc));
    memset(&spawn, 0, sizeof(spawn));
    desc.allocator.alloc_fn = heap_alloc;
    desc.allocator.free_fn = heap_free;
    host_desc.name = "little:own";
    host_desc.workers = 1 + number % 2;
    REQUIRE(CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_OK));
    CHECK_EQ_INT(wippy_lua_open(rt, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_host_create(rt, &host_desc, &host), WIPPY_OK);
    CHECK_EQ_INT(wippy_load_text(rt, "little.yaml", little, sizeof(little) - 1, NULL), WIPPY_OK);
    if (number % 3 == 0) {
        CHECK_EQ_INT(wippy_services_start(rt, none), WIPPY_OK);
    }
    spawn.entry = "little:waits";
    spawn.host = host;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(rt), &spawn, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_stop(rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(rt, 20000000000u), WIPPY_OK);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&heap_live), 0);
}

TEST(test_soak_start_and_stop_leave_nothing)
{
    static series resident;
    const char *text = getenv("SOAK_LOOPS");
    unsigned loops = text != NULL && text[0] != 0 ? (unsigned)strtoul(text, NULL, 10) : test_scale(150);
    uint64_t slowest = 0;
    resident.what = "KB resident after each stop";
    for (unsigned i = 0; i < loops && TEST_ATOMIC_LOAD(&test_global.failures) == 0; i++) {
        uint64_t begin = test_now_ms();
        one_life(i);
        slowest = test_now_ms() - begin > slowest ? test_now_ms() - begin : slowest;
        series_add(&resident, i, (double)resident_bytes() / 1024.0);
    }
    printf("     %u runtimes started and stopped, the slowest in %llu ms\n", loops, (unsigned long long)slowest);
    CHECK(slowest < 10000); /* half of what join waits: everybody heard the CANCEL */
    if (!sanitized()) {
        series_flat(&resident, 512);
    }
}

TEST_MAIN(TEST_ENTRY(test_soak_everything_at_once_stays_flat),
          TEST_ENTRY(test_soak_start_and_stop_leave_nothing))
