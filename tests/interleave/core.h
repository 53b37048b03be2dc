/* A runtime under the explorer: one pool host whose workers are driven by the program's threads, and
   processes that write down, plainly, what they see. Two owners of one process are a race. */
#ifndef EXPLORE_CORE_H
#define EXPLORE_CORE_H

#define WIPPYI_RING_SIZE 4u
#include "implementation.h"

#define ACTORS     4
#define ACTOR_SEEN 8
#define WORKERS    3

typedef struct actor {
    wippy_status (*on_mail)(wippy_self *self, struct actor *a, const wippy_mail *mail);
    wippy_status (*on_start)(wippy_self *self, struct actor *a);
    void (*on_close)(wippy_self *self, struct actor *a);
    wippy_pid pid;
    wippy_pid target;
    wippy_token token;
    wippy_result answer;
    uint32_t steps, closes, empty_steps, count;
    struct {
        uint8_t kind;
        int8_t result;
        uint64_t from;
        int64_t number;
    } seen[ACTOR_SEEN];
} actor;

typedef struct kit {
    wippy_runtime *rt;
    wippy_host host;
    wippyi_host *h;
    wippyi_worker *w[WORKERS];
    wippy_type type;
    wippy_topic topic;
    actor actors[ACTORS];
    wippy_result answers[8]; /* of the program's threads */
    wippyi_a32 flag;
    wippyi_ticket ticket; /* of a program's own loop */
} kit;

static kit *k;

static void *kit_alloc(size_t size, void *user_data)
{
    (void)user_data;
    return explore_alloc(size);
}

static void kit_free(void *ptr, size_t size, void *user_data)
{
    (void)user_data;
    explore_free(ptr, size);
}

static wippy_result kit_init(wippy_self *self, void *state, const wippy_input *input)
{
    actor *a;
    memcpy(&a, input->data, sizeof(a));
    *(actor **)state = a;
    a->pid = wippy_self_pid(self);
    return WIPPY_OK;
}

static wippy_status kit_step(wippy_self *self, void *state)
{
    actor *a = *(actor **)state;
    wippy_status status = WIPPY_IDLE;
    const wippy_mail *mail;
    bool first = a->steps++ == 0;
    if (first && a->on_start != NULL) {
        status = a->on_start(self, a);
    }
    while (status == WIPPY_IDLE && (mail = wippy_next(self)) != NULL) {
        EXPLORE_CHECK(a->count < ACTOR_SEEN);
        a->seen[a->count].kind = mail->kind;
        a->seen[a->count].result = mail->result;
        a->seen[a->count].from = mail->from.id;
        a->seen[a->count].number = -1;
        if (mail->kind == WIPPY_MAIL_MESSAGE && mail->size == sizeof(int64_t)) {
            memcpy(&a->seen[a->count].number, wippy_mail_data(mail), sizeof(int64_t));
        }
        a->count++;
        first = true;
        status = a->on_mail != NULL ? a->on_mail(self, a, mail) : WIPPY_IDLE;
    }
    a->empty_steps += first ? 0u : 1u;
    return status;
}

static void kit_close(wippy_self *self, void *state)
{
    actor *a = *(actor **)state;
    a->closes++;
    if (a->on_close != NULL) {
        a->on_close(self, a);
    }
}

static void kit_boring_worker(wippyi_worker *w)
{
    explore_boring(&w->cost_ns, sizeof(w->cost_ns));
    explore_boring(&w->overdue, sizeof(w->overdue));
    explore_boring(&w->running, sizeof(w->running));
    explore_boring(&w->inits, sizeof(w->inits));
    explore_boring(&w->stolen, sizeof(w->stolen));
    explore_boring(&w->parked, sizeof(w->parked));
    explore_boring(&w->messages, sizeof(w->messages));
    explore_boring(&w->spawned, sizeof(w->spawned));
    explore_boring(&w->census.processes, sizeof(w->census.processes));
    explore_boring(&w->thread_id, sizeof(w->thread_id));
}

static void kit_name_worker(wippyi_worker *w, const char *const text[5])
{
    explore_name(w, sizeof(*w), text[0]);
    explore_name(&w->rings[0], sizeof(w->rings[0]), text[1]);
    explore_name(&w->next_slot, sizeof(w->next_slot), text[2]);
    explore_name(&w->ticket, sizeof(w->ticket), text[3]);
    explore_name(&w->wheel_lock, sizeof(w->wheel_lock), text[4]);
}

/* Caches are filled before the runs, which then are short. */
static void kit_warm(wippyi_worker *w)
{
    uint32_t size_class;
    for (size_class = 0; size_class < 4; size_class++) {
        size_t bytes = wippyi_class_bytes(size_class);
        void *one = wippyi_block_get(k->rt, w, bytes);
        void *two = wippyi_block_get(k->rt, w, bytes);
        wippyi_block_put(k->rt, w, one, bytes);
        wippyi_block_put(k->rt, w, two, bytes);
    }
    if (w != NULL) {
        (void)wippyi_slab_refill(&k->rt->slots, &w->slots);
        (void)wippyi_slab_refill(&k->rt->yields, &w->yields);
    }
}

static void kit_open_with(uint32_t workers, const wippy_host_desc *given)
{
    static const char *const names[WORKERS][5] = {
        {"w0", "w0.ring", "w0.next_slot", "w0.ticket", "w0.wheel_lock"},
        {"w1", "w1.ring", "w1.next_slot", "w1.ticket", "w1.wheel_lock"},
        {"w2", "w2.ring", "w2.next_slot", "w2.ticket", "w2.wheel_lock"}};
    wippy_desc desc;
    wippy_host_desc host;
    wippy_type_desc type;
    uint32_t i;
    k = (kit *)explore_alloc(sizeof(*k));
    explore_name(k, sizeof(*k), "kit");
    memset(&desc, 0, sizeof(desc));
    memset(&type, 0, sizeof(type));
    memset(&host, 0, sizeof(host));
    if (given != NULL) {
        host = *given;
    }
    desc.allocator.alloc_fn = kit_alloc;
    desc.allocator.free_fn = kit_free;
    desc.random_seed = 1;
    desc.interrupt_signal = -1;
    host.name = "app:main";
    host.workers = workers;
    if (host.kind == WIPPY_HOST_PUMP) { /* it has one worker and no thread */
        host.workers = 0;
    }
    type.name = "actor";
    type.state_bytes = sizeof(actor *);
    type.init = kit_init;
    type.step = kit_step;
    type.close = kit_close;
    EXPLORE_CHECK(wippy_create(&k->rt, &desc) == WIPPY_OK);
    k->rt->cpu_count = 0; /* nobody spins */
    EXPLORE_CHECK(wippy_type_register(k->rt, &type, &k->type) == WIPPY_OK);
    EXPLORE_CHECK(wippy_host_create(k->rt, &host, &k->host) == WIPPY_OK);
    k->topic = wippy_topic_make(k->rt, "topic");
    k->h = wippyi_host_at(k->rt, k->host);
    explore_name(k->rt, sizeof(*k->rt), "rt");
    explore_name(&k->rt->outside_lock, sizeof(k->rt->outside_lock), "outside_lock");
    explore_name(k->rt->stripes, sizeof(k->rt->stripes), "stripes");
    explore_name(&k->rt->stop_lock, sizeof(k->rt->stop_lock), "stop_lock");
    explore_name(k->h, sizeof(*k->h), "host");
    explore_name(&k->h->queues[0], sizeof(k->h->queues[0]), "queue");
    explore_name(&k->h->sleep_word, sizeof(k->h->sleep_word), "sleep_word");
    explore_name(&k->h->park_lock, sizeof(k->h->park_lock), "park_lock");
    explore_name(&k->h->state, sizeof(k->h->state), "host.state");
    explore_name(&k->h->census, sizeof(k->h->census), "host.census");
    explore_boring(&k->rt->mem.bytes, sizeof(k->rt->mem.bytes));
    explore_boring(&k->rt->alive, sizeof(k->rt->alive));
    explore_boring(&k->rt->random, sizeof(k->rt->random));
    for (i = 0; i < workers; i++) {
        k->w[i] = wippyi_host_worker(k->h, i);
        kit_name_worker(k->w[i], names[i]);
        kit_boring_worker(k->w[i]);
        kit_warm(k->w[i]);
    }
    kit_warm(NULL);
    (void)wippyi_slab_refill(&k->rt->slots, &k->rt->outside_slots);
    (void)wippyi_slab_refill(&k->rt->yields, &k->rt->outside_yields);
}

static void kit_open(uint32_t workers)
{
    kit_open_with(workers, NULL);
}

static wippyi_slot *kit_slot(wippy_pid pid)
{
    return wippyi_slot_of(k->rt, pid.id);
}

static wippy_result kit_try_spawn(wippy_self *self, uint32_t which, uint32_t flags, wippy_pid *out)
{
    actor *a = &k->actors[which];
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.type = k->type;
    desc.host = k->host;
    desc.data = &a;
    desc.size = sizeof(a);
    desc.flags = flags;
    return wippy_spawn(self, &desc, out, NULL);
}

/* In setup: born on worker w, and idle. */
static wippy_pid kit_spawn(wippyi_worker *w, uint32_t which)
{
    static const char *const names[ACTORS] = {"slot(a)", "slot(b)", "slot(c)", "slot(d)"};
    wippy_pid pid;
    wippyi_slot *slot;
    EXPLORE_CHECK(kit_try_spawn(&w->self, which, 0, &pid) == WIPPY_OK);
    while (wippyi_worker_turn(w)) {
    }
    wippyi_a32_store_rlx(&w->cost_ns, 20000);
    slot = kit_slot(pid);
    explore_name(slot, sizeof(*slot), names[which]);
    explore_boring(&slot->head.count, sizeof(slot->head.count));
    return pid;
}

static wippy_result kit_send(wippy_self *self, wippy_pid to, int64_t number)
{
    return wippy_send(self, to, k->topic, &number, sizeof(number));
}

/* A worker for some turns; it also steals. */
static void kit_work(wippyi_worker *w, uint32_t turns)
{
    uint32_t i;
    for (i = 0; i < turns; i++) {
        if (!wippyi_worker_turn(w)) {
            wippyi_slot *slot = wippyi_steal(w);
            if (slot == NULL) {
                return;
            }
            wippyi_run(w, slot);
        }
    }
}

/* After a run: whatever is left to do, by the workers in turn; no thread runs any more. */
static void kit_settle(void)
{
    uint32_t i, round;
    for (round = 0; round < 20; round++) {
        bool any = false;
        for (i = 0; i < WORKERS && k->w[i] != NULL; i++) {
            any = wippyi_worker_turn(k->w[i]) || any;
        }
        if (!any) {
            return;
        }
    }
    explore_fail("work without end");
}

static bool kit_alive(wippy_pid pid)
{
    return wippy_alive(k->rt, pid);
}

/* How many mails of a kind a process saw. */
static uint32_t kit_saw(const actor *a, int kind)
{
    uint32_t i, n = 0;
    for (i = 0; i < a->count; i++) {
        n += a->seen[i].kind == kind ? 1u : 0u;
    }
    return n;
}

/* Position + 1 at which a message with this number was seen; 0 = not. More than once is an error. */
static uint32_t kit_saw_number(const actor *a, int64_t number)
{
    uint32_t i, at = 0;
    for (i = 0; i < a->count; i++) {
        if (a->seen[i].kind == WIPPY_MAIL_MESSAGE && a->seen[i].number == number) {
            EXPLORE_CHECK(at == 0);
            at = i + 1;
        }
    }
    return at;
}

static wippy_status kit_done_on_mail(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)a;
    (void)mail;
    return wippy_done(self);
}

static wippy_status kit_done_on_cancel(wippy_self *self, actor *a, const wippy_mail *mail)
{
    (void)a;
    return mail->kind == WIPPY_MAIL_CANCEL ? wippy_done(self) : WIPPY_IDLE;
}

#endif /* EXPLORE_CORE_H */
