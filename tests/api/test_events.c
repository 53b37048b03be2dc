/* The event bus: patterns, one order for all, ends of subscriptions, full mailboxes, rights. */
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

/* ------------------------------------------------------------------ a subscriber
   Does what its input says: an array [system, kind]; collects the paths it receives. */

#define PATHS_ROOM 65536

typedef struct listener {
    char system[32]; /* "" = does not subscribe */
    char kind[32];
    uint64_t id;
    unsigned count; /* atomic */
    size_t size;    /* of text; written before count */
    char text[PATHS_ROOM];
    wippy_result subscribed;
    bool leave_next; /* atomic: unsubscribe at the next event */
    bool begun;
} listener;

static wippy_result listener_init(wippy_self *self, void *state, const wippy_input *input)
{
    listener **place = (listener **)state;
    memcpy(place, input->data, sizeof(*place));
    listener *l = *place;
    (void)self;
    l->subscribed = WIPPY_OK;
    if (l->system[0] != '\0') {
        l->subscribed = wippy_events_subscribe(self, l->system, l->kind, "bus", &l->id);
    }
    return WIPPY_OK;
}

static void listener_take(listener *l, const wippy_self *self, const wippy_mail *mail)
{
    size_t bytes = 0;
    wippy_slice data;
    data.data = (const char *)wippy_mail_data(mail);
    data.size = mail->size;
    CHECK_EQ_U64(mail->from.id, 0);
    CHECK(strcmp(wippy_mail_topic(self, mail, &bytes), "bus") == 0 && bytes == 3);
    wippy_slice path = wippy_value_string(data, "path", "?");
    if (l->size + path.size + 1 < PATHS_ROOM) {
        memcpy(l->text + l->size, path.data, path.size);
        l->size += path.size;
        l->text[l->size++] = ' ';
        l->text[l->size] = '\0';
    }
    TEST_ATOMIC_ADD(&l->count, 1u);
}

static wippy_status listener_step(wippy_self *self, void *state)
{
    listener *l = *(listener **)state;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        if (mail->kind == WIPPY_MAIL_MESSAGE) {
            listener_take(l, self, mail);
            if (TEST_ATOMIC_LOAD(&l->leave_next)) {
                TEST_ATOMIC_STORE(&l->leave_next, false);
                CHECK_EQ_INT(wippy_events_unsubscribe(self, l->id), WIPPY_OK);
                CHECK_EQ_INT(wippy_events_unsubscribe(self, l->id), WIPPY_ERR_NOTFOUND);
            }
        }
    }
    return WIPPY_IDLE;
}

typedef struct bus {
    kit k;
    wippy_type type;
    wippy_host host;
} bus;

static bool bus_open(bus *b, uint32_t mailbox_limit)
{
    wippy_type_desc type;
    wippy_host_desc host;
    if (!kit_open(&b->k)) {
        return false;
    }
    memset(&type, 0, sizeof(type));
    type.name = "listener";
    type.state_bytes = sizeof(listener *);
    type.init = listener_init;
    type.step = listener_step;
    memset(&host, 0, sizeof(host));
    host.name = "app:h";
    host.workers = 2;
    host.mailbox_limit = mailbox_limit;
    return CHECK(wippy_type_register(b->k.rt, &type, &b->type) == WIPPY_OK) &&
           CHECK(wippy_host_create(b->k.rt, &host, &b->host) == WIPPY_OK);
}

static wippy_pid bus_spawn(bus *b, listener *l, const char *system, const char *kind,
                           wippy_frame *frame)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    memset(l, 0, sizeof(*l));
    snprintf(l->system, sizeof(l->system), "%s", system);
    snprintf(l->kind, sizeof(l->kind), "%s", kind);
    desc.type = b->type;
    desc.host = b->host;
    desc.data = &l;
    desc.size = sizeof(l);
    desc.frame = frame;
    pid.id = 0;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(b->k.rt), &desc, &pid, NULL), WIPPY_OK);
    return pid;
}

static wippy_result bus_send(bus *b, const char *system, const char *kind, const char *path)
{
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    return wippy_events_send(wippy_outside(b->k.rt), system, kind, path, none);
}

typedef struct count_wish {
    listener *l;
    unsigned count;
} count_wish;

static bool count_reached(void *arg)
{
    const count_wish *wish = (const count_wish *)arg;
    return TEST_ATOMIC_LOAD(&wish->l->count) >= wish->count;
}

static bool bus_wait(listener *l, unsigned count)
{
    count_wish wish = {l, count};
    return test_wait_until(count_reached, &wish, 20000);
}

/* ------------------------------------------------------------------ tests */

TEST(test_events_patterns_choose_who_receives)
{
    static listener all, exact, prefix, kinds;
    bus b;
    REQUIRE(bus_open(&b, 0));
    bus_spawn(&b, &all, "*", "", NULL);
    bus_spawn(&b, &exact, "test", "*", NULL);
    bus_spawn(&b, &prefix, "test.*", "", NULL);
    bus_spawn(&b, &kinds, "*", "user.*", NULL);
    CHECK_EQ_INT(bus_send(&b, "test", "user.login", "1"), WIPPY_OK);
    CHECK_EQ_INT(bus_send(&b, "test.a", "order", "2"), WIPPY_OK);
    CHECK_EQ_INT(bus_send(&b, "test.a.b", "user", "3"), WIPPY_OK);
    CHECK_EQ_INT(bus_send(&b, "testing", "user.x", "4"), WIPPY_OK);
    CHECK_EQ_INT(bus_send(&b, "end", "user.end", "5"), WIPPY_OK);
    CHECK(bus_wait(&all, 5));
    CHECK(bus_wait(&kinds, 3));
    CHECK(bus_wait(&prefix, 2));
    CHECK(bus_wait(&exact, 1));
    CHECK_STR(all.text, "1 2 3 4 5 ");
    CHECK_STR(kinds.text, "1 4 5 ");
    CHECK_STR(prefix.text, "2 3 ");
    CHECK_STR(exact.text, "1 ");
    kit_close(&b.k);
}

TEST(test_events_malformed_calls_are_refused)
{
    static listener l;
    bus b;
    wippy_slice broken;
    REQUIRE(bus_open(&b, 0));
    CHECK_EQ_INT(bus_send(&b, "", "k", "p"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(bus_send(&b, "s", "", "p"), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(bus_send(&b, "s", "k", ""), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(bus_send(&b, "s", "k", NULL), WIPPY_ERR_INVALID);
    broken.data = "\x70"; /* no tag */
    broken.size = 1;
    CHECK_EQ_INT(wippy_events_send(wippy_outside(b.k.rt), "s", "k", "p", broken),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_events_subscribe(wippy_outside(b.k.rt), "s", NULL, "t", NULL),
                 WIPPY_ERR_INVALID); /* nobody to deliver to */
    CHECK_EQ_INT(bus_send(&b, "s", "k", "nobody listens"), WIPPY_OK);
    bus_spawn(&b, &l, "*", "", NULL);
    CHECK_EQ_INT(l.subscribed, WIPPY_OK);
    kit_close(&b.k);
}

TEST(test_events_end_with_unsubscribe_and_with_the_process)
{
    static listener leaves, ends, stays;
    bus b;
    REQUIRE(bus_open(&b, 0));
    bus_spawn(&b, &leaves, "s", "", NULL);
    wippy_pid pid = bus_spawn(&b, &ends, "s", "", NULL);
    bus_spawn(&b, &stays, "s", "", NULL);
    TEST_ATOMIC_STORE(&leaves.leave_next, true);
    CHECK_EQ_INT(bus_send(&b, "s", "k", "1"), WIPPY_OK);
    CHECK(bus_wait(&leaves, 1));
    CHECK(bus_wait(&ends, 1));
    CHECK(bus_wait(&stays, 1));
    for (int i = 0; i < 20000 && TEST_ATOMIC_LOAD(&leaves.leave_next); i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_INT(wippy_terminate(wippy_outside(b.k.rt), pid), WIPPY_OK);
    for (int i = 0; i < 20000 && wippy_alive(b.k.rt, pid); i++) {
        test_pause_ms(1);
    }
    CHECK_EQ_INT(bus_send(&b, "s", "k", "2"), WIPPY_OK);
    CHECK_EQ_INT(bus_send(&b, "s", "k", "3"), WIPPY_OK);
    CHECK(bus_wait(&stays, 3));
    CHECK_STR(stays.text, "1 2 3 ");
    CHECK_STR(leaves.text, "1 ");
    CHECK_STR(ends.text, "1 ");
    kit_close(&b.k);
}

TEST(test_events_refused_by_a_full_mailbox_are_logged)
{
    static listener l;
    bus b;
    wippy_host_desc desc;
    REQUIRE(bus_open(&b, 0));
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:pump"; /* nothing runs here until it is pumped */
    desc.kind = WIPPY_HOST_PUMP;
    desc.mailbox_limit = 2;
    REQUIRE(wippy_host_create(b.k.rt, &desc, &b.host) == WIPPY_OK);
    bus_spawn(&b, &l, "s", "", NULL);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(bus_send(&b, "s", "k", "x"), WIPPY_OK);
    }
    CHECK_HAS(b.k.log, "events: event k of system s refused by 1 full mailbox(es)");
    CHECK_EQ_INT(wippy_pump(b.k.rt, b.host, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(TEST_ATOMIC_LOAD(&l.count), 2);
    kit_close(&b.k);
}

TEST(test_events_need_rights)
{
    static const char *const scope[] = {"app:none"};
    static listener l;
    bus b;
    wippy_frame_desc desc;
    wippy_frame *frame = NULL;
    REQUIRE(bus_open(&b, 0));
    memset(&desc, 0, sizeof(desc));
    desc.actor_id = "somebody";
    desc.scope = scope;
    desc.scope_count = 1;
    REQUIRE(wippy_frame_make(b.k.rt, &desc, &frame) == WIPPY_OK);
    bus_spawn(&b, &l, "s", "", frame);
    CHECK_EQ_INT(l.subscribed, WIPPY_ERR_DENIED);
    CHECK_HAS(b.k.log, "security: permission denied {\"actor\": \"somebody\", \"action\": "
                       "\"events.subscribe\", \"resource\": \"s\"}");
    wippy_frame_release(b.k.rt, frame);
    kit_close(&b.k);
}

TEST(test_events_of_the_registry)
{
    static listener l;
    bus b;
    REQUIRE(bus_open(&b, 0));
    CHECK_EQ_INT(kit_one(&b.k, '+', "app:silent", "registry.entry", ""), WIPPY_OK);
    bus_spawn(&b, &l, "registry", "entry.*", NULL);
    CHECK_EQ_INT(kit_one(&b.k, '+', "app:a", "registry.entry", "{'n': 1}"), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&b.k, '=', "app:a", NULL, "{'n': 2}"), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&b.k, '-', "app:silent", NULL, ""), WIPPY_OK);
    CHECK(bus_wait(&l, 3));
    CHECK_STR(l.text, "app:a app:a app:silent ");
    kit_close(&b.k);
}

/* ------------------------------------------------------------------ one order for all */

typedef struct sender {
    char name;
    unsigned left;
} sender;

static wippy_result sender_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)self;
    memcpy(state, input->data, sizeof(sender));
    return WIPPY_OK;
}

static wippy_status sender_step(wippy_self *self, void *state)
{
    sender *s = (sender *)state;
    char path[16];
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    if (s->left-- == 0) {
        return wippy_done(self);
    }
    snprintf(path, sizeof(path), "%c%u", s->name, s->left);
    CHECK_EQ_INT(wippy_events_send(self, "s", "k", path, none), WIPPY_OK);
    return WIPPY_CONTINUE;
}

TEST(test_events_all_subscribers_see_one_order)
{
    static listener listeners[3];
    bus b;
    wippy_type_desc type;
    wippy_type sender_type;
    unsigned each = test_scale(2000);
    REQUIRE(bus_open(&b, 0));
    memset(&type, 0, sizeof(type));
    type.name = "sender";
    type.state_bytes = sizeof(sender);
    type.init = sender_init;
    type.step = sender_step;
    REQUIRE(wippy_type_register(b.k.rt, &type, &sender_type) == WIPPY_OK);
    for (size_t i = 0; i < TEST_COUNT(listeners); i++) {
        bus_spawn(&b, &listeners[i], "s", "", NULL);
    }
    for (char name = 'a'; name < 'e'; name++) {
        wippy_spawn_desc desc;
        sender input = {name, each};
        memset(&desc, 0, sizeof(desc));
        desc.type = sender_type;
        desc.host = b.host;
        desc.data = &input;
        desc.size = sizeof(input);
        CHECK_EQ_INT(wippy_spawn(wippy_outside(b.k.rt), &desc, NULL, NULL), WIPPY_OK);
    }
    for (size_t i = 0; i < TEST_COUNT(listeners); i++) {
        CHECK(bus_wait(&listeners[i], each * 4));
    }
    CHECK(strcmp(listeners[0].text, listeners[1].text) == 0);
    CHECK(strcmp(listeners[0].text, listeners[2].text) == 0);
    kit_close(&b.k);
}

TEST_MAIN(TEST_ENTRY(test_events_patterns_choose_who_receives),
          TEST_ENTRY(test_events_malformed_calls_are_refused),
          TEST_ENTRY(test_events_end_with_unsubscribe_and_with_the_process),
          TEST_ENTRY(test_events_refused_by_a_full_mailbox_are_logged),
          TEST_ENTRY(test_events_need_rights), TEST_ENTRY(test_events_of_the_registry),
          TEST_ENTRY(test_events_all_subscribers_see_one_order))
