-- Finds the files, has the pool count them, shows what comes.
local io = require("io")
local fs = require("fs")
local console = require("console")
local time = require("time")
local report = require("report")

local POOL = "wordcount.pool"
local TOP = 15
local ENDINGS = { md = true, txt = true, c = true, h = true, cpp = true, lua = true, yaml = true }
local SKIP = { build = true, node_modules = true }

-- Text files at and below a path; what is named directly is taken whatever it is called.
local function find_files(path, files, named)
    local items, failure = fs.list(path)
    if not items then return nil, failure end
    for _, item in ipairs(items) do
        local name = item.path:match("[^/]*$")
        local hidden = name:sub(1, 1) == "." and item.path ~= path
        if item.type == "directory" and not hidden and not SKIP[name] then
            local found, problem = find_files(item.path, files)
            if not found then return nil, problem end
        elseif item.type == "file" and (ENDINGS[name:match("%.(%a+)$") or ""] or (named and #items == 1)) then
            files[#files + 1] = item.path
        end
    end
    return files
end

local function collect(paths)
    local files = {}
    for _, path in ipairs(paths) do
        local found, failure = find_files(path, files, true)
        if not found then return nil, failure end
    end
    return files
end

-- The pool is a service: it may still be starting, or be on its way back from a crash.
local function find_pool()
    for _ = 1, 500 do
        local pid = process.registry.lookup(POOL)
        if pid and process.monitor(pid) then return pid end
        time.sleep("10ms")
    end
    return nil, "the pool does not start"
end

-- One attempt; nil, "gone" when the pool ended meanwhile.
local function count(pool, files, inbox, events, progress)
    process.send(pool, "count", { files = files, top = TOP })
    while true do
        local got = channel.select({ inbox:case_receive(), events:case_receive() })
        if got.channel == events then
            if got.value.kind == process.event.CANCEL then return nil, "canceled" end
            if got.value.from == pool then return nil, "gone" end
        elseif got.value:topic() == "progress" then
            progress(got.value:payload():data())
        elseif got.value:topic() == "result" then
            return got.value:payload():data()
        end
    end
end

local function run(files)
    local inbox, events = process.inbox(), process.events()
    for _ = 1, 3 do
        local pool, failure = find_pool()
        if not pool then return nil, failure end
        local result, problem = count(pool, files, inbox, events, report.progress(io, console))
        if problem ~= "gone" then return result, problem end
        io.eprint("the pool ended, once more from the beginning")
    end
    return nil, "the pool ended three times"
end

local function main(...)
    local paths = { ... }
    if #paths == 0 then
        paths = { fs.project() .. "/../.." }
    end
    local began = time.now()
    local files, failure = collect(paths)
    local result = files and nil
    if files then
        result, failure = run(files)
    end
    if not result then
        io.eprint("wordcount: " .. tostring(failure))
        return 1
    end
    report.words(io, result)
    report.workers(io, result)
    report.summary(io, result, #files, time.now():sub(began):seconds())
    return 0
end

return { main = main }
