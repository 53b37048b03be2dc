/* Rows about messages: pingpong, ring1, ring100, random, fanin, call. Messages are 8 bytes. */
#include "bench.h"

/* ---- ping-pong and rings: pass a countdown on ---- */

typedef struct passer {
    wippy_pid next; /* zero: back to the sender */
    uint64_t passed;
} passer;

static wippy_status passer_step(wippy_self *self, void *state)
{
    passer *p = (passer *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        uint64_t left;
        if (mail->size != sizeof(left)) { /* the first mail of all: who is next */
            memcpy(p, wippy_mail_data(mail), sizeof(*p));
            continue;
        }
        memcpy(&left, wippy_mail_data(mail), sizeof(left));
        p->passed++;
        if (left == 0) {
            bench_finish(b);
            continue;
        }
        left--;
        (void)wippy_send(self, p->next.id != 0 ? p->next : mail->from, b->topic, &left,
                         sizeof(left));
    }
    return WIPPY_IDLE;
}

static void passer_close(wippy_self *self, void *state)
{
    bench_count((bench *)wippy_self_user_data(self), ((passer *)state)->passed);
}

/* `tokens` go round `count` processes, `hops` hops together; answers hops in a second. */
static double run_ring(const wippy_desc *desc, const char *entries, uint32_t workers,
                       uint32_t count, uint32_t tokens, uint64_t hops)
{
    bench b;
    wippy_type type;
    wippy_pid *pids = (wippy_pid *)malloc(count * sizeof(*pids));
    passer setup;
    uint64_t each =
        bench_scaled(hops) / tokens - 1; /* a token that says n is received n + 1 times */
    double start, took;
    uint32_t i;
    bench_open(&b, workers, desc);
    if (entries != NULL) {
        bench_load(&b, "entries", entries);
    }
    type = bench_type(&b, "passer", sizeof(passer), NULL, passer_step, passer_close);
    memset(&setup, 0, sizeof(setup));
    for (i = 0; i < count; i++) {
        pids[i] = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    }
    for (i = 0; i < count; i++) {
        setup.next = pids[(i + 1) % count];
        bench_send(&b, pids[i], &setup, sizeof(setup));
    }
    bench_settle(&b);
    bench_expect(&b, (int)tokens);
    start = bench_seconds(CLOCK_MONOTONIC);
    for (i = 0; i < tokens; i++) {
        bench_send(&b, pids[(uint64_t)i * count / tokens], &each, sizeof(each));
    }
    took = bench_await(&b) - start;
    free(pids);
    bench_close(&b);
    bench_check("hops", b.counted, bench_scaled(hops));
    bench_worked += b.counted;
    return (double)b.counted / took;
}

double bench_pingpong(const wippy_desc *desc, const char *entries, uint32_t workers, uint64_t hops)
{
    return run_ring(desc, entries, workers, 2, 1, hops);
}

static void c_pingpong(uint32_t workers, double *values)
{
    values[0] = run_ring(NULL, NULL, workers, 2, 1, 5000000);
}

static void c_ring1(uint32_t workers, double *values)
{
    values[0] = run_ring(NULL, NULL, workers, 1000, 1, 3000000);
}

static void c_ring100(uint32_t workers, double *values)
{
    values[0] = run_ring(NULL, NULL, workers, 1000, 100, 5000000);
}

/* ---- random pairs: each of 200 processes sends what it gets to any other ---- */

#define WANDERERS     200
#define WANDERER_HOPS 20000 /* of each of the 200 messages */

typedef struct wanderer {
    uint64_t random;
    uint64_t passed;
} wanderer;

static wippy_status wanderer_step(wippy_self *self, void *state)
{
    wanderer *w = (wanderer *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_pid *pids = (const wippy_pid *)b->data;
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        uint64_t left;
        memcpy(&left, wippy_mail_data(mail), sizeof(left));
        w->passed++;
        if (left == 0) {
            bench_finish(b);
            continue;
        }
        left--;
        (void)wippy_send(self, pids[bench_random(&w->random) % WANDERERS], b->topic, &left,
                         sizeof(left));
    }
    return WIPPY_IDLE;
}

static void wanderer_close(wippy_self *self, void *state)
{
    bench_count((bench *)wippy_self_user_data(self), ((wanderer *)state)->passed);
}

/* `spread`: every other process on a second host, whose only worker is another thread. */
static double run_random(uint32_t workers, int spread)
{
    bench b;
    wippy_pid pids[WANDERERS];
    wippy_host second;
    wippy_type type;
    uint64_t each = bench_scaled(WANDERER_HOPS);
    uint64_t hops = each - 1;
    double start, took;
    uint32_t i;
    bench_open(&b, workers, NULL);
    second = spread ? bench_add_host(&b, "bench:second", workers) : b.host;
    type = bench_type(&b, "wanderer", sizeof(wanderer), bench_copy_init, wanderer_step,
                      wanderer_close);
    for (i = 0; i < WANDERERS; i++) {
        uint64_t seed = i + 1;
        pids[i] = bench_spawn_on(&b, i % 2 == 0 ? b.host : second, type, &seed, sizeof(seed));
    }
    b.data = pids;
    bench_expect(&b, WANDERERS);
    start = bench_seconds(CLOCK_MONOTONIC);
    for (i = 0; i < WANDERERS; i++) {
        bench_send(&b, pids[i], &hops, sizeof(hops));
    }
    took = bench_await(&b) - start;
    bench_close(&b);
    bench_check("hops", b.counted, WANDERERS * each);
    bench_worked += b.counted;
    return (double)b.counted / took;
}

double bench_random_pairs(uint32_t workers)
{
    return run_random(workers, 0);
}

static void c_random(uint32_t workers, double *values)
{
    values[0] = run_random(workers, 0);
}

static void c_random_spread(uint32_t workers, double *values)
{
    values[0] = run_random(workers / 2, 1);
}

/* ---- fan-in: four senders, windows of 100 kept open by the receiver's answers ---- */

#define FANIN_SENDERS 4
#define FANIN_EACH    500000
#define FANIN_WINDOW  100

typedef struct fan {
    wippy_pid sink;
    uint64_t sent;
    uint64_t got[FANIN_SENDERS];
    uint64_t all;
} fan;

typedef struct fan_message {
    uint32_t sender;
    uint32_t number;
} fan_message;

static wippy_status sender_step(wippy_self *self, void *state)
{
    uint64_t each = bench_scaled(FANIN_EACH);
    fan *f = (fan *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        fan_message message;
        uint32_t i;
        memcpy(&message.sender, wippy_mail_data(mail), sizeof(message.sender));
        for (i = 0; i < FANIN_WINDOW && f->sent < each; i++) {
            message.number = (uint32_t)f->sent++;
            (void)wippy_send(self, f->sink, b->topic, &message, sizeof(message));
        }
    }
    return f->sent == each ? wippy_done(self) : WIPPY_IDLE;
}

/* The messages of a sender must come in their order, none twice. */
static wippy_status sink_step(wippy_self *self, void *state)
{
    fan *f = (fan *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        fan_message message;
        memcpy(&message, wippy_mail_data(mail), sizeof(message));
        if (message.number != f->got[message.sender]) {
            bench_check("order of fan-in", message.number, f->got[message.sender]);
        }
        f->got[message.sender]++;
        f->all++;
        if (f->got[message.sender] % FANIN_WINDOW == 0) {
            (void)wippy_send(self, mail->from, b->topic, &message.sender, sizeof(message.sender));
        }
    }
    if (f->all == FANIN_SENDERS * bench_scaled(FANIN_EACH)) {
        bench_finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static double run_fanin(uint32_t workers, int spread)
{
    bench b;
    wippy_type sender, sink;
    wippy_host second;
    wippy_pid to;
    wippy_pid from[FANIN_SENDERS];
    double start, took;
    uint32_t i;
    bench_open(&b, workers, NULL);
    second = spread ? bench_add_host(&b, "bench:second", workers) : b.host;
    sender = bench_type(&b, "sender", sizeof(fan), bench_copy_init, sender_step, NULL);
    sink = bench_type(&b, "sink", sizeof(fan), bench_copy_init, sink_step, NULL);
    to = bench_spawn_on(&b, b.host, sink, NULL, 0);
    for (i = 0; i < FANIN_SENDERS; i++) {
        from[i] = bench_spawn_on(&b, second, sender, &to, sizeof(to));
    }
    bench_expect(&b, 1);
    start = bench_seconds(CLOCK_MONOTONIC);
    for (i = 0; i < FANIN_SENDERS; i++) {
        bench_send(&b, from[i], &i, sizeof(i));
    }
    took = bench_await(&b) - start;
    bench_close(&b);
    bench_worked += FANIN_SENDERS * bench_scaled(FANIN_EACH);
    return (double)(FANIN_SENDERS * bench_scaled(FANIN_EACH)) / took;
}

static void c_fanin(uint32_t workers, double *values)
{
    values[0] = run_fanin(workers, 0);
}

static void c_fanin_spread(uint32_t workers, double *values)
{
    values[0] = run_fanin(workers / 2, 1);
}

/* ---- calls: a request that carries a token, an answer that completes it ---- */

#define CALLS 1000000

typedef struct caller {
    wippy_pid server;
    uint64_t answered;
    uint64_t sum;
} caller;

typedef struct request {
    wippy_token token;
    uint64_t number;
} request;

static wippy_status server_step(wippy_self *self, void *state)
{
    const wippy_mail *mail;
    (void)state;
    while ((mail = bench_next(self)) != NULL) {
        request ask;
        memcpy(&ask, wippy_mail_data(mail), sizeof(ask));
        ask.number++;
        (void)wippy_reply(self, ask.token, WIPPY_OK, &ask.number, sizeof(ask.number), 0);
    }
    return WIPPY_IDLE;
}

static void call(wippy_self *self, bench *b, const caller *c)
{
    request ask;
    wippy_result r = wippy_open(self, c->answered, &ask.token);
    if (r != WIPPY_PENDING) {
        bench_die("open", r);
    }
    ask.number = c->answered;
    (void)wippy_send(self, c->server, b->topic, &ask, sizeof(ask));
}

static wippy_status caller_step(wippy_self *self, void *state)
{
    caller *c = (caller *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_DONE) {
            uint64_t answer;
            memcpy(&answer, wippy_mail_data(mail), sizeof(answer));
            c->sum += answer - wippy_mail_tag(mail); /* one more than was asked */
            c->answered++;
        }
        if (c->answered == bench_scaled(CALLS)) {
            bench_count(b, c->sum);
            bench_finish(b);
            return wippy_done(self);
        }
        call(self, b, c);
    }
    return WIPPY_IDLE;
}

static void c_call(uint32_t workers, double *values)
{
    bench b;
    wippy_type server, client;
    wippy_pid pid;
    double start, took;
    bench_open(&b, workers, NULL);
    server = bench_type(&b, "server", 8, NULL, server_step, NULL);
    client = bench_type(&b, "caller", sizeof(caller), bench_copy_init, caller_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), server, NULL, 0, 0);
    pid = bench_spawn(&b, wippy_outside(b.rt), client, &pid, sizeof(pid), 0);
    bench_expect(&b, 1);
    start = bench_seconds(CLOCK_MONOTONIC);
    bench_send(&b, pid, NULL, 0);
    took = bench_await(&b) - start;
    bench_close(&b);
    bench_check("answers", b.counted, bench_scaled(CALLS));
    bench_worked += b.counted;
    values[0] = (double)b.counted / took;
}

const bench_row bench_message_rows[] = {
    {"c", c_pingpong, 0, {{"pingpong", "messages/s"}}},
    {"c", c_ring1, 0, {{"ring1", "hops/s"}}},
    {"c", c_ring100, 0, {{"ring100", "hops/s"}}},
    {"c", c_fanin, 0, {{"fanin", "messages/s"}}},
    {"c", c_fanin_spread, 2, {{"fanin_spread", "messages/s"}}},
    {"c", c_random, 0, {{"random", "messages/s"}}},
    {"c", c_random_spread, 2, {{"random_spread", "messages/s"}}},
    {"c", c_call, 0, {{"call", "round trips/s"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
