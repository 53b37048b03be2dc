/* ========================================================================== >>lua/inbox
   Mail meets channels: which topic goes to which channel, what stays with the core until somebody
   receives, Message objects and event tables.
   A message goes to the channel its topic is bound to, else, unless the topic starts with '@', to the
   inbox, else it stays unclaimed on shelf 0. Events of the runtime have a shelf of their own from the
   first one on. Kept mail counts against the memory limit of the process.
   Holds: per process, from its arena, once mail or a subscription is there.  Locks: none. */
#ifndef WIPPYLI_INBOX_H
#define WIPPYLI_INBOX_H

#include "channel.h"

/* Look at one mail of any kind, just taken from the core: hand it to the coroutine that waits for it
   or keep it. Answers the channel it is kept for, or NULL. Runs no Lua. */
WIPPYLI_FN wippyli_channel *wippyli_inbox_route(wippyli_process *process, const wippy_mail *mail);

/* Count kept mail against the limit; over it, the process ends. Runs no Lua. */
WIPPYLI_FN void wippyli_inbox_account(wippyli_process *process);

/* ---- for Lua: process.inbox, events, listen, unlisten; the globals subscribe and unsubscribe */
WIPPYLI_FN int wippyli_process_inbox(lua_State *L);
WIPPYLI_FN int wippyli_process_events(lua_State *L);
WIPPYLI_FN int wippyli_process_listen(lua_State *L);
WIPPYLI_FN int wippyli_process_unlisten(lua_State *L);
WIPPYLI_FN int wippyli_global_subscribe(lua_State *L);
WIPPYLI_FN int wippyli_global_unsubscribe(lua_State *L);

/* Push the text form of a pid, "" for none. */
WIPPYLI_FN void wippyli_pid_push(lua_State *L, wippy_pid pid);

/* Read `text`, which is the string at `index`, as wippy_pid_parse() does. Raises without memory. */
WIPPYLI_FN wippy_result wippyli_pid_read(lua_State *L, int index, const char *text, size_t size,
                                         wippy_pid *out);

/* Push the values of a mail: all of them, raw bytes as one string. Answers how many. */
WIPPYLI_FN int wippyli_mail_values(lua_State *L, const wippy_mail *mail);

/* Push the error that a mail with a failure brings: its value, or one made of its result. */
WIPPYLI_FN void wippyli_mail_error(lua_State *L, const wippy_mail *mail);

#endif /* WIPPYLI_INBOX_H */
