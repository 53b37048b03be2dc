/* Benchmarks of the runtime, in C and in Lua.

     bench [-r RUNS] [-o FILE] [ROW...]

   Prints a table and writes FILE (default build/bench.json): an array of
   {"row", "lang", "workers", "unit", "median", "min", "max"}. A row is measured RUNS times (default 5)
   after one run that is not counted; each run has a runtime of its own. Rows:

     pingpong  two processes, one message between them      messages/s
     ring1     1,000 processes in a ring, one token          hops/s
     fanin     four processes send to one                    messages/s
     spawn     spawn, one message, exit; 100 alive           processes/s
     bytes     resident memory of an idle process            bytes
     timers    200,000 timers over 1 s: processor time       seconds (less is better) */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include "wippy.h"
#include "wippy_lua.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 50

/* ---- what a run needs ---- */

typedef struct bench {
    wippy_runtime *rt;
    wippy_host host;
    wippy_topic topic;
    uint32_t workers;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int left; /* processes whose end is waited for; guarded by lock */
} bench;

static bench *lua_bench; /* whose main process is waited for; NULL = nobody's: the end of a run */

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, wippy_result r)
{
    fprintf(stderr, "bench: %s: %s\n", what, wippy_result_text(r));
    exit(1);
}

static void finish(bench *b)
{
    pthread_mutex_lock(&b->lock);
    if (--b->left == 0) {
        pthread_cond_signal(&b->finished);
    }
    pthread_mutex_unlock(&b->lock);
}

static void expect(bench *b, int count)
{
    b->left = count;
}

static void await_finish(bench *b)
{
    pthread_mutex_lock(&b->lock);
    while (b->left > 0) {
        pthread_cond_wait(&b->finished, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

static void open_bench(bench *b, uint32_t workers)
{
    wippy_host_desc host;
    wippy_result r;
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->finished, NULL);
    b->workers = workers;
    r = wippy_create(&b->rt, NULL);
    if (r != WIPPY_OK) {
        die("create", r);
    }
    memset(&host, 0, sizeof(host));
    host.name = "bench:pool";
    host.workers = workers;
    r = wippy_host_create(b->rt, &host, &b->host);
    if (r != WIPPY_OK) {
        die("host", r);
    }
    b->topic = wippy_topic_make(b->rt, "m");
}

/* Processes that idle for ever are terminated without being asked. */
static void close_bench(bench *b)
{
    wippy_result r;
    __atomic_store_n(&lua_bench, NULL, __ATOMIC_RELEASE);
    r = wippy_host_stop(b->rt, b->host, 0);
    r = r == WIPPY_OK ? wippy_destroy(b->rt) : r;
    if (r != WIPPY_OK) {
        die("destroy", r);
    }
    pthread_cond_destroy(&b->finished);
    pthread_mutex_destroy(&b->lock);
}

static wippy_type type_of(bench *b, const char *name, size_t state_bytes,
                          wippy_result (*init)(wippy_self *, void *, const wippy_input *),
                          wippy_status (*step)(wippy_self *, void *))
{
    wippy_type_desc desc;
    wippy_type type;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    desc.name = name;
    desc.state_bytes = state_bytes;
    desc.init = init;
    desc.step = step;
    desc.user_data = b;
    r = wippy_type_register(b->rt, &desc, &type);
    if (r != WIPPY_OK) {
        die("type", r);
    }
    return type;
}

static wippy_pid spawn_type(bench *b, wippy_self *self, wippy_type type, const void *data,
                            size_t size, uint32_t flags)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    desc.type = type;
    desc.host = b->host;
    desc.data = data;
    desc.size = size;
    desc.flags = flags;
    r = wippy_spawn(self, &desc, &pid, NULL);
    if (r != WIPPY_OK) {
        die("spawn", r);
    }
    return pid;
}

/* ---- ping-pong and ring: pass a countdown on ---- */

typedef struct passer {
    wippy_pid next; /* zero: back to the sender */
} passer;

static wippy_status passer_step(wippy_self *self, void *state)
{
    passer *p = (passer *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        uint64_t left;
        if (mail->size == sizeof(passer) + 8) {
            memcpy(p, wippy_mail_data(mail), sizeof(*p));
            memcpy(&left, (const char *)wippy_mail_data(mail) + sizeof(*p), 8);
            if (left == 0) {
                continue;
            }
        } else {
            memcpy(&left, wippy_mail_data(mail), 8);
        }
        if (left == 0) {
            finish(b);
            continue;
        }
        left--;
        (void)wippy_send(self, p->next.id != 0 ? p->next : mail->from, b->topic, &left, 8);
    }
    return WIPPY_IDLE;
}

/* count processes in a ring, `hops` messages; returns seconds. */
static double run_ring(uint32_t workers, uint32_t count, uint64_t hops)
{
    bench b;
    wippy_type type;
    wippy_pid *pids = (wippy_pid *)malloc(count * sizeof(*pids));
    char message[sizeof(passer) + 8];
    double start, took;
    uint32_t i;
    open_bench(&b, workers);
    type = type_of(&b, "passer", sizeof(passer), NULL, passer_step);
    for (i = 0; i < count; i++) {
        pids[i] = spawn_type(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    }
    memset(message, 0, sizeof(message));
    for (i = 1; i < count; i++) {
        memcpy(message, &pids[(i + 1) % count], sizeof(passer));
        (void)wippy_send(wippy_outside(b.rt), pids[i], b.topic, message, sizeof(message));
    }
    expect(&b, 1);
    memcpy(message, &pids[1], sizeof(passer));
    memcpy(message + sizeof(passer), &hops, 8);
    start = seconds(CLOCK_MONOTONIC);
    (void)wippy_send(wippy_outside(b.rt), pids[0], b.topic, message, sizeof(message));
    await_finish(&b);
    took = seconds(CLOCK_MONOTONIC) - start;
    free(pids);
    close_bench(&b);
    return took;
}

static double c_pingpong(uint32_t workers)
{
    uint64_t hops = 5000000;
    return (double)hops / run_ring(workers, 2, hops);
}

static double c_ring1(uint32_t workers)
{
    uint64_t hops = 3000000;
    return (double)hops / run_ring(workers, 1000, hops);
}

/* ---- fan-in: four senders, windows of 100 kept open by the receiver's answers ---- */

#define FANIN_SENDERS 4
#define FANIN_EACH 500000
#define FANIN_WINDOW 100

typedef struct fan {
    wippy_pid sink;
    uint64_t left;
    uint64_t got;
} fan;

static wippy_result fan_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)self;
    if (input->size == sizeof(wippy_pid)) {
        memcpy(&((fan *)state)->sink, input->data, sizeof(wippy_pid));
        ((fan *)state)->left = FANIN_EACH;
    }
    return WIPPY_OK;
}

static wippy_status sender_step(wippy_self *self, void *state)
{
    fan *f = (fan *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        uint32_t i;
        for (i = 0; i < FANIN_WINDOW && f->left > 0; i++) {
            f->left--;
            (void)wippy_send(self, f->sink, b->topic, &f->left, 8);
        }
    }
    return f->left == 0 ? wippy_done(self) : WIPPY_IDLE;
}

static wippy_status sink_step(wippy_self *self, void *state)
{
    fan *f = (fan *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        uint64_t left;
        memcpy(&left, wippy_mail_data(mail), 8);
        f->got++;
        if (left % FANIN_WINDOW == 0 && left > 0) {
            (void)wippy_send(self, mail->from, b->topic, NULL, 0);
        }
    }
    if (f->got == (uint64_t)FANIN_SENDERS * FANIN_EACH) {
        finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static double c_fanin(uint32_t workers)
{
    bench b;
    wippy_type sender, sink;
    wippy_pid to;
    double start, took;
    int i;
    open_bench(&b, workers);
    sender = type_of(&b, "sender", sizeof(fan), fan_init, sender_step);
    sink = type_of(&b, "sink", sizeof(fan), fan_init, sink_step);
    to = spawn_type(&b, wippy_outside(b.rt), sink, NULL, 0, 0);
    expect(&b, 1);
    start = seconds(CLOCK_MONOTONIC);
    for (i = 0; i < FANIN_SENDERS; i++) {
        wippy_pid from = spawn_type(&b, wippy_outside(b.rt), sender, &to, sizeof(to), 0);
        (void)wippy_send(wippy_outside(b.rt), from, b.topic, NULL, 0);
    }
    await_finish(&b);
    took = seconds(CLOCK_MONOTONIC) - start;
    close_bench(&b);
    return (double)FANIN_SENDERS * FANIN_EACH / took;
}

/* ---- spawn ---- */

#define SPAWN_COUNT 300000
#define SPAWN_ALIVE 100

typedef struct nursery {
    wippy_type child;
    uint64_t left;
    uint64_t alive;
} nursery;

static wippy_status child_step(wippy_self *self, void *state)
{
    const wippy_mail *mail = wippy_next(self);
    (void)state;
    if (mail == NULL) {
        return WIPPY_IDLE;
    }
    (void)wippy_send(self, mail->from, mail->topic, NULL, 0);
    return wippy_done(self);
}

static void bear(wippy_self *self, bench *b, nursery *n)
{
    wippy_pid child = spawn_type(b, self, n->child, NULL, 0, 0);
    (void)wippy_send(self, child, b->topic, NULL, 0);
    n->left--;
    n->alive++;
}

static wippy_result nursery_init(wippy_self *self, void *state, const wippy_input *input)
{
    nursery *n = (nursery *)state;
    (void)self;
    memcpy(&n->child, input->data, sizeof(n->child));
    n->left = SPAWN_COUNT;
    return WIPPY_OK;
}

static wippy_status nursery_step(wippy_self *self, void *state)
{
    nursery *n = (nursery *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    if (n->left == SPAWN_COUNT && wippy_next(self) != NULL) {
        int i;
        for (i = 0; i < SPAWN_ALIVE; i++) {
            bear(self, b, n);
        }
    }
    while (wippy_next(self) != NULL) {
        n->alive--;
        if (n->left > 0) {
            bear(self, b, n);
        }
    }
    if (n->left == 0 && n->alive == 0) {
        finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static double c_spawn(uint32_t workers)
{
    bench b;
    wippy_type child, parent;
    wippy_pid pid;
    double start, took;
    open_bench(&b, workers);
    child = type_of(&b, "child", 8, NULL, child_step);
    parent = type_of(&b, "nursery", sizeof(nursery), nursery_init, nursery_step);
    pid = spawn_type(&b, wippy_outside(b.rt), parent, &child, sizeof(child), 0);
    expect(&b, 1);
    start = seconds(CLOCK_MONOTONIC);
    (void)wippy_send(wippy_outside(b.rt), pid, b.topic, NULL, 0);
    await_finish(&b);
    took = seconds(CLOCK_MONOTONIC) - start;
    close_bench(&b);
    return SPAWN_COUNT / took;
}

/* ---- memory ---- */

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static wippy_status idle_step(wippy_self *self, void *state)
{
    (void)state;
    while (wippy_next(self) != NULL) {
    }
    return WIPPY_IDLE;
}

#define IDLE_PROCESSES 1000000

static wippy_status crowd_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    wippy_type child;
    int i;
    memcpy(&child, state, sizeof(child));
    for (i = 0; i < IDLE_PROCESSES; i++) {
        (void)spawn_type(b, self, child, NULL, 0, 0);
    }
    finish(b);
    return wippy_done(self);
}

static wippy_result crowd_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)self;
    memcpy(state, input->data, input->size);
    return WIPPY_OK;
}

/* Until every process has had its first step and idles. */
static void settle(bench *b)
{
    wippy_host_info before, now;
    (void)wippy_host_stats(b->rt, b->host, &now);
    do {
        before = now;
        usleep(50000);
        (void)wippy_host_stats(b->rt, b->host, &now);
    } while (now.executed != before.executed || now.queue_depth > 0);
}

static double c_bytes(uint32_t workers)
{
    bench b;
    wippy_type child, crowd;
    double before, after;
    open_bench(&b, workers);
    child = type_of(&b, "idle", 16, NULL, idle_step);
    crowd = type_of(&b, "crowd", sizeof(wippy_type), crowd_init, crowd_step);
    expect(&b, 1);
    before = resident_bytes();
    (void)spawn_type(&b, wippy_outside(b.rt), crowd, &child, sizeof(child), 0);
    await_finish(&b);
    settle(&b);
    after = resident_bytes();
    close_bench(&b);
    return (after - before) / IDLE_PROCESSES;
}

/* ---- timers ---- */

#define TIMER_COUNT 200000

static wippy_status timer_step(wippy_self *self, void *state)
{
    uint64_t *seen = (uint64_t *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    if (*seen == 0) {
        uint64_t random = 1;
        int i;
        for (i = 0; i < TIMER_COUNT; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            (void)wippy_timer(self, (random >> 33) % 1000000000u, (uint64_t)i, NULL);
        }
        *seen = 1;
    }
    while ((mail = wippy_next(self)) != NULL) {
        (*seen)++;
    }
    if (*seen == TIMER_COUNT + 1) {
        finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static double c_timers(uint32_t workers)
{
    bench b;
    wippy_type type;
    double start, took;
    open_bench(&b, workers);
    type = type_of(&b, "timers", 8, NULL, timer_step);
    expect(&b, 1);
    start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    (void)spawn_type(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    await_finish(&b);
    took = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    close_bench(&b);
    return took;
}

/* ---- Lua ---- */

static void lua_exited(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    char text[512];
    (void)rt;
    if (info->result != WIPPY_OK && __atomic_load_n(&lua_bench, __ATOMIC_ACQUIRE) != NULL) {
        (void)wippy_value_to_text(info->value, text, sizeof(text));
        fprintf(stderr, "bench: a Lua process failed: %s\n", text);
        exit(1);
    }
    if (info->result == WIPPY_OK && info->value.size > 0 &&
        wippy_value_type_of(info->value) == WIPPY_STRING) {
        finish((bench *)user_data); /* only main processes return a string */
    }
}

static const char lua_entries[] =
    "namespace: b\n"
    "entries:\n"
    "  - name: echo\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main()\n"
    "        local inbox = process.inbox()\n"
    "        while true do\n"
    "          local m = inbox:receive()\n"
    "          local n = m:payload():data()\n"
    "          if n == 0 then return end\n"
    "          process.send(m:from(), 'm', n - 1)\n"
    "          if n == 1 then return end\n"
    "        end\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: pingpong\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(host, n)\n"
    "        local inbox = process.inbox()\n"
    "        local other = assert(process.spawn('b:echo', host))\n"
    "        process.send(other, 'm', n)\n"
    "        while true do\n"
    "          local v = inbox:receive():payload():data()\n"
    "          if v == 0 then break end\n"
    "          process.send(other, 'm', v - 1)\n"
    "          if v == 1 then break end\n"
    "        end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: pass\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(root)\n"
    "        local inbox = process.inbox()\n"
    "        local next = inbox:receive():payload():data()\n"
    "        while true do\n"
    "          local v = inbox:receive():payload():data()\n"
    "          if v == 0 then process.send(root, 'done', 0) return end\n"
    "          if v < 0 then return end\n"
    "          process.send(next, 'm', v - 1)\n"
    "        end\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: ring\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(host, n)\n"
    "        local inbox, pids = process.inbox(), {}\n"
    "        for i = 1, 1000 do pids[i] = assert(process.spawn('b:pass', host, process.pid())) end\n"
    "        for i = 1, 1000 do process.send(pids[i], 'm', pids[i % 1000 + 1]) end\n"
    "        process.send(pids[1], 'm', n)\n"
    "        inbox:receive()\n"
    "        for i = 1, 1000 do process.send(pids[i], 'm', -1) end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: sender\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(sink, n, window)\n"
    "        local inbox = process.inbox()\n"
    "        while n > 0 do\n"
    "          for i = 1, window do\n"
    "            n = n - 1\n"
    "            process.send(sink, 'm', n)\n"
    "          end\n"
    "          if n > 0 then inbox:receive() end\n"
    "        end\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: fanin\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(host, n)\n"
    "        local inbox, me, total = process.inbox(), process.pid(), 4 * n\n"
    "        for i = 1, 4 do assert(process.spawn('b:sender', host, me, n, 100)) end\n"
    "        for i = 1, total do\n"
    "          local m = inbox:receive()\n"
    "          local v = m:payload():data()\n"
    "          if v % 100 == 0 and v > 0 then process.send(m:from(), 'm', 0) end\n"
    "        end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: child\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main()\n"
    "        local m = process.inbox():receive()\n"
    "        process.send(m:from(), 'm', 1)\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: spawn\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(host, n)\n"
    "        local inbox, alive = process.inbox(), 0\n"
    "        local function bear() process.send(assert(process.spawn('b:child', host)), 'm', 1) end\n"
    "        for i = 1, 100 do bear() end\n"
    "        for i = 1, n - 100 do inbox:receive() bear() end\n"
    "        for i = 1, 100 do inbox:receive() end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: idle\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main()\n"
    "        local inbox = process.inbox()\n"
    "        while true do inbox:receive() end\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: crowd\n    kind: process.lua\n    method: main\n    source: |\n"
    "      local function main(host, n)\n"
    "        for i = 1, n do assert(process.spawn('b:idle', host)) end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n"
    "  - name: timers\n    kind: process.lua\n    method: main\n    modules: [time]\n    source: |\n"
    "      local time = require('time')\n"
    "      local function main(host, n)\n"
    "        local ch = channel.new(n)\n"
    "        for i = 1, n do\n"
    "          coroutine.spawn(function() time.sleep(math.random(1, 1000000000)) ch:send(1) end)\n"
    "        end\n"
    "        for i = 1, n do ch:receive() end\n"
    "        return 'done'\n"
    "      end\n"
    "      return { main = main }\n";

static void open_lua(bench *b, uint32_t workers)
{
    wippy_host_desc host;
    wippy_diag diag;
    wippy_result r;
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->finished, NULL);
    b->workers = workers;
    __atomic_store_n(&lua_bench, b, __ATOMIC_RELEASE);
    r = wippy_create(&b->rt, NULL);
    r = r == WIPPY_OK ? wippy_lua_open(b->rt, NULL) : r;
    if (r != WIPPY_OK) {
        die("lua", r);
    }
    memset(&host, 0, sizeof(host));
    host.name = "bench:pool";
    host.workers = workers;
    host.exit_fn = lua_exited;
    host.user_data = b;
    r = wippy_host_create(b->rt, &host, &b->host);
    if (r == WIPPY_OK) {
        r = wippy_load_text(b->rt, "bench.yaml", lua_entries, sizeof(lua_entries) - 1, &diag);
    }
    if (r != WIPPY_OK) {
        fprintf(stderr, "bench: line %u: %s\n", diag.line, diag.message);
        die("entries", r);
    }
}

/* Start a main process and wait for its end; returns seconds by `clock`. */
static double run_lua(bench *b, const char *entry, int64_t n, clockid_t clock)
{
    wippy_spawn_desc desc;
    wippy_writer writer;
    wippy_slice encoded;
    wippy_diag diag;
    wippy_result r;
    double start;
    wippy_writer_init(&writer, b->rt);
    wippy_write_cstring(&writer, "bench:pool");
    wippy_write_int(&writer, n);
    (void)wippy_writer_finish(&writer, &encoded);
    memset(&desc, 0, sizeof(desc));
    desc.entry = entry;
    desc.host = b->host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 2;
    expect(b, 1);
    start = seconds(clock);
    r = wippy_spawn(wippy_outside(b->rt), &desc, NULL, &diag);
    if (r != WIPPY_OK) {
        fprintf(stderr, "bench: %s: %s\n", entry, diag.message);
        exit(1);
    }
    await_finish(b);
    start = seconds(clock) - start;
    wippy_writer_free(&writer);
    return start;
}

static double lua_row(uint32_t workers, const char *entry, int64_t n, double per)
{
    bench b;
    double took;
    open_lua(&b, workers);
    took = run_lua(&b, entry, n, CLOCK_MONOTONIC);
    close_bench(&b);
    return per / took;
}

static double lua_pingpong(uint32_t workers)
{
    return lua_row(workers, "b:pingpong", 200000, 200000);
}

static double lua_ring1(uint32_t workers)
{
    return lua_row(workers, "b:ring", 200000, 200000);
}

static double lua_fanin(uint32_t workers)
{
    return lua_row(workers, "b:fanin", 50000, 4 * 50000);
}

static double lua_spawn(uint32_t workers)
{
    return lua_row(workers, "b:spawn", 20000, 20000);
}

static double lua_bytes(uint32_t workers)
{
    bench b;
    double before, after;
    int64_t count = 20000;
    open_lua(&b, workers);
    before = resident_bytes();
    (void)run_lua(&b, "b:crowd", count, CLOCK_MONOTONIC);
    settle(&b);
    after = resident_bytes();
    close_bench(&b);
    return (after - before) / (double)count;
}

static double lua_timers(uint32_t workers)
{
    bench b;
    double took;
    open_lua(&b, workers);
    took = run_lua(&b, "b:timers", 20000, CLOCK_PROCESS_CPUTIME_ID);
    close_bench(&b);
    return took;
}

/* ---- table ---- */

typedef struct row {
    const char *name;
    const char *lang;
    const char *unit;
    double (*run)(uint32_t workers);
} row;

static const row rows[] = {
    {"pingpong", "c", "messages/s", c_pingpong},
    {"ring1", "c", "messages/s", c_ring1},
    {"fanin", "c", "messages/s", c_fanin},
    {"spawn", "c", "processes/s", c_spawn},
    {"bytes", "c", "bytes/process", c_bytes},
    {"timers", "c", "s of CPU, 200,000", c_timers},
    {"pingpong", "lua", "messages/s", lua_pingpong},
    {"ring1", "lua", "messages/s", lua_ring1},
    {"fanin", "lua", "messages/s", lua_fanin},
    {"spawn", "lua", "processes/s", lua_spawn},
    {"bytes", "lua", "bytes/process", lua_bytes},
    {"timers", "lua", "s of CPU, 20,000", lua_timers},
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const row *what, uint32_t workers, int runs, FILE *json, int *printed)
{
    double results[RUNS_MAX];
    int i;
    (void)what->run(workers); /* warm */
    for (i = 0; i < runs; i++) {
        results[i] = what->run(workers);
    }
    qsort(results, (size_t)runs, sizeof(results[0]), by_size);
    printf("%-10s %-4s %7u   %14.6g %14.6g %14.6g   %s\n", what->name, what->lang, workers,
           results[runs / 2], results[0], results[runs - 1], what->unit);
    fflush(stdout);
    fprintf(json,
            "%s  {\"row\": \"%s\", \"lang\": \"%s\", \"workers\": %u, \"unit\": \"%s\", "
            "\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}",
            (*printed)++ > 0 ? ",\n" : "", what->name, what->lang, workers, what->unit,
            results[runs / 2], results[0], results[runs - 1]);
}

static int wanted(const row *what, char **names, int count)
{
    char full[32];
    int i;
    snprintf(full, sizeof(full), "%s-%s", what->lang, what->name);
    for (i = 0; i < count; i++) {
        if (strcmp(names[i], what->name) == 0 || strcmp(names[i], full) == 0 ||
            strcmp(names[i], what->lang) == 0) {
            return 1;
        }
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    const char *path = "build/bench.json";
    int runs = 5;
    int printed = 0;
    int option;
    size_t i;
    FILE *json;
    while ((option = getopt(argc, argv, "r:o:")) != -1) {
        if (option == 'r') {
            runs = atoi(optarg);
        } else if (option == 'o') {
            path = optarg;
        } else {
            return 2;
        }
    }
    if (runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "bench: runs must be 1..%d\n", RUNS_MAX);
        return 2;
    }
    json = fopen(path, "w");
    if (json == NULL) {
        fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("%-10s %-4s %7s   %14s %14s %14s   %s\n", "row", "lang", "workers", "median", "min", "max",
           "unit");
    fprintf(json, "[\n");
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t workers;
        if (!wanted(&rows[i], argv + optind, argc - optind)) {
            continue;
        }
        for (workers = 1; workers <= 2; workers++) {
            measure(&rows[i], workers, runs, json, &printed);
        }
    }
    fprintf(json, "\n]\n");
    return fclose(json) == 0 ? 0 : 1;
}
