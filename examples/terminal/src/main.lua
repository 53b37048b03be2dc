-- The screen: answers scroll by above, the menu or the prompt stays below. Three things are waited for at
-- once: keys, answers (EXITs of workers), and the request to end.
local io = require("io")
local console = require("console")
local keys = require("keys")
local editor = require("editor")
local menu = require("menu")

local ITEMS = {
    { key = "p", title = "count primes", kind = "primes", prompt = "primes up to " },
    { key = "c", title = "count Collatz steps", kind = "collatz", prompt = "steps from " },
    { key = "m", title = "mirror a text, slowly", kind = "mirror", prompt = "mirror " },
    { key = "q", title = "quit" },
}

local choice = menu.new(ITEMS)
local lines = {}   -- kind -> editor: every prompt has its own history
local task = nil   -- the item whose prompt is shown; nil = the menu
local pending = {} -- pid -> {question, number}
local asked, open = 0, 0
local height = 0   -- lines drawn below, to be erased before the next

local function erase()
    if height > 1 then io.write(string.format("\27[%dA", height - 1)) end
    io.write("\r\27[J")
    height = 0
end

local function draw_menu()
    local all = choice:lines()
    io.write("what shall I compute?\r\n", table.concat(all, "\r\n"))
    height = #all + 1
end

local function draw_prompt()
    local before = (open > 0 and "(" .. open .. " open) " or "") .. task.prompt
    local room = (console.width() or 80) - #before - 1
    local text, column = lines[task.kind]:view(math.max(room, 2))
    io.write(before, text, string.format("\r\27[%dC", #before + column))
    height = 1
end

local function draw()
    erase()
    if task then draw_prompt() else draw_menu() end
end

-- A line that stays, above what is drawn.
local function say(text)
    erase()
    io.write(text, "\r\n")
end

local function ask(kind, text)
    asked = asked + 1
    local pid, failure = process.spawn_monitored("app:worker", "app:workers", kind, text)
    if not pid then return say(string.format("[%d] %s", asked, tostring(failure))) end
    pending[pid] = asked
    open = open + 1
    say(string.format("[%d] %s%s ...", asked, task.prompt, text))
end

local function answered(event)
    local number = pending[event.from]
    if not number then return end
    pending[event.from] = nil
    open = open - 1
    local result = event.result
    say(string.format("[%d] %s", number, result.error and "no answer: " .. tostring(result.error)
        or result.value))
end

-- One key, for the menu or the prompt. True: the user has had enough.
local function press(key)
    if key == "ctrl-c" or key == "ctrl-d" then return true end
    if not task then
        task = choice:press(key)
        if task and not task.kind then return true end
        if task and not lines[task.kind] then lines[task.kind] = editor.new() end
    elseif key == "escape" then
        task = nil
    else
        local line = lines[task.kind]:press(key)
        if line and line ~= "" then ask(task.kind, line) end
        if line == "" then task = nil end
    end
    return false
end

-- Bytes as they come, into a channel; closed at the end of input. Only this coroutine waits for input.
local function read_keys(channel_of_keys)
    local rest = ""
    while true do
        local bytes = io.read(64)
        if not bytes then break end
        local list
        list, rest = keys.decode(rest .. bytes)
        for _, key in ipairs(list) do channel_of_keys:send(key) end
    end
    channel_of_keys:close()
end

local function loop(pressed, events)
    while true do
        draw()
        local got = channel.select({ events:case_receive(), pressed:case_receive() })
        if got.channel == pressed then
            if not got.ok or press(got.value) then return end
        elseif got.value.kind == process.event.EXIT then
            answered(got.value)
        else
            return -- CANCEL
        end
    end
end

local function main()
    if not console.is_terminal() then
        return nil, "this program needs a terminal"
    end
    io.raw(true) -- given back when this process ends, however it ends
    local pressed, events = channel.new(), process.events()
    coroutine.spawn(function() read_keys(pressed) end)
    loop(pressed, events)
    for pid in pairs(pending) do process.terminate(pid) end
    say(string.format("%d asked, %d without an answer. Good-bye.", asked, open))
    return 0
end

return { main = main }
