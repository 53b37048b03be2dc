/* ========================================================================== >>command
   The wippy command: runs applications made of Lua and YAML. A plain user of the two headers.
   options  what was typed          config   .wippy.yaml and --set      log      the log line
   signals  Ctrl+C and the wait     modules  what Lua gets from here    run      wippy run
   watch    which files changed     main     the other commands
   Holds: no global state.  Errors: printed by fail(), exit code 1. */
#ifndef COMMAND_H
#define COMMAND_H

#include "wippy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define LOCK_FILE   "wippy.lock"
#define CONFIG_FILE ".wippy.yaml"

/* ---------------------------------------------------------------- options */

/* Strings that stand in argv, or are owned by whoever filled the list. */
typedef struct text_list {
    const char **items;
    size_t count;
} text_list;

typedef struct cmd_options {
    const char *exec;      /* -x; NULL = none */
    const char *host;      /* --host; NULL = the only one */
    const char *directory; /* -C; "." */
    const char *config;    /* --config; NULL = CONFIG_FILE in the directory, if it is there */
    bool console;
    bool silent;
    bool verbose;
    bool very_verbose;
    bool watch; /* reload when files change */
    bool help;
    bool version;
    text_list overrides;
    text_list settings;   /* --set */
    text_list positional; /* the command's name is the first */
} cmd_options;

/* Read the command line. False: `error` says what is wrong with it. */
bool options_parse(cmd_options *out, int argc, char **argv, char *error, size_t room);
void options_free(cmd_options *options);

/* Append; false without memory. */
bool text_list_add(text_list *list, const char *text);

/* ---------------------------------------------------------------- config */

typedef struct cmd_config {
    bool json;      /* logger.encoding is json */
    bool has_level; /* logger.level is given */
    wippy_log_level level;
    uint64_t shutdown_ns; /* shutdown.timeout */
    bool strict;          /* security.strict_mode */
    text_list overrides;  /* override; owned */
    text_list roots;      /* fs.roots; owned */
    text_list unknown;    /* --set paths that mean nothing here; not owned */
} cmd_config;

/* Defaults, then the configuration file, then --set. False: `error` says what is wrong. */
bool config_load(cmd_config *out, const cmd_options *options, char *error, size_t room);
void config_free(cmd_config *config);

/* ---------------------------------------------------------------- log */

typedef enum log_format {
    LOG_PLAIN = 0, /* date, level, name, message, fields; standard error */
    LOG_CONSOLE,   /* seconds since start, coloured on a terminal; standard output */
    LOG_JSON       /* an object a line; standard output */
} log_format;

typedef enum log_state {
    LOG_SHOWN = 0,
    LOG_HIDDEN, /* while the process of a host with hide_logs runs */
    LOG_HELD,   /* silence is implied: kept, to be shown when the start fails */
    LOG_DROPPED
} log_state;

typedef struct log_sink {
    log_format format;
    wippy_log_level level;
    bool colour;
    atomic_int state;      /* log_state */
    struct timespec start; /* monotonic */
    pthread_mutex_t lock;
    char *held; /* guarded by lock, as what follows */
    size_t held_size;
} log_sink;

/* quiet: nobody asked for silence, but it is implied: warnings are held. */
void log_open(log_sink *sink, const cmd_options *options, const cmd_config *config, bool quiet);

/* The start is over: drop what is held, or show it first. */
void log_settle(log_sink *sink, bool show);

/* The log_fn of the runtime; user_data is the sink. */
void log_record(const wippy_log_record *record, void *user_data);

/* A line of the command's own; needs no runtime. */
void log_line(log_sink *sink, wippy_log_level level, const char *message);

/* ---------------------------------------------------------------- signals */

/* What may happen while the runtime works. */
typedef enum cmd_notice {
    NOTICE_NONE = 0, /* the time is up */
    NOTICE_SIGNAL,   /* the first SIGINT, SIGTERM or SIGHUP */
    NOTICE_FILES,    /* something below a watched directory may have changed */
    NOTICE_EXIT      /* a terminal process ended, or the program called system.exit() */
} cmd_notice;

typedef struct cmd_watch {
    int wake[2]; /* pipe; a byte is a notice */
    int files;   /* descriptor that is readable after a change of files; -1 = none */
    log_sink *log;
} cmd_watch;

/* Take the signals over, before any other thread exists. The second one ends the program at once. */
bool watch_open(cmd_watch *watch, log_sink *log);
void watch_post(cmd_watch *watch, cmd_notice notice);
cmd_notice watch_wait(cmd_watch *watch, int timeout_ms); /* -1 = for ever */

/* ---------------------------------------------------------------- watch */

/* What the files of a project looked like when they were last looked at. */
typedef struct file_watch {
    text_list roots; /* directories, owned */
    int notify;      /* inotify descriptor; -1 = somebody has to look from time to time */
    uint64_t seen;   /* fingerprint of names, sizes and times */
} file_watch;

#define FILE_WATCH_POLL_MS 300 /* between two looks without a descriptor */

/* Watch the directories in `roots`, to which more may be added until the first look. */
void file_watch_open(file_watch *watch);
void file_watch_close(file_watch *watch);
bool file_watch_add(file_watch *watch, const char *directory);

/* Look at every file; did anything change since the last look? The first look says yes. */
bool file_watch_changed(file_watch *watch);

/* The descriptor was readable: empty it. */
void file_watch_drain(int descriptor);

/* ---------------------------------------------------------------- modules */

typedef struct lua_access {
    const char *project; /* as typed */
    text_list roots;     /* absolute paths that programs may read; owned */
} lua_access;

/* What may be read: the project, the configured roots below it, and each argument that is a path. */
bool lua_access_open(lua_access *out, const cmd_options *options, const cmd_config *config,
                     const text_list *arguments);
void lua_access_close(lua_access *access);

/* Add the modules `fs` and `console`; access must outlive the runtime. */
wippy_result modules_register(wippy_runtime *rt, lua_access *access);

/* ---------------------------------------------------------------- commands */

/* Print an error, with "Error: " unless the logs are on the console. Answers 1. */
int fail(const cmd_options *options, const char *format, ...) WIPPY_PRINTF(2, 3);

/* "file:3:7: message", as far as the diagnostics know. */
void diag_text(const wippy_diag *diag, char *text, size_t room);

/* Exit codes of the process. name: command or NULL; first: where its arguments begin. */
int command_run(const cmd_options *options, const cmd_config *config, const char *name,
                const text_list *arguments);
int command_list(const cmd_options *options, const cmd_config *config);

#endif /* COMMAND_H */
