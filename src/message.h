/* ========================================================================== >>message
   Blocks of memory for one worker or for the outside, and mail made of them.
   w == NULL means "an outside thread": the shared heap, under its lock.
   Any thread with w == NULL; else only the thread that runs w.
   Allocates: through the heaps; large blocks through wippyi_mem. */
#ifndef WIPPYI_MESSAGE_H
#define WIPPYI_MESSAGE_H

#include "core.h"

/* A block of `bytes`, not zeroed; give the same size back. */
WIPPYI_FN void *wippyi_block_get(wippy_runtime *rt, wippyi_worker *w, size_t bytes);
WIPPYI_FN void wippyi_block_put(wippy_runtime *rt, wippyi_worker *w, void *block, size_t bytes);

#define WIPPYI_TOPIC_BYTES_MAX 255

/* The message with the length of its topic name filled in. INVALID: topic, size or count is over what
   mail can hold. */
WIPPYI_FN wippy_result wippyi_message_check(const wippy_runtime *rt, const wippy_message *given,
                                            wippy_message *checked);

/* Mail with room for a topic name and a payload; header filled, topic name copied. NULL: no memory. */
WIPPYI_FN wippy_mail *wippyi_mail_new(wippy_runtime *rt, wippyi_worker *w, uint64_t to,
                                      uint64_t from, const wippy_message *message);
/* All of a message's header but its link: mail in a block of that class, with that much of a topic name. */
WIPPYI_INLINE void wippyi_mail_head(wippy_mail *mail, uint64_t to, uint64_t from, wippy_topic topic,
                                    size_t size, uint32_t count, uint32_t size_class,
                                    size_t topic_bytes)
{
    mail->to_ = to;
    mail->from.id = from;
    mail->topic = topic;
    mail->size = (uint32_t)size;
    mail->count = (uint16_t)count;
    mail->kind = (uint8_t)WIPPY_MAIL_MESSAGE;
    mail->flags = (uint8_t)(count == 0 && size > 0 ? WIPPY_MAIL_RAW : 0);
    mail->result = 0;
    mail->class_ = (uint8_t)size_class;
    mail->topic_bytes_ = (uint16_t)topic_bytes;
}

/* Free mail of a heap class, with handed-over memory. Other classes: wippyi_mail_release(). */
WIPPYI_FN void wippyi_mail_free(wippy_runtime *rt, wippyi_worker *w, wippy_mail *mail);
WIPPYI_FN size_t wippyi_mail_bytes(const wippy_mail *mail);

/* Shared results. NULL stands for "normal end, nil" everywhere. */
WIPPYI_FN wippyi_result *wippyi_result_new(wippy_runtime *rt, wippy_result code, const void *data,
                                           size_t size);
WIPPYI_FN wippyi_result *wippyi_result_error(wippy_runtime *rt, wippy_result code,
                                             const char *message);
WIPPYI_FN void wippyi_result_hold(wippyi_result *result);
WIPPYI_FN void wippyi_result_release(wippy_runtime *rt, wippyi_result *result);

WIPPYI_INLINE const void *wippyi_result_data(const wippyi_result *result)
{
    return result + 1;
}

#endif /* WIPPYI_MESSAGE_H */
