/* Yields: one completion of one use of a record, whoever else completes, drops, ends, or uses the
   record again; timers against drops from another worker; an executed child against its caller. */
#include "core.h"

static wippy_status open_on_start(wippy_self *self, actor *a)
{
    a->answer = wippy_open(self, 7, &a->token);
    return WIPPY_IDLE;
}

/* Drop the record and open another: it is the same one, with a new number. */
static wippy_status drop_and_open(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        k->answers[4] = wippy_drop(self, a->token);
        a->answer = wippy_open(self, 8, &a->token);
    }
    return WIPPY_IDLE;
}

static void setup_open(void)
{
    kit_open(2);
    k->actors[0].on_start = open_on_start;
    kit_spawn(k->w[0], 0);
    k->actors[3].token = k->actors[0].token; /* the old one */
}

static void complete_as(uint32_t which, wippyi_worker *w)
{
    int64_t number = which;
    k->answers[which] =
        wippyi_complete(k->rt, w, k->actors[3].token, WIPPY_OK, &number, sizeof(number), 0);
}

static void complete_0(void)
{
    complete_as(0, NULL);
}

static void complete_1(void)
{
    complete_as(1, k->w[1]);
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

static void check_once(void)
{
    kit_settle();
    EXPLORE_CHECK((k->answers[0] == WIPPY_OK) + (k->answers[1] == WIPPY_OK) == 1);
    EXPLORE_CHECK(k->answers[0] == WIPPY_OK || k->answers[0] == WIPPY_ERR_GONE);
    EXPLORE_CHECK(k->answers[1] == WIPPY_OK || k->answers[1] == WIPPY_ERR_GONE);
    EXPLORE_CHECK(kit_saw(&k->actors[0], WIPPY_MAIL_DONE) == 1);
    EXPLORE_CHECK(kit_slot(k->actors[0].pid)->ext->open_yields == 0);
}

/* ---- completion against drop and another use of the record ---- */

static void setup_drop(void)
{
    setup_open();
    k->actors[0].on_mail = drop_and_open;
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void check_drop(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(kit_saw_number(a, 1) != 0 && a->answer == WIPPY_PENDING);
    /* the completion was handed out, or the drop prevented it; never both, and not of the new use */
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == 0 || k->answers[0] == WIPPY_OK);
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == 0 || k->answers[4] == WIPPY_ERR_GONE);
    EXPLORE_CHECK(kit_slot(a->pid)->ext->open_yields == 1);
    EXPLORE_CHECK(wippy_complete(k->rt, k->actors[3].token, WIPPY_OK, NULL, 0, 0) ==
                  WIPPY_ERR_GONE);
    EXPLORE_CHECK(wippy_complete(k->rt, a->token, WIPPY_OK, NULL, 0, 0) == WIPPY_OK);
    kit_settle();
    EXPLORE_CHECK(kit_slot(a->pid)->ext->open_yields == 0);
}

/* ---- completion against the end of the process, and a second tenant that opens one too ---- */

static void setup_end(void)
{
    setup_open();
    k->actors[0].on_mail = kit_done_on_mail;
    k->actors[1].on_start = open_on_start;
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void end_and_reuse(void)
{
    kit_work(k->w[0], 2);
    if (!kit_alive(k->actors[0].pid)) {
        EXPLORE_CHECK(kit_try_spawn(&k->w[0]->self, 1, 0, NULL) == WIPPY_OK);
        kit_work(k->w[0], 2);
    }
}

static void check_end(void)
{
    const actor *b = &k->actors[1];
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1);
    EXPLORE_CHECK(b->count == 0);
    if (b->steps > 0) {
        EXPLORE_CHECK(kit_slot(b->pid)->ext->open_yields == 1);
        EXPLORE_CHECK(wippy_complete(k->rt, b->token, WIPPY_OK, NULL, 0, 0) == WIPPY_OK);
        kit_settle();
        EXPLORE_CHECK(b->count == 1);
    }
}

/* The same, and the completer's worker uses the record it has freed for another process. */
static wippy_status open_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        a->answer = wippy_open(self, 9, &a->token);
    }
    return WIPPY_IDLE;
}

static void setup_end_other(void)
{
    setup_open();
    k->actors[0].on_mail = kit_done_on_mail;
    k->actors[2].on_mail = open_on_mail;
    kit_spawn(k->w[1], 2);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
    kit_send(&k->w[1]->self, k->actors[2].pid, 1);
}

static void check_end_other(void)
{
    const actor *c = &k->actors[2];
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && c->answer == WIPPY_PENDING && c->count == 1);
    EXPLORE_CHECK(wippy_complete(k->rt, c->token, WIPPY_OK, NULL, 0, 0) == WIPPY_OK);
    kit_settle();
    EXPLORE_CHECK(c->count == 2);
}

/* ---- a timer in the wheel of worker 0; worker 1 has the process ---- */

static wippy_status timer_on_start(wippy_self *self, actor *a)
{
    a->answer = wippy_timer(self, 1000000, 7, &a->token);
    return WIPPY_IDLE;
}

static wippy_status drop_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        k->answers[4] = wippy_drop(self, a->token);
        a->answer = wippy_open(self, 8, &a->token);
    }
    return WIPPY_IDLE;
}

static void setup_timer(void)
{
    kit_open(2);
    k->actors[0].on_start = timer_on_start;
    k->actors[0].on_mail = drop_on_mail;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[1]->self, k->actors[0].pid, 1);
    explore_advance_ns(2000000);
}

static void setup_timer_end(void)
{
    setup_timer();
    k->actors[0].on_mail = kit_done_on_mail;
}

static void fire_0(void)
{
    wippyi_worker_timers(k->w[0], k->w[0], explore_now_ns());
    kit_work(k->w[0], 2);
}

static void check_timer(void)
{
    const actor *a = &k->actors[0];
    kit_settle();
    EXPLORE_CHECK(kit_saw_number(a, 1) != 0);
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == 0 || k->answers[4] == WIPPY_ERR_GONE);
    EXPLORE_CHECK(k->w[0]->wheel.count == 0);
    EXPLORE_CHECK(kit_slot(a->pid)->ext->open_yields == 1);
}

static void check_timer_end(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && k->w[0]->wheel.count == 0);
}

/* The record is kept: its timer is moved, or rings and is opened again. */
static wippy_status keep_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        k->answers[4] = wippyi_timer_again(self, &a->token, 1000000) ? WIPPY_OK : WIPPY_ERR_GONE;
    } else if (mail->kind == WIPPY_MAIL_DONE) {
        a->token = wippyi_yield_again(self);
    }
    return WIPPY_IDLE;
}

static void setup_timer_again(void)
{
    setup_timer();
    k->actors[0].on_mail = keep_on_mail;
}

static void check_timer_again(void)
{
    const actor *a = &k->actors[0];
    bool moved = k->answers[4] == WIPPY_OK;
    kit_settle();
    EXPLORE_CHECK(kit_saw_number(a, 1) != 0 && k->w[0]->wheel.count == 0);
    EXPLORE_CHECK(k->w[1]->wheel.count == moved);
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == (moved ? 0u : 1u));
    explore_advance_ns(2000000);
    wippyi_worker_timers(k->w[1], k->w[1], explore_now_ns());
    kit_settle();
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == 1 && k->w[1]->wheel.count == 0);
    EXPLORE_CHECK(kit_slot(a->pid)->ext->open_yields == 1);
    EXPLORE_CHECK(wippy_complete(k->rt, a->token, WIPPY_OK, NULL, 0, 0) == WIPPY_OK);
    kit_settle();
    EXPLORE_CHECK(kit_saw(a, WIPPY_MAIL_DONE) == 2);
}

/* ---- the caller of an execution drops it while the child is being born ---- */

static void setup_exec(void)
{
    setup_open();
    k->actors[0].on_mail = drop_and_open;
    kit_spawn(k->w[1], 1); /* the child */
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void bind_child(void)
{
    wippyi_job job;
    memset(&job, 0, sizeof(job));
    job.on_exit = k->actors[3].token;
    job.pid.id = k->actors[1].pid.id;
    wippyi_bind_exec(k->rt, k->w[1], &job);
    kit_work(k->w[1], 1);
}

static void check_exec(void)
{
    wippyi_yield *yield = (wippyi_yield *)wippyi_slab_at(&k->rt->yields, k->actors[3].token.index);
    kit_settle();
    EXPLORE_CHECK(k->answers[4] == WIPPY_OK);
    EXPLORE_CHECK(kit_saw(&k->actors[1], WIPPY_MAIL_CANCEL) >= 1);
    EXPLORE_CHECK(wippyi_a64_load_rlx(&yield->child) == 0);
}

/* The record is used again for another execution, whose child is born on a third worker, while the
   first child's birth is still looking at it. */
static wippy_status drop_and_exec(wippy_self *self, actor *a, const wippy_mail *mail)
{
    wippy_status status = drop_and_open(self, a, mail);
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        wippyi_a32_store_rel(&k->flag, 1);
    }
    return status;
}

static void setup_exec_again(void)
{
    kit_open(3);
    k->actors[0].on_start = open_on_start;
    k->actors[0].on_mail = drop_and_exec;
    kit_spawn(k->w[0], 0);
    k->actors[3].token = k->actors[0].token;
    kit_spawn(k->w[1], 1);
    kit_spawn(k->w[2], 2);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void drop_first(void)
{
    kit_work(k->w[0], 1);
}

static void bind_first(void)
{
    wippyi_job job;
    memset(&job, 0, sizeof(job));
    job.on_exit = k->actors[3].token;
    job.pid.id = k->actors[1].pid.id;
    wippyi_bind_exec(k->rt, k->w[1], &job);
}

static void bind_second(void)
{
    wippyi_job job;
    if (wippyi_a32_load_acq(&k->flag) != 0) {
        memset(&job, 0, sizeof(job));
        job.on_exit = k->actors[0].token;
        job.pid.id = k->actors[2].pid.id;
        wippyi_bind_exec(k->rt, k->w[2], &job);
        k->answers[7] = WIPPY_PENDING;
    }
}

static void check_exec_again(void)
{
    wippyi_yield *yield = (wippyi_yield *)wippyi_slab_at(&k->rt->yields, k->actors[3].token.index);
    kit_settle();
    EXPLORE_CHECK(kit_saw(&k->actors[1], WIPPY_MAIL_CANCEL) >= 1);
    EXPLORE_CHECK(kit_saw(&k->actors[2], WIPPY_MAIL_CANCEL) == 0);
    EXPLORE_CHECK(wippyi_a64_load_rlx(&yield->child) ==
                  (k->answers[7] == WIPPY_PENDING ? k->actors[2].pid.id : 0));
}

/* ---- a command whose completion comes before start has returned ---- */

static wippy_result start_command(wippy_runtime *rt, wippy_token token, const wippy_input *input,
                                  void **job, void *user_data)
{
    (void)rt;
    (void)input;
    (void)user_data;
    k->actors[3].token = token;
    wippyi_a32_store_rel(&k->flag, 1);
    *job = k;
    return WIPPY_PENDING;
}

static void cancel_command(wippy_runtime *rt, wippy_token token, void *job, void *user_data)
{
    (void)rt;
    (void)token;
    (void)user_data;
    EXPLORE_CHECK(job == k);
    k->answers[5] = (wippy_result)((int)k->answers[5] + 1);
}

static wippy_status command_then_done(wippy_self *self, actor *a, const wippy_mail *mail)
{
    wippy_command command;
    command.id = 1;
    if (mail->kind == WIPPY_MAIL_MESSAGE && mail->size == sizeof(int64_t) && a->count == 1) {
        a->answer = wippy_command_yield(self, command, NULL, 0, 0, 9, &a->token);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static void setup_command(void)
{
    wippy_command_desc desc;
    wippy_command out;
    kit_open(2);
    memset(&desc, 0, sizeof(desc));
    desc.name = "command";
    desc.start = start_command;
    desc.cancel = cancel_command;
    EXPLORE_CHECK(wippy_command_register(k->rt, &desc, &out) == WIPPY_OK && out.id == 1);
    k->actors[0].on_mail = command_then_done;
    kit_spawn(k->w[0], 0);
    kit_send(&k->w[0]->self, k->actors[0].pid, 1);
}

static void complete_early(void)
{
    if (wippyi_a32_load_acq(&k->flag) != 0) {
        complete_as(0, k->w[1]);
        wippyi_a32_store_rlx(&k->flag, 2);
    }
}

static void check_command(void)
{
    kit_settle();
    EXPLORE_CHECK(k->actors[0].closes == 1 && (int)k->answers[5] <= 1);
    if (wippyi_a32_load_rlx(&k->flag) == 2) {
        /* completed (whether it arrived or not) or canceled, never both */
        EXPLORE_CHECK((int)k->answers[5] == 0 || k->answers[0] == WIPPY_ERR_GONE);
    } else {
        EXPLORE_CHECK((int)k->answers[5] == 1);
    }
}

static const explore_program programs[] = {
    {"complete_twice", setup_open, {complete_0, complete_1, work_0}, check_once, NULL, false},
    {"complete_drop_reopen", setup_drop, {complete_0, work_0}, check_drop, NULL, false},
    {"complete_drop_steal", setup_drop, {complete_0, work_0, work_1}, check_drop, NULL, false},
    {"complete_end_reuse", setup_end, {complete_0, end_and_reuse}, check_end, NULL, false},
    {"complete_end_two_workers", setup_end, {complete_1, end_and_reuse}, check_end, NULL, false},
    {"complete_end_other_opens",
     setup_end_other,
     {complete_1, work_0},
     check_end_other,
     NULL,
     false},
    {"timer_drop", setup_timer, {fire_0, work_1}, check_timer, NULL, false},
    {"timer_again", setup_timer_again, {fire_0, work_1}, check_timer_again, NULL, false},
    {"timer_end", setup_timer_end, {fire_0, work_1}, check_timer_end, NULL, false},
    {"exec_drop", setup_exec, {bind_child, work_0}, check_exec, NULL, false},
    {"exec_drop_exec",
     setup_exec_again,
     {bind_first, drop_first, bind_second},
     check_exec_again,
     NULL,
     false},
    {"command_end", setup_command, {complete_early, work_0}, check_command, NULL, false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
