/* Ring: every entry to exactly one taker, whole, oldest first for one taker. Size 2 and 4, so that
   indices wrap and entries are overwritten. */
#if !defined(WIPPYI_RING_SIZE)
#define WIPPYI_RING_SIZE 4u
#endif
#include "implementation.h"

#define ENTRIES 8

typedef struct entry {
    uint32_t number; /* plain: written by the pusher, read by the taker */
    uint32_t taken;  /* plain: written by the taker */
} entry;

typedef struct world {
    wippyi_ring ring;
    wippyi_ring own[2];
    entry entries[ENTRIES];
    uint32_t pushed;
    uint32_t last[EXPLORE_THREADS]; /* number + 1 of the newest entry each thread took */
} world;

static world *w;

static void setup(void)
{
    uint32_t i;
    w = (world *)explore_alloc(sizeof(*w));
    wippyi_ring_init(&w->ring);
    explore_name(&w->ring, sizeof(w->ring), "ring");
    for (i = 0; i < 2; i++) {
        wippyi_ring_init(&w->own[i]);
    }
    explore_name(&w->own[0], sizeof(w->own[0]), "own0");
    explore_name(&w->own[1], sizeof(w->own[1]), "own1");
    explore_name(w->entries, sizeof(w->entries), "entries");
}

static bool push(void)
{
    entry *e = &w->entries[w->pushed];
    e->number = w->pushed;
    e->taken = 0;
    if (!wippyi_ring_push(&w->ring, e)) {
        return false;
    }
    w->pushed++;
    return true;
}

/* Two takers of one entry are a race, or a second count. */
static void take(void *at)
{
    entry *e = (entry *)at;
    uint32_t *last = &w->last[explore_self()];
    EXPLORE_CHECK(e != NULL);
    e->taken++;
    EXPLORE_CHECK(e->taken == 1);
    EXPLORE_CHECK(e->number + 1 > *last);
    *last = e->number + 1;
}

static void setup_filled(void)
{
    setup();
    while (w->pushed < WIPPYI_RING_SIZE) {
        push();
    }
}

static void pusher(void)
{
    uint32_t i;
    for (i = 0; i < 3; i++) {
        push();
    }
}

static void push_pop(void)
{
    void *e;
    push();
    push();
    e = wippyi_ring_pop(&w->ring);
    if (e != NULL) {
        take(e);
    }
    push();
    e = wippyi_ring_pop(&w->ring);
    if (e != NULL) {
        take(e);
    }
}

/* The ring is full: pops make room, pushes overwrite what a slow thief may be reading. */
static void pop_push(void)
{
    uint32_t i;
    push(); /* full, unless a thief was quicker */
    for (i = 0; i < 3; i++) {
        void *e = wippyi_ring_pop(&w->ring);
        if (e != NULL) {
            take(e);
        }
        if (w->pushed < ENTRIES) {
            push();
        }
    }
}

/* Several at once, as many as there is room for. */
static void push_all(uint32_t most)
{
    void *batch[ENTRIES];
    uint32_t room = wippyi_ring_room(&w->ring);
    uint32_t i;
    EXPLORE_CHECK(room <= WIPPYI_RING_SIZE);
    most = WIPPYI_MIN(WIPPYI_MIN(most, room), ENTRIES - w->pushed);
    for (i = 0; i < most; i++) {
        entry *e = &w->entries[w->pushed + i];
        e->number = w->pushed + i;
        e->taken = 0;
        batch[i] = e;
    }
    wippyi_ring_push_all(&w->ring, batch, most);
    w->pushed += most;
}

static void pop_some(uint32_t most)
{
    void *batch[ENTRIES];
    uint32_t count = wippyi_ring_pop_some(&w->ring, batch, most);
    uint32_t i;
    EXPLORE_CHECK(count <= most);
    for (i = 0; i < count; i++) {
        take(batch[i]);
    }
}

static void push_all_pop_some(void)
{
    push_all(2);
    pop_some(2);
    push_all(2);
    pop_some(1);
}

static void pop_some_push_all(void)
{
    pop_some(2);
    push_all(3);
    pop_some(2);
    push_all(2);
}

static void thief(uint32_t which)
{
    uint32_t taken = 0;
    uint32_t rest;
    void *e = wippyi_ring_steal(&w->ring, &w->own[which], &taken);
    if (e == NULL) {
        return;
    }
    rest = taken - 1;
    EXPLORE_CHECK(taken >= 1 && wippyi_ring_count(&w->own[which]) <= rest);
    for (; rest > 0; rest--) {
        void *other = wippyi_ring_pop(&w->own[which]);
        if (other != NULL) {
            take(other);
        }
    }
    take(e);
}

static void thief_one(void)
{
    thief(0);
    thief(0);
}

static void thief_two(void)
{
    thief(1);
}

/* Steals from the thief. */
static void thief_of_thief(void)
{
    uint32_t taken = 0;
    void *e = wippyi_ring_steal(&w->own[0], &w->own[1], &taken);
    if (e != NULL) {
        take(e);
        while (--taken > 0) {
            take(wippyi_ring_pop(&w->own[1]));
        }
    }
}

static void check(void)
{
    uint32_t i;
    void *e;
    memset(w->last, 0, sizeof(w->last));
    while ((e = wippyi_ring_pop(&w->ring)) != NULL) {
        take(e);
    }
    for (i = 0; i < 2; i++) {
        memset(w->last, 0, sizeof(w->last));
        while ((e = wippyi_ring_pop(&w->own[i])) != NULL) {
            take(e);
        }
    }
    for (i = 0; i < w->pushed; i++) {
        EXPLORE_CHECK(w->entries[i].taken == 1);
    }
}

static const explore_program programs[] = {
    {"push_steal", setup, {pusher, thief_one}, check, NULL, false},
    {"push_pop_steal", setup, {push_pop, thief_one}, check, NULL, false},
    {"push_pop_two_thieves", setup, {push_pop, thief_one, thief_two}, check, NULL, false},
    {"full_pop_push_steal", setup_filled, {pop_push, thief_one}, check, NULL, false},
    {"full_pop_push_two_thieves",
     setup_filled,
     {pop_push, thief_one, thief_two},
     check,
     NULL,
     false},
    {"push_all_pop_some_steal", setup, {push_all_pop_some, thief_one}, check, NULL, false},
    {"full_pop_some_push_all_two_thieves",
     setup_filled,
     {pop_some_push_all, thief_one, thief_two},
     check,
     NULL,
     false},
    {"thief_of_thief", setup_filled, {pop_push, thief_one, thief_of_thief}, check, NULL, false},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, programs, sizeof(programs) / sizeof(programs[0]));
}
