#include "relations.h"

#include "groups.h"
#include "message.h"
#include "process.h"
#include "sim.h"

#include <string.h>

/* ---- stripes ---- */

static wippyi_latch *wippyi_stripe_of(wippy_runtime *rt, uint64_t pid)
{
    return wippyi_stripe_at(rt, wippyi_pid_slot(pid));
}

static void wippyi_stripes_lock(wippy_runtime *rt, uint64_t a, uint64_t b)
{
    wippyi_latch *first = wippyi_stripe_of(rt, a);
    wippyi_latch *second = wippyi_stripe_of(rt, b);
    if (first > second) {
        wippyi_latch *other = first;
        first = second;
        second = other;
    }
    wippyi_latch_take(first);
    if (second != first) {
        wippyi_latch_take(second);
    }
}

static void wippyi_stripes_unlock(wippy_runtime *rt, uint64_t a, uint64_t b)
{
    wippyi_latch *first = wippyi_stripe_of(rt, a);
    wippyi_latch *second = wippyi_stripe_of(rt, b);
    wippyi_latch_drop(first);
    if (second != first) {
        wippyi_latch_drop(second);
    }
}

static wippyi_shard *wippyi_shard_of(wippy_runtime *rt, const char *name, size_t bytes)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    size_t i;
    for (i = 0; i < bytes; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    }
    return &rt->shards[(hash ^ (hash >> 16)) % WIPPYI_NAME_SHARDS];
}

WIPPYI_FN wippy_result wippyi_relations_init(wippy_runtime *rt)
{
    wippy_result r = WIPPY_OK;
    uint32_t i;
    for (i = 0; i < WIPPYI_STRIPES && r == WIPPY_OK; i++) {
        r = wippyi_latch_init(&rt->stripes[i].latch);
    }
    for (i = 0; i < WIPPYI_NAME_SHARDS && r == WIPPY_OK; i++) {
        r = wippyi_mutex_init(&rt->shards[i].lock);
        wippyi_strmap_init(&rt->shards[i].names, &rt->mem);
    }
    return r;
}

WIPPYI_FN void wippyi_relations_destroy(wippy_runtime *rt)
{
    uint32_t i;
    for (i = 0; i < WIPPYI_NAME_SHARDS; i++) {
        wippyi_strmap_destroy(&rt->shards[i].names);
        wippyi_mutex_destroy(&rt->shards[i].lock);
    }
    for (i = 0; i < WIPPYI_STRIPES; i++) {
        wippyi_latch_destroy(&rt->stripes[i].latch);
    }
}

/* ---- records ---- */

WIPPYI_FN wippyi_relation *wippyi_relation_new(wippy_runtime *rt, wippyi_worker *w)
{
    wippyi_relation *relation = (wippyi_relation *)wippyi_block_get(rt, w, sizeof(wippyi_relation));
    if (relation != NULL) {
        memset(relation, 0, sizeof(*relation));
        relation->at_watcher.relation = relation;
        relation->at_target.relation = relation;
        relation->mail.class_ = WIPPYI_MAIL_RELATION;
    }
    return relation;
}

WIPPYI_FN void wippyi_relation_free(wippy_runtime *rt, wippyi_worker *w, wippyi_relation *relation)
{
    if (relation != NULL) {
        wippyi_result_release(rt, relation->result);
        wippyi_block_put(rt, w, relation, sizeof(*relation));
    }
}

static wippyi_relations *wippyi_relations_new(wippy_runtime *rt, wippyi_worker *w)
{
    wippyi_relations *relations =
        (wippyi_relations *)wippyi_block_get(rt, w, sizeof(wippyi_relations));
    if (relations != NULL) {
        memset(relations, 0, sizeof(*relations));
    }
    return relations;
}

static void wippyi_rel_push(wippyi_rel_node **head, wippyi_rel_node *node)
{
    node->next = *head;
    node->link = head;
    if (node->next != NULL) {
        node->next->link = &node->next;
    }
    *head = node;
}

static void wippyi_rel_unlink(wippyi_rel_node *node)
{
    *node->link = node->next;
    if (node->next != NULL) {
        node->next->link = node->link;
    }
    node->link = NULL;
}

/* Both ends count: the target's slot may have a later tenant, and the two may be one process. */
static bool wippyi_relation_joins(const wippyi_relation *relation, uint64_t watcher, uint64_t target)
{
    return (relation->watcher == watcher && relation->target == target) ||
           (relation->is_link && relation->watcher == target && relation->target == watcher);
}

/* The record between two processes, under both stripes. Walks the two lists side by side, so it
   costs twice the shorter one. */
static wippyi_relation *wippyi_relation_find(wippyi_slot *a, wippyi_slot *b, uint64_t watcher,
                                             uint64_t target, bool is_link)
{
    wippyi_rel_node *mine, *theirs;
    if (a->relations == NULL || b->relations == NULL) {
        return NULL;
    }
    mine = is_link ? a->relations->links : a->relations->watching;
    theirs = is_link ? b->relations->links : b->relations->watched;
    while (mine != NULL && theirs != NULL) {
        wippyi_relation *x = mine->relation;
        wippyi_relation *y = theirs->relation;
        if (wippyi_relation_joins(x, watcher, target)) {
            return x;
        }
        if (wippyi_relation_joins(y, watcher, target)) {
            return y;
        }
        mine = mine->next;
        theirs = theirs->next;
    }
    return NULL;
}

/* Give an end a list head, from the spares when it has none. */
static void wippyi_relations_ensure(wippyi_slot *slot, wippyi_relations *spares[2])
{
    if (slot->relations == NULL) {
        uint32_t i = spares[0] != NULL ? 0 : 1;
        slot->relations = spares[i];
        spares[i] = NULL;
    }
}

WIPPYI_FN wippyi_relations *wippyi_relations_look(wippy_runtime *rt, wippyi_slot *slot, uint64_t pid)
{
    wippyi_relations *relations;
    wippyi_latch_take(wippyi_stripe_of(rt, pid));
    relations = slot->relations;
    wippyi_latch_drop(wippyi_stripe_of(rt, pid));
    return relations;
}

WIPPYI_FN wippyi_relations *wippyi_relations_own(wippy_runtime *rt, wippyi_worker *w,
                                                 wippyi_slot *slot, uint64_t pid)
{
    wippyi_relations *relations = wippyi_relations_look(rt, slot, pid);
    wippyi_relations *spares[2];
    if (relations != NULL) {
        return relations;
    }
    spares[0] = NULL;
    spares[1] = wippyi_relations_new(rt, w);
    if (spares[1] == NULL) {
        return NULL;
    }
    wippyi_latch_take(wippyi_stripe_of(rt, pid));
    if (wippyi_tenant_is(slot, pid)) {
        wippyi_relations_ensure(slot, spares);
        relations = slot->relations;
    }
    wippyi_latch_drop(wippyi_stripe_of(rt, pid));
    wippyi_block_put(rt, w, spares[1], sizeof(wippyi_relations));
    return relations;
}

WIPPYI_FN wippy_result wippyi_relate(wippy_runtime *rt, wippyi_relation *relation,
                                     wippyi_relations *spares[2], bool target_is_new)
{
    uint64_t watcher = relation->watcher;
    uint64_t target = relation->target;
    wippyi_slot *a = wippyi_slot_of(rt, watcher);
    wippyi_slot *b = wippyi_slot_of(rt, target);
    wippy_result r = WIPPY_OK;
    if (a == NULL || b == NULL) {
        return WIPPY_ERR_GONE;
    }
    wippyi_stripes_lock(rt, watcher, target);
    if (!wippyi_tenant_is(a, watcher) || !wippyi_tenant_is(b, target) ||
        !(target_is_new || wippyi_slot_is(b, target))) {
        r = WIPPY_ERR_GONE;
    } else if (wippyi_relation_find(a, b, watcher, target, relation->is_link) != NULL) {
        r = WIPPY_ERR_EXISTS;
    } else {
        wippyi_relations_ensure(a, spares);
        wippyi_relations_ensure(b, spares);
        wippyi_rel_push(relation->is_link ? &a->relations->links : &a->relations->watching,
                        &relation->at_watcher);
        wippyi_rel_push(relation->is_link ? &b->relations->links : &b->relations->watched,
                        &relation->at_target);
    }
    wippyi_stripes_unlock(rt, watcher, target);
    return r;
}

/* ---- public: monitor and link ---- */

static wippy_result wippyi_relate_to(wippy_self *self, wippy_pid target, bool is_link)
{
    wippy_runtime *rt = self->rt;
    wippyi_relation *relation;
    wippyi_relations *spares[2];
    wippy_result r;
    if (self->slot == NULL || wippyi_self_closing(self) || target.id == 0) {
        return self->slot == NULL || wippyi_self_closing(self) ? WIPPY_ERR_INVALID : WIPPY_ERR_GONE;
    }
    if (target.id == self->pid.id) {
        return is_link ? WIPPY_OK : WIPPY_ERR_INVALID;
    }
    relation = wippyi_relation_new(rt, self->worker);
    spares[0] = wippyi_relations_new(rt, self->worker);
    spares[1] = wippyi_relations_new(rt, self->worker);
    if (relation == NULL || spares[0] == NULL || spares[1] == NULL) {
        r = WIPPY_ERR_NOMEM;
    } else {
        relation->watcher = self->pid.id;
        relation->target = target.id;
        relation->is_link = is_link;
        r = wippyi_relate(rt, relation, spares, false);
    }
    if (r != WIPPY_OK) {
        wippyi_relation_free(rt, self->worker, relation);
    }
    wippyi_block_put(rt, self->worker, spares[0], sizeof(wippyi_relations));
    wippyi_block_put(rt, self->worker, spares[1], sizeof(wippyi_relations));
    return is_link && r == WIPPY_ERR_EXISTS ? WIPPY_OK : r;
}

static wippy_result wippyi_unrelate(wippy_self *self, wippy_pid target, bool is_link)
{
    wippy_runtime *rt = self->rt;
    wippyi_slot *other = wippyi_slot_of(rt, target.id);
    wippyi_relation *relation;
    if (self->slot == NULL) {
        return WIPPY_ERR_INVALID;
    }
    if (other == NULL) {
        return WIPPY_OK;
    }
    wippyi_stripes_lock(rt, self->pid.id, target.id);
    relation = wippyi_relation_find(self->slot, other, self->pid.id, target.id, is_link);
    if (relation != NULL) {
        wippyi_rel_unlink(&relation->at_watcher);
        wippyi_rel_unlink(&relation->at_target);
    }
    wippyi_stripes_unlock(rt, self->pid.id, target.id);
    wippyi_relation_free(rt, self->worker, relation);
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_monitor(wippy_self *self, wippy_pid target)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.monitor", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_relate_to(self, target, false);
}

WIPPY_API wippy_result wippy_unmonitor(wippy_self *self, wippy_pid target)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.unmonitor", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_unrelate(self, target, false);
}

WIPPY_API wippy_result wippy_link(wippy_self *self, wippy_pid target)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.link", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_relate_to(self, target, true);
}

WIPPY_API wippy_result wippy_unlink(wippy_self *self, wippy_pid target)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.unlink", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_unrelate(self, target, true);
}

/* ---- exit ---- */

/* How many records are pulled before others who wait for the stripe get a chance. */
#define WIPPYI_DRAIN_AT_ONCE 64

/* Under the stripe of `pid`: lock that of `peer` too. Waiting is allowed in ascending order only; against it
   there is a try, and when that fails both are locked anew. False: the stripe of `pid` was free for a
   moment, so what was seen under it may be gone. */
static bool wippyi_stripe_join(wippy_runtime *rt, uint64_t pid, uint64_t peer)
{
    wippyi_latch *own = wippyi_stripe_of(rt, pid);
    wippyi_latch *other = wippyi_stripe_of(rt, peer);
    if (other == own || (other < own && wippyi_latch_try(other))) {
        return true;
    }
    if (other > own) {
        wippyi_latch_take(other);
        return true;
    }
    wippyi_latch_drop(own);
    wippyi_stripes_lock(rt, pid, peer);
    return false;
}

static void wippyi_stripe_part(wippy_runtime *rt, uint64_t pid, uint64_t peer)
{
    if (wippyi_stripe_of(rt, pid) != wippyi_stripe_of(rt, peer)) {
        wippyi_latch_drop(wippyi_stripe_of(rt, peer));
    }
}

/* Everything of one list of a process that ends, out of it and out of the lists of the peers, chained
   through mail.next_. Under the stripe of `pid`, which is let go now and then: the list only becomes
   shorter meanwhile. */
static wippyi_relation *wippyi_relations_drain(wippy_runtime *rt, uint64_t pid,
                                               wippyi_rel_node **list)
{
    wippyi_relation *chain = NULL;
    wippyi_rel_node *node;
    uint32_t taken = 0;
    while ((node = *list) != NULL) {
        wippyi_relation *relation = node->relation;
        uint64_t peer = relation->watcher == pid ? relation->target : relation->watcher;
        if (wippyi_stripe_join(rt, pid, peer) || *list == node) {
            wippyi_rel_unlink(&relation->at_watcher);
            wippyi_rel_unlink(&relation->at_target);
            relation->mail.next_ = chain != NULL ? &chain->mail : NULL;
            chain = relation;
        }
        wippyi_stripe_part(rt, pid, peer);
        if (WIPPYI_UNLIKELY(++taken % WIPPYI_DRAIN_AT_ONCE == 0)) {
            wippyi_latch_drop(wippyi_stripe_of(rt, pid));
            wippyi_latch_take(wippyi_stripe_of(rt, pid));
        }
    }
    return chain;
}

#undef WIPPYI_DRAIN_AT_ONCE

static wippyi_relation *wippyi_relation_next(wippyi_relation *relation)
{
    wippy_mail *next = relation->mail.next_;
    return next != NULL ? WIPPYI_CONTAINER_OF(next, wippyi_relation, mail) : NULL;
}

/* Turn the records into mail; with kind < 0 only free them. */
static void wippyi_relations_tell(wippy_runtime *rt, wippyi_worker *w, wippyi_relation *chain,
                                  uint64_t pid, int kind, wippy_result code, wippyi_result *result)
{
    while (chain != NULL) {
        wippyi_relation *next = wippyi_relation_next(chain);
        uint64_t peer = chain->watcher == pid ? chain->target : chain->watcher;
        wippy_mail *mail = &chain->mail;
        if (kind < 0) {
            wippyi_relation_free(rt, w, chain);
            chain = next;
            continue;
        }
        wippyi_result_hold(result);
        chain->result = result;
        mail->to_ = peer;
        mail->from.id = pid;
        mail->topic.id = 0;
        mail->kind = (uint8_t)kind;
        mail->flags = 0;
        mail->result = (int8_t)code;
        mail->size = result != NULL ? (uint32_t)result->size : 0;
        mail->count = (uint16_t)(mail->size > 0 ? 1 : 0);
        if (wippyi_deliver(rt, w, peer, mail) != WIPPY_OK) {
            wippyi_relation_free(rt, w, chain);
        }
        wippyi_sim_pause(rt);
        chain = next;
    }
}

WIPPYI_FN void wippyi_relation_broken(wippy_runtime *rt, wippyi_worker *w,
                                      wippyi_relation *link)
{
    wippyi_relations_tell(rt, w, link, link->watcher, (int)WIPPY_MAIL_LINK_DOWN, WIPPY_ERR_GONE,
                          NULL);
}

static void wippyi_name_free(wippy_runtime *rt, wippyi_name *name)
{
    wippyi_mem_free(&rt->mem, name->text, name->bytes + 1);
    wippyi_mem_free(&rt->mem, name, sizeof(*name));
}

/* Under the stripe of the owner, which ends: from here on its exit holds the names. */
static wippyi_name *wippyi_names_unlist(wippyi_relations *relations)
{
    wippyi_name *names = relations->names;
    wippyi_name *name;
    relations->names = NULL;
    for (name = names; name != NULL; name = name->next) {
        name->listed = false;
    }
    return names;
}

static void wippyi_names_exit(wippy_runtime *rt, wippyi_name *names)
{
    while (names != NULL) {
        wippyi_shard *shard = wippyi_shard_of(rt, names->text, names->bytes);
        wippyi_name *name = names;
        names = names->next;
        wippyi_mutex_lock(&shard->lock);
        if (wippyi_strmap_get(&shard->names, name->text, name->bytes) == name) {
            wippyi_strmap_remove(&shard->names, name->text, name->bytes, NULL);
        }
        wippyi_mutex_unlock(&shard->lock);
        wippyi_name_free(rt, name);
    }
}

static void wippyi_waiters_tell(wippy_runtime *rt, wippyi_worker *w, wippyi_waiter *waiter,
                                uint64_t from)
{
    while (waiter != NULL) {
        wippyi_waiter *next = waiter->next;
        waiter->mail->from.id = from;
        waiter->mail->kind = (uint8_t)WIPPY_MAIL_WRITABLE;
        if (wippyi_deliver(rt, w, waiter->pid, waiter->mail) != WIPPY_OK) {
            wippyi_mail_free(rt, w, waiter->mail);
        }
        wippyi_block_put(rt, w, waiter, sizeof(*waiter));
        waiter = next;
    }
}

WIPPYI_FN void wippyi_relations_exit(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                     uint64_t pid, wippy_result code, wippyi_result *result)
{
    wippyi_relations *relations;
    wippyi_relation *watched, *watching, *links;
    wippyi_waiter *waiters;
    wippyi_name *names;
    wippyi_latch_take(wippyi_stripe_of(rt, pid));
    wippyi_a64_store_rel(&slot->tenant, pid | WIPPYI_LIFE_TERMINATE); /* nothing new from here on */
    relations = slot->relations;
    if (relations == NULL) {
        wippyi_latch_drop(wippyi_stripe_of(rt, pid));
        wippyi_sim_pause(rt);
        return;
    }
    names = wippyi_names_unlist(relations);
    watching = wippyi_relations_drain(rt, pid, &relations->watching);
    watched = wippyi_relations_drain(rt, pid, &relations->watched);
    links = wippyi_relations_drain(rt, pid, &relations->links);
    waiters = relations->waiters;
    slot->relations = NULL;
    wippyi_latch_drop(wippyi_stripe_of(rt, pid));
    wippyi_sim_pause(rt);
    wippyi_names_exit(rt, names);
    wippyi_groups_exit(rt, relations);
    wippyi_sim_pause(rt);
    wippyi_relations_tell(rt, w, watching, pid, -1, code, NULL);
    wippyi_relations_tell(rt, w, watched, pid, (int)WIPPY_MAIL_EXIT, code, result);
    wippyi_relations_tell(rt, w, links, pid, code != WIPPY_OK ? (int)WIPPY_MAIL_LINK_DOWN : -1,
                          code, result);
    wippyi_waiters_tell(rt, w, waiters, pid);
    wippyi_block_put(rt, w, relations, sizeof(*relations));
}

/* ---- names ---- */

static wippyi_name *wippyi_name_new(wippy_runtime *rt, const char *text, size_t bytes, uint64_t pid)
{
    wippyi_name *name = (wippyi_name *)wippyi_mem_alloc(&rt->mem, sizeof(*name));
    if (name == NULL) {
        return NULL;
    }
    memset(name, 0, sizeof(*name));
    name->pid = pid;
    name->bytes = bytes;
    name->text = wippyi_mem_text(&rt->mem, text, bytes);
    if (name->text == NULL) {
        wippyi_mem_free(&rt->mem, name, sizeof(*name));
        return NULL;
    }
    return name;
}

/* Under the shard: into the owner's list, if the owner lives. */
static wippy_result wippyi_name_list(wippy_runtime *rt, wippyi_name *name, bool owner_is_new,
                                     wippyi_relations *spares[2])
{
    wippyi_slot *slot = wippyi_slot_of(rt, name->pid);
    wippy_result r = WIPPY_ERR_GONE;
    if (slot == NULL) {
        return r;
    }
    wippyi_latch_take(wippyi_stripe_of(rt, name->pid));
    if (wippyi_tenant_is(slot, name->pid) && (owner_is_new || wippyi_slot_is(slot, name->pid))) {
        wippyi_relations_ensure(slot, spares);
        name->next = slot->relations->names;
        name->link = &slot->relations->names;
        if (name->next != NULL) {
            name->next->link = &name->next;
        }
        slot->relations->names = name;
        name->listed = true;
        r = WIPPY_OK;
    }
    wippyi_latch_drop(wippyi_stripe_of(rt, name->pid));
    return r;
}

/* Under the shard: out of the owner's list. False: the owner's exit holds it. */
static bool wippyi_name_unlist(wippy_runtime *rt, wippyi_name *name)
{
    bool listed;
    wippyi_latch_take(wippyi_stripe_of(rt, name->pid));
    listed = name->listed;
    if (listed) {
        *name->link = name->next;
        if (name->next != NULL) {
            name->next->link = name->link;
        }
        name->listed = false;
    }
    wippyi_latch_drop(wippyi_stripe_of(rt, name->pid));
    return listed;
}

/* Has the owner closed its relations? From then on it gets no new name and lets go of the old ones. */
static bool wippyi_name_abandoned(wippy_runtime *rt, const wippyi_name *name)
{
    wippyi_slot *owner = wippyi_slot_of(rt, name->pid);
    bool open;
    wippyi_latch_take(wippyi_stripe_of(rt, name->pid));
    open = owner != NULL && wippyi_tenant_is(owner, name->pid);
    wippyi_latch_drop(wippyi_stripe_of(rt, name->pid));
    return !open;
}

/* Under the shard. A name whose owner's exit is under way is free: EXISTS would be a lie that ends in
   a moment, so its record is replaced; the exit then finds another record there, or none. */
static wippy_result wippyi_name_insert(wippy_runtime *rt, wippyi_shard *shard, wippyi_name *name,
                                       bool owner_is_new, wippyi_relations *spares[2])
{
    wippyi_name *old = (wippyi_name *)wippyi_strmap_get(&shard->names, name->text, name->bytes);
    wippy_result r;
    if (old != NULL && !wippyi_name_abandoned(rt, old)) {
        return old->pid == name->pid ? WIPPY_PENDING /* already so */ : WIPPY_ERR_EXISTS;
    }
    if (old != NULL) {
        wippyi_strmap_remove(&shard->names, name->text, name->bytes, NULL);
        if (wippyi_name_unlist(rt, old)) { /* quicker than the exit */
            wippyi_name_free(rt, old);
        }
    }
    r = wippyi_strmap_put(&shard->names, name->text, name->bytes, name);
    if (r != WIPPY_OK) {
        return r;
    }
    r = wippyi_name_list(rt, name, owner_is_new, spares);
    if (r != WIPPY_OK) {
        wippyi_strmap_remove(&shard->names, name->text, name->bytes, NULL);
    }
    return r;
}

WIPPYI_FN wippy_result wippyi_name_claim(wippy_runtime *rt, const char *text, size_t bytes,
                                         uint64_t pid, bool owner_is_new)
{
    wippyi_shard *shard = wippyi_shard_of(rt, text, bytes);
    wippyi_relations *spares[2];
    wippyi_name *name;
    wippy_result r = WIPPY_ERR_NOMEM;
    if (bytes == 0) {
        return WIPPY_ERR_INVALID;
    }
    name = wippyi_name_new(rt, text, bytes, pid);
    spares[0] = NULL;
    spares[1] = wippyi_relations_new(rt, NULL);
    if (name != NULL && spares[1] != NULL) {
        wippyi_mutex_lock(&shard->lock);
        r = wippyi_name_insert(rt, shard, name, owner_is_new, spares);
        wippyi_mutex_unlock(&shard->lock);
    }
    if (r != WIPPY_OK && name != NULL) {
        wippyi_name_free(rt, name);
    }
    wippyi_block_put(rt, NULL, spares[1], sizeof(wippyi_relations));
    return r == WIPPY_PENDING ? WIPPY_OK : r;
}

WIPPY_API wippy_result wippy_name_register(wippy_self *self, const char *name, size_t bytes,
                                           wippy_pid pid)
{
    size_t length = name == NULL ? 0 : bytes == 0 ? strlen(name) : bytes;
    if (length == 0) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_sim_point(self);
    if (!wippyi_door_text(self, "process.registry.register", name, length)) {
        return WIPPY_ERR_DENIED;
    }
    if (pid.id != self->pid.id && !wippyi_door_pid(self, "process.registry.foreign", pid)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_name_claim(self->rt, name, length, pid.id,
                             self->slot != NULL && pid.id == self->pid.id);
}

WIPPY_API wippy_result wippy_name_find(wippy_runtime *rt, const char *name, size_t bytes,
                                       wippy_pid *out)
{
    size_t length = name == NULL ? 0 : bytes == 0 ? strlen(name) : bytes;
    wippyi_shard *shard;
    wippyi_name *found;
    uint64_t pid = 0;
    if (length == 0) {
        return WIPPY_ERR_NOTFOUND;
    }
    shard = wippyi_shard_of(rt, name, length);
    wippyi_mutex_lock(&shard->lock);
    found = (wippyi_name *)wippyi_strmap_get(&shard->names, name, length);
    if (found != NULL) {
        pid = found->pid;
    }
    wippyi_mutex_unlock(&shard->lock);
    if (pid == 0) {
        return WIPPY_ERR_NOTFOUND;
    }
    out->id = pid;
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_name_release(wippy_self *self, const char *name, size_t bytes)
{
    wippy_runtime *rt = self->rt;
    size_t length = name == NULL ? 0 : bytes == 0 ? strlen(name) : bytes;
    wippyi_shard *shard;
    wippyi_name *found;
    bool ours = false;
    if (length == 0) {
        return WIPPY_ERR_NOTFOUND;
    }
    wippyi_sim_point(self);
    if (!wippyi_door_text(self, "process.registry.unregister", name, length)) {
        return WIPPY_ERR_DENIED;
    }
    shard = wippyi_shard_of(rt, name, length);
    wippyi_mutex_lock(&shard->lock);
    found = (wippyi_name *)wippyi_strmap_get(&shard->names, name, length);
    if (found != NULL) {
        ours = wippyi_name_unlist(rt, found);
        if (ours) {
            wippyi_strmap_remove(&shard->names, name, length, NULL);
        }
    }
    wippyi_mutex_unlock(&shard->lock);
    if (!ours) {
        return WIPPY_ERR_NOTFOUND;
    }
    wippyi_name_free(rt, found);
    return WIPPY_OK;
}

/* ---- waiting for room ---- */

static bool wippyi_has_room(const wippyi_slot *slot)
{
    uint32_t limit = wippyi_a32_load_rlx(&wippyi_slot_host(slot)->mailbox_limit);
    return limit == 0 || wippyi_a32_load_sc(&slot->pending) < limit;
}

WIPPYI_FN void wippyi_relations_writable(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    uint64_t pid = wippyi_a64_load_acq(&slot->life) & ~WIPPYI_LIFE_TERMINATE;
    wippyi_waiter *waiters = NULL;
    wippyi_latch *stripe = wippyi_stripe_at(rt, slot->head.index);
    wippyi_latch_take(stripe);
    /* with the list, under the stripe: whoever waits from here on sets the mark again */
    wippyi_a32_and_sc(&slot->marks, ~(uint32_t)WIPPYI_MARK_WRITABLE);
    if (slot->relations != NULL) {
        waiters = slot->relations->waiters;
        slot->relations->waiters = NULL;
    }
    wippyi_latch_drop(stripe);
    wippyi_waiters_tell(rt, w, waiters, pid);
}

WIPPY_API wippy_result wippy_want_writable(wippy_self *self, wippy_pid to)
{
    wippy_runtime *rt = self->rt;
    wippyi_slot *slot = wippyi_slot_of(rt, to.id);
    wippy_message message;
    wippyi_waiter *waiter;
    wippyi_relations *spares[2];
    wippy_result r = WIPPY_ERR_NOMEM;
    wippyi_sim_point(self);
    if (self->slot == NULL || slot == NULL || !wippyi_slot_is(slot, to.id)) {
        return self->slot == NULL ? WIPPY_ERR_INVALID : WIPPY_ERR_GONE;
    }
    memset(&message, 0, sizeof(message));
    waiter = (wippyi_waiter *)wippyi_block_get(rt, self->worker, sizeof(*waiter));
    spares[0] = NULL;
    spares[1] = wippyi_relations_new(rt, self->worker);
    if (waiter != NULL) {
        waiter->pid = self->pid.id;
        waiter->mail = wippyi_mail_new(rt, self->worker, self->pid.id, to.id, &message);
    }
    if (waiter != NULL && waiter->mail != NULL && spares[1] != NULL) {
        wippyi_latch_take(wippyi_stripe_of(rt, to.id));
        r = wippyi_tenant_is(slot, to.id) ? WIPPY_OK : WIPPY_ERR_GONE;
        if (r == WIPPY_OK) {
            wippyi_relations_ensure(slot, spares);
            waiter->next = slot->relations->waiters;
            slot->relations->waiters = waiter;
            /* seq_cst: set before we look at `pending`; the reader lowers `pending` before it looks
               at the mark: one of the two sees the other */
            wippyi_a32_or_sc(&slot->marks, WIPPYI_MARK_WRITABLE);
        }
        wippyi_latch_drop(wippyi_stripe_of(rt, to.id));
    }
    wippyi_block_put(rt, self->worker, spares[1], sizeof(wippyi_relations));
    if (r != WIPPY_OK) {
        if (waiter != NULL && waiter->mail != NULL) {
            wippyi_mail_free(rt, self->worker, waiter->mail);
        }
        wippyi_block_put(rt, self->worker, waiter, sizeof(*waiter));
        return r;
    }
    if (wippyi_has_room(slot)) {
        wippyi_relations_writable(rt, self->worker, slot);
    }
    return WIPPY_OK;
}
