-- Words of a text: a letter, then letters, digits, _ and inner apostrophes; in lower case as far as
-- that is ASCII.
-- A text that is not UTF-8 is an error, and an error is a crash: that is the worker's way to say no.
local words = {}

-- Bytes that follow a first byte; nil = no such first byte.
local function following(first: integer): integer?
    if first >= 0xC2 and first <= 0xDF then return 1 end
    if first >= 0xE0 and first <= 0xEF then return 2 end
    if first >= 0xF0 and first <= 0xF4 then return 3 end
    return nil
end

local function check(text: string)
    local at = text:find("[\128-\255]")
    while at do
        local count = following(text:byte(at))
        local rest = count and text:sub(at + 1, at + count)
        if not rest or #rest < count or rest:find("[^\128-\191]") then
            error(string.format("invalid UTF-8 at byte %d", at), 0)
        end
        at = text:find("[\128-\255]", at + count + 1)
    end
end

-- How often each word occurs, and how many words there are.
function words.count(text: string): ({[string]: integer}, integer)
    check(text)
    local counts, total = {}, 0
    for word in text:lower():gmatch("[%a\128-\255][%w_\128-\255']*") do
        if word:byte(-1) == 39 then
            word = word:gsub("'+$", "")
        end
        counts[word] = (counts[word] or 0) + 1
        total = total + 1
    end
    return counts, total
end

return words
