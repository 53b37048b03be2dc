-- One of many: what it does is told by its first argument.
local storm = {}

function storm.exit() end

function storm.crash() error({ deep = { error = "table" } }) end

function storm.upgrade(left)
    if left > 0 then process.upgrade(nil, "upgrade", left - 1) end
end

function storm.upgrade_for_ever()
    process.upgrade(nil, "upgrade_for_ever")
end

function storm.fork()
    for _ = 1, 2 do process.spawn_linked("red:storm", "red:field", "fork") end
    process.inbox():receive()
end

function storm.sleep()
    process.inbox():receive()
end

function storm.helper(entry, ...)
    process.spawn(entry, "red:field", ...)
end

function storm.deaf()
    process.listen("never"):receive()
end

local function main(what, ...)
    return storm[what](...)
end
return { main = main }
