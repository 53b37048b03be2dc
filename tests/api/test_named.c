/* Spawns under a name that is taken, or that somebody else is quicker to get: nothing is spawned, the
   owner gets the messages. And what a spawn, a completion and a command cannot carry. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static core *world;
static wippy_host elsewhere; /* a second pump: what is asked of it happens when it is pumped */

static bool named_open(core *c, const wippy_host_desc *desc)
{
    world = c;
    return core_open_with(c, 0, NULL, desc) &&
           CHECK_EQ_INT(core_add_host(c, "app:other", WIPPY_HOST_PUMP, 0, &elsewhere), WIPPY_OK);
}

static void pump_elsewhere(void)
{
    CHECK_EQ_INT(wippy_pump(world->rt, elsewhere, UINT64_MAX, 0), WIPPY_OK);
}

/* Spawn `child` under the name "n" with the messages "one" and "two". */
static wippy_result spawn_named(wippy_self *self, core_actor *child, wippy_host host, wippy_pid *out)
{
    wippy_spawn_desc desc;
    wippy_message messages[2];
    memset(messages, 0, sizeof(messages));
    messages[0].topic = world->topic;
    messages[0].data = "one";
    messages[0].size = 3;
    messages[1].topic_name = "by name";
    messages[1].data = "two";
    messages[1].size = 3;
    core_spawn_desc(world, &child, &desc);
    desc.host = host;
    desc.name = "n";
    desc.messages = messages;
    desc.message_count = 2;
    desc.flags = WIPPY_SPAWN_MONITOR;
    desc.tag = 7;
    return wippy_spawn(self, &desc, out, NULL);
}

static wippy_status ask_elsewhere(wippy_self *self, core_actor *a)
{
    a->answer = spawn_named(self, (core_actor *)a->arg, elsewhere, NULL);
    return WIPPY_YIELD;
}

static void check_signalled(const core_actor *owner, const core_actor *asker)
{
    const core_seen *done = core_find(asker, WIPPY_MAIL_DONE);
    REQUIRE(done != NULL);
    CHECK_EQ_INT(done->result, WIPPY_OK);
    CHECK_EQ_U64(done->tag, 7);
    CHECK_EQ_U64((uint64_t)done->number, owner->pid.id);
    REQUIRE(CHECK_EQ_INT(owner->count, 2));
    CHECK_STR(owner->seen[0].text, "one");
    CHECK_STR(owner->seen[0].topic, "topic");
    CHECK_STR(owner->seen[1].text, "two");
    CHECK_STR(owner->seen[1].topic, "by name");
    CHECK_EQ_U64(owner->seen[0].from.id, 0);
}

TEST(test_named_pending_spawn_that_loses_the_name_signals_its_owner)
{
    core c;
    core_actor owner = {0};
    core_actor child = {0};
    core_actor asker = {0};
    REQUIRE(named_open(&c, NULL));
    asker.on_start = ask_elsewhere;
    asker.arg = &child;
    core_spawn(&c, &asker);
    core_run(&c);
    CHECK_EQ_INT(asker.answer, WIPPY_PENDING);
    CHECK_EQ_INT(wippy_name_register(c.out, "n", 0, core_spawn(&c, &owner)), WIPPY_OK);
    pump_elsewhere();
    core_run(&c);
    check_signalled(&owner, &asker);
    CHECK_EQ_INT(child.inits + 0u, 0);
    CHECK_EQ_U64(core_alive(&c), 2); /* the slot went back */
    wippy_terminate(c.out, owner.pid);
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&asker, WIPPY_MAIL_EXIT), 0); /* the owner is not monitored */
    core_close(&c);
}

TEST(test_named_pending_spawn_gets_a_name_that_became_free)
{
    core c;
    core_actor owner = {0};
    core_actor child = {0};
    core_actor asker = {0};
    wippy_pid found = {0};
    REQUIRE(named_open(&c, NULL));
    asker.on_start = ask_elsewhere;
    asker.arg = &child;
    core_spawn(&c, &asker);
    core_run(&c);
    CHECK_EQ_INT(wippy_name_register(c.out, "n", 0, core_spawn(&c, &owner)), WIPPY_OK);
    wippy_terminate(c.out, owner.pid);
    core_run(&c);
    pump_elsewhere();
    core_run(&c);
    check_signalled(&child, &asker); /* its first messages */
    CHECK_EQ_INT(wippy_name_find(c.rt, "n", 0, &found), WIPPY_OK);
    CHECK_EQ_U64(found.id, child.pid.id);
    core_close(&c);
}

/* init of the owner asks for another process under the name that it is about to own itself. */
static wippy_result ask_in_init(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)input;
    a->answer = spawn_named(self, (core_actor *)a->arg, elsewhere, NULL);
    return a->number != 0 ? WIPPY_ERR_CONFLICT : WIPPY_OK;
}

/* The owner is being born when its name is asked for: whoever asks waits for how that ends. */
static void check_while_born(bool fails)
{
    core c;
    core_actor owner = {0};
    core_actor child = {0};
    core_actor *at = &owner;
    wippy_spawn_desc desc;
    REQUIRE(named_open(&c, NULL));
    owner.on_init = ask_in_init;
    owner.arg = &child;
    owner.number = fails ? 1 : 0;
    core_spawn_desc(&c, &at, &desc);
    desc.host = elsewhere;
    desc.name = "n";
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), fails ? WIPPY_ERR_CONFLICT : WIPPY_OK);
    CHECK_EQ_INT(owner.answer, WIPPY_PENDING);
    pump_elsewhere();
    if (fails) {
        CHECK_EQ_INT(child.inits + 0u, 1);
        CHECK_EQ_INT(child.count + 0u, 2);
        CHECK_EQ_U64(core_alive(&c), 1);
    } else {
        CHECK_EQ_INT(child.inits + 0u, 0);
        CHECK_EQ_INT(core_kinds(&owner, WIPPY_MAIL_MESSAGE), 2);
        const core_seen *done = core_find(&owner, WIPPY_MAIL_DONE);
        REQUIRE(done != NULL);
        CHECK_EQ_U64((uint64_t)done->number, owner.pid.id);
        CHECK_EQ_U64(core_alive(&c), 1);
    }
    core_close(&c);
}

TEST(test_named_spawn_waits_for_an_owner_that_is_being_born)
{
    check_while_born(false);
}

TEST(test_named_spawn_waits_for_an_owner_that_is_never_born)
{
    check_while_born(true);
}

TEST(test_named_spawn_tells_of_messages_the_owner_refused)
{
    core c;
    core_actor owner = {0};
    core_actor child = {0};
    core_actor asker = {0};
    wippy_host_desc desc;
    wippy_pid pid = {0};
    memset(&desc, 0, sizeof(desc));
    desc.mailbox_limit = 1;
    REQUIRE(named_open(&c, &desc));
    asker.on_start = ask_elsewhere;
    asker.arg = &child;
    core_spawn(&c, &asker);
    core_run(&c);
    CHECK_EQ_INT(wippy_name_register(c.out, "n", 0, core_spawn(&c, &owner)), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(spawn_named(c.out, &child, c.host, &pid), WIPPY_ERR_FULL);
    CHECK_EQ_U64(pid.id, 0);
    core_run(&c);
    CHECK_EQ_INT(owner.count + 0u, 1); /* what was before it was sent */
    pump_elsewhere(); /* the same, by a job */
    core_run(&c);
    const core_seen *done = core_find(&asker, WIPPY_MAIL_DONE);
    REQUIRE(done != NULL);
    CHECK_EQ_INT(done->result, WIPPY_ERR_FULL);
    CHECK_EQ_INT(owner.count + 0u, 2);
    CHECK_EQ_INT(child.inits + 0u, 0);
    CHECK_EQ_U64(core_alive(&c), 2);
    core_close(&c);
}

/* ------------------------------------------------------------------ what is too much */

/* Where and what does not matter when the name has an owner; without one it does. */
TEST(test_named_spawn_needs_neither_host_nor_entry_when_the_name_has_an_owner)
{
    core c;
    core_actor owner = {0}, child = {0};
    core_actor *pointer = &child;
    wippy_host_desc host;
    wippy_host nowhere = {4711};
    wippy_spawn_desc desc;
    wippy_message message;
    wippy_diag diag;
    wippy_pid pid = {0};
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 2;
    REQUIRE(named_open(&c, &host));
    memset(&message, 0, sizeof(message));
    message.topic = c.topic;
    message.data = "hi";
    message.size = 2;
    core_spawn_desc(&c, &pointer, &desc);
    desc.name = "n";
    desc.host = nowhere;
    desc.messages = &message;
    desc.message_count = 1;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "host not found");
    CHECK_EQ_INT(wippy_name_register(c.out, "n", 0, core_spawn(&c, &owner)), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_OK);
    CHECK_EQ_U64(pid.id, owner.pid.id);
    desc.host = c.host;
    desc.type.id = 0;
    desc.entry = "app:nobody";
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_ERR_FULL); /* its mailbox is */
    CHECK_EQ_INT(diag.code, WIPPY_ERR_FULL);
    core_run(&c);
    CHECK_EQ_U64(owner.count, 2);
    CHECK_EQ_U64(child.inits, 0);
    CHECK_EQ_INT(wippy_terminate(c.out, owner.pid), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &pid, &diag), WIPPY_ERR_NOTFOUND);
    core_close(&c);
}

TEST(test_named_spawn_refuses_messages_that_mail_cannot_hold)
{
    static char topic[300];
    static char nils[1];
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_message m[2];
    wippy_diag diag;
    wippy_desc limits;
    memset(&limits, 0, sizeof(limits));
    limits.max_message_bytes = 1000;
    REQUIRE(core_open_with(&c, 0, &limits, NULL));
    core_spawn_desc(&c, &at, &desc);
    desc.messages = m;
    desc.message_count = 2;
    for (int which = 0; which < 4; which++) {
        memset(m, 0, sizeof(m));
        m[0].topic = c.topic;
        m[1].topic = c.topic;
        if (which == 0) {
            m[1].count = 65536;
            m[1].data = nils;
            m[1].size = 1;
        } else if (which == 1) {
            m[1].data = topic; /* never read */
            m[1].size = 1001;
        } else {
            memset(topic, 't', sizeof(topic) - 1);
            topic[which == 2 ? 256 : 255] = '\0';
            m[1].topic.id = 0;
            m[1].topic_name = topic;
        }
        memset(&diag, 0, sizeof(diag));
        CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, &diag),
                     which < 3 ? WIPPY_ERR_INVALID : WIPPY_OK);
        if (which < 3) {
            CHECK_STR(diag.message, "message 2: topic, size or count is too large");
            CHECK_EQ_U64(core_alive(&c), 0);
        }
    }
    core_run(&c);
    CHECK_EQ_INT(a.count + 0u, 2);
    core_close(&c);
}

static wippy_result never(wippy_runtime *rt, wippy_token token, const wippy_input *input, void **job,
                          void *user_data)
{
    (void)rt;
    (void)token;
    (void)input;
    (void)job;
    TEST_ATOMIC_ADD((uint32_t *)user_data, 1u);
    return WIPPY_PENDING;
}

static wippy_result write_many(void *arg, wippy_writer *out)
{
    for (int64_t i = 0; i < *(int64_t *)arg; i++) {
        wippy_write_nil(out);
    }
    return WIPPY_OK;
}

static wippy_status complete_many(wippy_self *self, core_actor *a)
{
    static char nils[65536];
    wippy_runtime *rt = wippy_self_runtime(self);
    wippy_command command;
    wippy_token token;
    command.id = (uint32_t)a->number;
    CHECK_EQ_INT(wippy_command_yield(self, command, nils, 65536, 65536, 1, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_U64(wippy_open_yields(self), 0);
    CHECK_EQ_INT(wippy_command_yield(self, command, nils, 65535, 65535, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_open(self, 2, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_complete(rt, token, WIPPY_OK, nils, 65536, 65536), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_complete(rt, token, WIPPY_OK, nils, 65535, 65535), WIPPY_OK);
    CHECK_EQ_INT(wippy_complete(rt, token, WIPPY_OK, nils, 1, 1), WIPPY_ERR_GONE);
    return WIPPY_YIELD;
}

static wippy_status see_counts(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)self;
    a->number = mail->count;
    return WIPPY_YIELD;
}

TEST(test_named_completions_and_commands_refuse_too_many_values)
{
    core c;
    core_actor a = {0};
    uint32_t started = 0;
    wippy_command_desc desc;
    wippy_command command;
    REQUIRE(core_open(&c, 0));
    memset(&desc, 0, sizeof(desc));
    desc.name = "never";
    desc.start = never;
    desc.user_data = &started;
    REQUIRE(wippy_command_register(c.rt, &desc, &command) == WIPPY_OK);
    a.on_start = complete_many;
    a.on_mail = see_counts;
    a.number = command.id;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(started, 1);
    CHECK_EQ_INT(a.number, 65535);
    CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK); /* what it waits for never comes */
    core_close(&c);
}

static wippy_status block_many(wippy_self *self, core_actor *a)
{
    int64_t *counts = (int64_t *)a->arg; /* of values to write */
    CHECK_EQ_INT(wippy_blocking(self, write_many, &counts[0], NULL, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_blocking(self, write_many, &counts[1], NULL, 2, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

static wippy_status see_sizes(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    int64_t *seen = (int64_t *)a->arg + 2; /* for each tag the values and the result */
    (void)self;
    seen[wippy_mail_tag(mail) * 2 - 2] = mail->count;
    seen[wippy_mail_tag(mail) * 2 - 1] = mail->result;
    return WIPPY_YIELD;
}

TEST(test_named_blocking_call_that_writes_too_many_values_says_so)
{
    core c;
    core_actor a = {0};
    int64_t counts[6] = {65535, 65536, -1, -1, -1, -1};
    REQUIRE(core_open(&c, 0));
    a.on_start = block_many;
    a.on_mail = see_sizes;
    a.arg = counts;
    core_spawn(&c, &a);
    CHECK(core_pump_until(&c, &a.count, 2)); /* on this thread: the hook has returned */
    CHECK_EQ_INT(counts[2], 65535);
    CHECK_EQ_INT(counts[3], WIPPY_OK);
    CHECK_EQ_INT(counts[4], 0);
    CHECK_EQ_INT(counts[5], WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK); /* it is deaf to CANCEL */
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_named_pending_spawn_that_loses_the_name_signals_its_owner),
          TEST_ENTRY(test_named_pending_spawn_gets_a_name_that_became_free),
          TEST_ENTRY(test_named_spawn_waits_for_an_owner_that_is_being_born),
          TEST_ENTRY(test_named_spawn_waits_for_an_owner_that_is_never_born),
          TEST_ENTRY(test_named_spawn_tells_of_messages_the_owner_refused),
          TEST_ENTRY(test_named_spawn_needs_neither_host_nor_entry_when_the_name_has_an_owner),
          TEST_ENTRY(test_named_spawn_refuses_messages_that_mail_cannot_hold),
          TEST_ENTRY(test_named_completions_and_commands_refuse_too_many_values),
          TEST_ENTRY(test_named_blocking_call_that_writes_too_many_values_says_so))
