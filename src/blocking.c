#include "blocking.h"

#include "value.h"
#include "yield.h"

#include <string.h>

#define WIPPYI_BLOCKING_MAX 256

typedef struct wippyi_call {
    struct wippyi_call *next;
    wippy_token token;
    wippy_result (*fn)(void *arg, wippy_writer *out);
    void (*drop)(void *arg);
    void *arg;
} wippyi_call;

struct wippyi_blocking {
    wippy_runtime *rt;
    wippyi_mutex lock;
    wippyi_cond work;
    wippyi_call *first; /* guarded by lock, as all below */
    wippyi_call *last;
    uint32_t waiting; /* calls in the list */
    uint32_t idle;    /* threads that wait for work */
    uint32_t count;   /* threads started */
    bool quit;
    wippyi_thread threads[WIPPYI_BLOCKING_MAX];
};

static void wippyi_call_run(wippy_runtime *rt, wippyi_call *call)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_result result, written;
    wippyi_yield *yield;
    wippy_writer_init(&writer, rt);
    result = call->fn(call->arg, &writer);
    written = wippy_writer_finish(&writer, &encoded);
    if (written == WIPPY_OK && writer.count > UINT16_MAX) {
        written = WIPPY_ERR_LIMIT;
    }
    if (written != WIPPY_OK) {
        result = written;
        encoded.data = NULL;
        encoded.size = 0;
    }
    yield = wippyi_yield_claim_own(rt, call->token);
    if (yield != NULL) {
        (void)wippyi_yield_push(rt, NULL, yield, result, encoded.data, encoded.size,
                                (uint32_t)(written == WIPPY_OK ? writer.count : 0));
    }
    wippy_writer_free(&writer);
    if (call->drop != NULL) {
        call->drop(call->arg);
    }
    wippyi_mem_free(&rt->mem, call, sizeof(*call));
}

static void wippyi_blocking_main(void *arg)
{
    wippyi_blocking *blocking = (wippyi_blocking *)arg;
    wippyi_mutex_lock(&blocking->lock);
    for (;;) {
        wippyi_call *call = blocking->first;
        if (call == NULL) {
            if (blocking->quit) {
                break;
            }
            blocking->idle++;
            wippyi_cond_wait(&blocking->work, &blocking->lock);
            blocking->idle--;
            continue;
        }
        blocking->first = call->next;
        blocking->waiting--;
        if (blocking->first == NULL) {
            blocking->last = NULL;
        }
        wippyi_mutex_unlock(&blocking->lock);
        wippyi_call_run(blocking->rt, call);
        wippyi_mutex_lock(&blocking->lock);
    }
    wippyi_mutex_unlock(&blocking->lock);
}

/* Under tables_lock. */
static wippyi_blocking *wippyi_blocking_make(wippy_runtime *rt)
{
    wippyi_blocking *blocking = (wippyi_blocking *)wippyi_mem_alloc(&rt->mem, sizeof(*blocking));
    if (blocking == NULL) {
        return NULL;
    }
    memset(blocking, 0, sizeof(*blocking));
    blocking->rt = rt;
    if (wippyi_mutex_init(&blocking->lock) != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, blocking, sizeof(*blocking));
        return NULL;
    }
    if (wippyi_cond_init(&blocking->work) != WIPPY_OK) {
        wippyi_mutex_destroy(&blocking->lock);
        wippyi_mem_free(&rt->mem, blocking, sizeof(*blocking));
        return NULL;
    }
    return blocking;
}

static wippyi_blocking *wippyi_blocking_of(wippy_runtime *rt)
{
    wippyi_blocking *blocking = (wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
    if (blocking == NULL) {
        wippyi_mutex_lock(&rt->tables_lock);
        blocking = (wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
        if (blocking == NULL) {
            blocking = wippyi_blocking_make(rt);
            wippyi_ap_store_rel(&rt->blocking, blocking);
        }
        wippyi_mutex_unlock(&rt->tables_lock);
    }
    return blocking;
}

/* Hand a call to a thread, starting one when none is free. False: there is no thread at all. */
static bool wippyi_blocking_push(wippyi_blocking *blocking, wippyi_call *call)
{
    uint32_t most = WIPPYI_MIN(blocking->rt->desc.blocking_threads, WIPPYI_BLOCKING_MAX);
    bool taken = true;
    wippyi_mutex_lock(&blocking->lock);
    if (blocking->waiting >= blocking->idle && blocking->count < most && !blocking->quit &&
        blocking->rt->sim == NULL &&
        wippyi_thread_start(&blocking->threads[blocking->count], wippyi_blocking_main, blocking,
                            "wippy-block") == WIPPY_OK) {
        blocking->count++;
    }
    if (blocking->count == 0 && blocking->rt->sim == NULL) {
        taken = false;
    } else {
        call->next = NULL;
        if (blocking->last != NULL) {
            blocking->last->next = call;
        } else {
            blocking->first = call;
        }
        blocking->last = call;
        blocking->waiting++;
        wippyi_cond_signal(&blocking->work);
    }
    wippyi_mutex_unlock(&blocking->lock);
    return taken;
}

/* The yield is dropped: a call that has not begun never begins; one that runs ends in vain. */
static void wippyi_blocking_cancel(wippy_runtime *rt, wippyi_yield *yield)
{
    wippyi_blocking *blocking = (wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
    uint32_t sequence = wippyi_yield_token(yield).sequence;
    wippyi_call **at;
    wippyi_call *last = NULL;
    wippyi_call *found = NULL;
    if (blocking == NULL) {
        return;
    }
    wippyi_mutex_lock(&blocking->lock);
    for (at = &blocking->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->token.index == yield->head.index && (*at)->token.sequence == sequence) {
            found = *at;
            *at = found->next;
            blocking->waiting--;
            if (blocking->last == found) {
                blocking->last = last;
            }
            break;
        }
        last = *at;
    }
    wippyi_mutex_unlock(&blocking->lock);
    if (found != NULL) {
        if (found->drop != NULL) {
            found->drop(found->arg);
        }
        wippyi_mem_free(&rt->mem, found, sizeof(*found));
    }
}

WIPPYI_FN uint32_t wippyi_blocking_waiting(wippy_runtime *rt)
{
    const wippyi_blocking *blocking = (const wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
    return blocking != NULL ? blocking->waiting : 0;
}

WIPPYI_FN void wippyi_blocking_run(wippy_runtime *rt, uint32_t which)
{
    wippyi_blocking *blocking = (wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
    wippyi_call **at = &blocking->first;
    wippyi_call *last = NULL;
    wippyi_call *call;
    for (; which > 0; which--) {
        last = *at;
        at = &last->next;
    }
    call = *at;
    *at = call->next;
    blocking->waiting--;
    if (blocking->last == call) {
        blocking->last = last;
    }
    wippyi_call_run(rt, call);
}

WIPPYI_FN void wippyi_blocking_destroy(wippy_runtime *rt)
{
    wippyi_blocking *blocking = (wippyi_blocking *)wippyi_ap_load_acq(&rt->blocking);
    uint32_t i;
    if (blocking == NULL) {
        return;
    }
    wippyi_mutex_lock(&blocking->lock);
    blocking->quit = true;
    wippyi_cond_broadcast(&blocking->work);
    wippyi_mutex_unlock(&blocking->lock);
    for (i = 0; i < blocking->count; i++) {
        wippyi_thread_join(&blocking->threads[i]);
    }
    wippyi_cond_destroy(&blocking->work);
    wippyi_mutex_destroy(&blocking->lock);
    wippyi_mem_free(&rt->mem, blocking, sizeof(*blocking));
    wippyi_ap_store_rel(&rt->blocking, NULL);
}

WIPPY_API wippy_result wippy_blocking(wippy_self *self,
                                      wippy_result (*fn)(void *arg, wippy_writer *out), void *arg,
                                      void (*drop)(void *arg), uint64_t tag, wippy_token *token)
{
    wippy_runtime *rt = self->rt;
    wippyi_blocking *blocking;
    wippyi_yield *yield;
    wippyi_call *call;
    if (self->slot == NULL || wippyi_self_closing(self) || fn == NULL) {
        return WIPPY_ERR_INVALID;
    }
    blocking = wippyi_blocking_of(rt);
    call = blocking != NULL ? (wippyi_call *)wippyi_mem_alloc(&rt->mem, sizeof(*call)) : NULL;
    yield =
        call != NULL ? wippyi_yield_open(rt, self->worker, self->slot, self->pid.id, tag) : NULL;
    if (yield == NULL) {
        wippyi_mem_free(&rt->mem, call, sizeof(*call));
        return WIPPY_ERR_NOMEM;
    }
    call->fn = fn;
    call->drop = drop;
    call->arg = arg;
    call->token = wippyi_yield_token(yield);
    yield->cancel = wippyi_blocking_cancel;
    if (token != NULL) {
        *token = call->token;
    }
    if ((!WIPPYI_THREADS && rt->sim == NULL) || !wippyi_blocking_push(blocking, call)) {
        wippyi_call_run(rt, call); /* no thread can be had: better slow than lost */
    }
    return WIPPY_PENDING;
}
