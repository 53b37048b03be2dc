/* Settings: files of environment variables, values under paths, overrides. Input: content or YAML map, a
   zero byte, key or path, a zero byte, value. What was set is found, what was not is as it was, and
   setting it again changes nothing. */
#include "fuzz.h"

#include "storage.h"
#include "value.h"

/* The value of a key in a file's content; false: not there. */
static bool line_get(wippy_slice content, wippy_slice key, wippy_slice *value)
{
    wippyi_env_line line;
    const char *end = content.data + content.size;
    for (const char *at = content.data; wippyi_env_line_read(at, end, &line); at = line.next) {
        FUZZ_CHECK(line.next > at && line.next <= end, "a line that does not end");
        if (line.key.size > 0 && wippyi_env_same(line.key, key)) {
            *value = line.value;
            return true;
        }
    }
    return false;
}

static void check_others(wippy_slice before, wippy_slice after, wippy_slice key)
{
    wippyi_env_line line;
    const char *end = before.data + before.size;
    for (const char *at = before.data; wippyi_env_line_read(at, end, &line); at = line.next) {
        wippy_slice was, is;
        if (line.key.size > 0 && !wippyi_env_same(line.key, key)) {
            FUZZ_CHECK(line_get(before, line.key, &was) && line_get(after, line.key, &is) &&
                           wippyi_env_same(was, is),
                       "another variable has changed: %.*s", (int)line.key.size, line.key.data);
        }
    }
}

static void try_file(wippyi_mem *mem, wippy_slice content, wippy_slice key, wippy_slice value)
{
    wippy_slice once = {NULL, 0}, twice = {NULL, 0}, found;
    char *data = NULL;
    (void)line_get(content, key, &found);
    wippy_result result = wippyi_env_line_set(mem, content, key, value, &data, &once.size);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(result == WIPPY_ERR_INVALID && data == NULL, "result %d", result);
        return;
    }
    once.data = data;
    FUZZ_CHECK(line_get(once, key, &found) && wippyi_env_same(found, value),
               "set, but not found:\n%.*s", (int)once.size, once.data);
    check_others(content, once, key);
    FUZZ_CHECK(wippyi_env_line_set(mem, once, key, value, &data, &twice.size) == WIPPY_OK, "twice");
    twice.data = data;
    FUZZ_CHECK(line_get(twice, key, &found) && wippyi_env_same(found, value), "set twice, lost");
    FUZZ_CHECK(twice.size <= once.size, "it grows each time"); /* blanks behind it may go */
    check_others(once, twice, key);
    wippyi_mem_free(mem, data, twice.size);
    data = (char *)(uintptr_t)once.data;
    wippyi_mem_free(mem, data, once.size);
}

static void try_path(wippyi_mem *mem, wippy_slice text, const char *path, wippy_slice setting)
{
    wippy_writer map, value, out, again;
    wippy_slice map_bytes, value_bytes, set_bytes, again_bytes, found;
    char *value_text = fuzz_text(setting.data, setting.size);
    wippyi_writer_init(&map, mem);
    wippyi_writer_init(&value, mem);
    wippyi_writer_init(&out, mem);
    wippyi_writer_init(&again, mem);
    (void)wippy_write_yaml(&map, NULL, text.data, text.size, NULL);
    wippy_write_setting(&value, value_text);
    FUZZ_CHECK(wippy_writer_finish(&value, &value_bytes) == WIPPY_OK && value.count == 1,
               "a setting that is no value");
    if (wippy_writer_finish(&map, &map_bytes) == WIPPY_OK &&
        wippy_value_set(&out, map_bytes, path, value_bytes) == WIPPY_OK) {
        FUZZ_CHECK(wippy_writer_finish(&out, &set_bytes) == WIPPY_OK, "set, but not finished");
        FUZZ_CHECK(wippy_value_check(set_bytes.data, set_bytes.size, 1) == WIPPY_OK, "malformed");
        FUZZ_CHECK(wippy_value_get(set_bytes, path, &found) == WIPPY_OK &&
                       wippy_value_equal(found, value_bytes),
                   "set under %s, but not found", path);
        FUZZ_CHECK(wippy_value_set(&again, set_bytes, path, value_bytes) == WIPPY_OK, "twice");
        FUZZ_CHECK(wippy_writer_finish(&again, &again_bytes) == WIPPY_OK &&
                       wippy_value_equal(set_bytes, again_bytes),
                   "setting it again changes it");
    }
    wippy_writer_free(&map);
    wippy_writer_free(&value);
    wippy_writer_free(&out);
    wippy_writer_free(&again);
    free(value_text);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyi_mem mem;
    fuzz_input in = fuzz_open(data, size);
    wippy_slice content = fuzz_part(&in);
    wippy_slice key = fuzz_part(&in);
    wippy_slice value = fuzz_part(&in);
    char *path = fuzz_text(key.data, key.size);
    fuzz_mem(&mem, &heap);
    try_file(&mem, content, key, value);
    try_path(&mem, content, path, value);
    free(path);
    FUZZ_BALANCED(&heap);
}
