/* Pools, pumps and terminals: budgets, limits, stopping, resizing, overdue steps. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#include <pthread.h>

/* ------------------------------------------------------------------ creation */

TEST(test_hosts_creation_checks_its_arguments)
{
    core c;
    wippy_host_desc desc;
    wippy_host host = {0};
    REQUIRE(core_open(&c, 0));
    memset(&desc, 0, sizeof(desc));
    CHECK_EQ_INT(wippy_host_create(c.rt, NULL, &host), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_INVALID);
    desc.name = "";
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_INVALID);
    desc.name = "a|b";
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_INVALID);
    desc.name = "app:main";
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_EXISTS);
    desc.name = "app:many";
    desc.workers = 100000;
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_INVALID);
    desc.workers = 1;
    desc.kind = (wippy_host_kind)7;
    CHECK_EQ_INT(wippy_host_create(c.rt, &desc, &host), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(host.id, 0);
    CHECK_EQ_INT(wippy_host_find(c.rt, "app:main", &host), WIPPY_OK);
    CHECK_EQ_INT(host.id, c.host.id);
    CHECK_EQ_INT(wippy_host_find(c.rt, "app:many", &host), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_host_find(c.rt, NULL, &host), WIPPY_ERR_NOTFOUND);
    CHECK_STR(wippy_host_name(c.rt, c.host), "app:main");
    wippy_host bad = {77};
    CHECK_STR(wippy_host_name(c.rt, bad), "");
    CHECK_EQ_INT(wippy_host_stop(c.rt, bad, 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_host_resize(c.rt, bad, 1), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, 2), WIPPY_ERR_UNSUPPORTED);
    CHECK_EQ_INT(wippy_pump(c.rt, bad, 0, 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, bad), UINT64_MAX);
    core_close(&c);
}

/* ------------------------------------------------------------------ pump */

TEST(test_hosts_pump_message_budget_is_exact)
{
    core c;
    core_actor a[3] = {{0}};
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 3; i++) {
        core_spawn(&c, &a[i]);
    }
    core_run(&c);
    for (int i = 0; i < 30; i++) {
        core_tell(&c, a[i % 3].pid, "x");
    }
    for (uint32_t seen = 0; seen < 28; seen += 7) {
        CHECK_EQ_INT(wippy_pump(c.rt, c.host, UINT64_MAX, 7), WIPPY_PENDING);
        CHECK_EQ_INT(a[0].count + a[1].count + a[2].count, seen + 7);
    }
    CHECK_EQ_INT(wippy_pump(c.rt, c.host, UINT64_MAX, 7), WIPPY_OK); /* two were left */
    CHECK_EQ_INT(a[0].count + a[1].count + a[2].count, 30);
    core_tell(&c, a[0].pid, "x");
    CHECK_EQ_INT(wippy_pump(c.rt, c.host, UINT64_MAX, 1), WIPPY_OK); /* used up, but nothing left */
    core_close(&c);
}

static wippy_status burn(wippy_self *self, core_actor *a)
{
    uint64_t end = wippy_now_ns(wippy_self_runtime(self)) + (uint64_t)a->number;
    const wippy_mail *mail = wippy_next(self);
    if (mail && mail->kind == WIPPY_MAIL_CANCEL) {
        return wippy_done(self);
    }
    while (wippy_now_ns(wippy_self_runtime(self)) < end) {
    }
    return WIPPY_CONTINUE;
}

TEST(test_hosts_pump_time_budget)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_step = burn;
    a.number = 200000;
    core_spawn(&c, &a);
    uint64_t took = UINT64_MAX;
    for (int i = 0; i < 20 && took >= 500 * (uint64_t)CORE_MS; i++) { /* the machine may stand still */
        uint64_t start = wippy_now_ns(c.rt);
        CHECK_EQ_INT(wippy_pump(c.rt, c.host, 5 * CORE_MS, 0), WIPPY_PENDING);
        took = wippy_now_ns(c.rt) - start;
        CHECK(took >= 5 * CORE_MS);
    }
    CHECK(took < 500 * (uint64_t)CORE_MS);
    uint32_t steps = a.steps;
    CHECK_EQ_INT(wippy_pump(c.rt, c.host, 0, 0), WIPPY_PENDING); /* one round */
    CHECK(a.steps > steps && a.steps < steps + 10);
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), 0);
    core_close(&c);
}

typedef struct waker {
    uint32_t calls;
} waker;

static void on_wake(void *user_data)
{
    TEST_ATOMIC_ADD(&((waker *)user_data)->calls, 1u);
}

static wippy_status sleep_long(wippy_self *self, core_actor *a)
{
    (void)a;
    CHECK_EQ_INT(wippy_timer(self, 3600000 * (uint64_t)CORE_MS, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_timer(self, 1800000 * (uint64_t)CORE_MS, 2, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

TEST(test_hosts_pump_deadline_and_wake)
{
    core c;
    core_actor a = {0};
    waker w = {0};
    wippy_host_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.wake_fn = on_wake;
    desc.user_data = &w;
    REQUIRE(core_open_with(&c, 0, NULL, &desc));
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), UINT64_MAX);
    a.on_start = sleep_long;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK(w.calls >= 1); /* a spawn from outside is work */
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), 0);
    core_run(&c);
    uint64_t deadline = wippy_pump_deadline(c.rt, c.host);
    CHECK(deadline > 0 && deadline <= 1801000 * (uint64_t)CORE_MS);
    uint32_t calls = w.calls;
    core_tell(&c, pid, "one");
    CHECK_EQ_INT(w.calls, calls + 1);
    core_tell(&c, pid, "two"); /* once is enough */
    CHECK_EQ_INT(w.calls, calls + 1);
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), 0);
    core_run(&c);
    core_tell(&c, pid, "three");
    CHECK_EQ_INT(w.calls, calls + 2);
    core_close(&c);
}

static wippy_status pump_again(wippy_self *self, core_actor *a)
{
    core *c = (core *)a->arg;
    wippy_host other = {(uint32_t)a->number};
    CHECK_EQ_INT(wippy_pump(c->rt, c->host, 0, 0), WIPPY_ERR_BUSY);
    CHECK_EQ_INT(wippy_host_stop(c->rt, c->host, 0), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_pump(c->rt, other, 0, 0), WIPPY_ERR_INVALID);
    (void)self;
    return WIPPY_IDLE;
}

TEST(test_hosts_nested_pump_is_refused)
{
    core c;
    core_actor a = {0};
    wippy_host pool;
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 1, &pool) == WIPPY_OK);
    a.on_start = pump_again;
    a.arg = &c;
    a.number = pool.id;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(a.steps, 1);
    core_close(&c);
}

/* From a callback of the runtime on the pump's own thread, a spawn through outside. */
static void spawn_in_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    core *c = (core *)user_data;
    static core_actor late;
    (void)rt;
    (void)info;
    if (late.inits == 0) {
        core_spawn(c, &late);
        CHECK_EQ_INT(late.inits, 1);
    }
}

TEST(test_hosts_callback_may_spawn)
{
    core c;
    core_actor a = {0};
    wippy_host_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.exit_fn = spawn_in_exit;
    desc.user_data = &c;
    REQUIRE(core_open_with(&c, 0, NULL, &desc));
    core_tell(&c, core_spawn(&c, &a), "done");
    core_run(&c);
    CHECK_EQ_U64(core_alive(&c), 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ limits */

TEST(test_hosts_terminal_has_one_process)
{
    core c;
    wippy_host terminal;
    core_actor a = {0};
    core_actor b = {0};
    wippy_pid pid = {0};
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:term", WIPPY_HOST_TERMINAL, 0, &terminal) == WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, terminal, 0, &pid), WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, terminal, 0, NULL), WIPPY_ERR_BUSY);
    wippy_terminate(c.out, pid);
    CHECK(core_wait(&a.closes, 1));
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, terminal, 0, NULL), WIPPY_OK);
    core_close(&c);
}

TEST(test_hosts_process_limits)
{
    core c;
    core_actor a[8] = {{0}};
    wippy_host_desc desc;
    wippy_desc rt_desc;
    wippy_host other;
    wippy_diag diag;
    wippy_spawn_desc spawn;
    core_actor *at = &a[7];
    memset(&desc, 0, sizeof(desc));
    memset(&rt_desc, 0, sizeof(rt_desc));
    desc.max_processes = 3;
    rt_desc.max_processes = 5;
    REQUIRE(core_open_with(&c, 0, &rt_desc, &desc));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other) == WIPPY_OK);
    for (int i = 0; i < 3; i++) {
        core_spawn(&c, &a[i]);
    }
    core_spawn_desc(&c, &at, &spawn);
    CHECK_EQ_INT(wippy_spawn(c.out, &spawn, NULL, &diag), WIPPY_ERR_LIMIT);
    CHECK_STR(diag.message, "max processes limit exceeded");
    spawn.flags = WIPPY_SPAWN_HIDDEN; /* not counted by the host */
    CHECK_EQ_INT(wippy_spawn(c.out, &spawn, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a[4], other, 0, NULL), WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a[5], other, 0, NULL), WIPPY_ERR_LIMIT); /* the runtime */
    wippy_terminate(c.out, a[0].pid);
    core_run(&c);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a[6], c.host, 0, NULL), WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a[5], c.host, 0, NULL), WIPPY_ERR_LIMIT);
    core_close(&c);
}

/* ------------------------------------------------------------------ stop and start again */

TEST(test_hosts_stop_cancels_then_terminates)
{
    for (uint32_t workers = 0; workers < 3; workers++) {
        core c;
        core_actor polite = {0};
        core_actor deaf = {0};
        wippy_pid pid = {0};
        wippy_diag diag;
        wippy_spawn_desc spawn;
        core_actor *at = &polite;
        REQUIRE(core_open(&c, workers));
        deaf.deaf = true;
        core_spawn(&c, &polite);
        pid = core_spawn(&c, &deaf);
        CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 20 * CORE_MS), WIPPY_OK);
        CHECK_EQ_INT(polite.closes, 1);
        CHECK_EQ_INT(deaf.closes, 1);
        CHECK_EQ_INT(polite.seen[0].kind, WIPPY_MAIL_CANCEL);
        CHECK_STR(polite.seen[0].text, "scheduler shutdown");
        CHECK_EQ_U64(polite.seen[0].from.id, 0);
        CHECK_EQ_INT(core_kinds(&deaf, WIPPY_MAIL_CANCEL), 1);
        core_spawn_desc(&c, &at, &spawn);
        CHECK_EQ_INT(wippy_spawn(c.out, &spawn, NULL, &diag), WIPPY_ERR_STOPPED);
        CHECK_EQ_INT(core_tell(&c, pid, "x"), WIPPY_ERR_GONE);
        CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 0), WIPPY_OK); /* again */
        if (workers == 0) {
            CHECK_EQ_INT(wippy_pump(c.rt, c.host, 0, 0), WIPPY_ERR_STOPPED);
        } else {
            CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, 2), WIPPY_ERR_STOPPED);
        }
        wippy_host again = {0};
        CHECK_EQ_INT(core_add_host(&c, "app:main", workers ? WIPPY_HOST_POOL : WIPPY_HOST_PUMP,
                                   workers, &again),
                     WIPPY_OK);
        CHECK_EQ_INT(again.id, c.host.id);
        core_actor next = {0};
        core_spawn(&c, &next);
        CHECK(workers == 0 ? core_pump_until(&c, &next.steps, 1) : core_wait(&next.steps, 1));
        core_close(&c);
    }
}

/* Spawns that arrive while the host stops are refused, or cancelled like the others. */
typedef struct spawner {
    core *c;
    uint32_t stop;
    uint32_t born;
    uint32_t refused;
} spawner;

static void *spawn_always(void *arg)
{
    spawner *s = (spawner *)arg;
    while (TEST_ATOMIC_LOAD(&s->stop) == 0) {
        wippy_spawn_desc desc;
        memset(&desc, 0, sizeof(desc));
        wippy_type_find(s->c->rt, "plain", &desc.type);
        desc.host = s->c->host;
        wippy_result r = wippy_spawn(s->c->out, &desc, NULL, NULL);
        if (r == WIPPY_OK) {
            TEST_ATOMIC_ADD(&s->born, 1u);
        } else {
            CHECK_EQ_INT(r, WIPPY_ERR_STOPPED);
            TEST_ATOMIC_ADD(&s->refused, 1u);
        }
    }
    return NULL;
}

static wippy_status plain_step(wippy_self *self, void *state)
{
    const wippy_mail *mail;
    (void)state;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
    }
    return WIPPY_IDLE;
}

static wippy_type plain_type(core *c)
{
    wippy_type_desc desc;
    wippy_type type = {0};
    memset(&desc, 0, sizeof(desc));
    desc.name = "plain";
    desc.step = plain_step;
    CHECK_EQ_INT(wippy_type_register(c->rt, &desc, &type), WIPPY_OK);
    return type;
}

TEST(test_hosts_stop_against_spawns)
{
    for (unsigned round = 0; round < test_scale(30); round++) {
        core c;
        spawner s;
        pthread_t threads[2];
        REQUIRE(core_open(&c, 1 + round % 3));
        plain_type(&c);
        memset(&s, 0, sizeof(s));
        s.c = &c;
        for (int i = 0; i < 2; i++) {
            REQUIRE(pthread_create(&threads[i], NULL, spawn_always, &s) == 0);
        }
        CHECK(core_wait(&s.born, 20 + round));
        uint64_t start = test_now_ms();
        CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 10000 * (uint64_t)CORE_MS), WIPPY_OK);
        CHECK(test_now_ms() - start < 8000); /* nobody was forgotten until the grace was over */
        CHECK(core_wait(&s.refused, 1));
        TEST_ATOMIC_ADD(&s.stop, 1u);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
        }
        CHECK_EQ_U64(core_alive(&c), 0);
        core_close(&c);
    }
}

/* ------------------------------------------------------------------ resize */

static wippy_status pass_on(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail;
    wippy_topic none = {0};
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        TEST_ATOMIC_ADD(&a->count, 1u);
        for (uint64_t work = wippy_self_seed(self) % 8 * 1000; a->number != 0 && work > 0; work--) {
            TEST_ATOMIC_ADD(&a->rounds, 1u); /* worth another core: workers leave with work in hand */
        }
        if (mail->kind == WIPPY_MAIL_DONE || wippy_self_seed(self) % 8 != 0) {
            (void)wippy_send(self, a->target, none, "x", 1);
        } else { /* the token waits on some worker's wheel */
            CHECK_EQ_INT(wippy_timer(self, wippy_self_seed(self) % CORE_MS, 1, NULL), WIPPY_PENDING);
        }
    }
    return WIPPY_IDLE;
}

static void resize_under_load(bool heavy)
{
    static core_actor ring[40];
    core c;
    memset(ring, 0, sizeof(ring));
    REQUIRE(core_open(&c, 2));
    for (int i = 39; i >= 0; i--) {
        ring[i].on_step = pass_on;
        ring[i].number = heavy;
        core_spawn(&c, &ring[i]);
    }
    for (int i = 0; i < 40; i++) {
        ring[i].target = ring[(i + 1) % 40].pid;
    }
    for (int i = 0; i < 40; i += 4) {
        core_tell(&c, ring[i].pid, "token");
    }
    for (unsigned round = 0; round < test_scale(100); round++) {
        static const uint32_t sizes[] = {1, 4, 2, 8, 1, 3};
        uint32_t before = TEST_ATOMIC_LOAD(&ring[round % 40].count);
        CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, sizes[round % 6]), WIPPY_OK);
        if (!CHECK(core_wait(&ring[round % 40].count, before + 20))) { /* ten tokens went on */
            break;
        }
    }
    wippy_host_info info;
    CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, 3), WIPPY_OK);
    wippy_host_stats(c.rt, c.host, &info);
    CHECK_EQ_INT(info.workers, 3);
    CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, 0), WIPPY_ERR_INVALID);
    core_close(&c);
}

TEST(test_hosts_resize_under_load_loses_nothing)
{
    resize_under_load(false);
    resize_under_load(true);
}

static wippy_status timer_20ms(wippy_self *self, core_actor *a)
{
    (void)a;
    CHECK_EQ_INT(wippy_timer(self, 20 * CORE_MS, 1, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

TEST(test_hosts_timers_of_ended_workers_fire)
{
    static core_actor many[64];
    for (unsigned round = 0; round < test_scale(5); round++) {
        core c;
        memset(many, 0, sizeof(many));
        REQUIRE(core_open(&c, 4));
        for (int i = 0; i < 64; i++) {
            many[i].on_start = timer_20ms;
            core_spawn(&c, &many[i]);
        }
        for (int i = 0; i < 64; i++) {
            CHECK(core_wait(&many[i].steps, 1));
        }
        CHECK_EQ_INT(wippy_host_resize(c.rt, c.host, 1), WIPPY_OK);
        uint64_t start = test_now_ms();
        for (int i = 0; i < 64; i++) {
            CHECK(core_wait(&many[i].count, 1));
        }
        CHECK(test_now_ms() - start < 2000);
        core_close(&c);
    }
}

/* ------------------------------------------------------------------ overdue steps */

/* A step that is busy until it is let go, once for each message. */
static wippy_status hog(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail = wippy_next(self);
    core_actor *friend_ = (core_actor *)a->arg;
    uint64_t start = test_now_ms();
    wippy_topic none = {0};
    if (mail != NULL && mail->kind == WIPPY_MAIL_CANCEL) {
        return wippy_done(self);
    }
    if (mail == NULL || mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    /* in the next-slot of this worker, and a timer on its wheel: both wait for us */
    CHECK_EQ_INT(wippy_send(self, friend_->pid, none, "x", 1), WIPPY_OK);
    while (TEST_ATOMIC_LOAD(&a->rounds) <= a->count && test_now_ms() - start < 20000) {
    }
    CHECK(wippy_should_yield(self));
    TEST_ATOMIC_ADD(&a->count, 1u);
    return WIPPY_IDLE;
}

#define ROUNDABOUTS 5

static wippy_status go_round(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
    }
    TEST_ATOMIC_ADD(&a->count, 1u);
    return WIPPY_CONTINUE;
}

/* A step that ends when the others, a->number of them, went round twice more. */
static wippy_status hog_for_rounds(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    const core_actor *others = (const core_actor *)a->arg;
    (void)self;
    for (int i = 0; i < a->number && mail->kind == WIPPY_MAIL_MESSAGE; i++) {
        CHECK(core_wait(&others[i].count, TEST_ATOMIC_LOAD(&others[i].count) + 2));
    }
    TEST_ATOMIC_ADD(&a->rounds, 1u);
    return WIPPY_IDLE;
}

/* One worker, and what goes round stands in its queue, not in its hand. */
TEST(test_hosts_who_goes_round_does_not_wait_for_an_overlong_step)
{
    static core_actor others[ROUNDABOUTS];
    core_actor a = {0};
    core c;
    memset(others, 0, sizeof(others));
    REQUIRE(core_open(&c, 1));
    a.arg = others;
    a.number = ROUNDABOUTS;
    a.on_mail = hog_for_rounds;
    core_spawn(&c, &a);
    for (int i = 0; i < ROUNDABOUTS; i++) {
        others[i].on_step = go_round;
        core_spawn(&c, &others[i]);
        CHECK(core_wait(&others[i].count, 10));
    }
    for (unsigned round = 1; round <= 5; round++) {
        core_tell(&c, a.pid, "go");
        CHECK(core_wait(&a.rounds, round));
    }
    core_close(&c);
}

#define TURNERS 8
#define HOLDERS 4 /* so a host of one worker has all its spares */

typedef struct hold {
    uint32_t holding; /* how many are in their step */
    uint32_t wanted;  /* all of them leave it when this is 1 */
} hold;

/* A turn that is worth another core. */
static wippy_status go_round_slowly(wippy_self *self, core_actor *a)
{
    uint64_t now = test_now_ms();
    while (test_now_ms() == now) {
    }
    return go_round(self, a);
}

static wippy_status hold_a_thread(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    hold *h = (hold *)a->arg;
    (void)self;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        TEST_ATOMIC_ADD(&h->holding, 1u);
        CHECK(core_wait(&h->wanted, 1));
    }
    TEST_ATOMIC_ADD(&a->rounds, 1u);
    return WIPPY_IDLE;
}

/* Every thread that there may be has work of its own, so nobody comes to steal what stands behind the
   overlong step. */
TEST(test_hosts_overlong_step_holds_nobody_although_all_threads_are_busy)
{
    static core_actor turners[TURNERS];
    core_actor holders[HOLDERS];
    core_actor hog_ = {0};
    hold h = {0, 0};
    core c;
    memset(turners, 0, sizeof(turners));
    memset(holders, 0, sizeof(holders));
    REQUIRE(core_open(&c, 1));
    for (uint32_t i = 0; i < HOLDERS; i++) {
        holders[i].arg = &h;
        holders[i].on_mail = hold_a_thread;
        core_spawn(&c, &holders[i]);
        core_tell(&c, holders[i].pid, "go");
        CHECK(core_wait(&h.holding, i + 1));
    }
    for (int i = 0; i < TURNERS; i++) {
        turners[i].on_step = go_round_slowly;
        core_spawn(&c, &turners[i]);
    }
    hog_.arg = turners;
    hog_.number = TURNERS;
    hog_.on_mail = hog_for_rounds;
    core_spawn(&c, &hog_);
    TEST_ATOMIC_STORE(&h.wanted, 1u);
    for (unsigned round = 1; round <= test_scale(10); round++) {
        core_tell(&c, hog_.pid, "go");
        REQUIRE(core_wait(&hog_.rounds, round));
    }
    core_close(&c);
}

static wippy_status timer_50ms(wippy_self *self, core_actor *a)
{
    (void)a;
    CHECK_EQ_INT(wippy_timer(self, 50 * CORE_MS, 1, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

TEST(test_hosts_step_that_does_not_return_stops_nobody_else)
{
    for (int round = 0; round < 2; round++) {
        core c;
        core_actor a = {0};
        core_actor neighbour = {0};
        core_actor sleeper = {0};
        REQUIRE(core_open(&c, 1));
        a.on_step = hog;
        a.arg = &neighbour;
        core_spawn(&c, &neighbour);
        core_spawn(&c, &a);
        sleeper.on_start = timer_50ms;
        core_spawn(&c, &sleeper);
        CHECK(core_wait(&a.steps, 1) && core_wait(&neighbour.steps, 1) &&
              core_wait(&sleeper.steps, 1));
        core_tell(&c, a.pid, "go");
        CHECK(core_wait(&neighbour.count, 1));
        CHECK(core_wait(&sleeper.count, 1));
        core_tell(&c, neighbour.pid, "from outside");
        CHECK(core_wait(&neighbour.count, 2));
        CHECK_EQ_INT(TEST_ATOMIC_LOAD(&a.count), 0); /* all of that while it ran */
        TEST_ATOMIC_ADD(&a.rounds, 1u);
        CHECK(core_wait(&a.count, 1));
        core_tell(&c, a.pid, "once more");
        CHECK(core_wait(&neighbour.count, 3));
        CHECK_EQ_INT(TEST_ATOMIC_LOAD(&a.count), 1);
        TEST_ATOMIC_ADD(&a.rounds, 1u);
        CHECK(core_wait(&a.count, 2));
        core_close(&c);
    }
}

/* An idle worker is not overdue: its spares leave, its slices are not cut short. */
static bool only_one_thread(void *arg)
{
    wippy_runtime_info info;
    return wippy_runtime_stats((wippy_runtime *)arg, &info) == WIPPY_OK && info.threads <= 1;
}

TEST(test_hosts_spare_leaves_although_its_cause_never_steps_again)
{
    core c;
    core_actor a = {0};
    core_actor neighbour = {0};
    REQUIRE(core_open(&c, 1));
    a.on_step = hog;
    a.arg = &neighbour;
    core_spawn(&c, &neighbour);
    core_spawn(&c, &a);
    CHECK(core_wait(&a.steps, 1) && core_wait(&neighbour.steps, 1));
    core_tell(&c, a.pid, "go");
    CHECK(core_wait(&neighbour.count, 1)); /* by a spare */
    CHECK_EQ_INT(TEST_ATOMIC_LOAD(&a.count), 0);
    TEST_ATOMIC_ADD(&a.rounds, 1u);
    CHECK(core_wait(&a.count, 1));
    CHECK(test_wait_until(only_one_thread, c.rt, 20000));
    core_close(&c);
}

/* A callback of one host waits for a birth on another, which waits for the first host. */
typedef struct rescue {
    core *c;
    wippy_host other;
    core_actor *child;
    core_actor *helper;
    wippy_result answer;
    uint32_t asked;
} rescue;

static void spawn_on_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    rescue *r = (rescue *)user_data;
    (void)rt;
    if (info->result != WIPPY_OK || TEST_ATOMIC_ADD(&r->asked, 1u) > 0) {
        return;
    }
    r->answer = core_spawn_by(r->c, r->c->out, r->child, r->other, 0, NULL);
}

static wippy_result wait_for_help(wippy_self *self, core_actor *a, const wippy_input *input)
{
    rescue *r = (rescue *)a->arg;
    (void)input;
    (void)self;
    core_tell(r->c, r->helper->pid, "help");
    return core_wait(&r->helper->count, 1) ? WIPPY_OK : WIPPY_ERR_TIMEOUT;
}

TEST(test_hosts_callback_that_waits_for_another_host_stops_nobody_else)
{
    core c;
    core_actor ends = {0};
    core_actor helper = {0};
    core_actor child = {0};
    rescue r;
    wippy_host_desc desc;
    memset(&r, 0, sizeof(r));
    memset(&desc, 0, sizeof(desc));
    desc.exit_fn = spawn_on_exit;
    desc.user_data = &r;
    REQUIRE(core_open_with(&c, 1, NULL, &desc));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &r.other) == WIPPY_OK);
    r.c = &c;
    r.child = &child;
    r.helper = &helper;
    r.answer = WIPPY_ERR_TIMEOUT;
    child.on_init = wait_for_help;
    child.arg = &r;
    core_spawn(&c, &helper);
    core_spawn(&c, &ends);
    core_tell(&c, ends.pid, "done");
    CHECK(core_wait(&ends.closes, 1));
    CHECK_EQ_INT(r.answer, WIPPY_OK);
    CHECK_EQ_INT(helper.count + 0u, 1);
    core_close(&c);
}

typedef struct flagged {
    uint32_t flag;
    uint32_t ended;
} flagged;

static wippy_status loop_until_flag(wippy_self *self, void *state)
{
    flagged *f = (flagged *)state;
    const wippy_mail *mail = wippy_next(self);
    if (mail != NULL && mail->kind == WIPPY_MAIL_CANCEL) {
        return wippy_done(self);
    }
    while (TEST_ATOMIC_LOAD(&f->flag) == 0) { /* looks at nothing of the runtime */
    }
    TEST_ATOMIC_STORE(&f->flag, 0u);
    return WIPPY_CONTINUE;
}

static void set_flag(void *state)
{
    TEST_ATOMIC_STORE(&((flagged *)state)->flag, 1u);
}

TEST(test_hosts_overdue_step_is_interrupted)
{
    core c;
    wippy_type_desc desc;
    wippy_spawn_desc spawn;
    wippy_pid pid = {0};
    REQUIRE(core_open(&c, 1));
    memset(&desc, 0, sizeof(desc));
    desc.name = "looping";
    desc.state_bytes = sizeof(flagged);
    desc.step = loop_until_flag;
    desc.interrupt = set_flag;
    memset(&spawn, 0, sizeof(spawn));
    CHECK_EQ_INT(wippy_type_register(c.rt, &desc, &spawn.type), WIPPY_OK);
    spawn.host = c.host;
    CHECK_EQ_INT(wippy_spawn(c.out, &spawn, &pid, NULL), WIPPY_OK);
    uint64_t start = test_now_ms();
    wippy_process_info info;
    do {
        memset(&info, 0, sizeof(info));
        wippy_process_stats(c.rt, pid, &info);
        test_pause_ms(1);
    } while (info.steps < 3 && test_now_ms() - start < 10000);
    CHECK(info.steps >= 3);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK);
    while (wippy_alive(c.rt, pid) && test_now_ms() - start < 10000) {
        test_pause_ms(1);
    }
    CHECK(!wippy_alive(c.rt, pid));
    core_close(&c);
}

TEST(test_hosts_high_priority_goes_first)
{
    core c;
    core_actor low[20] = {{0}};
    core_actor high = {0};
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 20; i++) {
        low[i].on_step = burn;
        core_spawn(&c, &low[i]);
    }
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &high, c.host, WIPPY_SPAWN_HIGH, NULL), WIPPY_OK);
    uint32_t rounds = 0;
    while (high.steps == 0 && rounds++ < 100) {
        (void)wippy_pump(c.rt, c.host, 1, 0);
    }
    uint32_t before = 0;
    for (int i = 0; i < 20; i++) {
        before += low[i].steps;
    }
    CHECK(before <= 8);
    core_close(&c);
}

/* ------------------------------------------------------------------ fairness */

#define TURNS_PROCESSES 1000
#define TURNS_EACH      50

static uint32_t turns_left;
static uint32_t turns[TURNS_PROCESSES];

static wippy_result turns_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)self;
    memcpy(state, input->data, sizeof(uint32_t));
    return WIPPY_OK;
}

static wippy_status turns_step(wippy_self *self, void *state)
{
    uint32_t mine;
    memcpy(&mine, state, sizeof(mine));
    if (turns_left == 0) {
        return wippy_done(self);
    }
    turns_left--;
    turns[mine]++;
    return WIPPY_CONTINUE;
}

/* Far more processes than a worker's ring holds, all always ready: none runs twice as often as another. */
TEST(test_hosts_a_crowd_that_is_always_ready_takes_turns)
{
    core c;
    wippy_type_desc desc = {"turns", sizeof(uint32_t), turns_init, turns_step, NULL, NULL, NULL};
    wippy_spawn_desc spawn;
    REQUIRE(core_open(&c, 0));
    memset(&spawn, 0, sizeof(spawn));
    memset(turns, 0, sizeof(turns));
    CHECK_EQ_INT(wippy_type_register(c.rt, &desc, &spawn.type), WIPPY_OK);
    turns_left = TURNS_PROCESSES * TURNS_EACH;
    spawn.host = c.host;
    for (uint32_t i = 0; i < TURNS_PROCESSES; i++) {
        spawn.data = &i;
        spawn.size = sizeof(i);
        CHECK_EQ_INT(wippy_spawn(c.out, &spawn, NULL, NULL), WIPPY_OK);
    }
    core_run(&c);
    CHECK_EQ_INT(turns_left, 0);
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < TURNS_PROCESSES; i++) {
        least = turns[i] < least ? turns[i] : least;
        most = turns[i] > most ? turns[i] : most;
    }
    CHECK(least >= TURNS_EACH - 5);
    CHECK(most <= TURNS_EACH + 5);
    core_close(&c);
}

/* ------------------------------------------------------------------ several */

TEST(test_hosts_several_runtimes_in_one_program)
{
    core c[3];
    core_actor a[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        REQUIRE(core_open(&c[i], i == 1 ? 0 : 1));
        core_spawn(&c[i], &a[i]);
    }
    for (int i = 0; i < 3; i++) {
        wippy_pid pid = {0};
        CHECK_EQ_INT(wippy_name_register(c[i].out, "same", 0, a[i].pid), WIPPY_OK);
        CHECK_EQ_INT(wippy_name_find(c[i].rt, "same", 0, &pid), WIPPY_OK);
        core_tell(&c[i], pid, "hello");
    }
    core_run(&c[1]);
    for (int i = 0; i < 3; i++) {
        CHECK(core_wait(&a[i].count, 1));
    }
    core_close(&c[1]);
    core_close(&c[0]);
    core_tell(&c[2], a[2].pid, "still here");
    CHECK(core_wait(&a[2].count, 2));
    core_close(&c[2]);
}

TEST_MAIN(TEST_ENTRY(test_hosts_spare_leaves_although_its_cause_never_steps_again),
          TEST_ENTRY(test_hosts_callback_that_waits_for_another_host_stops_nobody_else),
          TEST_ENTRY(test_hosts_creation_checks_its_arguments),
          TEST_ENTRY(test_hosts_pump_message_budget_is_exact), TEST_ENTRY(test_hosts_pump_time_budget),
          TEST_ENTRY(test_hosts_pump_deadline_and_wake), TEST_ENTRY(test_hosts_nested_pump_is_refused),
          TEST_ENTRY(test_hosts_callback_may_spawn), TEST_ENTRY(test_hosts_terminal_has_one_process),
          TEST_ENTRY(test_hosts_process_limits), TEST_ENTRY(test_hosts_stop_cancels_then_terminates),
          TEST_ENTRY(test_hosts_stop_against_spawns),
          TEST_ENTRY(test_hosts_resize_under_load_loses_nothing),
          TEST_ENTRY(test_hosts_timers_of_ended_workers_fire),
          TEST_ENTRY(test_hosts_step_that_does_not_return_stops_nobody_else),
          TEST_ENTRY(test_hosts_who_goes_round_does_not_wait_for_an_overlong_step),
          TEST_ENTRY(test_hosts_overlong_step_holds_nobody_although_all_threads_are_busy),
          TEST_ENTRY(test_hosts_overdue_step_is_interrupted),
          TEST_ENTRY(test_hosts_high_priority_goes_first),
          TEST_ENTRY(test_hosts_a_crowd_that_is_always_ready_takes_turns),
          TEST_ENTRY(test_hosts_several_runtimes_in_one_program))
