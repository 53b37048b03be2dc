/* ========================================================================== >>lua/body.c */
#include "body.h"
#include "erase.h"
#include "lexer.h"
#include "lib_base.h"
#include "typevalue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ what to load
   Everything that can be looked up without Lua is looked up before Lua runs, so that no error can
   leave an entry or code held. */

#define WIPPYLI_IMPORT_DEPTH 200

/* One chunk to run, libraries before those that need them, the body last. */
typedef struct wippyli_load {
    struct wippyli_load *next;
    wippyli_code *code; /* held */
} wippyli_load;

typedef struct wippyli_start {
    wippyli_process *process;
    wippyli_load *first;
    wippyli_load *last;
    wippyli_load one; /* room for the first, mostly the only one */
    const char *method;
    const void *data; /* arguments */
    size_t size;
    uint32_t count;      /* 0: the bytes are one string */
    wippy_result result; /* recorded failure */
} wippyli_start;

static wippy_result wippyli_start_record(wippyli_start *start, wippy_result result,
                                         const char *format, ...) WIPPYLI_PRINTF(3, 4);

static wippy_result wippyli_start_record(wippyli_start *start, wippy_result result,
                                         const char *format, ...)
{
    char text[480];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    start->result = result;
    wippy_fail(start->process->self, result, "%s", text);
    return result;
}

static wippy_result wippyli_start_nomem(wippyli_start *start)
{
    return wippyli_start_record(start, WIPPY_ERR_INTERNAL, "memory limit exceeded");
}

/* Id of the library an import names, or false: it is a module under another name. */
static bool wippyli_import_id(const wippyli_bridge *bridge, const wippyli_code *code,
                              const wippyli_need *need, char *id, size_t room)
{
    const char *target = need->target;
    if (!strchr(target, ':') && wippyli_bridge_has(bridge, target)) {
        return false;
    }
    size_t size = wippy_id_complete(target, strlen(target), code->chunk_name + 1, id, room);
    if (size >= room) {
        id[0] = 0; /* no entry has such a name */
    }
    return true;
}

static bool wippyli_start_has(const wippyli_start *start, const char *id)
{
    const wippyli_load *load = start->first;
    while (load && strcmp(load->code->chunk_name + 1, id) != 0) {
        load = load->next;
    }
    return load != NULL;
}

static wippy_result wippyli_start_append(wippyli_start *start, wippyli_code *code)
{
    wippyli_load *load =
        start->first ? (wippyli_load *)wippyli_get(start->process, sizeof(*load)) : &start->one;
    if (!load) {
        wippyli_code_release(start->process->arena.bridge, code);
        return wippyli_start_nomem(start);
    }
    load->next = NULL;
    load->code = code;
    if (start->last) {
        start->last->next = load;
    } else {
        start->first = load;
    }
    start->last = load;
    return WIPPY_OK;
}

static wippy_result wippyli_start_entry(wippyli_start *start, const char *id, bool library,
                                        wippyli_code **out)
{
    wippyli_bridge *bridge = start->process->arena.bridge;
    wippy_entry *entry = NULL;
    wippy_diag diag;
    if (wippy_entry_get(bridge->rt, id, &entry) != WIPPY_OK) {
        return library
                   ? wippyli_start_record(start, WIPPY_ERR_NOTFOUND, "module '%s' not found", id)
                   : wippyli_start_record(start, WIPPY_ERR_NOTFOUND, "factory not found");
    }
    wippy_result result = wippyli_code_get(bridge, entry, out, &diag);
    wippy_entry_release(bridge->rt, entry);
    if (result != WIPPY_OK) {
        return wippyli_start_record(start, WIPPY_ERR_INTERNAL, "failed to load script: %s",
                                    diag.message);
    }
    return WIPPY_OK;
}

/* Add what `code` imports, then `code`, which is held and taken over. Import cycles end at the depth
   limit; the registry refuses them anyway. */
static wippy_result wippyli_start_resolve(wippyli_start *start, wippyli_code *code, int depth)
{
    wippyli_bridge *bridge = start->process->arena.bridge;
    wippy_result result = WIPPY_OK;
    char id[256];
    if (depth > WIPPYLI_IMPORT_DEPTH) {
        result = wippyli_start_record(start, WIPPY_ERR_INVALID, "imports nested too deep");
    }
    for (uint32_t i = 0; i < code->import_count && result == WIPPY_OK; i++) {
        wippyli_code *library = NULL;
        if (!wippyli_import_id(bridge, code, &code->imports[i], id, sizeof(id)) ||
            wippyli_start_has(start, id)) {
            continue;
        }
        result = wippyli_start_entry(start, id, true, &library);
        if (result == WIPPY_OK) {
            result = wippyli_start_resolve(start, library, depth + 1);
        }
    }
    if (result != WIPPY_OK) {
        wippyli_code_release(bridge, code);
        return result;
    }
    return wippyli_start_append(start, code);
}

static void wippyli_start_release(wippyli_start *start)
{
    while (start->first) {
        wippyli_load *load = start->first;
        start->first = load->next;
        wippyli_code_release(start->process->arena.bridge, load->code);
        if (load != &start->one) {
            wippyli_put(start->process, load, sizeof(*load));
        }
    }
}

/* ------------------------------------------------------------------ under protection */

static int wippyli_start_leave(lua_State *L, wippyli_start *start)
{
    (void)start;
    lua_pushnil(L);
    return lua_error(L);
}

/* Modules and imports of `code` become globals. loaded: stack index of the table id -> value. */
static void wippyli_start_needs(lua_State *L, wippyli_start *start, const wippyli_code *code,
                                int loaded)
{
    const wippyli_bridge *bridge = start->process->arena.bridge;
    char id[256];
    for (uint32_t i = 0; i < code->module_count; i++) {
        if (wippyli_sandbox_grant(L, code->modules[i].target) != WIPPY_OK) {
            wippyli_start_record(start, WIPPY_ERR_NOTFOUND, "module '%s' not found",
                                 code->modules[i].target);
            wippyli_start_leave(L, start);
        }
    }
    for (uint32_t i = 0; i < code->import_count; i++) {
        const wippyli_need *need = &code->imports[i];
        if (wippyli_import_id(bridge, code, need, id, sizeof(id))) {
            lua_getfield(L, loaded, id);
        } else {
            wippyli_sandbox_grant(L, need->target);
            lua_getglobal(L, need->target);
        }
        wippyli_sandbox_set(L, need->alias);
    }
}

/* Run the chunk of `code` and leave the one value it returns. */
static void wippyli_start_chunk(lua_State *L, wippyli_start *start, const wippyli_code *code)
{
    if (code->types) {
        wippyli_types_set(L, code->types, code->types_size);
    }
    wippyli_code_load(L, code);
    int status = lua_pcall(L, 0, 1, 0);
    if (status == LUA_OK) {
        return;
    }
    if (status == LUA_ERRMEM || start->process->guard.killed) {
        lua_error(L);
    }
    if (wippyli_is_error(L, -1)) {
        wippyli_error_push_text(L, -1);
    } else if (lua_type(L, -1) != LUA_TSTRING) {
        lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -1));
    }
    wippyli_start_record(start, WIPPY_ERR_INTERNAL, "failed to execute script: %s",
                         lua_tostring(L, -1));
    wippyli_start_leave(L, start);
}

/* The value of the last chunk is on top: make it the function to run. */
static void wippyli_start_method(lua_State *L, wippyli_start *start)
{
    if (lua_type(L, -1) == LUA_TFUNCTION) {
        return;
    }
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_getfield(L, -1, start->method);
        lua_remove(L, -2);
    }
    if (lua_type(L, -1) != LUA_TFUNCTION) {
        wippyli_start_record(start, WIPPY_ERR_NOTFOUND, "method \"%s\" not found in module",
                             start->method);
        wippyli_start_leave(L, start);
    }
}

/* Modules of embedders may run code of their own. */
static bool wippyli_needs_added(const wippyli_bridge *bridge, const wippyli_need *needs,
                                uint32_t count)
{
    for (uint32_t i = 0; bridge->added && i < count; i++) {
        if (wippyli_bridge_added(bridge, needs[i].target)) {
            return true;
        }
    }
    return false;
}

/* Arithmetic that nothing in this state can do with strings. */
static uint8_t wippyli_start_plain(const wippyli_start *start)
{
    const wippyli_bridge *bridge = start->process->arena.bridge;
    uint32_t used = 0;
    for (const wippyli_load *load = start->first; load; load = load->next) {
        const wippyli_code *code = load->code;
        if (wippyli_needs_added(bridge, code->modules, code->module_count) ||
            wippyli_needs_added(bridge, code->imports, code->import_count)) {
            return 0;
        }
        used |= code->arithmetic;
    }
    return (uint8_t)(WIPPYLI_ARITH_ALL & ~used);
}

/* Answers the function and its arguments. */
static int wippyli_start_body(lua_State *L)
{
    wippyli_start *start = (wippyli_start *)lua_touserdata(L, 1);
    start->process->guard.plain_strings = wippyli_start_plain(start);
    wippyli_sandbox_open(L);
    lua_settop(L, 0);
    if (start->first != start->last) {
        lua_newtable(L);
    } else {
        lua_pushnil(L);
    }
    for (const wippyli_load *load = start->first; load; load = load->next) {
        wippyli_start_needs(L, start, load->code, 1);
        wippyli_start_chunk(L, start, load->code);
        if (load->next) {
            lua_setfield(L, 1, load->code->chunk_name + 1);
        }
    }
    wippyli_start_method(L, start);
    lua_remove(L, 1);
    if (start->count == 0 && start->size > 0) {
        lua_pushlstring(L, (const char *)start->data, start->size);
        return 2;
    }
    return 1 + wippyli_decode(L, start->data, start->size, start->count);
}

/* What a process may allocate before the first collection, in kilobytes. Many processes end before that;
   without it the first one comes while the libraries are filled in, and finds little. */
#define WIPPYLI_START_KB 8

static wippy_result wippyli_start_run(wippyli_start *start)
{
    wippyli_process *process = start->process;
    lua_State *L = process->L;
    process->guard.loading = true;
    process->guard.running = L;
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, wippyli_start_body);
    lua_pushlightuserdata(L, start);
    int status = lua_pcall(L, 1, LUA_MULTRET, 0);
    process->guard.running = NULL;
    process->guard.loading = false;
    process->looks = 0;
    if (status == LUA_OK) {
        lua_gc(L, LUA_GCRESTART);
        lua_gc(L, LUA_GCSTEP, -WIPPYLI_START_KB); /* a step of less than nothing is a credit */
        process->main.arguments = lua_gettop(L) - 1;
        wippyli_task_ready(process, &process->main, WIPPYLI_WAKE_RUN);
        return WIPPY_OK;
    }
    if (start->result != WIPPY_OK) {
        return start->result;
    }
    if (process->guard.killed) {
        return wippyli_start_record(start, WIPPY_ERR_INTERNAL,
                                    "failed to execute script: it does not end");
    }
    if (status == LUA_ERRMEM) {
        return wippyli_start_nomem(start);
    }
    return wippyli_start_record(start, WIPPY_ERR_INTERNAL, "failed to execute script: %s",
                                lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error");
}

/* ------------------------------------------------------------------ init */

static int wippyli_panic(lua_State *L)
{
    fprintf(stderr, "wippy_lua: unprotected error: %s\n",
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no text)");
    return 0; /* Lua aborts: a call stood outside protection, which is our mistake */
}

static size_t wippyli_memory_limit(const wippyli_bridge *bridge, const wippy_self *self)
{
    size_t own = bridge->desc.memory_limit;
    size_t host = wippy_self_memory_limit(self);
    if (own == 0 || host == 0) {
        return own ? own : host;
    }
    return own < host ? own : host;
}

static bool wippyli_needs_count_hook(const wippyli_bridge *bridge, const wippy_self *self)
{
#if defined(__SANITIZE_THREAD__)
    (void)bridge;
    (void)self;
    return true; /* TSan puts signals off */
#else
    if (bridge->desc.hook_always) {
        return true;
    }
    return (wippy_self_host_kind(self) == WIPPY_HOST_PUMP ||
            wippy_runtime_desc(bridge->rt)->sim.on) &&
           !bridge->desc.hook_never;
#endif
}

static void wippyli_process_prepare(wippyli_process *process, wippyli_bridge *bridge,
                                    wippy_self *self)
{
    process->self = self;
    process->task_count = 1;
    process->main.waiters = &process->main.one;
    process->main.waiter_room = 1;
    process->count_hook = wippyli_needs_count_hook(bridge, self);
    process->guard.shared = &bridge->sandbox;
    process->guard.user_data = process;
    process->guard.random[0] = wippy_self_seed(self);
    wippyli_arena_init(&process->arena, bridge, wippyli_memory_limit(bridge, self));
}

static wippy_result wippyli_process_make_state(wippyli_start *start)
{
    wippyli_process *process = start->process;
    lua_State *L = lua_newstate(wippyli_arena_alloc, &process->arena);
    if (!L) {
        return wippyli_start_nomem(start);
    }
    *(wippyli_process **)lua_getextraspace(L) = process;
    lua_atpanic(L, wippyli_panic);
    process->L = L;
    process->main.thread = L;
    process->main.blocked = L;
    if (process->count_hook) {
        lua_sethook(L, wippyli_hook, LUA_MASKCOUNT,
                    (int)process->arena.bridge->desc.slice_instructions);
    }
    return WIPPY_OK;
}

/* The first input value is the source or a description of it, the others are arguments. */
static wippy_result wippyli_start_inline(wippyli_start *start, const wippy_input *input,
                                         wippyli_code **out)
{
    wippyli_bridge *bridge = start->process->arena.bridge;
    wippy_writer writer;
    wippy_slice data = {NULL, 0};
    wippy_diag diag;
    char name[128] = "lua:source";
    wippy_writer_init(&writer, bridge->rt);
    if (input->count == 0) {
        wippy_write_string(&writer, (const char *)input->data, input->size);
        if (wippy_writer_finish(&writer, &data) != WIPPY_OK) {
            wippy_writer_free(&writer);
            return wippyli_start_nomem(start);
        }
    } else {
        wippy_reader reader;
        wippy_reader_init(&reader, input->data, input->size);
        wippy_read_skip(&reader, &data);
        start->data = reader.at;
        start->size = (size_t)(reader.end - reader.at);
        start->count = input->count - 1;
    }
    wippy_slice given = wippy_value_string(data, "name", NULL);
    if (given.data) {
        snprintf(name, sizeof(name), "%.*s", (int)given.size, given.data);
    }
    wippy_result result = wippyli_code_make(bridge, name, data, out, &diag);
    wippy_writer_free(&writer);
    if (result == WIPPY_ERR_INVALID) {
        return wippyli_start_record(start, WIPPY_ERR_INTERNAL, "no source");
    }
    if (result != WIPPY_OK) {
        return wippyli_start_record(start, WIPPY_ERR_INTERNAL, "failed to load script: %s",
                                    diag.message);
    }
    return WIPPY_OK;
}

static wippy_result wippyli_start_code(wippyli_start *start, const wippy_input *input)
{
    wippyli_code *code = NULL;
    wippy_result result;
    if (input->entry[0]) {
        start->data = input->data;
        start->size = input->size;
        start->count = input->count;
        result = wippyli_start_entry(start, input->entry, false, &code);
    } else {
        result = wippyli_start_inline(start, input, &code);
    }
    if (result != WIPPY_OK) {
        return result;
    }
    start->method = code->method[0] ? code->method : "main";
    return wippyli_start_resolve(start, code, 0);
}

static void wippyli_process_drop(wippyli_process *process)
{
    wippyli_process_close(process);
    wippyli_arena_drop(&process->arena);
}

/* A collection begins when the heap is this many per cent of what the last one left. States of some ten
   kilobytes come by the thousand, and what they would grow by is the garbage of messages. Smaller ones
   mostly end before it matters. */
#define WIPPYLI_SOME_PAUSE 150
#define WIPPYLI_PAUSE      200 /* Lua's own */

static bool wippyli_holds_some(size_t held)
{
    return held > 12288 && held <= 65536;
}

/* The memory of the state was `before` bytes when somebody looked last. */
static void wippyli_memory_changed(wippyli_process *process, size_t before)
{
    size_t held = process->arena.held;
    if (held == before) {
        return;
    }
    wippy_self_memory(process->self, sizeof(*process) + held);
    if (wippyli_holds_some(held) != wippyli_holds_some(before)) {
        int pause = wippyli_holds_some(held) ? WIPPYLI_SOME_PAUSE : WIPPYLI_PAUSE;
        lua_gc(process->L, LUA_GCINC, pause, 0, 0);
    }
}

static wippy_result wippyli_body_init(wippy_self *self, void *state, const wippy_input *input)
{
    wippyli_process *process = (wippyli_process *)state;
    wippyli_start start;
    memset(&start, 0, sizeof(start));
    start.process = process;
    wippyli_process_prepare(process, (wippyli_bridge *)wippy_self_user_data(self), self);
    wippy_result result = wippyli_process_make_state(&start);
    if (result == WIPPY_OK) {
        result = wippyli_start_code(&start, input);
    }
    if (result == WIPPY_OK) {
        result = wippyli_start_run(&start);
    }
    wippyli_start_release(&start);
    if (result == WIPPY_OK) {
        wippyli_memory_changed(process, 0);
    } else {
        wippyli_process_drop(process);
    }
    process->self = NULL;
    return result;
}

/* ------------------------------------------------------------------ step */

/* Coroutines that may run in a step without the worker looking at others. */
#define WIPPYLI_RUNS_IN_STEP 1000

/* Run what can run. False: the step is to end although something could run still, or for good. */
static bool wippyli_step_coroutines(wippyli_process *process, uint32_t *runs)
{
    while (wippyli_run_next(process)) {
        if (process->ended || process->sliced) {
            return false;
        }
        ++*runs;
        if (!process->head) {
            return true;
        }
        if (*runs >= WIPPYLI_RUNS_IN_STEP || wippy_should_yield(process->self)) {
            return false;
        }
    }
    return true;
}

/* Nothing can run and no mail is left: wait, unless nobody can ever wake this process. */
static wippy_status wippyli_step_rest(wippyli_process *process)
{
    if (process->subscriptions == 0 && process->open_count == 0) {
        return wippy_fail(process->self, WIPPY_ERR_INTERNAL,
                          "deadlock: all coroutines blocked with no pending operations "
                          "(threads=%u)",
                          (unsigned)process->task_count);
    }
    return process->open_count > 0 ? WIPPY_YIELD : WIPPY_IDLE;
}

static wippy_status wippyli_step_run(wippyli_process *process)
{
    uint32_t runs = 0;
    for (;;) {
        if (!wippyli_step_coroutines(process, &runs)) {
            return process->ended ? (wippy_status)process->status : WIPPY_CONTINUE;
        }
        const wippy_mail *mail = wippy_next(process->self);
        if (!mail) {
            return wippyli_step_rest(process);
        }
        wippyli_inbox_route(process, mail);
        if (process->ended) {
            return (wippy_status)process->status;
        }
    }
}

static wippy_status wippyli_body_step(wippy_self *self, void *state)
{
    wippyli_process *process = (wippyli_process *)state;
    size_t held = process->arena.held;
    process->self = self;
    process->sliced = false;
    process->looks = process->arena.bridge->desc.slice_looks;
    process->guard.interrupt = 0;
    wippyli_inbox_account(process);
    wippy_status status =
        process->ended ? (wippy_status)process->status : wippyli_step_run(process);
    wippyli_memory_changed(process, held);
    process->self = NULL;
    return status;
}

static void wippyli_body_close(wippy_self *self, void *state)
{
    wippyli_process *process = (wippyli_process *)state;
    process->self = self;
    wippyli_process_drop(process);
}

/* On the thread that runs the step, possibly in a signal handler: the hook goes to the running thread
   if there is one, and wherever one starts to run next. */
static void wippyli_body_interrupt(void *state)
{
    wippyli_process *process = (wippyli_process *)state;
    lua_State *running = process->guard.running;
    process->guard.interrupt = 1;
    if (running && !process->count_hook) {
        lua_sethook(running, wippyli_hook, LUA_MASKCOUNT, 1);
    }
}

/* ------------------------------------------------------------------ kinds */

static wippy_result wippyli_kind_reject(const wippy_kind_call *call, const char *text)
{
    call->diag->code = WIPPY_ERR_INVALID;
    snprintf(call->diag->message, sizeof(call->diag->message), "%s", text);
    return WIPPY_ERR_INVALID;
}

static wippy_result wippyli_check_modules(const wippy_kind_call *call, wippy_slice data)
{
    const wippyli_bridge *bridge = (const wippyli_bridge *)call->user_data;
    wippy_slice list;
    wippy_value_iter iter;
    char name[128];
    if (wippy_value_get(data, "modules", &list) != WIPPY_OK) {
        return WIPPY_OK;
    }
    if (wippy_value_type_of(list) != WIPPY_ARRAY && wippy_value_type_of(list) != WIPPY_NIL) {
        return wippyli_kind_reject(call, "modules must be a list of names");
    }
    for (wippy_value_each(list, &iter); wippy_value_next(&iter);) {
        wippy_slice text = wippy_value_string(iter.value, "", "");
        snprintf(name, sizeof(name), "%.*s", (int)text.size, text.data ? text.data : "");
        if (!name[0]) {
            return wippyli_kind_reject(call, "module name is required");
        }
        if (strchr(name, ':')) {
            return wippyli_kind_reject(call, "module cannot have a namespace");
        }
        if (!wippyli_bridge_has(bridge, name)) {
            wippy_log(wippy_outside(call->rt), WIPPY_LOG_WARN, "lua", iter.key,
                      "%s: module '%s' is not available", wippy_entry_id(call->after), name);
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyli_check_imports(const wippy_kind_call *call, wippy_slice data)
{
    wippy_slice map;
    wippy_value_iter iter;
    if (wippy_value_get(data, "imports", &map) != WIPPY_OK) {
        return WIPPY_OK;
    }
    if (wippy_value_type_of(map) != WIPPY_MAP && wippy_value_type_of(map) != WIPPY_NIL &&
        wippy_value_type_of(map) != WIPPY_ARRAY) {
        return wippyli_kind_reject(call, "imports must be a map of aliases to ids");
    }
    for (wippy_value_each(map, &iter); wippy_value_next(&iter);) {
        if (wippy_value_string(iter.value, "", "").size == 0) {
            return wippyli_kind_reject(call, "import target is required");
        }
    }
    return WIPPY_OK;
}

/* "id:2: why" becomes line 2 and "why". */
static void wippyli_check_position(wippy_diag *diag, const char *id)
{
    size_t size = strlen(id);
    unsigned line = 0;
    int used = 0;
    const char *at = strstr(diag->message, id);
    if (at && sscanf(at + size, ":%u: %n", &line, &used) == 1 && used > 0) {
        const char *why = at + size + used;
        diag->line = line;
        memmove(diag->message, why, strlen(why) + 1);
    }
}

/* Types are judged when the entry comes, all else when the code is needed. */
static wippy_result wippyli_check_source(const wippy_kind_call *call, wippy_slice source)
{
    wippyli_bridge *bridge = (wippyli_bridge *)call->user_data;
    wippyli_erased erased;
    wippy_result result = wippyli_erase(&bridge->mem, wippy_entry_id(call->after), source.data,
                                        source.size, &erased, call->diag);
    if (result == WIPPY_OK) {
        wippyli_erased_release(&bridge->mem, &erased);
    } else {
        wippyli_check_position(call->diag, wippy_entry_id(call->after));
    }
    return result;
}

/* Would it compile? Only asked where a broken source is to leave the old one in place. */
static wippy_result wippyli_check_compiles(const wippy_kind_call *call)
{
    wippyli_bridge *bridge = (wippyli_bridge *)call->user_data;
    const char *id = wippy_entry_id(call->after);
    wippyli_code *code = NULL;
    wippy_result result =
        wippyli_code_make(bridge, id, wippy_entry_data(call->after), &code, call->diag);
    if (result == WIPPY_OK) {
        wippyli_code_release(bridge, code);
    } else {
        wippyli_check_position(call->diag, id);
    }
    return result;
}

static wippy_result wippyli_check_library(const wippy_kind_call *call)
{
    wippy_slice data = wippy_entry_data(call->after);
    wippy_slice source = wippy_value_string(data, "source", NULL);
    if (!source.data || source.size == 0) {
        return wippyli_kind_reject(call, "source is required");
    }
    wippy_result result = wippyli_check_modules(call, data);
    if (result == WIPPY_OK) {
        result = wippyli_check_imports(call, data);
    }
    if (result == WIPPY_OK) {
        result = wippyli_check_source(call, source);
    }
    return result == WIPPY_OK && call->reloading ? wippyli_check_compiles(call) : result;
}

static wippy_result wippyli_check_function(const wippy_kind_call *call)
{
    wippy_result result = wippyli_check_library(call);
    if (result == WIPPY_OK &&
        wippy_value_string(wippy_entry_data(call->after), "method", "").size == 0) {
        return wippyli_kind_reject(call, "method is required");
    }
    return result;
}

static void wippyli_kind_commit(const wippy_kind_call *call)
{
    if (call->before) {
        wippyli_code_forget((wippyli_bridge *)call->user_data, wippy_entry_revision(call->before));
    }
}

static wippy_result wippyli_kinds_register(wippyli_bridge *bridge)
{
    static const char *const names[] = {"process.lua", "function.lua", "library.lua"};
    static const uint32_t flags[] = {WIPPY_KIND_PROCESS, WIPPY_KIND_PROCESS | WIPPY_KIND_CALLABLE,
                                     WIPPY_KIND_LIBRARY};
    static const char *const fields[] = {"source", "method", "modules", "imports", "pool", NULL};
    for (size_t i = 0; i < WIPPYLI_COUNT(names); i++) {
        wippy_kind_desc desc;
        memset(&desc, 0, sizeof(desc));
        desc.name = names[i];
        desc.flags = flags[i];
        desc.fields = fields;
        desc.process_type = bridge->type;
        desc.check = i == 1 ? wippyli_check_function : wippyli_check_library;
        desc.commit = wippyli_kind_commit;
        desc.user_data = bridge;
        wippy_result result = wippy_kind_register(bridge->rt, &desc);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ opening */

static int64_t wippyli_wall_seconds(void *user_data)
{
    const wippyli_process *process = (const wippyli_process *)user_data;
    return wippy_wall_ns(process->arena.bridge->rt) / 1000000000;
}

static double wippyli_clock_seconds(void *user_data)
{
    const wippyli_process *process = (const wippyli_process *)user_data;
    return (double)wippy_uptime_ns(process->arena.bridge->rt) / 1e9;
}

static wippy_result wippyli_bridge_globals(wippyli_bridge *bridge)
{
    wippyli_sandbox *sandbox = &bridge->sandbox;
    wippyli_arena arena;
    wippyli_arena_init(&arena, bridge, 0);
    wippy_result result = wippyli_base_init(sandbox, wippyli_arena_alloc, &arena);
    wippyli_arena_drop(&arena);
    if (result != WIPPY_OK) {
        return result;
    }
    for (uint32_t i = 0; i < sandbox->globals->entry_count; i++) {
        wippyli_bridge_global(bridge, &sandbox->globals->entries[i]);
    }
    sandbox->globals = &bridge->globals;
    sandbox->poll = wippyli_hook_poll;
    sandbox->arm = wippyli_hook_arm;
    sandbox->spawn = wippyli_task_spawn;
    sandbox->wall_seconds = wippyli_wall_seconds;
    sandbox->clock_seconds = wippyli_clock_seconds;
    return WIPPY_OK;
}

static void wippyli_on_destroy(wippy_runtime *rt, void *user_data)
{
    (void)rt;
    wippyli_bridge_free((wippyli_bridge *)user_data);
}

static wippy_result wippyli_bridge_connect(wippyli_bridge *bridge)
{
    wippy_type_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = WIPPY_LUA_TYPE;
    desc.state_bytes = sizeof(wippyli_process);
    desc.init = wippyli_body_init;
    desc.step = wippyli_body_step;
    desc.close = wippyli_body_close;
    desc.interrupt = wippyli_body_interrupt;
    desc.user_data = bridge;
    wippy_result result = wippy_type_register(bridge->rt, &desc, &bridge->type);
    return result == WIPPY_OK ? wippyli_kinds_register(bridge) : result;
}

WIPPY_API wippy_result wippy_lua_open(wippy_runtime *rt, const wippy_lua_desc *desc)
{
    wippyli_bridge *bridge = NULL;
    wippy_type type;
    if (wippy_type_find(rt, WIPPY_LUA_TYPE, &type) == WIPPY_OK) {
        return WIPPY_ERR_EXISTS;
    }
    if (desc && (desc->slice_instructions > INT32_MAX || (desc->hook_always && desc->hook_never))) {
        return WIPPY_ERR_INVALID;
    }
    wippy_result result = wippyli_bridge_make(rt, desc, &bridge);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyli_bridge_globals(bridge);
    if (result == WIPPY_OK) {
        result = wippyli_core_open(bridge);
    }
    if (result == WIPPY_OK) {
        result = wippyli_modules_open(bridge);
    }
    if (result == WIPPY_OK) {
        result = wippy_on_destroy(rt, wippyli_on_destroy, bridge);
    }
    if (result != WIPPY_OK) {
        wippyli_bridge_free(bridge);
        return result;
    }
    return wippyli_bridge_connect(bridge); /* from here the runtime frees the bridge */
}

/* ------------------------------------------------------------------ for embedders */

static wippyli_bridge *wippyli_bridge_find(wippy_runtime *rt)
{
    wippy_type type;
    if (wippy_type_find(rt, WIPPY_LUA_TYPE, &type) != WIPPY_OK) {
        return NULL;
    }
    return (wippyli_bridge *)wippy_type_user_data(rt, type);
}

WIPPY_API wippy_result wippy_lua_module(wippy_runtime *rt, const wippy_lua_module_desc *desc)
{
    wippyli_bridge *bridge = wippyli_bridge_find(rt);
    if (!bridge) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (!desc || !desc->name || !desc->name[0] || !desc->functions == !desc->open) {
        return WIPPY_ERR_INVALID;
    }
    if (wippyli_bridge_added(bridge, desc->name)) {
        return WIPPY_ERR_EXISTS;
    }
    return wippyli_bridge_add(bridge, desc);
}

WIPPY_API void *wippy_lua_user_data(struct lua_State *L, const char *name)
{
    const wippyli_module *module = wippyli_bridge_added(wippyli_bridge_at(L), name);
    return module ? module->user_data : NULL;
}

WIPPY_API wippy_self *wippy_lua_self(struct lua_State *L)
{
    return wippyli_process_of(L)->self;
}

WIPPY_API wippy_result wippy_lua_encode(struct lua_State *L, int index, wippy_writer *out)
{
    return wippyli_encode(L, index, 1, out);
}

WIPPY_API int wippy_lua_decode(struct lua_State *L, const void *data, size_t size, uint32_t count)
{
    return wippyli_decode(L, data, size, count);
}

WIPPY_API uint64_t wippy_lua_wait_tag(struct lua_State *L, const char *name)
{
    wippyli_check_block(L, name);
    return wippyli_await_tag(L);
}

WIPPY_API int wippy_lua_wait(struct lua_State *L,
                             int (*then)(struct lua_State *L, const wippy_mail *mail, void *arg),
                             void *arg)
{
    return wippyli_await_embedder(L, then, arg);
}

WIPPY_API int wippy_lua_fail(struct lua_State *L, wippy_result result)
{
    return wippyli_await_failed(L, result);
}
