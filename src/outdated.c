#include "outdated.h"

#include "entry.h"
#include "host.h"
#include "message.h"
#include "process.h"
#include "registry.h"
#include "value.h"

#include <string.h>

/* ---- telling ---- */

static bool wippyi_runs_entry(wippy_runtime *rt, wippyi_slot *slot, uint64_t pid, const char *id)
{
    wippyi_latch *stripe = wippyi_stripe_at(rt, slot->head.index);
    bool same;
    wippyi_latch_take(stripe);
    same = wippyi_slot_is(slot, pid) && slot->entry != NULL &&
           strcmp(wippy_entry_id(slot->entry), id) == 0;
    wippyi_latch_drop(stripe);
    return same;
}

static void wippyi_outdated_send(wippy_runtime *rt, uint64_t pid, wippy_slice sources)
{
    wippy_message message;
    wippy_mail *mail;
    memset(&message, 0, sizeof(message));
    message.data = sources.data;
    message.size = sources.size;
    message.count = 1;
    mail = wippyi_mail_new(rt, NULL, pid, 0, &message);
    if (mail == NULL) {
        return;
    }
    mail->kind = (uint8_t)WIPPY_MAIL_OUTDATED;
    if (wippyi_deliver(rt, NULL, pid, mail) != WIPPY_OK) {
        wippyi_mail_free(rt, NULL, mail);
    }
}

static bool wippyi_wants_outdated(const wippyi_slot *slot)
{
    return (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_UPGRADABLE) != 0;
}

/* Every process of this entry that asked. Looks at one word of each slot, and only when code changes;
   one that takes its wish back meanwhile drops the mail unseen. */
static void wippyi_outdated_entry(const wippy_entry *entry, wippy_slice sources, void *user_data)
{
    wippy_runtime *rt = (wippy_runtime *)user_data;
    uint32_t high = wippyi_a32_load_acq(&rt->slots.high);
    uint32_t i;
    for (i = 1; i < high; i++) {
        wippyi_slot *slot = (wippyi_slot *)wippyi_slab_at(&rt->slots, i);
        uint64_t pid = slot != NULL ? wippyi_a64_load_acq(&slot->life) & ~WIPPYI_LIFE_TERMINATE : 0;
        if (pid != 0 && wippyi_wants_outdated(slot) &&
            wippyi_runs_entry(rt, slot, pid, wippy_entry_id(entry))) {
            wippyi_outdated_send(rt, pid, sources);
        }
    }
}

static void wippyi_outdated_announce(wippy_runtime *rt, const wippy_registry_event *event,
                                     void *user_data)
{
    (void)user_data;
    if (!event->loading && wippyi_population(rt) > 0) {
        (void)wippyi_registry_outdated(rt, event, wippyi_outdated_entry, rt);
    }
}

WIPPYI_FN wippy_result wippyi_outdated_listen(wippy_runtime *rt)
{
    return wippy_registry_listen(rt, wippyi_outdated_announce, NULL);
}

/* ---- merging ---- */

static wippy_slice wippyi_mail_slice(const wippy_mail *mail)
{
    wippy_slice slice;
    slice.data = (const char *)wippy_mail_data(mail);
    slice.size = mail->size;
    return slice;
}

static bool wippyi_has_value(wippy_slice array, wippy_slice value)
{
    wippy_value_iter iter;
    (void)wippy_value_each(array, &iter);
    while (wippy_value_next(&iter)) {
        if (wippy_value_equal(iter.value, value)) {
            return true;
        }
    }
    return false;
}

/* An array with the items of both, each once. */
static void wippyi_write_union(wippy_writer *writer, wippy_slice a, wippy_slice b)
{
    wippy_value_iter iter;
    wippy_write_array(writer, 0);
    (void)wippy_value_each(a, &iter);
    while (wippy_value_next(&iter)) {
        wippy_write_encoded(writer, iter.value.data, iter.value.size);
    }
    (void)wippy_value_each(b, &iter);
    while (wippy_value_next(&iter)) {
        if (!wippyi_has_value(a, iter.value)) {
            wippy_write_encoded(writer, iter.value.data, iter.value.size);
        }
    }
    wippy_write_end(writer);
}

static wippy_mail *wippyi_outdated_union(wippy_runtime *rt, wippyi_worker *w, const wippy_mail *old,
                                         const wippy_mail *mail)
{
    wippy_message message;
    wippy_writer writer;
    wippy_slice encoded;
    wippy_mail *merged = NULL;
    memset(&message, 0, sizeof(message));
    wippy_writer_init(&writer, rt);
    wippyi_write_union(&writer, wippyi_mail_slice(old), wippyi_mail_slice(mail));
    if (wippy_writer_finish(&writer, &encoded) == WIPPY_OK) {
        message.data = encoded.data;
        message.size = encoded.size;
        message.count = 1;
        merged = wippyi_mail_new(rt, w, old->to_, 0, &message);
    }
    wippy_writer_free(&writer);
    if (merged != NULL) {
        merged->kind = old->kind;
        merged->flags = old->flags;
    }
    return merged;
}

/* The link that leads to an OUTDATED in a list, or NULL. */
static wippy_mail **wippyi_outdated_in(wippy_mail **list)
{
    for (; *list != NULL; list = &(*list)->next_) {
        if ((*list)->kind == WIPPY_MAIL_OUTDATED) {
            return list;
        }
    }
    return NULL;
}

static void wippyi_mail_replace(wippy_runtime *rt, wippyi_worker *w, wippy_mail **at,
                                wippy_mail *by)
{
    wippy_mail *old = *at;
    by->next_ = old->next_;
    *at = by;
    wippyi_mail_free(rt, w, old);
}

WIPPYI_FN bool wippyi_outdated_merge(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                     wippy_mail *mail)
{
    wippyi_ext *ext = slot->ext;
    wippyi_shelf *shelf = NULL;
    wippy_mail **at = wippyi_outdated_in(&slot->fresh);
    wippy_mail *merged;
    uint32_t i;
    for (i = 0; at == NULL && ext != NULL && i < ext->shelf_count; i++) {
        shelf = &ext->shelves[i];
        at = wippyi_outdated_in(&shelf->first);
    }
    merged = at != NULL ? wippyi_outdated_union(rt, w, *at, mail) : NULL;
    if (merged == NULL) {
        return false;
    }
    if (shelf != NULL) {
        ext->kept_bytes += wippyi_mail_bytes(merged);
        ext->kept_bytes -= wippyi_mail_bytes(*at);
        if (shelf->last == *at) {
            shelf->last = merged;
        }
    } else if (slot->fresh_end == &(*at)->next_) {
        slot->fresh_end = &merged->next_;
    }
    wippyi_mail_replace(rt, w, at, merged);
    wippyi_mail_free(rt, w, mail);
    return true;
}
