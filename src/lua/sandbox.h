/* ========================================================================== >>lua/sandbox
   What keeps a Lua state small and stoppable: libraries that cost memory only for the functions in use,
   and the guard, one small struct per state that says what its threads are doing.

   A library is an empty table. Its metatable has __index, a cache table that fills itself from a
   static sorted array with light C functions, and __newindex, which raises. The own base functions
   (lib_base) know these tables, so next, rawget, rawset and getmetatable see a read-only table with
   all its names. _G fills itself the same way, but is writable: a name that was once set or read is
   never filled again, so a name set to nil stays nil.

   Every function that takes a lua_State allocates or raises unless it says "runs no Lua"; such a call
   stands inside protection.
   Holds: per state wippyli_guard, per runtime wippyli_sandbox (immutable once a state uses it).
   Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_SANDBOX_H
#define WIPPYLI_SANDBOX_H

#include "object.h"

/* ---- static descriptions of libraries */

/* One name of a library:
     function set, integer 0                 a light C function
     function set, integer WIPPYLI_MAKE      pushes the value; looks at nothing on the stack
     function NULL, text set                 a string
     function NULL, text NULL                the integer */
typedef struct wippyli_entry {
    const char *name;
    lua_CFunction function;
    lua_Integer integer;
    const char *text;
} wippyli_entry;

#define WIPPYLI_MAKE 1

/* Entries are sorted by strcmp() of their names. Give `make` instead of entries for a value that is
   not a lazy table: it is called with the name when that is first used, and returns the value. */
typedef struct wippyli_library {
    const char *name;
    const wippyli_entry *entries;
    uint32_t entry_count;
    lua_CFunction call; /* __call of the table; NULL = none */
    lua_CFunction make; /* NULL = a lazy table */
} wippyli_library;

/* ---- what is the same for all states of a runtime */

#define WIPPYLI_GRANT_WORDS 2 /* of 64 modules each */

struct wippyli_zone;

typedef struct wippyli_sandbox {
    const wippyli_library *globals;        /* at most 64 names; from wippyli_base_init() */
    const wippyli_library *const *modules; /* sorted by name; what states may be granted */
    uint32_t module_count;                 /* at most 64 * WIPPYLI_GRANT_WORDS */
    bool ordinals;                   /* tostring() counts objects instead of printing addresses */
    uint64_t pattern_steps;          /* most steps of one match; 0 = WIPPYLI_PATTERN_STEPS */
    lua_CFunction strings;           /* gives strings their metatable; wippyli_base_init() */
    lua_CFunction format;            /* stock string.format; wippyli_base_init() */
    lua_CFunction spawn;             /* coroutine.spawn; NULL = absent */
    const struct wippyli_zone *zone; /* local time of os.date() and os.time(); NULL = UTC */

    /* All may be NULL. user_data is that of the guard.
       poll:  called every few thousand steps of a long loop in C; true = the state is to end.
       arm:   see to it that the thread `L`, about to run, is interrupted; called where a thread
              starts to run while guard.interrupt is set. Runs no Lua; lua_sethook is allowed.
       print: one line, without newline. May raise.
       wall_seconds, clock_seconds: of os.time() and os.clock(); NULL = the C library's. */
    bool (*poll)(lua_State *L, void *user_data);
    void (*arm)(lua_State *L, void *user_data);
    void (*print)(lua_State *L, const char *text, size_t size, void *user_data);
    int64_t (*wall_seconds)(void *user_data);
    double (*clock_seconds)(void *user_data);
} wippyli_sandbox;

/* ---- the guard: what a state is doing */

/* Why a thread yielded; set by whoever yields, immediately before. */
typedef enum wippyli_yielded {
    WIPPYLI_YIELD_USER = 0,  /* coroutine.yield: goes to whoever resumed the thread */
    WIPPYLI_YIELD_BLOCKED,   /* a blocking function: goes to the scheduler */
    WIPPYLI_YIELD_PREEMPTED, /* the hook, end of a time slice: goes to the scheduler */
    WIPPYLI_YIELD_FATAL      /* killed: the scheduler frees the state, nothing in it runs again */
} wippyli_yielded;

/* Embed it as the FIRST member of the struct the extra space of the main thread points to (threads
   made later copy it); zeroed, then shared and user_data set, before wippyli_sandbox_open().
   All members belong to the thread that runs the state. */
typedef struct wippyli_guard {
    const wippyli_sandbox *shared;
    void *user_data;
    lua_State *volatile running; /* the thread that runs now; a signal handler may read it */
    volatile int interrupt;      /* set from outside or by a hook: interrupt what runs soon */
    int yield_reason;            /* wippyli_yielded; the scheduler resets it to USER */
    uint32_t pinned;             /* resumers below that cannot yield: nothing may block */
    uint32_t passing;            /* private: threads whose resumer yielded on their behalf */
    bool killed;                 /* set once; from then on no Lua code of the state runs */
    bool loading;                /* the chunk runs: for the text of an error */
    bool random_seeded;          /* private: random[] holds a state */
    uint8_t plain_strings;       /* WIPPYLI_ARITH_...: what no code of the state does, so that strings
                                    need not know it; 0 = strings know all */
    uint64_t taken;              /* private: names of _G that are not filled in any more */
    uint64_t granted[WIPPYLI_GRANT_WORDS]; /* private: modules that are still to be filled in */
    uint64_t random[4];                    /* random[0] = seed, given by the owner */
} wippyli_guard;

/* Of any thread of the state. Runs no Lua. */
WIPPYLI_INLINE wippyli_guard *wippyli_guard_of(lua_State *L)
{
    return *(wippyli_guard **)lua_getextraspace(L);
}

/* `L` runs from here: before and after each lua_resume, also the scheduler's. Runs no Lua. */
WIPPYLI_INLINE void wippyli_guard_switch(wippyli_guard *guard, lua_State *L)
{
    guard->running = L;
    if (guard->interrupt && guard->shared->arm) {
        guard->shared->arm(L, guard->user_data);
    }
}

/* Could `L` yield up to the scheduler? Runs no Lua. */
WIPPYLI_INLINE bool wippyli_guard_can_yield(lua_State *L)
{
    return lua_isyieldable(L) && wippyli_guard_of(L)->pinned == 0;
}

/* Raise, where the running function cannot yield up to the scheduler, `attempt to yield across a
   C-call boundary (name)`, or `cannot block while the script loads`. */
WIPPYLI_FN void wippyli_guard_check_block(lua_State *L, const char *name);

/* The state is killed: leave all Lua code of this thread. Yields FATAL where it can; else raises, with
   a hook that raises again before the next instruction. Never returns to a caller that is not a hook;
   a hook must return at once. */
WIPPYLI_FN int wippyli_guard_stop(lua_State *L);

/* For loops in C: asks poll whether the state is to end, and then does not return. */
WIPPYLI_FN void wippyli_guard_poll(lua_State *L);

WIPPYLI_INLINE void wippyli_guard_step(lua_State *L, uint32_t *steps)
{
    if ((++*steps & 4095) == 0) {
        wippyli_guard_poll(L);
    }
}

/* ---- states */

/* Make a fresh state (lua_newstate) a sandbox: _G and the metatable of strings. The extra space holds
   the guard already. Cost: two tables. */
WIPPYLI_FN void wippyli_sandbox_open(lua_State *L);

/* Give a state the module `name`, which becomes a global filled in when first used. A name that every
   state has is accepted. Runs no Lua.
   Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPYLI_FN wippy_result wippyli_sandbox_grant(lua_State *L, const char *name);

/* Make the value on top, which is popped, the global `name`: an import under its alias. */
WIPPYLI_FN void wippyli_sandbox_set(lua_State *L, const char *name);

/* Fill in every name of _G that is not taken, for those who iterate over it. */
WIPPYLI_FN void wippyli_sandbox_fill(lua_State *L);

/* ---- lazy tables */

typedef enum wippyli_table_kind {
    WIPPYLI_TABLE_PLAIN = 0, /* a table, or anything else */
    WIPPYLI_TABLE_LIBRARY,   /* read-only; t[k] is its raw value too */
    WIPPYLI_TABLE_GLOBALS    /* t[k] is its raw value too */
} wippyli_table_kind;

/* What the value at `index` is. Runs no Lua; needs 2 stack slots. */
WIPPYLI_FN wippyli_table_kind wippyli_table_kind_of(lua_State *L, int index);

/* Push a new lazy table. It is not anchored anywhere. */
WIPPYLI_FN void wippyli_library_push(lua_State *L, const wippyli_library *library);

/* Push the cache alone: for the __index of userdata. */
WIPPYLI_FN void wippyli_library_push_cache(lua_State *L, const wippyli_library *library);

/* Push the cache behind the lazy table at `index`, all names filled in. One key in it is not a string:
   skip it. */
WIPPYLI_FN void wippyli_library_push_filled(lua_State *L, int index);

/* __newindex of a lazy table, and what marks it as one. Raises. */
WIPPYLI_FN int wippyli_library_refuse(lua_State *L);

/* Position of a name in a library, or -1. Runs no Lua. */
WIPPYLI_FN int wippyli_library_find(const wippyli_library *library, const char *name, size_t size);

#endif /* WIPPYLI_SANDBOX_H */
