/* ========================================================================== >>project_kit
   For tests of modules that work with registry entries: loads the entries of namespace `app`, among
   them `main`, a process made of a body, runs main and compares what it prints with t.out().

       project_run("", "t.out(registry.get(\"app:main\").kind)", "process.lua\n");

   Lua code here is on one line and has no single quotes. The prelude defines R(value, err), which
   prints the value, or kind and message of the error. Errors raised by the body are printed. */
#ifndef WIPPY_PROJECT_KIT_H
#define WIPPY_PROJECT_KIT_H

#include "lua_kit.h"

#define PROJECT_MODULES \
    "[t, time, funcs, ctx, registry, events, env, security, system, metrics, pg]"
#define PROJECT_LUA(name, kind, more, code)                                                  \
    "  - {name: " name ", kind: " kind ", method: main, modules: " PROJECT_MODULES more ", " \
    "source: '" code "'}\n"
#define PROJECT_FUNCTION(name, code) \
    PROJECT_LUA(name, "function.lua", "", "return {main = function(...) " code " end}")

typedef struct project {
    lua_kit lua; /* first: user data of the module `t` */
    wippy_pid pid;
} project;

/* How the projects to be opened are. */
typedef struct project_options {
    wippy_host_kind host;
    wippy_lua_desc bridge;
    wippy_frame *(*frame)(wippy_runtime *rt); /* identity that main runs with; NULL = none */
} project_options;

static project_options project_setup;

static inline void project_open_runtime(project *p)
{
    static const wippy_lua_function functions[] = {{"out", lua_kit_out}, {"nap", lua_kit_nap}};
    wippy_desc desc;
    wippy_host_desc host;
    wippy_lua_module_desc module;
    memset(p, 0, sizeof(*p));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&module, 0, sizeof(module));
    test_heap_init(&p->lua.heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &p->lua.heap;
    desc.random_seed = 1;
    CHECK_EQ_INT(wippy_create(&p->lua.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_open(p->lua.rt, &project_setup.bridge), WIPPY_OK);
    module.name = "t";
    module.functions = functions;
    module.function_count = 2;
    module.user_data = p;
    CHECK_EQ_INT(wippy_lua_module(p->lua.rt, &module), WIPPY_OK);
    host.name = "app:processes";
    host.kind = project_setup.host;
    host.workers = project_setup.host == WIPPY_HOST_POOL ? 2 : 0;
    CHECK_EQ_INT(wippy_host_create(p->lua.rt, &host, &p->lua.host), WIPPY_OK);
}

static inline void project_load(project *p, const char *entries, const char *body)
{
    static const char prelude[] =
        "local function R(...) local v, err = ... "
        "if type(err) == \"userdata\" then t.out(v, err:kind(), err:message(), err:retryable()) "
        "else t.out(v) end end ";
    size_t room = strlen(entries) + strlen(body) + 2048;
    char *text = (char *)malloc(room);
    wippy_diag diag;
    int size = snprintf(text, room,
                        "version: \"1.0\"\nnamespace: app\nentries:\n%s"
                        "  - {name: main, kind: process.lua, method: main, modules: %s, "
                        "source: '%s return {main = function(...) local args = {...} "
                        "local ok, e = pcall(function() %s end) "
                        "if not ok then t.out(\"raised\", e) end end}'}\n",
                        entries, PROJECT_MODULES, prelude, body);
    memset(&diag, 0, sizeof(diag));
    if (wippy_load_text(p->lua.rt, "test", text, (size_t)size, &diag) != WIPPY_OK) {
        FAIL("not loaded: %s:%u %s", diag.file, (unsigned)diag.line, diag.message);
    }
    free(text);
}

static inline void project_start(project *p)
{
    wippy_spawn_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.entry = "app:main";
    desc.host = p->lua.host;
    if (project_setup.frame) {
        desc.frame = project_setup.frame(p->lua.rt);
    }
    p->pid.id = 0;
    if (wippy_spawn(wippy_outside(p->lua.rt), &desc, &p->pid, &p->lua.diag) != WIPPY_OK) {
        FAIL("not started: %s", p->lua.diag.message);
    }
    if (desc.frame) {
        wippy_frame_release(p->lua.rt, desc.frame);
    }
}

static inline bool project_ended(void *arg)
{
    project *p = (project *)arg;
    if (project_setup.host == WIPPY_HOST_PUMP) {
        (void)wippy_pump(p->lua.rt, p->lua.host, 1000000, 0);
    }
    return !wippy_alive(p->lua.rt, p->pid);
}

static inline project *project_open(const char *entries, const char *body)
{
    project *p = (project *)malloc(sizeof(*p));
    project_open_runtime(p);
    project_load(p, entries, body);
    return p;
}

static inline void project_close(project *p)
{
    lua_kit_close(&p->lua);
    free(p);
}

static inline void project_run_at(const char *file, int line, const char *entries, const char *body,
                                  const char *expected)
{
    project *p = project_open(entries, body);
    project_start(p);
    CHECK_WAIT(project_ended, p, 10000);
    if (strcmp(p->lua.out, expected) != 0) {
        printf("%s:%d: body: %s\n  printed:  %s  expected: %s", file, line, body, p->lua.out,
               expected);
        FAIL("printed something else");
    }
    project_close(p);
}

#define project_run(entries, body, expected) \
    project_run_at(__FILE__, __LINE__, (entries), (body), (expected))

#endif /* WIPPY_PROJECT_KIT_H */
