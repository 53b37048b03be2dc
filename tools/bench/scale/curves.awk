# Reads the lines of tools/bench/scale ("curve expected n ns"), prints how the cost of each curve grows, and
# writes a plot to `svg`. The exponent is that of n over the whole range: 0 = flat, 1 = linear. Caches make flat
# things rise when what is there leaves them, so "flat" is up to 0.5; "linear" is up to 1.3.
# Exits with 1 when a curve grows faster than it may.

function log10(x) {
    return log(x) / log(10)
}

function human(ns) {
    if (ns >= 1e6) return sprintf("%.3g ms", ns / 1e6)
    if (ns >= 1e3) return sprintf("%.3g us", ns / 1e3)
    return sprintf("%.0f ns", ns)
}

function count(n) {
    return n >= 1e6 ? n / 1e6 "M" : (n >= 1000 ? n / 1000 "k" : n)
}

{
    if (!($1 in points)) {
        names[++curves] = $1
        expected[$1] = $2
    }
    p = ++points[$1]
    x[$1, p] = $3 + 0
    y[$1, p] = $4 + 0
}

function px(n) {
    return 60 + log10(n) * 80
}

function py(ns) {
    return 440 - (log10(ns) - 1) * 70
}

function text(at_x, at_y, anchor, colour, words) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", at_x, at_y, anchor, colour,
        words >svg
}

function grid(    i) {
    for (i = 0; i <= 7; i++) {
        printf "<path d=\"M%.1f 20V440\" stroke=\"#ddd\"/>\n", px(10 ^ i) >svg
        text(px(10 ^ i), 456, "middle", "#555", count(10 ^ i))
    }
    for (i = 1; i <= 7; i++) {
        printf "<path d=\"M60 %.1fH620\" stroke=\"#ddd\"/>\n", py(10 ^ i) >svg
        text(54, py(10 ^ i) + 4, "end", "#555", human(10 ^ i))
    }
    text(340, 474, "middle", "#333", "how many there are (n)")
    text(60, 13, "start", "#333", "cost of one more")
}

# Labels stand right of the plot, in the order of the ends of the curves, at least a line apart.
function labels(    i, j, name, order, at) {
    for (i = 1; i <= curves; i++) {
        order[i] = names[i]
        for (j = i; j > 1 && last(order[j]) > last(order[j - 1]); j--) {
            name = order[j]
            order[j] = order[j - 1]
            order[j - 1] = name
        }
    }
    at = 0
    for (i = 1; i <= curves; i++) {
        name = order[i]
        j = py(last(name)) + 4
        at = j < at + 14 ? at + 14 : j
        if (at > 436 - (curves - i) * 14) at = 436 - (curves - i) * 14
        printf "<path d=\"M%.1f %.1fL628 %.1f\" stroke=\"%s\" stroke-dasharray=\"1 3\" fill=\"none\"/>\n",
            px(x[name, points[name]]), py(last(name)), at - 4, colour[name] >svg
        text(632, at, "start", colour[name], name)
    }
}

function last(name) {
    return y[name, points[name]]
}

function draw(    i, p, name, path) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 710 484\" font-family=\"sans-serif\" " \
        "font-size=\"12\">\n<rect width=\"710\" height=\"484\" fill=\"#fff\"/>\n" >svg
    grid()
    for (i = 1; i <= curves; i++) {
        name = names[i]
        colour[name] = palette[i]
        path = ""
        for (p = 1; p <= points[name]; p++) {
            path = path sprintf("%s%.1f %.1f", p == 1 ? "M" : "L", px(x[name, p]), py(y[name, p]))
        }
        printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", path, palette[i] >svg
    }
    labels()
    print "</svg>" >svg
}

END {
    split("#1b6ca8 #d1495b #2e933c #8f5db7 #b8860b #00798c #6b4226 #e07a1f #4a4a4a #c2185b #111111 #7a9e00",
        palette, " ")
    printf "%-10s %-8s %22s %12s %12s %9s\n", "curve", "expected", "n", "first", "last", "exponent"
    for (i = 1; i <= curves; i++) {
        name = names[i]
        p = points[name]
        exponent = p > 1 ? log10(y[name, p] / y[name, 1]) / log10(x[name, p] / x[name, 1]) : 0
        good = exponent <= (expected[name] == "linear" ? 1.3 : 0.5)
        wrong += !good
        printf "%-10s %-8s %22s %12s %12s %9.2f%s\n", name, expected[name], count(x[name, 1]) " .. " count(x[name, p]),
            human(y[name, 1]), human(y[name, p]), exponent, good ? "" : "   TOO FAST"
    }
    if (svg != "") draw()
    exit wrong > 0
}
