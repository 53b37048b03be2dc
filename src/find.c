#include "find.h"
#include "regex.h"
#include "runtime_access.h"
#include "value.h"

#include <string.h>

typedef struct wippyi_finder {
    wippyi_mem *mem;
    wippy_slice filter;
    wippyi_regex **regexes; /* in the order in which the filter names them */
    size_t regex_count;
    size_t regex_room;
    size_t regex_next; /* of the entry that is looked at */
} wippyi_finder;

/* One key of a filter, taken apart. */
typedef struct wippyi_find_key {
    char test; /* '.' id parts, '=' '~' '*' '^' '$' meta, 0 = to be ignored */
    wippy_slice path;
} wippyi_find_key;

/* ------------------------------------------------------------------ text */

static bool wippyi_text_starts(wippy_slice text, wippy_slice start)
{
    return text.size >= start.size &&
           (start.size == 0 || memcmp(text.data, start.data, start.size) == 0);
}

static bool wippyi_text_ends(wippy_slice text, wippy_slice end)
{
    return text.size >= end.size &&
           (end.size == 0 || memcmp(text.data + text.size - end.size, end.data, end.size) == 0);
}

static bool wippyi_text_holds(wippy_slice text, wippy_slice part)
{
    for (size_t i = 0; i + part.size <= text.size; i++) {
        if (part.size == 0 || memcmp(text.data + i, part.data, part.size) == 0) {
            return true;
        }
    }
    return false;
}

/* Equal, or equal but for what the pattern's first `*` stands for. */
static bool wippyi_text_like(wippy_slice text, wippy_slice pattern)
{
    const char *star =
        pattern.size > 0 ? (const char *)memchr(pattern.data, '*', pattern.size) : NULL;
    if (star == NULL) {
        return text.size == pattern.size && wippyi_text_starts(text, pattern);
    }
    wippy_slice start = {pattern.data, (size_t)(star - pattern.data)};
    wippy_slice end = {star + 1, pattern.size - start.size - 1};
    return text.size >= start.size + end.size && wippyi_text_starts(text, start) &&
           wippyi_text_ends(text, end);
}

static bool wippyi_value_text(wippy_slice value, wippy_slice *text)
{
    if (wippy_value_type_of(value) != WIPPY_STRING) {
        return false;
    }
    *text = wippy_value_string(value, "", NULL);
    return true;
}

WIPPYI_FN wippy_result wippyi_path_get(wippy_slice map, wippy_slice path, wippy_slice *out)
{
    wippy_result result = wippy_value_field(map, path.data, path.size, out);
    while (result != WIPPY_OK && path.size > 0) {
        const char *dot = (const char *)memchr(path.data, '.', path.size);
        if (dot == NULL) {
            return WIPPY_ERR_NOTFOUND;
        }
        size_t step = (size_t)(dot - path.data);
        if (wippy_value_field(map, path.data, step, &map) != WIPPY_OK) {
            return WIPPY_ERR_NOTFOUND;
        }
        path.data += step + 1;
        path.size -= step + 1;
        result = wippy_value_field(map, path.data, path.size, out);
    }
    return result == WIPPY_OK ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

/* ------------------------------------------------------------------ the filter */

static wippyi_find_key wippyi_find_read_key(wippy_slice name)
{
    static const char *const parts[] = {".kind", ".name", ".ns", ".id"};
    wippyi_find_key key;
    key.test = 0;
    key.path = name;
    for (size_t i = 0; i < WIPPYI_COUNT(parts); i++) {
        if (wippyi_text_is(name, parts[i])) {
            key.test = '.';
            return key;
        }
    }
    char test = '=';
    if (name.size > 0 && memchr("~*^$", name.data[0], 4) != NULL) {
        test = name.data[0];
        key.path.data++;
        key.path.size--;
    }
    if (key.path.size > 5 && memcmp(key.path.data, "meta.", 5) == 0) {
        key.path.data += 5;
        key.path.size -= 5;
        key.test = test;
    }
    return key;
}

static wippy_result wippyi_find_keep(wippyi_finder *find, wippyi_regex *regex)
{
    if (find->regex_count == find->regex_room) {
        size_t room = find->regex_room > 0 ? find->regex_room * 2 : 4;
        wippyi_regex **regexes = (wippyi_regex **)wippyi_mem_resize(
            find->mem, find->regexes, find->regex_room * sizeof(wippyi_regex *),
            room * sizeof(wippyi_regex *));
        if (regexes == NULL) {
            wippyi_regex_free(regex);
            return WIPPY_ERR_NOMEM;
        }
        find->regexes = regexes;
        find->regex_room = room;
    }
    find->regexes[find->regex_count++] = regex;
    return WIPPY_OK;
}

static wippy_result wippyi_find_compile(wippyi_finder *find, wippy_slice value, wippy_diag *diag)
{
    wippy_slice pattern = {NULL, 0};
    const char *why = "not a string";
    wippyi_regex *regex = NULL;
    wippy_result result = WIPPY_ERR_SYNTAX;
    if (wippyi_value_text(value, &pattern)) {
        result = wippyi_regex_compile(find->mem, pattern.data, pattern.size, &regex, &why);
    }
    if (result == WIPPY_OK) {
        result = wippyi_find_keep(find, regex);
    }
    if (result == WIPPY_OK) {
        return result;
    }
    if (result == WIPPY_ERR_NOMEM) {
        return wippyi_reject(diag, result, NULL, "out of memory");
    }
    return wippyi_reject(diag, WIPPY_ERR_INVALID, NULL, "bad expression \"%.*s\": %s",
                         WIPPYI_SLICE_ARGS(pattern), why);
}

static wippy_result wippyi_find_compile_all(wippyi_finder *find, wippy_slice value,
                                            wippy_diag *diag)
{
    wippy_value_iter item;
    if (wippy_value_type_of(value) != WIPPY_ARRAY) {
        return wippyi_find_compile(find, value, diag);
    }
    wippy_result result = WIPPY_OK;
    for (wippy_value_each(value, &item); result == WIPPY_OK && wippy_value_next(&item);) {
        result = wippyi_find_compile(find, item.value, diag);
    }
    return result;
}

static void wippyi_find_warn(wippyi_finder *find, wippy_runtime *rt, wippy_slice name)
{
    wippy_writer fields;
    wippy_slice encoded = {NULL, 0};
    wippyi_writer_init(&fields, find->mem);
    wippy_write_map(&fields, 1);
    wippy_write_cstring(&fields, "field");
    wippy_write_string(&fields, name.data, name.size);
    wippy_write_end(&fields);
    wippy_writer_finish(&fields, &encoded); /* without memory: a warning without fields */
    wippyi_log(rt, WIPPY_LOG_WARN, "registry", encoded, "metadata field must use 'meta.' prefix");
    wippy_writer_free(&fields);
}

static wippy_result wippyi_find_prepare(wippyi_finder *find, wippy_runtime *rt, wippy_diag *diag)
{
    wippy_value_iter item;
    wippy_value_type type = wippy_value_type_of(find->filter);
    wippy_result result = WIPPY_OK;
    bool empty = find->filter.size == 0 || type == WIPPY_NIL ||
                 (type == WIPPY_ARRAY &&
                  !(wippy_value_each(find->filter, &item) && wippy_value_next(&item)));
    if (!empty && (type != WIPPY_MAP ||
                   wippy_value_check(find->filter.data, find->filter.size, 1) != WIPPY_OK)) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, NULL, "filter is %s, expected a map",
                             wippy_value_type_name(type));
    }
    for (wippy_value_each(find->filter, &item); result == WIPPY_OK && wippy_value_next(&item);) {
        wippyi_find_key key = wippyi_find_read_key(item.name);
        if (key.test == '~') {
            result = wippyi_find_compile_all(find, item.value, diag);
        } else if (key.test == 0) {
            wippyi_find_warn(find, rt, item.name);
        }
    }
    return result;
}

static void wippyi_find_free(wippyi_finder *find)
{
    for (size_t i = 0; i < find->regex_count; i++) {
        wippyi_regex_free(find->regexes[i]);
    }
    wippyi_mem_free(find->mem, find->regexes, find->regex_room * sizeof(wippyi_regex *));
}

/* ------------------------------------------------------------------ testing one entry */

static bool wippyi_find_equal(wippy_slice a, wippy_slice b)
{
    wippy_value_type type_a = wippy_value_type_of(a);
    wippy_value_type type_b = wippy_value_type_of(b);
    if ((type_a == WIPPY_INT && type_b == WIPPY_FLOAT) ||
        (type_a == WIPPY_FLOAT && type_b == WIPPY_INT)) {
        double number_a = wippy_value_float(a, "", 0.0);
        double number_b = wippy_value_float(b, "", 0.0);
        return !(number_a < number_b) && !(number_a > number_b);
    }
    return wippy_value_equal(a, b);
}

/* Is `wanted` an element of the array? */
static bool wippyi_find_among(wippy_slice array, wippy_slice wanted)
{
    wippy_value_iter item;
    if (wippy_value_type_of(array) != WIPPY_ARRAY) {
        return false;
    }
    for (wippy_value_each(array, &item); wippy_value_next(&item);) {
        if (wippyi_find_equal(item.value, wanted)) {
            return true;
        }
    }
    return false;
}

static bool wippyi_find_contains(wippy_slice field, wippy_slice part)
{
    wippy_value_iter item;
    wippy_slice text;
    if (wippyi_value_text(field, &text)) {
        return wippyi_text_holds(text, part);
    }
    if (wippy_value_type_of(field) != WIPPY_ARRAY) {
        return false;
    }
    for (wippy_value_each(field, &item); wippy_value_next(&item);) {
        if (wippyi_value_text(item.value, &text) && wippyi_text_holds(text, part)) {
            return true;
        }
    }
    return false;
}

static wippy_result wippyi_find_meta(wippyi_finder *find, char test, wippy_slice field,
                                     wippy_slice wanted)
{
    wippy_slice text = {NULL, 0};
    wippy_slice part = {NULL, 0};
    bool texts = wippyi_value_text(field, &text);
    bool holds = false;
    if (test == '~') {
        const wippyi_regex *regex = find->regexes[find->regex_next++];
        return texts ? wippyi_regex_find(regex, text.data, text.size) : WIPPY_ERR_NOTFOUND;
    }
    if (test == '=') {
        holds = wippyi_find_equal(field, wanted);
    } else if (wippyi_value_text(wanted, &part)) {
        switch (test) {
        case '*': holds = wippyi_find_contains(field, part); break;
        case '^': holds = texts && wippyi_text_starts(text, part); break;
        default: holds = texts && wippyi_text_ends(text, part); break;
        }
    }
    return holds ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

static wippy_result wippyi_find_part(const wippy_entry *entry, wippy_slice name, wippy_slice wanted)
{
    wippy_slice pattern;
    wippy_slice ns;
    wippy_slice local;
    wippy_slice text;
    if (!wippyi_value_text(wanted, &pattern)) {
        return WIPPY_ERR_NOTFOUND;
    }
    wippy_id_parse(entry->id, entry->id_size, &ns, &local);
    switch (name.data[1]) { /* .kind .name .ns .id */
    case 'k': text = wippyi_text_slice(entry->kind); break;
    case 'i': text = wippyi_text_slice(entry->id); break;
    default: text = wippyi_text_is(name, ".ns") ? ns : local; break;
    }
    return wippyi_text_like(text, pattern) ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

/* One condition. An array asks for each of its elements; for equality each must be in the field. */
static wippy_result wippyi_find_test(wippyi_finder *find, const wippy_entry *entry,
                                     wippyi_find_key key, wippy_slice wanted)
{
    wippy_value_iter item;
    wippy_slice field = {NULL, 0};
    wippy_result result = WIPPY_OK;
    if (key.test != '.' && wippyi_path_get(entry->meta, key.path, &field) != WIPPY_OK) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (wippy_value_type_of(wanted) != WIPPY_ARRAY) {
        return key.test == '.' ? wippyi_find_part(entry, key.path, wanted)
                               : wippyi_find_meta(find, key.test, field, wanted);
    }
    for (wippy_value_each(wanted, &item); result == WIPPY_OK && wippy_value_next(&item);) {
        if (key.test == '.') {
            result = wippyi_find_part(entry, key.path, item.value);
        } else if (key.test != '=' || !wippyi_find_among(field, item.value)) {
            result = wippyi_find_meta(find, key.test, field, item.value);
        }
    }
    return result;
}

static wippy_result wippyi_find_match(wippyi_finder *find, const wippy_entry *entry)
{
    wippy_value_iter item;
    wippy_result result = WIPPY_OK;
    find->regex_next = 0;
    for (wippy_value_each(find->filter, &item); result == WIPPY_OK && wippy_value_next(&item);) {
        wippyi_find_key key = wippyi_find_read_key(item.name);
        if (key.test != 0) {
            result = wippyi_find_test(find, entry, key, item.value);
        }
    }
    return result;
}

WIPPY_API wippy_result wippy_snapshot_find(wippy_runtime *rt, const wippy_snapshot *snapshot,
                                           wippy_slice filter, wippy_entry **entries, size_t room,
                                           size_t *count, wippy_diag *diag)
{
    wippyi_finder find;
    size_t found = 0;
    memset(&find, 0, sizeof(find));
    find.mem = wippyi_runtime_mem(rt);
    find.filter = filter;
    wippy_result result = wippyi_find_prepare(&find, rt, diag);
    for (size_t i = 0; i < snapshot->count && result == WIPPY_OK; i++) {
        result = wippyi_find_match(&find, snapshot->entries[i]);
        if (result == WIPPY_OK) {
            if (found < room) {
                entries[found] = snapshot->entries[i];
            }
            found++;
        } else if (result == WIPPY_ERR_NOTFOUND) {
            result = WIPPY_OK;
        } else {
            wippyi_reject(diag, result, NULL, "%s", wippy_result_text(result));
        }
    }
    if (result == WIPPY_OK) {
        *count = found;
    }
    wippyi_find_free(&find);
    return result;
}
