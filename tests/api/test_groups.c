/* Process groups: who is in, who is told, what remains after leaves, ends, upgrades and without memory. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#define SCOPE "app:rooms"

typedef wippy_status (*script)(wippy_self *self, core_actor *a);

/* Each message of three bytes runs the script. */
static wippy_status run_script(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    bool mine = mail->kind == WIPPY_MAIL_MESSAGE && mail->size == 3 && mail->from.id == 0 &&
                strcmp(wippy_mail_topic(self, mail, NULL), "topic") == 0;
    return mine ? ((script)(uintptr_t)a->arg)(self, a) : core_obey(self, a, mail);
}

static void run_in(core *c, core_actor *a, script fn)
{
    if (a->pid.id == 0) {
        a->on_mail = run_script;
        core_spawn(c, a);
    }
    a->arg = (void *)(uintptr_t)fn;
    core_tell(c, a->pid, "run");
    core_run(c);
}

static size_t members(core *c, const char *group)
{
    return wippy_group_members(c->rt, SCOPE, group, NULL, 0);
}

static wippy_status join_a(wippy_self *self, core_actor *a)
{
    a->answer = wippy_group_join(self, SCOPE, "a");
    return WIPPY_IDLE;
}

static wippy_status leave_a(wippy_self *self, core_actor *a)
{
    a->answer = wippy_group_leave(self, SCOPE, "a");
    return WIPPY_IDLE;
}

static wippy_status watch_a(wippy_self *self, core_actor *a)
{
    a->answer = wippy_group_watch(self, SCOPE, "a", "news of a", NULL);
    return WIPPY_IDLE;
}

/* ------------------------------------------------------------------ members */

TEST(test_groups_members_come_in_order_and_go)
{
    core c;
    core_actor a[3] = {{0}};
    wippy_pid pids[3];
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 3; i++) {
        run_in(&c, &a[i], join_a);
        CHECK_EQ_INT(a[i].answer, WIPPY_OK);
    }
    CHECK_EQ_U64(wippy_group_members(c.rt, SCOPE, "a", pids, 2), 3); /* no room is no lie */
    CHECK_EQ_U64(wippy_group_members(c.rt, SCOPE, "a", pids, 3), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_U64(pids[i].id, a[i].pid.id);
    }
    CHECK_EQ_U64(wippy_group_members(c.rt, "app:other", "a", NULL, 0), 0);
    run_in(&c, &a[1], join_a); /* again: takes two leaves */
    CHECK_EQ_U64(members(&c, "a"), 3);
    run_in(&c, &a[1], leave_a);
    CHECK_EQ_U64(members(&c, "a"), 3);
    run_in(&c, &a[1], leave_a);
    CHECK_EQ_INT(a[1].answer, WIPPY_OK);
    run_in(&c, &a[1], leave_a);
    CHECK_EQ_INT(a[1].answer, WIPPY_ERR_NOTFOUND);
    wippy_terminate(c.out, a[0].pid);
    core_run(&c);
    CHECK_EQ_U64(wippy_group_members(c.rt, SCOPE, "a", pids, 3), 1);
    CHECK_EQ_U64(pids[0].id, a[2].pid.id);
    run_in(&c, &a[1], join_a); /* the last in the list again */
    CHECK_EQ_U64(wippy_group_members(c.rt, SCOPE, "a", pids, 3), 2);
    CHECK_EQ_U64(pids[1].id, a[1].pid.id);
    core_close(&c);
}

static wippy_status join_many(wippy_self *self, core_actor *a)
{
    static const char *const names[] = {"m", "b", "z", "a"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_EQ_INT(wippy_group_join(self, SCOPE, names[i]), WIPPY_OK);
    }
    CHECK_EQ_INT(wippy_group_join(self, "app:other", "y"), WIPPY_OK);
    a->number = 1;
    return WIPPY_IDLE;
}

TEST(test_groups_are_listed_by_name_while_they_have_members)
{
    core c;
    core_actor a = {0};
    char name[256] = "";
    char all[32] = "";
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_INT(wippy_group_next(c.rt, SCOPE, NULL, name, sizeof(name)), WIPPY_ERR_NOTFOUND);
    run_in(&c, &a, join_many);
    while (wippy_group_next(c.rt, SCOPE, name, name, sizeof(name)) == WIPPY_OK) {
        strcat(all, name);
    }
    CHECK_STR(all, "abmz");
    CHECK_EQ_INT(wippy_group_next(c.rt, SCOPE, "a", name, 1), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippy_group_next(c.rt, SCOPE, "b", name, 2), WIPPY_OK);
    CHECK_STR(name, "m");
    CHECK_EQ_INT(wippy_group_next(c.rt, NULL, NULL, name, 2), WIPPY_ERR_INVALID);
    wippy_terminate(c.out, a.pid);
    core_run(&c);
    CHECK_EQ_INT(wippy_group_next(c.rt, SCOPE, NULL, name, sizeof(name)), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_group_next(c.rt, "app:other", NULL, name, sizeof(name)), WIPPY_ERR_NOTFOUND);
    core_close(&c);
}

static wippy_status ask_wrongly(wippy_self *self, core_actor *a)
{
    static char longest[257];
    wippy_message message;
    memset(&message, 0, sizeof(message));
    memset(longest, 'g', 256);
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, ""), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_join(self, "", "a"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, longest), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_join(self, longest, "a"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_leave(self, SCOPE, ""), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", "", NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", longest, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_unwatch(self, 77), WIPPY_ERR_NOTFOUND);
    message.count = 65536;
    CHECK_EQ_INT(wippy_group_send(self, SCOPE, "a", &message, NULL), WIPPY_ERR_INVALID);
    longest[255] = '\0';
    CHECK_EQ_INT(wippy_group_join(self, longest, longest), WIPPY_OK);
    CHECK_EQ_U64(wippy_group_members(wippy_self_runtime(self), longest, longest, NULL, 0), 1);
    a->number = 1;
    return WIPPY_IDLE;
}

TEST(test_groups_refuse_what_cannot_be)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_INT(wippy_group_join(c.out, SCOPE, "a"), WIPPY_ERR_INVALID); /* no process */
    CHECK_EQ_INT(wippy_group_leave(c.out, SCOPE, "a"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_watch(c.out, SCOPE, NULL, "t", NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_group_unwatch(c.out, 1), WIPPY_ERR_NOTFOUND);
    run_in(&c, &a, ask_wrongly);
    CHECK_EQ_INT(a.number, 1);
    core_close(&c);
}

static wippy_status ask_without_rights(wippy_self *self, core_actor *a)
{
    wippy_message message;
    memset(&message, 0, sizeof(message));
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, "a"), WIPPY_ERR_DENIED);
    CHECK_EQ_INT(wippy_group_leave(self, SCOPE, "a"), WIPPY_ERR_DENIED);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", "t", NULL), WIPPY_ERR_DENIED);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, NULL, "t", NULL), WIPPY_ERR_DENIED);
    CHECK_EQ_INT(wippy_group_send(self, SCOPE, "a", &message, NULL), WIPPY_ERR_DENIED);
    a->number = 1;
    return WIPPY_IDLE;
}

TEST(test_groups_ask_for_rights)
{
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_frame_desc frame;
    const char *none[1] = {NULL};
    REQUIRE(core_open(&c, 0));
    core_spawn_desc(&c, &at, &desc);
    memset(&frame, 0, sizeof(frame));
    frame.actor_id = "somebody";
    frame.scope = none;
    REQUIRE(wippy_frame_make(c.rt, &frame, &desc.frame) == WIPPY_OK);
    a.on_mail = run_script;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, NULL, NULL), WIPPY_OK);
    wippy_frame_release(c.rt, desc.frame);
    run_in(&c, &a, ask_without_rights);
    CHECK_EQ_INT(a.number, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ births and upgrades */

static wippy_result join_in_init(wippy_self *self, core_actor *a, const wippy_input *input)
{
    (void)input;
    if (a->inits > 1) {
        return WIPPY_OK;
    }
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, "a"), WIPPY_OK);
    CHECK_EQ_U64(wippy_group_members(wippy_self_runtime(self), SCOPE, "a", NULL, 0),
                 (uint64_t)a->number); /* only the one of before */
    return a->number != 0 ? WIPPY_ERR_CONFLICT : WIPPY_OK;
}

TEST(test_groups_joined_in_init_hold_from_the_birth_on)
{
    core c;
    core_actor good = {0};
    core_actor bad = {0};
    REQUIRE(core_open(&c, 0));
    good.on_init = bad.on_init = join_in_init;
    bad.number = 1;
    core_spawn(&c, &good);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &bad, c.host, 0, NULL), WIPPY_ERR_CONFLICT);
    CHECK_EQ_U64(members(&c, "a"), 1);
    core_close(&c);
}

static wippy_status upgrade_now(wippy_self *self, core_actor *a)
{
    wippy_type same = {0};
    char again[sizeof(a)];
    memcpy(again, &a, sizeof(a));
    return wippy_upgrade(self, NULL, same, again, sizeof(again), 0);
}

TEST(test_groups_outlive_an_upgrade)
{
    core c;
    core_actor a = {0};
    core_actor watcher = {0};
    REQUIRE(core_open(&c, 0));
    run_in(&c, &watcher, watch_a);
    run_in(&c, &a, join_a);
    run_in(&c, &a, upgrade_now);
    CHECK_EQ_INT(a.inits, 2);
    CHECK_EQ_U64(members(&c, "a"), 1);
    run_in(&c, &a, leave_a); /* the new body has what the old one had */
    CHECK_EQ_INT(a.answer, WIPPY_OK);
    CHECK_EQ_U64(members(&c, "a"), 0);
    CHECK_EQ_INT(watcher.count, 3); /* the script, joined, left: nothing of the upgrade */
    core_close(&c);
}

/* ------------------------------------------------------------------ news */

static void check_news(const core_seen *seen, const char *topic)
{
    CHECK_EQ_INT(seen->kind, WIPPY_MAIL_MESSAGE);
    CHECK_EQ_U64(seen->from.id, 0);
    CHECK_STR(seen->topic, topic);
}

/* What a piece of news says: "+a" joined a, "-b" left b; and of whom. */
static wippy_status note_news(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_slice news;
    wippy_slice list;
    wippy_slice pid;
    wippy_value_iter it;
    char text[64];
    news.data = (const char *)wippy_mail_data(mail);
    news.size = mail->size;
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->count != 1) {
        return run_script(self, a, mail);
    }
    wippy_slice system = wippy_value_string(news, "system", "");
    CHECK(system.size == 2 && memcmp(system.data, "pg", 2) == 0);
    wippy_slice kind = wippy_value_string(news, "kind", "");
    wippy_slice path = wippy_value_string(news, "path", "");
    wippy_slice group = wippy_value_string(news, "data.Group", "");
    CHECK_EQ_U64(path.size, group.size);
    memset(&list, 0, sizeof(list));
    CHECK_EQ_INT(wippy_value_get(news, "data.PIDs", &list), WIPPY_OK);
    wippy_value_each(list, &it);
    if (!CHECK(wippy_value_next(&it))) {
        return WIPPY_IDLE;
    }
    pid = wippy_value_string(it.value, "", "");
    snprintf(text, sizeof(text), "%c%.*s%.*s ", kind.size == 13 ? '+' : '-', (int)path.size,
             path.data, (int)pid.size, pid.data);
    strncat((char *)(uintptr_t)a->number, text, 255);
    return WIPPY_IDLE;
}

static wippy_status watch_all(wippy_self *self, core_actor *a)
{
    a->answer = wippy_group_watch(self, SCOPE, NULL, "news", NULL);
    return WIPPY_IDLE;
}

static wippy_status come_and_go(wippy_self *self, core_actor *a)
{
    wippy_group_join(self, SCOPE, "a");
    wippy_group_join(self, SCOPE, "b");
    wippy_group_join(self, SCOPE, "a"); /* no news */
    wippy_group_leave(self, SCOPE, "b");
    wippy_group_join(self, "app:other", "a"); /* other people's business */
    (void)a;
    return WIPPY_IDLE;
}

TEST(test_groups_tell_of_joins_and_leaves)
{
    core c;
    char one[256] = "";
    char all[256] = "";
    char wanted[256];
    core_actor w[2] = {{0}};
    core_actor a = {0};
    char pid[48];
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 2; i++) {
        w[i].on_mail = note_news;
        w[i].number = (int64_t)(uintptr_t)(i == 0 ? one : all);
        core_spawn(&c, &w[i]);
        run_in(&c, &w[i], i == 0 ? watch_a : watch_all);
        CHECK_EQ_INT(w[i].answer, WIPPY_OK);
    }
    run_in(&c, &a, come_and_go);
    wippy_pid_text(c.rt, a.pid, pid, sizeof(pid));
    snprintf(wanted, sizeof(wanted), "+a%s ", pid);
    CHECK_STR(one, wanted);
    snprintf(wanted, sizeof(wanted), "+a%s +b%s -b%s ", pid, pid, pid);
    CHECK_STR(all, wanted);
    check_news(&w[0].seen[1], "news of a");
    check_news(&w[1].seen[1], "news");
    one[0] = '\0';
    wippy_terminate(c.out, w[1].pid); /* a watcher that is gone hinders nobody */
    wippy_terminate(c.out, a.pid);
    core_run(&c);
    snprintf(wanted, sizeof(wanted), "-a%s ", pid);
    CHECK_STR(one, wanted);
    core_close(&c);
}

static wippy_status watch_and_unwatch(wippy_self *self, core_actor *a)
{
    uint64_t first = 0;
    uint64_t second = 0;
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", "one", &first), WIPPY_OK);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", "two", &second), WIPPY_OK);
    CHECK(first != 0 && second != 0 && first != second);
    CHECK_EQ_INT(wippy_group_unwatch(self, second), WIPPY_OK);
    CHECK_EQ_INT(wippy_group_unwatch(self, second), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_group_watch(self, SCOPE, "a", "three", NULL), WIPPY_OK);
    a->number = (int64_t)first;
    return WIPPY_IDLE;
}

TEST(test_groups_watches_end_one_by_one)
{
    core c;
    core_actor a = {0};
    core_actor member = {0};
    REQUIRE(core_open(&c, 0));
    run_in(&c, &a, watch_and_unwatch);
    run_in(&c, &member, join_a);
    CHECK_EQ_INT(a.count, 3);
    CHECK_STR(a.seen[1].topic, "one");
    CHECK_STR(a.seen[2].topic, "three");
    core_close(&c);
}

TEST(test_groups_news_that_nobody_can_take_are_dead_letters)
{
    core c;
    core_actor w = {0};
    core_actor a = {0};
    wippy_host_desc host;
    wippy_runtime_info info;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 1;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    run_in(&c, &w, watch_a);
    core_spawn(&c, &a);
    core_run(&c);
    a.on_mail = run_script;
    a.arg = (void *)(uintptr_t)join_a;
    core_tell(&c, a.pid, "run");
    core_tell(&c, w.pid, "done"); /* full: and it ends before it could take more */
    core_run(&c);
    CHECK_EQ_U64(members(&c, "a"), 1);
    CHECK_EQ_INT(wippy_runtime_stats(c.rt, &info), WIPPY_OK);
    CHECK_EQ_U64(info.dead_letters, 1);
    core_close(&c);
}

/* EXIT comes after the group was left: who has seen it finds the member nowhere. */
static wippy_status count_at_exit(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_EXIT) {
        a->number = (int64_t)wippy_group_members(wippy_self_runtime(self), SCOPE, "a", NULL, 0);
    }
    return WIPPY_IDLE;
}

TEST(test_groups_are_left_before_exit_is_told)
{
    core c;
    core_actor member = {0};
    core_actor w = {0};
    REQUIRE(core_open(&c, 0));
    run_in(&c, &member, join_a);
    w.monitor = true;
    w.target = member.pid;
    w.number = -1;
    w.on_mail = count_at_exit;
    core_spawn(&c, &w);
    core_run(&c);
    core_tell(&c, member.pid, "done");
    core_run(&c);
    CHECK_EQ_INT(w.number, 0);
    core_close(&c);
}

/* ------------------------------------------------------------------ to all */

static wippy_status cast(wippy_self *self, core_actor *a)
{
    wippy_message message;
    size_t sent = 99;
    memset(&message, 0, sizeof(message));
    message.topic_name = "cast";
    message.data = "hello";
    message.size = 5;
    CHECK_EQ_INT(wippy_group_send(self, SCOPE, "nobody", &message, &sent), WIPPY_OK);
    CHECK_EQ_U64(sent, 0);
    a->answer = wippy_group_send(self, SCOPE, "a", &message, &sent);
    a->number = (int64_t)sent;
    return WIPPY_IDLE;
}

TEST(test_groups_send_reaches_every_member)
{
    core c;
    core_actor a[5] = {{0}};
    core_actor sender = {0};
    REQUIRE(core_open(&c, 0));
    for (int i = 0; i < 5; i++) {
        run_in(&c, &a[i], join_a);
    }
    wippy_terminate(c.out, a[2].pid);
    core_run(&c);
    run_in(&c, &sender, cast);
    CHECK_EQ_INT(sender.answer, WIPPY_OK);
    CHECK_EQ_INT(sender.number, 4);
    CHECK_EQ_INT(sender.count, 1); /* is no member itself */
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(a[i].count, i == 2 ? 1 : 2);
        if (i != 2) {
            CHECK_STR(a[i].seen[1].topic, "cast");
            CHECK_STR(a[i].seen[1].text, "hello");
            CHECK_EQ_U64(a[i].seen[1].from.id, sender.pid.id);
        }
    }
    core_close(&c);
}

/* ------------------------------------------------------------------ no memory, many threads */

static wippy_status all_of_it(wippy_self *self, core_actor *a)
{
    char text[16];
    wippy_message message;
    size_t sent;
    memset(&message, 0, sizeof(message));
    message.topic_name = "t";
    a->answer = wippy_group_watch(self, SCOPE, NULL, "n", NULL);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "g%d", i);
        wippy_result r = wippy_group_join(self, SCOPE, text);
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOMEM);
        CHECK_EQ_U64(wippy_group_members(wippy_self_runtime(self), SCOPE, text, NULL, 0),
                     r == WIPPY_OK ? 1 : 0);
        r = wippy_group_send(self, SCOPE, text, &message, &sent);
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOMEM);
    }
    wippy_group_leave(self, SCOPE, "g1");
    return wippy_done(self);
}

static void sweep(test_heap *heap, void *arg)
{
    wippy_desc desc;
    core c;
    core_actor a = {0};
    wippy_host_desc host;
    (void)arg;
    memset(&c, 0, sizeof(c));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = heap;
    if (wippy_create(&c.rt, &desc) != WIPPY_OK) {
        return;
    }
    c.out = wippy_outside(c.rt);
    host.name = "app:main";
    host.kind = WIPPY_HOST_PUMP;
    a.on_start = all_of_it;
    if (core_types(&c) == WIPPY_OK && wippy_host_create(c.rt, &host, &c.host) == WIPPY_OK &&
        core_spawn_by(&c, c.out, &a, c.host, 0, NULL) == WIPPY_OK) {
        core_run(&c);
        CHECK_EQ_INT(a.closes, 1);
        CHECK_EQ_U64(members(&c, "g0"), 0);
    }
    CHECK_EQ_INT(wippy_destroy(c.rt), WIPPY_OK);
}

TEST(test_groups_without_memory)
{
    CHECK(test_heap_sweep(sweep, NULL) > 20);
}

#define CROWD 60

static wippy_status crowd_step(wippy_self *self, core_actor *a)
{
    char group[12];
    wippy_message message;
    const wippy_mail *mail;
    memset(&message, 0, sizeof(message));
    message.topic_name = "x";
    while ((mail = wippy_next(self)) != NULL) {
        core_see(self, a, mail);
    }
    snprintf(group, sizeof(group), "g%u", (unsigned)(a->steps % 5));
    if (a->steps == 1) {
        CHECK_EQ_INT(wippy_group_watch(self, SCOPE, a->number % 2 ? NULL : "g1", "n", NULL), WIPPY_OK);
    }
    CHECK_EQ_INT(wippy_group_join(self, SCOPE, group), WIPPY_OK);
    CHECK_EQ_INT(wippy_group_send(self, SCOPE, group, &message, NULL), WIPPY_OK);
    if (a->steps % 3 == 0) {
        CHECK_EQ_INT(wippy_group_leave(self, SCOPE, group), WIPPY_OK);
    }
    return a->steps < 20 ? WIPPY_CONTINUE : wippy_done(self);
}

TEST(test_groups_with_many_threads)
{
    core c;
    static core_actor a[CROWD];
    memset(a, 0, sizeof(a));
    REQUIRE(core_open(&c, 3));
    for (int i = 0; i < CROWD; i++) {
        a[i].on_step = crowd_step;
        a[i].number = i;
        core_spawn(&c, &a[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        CHECK(core_wait(&a[i].closes, 1));
    }
    for (int i = 0; i < 5; i++) {
        char group[16];
        snprintf(group, sizeof(group), "g%d", i);
        CHECK_EQ_U64(members(&c, group), 0);
    }
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_groups_members_come_in_order_and_go),
          TEST_ENTRY(test_groups_are_listed_by_name_while_they_have_members),
          TEST_ENTRY(test_groups_refuse_what_cannot_be), TEST_ENTRY(test_groups_ask_for_rights),
          TEST_ENTRY(test_groups_joined_in_init_hold_from_the_birth_on),
          TEST_ENTRY(test_groups_outlive_an_upgrade), TEST_ENTRY(test_groups_tell_of_joins_and_leaves),
          TEST_ENTRY(test_groups_watches_end_one_by_one),
          TEST_ENTRY(test_groups_news_that_nobody_can_take_are_dead_letters),
          TEST_ENTRY(test_groups_are_left_before_exit_is_told),
          TEST_ENTRY(test_groups_send_reaches_every_member), TEST_ENTRY(test_groups_without_memory),
          TEST_ENTRY(test_groups_with_many_threads))
