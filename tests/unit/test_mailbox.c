/* The mailbox word: who owns the process, in which order mail comes, and a storm of senders. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <pthread.h>

typedef struct letter {
    wippy_mail mail;
    uint32_t sender;
    uint32_t number;
} letter;

static uint32_t numbers(wippy_mail *list, uint32_t *out)
{
    uint32_t count = 0;
    for (; list != NULL; list = list->next_) {
        out[count++] = ((letter *)(void *)list)->number;
    }
    return count;
}

TEST(test_mailbox_states_move_as_drawn)
{
    wippyi_mailbox box;
    letter a, b;
    uint32_t got[4];
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    b.number = 1;
    wippyi_mailbox_init(&box);
    CHECK_EQ_INT(wippyi_mailbox_push(&box, &a.mail), WIPPYI_PUSH_CLOSED);
    CHECK(!wippyi_mailbox_claim(&box));
    wippyi_mailbox_open(&box);
    CHECK(!wippyi_mailbox_claim(&box)); /* owned by who opened it */
    CHECK(wippyi_mailbox_take(&box) == NULL);
    CHECK(wippyi_mailbox_idle(&box));
    CHECK(!wippyi_mailbox_idle(&box)); /* not ours any more */
    CHECK(wippyi_mailbox_claim(&box));
    CHECK(!wippyi_mailbox_claim(&box)); /* one of two wins */
    CHECK(wippyi_mailbox_idle(&box));
    CHECK_EQ_INT(wippyi_mailbox_push(&box, &a.mail), WIPPYI_PUSH_OWNED);
    CHECK_EQ_INT(wippyi_mailbox_push(&box, &b.mail), WIPPYI_PUSH_QUEUED);
    CHECK(!wippyi_mailbox_idle(&box)); /* mail came */
    CHECK(!wippyi_mailbox_claim(&box));
    CHECK_EQ_INT(numbers(wippyi_mailbox_take(&box), got), 2);
    CHECK_EQ_INT(got[0], 0);
    CHECK_EQ_INT(got[1], 1);
    CHECK(wippyi_mailbox_idle(&box));
    CHECK(wippyi_mailbox_close(&box) == NULL);
    CHECK(wippyi_mailbox_close(&box) == NULL);
    CHECK_EQ_INT(wippyi_mailbox_push(&box, &a.mail), WIPPYI_PUSH_CLOSED);
}

TEST(test_mailbox_close_returns_what_was_unread_in_order)
{
    letter letters[5];
    wippyi_mailbox box;
    uint32_t got[5];
    wippyi_mailbox_init(&box);
    wippyi_mailbox_open(&box);
    for (uint32_t i = 0; i < 5; i++) {
        letters[i].number = i;
        CHECK_EQ_INT(wippyi_mailbox_push(&box, &letters[i].mail), WIPPYI_PUSH_QUEUED);
    }
    REQUIRE(numbers(wippyi_mailbox_close(&box), got) == 5);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ_INT(got[i], i);
    }
    wippyi_mailbox_open(&box);
    CHECK(wippyi_mailbox_take(&box) == NULL);
    CHECK(wippyi_mailbox_idle(&box));
}

/* Senders push; whoever becomes the owner reads until the mailbox is empty and gives it up. Nobody is
   told to read: a lost ownership would leave mail behind. */
#define STORM_THREADS 3u

typedef struct storm {
    wippyi_mailbox box;
    uint32_t owners; /* at most one at a time */
    uint32_t read;
    uint32_t next[STORM_THREADS]; /* owner only */
    uint32_t per_thread;
    letter *letters;
    uint32_t thread_number;
    bool claims; /* one thread also claims, as terminate does */
} storm;

static void storm_read(storm *s)
{
    CHECK_EQ_INT(TEST_ATOMIC_ADD(&s->owners, 1u), 0);
    for (;;) {
        wippy_mail *list = wippyi_mailbox_take(&s->box);
        for (; list != NULL; list = list->next_) {
            const letter *l = (const letter *)(const void *)list;
            CHECK_EQ_INT(l->number, s->next[l->sender]);
            s->next[l->sender]++;
            s->read++;
        }
        TEST_ATOMIC_SUB(&s->owners, 1u);
        if (wippyi_mailbox_idle(&s->box)) {
            return;
        }
        CHECK_EQ_INT(TEST_ATOMIC_ADD(&s->owners, 1u), 0);
    }
}

static void *storm_main(void *arg)
{
    storm *s = (storm *)arg;
    uint32_t me = TEST_ATOMIC_ADD(&s->thread_number, 1u);
    for (uint32_t i = 0; i < s->per_thread; i++) {
        letter *l = &s->letters[me * s->per_thread + i];
        l->sender = me;
        l->number = i;
        if (wippyi_mailbox_push(&s->box, &l->mail) == WIPPYI_PUSH_OWNED) {
            storm_read(s);
        }
        if (i % 16 == 0 && wippyi_mailbox_claim(&s->box)) {
            storm_read(s);
        }
    }
    return NULL;
}

TEST(test_mailbox_storm_reads_everything_once_in_order)
{
    static storm s;
    pthread_t threads[STORM_THREADS];
    memset(&s, 0, sizeof(s));
    s.per_thread = test_scale(100000);
    s.letters = (letter *)calloc((size_t)STORM_THREADS * s.per_thread, sizeof(letter));
    REQUIRE(s.letters != NULL);
    wippyi_mailbox_init(&s.box);
    wippyi_mailbox_open(&s.box);
    CHECK(wippyi_mailbox_idle(&s.box));
    for (uint32_t i = 0; i < STORM_THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, storm_main, &s) == 0);
    }
    for (uint32_t i = 0; i < STORM_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ_INT(s.read, STORM_THREADS * s.per_thread);
    CHECK(wippyi_mailbox_claim(&s.box)); /* idle and empty */
    CHECK(wippyi_mailbox_take(&s.box) == NULL);
    free(s.letters);
}

TEST_MAIN(TEST_ENTRY(test_mailbox_states_move_as_drawn),
          TEST_ENTRY(test_mailbox_close_returns_what_was_unread_in_order),
          TEST_ENTRY(test_mailbox_storm_reads_everything_once_in_order))
