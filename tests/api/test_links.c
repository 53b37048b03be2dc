/* Monitors and links: who is told of whose end, and who ends with whom. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

/* ------------------------------------------------------------------ monitors */

TEST(test_links_monitor_gives_one_exit_with_the_outcome)
{
    static const struct {
        const char *how;
        wippy_result result;
        int64_t number;
        const char *text;
    } rows[] = {{"done", WIPPY_OK, -1, ""},
                {"done7", WIPPY_OK, 7, ""},
                {"fail", WIPPY_ERR_CONFLICT, -1, "boom 5"},
                {"cancel", WIPPY_OK, -1, ""},
                {"terminate", WIPPY_ERR_INTERNAL, -1, "process terminated"}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        core c;
        core_actor a = {0};
        core_actor watchers[3] = {{0}};
        REQUIRE(core_open(&c, 0));
        wippy_pid pid = core_spawn(&c, &a);
        for (int k = 0; k < 3; k++) {
            watchers[k].target = pid;
            watchers[k].monitor = true;
            core_spawn(&c, &watchers[k]);
        }
        core_run(&c);
        if (strcmp(rows[i].how, "cancel") == 0) {
            CHECK_EQ_INT(wippy_cancel(c.out, pid, NULL), WIPPY_OK);
        } else if (strcmp(rows[i].how, "terminate") == 0) {
            CHECK_EQ_INT(wippy_terminate(c.out, pid), WIPPY_OK);
        } else {
            core_tell(&c, pid, rows[i].how);
        }
        core_run(&c);
        for (int k = 0; k < 3; k++) {
            REQUIRE(watchers[k].count == 1);
            CHECK_EQ_INT(watchers[k].seen[0].kind, WIPPY_MAIL_EXIT);
            CHECK_EQ_U64(watchers[k].seen[0].from.id, pid.id);
            CHECK_EQ_INT(watchers[k].seen[0].result, rows[i].result);
            CHECK_EQ_INT(watchers[k].seen[0].number, rows[i].number);
            CHECK_STR(watchers[k].seen[0].text, rows[i].text);
        }
        core_close(&c);
    }
}

static wippy_status try_verbs(wippy_self *self, core_actor *a)
{
    wippy_pid none = {0};
    wippy_pid dead = {(uint64_t)a->number};
    CHECK_EQ_INT(wippy_monitor(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_monitor(self, a->target), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_monitor(self, dead), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_monitor(self, none), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_unmonitor(self, dead), WIPPY_OK);
    CHECK_EQ_INT(wippy_unmonitor(self, none), WIPPY_OK);
    CHECK_EQ_INT(wippy_unmonitor(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_unmonitor(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_monitor(self, a->target), WIPPY_OK); /* and again */
    CHECK_EQ_INT(wippy_link(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_link(self, a->target), WIPPY_OK); /* no-op */
    CHECK_EQ_INT(wippy_link(self, dead), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_link(self, wippy_self_pid(self)), WIPPY_OK);
    CHECK_EQ_INT(wippy_unlink(self, dead), WIPPY_OK);
    CHECK_EQ_INT(wippy_unlink(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_unlink(self, a->target), WIPPY_OK);
    return WIPPY_IDLE;
}

/* Who is no process has no relations. */
TEST(test_links_from_outside_are_refused)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_monitor(c.out, pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_unmonitor(c.out, pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_link(c.out, pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_unlink(c.out, pid), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_want_writable(c.out, pid), WIPPY_ERR_INVALID);
    core_close(&c);
}

TEST(test_links_verbs_answer_as_specified)
{
    core c;
    core_actor gone = {0};
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid dead = core_spawn(&c, &gone);
    wippy_terminate(c.out, dead);
    core_run(&c);
    a.target = core_spawn(&c, &target);
    a.number = (int64_t)dead.id;
    a.on_start = try_verbs;
    core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, a.target, "fail");
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), 1);
    CHECK_EQ_INT(a.closes, 0); /* the link was taken back */
    CHECK_EQ_INT(wippy_monitor(c.out, a.target), WIPPY_ERR_INVALID); /* nobody to be told */
    CHECK_EQ_INT(wippy_link(c.out, a.target), WIPPY_ERR_INVALID);
    core_close(&c);
}

static wippy_status unmonitor_on_message(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK_EQ_INT(wippy_unmonitor(self, a->target), WIPPY_OK);
    }
    return WIPPY_IDLE;
}

TEST(test_links_unmonitor_means_no_exit)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &target);
    a.monitor = true;
    a.on_mail = unmonitor_on_message;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, pid, "go");
    core_run(&c);
    core_tell(&c, a.target, "done");
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), 0);
    core_close(&c);
}

TEST(test_links_exit_comes_after_what_was_sent_before)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &target);
    a.monitor = true;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, pid, "one");
    core_tell(&c, a.target, "done");
    core_run(&c);
    core_tell(&c, pid, "two");
    core_run(&c);
    REQUIRE(a.count == 3);
    CHECK_EQ_INT(a.seen[1].kind, WIPPY_MAIL_EXIT);
    core_close(&c);
}

/* ------------------------------------------------------------------ links */

static void linked(core *c, core_actor *root, core_actor *leaves, int count, bool trap)
{
    wippy_pid pid = core_spawn(c, root);
    for (int i = 0; i < count; i++) {
        leaves[i].target = pid;
        leaves[i].link = true;
        leaves[i].trap = trap;
        core_spawn(c, &leaves[i]);
    }
    core_run(c);
}

TEST(test_links_star_all_trapping_leaves_are_told)
{
    core c;
    core_actor root = {0};
    core_actor watcher = {0};
    core_actor leaves[10] = {{0}};
    REQUIRE(core_open(&c, 0));
    linked(&c, &root, leaves, 10, true);
    watcher.target = root.pid;
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    core_tell(&c, root.pid, "fail");
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&watcher, WIPPY_MAIL_EXIT), 1);
    for (int i = 0; i < 10; i++) {
        REQUIRE(leaves[i].count == 1);
        CHECK_EQ_INT(leaves[i].seen[0].kind, WIPPY_MAIL_LINK_DOWN);
        CHECK_EQ_U64(leaves[i].seen[0].from.id, root.pid.id);
        CHECK_EQ_INT(leaves[i].seen[0].result, WIPPY_ERR_CONFLICT);
        CHECK_STR(leaves[i].seen[0].text, "boom 5");
        CHECK_EQ_INT(leaves[i].closes, 0);
    }
    core_close(&c);
}

TEST(test_links_normal_end_tells_nobody)
{
    core c;
    core_actor root = {0};
    core_actor leaves[4] = {{0}};
    REQUIRE(core_open(&c, 0));
    linked(&c, &root, leaves, 4, false);
    core_tell(&c, root.pid, "done7");
    core_run(&c);
    CHECK_EQ_INT(root.closes, 1);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(leaves[i].count, 0);
        CHECK_EQ_INT(leaves[i].closes, 0);
    }
    core_close(&c);
}

TEST(test_links_without_trap_the_others_end_before_their_mail)
{
    core c;
    core_actor root = {0};
    core_actor watcher = {0};
    core_actor leaves[3] = {{0}};
    REQUIRE(core_open(&c, 0));
    linked(&c, &root, leaves, 3, false);
    watcher.target = leaves[0].pid;
    watcher.monitor = true;
    core_spawn(&c, &watcher);
    core_run(&c);
    core_tell(&c, root.pid, "fail");
    core_tell(&c, root.pid, "unread");
    core_run(&c);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(leaves[i].closes, 1);
        CHECK_EQ_INT(leaves[i].steps, 1);
        CHECK_EQ_INT(leaves[i].count, 0);
    }
    REQUIRE(watcher.count == 1);
    CHECK_EQ_INT(watcher.seen[0].result, WIPPY_ERR_INTERNAL);
    CHECK_STR(watcher.seen[0].text, "linked process failed");
    core_close(&c);
}

static wippy_status return_on_link_down(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)a;
    return mail->kind == WIPPY_MAIL_LINK_DOWN ? wippy_done(self) : WIPPY_IDLE;
}

TEST(test_links_chain_stops_at_one_who_traps_and_returns)
{
    for (int trapping = 0; trapping <= 6; trapping++) {
        core c;
        core_actor chain[7] = {{0}};
        REQUIRE(core_open(&c, 0));
        for (int i = 0; i < 7; i++) {
            chain[i].link = i > 0;
            if (i > 0) {
                chain[i].target = chain[i - 1].pid;
            }
            if (i > 0 && i == trapping) {
                chain[i].trap = true;
                chain[i].on_mail = return_on_link_down;
            }
            core_spawn(&c, &chain[i]);
            core_run(&c);
        }
        core_tell(&c, chain[0].pid, "fail");
        core_run(&c);
        for (int i = 0; i < 7; i++) {
            CHECK_EQ_INT(chain[i].closes, trapping == 0 || i <= trapping);
        }
        core_close(&c);
    }
}

TEST(test_links_ring_ends_as_a_whole)
{
    core c;
    static core_actor ring[50];
    memset(ring, 0, sizeof(ring));
    REQUIRE(core_open(&c, 3));
    for (int i = 0; i < 50; i++) {
        ring[i].link = i > 0;
        if (i > 0) {
            ring[i].target = ring[i - 1].pid;
        }
        core_spawn(&c, &ring[i]);
        CHECK(core_wait(&ring[i].steps, 1));
    }
    wippy_terminate(c.out, ring[25].pid);
    for (int i = 0; i < 50; i++) {
        CHECK(core_wait(&ring[i].closes, 1));
    }
    core_close(&c);
}

static wippy_status unlink_on_message(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK_EQ_INT(wippy_unlink(self, a->target), WIPPY_OK);
    }
    return WIPPY_IDLE;
}

TEST(test_links_unlink_takes_back_both_directions)
{
    for (int who = 0; who < 2; who++) {
        core c;
        core_actor a = {0};
        core_actor b = {0};
        REQUIRE(core_open(&c, 0));
        a.target = core_spawn(&c, &b);
        b.target = core_spawn(&c, &a);
        a.link = true;
        a.on_mail = unlink_on_message;
        b.on_mail = unlink_on_message;
        core_run(&c);
        core_tell(&c, who == 0 ? a.pid : b.pid, "unlink"); /* either end may */
        core_run(&c);
        wippy_terminate(c.out, who == 0 ? a.pid : b.pid);
        core_run(&c);
        CHECK_EQ_INT(a.closes + b.closes, 1);
        core_close(&c);
    }
}

static wippy_status unlink_itself(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)a;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK_EQ_INT(wippy_unlink(self, wippy_self_pid(self)), WIPPY_OK);
        CHECK_EQ_INT(wippy_unmonitor(self, wippy_self_pid(self)), WIPPY_OK);
    }
    return WIPPY_IDLE;
}

TEST(test_links_unlink_of_itself_takes_nothing_back)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &target);
    a.link = a.monitor = a.trap = true;
    a.on_mail = unlink_itself;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, pid, "unlink");
    core_run(&c);
    core_tell(&c, target.pid, "fail");
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), 1);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_LINK_DOWN), 1);
    core_close(&c);
}

static core_actor tenants[2];

/* First message: a process that is linked and watched; second: the same again, then the relations with
   the first, which has ended and whose slot is the second's now, are taken back. */
static wippy_status unlink_the_last(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    core *c = (core *)a->arg;
    core_actor *tenant = &tenants[a->rounds % 2];
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    CHECK_EQ_INT(core_spawn_by(c, self, tenant, c->host, WIPPY_SPAWN_LINK | WIPPY_SPAWN_MONITOR, NULL),
                 WIPPY_OK);
    if (++a->rounds == 2) {
        CHECK_EQ_U64(tenants[0].pid.id & 0xffffff, tenants[1].pid.id & 0xffffff);
        CHECK_EQ_INT(wippy_unlink(self, tenants[0].pid), WIPPY_OK);
        CHECK_EQ_INT(wippy_unmonitor(self, tenants[0].pid), WIPPY_OK);
    }
    return WIPPY_IDLE;
}

TEST(test_links_unlink_of_a_dead_pid_spares_the_next_tenant_of_its_slot)
{
    core c;
    core_actor a = {0};
    memset(tenants, 0, sizeof(tenants));
    REQUIRE(core_open(&c, 0));
    a.arg = &c;
    a.trap = true;
    a.on_mail = unlink_the_last;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    for (uint32_t i = 0; i < 2; i++) {
        core_tell(&c, pid, "next");
        core_run(&c);
        core_tell(&c, tenants[i].pid, "fail");
        core_run(&c);
        CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), i + 1);
        CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_LINK_DOWN), i + 1);
    }
    core_close(&c);
}

TEST(test_links_watcher_and_link_gets_exit_then_link_down)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &target);
    a.monitor = a.link = a.trap = true;
    core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, a.target, "fail");
    core_run(&c);
    REQUIRE(a.count == 2);
    CHECK_EQ_INT(a.seen[0].kind, WIPPY_MAIL_EXIT);
    CHECK_EQ_INT(a.seen[1].kind, WIPPY_MAIL_LINK_DOWN);
    core_close(&c);
}

static wippy_status trap_later(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)a;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        CHECK(!wippy_traps_links(self));
        wippy_trap_links(self, true);
        CHECK(wippy_traps_links(self));
    }
    return WIPPY_IDLE;
}

TEST(test_links_trap_is_read_when_the_news_arrives)
{
    core c;
    core_actor target = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &target);
    a.link = true;
    a.on_mail = trap_later;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, pid, "trap");
    core_run(&c);
    core_tell(&c, a.target, "fail");
    core_run(&c);
    CHECK_EQ_INT(a.closes, 0);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_LINK_DOWN), 1);
    core_close(&c);
}

static wippy_status spawn_linked(wippy_self *self, core_actor *a)
{
    core *c = (core *)a->arg;
    core_actor *child = (core_actor *)(uintptr_t)a->number;
    a->answer = core_spawn_by(c, self, child, c->host,
                              WIPPY_SPAWN_LINK | WIPPY_SPAWN_MONITOR | WIPPY_SPAWN_HIGH, NULL);
    return WIPPY_IDLE;
}

static wippy_status fail_first(wippy_self *self, core_actor *a)
{
    (void)a;
    return wippy_fail(self, WIPPY_ERR_IO, "at once");
}

/* Two linked children on another host, and the end of who wanted them before that host runs. */
static wippy_status leave_orphans(wippy_self *self, core_actor *a)
{
    core *c = (core *)a->arg;
    wippy_host nursery = {(uint32_t)a->number};
    for (int i = 0; i < 2; i++) {
        a->answer = core_spawn_by(c, self, &tenants[i], nursery, WIPPY_SPAWN_LINK, NULL);
        CHECK_EQ_INT(a->answer, WIPPY_PENDING);
    }
    return wippy_done(self);
}

TEST(test_links_to_a_spawner_that_died_before_the_birth_break)
{
    core c;
    core_actor parent = {0};
    wippy_host nursery = {0};
    memset(tenants, 0, sizeof(tenants));
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:nursery", WIPPY_HOST_PUMP, 0, &nursery) == WIPPY_OK);
    parent.arg = &c;
    parent.number = nursery.id;
    parent.on_start = leave_orphans;
    tenants[1].trap = true;
    core_spawn(&c, &parent);
    core_run(&c);
    CHECK_EQ_INT(parent.closes, 1);
    CHECK_EQ_INT(tenants[0].inits, 0);
    CHECK_EQ_INT(wippy_pump(c.rt, nursery, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(tenants[0].inits, 1);
    CHECK_EQ_INT(tenants[0].closes, 1); /* as with any link that breaks */
    CHECK_EQ_INT(tenants[0].count, 0);
    REQUIRE(tenants[1].count == 1); /* this one is told */
    CHECK_EQ_INT(tenants[1].closes, 0);
    CHECK_EQ_INT(tenants[1].seen[0].kind, WIPPY_MAIL_LINK_DOWN);
    CHECK_EQ_INT(tenants[1].seen[0].result, WIPPY_ERR_GONE);
    CHECK_EQ_U64(tenants[1].seen[0].from.id, parent.pid.id);
    core_close(&c);
}

TEST(test_links_of_a_spawn_exist_before_the_first_step)
{
    core c;
    core_actor child = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = spawn_linked;
    a.arg = &c;
    a.number = (int64_t)(uintptr_t)&child;
    a.trap = true;
    child.on_start = fail_first;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(a.answer, WIPPY_OK);
    REQUIRE(a.count == 2);
    CHECK_EQ_INT(a.seen[0].kind, WIPPY_MAIL_EXIT);
    CHECK_STR(a.seen[0].text, "at once");
    CHECK_EQ_INT(a.seen[1].kind, WIPPY_MAIL_LINK_DOWN);
    core_close(&c);
}

static wippy_status go_on_while_the_peer_fails(wippy_self *self, core_actor *a,
                                               const wippy_mail *mail)
{
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    core_actor *peer = (core_actor *)a->arg;
    CHECK_EQ_INT(wippy_send(self, peer->pid, mail->topic, "fail", 4), WIPPY_OK);
    CHECK(core_wait(&peer->closes, 1)); /* its news come before its close */
    return WIPPY_CONTINUE;
}

/* What a step did not see before it said CONTINUE ends the process all the same, and before what comes
   later. */
TEST(test_links_failure_during_a_step_that_goes_on_ends_it)
{
    core c;
    core_actor peer = {0};
    core_actor a = {0};
    wippy_host pool = {0};
    wippy_runtime_info before, after;
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 1, &pool) == WIPPY_OK);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &peer, pool, 0, &a.target), WIPPY_OK);
    a.link = true;
    a.arg = &peer;
    a.on_mail = go_on_while_the_peer_fails;
    core_spawn(&c, &a);
    core_run(&c);
    core_tell(&c, a.pid, "go");
    CHECK_EQ_INT(wippy_pump(c.rt, c.host, UINT64_MAX, 1), WIPPY_PENDING);
    CHECK_EQ_INT(a.closes, 0);
    wippy_runtime_stats(c.rt, &before);
    CHECK_EQ_INT(core_tell(&c, a.pid, "late"), WIPPY_OK);
    core_run(&c);
    wippy_runtime_stats(c.rt, &after);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_MESSAGE), 1);
    CHECK_EQ_U64(after.dead_letters, before.dead_letters + 1);
    core_close(&c);
}

TEST(test_links_many_relations_of_one_process)
{
    static core_actor many[500];
    core c;
    core_actor hub = {0};
    memset(many, 0, sizeof(many));
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &hub);
    for (int i = 0; i < 500; i++) {
        many[i].target = pid;
        many[i].monitor = true;
        many[i].link = i % 2 == 0;
        many[i].trap = i % 4 == 0;
        core_spawn(&c, &many[i]);
    }
    core_run(&c);
    for (int i = 0; i < 500; i += 5) {
        wippy_cancel(c.out, many[i].pid, NULL);
    }
    core_run(&c);
    core_tell(&c, pid, "fail");
    core_run(&c);
    for (int i = 0; i < 500; i++) {
        bool cancelled = i % 5 == 0;
        bool falls = i % 2 == 0 && i % 4 != 0;
        CHECK_EQ_INT(many[i].closes, cancelled || falls);
        if (!cancelled && !falls) {
            CHECK_EQ_INT(core_kinds(&many[i], WIPPY_MAIL_EXIT), 1);
            CHECK_EQ_INT(core_kinds(&many[i], WIPPY_MAIL_LINK_DOWN), i % 4 == 0);
        }
    }
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_links_monitor_gives_one_exit_with_the_outcome),
          TEST_ENTRY(test_links_from_outside_are_refused),
          TEST_ENTRY(test_links_verbs_answer_as_specified),
          TEST_ENTRY(test_links_unmonitor_means_no_exit),
          TEST_ENTRY(test_links_exit_comes_after_what_was_sent_before),
          TEST_ENTRY(test_links_star_all_trapping_leaves_are_told),
          TEST_ENTRY(test_links_normal_end_tells_nobody),
          TEST_ENTRY(test_links_without_trap_the_others_end_before_their_mail),
          TEST_ENTRY(test_links_chain_stops_at_one_who_traps_and_returns),
          TEST_ENTRY(test_links_ring_ends_as_a_whole),
          TEST_ENTRY(test_links_unlink_takes_back_both_directions),
          TEST_ENTRY(test_links_unlink_of_itself_takes_nothing_back),
          TEST_ENTRY(test_links_unlink_of_a_dead_pid_spares_the_next_tenant_of_its_slot),
          TEST_ENTRY(test_links_watcher_and_link_gets_exit_then_link_down),
          TEST_ENTRY(test_links_trap_is_read_when_the_news_arrives),
          TEST_ENTRY(test_links_to_a_spawner_that_died_before_the_birth_break),
          TEST_ENTRY(test_links_of_a_spawn_exist_before_the_first_step),
          TEST_ENTRY(test_links_failure_during_a_step_that_goes_on_ends_it),
          TEST_ENTRY(test_links_many_relations_of_one_process))
