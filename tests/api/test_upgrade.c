/* A new body for a living process: what stays, what goes, and how it fails. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

/* The second body: another type, which counts what it gets. */
typedef struct second {
    uint32_t inits, steps, closes, mails;
    wippy_pid pid;
    bool traps, upgradable;
    char input[16];
    char first[32];
    wippy_result refuse;
    bool refuse_in_words;
} second;

static wippy_result second_init(wippy_self *self, void *state, const wippy_input *input)
{
    second *s = (second *)wippy_self_user_data(self);
    CHECK(*(uint64_t *)state == 0);
    *(uint64_t *)state = 5;
    s->inits++;
    s->pid = wippy_self_pid(self);
    s->traps = wippy_traps_links(self);
    s->upgradable = wippy_is_upgradable(self);
    snprintf(s->input, sizeof(s->input), "%.*s", (int)input->size, (const char *)input->data);
    if (s->refuse_in_words) {
        wippy_fail(self, s->refuse, "no %s", "luck");
    }
    return s->refuse;
}

static wippy_status second_step(wippy_self *self, void *state)
{
    second *s = (second *)wippy_self_user_data(self);
    const wippy_mail *mail;
    CHECK(*(uint64_t *)state == 5);
    s->steps++;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        CHECK(mail->kind != WIPPY_MAIL_DONE);
        if (s->mails++ == 0) {
            snprintf(s->first, sizeof(s->first), "%.*s", (int)mail->size,
                     (const char *)wippy_mail_data(mail));
        }
    }
    return WIPPY_IDLE;
}

static void second_close(wippy_self *self, void *state)
{
    (void)state;
    ((second *)wippy_self_user_data(self))->closes++;
}

static wippy_type second_type(core *c, second *s)
{
    wippy_type_desc desc;
    wippy_type type = {0};
    memset(&desc, 0, sizeof(desc));
    desc.name = "second";
    desc.state_bytes = 3000; /* not the size class of the first */
    desc.init = second_init;
    desc.step = second_step;
    desc.close = second_close;
    desc.user_data = s;
    CHECK_EQ_INT(wippy_type_register(c->rt, &desc, &type), WIPPY_OK);
    return type;
}

static wippy_type wanted;
static const char *wanted_entry;

static wippy_status upgrade_on_message(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->size != 7) {
        return WIPPY_IDLE;
    }
    a->number++;
    wippy_trap_links(self, true);
    wippy_set_upgradable(self, true);
    CHECK_EQ_INT(wippy_timer(self, 0, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_open(self, 2, NULL), WIPPY_PENDING);
    (void)wippy_upgrade(self, NULL, wanted, "wrong", 5, 0); /* the last word counts */
    return wippy_upgrade(self, wanted_entry, wanted, "input", 5, 0);
}

TEST(test_upgrade_keeps_pid_name_relations_and_mail)
{
    core c;
    core_actor a = {0};
    core_actor watcher = {0};
    second s;
    wippy_pid found = {0};
    memset(&s, 0, sizeof(s));
    REQUIRE(core_open(&c, 0));
    wanted = second_type(&c, &s);
    wanted_entry = NULL;
    a.on_mail = upgrade_on_message;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_name_register(c.out, "it", 0, pid), WIPPY_OK);
    watcher.target = pid;
    watcher.monitor = watcher.link = watcher.trap = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    core_tell(&c, pid, "upgrade");
    core_tell(&c, pid, "unread");
    core_tell(&c, pid, "unread too");
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(s.inits, 1);
    CHECK_EQ_INT(s.mails, 2);
    CHECK_STR(s.first, "unread");
    CHECK_STR(s.input, "input");
    CHECK_EQ_U64(s.pid.id, pid.id);
    CHECK(!s.traps && !s.upgradable); /* options belong to a body */
    CHECK_EQ_INT(wippy_name_find(c.rt, "it", 0, &found), WIPPY_OK);
    CHECK_EQ_U64(found.id, pid.id);
    CHECK_EQ_INT(watcher.count, 0); /* nothing has ended */
    CHECK_EQ_INT(core_tell(&c, pid, "more"), WIPPY_OK);
    test_pause_ms(1);
    core_run(&c);
    CHECK_EQ_INT(s.mails, 3); /* and no completion of the old body */
    wippy_terminate(c.out, pid);
    core_run(&c);
    CHECK_EQ_INT(s.closes, 1);
    CHECK_EQ_INT(watcher.count, 2);
    core_close(&c);
}

TEST(test_upgrade_link_down_in_the_mailbox_is_for_the_new_body_to_trap)
{
    core c;
    core_actor a = {0};
    core_actor target = {0};
    core_actor watcher = {0};
    second s;
    memset(&s, 0, sizeof(s));
    REQUIRE(core_open(&c, 0));
    wanted = second_type(&c, &s);
    wanted_entry = NULL;
    a.target = core_spawn(&c, &target);
    a.link = a.trap = true;
    a.on_mail = upgrade_on_message;
    watcher.target = core_spawn(&c, &a);
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    core_tell(&c, target.pid, "fail"); /* runs first: LINK_DOWN stands behind "upgrade" */
    core_tell(&c, a.pid, "upgrade");
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(s.inits, 1);
    CHECK_EQ_INT(s.steps, 0);
    CHECK_EQ_INT(s.closes, 1);
    REQUIRE(watcher.count == 1);
    CHECK_STR(watcher.seen[0].text, "linked process failed");
    core_close(&c);
}

/* The peer fails on the other worker while this step runs; its close comes after its news. */
static wippy_status upgrade_while_the_peer_fails(wippy_self *self, core_actor *a,
                                                 const wippy_mail *mail)
{
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->size != 7) {
        return WIPPY_IDLE;
    }
    core_actor *peer = (core_actor *)a->arg;
    CHECK_EQ_INT(wippy_send(self, peer->pid, mail->topic, "fail", 4), WIPPY_OK);
    CHECK(core_wait(&peer->closes, 1));
    return wippy_upgrade(self, NULL, wanted, "input", 5, 0);
}

TEST(test_upgrade_asked_for_while_a_link_failed_is_no_way_round_it)
{
    core c;
    core_actor a = {0};
    core_actor peer = {0};
    core_actor watcher = {0};
    second s;
    memset(&s, 0, sizeof(s));
    REQUIRE(core_open(&c, 2));
    wanted = second_type(&c, &s);
    a.target = core_spawn(&c, &peer);
    a.link = true;
    a.arg = &peer;
    a.on_mail = upgrade_while_the_peer_fails;
    watcher.target = core_spawn(&c, &a);
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    CHECK(core_wait(&watcher.steps, 1));
    CHECK(core_wait(&a.steps, 1));
    core_tell(&c, a.pid, "upgrade");
    REQUIRE(core_wait(&watcher.count, 1));
    CHECK_STR(watcher.seen[0].text, "linked process failed");
    CHECK_EQ_INT(s.inits, 0);
    core_close(&c);
    CHECK_EQ_INT(a.closes, 1);
}

static void check_failing(second *s, const char *entry, bool no_type, const char *message,
                          wippy_result result)
{
    core c;
    core_actor a = {0};
    core_actor watcher = {0};
    REQUIRE(core_open(&c, 0));
    wanted = second_type(&c, s);
    wanted.id = no_type ? 999 : wanted.id;
    wanted_entry = entry;
    a.on_mail = upgrade_on_message;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_name_register(c.out, "it", 0, pid), WIPPY_OK);
    watcher.target = pid;
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    core_tell(&c, pid, "upgrade");
    core_tell(&c, pid, "unread");
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(s->closes, 0);
    CHECK_EQ_INT(s->steps, 0);
    REQUIRE(watcher.count == 1);
    CHECK_EQ_INT(watcher.seen[0].result, result);
    CHECK_HAS(watcher.seen[0].text, message);
    CHECK_EQ_INT(wippy_name_find(c.rt, "it", 0, &pid), WIPPY_ERR_NOTFOUND);
    core_close(&c);
}

TEST(test_upgrade_failures_end_the_process)
{
    second s;
    memset(&s, 0, sizeof(s));
    check_failing(&s, "no:entry", false, "upgrade: create failed: ", WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(s.inits, 0);
    check_failing(&s, NULL, true, "upgrade: create failed: no source", WIPPY_ERR_INVALID);
    s.refuse = WIPPY_ERR_TIMEOUT;
    check_failing(&s, NULL, false, "upgrade: init failed: timed out", WIPPY_ERR_TIMEOUT);
    CHECK_EQ_INT(s.inits, 1);
    s.refuse_in_words = true;
    check_failing(&s, "", false, "upgrade: init failed: no luck", WIPPY_ERR_TIMEOUT);
    s.refuse = WIPPY_OK; /* said it failed, returned success */
    check_failing(&s, "", false, "upgrade: init failed: no luck", WIPPY_ERR_INTERNAL);
}

static wippy_status upgrade_without_asking(wippy_self *self, core_actor *a)
{
    (void)self;
    (void)a;
    return WIPPY_UPGRADE;
}

static wippy_status ask_and_go_on(wippy_self *self, core_actor *a)
{
    (void)a;
    (void)wippy_upgrade(self, NULL, wanted, "input", 5, 0);
    return WIPPY_IDLE;
}

TEST(test_upgrade_status_and_request_belong_together)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    core_actor watcher = {0};
    second s;
    memset(&s, 0, sizeof(s));
    REQUIRE(core_open(&c, 0));
    wanted = second_type(&c, &s);
    b.on_start = ask_and_go_on;
    wippy_pid kept = core_spawn(&c, &b);
    core_run(&c);
    CHECK_EQ_INT(b.closes, 0); /* thought better of it */
    CHECK_EQ_INT(s.inits, 0);
    CHECK(wippy_alive(c.rt, kept));
    a.on_start = upgrade_without_asking;
    watcher.target = core_spawn(&c, &a);
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    CHECK_EQ_INT(a.closes, 1);
    core_close(&c);
}

/* The same type again and again, while others send: every message is seen by exactly one body. */
static wippy_status upgrade_often(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail = wippy_next(self);
    wippy_type same = {0};
    if (mail == NULL) {
        return WIPPY_IDLE;
    }
    if (mail->kind == WIPPY_MAIL_CANCEL) {
        return wippy_done(self);
    }
    int64_t number;
    memcpy(&number, wippy_mail_data(mail), sizeof(number));
    CHECK_EQ_INT(number, a->number);
    a->number++;
    TEST_ATOMIC_ADD(&a->count, 1u);
    return wippy_upgrade(self, "", same, &a, sizeof(a), 0);
}

TEST(test_upgrade_loses_no_mail)
{
    core c;
    core_actor a = {0};
    uint32_t rounds = test_scale(2000);
    REQUIRE(core_open(&c, 2));
    a.on_step = upgrade_often;
    wippy_pid pid = core_spawn(&c, &a);
    for (int64_t i = 0; i < rounds; i++) {
        CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, &i, sizeof(i)), WIPPY_OK);
    }
    CHECK(core_wait(&a.count, rounds));
    core_close(&c);
    CHECK_EQ_INT(a.inits, rounds + 1);
    CHECK_EQ_INT(a.closes, rounds + 1);
}

TEST_MAIN(TEST_ENTRY(test_upgrade_keeps_pid_name_relations_and_mail),
          TEST_ENTRY(test_upgrade_link_down_in_the_mailbox_is_for_the_new_body_to_trap),
          TEST_ENTRY(test_upgrade_asked_for_while_a_link_failed_is_no_way_round_it),
          TEST_ENTRY(test_upgrade_failures_end_the_process),
          TEST_ENTRY(test_upgrade_status_and_request_belong_together),
          TEST_ENTRY(test_upgrade_loses_no_mail))
