#include "watchdog.h"

#include "host.h"
#include "process.h"
#include "scheduler.h"

#include <string.h>

#define WIPPYI_REPORT_TICKS 100 /* slices after which a step is named in the log */
#define WIPPYI_STUCK_AGAIN  10  /* the next processes of a crowd are ended this many times sooner */
#define WIPPYI_DOG_SLEEPS   ((uint32_t)1 << 31) /* in rt->awake: until it is woken */

struct wippyi_watchdog {
    wippy_runtime *rt;
    wippyi_thread thread;
    wippyi_ticket ticket;
    wippyi_a32 quit; /* written: stop (release); read: the watchdog (acquire) */
    bool signal_installed;
};

/* On the worker's own thread, inside a signal handler, possibly in the middle of a step. */
static void wippyi_worker_interrupted(void *cookie)
{
    wippyi_worker *w = (wippyi_worker *)cookie;
    wippyi_slot *slot = (wippyi_slot *)wippyi_ap_load_rlx(&w->running);
    /* else: between two steps, or in a callback that waits for a spawn */
    if ((wippyi_a64_load_rlx(&w->step_number) & 1) != 0 && slot != NULL) {
        const wippyi_type *type = wippyi_type_at(w->host->rt, slot->type);
        if (type->desc.interrupt != NULL && slot->state != NULL) {
            type->desc.interrupt(slot->state);
        }
    }
}

WIPPYI_FN bool wippyi_host_overdue(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    for (i = 0; i < count; i++) {
        if (wippyi_a32_load_rlx(&wippyi_host_worker(host, i)->overdue) != 0) {
            return true;
        }
    }
    return false;
}

static void wippyi_watchdog_report(wippy_runtime *rt, wippyi_worker *w)
{
    char text[256];
    wippy_pid pid;
    wippy_slice none;
    pid.id = wippyi_worker_runs(w);
    none.data = NULL;
    none.size = 0;
    (void)wippy_pid_text(rt, pid, text, sizeof(text));
    wippyi_log(rt, WIPPY_LOG_WARN, "scheduler", none, "process %s has been in one step for %u ms",
               text, (unsigned)((uint64_t)WIPPYI_REPORT_TICKS * rt->desc.slice_us / 1000));
}

/* One worker, one tick. True: it has been in the same step since the last tick. */
static bool wippyi_watchdog_look(wippyi_watchdog *dog, wippyi_worker *w)
{
    wippy_runtime *rt = dog->rt;
    uint64_t step = wippyi_a64_load_acq(&w->step_number);
    if ((step & 1) == 0 || step != w->seen_step) {
        w->seen_step = step;
        w->seen_ticks = 0;
        return false;
    }
    if (w->seen_ticks++ == 0) {
        w->seen_used_ns = wippyi_thread_used_ns(&w->thread);
    }
    wippyi_a32_store_rlx(&w->overdue, 1);
    if (dog->signal_installed) {
        (void)wippyi_interrupt_send(&w->thread, rt->desc.interrupt_signal,
                                    wippyi_worker_interrupted, w);
    }
    if (w->seen_ticks == WIPPYI_REPORT_TICKS) {
        wippyi_watchdog_report(rt, w);
    }
    return true;
}

/* Somebody must run what waits behind an overdue step: who sleeps, who looks for work, a spare, or in the
   end who has work of its own and would not steal. False: nobody, unless there is one of the last. */
static bool wippyi_watchdog_relieve(wippyi_host *host, wippyi_worker *w)
{
    bool timers_due = wippyi_wheels_next_ns(w) <= wippyi_clock_mono_ns();
    uint64_t word = wippyi_a64_load_sc(&host->sleep_word);
    if (!timers_due && !wippyi_host_has_work(host)) {
        return true;
    }
    if ((word >> 32) > 0) {
        wippyi_host_notify(host);
        return true;
    }
    if ((uint32_t)word > 0 || wippyi_host_spare(host)) {
        return true;
    }
    wippyi_worker_unload(w);
    return false;
}

/* ---- crowds: more steps that do not give way than a host may have threads ---- */

/* Types with an interrupt look at what they are told; other C code would not see that it shall end.
   Under the stripe, where neither the tenant nor its type changes. */
static bool wippyi_watchdog_endable(wippy_runtime *rt, uint64_t pid)
{
    wippyi_slot *slot = wippyi_slot_of(rt, pid);
    wippyi_latch *stripe = wippyi_stripe_at(rt, wippyi_pid_slot(pid));
    bool endable;
    if (pid == 0 || slot == NULL) {
        return false;
    }
    wippyi_latch_take(stripe);
    endable = wippyi_tenant_is(slot, pid) &&
              wippyi_type_at(rt, slot->type)->desc.interrupt != NULL;
    wippyi_latch_drop(stripe);
    return endable;
}

/* Who runs in the step the watchdog saw; 0: that step is over. */
static uint64_t wippyi_watchdog_running(const wippyi_worker *w)
{
    uint64_t pid = wippyi_worker_runs(w);
    return wippyi_a64_load_acq(&w->step_number) == w->seen_step ? pid : 0;
}

/* Has the step had a processor, for a slice at least and a sixteenth of its time? On a machine with too
   few a short one looks long; the interrupts alone cost a sleeping one some. */
static bool wippyi_watchdog_worked(wippyi_worker *w)
{
    uint64_t slice_ns = (uint64_t)w->host->rt->desc.slice_us * 1000;
    uint64_t used_ns = wippyi_thread_used_ns(&w->thread);
    return used_ns == UINT64_MAX || w->seen_used_ns == UINT64_MAX ||
           (used_ns - w->seen_used_ns) / slice_ns > w->seen_ticks / 16;
}

/* The worker that has been longest in one step, for at least that many ticks, that can be ended and was
   not told so yet. One that did not work all the time only after `patience`: it may hang, or only wait
   for a processor. */
static wippyi_worker *wippyi_watchdog_longest(wippyi_host *host, uint32_t ticks, uint32_t patience,
                                              uint64_t *pid)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    wippyi_worker *longest = NULL;
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_worker *w = wippyi_host_worker(host, i);
        uint64_t running = wippyi_watchdog_running(w);
        if (w->seen_ticks >= (longest != NULL ? longest->seen_ticks + 1 : ticks) &&
            w->ended_step != w->seen_step && wippyi_watchdog_endable(host->rt, running) &&
            (w->seen_ticks >= patience || wippyi_watchdog_worked(w))) {
            longest = w;
            *pid = running;
        }
    }
    return longest;
}

static void wippyi_watchdog_end(wippyi_host *host, uint64_t id)
{
    wippy_runtime *rt = host->rt;
    char text[256];
    wippy_pid pid;
    wippy_slice none;
    none.data = NULL;
    none.size = 0;
    pid.id = id;
    if (wippyi_terminate(rt, NULL, id) != WIPPY_OK) {
        return; /* it is over */
    }
    wippyi_a64_store_rlx(&host->stuck_ended, wippyi_a64_load_rlx(&host->stuck_ended) + 1);
    (void)wippy_pid_text(rt, pid, text, sizeof(text));
    wippyi_log(rt, WIPPY_LOG_WARN, "scheduler", none,
               "process %s is terminated: steps that do not give way hold all threads of its host",
               text);
}

/* The longest `batch` of them. */
static void wippyi_watchdog_disperse(wippyi_host *host, uint32_t ticks, uint32_t patience,
                                     uint32_t batch)
{
    while (batch-- > 0) {
        uint64_t pid = 0;
        wippyi_worker *longest = wippyi_watchdog_longest(host, ticks, patience, &pid);
        if (longest == NULL) {
            return;
        }
        longest->ended_step = longest->seen_step;
        wippyi_watchdog_end(host, pid);
    }
}

/* stuck: every thread is in an overdue step, work waits, and nobody can be called. A crowd is one that
   lasts; while it does, the next ends come sooner, and twice as many at a time: who waits in the queue
   behind them has to see all of them come and go. */
static void wippyi_watchdog_crowd(wippyi_host *host, bool stuck)
{
    const wippy_desc *desc = &host->rt->desc;
    uint32_t patience = (uint32_t)WIPPYI_MIN((uint64_t)desc->stuck_ms * 1000 / desc->slice_us + 1,
                                             (uint64_t)UINT32_MAX);
    if (!stuck) {
        host->stuck_ticks -= host->stuck_ticks > 0 ? 1 : 0;
        host->stuck_batch = host->stuck_ticks > 0 ? host->stuck_batch : 0;
        return;
    }
    if (desc->stuck_ms == UINT32_MAX || ++host->stuck_ticks < patience) {
        return;
    }
    host->stuck_ticks = patience - patience / WIPPYI_STUCK_AGAIN;
    host->stuck_batch = WIPPYI_MIN(host->stuck_batch * 2 + 1, WIPPYI_WORKERS_MAX);
    wippyi_watchdog_disperse(host, patience / WIPPYI_STUCK_AGAIN, patience,
                             (host->stuck_batch + 1) / 2);
}

static void wippyi_watchdog_host(wippyi_watchdog *dog, wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    bool held = true;   /* every thread is in an overdue step */
    bool helped = true; /* whatever waits, somebody will run it */
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_worker *w = wippyi_host_worker(host, i);
        if (wippyi_watchdog_look(dog, w)) {
            helped = wippyi_watchdog_relieve(host, w) && helped;
        } else if (wippyi_a32_load_acq(&w->exited) == 0) {
            held = false;
        }
    }
    wippyi_watchdog_crowd(host, held && !helped);
}

static void wippyi_watchdog_tick(wippyi_watchdog *dog)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&dog->rt->host_list);
    for (; host != NULL; host = host->next_host) {
        if (host->kind != WIPPY_HOST_PUMP) {
            wippyi_watchdog_host(dog, host);
        }
    }
}

static void wippyi_watchdog_main(void *arg)
{
    wippyi_watchdog *dog = (wippyi_watchdog *)arg;
    uint64_t slice_ns = (uint64_t)dog->rt->desc.slice_us * 1000;
    while (wippyi_a32_load_acq(&dog->quit) == 0) {
        /* none awake -> we sleep; acquire: pairs with the last rest(). The first worker that wakes sees it
           and wakes us; the ticket keeps a wake that comes before the wait. */
        uint32_t none = 0;
        bool rest = wippyi_a32_cas_acqrel(&dog->rt->awake, &none, WIPPYI_DOG_SLEEPS);
        (void)wippyi_ticket_wait(&dog->ticket, rest ? UINT64_MAX : slice_ns);
        if (wippyi_a32_load_acq(&dog->quit) == 0) {
            wippyi_watchdog_tick(dog);
        }
    }
}

WIPPYI_FN wippy_result wippyi_watchdog_start(wippy_runtime *rt)
{
    wippyi_watchdog *dog;
    wippy_result r;
    if (rt->watchdog != NULL) {
        return WIPPY_OK;
    }
    dog = (wippyi_watchdog *)wippyi_mem_alloc(&rt->mem, sizeof(*dog));
    if (dog == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(dog, 0, sizeof(*dog));
    dog->rt = rt;
    r = wippyi_ticket_init(&dog->ticket);
    if (r == WIPPY_OK) {
        dog->signal_installed = rt->desc.interrupt_signal >= 0 &&
                                wippyi_interrupt_install(rt->desc.interrupt_signal) == WIPPY_OK;
        r = wippyi_thread_start(&dog->thread, wippyi_watchdog_main, dog, "wippy-watch");
        if (r != WIPPY_OK) {
            if (dog->signal_installed) {
                wippyi_interrupt_uninstall(rt->desc.interrupt_signal);
            }
            wippyi_ticket_destroy(&dog->ticket);
        }
    }
    if (r != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, dog, sizeof(*dog));
        return r;
    }
    rt->watchdog = dog;
    return WIPPY_OK;
}

/* After every worker has ended. */
WIPPYI_FN void wippyi_watchdog_stop(wippy_runtime *rt)
{
    wippyi_watchdog *dog = rt->watchdog;
    if (dog == NULL) {
        return;
    }
    wippyi_a32_store_rel(&dog->quit, 1);
    wippyi_ticket_wake(&dog->ticket);
    wippyi_thread_join(&dog->thread);
    if (dog->signal_installed) {
        wippyi_interrupt_uninstall(rt->desc.interrupt_signal);
    }
    wippyi_ticket_destroy(&dog->ticket);
    wippyi_mem_free(&rt->mem, dog, sizeof(*dog));
    rt->watchdog = NULL;
}

/* Between two ticks nobody tells the watchdog anything: workers that wait for a timer each tick of it sleep
   and wake thousands of times in a slice. When a tick finds all of them asleep it sleeps too, and says so in
   the same word in which they are counted: one word decides, so acq_rel is enough. Either it saw a worker
   awake and comes back after a slice, or the next one to wake sees that it sleeps. */
WIPPYI_FN void wippyi_watchdog_rest(wippy_runtime *rt)
{
    wippyi_a32_sub_acqrel(&rt->awake, 1);
}

WIPPYI_FN void wippyi_watchdog_work(wippy_runtime *rt)
{
    uint32_t before = wippyi_a32_add_acqrel(&rt->awake, 1);
    if (WIPPYI_UNLIKELY((before & WIPPYI_DOG_SLEEPS) != 0) &&
        (wippyi_a32_and_acqrel(&rt->awake, ~WIPPYI_DOG_SLEEPS) & WIPPYI_DOG_SLEEPS) != 0) {
        wippyi_ticket_wake(&rt->watchdog->ticket); /* we alone: it sleeps, so it is there */
    }
}

WIPPYI_FN void wippyi_watchdog_enter(wippyi_worker *w)
{
    wippy_runtime *rt = w->host->rt;
    if (rt->watchdog != NULL && rt->watchdog->signal_installed) {
        wippyi_interrupt_accept(rt->desc.interrupt_signal);
    }
    wippyi_watchdog_work(rt);
}

WIPPYI_FN void wippyi_watchdog_leave(wippyi_worker *w)
{
    wippyi_watchdog_rest(w->host->rt);
}
