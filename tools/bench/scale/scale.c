/* What one more thing costs when there are many already.

     scale [-m MOST] [CURVE...]

   Prints lines "curve expected n ns": nanoseconds of processor time for one operation when there are n things;
   `expected` is what the cost may do as n grows: "flat", or "linear" for what the manual calls linear.
   One thread and a pump host, but for `workers`. Each point is the best of three. MOST bounds n (default
   10,000,000); processes stop earlier when memory is short. Curves:

     spawn          one process, until n are alive
     message        to any of n processes, and its step
     mailbox        send and receive, n messages waiting at once
     shelf          keep one of n messages on a shelf and take it again
     name           register, find and release a name beside n others
     monitor        one process watches n others: set up, and hear of each exit
     watchers       n processes watch one that ends
     timer          set and drop a timer beside n others
     entry          look up one of n registry entries
     load           read and load a YAML file of n entries: one entry
     apply          one change to a registry of n entries (linear)
     workers        one message of `random` (200 processes), n workers; wall clock */
#include "bench.h"

#include <math.h>

#define TRIES 3

static double cpu_ns(void)
{
    return bench_seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e9;
}

/* ---- a process that does what it is told ---- */

typedef double (*job_fn)(wippy_self *self, bench *b, uint64_t n);

typedef struct order {
    job_fn job;
    uint64_t n;
    double ns;
} order;

static wippy_status doer_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    (void)state;
    while ((mail = bench_next(self)) != NULL) {
        order *o;
        if (mail->size == sizeof(o)) {
            memcpy(&o, wippy_mail_data(mail), sizeof(o));
            o->ns = o->job(self, b, o->n);
        }
    }
    return WIPPY_IDLE;
}

static void pump(bench *b)
{
    bench_settle(b);
}

/* What the job measured, run in a step on a fresh runtime. */
static double in_a_step(job_fn job, uint64_t n)
{
    bench b;
    order o;
    order *to = &o;
    wippy_type type;
    o.job = job;
    o.n = n;
    o.ns = -1;
    bench_open(&b, 0, NULL);
    type = bench_type(&b, "doer", 8, NULL, doer_step, NULL);
    bench_send(&b, bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0), &to, sizeof(to));
    pump(&b);
    bench_close(&b);
    return o.ns;
}

/* ---- processes ---- */

static wippy_status idle_step(wippy_self *self, void *state)
{
    uint64_t *seen = (uint64_t *)state;
    while (bench_next(self) != NULL) {
        ++*seen;
    }
    return WIPPY_IDLE;
}

static void idle_close(wippy_self *self, void *state)
{
    bench_count((bench *)wippy_self_user_data(self), *(uint64_t *)state);
}

#define MESSAGES 200000

/* Values 0: spawn, 1: a message to any of them. */
static void with_processes(uint64_t n, double *values)
{
    bench b;
    wippy_type type;
    wippy_pid *pids = (wippy_pid *)malloc(n * sizeof(*pids));
    uint64_t random = n;
    uint64_t i;
    memset(pids, 0, n * sizeof(*pids));
    bench_open(&b, 0, NULL);
    type = bench_type(&b, "idle", 8, NULL, idle_step, idle_close);
    values[0] = cpu_ns();
    for (i = 0; i < n; i++) {
        pids[i] = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    }
    values[0] = (cpu_ns() - values[0]) / (double)n;
    pump(&b);
    values[1] = cpu_ns();
    for (i = 0; i < MESSAGES; i++) {
        bench_send(&b, pids[bench_random(&random) % n], NULL, 0);
        if (i % 100 == 99) {
            pump(&b);
        }
    }
    pump(&b);
    values[1] = (cpu_ns() - values[1]) / MESSAGES;
    bench_close(&b);
    bench_check("messages", b.counted, MESSAGES);
    free(pids);
}

static double spawn_point(uint64_t n)
{
    double values[2];
    with_processes(n, values);
    return values[0];
}

static double message_point(uint64_t n)
{
    double values[2];
    with_processes(n, values);
    return values[1];
}

/* ---- mailboxes ---- */

static double mailbox_point(uint64_t n)
{
    bench b;
    wippy_pid pid;
    uint64_t rounds = n < 100000 ? 100000 / n : 1;
    uint64_t i, round;
    double start;
    bench_open(&b, 0, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt),
                      bench_type(&b, "idle", 8, NULL, idle_step, idle_close), NULL, 0, 0);
    pump(&b);
    start = cpu_ns();
    for (round = 0; round < rounds; round++) {
        for (i = 0; i < n; i++) {
            bench_send(&b, pid, NULL, 0);
        }
        pump(&b);
    }
    start = (cpu_ns() - start) / (double)(rounds * n);
    bench_close(&b);
    bench_check("messages", b.counted, rounds * n);
    return start;
}

typedef struct keeper {
    uint64_t kept;
    uint64_t expected;
} keeper;

/* Keeps everything that has no payload; at the message with one takes all of it again. */
static wippy_status keeper_step(wippy_self *self, void *state)
{
    keeper *k = (keeper *)state;
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->size == 0) {
            wippy_shelf_keep(self, mail, 0);
            k->kept++;
            continue;
        }
        while (wippy_shelf_take(self, 0) != NULL) {
            k->expected++;
        }
        if (k->expected == k->kept) {
            bench_count((bench *)wippy_self_user_data(self), k->kept);
        }
    }
    return WIPPY_IDLE;
}

static double shelf_point(uint64_t n)
{
    bench b;
    wippy_pid pid;
    uint64_t i;
    double start;
    bench_open(&b, 0, NULL);
    pid =
        bench_spawn(&b, wippy_outside(b.rt),
                    bench_type(&b, "keeper", sizeof(keeper), NULL, keeper_step, NULL), NULL, 0, 0);
    for (i = 0; i < n; i++) {
        bench_send(&b, pid, NULL, 0);
    }
    bench_send(&b, pid, &i, sizeof(i));
    start = cpu_ns();
    pump(&b);
    start = (cpu_ns() - start) / (double)n;
    bench_close(&b);
    bench_check("kept messages", b.counted, n);
    return start;
}

/* ---- names ---- */

#define ROUNDS 50000

static void make_name(char *text, uint64_t number)
{
    snprintf(text, 32, "name-%llu", (unsigned long long)number);
}

static double name_job(wippy_self *self, bench *b, uint64_t n)
{
    wippy_pid me = wippy_self_pid(self);
    wippy_pid found;
    char text[32];
    uint64_t random = 1;
    uint64_t i, good;
    double start;
    (void)b;
    for (i = 0; i < n; i++) {
        make_name(text, i);
        (void)wippy_name_register(self, text, 0, me);
    }
    start = cpu_ns();
    for (i = 0, good = 0; i < ROUNDS; i++) {
        make_name(text, bench_random(&random) % n);
        good += wippy_name_find(wippy_self_runtime(self), text, 0, &found) == WIPPY_OK &&
                wippy_name_register(self, "another", 7, me) == WIPPY_OK &&
                wippy_name_release(self, "another", 7) == WIPPY_OK;
    }
    start = cpu_ns() - start;
    bench_check("names", good, ROUNDS);
    return start / ROUNDS;
}

static double name_point(uint64_t n)
{
    return in_a_step(name_job, n);
}

/* ---- monitors ---- */

static wippy_status mortal_step(wippy_self *self, void *state)
{
    (void)state;
    return bench_next(self) != NULL ? wippy_done(self) : WIPPY_IDLE;
}

typedef struct watcher {
    wippy_pid *targets;
    uint64_t count;
    uint64_t exits;
} watcher;

static wippy_status watcher_step(wippy_self *self, void *state)
{
    watcher *w = (watcher *)state;
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_EXIT) {
            w->exits++;
            continue;
        }
        for (uint64_t i = 0; i < w->count; i++) {
            wippy_result r = wippy_monitor(self, w->targets[i]);
            if (r != WIPPY_OK) {
                bench_die("monitor", r);
            }
        }
    }
    return WIPPY_IDLE;
}

static void watcher_close(wippy_self *self, void *state)
{
    bench_count((bench *)wippy_self_user_data(self), ((watcher *)state)->exits);
}

/* `watchers` processes that each watch `targets` others, which then end; one relation. */
static double relation_cost(uint64_t watchers, uint64_t targets)
{
    bench b;
    wippy_type mortal, type;
    wippy_pid *pids = (wippy_pid *)malloc(targets * sizeof(*pids));
    watcher w;
    uint64_t i;
    double start;
    bench_open(&b, 0, NULL);
    mortal = bench_type(&b, "mortal", 8, NULL, mortal_step, NULL);
    type = bench_type(&b, "watcher", sizeof(w), bench_copy_init, watcher_step, watcher_close);
    for (i = 0; i < targets; i++) {
        pids[i] = bench_spawn(&b, wippy_outside(b.rt), mortal, NULL, 0, 0);
    }
    memset(&w, 0, sizeof(w));
    w.targets = pids;
    w.count = targets;
    for (i = 0; i < watchers; i++) {
        bench_send(&b, bench_spawn(&b, wippy_outside(b.rt), type, &w, sizeof(w), 0), NULL, 0);
    }
    start = cpu_ns();
    pump(&b);
    for (i = 0; i < targets; i++) {
        bench_send(&b, pids[i], NULL, 0);
    }
    pump(&b);
    start = (cpu_ns() - start) / (double)(watchers * targets);
    bench_close(&b);
    bench_check("exits", b.counted, watchers * targets);
    free(pids);
    return start;
}

static double monitor_point(uint64_t n)
{
    return relation_cost(1, n);
}

static double watchers_point(uint64_t n)
{
    return relation_cost(n, 1);
}

/* ---- timers ---- */

static double timer_job(wippy_self *self, bench *b, uint64_t n)
{
    wippy_token token;
    uint64_t random = 1;
    uint64_t i, good;
    double start;
    (void)b;
    for (i = 0; i < n; i++) {
        (void)wippy_timer(self, 60000000000u + bench_random(&random) * 10, i, NULL);
    }
    start = cpu_ns();
    for (i = 0, good = 0; i < ROUNDS; i++) {
        uint64_t delay = 60000000000u + bench_random(&random) * 10;
        good += wippy_timer(self, delay, i, &token) == WIPPY_PENDING &&
                wippy_drop(self, token) == WIPPY_OK;
    }
    start = cpu_ns() - start;
    bench_check("timers", good, ROUNDS);
    return start / ROUNDS;
}

static double timer_point(uint64_t n)
{
    return in_a_step(timer_job, n);
}

/* ---- registry ---- */

static char *make_entries(uint64_t n)
{
    size_t room = 64 + n * 96;
    char *text = (char *)malloc(room);
    size_t size = (size_t)snprintf(text, room, "namespace: n\nentries:\n");
    uint64_t i;
    for (i = 0; i < n; i++) {
        size += (size_t)snprintf(text + size, room - size,
                                 "  - name: e%llu\n    kind: registry.entry\n    value: %llu\n",
                                 (unsigned long long)i, (unsigned long long)i);
    }
    return text;
}

/* Values 0: an entry of the load, 1: a look-up, 2: one change. */
static void with_entries(uint64_t n, double *values)
{
    bench b;
    char *text = make_entries(n);
    uint64_t random = 1;
    uint64_t i, changes = 20;
    bench_open(&b, 0, NULL);
    values[0] = cpu_ns();
    bench_load(&b, "entries", text);
    values[0] = (cpu_ns() - values[0]) / (double)n;
    values[1] = cpu_ns();
    for (i = 0; i < ROUNDS; i++) {
        wippy_entry *entry;
        char id[32];
        snprintf(id, sizeof(id), "n:e%llu", (unsigned long long)(bench_random(&random) % n));
        if (wippy_entry_get(b.rt, id, &entry) != WIPPY_OK) {
            bench_die("entry", WIPPY_ERR_NOTFOUND);
        }
        wippy_entry_release(b.rt, entry);
    }
    values[1] = (cpu_ns() - values[1]) / ROUNDS;
    values[2] = cpu_ns();
    for (i = 0; i < changes; i++) {
        wippy_registry_change change;
        memset(&change, 0, sizeof(change));
        change.op = WIPPY_ENTRY_UPDATE;
        change.id = "n:e0";
        if (wippy_registry_apply(b.rt, &change, 1, NULL, NULL) != WIPPY_OK) {
            bench_die("apply", WIPPY_ERR_INVALID);
        }
    }
    values[2] = (cpu_ns() - values[2]) / (double)changes;
    bench_close(&b);
    free(text);
}

static double load_point(uint64_t n)
{
    double values[3];
    with_entries(n, values);
    return values[0];
}

static double entry_point(uint64_t n)
{
    double values[3];
    with_entries(n, values);
    return values[1];
}

static double apply_point(uint64_t n)
{
    double values[3];
    with_entries(n, values);
    return values[2];
}

/* ---- workers ---- */

static double workers_point(uint64_t n)
{
    return 1e9 / bench_random_pairs((uint32_t)n);
}

/* ---- curves ---- */

typedef struct curve {
    const char *name;
    const char *expected;
    double (*point)(uint64_t n);
    uint64_t least;
    uint64_t most;
    uint32_t factor;
} curve;

static const curve curves[] = {
    {"spawn", "flat", spawn_point, 1000, 10000000, 10},
    {"message", "flat", message_point, 1000, 10000000, 10},
    {"mailbox", "flat", mailbox_point, 1, 1000000, 10},
    {"shelf", "flat", shelf_point, 10, 1000000, 10},
    {"name", "flat", name_point, 10, 1000000, 10},
    {"monitor", "flat", monitor_point, 100, 1000000, 10},
    {"watchers", "flat", watchers_point, 100, 1000000, 10},
    {"timer", "flat", timer_point, 10, 1000000, 10},
    {"entry", "flat", entry_point, 10, 100000, 10},
    {"load", "flat", load_point, 10, 100000, 10},
    {"apply", "linear", apply_point, 10, 100000, 10},
    {"workers", "flat", workers_point, 1, 64, 2},
};

/* Half of what is free, at 256 bytes for a process. */
static uint64_t memory_allows(void)
{
    double free_bytes = (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return (uint64_t)(free_bytes / 2 / 256);
}

static void draw(const curve *c, uint64_t most)
{
    uint64_t n;
    for (n = c->least; n <= c->most && n <= most; n *= c->factor) {
        double best = INFINITY;
        int try;
        for (try = 0; try < TRIES; try++) {
            double ns = c->point(n);
            best = ns < best ? ns : best;
        }
        printf("%s %s %llu %.1f\n", c->name, c->expected, (unsigned long long)n, best);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    uint64_t most = 10000000;
    uint64_t room = memory_allows();
    size_t i;
    int option;
    while ((option = getopt(argc, argv, "m:")) != -1) {
        if (option != 'm') {
            fprintf(stderr, "usage: scale [-m MOST] [CURVE...]\n");
            return 2;
        }
        most = strtoull(optarg, NULL, 10);
    }
    most = most < room ? most : room;
    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        int wanted = optind == argc;
        int a;
        for (a = optind; a < argc; a++) {
            wanted |= strcmp(argv[a], curves[i].name) == 0;
        }
        if (wanted) {
            draw(&curves[i], most);
        }
    }
    return 0;
}
