/* SPDX-License-Identifier: MIT
   wippy.h - actors for C and C++ programs: processes, mailboxes, hosts, supervision, a registry.

@MANUAL@
*/
#ifndef WIPPY_H
#define WIPPY_H

#define WIPPY_VERSION_MAJOR 0
#define WIPPY_VERSION_MINOR 1
#define WIPPY_VERSION_PATCH 0

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef WIPPY_API
#if defined(WIPPY_STATIC)
#if defined(__GNUC__)
#define WIPPY_API static __attribute__((unused))
#else
#define WIPPY_API static
#endif
#else
#define WIPPY_API extern
#endif
#endif

#if defined(__GNUC__)
#define WIPPY_PRINTF(format_index, first_index)                                                    \
    __attribute__((format(printf, format_index, first_index)))
#else
#define WIPPY_PRINTF(format_index, first_index)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ====================================================================== >>results
   One list for the enum, wippy_result_name() and wippy_result_text(). */

/* X(name, value, error kind, text) */
#define WIPPY_RESULTS(X)                                                                           \
    X(OK, 0, "", "success")                                                                        \
    X(PENDING, 1, "", "started; the completion arrives as mail")                                   \
    X(ERR_INVALID, -1, "Invalid", "invalid argument or state")                                     \
    X(ERR_NOMEM, -2, "Internal", "out of memory")                                                  \
    X(ERR_GONE, -3, "NotFound", "process not found")                                               \
    X(ERR_FULL, -4, "RateLimited", "mailbox is full")                                              \
    X(ERR_NOTFOUND, -5, "NotFound", "not found")                                                   \
    X(ERR_EXISTS, -6, "AlreadyExists", "already exists")                                           \
    X(ERR_DENIED, -7, "PermissionDenied", "not allowed")                                           \
    X(ERR_STOPPED, -8, "Unavailable", "runtime or host is stopping")                               \
    X(ERR_BUSY, -9, "Unavailable", "busy")                                                         \
    X(ERR_TIMEOUT, -10, "Timeout", "timed out")                                                    \
    X(ERR_CANCELED, -11, "Canceled", "canceled")                                                   \
    X(ERR_UNSUPPORTED, -12, "Internal", "not supported here")                                      \
    X(ERR_IO, -13, "Internal", "input or output failed")                                           \
    X(ERR_INTERNAL, -14, "Internal", "internal error")                                             \
    X(ERR_CONFLICT, -15, "Conflict", "conflict")                                                   \
    X(ERR_UNAVAILABLE, -16, "Unavailable", "unavailable")                                          \
    X(ERR_SYNTAX, -17, "Invalid", "syntax error")                                                  \
    X(ERR_LIMIT, -18, "RateLimited", "limit exceeded")

typedef enum wippy_result {
#define WIPPYI_RESULT_ENUM(name, value, kind, text) WIPPY_##name = value,
    WIPPY_RESULTS(WIPPYI_RESULT_ENUM)
#undef WIPPYI_RESULT_ENUM
} wippy_result;

/* Where and why something failed; caller-owned, filled on failure when not NULL. */
typedef struct wippy_diag {
    wippy_result code;
    uint32_t line;     /* from 1; 0 = the failure has no position */
    uint32_t column;   /* from 1; 0 = unknown */
    char file[256];    /* file name or entry id; "" = none */
    char message[512]; /* what was found and what was expected */
} wippy_diag;

/* ====================================================================== >>handles */

typedef struct wippy_runtime wippy_runtime; /* one independent system of hosts and processes */
typedef struct wippy_self wippy_self;       /* the running process, or a foreign thread (below) */
typedef struct wippy_entry wippy_entry;     /* one immutable registry record */
typedef struct wippy_frame wippy_frame;     /* identity, rights and context values of a process */

typedef struct wippy_pid {
    uint64_t id; /* slot, host label and generation; 0 = none */
} wippy_pid;

typedef struct wippy_host {
    uint32_t id; /* 0 = none */
} wippy_host;

typedef struct wippy_type {
    uint32_t id; /* 0 = none */
} wippy_type;

typedef struct wippy_command {
    uint32_t id; /* 0 = none */
} wippy_command;

typedef struct wippy_topic {
    uint32_t id; /* permanent topic of one runtime; 0 = none */
} wippy_topic;

typedef struct wippy_token {
    uint64_t pid;
    uint32_t index;
    uint32_t sequence; /* 0 = none */
} wippy_token;

/* ====================================================================== >>values */

/* The types of an encoded value. The last two never stand for a value of their own. */
typedef enum wippy_value_type {
    WIPPY_NIL = 0,
    WIPPY_BOOL = 1,
    WIPPY_INT = 2,    /* 64-bit signed */
    WIPPY_FLOAT = 3,  /* IEEE double */
    WIPPY_STRING = 4, /* bytes, any content, a length */
    WIPPY_ARRAY = 5,  /* values, then WIPPY_END */
    WIPPY_MAP = 6,    /* key, value, key, value ... then WIPPY_END; keys are neither nil nor NaN */
    WIPPY_ERROR = 7,  /* kind, message, retryable; at most three values, then WIPPY_END: details,
                         the stack where it happened as text, what was put in front of the message
                         on its way; each nil when there is none but others follow */
    WIPPY_REF = 8,    /* an earlier array, map or error of the same sequence, open or closed:
                         containers are numbered 0, 1, 2 ... in the order in which they begin */
    WIPPY_END = 9     /* closes an array, map or error; also "no value here" */
} wippy_value_type;

#define WIPPY_VALUE_DEPTH_MAX   200 /* containers inside each other */
#define WIPPY_WRITER_SMALL_SIZE 256 /* bytes a writer holds before it allocates */

/* Bytes that belong to somebody else: a string, or one encoded value. Not NUL-terminated. */
typedef struct wippy_slice {
    const char *data;
    size_t size; /* bytes */
} wippy_slice;

/* One item as wippy_read() finds it. Strings point into the bytes that are read. */
typedef struct wippy_value {
    wippy_value_type type; /* says which member of `as` holds */
    union {
        bool boolean;
        int64_t integer;
        double number;
        wippy_slice string;
        size_t count; /* array: values, map: pairs; a hint, never more than the bytes can hold */
        uint32_t ref; /* number of the container */
        struct {
            wippy_slice kind;
            wippy_slice message;
            int retryable; /* -1 unknown, 0 no, 1 yes */
        } error;
    } as;
} wippy_value;

/* Builds a sequence of encoded values. Lives where you put it, must not be copied or moved
   (it may point into itself). The first failure is kept; every later write does nothing. */
typedef struct wippy_writer {
    uint8_t *at;         /* private: where the next byte goes */
    uint8_t *limit;      /* private: end of the room, pulled back to `at` by a failure */
    uint8_t *start;      /* private: small_bytes or an allocated block */
    void *mem;           /* private: allocator; NULL = the small buffer is all there is */
    size_t capacity;     /* private: bytes from start */
    size_t count;        /* top-level values; valid after wippy_writer_finish() */
    size_t items;        /* private: values written at the current depth */
    uint32_t depth;      /* private: open containers */
    uint32_t containers; /* containers begun so far: the number the next one will get */
    wippy_result result; /* WIPPY_OK, or the first failure */
    uint8_t levels[WIPPY_VALUE_DEPTH_MAX]; /* private: what is open, and how full its parent is */
    uint8_t small_bytes[WIPPY_WRITER_SMALL_SIZE]; /* private */
} wippy_writer;

/* Prepare a writer that takes its memory from the runtime.

   w        any memory; earlier content is overwritten, not freed
   rt       the runtime; must outlive the writer

   Thread:  any; one thread at a time uses a writer.
   Cost:    no allocation until WIPPY_WRITER_SMALL_SIZE bytes are exceeded. */
WIPPY_API void wippy_writer_init(wippy_writer *w, wippy_runtime *rt);

/* Forget everything written and any failure, keep the memory for the next use.

   Thread:  the one that uses the writer. */
WIPPY_API void wippy_writer_reset(wippy_writer *w);

/* Give the memory back. The writer is then as after init; calling it twice is harmless.

   Thread:  the one that uses the writer. */
WIPPY_API void wippy_writer_free(wippy_writer *w);

/* Complete the sequence and look at it. The writer may go on afterwards.

   out      the encoded bytes; valid until the next write, reset or free; may be NULL

   Thread:  the one that uses the writer.
   Returns: WIPPY_OK (w->count is the number of top-level values), _ERR_INVALID (a container is
            still open, or an earlier misuse: an end without begin, a nil or NaN key, a key
            without value, a third value in an error, a reference to a container that has not
            begun), _ERR_NOMEM, _ERR_LIMIT (deeper than WIPPY_VALUE_DEPTH_MAX), or what
            wippy_writer_fail() was given.
   Cost:    constant. */
WIPPY_API wippy_result wippy_writer_finish(wippy_writer *w, wippy_slice *out);

/* Make the writer fail with `result` (an error code), unless it failed before.

   Thread:  the one that uses the writer. */
WIPPY_API void wippy_writer_fail(wippy_writer *w, wippy_result result);

/* Append one value. Strings are copied; `data` may be NULL when `size` is 0.
   wippy_write_cstring takes NUL-terminated text, NULL writes nil.

   Thread:  the one that uses the writer.
   Returns: nothing; wippy_writer_finish() tells.
   Cost:    amortised constant plus the bytes copied; integers 0..63 and -32..-1, nil and booleans
            take one byte, strings up to 31 bytes one more than their length, floats nine. */
WIPPY_API void wippy_write_nil(wippy_writer *w);
WIPPY_API void wippy_write_bool(wippy_writer *w, bool value);
WIPPY_API void wippy_write_int(wippy_writer *w, int64_t value);
WIPPY_API void wippy_write_float(wippy_writer *w, double value);
WIPPY_API void wippy_write_string(wippy_writer *w, const char *data, size_t size);
WIPPY_API void wippy_write_cstring(wippy_writer *w, const char *text);

/* Begin an array, map or error; write what belongs inside; close it with wippy_write_end().

   count      values (array) or pairs (map) expected inside: a hint for the reader, 0 = unknown
   kind       error kind ("Invalid", "Internal", ...), copied
   retryable  -1 unknown, 0 no, 1 yes

   Thread:  the one that uses the writer.
   Returns: nothing; wippy_writer_finish() tells.
   Cost:    two bytes and one for the end; an error also its two strings. */
WIPPY_API void wippy_write_array(wippy_writer *w, size_t count);
WIPPY_API void wippy_write_map(wippy_writer *w, size_t count);
WIPPY_API void wippy_write_error(wippy_writer *w, const char *kind, size_t kind_size,
                                 const char *message, size_t message_size, int retryable);
WIPPY_API void wippy_write_end(wippy_writer *w);

/* Say afterwards how much an array or map holds, whose writer could not know when it began.

   mark     what wippy_writer_mark() answered immediately before wippy_write_array(w, 0) or
            wippy_write_map(w, 0)
   count    as for those

   Thread:  the one that uses the writer.
   Returns: wippy_writer_mark: the place where the next value goes. wippy_write_count: nothing; a
            mark where no array or map begins, or one that has its count, makes the writer fail with
            _ERR_INVALID.
   Cost:    constant; from 128 on, what was written inside moves by a byte or more. */
WIPPY_API size_t wippy_writer_mark(const wippy_writer *w);
WIPPY_API void wippy_write_count(wippy_writer *w, size_t mark, size_t count);

/* Refer again to a container of this sequence, finished or still open (cycles).

   index    what w->containers was just before the container began

   Thread:  the one that uses the writer.
   Returns: nothing; an index that has not begun makes the writer fail with _ERR_INVALID. */
WIPPY_API void wippy_write_ref(wippy_writer *w, uint32_t index);

/* Append values that are already encoded, as if they were written here one by one. References
   inside them keep their meaning: they are stored as distances, so a value may be moved as long
   as it does not refer to something outside itself.

   data     whole values, as from wippy_writer_finish() or a slice of wippy_value_get()
   size     bytes; 0 appends nothing

   Thread:  the one that uses the writer.
   Returns: nothing; malformed bytes or a reference that leaves `data` make the writer fail with
            _ERR_SYNTAX, too many levels with _ERR_LIMIT.
   Cost:    one pass that verifies, one copy. */
WIPPY_API void wippy_write_encoded(wippy_writer *w, const void *data, size_t size);

/* The same as wippy_write_bool and wippy_write_int, with the common short case inlined at the caller.
   The bytes they store are those of the format described in the value module. */
static inline void wippy_put_bool(wippy_writer *w, bool value)
{
    uint8_t *at = w->at;
    if (at < w->limit) {
        *at = (uint8_t)(value ? 0x62 : 0x61);
        w->at = at + 1;
        w->items++;
    } else {
        wippy_write_bool(w, value);
    }
}

static inline void wippy_put_int(wippy_writer *w, int64_t value)
{
    uint8_t *at = w->at;
    if ((uint64_t)value < 64 && at < w->limit) {
        *at = (uint8_t)value;
        w->at = at + 1;
        w->items++;
    } else {
        wippy_write_int(w, value);
    }
}

/* ------------------------------------------------------------------ reading */

/* Walks over encoded bytes, which stay where they are. Safe on any bytes whatsoever: malformed
   ones give an error, never a read outside. */
typedef struct wippy_reader {
    const uint8_t *at;   /* next byte */
    const uint8_t *end;  /* one past the last */
    uint32_t depth;      /* containers begun and not ended */
    uint32_t containers; /* containers begun so far: the number the next one will get */
} wippy_reader;

/* Start reading `size` bytes at `data`, which must stay unchanged meanwhile.

   Thread:  any; one thread at a time uses a reader.
   Cost:    constant, nothing to free. */
WIPPY_API void wippy_reader_init(wippy_reader *reader, const void *data, size_t size);

/* Read the next item: a whole scalar, the beginning of a container, or its WIPPY_END. After
   WIPPY_MAP keys and values alternate until WIPPY_END; bytes that were not checked may end after
   a key or use nil as key, see wippy_value_check().

   out      written on success only; strings point into the bytes

   Thread:  the one that uses the reader.
   Returns: WIPPY_OK, _ERR_NOTFOUND (no bytes left, nothing open), _ERR_SYNTAX (malformed,
            truncated, or an end too many), _ERR_LIMIT (too deep). The reader does not move on
            failure.
   Cost:    constant. */
WIPPY_API wippy_result wippy_read(wippy_reader *reader, wippy_value *out);

/* Pass over one whole value, containers with all they hold.

   out      where it lies, usable as a value of its own when nothing in it refers outside; or NULL

   Thread:  the one that uses the reader.
   Returns: WIPPY_OK, _ERR_NOTFOUND (no value here: no bytes left, or a WIPPY_END, which is not
            passed), _ERR_SYNTAX, _ERR_LIMIT. The reader does not move on failure.
   Cost:    the bytes passed. */
WIPPY_API wippy_result wippy_read_skip(wippy_reader *reader, wippy_slice *out);

/* Leave the innermost open container, passing over the rest of it and its WIPPY_END.

   Thread:  the one that uses the reader.
   Returns: as wippy_read_skip(); _ERR_NOTFOUND when nothing is open. */
WIPPY_API wippy_result wippy_read_leave(wippy_reader *reader);

/* Verify a whole sequence once, so that its readers need not: lengths, depth, balanced ends,
   references that point backwards, pairs complete, keys neither nil nor NaN, errors with at most
   three values. Two equal keys in a map are not looked for; the last one counts.

   count    top-level values there must be

   Thread:  any.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_LIMIT (too deep), _ERR_INVALID (another count).
   Cost:    one pass, no allocation. */
WIPPY_API wippy_result wippy_value_check(const void *data, size_t size, size_t count);

/* ------------------------------------------------------------------ looking things up
   For configuration: `value` is one encoded value. Nothing here follows references or allocates;
   all are linear in the bytes of the value, except where said. Thread: any. */

/* "nil", "boolean", "integer", "float", "string", "array", "map", "error", "reference", "end". */
WIPPY_API const char *wippy_value_type_name(wippy_value_type type);

/* The type of an encoded value; WIPPY_END when there is none or it is malformed at once. */
WIPPY_API wippy_value_type wippy_value_type_of(wippy_slice value);

/* Find the value under a path of map keys.

   path     string keys joined by '.', "" = the value itself
   out      the encoded value found; written on success only

   Returns: WIPPY_OK, _ERR_NOTFOUND (no such key, or something on the way is no map),
            _ERR_SYNTAX, _ERR_LIMIT (malformed bytes). */
WIPPY_API wippy_result wippy_value_get(wippy_slice value, const char *path, wippy_slice *out);

/* Find one key of a map, taken as it is, dots included. Otherwise as wippy_value_get(). */
WIPPY_API wippy_result wippy_value_field(wippy_slice value, const char *key, size_t key_size,
                                         wippy_slice *out);

/* Typed lookups: what stands under the path if it has the type, else the fallback.
   wippy_value_int also takes floats without fraction, wippy_value_float also integers.
   The string is not NUL-terminated; a NULL fallback gives {NULL, 0}. */
WIPPY_API wippy_slice wippy_value_string(wippy_slice value, const char *path, const char *fallback);
WIPPY_API int64_t wippy_value_int(wippy_slice value, const char *path, int64_t fallback);
WIPPY_API double wippy_value_float(wippy_slice value, const char *path, double fallback);
WIPPY_API bool wippy_value_bool(wippy_slice value, const char *path, bool fallback);

/* Walk over the pairs of a map or the values of an array. */
typedef struct wippy_value_iter {
    wippy_slice key;     /* encoded key of the pair; {NULL, 0} in an array */
    wippy_slice value;   /* encoded value */
    wippy_slice name;    /* the key's bytes when it is a string, else {NULL, 0} */
    size_t index;        /* 0, 1, 2 ... */
    wippy_reader reader; /* private */
    bool map;            /* private */
} wippy_value_iter;

/* Begin a walk: `for (wippy_value_each(v, &it); wippy_value_next(&it);)`.

   Returns: true for a map or an array; anything else is walked as if empty. */
WIPPY_API bool wippy_value_each(wippy_slice value, wippy_value_iter *iter);

/* Move to the next item. Returns: false at the end, or at malformed bytes. */
WIPPY_API bool wippy_value_next(wippy_value_iter *iter);

/* Are two encoded values equal? Maps may hold their pairs in different order; 1 and 1.0 differ,
   NaN equals NaN, and a shared container differs from a copy. Values with references inside are
   compared in stored order. Malformed bytes equal nothing.

   Cost:    linear when maps are in the same order, else quadratic in the pairs of a map. */
WIPPY_API bool wippy_value_equal(wippy_slice a, wippy_slice b);

/* The text of an error: its message, behind what was put in front of it on its way ("load: not
   found").

   value   one encoded error; of anything else the text is ""
   text    receives at most room - 1 bytes and a NUL; may be NULL when room is 0

   Returns: the length of the whole text without the NUL, as snprintf does. */
WIPPY_API size_t wippy_error_text(wippy_slice value, char *text, size_t room);

/* Write an encoded value as text for people and logs: JSON with one space after ':' and ',',
   maps in stored order, control characters escaped, UTF-8 passed, invalid UTF-8 as U+FFFD, NaN
   and infinities as null, keys that are no strings in quotes, references as "<ref N>".

   buffer   receives at most capacity - 1 bytes and a NUL; may be NULL when capacity is 0
   capacity bytes of the buffer

   Returns: the length of the whole text without the NUL, as snprintf does; malformed bytes end
            the text with "<malformed>". */
WIPPY_API size_t wippy_value_to_text(wippy_slice value, char *buffer, size_t capacity);

/* ====================================================================== >>mail */

typedef enum wippy_mail_kind {
    WIPPY_MAIL_MESSAGE = 0, /* sent by a process or a foreign thread */
    WIPPY_MAIL_DONE,        /* a yield of this process completed: tag, result, values */
    WIPPY_MAIL_EXIT,        /* a monitored process ended: from, result, its value or error */
    WIPPY_MAIL_LINK_DOWN,   /* a linked process failed (only seen when links are trapped) */
    WIPPY_MAIL_CANCEL,      /* somebody asks this process to end: from, reason as a string value */
    WIPPY_MAIL_OUTDATED,    /* newer code is there: array of entry ids (only when upgradable) */
    WIPPY_MAIL_WRITABLE     /* a mailbox that refused this process has room again: from */
} wippy_mail_kind;

enum {
    WIPPY_MAIL_RAW = 1,  /* payload is the sender's bytes, not encoded values */
    WIPPY_MAIL_OWNED = 2 /* payload is memory handed over by wippy_send_owned() */
};

/* One received piece of mail. Valid until the next wippy_next() or wippy_shelf_take() of the same
   step, or the end of the step. Read the fields without trailing underscore; get bytes, topic name
   and number through the functions. */
typedef struct wippy_mail {
    union {
        struct wippy_mail *next_;
        uint64_t room_; /* where pointers are small: what follows the struct stays 8-byte aligned */
    };
    uint64_t to_;
    wippy_pid from;    /* sender; zero = none */
    wippy_topic topic; /* permanent topic, or zero: see wippy_mail_topic() */
    uint32_t size;     /* payload bytes */
    uint16_t count;    /* top-level values in the payload (0 for raw bytes) */
    uint8_t kind;      /* wippy_mail_kind */
    uint8_t flags;     /* WIPPY_MAIL_RAW ... */
    int8_t result;     /* wippy_result: of a completion, or how a process ended */
    uint8_t class_;
    uint16_t topic_bytes_;
} wippy_mail;

/* What a process was started with. */
typedef struct wippy_input {
    const void *data;   /* encoded values, or raw bytes */
    size_t size;        /* bytes */
    uint32_t count;     /* values; 0 for raw bytes */
    const char *entry;  /* registry id the process was spawned from, or "" */
    const char *method; /* reserved for process types with several entry points, or "" */
} wippy_input;

/* ====================================================================== >>runtime */

typedef struct wippy_allocator {
    /* Both or none. 16-byte aligned memory; thread-safe unless WIPPY_NO_THREADS. */
    void *(*alloc_fn)(size_t size_bytes, void *user_data);
    void (*free_fn)(void *ptr, size_t size_bytes, void *user_data);
    void *user_data;
} wippy_allocator;

typedef enum wippy_log_level {
    WIPPY_LOG_DEBUG = 0,
    WIPPY_LOG_INFO,
    WIPPY_LOG_WARN,
    WIPPY_LOG_ERROR,
    WIPPY_LOG_OFF
} wippy_log_level;

typedef struct wippy_log_record {
    wippy_log_level level;
    int64_t wall_ns;     /* unix time */
    uint64_t uptime_ns;  /* since wippy_create() */
    const char *logger;  /* dotted name, "" = unnamed */
    const char *message; /* UTF-8, may contain newlines */
    wippy_slice fields;  /* one encoded map, size 0 = none */
    wippy_pid pid;       /* zero = the runtime itself */
    const char *entry;   /* registry id of the process, or "" */
} wippy_log_record;

/* May be called from any worker at any time, also several at once; must not call back into the
   runtime except for pure readers (wippy_pid_text, wippy_value_*). No lock is held. */
typedef void (*wippy_log_fn)(const wippy_log_record *record, void *user_data);

typedef enum wippy_trace_kind {
    WIPPY_TRACE_SPAWN = 0, /* pid started, other = parent */
    WIPPY_TRACE_STEP,      /* a step of pid ended, number = wippy_status */
    WIPPY_TRACE_SEND,      /* pid sent to other */
    WIPPY_TRACE_EXIT,      /* pid ended, number = wippy_result */
    WIPPY_TRACE_STEAL,     /* number = worker that took work */
    WIPPY_TRACE_PARK,      /* number = worker that went to sleep */
    WIPPY_TRACE_WAKE       /* number = worker that was woken */
} wippy_trace_kind;

typedef struct wippy_trace_record {
    wippy_trace_kind kind;
    uint64_t time_ns; /* monotonic */
    wippy_pid pid;
    wippy_pid other;
    int64_t number;
} wippy_trace_record;

typedef void (*wippy_trace_fn)(const wippy_trace_record *record, void *user_data);

/* Simulation: see the chapter of the manual and wippy_sim_run(). */
typedef struct wippy_sim_desc {
    bool on;               /* one thread, virtual time, every choice from the seed; default false */
    bool whole_steps;      /* a step is never interrupted by others; default false */
    uint32_t fail_one_in;  /* one allocation of so many fails while processes move; 0 = none */
    uint32_t step_ns;      /* most virtual time that a move takes; default 100,000 */
    uint64_t seed;         /* any number; the same one gives the same run */
    int64_t start_wall_ns; /* unix time at wippy_create(); default 2000-01-01 */
} wippy_sim_desc;

typedef struct wippy_desc {
    wippy_allocator allocator;  /* default: malloc and free */
    wippy_log_fn log_fn;        /* default: none */
    void *log_user_data;
    wippy_log_level log_level;  /* lowest level that reaches log_fn; default DEBUG */
    wippy_trace_fn trace_fn;    /* default: none; called on every event when set; calls no function of
                                   the runtime, as wake_fn */
    void *trace_user_data;
    uint32_t max_processes;     /* alive at once; default and maximum 16,777,215 */
    uint32_t blocking_threads;  /* most threads of the blocking pool; default 4, never over 256 */
    uint32_t slice_us;          /* a step longer than this is interrupted or reported; default 10,000 */
    uint32_t stuck_ms;          /* how long steps that do not give way may hold all threads of a host, while
                                   others wait, before one is ended; default 500, UINT32_MAX = for ever */
    int32_t interrupt_signal;   /* signal that interrupts steps; 0 = SIGURG, -1 = never */
    uint32_t max_message_bytes; /* default and maximum 64 MiB */
    bool strict_rights;         /* no actor and scope means denied; default false */
    uint64_t random_seed;       /* 0 = from the system, or in a simulation from sim.seed */
    wippy_sim_desc sim;         /* default: off, threads and clocks of the system */
    uint32_t history_limit;     /* newest versions of the registry that are kept; default 1,000,
                                   UINT32_MAX = all */
} wippy_desc;

/* Create a runtime.

   out      receives the runtime; written only on success
   desc     NULL or zeroed = all defaults; copied, including the allocator, before its first use

   Thread:  any.
   Returns: WIPPY_OK, _ERR_INVALID (only one of alloc_fn/free_fn, a limit out of range), _ERR_NOMEM.
   Cost:    a few allocations; starts no thread. */
WIPPY_API wippy_result wippy_create(wippy_runtime **out, const wippy_desc *desc);

/* The desc as it is in effect: numbers that were 0 hold their defaults (but interrupt_signal and
   random_seed, where 0 means what it says above). Lives as long as the runtime. Thread: any. */
WIPPY_API const wippy_desc *wippy_runtime_desc(const wippy_runtime *rt);

/* Ask the runtime to stop: no new processes, services stop in reverse order, then every host.

   Thread:  any, also from inside a step; never blocks; asking again is harmless.
   Returns: WIPPY_OK. */
WIPPY_API wippy_result wippy_stop(wippy_runtime *rt);

/* Wait until every process of a stopping runtime has ended.

   timeout_ns  how long the whole stop may take; processes still there when half of it has passed
               are terminated; UINT64_MAX = wait for ever

   Thread:  not from a step. The caller's own pump hosts are pumped here.
   Returns: WIPPY_OK, _ERR_INVALID (called from a step, or wippy_stop() was not called),
            _ERR_TIMEOUT (survivors remain: see wippy_survivors()). */
WIPPY_API wippy_result wippy_join(wippy_runtime *rt, uint64_t timeout_ns);

/* Free a runtime. Stops it and waits 10 s when that was not done before.

   Thread:  one thread that is not a worker; nobody else may use the runtime any more.
   Returns: WIPPY_OK (also for NULL), _ERR_INVALID (called from a step), _ERR_BUSY when a process does
            not end (nothing is freed: ask wippy_survivors(), then try again). */
WIPPY_API wippy_result wippy_destroy(wippy_runtime *rt);

/* List processes that have not ended.

   pids     room for `room` entries; may be NULL when room is 0

   Thread:  any.
   Returns: how many there are (may exceed room). */
WIPPY_API size_t wippy_survivors(wippy_runtime *rt, wippy_pid *pids, size_t room);

/* Have fn called once by wippy_destroy(), after the last process was closed and every thread ended,
   newest first; memory functions still work then. For bridges that keep caches.
   Thread: any.   Returns: WIPPY_OK, _ERR_INVALID, _ERR_NOMEM. */
WIPPY_API wippy_result wippy_on_destroy(wippy_runtime *rt,
                                        void (*fn)(wippy_runtime *rt, void *user_data),
                                        void *user_data);

/* The self of every thread that runs no process: main(), the program's own threads, callbacks.
   Give it to any function below that takes a `wippy_self *` and says so. Its pid is zero.

   Thread:  any; one object may be used by many threads at once. */
WIPPY_API wippy_self *wippy_outside(wippy_runtime *rt);

/* Name ("ERR_GONE"), error kind ("NotFound") and sentence of a result; never NULL. Thread: any. */
WIPPY_API const char *wippy_result_name(wippy_result result);
WIPPY_API const char *wippy_result_kind(wippy_result result);
WIPPY_API const char *wippy_result_text(wippy_result result);

/* ====================================================================== >>hosts */

typedef enum wippy_host_kind {
    WIPPY_HOST_POOL = 0, /* own worker threads with work stealing inside the host */
    WIPPY_HOST_PUMP,     /* runs only inside wippy_pump(), on the thread that calls it */
    WIPPY_HOST_TERMINAL  /* one worker, one process at a time, owns the standard streams */
} wippy_host_kind;

/* How a process ended, told to a host's exit_fn. */
typedef struct wippy_exit_info {
    wippy_pid pid;
    wippy_result result; /* WIPPY_OK = normal end */
    wippy_slice value;   /* one encoded value: the result or the error; size 0 = nil */
} wippy_exit_info;

typedef struct wippy_host_desc {
    const char *name;        /* registry id style, "ns:name"; printed in pids; required, unique */
    wippy_host_kind kind;
    uint32_t workers;        /* pool: threads, at most 124; 0 = CPUs / pool hosts so far, at least 1 */
    uint32_t max_processes;  /* 0 = unlimited */
    uint32_t mailbox_limit;  /* messages per process; 0 = unlimited */
    size_t memory_limit;     /* bytes a process may hold (language bridges honour it); 0 = unlimited */
    uint32_t step_budget;    /* messages per step; 0 = 64 */
    /* pump: work arrived while no pump runs; any thread, inside any verb, perhaps under a lock of the
       runtime: signal the loop and return, call no function of the runtime */
    void (*wake_fn)(void *user_data);
    /* Told of the end of each process of this host, after its watchers, on the thread that ran it. */
    void (*exit_fn)(wippy_runtime *rt, const wippy_exit_info *info, void *user_data);
    void *user_data; /* of wake_fn and exit_fn */
} wippy_host_desc;

/* Create and start a host.

   desc     copied; the name is copied
   out      receives the handle; written only on success

   Thread:  any but a step of the same host.
   Returns: WIPPY_OK, _ERR_INVALID (no name, one with '|' or of more than 200 bytes, kind, workers),
            _ERR_EXISTS (name taken), _ERR_NOMEM, _ERR_STOPPED, _ERR_LIMIT (too many hosts),
            _ERR_UNSUPPORTED (pool or terminal with WIPPY_NO_THREADS, but for a simulation),
            _ERR_CONFLICT (a stopped host of this name was of another kind).
   Cost:    pool: starts its threads. */
WIPPY_API wippy_result wippy_host_create(wippy_runtime *rt, const wippy_host_desc *desc,
                                         wippy_host *out);

/* Stop one host: CANCEL ("scheduler shutdown") to all of its processes, after grace_ns terminate,
   then the workers end. Names stay reserved until the runtime is destroyed or the host is created
   again under the same name.

   Thread:  not from a step of that host; blocks until done. Pump hosts are pumped by the caller.
   Returns: WIPPY_OK (also when it is stopped already), _ERR_NOTFOUND, _ERR_INVALID (called from a
            step of that host), _ERR_TIMEOUT (2 s after the terminate a step has not returned; may be
            called again). */
WIPPY_API wippy_result wippy_host_stop(wippy_runtime *rt, wippy_host host, uint64_t grace_ns);

/* Change the number of workers of a running pool host.
   Thread:  not from a step of that host; waits for the steps of workers that end.
   Returns: WIPPY_OK, _ERR_NOTFOUND, _ERR_INVALID (0, over 124, or called from a step of that host),
            _ERR_NOMEM, _ERR_STOPPED (it does not run), _ERR_UNSUPPORTED (not a pool host). */
WIPPY_API wippy_result wippy_host_resize(wippy_runtime *rt, wippy_host host, uint32_t workers);

/* Find a host by name. Thread: any. Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_host_find(wippy_runtime *rt, const char *name, wippy_host *out);

/* Name of a host ("" when unknown); lives as long as the runtime. */
WIPPY_API const char *wippy_host_name(wippy_runtime *rt, wippy_host host);

/* Run a pump host on the calling thread until it has nothing to do or a budget is used up.

   time_budget_ns  stop after about this long (looked at between steps); 0 = one round only,
                   UINT64_MAX = no limit
   message_budget  stop after this many messages; 0 = no limit

   Thread:  any one thread at a time, never from a step.
   Returns: WIPPY_OK (idle), WIPPY_PENDING (budget used up, more to do), _ERR_BUSY (another pump
            of this host runs), _ERR_INVALID (not a pump host), _ERR_NOTFOUND, _ERR_STOPPED. */
WIPPY_API wippy_result wippy_pump(wippy_runtime *rt, wippy_host host, uint64_t time_budget_ns,
                                  uint32_t message_budget);

/* Nanoseconds until a pump host has something to do: 0 = now, UINT64_MAX = nothing is scheduled, or
   not a pump host. At most 5 ms while descriptors are waited for that only a pump looks at. It may be too
   early once where a timer was dropped; who pumps then finds nothing to do.
   Thread: any. */
WIPPY_API uint64_t wippy_pump_deadline(wippy_runtime *rt, wippy_host host);

/* ====================================================================== >>processes */

typedef enum wippy_status {
    WIPPY_IDLE = 0, /* wait for mail */
    WIPPY_YIELD,    /* wait for the open yields or for mail (both wake the process) */
    WIPPY_CONTINUE, /* run again after the others had their turn */
    WIPPY_DONE,     /* ended; see wippy_done() and wippy_fail() */
    WIPPY_UPGRADE   /* replace the body; see wippy_upgrade() */
} wippy_status;

/* A process type: the code of a kind of process. */
typedef struct wippy_type_desc {
    const char *name;   /* for `kind: process.native` entries, logs and statistics; unique */
    size_t state_bytes; /* zeroed memory for each process, 16-byte aligned; may be 0 */

    /* Called once on a thread of the target host before the pid can be reached. May use every verb.
       On failure the spawn fails with this result (or what wippy_fail() recorded) and the process
       never existed; close is not called. NULL = nothing to do. */
    wippy_result (*init)(wippy_self *self, void *state, const wippy_input *input);

    /* Called when there is mail or after WIPPY_CONTINUE; never by two threads at once. Required. */
    wippy_status (*step)(wippy_self *self, void *state);

    /* Called once after every successful init, when the process ended or its body is replaced.
       Only free what the state holds here: sends are refused. NULL = nothing to do. */
    void (*close)(wippy_self *self, void *state);

    /* Called ON the thread that runs a step of this process, possibly inside a signal handler, when
       the step is overdue or the process is to be terminated: set a flag, nothing else. May be NULL. */
    void (*interrupt)(void *state);

    void *user_data; /* wippy_self_user_data() */
} wippy_type_desc;

/* Register a process type. desc and its name are copied.
   Thread:  any.
   Returns: WIPPY_OK, _ERR_INVALID (no step, no name), _ERR_EXISTS, _ERR_NOMEM, _ERR_LIMIT. */
WIPPY_API wippy_result wippy_type_register(wippy_runtime *rt, const wippy_type_desc *desc,
                                           wippy_type *out);

/* user_data of a registered process type; NULL when unknown. Thread: any. */
WIPPY_API void *wippy_type_user_data(wippy_runtime *rt, wippy_type type);

/* Find a process type by name. Thread: any. Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_type_find(wippy_runtime *rt, const char *name, wippy_type *out);

enum {
    WIPPY_SPAWN_MONITOR = 1, /* the spawner gets EXIT */
    WIPPY_SPAWN_LINK = 2,    /* spawner and child are linked */
    WIPPY_SPAWN_HIGH = 4,    /* runs before normal processes of its host */
    WIPPY_SPAWN_SILENT = 8,  /* no completion mail when the spawn is PENDING and succeeds */
    WIPPY_SPAWN_HIDDEN = 16, /* runtime service: not counted against host.max_processes */
    WIPPY_SPAWN_CALL = 32    /* the caller has asked for the rights itself (function calls) */
};

/* A message to be sent, in full. */
typedef struct wippy_message {
    wippy_topic topic;      /* permanent topic, or zero and a name */
    const char *topic_name; /* used when topic is zero */
    size_t topic_bytes;     /* of topic_name; 0 = it is NUL-terminated */
    const void *data;       /* encoded values, or raw bytes */
    size_t size;            /* bytes */
    uint32_t count;         /* values in data, at most 65,535; 0 = raw bytes, or no payload (size 0) */
} wippy_message;

typedef struct wippy_spawn_desc {
    wippy_type type;        /* what to run, or zero and an entry */
    const char *entry;      /* registry id; its kind gives the process type */
    wippy_host host;        /* where; zero = the spawner's host */
    const char *label;      /* printed host part of the pid; NULL = the host's name */
    const void *data;       /* input, copied: encoded values or raw bytes */
    size_t size;            /* bytes */
    uint32_t count;         /* values in data; 0 = raw bytes */
    uint32_t flags;         /* WIPPY_SPAWN_... */
    const char *name;       /* register this name at once; NULL = none */
    const wippy_message *messages; /* delivered before anybody else's, with an empty sender */
    uint32_t message_count;
    wippy_frame *frame;     /* identity, rights, context; NULL = the spawner's */
    uint64_t tag;           /* of the completion when the result is PENDING */
} wippy_spawn_desc;

/* Start a process.

   self     the spawner, recorded as parent; or wippy_outside()
   out      receives the pid on WIPPY_OK; may be NULL
   diag     filled on failure, may be NULL

   On the spawner's own host `init` runs inside this call. On another host it runs there: a process
   gets WIPPY_PENDING and later WIPPY_MAIL_DONE with `tag`, whose result tells success and whose
   value is the pid as an integer or the error; wippy_outside() waits for it.

   When `name` is taken, nothing is spawned: `messages` go to its owner, whose pid is the result; so
   also when another process is quicker to get the name. A message that its owner refuses ends that:
   the result says why, those before it were sent.

   Thread:  a step or init of `self`; any thread with wippy_outside(), which blocks.
   Order:   monitor, link and name exist before the child runs its first step. A link to a spawner that
            has ended before that breaks at once: LINK_DOWN (GONE).
   Returns: WIPPY_OK, WIPPY_PENDING, _ERR_NOTFOUND (host or entry), _ERR_INVALID (bad desc, entry is
            not a process), _ERR_STOPPED, _ERR_LIMIT (max_processes), _ERR_BUSY (terminal host has
            its process), _ERR_DENIED, _ERR_NOMEM, _ERR_FULL (the owner of `name`), _ERR_EXISTS (to
            wippy_outside(): `name` belongs to a process that is being born or is ending), or what
            `init` returned.
   Cost:    one slot, its state, one block for the input. */
WIPPY_API wippy_result wippy_spawn(wippy_self *self, const wippy_spawn_desc *desc, wippy_pid *out,
                                   wippy_diag *diag);

/* Start a process and get its end as a completion: WIPPY_MAIL_DONE with `desc->tag`, result WIPPY_OK
   and the first result value, or the error. When the caller ends first the child is cancelled and,
   if it does not end by itself, goes on unobserved; a host that stops terminates such children after
   100 ms, whatever its grace. A `name` that is taken is _ERR_EXISTS.
   Thread:  a step or init of `self`.
   Returns: WIPPY_PENDING, otherwise as wippy_spawn(); _ERR_INVALID with wippy_outside(). */
WIPPY_API wippy_result wippy_exec(wippy_self *self, const wippy_spawn_desc *desc,
                                  wippy_token *token, wippy_diag *diag);

/* Facts about the caller. Thread: a step, init or close of self (or wippy_outside()). */
WIPPY_API wippy_runtime *wippy_self_runtime(const wippy_self *self);
WIPPY_API wippy_pid wippy_self_pid(const wippy_self *self);
WIPPY_API wippy_pid wippy_self_parent(const wippy_self *self);
WIPPY_API wippy_host wippy_self_host(const wippy_self *self);
WIPPY_API wippy_host_kind wippy_self_host_kind(const wippy_self *self);
WIPPY_API const char *wippy_self_entry(const wippy_self *self);
WIPPY_API void *wippy_self_user_data(const wippy_self *self);
WIPPY_API size_t wippy_self_memory_limit(const wippy_self *self);
WIPPY_API uint64_t wippy_self_seed(wippy_self *self); /* a fresh random number */

/* True when the running step should return soon: its time slice is over or it is terminated.
   Thread: a step of self.   Cost: one relaxed load. */
WIPPY_API bool wippy_should_yield(const wippy_self *self);
WIPPY_API bool wippy_terminated(const wippy_self *self);

/* Report `bytes` (the total, not a difference) as held by the process, for statistics. An upgrade
   starts again at 0.
   Thread: a step or init of self.   Cost: one atomic addition. */
WIPPY_API void wippy_self_memory(wippy_self *self, size_t bytes);

/* Record a result, then `return` the status given back.
   wippy_done:        normal end with nil
   wippy_done_value:  normal end with one encoded value, copied
   wippy_fail:        end with an error of the result's kind and a formatted message, cut at 1,023
                      bytes
   wippy_fail_value:  end with one encoded error value, copied

   Thread:  a step of self (wippy_fail and wippy_fail_value also in init; return the result there).
   Returns: WIPPY_DONE. When memory is short the error is NOMEM instead of what was given. */
WIPPY_API wippy_status wippy_done(wippy_self *self);
WIPPY_API wippy_status wippy_done_value(wippy_self *self, const void *data, size_t size);
WIPPY_API wippy_status wippy_fail(wippy_self *self, wippy_result result, const char *format, ...)
    WIPPY_PRINTF(3, 4);
WIPPY_API wippy_status wippy_fail_value(wippy_self *self, wippy_result result, const void *data,
                                        size_t size);

/* Replace the body of the running process: same pid, name, monitors, links, undelivered mail.

   entry    registry id of the new code; NULL or "" = the current entry (newest version)
   type     used when the process has no entry; zero = the current type
   data     input of the new body, copied; count values (0 = raw bytes)

   Thread:  a step of self; return the status at once.
   Returns: WIPPY_UPGRADE, or WIPPY_DONE when the request cannot be recorded (no memory): the process
            then ends with that error. A new body that cannot be made or whose init fails ends the
            process with an error. */
WIPPY_API wippy_status wippy_upgrade(wippy_self *self, const char *entry, wippy_type type,
                                     const void *data, size_t size, uint32_t count);

/* ====================================================================== >>sending */

/* Make a permanent topic. For names the program knows, never for names that come from outside.
   name     UTF-8, 1..255 bytes, copied
   Thread:  any.   Returns: the topic; zero when there is no memory or the name is invalid. */
WIPPY_API wippy_topic wippy_topic_make(wippy_runtime *rt, const char *name);

/* Send raw bytes.

   self     the sender, or wippy_outside()
   to       receiver; a stale pid is safe and gives WIPPY_ERR_GONE
   data     copied before return; may be NULL when size is 0

   Thread:  a step or init of `self`, or any thread with wippy_outside(); never blocks.
   Order:   messages from one sender to one receiver arrive in send order. A host that is stopping
            delivers as before: what is left there may need the others to end.
   Returns: WIPPY_OK, _ERR_GONE, _ERR_FULL (mailbox limit, nothing queued), _ERR_NOMEM,
            _ERR_INVALID (size over desc.max_message_bytes, or inside `close`), _ERR_DENIED.
   Cost:    one block from the sender's heap, one compare-and-swap. */
WIPPY_API wippy_result wippy_send(wippy_self *self, wippy_pid to, wippy_topic topic,
                                  const void *data, size_t size);

/* Send `count` encoded values, at most 65,535; 0 = raw bytes. Otherwise as wippy_send(). */
WIPPY_API wippy_result wippy_send_values(wippy_self *self, wippy_pid to, wippy_topic topic,
                                         const void *data, size_t size, uint32_t count);

/* Send a message described in full (topics by name, at most 255 bytes). Otherwise as wippy_send(). */
WIPPY_API wippy_result wippy_send_message(wippy_self *self, wippy_pid to,
                                          const wippy_message *message);

/* Hand over memory instead of copying it. On success the receiver owns `data` until it is done with
   the mail; then free_fn(data, size, user_data) is called, on any thread, exactly once, also when
   nobody reads it. On failure the caller still owns it. `size` is 1 to 4 GiB - 1 and not bounded by
   max_message_bytes; free_fn is required. Otherwise as wippy_send(). */
WIPPY_API wippy_result wippy_send_owned(wippy_self *self, wippy_pid to, wippy_topic topic,
                                        void *data, size_t size,
                                        void (*free_fn)(void *data, size_t size, void *user_data),
                                        void *user_data);

/* Ask for one WIPPY_MAIL_WRITABLE when a mailbox that answered ERR_FULL has room again. At once if
   it has. Thread: a step of self.
   Returns: WIPPY_OK, _ERR_GONE, _ERR_NOMEM, _ERR_INVALID (self is no process). */
WIPPY_API wippy_result wippy_want_writable(wippy_self *self, wippy_pid to);

/* ====================================================================== >>receiving */

/* Take the oldest mail not yet looked at. Mail that a step leaves untaken makes the process run
   again. NULL = none, or the step's budget is used up (then too the process runs again).
   Thread: a step of self.   Cost: a few loads. */
WIPPY_API const wippy_mail *wippy_next(wippy_self *self);

/* Payload, topic and tag of a mail.
   wippy_mail_data:   payload, 8-byte aligned unless it was handed over; NULL when its size is 0
   wippy_mail_topic:  name of the topic and its length; "" when there is none
   wippy_mail_is:     whether it came under this permanent topic, however it was sent
   wippy_mail_tag:    tag of a completion
   wippy_mail_token:  token of a completion */
WIPPY_API const void *wippy_mail_data(const wippy_mail *mail);
WIPPY_API const char *wippy_mail_topic(const wippy_self *self, const wippy_mail *mail,
                                       size_t *bytes);
WIPPY_API bool wippy_mail_is(const wippy_self *self, const wippy_mail *mail, wippy_topic topic);
WIPPY_API uint64_t wippy_mail_tag(const wippy_mail *mail);
WIPPY_API wippy_token wippy_mail_token(const wippy_mail *mail);

/* Shelves: kept mail, in order, in numbered lists of the process. Shelf 0 always exists; the program
   opens others. Kept mail does not wake the process and survives an upgrade (it is delivered again by
   wippy_next(), in arrival order).
   wippy_shelf_open:   a new, empty shelf; its number, or 0 when there is no memory (or 4,095 are open)
   wippy_shelf_close:  puts what is on it back to shelf 0, in arrival order
   wippy_shelf_keep:   keep `mail`, which must be the latest wippy_next() or wippy_shelf_take().
                       WIPPY_OK, _ERR_INVALID (another mail, no such shelf), _ERR_NOMEM (only the
                       first mail of a process that never opened a shelf): then the mail stays in
                       hand, to be used now or to end with the step
   wippy_shelf_peek:   oldest mail of a shelf, not taken; NULL = empty
   wippy_shelf_take:   take the oldest mail of a shelf; NULL = empty
   wippy_shelf_claim:  move mail with this topic from shelf 0 to another shelf; topic NULL = every
                       MESSAGE whose topic does not start with '@'; returns how many were moved
   wippy_mail_number:  arrival number of kept mail, growing
   Thread: a step of self.   Cost: constant, but claim walks shelf 0 once. */
WIPPY_API uint32_t wippy_shelf_open(wippy_self *self);
WIPPY_API void wippy_shelf_close(wippy_self *self, uint32_t shelf);
WIPPY_API wippy_result wippy_shelf_keep(wippy_self *self, const wippy_mail *mail, uint32_t shelf);
WIPPY_API const wippy_mail *wippy_shelf_peek(wippy_self *self, uint32_t shelf);
WIPPY_API const wippy_mail *wippy_shelf_take(wippy_self *self, uint32_t shelf);
WIPPY_API size_t wippy_shelf_claim(wippy_self *self, uint32_t shelf, const char *topic,
                                   size_t bytes);
WIPPY_API uint64_t wippy_mail_number(const wippy_mail *mail);

/* Bytes and number of all mail this process keeps on shelves. */
WIPPY_API size_t wippy_kept_bytes(const wippy_self *self);
WIPPY_API size_t wippy_kept_count(const wippy_self *self);

/* ====================================================================== >>relations */

/* Watch a process: exactly one WIPPY_MAIL_EXIT when it ends.
   Thread:  a step or init of self.
   Returns: WIPPY_OK, _ERR_GONE ("pid not registered"), _ERR_EXISTS (already monitoring),
            _ERR_INVALID (itself, or self is no process), _ERR_DENIED, _ERR_NOMEM.
   Cost:    three blocks, two short locks. */
WIPPY_API wippy_result wippy_monitor(wippy_self *self, wippy_pid target);

/* Stop watching. An EXIT that already arrived stays. Thread: a step or init of self.
   Returns: WIPPY_OK, also when not watching; _ERR_DENIED, _ERR_INVALID (self is no process). */
WIPPY_API wippy_result wippy_unmonitor(wippy_self *self, wippy_pid target);

/* Link both ways: when one ends with an error the other gets LINK_DOWN, which ends it too unless it
   traps links. Linking again, or to oneself, is harmless. Thread and returns as wippy_monitor() and
   wippy_unmonitor(), without EXISTS. */
WIPPY_API wippy_result wippy_link(wippy_self *self, wippy_pid target);
WIPPY_API wippy_result wippy_unlink(wippy_self *self, wippy_pid target);

/* Options of the running process, reset by an upgrade. Thread: a step or init of self. */
WIPPY_API void wippy_trap_links(wippy_self *self, bool on);
WIPPY_API bool wippy_traps_links(const wippy_self *self);
WIPPY_API void wippy_set_upgradable(wippy_self *self, bool on);
WIPPY_API bool wippy_is_upgradable(const wippy_self *self);

/* Ask a process to end: WIPPY_MAIL_CANCEL with a reason. It may ignore that.
   reason   copied, NULL = ""
   Thread:  a step, init, or any thread with wippy_outside().
   Returns: WIPPY_OK, _ERR_GONE, _ERR_NOMEM, _ERR_DENIED. */
WIPPY_API wippy_result wippy_cancel(wippy_self *self, wippy_pid target, const char *reason);

/* End a process whatever it does, before its next step; a running step is interrupted when its type
   can be. Watchers see the error "process terminated".
   Thread:  as wippy_cancel().   Returns: WIPPY_OK, _ERR_GONE, _ERR_DENIED. Needs no memory. */
WIPPY_API wippy_result wippy_terminate(wippy_self *self, wippy_pid target);

/* Whether a pid can be reached now. Thread: any. */
WIPPY_API bool wippy_alive(wippy_runtime *rt, wippy_pid pid);

/* Names. A name belongs to one living process and vanishes before its EXIT is sent.
   bytes    length of the name; 0 = it is NUL-terminated
   wippy_name_register:  WIPPY_OK (also when it already names pid), _ERR_EXISTS, _ERR_GONE,
                         _ERR_INVALID (empty), _ERR_DENIED, _ERR_NOMEM
   wippy_name_find:      WIPPY_OK, _ERR_NOTFOUND
   wippy_name_release:   WIPPY_OK, _ERR_NOTFOUND, _ERR_DENIED
   Thread:  find: any; the others a step or init of self, or any with wippy_outside(). */
WIPPY_API wippy_result wippy_name_register(wippy_self *self, const char *name, size_t bytes,
                                           wippy_pid pid);
WIPPY_API wippy_result wippy_name_find(wippy_runtime *rt, const char *name, size_t bytes,
                                       wippy_pid *out);
WIPPY_API wippy_result wippy_name_release(wippy_self *self, const char *name, size_t bytes);

/* Groups: processes that share a name, in a scope (an id such as "app:rooms"; Lua programs open those
   that an entry of kind pg.scope declares). Scope and group are 1..255 bytes.

   Join a group; again and it takes as many leaves. A process is a member until it leaves or ends, also
   over an upgrade.
   Thread:  a step or init of self.
   Returns: WIPPY_OK, _ERR_INVALID (texts, self is no process, inside `close`), _ERR_DENIED,
            _ERR_NOMEM.
   Cost:    join: two blocks, a lock, a look at the groups that self is in and at every watch. */
WIPPY_API wippy_result wippy_group_join(wippy_self *self, const char *scope, const char *group);

/* Thread:  a step, init or close of self.
   Returns: WIPPY_OK, _ERR_NOTFOUND (not a member), _ERR_INVALID, _ERR_DENIED. */
WIPPY_API wippy_result wippy_group_leave(wippy_self *self, const char *scope, const char *group);

/* Members that can be reached, in the order in which they joined. pids may be NULL when room is 0.
   Thread: any.   Returns: how many there are (may exceed room). */
WIPPY_API size_t wippy_group_members(wippy_runtime *rt, const char *scope, const char *group,
                                     wippy_pid *pids, size_t room);

/* Name of the first group of a scope, by bytes, after the one named `after` (NULL = from the start);
   so a loop sees every group that stays, whatever comes and goes meanwhile.
   name     receives the name and a zero; 256 bytes are always enough
   Thread:  any.   Returns: WIPPY_OK, _ERR_NOTFOUND (no more), _ERR_LIMIT (room), _ERR_INVALID. */
WIPPY_API wippy_result wippy_group_next(wippy_runtime *rt, const char *scope, const char *after,
                                        char *name, size_t room);

/* Send a message to every member, self included if it is one.
   sent     receives to how many; who refused it (as wippy_send() does) is passed over; may be NULL
   Thread:  as wippy_send().   Order: as wippy_send(), for each member.
   Returns: WIPPY_OK, _ERR_INVALID (texts, topic, size or count, inside `close`), _ERR_DENIED,
            _ERR_NOMEM (nothing was sent). */
WIPPY_API wippy_result wippy_group_send(wippy_self *self, const char *scope, const char *group,
                                        const wippy_message *message, size_t *sent);

/* Hear of joins and leaves as messages: sender zero, one encoded map {system = "pg",
   kind = "member.joined" or "member.left", path = group, data = {Group = group, PIDs = [pid text]}}.
   A member that ends leaves before its EXIT is sent.

   group    NULL or "" = every group of the scope
   topic    name under which the news arrive, 1..255 bytes; copied
   out      number of the watch, never 0; for wippy_group_unwatch()

   A watch ends with wippy_group_unwatch() or with its process. It survives an upgrade: a body that may
   be upgraded gives it up in `close`. News that find no memory or a full mailbox are dead letters.

   Thread:  a step or init of self (unwatch: close too).
   Order:   all watchers hear of two joins or leaves in the same order.
   Returns: WIPPY_OK, _ERR_INVALID, _ERR_DENIED, _ERR_NOMEM; unwatch: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_group_watch(wippy_self *self, const char *scope, const char *group,
                                         const char *topic, uint64_t *out);
WIPPY_API wippy_result wippy_group_unwatch(wippy_self *self, uint64_t number);

/* Text form of a pid: "{host|0x00001}"; "" for the zero pid. Writes at most room bytes with the
   final zero. Thread: any.   Returns: length of the whole text. */
WIPPY_API size_t wippy_pid_text(wippy_runtime *rt, wippy_pid pid, char *text, size_t room);

/* Read the text form. Thread: any.
   Returns: WIPPY_OK, _ERR_INVALID (diag: which part), _ERR_NOTFOUND (no such host). */
WIPPY_API wippy_result wippy_pid_parse(wippy_runtime *rt, const char *text, size_t bytes,
                                       wippy_pid *out, wippy_diag *diag);

/* ====================================================================== >>yields */

/* Every yield completes with exactly one WIPPY_MAIL_DONE that carries `tag` and its token, unless it
   is dropped first. Several may be open. token may be NULL.

   wippy_timer:     completes delay_ns from now, never early
   wippy_blocking:  runs fn(arg, out) on a bounded pool of threads; what it writes to `out` and returns
                    becomes the completion (over 65,535 values: LIMIT and none). drop(arg), may be
                    NULL, is called once for every call that was accepted: after fn, or instead of it
   wippy_wait_fd:   completes when a descriptor is readable and / or writable; its value is an
                    integer: 1 readable, 2 writable, 4 error
   wippy_command_yield: a command the program registered, with count encoded values, at most 65,535
                    (0 = raw bytes)
   Thread:  a step or init of self.
   Returns: WIPPY_PENDING, _ERR_NOMEM, _ERR_INVALID (self is no process, a bad argument),
            _ERR_UNSUPPORTED (no such command; no descriptors on this system), _ERR_IO (the system
            cannot wait for this descriptor). */
WIPPY_API wippy_result wippy_timer(wippy_self *self, uint64_t delay_ns, uint64_t tag,
                                   wippy_token *token);
WIPPY_API wippy_result wippy_blocking(wippy_self *self,
                                      wippy_result (*fn)(void *arg, wippy_writer *out),
                                      void *arg, void (*drop)(void *arg), uint64_t tag,
                                      wippy_token *token);
enum { WIPPY_FD_READ = 1, WIPPY_FD_WRITE = 2, WIPPY_FD_ERROR = 4 };
WIPPY_API wippy_result wippy_wait_fd(wippy_self *self, int fd, uint32_t events, uint64_t tag,
                                     wippy_token *token);

typedef struct wippy_command_desc {
    const char *name; /* unique, copied */
    /* Begin: copy what you need, return WIPPY_PENDING, later wippy_complete(token). Any other result
       completes the yield with it. Runs in the step that asked. */
    wippy_result (*start)(wippy_runtime *rt, wippy_token token, const wippy_input *input,
                          void **job, void *user_data);
    /* The process dropped the yield or ended: called once, instead of a completion being delivered;
       wippy_complete() may race with it and then answers GONE. May be NULL. */
    void (*cancel)(wippy_runtime *rt, wippy_token token, void *job, void *user_data);
    void *user_data;
} wippy_command_desc;

/* Thread: any.   Returns: WIPPY_OK, _ERR_INVALID (no name, no start), _ERR_EXISTS, _ERR_NOMEM,
   _ERR_LIMIT (256). */
WIPPY_API wippy_result wippy_command_register(wippy_runtime *rt, const wippy_command_desc *desc,
                                              wippy_command *out);
WIPPY_API wippy_result wippy_command_yield(wippy_self *self, wippy_command command,
                                           const void *data, size_t size, uint32_t count,
                                           uint64_t tag, wippy_token *token);

/* Open a yield that anybody who has the token may complete. Otherwise as above. */
WIPPY_API wippy_result wippy_open(wippy_self *self, uint64_t tag, wippy_token *token);

/* Complete a yield, once, from any thread.
   data     encoded values (count, at most 65,535), or raw bytes (count 0), copied
   Returns: WIPPY_OK, _ERR_GONE (completed, dropped, or its process ended), _ERR_INVALID (count: the
            yield stays open), _ERR_NOMEM (no memory, or more than desc.max_message_bytes: the yield
            then completes with that result instead). */
WIPPY_API wippy_result wippy_complete(wippy_runtime *rt, wippy_token token, wippy_result result,
                                      const void *data, size_t size, uint32_t count);

/* The same by a process, to answer who asked: that one runs next on this worker, as after wippy_send(),
   and no other thread is called for it.

   Thread:  a step, init or close of self; any thread with wippy_outside().
   Returns: as wippy_complete(). */
WIPPY_API wippy_result wippy_reply(wippy_self *self, wippy_token token, wippy_result result,
                                   const void *data, size_t size, uint32_t count);

/* Give up a yield of this process. No completion is seen afterwards, even if one was under way.
   Thread:  a step of self.
   Returns: WIPPY_OK (no completion had arrived), _ERR_GONE, _ERR_INVALID (self is no process). */
WIPPY_API wippy_result wippy_drop(wippy_self *self, wippy_token token);

/* Number of open yields. Thread: as the functions above. */
WIPPY_API size_t wippy_open_yields(const wippy_self *self);

/* ====================================================================== >>clock and log */

WIPPY_API uint64_t wippy_now_ns(const wippy_runtime *rt);    /* monotonic */
WIPPY_API int64_t wippy_wall_ns(const wippy_runtime *rt);    /* unix time */
WIPPY_API uint64_t wippy_uptime_ns(const wippy_runtime *rt); /* since wippy_create() */

/* Write a log record through log_fn. fields: one encoded map or size 0.
   Thread:  any; self may be wippy_outside(). */
WIPPY_API void wippy_log(const wippy_self *self, wippy_log_level level, const char *logger,
                         wippy_slice fields, const char *format, ...) WIPPY_PRINTF(5, 6);

/* Memory from the runtime's allocator, for bridges and modules. Size is given back on free.
   Thread: any.   Returns: NULL when there is none. 16-byte aligned. */
WIPPY_API void *wippy_memory_get(wippy_runtime *rt, size_t size_bytes);
WIPPY_API void wippy_memory_put(wippy_runtime *rt, void *ptr, size_t size_bytes);

/* ====================================================================== >>simulation
   A runtime made with desc.sim.on runs on the caller's thread, one move at a time: a worker of a pool
   or terminal host runs one step, looks for work or goes to sleep; a call of wippy_blocking() or
   wippy_sim_call() runs; or, when nothing else can move, the clock jumps to the next timer. Which, and
   which process, and where a step is interrupted by others, is chosen by the seed. Pump hosts move
   inside wippy_pump() as ever. What waits in other runtimes (wippy_join(), wippy_host_stop(),
   wippy_services_wait(), wippy_spawn() from outside) moves the others until it is answered. */

/* Make one move.

   Thread:  the only one; not from a step.
   Returns: WIPPY_PENDING (done, there may be more), WIPPY_OK (nothing can move any more until
            somebody outside does something), _ERR_INVALID (no simulation, or from a step). */
WIPPY_API wippy_result wippy_sim_step(wippy_runtime *rt);

/* Move until virtual time has passed or a number of moves is made.

   time_ns  how long; the clock stands at its end afterwards, whether something moved or not;
            UINT64_MAX = until nothing can move any more
   moves    most moves; 0 = no limit

   Thread:  as wippy_sim_step().
   Returns: WIPPY_OK (the time has passed, or nothing can move any more), WIPPY_PENDING (all moves were
            made before), _ERR_INVALID. */
WIPPY_API wippy_result wippy_sim_run(wippy_runtime *rt, uint64_t time_ns, uint64_t moves);

/* Have fn called as by another thread of the program, at some moment after the delay: it may send,
   spawn, cancel or complete with wippy_outside(), and wait.

   arg      must live until then; a call that was not made when the runtime is destroyed is never made

   Thread:  any step, or as wippy_sim_step().
   Returns: WIPPY_OK, _ERR_INVALID (no fn, no simulation), _ERR_NOMEM. */
WIPPY_API wippy_result wippy_sim_call(wippy_runtime *rt, uint64_t delay_ns,
                                      void (*fn)(wippy_runtime *rt, void *arg), void *arg);

typedef struct wippy_sim_info {
    uint64_t moves;      /* made so far */
    uint64_t hash;       /* of everything that trace_fn could hear, in order: equal runs, equal hashes */
    uint64_t refused;    /* allocations that were made to fail */
    uint64_t time_ns;    /* virtual time since wippy_create() */
} wippy_sim_info;

/* Thread: as wippy_sim_call().   Returns: WIPPY_OK, _ERR_INVALID (no simulation). */
WIPPY_API wippy_result wippy_sim_stats(wippy_runtime *rt, wippy_sim_info *out);

/* ====================================================================== >>frames
   A frame is what a process carries besides its state: entry id, actor, scope, context values. It is
   immutable and counted; children inherit it. */

typedef struct wippy_frame_desc {
    wippy_frame *base;        /* start from this one; NULL = empty */
    const char *actor_id;     /* NULL = keep the base's, "" = none */
    wippy_slice actor_meta;   /* one encoded map; used with actor_id */
    wippy_slice context;      /* one encoded map, merged over the base's; size 0 = keep */
    const char *const *scope; /* registry ids of policies that replace the base's scope; NULL = keep */
    uint32_t scope_count;     /* with scope != NULL and 0: a scope that allows nothing */
} wippy_frame_desc;

/* Make a frame; the caller owns one count. Thread: any. Returns: WIPPY_OK, _ERR_NOMEM, _ERR_INVALID. */
WIPPY_API wippy_result wippy_frame_make(wippy_runtime *rt, const wippy_frame_desc *desc,
                                        wippy_frame **out);
WIPPY_API void wippy_frame_release(wippy_runtime *rt, wippy_frame *frame);
WIPPY_API wippy_frame *wippy_frame_hold(wippy_frame *frame);

/* Frame of the caller (not counted; lives as long as the step); NULL = empty. */
WIPPY_API wippy_frame *wippy_self_frame(const wippy_self *self);
WIPPY_API const char *wippy_frame_actor(const wippy_frame *frame); /* "" = none */
WIPPY_API wippy_slice wippy_frame_actor_meta(const wippy_frame *frame);
WIPPY_API wippy_slice wippy_frame_context(const wippy_frame *frame);
WIPPY_API uint32_t wippy_frame_scope(const wippy_frame *frame, const char *const **ids);
WIPPY_API bool wippy_frame_has_scope(const wippy_frame *frame);

/* Whether the caller may do `action` to `resource`. Without actor and scope: !strict_rights.
   meta: one encoded map or size 0. Thread: as self. */
WIPPY_API bool wippy_allowed(const wippy_self *self, const char *action, const char *resource,
                             wippy_slice meta);

/* ====================================================================== >>policy
   Rights: registry entries of kind security.policy and security.policy.expr, compiled when they are
   loaded. A scope is a list of policy ids; ids that name no policy (any more) decide nothing. */

typedef enum wippy_decision {
    WIPPY_UNDEFINED = 0, /* no policy says anything */
    WIPPY_ALLOW = 1,
    WIPPY_DENY = 2
} wippy_decision;

/* Who wants to do what. */
typedef struct wippy_access {
    const char *actor_id;   /* NULL or "" = nobody: policies that ask for the actor are undefined */
    wippy_slice actor_meta; /* one encoded map or size 0 */
    const char *action;     /* "process.spawn"; NULL = "" */
    const char *resource;   /* "app:worker"; NULL = "" */
    wippy_slice meta;       /* one encoded map or size 0 */
} wippy_access;

/* "undefined", "allow", "deny". */
WIPPY_API const char *wippy_decision_name(wippy_decision decision);

/* Whether a policy of this id is loaded. Thread: any. */
WIPPY_API bool wippy_policy_exists(wippy_runtime *rt, const char *policy_id);

/* Ask one policy.

   Thread:  any.
   Returns: its effect when actions, resources and conditions (or the expression) match, else, and
            for an unknown policy or an error while it is evaluated, WIPPY_UNDEFINED.
   Cost:    one short lock, then the patterns and conditions of the policy. */
WIPPY_API wippy_decision wippy_policy_evaluate(wippy_runtime *rt, const char *policy_id,
                                               const wippy_access *access);

/* Ask a scope: deny when any of its policies denies, else allow when any allows.

   ids      policy ids, as wippy_frame_scope() gives them

   Thread:  any.
   Returns: the decision; WIPPY_UNDEFINED for an empty scope.
   Cost:    as wippy_policy_evaluate(), for each until one denies. */
WIPPY_API wippy_decision wippy_scope_evaluate(wippy_runtime *rt, const char *const *ids,
                                              uint32_t count, const wippy_access *access);

/* List the policies of a group, sorted by id.

   group    full id, "ns:group"
   out      one array of id strings is appended; nothing when the result is not WIPPY_OK

   Thread:  any.
   Returns: WIPPY_OK, _ERR_NOTFOUND (no policy is in such a group). */
WIPPY_API wippy_result wippy_policy_group(wippy_runtime *rt, const char *group, wippy_writer *out);

/* wippy_allowed() for somebody else: the same rule and the same log line, for a given frame.
   Thread: any. */
WIPPY_API bool wippy_frame_allowed(wippy_runtime *rt, const wippy_frame *frame, const char *action,
                                   const char *resource, wippy_slice meta);

/* ====================================================================== >>registry
   Declared things: entries with an id ("namespace:name"), a kind, meta and data. The registry goes
   from version to version; readers see whole versions only, never half of a change. A kind says what
   its entries mean; nothing here knows processes or services but through kinds.

   Thread rule of this section, unless a function says otherwise: any thread, also from a step;
   readers never wait for a change under way. Rights (registry.get, registry.apply,
   registry.apply_version) are the caller's to ask, see wippy_allowed().
   Strings and slices of an entry live as long as the entry is held. */

/* ------------------------------------------------------------------ entries */

/* Look up an entry of the current version. `out` is held for the caller.
   Returns: WIPPY_OK, _ERR_NOTFOUND.   Cost: a short lock, one hash lookup, no allocation. */
WIPPY_API wippy_result wippy_entry_get(wippy_runtime *rt, const char *id, wippy_entry **out);

/* Entries are immutable and counted. hold answers its argument; release of NULL does nothing. */
WIPPY_API wippy_entry *wippy_entry_hold(wippy_entry *entry);
WIPPY_API void wippy_entry_release(wippy_runtime *rt, wippy_entry *entry);

WIPPY_API const char *wippy_entry_id(const wippy_entry *entry);
WIPPY_API const char *wippy_entry_kind(const wippy_entry *entry);
WIPPY_API wippy_slice wippy_entry_meta(const wippy_entry *entry); /* one encoded map */
WIPPY_API wippy_slice wippy_entry_data(const wippy_entry *entry); /* one encoded value, mostly a map */

/* A number that no other content ever had, not even under the same id after a delete: the key for
   caches of what was made from the entry. Going back to an old version brings the number back. */
WIPPY_API uint64_t wippy_entry_revision(const wippy_entry *entry);

/* File the entry was loaded from, "" when it was made at run time; and the line it stands on. */
WIPPY_API const char *wippy_entry_file(const wippy_entry *entry, uint32_t *line);

/* Split an id at its first colon; without colon the namespace is empty. Slices into `id`. */
WIPPY_API void wippy_id_parse(const char *id, size_t bytes, wippy_slice *ns, wippy_slice *name);

/* Complete an id that may lack its namespace with that of `owner` (an id).
   text     receives at most room bytes with the final zero; may be NULL when room is 0
   Returns: length of the whole id. */
WIPPY_API size_t wippy_id_complete(const char *id, size_t bytes, const char *owner, char *text,
                                   size_t room);

/* ------------------------------------------------------------------ versions and snapshots */

/* One version as a whole; immutable and counted. */
typedef struct wippy_snapshot wippy_snapshot;

/* Hold the current version, or the version with that number. Of the old ones the newest
   desc.history_limit are kept; a snapshot that is held stays, whatever becomes of its number.
   Returns: WIPPY_OK, _ERR_NOTFOUND ("version not found", perhaps not any more), _ERR_NOMEM (only the
            latter).
   Cost:    the current one: a short lock. An old one is put together again: linear in its entries
            and the changes between. */
WIPPY_API wippy_result wippy_snapshot_current(wippy_runtime *rt, wippy_snapshot **out);
WIPPY_API wippy_result wippy_snapshot_at(wippy_runtime *rt, int64_t version, wippy_snapshot **out);
WIPPY_API wippy_snapshot *wippy_snapshot_hold(wippy_snapshot *snapshot);
WIPPY_API void wippy_snapshot_release(wippy_runtime *rt, wippy_snapshot *snapshot);

WIPPY_API int64_t wippy_snapshot_version(const wippy_snapshot *snapshot);

/* Entries in load order, then creation order; not counted, they live as long as the snapshot.
   wippy_snapshot_entry: index 0 .. count - 1, otherwise NULL
   wippy_snapshot_get:   NULL = no such entry */
WIPPY_API size_t wippy_snapshot_count(const wippy_snapshot *snapshot);
WIPPY_API wippy_entry *wippy_snapshot_entry(const wippy_snapshot *snapshot, size_t index);
WIPPY_API wippy_entry *wippy_snapshot_get(const wippy_snapshot *snapshot, const char *id);

/* Find entries.

   filter   one encoded map; size 0, nil or an empty map or array = everything. Keys:
              .kind .name .ns .id   string, exact or with one `*`
              meta.x                equal to the value (x may be a dotted path)
              ~meta.x               regular expression found in the string
              *meta.x               substring of a string, or of an element of an array
              ^meta.x  $meta.x      prefix, suffix
            An array as value: each of its elements must hold. Any other key is ignored with the
            warning "metadata field must use 'meta.' prefix".
   entries  room for `room` results, in the order of the snapshot, not counted; wippy_snapshot_count()
            places always suffice; may be NULL when room is 0
   count    receives how many there are (may exceed room)
   diag     what is wrong with the filter; may be NULL

   Returns: WIPPY_OK, _ERR_INVALID (no map, a bad expression), _ERR_NOMEM.
   Cost:    linear in the entries, no allocation unless an expression is used. */
WIPPY_API wippy_result wippy_snapshot_find(wippy_runtime *rt, const wippy_snapshot *snapshot,
                                           wippy_slice filter, wippy_entry **entries, size_t room,
                                           size_t *count, wippy_diag *diag);

typedef struct wippy_version_info {
    int64_t id;       /* 0 = what was loaded before the first change; only grows */
    int64_t previous; /* version it was made from; -1 = none, or not kept any more */
    int64_t next;     /* latest version made from it; -1 = none yet */
    size_t changes;   /* entries created, updated and deleted by it */
    int64_t wall_ns;  /* when */
} wippy_version_info;

/* Number of the current version; facts about one version; all numbers that are kept, ascending.
   wippy_version_get:  WIPPY_OK, _ERR_NOTFOUND
   wippy_versions:     how many there are (may exceed room) */
WIPPY_API int64_t wippy_version_current(wippy_runtime *rt);
WIPPY_API wippy_result wippy_version_get(wippy_runtime *rt, int64_t version,
                                         wippy_version_info *out);
WIPPY_API size_t wippy_versions(wippy_runtime *rt, int64_t *versions, size_t room);

/* ------------------------------------------------------------------ changing */

typedef enum wippy_entry_op {
    WIPPY_ENTRY_CREATE = 0,
    WIPPY_ENTRY_UPDATE,
    WIPPY_ENTRY_DELETE
} wippy_entry_op;

/* A wish. Everything is copied. */
typedef struct wippy_registry_change {
    wippy_entry_op op;
    const char *id;   /* "namespace:name" */
    const char *kind; /* create: required; update: NULL or the same as before; delete: ignored */
    wippy_slice meta; /* one encoded map; size 0 = empty. An update replaces the whole */
    wippy_slice data; /* one encoded value; size 0 = empty map. An update replaces the whole */
} wippy_registry_change;

/* What happened to one entry. */
typedef struct wippy_entry_change {
    wippy_entry_op op;
    wippy_entry *before; /* NULL when created */
    wippy_entry *after;  /* NULL when deleted */
} wippy_entry_change;

/* Make a new version: every change or none.
   Creates and updates run dependencies first, deletes dependents first; each is offered to the
   handler of its kind; when one is rejected, those before it are taken back in reverse order.

   changes  applied to the current version, whatever it is by then; an id may occur once
   version  receives the number of the new version; may be NULL
   diag     what was rejected and why (file = id of the entry); may be NULL

   Thread:  any thread, also a step; not from a callback of a kind or a listener. Waits for a change
            that is under way. Handlers run inside this call.
   Returns: WIPPY_OK, _ERR_INVALID ("no changes to apply", a bad id, an id twice, another kind, "no
            handler for kind ..."), _ERR_EXISTS, _ERR_NOTFOUND, _ERR_CONFLICT (an import alias twice),
            _ERR_NOMEM, _ERR_BUSY (called from a callback), or what a handler answered. After a
            failure everything is as it was and the next version number is not used up.
   Cost:    linear in the entries of the registry. */
WIPPY_API wippy_result wippy_registry_apply(wippy_runtime *rt,
                                            const wippy_registry_change *changes, size_t count,
                                            int64_t *version, wippy_diag *diag);

/* Go to another version, back or forth: its difference to the current one is applied like any
   change. No version is made; the next one grows from this one.
   Otherwise as wippy_registry_apply(); _ERR_NOTFOUND ("version not found"). */
WIPPY_API wippy_result wippy_registry_apply_version(wippy_runtime *rt, int64_t version,
                                                    wippy_diag *diag);

/* What leads from one version to another, in the order in which it would be applied. */
typedef struct wippy_delta {
    const wippy_entry_change *changes;
    size_t count;
    void *memory_; /* private */
} wippy_delta;

/* Returns: WIPPY_OK, _ERR_NOMEM. Free what you got. */
WIPPY_API wippy_result wippy_delta_build(wippy_runtime *rt, wippy_snapshot *from,
                                         wippy_snapshot *to, wippy_delta *out);
WIPPY_API void wippy_delta_free(wippy_runtime *rt, wippy_delta *delta);

/* Told after each change of the current version; everything belongs to the caller and is valid
   during the call. Must not change the registry; reading is fine. Calls never overlap and come in
   the order of the changes. */
typedef struct wippy_registry_event {
    int64_t version; /* now current */
    const wippy_entry_change *changes;
    size_t count;
    wippy_snapshot *before;
    wippy_snapshot *after;
    bool loading; /* by a load function */
} wippy_registry_event;

typedef void (*wippy_registry_fn)(wippy_runtime *rt, const wippy_registry_event *event,
                                  void *user_data);

/* Ask to be told, in the order of asking; fn and user_data together name the listener. unlisten
   returns when no call is under way.
   Returns: WIPPY_OK, _ERR_INVALID (no fn), _ERR_NOMEM, _ERR_BUSY (called from a callback); unlisten
            also _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_registry_listen(wippy_runtime *rt, wippy_registry_fn fn,
                                             void *user_data);
WIPPY_API wippy_result wippy_registry_unlisten(wippy_runtime *rt, wippy_registry_fn fn,
                                               void *user_data);

/* ------------------------------------------------------------------ kinds */

enum {
    WIPPY_KIND_PROCESS = 1,  /* entries can be spawned; see process_type and choose_type */
    WIPPY_KIND_CALLABLE = 2, /* entries can be called as functions (a process that ends with a value) */
    WIPPY_KIND_SERVICE = 4,  /* `lifecycle` of the data counts */
    WIPPY_KIND_PASSIVE = 8,  /* stored only: no callbacks needed, fields are never looked at */
    WIPPY_KIND_LIBRARY = 16  /* import target */
};

/* One change offered to a kind. */
typedef struct wippy_kind_call {
    wippy_runtime *rt;
    wippy_entry *before;  /* what is in effect; NULL = create */
    wippy_entry *after;   /* what is to come; NULL = delete */
    wippy_snapshot *next; /* the registry as it will be: look up references here */
    bool loading;         /* part of a load, not of a change at run time */
    bool reloading;       /* part of wippy_reload_project(): refuse what could not be used */
    bool undo;            /* takes back an accepted change: must not fail */
    wippy_diag *diag;     /* never NULL: say why not */
    void *user_data;
} wippy_kind_call;

/* Where a kind tells which entries an entry needs; see wippy_refs_add(). */
typedef struct wippy_refs wippy_refs;

/* Callbacks run on the thread that changes the registry, one at a time, without a lock that a reader
   needs: they may use every reader of this section, but not change it. All may be NULL. */
typedef struct wippy_kind_desc {
    const char *name;        /* exact, or a prefix that ends in ".*"; exact wins, then the longest */
    uint32_t flags;          /* WIPPY_KIND_... */
    wippy_type process_type; /* what WIPPY_KIND_PROCESS entries run as */

    /* Validate call->after without any effect. Called for all creates and updates of a change before
       the first apply. NOTFOUND while loading: asked again after the others; still not found: the
       entry stays readable, with a warning, and is not applied. */
    wippy_result (*check)(const wippy_kind_call *call);

    /* Make the change effective, or refuse. When a later one is refused it is called again with
       before and after swapped and undo set. Readers still see the old version. */
    wippy_result (*apply)(const wippy_kind_call *call);

    /* The new version is there: start what the entry describes. Cannot refuse. */
    void (*commit)(const wippy_kind_call *call);

    /* Name references beyond the usual ones (imports, process, host, storage, storages,
       lifecycle.requires, lifecycle.depends_on, meta.depends_on). */
    void (*refs)(wippy_runtime *rt, const wippy_entry *entry, wippy_refs *refs, void *user_data);

    /* Process type of one entry, instead of process_type. Any thread, at each spawn. */
    wippy_result (*choose_type)(wippy_runtime *rt, const wippy_entry *entry, wippy_type *out,
                                wippy_diag *diag, void *user_data);
    void *user_data;

    /* Fields of the data that mean something, as dotted paths ("lifecycle.auto_start"), with all below
       them; a NULL ends the list. Others are ignored, and named in the log at DEBUG. NULL = any field.
       Not copied. */
    const char *const *fields;
} wippy_kind_desc;

/* Add a kind for as long as the runtime lives. desc and its name are copied. Do it before loading:
   entries that are there already are not offered.
   Built in: registry.entry, ns.* (passive) and process.native, whose data.type names a registered
   process type.
   Returns: WIPPY_OK, _ERR_EXISTS, _ERR_INVALID (no name), _ERR_NOMEM. */
WIPPY_API wippy_result wippy_kind_register(wippy_runtime *rt, const wippy_kind_desc *desc);

/* Flags of the kind that handles entries of kind `name`. Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_kind_flags(wippy_runtime *rt, const char *name, uint32_t *flags);

/* Name one entry; a missing namespace is completed with that of the entry asked about. Ids that do
   not exist are no error, they only do not order anything. */
WIPPY_API void wippy_refs_add(wippy_refs *refs, const char *id, size_t bytes);

/* ------------------------------------------------------------------ loading
   Before the first change, loading extends version 0; later, each load is a version of its own.
   Entries of a kind without handler stay readable; one warning per kind says so. */

/* Load one YAML or JSON document, all of its entries or none. The document has the form of a project
   file (namespace, entries); `file://` in it is relative to the working directory.

   name     for messages
   text     not NUL-terminated
   diag     may be NULL

   Thread:  as wippy_registry_apply().
   Returns: as wippy_registry_apply(), and _ERR_SYNTAX, _ERR_INVALID (no namespace, an entry without
            name or kind), _ERR_IO (a file:// that cannot be read). */
WIPPY_API wippy_result wippy_load_text(wippy_runtime *rt, const char *name, const char *text,
                                       size_t bytes, wippy_diag *diag);

/* Read one YAML document (the subset of the registry's files, or JSON) as a value, for a program's own
   configuration.

   name     for messages
   out      receives one value; unchanged on failure

   Thread:  any.
   Returns: WIPPY_OK, _ERR_SYNTAX (diag: line, column, what was expected), _ERR_NOMEM. */
WIPPY_API wippy_result wippy_yaml_read(wippy_runtime *rt, const char *name, const char *text,
                                       size_t bytes, wippy_writer *out, wippy_diag *diag);

typedef struct wippy_project_desc {
    const char *directory; /* where the lock file and its directories are; NULL = "." */
    const char *lock_file; /* NULL = "wippy.lock" in directory; without one, src/ is loaded if there */
    const char *source;    /* load this directory, whatever a lock file says; NULL = ask the lock file */
    const char *const *overrides; /* "ns:entry:field=value", field = kind, meta.x or a path in data */
    uint32_t override_count;
    const char *const *skip; /* names of directories left out, besides node_modules */
    uint32_t skip_count;
    bool need_lock;          /* no lock file is an error */
} wippy_project_desc;

/* Load a project: every *.yaml, *.yml and *.json below its roots, in path order, as one version.
   A file that is wrong is skipped as a whole with a warning; of two entries with one id the later
   wins, with a warning. An entry that its kind refuses stays readable, but is not used, with a
   warning.

   desc     NULL or zeroed = the current directory
   diag     may be NULL

   Thread:  as wippy_registry_apply(); reads files, so not from a step.
   Returns: WIPPY_OK (also when there was nothing to load), _ERR_INVALID (lock file, override, an
            import cycle: "adding dependency would create a cycle"), _ERR_SYNTAX (lock file),
            _ERR_NOTFOUND (need_lock, or a directory that is not there; an override without entry),
            _ERR_CONFLICT (two imports under one alias), _ERR_IO, _ERR_LIMIT (a path too long,
            directories nested too deep), _ERR_NOMEM, _ERR_STOPPED. */
WIPPY_API wippy_result wippy_load_project(wippy_runtime *rt, const wippy_project_desc *desc,
                                          wippy_diag *diag);

/* Read a project again and apply what differs from the current version, as one change: entries that
   are new are created, those with another meta or data updated, those whose file stood below a root of
   the project and that are not there any more deleted. An entry changed at run time goes back to what
   its file says. Nothing differs: no version is made.
   Unlike a load it is strict: one wrong file and everything stays as it is.

   desc     as it was loaded with
   changes  receives how many entries changed; may be NULL
   version  receives the number of the version that is current now; may be NULL
   diag     file, line and column of what is wrong, or the entry that was refused; may be NULL

   Thread:  as wippy_load_project().
   Returns: as wippy_load_project() and wippy_registry_apply(); _ERR_SYNTAX, _ERR_INVALID and _ERR_IO
            also for a file of the project. */
WIPPY_API wippy_result wippy_reload_project(wippy_runtime *rt, const wippy_project_desc *desc,
                                            size_t *changes, int64_t *version, wippy_diag *diag);

/* ------------------------------------------------------------------ configuration
   For programs with files and options of their own. */

/* Append the one value a YAML or JSON text stands for (a subset of YAML: block and one-line
   collections, plain and quoted scalars, | and >). The writer must be one with memory.

   name     for messages; NULL = none
   diag     where it is wrong; may be NULL

   Thread:  the one that uses the writer.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_LIMIT, _ERR_NOMEM; the writer then has failed too. */
WIPPY_API wippy_result wippy_write_yaml(wippy_writer *out, const char *name, const char *text,
                                        size_t bytes, wippy_diag *diag);

/* Append what an option says: "true", "false", integers and floats as such, anything else as a
   string. The writer must be one with memory. Thread: the one that uses the writer. */
WIPPY_API void wippy_write_setting(wippy_writer *out, const char *text);

/* Append a copy of a map in which the value under a path is exchanged or added; what stands on the
   way and is no map gives way to one.

   map      one encoded map; size 0 = empty
   path     1 to 32 keys joined by '.'
   value    one encoded value

   Thread:  the one that uses the writer.
   Returns: WIPPY_OK, _ERR_INVALID (path, or map is none; nothing is written then), or how the writer
            has failed. */
WIPPY_API wippy_result wippy_value_set(wippy_writer *out, wippy_slice map, const char *path,
                                       wippy_slice value);

/* ====================================================================== >>durations
   Text like "1h30m", "1.5s", "250ms", "2.5us", "-10s", "0": a sign, then numbers with units
   ns us ms s m h ("µs" too), without spaces. */

/* Read a duration.

   text     `bytes` bytes
   out      nanoseconds; written on success only

   Thread:  any.
   Returns: WIPPY_OK, _ERR_INVALID (empty, no or unknown unit, other text), _ERR_LIMIT (does not fit
            into 64 bits). */
WIPPY_API wippy_result wippy_duration_parse(const char *text, size_t bytes, int64_t *out);

#define WIPPY_DURATION_TEXT_MAX 32 /* room that every duration's text fits into, with its zero */

/* Write a duration: "1h30m45s", "1.5s", "100ms", "2.5µs", "0s". Leading zero units are left out.

   text     receives at most room - 1 bytes and a zero; may be NULL when room is 0

   Thread:  any.   Returns: length of the whole text. */
WIPPY_API size_t wippy_duration_text(int64_t duration_ns, char *text, size_t room);

/* ====================================================================== >>services
   Registry entries of kind process.host, terminal.host and process.service are services: a
   supervisor starts them in the order of what they require, restarts what fails, and stops them in
   reverse. Each service has a supervisor process of its own, labelled "node:control". */

typedef enum wippy_service_status {
    WIPPY_SERVICE_UNKNOWN = 0, /* never started, or blocked by what it requires */
    WIPPY_SERVICE_STARTING,
    WIPPY_SERVICE_RUNNING,
    WIPPY_SERVICE_STOPPING,
    WIPPY_SERVICE_STOPPED,
    WIPPY_SERVICE_FAILED, /* an error; starts again by itself when info.retry_in_ns is not 0 */
    WIPPY_SERVICE_EXITED  /* ended by itself; not started again by itself */
} wippy_service_status;

typedef struct wippy_service_info {
    char id[256];
    char kind[64];                /* kind of its entry */
    wippy_service_status status;
    wippy_service_status desired; /* WIPPY_SERVICE_RUNNING or WIPPY_SERVICE_STOPPED */
    bool optional;                /* lifecycle.startup is "optional" */
    uint32_t retry_count;         /* failures since the last stable run */
    uint64_t retry_in_ns;         /* until the next attempt; 0 = none is planned */
    int64_t last_update_wall_ns;  /* when the status changed; 0 = never */
    int64_t started_wall_ns;      /* when it last became running; 0 = never */
    wippy_pid pid;                /* the supervised process; zero = none or a host */
    wippy_pid supervisor;         /* sender of its CANCEL; zero = none yet */
    char details[256];            /* what the status came with: an error text, or "" */
} wippy_service_info;

/* "unknown", "starting", "running", "stopping", "stopped", "failed", "exited". */
WIPPY_API const char *wippy_service_status_name(wippy_service_status status);

/* Start the supervisor, and with it every service that has auto_start, and what those require.
   Services that the registry gets, changes or loses later are followed without further calls.

   where    host that runs the supervisor's processes; zero = a private host "node:control" with one
            thread is created for them

   Thread:  any but a step; does not wait for the services: see wippy_services_wait().
   Returns: WIPPY_OK, _ERR_EXISTS (it runs already), _ERR_NOTFOUND (where), _ERR_STOPPED,
            _ERR_NOMEM, _ERR_UNSUPPORTED (zero with WIPPY_NO_THREADS). */
WIPPY_API wippy_result wippy_services_start(wippy_runtime *rt, wippy_host where);

/* Wait until every service that is to run has either become running, ended, or failed once.

   timeout_ns  UINT64_MAX = for ever; 0 = only look
   diag        names the first service that failed; may be NULL

   Thread:  any but a step. When the supervisor's host is a pump host it is pumped here.
   Returns: WIPPY_OK, _ERR_UNAVAILABLE (a service that is not optional failed or is blocked),
            _ERR_TIMEOUT, _ERR_INVALID (not started, or stopping). */
WIPPY_API wippy_result wippy_services_wait(wippy_runtime *rt, uint64_t timeout_ns,
                                           wippy_diag *diag);

/* Stop every service, dependents first, hosts last, then the supervisor. May be started again.

   timeout_ns  how long to wait for the end; UINT64_MAX = for ever; 0 = only ask

   Thread:  any but a step; with timeout 0 any. Pumps as wippy_services_wait().
   Returns: WIPPY_OK (stopped, or never started), WIPPY_PENDING (asked, not stopped yet; only for
            timeout 0), _ERR_TIMEOUT (goes on in the background). */
WIPPY_API wippy_result wippy_services_stop(wippy_runtime *rt, uint64_t timeout_ns);

/* Ask for one service to be started, with what it requires, or stopped, after what requires it.
   A pending restart is forgotten. The answer comes before the change: look at the state, or at the
   events of system "supervisor" (kind "service.<status>", path: the id).

   Thread:  any, also a step.
   Returns: WIPPY_OK, _ERR_NOTFOUND (no such service), _ERR_STOPPED (no supervisor runs),
            _ERR_NOMEM. */
WIPPY_API wippy_result wippy_service_start(wippy_runtime *rt, const char *id);
WIPPY_API wippy_result wippy_service_stop(wippy_runtime *rt, const char *id);

/* Look at one service.
   Thread: any.   Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_service_state(wippy_runtime *rt, const char *id,
                                           wippy_service_info *out);

/* Look at all services, in the order in which they were declared.
   out      room for `room` of them; may be NULL when room is 0
   Thread: any.   Returns: how many there are (may exceed room). */
WIPPY_API size_t wippy_service_states(wippy_runtime *rt, wippy_service_info *out, size_t room);

/* Hear of every process that ends on a host which the supervisor creates from now on; the exit_fn of
   wippy_host_desc. Call it before wippy_services_start(); NULL = nobody.
   Thread: any. */
WIPPY_API void wippy_services_on_exit(wippy_runtime *rt,
                                      void (*exit_fn)(wippy_runtime *rt,
                                                      const wippy_exit_info *info,
                                                      void *user_data),
                                      void *user_data);

/* ====================================================================== >>events
   The event bus: anybody sends, every matching subscription receives, all in one order. The runtime
   itself uses the systems "supervisor" (kind "service.<status>", path: id of the service) and
   "registry" (kind "entry.create", "entry.update", "entry.delete", path: id of the entry). Patterns:
   "*" is everything, a '*' at the end stands for any rest ("test.*" takes "test.a" and "test.a.b"),
   other text only itself. */

/* Receive events as messages: sender zero, topic as asked, one encoded map
   {system, kind, path, data}; without data the key is missing.

   system   pattern
   kind     pattern, NULL or "" = every kind
   topic    name under which the events arrive, 1..255 bytes; copied
   out      number of the subscription, never 0; for wippy_events_unsubscribe()

   A subscription ends with wippy_events_unsubscribe() or with its process. It survives an upgrade:
   a body that may be upgraded gives it up in `close`.

   Thread:  a step or init of self.
   Returns: WIPPY_OK, _ERR_INVALID (empty system or topic, self is no process), _ERR_DENIED,
            _ERR_NOMEM.
   Cost:    one block, one lock. */
WIPPY_API wippy_result wippy_events_subscribe(wippy_self *self, const char *system,
                                              const char *kind, const char *topic, uint64_t *out);

/* End a subscription of this process. Events that already arrived stay.
   Thread:  a step, init or close of self.   Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_events_unsubscribe(wippy_self *self, uint64_t subscription);

/* Send an event to every matching subscription, the sender's own included.

   path     what it is about
   data     one encoded value, copied, or size 0

   Thread:  a step or init of self, or any with wippy_outside(). Never blocks for long: a lock is
            held while the event is queued in the receivers' mailboxes.
   Order:   all subscribers see all events in the same order.
   Returns: WIPPY_OK (also when nobody listens, or a full mailbox refused it: that is logged),
            _ERR_INVALID (an empty system, kind or path, malformed data), _ERR_DENIED, _ERR_NOMEM
            (some subscribers may have it).
   Cost:    one look at every subscription, one send for each that matches. */
WIPPY_API wippy_result wippy_events_send(wippy_self *self, const char *system, const char *kind,
                                         const char *path, wippy_slice data);

/* ====================================================================== >>environment
   Variables declared in the registry (kind env.variable) on top of storages (env.storage.memory,
   .os, .static, .file, .router). */

/* Read a variable.

   key      its public name; or a name in the namespace of the caller's entry; or its id "ns:name"
   text     receives at most room - 1 bytes and a zero; may be NULL when room is 0
   size     receives the length of the whole value; may be NULL
   diag     says why not, may be NULL; message without prefix ("environment variable not found")

   Thread:  a step or init of self, or any with wippy_outside(). Reads a file for env.storage.file.
   Returns: WIPPY_OK, _ERR_INVALID (empty key), _ERR_NOTFOUND (not declared, or neither value nor
            default), _ERR_DENIED, _ERR_IO, _ERR_NOMEM, _ERR_LIMIT (routers nested too deep). */
WIPPY_API wippy_result wippy_env_get(wippy_self *self, const char *key, char *text, size_t room,
                                     size_t *size, wippy_diag *diag);

/* Write a variable; "" makes it unset.

   Thread:  as wippy_env_get(). Writes a file for env.storage.file.
   Returns: as wippy_env_get(); _ERR_DENIED also when the variable or its storage is read-only,
            _ERR_INVALID also for a value that its storage cannot hold. */
WIPPY_API wippy_result wippy_env_set(wippy_self *self, const char *key, const char *value,
                                     wippy_diag *diag);

/* Every variable of every storage, under the names the storages use, that the caller may read.

   out      one map of strings is appended

   Thread:  as wippy_env_get().
   Returns: WIPPY_OK, _ERR_IO, _ERR_NOMEM. */
WIPPY_API wippy_result wippy_env_all(wippy_self *self, wippy_writer *out);

/* ====================================================================== >>statistics */

typedef struct wippy_process_info {
    wippy_pid pid;
    wippy_pid parent;
    wippy_host host;
    const char *entry; /* copied into the struct's own room below */
    char entry_room[128];
    char actor_room[128];
    const char *state; /* "ready" "running" "blocked" "idle" "complete"; advisory */
    uint64_t steps;
    int64_t started_wall_ns; /* up to some 10 ms too early */
    size_t memory_bytes; /* what wippy_self_memory() was told, rounded up to 64; at most 8 GiB */
} wippy_process_info;

typedef struct wippy_host_info {
    wippy_host host;
    const char *name;
    wippy_host_kind kind;
    uint32_t workers;
    uint32_t processes;
    uint64_t executed; /* steps */
    uint64_t stolen;   /* processes taken by another worker */
    uint64_t parked;   /* times a worker went to sleep */
    uint64_t messages; /* delivered to steps */
    uint64_t refused;  /* messages refused by a mailbox limit */
    uint64_t stuck_ended; /* processes the watchdog terminated, see desc.stuck_ms */
    uint64_t queue_depth; /* runnable now; advisory */
} wippy_host_info;

typedef struct wippy_worker_info {
    uint32_t index;
    uint64_t executed;
    uint64_t stolen;
    uint64_t parked;
    uint64_t queue_depth;
    wippy_pid running; /* advisory */
} wippy_worker_info;

typedef struct wippy_runtime_info {
    uint64_t processes;      /* alive */
    uint64_t spawned;        /* ever */
    uint64_t dead_letters;   /* mail whose receiver ended first */
    uint64_t memory_bytes;   /* taken from the allocator now */
    uint32_t hosts;
    uint32_t threads;
    uint64_t uptime_ns;
} wippy_runtime_info;

/* Thread: any; the numbers are advisory while the runtime works.
   Returns: WIPPY_OK, _ERR_GONE or _ERR_NOTFOUND. */
WIPPY_API wippy_result wippy_runtime_stats(wippy_runtime *rt, wippy_runtime_info *out);
WIPPY_API wippy_result wippy_host_stats(wippy_runtime *rt, wippy_host host, wippy_host_info *out);
WIPPY_API wippy_result wippy_worker_stats(wippy_runtime *rt, wippy_host host, uint32_t index,
                                          wippy_worker_info *out);
WIPPY_API wippy_result wippy_process_stats(wippy_runtime *rt, wippy_pid pid,
                                           wippy_process_info *out);

/* Living processes of a host (zero = all), in the order of their slots.
   Thread: any.   Returns: how many there are (may exceed room). */
WIPPY_API size_t wippy_processes(wippy_runtime *rt, wippy_host host, wippy_pid *pids, size_t room);
/* Hosts in creation order. Thread: any.   Returns: how many there are (may exceed room). */
WIPPY_API size_t wippy_hosts(wippy_runtime *rt, wippy_host *hosts, size_t room);

#ifdef __cplusplus
} /* extern "C" */
#endif

#ifdef __cplusplus
/* C++ has no compound literals that outlive an expression: references instead. */
inline wippy_result wippy_create(wippy_runtime **out, const wippy_desc &desc)
{
    return wippy_create(out, &desc);
}
inline wippy_result wippy_host_create(wippy_runtime *rt, const wippy_host_desc &desc,
                                      wippy_host *out)
{
    return wippy_host_create(rt, &desc, out);
}
inline wippy_result wippy_type_register(wippy_runtime *rt, const wippy_type_desc &desc,
                                        wippy_type *out)
{
    return wippy_type_register(rt, &desc, out);
}
inline wippy_result wippy_spawn(wippy_self *self, const wippy_spawn_desc &desc, wippy_pid *out,
                                wippy_diag *diag = NULL)
{
    return wippy_spawn(self, &desc, out, diag);
}
inline wippy_result wippy_exec(wippy_self *self, const wippy_spawn_desc &desc, wippy_token *token,
                               wippy_diag *diag = NULL)
{
    return wippy_exec(self, &desc, token, diag);
}
inline wippy_result wippy_command_register(wippy_runtime *rt, const wippy_command_desc &desc,
                                           wippy_command *out)
{
    return wippy_command_register(rt, &desc, out);
}
inline wippy_result wippy_frame_make(wippy_runtime *rt, const wippy_frame_desc &desc,
                                     wippy_frame **out)
{
    return wippy_frame_make(rt, &desc, out);
}
inline wippy_result wippy_kind_register(wippy_runtime *rt, const wippy_kind_desc &desc)
{
    return wippy_kind_register(rt, &desc);
}
inline wippy_result wippy_load_project(wippy_runtime *rt, const wippy_project_desc &desc,
                                       wippy_diag *diag)
{
    return wippy_load_project(rt, &desc, diag);
}
inline wippy_result wippy_reload_project(wippy_runtime *rt, const wippy_project_desc &desc,
                                         size_t *changes, int64_t *version, wippy_diag *diag)
{
    return wippy_reload_project(rt, &desc, changes, version, diag);
}
inline bool operator==(wippy_pid a, wippy_pid b)
{
    return a.id == b.id;
}
inline bool operator!=(wippy_pid a, wippy_pid b)
{
    return a.id != b.id;
}
#endif /* __cplusplus */

#endif /* WIPPY_H */
