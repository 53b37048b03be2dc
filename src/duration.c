#include "duration.h"

#include <string.h>

typedef struct wippyi_duration_unit {
    const char *text;
    size_t bytes;
    uint64_t ns;
} wippyi_duration_unit;

/* Longer texts before those they begin with. */
static const wippyi_duration_unit wippyi_duration_units[] = {
    {"ns", 2, 1},           {"us", 2, 1000},
    {"\xc2\xb5s", 3, 1000}, {"\xce\xbcs", 3, 1000}, /* the two code points that look like mu */
    {"ms", 2, 1000000},     {"s", 1, 1000000000},
    {"m", 1, 60000000000},  {"h", 1, 3600000000000},
};

/* One number: its whole part and up to 18 digits of fraction (later ones are below 1 ns of any unit
   we know by far, and are dropped). */
typedef struct wippyi_duration_number {
    uint64_t whole;
    uint64_t fraction;
    uint64_t scale; /* fraction / scale is the value behind the point */
} wippyi_duration_number;

static bool wippyi_duration_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static wippy_result wippyi_duration_whole(const char **at, const char *end, uint64_t *out)
{
    uint64_t whole = 0;
    for (; wippyi_duration_digit(*at, end); (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (whole > (UINT64_MAX - digit) / 10) {
            return WIPPY_ERR_LIMIT;
        }
        whole = whole * 10 + digit;
    }
    *out = whole;
    return WIPPY_OK;
}

static wippy_result wippyi_duration_number_read(const char **at, const char *end,
                                                wippyi_duration_number *out)
{
    const char *start = *at;
    wippy_result result = wippyi_duration_whole(at, end, &out->whole);
    size_t digits = (size_t)(*at - start);
    out->fraction = 0;
    out->scale = 1;
    if (result == WIPPY_OK && *at < end && **at == '.') {
        for ((*at)++; wippyi_duration_digit(*at, end); (*at)++, digits++) {
            if (out->scale < UINT64_C(1000000000000000000)) {
                out->fraction = out->fraction * 10 + (uint64_t)(**at - '0');
                out->scale *= 10;
            }
        }
    }
    return result != WIPPY_OK ? result : digits > 0 ? WIPPY_OK : WIPPY_ERR_INVALID;
}

static const wippyi_duration_unit *wippyi_duration_unit_read(const char **at, const char *end)
{
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_duration_units); i++) {
        const wippyi_duration_unit *unit = &wippyi_duration_units[i];
        if ((size_t)(end - *at) >= unit->bytes && memcmp(*at, unit->text, unit->bytes) == 0) {
            *at += unit->bytes;
            return unit;
        }
    }
    return NULL;
}

/* floor(fraction * ns / scale) without a wider type: long division, one decimal digit of the
   fraction a round. fraction < scale <= 10^18 and ns < 2^42. */
static uint64_t wippyi_duration_part(uint64_t fraction, uint64_t scale, uint64_t ns)
{
    uint64_t sum = 0;
    while (scale > 1) { /* lowest digit first: sum keeps what the digits behind it amount to */
        sum = (fraction % 10 * ns + sum) / 10;
        fraction /= 10;
        scale /= 10;
    }
    return sum;
}

static wippy_result wippyi_duration_add(uint64_t *total, const wippyi_duration_number *number,
                                        const wippyi_duration_unit *unit)
{
    uint64_t limit = (uint64_t)INT64_MAX + 1; /* the magnitude of INT64_MIN */
    if (number->whole > limit / unit->ns) {
        return WIPPY_ERR_LIMIT;
    }
    uint64_t ns =
        number->whole * unit->ns + wippyi_duration_part(number->fraction, number->scale, unit->ns);
    if (ns > limit - *total) {
        return WIPPY_ERR_LIMIT;
    }
    *total += ns;
    return WIPPY_OK;
}

static wippy_result wippyi_duration_sum(const char *at, const char *end, uint64_t *total)
{
    *total = 0;
    if (end - at == 1 && *at == '0') {
        return WIPPY_OK;
    }
    do {
        wippyi_duration_number number;
        wippy_result result = wippyi_duration_number_read(&at, end, &number);
        if (result != WIPPY_OK) {
            return result;
        }
        const wippyi_duration_unit *unit = wippyi_duration_unit_read(&at, end);
        if (!unit) {
            return WIPPY_ERR_INVALID;
        }
        result = wippyi_duration_add(total, &number, unit);
        if (result != WIPPY_OK) {
            return result;
        }
    } while (at < end);
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_duration_parse(const char *text, size_t bytes, int64_t *out)
{
    uint64_t total = 0;
    if (!text || bytes == 0 || !out) {
        return WIPPY_ERR_INVALID;
    }
    bool negative = *text == '-';
    size_t sign = *text == '-' || *text == '+' ? 1 : 0;
    wippy_result result = wippyi_duration_sum(text + sign, text + bytes, &total);
    if (result != WIPPY_OK) {
        return result;
    }
    if (total > (uint64_t)INT64_MAX) {
        if (!negative) {
            return WIPPY_ERR_LIMIT;
        }
        *out = INT64_MIN;
        return WIPPY_OK;
    }
    *out = negative ? -(int64_t)total : (int64_t)total;
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ writing
   From the right into a buffer that every duration fits into, as digits come. */

static char *wippyi_duration_put(char *at, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(at - bytes, text, bytes);
    return at - bytes;
}

static char *wippyi_duration_put_whole(char *at, uint64_t whole)
{
    do {
        *--at = (char)('0' + (int)(whole % 10));
        whole /= 10;
    } while (whole > 0);
    return at;
}

/* `digits` digits of fraction without trailing zeros; the rest stays in *value. */
static char *wippyi_duration_put_fraction(char *at, uint64_t *value, int digits)
{
    bool any = false;
    for (int i = 0; i < digits; i++, *value /= 10) {
        char digit = (char)('0' + (int)(*value % 10));
        any = any || digit != '0';
        if (any) {
            *--at = digit;
        }
    }
    if (any) {
        *--at = '.';
    }
    return at;
}

static char *wippyi_duration_put_small(char *at, uint64_t ns)
{
    int digits = 0;
    if (ns == 0) {
        return wippyi_duration_put(at, "0s");
    }
    if (ns < 1000) {
        at = wippyi_duration_put(at, "ns");
    } else if (ns < 1000000) {
        at = wippyi_duration_put(at, "\xc2\xb5s");
        digits = 3;
    } else {
        at = wippyi_duration_put(at, "ms");
        digits = 6;
    }
    at = wippyi_duration_put_fraction(at, &ns, digits);
    return wippyi_duration_put_whole(at, ns);
}

static char *wippyi_duration_put_large(char *at, uint64_t ns)
{
    at = wippyi_duration_put(at, "s");
    at = wippyi_duration_put_fraction(at, &ns, 9); /* leaves seconds */
    at = wippyi_duration_put_whole(at, ns % 60);
    if (ns >= 60) {
        at = wippyi_duration_put(at, "m");
        at = wippyi_duration_put_whole(at, ns / 60 % 60);
    }
    if (ns >= 3600) {
        at = wippyi_duration_put(at, "h");
        at = wippyi_duration_put_whole(at, ns / 3600);
    }
    return at;
}

WIPPY_API size_t wippy_duration_text(int64_t duration_ns, char *text, size_t room)
{
    char buffer[WIPPY_DURATION_TEXT_MAX];
    char *end = buffer + sizeof(buffer);
    uint64_t ns = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    char *at = ns < (uint64_t)WIPPYI_NS_PER_S ? wippyi_duration_put_small(end, ns)
                                              : wippyi_duration_put_large(end, ns);
    if (duration_ns < 0) {
        *--at = '-';
    }
    size_t size = (size_t)(end - at);
    if (room > 0) {
        size_t copied = WIPPYI_MIN(size, room - 1);
        memcpy(text, at, copied);
        text[copied] = '\0';
    }
    return size;
}
