/* ========================================================================== >>log
   Where the log lines go and what they look like. A line is made in memory and written at once, so
   lines of several threads do not mix.
   Any thread.  Locks: the stream's own, for one write; one for the lines that are held. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048
#define HELD_MAX  65536 /* bytes kept for a start that fails */

/* A growing line; starts on the stack. */
typedef struct line {
    char *text;
    size_t size;
    size_t room;
    char small_text[LINE_SIZE];
} line;

static void line_open(line *l)
{
    l->text = l->small_text;
    l->size = 0;
    l->room = sizeof l->small_text;
}

static void line_close(line *l)
{
    if (l->text != l->small_text) {
        free(l->text);
    }
}

/* Without memory the line stays as long as it is. */
static bool line_reserve(line *l, size_t more)
{
    if (l->size + more + 1 <= l->room) {
        return true;
    }
    size_t room = (l->size + more + 1) * 2;
    char *text = (char *)malloc(room);
    if (text == NULL) {
        return false;
    }
    memcpy(text, l->text, l->size);
    line_close(l);
    l->text = text;
    l->room = room;
    return true;
}

static void add_bytes(line *l, const char *data, size_t bytes)
{
    if (line_reserve(l, bytes)) {
        memcpy(l->text + l->size, data, bytes);
        l->size += bytes;
    }
}

static void add_text(line *l, const char *text)
{
    add_bytes(l, text, strlen(text));
}

/* For short pieces. */
static void add_format(line *l, const char *format, ...) WIPPY_PRINTF(2, 3);
static void add_format(line *l, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_text(l, text);
}

static void add_value(line *l, wippy_slice value)
{
    size_t bytes = wippy_value_to_text(value, NULL, 0);
    if (line_reserve(l, bytes)) {
        wippy_value_to_text(value, l->text + l->size, bytes + 1);
        l->size += bytes;
    }
}

/* A JSON string. UTF-8 is passed; the text of programs is not checked here. */
static void add_json_text(line *l, const char *text)
{
    add_text(l, "\"");
    for (const char *at = text; *at != 0; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            add_format(l, "\\%c", byte);
        } else if (byte == '\n') {
            add_text(l, "\\n");
        } else if (byte < 0x20 || byte == 0x7f) {
            add_format(l, "\\u%04x", byte);
        } else {
            add_bytes(l, at, 1);
        }
    }
    add_text(l, "\"");
}

/* ---------------------------------------------------------------- forms */

/* One line for people, whatever the message holds. */
static void add_message(line *l, const char *message)
{
    for (const char *at = message; *at != 0; at++) {
        if (*at == '\n') {
            add_text(l, "\\n");
        } else {
            add_bytes(l, at, 1);
        }
    }
}

static const char *level_name(wippy_log_level level)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    return level <= WIPPY_LOG_ERROR ? names[level] : "";
}

static bool has_fields(const wippy_log_record *record)
{
    wippy_value_iter iter;
    return wippy_value_each(record->fields, &iter) && wippy_value_next(&iter);
}

static void add_fields(line *l, const wippy_log_record *record)
{
    if (has_fields(record)) {
        add_text(l, "\t");
        add_value(l, record->fields);
    }
}

static void form_plain(line *l, const wippy_log_record *record)
{
    char date[64];
    struct tm parts;
    time_t seconds = (time_t)(record->wall_ns / 1000000000);
    localtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    add_format(l, "%s\t%s\t", date, level_name(record->level));
    if (record->logger[0] != 0) {
        add_text(l, record->logger);
        add_text(l, "\t");
    }
    add_message(l, record->message);
    add_fields(l, record);
}

static void form_console(line *l, const wippy_log_record *record, bool colour)
{
    static const char *const colours[] = {"\033[35m", "\033[34m", "\033[33m", "\033[31m"};
    const char *on = colour && record->level <= WIPPY_LOG_ERROR ? colours[record->level] : "";
    const char *off = colour ? "\033[0m" : "";
    add_format(l, "%6.2fs\t%s%-5s%s\t", (double)record->uptime_ns / 1e9, on,
               level_name(record->level), off);
    if (record->logger[0] != 0) {
        add_text(l, colour ? "\033[36m" : "");
        add_text(l, record->logger);
        add_text(l, off);
        size_t bytes = strlen(record->logger);
        add_format(l, "%*s\t", bytes < 12 ? (int)(12 - bytes) : 0, "");
    }
    add_message(l, record->message);
    add_fields(l, record);
}

static void form_json(line *l, const wippy_log_record *record)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char date[64];
    char zone[16];
    struct tm parts;
    time_t seconds = (time_t)(record->wall_ns / 1000000000);
    localtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(zone, sizeof zone, "%z", &parts);
    add_format(l, "{\"level\": \"%s\", \"ts\": \"%s.%03d%s\", ",
               record->level <= WIPPY_LOG_ERROR ? names[record->level] : "", date,
               (int)(record->wall_ns / 1000000 % 1000), zone);
    if (record->logger[0] != 0) {
        add_text(l, "\"logger\": ");
        add_json_text(l, record->logger);
        add_text(l, ", ");
    }
    add_text(l, "\"msg\": ");
    add_json_text(l, record->message);
    if (has_fields(record)) {
        add_text(l, ", ");
        size_t brace = l->size;
        add_value(l, record->fields);
        if (l->size > brace) { /* the members of {...}: without the opening brace */
            memmove(l->text + brace, l->text + brace + 1, l->size - brace - 1);
            l->size--;
        }
    } else {
        add_text(l, "}");
    }
}

static void hold(log_sink *sink, const line *l)
{
    pthread_mutex_lock(&sink->lock);
    if (sink->held == NULL && sink->held_size == 0) {
        sink->held = (char *)malloc(HELD_MAX);
    }
    if (sink->held != NULL && l->size <= HELD_MAX - sink->held_size) {
        memcpy(sink->held + sink->held_size, l->text, l->size);
        sink->held_size += l->size;
    }
    pthread_mutex_unlock(&sink->lock);
}

static void show(const log_sink *sink, const line *l)
{
    FILE *stream = sink->format == LOG_PLAIN ? stderr : stdout;
    fwrite(l->text, 1, l->size, stream);
    fflush(stream);
}

void log_record(const wippy_log_record *record, void *user_data)
{
    log_sink *sink = (log_sink *)user_data;
    int state = atomic_load(&sink->state);
    if (record->level < sink->level || state == LOG_HIDDEN || state == LOG_DROPPED) {
        return;
    }
    line l;
    line_open(&l);
    switch (sink->format) {
    case LOG_PLAIN: form_plain(&l, record); break;
    case LOG_CONSOLE: form_console(&l, record, sink->colour); break;
    case LOG_JSON: form_json(&l, record); break;
    }
    add_text(&l, "\n");
    if (state == LOG_HELD) {
        hold(sink, &l);
    } else {
        show(sink, &l);
    }
    line_close(&l);
}

void log_settle(log_sink *sink, bool shown)
{
    int held = LOG_HELD;
    if (!atomic_compare_exchange_strong(&sink->state, &held, LOG_DROPPED)) {
        return;
    }
    pthread_mutex_lock(&sink->lock);
    if (shown && sink->held != NULL) {
        fwrite(sink->held, 1, sink->held_size, sink->format == LOG_PLAIN ? stderr : stdout);
    }
    free(sink->held);
    sink->held = NULL;
    sink->held_size = HELD_MAX; /* a line that is on its way finds no room */
    pthread_mutex_unlock(&sink->lock);
}

/* ---------------------------------------------------------------- the sink */

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

void log_line(log_sink *sink, wippy_log_level level, const char *message)
{
    struct timespec now;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &now);
    clock_gettime(CLOCK_REALTIME, &wall);
    wippy_log_record record;
    memset(&record, 0, sizeof record);
    record.level = level;
    record.wall_ns = nanoseconds(&wall);
    record.uptime_ns = (uint64_t)(nanoseconds(&now) - nanoseconds(&sink->start));
    record.logger = "";
    record.message = message;
    record.entry = "";
    log_record(&record, sink);
}

void log_open(log_sink *sink, const cmd_options *options, const cmd_config *config, bool quiet)
{
    memset(sink, 0, sizeof *sink);
    atomic_init(&sink->state, LOG_SHOWN);
    pthread_mutex_init(&sink->lock, NULL);
    sink->format = config->json ? LOG_JSON : options->console ? LOG_CONSOLE : LOG_PLAIN;
    sink->level = config->level;
    if (options->verbose || options->very_verbose) {
        sink->level = WIPPY_LOG_DEBUG;
    }
    if (options->silent) {
        sink->level = WIPPY_LOG_OFF;
    } else if (quiet) {
        sink->level = WIPPY_LOG_WARN;
        atomic_store(&sink->state, LOG_HELD);
    }
    const char *no_colour = getenv("NO_COLOR");
    sink->colour = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == 0);
    clock_gettime(CLOCK_MONOTONIC, &sink->start);
    tzset();
}
