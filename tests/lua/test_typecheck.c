/* Checks of values against the aliases the eraser kept. */
#include "../../src/lua/lexer.c"
#include "../../src/lua/typetree.c"
#include "../../src/lua/typeparse.c"
#include "../../src/lua/erase.c"
#include "../../src/lua/typecheck.c"

#include "test.h"

typedef struct check_world {
    test_heap heap;
    wippyli_mem mem;
    wippyli_erased erased;
    lua_State *L;
    char error[256];
} check_world;

/* Plain text search is pattern enough here. */
static int check_pattern(lua_State *L, const char *pattern, size_t pattern_size, const char *text,
                         size_t text_size)
{
    (void)L;
    if (pattern_size == 0) {
        return -1;
    }
    for (size_t i = 0; i + pattern_size <= text_size; i++) {
        if (memcmp(text + i, pattern, pattern_size) == 0) {
            return 1;
        }
    }
    return 0;
}

static bool check_open(check_world *w, const char *types)
{
    wippy_diag diag;
    memset(w, 0, sizeof(*w));
    test_heap_init(&w->heap);
    w->mem.alloc_fn = test_alloc_fn;
    w->mem.free_fn = test_free_fn;
    w->mem.user_data = &w->heap;
    w->L = luaL_newstate();
    luaL_openlibs(w->L);
    wippy_result result =
        wippyli_erase(&w->mem, "test", types, strlen(types), &w->erased, &diag);
    if (result != WIPPY_OK) {
        FAIL("%s", diag.message);
    }
    return result == WIPPY_OK;
}

static void check_close(check_world *w)
{
    wippyli_erased_release(&w->mem, &w->erased);
    lua_close(w->L);
    CHECK_BALANCED(&w->heap);
}

/* "" when the value of the Lua expression has the type, else why not. */
static const char *check_why(check_world *w, const char *type, const char *expression)
{
    char chunk[1024];
    wippyli_descriptor descriptor;
    (void)snprintf(chunk, sizeof(chunk), "return %s", expression);
    if (luaL_dostring(w->L, chunk)) {
        return lua_tostring(w->L, -1);
    }
    lua_settop(w->L, 1);
    if (!wippyli_descriptor_find(w->erased.types, w->erased.types_size, type, strlen(type),
                                 &descriptor)) {
        return "no such type";
    }
    descriptor.pattern = check_pattern;
    bool ok = wippyli_type_check(w->L, 1, &descriptor, w->error, sizeof(w->error));
    CHECK_EQ_INT(lua_gettop(w->L), 1);
    lua_settop(w->L, 0);
    if (!ok && w->error[0] == 0) {
        return "failed without a word";
    }
    return ok ? "" : w->error;
}

static void check_one(const char *type, const char *expression, const char *expected)
{
    char types[1024];
    check_world w;
    (void)snprintf(types, sizeof(types), "type A = %s", type);
    if (check_open(&w, types)) {
        const char *why = check_why(&w, "A", expression);
        if (strcmp(why, expected) != 0) {
            FAIL("%s against %s says \"%s\", expected \"%s\"", expression, type, why, expected);
        }
        check_close(&w);
    }
}

TEST(test_typecheck_basic_types_compare_lua_types)
{
    check_one("string", "'x'", "");
    check_one("string", "1", "expected string, got number");
    check_one("string", "nil", "expected string, got nil");
    check_one("number", "1", "");
    check_one("number", "1.5", "");
    check_one("number", "'1'", "expected number, got string");
    check_one("integer", "1", "");
    check_one("integer", "2.0", "");
    check_one("integer", "1.5", "expected integer, got number");
    check_one("integer", "1/0", "expected integer, got number");
    check_one("integer", "'1'", "expected integer, got string");
    check_one("boolean", "false", "");
    check_one("boolean", "nil", "expected boolean, got nil");
    check_one("table", "{}", "");
    check_one("function", "print", "");
    check_one("function", "1", "expected function, got number");
    check_one("(number) -> string", "print", "");
    check_one("thread", "coroutine.create(print)", "");
    check_one("userdata", "io.stdout", "");
    check_one("any", "nil", "");
    check_one("unknown", "1", "");
    check_one("never", "1", "expected never, got number");
    check_one("nil", "nil", "");
    check_one("nil", "1", "expected nil, got number");
    check_one("Elsewhere", "1", "");
    check_one("other.Type<number>", "1", "");
}

TEST(test_typecheck_literals_compare_values)
{
    check_one("\"a\"", "'a'", "");
    check_one("\"a\"", "'b'", "expected \"a\", got \"b\"");
    check_one("\"a\"", "'a\\0'", "expected \"a\", got \"a\"");
    check_one("\"\"", "''", "");
    check_one("\"a\"", "1", "expected \"a\", got 1");
    check_one("5", "5", "");
    check_one("5", "5.0", "");
    check_one("5", "6", "expected 5, got 6");
    check_one("1.5", "1.5", "");
    check_one("1.5", "1", "expected 1.5, got 1");
    check_one("-1", "-1", "");
    check_one("9007199254740993", "9007199254740992", "expected 9007199254740993, got 9007199254740992");
    check_one("true", "true", "");
    check_one("true", "false", "expected true, got false");
    check_one("false", "false", "");
    check_one("false", "nil", "expected false, got nil");
    check_one("false", "true", "expected false, got true");
}

TEST(test_typecheck_composed_types)
{
    check_one("string?", "nil", "");
    check_one("string?", "'x'", "");
    check_one("string?", "1", "expected string, got number");
    check_one("number | string", "1", "");
    check_one("number | string", "'x'", "");
    check_one("number | string", "true", "expected number | string, got true");
    check_one("'a' | 'b'", "'c'", "expected \"a\" | \"b\", got \"c\"");
    check_one("{a: number} & {b: string}", "{a = 1, b = 'x'}", "");
    check_one("{a: number} & {b: string}", "{a = 1}", "missing field 'b' (expected string)");
    check_one("{number}", "{1, 2, 3}", "");
    check_one("{number}", "{}", "");
    check_one("{number}", "{1, 'x', 3}", "[2]: expected number, got string");
    check_one("{number}", "{1, x = 2}", "expected an array, got a table with other keys");
    check_one("{number}", "{[0] = 2}", "expected an array, got a table with other keys");
    check_one("{number}", "{1, [50] = 2}", "expected an array, got a table with other keys");
    check_one("{number}", "{1, [2.5] = 2}", "expected an array, got a table with other keys");
    check_one("number[]", "5", "expected number[], got number");
    check_one("{{number}}", "{{1}, {2, false}}", "[2][2]: expected number, got boolean");
    check_one("readonly {number}", "{1}", "");
}

TEST(test_typecheck_records_name_the_field)
{
    const char *job = "{id: integer, name: string, note?: string, tags: {string}?}";
    check_one(job, "{id = 1, name = 'x'}", "");
    check_one(job, "{id = 1, name = 'x', more = true}", "");
    check_one(job, "{id = 1, name = 'x', note = 'y', tags = {'a'}}", "");
    check_one(job, "{id = 1}", "missing field 'name' (expected string)");
    check_one(job, "{id = 1.5, name = 'x'}", "id: expected integer, got number");
    check_one(job, "{id = 1, name = 'x', note = 5}", "note: expected string, got number");
    check_one(job, "{id = 1, name = 'x', tags = {'a', 2}}", "tags[2]: expected string, got number");
    check_one(job, "5", "expected table, got number");
    check_one("{jobs: {{id: integer}}}", "{jobs = {{id = 1}, {id = 2}, {id = 'x'}}}",
              "jobs[3].id: expected integer, got string");
    check_one("{a: {b: {c: string}}}", "{a = {b = {}}}", "a.b: missing field 'c' (expected string)");
    check_one("{a: any}", "{}", "");
    check_one("{a123456789012345678901234567890123456789012345678901234567890123456789: {b: any}}", "{a123456789012345678901234567890123456789012345678901234567890123456789 = 1}",
              "a123456789012345678901234567890123456789012345678901234567890123: expected table, got number"); /* long names are cut */
    check_one("{a123456789012345678901234567890123456789012345678901234567890123456789: number}", "{}", "missing field 'a123456789012345678901234567890123456789012345678901234567890123' (expected number)");
    check_one("{a: nil}", "{}", "");
    check_one("{[\"end\"]: number}", "{}", "missing field 'end' (expected number)");
    check_one("{a: number}", "setmetatable({}, {__index = {a = 1}})",
              "missing field 'a' (expected number)");
}

TEST(test_typecheck_maps_check_keys_and_values)
{
    check_one("{[string]: number}", "{}", "");
    check_one("{[string]: number}", "{a = 1, b = 2}", "");
    check_one("{[string]: number}", "{a = 'x'}", "a: expected number, got string");
    check_one("{[string]: number}", "{[true] = 1}", "expected keys of type string, got a boolean");
    check_one("{[string]: number}", "{5}", "expected keys of type string, got a number");
    check_one("{[integer]: number}", "{[7] = 'x'}", "[7]: expected number, got string");
    check_one("{name: string, [string]: number}", "{name = 'x', a = 1}", "");
    check_one("{name: string, [string]: number}", "{name = 'x', a = 'y'}",
              "a: expected number, got string");
    check_one("{[string]: number, [integer]: string}", "{a = 1, 'x'}", "");
    check_one("{[string]: number, [integer]: string}", "{a = 1, 2}",
              "[1]: expected string, got number");
}

TEST(test_typecheck_rules_mention_what_they_limit)
{
    check_one("number @min(0) @max(9)", "5", "");
    check_one("number @min(0) @max(9)", "0", "");
    check_one("number @min(0) @max(9)", "-1", "value -1 is less than min 0");
    check_one("number @min(0) @max(9)", "9.5", "value 9.5 is greater than max 9");
    check_one("number @min(0.5)", "0", "value 0 is less than min 0.5");
    check_one("number @max(9007199254740992)", "9007199254740993",
              "value 9007199254740993 is greater than max 9007199254740992");
    check_one("string @min_len(3) @max_len(5)", "'abc'", "");
    check_one("string @min_len(3) @max_len(5)", "'ab'", "length 2 is less than min_len 3");
    check_one("string @min_len(3) @max_len(5)", "'abcdef'", "length 6 is greater than max_len 5");
    check_one("{number} @min_len(1)", "{}", "length 0 is less than min_len 1");
    check_one("string @min(2)", "'a'", "length 1 is less than min 2");
    check_one("string @pattern(\"@\")", "'a@b'", "");
    check_one("string @pattern(\"@\")", "'ab'", "value does not match pattern \"@\"");
    check_one("string @pattern('')", "'ab'", "pattern \"\" is not valid");
    check_one("string @email", "'ab'", "");
    check_one("string @min_len", "''", "");
    check_one("string @min(x)", "''", "");
    check_one("string @min_len(3)", "5", "expected string, got number");
    check_one("string @min_length(2) @max_length(3)", "'a'", "length 1 is less than min_length 2");
    check_one("string @min_length(2) @max_length(3)", "'abcd'", "length 4 is greater than max_length 3");
    check_one("boolean @min(1) @max_len(1)", "true", ""); /* has neither size nor length */
    check_one("number @min_len(9)", "5", "");
    check_one("number @pattern('x')", "5", "");
    check_one("string @pattern(5)", "'a'", "");
    check_one("string @pattern", "'a'", "");
    check_one("string @min_len('x') @min('x')", "'a'", "");
    check_one("string @pattern('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')", "'a'",
              "value does not match pattern \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
    check_one("{age: number @min(18)}", "{age = 5}", "age: value 5 is less than min 18");
    check_one("(string @min_len(1))?", "nil", "");
    check_one("string @min_len(1)?", "nil", "");
    check_one("(number @min(5)) | string", "3", "expected number | string, got 3");
}

TEST(test_typecheck_aliases_refer_to_each_other)
{
    check_world w;
    REQUIRE(check_open(&w, "type Id = string @min_len(2)\n"
                           "type User = {id: Id, friends: {User}?}\n"
                           "type Box<T> = {value: T}\n"
                           "type Pair<A, B> = {first: A, second: Box<B>}\n"
                           "type NumberBox = Box<number>\n"
                           "type Twice<T> = Box<Box<T>>\n"
                           "type Loop = Loop\n"
                           "type Node = {value: number, next: Node?}\n"
                           "type PairOf = Pair<string, Id>\n"
                           "type Grow<T> = {next: Grow<{T}>?}\n"));
    CHECK_STR(check_why(&w, "User", "{id = 'ab'}"), "");
    CHECK_STR(check_why(&w, "User", "{id = 'ab', friends = {{id = 'c'}}}"),
              "friends[1].id: length 1 is less than min_len 2");
    CHECK_STR(check_why(&w, "NumberBox", "{value = 1}"), "");
    CHECK_STR(check_why(&w, "NumberBox", "{value = 'x'}"), "value: expected number, got string");
    CHECK_STR(check_why(&w, "Box", "{value = 'x'}"), "");
    CHECK_STR(check_why(&w, "Twice", "{value = {value = 1}}"), "");
    CHECK_STR(check_why(&w, "Twice", "{value = 1}"), "value: expected table, got number");
    CHECK_STR(check_why(&w, "PairOf", "{first = 'x', second = {value = 'ab'}}"), "");
    CHECK_STR(check_why(&w, "PairOf", "{first = 'x', second = {value = 'a'}}"),
              "second.value: length 1 is less than min_len 2");
    CHECK_STR(check_why(&w, "Loop", "1"), "nesting too deep");
    CHECK_STR(check_why(&w, "Node", "{value = 1, next = {value = 2}}"), "");
    CHECK_STR(check_why(&w, "Node", "{value = 1, next = {value = 'x'}}"),
              "next.value: expected number, got string");
    CHECK_STR(check_why(&w, "Missing", "1"), "no such type");
    check_close(&w);
}

TEST(test_typecheck_cyclic_and_deep_values_end)
{
    check_world w;
    REQUIRE(check_open(&w, "type Node = {value: number, next: Node?}\n"
                           "type Any = {[any]: Any} | number\n"
                           "type Grow<T> = {next: Grow<{T}>?}\n"));
    CHECK_STR(check_why(&w, "Node", "(function() local n = {value = 1} n.next = n return n end)()"),
              "");
    CHECK_STR(check_why(&w, "Node",
                        "(function() local a, b = {value = 1}, {value = 2} "
                        "a.next = b b.next = a return a end)()"),
              "");
    CHECK_STR(check_why(&w, "Node",
                        "(function() local n = {value = 1} "
                        "for i = 1, 50 do n = {value = i, next = n} end return n end)()"),
              "");
    CHECK_HAS(check_why(&w, "Node",
                        "(function() local n = {value = 1} "
                        "for i = 1, 5000 do n = {value = i, next = n} end return n end)()"),
              "next.next.next.next.next.next.next.next....next.next.next: nesting too deep");
    CHECK_STR(check_why(&w, "Any", "(function() local t = {} t[t] = t return t end)()"), "");
    CHECK_HAS(check_why(&w, "Grow", "(function() local t = {} t.next = t return t end)()"),
              "nesting too deep");
    check_close(&w);
}

TEST(test_typecheck_exponential_types_run_out_of_steps)
{
    check_world w;
    REQUIRE(check_open(&w, "type T = {a: T, b: number} | {a: T, b: string} | nil"));
    CHECK_HAS(check_why(&w, "T",
                        "(function() local t for i = 1, 40 do t = {a = t, b = true} end "
                        "return t end)()"),
              "expected table | table | nil, got table");
    check_close(&w);
}

TEST(test_typecheck_error_text_is_cut_to_its_room)
{
    check_world w;
    wippyli_descriptor descriptor;
    char small[8];
    REQUIRE(check_open(&w, "type A = {name: string}"));
    REQUIRE(wippyli_descriptor_find(w.erased.types, w.erased.types_size, "A", 1, &descriptor));
    lua_pushboolean(w.L, 1);
    memset(small, 'x', sizeof(small));
    CHECK(!wippyli_type_check(w.L, -1, &descriptor, small, 5));
    CHECK_STR(small, "expe");
    CHECK_EQ_INT(small[5], 'x');
    CHECK(!wippyli_type_check(w.L, -1, &descriptor, NULL, 0));
    check_close(&w);
}

/* Strings as Lua writes them: what their escapes stand for is compared. */
TEST(test_typecheck_string_literals_mean_what_lua_means)
{
    static const char *const literals[] = {
        "'\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"'", "'\\x41\\xfF\\x0a'", "'\\65\\0651\\9z'",
        "'\\u{41}\\u{e9}\\u{20AC}\\u{1F600}\\u{7FFFFFFF}\\u{200000}\\u{4000000}'",
        "'a\\z \t\n\r\v\f b'", "'a\\\nb'", "'a\\\r\nb'", "'a\\\n\rb'", "'a\\\rb'", "'\\z'",
        "[[a\nb]]", "[[\na]]", "[[\r\na]]", "[==[]]]==]", "[=[\n\n]=]", "'ends \\z  '",
    };
    for (size_t i = 0; i < TEST_COUNT(literals); i++) {
        char type[256];
        check_world w;
        (void)snprintf(type, sizeof(type), "type A = %s", literals[i]);
        REQUIRE(check_open(&w, type));
        const char *why = check_why(&w, "A", literals[i]);
        if (why[0] != 0) {
            FAIL("%s: %s", literals[i], why);
        }
        CHECK(check_why(&w, "A", "'other'")[0] != 0);
        check_close(&w);
    }
}

TEST(test_typecheck_number_literals_mean_what_lua_means)
{
    static const char *const literals[] = {
        "0x10", "0XfF", "0x.8", "0x1p4", "0X1P-2", "1e2", "1E+2", ".5", "3.", "9223372036854775807",
        "9223372036854775808", "0xffffffffffffffff", "0x1ffffffffffffffff", "18446744073709551616",
        "92233720368547758070", "000000000000000000000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < TEST_COUNT(literals); i++) {
        char type[256];
        check_world w;
        (void)snprintf(type, sizeof(type), "type A = %s", literals[i]);
        REQUIRE(check_open(&w, type));
        const char *why = check_why(&w, "A", literals[i]);
        if (why[0] != 0) {
            FAIL("%s: %s", literals[i], why);
        }
        CHECK(check_why(&w, "A", "7")[0] != 0 && check_why(&w, "A", "'1'")[0] != 0);
        check_close(&w);
    }
}

/* Every byte of the tree changed, every tail cut off: the answers may be any, but they come, and nothing
   beyond the bytes is read (the copy is exactly as large as they are). */
TEST(test_typecheck_damaged_trees_do_no_harm)
{
    static const char types[] =
        "type N = {name: string, age?: integer @min(1) @max(9), tag: 'x' | 5 | 2.5 | true | false | nil}\n"
        "type M = {[string]: number}\ntype L = {string @min_len(1) @pattern('a')}\n"
        "type F = (a: string, b: N) -> integer\ntype G<T> = {value: T, next: G<T>?}\n"
        "type U = N | M | L | F | G<string> | any\n";
    static const char *const values[] = {"{name = 'x', age = 3, tag = 'x'}", "{k = 1}", "{'a', 'b'}",
                                         "print", "{value = 's'}", "5"};
    static const char *const names[] = {"N", "M", "L", "F", "G", "U"};
    check_world w;
    size_t found = 0;
    REQUIRE(check_open(&w, types));
    size_t size = w.erased.types_size;
    for (size_t at = 0; at < 4 * size; at++) {
        bool cut = at >= 3 * size;
        size_t kept = cut ? at - 3 * size : size;
        unsigned char *copy = (unsigned char *)malloc(kept > 0 ? kept : 1);
        memcpy(copy, w.erased.types, kept);
        if (!cut) {
            static const unsigned char changes[] = {0x01, 0xff, 0x80};
            copy[at % size] = (unsigned char)(copy[at % size] ^ changes[at / size]);
        }
        for (size_t i = 0; i < TEST_COUNT(names); i++) {
            char chunk[128];
            wippyli_descriptor descriptor;
            if (!wippyli_descriptor_find(copy, kept, names[i], 1, &descriptor)) {
                continue;
            }
            found++;
            descriptor.pattern = check_pattern;
            (void)snprintf(chunk, sizeof(chunk), "return %s", values[i]);
            CHECK_EQ_INT(luaL_dostring(w.L, chunk), 0);
            memset(w.error, 'x', sizeof(w.error));
            w.error[0] = 0;
            (void)wippyli_type_check(w.L, 1, &descriptor, w.error, sizeof(w.error));
            CHECK(memchr(w.error, 0, sizeof(w.error)) != NULL);
            CHECK_EQ_INT(lua_gettop(w.L), 1);
            lua_settop(w.L, 0);
        }
        free(copy);
    }
    CHECK(found > size);
    check_close(&w);
}

TEST_MAIN(TEST_ENTRY(test_typecheck_string_literals_mean_what_lua_means),
          TEST_ENTRY(test_typecheck_number_literals_mean_what_lua_means),
          TEST_ENTRY(test_typecheck_damaged_trees_do_no_harm),
          TEST_ENTRY(test_typecheck_basic_types_compare_lua_types),
          TEST_ENTRY(test_typecheck_literals_compare_values),
          TEST_ENTRY(test_typecheck_composed_types),
          TEST_ENTRY(test_typecheck_records_name_the_field),
          TEST_ENTRY(test_typecheck_maps_check_keys_and_values),
          TEST_ENTRY(test_typecheck_rules_mention_what_they_limit),
          TEST_ENTRY(test_typecheck_aliases_refer_to_each_other),
          TEST_ENTRY(test_typecheck_cyclic_and_deep_values_end),
          TEST_ENTRY(test_typecheck_exponential_types_run_out_of_steps),
          TEST_ENTRY(test_typecheck_error_text_is_cut_to_its_room))
