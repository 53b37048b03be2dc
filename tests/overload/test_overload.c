/* More of everything than there is room or time for. What is refused is refused with a code and
   counted, nothing is lost in silence (sent = received + dead letters, to the message), memory stays
   within what the limits allow, news (EXIT, LINK_DOWN, CANCEL, completions) always arrives, and a stop
   keeps its deadline. TEST_SCALE 100 is the short form, 1000 the full one: a million processes, a
   million timers. Sizes and times are printed. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"
#include "../resident.h"

#include <pthread.h>
#include <unistd.h>

/* ------------------------------------------------------------------ kit */

#define MB ((uint64_t)1048576)

/* The peak of both measures since begin. The bound is what the limits allow: `allowed` bytes; a fifth
   more for rounding to size classes, and 24 MB for caches, queues, code and stacks. */
typedef struct memory_watch {
    wippy_runtime *rt;
    uint64_t resident, bytes;           /* at the begin */
    uint64_t peak_resident, peak_bytes; /* above it */
} memory_watch;

static void memory_look(memory_watch *m)
{
    wippy_runtime_info info;
    uint64_t resident = resident_bytes();
    wippy_runtime_stats(m->rt, &info);
    if (resident > m->resident + m->peak_resident) {
        m->peak_resident = resident - m->resident;
    }
    if (info.memory_bytes > m->bytes + m->peak_bytes) {
        m->peak_bytes = info.memory_bytes - m->bytes;
    }
}

static void memory_begin(memory_watch *m, wippy_runtime *rt)
{
    wippy_runtime_info info;
    memset(m, 0, sizeof(*m));
    wippy_runtime_stats(rt, &info);
    m->rt = rt;
    m->resident = resident_bytes();
    m->bytes = info.memory_bytes;
}

static void memory_check(memory_watch *m, uint64_t allowed)
{
    uint64_t bound = allowed + allowed / 5 + 24 * MB;
    memory_look(m);
    printf("     memory: %llu KB taken, %llu KB resident, bound %llu KB\n",
           (unsigned long long)m->peak_bytes / 1024, (unsigned long long)m->peak_resident / 1024,
           (unsigned long long)bound / 1024);
    CHECK(m->peak_bytes <= bound);
    CHECK(sanitized() || m->peak_resident <= bound);
}

static uint64_t stage_ms;

static void stage(const char *what, unsigned long long count)
{
    uint64_t now = test_now_ms();
    printf("     %s: %llu, %llu ms\n", what, count, (unsigned long long)(now - stage_ms));
    fflush(stdout);
    stage_ms = now;
}

/* Malloc and nothing more: a test heap doubles what a process costs. Refuses above `room` bytes. */
typedef struct plain_heap {
    uint64_t live, room;
} plain_heap;

static void *plain_alloc(size_t size, void *user_data)
{
    plain_heap *heap = (plain_heap *)user_data;
    uint64_t before = TEST_ATOMIC_ADD(&heap->live, (uint64_t)size);
    void *ptr = heap->room == 0 || before + size <= heap->room ? malloc(size) : NULL;
    if (ptr == NULL) {
        TEST_ATOMIC_SUB(&heap->live, (uint64_t)size);
    }
    return ptr;
}

static void plain_free(void *ptr, size_t size, void *user_data)
{
    if (ptr != NULL) {
        TEST_ATOMIC_SUB(&((plain_heap *)user_data)->live, (uint64_t)size);
        free(ptr);
    }
}

typedef struct world world;

/* Every process of these tests: a job, a number and a few words. */
typedef struct body {
    world *w;
    uint64_t a, b;
    uint32_t number;
    uint32_t job;
} body;

struct world {
    plain_heap heap;
    wippy_runtime *rt;
    wippy_self *out;
    wippy_host host, other;
    wippy_type type;
    wippy_topic topic;
    uint32_t jobs; /* processes spawned */
    uint64_t stop; /* atomic: producers end */
    /* atomic counts */
    uint64_t alive, closed;
    uint64_t tried, sent, full, gone, nomem; /* by senders */
    uint64_t received, exits, downs, cancels, writable, asked, fired, refused_spawns, spawned;
    uint64_t disorder;
    wippy_pid *pids; /* room for whoever wants to be found */
    uint32_t pid_room;
    uint64_t arg; /* of the case */
    wippy_pid target;
};

typedef wippy_status (*job_fn)(wippy_self *self, body *b, const wippy_mail *mail);

#define COUNT(field) TEST_ATOMIC_ADD(&(field), (uint64_t)1)

typedef struct body_input {
    world *w;
    uint32_t number, job;
} body_input;

enum { JOB_READ, JOB_DEAF, JOB_PRODUCE, JOB_TIMERS, JOB_LINK, JOB_WATCH, JOB_NAME, JOB_SHELVES,
       JOB_SPAWN, JOB_SUBSCRIBE, JOB_SEED, JOBS };

static wippy_status run_job(wippy_self *self, body *b, const wippy_mail *mail);

static wippy_result body_init(wippy_self *self, void *state, const wippy_input *input)
{
    body *b = (body *)state;
    body_input in;
    memcpy(&in, input->data, sizeof(in));
    b->w = in.w;
    b->number = in.number;
    b->job = in.job;
    if (b->number < b->w->pid_room) {
        b->w->pids[b->number] = wippy_self_pid(self);
    }
    COUNT(b->w->alive);
    return WIPPY_OK;
}

static wippy_status body_step(wippy_self *self, void *state)
{
    body *b = (body *)state;
    const wippy_mail *mail;
    wippy_status status;
    if (b->job == JOB_DEAF) {
        return WIPPY_IDLE;
    }
    status = run_job(self, b, NULL); /* the first step comes without mail */
    while (status == WIPPY_IDLE && (mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            COUNT(b->w->cancels);
            return wippy_done(self);
        }
        status = run_job(self, b, mail);
    }
    return status;
}

static void body_close(wippy_self *self, void *state)
{
    (void)self;
    COUNT(((body *)state)->w->closed);
}

static wippy_result world_host(world *w, const char *name, wippy_host_desc *desc, uint32_t workers,
                               wippy_host *out)
{
    desc->name = name;
    desc->kind = WIPPY_HOST_POOL;
    desc->workers = workers;
    return wippy_host_create(w->rt, desc, out);
}

/* limits: NULL or max_processes, mailbox_limit, step_budget of both hosts. */
static bool world_open(world *w, const wippy_host_desc *limits, uint64_t heap_room)
{
    wippy_desc desc;
    wippy_host_desc host;
    wippy_type_desc type;
    memset(w, 0, sizeof(*w));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&type, 0, sizeof(type));
    w->heap.room = heap_room;
    desc.allocator.alloc_fn = plain_alloc;
    desc.allocator.free_fn = plain_free;
    desc.allocator.user_data = &w->heap;
    type.name = "body";
    type.state_bytes = sizeof(body);
    type.init = body_init;
    type.step = body_step;
    type.close = body_close;
    if (limits != NULL) {
        host = *limits;
    }
    stage_ms = test_now_ms();
    if (!CHECK_EQ_INT(wippy_create(&w->rt, &desc), WIPPY_OK)) {
        return false;
    }
    w->out = wippy_outside(w->rt);
    w->topic = wippy_topic_make(w->rt, "topic");
    return CHECK_EQ_INT(wippy_type_register(w->rt, &type, &w->type), WIPPY_OK) &&
           CHECK_EQ_INT(world_host(w, "app:main", &host, 2, &w->host), WIPPY_OK) &&
           CHECK_EQ_INT(world_host(w, "app:other", &host, 1, &w->other), WIPPY_OK);
}

/* Everybody hears the CANCEL or is terminated, within the deadline; nothing is left. */
static void world_close(world *w, uint64_t deadline_ms)
{
    uint64_t begin = test_now_ms();
    CHECK_EQ_INT(wippy_stop(w->rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(w->rt, deadline_ms * CORE_MS), WIPPY_OK);
    printf("     stopped in %llu ms of %llu\n", (unsigned long long)(test_now_ms() - begin),
           (unsigned long long)deadline_ms);
    CHECK_EQ_INT(wippy_destroy(w->rt), WIPPY_OK);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&w->alive), TEST_ATOMIC_LOAD(&w->closed));
    CHECK_EQ_U64(w->heap.live, 0);
    free(w->pids);
}

static wippy_result spawn_job(world *w, wippy_self *self, wippy_host host, uint32_t job,
                              uint32_t number, uint32_t flags, wippy_pid *out)
{
    wippy_spawn_desc desc;
    body_input input;
    memset(&desc, 0, sizeof(desc));
    input.w = w;
    input.job = job;
    input.number = number;
    desc.type = w->type;
    desc.host = host;
    desc.data = &input;
    desc.size = sizeof(input);
    desc.flags = flags;
    return wippy_spawn(self, &desc, out, NULL);
}

static wippy_pid spawn_one(world *w, wippy_host host, uint32_t job, uint32_t number)
{
    wippy_pid pid = {0};
    CHECK_EQ_INT(spawn_job(w, w->out, host, job, number, 0, &pid), WIPPY_OK);
    return pid;
}

static void want_pids(world *w, uint32_t count)
{
    w->pids = (wippy_pid *)calloc(count, sizeof(*w->pids));
    w->pid_room = w->pids != NULL ? count : 0;
    CHECK_EQ_INT(w->pid_room, count);
}

typedef struct wanted {
    uint64_t *counter;
    uint64_t at_least;
} wanted;

static bool reached(void *arg)
{
    const wanted *goal = (const wanted *)arg;
    return TEST_ATOMIC_LOAD(goal->counter) >= goal->at_least;
}

static bool wait_for(uint64_t *counter, uint64_t at_least)
{
    wanted goal = {counter, at_least};
    bool there = test_wait_until(reached, &goal, 100000);
    if (!there) {
        FAIL("%llu of %llu after 100 s", (unsigned long long)TEST_ATOMIC_LOAD(counter),
             (unsigned long long)at_least);
    }
    return there;
}

typedef struct population {
    world *w;
    uint64_t at_most;
} population;

static bool population_is(void *arg)
{
    const population *p = (const population *)arg;
    wippy_runtime_info info;
    wippy_runtime_stats(p->w->rt, &info);
    return info.processes <= p->at_most;
}

/* Until no more than so many are left, mail and all: `closed` counts a moment earlier. */
static bool wait_left(world *w, uint64_t at_most)
{
    population p = {w, at_most};
    return CHECK(test_wait_until(population_is, &p, 100000));
}

static uint64_t dead_letters(world *w)
{
    wippy_runtime_info info;
    wippy_runtime_stats(w->rt, &info);
    return info.dead_letters;
}

static uint64_t refused(world *w)
{
    wippy_host_info one, two;
    wippy_host_stats(w->rt, w->host, &one);
    wippy_host_stats(w->rt, w->other, &two);
    return one.refused + two.refused;
}

static void count_send(world *w, wippy_result r)
{
    COUNT(w->tried);
    if (r == WIPPY_OK) {
        COUNT(w->sent);
    } else if (r == WIPPY_ERR_FULL) {
        COUNT(w->full);
    } else if (r == WIPPY_ERR_GONE) {
        COUNT(w->gone);
    } else if (r == WIPPY_ERR_NOMEM) {
        COUNT(w->nomem);
    } else {
        FAIL("send answers %s", wippy_result_name(r));
    }
}

static void check_books(world *w, uint64_t dead)
{
    CHECK_EQ_U64(w->tried, w->sent + w->full + w->gone + w->nomem);
    CHECK_EQ_U64(w->sent, w->received + dead);
    printf("     tried %llu = sent %llu + full %llu + gone %llu + no memory %llu; "
           "sent = received %llu + dead %llu\n",
           (unsigned long long)w->tried, (unsigned long long)w->sent, (unsigned long long)w->full,
           (unsigned long long)w->gone, (unsigned long long)w->nomem,
           (unsigned long long)w->received, (unsigned long long)dead);
}

/* ------------------------------------------------------------------ producers and consumers */

#define CONSUMERS 8u
#define PRODUCERS 4u
#define LIMIT     500u
#define PAYLOAD   200u

/* Slow: a little work for each mail. */
static wippy_status job_read(wippy_self *self, body *b, const wippy_mail *mail)
{
    (void)self;
    if (mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE) {
        for (uint32_t i = 0; i < b->w->arg; i++) {
            b->b = b->b * 31 + i;
        }
        COUNT(b->w->received);
    } else if (mail != NULL && mail->kind == WIPPY_MAIL_EXIT) {
        COUNT(b->w->exits);
    }
    return WIPPY_IDLE;
}

typedef struct flood {
    world *w;
    uint32_t count;
    uint32_t number;
} flood;

static void *flood_main(void *arg)
{
    flood *f = (flood *)arg;
    world *w = f->w;
    char payload[PAYLOAD];
    uint64_t random = f->number;
    memset(payload, 'x', sizeof(payload));
    for (uint32_t i = 0; i < f->count; i++) {
        uint64_t dice = test_random_next(&random);
        wippy_pid to = w->pids[dice % CONSUMERS];
        count_send(w, wippy_send(w->out, to, w->topic, payload, sizeof(payload)));
    }
    return NULL;
}

static void flood_all(world *w, uint32_t count)
{
    pthread_t threads[PRODUCERS];
    flood floods[PRODUCERS];
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        floods[i].w = w;
        floods[i].count = count;
        floods[i].number = i;
        REQUIRE(pthread_create(&threads[i], NULL, flood_main, &floods[i]) == 0);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

TEST(test_overload_foreign_threads_are_refused_and_counted)
{
    static world w;
    memory_watch memory;
    wippy_host_desc limits;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = LIMIT;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, CONSUMERS);
    w.arg = 2000;
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        spawn_one(&w, w.host, JOB_READ, i);
    }
    memory_begin(&memory, w.rt);
    for (uint32_t round = 0; round < 5; round++) {
        if (round == 2 || round == 3) { /* receivers end while mail is on its way */
            (void)wippy_terminate(w.out, w.pids[round]);
            REQUIRE(wait_for(&w.closed, round - 1));
        }
        flood_all(&w, test_scale(10000));
        memory_look(&memory);
    }
    stage("sends tried", w.tried);
    CHECK(w.full > 0);
    CHECK(w.gone > 0);
    CHECK_EQ_U64(refused(&w), w.full);
    memory_check(&memory, (uint64_t)CONSUMERS * (LIMIT + PRODUCERS) * (PAYLOAD + 64));
    world_close(&w, 20000);
    /* What was in the mailboxes when their owners were terminated is in the books of the runtime. */
    check_books(&w, w.sent - w.received);
}

/* The same, to the message: dead letters are looked up before the runtime goes. */
TEST(test_overload_every_message_is_received_refused_or_a_dead_letter)
{
    static world w;
    wippy_host_desc limits;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = LIMIT;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, CONSUMERS);
    w.arg = 500;
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        spawn_one(&w, i % 2 ? w.host : w.other, JOB_READ, i);
    }
    for (uint32_t round = 0; round < 4; round++) {
        flood_all(&w, test_scale(8000));
        CHECK_EQ_INT(wippy_terminate(w.out, w.pids[round]), WIPPY_OK);
        flood_all(&w, test_scale(8000)); /* to one that is about to end, too */
    }
    for (uint32_t i = 4; i < CONSUMERS; i++) {
        CHECK_EQ_INT(wippy_cancel(w.out, w.pids[i], "enough"), WIPPY_OK);
    }
    REQUIRE(wait_left(&w, 0));
    stage("sends tried", w.tried);
    CHECK_EQ_U64(w.cancels, 4); /* never refused, though the mailboxes were full */
    CHECK_EQ_U64(refused(&w), w.full);
    check_books(&w, dead_letters(&w));
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ asking for room */

/* Sends `arg` messages to the target. Refused, it asks for one WRITABLE and waits for it. */
static wippy_status job_produce(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail != NULL && mail->kind == WIPPY_MAIL_WRITABLE) {
        COUNT(w->writable);
        b->b = 0;
    }
    if (b->b != 0) {
        return WIPPY_IDLE; /* waits for its WRITABLE */
    }
    while (b->a < w->arg) {
        wippy_result r = wippy_send(self, w->target, w->topic, &b->number, sizeof(b->number));
        count_send(w, r);
        if (r != WIPPY_OK) {
            if (wippy_want_writable(self, w->target) == WIPPY_OK) {
                COUNT(w->asked);
                b->b = 1;
            }
            return WIPPY_IDLE;
        }
        b->a++;
    }
    return wippy_done(self);
}

TEST(test_overload_refused_senders_wait_for_room_and_lose_nothing)
{
    static world w;
    wippy_host_desc limits;
    uint32_t producers = 50;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 16;
    REQUIRE(world_open(&w, &limits, 0));
    w.arg = test_scale(2000);
    w.target = spawn_one(&w, w.other, JOB_READ, 0);
    for (uint32_t i = 0; i < producers; i++) {
        spawn_one(&w, w.host, JOB_PRODUCE, i);
    }
    REQUIRE(wait_for(&w.received, producers * w.arg));
    REQUIRE(wait_left(&w, 1));
    stage("messages through a mailbox of 16", w.received);
    CHECK_EQ_U64(w.received, producers * w.arg);
    CHECK_EQ_U64(w.writable, w.asked); /* one for each time it was asked for */
    CHECK_EQ_U64(w.asked, w.full);
    CHECK(w.full > 0);
    CHECK_EQ_U64(refused(&w), w.full);
    check_books(&w, 0);
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ deaf processes, no limit, no memory */

TEST(test_overload_a_process_that_never_reads_costs_its_limit)
{
    static world w;
    memory_watch memory;
    wippy_host_desc limits;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = LIMIT;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, CONSUMERS);
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        spawn_one(&w, w.other, JOB_DEAF, i);
    }
    memory_begin(&memory, w.rt);
    flood_all(&w, test_scale(50000));
    stage("sends tried", w.tried);
    CHECK(w.sent >= CONSUMERS * (LIMIT - PRODUCERS) && w.sent <= CONSUMERS * LIMIT);
    CHECK_EQ_U64(refused(&w), w.full);
    memory_check(&memory, (uint64_t)CONSUMERS * LIMIT * (PAYLOAD + 64));
    /* EXIT, CANCEL and terminate get through. */
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        CHECK_EQ_INT(wippy_cancel(w.out, w.pids[i], "not heard"), WIPPY_OK);
        CHECK_EQ_INT(wippy_terminate(w.out, w.pids[i]), WIPPY_OK);
    }
    REQUIRE(wait_left(&w, 0));
    check_books(&w, dead_letters(&w));
    CHECK_EQ_U64(w.sent, dead_letters(&w));
    world_close(&w, 20000);
}

/* Without limits the allocator is the limit: sends answer NOMEM, nothing else breaks, and when the mail
   was read everything works again. */
TEST(test_overload_without_memory_sends_fail_and_later_work_again)
{
    static world w;
    REQUIRE(world_open(&w, NULL, 32 * MB));
    want_pids(&w, CONSUMERS);
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        spawn_one(&w, w.other, JOB_DEAF, i);
    }
    flood_all(&w, 50000);
    stage("sends tried", w.tried);
    CHECK(w.nomem > 0);
    CHECK(w.heap.live <= 32 * MB);
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        CHECK_EQ_INT(wippy_terminate(w.out, w.pids[i]), WIPPY_OK);
    }
    REQUIRE(wait_left(&w, 0));
    check_books(&w, dead_letters(&w));
    wippy_pid reader = spawn_one(&w, w.other, JOB_READ, 0);
    CHECK_EQ_INT(wippy_send(w.out, reader, w.topic, "x", 1), WIPPY_OK);
    (void)wait_for(&w.received, 1);
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ a million */

/* Spawns `arg` readers from inside, a slice of them in each step. */
static wippy_status job_seed(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    (void)mail;
    for (uint32_t i = 0; i < 1000 && b->a < w->arg; i++) {
        wippy_result r = spawn_job(w, self, wippy_self_host(self), JOB_READ, (uint32_t)b->a, 0, NULL);
        if (r != WIPPY_OK) {
            FAIL("spawn %llu: %s", (unsigned long long)b->a, wippy_result_name(r));
            return wippy_done(self);
        }
        b->a++;
    }
    return b->a < w->arg ? WIPPY_CONTINUE : wippy_done(self);
}

TEST(test_overload_processes_in_numbers)
{
    static world w;
    memory_watch memory;
    wippy_runtime_info info;
    uint32_t count = test_scale(100000);
    REQUIRE(world_open(&w, NULL, 0));
    want_pids(&w, count);
    memory_begin(&memory, w.rt);
    w.arg = count;
    spawn_one(&w, w.host, JOB_SEED, UINT32_MAX);
    REQUIRE(wait_for(&w.closed, 1));
    stage("processes alive", count);
    wippy_runtime_stats(w.rt, &info);
    CHECK_EQ_U64(info.processes, count);
    w.arg = 0; /* fast readers */
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_INT(wippy_send(w.out, w.pids[i], w.topic, "x", 1), WIPPY_OK);
    }
    REQUIRE(wait_for(&w.received, count));
    stage("messages, one for each", w.received);
    /* A slot, a state of 48 bytes, a mail of one byte waiting. */
    memory_check(&memory, (uint64_t)count * 250);
    CHECK_EQ_U64(wippy_survivors(w.rt, NULL, 0), count);
    world_close(&w, 60000);
    CHECK_EQ_U64(w.cancels, count); /* everybody heard it, nobody had to be terminated */
    stage("processes ended", count);
}

/* ------------------------------------------------------------------ timers */

static wippy_status job_timers(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail != NULL && mail->kind == WIPPY_MAIL_DONE) {
        COUNT(w->fired);
        b->a--;
        return WIPPY_IDLE;
    }
    if (mail != NULL) { /* a message: let half of what waits go */
        return WIPPY_IDLE;
    }
    if (b->b == 0) {
        for (uint64_t i = 0; i < w->arg; i++) {
            wippy_token token;
            uint64_t delay = i % 4 == 0 ? 3600000 * (uint64_t)CORE_MS : (i % 1000) * CORE_MS;
            CHECK_EQ_INT(wippy_timer(self, delay, i, &token), WIPPY_PENDING);
            b->a++;
            if (i % 8 == 0) {
                CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
                b->a--;
            }
        }
        b->b = 1;
        COUNT(w->asked);
    }
    return WIPPY_IDLE;
}

TEST(test_overload_timers_in_numbers)
{
    static world w;
    memory_watch memory;
    wippy_host_desc limits;
    uint32_t owners = 10;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 4; /* completions do not count */
    REQUIRE(world_open(&w, &limits, 0));
    memory_begin(&memory, w.rt);
    w.arg = test_scale(10000) / 8 * 8;
    for (uint32_t i = 0; i < owners; i++) {
        spawn_one(&w, w.host, JOB_TIMERS, i);
    }
    REQUIRE(wait_for(&w.asked, owners));
    stage("timers open at once", owners * w.arg);
    REQUIRE(wait_for(&w.fired, owners * w.arg * 3 / 4));
    stage("timers fired", w.fired);
    memory_check(&memory, owners * w.arg * 200);
    world_close(&w, 20000); /* an eighth is open: those of an hour */
    CHECK_EQ_U64(w.fired, owners * w.arg * 3 / 4);
}

/* ------------------------------------------------------------------ links and monitors */

static wippy_status job_link(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE) {
        return wippy_fail(self, WIPPY_ERR_IO, "domino");
    }
    if (b->a++ == 0) {
        if (b->number > 0) { /* a star, or a chain */
            wippy_pid to = w->pids[w->arg == 0 ? 0 : b->number - 1];
            CHECK_EQ_INT(wippy_link(self, to), WIPPY_OK);
        }
        COUNT(w->asked);
    }
    return WIPPY_IDLE;
}

/* Everybody falls with the first. */
static void dominoes(bool chain, uint32_t first)
{
    static world w;
    memory_watch memory;
    wippy_host_desc limits;
    uint32_t count = test_scale(20000);
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 2; /* LINK_DOWN does not count */
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, count);
    memory_begin(&memory, w.rt);
    w.arg = chain ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        spawn_one(&w, i % 3 == 0 ? w.other : w.host, JOB_LINK, i);
    }
    REQUIRE(wait_for(&w.asked, count));
    stage(chain ? "links in a chain" : "links in a star", count - 1);
    CHECK_EQ_INT(wippy_send(w.out, w.pids[first % count], w.topic, "fall", 4), WIPPY_OK);
    REQUIRE(wait_left(&w, 0));
    stage("processes fell", w.closed);
    memory_check(&memory, (uint64_t)count * 650);
    CHECK_EQ_U64(wippy_survivors(w.rt, NULL, 0), 0);
    world_close(&w, 20000);
}

TEST(test_overload_star_of_links_falls)
{
    dominoes(false, 0);
    dominoes(false, 77);
}

TEST(test_overload_chain_of_links_falls)
{
    dominoes(true, 0);
    dominoes(true, 9999);
}

static wippy_status job_watch(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail != NULL && mail->kind == WIPPY_MAIL_EXIT) {
        COUNT(w->exits);
        return WIPPY_IDLE;
    }
    if (b->a++ == 0) {
        if (w->arg == 0) {
            CHECK_EQ_INT(wippy_monitor(self, w->target), WIPPY_OK);
        }
        for (uint64_t i = 0; i < w->arg; i++) {
            CHECK_EQ_INT(wippy_monitor(self, w->pids[i]), WIPPY_OK);
        }
        COUNT(w->asked);
    }
    return WIPPY_IDLE;
}

TEST(test_overload_one_end_many_watchers)
{
    static world w;
    wippy_host_desc limits;
    uint32_t count = test_scale(20000);
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 1;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, count);
    w.target = spawn_one(&w, w.other, JOB_DEAF, UINT32_MAX);
    for (uint32_t i = 0; i < count; i++) {
        spawn_one(&w, w.host, JOB_WATCH, i);
    }
    REQUIRE(wait_for(&w.asked, count));
    for (uint32_t i = 0; i < count; i++) { /* their mailboxes are full or busy: EXIT comes anyway */
        count_send(&w, wippy_send(w.out, w.pids[i], w.topic, "x", 1));
    }
    CHECK_EQ_INT(wippy_terminate(w.out, w.target), WIPPY_OK);
    REQUIRE(wait_for(&w.exits, count));
    stage("EXITs of one end", w.exits);
    world_close(&w, 20000);
    CHECK_EQ_U64(w.exits, count);
}

TEST(test_overload_many_ends_one_watcher)
{
    static world w;
    wippy_host_desc limits;
    uint32_t count = test_scale(20000);
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 1;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        spawn_one(&w, w.host, JOB_DEAF, i);
    }
    w.arg = count;
    spawn_one(&w, w.other, JOB_WATCH, UINT32_MAX);
    REQUIRE(wait_for(&w.asked, 1));
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_INT(wippy_terminate(w.out, w.pids[i]), WIPPY_OK);
    }
    REQUIRE(wait_for(&w.exits, count));
    stage("EXITs to one watcher", w.exits);
    world_close(&w, 20000);
    CHECK_EQ_U64(w.exits, count);
}

/* ------------------------------------------------------------------ names */

static wippy_status job_name(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    char name[64];
    if (mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE) {
        return wippy_done(self);
    }
    for (uint64_t i = 0; b->a == 0 && i < w->arg; i++) {
        snprintf(name, sizeof(name), "name.%u.%u", (unsigned)b->number, (unsigned)i);
        CHECK_EQ_INT(wippy_name_register(self, name, 0, wippy_self_pid(self)), WIPPY_OK);
    }
    if (b->a++ == 0) {
        COUNT(w->asked);
    }
    return WIPPY_IDLE;
}

static uint64_t names_found(world *w, uint32_t owners)
{
    char name[64];
    wippy_pid pid;
    uint64_t found = 0;
    for (uint32_t i = 0; i < owners; i++) {
        for (uint64_t k = 0; k < w->arg; k++) {
            snprintf(name, sizeof(name), "name.%u.%u", (unsigned)i, (unsigned)k);
            if (wippy_name_find(w->rt, name, 0, &pid) == WIPPY_OK) {
                CHECK_EQ_U64(pid.id, w->pids[i].id);
                found++;
            }
        }
    }
    return found;
}

TEST(test_overload_names_in_numbers)
{
    static world w;
    memory_watch memory;
    uint32_t owners = 20;
    REQUIRE(world_open(&w, NULL, 0));
    want_pids(&w, owners);
    memory_begin(&memory, w.rt);
    w.arg = test_scale(5000);
    for (uint32_t i = 0; i < owners; i++) {
        spawn_one(&w, w.host, JOB_NAME, i);
    }
    REQUIRE(wait_for(&w.asked, owners));
    stage("names", owners * w.arg);
    CHECK_EQ_U64(names_found(&w, owners), owners * w.arg);
    memory_check(&memory, owners * w.arg * 220);
    for (uint32_t i = 0; i < owners; i += 2) {
        CHECK_EQ_INT(wippy_send(w.out, w.pids[i], w.topic, "end", 3), WIPPY_OK);
    }
    REQUIRE(wait_for(&w.closed, owners / 2));
    CHECK_EQ_U64(names_found(&w, owners), owners / 2 * w.arg);
    stage("names of the dead are free", owners / 2 * w.arg);
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ deep selective receive */

/* Keeps what it is sent, then takes it back in order when it gets a message of another size. */
static wippy_status job_shelves(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail == NULL) {
        if (b->a == 0) {
            b->a = wippy_shelf_open(self);
        }
        return WIPPY_IDLE;
    }
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    if (mail->size == sizeof(uint32_t)) {
        wippy_shelf_keep(self, mail, (uint32_t)b->a);
        COUNT(w->asked);
        return WIPPY_IDLE;
    }
    for (b->b = 0; (mail = wippy_shelf_take(self, (uint32_t)b->a)) != NULL; b->b++) {
        uint32_t number;
        memcpy(&number, wippy_mail_data(mail), sizeof(number));
        if (number != b->b) {
            COUNT(w->disorder);
        }
        COUNT(w->received);
    }
    return wippy_done(self);
}

static uint64_t deep_receive(uint32_t count)
{
    static world w;
    uint64_t begin = test_now_ms();
    if (!world_open(&w, NULL, 0)) {
        return 0;
    }
    wippy_pid pid = spawn_one(&w, w.host, JOB_SHELVES, UINT32_MAX);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_INT(wippy_send(w.out, pid, w.topic, &i, sizeof(i)), WIPPY_OK);
    }
    (void)wait_for(&w.asked, count);
    CHECK_EQ_INT(wippy_send(w.out, pid, w.topic, "now", 3), WIPPY_OK);
    (void)wait_for(&w.closed, 1);
    CHECK_EQ_U64(w.received, count);
    CHECK_EQ_U64(w.disorder, 0);
    uint64_t took = test_now_ms() - begin;
    stage("mails kept and taken in order", count);
    world_close(&w, 20000);
    return took;
}

TEST(test_overload_deep_shelves_cost_no_more_for_each_mail)
{
    uint32_t count = test_scale(20000);
    uint64_t small = deep_receive(count);
    uint64_t large = deep_receive(count * 8);
    CHECK(large <= (small + 20) * 8 * 4); /* linear would be 8 times; the square 64 times */
}

/* ------------------------------------------------------------------ spawn storms */

/* Spawns as often as it can; each spawn answers, and what it answers adds up. */
static wippy_status job_spawn(wippy_self *self, body *b, const wippy_mail *mail)
{
    world *w = b->w;
    if (mail == NULL && b->b == 0) {
        return WIPPY_IDLE; /* until told */
    }
    b->b = 1;
    for (uint32_t i = 0; i < 100 && b->a < w->arg; i++, b->a++) {
        wippy_result r = spawn_job(w, self, wippy_self_host(self), JOB_READ, UINT32_MAX, 0, NULL);
        COUNT(w->tried);
        if (r == WIPPY_OK) {
            COUNT(w->spawned);
        } else if (r == WIPPY_ERR_LIMIT) {
            COUNT(w->refused_spawns);
        } else {
            FAIL("spawn answers %s", wippy_result_name(r));
        }
    }
    return b->a < w->arg ? WIPPY_CONTINUE : wippy_done(self);
}

static void *spawn_main(void *arg)
{
    world *w = (world *)arg;
    for (uint64_t i = 0; i < w->arg; i++) {
        wippy_pid pid = {0};
        wippy_result r = spawn_job(w, w->out, w->host, JOB_READ, UINT32_MAX, 0, &pid);
        COUNT(w->tried);
        COUNT(*(r == WIPPY_OK ? &w->spawned : &w->refused_spawns));
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_LIMIT);
        if (r == WIPPY_OK && i % 2 == 0) {
            (void)wippy_terminate(w->out, pid); /* make room */
        }
    }
    return NULL;
}

TEST(test_overload_spawn_storms_stop_at_the_limit)
{
    static world w;
    pthread_t threads[2];
    wippy_host_desc limits;
    wippy_host_info info;
    memset(&limits, 0, sizeof(limits));
    limits.max_processes = 300;
    REQUIRE(world_open(&w, &limits, 0));
    w.arg = test_scale(3000);
    want_pids(&w, 4);
    for (uint32_t i = 0; i < 4; i++) {
        spawn_one(&w, w.host, JOB_SPAWN, i);
    }
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ_INT(wippy_send(w.out, w.pids[i], w.topic, "go", 2), WIPPY_OK);
    }
    for (uint32_t i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, spawn_main, &w) == 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE(wait_for(&w.tried, 6 * w.arg));
    stage("spawns tried", w.tried);
    CHECK(w.refused_spawns > 0);
    CHECK_EQ_U64(w.tried, w.spawned + w.refused_spawns);
    wippy_host_stats(w.rt, w.host, &info);
    CHECK(info.processes <= 300);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&w.alive), w.spawned + 4);
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ the event bus */

static wippy_status job_subscribe(wippy_self *self, body *b, const wippy_mail *mail)
{
    uint64_t id;
    if (mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE) {
        COUNT(b->w->received);
    } else if (mail == NULL && b->a++ == 0) {
        CHECK_EQ_INT(wippy_events_subscribe(self, "storm", "*", "bus", &id), WIPPY_OK);
        COUNT(b->w->asked);
    }
    return WIPPY_IDLE;
}

static void *event_main(void *arg)
{
    world *w = (world *)arg;
    wippy_slice none = {NULL, 0};
    for (uint64_t i = 0; i < w->arg; i++) {
        CHECK_EQ_INT(wippy_events_send(w->out, "storm", "kind", "path", none), WIPPY_OK);
        COUNT(w->tried);
    }
    return NULL;
}

TEST(test_overload_event_storm_is_received_or_refused)
{
    static world w;
    memory_watch memory;
    pthread_t threads[3];
    wippy_host_desc limits;
    uint32_t listeners = 20;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 200;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, listeners);
    for (uint32_t i = 0; i < listeners; i++) {
        spawn_one(&w, w.host, JOB_SUBSCRIBE, i);
    }
    REQUIRE(wait_for(&w.asked, listeners));
    memory_begin(&memory, w.rt);
    w.arg = test_scale(2000);
    for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, event_main, &w) == 0);
    }
    for (uint32_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    memory_check(&memory, (uint64_t)listeners * 200 * 256);
    for (uint32_t i = 0; i < listeners; i++) { /* behind everything that was delivered */
        CHECK_EQ_INT(wippy_cancel(w.out, w.pids[i], "enough"), WIPPY_OK);
    }
    REQUIRE(wait_left(&w, 0));
    stage("events", w.tried);
    CHECK_EQ_U64(w.tried * listeners, w.received + refused(&w));
    printf("     %llu events to %u: received %llu + refused %llu\n", (unsigned long long)w.tried,
           (unsigned)listeners, (unsigned long long)w.received, (unsigned long long)refused(&w));
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ registry changes */

static void note_change(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    (void)rt;
    (void)event;
    COUNT(((world *)user_data)->received);
}

static wippy_result change_entry(world *w, uint64_t number)
{
    wippy_registry_change change;
    char text[32];
    wippy_writer writer;
    wippy_slice data;
    wippy_result r;
    snprintf(text, sizeof(text), "value %llu", (unsigned long long)number);
    wippy_writer_init(&writer, w->rt);
    wippy_write_map(&writer, 1);
    wippy_write_cstring(&writer, "text");
    wippy_write_cstring(&writer, text);
    wippy_write_end(&writer);
    (void)wippy_writer_finish(&writer, &data);
    memset(&change, 0, sizeof(change));
    change.op = number < 10 ? WIPPY_ENTRY_CREATE : WIPPY_ENTRY_UPDATE;
    snprintf(text, sizeof(text), "app:entry%u", (unsigned)(number % 10));
    change.id = text;
    change.kind = "registry.entry";
    change.data = data;
    r = wippy_registry_apply(w->rt, &change, 1, NULL, NULL);
    wippy_writer_free(&writer);
    return r;
}

TEST(test_overload_registry_changes_in_numbers)
{
    static world w;
    memory_watch memory;
    uint64_t count = test_scale(3000);
    REQUIRE(world_open(&w, NULL, 0));
    CHECK_EQ_INT(wippy_registry_listen(w.rt, note_change, &w), WIPPY_OK);
    memory_begin(&memory, w.rt);
    for (uint64_t i = 0; i < count; i++) {
        REQUIRE(CHECK_EQ_INT(change_entry(&w, i), WIPPY_OK));
    }
    stage("changes", count);
    CHECK_EQ_U64(w.received, count);
    uint64_t kept = wippy_runtime_desc(w.rt)->history_limit;
    kept = kept < count + 1 ? kept : count + 1;
    CHECK_EQ_U64((uint64_t)wippy_versions(w.rt, NULL, 0), kept);
    memory_check(&memory, kept * 600); /* each of them stays reachable, no more */
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ stopping in the middle of it */

static void *flood_until_stop(void *arg)
{
    world *w = (world *)arg;
    uint64_t random = 1;
    while (TEST_ATOMIC_LOAD(&w->stop) == 0) {
        wippy_pid to = w->pids[test_random_next(&random) % CONSUMERS];
        count_send(w, wippy_send(w->out, to, w->topic, "x", 1));
    }
    return NULL;
}

/* Slow readers with long mailboxes, and senders that do not stop: the CANCEL waits behind the mail, so
   at half of the time they are terminated, and that is in time. */
TEST(test_overload_stop_keeps_its_deadline_under_fire)
{
    static world w;
    pthread_t threads[PRODUCERS];
    wippy_host_desc limits;
    uint64_t begin, took;
    memset(&limits, 0, sizeof(limits));
    limits.mailbox_limit = 20000;
    REQUIRE(world_open(&w, &limits, 0));
    want_pids(&w, CONSUMERS);
    w.arg = 200000;
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        spawn_one(&w, w.host, JOB_READ, i);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, flood_until_stop, &w) == 0);
    }
    (void)wait_for(&w.sent, 40000);
    begin = test_now_ms();
    CHECK_EQ_INT(wippy_stop(w.rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(w.rt, 2000 * (uint64_t)CORE_MS), WIPPY_OK);
    took = test_now_ms() - begin;
    TEST_ATOMIC_STORE(&w.stop, (uint64_t)1);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("     stopped in %llu ms of 2000 with %llu messages waiting\n", (unsigned long long)took,
           (unsigned long long)(w.sent - w.received));
    CHECK(took <= 2000 + 500);
    check_books(&w, dead_letters(&w));
    world_close(&w, 20000);
}

/* ------------------------------------------------------------------ jobs */

static wippy_status run_job(wippy_self *self, body *b, const wippy_mail *mail)
{
    static const job_fn jobs[JOBS] = {job_read, NULL, job_produce, job_timers, job_link, job_watch,
                                      job_name, job_shelves, job_spawn, job_subscribe, job_seed};
    return jobs[b->job](self, b, mail);
}

TEST_MAIN(TEST_ENTRY(test_overload_foreign_threads_are_refused_and_counted),
          TEST_ENTRY(test_overload_every_message_is_received_refused_or_a_dead_letter),
          TEST_ENTRY(test_overload_refused_senders_wait_for_room_and_lose_nothing),
          TEST_ENTRY(test_overload_a_process_that_never_reads_costs_its_limit),
          TEST_ENTRY(test_overload_without_memory_sends_fail_and_later_work_again),
          TEST_ENTRY(test_overload_processes_in_numbers),
          TEST_ENTRY(test_overload_timers_in_numbers), TEST_ENTRY(test_overload_star_of_links_falls),
          TEST_ENTRY(test_overload_chain_of_links_falls),
          TEST_ENTRY(test_overload_one_end_many_watchers),
          TEST_ENTRY(test_overload_many_ends_one_watcher), TEST_ENTRY(test_overload_names_in_numbers),
          TEST_ENTRY(test_overload_deep_shelves_cost_no_more_for_each_mail),
          TEST_ENTRY(test_overload_spawn_storms_stop_at_the_limit),
          TEST_ENTRY(test_overload_event_storm_is_received_or_refused),
          TEST_ENTRY(test_overload_registry_changes_in_numbers),
          TEST_ENTRY(test_overload_stop_keeps_its_deadline_under_fire))
