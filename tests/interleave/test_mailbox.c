/* Mailbox: every message once and in the order of its sender, one owner at a time, no lost wakeup,
   close and open against pushes, terminate against idle; the same for an owner that peeks. */
#include "implementation.h"

#define MAILS 4

/* What the owner of the process owns: two owners at once are a race on it. */
typedef struct world {
    wippyi_mailbox box;
    wippyi_a64 life;
    wippyi_a32 runs; /* scheduled and not yet run: a run queue of one process */
    wippy_mail mail[MAILS];
    uint32_t owned; /* plain, the owner's */
    uint32_t got[8];
    uint32_t got_count;
    wippyi_a32 refused;
    bool terminated;
    bool again; /* a block was used again */
    bool peeks; /* the owner leaves the only mail in the box while it uses it */
    uint32_t tenant; /* plain: written before open, read by the owner */
} world;

static world *w;

static void setup_with(void *head)
{
    uint32_t i;
    w = (world *)explore_alloc(sizeof(*w));
    wippyi_ap_init(&w->box.head, head);
    explore_name(&w->box, sizeof(w->box), "box");
    explore_name(&w->life, sizeof(w->life), "life");
    explore_name(&w->runs, sizeof(w->runs), "runs");
    for (i = 0; i < MAILS; i++) {
        explore_name(&w->mail[i], sizeof(w->mail[i]), "mail");
    }
    explore_name(&w->owned, sizeof(w->owned), "owned");
    wippyi_a64_init(&w->life, 1);
}

static void setup_idle(void)
{
    setup_with(WIPPYI_BOX_IDLE);
}

static void setup_owned(void)
{
    setup_with(WIPPYI_BOX_EMPTY);
    wippyi_a32_init(&w->runs, 1);
}

/* The first thread is the owner; nothing waits in a queue. */
static void setup_held(void)
{
    setup_with(WIPPYI_BOX_EMPTY);
}

/* Whatever the block said before: it is the caller's. */
static void push_block(wippy_mail *mail, uint32_t number)
{
    wippyi_push_result r;
    mail->to_ = number + 1;
    r = wippyi_mailbox_push(&w->box, mail);
    if (r == WIPPYI_PUSH_OWNED) {
        w->owned++;
        wippyi_a32_add_acqrel(&w->runs, 1);
    } else if (r == WIPPYI_PUSH_CLOSED) {
        EXPLORE_CHECK(mail->to_ == number + 1);
        wippyi_a32_add_rlx(&w->refused, 1);
    }
}

static void push(uint32_t number)
{
    push_block(&w->mail[number], number);
}

static void see(const wippy_mail *mail)
{
    EXPLORE_CHECK(w->got_count < 8);
    w->got[w->got_count++] = (uint32_t)mail->to_ - 1;
}

static void see_list(wippy_mail *list)
{
    for (; list != NULL; list = list->next_) {
        see(list);
    }
}

#define FREED 99u

/* The owner has one mail in hand that is still in the box. False: it stays the owner. */
static bool own_peeked(wippy_mail *mail)
{
    wippy_mail *rest;
    see(mail);
    mail->to_ = 0; /* written while others push in front of it, as what is kept on a shelf */
    if (wippyi_mailbox_idle_after(&w->box, mail)) {
        mail->to_ = FREED;
        mail->next_ = mail;
        return true;
    }
    rest = wippyi_mailbox_take_after(&w->box, mail);
    mail->to_ = FREED;
    mail->next_ = mail;
    EXPLORE_CHECK(rest != NULL);
    see_list(rest);
    return false;
}

/* True: nobody owns it any more. */
static bool own_mail(void)
{
    wippy_mail *mail = w->peeks ? wippyi_mailbox_peek(&w->box) : NULL;
    if (mail != NULL) {
        return own_peeked(mail);
    }
    see_list(wippyi_mailbox_take(&w->box));
    return wippyi_mailbox_idle(&w->box);
}

/* One turn of the owner, as the scheduler does it. */
static void own(void)
{
    w->owned++;
    if ((wippyi_a64_load_acq(&w->life) & WIPPYI_LIFE_TERMINATE) != 0) {
        w->terminated = true;
        see_list(wippyi_mailbox_close(&w->box));
        return;
    }
    if (!own_mail()) {
        wippyi_a32_add_acqrel(&w->runs, 1);
        return;
    }
    if ((wippyi_a64_load_sc(&w->life) & WIPPYI_LIFE_TERMINATE) != 0 &&
        wippyi_mailbox_claim(&w->box)) {
        w->owned++;
        wippyi_a32_add_acqrel(&w->runs, 1);
    }
}

/* A worker: takes what is runnable, up to some turns. */
static void work(void)
{
    uint32_t turns = 0;
    while (turns < 3) {
        uint32_t runs = wippyi_a32_load_acq(&w->runs);
        if (runs == 0) {
            return;
        }
        if (wippyi_a32_cas_acqrel(&w->runs, &runs, runs - 1)) {
            EXPLORE_CHECK(runs == 1); /* one owner */
            own();
            turns++;
        }
    }
}

static void push_two(void)
{
    push(0);
    push(1);
}

static void push_third(void)
{
    push(2);
}

static void push_and_work(void)
{
    push(2);
    work();
}

static uint32_t seen_at(uint32_t number)
{
    uint32_t i, at = 0;
    for (i = 0; i < w->got_count; i++) {
        if (w->got[i] == number) {
            EXPLORE_CHECK(at == 0);
            at = i + 1;
        }
    }
    return at;
}

/* What is left to do is done here: nothing may be lost. */
static void finish(uint32_t sent)
{
    uint32_t i;
    for (i = 0; i < 8 && wippyi_a32_load_acq(&w->runs) > 0; i++) {
        EXPLORE_CHECK(wippyi_a32_load_acq(&w->runs) == 1);
        wippyi_a32_store_rlx(&w->runs, 0);
        own();
    }
    EXPLORE_CHECK(w->got_count + wippyi_a32_load_rlx(&w->refused) == sent);
    if (seen_at(0) != 0 && seen_at(1) != 0) {
        EXPLORE_CHECK(seen_at(0) < seen_at(1));
    }
    EXPLORE_CHECK(!(seen_at(1) != 0 && seen_at(0) == 0)); /* refused only after, never before */
}

static void check_three(void)
{
    finish(3);
    EXPLORE_CHECK(wippyi_a32_load_rlx(&w->refused) == 0);
    EXPLORE_CHECK(wippyi_ap_load_rlx(&w->box.head) == WIPPYI_BOX_IDLE);
}

static void close_box(void)
{
    w->owned++;
    see_list(wippyi_mailbox_take(&w->box));
    see_list(wippyi_mailbox_close(&w->box));
}

static void check_closed(void)
{
    EXPLORE_CHECK(w->got_count + wippyi_a32_load_rlx(&w->refused) == 3);
    EXPLORE_CHECK(wippyi_ap_load_rlx(&w->box.head) == WIPPYI_BOX_CLOSED);
    EXPLORE_CHECK(!(seen_at(1) != 0 && seen_at(0) == 0));
}

/* terminate() against an owner that goes idle. */
static void terminate(void)
{
    uint64_t expected = 1;
    if (wippyi_a64_cas_sc(&w->life, &expected, 1 | WIPPYI_LIFE_TERMINATE)) {
        if (wippyi_mailbox_claim(&w->box)) {
            w->owned++;
            wippyi_a32_add_acqrel(&w->runs, 1);
        }
    }
}

static void push_first(void)
{
    push(0);
}

static void check_terminated(void)
{
    finish(1);
    EXPLORE_CHECK(w->terminated);
}

static void check_terminated_bare(void)
{
    finish(0);
    EXPLORE_CHECK(w->terminated);
}

/* The slot dies and is born again: a push from before is a dead letter of the new tenant, or refused;
   the new tenant's owner sees what was set up for it. */
static void reborn(void)
{
    see_list(wippyi_mailbox_close(&w->box));
    w->owned++;
    w->tenant = 2;
    wippyi_mailbox_open(&w->box);
    wippyi_a64_store_rel(&w->life, 2);
    wippyi_a32_add_acqrel(&w->runs, 1);
    work();
}

static void push_to_second(void)
{
    if (wippyi_a64_load_acq(&w->life) == 2) {
        EXPLORE_CHECK(w->tenant == 2);
    }
    push(2);
    work();
}

static void check_reborn(void)
{
    finish(2);
    EXPLORE_CHECK(w->tenant == 2);
}

/* ---- an owner that peeks ---- */

static void setup_peeking(void)
{
    setup_idle();
    w->peeks = true;
}

/* One mail is in the box and its owner is about to look. */
static void setup_peeking_one(void)
{
    setup_peeking();
    push(0);
    w->owned = 0;
}

static void push_second(void)
{
    push(1);
}

static void check_two(void)
{
    finish(2);
    EXPLORE_CHECK(wippyi_a32_load_rlx(&w->refused) == 0);
    EXPLORE_CHECK(seen_at(0) != 0 && seen_at(1) != 0);
}

static void check_peek_terminated(void)
{
    finish(2);
    EXPLORE_CHECK(w->terminated);
}

/* Who has freed the mail sends its block again, to the same box: a sender that took it for its head
   links to it, and must link to what it says now. */
static void work_and_use_again(void)
{
    uint32_t i;
    work();
    for (i = 0; i < MAILS - 1; i++) {
        if (w->mail[i].to_ == FREED) {
            w->again = true;
            push_block(&w->mail[i], 3);
            work();
            return;
        }
    }
}

static void check_again(void)
{
    finish(w->again ? 3 : 2);
    EXPLORE_CHECK(seen_at(0) != 0 && seen_at(1) != 0 && (seen_at(3) != 0) == w->again);
}

/* The process ends with the mail in hand: the rest is taken, then the box closes. */
static void end_peeked(void)
{
    wippy_mail *mail = wippyi_mailbox_peek(&w->box);
    w->owned++;
    if (mail != NULL) {
        see(mail);
        see_list(wippyi_mailbox_take_after(&w->box, mail));
        mail->to_ = FREED;
        mail->next_ = mail;
    }
    see_list(wippyi_mailbox_close(&w->box));
}

static void check_end_peeked(void)
{
    EXPLORE_CHECK(w->got_count + wippyi_a32_load_rlx(&w->refused) == 3);
    EXPLORE_CHECK(seen_at(0) == 1);
    EXPLORE_CHECK(wippyi_ap_load_rlx(&w->box.head) == WIPPYI_BOX_CLOSED);
}

static const explore_program programs[] = {
    {"push_push_take", setup_idle, {push_two, push_third, work}, check_three, NULL, false},
    {"push_while_owned", setup_owned, {push_two, push_and_work, work}, check_three, NULL, false},
    {"close_against_push",
     setup_held,
     {push_two, push_third, close_box},
     check_closed,
     NULL,
     false},
    {"terminate_against_idle", setup_owned, {terminate, work}, check_terminated_bare, NULL, false},
    {"terminate_idle_push",
     setup_owned,
     {terminate, work, push_first},
     check_terminated,
     NULL,
     false},
    {"close_open_against_push",
     setup_held,
     {reborn, push_first, push_to_second},
     check_reborn,
     NULL,
     false},
    {"peek_push_push", setup_peeking, {push_two, push_and_work, work}, check_three, NULL, false},
    {"peek_against_push", setup_peeking_one, {work, push_second}, check_two, NULL, false},
    {"peek_two_workers", setup_peeking_one, {work, push_second, work}, check_two, NULL, false},
    {"peek_terminate", setup_peeking_one, {terminate, work}, check_terminated, NULL, false},
    {"peek_terminate_push",
     setup_peeking_one,
     {terminate, work, push_second},
     check_peek_terminated,
     NULL,
     false},
    {"peek_use_again", setup_peeking_one, {work_and_use_again, push_second}, check_again, NULL, false},
    {"peek_end", setup_peeking_one, {end_peeked, push_second, push_third}, check_end_peeked, NULL, false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
