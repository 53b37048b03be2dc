/* Whom the public functions refuse, and what they answer then: the embedding program where a process is
   needed, a process that is in its close, descriptions with something missing, tokens and pids that
   stand for nothing. What is refused has done nothing. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static wippy_result no_work(void *arg, wippy_writer *out)
{
    (void)arg;
    (void)out;
    return WIPPY_OK;
}

static wippy_result no_start(wippy_runtime *rt, wippy_token token, const wippy_input *input, void **job,
                             void *user_data)
{
    (void)rt;
    (void)token;
    (void)input;
    (void)job;
    (void)user_data;
    return WIPPY_PENDING;
}

static wippy_status no_step(wippy_self *self, void *state)
{
    (void)state;
    return wippy_done(self);
}

/* ------------------------------------------------------------------ the embedding program */

TEST(test_refusals_outside_is_no_process)
{
    core c;
    core_actor a = {0};
    wippy_spawn_desc desc;
    wippy_token token = {0};
    uint64_t number = 77;
    wippy_pid zero = {0};
    wippy_command none = {0};
    REQUIRE(core_open(&c, 0));
    wippy_self *out = c.out;
    core_spawn(&c, &a);
    core_run(&c);
    core_actor *pointer = &a;
    core_spawn_desc(&c, &pointer, &desc);
    CHECK_EQ_INT(wippy_exec(out, &desc, &token, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_open(out, 1, &token), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_timer(out, 1, 1, &token), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_drop(out, token), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_blocking(out, no_work, NULL, NULL, 1, &token), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_wait_fd(out, 0, WIPPY_FD_READ, 1, &token), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_command_yield(out, none, NULL, 0, 0, 1, &token), WIPPY_ERR_UNSUPPORTED);
    CHECK_EQ_INT(wippy_monitor(out, a.pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_link(out, a.pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_unmonitor(out, a.pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_unlink(out, a.pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_want_writable(out, a.pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_join(out, "s", "g"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_leave(out, "s", "g"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_watch(out, "s", "g", "t", &number), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_events_subscribe(out, "s", "*", "t", &number), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(token.sequence, 0);
    CHECK_EQ_U64(number, 77);
    /* questions about itself have an answer */
    CHECK_EQ_U64(wippy_self_pid(out).id, 0);
    CHECK_EQ_U64(wippy_self_parent(out).id, 0);
    CHECK_EQ_U64(wippy_self_host(out).id, 0);
    CHECK_EQ_INT(wippy_self_host_kind(out), WIPPY_HOST_POOL);
    CHECK_STR(wippy_self_entry(out), "");
    CHECK(wippy_self_user_data(out) == NULL && wippy_self_frame(out) == NULL);
    CHECK_EQ_U64(wippy_self_memory_limit(out), 0);
    CHECK(wippy_self_seed(out) != wippy_self_seed(out));
    CHECK(!wippy_should_yield(out) && !wippy_terminated(out));
    CHECK_EQ_U64(wippy_open_yields(out), 0);
    wippy_self_memory(out, 1000);
    wippy_trap_links(out, true);
    wippy_set_upgradable(out, true);
    CHECK(!wippy_traps_links(out) && !wippy_is_upgradable(out));
    wippy_slice meta = {NULL, 0};
    CHECK(wippy_allowed(out, "any", "thing", meta));
    CHECK_EQ_INT(wippy_terminate(out, zero), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_cancel(out, zero, "why"), WIPPY_ERR_GONE);
    CHECK(!wippy_alive(c.rt, zero));
    CHECK_EQ_INT(a.closes, 0);
    core_close(&c);
}

/* ------------------------------------------------------------------ a process in its close */

typedef struct last_words {
    core *c;
    uint32_t refused;
} last_words;

static void refused(last_words *w, wippy_result r)
{
    w->refused++;
    CHECK_EQ_INT(r, WIPPY_ERR_INVALID);
}

static void say_last_words(wippy_self *self, core_actor *a)
{
    const wippy_type none = {0};
    last_words *w = (last_words *)a->arg;
    core_actor *pointer = a;
    wippy_spawn_desc desc;
    wippy_token token = {0};
    wippy_message message;
    uint64_t number = 0;
    size_t sent = 0;
    static char block[4];
    memset(&message, 0, sizeof(message));
    core_spawn_desc(w->c, &pointer, &desc);
    refused(w, wippy_spawn(self, &desc, NULL, NULL));
    refused(w, wippy_exec(self, &desc, &token, NULL));
    refused(w, wippy_open(self, 1, &token));
    refused(w, wippy_timer(self, 1, 1, &token));
    refused(w, wippy_blocking(self, no_work, NULL, NULL, 1, &token));
    refused(w, wippy_wait_fd(self, 0, WIPPY_FD_READ, 1, &token));
    refused(w, wippy_send(self, a->target, w->c->topic, "x", 1));
    refused(w, wippy_send_owned(self, a->target, w->c->topic, block, 4, NULL, NULL));
    refused(w, wippy_send_message(self, a->target, &message));
    refused(w, wippy_monitor(self, a->target));
    refused(w, wippy_link(self, a->target));
    refused(w, wippy_group_join(self, "s", "g"));
    refused(w, wippy_group_send(self, "s", "g", &message, &sent));
    refused(w, wippy_group_watch(self, "s", "g", "t", &number));
    (void)wippy_upgrade(self, "app:other", none, "x", 1, 0); /* means nothing any more */
    (void)wippy_fail(self, WIPPY_ERR_IO, "nor does this");
}

TEST(test_refusals_in_close)
{
    core c;
    core_actor other = {0}, a = {0};
    last_words words = {0};
    REQUIRE(core_open(&c, 0));
    words.c = &c;
    a.arg = &words;
    a.on_close = say_last_words;
    a.target = core_spawn(&c, &other);
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(core_tell(&c, pid, "unread"), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(words.refused, 14);
    CHECK_EQ_U64(other.count, 0);
    CHECK_EQ_INT(a.inits, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ descriptions */

TEST(test_refusals_of_descriptions)
{
    core c;
    wippy_type type = {0};
    wippy_type_desc good, bad;
    wippy_command command = {0};
    wippy_command_desc verb;
    wippy_host host = {0};
    wippy_host_desc place;
    wippy_kind_desc kind;
    wippy_frame *frame = NULL;
    wippy_frame_desc rights;
    REQUIRE(core_open(&c, 0));
    memset(&good, 0, sizeof(good));
    good.name = "test";
    good.step = no_step;
    CHECK_EQ_INT(wippy_type_register(c.rt, NULL, &type), WIPPY_ERR_INVALID);
    bad = good;
    bad.step = NULL;
    CHECK_EQ_INT(wippy_type_register(c.rt, &bad, &type), WIPPY_ERR_INVALID);
    bad = good;
    bad.name = NULL;
    CHECK_EQ_INT(wippy_type_register(c.rt, &bad, &type), WIPPY_ERR_INVALID);
    bad.name = "";
    CHECK_EQ_INT(wippy_type_register(c.rt, &bad, &type), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(type.id, 0);
    CHECK(wippy_type_user_data(c.rt, type) == NULL);
    type.id = 60000;
    CHECK(wippy_type_user_data(c.rt, type) == NULL);
    CHECK_EQ_INT(wippy_type_register(c.rt, &good, &type), WIPPY_OK);
    CHECK_EQ_INT(wippy_type_register(c.rt, &good, &type), WIPPY_ERR_EXISTS);
    memset(&verb, 0, sizeof(verb));
    CHECK_EQ_INT(wippy_command_register(c.rt, NULL, &command), WIPPY_ERR_INVALID);
    verb.name = "verb";
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_ERR_INVALID);
    verb.start = no_start;
    verb.name = NULL;
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_ERR_INVALID);
    verb.name = "";
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(command.id, 0);
    verb.name = "verb";
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_OK);
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_ERR_EXISTS);
    verb.name = "another";
    CHECK_EQ_INT(wippy_command_register(c.rt, &verb, &command), WIPPY_OK);
    CHECK_EQ_U64(command.id, 2);
    memset(&place, 0, sizeof(place));
    place.name = "app:x";
    CHECK_EQ_INT(wippy_host_create(c.rt, NULL, &host), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_host_create(c.rt, &place, NULL), WIPPY_ERR_INVALID);
    place.workers = 125;
    CHECK_EQ_INT(wippy_host_create(c.rt, &place, &host), WIPPY_ERR_INVALID);
    place.workers = 1;
    place.name = NULL;
    CHECK_EQ_INT(wippy_host_create(c.rt, &place, &host), WIPPY_ERR_INVALID);
    place.name = "";
    CHECK_EQ_INT(wippy_host_create(c.rt, &place, &host), WIPPY_ERR_INVALID);
    char name[300];
    memset(name, 'n', sizeof(name));
    name[299] = '\0';
    place.name = name;
    CHECK_EQ_INT(wippy_host_create(c.rt, &place, &host), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(host.id, 0);
    memset(&kind, 0, sizeof(kind));
    CHECK_EQ_INT(wippy_kind_register(c.rt, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_kind_register(c.rt, &kind), WIPPY_ERR_INVALID);
    kind.name = "";
    CHECK_EQ_INT(wippy_kind_register(c.rt, &kind), WIPPY_ERR_INVALID);
    memset(&rights, 0, sizeof(rights));
    CHECK_EQ_INT(wippy_frame_make(NULL, &rights, &frame), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_frame_make(c.rt, NULL, &frame), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_frame_make(c.rt, &rights, NULL), WIPPY_ERR_INVALID);
    rights.scope_count = 1;
    CHECK_EQ_INT(wippy_frame_make(c.rt, &rights, &frame), WIPPY_ERR_INVALID);
    CHECK(frame == NULL);
    core_close(&c);
}

TEST(test_refusals_of_runtime_descriptions)
{
    wippy_runtime *rt = NULL;
    wippy_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.max_message_bytes = UINT32_MAX;
    CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_ERR_INVALID);
    memset(&desc, 0, sizeof(desc));
    desc.log_level = (wippy_log_level)99;
    CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_ERR_INVALID);
    CHECK(rt == NULL);
}

/* ------------------------------------------------------------------ texts, events, groups */

static wippy_status ask_badly(wippy_self *self, core_actor *a)
{
    char longer[300];
    uint64_t number = 0;
    size_t sent = 0;
    wippy_message message;
    wippy_slice none = {NULL, 0};
    wippy_slice huge = {"", SIZE_MAX / 2};
    wippy_pid zero = {0};
    memset(&message, 0, sizeof(message));
    memset(longer, 'x', sizeof(longer));
    longer[299] = '\0';
    const char *const bad[] = {NULL, "", longer};
    for (int i = 0; i < 3; i++) {
        if (i < 2) {
            CHECK_EQ_INT(wippy_events_subscribe(self, bad[i], "*", "t", &number), WIPPY_ERR_INVALID);
            CHECK_EQ_INT(wippy_events_send(self, bad[i], "k", "p", none), WIPPY_ERR_INVALID);
            CHECK_EQ_INT(wippy_events_send(self, "s", bad[i], "p", none), WIPPY_ERR_INVALID);
            CHECK_EQ_INT(wippy_events_send(self, "s", "k", bad[i], none), WIPPY_ERR_INVALID);
        }
        CHECK_EQ_INT(wippy_events_subscribe(self, "s", "*", bad[i], &number), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_join(self, bad[i], "g"), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_join(self, "s", bad[i]), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_leave(self, "s", bad[i]), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_send(self, "s", bad[i], &message, &sent), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_send(self, bad[i], "g", &message, &sent), WIPPY_ERR_INVALID);
        CHECK_EQ_INT(wippy_group_watch(self, "s", "g", bad[i], &number), WIPPY_ERR_INVALID);
        CHECK_EQ_U64(wippy_group_members(wippy_self_runtime(self), bad[i], "g", NULL, 0), 0);
        CHECK_EQ_U64(wippy_group_members(wippy_self_runtime(self), "s", bad[i], NULL, 0), 0);
    }
    CHECK_EQ_INT(wippy_events_send(self, "s", "k", "p", huge), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_events_unsubscribe(self, 12345), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_group_leave(self, "s", "never"), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_group_unwatch(self, 12345), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_group_next(wippy_self_runtime(self), NULL, NULL, longer, 10), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_next(wippy_self_runtime(self), "s", NULL, NULL, 10), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_next(wippy_self_runtime(self), "s", NULL, NULL, 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_monitor(self, zero), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_link(self, zero), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_unmonitor(self, zero), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(self, "", 0, wippy_self_pid(self)), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(wippy_shelf_claim(self, 5, "t", 1), 0);
    CHECK(wippy_shelf_take(self, 5) == NULL && wippy_shelf_peek(self, 5) == NULL);
    CHECK_EQ_U64(wippy_kept_bytes(self) + wippy_kept_count(self), 0);
    CHECK_EQ_U64(number, 0);
    a->rounds = 1;
    return wippy_done(self);
}

TEST(test_refusals_of_texts)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = ask_badly;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_U64(a.rounds, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ tokens */

static wippy_status make_tokens(wippy_self *self, core_actor *a)
{
    wippy_token token, wrong;
    wippy_command command = {60000};
    CHECK_EQ_INT(wippy_open(self, 1, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_open(self, 2, NULL), WIPPY_PENDING);
    CHECK_EQ_U64(wippy_open_yields(self), 2);
    wrong = token;
    wrong.sequence = 0;
    CHECK_EQ_INT(wippy_drop(self, wrong), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), wrong, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    wrong = token;
    wrong.sequence++;
    CHECK_EQ_INT(wippy_drop(self, wrong), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), wrong, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    wrong = token;
    wrong.index = 5000000;
    CHECK_EQ_INT(wippy_drop(self, wrong), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), wrong, WIPPY_OK, NULL, 0, 0), WIPPY_ERR_GONE);
    wrong = token;
    wrong.pid++;
    CHECK_EQ_INT(wippy_drop(self, wrong), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), token, WIPPY_OK, NULL, 0, 70000),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_command_yield(self, command, NULL, 0, 0, 1, NULL), WIPPY_ERR_UNSUPPORTED);
    CHECK_EQ_INT(wippy_blocking(self, NULL, NULL, NULL, 1, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_wait_fd(self, -1, WIPPY_FD_READ, 1, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_wait_fd(self, 0, 0, 1, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_ERR_GONE);
    CHECK_EQ_U64(wippy_open_yields(self), 1);
    a->rounds = 1;
    return WIPPY_IDLE;
}

TEST(test_refusals_of_tokens)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = make_tokens;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_U64(a.rounds, 1);
    CHECK_EQ_U64(a.count, 0);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(a.closes, 1);
    core_close(&c);
}

/* A completion that is on its way, or has come and was not read yet, can still be dropped. */
static wippy_status drop_what_came(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_token *tokens = (wippy_token *)a->arg;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK_EQ_INT(wippy_drop(self, tokens[0]), WIPPY_ERR_GONE); /* behind us in this step's mail */
        CHECK_EQ_INT(wippy_drop(self, tokens[2]), WIPPY_ERR_GONE); /* the last of it */
        CHECK_EQ_INT(wippy_drop(self, tokens[2]), WIPPY_ERR_GONE);
    }
    return WIPPY_IDLE;
}

static wippy_status open_three(wippy_self *self, core_actor *a)
{
    wippy_token *tokens = (wippy_token *)a->arg;
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(wippy_open(self, i + 10, &tokens[i]), WIPPY_PENDING);
    }
    return WIPPY_IDLE;
}

TEST(test_refusals_a_completion_that_came_can_be_dropped)
{
    core c;
    core_actor a = {0};
    wippy_token tokens[3];
    REQUIRE(core_open(&c, 0));
    a.arg = tokens;
    a.on_start = open_three;
    a.on_mail = drop_what_came;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(core_tell(&c, pid, "now"), WIPPY_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(wippy_complete(c.rt, tokens[i], WIPPY_OK, NULL, 0, 0), WIPPY_OK);
    }
    core_run(&c);
    CHECK_EQ_U64(core_kinds(&a, WIPPY_MAIL_DONE), 1);
    CHECK_EQ_U64(a.seen[a.count - 1].tag, 11);
    CHECK_EQ_INT(core_tell(&c, pid, "again"), WIPPY_OK); /* mail comes after the gap, too */
    core_run(&c);
    CHECK_EQ_U64(core_kinds(&a, WIPPY_MAIL_MESSAGE), 2);
    core_close(&c);
}

/* A completion of this step's own making: on its way it can be dropped once, and is discarded. One that is
   being read has come. */
static wippy_status complete_and_drop(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_token token;
    if (mail->kind == WIPPY_MAIL_DONE) {
        CHECK_EQ_INT(wippy_drop(self, *(wippy_token *)a->arg), WIPPY_ERR_GONE);
        return WIPPY_IDLE;
    }
    CHECK_EQ_INT(wippy_open(self, 1, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_complete(wippy_self_runtime(self), token, WIPPY_OK, NULL, 0, 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
    CHECK_EQ_INT(wippy_drop(self, token), WIPPY_ERR_GONE);
    CHECK_EQ_U64(wippy_open_yields(self), 0);
    CHECK_EQ_INT(wippy_open(self, 2, (wippy_token *)a->arg), WIPPY_PENDING);
    return WIPPY_IDLE;
}

TEST(test_refusals_a_completion_under_way_is_dropped_once)
{
    core c;
    core_actor a = {0};
    wippy_token token = {0};
    REQUIRE(core_open(&c, 0));
    a.arg = &token;
    a.on_mail = complete_and_drop;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(core_tell(&c, pid, "go"), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(core_kinds(&a, WIPPY_MAIL_DONE), 0);
    CHECK_EQ_INT(wippy_complete(c.rt, token, WIPPY_OK, NULL, 0, 0), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(core_kinds(&a, WIPPY_MAIL_DONE), 1);
    core_close(&c);
}

/* Larger than a message may be: the news comes, without its contents. */
TEST(test_refusals_of_large_completions)
{
    static char large[2000];
    wippy_desc desc;
    wippy_token tokens[3];
    core c;
    core_actor a = {0};
    memset(&desc, 0, sizeof(desc));
    desc.max_message_bytes = 1000;
    REQUIRE(core_open_with(&c, 0, &desc, NULL));
    a.arg = tokens;
    a.on_start = open_three;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(wippy_complete(c.rt, tokens[0], WIPPY_OK, large, 1001, 0), WIPPY_ERR_NOMEM);
    CHECK_EQ_INT(wippy_complete(c.rt, tokens[1], WIPPY_OK, large, 1000, 0), WIPPY_OK);
    core_run(&c);
    REQUIRE(a.count == 2);
    CHECK_EQ_INT(a.seen[0].result, WIPPY_ERR_NOMEM);
    CHECK_EQ_INT(a.seen[1].result, WIPPY_OK);
    core_close(&c);
}

/* ------------------------------------------------------------------ memory that is handed over */

static void note_freed(void *data, size_t size, void *user_data)
{
    (void)data;
    (void)size;
    TEST_ATOMIC_ADD((uint32_t *)user_data, 1u);
}

TEST(test_refusals_of_memory_handed_over_leave_it_to_the_caller)
{
    static char block[16];
    wippy_host_desc host;
    core c;
    core_actor a = {0};
    uint32_t freed = 0;
    wippy_pid nobody = {0};
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 1;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, NULL, 4, note_freed, &freed), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, 0, note_freed, &freed), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, SIZE_MAX, note_freed, &freed),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, 4, NULL, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_owned(c.out, nobody, c.topic, block, 4, note_freed, &freed), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, 4, note_freed, &freed), WIPPY_OK);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, 4, note_freed, &freed), WIPPY_ERR_FULL);
    CHECK_EQ_U64(freed, 0);
    core_run(&c);
    CHECK_EQ_U64(freed, 1);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, block, 4, note_freed, &freed), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(freed, 2);
    core_close(&c);
}

/* ------------------------------------------------------------------ shelves */

/* Only messages can be claimed, whatever else is kept; one without a topic by who takes all. */
static wippy_status keep_all(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    CHECK_EQ_INT(wippy_shelf_keep(self, mail, 0), WIPPY_OK);
    if (++a->rounds == 3) {
        uint32_t shelf = wippy_shelf_open(self);
        CHECK_EQ_U64(wippy_kept_count(self), 3);
        CHECK_EQ_U64(wippy_shelf_claim(self, 0, NULL, 0), 0);
        CHECK_EQ_U64(wippy_shelf_claim(self, shelf, "topic", 5), 1);
        CHECK_EQ_U64(wippy_shelf_claim(self, shelf, NULL, 0), 1);
        CHECK_EQ_U64(wippy_shelf_claim(self, shelf, NULL, 0), 0); /* the CANCEL stays */
        CHECK_EQ_INT(wippy_shelf_peek(self, 0)->kind, WIPPY_MAIL_CANCEL);
        a->number = 1;
    }
    return WIPPY_IDLE;
}

TEST(test_refusals_of_claims_to_what_is_no_message)
{
    const wippy_topic none = {0};
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.deaf = true;
    a.on_mail = keep_all;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(wippy_send(c.out, pid, none, "x", 1), WIPPY_OK);
    CHECK_EQ_INT(wippy_cancel(c.out, pid, "why"), WIPPY_OK);
    CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, "y", 1), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(a.number, 1);
    CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK); /* it is deaf to CANCEL */
    core_close(&c);
}

/* ------------------------------------------------------------------ rights */

static wippy_status take_names(wippy_self *self, core_actor *a)
{
    char longer[600];
    memset(longer, 'n', sizeof(longer));
    CHECK_EQ_INT(wippy_name_register(self, "short", 5, wippy_self_pid(self)), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(self, longer, sizeof(longer), wippy_self_pid(self)),
                 WIPPY_ERR_DENIED); /* too long to be asked about */
    a->rounds = 1;
    return wippy_fail_value(self, WIPPY_ERR_IO, NULL, 0);
}

static void note_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    (void)rt;
    CHECK_EQ_INT(info->result, WIPPY_ERR_IO);
    CHECK_EQ_U64(info->value.size, 0);
    ++*(uint32_t *)user_data;
}

TEST(test_refusals_of_names_too_long_for_a_right)
{
    static const char text[] = "namespace: app\nentries:\n  - {name: all, kind: security.policy, policy: "
                               "{actions: '*', resources: '*', effect: allow}}\n";
    const char *scope[] = {"app:all"};
    core_actor a = {0};
    core_actor *pointer = &a;
    wippy_frame_desc rights;
    wippy_frame *frame = NULL;
    wippy_spawn_desc desc;
    wippy_host_desc host;
    uint32_t exits = 0;
    core c;
    memset(&host, 0, sizeof(host));
    host.exit_fn = note_exit;
    host.user_data = &exits;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    REQUIRE(wippy_load_text(c.rt, "rights", text, sizeof(text) - 1, NULL) == WIPPY_OK);
    memset(&rights, 0, sizeof(rights));
    rights.actor_id = "ann";
    rights.scope = scope;
    rights.scope_count = 1;
    REQUIRE(wippy_frame_make(c.rt, &rights, &frame) == WIPPY_OK);
    core_spawn_desc(&c, &pointer, &desc);
    desc.frame = frame;
    a.on_start = take_names;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_OK);
    wippy_frame_release(c.rt, frame);
    core_run(&c);
    CHECK_EQ_U64(a.rounds, 1);
    CHECK_EQ_U64(exits, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ news that are not wanted any more */

static wippy_result want_news(wippy_self *self, void *state, const wippy_input *input)
{
    (void)state;
    (void)input;
    wippy_set_upgradable(self, true);
    return WIPPY_OK;
}

/* The change and the change of mind come in one step: what was sent in between is not seen. */
static wippy_status change_mind(wippy_self *self, void *state)
{
    uint32_t *outdated = (uint32_t *)wippy_self_user_data(self);
    const wippy_mail *mail;
    (void)state;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_OUTDATED) {
            outdated[0]++;
        } else if (mail->kind == WIPPY_MAIL_MESSAGE) {
            wippy_registry_change change;
            wippy_writer w;
            memset(&change, 0, sizeof(change));
            wippy_writer_init(&w, wippy_self_runtime(self));
            wippy_write_map(&w, 2);
            wippy_write_cstring(&w, "type");
            wippy_write_cstring(&w, "minded");
            wippy_write_cstring(&w, "n");
            wippy_write_int(&w, ++outdated[1]);
            wippy_write_end(&w);
            change.op = WIPPY_ENTRY_UPDATE;
            change.id = "app:p";
            CHECK_EQ_INT(wippy_writer_finish(&w, &change.data), WIPPY_OK);
            CHECK_EQ_INT(wippy_registry_apply(wippy_self_runtime(self), &change, 1, NULL, NULL), WIPPY_OK);
            wippy_writer_free(&w);
            wippy_set_upgradable(self, outdated[1] == 1);
        } else if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
    }
    return WIPPY_IDLE;
}

TEST(test_refusals_of_news_that_came_too_late)
{
    static const char text[] =
        "namespace: app\nentries:\n  - {name: p, kind: process.native, type: minded}\n";
    uint32_t seen[2] = {0, 0};
    wippy_type_desc type;
    wippy_type made;
    wippy_spawn_desc desc;
    wippy_pid pid;
    core c;
    REQUIRE(core_open(&c, 0));
    memset(&type, 0, sizeof(type));
    type.name = "minded";
    type.init = want_news;
    type.step = change_mind;
    type.user_data = seen;
    REQUIRE(wippy_type_register(c.rt, &type, &made) == WIPPY_OK);
    REQUIRE(wippy_load_text(c.rt, "p", text, sizeof(text) - 1, NULL) == WIPPY_OK);
    memset(&desc, 0, sizeof(desc));
    desc.entry = "app:p";
    desc.host = c.host;
    REQUIRE(wippy_spawn(c.out, &desc, &pid, NULL) == WIPPY_OK);
    core_run(&c);
    for (uint32_t i = 1; i <= 2; i++) {
        CHECK_EQ_INT(core_tell(&c, pid, "change"), WIPPY_OK);
        core_run(&c);
        CHECK_EQ_U64(seen[1], i);
        CHECK_EQ_U64(seen[0], 1); /* of the first only */
    }
    core_close(&c);
}

/* ------------------------------------------------------------------ init */

static wippy_result read_in_init(wippy_self *self, core_actor *a, const wippy_input *input)
{
    const wippy_mail *mail = wippy_next(self);
    (void)input;
    CHECK(mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE && mail->size == 2);
    a->rounds = 1;
    return WIPPY_OK;
}

TEST(test_refusals_init_may_read_what_came_with_the_spawn)
{
    wippy_message messages[2];
    wippy_spawn_desc desc;
    core c;
    core_actor a = {0};
    core_actor *pointer = &a;
    REQUIRE(core_open(&c, 0));
    memset(messages, 0, sizeof(messages));
    messages[0].data = "ab";
    messages[0].size = 2;
    messages[1].data = "c";
    messages[1].size = 1;
    a.on_init = read_in_init;
    core_spawn_desc(&c, &pointer, &desc);
    desc.messages = messages;
    desc.message_count = 2;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_U64(a.rounds, 1);
    CHECK_EQ_U64(a.count, 1); /* the other one comes to the step */
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_refusals_a_completion_under_way_is_dropped_once),
          TEST_ENTRY(test_refusals_of_large_completions),
          TEST_ENTRY(test_refusals_of_memory_handed_over_leave_it_to_the_caller),
          TEST_ENTRY(test_refusals_of_claims_to_what_is_no_message),
          TEST_ENTRY(test_refusals_of_names_too_long_for_a_right),
          TEST_ENTRY(test_refusals_of_news_that_came_too_late),
          TEST_ENTRY(test_refusals_init_may_read_what_came_with_the_spawn),
          TEST_ENTRY(test_refusals_outside_is_no_process), TEST_ENTRY(test_refusals_in_close),
          TEST_ENTRY(test_refusals_of_descriptions),
          TEST_ENTRY(test_refusals_of_runtime_descriptions), TEST_ENTRY(test_refusals_of_texts),
          TEST_ENTRY(test_refusals_of_tokens),
          TEST_ENTRY(test_refusals_a_completion_that_came_can_be_dropped))
