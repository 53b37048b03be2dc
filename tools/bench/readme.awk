# Reads build/peers.json (ours in C beside the others) and build/bench.json (of which the Lua rows are taken), prints the
# table of README.md: medians, one worker / two.

function number(row, lang, workers) {
    return (row, lang, workers) in median ? median[row, lang, workers] : ""
}

function show(value, unit) {
    if (value == "") return "-"
    if (unit == "bytes") return value >= 1000 ? sprintf("%d,%03d", value / 1000, value % 1000) : sprintf("%d", value)
    value /= 1e6
    return value >= 10 ? sprintf("%.0f", value) : value >= 1 ? sprintf("%.1f", value) : sprintf("%.2f", value)
}

function pair(row, lang, unit) {
    if (number(row, lang, 1) == "") return "-"
    if (unit == "bytes") return show(number(row, lang, 1), unit)
    return show(number(row, lang, 1), unit) " / " show(number(row, lang, 2), unit)
}

function line(row, words, unit,    s) {
    printf "| %s | %s | %s |", words, pair(row, "lua", unit), "**" pair(row, "c", unit) "**"
    for (s = 1; s <= 3; s++) printf " %s |", pair(row, others[s], unit)
    print ""
}

/"row"/ {
    split($0, field, "\"")
    split($0, part, /"workers": |, "unit"|"median": |, "min"/)
    if (FILENAME ~ /peers/ || field[8] == "lua") median[field[4], field[8], part[2]] = part[4] + 0
}

END {
    split("erlang go caf", others, " ")
    print "| million a second, 1 / 2 workers | Lua | **C** | Erlang/OTP 25 | Go 1.19 | CAF 0.17 |"
    print "|---|---|---|---|---|---|"
    line("pingpong", "ping-pong, messages")
    line("ring1", "ring of 1,000, one token, hops")
    line("ring100", "ring of 1,000, 100 tokens, hops")
    line("fanin", "fan-in, four to one, messages")
    line("random", "200 processes, random pairs, messages")
    line("call", "request and answer, round trips")
    line("spawn", "spawn, two messages, exit")
    line("spawnwait", "spawn, wait for the exit")
    line("tree", "tree of a million (Lua: 10,000) leaves")
    line("bytes", "bytes of an idle process", "bytes")
}
