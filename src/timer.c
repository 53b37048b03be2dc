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

/* node->tick must be after now_tick. */
static void wippyi_wheel_place(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    uint32_t level = wippyi_highest_bit(node->tick ^ wheel->now_tick) / 6;
    uint32_t slot = (uint32_t)(node->tick >> (6 * level)) & (WIPPYI_WHEEL_SLOTS - 1);
    wippyi_timer_node **head = &wheel->slots[level][slot];
    node->next = *head;
    node->link = head;
    if (node->next != NULL) {
        node->next->link = &node->next;
    }
    *head = node;
    wheel->occupied[level] |= (uint64_t)1 << slot;
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

WIPPYI_FN bool wippyi_wheel_remove(wippyi_wheel *wheel, wippyi_timer_node *node)
{
    wippyi_timer_node **first = &wheel->slots[0][0];
    if (node->link == NULL) {
        return false;
    }
    *node->link = node->next;
    if (node->next != NULL) {
        node->next->link = node->link;
    } else if (node->link >= first &&
               node->link < first + WIPPYI_WHEEL_LEVELS * WIPPYI_WHEEL_SLOTS &&
               *node->link == NULL) {
        size_t at = (size_t)(node->link - first); /* the slot became empty */
        wheel->occupied[at / WIPPYI_WHEEL_SLOTS] &= ~((uint64_t)1 << (at % WIPPYI_WHEEL_SLOTS));
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
    uint32_t i;
    for (i = 0; i < WIPPYI_WHEEL_LEVELS; i++) {
        if (wheel->occupied[i] != 0) {
            uint32_t shift = 6 * i;
            uint64_t prefix = (wheel->now_tick >> shift) & ~(uint64_t)(WIPPYI_WHEEL_SLOTS - 1);
            *level = i;
            *slot = wippyi_lowest_bit(wheel->occupied[i]);
            *tick = (prefix | *slot) << shift;
            return true;
        }
    }
    return false;
}

/* A slot has its newest node first; what was set first is handled first, and so stays first in the slot
   it moves down to. */
static wippyi_timer_node *wippyi_wheel_oldest_first(wippyi_timer_node *node)
{
    wippyi_timer_node *ordered = NULL;
    while (node != NULL) {
        wippyi_timer_node *next = node->next;
        node->next = ordered;
        ordered = node;
        node = next;
    }
    return ordered;
}

WIPPYI_FN wippyi_timer_node *wippyi_wheel_advance(wippyi_wheel *wheel, uint64_t now_ns)
{
    uint64_t target = now_ns >> WIPPYI_TICK_SHIFT;
    wippyi_timer_node *due = NULL;
    wippyi_timer_node **due_end = &due;
    uint32_t level, slot;
    uint64_t tick;
    while (wippyi_wheel_first(wheel, &level, &slot, &tick) && tick <= target) {
        wippyi_timer_node *node = wippyi_wheel_oldest_first(wheel->slots[level][slot]);
        wheel->slots[level][slot] = NULL;
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
        wheel->now_tick = tick;
        while (node != NULL) {
            wippyi_timer_node *next = node->next;
            if (node->tick <= tick) {
                node->next = NULL;
                node->link = NULL;
                *due_end = node;
                due_end = &node->next;
                wheel->count--;
            } else {
                wippyi_wheel_place(wheel, node);
            }
            node = next;
        }
    }
    if (wheel->now_tick < target) {
        wheel->now_tick = target;
    }
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
