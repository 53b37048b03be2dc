# Reads lines "row who workers value"; prints medians beside each other, writes them to `json`.
# `systems`: names in the order of the columns, ours first. The last column: ours against the best of the others,
# over 1 = ours is better.

function less_is_better(row) {
    return row ~ /^(bytes|timers|latency)/
}

function unit(row) {
    if (row ~ /^bytes/) return "bytes/process"
    if (row ~ /^latency/ || row ~ /late/) return "us"
    if (row ~ /^timers_1m/) return "s of CPU, 1,000,000"
    if (row ~ /^timers/) return "s of CPU, 200,000"
    if (row ~ /^ring/) return "hops/s"
    if (row ~ /^spawn/) return "processes/s"
    if (row == "independent") return "steps of 20 us/s"
    if (row == "tree") return "leaves/s"
    if (row == "call") return "round trips/s"
    return "messages/s"
}

function sort_values(list, count,    i, j, value) {
    for (i = 2; i <= count; i++) {
        value = list[i]
        for (j = i - 1; j >= 1 && list[j] > value; j--) list[j + 1] = list[j]
        list[j + 1] = value
    }
}

function human(value) {
    if (value >= 1e6) return sprintf("%.2f M", value / 1e6)
    if (value >= 1e4) return sprintf("%.0f k", value / 1e3)
    if (value >= 100) return sprintf("%.0f", value)
    return sprintf("%.3g", value)
}

{
    key = $1 SUBSEP $3
    if (!(key in seen)) {
        seen[key] = 1
        keys[++key_count] = key
    }
    values[key, $2, ++runs[key, $2]] = $4 + 0
}

function cell(key, who,    i, list, count, line) {
    count = runs[key, who]
    if (count == 0) return ""
    for (i = 1; i <= count; i++) list[i] = values[key, who, i]
    sort_values(list, count)
    split(key, parts, SUBSEP)
    line = sprintf("  {\"row\": \"%s\", \"lang\": \"%s\", \"workers\": %d, \"unit\": \"%s\", " \
        "\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}", parts[1], who == names[1] ? "c" : who, parts[2],
        unit(parts[1]), list[int(count / 2) + 1], list[1], list[count])
    printf "%s%s", (printed++ ? ",\n" : ""), line >json
    return list[int(count / 2) + 1]
}

END {
    count = split(systems, names, " ")
    printf "%-18s %7s", "row", "workers"
    for (s = 1; s <= count; s++) printf " %10s", names[s]
    print (count > 1 ? "   times better than the best other" : "")
    printf "[\n" >json
    for (k = 1; k <= key_count; k++) {
        split(keys[k], parts, SUBSEP)
        printf "%-18s %7d", parts[1], parts[2]
        best = ""
        for (s = 1; s <= count; s++) {
            value = cell(keys[k], names[s])
            printf " %10s", (value == "" ? "-" : human(value))
            if (s == 1) {
                ours = value
            } else if (value != "" && (best == "" || (less_is_better(parts[1]) ? (value < best) : (value > best)))) {
                best = value
            }
        }
        if (best != "" && ours != "") printf "   %.2f", (less_is_better(parts[1]) ? best / ours : ours / best)
        print ""
    }
    printf "\n]\n" >json
}
