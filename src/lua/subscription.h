/* ========================================================================== >>lua/subscription
   What something in the runtime tells a process under a topic that only this knows, as an object with
   channel() and close(): the modules `events` and `pg` answer one.
   Each has a topic of its own, "PREFIX.N", so that nothing but its channel takes its mail.
   Holds: one block of the process; given up at close(), or when the process ends or is upgraded.
   Locks: none.  Allocates: that, and Lua values. */
#ifndef WIPPYLI_SUBSCRIPTION_H
#define WIPPYLI_SUBSCRIPTION_H

#include "channel.h"

/* Where the mail comes from. */
typedef struct wippyli_source {
    const char *prefix; /* of the topics */
    /* Begin to send to `topic`; `asked` is what wippyli_subscription_push() was given. */
    wippy_result (*begin)(wippy_self *self, const char *topic, const void *asked, uint64_t *id);
    wippy_result (*end)(wippy_self *self, uint64_t id);
} wippyli_source;

/* Push a subscription, the last value on the stack. Raises where Lua has no memory.
   Returns: WIPPY_OK, or what begin() answered, or _ERR_NOMEM: nothing was pushed. */
WIPPYLI_FN wippy_result wippyli_subscription_push(lua_State *L, const wippyli_source *source,
                                                  const void *asked);

#endif /* WIPPYLI_SUBSCRIPTION_H */
