/* Scheduler: the global queue, parking and waking, the next-slot and its thief, timers of a sleeping
   worker, workers that end. Real worker threads. */
#include "core.h"

/* ---- the global queue: two senders in, two workers out ---- */

static void setup_queue(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
    kit_spawn(k->w[0], 2);
}

static void send_a_b(void)
{
    kit_send(wippy_outside(k->rt), k->actors[0].pid, 1);
    kit_send(wippy_outside(k->rt), k->actors[1].pid, 1);
}

static void work_send_c(void)
{
    wippyi_slot *slot = kit_slot(k->actors[2].pid);
    wippyi_queue_push(k->h, WIPPYI_LANE_NORMAL, slot);
    kit_work(k->w[1], 2);
}

static void work_0(void)
{
    kit_work(k->w[0], 3);
}

static void work_1(void)
{
    kit_work(k->w[1], 3);
}

static void setup_queue_owned(void)
{
    setup_queue();
    /* c is owned by the thread that will push it, with something to do */
    wippyi_ap_init(&kit_slot(k->actors[2].pid)->box.head, WIPPYI_BOX_EMPTY);
    kit_slot(k->actors[2].pid)->flags |= WIPPYI_PROC_RUN;
}

static void check_queue(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].count == 1 && k->actors[1].count == 1);
    EXPLORE_CHECK(k->actors[2].steps == 2);
}

/* What one worker takes from the queue into its ring is stolen, run, and put into the queue again. */
static void setup_queue_thief(void)
{
    uint32_t i;
    setup_queue();
    for (i = 0; i < 3; i++) {
        kit_send(wippy_outside(k->rt), k->actors[i].pid, 1);
    }
}

static void steal_and_send(void)
{
    wippyi_slot *slot = wippyi_steal(k->w[1]);
    if (slot != NULL) {
        wippyi_run(k->w[1], slot);
    }
    kit_send(wippy_outside(k->rt), k->actors[1].pid, 2);
    kit_send(wippy_outside(k->rt), k->actors[2].pid, 2);
}

static void check_queue_thief(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].count == 1 && k->actors[1].count == 2 && k->actors[2].count == 2);
}

/* ---- a worker asleep, or about to be, and a send ---- */

static void worker_0(void)
{
    explore_run_created(1); /* 0 is the watchdog */
}

static void worker_1(void)
{
    explore_run_created(2);
}

static void setup_park_one(void)
{
    kit_open(1);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
}

static void setup_park_two(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
}

static bool stuck_a_b(void)
{
    return k->actors[0].count == 1 && k->actors[1].count == 1;
}

static void check_a_b(void)
{
    EXPLORE_CHECK(stuck_a_b());
}

/* A step that does not end before another process has run: somebody else must run that. */
static wippy_status wait_for_b(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)self;
    (void)a;
    (void)mail;
    while (wippyi_a32_load_acq(&k->flag) == 0) {
        explore_spin();
    }
    return WIPPY_IDLE;
}

static wippy_status release_a(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)self;
    (void)a;
    (void)mail;
    wippyi_a32_store_rel(&k->flag, 1);
    return WIPPY_IDLE;
}

static void setup_long_step(void)
{
    setup_park_two();
    k->actors[0].on_mail = wait_for_b;
    k->actors[1].on_mail = release_a;
}

static void send_a(void)
{
    kit_send(wippy_outside(k->rt), k->actors[0].pid, 1);
}

static void send_b(void)
{
    kit_send(wippy_outside(k->rt), k->actors[1].pid, 1);
}

/* ---- a pump whose loop sleeps until wake_fn ---- */

static void wake_loop(void *user_data)
{
    (void)user_data;
    wippyi_ticket_wake(&k->ticket);
}

static void setup_pump(void)
{
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.kind = WIPPY_HOST_PUMP;
    host.wake_fn = wake_loop;
    kit_open_with(1, &host);
    EXPLORE_CHECK(wippyi_ticket_init(&k->ticket) == WIPPY_OK);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
}

static void pump_loop(void)
{
    while (!stuck_a_b()) {
        if (wippy_pump(k->rt, k->host, UINT64_MAX, 0) == WIPPY_OK && !stuck_a_b()) {
            (void)wippyi_ticket_wait(&k->ticket, UINT64_MAX);
        }
    }
}

/* ---- work made by a worker, for another one that sleeps ---- */

static wippy_status tell_b_c(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)a;
    (void)mail;
    kit_send(self, k->actors[1].pid, 1);
    kit_send(self, k->actors[2].pid, 1);
    return WIPPY_IDLE;
}

static void setup_spread(void)
{
    setup_park_two();
    k->actors[0].on_mail = tell_b_c;
    kit_spawn(k->w[0], 2);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static bool stuck_spread(void)
{
    return k->actors[0].count == 1 && k->actors[1].count == 1 && k->actors[2].count == 1;
}

static void check_spread(void)
{
    EXPLORE_CHECK(stuck_spread());
}

/* a's step waits for c, which lies in the ring: the other worker must be awake for it, or see it before it
   sleeps. */
static wippy_status tell_b_c_and_wait(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)tell_b_c(self, a, mail);
    return wait_for_b(self, a, mail);
}

static void setup_spread_and_wait(void)
{
    setup_spread();
    k->actors[0].on_mail = tell_b_c_and_wait;
    k->actors[2].on_mail = release_a;
}

/* ---- the next-slot of a worker that is in one step too long ---- */

static wippy_status tell_and_wait(wippy_self *self, actor *a, const wippy_mail *mail)
{
    wippyi_a32_store_rlx(&k->w[0]->overdue, 1); /* as the watchdog does */
    kit_send(self, k->actors[1].pid, 1);
    return wait_for_b(self, a, mail);
}

static void setup_overdue(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
    kit_spawn(k->w[0], 2);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1); /* next-slot */
    kit_send(&k->w[0]->self, k->actors[1].pid, 1); /* ring */
    wippyi_a32_store_rlx(&k->w[0]->overdue, 1);
}

static void work_0_and_send(void)
{
    kit_work(k->w[0], 1);
    kit_send(&k->w[0]->self, k->actors[2].pid, 1);
    kit_work(k->w[0], 2);
}

static void check_overdue(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].count == 1 && k->actors[1].count == 1 && k->actors[2].count == 1);
}

/* a's step takes too long, twice, while b and then c wait: each runs once, whoever takes it. */
static wippy_status overdue_tell(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)mail;
    wippyi_a32_store_rlx(&k->w[0]->overdue, 1); /* as the watchdog does */
    kit_send(self, k->actors[a->count].pid, 1); /* b, then c; into the next-slot */
    return WIPPY_IDLE;
}

static void setup_robbed(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
    kit_spawn(k->w[0], 2);
    k->actors[0].on_mail = overdue_tell;
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void work_0_twice(void)
{
    kit_work(k->w[0], 2);
    kit_send(&k->w[0]->self, k->actors[0].pid, 2);
    kit_work(k->w[0], 3);
}

static void rob_0(void)
{
    uint32_t i;
    for (i = 0; i < 2; i++) {
        wippyi_slot *slot = wippyi_rob(k->w[0]);
        if (slot != NULL) {
            wippyi_run(k->w[1], slot);
        }
    }
}

static void check_robbed(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].count == 2 && k->actors[1].count == 1 && k->actors[2].count == 1);
    EXPLORE_CHECK(k->actors[1].empty_steps == 0 && k->actors[2].empty_steps == 0);
}

/* Only the thief can run what is in the next-slot of a step that waits for it. */
static void setup_robbed_wait(void)
{
    setup_long_step();
    k->actors[0].on_mail = tell_and_wait;
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void rob_until_run(void)
{
    while (k->actors[1].count == 0) {
        kit_work(k->w[1], 1);
        explore_spin();
    }
}

/* What the watchdog does when nobody steals: the ring and the next-slot go to the queue, while their owner and
   a thief are at them. */
static void unload_0(void)
{
    wippyi_worker_unload(k->w[0]);
    wippyi_worker_unload(k->w[0]);
}

/* A worker that looks at its own and at the queue runs what stands behind the step. */
static void unload_until_run(void)
{
    while (k->actors[1].count == 0) {
        wippyi_slot *slot;
        wippyi_worker_unload(k->w[0]);
        slot = wippyi_take_own(k->w[1]);
        if (slot != NULL) {
            wippyi_run(k->w[1], slot);
        }
        explore_spin();
    }
}

/* ---- more than the ring holds ---- */

static void work_0_overflow(void)
{
    uint32_t i;
    for (i = 0; i < 3; i++) {
        kit_send(&k->w[0]->self, k->actors[i].pid, 1);
    }
    wippyi_overflow(k->w[0], WIPPYI_LANE_NORMAL); /* two of them */
    wippyi_overflow(k->w[0], WIPPYI_LANE_NORMAL); /* the third, while the two may be taken */
    kit_work(k->w[0], 2);
}

static void setup_overflow(void)
{
    kit_open(2);
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[0], 1);
    kit_spawn(k->w[0], 2);
    kit_spawn(k->w[0], 3);
    kit_send(&k->w[0]->self, k->actors[3].pid, 1);
}

static void check_overflow(void)
{
    uint32_t i;
    kit_settle();
    for (i = 0; i < 4; i++) {
        EXPLORE_CHECK(k->actors[i].count == 1);
    }
}

/* ---- a timer fires while the worker sleeps, or another worker has the process ---- */

static wippy_status set_timer(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_timer(self, 1000000, 5, &a->token);
    }
    return WIPPY_IDLE;
}

static void setup_timer(void)
{
    kit_open(2);
    k->actors[0].on_mail = set_timer;
    kit_spawn(k->w[0], 0);
}

static bool stuck_timer(void)
{
    return k->actors[0].count == 2 && kit_saw(&k->actors[0], WIPPY_MAIL_DONE) == 1;
}

static void check_timer(void)
{
    EXPLORE_CHECK(stuck_timer());
}

/* ---- the watchdog sleeps while all do, and misses no step that takes too long ---- */

static void setup_watchdog(void)
{
    kit_open(1);
}

static void watchdog(void)
{
    explore_run_created(0);
}

static void sleep_and_work_long(void)
{
    wippyi_worker *w = k->w[0];
    uint32_t i;
    for (i = 0; i < 2; i++) {
        wippyi_watchdog_work(k->rt);
        wippyi_watchdog_rest(k->rt);
        wippyi_watchdog_work(k->rt);
        wippyi_a64_store_rel(&w->step_number, 2 * i + 1);
        while (wippyi_a32_load_rlx(&w->overdue) == 0) {
            explore_advance_ns((uint64_t)k->rt->desc.slice_us * 1000);
            explore_spin();
        }
        wippyi_a64_store_rel(&w->step_number, 2 * i + 2);
        wippyi_a32_store_rlx(&w->overdue, 0);
        wippyi_watchdog_rest(k->rt);
    }
    wippyi_a32_store_rel(&k->rt->watchdog->quit, 1);
    wippyi_ticket_wake(&k->rt->watchdog->ticket);
}

/* ---- workers end: nothing is lost, the join returns ---- */

static void end_second(void)
{
    EXPLORE_CHECK(wippy_host_resize(k->rt, k->host, 1) == WIPPY_OK);
}

static const explore_program programs[] = {
    {"queue_two_workers",
     setup_queue_owned,
     {send_a_b, work_send_c, work_0},
     check_queue,
     NULL,
     false},
    {"queue_and_thief",
     setup_queue_thief,
     {work_0, steal_and_send},
     check_queue_thief,
     NULL,
     false},
    {"search_handed_on",
     setup_long_step,
     {worker_0, worker_1, send_a_b},
     check_a_b,
     stuck_a_b,
     true},
    {"park_one", setup_park_one, {worker_0, send_a_b}, check_a_b, stuck_a_b, true},
    {"park_two", setup_park_two, {worker_0, worker_1, send_a_b}, check_a_b, stuck_a_b, true},
    {"pump_and_wake", setup_pump, {pump_loop, send_a_b}, check_a_b, NULL, true},
    {"pump_two_senders", setup_pump, {pump_loop, send_a, send_b}, check_a_b, NULL, true},
    {"spread_to_sleeper", setup_spread, {worker_0, worker_1}, check_spread, stuck_spread, true},
    {"spread_and_wait",
     setup_spread_and_wait,
     {worker_0, worker_1},
     check_spread,
     stuck_spread,
     true},
    {"next_slot_and_thief", setup_overdue, {work_0_and_send, work_1}, check_overdue, NULL, false},
    {"next_slot_robbed", setup_robbed, {work_0_twice, rob_0}, check_robbed, NULL, false},
    {"next_slot_of_a_wait", setup_robbed_wait, {work_0, rob_until_run}, check_a_b, NULL, false},
    {"unloaded_and_thief",
     setup_overdue,
     {work_0_and_send, work_1, unload_0},
     check_overdue,
     NULL,
     false},
    {"unloaded_twice", setup_robbed, {work_0_twice, unload_0}, check_robbed, NULL, false},
    {"unloaded_from_a_wait", setup_robbed_wait, {work_0, unload_until_run}, check_a_b, NULL, false},
    {"ring_overflow", setup_overflow, {work_0_overflow, work_1}, check_overflow, NULL, false},
    {"timer_and_park", setup_timer, {worker_0, worker_1, send_a}, check_timer, stuck_timer, false},
    {"watchdog_sleeps", setup_watchdog, {watchdog, sleep_and_work_long}, NULL, NULL, false},
    {"worker_ends",
     setup_park_two,
     {worker_0, worker_1, end_second, send_a_b},
     check_a_b,
     stuck_a_b,
     false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
