/* ========================================================================== >>test_object
   Userdata of the bridge: scripts see their methods and nothing of their metatables. */
#include "lua_kit.h"

static void program(const char *body, const char *expected)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, body);
    CHECK_STR(kit.out, expected);
    CHECK_EQ_INT(kit.exits, 1);
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    if (kit.last_result != WIPPY_OK) {
        printf("  ended with %s\n", kit.last_value);
    }
    lua_kit_close(&kit);
}

TEST(test_object_metamethods_are_no_fields)
{
    program("local c = channel.new(1)"
            " t.out(c.__index, c.__gc, c.__metatable, c.__name, c.__tostring, type(c.send))"
            " local m = c:case_receive() t.out(m.__index, m.__name)",
            "nil nil nil nil nil function\nnil nil\n");
}

TEST(test_object_takes_no_finalizer)
{
    program("local c = channel.new(1)"
            " t.out(pcall(function() c.__index.__gc = print end))"
            " t.out((pcall(function() c.__gc = print end)), (pcall(function() c.send = print end)))"
            " t.out((pcall(setmetatable, c, {})), (pcall(rawset, c, '__gc', print)))"
            " t.out(getmetatable(c))",
            "false app:test:1: attempt to index a nil value (field '__index')\n"
            "false false\nfalse false\nfalse\n");
}

TEST_MAIN(TEST_ENTRY(test_object_metamethods_are_no_fields),
          TEST_ENTRY(test_object_takes_no_finalizer))
