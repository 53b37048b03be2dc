/* A runtime with nothing to do costs next to nothing: below 1 % of a core is the aim, 5 % the limit. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC; /* of the whole program, all threads */
}

static wippy_status slow_timer(wippy_self *self, core_actor *a)
{
    (void)a;
    CHECK_EQ_INT(wippy_timer(self, 100 * CORE_MS, 1, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

static void measure(bool timers)
{
    static core_actor many[100];
    core c;
    wippy_host hosts[2];
    memset(many, 0, sizeof(many));
    REQUIRE(core_open(&c, 4));
    REQUIRE(core_add_host(&c, "app:second", WIPPY_HOST_POOL, 2, &hosts[0]) == WIPPY_OK);
    REQUIRE(core_add_host(&c, "app:third", WIPPY_HOST_TERMINAL, 1, &hosts[1]) == WIPPY_OK);
    for (int i = 0; i < 100; i++) {
        many[i].on_start = timers ? slow_timer : NULL;
        core_spawn(&c, &many[i]);
    }
    for (int i = 0; i < 100; i++) {
        CHECK(core_wait(&many[i].steps, 1));
    }
    test_pause_ms(50); /* what is measured is rest, so give it time to come */
    uint64_t start_ms = test_now_ms();
    double start = cpu_seconds();
    while (test_now_ms() - start_ms < 1000) {
        test_pause_ms(1000);
    }
    double share = (cpu_seconds() - start) / ((double)(test_now_ms() - start_ms) / 1000.0);
    printf("idle%s: %.3f %% of a core\n", timers ? " with 100 timers" : "", share * 100.0);
    CHECK(share < 0.05);
    core_close(&c);
}

TEST(test_idle_runtime_rests)
{
    measure(false);
}

TEST(test_idle_runtime_with_timers_rests)
{
    measure(true);
}

TEST_MAIN(TEST_ENTRY(test_idle_runtime_rests), TEST_ENTRY(test_idle_runtime_with_timers_rests))
