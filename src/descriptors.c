#include "descriptors.h"

#include "value.h"
#include "yield.h"

#include <string.h>

#define WIPPYI_PATIENCE_NS 5000000 /* nobody but the pump looks at its descriptors */

struct wippyi_waiting {
    wippy_runtime *rt;
    wippyi_poller poller;
    wippyi_thread thread;
    wippyi_a32 threaded; /* 0 -> 1 once, under tables_lock (release): a thread looks, pumps need not */
    wippyi_a32 quit; /* written: destroy (release), before it wakes the poller; read: the thread */
    wippyi_a32 polling; /* 1: somebody looks (one waiter at a time), a pump for a moment or the thread for
                           good; CAS acquire, store release */
    wippyi_a32 open;    /* waits that were neither reported nor taken back; gauge: RMW relaxed */
};

typedef struct wippyi_fd_job {
    wippy_token token;
    int fd;
} wippyi_fd_job;

static void wippyi_fd_event(wippyi_waiting *waiting, const wippyi_poll_event *event)
{
    wippy_runtime *rt = waiting->rt;
    wippyi_fd_job *job = (wippyi_fd_job *)event->cookie;
    uint32_t bits = (event->readable ? (uint32_t)WIPPY_FD_READ : 0) |
                    (event->writable ? (uint32_t)WIPPY_FD_WRITE : 0) |
                    (event->error ? (uint32_t)WIPPY_FD_ERROR : 0);
    wippyi_yield *yield = wippyi_yield_claim_own(rt, job->token);
    if (yield != NULL) {
        wippy_writer writer;
        wippy_slice encoded;
        wippy_writer_init(&writer, rt);
        wippy_write_int(&writer, (int64_t)bits);
        memset(&encoded, 0, sizeof(encoded));
        (void)wippy_writer_finish(&writer, &encoded); /* a number fits in the small buffer */
        (void)wippyi_yield_push(rt, NULL, yield, WIPPY_OK, encoded.data, encoded.size, 1);
    }
    wippyi_a32_sub_rlx(&waiting->open, 1);
    wippyi_mem_free(&rt->mem, job, sizeof(*job));
}

static void wippyi_descriptors_wait(wippyi_waiting *waiting, uint64_t timeout_ns)
{
    wippyi_poll_event events[32];
    size_t count = wippyi_poller_wait(&waiting->poller, events, WIPPYI_COUNT(events), timeout_ns);
    size_t i;
    for (i = 0; i < count; i++) {
        wippyi_fd_event(waiting, &events[i]);
    }
}

static void wippyi_descriptors_main(void *arg)
{
    wippyi_waiting *waiting = (wippyi_waiting *)arg;
    uint32_t expected = 0;
    while (!wippyi_a32_cas_acq(&waiting->polling, &expected, 1)) { /* a pump looks, without waiting */
        expected = 0;
        wippyi_cpu_relax();
    }
    while (wippyi_a32_load_acq(&waiting->quit) == 0) {
        wippyi_descriptors_wait(waiting, UINT64_MAX);
    }
}

/* Under tables_lock. */
static wippyi_waiting *wippyi_descriptors_make(wippy_runtime *rt)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_mem_alloc(&rt->mem, sizeof(*waiting));
    if (waiting == NULL) {
        return NULL;
    }
    memset(waiting, 0, sizeof(*waiting));
    waiting->rt = rt;
    if (wippyi_poller_create(&waiting->poller, &rt->mem) != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, waiting, sizeof(*waiting));
        return NULL;
    }
    return waiting;
}

/* Under tables_lock. False: no thread can be had. */
static bool wippyi_descriptors_thread(wippyi_waiting *waiting)
{
    if (wippyi_a32_load_rlx(&waiting->threaded) != 0) {
        return true;
    }
    if (wippyi_thread_start(&waiting->thread, wippyi_descriptors_main, waiting, "wippy-poll") !=
        WIPPY_OK) {
        return false;
    }
    wippyi_a32_store_rel(&waiting->threaded, 1);
    return true;
}

/* pumped: whoever asks is run by a pump, which looks at descriptors itself. Otherwise, and wherever there
   are pool hosts, so that threads are welcome, a thread looks; also if pumps alone did so far.
   NULL: no memory, or no thread. */
static wippyi_waiting *wippyi_descriptors_of(wippy_runtime *rt, bool pumped)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    bool threaded = WIPPYI_THREADS && (!pumped || rt->watchdog != NULL);
    if (waiting != NULL && (pumped || wippyi_a32_load_acq(&waiting->threaded) != 0)) {
        return waiting;
    }
    wippyi_mutex_lock(&rt->tables_lock);
    waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    if (waiting == NULL) {
        waiting = wippyi_descriptors_make(rt);
        wippyi_ap_store_rel(&rt->waiting, waiting);
    }
    if (waiting != NULL && threaded && !wippyi_descriptors_thread(waiting)) {
        waiting = NULL; /* what there is stays for the pumps */
    }
    wippyi_mutex_unlock(&rt->tables_lock);
    return waiting;
}

WIPPYI_FN void wippyi_descriptors_poll(wippy_runtime *rt)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    uint32_t expected = 0;
    /* free -> polling: a try-lock for the poller. acquire: pairs with the release below. Whoever finds
       it taken leaves the looking to the other pump. */
    if (waiting != NULL && wippyi_a32_load_acq(&waiting->threaded) == 0 &&
        wippyi_a32_cas_acq(&waiting->polling, &expected, 1)) {
        wippyi_descriptors_wait(waiting, 0);
        wippyi_a32_store_rel(&waiting->polling, 0);
    }
}

WIPPYI_FN uint64_t wippyi_descriptors_patience_ns(wippy_runtime *rt)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    bool ours = waiting != NULL && wippyi_a32_load_acq(&waiting->threaded) == 0 &&
                wippyi_a32_load_rlx(&waiting->open) > 0;
    return ours ? WIPPYI_PATIENCE_NS : UINT64_MAX;
}

WIPPYI_FN void wippyi_descriptors_destroy(wippy_runtime *rt)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    if (waiting == NULL) {
        return;
    }
    if (wippyi_a32_load_acq(&waiting->threaded) != 0) {
        wippyi_a32_store_rel(&waiting->quit, 1);
        wippyi_poller_wake(&waiting->poller);
        wippyi_thread_join(&waiting->thread);
    }
    wippyi_poller_destroy(&waiting->poller);
    wippyi_mem_free(&rt->mem, waiting, sizeof(*waiting));
    wippyi_ap_store_rel(&rt->waiting, NULL);
}

/* The yield is dropped: nobody reports the descriptor any more, or the report finds it gone. */
static void wippyi_fd_cancel(wippy_runtime *rt, wippyi_yield *yield)
{
    wippyi_waiting *waiting = (wippyi_waiting *)wippyi_ap_load_acq(&rt->waiting);
    wippyi_fd_job *job = (wippyi_fd_job *)yield->job;
    if (wippyi_poller_remove(&waiting->poller, yield->fd, job)) {
        wippyi_a32_sub_rlx(&waiting->open, 1);
        wippyi_mem_free(&rt->mem, job, sizeof(*job));
    }
}

WIPPY_API wippy_result wippy_wait_fd(wippy_self *self, int fd, uint32_t events, uint64_t tag,
                                     wippy_token *token)
{
    wippy_runtime *rt = self->rt;
    wippyi_waiting *waiting;
    wippyi_fd_job *job;
    wippyi_yield *yield;
    wippy_result r;
    if (self->slot == NULL || wippyi_self_closing(self) || fd < 0 ||
        (events & (uint32_t)(WIPPY_FD_READ | WIPPY_FD_WRITE)) == 0) {
        return WIPPY_ERR_INVALID;
    }
    waiting = wippyi_descriptors_of(rt, self->host->kind == WIPPY_HOST_PUMP);
    if (waiting == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    job = (wippyi_fd_job *)wippyi_mem_alloc(&rt->mem, sizeof(*job));
    yield = job != NULL ? wippyi_yield_open(rt, self->worker, self->slot, self->pid.id, tag) : NULL;
    if (yield == NULL) {
        wippyi_mem_free(&rt->mem, job, sizeof(*job));
        return WIPPY_ERR_NOMEM;
    }
    yield->job = job;
    yield->fd = fd;
    job->fd = fd;
    job->token = wippyi_yield_token(yield);
    if (token != NULL) {
        *token = job->token;
    }
    yield->cancel = wippyi_fd_cancel; /* before the event can come, which takes it away */
    wippyi_a32_add_rlx(&waiting->open, 1);
    r = wippyi_poller_add(&waiting->poller, fd, (events & WIPPY_FD_READ) != 0,
                          (events & WIPPY_FD_WRITE) != 0, job);
    if (r != WIPPY_OK) {
        wippyi_a32_sub_rlx(&waiting->open, 1);
        yield->cancel = NULL;
        wippyi_mem_free(&rt->mem, job, sizeof(*job));
        (void)wippyi_yield_drop(rt, self->worker, self->slot, yield);
        return r;
    }
    return WIPPY_PENDING;
}
