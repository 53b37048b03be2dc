/* ========================================================================== >>test_mod_payload
   The global `payload` and the module `uuid`. */
#include "module_kit.h"

TEST(test_payload_formats)
{
    module_program(
        "",
        "local f = payload.format t.out(f.JSON, f.YAML, f.STRING, f.BYTES, f.MSGPACK, f.LUA,"
        " f.GOLANG, f.ERROR, f.NONE) t.out((pcall(function() f.JSON = 1 end)),"
        " require('payload') == payload)",
        "json/plain yaml/plain text/plain application/octet-stream application/msgpack"
        " lua/any golang/any golang/error nil\nfalse true\n");
}

TEST(test_payload_new)
{
    module_program("",
                   "local p = payload.new('x') t.out(type(p), tostring(p), p:get_format())"
                   " t.out(p:data()) t.out(p:unmarshal()) t.out(payload.new(nil):data())"
                   " t.out(payload.new():get_format()) local q = payload.new{a = 1}"
                   " t.out(q:data().a, q:unmarshal().a, q:data() == q:data())"
                   " local e = payload.new(errors.new('bad')) t.out(e:get_format(), e:data())",
                   "userdata payload{format=lua/any} lua/any\nx nil\nx nil\nnil nil\nlua/any\n"
                   "1 1 true\ngolang/error bad nil\n");
}

TEST(test_payload_transcode_json)
{
    module_program(
        "",
        "local F = payload.format local p = payload.new{b = {1, 2}, a = 'x'}"
        " local j = p:transcode(F.JSON) t.out(j:get_format(), tostring(j), (j:data()))"
        " local l = j:transcode(F.LUA) t.out(l:get_format(), l:data().a, l:data().b[2])"
        " t.out((j:transcode(F.STRING):data())) t.out(payload.new(nil):transcode(F.JSON):data())"
        " t.out(payload.new('s'):transcode(F.BYTES):get_format())"
        " t.out(payload.new('s'):transcode(F.LUA):data())",
        "json/plain payload{format=json/plain} {\"a\":\"x\",\"b\":[1,2]}\nlua/any x 2\n"
        "{\"a\":\"x\",\"b\":[1,2]}\nnull nil\napplication/octet-stream\ns nil\n");
}

TEST(test_payload_transcode_errors)
{
    module_program(
        "",
        "local F = payload.format local function e(v, err)"
        " t.out(v, err:kind(), err:message(), err:retryable()) end"
        " e(payload.new(1):transcode(F.MSGPACK)) e(payload.new(1):transcode(F.YAML))"
        " e(payload.new(print):transcode(F.JSON)) e(payload.new{}:transcode(F.STRING))"
        " e(payload.new(1):transcode('no/such')) t.out((pcall(function()"
        " payload.new(1):transcode() end)), (pcall(payload.new(1).transcode, 5, F.JSON)))",
        "nil Internal cannot transcode lua/any to application/msgpack false\n"
        "nil Internal cannot transcode lua/any to yaml/plain false\n"
        "nil Internal cannot encode function to JSON false\n"
        "nil Internal cannot transcode lua/any to text/plain false\n"
        "nil Internal unknown payload format: no/such false\nfalse false\n");
    /* every format from every other: a payload of the same value, or a refusal that names both */
    module_program(
        "",
        "local F, odd = payload.format, 0 for _, from in pairs(F) do for _, to in pairs(F) do"
        " for _, v in ipairs{'[1]', 5, {1}, errors.new('bad')} do"
        " local p, err = payload.new(v):transcode(from) if p then local q, e = p:transcode(to)"
        " if q then if q:get_format() ~= to then odd = odd + 1 end"
        " elseif e:kind() ~= 'Internal' then odd = odd + 1 end"
        " elseif err:kind() ~= 'Internal' then odd = odd + 1 end end end end t.out(odd)",
        "0\n");
    module_program(
        "",
        "local F = payload.format local j = payload.new{a = {1}}:transcode(F.JSON)"
        " t.out(j:unmarshal().a[1], j:transcode(F.GOLANG):data().a[1], j:transcode(F.GOLANG):get_format())"
        " local e = payload.new(errors.new('bad')) t.out((e:transcode(F.STRING):data()))"
        " t.out((e:transcode(F.LUA):data()), (e:transcode(F.JSON):data()))"
        " local m, err = j:transcode(F.MSGPACK) t.out(m, err) m, err = j:transcode(F.YAML) t.out(m, err)"
        " t.out((pcall(payload.new(1).unmarshal, 5)))",
        "1 1 golang/any\nbad\nbad \"bad\"\nnil cannot transcode json/plain to application/msgpack\n"
        "nil cannot transcode json/plain to yaml/plain\nfalse\n");
}

TEST(test_uuid_v4_and_v7)
{
    module_program(
        "uuid time",
        "local seen, bad = {}, 0 for i = 1, 2000 do local u = uuid.v4()"
        " if seen[u] or not u:match('^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$')"
        " or #u ~= 36 then bad = bad + 1 end seen[u] = true end t.out(bad)"
        " local v = uuid.v7() t.out(#v, v:sub(15, 15), v:sub(20, 20):match('[89ab]') ~= nil)"
        " local ms = tonumber(v:sub(1, 8) .. v:sub(10, 13), 16)"
        " t.out(math.abs(ms - time.now():unix_nano() // 1000000) < 5000, uuid.v4() ~= uuid.v4())",
        "0\n36 7 true\ntrue true\n");
}

TEST_MAIN(TEST_ENTRY(test_payload_formats), TEST_ENTRY(test_payload_new),
          TEST_ENTRY(test_payload_transcode_json), TEST_ENTRY(test_payload_transcode_errors),
          TEST_ENTRY(test_uuid_v4_and_v7))
