/* The libraries of the sandbox: against stock Lua where they promise the same, by themselves where not. */
#include "sandbox_kit.h"

/* ------------------------------------------------------------------ against stock Lua */

typedef struct stock {
    kit memory; /* of which only the allocator is used */
    lua_State *L;
    char text[4096];
} stock;

static void stock_open(stock *s)
{
    memset(s, 0, sizeof(*s));
    s->L = lua_newstate(kit_alloc, &s->memory);
    luaL_openlibs(s->L);
}

/* "ok: values" or "error". */
static const char *describe_run(lua_State *L, const char *code, char *text, size_t room)
{
    lua_settop(L, 0);
    if (luaL_loadbuffer(L, code, strlen(code), "=t") != LUA_OK) {
        snprintf(text, room, "does not compile: %s", lua_tostring(L, -1));
        return text;
    }
    bool failed = lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK;
    size_t at = (size_t)snprintf(text, room, "%s", failed ? "error:" : "ok:");
    int count = failed ? 0 : lua_gettop(L);
    for (int i = 1; i <= count && at < room; i++) {
        size_t size = 0;
        const char *value = luaL_tolstring(L, i, &size);
        at += (size_t)snprintf(text + at, room - at, " ");
        for (size_t byte = 0; byte < size && at + 4 < room; byte++) {
            bool printable = value[byte] >= ' ' && value[byte] <= '~';
            at += (size_t)snprintf(text + at, room - at, printable ? "%c" : "\\%d",
                                   printable ? value[byte] : (unsigned char)value[byte]);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, 0);
    return text;
}

static const char *const same_as_stock[] = {
    /* string */
    "return ('x'):rep(3), ('x'):rep(3, ','), ('ab'):rep(0), ('ab'):rep(-1), (''):rep(5, '-')",
    "return string.rep('abc', 7, ', '), ('x'):rep(1, 'gap'), #('ab'):rep(1000, '--')",
    "return string.rep('x', 1 << 62)",
    "return string.rep('xx', math.maxinteger)",
    "return string.rep()",
    "return string.rep('x')",
    "return string.rep({}, 1)",
    "return ('hello'):sub(2, 3), ('hello'):sub(-3), ('hello'):sub(0), ('hello'):sub(4, 2)",
    "return ('hello'):sub(-100, 100), ('hello'):sub(math.mininteger, math.maxinteger)",
    "return ('hello'):sub(6), ('hello'):sub(5, 5), ('hello'):sub(2, -2), ('hello'):sub(1.0)",
    "return ('hello'):sub('2')",
    "return ('hello'):sub(1.5)",
    "return ('hello'):sub()",
    "return ('hello'):byte(), ('hello'):byte(-1), ('hello'):byte(10), ('hello'):byte(2, 4)",
    "return ('hello'):byte(0), ('hello'):byte(0, 2), ('hello'):byte(3, -1), (''):byte()",
    "return string.char(), string.char(72, 105), string.char(0, 255)",
    "return string.char(256)",
    "return string.char(-1)",
    "return string.char('x')",
    "return ('MiXed 123 ['):lower(), ('MiXed 123 {'):upper(), ('abc'):reverse(), (''):reverse()",
    "return ('x'):len(), #'\\0\\1', ('a\\0b'):reverse(), (12):rep(2)",
    "return string.len(12), string.upper(1.5), string.len(true)",
    "return string.format('%5d|%-5s|%05.1f|%x|%q|%%|%c|%i|%g', 42, 'ab', 3.14159, 255, 'a\\nb', "
    "65, "
    "7, 1e20)",
    "return string.format('%d', 3.0)",
    "return string.format('%d', 3.5)",
    "return string.format('%d', '10')",
    "return string.format('%s %s', 1)",
    "return string.format('%s|%10s|%.2s', nil, true, 'abc')",
    "return string.format('%y', 1)",
    "return string.format('%s', setmetatable({}, {__tostring = function() return 'T!' end}))",
    "return string.format('%s', setmetatable({}, {__tostring = function() return {} end}))",
    /* arithmetic on strings */
    "return '10' + 1, '0x10' * 2, '3' // '2', '7' % '4', '2' ^ '3', '1' / '4', '5' - '6', -'2'",
    "return '1e1' + 0, ' 5 ' + 1, 10 .. 20",
    "return 'abc' + 1",
    "return 1 + 'abc'",
    "return -'x'",
    "return {} + '1'",
    "return '1' + {}",
    "return '10' + nil",
    "return '10' < 5",
    "return '10' + setmetatable({}, {__add = function(a, b) return a .. '+obj' end})",
    "return setmetatable({}, {__mul = function(a, b) return 'obj*' .. b end}) * '4'",
    "return 'x' == 'x', 'a' < 'b', 'Z' < 'a', '' < 'a', 'a\\0b' < 'a\\0c'",
    /* tonumber, tostring, select, type */
    "return tonumber('z', 36), tonumber('-ff', 16), tonumber('8', 8), tonumber('', 10)",
    "return tonumber(' 11 ', 2), tonumber('7fffffffffffffff', 16), tonumber('1e1'), tonumber('0x')",
    "return tonumber('ffffffffffffffffff', 16), tonumber('1.5', 10), tonumber('- 1', 10)",
    "return tonumber('10', 1)",
    "return tonumber('10', 37)",
    "return tonumber(10, 16)",
    "return tonumber()",
    "return tonumber(nil)",
    "return tonumber({}), tonumber('1 2')",
    "return tonumber('0x1p4'), tonumber('inf'), tonumber('nan'), tonumber('1\\0')",
    "return tonumber('\\t 12 \\n'), tonumber('1_000'), tonumber('Z', 36), tonumber('+5', 10)",
    "return tostring(1), tostring(1.0), tostring(-0.0), tostring(1e15), tostring(2^53)",
    "return tostring(nil), tostring(true), tostring('x'), tostring(1e100), tostring(10 // 3.0)",
    "return tostring()",
    "return tostring(setmetatable({}, {__tostring = function() return 1 end}))",
    "return tostring(setmetatable({}, {__tostring = function() return {} end}))",
    "return #tostring(setmetatable({}, {__name = 'Kind'})) > 10",
    "return select('#'), select('#', nil, nil), select(2, 'a', 'b', 'c'), select(-1, 'a', 'b')",
    "return select(-2, 'a', 'b', 'c')",
    "return select(0)",
    "return select(-5, 1)",
    "return select(10, 1)",
    "return select('x', 1)",
    "return type(nil), type(type), type({})",
    "return type()",
    "return rawequal({}, {}), rawequal('a', 'a'), rawequal(1, 1.0)",
    "return assert(1, 2, 3)",
    "return assert(false)",
    "return assert(nil, 'm')",
    "return assert()",
    "return pcall(assert, false, 'm')",
    "return pcall(assert, nil, {}) == false",
    "return select(2, pcall(function() assert(false) end))",
    "return select(2, pcall(function() error('x') end))",
    "return select(2, pcall(function() error('x', 0) end))",
    "return select(2, pcall(function() error('x', 2) end))",
    "return select(2, pcall(function() error() end))",
    "return pcall(error, nil)",
    "return select(2, pcall(function() local t = nil; t.x = 1 end))",
    "return pcall(pcall, error, 'e')",
    "return pcall(function(...) return ... end, 1, 2)",
    "return xpcall(function(...) return ... end, print, 1, 2)",
    "return xpcall(error, function(m) return m .. '!' end, 'x')",
    "return xpcall(error, function(m) error(m) end, 'x')",
    "return xpcall(function() local x = nil + 1 end, function(m) return (m:gsub('^.-:%d+: ', '')) "
    "end)",
    /* pairs, next */
    "local n = 0 for k, v in pairs({1, 2, a = 3}) do n = n + v end return n",
    "local t = {} for i, v in ipairs({1, 2, nil, 4}) do t[#t + 1] = v end return #t",
    "return next({}), next({5}), next({5}, 1)",
    "return next({}, 'nokey')",
    "return next()",
    "for k, v in pairs(setmetatable({}, {__pairs = function(t) return function(_, k) if not k then "
    "return 1, 2 end end, t, nil end})) do return k, v end",
    "local p = setmetatable({}, {__index = function(t, i) if i < 4 then return i * 10 end end}) "
    "local s = 0 for i, v in ipairs(p) do s = s + v end return s",
    "for k in pairs(nil) do end",
    "return ipairs()",
    "local a, b, c = ipairs({}) return c",
    "return rawget(setmetatable({}, {__index = {x = 1}}), 'x'), rawget({5}, 1)",
    "return rawget(1, 1)",
    "local t = setmetatable({}, {__newindex = error}) rawset(t, 'a', 1) return t.a, rawget(t, 'a')",
    "return rawset({}, nil, 1)",
    "return getmetatable({}), getmetatable(setmetatable({}, {__metatable = 5}))",
    "return setmetatable({}, 1)",
    "return setmetatable(1, {})",
    "return setmetatable(setmetatable({}, {__metatable = 1}), {})",
    "local mt = {} return getmetatable(setmetatable({}, mt)) == mt, setmetatable({}, nil) ~= nil",
    /* table */
    "local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) table.insert(t, 3, 'x') "
    "return table.concat(t, ',')",
    "return table.insert({1, 2}, 5, 1)",
    "return table.insert({1, 2})",
    "return table.insert({}, 1, 2, 3)",
    "return table.insert({}, 0, 1)",
    "return table.insert(nil, 1)",
    "return table.insert({1}, 'x', 1)",
    "local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), #t, table.remove({}), #t",
    "return table.remove({}, 0), table.remove({1, 2}, 3), table.remove({}, 1)",
    "return table.remove({1, 2}, 7)",
    "local t = {[0] = 'z'} return table.remove(t, 0), t[0]",
    "return table.concat({}), table.concat({1, 2.5, 'x'}), table.concat({1, 2, 3}, '-', 2, 3)",
    "return table.concat({1, 2}, ',', 3), table.concat({1, 2, 3}, ', ', 1, 2)",
    "return table.concat({1, {}, 3})",
    "return table.concat({1}, ',', 1, 2)",
    "return table.concat(1)",
    "return table.concat({[math.maxinteger] = 'x'}, ',', math.maxinteger, math.maxinteger)",
    "return table.unpack({1, 2, 3}), table.unpack({1, 2, 3}, 2), table.unpack({}, 1, 3)",
    "return table.unpack({1, 2}, -1, 1)",
    "return table.unpack({}, 1, 1e8)",
    "return table.unpack({}, 2, 1)",
    "return table.unpack({}, math.mininteger, math.maxinteger)",
    "local t = table.pack(1, nil, 3, nil) return t.n, t[1], t[2], t[3]",
    "return table.pack().n",
    "return table.concat(table.move({1, 2, 3}, 1, 3, 2), ',')",
    "return table.concat(table.move({1, 2, 3}, 2, 3, 1), ',')",
    "return table.concat(table.move({1, 2, 3}, 1, 3, 3, {9, 9}), ',')",
    "return table.concat(table.move({1, 2, 3}, 1, 0, 5), ',')",
    "return table.move({}, 1, 2, math.maxinteger)",
    "return table.move({}, math.mininteger, math.maxinteger, 1)",
    "local p = setmetatable({}, {__len = function() return 3 end, __index = function(_, i) return "
    "i end})"
    " return table.concat(p, ','), table.unpack(p)",
    "local log = {} local p = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = k "
    "rawset(t, k, v) end}) table.insert(p, 'a') table.insert(p, 'b') return #log, log[1], log[2]",
    "local t = {5, 3, 1, 4, 2} table.sort(t) return table.concat(t, ',')",
    "local t = {5, 3, 1, 4, 2} table.sort(t, function(a, b) return a > b end) return "
    "table.concat(t, ',')",
    "local t = {'b', 'a', 'c', 'B'} table.sort(t) return table.concat(t, ',')",
    "local t = {3, 1.5, 2, -1, 0.0} table.sort(t) return table.concat(t, ',')",
    "local t = {0.5, -0.5, 1e300, -1e300, 1/0, -1/0, 2.5} table.sort(t) return table.concat(t, "
    "',')",
    "local t = {math.maxinteger, math.mininteger, 0, -1, 1} table.sort(t) return table.concat(t, "
    "',')",
    "local t = {} for i = 1, 200 do t[i] = (i * 7919) % 1009 end table.sort(t) return "
    "table.concat(t, ',')",
    "local t = {} for i = 1, 200 do t[i] = (i * 7919) % 1009 + 0.25 end table.sort(t) return "
    "table.concat(t, ',')",
    "local t = {} for i = 1, 300 do t[i] = 'k' .. (i * 7919) % 1009 end table.sort(t) return "
    "table.concat(t, ',')",
    "local t = {} for i = 1, 300 do t[i] = {k = (i * 7919) % 1009} end table.sort(t, function(a, "
    "b) "
    "return a.k < b.k end) local s = '' for i = 1, 300 do s = s .. t[i].k .. ' ' end return s",
    "return table.sort({1, 'x'})",
    "return table.sort({1, 2, {}})",
    "return table.sort({1}, 5)",
    "return table.sort({3, 2, 1}, function(a, b) error('stop') end)",
    "return table.sort({1, 2, 3, 5, 4, 7, 6, 9, 8}, function() return true end)",
    "local n = 0 return table.sort(setmetatable({}, {__len = function() return 1 << 33 end}))",
    "local t = setmetatable({3, 2, 1}, {__lt = 1}) table.sort(t) return table.concat(t, ',')",
    "local mt = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 20 do t[i] = "
    "setmetatable({v = (i * 7) % 11}, mt) end table.sort(t) local s = '' for _, o in ipairs(t) do "
    "s = s .. "
    "o.v end return s",
    "table.sort({}) table.sort({1}) return 'ok'",
    "return table.sort()",
    "return table.concat(table.move({1, 2, 3}, 1, 2, 5), ',', 5, 6)",
    "local t = {1, 2, 3, 4} return table.concat(table.move(t, 1, 3, 2, t), ','), "
    "table.concat(table.move(t, 2, 4, 1, t), ',')",
    "local t = {9} return table.concat(table.move({1, 2, 3}, 1, 3, 2, t), ',')",
    "return tonumber('\v7 ', 8), tonumber('\f 7', 8), tonumber('7\r', 8), tonumber('\b7', 8), tonumber('7\14', 8)",
    "return tonumber('{', 36), tonumber('[', 36), tonumber('@', 36), tonumber('`', 36), tonumber(':', 36)",
    "return pcall(error, 'far up', 1000)",
    "return pcall(error, 'far up', -1)",
    "return table.unpack()",
    /* math */
    "return math.abs(-5), math.abs(-5.5), math.abs(math.mininteger), math.abs('-3')",
    "return math.ceil(1.2), math.ceil(-1.2), math.ceil(5), math.ceil(1e300), math.ceil('2.5')",
    "return math.floor(1.7), math.floor(-1.7), math.floor(5), math.floor(-1e300), math.floor(0/0) "
    "~= 0",
    "return math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(7.5, 2), math.fmod(-6, "
    "2)",
    "return math.fmod(math.mininteger, -1), math.fmod(5, math.mininteger)",
    "return math.fmod(1, 0)",
    "return math.fmod(1, 1/0), tostring(math.fmod(1, 0.0)):gsub('-', '')",
    "return math.modf(-0.3), math.ceil(-0.3), math.floor(-0.0), 1 / math.modf(-0.0)",
    "return math.modf(3.7), math.modf(-3.7), math.modf(5), math.modf(1/0), math.modf(-1/0)",
    "return select(2, math.modf(-3.5)), select(2, math.modf(5)), math.modf(0/0) ~= 0",
    "return math.tointeger(3.0), math.tointeger(3.5), math.tointeger(7), math.tointeger(2^63)",
    "return math.tointeger('8')",
    "return math.tointeger('x')",
    "return math.tointeger({})",
    "return math.tointeger()",
    "return math.type(1), math.type(1.0), math.type('1'), math.type(nil)",
    "return math.type()",
    "return math.max(1, 2.5, 2), math.min(3, 1, 2), math.max(1), math.max(2, 2.0), math.min(2.0, "
    "2)",
    "return math.max()",
    "return math.max('a')",
    "return math.max(1, {})",
    "return math.max('10', 9)",
    "return math.ult(1, -1), math.ult(-1, 1), math.ult(1, 2)",
    "return math.ult(1.5, 2)",
    "return math.sqrt(16), math.sin(0), math.cos(0), math.tan(0), math.exp(0), math.log(1)",
    "return math.log(8, 2), math.log(1000, 10), math.log(27, 3), math.log(2, 0.5)",
    "return math.asin(1), math.acos(1), math.atan(1), math.atan(1, -1), math.atan(-1, -1)",
    "return math.deg(math.pi), math.rad(180), math.pi, math.huge, -math.huge",
    "return math.maxinteger, math.mininteger, math.sqrt('4'), math.sqrt(-1) ~= 0",
    "return math.sqrt()",
    "return math.random(0) ~= nil, math.random() < 1, math.random(5) <= 5, math.random(3, 3)",
    "return math.random(2, 1)",
    "return math.random(0.5)",
    "return math.random(1, 2, 3)",
    "return math.random(-5)",
    "math.randomseed(42) local a = math.random(1000) math.randomseed(42) return a == "
    "math.random(1000)",
    "return math.randomseed('x')",
    "for i = 1, 1000 do local x = math.random(-3, 3) assert(x >= -3 and x <= 3) end return 'ok'",
    "return math.type(math.random(math.mininteger, math.maxinteger))",
    /* patterns */
    "return ('hello world'):find('o w'), ('hello'):find('l+'), ('hello'):find('xyz'), "
    "('hello'):find('')",
    "return ('hello'):find('', 10), ('hello'):find('', 6), ('hello'):find('l', -2), "
    "('hello'):find('h', -100)",
    "return ('a+b'):find('+', 1, true), ('a.b'):find('.', 2, true), ('a+b'):find('a+b'), "
    "('aab'):find('a+b')",
    "return ('abc'):find('b', 1, true), ('abc'):find('', 1, true), ('abc'):find('abcd', 1, true)",
    "return ('key = value'):match('^(%w+)%s*=%s*(%w+)$'), ('  x '):match('^%s*(.-)%s*$')",
    "return ('2024-01-02'):match('(%d+)-(%d+)-(%d+)'), ('abc'):match('()b()'), ('abc'):match('b')",
    "return ('THE (quick) fox'):find('%((%a+)%)'), ('f(a(b)c)d'):match('%b()'), "
    "('((x)'):match('%b()')",
    "return ('THE quick'):gsub('%f[%a]%a+', string.lower), ('x'):find('%f[%z]'), ('x "
    "y'):match('%f[y]y')",
    "return ('abcabc'):gsub('b', 'X'), ('abcabc'):gsub('b', 'X', 1), ('abc'):gsub('', '-'), "
    "('abc'):gsub('.', '%0%0')",
    "return ('hello world'):gsub('o', {o = '0'}), ('hello'):gsub('l', function() return nil end)",
    "return ('hello'):gsub('(h)(e)', '%2%1'), ('abc'):gsub('%w', '%%%0'), ('abc'):gsub('b*', '.')",
    "return ('abc'):gsub('^a', 'x'), ('aaa'):gsub('^a', 'x'), ('$name'):gsub('%$(%w+)', {name = "
    "'v'})",
    "return ('abc'):gsub('x', '%9')",
    "return ('abc'):gsub('b', '%9')",
    "return ('abc'):gsub('b', '%z')",
    "return ('abc'):gsub('b', '%')",
    "return ('abc'):gsub('b', true)",
    "return ('abc'):gsub('b')",
    "return ('abc'):gsub('b', function() return {} end)",
    "return ('abc'):gsub('b', {b = true})",
    "return ('abc'):gsub('(b', 'x')",
    "return ('abc'):gsub('()', '%1')",
    "return ('abc'):gsub('b', 5)",
    "return ('abc'):gsub('(.)', '%1%1', -1), ('abc'):gsub('.', 'x', 0)",
    "return ('a b'):gsub('%s', '%%20')",
    "return ('x'):find('%1')",
    "return ('xx'):find('(x)%1')",
    "return ('x'):find('(%1)')",
    "return ('x'):find('(x')",
    "return ('x'):find('x)')",
    "return ('x'):find('%b')",
    "return ('x'):find('%bx')",
    "return ('x'):find('%f')",
    "return ('x'):find('[')",
    "return ('x'):find('[]')",
    "return ('x'):find('[^]')",
    "return ('x'):find('[%')",
    "return ('x'):find('[a-%')",
    "return ('x'):find('%')",
    "return ('x'):find('[a')",
    "return (']'):find('[]]')",
    "return ('a-b'):find('[a-]', 2), ('^'):find('[%^x]'), ('-'):find('[+-]'), ('b'):find('[^a]'), "
    "('%'):find('[%%]')",
    "return ('x]'):find('[^]]'), ('z'):find('[a-y]'), ('é'):find('[\\128-\\255]+'), "
    "('a\\0b'):find('\\0'), ('a\\0b'):find('[\\0]')",
    "return ('a\\0b\\0'):gsub('%z', '.'), ('a\\0b'):match('a.b') == 'a\\0b', ('a\\0b'):find('b', "
    "1, true)",
    "return ('aXb'):gsub('%u', string.lower), ('tab\\tx'):match('%c'), ('a1!'):gsub('%p', '?'), "
    "('fF9g'):match('%x+')",
    "return ('a1 B'):gsub('%W', '_'), ('a1 B'):gsub('%S', '_'), ('a1 B'):gsub('%D', '_'), ('a1 "
    "B'):gsub('%L', '_')",
    "return ('a1 B\\1'):gsub('%G', '_'), ('a1 B\\1'):gsub('%C', '_'), ('a1 B'):gsub('%X', '_'), "
    "('a1!'):gsub('%P', '_')",
    "local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end return "
    "table.concat(t, ';')",
    "local t = {} for w in ('one two'):gmatch('%a+') do t[#t + 1] = w end return table.concat(t, "
    "';')",
    "local t = {} for w in ('abc'):gmatch('') do t[#t + 1] = '.' end return #t",
    "local t = {} for p in ('abc'):gmatch('()') do t[#t + 1] = p end return table.concat(t, ';')",
    "local t = {} for w in ('^a^a'):gmatch('^a') do t[#t + 1] = w end return #t",
    "local t = {} for w in ('hello'):gmatch('l', 4) do t[#t + 1] = w end return #t, "
    "('x'):gmatch('.', 9)()",
    "return ('x'):gmatch()",
    "return string.gmatch()",
    "local f = ('ab'):gmatch('.') return f(), f(), f(), f()",
    "return ('a.b-c'):gsub('[%.%-]', {['.'] = 'dot', ['-'] = 'dash'}), ('%d'):gsub('%%d', '%%s')",
    "return ('aaa'):match('a-'), ('aaab'):match('a-b'), ('aaa'):match('a-$'), "
    "('<<a>>'):match('<(.-)>')",
    "return ('aaa'):find('a*', 4), ('aaa'):find('a?a?a?a?'), ('ab'):find('a?b'), "
    "('b'):find('a?b'), ('$'):find('$$')",
    "return ('a$b'):find('$b'), ('a*'):find('^*'), ('*'):find('*'), ('a)'):find('%)'), "
    "('x'):match('((((x))))')",
    "return ('abc'):find('(a)(b)(c)()'), ('aaaa'):gsub('a', {a = false}), ('abc'):gsub('%w', {a = "
    "1, b = 2.5})",
    "return ('x'):rep(40):match(('(x)'):rep(32))",
    "return ('x'):rep(40):match(('(x)'):rep(33))",
    "return ('x'):rep(100):find(('x?'):rep(100))",
    "return ('abcd'):find('b', '2'), ('abc'):find('b', {})",
    "return ('0123456789'):find('%d', 11), ('0123456789'):find('$', 11), ('a\\nb'):match('a.b') ~= "
    "nil",
    "return string.find('a', nil)",
    "return string.find(nil, 'a')",
    "return string.find(12, 2)",
    "return ('x').nope",
    "return ('x').y.z",
    "local s = 'x' s.y = 1",
    "return ('x')()",
    "return #('x'), ('x'):len()",
    /* coroutine */
    "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c * 2 end) "
    "return coroutine.resume(co, 1, 2), select(2, coroutine.resume(co, 10)), coroutine.resume(co)",
    "local co = coroutine.create(function(...) return select('#', ...), coroutine.yield(...) end) "
    "return coroutine.resume(co, 1, nil, nil)",
    "return coroutine.resume(coroutine.create(function() error('x') end))",
    "return coroutine.resume(coroutine.create(function() error({}) end)) == false",
    "local f = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return f(), "
    "f(), f(), f()",
    "local f = coroutine.wrap(function() end) f() return pcall(f) == false",
    "return coroutine.status(coroutine.create(print)), coroutine.isyieldable()",
    "local co co = coroutine.create(function() return coroutine.status(co) end) return "
    "coroutine.resume(co)",
    "local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.status(co)",
    "local a, b a = coroutine.create(function() coroutine.resume(b) end) b = "
    "coroutine.create(function() "
    "s = coroutine.status(a) end) coroutine.resume(a) return s",
    "return coroutine.resume(coroutine.running())",
    "return coroutine.close(coroutine.create(print))",
    "return pcall(coroutine.close, coroutine.running()) == false",
    "return select(2, coroutine.running())",
    "return coroutine.resume(1)",
    "return coroutine.create(1)",
    "return coroutine.wrap()",
    "return coroutine.status()",
    "local co = coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() "
    "s = 'closed' "
    "end}) error('e', 0) end) local ok, e = pcall(co) return ok, e, s",
    "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
    "function() s = 1 end}) "
    "coroutine.yield() end) coroutine.resume(co) return coroutine.close(co), s, "
    "coroutine.status(co)",
    "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
    "function() error('c', 0) "
    "end}) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co)",
    "local co = coroutine.create(function() return pcall(function() coroutine.yield(1) error('in', "
    "0) end) end) "
    "local _, v = coroutine.resume(co) return v, coroutine.resume(co)",
    "local co = coroutine.wrap(function() return xpcall(function() coroutine.yield(1) error('in', "
    "0) end, "
    "function(m) return m .. '+h' end) end) return co(), co()",
    "local co = coroutine.wrap(function() for k, v in pairs(setmetatable({}, {__pairs = "
    "function(t) "
    "coroutine.yield('y') return next, {7}, nil end})) do return v end end) return co(), co()",
    "local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end "
    "end) end "
    "local s = 0 for v in gen(5) do s = s + v end return s",
    "return select('#', coroutine.resume(coroutine.create(function() return table.unpack({}, 1, "
    "200) end)))",
    "local co = coroutine.wrap(function() return coroutine.wrap(function() coroutine.yield(1) "
    "return 2 end)() end) return co()",
    "goto done do return 1 end ::done:: return 7 // 2, 7.0 // 2, 1 << 3, 5 & 6, 5 | 6, 5 ~ 6, ~0, "
    "7 >> 1",
};

static lua_State *sandbox_main(kit *k)
{
    kit_open(k);
    return k->L;
}

TEST(test_libs_snippets_give_what_stock_lua_gives)
{
    static kit k;
    lua_State *L = sandbox_main(&k);
    static stock s;
    stock_open(&s);
    static char ours[4096];
    for (size_t i = 0; i < TEST_COUNT(same_as_stock); i++) {
        const char *code = same_as_stock[i];
        describe_run(s.L, code, s.text, sizeof(s.text));
        describe_run(L, code, ours, sizeof(ours));
        if (strcmp(ours, s.text) != 0) {
            FAIL("%s\n   ours:  %s\n   stock: %s", code, ours, s.text);
        }
    }
    lua_close(s.L);
    kit_close(&k);
}

/* ---- random patterns */

static const char pattern_runner[] =
    "local s, p = ...\n"
    "local out = {}\n"
    "local function add(...) for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, "
    "...))) end end\n"
    "local function try(f, ...)\n"
    "    local r = table.pack(pcall(f, ...))\n"
    "    if r[1] then add(table.unpack(r, 1, r.n)) else add('error') end\n"
    "end\n"
    "try(string.find, s, p) try(string.match, s, p, 2) try(string.find, s, p, 3, true)\n"
    "try(string.gsub, s, p, '<%0>') try(string.gsub, s, p, '%1', 2)\n"
    "try(function() for a, b in string.gmatch(s, p) do add(a, b) end end)\n"
    "return table.concat(out, '|')\n";

static const char *run_pattern(lua_State *L, const char *subject, const char *pattern)
{
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushstring(L, subject);
    lua_pushstring(L, pattern);
    return lua_pcall(L, 2, 1, 0) == LUA_OK ? lua_tostring(L, -1) : "failed";
}

static void random_text(char *out, size_t most, const char *const *parts, uint32_t part_count)
{
    size_t count = test_random_below((uint32_t)most + 1);
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        strcat(out, parts[test_random_below(part_count)]);
    }
}

TEST(test_libs_random_patterns_match_as_in_stock_lua)
{
    static const char *const pattern_parts[] = {
        "a",     "b",     ".",  "%a", "%d",   "%s",    "[ab]", "[^a]", "[a-c]", "(", ")",
        "(",     ")",     "()", "*",  "+",    "-",     "?",    "*",    "+",     "-", "?",
        "^",     "$",     "%1", "%2", "%b()", "%f[a]", "%",    "[",    "]",     "1", "%W",
        "[%d-]", "[%a_]", "%.", " ",  ".-",   ".*",    "(.-)", "(.*)"};
    static const char *const subject_parts[] = {"a", "a", "b",  "c", "1", " ",
                                                "(", ")", "ab", "A", "."};
    static kit k;
    lua_State *ours = sandbox_main(&k);
    k.shared.pattern_steps = 1000000;
    static stock s;
    stock_open(&s);
    CHECK_EQ_INT(luaL_loadstring(ours, pattern_runner), LUA_OK);
    CHECK_EQ_INT(luaL_loadstring(s.L, pattern_runner), LUA_OK);
    for (unsigned i = 0; i < test_scale(60000); i++) {
        char pattern[128];
        char subject[128];
        random_text(pattern, 9, pattern_parts, TEST_COUNT(pattern_parts));
        random_text(subject, 12, subject_parts, TEST_COUNT(subject_parts));
        const char *expected = run_pattern(s.L, subject, pattern);
        const char *got = run_pattern(ours, subject, pattern);
        if (strcmp(expected, got) != 0) {
            FAIL("'%s' in '%s'\n   ours:  %s\n   stock: %s", pattern, subject, got, expected);
            break;
        }
    }
    lua_close(s.L);
    kit_close(&k);
}

/* ------------------------------------------------------------------ what loops is bounded */

static void check_once(const char *code, const char *expected, const char *file, int line)
{
    static kit k;
    const char *text = kit_once(&k, code);
    if (strcmp(text, expected) != 0) {
        test_fail(file, line, "%s\n   gives:    %s\n   expected: %s", code, text, expected);
    }
}

#define CHECK_ONCE(code, expected) check_once((code), (expected), __FILE__, __LINE__)

TEST(test_libs_pattern_beyond_its_steps_raises)
{
    static kit k;
    kit_open(&k);
    k.shared.pattern_steps = 200000;
    CHECK_HAS(kit_eval(&k, "return ('a'):rep(3000):find(('.-'):rep(6) .. 'b')"),
              "pattern too complex");
    CHECK_HAS(kit_eval(&k, "return ('a'):rep(3000):match(('a*'):rep(6) .. 'b')"),
              "pattern too complex");
    CHECK_HAS(kit_eval(&k, "return ('a'):rep(3000):gsub(('a*'):rep(6) .. 'b', '')"),
              "pattern too complex");
    CHECK_HAS(kit_eval(&k, "for _ in ('a'):rep(3000):gmatch(('a?'):rep(100) .. '[bc]') do end"),
              "pattern too complex");
    CHECK_HAS(kit_eval(&k, "return ('a'):rep(200000):find(('a'):rep(100000) .. 'b', 1, true)"),
              "pattern too complex");
    CHECK_HAS(kit_eval(&k, "return ('x'):rep(300):find(('x?'):rep(250))"), "pattern too complex");
    CHECK_STR(kit_eval(&k, "return #('a'):rep(1000000):gsub('a', 'b')"), "1000000");
    CHECK_STR(kit_eval(&k, "return ('a'):rep(1000000):find('a*$')"), "1 1000000");
    CHECK(k.polls > 0);
    kit_close(&k);
}

TEST(test_libs_loops_that_never_end_are_killed)
{
    static const char *const loops[] = {
        "('a'):rep(30000):find(('.-'):rep(6) .. 'b')",
        "('('):rep(100000):gsub('%b()', '')",
        "table.move({}, 1, 1 << 30, 2)",
        "table.insert(setmetatable({}, {__len = function() return 1 << 30 end}), 1, 0)",
        "table.remove(setmetatable({}, {__len = function() return 1 << 30 end}), 1)",
        "table.concat(setmetatable({}, {__index = function() return '' end}), '', 1, 1 << 60)",
        "table.concat(setmetatable({}, {__index = string.rep}), '', 1, 1 << 60)",
        "table.sort(setmetatable({}, {__len = function() return 1 << 20 end, __index = function() "
        "return 1 end}))",
        "local t = {} for i = 1, 99999 do t[i] = i * 7919 % 10007 end table.sort(t, function(a, b) "
        "return a < b end)",
        "table.unpack(setmetatable({}, {__index = function() return 1 end}), 1, 900000)",
    };
    for (size_t i = 0; i < TEST_COUNT(loops); i++) {
        static kit k;
        kit_open(&k);
        k.shared.pattern_steps = UINT64_MAX / 2;
        k.polls_until_kill = 5;
        const char *text = kit_eval(&k, loops[i]);
        if (strcmp(text, "killed") != 0 && !strstr(text, "bad argument")) {
            FAIL("%s: %s", loops[i], text);
        }
        kit_close(&k);
    }
}

TEST(test_libs_lengths_beyond_any_table_are_refused)
{
    static kit k;
    kit_open(&k);
    CHECK_STR(kit_eval(&k, "huge = setmetatable({}, {__len = function() return 1 << 62 end})"), "");
    CHECK_HAS(kit_eval(&k, "table.insert(huge, 1)"), "table too big");
    CHECK_HAS(kit_eval(&k, "table.insert(huge, 1, 1)"), "table too big");
    CHECK_HAS(kit_eval(&k, "table.remove(huge)"), "table too big");
    CHECK_HAS(kit_eval(&k, "table.sort(huge)"), "table too big");
    CHECK_HAS(kit_eval(&k, "table.concat(huge)"), "table too big");
    CHECK_HAS(kit_eval(&k, "table.unpack(huge)"), "too many results to unpack");
    CHECK_HAS(kit_eval(&k, "table.move({}, 1, 1 << 62, 2)"), "too many elements to move");
    CHECK_HAS(kit_eval(&k, "table.move({}, -5, 1 << 62, 2)"), "too many elements to move");
    CHECK_HAS(kit_eval(&k, "table.create(1 << 40)"), "table too big");
    CHECK_STR(kit_eval(&k, "return ('').rep('', 1 << 62)"), "");
    kit_close(&k);
}

TEST(test_libs_memory_limit_ends_what_grows)
{
    static kit k;
    kit_open(&k);
    k.limit = k.bytes + 2000000;
    CHECK_HAS(kit_eval(&k, "return #('x'):rep(1 << 30)"), "not enough memory");
    CHECK_HAS(kit_eval(&k, "return pcall(string.rep, 'x', 1 << 30)"), "false not enough memory");
    CHECK_HAS(kit_eval(&k, "return pcall(table.create, 1 << 28, 0)"), "false not enough memory");
    CHECK_HAS(kit_eval(&k, "local t = {} for i = 1, 1e9 do t[i] = i end"), "not enough memory");
    CHECK_STR(kit_eval(&k, "return 1"), "1");
    kit_close(&k);
}

/* ------------------------------------------------------------------ table */

TEST(test_libs_table_create_gives_an_empty_table)
{
    CHECK_ONCE("local t = table.create(10, 20) t[1] = 'a' t.x = 1 return #t, next(table.create(5))",
               "1 nil");
    CHECK_ONCE("return #table.create(), #table.create(-1, -1), unpack({7, 8})", "0 0 7 8");
}

TEST(test_libs_sort_is_stable_and_questions_the_order)
{
    CHECK_ONCE("local t = {} for i = 1, 500 do t[i] = {k = i * 37 % 10, i = i} end "
               "table.sort(t, function(a, b) return a.k < b.k end) "
               "for i = 2, 500 do local a, b = t[i - 1], t[i] "
               "assert(a.k < b.k or (a.k == b.k and a.i < b.i)) end return 'stable'",
               "stable");
    CHECK_ONCE("return select(2, pcall(table.sort, {1, 2, 3}, function() return true end))",
               "invalid order function for sorting");
    CHECK_ONCE("return select(2, pcall(table.sort, {1, 1, 1}, function(a, b) return a <= b end))",
               "invalid order function for sorting");
    CHECK_ONCE("local t = {3, 1, 2} pcall(table.sort, t, function() error('x') end) "
               "return table.concat(t, ',')",
               "3,1,2");
    CHECK_ONCE("local t = {3, 0/0, 1, 2} return pcall(table.sort, t), #t", "true 4");
}

TEST(test_libs_sort_survives_orders_that_lie)
{
    CHECK_ONCE(
        "local n = 0 for round = 1, 200 do local t, sum = {}, 0 "
        "for i = 1, math.random(0, 60) do t[i] = i sum = sum + i end "
        "if pcall(table.sort, t, function(a, b) return math.random(2) == 1 end) then "
        "for _, v in ipairs(t) do sum = sum - v end assert(sum == 0) end n = n + 1 end return n",
        "200");
    CHECK_ONCE("local t = {5, 4, 3, 2, 1} pcall(table.sort, t, function(a, b) t[1] = nil t[9] = 1 "
               "return (a or 0) < (b or 0) end) return 'alive'",
               "alive");
}

/* ------------------------------------------------------------------ string */

TEST(test_libs_strings_accept_error_objects_as_subject)
{
    CHECK_ONCE("local e = errors.new('file not found') "
               "return string.find(e, 'not'), string.upper(e), string.len(e), string.sub(e, 1, 4)",
               "6 FILE NOT FOUND 14 file");
    CHECK_ONCE("local e = errors.wrap(errors.new('inner'), 'outer') "
               "return string.match(e, '%a+'), string.gsub(e, 'n', 'N'), string.byte(e), "
               "string.rep(e, 2, '|')",
               "outer outer: iNNer 111 outer: inner|outer: inner");
    CHECK_ONCE("local e = errors.new('boom') return string.format('%s!', e), string.format(e), "
               "string.lower(e), string.reverse(e), string.gmatch(e, '.')()",
               "boom! boom boom moob b");
    CHECK_ONCE("local e = errors.new('boom') return (pcall(table.insert, e, 1)), (pcall(table.concat, e)), "
               "(pcall(table.sort, e))",
               "false false false");
    CHECK_ONCE("return pcall(string.len, {})",
               "false bad argument #1 to '?' (string expected, got table)");
}

TEST(test_libs_letters_are_those_of_ascii)
{
    CHECK_ONCE("return ('\\xc4a'):lower() == '\\xc4a', ('\\xe4'):find('%a'), ('\\xe4'):find('%A')",
               "true nil 1 1");
}

/* Numbers have 64 bits where sizes have 32, too: nothing may be cut off. */
TEST(test_libs_positions_and_counts_beyond_any_size)
{
    CHECK_ONCE("return ('abc'):sub(1 << 32), ('abc'):sub((1 << 32) + 2), ('abc'):sub(2, 1 << 40), "
               "('abc'):byte(1 << 32), #('abc'):sub(-(1 << 40))",
               "  bc nil 3");
    CHECK_ONCE("return ('abc'):find('', 4), ('abc'):find('', 5), ('abc'):find('b', (1 << 32) + 1), "
               "('abc'):match('.', 1 << 32)",
               "4 nil nil nil");
    CHECK_ONCE("return (pcall(string.rep, 'x', 1 << 62)), (pcall(string.rep, 'x', (1 << 32) + 1, 'y'))",
               "false false");
    CHECK_ONCE("return pcall(string.rep, 'x', 1 << 63), #('x'):rep(-(1 << 40))", "true 0");
    CHECK_ONCE("return select(2, pcall(string.rep, 'ab', 1 << 62))", "resulting string too large");
}

TEST(test_libs_there_is_no_dump_and_no_pack)
{
    CHECK_ONCE("return string.dump, string.pack, string.unpack, string.packsize, math.nope",
               "nil nil nil nil nil");
}

/* ------------------------------------------------------------------ math */

TEST(test_libs_math_has_the_older_names)
{
    CHECK_ONCE(
        "return math.pow(2, 10), math.log10(1000), math.atan2(1, 1) == math.pi / 4, math.cosh(0), "
        "math.sinh(0), math.tanh(0), math.frexp(8), math.ldexp(0.5, 4)",
        "1024.0 3.0 true 1.0 0.0 0.0 0.5 8.0");
    CHECK_ONCE("return select(2, math.frexp(8)), math.ldexp(1, 1 << 40), math.ldexp(1, -(1 << 40))",
               "4 inf 0.0");
}

TEST(test_libs_random_numbers_come_from_the_seed)
{
    char first[256];
    static kit k;
    const char *code = "return math.random(1 << 40), math.random(1 << 40), math.random()";
    snprintf(first, sizeof(first), "%s", kit_once(&k, code));
    CHECK_STR(kit_once(&k, code), first);
    kit_open(&k);
    k.guard.random[0] = 2;
    CHECK(strcmp(kit_eval(&k, code), first) != 0);
    kit_close(&k);
    CHECK_ONCE("math.randomseed(7, 8) local a = math.random(1 << 50) math.randomseed(7, 9) "
               "local b = math.random(1 << 50) math.randomseed(7, 8) "
               "return a == math.random(1 << 50), a == b, math.randomseed() ~= math.randomseed()",
               "true false true");
    CHECK_ONCE("local seen, n = {}, 0 for i = 1, 2000 do local r = math.random(10) "
               "if not seen[r] then seen[r] = true n = n + 1 end end return n",
               "10");
    CHECK_ONCE("math.randomseed(1.5) math.randomseed(1e300) math.randomseed(1/0) "
               "math.randomseed(0/0) return 1",
               "1");
}

/* ------------------------------------------------------------------ os */

static int64_t noon(void *user_data)
{
    (void)user_data;
    return 1704196800; /* 2024-01-02 12:00:00 UTC */
}

TEST(test_libs_os_counts_from_today_at_midnight)
{
    static kit k;
    kit_open(&k);
    k.shared.wall_seconds = noon;
    CHECK_STR(kit_eval(&k, "return os.time(), os.time({}) == 1704153600, os.platform"),
              "1704196800 true wippy");
    CHECK_STR(kit_eval(&k, "return os.time({year = 2000, month = 1, day = 1, hour = 12})"),
              "946728000");
    CHECK_STR(
        kit_eval(&k, "return os.date('!%Y-%m-%d %H:%M:%S', 0), os.date('%Y'), os.date('!%j', 0)"),
        "1970-01-01 00:00:00 2024 001");
    CHECK_STR(
        kit_eval(&k, "local t = os.date('*t') return t.year, t.month, t.day, t.hour, t.min, t.sec, "
                     "t.wday, t.yday, t.isdst"),
        "2024 1 2 12 0 0 3 2 false");
    CHECK_STR(kit_eval(&k, "local t = {year = 2024, month = 14, day = -3} os.time(t) "
                           "return t.year, t.month, t.day"),
              "2025 1 28");
    CHECK_STR(kit_eval(&k, "return os.difftime(5, 3), os.clock() >= 0, #os.date(('%Y'):rep(100))"),
              "2.0 true 400");
    CHECK_HAS(kit_eval(&k, "os.date('%k{')"), "invalid conversion specifier '%k'");
    CHECK_HAS(kit_eval(&k, "os.time({year = 'x'})"), "field 'year' is not an integer");
    CHECK_HAS(kit_eval(&k, "os.time({year = 1 << 60})"), "cannot be represented");
    CHECK_HAS(kit_eval(&k, "os.date('%Y', 1.5)"), "no integer representation");
    CHECK_STR(kit_eval(&k, "return os.execute, os.exit, os.remove, os.rename, os.tmpname, "
                           "os.getenv, os.setlocale"),
              "nil nil nil nil nil nil nil");
    kit_close(&k);
}

/* ------------------------------------------------------------------ errors */

TEST(test_errors_new_keeps_what_it_is_given)
{
    CHECK_ONCE("local e = errors.new('m') return type(e), e:message(), e:kind(), e:retryable(), "
               "e:details()",
               "userdata m  nil nil");
    CHECK_ONCE("local e = errors.new{message = 'm', kind = errors.NOT_FOUND, retryable = true, "
               "details = {a = {b = 1}}} "
               "return e:message(), e:kind(), e:retryable(), e:details().a.b",
               "m NotFound true 1");
    CHECK_ONCE(
        "local e = errors.new{message = 'm', kind = 'Custom', retryable = false, details = {}} "
        "return e:kind(), e:retryable(), e:details(), errors.is(e, 'Custom')",
        "Custom false nil true");
    CHECK_ONCE("return errors.new(5):message(), errors.new{}:message() == ''", "5 true");
    CHECK_ONCE("return pcall(errors.new), pcall(errors.new, true), pcall(errors.new, {kind = {}}), "
               "pcall(errors.new, {retryable = 1})",
               "false false false false bad field 'retryable' (boolean expected, got number)");
}

TEST(test_errors_constants_are_the_kinds)
{
    CHECK_ONCE(
        "return errors.NOT_FOUND, errors.ALREADY_EXISTS, errors.INVALID, errors.PERMISSION_DENIED, "
        "errors.UNAVAILABLE, errors.INTERNAL, errors.CANCELED, errors.CONFLICT, errors.TIMEOUT, "
        "errors.RATE_LIMITED, errors.UNKNOWN == ''",
        "NotFound AlreadyExists Invalid PermissionDenied Unavailable Internal Canceled Conflict "
        "Timeout RateLimited true");
}

TEST(test_errors_wrap_shows_the_context_and_keeps_the_rest)
{
    CHECK_ONCE("local e = errors.new{message = 'm', kind = 'Invalid', retryable = true, details = "
               "{x = 1}} "
               "local w = errors.wrap(errors.wrap(e, 'inner'), 'outer') "
               "return tostring(w), w:message(), w:kind(), w:retryable(), w:details().x, w ~= e, "
               "tostring(e)",
               "outer: inner: m m Invalid true 1 true m");
    CHECK_ONCE("local w = errors.wrap('text', 'ctx') return tostring(w), w:message(), w:kind(), "
               "w:retryable()",
               "ctx: text text  nil");
    CHECK_ONCE("local w = errors.wrap(errors.new{kind = 'Odd', message = 'm'}) return tostring(w), "
               "w:kind()",
               "m Odd");
    CHECK_ONCE("return pcall(errors.wrap, nil, 'x')",
               "false bad argument #1 to '?' (error or string expected, got nil)");
}

TEST(test_errors_is_tells_kinds_and_refuses_others)
{
    CHECK_ONCE(
        "local e = errors.new{kind = errors.TIMEOUT, message = 'm'} return errors.is(e, "
        "errors.TIMEOUT), "
        "errors.is(e, 'timeout'), errors.is(nil, 'Timeout'), errors.is('Timeout', 'Timeout'), "
        "errors.is({kind = 'Timeout'}, 'Timeout'), errors.is(errors.new('x'), errors.UNKNOWN)",
        "true false false false false true");
}

TEST(test_errors_concat_and_compare)
{
    CHECK_ONCE(
        "local e, f = errors.new('e'), errors.new('f') return 'a' .. e, e .. 'b', e .. f, 1 .. e, "
        "'x' .. e .. 'y', e == e, e == errors.new('e'), e ~= f",
        "ae eb ef 1e xey true false true");
    CHECK_ONCE("return pcall(function() return errors.new('e') .. {} end)",
               "false test:1: attempt to concatenate a table value");
    CHECK_ONCE("return pcall(function() return nil .. errors.new('e') end)",
               "false test:1: attempt to concatenate a nil value");
}

TEST(test_errors_stack_tells_where)
{
    CHECK_ONCE("local function f()\n return errors.new('x')\nend\nlocal e = f()\nreturn e:stack()",
               "stack traceback:\n\ttest:2: in function <test:1>\n\ttest:4: in main chunk");
    CHECK_ONCE("local function f()\n local e = errors.new('x') return e\nend\nlocal s = "
               "errors.call_stack(f())\n"
               "return s.thread, #s.frames, s.frames[1].source, s.frames[1].line, "
               "s.frames[1].name, s.frames[2].name",
               "coroutine 2 test 2 function <test:1> main chunk");
    CHECK_ONCE(
        "local function f(n) if n == 0 then return errors.new('deep') end local e = f(n - 1) "
        "return e end "
        "return #errors.call_stack(f(100)).frames, errors.call_stack('x'), errors.call_stack(nil)",
        "16 nil nil");
    CHECK_ONCE("return #errors.wrap(errors.new('x'), 'c'):stack() > 20", "true");
}

/* Of a stack that is deeper than anybody reads the innermost part is told. */
TEST(test_errors_stack_of_great_depth)
{
    CHECK_ONCE("local calls = {} for i = 1, 150 do calls[i] = pcall end calls[151] = errors.new "
               "calls[152] = 'deep' local r = {pcall(table.unpack(calls))} local e = r[#r] "
               "return #r, e:message(), type(e:stack())",
               "152 deep string");
    CHECK_ONCE("local function down(n) if n == 0 then return errors.new('deep'):stack() end "
               "local s = down(n - 1) return s end local s = down(150) "
               "return select(2, s:gsub('\\n', '')) < 100, #s > 100",
               "true true");
}

TEST(test_errors_pass_through_pcall_as_they_are)
{
    CHECK_ONCE("local e = errors.new('e') local ok, got = pcall(error, e) return ok, got == e",
               "false true");
    CHECK_ONCE("local t = {} local ok, got = pcall(error, t) return ok, got == t", "false true");
    CHECK_ONCE("local ok, got = pcall(function() error('s') end) return ok, type(got), got",
               "false string test:1: s");
    CHECK_ONCE("error(errors.new('out'))", "error: out");
}

TEST(test_errors_hide_their_metatable)
{
    CHECK_ONCE("local e = errors.new('e') return getmetatable(e), pcall(function() e.x = 1 end), "
               "e.x, e.__index",
               "false false nil nil");
    CHECK_ONCE("return pcall(errors.new('e').message)",
               "false bad argument #1 to '?' (error expected, got no value)");
    CHECK_ONCE("return pcall(errors.new('e').message, io)",
               "false bad argument #1 to '?' (error expected, got nil)");
}

/* ---- for C code */

static int error_from(lua_State *L)
{
    /* 1: raised value, 2: thread that ended with it, or nil */
    wippyli_error_from_raised(L, 1, lua_tothread(L, 2));
    return 1;
}

static const char *raised(const char *code, const char *what)
{
    static kit k;
    static char script[2048];
    kit_open(&k);
    lua_pushcfunction(k.L, error_from);
    lua_setglobal(k.L, "from");
    snprintf(
        script, sizeof(script),
        "local co = coroutine.create(function()\n%s\nend)\nlocal ok, v = coroutine.resume(co)\n"
        "local e = from(v, co)\nreturn %s",
        code, what);
    const char *text = kit_eval(&k, script);
    kit_close(&k);
    return text;
}

TEST(test_errors_from_raised_strings_lose_their_position_only_if_it_is_one)
{
    const char *look = "e:message(), e:kind(), e:stack():match('\\t([^\\n]*)')";
    CHECK_STR(raised("error('plain')", look), "plain Internal test:2: in function <test:1>");
    CHECK_STR(raised("error('test:9: mine', 0)", look),
              "test:9: mine Internal test:2: in function <test:1>");
    CHECK_STR(raised("local x = nil; x.y = 1", look),
              "attempt to index a nil value (local 'x') Internal test:2: in function <test:1>");
    CHECK_STR(raised("string.rep()", look), "bad argument #1 to 'rep' (string expected, got no "
                                            "value) Internal test:2: in function <test:1>");
    CHECK_STR(raised("assert(false)", look),
              "assertion failed! Internal test:2: in function <test:1>");
    CHECK_STR(raised("assert(false, 'because')", look),
              "because Internal test:2: in function <test:1>");
    CHECK_STR(raised("local ok, e = pcall(error, 'x', 2)\n\nerror(e, 0)", "e:message(), e:kind()"),
              "x Internal");
    CHECK_STR(raised("local ok, e = pcall(function()\nerror('deep') end)\nerror(e, 0)", look),
              "deep Internal test:3");
    CHECK_STR(raised("local function f()\nerror('level', 2) end\nf()", look),
              "level Internal test:4");
    CHECK_STR(raised("coroutine.wrap(function()\nerror('in wrap') end)()", look),
              "in wrap Internal test:3");
}

TEST(test_errors_from_raised_values_of_other_types)
{
    CHECK_STR(raised("error(errors.new{kind = 'Timeout', message = 'm'})", "e:kind(), e:message()"),
              "Timeout m");
    CHECK_STR(raised("error({})", "e:kind(), e:message(), e:retryable()"),
              "Internal (error object is a table value) nil");
    CHECK_STR(raised("error({message = 'in table'})", "e:message()"), "in table");
    CHECK_STR(raised("error(setmetatable({}, {__tostring = error}))", "e:message()"),
              "(error object is a table value)");
    CHECK_STR(raised("error()", "e:message()"), "(error object is a nil value)");
    CHECK_STR(raised("error(42)", "e:message()"), "42");
    CHECK_STR(raised("error('')", "e:message() == ''"), "true");
}

static int use_error_api(lua_State *L)
{
    wippyli_error_view view;
    wippy_slice kind = {"Invalid", 7};
    wippy_slice message = {"with\0zero", 9};
    wippyli_error_push_slices(L, kind, message, 1);
    int top = lua_gettop(L);
    CHECK(!wippyli_error_push_details(L, -1));
    lua_createtable(L, 0, 0);
    lua_pushinteger(L, 5);
    lua_setfield(L, -2, "x");
    wippyli_error_set_details(L, -2);
    CHECK_EQ_INT(lua_gettop(L), top);
    CHECK(wippyli_error_look(L, -1, &view));
    CHECK_EQ_INT(view.message.size, 9);
    CHECK_MEM(view.message.data, "with\0zero", 9);
    CHECK_STR(view.kind.data, "Invalid");
    CHECK_EQ_INT(view.retryable, 1);
    CHECK(view.has_details);
    CHECK_EQ_INT(view.context.size, 0);
    CHECK(wippyli_error_push_details(L, -1));
    CHECK_EQ_INT(lua_type(L, -1), LUA_TTABLE);
    lua_settop(L, top);
    lua_createtable(L, 0, 0);
    wippyli_error_set_details(L, -2);
    CHECK(!wippyli_error_push_details(L, -1));
    CHECK(!wippyli_is_error(L, LUA_REGISTRYINDEX));
    lua_newuserdatauv(L, 64, 0);
    CHECK(!wippyli_is_error(L, -1));
    CHECK(!wippyli_error_look(L, -1, &view));
    lua_settop(L, 0);
    wippyli_error_pushf(L, "Odd", -1, "%s %d", "number", 7);
    CHECK(wippyli_error_look(L, 1, &view));
    CHECK_EQ_INT(view.kind.size, 3);
    CHECK_EQ_INT(view.retryable, -1);
    wippyli_error_wrap(L, 1, "ctx", 3);
    CHECK(wippyli_error_look(L, -1, &view));
    CHECK_MEM(view.context.data, "ctx", 4);
    wippyli_error_push(L, "NotFound", "gone", 0);
    wippyli_error_push_stack(L, -1);
    CHECK_HAS(lua_tostring(L, -1), "stack traceback:\n\t");
    return wippyli_fail(L, "Unavailable", "no %s", "host");
}

TEST(test_errors_for_c_code)
{
    static kit k;
    kit_open(&k);
    lua_pushcfunction(k.L, use_error_api);
    lua_setglobal(k.L, "use");
    CHECK_STR(kit_eval(&k, "local v, e = use() return v, e:kind(), e:message(), e:retryable()"),
              "nil Unavailable no host false");
    lua_pushcfunction(k.L, use_error_api);
    CHECK_EQ_INT(lua_pcall(k.L, 0, 0, 0), LUA_OK); /* with no Lua function around */
    kit_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_libs_snippets_give_what_stock_lua_gives),
          TEST_ENTRY(test_libs_random_patterns_match_as_in_stock_lua),
          TEST_ENTRY(test_libs_pattern_beyond_its_steps_raises),
          TEST_ENTRY(test_libs_loops_that_never_end_are_killed),
          TEST_ENTRY(test_libs_lengths_beyond_any_table_are_refused),
          TEST_ENTRY(test_libs_memory_limit_ends_what_grows),
          TEST_ENTRY(test_libs_table_create_gives_an_empty_table),
          TEST_ENTRY(test_libs_sort_is_stable_and_questions_the_order),
          TEST_ENTRY(test_libs_sort_survives_orders_that_lie),
          TEST_ENTRY(test_libs_strings_accept_error_objects_as_subject),
          TEST_ENTRY(test_libs_letters_are_those_of_ascii),
          TEST_ENTRY(test_libs_positions_and_counts_beyond_any_size),
          TEST_ENTRY(test_libs_there_is_no_dump_and_no_pack),
          TEST_ENTRY(test_libs_math_has_the_older_names),
          TEST_ENTRY(test_libs_random_numbers_come_from_the_seed),
          TEST_ENTRY(test_libs_os_counts_from_today_at_midnight),
          TEST_ENTRY(test_errors_new_keeps_what_it_is_given),
          TEST_ENTRY(test_errors_constants_are_the_kinds),
          TEST_ENTRY(test_errors_wrap_shows_the_context_and_keeps_the_rest),
          TEST_ENTRY(test_errors_is_tells_kinds_and_refuses_others),
          TEST_ENTRY(test_errors_concat_and_compare), TEST_ENTRY(test_errors_stack_tells_where),
          TEST_ENTRY(test_errors_stack_of_great_depth),
          TEST_ENTRY(test_errors_pass_through_pcall_as_they_are),
          TEST_ENTRY(test_errors_hide_their_metatable),
          TEST_ENTRY(test_errors_from_raised_strings_lose_their_position_only_if_it_is_one),
          TEST_ENTRY(test_errors_from_raised_values_of_other_types),
          TEST_ENTRY(test_errors_for_c_code))
