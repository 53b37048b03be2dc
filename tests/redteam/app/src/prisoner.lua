-- Runs with a policy that fences the host red:fort off and keeps names from it.
local function main(fort)
    local tries = {
        { process.send, fort, "ping", 1 }, { process.cancel, fort }, { process.terminate, fort }, { process.monitor, fort },
        { process.link, fort }, { process.spawn, "red:neighbour", "red:fort" }, { process.spawn_linked, "red:neighbour", "red:fort" },
        { process.spawn_monitored, "red:neighbour", "red:fort" }, { process.exec, "red:neighbour", "red:fort" },
        { process.registry.register, "crown_jewel" }, { process.registry.unregister, "crown" },
    }
    for i, try in ipairs(tries) do
        local ok, answer = pcall(try[1], table.unpack(try, 2))
        if ok and answer then return "try " .. i .. " went through" end
    end
    return "kept out"
end
return { main = main }
