/* ========================================================================== >>lua/typevalue.c */
#include "typevalue.h"
#include "errors.h"
#include "lexer.h"
#include "lib_pattern.h"
#include "object.h"

#include <string.h>

/* Is the token a name that stands for a value, not for a field? */
static bool wippyli_types_names(const unsigned char *types, size_t types_size, const char *name,
                                size_t size)
{
    wippyli_alias alias;
    return wippyli_alias_find(types, types_size, name, size, &alias);
}

WIPPYLI_FN bool wippyli_types_used(const unsigned char *types, size_t types_size, const char *text,
                                   size_t text_size)
{
    wippyli_lexer lexer;
    wippyli_token token;
    int before = WIPPYLI_TOKEN_END;
    wippyli_lexer_init(&lexer, text, text_size);
    for (;;) {
        wippyli_lexer_next(&lexer, &token);
        if (token.type == WIPPYLI_TOKEN_END || token.type == WIPPYLI_TOKEN_BAD) {
            return false;
        }
        if (token.type == WIPPYLI_TOKEN_NAME && before != '.' && before != ':' &&
            wippyli_types_names(types, types_size, text + token.start, token.end - token.start)) {
            return true;
        }
        before = token.type;
    }
}

/* User value 1 is the string that holds the table of types. */
static int wippyli_type_call(lua_State *L);
static int wippyli_type_is(lua_State *L);
static int wippyli_type_tostring(lua_State *L);

static const luaL_Reg wippyli_type_methods[] = {{"is", wippyli_type_is},
                                                {"__call", wippyli_type_call},
                                                {"__tostring", wippyli_type_tostring},
                                                {NULL, NULL}};

static const wippyli_class wippyli_type_class = {"type", wippyli_type_methods};

/* The rule @pattern of a type, as a Lua pattern. */
static int wippyli_type_pattern(lua_State *L, const char *pattern, size_t pattern_size,
                                const char *text, size_t text_size)
{
    wippyli_stack_room(L, 4, "pattern");
    lua_pushcfunction(L, wippyli_pattern_find);
    lua_pushlstring(L, text, text_size);
    lua_pushlstring(L, pattern, pattern_size);
    int found = -1;
    if (lua_pcall(L, 2, 1, 0) == LUA_OK) {
        found = !lua_isnil(L, -1);
    }
    lua_pop(L, 1);
    return found;
}

static bool wippyli_type_accepts(lua_State *L, char *error, size_t error_size)
{
    const wippyli_descriptor *type =
        (const wippyli_descriptor *)wippyli_object_check(L, 1, &wippyli_type_class);
    lua_settop(L, 2);
    return wippyli_type_check(L, 2, type, error, error_size);
}

static int wippyli_type_call(lua_State *L)
{
    char error[256];
    if (!wippyli_type_accepts(L, error, sizeof(error))) {
        return luaL_error(L, "%s", error);
    }
    return 1;
}

static int wippyli_type_is(lua_State *L)
{
    char error[256];
    if (!wippyli_type_accepts(L, error, sizeof(error))) {
        return wippyli_fail(L, "Invalid", "%s", error);
    }
    lua_pushnil(L);
    return 2;
}

static int wippyli_type_tostring(lua_State *L)
{
    const wippyli_descriptor *type =
        (const wippyli_descriptor *)wippyli_object_check(L, 1, &wippyli_type_class);
    lua_pushlstring(L, type->alias.name.data, type->alias.name.size);
    return 1;
}

/* Push the descriptor of an alias; the string with the types is at `holder`. */
static void wippyli_type_push(lua_State *L, int holder, const wippyli_alias *alias)
{
    size_t size = 0;
    wippyli_descriptor *type =
        (wippyli_descriptor *)wippyli_object_push(L, &wippyli_type_class, sizeof(*type), 1);
    type->types = (const unsigned char *)lua_tolstring(L, holder, &size);
    type->types_size = size;
    type->alias = *alias;
    type->pattern = wippyli_type_pattern;
    lua_pushvalue(L, holder);
    lua_setiuservalue(L, -2, 1);
}

WIPPYLI_FN void wippyli_types_set(lua_State *L, const unsigned char *types, size_t types_size)
{
    wippyli_alias alias;
    size_t at = 0;
    lua_pushlstring(L, (const char *)types, types_size);
    int holder = lua_gettop(L);
    const unsigned char *kept = (const unsigned char *)lua_tostring(L, holder);
    while (wippyli_alias_next(kept, types_size, &at, &alias)) {
        lua_pushglobaltable(L);
        lua_pushlstring(L, alias.name.data, alias.name.size);
        lua_pushvalue(L, -1);
        if (lua_gettable(L, -3) == LUA_TNIL && alias.depth == 0) {
            lua_pop(L, 1);
            wippyli_type_push(L, holder, &alias);
            lua_settable(L, -3);
        }
        lua_settop(L, holder);
    }
    lua_pop(L, 1);
}
