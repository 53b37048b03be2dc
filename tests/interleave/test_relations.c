/* Relations: monitors, links and names against the end of either side, and a second tenant of the
   slot. Process a is on worker 0, process b on worker 1. */
#include "core.h"

static wippy_status monitor_b(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_monitor(self, k->actors[1].pid);
    }
    return WIPPY_IDLE;
}

static wippy_status monitor_unmonitor_b(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_monitor(self, k->actors[1].pid);
        EXPLORE_CHECK(wippy_unmonitor(self, k->actors[1].pid) == WIPPY_OK);
    }
    return WIPPY_IDLE;
}

static wippy_status monitor_and_end(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_monitor(self, k->actors[1].pid);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static wippy_status fail_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)a;
    return mail->kind == WIPPY_MAIL_MESSAGE ? wippy_fail(self, WIPPY_ERR_CONFLICT, "boom")
                                            : WIPPY_IDLE;
}

static wippy_status link_b(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_link(self, k->actors[1].pid);
    }
    return WIPPY_IDLE;
}

static wippy_status link_b_on_start(wippy_self *self, actor *a)
{
    wippy_trap_links(self, true);
    a->answer = wippy_link(self, k->actors[1].pid);
    return WIPPY_IDLE;
}

static wippy_status trap_on_start(wippy_self *self, actor *a)
{
    (void)a;
    wippy_trap_links(self, true);
    return WIPPY_IDLE;
}

static void setup_with(wippy_status (*a_does)(wippy_self *, actor *, const wippy_mail *),
                       wippy_status (*b_does)(wippy_self *, actor *, const wippy_mail *))
{
    kit_open(2);
    k->actors[0].on_mail = a_does;
    k->actors[1].on_mail = b_does;
    kit_spawn(k->w[1], 1);
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    kit_send(&k->w[1]->self, k->actors[1].pid, 1);
}

static void work_0(void)
{
    kit_work(k->w[0], 2);
}

static void work_1(void)
{
    kit_work(k->w[1], 2);
}

static void end_b_and_reuse(void)
{
    kit_work(k->w[1], 1);
    if (!kit_alive(k->actors[1].pid)) {
        EXPLORE_CHECK(kit_try_spawn(&k->w[1]->self, 2, 0, NULL) == WIPPY_OK);
        kit_work(k->w[1], 1);
    }
}

static void setup_monitor(void)
{
    setup_with(monitor_b, kit_done_on_mail);
}

static void check_monitor(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(k->actors[1].closes == 1);
    EXPLORE_CHECK(a->answer == WIPPY_OK || a->answer == WIPPY_ERR_GONE);
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_EXIT) == (a->answer == WIPPY_OK ? 1u : 0u));
    EXPLORE_CHECK(k->actors[2].count == 0 && k->actors[2].closes == 0);
}

static void setup_unmonitor(void)
{
    setup_with(monitor_unmonitor_b, kit_done_on_mail);
}

static void check_unmonitor(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(k->actors[1].closes == 1 && kit_saw(a, WIPPY_MAIL_EXIT) <= 1);
}

static void setup_both_end(void)
{
    setup_with(monitor_and_end, kit_done_on_mail);
}

static void check_both_end(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && k->actors[1].closes == 1);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

static void setup_link(void)
{
    setup_with(link_b, fail_on_mail);
}

/* Linked in time: taken down. Otherwise the link said so. */
static void check_link(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(k->actors[1].closes == 1);
    EXPLORE_CHECK(a->closes == (a->answer == WIPPY_OK ? 1u : 0u));
}

static void setup_linked_fail(void)
{
    kit_open(2);
    k->actors[0].on_start = link_b_on_start;
    k->actors[1].on_start = trap_on_start;
    k->actors[0].on_mail = fail_on_mail;
    k->actors[1].on_mail = fail_on_mail;
    kit_spawn(k->w[1], 1);
    kit_spawn(k->w[0], 0);
    EXPLORE_CHECK(k->actors[0].answer == WIPPY_OK);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    kit_send(&k->w[1]->self, k->actors[1].pid, 1);
}

static void check_linked_fail(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && k->actors[1].closes == 1);
    EXPLORE_CHECK(kit_saw(&k->actors[0], WIPPY_MAIL_LINK_DOWN) <= 1);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

/* ---- names ---- */

static wippy_status name_on_start(wippy_self *self, actor *a)
{
    a->answer = wippy_name_register(self, "name", 0, wippy_self_pid(self));
    return WIPPY_IDLE;
}

static wippy_status name_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_name_register(self, "name", 0, wippy_self_pid(self));
    }
    return WIPPY_IDLE;
}

static void setup_name(void)
{
    kit_open(2);
    k->actors[1].on_start = name_on_start;
    k->actors[1].on_mail = kit_done_on_mail;
    k->actors[0].on_mail = name_on_mail;
    kit_spawn(k->w[1], 1);
    kit_spawn(k->w[0], 0);
    EXPLORE_CHECK(k->actors[1].answer == WIPPY_OK);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    kit_send(&k->w[1]->self, k->actors[1].pid, 1);
}

static void find_name(void)
{
    wippy_pid pid;
    k->answers[0] = wippy_name_find(k->rt, "name", 0, &pid);
    EXPLORE_CHECK(k->answers[0] != WIPPY_OK || pid.id == k->actors[0].pid.id ||
                  pid.id == k->actors[1].pid.id);
}

static void check_name(void)
{
    wippy_pid pid;
    wippy_result r;
    kit_settle();
    r = wippy_name_find(k->rt, "name", 0, &pid);
    EXPLORE_CHECK(k->actors[1].closes == 1);
    EXPLORE_CHECK(k->actors[0].answer == WIPPY_OK || k->actors[0].answer == WIPPY_ERR_EXISTS);
    if (k->actors[0].answer == WIPPY_OK) {
        EXPLORE_CHECK(r == WIPPY_OK && pid.id == k->actors[0].pid.id);
    } else {
        EXPLORE_CHECK(r == WIPPY_ERR_NOTFOUND);
    }
}

static const explore_program programs[] = {
    {"monitor_against_end", setup_monitor, {work_0, work_1}, check_monitor, NULL, false},
    {"monitor_end_reuse", setup_monitor, {work_0, end_b_and_reuse}, check_monitor, NULL, false},
    {"unmonitor_against_end", setup_unmonitor, {work_0, work_1}, check_unmonitor, NULL, false},
    {"both_ends_end", setup_both_end, {work_0, work_1}, check_both_end, NULL, false},
    {"link_against_failure", setup_link, {work_0, work_1}, check_link, NULL, false},
    {"both_linked_fail", setup_linked_fail, {work_0, work_1}, check_linked_fail, NULL, false},
    {"name_against_end", setup_name, {work_0, work_1, find_name}, check_name, NULL, false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
