-- A child of a tenant: inherits its actor and scope, and tries the fence as well.
local function main(parent)
    local sent, failure = process.send("vault", "hello", "from a child")
    process.send(parent, "tried", { sent = sent == true, failure = failure and tostring(failure) })
    process.events():receive()
end

return { main = main }
