/* ========================================================================== >>lua/state
   Memory and code of Lua processes.
   wippyli_arena:  the memory of one process: small blocks cut from chunks that are dropped whole when
                   the process ends and kept warm for the next one. One thread at a time.
   wippyli_code:   one entry compiled: bytecode as this runtime dumped it, and what it needs. Made once
                   per revision of an entry, counted, immutable. Any thread.
   wippyli_bridge: one per runtime: modules, cached code, warm chunks. Modules are added before
                   processes start and only read later.
   Locks: one spin lock for the cache, held for a few loads, never during a compilation; a try-lock
   for each store of warm chunks.  Allocates: from the runtime (wippy_memory_get). */
#ifndef WIPPYLI_STATE_H
#define WIPPYLI_STATE_H

#include "process.h"
#include "api.h"

/* ------------------------------------------------------------------ locks */

typedef struct wippyli_lock {
    uint32_t word_; /* 0 = free */
} wippyli_lock;

WIPPYLI_FN bool wippyli_lock_try(wippyli_lock *lock);
WIPPYLI_FN void wippyli_lock_take(wippyli_lock *lock);
WIPPYLI_FN void wippyli_lock_drop(wippyli_lock *lock);

/* ------------------------------------------------------------------ arena */

#define WIPPYLI_SIZE_CLASSES 32 /* 8 .. 128 by 8, .. 256 by 16, .. 512 by 64, four more */
#define WIPPYLI_CLASS_MAX    1024
#define WIPPYLI_CHUNK_SIZES  5

/* Larger blocks come straight from the runtime; all of them where a checker looks for misuse. */
#if defined(__SANITIZE_ADDRESS__)
#define WIPPYLI_SMALL_MAX 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WIPPYLI_SMALL_MAX 0
#endif
#endif
#if !defined(WIPPYLI_SMALL_MAX)
#define WIPPYLI_SMALL_MAX WIPPYLI_CLASS_MAX
#endif
/* Up to here a class is 8 bytes wide, and the first block of a state, which is bigger, is none of them. */
#define WIPPYLI_QUICK_MAX (WIPPYLI_SMALL_MAX < 128 ? WIPPYLI_SMALL_MAX : 128)

/* struct wippyli_arena itself stands in process.h. */
typedef struct wippyli_chunk {
    struct wippyli_chunk *next;
    size_t size; /* bytes, this header included */
} wippyli_chunk;

typedef struct wippyli_large {
    struct wippyli_large *next;
    struct wippyli_large *previous;
    size_t size; /* bytes, this header included */
    size_t unused_;
} wippyli_large;

WIPPYLI_FN void wippyli_arena_init(wippyli_arena *arena, wippyli_bridge *bridge, size_t limit);
WIPPYLI_FN void wippyli_arena_drop(wippyli_arena *arena);

/* The lua_Alloc of every state; ud is the arena. Never fails to shrink. */
WIPPYLI_FN void *wippyli_arena_alloc(void *ud, void *ptr, size_t old_size, size_t new_size);

/* ------------------------------------------------------------------ modules */

#define WIPPYLI_MODULES_MAX (64 * WIPPYLI_GRANT_WORDS)
#define WIPPYLI_GLOBALS_MAX 64

/* A module that an embedder added. name and entries stand behind this struct. */
typedef struct wippyli_module {
    struct wippyli_module *next;
    wippyli_library library;
    void *user_data;
    size_t bytes; /* of this block */
} wippyli_module;

/* ------------------------------------------------------------------ code */

/* `name` under which something becomes a global, and what. */
typedef struct wippyli_need {
    const char *alias;
    const char *target; /* modules: same as alias; imports: entry id or module name as written */
} wippyli_need;

typedef struct wippyli_code {
    struct wippyli_code *next; /* in its bucket of the cache */
    uint64_t revision;         /* of the entry; 0 = not cached */
    uint32_t holds;            /* guarded by the cache's lock */
    uint32_t module_count;
    uint32_t import_count;
    const char *chunk_name; /* "=ns:name" */
    const char *method;     /* "" = none given */
    wippyli_need *modules;
    wippyli_need *imports;
    char *bytecode;
    size_t bytecode_bytes;
    unsigned char *types; /* table of type aliases, as the eraser made it; NULL = none is used */
    size_t types_size;
    size_t types_bytes; /* of the block */
    uint32_t arithmetic; /* WIPPYLI_ARITH_...: what the source has */
    size_t bytes;       /* of this block: struct, needs and texts */
} wippyli_code;

/* Code of an entry of a Lua kind, from the cache or compiled now; hold counted for the caller.
   Returns: WIPPY_OK, _ERR_NOMEM, _ERR_INVALID (no source), _ERR_SYNTAX; diag says why. */
WIPPYLI_FN wippy_result wippyli_code_get(wippyli_bridge *bridge, const wippy_entry *entry,
                                         wippyli_code **out, wippy_diag *diag);

/* Code of a description (a map like an entry's data), not cached. name: "ns:name" for messages. */
WIPPYLI_FN wippy_result wippyli_code_make(wippyli_bridge *bridge, const char *name,
                                          wippy_slice data, wippyli_code **out, wippy_diag *diag);
WIPPYLI_FN void wippyli_code_release(wippyli_bridge *bridge, wippyli_code *code);

/* The entry is replaced or gone: nobody finds its code any more. */
WIPPYLI_FN void wippyli_code_forget(wippyli_bridge *bridge, uint64_t revision);

/* Push the chunk of `code` as a function. Protected. */
WIPPYLI_FN void wippyli_code_load(lua_State *L, const wippyli_code *code);

/* ------------------------------------------------------------------ bridge */

#define WIPPYLI_CODE_BUCKETS 64
#define WIPPYLI_STORES       4

/* Warm chunks; several, so that workers rarely meet. */
typedef struct wippyli_store {
    wippyli_lock lock;
    size_t bytes;
    wippyli_chunk *chunks[WIPPYLI_CHUNK_SIZES];
    char padding_[8]; /* a cache line each */
} wippyli_store;

struct wippyli_bridge {
    wippy_runtime *rt;
    wippy_lua_desc desc; /* defaults resolved */
    wippy_type type;
    wippyli_mem mem; /* the runtime's memory in the form the lower modules want */
    wippyli_hooks hooks;
    wippyli_sandbox sandbox; /* points to the three below */
    wippyli_library globals;
    wippyli_entry global_entries[WIPPYLI_GLOBALS_MAX];
    const wippyli_library *modules[WIPPYLI_MODULES_MAX];
    wippyli_module *added;
    wippyli_lock code_lock;
    wippyli_code *code[WIPPYLI_CODE_BUCKETS]; /* guarded by code_lock */
    wippyli_store stores[WIPPYLI_STORES];
};

WIPPYLI_FN wippy_result wippyli_bridge_make(wippy_runtime *rt, const wippy_lua_desc *desc,
                                            wippyli_bridge **out);
WIPPYLI_FN void wippyli_bridge_free(wippyli_bridge *bridge);

/* Give every process a global, in order of names or not. For wippy_lua_open().
   Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_bridge_global(wippyli_bridge *bridge, const wippyli_entry *entry);

/* Offer a module to processes that name it; one of the same name is replaced. The library is static,
   or owned by the bridge.
   Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_bridge_module(wippyli_bridge *bridge,
                                              const wippyli_library *library);
WIPPYLI_FN wippy_result wippyli_bridge_add(wippyli_bridge *bridge,
                                           const wippy_lua_module_desc *desc);
/* Is there a module or global of that name? */
WIPPYLI_FN bool wippyli_bridge_has(const wippyli_bridge *bridge, const char *name);
WIPPYLI_FN wippyli_module *wippyli_bridge_added(const wippyli_bridge *bridge, const char *name);

#endif /* WIPPYLI_STATE_H */
