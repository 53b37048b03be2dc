/* ========================================================================== >>lua/process.c */
#include "state.h"
#include "channel.h"
#include "lib_coroutine.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ who runs */

WIPPYLI_FN wippy_self *wippyli_self(const wippyli_process *process)
{
    return process->self;
}

WIPPYLI_FN wippy_runtime *wippyli_runtime(const wippyli_process *process)
{
    return process->arena.bridge->rt;
}

WIPPYLI_FN wippyli_bridge *wippyli_bridge_of(const wippyli_process *process)
{
    return process->arena.bridge;
}

WIPPYLI_FN wippyli_hooks *wippyli_hooks_of(wippyli_bridge *bridge)
{
    return &bridge->hooks;
}

WIPPYLI_FN lua_CFunction wippyli_transcode_hook(lua_State *L)
{
    return wippyli_bridge_at(L)->hooks.transcode;
}

/* ------------------------------------------------------------------ what a process holds */

WIPPYLI_FN bool wippyli_charge(wippyli_process *process, size_t bytes)
{
    wippyli_arena *arena = &process->arena;
    size_t taken = arena->used + arena->other;
    if (taken > arena->limit || bytes > arena->limit - taken) {
        return false;
    }
    arena->other += bytes;
    return true;
}

WIPPYLI_FN void wippyli_refund(wippyli_process *process, size_t bytes)
{
    process->arena.other -= bytes;
}

WIPPYLI_FN void *wippyli_get(wippyli_process *process, size_t bytes)
{
    return wippyli_arena_alloc(&process->arena, NULL, 0, bytes);
}

WIPPYLI_FN void wippyli_put(wippyli_process *process, void *ptr, size_t bytes)
{
    wippyli_arena_alloc(&process->arena, ptr, bytes, 0);
}

WIPPYLI_FN int wippyli_rate_limited(lua_State *L)
{
    return wippyli_fail(L, "RateLimited", "memory limit exceeded");
}

WIPPYLI_FN void wippyli_cleanup_add(wippyli_process *process, wippyli_cleanup *cleanup)
{
    cleanup->previous = NULL;
    cleanup->next = process->cleanups;
    if (cleanup->next) {
        cleanup->next->previous = cleanup;
    }
    process->cleanups = cleanup;
}

WIPPYLI_FN void wippyli_cleanup_remove(wippyli_process *process, wippyli_cleanup *cleanup)
{
    if (cleanup->previous) {
        cleanup->previous->next = cleanup->next;
    } else {
        process->cleanups = cleanup->next;
    }
    if (cleanup->next) {
        cleanup->next->previous = cleanup->previous;
    }
}

struct wippyli_kept {
    wippyli_kept *next;
    const void *key; /* the memory stands behind */
};

WIPPYLI_FN void *wippyli_module_state(lua_State *L, const void *key, size_t bytes)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_kept *kept = process->kept;
    while (kept && kept->key != key) {
        kept = kept->next;
    }
    if (!kept) {
        kept = (wippyli_kept *)wippyli_get(process, sizeof(*kept) + bytes);
        if (!kept) {
            luaL_error(L, "not enough memory");
            return NULL;
        }
        memset(kept, 0, sizeof(*kept) + bytes);
        kept->key = key;
        kept->next = process->kept;
        process->kept = kept;
    }
    return kept + 1;
}

WIPPYLI_FN void wippyli_process_close(wippyli_process *process)
{
    while (process->cleanups) {
        wippyli_cleanup *cleanup = process->cleanups;
        process->cleanups = cleanup->next;
        if (cleanup->next) {
            cleanup->next->previous = NULL;
        }
        cleanup->run(process, cleanup);
    }
}

/* ------------------------------------------------------------------ yields
   A tag is a slot's sequence (high half) and index + 1: a completion that comes after its yield was
   dropped, or was asked for by an older body, finds another sequence and is ignored. */

static bool wippyli_slots_grow(wippyli_process *process)
{
    uint32_t room = process->slot_room ? process->slot_room * 2 : 2;
    wippyli_slot *slots = (wippyli_slot *)wippyli_arena_alloc(
        &process->arena, process->slots, process->slot_room * sizeof(wippyli_slot),
        room * sizeof(wippyli_slot));
    if (!slots) {
        return false;
    }
    if (process->slot_room == 0) {
        process->slot_free = 0;
    }
    for (uint32_t i = room; i > process->slot_room; i--) {
        slots[i - 1].yield = NULL;
        slots[i - 1].sequence = (uint32_t)wippy_self_seed(process->self);
        slots[i - 1].next_free = process->slot_free;
        process->slot_free = i;
    }
    process->slots = slots;
    process->slot_room = room;
    return true;
}

WIPPYLI_FN uint64_t wippyli_yield_open(wippyli_process *process, wippyli_yield *yield)
{
    if (process->slot_free == 0 && !wippyli_slots_grow(process)) {
        return 0;
    }
    uint32_t number = process->slot_free;
    wippyli_slot *slot = &process->slots[number - 1];
    process->slot_free = slot->next_free;
    slot->yield = yield;
    slot->sequence++;
    memset(&yield->token, 0, sizeof(yield->token));
    yield->slot = number;
    process->open_count++;
    return (uint64_t)slot->sequence << 32 | number;
}

static void wippyli_yield_free(wippyli_process *process, wippyli_yield *yield)
{
    wippyli_slot *slot = &process->slots[yield->slot - 1];
    slot->yield = NULL;
    slot->next_free = process->slot_free;
    process->slot_free = yield->slot;
    process->open_count--;
    yield->slot = 0;
}

WIPPYLI_FN void wippyli_yield_refused(wippyli_process *process, wippyli_yield *yield)
{
    if (yield->slot) {
        wippyli_yield_free(process, yield);
    }
}

WIPPYLI_FN bool wippyli_yield_drop(wippyli_process *process, wippyli_yield *yield)
{
    if (!yield->slot) {
        return false;
    }
    wippyli_yield_free(process, yield);
    if (yield->token.sequence != 0) {
        wippy_drop(process->self, yield->token);
    }
    return true;
}

WIPPYLI_FN void wippyli_mail_done(wippyli_process *process, const wippy_mail *mail)
{
    uint64_t tag = wippy_mail_tag(mail);
    uint32_t number = (uint32_t)tag;
    if (number == 0 || number > process->slot_room) {
        return;
    }
    wippyli_slot *slot = &process->slots[number - 1];
    if (slot->yield && slot->sequence == (uint32_t)(tag >> 32)) {
        wippyli_yield *yield = slot->yield;
        wippyli_yield_free(process, yield);
        yield->done(process, yield, mail);
    }
}

/* ------------------------------------------------------------------ mail in hand */

WIPPYLI_FN void wippyli_mail_hand(wippyli_process *process, const wippy_mail *mail)
{
    if (process->draining) {
        wippy_shelf_keep(process->self, mail, process->handoff);
    } else {
        process->fresh = mail;
    }
}

WIPPYLI_FN const wippy_mail *wippyli_mail_in_hand(wippyli_process *process)
{
    return process->fresh ? process->fresh : wippy_shelf_peek(process->self, process->handoff);
}

WIPPYLI_FN void wippyli_mail_finish(wippyli_process *process)
{
    process->mail_open = false;
    if (process->fresh) {
        process->fresh = NULL;
    } else {
        wippy_shelf_take(process->self, process->handoff);
    }
}

/* A coroutine that was woken with mail did not finish it, because making the value raised. A message
   goes back to where its channel looks for it, a completion is let go. */
WIPPYLI_FN void wippyli_mail_settle(wippyli_process *process)
{
    if (!process->mail_open) {
        return;
    }
    uint32_t shelf = 0;
    if (process->mail_back) {
        shelf = wippyli_channel_shelf(process, process->mail_back);
    }
    if (shelf == 0) {
        wippyli_mail_finish(process);
        return;
    }
    const wippy_mail *mail = process->fresh;
    if (!mail) {
        mail = wippy_shelf_take(process->self, process->handoff);
    }
    wippy_shelf_keep(process->self, mail, shelf);
    process->fresh = NULL;
    process->mail_open = false;
}

/* ------------------------------------------------------------------ waiting */

WIPPYLI_FN void wippyli_check_block(lua_State *L, const char *name)
{
    wippyli_guard_check_block(L, name);
}

WIPPYLI_FN bool wippyli_can_block(lua_State *L)
{
    return wippyli_guard_can_yield(L);
}

WIPPYLI_FN void wippyli_task_ready(wippyli_process *process, wippyli_task *task, wippyli_wake wake)
{
    task->wake = (uint8_t)wake;
    task->next = NULL;
    if (process->tail) {
        process->tail->next = task;
    } else {
        process->head = task;
    }
    process->tail = task;
}

WIPPYLI_FN int wippyli_block(lua_State *L, lua_KFunction k, lua_KContext ctx)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_mail_settle(
        process); /* what is in hand was used: this function was continued with it */
    process->running->blocked = L;
    process->guard.yield_reason = WIPPYLI_YIELD_BLOCKED;
    return lua_yieldk(L, 0, ctx, k);
}

WIPPYLI_FN int wippyli_yield_turn(lua_State *L, lua_KFunction k, lua_KContext ctx)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_task_ready(process, process->running, WIPPYLI_WAKE_RUN);
    return wippyli_block(L, k, ctx);
}

static void wippyli_await_done(wippyli_process *process, wippyli_yield *yield,
                               const wippy_mail *mail)
{
    wippyli_task *task = (wippyli_task *)(void *)((char *)yield - offsetof(wippyli_task, yield));
    if (task->awaits) { /* else it was left by an error between asking and waiting */
        task->awaits = false;
        wippyli_task_ready(process, task, WIPPYLI_WAKE_DONE);
        wippyli_mail_hand(process, mail);
    }
}

WIPPYLI_FN uint64_t wippyli_await_tag(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_yield *yield = &process->running->yield;
    wippyli_yield_drop(process, yield); /* an error came between asking and waiting */
    yield->done = wippyli_await_done;
    return wippyli_yield_open(process, yield);
}

WIPPYLI_FN wippy_token *wippyli_await_token(lua_State *L)
{
    return &wippyli_process_of(L)->running->yield.token;
}

WIPPYLI_FN void wippyli_await_cancel(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_yield_refused(process, &process->running->yield);
}

WIPPYLI_FN int wippyli_await_failed(lua_State *L, wippy_result result)
{
    wippyli_await_cancel(L);
    return result == WIPPY_ERR_NOMEM
               ? wippyli_rate_limited(L)
               : wippyli_fail(L, wippy_result_kind(result), "%s", wippy_result_text(result));
}

static int wippyli_await_k(lua_State *L, int status, lua_KContext ctx)
{
    wippyli_process *process = wippyli_process_of(L);
    const wippyli_task *task = process->running;
    const wippy_mail *mail = wippyli_mail_in_hand(process);
    (void)status;
    int count = task->then_embedder ? task->then.embedder(L, mail, (void *)ctx)
                                    : task->then.own(L, mail, ctx);
    wippyli_mail_finish(process);
    return count;
}

static int wippyli_await_block(lua_State *L, lua_KContext ctx, bool embedder)
{
    wippyli_task *task = wippyli_process_of(L)->running;
    task->then_embedder = embedder;
    task->awaits = true;
    return wippyli_block(L, wippyli_await_k, ctx);
}

WIPPYLI_FN int wippyli_await(lua_State *L, wippyli_then then, lua_KContext ctx)
{
    wippyli_process_of(L)->running->then.own = then;
    return wippyli_await_block(L, ctx, false);
}

WIPPYLI_FN int wippyli_await_embedder(lua_State *L,
                                      int (*then)(lua_State *L, const wippy_mail *mail, void *arg),
                                      void *arg)
{
    wippyli_process_of(L)->running->then.embedder = then;
    return wippyli_await_block(L, (lua_KContext)arg, true);
}

/* ------------------------------------------------------------------ ends */

static void wippyli_end(wippyli_process *process, wippy_status status)
{
    if (!process->ended) {
        process->ended = true;
        process->status = (uint8_t)status;
    }
}

WIPPYLI_FN void wippyli_end_text(wippyli_process *process, wippy_result result, const char *text)
{
    if (!process->ended) {
        wippyli_end(process, wippy_fail(process->self, result, "%s", text));
    }
}

/* The result that stands for an error kind. */
static wippy_result wippyli_result_of_kind(wippy_slice kind)
{
    static const wippy_result results[] = {
        WIPPY_ERR_NOTFOUND, WIPPY_ERR_EXISTS,      WIPPY_ERR_INVALID,  WIPPY_ERR_DENIED,
        WIPPY_ERR_INTERNAL, WIPPY_ERR_UNAVAILABLE, WIPPY_ERR_CANCELED, WIPPY_ERR_CONFLICT,
        WIPPY_ERR_TIMEOUT,  WIPPY_ERR_LIMIT};
    for (size_t i = 0; i < WIPPYLI_COUNT(results); i++) {
        const char *name = wippy_result_kind(results[i]);
        if (strlen(name) == kind.size && memcmp(name, kind.data, kind.size) == 0) {
            return results[i];
        }
    }
    return WIPPY_ERR_INTERNAL;
}

static void wippyli_end_error(wippyli_process *process, wippy_result result, wippy_writer *writer)
{
    wippy_slice encoded;
    wippy_result finished = wippy_writer_finish(writer, &encoded);
    if (finished == WIPPY_OK) {
        wippyli_end(process, wippy_fail_value(process->self, result, encoded.data, encoded.size));
    } else {
        wippyli_end_text(process, finished, wippyli_encode_text(finished));
    }
}

static void wippyli_end_error_object(wippyli_process *process, lua_State *L, int index)
{
    wippy_writer writer;
    wippyli_error_view view;
    wippyli_error_look(L, index, &view);
    wippy_result result = wippyli_result_of_kind(view.kind);
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, index, 1, &writer);
    wippyli_end_error(process, result, &writer);
    wippy_writer_free(&writer);
}

/* End with an error Internal; stack: where, size 0 = nowhere. */
static void wippyli_end_message(wippyli_process *process, wippy_slice text, int retryable,
                                wippy_slice stack)
{
    wippy_writer writer;
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippy_write_error(&writer, "Internal", 8, text.data, text.size, retryable);
    if (stack.size > 0) {
        wippy_write_nil(&writer);
        wippy_write_string(&writer, stack.data, stack.size);
    }
    wippy_write_end(&writer);
    wippyli_end_error(process, WIPPY_ERR_INTERNAL, &writer);
    wippy_writer_free(&writer);
}

WIPPYLI_FN void wippyli_end_done(wippyli_process *process, lua_State *L, int first, int count)
{
    if (count >= 2 && lua_type(L, first + 1) == LUA_TSTRING) {
        wippy_slice text;
        wippy_slice nowhere = {NULL, 0};
        text.data = lua_tolstring(L, first + 1, &text.size);
        wippyli_end_message(process, text, 0, nowhere);
        return;
    }
    if (count >= 2 && wippyli_is_error(L, first + 1)) {
        wippyli_end_error_object(process, L, first + 1);
        return;
    }
    if (count == 0 || lua_isnil(L, first)) {
        wippyli_end(process, wippy_done(process->self));
        return;
    }
    wippy_writer writer;
    wippy_slice encoded;
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, first, 1, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result == WIPPY_OK) {
        wippyli_end(process, wippy_done_value(process->self, encoded.data, encoded.size));
    } else {
        wippyli_end_text(process, result == WIPPY_ERR_LIMIT ? WIPPY_ERR_INVALID : result,
                         wippyli_encode_text(result));
    }
    wippy_writer_free(&writer);
}

/* The value on top, raised in L and no error object, with the places where L stands. */
static void wippyli_end_raised_value(wippyli_process *process, lua_State *L)
{
    char stack_text[WIPPYLI_ERROR_STACK_BYTES];
    char type_text[64];
    wippy_slice origin = {"", 0};
    wippy_slice text;
    wippy_slice stack;
    if (lua_type(L, -1) == LUA_TSTRING) {
        text.data = lua_tolstring(L, -1, &text.size);
        origin.data = text.data;
        origin.size = wippyli_error_position_of(L, -1, L);
        text.data += origin.size;
        text.size -= origin.size;
    } else {
        snprintf(type_text, sizeof(type_text), "(error object is a %s value)",
                 luaL_typename(L, -1));
        text.data = type_text;
        text.size = strlen(type_text);
    }
    stack.data = stack_text;
    stack.size = wippyli_error_thread_text(L, origin, stack_text, sizeof(stack_text));
    wippyli_end_message(process, text, -1, stack);
}

WIPPYLI_FN void wippyli_end_raised(wippyli_process *process, lua_State *L, int status)
{
    if (process->ended) {
        return;
    }
    if (status == LUA_ERRMEM) {
        wippyli_end_text(process, WIPPY_ERR_INTERNAL, "memory limit exceeded");
    } else if (!lua_checkstack(L, 10)) {
        wippyli_end_text(process, WIPPY_ERR_NOMEM, "out of memory");
    } else if (wippyli_is_error(L, -1)) {
        wippyli_end_error_object(process, L, lua_gettop(L));
    } else {
        wippyli_end_raised_value(process, L);
    }
}

/* ------------------------------------------------------------------ running */

static void wippyli_task_free(wippyli_process *process, wippyli_task *task)
{
    process->task_count--;
    if (task->waiters != &task->one) {
        wippyli_put(process, task->waiters, task->waiter_room * sizeof(wippyli_waiter));
    }
    if (task != &process->main) {
        /* Setting a field that exists to nil allocates nothing; the thread itself can do it. */
        wippyli_coroutine_release(task->thread, task->thread);
        wippyli_put(process, task, sizeof(*task));
    }
}

static void wippyli_task_finished(wippyli_process *process, wippyli_task *task, int count)
{
    lua_State *L = task->thread;
    if (task == &process->main) {
        wippyli_end_done(process, L, lua_gettop(L) - count + 1, count);
    } else {
        lua_settop(L, 0);
        wippyli_task_free(process, task);
    }
}

static void wippyli_task_yielded(wippyli_process *process, wippyli_task *task, int reason,
                                 int count)
{
    switch (reason) {
    case WIPPYLI_YIELD_USER:
        lua_pop(task->thread, count);
        wippyli_task_ready(process, task, WIPPYLI_WAKE_RUN);
        break;
    case WIPPYLI_YIELD_BLOCKED: break;
    case WIPPYLI_YIELD_PREEMPTED:
        task->wake = WIPPYLI_WAKE_RUN;
        task->next = process->head;
        process->head = task;
        if (!process->tail) {
            process->tail = task;
        }
        process->sliced = true;
        break;
    default: wippyli_end_text(process, WIPPY_ERR_INTERNAL, "process terminated"); break;
    }
}

static void wippyli_task_run(wippyli_process *process, wippyli_task *task)
{
    wippyli_guard *guard = &process->guard;
    int count = 0;
    int arguments = task->arguments;
    task->arguments = 0;
    process->running = task;
    process->mail_open = task->wake == WIPPYLI_WAKE_DONE || task->wake == WIPPYLI_WAKE_MAIL;
    process->mail_back = NULL;
    guard->yield_reason = WIPPYLI_YIELD_USER;
    wippyli_guard_switch(guard, task->thread);
    int status = lua_resume(task->thread, NULL, arguments, &count);
    guard->running = NULL;
    process->running = NULL;
    wippyli_mail_settle(process);
    if (guard->killed && !process->ended) {
        wippyli_end_text(process, WIPPY_ERR_INTERNAL, "process terminated");
    } else if (status == LUA_OK) {
        wippyli_task_finished(process, task, count);
    } else if (status == LUA_YIELD) {
        wippyli_task_yielded(process, task, guard->yield_reason, count);
    } else {
        wippyli_end_raised(process, task->thread, status);
    }
}

WIPPYLI_FN bool wippyli_run_next(wippyli_process *process)
{
    wippyli_task *task = process->head;
    if (!task) {
        return false;
    }
    process->head = task->next;
    if (!process->head) {
        process->tail = NULL;
    }
    wippyli_task_run(process, task);
    return true;
}

/* ------------------------------------------------------------------ coroutine.spawn */

static int wippyli_spawn_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    lua_settop(L, 2);
    return 1;
}

WIPPYLI_FN int wippyli_task_spawn(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_State *thread = lua_newthread(L);
    wippyli_coroutine_mark_owned(L, thread);
    wippyli_task *task = (wippyli_task *)wippyli_get(process, sizeof(*task));
    if (!task) {
        wippyli_coroutine_release(L, thread);
        return wippyli_rate_limited(L);
    }
    memset(task, 0, sizeof(*task));
    task->thread = thread;
    task->blocked = thread;
    task->waiters = &task->one;
    task->waiter_room = 1;
    process->task_count++;
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    wippyli_task_ready(process, task, WIPPYLI_WAKE_RUN);
    return wippyli_can_block(L) ? wippyli_yield_turn(L, wippyli_spawn_k, 0) : 1;
}

/* ------------------------------------------------------------------ time slices */

/* Instructions between two looks of a hook that found the thread unable to yield. */
#define WIPPYLI_RETRY_INSTRUCTIONS 1000
/* What a chunk may run while it loads, so that a worker is not lost to `while true do end`. */
#define WIPPYLI_LOAD_INSTRUCTIONS 1000000000u

static bool wippyli_hook_ends(wippyli_process *process, uint32_t instructions)
{
    if (process->guard.killed || wippy_terminated(process->self)) {
        return true;
    }
    if (!process->guard.loading) {
        return false;
    }
    process->looks += instructions;
    return process->looks > WIPPYLI_LOAD_INSTRUCTIONS;
}

/* Count down the permanent hook's looks; is the slice over? */
static bool wippyli_hook_slice_over(wippyli_process *process)
{
    if (wippy_should_yield(process->self)) {
        return true;
    }
    if (!process->count_hook || process->guard.loading) {
        return false;
    }
    return process->looks-- <= 1;
}

WIPPYLI_FN void wippyli_hook(lua_State *L, lua_Debug *ar)
{
    wippyli_process *process = wippyli_process_of(L);
    const wippy_lua_desc *desc = &process->arena.bridge->desc;
    (void)ar;
    if (wippyli_hook_ends(process, process->count_hook ? desc->slice_instructions
                                                       : WIPPYLI_RETRY_INSTRUCTIONS)) {
        wippyli_guard_stop(L);
        return;
    }
    if (!wippyli_hook_slice_over(process)) {
        if (!process->count_hook && !process->guard.loading) {
            lua_sethook(L, NULL, 0, 0); /* armed for a slice that is over since */
        }
        return;
    }
    if (!wippyli_guard_can_yield(L)) {
        process->looks = process->guard.loading ? process->looks : 1;
        if (!process->count_hook) {
            lua_sethook(L, wippyli_hook, LUA_MASKCOUNT, WIPPYLI_RETRY_INSTRUCTIONS);
        }
        return;
    }
    process->guard.interrupt = 0;
    process->looks = desc->slice_looks;
    if (!process->count_hook) {
        lua_sethook(L, NULL, 0, 0);
    }
    process->guard.yield_reason = WIPPYLI_YIELD_PREEMPTED;
    lua_yield(L, 0);
}

WIPPYLI_FN void wippyli_hook_arm(lua_State *L, void *user_data)
{
    wippyli_process *process = (wippyli_process *)user_data;
    if (!process->count_hook) {
        lua_sethook(L, wippyli_hook, LUA_MASKCOUNT, 1);
    }
}

WIPPYLI_FN bool wippyli_hook_poll(lua_State *L, void *user_data)
{
    wippyli_process *process = (wippyli_process *)user_data;
    (void)L;
    return process->guard.killed || wippy_terminated(process->self);
}
