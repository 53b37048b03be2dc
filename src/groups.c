#include "groups.h"

#include "message.h"
#include "process.h"
#include "relations.h"
#include "value.h"

#include <string.h>

#define WIPPYI_GROUP_TEXT_MAX 255

/* The scope, a NUL and the name stand behind it, with a NUL at the end: together they are its key. */
struct wippyi_group {
    size_t key_bytes;     /* without the final NUL; constant, as the two below */
    const char *scope;
    const char *name;
    wippyi_member *first; /* guarded by the lock, as the two below */
    wippyi_member **end;
    size_t count;
};

WIPPYI_FN wippy_result wippyi_groups_init(wippy_runtime *rt)
{
    wippyi_strmap_init(&rt->groups.by_key, &rt->mem);
    rt->groups.watches_end = &rt->groups.watches;
    return wippyi_mutex_init(&rt->groups.lock);
}

WIPPYI_FN void wippyi_groups_destroy(wippy_runtime *rt)
{
    wippyi_strmap_destroy(&rt->groups.by_key);
    wippyi_mutex_destroy(&rt->groups.lock);
}

/* ---- texts ---- */

static bool wippyi_group_text_fits(const char *text)
{
    size_t bytes = text != NULL ? strlen(text) : 0;
    return bytes > 0 && bytes <= WIPPYI_GROUP_TEXT_MAX;
}

/* Room for the key of a group; answers its length. */
typedef struct wippyi_group_key {
    char text[2 * WIPPYI_GROUP_TEXT_MAX + 2];
} wippyi_group_key;

static size_t wippyi_group_key_make(wippyi_group_key *key, const char *scope, const char *name)
{
    size_t scope_bytes = strlen(scope) + 1;
    size_t name_bytes = strlen(name);
    memcpy(key->text, scope, scope_bytes);
    memcpy(key->text + scope_bytes, name, name_bytes + 1);
    return scope_bytes + name_bytes;
}

/* ---- telling watchers, under the lock ---- */

static void wippyi_membership_write(wippy_writer *writer, const char *kind, const char *name,
                                    const char *pid)
{
    wippy_write_map(writer, 4);
    wippy_write_cstring(writer, "system");
    wippy_write_cstring(writer, "pg");
    wippy_write_cstring(writer, "kind");
    wippy_write_cstring(writer, kind);
    wippy_write_cstring(writer, "path");
    wippy_write_cstring(writer, name);
    wippy_write_cstring(writer, "data");
    wippy_write_map(writer, 2);
    wippy_write_cstring(writer, "Group");
    wippy_write_cstring(writer, name);
    wippy_write_cstring(writer, "PIDs");
    wippy_write_array(writer, 1);
    wippy_write_cstring(writer, pid);
    wippy_write_end(writer);
    wippy_write_end(writer);
    wippy_write_end(writer);
}

static bool wippyi_watch_wants(const wippyi_group_watch *watch, const wippyi_group *group)
{
    return strcmp(watch->scope, group->scope) == 0 &&
           (watch->name[0] == '\0' || strcmp(watch->name, group->name) == 0);
}

/* A watcher that cannot be told, for memory or a full mailbox, counts as a dead letter. */
static void wippyi_watches_tell(wippy_runtime *rt, const wippyi_group *group, wippy_slice news)
{
    const wippyi_group_watch *watch;
    for (watch = rt->groups.watches; watch != NULL; watch = watch->next) {
        wippy_message message;
        wippy_pid pid;
        if (!wippyi_watch_wants(watch, group)) {
            continue;
        }
        memset(&message, 0, sizeof(message));
        message.topic_name = watch->topic;
        message.data = news.data;
        message.size = news.size;
        message.count = 1;
        pid.id = watch->pid;
        if (news.size == 0 ||
            wippy_send_message(wippy_outside(rt), pid, &message) != WIPPY_OK) {
            wippyi_a64_add_rlx(&rt->dead_letters, 1); /* gauge */
        }
    }
}

static void wippyi_membership_tell(wippy_runtime *rt, const char *kind, const wippyi_group *group,
                                   uint64_t pid)
{
    char text[256];
    wippy_writer writer;
    wippy_slice news;
    wippy_pid who;
    if (rt->groups.watches == NULL) {
        return;
    }
    who.id = pid;
    (void)wippy_pid_text(rt, who, text, sizeof(text));
    memset(&news, 0, sizeof(news));
    wippy_writer_init(&writer, rt);
    wippyi_membership_write(&writer, kind, group->name, text);
    if (wippy_writer_finish(&writer, &news) != WIPPY_OK) {
        news.size = 0;
    }
    wippyi_watches_tell(rt, group, news);
    wippy_writer_free(&writer);
}

/* ---- groups and members ---- */

static wippyi_group *wippyi_group_make(wippy_runtime *rt, const wippyi_group_key *key, size_t bytes)
{
    wippyi_group *group = (wippyi_group *)wippyi_mem_alloc(&rt->mem, sizeof(*group) + bytes + 1);
    if (group != NULL) {
        memset(group, 0, sizeof(*group));
        memcpy(group + 1, key->text, bytes + 1);
        group->key_bytes = bytes;
        group->scope = (const char *)(group + 1);
        group->name = group->scope + strlen(group->scope) + 1;
        group->end = &group->first;
    }
    return group;
}

static void wippyi_group_free(wippy_runtime *rt, wippyi_group *group)
{
    if (group != NULL) {
        wippyi_mem_free(&rt->mem, group, sizeof(*group) + group->key_bytes + 1);
    }
}

/* Under the lock: the group of that key, or `made` in its place. NULL: no memory. */
static wippyi_group *wippyi_group_enter(wippy_runtime *rt, wippyi_group *made)
{
    wippyi_groups *groups = &rt->groups;
    wippyi_group *found =
        (wippyi_group *)wippyi_strmap_get(&groups->by_key, made->scope, made->key_bytes);
    if (found != NULL) {
        return found;
    }
    if (wippyi_strmap_put(&groups->by_key, made->scope, made->key_bytes, made) != WIPPY_OK) {
        return NULL;
    }
    return made;
}

static void wippyi_group_append(wippyi_group *group, wippyi_member *member)
{
    member->next = NULL;
    member->link = group->end;
    *group->end = member;
    group->end = &member->next;
    member->group = group;
    group->count++;
}

/* Its group goes with the last member. The member is out of its process's list already. */
static void wippyi_member_leave(wippy_runtime *rt, wippyi_member *member)
{
    wippyi_group *group = member->group;
    wippyi_mutex_lock(&rt->groups.lock);
    *member->link = member->next;
    if (member->next != NULL) {
        member->next->link = member->link;
    } else {
        group->end = member->link;
    }
    group->count--;
    wippyi_membership_tell(rt, "member.left", group, member->pid);
    if (group->count == 0) {
        wippyi_strmap_remove(&rt->groups.by_key, group->scope, group->key_bytes, NULL);
        wippyi_group_free(rt, group);
    }
    wippyi_mutex_unlock(&rt->groups.lock);
    wippyi_mem_free(&rt->mem, member, sizeof(*member));
}

/* Where the process's list has its membership, or ends. Owner only. */
static wippyi_member **wippyi_member_find(wippyi_relations *relations, const wippyi_group_key *key,
                                          size_t bytes)
{
    wippyi_member **at = &relations->groups;
    while (*at != NULL && ((*at)->group->key_bytes != bytes ||
                           memcmp((*at)->group->scope, key->text, bytes) != 0)) {
        at = &(*at)->own_next;
    }
    return at;
}

/* The first join of this process. made: where the group is new. */
static wippy_result wippyi_group_admit(wippy_runtime *rt, wippyi_member *member, wippyi_group *made)
{
    wippyi_group *group;
    wippyi_mutex_lock(&rt->groups.lock);
    group = wippyi_group_enter(rt, made);
    if (group != NULL) {
        wippyi_group_append(group, member);
        wippyi_membership_tell(rt, "member.joined", group, member->pid);
    }
    wippyi_mutex_unlock(&rt->groups.lock);
    if (group != made) {
        wippyi_group_free(rt, made);
    }
    return group != NULL ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

static bool wippyi_group_asked_well(const wippy_self *self, const char *scope, const char *group)
{
    return self->slot != NULL && wippyi_group_text_fits(scope) && wippyi_group_text_fits(group);
}

WIPPY_API wippy_result wippy_group_join(wippy_self *self, const char *scope, const char *group)
{
    wippy_runtime *rt = self->rt;
    wippyi_group_key key;
    wippyi_relations *relations;
    wippyi_member *member;
    wippyi_group *made;
    wippy_result r = WIPPY_ERR_NOMEM;
    size_t bytes;
    if (wippyi_self_closing(self) || !wippyi_group_asked_well(self, scope, group)) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_door_text(self, "pg.join", group, strlen(group))) {
        return WIPPY_ERR_DENIED;
    }
    bytes = wippyi_group_key_make(&key, scope, group);
    relations = wippyi_relations_own(rt, self->worker, self->slot, self->pid.id);
    if (relations == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    member = *wippyi_member_find(relations, &key, bytes);
    if (member != NULL) {
        member->joins++;
        return WIPPY_OK;
    }
    member = (wippyi_member *)wippyi_mem_alloc(&rt->mem, sizeof(*member));
    made = member != NULL ? wippyi_group_make(rt, &key, bytes) : NULL;
    if (made != NULL) {
        member->pid = self->pid.id;
        member->joins = 1;
        r = wippyi_group_admit(rt, member, made);
    }
    if (r != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, member, sizeof(*member));
        return r;
    }
    member->own_next = relations->groups;
    relations->groups = member;
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_group_leave(wippy_self *self, const char *scope, const char *group)
{
    wippyi_group_key key;
    wippyi_relations *relations;
    wippyi_member **at;
    wippyi_member *member;
    size_t bytes;
    if (!wippyi_group_asked_well(self, scope, group)) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_door_text(self, "pg.leave", group, strlen(group))) {
        return WIPPY_ERR_DENIED;
    }
    bytes = wippyi_group_key_make(&key, scope, group);
    relations = wippyi_relations_look(self->rt, self->slot, self->pid.id);
    at = relations != NULL ? wippyi_member_find(relations, &key, bytes) : NULL;
    if (at == NULL || *at == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    member = *at;
    if (--member->joins == 0) {
        *at = member->own_next;
        wippyi_member_leave(self->rt, member);
    }
    return WIPPY_OK;
}

/* ---- looking ---- */

static bool wippyi_member_counts(const wippy_runtime *rt, const wippyi_member *member)
{
    return wippyi_slot_is(wippyi_slot_of(rt, member->pid), member->pid);
}

WIPPY_API size_t wippy_group_members(wippy_runtime *rt, const char *scope, const char *group,
                                     wippy_pid *pids, size_t room)
{
    wippyi_group_key key;
    const wippyi_group *found;
    const wippyi_member *member;
    size_t count = 0;
    if (!wippyi_group_text_fits(scope) || !wippyi_group_text_fits(group)) {
        return 0;
    }
    size_t bytes = wippyi_group_key_make(&key, scope, group);
    wippyi_mutex_lock(&rt->groups.lock);
    found = (const wippyi_group *)wippyi_strmap_get(&rt->groups.by_key, key.text, bytes);
    for (member = found != NULL ? found->first : NULL; member != NULL; member = member->next) {
        if (!wippyi_member_counts(rt, member)) {
            continue; /* its init or its end is under way */
        }
        if (count < room) {
            pids[count].id = member->pid;
        }
        count++;
    }
    wippyi_mutex_unlock(&rt->groups.lock);
    return count;
}

static bool wippyi_group_counts(const wippy_runtime *rt, const wippyi_group *group)
{
    const wippyi_member *member = group->first;
    while (member != NULL && !wippyi_member_counts(rt, member)) {
        member = member->next;
    }
    return member != NULL;
}

WIPPY_API wippy_result wippy_group_next(wippy_runtime *rt, const char *scope, const char *after,
                                        char *name, size_t room)
{
    const wippyi_table_entry *entry;
    const wippyi_group *next = NULL;
    wippy_result r = WIPPY_ERR_NOTFOUND;
    if (scope == NULL || (room > 0 && name == NULL)) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&rt->groups.lock);
    for (entry = wippyi_strmap_first(&rt->groups.by_key); entry != NULL; entry = entry->next) {
        const wippyi_group *group = (const wippyi_group *)entry->value;
        if (strcmp(group->scope, scope) == 0 && strcmp(group->name, after != NULL ? after : "") > 0 &&
            (next == NULL || strcmp(group->name, next->name) < 0) &&
            wippyi_group_counts(rt, group)) {
            next = group;
        }
    }
    if (next != NULL) {
        size_t bytes = strlen(next->name) + 1;
        r = bytes <= room ? WIPPY_OK : WIPPY_ERR_LIMIT;
        if (r == WIPPY_OK) {
            memcpy(name, next->name, bytes);
        }
    }
    wippyi_mutex_unlock(&rt->groups.lock);
    return r;
}

/* ---- sending to all ---- */

/* A copy of who is in the group now: nothing is sent under the lock. */
static wippy_result wippyi_group_copy(wippy_runtime *rt, const char *scope, const char *group,
                                      wippy_pid **out, size_t *count, size_t *room)
{
    *room = 0;
    *out = NULL;
    for (;;) {
        *count = wippy_group_members(rt, scope, group, *out, *room);
        if (*count <= *room) {
            return WIPPY_OK;
        }
        wippyi_mem_free(&rt->mem, *out, *room * sizeof(wippy_pid));
        *room = *count + *count / 4;
        *out = (wippy_pid *)wippyi_mem_alloc(&rt->mem, *room * sizeof(wippy_pid));
        if (*out == NULL) {
            return WIPPY_ERR_NOMEM;
        }
    }
}

WIPPY_API wippy_result wippy_group_send(wippy_self *self, const char *scope, const char *group,
                                        const wippy_message *message, size_t *sent)
{
    wippy_runtime *rt = self->rt;
    wippy_message checked;
    wippy_pid *pids;
    size_t count, room, i;
    size_t done = 0;
    wippy_result r;
    if (wippyi_self_closing(self) || !wippyi_group_text_fits(scope) || !wippyi_group_text_fits(group) ||
        wippyi_message_check(rt, message, &checked) != WIPPY_OK) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_door_text(self, "pg.broadcast", group, strlen(group))) {
        return WIPPY_ERR_DENIED;
    }
    r = wippyi_group_copy(rt, scope, group, &pids, &count, &room);
    for (i = 0; i < count && r == WIPPY_OK; i++) {
        done += wippy_send_message(self, pids[i], message) == WIPPY_OK ? 1u : 0u;
    }
    if (r == WIPPY_OK && sent != NULL) {
        *sent = done;
    }
    wippyi_mem_free(&rt->mem, pids, room * sizeof(wippy_pid));
    return r;
}

/* ---- watching ---- */

static const char *wippyi_watch_text(char **at, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *start = *at;
    memcpy(start, text, bytes);
    *at += bytes;
    return start;
}

static wippyi_group_watch *wippyi_watch_make(wippy_runtime *rt, uint64_t pid, const char *scope,
                                             const char *name, const char *topic)
{
    size_t bytes = sizeof(wippyi_group_watch) + strlen(scope) + strlen(name) + strlen(topic) + 3;
    wippyi_group_watch *watch = (wippyi_group_watch *)wippyi_mem_alloc(&rt->mem, bytes);
    if (watch != NULL) {
        char *at = (char *)(watch + 1);
        memset(watch, 0, sizeof(*watch));
        watch->bytes = bytes;
        watch->pid = pid;
        watch->scope = wippyi_watch_text(&at, scope);
        watch->name = wippyi_watch_text(&at, name);
        watch->topic = wippyi_watch_text(&at, topic);
    }
    return watch;
}

WIPPY_API wippy_result wippy_group_watch(wippy_self *self, const char *scope, const char *group,
                                         const char *topic, uint64_t *out)
{
    wippy_runtime *rt = self->rt;
    const char *name = group != NULL ? group : "";
    bool all = name[0] == '\0';
    wippyi_relations *relations;
    wippyi_group_watch *watch;
    if (wippyi_self_closing(self) || !wippyi_group_asked_well(self, scope, all ? scope : name) ||
        topic == NULL || topic[0] == '\0' || strlen(topic) > WIPPYI_TOPIC_BYTES_MAX) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_door_text(self, all ? "pg.events" : "pg.monitor", name, strlen(name))) {
        return WIPPY_ERR_DENIED;
    }
    relations = wippyi_relations_own(rt, self->worker, self->slot, self->pid.id);
    watch = relations != NULL ? wippyi_watch_make(rt, self->pid.id, scope, name, topic) : NULL;
    if (watch == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    watch->own_next = relations->watches;
    relations->watches = watch;
    wippyi_mutex_lock(&rt->groups.lock);
    watch->number = ++rt->groups.last_watch;
    watch->link = rt->groups.watches_end;
    *rt->groups.watches_end = watch;
    rt->groups.watches_end = &watch->next;
    wippyi_mutex_unlock(&rt->groups.lock);
    if (out != NULL) {
        *out = watch->number;
    }
    return WIPPY_OK;
}

static void wippyi_watch_end(wippy_runtime *rt, wippyi_group_watch *watch)
{
    wippyi_mutex_lock(&rt->groups.lock);
    *watch->link = watch->next;
    if (watch->next != NULL) {
        watch->next->link = watch->link;
    } else {
        rt->groups.watches_end = watch->link;
    }
    wippyi_mutex_unlock(&rt->groups.lock);
    wippyi_mem_free(&rt->mem, watch, watch->bytes);
}

WIPPY_API wippy_result wippy_group_unwatch(wippy_self *self, uint64_t number)
{
    wippyi_relations *relations =
        self->slot != NULL ? wippyi_relations_look(self->rt, self->slot, self->pid.id) : NULL;
    wippyi_group_watch **at = relations != NULL ? &relations->watches : NULL;
    wippyi_group_watch *watch;
    while (at != NULL && *at != NULL && (*at)->number != number) {
        at = &(*at)->own_next;
    }
    if (at == NULL || *at == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    watch = *at;
    *at = watch->own_next;
    wippyi_watch_end(self->rt, watch);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_groups_exit(wippy_runtime *rt, wippyi_relations *relations)
{
    while (relations->watches != NULL) {
        wippyi_group_watch *watch = relations->watches;
        relations->watches = watch->own_next;
        wippyi_watch_end(rt, watch);
    }
    while (relations->groups != NULL) {
        wippyi_member *member = relations->groups;
        relations->groups = member->own_next;
        wippyi_member_leave(rt, member);
    }
}
