#include "policy.h"
#include "entry.h"
#include "value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef enum wippyi_condition_op {
    WIPPYI_COND_UNKNOWN = 0, /* evaluating it is an error */
    WIPPYI_COND_EQ,
    WIPPYI_COND_NE,
    WIPPYI_COND_LT,
    WIPPYI_COND_GT,
    WIPPYI_COND_LTE,
    WIPPYI_COND_GTE,
    WIPPYI_COND_IN,
    WIPPYI_COND_NIN,
    WIPPYI_COND_EXISTS,
    WIPPYI_COND_NEXISTS,
    WIPPYI_COND_CONTAINS,
    WIPPYI_COND_NCONTAINS,
    WIPPYI_COND_MATCHES,
    WIPPYI_COND_NMATCHES
} wippyi_condition_op;

static const char *const wippyi_condition_names[] = {
    "",    "eq",     "ne",      "lt",       "gt",        "lte",     "gte",     "in",
    "nin", "exists", "nexists", "contains", "ncontains", "matches", "nmatches"};

typedef struct wippyi_condition {
    wippyi_condition_op op;
    wippyi_path field;
    wippyi_path from; /* used when has_from */
    bool has_from;
    wippyi_operand value; /* otherwise; WIPPY_END = none given */
    wippyi_regex *regex;  /* of a literal pattern; NULL = made when evaluated */
} wippyi_condition;

struct wippyi_rule {
    wippyi_item item;
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippy_entry *entry; /* held; NULL in tests */
    bool deny;
    wippy_slice actions;   /* a string or an array of strings, encoded */
    wippy_slice resources; /* the same */
    wippy_slice groups;    /* an array of strings, or size 0 */
    wippyi_condition *conditions;
    size_t condition_count;
    wippyi_expression *expression; /* NULL = none */
};

/* ------------------------------------------------------------------ compiling */

static wippy_result wippyi_policy_reject(wippy_diag *diag, wippy_result result, const char *format,
                                         ...) WIPPYI_PRINTF(3, 4);

static wippy_result wippyi_policy_reject(wippy_diag *diag, wippy_result result, const char *format,
                                         ...)
{
    va_list args;
    va_start(args, format);
    diag->code = result;
    vsnprintf(diag->message, sizeof(diag->message), format, args);
    va_end(args);
    return result;
}

static bool wippyi_rule_is_patterns(wippy_slice value)
{
    wippy_value_iter it;
    if (wippy_value_type_of(value) == WIPPY_STRING) {
        return true;
    }
    if (wippy_value_type_of(value) != WIPPY_ARRAY) {
        return false;
    }
    for (wippy_value_each(value, &it); wippy_value_next(&it);) {
        if (wippy_value_type_of(it.value) != WIPPY_STRING) {
            return false;
        }
    }
    return true;
}

static wippy_result wippyi_rule_patterns(wippy_slice policy, const char *key, wippy_slice *out,
                                         wippy_diag *diag)
{
    if (wippy_value_get(policy, key, out) != WIPPY_OK || !wippyi_rule_is_patterns(*out)) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID,
                                    "policy.%s must be a string or a list of strings", key);
    }
    return WIPPY_OK;
}

static wippyi_condition_op wippyi_condition_find(wippy_slice name)
{
    for (size_t i = 1; i < WIPPYI_COUNT(wippyi_condition_names); i++) {
        if (wippyi_bytes_is(name, wippyi_condition_names[i])) {
            return (wippyi_condition_op)i;
        }
    }
    return WIPPYI_COND_UNKNOWN;
}

static wippy_result wippyi_condition_pattern(wippyi_mem *mem, wippyi_condition *condition,
                                             wippy_diag *diag)
{
    const char *why = "";
    bool pattern = condition->op == WIPPYI_COND_MATCHES || condition->op == WIPPYI_COND_NMATCHES;
    if (!pattern || condition->has_from || condition->value.type != WIPPY_STRING) {
        return WIPPY_OK;
    }
    wippy_slice text = condition->value.string;
    wippy_result result = wippyi_regex_compile(mem, text.data, text.size, &condition->regex, &why);
    if (result != WIPPY_OK) {
        return wippyi_policy_reject(diag, result, "invalid regular expression \"%.*s\": %s",
                                    WIPPYI_SLICE_ARGS(text), why);
    }
    return WIPPY_OK;
}

static wippy_result wippyi_condition_compile(wippyi_mem *mem, wippyi_condition *condition,
                                             wippy_slice data, wippy_diag *diag)
{
    wippy_slice value;
    wippy_slice field = wippy_value_string(data, "field", "");
    wippy_slice from = wippy_value_string(data, "value_from", "");
    condition->op = wippyi_condition_find(wippy_value_string(data, "operator", ""));
    if (field.size == 0) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID, "a condition needs a field");
    }
    wippyi_path_parse(&condition->field, field);
    wippyi_operand_clear(&condition->value);
    condition->has_from = from.size > 0;
    wippyi_path_parse(&condition->from, from);
    if (wippy_value_get(data, "value", &value) == WIPPY_OK) {
        wippyi_operand_read(&condition->value, value);
    }
    bool presence = condition->op == WIPPYI_COND_EXISTS || condition->op == WIPPYI_COND_NEXISTS;
    if (!presence && !condition->has_from && condition->value.type == WIPPY_END) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID,
                                    "the condition on \"%.*s\" needs value or value_from",
                                    WIPPYI_SLICE_ARGS(field));
    }
    return wippyi_condition_pattern(mem, condition, diag);
}

static wippy_result wippyi_rule_conditions(wippyi_rule *rule, wippy_slice policy, wippy_diag *diag)
{
    wippy_slice list;
    wippy_value_iter it;
    size_t count = 0;
    if (wippy_value_get(policy, "conditions", &list) != WIPPY_OK) {
        return WIPPY_OK;
    }
    if (wippy_value_type_of(list) != WIPPY_ARRAY) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID, "policy.conditions must be a list");
    }
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        count++;
    }
    size_t bytes = count * sizeof(wippyi_condition);
    rule->conditions = (wippyi_condition *)wippyi_mem_alloc(rule->mem, bytes);
    if (!rule->conditions) {
        return WIPPY_ERR_NOMEM;
    }
    rule->condition_count = count;
    memset(rule->conditions, 0, bytes);
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        wippy_result result =
            wippyi_condition_compile(rule->mem, &rule->conditions[it.index], it.value, diag);
        if (result != WIPPY_OK) {
            return result;
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyi_rule_effect(wippyi_rule *rule, wippy_slice policy, wippy_diag *diag)
{
    wippy_slice effect = wippy_value_string(policy, "effect", "");
    rule->deny = wippyi_bytes_is(effect, "deny");
    if (!rule->deny && !wippyi_bytes_is(effect, "allow")) {
        return wippyi_policy_reject(
            diag, WIPPY_ERR_INVALID, "policy.effect must be allow or deny, not \"%.*s\"",
            (int)WIPPYI_MIN(effect.size, 50), effect.size ? effect.data : "");
    }
    return WIPPY_OK;
}

static wippy_result wippyi_rule_expression(wippyi_rule *rule, wippy_slice data, wippy_diag *diag)
{
    wippy_slice source = wippy_value_string(data, "policy.expression", "");
    if (source.size == 0) {
        source = wippy_value_string(data, "expression", "");
    }
    if (source.size == 0) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID, "expression is required");
    }
    return wippyi_expression_compile(rule->mem, source, &rule->expression, diag);
}

static wippy_result wippyi_rule_groups(wippyi_rule *rule, wippy_slice data, wippy_diag *diag)
{
    if (wippy_value_get(data, "groups", &rule->groups) != WIPPY_OK) {
        return WIPPY_OK;
    }
    return wippyi_rule_is_patterns(rule->groups)
               ? WIPPY_OK
               : wippyi_policy_reject(diag, WIPPY_ERR_INVALID, "groups must be a list of strings");
}

static wippy_result wippyi_rule_fill(wippyi_rule *rule, wippy_slice data, bool with_expression,
                                     wippy_diag *diag)
{
    wippy_slice policy;
    if (wippy_value_get(data, "policy", &policy) != WIPPY_OK ||
        wippy_value_type_of(policy) != WIPPY_MAP) {
        return wippyi_policy_reject(diag, WIPPY_ERR_INVALID, "policy is required");
    }
    wippy_result result = wippyi_rule_patterns(policy, "actions", &rule->actions, diag);
    if (result == WIPPY_OK) {
        result = wippyi_rule_patterns(policy, "resources", &rule->resources, diag);
    }
    if (result == WIPPY_OK) {
        result = wippyi_rule_effect(rule, policy, diag);
    }
    if (result == WIPPY_OK) {
        result = wippyi_rule_groups(rule, data, diag);
    }
    if (result == WIPPY_OK) {
        result = wippyi_rule_conditions(rule, policy, diag);
    }
    return result == WIPPY_OK && with_expression ? wippyi_rule_expression(rule, data, diag)
                                                 : result;
}

static void wippyi_rule_free(wippyi_item *item)
{
    wippyi_rule *rule = (wippyi_rule *)(void *)item;
    for (size_t i = 0; i < rule->condition_count; i++) {
        wippyi_regex_free(rule->conditions[i].regex);
    }
    wippyi_mem_free(rule->mem, rule->conditions, rule->condition_count * sizeof(wippyi_condition));
    wippyi_expression_free(rule->expression);
    if (rule->entry) {
        wippy_entry_release(rule->rt, rule->entry);
    }
    wippyi_mem_free(rule->mem, rule, sizeof(*rule));
}

WIPPYI_FN wippy_result wippyi_rule_compile(wippy_runtime *rt, wippyi_mem *mem, wippy_entry *entry,
                                           const char *id, wippy_slice data, bool with_expression,
                                           wippyi_rule **out, wippy_diag *diag)
{
    wippyi_rule *rule = (wippyi_rule *)wippyi_mem_alloc(mem, sizeof(*rule));
    if (!rule) {
        return WIPPY_ERR_NOMEM;
    }
    memset(rule, 0, sizeof(*rule));
    rule->rt = rt;
    rule->mem = mem;
    rule->entry = entry ? wippy_entry_hold(entry) : NULL;
    wippyi_item_init(&rule->item, id, wippyi_rule_free);
    wippy_result result = wippyi_rule_fill(rule, data, with_expression, diag);
    if (result != WIPPY_OK) {
        wippyi_item_release(&rule->item);
        return result;
    }
    *out = rule;
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ patterns and groups */

WIPPYI_FN bool wippyi_rule_pattern(wippy_slice pattern, wippy_slice text)
{
    bool front = pattern.size > 0 && pattern.data[0] == '*';
    bool back = pattern.size > 0 && pattern.data[pattern.size - 1] == '*';
    if (front && pattern.size == 1) {
        return true;
    }
    pattern.data += front ? 1 : 0;
    pattern.size -= (front ? 1u : 0u) + (back ? 1u : 0u);
    if (front && back) {
        return wippyi_bytes_has(text, pattern);
    }
    if (front) {
        return wippyi_bytes_ends(text, pattern);
    }
    if (back && pattern.size > 0 && pattern.data[pattern.size - 1] == '.' &&
        text.size == pattern.size - 1) {
        pattern.size--; /* "admin.*" also takes "admin" */
    }
    return back ? wippyi_bytes_begins(text, pattern) : wippyi_bytes_order(text, pattern) == 0;
}

static wippy_slice wippyi_policy_slice(const char *text)
{
    wippy_slice slice;
    slice.data = text ? text : "";
    slice.size = strlen(slice.data);
    return slice;
}

static bool wippyi_rule_matches(wippy_slice patterns, const char *text)
{
    wippy_slice subject = wippyi_policy_slice(text);
    wippy_value_iter it;
    if (wippy_value_type_of(patterns) == WIPPY_STRING) {
        return wippyi_rule_pattern(wippy_value_string(patterns, "", ""), subject);
    }
    for (wippy_value_each(patterns, &it); wippy_value_next(&it);) {
        if (wippyi_rule_pattern(wippy_value_string(it.value, "", ""), subject)) {
            return true;
        }
    }
    return false;
}

/* Is `name`, completed with the namespace of `owner`, the id `group`? */
static bool wippyi_policy_names(wippy_slice name, const char *owner, const char *group)
{
    const char *cut = strchr(owner, ':');
    size_t space = cut ? (size_t)(cut - owner) + 1 : 0;
    if (name.size > 0 && memchr(name.data, ':', name.size)) {
        return wippyi_bytes_is(name, group);
    }
    return strncmp(owner, group, space) == 0 && wippyi_bytes_is(name, group + space);
}

WIPPYI_FN bool wippyi_rule_in_group(const wippyi_rule *rule, const char *group)
{
    wippy_value_iter it;
    if (wippy_value_type_of(rule->groups) == WIPPY_STRING) {
        return wippyi_policy_names(wippy_value_string(rule->groups, "", ""), rule->item.id, group);
    }
    for (wippy_value_each(rule->groups, &it); wippy_value_next(&it);) {
        if (wippyi_policy_names(wippy_value_string(it.value, "", ""), rule->item.id, group)) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ conditions */

/* Text form of a scalar; containers have none. */
static bool wippyi_condition_text(const wippyi_operand *operand, char room[WIPPYI_VALUE_FLOAT_TEXT],
                                  wippy_slice *out)
{
    switch (operand->type) {
    case WIPPY_STRING: *out = operand->string; return true;
    case WIPPY_BOOL: *out = wippyi_policy_slice(operand->boolean ? "true" : "false"); return true;
    case WIPPY_FLOAT:
        out->size = wippyi_value_float_text(operand->number, room);
        out->data = room;
        return true;
    case WIPPY_INT:
        snprintf(room, WIPPYI_VALUE_FLOAT_TEXT, "%lld", (long long)operand->integer);
        *out = wippyi_policy_slice(room);
        return true;
    default: return false;
    }
}

static int wippyi_condition_number_order(const wippyi_operand *a, const wippyi_operand *b,
                                         bool *both)
{
    double x = 0;
    double y = 0;
    *both = wippyi_operand_number(a, &x) && wippyi_operand_number(b, &y);
    if (*both && a->type == WIPPY_INT && b->type == WIPPY_INT) {
        return wippyi_operand_order(a, b);
    }
    return x < y ? -1 : x > y ? 1 : x <= y ? 0 : 2;
}

/* Order as numbers when both are, else as text.  -1 0 1, 2 = they cannot be compared. */
static int wippyi_condition_order(const wippyi_operand *a, const wippyi_operand *b)
{
    char room_a[WIPPYI_VALUE_FLOAT_TEXT];
    char room_b[WIPPYI_VALUE_FLOAT_TEXT];
    wippy_slice text_a, text_b;
    bool numbers;
    int order = wippyi_condition_number_order(a, b, &numbers);
    if (numbers) {
        return order;
    }
    return wippyi_condition_text(a, room_a, &text_a) && wippyi_condition_text(b, room_b, &text_b)
               ? wippyi_bytes_order(text_a, text_b)
               : 2;
}

static bool wippyi_condition_equal(const wippyi_operand *a, const wippyi_operand *b)
{
    if (a->encoded.size > 0 && b->encoded.size > 0) {
        return wippy_value_equal(a->encoded, b->encoded);
    }
    return wippyi_condition_order(a, b) == 0;
}

static bool wippyi_condition_in(const wippyi_operand *needle, const wippyi_operand *list)
{
    wippy_value_iter it;
    for (wippy_value_each(list->encoded, &it); wippy_value_next(&it);) {
        wippyi_operand item;
        wippyi_operand_read(&item, it.value);
        if (wippyi_condition_equal(needle, &item)) {
            return true;
        }
    }
    return false;
}

static wippy_result wippyi_condition_contains(const wippyi_operand *whole,
                                              const wippyi_operand *part, bool *out)
{
    char room_whole[WIPPYI_VALUE_FLOAT_TEXT];
    char room_part[WIPPYI_VALUE_FLOAT_TEXT];
    wippy_slice text_whole, text_part;
    if (whole->type == WIPPY_ARRAY) {
        *out = wippyi_condition_in(part, whole);
        return WIPPY_OK;
    }
    if (!wippyi_condition_text(whole, room_whole, &text_whole) ||
        !wippyi_condition_text(part, room_part, &text_part)) {
        return WIPPY_ERR_INVALID;
    }
    *out = wippyi_bytes_has(text_whole, text_part);
    return WIPPY_OK;
}

static wippy_result wippyi_condition_match(wippyi_mem *mem, const wippyi_condition *condition,
                                           const wippyi_operand *field, const wippyi_operand *value,
                                           bool *out)
{
    char room[WIPPYI_VALUE_FLOAT_TEXT];
    wippy_slice text;
    wippyi_regex *made = NULL;
    wippy_result result = WIPPY_OK;
    if (value->type != WIPPY_STRING || !wippyi_condition_text(field, room, &text)) {
        return WIPPY_ERR_INVALID;
    }
    if (!condition->regex) {
        result = wippyi_regex_compile(mem, value->string.data, value->string.size, &made, NULL);
    }
    if (result == WIPPY_OK) {
        result =
            wippyi_regex_find(condition->regex ? condition->regex : made, text.data, text.size);
    }
    wippyi_regex_free(made);
    *out = result == WIPPY_OK;
    return result == WIPPY_ERR_NOTFOUND ? WIPPY_OK : result;
}

/* exists true, nexists false, and their opposites. */
static wippy_result wippyi_condition_presence(const wippyi_condition *condition, bool present,
                                              const wippyi_operand *value, bool *out)
{
    bool wanted = condition->op == WIPPYI_COND_EXISTS;
    if (value->type != WIPPY_END && value->type != WIPPY_BOOL) {
        return WIPPY_ERR_INVALID;
    }
    if (value->type == WIPPY_BOOL && !value->boolean) {
        wanted = !wanted;
    }
    *out = present == wanted;
    return WIPPY_OK;
}

static wippy_result wippyi_condition_ordered(wippyi_condition_op op, const wippyi_operand *field,
                                             const wippyi_operand *value, bool *out)
{
    int order = wippyi_condition_order(field, value);
    *out = op == WIPPYI_COND_LT    ? order == -1
           : op == WIPPYI_COND_GT  ? order == 1
           : op == WIPPYI_COND_LTE ? order == -1 || order == 0
                                   : order == 1 || order == 0;
    return order == 2 ? WIPPY_ERR_INVALID : WIPPY_OK;
}

static wippy_result wippyi_condition_compare(wippyi_mem *mem, const wippyi_condition *condition,
                                             const wippyi_operand *field,
                                             const wippyi_operand *value, bool *out)
{
    switch (condition->op) {
    case WIPPYI_COND_EQ:
    case WIPPYI_COND_NE: *out = wippyi_condition_equal(field, value); return WIPPY_OK;
    case WIPPYI_COND_IN:
    case WIPPYI_COND_NIN:
        *out = wippyi_condition_in(field, value);
        return value->type == WIPPY_ARRAY ? WIPPY_OK : WIPPY_ERR_INVALID;
    case WIPPYI_COND_CONTAINS:
    case WIPPYI_COND_NCONTAINS: return wippyi_condition_contains(field, value, out);
    case WIPPYI_COND_MATCHES:
    case WIPPYI_COND_NMATCHES: return wippyi_condition_match(mem, condition, field, value, out);
    case WIPPYI_COND_LT:
    case WIPPYI_COND_GT:
    case WIPPYI_COND_LTE:
    case WIPPYI_COND_GTE: return wippyi_condition_ordered(condition->op, field, value, out);
    default: return WIPPY_ERR_INVALID;
    }
}

static bool wippyi_condition_negated(wippyi_condition_op op)
{
    return op == WIPPYI_COND_NE || op == WIPPYI_COND_NIN || op == WIPPYI_COND_NCONTAINS ||
           op == WIPPYI_COND_NMATCHES;
}

/* Nothing there, or a nil: the same to a condition. */
static bool wippyi_condition_missing(const wippyi_operand *operand)
{
    return operand->type == WIPPY_END || operand->type == WIPPY_NIL;
}

static wippy_result wippyi_condition_holds(wippyi_mem *mem, const wippyi_condition *condition,
                                           const wippy_access *access, bool *out)
{
    wippyi_operand field;
    wippyi_operand value = condition->value;
    wippy_result result = wippyi_path_look_up(&condition->field, access, &field);
    if (result == WIPPY_OK && condition->has_from) {
        result = wippyi_path_look_up(&condition->from, access, &value);
    }
    if (result != WIPPY_OK || condition->op == WIPPYI_COND_UNKNOWN) {
        return WIPPY_ERR_INVALID;
    }
    bool missing = wippyi_condition_missing(&field);
    if (condition->op == WIPPYI_COND_EXISTS || condition->op == WIPPYI_COND_NEXISTS) {
        return wippyi_condition_presence(condition, !missing, &value, out);
    }
    if (missing || wippyi_condition_missing(&value)) {
        *out = false;
        return WIPPY_OK;
    }
    result = wippyi_condition_compare(mem, condition, &field, &value, out);
    *out = *out != wippyi_condition_negated(condition->op);
    return result;
}

/* ------------------------------------------------------------------ asking */

static bool wippyi_rule_applies(const wippyi_rule *rule, const wippy_access *access)
{
    bool holds = true;
    if (!wippyi_rule_matches(rule->actions, access->action) ||
        !wippyi_rule_matches(rule->resources, access->resource)) {
        return false;
    }
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (wippyi_condition_holds(rule->mem, &rule->conditions[i], access, &holds) != WIPPY_OK ||
            !holds) {
            return false;
        }
    }
    return !rule->expression ||
           (wippyi_expression_evaluate(rule->expression, access, &holds) == WIPPY_OK && holds);
}

WIPPYI_FN wippy_decision wippyi_rule_evaluate(const wippyi_rule *rule, const wippy_access *access)
{
    if (!wippyi_rule_applies(rule, access)) {
        return WIPPY_UNDEFINED;
    }
    return rule->deny ? WIPPY_DENY : WIPPY_ALLOW;
}

static wippy_decision wippyi_policy_ask(wippyi_policy *policy, const char *id,
                                        const wippy_access *access)
{
    wippyi_item *item = wippyi_catalog_find(&policy->rules, id);
    if (!item) {
        return WIPPY_UNDEFINED;
    }
    wippy_decision decision = wippyi_rule_evaluate((const wippyi_rule *)(void *)item, access);
    wippyi_item_release(item);
    return decision;
}

static wippy_decision wippyi_policy_ask_all(wippyi_policy *policy, const char *const *ids,
                                            uint32_t count, const wippy_access *access)
{
    wippy_decision decision = WIPPY_UNDEFINED;
    for (uint32_t i = 0; i < count && decision != WIPPY_DENY; i++) {
        wippy_decision one = wippyi_policy_ask(policy, ids[i], access);
        decision = one != WIPPY_UNDEFINED ? one : decision;
    }
    return decision;
}

WIPPY_API const char *wippy_decision_name(wippy_decision decision)
{
    return decision == WIPPY_ALLOW ? "allow" : decision == WIPPY_DENY ? "deny" : "undefined";
}

WIPPY_API bool wippy_policy_exists(wippy_runtime *rt, const char *policy_id)
{
    wippyi_item *item = wippyi_catalog_find(&wippyi_runtime_policy(rt)->rules, policy_id);
    wippyi_item_release(item);
    return item != NULL;
}

WIPPY_API wippy_decision wippy_policy_evaluate(wippy_runtime *rt, const char *policy_id,
                                               const wippy_access *access)
{
    return wippyi_policy_ask(wippyi_runtime_policy(rt), policy_id, access);
}

WIPPY_API wippy_decision wippy_scope_evaluate(wippy_runtime *rt, const char *const *ids,
                                              uint32_t count, const wippy_access *access)
{
    return wippyi_policy_ask_all(wippyi_runtime_policy(rt), ids, count, access);
}

WIPPYI_FN size_t wippyi_policy_write_group(wippyi_policy *policy, const char *group,
                                           wippy_writer *out)
{
    size_t count = 0;
    wippyi_item *item = wippyi_catalog_next(&policy->rules, NULL);
    while (item) {
        if (wippyi_rule_in_group((const wippyi_rule *)(void *)item, group)) {
            count++;
            if (out) {
                wippy_write_cstring(out, item->id);
            }
        }
        wippyi_item *next = wippyi_catalog_next(&policy->rules, item->id);
        wippyi_item_release(item);
        item = next;
    }
    return count;
}

WIPPY_API wippy_result wippy_policy_group(wippy_runtime *rt, const char *group, wippy_writer *out)
{
    wippyi_policy *policy = wippyi_runtime_policy(rt);
    size_t count = wippyi_policy_write_group(policy, group, NULL);
    if (count == 0) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (out) {
        wippy_write_array(out, count);
        wippyi_policy_write_group(policy, group, out);
        wippy_write_end(out);
    }
    return WIPPY_OK;
}

static void wippyi_policy_log(wippy_runtime *rt, const char *actor, const char *action,
                              const char *resource)
{
    wippy_writer w;
    wippy_slice fields;
    wippy_writer_init(&w, rt);
    wippy_write_map(&w, 3);
    wippy_write_cstring(&w, "actor");
    wippy_write_cstring(&w, actor);
    wippy_write_cstring(&w, "action");
    wippy_write_cstring(&w, action ? action : "");
    wippy_write_cstring(&w, "resource");
    wippy_write_cstring(&w, resource ? resource : "");
    wippy_write_end(&w);
    if (wippy_writer_finish(&w, &fields) != WIPPY_OK) {
        memset(&fields, 0, sizeof(fields));
    }
    wippyi_log(rt, WIPPY_LOG_WARN, "security", fields, "permission denied");
    wippy_writer_free(&w);
}

WIPPYI_FN bool wippyi_policy_allowed(wippy_runtime *rt, const wippy_frame *frame,
                                     const char *action, const char *resource, wippy_slice meta)
{
    const char *const *ids = NULL;
    bool allowed = true;
    const char *actor = wippy_frame_actor(frame);
    if (frame && frame->trusted) {
        return true;
    }
    if (*actor && wippy_frame_has_scope(frame)) {
        wippy_access access;
        access.actor_id = actor;
        access.actor_meta = wippy_frame_actor_meta(frame);
        access.action = action;
        access.resource = resource;
        access.meta = meta;
        uint32_t count = wippy_frame_scope(frame, &ids);
        allowed =
            wippyi_policy_ask_all(wippyi_runtime_policy(rt), ids, count, &access) == WIPPY_ALLOW;
    } else {
        allowed = !wippy_runtime_desc(rt)->strict_rights;
    }
    if (!allowed) {
        wippyi_policy_log(rt, actor, action, resource);
    }
    return allowed;
}

WIPPY_API bool wippy_frame_allowed(wippy_runtime *rt, const wippy_frame *frame, const char *action,
                                   const char *resource, wippy_slice meta)
{
    return wippyi_policy_allowed(rt, frame, action, resource, meta);
}

/* ------------------------------------------------------------------ kinds */

static wippy_result wippyi_policy_compile_call(const wippy_kind_call *call, wippyi_rule **out)
{
    wippyi_policy *policy = (wippyi_policy *)call->user_data;
    bool with_expression = strcmp(wippy_entry_kind(call->after), "security.policy.expr") == 0;
    return wippyi_rule_compile(call->rt, policy->mem, call->after, wippy_entry_id(call->after),
                               wippy_entry_data(call->after), with_expression, out, call->diag);
}

static wippy_result wippyi_policy_check(const wippy_kind_call *call)
{
    wippyi_rule *rule = NULL;
    wippy_result result = wippyi_policy_compile_call(call, &rule);
    if (result == WIPPY_OK) {
        wippyi_item_release(&rule->item);
    }
    return result;
}

static const char *wippyi_policy_call_id(const wippy_kind_call *call)
{
    return wippy_entry_id(call->after ? call->after : call->before);
}

static wippy_result wippyi_policy_apply(const wippy_kind_call *call)
{
    wippyi_policy *policy = (wippyi_policy *)call->user_data;
    wippyi_rule *rule = NULL;
    if (call->undo) {
        wippyi_catalog_unstage(&policy->rules, wippyi_policy_call_id(call));
        return WIPPY_OK;
    }
    wippy_result result = call->after ? wippyi_policy_compile_call(call, &rule) : WIPPY_OK;
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_catalog_stage(&policy->rules, wippyi_policy_call_id(call),
                                  rule ? &rule->item : NULL);
    if (result != WIPPY_OK && rule) {
        wippyi_item_release(&rule->item);
    }
    return result;
}

static void wippyi_policy_commit(const wippy_kind_call *call)
{
    wippyi_policy *policy = (wippyi_policy *)call->user_data;
    wippyi_catalog_commit(&policy->rules, wippyi_policy_call_id(call));
}

static wippy_result wippyi_policy_register(wippy_runtime *rt, wippyi_policy *policy)
{
    static const char *const fields[] = {"policy.actions",    "policy.resources",  "policy.effect",
                                         "policy.conditions", "policy.expression", "expression",
                                         "groups",            NULL};
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "security.policy";
    desc.fields = fields;
    desc.check = wippyi_policy_check;
    desc.apply = wippyi_policy_apply;
    desc.commit = wippyi_policy_commit;
    desc.user_data = policy;
    wippy_result result = wippy_kind_register(rt, &desc);
    desc.name = "security.policy.expr";
    return result == WIPPY_OK ? wippy_kind_register(rt, &desc) : result;
}

WIPPYI_FN wippy_result wippyi_policy_create(wippy_runtime *rt, wippyi_mem *mem, wippyi_policy **out)
{
    wippyi_policy *policy = (wippyi_policy *)wippyi_mem_alloc(mem, sizeof(*policy));
    if (!policy) {
        return WIPPY_ERR_NOMEM;
    }
    policy->mem = mem;
    wippy_result result = wippyi_catalog_init(&policy->rules, mem);
    if (result != WIPPY_OK) {
        wippyi_mem_free(mem, policy, sizeof(*policy));
        return result;
    }
    result = wippyi_policy_register(rt, policy);
    if (result != WIPPY_OK) {
        wippyi_policy_destroy(policy);
        return result;
    }
    *out = policy;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_policy_destroy(wippyi_policy *policy)
{
    if (policy) {
        wippyi_catalog_destroy(&policy->rules);
        wippyi_mem_free(policy->mem, policy, sizeof(*policy));
    }
}
