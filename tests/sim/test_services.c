/* Random services under simulation: processes that crash, end, refuse to begin or do not listen, services
   that require each other, asked to start and stop from outside while they do. A seed gives all of it.

       build/tests/sim/test_services [SEED]           as test_graph */
#include <stdbool.h>
#define WIPPY_STATIC
static void sim_assert(bool holds, const char *text, const char *file, int line);
#define WIPPY_ASSERT(x) sim_assert((x), #x, __FILE__, __LINE__)
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "test.h"
#include "runner.h"

static void sim_assert(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        sim_broken("assert %s:%d: %s", file, line, text);
    }
}

#define SERVICES 6
#define MS       1000000u
#define SECOND   ((uint64_t)1000000000)
#define STABLE   (2 * SECOND)

enum { OP_CRASH, OP_DONE, OP_FATAL, OP_REFUSE, OP_DEAF, OP_START, OP_STOP, OP_NOMEM };
static const char *const sim_op_names[] = {"crash", "done",  "fatal", "refuse", "deaf",
                                           "start", "stop", "nomem", NULL};

/* ------------------------------------------------------------------ the book */

typedef enum outcome { OUT_NONE, OUT_CRASH, OUT_DONE, OUT_FATAL, OUT_CANCEL } outcome;

typedef struct service {
    bool requires_[SERVICES];
    uint32_t max_attempts;
    uint64_t delay_ns;   /* initial_delay; the factor is 2, jitter 0 */
    uint64_t max_ns;
    uint32_t starts;
    uint32_t failures;   /* in a row, since the last stable run */
    bool asked;          /* started or stopped by hand: delays and attempts begin anew */
    bool again;          /* the start before this may have been of its own, so one asked for may follow */
    bool final;          /* ended for good: only a hand starts it */
    bool deaf;           /* is stopped by force, and others do not wait for its end */
    uint64_t began_ns, ended_ns;
    outcome last;
    wippy_pid pid;
} service;

static struct world {
    const sim_plan *plan;
    wippy_runtime *rt;
    uint64_t random;
    uint32_t count;
    bool fails;
    bool stopping; /* wippy_services_stop() for all of them */
    service services[SERVICES];
    test_heap heap;
} W;

static uint64_t dice(uint64_t sides)
{
    return wippyi_random(&W.random) % sides;
}

static bool may(uint32_t op)
{
    return (W.plan->without >> op & 1) == 0;
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list args;
    if (!W.plan->trace) {
        return;
    }
    va_start(args, format);
    printf("%10.3f ", (double)wippy_uptime_ns(W.rt) / 1e9);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void note_log(const wippy_log_record *record, void *user_data)
{
    (void)user_data;
    tell("  log: %s", record->message);
}

/* ------------------------------------------------------------------ a process of a service */

typedef struct body {
    uint32_t me;
    bool begun;
    bool deaf;
} body;

static bool lives(uint32_t i)
{
    return W.services[i].pid.id != 0 && wippy_alive(W.rt, W.services[i].pid);
}

/* What was asked for waits for what it requires. Here one has been down since before the last attempt,
   which was refused, so this start cannot have been allowed while it was up. */
static bool waits_for_another(const service *s)
{
    uint32_t k;
    for (k = 0; k < W.count; k++) {
        const service *other = &W.services[k];
        if (s->requires_[k] && !lives(k) && other->last == OUT_CRASH && other->ended_ns < s->began_ns) {
            return true;
        }
    }
    return false;
}

/* Is this start allowed now? */
static void begins(uint32_t i)
{
    service *s = &W.services[i];
    uint64_t now = wippy_now_ns(W.rt);
    SIM_CHECK_OF(i, s->starts, !lives(i)); /* one process a service */
    SIM_CHECK_OF(i, s->last, !s->final || s->asked);
    SIM_CHECK_OF(i, s->last, !s->final || !waits_for_another(s) || W.fails);
    if (!s->asked && s->last == OUT_CRASH && !W.fails) {
        uint64_t wait = s->delay_ns << (s->failures - 1 < 16 ? s->failures - 1 : 16);
        wait = wait < s->max_ns ? wait : s->max_ns;
        SIM_CHECK_OF(i, s->failures, s->max_attempts == 0 || s->failures < s->max_attempts);
        SIM_CHECK_OF(i, s->failures, now >= s->ended_ns + wait);
    }
    if (s->asked) {
        s->failures = 0;
    }
    s->again = s->asked && !s->again;
    s->asked = false;
    s->final = false;
    s->began_ns = now;
    s->starts++;
}

static wippy_result body_init(wippy_self *self, void *state, const wippy_input *input)
{
    body *b = (body *)state;
    const char *id = input->entry;
    b->me = (uint32_t)(id[strlen(id) - 1] - '0');
    SIM_CHECK(b->me < W.count);
    begins(b->me);
    tell("service %u begins", b->me);
    if (may(OP_REFUSE) && dice(12) == 0) {
        W.services[b->me].final = true; /* not a shortage: not tried again */
        W.services[b->me].asked = W.services[b->me].again;
        W.services[b->me].pid.id = 0;
        tell("service %u refuses", b->me);
        return WIPPY_ERR_CONFLICT;
    }
    W.services[b->me].last = OUT_NONE;
    W.services[b->me].pid = wippy_self_pid(self);
    b->deaf = may(OP_DEAF) && dice(8) == 0;
    W.services[b->me].deaf = b->deaf;
    return WIPPY_OK;
}

static wippy_status ends(uint32_t i, outcome how, wippy_status status)
{
    service *s = &W.services[i];
    tell("service %u ends: %d", i, (int)how);
    s->last = how;
    s->ended_ns = wippy_now_ns(W.rt);
    s->final = how == OUT_DONE || (how == OUT_FATAL && !W.fails) || how == OUT_CANCEL;
    if (how == OUT_CRASH) {
        s->failures = s->ended_ns - s->began_ns >= STABLE ? 1 : s->failures + 1;
    }
    return status;
}

/* Its time has come. */
static wippy_status body_fate(wippy_self *self, uint32_t i)
{
    static const char kind[] = "Internal";
    static const char text[] = "never again";
    wippy_writer writer;
    wippy_slice value;
    wippy_status status;
    switch (dice(6)) {
    case 0:
        if (may(OP_DONE)) {
            return ends(i, OUT_DONE, wippy_done(self));
        }
        return WIPPY_IDLE;
    case 1:
        if (!may(OP_FATAL)) {
            return WIPPY_IDLE;
        }
        wippy_writer_init(&writer, W.rt);
        wippy_write_error(&writer, kind, strlen(kind), text, strlen(text), 0);
        wippy_write_end(&writer);
        SIM_CHECK(wippy_writer_finish(&writer, &value) == WIPPY_OK);
        status = wippy_fail_value(self, WIPPY_ERR_INTERNAL, value.data, value.size);
        wippy_writer_free(&writer);
        return ends(i, OUT_FATAL, status);
    case 2: return WIPPY_IDLE;
    default:
        return may(OP_CRASH) ? ends(i, OUT_CRASH, wippy_fail(self, WIPPY_ERR_INTERNAL, "crash"))
                             : WIPPY_IDLE;
    }
}

/* Stopping all: who requires this one is down already. */
static void check_order(uint32_t i)
{
    uint32_t k;
    for (k = 0; k < W.count && W.stopping; k++) {
        SIM_CHECK_OF(i, k, !W.services[k].requires_[i] || !lives(k) ||
                               W.services[k].deaf);
    }
}

static wippy_status body_step(wippy_self *self, void *state)
{
    body *b = (body *)state;
    const wippy_mail *mail;
    if (!b->begun) {
        b->begun = true;
        SIM_CHECK(wippy_timer(self, dice(5000) * MS, 1, NULL) == WIPPY_PENDING || W.fails);
    }
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            check_order(b->me);
            if (!b->deaf) {
                return ends(b->me, OUT_CANCEL, wippy_done(self));
            }
        } else if (mail->kind == WIPPY_MAIL_DONE) {
            return body_fate(self, b->me);
        }
    }
    return WIPPY_IDLE;
}

static void body_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    uint32_t i;
    (void)user_data;
    SIM_CHECK(!wippy_alive(rt, info->pid));
    for (i = 0; i < W.count; i++) {
        service *s = &W.services[i];
        if (s->pid.id == info->pid.id && s->last == OUT_NONE) {
            s->asked = true; /* terminated: a deaf one that was stopped */
            tell("service %u was ended: %s", i, wippy_result_name(info->result));
        }
    }
}

/* ------------------------------------------------------------------ declaring them */

static size_t declare(char *text, size_t room)
{
    size_t at = (size_t)snprintf(text, room,
                                 "namespace: app\nentries:\n"
                                 "  - {name: pool, kind: process.host, workers: %u,"
                                 " lifecycle: {auto_start: true}}\n",
                                 1 + (unsigned)dice(3));
    uint32_t i, k;
    for (i = 0; i < W.count; i++) {
        service *s = &W.services[i];
        const char *comma = "";
        s->max_attempts = (uint32_t)dice(4);
        s->delay_ns = (1 + dice(20)) * 10 * MS;
        s->max_ns = s->delay_ns * (1 + dice(6));
        at += (size_t)snprintf(text + at, room - at, "  - {name: p%u, kind: process.native, type: body}\n"
                               "  - name: s%u\n    kind: process.service\n    process: p%u\n    host: pool\n"
                               "    lifecycle:\n      auto_start: true\n      stop_timeout: 300ms\n"
                               "      stable_threshold: 2s\n      requires: [",
                               i, i, i);
        for (k = 0; k < i; k++) {
            s->requires_[k] = dice(4) == 0;
            at += (size_t)snprintf(text + at, room - at, s->requires_[k] ? "%ss%u" : "", comma, k);
            comma = s->requires_[k] ? ", " : comma;
        }
        at += (size_t)snprintf(text + at, room - at,
                               "]\n      restart: {initial_delay: %ums, max_delay: %ums,"
                               " backoff_factor: 2, jitter: 0, max_attempts: %u}\n",
                               (unsigned)(s->delay_ns / MS), (unsigned)(s->max_ns / MS),
                               s->max_attempts);
    }
    return at;
}

/* ------------------------------------------------------------------ from outside */

static void call_service(wippy_runtime *rt, void *arg)
{
    uint32_t i = (uint32_t)dice(W.count);
    bool stop = dice(2) == 0;
    char id[16];
    uint32_t k;
    wippy_result r;
    (void)arg;
    if (!may(stop ? OP_STOP : OP_START)) {
        return;
    }
    for (k = 0; k < W.count; k++) { /* what requires it, and what it requires, moves with it */
        W.services[k].asked = true;
        W.services[k].again = false;
    }
    snprintf(id, sizeof(id), "app:s%u", i);
    r = stop ? wippy_service_stop(rt, id) : wippy_service_start(rt, id);
    tell("outside: %s service %u: %s", stop ? "stop" : "start", i, wippy_result_name(r));
    SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_STOPPED || (r == WIPPY_ERR_NOMEM && W.fails));
}

/* ------------------------------------------------------------------ a run */

static bool run_open(const sim_plan *plan)
{
    wippy_desc desc;
    wippy_type_desc type;
    wippy_host none;
    wippy_diag diag;
    char text[4096];
    size_t size;
    memset(&W, 0, sizeof(W));
    W.plan = plan;
    W.random = plan->seed * 7 + 3;
    W.count = plan->actors;
    memset(&desc, 0, sizeof(desc));
    desc.sim.on = true;
    desc.sim.seed = plan->seed;
    desc.sim.whole_steps = dice(4) == 0;
    desc.sim.fail_one_in = dice(6) == 0 && may(OP_NOMEM) ? 60 : 0;
    W.fails = desc.sim.fail_one_in != 0;
    test_heap_init(&W.heap);
    desc.log_fn = plan->trace ? note_log : NULL;
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &W.heap;
    SIM_CHECK(wippy_create(&W.rt, &desc) == WIPPY_OK);
    memset(&type, 0, sizeof(type));
    type.name = "body";
    type.state_bytes = sizeof(body);
    type.init = body_init;
    type.step = body_step;
    SIM_CHECK(wippy_type_register(W.rt, &type, NULL) == WIPPY_OK);
    size = declare(text, sizeof(text));
    if (plan->trace) {
        fputs(text, stdout);
    }
    if (wippy_load_text(W.rt, "seed", text, size, &diag) != WIPPY_OK) {
        sim_broken("load: %s", diag.message);
    }
    wippy_services_on_exit(W.rt, body_exit, NULL);
    memset(&none, 0, sizeof(none));
    return wippy_services_start(W.rt, none) == WIPPY_OK;
}

static uint64_t sim_run(const sim_plan *plan)
{
    wippy_sim_info info;
    wippy_result r;
    uint32_t i;
    if (run_open(plan)) {
        r = wippy_services_wait(W.rt, 100 * SECOND, NULL);
        tell("all have begun or failed: %s", wippy_result_name(r));
        SIM_CHECK(r == WIPPY_OK || r == WIPPY_ERR_UNAVAILABLE || W.fails);
        for (i = 0; i < plan->calls; i++) {
            (void)wippy_sim_call(W.rt, dice(20000) * MS, call_service, NULL);
        }
        r = wippy_sim_run(W.rt, (5 + dice(40)) * SECOND, plan->moves);
        SIM_CHECK(r == WIPPY_OK || r == WIPPY_PENDING);
        W.stopping = true;
        tell("all stop");
        r = wippy_services_stop(W.rt, 60 * SECOND);
        SIM_CHECK(r == WIPPY_OK || W.fails);
        for (i = 0; i < W.count && r == WIPPY_OK; i++) {
            SIM_CHECK_OF(i, 0, !lives(i));
        }
    }
    SIM_CHECK(wippy_sim_stats(W.rt, &info) == WIPPY_OK);
    sim_board->moves += info.moves;
    SIM_CHECK(wippy_destroy(W.rt) == WIPPY_OK);
    SIM_CHECK(W.heap.alloc_count == W.heap.free_count && W.heap.live_bytes == 0 &&
              W.heap.errors == 0);
    return info.hash;
}

static void sim_plan_seed(sim_plan *plan, uint64_t seed)
{
    uint64_t random = seed ^ 0x5e41;
    memset(plan, 0, sizeof(*plan));
    plan->seed = seed;
    plan->actors = 1 + (uint32_t)(wippyi_random(&random) % SERVICES);
    plan->calls = (uint32_t)(wippyi_random(&random) % 6);
    plan->roots = 1;
    plan->moves = 20000;
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv);
}
