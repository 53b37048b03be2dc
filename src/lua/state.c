/* ========================================================================== >>lua/state.c */
#include "state.h"
#include "erase.h"
#include "lexer.h"
#include "typevalue.h"

#include <string.h>
#if defined(_MSC_VER)
#include <intrin.h>
#endif

/* ------------------------------------------------------------------ locks */

/* acquire on take, release on drop: what stands between them is seen by the next holder. */
WIPPYLI_FN bool wippyli_lock_try(wippyli_lock *lock)
{
#if defined(_MSC_VER)
    return _InterlockedExchange((volatile long *)&lock->word_, 1) == 0;
#else
    return __atomic_exchange_n(&lock->word_, 1u, __ATOMIC_ACQUIRE) == 0;
#endif
}

WIPPYLI_FN void wippyli_lock_take(wippyli_lock *lock)
{
    while (!wippyli_lock_try(lock)) {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
        __builtin_ia32_pause();
#endif
    }
}

WIPPYLI_FN void wippyli_lock_drop(wippyli_lock *lock)
{
#if defined(_MSC_VER)
    _InterlockedExchange((volatile long *)&lock->word_, 0);
#else
    __atomic_store_n(&lock->word_, 0u, __ATOMIC_RELEASE);
#endif
}

/* ------------------------------------------------------------------ size classes */

/* 720 is a fresh Lua stack, the others from 256 on tables of the sizes that Lua gives them. */
static const uint16_t wippyli_class_sizes[WIPPYLI_SIZE_CLASSES] = {
    8,   16,  24,  32,  40,  48,  56,  64,  72,  80,  88,  96,  104, 112, 120, 128,
    144, 160, 176, 192, 208, 224, 240, 256, 320, 384, 448, 512, 640, 720, 768, 1024};

/* Class that holds `size` bytes, 1 .. WIPPYLI_CLASS_MAX. Blocks are 8-byte aligned, which is all that
   Lua and the structs of the bridge need. */
static uint32_t wippyli_class_of(size_t size)
{
    if (size <= 128) {
        return (uint32_t)((size + 7) / 8) - 1;
    }
    if (size <= 256) {
        return 16 + (uint32_t)((size - 128 + 15) / 16) - 1;
    }
    if (size <= 512) {
        return 24 + (uint32_t)((size - 256 + 63) / 64) - 1;
    }
    return size <= 640 ? 28 : size <= 720 ? 29 : size <= 768 ? 30 : 31;
}

/* The heads of the free lists of classes up to 128 bytes stand at the beginning of the first chunk, and
   behind them the address of those of bigger classes, which many processes never need: the first big
   block that is freed becomes their place. */
#define WIPPYLI_QUICK_CLASSES 16
#define WIPPYLI_FREE_WORDS    (WIPPYLI_QUICK_CLASSES + 1)

/* NULL: there is none yet. */
static void **wippyli_free_list(const wippyli_arena *arena, uint32_t size_class)
{
    if (size_class < WIPPYLI_QUICK_CLASSES) {
        return &arena->free_lists[size_class];
    }
    void **big = (void **)arena->free_lists[WIPPYLI_QUICK_CLASSES];
    return big ? &big[size_class - WIPPYLI_QUICK_CLASSES] : NULL;
}

static void wippyli_arena_scatter(wippyli_arena *arena, char *rest, size_t size);

static void wippyli_arena_keep(wippyli_arena *arena, void *block, uint32_t size_class)
{
    void **list = wippyli_free_list(arena, size_class);
    if (list) {
        *(void **)block = *list;
        *list = block;
        return;
    }
    size_t bytes = (WIPPYLI_SIZE_CLASSES - WIPPYLI_QUICK_CLASSES) * sizeof(void *);
    memset(block, 0, bytes);
    arena->free_lists[WIPPYLI_QUICK_CLASSES] = block;
    wippyli_arena_scatter(arena, (char *)block + bytes, wippyli_class_sizes[size_class] - bytes);
}

/* Cut a rest of `size` bytes (a multiple of 8) into free blocks. */
static void wippyli_arena_scatter(wippyli_arena *arena, char *rest, size_t size)
{
    while (size >= 8) {
        uint32_t size_class =
            size >= WIPPYLI_CLASS_MAX ? WIPPYLI_SIZE_CLASSES - 1 : wippyli_class_of(size);
        if (wippyli_class_sizes[size_class] > size) {
            size_class--;
        }
        wippyli_arena_keep(arena, rest, size_class);
        rest += wippyli_class_sizes[size_class];
        size -= wippyli_class_sizes[size_class];
    }
}

/* ------------------------------------------------------------------ chunks */

/* The first is what an idle process with an inbox fills, to the byte: who makes that process bigger makes
   it take 512 more. Small steps follow, later ones grow with the process. */
static const uint32_t wippyli_chunk_sizes[WIPPYLI_CHUNK_SIZES] = {7184, 512, 2048, 16384, 32768};

#define WIPPYLI_FIRST_MAX 4096 /* bytes of a first block */

static uint32_t wippyli_chunk_pick(const wippyli_arena *arena, size_t size)
{
    if (arena->held == 0) {
        return 0;
    }
    if (arena->held < 10240 && size <= 320) {
        return 1;
    }
    if (arena->held < 32768) {
        return 2;
    }
    return arena->held < 131072 ? 3 : 4;
}

static wippyli_store *wippyli_store_of(wippyli_bridge *bridge, const void *near_to)
{
    uintptr_t bits = (uintptr_t)near_to;
    return &bridge->stores[((bits >> 12) ^ (bits >> 16)) % WIPPYLI_STORES];
}

static wippyli_chunk *wippyli_chunk_get(wippyli_bridge *bridge, uint32_t pick)
{
    char here = 0; /* its address differs between threads */
    wippyli_store *store = wippyli_store_of(bridge, &here);
    wippyli_chunk *chunk = NULL;
    if (wippyli_lock_try(&store->lock)) {
        chunk = store->chunks[pick];
        if (chunk) {
            store->chunks[pick] = chunk->next;
            store->bytes -= chunk->size;
        }
        wippyli_lock_drop(&store->lock);
    }
    if (!chunk) {
        chunk = (wippyli_chunk *)wippy_memory_get(bridge->rt, wippyli_chunk_sizes[pick]);
        if (chunk) {
            chunk->size = wippyli_chunk_sizes[pick];
        }
    }
    return chunk;
}

static bool wippyli_chunk_store(wippyli_bridge *bridge, wippyli_store *store, wippyli_chunk *chunk)
{
    if (store->bytes + chunk->size > bridge->desc.recycle_bytes / WIPPYLI_STORES) {
        return false;
    }
    for (uint32_t pick = 0; pick < WIPPYLI_CHUNK_SIZES; pick++) {
        if (wippyli_chunk_sizes[pick] == chunk->size) {
            chunk->next = store->chunks[pick];
            store->chunks[pick] = chunk;
            store->bytes += chunk->size;
            return true;
        }
    }
    return false;
}

/* All chunks of an ended process: to the store of this thread, or back to the runtime. */
static void wippyli_chunks_put(wippyli_bridge *bridge, wippyli_chunk *chunks)
{
    wippyli_store *store = wippyli_store_of(bridge, &chunks);
    bool locked = !bridge->desc.no_recycle && wippyli_lock_try(&store->lock);
    wippyli_chunk *rest = NULL;
    while (chunks) {
        wippyli_chunk *chunk = chunks;
        chunks = chunk->next;
        if (!locked || !wippyli_chunk_store(bridge, store, chunk)) {
            chunk->next = rest;
            rest = chunk;
        }
    }
    if (locked) {
        wippyli_lock_drop(&store->lock);
    }
    while (rest) {
        wippyli_chunk *chunk = rest;
        rest = chunk->next;
        wippy_memory_put(bridge->rt, chunk, chunk->size);
    }
}

static void wippyli_arena_add_chunk(wippyli_arena *arena, wippyli_chunk *chunk)
{
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->held += chunk->size;
}

/* Make room for a block of `size` bytes, at most WIPPYLI_FIRST_MAX. */
static bool wippyli_arena_grow(wippyli_arena *arena, size_t size)
{
    wippyli_chunk *chunk = wippyli_chunk_get(arena->bridge, wippyli_chunk_pick(arena, size));
    if (!chunk) {
        return false;
    }
    if (arena->free_lists) {
        wippyli_arena_scatter(arena, arena->bump, (size_t)(arena->bump_end - arena->bump));
    }
    wippyli_arena_add_chunk(arena, chunk);
    arena->bump = (char *)(chunk + 1);
    arena->bump_end = (char *)chunk + chunk->size;
    if (!arena->free_lists) {
        arena->free_lists = (void **)(void *)arena->bump;
        memset(arena->free_lists, 0, WIPPYLI_FREE_WORDS * sizeof(void *));
        arena->bump += WIPPYLI_FREE_WORDS * sizeof(void *);
    }
    return true;
}

/* ------------------------------------------------------------------ blocks */

static void *wippyli_small_slow(wippyli_arena *arena, uint32_t size_class)
{
    size_t size = wippyli_class_sizes[size_class];
    for (uint32_t c = size_class + 1; arena->free_lists && c < WIPPYLI_SIZE_CLASSES; c++) {
        void **list = wippyli_free_list(arena, c);
        if (!list) {
            break;
        }
        char *block = (char *)*list;
        if (block) {
            *list = *(void **)(void *)block;
            wippyli_arena_scatter(arena, block + size, wippyli_class_sizes[c] - size);
            return block;
        }
    }
    if (!wippyli_arena_grow(arena, size)) {
        return NULL;
    }
    char *block = arena->bump;
    arena->bump += size;
    return block;
}

static void *wippyli_small_get(wippyli_arena *arena, size_t size)
{
    uint32_t size_class = wippyli_class_of(size);
    size_t rounded = wippyli_class_sizes[size_class];
    void **list = arena->free_lists ? wippyli_free_list(arena, size_class) : NULL;
    if (list && *list) {
        void *block = *list;
        *list = *(void **)block;
        return block;
    }
    if ((size_t)(arena->bump_end - arena->bump) >= rounded) {
        char *block = arena->bump;
        arena->bump += rounded;
        return block;
    }
    return wippyli_small_slow(arena, size_class);
}

static void *wippyli_large_get(wippyli_arena *arena, size_t size)
{
    size_t bytes = sizeof(wippyli_large) + ((size + 15) & ~(size_t)15);
    wippyli_large *large =
        bytes > size ? (wippyli_large *)wippy_memory_get(arena->bridge->rt, bytes) : NULL;
    if (!large) {
        return NULL;
    }
    large->size = bytes;
    large->previous = NULL;
    large->next = arena->large;
    if (arena->large) {
        arena->large->previous = large;
    }
    arena->large = large;
    arena->held += bytes;
    return large + 1;
}

static void wippyli_large_unlink(wippyli_arena *arena, wippyli_large *large)
{
    if (large->previous) {
        large->previous->next = large->next;
    } else {
        arena->large = large->next;
    }
    if (large->next) {
        large->next->previous = large->previous;
    }
    arena->held -= large->size;
}

/* The first block of a state, its lua_State, stays as long as the state does: cut off whole. */
static void *wippyli_first_get(wippyli_arena *arena, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (!wippyli_arena_grow(arena, size)) {
        return NULL;
    }
    char *block = arena->bump;
    arena->bump += size;
    return block;
}

static bool wippyli_is_first(const wippyli_arena *arena, const void *ptr)
{
    return arena->free_lists && ptr == (const void *)(arena->free_lists + WIPPYLI_FREE_WORDS);
}

static void *wippyli_block_get(wippyli_arena *arena, size_t size)
{
    if (!arena->free_lists && WIPPYLI_SMALL_MAX > 0 && size <= WIPPYLI_FIRST_MAX) {
        return wippyli_first_get(arena, size);
    }
    return size <= WIPPYLI_SMALL_MAX ? wippyli_small_get(arena, size)
                                     : wippyli_large_get(arena, size);
}

static void wippyli_block_put(wippyli_arena *arena, void *ptr, size_t size)
{
    if (wippyli_is_first(arena, ptr)) {
        return; /* goes with its chunk */
    }
    if (size <= WIPPYLI_SMALL_MAX) {
        wippyli_arena_keep(arena, ptr, wippyli_class_of(size));
        return;
    }
    wippyli_large *large = (wippyli_large *)ptr - 1;
    wippyli_large_unlink(arena, large);
    wippy_memory_put(arena->bridge->rt, large, large->size);
}

/* Lua counts on shrinking: without memory for the smaller block the bigger one stays. A large block
   that must pass for a small one from now on becomes a chunk, so that it is dropped with the rest. */
static void *wippyli_block_shrunk(wippyli_arena *arena, void *ptr, size_t new_size)
{
    if (new_size <= WIPPYLI_SMALL_MAX) {
        wippyli_large *large = (wippyli_large *)ptr - 1;
        size_t bytes = large->size;
        wippyli_large_unlink(arena, large);
        wippyli_chunk *chunk = (wippyli_chunk *)(void *)large;
        chunk->size = bytes;
        wippyli_arena_add_chunk(arena, chunk);
    }
    return ptr;
}

static void *wippyli_block_move(wippyli_arena *arena, void *ptr, size_t old_size, size_t new_size)
{
    if (old_size <= WIPPYLI_SMALL_MAX && new_size <= WIPPYLI_SMALL_MAX &&
        wippyli_class_of(old_size) == wippyli_class_of(new_size)) {
        return ptr;
    }
    bool shrinks = new_size < old_size;
    void *block = wippyli_block_get(arena, new_size);
    if (!block) {
        if (!shrinks) {
            return NULL;
        }
        bool large = old_size > WIPPYLI_SMALL_MAX && !wippyli_is_first(arena, ptr);
        return large ? wippyli_block_shrunk(arena, ptr, new_size) : ptr;
    }
    memcpy(block, ptr, shrinks ? new_size : old_size);
    wippyli_block_put(arena, ptr, old_size);
    return block;
}

/* ------------------------------------------------------------------ arena */

WIPPYLI_FN void wippyli_arena_init(wippyli_arena *arena, wippyli_bridge *bridge, size_t limit)
{
    memset(arena, 0, sizeof(*arena));
    arena->bridge = bridge;
    arena->limit = limit ? limit : SIZE_MAX;
}

WIPPYLI_FN void wippyli_arena_drop(wippyli_arena *arena)
{
    while (arena->large) {
        wippyli_large *large = arena->large;
        arena->large = large->next;
        wippy_memory_put(arena->bridge->rt, large, large->size);
    }
    wippyli_chunks_put(arena->bridge, arena->chunks);
    wippyli_arena_init(arena, arena->bridge, arena->limit);
}

static bool wippyli_arena_allows(const wippyli_arena *arena, size_t more)
{
    size_t taken = arena->used + arena->other;
    return taken <= arena->limit && more <= arena->limit - taken;
}

static void *wippyli_arena_alloc_slow(wippyli_arena *arena, void *ptr, size_t old_size,
                                      size_t new_size)
{
    if (!ptr) {
        old_size = 0; /* a type tag */
    }
    if (new_size == 0) {
        if (ptr && old_size > 0) {
            wippyli_block_put(arena, ptr, old_size);
            arena->used -= old_size;
        }
        return NULL;
    }
    if (new_size > old_size && !wippyli_arena_allows(arena, new_size - old_size)) {
        return NULL;
    }
    void *block = old_size == 0 ? wippyli_block_get(arena, new_size)
                                : wippyli_block_move(arena, ptr, old_size, new_size);
    if (block) {
        arena->used += new_size - old_size; /* modular when it shrinks */
    }
    return block;
}

/* A block of at most WIPPYLI_QUICK_MAX bytes where that takes a few loads; NULL = ask elsewhere. */
WIPPYLI_INLINE void *wippyli_quick_get(wippyli_arena *arena, size_t size)
{
    void **list = &arena->free_lists[(size - 1) / 8];
    char *block = (char *)*list;
    if (block) {
        *list = *(void **)(void *)block;
        return block;
    }
    size_t rounded = (size + 7) & ~(size_t)7;
    if ((size_t)(arena->bump_end - arena->bump) < rounded) {
        return NULL;
    }
    block = arena->bump;
    arena->bump += rounded;
    return block;
}

/* Objects of messages are small, and a block of their size was freed a moment ago. */
WIPPYLI_FN void *wippyli_arena_alloc(void *ud, void *ptr, size_t old_size, size_t new_size)
{
    wippyli_arena *arena = (wippyli_arena *)ud;
    if (!ptr && new_size > 0 && new_size <= WIPPYLI_QUICK_MAX && arena->free_lists &&
        wippyli_arena_allows(arena, new_size)) {
        void *block = wippyli_quick_get(arena, new_size);
        if (block) {
            arena->used += new_size;
            return block;
        }
    } else if (ptr && new_size == 0 && old_size > 0 && old_size <= WIPPYLI_QUICK_MAX) {
        void **list = &arena->free_lists[(old_size - 1) / 8];
        *(void **)ptr = *list;
        *list = ptr;
        arena->used -= old_size;
        return NULL;
    }
    return wippyli_arena_alloc_slow(arena, ptr, old_size, new_size);
}

/* ------------------------------------------------------------------ compiling */

/* Chunk names begin with '=', so that messages show the id as it is. */
typedef struct wippyli_compile {
    wippyli_bridge *bridge;
    const char *chunk_name;
    const char *text;
    size_t size;
    char *bytecode;
    size_t used;
    size_t room;
    wippy_result result;
    wippy_diag *diag;
} wippyli_compile;

static void wippyli_diag_set(wippy_diag *diag, wippy_result code, const char *file,
                             const char *message)
{
    if (diag) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        strncat(diag->file, file, sizeof(diag->file) - 1);
        strncat(diag->message, message, sizeof(diag->message) - 1);
    }
}

static int wippyli_compile_write(lua_State *L, const void *data, size_t size, void *ud)
{
    wippyli_compile *job = (wippyli_compile *)ud;
    (void)L;
    if (size > job->room - job->used) {
        size_t room = (job->used + size) * 2;
        char *grown = (char *)wippy_memory_get(job->bridge->rt, room);
        if (!grown) {
            job->result = WIPPY_ERR_NOMEM;
            return 1;
        }
        if (job->bytecode) {
            memcpy(grown, job->bytecode, job->used);
            wippy_memory_put(job->bridge->rt, job->bytecode, job->room);
        }
        job->bytecode = grown;
        job->room = room;
    }
    memcpy(job->bytecode + job->used, data, size);
    job->used += size;
    return 0;
}

static int wippyli_compile_body(lua_State *L)
{
    wippyli_compile *job = (wippyli_compile *)lua_touserdata(L, 1);
    int status = luaL_loadbufferx(L, job->text, job->size, job->chunk_name, "t");
    if (status != LUA_OK) {
        job->result = status == LUA_ERRMEM ? WIPPY_ERR_NOMEM : WIPPY_ERR_SYNTAX;
        wippyli_diag_set(job->diag, job->result, job->chunk_name + 1, lua_tostring(L, -1));
        return 0;
    }
    lua_dump(L, wippyli_compile_write, job, 0);
    return 0;
}

/* Compile in a state of its own, so that the parser leaves nothing in the process. */
static void wippyli_compile_run(wippyli_compile *job)
{
    wippyli_arena arena;
    wippyli_arena_init(&arena, job->bridge, 0);
    lua_State *L = lua_newstate(wippyli_arena_alloc, &arena);
    if (!L) {
        job->result = WIPPY_ERR_NOMEM;
    } else {
        lua_gc(L, LUA_GCSTOP);
        lua_pushcfunction(L, wippyli_compile_body);
        lua_pushlightuserdata(L, job);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
            job->result = WIPPY_ERR_NOMEM;
        }
    }
    wippyli_arena_drop(&arena);
}

/* Give the bytecode its exact size. */
static void wippyli_compile_trim(wippyli_compile *job)
{
    char *exact = (char *)wippy_memory_get(job->bridge->rt, job->used);
    if (exact) {
        memcpy(exact, job->bytecode, job->used);
    } else {
        job->result = WIPPY_ERR_NOMEM;
    }
    wippy_memory_put(job->bridge->rt, job->bytecode, job->room);
    job->bytecode = exact;
    job->room = job->used;
}

/* Aliases are kept only where the program uses them as values. */
static void wippyli_compile_types(wippyli_code *code, wippyli_erased *erased,
                                  const wippyli_compile *job)
{
    if (erased->types &&
        wippyli_types_used(erased->types, erased->types_size, job->text, job->size)) {
        code->types = erased->types;
        code->types_size = erased->types_size;
        code->types_bytes = erased->types_capacity;
        erased->types = NULL;
    }
}

static wippy_result wippyli_compile_source(wippyli_bridge *bridge, wippyli_code *code,
                                           wippy_slice source, wippy_diag *diag)
{
    wippyli_erased erased;
    wippy_result result =
        wippyli_erase(&bridge->mem, code->chunk_name + 1, source.data, source.size, &erased, diag);
    if (result != WIPPY_OK) {
        return result;
    }
    wippyli_compile job;
    memset(&job, 0, sizeof(job));
    job.bridge = bridge;
    job.chunk_name = code->chunk_name;
    job.text = erased.text ? erased.text : source.data;
    job.size = erased.text ? erased.size : source.size;
    job.diag = diag;
    wippyli_compile_run(&job);
    if (job.result == WIPPY_OK) {
        wippyli_compile_trim(&job);
    } else if (job.bytecode) {
        wippy_memory_put(bridge->rt, job.bytecode, job.room);
    }
    if (job.result == WIPPY_OK) {
        code->bytecode = job.bytecode;
        code->bytecode_bytes = job.used;
        code->arithmetic = wippyli_lexer_arithmetic(job.text, job.size);
        wippyli_compile_types(code, &erased, &job);
    } else if (job.result == WIPPY_ERR_NOMEM) {
        wippyli_diag_set(diag, WIPPY_ERR_NOMEM, code->chunk_name + 1, "out of memory");
    }
    wippyli_erased_release(&bridge->mem, &erased);
    return job.result;
}

/* ------------------------------------------------------------------ code */

/* One pass counts texts and needs, a second one copies them behind the struct. */
typedef struct wippyli_code_plan {
    char *text; /* next free byte; NULL while counting */
    size_t text_bytes;
    wippyli_need *need;
    uint32_t module_count;
    uint32_t import_count;
} wippyli_code_plan;

static const char *wippyli_plan_text(wippyli_code_plan *plan, const char *prefix, wippy_slice text)
{
    size_t prefix_size = strlen(prefix);
    char *copy = plan->text;
    plan->text_bytes += prefix_size + text.size + 1;
    if (copy) {
        memcpy(copy, prefix, prefix_size);
        if (text.size > 0) {
            memcpy(copy + prefix_size, text.data, text.size);
        }
        copy[prefix_size + text.size] = 0;
        plan->text += prefix_size + text.size + 1;
    }
    return copy;
}

static wippy_slice wippyli_text_of(wippy_slice encoded)
{
    return wippy_value_string(encoded, "", "");
}

static void wippyli_plan_modules(wippyli_code_plan *plan, wippy_slice data)
{
    wippy_slice list;
    wippy_value_iter iter;
    if (wippy_value_get(data, "modules", &list) != WIPPY_OK) {
        return;
    }
    for (wippy_value_each(list, &iter); wippy_value_next(&iter);) {
        const char *name = wippyli_plan_text(plan, "", wippyli_text_of(iter.value));
        if (plan->text) {
            plan->need->alias = name;
            plan->need->target = name;
            plan->need++;
        }
        plan->module_count++;
    }
}

static void wippyli_plan_imports(wippyli_code_plan *plan, wippy_slice data)
{
    wippy_slice map;
    wippy_value_iter iter;
    if (wippy_value_get(data, "imports", &map) != WIPPY_OK) {
        return;
    }
    for (wippy_value_each(map, &iter); wippy_value_next(&iter);) {
        const char *alias = wippyli_plan_text(plan, "", iter.name);
        const char *target = wippyli_plan_text(plan, "", wippyli_text_of(iter.value));
        if (plan->text) {
            plan->need->alias = alias;
            plan->need->target = target;
            plan->need++;
        }
        plan->import_count++;
    }
}

static void wippyli_plan_run(wippyli_code_plan *plan, wippyli_code *code, const char *name,
                             wippy_slice data)
{
    wippy_slice id;
    id.data = name;
    id.size = strlen(name);
    const char *chunk_name = wippyli_plan_text(plan, "=", id);
    const char *method = wippyli_plan_text(plan, "", wippy_value_string(data, "method", ""));
    if (code) {
        code->chunk_name = chunk_name;
        code->method = method;
    }
    wippyli_plan_modules(plan, data);
    wippyli_plan_imports(plan, data);
}

static wippyli_code *wippyli_code_new(wippyli_bridge *bridge, const char *name, wippy_slice data)
{
    wippyli_code_plan plan;
    memset(&plan, 0, sizeof(plan));
    wippyli_plan_run(&plan, NULL, name, data);
    size_t need_bytes = (plan.module_count + plan.import_count) * sizeof(wippyli_need);
    size_t bytes = sizeof(wippyli_code) + need_bytes + plan.text_bytes;
    wippyli_code *code = (wippyli_code *)wippy_memory_get(bridge->rt, bytes);
    if (!code) {
        return NULL;
    }
    memset(code, 0, sizeof(*code));
    code->bytes = bytes;
    code->holds = 1;
    code->modules = (wippyli_need *)(void *)(code + 1);
    code->imports = code->modules + plan.module_count;
    code->module_count = plan.module_count;
    code->import_count = plan.import_count;
    plan.need = code->modules;
    plan.text = (char *)(code + 1) + need_bytes;
    wippyli_plan_run(&plan, code, name, data);
    return code;
}

static void wippyli_code_free(wippyli_bridge *bridge, wippyli_code *code)
{
    if (code->bytecode) {
        wippy_memory_put(bridge->rt, code->bytecode, code->bytecode_bytes);
    }
    if (code->types) {
        wippy_memory_put(bridge->rt, code->types, code->types_bytes);
    }
    wippy_memory_put(bridge->rt, code, code->bytes);
}

WIPPYLI_FN wippy_result wippyli_code_make(wippyli_bridge *bridge, const char *name,
                                          wippy_slice data, wippyli_code **out, wippy_diag *diag)
{
    bool is_map = wippy_value_type_of(data) == WIPPY_MAP;
    wippy_slice source = wippy_value_string(data, is_map ? "source" : "", NULL);
    if (!source.data) {
        wippyli_diag_set(diag, WIPPY_ERR_INVALID, name, "source is required");
        return WIPPY_ERR_INVALID;
    }
    wippyli_code *code = wippyli_code_new(bridge, name, data);
    if (!code) {
        wippyli_diag_set(diag, WIPPY_ERR_NOMEM, name, "out of memory");
        return WIPPY_ERR_NOMEM;
    }
    wippy_result result = wippyli_compile_source(bridge, code, source, diag);
    if (result != WIPPY_OK) {
        wippyli_code_free(bridge, code);
        return result;
    }
    *out = code;
    return WIPPY_OK;
}

static wippyli_code **wippyli_code_bucket(wippyli_bridge *bridge, uint64_t revision)
{
    return &bridge->code[revision % WIPPYLI_CODE_BUCKETS];
}

/* Under the lock: the cached code, held once more, or NULL. */
static wippyli_code *wippyli_code_look(wippyli_bridge *bridge, uint64_t revision)
{
    wippyli_code *code = *wippyli_code_bucket(bridge, revision);
    while (code && code->revision != revision) {
        code = code->next;
    }
    if (code) {
        code->holds++;
    }
    return code;
}

/* Another thread may have been faster; then its code is the one. */
static wippyli_code *wippyli_code_publish(wippyli_bridge *bridge, wippyli_code *code,
                                          uint64_t revision)
{
    wippyli_lock_take(&bridge->code_lock);
    wippyli_code *first = wippyli_code_look(bridge, revision);
    if (!first) {
        wippyli_code **bucket = wippyli_code_bucket(bridge, revision);
        code->revision = revision;
        code->holds++;
        code->next = *bucket;
        *bucket = code;
    }
    wippyli_lock_drop(&bridge->code_lock);
    if (first) {
        wippyli_code_free(bridge, code);
        return first;
    }
    return code;
}

WIPPYLI_FN wippy_result wippyli_code_get(wippyli_bridge *bridge, const wippy_entry *entry,
                                         wippyli_code **out, wippy_diag *diag)
{
    uint64_t revision = wippy_entry_revision(entry);
    wippyli_lock_take(&bridge->code_lock);
    wippyli_code *code = wippyli_code_look(bridge, revision);
    wippyli_lock_drop(&bridge->code_lock);
    if (!code) {
        wippy_result result =
            wippyli_code_make(bridge, wippy_entry_id(entry), wippy_entry_data(entry), &code, diag);
        if (result != WIPPY_OK) {
            return result;
        }
        code = wippyli_code_publish(bridge, code, revision);
    }
    *out = code;
    return WIPPY_OK;
}

WIPPYLI_FN void wippyli_code_release(wippyli_bridge *bridge, wippyli_code *code)
{
    wippyli_lock_take(&bridge->code_lock);
    bool last = --code->holds == 0;
    wippyli_lock_drop(&bridge->code_lock);
    if (last) {
        wippyli_code_free(bridge, code);
    }
}

WIPPYLI_FN void wippyli_code_forget(wippyli_bridge *bridge, uint64_t revision)
{
    wippyli_lock_take(&bridge->code_lock);
    wippyli_code **link = wippyli_code_bucket(bridge, revision);
    while (*link && (*link)->revision != revision) {
        link = &(*link)->next;
    }
    wippyli_code *code = *link;
    if (code) {
        *link = code->next;
    }
    wippyli_lock_drop(&bridge->code_lock);
    if (code) {
        wippyli_code_release(bridge, code);
    }
}

static const char *wippyli_code_read(lua_State *L, void *ud, size_t *size)
{
    const wippyli_code **next = (const wippyli_code **)ud;
    const wippyli_code *code = *next;
    (void)L;
    *next = NULL;
    *size = code ? code->bytecode_bytes : 0;
    return code ? code->bytecode : NULL;
}

WIPPYLI_FN void wippyli_code_load(lua_State *L, const wippyli_code *code)
{
    const wippyli_code *next = code;
    if (lua_load(L, wippyli_code_read, &next, code->chunk_name, "b") != LUA_OK) {
        lua_error(L);
    }
}

/* ------------------------------------------------------------------ bridge */

static void *wippyli_mem_from_runtime(size_t size, void *user_data)
{
    return wippy_memory_get((wippy_runtime *)user_data, size);
}

static void wippyli_mem_to_runtime(void *ptr, size_t size, void *user_data)
{
    wippy_memory_put((wippy_runtime *)user_data, ptr, size);
}

static void wippyli_desc_defaults(wippy_lua_desc *desc)
{
    if (desc->slice_instructions == 0) {
        desc->slice_instructions = 10000;
    }
    if (desc->slice_looks == 0) {
        desc->slice_looks = 100;
    }
    if (desc->recycle_bytes == 0) {
        desc->recycle_bytes = 4u << 20;
    }
}

WIPPYLI_FN wippy_result wippyli_bridge_make(wippy_runtime *rt, const wippy_lua_desc *desc,
                                            wippyli_bridge **out)
{
    wippyli_bridge *bridge = (wippyli_bridge *)wippy_memory_get(rt, sizeof(*bridge));
    if (!bridge) {
        return WIPPY_ERR_NOMEM;
    }
    memset(bridge, 0, sizeof(*bridge));
    bridge->rt = rt;
    if (desc) {
        bridge->desc = *desc;
    }
    wippyli_desc_defaults(&bridge->desc);
    bridge->mem.alloc_fn = wippyli_mem_from_runtime;
    bridge->mem.free_fn = wippyli_mem_to_runtime;
    bridge->mem.user_data = rt;
    bridge->globals.name = "_G";
    bridge->globals.entries = bridge->global_entries;
    bridge->sandbox.modules = bridge->modules;
    bridge->sandbox.ordinals =
        wippy_runtime_desc(rt)->random_seed != 0 || wippy_runtime_desc(rt)->sim.on;
    *out = bridge;
    return WIPPY_OK;
}

static void wippyli_store_empty(wippyli_bridge *bridge, wippyli_store *store)
{
    for (uint32_t pick = 0; pick < WIPPYLI_CHUNK_SIZES; pick++) {
        while (store->chunks[pick]) {
            wippyli_chunk *chunk = store->chunks[pick];
            store->chunks[pick] = chunk->next;
            wippy_memory_put(bridge->rt, chunk, chunk->size);
        }
    }
}

WIPPYLI_FN void wippyli_bridge_free(wippyli_bridge *bridge)
{
    for (uint32_t i = 0; i < WIPPYLI_CODE_BUCKETS; i++) {
        while (bridge->code[i]) {
            wippyli_code *code = bridge->code[i];
            bridge->code[i] = code->next;
            wippyli_code_free(bridge, code);
        }
    }
    for (uint32_t i = 0; i < WIPPYLI_STORES; i++) {
        wippyli_store_empty(bridge, &bridge->stores[i]);
    }
    while (bridge->added) {
        wippyli_module *module = bridge->added;
        bridge->added = module->next;
        wippy_memory_put(bridge->rt, module, module->bytes);
    }
    wippy_memory_put(bridge->rt, bridge, sizeof(*bridge));
}

/* ------------------------------------------------------------------ what processes see */

WIPPYLI_FN wippy_result wippyli_bridge_global(wippyli_bridge *bridge, const wippyli_entry *entry)
{
    wippyli_entry *entries = bridge->global_entries;
    uint32_t at = bridge->globals.entry_count;
    if (at == WIPPYLI_GLOBALS_MAX) {
        return WIPPY_ERR_LIMIT;
    }
    for (; at > 0 && strcmp(entries[at - 1].name, entry->name) > 0; at--) {
        entries[at] = entries[at - 1];
    }
    entries[at] = *entry;
    bridge->globals.entry_count++;
    return WIPPY_OK;
}

WIPPYLI_FN wippy_result wippyli_bridge_module(wippyli_bridge *bridge,
                                              const wippyli_library *library)
{
    uint32_t count = bridge->sandbox.module_count;
    uint32_t at = 0;
    while (at < count && strcmp(bridge->modules[at]->name, library->name) < 0) {
        at++;
    }
    if (at < count && strcmp(bridge->modules[at]->name, library->name) == 0) {
        bridge->modules[at] = library;
        return WIPPY_OK;
    }
    if (count == WIPPYLI_MODULES_MAX) {
        return WIPPY_ERR_LIMIT;
    }
    memmove(&bridge->modules[at + 1], &bridge->modules[at],
            (count - at) * sizeof(bridge->modules[0]));
    bridge->modules[at] = library;
    bridge->sandbox.module_count++;
    return WIPPY_OK;
}

WIPPYLI_FN bool wippyli_bridge_has(const wippyli_bridge *bridge, const char *name)
{
    for (uint32_t i = 0; i < bridge->sandbox.module_count; i++) {
        if (strcmp(bridge->modules[i]->name, name) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < bridge->globals.entry_count; i++) {
        if (strcmp(bridge->global_entries[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

WIPPYLI_FN wippyli_module *wippyli_bridge_added(const wippyli_bridge *bridge, const char *name)
{
    wippyli_module *module = bridge->added;
    while (module && strcmp(module->library.name, name) != 0) {
        module = module->next;
    }
    return module;
}

static void wippyli_module_entries(wippyli_entry *entries, const wippy_lua_module_desc *desc)
{
    for (uint32_t i = 0; i < desc->function_count; i++) {
        uint32_t at = i;
        for (; at > 0 && strcmp(entries[at - 1].name, desc->functions[i].name) > 0; at--) {
            entries[at] = entries[at - 1];
        }
        memset(&entries[at], 0, sizeof(entries[at]));
        entries[at].name = desc->functions[i].name;
        entries[at].function = desc->functions[i].fn;
    }
}

WIPPYLI_FN wippy_result wippyli_bridge_add(wippyli_bridge *bridge,
                                           const wippy_lua_module_desc *desc)
{
    size_t entry_bytes = desc->function_count * sizeof(wippyli_entry);
    size_t name_bytes = strlen(desc->name) + 1;
    size_t bytes = sizeof(wippyli_module) + entry_bytes + name_bytes;
    wippyli_module *module = (wippyli_module *)wippy_memory_get(bridge->rt, bytes);
    if (!module) {
        return WIPPY_ERR_NOMEM;
    }
    memset(module, 0, sizeof(*module));
    wippyli_entry *entries = (wippyli_entry *)(void *)(module + 1);
    char *name = (char *)entries + entry_bytes;
    memcpy(name, desc->name, name_bytes);
    wippyli_module_entries(entries, desc);
    module->library.name = name;
    module->library.entries = entries;
    module->library.entry_count = desc->function_count;
    module->library.make = desc->open;
    module->user_data = desc->user_data;
    module->bytes = bytes;
    wippy_result result = wippyli_bridge_module(bridge, &module->library);
    if (result != WIPPY_OK) {
        wippy_memory_put(bridge->rt, module, bytes);
        return result;
    }
    module->next = bridge->added;
    bridge->added = module;
    return WIPPY_OK;
}
