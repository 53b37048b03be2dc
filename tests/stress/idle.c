/* A runtime with nothing to do costs next to nothing: below 1 % of a core is the aim, 5 % the limit. */
#if defined(__linux__)
#define _GNU_SOURCE 1 /* syscall() */
#endif
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#if defined(__linux__)
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

#if defined(__linux__) && defined(SYS_seccomp) && defined(SYS_membarrier)
/* What a sandbox does that a program enters after its runtime was made. */
static bool membarrier_is_forbidden(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {(unsigned short)(sizeof(filter) / sizeof(filter[0])), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}
#else
static bool membarrier_is_forbidden(void)
{
    return false;
}
#endif

static void measure(const char *what, bool timers, bool sandbox)
{
    static core_actor many[100];
    core c;
    wippy_host hosts[2];
    memset(many, 0, sizeof(many));
    REQUIRE(core_open(&c, 4));
    REQUIRE(core_add_host(&c, "app:second", WIPPY_HOST_POOL, 2, &hosts[0]) == WIPPY_OK);
    REQUIRE(core_add_host(&c, "app:third", WIPPY_HOST_TERMINAL, 1, &hosts[1]) == WIPPY_OK);
    if (sandbox && !membarrier_is_forbidden()) {
        printf("idle%s: no such sandbox here\n", what);
    }
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
    printf("idle%s: %.3f %% of a core\n", what, share * 100.0);
    CHECK(share < (sandbox ? 0.2 : 0.05)); /* in a sandbox workers look now and then */
    core_close(&c);
}

TEST(test_idle_runtime_rests)
{
    measure("", false, false);
}

TEST(test_idle_runtime_with_timers_rests)
{
    measure(" with 100 timers", true, false);
}

/* The last: no way back. */
TEST(test_idle_runtime_rests_where_barriers_are_forbidden)
{
    measure(" in a sandbox", false, true);
}

TEST_MAIN(TEST_ENTRY(test_idle_runtime_rests), TEST_ENTRY(test_idle_runtime_with_timers_rests),
          TEST_ENTRY(test_idle_runtime_rests_where_barriers_are_forbidden))
