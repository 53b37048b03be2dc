#include "typecheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct wippyli_check {
    lua_State *L;
    const wippyli_descriptor *type;
    char *error;
    size_t error_size;
    unsigned silent; /* trying alternatives: failures are not described */
    unsigned depth;
    uint32_t steps;
} wippyli_check;

/* What the names of a generic's parameters stand for. */
typedef struct wippyli_check_names {
    const struct wippyli_check_names *up; /* where the arguments were written */
    wippyli_alias alias;
    wippyli_type_cursor args;
} wippyli_check_names;

/* One step from the checked value into its parts: a chain from the innermost outwards. */
typedef struct wippyli_check_place {
    const struct wippyli_check_place *up;
    const char *name; /* a field, or NULL for an index */
    size_t name_size;
    lua_Integer index;
    const void *table; /* which table is being looked at here, and as what */
    const unsigned char *as;
} wippyli_check_place;

static bool wippyli_check_value(wippyli_check *c, int index, const wippyli_type_node *node,
                                const wippyli_check_names *names, wippyli_check_place *place);

/* ---- saying what is wrong ---- */

static void wippyli_check_append(wippyli_check *c, size_t *used, const char *format, ...)
    WIPPYLI_PRINTF(3, 4);

static void wippyli_check_append(wippyli_check *c, size_t *used, const char *format, ...)
{
    va_list args;
    if (*used >= c->error_size) {
        return;
    }
    va_start(args, format);
    int count = vsnprintf(c->error + *used, c->error_size - *used, format, args);
    va_end(args);
    *used += count > 0 ? (size_t)count : 0;
}

/* "jobs[3].id"; of a long path both ends. */
static void wippyli_check_append_path(wippyli_check *c, size_t *used,
                                      const wippyli_check_place *place)
{
    const wippyli_check_place *places[WIPPYLI_CHECK_DEPTH + 2];
    size_t count = 0;
    for (; place->up && count < WIPPYLI_COUNT(places); place = place->up) {
        places[count++] = place;
    }
    size_t skip_from = count > 12 ? count - 8 : 0; /* places[3..skip_from) are not shown */
    while (count > 0) {
        place = places[--count];
        if (count + 1 == skip_from) {
            wippyli_check_append(c, used, "...");
            count = 3;
        } else if (place->name) {
            wippyli_check_append(c, used, "%s%.*s", *used ? "." : "",
                                 (int)(place->name_size < 64 ? place->name_size : 64), place->name);
        } else {
            wippyli_check_append(c, used, "[%lld]", (long long)place->index);
        }
    }
}

static bool wippyli_check_fail(wippyli_check *c, const wippyli_check_place *place,
                               const char *format, ...) WIPPYLI_PRINTF(3, 4);

static bool wippyli_check_fail(wippyli_check *c, const wippyli_check_place *place,
                               const char *format, ...)
{
    char text[256];
    size_t used = 0;
    va_list args;
    if (c->silent > 0 || c->error_size == 0) {
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wippyli_check_append_path(c, &used, place);
    wippyli_check_append(c, &used, "%s%s", used ? ": " : "", text);
    return false;
}

/* The value where one certain value was expected, else the name of its type. */
static void wippyli_check_show(wippyli_check *c, int index, bool literal, char *out, size_t size)
{
    int type = lua_type(c->L, index);
    if (literal && type == LUA_TSTRING) {
        (void)snprintf(out, size, "\"%.40s\"", lua_tostring(c->L, index));
    } else if (literal && lua_isinteger(c->L, index)) {
        (void)snprintf(out, size, "%lld", (long long)lua_tointeger(c->L, index));
    } else if (literal && type == LUA_TNUMBER) {
        (void)snprintf(out, size, "%.14g", (double)lua_tonumber(c->L, index));
    } else if (literal && type == LUA_TBOOLEAN) {
        (void)snprintf(out, size, "%s", lua_toboolean(c->L, index) ? "true" : "false");
    } else {
        (void)snprintf(out, size, "%s", lua_typename(c->L, type));
    }
}

static bool wippyli_check_mismatch(wippyli_check *c, int index, const wippyli_type_node *node,
                                   const wippyli_check_place *place)
{
    char expected[128];
    char got[64];
    if (c->silent > 0) {
        return false;
    }
    bool literal = node->kind == WIPPYLI_TYPE_STRING || node->kind == WIPPYLI_TYPE_INTEGER ||
                   node->kind == WIPPYLI_TYPE_FLOAT || node->kind == WIPPYLI_TYPE_TRUE ||
                   node->kind == WIPPYLI_TYPE_FALSE || node->kind == WIPPYLI_TYPE_UNION;
    wippyli_type_describe(node, expected, sizeof(expected));
    wippyli_check_show(c, index, literal, got, sizeof(got));
    return wippyli_check_fail(c, place, "expected %s, got %s", expected, got);
}

/* ---- names ---- */

static bool wippyli_check_text_is(const wippyli_type_text *text, const char *word)
{
    return text->size == strlen(word) && memcmp(text->data, word, text->size) == 0;
}

static bool wippyli_check_is_integer(lua_State *L, int index)
{
    int exact = 0;
    if (lua_type(L, index) != LUA_TNUMBER) {
        return false;
    }
    (void)lua_tointegerx(L, index, &exact);
    return exact != 0;
}

/* Is it a type Lua itself knows, and has the value it? */
static bool wippyli_check_basic(lua_State *L, int index, const wippyli_type_text *name, bool *has)
{
    static const struct {
        const char *name;
        int type;
    } basics[] = {{"string", LUA_TSTRING},     {"number", LUA_TNUMBER},
                  {"boolean", LUA_TBOOLEAN},   {"table", LUA_TTABLE},
                  {"function", LUA_TFUNCTION}, {"thread", LUA_TTHREAD},
                  {"userdata", LUA_TUSERDATA}};
    for (size_t i = 0; i < WIPPYLI_COUNT(basics); i++) {
        if (wippyli_check_text_is(name, basics[i].name)) {
            *has = lua_type(L, index) == basics[i].type;
            return true;
        }
    }
    if (wippyli_check_text_is(name, "integer")) {
        *has = wippyli_check_is_integer(L, index);
        return true;
    }
    *has = !wippyli_check_text_is(name, "never");
    return !*has || wippyli_check_text_is(name, "any") || wippyli_check_text_is(name, "unknown");
}

/* The argument a parameter of the generic at hand stands for: 1 found, 0 no such parameter, -1 the
   parameter was given no argument. */
static int wippyli_check_argument(const wippyli_check_names *names, const wippyli_type_text *name,
                                  wippyli_type_node *out)
{
    if (!names) {
        return 0;
    }
    wippyli_type_cursor params = names->alias.params;
    wippyli_type_cursor args = names->args;
    for (uint32_t i = 0; i < names->alias.param_count; i++) {
        wippyli_type_text param;
        if (!wippyli_type_read_text(&params, &param)) {
            return 0;
        }
        bool given = wippyli_type_read(&args, out);
        if (param.size == name->size && memcmp(param.data, name->data, name->size) == 0) {
            return given ? 1 : -1;
        }
    }
    return 0;
}

static bool wippyli_check_name(wippyli_check *c, int index, const wippyli_type_node *node,
                               const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_text name;
    wippyli_type_node argument;
    wippyli_check_names inner;
    bool has = false;
    if (!wippyli_type_read_text(&body, &name)) {
        return false;
    }
    int found = wippyli_check_argument(names, &name, &argument);
    if (found != 0) {
        return found < 0 || wippyli_check_value(c, index, &argument, names->up, place);
    }
    if (wippyli_check_basic(c->L, index, &name, &has)) {
        if (has) {
            return true;
        }
        return wippyli_check_mismatch(c, index, node, place);
    }
    if (!wippyli_alias_find(c->type->types, c->type->types_size, name.data, name.size,
                            &inner.alias)) {
        return true;
    }
    inner.args = body;
    inner.up = names;
    return wippyli_check_value(c, index, &inner.alias.type, &inner, place);
}

/* ---- tables ---- */

/* Is this very table already being looked at as this very type, further out? Then what is found
   there decides. Types with parameters may differ and are looked at again. */
static bool wippyli_check_seen(const wippyli_check *c, int index, const wippyli_type_node *node,
                               const wippyli_check_names *names, wippyli_check_place *place)
{
    const void *table = lua_topointer(c->L, index);
    for (const wippyli_check_place *p = place->up; p; p = p->up) {
        if (p->table == table && p->as == node->body.at &&
            (!names || names->alias.param_count == 0)) {
            return true;
        }
    }
    place->table = table;
    place->as = node->body.at;
    return false;
}

static void wippyli_check_enter(wippyli_check_place *inner, const wippyli_check_place *up)
{
    memset(inner, 0, sizeof(*inner));
    inner->up = up;
}

/* Every key of the array must be one of 1..count. */
static bool wippyli_check_array_keys(wippyli_check *c, int index, lua_Integer count,
                                     const wippyli_check_place *place)
{
    lua_State *L = c->L;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || key > count) {
            lua_pop(L, 1);
            return wippyli_check_fail(c, place, "expected an array, got a table with other keys");
        }
    }
    return true;
}

static bool wippyli_check_array(wippyli_check *c, int index, const wippyli_type_node *node,
                                const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_node element;
    wippyli_check_place inner;
    lua_Integer count = (lua_Integer)lua_rawlen(c->L, index);
    wippyli_check_enter(&inner, place);
    if (!wippyli_type_read(&body, &element)) {
        return true;
    }
    for (inner.index = 1; inner.index <= count; inner.index++) {
        (void)lua_rawgeti(c->L, index, inner.index);
        bool ok = wippyli_check_value(c, lua_gettop(c->L), &element, names, &inner);
        lua_pop(c->L, 1);
        if (!ok) {
            return false;
        }
    }
    return wippyli_check_array_keys(c, index, count, place);
}

typedef struct wippyli_check_field {
    unsigned char optional;
    wippyli_type_text name;
    wippyli_type_node type;
} wippyli_check_field;

static bool wippyli_check_read_field(const wippyli_type_node *node, wippyli_check_field *out)
{
    wippyli_type_cursor body = node->body;
    return node->kind == WIPPYLI_TYPE_FIELD && wippyli_type_read_byte(&body, &out->optional) &&
           wippyli_type_read_text(&body, &out->name) && wippyli_type_read(&body, &out->type);
}

static bool wippyli_check_one_field(wippyli_check *c, int index, const wippyli_check_field *field,
                                    const wippyli_check_names *names, wippyli_check_place *place)
{
    char expected[128];
    wippyli_check_place inner;
    wippyli_check_enter(&inner, place);
    inner.name = field->name.data;
    inner.name_size = field->name.size;
    (void)lua_pushlstring(c->L, field->name.data, field->name.size);
    bool absent = lua_rawget(c->L, index) == LUA_TNIL;
    bool ok = absent && field->optional;
    if (!ok) {
        c->silent += absent ? 1 : 0;
        ok = wippyli_check_value(c, lua_gettop(c->L), &field->type, names, &inner);
        c->silent -= absent ? 1 : 0;
    }
    lua_pop(c->L, 1);
    if (!ok && absent && c->silent == 0) {
        wippyli_type_describe(&field->type, expected, sizeof(expected));
        return wippyli_check_fail(c, place, "missing field '%.*s' (expected %s)",
                                  (int)(field->name.size < 64 ? field->name.size : 64),
                                  field->name.data, expected);
    }
    return ok;
}

/* Is the key at `index` one of the record's named fields? */
static bool wippyli_check_is_field(lua_State *L, int index, wippyli_type_cursor fields)
{
    wippyli_type_node node;
    wippyli_check_field field;
    size_t size = 0;
    if (lua_type(L, index) != LUA_TSTRING) {
        return false;
    }
    const char *key = lua_tolstring(L, index, &size);
    while (wippyli_type_read(&fields, &node)) {
        if (wippyli_check_read_field(&node, &field) && field.name.size == size &&
            memcmp(field.name.data, key, size) == 0) {
            return true;
        }
    }
    return false;
}

/* The key and value on top of the stack, against the `[K]: V` whose K fits. */
static bool wippyli_check_pair(wippyli_check *c, wippyli_type_cursor fields,
                               const wippyli_check_names *names, wippyli_check_place *place)
{
    int value = lua_gettop(c->L);
    wippyli_type_node node;
    wippyli_type_node key_type;
    wippyli_type_node value_type;
    wippyli_check_place inner;
    memset(&key_type, 0, sizeof(key_type));
    wippyli_check_enter(&inner, place);
    if (lua_type(c->L, value - 1) == LUA_TSTRING) {
        inner.name = lua_tolstring(c->L, value - 1, &inner.name_size);
    } else {
        inner.index = lua_tointeger(c->L, value - 1);
    }
    while (wippyli_type_read(&fields, &node)) {
        wippyli_type_cursor body = node.body;
        if (node.kind != WIPPYLI_TYPE_INDEX || !wippyli_type_read(&body, &key_type) ||
            !wippyli_type_read(&body, &value_type)) {
            continue;
        }
        c->silent++;
        bool fits = wippyli_check_value(c, value - 1, &key_type, names, &inner);
        c->silent--;
        if (fits) {
            return wippyli_check_value(c, value, &value_type, names, &inner);
        }
    }
    if (c->silent > 0) {
        return false;
    }
    char expected[128];
    wippyli_type_describe(&key_type, expected, sizeof(expected));
    return wippyli_check_fail(c, place, "expected keys of type %s, got a %s", expected,
                              lua_typename(c->L, lua_type(c->L, value - 1)));
}

static bool wippyli_check_pairs(wippyli_check *c, int index, wippyli_type_cursor fields,
                                const wippyli_check_names *names, wippyli_check_place *place)
{
    lua_State *L = c->L;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (!wippyli_check_is_field(L, -2, fields) &&
            !wippyli_check_pair(c, fields, names, place)) {
            lua_pop(L, 2);
            return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

static bool wippyli_check_record(wippyli_check *c, int index, const wippyli_type_node *node,
                                 const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor fields = node->body;
    wippyli_type_node child;
    wippyli_check_field field;
    bool any_index = false;
    while (wippyli_type_read(&fields, &child)) {
        any_index |= child.kind == WIPPYLI_TYPE_INDEX;
        if (wippyli_check_read_field(&child, &field) &&
            !wippyli_check_one_field(c, index, &field, names, place)) {
            return false;
        }
    }
    return !any_index || wippyli_check_pairs(c, index, node->body, names, place);
}

static bool wippyli_check_table(wippyli_check *c, int index, const wippyli_type_node *node,
                                const wippyli_check_names *names, wippyli_check_place *place)
{
    if (!lua_istable(c->L, index)) {
        return wippyli_check_mismatch(c, index, node, place);
    }
    const void *table = place->table; /* the same place may be checked as several types */
    const unsigned char *as = place->as;
    if (wippyli_check_seen(c, index, node, names, place)) {
        return true;
    }
    bool ok = node->kind == WIPPYLI_TYPE_ARRAY ? wippyli_check_array(c, index, node, names, place)
                                               : wippyli_check_record(c, index, node, names, place);
    place->table = table;
    place->as = as;
    return ok;
}

/* ---- rules ---- */

static bool wippyli_check_bound(wippyli_check *c, int index, const wippyli_type_text *rule,
                                const wippyli_type_node *limit, bool length,
                                const wippyli_check_place *place)
{
    char got[48];
    char wanted[48];
    int64_t integer = 0;
    double number = 0;
    bool is_min = rule->data[1] == 'i';
    bool exact = limit->kind == WIPPYLI_TYPE_INTEGER && (length || lua_isinteger(c->L, index));
    int64_t value = length ? (int64_t)lua_rawlen(c->L, index) : lua_tointeger(c->L, index);
    double real = length ? (double)value : (double)lua_tonumber(c->L, index);
    if (!wippyli_type_read_number(limit, &integer, &number)) {
        return true;
    }
    bool ok = exact ? (is_min ? value >= integer : value <= integer)
                    : (is_min ? real >= number : real <= number);
    if (ok || c->silent > 0) {
        return ok;
    }
    wippyli_check_show(c, index, true, got, sizeof(got));
    if (length) {
        (void)snprintf(got, sizeof(got), "%lld", (long long)value);
    }
    wippyli_type_describe(limit, wanted, sizeof(wanted));
    return wippyli_check_fail(c, place, "%s %s is %s than %.*s %s", length ? "length" : "value",
                              got, is_min ? "less" : "greater", (int)rule->size, rule->data,
                              wanted);
}

static bool wippyli_check_pattern(wippyli_check *c, int index, const wippyli_type_node *pattern,
                                  const wippyli_check_place *place)
{
    size_t size = 0;
    const char *source = (const char *)pattern->body.at;
    size_t source_size = (size_t)(pattern->body.end - pattern->body.at);
    int shown = (int)(source_size < 100 ? source_size : 100);
    if (pattern->kind != WIPPYLI_TYPE_STRING || lua_type(c->L, index) != LUA_TSTRING) {
        return true;
    }
    const char *text = lua_tolstring(c->L, index, &size);
    int found = c->type->pattern ? c->type->pattern(c->L, source, source_size, text, size) : -1;
    if (found < 0) {
        return wippyli_check_fail(c, place, "pattern \"%.*s\" is not valid", shown, source);
    }
    if (found > 0) {
        return true;
    }
    return wippyli_check_fail(c, place, "value does not match pattern \"%.*s\"", shown, source);
}

/* Rules this runtime does not know are notes to the reader. */
static bool wippyli_check_rule(wippyli_check *c, int index, const wippyli_type_node *node,
                               const wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_text name;
    wippyli_type_node argument;
    if (!wippyli_type_read_text(&body, &name) || !wippyli_type_read(&body, &argument)) {
        return true;
    }
    int type = lua_type(c->L, index);
    bool has_length = type == LUA_TSTRING || type == LUA_TTABLE;
    if (wippyli_check_text_is(&name, "min") || wippyli_check_text_is(&name, "max")) {
        return (type != LUA_TNUMBER && !has_length) ||
               wippyli_check_bound(c, index, &name, &argument, has_length, place);
    }
    if (wippyli_check_text_is(&name, "min_len") || wippyli_check_text_is(&name, "max_len") ||
        wippyli_check_text_is(&name, "min_length") || wippyli_check_text_is(&name, "max_length")) {
        return !has_length || wippyli_check_bound(c, index, &name, &argument, true, place);
    }
    return !wippyli_check_text_is(&name, "pattern") ||
           wippyli_check_pattern(c, index, &argument, place);
}

/* ---- any type ---- */

static bool wippyli_check_same_text(lua_State *L, int index, const wippyli_type_cursor *literal)
{
    size_t size = 0;
    if (lua_type(L, index) != LUA_TSTRING) {
        return false;
    }
    const char *text = lua_tolstring(L, index, &size);
    return size == (size_t)(literal->end - literal->at) && memcmp(text, literal->at, size) == 0;
}

static bool wippyli_check_literal(lua_State *L, int index, const wippyli_type_node *node)
{
    int64_t integer = 0;
    double number = 0;
    switch (node->kind) {
    case WIPPYLI_TYPE_NIL: return lua_isnil(L, index);
    case WIPPYLI_TYPE_TRUE: return lua_isboolean(L, index) && lua_toboolean(L, index);
    case WIPPYLI_TYPE_FALSE: return lua_isboolean(L, index) && !lua_toboolean(L, index);
    case WIPPYLI_TYPE_FUNCTION: return lua_isfunction(L, index);
    case WIPPYLI_TYPE_STRING: return wippyli_check_same_text(L, index, &node->body);
    default: break;
    }
    if (lua_type(L, index) != LUA_TNUMBER || !wippyli_type_read_number(node, &integer, &number)) {
        return false;
    }
    if (node->kind == WIPPYLI_TYPE_INTEGER && lua_isinteger(L, index)) {
        return lua_tointeger(L, index) == integer;
    }
    double value = (double)lua_tonumber(L, index);
    return !(value < number) && !(value > number);
}

static bool wippyli_check_union(wippyli_check *c, int index, const wippyli_type_node *node,
                                const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_node child;
    bool ok = false;
    c->silent++;
    while (!ok && wippyli_type_read(&body, &child)) {
        ok = wippyli_check_value(c, index, &child, names, place);
    }
    c->silent--;
    if (ok) {
        return true;
    }
    return wippyli_check_mismatch(c, index, node, place);
}

/* An intersection, or a type with rules: all of them must hold. */
static bool wippyli_check_all(wippyli_check *c, int index, const wippyli_type_node *node,
                              const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_node child;
    while (wippyli_type_read(&body, &child)) {
        bool ok = child.kind == WIPPYLI_TYPE_RULE
                      ? wippyli_check_rule(c, index, &child, place)
                      : wippyli_check_value(c, index, &child, names, place);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool wippyli_check_optional(wippyli_check *c, int index, const wippyli_type_node *node,
                                   const wippyli_check_names *names, wippyli_check_place *place)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_node child;
    return lua_isnil(c->L, index) || !wippyli_type_read(&body, &child) ||
           wippyli_check_value(c, index, &child, names, place);
}

static bool wippyli_check_kind(wippyli_check *c, int index, const wippyli_type_node *node,
                               const wippyli_check_names *names, wippyli_check_place *place)
{
    switch (node->kind) {
    case WIPPYLI_TYPE_ANY: return true;
    case WIPPYLI_TYPE_NAME: return wippyli_check_name(c, index, node, names, place);
    case WIPPYLI_TYPE_RECORD:
    case WIPPYLI_TYPE_ARRAY: return wippyli_check_table(c, index, node, names, place);
    case WIPPYLI_TYPE_OPTIONAL: return wippyli_check_optional(c, index, node, names, place);
    case WIPPYLI_TYPE_UNION: return wippyli_check_union(c, index, node, names, place);
    case WIPPYLI_TYPE_BOTH:
    case WIPPYLI_TYPE_CHECKED: return wippyli_check_all(c, index, node, names, place);
    default: break;
    }
    if (wippyli_check_literal(c->L, index, node)) {
        return true;
    }
    return wippyli_check_mismatch(c, index, node, place);
}

static bool wippyli_check_value(wippyli_check *c, int index, const wippyli_type_node *node,
                                const wippyli_check_names *names, wippyli_check_place *place)
{
    if (c->depth >= WIPPYLI_CHECK_DEPTH || !lua_checkstack(c->L, 8)) {
        return wippyli_check_fail(c, place, "nesting too deep");
    }
    if (c->steps >= WIPPYLI_CHECK_STEPS) {
        return wippyli_check_fail(c, place, "too much to check");
    }
    c->steps++;
    c->depth++;
    bool ok = wippyli_check_kind(c, index, node, names, place);
    c->depth--;
    return ok;
}

WIPPYLI_FN bool wippyli_descriptor_find(const unsigned char *types, size_t types_size,
                                        const char *name, size_t name_size, wippyli_descriptor *out)
{
    wippyli_alias alias;
    if (!wippyli_alias_find(types, types_size, name, name_size, &alias)) {
        return false;
    }
    memset(out, 0, sizeof(*out));
    out->types = types;
    out->types_size = types_size;
    out->alias = alias;
    return true;
}

WIPPYLI_FN bool wippyli_type_check(lua_State *L, int index, const wippyli_descriptor *type,
                                   char *error, size_t error_size)
{
    wippyli_check c;
    wippyli_check_names names;
    wippyli_check_place place;
    memset(&c, 0, sizeof(c));
    c.L = L;
    c.type = type;
    c.error = error;
    c.error_size = error_size;
    names.up = NULL;
    names.alias = type->alias;
    names.args.at = names.args.end = type->types; /* parameters accept everything */
    wippyli_check_enter(&place, NULL);
    if (error_size > 0) {
        error[0] = 0;
    }
    int top = lua_gettop(L);
    bool ok = wippyli_check_value(&c, lua_absindex(L, index), &type->alias.type, &names, &place);
    lua_settop(L, top);
    return ok;
}
