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
    memset(wheel, 0, sizeof(*wheel));
    wheel->now_tick = now_ns >> WIPPYI_TICK_SHIFT;
}

static void wippyi_wheel_vacate(wippyi_wheel *wheel, uint32_t level, uint32_t slot)
{
    wheel->occupied[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
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

/* node->tick must be after now_tick. */
static void wippyi_wheel_place(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    uint32_t level = wippyi_highest_bit(node->tick ^ wheel->now_tick) / WIPPYI_WHEEL_BITS;
    uint32_t slot =
        (uint32_t)(node->tick >> (WIPPYI_WHEEL_BITS * level)) & (WIPPYI_WHEEL_SLOTS - 1);
    wippyi_timer_node **head = &wheel->slots[level][slot][wippyi_wheel_lane(node->tick, level)];
    node->next = *head;
    node->link = head;
    if (node->next != NULL) {
        node->next->link = &node->next;
    }
    *head = node;
    wheel->occupied[level][slot / 64] |= (uint64_t)1 << (slot % 64);
}

WIPPYI_FN void wippyi_wheel_insert(wippyi_wheel *wheel, wippyi_timer_node *node,
                                   uint64_t deadline_ns)
{
    uint64_t part = deadline_ns & (((uint64_t)1 << WIPPYI_TICK_SHIFT) - 1);
    node->tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part != 0 ? 1 : 0);
    if (node->tick <= wheel->now_tick) {
        node->tick = wheel->now_tick + 1;
    }
    node->tick = WIPPYI_MIN(node->tick, ((uint64_t)1 << 48) - 1); /* the end of time */
    wippyi_wheel_place(wheel, node);
    wheel->count++;
}

/* `at`: a place among the heads of lists; one of them became empty. */
static void wippyi_wheel_emptied(wippyi_wheel *wheel, size_t at)
{
    size_t slot = at / WIPPYI_WHEEL_LANES;
    wippyi_timer_node *const *lanes = &wheel->slots[0][0][0] + slot * WIPPYI_WHEEL_LANES;
    if (lanes[0] == NULL && lanes[1] == NULL && lanes[2] == NULL && lanes[3] == NULL) {
        wippyi_wheel_vacate(wheel, (uint32_t)(slot / WIPPYI_WHEEL_SLOTS),
                            (uint32_t)(slot % WIPPYI_WHEEL_SLOTS));
    }
}

WIPPYI_FN bool wippyi_wheel_remove(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    wippyi_timer_node **heads = &wheel->slots[0][0][0];
    wippyi_timer_node **link = node->link;
    if (link == NULL) {
        return false;
    }
    *link = node->next;
    if (node->next != NULL) {
        node->next->link = link;
    } else if (link >= heads && link < heads + sizeof(wheel->slots) / sizeof(*heads)) {
        wippyi_wheel_emptied(wheel, (size_t)(link - heads));
    }
    node->link = NULL;
    wheel->count--;
    return true;
}

/* The occupied slot that comes first, and its time. Every occupied slot of a level lies after the
   wheel's present slot of that level, and every time of a level before all of the next. */
static bool wippyi_wheel_first(const wippyi_wheel *wheel, uint32_t *level, uint32_t *slot,
                               uint64_t *tick)
{
    const uint64_t *words = &wheel->occupied[0][0];
    uint32_t i;
    for (i = 0; i < WIPPYI_WHEEL_LEVELS * WIPPYI_WHEEL_WORDS; i++) {
        if (words[i] != 0) {
            uint32_t shift = WIPPYI_WHEEL_BITS * (i / WIPPYI_WHEEL_WORDS);
            uint64_t prefix = (wheel->now_tick >> shift) & ~(uint64_t)(WIPPYI_WHEEL_SLOTS - 1);
            *level = i / WIPPYI_WHEEL_WORDS;
            *slot = i % WIPPYI_WHEEL_WORDS * 64 + wippyi_lowest_bit(words[i]);
            *tick = (prefix | *slot) << shift;
            return true;
        }
    }
    return false;
}

/* A list has its newest node first; what was set first is handled first, and so stays first in the slot
   it moves down to. Takes the lists of a slot out of the wheel, turned around. */
static void wippyi_wheel_take(wippyi_wheel *wheel, uint32_t level, uint32_t slot,
                              wippyi_timer_node *oldest[WIPPYI_WHEEL_LANES])
{
    wippyi_timer_node **newest = wheel->slots[level][slot];
    uint32_t left = WIPPYI_WHEEL_LANES;
    uint32_t i;
    memset(oldest, 0, WIPPYI_WHEEL_LANES * sizeof(*oldest));
    while (left > 0) {
        left = 0;
        for (i = 0; i < WIPPYI_WHEEL_LANES; i++) {
            wippyi_timer_node *node = newest[i];
            if (node != NULL) {
                newest[i] = node->next;
                node->next = oldest[i];
                oldest[i] = node;
                left++;
            }
        }
    }
    wippyi_wheel_vacate(wheel, level, slot);
}

/* The nodes of a slot above the lowest level go where they belong now; those due at its first tick
   come back. */
static wippyi_timer_node *wippyi_wheel_settle(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    wippyi_timer_node *due = NULL;
    wippyi_timer_node **end = &due;
    while (node != NULL) {
        wippyi_timer_node *next = node->next;
        if (node->tick <= wheel->now_tick) {
            node->next = NULL;
            *end = node;
            end = &node->next;
        } else {
            wippyi_wheel_place(wheel, node);
        }
        node = next;
    }
    return due;
}

WIPPYI_FN wippyi_timer_node *wippyi_wheel_advance(wippyi_wheel *wheel, uint64_t now_ns,
                                                  uint32_t limit)
{
    uint64_t target = now_ns >> WIPPYI_TICK_SHIFT;
    wippyi_timer_node *due = NULL;
    wippyi_timer_node **end = &due;
    wippyi_timer_node *lists[WIPPYI_WHEEL_LANES];
    uint32_t level, slot, i;
    uint32_t count = 0;
    uint64_t tick;
    while (wippyi_wheel_first(wheel, &level, &slot, &tick) && tick <= target) {
        if (count >= limit) {
            return due; /* now_tick stays where all has fired */
        }
        wippyi_wheel_take(wheel, level, slot, lists);
        wheel->now_tick = tick;
        for (i = 0; i < WIPPYI_WHEEL_LANES; i++) {
            *end = wippyi_wheel_settle(wheel, lists[i]);
            for (; *end != NULL; end = &(*end)->next) {
                (*end)->link = NULL;
                wheel->count--;
                count++;
            }
        }
    }
    wheel->now_tick = WIPPYI_MAX(wheel->now_tick, target);
    return due;
}

WIPPYI_FN uint64_t wippyi_wheel_next_ns(const wippyi_wheel *wheel)
{
    uint32_t level, slot;
    uint64_t tick;
    if (!wippyi_wheel_first(wheel, &level, &slot, &tick)) {
        return UINT64_MAX;
    }
    return tick << WIPPYI_TICK_SHIFT;
}
