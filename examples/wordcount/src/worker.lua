-- Counts one file at a time for whoever asks. Knows nothing of failures: it crashes, others clean up.
local fs = require("fs")
local words = require("words")

local function count_file(path)
    local began = os.clock()
    local text, failure = fs.read(path) -- other processes run meanwhile
    if not text then
        return { path = path, failure = tostring(failure), ms = (os.clock() - began) * 1000 }
    end
    local counts, total = words.count(text)
    return { path = path, counts = counts, words = total, ms = (os.clock() - began) * 1000 }
end

local function main()
    local inbox = process.inbox()
    local events = process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            return -- CANCEL is the only event that comes here
        end
        process.send(got.value:from(), "counted", count_file(got.value:payload():data()))
    end
end

return { main = main }
