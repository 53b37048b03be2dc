/* ========================================================================== >>config
   What the compiler and the target are, as 0/1 macros, and the few words every module uses.
   Holds: no state.  Locks: none.  Allocates: nothing.

   Replaceable before the implementation is compiled:
     WIPPY_ASSERT(x)        default: assert(x), nothing under NDEBUG
     WIPPY_API_CHECK(x)     default: WIPPY_ASSERT(x); for mistakes of the caller
     WIPPY_UNREACHABLE()    default: an assert that fails, then a compiler hint
   Switches:
     WIPPY_NO_THREADS       the runtime never starts a thread; locks cost nothing
     WIPPY_PARANOID         expensive self-checks on
     WIPPY_SPLIT            each src/NAME.c is compiled alone; private functions get linkage */
#ifndef WIPPYI_CONFIG_H
#define WIPPYI_CONFIG_H

/* The strict -std=c11 mode of glibc hides sigaction, clock_gettime and the like unless this comes
   before the first system header. */
#if !defined(_GNU_SOURCE) && !defined(_WIN32)
#define _GNU_SOURCE 1 /* NOLINT: the name is the C library's */
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- target ---- */
#if defined(_WIN32)
#define WIPPYI_OS_WINDOWS 1
#define WIPPYI_OS_POSIX   0
#else
#define WIPPYI_OS_WINDOWS 0
#define WIPPYI_OS_POSIX   1
#endif

#if defined(__linux__)
#define WIPPYI_OS_LINUX 1
#else
#define WIPPYI_OS_LINUX 0
#endif

#if defined(WIPPY_NO_THREADS)
#define WIPPYI_THREADS 0
#else
#define WIPPYI_THREADS 1
#endif

/* ---- compiler ---- */
#if defined(__GNUC__) || defined(__clang__)
#define WIPPYI_GNUC 1
#else
#define WIPPYI_GNUC 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WIPPYI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WIPPYI_TSAN 1
#endif
#endif
#if !defined(WIPPYI_TSAN)
#define WIPPYI_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define WIPPYI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WIPPYI_ASAN 1
#endif
#endif
#if !defined(WIPPYI_ASAN)
#define WIPPYI_ASAN 0
#endif

#if WIPPYI_GNUC
#define WIPPYI_UNUSED         __attribute__((unused))
#define WIPPYI_NOINLINE       __attribute__((noinline))
#define WIPPYI_NORETURN       __attribute__((noreturn))
#define WIPPYI_LIKELY(x)      __builtin_expect(!!(x), 1)
#define WIPPYI_UNLIKELY(x)    __builtin_expect(!!(x), 0)
#define WIPPYI_ALIGNED(bytes) __attribute__((aligned(bytes)))
/* To be written soon. On x86-64 named outright: without flags compilers only fetch it to be read, and
   then a line that another core wrote last travels twice. Processors that do not know it skip it. */
#if defined(__x86_64__)
#define WIPPYI_PREFETCH(at) __asm__ volatile("prefetchw (%0)" : : "r"(at))
#else
#define WIPPYI_PREFETCH(at) __builtin_prefetch((at), 1)
#endif
#else
#define WIPPYI_UNUSED
#define WIPPYI_PREFETCH(at) ((void)(at))
#define WIPPYI_LIKELY(x)   (x)
#define WIPPYI_UNLIKELY(x) (x)
#if defined(_MSC_VER)
#define WIPPYI_NOINLINE       __declspec(noinline)
#define WIPPYI_NORETURN       __declspec(noreturn)
#define WIPPYI_ALIGNED(bytes) __declspec(align(bytes))
#else
#define WIPPYI_NOINLINE
#define WIPPYI_NORETURN
#define WIPPYI_ALIGNED(bytes)
#endif
#endif

/* The format argument must be a literal or come from a function marked the same way.
   MinGW checks against the C99 formats it is told to use, not against the old msvcrt ones. */
#if WIPPYI_GNUC && defined(__MINGW_PRINTF_FORMAT)
#define WIPPYI_PRINTF(format_index, args_index) \
    __attribute__((format(__MINGW_PRINTF_FORMAT, format_index, args_index)))
#elif WIPPYI_GNUC
#define WIPPYI_PRINTF(format_index, args_index) \
    __attribute__((format(printf, format_index, args_index)))
#else
#define WIPPYI_PRINTF(format_index, args_index)
#endif

/* ---- linkage ---- */
/* WIPPYI_FN marks a private function shared between modules, at its prototype and its body. */
#if defined(WIPPY_SPLIT)
#define WIPPYI_FN
#else
#define WIPPYI_FN static WIPPYI_UNUSED
#endif

#if defined(_MSC_VER) && !defined(__cplusplus)
#define WIPPYI_INLINE static __inline
#else
#define WIPPYI_INLINE static inline WIPPYI_UNUSED
#endif

/* For the few hot functions that are worth more code where they are used. */
#if WIPPYI_GNUC
#define WIPPYI_INLINE_ALWAYS static inline __attribute__((always_inline))
#else
#define WIPPYI_INLINE_ALWAYS WIPPYI_INLINE
#endif

/* ---- asserts: conditions have no side effects; when asserts are off they are not evaluated */
#if !defined(WIPPY_ASSERT)
#if defined(NDEBUG)
#define WIPPY_ASSERT(x) ((void)sizeof((x) ? 1 : 0)) /* keeps the variables in it "used" */
#else
#include <assert.h>
#define WIPPY_ASSERT(x) assert(x)
#endif
#endif

#if !defined(WIPPY_API_CHECK)
#define WIPPY_API_CHECK(x) WIPPY_ASSERT(x)
#endif

#if !defined(WIPPY_UNREACHABLE)
#if WIPPYI_GNUC
#define WIPPY_UNREACHABLE() (WIPPY_ASSERT(!"reached"), __builtin_unreachable())
#else
#define WIPPY_UNREACHABLE() WIPPY_ASSERT(!"reached")
#endif
#endif

#define WIPPYI_ASSERT(x)    WIPPY_ASSERT(x)    /* our mistake */
#define WIPPYI_API_CHECK(x) WIPPY_API_CHECK(x) /* the caller's mistake; also return an error */
#if defined(WIPPY_PARANOID)
#define WIPPYI_PARANOID(x) WIPPY_ASSERT(x)
#else
#define WIPPYI_PARANOID(x) ((void)sizeof((x) ? 1 : 0))
#endif

#if defined(__cplusplus)
#define WIPPYI_STATIC_ASSERT(x, text) static_assert(x, text)
#else
#define WIPPYI_STATIC_ASSERT(x, text) _Static_assert(x, text)
#endif

/* ---- small words ---- */
#define WIPPYI_CACHELINE    64
#define WIPPYI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WIPPYI_MIN(a, b)    ((a) < (b) ? (a) : (b)) /* evaluates one argument twice */
#define WIPPYI_MAX(a, b)    ((a) > (b) ? (a) : (b))
/* From a pointer to a member to the struct around it. The step over void * says that alignment was
   thought about: the member lies inside an object of `type`. */
#define WIPPYI_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif /* WIPPYI_CONFIG_H */
