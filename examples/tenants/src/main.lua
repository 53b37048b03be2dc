-- Has both tenants try, shows what was allowed, and looks whether what was denied changed anything.
local io = require("io")
local env = require("env")
local registry = require("registry")
local time = require("time")

local TENANTS = { "red", "blue" }
local ALLOWED = {
    ["register its own name"] = true, ["spawn on its own host"] = true,
    ["send to its own process"] = true, ["terminate its own child"] = true,
    ["read its own key"] = true, ["call app:price"] = true,
}

local inbox
local wrong = 0

local function check(what, good)
    io.print(string.format("  %-36s %s", what, good and "yes" or "NO"))
    if not good then wrong = wrong + 1 end
end

local function find(name)
    for _ = 1, 1000 do
        local pid = process.registry.lookup(name)
        if pid then return pid end
        time.sleep("5ms")
    end
    error(name .. " does not start")
end

-- What both tried, by number and tenant. They do it at the same time.
local function try_everything()
    local rows, running = {}, #TENANTS
    for _, tenant in ipairs(TENANTS) do process.send(tenant .. ".desk", "try") end
    while running > 0 do
        local message = inbox:receive()
        local answer = message:payload():data()
        if message:topic() == "finished" then
            running = running - 1
        else
            rows[answer.number] = rows[answer.number] or { what = answer.what }
            rows[answer.number][answer.tenant] = answer
        end
    end
    return rows
end

local function show(rows)
    io.print(string.format("%-32s %-8s %-8s %s", "", TENANTS[1], TENANTS[2], "red was told"))
    for _, row in ipairs(rows) do
        local words = {}
        for index, tenant in ipairs(TENANTS) do
            words[index] = row[tenant].allowed and "allowed" or "denied"
            if row[tenant].allowed ~= (ALLOWED[row.what] or false) then wrong = wrong + 1 end
        end
        io.print((string.format("%-32s %-8s %-8s %s", row.what, words[1], words[2],
            row.red.failure or ""):gsub("%s+$", "")))
    end
end

local function count_of_vault()
    process.send("vault", "count")
    return (inbox:receive():payload():data())
end

local function owns(tenant, desks)
    return process.registry.lookup(tenant .. ".desk") == desks[tenant]
        and process.registry.lookup(tenant .. ".window") == desks[tenant]
end

local function main()
    inbox = process.inbox()
    local vault, version = find("vault"), registry.current_version():id()
    local desks = { red = find("red.desk"), blue = find("blue.desk") }
    show(try_everything())
    io.print("")
    io.print("nothing that was denied changed anything:")
    check("the vault got no mail", count_of_vault() == 0 and process.registry.lookup("vault") == vault)
    check("each tenant has its names", owns("red", desks) and owns("blue", desks))
    check("keys are as they were", env.get("RED_KEY") == "rosebud" and env.get("BLUE_KEY") == "bluebell")
    check("the registry has the same version",
        registry.current_version():id() == version and registry.get("app:fence") ~= nil)
    return wrong == 0
end

return { main = main }
