/* Simulation through the public header: equal seeds, equal runs; no threads; time that jumps; waits that
   move the others; calls of threads that are not there. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static bool sim_open(core *c, uint64_t seed, uint32_t workers)
{
    wippy_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.sim.on = true;
    desc.sim.seed = seed;
    return core_open_with(c, workers, &desc, NULL);
}

static wippy_sim_info sim_info(core *c)
{
    wippy_sim_info info;
    memset(&info, 0, sizeof(info));
    CHECK_EQ_INT(wippy_sim_stats(c->rt, &info), WIPPY_OK);
    return info;
}

/* ---- a relay: each of n actors sends its letter to the collector, from several workers ---- */

typedef struct relay {
    wippy_pid collector;
    wippy_topic topic;
    uint32_t left;
} relay;

static wippy_status relay_start(wippy_self *self, core_actor *a)
{
    relay *r = (relay *)a->arg;
    int64_t i;
    for (i = 0; i < 4; i++) {
        int64_t letter = a->number * 10 + i;
        CHECK_EQ_INT(wippy_send(self, r->collector, r->topic, &letter, sizeof(letter)), WIPPY_OK);
    }
    return wippy_done(self);
}

static wippy_status relay_collect(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    relay *r = (relay *)a->arg;
    (void)self;
    if (mail->kind == WIPPY_MAIL_MESSAGE && --r->left == 0) {
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

/* Who sends what in which order, as text; the hash of the run. */
static uint64_t sim_relay(uint64_t seed, char *text, size_t room)
{
    core c;
    relay r;
    core_actor collector;
    core_actor actors[6];
    uint64_t hash;
    uint32_t i;
    size_t at = 0;
    memset(&collector, 0, sizeof(collector));
    memset(actors, 0, sizeof(actors));
    if (!sim_open(&c, seed, 3)) {
        return 0;
    }
    r.left = 24;
    r.topic = c.topic;
    collector.arg = &r;
    collector.on_mail = relay_collect;
    r.collector = core_spawn(&c, &collector);
    for (i = 0; i < 6; i++) {
        actors[i].arg = &r;
        actors[i].number = i + 1;
        actors[i].on_start = relay_start;
        (void)core_spawn(&c, &actors[i]);
    }
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(collector.count, 24);
    CHECK(!wippy_alive(c.rt, r.collector));
    for (i = 0; i < collector.count; i++) {
        at += (size_t)snprintf(text + at, room - at, "%d ", (int)collector.seen[i].number);
    }
    hash = sim_info(&c).hash;
    core_close(&c);
    return hash;
}

TEST(test_sim_same_seed_repeats_the_run)
{
    char first[256], second[256];
    uint64_t seed;
    for (seed = 0; seed < 20; seed++) {
        uint64_t a = sim_relay(seed, first, sizeof(first));
        uint64_t b = sim_relay(seed, second, sizeof(second));
        CHECK(a == b);
        CHECK_STR(first, second);
    }
}

TEST(test_sim_other_seeds_run_otherwise_and_keep_each_senders_order)
{
    char texts[20][256];
    uint32_t different = 0;
    uint64_t seed;
    for (seed = 0; seed < 20; seed++) {
        const char *at = texts[seed];
        int last[8] = {0};
        int number, length;
        (void)sim_relay(seed + 100, texts[seed], sizeof(texts[seed]));
        different += seed > 0 && strcmp(texts[seed], texts[0]) != 0 ? 1 : 0;
        for (; sscanf(at, "%d %n", &number, &length) == 1; at += length) {
            CHECK(number / 10 < 8 && number > last[number / 10]);
            last[number / 10] = number;
        }
    }
    CHECK(different >= 15);
}

/* ---- time ---- */

static wippy_status sim_nap(wippy_self *self, core_actor *a)
{
    a->number = (int64_t)wippy_now_ns(wippy_self_runtime(self));
    a->answer = wippy_timer(self, 3600 * (uint64_t)1000000000, 7, NULL);
    return WIPPY_YIELD;
}

static wippy_status sim_woken(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind != WIPPY_MAIL_DONE) {
        return WIPPY_IDLE;
    }
    a->number = (int64_t)wippy_now_ns(wippy_self_runtime(self)) - a->number;
    return wippy_done(self);
}

TEST(test_sim_an_hour_passes_at_once_and_not_early)
{
    core c;
    core_actor a;
    int64_t wall;
    memset(&a, 0, sizeof(a));
    if (!sim_open(&c, 1, 2)) {
        return;
    }
    a.on_start = sim_nap;
    a.on_mail = sim_woken;
    wall = wippy_wall_ns(c.rt);
    CHECK(wall == 946684800 * (int64_t)1000000000);
    (void)core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(a.closes, 1);
    CHECK(a.number >= 3600 * (int64_t)1000000000);
    CHECK(a.number < 3601 * (int64_t)1000000000);
    CHECK(wippy_wall_ns(c.rt) - wall >= a.number);
    core_close(&c);
}

TEST(test_sim_run_for_a_time_ends_there)
{
    core c;
    core_actor a;
    uint64_t start;
    memset(&a, 0, sizeof(a));
    if (!sim_open(&c, 1, 2)) {
        return;
    }
    a.on_start = sim_nap;
    a.on_mail = sim_woken;
    (void)core_spawn(&c, &a);
    start = wippy_now_ns(c.rt);
    CHECK_EQ_INT(wippy_sim_run(c.rt, 60 * (uint64_t)1000000000, 0), WIPPY_OK);
    CHECK(wippy_now_ns(c.rt) - start >= 60 * (uint64_t)1000000000);
    CHECK(wippy_now_ns(c.rt) - start < 61 * (uint64_t)1000000000);
    CHECK_EQ_INT(a.closes, 0);
    CHECK_EQ_INT(a.count, 0);
    core_close(&c);
    CHECK_EQ_INT(a.closes, 1);
}

TEST(test_sim_counts_its_moves)
{
    core c;
    core_actor a;
    uint64_t before;
    memset(&a, 0, sizeof(a));
    if (!sim_open(&c, 3, 2)) {
        return;
    }
    (void)core_spawn(&c, &a);
    before = sim_info(&c).moves;
    while (wippy_sim_step(c.rt) == WIPPY_PENDING) {
    }
    CHECK(sim_info(&c).moves > before);
    CHECK_EQ_INT(wippy_sim_step(c.rt), WIPPY_OK); /* asleep for good */
    before = sim_info(&c).moves;
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 5), WIPPY_OK);
    CHECK(sim_info(&c).moves == before);
    CHECK_EQ_INT(core_tell(&c, a.pid, "hello"), WIPPY_OK);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 1), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(a.count, 1);
    core_close(&c);
}

/* ---- where it is refused ---- */

static wippy_status sim_inside(wippy_self *self, core_actor *a)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    a->answer = wippy_sim_step(rt);
    a->number = wippy_sim_run(rt, 1, 0);
    return WIPPY_IDLE;
}

TEST(test_sim_is_refused_inside_a_step_and_without_simulation)
{
    core c;
    core_actor a;
    wippy_sim_info info;
    memset(&a, 0, sizeof(a));
    a.on_start = sim_inside;
    if (!sim_open(&c, 3, 1)) {
        return;
    }
    (void)core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(a.answer, WIPPY_ERR_INVALID);
    CHECK_EQ_INT(a.number, WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_sim_call(c.rt, 0, NULL, NULL), WIPPY_ERR_INVALID);
    core_close(&c);
    if (core_open(&c, 0)) {
        CHECK_EQ_INT(wippy_sim_step(c.rt), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_sim_run(c.rt, 1, 0), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_sim_stats(c.rt, &info), WIPPY_ERR_INVALID);
        core_close(&c);
    }
}

/* ---- threads that are not there ---- */

typedef struct sim_caller {
    core *c;
    wippy_pid to;
    core_actor *child;
    wippy_result answers[3];
    uint64_t at_ns;
} sim_caller;

static void sim_called(wippy_runtime *rt, void *arg)
{
    sim_caller *call = (sim_caller *)arg;
    wippy_pid pid;
    call->at_ns = wippy_now_ns(rt);
    call->answers[0] = core_tell(call->c, call->to, "from outside");
    /* waits for a worker that runs the child's init */
    call->answers[1] = core_spawn_by(call->c, call->c->out, call->child, call->c->host, 0, &pid);
    call->answers[2] = wippy_terminate(call->c->out, pid);
}

TEST(test_sim_foreign_calls_come_after_their_delay_and_may_wait)
{
    core c;
    core_actor a, child;
    sim_caller call;
    uint64_t start;
    memset(&a, 0, sizeof(a));
    memset(&child, 0, sizeof(child));
    memset(&call, 0, sizeof(call));
    if (!sim_open(&c, 5, 2)) {
        return;
    }
    call.c = &c;
    call.to = core_spawn(&c, &a);
    call.child = &child;
    start = wippy_now_ns(c.rt);
    CHECK_EQ_INT(wippy_sim_call(c.rt, 5000000, sim_called, &call), WIPPY_OK);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK(call.at_ns >= start + 5000000);
    CHECK_EQ_INT(call.answers[0], WIPPY_OK);
    CHECK_EQ_INT(call.answers[1], WIPPY_OK);
    CHECK_EQ_INT(call.answers[2], WIPPY_OK);
    CHECK_EQ_INT(a.count, 1);
    CHECK_EQ_INT(child.inits, 1);
    CHECK_EQ_INT(child.closes, 1);
    CHECK_EQ_INT(wippy_sim_call(c.rt, 5000000, sim_called, &call), WIPPY_OK); /* never made */
    core_close(&c);
}

static wippy_result sim_block(void *arg, wippy_writer *out)
{
    core_actor *a = (core_actor *)arg;
    a->number++;
    wippy_write_int(out, 42);
    return WIPPY_OK;
}

static wippy_status sim_ask_block(wippy_self *self, core_actor *a)
{
    a->answer = wippy_blocking(self, sim_block, a, NULL, 9, NULL);
    CHECK_EQ_INT(a->number, 0); /* a move of its own, later */
    return WIPPY_YIELD;
}

static char call_order[8];
static uint32_t call_count;

static void call_a(wippy_runtime *rt, void *arg)
{
    (void)rt;
    call_order[call_count++] = *(const char *)arg;
}

static void count_trace(const wippy_trace_record *record, void *user_data)
{
    (void)record;
    ++*(uint64_t *)user_data;
}

/* Whichever was asked for first: what is due comes before what is not. */
TEST(test_sim_foreign_calls_come_in_the_order_of_their_delays)
{
    static char letters[] = "abcd";
    for (uint64_t seed = 1; seed <= 20; seed++) {
        core c;
        wippy_desc desc;
        uint64_t heard = 0;
        memset(&desc, 0, sizeof(desc));
        desc.sim.on = true;
        desc.sim.seed = seed;
        desc.random_seed = seed;
        desc.trace_fn = count_trace;
        desc.trace_user_data = &heard;
        REQUIRE(core_open_with(&c, 2, &desc, NULL));
        memset(call_order, 0, sizeof(call_order));
        call_count = 0;
        for (uint64_t i = 0; i < 4; i++) { /* d first, a last */
            CHECK_EQ_INT(wippy_sim_call(c.rt, (4 - i) * 1000000000, call_a, &letters[3 - i]), WIPPY_OK);
        }
        CHECK_EQ_INT(wippy_sim_run(c.rt, 10 * UINT64_C(1000000000), 0), WIPPY_OK);
        CHECK_STR(call_order, "abcd");
        core_close(&c);
        CHECK(heard > 0); /* who listens hears it, too */
    }
}

TEST(test_sim_blocking_calls_are_moves)
{
    core c;
    core_actor a;
    wippy_runtime_info info;
    memset(&a, 0, sizeof(a));
    a.on_start = sim_ask_block;
    if (!sim_open(&c, 5, 2)) {
        return;
    }
    (void)core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(a.answer, WIPPY_PENDING);
    CHECK_EQ_INT(a.number, 1);
    CHECK_EQ_INT(a.count, 1);
    CHECK_EQ_INT(a.seen[0].tag, 9);
    CHECK_EQ_INT(a.seen[0].number, 42);
    CHECK_EQ_INT(wippy_runtime_stats(c.rt, &info), WIPPY_OK);
    CHECK_EQ_INT(info.processes, 1);
    core_close(&c);
}

/* ---- stopping ---- */

TEST(test_sim_join_for_ever_ends_the_deaf)
{
    core c;
    core_actor a;
    memset(&a, 0, sizeof(a));
    a.deaf = true;
    if (!sim_open(&c, 6, 2)) {
        return;
    }
    (void)core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(c.rt, UINT64_MAX), WIPPY_OK);
    CHECK_EQ_INT(a.closes, 1);
    core_close(&c);
}

TEST(test_sim_host_stop_takes_its_grace_in_virtual_time)
{
    core c;
    core_actor a;
    uint64_t start;
    memset(&a, 0, sizeof(a));
    a.deaf = true;
    if (!sim_open(&c, 6, 2)) {
        return;
    }
    (void)core_spawn(&c, &a);
    start = wippy_now_ns(c.rt);
    CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 30 * (uint64_t)1000000000), WIPPY_OK);
    CHECK(wippy_now_ns(c.rt) - start >= 30 * (uint64_t)1000000000);
    CHECK_EQ_INT(a.closes, 1);
    core_close(&c);
}

TEST(test_sim_a_pump_moves_with_the_others_around_it)
{
    core c;
    core_actor a, b;
    wippy_host pool;
    uint32_t frame;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    if (!sim_open(&c, 8, 0) || core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 2, &pool) != 0) {
        return;
    }
    a.on_start = sim_nap;
    a.on_mail = sim_woken;
    b.on_start = sim_nap;
    b.on_mail = sim_woken;
    (void)core_spawn(&c, &a);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, pool, 0, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_sim_run(c.rt, 1000000, 0), WIPPY_OK);
    CHECK_EQ_INT(a.steps, 0); /* only inside wippy_pump() */
    CHECK_EQ_INT(b.steps, 1);
    for (frame = 0; frame < 61; frame++) {
        CHECK(wippy_pump(c.rt, c.host, 2000000, 0) >= 0);
        CHECK_EQ_INT(wippy_sim_run(c.rt, 60 * (uint64_t)1000000000, 0), WIPPY_OK);
    }
    CHECK(wippy_pump(c.rt, c.host, 2000000, 0) >= 0);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(b.closes, 1);
    core_close(&c);
}

/* ---- memory ---- */

TEST(test_sim_refused_allocations_are_counted_and_nothing_is_lost)
{
    uint64_t refused = 0;
    uint64_t seed;
    for (seed = 0; seed < 30; seed++) {
        core c;
        core_actor a;
        wippy_desc desc;
        memset(&a, 0, sizeof(a));
        memset(&desc, 0, sizeof(desc));
        desc.sim.on = true;
        desc.sim.seed = seed;
        desc.sim.fail_one_in = 3;
        if (!core_open_with(&c, 2, &desc, NULL)) {
            return;
        }
        a.on_start = sim_ask_block;
        if (core_spawn_by(&c, c.out, &a, c.host, 0, NULL) == WIPPY_OK) {
            CHECK_EQ_INT(wippy_sim_run(c.rt, UINT64_MAX, 0), WIPPY_OK);
        }
        refused += sim_info(&c).refused;
        core_close(&c);
    }
    CHECK(refused > 0);
}

TEST_MAIN(TEST_ENTRY(test_sim_same_seed_repeats_the_run),
          TEST_ENTRY(test_sim_other_seeds_run_otherwise_and_keep_each_senders_order),
          TEST_ENTRY(test_sim_an_hour_passes_at_once_and_not_early),
          TEST_ENTRY(test_sim_run_for_a_time_ends_there), TEST_ENTRY(test_sim_counts_its_moves),
          TEST_ENTRY(test_sim_is_refused_inside_a_step_and_without_simulation),
          TEST_ENTRY(test_sim_foreign_calls_come_after_their_delay_and_may_wait),
          TEST_ENTRY(test_sim_foreign_calls_come_in_the_order_of_their_delays),
          TEST_ENTRY(test_sim_blocking_calls_are_moves),
          TEST_ENTRY(test_sim_join_for_ever_ends_the_deaf),
          TEST_ENTRY(test_sim_host_stop_takes_its_grace_in_virtual_time),
          TEST_ENTRY(test_sim_a_pump_moves_with_the_others_around_it),
          TEST_ENTRY(test_sim_refused_allocations_are_counted_and_nothing_is_lost))
