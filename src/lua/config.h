/* ========================================================================== >>lua/config
   The few words every module of the Lua bridge uses. The bridge sees only the public API of
   wippy.h and standard C, as any embedder does, so it has its own prefix: wippyli_, WIPPYLI_.
   Holds: no state.  Locks: none.  Allocates: nothing; wippyli_mem says how others do. */
#ifndef WIPPYLI_CONFIG_H
#define WIPPYLI_CONFIG_H

#include "../api.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WIPPYLI_UNUSED   __attribute__((unused))
#define WIPPYLI_NOINLINE __attribute__((noinline))
#define WIPPYLI_PRINTF(format_index, first_index)                                                  \
    __attribute__((format(printf, format_index, first_index)))
#else
#define WIPPYLI_UNUSED
#define WIPPYLI_NOINLINE
#define WIPPYLI_PRINTF(format_index, first_index)
#endif

/* WIPPYLI_FN marks a private function shared between modules, at its prototype and its body. */
#if defined(WIPPY_SPLIT)
#define WIPPYLI_FN
#else
#define WIPPYLI_FN static WIPPYLI_UNUSED
#endif

#if defined(_MSC_VER) && !defined(__cplusplus)
#define WIPPYLI_INLINE static __inline
#else
#define WIPPYLI_INLINE static inline WIPPYLI_UNUSED
#endif

#define WIPPYLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The one way modules below the Lua state get memory. alloc_fn returns NULL on failure and a block
   aligned for any type otherwise; free_fn gets the size that was asked for and never NULL. */
typedef struct wippyli_mem {
    void *(*alloc_fn)(size_t size, void *user_data);
    void (*free_fn)(void *ptr, size_t size, void *user_data);
    void *user_data;
} wippyli_mem;

WIPPYLI_INLINE void *wippyli_mem_alloc(const wippyli_mem *mem, size_t size)
{
    return mem->alloc_fn(size, mem->user_data);
}

WIPPYLI_INLINE void wippyli_mem_free(const wippyli_mem *mem, void *ptr, size_t size)
{
    if (ptr) {
        mem->free_fn(ptr, size, mem->user_data);
    }
}

#endif /* WIPPYLI_CONFIG_H */
