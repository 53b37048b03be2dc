/* Stopping a host: whoever is being born is counted, told and waited for; the last one that leaves
   wakes who waits; nobody is left. */
#include "core.h"

static void worker_0(void)
{
    explore_run_created(1); /* 0 is the watchdog */
}

static void setup_one(void)
{
    kit_open(1);
    k->actors[0].on_mail = kit_done_on_cancel;
    k->actors[1].on_mail = kit_done_on_cancel;
    k->answers[0] = WIPPY_PENDING;
}

static void setup_with_process(void)
{
    setup_one();
    kit_spawn(k->w[0], 0);
}

static void spawn_outside(void)
{
    k->answers[0] = kit_try_spawn(wippy_outside(k->rt), 1, 0, NULL);
}

static void stop_host(void)
{
    EXPLORE_CHECK(wippy_host_stop(k->rt, k->host, UINT64_MAX) == WIPPY_OK);
}

static void kill_host(void)
{
    EXPLORE_CHECK(wippy_host_stop(k->rt, k->host, 0) == WIPPY_OK);
}

static void check_stopped(void)
{
    EXPLORE_CHECK(k->answers[0] == WIPPY_OK || k->answers[0] == WIPPY_ERR_STOPPED);
    EXPLORE_CHECK(k->actors[1].closes == (k->answers[0] == WIPPY_OK ? 1u : 0u));
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
    EXPLORE_CHECK(wippyi_a32_load_sc(&k->h->processes) == 0);
}

static void check_stopped_first(void)
{
    EXPLORE_CHECK(k->actors[0].closes == 1);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

/* ---- without worker threads: a spawn on the worker itself against the beginning of a stop ---- */

static void spawn_inside(void)
{
    k->answers[0] = kit_try_spawn(&k->w[0]->self, 1, 0, NULL);
    while (wippyi_worker_turn(k->w[0])) {
    }
}

static void begin_stop(void)
{
    wippyi_host_begin_stop(k->h);
}

static void wait_empty(void)
{
    wippyi_host_begin_stop(k->h);
    EXPLORE_CHECK(wippyi_host_wait_empty(k->h, UINT64_MAX));
    k->answers[1] = WIPPY_PENDING;
}

static void check_told(void)
{
    kit_settle();
    check_stopped();
}

/* The process ends while somebody waits for that. */
static void end_it(void)
{
    kit_work(k->w[0], 2);
}

static void setup_ending(void)
{
    setup_one();
    k->actors[0].on_mail = kit_done_on_mail;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

/* Its host stops, and before it ends it asks for a child: refused, but counted in and out. */
static wippy_status ask_and_end(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)a;
    (void)mail;
    k->answers[0] = kit_try_spawn(self, 1, 0, NULL);
    return wippy_done(self);
}

static void setup_refused(void)
{
    setup_one();
    k->actors[0].on_mail = ask_and_end;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    wippyi_a32_store_sc(&k->h->state, WIPPYI_HOST_STOPPING);
}

/* Nobody left: then the last one has been closed. */
static void wait_and_look(void)
{
    EXPLORE_CHECK(wippyi_host_wait_empty(k->h, UINT64_MAX));
    EXPLORE_CHECK(k->actors[0].closes == 1);
}

static void check_refused(void)
{
    EXPLORE_CHECK(k->answers[0] == WIPPY_ERR_STOPPED && k->actors[1].steps == 0);
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

/* The last two end at the same time, each counted by another worker. */
static void setup_two(void)
{
    kit_open(2);
    k->actors[0].on_mail = kit_done_on_mail;
    k->actors[1].on_mail = kit_done_on_mail;
    kit_spawn(k->w[0], 0);
    kit_spawn(k->w[1], 1);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    kit_send(&k->w[1]->self, k->actors[1].pid, 1);
    wippyi_a32_store_sc(&k->h->state, WIPPYI_HOST_STOPPING);
}

static void end_other(void)
{
    kit_work(k->w[1], 2);
}

static void wait_for_both(void)
{
    wait_and_look();
    EXPLORE_CHECK(k->actors[1].closes == 1);
}

static void check_both(void)
{
    EXPLORE_CHECK(wippyi_host_population(k->h) == 0);
}

static const explore_program programs[] = {
    {"begin_stop_against_spawn", setup_one, {spawn_inside, begin_stop}, check_told, NULL, false},
    {"wait_empty_against_end", setup_ending, {end_it, wait_empty}, check_stopped_first, NULL, true},
    {"wait_empty_against_refused", setup_refused, {end_it, wait_and_look}, check_refused, NULL, true},
    {"wait_empty_two_ends",
     setup_two,
     {end_it, end_other, wait_for_both},
     check_both,
     NULL,
     true},
    {"stop_against_spawn",
     setup_one,
     {worker_0, spawn_outside, stop_host},
     check_stopped,
     NULL,
     false},
    {"stop_running", setup_with_process, {worker_0, stop_host}, check_stopped_first, NULL, false},
    {"kill_against_spawn",
     setup_one,
     {worker_0, spawn_outside, kill_host},
     check_stopped,
     NULL,
     false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
