#include "timer.h"

#include <string.h>

static uint32_t wippyi_highest_bit(uint64_t x)
{
#if WIPPYI_GNUC
    return 63u - (uint32_t)__builtin_clzll(x);
#else
    uint32_t bit = 0;
    while ((x >>= 1) != 0) {
        bit++;
    }
    return bit;
#endif
}

static uint32_t wippyi_lowest_bit(uint64_t x)
{
#if WIPPYI_GNUC
    return (uint32_t)__builtin_ctzll(x);
#else
    uint32_t bit = 0;
    while ((x & 1) == 0) {
        x >>= 1;
        bit++;
    }
    return bit;
#endif
}

WIPPYI_FN void wippyi_wheel_init(wippyi_wheel *wheel, uint64_t now_ns)
{
    wippyi_timer_link *lists = &wheel->slots[0][0][0];
    size_t i;
    memset(wheel, 0, sizeof(*wheel));
    wheel->now_tick = now_ns >> WIPPYI_TICK_SHIFT;
    for (i = 0; i < sizeof(wheel->slots) / sizeof(*lists); i++) {
        lists[i].older = &lists[i];
        lists[i].newer = &lists[i];
    }
}

/* ---- where a node is ---- */

static uint64_t wippyi_wheel_slots_away(uint64_t tick, uint64_t now_tick, uint32_t level)
{
    uint32_t shift = WIPPYI_WHEEL_BITS * level;
    return (tick >> shift) - (now_tick >> shift);
}

/* The lowest level in which the slot of `tick` is less than a turn away; level 0 only when it is of this
   turn, so that what was set earlier for the same tick has come down. Hence of one tick the later set is
   never on a higher level. tick: after now_tick. */
static uint32_t wippyi_wheel_level(const wippyi_wheel *wheel, uint64_t tick)
{
    uint32_t level = wippyi_highest_bit(tick ^ wheel->now_tick) / WIPPYI_WHEEL_BITS;
    while (level > 1 &&
           wippyi_wheel_slots_away(tick, wheel->now_tick, level - 1) < WIPPYI_WHEEL_SLOTS) {
        level--;
    }
    return level;
}

/* A slot above the lowest level has several lists, each for a part of its time, so that those of one
   tick are in one list, in order. Their nodes lie all over the memory, and finding the next one means
   waiting for this one: four lists are four waits at once. */
static uint32_t wippyi_wheel_lane(uint64_t tick, uint32_t level)
{
    return level == 0
               ? 0
               : (uint32_t)(tick >> (WIPPYI_WHEEL_BITS * level - 2)) & (WIPPYI_WHEEL_LANES - 1);
}

static wippyi_timer_link *wippyi_wheel_list(wippyi_wheel *wheel, uint64_t tick, uint32_t level)
{
    uint32_t slot = (uint32_t)(tick >> (WIPPYI_WHEEL_BITS * level)) & (WIPPYI_WHEEL_SLOTS - 1);
    wheel->occupied[level][slot / 64] |= (uint64_t)1 << (slot % 64);
    return &wheel->slots[level][slot][wippyi_wheel_lane(tick, level)];
}

static void wippyi_wheel_vacate(wippyi_wheel *wheel, uint32_t level, uint32_t slot)
{
    wheel->occupied[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
}

static wippyi_timer_node *wippyi_wheel_node(wippyi_timer_link *link)
{
    return WIPPYI_CONTAINER_OF(link, wippyi_timer_node, at);
}

/* ---- set and dropped ---- */

static void wippyi_wheel_put_newest(wippyi_timer_link *list, wippyi_timer_node *node)
{
    wippyi_timer_link *second = list->older;
    node->at.older = second;
    node->at.newer = list;
    node->next = wippyi_wheel_node(second->older);
    second->newer = &node->at;
    list->older = &node->at;
}

WIPPYI_FN uint64_t wippyi_wheel_insert(wippyi_wheel *wheel, wippyi_timer_node *node,
                                       uint64_t deadline_ns)
{
    uint64_t part = deadline_ns & (((uint64_t)1 << WIPPYI_TICK_SHIFT) - 1);
    uint64_t tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part != 0 ? 1 : 0);
    uint32_t level;
    if (tick <= wheel->now_tick) {
        tick = wheel->now_tick + 1;
    }
    tick = WIPPYI_MIN(tick, ((uint64_t)1 << 48) - 1); /* the end of time */
    node->tick = tick;
    level = wippyi_wheel_level(wheel, tick);
    wippyi_wheel_put_newest(wippyi_wheel_list(wheel, tick, level), node);
    wheel->count++;
    return (tick & (UINT64_MAX << (WIPPYI_WHEEL_BITS * level))) << WIPPYI_TICK_SHIFT;
}

static bool wippyi_wheel_is_empty(const wippyi_timer_link lanes[WIPPYI_WHEEL_LANES])
{
    return lanes[0].older == &lanes[0] && lanes[1].older == &lanes[1] &&
           lanes[2].older == &lanes[2] && lanes[3].older == &lanes[3];
}

WIPPYI_FN bool wippyi_wheel_remove(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    wippyi_timer_link *older = node->at.older;
    wippyi_timer_link *newer = node->at.newer;
    if (newer == NULL) {
        return false;
    }
    newer->older = older;
    older->newer = newer;
    node->at.newer = NULL;
    wheel->count--;
    if (older == newer) { /* the list, and nobody else is in it */
        size_t slot = (size_t)(older - &wheel->slots[0][0][0]) / WIPPYI_WHEEL_LANES;
        uint32_t level = (uint32_t)(slot / WIPPYI_WHEEL_SLOTS);
        slot %= WIPPYI_WHEEL_SLOTS;
        if (wippyi_wheel_is_empty(wheel->slots[level][slot])) {
            wippyi_wheel_vacate(wheel, level, (uint32_t)slot);
        }
    }
    return true;
}

/* ---- time passes ---- */

/* The first occupied slot after `slot`, around the level: how far away; 0: there is none. */
static uint32_t wippyi_wheel_ahead(const uint64_t words[WIPPYI_WHEEL_WORDS], uint32_t slot)
{
    uint32_t from = (slot + 1) % WIPPYI_WHEEL_SLOTS;
    uint32_t i;
    for (i = 0; i <= WIPPYI_WHEEL_WORDS; i++) {
        uint64_t word = words[from / 64] >> (from % 64);
        if (word != 0) {
            return (from + wippyi_lowest_bit(word) - slot) % WIPPYI_WHEEL_SLOTS;
        }
        from = (from / 64 + 1) % WIPPYI_WHEEL_WORDS * 64;
    }
    return 0;
}

/* When the first occupied slot begins. Every one lies after the present slot of its level. */
static uint64_t wippyi_wheel_first(const wippyi_wheel *wheel)
{
    uint64_t first = UINT64_MAX;
    uint32_t level;
    for (level = 0; level < WIPPYI_WHEEL_LEVELS; level++) {
        const uint64_t *words = wheel->occupied[level];
        if ((words[0] | words[1]) != 0) {
            uint32_t shift = WIPPYI_WHEEL_BITS * level;
            uint64_t now = wheel->now_tick >> shift;
            uint64_t begins = (now + wippyi_wheel_ahead(words, now % WIPPYI_WHEEL_SLOTS)) << shift;
            first = WIPPYI_MIN(first, begins);
        }
    }
    return first;
}

/* A node from a higher level: it was set before all that are there for the same tick. */
static void wippyi_wheel_put_oldest(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    uint32_t level = wippyi_wheel_level(wheel, node->tick);
    wippyi_timer_link *list = wippyi_wheel_list(wheel, node->tick, level);
    wippyi_timer_link *last = list->newer;
    node->at.older = list;
    node->at.newer = last;
    last->older = &node->at;
    list->newer = &node->at;
}

/* A slot begins: those due at its first tick go in front of `due`, the rest to lower levels. Newest first
   in both cases, so that the order is kept. How many are due. */
static uint32_t wippyi_wheel_settle(wippyi_wheel *wheel, uint32_t level, uint32_t slot,
                                    wippyi_timer_node **due)
{
    wippyi_timer_link *lists = wheel->slots[level][slot];
    wippyi_timer_link *at[WIPPYI_WHEEL_LANES];
    uint32_t count = 0;
    uint32_t left = WIPPYI_WHEEL_LANES;
    uint32_t i;
    wippyi_wheel_vacate(wheel, level, slot);
    for (i = 0; i < WIPPYI_WHEEL_LANES; i++) {
        at[i] = lists[i].older;
        lists[i].older = &lists[i];
        lists[i].newer = &lists[i];
    }
    while (left > 0) {
        left = 0;
        for (i = 0; i < WIPPYI_WHEEL_LANES; i++) {
            wippyi_timer_node *node = wippyi_wheel_node(at[i]);
            if (at[i] == &lists[i]) {
                continue;
            }
            left++;
            WIPPYI_PREFETCH(node->next);
            at[i] = node->at.older;
            if (node->tick > wheel->now_tick) {
                wippyi_wheel_put_oldest(wheel, node);
            } else {
                node->at.newer = NULL;
                node->next = *due;
                *due = node;
                count++;
            }
        }
    }
    return count;
}

/* now_tick has come: all slots that begin with it, low levels first: what was set later for it. */
static uint32_t wippyi_wheel_tick(wippyi_wheel *wheel, wippyi_timer_node **due)
{
    uint64_t tick = wheel->now_tick;
    uint32_t count = 0;
    uint32_t level;
    for (level = 0; level < WIPPYI_WHEEL_LEVELS; level++) {
        uint32_t slot = (uint32_t)tick & (WIPPYI_WHEEL_SLOTS - 1);
        if ((wheel->occupied[level][slot / 64] >> (slot % 64) & 1) != 0) {
            count += wippyi_wheel_settle(wheel, level, slot, due);
        }
        if (slot != 0) {
            break;
        }
        tick >>= WIPPYI_WHEEL_BITS;
    }
    return count;
}

WIPPYI_FN wippyi_timer_node *wippyi_wheel_advance(wippyi_wheel *wheel, uint64_t now_ns,
                                                  uint32_t limit)
{
    uint64_t target = now_ns >> WIPPYI_TICK_SHIFT;
    wippyi_timer_node *due = NULL;
    wippyi_timer_node **end = &due;
    uint32_t count = 0;
    uint64_t tick;
    while ((tick = wippyi_wheel_first(wheel)) <= target) {
        if (count >= limit) {
            break; /* now_tick stays where all has fired */
        }
        wheel->now_tick = tick;
        count += wippyi_wheel_tick(wheel, end);
        while (*end != NULL) {
            end = &(*end)->next;
        }
    }
    if (tick > target) {
        wheel->now_tick = WIPPYI_MAX(wheel->now_tick, target);
    }
    wheel->count -= count;
    return due;
}

WIPPYI_FN uint64_t wippyi_wheel_next_ns(const wippyi_wheel *wheel)
{
    uint64_t tick = wippyi_wheel_first(wheel);
    return tick != UINT64_MAX ? tick << WIPPYI_TICK_SHIFT : UINT64_MAX;
}
