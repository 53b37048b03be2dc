/* ========================================================================== >>test_mod_json
   The module `json`: text, values, schemas. */
#include "module_kit.h"

typedef struct json_row {
    const char *body;
    const char *expected;
} json_row;

/* All rows in one process; `before` defines what they use. */
static void rows(const char *before, const json_row *row, size_t count)
{
    size_t room = 65536;
    char *body = (char *)malloc(room);
    char *expected = (char *)malloc(room);
    size_t at = (size_t)snprintf(body, room, "%s", before);
    size_t out = 0;
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(body + at, room - at, "\ndo %s end", row[i].body);
        out += (size_t)snprintf(expected + out, room - out, "%s\n", row[i].expected);
    }
    module_program("json", body, expected);
    free(body);
    free(expected);
}

#define ROWS(before, table) rows(before, table, TEST_COUNT(table))

TEST(test_json_encode_values)
{
    static const json_row table[] = {
        {"t.out(json.encode(nil), json.encode(), json.encode(true), json.encode(false))",
         "null null true false"},
        {"t.out(json.encode(0), json.encode(-7), json.encode(math.maxinteger), json.encode(1 << "
         "62))",
         "0 -7 9223372036854775807 4611686018427387904"},
        {"t.out(json.encode(3.14), json.encode(99.5), json.encode(1e21), json.encode(1e20),"
         " json.encode(100.0))",
         "3.14 99.5 1e+21 100000000000000000000 100"},
        {"t.out(json.encode(0.1), json.encode(1/3), json.encode(1e-6), json.encode(1e-7),"
         " json.encode(-2.5e-10), json.encode(5e-324), json.encode(1.7976931348623157e308))",
         "0.1 0.3333333333333333 0.000001 1e-7 -2.5e-10 5e-324 1.7976931348623157e+308"},
        {"t.out(json.encode(0/0), json.encode(1/0), json.encode(-1/0), json.encode(-0.0))",
         "null null null -0"},
        {"t.out(json.encode(0.1 + 0.2), json.encode(123456.789), json.encode(2^53), "
         "json.encode(1.5e300))",
         "0.30000000000000004 123456.789 9007199254740992 1.5e+300"},
        {"t.out(json.encode('a\"b\\\\c/d'), json.encode('\\n\\r\\t\\b\\f\\0\\31'))",
         "\"a\\\"b\\\\c/d\" \"\\n\\r\\t\\b\\f\\u0000\\u001f\""},
        {"t.out(json.encode('gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80'), "
         "json.encode('<&>'))",
         "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\" \"<&>\""},
        {"t.out(json.encode('a\\xff\\xc0\\x80b\\xed\\xa0\\x80'))",
         "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
         "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"t.out(json.encode({}), json.encode({1, 'two', {3}}), json.encode({a = {}}))",
         "[] [1,\"two\",[3]] {\"a\":[]}"},
        {"t.out(json.encode({b = 1, a = 2, ab = 3, ['10'] = 4, ['9'] = 5, A = 6}))",
         "{\"10\":4,\"9\":5,\"A\":6,\"a\":2,\"ab\":3,\"b\":1}"},
        {"t.out(json.encode({user = {name = 'x', tags = {'a', 'b'}}, n = 1.5}))",
         "{\"n\":1.5,\"user\":{\"name\":\"x\",\"tags\":[\"a\",\"b\"]}}"},
        {"local s = {1} t.out(json.encode({s, s}))", "[[1],[1]]"},
        {"t.out(json.encode(errors.new('bad')))", "\"bad\""},
        {"t.out(json.encode(payload.new{1}), json.encode{p = payload.new('x'), q = payload.new(nil)})",
         "[1] {\"p\":\"x\",\"q\":null}"},
        {"t.out(json.encode{[3] = 'c', [1] = 'a', [2] = 'b'}, json.encode{[-1] = 2} == nil)",
         "[\"a\",\"b\",\"c\"] true"},
        {"t.out(json.encode(setmetatable({1, 2}, {__index = function() error('no') end,"
         " __pairs = function() error('no') end, __len = function() error('no') end})))",
         "[1,2]"},
        {"local t2 = {} for i = 1, 3000 do t2[i] = i end t.out(#json.encode(t2))", "13894"},
    };
    ROWS("", table);
}

TEST(test_json_encode_errors)
{
    static const json_row table[] = {
        {"e(json.encode({1, 2, nil, 4}))", "nil Internal cannot encode sparse array to JSON false"},
        {"e(json.encode({[2] = 1}))", "nil Internal cannot encode sparse array to JSON false"},
        {"e(json.encode({1, a = 2}))",
         "nil Internal cannot encode mixed or invalid key types to JSON false"},
        {"e(json.encode({[true] = 2}))",
         "nil Internal cannot encode mixed or invalid key types to JSON false"},
        {"e(json.encode({[1.5] = 2}))",
         "nil Internal cannot encode mixed or invalid key types to JSON false"},
        {"e(json.encode({[0] = 2}))",
         "nil Internal cannot encode mixed or invalid key types to JSON false"},
        {"e(json.encode(print))", "nil Internal cannot encode function to JSON false"},
        {"e(json.encode({f = print}))", "nil Internal cannot encode function to JSON false"},
        {"e(json.encode(channel.new()))", "nil Internal cannot encode userdata to JSON false"},
        {"local a = {} a.a = a e(json.encode(a))",
         "nil Internal cannot encode recursively nested tables to JSON false"},
        {"local a, b = {}, {} a[1] = b b[1] = a e(json.encode(a))",
         "nil Internal cannot encode recursively nested tables to JSON false"},
        {"local a = {} for i = 1, 127 do a = {a} end t.out(#json.encode(a))", "256"},
        {"local a = {} for i = 1, 128 do a = {a} end e(json.encode(a))",
         "nil Internal nesting too deep false"},
    };
    ROWS("local function e(v, err) t.out(v, err and err:kind(), err and err:message(),"
         " err and err:retryable()) end",
         table);
}

TEST(test_json_decode_values)
{
    static const json_row table[] = {
        {"t.out(json.decode('1'), json.decode('-0'), json.decode(' 42 '), json.decode('1.0'),"
         " json.decode('1e3'), json.decode('2.5'))",
         "1 0 42 1 1000 2.5"},
        {"t.out(math.type(json.decode('1.0')), math.type(json.decode('1e3')),"
         " math.type(json.decode('1.5')), math.type(json.decode('9223372036854775807')),"
         " math.type(json.decode('9223372036854775808')), json.decode('1e400') == nil)",
         "integer integer float integer float true"},
        {"t.out(json.decode('true'), json.decode('false'), json.decode('null'))", "true false nil"},
        {"t.out(json.decode('\"a\\\\n\\\\\"\\\\/"
         "\\\\\\\\\\\\u00e9\\\\ud83d\\\\ude00\\\\b\\\\f\\\\r\\\\t\"')"
         " == 'a\\n\"/\\\\\xc3\xa9\xf0\x9f\x98\x80\\b\\f\\r\\t')",
         "true"},
        {"t.out(json.decode('\"\\\\ud83d\"'), json.decode('\"\\\\ude00x\"'),"
         " json.decode('\"\\\\ud83d\\\\u0041\"'), #json.decode('\"\\\\u0000\"'))",
         "\xef\xbf\xbd \xef\xbf\xbdx \xef\xbf\xbd"
         "A 1"},
        {"local v = json.decode('{\"a\": [1, 2, {\"b\": null}], \"c\": {}, \"d\": \"x\"}')"
         " t.out(v.a[1], v.a[2], v.a[3].b, type(v.c), next(v.c), v.d)",
         "1 2 nil table nil x"},
        {"t.out(json.decode('\"\\\\ud83d\\\\n\"') == '\xef\xbf\xbd\\n',"
         " json.decode('\"\\\\ud83d\\\\ue000\"') == '\xef\xbf\xbd\xee\x80\x80',"
         " json.decode('\"\\\\ud83dx\"') == '\xef\xbf\xbdx')",
         "true true true"},
        {"local v = json.decode('[1, null, 3]') t.out(v[1], v[2], v[3])", "1 nil 3"},
        {"local v = json.decode('{\"a\":1,\"a\":2}') t.out(v.a)", "2"},
        {"t.out(#json.decode('[]'), #json.decode(' [ ] '), #json.decode('[[],[]]'))", "0 0 2"},
        {"local v = json.decode('{\"k\":\"' .. ('x'):rep(2000) .. '\\\\n\"}') t.out(#v.k)", "2001"},
        {"t.out(json.decode(('1'):rep(100)) > 1e98)", "true"},
        {"local s = '{\"a\":[1,2.5,\"x\",true,{\"b\":[]}]}' t.out(json.encode(json.decode(s)) == "
         "s)",
         "true"},
        {"t.out(#json.decode(('['):rep(200) .. (']'):rep(200)))", "1"},
    };
    ROWS("", table);
}

TEST(test_json_decode_errors)
{
    static const json_row table[] = {
        {"e(json.decode(''))", "nil Invalid string expected false"},
        {"e(json.decode())", "nil Invalid string expected false"},
        {"e(json.decode(nil))", "nil Invalid string expected false"},
        {"e(json.decode(5))", "nil Invalid string expected false"},
        {"e(json.decode({}))", "nil Invalid string expected false"},
        {"e(json.decode('{'))", "nil Internal invalid JSON at offset 1: unexpected end false"},
        {"e(json.decode(' '))", "nil Internal invalid JSON at offset 1: unexpected end false"},
        {"e(json.decode('{invalid}'))",
         "nil Internal invalid JSON at offset 1: expected a key false"},
        {"e(json.decode('[1,]'))", "nil Internal invalid JSON at offset 3: expected a value false"},
        {"e(json.decode('{\"a\":1,}'))",
         "nil Internal invalid JSON at offset 7: expected a key false"},
        {"e(json.decode('{\"a\" 1}'))",
         "nil Internal invalid JSON at offset 5: expected ':' false"},
        {"e(json.decode('[1 2]'))",
         "nil Internal invalid JSON at offset 3: expected ',' or ']' false"},
        {"e(json.decode('{\"a\":1]'))",
         "nil Internal invalid JSON at offset 6: expected ',' or '}' false"},
        {"e(json.decode('1 2'))", "nil Internal invalid JSON at offset 2: expected the end false"},
        {"e(json.decode('01'))", "nil Internal invalid JSON at offset 1: expected the end false"},
        {"e(json.decode('.5'))", "nil Internal invalid JSON at offset 0: expected a value false"},
        {"e(json.decode('1.'))", "nil Internal invalid JSON at offset 2: unexpected end false"},
        {"e(json.decode('[1, 1e400'))",
         "nil Internal invalid JSON at offset 4: number out of range false"},
        {"e(json.decode('-x'))", "nil Internal invalid JSON at offset 1: expected a digit false"},
        {"e(json.decode('1ex'))", "nil Internal invalid JSON at offset 2: expected a digit false"},
        {"e(json.decode('nul'))", "nil Internal invalid JSON at offset 0: expected a value false"},
        {"e(json.decode('NaN'))", "nil Internal invalid JSON at offset 0: expected a value false"},
        {"e(json.decode('\"a\\nb\"'))",
         "nil Internal invalid JSON at offset 2: control character in a string false"},
        {"e(json.decode('\"\\\\x\"'))",
         "nil Internal invalid JSON at offset 2: unknown escape false"},
        {"e(json.decode('\"\\\\u12g4\"'))",
         "nil Internal invalid JSON at offset 5: expected four hexadecimal digits false"},
        {"e(json.decode('\"\\\\u12'))",
         "nil Internal invalid JSON at offset 5: unexpected end false"},
        {"e(json.decode('\"\\\\'))", "nil Internal invalid JSON at offset 2: unexpected end false"},
        {"e(json.decode('\"abc'))", "nil Internal invalid JSON at offset 4: unexpected end false"},
        {"e(json.decode('[1e999 ]'))",
         "nil Internal invalid JSON at offset 1: number out of range false"},
        {"e(json.decode(('['):rep(201)))",
         "nil Invalid invalid JSON at offset 201: nesting too deep false"},
        {"e(json.decode(\"{'a':1}\"))",
         "nil Internal invalid JSON at offset 1: expected a key false"},
        {"e(json.decode('[1] // x'))",
         "nil Internal invalid JSON at offset 4: expected the end false"},
    };
    ROWS("local function e(v, err) t.out(v, err and err:kind(), err and err:message(),"
         " err and err:retryable()) end",
         table);
}

TEST(test_json_validate)
{
    static const json_row table[] = {
        {"v(person, {name = 'Ann', age = 30})", "true"},
        {"v(person, {name = 'Ann'})", "true"},
        {"v(person, {age = 30})",
         "false Invalid validation failed: missing required property 'name' false"},
        {"v(person, {name = 5})",
         "false Invalid validation failed: at /name: expected string, got number false"},
        {"v(person, {name = ''})",
         "false Invalid validation failed: at /name: length is less than 1 false"},
        {"v(person, {name = '12345678901'})",
         "false Invalid validation failed: at /name: length is greater than 10 false"},
        {"v(person, {name = ('\xc3\xbc'):rep(10)})", "true"},
        {"v(person, {name = 'A', age = -1})",
         "false Invalid validation failed: at /age: value is less than 0 false"},
        {"v(person, {name = 'A', age = 151})",
         "false Invalid validation failed: at /age: value is greater than 150 false"},
        {"v(person, {name = 'A', age = 1.5})",
         "false Invalid validation failed: at /age: expected integer, got number false"},
        {"v(person, {name = 'A', age = 3.0})", "true"},
        {"v(person, {name = 'A', tags = {'a', 'b'}})", "true"},
        {"v(person, {name = 'A', tags = {'a', 5}})",
         "false Invalid validation failed: at /tags/1: expected string, got number false"},
        {"v(person, {name = 'A', tags = {}})", "true"},
        {"v(person, {name = 'A', role = 'admin'})", "true"},
        {"v(person, {name = 'A', role = 'root'})",
         "false Invalid validation failed: at /role: value is not one of the values allowed false"},
        {"v(person, 'x')", "false Invalid validation failed: expected object, got string false"},
        {"v(person, {1, 2})", "false Invalid validation failed: expected object, got array false"},
        {"v(person, nil)", "false Invalid data is required false"},
        {"v(nil, {})", "false Invalid schema is required false"},
        {"v('', {})", "false Invalid schema is required false"},
        {"v(5, {})", "false Invalid invalid schema: table or JSON text expected false"},
        {"v('{', {})",
         "false Invalid invalid schema: invalid JSON at offset 1: unexpected end false"},
        {"v('{\"type\": \"object\", \"required\": [\"a\"]}', {a = 1})", "true"},
        {"v('{\"type\": \"object\", \"required\": [\"a\"]}', {b = 1})",
         "false Invalid validation failed: missing required property 'a' false"},
        {"v({type = {'string', 'null'}}, 'x')", "true"},
        {"v({type = {'string', 'null'}}, 5)",
         "false Invalid validation failed: number is none of the types allowed false"},
        {"v({type = 'boolean'}, true)", "true"},
        {"v({}, {anything = 1})", "true"},
        {"v({enum = {1, {a = 1}}}, {a = 1})", "true"},
        {"v({properties = {a = {type = 'string'}}, additionalProperties = false}, {a = 'x', b = "
         "1})",
         "false Invalid validation failed: unknown property 'b' false"},
        {"v({minItems = 2}, {1})",
         "false Invalid validation failed: number of items is less than 2 false"},
        {"v({properties = {a = {properties = {b = {type = 'string'}, c = {minimum = 3}}}}},"
         " {a = {b = 'x', c = 1}})",
         "false Invalid validation failed: at /a/c: value is less than 3 false"},
    };
    rows("local function v(s, d) local ok, err = json.validate(s, d) if ok then t.out(ok) else"
         " t.out(ok, err:kind(), err:message(), err:retryable()) end end"
         " local person = {type = 'object', required = {'name'}, properties = {"
         " name = {type = 'string', minLength = 1, maxLength = 10},"
         " age = {type = 'integer', minimum = 0, maximum = 150},"
         " tags = {type = 'array', items = {type = 'string'}},"
         " role = {enum = {'admin', 'user'}}}}",
         table, TEST_COUNT(table));
    module_program("json",
                   "local s = {} s.properties = {a = s} local d = {} d.a = d"
                   " local ok, err = json.validate(s, d) t.out(ok, err:message():sub(-16))",
                   "false nesting too deep\n");
}

TEST(test_json_validate_string)
{
    static const json_row table[] = {
        {"v({type = 'object'}, '{\"a\": 1}')", "true"},
        {"v({type = 'array'}, '{\"a\": 1}')",
         "false Invalid validation failed: expected array, got object"},
        {"v({type = 'null'}, 'null')", "true"},
        {"v({type = 'object'}, 'null')", "false Invalid validation failed: expected object, got null"},
        {"local n = ('n'):rep(400) local ok, err = json.validate_string({properties = {[n] = {type ="
         " 'string'}}}, '{\"' .. n .. '\": 1}') t.out(ok, err:message():sub(-27))",
         "false expected string, got number"},
        {"v({type = 'object'}, '')", "false Invalid data is required"},
        {"v({type = 'object'}, nil)", "false Invalid data is required"},
        {"v({type = 'object'}, {})", "false Invalid string expected"},
        {"v(nil, '{}')", "false Invalid schema is required"},
        {"v({}, '{')", "false Invalid validation failed: invalid JSON at offset 1: unexpected end"},
        {"v('{\"type\":\"number\"}', '5')", "true"},
    };
    ROWS("local function v(s, d) local ok, err = json.validate_string(s, d) if ok then t.out(ok) "
         "else"
         " t.out(ok, err:kind(), err:message()) end end",
         table);
}

TEST(test_json_floats_read_back_as_they_were)
{
    module_program(
        "json",
        "local bad = 0 local x = 0x1p-1074 while x < 1/0 do for _, y in ipairs{x, x * 1.1,"
        " x / 3, -x * 1.7} do local s = json.encode(y)"
        " if tonumber(s) + 0.0 ~= y then bad = bad + 1 end end x = x * 7.3 end t.out(bad)",
        "0\n");
}

/* Damaged text gives a value or an error, and what it gives can be written again. */
TEST(test_json_damaged_text_is_a_value_or_an_error)
{
    char body[1024];
    snprintf(
        body, sizeof(body),
        "math.randomseed(%llu) local good = '{\"a\": [1, -2.5e3, \"x\\\\u00e9\\\\n\", true, null,"
        " {\"b\": {}}], \"c\": \"\\xc3\\xbc\"}' local odd = 0 for i = 1, %u do local s = good"
        " for j = 1, math.random(1, 4) do local at = math.random(1, #s) local r = math.random(3)"
        " if r == 1 then s = s:sub(1, at - 1) .. string.char(math.random(0, 255)) .. s:sub(at + 1)"
        " elseif r == 2 then s = s:sub(1, at - 1) .. s:sub(at + 1)"
        " else s = s:sub(1, at) .. s:sub(at) end end"
        " local v, err = json.decode(s) if err then if v ~= nil then odd = odd + 1 end"
        " elseif type(v) == 'table' then local t, e = json.encode(v)"
        " if not t and e:kind() ~= 'Internal' then odd = odd + 1 end end end t.out(odd)",
        (unsigned long long)(test_seed() >> 1), test_scale(5000));
    module_program("json", body, "0\n");
}

/* The stack of a coroutine moves when it grows, at another depth each time. Lua 5.4.4 does not survive
   an open buffer then. */
/* Sequences at the ends of their ranges: what is no UTF-8 becomes a replacement, byte by byte. */
TEST(test_json_encode_replaces_what_is_no_utf8)
{
#define BAD "\xef\xbf\xbd"
    static const json_row table[] = {
        {"t.out(json.encode('\\xc2') , json.encode('\\xe2\\x82'), json.encode('\\xe2\\x41\\x82'))",
         "\"" BAD "\" \"" BAD BAD "\" \"" BAD "A" BAD "\""},
        {"t.out(json.encode('\\xe0\\x9f\\xbf'), json.encode('\\xe0\\xa0\\x80'))",
         "\"" BAD BAD BAD "\" \"\xe0\xa0\x80\""},
        {"t.out(json.encode('\\xf0\\x8f\\xbf\\xbf'), json.encode('\\xf0\\x90\\x80\\x80'))",
         "\"" BAD BAD BAD BAD "\" \"\xf0\x90\x80\x80\""},
        {"t.out(json.encode('\\xf4\\x90\\x80\\x80'), json.encode('\\xf4\\x8f\\xbf\\xbf'))",
         "\"" BAD BAD BAD BAD "\" \"\xf4\x8f\xbf\xbf\""},
        {"t.out(json.encode('\\xf5\\x80'), json.encode('\\xed\\x9f\\xbf'))",
         "\"" BAD BAD "\" \"\xed\x9f\xbf\""},
    };
#undef BAD
    ROWS("", table);
}

TEST(test_json_numbers_escapes_and_ends)
{
    static const json_row table[] = {
        {"t.out(json.decode('\\t1\\r\\n '), json.decode('-0'), json.decode('1E5'), json.decode('1e+2'), "
         "json.decode('25e-1'), json.decode('0.5'))",
         "1 0 100000 100 2.5 0.5"},
        {"t.out(json.decode('\"\\\\u00e9\\\\u00C9\\\\uD83D\\\\uDE00\"'))",
         "\xc3\xa9\xc3\x89\xf0\x9f\x98\x80"},
        {"for _, bad in ipairs{'-', '01', '1.', '1e', '1e+', '.5', '+1', '\"\\\\u12\"', '\"\\\\u12g4\"', "
         "'\"\\\\', '\"\\\\q\"', '{\"a\" 1}', '{\"a\"', '{1:2}', '1 2', '[1', '[1,', '[,]', 'tru', "
         "'nul', '\"\\\\uD800\\\\u12\"', '\"\\\\uD800\\\\u\"', ''} do "
         "local v, err = json.decode(bad) if v ~= nil or not err then t.out('accepted', bad) end end "
         "t.out('none')",
         "none"},
    };
    ROWS("", table);
}

TEST(test_json_validate_every_kind_of_value)
{
    static const json_row table[] = {
        {"t.out((json.validate_string({type = 'null'}, 'null')), "
         "(json.validate_string({type = {'string', 'null'}}, ' null '))) v({type = 'string'}, true)",
         "true true\nfalse"},
        {"v({type = 'object'}, {[1] = 1, [3] = 3}) v({type = 'array'}, {a = 1, [1] = 1})",
         "false\nfalse"},
        {"v({type = 'integer'}, 2.0) v({type = 'integer'}, 2.5) v({type = 'integer'}, 1/0) "
         "v({type = 'integer'}, 'x') v({type = 'number'}, 2.5)",
         "true\nfalse\nfalse\nfalse\ntrue"},
        {"v({type = {'string', 'null'}}, 'a') v({type = {'string', 'boolean'}}, {}) v({type = 'array'}, {}) "
         "v({type = 'object'}, {}) v({type = 'string'}, {})",
         "true\nfalse\ntrue\ntrue\nfalse"},
        {"v({enum = {1, 'a', {1, 2}}}, {1, 2}) v({enum = {1}}, 2) v({enum = {{1, nil, 3}}}, {1}) "
         "v({enum = {1}}, {[1] = 1, [5] = 2})",
         "true\nfalse\nfalse\nfalse"},
        {"v({required = {'a', 'b'}}, {a = 1}) v({required = {'a'}}, {a = 1}) v({required = {}}, {})",
         "false\ntrue\ntrue"},
        {"v({additionalProperties = false}, {a = 1}) v({additionalProperties = true}, {a = 1}) "
         "v({additionalProperties = false}, {}) "
         "v({additionalProperties = false, properties = {a = {type = 'number'}}}, {a = 1}) "
         "v({additionalProperties = false, properties = {a = {}}}, {b = 1})",
         "false\ntrue\ntrue\ntrue\nfalse"},
        {"v({properties = {1, 2}}, {a = 1}) v({properties = {a = true}}, {a = 1}) "
         "v({properties = {a = {type = 'string'}}}, {a = 1}) v({properties = {a = {type = 'string'}}}, {})",
         "true\ntrue\nfalse\ntrue"},
    };
    ROWS("local function v(schema, value) t.out((json.validate(schema, value))) end", table);
}

TEST(test_json_long_string_that_breaks_off_is_an_error_at_any_depth)
{
    module_program("json",
                   "local text = '\"\\\\u0041' .. ('x'):rep(3000) .. '\\\\q\"' local bad = 0 "
                   "for depth = 0, 190 do coroutine.wrap(function() "
                   "local v, err = json.decode(('['):rep(depth) .. text) "
                   "local ok, why = json.validate(('['):rep(depth) .. text, 1) "
                   "if v ~= nil or not err or not why then bad = bad + 1 end end)() end t.out(bad)",
                   "0\n");
}

TEST_MAIN(TEST_ENTRY(test_json_encode_values), TEST_ENTRY(test_json_encode_errors),
          TEST_ENTRY(test_json_decode_values), TEST_ENTRY(test_json_decode_errors),
          TEST_ENTRY(test_json_validate), TEST_ENTRY(test_json_validate_string),
          TEST_ENTRY(test_json_floats_read_back_as_they_were),
          TEST_ENTRY(test_json_encode_replaces_what_is_no_utf8),
          TEST_ENTRY(test_json_numbers_escapes_and_ends),
          TEST_ENTRY(test_json_validate_every_kind_of_value),
          TEST_ENTRY(test_json_damaged_text_is_a_value_or_an_error),
          TEST_ENTRY(test_json_long_string_that_breaks_off_is_an_error_at_any_depth))
