-- The first prime number above 1000 times the number of the run.
local function is_prime(n)
    for divisor = 2, n do
        if divisor * divisor > n then return true end
        if n % divisor == 0 then return false end
    end
    return false
end

local function main(run)
    local n = 1000 * run
    while not is_prime(n) do n = n + 1 end
    return n
end

return { main = main }
