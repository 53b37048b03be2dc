/* The timing wheel: never early, in order, any distance, compared with a list. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#define TICK ((uint64_t)1 << WIPPYI_TICK_SHIFT)

typedef struct alarm_node {
    wippyi_timer_node node;
    uint64_t deadline;
    unsigned order; /* the how manieth to be set */
    bool set;
} alarm_node;

TEST(test_timer_fires_at_the_first_tick_not_before_the_deadline)
{
    static wippyi_wheel wheel;
    for (uint64_t offset = 0; offset < 3 * TICK; offset += TICK / 3) {
        alarm_node a;
        memset(&a, 0, sizeof(a));
        uint64_t start = 1000 * TICK + 5;
        uint64_t deadline = start + offset;
        wippyi_wheel_init(&wheel, start);
        CHECK_EQ_U64(wippyi_wheel_next_ns(&wheel), UINT64_MAX);
        wippyi_wheel_insert(&wheel, &a.node, deadline);
        uint64_t when = wippyi_wheel_next_ns(&wheel);
        CHECK(when >= deadline && when - deadline < TICK + 6);
        CHECK(wippyi_wheel_advance(&wheel, deadline > start ? deadline - 1 : start, UINT32_MAX) ==
              NULL);
        CHECK(wippyi_wheel_advance(&wheel, when - 1, UINT32_MAX) == NULL);
        CHECK(wippyi_wheel_advance(&wheel, when, UINT32_MAX) == &a.node);
        CHECK(a.node.at.newer == NULL);
        CHECK_EQ_U64(wheel.count, 0);
        CHECK(wippyi_wheel_advance(&wheel, when + 100 * TICK, UINT32_MAX) == NULL);
    }
}

TEST(test_timer_past_deadline_fires_at_the_next_tick)
{
    static wippyi_wheel wheel;
    alarm_node a;
    memset(&a, 0, sizeof(a));
    wippyi_wheel_init(&wheel, 1000 * TICK);
    wippyi_wheel_insert(&wheel, &a.node, 0);
    CHECK(wippyi_wheel_advance(&wheel, 1000 * TICK, UINT32_MAX) == NULL);
    CHECK(wippyi_wheel_advance(&wheel, 1001 * TICK, UINT32_MAX) == &a.node);
}

TEST(test_timer_all_levels_and_their_edges)
{
    static wippyi_wheel wheel;
    for (uint32_t bit = 0; bit < 48; bit++) {
        for (int edge = -1; edge <= 1; edge++) {
            for (int from = 0; from < 2; from++) {
                alarm_node a;
                uint64_t start = from ? (0x123456789abull * TICK) >> 2 : TICK;
                uint64_t distance = (((uint64_t)1 << bit) + (uint64_t)(int64_t)edge) * TICK;
                uint64_t deadline = start / TICK * TICK + distance;
                if (deadline <= start || deadline < distance) {
                    continue; /* no distance, or past the end of time */
                }
                memset(&a, 0, sizeof(a));
                wippyi_wheel_init(&wheel, start);
                wippyi_wheel_insert(&wheel, &a.node, deadline);
                CHECK(wippyi_wheel_next_ns(&wheel) <= deadline);
                CHECK(wippyi_wheel_advance(&wheel, deadline - 1, UINT32_MAX) == NULL);
                CHECK(wippyi_wheel_next_ns(&wheel) == deadline);
                CHECK(wippyi_wheel_advance(&wheel, deadline, UINT32_MAX) == &a.node);
            }
        }
    }
    alarm_node last;
    memset(&last, 0, sizeof(last));
    wippyi_wheel_init(&wheel, 5 * TICK);
    wippyi_wheel_insert(&wheel, &last.node, UINT64_MAX);
    CHECK(wippyi_wheel_advance(&wheel, UINT64_MAX / 2, UINT32_MAX) == NULL);
    CHECK(wippyi_wheel_remove(&wheel, &last.node));
    CHECK_EQ_U64(wippyi_wheel_next_ns(&wheel), UINT64_MAX);
}

TEST(test_timer_removed_nodes_do_not_fire)
{
    static wippyi_wheel wheel;
    alarm_node nodes[3];
    memset(nodes, 0, sizeof(nodes));
    for (int gone = 0; gone < 3; gone++) { /* first, middle, last of one slot */
        int fired = 0;
        wippyi_wheel_init(&wheel, 0);
        for (int i = 0; i < 3; i++) {
            wippyi_wheel_insert(&wheel, &nodes[i].node, 500 * TICK);
        }
        CHECK(wippyi_wheel_remove(&wheel, &nodes[gone].node));
        CHECK(!wippyi_wheel_remove(&wheel, &nodes[gone].node));
        CHECK_EQ_U64(wheel.count, 2);
        wippyi_timer_node *n = wippyi_wheel_advance(&wheel, 500 * TICK, UINT32_MAX);
        for (; n != NULL; n = n->next) {
            CHECK(n != &nodes[gone].node);
            fired++;
        }
        CHECK_EQ_INT(fired, 2);
    }
}

TEST(test_timer_limit_ends_the_advance_with_a_slot)
{
    static wippyi_wheel wheel;
    alarm_node nodes[6];
    memset(nodes, 0, sizeof(nodes));
    wippyi_wheel_init(&wheel, 0);
    for (int i = 0; i < 6; i++) { /* two at each of three ticks */
        wippyi_wheel_insert(&wheel, &nodes[i].node, (uint64_t)(10 + i / 2) * TICK);
    }
    for (int i = 0; i < 6; i += 2) {
        wippyi_timer_node *n = wippyi_wheel_advance(&wheel, 100 * TICK, 1);
        CHECK(n == &nodes[i].node);
        CHECK(n->next == &nodes[i + 1].node);
        CHECK(nodes[i + 1].node.next == NULL);
        if (i < 4) { /* the rest is due still */
            CHECK(wippyi_wheel_next_ns(&wheel) <= 100 * TICK);
        }
    }
    CHECK(wippyi_wheel_advance(&wheel, 100 * TICK, 1) == NULL);
    CHECK_EQ_U64(wippyi_wheel_next_ns(&wheel), UINT64_MAX);
}

/* Random inserts, removes and advances against an array that is searched. */
#define NODES 200

static uint64_t far_or_near(void)
{
    return test_random() >> (16 + test_random_below(46));
}

TEST(test_timer_random_walk_agrees_with_a_list)
{
    static wippyi_wheel wheel;
    static alarm_node nodes[NODES];
    uint64_t now = far_or_near() >> 2;
    memset(nodes, 0, sizeof(nodes));
    wippyi_wheel_init(&wheel, now);
    for (unsigned step = 0; step < test_scale(200000); step++) {
        alarm_node *a = &nodes[test_random_below(NODES)];
        uint32_t dice = test_random_below(10);
        if (dice < 6) {
            CHECK_EQ_INT(wippyi_wheel_remove(&wheel, &a->node), a->set);
            a->deadline = now + far_or_near() % (((uint64_t)1 << 62) - now % ((uint64_t)1 << 61));
            a->set = true;
            a->order = step;
            wippyi_wheel_insert(&wheel, &a->node, a->deadline);
        } else if (dice < 7) {
            CHECK_EQ_INT(wippyi_wheel_remove(&wheel, &a->node), a->set);
            a->set = false;
        } else {
            uint64_t earliest = UINT64_MAX;
            uint64_t next = wippyi_wheel_next_ns(&wheel);
            uint64_t before = 0;
            unsigned order = 0;
            wippyi_timer_node *n;
            bool more;
            for (int i = 0; i < NODES; i++) {
                if (nodes[i].set && nodes[i].deadline < earliest) {
                    earliest = nodes[i].deadline;
                }
            }
            CHECK((next == UINT64_MAX) == (earliest == UINT64_MAX));
            CHECK(earliest == UINT64_MAX || next < earliest + 2 * TICK); /* nobody sleeps too long */
            if (dice == 9 && next != UINT64_MAX) {
                now = next > now ? next : now;
            } else {
                uint64_t jump = far_or_near();
                now = now + jump < ((uint64_t)1 << 61) ? now + jump : now;
            }
            do {
                n = wippyi_wheel_advance(&wheel, now, 1 + test_random_below(4));
                more = n != NULL;
                for (; n != NULL; n = n->next) {
                    alarm_node *fired = WIPPYI_CONTAINER_OF(n, alarm_node, node);
                    CHECK(fired->set);
                    CHECK(fired->deadline <= now);
                    CHECK(n->tick > before || (n->tick == before && fired->order > order));
                    before = n->tick;
                    order = fired->order;
                    fired->set = false;
                }
            } while (more);
            for (int i = 0; i < NODES; i++) {
                CHECK(!nodes[i].set || nodes[i].deadline + 2 * TICK > now); /* late by ticks only */
            }
        }
        if (TEST_ATOMIC_LOAD(&test_global.failures) > 0) {
            return;
        }
    }
}

TEST_MAIN(TEST_ENTRY(test_timer_fires_at_the_first_tick_not_before_the_deadline),
          TEST_ENTRY(test_timer_past_deadline_fires_at_the_next_tick),
          TEST_ENTRY(test_timer_all_levels_and_their_edges),
          TEST_ENTRY(test_timer_removed_nodes_do_not_fire),
          TEST_ENTRY(test_timer_limit_ends_the_advance_with_a_slot),
          TEST_ENTRY(test_timer_random_walk_agrees_with_a_list))
