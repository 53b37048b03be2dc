/* wippy_stop, wippy_join, wippy_destroy: from where, how often, with whom left over. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

TEST(test_stop_needs_no_host_and_no_process)
{
    core c;
    wippy_desc desc;
    memset(&c, 0, sizeof(c));
    test_heap_init(&c.heap);
    core_desc(&c, &desc);
    CHECK_EQ_INT(wippy_create(&c.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(c.rt, 0), WIPPY_ERR_INVALID); /* not asked to stop */
    core_close(&c);
    CHECK_EQ_INT(wippy_destroy(NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_create(NULL, &desc), WIPPY_ERR_INVALID);
    desc.allocator.free_fn = NULL;
    CHECK_EQ_INT(wippy_create(&c.rt, &desc), WIPPY_ERR_INVALID);
    core_desc(&c, &desc);
    desc.max_processes = 1u << 30;
    CHECK_EQ_INT(wippy_create(&c.rt, &desc), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_create(&c.rt, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_runtime_desc(c.rt)->slice_us, 10000);
    CHECK_EQ_INT(wippy_destroy(c.rt), WIPPY_OK);
}

TEST(test_stop_is_a_request_and_idempotent)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        core c;
        core_actor a = {0};
        wippy_host host;
        REQUIRE(core_open(&c, workers));
        wippy_pid pid = core_spawn(&c, &a);
        CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
        CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
        CHECK(wippy_alive(c.rt, pid)); /* nobody has waited yet */
        CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, c.host, 0, NULL), WIPPY_ERR_STOPPED);
        CHECK_EQ_INT(core_add_host(&c, "app:new", WIPPY_HOST_PUMP, 0, &host), WIPPY_ERR_STOPPED);
        CHECK_EQ_INT(wippy_join(c.rt, 10000 * (uint64_t)CORE_MS), WIPPY_OK);
        CHECK_EQ_INT(wippy_join(c.rt, 0), WIPPY_OK); /* again */
        CHECK(!wippy_alive(c.rt, pid));
        CHECK_EQ_INT(a.closes, 1);
        CHECK_EQ_U64(wippy_survivors(c.rt, NULL, 0), 0);
        core_close(&c);
    }
}

static wippy_status join_inside(wippy_self *self, core_actor *a)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    CHECK_EQ_INT(wippy_stop(rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(rt, 1), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_host_stop(rt, wippy_self_host(self), 1), WIPPY_ERR_INVALID);
    TEST_ATOMIC_ADD(&a->rounds, 1u);
    return WIPPY_IDLE;
}

TEST(test_stop_from_inside_a_step_is_an_error_to_wait_for)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        core c;
        core_actor a = {0};
        REQUIRE(core_open(&c, workers));
        a.on_start = join_inside;
        core_spawn(&c, &a);
        CHECK(workers == 0 ? core_pump_until(&c, &a.rounds, 1) : core_wait(&a.rounds, 1));
        CHECK_EQ_INT(wippy_join(c.rt, UINT64_MAX), WIPPY_OK); /* outside it works */
        core_close(&c);
    }
}

typedef struct stuck {
    uint32_t inside, release;
} stuck;

static wippy_status hang(wippy_self *self, core_actor *a)
{
    stuck *s = (stuck *)a->arg;
    (void)self;
    TEST_ATOMIC_ADD(&s->inside, 1u);
    while (TEST_ATOMIC_LOAD(&s->release) == 0) {
        test_pause_ms(1);
    }
    return WIPPY_IDLE;
}

TEST(test_stop_reports_survivors_and_tries_again)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    stuck s = {0, 0};
    wippy_pid pids[4];
    REQUIRE(core_open(&c, 1));
    a.on_start = hang;
    a.arg = &s;
    wippy_pid pid = core_spawn(&c, &a);
    core_spawn(&c, &b);
    CHECK(core_wait(&s.inside, 1));
    CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
    CHECK_EQ_INT(wippy_join(c.rt, 60 * CORE_MS), WIPPY_ERR_TIMEOUT);
    CHECK(wippy_survivors(c.rt, pids, 4) >= 1);
    CHECK_EQ_U64(pids[0].id, pid.id);
    TEST_ATOMIC_ADD(&s.release, 1u);
    CHECK_EQ_INT(wippy_join(c.rt, 10000 * (uint64_t)CORE_MS), WIPPY_OK);
    CHECK_EQ_INT(a.closes, 1);
    core_close(&c);
}

TEST(test_stop_terminates_who_does_not_listen)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        core c;
        core_actor a = {0};
        REQUIRE(core_open(&c, workers));
        a.deaf = true;
        core_spawn(&c, &a);
        uint64_t start = test_now_ms();
        CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
        wippy_result joined = wippy_join(c.rt, 100 * CORE_MS);
        if (joined == WIPPY_ERR_TIMEOUT) { /* a busy machine has not come to it; it is condemned */
            joined = wippy_join(c.rt, 20000 * (uint64_t)CORE_MS);
        }
        CHECK_EQ_INT(joined, WIPPY_OK);
        CHECK(test_now_ms() - start >= 45);
        CHECK_EQ_INT(a.closes, 1);
        CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_CANCEL), 1);
        core_close(&c);
    }
}

static wippy_status call_child(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
    desc.host = wippy_self_host(self);
    desc.data = &child;
    desc.size = sizeof(child);
    a->answer = wippy_exec(self, &desc, NULL, NULL);
    return WIPPY_IDLE;
}

/* Its caller ended before the stop, or ends because of it: nobody waits for the deaf child. */
TEST(test_stop_is_short_for_calls_without_a_caller)
{
    for (uint32_t variant = 0; variant < 4; variant++) {
        bool pumped = variant % 2 == 0;
        core c;
        core_actor child = {0};
        core_actor a = {0};
        REQUIRE(core_open(&c, pumped ? 0 : 1));
        child.deaf = true;
        a.on_start = call_child;
        a.arg = &child;
        wippy_pid pid = core_spawn(&c, &a);
        CHECK(pumped ? core_pump_until(&c, &child.steps, 1) : core_wait(&child.steps, 1));
        if (variant < 2) {
            core_tell(&c, pid, "done");
            CHECK(pumped ? core_pump_until(&c, &child.count, 1) : core_wait(&child.count, 1));
        }
        uint64_t start = test_now_ms();
        CHECK_EQ_INT(wippy_stop(c.rt), WIPPY_OK);
        CHECK_EQ_INT(wippy_join(c.rt, 60000 * (uint64_t)CORE_MS), WIPPY_OK);
        CHECK(test_now_ms() - start >= 95);
        CHECK(test_now_ms() - start < 20000);
        CHECK_EQ_INT(child.closes, 1);
        core_close(&c);
    }
}

/* As long as the caller waits, the child has all the time there is. */
TEST(test_stop_is_patient_with_calls_somebody_waits_for)
{
    core c;
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 1));
    child.deaf = true;
    a.deaf = true;
    a.on_start = call_child;
    a.arg = &child;
    core_spawn(&c, &a);
    CHECK(core_wait(&child.steps, 1));
    uint64_t start = test_now_ms();
    CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 400 * CORE_MS), WIPPY_OK);
    CHECK(test_now_ms() - start >= 395);
    CHECK_EQ_INT(child.closes, 1);
    core_close(&c);
}

/* The last wish of one process needs another on a host that is pumped by nobody else. */
static wippy_status ask_first(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_topic none = {0};
    if (mail->kind == WIPPY_MAIL_CANCEL && a->number++ == 0) {
        CHECK_EQ_INT(wippy_send(self, a->target, none, "help", 4), WIPPY_OK);
        return WIPPY_CONTINUE;
    }
    return mail->kind == WIPPY_MAIL_MESSAGE ? wippy_done(self) : WIPPY_IDLE;
}

static wippy_status help(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_topic none = {0};
    (void)a;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK_EQ_INT(wippy_send(self, mail->from, none, "done", 4), WIPPY_OK);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

TEST(test_stop_pumps_hosts_that_need_each_other)
{
    core c;
    core_actor first = {0};
    core_actor second = {0};
    wippy_host other;
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other) == WIPPY_OK);
    second.on_mail = help;
    second.deaf = true;
    first.deaf = true;
    first.on_mail = ask_first;
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &second, other, 0, &first.target), WIPPY_OK);
    core_spawn(&c, &first);
    uint64_t start = test_now_ms();
    core_close(&c);
    CHECK(test_now_ms() - start < 3000);
    CHECK_EQ_INT(first.closes + second.closes, 2);
}

typedef struct last_words {
    int order[4];
    int count;
} last_words;

static void farewell_one(wippy_runtime *rt, void *user_data)
{
    last_words *l = (last_words *)user_data;
    void *memory = wippy_memory_get(rt, 100);
    CHECK(memory != NULL);
    wippy_memory_put(rt, memory, 100);
    l->order[l->count++] = 1;
}

static void farewell_two(wippy_runtime *rt, void *user_data)
{
    last_words *l = (last_words *)user_data;
    (void)rt;
    l->order[l->count++] = 2;
}

TEST(test_stop_says_farewell_newest_first)
{
    core c;
    core_actor a = {0};
    last_words l;
    memset(&l, 0, sizeof(l));
    REQUIRE(core_open(&c, 1));
    core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_on_destroy(c.rt, NULL, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_on_destroy(c.rt, farewell_one, &l), WIPPY_OK);
    CHECK_EQ_INT(wippy_on_destroy(c.rt, farewell_two, &l), WIPPY_OK);
    core_close(&c);
    CHECK_EQ_INT(l.count, 2);
    CHECK_EQ_INT(l.order[0], 2);
    CHECK_EQ_INT(l.order[1], 1);
    CHECK_EQ_INT(a.closes, 1);
}

TEST_MAIN(TEST_ENTRY(test_stop_needs_no_host_and_no_process),
          TEST_ENTRY(test_stop_is_a_request_and_idempotent),
          TEST_ENTRY(test_stop_from_inside_a_step_is_an_error_to_wait_for),
          TEST_ENTRY(test_stop_reports_survivors_and_tries_again),
          TEST_ENTRY(test_stop_terminates_who_does_not_listen),
          TEST_ENTRY(test_stop_is_short_for_calls_without_a_caller),
          TEST_ENTRY(test_stop_is_patient_with_calls_somebody_waits_for),
          TEST_ENTRY(test_stop_pumps_hosts_that_need_each_other),
          TEST_ENTRY(test_stop_says_farewell_newest_first))
