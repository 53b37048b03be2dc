/* ========================================================================== >>groups
   Process groups: who belongs to which group of a scope, and who is told of joins and leaves.
   Any thread reads; a process joins, leaves and watches in its own steps only.
   Locks: one mutex; held while a join or leave is queued at the watchers, so that all of them hear of
          two in the same order. It is taken before a stripe, never with one held.
   Allocates: a block a membership, one a group, one a watch; the encoded news.
   Holds: a process is a member of what it joined until it leaves or ends, also over an upgrade; a group
          exists while it has members. */
#ifndef WIPPYI_GROUPS_H
#define WIPPYI_GROUPS_H

#include "core.h"

typedef struct wippyi_group wippyi_group;

/* One process in one group. */
typedef struct wippyi_member {
    struct wippyi_member *next; /* in the group, in the order of joining; guarded by the lock */
    struct wippyi_member **link;
    struct wippyi_member *own_next; /* of the process; owner only, as all below */
    wippyi_group *group;
    uint64_t pid;   /* constant */
    uint32_t joins;
} wippyi_member;

/* A process that wants to know. The texts stand behind it. */
typedef struct wippyi_group_watch {
    struct wippyi_group_watch *next; /* in the order of asking; guarded by the lock */
    struct wippyi_group_watch **link;
    struct wippyi_group_watch *own_next; /* owner only */
    uint64_t number;                     /* constant, as all below */
    uint64_t pid;
    size_t bytes; /* of this block */
    const char *scope;
    const char *name; /* "" = every group */
    const char *topic;
} wippyi_group_watch;

WIPPYI_FN wippy_result wippyi_groups_init(wippy_runtime *rt);
WIPPYI_FN void wippyi_groups_destroy(wippy_runtime *rt);

/* The process ends: it watches nothing any more and leaves every group. Only its last owner, without a
   lock; `relations` are out of reach for others. */
WIPPYI_FN void wippyi_groups_exit(wippy_runtime *rt, wippyi_relations *relations);

#endif /* WIPPYI_GROUPS_H */
