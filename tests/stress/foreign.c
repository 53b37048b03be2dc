/* Messages from foreign threads to processes of a host with more workers than cores: nothing lost,
   nothing twice, in the order of each thread, and sleepers always wake. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#include <pthread.h>

#define THREADS   3u
#define RECEIVERS 8u

typedef struct parcel {
    uint32_t thread;
    uint32_t number;
} parcel;

typedef struct post {
    core c;
    core_actor receivers[RECEIVERS];
    uint32_t next[RECEIVERS][THREADS]; /* written by the receiver */
    uint32_t got;
    uint32_t per_thread;
    uint32_t thread_number;
    bool pauses; /* let everybody fall asleep between messages */
} post;

static wippy_status collect(wippy_self *self, core_actor *a)
{
    post *p = (post *)a->arg;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        parcel parcel_;
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        memcpy(&parcel_, wippy_mail_data(mail), sizeof(parcel_));
        CHECK_EQ_INT(parcel_.number, p->next[a->number][parcel_.thread]);
        p->next[a->number][parcel_.thread]++;
        TEST_ATOMIC_ADD(&p->got, 1u);
    }
    return WIPPY_IDLE;
}

static void *send_all(void *arg)
{
    post *p = (post *)arg;
    parcel parcel_;
    uint32_t numbers[RECEIVERS] = {0};
    uint64_t random;
    parcel_.thread = TEST_ATOMIC_ADD(&p->thread_number, 1u);
    random = parcel_.thread;
    for (uint32_t i = 0; i < p->per_thread; i++) {
        uint32_t to = (uint32_t)(test_random_next(&random) % RECEIVERS);
        parcel_.number = numbers[to]++;
        CHECK_EQ_INT(wippy_send(p->c.out, p->receivers[to].pid, p->c.topic, &parcel_, sizeof(parcel_)),
                     WIPPY_OK);
        if (p->pauses) { /* wait for it: a lost wake shows as a deadline */
            uint32_t before = i + 1;
            if (!CHECK(core_wait(&p->got, before))) {
                return NULL;
            }
        }
    }
    return NULL;
}

static void deliver(uint32_t workers, uint32_t threads, uint32_t per_thread, bool pauses)
{
    static post p;
    pthread_t handles[THREADS];
    memset(&p, 0, sizeof(p));
    REQUIRE(core_open(&p.c, workers));
    p.per_thread = per_thread;
    p.pauses = pauses;
    for (uint32_t i = 0; i < RECEIVERS; i++) {
        p.receivers[i].on_step = collect;
        p.receivers[i].arg = &p;
        p.receivers[i].number = i;
        core_spawn(&p.c, &p.receivers[i]);
    }
    for (uint32_t i = 0; i < threads; i++) {
        REQUIRE(pthread_create(&handles[i], NULL, send_all, &p) == 0);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
    }
    CHECK(core_wait(&p.got, threads * per_thread));
    core_close(&p.c);
    CHECK_EQ_INT(p.got, threads * per_thread);
}

TEST(test_foreign_threads_against_all_worker_counts)
{
    for (uint32_t workers = 1; workers <= 8; workers++) {
        deliver(workers, THREADS, test_scale(20000), false);
    }
}

TEST(test_foreign_single_messages_wake_sleepers)
{
    for (uint32_t workers = 1; workers <= 4; workers++) {
        deliver(workers, 1, test_scale(1000), true);
    }
}

/* Inside: two processes, one token, on a host whose other workers fall asleep and wake all the time. */
static wippy_status bounce(wippy_self *self, core_actor *a)
{
    const wippy_mail *mail;
    wippy_topic none = {0};
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        TEST_ATOMIC_ADD(&a->count, 1u);
        (void)wippy_send(self, a->target, none, "x", 1);
    }
    return WIPPY_IDLE;
}

TEST(test_foreign_token_between_hosts_is_never_lost)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        core c;
        core_actor a = {0};
        core_actor b = {0};
        wippy_host other;
        REQUIRE(core_open(&c, workers));
        REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_POOL, workers, &other) == WIPPY_OK);
        a.on_step = b.on_step = bounce;
        CHECK_EQ_INT(core_spawn_by(&c, c.out, &b, other, 0, &a.target), WIPPY_OK);
        b.target = core_spawn(&c, &a);
        core_tell(&c, a.pid, "go");
        CHECK(core_wait(&a.count, test_scale(10000)));
        core_close(&c);
    }
}

TEST_MAIN(TEST_ENTRY(test_foreign_threads_against_all_worker_counts),
          TEST_ENTRY(test_foreign_single_messages_wake_sleepers),
          TEST_ENTRY(test_foreign_token_between_hosts_is_never_lost))
