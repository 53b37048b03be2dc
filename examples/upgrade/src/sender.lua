-- Sends 1, 2, 3 ... to the counter, never more than WINDOW without an answer, and keeps account: each
-- number has to come back once, in order. Half way it goes on sending, but no further than WINDOW before
-- it has heard that the code was replaced: so both versions get work, however fast the machine is.
local WINDOW = 200

local function main(parent, total)
    local inbox = process.inbox()
    local sent, answered, halfway = 0, 0, total // 2
    local last = math.min(total, halfway + WINDOW)
    local wrong, versions = 0, { 0, 0 }
    while answered < total do
        while sent < last and sent - answered < WINDOW do
            sent = sent + 1
            process.send("counter", "add", sent)
        end
        local message = inbox:receive()
        if message:topic() == "replaced" then
            last = total
        else
            local answer = message:payload():data()
            answered = answered + 1
            if answer.number ~= answered then wrong = wrong + 1 end
            versions[answer.version] = versions[answer.version] + 1
            if answered == halfway then process.send(parent, "halfway") end
        end
    end
    return { sent = sent, answered = answered, wrong = wrong, versions = versions }
end

return { main = main }
