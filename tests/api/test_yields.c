/* Timers, blocking calls, descriptors, commands, and completion by token from anywhere. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#include <pthread.h>
#include <unistd.h>

/* ------------------------------------------------------------------ timers */

static wippy_status set_timers(wippy_self *self, core_actor *a)
{
    static const uint64_t delays_ms[] = {20, 0, 5, 10, 5};
    a->number = (int64_t)wippy_now_ns(wippy_self_runtime(self));
    for (uint64_t i = 0; i < TEST_COUNT(delays_ms); i++) {
        CHECK_EQ_INT(wippy_timer(self, delays_ms[i] * CORE_MS, delays_ms[i], NULL), WIPPY_PENDING);
    }
    CHECK_EQ_INT(wippy_timer(self, UINT64_MAX, 77, NULL), WIPPY_PENDING); /* never, in practice */
    CHECK_EQ_U64(wippy_open_yields(self), 6);
    return WIPPY_YIELD;
}

static wippy_status not_early(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_DONE) {
        uint64_t now = wippy_now_ns(wippy_self_runtime(self));
        CHECK(now - (uint64_t)a->number >= wippy_mail_tag(mail) * CORE_MS);
        CHECK_EQ_INT(mail->result, WIPPY_OK);
        CHECK_EQ_U64(wippy_mail_token(mail).pid, a->pid.id);
    }
    return WIPPY_IDLE;
}

TEST(test_yields_timers_come_in_order_and_never_early)
{
    for (uint32_t workers = 0; workers < 3; workers++) {
        core c;
        core_actor a = {0};
        REQUIRE(core_open(&c, workers));
        a.on_start = set_timers;
        a.on_mail = not_early;
        core_spawn(&c, &a);
        CHECK(workers == 0 ? core_pump_until(&c, &a.count, 5) : core_wait(&a.count, 5));
        CHECK_EQ_U64(a.seen[0].tag, 0);
        CHECK_EQ_U64(a.seen[1].tag, 5);
        CHECK_EQ_U64(a.seen[2].tag, 5);
        CHECK_EQ_U64(a.seen[3].tag, 10);
        CHECK_EQ_U64(a.seen[4].tag, 20);
        core_close(&c);
    }
}

static wippy_status set_and_drop(wippy_self *self, core_actor *a)
{
    wippy_token token, other;
    wippy_token none;
    memset(&none, 0, sizeof(none));
    (void)a;
    CHECK_EQ_INT(wippy_timer(self, 1, 1, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_timer(self, CORE_MS, 2, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_drop(self, none), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), token, WIPPY_OK, NULL, 0, 0),
                 WIPPY_ERR_GONE);
    CHECK_EQ_U64(wippy_open_yields(self), 1);
    CHECK_EQ_INT(wippy_timer(self, 1000 * CORE_MS, 3, &other), WIPPY_PENDING);
    CHECK(other.index != token.index || other.sequence != token.sequence);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_ERR_GONE); /* not the new one */
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), other, WIPPY_ERR_IO, "x", 1, 0), WIPPY_OK);
    return WIPPY_YIELD;
}

/* What the host waits for when all of it is over. */
static uint64_t deadline_after_completion(void)
{
    core c;
    core_actor a = {0};
    uint64_t deadline;
    if (!core_open(&c, 0)) {
        return 0;
    }
    a.on_start = set_and_drop;
    core_spawn(&c, &a);
    CHECK(core_pump_until(&c, &a.count, 2));
    CHECK_EQ_U64(a.seen[0].tag, 3);
    CHECK_EQ_INT(a.seen[0].result, WIPPY_ERR_IO);
    CHECK_STR(a.seen[0].text, "x");
    CHECK_EQ_U64(a.seen[1].tag, 2);
    deadline = wippy_pump_deadline(c.rt, c.host);
    core_close(&c);
    return deadline;
}

/* The completed timer left the wheel: its record may be used for anything. When a pause of the machine makes the
   other one fire before the completion is read, the host may still remember when it would have been due. */
TEST(test_yields_drop_and_foreign_completion_of_timers)
{
    uint64_t deadline = 0;
    for (int attempt = 0; attempt < 20 && deadline != UINT64_MAX; attempt++) {
        deadline = deadline_after_completion();
    }
    CHECK_EQ_U64(deadline, UINT64_MAX);
}

/* Who asks opens a yield and sends its token, who is asked replies, once. */
static wippy_status ask(wippy_self *self, core_actor *a)
{
    wippy_token token;
    core_actor *server = (core_actor *)a->arg;
    CHECK_EQ_INT(wippy_open(self, 7, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_send(self, server->pid, wippy_topic_make(wippy_self_runtime(self), "ask"),
                            &token, sizeof(token)), WIPPY_OK);
    return WIPPY_YIELD;
}

static wippy_status reply(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_token token;
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    (void)a;
    memcpy(&token, wippy_mail_data(mail), sizeof(token));
    CHECK_EQ_INT(wippy_reply(self, token, WIPPY_OK, "x", 1, 65536), WIPPY_ERR_INVALID); /* open still */
    CHECK_EQ_INT(wippy_reply(self, token, WIPPY_ERR_IO, "answer", 6, 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_reply(self, token, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_reply(wippy_outside(wippy_self_runtime(self)), token, WIPPY_OK, NULL, 0, 0),
                 WIPPY_ERR_GONE);
    return WIPPY_IDLE;
}

TEST(test_yields_reply_completes_once)
{
    for (uint32_t workers = 0; workers < 3; workers++) {
        core c;
        core_actor client = {0}, server = {0};
        REQUIRE(core_open(&c, workers));
        server.on_mail = reply;
        client.on_start = ask;
        client.arg = &server;
        core_spawn(&c, &server);
        core_spawn(&c, &client);
        CHECK(workers == 0 ? core_pump_until(&c, &client.count, 1) : core_wait(&client.count, 1));
        CHECK_EQ_U64(client.seen[0].tag, 7);
        CHECK_EQ_INT(client.seen[0].result, WIPPY_ERR_IO);
        CHECK_STR(client.seen[0].text, "answer");
        core_close(&c);
    }
}

/* Timers that fire while they are dropped: a completion or a drop, never both. */
typedef struct racer {
    uint32_t fired, dropped;
    uint32_t left, all;
} racer;

static wippy_status race_drop(wippy_self *self, core_actor *a)
{
    racer *r = (racer *)a->arg;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        CHECK_EQ_U64(wippy_mail_tag(mail), 1); /* never a dropped one */
        r->fired++;
    }
    if (r->left == 0) {
        return r->fired + r->dropped == r->all ? wippy_done(self) : WIPPY_IDLE;
    }
    for (int i = 0; i < 8 && r->left > 0; i++, r->left--) {
        wippy_token token;
        CHECK_EQ_INT(wippy_timer(self, r->left % 100000, r->left % 2, &token), WIPPY_PENDING);
        if (r->left % 2 == 0) {
            (void)wippy_drop(self, token);
            r->dropped++;
        }
    }
    return WIPPY_CONTINUE;
}

TEST(test_yields_drop_races_the_wheel)
{
    core c;
    static core_actor actors[4];
    racer racers[4];
    uint32_t rounds = test_scale(4000) + 8;
    memset(actors, 0, sizeof(actors));
    REQUIRE(core_open(&c, 2));
    for (int i = 0; i < 4; i++) {
        memset(&racers[i], 0, sizeof(racers[i]));
        racers[i].left = racers[i].all = rounds;
        actors[i].on_step = race_drop;
        actors[i].arg = &racers[i];
        core_spawn(&c, &actors[i]);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(core_wait(&actors[i].closes, 1));
        CHECK_EQ_INT(racers[i].fired + racers[i].dropped, rounds);
    }
    core_close(&c);
}

/* ------------------------------------------------------------------ blocking calls */

typedef struct job {
    uint32_t ran, dropped;
    uint32_t release; /* the call waits for it */
    bool waits;
    int64_t number;
    size_t big;
} job;

static wippy_result call(void *arg, wippy_writer *out)
{
    job *j = (job *)arg;
    if (j->waits) {
        CHECK(core_wait(&j->release, 1));
    }
    if (j->big > 0) {
        char *text = (char *)calloc(1, j->big);
        wippy_write_string(out, text, j->big);
        free(text);
    } else {
        wippy_write_int(out, j->number);
    }
    TEST_ATOMIC_ADD(&j->ran, 1u);
    return j->number == 13 ? WIPPY_ERR_IO : WIPPY_OK;
}

static void call_drop(void *arg)
{
    TEST_ATOMIC_ADD(&((job *)arg)->dropped, 1u);
}

static wippy_status start_calls(wippy_self *self, core_actor *a)
{
    job *jobs = (job *)a->arg;
    for (int i = 0; i < a->number; i++) {
        CHECK_EQ_INT(wippy_blocking(self, call, &jobs[i], call_drop, 100 + (uint64_t)i, NULL),
                     WIPPY_PENDING);
    }
    CHECK_EQ_INT(wippy_blocking(self, NULL, NULL, NULL, 0, NULL), WIPPY_ERR_INVALID);
    return WIPPY_YIELD;
}

TEST(test_yields_blocking_calls_complete_with_their_values)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        core c;
        core_actor a = {0};
        job jobs[20];
        memset(jobs, 0, sizeof(jobs));
        REQUIRE(core_open(&c, workers));
        for (int i = 0; i < 20; i++) {
            jobs[i].number = i;
            jobs[i].big = i == 7 ? 100000 : 0;
        }
        a.on_start = start_calls;
        a.arg = jobs;
        a.number = 20;
        core_spawn(&c, &a);
        CHECK(workers == 0 ? core_pump_until(&c, &a.count, 20) : core_wait(&a.count, 20));
        for (int i = 0; i < 20; i++) {
            int at = (int)a.seen[i].tag - 100;
            CHECK_EQ_INT(a.seen[i].result, at == 13 ? WIPPY_ERR_IO : WIPPY_OK);
            CHECK_EQ_INT(a.seen[i].number, at == 7 ? -1 : at);
            CHECK_EQ_INT(jobs[at].ran, 1);
            CHECK(core_wait(&jobs[at].dropped, 1));
        }
        core_close(&c);
    }
}

TEST(test_yields_blocking_call_of_a_dead_process_is_dropped_once)
{
    core c;
    core_actor a = {0};
    job jobs[12];
    uint32_t ran = 0;
    memset(jobs, 0, sizeof(jobs));
    REQUIRE(core_open(&c, 1));
    for (int i = 0; i < 12; i++) {
        jobs[i].waits = true;
    }
    a.on_start = start_calls;
    a.arg = jobs;
    a.number = 12;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK(core_wait(&a.steps, 1));
    wippy_terminate(c.out, pid);
    CHECK(core_wait(&a.closes, 1));
    for (int i = 0; i < 12; i++) {
        TEST_ATOMIC_ADD(&jobs[i].release, 1u);
    }
    for (int i = 0; i < 12; i++) {
        CHECK(core_wait(&jobs[i].dropped, 1));
        ran += jobs[i].ran;
    }
    CHECK(ran <= 4); /* no more than there are threads; the others never began */
    core_close(&c);
    for (int i = 0; i < 12; i++) {
        CHECK_EQ_INT(jobs[i].dropped, 1);
    }
}

/* Those of one process go out of the middle of the line; the others come to their turn. */
TEST(test_yields_blocking_calls_of_others_stay_in_line)
{
    core c;
    core_actor actors[3];
    job jobs[3][8];
    wippy_pid pids[3];
    memset(actors, 0, sizeof(actors));
    memset(jobs, 0, sizeof(jobs));
    REQUIRE(core_open(&c, 1));
    for (int i = 0; i < 3; i++) { /* the first ones take the threads */
        for (int j = 0; j < 8; j++) {
            jobs[i][j].waits = i == 0;
        }
        actors[i].on_start = start_calls;
        actors[i].arg = jobs[i];
        actors[i].number = 8;
        pids[i] = core_spawn(&c, &actors[i]);
        CHECK(core_wait(&actors[i].steps, 1));
    }
    wippy_terminate(c.out, pids[1]);
    CHECK(core_wait(&actors[1].closes, 1));
    for (int j = 0; j < 8; j++) {
        CHECK(core_wait(&jobs[1][j].dropped, 1)); /* none of them has begun */
        CHECK_EQ_INT(jobs[1][j].ran, 0);
        TEST_ATOMIC_ADD(&jobs[0][j].release, 1u);
    }
    CHECK(core_wait(&actors[0].count, 8));
    CHECK(core_wait(&actors[2].count, 8));
    core_close(&c);
    for (int j = 0; j < 8; j++) {
        CHECK_EQ_INT(jobs[0][j].dropped, 1);
        CHECK_EQ_INT(jobs[1][j].dropped, 1);
        CHECK_EQ_INT(jobs[2][j].dropped, 1);
    }
}

/* ------------------------------------------------------------------ descriptors */

typedef struct pipes {
    int fd[2];
} pipes;

static wippy_status wait_pipe(wippy_self *self, core_actor *a)
{
    pipes *p = (pipes *)a->arg;
    wippy_token token;
    CHECK_EQ_INT(wippy_wait_fd(self, -1, WIPPY_FD_READ, 0, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[0], 0, 0, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[0], WIPPY_FD_READ, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[1], WIPPY_FD_WRITE, 2, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[0], WIPPY_FD_READ, 3, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[0], WIPPY_FD_READ, 4, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), token, WIPPY_ERR_CANCELED, NULL, 0, 0),
                 WIPPY_OK);
    return WIPPY_YIELD;
}

TEST(test_yields_descriptors_become_ready)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        core c;
        core_actor a = {0};
        pipes p;
        REQUIRE(core_open(&c, workers));
        REQUIRE(pipe(p.fd) == 0);
        a.on_start = wait_pipe;
        a.arg = &p;
        core_spawn(&c, &a);
        CHECK(workers == 0 ? core_pump_until(&c, &a.count, 2) : core_wait(&a.count, 2));
        for (int i = 0; i < 2; i++) {
            CHECK(a.seen[i].tag == 2 || a.seen[i].tag == 4);
            if (a.seen[i].tag == 2) {
                CHECK_EQ_INT(a.seen[i].number, WIPPY_FD_WRITE);
            }
        }
        CHECK(write(p.fd[1], "x", 1) == 1);
        if (workers == 0) { /* without threads only a pump looks: it must be asked to come back */
            CHECK(wippy_pump_deadline(c.rt, c.host) < 1000 * (uint64_t)CORE_MS);
        }
        CHECK(workers == 0 ? core_pump_until(&c, &a.count, 3) : core_wait(&a.count, 3));
        CHECK_EQ_U64(a.seen[2].tag, 1);
        CHECK_EQ_INT(a.seen[2].number, WIPPY_FD_READ);
        CHECK_EQ_INT(a.count, 3);
        core_close(&c);
        close(p.fd[0]);
        close(p.fd[1]);
    }
}

static wippy_status wait_for_ever(wippy_self *self, core_actor *a)
{
    pipes *p = (pipes *)a->arg;
    CHECK_EQ_INT(wippy_wait_fd(self, p->fd[0], WIPPY_FD_READ, 1, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

TEST(test_yields_descriptor_of_a_dead_process_is_forgotten)
{
    core c;
    pipes p;
    REQUIRE(core_open(&c, 1));
    REQUIRE(pipe(p.fd) == 0);
    for (unsigned i = 0; i < test_scale(200); i++) {
        core_actor a = {0};
        a.on_start = wait_for_ever;
        a.arg = &p;
        wippy_pid pid = core_spawn(&c, &a);
        CHECK(core_wait(&a.steps, 1));
        if (i % 2 == 0) { /* the event and the end together */
            CHECK(write(p.fd[1], "x", 1) == 1);
        }
        wippy_terminate(c.out, pid);
        CHECK(core_wait(&a.closes, 1));
        if (i % 2 == 0) {
            char byte;
            CHECK(read(p.fd[0], &byte, 1) == 1);
        }
    }
    core_close(&c);
    close(p.fd[0]);
    close(p.fd[1]);
}

/* Pumps alone looked at descriptors so far; then a host with threads comes, and nobody pumps. */
TEST(test_yields_descriptors_of_a_pool_need_no_pump)
{
    core c;
    core_actor first = {0};
    core_actor a = {0};
    core_actor last = {0};
    pipes p[2];
    wippy_host pool;
    wippy_pid pid;
    REQUIRE(core_open(&c, 0));
    REQUIRE(pipe(p[0].fd) == 0 && pipe(p[1].fd) == 0);
    first.on_start = a.on_start = last.on_start = wait_for_ever;
    first.arg = last.arg = &p[0];
    a.arg = &p[1];
    core_spawn(&c, &first);
    core_run(&c);
    REQUIRE(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 1, &pool) == WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &a, pool, 0, &pid), WIPPY_OK);
    CHECK(core_wait(&a.steps, 1));
    CHECK(write(p[1].fd[1], "x", 1) == 1);
    CHECK(core_wait(&a.count, 1));
    CHECK_EQ_INT(a.seen[0].number, WIPPY_FD_READ);
    core_spawn(&c, &last);
    CHECK(write(p[0].fd[1], "x", 1) == 1); /* the pump's own are seen as before */
    CHECK(core_pump_until(&c, &first.count, 1));
    CHECK(core_pump_until(&c, &last.count, 1));
    core_close(&c);
    for (int i = 0; i < 4; i++) {
        close(p[i / 2].fd[i % 2]);
    }
}

/* ------------------------------------------------------------------ commands */

typedef struct board {
    uint32_t starts, cancels;
    wippy_token token;
    void *job;
    wippy_result answer;
    char input[16];
} board;

static wippy_result command_start(wippy_runtime *rt, wippy_token token, const wippy_input *input,
                                  void **j, void *user_data)
{
    board *b = (board *)user_data;
    b->token = token;
    snprintf(b->input, sizeof(b->input), "%.*s", (int)input->size, (const char *)input->data);
    *j = b;
    TEST_ATOMIC_ADD(&b->starts, 1u);
    if (strcmp(b->input, "inside") == 0) {
        CHECK_EQ_INT(wippy_complete(rt, token, WIPPY_OK, "now", 3, 0), WIPPY_OK);
    }
    return b->answer;
}

static void command_cancel(wippy_runtime *rt, wippy_token token, void *j, void *user_data)
{
    board *b = (board *)user_data;
    CHECK(j == b);
    CHECK_EQ_INT(token.index, b->token.index);
    CHECK_EQ_INT(wippy_complete(rt, token, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    TEST_ATOMIC_ADD(&b->cancels, 1u);
}

static wippy_command last_command;

static wippy_status use_command(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_command bad = {0};
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        wippy_token token;
        const char *text = (const char *)wippy_mail_data(mail);
        CHECK_EQ_INT(wippy_command_yield(self, bad, NULL, 0, 0, 1, NULL), WIPPY_ERR_UNSUPPORTED);
        CHECK_EQ_INT(wippy_command_yield(self, last_command, text, mail->size, 0, 5, &token),
                     WIPPY_PENDING);
        if (memcmp(text, "drop", 4) == 0) {
            CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
        }
        a->number++;
    }
    return WIPPY_IDLE;
}

TEST(test_yields_commands_start_complete_cancel)
{
    core c;
    core_actor a = {0};
    board b;
    wippy_command_desc desc;
    memset(&b, 0, sizeof(b));
    memset(&desc, 0, sizeof(desc));
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_INT(wippy_command_register(c.rt, &desc, &last_command), WIPPY_ERR_INVALID);
    desc.name = "test";
    desc.start = command_start;
    desc.cancel = command_cancel;
    desc.user_data = &b;
    CHECK_EQ_INT(wippy_command_register(c.rt, &desc, &last_command), WIPPY_OK);
    wippy_command second;
    CHECK_EQ_INT(wippy_command_register(c.rt, &desc, &second), WIPPY_ERR_EXISTS);
    a.on_mail = use_command;
    wippy_pid pid = core_spawn(&c, &a);
    b.answer = WIPPY_PENDING;
    core_tell(&c, pid, "later");
    core_run(&c);
    CHECK_STR(b.input, "later");
    CHECK_EQ_INT(a.count, 1);
    CHECK_EQ_INT(wippy_complete(c.rt, b.token, WIPPY_OK, "a long completion that needs a block", 36, 0),
                 WIPPY_OK);
    CHECK_EQ_INT(wippy_complete(c.rt, b.token, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    core_run(&c);
    CHECK_STR(a.seen[1].text, "a long completion that needs a block");
    CHECK_EQ_U64(a.seen[1].tag, 5);
    CHECK_EQ_INT(wippy_complete(c.rt, b.token, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    core_tell(&c, pid, "inside");
    core_run(&c);
    CHECK_STR(a.seen[3].text, "now");
    b.answer = WIPPY_ERR_DENIED;
    core_tell(&c, pid, "at once");
    core_run(&c);
    CHECK_EQ_INT(a.seen[5].result, WIPPY_ERR_DENIED);
    CHECK_EQ_INT(b.cancels, 0);
    b.answer = WIPPY_PENDING;
    core_tell(&c, pid, "drop");
    core_run(&c);
    CHECK_EQ_INT(b.cancels, 1);
    core_tell(&c, pid, "open");
    core_run(&c);
    wippy_terminate(c.out, pid);
    core_run(&c);
    CHECK_EQ_INT(b.cancels, 2);
    CHECK_EQ_INT(b.starts, 5);
    CHECK_EQ_INT(wippy_complete(c.rt, b.token, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    CHECK_EQ_INT(a.count, 8); /* five messages, three completions */
    core_close(&c);
}

/* ------------------------------------------------------------------ tokens and threads */

/* Completers race each other, drops, the exit of the process and the next tenant of the record. */
typedef struct shared {
    core *c;
    pthread_mutex_t lock;
    wippy_token tokens[64];
    uint32_t stop;
    uint32_t ok; /* completions that were accepted */
    uint32_t seen;
} shared;

static wippy_status open_some(wippy_self *self, core_actor *a)
{
    shared *s = (shared *)a->arg;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        CHECK_EQ_INT(mail->kind, WIPPY_MAIL_DONE);
        CHECK_EQ_U64(wippy_mail_token(mail).pid, a->pid.id);
        CHECK_EQ_U64(wippy_mail_tag(mail) >> 8, (uint64_t)a->number & 0xffff);
        TEST_ATOMIC_ADD(&s->seen, 1u);
    }
    if (++a->rounds > 40) { /* a few rounds, then leave with yields open */
        return wippy_done(self);
    }
    for (uint64_t i = 0; i < 4; i++) {
        wippy_token token;
        CHECK_EQ_INT(wippy_open(self, ((uint64_t)a->number & 0xffff) << 8 | i, &token),
                     WIPPY_PENDING);
        pthread_mutex_lock(&s->lock);
        s->tokens[wippy_self_seed(self) % 64] = token;
        pthread_mutex_unlock(&s->lock);
        if (wippy_self_seed(self) % 4 == 0) {
            (void)wippy_drop(self, token);
        }
    }
    return WIPPY_CONTINUE;
}

static void *completer(void *arg)
{
    shared *s = (shared *)arg;
    uint64_t random = (uint64_t)(uintptr_t)&random;
    while (TEST_ATOMIC_LOAD(&s->stop) == 0) {
        wippy_token token;
        uint64_t n = test_random_next(&random);
        pthread_mutex_lock(&s->lock);
        token = s->tokens[n % 64];
        pthread_mutex_unlock(&s->lock);
        wippy_result r = wippy_complete(s->c->rt, token, WIPPY_OK, &n, n % 7 == 0 ? 8 : 0, 0);
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_GONE);
        if (r == WIPPY_OK) {
            TEST_ATOMIC_ADD(&s->ok, 1u);
        }
    }
    return NULL;
}

TEST(test_yields_completions_race_everything)
{
    core c;
    shared s;
    pthread_t threads[2];
    static core_actor actors[300];
    unsigned count = test_scale(150);
    count = count > 300 ? 300 : count;
    memset(&s, 0, sizeof(s));
    memset(actors, 0, sizeof(actors));
    REQUIRE(core_open(&c, 2));
    s.c = &c;
    pthread_mutex_init(&s.lock, NULL);
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, completer, &s) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        actors[i].on_step = open_some;
        actors[i].arg = &s;
        actors[i].number = (int64_t)i;
        core_spawn(&c, &actors[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK(core_wait(&actors[i].closes, 1));
    }
    TEST_ATOMIC_ADD(&s.stop, 1u);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(s.seen <= s.ok);
    pthread_mutex_destroy(&s.lock);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_yields_timers_come_in_order_and_never_early),
          TEST_ENTRY(test_yields_drop_and_foreign_completion_of_timers),
          TEST_ENTRY(test_yields_reply_completes_once),
          TEST_ENTRY(test_yields_drop_races_the_wheel),
          TEST_ENTRY(test_yields_blocking_calls_complete_with_their_values),
          TEST_ENTRY(test_yields_blocking_call_of_a_dead_process_is_dropped_once),
          TEST_ENTRY(test_yields_blocking_calls_of_others_stay_in_line),
          TEST_ENTRY(test_yields_descriptors_become_ready),
          TEST_ENTRY(test_yields_descriptor_of_a_dead_process_is_forgotten),
          TEST_ENTRY(test_yields_descriptors_of_a_pool_need_no_pump),
          TEST_ENTRY(test_yields_commands_start_complete_cancel),
          TEST_ENTRY(test_yields_completions_race_everything))
