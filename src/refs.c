#include "refs.h"
#include "table.h"
#include "value.h"

#include <string.h>

/* ------------------------------------------------------------------ references of one entry */

struct wippy_refs {
    const wippy_entry *owner;
    /* `space` and `rest` joined are the full id. */
    void (*add)(wippy_refs *refs, wippy_slice space, wippy_slice rest);
    void *target;
};

WIPPY_API void wippy_refs_add(wippy_refs *refs, const char *id, size_t bytes)
{
    wippy_slice space = {NULL, 0};
    wippy_slice rest = {id, bytes};
    if (bytes == 0) {
        return;
    }
    if (memchr(id, ':', bytes) == NULL) {
        const char *colon = strchr(refs->owner->id, ':');
        space.data = refs->owner->id;
        space.size = colon != NULL ? (size_t)(colon - refs->owner->id) + 1 : 0;
    }
    refs->add(refs, space, rest);
}

static void wippyi_refs_add_value(wippy_refs *refs, wippy_slice value)
{
    wippy_slice text = wippy_value_string(value, "", NULL);
    wippy_refs_add(refs, text.data, text.size);
}

/* A string, or every string of an array. */
static void wippyi_refs_add_field(wippy_refs *refs, wippy_slice value, const char *path)
{
    wippy_slice field;
    wippy_value_iter item;
    if (wippy_value_get(value, path, &field) != WIPPY_OK) {
        return;
    }
    if (wippy_value_type_of(field) != WIPPY_ARRAY) {
        wippyi_refs_add_value(refs, field);
        return;
    }
    for (wippy_value_each(field, &item); wippy_value_next(&item);) {
        wippyi_refs_add_value(refs, item.value);
    }
}

static void wippyi_refs_add_imports(wippy_refs *refs)
{
    wippy_slice imports;
    wippy_value_iter item;
    if (wippy_value_get(refs->owner->data, "imports", &imports) == WIPPY_OK &&
        wippy_value_type_of(imports) == WIPPY_MAP) {
        for (wippy_value_each(imports, &item); wippy_value_next(&item);) {
            wippyi_refs_add_value(refs, item.value);
        }
    }
}

static void wippyi_refs_collect(const wippyi_refs_env *env, wippy_refs *refs, bool imports_only)
{
    static const char *const fields[] = {
        "process", "host", "storage", "storages", "lifecycle.requires", "lifecycle.depends_on"};
    const wippyi_kind *kind = wippyi_kinds_active(env->kinds, refs->owner);
    if (kind == NULL || (imports_only && refs->owner->barred)) {
        return;
    }
    wippyi_refs_add_imports(refs);
    if (imports_only) {
        return;
    }
    for (size_t i = 0; i < WIPPYI_COUNT(fields); i++) {
        wippyi_refs_add_field(refs, refs->owner->data, fields[i]);
    }
    wippyi_refs_add_field(refs, refs->owner->meta, "depends_on");
    if (kind->desc.refs != NULL) {
        kind->desc.refs(env->rt, refs->owner, refs, kind->desc.user_data);
    }
}

/* ------------------------------------------------------------------ graphs
   Nodes 0..count-1; the edges of node n stand at first[n] .. first[n + 1] - 1. */

typedef struct wippyi_graph {
    wippyi_mem *mem;
    const wippy_snapshot *snapshot; /* nodes are its entries, or */
    const wippyi_changes *changes;  /* nodes are these changes */
    uint32_t count;
    uint32_t *first;
    uint32_t *edges;
    size_t edge_count;
    size_t edge_room;
    /* a walk: */
    uint8_t *state; /* WIPPYI_NODE_... */
    uint32_t *cursor;
    uint32_t *stack;
    uint32_t *out; /* nodes in the order in which they were left: needed ones first */
    uint32_t out_count;
    uint32_t alias_place; /* of the import looked at */
    wippy_result result;
} wippyi_graph;

enum { WIPPYI_NODE_FRESH = 0, WIPPYI_NODE_OPEN = 1, WIPPYI_NODE_LEFT = 2 };

static size_t wippyi_graph_bytes(uint32_t count)
{
    return ((size_t)count * 4 + 1) * sizeof(uint32_t) + count;
}

static void wippyi_graph_free(wippyi_graph *graph)
{
    wippyi_mem_free(graph->mem, graph->first, wippyi_graph_bytes(graph->count));
    wippyi_mem_free(graph->mem, graph->edges, graph->edge_room * sizeof(uint32_t));
    graph->first = NULL;
    graph->edges = NULL;
}

static bool wippyi_graph_grow(wippyi_graph *graph)
{
    size_t room = graph->edge_room > 0 ? graph->edge_room * 2 : 64;
    uint32_t *edges = (uint32_t *)wippyi_mem_resize(
        graph->mem, graph->edges, graph->edge_room * sizeof(uint32_t), room * sizeof(uint32_t));
    if (edges == NULL || graph->edge_count >= UINT32_MAX / 2) {
        graph->result = WIPPY_ERR_NOMEM;
        return false;
    }
    graph->edges = edges;
    graph->edge_room = room;
    return true;
}

static void wippyi_graph_add(wippy_refs *refs, wippy_slice space, wippy_slice rest)
{
    wippyi_graph *graph = (wippyi_graph *)refs->target;
    uint32_t place = graph->snapshot != NULL ? wippyi_snapshot_place(graph->snapshot, space, rest)
                                             : wippyi_changes_find(graph->changes, space, rest);
    if (place == WIPPYI_NOWHERE || graph->result != WIPPY_OK) {
        return;
    }
    if (graph->edge_count < graph->edge_room || wippyi_graph_grow(graph)) {
        graph->edges[graph->edge_count++] = place;
    }
}

static const wippy_entry *wippyi_graph_entry(const wippyi_graph *graph, uint32_t node)
{
    return graph->snapshot != NULL ? graph->snapshot->entries[node]
                                   : wippyi_change_entry(&graph->changes->items[node]);
}

/* Set mem and snapshot or changes before. */
static wippy_result wippyi_graph_make(wippyi_graph *graph, const wippyi_refs_env *env,
                                      bool imports_only)
{
    graph->mem = env->mem;
    graph->count =
        (uint32_t)(graph->snapshot != NULL ? graph->snapshot->count : graph->changes->count);
    size_t bytes = wippyi_graph_bytes(graph->count);
    graph->first = (uint32_t *)wippyi_mem_alloc(env->mem, bytes);
    if (graph->first == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(graph->first, 0, bytes);
    graph->cursor = graph->first + graph->count + 1;
    graph->stack = graph->cursor + graph->count;
    graph->out = graph->stack + graph->count;
    graph->state = (uint8_t *)(graph->out + graph->count);
    wippy_refs refs;
    refs.add = wippyi_graph_add;
    refs.target = graph;
    for (uint32_t node = 0; node < graph->count; node++) {
        graph->first[node] = (uint32_t)graph->edge_count;
        refs.owner = wippyi_graph_entry(graph, node);
        wippyi_refs_collect(env, &refs, imports_only);
    }
    graph->first[graph->count] = (uint32_t)graph->edge_count;
    if (graph->result != WIPPY_OK) {
        wippyi_graph_free(graph);
    }
    return graph->result;
}

/* Walk from `start` along everything it needs, depth first. Nodes that were left before are passed
   by. circle: receives the node that is needed by itself, else unchanged; NULL = ignore circles.
   Returns: false at a circle (graph->stack then holds the way to it). */
static bool wippyi_graph_walk(wippyi_graph *graph, uint32_t start, uint32_t *circle)
{
    uint32_t depth = 0;
    if (graph->state[start] != WIPPYI_NODE_FRESH) {
        return true;
    }
    graph->state[start] = WIPPYI_NODE_OPEN;
    graph->cursor[start] = graph->first[start];
    graph->stack[depth++] = start;
    while (depth > 0) {
        uint32_t node = graph->stack[depth - 1];
        if (graph->cursor[node] == graph->first[node + 1]) {
            graph->state[node] = WIPPYI_NODE_LEFT;
            graph->out[graph->out_count++] = node;
            depth--;
            continue;
        }
        uint32_t needed = graph->edges[graph->cursor[node]++];
        if (graph->state[needed] == WIPPYI_NODE_OPEN && circle != NULL) {
            *circle = node;
            return false;
        }
        if (graph->state[needed] == WIPPYI_NODE_FRESH) {
            graph->state[needed] = WIPPYI_NODE_OPEN;
            graph->cursor[needed] = graph->first[needed];
            graph->stack[depth++] = needed;
        }
    }
    return true;
}

static void wippyi_graph_forget(wippyi_graph *graph)
{
    memset(graph->state, WIPPYI_NODE_FRESH, graph->count);
    graph->out_count = 0;
}

/* The same for walks alone: costs what they reached. */
static void wippyi_graph_unwalk(wippyi_graph *graph)
{
    while (graph->out_count > 0) {
        graph->state[graph->out[--graph->out_count]] = WIPPYI_NODE_FRESH;
    }
}

/* ------------------------------------------------------------------ order */

static void wippyi_order_hide(wippyi_graph *graph, bool deletes)
{
    for (uint32_t node = 0; node < graph->count; node++) {
        if ((graph->changes->items[node].after == NULL) == deletes) {
            graph->state[node] = WIPPYI_NODE_LEFT;
        }
    }
}

WIPPYI_FN wippy_result wippyi_refs_order(const wippyi_refs_env *env, const wippyi_changes *changes,
                                         uint32_t *order)
{
    wippyi_graph graph;
    memset(&graph, 0, sizeof(graph));
    graph.changes = changes;
    wippy_result result = wippyi_graph_make(&graph, env, false);
    if (result != WIPPY_OK) {
        return result;
    }
    wippyi_order_hide(&graph, true);
    for (uint32_t node = 0; node < graph.count; node++) {
        wippyi_graph_walk(&graph, node, NULL);
    }
    uint32_t made_count = graph.out_count;
    memcpy(order, graph.out, made_count * sizeof(uint32_t));
    wippyi_graph_forget(&graph);
    wippyi_order_hide(&graph, false);
    for (uint32_t node = graph.count; node > 0; node--) { /* backwards, as the result is turned */
        wippyi_graph_walk(&graph, node - 1, NULL);
    }
    for (uint32_t i = 0; i < graph.out_count; i++) {
        order[made_count + i] = graph.out[graph.out_count - 1 - i];
    }
    wippyi_graph_free(&graph);
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ imports */

/* Nothing created or updated imports itself, through whatever chain. */
static wippy_result wippyi_imports_acyclic(wippyi_graph *graph, const wippyi_changes *changes,
                                           wippy_entry **culprit, wippy_diag *diag)
{
    const wippy_snapshot *next = graph->snapshot;
    for (size_t i = 0; i < changes->count; i++) {
        const wippy_entry *entry = changes->items[i].after;
        wippy_slice none = {NULL, 0};
        uint32_t circle = 0;
        if (entry == NULL) {
            continue;
        }
        uint32_t start = wippyi_snapshot_place(next, none, wippyi_text_slice(entry->id));
        if (!wippyi_graph_walk(graph, start, &circle)) {
            *culprit = next->entries[circle];
            return wippyi_reject(diag, WIPPY_ERR_INVALID, next->entries[circle]->id,
                                 "adding dependency would create a cycle: %.200s -> %.200s",
                                 next->entries[circle]->id,
                                 next->entries[graph->edges[graph->cursor[circle] - 1]]->id);
        }
    }
    return WIPPY_OK;
}

/* Where an import leads; nowhere for built-in modules and what is not there. */
static void wippyi_alias_add(wippy_refs *refs, wippy_slice space, wippy_slice rest)
{
    wippyi_graph *graph = (wippyi_graph *)refs->target;
    graph->alias_place = wippyi_snapshot_place(graph->snapshot, space, rest);
}

/* Note the aliases of one node in `seen` (alias -> entry), or find one that leads elsewhere there. */
static wippy_result wippyi_aliases_note(wippyi_graph *graph, uint32_t node, wippyi_strmap *seen,
                                        wippy_diag *diag)
{
    wippy_entry *const *entries = graph->snapshot->entries;
    wippy_slice imports;
    wippy_value_iter item;
    wippy_refs refs;
    wippy_result result = WIPPY_OK;
    refs.owner = entries[node];
    refs.add = wippyi_alias_add;
    refs.target = graph;
    if (refs.owner->barred ||
        wippy_value_get(refs.owner->data, "imports", &imports) != WIPPY_OK) {
        return WIPPY_OK;
    }
    for (wippy_value_each(imports, &item); result == WIPPY_OK && wippy_value_next(&item);) {
        graph->alias_place = WIPPYI_NOWHERE;
        wippyi_refs_add_value(&refs, item.value);
        if (graph->alias_place == WIPPYI_NOWHERE) {
            continue;
        }
        wippy_entry *target = entries[graph->alias_place];
        wippy_entry *other =
            (wippy_entry *)wippyi_strmap_get(seen, item.name.data, item.name.size);
        if (other == NULL) {
            result = wippyi_strmap_put(seen, item.name.data, item.name.size, target);
        } else if (other != target) {
            return wippyi_reject(diag, WIPPY_ERR_CONFLICT, refs.owner->id,
                                 "alias '%.*s' collision: %.160s and %.160s",
                                 WIPPYI_SLICE_ARGS(item.name), other->id, target->id);
        }
    }
    return result == WIPPY_OK ? result : wippyi_reject(diag, result, NULL, "out of memory");
}

/* All that one node imports, directly or not, shares one environment: an alias means one thing in it.
   A node whose imports import nothing needs no look, its own aliases are keys of one map. */
static wippy_result wippyi_aliases_under(wippyi_graph *graph, uint32_t node, wippy_diag *diag)
{
    wippyi_strmap seen;
    wippy_result result = WIPPY_OK;
    bool deep = false;
    (void)wippyi_graph_walk(graph, node, NULL);
    for (uint32_t i = 0; i < graph->out_count; i++) {
        uint32_t other = graph->out[i];
        deep = deep || (other != node && graph->first[other] != graph->first[other + 1]);
    }
    if (deep) {
        wippyi_strmap_init(&seen, graph->mem);
        for (uint32_t i = graph->out_count; i > 0 && result == WIPPY_OK; i--) {
            result = wippyi_aliases_note(graph, graph->out[i - 1], &seen, diag);
        }
        wippyi_strmap_destroy(&seen);
    }
    wippyi_graph_unwalk(graph);
    return result;
}

/* A change without imports cannot bring two aliases together. */
static bool wippyi_imports_changed(const wippyi_changes *changes)
{
    wippy_slice imports;
    for (size_t i = 0; i < changes->count; i++) {
        const wippy_entry *entry = changes->items[i].after;
        if (entry != NULL && wippy_value_get(entry->data, "imports", &imports) == WIPPY_OK) {
            return true;
        }
    }
    return false;
}

WIPPYI_FN wippy_result wippyi_refs_imports(const wippyi_refs_env *env, const wippy_snapshot *next,
                                           const wippyi_changes *changes, wippy_entry **culprit,
                                           wippy_diag *diag)
{
    wippyi_graph graph;
    if (!wippyi_imports_changed(changes)) {
        return WIPPY_OK;
    }
    memset(&graph, 0, sizeof(graph));
    graph.snapshot = next;
    wippy_result result = wippyi_graph_make(&graph, env, true);
    if (result != WIPPY_OK) {
        return wippyi_reject(diag, result, NULL, "out of memory");
    }
    result = wippyi_imports_acyclic(&graph, changes, culprit, diag);
    wippyi_graph_forget(&graph);
    for (uint32_t node = 0; node < graph.count && result == WIPPY_OK; node++) {
        if (graph.first[node] != graph.first[node + 1]) {
            result = wippyi_aliases_under(&graph, node, diag);
            *culprit = result == WIPPY_ERR_CONFLICT ? next->entries[node] : *culprit;
        }
    }
    wippyi_graph_free(&graph);
    return result;
}

WIPPYI_FN wippy_result wippyi_refs_aliases(const wippy_entry *entry, wippy_diag *diag)
{
    wippy_slice imports;
    wippy_slice modules;
    wippy_value_iter alias;
    wippy_value_iter module_item;
    if (wippy_value_get(entry->data, "imports", &imports) != WIPPY_OK ||
        wippy_value_type_of(imports) != WIPPY_MAP) {
        return WIPPY_OK;
    }
    bool has_modules = wippy_value_get(entry->data, "modules", &modules) == WIPPY_OK;
    for (wippy_value_each(imports, &alias); wippy_value_next(&alias);) {
        if (alias.name.size == 0) {
            return wippyi_reject(diag, WIPPY_ERR_INVALID, entry->id, "import alias is empty");
        }
        if (!has_modules) {
            continue;
        }
        for (wippy_value_each(modules, &module_item); wippy_value_next(&module_item);) {
            if (wippy_value_equal(module_item.value, alias.key)) {
                return wippyi_reject(diag, WIPPY_ERR_CONFLICT, entry->id,
                                     "alias \"%.*s\" is both an import and a module",
                                     WIPPYI_SLICE_ARGS(alias.name));
            }
        }
    }
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ who is outdated */

typedef struct wippyi_outdated {
    wippyi_graph graph;
    wippy_writer writer;
    uint8_t *replaced; /* a flag for each node: its own code */
    uint8_t *touched;  /* ... or that of something it imports */
} wippyi_outdated;

static bool wippyi_code_replaced(const wippy_entry_change *change)
{
    const wippy_entry *before = change->before;
    const wippy_entry *after = change->after;
    return before != NULL && after != NULL &&
           (before->data.size != after->data.size ||
            memcmp(before->data.data, after->data.data, after->data.size) != 0);
}

/* Needed nodes are left first, so one pass spreads the flag. */
static void wippyi_outdated_spread(wippyi_outdated *outdated)
{
    wippyi_graph *graph = &outdated->graph;
    for (uint32_t node = 0; node < graph->count; node++) {
        wippyi_graph_walk(graph, node, NULL);
    }
    for (uint32_t i = 0; i < graph->out_count; i++) {
        uint32_t node = graph->out[i];
        outdated->touched[node] = outdated->replaced[node];
        for (uint32_t edge = graph->first[node]; edge < graph->first[node + 1]; edge++) {
            outdated->touched[node] |= outdated->touched[graph->edges[edge]];
        }
    }
}

static wippy_result wippyi_outdated_tell(wippyi_outdated *outdated, uint32_t node,
                                         wippyi_outdated_fn fn, void *user_data)
{
    wippyi_graph *graph = &outdated->graph;
    wippy_slice sources;
    wippyi_graph_forget(graph);
    wippyi_graph_walk(graph, node, NULL);
    wippy_writer_reset(&outdated->writer);
    wippy_write_array(&outdated->writer, 0);
    for (uint32_t i = graph->out_count; i > 0; i--) { /* itself first */
        if (outdated->replaced[graph->out[i - 1]] != 0) {
            wippy_write_cstring(&outdated->writer, graph->snapshot->entries[graph->out[i - 1]]->id);
        }
    }
    wippy_write_end(&outdated->writer);
    wippy_result result = wippy_writer_finish(&outdated->writer, &sources);
    if (result == WIPPY_OK) {
        fn(graph->snapshot->entries[node], sources, user_data);
    }
    return result;
}

static wippy_result wippyi_outdated_run(wippyi_outdated *outdated,
                                        const wippy_entry_change *changes, size_t count,
                                        wippyi_outdated_fn fn, void *user_data)
{
    wippy_slice none = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (wippyi_code_replaced(&changes[i])) {
            uint32_t node = wippyi_snapshot_place(outdated->graph.snapshot, none,
                                                  wippyi_text_slice(changes[i].after->id));
            WIPPYI_ASSERT(node != WIPPYI_NOWHERE);
            outdated->replaced[node] = 1;
        }
    }
    wippyi_outdated_spread(outdated);
    wippy_result result = WIPPY_OK;
    for (uint32_t node = 0; node < outdated->graph.count && result == WIPPY_OK; node++) {
        if (outdated->touched[node] != 0) {
            result = wippyi_outdated_tell(outdated, node, fn, user_data);
        }
    }
    return result;
}

static bool wippyi_outdated_any(const wippy_entry_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (wippyi_code_replaced(&changes[i])) {
            return true;
        }
    }
    return false;
}

WIPPYI_FN wippy_result wippyi_refs_outdated(const wippyi_refs_env *env, const wippy_snapshot *after,
                                            const wippy_entry_change *changes, size_t count,
                                            wippyi_outdated_fn fn, void *user_data)
{
    if (!wippyi_outdated_any(changes, count)) {
        return WIPPY_OK;
    }
    wippyi_outdated outdated;
    memset(&outdated.graph, 0, sizeof(outdated.graph));
    outdated.graph.snapshot = after;
    wippy_result result = wippyi_graph_make(&outdated.graph, env, true);
    if (result != WIPPY_OK) {
        return result;
    }
    size_t flags = (size_t)outdated.graph.count * 2;
    outdated.replaced = (uint8_t *)wippyi_mem_alloc(env->mem, flags);
    if (outdated.replaced != NULL) {
        memset(outdated.replaced, 0, flags);
        outdated.touched = outdated.replaced + outdated.graph.count;
        wippyi_writer_init(&outdated.writer, env->mem);
        result = wippyi_outdated_run(&outdated, changes, count, fn, user_data);
        wippy_writer_free(&outdated.writer);
        wippyi_mem_free(env->mem, outdated.replaced, flags);
    } else {
        result = WIPPY_ERR_NOMEM;
    }
    wippyi_graph_free(&outdated.graph);
    return result;
}
