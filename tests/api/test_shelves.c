/* Kept mail: shelves keep order, move by topic, and give everything back to a new body. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static void shelf_text(const wippy_mail *mail, char *text, size_t room)
{
    snprintf(text, room, "%.*s", (int)mail->size, (const char *)wippy_mail_data(mail));
}

/* Everything of a shelf, taken, joined. */
static const char *take_all(wippy_self *self, uint32_t shelf)
{
    static char joined[256];
    const wippy_mail *mail;
    uint64_t last = 0;
    joined[0] = '\0';
    while ((mail = wippy_shelf_take(self, shelf)) != NULL) {
        char text[32];
        shelf_text(mail, text, sizeof(text));
        strcat(joined, text);
        CHECK(wippy_mail_number(mail) > last);
        last = wippy_mail_number(mail);
    }
    return joined;
}

static void send_named(core *c, wippy_pid to, const char *topic, const char *text)
{
    wippy_message m;
    memset(&m, 0, sizeof(m));
    m.topic_name = topic;
    m.data = text;
    m.size = strlen(text);
    CHECK_EQ_INT(wippy_send_message(c->out, to, &m), WIPPY_OK);
}

typedef wippy_status (*script)(wippy_self *self, core_actor *a);

/* The last message runs the script; all others are kept on shelf 0. */
static wippy_status keep_then_run(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    if (mail->size == 1) {
        wippy_shelf_keep(self, mail, 0);
        return WIPPY_IDLE;
    }
    a->number++;
    return ((script)(uintptr_t)a->arg)(self, a);
}

static void run_script(script fn)
{
    static const char *const topics[] = {"x", "y", "x", "@sys", "y", "x"};
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_mail = keep_then_run;
    a.arg = (void *)(uintptr_t)fn;
    wippy_pid pid = core_spawn(&c, &a);
    for (size_t i = 0; i < TEST_COUNT(topics); i++) {
        char text[2] = {(char)('a' + (int)i), '\0'};
        send_named(&c, pid, topics[i], text);
    }
    send_named(&c, pid, "run", "run");
    core_run(&c);
    CHECK_EQ_INT(a.number, 1);
    core_close(&c); /* what is still kept is freed */
}

static wippy_status in_order(wippy_self *self, core_actor *a)
{
    char text[8];
    (void)a;
    CHECK_EQ_U64(wippy_kept_count(self), 6);
    CHECK(wippy_kept_bytes(self) >= 6 * sizeof(wippy_mail) + 6);
    shelf_text(wippy_shelf_peek(self, 0), text, sizeof(text));
    CHECK_STR(text, "a");
    CHECK_STR(take_all(self, 0), "abcdef");
    CHECK(wippy_shelf_peek(self, 0) == NULL);
    CHECK(wippy_shelf_take(self, 0) == NULL);
    CHECK_EQ_U64(wippy_kept_count(self), 0);
    CHECK_EQ_U64(wippy_kept_bytes(self), 0);
    return WIPPY_IDLE;
}

TEST(test_shelves_keep_order_and_counts)
{
    run_script(in_order);
}

static wippy_status put_back(wippy_self *self, core_actor *a)
{
    (void)a;
    const wippy_mail *mail = wippy_shelf_take(self, 0);
    CHECK_EQ_U64(wippy_kept_count(self), 5);
    wippy_shelf_keep(self, mail, 0); /* goes back to its place */
    mail = wippy_shelf_take(self, 0);
    (void)wippy_shelf_take(self, 0); /* frees a, holds b */
    mail = wippy_shelf_take(self, 0);
    wippy_shelf_keep(self, mail, 0); /* c */
    CHECK_STR(take_all(self, 0), "cdef");
    return WIPPY_IDLE;
}

TEST(test_shelves_mail_kept_again_goes_to_its_place)
{
    run_script(put_back);
}

static wippy_status claim_some(wippy_self *self, core_actor *a)
{
    (void)a;
    uint32_t x = wippy_shelf_open(self);
    uint32_t rest = wippy_shelf_open(self);
    CHECK(x != 0 && rest != 0 && x != rest);
    CHECK_EQ_U64(wippy_shelf_claim(self, x, "x", 1), 3);
    CHECK_EQ_U64(wippy_shelf_claim(self, x, "none", 4), 0);
    CHECK_EQ_U64(wippy_shelf_claim(self, rest, NULL, 0), 2); /* not the one with @ */
    CHECK_EQ_U64(wippy_shelf_claim(self, 99, NULL, 0), 0);
    CHECK_EQ_U64(wippy_kept_count(self), 6);
    const wippy_mail *mail = wippy_shelf_take(self, x);
    wippy_shelf_keep(self, mail, rest); /* between b and e, no: before b */
    CHECK_STR(take_all(self, rest), "abe");
    wippy_shelf_close(self, x); /* c and f go back, around d */
    CHECK(wippy_shelf_peek(self, x) == NULL);
    wippy_shelf_close(self, x);
    wippy_shelf_close(self, 0);
    wippy_shelf_close(self, 77);
    CHECK_STR(take_all(self, 0), "cdf");
    CHECK_EQ_INT(wippy_shelf_open(self), x); /* numbers are used again */
    return WIPPY_IDLE;
}

TEST(test_shelves_claim_by_topic_and_close)
{
    run_script(claim_some);
}

static wippy_status open_many(wippy_self *self, core_actor *a)
{
    (void)a;
    uint32_t last = 0;
    uint32_t opened = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t shelf = wippy_shelf_open(self);
        if (shelf == 0) {
            break;
        }
        CHECK(shelf > last);
        last = shelf;
        opened++;
    }
    CHECK(opened >= 1000); /* there is an end, far away */
    wippy_shelf_claim(self, last, "x", 1);
    CHECK_STR(take_all(self, last), "acf");
    return WIPPY_IDLE;
}

TEST(test_shelves_many)
{
    run_script(open_many);
}

static wippy_status next_new(wippy_self *self, core_actor *a)
{
    (void)a;
    uint32_t shelf = wippy_shelf_open(self);
    wippy_shelf_claim(self, shelf, "y", 1);
    const wippy_mail *mail = wippy_shelf_take(self, 0);
    wippy_shelf_keep(self, mail, shelf);
    wippy_type same = {0};
    return wippy_upgrade(self, NULL, same, &a, sizeof(a), 0);
}

static wippy_status read_again(wippy_self *self, core_actor *a)
{
    char joined[16] = "";
    const wippy_mail *mail;
    if (a->inits < 2) {
        while ((mail = wippy_next(self)) != NULL) {
            if (mail->kind == WIPPY_MAIL_CANCEL) {
                return wippy_done(self);
            }
            if (mail->size == 3) {
                return next_new(self, a);
            }
            wippy_shelf_keep(self, mail, 0);
        }
        return WIPPY_IDLE;
    }
    while ((mail = wippy_next(self)) != NULL) {
        char text[8];
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        shelf_text(mail, text, sizeof(text));
        strcat(joined, text);
        if (mail->size == 1 && text[0] == 'c') {
            wippy_shelf_keep(self, mail, 0);
        }
    }
    if (joined[0] != '\0') {
        CHECK_STR(joined, "abcdefz"); /* kept in arrival order, then what was not yet looked at */
        CHECK_EQ_U64(wippy_kept_count(self), 1);
        CHECK_EQ_U64(wippy_kept_bytes(self) > 0, 1);
        CHECK_STR(take_all(self, 0), "c");
        a->number++;
    }
    return WIPPY_IDLE;
}

TEST(test_shelves_are_delivered_again_after_an_upgrade)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    a.on_step = read_again;
    wippy_pid pid = core_spawn(&c, &a);
    for (char letter = 'a'; letter <= 'f'; letter++) {
        char text[2] = {letter, '\0'};
        send_named(&c, pid, letter % 2 ? "x" : "y", text);
    }
    send_named(&c, pid, "run", "run");
    send_named(&c, pid, "x", "z");
    core_run(&c);
    CHECK_EQ_INT(a.inits, 2);
    CHECK_EQ_INT(a.closes, 1);
    CHECK_EQ_INT(a.number, 1);
    core_close(&c);
}

TEST(test_shelves_limited_mailbox_counts_kept_mail)
{
    core c;
    core_actor a = {0};
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.mailbox_limit = 3;
    REQUIRE(core_open_with(&c, 0, NULL, &host));
    a.on_mail = keep_then_run;
    wippy_pid pid = core_spawn(&c, &a);
    for (int i = 0; i < 3; i++) {
        send_named(&c, pid, "x", "k");
        core_run(&c);
    }
    CHECK_EQ_INT(core_tell(&c, pid, "k"), WIPPY_ERR_FULL); /* what is kept still takes room */
    core_close(&c);
}

static test_heap *heap_of_test;

/* Nothing of any size is left in the worker's heap: a mail to ourselves took it. */
static void use_up(wippy_self *self, wippy_topic topic)
{
    static char bytes[4096];
    for (size_t size = 0; size <= sizeof(bytes); size += 16) {
        while (wippy_send(self, wippy_self_pid(self), topic, bytes, size) == WIPPY_OK) {
        }
    }
}

static wippy_status keep_without_memory(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    const core *c = (const core *)a->arg;
    char text[8];
    if (mail->kind != WIPPY_MAIL_MESSAGE || mail->size != 3 || a->number != 0) {
        return WIPPY_IDLE;
    }
    test_heap_fail(heap_of_test, 1, true);
    use_up(self, c->topic);
    CHECK_EQ_INT(wippy_shelf_keep(self, mail, 0), WIPPY_ERR_NOMEM);
    CHECK_EQ_U64(wippy_kept_count(self), 0);
    test_heap_fail(heap_of_test, 0, false);
    shelf_text(mail, text, sizeof(text));
    CHECK_STR(text, "abc"); /* still in hand */
    CHECK_EQ_INT(wippy_shelf_keep(self, mail, 7), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_shelf_keep(self, mail, 0), WIPPY_OK);
    CHECK_EQ_U64(wippy_kept_count(self), 1);
    CHECK_STR(take_all(self, 0), "abc");
    a->number = 1;
    return WIPPY_IDLE;
}

TEST(test_shelves_mail_that_cannot_be_kept_stays_in_hand)
{
    core c;
    core_actor a = {0};
    REQUIRE(core_open(&c, 0));
    heap_of_test = &c.heap;
    a.on_mail = keep_without_memory;
    a.arg = &c;
    core_tell(&c, core_spawn(&c, &a), "abc");
    core_run(&c);
    CHECK_EQ_INT(a.number, 1);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_shelves_mail_that_cannot_be_kept_stays_in_hand),
          TEST_ENTRY(test_shelves_keep_order_and_counts),
          TEST_ENTRY(test_shelves_mail_kept_again_goes_to_its_place),
          TEST_ENTRY(test_shelves_claim_by_topic_and_close), TEST_ENTRY(test_shelves_many),
          TEST_ENTRY(test_shelves_are_delivered_again_after_an_upgrade),
          TEST_ENTRY(test_shelves_limited_mailbox_counts_kept_mail))
