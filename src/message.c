#include "message.h"

#include "value.h"

#include <string.h>

WIPPYI_FN void *wippyi_block_get(wippy_runtime *rt, wippyi_worker *w, size_t bytes)
{
    uint32_t size_class = wippyi_class_of(bytes);
    void *block;
    if (size_class == WIPPYI_CLASS_LARGE) {
        return wippyi_mem_alloc(&rt->mem, bytes);
    }
    if (WIPPYI_LIKELY(w != NULL)) {
        block = wippyi_heap_get(&w->heap, size_class);
        WIPPYI_PREFETCH(w->heap.classes[size_class].head); /* the next one may be cold */
        return block;
    }
    wippyi_mutex_lock(&rt->outside_lock);
    block = wippyi_heap_get(&rt->outside_heap, size_class);
    wippyi_mutex_unlock(&rt->outside_lock);
    return block;
}

WIPPYI_FN void wippyi_block_put(wippy_runtime *rt, wippyi_worker *w, void *block, size_t bytes)
{
    uint32_t size_class = wippyi_class_of(bytes);
    if (block == NULL) {
        return;
    }
    if (size_class == WIPPYI_CLASS_LARGE) {
        wippyi_mem_free(&rt->mem, block, bytes);
    } else if (WIPPYI_LIKELY(w != NULL)) {
        wippyi_heap_put(&w->heap, size_class, block);
    } else {
        wippyi_mutex_lock(&rt->outside_lock);
        wippyi_heap_put(&rt->outside_heap, size_class, block);
        wippyi_mutex_unlock(&rt->outside_lock);
    }
}

/* ---- mail ---- */

static const wippyi_yield *wippyi_mail_yield(const wippy_mail *mail)
{
    return (const wippyi_yield *)(const void *)((const char *)mail - offsetof(wippyi_yield, mail));
}

static const wippyi_relation *wippyi_mail_relation(const wippy_mail *mail)
{
    return (const wippyi_relation *)(const void *)((const char *)mail -
                                                   offsetof(wippyi_relation, mail));
}

/* Bytes of the topic name in front of the payload: with its NUL, rounded up to 8. */
static size_t wippyi_topic_room(uint32_t topic_bytes)
{
    return topic_bytes == 0 ? 0 : ((size_t)topic_bytes + 8) & ~(size_t)7;
}

WIPPYI_FN size_t wippyi_mail_bytes(const wippy_mail *mail)
{
    return sizeof(wippy_mail) + wippyi_topic_room(mail->topic_bytes_) + mail->size;
}

WIPPYI_FN wippy_result wippyi_message_check(const wippy_runtime *rt, const wippy_message *given,
                                            wippy_message *checked)
{
    *checked = *given;
    if (checked->topic.id != 0 || checked->topic_name == NULL) {
        checked->topic_bytes = 0;
    } else if (checked->topic_bytes == 0) {
        checked->topic_bytes = strlen(checked->topic_name);
    }
    return checked->topic_bytes <= WIPPYI_TOPIC_BYTES_MAX && given->count <= UINT16_MAX &&
                   given->size <= rt->desc.max_message_bytes
               ? WIPPY_OK
               : WIPPY_ERR_INVALID;
}

WIPPYI_FN wippy_mail *wippyi_mail_new(wippy_runtime *rt, wippyi_worker *w, uint64_t to,
                                      uint64_t from, const wippy_message *message)
{
    uint32_t topic_bytes = message->topic.id == 0 ? (uint32_t)message->topic_bytes : 0;
    size_t room = wippyi_topic_room(topic_bytes);
    size_t bytes = sizeof(wippy_mail) + room + message->size;
    wippy_mail *mail = (wippy_mail *)wippyi_block_get(rt, w, bytes);
    if (WIPPYI_UNLIKELY(mail == NULL)) {
        return NULL;
    }
    mail->next_ = NULL;
    wippyi_mail_head(mail, to, from, message->topic, message->size, message->count,
                     wippyi_class_of(bytes), topic_bytes);
    if (topic_bytes > 0) {
        char *name = (char *)(mail + 1);
        memcpy(name, message->topic_name, topic_bytes);
        name[topic_bytes] = '\0';
    }
    if (message->size > 0 && message->data != NULL) {
        memcpy((char *)(mail + 1) + room, message->data, message->size);
    }
    return mail;
}

WIPPYI_FN void wippyi_mail_free(wippy_runtime *rt, wippyi_worker *w, wippy_mail *mail)
{
    if (WIPPYI_UNLIKELY((mail->flags & WIPPY_MAIL_OWNED) != 0)) {
        wippyi_owned owned;
        memcpy(&owned, (char *)(mail + 1), sizeof(owned));
        mail->size = (uint32_t)sizeof(owned);
        owned.free_fn(owned.data, owned.size, owned.user_data);
    }
    if (WIPPYI_LIKELY(mail->class_ < WIPPYI_CLASSES && w != NULL)) {
        wippyi_heap_put(&w->heap, mail->class_, mail);
    } else {
        wippyi_block_put(rt, w, mail, wippyi_mail_bytes(mail));
    }
}

WIPPY_API const void *wippy_mail_data(const wippy_mail *mail)
{
    const char *body = (const char *)(mail + 1);
    if (mail->size == 0) {
        return NULL;
    }
    if (WIPPYI_LIKELY(mail->class_ <= WIPPYI_CLASS_LARGE &&
                      (mail->flags & WIPPY_MAIL_OWNED) == 0)) {
        return body + wippyi_topic_room(mail->topic_bytes_);
    }
    if (mail->class_ == WIPPYI_MAIL_YIELD) {
        const wippyi_yield *yield = wippyi_mail_yield(mail);
        return yield->mail.size > sizeof(yield->room) ? yield->block : yield->room;
    }
    if (mail->class_ == WIPPYI_MAIL_RELATION) {
        return wippyi_result_data(wippyi_mail_relation(mail)->result);
    }
    {
        wippyi_owned owned;
        memcpy(&owned, body, sizeof(owned));
        return owned.data;
    }
}

WIPPY_API const char *wippy_mail_topic(const wippy_self *self, const wippy_mail *mail,
                                       size_t *bytes)
{
    const char *name = "";
    size_t length = 0;
    if (mail->topic_bytes_ > 0) {
        name = (const char *)(mail + 1);
        length = mail->topic_bytes_;
    } else if (mail->topic.id != 0 &&
               mail->topic.id <= wippyi_a32_load_acq(&self->rt->topic_count)) {
        uint32_t at = mail->topic.id - 1;
        const wippyi_topic *topic =
            (const wippyi_topic *)wippyi_ap_load_acq(&self->rt->topics[at / 256]) + at % 256;
        name = topic->text;
        length = topic->bytes;
    }
    if (bytes != NULL) {
        *bytes = length;
    }
    return name;
}

WIPPY_API bool wippy_mail_is(const wippy_self *self, const wippy_mail *mail, wippy_topic topic)
{
    wippy_mail probe;
    const char *wanted;
    size_t bytes;
    if (mail->topic_bytes_ == 0 || topic.id == 0) {
        return mail->topic.id == topic.id && mail->topic_bytes_ == 0;
    }
    memset(&probe, 0, sizeof(probe));
    probe.topic = topic;
    wanted = wippy_mail_topic(self, &probe, &bytes);
    return bytes == mail->topic_bytes_ && memcmp(wanted, mail + 1, bytes) == 0;
}

WIPPY_API uint64_t wippy_mail_tag(const wippy_mail *mail)
{
    if (mail->class_ != WIPPYI_MAIL_YIELD) {
        return 0;
    }
    return wippyi_mail_yield(mail)->tag;
}

WIPPY_API wippy_token wippy_mail_token(const wippy_mail *mail)
{
    wippy_token token;
    memset(&token, 0, sizeof(token));
    if (mail->class_ == WIPPYI_MAIL_YIELD) {
        const wippyi_yield *yield = wippyi_mail_yield(mail);
        token.pid = yield->owner;
        token.index = yield->head.index;
        token.sequence = (uint32_t)(wippyi_a64_load_rlx(&yield->state) >> 2);
    }
    return token;
}

WIPPY_API uint64_t wippy_mail_number(const wippy_mail *mail)
{
    return (mail->flags & WIPPYI_MAIL_NUMBERED) != 0 ? mail->to_ : 0;
}

/* ---- results ---- */

WIPPYI_FN wippyi_result *wippyi_result_new(wippy_runtime *rt, wippy_result code, const void *data,
                                           size_t size)
{
    wippyi_result *result =
        (wippyi_result *)wippyi_mem_alloc(&rt->mem, sizeof(wippyi_result) + size);
    if (result == NULL) {
        return NULL;
    }
    wippyi_a32_init(&result->refs, 1);
    result->code = (int32_t)code;
    result->size = size;
    if (size > 0) {
        memcpy(result + 1, data, size);
    }
    return result;
}

WIPPYI_FN wippyi_result *wippyi_result_error(wippy_runtime *rt, wippy_result code,
                                             const char *message)
{
    const char *kind = wippy_result_kind(code);
    wippyi_result *result = NULL;
    wippy_writer writer;
    wippy_slice encoded;
    wippy_writer_init(&writer, rt);
    wippy_write_error(&writer, kind, strlen(kind), message, strlen(message), -1);
    wippy_write_end(&writer);
    if (wippy_writer_finish(&writer, &encoded) == WIPPY_OK) {
        result = wippyi_result_new(rt, code, encoded.data, encoded.size);
    }
    wippy_writer_free(&writer);
    return result;
}

WIPPYI_FN void wippyi_result_hold(wippyi_result *result)
{
    if (result != NULL) {
        wippyi_a32_add_rlx(&result->refs, 1); /* the caller holds one already */
    }
}

WIPPYI_FN void wippyi_result_release(wippy_runtime *rt, wippyi_result *result)
{
    /* acq_rel: whoever frees it sees everybody else's last reads done */
    if (result != NULL && wippyi_a32_sub_acqrel(&result->refs, 1) == 1) {
        wippyi_mem_free(&rt->mem, result, sizeof(*result) + result->size);
    }
}
