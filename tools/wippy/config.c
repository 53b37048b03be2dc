/* ========================================================================== >>config
   Settings of the runtime: defaults, then .wippy.yaml, then --set section.path=value.
   Sections that mean nothing here are left alone. */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHUTDOWN_NS   (30ull * 1000000000ull)
#define FILE_MAX_SIZE (1024L * 1024L)

typedef struct reading {
    cmd_config *out;
    const cmd_options *options;
    wippy_runtime *rt; /* lends its memory; runs nothing */
    const char *where; /* file, or "--set" */
    char *error;
    size_t room;
} reading;

static bool reject(reading *r, const char *key, const char *expected, wippy_slice value)
{
    char found[128];
    wippy_value_to_text(value, found, sizeof found);
    snprintf(r->error, r->room, "%s: %s: expected %s, found %s", r->where, key, expected, found);
    return false;
}

static char *copy_text(const char *data, size_t bytes)
{
    char *text = (char *)malloc(bytes + 1);
    if (text != NULL) {
        memcpy(text, data, bytes);
        text[bytes] = 0;
    }
    return text;
}

static bool add_owned(text_list *list, char *text)
{
    if (text == NULL || !text_list_add(list, text)) {
        free(text);
        return false;
    }
    return true;
}

static bool is_text(wippy_slice value, const char *text)
{
    wippy_slice string = wippy_value_string(value, "", "");
    return string.size == strlen(text) && memcmp(string.data, text, string.size) == 0;
}

/* ---------------------------------------------------------------- the settings */

static bool set_encoding(reading *r, const char *key, wippy_slice value)
{
    if (!is_text(value, "json") && !is_text(value, "console")) {
        return reject(r, key, "json or console", value);
    }
    r->out->json = is_text(value, "json");
    return true;
}

static bool set_level(reading *r, const char *key, wippy_slice value)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        if (is_text(value, names[i])) {
            r->out->level = (wippy_log_level)i;
            r->out->has_level = true;
            return true;
        }
    }
    return reject(r, key, "debug, info, warn, error or off", value);
}

static bool set_timeout(reading *r, const char *key, wippy_slice value)
{
    int64_t duration_ns = -1;
    wippy_slice text = wippy_value_string(value, "", "");
    if (wippy_value_type_of(value) == WIPPY_STRING) {
        (void)wippy_duration_parse(text.data, text.size, &duration_ns);
    }
    if (duration_ns < 0) {
        return reject(r, key, "a duration such as 30s", value);
    }
    r->out->shutdown_ns = (uint64_t)duration_ns;
    return true;
}

static bool set_strict(reading *r, const char *key, wippy_slice value)
{
    if (wippy_value_type_of(value) != WIPPY_BOOL) {
        return reject(r, key, "true or false", value);
    }
    r->out->strict = wippy_value_bool(value, "", false);
    return true;
}

/* fs.roots: a directory or a list of them. */
static bool set_roots(reading *r, const char *key, wippy_slice value)
{
    wippy_value_iter iter;
    if (wippy_value_type_of(value) == WIPPY_STRING) {
        wippy_slice text = wippy_value_string(value, "", "");
        return add_owned(&r->out->roots, copy_text(text.data, text.size));
    }
    if (!wippy_value_each(value, &iter) || wippy_value_type_of(value) != WIPPY_ARRAY) {
        return reject(r, key, "a list of directories", value);
    }
    while (wippy_value_next(&iter)) {
        if (wippy_value_type_of(iter.value) != WIPPY_STRING) {
            return reject(r, key, "a list of directories", value);
        }
        if (!set_roots(r, key, iter.value)) {
            return false;
        }
    }
    return true;
}

/* override: {"ns:entry:field": value} in the form that --override takes. */
static bool set_overrides(reading *r, const char *key, wippy_slice value)
{
    wippy_value_iter iter;
    if (!wippy_value_each(value, &iter) || wippy_value_type_of(value) != WIPPY_MAP) {
        return reject(r, key, "a map of ns:entry:field to values", value);
    }
    while (wippy_value_next(&iter)) {
        wippy_slice text = wippy_value_string(iter.value, "", NULL);
        size_t size = text.data != NULL ? text.size : wippy_value_to_text(iter.value, NULL, 0);
        char *setting = (char *)malloc(iter.name.size + size + 2);
        if (setting == NULL) {
            return false;
        }
        memcpy(setting, iter.name.data, iter.name.size);
        char *end = setting + iter.name.size;
        *end++ = '=';
        if (text.data != NULL) {
            memcpy(end, text.data, size);
            end[size] = 0;
        } else {
            wippy_value_to_text(iter.value, end, size + 1);
        }
        if (!add_owned(&r->out->overrides, setting)) {
            return false;
        }
    }
    return true;
}

typedef struct setting {
    const char *key;
    bool (*set)(reading *r, const char *key, wippy_slice value);
} setting;

static const setting settings[] = {
    {"logger.encoding", set_encoding}, {"logger.level", set_level},
    {"shutdown.timeout", set_timeout}, {"security.strict_mode", set_strict},
    {"override", set_overrides},       {"fs.roots", set_roots},
};

#define SETTING_COUNT (sizeof settings / sizeof settings[0])

/* ---------------------------------------------------------------- the file */

static char *read_file(reading *r, const char *path, bool required, size_t *size, bool *absent)
{
    FILE *file = fopen(path, "rb");
    *absent = file == NULL && errno == ENOENT && !required;
    if (file == NULL) {
        snprintf(r->error, r->room, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = (char *)malloc((size_t)FILE_MAX_SIZE + 1);
    size_t bytes = text != NULL ? fread(text, 1, (size_t)FILE_MAX_SIZE + 1, file) : 0;
    bool bad = text == NULL || ferror(file) != 0 || bytes > (size_t)FILE_MAX_SIZE;
    fclose(file);
    if (bad) {
        snprintf(r->error, r->room, "%s: cannot be read, or is larger than 1 MiB", path);
        free(text);
        return NULL;
    }
    *size = bytes;
    return text;
}

static bool apply_document(reading *r, wippy_slice data)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        wippy_slice value;
        if (wippy_value_get(data, settings[i].key, &value) == WIPPY_OK &&
            !settings[i].set(r, settings[i].key, value)) {
            return false;
        }
    }
    return true;
}

static bool load_file(reading *r)
{
    char path[4096];
    bool required = r->options->config != NULL;
    if (required) {
        snprintf(path, sizeof path, "%s", r->options->config);
    } else {
        snprintf(path, sizeof path, "%s/%s", r->options->directory, CONFIG_FILE);
    }
    r->where = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    size_t size = 0;
    bool absent = false;
    char *text = read_file(r, path, required, &size, &absent);
    if (text == NULL) {
        return absent;
    }
    wippy_writer document;
    wippy_slice data;
    wippy_diag diag;
    memset(&diag, 0, sizeof diag);
    wippy_writer_init(&document, r->rt);
    bool good = wippy_yaml_read(r->rt, r->where, text, size, &document, &diag) == WIPPY_OK;
    if (!good) {
        diag_text(&diag, r->error, r->room);
    }
    good = good && wippy_writer_finish(&document, &data) == WIPPY_OK && apply_document(r, data);
    wippy_writer_free(&document);
    free(text);
    return good;
}

/* ---------------------------------------------------------------- --set */

/* true, false, integers and floats are what they look like; all else is text. */
static void write_typed(wippy_writer *w, const char *text)
{
    char *end = NULL;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        wippy_write_bool(w, text[0] == 't');
        return;
    }
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (end != text && *end == 0 && errno == 0) {
        wippy_write_int(w, integer);
        return;
    }
    double number = strtod(text, &end);
    if (end != text && *end == 0) {
        wippy_write_float(w, number);
    } else {
        wippy_write_cstring(w, text);
    }
}

static bool apply_set(reading *r, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *dot = strchr(text, '.');
    if (equals == NULL || dot == NULL || dot == text || dot > equals || dot + 1 == equals) {
        snprintf(r->error, r->room, "invalid --set \"%s\": expected section.path=value", text);
        return false;
    }
    size_t bytes = (size_t)(equals - text);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strlen(settings[i].key) == bytes && memcmp(settings[i].key, text, bytes) == 0) {
            wippy_writer w;
            wippy_slice value;
            wippy_writer_init(&w, r->rt);
            write_typed(&w, equals + 1);
            bool good = wippy_writer_finish(&w, &value) == WIPPY_OK &&
                        settings[i].set(r, settings[i].key, value);
            wippy_writer_free(&w);
            return good;
        }
    }
    return text_list_add(&r->out->unknown, text);
}

bool config_load(cmd_config *out, const cmd_options *options, char *error, size_t room)
{
    memset(out, 0, sizeof *out);
    out->shutdown_ns = SHUTDOWN_NS;
    out->level = WIPPY_LOG_INFO;
    snprintf(error, room, "out of memory");
    reading r = {out, options, NULL, "--set", error, room};
    if (wippy_create(&r.rt, NULL) != WIPPY_OK) {
        return false;
    }
    bool good = load_file(&r);
    r.where = "--set";
    for (size_t i = 0; good && i < options->settings.count; i++) {
        good = apply_set(&r, options->settings.items[i]);
    }
    (void)wippy_destroy(r.rt);
    return good;
}

static void free_owned(text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((void *)(uintptr_t)list->items[i]);
    }
    free((void *)list->items);
}

void config_free(cmd_config *config)
{
    free_owned(&config->overrides);
    free_owned(&config->roots);
    free((void *)config->unknown.items);
    memset(config, 0, sizeof *config);
}
