-- One line that is edited: characters, a cursor, and the lines that were entered before.
local editor = {}
editor.__index = editor

function editor.new()
    return setmetatable({ chars = {}, cursor = 0, history = {}, place = 1, draft = "" }, editor)
end

function editor:text()
    return table.concat(self.chars)
end

function editor:set(text)
    self.chars = {}
    for char in text:gmatch("[%z\1-\127\194-\244][\128-\191]*") do
        self.chars[#self.chars + 1] = char
    end
    self.cursor = #self.chars
end

-- Earlier (-1) or later (1) lines; what was being typed is the last of them.
function editor:browse(step)
    local place = self.place + step
    if place < 1 or place > #self.history + 1 then return end
    if self.place > #self.history then self.draft = self:text() end
    self.place = place
    self:set(self.history[place] or self.draft)
end

local function remove(self, index)
    if index >= 1 and index <= #self.chars then table.remove(self.chars, index) end
end

local ACTIONS = {
    left = function(self) self.cursor = math.max(0, self.cursor - 1) end,
    right = function(self) self.cursor = math.min(#self.chars, self.cursor + 1) end,
    home = function(self) self.cursor = 0 end,
    ["end"] = function(self) self.cursor = #self.chars end,
    up = function(self) self:browse(-1) end,
    down = function(self) self:browse(1) end,
    delete = function(self) remove(self, self.cursor + 1) end,
    backspace = function(self)
        remove(self, self.cursor)
        self.cursor = math.max(0, self.cursor - 1)
    end,
    ["ctrl-k"] = function(self)
        while #self.chars > self.cursor do table.remove(self.chars) end
    end,
    ["ctrl-u"] = function(self)
        for _ = 1, self.cursor do table.remove(self.chars, 1) end
        self.cursor = 0
    end,
}
ACTIONS["ctrl-a"], ACTIONS["ctrl-e"] = ACTIONS.home, ACTIONS["end"]
ACTIONS["ctrl-b"], ACTIONS["ctrl-f"] = ACTIONS.left, ACTIONS.right
ACTIONS["ctrl-p"], ACTIONS["ctrl-n"] = ACTIONS.up, ACTIONS.down

-- One key. Returns the line when it is complete.
function editor:press(key)
    if key == "enter" then
        local line = self:text()
        if line ~= "" and line ~= self.history[#self.history] then
            self.history[#self.history + 1] = line
        end
        self.place, self.draft = #self.history + 1, ""
        self:set("")
        return line
    elseif ACTIONS[key] then
        ACTIONS[key](self)
    elseif #key == 1 or key:byte() >= 0xC0 then
        self.cursor = self.cursor + 1
        table.insert(self.chars, self.cursor, key)
    end
end

-- What of the line fits into `room` columns, so that the cursor is seen: text, column of the cursor.
function editor:view(room)
    local first = math.max(1, self.cursor - room + 2)
    local last = math.min(#self.chars, first + room - 1)
    return table.concat(self.chars, "", first, last), self.cursor - first + 1
end

return editor
