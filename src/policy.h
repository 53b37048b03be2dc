/* ========================================================================== >>policy
   Rights: policies compiled from registry entries, scopes of policies, and the one question
   "may this frame do that".
   Any thread.  Locks: the catalog's, for a few instructions per policy looked up.
   Allocates: when policies are compiled, and where regular expressions do.
   Holds: a compiled policy never changes; one that is being asked stays alive while the registry
   replaces it. An error while a policy is asked makes it undecided, never an allow.

   Entries: policy { actions, resources: a pattern or a list; effect: allow | deny; conditions: a
   list of { field, operator, value | value_from } }, groups; kind security.policy.expr has an
   expression as well. Patterns: `*`, a `*` at the end or at the beginning; `a.*` takes `a` and `a.` with any
   rest. */
#ifndef WIPPYI_POLICY_H
#define WIPPYI_POLICY_H

#include "api.h"
#include "catalog.h"
#include "config.h"
#include "expression.h"
#include "frame.h"
#include "memory.h"
#include "runtime_access.h"

typedef struct wippyi_rule wippyi_rule; /* one compiled policy; begins with a wippyi_item */

/* Compile the data of an entry. id and data must outlive the rule; they do, when `entry` is given:
   it is then held by the rule. Returns: WIPPY_OK, _ERR_INVALID, _ERR_SYNTAX, _ERR_LIMIT,
   _ERR_UNSUPPORTED, _ERR_NOMEM; diag is never NULL. */
WIPPYI_FN wippy_result wippyi_rule_compile(wippy_runtime *rt, wippyi_mem *mem, wippy_entry *entry,
                                           const char *id, wippy_slice data, bool with_expression,
                                           wippyi_rule **out, wippy_diag *diag);
WIPPYI_FN wippy_decision wippyi_rule_evaluate(const wippyi_rule *rule, const wippy_access *access);
/* Is the rule in the group? Names without ':' get the rule's namespace. */
WIPPYI_FN bool wippyi_rule_in_group(const wippyi_rule *rule, const char *group);
WIPPYI_FN bool wippyi_rule_pattern(wippy_slice pattern, wippy_slice text);

struct wippyi_policy {
    wippyi_mem *mem;
    wippyi_catalog rules; /* of wippyi_rule */
};

/* Also registers the kinds security.policy and security.policy.expr. */
WIPPYI_FN wippy_result wippyi_policy_create(wippy_runtime *rt, wippyi_mem *mem,
                                            wippyi_policy **out);
WIPPYI_FN void wippyi_policy_destroy(wippyi_policy *policy); /* NULL does nothing */

/* The rule of wippy_allowed(); a refusal is logged. frame NULL = nobody. */
WIPPYI_FN bool wippyi_policy_allowed(wippy_runtime *rt, const wippy_frame *frame,
                                     const char *action, const char *resource, wippy_slice meta);

/* Write the ids of the policies of a group, one string each (nothing when out is NULL), sorted.
   Returns: how many there are. */
WIPPYI_FN size_t wippyi_policy_write_group(wippyi_policy *policy, const char *group,
                                           wippy_writer *out);

#endif /* WIPPYI_POLICY_H */
