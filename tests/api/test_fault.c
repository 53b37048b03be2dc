/* Memory runs out at allocation n, for n = 1, 2, ... once and for ever: every verb says so or
   succeeds, nothing is lost, nothing leaks. On a pump host, so that n means the same each time. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

/* What may be answered when memory is short. */
static bool fair(wippy_result r)
{
    return r == WIPPY_OK || r == WIPPY_PENDING || r == WIPPY_ERR_NOMEM;
}

#define FAIR(call) CHECK(fair(call))

/* Create, and a pump host; false: memory was refused, everything is gone again. */
static bool fault_open(core *c, test_heap *heap, uint32_t mailbox_limit)
{
    wippy_desc desc;
    wippy_host_desc host;
    wippy_result r;
    memset(c, 0, sizeof(*c));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = heap;
    r = wippy_create(&c->rt, &desc);
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(r, WIPPY_ERR_NOMEM);
        return false;
    }
    c->out = wippy_outside(c->rt);
    host.name = "app:main";
    host.kind = WIPPY_HOST_PUMP;
    host.mailbox_limit = mailbox_limit;
    r = core_types(c);
    r = r == WIPPY_OK ? wippy_host_create(c->rt, &host, &c->host) : r;
    if (r != WIPPY_OK) {
        CHECK_EQ_INT(r, WIPPY_ERR_NOMEM);
        CHECK_EQ_INT(wippy_destroy(c->rt), WIPPY_OK);
        return false;
    }
    return true;
}

static void fault_close(core *c)
{
    wippy_result r;
    (void)wippy_pump(c->rt, c->host, 1, 0);
    wippy_pid left[4];
    size_t count = wippy_survivors(c->rt, left, 4);
    for (size_t i = 0; i < count && i < 4; i++) { /* a CANCEL may fail for memory, terminate not */
        CHECK_EQ_INT(wippy_terminate(c->out, left[i]), WIPPY_OK);
    }
    core_run(c);
    CHECK_EQ_U64(core_alive(c), 0);
    r = wippy_destroy(c->rt);
    CHECK_EQ_INT(r, WIPPY_OK);
}

static void *fault_never(size_t size, void *user_data)
{
    (void)size;
    (void)user_data;
    return NULL;
}

TEST(test_fault_create_without_any_memory)
{
    wippy_desc desc;
    wippy_runtime *rt = NULL;
    test_heap heap;
    test_heap_init(&heap);
    memset(&desc, 0, sizeof(desc));
    desc.allocator.alloc_fn = fault_never;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &heap;
    CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_ERR_NOMEM);
    CHECK(rt == NULL);
}

static void sweep_create(test_heap *heap, void *arg)
{
    core c;
    wippy_host other;
    (void)arg;
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    FAIR(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other));
    (void)wippy_topic_make(c.rt, "another");
    fault_close(&c);
}

TEST(test_fault_create_and_hosts)
{
    CHECK(test_heap_sweep(sweep_create, NULL) > 10);
}

static bool nobody_lives(void *arg)
{
    return core_alive((core *)arg) == 0;
}

static void sweep_pool(test_heap *heap, void *arg)
{
    core c;
    wippy_host pool;
    (void)arg;
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    wippy_result r = core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 2, &pool);
    FAIR(r);
    if (r == WIPPY_OK) {
        core_actor a = {0};
        r = core_spawn_by(&c, c.out, &a, pool, 0, NULL);
        FAIR(r);
        if (r == WIPPY_OK) {
            CHECK(core_wait(&a.steps, 1));
            CHECK_EQ_INT(wippy_terminate(c.out, a.pid), WIPPY_OK);
            CHECK(core_wait(&a.closes, 1));
            CHECK(test_wait_until(nobody_lives, &c, 10000)); /* its worker counts after close */
        }
        FAIR(wippy_host_resize(c.rt, pool, 3));
    }
    fault_close(&c);
}

TEST(test_fault_pool_and_spawn_from_outside)
{
    CHECK(test_heap_sweep(sweep_pool, NULL) > 10);
}

static void sweep_spawn(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_message first[2];
    wippy_frame_desc frame;
    wippy_diag diag;
    char big[3000];
    (void)arg;
    memset(big, 'x', sizeof(big));
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    memset(first, 0, sizeof(first));
    memset(&frame, 0, sizeof(frame));
    first[0].topic = c.topic;
    first[0].data = big;
    first[0].size = sizeof(big);
    first[1].topic_name = "second";
    core_spawn_desc(&c, &at, &desc);
    desc.messages = first;
    desc.message_count = 2;
    desc.name = "name";
    desc.label = "app:label";
    frame.actor_id = "somebody";
    FAIR(wippy_frame_make(c.rt, &frame, &desc.frame));
    wippy_result r = wippy_spawn(c.out, &desc, NULL, &diag);
    FAIR(r);
    if (r == WIPPY_OK) {
        core_run(&c);
        CHECK_EQ_INT(a.count, 2);
    } else {
        CHECK_EQ_INT(a.steps, 0);
        CHECK_EQ_INT(a.closes, 0);
        CHECK_EQ_U64(core_alive(&c), 0);
    }
    if (desc.frame != NULL) {
        wippy_frame_release(c.rt, desc.frame);
    }
    fault_close(&c);
}

TEST(test_fault_spawn)
{
    CHECK(test_heap_sweep(sweep_spawn, NULL) > 10);
}

static void note_free(void *data, size_t size, void *user_data)
{
    (void)data;
    (void)size;
    ++*(int *)user_data;
}

static void sweep_send(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    char big[5000];
    int freed = 0;
    uint32_t sent = 0;
    (void)arg;
    memset(big, 'x', sizeof(big));
    if (!fault_open(&c, heap, 100)) {
        return;
    }
    wippy_result r = core_spawn_by(&c, c.out, &a, c.host, 0, NULL);
    FAIR(r);
    if (r == WIPPY_OK) {
        static const size_t sizes[] = {0, 10, 100, 1000, 5000};
        for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
            r = wippy_send(c.out, a.pid, c.topic, big, sizes[i]);
            FAIR(r);
            sent += r == WIPPY_OK ? 1u : 0u;
        }
        r = wippy_send_owned(c.out, a.pid, c.topic, big, 10, note_free, &freed);
        FAIR(r);
        sent += r == WIPPY_OK ? 1u : 0u;
        FAIR(wippy_cancel(c.out, a.pid, "a reason of some length, longer than a small block holds"));
        a.deaf = true;
        core_run(&c);
        CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_MESSAGE), sent);
        CHECK_EQ_INT(freed, r == WIPPY_OK);
        for (int i = 0; i < 100; i++) { /* refused messages were not counted */
            CHECK(wippy_send(c.out, a.pid, c.topic, "x", 1) != WIPPY_ERR_FULL);
        }
    }
    fault_close(&c);
}

TEST(test_fault_send)
{
    CHECK(test_heap_sweep(sweep_send, NULL) > 10);
}

/* ------------------------------------------------------------------ from inside */

static wippy_status relate_all(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_runtime *rt = wippy_self_runtime(self);
    wippy_spawn_desc desc;
    wippy_result monitored = wippy_monitor(self, a->target);
    FAIR(monitored);
    FAIR(wippy_link(self, a->target));
    FAIR(wippy_name_register(self, "mine", 0, wippy_self_pid(self)));
    FAIR(wippy_name_register(self, "its", 0, a->target));
    FAIR(wippy_want_writable(self, a->target));
    a->number = monitored == WIPPY_OK;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(rt, "actor", &desc.type);
    desc.data = &child;
    desc.size = sizeof(child);
    desc.flags = WIPPY_SPAWN_MONITOR | WIPPY_SPAWN_LINK;
    a->answer = wippy_spawn(self, &desc, NULL, NULL);
    FAIR(a->answer);
    return WIPPY_IDLE;
}

static void sweep_relations(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    core_actor target = {0};
    core_actor child = {0};
    wippy_pid pid = {0};
    (void)arg;
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    FAIR(core_spawn_by(&c, c.out, &target, c.host, 0, &a.target));
    a.trap = true;
    a.on_start = relate_all;
    a.arg = &child;
    if (a.target.id != 0 && fair(core_spawn_by(&c, c.out, &a, c.host, 0, &pid)) && pid.id != 0) {
        uint32_t exits = 0;
        core_run(&c);
        CHECK_EQ_INT(wippy_terminate(c.out, a.target), WIPPY_OK);
        if (a.answer == WIPPY_OK) {
            CHECK_EQ_INT(wippy_terminate(c.out, child.pid), WIPPY_OK);
            exits++;
        }
        exits += (uint32_t)a.number;
        core_run(&c);
        /* what monitor promised needs no memory any more */
        CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_EXIT), exits);
        CHECK_EQ_INT(wippy_name_find(c.rt, "its", 0, &pid), WIPPY_ERR_NOTFOUND);
    }
    fault_close(&c);
}

TEST(test_fault_monitors_links_names)
{
    CHECK(test_heap_sweep(sweep_relations, NULL) > 10);
}

static wippy_result blocking_number(void *arg, wippy_writer *out)
{
    char big[600];
    (void)arg;
    memset(big, 'b', sizeof(big));
    wippy_write_string(out, big, sizeof(big));
    return WIPPY_OK;
}

static void blocking_drop(void *arg)
{
    TEST_ATOMIC_ADD((uint32_t *)arg, 1u);
}

static wippy_status yield_all(wippy_self *self, core_actor *a)
{
    wippy_token token;
    wippy_result r;
    uint32_t open = 0;
    char big[100];
    memset(big, 'c', sizeof(big));
    r = wippy_timer(self, 0, 1, NULL);
    FAIR(r);
    open += r == WIPPY_PENDING ? 1u : 0u;
    r = wippy_timer(self, 3600000 * (uint64_t)CORE_MS, 2, &token);
    FAIR(r);
    if (r == WIPPY_PENDING) {
        CHECK_EQ_INT(wippy_drop(self, token), WIPPY_OK);
    }
    r = wippy_open(self, 3, &token);
    FAIR(r);
    if (r == WIPPY_PENDING) { /* too large for its record: it may lose its value, not itself */
        FAIR(wippy_complete(wippy_self_runtime(self), token, WIPPY_OK, big, sizeof(big), 0));
        open++;
    }
    r = wippy_blocking(self, blocking_number, a->arg, blocking_drop, 4, NULL);
    FAIR(r);
    if (r == WIPPY_PENDING) {
        open++;
        a->answer = WIPPY_PENDING;
    }
    a->number = open;
    return WIPPY_YIELD;
}

static void sweep_yields(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    uint32_t dropped = 0;
    (void)arg;
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    a.on_start = yield_all;
    a.arg = &dropped;
    wippy_result r = core_spawn_by(&c, c.out, &a, c.host, 0, NULL);
    FAIR(r);
    if (r == WIPPY_OK) {
        core_run(&c);
        CHECK(core_pump_until(&c, &a.count, (uint32_t)a.number));
        for (uint32_t i = 0; i < a.count; i++) {
            CHECK_EQ_INT(a.seen[i].kind, WIPPY_MAIL_DONE);
            FAIR((wippy_result)a.seen[i].result);
        }
        if (a.answer == WIPPY_PENDING) {
            CHECK(core_wait(&dropped, 1));
        }
    }
    fault_close(&c);
}

TEST(test_fault_yields)
{
    CHECK(test_heap_sweep(sweep_yields, NULL) > 10);
}

static wippy_status upgrade_self(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_type same = {0};
    char big[sizeof(a)];
    memcpy(big, &a, sizeof(a));
    if (mail->kind != WIPPY_MAIL_MESSAGE || a->inits > 1) {
        return WIPPY_IDLE;
    }
    wippy_shelf_keep(self, mail, 0);
    (void)wippy_shelf_open(self);
    return wippy_upgrade(self, NULL, same, big, sizeof(big), 0);
}

static void sweep_upgrade(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    core_actor w = {0};
    wippy_pid pid = {0};
    (void)arg;
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    a.on_mail = upgrade_self;
    FAIR(core_spawn_by(&c, c.out, &a, c.host, 0, &w.target));
    w.monitor = true;
    w.answer = WIPPY_ERR_NOMEM;
    if (w.target.id != 0 && fair(core_spawn_by(&c, c.out, &w, c.host, 0, &pid)) && pid.id != 0) {
        core_run(&c);
        FAIR(core_tell(&c, a.pid, "upgrade"));
        FAIR(core_tell(&c, a.pid, "unread"));
        core_run(&c);
        if (!wippy_alive(c.rt, a.pid) && w.answer == WIPPY_OK) {
            CHECK_EQ_INT(core_kinds(&w, WIPPY_MAIL_EXIT), 1);
            CHECK_EQ_INT(w.seen[0].result, WIPPY_ERR_NOMEM);
        }
        CHECK_EQ_INT(a.closes + (wippy_alive(c.rt, a.pid) ? 1u : 0u), a.inits);
    }
    fault_close(&c);
}

TEST(test_fault_upgrade)
{
    CHECK(test_heap_sweep(sweep_upgrade, NULL) > 10);
}

static wippy_status end_badly(wippy_self *self, core_actor *a)
{
    char text[3000];
    memset(text, 'e', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    if (a->number == 0) {
        return wippy_fail(self, WIPPY_ERR_IO, "%.500s", text);
    }
    return wippy_done_value(self, "\x07", 1);
}

static void sweep_results(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    core_actor w = {0};
    wippy_pid pid = {0};
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    a.number = *(int *)arg;
    a.on_mail = NULL;
    FAIR(core_spawn_by(&c, c.out, &w, c.host, 0, &pid));
    if (pid.id != 0) {
        core_run(&c);
        a.on_start = end_badly;
        wippy_result r = core_spawn_by(&c, c.out, &a, c.host, 0, NULL);
        FAIR(r);
        core_run(&c);
        CHECK_EQ_INT(a.closes, r == WIPPY_OK);
    }
    fault_close(&c);
}

TEST(test_fault_results)
{
    int error = 0;
    int value = 1;
    CHECK(test_heap_sweep(sweep_results, &error) > 10);
    CHECK(test_heap_sweep(sweep_results, &value) > 10);
}

static wippy_status exec_or_not(wippy_self *self, core_actor *a)
{
    core_actor *child = (core_actor *)a->arg;
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    wippy_type_find(wippy_self_runtime(self), "actor", &desc.type);
    desc.host.id = (uint32_t)a->number;
    desc.data = &child;
    desc.size = sizeof(child);
    desc.tag = 9;
    a->answer = wippy_exec(self, &desc, NULL, NULL);
    FAIR(a->answer);
    CHECK_EQ_U64(wippy_open_yields(self), a->answer == WIPPY_PENDING ? 1 : 0);
    return WIPPY_IDLE;
}

static wippy_status end_at_once(wippy_self *self, core_actor *a)
{
    (void)a;
    return wippy_done(self);
}

static void sweep_exec(test_heap *heap, void *arg)
{
    core c;
    core_actor a = {0};
    core_actor child = {0};
    wippy_host other = {0};
    wippy_pid pid = {0};
    if (!fault_open(&c, heap, 0)) {
        return;
    }
    FAIR(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other));
    a.number = *(int *)arg ? other.id : c.host.id;
    a.arg = &child;
    a.on_start = exec_or_not;
    child.on_start = end_at_once;
    if (other.id != 0 && fair(core_spawn_by(&c, c.out, &a, c.host, 0, &pid)) && pid.id != 0) {
        core_run(&c);
        CHECK_EQ_INT(wippy_pump(c.rt, other, UINT64_MAX, 0), WIPPY_OK);
        core_run(&c);
        CHECK_EQ_INT(a.count, a.answer == WIPPY_PENDING);
    }
    fault_close(&c);
}

TEST(test_fault_exec)
{
    int here = 0;
    int there = 1;
    CHECK(test_heap_sweep(sweep_exec, &here) > 10);
    CHECK(test_heap_sweep(sweep_exec, &there) > 10);
}

/* ---- not one block left ---- */

typedef struct poor {
    core c;
    test_heap heap;
    core_actor target, child;
    wippy_command command;
    wippy_token kept; /* opened in time */
    uint32_t children;
    uint32_t short_of; /* verbs that answered NOMEM */
    uint32_t dropped;
    bool rich;
    bool slots_first;
    size_t left_from; /* blocks for messages of these sizes are left; equal = none are */
    size_t left_to;
    size_t kept_bytes; /* of messages that are kept: some are given back before each verb; 0 = none are */
    size_t kept_other; /* every second one has this size */
    uint32_t blocks;
} poor;

static wippy_result poor_start(wippy_runtime *rt, wippy_token token, const wippy_input *input, void **job,
                               void *user_data)
{
    (void)rt;
    (void)token;
    (void)input;
    (void)job;
    (void)user_data;
    return WIPPY_PENDING;
}

#if defined(__SANITIZE_ADDRESS__) /* there each block is the allocator's, so that it can watch them */
#define CACHES_BLOCKS 0
#else
#define CACHES_BLOCKS 1
#endif

/* All that the caches of this worker still hold becomes mail, yields and children. */
static void poor_hoard(wippy_self *self, poor *p)
{
    static char bytes[4096];
    core_actor *child = &p->child;
    wippy_spawn_desc desc;
    test_heap_fail(&p->heap, 1, true);
    core_spawn_desc(&p->c, &child, &desc);
    while (p->slots_first && wippy_spawn(self, &desc, NULL, NULL) == WIPPY_OK) {
        p->children++;
    }
    for (size_t size = 0; size < sizeof(bytes); size += 8) {
        while ((size < p->left_from || size >= p->left_to) &&
               wippy_send(self, p->target.pid, p->c.topic, bytes, size) == WIPPY_OK) {
        }
    }
    while (wippy_open(self, 1, NULL) == WIPPY_PENDING) {
    }
}

static void poor_says(poor *p, const char *verb, wippy_result r)
{
    if (p->left_from < p->left_to || p->kept_bytes > 0) { /* one block is there, another not */
        CHECK(fair(r));
        return;
    }
    if (r != (p->rich ? WIPPY_OK : WIPPY_ERR_NOMEM) && !(p->rich && r == WIPPY_PENDING)) {
        FAIL("%s %s memory answers %s", verb, p->rich ? "with" : "without", wippy_result_name(r));
    }
    p->short_of += r == WIPPY_ERR_NOMEM;
}

/* Messages that were taken before are free now: so many blocks, and no other. */
static void poor_relieve(wippy_self *self, const poor *p)
{
    static const char bytes[1024];
    if (p->kept_bytes > 0) {
        for (size_t size = 0; size < sizeof(bytes); size += 8) {
            while (wippy_send(self, p->target.pid, p->c.topic, bytes, size) == WIPPY_OK) {
            }
        }
        for (uint32_t i = 0; i < p->blocks; i++) {
            (void)wippy_shelf_take(self, 0);
        }
    }
}

#define SAYS(verb, call) (poor_relieve(self, p), poor_says(p, #verb, wippy_##verb call))

static void poor_free(void *data, size_t size, void *user_data)
{
    (void)data;
    (void)size;
    ((poor *)user_data)->dropped++;
}

static void poor_drop(void *arg)
{
    ((poor *)arg)->dropped++;
}

static wippy_status poor_none(wippy_self *self, void *state)
{
    (void)state;
    return wippy_done(self);
}

/* Of a process that has nothing yet, not even lists. */
static wippy_status poor_fresh(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (TEST_ATOMIC_LOAD(&((poor *)a->arg)->heap.fail_at) != 0) {
        wippy_result kept = wippy_shelf_keep(self, mail, 0);
        uint32_t shelf = wippy_shelf_open(self);
        FAIR(kept);
        FAIR(wippy_open(self, 1, NULL));
        if (((poor *)a->arg)->left_from == ((poor *)a->arg)->left_to && ((poor *)a->arg)->kept_bytes == 0) {
            CHECK_EQ_INT(kept, WIPPY_ERR_NOMEM);
            CHECK_EQ_U64(shelf, 0);
            CHECK_EQ_U64(wippy_open_yields(self), 0);
        }
        CHECK_EQ_U64(wippy_kept_count(self), kept == WIPPY_OK ? 1 : 0);
        a->rounds++;
    }
    return WIPPY_IDLE;
}

static void poor_ask(wippy_self *self, poor *p)
{
    static char text[] = "text";
    wippy_runtime *rt = p->c.rt;
    wippy_pid other = p->target.pid;
    wippy_slice none = {NULL, 0};
    core_actor *child = &p->child;
    wippy_spawn_desc desc;
    wippy_message message;
    wippy_frame_desc rights;
    wippy_frame *frame = NULL;
    uint64_t number = 0;
    size_t sent = 0;
    char longer[1000];
    wippy_command_desc verb;
    wippy_command command;
    wippy_type_desc type;
    wippy_type made;
    wippy_host_desc place;
    wippy_host host;
    memset(longer, 'l', sizeof(longer));
    longer[999] = '\0';
    memset(&verb, 0, sizeof(verb));
    verb.name = "a verb more";
    verb.start = poor_start;
    memset(&type, 0, sizeof(type));
    type.name = "a type more";
    type.step = poor_none;
    memset(&place, 0, sizeof(place));
    place.name = "app:more";
    place.kind = WIPPY_HOST_PUMP;
    memset(&message, 0, sizeof(message));
    memset(&rights, 0, sizeof(rights));
    message.topic_name = "by name";
    message.data = text;
    message.size = 4;
    rights.actor_id = "ann";
    core_spawn_desc(&p->c, &child, &desc);
    SAYS(open, (self, 1, NULL));
    SAYS(timer, (self, 1, 1, NULL));
    SAYS(blocking, (self, blocking_number, p, poor_drop, 1, NULL));
    SAYS(wait_fd, (self, 0, WIPPY_FD_READ, 1, NULL));
    SAYS(command_yield, (self, p->command, text, 4, 0, 1, NULL));
    SAYS(send, (self, other, p->c.topic, text, 4));
    SAYS(send_values, (self, other, p->c.topic, "", 0, 0));
    SAYS(send_message, (self, other, &message));
    SAYS(send_owned, (self, other, p->c.topic, text, 4, poor_free, p));
    SAYS(want_writable, (self, other));
    SAYS(monitor, (self, other));
    SAYS(link, (self, other));
    SAYS(cancel, (self, other, "enough"));
    SAYS(cancel, (self, other, longer));
    SAYS(command_register, (rt, &verb, &command));
    SAYS(type_register, (rt, &type, &made));
    SAYS(host_create, (rt, &place, &host));
    SAYS(name_register, (self, "poor", 4, wippy_self_pid(self)));
    SAYS(group_join, (self, "scope", "group"));
    SAYS(group_watch, (self, "scope", "group", "news", &number));
    SAYS(events_subscribe, (self, "system", "*", "events", &number));
    SAYS(frame_make, (rt, &rights, &frame));
    SAYS(spawn, (self, &desc, NULL, NULL));
    desc.flags = WIPPY_SPAWN_MONITOR;
    SAYS(spawn, (self, &desc, NULL, NULL));
    desc.flags = WIPPY_SPAWN_LINK;
    SAYS(spawn, (self, &desc, NULL, NULL));
    desc.flags = 0;
    desc.messages = &message;
    desc.message_count = 1;
    SAYS(spawn, (self, &desc, NULL, NULL));
    desc.message_count = 0;
    SAYS(exec, (self, &desc, NULL, NULL));
    if (p->left_from < p->left_to || p->kept_bytes > 0) {
        wippy_frame_release(rt, frame);
        (void)wippy_topic_make(rt, "brand new");
        (void)wippy_shelf_open(self);
    } else if (!p->rich) {
        CHECK(wippy_topic_make(rt, "brand new").id == 0);
        CHECK_EQ_U64(wippy_shelf_open(self), 0);
        CHECK(frame == NULL);
        CHECK_EQ_INT(wippy_events_send(self, "system", "kind", "path", none), WIPPY_OK); /* to nobody */
        /* a large completion arrives without its contents */
        CHECK_EQ_INT(wippy_complete(rt, p->kept, WIPPY_OK, text, 4, 0), WIPPY_OK);
    } else {
        wippy_frame_release(rt, frame);
        SAYS(group_send, (self, "scope", "group", &message, &sent));
        CHECK(wippy_shelf_open(self) != 0);
    }
}

static wippy_status poor_begin(wippy_self *self, core_actor *a)
{
    poor *p = (poor *)a->arg;
    CHECK_EQ_INT(wippy_open(self, 99, &p->kept), WIPPY_PENDING);
    return WIPPY_IDLE;
}

static wippy_status poor_step(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    poor *p = (poor *)a->arg;
    if (mail->kind == WIPPY_MAIL_MESSAGE && p->kept_bytes > 0 &&
        (mail->size == p->kept_bytes || mail->size == p->kept_other)) {
        CHECK_EQ_INT(wippy_shelf_keep(self, mail, 0), WIPPY_OK);
    } else if (mail->kind == WIPPY_MAIL_MESSAGE && a->rounds < 2) {
        p->rich = a->rounds++ == 1;
        if (!p->rich) {
            poor_hoard(self, p);
        }
        poor_ask(self, p);
    }
    return WIPPY_IDLE;
}

static void poor_all(bool slots_first, size_t left_from, size_t left_to, size_t kept_bytes,
                     size_t kept_other, uint32_t blocks)
{
    static const char bytes[1024];
    static poor p;
    wippy_pid left[256];
    core_actor a = {0}, fresh = {0};
    wippy_command_desc verb;
    memset(&p, 0, sizeof(p));
    memset(&verb, 0, sizeof(verb));
    test_heap_init(&p.heap);
    p.slots_first = slots_first;
    p.left_from = left_from;
    p.left_to = left_to;
    p.kept_bytes = kept_bytes;
    p.kept_other = kept_other;
    p.blocks = blocks;
    REQUIRE(fault_open(&p.c, &p.heap, 0));
    verb.name = "verb";
    verb.start = poor_start;
    CHECK_EQ_INT(wippy_command_register(p.c.rt, &verb, &p.command), WIPPY_OK);
    p.target.deaf = true;
    p.target.trap = true;
    a.arg = &p;
    a.trap = true;
    a.on_start = poor_begin;
    a.on_mail = poor_step;
    fresh.arg = &p;
    fresh.on_mail = poor_fresh;
    core_spawn(&p.c, &p.target);
    core_spawn(&p.c, &a);
    core_spawn(&p.c, &fresh);
    core_run(&p.c);
    for (int i = 0; i < 120 && kept_bytes > 0; i++) {
        CHECK_EQ_INT(wippy_send(p.c.out, a.pid, p.c.topic, bytes, i % 2 ? kept_other : kept_bytes),
                     WIPPY_OK);
    }
    core_run(&p.c);
    CHECK_EQ_INT(core_tell(&p.c, a.pid, "poor"), WIPPY_OK);
    CHECK_EQ_INT(core_tell(&p.c, fresh.pid, "poor"), WIPPY_OK);
    core_run(&p.c);
    test_heap_fail(&p.heap, 0, false);
    if (left_from == left_to && kept_bytes == 0) {
        CHECK(p.short_of >= 26);
        CHECK_EQ_INT(p.children > 0, slots_first && CACHES_BLOCKS);
        CHECK_EQ_U64(p.dropped, 0);
        p.short_of = 0;
        CHECK_EQ_INT(core_tell(&p.c, a.pid, "rich"), WIPPY_OK);
        core_run(&p.c);
        CHECK_EQ_U64(p.short_of, 0);
    }
    CHECK_EQ_INT(wippy_stop(p.c.rt), WIPPY_OK);
    size_t count = wippy_survivors(p.c.rt, left, TEST_COUNT(left));
    for (size_t i = 0; i < count && i < TEST_COUNT(left); i++) {
        CHECK_EQ_INT(wippy_terminate(p.c.out, left[i]), WIPPY_OK);
    }
    fault_close(&p.c);
    CHECK(p.dropped >= 1 || left_from < left_to || kept_bytes > 0);
    CHECK_BALANCED(&p.heap);
}

TEST(test_fault_every_verb_without_a_block_left)
{
    poor_all(false, 0, 0, 0, 0, 0);
    poor_all(true, 0, 0, 0, 0, 0);
}

/* The second block a verb needs is not there although the first was. */
TEST(test_fault_every_verb_with_one_kind_of_block_left)
{
    for (size_t from = 0; from < 2048; from += from < 512 ? 16 : 256) {
        poor_all(false, from, from + (from < 512 ? 48 : 300), 0, 0, 0);
    }
}

/* One to three blocks are given back before each verb, of one size after the other. */
TEST(test_fault_every_verb_with_a_few_blocks_each)
{
    for (size_t bytes = 8; bytes < 800; bytes += bytes < 320 ? 8 : 64) {
        for (uint32_t blocks = 1; blocks <= 3; blocks++) {
            poor_all(false, 0, 0, bytes, bytes, blocks);
        }
        for (size_t other = 24; other < bytes && bytes <= 320; other += 40) {
            poor_all(false, 0, 0, bytes, other, 2);
            poor_all(false, 0, 0, bytes, other, 3);
        }
    }
}

TEST_MAIN(TEST_ENTRY(test_fault_every_verb_with_a_few_blocks_each),
          TEST_ENTRY(test_fault_every_verb_without_a_block_left),
          TEST_ENTRY(test_fault_every_verb_with_one_kind_of_block_left), TEST_ENTRY(test_fault_create_without_any_memory), TEST_ENTRY(test_fault_create_and_hosts),
          TEST_ENTRY(test_fault_pool_and_spawn_from_outside), TEST_ENTRY(test_fault_spawn),
          TEST_ENTRY(test_fault_send), TEST_ENTRY(test_fault_monitors_links_names),
          TEST_ENTRY(test_fault_yields), TEST_ENTRY(test_fault_upgrade),
          TEST_ENTRY(test_fault_results), TEST_ENTRY(test_fault_exec))
