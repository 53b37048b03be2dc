/* Scripted processes for tests of the core: an actor is a struct of the test, whose hooks run as
   init, first step, mail and close of one process, and which remembers what it saw. Public header
   only. Include wippy.h and test.h first. */
#ifndef WIPPY_TEST_CORE_KIT_H
#define WIPPY_TEST_CORE_KIT_H

#define CORE_SEEN 256
#define CORE_MS   1000000u

typedef struct core_seen {
    int kind;
    int result;
    wippy_pid from;
    uint64_t tag;
    int64_t number; /* payload: an integer; -1 = none */
    char text[64];  /* payload: a string, an error's message, raw bytes */
    char topic[32];
} core_seen;

typedef struct core_actor core_actor;
struct core_actor {
    /* all may be NULL */
    wippy_result (*on_init)(wippy_self *self, core_actor *a, const wippy_input *input);
    wippy_status (*on_start)(wippy_self *self, core_actor *a);
    wippy_status (*on_mail)(wippy_self *self, core_actor *a, const wippy_mail *mail);
    wippy_status (*on_step)(wippy_self *self, core_actor *a); /* instead of start and mail */
    void (*on_close)(wippy_self *self, core_actor *a);
    bool trap;    /* set in init */
    bool monitor; /* first step: monitor target, link target */
    bool link;
    bool deaf; /* ignores CANCEL and the command topics */
    wippy_pid target;
    void *arg;
    int64_t number;
    /* written by the process, counts atomically */
    wippy_pid pid;
    wippy_result answer; /* of the last verb a hook tried */
    uint32_t inits;
    uint32_t steps;
    uint32_t closes;
    uint32_t rounds; /* for hooks that count */
    uint32_t count;  /* mails seen */
    core_seen seen[CORE_SEEN];
};

typedef struct core {
    test_heap heap;
    wippy_runtime *rt;
    wippy_self *out;
    wippy_host host; /* a pump or a pool named app:main */
    wippy_type type;
    wippy_topic topic;
} core;

/* ---- what an actor does ---- */

static inline void core_read(core_seen *s, const wippy_mail *mail)
{
    const char *data = (const char *)wippy_mail_data(mail);
    wippy_slice from = {data, mail->size};
    wippy_reader reader;
    wippy_value value;
    s->number = -1;
    if (mail->size == 0) {
        return;
    }
    if (mail->count > 0) {
        wippy_reader_init(&reader, data, mail->size);
        if (wippy_read(&reader, &value) != WIPPY_OK) {
            FAIL("unreadable payload");
            return;
        }
        if (value.type == WIPPY_INT) {
            s->number = value.as.integer;
            return;
        }
        if (value.type != WIPPY_ERROR && value.type != WIPPY_STRING) {
            return;
        }
        from = value.type == WIPPY_ERROR ? value.as.error.message : value.as.string;
    } else if (mail->size == sizeof(int64_t)) {
        memcpy(&s->number, data, sizeof(s->number));
        return;
    }
    snprintf(s->text, sizeof(s->text), "%.*s", (int)from.size, from.data);
}

static inline void core_see(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    uint32_t at = TEST_ATOMIC_LOAD(&a->count);
    core_seen *s = &a->seen[at % CORE_SEEN];
    memset(s, 0, sizeof(*s));
    s->kind = mail->kind;
    s->result = mail->result;
    s->from = mail->from;
    s->tag = wippy_mail_tag(mail);
    snprintf(s->topic, sizeof(s->topic), "%s", wippy_mail_topic(self, mail, NULL));
    core_read(s, mail);
    TEST_ATOMIC_ADD(&a->count, 1u);
}

/* Raw bytes "done", "done7", "fail", "spin" are commands; so is CANCEL. */
static inline wippy_status core_obey(wippy_self *self, const core_actor *a, const wippy_mail *mail)
{
    const char *text = (const char *)wippy_mail_data(mail);
    const uint8_t seven = 7; /* an encoded integer */
    if (a->deaf) {
        return WIPPY_IDLE;
    }
    if (mail->kind == WIPPY_MAIL_CANCEL) {
        return wippy_done(self);
    }
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->count != 0 || mail->size < 4) {
        return WIPPY_IDLE;
    }
    if (mail->size == 5 && memcmp(text, "done7", 5) == 0) {
        return wippy_done_value(self, &seven, 1);
    }
    if (memcmp(text, "done", 4) == 0) {
        return wippy_done(self);
    }
    return memcmp(text, "fail", 4) == 0 ? wippy_fail(self, WIPPY_ERR_CONFLICT, "boom %d", 5)
                                        : WIPPY_IDLE;
}

static inline wippy_status core_first(wippy_self *self, core_actor *a)
{
    if (a->monitor) {
        a->answer = wippy_monitor(self, a->target);
    }
    if (a->link) {
        a->answer = wippy_link(self, a->target);
    }
    return a->on_start ? a->on_start(self, a) : WIPPY_IDLE;
}

static inline wippy_status core_step(wippy_self *self, void *state)
{
    core_actor *a = *(core_actor **)state;
    const wippy_mail *mail;
    wippy_status status = WIPPY_IDLE;
    if (TEST_ATOMIC_LOAD(&a->steps) == 0) {
        status = core_first(self, a);
    }
    TEST_ATOMIC_ADD(&a->steps, 1u); /* who waits for the first step waits for what it started */
    if (a->on_step) {
        return a->on_step(self, a);
    }
    while (status == WIPPY_IDLE && (mail = wippy_next(self)) != NULL) {
        core_see(self, a, mail);
        if (a->on_mail == NULL) {
            status = core_obey(self, a, mail);
            continue;
        }
        bool ends = mail->kind == WIPPY_MAIL_CANCEL && !a->deaf; /* the hook may free the mail */
        status = a->on_mail(self, a, mail);
        if (status == WIPPY_IDLE && ends) {
            status = wippy_done(self);
        }
    }
    return status;
}

static inline wippy_result core_init(wippy_self *self, void *state, const wippy_input *input)
{
    core_actor *a;
    if (input->size != sizeof(a)) {
        return WIPPY_ERR_INVALID;
    }
    memcpy(&a, input->data, sizeof(a));
    *(core_actor **)state = a;
    a->pid = wippy_self_pid(self);
    TEST_ATOMIC_ADD(&a->inits, 1u);
    wippy_trap_links(self, a->trap);
    return a->on_init ? a->on_init(self, a, input) : WIPPY_OK;
}

static inline void core_close_body(wippy_self *self, void *state)
{
    core_actor *a = *(core_actor **)state;
    if (a->on_close) {
        a->on_close(self, a);
    }
    TEST_ATOMIC_ADD(&a->closes, 1u);
}

/* ---- the runtime around it ---- */

static inline void core_desc(core *c, wippy_desc *desc)
{
    memset(desc, 0, sizeof(*desc));
    desc->allocator.alloc_fn = test_alloc_fn;
    desc->allocator.free_fn = test_free_fn;
    desc->allocator.user_data = &c->heap;
}

static inline wippy_result core_add_host(core *c, const char *name, wippy_host_kind kind,
                                         uint32_t workers, wippy_host *out)
{
    wippy_host_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = name;
    desc.kind = kind;
    desc.workers = workers;
    return wippy_host_create(c->rt, &desc, out);
}

static inline wippy_result core_types(core *c)
{
    wippy_type_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "actor";
    desc.state_bytes = sizeof(core_actor *);
    desc.init = core_init;
    desc.step = core_step;
    desc.close = core_close_body;
    c->topic = wippy_topic_make(c->rt, "topic");
    return c->topic.id == 0 ? WIPPY_ERR_NOMEM : wippy_type_register(c->rt, &desc, &c->type);
}

/* workers 0: a pump; given: NULL or a host desc whose name, kind and workers are filled here. */
static inline bool core_open_with(core *c, uint32_t workers, const wippy_desc *given,
                                  const wippy_host_desc *given_host)
{
    wippy_desc desc;
    wippy_host_desc host;
    memset(c, 0, sizeof(*c));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    test_heap_init(&c->heap);
    if (given) {
        desc = *given;
    }
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &c->heap;
    if (given_host) {
        host = *given_host;
    }
    host.name = "app:main";
    host.kind = workers == 0 ? WIPPY_HOST_PUMP : WIPPY_HOST_POOL;
    host.workers = workers;
    if (!CHECK_EQ_INT(wippy_create(&c->rt, &desc), WIPPY_OK) ||
        !CHECK_EQ_INT(core_types(c), WIPPY_OK)) {
        return false;
    }
    c->out = wippy_outside(c->rt);
    return CHECK_EQ_INT(wippy_host_create(c->rt, &host, &c->host), WIPPY_OK);
}

static inline bool core_open(core *c, uint32_t workers)
{
    return core_open_with(c, workers, NULL, NULL);
}

static inline void core_close(core *c)
{
    CHECK_EQ_INT(wippy_destroy(c->rt), WIPPY_OK);
    CHECK_BALANCED(&c->heap);
}

/* Pump until nothing is left to do now. */
static inline void core_run(core *c)
{
    CHECK_EQ_INT(wippy_pump(c->rt, c->host, UINT64_MAX, 0), WIPPY_OK);
}

static inline void core_spawn_desc(const core *c, core_actor *const *a, wippy_spawn_desc *desc)
{
    memset(desc, 0, sizeof(*desc));
    desc->type = c->type;
    desc->host = c->host;
    desc->data = a;
    desc->size = sizeof(*a);
}

static inline wippy_result core_spawn_by(core *c, wippy_self *self, core_actor *a, wippy_host host,
                                         uint32_t flags, wippy_pid *out)
{
    wippy_spawn_desc desc;
    core_spawn_desc(c, &a, &desc);
    desc.host = host;
    desc.flags = flags;
    return wippy_spawn(self, &desc, out, NULL);
}

static inline wippy_pid core_spawn(core *c, core_actor *a)
{
    wippy_pid pid = {0};
    CHECK_EQ_INT(core_spawn_by(c, c->out, a, c->host, 0, &pid), WIPPY_OK);
    return pid;
}

static inline wippy_result core_tell(core *c, wippy_pid to, const char *text)
{
    return wippy_send(c->out, to, c->topic, text, strlen(text));
}

/* ---- looking ---- */

typedef struct core_wanted {
    const uint32_t *counter;
    uint32_t at_least;
} core_wanted;

static inline bool core_reached(void *arg)
{
    const core_wanted *w = (const core_wanted *)arg;
    return TEST_ATOMIC_LOAD(w->counter) >= w->at_least;
}

static inline bool core_wait(const uint32_t *counter, uint32_t at_least)
{
    core_wanted w;
    w.counter = counter;
    w.at_least = at_least;
    return test_wait_until(core_reached, &w, 20000);
}

/* Pump, sleeping as the runtime says, until the counter is there. */
static inline bool core_pump_until(core *c, const uint32_t *counter, uint32_t at_least)
{
    uint64_t end = test_now_ms() + 20000;
    while (TEST_ATOMIC_LOAD(counter) < at_least && test_now_ms() < end) {
        core_run(c);
        if (wippy_pump_deadline(c->rt, c->host) > CORE_MS) {
            test_pause_ms(1);
        }
    }
    return TEST_ATOMIC_LOAD(counter) >= at_least;
}

/* Mails of a kind that were seen. */
static inline uint32_t core_kinds(const core_actor *a, int kind)
{
    uint32_t i, n = 0;
    for (i = 0; i < TEST_ATOMIC_LOAD(&a->count) && i < CORE_SEEN; i++) {
        n += a->seen[i].kind == kind ? 1u : 0u;
    }
    return n;
}

static inline const core_seen *core_find(const core_actor *a, int kind)
{
    uint32_t i;
    for (i = 0; i < TEST_ATOMIC_LOAD(&a->count) && i < CORE_SEEN; i++) {
        if (a->seen[i].kind == kind) {
            return &a->seen[i];
        }
    }
    return NULL;
}

static inline uint64_t core_alive(core *c)
{
    wippy_runtime_info info;
    wippy_runtime_stats(c->rt, &info);
    return info.processes;
}

#endif /* WIPPY_TEST_CORE_KIT_H */
