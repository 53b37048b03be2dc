/* ========================================================================== >>options
   The command line: flags and positional arguments in any order, short flags together (-cs), and
   everything after `--` as it is. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

typedef enum flag_kind {
    FLAG_BOOL,
    FLAG_TEXT,
    FLAG_LIST,
    FLAG_IGNORED,     /* accepted, without effect */
    FLAG_IGNORED_TEXT /* the same, with a value */
} flag_kind;

typedef struct flag_desc {
    const char *name;
    char letter;
    flag_kind kind;
    size_t offset; /* of the member of cmd_options */
} flag_desc;

static const flag_desc flags[] = {
    {"exec", 'x', FLAG_TEXT, offsetof(cmd_options, exec)},
    {"host", 0, FLAG_TEXT, offsetof(cmd_options, host)},
    {"dir", 'C', FLAG_TEXT, offsetof(cmd_options, directory)},
    {"config", 0, FLAG_TEXT, offsetof(cmd_options, config)},
    {"console", 'c', FLAG_BOOL, offsetof(cmd_options, console)},
    {"silent", 's', FLAG_BOOL, offsetof(cmd_options, silent)},
    {"verbose", 'v', FLAG_BOOL, offsetof(cmd_options, verbose)},
    {"very-verbose", 0, FLAG_BOOL, offsetof(cmd_options, very_verbose)},
    {"override", 'o', FLAG_LIST, offsetof(cmd_options, overrides)},
    {"set", 0, FLAG_LIST, offsetof(cmd_options, settings)},
    {"watch", 'w', FLAG_BOOL, offsetof(cmd_options, watch)},
    {"help", 'h', FLAG_BOOL, offsetof(cmd_options, help)},
    {"version", 0, FLAG_BOOL, offsetof(cmd_options, version)},
    {"event-streams", 'e', FLAG_IGNORED, 0},
    {"profiler", 'p', FLAG_IGNORED, 0},
    {"memory-limit", 'm', FLAG_IGNORED_TEXT, 0},
};

#define FLAG_COUNT (sizeof flags / sizeof flags[0])

typedef struct parser {
    cmd_options *out;
    int argc;
    char **argv;
    int at; /* next argument */
    char *error;
    size_t room;
} parser;

bool text_list_add(text_list *list, const char *text)
{
    const char **items =
        (const char **)realloc((void *)list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        return false;
    }
    items[list->count] = text;
    list->items = items;
    list->count++;
    return true;
}

static const flag_desc *find_name(const char *name, size_t bytes)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (strlen(flags[i].name) == bytes && memcmp(flags[i].name, name, bytes) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static const flag_desc *find_letter(char letter)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (flags[i].letter != 0 && flags[i].letter == letter) {
            return &flags[i];
        }
    }
    return NULL;
}

static bool takes_value(const flag_desc *flag)
{
    return flag->kind == FLAG_TEXT || flag->kind == FLAG_LIST || flag->kind == FLAG_IGNORED_TEXT;
}

static bool store_bool(parser *p, const flag_desc *flag, const char *value)
{
    bool on = value == NULL || strcmp(value, "true") == 0;
    if (value != NULL && !on && strcmp(value, "false") != 0) {
        snprintf(p->error, p->room, "invalid value \"%s\" for flag --%s: expected true or false",
                 value, flag->name);
        return false;
    }
    if (flag->kind == FLAG_BOOL) {
        *(bool *)((char *)p->out + flag->offset) = on;
    }
    return true;
}

static bool store(parser *p, const flag_desc *flag, const char *value)
{
    char *member = (char *)p->out + flag->offset;
    switch (flag->kind) {
    case FLAG_TEXT: *(const char **)(void *)member = value; return true;
    case FLAG_LIST:
        if (!text_list_add((text_list *)(void *)member, value)) {
            snprintf(p->error, p->room, "out of memory");
            return false;
        }
        return true;
    default: return true;
    }
}

/* Value of a flag: what is attached to it, or the next argument. */
static bool store_value(parser *p, const flag_desc *flag, const char *attached, const char *shown)
{
    if (attached == NULL && p->at < p->argc) {
        attached = p->argv[p->at++];
    }
    if (attached == NULL) {
        snprintf(p->error, p->room, "flag needs an argument: %s", shown);
        return false;
    }
    return store(p, flag, attached);
}

static bool parse_long(parser *p, const char *argument)
{
    const char *name = argument + 2;
    const char *equals = strchr(name, '=');
    size_t bytes = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const flag_desc *found = find_name(name, bytes);
    if (found == NULL) {
        snprintf(p->error, p->room, "unknown flag: --%.*s", (int)bytes, name);
        return false;
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    return takes_value(found) ? store_value(p, found, value, argument)
                              : store_bool(p, found, value);
}

/* One or more letters; the first that takes a value takes the rest of the argument. */
static bool parse_short(parser *p, const char *argument)
{
    for (const char *at = argument + 1; *at != 0; at++) {
        const flag_desc *found = find_letter(*at);
        if (found == NULL) {
            snprintf(p->error, p->room, "unknown shorthand flag: '%c' in %s", *at, argument);
            return false;
        }
        if (takes_value(found)) {
            const char *rest = at[1] == '=' ? at + 2 : at + 1;
            return store_value(p, found, at[1] != 0 ? rest : NULL, argument);
        }
        (void)store_bool(p, found, NULL);
    }
    return true;
}

static bool parse_argument(parser *p, const char *argument)
{
    if (argument[0] == '-' && argument[1] == '-') {
        return parse_long(p, argument);
    }
    if (argument[0] == '-' && argument[1] != 0) {
        return parse_short(p, argument);
    }
    return text_list_add(&p->out->positional, argument);
}

static bool check_exec(const cmd_options *options, char *error, size_t room)
{
    const char *exec = options->exec;
    const char *colon = exec != NULL ? strchr(exec, ':') : NULL;
    if (exec != NULL && (colon == NULL || colon == exec || colon[1] == 0)) {
        snprintf(error, room, "invalid process id \"%s\": expected namespace:name", exec);
        return false;
    }
    return true;
}

bool options_parse(cmd_options *out, int argc, char **argv, char *error, size_t room)
{
    memset(out, 0, sizeof *out);
    out->directory = ".";
    parser p = {out, argc, argv, 1, error, room};
    snprintf(error, room, "out of memory");
    bool flags_end = false;
    while (p.at < argc) {
        const char *argument = argv[p.at++];
        if (!flags_end && strcmp(argument, "--") == 0) {
            flags_end = true;
        } else if (flags_end ? !text_list_add(&out->positional, argument)
                             : !parse_argument(&p, argument)) {
            return false;
        }
    }
    return check_exec(out, error, room);
}

void options_free(cmd_options *options)
{
    free((void *)options->overrides.items);
    free((void *)options->settings.items);
    free((void *)options->positional.items);
    memset(options, 0, sizeof *options);
}
