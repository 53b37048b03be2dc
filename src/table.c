#include "table.h"

#include <assert.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

/* Tests shrink this, so that different texts have one hash. */
#if !defined(WIPPYI_TABLE_HASH_MASK)
#define WIPPYI_TABLE_HASH_MASK UINT64_MAX
#endif

/* ---- stb_ds under private names ----
   The only place that includes stb_ds.h. A program may have its own: in another file, or in this
   one, before or after us, header or implementation. So, around our include, all its functions,
   types and enumerators are renamed, the functions are made static by declaring them so first, and
   its macros (with those that configure it) are put aside and restored. Where the program includes
   it in the same file, it has to be the same version.

   What stb_ds lacks, and what is done about it:
   - An allocation that fails is not noticed. Ours leaves by longjmp to a guard around the call.
     Only the three steps of wippyi_stb_make_room() and a shrinking erase allocate; each of them
     asks for memory before it changes anything, or after it has changed everything.
   - Its allocator has no context. Blocks carry theirs in a prefix; a new block finds it through the
     guard, and the guard through a static pointer under a static lock: it is held for the moment in
     which an index grows or shrinks, never for a look-up. The seed of its hashes is static too and
     only touched there.
   - Deleting without memory to rebuild leaves tombstones; a table without an empty slot would be
     searched for ever. So before a put the number of tombstones is brought below its limit, and
     that may fail. */

/* Every macro of stb_ds.h but the short names, which we do not ask for. */
/* clang-format off */
#define WIPPYI_STB_MACROS(X)                                                                       \
    X(INCLUDE_STB_DS_H) X(STB_DS_IMPLEMENTATION) X(STBDS_ADDRESSOF) X(STBDS_ALIGN_FWD)             \
    X(STBDS_ARR_TO_HASH) X(stbds_arraddn) X(stbds_arraddnindex) X(stbds_arraddnoff)                \
    X(stbds_arraddnptr) X(stbds_arrcap) X(stbds_arrdel) X(stbds_arrdeln) X(stbds_arrdelswap)       \
    X(stbds_arrfree) X(stbds_arrgrow) X(stbds_arrgrowf_wrapper) X(stbds_arrins) X(stbds_arrinsn)   \
    X(stbds_arrlast) X(stbds_arrlen) X(stbds_arrlenu) X(stbds_arrmaybegrow) X(stbds_arrpop)        \
    X(stbds_arrpush) X(stbds_arrput) X(stbds_arrsetcap) X(stbds_arrsetlen) X(STBDS_ASSERT)         \
    X(STBDS_ASSERT_WAS_UNDEFINED) X(STBDS_BUCKET_LENGTH) X(STBDS_BUCKET_MASK)                      \
    X(STBDS_BUCKET_SHIFT) X(STBDS_CACHE_LINE_SIZE) X(STBDS_FREE) X(STBDS_HAS_LITERAL_ARRAY)        \
    X(STBDS_HAS_TYPEOF) X(STBDS_HASH_DELETED) X(STBDS_HASH_EMPTY) X(stbds_hash_table)              \
    X(STBDS_HASH_TO_ARR) X(stbds_header) X(STBDS_HM_BINARY) X(STBDS_HM_STRING)                     \
    X(stbds_hmdefault) X(stbds_hmdefaults) X(stbds_hmdel) X(stbds_hmdel_key_wrapper)               \
    X(stbds_hmfree) X(stbds_hmget) X(stbds_hmget_key_ts_wrapper) X(stbds_hmget_key_wrapper)        \
    X(stbds_hmget_ts) X(stbds_hmgeti) X(stbds_hmgeti_ts) X(stbds_hmgetp) X(stbds_hmgetp_null)      \
    X(stbds_hmgetp_ts) X(stbds_hmgets) X(stbds_hmlen) X(stbds_hmlenu) X(stbds_hmput)               \
    X(stbds_hmput_default_wrapper) X(stbds_hmput_key_wrapper) X(stbds_hmputs)                      \
    X(STBDS_INDEX_DELETED) X(STBDS_INDEX_EMPTY) X(STBDS_INDEX_IN_USE)                              \
    X(STBDS_INTERNAL_BUCKET_START) X(STBDS_INTERNAL_SMALL_BUCKET) X(stbds_load_32_or_64)           \
    X(STBDS_NO_SHORT_NAMES) X(STBDS_NOTUSED) X(STBDS_OFFSETOF) X(stbds_pshdel) X(stbds_pshget)     \
    X(stbds_pshgeti) X(stbds_pshput) X(STBDS_REALLOC) X(STBDS_ROTATE_LEFT) X(STBDS_ROTATE_RIGHT)   \
    X(stbds_sh_new_arena) X(stbds_sh_new_strdup) X(stbds_shdefault) X(stbds_shdefaults)            \
    X(stbds_shdel) X(stbds_shfree) X(stbds_shget) X(stbds_shgeti) X(stbds_shgetp)                  \
    X(stbds_shgetp_null) X(stbds_shgets) X(stbds_shlen) X(stbds_shlenu)                            \
    X(stbds_shmode_func_wrapper) X(stbds_shput) X(stbds_shputi) X(stbds_shputs)                    \
    X(STBDS_SIPHASH_2_4) X(STBDS_SIPHASH_C_ROUNDS) X(STBDS_SIPHASH_D_ROUNDS) X(STBDS_SIPROUND)     \
    X(STBDS_SIZE_T_BITS) X(STBDS_STATISTICS) X(STBDS_STATS) X(STBDS_STRING_ARENA_BLOCKSIZE_MAX)    \
    X(STBDS_STRING_ARENA_BLOCKSIZE_MIN) X(stbds_temp) X(stbds_temp_key)                            \
    X(STBDS_TEST_SIPHASH_2_4) X(STBDS_UNIT_TESTS)
/* clang-format on */

#if defined(_MSC_VER) && !defined(__clang__)
#define WIPPYI_STB_PRAGMA(text) __pragma(text)
#else
#define WIPPYI_STB_TEXT(text)   #text
#define WIPPYI_STB_PRAGMA(text) _Pragma(WIPPYI_STB_TEXT(text))
#endif
#define WIPPYI_STB_PUSH(name) WIPPYI_STB_PRAGMA(push_macro(#name))
#define WIPPYI_STB_POP(name)  WIPPYI_STB_PRAGMA(pop_macro(#name))

/* clang-format off */
WIPPYI_STB_MACROS(WIPPYI_STB_PUSH)
/* clang-format on */

/* These are not the same wherever stb_ds.h is included. */
#undef INCLUDE_STB_DS_H
#undef STBDS_ASSERT
#undef STBDS_ASSERT_WAS_UNDEFINED
#undef STBDS_BUCKET_LENGTH
#undef STBDS_FREE
#undef STBDS_INTERNAL_BUCKET_START
#undef STBDS_INTERNAL_SMALL_BUCKET
#undef STBDS_NO_SHORT_NAMES
#undef STBDS_REALLOC
#undef STBDS_SIPHASH_2_4
#undef STBDS_SIPHASH_C_ROUNDS
#undef STBDS_SIPHASH_D_ROUNDS
#undef STBDS_STATISTICS
#undef STBDS_STATS
#undef STBDS_STRING_ARENA_BLOCKSIZE_MAX
#undef STBDS_STRING_ARENA_BLOCKSIZE_MIN
#undef STBDS_TEST_SIPHASH_2_4
#undef STBDS_UNIT_TESTS
#undef STB_DS_IMPLEMENTATION

#define stbds_rand_seed       wippyi_stb_rand_seed
#define stbds_hash_bytes      wippyi_stb_hash_bytes
#define stbds_hash_string     wippyi_stb_hash_string
#define stbds_stralloc        wippyi_stb_stralloc
#define stbds_strreset        wippyi_stb_strreset
#define stbds_unit_tests      wippyi_stb_unit_tests
#define stbds_arrgrowf        wippyi_stb_arrgrowf
#define stbds_arrfreef        wippyi_stb_arrfreef
#define stbds_hmfree_func     wippyi_stb_hmfree_func
#define stbds_hmget_key       wippyi_stb_hmget_key
#define stbds_hmget_key_ts    wippyi_stb_hmget_key_ts
#define stbds_hmput_default   wippyi_stb_hmput_default
#define stbds_hmput_key       wippyi_stb_hmput_key
#define stbds_hmdel_key       wippyi_stb_hmdel_key
#define stbds_shmode_func     wippyi_stb_shmode_func
#define stbds_log2            wippyi_stb_log2
#define stbds_make_hash_index wippyi_stb_make_hash_index
#define stbds_probe_position  wippyi_stb_probe_position
#define stbds_siphash_bytes   wippyi_stb_siphash_bytes
#define stbds_is_key_equal    wippyi_stb_is_key_equal
#define stbds_hm_find_slot    wippyi_stb_hm_find_slot
#define stbds_strdup          wippyi_stb_strdup
#define stbds_hash_seed       wippyi_stb_hash_seed
#define stbds_array_header    wippyi_stb_array_header
#define stbds_string_block    wippyi_stb_string_block
#define stbds_string_arena    wippyi_stb_string_arena
#define stbds_hash_bucket     wippyi_stb_hash_bucket
#define stbds_hash_index      wippyi_stb_hash_index
#define STBDS_SH_NONE         WIPPYI_STB_SH_NONE
#define STBDS_SH_DEFAULT      WIPPYI_STB_SH_DEFAULT
#define STBDS_SH_STRDUP       WIPPYI_STB_SH_STRDUP
#define STBDS_SH_ARENA        WIPPYI_STB_SH_ARENA
#if defined(__cplusplus) /* templates there, macros in C */
#define stbds_arrgrowf_wrapper      wippyi_stb_arrgrowf_wrapper
#define stbds_hmget_key_wrapper     wippyi_stb_hmget_key_wrapper
#define stbds_hmget_key_ts_wrapper  wippyi_stb_hmget_key_ts_wrapper
#define stbds_hmput_default_wrapper wippyi_stb_hmput_default_wrapper
#define stbds_hmput_key_wrapper     wippyi_stb_hmput_key_wrapper
#define stbds_hmdel_key_wrapper     wippyi_stb_hmdel_key_wrapper
#define stbds_shmode_func_wrapper   wippyi_stb_shmode_func_wrapper
#endif

#if WIPPYI_GNUC
#define WIPPYI_STB_FN static __attribute__((unused, no_sanitize("undefined"))) /* hashes shift */
#else
#define WIPPYI_STB_FN static
#endif

#if defined(__cplusplus)
extern "C" {
#endif
struct stbds_string_arena;
WIPPYI_STB_FN void stbds_rand_seed(size_t seed);
WIPPYI_STB_FN size_t stbds_hash_bytes(void *p, size_t len, size_t seed);
WIPPYI_STB_FN size_t stbds_hash_string(char *str, size_t seed);
WIPPYI_STB_FN size_t stbds_siphash_bytes(void *p, size_t len, size_t seed);
WIPPYI_STB_FN char *stbds_stralloc(struct stbds_string_arena *a, char *str);
WIPPYI_STB_FN void stbds_strreset(struct stbds_string_arena *a);
WIPPYI_STB_FN void *stbds_arrgrowf(void *a, size_t elemsize, size_t addlen, size_t min_cap);
WIPPYI_STB_FN void stbds_arrfreef(void *a);
WIPPYI_STB_FN void stbds_hmfree_func(void *p, size_t elemsize);
WIPPYI_STB_FN void *stbds_hmget_key(void *a, size_t elemsize, void *key, size_t keysize, int mode);
WIPPYI_STB_FN void *stbds_hmget_key_ts(void *a, size_t elemsize, void *key, size_t keysize,
                                       ptrdiff_t *temp, int mode);
WIPPYI_STB_FN void *stbds_hmput_default(void *a, size_t elemsize);
WIPPYI_STB_FN void *stbds_hmput_key(void *a, size_t elemsize, void *key, size_t keysize, int mode);
WIPPYI_STB_FN void *stbds_hmdel_key(void *a, size_t elemsize, void *key, size_t keysize,
                                    size_t keyoffset, int mode);
WIPPYI_STB_FN void *stbds_shmode_func(size_t elemsize, int mode);
#if defined(__cplusplus)
}
#endif

/* ---- its allocator ---- */

/* In front of every block stb_ds has; 16 bytes, so that what follows is aligned as it was. */
typedef union wippyi_stb_prefix {
    struct {
        wippyi_mem *mem;
        size_t size; /* with the prefix */
    } block;
    char room[16];
} wippyi_stb_prefix;

/* Whose memory, and where to go when there is none. */
typedef struct wippyi_stb_guard {
    jmp_buf leave;
    wippyi_mem *mem;
} wippyi_stb_guard;

static wippyi_mutex wippyi_stb_lock = WIPPYI_MUTEX_STATIC;
static wippyi_stb_guard *wippyi_stb_current; /* guarded by wippyi_stb_lock */

static void *wippyi_stb_realloc(void *ptr, size_t size)
{
    wippyi_stb_guard *guard = wippyi_stb_current;
    wippyi_stb_prefix *old = ptr != NULL ? (wippyi_stb_prefix *)ptr - 1 : NULL;
    size_t old_size = old != NULL ? old->block.size : 0;
    wippyi_stb_prefix *block = NULL;
    WIPPYI_ASSERT(guard != NULL); /* or a call allocates that we thought does not */
    size += sizeof(*block);
    block = (wippyi_stb_prefix *)wippyi_mem_resize(guard->mem, old, old_size, size);
    if (block == NULL) {
        longjmp(guard->leave, 1);
    }
    block->block.mem = guard->mem;
    block->block.size = size;
    return block + 1;
}

static void wippyi_stb_free(void *ptr)
{
    if (ptr != NULL) {
        wippyi_stb_prefix *block = (wippyi_stb_prefix *)ptr - 1;
        wippyi_mem_free(block->block.mem, block, block->block.size);
    }
}

#define STB_DS_IMPLEMENTATION
#define STBDS_NO_SHORT_NAMES
#define STBDS_REALLOC(context, ptr, size) wippyi_stb_realloc(ptr, size)
#define STBDS_FREE(context, ptr)          wippyi_stb_free(ptr)
#define STBDS_ASSERT(x)                   WIPPYI_PARANOID(x)

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#elif defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#if !defined(__cplusplus)
#pragma GCC diagnostic ignored "-Wc++-compat"
#endif
#elif defined(_MSC_VER)
#pragma warning(push, 0)
#pragma warning(disable : 4702 4706)
#endif

#if defined(WIPPY_STB_DS_H)
#include WIPPY_STB_DS_H
#elif !defined(__has_include)
#include "stb_ds.h"
#elif __has_include("stb_ds.h")
#include "stb_ds.h"
#elif __has_include("stb/stb_ds.h")
#include "stb/stb_ds.h"
#else
#error "wippy: stb_ds.h is not on the include path; install it or define WIPPY_STB_DS_H"
#endif

#if defined(__clang__)
#pragma clang diagnostic pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#elif defined(_MSC_VER)
#pragma warning(pop)
#endif

/* ---- the index: an stb_ds hash map from key to the first entry of a chain ---- */

typedef struct wippyi_table_slot {
    uint64_t key;
    wippyi_table_entry *chain;
} wippyi_table_slot;

#define WIPPYI_SLOT_BYTES sizeof(wippyi_table_slot)

/* The array stb_ds keeps begins with a default element, the pointer it hands out points behind
   that. */
static stbds_array_header *wippyi_stb_header_of(void *index)
{
    void *array = (wippyi_table_slot *)index - 1;
    return (stbds_array_header *)array - 1;
}

static stbds_hash_index *wippyi_stb_hash_of(void *index)
{
    return (stbds_hash_index *)wippyi_stb_header_of(index)->hash_table;
}

static bool wippyi_stb_wants_hash(const stbds_hash_index *hash)
{
    return hash == NULL || hash->used_count >= hash->used_count_threshold ||
           hash->tombstone_count > hash->tombstone_count_threshold;
}

static bool wippyi_stb_has_room(void *index)
{
    if (index == NULL) {
        return false;
    }
    const stbds_array_header *header = wippyi_stb_header_of(index);
    return header->length < header->capacity && !wippyi_stb_wants_hash(wippyi_stb_hash_of(index));
}

/* A hash twice as large, or as large without tombstones. */
static void wippyi_stb_renew_hash(void *index)
{
    stbds_hash_index *old = wippyi_stb_hash_of(index);
    size_t slots = STBDS_BUCKET_LENGTH;
    if (old != NULL) {
        slots =
            old->used_count >= old->used_count_threshold ? old->slot_count * 2 : old->slot_count;
    }
    stbds_hash_index *fresh = stbds_make_hash_index(slots, old);
    wippyi_stb_header_of(index)->hash_table = fresh;
    STBDS_FREE(NULL, old);
}

/* Under the guard: room for one more key. Each step leaves a whole index behind. */
static void wippyi_stb_make_room(void **index, uint64_t key)
{
    (void)key;
    if (*index == NULL) {
        *index = stbds_hmput_default(NULL, WIPPYI_SLOT_BYTES);
    }
    stbds_array_header *header = wippyi_stb_header_of(*index);
    if (header->length == header->capacity) {
        void *array = stbds_arrgrowf(header + 1, WIPPYI_SLOT_BYTES, 1, 0);
        *index = (wippyi_table_slot *)array + 1;
    }
    if (wippyi_stb_wants_hash(wippyi_stb_hash_of(*index))) {
        wippyi_stb_renew_hash(*index);
    }
}

/* Takes the key out, then may shrink the hash: without memory it stays as large as it is. */
static void wippyi_stb_erase(void **index, uint64_t key)
{
    *index = stbds_hmdel_key(*index, WIPPYI_SLOT_BYTES, &key, sizeof(key), 0, STBDS_HM_BINARY);
}

/* Call a function of stb_ds that may allocate. false: there was no memory. Not inlined, because
   what setjmp does to local variables must stay in here. */
static WIPPYI_NOINLINE bool wippyi_stb_call(wippyi_mem *mem, void (*fn)(void **, uint64_t),
                                            void **index, uint64_t key)
{
    wippyi_stb_guard guard;
    bool done;
    guard.mem = mem;
    wippyi_mutex_lock(&wippyi_stb_lock);
    wippyi_stb_current = &guard;
    if (setjmp(guard.leave) == 0) {
        fn(index, key);
        done = true;
    } else {
        done = false;
    }
    wippyi_stb_current = NULL;
    wippyi_mutex_unlock(&wippyi_stb_lock);
    return done;
}

static bool wippyi_index_reserve(wippyi_mem *mem, void **index)
{
    return wippyi_stb_has_room(*index) || wippyi_stb_call(mem, wippyi_stb_make_room, index, 0);
}

/* After a reserve, for a key that is not in. Needs no memory. */
static void wippyi_index_insert(void **index, uint64_t key, wippyi_table_entry *entry)
{
    *index = stbds_hmput_key(*index, WIPPYI_SLOT_BYTES, &key, sizeof(key), STBDS_HM_BINARY);
    ptrdiff_t place = wippyi_stb_header_of(*index)->temp;
    ((wippyi_table_slot *)*index)[place].chain = entry;
}

/* The thread-safe look-up of stb_ds: writes nothing to the index. */
static wippyi_table_slot *wippyi_index_find(void *index, uint64_t key)
{
    ptrdiff_t place = -1;
    if (index != NULL) {
        stbds_hmget_key_ts(index, WIPPYI_SLOT_BYTES, &key, sizeof(key), &place, STBDS_HM_BINARY);
    }
    return place >= 0 ? (wippyi_table_slot *)index + place : NULL;
}

static void wippyi_index_erase(wippyi_mem *mem, void **index, uint64_t key)
{
    const stbds_hash_index *hash = wippyi_stb_hash_of(*index);
    bool shrinks = hash->slot_count > STBDS_BUCKET_LENGTH &&
                   hash->used_count <= hash->used_count_shrink_threshold;
    if (shrinks || hash->tombstone_count >= hash->tombstone_count_threshold) {
        (void)wippyi_stb_call(mem, wippyi_stb_erase, index, key);
    } else {
        wippyi_stb_erase(index, key);
    }
}

static void wippyi_index_free(void **index)
{
    if (*index != NULL) {
        stbds_hmfree_func((wippyi_table_slot *)*index - 1, WIPPYI_SLOT_BYTES);
        *index = NULL;
    }
}

/* Any fixed seed: what it spreads is only ever looked up. */
static uint64_t wippyi_text_hash(const char *text, size_t size)
{
    return stbds_hash_bytes((void *)(uintptr_t)text, size, 0x5bd1e995u) & WIPPYI_TABLE_HASH_MASK;
}

/* ---- the end of stb_ds ---- */

#undef stbds_rand_seed
#undef stbds_hash_bytes
#undef stbds_hash_string
#undef stbds_stralloc
#undef stbds_strreset
#undef stbds_unit_tests
#undef stbds_arrgrowf
#undef stbds_arrfreef
#undef stbds_hmfree_func
#undef stbds_hmget_key
#undef stbds_hmget_key_ts
#undef stbds_hmput_default
#undef stbds_hmput_key
#undef stbds_hmdel_key
#undef stbds_shmode_func
#undef stbds_log2
#undef stbds_make_hash_index
#undef stbds_probe_position
#undef stbds_siphash_bytes
#undef stbds_is_key_equal
#undef stbds_hm_find_slot
#undef stbds_strdup
#undef stbds_hash_seed
#undef stbds_array_header
#undef stbds_string_block
#undef stbds_string_arena
#undef stbds_hash_bucket
#undef stbds_hash_index
#undef STBDS_SH_NONE
#undef STBDS_SH_DEFAULT
#undef STBDS_SH_STRDUP
#undef STBDS_SH_ARENA
#undef stbds_arrgrowf_wrapper
#undef stbds_hmget_key_wrapper
#undef stbds_hmget_key_ts_wrapper
#undef stbds_hmput_default_wrapper
#undef stbds_hmput_key_wrapper
#undef stbds_hmdel_key_wrapper
#undef stbds_shmode_func_wrapper

#undef INCLUDE_STB_DS_H /* for listings of macros by gcc -dM, which does not run the line below */
#undef STB_DS_IMPLEMENTATION
/* clang-format off */
WIPPYI_STB_MACROS(WIPPYI_STB_POP)
/* clang-format on */

/* ---- what both maps share ---- */

static void wippyi_table_init(wippyi_table *table, wippyi_mem *mem)
{
    memset(table, 0, sizeof(*table));
    table->mem = mem;
}

static size_t wippyi_table_entry_bytes(const wippyi_table_entry *entry)
{
    return sizeof(*entry) + entry->text_size + 1;
}

static void wippyi_table_destroy(wippyi_table *table)
{
    wippyi_table_entry *entry = table->first;
    while (entry != NULL) {
        wippyi_table_entry *next = entry->next;
        wippyi_mem_free(table->mem, entry, wippyi_table_entry_bytes(entry));
        entry = next;
    }
    wippyi_index_free(&table->index);
    wippyi_table_init(table, table->mem);
}

/* Two entries of a chain differ in their text; number maps have empty texts and chains of one. */
static bool wippyi_table_is(const wippyi_table_entry *entry, const char *text, size_t size)
{
    return entry->text_size == size && (size == 0 || memcmp(entry + 1, text, size) == 0);
}

/* The link that points to the entry; NULL when there is none. */
static wippyi_table_entry **wippyi_table_link(const wippyi_table *table, uint64_t key,
                                              const char *text, size_t size)
{
    wippyi_table_slot *slot = wippyi_index_find(table->index, key);
    wippyi_table_entry **link = slot != NULL ? &slot->chain : NULL;
    while (link != NULL && !wippyi_table_is(*link, text, size)) {
        link = (*link)->chain != NULL ? &(*link)->chain : NULL;
    }
    return link;
}

static wippyi_table_entry *wippyi_table_find(const wippyi_table *table, uint64_t key,
                                             const char *text, size_t size)
{
    wippyi_table_entry **link = wippyi_table_link(table, key, text, size);
    return link != NULL ? *link : NULL;
}

static void *wippyi_table_get(const wippyi_table *table, uint64_t key, const char *text,
                              size_t size)
{
    const wippyi_table_entry *entry = wippyi_table_find(table, key, text, size);
    return entry != NULL ? entry->value : NULL;
}

static wippyi_table_entry *wippyi_table_make(wippyi_table *table, uint64_t key, const char *text,
                                             size_t size)
{
    if (size > SIZE_MAX - sizeof(wippyi_table_entry) - 1) {
        return NULL;
    }
    wippyi_table_entry *entry =
        (wippyi_table_entry *)wippyi_mem_alloc(table->mem, sizeof(*entry) + size + 1);
    if (entry == NULL) {
        return NULL;
    }
    memset(entry, 0, sizeof(*entry));
    entry->key = key;
    entry->text_size = size;
    if (size > 0) {
        memcpy(entry + 1, text, size);
    }
    ((char *)(entry + 1))[size] = '\0';
    return entry;
}

static void wippyi_table_append(wippyi_table *table, wippyi_table_entry *entry)
{
    entry->previous = table->last;
    if (table->last != NULL) {
        table->last->next = entry;
    } else {
        table->first = entry;
    }
    table->last = entry;
    table->count++;
}

/* Add a key that is not in. */
static wippy_result wippyi_table_add(wippyi_table *table, uint64_t key, const char *text,
                                     size_t size, void *value)
{
    wippyi_table_entry *entry = wippyi_table_make(table, key, text, size);
    if (entry == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_table_slot *slot = wippyi_index_find(table->index, key);
    if (slot != NULL) {
        entry->chain = slot->chain;
        slot->chain = entry;
    } else if (wippyi_index_reserve(table->mem, &table->index)) {
        wippyi_index_insert(&table->index, key, entry);
    } else {
        wippyi_mem_free(table->mem, entry, wippyi_table_entry_bytes(entry));
        return WIPPY_ERR_NOMEM;
    }
    entry->value = value;
    wippyi_table_append(table, entry);
    return WIPPY_OK;
}

static wippy_result wippyi_table_put(wippyi_table *table, uint64_t key, const char *text,
                                     size_t size, void *value)
{
    if (wippyi_table_find(table, key, text, size) != NULL) {
        return WIPPY_ERR_EXISTS;
    }
    return wippyi_table_add(table, key, text, size, value);
}

static wippy_result wippyi_table_set(wippyi_table *table, uint64_t key, const char *text,
                                     size_t size, void *value, void **old)
{
    void *replaced = NULL;
    wippy_result result = WIPPY_OK;
    wippyi_table_entry *entry = wippyi_table_find(table, key, text, size);
    if (entry != NULL) {
        replaced = entry->value;
        entry->value = value;
    } else {
        result = wippyi_table_add(table, key, text, size, value);
    }
    if (old != NULL && result == WIPPY_OK) {
        *old = replaced;
    }
    return result;
}

static void wippyi_table_unlink(wippyi_table *table, wippyi_table_entry *entry)
{
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        table->first = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    } else {
        table->last = entry->previous;
    }
    table->count--;
}

static wippy_result wippyi_table_remove(wippyi_table *table, uint64_t key, const char *text,
                                        size_t size, void **value)
{
    wippyi_table_entry **link = wippyi_table_link(table, key, text, size);
    if (link == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    wippyi_table_entry *entry = *link;
    *link = entry->chain;
    if (wippyi_index_find(table->index, key)->chain == NULL) {
        wippyi_index_erase(table->mem, &table->index, key);
    }
    wippyi_table_unlink(table, entry);
    if (value != NULL) {
        *value = entry->value;
    }
    wippyi_mem_free(table->mem, entry, wippyi_table_entry_bytes(entry));
    return WIPPY_OK;
}

/* ---- by text ---- */

WIPPYI_FN void wippyi_strmap_init(wippyi_strmap *map, wippyi_mem *mem)
{
    wippyi_table_init(&map->table, mem);
}

WIPPYI_FN void wippyi_strmap_destroy(wippyi_strmap *map)
{
    wippyi_table_destroy(&map->table);
}

WIPPYI_FN wippy_result wippyi_strmap_put(wippyi_strmap *map, const char *key, size_t key_size,
                                         void *value)
{
    return wippyi_table_put(&map->table, wippyi_text_hash(key, key_size), key, key_size, value);
}

WIPPYI_FN wippy_result wippyi_strmap_set(wippyi_strmap *map, const char *key, size_t key_size,
                                         void *value, void **old)
{
    return wippyi_table_set(&map->table, wippyi_text_hash(key, key_size), key, key_size, value,
                            old);
}

WIPPYI_FN void *wippyi_strmap_get(const wippyi_strmap *map, const char *key, size_t key_size)
{
    return wippyi_table_get(&map->table, wippyi_text_hash(key, key_size), key, key_size);
}

WIPPYI_FN wippyi_table_entry *wippyi_strmap_find(const wippyi_strmap *map, const char *key,
                                                 size_t key_size)
{
    return wippyi_table_find(&map->table, wippyi_text_hash(key, key_size), key, key_size);
}

WIPPYI_FN wippy_result wippyi_strmap_remove(wippyi_strmap *map, const char *key, size_t key_size,
                                            void **value)
{
    return wippyi_table_remove(&map->table, wippyi_text_hash(key, key_size), key, key_size, value);
}

/* ---- by number ---- */

WIPPYI_FN void wippyi_intmap_init(wippyi_intmap *map, wippyi_mem *mem)
{
    wippyi_table_init(&map->table, mem);
}

WIPPYI_FN void wippyi_intmap_destroy(wippyi_intmap *map)
{
    wippyi_table_destroy(&map->table);
}

WIPPYI_FN wippy_result wippyi_intmap_put(wippyi_intmap *map, uint64_t key, void *value)
{
    return wippyi_table_put(&map->table, key, "", 0, value);
}

WIPPYI_FN wippy_result wippyi_intmap_set(wippyi_intmap *map, uint64_t key, void *value, void **old)
{
    return wippyi_table_set(&map->table, key, "", 0, value, old);
}

WIPPYI_FN void *wippyi_intmap_get(const wippyi_intmap *map, uint64_t key)
{
    return wippyi_table_get(&map->table, key, "", 0);
}

WIPPYI_FN wippyi_table_entry *wippyi_intmap_find(const wippyi_intmap *map, uint64_t key)
{
    return wippyi_table_find(&map->table, key, "", 0);
}

WIPPYI_FN wippy_result wippyi_intmap_remove(wippyi_intmap *map, uint64_t key, void **value)
{
    return wippyi_table_remove(&map->table, key, "", 0, value);
}
