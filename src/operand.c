#include "operand.h"

#include <string.h>

/* ------------------------------------------------------------------ slices */

WIPPYI_FN int wippyi_bytes_order(wippy_slice a, wippy_slice b)
{
    size_t common = WIPPYI_MIN(a.size, b.size);
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order == 0) {
        return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
    }
    return order < 0 ? -1 : 1;
}

WIPPYI_FN bool wippyi_bytes_is(wippy_slice slice, const char *text)
{
    return strlen(text) == slice.size &&
           (slice.size == 0 || memcmp(slice.data, text, slice.size) == 0);
}

WIPPYI_FN bool wippyi_bytes_begins(wippy_slice slice, wippy_slice part)
{
    return part.size <= slice.size &&
           (part.size == 0 || memcmp(slice.data, part.data, part.size) == 0);
}

WIPPYI_FN bool wippyi_bytes_ends(wippy_slice slice, wippy_slice part)
{
    return part.size <= slice.size && (part.size == 0 || memcmp(slice.data + slice.size - part.size,
                                                                part.data, part.size) == 0);
}

WIPPYI_FN bool wippyi_bytes_has(wippy_slice slice, wippy_slice part)
{
    for (; slice.size >= part.size; slice.data++, slice.size--) {
        if (wippyi_bytes_begins(slice, part)) {
            return true;
        }
        if (slice.size == 0) {
            break;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ operands */

WIPPYI_FN void wippyi_operand_clear(wippyi_operand *operand)
{
    memset(operand, 0, sizeof(*operand));
    operand->type = WIPPY_END;
}

WIPPYI_FN void wippyi_operand_string(wippyi_operand *operand, const char *data, size_t size)
{
    memset(operand, 0, sizeof(*operand));
    operand->type = WIPPY_STRING;
    operand->string.data = data;
    operand->string.size = size;
}

WIPPYI_FN void wippyi_operand_read(wippyi_operand *operand, wippy_slice encoded)
{
    wippy_reader reader;
    wippy_value value;
    wippyi_operand_clear(operand);
    wippy_reader_init(&reader, encoded.data, encoded.size);
    if (wippy_read(&reader, &value) != WIPPY_OK) {
        return;
    }
    operand->type = value.type;
    switch (value.type) {
    case WIPPY_BOOL: operand->boolean = value.as.boolean; break;
    case WIPPY_INT: operand->integer = value.as.integer; break;
    case WIPPY_FLOAT: operand->number = value.as.number; break;
    case WIPPY_STRING: operand->string = value.as.string; break;
    default: operand->encoded = encoded; break;
    }
}

static double wippyi_number_scale(double number, int exponent)
{
    static const double powers[] = {1e1, 1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256};
    int left = exponent < 0 ? -exponent : exponent;
    for (size_t i = 0; i < WIPPYI_COUNT(powers) && left > 0; i++, left >>= 1) {
        if ((left & 1) != 0) {
            number = exponent < 0 ? number / powers[i] : number * powers[i];
        }
    }
    return number;
}

static bool wippyi_number_digits(const char **at, const char *end, double *number, int *count)
{
    const char *start = *at;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        *number = *number * 10 + (**at - '0');
        *count += 1;
    }
    return *at > start;
}

/* A whole text as a decimal number; no locale, unlike strtod(). */
WIPPYI_FN bool wippyi_number_parse(wippy_slice text, double *out)
{
    const char *at = text.data;
    const char *end = at + text.size;
    double number = 0;
    double power = 0;
    int whole = 0, fraction = 0, digits = 0;
    bool negative = text.size > 0 && *at == '-';
    if (text.size > 0 && (*at == '-' || *at == '+')) {
        at++;
    }
    wippyi_number_digits(&at, end, &number, &whole);
    if (at < end && *at == '.') {
        at++;
        wippyi_number_digits(&at, end, &number, &fraction);
    }
    if (whole + fraction == 0) {
        return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        bool down = end - at > 1 && at[1] == '-';
        at += end - at > 1 && (at[1] == '-' || at[1] == '+') ? 2 : 1;
        if (!wippyi_number_digits(&at, end, &power, &digits) || power > 400) {
            return false;
        }
        power = down ? -power : power;
    }
    number = wippyi_number_scale(number, (int)power - fraction);
    *out = negative ? -number : number;
    return at == end;
}

WIPPYI_FN bool wippyi_operand_number(const wippyi_operand *operand, double *out)
{
    switch (operand->type) {
    case WIPPY_INT: *out = (double)operand->integer; return true;
    case WIPPY_FLOAT: *out = operand->number; return true;
    case WIPPY_STRING: return wippyi_number_parse(operand->string, out);
    default: return false;
    }
}

WIPPYI_FN int wippyi_operand_order(const wippyi_operand *a, const wippyi_operand *b)
{
    if (a->type == WIPPY_INT && b->type == WIPPY_INT) {
        return a->integer < b->integer ? -1 : a->integer > b->integer ? 1 : 0;
    }
    double x = a->type == WIPPY_INT ? (double)a->integer : a->number;
    double y = b->type == WIPPY_INT ? (double)b->integer : b->number;
    return x < y ? -1 : x > y ? 1 : x <= y ? 0 : 2;
}

/* ------------------------------------------------------------------ paths */

/* Cut the first key off `rest`. */
WIPPYI_FN wippy_slice wippyi_path_next(wippy_slice *rest, char separator)
{
    wippy_slice key = *rest;
    const char *cut = separator == '\1' || rest->size == 0
                          ? NULL
                          : (const char *)memchr(rest->data, separator, rest->size);
    if (cut) {
        key.size = (size_t)(cut - rest->data);
    }
    size_t used = cut ? key.size + 1 : key.size;
    rest->data += used;
    rest->size -= used;
    return key;
}

WIPPYI_FN void wippyi_path_parse(wippyi_path *path, wippy_slice text)
{
    wippy_slice rest = text;
    wippy_slice first = wippyi_path_next(&rest, '.');
    bool deeper = first.size < text.size;
    path->separator = '.';
    path->rest = rest;
    if (wippyi_bytes_is(first, "action") || wippyi_bytes_is(first, "resource")) {
        path->root = deeper                             ? WIPPYI_ROOT_BAD
                     : wippyi_bytes_is(first, "action") ? WIPPYI_ROOT_ACTION
                                                        : WIPPYI_ROOT_RESOURCE;
    } else if (wippyi_bytes_is(first, "meta")) {
        path->root = WIPPYI_ROOT_META;
    } else if (wippyi_bytes_is(first, "actor")) {
        wippy_slice second = wippyi_path_next(&path->rest, '.');
        path->root = wippyi_bytes_is(second, "meta") ? WIPPYI_ROOT_ACTOR_META
                     : wippyi_bytes_is(second, "id") && path->rest.size == 0 ? WIPPYI_ROOT_ACTOR_ID
                                                                             : WIPPYI_ROOT_BAD;
    } else {
        path->root = text.size > 0 ? WIPPYI_ROOT_META : WIPPYI_ROOT_BAD;
        path->separator = '\1';
        path->rest = text;
    }
}

static void wippyi_operand_text(wippyi_operand *operand, const char *text)
{
    wippyi_operand_string(operand, text ? text : "", text ? strlen(text) : 0);
}

static void wippyi_path_walk(const wippyi_path *path, wippy_slice value, wippyi_operand *out)
{
    wippy_slice rest = path->rest;
    wippyi_operand_clear(out);
    while (rest.size > 0) {
        wippy_slice key = wippyi_path_next(&rest, path->separator);
        if (wippy_value_field(value, key.data, key.size, &value) != WIPPY_OK) {
            return;
        }
    }
    if (value.size > 0) {
        wippyi_operand_read(out, value);
    }
}

WIPPYI_FN wippy_result wippyi_path_look_up(const wippyi_path *path, const wippy_access *access,
                                           wippyi_operand *out)
{
    bool nobody = !access->actor_id || !*access->actor_id;
    switch (path->root) {
    case WIPPYI_ROOT_ACTION: wippyi_operand_text(out, access->action); return WIPPY_OK;
    case WIPPYI_ROOT_RESOURCE: wippyi_operand_text(out, access->resource); return WIPPY_OK;
    case WIPPYI_ROOT_META: wippyi_path_walk(path, access->meta, out); return WIPPY_OK;
    case WIPPYI_ROOT_ACTOR_ID:
        wippyi_operand_text(out, access->actor_id);
        return nobody ? WIPPY_ERR_INVALID : WIPPY_OK;
    case WIPPYI_ROOT_ACTOR_META:
        wippyi_path_walk(path, access->actor_meta, out);
        return nobody ? WIPPY_ERR_INVALID : WIPPY_OK;
    case WIPPYI_ROOT_BAD:
    default: return WIPPY_ERR_INVALID;
    }
}
