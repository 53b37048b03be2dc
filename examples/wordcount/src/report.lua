-- What the user sees: progress while it runs, tables at the end.
local report = {}

-- 1234567 -> 1,234,567
local function number(n)
    local text = string.format("%d", n)
    local grouped = text:reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (grouped:gsub("^,", ""))
end

local function plural(n, word)
    return string.format("%s %s%s", number(n), word, n == 1 and "" or "s")
end

-- One line that is written over and over, no longer than the terminal is wide.
local function update(io, width, text)
    if #text > width - 1 then text = text:sub(1, width - 1) end
    io.write("\r", text, "\27[K")
end

-- A printer of progress messages: on a terminal one line that changes, else a line for each tenth.
function report.progress(io, console)
    local width = console.is_terminal() and (console.width() or 80)
    local last = 0
    return function(step)
        if step.failure then
            io.print((width and "\r\27[K" or "") .. "failed: " .. step.path .. ": " .. step.failure)
        end
        local tenth = step.done * 10 // step.total
        local text = string.format("%d of %s: %s", step.done, plural(step.total, "file"), step.path)
        if width then
            update(io, width, step.done < step.total and text or "")
        elseif tenth > last then
            io.print(text)
        end
        last = tenth
    end
end

function report.words(io, result)
    io.print("")
    io.print("most frequent words")
    for _, item in ipairs(result.words) do
        io.print(string.format("  %-16s %9s", item.word, number(item.count)))
    end
end

function report.workers(io, result)
    io.print("")
    io.print("worker      files      words  restarts        ms")
    for index, worker in ipairs(result.workers) do
        io.print(string.format("%6d  %9s  %9s  %8d  %8.0f", index, number(worker.files),
            number(worker.words), worker.restarts, worker.ms))
    end
end

function report.summary(io, result, files, seconds)
    io.print("")
    io.print(string.format("%s, %s, %s different, %d failed, %s, %.2f s", plural(files, "file"),
        plural(result.total, "word"), number(result.different), #result.failed,
        plural(#result.workers, "worker"), seconds))
end

return report
