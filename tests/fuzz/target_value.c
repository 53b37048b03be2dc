/* Encoded values. The first byte chooses: arbitrary bytes given to every reader, or a program of
   writes. What the check accepts can be read, copied, compared, walked and printed; what it refuses does
   not make a reader run on or outside. */
#include "fuzz.h"

#include "value.h"

/* Top-level values, or -1 when a reader stumbles. */
static long count_values(const char *data, size_t size)
{
    wippy_reader reader;
    wippy_slice value;
    long count = 0;
    wippy_reader_init(&reader, data, size);
    for (;;) {
        const uint8_t *before = reader.at;
        wippy_result result = wippy_read_skip(&reader, &value);
        if (result != WIPPY_OK) {
            FUZZ_CHECK(reader.at == before, "a failed skip moves");
            return result == WIPPY_ERR_NOTFOUND && reader.at == reader.end ? count : -1;
        }
        FUZZ_CHECK(reader.at > before, "a skip that does not move");
        FUZZ_CHECK(value.data == (const char *)before &&
                       value.data + value.size == (const char *)reader.at,
                   "the value is not what was passed");
        count++;
    }
}

/* Every item through wippy_read() into a writer; false: stopped by a failure. */
static bool copy_items(const char *data, size_t size, wippy_writer *w)
{
    wippy_reader reader;
    wippy_value v;
    wippy_result result;
    wippy_reader_init(&reader, data, size);
    while ((result = wippy_read(&reader, &v)) == WIPPY_OK) {
        switch (v.type) {
        case WIPPY_NIL: wippy_write_nil(w); break;
        case WIPPY_BOOL: wippy_write_bool(w, v.as.boolean); break;
        case WIPPY_INT: wippy_write_int(w, v.as.integer); break;
        case WIPPY_FLOAT: wippy_write_float(w, v.as.number); break;
        case WIPPY_STRING: wippy_write_string(w, v.as.string.data, v.as.string.size); break;
        case WIPPY_ARRAY: wippy_write_array(w, 0); break; /* its count is a hint that bytes bound */
        case WIPPY_MAP: wippy_write_map(w, 0); break;
        case WIPPY_ERROR:
            wippy_write_error(w, v.as.error.kind.data, v.as.error.kind.size,
                              v.as.error.message.data, v.as.error.message.size,
                              v.as.error.retryable);
            break;
        case WIPPY_REF: wippy_write_ref(w, v.as.ref); break;
        default: wippy_write_end(w); break;
        }
    }
    return result == WIPPY_ERR_NOTFOUND;
}

static void look(wippy_slice value, int depth)
{
    wippy_value_iter it;
    wippy_slice found;
    size_t items = 0;
    wippy_value_type type = wippy_value_type_of(value);
    FUZZ_CHECK(wippy_value_type_name(type) != NULL, "a type without name");
    bool container = wippy_value_each(value, &it);
    FUZZ_CHECK(container == (type == WIPPY_ARRAY || type == WIPPY_MAP), "walked or not");
    while (wippy_value_next(&it)) {
        FUZZ_CHECK(it.index == items, "index %zu is %zu", items, it.index);
        FUZZ_CHECK(it.value.data >= value.data &&
                       it.value.data + it.value.size <= value.data + value.size,
                   "a part outside");
        items++;
        if (it.name.data != NULL && items < 50) {
            FUZZ_CHECK(wippy_value_field(value, it.name.data, it.name.size, &found) == WIPPY_OK,
                       "a key that is not found");
        }
        if (depth < 8 && items < 20) {
            look(it.value, depth + 1);
        }
    }
    (void)wippy_value_get(value, "a.b", &found);
    (void)wippy_value_string(value, "a", "x");
    (void)wippy_value_int(value, "", 1);
    (void)wippy_value_float(value, "", 1);
    (void)wippy_value_bool(value, "a", true);
}

static void check_text(wippy_slice value)
{
    size_t size = wippy_value_to_text(value, NULL, 0);
    char *text = (char *)malloc(size + 1);
    FUZZ_CHECK(wippy_value_to_text(value, text, size + 1) == size, "another length with room");
    FUZZ_CHECK(strlen(text) == size, "a text of %zu bytes says it has %zu", strlen(text), size);
    if (size > 2) {
        char *cut = (char *)malloc(size / 2);
        FUZZ_CHECK(wippy_value_to_text(value, cut, size / 2) == size, "another length when cut");
        FUZZ_CHECK(strlen(cut) < size / 2 && memcmp(cut, text, strlen(cut)) == 0, "cut wrongly");
        free(cut);
    }
    free(text);
}

static void check_good(const char *data, size_t size, size_t count, wippyi_mem *mem)
{
    wippy_writer copy, again, whole;
    wippy_slice bytes, same, encoded;
    wippyi_writer_init(&copy, mem);
    FUZZ_CHECK(copy_items(data, size, &copy), "what was checked cannot be read");
    FUZZ_CHECK(wippy_writer_finish(&copy, &bytes) == WIPPY_OK, "not copied: %d", copy.result);
    FUZZ_CHECK(copy.count == count, "%zu values copied of %zu", copy.count, count);
    FUZZ_CHECK(wippy_value_check(bytes.data, bytes.size, count) == WIPPY_OK, "a bad copy");
    wippyi_writer_init(&again, mem);
    FUZZ_CHECK(copy_items(bytes.data, bytes.size, &again), "the copy cannot be read");
    FUZZ_CHECK(wippy_writer_finish(&again, &same) == WIPPY_OK, "the copy is not copied");
    FUZZ_CHECK(same.size == bytes.size && memcmp(same.data, bytes.data, same.size) == 0,
               "a copy of a copy differs");
    wippyi_writer_init(&whole, mem);
    wippy_write_encoded(&whole, data, size);
    FUZZ_CHECK(wippy_writer_finish(&whole, &encoded) == WIPPY_OK, "not appended: %d", whole.result);
    FUZZ_CHECK(whole.count == count, "%zu values appended of %zu", whole.count, count);
    if (count == 1) {
        wippy_slice value = {data, size};
        FUZZ_CHECK(wippy_value_equal(value, value), "not equal to itself");
        FUZZ_CHECK(wippy_value_equal(bytes, encoded), "copies differ");
        check_text(value);
        look(value, 0);
    }
    wippy_writer_free(&copy);
    wippy_writer_free(&again);
    wippy_writer_free(&whole);
}

static void try_bytes(const char *data, size_t size, wippyi_mem *mem)
{
    wippy_writer w;
    wippy_slice value = {data, size};
    long count = count_values(data, size);
    wippy_result result = wippy_value_check(data, size, count < 0 ? 1 : (size_t)count);
    FUZZ_CHECK(count >= 0 || result != WIPPY_OK, "checked, but a reader stumbles");
    FUZZ_CHECK(wippy_value_check(data, size, count < 0 ? 1 : (size_t)count) == result, "twice");
    wippyi_writer_init(&w, mem);
    (void)copy_items(data, size, &w);
    wippy_writer_free(&w);
    if (result == WIPPY_OK) {
        FUZZ_CHECK(wippy_value_check(data, size, (size_t)count + 1) != WIPPY_OK, "any count");
        check_good(data, size, (size_t)count, mem);
        return;
    }
    FUZZ_CHECK(result == WIPPY_ERR_SYNTAX || result == WIPPY_ERR_LIMIT, "result %d", result);
    wippyi_writer_init(&w, mem);
    wippy_write_encoded(&w, data, size);
    FUZZ_CHECK(wippy_writer_finish(&w, NULL) != WIPPY_OK, "malformed bytes are appended");
    wippy_writer_free(&w);
    check_text(value);
    look(value, 0);
    (void)wippy_value_equal(value, value);
}

/* Any sequence of writes: what a writer calls finished passes the check. */
static void try_writes(fuzz_input *in, wippyi_mem *mem)
{
    wippy_writer w;
    wippy_slice bytes;
    wippyi_writer_init(&w, fuzz_byte(in) & 1 ? mem : NULL);
    while (fuzz_left(in) > 0) {
        uint8_t op = fuzz_byte(in);
        wippy_slice text;
        switch (op % 16) {
        case 0: wippy_write_nil(&w); break;
        case 1: wippy_put_bool(&w, op & 16); break;
        case 2: wippy_put_int(&w, (int64_t)fuzz_u64(in)); break;
        case 3: wippy_put_int(&w, fuzz_byte(in) - 128); break;
        case 4: {
            uint64_t bits = fuzz_u64(in);
            double number;
            memcpy(&number, &bits, sizeof(number));
            wippy_write_float(&w, number);
            break;
        }
        case 5:
        case 6:
            text = fuzz_part(in);
            wippy_write_string(&w, text.data, text.size);
            break;
        case 7: wippy_write_array(&w, fuzz_byte(in)); break;
        case 8: wippy_write_map(&w, fuzz_byte(in)); break;
        case 9:
            text = fuzz_part(in);
            wippy_write_error(&w, text.data, text.size, text.data, text.size, op / 16 % 3 - 1);
            break;
        case 10:
        case 11:
        case 12: wippy_write_end(&w); break;
        case 13: wippy_write_ref(&w, fuzz_byte(in)); break;
        case 14:
            text = fuzz_part(in);
            wippy_write_encoded(&w, text.data, text.size);
            break;
        default: {
            char big[300];
            memset(big, op, sizeof(big));
            wippy_write_string(&w, big, sizeof(big));
            break;
        }
        }
    }
    wippy_result result = wippy_writer_finish(&w, &bytes);
    if (result == WIPPY_OK) {
        long count = count_values(bytes.data, bytes.size);
        FUZZ_CHECK(count >= 0 && (size_t)count == w.count, "%ld values of %zu", count, w.count);
        FUZZ_CHECK(wippy_value_check(bytes.data, bytes.size, w.count) == WIPPY_OK,
                   "a writer made what the check refuses");
        if (w.mem != NULL) {
            check_good(bytes.data, bytes.size, w.count, mem);
        }
    }
    wippy_writer_reset(&w);
    wippy_write_nil(&w);
    FUZZ_CHECK(wippy_writer_finish(&w, &bytes) == WIPPY_OK && bytes.size == 1, "reset");
    wippy_writer_free(&w);
    wippy_writer_free(&w);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    fuzz_input in = fuzz_open(data, size);
    fuzz_mem(&mem, &heap);
    if (fuzz_byte(&in) & 1) {
        try_writes(&in, &mem);
    } else {
        char *exact = fuzz_exact(in.at, fuzz_left(&in));
        try_bytes(exact, fuzz_left(&in), &mem);
        free(exact);
    }
    FUZZ_BALANCED(&heap);
}
