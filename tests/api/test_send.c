/* Order, limits, handed-over memory, topics and payloads of messages. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

TEST(test_send_keeps_the_order_of_one_sender)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    for (int64_t i = 0; i < 200; i++) {
        CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, &i, sizeof(i)), WIPPY_OK);
    }
    core_run(&c);
    REQUIRE(a.count == 200);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ_INT(a.seen[i].number, i);
    }
    core_close(&c);
}

static wippy_status flood(wippy_self *self, core_actor *a)
{
    for (int64_t i = 0; i < 100; i++) {
        CHECK_EQ_INT(wippy_send(self, a->target, wippy_topic_make(wippy_self_runtime(self), "t"),
                                &i, sizeof(i)),
                     WIPPY_OK);
    }
    wippy_cancel(self, a->target, "last");
    return WIPPY_IDLE;
}

TEST(test_send_order_holds_across_cores_and_kinds)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        core c;
        core_actor to = {0};
        core_actor a = {0};
        REQUIRE(core_open(&c, workers));
        a.target = core_spawn(&c, &to);
        a.on_start = flood;
        core_spawn(&c, &a);
        REQUIRE(core_wait(&to.closes, 1));
        CHECK_EQ_INT(to.count, 101);
        for (int i = 0; i < 100; i++) {
            CHECK_EQ_INT(to.seen[i].number, i);
            CHECK_EQ_U64(to.seen[i].from.id, a.pid.id);
        }
        CHECK_EQ_INT(to.seen[100].kind, WIPPY_MAIL_CANCEL);
        CHECK_STR(to.seen[100].text, "last");
        core_close(&c);
    }
}

TEST(test_send_payload_comes_as_it_was)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 24, 63, 64, 65, 200, 1000, 2000, 2048, 5000, 300000};
    static uint8_t bytes[300000];
    core c;
    core_actor a = {0};
    a.number = 0;
    REQUIRE(core_open(&c, 0));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    wippy_pid pid = core_spawn(&c, &a);
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, bytes, sizes[i]), WIPPY_OK);
    }
    CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, NULL, 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, bytes, (size_t)65 << 20), WIPPY_ERR_INVALID);
    core_run(&c);
    CHECK_EQ_INT(a.count, TEST_COUNT(sizes) + 1);
    core_close(&c);
}

typedef struct big {
    const uint8_t *bytes;
    size_t size;
    uint32_t count;
    bool raw;
} big;

static wippy_status compare(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    big *b = (big *)a->arg;
    (void)self;
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    CHECK_EQ_U64(mail->size, b->size);
    CHECK_EQ_INT(mail->count, b->count);
    CHECK_EQ_INT((mail->flags & WIPPY_MAIL_RAW) != 0, b->raw);
    CHECK((wippy_mail_data(mail) == NULL) == (b->size == 0));
    if (mail->size == b->size && b->size > 0) {
        CHECK_MEM(wippy_mail_data(mail), b->bytes, b->size);
    }
    return WIPPY_IDLE;
}

TEST(test_send_raw_and_values_are_told_apart)
{
    core c;
    core_actor a = {0};
    big b;
    uint8_t bytes[4000];
    REQUIRE(core_open(&c, 0));
    memset(bytes, 0, sizeof(bytes)); /* four thousand integers */
    a.on_mail = compare;
    a.arg = &b;
    wippy_pid pid = core_spawn(&c, &a);
    for (size_t size = 0; size < sizeof(bytes); size = size * 2 + 1) {
        b.bytes = bytes;
        b.size = size;
        b.count = 0;
        b.raw = size > 0;
        CHECK_EQ_INT(wippy_send(c.out, pid, c.topic, bytes, size), WIPPY_OK);
        core_run(&c);
        b.count = (uint32_t)size;
        b.raw = false;
        CHECK_EQ_INT(wippy_send_values(c.out, pid, c.topic, bytes, size, (uint32_t)size), WIPPY_OK);
        core_run(&c);
    }
    core_close(&c);
}

/* ------------------------------------------------------------------ topics */

static wippy_status same_topic(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_topic *topics = (wippy_topic *)a->arg;
    wippy_topic none = {0};
    size_t bytes = 99;
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        int which = (int)*(const char *)wippy_mail_data(mail) - '0';
        CHECK_EQ_INT(wippy_mail_is(self, mail, topics[0]), which == 0);
        CHECK_EQ_INT(wippy_mail_is(self, mail, topics[1]), which == 1);
        CHECK_EQ_INT(wippy_mail_is(self, mail, none), which == 3);
        const char *name = wippy_mail_topic(self, mail, &bytes);
        CHECK_EQ_U64(bytes, strlen(name));
    }
    return WIPPY_IDLE;
}

TEST(test_send_topics_compare_equal_however_they_came)
{
    core c;
    core_actor a = {0};
    wippy_topic topics[2];
    wippy_message m;
    REQUIRE(core_open(&c, 0));
    topics[0] = wippy_topic_make(c.rt, "alpha");
    topics[1] = wippy_topic_make(c.rt, "beta");
    CHECK(topics[0].id != 0 && topics[1].id != 0 && topics[0].id != topics[1].id);
    CHECK_EQ_INT(wippy_topic_make(c.rt, "alpha").id, topics[0].id);
    CHECK_EQ_INT(wippy_topic_make(c.rt, "").id, 0);
    CHECK_EQ_INT(wippy_topic_make(c.rt, NULL).id, 0);
    a.on_mail = same_topic;
    a.arg = topics;
    wippy_pid pid = core_spawn(&c, &a);
    memset(&m, 0, sizeof(m));
    CHECK_EQ_INT(wippy_send(c.out, pid, topics[0], "0", 1), WIPPY_OK);
    m.size = 1;
    m.topic_name = "alpha";
    m.data = "0";
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_OK);
    m.topic_name = "betamax";
    m.topic_bytes = 4;
    m.data = "1";
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_OK);
    m.topic_bytes = 0;
    m.data = "2";
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_OK);
    m.topic_name = NULL;
    m.data = "3";
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_OK);
    core_run(&c);
    CHECK_STR(a.seen[0].topic, "alpha");
    CHECK_STR(a.seen[1].topic, "alpha");
    CHECK_STR(a.seen[2].topic, "beta");
    CHECK_STR(a.seen[3].topic, "betamax");
    CHECK_STR(a.seen[4].topic, "");
    char longest[300];
    memset(longest, 'x', sizeof(longest));
    longest[256] = '\0';
    m.topic_name = longest;
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_topic_make(c.rt, longest).id, 0);
    longest[255] = '\0';
    CHECK(wippy_topic_make(c.rt, longest).id != 0);
    m.data = "4";
    CHECK_EQ_INT(wippy_send_message(c.out, pid, &m), WIPPY_OK);
    core_run(&c);
    CHECK_EQ_INT(a.count, 6);
    core_close(&c);
}

/* Names and payloads of every size around those that take the short way, from a process. */
#define SHAPE_TOPICS 5
#define SHAPE_SIZES  8
static const size_t shape_topics[SHAPE_TOPICS] = {1, 7, 23, 24, 255};
static const size_t shape_sizes[SHAPE_SIZES] = {0, 1, 16, 17, 24, 25, 64, 65};

static char shape_text[256]; /* byte i is 'a' + i % 23; constant once a test runs */

static wippy_status send_shapes(wippy_self *self, core_actor *a)
{
    wippy_message m;
    wippy_pid gone = {a->target.id + ((uint64_t)1 << 38)};
    memset(&m, 0, sizeof(m));
    for (size_t t = 0; t < SHAPE_TOPICS; t++) {
        for (size_t s = 0; s < SHAPE_SIZES; s++) {
            m.topic_name = shape_text;
            m.topic_bytes = shape_topics[t];
            m.data = shape_sizes[s] > 0 ? shape_text : NULL;
            m.size = shape_sizes[s];
            m.count = 0;
            CHECK_EQ_INT(wippy_send_message(self, a->target, &m), WIPPY_OK);
            CHECK_EQ_INT(wippy_send_message(self, gone, &m), WIPPY_ERR_GONE);
            m.count = UINT16_MAX + 1;
            CHECK_EQ_INT(wippy_send_message(self, a->target, &m), WIPPY_ERR_INVALID);
        }
    }
    return WIPPY_IDLE;
}

static wippy_status check_shape(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    size_t bytes = 0;
    const char *topic = wippy_mail_topic(self, mail, &bytes);
    size_t at = a->rounds++;
    if (at >= SHAPE_TOPICS * SHAPE_SIZES) {
        return WIPPY_IDLE; /* counted: the test fails */
    }
    CHECK_EQ_U64(bytes, shape_topics[at / SHAPE_SIZES]);
    CHECK(memcmp(topic, shape_text, bytes) == 0 && topic[bytes] == '\0');
    CHECK_EQ_U64(mail->size, shape_sizes[at % SHAPE_SIZES]);
    CHECK(mail->size == 0 || memcmp(wippy_mail_data(mail), shape_text, mail->size) == 0);
    CHECK_EQ_INT((mail->flags & WIPPY_MAIL_RAW) != 0, mail->size > 0);
    CHECK_EQ_U64(mail->from.id, a->target.id);
    return WIPPY_IDLE;
}

TEST(test_send_names_and_payloads_of_every_size_come_whole)
{
    core c;
    core_actor sink = {0};
    core_actor source = {0};
    for (size_t i = 0; i < sizeof(shape_text); i++) {
        shape_text[i] = (char)('a' + i % 23);
    }
    REQUIRE(core_open(&c, 0));
    sink.on_mail = check_shape;
    source.on_start = send_shapes;
    source.target = core_spawn(&c, &sink);
    sink.target = core_spawn(&c, &source);
    core_run(&c);
    CHECK_EQ_U64(sink.rounds, SHAPE_TOPICS * SHAPE_SIZES);
    core_close(&c);
}

/* Long runs of small payloads to a process of another host, which runs on another core: every byte of each
   size, in order, from two senders of which one stops now and then. */
#define FAR_ROUNDS 400 /* so that blocks come back and are used again */
#define FAR_SIZES  25 /* 0..24 */

static void far_fill(unsigned char *data, uint32_t number, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        data[i] = (unsigned char)(number * 31u + i * 7u + 1u);
    }
}

static wippy_status far_send(wippy_self *self, core_actor *a)
{
    for (uint32_t i = 0; i < FAR_SIZES * 4u; i++) {
        uint32_t number = a->rounds * FAR_SIZES * 4u + i;
        unsigned char data[FAR_SIZES];
        far_fill(data, number, number % FAR_SIZES);
        CHECK_EQ_INT(wippy_send(self, a->target, *(wippy_topic *)a->arg, data, number % FAR_SIZES),
                     WIPPY_OK);
    }
    return ++a->rounds < FAR_ROUNDS ? WIPPY_CONTINUE : wippy_done(self);
}

static wippy_status far_check(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    uint32_t *next = (uint32_t *)a->arg; /* of each sender: pid, then how many came */
    unsigned char data[FAR_SIZES];
    (void)self;
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    next += next[0] == (uint32_t)mail->from.id || next[0] == 0 ? 0 : 2;
    next[0] = (uint32_t)mail->from.id;
    CHECK_EQ_U64(mail->size, next[1] % FAR_SIZES);
    far_fill(data, next[1]++, mail->size);
    CHECK(mail->size == 0 || memcmp(wippy_mail_data(mail), data, mail->size) == 0);
    TEST_ATOMIC_ADD(&a->rounds, 1);
    return WIPPY_IDLE;
}

TEST(test_send_long_runs_to_another_host_come_whole)
{
    core c;
    core_actor sink = {0};
    core_actor sources[2] = {{0}, {0}};
    uint32_t next[4] = {0};
    wippy_host other;
    wippy_pid to;
    wippy_pid pid;
    REQUIRE(core_open(&c, 1));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, 1, &other) == WIPPY_OK);
    sink.on_mail = far_check;
    sink.arg = next;
    to = core_spawn(&c, &sink);
    for (int i = 0; i < 2; i++) {
        sources[i].on_step = far_send;
        sources[i].target = to;
        sources[i].arg = &c.topic;
        CHECK_EQ_INT(core_spawn_by(&c, c.out, &sources[i], other, 0, &pid), WIPPY_OK);
    }
    CHECK(core_wait(&sink.rounds, 2 * FAR_ROUNDS * FAR_SIZES * 4));
    core_close(&c);
    CHECK_EQ_INT(next[1], FAR_ROUNDS * FAR_SIZES * 4);
    CHECK_EQ_INT(next[3], FAR_ROUNDS * FAR_SIZES * 4);
}

TEST(test_send_many_permanent_topics_stay_apart)
{
    core c;
    char name[16];
    REQUIRE(core_open(&c, 0));
    uint32_t first = wippy_topic_make(c.rt, "n0").id;
    for (unsigned i = 1; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        CHECK_EQ_INT(wippy_topic_make(c.rt, name).id, first + i);
    }
    CHECK_EQ_INT(wippy_topic_make(c.rt, "n500").id, first + 500);
    core_close(&c);
}

/* ------------------------------------------------------------------ limits */

TEST(test_send_over_the_limit_is_refused_and_counted)
{
    core c;
    core_actor a = {0};
    wippy_host_desc host;
    wippy_host_info info;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 3;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    wippy_pid pid = core_spawn(&c, &a);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            CHECK_EQ_INT(core_tell(&c, pid, "x"), WIPPY_OK);
        }
        CHECK_EQ_INT(core_tell(&c, pid, "no"), WIPPY_ERR_FULL);
        CHECK_EQ_INT(core_tell(&c, pid, "no"), WIPPY_ERR_FULL);
        CHECK_EQ_INT(wippy_cancel(c.out, pid, "counts not"), WIPPY_OK);
        a.deaf = true;
        core_run(&c);
        CHECK_EQ_INT(a.count, (round + 1) * 4);
    }
    wippy_host_stats(c.rt, c.host, &info);
    CHECK_EQ_U64(info.refused, 6);
    wippy_terminate(c.out, pid);
    core_run(&c);
    core_actor b = {0};
    pid = core_spawn(&c, &b); /* the slot again: nothing of the old count is left */
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(core_tell(&c, pid, "x"), WIPPY_OK);
    }
    CHECK_EQ_INT(core_tell(&c, pid, "no"), WIPPY_ERR_FULL);
    core_close(&c);
}

static wippy_status push_till_full(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_topic none = {0};
    if (mail->kind == WIPPY_MAIL_CANCEL) {
        return WIPPY_IDLE;
    }
    if (mail->kind == WIPPY_MAIL_WRITABLE) {
        CHECK_EQ_U64(mail->from.id, a->target.id);
    }
    while (a->number < 100) {
        wippy_result r = wippy_send(self, a->target, none, &a->number, sizeof(a->number));
        if (r == WIPPY_ERR_GONE) {
            return wippy_done(self);
        }
        if (r == WIPPY_ERR_FULL) {
            CHECK_EQ_INT(wippy_want_writable(self, a->target), WIPPY_OK);
            return WIPPY_IDLE;
        }
        CHECK_EQ_INT(r, WIPPY_OK);
        a->number++;
    }
    return wippy_done(self);
}

static wippy_status send_too_many_values(wippy_self *self, core_actor *a)
{
    static const char values[64] = {0};
    wippy_topic none = {0};
    wippy_pid me = wippy_self_pid(self);
    (void)a;
    CHECK_EQ_INT(wippy_send_values(self, me, none, values, 1, 65536), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_values(self, me, none, values, 64, UINT32_MAX), WIPPY_ERR_INVALID);
    return WIPPY_IDLE;
}

/* Mail counts its values in 16 bits: more are refused, however small the message. */
TEST(test_send_of_too_many_values_is_refused)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = send_too_many_values;
    wippy_pid pid = core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(a.count, 0);
    CHECK_EQ_INT(wippy_send_values(c.out, pid, c.topic, "x", 1, 65536), WIPPY_ERR_INVALID);
    core_close(&c);
}

static wippy_status want_and_end(wippy_self *self, core_actor *a)
{
    wippy_pid none = {0};
    wippy_pid dead = {(uint64_t)a->number};
    CHECK_EQ_INT(wippy_want_writable(self, none), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_want_writable(self, dead), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_want_writable(self, a->target), WIPPY_OK);
    return wippy_done(self);
}

/* The event is paid for when it is asked for; nobody is there to take it. */
TEST(test_send_writable_for_one_that_has_ended_is_given_back)
{
    core c;
    wippy_host limited;
    core_actor to = {0};
    core_actor from = {0};
    core_actor dead = {0};
    wippy_host_desc desc;
    REQUIRE(core_open(&c, 0));
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:limited";
    desc.kind = WIPPY_HOST_PUMP;
    desc.mailbox_limit = 1;
    REQUIRE(wippy_host_create(c.rt, &desc, &limited) == WIPPY_OK);
    wippy_pid gone = core_spawn(&c, &dead);
    core_run(&c);
    wippy_terminate(c.out, gone);
    core_run(&c);
    wippy_pid pid = {0};
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &to, limited, 0, &pid), WIPPY_OK);
    CHECK_EQ_INT(core_tell(&c, pid, "full"), WIPPY_OK);
    from.on_start = want_and_end;
    from.number = (int64_t)gone.id;
    from.target = pid;
    core_spawn(&c, &from);
    core_run(&c);
    CHECK_EQ_INT(from.closes, 1);
    CHECK_EQ_INT(wippy_pump(c.rt, limited, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(to.count, 1);
    core_close(&c);
}

static void check_writable(uint32_t workers, unsigned senders, uint32_t limit)
{
    static core_actor from[8];
    core c;
    wippy_host limited;
    core_actor to = {0};
    wippy_host_desc desc;
    memset(from, 0, sizeof(from));
    REQUIRE(core_open(&c, workers));
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:limited";
    desc.mailbox_limit = limit;
    desc.workers = workers;
    REQUIRE(wippy_host_create(c.rt, &desc, &limited) == WIPPY_OK);
    wippy_pid pid = {0};
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &to, limited, 0, &pid), WIPPY_OK);
    for (unsigned i = 0; i < senders; i++) {
        from[i].on_mail = push_till_full;
        from[i].target = pid;
        core_tell(&c, core_spawn(&c, &from[i]), "go");
    }
    CHECK(core_wait(&to.count, senders * 100)); /* a lost WRITABLE would stop a sender for ever */
    core_close(&c);
}

TEST(test_send_writable_comes_to_every_refused_sender)
{
    for (unsigned round = 0; round < test_scale(20); round++) {
        check_writable(1 + round % 3, 1 + round % 8, 1 + round % 4);
    }
}

static wippy_status want_twice(wippy_self *self, core_actor *a)
{
    wippy_pid none = {0};
    CHECK_EQ_INT(wippy_want_writable(self, a->target), WIPPY_OK); /* has room: at once */
    CHECK_EQ_INT(wippy_want_writable(self, none), WIPPY_ERR_GONE);
    return WIPPY_IDLE;
}

TEST(test_send_writable_comes_at_once_when_there_is_room)
{
    core c;
    core_actor to = {0};
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.target = core_spawn(&c, &to);
    a.on_start = want_twice;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_WRITABLE), 1);
    core_run(&c);
    CHECK_EQ_INT(a.count, 1);
    core_close(&c);
}

static wippy_status fill_and_want(wippy_self *self, core_actor *a)
{
    wippy_topic none = {0};
    while (wippy_send(self, a->target, none, "x", 1) == WIPPY_OK) {
    }
    CHECK_EQ_INT(wippy_want_writable(self, a->target), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(self, a->target), WIPPY_OK);
    return WIPPY_IDLE;
}

TEST(test_send_writable_comes_when_the_receiver_ends)
{
    core c;
    core_actor to = {0};
    core_actor a = {0};
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 2;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    a.target = core_spawn(&c, &to);
    a.on_start = fill_and_want;
    core_spawn(&c, &a);
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&a, WIPPY_MAIL_WRITABLE), 1);
    CHECK_EQ_INT(to.closes, 1);
    core_close(&c);
}

/* ------------------------------------------------------------------ handed-over memory */

static void count_free(void *data, size_t size, void *user_data)
{
    uint32_t *counts = (uint32_t *)user_data;
    TEST_ATOMIC_ADD(&counts[*(uint8_t *)data], 1u);
    CHECK_EQ_U64(size, 100);
    free(data);
}

static void *owned_bytes(uint8_t number)
{
    uint8_t *bytes = (uint8_t *)malloc(100);
    memset(bytes, number, 100);
    return bytes;
}

static wippy_status check_owned(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    (void)self;
    if ((mail->flags & WIPPY_MAIL_OWNED) != 0) {
        uint8_t expected[100];
        memset(expected, (int)a->number, sizeof(expected));
        CHECK_EQ_U64(mail->size, 100);
        CHECK_MEM(wippy_mail_data(mail), expected, 100);
        a->number++;
    }
    return WIPPY_IDLE;
}

TEST(test_send_owned_memory_is_freed_exactly_once)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    uint32_t counts[40] = {0};
    REQUIRE(core_open(&c, 0));
    a.on_mail = check_owned;
    wippy_pid reader = core_spawn(&c, &a);
    wippy_pid never = core_spawn(&c, &b);
    for (uint8_t i = 0; i < 20; i++) {
        CHECK_EQ_INT(wippy_send_owned(c.out, reader, c.topic, owned_bytes(i), 100, count_free, counts),
                     WIPPY_OK);
        CHECK_EQ_INT(wippy_send_owned(c.out, never, c.topic, owned_bytes((uint8_t)(i + 20)), 100,
                                      count_free, counts),
                     WIPPY_OK);
    }
    wippy_terminate(c.out, never); /* dead letters, all of them */
    core_run(&c);
    CHECK_EQ_INT(a.number, 20);
    for (int i = 0; i < 40; i++) {
        CHECK_EQ_INT(counts[i], 1);
    }
    void *mine = owned_bytes(0);
    CHECK_EQ_INT(wippy_send_owned(c.out, never, c.topic, mine, 100, count_free, counts),
                 WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_send_owned(c.out, reader, c.topic, mine, 100, NULL, counts),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_send_owned(c.out, reader, c.topic, NULL, 100, count_free, counts),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(counts[0], 1); /* still ours */
    free(mine);
    wippy_runtime_info info;
    wippy_runtime_stats(c.rt, &info);
    CHECK_EQ_U64(info.dead_letters, 20);
    core_close(&c);
}

TEST(test_send_owned_over_the_limit_stays_with_the_sender)
{
    core c;
    core_actor a = {0};
    uint32_t counts[4] = {0};
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 2;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    wippy_pid pid = core_spawn(&c, &a);
    for (uint8_t i = 0; i < 2; i++) {
        CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, owned_bytes(i), 100, count_free, counts),
                     WIPPY_OK);
    }
    void *mine = owned_bytes(2);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, mine, 100, count_free, counts),
                 WIPPY_ERR_FULL);
    core_run(&c);
    CHECK_EQ_INT(counts[0] + counts[1], 2);
    CHECK_EQ_INT(wippy_send_owned(c.out, pid, c.topic, mine, 100, count_free, counts), WIPPY_OK);
    core_close(&c); /* freed with the process */
    CHECK_EQ_INT(counts[2], 1);
}

TEST(test_send_to_nobody_is_gone)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    wippy_pid none = {0};
    wippy_pid wild = {UINT64_MAX >> 1};
    wippy_pid near_miss = {pid.id + ((uint64_t)1 << 38)}; /* another generation */
    CHECK_EQ_INT(core_tell(&c, none, "x"), WIPPY_ERR_GONE);
    CHECK_EQ_INT(core_tell(&c, wild, "x"), WIPPY_ERR_GONE);
    CHECK_EQ_INT(core_tell(&c, near_miss, "x"), WIPPY_ERR_GONE);
    CHECK(!wippy_alive(c.rt, near_miss));
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_send_keeps_the_order_of_one_sender),
          TEST_ENTRY(test_send_order_holds_across_cores_and_kinds),
          TEST_ENTRY(test_send_payload_comes_as_it_was),
          TEST_ENTRY(test_send_raw_and_values_are_told_apart),
          TEST_ENTRY(test_send_topics_compare_equal_however_they_came),
          TEST_ENTRY(test_send_names_and_payloads_of_every_size_come_whole),
          TEST_ENTRY(test_send_long_runs_to_another_host_come_whole),
          TEST_ENTRY(test_send_many_permanent_topics_stay_apart),
          TEST_ENTRY(test_send_over_the_limit_is_refused_and_counted),
          TEST_ENTRY(test_send_of_too_many_values_is_refused),
          TEST_ENTRY(test_send_writable_for_one_that_has_ended_is_given_back),
          TEST_ENTRY(test_send_writable_comes_to_every_refused_sender),
          TEST_ENTRY(test_send_writable_comes_at_once_when_there_is_room),
          TEST_ENTRY(test_send_writable_comes_when_the_receiver_ends),
          TEST_ENTRY(test_send_owned_memory_is_freed_exactly_once),
          TEST_ENTRY(test_send_owned_over_the_limit_stays_with_the_sender),
          TEST_ENTRY(test_send_to_nobody_is_gone))
