/* Blocks of mail: layout for every size of topic and payload, handed-over memory, shared results. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

typedef struct message_kit {
    test_heap heap;
    wippy_runtime *rt;
} message_kit;

static bool message_open(message_kit *k)
{
    wippy_desc desc;
    memset(k, 0, sizeof(*k));
    memset(&desc, 0, sizeof(desc));
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &k->heap;
    return CHECK_EQ_INT(wippy_create(&k->rt, &desc), WIPPY_OK);
}

static void message_close(message_kit *k)
{
    CHECK_EQ_INT(wippy_destroy(k->rt), WIPPY_OK);
    CHECK_BALANCED(&k->heap);
}

TEST(test_message_every_topic_and_payload_size)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 16, 17, 24, 63, 64, 100, 1900, 2048, 9000};
    static char data[9000];
    char topic[256];
    message_kit k;
    REQUIRE(message_open(&k));
    memset(topic, 't', sizeof(topic));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (char)(i * 7);
    }
    for (size_t bytes = 0; bytes <= 255; bytes++) {
        for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
            wippy_message m;
            size_t length = 99;
            memset(&m, 0, sizeof(m));
            m.topic_name = topic;
            m.topic_bytes = bytes;
            m.data = data;
            m.size = sizes[i];
            m.count = i % 2 ? 3 : 0;
            wippy_mail *mail = wippyi_mail_new(k.rt, NULL, 11, 22, &m);
            REQUIRE(mail != NULL);
            CHECK_EQ_U64(mail->to_, 11);
            CHECK_EQ_U64(mail->from.id, 22);
            CHECK_EQ_INT(mail->kind, WIPPY_MAIL_MESSAGE);
            CHECK_EQ_INT(mail->count, m.count);
            CHECK_EQ_INT((mail->flags & WIPPY_MAIL_RAW) != 0, m.count == 0 && m.size > 0);
            const char *name = wippy_mail_topic(wippy_outside(k.rt), mail, &length);
            CHECK_EQ_U64(length, bytes);
            CHECK_EQ_U64(strlen(name), bytes);
            const void *payload = wippy_mail_data(mail);
            CHECK((payload == NULL) == (sizes[i] == 0));
            CHECK_EQ_U64((uintptr_t)payload & 7, 0);
            if (payload != NULL) {
                CHECK_MEM(payload, data, sizes[i]);
            }
            CHECK_EQ_U64(wippy_mail_tag(mail), 0);
            CHECK_EQ_INT(wippy_mail_token(mail).sequence, 0);
            CHECK_EQ_U64(wippy_mail_number(mail), 0);
            wippyi_mail_free(k.rt, NULL, mail);
        }
    }
    message_close(&k);
}

static void owned_free(void *data, size_t size, void *user_data)
{
    CHECK_EQ_U64(size, 77);
    CHECK(data == user_data);
    ++*(int *)data;
}

TEST(test_message_owned_memory_goes_through_its_function)
{
    message_kit k;
    wippy_message m;
    wippyi_owned owned;
    int freed[20] = {0};
    REQUIRE(message_open(&k));
    memset(&m, 0, sizeof(m));
    owned.data = freed;
    owned.size = 77;
    owned.free_fn = owned_free;
    owned.user_data = freed;
    m.data = &owned;
    m.size = sizeof(owned);
    wippy_mail *mail = wippyi_mail_new(k.rt, NULL, 1, 2, &m);
    REQUIRE(mail != NULL);
    mail->flags |= WIPPY_MAIL_OWNED;
    mail->size = 77;
    CHECK(wippy_mail_data(mail) == freed);
    wippyi_mail_free(k.rt, NULL, mail);
    CHECK_EQ_INT(freed[0], 1);
    message_close(&k);
}

TEST(test_message_results_are_counted)
{
    message_kit k;
    REQUIRE(message_open(&k));
    wippyi_result *r = wippyi_result_error(k.rt, WIPPY_ERR_TIMEOUT, "too late");
    REQUIRE(r != NULL);
    CHECK_EQ_INT(r->code, WIPPY_ERR_TIMEOUT);
    wippy_reader reader;
    wippy_value value;
    wippy_reader_init(&reader, wippyi_result_data(r), r->size);
    CHECK_EQ_INT(wippy_read(&reader, &value), WIPPY_OK);
    CHECK_EQ_INT(value.type, WIPPY_ERROR);
    CHECK_MEM(value.as.error.kind.data, "Timeout", 7);
    CHECK_MEM(value.as.error.message.data, "too late", 8);
    uint64_t frees = k.heap.free_count;
    wippyi_result_hold(r);
    wippyi_result_release(k.rt, r);
    CHECK_EQ_U64(k.heap.free_count, frees);
    wippyi_result_release(k.rt, r);
    CHECK_EQ_U64(k.heap.free_count, frees + 1);
    wippyi_result_hold(NULL);
    wippyi_result_release(k.rt, NULL);
    r = wippyi_result_new(k.rt, WIPPY_OK, NULL, 0);
    wippyi_result_release(k.rt, r);
    message_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_message_every_topic_and_payload_size),
          TEST_ENTRY(test_message_owned_memory_goes_through_its_function),
          TEST_ENTRY(test_message_results_are_counted))
