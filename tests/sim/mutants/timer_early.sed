# a timer fires a tick early
# FILE timer.c
s/uint64_t tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part != 0 ? 1 : 0);/uint64_t tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part == 1 ? 1 : 0);/
