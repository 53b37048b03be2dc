/* Processes: delivery, going idle, the end, reuse of the slot, terminate, cancel, limits; the real
   modules, two workers and a foreign thread. */
#include "core.h"

/* ---- two senders, two workers ---- */

static void setup_send(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
}

static void send_two(void)
{
    k->answers[0] = kit_send(wippy_outside(k->rt), k->actors[0].pid, 1);
    k->answers[1] = kit_send(wippy_outside(k->rt), k->actors[0].pid, 2);
}

static void work_0(void)
{
    kit_work(k->w[0], 3);
}

static void work_1(void)
{
    kit_work(k->w[1], 3);
}

static void send_third_and_work(void)
{
    k->answers[2] = kit_send(&k->w[1]->self, k->actors[0].pid, 3);
    kit_work(k->w[1], 2);
}

static void check_send(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(kit_saw_number(a, 1) != 0 && kit_saw_number(a, 2) > kit_saw_number(a, 1));
    EXPLORE_CHECK(kit_saw_number(a, 3) != 0 && a->count == 3 && a->empty_steps == 0);
    EXPLORE_CHECK(wippyi_ap_load_rlx(&kit_slot(a->pid)->box.head) == WIPPYI_BOX_IDLE);
}

/* ---- the end against sends, and a second tenant of the slot ---- */

static void setup_end(void)
{
    kit_open(2);
    k->actors[0].on_mail = kit_done_on_mail;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1); /* it will end */
}

static void end_and_reuse(void)
{
    kit_work(k->w[0], 2);
    if (!kit_alive(k->actors[0].pid)) {
        EXPLORE_CHECK(kit_try_spawn(&k->w[0]->self, 1, 0, NULL) == WIPPY_OK);
        kit_work(k->w[0], 3);
    }
}

static void send_late(void)
{
    k->answers[0] = kit_send(wippy_outside(k->rt), k->actors[0].pid, 2);
}

static void send_late_and_work(void)
{
    k->answers[1] = kit_send(&k->w[1]->self, k->actors[0].pid, 3);
    kit_work(k->w[1], 2);
}

static void check_end(void)
{
    const actor *a = &k->actors[0];
    const actor *b = &k->actors[1];
    kit_settle();
    EXPLORE_CHECK(a->closes == 1 && !kit_alive(a->pid));
    EXPLORE_CHECK(b->count == 0 && b->empty_steps == 0 && b->closes == 0);
    if (b->pid.id != 0) {
        EXPLORE_CHECK(kit_slot(a->pid) == kit_slot(b->pid) && a->pid.id != b->pid.id);
        EXPLORE_CHECK(b->steps == 1 && kit_alive(b->pid));
        EXPLORE_CHECK(wippyi_ap_load_rlx(&kit_slot(b->pid)->box.head) == WIPPYI_BOX_IDLE);
    }
    EXPLORE_CHECK(wippyi_host_population(k->h) == (b->pid.id != 0 ? 1u : 0u));
}

/* ---- terminate against a step, idle and a message ---- */

static void terminate_it(void)
{
    k->answers[3] = wippyi_terminate(k->rt, NULL, k->actors[0].pid.id);
}

static void terminate_and_work(void)
{
    k->answers[3] = wippyi_terminate(k->rt, k->w[1], k->actors[0].pid.id);
    kit_work(k->w[1], 2);
}

static void setup_terminate(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void check_terminate(void)
{
    kit_settle();
    EXPLORE_CHECK(!kit_alive(k->actors[0].pid) && k->actors[0].closes == 1);
    EXPLORE_CHECK(k->answers[3] == WIPPY_OK);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

/* The slot has a second tenant, which a terminate of the first must not hit. */
static void setup_terminate_end(void)
{
    setup_end();
}

static void check_terminate_end(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && k->actors[1].closes == 0);
    if (k->actors[1].pid.id != 0) {
        EXPLORE_CHECK(kit_alive(k->actors[1].pid));
    }
}

/* ---- a full mailbox and who waits for room ---- */

static void setup_limit(void)
{
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 1;
    kit_open_with(2, &host);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[1], 1);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1); /* full */
    explore_name(&kit_slot(k->actors[0].pid)->pending, 4, "pending");
}

/* What a process does that finds the mailbox full. */
static wippy_status send_or_wait(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)mail;
    a->answer = kit_send(self, k->actors[0].pid, 2);
    if (a->answer == WIPPY_ERR_FULL) {
        a->answer = wippy_want_writable(self, k->actors[0].pid);
    }
    return WIPPY_IDLE;
}

static void setup_writable(void)
{
    setup_limit();
    k->actors[1].on_mail = send_or_wait;
    kit_send(&k->w[1]->self, k->actors[1].pid, 7);
}

static void check_writable(void)
{
    const actor *b = &k->actors[1];
    kit_settle();
    /* told, or sent: never waiting for a mailbox that has room */
    EXPLORE_CHECK(kit_saw_number(&k->actors[0], 2) != 0);
    EXPLORE_CHECK(b->answer == WIPPY_OK);
    EXPLORE_CHECK(wippyi_a32_load_rlx(&kit_slot(k->actors[0].pid)->pending) == 0);
}

/* ---- the only mail of a step stays in the mailbox: what else may come meanwhile ---- */

/* The first message is kept on a shelf and looked at again with the next mail. */
static wippy_status keep_first(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (a->count == 1) {
        EXPLORE_CHECK(wippy_shelf_keep(self, mail, 0) == WIPPY_OK);
    } else if (wippy_kept_count(self) > 0) {
        int64_t number = 0;
        mail = wippy_shelf_take(self, 0);
        memcpy(&number, wippy_mail_data(mail), sizeof(number));
        EXPLORE_CHECK(number == 1 && mail->kind == WIPPY_MAIL_MESSAGE);
    }
    return WIPPY_IDLE;
}

static void setup_keep(void)
{
    kit_open(2);
    k->actors[0].on_mail = keep_first;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void cancel_and_send(void)
{
    k->answers[3] = wippyi_cancel(k->rt, k->w[1], 0, k->actors[0].pid.id, NULL);
    k->answers[0] = kit_send(&k->w[1]->self, k->actors[0].pid, 2);
    kit_work(k->w[1], 2);
}

static void check_keep(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(k->answers[0] == WIPPY_OK && k->answers[3] == WIPPY_OK);
    EXPLORE_CHECK(a->count == 3 && a->empty_steps == 0);
    EXPLORE_CHECK(a->seen[0].number == 1 && a->seen[1].kind == WIPPY_MAIL_CANCEL);
    EXPLORE_CHECK(a->seen[2].number == 2);
    EXPLORE_CHECK(wippyi_ap_load_rlx(&kit_slot(a->pid)->box.head) == WIPPYI_BOX_IDLE);
}

/* The first step leaves it unread and goes on. */
static wippy_status go_on(wippy_self *self, actor *a)
{
    (void)self;
    (void)a;
    return WIPPY_CONTINUE;
}

static void setup_unread(void)
{
    kit_open(2);
    k->actors[0].on_start = go_on;
    EXPLORE_CHECK(kit_try_spawn(&k->w[0]->self, 0, 0, NULL) == WIPPY_OK);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void check_unread(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(k->answers[0] == WIPPY_OK && k->answers[3] == WIPPY_OK && a->count == 3);
    EXPLORE_CHECK(a->seen[0].number == 1 && a->seen[1].kind == WIPPY_MAIL_CANCEL);
    EXPLORE_CHECK(a->seen[2].number == 2);
}

/* It ends in the step that has the mail, while a cancel and a message come. */
static void check_done_peeking(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && !kit_alive(k->actors[0].pid));
    EXPLORE_CHECK(k->actors[0].count == 1);
    EXPLORE_CHECK(wippyi_a64_load_rlx(&k->rt->dead_letters) <= 1);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

static const explore_program programs[] = {
    {"send_two_workers",
     setup_send,
     {send_two, send_third_and_work, work_0},
     check_send,
     NULL,
     false},
    {"end_against_send", setup_end, {send_late, end_and_reuse}, check_end, NULL, false},
    {"end_reuse_two_workers",
     setup_end,
     {end_and_reuse, send_late_and_work},
     check_end,
     NULL,
     false},
    {"end_reuse_three", setup_end, {send_late, end_and_reuse, work_1}, check_end, NULL, false},
    {"terminate_step", setup_terminate, {terminate_it, work_0}, check_terminate, NULL, false},
    {"terminate_two_workers",
     setup_terminate,
     {terminate_and_work, work_0, send_late},
     check_terminate,
     NULL,
     false},
    {"terminate_end_reuse",
     setup_terminate_end,
     {terminate_it, end_and_reuse},
     check_terminate_end,
     NULL,
     false},
    {"full_and_writable", setup_writable, {work_0, work_1}, check_writable, NULL, false},
    {"peek_keep", setup_keep, {work_0, cancel_and_send}, check_keep, NULL, false},
    {"peek_unread", setup_unread, {work_0, cancel_and_send}, check_unread, NULL, false},
    {"peek_done", setup_end, {work_0, cancel_and_send}, check_done_peeking, NULL, false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
