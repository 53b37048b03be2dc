/* The library without threads: pumps do everything, what needs a thread says so or runs in place. */
#define WIPPY_NO_THREADS
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

TEST(test_no_threads_only_pumps_can_be_created)
{
    core c;
    wippy_host host = {0};
    REQUIRE(core_open(&c, 0));
    CHECK_EQ_INT(core_add_host(&c, "app:pool", WIPPY_HOST_POOL, 1, &host), WIPPY_ERR_UNSUPPORTED);
    CHECK_EQ_INT(core_add_host(&c, "app:term", WIPPY_HOST_TERMINAL, 1, &host),
                 WIPPY_ERR_UNSUPPORTED);
    CHECK_EQ_INT(core_add_host(&c, "app:pump", WIPPY_HOST_PUMP, 0, &host), WIPPY_OK);
    core_close(&c);
}

static wippy_result number(void *arg, wippy_writer *out)
{
    wippy_write_int(out, *(int64_t *)arg);
    return WIPPY_OK;
}

static wippy_status ask(wippy_self *self, core_actor *a)
{
    CHECK_EQ_INT(wippy_blocking(self, number, &a->number, NULL, 1, NULL), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_timer(self, 2 * CORE_MS, 2, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

TEST(test_no_threads_processes_timers_calls_and_stop)
{
    core c;
    core_actor a = {0};
    core_actor w = {0};
    REQUIRE(core_open(&c, 0));
    a.on_start = ask;
    a.number = 42;
    w.target = core_spawn(&c, &a);
    w.monitor = true;
    core_spawn(&c, &w);
    CHECK(core_pump_until(&c, &a.count, 2));
    CHECK_EQ_U64(a.seen[0].tag, 1);
    CHECK_EQ_INT(a.seen[0].number, 42);
    CHECK_EQ_U64(a.seen[1].tag, 2);
    core_tell(&c, a.pid, "fail");
    core_run(&c);
    CHECK_EQ_INT(core_kinds(&w, WIPPY_MAIL_EXIT), 1);
    core_close(&c);
    CHECK_EQ_INT(w.closes, 1);
}

/* Somebody who waits for another pump in the same thread would wait for ever. */
TEST(test_no_threads_spawn_between_pumps)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_host other;
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other) == WIPPY_OK);
    core_spawn(&c, &a);
    CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, other, 0, NULL), WIPPY_OK);
    CHECK_EQ_INT(core_tell(&c, b.pid, "x"), WIPPY_OK);
    CHECK_EQ_INT(wippy_pump(c.rt, other, UINT64_MAX, 0), WIPPY_OK);
    CHECK_EQ_INT(b.count, 1);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_no_threads_only_pumps_can_be_created),
          TEST_ENTRY(test_no_threads_processes_timers_calls_and_stop),
          TEST_ENTRY(test_no_threads_spawn_between_pumps))
