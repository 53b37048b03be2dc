/* ========================================================================= >>poller
   Waiting for descriptors: the bodies of the wippyi_poller functions of platform.h.
   Add, remove, wake: any thread.  Wait: one thread at a time.
   Locks: its own, never while waiting.  Allocates: on add only.
   Holds: a watch is in one descriptor's list or in the ready list until it is reported or removed,
   and exactly one of the two happens. */
#include "platform.h"

#include <string.h>

#if WIPPYI_OS_POSIX
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#endif

#if WIPPYI_OS_LINUX && !defined(WIPPYI_NO_EPOLL)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#define WIPPYI_EPOLL 1
#else
#define WIPPYI_EPOLL 0
#endif

#if WIPPYI_OS_WINDOWS

WIPPYI_FN wippy_result wippyi_poller_create(wippyi_poller *p, struct wippyi_mem *mem)
{
    memset(p, 0, sizeof(*p));
    p->mem = mem;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN void wippyi_poller_destroy(wippyi_poller *p)
{
    (void)p;
}

WIPPYI_FN wippy_result wippyi_poller_add(wippyi_poller *p, int fd, bool want_read, bool want_write,
                                         void *cookie)
{
    (void)p;
    (void)fd;
    (void)want_read;
    (void)want_write;
    (void)cookie;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN bool wippyi_poller_remove(wippyi_poller *p, int fd, void *cookie)
{
    (void)p;
    (void)fd;
    (void)cookie;
    return false;
}

WIPPYI_FN size_t wippyi_poller_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                                    uint64_t timeout_ns)
{
    (void)p;
    (void)events;
    (void)room;
    (void)timeout_ns;
    return 0;
}

WIPPYI_FN void wippyi_poller_wake(wippyi_poller *p)
{
    (void)p;
}

#else

/* What the system reports about a descriptor, and what a watch makes of it. */
typedef struct wippyi_poll_state {
    bool readable;
    bool writable;
    bool error;
} wippyi_poll_state;

static void wippyi_watch_append(wippyi_watch **list, wippyi_watch *watch)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    watch->next = NULL;
    *list = watch;
}

/* Take the watch with this descriptor and cookie out of a list; NULL when it is not there. */
static wippyi_watch *wippyi_watch_extract(wippyi_watch **list, int fd, const void *cookie)
{
    for (; *list != NULL; list = &(*list)->next) {
        wippyi_watch *watch = *list;
        if (watch->fd == fd && watch->cookie == cookie) {
            *list = watch->next;
            return watch;
        }
    }
    return NULL;
}

static bool wippyi_watch_has(const wippyi_watch *list, int fd, const void *cookie)
{
    for (; list != NULL; list = list->next) {
        if (list->fd == fd && list->cookie == cookie) {
            return true;
        }
    }
    return false;
}

static void wippyi_watch_free(wippyi_poller *p, wippyi_watch *watch)
{
    p->watch_count--;
    wippyi_mem_free(p->mem, watch, sizeof(*watch));
}

static void wippyi_watch_free_list(wippyi_poller *p, wippyi_watch *list)
{
    while (list != NULL) {
        wippyi_watch *next = list->next;
        wippyi_watch_free(p, list);
        list = next;
    }
}

static bool wippyi_watch_fires(const wippyi_watch *watch, const wippyi_poll_state *state)
{
    return (watch->want_read && state->readable) || (watch->want_write && state->writable) ||
           state->error;
}

/* Report a watch that is in no list any more, and free it. */
static void wippyi_watch_report(wippyi_poller *p, wippyi_watch *watch,
                                const wippyi_poll_state *state, wippyi_poll_event *event)
{
    event->cookie = watch->cookie;
    event->readable = watch->want_read && state->readable;
    event->writable = watch->want_write && state->writable;
    event->error = state->error;
    wippyi_watch_free(p, watch);
}

/* Report what fires of one descriptor's watches; those without room stay for the next wait. */
static size_t wippyi_poll_dispatch(wippyi_poller *p, wippyi_watch **list,
                                   const wippyi_poll_state *state, wippyi_poll_event *events,
                                   size_t room)
{
    size_t count = 0;
    while (*list != NULL && count < room) {
        wippyi_watch *watch = *list;
        if (wippyi_watch_fires(watch, state)) {
            *list = watch->next;
            wippyi_watch_report(p, watch, state, &events[count++]);
        } else {
            list = &watch->next;
        }
    }
    return count;
}

/* The watches that need no waiting. */
static size_t wippyi_poll_take_ready(wippyi_poller *p, wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    state.readable = true;
    state.writable = true;
    state.error = false;
    wippyi_mutex_lock(&p->lock);
    size_t count = wippyi_poll_dispatch(p, &p->ready, &state, events, room);
    wippyi_mutex_unlock(&p->lock);
    return count;
}

/* Make the slot of a descriptor exist. Lock held. */
static bool wippyi_poll_reserve_slot(wippyi_poller *p, int fd)
{
    size_t needed = (size_t)fd + 1;
    if (needed <= p->slot_count) {
        return true;
    }
    size_t count = WIPPYI_MAX(needed, p->slot_count * 2);
    count = WIPPYI_MAX(count, 16u);
    wippyi_poll_slot *slots = (wippyi_poll_slot *)wippyi_mem_resize(
        p->mem, p->slots, p->slot_count * sizeof(*slots), count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    memset(slots + p->slot_count, 0, (count - p->slot_count) * sizeof(*slots));
    p->slots = slots;
    p->slot_count = count;
    return true;
}

/* Milliseconds for the system calls, rounded up so that a wait is never short; -1 = for ever. */
static int wippyi_poll_timeout_ms(uint64_t timeout_ns)
{
    if (timeout_ns == WIPPYI_FOREVER) {
        return -1;
    }
    uint64_t time_ms = timeout_ns / WIPPYI_MILLI_NS + (timeout_ns % WIPPYI_MILLI_NS != 0);
    return (int)WIPPYI_MIN(time_ms, (uint64_t)INT32_MAX);
}

/* Lock held. The descriptor never blocks; a full pipe is as good as one byte in it. */
static void wippyi_poll_wake_locked(wippyi_poller *p)
{
    uint64_t one = 1; /* an eventfd wants eight bytes, a pipe takes them */
    if (!p->woken) {
        p->woken = true;
        ssize_t written = write(p->wake_write, &one, sizeof(one));
        (void)written;
    }
}

/* Lock held. */
static void wippyi_poll_drain(wippyi_poller *p)
{
    uint64_t bytes = 0;
    ssize_t got = read(p->wake_read, &bytes, sizeof(bytes));
    (void)got;
    p->woken = false;
}

WIPPYI_FN void wippyi_poller_wake(wippyi_poller *p)
{
    wippyi_mutex_lock(&p->lock);
    wippyi_poll_wake_locked(p);
    wippyi_mutex_unlock(&p->lock);
}

#if WIPPYI_EPOLL

/* The event data of the wake descriptor; others have the descriptor in the low half and the slot's
   generation in the high half. */
#define WIPPYI_POLL_WAKE UINT64_MAX

static wippy_result wippyi_poll_open(wippyi_poller *p)
{
    struct epoll_event event;
    p->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_read = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->wake_write = p->wake_read;
    if (p->poll_fd < 0 || p->wake_read < 0) {
        return WIPPY_ERR_IO;
    }
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    event.data.u64 = WIPPYI_POLL_WAKE;
    int failed = epoll_ctl(p->poll_fd, EPOLL_CTL_ADD, p->wake_read, &event);
    return failed == 0 ? WIPPY_OK : WIPPY_ERR_IO;
}

/* Tell epoll what the watches of a descriptor want together: one-shot, so a descriptor that nobody
   watches is silent though still known. Lock held. Returns 0 or an errno value. */
static int wippyi_poll_arm(wippyi_poller *p, int fd)
{
    wippyi_poll_slot *slot = &p->slots[fd];
    struct epoll_event event;
    memset(&event, 0, sizeof(event));
    event.data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd;
    event.events = (uint32_t)EPOLLONESHOT;
    for (const wippyi_watch *watch = slot->first; watch != NULL; watch = watch->next) {
        event.events |= (watch->want_read ? (uint32_t)EPOLLIN : 0u) |
                        (watch->want_write ? (uint32_t)EPOLLOUT : 0u);
    }
    int verb = slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int failed = epoll_ctl(p->poll_fd, verb, fd, &event);
    if (failed != 0 && verb == EPOLL_CTL_MOD && errno == ENOENT) {
        /* closed since, and the number is in use again */
        failed = epoll_ctl(p->poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
    slot->registered = failed == 0;
    return failed == 0 ? 0 : errno;
}

static void wippyi_poll_disarm(wippyi_poller *p, int fd)
{
    struct epoll_event unused; /* kernels before 2.6.9 want the pointer */
    memset(&unused, 0, sizeof(unused));
    epoll_ctl(p->poll_fd, EPOLL_CTL_DEL, fd, &unused);
    p->slots[fd].registered = false;
}

static wippy_result wippyi_poll_reserve_scratch(wippyi_poller *p)
{
    (void)p;
    return WIPPY_OK;
}

/* Watches that were left over are armed again; when that fails they are reported as ready, so that
   whoever waits finds out by trying. Lock held. */
static void wippyi_poll_rearm(wippyi_poller *p, int fd)
{
    wippyi_poll_slot *slot = &p->slots[fd];
    if (slot->first != NULL && wippyi_poll_arm(p, fd) != 0) {
        wippyi_watch *list = slot->first;
        slot->first = NULL;
        while (list != NULL) {
            wippyi_watch *next = list->next;
            wippyi_watch_append(&p->ready, list);
            list = next;
        }
        wippyi_poll_wake_locked(p);
    }
}

static size_t wippyi_poll_handle(wippyi_poller *p, const struct epoll_event *event,
                                 wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    if (event->data.u64 == WIPPYI_POLL_WAKE) {
        wippyi_poll_drain(p);
        return 0;
    }
    int fd = (int)(uint32_t)event->data.u64;
    if (p->slots[fd].generation != (uint32_t)(event->data.u64 >> 32)) {
        return 0; /* about a descriptor that was removed while the event was on its way to us */
    }
    state.readable = (event->events & (uint32_t)(EPOLLIN | EPOLLHUP)) != 0;
    state.writable = (event->events & (uint32_t)(EPOLLOUT | EPOLLHUP)) != 0;
    state.error = (event->events & (uint32_t)EPOLLERR) != 0;
    size_t count = wippyi_poll_dispatch(p, &p->slots[fd].first, &state, events, room);
    wippyi_poll_rearm(p, fd);
    return count;
}

static size_t wippyi_poll_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                               uint64_t timeout_ns)
{
    struct epoll_event found[64];
    size_t count = 0;
    int found_room = (int)WIPPYI_MIN(room, WIPPYI_COUNT(found));
    int n = epoll_wait(p->poll_fd, found, found_room, wippyi_poll_timeout_ms(timeout_ns));
    wippyi_mutex_lock(&p->lock);
    for (int i = 0; i < n; i++) {
        count += wippyi_poll_handle(p, &found[i], events + count, room - count);
    }
    wippyi_mutex_unlock(&p->lock);
    return count;
}

#else

static bool wippyi_poll_prepare_pipe(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static wippy_result wippyi_poll_open(wippyi_poller *p)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return WIPPY_ERR_IO;
    }
    p->wake_read = ends[0];
    p->wake_write = ends[1];
    bool ready = wippyi_poll_prepare_pipe(ends[0]) && wippyi_poll_prepare_pipe(ends[1]);
    return ready ? WIPPY_OK : WIPPY_ERR_IO;
}

/* The waiter builds its array anew from the slots, so it only has to be told. Lock held. */
static int wippyi_poll_arm(wippyi_poller *p, int fd)
{
    (void)fd;
    wippyi_poll_wake_locked(p);
    return 0;
}

static void wippyi_poll_disarm(wippyi_poller *p, int fd)
{
    (void)p;
    (void)fd;
}

/* The waiter's array is in use while it sleeps, so room for one more descriptor is set aside here
   and taken over by its next wait: waiting needs no memory. Lock held. */
static wippy_result wippyi_poll_reserve_scratch(wippyi_poller *p)
{
    size_t needed = p->watch_count + 2; /* the new one and the wake pipe */
    if (needed <= WIPPYI_MAX(p->scratch_count, p->spare_count)) {
        return WIPPY_OK;
    }
    size_t count = needed * 2;
    void *spare = wippyi_mem_alloc(p->mem, count * sizeof(struct pollfd));
    if (spare == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
    p->spare = spare;
    p->spare_count = count;
    return WIPPY_OK;
}

/* Lock held. */
static void wippyi_poll_adopt_spare(wippyi_poller *p)
{
    if (p->spare != NULL) {
        wippyi_mem_free(p->mem, p->scratch, p->scratch_count * sizeof(struct pollfd));
        p->scratch = p->spare;
        p->scratch_count = p->spare_count;
        p->spare = NULL;
        p->spare_count = 0;
    }
}

static short wippyi_poll_wants(const wippyi_watch *list)
{
    int wants = 0;
    for (; list != NULL; list = list->next) {
        wants |= (list->want_read ? POLLIN : 0) | (list->want_write ? POLLOUT : 0);
    }
    return (short)wants;
}

/* Fill the array from the slots. Lock held. */
static size_t wippyi_poll_collect(wippyi_poller *p, struct pollfd *set)
{
    size_t count = 0;
    for (size_t fd = 0; fd < p->slot_count; fd++) {
        if (p->slots[fd].first != NULL) {
            WIPPYI_ASSERT(count + 1 < p->scratch_count);
            p->slots[fd].polled = p->slots[fd].generation;
            set[count].fd = (int)fd;
            set[count].events = wippyi_poll_wants(p->slots[fd].first);
            set[count].revents = 0;
            count++;
        }
    }
    return count;
}

static size_t wippyi_poll_handle(wippyi_poller *p, const struct pollfd *found,
                                 wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    wippyi_poll_slot *slot = &p->slots[found->fd];
    if (slot->generation != slot->polled) {
        return 0; /* about a descriptor that was removed while we slept */
    }
    state.readable = (found->revents & (POLLIN | POLLHUP)) != 0;
    state.writable = (found->revents & (POLLOUT | POLLHUP)) != 0;
    state.error = (found->revents & (POLLERR | POLLNVAL)) != 0;
    return wippyi_poll_dispatch(p, &slot->first, &state, events, room);
}

/* Entry 0 is the wake pipe. */
static size_t wippyi_poll_begin(wippyi_poller *p)
{
    struct pollfd *set;
    wippyi_mutex_lock(&p->lock);
    wippyi_poll_adopt_spare(p);
    set = (struct pollfd *)p->scratch;
    set[0].fd = p->wake_read;
    set[0].events = POLLIN;
    set[0].revents = 0;
    size_t count = wippyi_poll_collect(p, set + 1) + 1;
    wippyi_mutex_unlock(&p->lock);
    return count;
}

static size_t wippyi_poll_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                               uint64_t timeout_ns)
{
    size_t set_count = wippyi_poll_begin(p);
    struct pollfd *set = (struct pollfd *)p->scratch;
    size_t count = 0;
    if (poll(set, (nfds_t)set_count, wippyi_poll_timeout_ms(timeout_ns)) <= 0) {
        return 0;
    }
    wippyi_mutex_lock(&p->lock);
    if (set[0].revents != 0) {
        wippyi_poll_drain(p);
    }
    for (size_t i = 1; i < set_count; i++) {
        if (set[i].revents != 0) {
            count += wippyi_poll_handle(p, &set[i], events + count, room - count);
        }
    }
    wippyi_mutex_unlock(&p->lock);
    return count;
}

#endif

static void wippyi_poll_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void wippyi_poller_close(wippyi_poller *p)
{
    wippyi_poll_close(p->poll_fd);
    wippyi_poll_close(p->wake_read);
    if (p->wake_write != p->wake_read) {
        wippyi_poll_close(p->wake_write);
    }
}

static wippy_result wippyi_poller_begin(wippyi_poller *p)
{
    wippy_result result = wippyi_poll_reserve_scratch(p);
    if (result == WIPPY_OK) {
        result = wippyi_poll_open(p);
    }
    if (result != WIPPY_OK) {
        wippyi_poller_close(p);
#if !WIPPYI_EPOLL
        wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
#endif
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_poller_create(wippyi_poller *p, struct wippyi_mem *mem)
{
    memset(p, 0, sizeof(*p));
    p->mem = mem;
    p->poll_fd = -1;
    p->wake_read = -1;
    p->wake_write = -1;
    wippy_result result = wippyi_mutex_init(&p->lock);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_poller_begin(p);
    if (result != WIPPY_OK) {
        wippyi_mutex_destroy(&p->lock);
    }
    return result;
}

WIPPYI_FN void wippyi_poller_destroy(wippyi_poller *p)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        wippyi_watch_free_list(p, p->slots[i].first);
    }
    wippyi_watch_free_list(p, p->ready);
    wippyi_mem_free(p->mem, p->slots, p->slot_count * sizeof(*p->slots));
#if !WIPPYI_EPOLL
    wippyi_mem_free(p->mem, p->scratch, p->scratch_count * sizeof(struct pollfd));
    wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
#endif
    wippyi_poller_close(p);
    wippyi_mutex_destroy(&p->lock);
}

/* Give the watch to the system, or to the ready list when it cannot be waited for. Lock held. */
static wippy_result wippyi_poll_insert(wippyi_poller *p, wippyi_watch *watch)
{
    wippyi_poll_slot *slot = &p->slots[watch->fd];
    wippyi_watch_append(&slot->first, watch);
    int failed = wippyi_poll_arm(p, watch->fd);
    if (failed == 0) {
        return WIPPY_OK;
    }
    wippyi_watch_extract(&slot->first, watch->fd, watch->cookie);
    if (failed != EPERM) {
        return failed == ENOMEM || failed == ENOSPC ? WIPPY_ERR_NOMEM : WIPPY_ERR_IO;
    }
    wippyi_watch_append(&p->ready, watch);
    wippyi_poll_wake_locked(p);
    return WIPPY_OK;
}

/* Lock held. */
static wippy_result wippyi_poll_add(wippyi_poller *p, const wippyi_watch *wanted)
{
    if (!wippyi_poll_reserve_slot(p, wanted->fd) || wippyi_poll_reserve_scratch(p) != WIPPY_OK) {
        return WIPPY_ERR_NOMEM;
    }
    if (wippyi_watch_has(p->slots[wanted->fd].first, wanted->fd, wanted->cookie) ||
        wippyi_watch_has(p->ready, wanted->fd, wanted->cookie)) {
        return WIPPY_ERR_EXISTS;
    }
    wippyi_watch *watch = (wippyi_watch *)wippyi_mem_alloc(p->mem, sizeof(*watch));
    if (watch == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    *watch = *wanted;
    p->watch_count++;
    wippy_result result = wippyi_poll_insert(p, watch);
    if (result != WIPPY_OK) {
        wippyi_watch_free(p, watch);
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_poller_add(wippyi_poller *p, int fd, bool want_read, bool want_write,
                                         void *cookie)
{
    wippyi_watch wanted;
    if (fd < 0 || (!want_read && !want_write) || fcntl(fd, F_GETFD) < 0) {
        return WIPPY_ERR_INVALID;
    }
    memset(&wanted, 0, sizeof(wanted));
    wanted.fd = fd;
    wanted.cookie = cookie;
    wanted.want_read = want_read;
    wanted.want_write = want_write;
    wippyi_mutex_lock(&p->lock);
    wippy_result result = wippyi_poll_add(p, &wanted);
    wippyi_mutex_unlock(&p->lock);
    return result;
}

/* Lock held. */
static wippyi_watch *wippyi_poll_remove(wippyi_poller *p, int fd, const void *cookie)
{
    if (fd < 0 || (size_t)fd >= p->slot_count) {
        return NULL;
    }
    wippyi_watch *watch = wippyi_watch_extract(&p->slots[fd].first, fd, cookie);
    if (watch == NULL) {
        return wippyi_watch_extract(&p->ready, fd, cookie);
    }
    if (p->slots[fd].first == NULL) {
        p->slots[fd].generation++; /* the number may mean another file soon */
        wippyi_poll_disarm(p, fd);
    }
    return watch;
}

WIPPYI_FN bool wippyi_poller_remove(wippyi_poller *p, int fd, void *cookie)
{
    wippyi_mutex_lock(&p->lock);
    wippyi_watch *watch = wippyi_poll_remove(p, fd, cookie);
    if (watch != NULL) {
        wippyi_watch_free(p, watch);
    }
    wippyi_mutex_unlock(&p->lock);
    return watch != NULL;
}

WIPPYI_FN size_t wippyi_poller_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                                    uint64_t timeout_ns)
{
    WIPPYI_ASSERT(room > 0);
    size_t count = wippyi_poll_take_ready(p, events, room);
    if (count == room) {
        return count;
    }
    /* with something in hand only look; a stream of ready ones must not hide the others */
    return count + wippyi_poll_wait(p, events + count, room - count, count > 0 ? 0 : timeout_ns);
}

#endif
