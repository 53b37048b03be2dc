-- Bytes of a terminal in raw mode -> keys: "a", "ä", "enter", "up", "ctrl-c" ...
local keys = {}

local CONTROL = { ["\r"] = "enter", ["\n"] = "enter", ["\t"] = "tab", ["\127"] = "backspace", ["\b"] = "backspace" }
local FINAL = { A = "up", B = "down", C = "right", D = "left", H = "home", F = "end" }
local TILDE = { ["1"] = "home", ["3"] = "delete", ["4"] = "end", ["7"] = "home", ["8"] = "end" }

-- How many bytes the character has that begins with this one.
local function width_of(first)
    if first >= 0xF0 then return 4 end
    if first >= 0xE0 then return 3 end
    if first >= 0xC0 then return 2 end
    return 1
end

-- A sequence of bytes after ESC: CSI (ESC [ ...) or SS3 (ESC O x). A lone ESC is the key itself.
local function escape(bytes, at)
    local parameters, final, next_at = bytes:match("^[%[O]([%d;]*)([%a~])()", at + 1)
    if not final then return "escape", at + 1 end
    if final == "~" then return TILDE[parameters:match("^%d*")] or "unknown", next_at end
    return FINAL[final] or "unknown", next_at
end

-- The keys in these bytes, and the bytes at the end that are not a whole key yet.
function keys.decode(bytes)
    local list, at = {}, 1
    while at <= #bytes do
        local first = bytes:byte(at)
        local key, next_at
        if first == 27 then
            if bytes:find("^[%[O][%d;]*$", at + 1) then break end -- begun, the rest is on its way
            key, next_at = escape(bytes, at)
        elseif first < 32 or first == 127 then
            local char = string.char(first)
            key, next_at = CONTROL[char] or "ctrl-" .. string.char(first + 96), at + 1
        else
            next_at = at + width_of(first)
            if next_at > #bytes + 1 then break end
            key = bytes:sub(at, next_at - 1)
        end
        list[#list + 1] = key
        at = next_at
    end
    return list, bytes:sub(at)
end

return keys
