-- A list with one item chosen; arrows move, enter or the letter takes.
local menu = {}
menu.__index = menu

function menu.new(items)
    return setmetatable({ items = items, chosen = 1 }, menu)
end

-- Its lines, the chosen one in reverse.
function menu:lines()
    local lines = {}
    for index, item in ipairs(self.items) do
        local text = string.format(" %s  %s ", item.key, item.title)
        lines[index] = index == self.chosen and "\27[7m" .. text .. "\27[0m" or text
    end
    return lines
end

-- One key. Returns the item that was taken.
function menu:press(key)
    if key == "up" then
        self.chosen = (self.chosen - 2) % #self.items + 1
    elseif key == "down" or key == "tab" then
        self.chosen = self.chosen % #self.items + 1
    elseif key == "enter" then
        return self.items[self.chosen]
    end
    for index, item in ipairs(self.items) do
        if item.key == key then
            self.chosen = index
            return item
        end
    end
end

return menu
