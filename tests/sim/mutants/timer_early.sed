# a timer fires a tick early
# FILE timer.c
s/node->tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part != 0 ? 1 : 0);/node->tick = (deadline_ns >> WIPPYI_TICK_SHIFT) + (part == 1 ? 1 : 0);/
