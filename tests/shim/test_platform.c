/* The door to the operating system: locks, tickets, threads, interrupts, clocks, poller, files. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MS 1000000u
#define LONG_NS (20000u * (uint64_t)MS) /* "for ever", but a broken build still ends */

/* ------------------------------------------------------------------ tools */

typedef struct bench {
    test_heap heap;
    wippyi_mem mem;
} bench;

static void bench_init_on(bench *b, test_heap *heap)
{
    wippy_allocator allocator;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&b->mem, &allocator);
}

static void bench_init(bench *b)
{
    test_heap_init(&b->heap);
    bench_init_on(b, &b->heap);
}

static void start(wippyi_thread *t, void (*fn)(void *), void *arg)
{
    if (wippyi_thread_start(t, fn, arg, "test") != WIPPY_OK) {
        puts("cannot start a thread");
        abort();
    }
}

static bool a32_is_set(void *arg)
{
    return wippyi_a32_load_acq((wippyi_a32 *)arg) != 0;
}

/* ------------------------------------------------------------------ mutex and condition */

typedef struct box {
    wippyi_mutex lock;
    wippyi_cond changed;
    unsigned value; /* guarded by lock */
    unsigned seen;
    unsigned rounds;
    bool got; /* written by a thread before join */
} box;

static void box_init(box *b)
{
    memset(b, 0, sizeof(*b));
    CHECK_EQ_INT(wippyi_mutex_init(&b->lock), WIPPY_OK);
    CHECK_EQ_INT(wippyi_cond_init(&b->changed), WIPPY_OK);
}

static void box_destroy(box *b)
{
    wippyi_cond_destroy(&b->changed);
    wippyi_mutex_destroy(&b->lock);
}

static void box_count(void *arg)
{
    box *b = (box *)arg;
    for (unsigned i = 0; i < b->rounds; i++) {
        wippyi_mutex_lock(&b->lock);
        b->value++;
        wippyi_mutex_unlock(&b->lock);
    }
}

TEST(test_platform_mutex_excludes)
{
    box b;
    wippyi_thread threads[3];
    box_init(&b);
    b.rounds = test_scale(20000);
    for (size_t i = 0; i < 3; i++) {
        start(&threads[i], box_count, &b);
    }
    for (size_t i = 0; i < 3; i++) {
        wippyi_thread_join(&threads[i]);
    }
    CHECK_EQ_INT(b.value, 3 * b.rounds);
    box_destroy(&b);
}

static void box_try(void *arg)
{
    box *b = (box *)arg;
    b->got = wippyi_mutex_trylock(&b->lock);
    if (b->got) {
        wippyi_mutex_unlock(&b->lock);
    }
}

TEST(test_platform_mutex_trylock_tells_whether_it_is_held)
{
    box b;
    wippyi_thread thread;
    box_init(&b);
    wippyi_mutex_lock(&b.lock);
    start(&thread, box_try, &b);
    wippyi_thread_join(&thread);
    CHECK(!b.got);
    wippyi_mutex_unlock(&b.lock);
    start(&thread, box_try, &b);
    wippyi_thread_join(&thread);
    CHECK(b.got);
    box_destroy(&b);
}

/* ------------------------------------------------------------------ latch */

typedef struct latched {
    wippyi_latch latch;
    unsigned value; /* guarded by latch */
    unsigned rounds;
    bool long_; /* hold it long enough for the others to sleep, now and then */
} latched;

static void latched_count(void *arg)
{
    latched *l = (latched *)arg;
    for (unsigned i = 0; i < l->rounds; i++) {
        wippyi_latch_take(&l->latch);
        l->value++;
        if (l->long_ && i % 64 == 0) {
            uint64_t until = wippyi_clock_mono_ns() + MS / 5;
            while (wippyi_clock_mono_ns() < until) {
            }
        }
        wippyi_latch_drop(&l->latch);
    }
}

static void latched_by_three(bool held_long, unsigned rounds)
{
    latched l;
    wippyi_thread threads[3];
    memset(&l, 0, sizeof(l));
    CHECK_EQ_INT(wippyi_latch_init(&l.latch), WIPPY_OK);
    l.rounds = rounds;
    l.long_ = held_long;
    for (size_t i = 0; i < 3; i++) {
        start(&threads[i], latched_count, &l);
    }
    for (size_t i = 0; i < 3; i++) {
        wippyi_thread_join(&threads[i]);
    }
    CHECK_EQ_INT(l.value, 3 * rounds);
    CHECK(wippyi_latch_try(&l.latch));
    CHECK(!wippyi_latch_try(&l.latch));
    wippyi_latch_drop(&l.latch);
    wippyi_latch_destroy(&l.latch);
}

TEST(test_platform_latch_excludes)
{
    latched_by_three(false, test_scale(20000));
}

TEST(test_platform_latch_wakes_who_slept_for_it)
{
    latched_by_three(true, test_scale(640));
}

static wippyi_mutex static_lock = WIPPYI_MUTEX_STATIC;

TEST(test_platform_mutex_static_needs_no_init)
{
    CHECK(wippyi_mutex_trylock(&static_lock));
    CHECK(!wippyi_mutex_trylock(&static_lock));
    wippyi_mutex_unlock(&static_lock);
    wippyi_mutex_lock(&static_lock);
    wippyi_mutex_unlock(&static_lock);
}

/* Waits until value is 1, counts itself as having seen that, waits on. */
static void box_wait(void *arg)
{
    box *b = (box *)arg;
    wippyi_mutex_lock(&b->lock);
    while (b->value == 0) {
        wippyi_cond_wait(&b->changed, &b->lock);
    }
    b->seen++;
    wippyi_cond_broadcast(&b->changed);
    wippyi_mutex_unlock(&b->lock);
}

TEST(test_platform_cond_broadcast_wakes_all)
{
    box b;
    wippyi_thread threads[3];
    box_init(&b);
    for (size_t i = 0; i < 3; i++) {
        start(&threads[i], box_wait, &b);
    }
    wippyi_mutex_lock(&b.lock);
    b.value = 1;
    wippyi_cond_broadcast(&b.changed);
    while (b.seen < 3 && wippyi_cond_timedwait(&b.changed, &b.lock, LONG_NS)) {
    }
    CHECK_EQ_INT(b.seen, 3);
    wippyi_mutex_unlock(&b.lock);
    for (size_t i = 0; i < 3; i++) {
        wippyi_thread_join(&threads[i]);
    }
    box_destroy(&b);
}

TEST(test_platform_cond_timedwait_says_when_the_time_has_passed)
{
    box b;
    box_init(&b);
    wippyi_mutex_lock(&b.lock);
    uint64_t before = wippyi_clock_mono_ns();
    while (wippyi_cond_timedwait(&b.changed, &b.lock, 3 * MS)) {
    }
    CHECK(wippyi_clock_mono_ns() - before >= 3 * MS);
    CHECK(!wippyi_cond_timedwait(&b.changed, &b.lock, 0));
    wippyi_mutex_unlock(&b.lock);
    box_destroy(&b);
}

static void box_set(void *arg)
{
    box *b = (box *)arg;
    wippyi_mutex_lock(&b->lock);
    b->value = 1;
    wippyi_cond_signal(&b->changed);
    wippyi_mutex_unlock(&b->lock);
}

/* The longest times are where a sum overflows into the past. */
TEST(test_platform_cond_timedwait_takes_the_longest_times)
{
    static const uint64_t times[] = {WIPPYI_FOREVER, WIPPYI_FOREVER - 1, INT64_MAX,
                                     (uint64_t)INT64_MAX + 1};
    for (size_t i = 0; i < WIPPYI_COUNT(times); i++) {
        box b;
        wippyi_thread thread;
        box_init(&b);
        wippyi_mutex_lock(&b.lock);
        start(&thread, box_set, &b);
        bool in_time = true;
        while (b.value == 0 && in_time) {
            in_time = wippyi_cond_timedwait(&b.changed, &b.lock, times[i]);
        }
        CHECK(in_time);
        wippyi_mutex_unlock(&b.lock);
        wippyi_thread_join(&thread);
        box_destroy(&b);
    }
}

/* ------------------------------------------------------------------ ticket */

TEST(test_platform_ticket_keeps_a_wake_that_came_first)
{
    wippyi_ticket t;
    CHECK_EQ_INT(wippyi_ticket_init(&t), WIPPY_OK);
    CHECK(!wippyi_ticket_wait(&t, 0));
    wippyi_ticket_wake(&t);
    CHECK(wippyi_ticket_wait(&t, 0));
    CHECK(!wippyi_ticket_wait(&t, 0));
    wippyi_ticket_wake(&t);
    CHECK(wippyi_ticket_wait(&t, WIPPYI_FOREVER));
    wippyi_ticket_destroy(&t);
}

TEST(test_platform_ticket_counts_several_wakes_as_one)
{
    wippyi_ticket t;
    CHECK_EQ_INT(wippyi_ticket_init(&t), WIPPY_OK);
    wippyi_ticket_wake(&t);
    wippyi_ticket_wake(&t);
    CHECK(wippyi_ticket_wait(&t, 1));
    CHECK(!wippyi_ticket_wait(&t, 1));
    wippyi_ticket_destroy(&t);
}

TEST(test_platform_ticket_wait_is_not_shorter_than_asked)
{
    wippyi_ticket t;
    CHECK_EQ_INT(wippyi_ticket_init(&t), WIPPY_OK);
    uint64_t before = wippyi_clock_mono_ns();
    CHECK(!wippyi_ticket_wait(&t, 2 * MS + 1));
    CHECK(wippyi_clock_mono_ns() - before >= 2 * MS + 1);
    wippyi_ticket_wake(&t); /* usable after a timeout */
    CHECK(wippyi_ticket_wait(&t, LONG_NS));
    wippyi_ticket_destroy(&t);
}

/* Two threads hand one plain value to and fro: any lost wake hangs, any missing order is a race. */
typedef struct volley {
    wippyi_ticket to_left, to_right;
    unsigned ball; /* guarded by whose turn it is */
    unsigned rounds;
    uint64_t timeout_ns;
    unsigned lost;
} volley;

static void volley_right(void *arg)
{
    volley *v = (volley *)arg;
    for (unsigned i = 0; i < v->rounds; i++) {
        while (!wippyi_ticket_wait(&v->to_right, v->timeout_ns)) {
        }
        v->ball++;
        wippyi_ticket_wake(&v->to_left);
    }
}

static void volley_play(uint64_t timeout_ns, unsigned rounds)
{
    volley v;
    wippyi_thread thread;
    memset(&v, 0, sizeof(v));
    v.rounds = test_scale(rounds);
    v.timeout_ns = timeout_ns;
    CHECK_EQ_INT(wippyi_ticket_init(&v.to_left), WIPPY_OK);
    CHECK_EQ_INT(wippyi_ticket_init(&v.to_right), WIPPY_OK);
    start(&thread, volley_right, &v);
    for (unsigned i = 0; i < v.rounds; i++) {
        v.ball++;
        wippyi_ticket_wake(&v.to_right);
        while (!wippyi_ticket_wait(&v.to_left, timeout_ns)) {
        }
        if (v.ball != 2 * (i + 1)) {
            v.lost++;
        }
    }
    wippyi_thread_join(&thread);
    CHECK_EQ_INT(v.lost, 0);
    wippyi_ticket_destroy(&v.to_left);
    wippyi_ticket_destroy(&v.to_right);
}

TEST(test_platform_ticket_volley_loses_no_wake)
{
    volley_play(WIPPYI_FOREVER, 3000);
}

/* Timeouts as short as a wake takes: the two race for the word all the time. */
TEST(test_platform_ticket_volley_with_timeouts_loses_no_wake)
{
    volley_play(20000, 2000);
    volley_play(1, 2000);
}

typedef struct crowd {
    wippyi_ticket ticket;
    wippyi_a32 given;
    unsigned rounds;
    uint64_t values[3]; /* each written by one waker before its wake */
    wippyi_a32 index;
} crowd;

static void crowd_wake(void *arg)
{
    crowd *c = (crowd *)arg;
    uint32_t index = wippyi_a32_add_rlx(&c->index, 1);
    c->values[index] = index + 1;
    wippyi_ticket_wake(&c->ticket);
    wippyi_a32_add_rlx(&c->given, 1); /* relaxed: the ticket alone carries the values */
}

/* What every waker wrote is visible after its wake was consumed, also when wakes fell together. */
TEST(test_platform_ticket_wakes_from_many_threads_publish_all_their_writes)
{
    for (unsigned round = 0; round < test_scale(100); round++) {
        crowd c;
        wippyi_thread threads[3];
        memset(&c, 0, sizeof(c));
        CHECK_EQ_INT(wippyi_ticket_init(&c.ticket), WIPPY_OK);
        for (size_t i = 0; i < 3; i++) {
            start(&threads[i], crowd_wake, &c);
        }
        while (wippyi_a32_load_rlx(&c.given) < 3) {
            wippyi_ticket_wait(&c.ticket, 10000);
        }
        wippyi_ticket_wait(&c.ticket, 0); /* the last wake, if it is still there */
        CHECK_EQ_U64(c.values[0] + c.values[1] + c.values[2], 6);
        for (size_t i = 0; i < 3; i++) {
            wippyi_thread_join(&threads[i]);
        }
        wippyi_ticket_destroy(&c.ticket);
    }
}

/* ------------------------------------------------------------------ threads */

/* ------------------------------------------------------------------ barrier */

#define BARRIER_ROUNDS 20000

/* Each writes its word and looks at the other's, in rounds they begin together. */
typedef struct two_sides {
    wippyi_barrier barrier;
    wippyi_a32 at_near, at_far; /* rounds begun */
    wippyi_a32 near_word, far_word;
    bool near_saw[BARRIER_ROUNDS + 1];
    bool far_saw[BARRIER_ROUNDS + 1];
    bool refused;
} two_sides;

static void meet(wippyi_a32 *mine, const wippyi_a32 *other, uint32_t round)
{
    uint32_t looks = 0;
    wippyi_a32_store_rel(mine, round);
    while (wippyi_a32_load_acq(other) < round) {
        if (++looks % 1000 == 0) {
            wippyi_thread_yield();
        }
    }
}

static void near_side(void *arg)
{
    two_sides *t = (two_sides *)arg;
    uint32_t i;
    for (i = 1; i <= BARRIER_ROUNDS; i++) {
        meet(&t->at_near, &t->at_far, i);
        wippyi_a32_store_rlx(&t->near_word, i);
        wippyi_barrier_near(&t->barrier);
        t->near_saw[i] = wippyi_a32_load_rlx(&t->far_word) == i;
    }
}

static void far_side(two_sides *t)
{
    uint32_t i;
    for (i = 1; i <= BARRIER_ROUNDS; i++) {
        meet(&t->at_far, &t->at_near, i);
        wippyi_a32_store_rlx(&t->far_word, i);
        t->refused = t->refused || !wippyi_barrier_far(&t->barrier);
        t->far_saw[i] = wippyi_a32_load_rlx(&t->near_word) == i;
    }
}

static uint32_t barrier_misses(bool by_word)
{
    static two_sides t;
    wippyi_thread thread;
    uint32_t i, misses = 0;
    memset(&t, 0, sizeof(t));
    wippyi_barrier_init(&t.barrier);
    t.barrier.by_system = t.barrier.by_system && !by_word;
    start(&thread, near_side, &t);
    far_side(&t);
    wippyi_thread_join(&thread);
    CHECK(!t.refused);
    for (i = 1; i <= BARRIER_ROUNDS; i++) {
        misses += !t.near_saw[i] && !t.far_saw[i] ? 1u : 0u;
    }
    return misses;
}

TEST(test_platform_barrier_one_side_sees_the_other)
{
    CHECK_EQ_INT(barrier_misses(false), 0);
}

TEST(test_platform_barrier_by_its_word_one_side_sees_the_other)
{
    CHECK_EQ_INT(barrier_misses(true), 0);
}

typedef struct who {
    wippyi_thread thread;
    uint64_t id;
    bool is_current;
    bool blocks_term, blocks_urg, blocks_segv;
    char name[32];
} who;

static void who_look(void *arg)
{
    who *w = (who *)arg;
    sigset_t mask;
    w->id = wippyi_thread_self_id();
    w->is_current = wippyi_thread_is_current(&w->thread);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    w->blocks_term = sigismember(&mask, SIGTERM) == 1;
    w->blocks_urg = sigismember(&mask, SIGURG) == 1;
    w->blocks_segv = sigismember(&mask, SIGSEGV) == 1;
#if WIPPYI_OS_LINUX
    prctl(PR_GET_NAME, w->name, 0, 0, 0);
#endif
}

TEST(test_platform_thread_runs_knows_itself_and_leaves_signals_alone)
{
    who w;
    sigset_t before, after;
    memset(&w, 0, sizeof(w));
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    CHECK_EQ_INT(wippyi_thread_start(&w.thread, who_look, &w, "a name far too long for it"), WIPPY_OK);
    CHECK(!wippyi_thread_is_current(&w.thread));
    wippyi_thread_join(&w.thread);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    CHECK(w.id != 0);
    CHECK(w.id != wippyi_thread_self_id());
    CHECK(w.is_current);
    CHECK(w.blocks_term);
    CHECK(!w.blocks_urg);
    CHECK(!w.blocks_segv);
    CHECK_EQ_INT(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
#if WIPPYI_OS_LINUX
    CHECK_STR(w.name, "a name far too ");
#endif
}

TEST(test_platform_thread_ids_are_stable_and_differ)
{
    uint64_t id = wippyi_thread_self_id();
    wippyi_thread_yield();
    CHECK(id != 0);
    CHECK_EQ_U64(wippyi_thread_self_id(), id);
}

typedef struct burner {
    wippyi_thread thread;
    wippyi_a32 go, quit;
} burner;

static void burn_when_told(void *arg)
{
    burner *b = (burner *)arg;
    while (wippyi_a32_load_acq(&b->quit) == 0) {
        if (wippyi_a32_load_acq(&b->go) == 0) {
            test_pause_ms(1);
        }
    }
}

static bool has_used(void *arg)
{
    return wippyi_thread_used_ns(&((burner *)arg)->thread) >= 100000000u;
}

TEST(test_platform_thread_processor_time_is_known_while_it_runs)
{
    static burner b;
    memset(&b, 0, sizeof(b));
    start(&b.thread, burn_when_told, &b);
    test_pause_ms(20);
    uint64_t used = wippyi_thread_used_ns(&b.thread);
    if (used != UINT64_MAX) {
        test_pause_ms(20); /* a thread that sleeps uses next to nothing */
        CHECK(wippyi_thread_used_ns(&b.thread) - used < 15000000u);
        wippyi_a32_store_rel(&b.go, 1);
        CHECK(test_wait_until(has_used, &b, 20000));
    }
    wippyi_a32_store_rel(&b.quit, 1);
    wippyi_thread_join(&b.thread);
    CHECK_EQ_U64(wippyi_thread_used_ns(&b.thread), UINT64_MAX);
}

/* ------------------------------------------------------------------ interrupts */

typedef struct runner {
    wippyi_thread thread;
    wippyi_a32 started;
    wippyi_a32 stop;
    wippyi_a32 hits;
    wippyi_a32 others;
    wippyi_a64 ran_on;
    uint64_t id;
    int signo;
} runner;

static void runner_hit(void *cookie)
{
    runner *r = (runner *)cookie;
    wippyi_a64_store_rlx(&r->ran_on, wippyi_thread_self_id());
    wippyi_a32_add_rel(&r->hits, 1);
}

static void runner_other(void *cookie)
{
    wippyi_a32_add_rel(&((runner *)cookie)->others, 1);
}

/* Busy, not asleep: an interrupt must reach a thread that makes no system call. TSan holds signals
   back until the next call it knows, so there the loop makes one. */
static void runner_run(void *arg)
{
    runner *r = (runner *)arg;
    r->id = wippyi_thread_self_id();
    wippyi_interrupt_accept(r->signo);
    wippyi_a32_store_rel(&r->started, 1);
    while (wippyi_a32_load_acq(&r->stop) == 0) {
        wippyi_cpu_relax();
#if WIPPYI_TSAN
        usleep(100);
#endif
    }
}

static void runner_start(runner *r, int signo)
{
    memset(r, 0, sizeof(*r));
    r->signo = signo;
    start(&r->thread, runner_run, r);
    CHECK_WAIT(a32_is_set, &r->started, 10000);
}

static void runner_stop(runner *r)
{
    wippyi_a32_store_rel(&r->stop, 1);
    wippyi_thread_join(&r->thread);
}

TEST(test_platform_interrupt_runs_on_the_thread_it_is_sent_to)
{
    runner a, b;
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    runner_start(&a, 0);
    runner_start(&b, 0);
    CHECK_EQ_INT(wippyi_interrupt_send(&a.thread, 0, runner_hit, &a), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &a.hits, 10000);
    CHECK_EQ_INT(wippyi_interrupt_send(&b.thread, SIGURG, runner_hit, &b), WIPPY_OK);
    CHECK_EQ_INT(wippyi_interrupt_send(&b.thread, SIGURG, runner_other, &b), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &b.hits, 10000);
    CHECK_WAIT(a32_is_set, &b.others, 10000);
    runner_stop(&a);
    runner_stop(&b);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&a.hits), 1);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&a.others), 0);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&b.hits), 1);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&a.ran_on), a.id);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&b.ran_on), b.id);
    wippyi_interrupt_uninstall(0);
}

TEST(test_platform_interrupt_many_are_all_served)
{
    runner r;
    unsigned sent = 0;
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    runner_start(&r, 0);
    for (unsigned i = 0; i < test_scale(300); i++) {
        wippyi_a32_store_rlx(&r.hits, 0);
        CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &r), WIPPY_OK);
        sent += test_wait_until(a32_is_set, &r.hits, 10000) ? 1 : 0;
    }
    CHECK_EQ_INT(sent, test_scale(300));
    runner_stop(&r);
    wippyi_interrupt_uninstall(0);
}

TEST(test_platform_interrupt_to_an_ended_thread_says_gone)
{
    runner r;
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    runner_start(&r, 0);
    runner_stop(&r);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &r), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.hits), 0);
    wippyi_interrupt_uninstall(0);
}

TEST(test_platform_interrupt_without_installation_is_refused)
{
    runner r;
    runner_start(&r, 0);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &r), WIPPY_ERR_INVALID);
    runner_stop(&r);
    CHECK_EQ_INT(wippyi_interrupt_install(-1), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_interrupt_install(SIGKILL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_interrupt_install(100000), WIPPY_ERR_INVALID);
}

/* The calling thread has the signal blocked, so that interrupts stay open. */
static void block(int signo, bool blocked)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, signo);
    pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &mask, NULL);
}

TEST(test_platform_interrupt_same_request_twice_runs_once)
{
    runner r;
    memset(&r, 0, sizeof(r));
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    wippyi_thread_adopt(&r.thread);
    CHECK(wippyi_thread_is_current(&r.thread));
    block(SIGURG, true);
    for (int i = 0; i < 200; i++) { /* more than there are slots */
        CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &r), WIPPY_OK);
        CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_other, &r), WIPPY_OK);
    }
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.hits), 0);
    block(SIGURG, false);
    CHECK_WAIT(a32_is_set, &r.hits, 10000);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.hits), 1);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.others), 1);
    wippyi_thread_release(&r.thread);
    wippyi_interrupt_uninstall(0);
}

TEST(test_platform_interrupt_discarded_or_released_does_not_run)
{
    runner r;
    memset(&r, 0, sizeof(r));
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    wippyi_thread_adopt(&r.thread);
    block(SIGURG, true);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &r), WIPPY_OK);
    wippyi_interrupt_discard();
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_other, &r), WIPPY_OK);
    wippyi_thread_release(&r.thread);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_other, &r), WIPPY_ERR_GONE);
    block(SIGURG, false);
    test_pause_ms(0); /* a call in which a held back signal is served */
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.hits), 0);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.others), 0);
    wippyi_interrupt_uninstall(0);
}

TEST(test_platform_interrupt_too_many_open_ones_are_refused_until_served)
{
    static runner many[100];
    runner r;
    unsigned accepted = 0;
    memset(&r, 0, sizeof(r));
    memset(many, 0, sizeof(many));
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    wippyi_thread_adopt(&r.thread);
    block(SIGURG, true);
    for (size_t i = 0; i < 100; i++) {
        wippy_result result = wippyi_interrupt_send(&r.thread, 0, runner_hit, &many[i]);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_BUSY);
        accepted += result == WIPPY_OK ? 1 : 0;
    }
    CHECK_EQ_INT(accepted, WIPPYI_INTERRUPT_SLOTS);
    block(SIGURG, false);
    CHECK_WAIT(a32_is_set, &many[0].hits, 10000);
    for (size_t i = 0; i < 100; i++) {
        CHECK_EQ_INT(wippyi_a32_load_rlx(&many[i].hits), i < accepted ? 1 : 0);
    }
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, runner_hit, &many[99]), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &many[99].hits, 10000);
    wippyi_thread_release(&r.thread);
    wippyi_interrupt_uninstall(0);
}

static volatile sig_atomic_t foreign_count;
static volatile sig_atomic_t foreign_value;

static void foreign_handler(int signo)
{
    (void)signo;
    foreign_count = foreign_count + 1;
}

static void foreign_action(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    foreign_count = foreign_count + 1;
    foreign_value = info->si_value.sival_int;
}

static bool foreign_is_set(void *arg)
{
    (void)arg;
    return foreign_count > 0;
}

TEST(test_platform_interrupt_leaves_foreign_signals_to_their_handler)
{
    runner r;
    struct sigaction theirs, now, before;
    union sigval value;
    memset(&theirs, 0, sizeof(theirs));
    theirs.sa_sigaction = foreign_action;
    theirs.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR2, &theirs, &before);
    foreign_count = 0;
    CHECK_EQ_INT(wippyi_interrupt_install(SIGUSR2), WIPPY_OK);
    runner_start(&r, SIGUSR2);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, SIGUSR2, runner_hit, &r), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &r.hits, 10000);
    CHECK_EQ_INT(foreign_count, 0);
    memset(&value, 0, sizeof(value));
    value.sival_int = 77;
    sigqueue(getpid(), SIGUSR2, value);
    CHECK_WAIT(foreign_is_set, NULL, 10000);
    CHECK_EQ_INT(foreign_value, 77);
    runner_stop(&r);
    CHECK_EQ_INT(wippyi_a32_load_rlx(&r.hits), 1);
    wippyi_interrupt_uninstall(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    CHECK((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == foreign_action);
    sigaction(SIGUSR2, &before, NULL);
}

TEST(test_platform_interrupt_installations_are_counted)
{
    runner r;
    struct sigaction theirs, now, before;
    memset(&theirs, 0, sizeof(theirs));
    theirs.sa_handler = foreign_handler;
    sigaction(SIGUSR2, &theirs, &before);
    CHECK_EQ_INT(wippyi_interrupt_install(SIGUSR2), WIPPY_OK);
    CHECK_EQ_INT(wippyi_interrupt_install(SIGUSR2), WIPPY_OK);
    wippyi_interrupt_uninstall(SIGUSR2);
    runner_start(&r, SIGUSR2);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, SIGUSR2, runner_hit, &r), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &r.hits, 10000);
    foreign_count = 0;
    raise(SIGUSR2);
    CHECK_WAIT(foreign_is_set, NULL, 10000);
    runner_stop(&r);
    wippyi_interrupt_uninstall(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    CHECK((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == foreign_handler);
    sigaction(SIGUSR2, &before, NULL);
}

static struct sigaction covered_action; /* ours, under theirs */

static void covering_handler(int signo, siginfo_t *info, void *context)
{
    foreign_count = foreign_count + 1;
    covered_action.sa_sigaction(signo, info, context);
}

/* Somebody installs over us and passes on: taking ours away would leave them calling nothing. */
TEST(test_platform_interrupt_covered_by_another_handler_stays_until_it_is_used_again)
{
    runner r;
    struct sigaction theirs, now, before;
    sigaction(SIGUSR2, NULL, &before);
    CHECK_EQ_INT(wippyi_interrupt_install(SIGUSR2), WIPPY_OK);
    memset(&theirs, 0, sizeof(theirs));
    theirs.sa_sigaction = covering_handler;
    theirs.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR2, &theirs, &covered_action);
    wippyi_interrupt_uninstall(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    CHECK(now.sa_sigaction == covering_handler);
    foreign_count = 0;
    raise(SIGUSR2); /* through theirs and ours to the default action before, which is not repeated */
    CHECK_WAIT(foreign_is_set, NULL, 10000);
    CHECK_EQ_INT(wippyi_interrupt_install(SIGUSR2), WIPPY_OK);
    runner_start(&r, SIGUSR2);
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, SIGUSR2, runner_hit, &r), WIPPY_OK);
    CHECK_WAIT(a32_is_set, &r.hits, 10000);
    runner_stop(&r);
    sigaction(SIGUSR2, &covered_action, NULL); /* they leave in the right order */
    wippyi_interrupt_uninstall(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    CHECK(now.sa_handler == before.sa_handler);
}

TEST(test_platform_interrupt_takes_four_signals_not_five)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGWINCH, SIGURG, SIGIO};
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ_INT(wippyi_interrupt_install(signals[i]), WIPPY_OK);
    }
    CHECK_EQ_INT(wippyi_interrupt_install(signals[4]), WIPPY_ERR_LIMIT);
    for (size_t i = 0; i < 4; i++) {
        wippyi_interrupt_uninstall(signals[i]);
    }
    CHECK_EQ_INT(wippyi_interrupt_install(signals[4]), WIPPY_OK);
    wippyi_interrupt_uninstall(signals[4]);
}

static void errno_spoiler(void *cookie)
{
    errno = 1;
    runner_hit(cookie);
}

TEST(test_platform_interrupt_leaves_errno_alone)
{
    runner r;
    memset(&r, 0, sizeof(r));
    CHECK_EQ_INT(wippyi_interrupt_install(0), WIPPY_OK);
    wippyi_thread_adopt(&r.thread);
    errno = 99;
    CHECK_EQ_INT(wippyi_interrupt_send(&r.thread, 0, errno_spoiler, &r), WIPPY_OK);
    while (wippyi_a32_load_acq(&r.hits) == 0) {
        wippyi_thread_yield();
    }
    CHECK_EQ_INT(errno, 99);
    wippyi_thread_release(&r.thread);
    wippyi_interrupt_uninstall(0);
}

/* ------------------------------------------------------------------ clocks, chance, processors */

TEST(test_platform_clock_mono_never_goes_back_and_moves)
{
    uint64_t first = wippyi_clock_mono_ns();
    uint64_t last = first;
    unsigned backwards = 0;
    uint64_t end = test_now_ms() + 5000;
    while (last - first < 2 * MS && test_now_ms() < end) {
        uint64_t now = wippyi_clock_mono_ns();
        backwards += now < last ? 1 : 0;
        last = now;
    }
    CHECK_EQ_INT(backwards, 0);
    CHECK(last - first >= 2 * MS);
}

TEST(test_platform_clock_coarse_is_behind_and_moves)
{
    uint64_t first = wippyi_clock_coarse_ns();
    uint64_t deadline = wippyi_clock_mono_ns() + 5000 * MS;
    CHECK(first <= wippyi_clock_mono_ns());
    while (wippyi_clock_coarse_ns() == first && wippyi_clock_mono_ns() < deadline) {
    }
    CHECK(wippyi_clock_coarse_ns() > first);
    CHECK(wippyi_clock_coarse_ns() <= wippyi_clock_mono_ns());
}

TEST(test_platform_clock_wall_agrees_with_the_c_library)
{
    int64_t seconds = wippyi_clock_wall_ns() / 1000000000;
    CHECK_NEAR((double)seconds, (double)time(NULL), 2.0);
}

TEST(test_platform_thread_cpu_time_grows_with_work_only)
{
    uint64_t start_ns = wippyi_thread_cpu_ns();
    uint64_t end = test_now_ms() + 10000;
    if (start_ns == 0) {
        TEST_SKIP("no CPU clock for threads here");
    }
    while (wippyi_thread_cpu_ns() - start_ns < MS && test_now_ms() < end) {
    }
    CHECK(wippyi_thread_cpu_ns() - start_ns >= MS);
    start_ns = wippyi_thread_cpu_ns();
    test_pause_ms(30);
    CHECK(wippyi_thread_cpu_ns() - start_ns < 25 * MS);
}

TEST(test_platform_entropy_differs)
{
    uint64_t values[64];
    uint64_t ones = 0;
    uint64_t all = UINT64_MAX;
    for (size_t i = 0; i < WIPPYI_COUNT(values); i++) {
        values[i] = wippyi_entropy64();
        ones |= values[i];
        all &= values[i];
        for (size_t j = 0; j < i; j++) {
            CHECK(values[i] != values[j]);
        }
    }
    CHECK_EQ_U64(ones, UINT64_MAX); /* every bit was 1 once and 0 once */
    CHECK_EQ_U64(all, 0);
}

TEST(test_platform_cpu_count_respects_affinity)
{
    unsigned count = wippyi_cpu_count();
    CHECK(count >= 1);
    CHECK((long)count <= sysconf(_SC_NPROCESSORS_CONF));
#if WIPPYI_OS_LINUX
    cpu_set_t all, one;
    CHECK_EQ_INT(sched_getaffinity(0, sizeof(all), &all), 0);
    CHECK_EQ_INT(count, CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof(one), &one) == 0) {
        CHECK_EQ_INT(wippyi_cpu_count(), 1);
        CHECK_EQ_INT(sched_setaffinity(0, sizeof(all), &all), 0);
    }
#endif
}

/* ------------------------------------------------------------------ poller */

typedef struct pond {
    bench b;
    wippyi_poller poller;
    int ends[2]; /* a socket pair: each can be read and written */
    wippyi_poll_event events[8];
} pond;

static void pond_open(pond *p)
{
    bench_init(&p->b);
    CHECK_EQ_INT(wippyi_poller_create(&p->poller, &p->b.mem), WIPPY_OK);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, p->ends) != 0) {
        abort();
    }
}

static void pond_close(pond *p)
{
    wippyi_poller_destroy(&p->poller);
    close(p->ends[0]);
    close(p->ends[1]);
    CHECK_BALANCED(&p->b.heap);
}

static void put_byte(int fd)
{
    CHECK_EQ_INT(write(fd, "x", 1), 1);
}

static void take_byte(int fd)
{
    char byte;
    CHECK_EQ_INT(read(fd, &byte, 1), 1);
}

/* Waits until events come; a wake or an early return is no event. */
static size_t pond_wait(pond *p)
{
    uint64_t end = test_now_ms() + 10000;
    size_t count = 0;
    while (count == 0 && test_now_ms() < end) {
        count = wippyi_poller_wait(&p->poller, p->events, WIPPYI_COUNT(p->events), 1000 * MS);
    }
    return count;
}

/* All that is there now. */
static size_t pond_look(pond *p)
{
    size_t count = wippyi_poller_wait(&p->poller, p->events, WIPPYI_COUNT(p->events), 0);
    return count > 0 ? count
                     : wippyi_poller_wait(&p->poller, p->events, WIPPYI_COUNT(p->events), 0);
}

TEST(test_poller_reports_a_readable_descriptor_once)
{
    pond p;
    int cookie;
    pond_open(&p);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &cookie), WIPPY_OK);
    CHECK_EQ_INT(pond_look(&p), 0);
    put_byte(p.ends[1]);
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK_EQ_PTR(p.events[0].cookie, &cookie);
    CHECK(p.events[0].readable && !p.events[0].writable && !p.events[0].error);
    CHECK_EQ_INT(pond_look(&p), 0); /* one-shot, though the byte is still there */
    CHECK(!wippyi_poller_remove(&p.poller, p.ends[0], &cookie));
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &cookie), WIPPY_OK);
    CHECK_EQ_INT(pond_wait(&p), 1);
    take_byte(p.ends[0]);
    pond_close(&p);
}

TEST(test_poller_reader_and_writer_of_one_descriptor_are_told_apart)
{
    pond p;
    int reader, writer;
    pond_open(&p);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &reader), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], false, true, &writer), WIPPY_OK);
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK_EQ_PTR(p.events[0].cookie, &writer);
    CHECK(p.events[0].writable && !p.events[0].readable);
    CHECK_EQ_INT(pond_look(&p), 0);
    put_byte(p.ends[1]); /* the reader is still armed */
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK_EQ_PTR(p.events[0].cookie, &reader);
    CHECK(p.events[0].readable && !p.events[0].writable);
    pond_close(&p);
}

TEST(test_poller_two_readers_and_one_for_both_directions)
{
    pond p;
    int a, b, both;
    pond_open(&p);
    put_byte(p.ends[1]);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &a), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &b), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, true, &both), WIPPY_OK);
    CHECK_EQ_INT(pond_wait(&p), 3);
    CHECK_EQ_PTR(p.events[0].cookie, &a);
    CHECK_EQ_PTR(p.events[1].cookie, &b);
    CHECK_EQ_PTR(p.events[2].cookie, &both);
    CHECK(p.events[2].readable && p.events[2].writable);
    pond_close(&p);
}

TEST(test_poller_without_room_keeps_events_for_the_next_wait)
{
    pond p;
    int cookies[5];
    unsigned seen = 0;
    pond_open(&p);
    put_byte(p.ends[1]);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &cookies[i]), WIPPY_OK);
    }
    for (unsigned tries = 0; seen < 5 && tries < 50; tries++) {
        size_t count = wippyi_poller_wait(&p.poller, p.events, 2, 100 * MS);
        CHECK(count <= 2);
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ_PTR(p.events[i].cookie, &cookies[seen]);
            seen++;
        }
    }
    CHECK_EQ_INT(seen, 5);
    CHECK_EQ_INT(pond_look(&p), 0);
    pond_close(&p);
}

TEST(test_poller_remove_prevents_the_event)
{
    pond p;
    int a, b;
    pond_open(&p);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &a), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &b), WIPPY_OK);
    CHECK(!wippyi_poller_remove(&p.poller, p.ends[1], &a));
    CHECK(!wippyi_poller_remove(&p.poller, 100000, &a));
    CHECK(!wippyi_poller_remove(&p.poller, -1, &a));
    CHECK(wippyi_poller_remove(&p.poller, p.ends[0], &a));
    CHECK(!wippyi_poller_remove(&p.poller, p.ends[0], &a));
    put_byte(p.ends[1]);
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK_EQ_PTR(p.events[0].cookie, &b);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &a), WIPPY_OK);
    CHECK(wippyi_poller_remove(&p.poller, p.ends[0], &a));
    CHECK_EQ_INT(pond_look(&p), 0);
    pond_close(&p);
}

TEST(test_poller_end_of_stream_is_readable)
{
    pond p;
    int pipe_ends[2];
    int cookie;
    pond_open(&p);
    CHECK_EQ_INT(pipe(pipe_ends), 0);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, pipe_ends[0], true, false, &cookie), WIPPY_OK);
    close(pipe_ends[1]);
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK(p.events[0].readable && !p.events[0].error);
    close(pipe_ends[0]);
    pond_close(&p);
}

TEST(test_poller_broken_pipe_is_an_error)
{
    pond p;
    int pipe_ends[2];
    int cookie;
    pond_open(&p);
    CHECK_EQ_INT(pipe(pipe_ends), 0);
    close(pipe_ends[0]);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, pipe_ends[1], false, true, &cookie), WIPPY_OK);
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK(p.events[0].error);
    close(pipe_ends[1]);
    pond_close(&p);
}

TEST(test_poller_regular_file_is_ready_at_once)
{
    pond p;
    int cookie, other;
    char path[] = "/tmp/wippy-poller-XXXXXX";
    int fd = mkstemp(path);
    pond_open(&p);
    CHECK(fd >= 0);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, fd, true, true, &cookie), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, fd, true, true, &cookie), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, fd, true, false, &other), WIPPY_OK);
    CHECK(wippyi_poller_remove(&p.poller, fd, &other));
    CHECK_EQ_INT(pond_wait(&p), 1);
    CHECK_EQ_PTR(p.events[0].cookie, &cookie);
    CHECK(p.events[0].readable && p.events[0].writable && !p.events[0].error);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, fd, true, false, &other), WIPPY_OK);
    pond_close(&p); /* with the watch still there */
    close(fd);
    unlink(path);
}

TEST(test_poller_refuses_what_is_no_descriptor)
{
    pond p;
    int cookie;
    pond_open(&p);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, -1, true, false, &cookie), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, 0x7fffffff, true, false, &cookie), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], false, false, &cookie), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], true, false, &cookie), WIPPY_OK);
    CHECK_EQ_INT(wippyi_poller_add(&p.poller, p.ends[0], false, true, &cookie), WIPPY_ERR_EXISTS);
    pond_close(&p);
}

TEST(test_poller_number_used_again_is_a_new_descriptor)
{
    pond p;
    int cookie;
    pond_open(&p);
    for (int i = 0; i < 3; i++) {
        int pipe_ends[2];
        CHECK_EQ_INT(pipe(pipe_ends), 0);
        CHECK_EQ_INT(wippyi_poller_add(&p.poller, pipe_ends[0], true, false, &cookie), WIPPY_OK);
        CHECK_EQ_INT(pond_look(&p), 0);
        put_byte(pipe_ends[1]);
        if (i == 1) {
            CHECK(wippyi_poller_remove(&p.poller, pipe_ends[0], &cookie));
        } else {
            CHECK_EQ_INT(pond_wait(&p), 1);
        }
        close(pipe_ends[0]);
        close(pipe_ends[1]);
    }
    pond_close(&p);
}

TEST(test_poller_wake_is_kept_and_ends_one_wait)
{
    pond p;
    pond_open(&p);
    wippyi_poller_wake(&p.poller);
    wippyi_poller_wake(&p.poller);
    CHECK_EQ_INT(wippyi_poller_wait(&p.poller, p.events, 1, WIPPYI_FOREVER), 0);
    uint64_t before = wippyi_clock_mono_ns();
    CHECK_EQ_INT(wippyi_poller_wait(&p.poller, p.events, 1, 2 * MS + 1), 0);
    CHECK(wippyi_clock_mono_ns() - before >= 2 * MS + 1);
    pond_close(&p);
}

static void pond_wake(void *arg)
{
    wippyi_poller_wake(&((pond *)arg)->poller);
}

TEST(test_poller_wake_from_another_thread_ends_the_wait)
{
    pond p;
    wippyi_thread thread;
    pond_open(&p);
    start(&thread, pond_wake, &p);
    CHECK_EQ_INT(wippyi_poller_wait(&p.poller, p.events, 1, WIPPYI_FOREVER), 0);
    wippyi_thread_join(&thread);
    pond_close(&p);
}

typedef struct stream {
    pond p;
    unsigned rounds;
    wippyi_a32 reported;
    wippyi_a32 stop;
} stream;

static void stream_serve(void *arg)
{
    stream *s = (stream *)arg;
    while (wippyi_a32_load_acq(&s->stop) == 0) {
        size_t count = wippyi_poller_wait(&s->p.poller, s->p.events, WIPPYI_COUNT(s->p.events),
                                          WIPPYI_FOREVER);
        for (size_t i = 0; i < count; i++) {
            wippyi_a32_store_rel((wippyi_a32 *)s->p.events[i].cookie, 1);
        }
    }
}

/* Watches are added while another thread waits; the answer must come each time. */
TEST(test_poller_add_while_another_thread_waits)
{
    stream s;
    wippyi_thread thread;
    memset(&s, 0, sizeof(s));
    pond_open(&s.p);
    start(&thread, stream_serve, &s);
    for (unsigned i = 0; i < test_scale(300); i++) {
        wippyi_a32 told;
        wippyi_a32_init(&told, 0);
        CHECK_EQ_INT(wippyi_poller_add(&s.p.poller, s.p.ends[0], true, false, &told), WIPPY_OK);
        put_byte(s.p.ends[1]);
        CHECK_WAIT(a32_is_set, &told, 10000);
        take_byte(s.p.ends[0]);
    }
    wippyi_a32_store_rel(&s.stop, 1);
    wippyi_poller_wake(&s.p.poller);
    wippyi_thread_join(&thread);
    pond_close(&s.p);
}

/* Remove races with the report: exactly one of the two has the watch. */
TEST(test_poller_remove_or_report_never_both_or_none)
{
    stream s;
    wippyi_thread thread;
    memset(&s, 0, sizeof(s));
    pond_open(&s.p);
    start(&thread, stream_serve, &s);
    for (unsigned i = 0; i < test_scale(500); i++) {
        wippyi_a32 told;
        wippyi_a32_init(&told, 0);
        CHECK_EQ_INT(wippyi_poller_add(&s.p.poller, s.p.ends[0], false, true, &told), WIPPY_OK);
        if (!wippyi_poller_remove(&s.p.poller, s.p.ends[0], &told)) {
            CHECK_WAIT(a32_is_set, &told, 10000);
        } else {
            CHECK_EQ_INT(wippyi_a32_load_acq(&told), 0);
        }
    }
    wippyi_a32_store_rel(&s.stop, 1);
    wippyi_poller_wake(&s.p.poller);
    wippyi_thread_join(&thread);
    pond_close(&s.p);
}

static void poller_scenario(test_heap *heap, void *arg)
{
    bench b;
    wippyi_poller poller;
    wippyi_poll_event event;
    int *ends = (int *)arg;
    int cookies[40];
    bench_init_on(&b, heap);
    if (wippyi_poller_create(&poller, &b.mem) != WIPPY_OK) {
        return;
    }
    unsigned added = 0;
    for (size_t i = 0; i < WIPPYI_COUNT(cookies); i++) {
        wippy_result result = wippyi_poller_add(&poller, ends[i % 2], true, false, &cookies[i]);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        if (result == WIPPY_OK) {
            added++;
        } else {
            CHECK(!wippyi_poller_remove(&poller, ends[i % 2], &cookies[i]));
        }
    }
    unsigned seen = 0; /* both ends have a byte to read: waiting needs no memory */
    for (unsigned tries = 0; seen < added && tries < 200; tries++) {
        seen += (unsigned)wippyi_poller_wait(&poller, &event, 1, 100 * MS);
    }
    CHECK_EQ_INT(seen, added);
    wippyi_poller_destroy(&poller);
}

TEST(test_poller_without_memory_leaves_things_as_they_were)
{
    int ends[2];
    CHECK_EQ_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    put_byte(ends[0]);
    put_byte(ends[1]);
    CHECK(test_heap_sweep(poller_scenario, ends) > 40);
    close(ends[0]);
    close(ends[1]);
}

/* ------------------------------------------------------------------ files */

typedef struct shelf {
    bench b;
    char root[64];
    char path[128];
} shelf;

static void shelf_open(shelf *s)
{
    bench_init(&s->b);
    strcpy(s->root, "/tmp/wippy-files-XXXXXX");
    if (!mkdtemp(s->root)) {
        abort();
    }
}

static void shelf_close(shelf *s)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", s->root);
    CHECK_EQ_INT(system(command), 0);
    CHECK_BALANCED(&s->b.heap);
}

static const char *shelf_path(shelf *s, const char *name)
{
    snprintf(s->path, sizeof(s->path), "%s/%s", s->root, name);
    return s->path;
}

static const char *shelf_write(shelf *s, const char *name, const char *data, size_t size)
{
    FILE *f = fopen(shelf_path(s, name), "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        abort();
    }
    return s->path;
}

TEST(test_file_read_gives_all_bytes_and_a_nul)
{
    shelf s;
    char *out = NULL;
    size_t size = 0;
    shelf_open(&s);
    shelf_write(&s, "a", "one\0two\r\n", 9);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.path, 100, &out, &size, NULL), WIPPY_OK);
    CHECK_EQ_INT(size, 9);
    CHECK_MEM(out, "one\0two\r\n", 10);
    wippyi_mem_free(&s.b.mem, out, size + 1);
    shelf_write(&s, "empty", "", 0);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.path, 0, &out, &size, NULL), WIPPY_OK);
    CHECK_EQ_INT(size, 0);
    CHECK_STR(out, "");
    wippyi_mem_free(&s.b.mem, out, size + 1);
    shelf_close(&s);
}

TEST(test_file_read_stops_at_the_limit)
{
    shelf s;
    char *out = NULL;
    size_t size = 5;
    wippy_diag diag;
    shelf_open(&s);
    shelf_write(&s, "a", "12345", 5);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.path, 4, &out, &size, &diag), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(diag.code, WIPPY_ERR_LIMIT);
    CHECK_HAS(diag.message, "larger");
    CHECK_EQ_PTR(out, NULL);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.path, 5, &out, &size, &diag), WIPPY_OK);
    CHECK_EQ_INT(size, 5);
    wippyi_mem_free(&s.b.mem, out, size + 1);
    shelf_close(&s);
}

TEST(test_file_read_of_unknown_size_reads_to_the_end)
{
    bench b;
    char *out = NULL;
    size_t size = 0;
    bench_init(&b);
    CHECK_EQ_INT(wippyi_file_read(&b.mem, "/proc/self/status", SIZE_MAX, &out, &size, NULL), WIPPY_OK);
    CHECK(size > 100 && strlen(out) == size);
    wippyi_mem_free(&b.mem, out, size + 1);
    CHECK_EQ_INT(wippyi_file_read(&b.mem, "/dev/zero", 10000, &out, &size, NULL), WIPPY_ERR_LIMIT);
    CHECK_EQ_INT(wippyi_file_read(&b.mem, "/dev/null", 10000, &out, &size, NULL), WIPPY_OK);
    CHECK_EQ_INT(size, 0);
    wippyi_mem_free(&b.mem, out, size + 1);
    CHECK_BALANCED(&b.heap);
}

TEST(test_file_read_says_what_is_wrong)
{
    shelf s;
    char *out = NULL;
    size_t size = 0;
    wippy_diag diag;
    shelf_open(&s);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, shelf_path(&s, "none"), 9, &out, &size, &diag),
                 WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(diag.code, WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.file, s.path);
    CHECK_STR(diag.message, "cannot read the file: no such file or directory");
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.root, 9, &out, &size, &diag), WIPPY_ERR_IO);
    CHECK_HAS(diag.message, "it is a directory");
    shelf_write(&s, "a", "x", 1);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, shelf_path(&s, "a/b"), 9, &out, &size, &diag),
                 WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippyi_file_read(&s.b.mem, "", 9, &out, &size, &diag), WIPPY_ERR_NOTFOUND);
    if (geteuid() != 0) {
        chmod(shelf_path(&s, "a"), 0);
        CHECK_EQ_INT(wippyi_file_read(&s.b.mem, s.path, 9, &out, &size, &diag), WIPPY_ERR_DENIED);
    }
    CHECK_EQ_PTR(out, NULL);
    shelf_close(&s);
}

TEST(test_file_diagnostic_keeps_the_end_of_a_long_path)
{
    bench b;
    char path[600];
    char *out = NULL;
    size_t size = 0;
    wippy_diag diag;
    bench_init(&b);
    memset(path, 'd', sizeof(path));
    memcpy(path + sizeof(path) - 10, "/end.yaml", 10);
    CHECK_EQ_INT(wippyi_file_read(&b.mem, path, 9, &out, &size, &diag), WIPPY_ERR_IO);
    CHECK_EQ_INT(strlen(diag.file), sizeof(diag.file) - 1);
    CHECK_HAS(diag.file, "d/end.yaml");
    CHECK_HAS(diag.message, "too long");
}

TEST(test_dir_read_lists_by_name)
{
    shelf s;
    wippyi_dir dir;
    shelf_open(&s);
    shelf_write(&s, "b.lua", "", 0);
    shelf_write(&s, "a10", "", 0);
    shelf_write(&s, "a9", "", 0);
    shelf_write(&s, "Z", "", 0);
    shelf_write(&s, ".hidden", "", 0);
    CHECK_EQ_INT(mkdir(shelf_path(&s, "b"), 0700), 0);
    CHECK_EQ_INT(symlink("b", shelf_path(&s, "link")), 0);
    CHECK_EQ_INT(symlink("nowhere", shelf_path(&s, "lost")), 0);
    CHECK_EQ_INT(wippyi_dir_read(&s.b.mem, s.root, &dir, NULL), WIPPY_OK);
    static const char *const names[] = {".hidden", "Z", "a10", "a9", "b", "b.lua", "link", "lost"};
    CHECK_EQ_INT(dir.count, WIPPYI_COUNT(names));
    for (size_t i = 0; i < dir.count && i < WIPPYI_COUNT(names); i++) {
        CHECK_STR(dir.entries[i].name, names[i]);
        CHECK_EQ_INT(dir.entries[i].name_size, strlen(names[i]));
        CHECK_EQ_INT(dir.entries[i].is_dir, strcmp(names[i], "b") == 0 || i == 6);
    }
    wippyi_dir_free(&s.b.mem, &dir);
    CHECK_EQ_INT(dir.count, 0);
    shelf_close(&s);
}

TEST(test_dir_read_says_what_is_wrong)
{
    shelf s;
    wippyi_dir dir;
    wippy_diag diag;
    shelf_open(&s);
    CHECK_EQ_INT(wippyi_dir_read(&s.b.mem, shelf_path(&s, "none"), &dir, &diag),
                 WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "cannot list the directory: no such file or directory");
    CHECK_STR(diag.file, s.path);
    CHECK_EQ_INT(dir.count, 0);
    wippyi_dir_free(&s.b.mem, &dir);
    shelf_write(&s, "file", "", 0);
    CHECK_EQ_INT(wippyi_dir_read(&s.b.mem, s.path, &dir, &diag), WIPPY_ERR_NOTFOUND);
    shelf_close(&s);
}

TEST(test_path_look_tells_files_from_directories)
{
    shelf s;
    shelf_open(&s);
    CHECK_EQ_INT(wippyi_path_look(s.root), WIPPYI_PATH_DIR);
    CHECK_EQ_INT(wippyi_path_look(shelf_write(&s, "f", "", 0)), WIPPYI_PATH_FILE);
    CHECK_EQ_INT(wippyi_path_look(shelf_path(&s, "g")), WIPPYI_PATH_NONE);
    shelf_close(&s);
}

static void file_scenario(test_heap *heap, void *arg)
{
    bench b;
    wippyi_dir dir;
    char *out = NULL;
    size_t size = 0;
    const char *root = (const char *)arg;
    char path[128];
    bench_init_on(&b, heap);
    wippy_result result = wippyi_dir_read(&b.mem, root, &dir, NULL);
    CHECK(result == WIPPY_ERR_NOMEM || (result == WIPPY_OK && dir.count == 40));
    wippyi_dir_free(&b.mem, &dir);
    snprintf(path, sizeof(path), "%s/1", root);
    result = wippyi_file_read(&b.mem, path, 9, &out, &size, NULL);
    CHECK(result == WIPPY_ERR_NOMEM || (result == WIPPY_OK && size == 1));
    if (result == WIPPY_OK) {
        wippyi_mem_free(&b.mem, out, size + 1);
    }
    result = wippyi_file_read(&b.mem, "/proc/self/status", 100000, &out, &size, NULL);
    CHECK(result == WIPPY_ERR_NOMEM || (result == WIPPY_OK && size > 100));
    if (result == WIPPY_OK) {
        wippyi_mem_free(&b.mem, out, size + 1);
    }
}

TEST(test_file_and_dir_without_memory_leave_nothing_behind)
{
    shelf s;
    shelf_open(&s);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        shelf_write(&s, name, "x", 1);
    }
    CHECK(test_heap_sweep(file_scenario, s.root) > 40);
    shelf_close(&s);
}

/* ------------------------------------------------------------------ paths */

typedef struct join_case {
    const char *root, *relative, *out; /* out NULL: leads out of the root */
} join_case;

TEST(test_path_join_resolves_dots_and_stays_below_the_root)
{
    static const join_case cases[] = {
        {"r", "a/b.lua", "r/a/b.lua"},
        {"r", "", "r"},
        {"r", ".", "r"},
        {"r", "./a//b/./c", "r/a/b/c"},
        {"r", "a/../b", "r/b"},
        {"r", "a/b/../../c/", "r/c"},
        {"r", "a/..", "r"},
        {"r", "..", NULL},
        {"r", "a/../..", NULL},
        {"r", "a/../../r/b", NULL},
        {"r", "/a", NULL},
        {"r", "..a/...", "r/..a/..."},
        {"/", "a", "/a"},
        {"/", "a/../b", "/b"},
        {"/", "..", NULL},
        {"/x/y/", "a/b/..", "/x/y/a"},
        {"../up", "a", "../up/a"},
        {"../up", "a/../..", NULL},
        {"", "a/./b", "a/b"},
        {"", "a/../../b", NULL},
    };
    for (size_t i = 0; i < WIPPYI_COUNT(cases); i++) {
        const join_case *c = &cases[i];
        char out[64] = "before";
        wippy_result result = wippyi_path_join(out, sizeof(out), c->root, c->relative);
        CHECK_EQ_INT(result, c->out ? WIPPY_OK : WIPPY_ERR_DENIED);
        CHECK_STR(out, c->out ? c->out : "");
    }
}

TEST(test_path_join_without_room_is_refused)
{
    char out[8];
    CHECK_EQ_INT(wippyi_path_join(out, 8, "abc", "def"), WIPPY_OK);
    CHECK_STR(out, "abc/def");
    CHECK_EQ_INT(wippyi_path_join(out, 7, "abc", "def"), WIPPY_ERR_LIMIT);
    CHECK_STR(out, "");
    CHECK_EQ_INT(wippyi_path_join(out, 3, "abc", "d"), WIPPY_ERR_LIMIT);
    CHECK_STR(out, "");
    CHECK_EQ_INT(wippyi_path_join(out, 4, "abc", ""), WIPPY_OK);
    CHECK_EQ_INT(wippyi_path_join(out, 1, "", ""), WIPPY_OK);
    CHECK_EQ_INT(wippyi_path_join(out, 1, "", "a"), WIPPY_ERR_LIMIT);
}

TEST_MAIN(TEST_ENTRY(test_platform_mutex_excludes),
          TEST_ENTRY(test_platform_mutex_trylock_tells_whether_it_is_held),
          TEST_ENTRY(test_platform_mutex_static_needs_no_init),
          TEST_ENTRY(test_platform_latch_excludes),
          TEST_ENTRY(test_platform_latch_wakes_who_slept_for_it),
          TEST_ENTRY(test_platform_cond_broadcast_wakes_all),
          TEST_ENTRY(test_platform_cond_timedwait_says_when_the_time_has_passed),
          TEST_ENTRY(test_platform_cond_timedwait_takes_the_longest_times),
          TEST_ENTRY(test_platform_ticket_keeps_a_wake_that_came_first),
          TEST_ENTRY(test_platform_ticket_counts_several_wakes_as_one),
          TEST_ENTRY(test_platform_ticket_wait_is_not_shorter_than_asked),
          TEST_ENTRY(test_platform_ticket_volley_loses_no_wake),
          TEST_ENTRY(test_platform_ticket_volley_with_timeouts_loses_no_wake),
          TEST_ENTRY(test_platform_ticket_wakes_from_many_threads_publish_all_their_writes),
          TEST_ENTRY(test_platform_barrier_one_side_sees_the_other),
          TEST_ENTRY(test_platform_barrier_by_its_word_one_side_sees_the_other),
          TEST_ENTRY(test_platform_thread_runs_knows_itself_and_leaves_signals_alone),
          TEST_ENTRY(test_platform_thread_ids_are_stable_and_differ),
          TEST_ENTRY(test_platform_thread_processor_time_is_known_while_it_runs),
          TEST_ENTRY(test_platform_interrupt_runs_on_the_thread_it_is_sent_to),
          TEST_ENTRY(test_platform_interrupt_many_are_all_served),
          TEST_ENTRY(test_platform_interrupt_to_an_ended_thread_says_gone),
          TEST_ENTRY(test_platform_interrupt_without_installation_is_refused),
          TEST_ENTRY(test_platform_interrupt_same_request_twice_runs_once),
          TEST_ENTRY(test_platform_interrupt_discarded_or_released_does_not_run),
          TEST_ENTRY(test_platform_interrupt_too_many_open_ones_are_refused_until_served),
          TEST_ENTRY(test_platform_interrupt_leaves_foreign_signals_to_their_handler),
          TEST_ENTRY(test_platform_interrupt_installations_are_counted),
          TEST_ENTRY(test_platform_interrupt_covered_by_another_handler_stays_until_it_is_used_again),
          TEST_ENTRY(test_platform_interrupt_takes_four_signals_not_five),
          TEST_ENTRY(test_platform_interrupt_leaves_errno_alone),
          TEST_ENTRY(test_platform_clock_mono_never_goes_back_and_moves),
          TEST_ENTRY(test_platform_clock_coarse_is_behind_and_moves),
          TEST_ENTRY(test_platform_clock_wall_agrees_with_the_c_library),
          TEST_ENTRY(test_platform_thread_cpu_time_grows_with_work_only),
          TEST_ENTRY(test_platform_entropy_differs),
          TEST_ENTRY(test_platform_cpu_count_respects_affinity),
          TEST_ENTRY(test_poller_reports_a_readable_descriptor_once),
          TEST_ENTRY(test_poller_reader_and_writer_of_one_descriptor_are_told_apart),
          TEST_ENTRY(test_poller_two_readers_and_one_for_both_directions),
          TEST_ENTRY(test_poller_without_room_keeps_events_for_the_next_wait),
          TEST_ENTRY(test_poller_remove_prevents_the_event),
          TEST_ENTRY(test_poller_end_of_stream_is_readable),
          TEST_ENTRY(test_poller_broken_pipe_is_an_error),
          TEST_ENTRY(test_poller_regular_file_is_ready_at_once),
          TEST_ENTRY(test_poller_refuses_what_is_no_descriptor),
          TEST_ENTRY(test_poller_number_used_again_is_a_new_descriptor),
          TEST_ENTRY(test_poller_wake_is_kept_and_ends_one_wait),
          TEST_ENTRY(test_poller_wake_from_another_thread_ends_the_wait),
          TEST_ENTRY(test_poller_add_while_another_thread_waits),
          TEST_ENTRY(test_poller_remove_or_report_never_both_or_none),
          TEST_ENTRY(test_poller_without_memory_leaves_things_as_they_were),
          TEST_ENTRY(test_file_read_gives_all_bytes_and_a_nul),
          TEST_ENTRY(test_file_read_stops_at_the_limit),
          TEST_ENTRY(test_file_read_of_unknown_size_reads_to_the_end),
          TEST_ENTRY(test_file_read_says_what_is_wrong),
          TEST_ENTRY(test_file_diagnostic_keeps_the_end_of_a_long_path),
          TEST_ENTRY(test_dir_read_lists_by_name),
          TEST_ENTRY(test_dir_read_says_what_is_wrong),
          TEST_ENTRY(test_path_look_tells_files_from_directories),
          TEST_ENTRY(test_file_and_dir_without_memory_leave_nothing_behind),
          TEST_ENTRY(test_path_join_resolves_dots_and_stays_below_the_root),
          TEST_ENTRY(test_path_join_without_room_is_refused))
