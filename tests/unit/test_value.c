/* The encoded form of payloads: writer, reader, check, look-ups, equality, text. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <math.h>

/* ------------------------------------------------------------------ helpers */

typedef struct bench {
    test_heap heap;
    wippyi_mem mem;
} bench;

static void bench_init(bench *b)
{
    wippy_allocator allocator;
    memset(&allocator, 0, sizeof(allocator));
    test_heap_init(&b->heap);
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &b->heap;
    wippyi_mem_init(&b->mem, &allocator);
}

static wippy_slice finish(wippy_writer *w)
{
    wippy_slice out;
    memset(&out, 0, sizeof(out));
    CHECK_EQ_INT(wippy_writer_finish(w, &out), WIPPY_OK);
    return out;
}

static wippy_slice bytes(const char *data, size_t size)
{
    wippy_slice slice;
    slice.data = data;
    slice.size = size;
    return slice;
}

#define BYTES(literal) bytes("" literal, sizeof(literal) - 1)

/* A fresh copy in a block of exactly that size: a read outside is seen by the sanitizer. */
static char *exact_copy(const void *data, size_t size)
{
    char *copy = (char *)malloc(size > 0 ? size : 1);
    if (copy && size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

/* Something of every kind, with sharing and a cycle. */
static void write_rich(wippy_writer *w)
{
    char text[300];
    memset(text, 'x', sizeof(text));
    wippy_write_map(w, 0);
    wippy_write_cstring(w, "list");
    wippy_write_array(w, 5); /* container 1 */
    wippy_write_nil(w);
    wippy_write_bool(w, true);
    wippy_write_int(w, -5000000000);
    wippy_write_float(w, 2.5);
    wippy_write_string(w, text, sizeof(text));
    wippy_write_end(w);
    wippy_write_cstring(w, "again");
    wippy_write_ref(w, 1);
    wippy_write_int(w, 7);
    wippy_write_error(w, "Invalid", 7, "no good", 7, 0);
    wippy_write_cstring(w, "details");
    wippy_write_end(w);
    wippy_write_cstring(w, "self");
    wippy_write_ref(w, 0);
    wippy_write_end(w);
    wippy_write_string(w, text, 31);
    wippy_write_bool(w, false);
}

/* Read everything and write it again; the result is the canonical form. */
static wippy_result rewrite(wippy_slice from, wippy_writer *w)
{
    wippy_reader reader;
    wippy_value v;
    wippy_result result;
    wippy_reader_init(&reader, from.data, from.size);
    while ((result = wippy_read(&reader, &v)) == WIPPY_OK) {
        switch (v.type) {
        case WIPPY_NIL: wippy_write_nil(w); break;
        case WIPPY_BOOL: wippy_write_bool(w, v.as.boolean); break;
        case WIPPY_INT: wippy_write_int(w, v.as.integer); break;
        case WIPPY_FLOAT: wippy_write_float(w, v.as.number); break;
        case WIPPY_STRING: wippy_write_string(w, v.as.string.data, v.as.string.size); break;
        case WIPPY_ARRAY: wippy_write_array(w, v.as.count); break;
        case WIPPY_MAP: wippy_write_map(w, v.as.count); break;
        case WIPPY_REF: wippy_write_ref(w, v.as.ref); break;
        case WIPPY_ERROR:
            wippy_write_error(w, v.as.error.kind.data, v.as.error.kind.size,
                              v.as.error.message.data, v.as.error.message.size,
                              v.as.error.retryable);
            break;
        default: wippy_write_end(w); break;
        }
    }
    return result;
}

static void check_text(wippy_slice value, const char *expected)
{
    char text[1024];
    size_t length = wippy_value_to_text(value, text, sizeof(text));
    CHECK_STR(text, expected);
    CHECK_EQ_U64(length, strlen(expected));
}

/* ------------------------------------------------------------------ writing and reading */

TEST(test_value_integers_survive_and_are_compact)
{
    static const struct {
        int64_t number;
        size_t size;
    } rows[] = {{0, 1},
                {63, 1},
                {64, 3},
                {-1, 1},
                {-32, 1},
                {-33, 2},
                {-64, 2},
                {-65, 3},
                {8191, 3},
                {8192, 4},
                {INT32_MAX, 6},
                {INT32_MIN, 6},
                {INT64_MAX, 11},
                {INT64_MIN, 11},
                {1 << 20, 5},
                {127, 3},
                {128, 3},
                {-128, 3},
                {INT64_MAX - 1, 11}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippy_writer w;
        wippy_reader reader;
        wippy_value v;
        wippyi_writer_init(&w, NULL);
        wippy_write_int(&w, rows[i].number);
        wippy_slice out = finish(&w);
        CHECK_EQ_U64(out.size, rows[i].size);
        wippy_reader_init(&reader, out.data, out.size);
        CHECK_EQ_INT(wippy_read(&reader, &v), WIPPY_OK);
        CHECK_EQ_INT(v.type, WIPPY_INT);
        CHECK_EQ_INT(v.as.integer, rows[i].number);
        CHECK_EQ_INT(wippy_read(&reader, &v), WIPPY_ERR_NOTFOUND);
        wippy_writer_reset(&w);
        wippy_put_int(&w, rows[i].number);
        CHECK_EQ_U64(finish(&w).size, rows[i].size);
        CHECK_MEM(finish(&w).data, out.data, rows[i].size);
    }
}

TEST(test_value_floats_survive_bit_for_bit)
{
    const double rows[] = {
        0.0, -0.0, 1.5, -1e300, 5e-324, (double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippy_writer w;
        wippy_reader reader;
        wippy_value v;
        wippyi_writer_init(&w, NULL);
        wippy_write_float(&w, rows[i]);
        wippy_slice out = finish(&w);
        CHECK_EQ_U64(out.size, 9);
        wippy_reader_init(&reader, out.data, out.size);
        REQUIRE(wippy_read(&reader, &v) == WIPPY_OK && v.type == WIPPY_FLOAT);
        CHECK_MEM(&v.as.number, &rows[i], sizeof(double));
    }
    CHECK_MEM(BYTES("\x64\0\0\0\0\0\0\xf8\x3f").data + 1, "\0\0\0\0\0\0\xf8\x3f", 8);
}

TEST(test_value_strings_of_every_length_survive)
{
    bench b;
    wippy_writer w;
    char text[700];
    bench_init(&b);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    wippyi_writer_init(&w, &b.mem);
    for (size_t size = 0; size <= sizeof(text); size++) {
        wippy_reader reader;
        wippy_value v;
        wippy_writer_reset(&w);
        wippy_write_string(&w, size > 0 ? text : NULL, size);
        wippy_slice out = finish(&w);
        CHECK_EQ_U64(out.size, size + (size < 32 ? 1u : size < 128 ? 2u : 3u));
        wippy_reader_init(&reader, out.data, out.size);
        REQUIRE(wippy_read(&reader, &v) == WIPPY_OK && v.type == WIPPY_STRING);
        REQUIRE(v.as.string.size == size);
        CHECK_MEM(v.as.string.data, text, size);
        CHECK_EQ_INT(wippy_value_check(out.data, out.size, 1), WIPPY_OK);
    }
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

TEST(test_value_format_is_the_documented_one)
{
    wippy_writer w;
    static const char expected[] = "\x67\x02"
                                   "\x41"
                                   "a"
                                   "\x66\x00\x60\x61\x62\x3f\xff\xe0\x63\x80\x01\x68"
                                   "\x41"
                                   "b"
                                   "\x69\x01"
                                   "\x41"
                                   "c"
                                   "\x6a\x02\x01k\x00\x69\x03\x68"
                                   "\x68\x64\0\0\0\0\0\0\xf8\x3f";
    wippyi_writer_init(&w, NULL);
    wippy_write_map(&w, 2);
    wippy_write_cstring(&w, "a");
    wippy_write_array(&w, 0);
    wippy_write_nil(&w);
    wippy_put_bool(&w, false);
    wippy_put_bool(&w, true);
    wippy_write_int(&w, 63);
    wippy_write_int(&w, -1);
    wippy_write_int(&w, -32);
    wippy_write_int(&w, 64);
    wippy_write_end(&w);
    wippy_write_cstring(&w, "b");
    wippy_write_ref(&w, 1);
    wippy_write_cstring(&w, "c");
    wippy_write_error(&w, "k", 1, NULL, 0, -1);
    wippy_write_ref(&w, 0);
    wippy_write_end(&w);
    wippy_write_end(&w);
    wippy_write_float(&w, 1.5);
    wippy_slice out = finish(&w);
    CHECK_EQ_U64(w.count, 2);
    CHECK_EQ_U64(w.containers, 3);
    CHECK_EQ_U64(out.size, sizeof(expected) - 1);
    CHECK_MEM(out.data, expected, sizeof(expected) - 1);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 2), WIPPY_OK);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 1), WIPPY_ERR_INVALID);
}

TEST(test_value_rich_sequence_reads_back)
{
    bench b;
    wippy_writer w;
    wippy_reader r;
    wippy_value v;
    bench_init(&b);
    wippyi_writer_init(&w, &b.mem);
    write_rich(&w);
    wippy_slice out = finish(&w);
    CHECK_EQ_U64(w.count, 3);
    wippy_reader_init(&r, out.data, out.size);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_MAP);
    CHECK_EQ_U64(v.as.count, 0);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_STRING);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_ARRAY);
    CHECK_EQ_U64(v.as.count, 5);
    CHECK_EQ_U64(r.containers, 2);
    CHECK_EQ_U64(r.depth, 2);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_NIL);
    CHECK_EQ_INT(wippy_read_leave(&r), WIPPY_OK);
    REQUIRE(wippy_read_skip(&r, NULL) == WIPPY_OK);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_REF);
    CHECK_EQ_U64(v.as.ref, 1);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_INT);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_ERROR);
    CHECK_MEM(v.as.error.kind.data, "Invalid", 7);
    CHECK_MEM(v.as.error.message.data, "no good", 7);
    CHECK_EQ_INT(v.as.error.retryable, 0);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_STRING);
    CHECK_EQ_INT(wippy_read_skip(&r, NULL), WIPPY_ERR_NOTFOUND);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_END);
    REQUIRE(wippy_read_skip(&r, NULL) == WIPPY_OK);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_REF);
    CHECK_EQ_U64(v.as.ref, 0);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_END);
    CHECK_EQ_INT(wippy_read_leave(&r), WIPPY_ERR_NOTFOUND);
    REQUIRE(wippy_read_skip(&r, NULL) == WIPPY_OK);
    REQUIRE(wippy_read_skip(&r, NULL) == WIPPY_OK);
    CHECK_EQ_INT(wippy_read(&r, &v), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_read_skip(&r, NULL), WIPPY_ERR_NOTFOUND);
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

TEST(test_value_reader_without_bytes_finds_nothing)
{
    wippy_reader r;
    wippy_value v;
    wippy_reader_init(&r, NULL, 0);
    CHECK_EQ_INT(wippy_read(&r, &v), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_value_check(NULL, 0, 0), WIPPY_OK);
    CHECK_EQ_INT(wippy_value_type_of(bytes(NULL, 0)), WIPPY_END);
}

TEST(test_value_error_retryable_has_three_states)
{
    for (int state = -1; state <= 1; state++) {
        wippy_writer w;
        wippy_reader r;
        wippy_value v;
        wippyi_writer_init(&w, NULL);
        wippy_write_error(&w, "Internal", 8, "m", 1, state);
        wippy_write_end(&w);
        wippy_slice out = finish(&w);
        wippy_reader_init(&r, out.data, out.size);
        REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_ERROR);
        CHECK_EQ_INT(v.as.error.retryable, state);
    }
}

TEST(test_value_hint_is_cut_to_what_the_bytes_can_hold)
{
    wippy_reader r;
    wippy_value v;
    wippy_slice in = BYTES("\x66\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x02\x68");
    wippy_reader_init(&r, in.data, in.size);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK);
    CHECK_EQ_U64(v.as.count, 3);
    in = BYTES("\x67\x7f\x01\x02\x68");
    wippy_reader_init(&r, in.data, in.size);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK);
    CHECK_EQ_U64(v.as.count, 1);
}

/* Map {1: {0: 0, 1: 1, ...}} of `pairs` pairs, counted before or behind. */
static void counted(wippy_writer *w, size_t pairs, bool behind)
{
    size_t outer = wippy_writer_mark(w);
    wippy_write_map(w, behind ? 0 : 1);
    wippy_put_int(w, 1);
    size_t inner = wippy_writer_mark(w);
    wippy_write_map(w, behind ? 0 : pairs);
    for (size_t i = 0; i < pairs; i++) {
        wippy_put_int(w, (int64_t)i);
        wippy_put_int(w, (int64_t)i);
    }
    if (behind) {
        wippy_write_count(w, inner, pairs);
    }
    wippy_write_end(w);
    if (behind) {
        wippy_write_count(w, outer, 1);
    }
    wippy_write_end(w);
}

TEST(test_value_count_set_behind_is_the_count_set_before)
{
    static const size_t rows[] = {0, 1, 2, 127, 128, 129, 300, 16383, 16384, 20000};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippyi_mem mem;
        wippy_writer before;
        wippy_writer behind;
        wippyi_mem_init(&mem, NULL);
        wippyi_writer_init(&before, &mem);
        wippyi_writer_init(&behind, &mem);
        counted(&before, rows[i], false);
        counted(&behind, rows[i], true);
        wippy_slice a = finish(&before);
        wippy_slice b = finish(&behind);
        CHECK_EQ_U64(a.size, b.size);
        CHECK(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
        CHECK_EQ_INT(wippy_value_check(b.data, b.size, 1), WIPPY_OK);
        wippy_writer_free(&before);
        wippy_writer_free(&behind);
    }
}

/* ------------------------------------------------------------------ the writer's rules */

static wippy_result misuse_count_of_nothing(wippy_writer *w)
{
    wippy_put_int(w, 1);
    wippy_put_int(w, 0);
    wippy_write_count(w, 0, 3);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_count_again(wippy_writer *w)
{
    wippy_write_array(w, 0);
    wippy_write_count(w, 0, 3);
    wippy_write_count(w, 0, 3);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_count_beyond(wippy_writer *w)
{
    wippy_write_array(w, 0);
    wippy_write_count(w, 1, 3);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_end_without_begin(wippy_writer *w)
{
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_open_container(wippy_writer *w)
{
    wippy_write_array(w, 0);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_nil_key(wippy_writer *w)
{
    wippy_write_map(w, 0);
    wippy_write_nil(w);
    wippy_write_int(w, 1);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_nan_key(wippy_writer *w)
{
    wippy_write_map(w, 0);
    wippy_write_int(w, 1);
    wippy_write_float(w, (double)NAN); /* a value may be NaN */
    wippy_write_float(w, (double)NAN);
    wippy_write_int(w, 1);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_key_without_value(wippy_writer *w)
{
    wippy_write_map(w, 0);
    wippy_put_int(w, 1);
    wippy_put_int(w, 2);
    wippy_put_bool(w, true);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_key_without_value_around_containers(wippy_writer *w)
{
    wippy_write_map(w, 0);
    for (int i = 0; i < 5; i++) { /* parity is remembered across nested containers */
        wippy_write_map(w, 0);
        wippy_write_end(w);
    }
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_fourth_value_in_error(wippy_writer *w)
{
    wippy_write_error(w, "a", 1, "b", 1, 1);
    wippy_write_int(w, 1);
    wippy_write_array(w, 0);
    wippy_write_end(w);
    wippy_write_cstring(w, "stack");
    wippy_write_cstring(w, "context");
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_future_reference(wippy_writer *w)
{
    wippy_write_array(w, 0);
    wippy_write_ref(w, 1);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL);
}

static wippy_result misuse_encoded_nil_key(wippy_writer *w)
{
    wippy_write_map(w, 0);
    wippy_write_encoded(w, "\x60\x60", 2);
    wippy_write_end(w);
    return wippy_writer_finish(w, NULL) == WIPPY_ERR_SYNTAX ? WIPPY_ERR_INVALID : WIPPY_OK;
}

static wippy_result misuse_encoded_end(wippy_writer *w)
{
    wippy_write_array(w, 0);
    wippy_write_encoded(w, "\x68", 1);
    return wippy_writer_finish(w, NULL) == WIPPY_ERR_SYNTAX ? WIPPY_ERR_INVALID : WIPPY_OK;
}

TEST(test_value_writer_misuse_gives_invalid_and_stays)
{
    static wippy_result (*const rows[])(wippy_writer *) = {
        misuse_count_of_nothing,  misuse_count_again, misuse_count_beyond,
        misuse_end_without_begin, misuse_nil_key,     misuse_nan_key,
        misuse_key_without_value, misuse_fourth_value_in_error, misuse_future_reference,
        misuse_encoded_nil_key,   misuse_encoded_end, misuse_key_without_value_around_containers};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        wippy_writer w;
        wippyi_writer_init(&w, NULL);
        CHECK_EQ_INT(rows[i](&w), WIPPY_ERR_INVALID);
        wippy_result first = w.result;
        CHECK(first < 0);
        const uint8_t *at = w.at;
        wippy_put_int(&w, 1); /* every later write does nothing */
        wippy_put_bool(&w, true);
        wippy_write_nil(&w);
        wippy_write_string(&w, "abc", 3);
        wippy_write_map(&w, 1);
        wippy_write_end(&w);
        wippy_write_error(&w, "a", 1, "b", 1, 1);
        wippy_write_float(&w, 1.0);
        wippy_write_encoded(&w, "\x01", 1);
        wippy_writer_fail(&w, WIPPY_ERR_TIMEOUT);
        CHECK_EQ_PTR(w.at, at);
        CHECK_EQ_INT(wippy_writer_finish(&w, NULL), first);
        wippy_writer_reset(&w); /* and a reset forgives */
        wippy_put_int(&w, 1);
        CHECK_EQ_U64(finish(&w).size, 1);
    }
}

TEST(test_value_writer_open_container_is_invalid_until_closed)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    CHECK_EQ_INT(misuse_open_container(&w), WIPPY_ERR_INVALID);
    wippy_write_end(&w);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_OK);
}

TEST(test_value_writer_fail_keeps_the_first_reason)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    wippy_put_int(&w, 1);
    wippy_writer_fail(&w, WIPPY_ERR_UNSUPPORTED);
    wippy_writer_fail(&w, WIPPY_ERR_NOMEM);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_UNSUPPORTED);
}

TEST(test_value_depth_limit_holds_for_all_ways)
{
    bench b;
    wippy_writer w;
    wippy_reader r;
    bench_init(&b);
    wippyi_writer_init(&w, &b.mem);
    for (int i = 0; i < WIPPY_VALUE_DEPTH_MAX; i++) {
        wippy_write_array(&w, 1);
    }
    for (int i = 0; i < WIPPY_VALUE_DEPTH_MAX; i++) {
        wippy_write_end(&w);
    }
    wippy_slice deepest = finish(&w);
    CHECK_EQ_INT(wippy_value_check(deepest.data, deepest.size, 1), WIPPY_OK);
    CHECK(wippy_value_equal(deepest, deepest));
    CHECK_EQ_U64(wippy_value_to_text(deepest, NULL, 0), 2u * WIPPY_VALUE_DEPTH_MAX);

    wippy_writer deeper;
    wippyi_writer_init(&deeper, &b.mem);
    wippy_write_array(&deeper, 1);
    wippy_write_encoded(&deeper, deepest.data, deepest.size);
    CHECK_EQ_INT(wippy_writer_finish(&deeper, NULL), WIPPY_ERR_LIMIT);
    wippy_writer_free(&deeper);
    for (int i = 0; i <= WIPPY_VALUE_DEPTH_MAX; i++) {
        wippy_write_map(&deeper, 1);
        wippy_put_int(&deeper, 1);
    }
    CHECK_EQ_INT(wippy_writer_finish(&deeper, NULL), WIPPY_ERR_LIMIT);
    wippy_writer_free(&deeper);

    char hostile[2 * (WIPPY_VALUE_DEPTH_MAX + 1)];
    for (size_t i = 0; i < sizeof(hostile); i += 2) {
        hostile[i] = 0x66;
        hostile[i + 1] = 0;
    }
    CHECK_EQ_INT(wippy_value_check(hostile, sizeof(hostile), 1), WIPPY_ERR_LIMIT);
    wippy_reader_init(&r, hostile, sizeof(hostile));
    CHECK_EQ_INT(wippy_read_skip(&r, NULL), WIPPY_ERR_LIMIT);
    CHECK_EQ_PTR(r.at, hostile);
    CHECK_EQ_U64(r.depth, 0);
    CHECK(!wippy_value_equal(bytes(hostile, sizeof(hostile)), bytes(hostile, sizeof(hostile))));
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

TEST(test_value_writer_without_allocator_is_full_at_its_buffer)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    for (int i = 0; i < WIPPY_WRITER_SMALL_SIZE; i++) {
        wippy_put_int(&w, i & 63);
    }
    CHECK_EQ_U64(finish(&w).size, WIPPY_WRITER_SMALL_SIZE);
    wippy_put_int(&w, 1);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_NOMEM);
}

TEST(test_value_writer_refuses_absurd_sizes)
{
    bench b;
    wippy_writer w;
    bench_init(&b);
    wippyi_writer_init(&w, &b.mem);
    wippy_write_string(&w, "x", SIZE_MAX);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_NOMEM);
    wippy_writer_reset(&w);
    wippy_write_error(&w, "x", SIZE_MAX, "x", SIZE_MAX, 1);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_NOMEM);
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

TEST(test_value_writer_grows_keeps_memory_on_reset_and_frees_twice)
{
    bench b;
    wippy_writer w;
    bench_init(&b);
    wippyi_writer_init(&w, &b.mem);
    wippy_write_array(&w, 100000);
    for (int i = 0; i < 100000; i++) {
        wippy_put_int(&w, i);
    }
    wippy_write_end(&w);
    wippy_slice out = finish(&w);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 1), WIPPY_OK);
    uint64_t allocs = b.heap.alloc_count;
    CHECK(allocs > 0 && allocs < 20);
    wippy_writer_reset(&w);
    for (int i = 0; i < 100000; i++) {
        wippy_put_int(&w, i & 63);
    }
    CHECK_EQ_U64(finish(&w).size, 100000);
    CHECK_EQ_U64(w.count, 100000);
    CHECK_EQ_U64(b.heap.alloc_count, allocs);
    wippy_writer_free(&w);
    wippy_writer_free(&w);
    wippy_put_int(&w, 1);
    CHECK_EQ_U64(finish(&w).size, 1);
    CHECK_BALANCED(&b.heap);
}

static void scenario_write(test_heap *heap, void *arg)
{
    wippy_allocator allocator;
    wippyi_mem mem;
    wippy_writer w;
    wippy_slice out;
    (void)arg;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&mem, &allocator);
    wippyi_writer_init(&w, &mem);
    for (int i = 0; i < 10; i++) {
        write_rich(&w);
    }
    wippy_result result = wippy_writer_finish(&w, &out);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    CHECK_EQ_INT(result == WIPPY_ERR_NOMEM, TEST_ATOMIC_LOAD(&heap->refused_count) > 0);
    wippy_writer_free(&w);
}

TEST(test_value_writer_refused_memory_gives_nomem_and_leaks_nothing)
{
    CHECK(test_heap_sweep(scenario_write, NULL) >= 4);
}

/* ------------------------------------------------------------------ appending */

TEST(test_value_appended_value_keeps_its_references)
{
    bench b;
    wippy_writer inner;
    wippy_writer w;
    wippy_reader r;
    wippy_value v;
    bench_init(&b);
    wippyi_writer_init(&inner, &b.mem);
    wippyi_writer_init(&w, &b.mem);
    wippy_write_array(&inner, 0);
    wippy_write_array(&inner, 0);
    wippy_write_end(&inner);
    wippy_write_ref(&inner, 1);
    wippy_write_ref(&inner, 0);
    wippy_write_end(&inner);
    wippy_slice cyclic = finish(&inner);

    wippy_write_map(&w, 0); /* 0 */
    wippy_write_cstring(&w, "x");
    CHECK_EQ_U64(w.containers, 1);
    wippy_write_encoded(&w, cyclic.data, cyclic.size); /* 1, 2 */
    CHECK_EQ_U64(w.containers, 3);
    wippy_write_cstring(&w, "y");
    wippy_write_ref(&w, 2);
    wippy_write_end(&w);
    wippy_slice out = finish(&w);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 1), WIPPY_OK);
    check_text(out, "{\"x\": [[], \"<ref 2>\", \"<ref 1>\"], \"y\": \"<ref 2>\"}");

    wippy_slice found; /* and taken out again it is what it was */
    REQUIRE(wippy_value_get(out, "x", &found) == WIPPY_OK);
    CHECK_EQ_U64(found.size, cyclic.size);
    CHECK_MEM(found.data, cyclic.data, cyclic.size);
    wippy_reader_init(&r, found.data, found.size);
    REQUIRE(wippy_read(&r, &v) == WIPPY_OK && v.type == WIPPY_ARRAY);
    wippy_writer_free(&w);
    wippy_writer_free(&inner);
    CHECK_BALANCED(&b.heap);
}

TEST(test_value_appended_reference_to_outside_is_refused)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    wippy_write_array(&w, 0);
    wippy_write_array(&w, 0);
    wippy_write_end(&w);
    wippy_write_encoded(&w, "\x69\x01", 2);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_SYNTAX);
}

TEST(test_value_appended_pieces_count_as_values)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    wippy_write_encoded(&w, "\x01\x02\x66\x00\x68", 5);
    wippy_write_encoded(&w, NULL, 0);
    wippy_write_encoded(&w, "\x03", 1);
    wippy_slice out = finish(&w);
    CHECK_EQ_U64(w.count, 4);
    CHECK_EQ_INT(wippy_value_check(out.data, out.size, 4), WIPPY_OK);
    wippy_write_map(&w, 1);
    wippy_write_encoded(&w, "\x01\x02\x03", 3); /* two keys, one value: seen at the end */
    wippy_write_end(&w);
    CHECK_EQ_INT(wippy_writer_finish(&w, NULL), WIPPY_ERR_INVALID);
}

/* ------------------------------------------------------------------ hostile bytes */

TEST(test_value_check_names_each_fault)
{
    static const struct {
        const char *data;
        size_t size;
        wippy_result result;
    } rows[] = {
#define ROW(literal, result) {"" literal, sizeof(literal) - 1, result}
        ROW("\x6b", WIPPY_ERR_SYNTAX),             /* no such tag */
        ROW("\x80", WIPPY_ERR_SYNTAX),             /* no such tag */
        ROW("\xdf", WIPPY_ERR_SYNTAX),             /* no such tag */
        ROW("\x68", WIPPY_ERR_SYNTAX),             /* end without begin */
        ROW("\x66\x00", WIPPY_ERR_SYNTAX),         /* array not closed */
        ROW("\x66", WIPPY_ERR_SYNTAX),             /* no hint */
        ROW("\x42\x61", WIPPY_ERR_SYNTAX),         /* short string cut */
        ROW("\x65\x03\x61\x61", WIPPY_ERR_SYNTAX), /* string cut */
        ROW("\x65\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", WIPPY_ERR_SYNTAX),
        ROW("\x63", WIPPY_ERR_SYNTAX),                                         /* varint missing */
        ROW("\x63\x80", WIPPY_ERR_SYNTAX),                                     /* varint cut */
        ROW("\x63\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", WIPPY_ERR_SYNTAX), /* beyond 64 bits */
        ROW("\x63\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", WIPPY_ERR_SYNTAX),
        ROW("\x64\0\0\0\0\0\0\0", WIPPY_ERR_SYNTAX),                       /* float cut */
        ROW("\x69\x01", WIPPY_ERR_SYNTAX),                                 /* nothing to refer to */
        ROW("\x66\x00\x69\x00\x68", WIPPY_ERR_SYNTAX),                     /* distance 0 */
        ROW("\x66\x00\x69\x02\x68", WIPPY_ERR_SYNTAX),                     /* before the first */
        ROW("\x66\x00\x69\x81\x80\x80\x80\x10\x68", WIPPY_ERR_SYNTAX),     /* 2^32 + 1 */
        ROW("\x67\x00\x60\x01\x68", WIPPY_ERR_SYNTAX),                     /* nil key */
        ROW("\x67\x00\x64\0\0\0\0\0\0\xf8\x7f\x01\x68", WIPPY_ERR_SYNTAX), /* NaN key */
        ROW("\x67\x00\x01\x68", WIPPY_ERR_SYNTAX),                         /* key without value */
        ROW("\x6a\x03\x00\x00\x68", WIPPY_ERR_SYNTAX),                     /* retryable 3 */
        ROW("\x6a\x00\x01\x61\x68", WIPPY_ERR_SYNTAX),                     /* no message */
        ROW("\x6a\x00\x00\x00\x01\x02\x03\x68", WIPPY_OK),                 /* three values */
        ROW("\x6a\x00\x00\x00\x01\x02\x03\x04\x05\x68", WIPPY_ERR_SYNTAX),
        ROW("\x6a\x00\x00\x00\x01\x41s\x68", WIPPY_OK), /* details and a stack */
        ROW("\x6a\x00\x00\x00\x01\x68", WIPPY_OK),
        ROW("\x67\x00\x64\0\0\0\0\0\0\xf0\x7f\x60\x68",
            WIPPY_OK),                                     /* infinity is a key, nil a value */
        ROW("\x67\x00\x66\x00\x68\x69\x01\x68", WIPPY_OK), /* an array is a key */
        ROW("\x63\x80\x80\x80\x00", WIPPY_OK),             /* longer than needed, harmless */
        ROW("\x01\x02", WIPPY_ERR_INVALID),
        ROW("", WIPPY_ERR_INVALID),
#undef ROW
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char *copy = exact_copy(rows[i].data, rows[i].size);
        wippy_result result = wippy_value_check(copy, rows[i].size, 1);
        if (result != rows[i].result) {
            FAIL("row %zu: %d, expected %d", i, (int)result, (int)rows[i].result);
        }
        free(copy);
    }
}

TEST(test_value_every_truncation_is_refused)
{
    bench b;
    wippy_writer w;
    bench_init(&b);
    wippyi_writer_init(&w, &b.mem);
    wippy_write_array(&w, 0);
    write_rich(&w);
    wippy_write_end(&w);
    wippy_slice out = finish(&w);
    for (size_t size = 0; size < out.size; size++) {
        char *copy = exact_copy(out.data, size);
        wippy_reader r;
        wippy_value v;
        wippy_result result;
        CHECK(wippy_value_check(copy, size, 1) < 0);
        wippy_reader_init(&r, copy, size);
        while ((result = wippy_read(&r, &v)) == WIPPY_OK) {
        }
        CHECK_EQ_INT(result, size == 0 ? WIPPY_ERR_NOTFOUND : WIPPY_ERR_SYNTAX);
        CHECK(!wippy_value_equal(bytes(copy, size), out));
        free(copy);
    }
    wippy_writer_free(&w);
    CHECK_BALANCED(&b.heap);
}

/* Tags that are valid, in random order, with random rests: deeper into the readers than noise. */
static size_t random_bytes(char *out, size_t capacity)
{
    static const uint8_t tags[] = {0x60, 0x61, 0x63, 0x64, 0x65, 0x66,
                                   0x67, 0x68, 0x68, 0x69, 0x6a};
    size_t size = test_random_below((uint32_t)capacity);
    for (size_t i = 0; i < size; i++) {
        uint32_t kind = test_random_below(8);
        out[i] = kind < 3   ? (char)tags[test_random_below((uint32_t)sizeof(tags))]
                 : kind < 6 ? (char)test_random_below(4)
                 : kind < 7 ? (char)(0x40 + test_random_below(3))
                            : (char)test_random_below(256);
    }
    return size;
}

static void drain(wippy_slice in)
{
    char text[64];
    wippy_slice out;
    wippy_value_iter it;
    wippy_value_to_text(in, text, sizeof(text));
    wippy_value_get(in, "a.b", &out);
    wippy_value_get(in, "", &out);
    for (wippy_value_each(in, &it); wippy_value_next(&it);) {
    }
}

TEST(test_value_random_bytes_are_safe_and_what_is_accepted_survives)
{
    bench b;
    char noise[64];
    unsigned accepted = 0;
    bench_init(&b);
    for (unsigned round = 0; round < test_scale(200000); round++) {
        size_t size = random_bytes(noise, sizeof(noise));
        char *copy = exact_copy(noise, size);
        wippy_slice in = bytes(copy, size);
        wippy_writer count;
        wippy_writer w;
        drain(in);
        wippyi_writer_init(&count, NULL);
        wippy_write_encoded(&count, copy, size);
        bool valid = wippy_writer_finish(&count, NULL) == WIPPY_OK;
        CHECK_EQ_INT(valid, wippy_value_check(copy, size, count.count) == WIPPY_OK);
        wippyi_writer_init(&w, &b.mem);
        wippy_result read = rewrite(in, &w);
        bool same = read == WIPPY_ERR_NOTFOUND && wippy_writer_finish(&w, NULL) == WIPPY_OK;
        CHECK_EQ_INT(same, valid); /* the writer accepts what the check accepts */
        CHECK_EQ_INT(wippy_value_equal(in, in), read == WIPPY_ERR_NOTFOUND);
        if (valid) {
            wippy_slice again = finish(&w);
            accepted += size > 4;
            CHECK_EQ_INT(wippy_value_check(again.data, again.size, count.count), WIPPY_OK);
            CHECK(again.size <= size);
            CHECK(wippy_value_equal(in, again));
        }
        wippy_writer_free(&w);
        free(copy);
    }
    CHECK(accepted > 0);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ look-ups */

static wippy_slice write_config(wippy_writer *w)
{
    wippyi_writer_init(w, NULL);
    wippy_write_map(w, 0);
    wippy_write_cstring(w, "host");
    wippy_write_map(w, 0);
    wippy_write_cstring(w, "workers");
    wippy_write_int(w, 4);
    wippy_write_cstring(w, "ratio");
    wippy_write_float(w, 0.5);
    wippy_write_cstring(w, "size");
    wippy_write_float(w, 3.0);
    wippy_write_cstring(w, "huge");
    wippy_write_float(w, 9223372036854775808.0);
    wippy_write_end(w);
    wippy_write_int(w, 9);
    wippy_write_nil(w);
    wippy_write_cstring(w, "a.b");
    wippy_write_cstring(w, "dotted");
    wippy_write_cstring(w, "on");
    wippy_write_bool(w, true);
    wippy_write_cstring(w, "");
    wippy_write_cstring(w, "empty");
    wippy_write_cstring(w, "list");
    wippy_write_array(w, 0);
    wippy_write_int(w, 1);
    wippy_write_cstring(w, "two");
    wippy_write_end(w);
    wippy_write_end(w);
    return finish(w);
}

TEST(test_value_paths_find_what_is_there)
{
    wippy_writer w;
    wippy_slice v = write_config(&w);
    wippy_slice out;
    CHECK_EQ_INT(wippy_value_int(v, "host.workers", 1), 4);
    CHECK_EQ_INT(wippy_value_int(v, "host.size", 1), 3);
    CHECK_EQ_INT(wippy_value_int(v, "host.ratio", 1), 1);
    CHECK_EQ_INT(wippy_value_int(v, "host.huge", 1), 1);
    CHECK_EQ_INT(wippy_value_int(v, "on", 1), 1);
    CHECK_NEAR(wippy_value_float(v, "host.ratio", 1), 0.5, 0);
    CHECK_NEAR(wippy_value_float(v, "host.workers", 1), 4, 0);
    CHECK_NEAR(wippy_value_float(v, "on", 1.25), 1.25, 0);
    CHECK(wippy_value_bool(v, "on", false));
    CHECK(wippy_value_bool(v, "off", true));
    CHECK(!wippy_value_bool(v, "host.workers", false));
    CHECK_EQ_U64(wippy_value_string(v, "nothing", "abc").size, 3);
    CHECK_EQ_U64(wippy_value_string(v, "nothing", NULL).size, 0);
    CHECK_EQ_U64(wippy_value_string(v, "host", "abcd").size, 4);
    CHECK_EQ_INT(wippy_value_get(v, "host.workers.x", &out), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_value_get(v, "a.b", &out), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_value_get(v, "list.1", &out), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_value_get(v, "host.", &out), WIPPY_ERR_NOTFOUND);
    REQUIRE(wippy_value_get(v, ".", &out) == WIPPY_ERR_NOTFOUND);
    REQUIRE(wippy_value_get(v, "", &out) == WIPPY_OK);
    CHECK_EQ_U64(out.size, v.size);
    REQUIRE(wippy_value_field(v, "a.b", 3, &out) == WIPPY_OK);
    check_text(out, "\"dotted\"");
    REQUIRE(wippy_value_field(v, NULL, 0, &out) == WIPPY_OK);
    check_text(out, "\"empty\"");
    REQUIRE(wippy_value_get(v, "list", &out) == WIPPY_OK);
    check_text(out, "[1, \"two\"]");
    CHECK_EQ_INT(wippy_value_type_of(out), WIPPY_ARRAY);
    CHECK_EQ_INT(wippy_value_field(out, "a", 1, &out), WIPPY_ERR_NOTFOUND);
}

TEST(test_value_malformed_map_is_syntax_for_look_ups)
{
    wippy_slice out;
    CHECK_EQ_INT(wippy_value_get(BYTES("\x67\x00\x41\x61\x68"), "a", &out), WIPPY_ERR_SYNTAX);
    CHECK_EQ_INT(wippy_value_get(BYTES("\x67\x00\x41\x62\x68"), "a", &out), WIPPY_ERR_SYNTAX);
    CHECK_EQ_INT(wippy_value_get(BYTES("\x67\x00\x41\x62\x01"), "a", &out), WIPPY_ERR_SYNTAX);
    CHECK_EQ_INT(wippy_value_get(BYTES(""), "a", &out), WIPPY_ERR_NOTFOUND);
}

TEST(test_value_walk_visits_pairs_and_items)
{
    wippy_writer w;
    wippy_slice v = write_config(&w);
    wippy_value_iter it;
    size_t count = 0;
    size_t names = 0;
    CHECK(wippy_value_each(v, &it));
    while (wippy_value_next(&it)) {
        CHECK_EQ_U64(it.index, count);
        names += it.name.data != NULL;
        count++;
    }
    CHECK_EQ_U64(count, 6);
    CHECK_EQ_U64(names, 5);
    CHECK(!wippy_value_next(&it));
    wippy_slice list;
    REQUIRE(wippy_value_get(v, "list", &list) == WIPPY_OK);
    CHECK(wippy_value_each(list, &it));
    REQUIRE(wippy_value_next(&it));
    CHECK_EQ_PTR(it.key.data, NULL);
    check_text(it.value, "1");
    REQUIRE(wippy_value_next(&it));
    check_text(it.value, "\"two\"");
    CHECK(!wippy_value_next(&it));
    CHECK(!wippy_value_each(BYTES("\x05"), &it));
    CHECK(!wippy_value_next(&it));
    CHECK(!wippy_value_each(bytes(NULL, 0), &it));
    CHECK(!wippy_value_next(&it));
}

TEST(test_value_type_names)
{
    CHECK_STR(wippy_value_type_name(WIPPY_NIL), "nil");
    CHECK_STR(wippy_value_type_name(WIPPY_END), "end");
    CHECK_STR(wippy_value_type_name((wippy_value_type)15), "unknown");
}

/* ------------------------------------------------------------------ equality */

TEST(test_value_equal_pairs)
{
    static const struct {
        const char *a;
        size_t a_size;
        const char *b;
        size_t b_size;
        bool equal;
    } rows[] = {
#define ROW(a, b, equal) {"" a, sizeof(a) - 1, "" b, sizeof(b) - 1, equal}
        ROW("", "", true),
        ROW("\x01", "", false),
        ROW("\x01", "\x01\x01", false),
        ROW("\x01", "\x02", false),
        ROW("\x01", "\x63\x02", true),                                     /* two ways to write 1 */
        ROW("\x01", "\x64\0\0\0\0\0\0\xf0\x3f", false),                    /* 1 and 1.0 */
        ROW("\x64\0\0\0\0\0\0\0\0", "\x64\0\0\0\0\0\0\0\x80", true),       /* 0.0 and -0.0 */
        ROW("\x64\0\0\0\0\0\0\xf8\x7f", "\x64\1\0\0\0\0\0\xf8\xff", true), /* NaNs */
        ROW("\x64\0\0\0\0\0\0\xf8\x7f", "\x64\0\0\0\0\0\0\0\0", false),
        ROW("\x60", "\x61", false),
        ROW("\x61", "\x62", false),
        ROW("\x41\x61", "\x65\x01\x61", true),
        ROW("\x41\x61", "\x41\x62", false),
        ROW("\x66\x00\x01\x68", "\x66\x01\x01\x68", true), /* hints do not count */
        ROW("\x66\x00\x01\x68", "\x66\x00\x01\x02\x68", false),
        ROW("\x66\x00\x01\x02\x68", "\x66\x00\x01\x68", false),
        ROW("\x66\x00\x68", "\x67\x00\x68", false),
        ROW("\x67\x00\x01\x02\x03\x04\x68", "\x67\x00\x03\x04\x01\x02\x68", true),
        ROW("\x67\x00\x01\x02\x03\x04\x68", "\x67\x00\x03\x02\x01\x04\x68", false),
        ROW("\x67\x00\x01\x02\x03\x04\x68", "\x67\x00\x03\x04\x68", false),
        ROW("\x67\x00\x03\x04\x68", "\x67\x00\x01\x02\x03\x04\x68", false),
        ROW("\x67\x00\x68", "\x67\x00\x01\x02\x68", false),
        ROW("\x67\x00\x01\x02\x68", "\x67\x00\x68", false),
        /* nested, and with containers as keys */
        ROW("\x66\x00\x67\x00\x01\x67\x00\x05\x06\x07\x08\x68\x03\x04\x68\x09\x68",
            "\x66\x00\x67\x00\x03\x04\x01\x67\x00\x07\x08\x05\x06\x68\x68\x09\x68", true),
        ROW("\x67\x00\x66\x00\x01\x68\x02\x03\x04\x68", "\x67\x00\x03\x04\x66\x00\x01\x68\x02\x68",
            true),
        ROW("\x67\x00\x67\x00\x01\x02\x03\x04\x68\x05\x06\x07\x68",
            "\x67\x00\x06\x07\x67\x00\x03\x04\x01\x02\x68\x05\x68", true),
        /* errors */
        ROW("\x6a\x00\x01k\x01m\x68", "\x6a\x00\x01k\x01m\x68", true),
        ROW("\x6a\x00\x01k\x01m\x68", "\x6a\x01\x01k\x01m\x68", false),
        ROW("\x6a\x00\x01k\x01m\x68", "\x6a\x00\x01l\x01m\x68", false),
        ROW("\x6a\x00\x01k\x01m\x68", "\x6a\x00\x01k\x01n\x68", false),
        ROW("\x6a\x00\x01k\x01m\x68", "\x6a\x00\x01k\x01m\x60\x68", false),
        ROW("\x6a\x00\x01k\x01m\x67\x00\x01\x02\x03\x04\x68\x68",
            "\x6a\x00\x01k\x01m\x67\x00\x03\x04\x01\x02\x68\x68", true),
        /* references: a copy differs, and order counts because it changes what they mean */
        ROW("\x66\x00\x66\x00\x68\x69\x01\x68", "\x66\x00\x66\x00\x68\x69\x01\x68", true),
        ROW("\x66\x00\x66\x00\x68\x69\x01\x68", "\x66\x00\x66\x00\x68\x66\x00\x68\x68", false),
        ROW("\x67\x00\x01\x66\x00\x01\x68\x02\x66\x00\x02\x68\x03\x69\x02\x68",
            "\x67\x00\x02\x66\x00\x02\x68\x01\x66\x00\x01\x68\x03\x69\x02\x68", false),
#undef ROW
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char *a = exact_copy(rows[i].a, rows[i].a_size);
        char *b = exact_copy(rows[i].b, rows[i].b_size);
        if (wippy_value_equal(bytes(a, rows[i].a_size), bytes(b, rows[i].b_size)) !=
                rows[i].equal ||
            wippy_value_equal(bytes(b, rows[i].b_size), bytes(a, rows[i].a_size)) !=
                rows[i].equal) {
            FAIL("row %zu: not %s", i, rows[i].equal ? "equal" : "different");
        }
        free(a);
        free(b);
    }
}

/* What is cut short is the same as nothing that is whole, from either side, and the text says so. */
TEST(test_value_cut_short_equals_nothing)
{
    static const char *const whole[] = {"\x67\x05\x41\x61\x66\x02\x41\x62\x41\x63\x68\x41\x64\x41\x65\x68",
                                        "\x66\x01\x67\x02\x41\x61\x41\x62\x41\x63\x41\x64\x68\x68",
                                        "\x6a\x01\x01k\x02mm\x67\x01\x41\x61\x41\x62\x68\x41\x63\x41\x64\x68"};
    for (size_t i = 0; i < TEST_COUNT(whole); i++) {
        size_t size = strlen(whole[i]);
        char text[256];
        CHECK(wippy_value_equal(bytes(whole[i], size), bytes(whole[i], size)));
        for (size_t cut = 0; cut < size; cut++) {
            char *part = exact_copy(whole[i], cut);
            CHECK(!wippy_value_equal(bytes(part, cut), bytes(whole[i], size)));
            CHECK(!wippy_value_equal(bytes(whole[i], size), bytes(part, cut)));
            CHECK(cut == 0 || !wippy_value_equal(bytes(part, cut), bytes("\x60", 1)));
            (void)wippy_error_text(bytes(part, cut), text, sizeof(text));
            (void)wippy_value_to_text(bytes(part, cut), text, sizeof(text));
            free(part);
        }
    }
}

TEST(test_value_equal_maps_in_any_order)
{
    bench b;
    wippy_writer x;
    wippy_writer y;
    bench_init(&b);
    wippyi_writer_init(&x, &b.mem);
    wippyi_writer_init(&y, &b.mem);
    wippy_write_map(&x, 300);
    wippy_write_map(&y, 300);
    for (int i = 0; i < 300; i++) {
        int other = (i * 7 + 13) % 300; /* a permutation: 7 and 300 share no factor */
        wippy_write_int(&x, i);
        wippy_write_float(&x, (double)i);
        wippy_write_int(&y, other);
        wippy_write_float(&y, (double)other);
    }
    wippy_write_end(&x);
    wippy_write_end(&y);
    CHECK(wippy_value_equal(finish(&x), finish(&y)));
    wippy_writer_free(&x);
    wippy_writer_free(&y);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ text */

TEST(test_value_text_looks_like_json)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    wippy_write_map(&w, 0);
    wippy_write_cstring(&w, "b");
    wippy_write_array(&w, 0);
    wippy_write_nil(&w);
    wippy_write_bool(&w, true);
    wippy_write_bool(&w, false);
    wippy_write_int(&w, -7);
    wippy_write_float(&w, 3.14);
    wippy_write_float(&w, (double)NAN);
    wippy_write_end(&w);
    wippy_write_int(&w, 2);
    wippy_write_map(&w, 0);
    wippy_write_end(&w);
    wippy_write_array(&w, 0);
    wippy_write_int(&w, 1);
    wippy_write_end(&w);
    wippy_write_array(&w, 0);
    wippy_write_end(&w);
    wippy_write_ref(&w, 1);
    wippy_write_ref(&w, 0);
    wippy_write_end(&w);
    check_text(finish(&w), "{\"b\": [null, true, false, -7, 3.14, null], \"2\": {}, "
                           "\"<array>\": [], \"<ref 1>\": \"<ref 0>\"}");
    wippy_writer_reset(&w);
    wippy_write_error(&w, "Invalid", 7, "say \"no\"", 8, 1);
    wippy_write_cstring(&w, "why");
    wippy_write_end(&w);
    check_text(finish(&w), "{\"kind\": \"Invalid\", \"message\": \"say \\\"no\\\"\", "
                           "\"retryable\": true, \"details\": \"why\"}");
    wippy_writer_reset(&w); /* the stack is not part of the text */
    wippy_write_error(&w, "Invalid", 7, "m", 1, -1);
    wippy_write_int(&w, 1);
    wippy_write_cstring(&w, "app:a:1");
    wippy_write_end(&w);
    wippy_write_error(&w, "", 0, "n", 1, -1);
    wippy_write_nil(&w);
    wippy_write_cstring(&w, "app:a:1");
    wippy_write_end(&w);
    check_text(finish(&w), "{\"kind\": \"Invalid\", \"message\": \"m\", \"details\": 1}, "
                           "{\"kind\": \"\", \"message\": \"n\"}");
    wippy_writer_reset(&w);
    wippy_write_error(&w, "", 0, "", 0, -1);
    wippy_write_end(&w);
    wippy_write_int(&w, 1);
    check_text(finish(&w), "{\"kind\": \"\", \"message\": \"\"}, 1");
    check_text(bytes(NULL, 0), "");
}

/* An error with a message and, unless it is NULL, what was put in front of it. */
static wippy_slice wrapped(wippy_writer *w, const char *context)
{
    wippy_writer_reset(w);
    wippy_write_error(w, "NotFound", 8, "no user", 7, 0);
    if (context) {
        wippy_write_array(w, 0); /* details */
        wippy_write_int(w, 1);
        wippy_write_end(w);
        wippy_write_nil(w);
        wippy_write_cstring(w, context);
    }
    wippy_write_end(w);
    return finish(w);
}

TEST(test_value_error_text_has_the_context_in_front)
{
    wippy_writer w;
    char text[32];
    wippyi_writer_init(&w, NULL);
    CHECK_EQ_U64(wippy_error_text(wrapped(&w, NULL), text, sizeof(text)), 7);
    CHECK_STR(text, "no user");
    CHECK_EQ_U64(wippy_error_text(wrapped(&w, "login"), text, sizeof(text)), 14);
    CHECK_STR(text, "login: no user");
    check_text(wrapped(&w, "login"), "{\"kind\": \"NotFound\", \"message\": \"no user\", "
                                     "\"retryable\": false, \"details\": [1], "
                                     "\"context\": \"login\"}");
    CHECK_EQ_U64(wippy_error_text(wrapped(&w, "login"), text, 6), 14);
    CHECK_STR(text, "login");
    CHECK_EQ_U64(wippy_error_text(wrapped(&w, "login"), NULL, 0), 14);
    CHECK_EQ_U64(wippy_error_text(bytes(NULL, 0), text, sizeof(text)), 0);
    CHECK_STR(text, "");
    wippy_writer_free(&w);
}

TEST(test_value_text_escapes_strings)
{
    wippy_writer w;
    wippyi_writer_init(&w, NULL);
    wippy_write_string(&w, "a\"b\\c\n\r\t\b\f\x01\x1f\x7f\0/", 15);
    check_text(finish(&w), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\\u0000/\"");
    wippy_writer_reset(&w);
    wippy_write_cstring(&w, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    check_text(finish(&w), "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    wippy_writer_reset(&w);
    wippy_write_cstring(&w, "a\xff\xc3");
    check_text(finish(&w), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(test_value_text_marks_malformed_bytes)
{
    check_text(BYTES("\x66\x00\x01\x80"), "[1<malformed>");
    check_text(BYTES("\x67\x00\x01\x68"), "{\"1\": <malformed>");
    check_text(
        BYTES("\x6a\x00\x00\x00\x01\x02\x03\x04\x68"),
        "{\"kind\": \"\", \"message\": \"\", \"retryable\": false, \"details\": 1<malformed>");
    check_text(BYTES("\x68"), "<malformed>");
}

TEST(test_value_text_is_cut_to_the_buffer_and_length_is_whole)
{
    char text[40];
    wippy_slice v = BYTES("\x66\x00\x43"
                          "abc"
                          "\x01\x02\x68");
    size_t whole = strlen("[\"abc\", 1, 2]");
    for (size_t capacity = 0; capacity < sizeof(text); capacity++) {
        char expected[40] = "[\"abc\", 1, 2]";
        memset(text, '#', sizeof(text));
        CHECK_EQ_U64(wippy_value_to_text(v, capacity > 0 ? text : NULL, capacity), whole);
        if (capacity > 0) {
            expected[capacity - 1 < whole ? capacity - 1 : whole] = '\0';
            CHECK_STR(text, expected);
        }
        for (size_t i = WIPPYI_MIN(capacity, whole + 1); i < sizeof(text); i++) {
            CHECK(text[i] == '#');
        }
    }
}

TEST(test_value_float_text_is_shortest)
{
    static const struct {
        double number;
        const char *text;
    } rows[] = {{0.0, "0"},
                {-0.0, "-0"},
                {1.0, "1"},
                {-2.5, "-2.5"},
                {3.14, "3.14"},
                {99.5, "99.5"},
                {0.1, "0.1"},
                {100.0, "100"},
                {1e20, "100000000000000000000"},
                {1e21, "1e+21"},
                {-1.5e300, "-1.5e+300"},
                {0.000001, "0.000001"},
                {0.0000001, "1e-7"},
                {1.25e-10, "1.25e-10"},
                {123456789.125, "123456789.125"},
                {0.30000000000000004, "0.30000000000000004"},
                {1.0 / 3.0, "0.3333333333333333"},
                {9007199254740993.0, "9007199254740992"},
                {1.7976931348623157e308, "1.7976931348623157e+308"},
                {2.2250738585072014e-308, "2.2250738585072014e-308"},
                {5e-324, "5e-324"},
                {-1.2345678901234568e-300, "-1.2345678901234568e-300"},
                {-0.0000012345678901234567, "-0.0000012345678901234567"},
                {123456789012345680000.0, "123456789012345680000"}};
    char text[WIPPYI_VALUE_FLOAT_TEXT];
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        size_t length = wippyi_value_float_text(rows[i].number, text);
        CHECK_STR(text, rows[i].text);
        CHECK_EQ_U64(length, strlen(rows[i].text));
    }
    CHECK_EQ_U64(wippyi_value_float_text((double)INFINITY, text), 4);
    CHECK_STR(text, "null");
}

TEST(test_value_float_text_reads_back)
{
    char text[WIPPYI_VALUE_FLOAT_TEXT];
    for (unsigned i = 0; i < test_scale(100000); i++) {
        uint64_t bits = test_random();
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number)) {
            continue;
        }
        size_t length = wippyi_value_float_text(number, text);
        REQUIRE(length < sizeof(text) && strlen(text) == length);
        double back = strtod(text, NULL);
        REQUIRE(memcmp(&back, &number, sizeof(back)) == 0);
    }
}

TEST(test_value_utf8_accepts_exactly_unicode)
{
    static const struct {
        const char *data;
        size_t size;
        size_t length;
    } rows[] = {
#define ROW(literal, length) {"" literal, sizeof(literal) - 1, length}
        ROW("a", 1),
        ROW("\x7f", 1),
        ROW("\x80", 0),
        ROW("\xc1\xbf", 0),
        ROW("\xc2\x80", 2),
        ROW("\xdf\xbf", 2),
        ROW("\xe0\x9f\xbf", 0),
        ROW("\xe0\xa0\x80", 3),
        ROW("\xed\x9f\xbf", 3),
        ROW("\xed\xa0\x80", 0),
        ROW("\xef\xbf\xbf", 3),
        ROW("\xf0\x8f\xbf\xbf", 0),
        ROW("\xf0\x90\x80\x80", 4),
        ROW("\xf4\x8f\xbf\xbf", 4),
        ROW("\xf4\x90\x80\x80", 0),
        ROW("\xf5\x80\x80\x80", 0),
        ROW("\xc3", 0),
        ROW("\xe2\x82", 0),
        ROW("\xc3\x28", 0),
        ROW("\xe2\x82\x28", 0),
        ROW("\xf0\x9f\x98\xc0", 0),
#undef ROW
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char *copy = exact_copy(rows[i].data, rows[i].size);
        size_t length = wippyi_value_utf8((const uint8_t *)copy, rows[i].size);
        if (length != rows[i].length) {
            FAIL("row %zu: %zu, expected %zu", i, length, rows[i].length);
        }
        free(copy);
    }
}

TEST_MAIN(TEST_ENTRY(test_value_integers_survive_and_are_compact),
          TEST_ENTRY(test_value_floats_survive_bit_for_bit),
          TEST_ENTRY(test_value_strings_of_every_length_survive),
          TEST_ENTRY(test_value_format_is_the_documented_one),
          TEST_ENTRY(test_value_rich_sequence_reads_back),
          TEST_ENTRY(test_value_reader_without_bytes_finds_nothing),
          TEST_ENTRY(test_value_error_retryable_has_three_states),
          TEST_ENTRY(test_value_hint_is_cut_to_what_the_bytes_can_hold),
          TEST_ENTRY(test_value_count_set_behind_is_the_count_set_before),
          TEST_ENTRY(test_value_writer_misuse_gives_invalid_and_stays),
          TEST_ENTRY(test_value_writer_open_container_is_invalid_until_closed),
          TEST_ENTRY(test_value_writer_fail_keeps_the_first_reason),
          TEST_ENTRY(test_value_depth_limit_holds_for_all_ways),
          TEST_ENTRY(test_value_writer_without_allocator_is_full_at_its_buffer),
          TEST_ENTRY(test_value_writer_refuses_absurd_sizes),
          TEST_ENTRY(test_value_writer_grows_keeps_memory_on_reset_and_frees_twice),
          TEST_ENTRY(test_value_writer_refused_memory_gives_nomem_and_leaks_nothing),
          TEST_ENTRY(test_value_appended_value_keeps_its_references),
          TEST_ENTRY(test_value_appended_reference_to_outside_is_refused),
          TEST_ENTRY(test_value_appended_pieces_count_as_values),
          TEST_ENTRY(test_value_check_names_each_fault),
          TEST_ENTRY(test_value_every_truncation_is_refused),
          TEST_ENTRY(test_value_random_bytes_are_safe_and_what_is_accepted_survives),
          TEST_ENTRY(test_value_paths_find_what_is_there),
          TEST_ENTRY(test_value_malformed_map_is_syntax_for_look_ups),
          TEST_ENTRY(test_value_walk_visits_pairs_and_items), TEST_ENTRY(test_value_type_names),
          TEST_ENTRY(test_value_equal_pairs), TEST_ENTRY(test_value_cut_short_equals_nothing),
          TEST_ENTRY(test_value_equal_maps_in_any_order),
          TEST_ENTRY(test_value_text_looks_like_json),
          TEST_ENTRY(test_value_error_text_has_the_context_in_front), TEST_ENTRY(test_value_text_escapes_strings),
          TEST_ENTRY(test_value_text_marks_malformed_bytes),
          TEST_ENTRY(test_value_text_is_cut_to_the_buffer_and_length_is_whole),
          TEST_ENTRY(test_value_float_text_is_shortest),
          TEST_ENTRY(test_value_float_text_reads_back),
          TEST_ENTRY(test_value_utf8_accepts_exactly_unicode))
