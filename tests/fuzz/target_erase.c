/* The type eraser. What is erased keeps its size, its lines and every byte that is no type; plain Lua
   passes untouched; what loads before loads after; erasing plain output again changes nothing; a refusal says where;
   the aliases that are kept can be asked about any value. */
#include "fuzz.h"

#include "lua/erase.h"
#include "lua/typecheck.h"

static lua_State *L;

static void open_values(void)
{
    static const char values[] =
        "local t = {1, 2, 3} local cycle = {next = false} cycle.next = cycle\n"
        "return nil, true, 1, 1.5, 'text', '', {}, t, {name = 'x', id = 7, list = t}, cycle,\n"
        "{[1.5] = 1, [true] = {}}, print";
    L = luaL_newstate();
    luaL_openlibs(L);
    FUZZ_CHECK(luaL_dostring(L, values) == LUA_OK, "%s", lua_tostring(L, -1));
}

static int find_plain(lua_State *state, const char *pattern, size_t pattern_size, const char *text,
                      size_t text_size)
{
    (void)state;
    for (size_t i = 0; i + pattern_size <= text_size; i++) {
        if (memcmp(text + i, pattern, pattern_size) == 0) {
            return 1;
        }
    }
    return pattern_size > 0 ? 0 : -1;
}

static bool loads(const char *text, size_t size, char *why, size_t room)
{
    int top = lua_gettop(L);
    bool good = luaL_loadbufferx(L, text, size, "=text", "t") == LUA_OK;
    snprintf(why, room, "%s", good ? "" : lua_tostring(L, -1));
    lua_settop(L, top);
    return good;
}

static void check_types(const wippyli_erased *erased)
{
    wippyli_alias alias;
    char error[64];
    size_t at = 0;
    int aliases = 0;
    while (wippyli_alias_next(erased->types, erased->types_size, &at, &alias) && aliases++ < 8) {
        wippyli_descriptor type;
        FUZZ_CHECK(at <= erased->types_size, "an alias outside the table");
        FUZZ_CHECK(wippyli_descriptor_find(erased->types, erased->types_size, alias.name.data,
                                           alias.name.size, &type),
                   "an alias that is not found");
        wippyli_type_describe(&type.alias.type, error, sizeof(error));
        type.pattern = find_plain;
        for (int i = 1; i <= 12; i++) {
            int top = lua_gettop(L);
            memset(error, 0, sizeof(error));
            bool good = wippyli_type_check(L, i, &type, error, sizeof(error));
            FUZZ_CHECK(lua_gettop(L) == top, "the stack has grown");
            FUZZ_CHECK(good || error[0] != '\0', "refused without a reason");
            FUZZ_CHECK(wippyli_type_check(L, i, &type, NULL, 0) == good, "two answers");
        }
    }
}

static void check_erased(const wippyli_mem *mem, const char *source, size_t size,
                         const wippyli_erased *erased)
{
    char why[200], again_why[200];
    const char *text = erased->text ? erased->text : source;
    bool plain = loads(source, size, why, sizeof(why));
    if (erased->text) {
        wippyli_erased again;
        FUZZ_CHECK(erased->size == size, "%zu bytes of %zu", erased->size, size);
        for (size_t i = 0; i < size; i++) {
            bool line = source[i] == '\n' || source[i] == '\r';
            FUZZ_CHECK(text[i] == source[i] || (!line && (text[i] == ' ' || text[i] == ';')),
                       "byte %zu was %d and is %d", i, source[i], text[i]);
        }
        FUZZ_CHECK(!plain || strstr(source, "as") || strstr(source, "type"),
                   "plain Lua is changed:\n%s\n%.*s", source, (int)size, text);
        if (loads(text, size, again_why, sizeof(again_why))) {
            wippy_result result = wippyli_erase(mem, "again", text, size, &again, NULL);
            FUZZ_CHECK(result == WIPPY_OK, "its own output is refused:\n%.*s", (int)size, text);
            FUZZ_CHECK(again.text == NULL || memcmp(again.text, text, size) == 0,
                       "erased twice:\n%.*s\n%.*s", (int)size, text, (int)size, again.text);
            wippyli_erased_release(mem, &again);
        }
    }
    if (plain) {
        FUZZ_CHECK(loads(text, size, again_why, sizeof(again_why)), "does not load any more: %s",
                   again_why);
    }
    if (erased->types) {
        check_types(erased);
    }
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    test_heap heap;
    wippyli_mem mem;
    wippyli_erased erased;
    wippy_diag diag, again;
    wippy_allocator allocator = fuzz_allocator(&heap);
    char *exact = fuzz_exact(data, size);
    char *source = fuzz_text(data, size); /* for messages, and with a NUL as Lua has it */
    mem.alloc_fn = allocator.alloc_fn;
    mem.free_fn = allocator.free_fn;
    mem.user_data = allocator.user_data;
    if (L == NULL) {
        open_values();
    }
    memset(&diag, 0, sizeof(diag));
    memset(&again, 0, sizeof(again));
    wippy_result result = wippyli_erase(&mem, "app:main", exact, size, &erased, &diag);
    if (result == WIPPY_OK) {
        check_erased(&mem, source, size, &erased);
        wippyli_erased_release(&mem, &erased);
    } else {
        char why[200];
        FUZZ_CHECK(result == WIPPY_ERR_SYNTAX, "result %d", result);
        fuzz_check_place(&diag, source, size, FUZZ_LINES_LUA);
        FUZZ_CHECK(wippyli_erase(&mem, "app:main", exact, size, &erased, &again) == result,
                   "two answers");
        fuzz_check_same_diag(&diag, &again);
        FUZZ_CHECK(!loads(source, size, why, sizeof(why)) || strstr(source, "as") ||
                       strstr(source, "type"),
                   "plain Lua is refused: %s\n%s", diag.message, source);
    }
    free(exact);
    free(source);
    FUZZ_BALANCED(&heap);
    if (lua_gc(L, LUA_GCCOUNT) > 32 * 1024) {
        lua_gc(L, LUA_GCCOLLECT);
    }
}
