/* ========================================================================== >>lua/common
   What several Lua modules need: records kept once for a runtime (called functions, metrics), asking a
   right, answering a failed call of wippy.h, running something on the pool of blocking calls.
   Holds: one struct a runtime with lists of records, freed with it.
   Locks: one spin lock, held for a few loads and stores.  Allocates: from the runtime. */
#ifndef WIPPYLI_COMMON_H
#define WIPPYLI_COMMON_H

#include "errors.h"
#include "state.h"

#define WIPPYLI_COMMON_BUCKETS 64

/* First member of what a module keeps in one of the lists below. */
typedef struct wippyli_record {
    struct wippyli_record *next;
    size_t bytes; /* of the whole block, from wippy_memory_get() */
    const char *name;
} wippyli_record;

typedef struct wippyli_common {
    wippy_runtime *rt;
    wippyli_lock lock;
    wippyli_record *functions[WIPPYLI_COMMON_BUCKETS]; /* guarded by lock, as all below */
    wippyli_record *metrics[WIPPYLI_COMMON_BUCKETS];
    int64_t memory_limit; /* what the module system was told: reported, without effect */
    int64_t gc_percent;
    int64_t max_procs; /* 0 = never told */
} wippyli_common;

/* Before any module that needs it. Returns: WIPPY_OK, _ERR_NOMEM, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_common_open(wippyli_bridge *bridge);

/* Of the runtime of this process. Runs no Lua. */
WIPPYLI_FN wippyli_common *wippyli_common_of(lua_State *L);

/* The record of that name in a list of WIPPYLI_COMMON_BUCKETS buckets; made zeroed, of `bytes` bytes,
   when it is not there. Records stay until the runtime ends. NULL = no memory. Takes the lock. */
WIPPYLI_FN wippyli_record *wippyli_record_get(wippyli_common *common, wippyli_record **buckets,
                                              const char *name, size_t bytes);
/* The same, but NULL when it is not there. */
WIPPYLI_FN wippyli_record *wippyli_record_look(wippyli_common *common, wippyli_record **buckets,
                                               const char *name);

/* May the running process do `action` to `resource`? Runs no Lua. */
WIPPYLI_FN bool wippyli_may(lua_State *L, const char *action, const char *resource);

/* Push nil and an error object of a failed call, with the diag's message when it has one; answers 2.
   The other one pushes the error object alone. */
WIPPYLI_FN int wippyli_failed(lua_State *L, wippy_result result, const wippy_diag *diag);
WIPPYLI_FN void wippyli_failed_push(lua_State *L, wippy_result result, const wippy_diag *diag);

/* Encode the value at `index` into the writer. False: nil and an error object were pushed, the writer
   was freed. */
WIPPYLI_FN bool wippyli_encode_checked(lua_State *L, int index, wippy_writer *writer,
                                       wippy_slice *out);

/* Push the value that a writer holds, and free the writer, also when that raises. */
WIPPYLI_FN void wippyli_decode_free(lua_State *L, wippy_writer *writer, wippy_slice encoded);

WIPPYLI_FN const char *wippyli_push_slice(lua_State *L, wippy_slice text);

/* Push the text form of a pid; nil for none. */
WIPPYLI_FN void wippyli_push_pid(lua_State *L, wippy_pid pid);

/* ---- jobs: something for the pool of blocking calls
   Begin with wippyli_job_begin(), which raises where the coroutine cannot wait; the struct of the module
   has a wippyli_job as first member and is zeroed. Then return what wippyli_job_go() answers: run fills
   a writer on another thread and may say in diag what failed; then runs in the coroutine. */
typedef struct wippyli_job wippyli_job;
struct wippyli_job {
    wippy_runtime *rt;
    size_t bytes;
    wippyli_lock lock;
    uint32_t holds;          /* guarded by lock: the pool's and the coroutine's */
    wippyli_cleanup cleanup; /* the coroutine's hold, when the process ends first */
    wippy_diag diag;
    wippy_result (*run)(wippyli_job *job, wippy_writer *out);
    int (*then)(lua_State *L, const wippy_mail *mail, wippyli_job *job);
};

/* NULL: no memory, nil and an error object were pushed. */
WIPPYLI_FN wippyli_job *wippyli_job_begin(lua_State *L, const char *name, size_t bytes);
WIPPYLI_FN int wippyli_job_go(lua_State *L, wippyli_job *job);

#endif /* WIPPYLI_COMMON_H */
