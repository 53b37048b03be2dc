/* ========================================================================== >>lua/mod_io.c */
#include "mod_io.h"
#include "errors.h"
#include "lib_string.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#if defined(_WIN32)
#include <io.h>
#else
#include <poll.h>
#include <termios.h>
#include <unistd.h>
#endif

#define WIPPYLI_IO_READ_BYTES 1024               /* io.read() without a number */
#define WIPPYLI_IO_FILL_BYTES 4096               /* asked from the system at once */
#define WIPPYLI_IO_LINE_MAX   ((size_t)16 << 20) /* more without a newline is refused */
#define WIPPYLI_IO_KEPT_BYTES ((size_t)64 << 10) /* an empty buffer larger than this is freed */

struct wippyli_terminal {
    char *bytes;
    size_t room;
    size_t at; /* bytes[at .. size) was not taken yet */
    size_t size;
    size_t scanned;    /* no newline before this */
    uint64_t position; /* bytes taken ever: changes whenever somebody takes some */
    uint32_t raw_count;
#if !defined(_WIN32)
    bool changed; /* `modes` are to be restored */
    struct termios modes;
#endif
};

/* ------------------------------------------------------------------ the buffer: under the lock */

static void wippyli_io_free(wippyli_shared *shared)
{
    struct wippyli_terminal *terminal = shared->terminal;
    if (terminal->bytes) {
        wippy_memory_put(shared->rt, terminal->bytes, terminal->room);
    }
    wippy_memory_put(shared->rt, terminal, sizeof(*terminal));
}

/* Make the terminal when it is not there. Takes the lock. False: no memory. */
static bool wippyli_io_prepare(wippyli_shared *shared)
{
    wippyli_lock_take(&shared->lock);
    if (!shared->terminal) {
        shared->terminal =
            (struct wippyli_terminal *)wippy_memory_get(shared->rt, sizeof(*shared->terminal));
        if (shared->terminal) {
            memset(shared->terminal, 0, sizeof(*shared->terminal));
            shared->terminal_free = wippyli_io_free;
        }
    }
    bool there = shared->terminal != NULL;
    wippyli_lock_drop(&shared->lock);
    return there;
}

static void wippyli_io_compact(struct wippyli_terminal *terminal)
{
    memmove(terminal->bytes, terminal->bytes + terminal->at, terminal->size - terminal->at);
    terminal->size -= terminal->at;
    terminal->scanned -= terminal->at;
    terminal->at = 0;
}

/* Room for WIPPYLI_IO_FILL_BYTES more. */
static bool wippyli_io_reserve(wippyli_shared *shared)
{
    struct wippyli_terminal *terminal = shared->terminal;
    if (terminal->room - terminal->size >= WIPPYLI_IO_FILL_BYTES) {
        return true;
    }
    if (terminal->at > terminal->room / 2) {
        wippyli_io_compact(terminal);
        return wippyli_io_reserve(shared);
    }
    size_t room = terminal->room ? terminal->room * 2 : (size_t)2 * WIPPYLI_IO_FILL_BYTES;
    char *bytes = (char *)wippy_memory_get(shared->rt, room);
    if (!bytes) {
        return false;
    }
    if (terminal->bytes) {
        memcpy(bytes, terminal->bytes, terminal->size);
        wippy_memory_put(shared->rt, terminal->bytes, terminal->room);
    }
    terminal->bytes = bytes;
    terminal->room = room;
    return true;
}

static void wippyli_io_take(wippyli_shared *shared, size_t size)
{
    struct wippyli_terminal *terminal = shared->terminal;
    terminal->at += size;
    terminal->position += size;
    if (terminal->scanned < terminal->at) {
        terminal->scanned = terminal->at;
    }
    if (terminal->at == terminal->size) {
        terminal->at = terminal->size = terminal->scanned = 0;
        if (terminal->room > WIPPYLI_IO_KEPT_BYTES) {
            wippy_memory_put(shared->rt, terminal->bytes, terminal->room);
            terminal->bytes = NULL;
            terminal->room = 0;
        }
    }
}

/* Bytes of the line in front, newline included; 0 = it is not complete. */
static size_t wippyli_io_line(struct wippyli_terminal *terminal)
{
    const char *newline = NULL;
    if (terminal->size > terminal->scanned) {
        newline = (const char *)memchr(terminal->bytes + terminal->scanned, '\n',
                                       terminal->size - terminal->scanned);
    }
    if (!newline) {
        terminal->scanned = terminal->size;
        return 0;
    }
    terminal->scanned = (size_t)(newline - terminal->bytes);
    return terminal->scanned + 1 - terminal->at;
}

/* ------------------------------------------------------------------ from the system */

typedef enum wippyli_io_filled {
    WIPPYLI_IO_DATA = 1,
    WIPPYLI_IO_END = 0,
    WIPPYLI_IO_WAIT = -1,
    WIPPYLI_IO_BROKEN = -2,
    WIPPYLI_IO_NOMEM = -3
} wippyli_io_filled;

/* Under the lock: take what read() gave into the buffer. */
static wippyli_io_filled wippyli_io_append(struct wippyli_terminal *terminal, long got)
{
    if (got > 0) {
        terminal->size += (size_t)got;
        return WIPPYLI_IO_DATA;
    }
    if (got == 0) {
        return WIPPYLI_IO_END;
    }
    return errno == EAGAIN || errno == EINTR ? WIPPYLI_IO_WAIT : WIPPYLI_IO_BROKEN;
}

#if defined(_WIN32)

static wippyli_io_filled wippyli_io_fill(wippyli_shared *shared, bool wait)
{
    char bytes[WIPPYLI_IO_FILL_BYTES];
    if (!wait) {
        return WIPPYLI_IO_WAIT;
    }
    int got = _read(0, bytes, (unsigned)sizeof(bytes));
    wippyli_io_filled filled = WIPPYLI_IO_NOMEM;
    wippyli_lock_take(&shared->lock);
    if (wippyli_io_reserve(shared)) {
        if (got > 0) {
            memcpy(shared->terminal->bytes + shared->terminal->size, bytes, (size_t)got);
        }
        filled = wippyli_io_append(shared->terminal, got);
    }
    wippyli_lock_drop(&shared->lock);
    return filled;
}

#else

static bool wippyli_io_is_ready(int timeout_ms)
{
    struct pollfd input;
    input.fd = 0;
    input.events = POLLIN;
    input.revents = 0;
    return poll(&input, 1, timeout_ms) > 0;
}

/* Read what is there. Asked again under the lock: another coroutine may have been faster, and nobody
   may stand still here. wait: stand still before, on a thread of the blocking pool. */
static wippyli_io_filled wippyli_io_fill(wippyli_shared *shared, bool wait)
{
    wippyli_io_filled filled = WIPPYLI_IO_WAIT;
    while (wait && !wippyli_io_is_ready(-1)) {
    }
    wippyli_lock_take(&shared->lock);
    if (!wippyli_io_reserve(shared)) {
        filled = WIPPYLI_IO_NOMEM;
    } else if (wippyli_io_is_ready(0)) {
        struct wippyli_terminal *terminal = shared->terminal;
        filled = wippyli_io_append(terminal, (long)read(0, terminal->bytes + terminal->size,
                                                        terminal->room - terminal->size));
    }
    wippyli_lock_drop(&shared->lock);
    return filled;
}

#endif

static wippy_result wippyli_io_fill_blocking(void *arg, wippy_writer *out)
{
    wippy_write_int(out, (int64_t)wippyli_io_fill((wippyli_shared *)arg, true));
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ taking */

/* What a read wants; packed into a lua_KContext. */
typedef struct wippyli_io_want {
    bool line;
    size_t size; /* most bytes, when it is no line */
} wippyli_io_want;

static lua_KContext wippyli_io_pack(const wippyli_io_want *want)
{
    return (lua_KContext)(want->size << 1 | (want->line ? 1u : 0u));
}

static wippyli_io_want wippyli_io_unpack(lua_KContext ctx)
{
    wippyli_io_want want;
    want.line = (ctx & 1) != 0;
    want.size = (size_t)ctx >> 1;
    return want;
}

/* Under the lock: how many bytes the read may have now. final: no more will come. */
static size_t wippyli_io_offer(struct wippyli_terminal *terminal, const wippyli_io_want *want,
                               bool final)
{
    size_t there = terminal->size - terminal->at;
    if (!want->line) {
        return there < want->size ? there : want->size;
    }
    size_t size = wippyli_io_line(terminal);
    return size == 0 && final ? there : size;
}

/* Copy what the read may have into `into`, which has room for `room` bytes, without taking it. */
static size_t wippyli_io_peek(wippyli_shared *shared, const wippyli_io_want *want, bool final,
                              char *into, size_t room, uint64_t *position)
{
    wippyli_lock_take(&shared->lock);
    size_t size = wippyli_io_offer(shared->terminal, want, final);
    if (size > 0 && size <= room) {
        memcpy(into, shared->terminal->bytes + shared->terminal->at, size);
    }
    *position = shared->terminal->position;
    wippyli_lock_drop(&shared->lock);
    return size;
}

/* Take `size` bytes unless somebody took any since `position`. */
static bool wippyli_io_commit(wippyli_shared *shared, size_t size, uint64_t position)
{
    wippyli_lock_take(&shared->lock);
    bool ours = shared->terminal->position == position;
    if (ours) {
        wippyli_io_take(shared, size);
    }
    wippyli_lock_drop(&shared->lock);
    return ours;
}

/* size: at least 1. */
static void wippyli_io_push(lua_State *L, const wippyli_io_want *want, const char *bytes,
                            size_t size)
{
    if (want->line && bytes[size - 1] == '\n') {
        size--;
        if (size > 0 && bytes[size - 1] == '\r') {
            size--;
        }
    }
    lua_pushlstring(L, bytes, size);
}

/* Push what the read gets; the value exists before the bytes are taken. False: nothing yet. */
static bool wippyli_io_get(lua_State *L, wippyli_shared *shared, const wippyli_io_want *want,
                           bool final)
{
    char small[512];
    uint64_t position = 0;
    int top = lua_gettop(L);
    for (;;) {
        lua_settop(L, top);
        char *bytes = small;
        size_t room = sizeof(small);
        size_t size = wippyli_io_peek(shared, want, final, bytes, room, &position);
        if (size > room) {
            room = size;
            bytes = (char *)lua_newuserdatauv(L, room, 0);
            size = wippyli_io_peek(shared, want, final, bytes, room, &position);
        }
        if (size == 0) {
            lua_settop(L, top);
            return false;
        }
        if (size > room) {
            continue;
        }
        wippyli_io_push(L, want, bytes, size);
        if (wippyli_io_commit(shared, size, position)) {
            return true;
        }
    }
}

/* ------------------------------------------------------------------ waiting */

static int wippyli_io_read_on(lua_State *L, lua_KContext ctx);

static const char *wippyli_io_name(lua_KContext ctx)
{
    return (ctx & 1) != 0 ? "readline" : "read";
}

static int wippyli_io_ended(lua_State *L, lua_KContext ctx, wippyli_io_filled filled)
{
    wippyli_io_want want = wippyli_io_unpack(ctx);
    const char *name = wippyli_io_name(ctx);
    switch (filled) {
    case WIPPYLI_IO_END:
        if (wippyli_io_get(L, wippyli_shared_of(wippyli_bridge_at(L)), &want, true)) {
            return 1;
        }
        return wippyli_fail(L, "Internal", "%s: EOF", name);
    case WIPPYLI_IO_NOMEM: return wippyli_fail(L, "Internal", "%s: out of memory", name);
    default: return wippyli_fail(L, "Internal", "%s: input cannot be read", name);
    }
}

#if !defined(_WIN32)

/* Whatever the descriptor became ready with: reading tells. */
static int wippyli_io_ready(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    (void)mail;
    return wippyli_io_read_on(L, ctx);
}

#endif

static int wippyli_io_filled_by_pool(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    wippy_slice value;
    value.data = (const char *)wippy_mail_data(mail);
    value.size = mail->size;
    wippyli_io_filled filled =
        (wippyli_io_filled)wippy_value_int(value, "", (int64_t)WIPPYLI_IO_BROKEN);
    if (mail->result == WIPPY_OK && (filled == WIPPYLI_IO_DATA || filled == WIPPYLI_IO_WAIT)) {
        return wippyli_io_read_on(L, ctx);
    }
    return wippyli_io_ended(L, ctx, filled);
}

static int wippyli_io_wait(lua_State *L, lua_KContext ctx)
{
    wippy_self *self = wippyli_self(wippyli_process_of(L));
    wippy_result result = WIPPY_ERR_UNSUPPORTED;
    uint64_t tag = wippyli_await_tag(L);
    if (tag == 0) {
        return wippyli_await_failed(L, WIPPY_ERR_NOMEM);
    }
#if !defined(_WIN32)
    result = wippy_wait_fd(self, 0, (uint32_t)WIPPY_FD_READ, tag, wippyli_await_token(L));
    if (result == WIPPY_PENDING) {
        return wippyli_await(L, wippyli_io_ready, ctx);
    }
#endif
    if (result == WIPPY_ERR_UNSUPPORTED) {
        result =
            wippy_blocking(self, wippyli_io_fill_blocking, wippyli_shared_of(wippyli_bridge_at(L)),
                           NULL, tag, wippyli_await_token(L));
    }
    return result == WIPPY_PENDING ? wippyli_await(L, wippyli_io_filled_by_pool, ctx)
                                   : wippyli_await_failed(L, result);
}

/* A line that does not end: give up what is there of it. */
static bool wippyli_io_too_long(wippyli_shared *shared, const wippyli_io_want *want)
{
    wippyli_lock_take(&shared->lock);
    size_t there = shared->terminal->size - shared->terminal->at;
    bool too_long = want->line && there > WIPPYLI_IO_LINE_MAX;
    if (too_long) {
        wippyli_io_take(shared, there);
    }
    wippyli_lock_drop(&shared->lock);
    return too_long;
}

static int wippyli_io_read_on(lua_State *L, lua_KContext ctx)
{
    wippyli_shared *shared = wippyli_shared_of(wippyli_bridge_at(L));
    wippyli_io_want want = wippyli_io_unpack(ctx);
    for (;;) {
        if (wippyli_io_get(L, shared, &want, false)) {
            return 1;
        }
        if (wippyli_io_too_long(shared, &want)) {
            return wippyli_fail(L, "Internal", "readline: line too long");
        }
        wippyli_io_filled filled = wippyli_io_fill(shared, false);
        if (filled == WIPPYLI_IO_WAIT) {
            return wippyli_io_wait(L, ctx);
        }
        if (filled != WIPPYLI_IO_DATA) {
            return wippyli_io_ended(L, ctx, filled);
        }
    }
}

/* ------------------------------------------------------------------ functions */

static bool wippyli_io_allowed(lua_State *L)
{
    return wippy_self_host_kind(wippyli_self(wippyli_process_of(L))) == WIPPY_HOST_TERMINAL;
}

static int wippyli_io_refused(lua_State *L)
{
    return wippyli_fail(L, "Unavailable", "no terminal context");
}

/* The others first: a loop of reads must not keep them waiting as long as there is input. */
static int wippyli_io_read_turn(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    return wippyli_io_read_on(L, ctx);
}

static int wippyli_io_read_want(lua_State *L, const char *name, const wippyli_io_want *want)
{
    wippyli_check_block(L, name);
    if (!wippyli_io_prepare(wippyli_shared_of(wippyli_bridge_at(L)))) {
        return wippyli_fail(L, "Internal", "out of memory");
    }
    lua_settop(L, 0);
    return wippyli_yield_turn(L, wippyli_io_read_turn, wippyli_io_pack(want));
}

static int wippyli_io_read(lua_State *L)
{
    wippyli_io_want want;
    if (!wippyli_io_allowed(L)) {
        return wippyli_io_refused(L);
    }
    lua_Integer size = luaL_optinteger(L, 1, WIPPYLI_IO_READ_BYTES);
    want.line = false;
    want.size = WIPPYLI_IO_READ_BYTES;
    if (size > 0) {
        want.size = size > (lua_Integer)WIPPYLI_IO_LINE_MAX ? WIPPYLI_IO_LINE_MAX : (size_t)size;
    }
    return wippyli_io_read_want(L, "io.read", &want);
}

static int wippyli_io_readline(lua_State *L)
{
    wippyli_io_want want;
    if (!wippyli_io_allowed(L)) {
        return wippyli_io_refused(L);
    }
    want.line = true;
    want.size = 0;
    return wippyli_io_read_want(L, "io.readline", &want);
}

/* Write all arguments as one piece. */
static int wippyli_io_put(lua_State *L, FILE *stream, const char *separator, const char *end)
{
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    size_t size;
    if (!wippyli_io_allowed(L)) {
        return wippyli_io_refused(L);
    }
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addstring(&buffer, separator);
        }
        wippyli_tostring(L, i, NULL);
        luaL_addvalue(&buffer);
    }
    luaL_addstring(&buffer, end);
    luaL_pushresult(&buffer);
    const char *text = lua_tolstring(L, -1, &size);
    if (fwrite(text, 1, size, stream) != size || fflush(stream) != 0) {
        clearerr(stream);
        return wippyli_fail(L, "Internal", "output cannot be written");
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_io_write(lua_State *L)
{
    return wippyli_io_put(L, stdout, "", "");
}

static int wippyli_io_print(lua_State *L)
{
    return wippyli_io_put(L, stdout, "\t", "\n");
}

static int wippyli_io_eprint(lua_State *L)
{
    return wippyli_io_put(L, stderr, "\t", "\n");
}

static int wippyli_io_flush(lua_State *L)
{
    if (!wippyli_io_allowed(L)) {
        return wippyli_io_refused(L);
    }
    fflush(stdout);
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_io_args(lua_State *L)
{
    const wippy_lua_desc *desc = &wippyli_bridge_at(L)->desc;
    lua_newtable(L);
    for (int i = 0; wippyli_io_allowed(L) && i < desc->argc; i++) {
        lua_pushstring(L, desc->argv[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ------------------------------------------------------------------ raw mode */

/* What a process has asked for. */
typedef struct wippyli_io_raw_share {
    wippyli_cleanup cleanup; /* first */
    uint32_t count;
} wippyli_io_raw_share;

#if defined(_WIN32)

static void wippyli_io_enter_raw(struct wippyli_terminal *terminal)
{
    (void)terminal;
}

static void wippyli_io_leave_raw(struct wippyli_terminal *terminal)
{
    (void)terminal;
}

#else

static void wippyli_io_enter_raw(struct wippyli_terminal *terminal)
{
    struct termios raw;
    if (tcgetattr(0, &terminal->modes) != 0) {
        return; /* no terminal: nothing to change */
    }
    raw = terminal->modes;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw.c_cflag |= (tcflag_t)CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal->changed = tcsetattr(0, TCSANOW, &raw) == 0;
}

static void wippyli_io_leave_raw(struct wippyli_terminal *terminal)
{
    if (terminal->changed) {
        tcsetattr(0, TCSANOW, &terminal->modes);
        terminal->changed = false;
    }
}

#endif

/* The count of one process goes from `before` to `now`, which differ. Runs no Lua. */
static void wippyli_io_count_raw(wippyli_shared *shared, uint32_t before, uint32_t now)
{
    wippyli_lock_take(&shared->lock);
    struct wippyli_terminal *terminal = shared->terminal;
    uint32_t total = terminal->raw_count;
    terminal->raw_count = total - before + now;
    if (total == 0) {
        wippyli_io_enter_raw(terminal);
    } else if (terminal->raw_count == 0) {
        wippyli_io_leave_raw(terminal);
    }
    wippyli_lock_drop(&shared->lock);
}

static void wippyli_io_give_back(wippyli_process *process, wippyli_cleanup *cleanup)
{
    wippyli_io_raw_share *share = (wippyli_io_raw_share *)(void *)cleanup;
    if (share->count > 0) {
        wippyli_io_count_raw(wippyli_shared_of(wippyli_bridge_of(process)), share->count, 0);
    }
}

static int wippyli_io_raw(lua_State *L)
{
    static const char key = 0;
    wippyli_shared *shared = wippyli_shared_of(wippyli_bridge_at(L));
    if (!wippyli_io_allowed(L)) {
        return wippyli_io_refused(L);
    }
    bool on = lua_isnoneornil(L, 1) || lua_toboolean(L, 1);
    if (!wippyli_io_prepare(shared)) {
        return wippyli_fail(L, "Internal", "out of memory");
    }
    wippyli_io_raw_share *share =
        (wippyli_io_raw_share *)wippyli_module_state(L, &key, sizeof(*share));
    if (!share->cleanup.run) {
        share->cleanup.run = wippyli_io_give_back;
        wippyli_cleanup_add(wippyli_process_of(L), &share->cleanup);
    }
    if (on || share->count > 0) {
        uint32_t before = share->count;
        share->count = on ? before + 1 : before - 1;
        wippyli_io_count_raw(shared, before, share->count);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ------------------------------------------------------------------ the module */

static const wippyli_entry wippyli_io_entries[] = {
    {"args", wippyli_io_args, 0, NULL},         {"eprint", wippyli_io_eprint, 0, NULL},
    {"flush", wippyli_io_flush, 0, NULL},       {"print", wippyli_io_print, 0, NULL},
    {"raw", wippyli_io_raw, 0, NULL},           {"read", wippyli_io_read, 0, NULL},
    {"readline", wippyli_io_readline, 0, NULL}, {"write", wippyli_io_write, 0, NULL},
};

WIPPYLI_FN const wippyli_library *wippyli_io_module(void)
{
    static const wippyli_library library = {"io", wippyli_io_entries,
                                            WIPPYLI_COUNT(wippyli_io_entries), NULL, NULL};
    return &library;
}
#undef WIPPYLI_IO_READ_BYTES
#undef WIPPYLI_IO_FILL_BYTES
#undef WIPPYLI_IO_LINE_MAX
#undef WIPPYLI_IO_KEPT_BYTES
