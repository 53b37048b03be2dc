# Reads lines "row system workers value" (build/bench/peers/all.txt) and prints an SVG: for each row and number of
# workers how many times better ours is than each of the others, on a logarithmic axis. `systems`: ours first.

function log10(x) {
    return log(x) / log(10)
}

function median(key,    i, j, n, value, list) {
    n = runs[key]
    if (n == 0) return 0
    for (i = 1; i <= n; i++) {
        value = values[key, i]
        for (j = i - 1; j >= 1 && list[j] > value; j--) list[j + 1] = list[j]
        list[j + 1] = value
    }
    return list[int(n / 2) + 1]
}

$1 !~ /^(timers_|latency_|bytes_)/ {
    if (!($1 in seen)) {
        seen[$1] = 1
        rows[++row_count] = $1
    }
    values[$1, $2, $3, ++runs[$1, $2, $3]] = $4 + 0
    if ($3 > most) most = $3
}

function px(times) {
    if (times < 0.1) times = 0.1
    if (times > 100) times = 100
    return 110 + (log10(times) + 1) * 170
}

function text(x, y, anchor, colour, words) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, colour, words
}

function mark(x, y, colour, is_full) {
    printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" stroke=\"%s\" stroke-width=\"2\" fill=\"%s\"/>\n", x, y, colour,
        is_full ? colour : "#fff"
}

function axis(bottom,    i, n, ticks) {
    n = split("0.1 0.2 0.5 1 2 5 10 20 50 100", ticks, " ")
    for (i = 1; i <= n; i++) {
        printf "<path d=\"M%.1f 44V%d\" stroke=\"%s\"/>\n", px(ticks[i]), bottom, ticks[i] == 1 ? "#333" : "#ddd"
        text(px(ticks[i]), bottom + 16, "middle", "#555", ticks[i] == 1 ? "1 = " names[1] : ticks[i] "x")
    }
    text(px(1) - 8, bottom + 34, "end", "#333", "&#8592; they are better")
    text(px(1) + 8, bottom + 34, "start", "#333", "ours is better &#8594;")
}

function legend(    s, x) {
    x = 110
    for (s = 2; s <= name_count; s++) {
        mark(x, 20, colour[s], 1)
        text(x + 10, 24, "start", colour[s], names[s])
        x += 80
    }
    text(x, 24, "start", "#333", "full: 1 worker, ring: 2 workers")
}

END {
    name_count = split(systems, names, " ")
    split("- #a4262c #00798c #8f5db7", colour, " ")
    height = 44 + row_count * 28
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 650 %d\" font-family=\"sans-serif\" " \
        "font-size=\"12\">\n<rect width=\"650\" height=\"%d\" fill=\"#fff\"/>\n", height + 44, height + 44
    axis(height)
    legend()
    for (r = 1; r <= row_count; r++) {
        row = rows[r]
        y = 36 + r * 28 - 8
        text(100, y + 4, "end", "#333", row)
        printf "<path d=\"M110 %dH620\" stroke=\"#eee\"/>\n", y
        for (s = 2; s <= name_count; s++) {
            for (w = 1; w <= most; w++) {
                ours = median(row SUBSEP names[1] SUBSEP w)
                theirs = median(row SUBSEP names[s] SUBSEP w)
                if (ours > 0 && theirs > 0) {
                    times = row ~ /^(bytes|timers|latency)/ ? theirs / ours : ours / theirs
                    mark(px(times), y + (w == 1 ? -5 : 5), colour[s], w == 1)
                }
            }
        }
    }
    print "</svg>"
}
