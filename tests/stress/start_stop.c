/* A thousand times: create, hosts with 0, 1, 2 or 4 workers, a few processes, destroy, in whatever
   state they are. Memory balances each time. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static wippy_status echo(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    wippy_topic none = {0};
    if (mail->kind == WIPPY_MAIL_MESSAGE && mail->from.id != 0 && mail->size == 5) {
        (void)wippy_send(self, mail->from, none, "back", 4);
    } else if (mail->kind == WIPPY_MAIL_MESSAGE && mail->from.id == 0) {
        (void)wippy_send(self, a->target, none, "forth", 5);
        (void)wippy_timer(self, 50000, 1, NULL);
    }
    return WIPPY_IDLE;
}

static void one_life(uint32_t workers, unsigned number)
{
    core c;
    core_actor actors[4];
    wippy_host other = {0};
    memset(actors, 0, sizeof(actors));
    REQUIRE(core_open(&c, workers));
    if (number % 3 == 0) {
        CHECK_EQ_INT(core_add_host(&c, "app:other", workers ? WIPPY_HOST_POOL : WIPPY_HOST_PUMP,
                                   workers, &other),
                     WIPPY_OK);
    }
    for (int i = 0; i < 4; i++) {
        actors[i].on_mail = echo;
        wippy_host host = i % 2 && other.id != 0 && workers > 0 ? other : c.host;
        CHECK_EQ_INT(core_spawn_by(&c, c.out, &actors[i], host, 0, NULL), WIPPY_OK);
    }
    for (int i = 0; i < 4; i++) {
        actors[i].target = actors[(i + 1) % 4].pid;
        core_tell(&c, actors[i].pid, "go");
    }
    if (workers == 0) {
        (void)wippy_pump(c.rt, c.host, CORE_MS / 10, 0);
    }
    if (number % 4 == 0) {
        CHECK(workers == 0 ? core_pump_until(&c, &actors[3].count, 2) : core_wait(&actors[3].count, 2));
    }
    if (number % 5 == 0) {
        CHECK_EQ_INT(wippy_host_stop(c.rt, c.host, 10000 * (uint64_t)CORE_MS), WIPPY_OK);
    }
    core_close(&c);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(actors[i].inits, 1);
        CHECK_EQ_INT(actors[i].closes, 1);
    }
}

static void lives(uint32_t workers)
{
    uint64_t slowest = 0;
    for (unsigned i = 0; i < test_scale(1000); i++) {
        uint64_t start = test_now_ms();
        one_life(workers, i);
        uint64_t took = test_now_ms() - start;
        slowest = took > slowest ? took : slowest;
        if (TEST_ATOMIC_LOAD(&test_global.failures) > 0) {
            FAIL("in life %u with %u workers", i, workers);
            return;
        }
    }
    CHECK(slowest < 4000); /* half of what destroy waits: everybody heard the CANCEL */
}

TEST(test_start_stop_pump)
{
    lives(0);
}

TEST(test_start_stop_one_worker)
{
    lives(1);
}

TEST(test_start_stop_two_workers)
{
    lives(2);
}

TEST(test_start_stop_four_workers)
{
    lives(4);
}

TEST_MAIN(TEST_ENTRY(test_start_stop_pump), TEST_ENTRY(test_start_stop_one_worker),
          TEST_ENTRY(test_start_stop_two_workers), TEST_ENTRY(test_start_stop_four_workers))
