/* ========================================================================== >>lua/channel
   Channels between the coroutines of one process, select, and channels that C code or mail fills.
   STABLE for authors of modules: everything above the line "private".

   A channel is one userdata: this struct, then `extra` bytes of the module that made it. Values that
   Lua sends live in a table that grows with them; values that come from outside stay where they are
   (in the module's extra bytes, or as kept mail) until somebody receives them, because only the
   receiver runs under protection.
   Holds: waiting coroutines by address, they live in the process.  Locks: none.
   Allocates: Lua objects, only in functions that say "raises". */
#ifndef WIPPYLI_CHANNEL_H
#define WIPPYLI_CHANNEL_H

#include "process.h"

typedef struct wippyli_channel wippyli_channel;

/* How a module fills a channel. Static. */
typedef struct wippyli_feed {
    /* Push the oldest value offered and forget it. Runs protected in the coroutine that receives. When
       it raises, nothing was forgotten and the value is offered to the next receiver. */
    void (*take)(lua_State *L, wippyli_channel *channel);
    size_t extra_bytes; /* behind the channel, zeroed, 8-byte aligned: wippyli_channel_extra() */
} wippyli_feed;

/* Push a new channel. feed may be NULL (an ordinary channel). Raises without memory. */
WIPPYLI_FN wippyli_channel *wippyli_channel_push(lua_State *L, uint32_t capacity,
                                                 const wippyli_feed *feed);
WIPPYLI_FN void *wippyli_channel_extra(wippyli_channel *channel);

/* Push the userdata of an anchored channel again. */
WIPPYLI_FN void wippyli_channel_push_again(lua_State *L, wippyli_channel *channel);

/* The channel at `index`, or NULL; wippyli_channel_check raises "channel expected". */
WIPPYLI_FN wippyli_channel *wippyli_channel_test(lua_State *L, int index);
WIPPYLI_FN wippyli_channel *wippyli_channel_check(lua_State *L, int index);

/* Keep the channel at `index` alive while the outside may still fill it. anchor raises without memory;
   release may be called anywhere, also outside protection. Anchors do not nest. */
WIPPYLI_FN void wippyli_channel_anchor(lua_State *L, int index);
WIPPYLI_FN void wippyli_channel_release(wippyli_process *process, wippyli_channel *channel);

/* Say that feed->take has one value more. Runs no Lua. False: nobody waits and the buffer is full,
   nothing was recorded (drop the value, or offer it again later). */
WIPPYLI_FN bool wippyli_channel_offer(wippyli_process *process, wippyli_channel *channel);

/* Values offered and not yet taken or promised to a receiver. */
WIPPYLI_FN uint32_t wippyli_channel_pending(const wippyli_channel *channel);
/* Forget them (a timer that is reset). */
WIPPYLI_FN void wippyli_channel_clear(wippyli_channel *channel);

/* Close: values stay readable, then receivers get nil, false. Runs no Lua; again = nothing. */
WIPPYLI_FN void wippyli_channel_close(wippyli_process *process, wippyli_channel *channel);
WIPPYLI_FN bool wippyli_channel_is_closed(const wippyli_channel *channel);

/* ---- mail of a topic into a channel (listen, subscribe, event bus); bodies in inbox.c */

/* Push one value made from a mail; protected. */
typedef void (*wippyli_mail_push)(lua_State *L, const wippy_mail *mail);

/* Bind a topic, also one that starts with '@', to the channel at `index`: mail goes to a waiting
   receiver or stays with the core, in order, until there is one. Counts as a subscription (a process
   that has one never deadlocks) and anchors the channel.
   Returns: WIPPY_OK, _ERR_EXISTS (the topic is bound already), _ERR_NOMEM. Raises without memory. */
WIPPYLI_FN wippy_result wippyli_subscribe(lua_State *L, int index, const char *topic,
                                          size_t topic_bytes, wippyli_mail_push push);

/* Undo every binding of the channel at `index`; mail that its buffer would have held stays readable,
   the rest goes back to where unclaimed mail is. Does not close. False: it had none. Raises without
   memory. */
WIPPYLI_FN bool wippyli_unsubscribe(lua_State *L, int index);

/* ------------------------------------------------------------------ private */

struct wippyli_channel {
    wippyli_waiter *receivers; /* rings; the first one's `previous` is the last */
    wippyli_waiter *senders;
    const wippyli_feed *feed; /* NULL = none */
    wippyli_mail_push push;   /* with mail: makes the value */
    wippyli_channel *retired; /* next of process->retired */
    uint32_t capacity;
    uint32_t count;     /* values in the table */
    uint32_t first;     /* of them: index in the table, from 0 */
    uint32_t ring_size; /* slots of the table in use */
    uint32_t pending;   /* offered by the feed */
    uint32_t shelf;     /* mail kept for it; 0 = none was kept yet */
    bool closed;
    bool mail;     /* topics are bound to it, or it is the inbox or events */
    bool anchored; /* the registry holds it */
    bool retiring;
};

/* The globals subscribe, unsubscribe and the table channel. */
WIPPYLI_FN int wippyli_channel_new(lua_State *L);
WIPPYLI_FN int wippyli_channel_select(lua_State *L);

/* Waiters of the running task, `count` of them, not linked; NULL = no memory. Runs no Lua. */
WIPPYLI_FN wippyli_waiter *wippyli_waiters_get(wippyli_process *process, uint32_t count);

/* End the wait of a task at its waiter: out of every list, and ready. Runs no Lua. */
WIPPYLI_FN void wippyli_waiter_won(wippyli_process *process, wippyli_waiter *waiter,
                                   wippyli_wake wake);

/* Hand mail to the first waiting receiver. False: nobody waits. Runs no Lua. */
WIPPYLI_FN bool wippyli_channel_mail(wippyli_process *process, wippyli_channel *channel,
                                     const wippy_mail *mail);

/* Undo anchors that wippyli_channel_release() left. Protected; raises nothing. */
WIPPYLI_FN void wippyli_channel_flush(lua_State *L);

/* The shelf of a mail channel, opened when first needed; 0 = no memory. Runs no Lua. */
WIPPYLI_FN uint32_t wippyli_channel_shelf(wippyli_process *process, wippyli_channel *channel);

/* Route mail that the core has not shown yet, until some is kept for a channel that `wanted` says yes
   to. False: no such mail. Runs no Lua; body in inbox.c. */
WIPPYLI_FN bool wippyli_inbox_poll(wippyli_process *process,
                                   bool (*wanted)(void *arg, const wippyli_channel *channel),
                                   void *arg);

/* Move kept mail into the table as far as there is room. Protected. */
WIPPYLI_FN void wippyli_channel_fill(lua_State *L, int index, wippyli_channel *channel);

#endif /* WIPPYLI_CHANNEL_H */
