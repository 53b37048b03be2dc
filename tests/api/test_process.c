/* Birth, steps, results and the completion sequence of a process, in place and across hosts. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

/* ------------------------------------------------------------------ birth */

TEST(test_process_spawn_in_place_runs_init_before_the_call_returns)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_INT(a.inits, 1);
    CHECK_EQ_INT(a.steps, 0);
    CHECK_EQ_U64(a.pid.id, pid.id);
    CHECK(wippy_alive(c.rt, pid));
    core_run(&c);
    CHECK_EQ_INT(a.steps, 1); /* the first step comes without mail */
    core_run(&c);
    CHECK_EQ_INT(a.steps, 1); /* and no other */
    CHECK_EQ_INT(core_tell(&c, pid, "done"), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    CHECK(!wippy_alive(c.rt, pid));
    CHECK_EQ_INT(core_tell(&c, pid, "more"), WIPPY_ERR_GONE);
    CHECK_EQ_U64(core_alive(&c), 0);
    core_close(&c);
}

TEST(test_process_outside_spawn_wakes_a_sleeping_pump)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), UINT64_MAX);
    core_spawn(&c, &a);
    CHECK_EQ_U64(wippy_pump_deadline(c.rt, c.host), 0);
    core_close(&c);
}

static wippy_result refuse_plain(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)a;
    (void)input;
    CHECK_EQ_INT(wippy_name_register(self, "unborn", 0, wippy_self_pid(self)), WIPPY_OK);
    CHECK_EQ_INT(wippy_monitor(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_link(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_timer(self, 1, 5, NULL), WIPPY_PENDING);
    return WIPPY_ERR_CONFLICT;
}

static wippy_result refuse_in_words(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)a;
    (void)input;
    wippy_fail(self, WIPPY_ERR_DENIED, "not %s", "today");
    return WIPPY_ERR_INVALID;
}

TEST(test_process_failing_init_leaves_nothing)
{
    core c;
    core_actor watched = {0};
    core_actor a = {0};
    wippy_pid pid = {77};
    wippy_diag diag;
    wippy_spawn_desc desc;
    core_actor *at = &a;
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &watched);
    a.on_init = refuse_plain;
    core_spawn_desc(&c, &at, &desc);
    desc.name = "asked-for";
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_ERR_CONFLICT);
    CHECK_EQ_U64(pid.id, 77);
    CHECK_EQ_INT(diag.code, WIPPY_ERR_CONFLICT);
    CHECK(!wippy_alive(c.rt, a.pid));
    CHECK_EQ_INT(wippy_name_find(c.rt, "unborn", 0, &pid), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_find(c.rt, "asked-for", 0, &pid), WIPPY_ERR_NOTFOUND);
    a.on_init = refuse_in_words;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_ERR_DENIED);
    CHECK_STR(diag.message, "not today");
    CHECK_EQ_INT(a.closes, 0);
    CHECK_EQ_INT(a.steps, 0);
    CHECK_EQ_U64(core_alive(&c), 1);
    core_run(&c);
    core_tell(&c, watched.pid, "fail");
    core_run(&c);
    CHECK_EQ_INT(watched.closes, 1);
    core_close(&c);
}

TEST(test_process_spawn_refuses_bad_descriptions)
{
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_diag diag;
    REQUIRE(core_open(&c, 0));
    core_spawn_desc(&c, &at, &desc);
    desc.host.id = 999;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "host not found");
    desc.host.id = 0; /* outside has no host of its own */
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_ERR_NOTFOUND);
    desc.host = c.host;
    desc.type.id = 0;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_ERR_INVALID);
    desc.type.id = 4000;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_ERR_INVALID);
    desc.type = c.type;
    desc.name = "";
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_ERR_INVALID);
    desc.name = NULL;
    desc.entry = "no:such";
    desc.type.id = 0;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_spawn(c.out, NULL, NULL, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(core_alive(&c), 0);
    core_close(&c);
}

TEST(test_process_first_messages_come_first_and_without_sender)
{
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_message first[2];
    wippy_pid pid;
    REQUIRE(core_open(&c, 0));
    memset(first, 0, sizeof(first));
    first[0].topic = c.topic;
    first[0].data = "one";
    first[0].size = 3;
    first[1].topic_name = "inline";
    first[1].data = "two";
    first[1].size = 3;
    core_spawn_desc(&c, &at, &desc);
    desc.messages = first;
    desc.message_count = 2;
    REQUIRE(wippy_spawn(c.out, &desc, &pid, NULL) == WIPPY_OK);
    core_tell(&c, pid, "three");
    core_run(&c);
    CHECK_EQ_INT(a.count, 3);
    CHECK_STR(a.seen[0].text, "one");
    CHECK_STR(a.seen[1].text, "two");
    CHECK_STR(a.seen[1].topic, "inline");
    CHECK_STR(a.seen[2].text, "three");
    CHECK_EQ_U64(a.seen[0].from.id, 0);
    core_close(&c);
}

/* What init asked for completes although init takes longer than that. */
static wippy_result quick(void *arg, wippy_writer *out)
{
    wippy_write_int(out, 3);
    TEST_ATOMIC_ADD((uint32_t *)arg, 1u);
    return WIPPY_OK;
}

static void quick_done(void *arg)
{
    TEST_ATOMIC_ADD((uint32_t *)arg, 1u);
}

static wippy_result ask_then_dawdle(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)input;
    CHECK_EQ_INT(wippy_blocking(self, quick, a->arg, quick_done, 11, NULL), WIPPY_PENDING);
    CHECK(core_wait((uint32_t *)a->arg, 2)); /* its completion was sent */
    return WIPPY_OK;
}

TEST(test_process_completion_during_init_is_kept)
{
    core c;
    core_actor a = {0};
    uint32_t ran = 0;
    REQUIRE(core_open(&c, 0));
    a.on_init = ask_then_dawdle;
    a.arg = &ran;
    core_spawn(&c, &a);
    core_run(&c);
    REQUIRE(a.count == 1);
    CHECK_EQ_U64(a.seen[0].tag, 11);
    CHECK_EQ_INT(a.seen[0].number, 3);
    core_close(&c);
}

static wippy_result watch_then_kill(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)input;
    CHECK_EQ_INT(wippy_monitor(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_link(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(self, a->target), WIPPY_OK);
    while (wippy_alive(wippy_self_runtime(self), a->target)) { /* it runs on another host */
        test_pause_ms(1);
    }
    CHECK(core_wait((uint32_t *)a->arg, 1));
    return WIPPY_OK;
}

TEST(test_process_exit_of_a_target_during_init_is_kept)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    wippy_host other;
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &target, other, 0, &a.target), WIPPY_OK);
    a.on_init = watch_then_kill;
    a.trap = true;
    a.arg = &target.closes;
    core_spawn(&c, &a);
    CHECK(core_wait(&a.count, 2));
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), 1);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_LINK_DOWN), 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ birth elsewhere */

static wippy_status spawn_there(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
    desc.host.id = (uint32_t)a->number;
    desc.data = &child;
    desc.size = sizeof(child);
    desc.flags = WIPPY_SPAWN_MONITOR;
    desc.tag = 42;
    a->answer = wippy_spawn(self, &desc, NULL, NULL);
    return WIPPY_IDLE;
}

TEST(test_process_spawn_across_hosts_completes_with_the_pid)
{
    core c;
    core_actor child = {0};
    core_actor a = {0};
    wippy_host other;
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
    a.on_start = spawn_there;
    a.number = other.id;
    a.arg = &child;
    core_spawn(&c, &a);
    REQUIRE(core_wait(&a.count, 1));
    CHECK_EQ_INT(a.answer, WIPPY_PENDING);
    CHECK_EQ_INT(a.seen[0].kind, WIPPY_MAIL_DONE);
    CHECK_EQ_INT(a.seen[0].result, WIPPY_OK);
    CHECK_EQ_U64(a.seen[0].tag, 42);
    CHECK_EQ_U64((uint64_t)a.seen[0].number, child.pid.id);
    core_tell(&c, child.pid, "fail");
    REQUIRE(core_wait(&a.count, 2));
    CHECK_EQ_INT(a.seen[1].kind, WIPPY_MAIL_EXIT);
    CHECK_EQ_INT(a.seen[1].result, WIPPY_ERR_CONFLICT);
    CHECK_STR(a.seen[1].text, "boom 5");
    CHECK_EQ_U64(a.seen[1].from.id, child.pid.id);
    core_close(&c);
}

TEST(test_process_failing_init_elsewhere_completes_with_its_error)
{
    core c;
    core_actor child = {0};
    core_actor a = {0};
    wippy_host other;
    wippy_diag diag;
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
    child.on_init = refuse_in_words;
    a.on_start = spawn_there;
    a.number = other.id;
    a.arg = &child;
    core_spawn(&c, &a);
    REQUIRE(core_wait(&a.count, 1));
    CHECK_EQ_INT(a.seen[0].kind, WIPPY_MAIL_DONE);
    CHECK_EQ_INT(a.seen[0].result, WIPPY_ERR_DENIED);
    CHECK_STR(a.seen[0].text, "not today");
    wippy_spawn_desc desc;
    core_actor *at = &child;
    core_spawn_desc(&c, &at, &desc);
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, &diag), WIPPY_ERR_DENIED);
    CHECK_STR(diag.message, "not today");
    CHECK_EQ_U64(core_alive(&c), 1);
    core_close(&c);
}

/* The spawner is gone before the child is born: the child lives, nobody is told. */
static wippy_status spawn_there_and_end(wippy_self *self, core_actor *a)
{
    spawn_there(self, a);
    return wippy_done(self);
}

TEST(test_process_child_elsewhere_survives_the_end_of_its_spawner)
{
    core c;
    wippy_host pump;
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:pump", WIPPY_HOST_PUMP, 0, &pump) == WIPPY_OK);
    a.on_start = spawn_there_and_end;
    a.number = pump.id;
    a.arg = &child;
    core_spawn(&c, &a);
    REQUIRE(core_wait(&a.closes, 1));
    CHECK_EQ_INT(child.inits, 0);
    CHECK_EQ_INT(wippy_pump(c.rt, pump, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(child.inits, 1);
    CHECK_EQ_INT(child.steps, 1);
    CHECK(wippy_alive(c.rt, child.pid));
    core_close(&c);
}

/* ------------------------------------------------------------------ steps and results */

static wippy_status count_up(wippy_self *self, core_actor *a)
{
    return ++a->number < 5 ? WIPPY_CONTINUE : wippy_done(self);
}

TEST(test_process_continue_runs_again_without_mail)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_step = count_up;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(a.steps, 5);
    CHECK_EQ_INT(a.closes, 1);
    core_close(&c);
}

static wippy_status take_one(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail = wippy_next(self);
    if (mail != NULL) {
        core_see(self, a, mail);
        return core_obey(self, a, mail);
    }
    return WIPPY_IDLE;
}

TEST(test_process_untaken_mail_brings_another_step)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_step = take_one;
    wippy_pid pid = core_spawn(&c, &a);
    for (int i = 0; i < 4; i++) {
        core_tell(&c, pid, "x");
    }
    core_run(&c);
    CHECK_EQ_INT(a.count, 4);
    CHECK_EQ_INT(a.steps, 4);
    core_close(&c);
}

TEST(test_process_step_budget_limits_one_step)
{
    core c;
    core_actor a = {0};
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.step_budget = 3;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    wippy_pid pid = core_spawn(&c, &a);
    for (int i = 0; i < 10; i++) {
        core_tell(&c, pid, "x");
    }
    core_run(&c);
    CHECK_EQ_INT(a.count, 10);
    CHECK_EQ_INT(a.steps, 4);
    core_close(&c);
}

typedef struct exits {
    uint32_t count;
    wippy_exit_info last;
    char text[64];
} exits;

static void on_exit_fn(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    exits *e = (exits *)user_data;
    (void)rt;
    e->last = *info;
    e->text[0] = '\0';
    if (info->value.size > 0) {
        wippy_value_to_text(info->value, e->text, sizeof(e->text));
    }
    TEST_ATOMIC_ADD(&e->count, 1u);
}

static wippy_status record_twice(wippy_self *self, core_actor *a)
{
    (void)a;
    wippy_fail(self, WIPPY_ERR_IO, "first");
    return wippy_done(self); /* the last word counts */
}

static wippy_status record_and_go_on(wippy_self *self, core_actor *a)
{
    (void)a;
    wippy_fail(self, WIPPY_ERR_IO, "said, not meant");
    return WIPPY_IDLE;
}

TEST(test_process_result_reaches_the_host)
{
    static const struct {
        const char *command;
        wippy_result result;
        const char *text;
    } rows[] = {{"done", WIPPY_OK, ""}, {"done7", WIPPY_OK, "7"}, {"fail", WIPPY_ERR_CONFLICT, "boom 5"}};
    core c;
    exits e;
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    memset(&e, 0, sizeof(e));
    host.exit_fn = on_exit_fn;
    host.user_data = &e;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        core_actor a = {0};
        wippy_pid pid = core_spawn(&c, &a);
        core_tell(&c, pid, rows[i].command);
        core_run(&c);
        CHECK_EQ_INT(e.count, i + 1);
        CHECK_EQ_U64(e.last.pid.id, pid.id);
        CHECK_EQ_INT(e.last.result, rows[i].result);
        CHECK_HAS(e.text, rows[i].text);
    }
    core_actor b = {0};
    core_actor d = {0};
    b.on_start = record_twice;
    d.on_start = record_and_go_on;
    core_spawn(&c, &b);
    wippy_pid pid = core_spawn(&c, &d);
    core_run(&c);
    CHECK_EQ_INT(e.last.result, WIPPY_OK);
    CHECK_EQ_U64(e.last.pid.id, b.pid.id);
    CHECK(wippy_alive(c.rt, pid));
    wippy_terminate(c.out, pid);
    core_run(&c);
    CHECK_EQ_INT(e.last.result, WIPPY_ERR_INTERNAL);
    CHECK_HAS(e.text, "process terminated");
    core_close(&c);
}

static wippy_status fail_in_step(wippy_self *self, core_actor *a)
{
    (void)a;
    return wippy_fail_value(self, WIPPY_ERR_TIMEOUT, "\x05", 1);
}

TEST(test_process_terminate_comes_before_mail)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    exits e;
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    memset(&e, 0, sizeof(e));
    host.exit_fn = on_exit_fn;
    host.user_data = &e;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    wippy_pid pid = core_spawn(&c, &a);
    core_tell(&c, pid, "x");
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK); /* again: harmless */
    CHECK(wippy_alive(c.rt, pid));
    core_run(&c);
    CHECK_EQ_INT(a.steps, 0);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_cancel(c.out, pid, "x"), WIPPY_ERR_GONE);
    wippy_pid none = {0};
    CHECK_EQ_INT(wippy_terminate(c.out, none), WIPPY_ERR_GONE);
    b.on_start = fail_in_step;
    core_spawn(&c, &b);
    core_run(&c);
    CHECK_EQ_INT(e.last.result, WIPPY_ERR_TIMEOUT);
    CHECK_STR(e.text, "5");
    core_close(&c);
}

/* ------------------------------------------------------------------ the completion sequence */

typedef struct sequence {
    core *c;
    wippy_pid watched;
    uint32_t closes_at_exit;
    const uint32_t *closes;
    wippy_result send, name, monitor, terminate;
    bool alive;
} sequence;

static wippy_status look_around(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    sequence *q = (sequence *)a->arg;
    wippy_pid pid;
    if (mail->kind != WIPPY_MAIL_EXIT) {
        return WIPPY_IDLE;
    }
    q->send = wippy_send(self, mail->from, q->c->topic, "x", 1);
    q->name = wippy_name_find(q->c->rt, "worker", 0, &pid);
    q->monitor = wippy_monitor(self, mail->from);
    q->terminate = wippy_terminate(self, mail->from);
    q->alive = wippy_alive(q->c->rt, mail->from);
    TEST_ATOMIC_ADD((uint32_t *)&q->closes_at_exit, 1u);
    return WIPPY_IDLE;
}

static void check_sequence(uint32_t workers, const char *how)
{
    core c;
    core_actor a = {0};
    core_actor w = {0};
    sequence q;
    memset(&q, 0, sizeof(q));
    REQUIRE(core_open(&c, workers));
    q.c = &c;
    w.target = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_name_register(c.out, "worker", 0, w.target), WIPPY_OK);
    w.monitor = true;
    w.on_mail = look_around;
    w.arg = &q;
    core_spawn(&c, &w);
    if (workers == 0) {
        core_run(&c);
    } else {
        CHECK(core_wait(&w.steps, 1));
    }
    if (strcmp(how, "terminate") == 0) {
        wippy_terminate(c.out, w.target);
    } else if (strcmp(how, "cancel") == 0) {
        wippy_cancel(c.out, w.target, "please");
    } else {
        core_tell(&c, w.target, how);
    }
    CHECK(workers == 0 ? core_pump_until(&c, &q.closes_at_exit, 1)
                       : core_wait(&q.closes_at_exit, 1));
    CHECK_EQ_INT(q.send, WIPPY_ERR_GONE);
    CHECK_EQ_INT(q.name, WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(q.monitor, WIPPY_ERR_GONE);
    CHECK_EQ_INT(q.terminate, WIPPY_ERR_GONE);
    CHECK(!q.alive);
    core_close(&c);
}

TEST(test_process_watcher_finds_sends_failing_and_names_free)
{
    static const char *const hows[] = {"done", "fail", "cancel", "terminate"};
    for (size_t i = 0; i < TEST_COUNT(hows); i++) {
        check_sequence(0, hows[i]);
        check_sequence(2, hows[i]);
    }
}

/* EXIT is the news that there is room: what it wakes may spawn in the place of the dead. */
static wippy_status spawn_again(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    if (mail->kind == WIPPY_MAIL_EXIT || mail->kind == WIPPY_MAIL_MESSAGE) {
        memset(&desc, 0, sizeof(desc));
        wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
        desc.host.id = (uint32_t)a->number;
        desc.data = &child;
        desc.size = sizeof(child);
        desc.flags = WIPPY_SPAWN_MONITOR;
        a->answer = wippy_spawn(self, &desc, NULL, NULL);
        CHECK(a->answer == WIPPY_PENDING || a->answer == WIPPY_OK ||
              a->answer == WIPPY_ERR_STOPPED); /* the last one meets the end of the test */
    }
    return WIPPY_IDLE;
}

static wippy_status end_at_once(wippy_self *self, core_actor *a)
{
    (void)a;
    return wippy_done(self);
}

TEST(test_process_exit_means_there_is_room_on_its_host)
{
    core c;
    wippy_host full;
    core_actor child = {0};
    core_actor a = {0};
    wippy_host_desc desc;
    REQUIRE(core_open(&c, 1));
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:terminal";
    desc.kind = WIPPY_HOST_TERMINAL;
    REQUIRE(wippy_host_create(c.rt, &desc, &full) == WIPPY_OK);
    child.on_step = end_at_once;
    a.on_mail = spawn_again;
    a.number = full.id;
    a.arg = &child;
    wippy_pid pid = core_spawn(&c, &a);
    core_tell(&c, pid, "go");
    CHECK(core_wait(&child.closes, 500));
    wippy_terminate(c.out, pid);
    core_close(&c);
}

static void refused_in_close(wippy_self *self, core_actor *a)
{
    core *c = (core *)a->arg;
    wippy_token token;
    wippy_spawn_desc desc;
    core_actor *at = a;
    core_spawn_desc(c, &at, &desc);
    CHECK(wippy_send(self, a->target, c->topic, "x", 1) != WIPPY_OK);
    CHECK(wippy_timer(self, 1, 1, &token) != WIPPY_PENDING);
    CHECK(wippy_open(self, 1, &token) != WIPPY_PENDING);
    CHECK(wippy_monitor(self, a->target) != WIPPY_OK);
    CHECK(wippy_spawn(self, &desc, NULL, NULL) != WIPPY_OK);
    CHECK(wippy_name_register(self, "late", 0, wippy_self_pid(self)) != WIPPY_OK);
    CHECK_EQ_U64(wippy_self_pid(self).id, a->pid.id);
}

TEST(test_process_close_may_start_nothing)
{
    core c;
    core_actor other = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &other);
    a.arg = &c;
    a.on_close = refused_in_close;
    core_tell(&c, core_spawn(&c, &a), "done");
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(other.count, 0);
    core_close(&c);
}

/* ------------------------------------------------------------------ exec and facts */

static wippy_status exec_child(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
    desc.host.id = (uint32_t)a->number;
    desc.data = &child;
    desc.size = sizeof(child);
    desc.tag = 9;
    a->answer = wippy_exec(self, &desc, NULL, NULL);
    return WIPPY_IDLE;
}

static void check_exec(const char *command, wippy_result result, int64_t number, bool elsewhere)
{
    core c;
    wippy_host other;
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
    a.on_start = exec_child;
    a.arg = &child;
    a.number = elsewhere ? other.id : c.host.id;
    core_spawn(&c, &a);
    CHECK(core_wait(&child.steps, 1));
    core_tell(&c, child.pid, command);
    REQUIRE(core_wait(&a.count, 1));
    CHECK_EQ_INT(a.answer, WIPPY_PENDING);
    CHECK_EQ_INT(a.seen[0].kind, WIPPY_MAIL_DONE);
    CHECK_EQ_U64(a.seen[0].tag, 9);
    CHECK_EQ_INT(a.seen[0].result, result);
    CHECK_EQ_INT(a.seen[0].number, number);
    CHECK_EQ_INT(a.count, 1); /* one completion, no EXIT, no pid */
    core_close(&c);
}

TEST(test_process_exec_completes_with_the_result)
{
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        check_exec("done", WIPPY_OK, -1, elsewhere != 0);
        check_exec("done7", WIPPY_OK, 7, elsewhere != 0);
        check_exec("fail", WIPPY_ERR_CONFLICT, -1, elsewhere != 0);
    }
}

TEST(test_process_exec_is_cancelled_when_its_caller_ends)
{
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        core c;
        wippy_host other;
        core_actor child = {0};
        core_actor a = {0};
        REQUIRE(core_open(&c, 1));
        REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
        a.on_start = exec_child;
        a.arg = &child;
        a.number = elsewhere ? other.id : c.host.id;
        wippy_pid pid = core_spawn(&c, &a);
        CHECK(core_wait(&child.steps, 1));
        core_tell(&c, pid, "done");
        CHECK(core_wait(&child.closes, 1));
        CHECK_EQ_INT(child.seen[0].kind, WIPPY_MAIL_CANCEL);
        CHECK_STR(child.seen[0].text, "caller ended");
        core_close(&c);
    }
}

static wippy_status exec_taken_name(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
    desc.data = &child;
    desc.size = sizeof(child);
    desc.name = "taken";
    a->answer = wippy_exec(self, &desc, NULL, NULL);
    CHECK_EQ_U64(wippy_open_yields(self), 0);
    return WIPPY_IDLE;
}

TEST(test_process_exec_under_a_taken_name_says_so)
{
    core c;
    core_actor owner = {0};
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_INT(wippy_name_register(c.out, "taken", 0, core_spawn(&c, &owner)), WIPPY_OK);
    a.on_start = exec_taken_name;
    a.arg = &child;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(a.answer, WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(child.inits + 0u, 0);
    core_close(&c);
}

static wippy_status spawn_facts(wippy_self *self, core_actor *a)
{
    core *c = (core *)a->arg;
    core_actor *child = (core_actor *)(uintptr_t)a->number;
    CHECK_EQ_U64(wippy_self_host(self).id, c->host.id);
    CHECK_EQ_INT(wippy_self_host_kind(self), WIPPY_HOST_PUMP);
    CHECK(wippy_self_runtime(self) == c->rt);
    CHECK_STR(wippy_self_entry(self), "");
    CHECK(!wippy_should_yield(self));
    CHECK(!wippy_terminated(self));
    CHECK_EQ_INT(core_spawn_by(c, self, child, c->host, 0, NULL), WIPPY_OK);
    wippy_terminate(self, wippy_self_pid(self));
    CHECK(wippy_terminated(self));
    CHECK(wippy_should_yield(self));
    return WIPPY_IDLE;
}

static wippy_result note_parent(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)input;
    a->target = wippy_self_parent(self);
    return WIPPY_OK;
}

TEST(test_process_knows_itself)
{
    core c;
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = spawn_facts;
    a.arg = &c;
    a.number = (int64_t)(uintptr_t)&child;
    child.on_init = note_parent;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_U64(child.target.id, pid.id);
    CHECK_EQ_INT(a.closes, 1); /* it terminated itself */
    CHECK_EQ_U64(wippy_self_pid(c.out).id, 0);
    core_close(&c);
}

/* inits inside each other: deeper than the stack allows, the rest goes through the queue */
static wippy_result nest(wippy_self *self, core_actor *a, const wippy_input *input)
{
    core *c = (core *)a->arg;
    wippy_pid pid;
    wippy_result r;
    (void)input;
    if (a->number == 0) {
        return WIPPY_OK;
    }
    r = core_spawn_by(c, self, a + 1, c->host, 0, &pid);
    CHECK(r == WIPPY_OK || r == WIPPY_PENDING);
    return WIPPY_OK;
}

TEST(test_process_inits_nest_without_limit)
{
    static core_actor chain[40];
    core c;
    memset(chain, 0, sizeof(chain));
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 40; i++) {
        chain[i].on_init = nest;
        chain[i].arg = &c;
        chain[i].number = 39 - i;
    }
    core_spawn(&c, &chain[0]);
    core_run(&c);
    CHECK_EQ_INT(chain[39].steps, 1);
    CHECK_EQ_U64(core_alive(&c), 40);
    core_close(&c);
}

TEST(test_process_slots_are_used_again_with_new_pids)
{
    core c;
    uint64_t seen[100];
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 100; i++) {
        core_actor a = {0};
        a.on_start = end_at_once;
        seen[i] = core_spawn(&c, &a).id;
        core_run(&c);
        for (int k = 0; k < i; k++) {
            CHECK(seen[k] != seen[i]);
        }
        wippy_pid old = {seen[0]};
        CHECK_EQ_INT(core_tell(&c, old, "x"), WIPPY_ERR_GONE);
    }
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_process_spawn_in_place_runs_init_before_the_call_returns),
          TEST_ENTRY(test_process_outside_spawn_wakes_a_sleeping_pump),
          TEST_ENTRY(test_process_failing_init_leaves_nothing),
          TEST_ENTRY(test_process_spawn_refuses_bad_descriptions),
          TEST_ENTRY(test_process_first_messages_come_first_and_without_sender),
          TEST_ENTRY(test_process_completion_during_init_is_kept),
          TEST_ENTRY(test_process_exit_of_a_target_during_init_is_kept),
          TEST_ENTRY(test_process_spawn_across_hosts_completes_with_the_pid),
          TEST_ENTRY(test_process_failing_init_elsewhere_completes_with_its_error),
          TEST_ENTRY(test_process_child_elsewhere_survives_the_end_of_its_spawner),
          TEST_ENTRY(test_process_continue_runs_again_without_mail),
          TEST_ENTRY(test_process_untaken_mail_brings_another_step),
          TEST_ENTRY(test_process_step_budget_limits_one_step),
          TEST_ENTRY(test_process_result_reaches_the_host),
          TEST_ENTRY(test_process_terminate_comes_before_mail),
          TEST_ENTRY(test_process_watcher_finds_sends_failing_and_names_free),
          TEST_ENTRY(test_process_exit_means_there_is_room_on_its_host),
          TEST_ENTRY(test_process_close_may_start_nothing),
          TEST_ENTRY(test_process_exec_completes_with_the_result),
          TEST_ENTRY(test_process_exec_is_cancelled_when_its_caller_ends),
          TEST_ENTRY(test_process_exec_under_a_taken_name_says_so),
          TEST_ENTRY(test_process_knows_itself), TEST_ENTRY(test_process_inits_nest_without_limit),
          TEST_ENTRY(test_process_slots_are_used_again_with_new_pids))
