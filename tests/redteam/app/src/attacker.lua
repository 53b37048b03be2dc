-- Programs that want to keep the worker, the memory or the end of the runtime for themselves.
-- Each is one function; what has to become of it stands in driver.lua.
local time = require("time")

local attack = {}

local function spin() while true do end end
local function busy(object, name) return setmetatable(object or {}, { [name] = spin }) end

-- ---- loops

function attack.loop() while true do end end

function attack.loop_pcall() while true do pcall(spin) end end

function attack.loop_pcall_nested()
    local function nest(depth)
        if depth == 0 then spin() end
        while true do pcall(nest, depth - 1) end
    end
    nest(50)
end

function attack.loop_handler() xpcall(error, spin) end

function attack.loop_handler_nested()
    while true do
        xpcall(error, function() xpcall(error, function() while true do pcall(spin) end end) end)
    end
end

function attack.loop_wrap()
    local inner = coroutine.wrap(function() coroutine.wrap(spin)() end)
    while true do pcall(inner) end
end

function attack.loop_wrap_deep()
    local function nest(depth)
        if depth == 0 then spin() end
        coroutine.wrap(nest)(depth - 1)
    end
    nest(100)
end

function attack.loop_generator()
    local numbers = coroutine.wrap(function()
        local n = 0
        while true do n = n + 1 coroutine.yield(n) end
    end)
    for _ in numbers do end
end

function attack.loop_resume_self_made()
    while true do coroutine.resume(coroutine.create(coroutine.yield)) end
end

function attack.loop_spawned()
    for _ = 1, 20 do coroutine.spawn(spin) end
    spin()
end

function attack.loop_spawn_storm()
    local function again() coroutine.spawn(again) end
    while true do again() end
end

function attack.loop_polite()
    while true do coroutine.spawn(function() end) time.sleep(1) end
end

function attack.loop_goto() ::top:: goto top end

function attack.loop_tail() local function f() return f() end f() end

function attack.loop_index() return busy(nil, "__index").x end
function attack.loop_newindex() busy(nil, "__newindex").x = 1 end
function attack.loop_call() busy(nil, "__call")() end
function attack.loop_eq() return busy(nil, "__eq") == busy(nil, "__eq") end
function attack.loop_lt() return busy(nil, "__lt") < {} end
function attack.loop_concat() return busy(nil, "__concat") .. "" end
function attack.loop_len() return #busy(nil, "__len") end
function attack.loop_add() return busy(nil, "__add") + 1 end
function attack.loop_tostring() return tostring(busy(nil, "__tostring")) end
function attack.loop_pairs() for _ in pairs(busy(nil, "__pairs")) do end end
function attack.loop_print() print(busy(nil, "__tostring")) end
function attack.loop_format() return ("%s"):format(busy(nil, "__tostring")) end

function attack.loop_close()
    local x <close> = busy(nil, "__close")
end

function attack.loop_close_error()
    local x <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end })
    error("closing")
end

function attack.loop_close_coroutine()
    local thread = coroutine.create(function()
        local x <close> = busy(nil, "__close")
        coroutine.yield()
    end)
    coroutine.resume(thread)
    coroutine.close(thread)
end

function attack.loop_close_killed()
    -- What is to be closed when the process is stopped.
    local x <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end })
    for _ = 1, 10 do
        coroutine.spawn(function()
            local y <close> = setmetatable({}, { __close = spin })
            process.inbox():receive()
        end)
    end
    process.listen("never"):receive()
end

function attack.loop_sort() table.sort({ 3, 2, 1, 5, 4 }, spin) end
function attack.loop_sort_odd()
    local t = {}
    for i = 1, 200000 do t[i] = i % 17 end
    while true do pcall(table.sort, t, function() return true end) end
end
function attack.loop_gsub() return ("x"):gsub(".", spin) end
function attack.loop_gsub_index() return ("x"):gsub(".", busy(nil, "__index")) end
function attack.loop_ipairs()
    for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end
end
function attack.loop_next() while true do for _ in pairs({ 1, 2, 3 }) do end end end
function attack.loop_send_encode()
    local t = setmetatable({}, { __index = spin, __pairs = spin, __len = spin })
    process.send(process.pid(), "t", t)
    return busy(nil, "__index").x
end

-- ---- functions of the libraries that take for ever

function attack.lib_rep() while true do (""):rep(1 << 62) end end
function attack.lib_rep_separator() while true do pcall(string.rep, "", 1 << 62, "") end end
function attack.lib_move() table.move({}, 1, 1 << 40, 2) end
function attack.lib_move_index()
    table.move(setmetatable({}, { __index = function() return 1 end }), 1, 1 << 40, 2, setmetatable({}, { __newindex = function() end }))
end
function attack.lib_insert() table.insert(setmetatable({}, { __len = function() return 1 << 30 end }), 1, 1) end
function attack.lib_remove() table.remove(setmetatable({}, { __len = function() return 1 << 30 end }), 1) end
function attack.lib_concat()
    table.concat(setmetatable({}, { __index = function() return "" end }), "", 1, 1 << 40)
end
function attack.lib_unpack() while true do pcall(table.unpack, {}, 1, 1 << 40) end end
function attack.lib_sort_len()
    table.sort(setmetatable({}, { __len = function() return (1 << 31) - 2 end, __index = function() return 1 end }))
end
function attack.lib_select() while true do select("#", table.unpack({}, 1, 200)) end end
function attack.lib_date() while true do os.date("%c") end end
function attack.lib_json_loop()
    local json = require("json")
    local t = {}
    t.t = t
    while true do pcall(json.encode, t) pcall(json.decode, ("["):rep(100000)) end
end

local function pattern(subject, text) while true do pcall(string.find, subject, text) end end
function attack.pattern_lazy() pattern(("a"):rep(3000), (".-"):rep(6) .. "b") end
function attack.pattern_greedy() pattern(("a"):rep(3000), ("a*"):rep(8) .. "b") end
function attack.pattern_optional() pattern(("a"):rep(30), ("a?"):rep(200) .. ("a"):rep(31)) end
function attack.pattern_balance() pattern(("("):rep(200000), "%b()%b()%b()x") end
function attack.pattern_frontier() pattern((" a"):rep(100000), "(.-)%f[%w](.-)%f[%W]x") end
function attack.pattern_captures() pattern("x", ("("):rep(40)) end
function attack.pattern_back() pattern(("a"):rep(4000), "(.*)(.*)%1%2b") end
function attack.pattern_gsub() while true do pcall(string.gsub, ("a"):rep(3000), (".-"):rep(5) .. "b", "") end end
function attack.pattern_gmatch()
    while true do pcall(function() for _ in ("a"):rep(3000):gmatch((".-"):rep(5) .. "b") do end end) end
end
function attack.pattern_init() while true do pcall(string.find, ("a"):rep(100000), "b", -1 << 63, true) end end
function attack.pattern_plain() while true do string.find(("a"):rep(1000000) , ("a"):rep(1000) .. "b", 1, true) end end

-- ---- memory

function attack.memory_string()
    local s = "x"
    while true do s = s .. s end
end
function attack.memory_string_pcall()
    local s = "x"
    while true do pcall(function() s = s .. s end) end
end
function attack.memory_rep() return ("x"):rep(1 << 40) end
function attack.memory_rep_pcall() while true do pcall(string.rep, "x", 1 << 34) end end
function attack.memory_table()
    local t = {}
    while true do t[#t + 1] = {} end
end
function attack.memory_table_pcall()
    local t = {}
    while true do pcall(function() while true do t[#t + 1] = {} end end) end
end
function attack.memory_hash()
    local t = {}
    for i = 1, math.huge do t["k" .. i] = i end
end
function attack.memory_create() while true do pcall(table.create, 1 << 30, 1 << 30) end end
function attack.memory_closure()
    local f = function() end
    while true do local g = f f = function() return g end end
end
function attack.memory_coroutines()
    local t = {}
    while true do t[#t + 1] = coroutine.create(spin) end
end
function attack.memory_spawned()
    while true do coroutine.spawn(function() process.inbox():receive() end) end
end
function attack.memory_channel()
    local c = channel.new(1e12)
    while true do c:send({ 1, 2, 3 }) end
end
function attack.memory_channels()
    local t = {}
    while true do t[#t + 1] = channel.new(1000) end
end
function attack.memory_waiters()
    local c = channel.new(0)
    while true do coroutine.spawn(function() c:send(("x"):rep(1000)) end) end
end
function attack.memory_select()
    local c, cases = channel.new(0), {}
    for i = 1, 100000 do cases[i] = c:case_receive() end
    channel.select(cases)
end
function attack.memory_timers()
    local kept = {}
    while true do
        local c, err = time.after("1h")
        if err then error(err) end
        kept[#kept + 1] = c
    end
end
function attack.memory_tickers()
    while true do
        local c, err = time.ticker("1ns")
        if err then error(err) end
        c:response()
    end
end
function attack.memory_mail()
    local me, text = process.pid(), ("x"):rep(10000)
    while true do process.send(me, "kept", text) end
end
function attack.memory_mail_small()
    local me = process.pid()
    while true do process.send(me, "kept") end
end
function attack.memory_listen()
    for i = 1, math.huge do process.listen("topic" .. i) end
end
function attack.memory_args()
    local t = {}
    for i = 1, 100000 do t[i] = ("x"):rep(100) .. i end
    while true do process.spawn("red:storm", "red:field", "exit", t) end
end
function attack.memory_error() error(("x"):rep(8 << 20)) end
function attack.memory_result() return ("x"):rep(8 << 20) end
function attack.memory_gsub() return (("x"):rep(1 << 20)):gsub("x", ("y"):rep(1 << 10)) end
function attack.memory_concat()
    local t, s = {}, ("x"):rep(1 << 20)
    for i = 1, 1 << 16 do t[i] = s end
    return table.concat(t)
end
function attack.memory_format() return ("%99d"):rep(1 << 18):format(table.unpack({}, 1, 200)) end
function attack.memory_stack() return table.unpack({}, 1, 900000) end
function attack.memory_registry()
    for i = 1, math.huge do
        local ok, err = process.registry.register("name" .. i)
        if not ok then error(err) end
    end
end

-- ---- depth

function attack.deep_recursion() local function f() return 1 + f() end return f() end
function attack.deep_recursion_pcall() local function f() return pcall(f) end while true do f() end end
function attack.deep_index()
    local t = {}
    for _ = 1, 100000 do t = setmetatable({}, { __index = t }) end
    return t.x
end
function attack.deep_index_self() local t = {} setmetatable(t, { __index = t }) return t.x end
function attack.deep_index_function()
    local t = setmetatable({}, { __index = function(t, k) return t[k] end })
    return t.x
end
function attack.deep_tostring()
    local t = setmetatable({}, { __tostring = function(t) return tostring(t) end })
    return tostring(t)
end
function attack.deep_gsub()
    local function f() return (("x"):gsub(".", f)) end
    return f()
end
function attack.deep_sort()
    local function f() table.sort({ 1, 2, 3 }, f) return true end
    return f()
end
function attack.deep_wrap() local function f() return coroutine.wrap(f)() end return f() end
function attack.deep_handler() xpcall(error, function() error() end) error("after") end
function attack.deep_handler_self()
    local function f() return xpcall(error, f) end
    while true do f() end
end
function attack.deep_send()
    local t = {}
    for _ = 1, 100000 do t = { t } end
    return process.send(process.pid(), "deep", t)
end
function attack.deep_error()
    local e = errors.new("deep")
    for _ = 1, 10000 do e = errors.wrap(e, "deeper") end
    error(e)
end
function attack.deep_close()
    local function f()
        local x <close> = setmetatable({}, { __close = f })
        return f()
    end
    return f()
end
function attack.deep_concat()
    local t = setmetatable({}, { __concat = function(a, b) return a .. b end })
    return t .. "x"
end

-- ---- yields where there are none

function attack.yield_everywhere()
    local inbox = process.inbox()
    local function wait() return inbox:receive() end
    local function sleep() time.sleep("1s") end
    for _, block in ipairs({ wait, sleep, coroutine.yield, function() return time.after("1s"):receive() end }) do
        for _ = 1, 5 do
            pcall(table.sort, { 3, 2, 1 }, block)
            pcall(string.gsub, "x", ".", block)
            pcall(tostring, setmetatable({}, { __tostring = block }))
            pcall(table.concat, setmetatable({}, { __index = block, __len = function() return 3 end }))
            pcall(table.unpack, setmetatable({}, { __index = block }), 1, 3)
            xpcall(error, block)
        end
    end
    error("not one of them blocked")
end
function attack.yield_in_close()
    do
        local x <close> = setmetatable({}, { __close = function() time.sleep("10ms") end })
    end
    local ok = pcall(function()
        local x <close> = setmetatable({}, { __close = function() time.sleep("10ms") error("two") end })
        error("one")
    end)
    error("closed " .. tostring(ok))
end
function attack.yield_main()
    while true do coroutine.yield() end
end
function attack.yield_across_wrap()
    local function blockers()
        time.sleep("1ms")
        process.inbox()
        error("woke")
    end
    for _ = 1, 100 do pcall(coroutine.wrap(blockers)) end
    error("over")
end
function attack.yield_swap()
    -- Resume the thread that resumes this one, close what runs, close what waits for the scheduler.
    local main = coroutine.running()
    local inner
    inner = coroutine.create(function()
        coroutine.resume(main)
        pcall(coroutine.close, inner)
        pcall(coroutine.close, main)
        time.sleep("20ms")
        coroutine.close(inner)
    end)
    coroutine.spawn(function()
        for _ = 1, 100 do
            pcall(coroutine.resume, inner)
            pcall(coroutine.close, inner)
            coroutine.resume(main)
            pcall(coroutine.close, main)
        end
    end)
    coroutine.resume(inner)
    error("done")
end
function attack.yield_dead_channel()
    local c = channel.new(0)
    for _ = 1, 10 do coroutine.spawn(function() pcall(function() c:send(1) end) end) end
    for _ = 1, 10 do coroutine.spawn(function() pcall(function() c:receive() c:close() end) end) end
    time.sleep("10ms")
    pcall(function() c:close() end)
    pcall(function() c:close() end)
    error("closed")
end

-- ---- errors

function attack.error_nil() error(nil) end
function attack.error_false() error(false) end
function attack.error_table() error({ message = {} }) end
function attack.error_cycle() local t = {} t.t = t error(t) end
function attack.error_function() error(print) end
function attack.error_thread() error(coroutine.create(spin)) end
function attack.error_channel() error(channel.new(1)) end
function attack.error_number() error(0 / 0) end
function attack.error_binary() error("\0\xff\n\27[31m%s%n") end
function attack.error_tostring() error(setmetatable({}, { __tostring = spin })) end
function attack.error_tostring_error() error(setmetatable({}, { __tostring = error })) end
function attack.error_tostring_odd() error(setmetatable({}, { __tostring = function() return {} end })) end
function attack.error_name_odd() return ("x" .. setmetatable({}, { __name = {} })) end
function attack.error_in_close()
    local a <close> = setmetatable({}, { __close = function(_, e) error(e) end })
    local b <close> = setmetatable({}, { __close = function() error(setmetatable({}, { __tostring = error })) end })
    error("first")
end
function attack.error_in_metamethods()
    local events = { "__index", "__newindex", "__call", "__concat", "__len", "__eq", "__lt", "__le", "__unm", "__close" }
    for _, event in ipairs(events) do
        local t = setmetatable({}, { [event] = error })
        for _ = 1, 100 do
            pcall(function() return t.x end) pcall(function() t.x = 1 end) pcall(t)
            pcall(function() return t .. t, #t, t == {}, t < t, t <= t, -t end)
            pcall(function() local c <close> = t end)
        end
    end
    error("through")
end
function attack.error_storm()
    while true do pcall(error, errors.new({ kind = "Internal", message = ("m"):rep(1000), details = { 1 } })) end
end
function attack.error_return() return nil, setmetatable({}, { __tostring = spin }) end
function attack.result_odd() return print, coroutine.create(spin), channel.new(1), setmetatable({}, { __index = spin }) end
function attack.deadlock() channel.new(0):receive() end
function attack.error_from_coroutine()
    coroutine.spawn(function() error({}) end)
    process.listen("x"):receive()
end

-- ---- storms

function attack.storm_processes()
    local refused
    for _ = 1, 100000 do
        local pid, err = process.spawn_linked("red:storm", "red:field", "sleep")
        if err then refused = err break end
    end
    error(refused or "never refused")
end
function attack.storm_fork()
    process.spawn_linked("red:storm", "red:field", "fork")
    process.spawn_linked("red:storm", "red:field", "fork")
    process.inbox():receive()
end
function attack.storm_exits()
    while true do process.spawn("red:storm", "red:field", "exit") end
end
function attack.storm_crashes()
    while true do process.spawn_monitored("red:storm", "red:field", "crash") end
end
function attack.storm_links()
    process.set_options({ trap_links = true })
    while true do process.spawn_linked_monitored("red:storm", "red:field", "crash") end
end
function attack.storm_upgrades()
    for _ = 1, 20 do process.spawn("red:storm", "red:field", "upgrade", 200) end
    process.exec("red:storm", "red:field", "upgrade", 500)
    error("upgraded")
end
function attack.storm_upgrade_for_ever() process.upgrade("red:storm", "upgrade_for_ever") end
function attack.storm_upgrade_broken() process.upgrade("red:load_error") end
function attack.storm_upgrade_loop() process.upgrade("red:load_loop") end
function attack.storm_upgrade_missing() process.upgrade("red:nothing") end
function attack.storm_mail()
    -- 100,000 messages to a process that never reads.
    local pid = assert(process.spawn_linked("red:storm", "red:field", "deaf"))
    local refused, why = 0, nil
    for i = 1, 100000 do
        local ok, err = process.send(pid, "heap", i)
        if not ok then refused, why = refused + 1, err end
    end
    process.terminate(pid)
    error(("refused %d of 100000: %s"):format(refused, tostring(why)))
end
function attack.storm_signals(crown)
    local me = process.pid()
    for _ = 1, 20000 do
        process.monitor(me) process.unmonitor(me)
        pcall(process.link, me) pcall(process.unlink, me)
        process.monitor(crown) process.unmonitor(crown)
        process.link(crown) process.unlink(crown)
    end
    error("signalled")
end
function attack.storm_deaf()
    -- Asked to end again and again, it does not look.
    local me = process.pid()
    for _ = 1, 10000 do process.cancel(me) end
    while true do time.sleep("10ms") end
end
function attack.storm_options()
    for _ = 1, 100000 do process.set_options({ trap_links = true }) process.set_options({ trap_links = false }) end
    error("set")
end
function attack.storm_events()
    local events = require("events")
    local kept = {}
    for i = 1, 100000 do
        local ok, sub, err = pcall(events.subscribe, "red", "*")
        if not ok or err then error(err or sub) end
        kept[i] = sub
        events.send("red", "kind", "path", { i })
    end
    error("sent")
end
function attack.storm_log()
    local logger = require("logger")
    for _ = 1, 2000 do logger:debug(("x"):rep(5000), { t = {} }) end
    error("logged")
end
function attack.storm_calls()
    local funcs = require("funcs")
    for _ = 1, 10000 do pcall(funcs.call, "red:storm") pcall(funcs.async, "red:nothing") end
    error("called")
end

-- Many at once, each in a place where it cannot be pre-empted: more of them than a host has threads. No
-- links: each has to be ended by itself. A spawn answers when the chunk was loaded, so each has a helper.
local function crowd(entry, ...)
    for _ = 1, 20 do process.spawn("red:storm", "red:field", "helper", entry, ...) end
    process.inbox():receive()
end
function attack.crowd_sort() crowd("red:attacker", "loop_sort") end
function attack.crowd_gsub() crowd("red:attacker", "loop_gsub") end
function attack.crowd_tostring() crowd("red:attacker", "loop_tostring") end
function attack.crowd_handler() crowd("red:attacker", "loop_handler") end
function attack.crowd_pattern() crowd("red:attacker", "pattern_lazy") end
function attack.crowd_insert() crowd("red:attacker", "lib_insert") end
function attack.crowd_load() crowd("red:load_loop") end

local function main(name, ...)
    return attack[name](...)
end
return { main = main }
