#include "gozone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIPPYLI_ZONE_FILE_MAX (64u * 1024u) /* the largest are a tenth of that */
#define WIPPYLI_ZONE_HEADER   44u
#define WIPPYLI_ZONE_OFFSET   (100 * 3600) /* no offset is as large */

/* ---- building a block ---- */

/* What a zone is made from; the pointers are only read. */
typedef struct wippyli_zone_parts {
    const char *name;
    size_t name_size;
    uint32_t change_count;
    uint32_t type_count;
    uint32_t abbrev_size;
} wippyli_zone_parts;

static size_t wippyli_zone_align(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* A zeroed block with room for the parts, the name filled in; NULL without memory. */
static wippyli_zone *wippyli_zone_new(const wippyli_mem *mem, const wippyli_zone_parts *parts)
{
    size_t changes_at = wippyli_zone_align(sizeof(wippyli_zone));
    size_t types_at = changes_at + parts->change_count * sizeof(int64_t);
    size_t index_at = types_at + parts->type_count * sizeof(wippyli_zone_type);
    size_t abbrevs_at = index_at + parts->change_count;
    size_t name_at = abbrevs_at + parts->abbrev_size + 1;
    size_t bytes = wippyli_zone_align(name_at + parts->name_size + 1);
    wippyli_zone *zone = (wippyli_zone *)wippyli_mem_alloc(mem, bytes);
    if (!zone) {
        return NULL;
    }
    memset(zone, 0, bytes);
    zone->bytes = bytes;
    zone->change_count = parts->change_count;
    zone->type_count = parts->type_count;
    zone->name_size = (uint32_t)parts->name_size;
    zone->changes_at = changes_at;
    zone->types_at = types_at;
    zone->type_index_at = index_at;
    zone->abbrevs_at = abbrevs_at;
    zone->name_at = name_at;
    if (parts->name_size > 0) {
        memcpy((char *)zone + name_at, parts->name, parts->name_size);
    }
    return zone;
}

static char *wippyli_zone_at(wippyli_zone *zone, size_t offset)
{
    return (char *)zone + offset;
}

static const char *wippyli_zone_text(const wippyli_zone *zone, size_t offset)
{
    return (const char *)zone + offset;
}

static int64_t wippyli_zone_change_time(const wippyli_zone *zone, uint32_t i)
{
    int64_t at = 0;
    memcpy(&at, wippyli_zone_text(zone, zone->changes_at + i * sizeof(at)), sizeof(at));
    return at;
}

static wippyli_zone_type wippyli_zone_type_at(const wippyli_zone *zone, uint32_t i)
{
    wippyli_zone_type type;
    memcpy(&type, wippyli_zone_text(zone, zone->types_at + i * sizeof(type)), sizeof(type));
    return type;
}

static uint32_t wippyli_zone_type_of_change(const wippyli_zone *zone, uint32_t i)
{
    return (unsigned char)*wippyli_zone_text(zone, zone->type_index_at + i);
}

static void wippyli_zone_set_type(wippyli_zone *zone, uint32_t i, const wippyli_zone_type *type)
{
    memcpy(wippyli_zone_at(zone, zone->types_at + i * sizeof(*type)), type, sizeof(*type));
}

WIPPYLI_FN void wippyli_zone_free(const wippyli_mem *mem, wippyli_zone *zone)
{
    if (zone) {
        wippyli_mem_free(mem, zone, zone->bytes);
    }
}

WIPPYLI_FN const char *wippyli_zone_name(const wippyli_zone *zone)
{
    return zone ? wippyli_zone_text(zone, zone->name_at) : "UTC";
}

WIPPYLI_FN wippy_result wippyli_zone_fixed(const wippyli_mem *mem, const char *name,
                                           size_t name_size, int32_t offset, wippyli_zone **out)
{
    wippyli_zone_parts parts;
    wippyli_zone_type type;
    if (offset <= -WIPPYLI_ZONE_OFFSET || offset >= WIPPYLI_ZONE_OFFSET ||
        name_size > WIPPYLI_ZONE_NAME_MAX || (name_size > 0 && memchr(name, 0, name_size))) {
        return WIPPY_ERR_INVALID;
    }
    memset(&parts, 0, sizeof(parts));
    parts.name = name;
    parts.name_size = name_size;
    parts.type_count = 1;
    parts.abbrev_size = (uint32_t)name_size;
    wippyli_zone *zone = wippyli_zone_new(mem, &parts);
    if (!zone) {
        return WIPPY_ERR_NOMEM;
    }
    memset(&type, 0, sizeof(type));
    type.offset = offset;
    wippyli_zone_set_type(zone, 0, &type);
    if (name_size > 0) {
        memcpy(wippyli_zone_at(zone, zone->abbrevs_at), name, name_size);
    }
    *out = zone;
    return WIPPY_OK;
}

/* ---- a zone that is only a rule ---- */

WIPPYLI_FN wippy_result wippyli_zone_from_rule(const wippyli_mem *mem, const char *name,
                                               size_t name_size, const char *rule, size_t rule_size,
                                               wippyli_zone **out)
{
    wippyli_zone_rule parsed;
    wippyli_zone *zone = NULL;
    if (!wippyli_zone_rule_parse(rule, rule_size, &parsed)) {
        return WIPPY_ERR_SYNTAX;
    }
    wippy_result result = wippyli_zone_fixed(mem, name, name_size, parsed.std_offset, &zone);
    if (result == WIPPY_OK) {
        zone->rule = parsed;
        *out = zone;
    }
    return result;
}

/* ---- TZif ---- */

typedef struct wippyli_zone_tzif {
    const unsigned char *data; /* behind the header that counts */
    size_t size;
    uint32_t utc_count;
    uint32_t std_count;
    uint32_t leap_count;
    uint32_t change_count;
    uint32_t type_count;
    uint32_t abbrev_size;
    size_t time_bytes; /* 4 or 8 */
} wippyli_zone_tzif;

static uint64_t wippyli_zone_tzif_number(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* Two's complement of 4 or 8 bytes. */
static int64_t wippyli_zone_tzif_signed(const unsigned char *at, size_t bytes)
{
    uint64_t value = wippyli_zone_tzif_number(at, bytes);
    uint64_t sign = UINT64_C(1) << (bytes * 8 - 1);
    int64_t result = 0;
    value = (value ^ sign) - sign;
    memcpy(&result, &value, sizeof(result));
    return result;
}

static size_t wippyli_zone_tzif_body_size(const wippyli_zone_tzif *t)
{
    return (size_t)t->change_count * (t->time_bytes + 1) + (size_t)t->type_count * 6 +
           t->abbrev_size + (size_t)t->leap_count * (t->time_bytes + 4) + t->std_count +
           t->utc_count;
}

/* A header and the body it announces, which must be there. */
static bool wippyli_zone_tzif_header(wippyli_zone_tzif *t, const unsigned char *data, size_t size,
                                     size_t time_bytes)
{
    uint32_t counts[6];
    if (size < WIPPYLI_ZONE_HEADER || size > WIPPYLI_ZONE_FILE_MAX ||
        memcmp(data, "TZif", 4) != 0) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        counts[i] = (uint32_t)wippyli_zone_tzif_number(data + 20 + i * 4, 4);
        if (counts[i] > WIPPYLI_ZONE_FILE_MAX) {
            return false;
        }
    }
    t->data = data + WIPPYLI_ZONE_HEADER;
    t->size = size - WIPPYLI_ZONE_HEADER;
    t->utc_count = counts[0];
    t->std_count = counts[1];
    t->leap_count = counts[2];
    t->change_count = counts[3];
    t->type_count = counts[4];
    t->abbrev_size = counts[5];
    t->time_bytes = time_bytes;
    return wippyli_zone_tzif_body_size(t) <= t->size;
}

/* The body to use: the second one, with 64-bit times, where there is one. */
static bool wippyli_zone_tzif_open(wippyli_zone_tzif *t, const unsigned char *data, size_t size)
{
    if (!wippyli_zone_tzif_header(t, data, size, 4)) {
        return false;
    }
    if (data[4] >= '2') {
        size_t skip = WIPPYLI_ZONE_HEADER + wippyli_zone_tzif_body_size(t);
        if (!wippyli_zone_tzif_header(t, data + skip, size - skip, 8)) {
            return false;
        }
    }
    return t->type_count > 0 && t->type_count <= 256 && t->abbrev_size > 0 && t->abbrev_size <= 256;
}

static bool wippyli_zone_tzif_changes(const wippyli_zone_tzif *t, wippyli_zone *zone)
{
    const unsigned char *index = t->data + (size_t)t->change_count * t->time_bytes;
    int64_t before = 0;
    for (uint32_t i = 0; i < t->change_count; i++) {
        int64_t at = wippyli_zone_tzif_signed(t->data + i * t->time_bytes, t->time_bytes);
        if ((i > 0 && at <= before) || index[i] >= t->type_count) {
            return false;
        }
        memcpy(wippyli_zone_at(zone, zone->changes_at + i * sizeof(at)), &at, sizeof(at));
        before = at;
    }
    if (t->change_count > 0) {
        memcpy(wippyli_zone_at(zone, zone->type_index_at), index, t->change_count);
    }
    return true;
}

static bool wippyli_zone_tzif_types(const wippyli_zone_tzif *t, wippyli_zone *zone)
{
    const unsigned char *at = t->data + (size_t)t->change_count * (t->time_bytes + 1);
    for (uint32_t i = 0; i < t->type_count; i++, at += 6) {
        wippyli_zone_type type;
        int64_t offset = wippyli_zone_tzif_signed(at, 4);
        if (offset <= -WIPPYLI_ZONE_OFFSET || offset >= WIPPYLI_ZONE_OFFSET ||
            at[5] >= t->abbrev_size) {
            return false;
        }
        memset(&type, 0, sizeof(type));
        type.offset = (int32_t)offset;
        type.is_dst = at[4] != 0;
        type.abbrev = at[5];
        wippyli_zone_set_type(zone, i, &type);
    }
    memcpy(wippyli_zone_at(zone, zone->abbrevs_at), at, t->abbrev_size);
    return true;
}

/* The rule between two line ends behind the second body; a file without one is fine. */
static void wippyli_zone_tzif_rule(const wippyli_zone_tzif *t, wippyli_zone *zone)
{
    const char *at = (const char *)t->data + wippyli_zone_tzif_body_size(t);
    const char *end = (const char *)t->data + t->size;
    if (t->time_bytes != 8 || at >= end || *at != '\n') {
        return;
    }
    at++;
    const char *stop = at < end ? (const char *)memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (stop && !wippyli_zone_rule_parse(at, (size_t)(stop - at), &zone->rule)) {
        memset(&zone->rule, 0, sizeof(zone->rule));
    }
}

/* Before the first change: a type no change leads to comes first, else the last standard time listed
   before the type of the first change, else any standard time. */
static uint32_t wippyli_zone_find_first(const wippyli_zone *zone)
{
    bool used = false;
    for (uint32_t i = 0; i < zone->change_count && !used; i++) {
        used = wippyli_zone_type_of_change(zone, i) == 0;
    }
    if (!used) {
        return 0;
    }
    uint32_t first = wippyli_zone_type_of_change(zone, 0);
    if (wippyli_zone_type_at(zone, first).is_dst) {
        while (first-- > 0) {
            if (!wippyli_zone_type_at(zone, first).is_dst) {
                return first;
            }
        }
    }
    for (uint32_t i = 0; i < zone->type_count; i++) {
        if (!wippyli_zone_type_at(zone, i).is_dst) {
            return i;
        }
    }
    return 0;
}

WIPPYLI_FN wippy_result wippyli_zone_parse(const wippyli_mem *mem, const char *name,
                                           size_t name_size, const void *data, size_t size,
                                           wippyli_zone **out)
{
    wippyli_zone_tzif tzif;
    wippyli_zone_parts parts;
    memset(&tzif, 0, sizeof(tzif));
    if (!wippyli_zone_tzif_open(&tzif, (const unsigned char *)data, size)) {
        return WIPPY_ERR_SYNTAX;
    }
    memset(&parts, 0, sizeof(parts));
    parts.name = name;
    parts.name_size = name_size;
    parts.change_count = tzif.change_count;
    parts.type_count = tzif.type_count;
    parts.abbrev_size = tzif.abbrev_size;
    wippyli_zone *zone = wippyli_zone_new(mem, &parts);
    if (!zone) {
        return WIPPY_ERR_NOMEM;
    }
    if (!wippyli_zone_tzif_changes(&tzif, zone) || !wippyli_zone_tzif_types(&tzif, zone)) {
        wippyli_zone_free(mem, zone);
        return WIPPY_ERR_SYNTAX;
    }
    wippyli_zone_tzif_rule(&tzif, zone);
    zone->first_type = wippyli_zone_find_first(zone);
    *out = zone;
    return WIPPY_OK;
}

/* ---- files ---- */

/* Reads at most the maximum; anything unreadable, also a directory, is WIPPY_ERR_NOTFOUND. */
static wippy_result wippyli_zone_load_file(const wippyli_mem *mem, const char *name,
                                           size_t name_size, const char *path, wippyli_zone **out)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return WIPPY_ERR_NOTFOUND;
    }
    unsigned char *data = (unsigned char *)wippyli_mem_alloc(mem, WIPPYLI_ZONE_FILE_MAX);
    size_t size = data ? fread(data, 1, WIPPYLI_ZONE_FILE_MAX, file) : 0;
    bool whole = data && feof(file) && !ferror(file);
    (void)fclose(file);
    if (!data) {
        return WIPPY_ERR_NOMEM;
    }
    wippy_result result =
        whole ? wippyli_zone_parse(mem, name, name_size, data, size, out) : WIPPY_ERR_NOTFOUND;
    wippyli_mem_free(mem, data, WIPPYLI_ZONE_FILE_MAX);
    return result == WIPPY_ERR_SYNTAX ? WIPPY_ERR_NOTFOUND : result;
}

/* A relative path of harmless characters that never goes up. */
static bool wippyli_zone_name_valid(const char *name, size_t size)
{
    if (size == 0 || size > WIPPYLI_ZONE_NAME_MAX || name[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && !(c == '/' || c == '_' || c == '-' || c == '+' || c == '.')) {
            return false;
        }
        if (c == '.' && i + 1 < size && name[i + 1] == '.') {
            return false;
        }
    }
    return true;
}

/* The file of a zone in the directories, given the name the zone shall have. */
static wippy_result wippyli_zone_search(const wippyli_mem *mem, const char *shown,
                                        size_t shown_size, const char *name, size_t name_size,
                                        wippyli_zone **out)
{
    const char *directories[4];
    directories[0] = getenv("ZONEINFO");
    directories[1] = "/usr/share/zoneinfo";
    directories[2] = "/usr/lib/zoneinfo";
    directories[3] = "/etc/zoneinfo";
    wippy_result result = WIPPY_ERR_NOTFOUND;
    if (!wippyli_zone_name_valid(name, name_size)) {
        return result;
    }
    for (size_t i = 0; i < WIPPYLI_COUNT(directories) && result == WIPPY_ERR_NOTFOUND; i++) {
        char path[1024];
        const char *directory = directories[i];
        if (!directory || !*directory || strlen(directory) + name_size + 2 > sizeof(path)) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%.*s", directory, (int)name_size, name);
        result = wippyli_zone_load_file(mem, shown, shown_size, path, out);
    }
    return result;
}

WIPPYLI_FN wippy_result wippyli_zone_local(const wippyli_mem *mem, wippyli_zone **out)
{
    static const char name[] = "Local";
    size_t size = sizeof(name) - 1;
    const char *tz = getenv("TZ");
    wippy_result result = WIPPY_ERR_NOTFOUND;
    if (!tz) {
        result = wippyli_zone_load_file(mem, name, size, "/etc/localtime", out);
    } else if (*tz) {
        const char *rule = tz;
        tz += *tz == ':' ? 1 : 0;
        result = *tz == '/' ? wippyli_zone_load_file(mem, name, size, tz, out)
                            : wippyli_zone_search(mem, name, size, tz, strlen(tz), out);
        if (result == WIPPY_ERR_NOTFOUND) {
            result = wippyli_zone_from_rule(mem, name, size, rule, strlen(rule), out);
        }
    }
    if (result == WIPPY_OK || result == WIPPY_ERR_NOMEM) {
        return result;
    }
    result = wippyli_zone_fixed(mem, "UTC", 3, 0, out);
    return result;
}

static wippy_result wippyli_zone_unknown(const char *name, size_t name_size, wippy_result code,
                                         wippy_diag *diag)
{
    if (diag) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        if (code == WIPPY_ERR_INVALID) {
            (void)snprintf(diag->message, sizeof(diag->message), "empty location name");
        } else {
            (void)snprintf(diag->message, sizeof(diag->message), "unknown time zone %.*s",
                           (int)(name_size < 200 ? name_size : 200), name);
        }
    }
    return code;
}

WIPPYLI_FN wippy_result wippyli_zone_load(const wippyli_mem *mem, const char *name,
                                          size_t name_size, wippyli_zone **out, wippy_diag *diag)
{
    if (name_size == 0) {
        return wippyli_zone_unknown(name, name_size, WIPPY_ERR_INVALID, diag);
    }
    if (name_size == 3 && memcmp(name, "UTC", 3) == 0) {
        return wippyli_zone_fixed(mem, name, name_size, 0, out);
    }
    if (name_size == 5 && memcmp(name, "Local", 5) == 0) {
        return wippyli_zone_local(mem, out);
    }
    wippy_result result = wippyli_zone_search(mem, name, name_size, name, name_size, out);
    return result == WIPPY_ERR_NOTFOUND ? wippyli_zone_unknown(name, name_size, result, diag)
                                        : result;
}

/* ---- looking up ---- */

/* How many changes lie at or before the instant. */
static uint32_t wippyli_zone_changes_until(const wippyli_zone *zone, int64_t sec)
{
    uint32_t low = 0;
    uint32_t high = zone->change_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wippyli_zone_change_time(zone, middle) <= sec) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

WIPPYLI_FN void wippyli_zone_lookup(const wippyli_zone *zone, int64_t unix_sec,
                                    wippyli_zone_span *out)
{
    memset(out, 0, sizeof(*out));
    out->start = INT64_MIN;
    out->end = INT64_MAX;
    out->abbrev = "UTC";
    if (!zone) {
        return;
    }
    uint32_t count = wippyli_zone_changes_until(zone, unix_sec);
    int64_t start = count > 0 ? wippyli_zone_change_time(zone, count - 1) : INT64_MIN;
    if (count == zone->change_count && zone->rule.present) {
        wippyli_zone_rule_lookup(&zone->rule, unix_sec, out);
        out->start = out->start < start ? start : out->start;
        return;
    }
    wippyli_zone_type type = wippyli_zone_type_at(
        zone, count > 0 ? wippyli_zone_type_of_change(zone, count - 1) : zone->first_type);
    out->offset = type.offset;
    out->is_dst = type.is_dst != 0;
    out->abbrev = wippyli_zone_text(zone, zone->abbrevs_at + type.abbrev);
    out->start = start;
    out->end = count < zone->change_count ? wippyli_zone_change_time(zone, count) : INT64_MAX;
}

static bool wippyli_zone_abbrev_is(const char *abbrev, const char *text, size_t size)
{
    return strlen(abbrev) == size && memcmp(abbrev, text, size) == 0;
}

/* Is the abbreviation in effect when clocks `offset` east of UTC show the time? */
static bool wippyli_zone_shows(const wippyli_zone *zone, const char *abbrev, size_t abbrev_size,
                               int64_t local_sec, int32_t offset, int32_t *out)
{
    wippyli_zone_span span;
    wippyli_zone_lookup(zone, wippyli_add_clamped(local_sec, -(int64_t)offset), &span);
    *out = span.offset;
    return wippyli_zone_abbrev_is(span.abbrev, abbrev, abbrev_size);
}

WIPPYLI_FN bool wippyli_zone_offset_of(const wippyli_zone *zone, const char *abbrev,
                                       size_t abbrev_size, int64_t local_sec, int32_t *out)
{
    bool known = false;
    int32_t offset = 0;
    if (!zone) {
        *out = 0;
        return wippyli_zone_abbrev_is("UTC", abbrev, abbrev_size);
    }
    for (uint32_t i = 0; i < zone->type_count + 2; i++) {
        bool from_rule = i >= zone->type_count;
        if (from_rule && !(zone->rule.present && (i == zone->type_count || zone->rule.has_dst))) {
            break;
        }
        wippyli_zone_type type = wippyli_zone_type_at(zone, from_rule ? 0 : i);
        const char *text = wippyli_zone_text(zone, zone->abbrevs_at + type.abbrev);
        if (from_rule) {
            bool dst = i > zone->type_count;
            text = dst ? zone->rule.dst_abbrev : zone->rule.std_abbrev;
            type.offset = dst ? zone->rule.dst_offset : zone->rule.std_offset;
        }
        if (!wippyli_zone_abbrev_is(text, abbrev, abbrev_size)) {
            continue;
        }
        if (wippyli_zone_shows(zone, abbrev, abbrev_size, local_sec, type.offset, out)) {
            return true;
        }
        offset = known ? offset : type.offset;
        known = true;
    }
    *out = offset;
    return known;
}

/* ---- instants and dates in a zone ---- */

WIPPYLI_FN void wippyli_time_civil(wippyli_time t, const wippyli_zone *zone, wippyli_civil *out,
                                   wippyli_zone_span *span)
{
    wippyli_zone_span found;
    wippyli_zone_lookup(zone, t.sec, &found);
    wippyli_civil_from(t, found.offset, out);
    if (span) {
        *span = found;
    }
}

WIPPYLI_FN wippy_result wippyli_time_date(const wippyli_date *date, const wippyli_zone *zone,
                                          wippyli_time *out)
{
    wippyli_zone_span span;
    wippyli_time t;
    if (!wippyli_civil_to(date, &t)) {
        return WIPPY_ERR_LIMIT;
    }
    /* Guess that the clock shows UTC; near a change the offset found there may be the wrong one of
       two, and what it leads to decides. */
    wippyli_zone_lookup(zone, t.sec, &span);
    if (span.offset != 0) {
        int64_t utc = wippyli_add_clamped(t.sec, -(int64_t)span.offset);
        if (utc < span.start || utc >= span.end) {
            wippyli_zone_lookup(zone, utc, &span);
        }
        t.sec = wippyli_add_clamped(t.sec, -(int64_t)span.offset);
    }
    *out = t;
    return WIPPY_OK;
}

WIPPYLI_FN wippy_result wippyli_time_add_date(wippyli_time t, const wippyli_zone *zone,
                                              int64_t years, int64_t months, int64_t days,
                                              wippyli_time *out)
{
    int64_t limit = INT64_C(1) << 60;
    wippyli_civil civil;
    wippyli_date date;
    if (years > limit || years < -limit || months > limit || months < -limit || days > limit ||
        days < -limit) {
        return WIPPY_ERR_LIMIT;
    }
    wippyli_time_civil(t, zone, &civil, NULL);
    date.year = civil.year + years;
    date.month = civil.month + months;
    date.day = civil.day + days;
    date.hour = civil.hour;
    date.minute = civil.minute;
    date.second = civil.second;
    date.nsec = civil.nsec;
    return wippyli_time_date(&date, zone, out);
}

#undef WIPPYLI_ZONE_FILE_MAX
#undef WIPPYLI_ZONE_HEADER
#undef WIPPYLI_ZONE_OFFSET
