/* Rows about how long things take one by one, in microseconds.

     latency            request to answer between two processes, nothing else to do
     latency_busy       the same, 500 requests a second on two workers that have 1,000 other processes to
                        run, each in steps of 20 us without end; _high: with both processes of high
                        priority. busy_wait: longest wait of such a busy process for its next step, as a
                        multiple of the mean, which is its fair share
     wake               from wippy_send() on a foreign thread to the step, on a worker that sleeps
     frame              a loop that pumps a host 250 times a second beside a pool that is busy: how long
                        the pump takes; _jitter: how far the distance of two frame ends is from 4 ms;
                        _alone: the pool is idle */
#include "bench.h"

#include <math.h>

#define BUSY_PROCESSES 1000
#define BUSY_US        20

typedef struct samples {
    double *us;
    uint64_t count;
    uint64_t room;
} samples;

static void samples_open(samples *s, uint64_t room)
{
    s->us = (double *)malloc(room * sizeof(*s->us));
    memset(s->us, 0, room * sizeof(*s->us));
    s->room = room;
    s->count = 0;
}

static void samples_add(samples *s, uint64_t ns)
{
    if (s->count < s->room) {
        s->us[s->count++] = (double)ns / 1000;
    }
}

static void samples_report(samples *s, double *values)
{
    values[0] = bench_percentile(s->us, s->count, 0.5);
    values[1] = bench_percentile(s->us, s->count, 0.99);
    values[2] = bench_percentile(s->us, s->count, 0.999);
    free(s->us);
}

/* ---- requests: the client stamps them, the server sends the stamp back ---- */

typedef struct client {
    wippy_pid server;
    uint64_t every_ns; /* 0: the next one after the answer */
    uint64_t due_ns;   /* of the next one */
    uint64_t sent;
    uint64_t answered;
} client;

static wippy_status server_step(wippy_self *self, void *state)
{
    const wippy_mail *mail;
    (void)state;
    while ((mail = bench_next(self)) != NULL) {
        (void)wippy_send(self, mail->from, mail->topic, wippy_mail_data(mail), mail->size);
    }
    return WIPPY_IDLE;
}

static void request(wippy_self *self, bench *b, client *c, uint64_t now)
{
    if (c->sent < ((samples *)b->data)->room) {
        c->sent++;
        (void)wippy_send(self, c->server, b->topic, &now, sizeof(now));
    }
}

/* Whatever is due by now, then sleep until the next one. */
static void requests_due(wippy_self *self, bench *b, client *c)
{
    uint64_t now = bench_now_ns();
    c->due_ns = c->due_ns == 0 ? now : c->due_ns;
    for (; c->due_ns <= now; c->due_ns += c->every_ns) {
        request(self, b, c, bench_now_ns());
    }
    (void)wippy_timer(self, c->due_ns - now, 0, NULL);
}

static wippy_status client_step(wippy_self *self, void *state)
{
    client *c = (client *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    samples *s = (samples *)b->data;
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_MESSAGE && mail->size == sizeof(uint64_t)) {
            uint64_t now = bench_now_ns();
            uint64_t stamp;
            memcpy(&stamp, wippy_mail_data(mail), sizeof(stamp));
            samples_add(s, now - stamp);
            c->answered++;
            if (c->every_ns == 0) {
                request(self, b, c, now);
            }
        } else if (c->every_ns == 0) {
            request(self, b, c, bench_now_ns());
        } else {
            requests_due(self, b, c);
        }
    }
    if (c->answered == s->room) {
        bench_finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static wippy_pid spawn_client(bench *b, uint64_t every_ns, uint32_t flags)
{
    wippy_type server_type = bench_type(b, "server", 8, NULL, server_step, NULL);
    wippy_type type = bench_type(b, "client", sizeof(client), bench_copy_init, client_step, NULL);
    client c;
    memset(&c, 0, sizeof(c));
    c.server = bench_spawn(b, wippy_outside(b->rt), server_type, NULL, 0, flags);
    c.every_ns = every_ns;
    return bench_spawn(b, wippy_outside(b->rt), type, &c, sizeof(c), flags);
}

static void c_latency(uint32_t workers, double *values)
{
    bench b;
    samples s;
    wippy_pid pid;
    samples_open(&s, 200000);
    bench_open(&b, workers, NULL);
    b.data = &s;
    pid = spawn_client(&b, 0, 0);
    bench_expect(&b, 1);
    bench_send(&b, pid, NULL, 0);
    (void)bench_await(&b);
    bench_close(&b);
    samples_report(&s, values);
}

/* ---- processes that are always busy ---- */

typedef struct busy_watch {
    uint32_t is_measuring; /* atomic */
    uint64_t longest_ns;   /* atomic, as the rest */
    uint64_t waits_ns;
    uint64_t waits;
} busy_watch;

static busy_watch watch;

typedef struct busy {
    uint64_t seed;
    uint64_t last_ns; /* 0: not measured yet */
    uint64_t longest_ns;
    uint64_t waits_ns;
    uint64_t waits;
} busy;

static void busy_measure(busy *p)
{
    uint64_t now;
    if (!__atomic_load_n(&watch.is_measuring, __ATOMIC_RELAXED)) {
        return;
    }
    now = bench_now_ns();
    if (p->last_ns != 0) {
        uint64_t wait = now - p->last_ns;
        p->longest_ns = wait > p->longest_ns ? wait : p->longest_ns;
        p->waits_ns += wait;
        p->waits++;
    }
    p->last_ns = now;
}

static wippy_status busy_step(wippy_self *self, void *state)
{
    busy *p = (busy *)state;
    while (bench_next(self) != NULL) {
    }
    busy_measure(p);
    p->seed = bench_burn(BUSY_US, p->seed);
    return WIPPY_CONTINUE;
}

static void busy_close(wippy_self *self, void *state)
{
    busy *p = (busy *)state;
    uint64_t longest = __atomic_load_n(&watch.longest_ns, __ATOMIC_RELAXED);
    (void)self;
    while (p->longest_ns > longest &&
           !__atomic_compare_exchange_n(&watch.longest_ns, &longest, p->longest_ns, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    __atomic_fetch_add(&watch.waits_ns, p->waits_ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&watch.waits, p->waits, __ATOMIC_RELAXED);
}

static void spawn_busy(bench *b)
{
    wippy_type type = bench_type(b, "busy", sizeof(busy), bench_copy_init, busy_step, busy_close);
    uint64_t i;
    memset(&watch, 0, sizeof(watch));
    for (i = 0; i < BUSY_PROCESSES; i++) {
        (void)bench_spawn(b, wippy_outside(b->rt), type, &i, sizeof(i), 0);
    }
}

/* Value 3: the longest wait as a multiple of the mean one. */
static void run_busy(uint32_t workers, uint32_t flags, double *values)
{
    bench b;
    samples s;
    wippy_pid pid;
    samples_open(&s, 1000); /* two seconds */
    bench_open(&b, workers, NULL);
    b.data = &s;
    spawn_busy(&b);
    pid = spawn_client(&b, 2000000, flags);
    bench_expect(&b, 1);
    __atomic_store_n(&watch.is_measuring, 1, __ATOMIC_RELAXED);
    bench_send(&b, pid, NULL, 0);
    (void)bench_await(&b);
    bench_close(&b);
    if (watch.waits < BUSY_PROCESSES) {
        bench_check("waits of busy processes", watch.waits, BUSY_PROCESSES);
    }
    values[3] = (double)watch.longest_ns * (double)watch.waits / (double)watch.waits_ns;
    samples_report(&s, values);
}

static void c_busy(uint32_t workers, double *values)
{
    run_busy(workers, 0, values);
}

static void c_busy_high(uint32_t workers, double *values)
{
    run_busy(workers, WIPPY_SPAWN_HIGH, values);
}

/* ---- waking a worker that sleeps ---- */

#define WAKES 500

static wippy_status woken_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    (void)state;
    while ((mail = bench_next(self)) != NULL) {
        uint64_t stamp;
        memcpy(&stamp, wippy_mail_data(mail), sizeof(stamp));
        samples_add((samples *)b->data, bench_now_ns() - stamp);
        bench_finish(b);
    }
    return WIPPY_IDLE;
}

/* Every worker went to sleep once more than before. */
static void await_sleep(bench *b, uint64_t *slept)
{
    wippy_host_info info;
    do {
        usleep(200);
        (void)wippy_host_stats(b->rt, b->host, &info);
    } while (info.parked == *slept);
    *slept = info.parked;
    usleep(200); /* from the count to the sleep itself */
}

static void c_wake(uint32_t workers, double *values)
{
    bench b;
    samples s;
    wippy_type type;
    wippy_pid pid;
    uint64_t slept = 0;
    int i;
    samples_open(&s, WAKES);
    bench_open(&b, workers, NULL);
    b.data = &s;
    type = bench_type(&b, "woken", 8, NULL, woken_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    bench_settle(&b);
    for (i = 0; i < WAKES; i++) {
        uint64_t stamp;
        await_sleep(&b, &slept);
        bench_expect(&b, 1);
        stamp = bench_now_ns();
        bench_send(&b, pid, &stamp, sizeof(stamp));
        (void)bench_await(&b);
    }
    bench_close(&b);
    bench_check("wakes", s.count, WAKES);
    samples_report(&s, values);
}

/* ---- a frame loop with a pump ---- */

#define FRAMES       250
#define FRAME_NS     4000000
#define FRAME_ACTORS 200

/* Mail from outside is passed on to the next actor, which counts it. */
static wippy_status actor_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    uint64_t *seen = (uint64_t *)state;
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->size == sizeof(wippy_pid)) {
            wippy_pid next;
            memcpy(&next, wippy_mail_data(mail), sizeof(next));
            (void)wippy_send(self, next, b->topic, NULL, 0);
        } else {
            ++*seen;
        }
    }
    return WIPPY_IDLE;
}

static void actor_close(wippy_self *self, void *state)
{
    bench_count((bench *)wippy_self_user_data(self), *(uint64_t *)state);
}

static void sleep_until(uint64_t ns)
{
    struct timespec t;
    t.tv_sec = (time_t)(ns / 1000000000);
    t.tv_nsec = (long)(ns % 1000000000);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

static void frame_loop(bench *b, wippy_host host, const wippy_pid *actors, samples *pump,
                       samples *jitter)
{
    uint64_t due = bench_now_ns();
    uint64_t last_end = 0;
    int frame, i;
    for (frame = 0; frame < FRAMES; frame++) {
        uint64_t start, end;
        sleep_until(due);
        start = bench_now_ns();
        for (i = 0; i < FRAME_ACTORS; i++) {
            bench_send(b, actors[i], &actors[(i + 1) % FRAME_ACTORS], sizeof(wippy_pid));
        }
        (void)wippy_pump(b->rt, host, UINT64_MAX, 0);
        end = bench_now_ns();
        samples_add(pump, end - start);
        if (last_end != 0) {
            samples_add(jitter, (uint64_t)llabs((long long)(end - last_end) - FRAME_NS));
        }
        last_end = end;
        due += FRAME_NS;
    }
}

/* Values 0 and 1: pump, median and 99th percentile; 2: jitter, 99th percentile. */
static void run_frames(uint32_t workers, int is_busy, double *values)
{
    bench b;
    samples pump, jitter;
    wippy_host_desc desc;
    wippy_host host;
    wippy_type type;
    wippy_pid actors[FRAME_ACTORS];
    double all[3];
    int i;
    samples_open(&pump, FRAMES);
    samples_open(&jitter, FRAMES);
    bench_open(&b, workers, NULL);
    memset(&desc, 0, sizeof(desc));
    desc.name = "bench:pump";
    desc.kind = WIPPY_HOST_PUMP;
    if (wippy_host_create(b.rt, &desc, &host) != WIPPY_OK) {
        bench_die("pump host", WIPPY_ERR_INTERNAL);
    }
    type = bench_type(&b, "actor", sizeof(uint64_t), NULL, actor_step, actor_close);
    for (i = 0; i < FRAME_ACTORS; i++) {
        actors[i] = bench_spawn_on(&b, host, type, NULL, 0);
    }
    if (is_busy) {
        spawn_busy(&b);
    }
    frame_loop(&b, host, actors, &pump, &jitter);
    bench_close(&b);
    bench_check("frame messages", b.counted, FRAMES * FRAME_ACTORS);
    samples_report(&pump, all);
    values[0] = all[0];
    values[1] = all[1];
    samples_report(&jitter, all);
    values[2] = all[1];
}

static void c_frame(uint32_t workers, double *values)
{
    run_frames(workers, 1, values);
    run_frames(workers, 0, values + 3);
}

const bench_row bench_latency_rows[] = {
    {"c", c_latency, 1, {{"latency", "us"}, {"latency_p99", "us"}, {"latency_p999", "us"}}},
    {"c",
     c_busy,
     2,
     {{"latency_busy", "us"},
      {"latency_busy_p99", "us"},
      {"latency_busy_p999", "us"},
      {"busy_wait", "fair shares"}}},
    {"c",
     c_busy_high,
     2,
     {{"latency_busy_high", "us"},
      {"latency_busy_high_p99", "us"},
      {"latency_busy_high_p999", "us"},
      {"busy_wait_high", "fair shares"}}},
    {"c", c_wake, 1, {{"wake", "us"}, {"wake_p99", "us"}, {"wake_p999", "us"}}},
    {"c",
     c_frame,
     0,
     {{"frame", "us"},
      {"frame_p99", "us"},
      {"frame_jitter_p99", "us"},
      {"frame_alone", "us"},
      {"frame_alone_p99", "us"},
      {"frame_alone_jitter_p99", "us"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
