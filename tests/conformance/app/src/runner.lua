-- Finds every entry with meta.type = test, asks each for its cases, runs each case as a call of its own,
-- prints a line for each, and ends with the sum. Arguments select: a case runs when its line contains one.
local io = require("io")
local registry = require("registry")
local funcs = require("funcs")
local time = require("time")

local LIMIT = "30s" -- for one case; a case that waits for ever is a failure and not a hang

-- The result of a call: value, error; a call that does not come back is an error.
local function call(...)
    local future, failure = funcs.async(...)
    if not future then return nil, failure end
    local answer, limit = future:response(), time.after(LIMIT)
    local got = channel.select{answer:case_receive(), limit:case_receive()}
    if got.channel == limit then return nil, "no answer within " .. LIMIT end
    local payload, problem = future:result()
    if problem then return nil, problem end
    return payload and payload:data()
end

local function selected(line, wanted)
    for _, text in ipairs(wanted) do
        if line:find(text, 1, true) then return true end
    end
    return #wanted == 0
end

local function explain(failure)
    local text = tostring(failure)
    if type(failure) == "userdata" and failure:kind() ~= "" and failure:kind() ~= "Internal" then
        text = text .. " [" .. failure:kind() .. "]"
    end
    return text
end

local function main(...)
    local wanted, passed, failed = {...}, 0, 0
    local entries = assert(registry.find({["meta.type"] = "test"}))
    for _, entry in ipairs(entries) do
        local suite = entry.meta.suite
        local names, failure = call(entry.id)
        if type(names) ~= "table" then
            failed = failed + 1
            io.print("FAIL", suite, entry.id, explain(failure))
            names = {}
        end
        for _, name in ipairs(names) do
            if selected(suite .. ": " .. name, wanted) then
                local value, problem = call(entry.id, name)
                if problem == nil and value ~= false then
                    passed = passed + 1
                    io.print("ok", suite, name)
                else
                    failed = failed + 1
                    io.print("FAIL", suite, name, explain(problem or "answered false"))
                end
            end
        end
    end
    io.print(passed .. " passed, " .. failed .. " failed")
    return failed == 0 and 0 or 1
end

return { main = main }
