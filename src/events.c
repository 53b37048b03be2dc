#include "events.h"

#include <string.h>

WIPPYI_FN bool wippyi_events_match(const char *pattern, const char *text)
{
    size_t size = strlen(pattern);
    if (size > 0 && pattern[size - 1] == '*') {
        return strncmp(pattern, text, size - 1) == 0;
    }
    return strcmp(pattern, text) == 0;
}

/* ------------------------------------------------------------------ subscriptions */

static const char *wippyi_subscription_text(char **at, const char *text)
{
    char *start = *at;
    size_t bytes = strlen(text) + 1;
    memcpy(start, text, bytes);
    *at += bytes;
    return start;
}

static wippyi_subscription *wippyi_subscription_make(wippyi_mem *mem, wippy_pid pid,
                                                     const char *system, const char *kind,
                                                     const char *topic)
{
    size_t bytes = sizeof(wippyi_subscription) + strlen(system) + strlen(kind) + strlen(topic) + 3;
    wippyi_subscription *one = (wippyi_subscription *)wippyi_mem_alloc(mem, bytes);
    if (one) {
        char *at = (char *)(one + 1);
        one->next = NULL;
        one->bytes = bytes;
        one->pid = pid;
        one->system = wippyi_subscription_text(&at, system);
        one->kind = wippyi_subscription_text(&at, kind);
        one->topic = wippyi_subscription_text(&at, topic);
    }
    return one;
}

static bool wippyi_events_right(const wippy_self *self, const char *action, const char *system)
{
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    return wippy_self_pid(self).id == 0 || wippy_allowed(self, action, system, none);
}

WIPPY_API wippy_result wippy_events_subscribe(wippy_self *self, const char *system,
                                              const char *kind, const char *topic, uint64_t *out)
{
    wippyi_events *events = wippyi_runtime_events(wippy_self_runtime(self));
    wippy_pid pid = wippy_self_pid(self);
    if (pid.id == 0 || !system || !*system || !topic || !*topic || strlen(topic) > 255) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_events_right(self, "events.subscribe", system)) {
        return WIPPY_ERR_DENIED;
    }
    wippyi_subscription *one =
        wippyi_subscription_make(events->mem, pid, system, kind && *kind ? kind : "*", topic);
    if (!one) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_mutex_lock(&events->lock);
    wippyi_subscription **link = &events->first;
    while (*link) {
        link = &(*link)->next;
    }
    *link = one;
    one->id = ++events->last_id;
    if (out) {
        *out = one->id;
    }
    wippyi_mutex_unlock(&events->lock);
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_events_unsubscribe(wippy_self *self, uint64_t subscription)
{
    wippyi_events *events = wippyi_runtime_events(wippy_self_runtime(self));
    wippy_pid pid = wippy_self_pid(self);
    wippyi_mutex_lock(&events->lock);
    wippyi_subscription **link = &events->first;
    while (*link && ((*link)->id != subscription || (*link)->pid.id != pid.id)) {
        link = &(*link)->next;
    }
    wippyi_subscription *one = *link;
    if (one) {
        *link = one->next;
    }
    wippyi_mutex_unlock(&events->lock);
    if (one) {
        wippyi_mem_free(events->mem, one, one->bytes);
    }
    return one ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

/* ------------------------------------------------------------------ sending */

static wippy_result wippyi_event_encode(wippy_writer *w, const char *system, const char *kind,
                                        const char *path, wippy_slice data, wippy_slice *out)
{
    wippy_write_map(w, data.size > 0 ? 4 : 3);
    wippy_write_cstring(w, "system");
    wippy_write_cstring(w, system);
    wippy_write_cstring(w, "kind");
    wippy_write_cstring(w, kind);
    wippy_write_cstring(w, "path");
    wippy_write_cstring(w, path);
    if (data.size > 0) {
        wippy_write_cstring(w, "data");
        wippy_write_encoded(w, data.data, data.size);
    }
    wippy_write_end(w);
    return wippy_writer_finish(w, out);
}

typedef struct wippyi_event_tally {
    uint32_t refused; /* full mailboxes */
    uint32_t lost;    /* no memory */
} wippyi_event_tally;

/* Queue the event at every matching subscription; forget those whose process is gone. */
static void wippyi_events_fan_out(wippy_runtime *rt, wippyi_events *events, const char *system,
                                  const char *kind, wippy_slice payload, wippyi_event_tally *tally)
{
    wippyi_subscription **link = &events->first;
    while (*link) {
        wippyi_subscription *one = *link;
        wippy_result result = WIPPY_OK;
        if (wippyi_events_match(one->system, system) && wippyi_events_match(one->kind, kind)) {
            wippy_message message;
            memset(&message, 0, sizeof(message));
            message.topic_name = one->topic;
            message.data = payload.data;
            message.size = payload.size;
            message.count = 1;
            result = wippy_send_message(wippy_outside(rt), one->pid, &message);
        }
        tally->refused += result == WIPPY_ERR_FULL ? 1u : 0u;
        tally->lost += result == WIPPY_ERR_NOMEM ? 1u : 0u;
        if (result == WIPPY_ERR_GONE) {
            *link = one->next;
            wippyi_mem_free(events->mem, one, one->bytes);
        } else {
            link = &one->next;
        }
    }
}

static bool wippyi_events_any(wippyi_events *events)
{
    wippyi_mutex_lock(&events->lock);
    bool any = events->first != NULL;
    wippyi_mutex_unlock(&events->lock);
    return any;
}

static wippy_result wippyi_events_deliver(wippy_runtime *rt, const char *system, const char *kind,
                                          wippy_slice payload)
{
    wippyi_events *events = wippyi_runtime_events(rt);
    wippyi_event_tally tally;
    wippy_slice none;
    memset(&tally, 0, sizeof(tally));
    memset(&none, 0, sizeof(none));
    wippyi_mutex_lock(&events->lock);
    wippyi_events_fan_out(rt, events, system, kind, payload, &tally);
    wippyi_mutex_unlock(&events->lock);
    if (tally.refused > 0) {
        wippyi_log(rt, WIPPY_LOG_WARN, "events", none,
                   "event %s of system %s refused by %u full mailbox(es)", kind, system,
                   (unsigned)tally.refused);
    }
    return tally.lost > 0 ? WIPPY_ERR_NOMEM : WIPPY_OK;
}

WIPPY_API wippy_result wippy_events_send(wippy_self *self, const char *system, const char *kind,
                                         const char *path, wippy_slice data)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    wippy_writer w;
    wippy_slice payload;
    if (!system || !*system || !kind || !*kind || !path || !*path ||
        data.size > wippy_runtime_desc(rt)->max_message_bytes ||
        (data.size > 0 && wippy_value_check(data.data, data.size, 1) != WIPPY_OK)) {
        return WIPPY_ERR_INVALID;
    }
    if (!wippyi_events_right(self, "events.send", system)) {
        return WIPPY_ERR_DENIED;
    }
    if (!wippyi_events_any(wippyi_runtime_events(rt))) {
        return WIPPY_OK;
    }
    wippy_writer_init(&w, rt);
    wippy_result result = wippyi_event_encode(&w, system, kind, path, data, &payload);
    if (result == WIPPY_OK) {
        result = wippyi_events_deliver(rt, system, kind, payload);
    }
    wippy_writer_free(&w);
    return result;
}

/* ------------------------------------------------------------------ what the registry does */

static void wippyi_events_of_change(wippy_runtime *rt, const wippy_entry_change *change,
                                    int64_t version)
{
    static const char *const kinds[] = {"entry.create", "entry.update", "entry.delete"};
    const wippy_entry *entry = change->after ? change->after : change->before;
    wippy_writer w;
    wippy_slice data;
    wippy_writer_init(&w, rt);
    wippy_write_map(&w, 2);
    wippy_write_cstring(&w, "kind");
    wippy_write_cstring(&w, wippy_entry_kind(entry));
    wippy_write_cstring(&w, "version");
    wippy_write_int(&w, version);
    wippy_write_end(&w);
    if (wippy_writer_finish(&w, &data) == WIPPY_OK) {
        (void)wippy_events_send(wippy_outside(rt), "registry", kinds[change->op],
                                wippy_entry_id(entry), data);
    }
    wippy_writer_free(&w);
}

static void wippyi_events_on_registry(wippy_runtime *rt, const wippy_registry_event *event,
                                      void *user_data)
{
    bool heard = wippyi_events_any((wippyi_events *)user_data);
    for (size_t i = 0; heard && i < event->count; i++) {
        wippyi_events_of_change(rt, &event->changes[i], event->version);
    }
}

/* ------------------------------------------------------------------ creation */

WIPPYI_FN wippy_result wippyi_events_create(wippy_runtime *rt, wippyi_mem *mem, wippyi_events **out)
{
    wippyi_events *events = (wippyi_events *)wippyi_mem_alloc(mem, sizeof(*events));
    if (!events) {
        return WIPPY_ERR_NOMEM;
    }
    memset(events, 0, sizeof(*events));
    events->rt = rt;
    events->mem = mem;
    wippy_result result = wippyi_mutex_init(&events->lock);
    if (result != WIPPY_OK) {
        wippyi_mem_free(mem, events, sizeof(*events));
        return result;
    }
    result = wippy_registry_listen(rt, wippyi_events_on_registry, events);
    if (result != WIPPY_OK) {
        wippyi_events_destroy(events);
        return result;
    }
    *out = events;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_events_destroy(wippyi_events *events)
{
    if (!events) {
        return;
    }
    (void)wippy_registry_unlisten(events->rt, wippyi_events_on_registry, events);
    while (events->first) {
        wippyi_subscription *one = events->first;
        events->first = one->next;
        wippyi_mem_free(events->mem, one, one->bytes);
    }
    wippyi_mutex_destroy(&events->lock);
    wippyi_mem_free(events->mem, events, sizeof(*events));
}
