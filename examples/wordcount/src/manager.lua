-- The pool: a worker for each core, each busy with one file. A worker that crashes costs the file it
-- was at; another takes its place. Answers to a message `count` {files, top}:
--   progress {done, total, path, words | failure}   after each file
--   result   {words, failed, workers, total, different}
local logger = require("logger")
local system = require("system")

local NAME = "wordcount.pool"
local HOST = "app:workers"

local slots = {}   -- one for each core: {pid, path, files, words, restarts, ms}
local by_pid = {}  -- pid -> slot
local job = nil    -- the order that is being counted; nil = none
local waiting = {} -- orders that came meanwhile

local begin -- the next order, see below

local function start_worker(slot)
    local pid, failure = process.spawn_linked_monitored("app:worker", HOST)
    if not pid then error(failure) end
    slot.pid = pid
    by_pid[pid] = slot
end

local function start_workers()
    local count = system.runtime.cpu_count() or 1
    for index = 1, count do
        slots[index] = { index = index, files = 0, words = 0, restarts = 0, ms = 0 }
        start_worker(slots[index])
    end
    logger:info("pool is ready", { workers = count })
end

-- The words that occur most often, ties in alphabetical order.
local function most_frequent(counts, most)
    local list = {}
    for word, count in pairs(counts) do
        list[#list + 1] = { word = word, count = count }
    end
    table.sort(list, function(a, b)
        if a.count ~= b.count then return a.count > b.count end
        return a.word < b.word
    end)
    local top = {}
    for i = 1, math.min(most, #list) do top[i] = list[i] end
    return top, #list
end

local function finish()
    local top, different = most_frequent(job.counts, job.top)
    local workers = {}
    for index, slot in ipairs(slots) do
        workers[index] = { files = slot.files, words = slot.words, restarts = slot.restarts,
                           ms = slot.ms }
    end
    process.send(job.customer, "result", {
        words = top, failed = job.failed, workers = workers,
        total = job.words, different = different,
    })
    job = nil
    if #waiting > 0 then begin(table.remove(waiting, 1)) end
end

-- Give the next file to an idle worker.
local function feed(slot)
    local path = job and job.files[job.next]
    if not path or slot.path then return end
    job.next = job.next + 1
    slot.path = path
    process.send(slot.pid, "file", path)
end

function begin(order)
    job = { customer = order.customer, files = order.files, top = order.top, next = 1, done = 0,
            counts = {}, words = 0, failed = {} }
    for _, slot in ipairs(slots) do
        slot.files, slot.words, slot.restarts, slot.ms = 0, 0, 0, 0
        feed(slot)
    end
    if #job.files == 0 then finish() end
end

local function file_done(slot, words, failure)
    local path = slot.path
    slot.path = nil
    job.done = job.done + 1
    if failure then
        job.failed[#job.failed + 1] = { path = path, failure = failure }
    end
    process.send(job.customer, "progress", {
        done = job.done, total = #job.files, path = path, words = words, failure = failure,
    })
    if job.done == #job.files then finish() else feed(slot) end
end

local function counted(slot, answer)
    slot.ms = slot.ms + answer.ms
    if answer.failure then return file_done(slot, nil, answer.failure) end
    slot.files = slot.files + 1
    slot.words = slot.words + answer.words
    job.words = job.words + answer.words
    for word, count in pairs(answer.counts) do
        job.counts[word] = (job.counts[word] or 0) + count
    end
    file_done(slot, answer.words)
end

-- A customer orders: {files, top}.
local function ordered(customer, order)
    order.customer = customer
    if job then waiting[#waiting + 1] = order else begin(order) end
end

local function worker_ended(event)
    local slot = by_pid[event.from]
    if not slot then return end
    by_pid[event.from] = nil
    local failure = event.result.error and tostring(event.result.error) or "worker ended"
    logger:warn("worker crashed", { worker = slot.index, file = slot.path, error = failure })
    slot.restarts = slot.restarts + 1
    start_worker(slot)
    if slot.path then file_done(slot, nil, failure) end
end

local function stop_workers()
    for _, slot in ipairs(slots) do
        process.cancel(slot.pid, "pool is stopping")
    end
end

local function main()
    process.set_options({ trap_links = true }) -- workers fall with the manager, not it with them
    start_workers()
    assert(process.registry.register(NAME))
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            if got.value.kind == process.event.CANCEL then return stop_workers() end
            if got.value.kind == process.event.EXIT then worker_ended(got.value) end
        else
            local topic, from = got.value:topic(), got.value:from()
            if topic == "count" then
                ordered(from, got.value:payload():data())
            elseif topic == "counted" and by_pid[from] then
                counted(by_pid[from], got.value:payload():data())
            end
        end
    end
end

return { main = main }
