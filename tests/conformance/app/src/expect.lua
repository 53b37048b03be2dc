-- What a case says about what it sees. Every function raises when it is not so.
local time = require("time")
local expect = {}

local HOST = "app:processes"
expect.HOST = HOST

local function show(value)
    if type(value) == "string" then return string.format("%q", value) end
    return tostring(value)
end

-- Where the case called: the first line that is not of this file.
local function fail(text)
    error(text, 3)
end

-- A list of cases and the method that names them (without argument) or runs one.
function expect.cases()
    local names, bodies = {}, {}
    local function case(name, body)
        assert(not bodies[name], "two cases of one name: " .. name)
        names[#names + 1] = name
        bodies[name] = body
    end
    local function main(name)
        if name == nil then return names end
        local fine, failure = xpcall(bodies[name], function(e)
            if type(e) ~= "string" then return errors.wrap(e, "raised") end
            return e -- keeps its line
        end)
        if not fine then return nil, tostring(failure) end
        return failure
    end
    return case, main
end

function expect.equal(actual, wanted, what)
    if actual ~= wanted then
        fail(string.format("%s is %s, expected %s", what or "value", show(actual), show(wanted)))
    end
end

function expect.integer(actual, wanted, what)
    if actual ~= wanted or math.type(actual) ~= "integer" then
        fail(string.format("%s is %s (%s), expected the integer %s", what or "value", show(actual),
            tostring(math.type(actual)), show(wanted)))
    end
end

function expect.truthy(value, what)
    if not value then fail((what or "value") .. " is " .. show(value)) end
    return value
end

function expect.is_nil(value, what)
    if value ~= nil then fail((what or "value") .. " is " .. show(value) .. ", expected nil") end
end

function expect.matches(text, pattern, what)
    if type(text) ~= "string" or not text:find(pattern) then
        fail(string.format("%s is %s, expected to match %s", what or "text", show(text), show(pattern)))
    end
end

function expect.contains(text, part, what)
    if not tostring(text):find(part, 1, true) then
        fail(string.format("%s is %s, expected %s in it", what or "text", show(tostring(text)), show(part)))
    end
end

-- Tables of plain values, in depth.
local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b and math.type(a) == math.type(b)
    end
    for k, v in pairs(a) do
        if not same(v, b[k]) then return false end
    end
    for k in pairs(b) do
        if a[k] == nil then return false end
    end
    return true
end

local function text_of(value)
    if type(value) ~= "table" then return show(value) end
    local parts = {}
    for k, v in pairs(value) do parts[#parts + 1] = tostring(k) .. "=" .. text_of(v) end
    table.sort(parts)
    return "{" .. table.concat(parts, ", ") .. "}"
end

function expect.same(actual, wanted, what)
    if not same(actual, wanted) then
        fail(string.format("%s is %s, expected %s", what or "value", text_of(actual), text_of(wanted)))
    end
end

local function check_error(err, kind, message)
    if type(err) ~= "userdata" then
        error("no error object but " .. show(err) .. ", expected " .. kind .. " " .. message, 3)
    end
    local found = err:message()
    local fits
    if message:sub(1, 1) == "*" then
        fits = found:find(message:sub(2), 1, true) ~= nil
    else
        fits = found == message
    end
    if not fits or err:kind() ~= kind then
        error(string.format("error is %s %s, expected %s %s", err:kind(), show(found), kind, show(message)), 3)
    end
end

-- An error object of that kind and message; a message that begins with * need only be contained.
function expect.error(kind, message, err)
    check_error(err, kind, message)
    return err
end

-- The results of a call that failed: nil or false, and such an error.
function expect.failure(kind, message, value, err)
    if value then fail("no failure but " .. show(value) .. ", expected " .. kind .. " " .. message) end
    check_error(err, kind, message)
    return err
end

-- The same, and trying again is useless.
function expect.final_failure(kind, message, value, err)
    if value then fail("no failure but " .. show(value) .. ", expected " .. kind .. " " .. message) end
    check_error(err, kind, message)
    if err:retryable() ~= false then fail("retryable is " .. show(err:retryable()) .. ", expected false") end
    return err
end

-- The function raises something whose text contains the message.
function expect.raises(message, fn, ...)
    local fine, err = pcall(fn, ...)
    if fine then fail("nothing raised, expected " .. show(message)) end
    if not tostring(err):find(message, 1, true) then
        fail("raised " .. show(tostring(err)) .. ", expected " .. show(message))
    end
    return err
end

-- The next value of a channel, which comes within a time.
function expect.receive(ch, within)
    local limit = time.after(within or "10s")
    local got = channel.select{ch:case_receive(), limit:case_receive()}
    if got.channel == limit then fail("nothing received within " .. (within or "10s")) end
    return got.value, got.ok
end

-- Nothing comes for a while.
function expect.silence(ch, during)
    local limit = time.after(during or "150ms")
    local got = channel.select{ch:case_receive(), limit:case_receive()}
    if got.channel ~= limit then
        local value = got.value
        fail("received " .. show(type(value) == "table" and text_of(value) or value) .. ", expected nothing")
    end
end

-- The next event: EXIT of that process; answers its result.
function expect.exit(events, pid, within)
    local event = expect.receive(events, within)
    if event.kind ~= process.event.EXIT or event.from ~= pid then
        fail("event " .. show(event.kind) .. " from " .. show(event.from) .. ", expected EXIT from " .. show(pid))
    end
    return event.result
end

-- A condition that becomes true.
function expect.becomes(condition, what)
    for _ = 1, 1000 do
        if condition() then return end
        time.sleep("5ms")
    end
    fail("never: " .. (what or "condition"))
end

-- What the function does takes less than that many milliseconds. A machine that stands still for a while
-- makes it late; what is too slow is too slow each time.
function expect.in_time(what, limit_ms, fn)
    local took
    for _ = 1, 20 do
        local began = time.now()
        fn()
        took = time.now():sub(began):milliseconds()
        if took < limit_ms then return end
    end
    fail(string.format("%s: %d ms, twenty times more than %d", what, took, limit_ms))
end

-- Start a watched actor (see actor.lua); answers its pid.
function expect.actor(action, ...)
    local pid, err = process.spawn_monitored("app:actor", HOST, action, ...)
    if not pid then fail("not started: " .. tostring(err)) end
    return pid
end

-- What becomes of an actor: the result table of its EXIT.
function expect.outcome(action, ...)
    local events = process.events()
    return expect.exit(events, expect.actor(action, ...))
end

return expect
