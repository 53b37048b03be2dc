#include "change.h"

#include <stdio.h>
#include <string.h>

/* How a change came about, and so how strict it is. */
typedef enum wippyi_change_mode {
    WIPPYI_CHANGE_APPLY =
        0,               /* at run time: every kind needs a handler, every reference its target */
    WIPPYI_CHANGE_MOVE,  /* to another version: what was not applied then may stay so */
    WIPPYI_CHANGE_LOAD,  /* lenient, with warnings */
    WIPPYI_CHANGE_RELOAD /* at run time, but kinds without handler are warned about */
} wippyi_change_mode;

/* What became of one change. */
enum {
    WIPPYI_CHANGE_OPEN = 0,
    WIPPYI_CHANGE_CHECKED, /* its kind has nothing against it */
    WIPPYI_CHANGE_APPLIED, /* its kind did it; to be taken back on failure */
    WIPPYI_CHANGE_STORED   /* nobody to ask, or not applicable now: only stored */
};

typedef struct wippyi_change {
    wippyi_registry *registry;
    wippyi_change_mode mode;
    bool lenient; /* an entry that is refused stays stored, the others go on */
    wippyi_changes list;
    wippy_snapshot *base;
    wippy_snapshot *next;
    uint32_t *order;   /* positions in list; one block with the two below */
    uint32_t *applied; /* positions in the order in which they were applied */
    uint8_t *state;    /* by position in list */
    size_t applied_count;
    wippy_entry_change *ordered; /* for listeners and the history; holds both sides */
    wippy_delta step;            /* for the history when `ordered` leads there from an older version */
    bool recorded;               /* the history has taken over one of the two */
    wippy_diag *diag;            /* the caller's or `room` */
    wippy_diag room;
} wippyi_change;

/* ------------------------------------------------------------------ begin and end */

static wippy_result wippyi_change_begin(wippyi_change *change, wippyi_registry *registry,
                                        wippyi_change_mode mode, wippy_diag *diag)
{
    memset(change, 0, sizeof(*change));
    change->registry = registry;
    change->mode = mode;
    change->diag = diag != NULL ? diag : &change->room;
    wippy_result result = wippyi_registry_enter(registry);
    if (result != WIPPY_OK) {
        return wippyi_reject(change->diag, result, NULL,
                             "the registry cannot be changed from inside a change");
    }
    change->base = wippyi_registry_current(registry);
    return WIPPY_OK;
}

static size_t wippyi_change_order_bytes(const wippyi_change *change)
{
    return change->list.count * (2 * sizeof(uint32_t) + 1);
}

static void wippyi_change_free_ordered(wippyi_change *change)
{
    wippyi_mem *mem = change->registry->mem;
    for (size_t i = 0; i < change->list.count; i++) {
        wippyi_entry_release(mem, change->ordered[i].before);
        wippyi_entry_release(mem, change->ordered[i].after);
    }
    wippyi_mem_free(mem, change->ordered, change->list.count * sizeof(wippy_entry_change));
}

static void wippyi_change_end(wippyi_change *change)
{
    wippyi_registry *registry = change->registry;
    wippyi_mem *mem = registry->mem;
    if (change->ordered != NULL && (!change->recorded || change->step.memory_ != NULL)) {
        wippyi_change_free_ordered(change);
    }
    if (change->step.memory_ != NULL && !change->recorded) {
        wippy_delta_free(registry->rt, &change->step);
    }
    wippyi_mem_free(mem, change->order, wippyi_change_order_bytes(change));
    if (change->list.mem != NULL) {
        wippyi_changes_free(&change->list);
    }
    wippyi_snapshot_release(mem, change->next);
    wippyi_snapshot_release(mem, change->base);
    wippyi_registry_leave(registry);
}

static wippy_result wippyi_change_nomem(wippyi_change *change)
{
    return wippyi_reject(change->diag, WIPPY_ERR_NOMEM, NULL, "out of memory");
}

/* ------------------------------------------------------------------ from wishes to changes */

/* Give an entry its numbers. They are also used up when the change fails: never given twice. */
static void wippyi_change_number(wippyi_change *change, const wippy_entry *before,
                                 wippy_entry *after)
{
    after->revision = change->registry->next_revision++;
    after->order = before != NULL ? before->order : change->registry->next_order++;
}

static wippy_result wippyi_change_make_entry(wippyi_change *change,
                                             const wippy_registry_change *wish,
                                             const wippy_entry *before, wippy_entry **out)
{
    wippyi_entry_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.id = wish->id;
    desc.kind = wish->kind != NULL || before == NULL ? wish->kind : before->kind;
    desc.meta = wish->meta;
    desc.data = wish->data;
    wippy_result result = wippyi_entry_make(change->registry->mem, &desc, out, change->diag);
    if (result == WIPPY_OK) {
        wippyi_change_number(change, before, *out);
    }
    return result;
}

static wippy_result wippyi_change_same_kind(wippyi_change *change, const char *kind,
                                            const wippy_entry *before)
{
    if (kind == NULL || strcmp(kind, before->kind) == 0) {
        return WIPPY_OK;
    }
    return wippyi_reject(change->diag, WIPPY_ERR_INVALID, before->id,
                         "kind of an entry cannot change: %.200s is %.100s, not %.100s", before->id,
                         before->kind, kind);
}

static wippy_result wippyi_change_refuse(wippyi_change *change, const wippy_registry_change *wish,
                                         const wippy_entry *before)
{
    wippy_diag *diag = change->diag;
    wippy_entry_op op = wish->op;
    wippy_slice none = {NULL, 0};
    if (wish->id == NULL || wish->id[0] == '\0') {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, NULL, "entry must have valid id field");
    }
    if (wippyi_changes_find(&change->list, none, wippyi_text_slice(wish->id)) != WIPPYI_NOWHERE) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, wish->id, "entry is changed twice: %.200s",
                             wish->id);
    }
    if (op == WIPPY_ENTRY_CREATE && before != NULL) {
        return wippyi_reject(diag, WIPPY_ERR_EXISTS, wish->id, "entry already exists: %.200s",
                             wish->id);
    }
    if (op != WIPPY_ENTRY_CREATE && before == NULL) {
        return wippyi_reject(diag, WIPPY_ERR_NOTFOUND, wish->id, "entry not found: %.200s",
                             wish->id);
    }
    return op == WIPPY_ENTRY_UPDATE ? wippyi_change_same_kind(change, wish->kind, before)
                                    : WIPPY_OK;
}

static wippy_result wippyi_change_add(wippyi_change *change, const wippy_registry_change *wish)
{
    wippy_entry *before = wish->id != NULL ? wippy_snapshot_get(change->base, wish->id) : NULL;
    wippy_entry *after = NULL;
    wippy_result result = wippyi_change_refuse(change, wish, before);
    if (result == WIPPY_OK && wish->op != WIPPY_ENTRY_DELETE) {
        result = wippyi_change_make_entry(change, wish, before, &after);
    }
    if (result == WIPPY_OK) {
        wippyi_changes_add(&change->list, before, after);
        wippyi_entry_release(change->registry->mem, after); /* the list holds it */
    }
    return result;
}

static wippy_result wippyi_change_take(wippyi_change *change, const wippy_registry_change *wishes,
                                       size_t count)
{
    if (count == 0) {
        return wippyi_reject(change->diag, WIPPY_ERR_INVALID, NULL, "no changes to apply");
    }
    if (wippyi_changes_make(&change->list, change->registry->mem, count) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    for (size_t i = 0; i < count; i++) {
        wippy_result result = wippyi_change_add(change, &wishes[i]);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyi_change_take_loaded(wippyi_change *change, wippy_entry *const *entries,
                                              size_t count)
{
    if (wippyi_changes_make(&change->list, change->registry->mem, count) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    for (size_t i = 0; i < count; i++) {
        wippy_entry *before = wippy_snapshot_get(change->base, entries[i]->id);
        if (before != NULL &&
            wippyi_change_same_kind(change, entries[i]->kind, before) != WIPPY_OK) {
            return WIPPY_ERR_INVALID;
        }
        wippyi_change_number(change, before, entries[i]);
        wippyi_changes_add(&change->list, before, entries[i]);
    }
    return WIPPY_OK;
}

static bool wippyi_change_same_bytes(wippy_slice a, wippy_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool wippyi_change_same_content(const wippy_entry *a, const wippy_entry *b)
{
    return strcmp(a->kind, b->kind) == 0 && wippyi_change_same_bytes(a->meta, b->meta) &&
           wippyi_change_same_bytes(a->data, b->data);
}

/* The loaded entries that differ from what is there. index: receives all loaded ones. */
static wippy_result wippyi_change_take_differing(wippyi_change *change, wippy_entry *const *entries,
                                                 size_t count, wippyi_ids *index)
{
    for (size_t i = 0; i < count; i++) {
        wippy_entry *before = wippy_snapshot_get(change->base, entries[i]->id);
        wippyi_ids_add(index, entries, (uint32_t)i);
        if (before != NULL && wippyi_change_same_content(before, entries[i])) {
            continue;
        }
        if (before != NULL &&
            wippyi_change_same_kind(change, entries[i]->kind, before) != WIPPY_OK) {
            return WIPPY_ERR_INVALID;
        }
        wippyi_change_number(change, before, entries[i]);
        wippyi_changes_add(&change->list, before, entries[i]);
    }
    return WIPPY_OK;
}

static void wippyi_change_take_missing(wippyi_change *change, wippy_entry *const *entries,
                                       const wippyi_ids *index, wippyi_owns_fn owns,
                                       void *user_data)
{
    wippy_slice none = {NULL, 0};
    size_t count = wippy_snapshot_count(change->base);
    for (size_t i = 0; i < count; i++) {
        wippy_entry *entry = wippy_snapshot_entry(change->base, i);
        if (wippyi_ids_find(index, entries, none, wippyi_text_slice(entry->id)) == WIPPYI_NOWHERE &&
            owns(entry->file, user_data)) {
            wippyi_changes_add(&change->list, entry, NULL);
        }
    }
}

static wippy_result wippyi_change_take_difference(wippyi_change *change,
                                                  wippy_entry *const *entries, size_t count,
                                                  wippyi_owns_fn owns, void *user_data)
{
    wippyi_mem *mem = change->registry->mem;
    wippyi_ids index;
    memset(&index, 0, sizeof(index));
    size_t room = count + wippy_snapshot_count(change->base);
    if (wippyi_changes_make(&change->list, mem, room) != WIPPY_OK ||
        wippyi_ids_make(&index, mem, count) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    wippy_result result = wippyi_change_take_differing(change, entries, count, &index);
    if (result == WIPPY_OK) {
        wippyi_change_take_missing(change, entries, &index, owns, user_data);
    }
    wippyi_ids_free(&index, mem);
    return result;
}

/* ------------------------------------------------------------------ preparing */

static const wippyi_kind *wippyi_change_kind(const wippyi_change *change,
                                             const wippy_entry_change *item)
{
    return wippyi_kinds_find(&change->registry->kinds, wippyi_change_entry(item)->kind);
}

/* First one of its kind in the list: one warning a kind. */
static bool wippyi_change_first_of_kind(const wippyi_change *change, size_t position)
{
    const wippy_entry *entry = change->list.items[position].after;
    for (size_t i = 0; i < position; i++) {
        const wippy_entry *earlier = change->list.items[i].after;
        if (earlier != NULL && strcmp(earlier->kind, entry->kind) == 0) {
            return false;
        }
    }
    return true;
}

static wippy_result wippyi_change_without_kind(wippyi_change *change, size_t position)
{
    const wippy_entry_change *item = &change->list.items[position];
    wippy_slice none = {NULL, 0};
    change->state[position] = WIPPYI_CHANGE_STORED;
    if (item->after == NULL || change->mode == WIPPYI_CHANGE_MOVE) {
        return WIPPY_OK;
    }
    if (change->mode == WIPPYI_CHANGE_APPLY) {
        return wippyi_reject(change->diag, WIPPY_ERR_INVALID, item->after->id,
                             "no handler for kind %.200s", item->after->kind);
    }
    if (wippyi_change_first_of_kind(change, position)) {
        wippyi_log(change->registry->rt, WIPPY_LOG_WARN, "registry", none, "no handler for kind %s",
                   item->after->kind);
    }
    return WIPPY_OK;
}

static void wippyi_change_leave_stored(wippyi_change *change, size_t position)
{
    const char *id = change->list.items[position].after->id;
    wippy_slice none = {NULL, 0};
    char line[16] = "";
    if (change->diag->line != 0) {
        snprintf(line, sizeof(line), ":%lu", (unsigned long)change->diag->line);
    }
    change->state[position] = WIPPYI_CHANGE_STORED;
    wippyi_log(change->registry->rt, WIPPY_LOG_WARN, "registry", none,
               "entry is kept but not usable: %s%s: %s", id, line, change->diag->message);
}

/* What can be said of a change before its kind is asked. */
static wippy_result wippyi_change_look(wippyi_change *change, size_t position)
{
    const wippy_entry_change *item = &change->list.items[position];
    const wippyi_kind *kind = wippyi_change_kind(change, item);
    if (kind == NULL) {
        return wippyi_change_without_kind(change, position);
    }
    if ((kind->desc.flags & WIPPY_KIND_PASSIVE) == 0 && item->after != NULL) {
        wippy_result result = wippyi_refs_aliases(item->after, change->diag);
        if (result != WIPPY_OK && change->lenient) {
            wippyi_change_leave_stored(change, position);
            result = WIPPY_OK;
        }
        return result;
    }
    if (item->after == NULL && !item->before->applied) {
        change->state[position] = WIPPYI_CHANGE_STORED; /* its kind never had it */
    }
    return WIPPY_OK;
}

/* Imports that lead back to themselves, or an alias that means two things: the entry that brings this
   about. A load keeps it, barred. */
static wippy_result wippyi_change_imports(wippyi_change *change, const wippyi_refs_env *env)
{
    wippy_slice none = {NULL, 0};
    while (true) {
        wippy_entry *culprit = NULL;
        wippy_result result = wippyi_refs_imports(env, change->next, &change->list, &culprit,
                                                  change->diag);
        if (result == WIPPY_OK || culprit == NULL || !change->lenient) {
            return result;
        }
        uint32_t position =
            wippyi_changes_find(&change->list, none, wippyi_text_slice(culprit->id));
        if (position == WIPPYI_NOWHERE) { /* what was there before: others may see it */
            return result;
        }
        culprit->barred = true;
        wippyi_change_leave_stored(change, position);
    }
}

static wippy_result wippyi_change_alloc(wippyi_change *change)
{
    wippyi_mem *mem = change->registry->mem;
    size_t count = change->list.count;
    change->order = (uint32_t *)wippyi_mem_alloc(mem, wippyi_change_order_bytes(change));
    if (change->order == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    change->applied = change->order + count;
    change->state = (uint8_t *)(change->applied + count);
    memset(change->state, WIPPYI_CHANGE_OPEN, count);
    return wippyi_registry_reserve(change->registry);
}

/* The changes in the order of application, held on their own for the history. */
static wippy_result wippyi_change_line_up(wippyi_change *change)
{
    size_t count = change->list.count;
    change->ordered = (wippy_entry_change *)wippyi_mem_alloc(change->registry->mem,
                                                             count * sizeof(wippy_entry_change));
    if (change->ordered == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        change->ordered[i] = change->list.items[change->order[i]];
        wippy_entry_hold(change->ordered[i].before);
        wippy_entry_hold(change->ordered[i].after);
    }
    return WIPPY_OK;
}

/* A load before the first change belongs to version 0. */
static int64_t wippyi_change_version(const wippyi_change *change)
{
    size_t count = change->registry->version_count;
    return change->mode == WIPPYI_CHANGE_LOAD && count == 1 ? 0 : (int64_t)count;
}

static bool wippyi_change_records(const wippyi_change *change)
{
    return change->next->version == (int64_t)change->registry->version_count;
}

/* The history goes from number to number: after going back, a new version is not made from the newest. */
static wippy_result wippyi_change_step(wippyi_change *change)
{
    wippyi_registry *registry = change->registry;
    int64_t newest = (int64_t)registry->version_count - 1;
    wippy_snapshot *from = NULL;
    if (!wippyi_change_records(change) || change->base->version == newest) {
        return WIPPY_OK;
    }
    wippy_result result = wippyi_registry_at(registry, newest, &from);
    if (result == WIPPY_OK) {
        result = wippy_delta_build(registry->rt, from, change->next, &change->step);
    }
    wippyi_snapshot_release(registry->mem, from);
    return result;
}

static wippy_result wippyi_change_prepare(wippyi_change *change)
{
    wippyi_registry *registry = change->registry;
    wippyi_refs_env env;
    env.rt = registry->rt;
    env.mem = registry->mem;
    env.kinds = &registry->kinds;
    if (change->next == NULL &&
        wippyi_snapshot_make(registry->mem, change->base, &change->list,
                             wippyi_change_version(change), &change->next) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    if (wippyi_change_alloc(change) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    for (size_t i = 0; i < change->list.count; i++) {
        wippy_result result = wippyi_change_look(change, i);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    wippy_result result = wippyi_change_imports(change, &env);
    if (result != WIPPY_OK) {
        return result;
    }
    if (wippyi_refs_order(&env, &change->list, change->order) != WIPPY_OK ||
        wippyi_change_line_up(change) != WIPPY_OK || wippyi_change_step(change) != WIPPY_OK) {
        return wippyi_change_nomem(change);
    }
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ asking the kinds */

static void wippyi_change_call(wippyi_change *change, const wippy_entry_change *item,
                               const wippyi_kind *kind, wippy_kind_call *call)
{
    memset(call, 0, sizeof(*call));
    memset(change->diag, 0, sizeof(*change->diag));
    call->rt = change->registry->rt;
    call->before = item->before != NULL && item->before->applied ? item->before : NULL;
    call->after = item->after;
    call->next = change->next;
    call->loading = change->mode == WIPPYI_CHANGE_LOAD;
    call->reloading = change->mode == WIPPYI_CHANGE_RELOAD;
    call->diag = change->diag;
    call->user_data = kind->desc.user_data;
}

/* Complete what a handler said about its refusal. */
static wippy_result wippyi_change_refused(wippyi_change *change, const wippy_entry_change *item,
                                          wippy_result result)
{
    wippy_diag *diag = change->diag;
    if (result > WIPPY_OK) {
        result = WIPPY_ERR_INTERNAL; /* PENDING is no answer here */
    }
    diag->code = result;
    if (diag->file[0] == '\0') {
        snprintf(diag->file, sizeof(diag->file), "%s", wippyi_change_entry(item)->id);
    }
    if (diag->message[0] == '\0') {
        snprintf(diag->message, sizeof(diag->message), "%s", wippy_result_text(result));
    }
    return result;
}

static wippy_result wippyi_change_check_one(wippyi_change *change, size_t position)
{
    const wippy_entry_change *item = &change->list.items[position];
    const wippyi_kind *kind = wippyi_change_kind(change, item);
    wippy_kind_call call;
    if (item->after == NULL) {
        return WIPPY_OK;
    }
    wippyi_kinds_tell_ignored(change->registry->rt, kind, item->after);
    if (kind->desc.check == NULL) {
        return WIPPY_OK;
    }
    wippyi_change_call(change, item, kind, &call);
    wippy_result result = kind->desc.check(&call);
    return result == WIPPY_OK ? result : wippyi_change_refused(change, item, result);
}

static wippy_result wippyi_change_apply_one(wippyi_change *change, size_t position)
{
    const wippy_entry_change *item = &change->list.items[position];
    const wippyi_kind *kind = wippyi_change_kind(change, item);
    wippy_kind_call call;
    if (kind->desc.apply == NULL) {
        return WIPPY_OK;
    }
    wippyi_change_call(change, item, kind, &call);
    wippy_result result = kind->desc.apply(&call);
    return result == WIPPY_OK ? result : wippyi_change_refused(change, item, result);
}

static wippy_result wippyi_change_apply_next(wippyi_change *change, size_t position)
{
    wippy_result result = wippyi_change_apply_one(change, position);
    if (result == WIPPY_OK) {
        change->applied[change->applied_count++] = (uint32_t)position;
    }
    return result;
}

/* May the entry stay unapplied when its kind does not find something? */
static bool wippyi_change_may_wait(const wippyi_change *change, size_t position)
{
    const wippy_entry *after = change->list.items[position].after;
    return after != NULL && (change->mode == WIPPYI_CHANGE_LOAD ||
                             (change->mode == WIPPYI_CHANGE_MOVE && !after->applied));
}

/* May the others go on without this one? Not when the reason is not its own. */
static bool wippyi_change_may_lack(const wippyi_change *change, size_t position, wippy_result result)
{
    const wippy_entry *after = change->list.items[position].after;
    return after != NULL && result != WIPPY_ERR_NOMEM && result != WIPPY_ERR_STOPPED &&
           (change->lenient || (change->mode == WIPPYI_CHANGE_MOVE && !after->applied));
}

/* Bring every change in state `from` to state `to`. One that does not find something is asked again
   after the others, as long as that helps; then it stays stored. */
static wippy_result wippyi_change_round(wippyi_change *change, uint8_t from, uint8_t to,
                                        wippy_result (*ask)(wippyi_change *change, size_t position))
{
    bool moved = true;
    bool waiting = true;
    while (waiting) {
        bool last = !moved;
        moved = false;
        waiting = false;
        for (size_t i = 0; i < change->list.count; i++) {
            size_t position = change->order[i];
            if (change->state[position] != from) {
                continue;
            }
            wippy_result result = ask(change, position);
            if (result == WIPPY_OK) {
                change->state[position] = to;
                moved = true;
            } else if (result == WIPPY_ERR_NOTFOUND && wippyi_change_may_wait(change, position) &&
                       !last) {
                waiting = true;
            } else if ((result == WIPPY_ERR_NOTFOUND && wippyi_change_may_wait(change, position)) ||
                       wippyi_change_may_lack(change, position, result)) {
                wippyi_change_leave_stored(change, position);
            } else {
                return result;
            }
        }
    }
    return WIPPY_OK;
}

/* Take back what was applied, latest first. */
static void wippyi_change_undo(wippyi_change *change)
{
    wippy_diag reason = *change->diag;
    for (size_t i = change->applied_count; i > 0; i--) {
        const wippy_entry_change *item = &change->list.items[change->applied[i - 1]];
        const wippyi_kind *kind = wippyi_change_kind(change, item);
        wippy_kind_call call;
        if (kind->desc.apply == NULL) {
            continue;
        }
        wippyi_change_call(change, item, kind, &call);
        wippy_entry *before = call.before;
        call.before = call.after;
        call.after = before;
        call.next = change->base;
        call.undo = true;
        wippy_result result = kind->desc.apply(&call);
        WIPPYI_API_CHECK(result == WIPPY_OK); /* taking back must not fail */
        (void)result;
    }
    *change->diag = reason;
}

/* ------------------------------------------------------------------ the new version */

static void wippyi_change_mark(wippyi_change *change)
{
    for (size_t i = 0; i < change->list.count; i++) {
        wippy_entry *after = change->list.items[i].after;
        if (after != NULL) {
            after->applied = change->state[i] == WIPPYI_CHANGE_APPLIED;
        }
    }
}

static void wippyi_change_publish(wippyi_change *change)
{
    bool aside = change->step.memory_ != NULL;
    change->recorded = wippyi_change_records(change);
    wippyi_registry_publish(change->registry, wippy_snapshot_hold(change->next),
                            change->list.count,
                            aside ? (wippy_entry_change *)change->step.memory_ : change->ordered,
                            aside ? change->step.count : change->list.count);
}

static void wippyi_change_commit(wippyi_change *change)
{
    for (size_t i = 0; i < change->applied_count; i++) {
        const wippy_entry_change *item = &change->list.items[change->applied[i]];
        const wippyi_kind *kind = wippyi_change_kind(change, item);
        wippy_kind_call call;
        if (kind->desc.commit != NULL) {
            wippyi_change_call(change, item, kind, &call);
            kind->desc.commit(&call);
        }
    }
}

static void wippyi_change_tell(wippyi_change *change)
{
    wippyi_registry *registry = change->registry;
    wippy_registry_event event;
    memset(&event, 0, sizeof(event));
    event.version = change->next->version;
    event.changes = change->ordered;
    event.count = change->list.count;
    event.before = change->base;
    event.after = change->next;
    event.loading = change->mode == WIPPYI_CHANGE_LOAD;
    for (size_t i = 0; i < registry->listener_count; i++) {
        registry->listeners[i].fn(registry->rt, &event, registry->listeners[i].user_data);
    }
}

static wippy_result wippyi_change_run(wippyi_change *change)
{
    wippy_result result = wippyi_change_prepare(change);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_change_round(change, WIPPYI_CHANGE_OPEN, WIPPYI_CHANGE_CHECKED,
                                 wippyi_change_check_one);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_change_round(change, WIPPYI_CHANGE_CHECKED, WIPPYI_CHANGE_APPLIED,
                                 wippyi_change_apply_next);
    if (result != WIPPY_OK) {
        wippyi_change_undo(change);
        return result;
    }
    wippyi_change_publish(change);
    wippyi_change_commit(change);
    wippyi_change_mark(change);
    wippyi_change_tell(change);
    wippyi_registry_forget(change->registry); /* last: the history may own what was told */
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ entry points */

WIPPY_API wippy_result wippy_registry_apply(wippy_runtime *rt, const wippy_registry_change *changes,
                                            size_t count, int64_t *version, wippy_diag *diag)
{
    wippyi_change change;
    wippy_result result =
        wippyi_change_begin(&change, wippyi_runtime_registry(rt), WIPPYI_CHANGE_APPLY, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_change_take(&change, changes, count);
    if (result == WIPPY_OK) {
        result = wippyi_change_run(&change);
    }
    if (result == WIPPY_OK && version != NULL) {
        *version = change.next->version;
    }
    wippyi_change_end(&change);
    return result;
}

WIPPY_API wippy_result wippy_registry_apply_version(wippy_runtime *rt, int64_t version,
                                                    wippy_diag *diag)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_change change;
    wippy_result result = wippyi_change_begin(&change, registry, WIPPYI_CHANGE_MOVE, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_registry_at(registry, version, &change.next);
    if (result == WIPPY_ERR_NOTFOUND) {
        wippyi_reject(change.diag, result, NULL, "version not found");
    } else if (result != WIPPY_OK || wippyi_snapshot_diff(registry->mem, change.base, change.next,
                                                          &change.list) != WIPPY_OK) {
        result = wippyi_change_nomem(&change);
    } else if (change.next != change.base) {
        result = wippyi_change_run(&change);
    }
    wippyi_change_end(&change);
    return result;
}

WIPPYI_FN wippy_result wippyi_change_load(wippyi_registry *registry, wippy_entry *const *entries,
                                          size_t count, bool lenient, wippy_diag *diag)
{
    wippyi_change change;
    if (count == 0) {
        return WIPPY_OK;
    }
    wippy_result result = wippyi_change_begin(&change, registry, WIPPYI_CHANGE_LOAD, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    change.lenient = lenient;
    result = wippyi_change_take_loaded(&change, entries, count);
    if (result == WIPPY_OK) {
        result = wippyi_change_run(&change);
    }
    wippyi_change_end(&change);
    return result;
}

WIPPYI_FN wippy_result wippyi_change_reload(wippyi_registry *registry, wippy_entry *const *entries,
                                            size_t entry_count, wippyi_owns_fn owns,
                                            void *user_data, size_t *count, int64_t *version,
                                            wippy_diag *diag)
{
    wippyi_change change;
    wippy_result result = wippyi_change_begin(&change, registry, WIPPYI_CHANGE_RELOAD, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_change_take_difference(&change, entries, entry_count, owns, user_data);
    *count = change.list.count;
    if (result == WIPPY_OK && *count > 0) {
        result = wippyi_change_run(&change);
    }
    if (result == WIPPY_OK && version != NULL) {
        *version = *count > 0 ? change.next->version : change.base->version;
    }
    wippyi_change_end(&change);
    return result;
}
