/* ========================================================================== >>atomic
   Atomic words with the memory order in the name of the operation.
   Any thread, any operation.  Locks: none.  Allocates: nothing.
   Holds: a word is only reachable through these functions, so a plain read does not compile.

   Types        wippyi_a32 (uint32_t)   wippyi_a64 (uint64_t)   wippyi_ap (void *)
   All          _init(a, v)                       plain store, before the word is shared
                _load_{rlx,acq,sc}(a)
                _store_{rlx,rel,sc}(a, v)
                _xchg_{rlx,acq,rel,acqrel,sc}(a, v)               returns the old value
                _cas_{rlx,acq,rel,acqrel,sc}(a, &expected, v)     strong; true when v was stored,
                                                  else *expected is what was found
   a32 and a64  _add_ _sub_ _or_ _and_ {rlx,acq,rel,acqrel,sc}(a, v)    return the old value

   A failed compare-and-swap orders like a load: relaxed for rlx and rel, acquire for acq and
   acqrel, seq_cst for sc.

   Backends: GNU builtins (gcc, clang, clang-cl, MinGW), MSVC intrinsics, and the explorer: with
   WIPPYI_EXPLORE every operation calls wippyi_explore_op(), whose owner decides which thread runs
   next and performs the operation itself. The last two share one shape: a function that gets the
   kind of operation, the order, the width and the address. */
#ifndef WIPPYI_ATOMIC_H
#define WIPPYI_ATOMIC_H

#include "config.h"

typedef struct wippyi_a32 {
    uint32_t v_;
} wippyi_a32;

/* Eight bytes aligned also where the ABI says four (i386), or a load could be torn. */
typedef struct WIPPYI_ALIGNED(8) wippyi_a64 {
    uint64_t v_;
} wippyi_a64;

typedef struct wippyi_ap {
    void *v_;
} wippyi_ap;

#if defined(WIPPYI_EXPLORE)
#define WIPPYI_ATOMIC_HOOK 1
#else
#define WIPPYI_ATOMIC_HOOK 0
#endif

#if WIPPYI_ATOMIC_HOOK || !WIPPYI_GNUC /* ---- operations as one function ---- */

typedef enum wippyi_atomic_kind {
    WIPPYI_AT_INIT = 0, /* store before the word is shared */
    WIPPYI_AT_LOAD = 1,
    WIPPYI_AT_STORE = 2,
    WIPPYI_AT_XCHG = 3,
    WIPPYI_AT_CAS = 4, /* result 1 = stored; 0 = *expected rewritten */
    WIPPYI_AT_ADD = 5,
    WIPPYI_AT_SUB = 6,
    WIPPYI_AT_OR = 7,
    WIPPYI_AT_AND = 8
} wippyi_atomic_kind;

typedef enum wippyi_atomic_order {
    WIPPYI_ORD_rlx = 0,
    WIPPYI_ORD_acq = 1,
    WIPPYI_ORD_rel = 2,
    WIPPYI_ORD_acqrel = 3,
    WIPPYI_ORD_sc = 4
} wippyi_atomic_order;

#endif

#if WIPPYI_ATOMIC_HOOK /* ---- backend: explorer ---- */

#if defined(__cplusplus)
extern "C" {
#endif
/* Perform one operation on the `width` (4 or 8) bytes at `address`; returns the old value, for CAS
   1 or 0. Pointers travel as integers. `expected` is NULL except for CAS. */
uint64_t wippyi_explore_op(wippyi_atomic_kind kind, wippyi_atomic_order order, unsigned width,
                           void *address, uint64_t operand, uint64_t *expected);
/* The caller spins: it can make no progress until another thread has run. */
void wippyi_explore_relax(void);
#if defined(__cplusplus)
}
#endif

#define WIPPYI_AT_OP(kind, order, width, address, operand, expected) \
    wippyi_explore_op(kind, order, width, address, operand, expected)

WIPPYI_INLINE void wippyi_cpu_relax(void)
{
    wippyi_explore_relax();
}

#elif WIPPYI_GNUC /* ---- backend: GNU builtins ---- */

#define WIPPYI_ORD_rlx     __ATOMIC_RELAXED
#define WIPPYI_ORD_acq     __ATOMIC_ACQUIRE
#define WIPPYI_ORD_rel     __ATOMIC_RELEASE
#define WIPPYI_ORD_acqrel  __ATOMIC_ACQ_REL
#define WIPPYI_ORD_sc      __ATOMIC_SEQ_CST
#define WIPPYI_ORDF_rlx    __ATOMIC_RELAXED
#define WIPPYI_ORDF_acq    __ATOMIC_ACQUIRE
#define WIPPYI_ORDF_rel    __ATOMIC_RELAXED
#define WIPPYI_ORDF_acqrel __ATOMIC_ACQUIRE
#define WIPPYI_ORDF_sc     __ATOMIC_SEQ_CST

/* Tell the core that this is a spin loop. */
WIPPYI_INLINE void wippyi_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#elif defined(_MSC_VER) /* ---- backend: MSVC intrinsics ---- */

#include <intrin.h>

/* Written from the documentation, not run. */
/* x86 and x64 order loads and stores as acquire and release by themselves, so only the compiler is
   held back; ARM gets a full barrier. The Interlocked functions without a suffix are full barriers
   everywhere, which satisfies every order. */
#if defined(_M_ARM64) || defined(_M_ARM64EC)
#define WIPPYI_MSVC_FENCE() __dmb(_ARM64_BARRIER_ISH)
#elif defined(_M_ARM)
#define WIPPYI_MSVC_FENCE() __dmb(_ARM_BARRIER_ISH)
#else
#define WIPPYI_MSVC_FENCE() _ReadWriteBarrier()
#endif

#pragma warning(push)
#pragma warning(disable : 4996) /* _ReadWriteBarrier is called deprecated, without a C successor */

WIPPYI_INLINE uint64_t wippyi_msvc_op32(wippyi_atomic_kind kind, wippyi_atomic_order order,
                                        long volatile *p, uint32_t v, uint64_t *expected)
{
    long found;
    switch (kind) {
    case WIPPYI_AT_LOAD:
        if (order == WIPPYI_ORD_sc) {
            WIPPYI_MSVC_FENCE();
        }
        found = (long)__iso_volatile_load32((const volatile int *)p);
        if (order != WIPPYI_ORD_rlx) {
            WIPPYI_MSVC_FENCE();
        }
        return (uint32_t)found;
    case WIPPYI_AT_INIT:
    case WIPPYI_AT_STORE:
        if (order == WIPPYI_ORD_sc) {
            (void)_InterlockedExchange(p, (long)v);
            return 0;
        }
        if (order != WIPPYI_ORD_rlx) {
            WIPPYI_MSVC_FENCE();
        }
        __iso_volatile_store32((volatile int *)p, (int)v);
        return 0;
    case WIPPYI_AT_XCHG: return (uint32_t)_InterlockedExchange(p, (long)v);
    case WIPPYI_AT_ADD: return (uint32_t)_InterlockedExchangeAdd(p, (long)v);
    case WIPPYI_AT_SUB: return (uint32_t)_InterlockedExchangeAdd(p, (long)(0u - v));
    case WIPPYI_AT_OR: return (uint32_t)_InterlockedOr(p, (long)v);
    case WIPPYI_AT_AND: return (uint32_t)_InterlockedAnd(p, (long)v);
    case WIPPYI_AT_CAS: break;
    }
    found = _InterlockedCompareExchange(p, (long)v, (long)(uint32_t)*expected);
    if ((uint32_t)found == (uint32_t)*expected) {
        return 1;
    }
    *expected = (uint32_t)found;
    return 0;
}

WIPPYI_INLINE uint64_t wippyi_msvc_apply(wippyi_atomic_kind kind, uint64_t old, uint64_t v)
{
    switch (kind) {
    case WIPPYI_AT_ADD: return old + v;
    case WIPPYI_AT_SUB: return old - v;
    case WIPPYI_AT_OR: return old | v;
    case WIPPYI_AT_AND: return old & v;
    default: return v;
    }
}

/* 32-bit targets have only the 64-bit compare-and-exchange, so everything is made from it; 64-bit
   targets take the same road for the read-modify-write operations (one uncontended attempt) and
   have true loads and stores. */
WIPPYI_INLINE uint64_t wippyi_msvc_op64(wippyi_atomic_kind kind, wippyi_atomic_order order,
                                        __int64 volatile *p, uint64_t v, uint64_t *expected)
{
    uint64_t found;
#if defined(_WIN64)
    if (kind == WIPPYI_AT_LOAD) {
        if (order == WIPPYI_ORD_sc) {
            WIPPYI_MSVC_FENCE();
        }
        found = (uint64_t)__iso_volatile_load64((const volatile __int64 *)p);
        if (order != WIPPYI_ORD_rlx) {
            WIPPYI_MSVC_FENCE();
        }
        return found;
    }
    if ((kind == WIPPYI_AT_STORE || kind == WIPPYI_AT_INIT) && order != WIPPYI_ORD_sc) {
        if (order != WIPPYI_ORD_rlx) {
            WIPPYI_MSVC_FENCE();
        }
        __iso_volatile_store64(p, (__int64)v);
        return 0;
    }
    if (kind == WIPPYI_AT_XCHG) {
        return (uint64_t)_InterlockedExchange64(p, (__int64)v);
    }
    if (kind == WIPPYI_AT_ADD) {
        return (uint64_t)_InterlockedExchangeAdd64(p, (__int64)v);
    }
#else
    (void)order;
    if (kind == WIPPYI_AT_LOAD) {
        return (uint64_t)_InterlockedCompareExchange64(p, 0, 0);
    }
#endif
    if (kind == WIPPYI_AT_CAS) {
        found = (uint64_t)_InterlockedCompareExchange64(p, (__int64)v, (__int64)*expected);
        if (found == *expected) {
            return 1;
        }
        *expected = found;
        return 0;
    }
    found = (uint64_t)_InterlockedCompareExchange64(p, 0, 0);
    for (;;) {
        uint64_t seen = (uint64_t)_InterlockedCompareExchange64(
            p, (__int64)wippyi_msvc_apply(kind, found, v), (__int64)found);
        if (seen == found) {
            return found;
        }
        found = seen;
    }
}

#pragma warning(pop)

WIPPYI_INLINE uint64_t wippyi_msvc_op(wippyi_atomic_kind kind, wippyi_atomic_order order,
                                      unsigned width, void *address, uint64_t v, uint64_t *expected)
{
    if (width == 4) {
        return wippyi_msvc_op32(kind, order, (long volatile *)address, (uint32_t)v, expected);
    }
    return wippyi_msvc_op64(kind, order, (__int64 volatile *)address, v, expected);
}

#define WIPPYI_AT_OP(kind, order, width, address, operand, expected) \
    wippyi_msvc_op(kind, order, width, address, operand, expected)

WIPPYI_INLINE void wippyi_cpu_relax(void)
{
#if defined(_M_IX86) || defined(_M_X64)
    _mm_pause();
#else
    __yield();
#endif
}

#else
#error "wippy: no atomic operations known for this compiler"
#endif

/* ---- the functions: one macro per shape, expanded per type and order ---- */

#if defined(WIPPYI_AT_OP)

#define WIPPYI_AT_TO_a32(u)   ((uint32_t)(u))
#define WIPPYI_AT_TO_a64(u)   (u)
#define WIPPYI_AT_TO_ap(u)    ((void *)(uintptr_t)(u))
#define WIPPYI_AT_FROM_a32(v) ((uint64_t)(v))
#define WIPPYI_AT_FROM_a64(v) (v)
#define WIPPYI_AT_FROM_ap(v)  ((uint64_t)(uintptr_t)(v))
#define WIPPYI_AT_CALL(S, kind, ord, a, v, expected)                                               \
    WIPPYI_AT_OP(kind, WIPPYI_ORD_##ord, (unsigned)sizeof((a)->v_), (void *)(uintptr_t) & (a)->v_, \
                 v, expected)

#define WIPPYI_AT_FN_INIT(S, T)                                                       \
    WIPPYI_INLINE void wippyi_##S##_init(wippyi_##S *a, T v)                          \
    {                                                                                 \
        (void)WIPPYI_AT_CALL(S, WIPPYI_AT_INIT, rlx, a, WIPPYI_AT_FROM_##S(v), NULL); \
    }
#define WIPPYI_AT_FN_LOAD(S, T, ord)                                                 \
    WIPPYI_INLINE T wippyi_##S##_load_##ord(const wippyi_##S *a)                     \
    {                                                                                \
        return WIPPYI_AT_TO_##S(WIPPYI_AT_CALL(S, WIPPYI_AT_LOAD, ord, a, 0, NULL)); \
    }
#define WIPPYI_AT_FN_STORE(S, T, ord)                                                  \
    WIPPYI_INLINE void wippyi_##S##_store_##ord(wippyi_##S *a, T v)                    \
    {                                                                                  \
        (void)WIPPYI_AT_CALL(S, WIPPYI_AT_STORE, ord, a, WIPPYI_AT_FROM_##S(v), NULL); \
    }
#define WIPPYI_AT_FN_RMW(S, T, ord, name, KIND, builtin)                               \
    WIPPYI_INLINE T wippyi_##S##_##name##ord(wippyi_##S *a, T v)                       \
    {                                                                                  \
        return WIPPYI_AT_TO_##S(                                                       \
            WIPPYI_AT_CALL(S, WIPPYI_AT_##KIND, ord, a, WIPPYI_AT_FROM_##S(v), NULL)); \
    }
#define WIPPYI_AT_FN_CAS(S, T, ord)                                                              \
    WIPPYI_INLINE bool wippyi_##S##_cas_##ord(wippyi_##S *a, T *expected, T desired)             \
    {                                                                                            \
        uint64_t want = WIPPYI_AT_FROM_##S(*expected);                                           \
        if (WIPPYI_AT_CALL(S, WIPPYI_AT_CAS, ord, a, WIPPYI_AT_FROM_##S(desired), &want) != 0) { \
            return true;                                                                         \
        }                                                                                        \
        *expected = WIPPYI_AT_TO_##S(want);                                                      \
        return false;                                                                            \
    }

#else /* GNU builtins */

#define WIPPYI_AT_FN_INIT(S, T)                              \
    WIPPYI_INLINE void wippyi_##S##_init(wippyi_##S *a, T v) \
    {                                                        \
        a->v_ = v;                                           \
    }
#define WIPPYI_AT_FN_LOAD(S, T, ord)                             \
    WIPPYI_INLINE T wippyi_##S##_load_##ord(const wippyi_##S *a) \
    {                                                            \
        return __atomic_load_n(&a->v_, WIPPYI_ORD_##ord);        \
    }
#define WIPPYI_AT_FN_STORE(S, T, ord)                               \
    WIPPYI_INLINE void wippyi_##S##_store_##ord(wippyi_##S *a, T v) \
    {                                                               \
        __atomic_store_n(&a->v_, v, WIPPYI_ORD_##ord);              \
    }
#define WIPPYI_AT_FN_RMW(S, T, ord, name, KIND, builtin)         \
    WIPPYI_INLINE T wippyi_##S##_##name##ord(wippyi_##S *a, T v) \
    {                                                            \
        return builtin(&a->v_, v, WIPPYI_ORD_##ord);             \
    }
#define WIPPYI_AT_FN_CAS(S, T, ord)                                                            \
    WIPPYI_INLINE bool wippyi_##S##_cas_##ord(wippyi_##S *a, T *expected, T desired)           \
    {                                                                                          \
        return __atomic_compare_exchange_n(&a->v_, expected, desired, false, WIPPYI_ORD_##ord, \
                                           WIPPYI_ORDF_##ord);                                 \
    }

#endif

#define WIPPYI_AT_ALL_RMW(S, T, name, KIND, builtin)    \
    WIPPYI_AT_FN_RMW(S, T, rlx, name, KIND, builtin)    \
    WIPPYI_AT_FN_RMW(S, T, acq, name, KIND, builtin)    \
    WIPPYI_AT_FN_RMW(S, T, rel, name, KIND, builtin)    \
    WIPPYI_AT_FN_RMW(S, T, acqrel, name, KIND, builtin) \
    WIPPYI_AT_FN_RMW(S, T, sc, name, KIND, builtin)

#define WIPPYI_AT_WORD(S, T)                                  \
    WIPPYI_AT_FN_INIT(S, T)                                   \
    WIPPYI_AT_FN_LOAD(S, T, rlx)                              \
    WIPPYI_AT_FN_LOAD(S, T, acq)                              \
    WIPPYI_AT_FN_LOAD(S, T, sc)                               \
    WIPPYI_AT_FN_STORE(S, T, rlx)                             \
    WIPPYI_AT_FN_STORE(S, T, rel)                             \
    WIPPYI_AT_FN_STORE(S, T, sc)                              \
    WIPPYI_AT_ALL_RMW(S, T, xchg_, XCHG, __atomic_exchange_n) \
    WIPPYI_AT_FN_CAS(S, T, rlx)                               \
    WIPPYI_AT_FN_CAS(S, T, acq)                               \
    WIPPYI_AT_FN_CAS(S, T, rel)                               \
    WIPPYI_AT_FN_CAS(S, T, acqrel)                            \
    WIPPYI_AT_FN_CAS(S, T, sc)

#define WIPPYI_AT_NUMBER(S, T)                             \
    WIPPYI_AT_ALL_RMW(S, T, add_, ADD, __atomic_fetch_add) \
    WIPPYI_AT_ALL_RMW(S, T, sub_, SUB, __atomic_fetch_sub) \
    WIPPYI_AT_ALL_RMW(S, T, or_, OR, __atomic_fetch_or)    \
    WIPPYI_AT_ALL_RMW(S, T, and_, AND, __atomic_fetch_and)

WIPPYI_AT_WORD(a32, uint32_t)
WIPPYI_AT_WORD(a64, uint64_t)
WIPPYI_AT_WORD(ap, void *)
WIPPYI_AT_NUMBER(a32, uint32_t)
WIPPYI_AT_NUMBER(a64, uint64_t)

#undef WIPPYI_AT_ALL_RMW
#undef WIPPYI_AT_WORD
#undef WIPPYI_AT_NUMBER
#undef WIPPYI_AT_FN_INIT
#undef WIPPYI_AT_FN_LOAD
#undef WIPPYI_AT_FN_STORE
#undef WIPPYI_AT_FN_RMW
#undef WIPPYI_AT_FN_CAS
#undef WIPPYI_AT_OP
#undef WIPPYI_AT_CALL
#undef WIPPYI_AT_TO_a32
#undef WIPPYI_AT_TO_a64
#undef WIPPYI_AT_TO_ap
#undef WIPPYI_AT_FROM_a32
#undef WIPPYI_AT_FROM_a64
#undef WIPPYI_AT_FROM_ap
#undef WIPPYI_MSVC_FENCE
#if WIPPYI_GNUC && !WIPPYI_ATOMIC_HOOK
#undef WIPPYI_ORD_rlx
#undef WIPPYI_ORD_acq
#undef WIPPYI_ORD_rel
#undef WIPPYI_ORD_acqrel
#undef WIPPYI_ORD_sc
#undef WIPPYI_ORDF_rlx
#undef WIPPYI_ORDF_acq
#undef WIPPYI_ORDF_rel
#undef WIPPYI_ORDF_acqrel
#undef WIPPYI_ORDF_sc
#endif

#endif /* WIPPYI_ATOMIC_H */
