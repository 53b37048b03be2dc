/* ========================================================================== >>run
   wippy run: load the project, start its services, start the asked process on the terminal host, wait
   for its end or a signal, stop everything in order.
   Holds: one runtime, from open_runtime() to stop_runtime(). */
#define _POSIX_C_SOURCE 200809L
#include "command.h"
#include "wippy_lua.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOST_WAIT_MS 5000 /* for the terminal host to run */
#define POLL_MS      10
#define SETTLE_MS    100 /* files that change together are loaded together */
#define TEXT_MAX     2048
#define ID_MAX       512
#define NO_SLICE \
    {            \
        NULL, 0  \
    }

typedef struct session {
    const cmd_options *options;
    const cmd_config *config;
    log_sink log;
    cmd_watch watch;
    file_watch files; /* with --watch */
    lua_access access;
    wippy_runtime *rt;
    text_list terminals; /* ids of terminal.host entries; owned */
    bool signaled;
    bool exited;
    atomic_bool exit_asked; /* system.exit() was called: its code stays */
    atomic_bool has_code;
    atomic_llong code; /* of the terminal process, or of system.exit() */
} session;

/* ---------------------------------------------------------------- how a process ended */

/* "a: a: why" is said once. */
static const char *without_repetition(const char *text)
{
    const char *colon = strstr(text, ": ");
    size_t bytes = colon != NULL ? (size_t)(colon - text) + 2 : 0;
    return bytes > 0 && strncmp(text, text + bytes, bytes) == 0 ? text + bytes : text;
}

/* Where it happened, for those who asked to be told more. */
static void print_stack(wippy_slice error)
{
    wippy_reader reader;
    wippy_value value;
    wippy_reader_init(&reader, error.data, error.size);
    if (wippy_read(&reader, &value) == WIPPY_OK && value.type == WIPPY_ERROR &&
        wippy_read_skip(&reader, NULL) == WIPPY_OK && wippy_read(&reader, &value) == WIPPY_OK &&
        value.type == WIPPY_STRING) {
        fprintf(stderr, "%.*s\n", (int)value.as.string.size, value.as.string.data);
    }
}

static void print_failure(const session *s, const wippy_exit_info *info)
{
    char text[TEXT_MAX];
    if (wippy_value_type_of(info->value) == WIPPY_ERROR) {
        (void)wippy_error_text(info->value, text, sizeof text);
    } else {
        snprintf(text, sizeof text, "%s", wippy_result_text(info->result));
    }
    fprintf(stderr, "%s\n", without_repetition(text));
    if (s->options->verbose || s->options->very_verbose) {
        print_stack(info->value);
    }
}

static long long exit_code(const wippy_exit_info *info)
{
    wippy_slice value = info->value;
    if (info->result != WIPPY_OK) {
        return 1;
    }
    double number = wippy_value_float(value, "", 0.0);
    switch (wippy_value_type_of(value)) {
    case WIPPY_BOOL: return wippy_value_bool(value, "", true) ? 0 : 1;
    case WIPPY_INT: return wippy_value_int(value, "", 0);
    case WIPPY_FLOAT: return number > -9e18 && number < 9e18 ? (long long)number : 1;
    default: return 0;
    }
}

static bool on_terminal(const session *s, wippy_pid pid)
{
    char text[ID_MAX];
    wippy_pid_text(s->rt, pid, text, sizeof text);
    for (size_t i = 0; i < s->terminals.count; i++) {
        size_t bytes = strlen(s->terminals.items[i]);
        if (strncmp(text + 1, s->terminals.items[i], bytes) == 0 && text[1 + bytes] == '|') {
            return true;
        }
    }
    return false;
}

static void end_with(session *s, long long code)
{
    atomic_store(&s->code, code);
    atomic_store(&s->has_code, true);
    watch_post(&s->watch, NOTICE_EXIT);
}

/* Any worker: a process ended. */
static void process_ended(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    session *s = (session *)user_data;
    (void)rt;
    if (s->terminals.count == 0 || !on_terminal(s, info->pid)) {
        return;
    }
    int hidden = LOG_HIDDEN;
    (void)atomic_compare_exchange_strong(&s->log.state, &hidden, LOG_SHOWN);
    if (atomic_load(&s->exit_asked)) {
        return; /* it ends because of that, however it takes it */
    }
    if (info->result != WIPPY_OK) {
        print_failure(s, info);
    }
    end_with(s, exit_code(info));
}

/* A step: system.exit(). */
static void exit_asked(wippy_runtime *rt, int64_t code, void *user_data)
{
    session *s = (session *)user_data;
    (void)rt;
    atomic_store(&s->exit_asked, true);
    end_with(s, code);
}

/* ---------------------------------------------------------------- the runtime */

static void add_word(text_list *list, const char *word)
{
    (void)text_list_add(list, word);
}

/* Names of directories that the environment leaves out. `words` keeps their text. */
static void read_skips(text_list *list, char *words, size_t room)
{
    static const char *const switches[][2] = {{"SKIP_TEMPORAL_TESTS", "temporal"},
                                              {"SKIP_SQS_TESTS", "sqs"},
                                              {"SKIP_NETWORK_TESTS", "network"},
                                              {"SKIP_CLOUDSTORAGE_TESTS", "cloudstorage"}};
    const char *names = getenv("SKIP_TEST_DIRS");
    snprintf(words, room, "%s", names != NULL ? names : "");
    for (char *word = strtok(words, ", "); word != NULL; word = strtok(NULL, ", ")) {
        add_word(list, word);
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        const char *value = getenv(switches[i][0]);
        if (value != NULL && value[0] != 0 && strcmp(value, "0") != 0 &&
            strcmp(value, "false") != 0) {
            add_word(list, switches[i][1]);
        }
    }
}

static int fail_diag(const session *s, const char *what, const wippy_diag *diag)
{
    char text[TEXT_MAX];
    diag_text(diag, text, sizeof text);
    return fail(s->options, "%s%s%s", what, what[0] != 0 ? ": " : "", text);
}

/* What load and reload are told about the project. */
typedef struct project {
    wippy_project_desc desc;
    text_list skips;
    text_list overrides;
    char words[TEXT_MAX];
} project;

static void project_open(const session *s, project *p)
{
    memset(p, 0, sizeof *p);
    read_skips(&p->skips, p->words, sizeof p->words);
    for (size_t i = 0; i < s->config->overrides.count; i++) {
        add_word(&p->overrides, s->config->overrides.items[i]);
    }
    for (size_t i = 0; i < s->options->overrides.count; i++) {
        add_word(&p->overrides, s->options->overrides.items[i]);
    }
    p->desc.directory = s->options->directory;
    p->desc.overrides = p->overrides.items;
    p->desc.override_count = (uint32_t)p->overrides.count;
    p->desc.skip = p->skips.items;
    p->desc.skip_count = (uint32_t)p->skips.count;
}

static void project_close(project *p)
{
    free((void *)p->skips.items);
    free((void *)p->overrides.items);
}

static int load_project(session *s, bool need_lock)
{
    project p;
    wippy_diag diag;
    memset(&diag, 0, sizeof diag);
    project_open(s, &p);
    p.desc.need_lock = need_lock;
    wippy_result result = wippy_load_project(s->rt, &p.desc, &diag);
    project_close(&p);
    return result == WIPPY_OK ? 0 : fail_diag(s, "", &diag);
}

static int open_runtime(session *s, const text_list *arguments)
{
    wippy_desc desc;
    wippy_lua_desc lua;
    memset(&desc, 0, sizeof desc);
    desc.log_fn = s->log.level < WIPPY_LOG_OFF ? log_record : NULL;
    desc.log_user_data = &s->log;
    desc.log_level = s->log.level;
    desc.strict_rights = s->config->strict;
    wippy_result result = wippy_create(&s->rt, &desc);
    if (result != WIPPY_OK) {
        return fail(s->options, "cannot start: %s", wippy_result_text(result));
    }
    memset(&lua, 0, sizeof lua);
    lua.argc = (int)arguments->count;
    lua.argv = arguments->items;
    lua.exit_fn = exit_asked;
    lua.user_data = s;
    result = wippy_lua_open(s->rt, &lua);
    if (result == WIPPY_OK) {
        result = modules_register(s->rt, &s->access);
    }
    if (result != WIPPY_OK) {
        return fail(s->options, "cannot open Lua: %s", wippy_result_text(result));
    }
    return 0;
}

/* ---------------------------------------------------------------- which process, which host */

static bool is_kind(const wippy_entry *entry, const char *kind)
{
    return strcmp(wippy_entry_kind(entry), kind) == 0;
}

static void command_name(const wippy_entry *entry, char *name, size_t room)
{
    wippy_slice text = {NULL, 0};
    if (strncmp(wippy_entry_kind(entry), "process.", 8) == 0) {
        text = wippy_value_string(wippy_entry_meta(entry), "command.name", "");
    }
    snprintf(name, room, "%.*s", (int)text.size, text.data != NULL ? text.data : "");
}

/* Id of the process that the command line asks for. */
static int find_process(session *s, wippy_snapshot *entries, const char *name, char *id,
                        size_t room)
{
    char found[ID_MAX];
    if (name == NULL) {
        snprintf(id, room, "%s", s->options->exec);
        return 0;
    }
    for (size_t i = 0; i < wippy_snapshot_count(entries); i++) {
        wippy_entry *entry = wippy_snapshot_entry(entries, i);
        command_name(entry, found, sizeof found);
        if (found[0] != 0 && strcmp(found, name) == 0) {
            snprintf(id, room, "%s", wippy_entry_id(entry));
            return 0;
        }
    }
    return fail(s->options,
                "command \"%s\" not found. Use 'wippy run list' to see available commands", name);
}

static void find_terminals(session *s, wippy_snapshot *entries)
{
    for (size_t i = 0; i < wippy_snapshot_count(entries); i++) {
        const wippy_entry *entry = wippy_snapshot_entry(entries, i);
        const char *id = wippy_entry_id(entry);
        char *copy = is_kind(entry, "terminal.host") ? (char *)malloc(strlen(id) + 1) : NULL;
        if (copy != NULL) {
            strcpy(copy, id);
            add_word(&s->terminals, copy);
        }
    }
}

/* On any other host the process would end unnoticed. */
static int asked_host(session *s, const char *id, const char **host)
{
    wippy_service_info info;
    *host = id;
    for (size_t i = 0; i < s->terminals.count; i++) {
        if (strcmp(s->terminals.items[i], id) == 0) {
            return 0;
        }
    }
    if (wippy_service_state(s->rt, id, &info) != WIPPY_OK) {
        return fail(s->options, "host %s not found", id);
    }
    return fail(s->options, "host %s is not a terminal.host", id);
}

static int choose_host(session *s, const char **host)
{
    char names[TEXT_MAX] = "";
    if (s->options->host != NULL) {
        return asked_host(s, s->options->host, host);
    }
    if (s->terminals.count == 1) {
        *host = s->terminals.items[0];
        return 0;
    }
    for (size_t i = 0; i < s->terminals.count; i++) {
        size_t bytes = strlen(names);
        snprintf(names + bytes, sizeof names - bytes, "%s%s", i > 0 ? ", " : "",
                 s->terminals.items[i]);
    }
    if (s->terminals.count == 0) {
        return fail(s->options, "no terminal.host found in registry");
    }
    return fail(s->options, "multiple terminal hosts found (%s), use --host to specify", names);
}

/* ---------------------------------------------------------------- starting */

/* Wait for something to happen. True: it is over before it began, or at last. */
static bool is_over(session *s, int timeout_ms)
{
    if (!s->signaled && !s->exited) {
        cmd_notice notice = watch_wait(&s->watch, timeout_ms);
        s->signaled = notice == NOTICE_SIGNAL;
        s->exited = notice == NOTICE_EXIT;
    }
    return s->signaled || s->exited;
}

/* Wait until the host runs, or all is over. */
static int wait_for_host(session *s, const char *id, wippy_host *host)
{
    wippy_service_info info;
    if (wippy_service_state(s->rt, id, &info) != WIPPY_OK) {
        return fail(s->options, "host %s not found", id);
    }
    if (info.desired != WIPPY_SERVICE_RUNNING) {
        return fail(s->options, "host %s is not to run: no lifecycle.auto_start in its entry", id);
    }
    for (int waited_ms = 0; waited_ms < HOST_WAIT_MS; waited_ms += POLL_MS) {
        if (wippy_service_state(s->rt, id, &info) == WIPPY_OK &&
            info.status == WIPPY_SERVICE_RUNNING && wippy_host_find(s->rt, id, host) == WIPPY_OK) {
            return 0;
        }
        if (is_over(s, POLL_MS)) {
            return 0;
        }
    }
    return fail(s->options, "host %s is %s, not running%s%s", id,
                wippy_service_status_name(info.status), info.details[0] != 0 ? ": " : "",
                info.details);
}

static void hide_logs(session *s, wippy_snapshot *entries, const char *host)
{
    wippy_entry *entry = wippy_snapshot_get(entries, host);
    if (entry != NULL && wippy_value_bool(wippy_entry_data(entry), "hide_logs", false)) {
        int shown = LOG_SHOWN;
        (void)atomic_compare_exchange_strong(&s->log.state, &shown, LOG_HIDDEN);
    }
}

/* Each argument is one string value. */
static int spawn(session *s, const char *id, wippy_host host, const text_list *arguments)
{
    wippy_writer input;
    wippy_slice encoded;
    wippy_spawn_desc desc;
    wippy_diag diag;
    wippy_writer_init(&input, s->rt);
    for (size_t i = 0; i < arguments->count; i++) {
        wippy_write_cstring(&input, arguments->items[i]);
    }
    wippy_result result = wippy_writer_finish(&input, &encoded);
    if (result != WIPPY_OK) {
        return fail(s->options, "%s", wippy_result_text(result));
    }
    memset(&desc, 0, sizeof desc);
    memset(&diag, 0, sizeof diag);
    desc.entry = id;
    desc.host = host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = (uint32_t)input.count;
    result = wippy_spawn(wippy_outside(s->rt), &desc, NULL, &diag);
    wippy_writer_free(&input);
    if (result == WIPPY_OK) {
        return 0;
    }
    if (diag.message[0] == 0) {
        snprintf(diag.message, sizeof diag.message, "%s", wippy_result_text(result));
    }
    if (strcmp(diag.file, id) == 0) {
        diag.file[0] = 0;
    }
    return fail_diag(s, id, &diag);
}

static int start_process(session *s, const char *name, const text_list *arguments)
{
    char id[ID_MAX];
    const char *host_id = NULL;
    wippy_host host = {0};
    wippy_snapshot *entries = NULL;
    wippy_result result = wippy_snapshot_current(s->rt, &entries);
    if (result != WIPPY_OK) {
        return fail(s->options, "%s", wippy_result_text(result));
    }
    int status = find_process(s, entries, name, id, sizeof id);
    if (status == 0 && wippy_snapshot_get(entries, id) == NULL) {
        status = fail(s->options, "process %s not found", id);
    }
    if (status == 0) {
        status = choose_host(s, &host_id);
    }
    if (status == 0) {
        status = wait_for_host(s, host_id, &host);
    }
    if (status == 0 && !is_over(s, 0)) {
        hide_logs(s, entries, host_id);
        status = spawn(s, id, host, arguments);
    }
    wippy_snapshot_release(s->rt, entries);
    return status;
}

/* A service that must run and never did, and that nobody will try again, fails the start. */
static int check_services(session *s)
{
    size_t count = wippy_service_states(s->rt, NULL, 0);
    wippy_service_info *all = (wippy_service_info *)calloc(count + 1, sizeof *all);
    if (all == NULL) {
        return fail(s->options, "out of memory");
    }
    size_t found = wippy_service_states(s->rt, all, count);
    int status = 0;
    for (size_t i = 0; i < count && i < found && status == 0; i++) {
        const wippy_service_info *info = &all[i];
        bool broken = info->status == WIPPY_SERVICE_FAILED ||
                      info->status == WIPPY_SERVICE_EXITED || info->status == WIPPY_SERVICE_UNKNOWN;
        if (info->desired == WIPPY_SERVICE_RUNNING && !info->optional && broken &&
            info->started_wall_ns == 0 && info->retry_in_ns == 0) {
            status = fail(s->options, "service %s did not start%s%s", info->id,
                          info->details[0] != 0 ? ": " : "", info->details);
        }
    }
    free(all);
    return status;
}

/* Start the services and wait until each runs or has failed. */
static int start_services(session *s, bool must_run)
{
    wippy_host none = {0};
    wippy_result result = wippy_services_start(s->rt, none);
    if (result != WIPPY_OK) {
        return fail(s->options, "cannot start services: %s", wippy_result_text(result));
    }
    for (int waited_ms = 0; must_run || waited_ms < HOST_WAIT_MS; waited_ms += POLL_MS) {
        if (is_over(s, 0) ||
            wippy_services_wait(s->rt, POLL_MS * 1000000, NULL) != WIPPY_ERR_TIMEOUT) {
            break;
        }
    }
    return must_run && !is_over(s, 0) ? check_services(s) : 0;
}

/* ---------------------------------------------------------------- --watch */

/* Directory of a file that is not below the project. */
static void watch_directory_of(session *s, const char *file)
{
    char directory[TEXT_MAX];
    const char *slash = strrchr(file, '/');
    if (slash != NULL && slash > file && (size_t)(slash - file) < sizeof directory) {
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - file), file);
        (void)file_watch_add(&s->files, directory);
    }
}

static void watch_project(session *s)
{
    wippy_snapshot *entries = NULL;
    const char *directory = s->options->directory;
    size_t size = strlen(directory);
    file_watch_open(&s->files);
    (void)file_watch_add(&s->files, directory);
    if (wippy_snapshot_current(s->rt, &entries) == WIPPY_OK) {
        for (size_t i = 0; i < wippy_snapshot_count(entries); i++) {
            const char *file = wippy_entry_file(wippy_snapshot_entry(entries, i), NULL);
            bool inside = strcmp(directory, ".") == 0
                              ? file[0] != '/' && strncmp(file, "../", 3) != 0
                              : strncmp(file, directory, size) == 0;
            if (file[0] != 0 && !inside) {
                watch_directory_of(s, file);
            }
        }
        wippy_snapshot_release(s->rt, entries);
    }
    s->watch.files = s->files.notify;
    (void)file_watch_changed(&s->files);
}

static void reload(session *s)
{
    project p;
    wippy_diag diag;
    char text[TEXT_MAX];
    char line[TEXT_MAX + 64];
    size_t changes = 0;
    int64_t version = 0;
    memset(&diag, 0, sizeof diag);
    project_open(s, &p);
    wippy_result result = wippy_reload_project(s->rt, &p.desc, &changes, &version, &diag);
    project_close(&p);
    if (result != WIPPY_OK) {
        diag_text(&diag, text, sizeof text);
        snprintf(line, sizeof line, "not reloaded: %s", text);
        log_line(&s->log, WIPPY_LOG_ERROR, line);
    } else if (changes > 0) {
        snprintf(line, sizeof line, "reloaded: %zu %s, version %lld", changes,
                 changes == 1 ? "entry" : "entries", (long long)version);
        log_line(&s->log, WIPPY_LOG_INFO, line);
    }
}

/* Something may have changed: wait until nothing does any more, then load it. */
static void look_at_files(session *s)
{
    if (!file_watch_changed(&s->files)) {
        return;
    }
    s->watch.files = -1; /* news of files would cut the wait short */
    while (!is_over(s, SETTLE_MS) && file_watch_changed(&s->files)) {
    }
    s->watch.files = s->files.notify;
    if (!is_over(s, 0)) {
        reload(s);
    }
}

/* ---------------------------------------------------------------- waiting and stopping */

static void wait_for_end(session *s)
{
    bool polls = s->options->watch && s->files.notify < 0;
    while (!is_over(s, polls ? FILE_WATCH_POLL_MS : -1)) {
        if (s->options->watch) {
            look_at_files(s);
        }
    }
    if (s->signaled) {
        log_line(&s->log, WIPPY_LOG_INFO, "received shutdown signal");
        log_line(&s->log, WIPPY_LOG_INFO, "shutting down (press Ctrl+C again to force exit)");
    }
}

static void log_survivors(session *s)
{
    wippy_pid pids[8];
    size_t count = wippy_survivors(s->rt, pids, sizeof pids / sizeof pids[0]);
    for (size_t i = 0; i < count && i < sizeof pids / sizeof pids[0]; i++) {
        char pid[ID_MAX];
        char line[ID_MAX + 64];
        wippy_pid_text(s->rt, pids[i], pid, sizeof pid);
        snprintf(line, sizeof line, "process %s does not end", pid);
        log_line(&s->log, WIPPY_LOG_ERROR, line);
    }
}

/* Services first, in reverse order, then what they left. False: something did not end in time, and
   nothing is freed. */
static bool stop_runtime(session *s)
{
    uint64_t limit_ns = s->config->shutdown_ns;
    uint64_t begin_ns = wippy_now_ns(s->rt);
    (void)wippy_services_stop(s->rt, limit_ns);
    (void)wippy_stop(s->rt);
    uint64_t spent_ns = wippy_now_ns(s->rt) - begin_ns;
    uint64_t rest_ns = spent_ns < limit_ns ? limit_ns - spent_ns : 0;
    uint64_t least_ns = 1000000000; /* a moment for the hosts, even when the services used it up */
    if (wippy_join(s->rt, rest_ns > least_ns ? rest_ns : least_ns) != WIPPY_OK) {
        log_survivors(s);
        log_line(&s->log, WIPPY_LOG_ERROR, "shutdown timed out");
        return false;
    }
    if (wippy_destroy(s->rt) != WIPPY_OK) {
        return false;
    }
    log_line(&s->log, WIPPY_LOG_INFO, "stopped");
    return true;
}

static int run_runtime(session *s, const char *name, const text_list *arguments)
{
    bool process = name != NULL || s->options->exec != NULL;
    wippy_snapshot *entries = NULL;
    wippy_services_on_exit(s->rt, process_ended, s);
    int status = load_project(s, false);
    if (status == 0 && wippy_snapshot_current(s->rt, &entries) == WIPPY_OK) {
        find_terminals(s, entries);
        wippy_snapshot_release(s->rt, entries);
    }
    if (status == 0 && s->options->watch) {
        watch_project(s);
    }
    if (status == 0) {
        status = start_services(s, !process);
    }
    if (status == 0 && process && !is_over(s, 0)) {
        status = start_process(s, name, arguments);
    }
    log_settle(&s->log, status != 0);
    if (status == 0) {
        wait_for_end(s);
    }
    bool stopped = stop_runtime(s);
    if (status == 0 && atomic_load(&s->has_code)) {
        status = (int)(atomic_load(&s->code) & 0xff);
    } else if (!stopped) {
        status = 1;
    }
    if (!stopped) { /* threads go on; nothing that they look at may be freed */
        fflush(NULL);
        _Exit(status);
    }
    return status;
}

static void warn_unknown(session *s)
{
    for (size_t i = 0; i < s->config->unknown.count; i++) {
        char line[TEXT_MAX];
        snprintf(line, sizeof line, "--set %s: no such setting", s->config->unknown.items[i]);
        log_line(&s->log, WIPPY_LOG_WARN, line);
    }
}

static void free_terminals(session *s)
{
    for (size_t i = 0; i < s->terminals.count; i++) {
        free((void *)(uintptr_t)s->terminals.items[i]);
    }
    free((void *)s->terminals.items);
}

int command_run(const cmd_options *options, const cmd_config *config, const char *name,
                const text_list *arguments)
{
    session s;
    bool process = name != NULL || options->exec != NULL;
    bool loud = options->verbose || options->very_verbose || options->console || options->watch;
    memset(&s, 0, sizeof s);
    s.options = options;
    s.config = config;
    log_open(&s.log, options, config, process && !loud);
    if (!watch_open(&s.watch, &s.log) || !lua_access_open(&s.access, options, config, arguments)) {
        return fail(options, "out of memory or descriptors");
    }
    warn_unknown(&s);
    int status = open_runtime(&s, arguments);
    if (status == 0) {
        status = run_runtime(&s, name, arguments);
    }
    free_terminals(&s);
    if (options->watch) {
        file_watch_close(&s.files);
    }
    lua_access_close(&s.access);
    return status;
}

/* ---------------------------------------------------------------- run list */

typedef struct command_row {
    char name[128];
    char text[256]; /* meta.command.short */
    char id[ID_MAX];
} command_row;

static size_t collect(wippy_snapshot *entries, command_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < wippy_snapshot_count(entries); i++) {
        const wippy_entry *entry = wippy_snapshot_entry(entries, i);
        command_row *row = &rows[count];
        command_name(entry, row->name, sizeof row->name);
        if (row->name[0] == 0) {
            continue;
        }
        wippy_slice text = wippy_value_string(wippy_entry_meta(entry), "command.short", "");
        snprintf(row->text, sizeof row->text, "%.*s", (int)text.size, text.data);
        snprintf(row->id, sizeof row->id, "%s", wippy_entry_id(entry));
        count++;
    }
    return count;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const command_row *)a)->name, ((const command_row *)b)->name);
}

static void print_commands(command_row *rows, size_t count, bool colour)
{
    int name_width = 0;
    int text_width = 0;
    qsort(rows, count, sizeof *rows, by_name);
    for (size_t i = 0; i < count; i++) {
        int name_bytes = (int)strlen(rows[i].name);
        int text_bytes = (int)strlen(rows[i].text);
        name_width = name_bytes > name_width ? name_bytes : name_width;
        text_width = text_bytes > text_width ? text_bytes : text_width;
    }
    printf("Available commands:\n\n");
    for (size_t i = 0; i < count; i++) {
        printf("  %s%-*s%s", colour ? "\033[36m" : "", name_width, rows[i].name,
               colour ? "\033[0m" : "");
        if (text_width > 0) {
            printf("  %-*s", text_width, rows[i].text);
        }
        printf("  (%s)\n", rows[i].id);
    }
    printf("\nRun with: wippy run <command>\n");
}

static void print_no_commands(void)
{
    printf("No commands found.\n\n"
           "A process becomes a command when its entry has a name for it:\n\n"
           "  - name: tool\n"
           "    kind: process.lua\n"
           "    meta:\n"
           "      command:\n"
           "        name: tool\n"
           "        short: What it does\n");
}

static int list_entries(session *s)
{
    wippy_snapshot *entries = NULL;
    wippy_result result = wippy_snapshot_current(s->rt, &entries);
    if (result != WIPPY_OK) {
        return fail(s->options, "%s", wippy_result_text(result));
    }
    command_row *rows = (command_row *)calloc(wippy_snapshot_count(entries) + 1, sizeof *rows);
    size_t count = rows != NULL ? collect(entries, rows) : 0;
    if (count > 0) {
        print_commands(rows, count, s->log.colour);
    } else {
        print_no_commands();
    }
    free(rows);
    wippy_snapshot_release(s->rt, entries);
    return 0;
}

int command_list(const cmd_options *options, const cmd_config *config)
{
    session s;
    text_list none = {NULL, 0};
    memset(&s, 0, sizeof s);
    s.options = options;
    s.config = config;
    log_open(&s.log, options, config, !options->console && !options->verbose);
    int status =
        lua_access_open(&s.access, options, config, &none) ? 0 : fail(options, "out of memory");
    if (status == 0) {
        status = open_runtime(&s, &none);
    }
    if (status == 0) {
        status = load_project(&s, true);
    }
    log_settle(&s.log, true); /* what could not be read cannot be listed */
    if (status == 0) {
        status = list_entries(&s);
    }
    if (s.rt != NULL) {
        (void)wippy_destroy(s.rt);
    }
    lua_access_close(&s.access);
    return status;
}
