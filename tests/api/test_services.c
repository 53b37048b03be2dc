/* Services through the public header: order, restarts, stopping, live changes, rights, events. */
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

/* ------------------------------------------------------------------ a program with services */

#define LAB_LINES 400
#define LAB_LINE  240

typedef struct lab {
    test_heap heap;
    wippy_runtime *rt;
    unsigned lock; /* of what follows */
    unsigned line_count;
    char lines[LAB_LINES][LAB_LINE]; /* of the log, and what the processes noted */
    unsigned starts; /* of processes of each behaviour; atomic */
    unsigned living;
    unsigned most_living;
} lab;

static void lab_lock(lab *l)
{
    while (__atomic_exchange_n(&l->lock, 1u, __ATOMIC_ACQUIRE) != 0) {
        test_pause_ms(0);
    }
}

static void lab_unlock(lab *l)
{
    __atomic_store_n(&l->lock, 0u, __ATOMIC_RELEASE);
}

static void lab_note(lab *l, const char *format, ...) TEST_PRINTF(2, 3);

static void lab_note(lab *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lab_lock(l);
    if (l->line_count < LAB_LINES) {
        vsnprintf(l->lines[l->line_count++], LAB_LINE, format, args);
    }
    lab_unlock(l);
    va_end(args);
}

static void lab_log(const wippy_log_record *record, void *user_data)
{
    static const char levels[] = "DIWE";
    char fields[LAB_LINE];
    fields[0] = '\0';
    if (record->fields.size > 0) {
        wippy_value_to_text(record->fields, fields, sizeof(fields));
    }
    lab_note((lab *)user_data, "%c %s %s", levels[record->level], record->message, fields);
}

/* Index of the first line from `from` that holds the text; -1 = none. */
static int lab_find(lab *l, int from, const char *text)
{
    int found = -1;
    lab_lock(l);
    for (int i = from; i < (int)l->line_count && found < 0; i++) {
        found = strstr(l->lines[i], text) ? i : -1;
    }
    lab_unlock(l);
    return found;
}

static int lab_count(lab *l, const char *text)
{
    int count = 0;
    for (int at = lab_find(l, 0, text); at >= 0; at = lab_find(l, at + 1, text)) {
        count++;
    }
    return count;
}

/* ------------------------------------------------------------------ behaviours */

typedef struct worker {
    lab *l;
    char what[32]; /* entry id, for the notes */
    bool begun;
} worker;

static wippy_result worker_init(wippy_self *self, void *state, const wippy_input *input)
{
    worker *w = (worker *)state;
    w->l = (lab *)wippy_self_user_data(self);
    snprintf(w->what, sizeof(w->what), "%s", input->entry);
    TEST_ATOMIC_ADD(&w->l->starts, 1u);
    unsigned living = TEST_ATOMIC_ADD(&w->l->living, 1u) + 1;
    if (living > TEST_ATOMIC_LOAD(&w->l->most_living)) {
        TEST_ATOMIC_STORE(&w->l->most_living, living);
    }
    char text[64];
    wippy_slice data;
    data.data = (const char *)input->data;
    data.size = input->size;
    text[0] = '\0';
    if (input->count > 0) {
        wippy_value_to_text(data, text, sizeof(text));
    }
    lab_note(w->l, "init %s %u %s actor=%s scope=%u", input->entry, (unsigned)input->count, text,
             wippy_frame_actor(wippy_self_frame(self)),
             (unsigned)wippy_frame_scope(wippy_self_frame(self), NULL));
    return WIPPY_OK;
}

static void worker_close(wippy_self *self, void *state)
{
    worker *w = (worker *)state;
    (void)self;
    TEST_ATOMIC_SUB(&w->l->living, 1u);
    lab_note(w->l, "close %s", w->what);
}

/* Ends when it is asked to, and notes who asked. */
static wippy_status obedient_step(wippy_self *self, void *state)
{
    worker *w = (worker *)state;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            char from[96];
            wippy_slice reason;
            reason.data = (const char *)wippy_mail_data(mail);
            reason.size = mail->size;
            wippy_slice text = wippy_value_string(reason, "", "");
            wippy_pid_text(wippy_self_runtime(self), mail->from, from, sizeof(from));
            lab_note(w->l, "cancel %s from %s: %.*s", w->what, from, (int)text.size, text.data);
            return wippy_done(self);
        }
    }
    return WIPPY_IDLE;
}

/* Its init says no: busy for the first three, then for good. */
static wippy_result refuse_init(wippy_self *self, void *state, const wippy_input *input)
{
    lab *l = (lab *)wippy_self_user_data(self);
    (void)state;
    (void)input;
    return TEST_ATOMIC_ADD(&l->starts, 1u) < 3 ? WIPPY_ERR_UNAVAILABLE : WIPPY_ERR_INVALID;
}

static wippy_status deaf_step(wippy_self *self, void *state)
{
    (void)state;
    while (wippy_next(self) != NULL) {
    }
    return WIPPY_IDLE;
}

static wippy_status crash_step(wippy_self *self, void *state)
{
    (void)state;
    return wippy_fail(self, WIPPY_ERR_INTERNAL, "crashed on purpose");
}

static wippy_status once_step(wippy_self *self, void *state)
{
    (void)state;
    return wippy_done(self);
}

static wippy_status final_step(wippy_self *self, void *state)
{
    wippy_writer w;
    wippy_slice value;
    wippy_status status;
    (void)state;
    wippy_writer_init(&w, wippy_self_runtime(self));
    wippy_write_error(&w, "Invalid", 7, "never again", 11, 0);
    wippy_write_end(&w);
    if (wippy_writer_finish(&w, &value) == WIPPY_OK) {
        status = wippy_fail_value(self, WIPPY_ERR_INVALID, value.data, value.size);
    } else {
        status = wippy_fail(self, WIPPY_ERR_NOMEM, "no memory");
    }
    wippy_writer_free(&w);
    return status;
}

/* Fails with an error of that kind and a text as long as that. */
static wippy_status fail_as(wippy_self *self, const char *kind, const char *text, size_t size, int retryable)
{
    wippy_writer w;
    wippy_slice value = {NULL, 0};
    wippy_writer_init(&w, wippy_self_runtime(self));
    wippy_write_error(&w, kind, strlen(kind), text, size, retryable);
    wippy_write_end(&w);
    CHECK_EQ_INT(wippy_writer_finish(&w, &value), WIPPY_OK);
    wippy_status status = wippy_fail_value(self, WIPPY_ERR_INTERNAL, value.data, value.size);
    wippy_writer_free(&w);
    return status;
}

static wippy_status called_off_step(wippy_self *self, void *state)
{
    (void)state;
    return fail_as(self, "Canceled", "called off", 10, -1);
}

/* More than details hold, of characters of three bytes, the cut in the middle of one. */
static wippy_status verbose_step(wippy_self *self, void *state)
{
    char text[900];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    text[0] = text[1] = 'x';
    text[2] = ' ';
    return fail_as(self, "Internal", text, sizeof(text), 1);
}

static wippy_status silent_step(wippy_self *self, void *state)
{
    (void)state;
    return wippy_fail_value(self, WIPPY_ERR_IO, NULL, 0);
}

/* Notes the kinds and paths of the supervisor's events. */
static wippy_status listener_step(wippy_self *self, void *state)
{
    worker *w = (worker *)state;
    const wippy_mail *mail;
    if (!w->begun) {
        w->begun = true;
        CHECK_EQ_INT(wippy_events_subscribe(self, "supervisor", NULL, "seen", NULL), WIPPY_OK);
        lab_note(w->l, "listening");
    }
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_MESSAGE) {
            wippy_slice data;
            data.data = (const char *)wippy_mail_data(mail);
            data.size = mail->size;
            wippy_slice kind = wippy_value_string(data, "kind", "?");
            wippy_slice path = wippy_value_string(data, "path", "?");
            lab_note(w->l, "event %.*s %.*s", (int)kind.size, kind.data, (int)path.size, path.data);
        } else if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
    }
    return WIPPY_IDLE;
}

/* ------------------------------------------------------------------ opening and closing */

typedef struct lab_type {
    const char *name;
    wippy_status (*step)(wippy_self *self, void *state);
} lab_type;

static const lab_type lab_types[] = {{"obedient", obedient_step}, {"deaf", deaf_step},
                                     {"crash", crash_step},       {"once", once_step},
                                     {"final", final_step},       {"listener", listener_step},
                                     {"called_off", called_off_step}, {"verbose", verbose_step},
                                     {"silent", silent_step}};

static wippy_result lab_register(lab *l)
{
    wippy_result result = WIPPY_OK;
    for (size_t i = 0; i < TEST_COUNT(lab_types) && result == WIPPY_OK; i++) {
        wippy_type_desc desc;
        memset(&desc, 0, sizeof(desc));
        desc.name = lab_types[i].name;
        desc.state_bytes = sizeof(worker);
        desc.init = worker_init;
        desc.step = lab_types[i].step;
        desc.close = worker_close;
        desc.user_data = l;
        result = wippy_type_register(l->rt, &desc, NULL);
        if (result == WIPPY_OK && i == 0) {
            desc.name = "refuses";
            desc.init = refuse_init;
            desc.close = NULL;
            result = wippy_type_register(l->rt, &desc, NULL);
        }
    }
    return result;
}

/* Every program has a host `app:h` and a process entry of each behaviour. */
static const char lab_head[] =
    "namespace: app\n"
    "entries:\n"
    "  - name: h\n"
    "    kind: process.host\n"
    "    host: {workers: 1}\n"
    "    lifecycle: {auto_start: true}\n"
    "  - {name: obedient, kind: process.native, type: obedient}\n"
    "  - {name: deaf, kind: process.native, type: deaf}\n"
    "  - {name: crash, kind: process.native, type: crash}\n"
    "  - {name: once, kind: process.native, type: once}\n"
    "  - {name: final, kind: process.native, type: final}\n"
    "  - {name: refuses, kind: process.native, type: refuses}\n"
    "  - {name: listener, kind: process.native, type: listener}\n";

static wippy_result lab_load(lab *l, const char *entries, wippy_diag *diag)
{
    char text[8192];
    int size = snprintf(text, sizeof(text), "%s%s", lab_head, entries);
    return wippy_load_text(l->rt, "lab.yaml", text, (size_t)size, diag);
}

static lab *lab_open_with(const char *entries, bool strict)
{
    wippy_desc desc;
    wippy_diag diag;
    lab *l = (lab *)calloc(1, sizeof(lab));
    memset(&desc, 0, sizeof(desc));
    memset(&diag, 0, sizeof(diag));
    test_heap_init(&l->heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &l->heap;
    desc.log_fn = lab_log;
    desc.log_user_data = l;
    desc.strict_rights = strict;
    desc.random_seed = 1;
    if (wippy_create(&l->rt, &desc) != WIPPY_OK || lab_register(l) != WIPPY_OK ||
        lab_load(l, entries, &diag) != WIPPY_OK) {
        FAIL("cannot open: %s", diag.message);
    }
    return l;
}

static lab *lab_open(const char *entries)
{
    return lab_open_with(entries, false);
}

static void lab_close(lab *l)
{
    CHECK_EQ_INT(wippy_destroy(l->rt), WIPPY_OK);
    CHECK_BALANCED(&l->heap);
    if (TEST_ATOMIC_LOAD(&test_global.failures) > 0) {
        for (unsigned i = 0; i < l->line_count; i++) {
            printf("    %s\n", l->lines[i]);
        }
    }
    free(l);
}

static wippy_host no_host(void)
{
    wippy_host host;
    host.id = 0;
    return host;
}

static void lab_start(lab *l)
{
    CHECK_EQ_INT(wippy_services_start(l->rt, no_host()), WIPPY_OK);
}

typedef struct lab_wish {
    lab *l;
    const char *id;
    wippy_service_status status;
    const char *text; /* or: a line of the log */
} lab_wish;

static bool lab_is(void *arg)
{
    const lab_wish *wish = (const lab_wish *)arg;
    wippy_service_info info;
    if (wish->text) {
        return lab_find(wish->l, 0, wish->text) >= 0;
    }
    return wippy_service_state(wish->l->rt, wish->id, &info) == WIPPY_OK &&
           info.status == wish->status;
}

static bool lab_wait(lab *l, const char *id, wippy_service_status status)
{
    lab_wish wish = {l, id, status, NULL};
    return test_wait_until(lab_is, &wish, 20000);
}

static bool lab_wait_line(lab *l, const char *text)
{
    lab_wish wish = {l, NULL, WIPPY_SERVICE_UNKNOWN, text};
    return test_wait_until(lab_is, &wish, 20000);
}

static wippy_service_status lab_status(lab *l, const char *id)
{
    wippy_service_info info;
    return wippy_service_state(l->rt, id, &info) == WIPPY_OK ? info.status : WIPPY_SERVICE_UNKNOWN;
}

/* ------------------------------------------------------------------ starting */

TEST(test_services_start_after_what_they_require)
{
    lab *l = lab_open("  - name: a\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n"
                      "    input: ['x', 2]\n"
                      "    lifecycle: {auto_start: true, requires: [app:b]}\n"
                      "  - name: b\n"
                      "    kind: process.service\n"
                      "    process: app:obedient\n"
                      "    host: app:h\n"
                      "    lifecycle: {depends_on: [c]}\n"
                      "  - name: c\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n"
                      "  - name: idle\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n");
    wippy_service_info info;
    char text[96];
    CHECK_EQ_INT(wippy_services_wait(l->rt, 0, NULL), WIPPY_ERR_INVALID);
    lab_start(l);
    CHECK_EQ_INT(wippy_services_start(l->rt, no_host()), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    int host = lab_find(l, 0, "I service app:h is running");
    int c = lab_find(l, 0, "I service app:c is running");
    int b = lab_find(l, 0, "I service app:b is running");
    int a = lab_find(l, 0, "I service app:a is running {\"serviceID\": \"app:a\", "
                           "\"status\": \"running\"}");
    CHECK(host >= 0 && host < c && c < b && b < a);
    CHECK(lab_find(l, 0, "I starting service {\"service_id\": \"app:a\"}") >= 0);
    CHECK(lab_find(l, 0, "init app:obedient 2 \"x\"") >= 0);
    CHECK_EQ_INT(lab_status(l, "app:idle"), WIPPY_SERVICE_UNKNOWN);
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_INT(info.desired, WIPPY_SERVICE_RUNNING);
    CHECK(wippy_alive(l->rt, info.pid));
    CHECK(info.started_wall_ns > 0 && info.last_update_wall_ns > 0);
    CHECK_STR(info.kind, "process.service");
    wippy_pid_text(l->rt, info.supervisor, text, sizeof(text));
    CHECK_HAS(text, "{node:control|0x");
    CHECK_EQ_U64(wippy_service_states(l->rt, NULL, 0), 5);
    CHECK_EQ_INT(wippy_service_state(l->rt, "app:nothing", &info), WIPPY_ERR_NOTFOUND);
    lab_close(l);
}

TEST(test_services_stop_in_reverse_and_hosts_last)
{
    lab *l = lab_open("  - name: a\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n"
                      "    lifecycle: {auto_start: true, requires: [b]}\n"
                      "  - name: b\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n");
    wippy_service_info info;
    char text[96];
    char line[200];
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    wippy_pid_text(l->rt, info.supervisor, text, sizeof(text));
    snprintf(line, sizeof(line), "cancel app:obedient from %s: service stopping", text);
    CHECK_EQ_INT(wippy_services_stop(l->rt, 20000000000u), WIPPY_OK);
    CHECK(lab_find(l, 0, line) >= 0);
    int a = lab_find(l, 0, "I service app:a is stopped");
    int b_stopping = lab_find(l, 0, "I service app:b is stopping");
    int b = lab_find(l, 0, "I service app:b is stopped");
    int host = lab_find(l, 0, "I service app:h is stopped");
    CHECK(a >= 0 && a < b_stopping && b_stopping < b && b < host);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 0);
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_ERR_STOPPED);
    /* and again */
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 2);
    lab_close(l);
    /* the runtime's own stop does the same */
}

TEST(test_services_runtime_stop_stops_them_in_order)
{
    lab *l = lab_open("  - name: a\n"
                      "    kind: process.service\n"
                      "    process: obedient\n"
                      "    host: h\n"
                      "    lifecycle: {auto_start: true}\n");
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    wippy_stop(l->rt);
    CHECK_EQ_INT(wippy_join(l->rt, 20000000000u), WIPPY_OK);
    int a = lab_find(l, 0, "I service app:a is stopped");
    CHECK(a >= 0 && a < lab_find(l, 0, "I service app:h is stopped"));
    CHECK(lab_find(l, 0, "service stopping") >= 0);
    lab_close(l);
}

TEST(test_services_blocked_and_circular_ones_do_not_start)
{
    lab *l = lab_open("  - {name: ok, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true}}\n"
                      "  - {name: lost, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, requires: [nowhere]}}\n"
                      "  - {name: quiet, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, startup: optional, requires: [nowhere]}}\n"
                      "  - {name: x, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, startup: optional, requires: [y]}}\n"
                      "  - {name: y, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {startup: optional, requires: [x]}}\n");
    wippy_diag diag;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, &diag), WIPPY_ERR_UNAVAILABLE);
    CHECK_STR(diag.file, "app:lost");
    CHECK_HAS(diag.message, "app:lost requires app:nowhere");
    CHECK(lab_find(l, 0, "E service startup blocked by missing dependencies: app:lost requires "
                         "app:nowhere") >= 0);
    CHECK_EQ_INT(lab_count(l, "app:quiet requires"), 0);
    CHECK_EQ_INT(lab_status(l, "app:ok"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_INT(lab_status(l, "app:lost"), WIPPY_SERVICE_UNKNOWN);
    CHECK_EQ_INT(lab_status(l, "app:x"), WIPPY_SERVICE_UNKNOWN);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 1);
    /* what was missing comes: the blocked one starts by itself */
    CHECK_EQ_INT(wippy_load_text(l->rt, "more", "namespace: app\nentries:\n  - {name: nowhere, "
                                 "kind: process.service, process: once, host: h}\n", 91, NULL),
                 WIPPY_OK);
    CHECK(lab_wait(l, "app:lost", WIPPY_SERVICE_RUNNING));
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    lab_close(l);
}

/* ------------------------------------------------------------------ ends and restarts */

TEST(test_services_crash_restarts_up_to_max_attempts)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: crash, host: h, lifecycle: {"
                      "auto_start: true, restart: {delay: 2ms, jitter: 0, max_attempts: 5}}}\n");
    wippy_service_info info;
    lab_start(l);
    CHECK(lab_wait(l, "app:h", WIPPY_SERVICE_RUNNING));
    for (int i = 0; i < 20000; i++) { /* failed is also what it is between attempts */
        REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
        if (info.status == WIPPY_SERVICE_FAILED && info.retry_in_ns == 0) {
            break;
        }
        test_pause_ms(1);
    }
    CHECK_EQ_INT(info.status, WIPPY_SERVICE_FAILED);
    CHECK_EQ_U64(info.retry_count, 5);
    CHECK_STR(info.details, "crashed on purpose");
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 5);
    for (int i = 0; i < 20000 && lab_count(l, "E service app:a is failed") < 5; i++) {
        test_pause_ms(1); /* told after the state is seen */
    }
    CHECK_EQ_INT(lab_count(l, "E service app:a is failed"), 5);
    CHECK(lab_find(l, 0, "\"error\": \"crashed on purpose\"") >= 0);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_ERR_UNAVAILABLE);
    /* asked for again, the count begins anew */
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_OK);
    for (int i = 0; i < 20000 && TEST_ATOMIC_LOAD(&l->starts) < 10; i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 10);
    lab_close(l);
}

TEST(test_services_normal_end_and_final_error_are_not_restarted)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: once, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n"
                      "  - {name: b, kind: process.service, process: final, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n"
                      "  - {name: c, kind: process.service, process: nothing, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n"
                      "  - {name: d, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, requires: [a]}}\n");
    wippy_service_info info;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_ERR_UNAVAILABLE);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_EXITED));
    CHECK(lab_wait(l, "app:b", WIPPY_SERVICE_EXITED));
    CHECK(lab_wait(l, "app:c", WIPPY_SERVICE_EXITED));
    CHECK(lab_wait(l, "app:d", WIPPY_SERVICE_RUNNING)); /* what it requires has done its work */
    CHECK(lab_wait_line(l, "I service app:a is exited"));
    CHECK(lab_wait_line(l, "E service app:b is exited"));
    REQUIRE(wippy_service_state(l->rt, "app:b", &info) == WIPPY_OK);
    CHECK_STR(info.details, "never again");
    CHECK_EQ_U64(info.retry_in_ns, 0);
    REQUIRE(wippy_service_state(l->rt, "app:c", &info) == WIPPY_OK);
    CHECK(info.details[0] != '\0');
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 3);
    lab_close(l);
}

TEST(test_services_ends_of_every_kind_are_told_as_they_are)
{
    lab *l = lab_open("  - {name: called_off, kind: process.native, type: called_off}\n"
                      "  - {name: verbose, kind: process.native, type: verbose}\n"
                      "  - {name: silent, kind: process.native, type: silent}\n"
                      "  - {name: a, kind: process.service, process: called_off, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n"
                      "  - {name: b, kind: process.service, process: verbose, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms, max_attempts: 1}}}\n"
                      "  - {name: c, kind: process.service, process: silent, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms, max_attempts: 1}, security: "
                      "{policies: ['app:none'], groups: [nobody]}}}\n"
                      "  - {name: d, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, security: {actor: {id: eve, meta: 5}}}}\n");
    wippy_service_info info;
    lab_start(l);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_EXITED)); /* as asked for: not tried again */
    CHECK(lab_wait_line(l, "W service app:a is exited"));
    CHECK(lab_wait(l, "app:b", WIPPY_SERVICE_FAILED));
    REQUIRE(wippy_service_state(l->rt, "app:b", &info) == WIPPY_OK);
    size_t size = strlen(info.details);
    CHECK(size >= sizeof(info.details) - 4 && size < sizeof(info.details));
    CHECK_EQ_U64(size % 3, 0); /* no character is torn */
    CHECK(lab_wait(l, "app:c", WIPPY_SERVICE_FAILED));
    REQUIRE(wippy_service_state(l->rt, "app:c", &info) == WIPPY_OK);
    CHECK_STR(info.details, wippy_result_text(WIPPY_ERR_IO));
    CHECK(lab_wait(l, "app:d", WIPPY_SERVICE_RUNNING));
    CHECK(lab_find(l, 0, "init app:obedient 0  actor=eve scope=0") >= 0);
    lab_close(l);
}

TEST(test_services_terminated_process_comes_back)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n");
    wippy_service_info first, second;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(l->rt, "app:a", &first) == WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(l->rt), first.pid), WIPPY_OK);
    CHECK(lab_wait_line(l, "W service app:a is failed"));
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_RUNNING));
    REQUIRE(wippy_service_state(l->rt, "app:a", &second) == WIPPY_OK);
    CHECK(first.pid.id != second.pid.id);
    CHECK_EQ_U64(second.retry_count, 1);
    CHECK_EQ_U64(first.supervisor.id, second.supervisor.id);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->most_living), 1);
    lab_close(l);
}

/* ------------------------------------------------------------------ stopping one */

TEST(test_services_stop_timeout_fails_and_restart_clears_the_old_process)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: deaf, host: h,"
                      " lifecycle: {auto_start: true, stop_timeout: 30ms}}\n");
    wippy_service_info info;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:a"), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_FAILED));
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_STR(info.details, "stop timeout after 30ms");
    CHECK_EQ_INT(info.desired, WIPPY_SERVICE_STOPPED);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 1);
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_RUNNING));
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 1);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->most_living), 1);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 2);
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:a"), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_FAILED));
    CHECK_EQ_INT(wippy_terminate(wippy_outside(l->rt), info.pid), WIPPY_OK);
    lab_close(l);
}

TEST(test_services_stop_of_one_stops_what_requires_it)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, requires: [b]}}\n"
                      "  - {name: b, kind: process.service, process: obedient, host: h}\n");
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:b"), WIPPY_OK);
    CHECK(lab_wait(l, "app:b", WIPPY_SERVICE_STOPPED));
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_STOPPED);
    CHECK(lab_find(l, 0, "app:a is stopped") < lab_find(l, 0, "app:b is stopping"));
    CHECK_EQ_INT(lab_status(l, "app:h"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_OK); /* brings back app:b too */
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_INT(lab_status(l, "app:b"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:nothing"), WIPPY_ERR_NOTFOUND);
    lab_close(l);
}

TEST(test_services_stop_forgets_a_planned_restart)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: crash, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1h, max_delay: 1h}}}\n");
    wippy_service_info info;
    lab_start(l);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_FAILED));
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK(info.retry_in_ns > 3000000000000u && info.retry_in_ns <= 3960000000000u);
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:a"), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_STOPPED));
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_U64(info.retry_in_ns, 0);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 1);
    lab_close(l);
}

/* ------------------------------------------------------------------ live changes */

static wippy_result lab_change(lab *l, char op, const char *id, const char *kind, const char *data,
                               wippy_diag *diag)
{
    wippy_writer w;
    wippy_registry_change change;
    memset(&change, 0, sizeof(change));
    change.op = op == '+'   ? WIPPY_ENTRY_CREATE
                : op == '=' ? WIPPY_ENTRY_UPDATE
                            : WIPPY_ENTRY_DELETE;
    change.id = id;
    change.kind = kind;
    change.data = kit_value(&w, l->rt, data);
    wippy_result result = wippy_registry_apply(l->rt, &change, 1, NULL, diag);
    wippy_writer_free(&w);
    return result;
}

TEST(test_services_follow_the_registry)
{
    lab *l = lab_open("");
    wippy_host host;
    wippy_host_info info;
    wippy_diag diag;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.service",
                            "{'process': 'obedient', 'host': 'h', 'input': [1],"
                            " 'lifecycle': {'auto_start': true}}", NULL), WIPPY_OK);
    CHECK(lab_wait(l, "app:n", WIPPY_SERVICE_RUNNING));
    CHECK_EQ_INT(lab_change(l, '=', "app:n", NULL,
                            "{'process': 'obedient', 'host': 'h', 'input': [2, 3],"
                            " 'lifecycle': {'auto_start': true}}", NULL), WIPPY_OK);
    CHECK(lab_wait_line(l, "init app:obedient 2 2"));
    CHECK(lab_wait(l, "app:n", WIPPY_SERVICE_RUNNING));
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->most_living), 1);
    /* of a host only the workers */
    REQUIRE(wippy_host_find(l->rt, "app:h", &host) == WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '=', "app:h", NULL, "{'host': {'workers': 2, 'max_processes': 9}}",
                            &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "only workers");
    CHECK_EQ_INT(lab_change(l, '=', "app:h", NULL,
                            "{'host': {'workers': 3}, 'lifecycle': {'auto_start': true}}", NULL),
                 WIPPY_OK);
    for (int i = 0; i < 20000; i++) {
        REQUIRE(wippy_host_stats(l->rt, host, &info) == WIPPY_OK);
        if (info.workers == 3) {
            break;
        }
        test_pause_ms(1);
    }
    CHECK_EQ_INT(info.workers, 3);
    CHECK_EQ_INT(lab_status(l, "app:n"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 2); /* nobody noticed */
    CHECK_EQ_INT(lab_change(l, '-', "app:n", NULL, "", NULL), WIPPY_OK);
    CHECK(lab_wait_line(l, "I service app:n is stopped"));
    for (int i = 0; i < 20000 && TEST_ATOMIC_LOAD(&l->living) > 0; i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 0);
    lab_close(l);
}

TEST(test_services_malformed_entries_are_refused)
{
    static const char *const bad[] = {
        "{'host': 'h'}",
        "{'process': 'obedient'}",
        "{'process': 'obedient', 'host': 'node:control'}",
        "{'process': 'obedient', 'host': 'h', 'input': 1}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'stop_timeout': '5'}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'stop_timeout': 5}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'start_timeout': '-5s'}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'auto_start': 'yes'}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'requires': 5}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'requires': [5]}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'restart': {'jitter': 2}}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'restart': {'max_attempts': -1}}}",
        "{'process': 'obedient', 'host': 'h', 'lifecycle': {'security': 1}}"};
    lab *l = lab_open("");
    wippy_diag diag;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        memset(&diag, 0, sizeof(diag));
        CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.service", bad[i], &diag),
                     WIPPY_ERR_INVALID);
        CHECK(diag.message[0] != '\0');
    }
    CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.host", "{'host': {'workers': -1}}", &diag),
                 WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "workers must be greater than 0");
    CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.host", "{'host': {'memory_limit': -1}}", &diag),
                 WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "memory limit must be greater than 0");
    CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.host", "{'host': 5}", &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "host must be a map");
    char text[1000]; /* a name that is longer than any entry's */
    memset(text, 'n', sizeof(text));
    memcpy(text, "{'host': 'h', 'process': '", 26);
    memcpy(text + 900, "'}", 3);
    CHECK_EQ_INT(lab_change(l, '+', "app:n", "process.service", text, &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "an id is longer than 511 bytes");
    CHECK_EQ_U64(wippy_service_states(l->rt, NULL, 0), 1);
    lab_close(l);
}

/* ------------------------------------------------------------------ rights, events, pump hosts */

TEST(test_services_security_gives_actor_and_scope_also_in_strict_mode)
{
    lab *l = lab_open_with(
        "  - {name: p, kind: security.policy, groups: [g],"
        " policy: {actions: '*', resources: '*', effect: allow}}\n"
        "  - {name: q, kind: security.policy, policy: {actions: none, resources: '*', effect: deny}}\n"
        "  - {name: a, kind: process.service, process: obedient, host: h, lifecycle: {auto_start: true,"
        " security: {actor: {id: 'svc:a'}, groups: [g], policies: [q, missing]}}}\n",
        true);
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK(lab_find(l, 0, "actor=svc:a scope=2") >= 0);
    CHECK_EQ_INT(lab_count(l, "permission denied"), 0);
    lab_close(l);
}

TEST(test_services_changes_are_events)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: listener, host: h,"
                      " lifecycle: {auto_start: true}}\n"
                      "  - {name: b, kind: process.service, process: obedient, host: h}\n");
    lab_start(l);
    CHECK(lab_wait_line(l, "listening"));
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:b"), WIPPY_OK);
    CHECK(lab_wait_line(l, "event service.running app:b"));
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:b"), WIPPY_OK);
    CHECK(lab_wait_line(l, "event service.stopped app:b"));
    CHECK(lab_find(l, 0, "event service.starting app:b") <
          lab_find(l, 0, "event service.running app:b"));
    CHECK(lab_find(l, 0, "event service.stopping app:b") <
          lab_find(l, 0, "event service.stopped app:b"));
    lab_close(l);
}

TEST(test_services_supervisor_on_a_pump_host)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: 'app:frame',"
                      " lifecycle: {auto_start: true}}\n");
    wippy_host_desc desc;
    wippy_host frame;
    wippy_service_info info;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:frame"; /* the program's own: not in the registry */
    desc.kind = WIPPY_HOST_PUMP;
    REQUIRE(wippy_host_create(l->rt, &desc, &frame) == WIPPY_OK);
    CHECK_EQ_INT(wippy_services_start(l->rt, frame), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_INT(info.status, WIPPY_SERVICE_RUNNING);
    CHECK(wippy_alive(l->rt, info.pid));
    CHECK_EQ_INT(wippy_services_stop(l->rt, 0), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_services_stop(l->rt, 20000000000u), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_STOPPED);
    lab_close(l);
}

static void lab_exit_fn(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    (void)rt;
    lab_note((lab *)user_data, "exit %d", (int)info->result);
}

TEST(test_services_tell_of_ends_on_their_hosts)
{
    lab *l = lab_open("  - {name: t, kind: terminal.host, lifecycle: {auto_start: true}}\n"
                      "  - {name: a, kind: process.service, process: once, host: t,"
                      " lifecycle: {auto_start: true}}\n");
    wippy_services_on_exit(l->rt, lab_exit_fn, l);
    lab_start(l);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_EXITED));
    CHECK(lab_wait_line(l, "exit 0"));
    lab_close(l);
}

/* ------------------------------------------------------------------ what goes wrong */

static void lab_pump_until(lab *l, wippy_host frame, const char *service, wippy_service_status status)
{
    for (int i = 0; i < 20000 && lab_status(l, service) != status; i++) {
        (void)wippy_pump(l->rt, frame, 1000000, 0);
        test_pause_ms(1);
    }
    CHECK_EQ_INT(lab_status(l, service), status);
}

TEST(test_services_start_timeout_and_the_process_that_comes_too_late)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: 'app:frame',"
                      " lifecycle: {auto_start: true, start_timeout: 20ms,"
                      " restart: {delay: 1ms, jitter: 0}}}\n");
    wippy_host_desc desc;
    wippy_host frame;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:frame";
    desc.kind = WIPPY_HOST_PUMP; /* and nobody pumps it */
    REQUIRE(wippy_host_create(l->rt, &desc, &frame) == WIPPY_OK);
    lab_start(l);
    CHECK(lab_wait_line(l, "E service app:a is failed {\"serviceID\": \"app:a\", "
                           "\"status\": \"failed\", \"error\": \"start timeout\"}"));
    test_pause_ms(30); /* long enough for a second attempt, which must not be made */
    CHECK_EQ_INT(lab_count(l, "\"error\": \"start timeout\""), 1);
    lab_pump_until(l, frame, "app:a", WIPPY_SERVICE_RUNNING);
    /* where 20 ms is short for the pump, more of them come too late: each start but the last */
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 1 + (unsigned)lab_count(l, "\"error\": \"start timeout\""));
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->most_living), 1);
    CHECK_EQ_INT(wippy_service_stop(l->rt, "app:a"), WIPPY_OK);
    lab_pump_until(l, frame, "app:a", WIPPY_SERVICE_STOPPED);
    lab_close(l);
}

TEST(test_services_spawn_failures_are_retried_while_they_may_pass)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: refuses, host: h,"
                      " lifecycle: {auto_start: true, restart: {delay: 1ms}}}\n");
    lab_start(l);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_EXITED));
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 4);
    CHECK(lab_wait_line(l, "E service app:a is exited")); /* told after the state is seen */
    CHECK_EQ_INT(lab_count(l, "E service app:a is failed"), 3);
    CHECK_EQ_INT(lab_count(l, "E service app:a is exited"), 1);
    lab_close(l);
}

TEST(test_services_full_host_is_retried_until_there_is_room)
{
    lab *l = lab_open("  - {name: small, kind: process.host, host: {max_processes: 1, workers: 1}}\n"
                      "  - {name: a, kind: process.service, process: obedient, host: small,"
                      " lifecycle: {auto_start: true}}\n"
                      "  - {name: b, kind: process.service, process: obedient, host: small,"
                      " lifecycle: {auto_start: true, requires: [a], restart: {delay: 1ms,"
                      " max_delay: 5ms}}}\n");
    lab_start(l);
    CHECK(lab_wait_line(l, "\"error\": \"max processes limit exceeded\""));
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_RUNNING);
    wippy_service_info info;
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '=', "app:a", NULL,
                            "{'process': 'once', 'host': 'small', 'lifecycle':"
                            " {'auto_start': true}}", NULL), WIPPY_OK);
    CHECK(lab_wait(l, "app:b", WIPPY_SERVICE_RUNNING)); /* the other has come and gone */
    lab_close(l);
}

TEST(test_services_host_made_by_the_program_is_used_and_left_alone)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true}}\n");
    wippy_host_desc desc;
    wippy_host host, found;
    wippy_host_info info;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:h";
    desc.workers = 2;
    REQUIRE(wippy_host_create(l->rt, &desc, &host) == WIPPY_OK);
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_OK); /* it runs: nothing happens */
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->starts), 1);
    CHECK_EQ_INT(wippy_services_stop(l->rt, 20000000000u), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:h"), WIPPY_SERVICE_STOPPED);
    REQUIRE(wippy_host_find(l->rt, "app:h", &found) == WIPPY_OK);
    CHECK(wippy_host_stats(l->rt, found, &info) == WIPPY_OK && info.workers == 2);
    wippy_spawn_desc spawn;
    memset(&spawn, 0, sizeof(spawn));
    spawn.entry = "app:once";
    spawn.host = host;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(l->rt), &spawn, NULL, NULL), WIPPY_OK);
    lab_close(l);
}

TEST(test_services_deaf_process_gives_way_to_change_and_delete)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: deaf, host: h,"
                      " lifecycle: {auto_start: true, stop_timeout: 20ms}}\n");
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '=', "app:a", NULL,
                            "{'process': 'deaf', 'host': 'h', 'input': [7], 'lifecycle':"
                            " {'auto_start': true, 'stop_timeout': '20ms'}}", NULL), WIPPY_OK);
    CHECK(lab_wait_line(l, "init app:deaf 1 7"));
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_RUNNING));
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->most_living), 1);
    CHECK_EQ_INT(lab_change(l, '-', "app:a", NULL, "", NULL), WIPPY_OK);
    for (int i = 0; i < 20000 && TEST_ATOMIC_LOAD(&l->living) > 0; i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 0);
    lab_close(l);
}

TEST(test_services_lose_what_they_require_and_come_back_with_it)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true, requires: [b]}}\n"
                      "  - {name: b, kind: process.service, process: obedient, host: h}\n");
    static const char b_data[] = "{'process': 'obedient', 'host': 'h'}";
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '-', "app:b", NULL, "", NULL), WIPPY_OK);
    CHECK(lab_wait_line(l, "blocked by missing dependencies: app:a requires app:b"));
    CHECK(lab_find(l, 0, "app:a is stopped") < lab_find(l, 0, "app:b is stopping"));
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_ERR_UNAVAILABLE);
    CHECK_EQ_INT(lab_change(l, '+', "app:b", "process.service", b_data, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_RUNNING);
    CHECK_EQ_INT(lab_status(l, "app:b"), WIPPY_SERVICE_RUNNING);
    lab_close(l);
}

/* Nothing runs between the two changes: the supervisor sees a host that is there before and after. */
TEST(test_services_deleted_and_created_at_once_are_made_anew)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true}}\n");
    wippy_host_desc desc;
    wippy_spawn_desc one_more;
    wippy_service_info first, second;
    wippy_host frame;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:frame"; /* the supervisor's; only wippy_services_wait() pumps it */
    desc.kind = WIPPY_HOST_PUMP;
    REQUIRE(wippy_host_create(l->rt, &desc, &frame) == WIPPY_OK);
    CHECK_EQ_INT(wippy_services_start(l->rt, frame), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(l->rt, "app:a", &first) == WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '-', "app:h", NULL, "", NULL), WIPPY_OK);
    CHECK_EQ_INT(lab_change(l, '+', "app:h", "process.host",
                            "{'host': {'max_processes': 1},"
                            " 'lifecycle': {'auto_start': true}}", NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK(lab_find(l, 0, "I service app:h is stopped") >= 0);
    CHECK_EQ_INT(lab_count(l, "I service app:h is running"), 2);
    CHECK_EQ_INT(lab_count(l, "I service app:a is running"), 2);
    REQUIRE(wippy_service_state(l->rt, "app:a", &second) == WIPPY_OK);
    CHECK(first.pid.id != second.pid.id);
    memset(&one_more, 0, sizeof(one_more));
    one_more.entry = "app:obedient";
    REQUIRE(wippy_host_find(l->rt, "app:h", &one_more.host) == WIPPY_OK);
    CHECK_EQ_INT(wippy_spawn(wippy_outside(l->rt), &one_more, NULL, NULL), WIPPY_ERR_LIMIT);
    lab_close(l);
}

TEST(test_services_supervisors_ended_by_force_leave_no_process)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true}}\n");
    wippy_service_info info;
    wippy_process_info root;
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(l->rt), info.supervisor), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_FAILED));
    CHECK_EQ_INT(wippy_service_start(l->rt, "app:a"), WIPPY_OK);
    CHECK(lab_wait(l, "app:a", WIPPY_SERVICE_RUNNING));
    for (int i = 0; i < 20000 && TEST_ATOMIC_LOAD(&l->living) > 1; i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 1);
    /* the root takes all of them with it; a new one begins anew */
    REQUIRE(wippy_service_state(l->rt, "app:a", &info) == WIPPY_OK);
    REQUIRE(wippy_process_stats(l->rt, info.supervisor, &root) == WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(l->rt), root.parent), WIPPY_OK);
    for (int i = 0; i < 20000 && wippy_alive(l->rt, info.supervisor); i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_INT(wippy_services_wait(l->rt, 0, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_services_stop(l->rt, 20000000000u), WIPPY_OK);
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    lab_close(l);
}

TEST(test_services_end_when_their_supervisors_host_stops)
{
    lab *l = lab_open("  - {name: a, kind: process.service, process: obedient, host: h,"
                      " lifecycle: {auto_start: true}}\n");
    wippy_host_desc desc;
    wippy_host host;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:control";
    desc.workers = 1;
    REQUIRE(wippy_host_create(l->rt, &desc, &host) == WIPPY_OK);
    CHECK_EQ_INT(wippy_services_start(l->rt, host), WIPPY_OK);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 20000000000u, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_host_stop(l->rt, host, 20000000000u), WIPPY_OK);
    CHECK_EQ_INT(lab_status(l, "app:a"), WIPPY_SERVICE_STOPPED);
    CHECK_EQ_INT(lab_status(l, "app:h"), WIPPY_SERVICE_STOPPED);
    lab_close(l);
}

/* ------------------------------------------------------------------ many, and without memory */

TEST(test_services_many_start_and_stop)
{
    char *text = (char *)malloc(200000);
    size_t size = (size_t)snprintf(text, 200000, "%s", lab_head);
    unsigned count = test_scale(300);
    lab *l = lab_open("");
    for (unsigned i = 0; i < count; i++) {
        char needs[40] = "";
        if (i % 10 != 0) {
            snprintf(needs, sizeof(needs), ", requires: [s%u]", i - 1);
        }
        size += (size_t)snprintf(text + size, 200000 - size,
                                 "  - {name: s%u, kind: process.service, process: obedient, host: h,"
                                 " lifecycle: {auto_start: true%s}}\n", i, needs);
    }
    CHECK_EQ_INT(wippy_load_text(l->rt, "many", text, size, NULL), WIPPY_OK);
    lab_start(l);
    CHECK_EQ_INT(wippy_services_wait(l->rt, 60000000000u, NULL), WIPPY_OK);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), count);
    CHECK_EQ_INT(wippy_services_stop(l->rt, 60000000000u), WIPPY_OK);
    CHECK_EQ_U64(TEST_ATOMIC_LOAD(&l->living), 0);
    lab_close(l);
    free(text);
}

/* With allocation number n refused: everything answers, ends, and is freed. */
static void lab_without_memory(uint64_t n, bool for_ever)
{
    wippy_desc desc;
    lab *l = (lab *)calloc(1, sizeof(lab));
    memset(&desc, 0, sizeof(desc));
    test_heap_init(&l->heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &l->heap;
    test_heap_fail(&l->heap, n, for_ever);
    if (wippy_create(&l->rt, &desc) == WIPPY_OK) {
        if (lab_register(l) == WIPPY_OK &&
            lab_load(l, "  - {name: a, kind: process.service, process: obedient, host: h,"
                        " lifecycle: {auto_start: true, restart: {delay: 1ms}, security: {actor:"
                        " {id: x}}}}\n", NULL) == WIPPY_OK &&
            wippy_services_start(l->rt, no_host()) == WIPPY_OK) {
            wippy_result result = wippy_services_wait(l->rt, for_ever ? 20000000u : 20000000000u,
                                                      NULL);
            CHECK(result == WIPPY_OK || result == WIPPY_ERR_UNAVAILABLE ||
                  (for_ever && result == WIPPY_ERR_TIMEOUT));
        }
        CHECK_EQ_INT(wippy_destroy(l->rt), WIPPY_OK);
    }
    CHECK_BALANCED(&l->heap);
    free(l);
}

TEST(test_services_without_memory_answer_and_end)
{
    uint64_t start = 1;
    unsigned points = test_scale(80);
    for (unsigned i = 0; i < points; i++) {
        unsigned failures = TEST_ATOMIC_LOAD(&test_global.failures);
        uint64_t n = start + test_random_below(12);
        start = n + 1;
        lab_without_memory(n, (i & 1) != 0);
        if (TEST_ATOMIC_LOAD(&test_global.failures) != failures) {
            FAIL("allocation %llu refused %s", (unsigned long long)n,
                 (i & 1) != 0 ? "for ever" : "once");
            return;
        }
    }
}

TEST_MAIN(TEST_ENTRY(test_services_start_after_what_they_require),
          TEST_ENTRY(test_services_stop_in_reverse_and_hosts_last),
          TEST_ENTRY(test_services_runtime_stop_stops_them_in_order),
          TEST_ENTRY(test_services_blocked_and_circular_ones_do_not_start),
          TEST_ENTRY(test_services_crash_restarts_up_to_max_attempts),
          TEST_ENTRY(test_services_normal_end_and_final_error_are_not_restarted),
          TEST_ENTRY(test_services_ends_of_every_kind_are_told_as_they_are),
          TEST_ENTRY(test_services_terminated_process_comes_back),
          TEST_ENTRY(test_services_stop_timeout_fails_and_restart_clears_the_old_process),
          TEST_ENTRY(test_services_stop_of_one_stops_what_requires_it),
          TEST_ENTRY(test_services_stop_forgets_a_planned_restart),
          TEST_ENTRY(test_services_follow_the_registry),
          TEST_ENTRY(test_services_malformed_entries_are_refused),
          TEST_ENTRY(test_services_security_gives_actor_and_scope_also_in_strict_mode),
          TEST_ENTRY(test_services_changes_are_events),
          TEST_ENTRY(test_services_supervisor_on_a_pump_host),
          TEST_ENTRY(test_services_tell_of_ends_on_their_hosts),
          TEST_ENTRY(test_services_start_timeout_and_the_process_that_comes_too_late),
          TEST_ENTRY(test_services_spawn_failures_are_retried_while_they_may_pass),
          TEST_ENTRY(test_services_full_host_is_retried_until_there_is_room),
          TEST_ENTRY(test_services_host_made_by_the_program_is_used_and_left_alone),
          TEST_ENTRY(test_services_deaf_process_gives_way_to_change_and_delete),
          TEST_ENTRY(test_services_lose_what_they_require_and_come_back_with_it),
          TEST_ENTRY(test_services_deleted_and_created_at_once_are_made_anew),
          TEST_ENTRY(test_services_supervisors_ended_by_force_leave_no_process),
          TEST_ENTRY(test_services_end_when_their_supervisors_host_stops),
          TEST_ENTRY(test_services_many_start_and_stop),
          TEST_ENTRY(test_services_without_memory_answer_and_end))
