/* Random graphs of processes under simulation. A seed gives hosts, processes and what they do: send, spawn,
   link, monitor, register, cancel, terminate, upgrade, wait, call, end; and calls from outside, which also
   stop and resize hosts. The world keeps a book of what must be true and is asked at every mail, every
   answer and after every move.

       build/tests/sim/test_graph                    2,000 seeds
       build/tests/sim/test_graph --seeds 100000     from 0 on; --first N
       build/tests/sim/test_graph 4711               one seed, told move by move
       build/tests/sim/test_graph --hashes           seed and hash, as in tests/sim/hashes

   tests/README.md says what is checked, and how to add an operation. */
#include <stdbool.h>
#define WIPPYI_RING_SIZE 4u /* so that rings overflow */
#define WIPPY_STATIC
#define WIPPY_PARANOID
static void sim_assert(bool holds, const char *text, const char *file, int line);
#define WIPPY_ASSERT(x) sim_assert((x), #x, __FILE__, __LINE__)
#define WIPPY_UNREACHABLE() sim_assert(false, "reached", __FILE__, __LINE__)
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "test.h"
#include "runner.h"

#include <stdbool.h>
static void sim_assert(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        sim_broken("assert %s:%d: %s", file, line, text);
    }
}

/* ------------------------------------------------------------------ the book */

#define ACTORS 48 /* number 0 is whoever calls from outside */
#define NAMES  5
#define HOSTS  3
#define WAITS  12
#define ORDERS 64 /* tokens given to others */
#define SENDERS 4 /* senders at once: moves inside each other */
#define MS     1000000u

typedef enum sim_life { NEVER, BORN_SOON, LIVING, UNBORN, OVER } sim_life;
typedef enum sim_wait { WAIT_NONE, WAIT_TIMER, WAIT_OPEN, WAIT_BLOCK, WAIT_SPAWN, WAIT_EXEC } sim_wait;
typedef enum sim_tie { TIE_NONE, TIE_SURE, TIE_PERHAPS } sim_tie;

typedef struct sim_yield {
    sim_wait kind;
    uint64_t tag;
    uint64_t due_ns;
    wippy_token token;
    uint32_t child;
    bool done; /* WAIT_OPEN: somebody's wippy_complete() said OK */
} sim_yield;

typedef struct sim_actor {
    wippy_pid pid;
    sim_life life;
    uint32_t host;
    uint32_t parent;
    uint64_t random;
    uint64_t serial;  /* of tags */
    bool in_step;
    bool awaited;     /* a step may come without mail: the first, or after CONTINUE */
    bool trap;
    bool ending;      /* its last step said how it ends */
    int code;         /* with this */
    bool upgrading;
    bool terminated;  /* somebody's terminate said OK */
    bool doomed;      /* and it was in no step: none may begin any more */
    bool routable;    /* it can be reached from here on */
    bool answered;    /* its spawner knows: the birth is over */
    bool must_end;    /* an answer said that it is gone or going */
    uint32_t inits, closes, exits;
    int exit_code;
    uint32_t cancels; /* of the runtime: not numbered */
    uint32_t kept;    /* mails on shelf 0 */
    uint64_t last_kept;
    uint32_t blocks_asked, blocks_dropped;
    uint32_t letters, letters_seen; /* sent to it */
    uint32_t writable_wanted, writable_seen;
    sim_yield waits[WAITS];
} sim_actor;

typedef struct sim_order {
    wippy_token token;
    uint32_t owner;
    uint64_t tag;
} sim_order;

typedef struct sim_letter {
    uint32_t from, to, number, order;
} sim_letter;

static struct sim_world {
    const sim_plan *plan;
    wippy_runtime *rt;
    wippy_topic topic;
    wippy_type types[2];
    wippy_host hosts[HOSTS];
    uint32_t host_count;
    uint32_t limit[HOSTS]; /* of mailboxes */
    bool fails;            /* allocations may */
    bool stopping;
    uint64_t random; /* of what is set up */
    uint32_t made;   /* actors used */
    uint32_t ops_left;
    uint64_t sent_all, seen_all, lost_all;
    sim_actor actors[ACTORS];
    uint32_t sent[ACTORS][ACTORS], seen[ACTORS][ACTORS];
    sim_tie monitor[ACTORS][ACTORS];
    sim_tie link[ACTORS][ACTORS];
    int told[ACTORS][ACTORS]; /* code of the EXIT */
    bool got[ACTORS][ACTORS]; /* an EXIT */
    int exec_code[ACTORS];
    bool exec_told[ACTORS];
    bool held[NAMES][ACTORS]; /* registered, not released */
    sim_order orders[ORDERS];
    uint32_t order_count;
    test_heap heap;
} W;

static uint64_t dice(uint64_t *state, uint64_t sides)
{
    return wippyi_random(state) % sides;
}

static bool chance(uint64_t *state, uint64_t one_in)
{
    return dice(state, one_in) == 0;
}

/* Often none. Two dice are never thrown in one expression: C does not say which comes first. */
static uint64_t some_time(uint64_t *random, uint64_t most_ms)
{
    bool none = chance(random, 2);
    uint64_t time_ms = dice(random, most_ms);
    return none ? 0 : time_ms * MS;
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list args;
    if (!W.plan->trace) {
        return;
    }
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static uint32_t actor_of(wippy_pid pid)
{
    uint32_t i;
    for (i = 1; i <= W.made; i++) {
        if (pid.id != 0 && W.actors[i].pid.id == pid.id) {
            return i;
        }
    }
    return 0;
}

static bool answer_is(wippy_result r, wippy_result allowed)
{
    return r == allowed || (r == WIPPY_ERR_NOMEM && W.fails);
}

static const char *name_of(uint32_t name)
{
    static const char *const names[NAMES] = {"ann", "bob", "cyd", "dan", "eve"};
    return names[name];
}

/* ------------------------------------------------------------------ looking at the core between moves */

static uint32_t look_queued[4096];

static void look_at(const wippyi_slot *slot)
{
    SIM_CHECK(slot != NULL && slot->head.index < TEST_COUNT(look_queued));
    look_queued[slot->head.index]++;
}

static void look_at_worker(const wippyi_worker *w)
{
    uint32_t lane;
    SIM_CHECK(!w->busy);
    if (wippyi_ap_load_rlx(&w->next_slot) != NULL) {
        look_at((const wippyi_slot *)wippyi_ap_load_rlx(&w->next_slot));
    }
    for (lane = 0; lane < WIPPYI_LANES; lane++) {
        uint32_t at = wippyi_a32_load_rlx(&w->rings[lane].head);
        for (; at != wippyi_a32_load_rlx(&w->rings[lane].tail); at++) {
            look_at((const wippyi_slot *)wippyi_ap_load_rlx(
                &w->rings[lane].entries[at % WIPPYI_RING_SIZE]));
        }
    }
}

static void look_at_bundles(const wippyi_bundle *bundle)
{
    uint32_t i;
    for (; bundle != NULL; bundle = bundle->next) {
        for (i = bundle->taken; i < bundle->count; i++) {
            look_at((const wippyi_slot *)bundle->slots[i]);
        }
    }
}

static void look_at_queues(const wippyi_host *host)
{
    uint32_t lane, i;
    for (lane = 0; lane < WIPPYI_LANES; lane++) {
        const wippyi_slot *slot = host->queues[lane].first;
        for (; slot != NULL; slot = slot->run_next) {
            look_at(slot);
        }
        look_at_bundles(host->queues[lane].bundles);
        slot = (const wippyi_slot *)wippyi_ap_load_rlx(&host->queues[lane].inbox);
        for (; slot != NULL; slot = slot->run_next) {
            look_at(slot);
        }
    }
    for (i = 0; i < wippyi_a32_load_rlx(&host->worker_slots); i++) {
        look_at_worker(wippyi_host_worker(host, i));
    }
}

/* A process that nobody owns is in no queue, one that is owned is in exactly one. */
static bool look_at_slot(const wippyi_slot *slot)
{
    void *head = wippyi_ap_load_rlx(&slot->box.head);
    uint32_t queued = look_queued[slot->head.index];
    look_queued[slot->head.index] = 0;
    if (wippyi_a64_load_rlx(&slot->tenant) == 0 || head == WIPPYI_BOX_CLOSED) {
        SIM_CHECK(queued == 0);
        SIM_CHECK(wippyi_a64_load_rlx(&slot->life) == 0);
        return false;
    }
    if (head == WIPPYI_BOX_IDLE) {
        SIM_CHECK(queued == 0); /* in a queue though nobody owns it */
        SIM_CHECK(slot->fresh == NULL);
        SIM_CHECK((wippyi_a64_load_rlx(&slot->life) & WIPPYI_LIFE_TERMINATE) == 0);
    } else {
        SIM_CHECK(queued == 1); /* else forgotten, or in two queues */
    }
    return true;
}

static void look_at_counts(void)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_rlx(&W.rt->host_list);
    uint32_t high = wippyi_a32_load_rlx(&W.rt->slots.high);
    uint32_t all = 0;
    for (; host != NULL; host = host->next_host) {
        uint32_t here = 0;
        uint32_t i;
        for (i = 1; i < high; i++) {
            const wippyi_slot *slot = (const wippyi_slot *)wippyi_slab_at(&W.rt->slots, i);
            here += wippyi_slot_host(slot) == host && wippyi_a64_load_rlx(&slot->tenant) != 0 &&
                            wippyi_ap_load_rlx(&slot->box.head) != WIPPYI_BOX_CLOSED
                        ? 1u
                        : 0u;
        }
        SIM_CHECK(here == wippyi_host_population(host));
        all += here;
    }
    SIM_CHECK(all == wippyi_population(W.rt));
    SIM_CHECK(!wippyi_runtime_limited(W.rt) || all == wippyi_a64_load_rlx(&W.rt->alive));
}

static void look(void)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_rlx(&W.rt->host_list);
    uint32_t high = wippyi_a32_load_rlx(&W.rt->slots.high);
    uint32_t i;
    if (W.rt->sim->depth != 0) {
        return; /* somebody is in the middle of something */
    }
    for (; host != NULL; host = host->next_host) {
        look_at_queues(host);
    }
    for (i = 1; i < high; i++) {
        (void)look_at_slot((const wippyi_slot *)wippyi_slab_at(&W.rt->slots, i));
    }
    look_at_counts();
}

/* ------------------------------------------------------------------ yields */

static sim_yield *yield_new(sim_actor *a, sim_wait kind)
{
    uint32_t i;
    for (i = 0; i < WAITS; i++) {
        if (a->waits[i].kind == WAIT_NONE) {
            memset(&a->waits[i], 0, sizeof(a->waits[i]));
            a->waits[i].kind = kind;
            a->waits[i].tag = (uint64_t)(a - W.actors) << 32 | ++a->serial;
            return &a->waits[i];
        }
    }
    return NULL;
}

static sim_yield *yield_by_tag(sim_actor *a, uint64_t tag)
{
    uint32_t i;
    for (i = 0; i < WAITS; i++) {
        if (a->waits[i].kind != WAIT_NONE && a->waits[i].tag == tag) {
            return &a->waits[i];
        }
    }
    return NULL;
}

static uint32_t new_actor(void)
{
    return W.made + 1 < ACTORS && W.made < W.plan->actors ? ++W.made : 0;
}

/* A spawn failed: as if nobody had asked. */
static void child_failed(uint32_t child, uint32_t parent)
{
    SIM_CHECK(W.actors[child].inits == 0);
    SIM_CHECK(W.actors[child].exits == 0);
    W.actors[child].life = UNBORN;
    W.monitor[parent][child] = TIE_NONE;
    W.link[parent][child] = W.link[child][parent] = TIE_NONE;
}

static void child_made(uint32_t child, wippy_pid pid)
{
    SIM_CHECK(W.actors[child].inits > 0);
    SIM_CHECK(W.actors[child].pid.id == pid.id);
    W.actors[child].routable = W.actors[child].answered = true;
    SIM_CHECK(wippy_alive(W.rt, pid) || W.actors[child].ending || W.actors[child].exits > 0 ||
              W.actors[child].terminated || W.stopping || !W.actors[child].trap ||
              W.actors[child].upgrading);
}

static void see_done(sim_actor *a, const wippy_mail *mail)
{
    sim_yield *y = yield_by_tag(a, wippy_mail_tag(mail));
    wippy_reader reader;
    wippy_value value;
    wippy_pid pid;
    SIM_CHECK(y != NULL); /* dropped, of an earlier body, or answered twice */
    switch (y->kind) {
    case WAIT_TIMER:
        SIM_CHECK(wippy_now_ns(W.rt) >= y->due_ns);
        SIM_CHECK(mail->result == WIPPY_OK);
        break;
    case WAIT_OPEN: SIM_CHECK(y->done); break;
    case WAIT_BLOCK: SIM_CHECK(answer_is((wippy_result)mail->result, WIPPY_OK)); break;
    case WAIT_SPAWN:
        if (mail->result != WIPPY_OK) {
            child_failed(y->child, (uint32_t)(a - W.actors));
            break;
        }
        wippy_reader_init(&reader, wippy_mail_data(mail), mail->size);
        SIM_CHECK(wippy_read(&reader, &value) == WIPPY_OK && value.type == WIPPY_INT);
        pid.id = (uint64_t)value.as.integer;
        child_made(y->child, pid);
        break;
    case WAIT_EXEC:
        if (W.actors[y->child].inits == 0) {
            SIM_CHECK(mail->result != WIPPY_OK);
            child_failed(y->child, (uint32_t)(a - W.actors));
        } else {
            W.exec_told[y->child] = true;
            W.exec_code[y->child] = mail->result;
        }
        break;
    case WAIT_NONE:
    default: SIM_CHECK(!"a wait"); break;
    }
    y->kind = WAIT_NONE;
}

/* ------------------------------------------------------------------ what actors see */

static void see_letter(sim_actor *a, const wippy_mail *mail)
{
    uint32_t me = (uint32_t)(a - W.actors);
    sim_letter letter;
    SIM_CHECK(mail->size == sizeof(letter));
    memcpy(&letter, wippy_mail_data(mail), sizeof(letter));
    SIM_CHECK(letter.to == me && letter.from < ACTORS);
    SIM_CHECK(mail->from.id == W.actors[letter.from].pid.id);
    SIM_CHECK(letter.number == W.seen[letter.from][me] + 1); /* lost, twice, or out of order */
    W.seen[letter.from][me] = letter.number;
    W.seen_all++;
    a->letters_seen++;
    if (letter.order != 0 && letter.order <= ORDERS) { /* complete somebody's yield */
        sim_order *order = &W.orders[letter.order - 1];
        sim_yield *y = yield_by_tag(&W.actors[order->owner], order->tag);
        bool before = y != NULL && y->done;
        wippy_result r;
        if (y != NULL && !before) {
            y->done = true;
        }
        r = wippy_complete(W.rt, order->token, WIPPY_OK, NULL, 0, 0);
        SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_GONE);
        SIM_CHECK(r != WIPPY_OK || (y != NULL && !before));
        if (r != WIPPY_OK && y != NULL && !before) {
            W.actors[order->owner].must_end = true;
            y->done = false;
        }
    }
}

static void see_cancel(sim_actor *a, const wippy_mail *mail)
{
    uint32_t me = (uint32_t)(a - W.actors);
    uint32_t from = actor_of(mail->from);
    uint32_t number = 0;
    char text[64];
    wippy_reader reader;
    wippy_value value;
    wippy_reader_init(&reader, wippy_mail_data(mail), mail->size);
    SIM_CHECK(wippy_read(&reader, &value) == WIPPY_OK && value.type == WIPPY_STRING);
    snprintf(text, sizeof(text), "%.*s", (int)value.as.string.size, value.as.string.data);
    if (sscanf(text, "number %u", &number) != 1) {
        a->cancels++;
        SIM_CHECK(strcmp(text, "caller ended") == 0 || strcmp(text, "scheduler shutdown") == 0);
        return;
    }
    SIM_CHECK(number == W.seen[from][me] + 1);
    W.seen[from][me] = number;
}

static void see_exit(sim_actor *a, const wippy_mail *mail)
{
    uint32_t me = (uint32_t)(a - W.actors);
    uint32_t from = actor_of(mail->from);
    uint32_t i;
    SIM_CHECK(from != 0);
    SIM_CHECK(W.monitor[me][from] != TIE_NONE); /* a second one, or none was asked for */
    W.monitor[me][from] = TIE_NONE;
    W.got[me][from] = true;
    W.told[me][from] = mail->result;
    SIM_CHECK(!wippy_alive(W.rt, mail->from));
    SIM_CHECK(W.seen[from][me] == W.sent[from][me]); /* all that it sent before */
    W.actors[from].must_end = true;
    for (i = 0; i < NAMES; i++) {
        wippy_pid pid;
        SIM_CHECK(wippy_name_find(W.rt, name_of(i), 0, &pid) != WIPPY_OK ||
                  pid.id != mail->from.id);
    }
}

static void see_link_down(sim_actor *a, const wippy_mail *mail)
{
    uint32_t me = (uint32_t)(a - W.actors);
    uint32_t from = actor_of(mail->from);
    SIM_CHECK(a->trap);
    SIM_CHECK(from != 0 && W.link[me][from] != TIE_NONE);
    SIM_CHECK(W.monitor[me][from] != TIE_SURE); /* EXIT comes first */
    SIM_CHECK(mail->result != WIPPY_OK);
    W.link[me][from] = W.link[from][me] = TIE_NONE;
    SIM_CHECK(W.seen[from][me] == W.sent[from][me]);
}

/* ------------------------------------------------------------------ what actors do */

typedef enum sim_op {
    OP_SEND, OP_SPAWN, OP_EXEC, OP_MONITOR, OP_UNMONITOR, OP_LINK, OP_UNLINK, OP_NAME, OP_CANCEL,
    OP_TERMINATE, OP_TIMER, OP_OPEN, OP_BLOCK, OP_DROP, OP_KEEP, OP_UPGRADE, OP_DONE, OP_FAIL,
    OP_WRITABLE, OP_STOP_HOST, OP_RESIZE, OP_LIMIT, OP_NOMEM, OP_COUNT
} sim_op;

static const char *const sim_op_names[] = {
    "send", "spawn", "exec", "monitor", "unmonitor", "link", "unlink", "name", "cancel",
    "terminate", "timer", "open", "block", "drop", "keep", "upgrade", "done", "fail",
    "writable", "stop_host", "resize", "limit", "nomem", NULL};

static bool may(sim_op op)
{
    return (W.plan->without >> op & 1) == 0;
}

/* Somebody, dead or alive; 0 = nobody is there. */
static uint32_t anybody(uint64_t *random)
{
    uint32_t i = W.made > 0 ? 1 + (uint32_t)dice(random, W.made) : 0;
    return i != 0 && W.actors[i].pid.id != 0 ? i : 0;
}

/* Somebody was said to be gone. */
static void is_gone(uint32_t who)
{
    SIM_CHECK(!wippy_alive(W.rt, W.actors[who].pid));
    W.actors[who].must_end = W.actors[who].must_end || W.actors[who].routable;
}

static void sent_answer(uint32_t from, uint32_t to, wippy_result r)
{
    if (r == WIPPY_OK) {
        uint32_t limit = W.limit[W.actors[to].host];
        W.sent[from][to]++;
        W.sent_all++;
        W.actors[to].letters++;
        SIM_CHECK(limit == 0 || W.actors[to].letters - W.actors[to].letters_seen <= limit);
    } else if (r == WIPPY_ERR_GONE) {
        is_gone(to);
    } else if (r == WIPPY_ERR_FULL) {
        /* early by kept mail, the one in hand, and senders that came at the same time */
        uint32_t there = W.actors[to].letters - W.actors[to].letters_seen + W.actors[to].kept;
        SIM_CHECK(there + 1 + SENDERS >= W.limit[W.actors[to].host]);
        SIM_CHECK(W.limit[W.actors[to].host] != 0);
    } else {
        SIM_CHECK(answer_is(r, WIPPY_OK));
    }
}

static void give_back(void *data, size_t size, void *user_data)
{
    (void)size;
    (*(uint32_t *)user_data)++;
    free(data);
}

static uint32_t W_given, W_given_back;

static wippy_result send_letter(wippy_self *self, uint32_t from, uint32_t to, uint64_t *random,
                                uint32_t order)
{
    sim_letter letter;
    wippy_message message;
    wippy_result r;
    void *owned;
    letter.from = from;
    letter.to = to;
    letter.number = W.sent[from][to] + 1;
    letter.order = order;
    switch (dice(random, 6)) {
    case 0:
        memset(&message, 0, sizeof(message));
        message.topic_name = "by name";
        message.data = &letter;
        message.size = sizeof(letter);
        r = wippy_send_message(self, W.actors[to].pid, &message);
        break;
    case 1:
        owned = malloc(sizeof(letter));
        memcpy(owned, &letter, sizeof(letter));
        r = wippy_send_owned(self, W.actors[to].pid, W.topic, owned, sizeof(letter), give_back,
                             &W_given_back);
        if (r == WIPPY_OK) {
            W_given++;
        } else {
            free(owned);
        }
        break;
    default:
        r = wippy_send(self, W.actors[to].pid, W.topic, &letter, sizeof(letter));
        break;
    }
    tell("    %u sends %u to %u: %s", from, letter.number, to, wippy_result_name(r));
    sent_answer(from, to, r);
    return r;
}

static void do_spawn(wippy_self *self, uint32_t me, uint64_t *random, bool exec)
{
    sim_actor *a = &W.actors[me];
    wippy_spawn_desc desc;
    wippy_token token;
    wippy_pid pid;
    wippy_result r;
    uint32_t host = (uint32_t)dice(random, W.host_count);
    sim_yield *y = me != 0 ? yield_new(a, exec ? WAIT_EXEC : WAIT_SPAWN) : NULL;
    uint32_t child = me == 0 || y != NULL ? new_actor() : 0;
    if (child == 0) {
        if (y != NULL) {
            y->kind = WAIT_NONE;
        }
        return;
    }
    memset(&desc, 0, sizeof(desc));
    desc.type = W.types[dice(random, 2)];
    desc.host = W.hosts[host];
    desc.data = &child;
    desc.size = sizeof(child);
    desc.flags |= chance(random, 3) && may(OP_MONITOR) ? (uint32_t)WIPPY_SPAWN_MONITOR : 0;
    desc.flags |= chance(random, 3) && may(OP_LINK) ? (uint32_t)WIPPY_SPAWN_LINK : 0;
    desc.flags |= chance(random, 5) ? (uint32_t)WIPPY_SPAWN_HIGH : 0;
    desc.flags = exec || me == 0 ? desc.flags & WIPPY_SPAWN_HIGH : desc.flags;
    desc.tag = y != NULL ? y->tag : 0;
    W.actors[child].life = BORN_SOON;
    W.actors[child].host = host;
    W.actors[child].parent = me;
    if ((desc.flags & WIPPY_SPAWN_MONITOR) != 0) {
        W.monitor[me][child] = TIE_SURE;
    }
    if ((desc.flags & WIPPY_SPAWN_LINK) != 0) {
        W.link[me][child] = W.link[child][me] = TIE_SURE;
    }
    if (y != NULL) {
        y->child = child;
    }
    r = exec ? wippy_exec(self, &desc, &token, NULL) : wippy_spawn(self, &desc, &pid, NULL);
    tell("    %u %s %u on %u: %s", me, exec ? "executes" : "spawns", child, host,
         wippy_result_name(r));
    if (r == WIPPY_PENDING) {
        SIM_CHECK(me != 0);
        if (exec) {
            y->token = token;
        }
        return;
    }
    if (y != NULL) {
        y->kind = WAIT_NONE;
    }
    if (r == WIPPY_OK) {
        child_made(child, pid);
    } else {
        SIM_CHECK(r == WIPPY_ERR_CONFLICT || r == WIPPY_ERR_STOPPED || r == WIPPY_ERR_LIMIT ||
                  answer_is(r, WIPPY_OK));
        child_failed(child, me);
    }
}

static void do_monitor(wippy_self *self, uint32_t me, uint32_t to, bool off)
{
    wippy_result r;
    if (off) {
        r = wippy_unmonitor(self, W.actors[to].pid);
        SIM_CHECK(r == WIPPY_OK);
        if (W.monitor[me][to] != TIE_NONE) {
            W.monitor[me][to] = wippy_alive(W.rt, W.actors[to].pid) ? TIE_NONE : TIE_PERHAPS;
        }
        tell("    %u does not monitor %u", me, to);
        return;
    }
    if (W.monitor[me][to] == TIE_PERHAPS) {
        return; /* an EXIT may be on its way */
    }
    r = wippy_monitor(self, W.actors[to].pid);
    tell("    %u monitors %u: %s", me, to, wippy_result_name(r));
    if (to == me) {
        SIM_CHECK(r == WIPPY_ERR_INVALID);
    } else if (r == WIPPY_OK) {
        SIM_CHECK(W.monitor[me][to] == TIE_NONE && !W.got[me][to]);
        W.monitor[me][to] = TIE_SURE;
    } else if (r == WIPPY_ERR_GONE) {
        is_gone(to);
    } else {
        SIM_CHECK(answer_is(r, WIPPY_ERR_EXISTS));
        SIM_CHECK(r != WIPPY_ERR_EXISTS || W.monitor[me][to] == TIE_SURE);
    }
}

static void do_link(wippy_self *self, uint32_t me, uint32_t to, bool off)
{
    wippy_result r;
    if (off) {
        r = wippy_unlink(self, W.actors[to].pid);
        SIM_CHECK(r == WIPPY_OK);
        if (W.link[me][to] != TIE_NONE) {
            sim_tie left = wippy_alive(W.rt, W.actors[to].pid) ? TIE_NONE : TIE_PERHAPS;
            W.link[me][to] = W.link[to][me] = left;
        }
        tell("    %u unlinks %u", me, to);
        return;
    }
    if (W.link[me][to] == TIE_PERHAPS) {
        return;
    }
    r = wippy_link(self, W.actors[to].pid);
    tell("    %u links %u: %s", me, to, wippy_result_name(r));
    if (r == WIPPY_OK && to != me) {
        W.link[me][to] = W.link[to][me] = TIE_SURE;
    } else if (r == WIPPY_ERR_GONE) {
        is_gone(to);
    } else {
        SIM_CHECK(answer_is(r, WIPPY_OK));
    }
}

static void do_name(wippy_self *self, uint32_t me, uint64_t *random)
{
    uint32_t name = (uint32_t)dice(random, NAMES);
    wippy_pid pid;
    wippy_result r;
    uint32_t i;
    switch (dice(random, 4)) {
    case 0:
        r = wippy_name_release(self, name_of(name), 0);
        for (i = 0; i < ACTORS && r == WIPPY_OK; i++) {
            W.held[name][i] = false;
        }
        SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOTFOUND);
        tell("    %u releases %s: %s", me, name_of(name), wippy_result_name(r));
        break;
    case 1:
        r = wippy_name_find(W.rt, name_of(name), 0, &pid);
        SIM_CHECK(r == WIPPY_ERR_NOTFOUND || (r == WIPPY_OK && actor_of(pid) != 0));
        break;
    default:
        r = wippy_name_register(self, name_of(name), 0, W.actors[me].pid);
        tell("    %u registers %s: %s", me, name_of(name), wippy_result_name(r));
        if (r == WIPPY_OK) {
            W.held[name][me] = true;
        } else {
            SIM_CHECK(answer_is(r, WIPPY_ERR_EXISTS) ||
                      (r == WIPPY_ERR_GONE && W.actors[me].terminated));
        }
        break;
    }
}

static void do_cancel(wippy_self *self, uint32_t from, uint32_t to)
{
    char reason[32];
    wippy_result r;
    snprintf(reason, sizeof(reason), "number %u", W.sent[from][to] + 1);
    r = wippy_cancel(self, W.actors[to].pid, reason);
    tell("    %u cancels %u: %s", from, to, wippy_result_name(r));
    if (r == WIPPY_OK) {
        W.sent[from][to]++;
    } else if (r == WIPPY_ERR_GONE) {
        is_gone(to);
    } else {
        SIM_CHECK(answer_is(r, WIPPY_OK));
    }
}

static void do_terminate(wippy_self *self, uint32_t from, uint32_t to)
{
    wippy_result r = wippy_terminate(self, W.actors[to].pid);
    tell("    %u terminates %u: %s", from, to, wippy_result_name(r));
    if (r == WIPPY_OK) {
        W.actors[to].terminated = true;
        W.actors[to].must_end = true;
        W.actors[to].doomed = W.actors[to].doomed || !W.actors[to].in_step;
    } else {
        SIM_CHECK(r == WIPPY_ERR_GONE);
        is_gone(to);
    }
}

static wippy_result block_run(void *arg, wippy_writer *out)
{
    (void)arg;
    wippy_write_bool(out, true);
    return WIPPY_OK;
}

static void block_drop(void *arg)
{
    ((sim_actor *)arg)->blocks_dropped++;
}

static void do_yield(wippy_self *self, uint32_t me, uint64_t *random, sim_wait kind)
{
    sim_actor *a = &W.actors[me];
    sim_yield *y = yield_new(a, kind);
    uint64_t delay = some_time(random, 50);
    wippy_result r;
    if (y == NULL) {
        return;
    }
    if (kind == WAIT_TIMER) {
        y->due_ns = wippy_now_ns(W.rt) + delay;
        r = wippy_timer(self, delay, y->tag, &y->token);
    } else if (kind == WAIT_BLOCK) {
        r = wippy_blocking(self, block_run, a, block_drop, y->tag, &y->token);
        a->blocks_asked += r == WIPPY_PENDING ? 1 : 0;
    } else {
        r = wippy_open(self, y->tag, &y->token);
    }
    tell("    %u waits (%d): %s", me, (int)kind, wippy_result_name(r));
    SIM_CHECK(answer_is(r, WIPPY_PENDING));
    if (r != WIPPY_PENDING) {
        y->kind = WAIT_NONE;
    } else if (kind == WAIT_OPEN) {
        uint32_t to = anybody(random);
        if (to == 0 || W.order_count == ORDERS) {
            SIM_CHECK(wippy_drop(self, y->token) == WIPPY_OK);
            y->kind = WAIT_NONE;
            return;
        }
        W.orders[W.order_count].token = y->token;
        W.orders[W.order_count].owner = me;
        W.orders[W.order_count].tag = y->tag;
        (void)send_letter(self, me, to, random, ++W.order_count);
    }
}

static void do_drop(wippy_self *self, uint32_t me, uint64_t *random)
{
    sim_actor *a = &W.actors[me];
    sim_yield *y = &a->waits[dice(random, WAITS)];
    wippy_result r;
    if (y->kind != WAIT_TIMER && y->kind != WAIT_OPEN && y->kind != WAIT_BLOCK &&
        y->kind != WAIT_EXEC) {
        return;
    }
    if (y->token.sequence == 0) {
        return;
    }
    r = wippy_drop(self, y->token);
    tell("    %u drops a wait: %s", me, wippy_result_name(r));
    SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_GONE);
    y->kind = WAIT_NONE; /* nothing may come any more */
}

static wippy_status do_upgrade(wippy_self *self, uint32_t me, uint64_t *random)
{
    sim_actor *a = &W.actors[me];
    wippy_status status;
    a->upgrading = true;
    status = wippy_upgrade(self, NULL, W.types[dice(random, 2)], &me, sizeof(me), 0);
    tell("    %u upgrades: %d", me, (int)status);
    SIM_CHECK(status == WIPPY_UPGRADE || (status == WIPPY_DONE && W.fails));
    return status;
}

static wippy_status do_end(wippy_self *self, uint32_t me, bool fail)
{
    sim_actor *a = &W.actors[me];
    a->ending = true;
    a->code = fail ? WIPPY_ERR_CONFLICT : WIPPY_OK;
    tell("    %u ends: %s", me, wippy_result_name((wippy_result)a->code));
    return fail ? wippy_fail(self, WIPPY_ERR_CONFLICT, "as planned") : wippy_done(self);
}

static void do_writable(wippy_self *self, uint32_t me, uint32_t to)
{
    wippy_result r = wippy_want_writable(self, W.actors[to].pid);
    if (r == WIPPY_OK) {
        W.actors[me].writable_wanted++;
    } else if (r == WIPPY_ERR_GONE) {
        is_gone(to);
    } else {
        SIM_CHECK(answer_is(r, WIPPY_OK));
    }
}

/* One thing of chance. True: the step is over with *status. */
static bool act(wippy_self *self, uint32_t me, wippy_status *status)
{
    sim_actor *a = &W.actors[me];
    uint64_t *random = &a->random;
    uint32_t to = anybody(random);
    uint32_t weight = (uint32_t)dice(random, 100);
    static const uint8_t weights[OP_STOP_HOST] = {30, 12, 4, 6, 3, 6, 3, 8, 4, 2, 8, 4, 3, 2, 0,
                                                  2, 1, 1, 1};
    sim_op op = OP_SEND;
    while (op + 1 < OP_STOP_HOST && weight >= weights[op]) {
        weight -= weights[op];
        op = (sim_op)(op + 1);
    }
    if (!may(op) || to == 0) {
        return false;
    }
    switch (op) {
    case OP_SEND:
        if (send_letter(self, me, to, random, 0) == WIPPY_ERR_FULL && may(OP_WRITABLE)) {
            do_writable(self, me, to);
        }
        break;
    case OP_SPAWN: do_spawn(self, me, random, false); break;
    case OP_EXEC: do_spawn(self, me, random, true); break;
    case OP_MONITOR: do_monitor(self, me, to, false); break;
    case OP_UNMONITOR: do_monitor(self, me, to, true); break;
    case OP_LINK: do_link(self, me, to, false); break;
    case OP_UNLINK: do_link(self, me, to, true); break;
    case OP_NAME: do_name(self, me, random); break;
    case OP_CANCEL: do_cancel(self, me, to); break;
    case OP_TERMINATE: do_terminate(self, me, to); break;
    case OP_TIMER: do_yield(self, me, random, WAIT_TIMER); break;
    case OP_OPEN: do_yield(self, me, random, WAIT_OPEN); break;
    case OP_BLOCK: do_yield(self, me, random, WAIT_BLOCK); break;
    case OP_DROP: do_drop(self, me, random); break;
    case OP_UPGRADE: *status = do_upgrade(self, me, random); return true;
    case OP_DONE: *status = do_end(self, me, false); return true;
    case OP_FAIL: *status = do_end(self, me, true); return true;
    case OP_WRITABLE: do_writable(self, me, to); break;
    default: break;
    }
    return false;
}

/* ------------------------------------------------------------------ the process */

typedef struct sim_body {
    uint32_t me;
    bool open;
} sim_body;

static wippy_result body_init(wippy_self *self, void *state, const wippy_input *input)
{
    sim_body *body = (sim_body *)state;
    wippy_pid pid = wippy_self_pid(self);
    sim_actor *a;
    uint32_t me;
    SIM_CHECK(input->size == sizeof(me));
    memcpy(&me, input->data, sizeof(me));
    a = &W.actors[me];
    SIM_CHECK(!a->in_step);
    SIM_CHECK(a->inits == a->closes);
    if (!a->upgrading) {
        SIM_CHECK(a->life == BORN_SOON && a->inits == 0);
        SIM_CHECK(!wippy_alive(W.rt, pid));
        SIM_CHECK(actor_of(pid) == 0); /* pids are not used twice */
    } else {
        SIM_CHECK(a->pid.id == pid.id && a->life == LIVING);
    }
    body->me = me;
    a->in_step = true;
    tell("  init of %u, pid %llx", me, (unsigned long long)pid.id);
    if (chance(&a->random, 10)) {
        a->in_step = false;
        a->ending = a->upgrading;
        a->code = WIPPY_ERR_CONFLICT;
        return WIPPY_ERR_CONFLICT;
    }
    a->trap = chance(&a->random, 2);
    wippy_trap_links(self, a->trap);
    a->pid = pid;
    a->life = LIVING;
    a->awaited = true;
    a->upgrading = false;
    a->in_step = false;
    a->inits++;
    body->open = true;
    return WIPPY_OK;
}

static void body_close(wippy_self *self, void *state)
{
    sim_body *body = (sim_body *)state;
    sim_actor *a = &W.actors[body->me];
    sim_letter letter;
    SIM_CHECK(body->open && !a->in_step);
    memset(&letter, 0, sizeof(letter));
    SIM_CHECK(wippy_send(self, a->pid, W.topic, &letter, sizeof(letter)) == WIPPY_ERR_INVALID);
    body->open = false;
    a->closes++;
    SIM_CHECK(a->closes == a->inits);
    tell("  close of %u", body->me);
    if (a->upgrading) { /* late completions are not for the next body */
        memset(a->waits, 0, sizeof(a->waits));
        a->trap = false;
    }
}

/* Mail that was put aside and came back: in its old order. */
static bool see_again(sim_actor *a, const wippy_mail *mail)
{
    uint64_t number = wippy_mail_number(mail);
    if (number == 0) {
        return false;
    }
    SIM_CHECK(a->kept > 0 && number > a->last_kept);
    a->kept--;
    a->last_kept = a->kept > 0 ? number : 0;
    return true;
}

static void keep(wippy_self *self, sim_actor *a, const wippy_mail *mail)
{
    size_t before = wippy_kept_count(self);
    wippy_shelf_keep(self, mail, 0);
    SIM_CHECK(wippy_kept_count(self) == before + 1 || W.fails);
    a->kept += (uint32_t)(wippy_kept_count(self) - before);
    tell("    %u keeps a mail", (uint32_t)(a - W.actors));
}

static void see(wippy_self *self, sim_actor *a, const wippy_mail *mail)
{
    if (see_again(a, mail)) {
        return;
    }
    switch ((wippy_mail_kind)mail->kind) {
    case WIPPY_MAIL_MESSAGE:
        see_letter(a, mail);
        /* not while some are on their way back: they would change places */
        if (may(OP_KEEP) && a->last_kept == 0 && chance(&a->random, 8)) {
            keep(self, a, mail);
        }
        break;
    case WIPPY_MAIL_DONE: see_done(a, mail); break;
    case WIPPY_MAIL_EXIT: see_exit(a, mail); break;
    case WIPPY_MAIL_LINK_DOWN: see_link_down(a, mail); break;
    case WIPPY_MAIL_CANCEL: see_cancel(a, mail); break;
    case WIPPY_MAIL_WRITABLE:
        a->writable_seen++;
        SIM_CHECK(a->writable_seen <= a->writable_wanted);
        break;
    case WIPPY_MAIL_OUTDATED:
    default: SIM_CHECK(!"a kind of mail that nobody asked for"); break;
    }
}

/* Some of the mail, some deeds, and how to go on. */
static wippy_status body_turn(wippy_self *self, uint32_t me)
{
    sim_actor *a = &W.actors[me];
    const wippy_mail *mail;
    wippy_status status = chance(&a->random, 2) ? WIPPY_IDLE : WIPPY_YIELD;
    uint32_t mails = 0;
    uint32_t deeds;
    bool stopped = false;
    while ((mails == 0 || !chance(&a->random, 8)) && (mail = wippy_next(self)) != NULL) {
        see(self, a, mail);
        stopped = stopped || (mail->kind == WIPPY_MAIL_CANCEL && chance(&a->random, 2));
        mails++;
    }
    SIM_CHECK(mails > 0 || a->awaited); /* a step without events */
    a->awaited = false;
    while (a->kept > 0 && a->last_kept == 0 && chance(&a->random, 3) &&
           (mail = wippy_shelf_take(self, 0)) != NULL) {
        (void)see_again(a, mail);
        a->last_kept = 0; /* the rest stays */
    }
    if (stopped) {
        return do_end(self, me, false);
    }
    for (deeds = (uint32_t)dice(&a->random, 5); deeds > 0 && W.ops_left > 0; deeds--) {
        W.ops_left--;
        if (act(self, me, &status)) {
            return status;
        }
    }
    if (W.ops_left > 0 && may(OP_TIMER) && chance(&a->random, 3)) {
        do_yield(self, me, &a->random, WAIT_TIMER); /* something to come back for */
    }
    return W.ops_left > 0 && chance(&a->random, 3) ? WIPPY_CONTINUE : status;
}

static wippy_status body_step(wippy_self *self, void *state)
{
    sim_body *body = (sim_body *)state;
    sim_actor *a = &W.actors[body->me];
    wippy_status status;
    SIM_CHECK(body->open && a->life == LIVING && a->pid.id == wippy_self_pid(self).id);
    SIM_CHECK(!a->in_step && !a->doomed && !a->ending);
    a->in_step = true;
    a->routable = true;
    tell("  step of %u", body->me);
    status = body_turn(self, body->me);
    a->in_step = false;
    a->doomed = a->doomed || a->terminated;
    a->awaited = status == WIPPY_CONTINUE;
    return status;
}

/* ------------------------------------------------------------------ the end of a process */

static bool value_says(wippy_slice value, const char *text)
{
    wippy_reader reader;
    wippy_value item;
    wippy_reader_init(&reader, value.data, value.size);
    return value.size > 0 && wippy_read(&reader, &item) == WIPPY_OK && item.type == WIPPY_ERROR &&
           item.as.error.message.size >= strlen(text) &&
           memcmp(item.as.error.message.data, text, strlen(text)) == 0;
}

static bool had_failed_link(uint32_t me)
{
    uint32_t i;
    for (i = 1; i < ACTORS; i++) {
        if (W.link[me][i] != TIE_NONE && W.actors[i].must_end + W.actors[i].ending +
                                                 !wippy_alive(W.rt, W.actors[i].pid) >
                                             0) {
            return true;
        }
    }
    return false;
}

/* A normal end breaks no link. But one to a spawner that has ended breaks at the birth, however it ended;
   whether that is over cannot be seen here before the spawner's answer: the child may take steps in the
   middle of its birth. */
static void links_end(uint32_t me)
{
    uint32_t i;
    for (i = 0; i < ACTORS; i++) {
        const sim_actor *child = &W.actors[i];
        bool early = child->parent == me && !child->answered && W.link[i][me] != TIE_NONE;
        W.link[me][i] = W.link[i][me] = early ? TIE_PERHAPS : TIE_NONE;
    }
}

static void body_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    uint32_t me = actor_of(info->pid);
    sim_actor *a = &W.actors[me];
    uint32_t i;
    (void)rt;
    (void)user_data;
    SIM_CHECK(me != 0 && a->exits == 0 && a->life == LIVING);
    SIM_CHECK(!wippy_alive(W.rt, info->pid));
    SIM_CHECK(!a->in_step);
    tell("  exit of %u: %s", me, wippy_result_name(info->result));
    a->exits++;
    a->exit_code = info->result;
    a->life = OVER;
    if (value_says(info->value, "process terminated")) {
        SIM_CHECK(a->terminated || W.stopping);
    } else if (value_says(info->value, "linked process failed")) {
        SIM_CHECK(!a->trap && had_failed_link(me));
    } else if (value_says(info->value, "upgrade: ")) {
        SIM_CHECK(a->upgrading);
    } else if (info->result == WIPPY_ERR_NOMEM) {
        SIM_CHECK(W.fails);
    } else {
        SIM_CHECK(a->ending && a->code == info->result);
    }
    for (i = 0; i < ACTORS; i++) { /* whom it watched does not matter any more */
        W.monitor[me][i] = TIE_NONE;
    }
    if (info->result == WIPPY_OK) {
        links_end(me);
    }
    memset(a->waits, 0, sizeof(a->waits));
}

/* ------------------------------------------------------------------ from outside */

static wippy_result make_host(uint32_t i)
{
    wippy_host_desc desc;
    char name[16];
    memset(&desc, 0, sizeof(desc));
    snprintf(name, sizeof(name), "sim:%u", i);
    desc.name = name;
    desc.workers = 1 + (uint32_t)dice(&W.random, 4);
    desc.mailbox_limit = W.limit[i];
    desc.step_budget = chance(&W.random, 3) ? 2 : 0;
    desc.max_processes = chance(&W.random, 6) ? 4 : 0;
    desc.exit_fn = body_exit;
    return wippy_host_create(W.rt, &desc, &W.hosts[i]);
}

static void call_stop_host(void)
{
    uint32_t host = (uint32_t)dice(&W.random, W.host_count);
    bool was = W.stopping;
    wippy_result r;
    uint32_t i;
    W.stopping = true; /* its processes may be terminated */
    r = wippy_host_stop(W.rt, W.hosts[host], dice(&W.random, 20) * MS);
    tell("outside stops host %u: %s", host, wippy_result_name(r));
    SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_TIMEOUT);
    if (r == WIPPY_OK) {
        for (i = 1; i < ACTORS; i++) {
            SIM_CHECK(W.actors[i].host != host || W.actors[i].life != LIVING);
        }
        if (chance(&W.random, 2)) {
            r = make_host(host);
            SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_EXISTS || answer_is(r, WIPPY_ERR_STOPPED));
        }
    }
    W.stopping = was || r != WIPPY_OK;
}

static void call_once(void)
{
    wippy_self *self = wippy_outside(W.rt);
    uint32_t to = anybody(&W.random);
    wippy_result r;
    switch (dice(&W.random, 12)) {
    case 0:
    case 1: do_spawn(self, 0, &W.random, false); return;
    case 2:
        if (may(OP_STOP_HOST) && W.host_count > 1) {
            call_stop_host();
        }
        return;
    case 3:
        if (may(OP_RESIZE)) {
            uint32_t host = (uint32_t)dice(&W.random, W.host_count);
            r = wippy_host_resize(W.rt, W.hosts[host], 1 + (uint32_t)dice(&W.random, 4));
            SIM_CHECK(r == WIPPY_ERR_STOPPED || answer_is(r, WIPPY_OK));
        }
        return;
    default: break;
    }
    if (to == 0) {
        return;
    }
    switch (dice(&W.random, 8)) {
    case 0:
        if (may(OP_CANCEL)) {
            do_cancel(self, 0, to);
        }
        break;
    case 1:
        if (may(OP_TERMINATE)) {
            do_terminate(self, 0, to);
        }
        break;
    default:
        if (may(OP_SEND)) {
            (void)send_letter(self, 0, to, &W.random, 0);
        }
        break;
    }
}

static void call_from_outside(wippy_runtime *rt, void *arg)
{
    (void)rt;
    (void)arg;
    tell("a call from outside");
    call_once();
}

/* ------------------------------------------------------------------ when nothing moves */

static void rest_pair(uint32_t a, uint32_t b)
{
    const sim_actor *x = &W.actors[a];
    const sim_actor *y = &W.actors[b];
    if (x->life == LIVING && y->life == OVER) {
        SIM_CHECK_OF(a, b, W.monitor[a][b] != TIE_SURE);                      /* EXIT did not come */
        SIM_CHECK_OF(a, b, W.link[a][b] != TIE_SURE || y->exit_code == WIPPY_OK); /* LINK_DOWN did not */
    }
    if (x->life == LIVING && y->life == LIVING && !x->must_end && !y->must_end) {
        SIM_CHECK_OF(a, b, W.link[a][b] == W.link[b][a]);
    }
    if (x->life == LIVING) {
        SIM_CHECK_OF(a, b, W.sent[b][a] == W.seen[b][a]); /* mail lies somewhere */
    }
    if (W.got[a][b]) {
        SIM_CHECK_OF(a, b, y->life == OVER && W.told[a][b] == y->exit_code);
    }
}

static void rest_actor(uint32_t i)
{
    const sim_actor *a = &W.actors[i];
    const wippyi_slot *slot;
    uint32_t k;
    SIM_CHECK_OF(i, 0, a->life != BORN_SOON);
    SIM_CHECK_OF(i, 0, !a->in_step);
    if (W.exec_told[i]) {
        SIM_CHECK_OF(i, 0, a->life == OVER);
        SIM_CHECK_OF(i, 0, W.exec_code[i] == a->exit_code ||
                               answer_is((wippy_result)W.exec_code[i], WIPPY_OK));
    }
    if (a->life != LIVING) {
        SIM_CHECK_OF(i, 0, a->life != OVER || (a->inits == a->closes && a->exits == 1));
        SIM_CHECK_OF(i, 0, a->blocks_asked == a->blocks_dropped);
        return;
    }
    SIM_CHECK_OF(i, 0, !a->must_end && !a->terminated && !a->ending);
    SIM_CHECK_OF(i, 0, wippy_alive(W.rt, a->pid));
    SIM_CHECK_OF(i, 0, a->inits == a->closes + 1);
    SIM_CHECK_OF(i, 0, a->blocks_asked == a->blocks_dropped);
    slot = wippyi_slot_of(W.rt, a->pid.id);
    SIM_CHECK_OF(i, 0, wippyi_ap_load_rlx(&slot->box.head) == WIPPYI_BOX_IDLE);
    SIM_CHECK_OF(i, 0, wippyi_a32_load_rlx(&slot->pending) <= a->kept); /* kept mail is counted still */
    SIM_CHECK_OF(i, 0, W.fails || W.limit[a->host] == 0 || wippyi_a32_load_rlx(&slot->pending) == a->kept);
    SIM_CHECK_OF(i, 0, a->writable_seen == a->writable_wanted || W.limit[a->host] != 0 || W.host_count > 1);
    for (k = 0; k < WAITS; k++) {
        sim_wait kind = a->waits[k].kind;
        SIM_CHECK_OF(i, 0, kind == WAIT_NONE || kind == WAIT_EXEC || (kind == WAIT_OPEN && !a->waits[k].done));
        SIM_CHECK_OF(i, 0, kind != WAIT_EXEC || W.actors[a->waits[k].child].life == LIVING);
    }
}

static void rest_names(void)
{
    uint32_t name, i;
    for (name = 0; name < NAMES; name++) {
        wippy_pid pid;
        uint32_t owner = 0;
        if (wippy_name_find(W.rt, name_of(name), 0, &pid) == WIPPY_OK) {
            owner = actor_of(pid);
            SIM_CHECK(owner != 0 && W.actors[owner].life == LIVING);
        }
        for (i = 1; i < ACTORS; i++) {
            SIM_CHECK_OF(name, i, !W.held[name][i] || W.actors[i].life != LIVING || owner == i);
        }
    }
}

/* Who asked for these is gone or has another body, so nobody was told that they were not born. */
static void rest_unheard(void)
{
    uint32_t i, k;
    for (i = 1; i <= W.made; i++) {
        const sim_actor *a = &W.actors[i];
        bool waits = false;
        for (k = 0; k < WAITS; k++) {
            const sim_yield *y = &W.actors[a->parent].waits[k];
            waits = waits || ((y->kind == WAIT_SPAWN || y->kind == WAIT_EXEC) && y->child == i);
        }
        if (a->life == BORN_SOON && !waits) {
            child_failed(i, a->parent);
        }
    }
}

/* Everything sleeps: what was promised must have come. */
static void rest(void)
{
    uint32_t a, b;
    rest_unheard();
    for (a = 1; a <= W.made; a++) {
        rest_actor(a);
        for (b = 0; b <= W.made; b++) {
            rest_pair(a, b);
        }
    }
    rest_names();
}

/* ------------------------------------------------------------------ a run */

static void run_trace(const wippy_trace_record *record, void *user_data)
{
    static const char *const kinds[] = {"spawn", "step", "send", "exit", "steal", "park", "wake"};
    (void)user_data;
    tell("%12.6f %-5s %u %u %lld", (double)record->time_ns / 1e9 - 1, kinds[record->kind],
         actor_of(record->pid), actor_of(record->other), (long long)record->number);
}

static void run_open(const sim_plan *plan)
{
    wippy_desc desc;
    wippy_type_desc type;
    uint32_t i;
    memset(&W, 0, sizeof(W));
    W_given = W_given_back = 0;
    W.plan = plan;
    W.random = plan->seed * 3 + 1;
    W.ops_left = plan->ops;
    for (i = 0; i < ACTORS; i++) {
        W.actors[i].random = plan->seed * 1000 + i;
    }
    memset(&desc, 0, sizeof(desc));
    desc.sim.on = true;
    desc.sim.seed = plan->seed;
    desc.sim.whole_steps = chance(&W.random, 5);
    desc.sim.fail_one_in = chance(&W.random, 4) && may(OP_NOMEM) ? 20 : 0;
    desc.trace_fn = plan->trace ? run_trace : NULL;
    test_heap_init(&W.heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &W.heap;
    W.fails = desc.sim.fail_one_in != 0;
    SIM_CHECK(wippy_create(&W.rt, &desc) == WIPPY_OK);
    memset(&type, 0, sizeof(type));
    type.state_bytes = sizeof(sim_body);
    type.init = body_init;
    type.step = body_step;
    type.close = body_close;
    type.name = "one";
    SIM_CHECK(wippy_type_register(W.rt, &type, &W.types[0]) == WIPPY_OK);
    type.name = "two";
    SIM_CHECK(wippy_type_register(W.rt, &type, &W.types[1]) == WIPPY_OK);
    W.topic = wippy_topic_make(W.rt, "letter");
    W.host_count = 1 + (uint32_t)dice(&W.random, HOSTS);
    for (i = 0; i < W.host_count; i++) {
        W.limit[i] = chance(&W.random, 3) && may(OP_LIMIT) ? 1 + (uint32_t)dice(&W.random, 6) : 0;
        SIM_CHECK(make_host(i) == WIPPY_OK);
    }
}

static void run_close(uint64_t *hash)
{
    wippy_runtime_info info;
    wippy_sim_info sim;
    uint32_t i;
    W.stopping = true;
    SIM_CHECK(wippy_stop(W.rt) == WIPPY_OK);
    SIM_CHECK(wippy_join(W.rt, chance(&W.random, 2) ? UINT64_MAX : 50 * MS) == WIPPY_OK);
    look();
    SIM_CHECK(wippy_runtime_stats(W.rt, &info) == WIPPY_OK);
    SIM_CHECK(info.processes == 0 && info.threads == 0);
    SIM_CHECK(W.sent_all >= W.seen_all);
    SIM_CHECK(info.dead_letters <= W.sent_all && info.dead_letters >= W.sent_all - W.seen_all);
    rest_unheard();
    for (i = 1; i <= W.made; i++) {
        const sim_actor *a = &W.actors[i];
        SIM_CHECK_OF(i, (uint32_t)a->life, a->life == OVER || a->life == UNBORN);
        SIM_CHECK_OF(i, 0, a->inits == a->closes && a->exits == (a->life == OVER ? 1u : 0u));
    }
    SIM_CHECK(wippy_sim_stats(W.rt, &sim) == WIPPY_OK);
    sim_board->moves += sim.moves;
    *hash = sim.hash;
    SIM_CHECK(wippy_destroy(W.rt) == WIPPY_OK);
    for (i = 1; i <= W.made; i++) {
        SIM_CHECK(W.actors[i].blocks_asked == W.actors[i].blocks_dropped);
    }
    SIM_CHECK(W_given == W_given_back);
    SIM_CHECK(W.heap.alloc_count == W.heap.free_count && W.heap.live_bytes == 0 &&
              W.heap.errors == 0);
}

static uint64_t sim_run(const sim_plan *plan)
{
    uint64_t hash = 0;
    uint32_t i;
    wippy_result r = WIPPY_PENDING;
    run_open(plan);
    for (i = 0; i < plan->roots; i++) {
        do_spawn(wippy_outside(W.rt), 0, &W.random, false);
    }
    for (i = 0; i < plan->calls; i++) {
        r = wippy_sim_call(W.rt, some_time(&W.random, 60), call_from_outside, NULL);
        SIM_CHECK(answer_is(r, WIPPY_OK));
    }
    r = WIPPY_PENDING;
    for (i = 0; i < plan->moves && r == WIPPY_PENDING; i++) {
        r = wippy_sim_step(W.rt);
        SIM_CHECK(r == WIPPY_OK || r == WIPPY_PENDING);
        look();
    }
    if (r == WIPPY_OK) {
        tell("everything rests");
        rest();
    }
    run_close(&hash);
    return hash;
}

static void sim_plan_seed(sim_plan *plan, uint64_t seed)
{
    uint64_t random = seed ^ 0x5eed;
    memset(plan, 0, sizeof(*plan));
    plan->seed = seed;
    plan->actors = 2 + (uint32_t)dice(&random, ACTORS - 10);
    plan->roots = 1 + (uint32_t)dice(&random, 6);
    plan->ops = 20 + (uint32_t)dice(&random, 400);
    plan->calls = (uint32_t)dice(&random, 12);
    plan->moves = chance(&random, 5) ? 20 + (uint32_t)dice(&random, 300) : 100000;
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv);
}
