#include "override.h"
#include "value.h"

#include <string.h>

#define WIPPYI_PATH_STEPS 32 /* keys of a path */

/* ------------------------------------------------------------------ one value in a map */

static wippy_slice wippyi_step_next(wippy_slice *path)
{
    wippy_slice step = *path;
    const char *dot = (const char *)memchr(path->data, '.', path->size);
    if (dot == NULL) {
        path->data += path->size;
        path->size = 0;
        return step;
    }
    step.size = (size_t)(dot - path->data);
    path->data += step.size + 1;
    path->size -= step.size + 1;
    return step;
}

static size_t wippyi_steps(const char *path, wippy_slice *steps)
{
    wippy_slice rest = {path, strlen(path)};
    size_t count = 0;
    bool more = rest.size > 0;
    while (more && count < WIPPYI_PATH_STEPS) {
        size_t before = rest.size;
        steps[count] = wippyi_step_next(&rest);
        more = steps[count].size < before; /* there was a dot, so there is another key */
        if (steps[count].size == 0) {
            return 0;
        }
        count++;
    }
    return more ? 0 : count; /* 0: an empty key, or too many */
}

/* Write maps for the steps that lead to a place that does not exist yet, then the value. */
static void wippyi_put_new(wippy_writer *out, const wippy_slice *steps, size_t count,
                           wippy_slice value)
{
    for (size_t i = 0; i < count; i++) {
        wippy_write_string(out, steps[i].data, steps[i].size);
        if (i + 1 < count) {
            wippy_write_map(out, 1);
        } else {
            wippy_write_encoded(out, value.data, value.size);
        }
    }
    for (size_t i = 1; i < count; i++) {
        wippy_write_end(out);
    }
}

static bool wippyi_step_is(const wippy_value_iter *item, wippy_slice step)
{
    return item->name.data != NULL && item->name.size == step.size &&
           memcmp(item->name.data, step.data, step.size) == 0;
}

/* Copy the maps on the way pair by pair, exchanging the pair that the path names. */
static void wippyi_put_along(wippy_writer *out, wippy_slice map, const wippy_slice *steps,
                             size_t count, wippy_slice value)
{
    wippy_value_iter levels[WIPPYI_PATH_STEPS];
    size_t depth = 0;
    size_t found = 0; /* levels whose step was found: those below are finished otherwise */
    wippy_write_map(out, 0);
    wippy_value_each(map, &levels[0]);
    for (;;) {
        wippy_value_iter *item = &levels[depth];
        if (!wippy_value_next(item)) {
            if (found == depth) {
                wippyi_put_new(out, steps + depth, count - depth, value);
                found = count;
            }
            wippy_write_end(out);
            if (depth-- == 0) {
                return;
            }
        } else if (found != depth || !wippyi_step_is(item, steps[depth])) {
            wippy_write_encoded(out, item->key.data, item->key.size);
            wippy_write_encoded(out, item->value.data, item->value.size);
        } else if (depth + 1 < count && wippy_value_type_of(item->value) == WIPPY_MAP) {
            wippy_write_encoded(out, item->key.data, item->key.size);
            wippy_write_map(out, 0);
            wippy_value_each(item->value, &levels[depth + 1]);
            found = ++depth;
        } else {
            wippyi_put_new(out, steps + depth, count - depth, value);
            found = count;
        }
    }
}

WIPPY_API wippy_result wippy_value_set(wippy_writer *out, wippy_slice map, const char *path,
                                       wippy_slice value)
{
    wippy_slice steps[WIPPYI_PATH_STEPS];
    size_t count = wippyi_steps(path, steps);
    if (count == 0) {
        return WIPPY_ERR_INVALID;
    }
    if (map.size > 0 && wippy_value_type_of(map) != WIPPY_MAP) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_put_along(out, map, steps, count, value);
    return out->result;
}

/* ------------------------------------------------------------------ text to value */

static bool wippyi_setting_is_typed(const wippyi_yaml_node *node, size_t size)
{
    return node->style == WIPPYI_YAML_PLAIN && node->text.size == size &&
           (node->kind == WIPPYI_YAML_BOOL || node->kind == WIPPYI_YAML_INT ||
            node->kind == WIPPYI_YAML_FLOAT);
}

WIPPY_API void wippy_write_setting(wippy_writer *out, const char *text)
{
    wippyi_yaml *yaml = NULL;
    size_t size = strlen(text);
    wippy_result result = WIPPY_ERR_NOMEM;
    if (out->mem != NULL) {
        result = wippyi_yaml_parse(text, size, NULL, (wippyi_mem *)out->mem, &yaml, NULL);
    }
    if (result == WIPPY_ERR_NOMEM) {
        wippy_writer_fail(out, result);
    } else if (result == WIPPY_OK && wippyi_setting_is_typed(yaml->root, size)) {
        wippyi_yaml_write(yaml->root, out, NULL, NULL);
    } else {
        wippy_write_string(out, text, size);
    }
    wippyi_yaml_free(yaml);
}

WIPPY_API wippy_result wippy_write_yaml(wippy_writer *out, const char *name, const char *text,
                                        size_t bytes, wippy_diag *diag)
{
    wippyi_yaml *yaml = NULL;
    wippy_result result = WIPPY_ERR_NOMEM;
    if (out->mem != NULL) {
        result = wippyi_yaml_parse(text, bytes, name, (wippyi_mem *)out->mem, &yaml, diag);
    }
    if (result == WIPPY_OK) {
        result = wippyi_yaml_write(yaml->root, out, NULL, NULL);
        wippyi_yaml_free(yaml);
        if (result != WIPPY_OK) {
            wippyi_reject(diag, result, name, "%s", wippy_result_text(result));
        }
    } else {
        wippy_writer_fail(out, result);
    }
    return result;
}

/* ------------------------------------------------------------------ overrides */

typedef struct wippyi_setting {
    wippy_slice id;
    const char *field; /* NUL-terminated copy, `value` behind it */
    const char *value;
    char *memory;
    size_t memory_size;
} wippyi_setting;

static wippy_result wippyi_setting_parse(wippyi_setting *setting, wippyi_mem *mem, const char *text,
                                         wippy_diag *diag)
{
    const char *first = strchr(text, ':');
    const char *second = first != NULL ? strchr(first + 1, ':') : NULL;
    const char *equals = second != NULL ? strchr(second, '=') : NULL;
    if (equals == NULL || first == text || second == first + 1 || equals == second + 1) {
        return wippyi_reject(diag, WIPPY_ERR_INVALID, NULL,
                             "override is \"%.200s\", expected ns:entry:field=value", text);
    }
    setting->memory_size = strlen(second + 1) + 1;
    setting->memory = (char *)wippyi_mem_alloc(mem, setting->memory_size);
    if (setting->memory == NULL) {
        return wippyi_reject(diag, WIPPY_ERR_NOMEM, NULL, "out of memory");
    }
    memcpy(setting->memory, second + 1, setting->memory_size);
    setting->memory[equals - second - 1] = '\0';
    setting->field = setting->memory;
    setting->value = setting->memory + (equals - second);
    setting->id.data = text;
    setting->id.size = (size_t)(second - text);
    return WIPPY_OK;
}

/* Describe the entry as it is to be; the changed map lies in `map`. */
static wippy_result wippyi_override_describe(const wippyi_setting *setting, wippyi_entry_desc *desc,
                                             wippy_writer *map, wippy_writer *value)
{
    wippy_slice encoded;
    bool meta = strncmp(setting->field, "meta.", 5) == 0;
    if (strcmp(setting->field, "kind") == 0) {
        desc->kind = setting->value;
        return WIPPY_OK;
    }
    wippy_write_setting(value, setting->value);
    wippy_result result = wippy_writer_finish(value, &encoded);
    if (result == WIPPY_OK) {
        result = wippy_value_set(map, meta ? desc->meta : desc->data,
                                 setting->field + (meta ? 5 : 0), encoded);
    }
    return result == WIPPY_OK ? wippy_writer_finish(map, meta ? &desc->meta : &desc->data) : result;
}

static wippy_result wippyi_override_make(wippyi_entries *entries, const wippyi_setting *setting,
                                         const wippy_entry *before, wippy_diag *diag)
{
    wippy_writer map;
    wippy_writer value;
    wippyi_entry_desc desc;
    wippy_entry *after = NULL;
    bool replaced = false;
    memset(&desc, 0, sizeof(desc));
    desc.id = before->id;
    desc.kind = before->kind;
    desc.file = before->file;
    desc.line = before->line;
    desc.meta = before->meta;
    desc.data = before->data;
    wippyi_writer_init(&map, entries->mem);
    wippyi_writer_init(&value, entries->mem);
    wippy_result result = wippyi_override_describe(setting, &desc, &map, &value);
    if (result == WIPPY_OK) {
        result = wippyi_entry_make(entries->mem, &desc, &after, NULL);
    }
    if (result == WIPPY_OK) {
        wippyi_entries_put(entries, after, &replaced); /* takes the place: needs no memory */
    } else {
        wippyi_reject(diag, result, desc.id, "field %.200s cannot be set: %s", setting->field,
                      wippy_result_text(result));
    }
    wippy_writer_free(&map);
    wippy_writer_free(&value);
    return result;
}

WIPPYI_FN wippy_result wippyi_override_apply(wippyi_entries *entries, const char *setting,
                                             wippy_diag *diag)
{
    wippyi_setting parsed;
    memset(&parsed, 0, sizeof(parsed));
    wippy_result result = wippyi_setting_parse(&parsed, entries->mem, setting, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    const wippy_entry *before = wippyi_entries_get(entries, parsed.id);
    if (before == NULL) {
        result = wippyi_reject(diag, WIPPY_ERR_NOTFOUND, NULL, "override of unknown entry %.*s",
                               WIPPYI_SLICE_ARGS(parsed.id));
    } else {
        result = wippyi_override_make(entries, &parsed, before, diag);
    }
    wippyi_mem_free(entries->mem, parsed.memory, parsed.memory_size);
    return result;
}

#undef WIPPYI_PATH_STEPS
