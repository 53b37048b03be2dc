-- Answers one question and ends with the answer. What cannot be answered is a crash.
local time = require("time")

local answers = {}

-- How many primes there are up to a number. Long for large numbers: the terminal does not notice.
function answers.primes(text)
    local limit = assert(math.tointeger(tonumber(text)), "not a whole number")
    local primes = {}
    for n = 2, limit do
        local index = 1
        while primes[index] and primes[index] * primes[index] <= n and n % primes[index] ~= 0 do
            index = index + 1
        end
        if not primes[index] or primes[index] * primes[index] > n then primes[#primes + 1] = n end
    end
    return string.format("%d primes up to %d", #primes, limit)
end

-- How many steps to 1: halve what is even, triple what is odd and add one.
function answers.collatz(text)
    local n = assert(math.tointeger(tonumber(text)), "not a whole number")
    assert(n >= 1, "not positive")
    local steps, highest = 0, n
    while n ~= 1 do
        n = n % 2 == 0 and n // 2 or 3 * n + 1
        highest = math.max(highest, n)
        steps = steps + 1
    end
    return string.format("%s takes %d steps, up to %d", text, steps, highest)
end

-- A letter every 50 ms, backwards.
function answers.mirror(text)
    local list = {}
    for char in text:gmatch("[%z\1-\127\194-\244][\128-\191]*") do
        table.insert(list, 1, char)
        time.sleep("50ms")
    end
    return table.concat(list)
end

local function main(kind, text)
    return answers[kind](text)
end

return { main = main }
