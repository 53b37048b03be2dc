/* Names: one living owner each, gone before its EXIT is seen. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#include <pthread.h>

static uint64_t find(core *c, const char *name)
{
    wippy_pid pid = {0};
    wippy_result r = wippy_name_find(c->rt, name, 0, &pid);
    CHECK(r == WIPPY_OK || r == WIPPY_ERR_NOTFOUND);
    return r == WIPPY_OK ? pid.id : 0;
}

TEST(test_names_register_find_release)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_pid none = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    wippy_pid two = core_spawn(&c, &b);
    CHECK_EQ_INT(wippy_name_register(c.out, "room:general", 0, one), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(c.out, "room:general", 0, one), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(c.out, "room:general", 0, two), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_name_register(c.out, "second", 0, one), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(c.out, "", 0, one), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_name_register(c.out, NULL, 0, one), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_name_register(c.out, "x", 0, none), WIPPY_ERR_GONE);
    CHECK_EQ_U64(find(&c, "room:general"), one.id);
    CHECK_EQ_U64(find(&c, "room"), 0);
    CHECK_EQ_INT(wippy_name_find(c.rt, "room:general", 4, &none), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_release(c.out, "room:general", 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_release(c.out, "room:general", 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_release(c.out, "", 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_release(c.out, NULL, 0), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_find(c.rt, "", 0, &none), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_find(c.rt, NULL, 0, &none), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_U64(none.id, 0);
    CHECK_EQ_INT(wippy_name_register(c.out, "room:general", 0, two), WIPPY_OK);
    CHECK_EQ_U64(find(&c, "room:general"), two.id);
    CHECK_EQ_U64(find(&c, "second"), one.id);
    core_close(&c);
}

TEST(test_names_may_hold_any_bytes)
{
    core c;
    core_actor a = {0};
    wippy_pid found = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    CHECK_EQ_INT(wippy_name_register(c.out, "a\0b", 3, one), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_find(c.rt, "a\0b", 3, &found), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_find(c.rt, "a\0c", 3, &found), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_name_find(c.rt, "a", 1, &found), WIPPY_ERR_NOTFOUND);
    core_close(&c);
}

TEST(test_names_vanish_with_their_owner)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    char name[16];
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    wippy_pid two = core_spawn(&c, &b);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        CHECK_EQ_INT(wippy_name_register(c.out, name, 0, i % 3 ? one : two), WIPPY_OK);
    }
    CHECK_EQ_INT(wippy_name_release(c.out, "n1", 0), WIPPY_OK); /* from the middle of the list */
    CHECK_EQ_INT(wippy_name_release(c.out, "n50", 0), WIPPY_OK);
    wippy_terminate(c.out, one);
    core_run(&c);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        CHECK_EQ_U64(find(&c, name), i % 3 ? 0 : two.id);
    }
    CHECK_EQ_INT(wippy_name_register(c.out, "late", 0, one), WIPPY_ERR_GONE);
    CHECK_EQ_U64(find(&c, "late"), 0);
    CHECK_EQ_INT(wippy_name_register(c.out, "n2", 0, two), WIPPY_OK);
    core_close(&c);
}

TEST(test_names_taken_name_of_a_spawn_sends_to_its_owner)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    core_actor *at = &a;
    wippy_spawn_desc desc;
    wippy_message hello;
    wippy_pid first, second;
    REQUIRE(core_open(&c, 0));
    memset(&hello, 0, sizeof(hello));
    hello.topic = c.topic;
    hello.data = "hello";
    hello.size = 5;
    core_spawn_desc(&c, &at, &desc);
    desc.name = "only";
    desc.messages = &hello;
    desc.message_count = 1;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &first, NULL), WIPPY_OK);
    at = &b;
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &second, NULL), WIPPY_OK);
    CHECK_EQ_U64(first.id, second.id);
    CHECK_EQ_U64(find(&c, "only"), first.id);
    core_run(&c);
    CHECK_EQ_INT(b.inits, 0);
    CHECK_EQ_INT(a.count, 2);
    CHECK_EQ_U64(a.seen[1].from.id, 0);
    wippy_terminate(c.out, first);
    core_run(&c);
    CHECK_EQ_INT(wippy_spawn(c.out, &desc, &second, NULL), WIPPY_OK);
    CHECK_EQ_INT(b.inits, 1);
    core_close(&c);
}

/* Threads fight for one name whose owners end all the time: each winner is a process that lives, and
   the name is never lost or left behind. */
typedef struct fight {
    core *c;
    uint32_t stop;
    uint32_t won;
    uint32_t rounds;
} fight;

static void *fighter(void *arg)
{
    fight *f = (fight *)arg;
    for (uint32_t i = 0; i < f->rounds; i++) {
        core_actor a = {0};
        wippy_pid pid = {0};
        wippy_pid found;
        wippy_result r;
        CHECK_EQ_INT(core_spawn_by(f->c, f->c->out, &a, f->c->host, 0, &pid), WIPPY_OK);
        r = wippy_name_register(f->c->out, "crown", 0, pid);
        CHECK(r == WIPPY_OK || r == WIPPY_ERR_EXISTS);
        if (r == WIPPY_OK) {
            TEST_ATOMIC_ADD(&f->won, 1u);
            CHECK_EQ_INT(wippy_name_find(f->c->rt, "crown", 0, &found), WIPPY_OK);
            CHECK_EQ_U64(found.id, pid.id);
            if (i % 3 == 0) {
                CHECK_EQ_INT(wippy_name_release(f->c->out, "crown", 0), WIPPY_OK);
            }
        }
        wippy_terminate(f->c->out, pid);
        CHECK(core_wait(&a.closes, 1));
    }
    return NULL;
}

TEST(test_names_replacement_during_exit)
{
    core c;
    fight f;
    pthread_t threads[3];
    memset(&f, 0, sizeof(f));
    REQUIRE(core_open(&c, 2));
    f.c = &c;
    f.rounds = test_scale(300);
    for (int i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, fighter, &f) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(f.won > 0);
    CHECK_EQ_U64(find(&c, "crown"), 0);
    core_close(&c);
}

static wippy_result name_myself(wippy_self *self, core_actor *a, const wippy_input *input)
{
    wippy_pid found = {0};
    (void)input;
    (void)a;
    CHECK_EQ_INT(wippy_name_register(self, "me", 0, wippy_self_pid(self)), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_register(self, "me", 0, wippy_self_pid(self)), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_find(wippy_self_runtime(self), "me", 0, &found), WIPPY_OK);
    CHECK_EQ_U64(found.id, wippy_self_pid(self).id);
    return WIPPY_OK;
}

TEST(test_names_init_may_name_itself)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    REQUIRE(core_open(&c, 0));
    a.on_init = name_myself;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_U64(find(&c, "me"), pid.id);
    CHECK_EQ_INT(wippy_name_register(c.out, "me", 0, core_spawn(&c, &b)), WIPPY_ERR_EXISTS);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_names_register_find_release), TEST_ENTRY(test_names_may_hold_any_bytes),
          TEST_ENTRY(test_names_vanish_with_their_owner),
          TEST_ENTRY(test_names_taken_name_of_a_spawn_sends_to_its_owner),
          TEST_ENTRY(test_names_replacement_during_exit),
          TEST_ENTRY(test_names_init_may_name_itself))
