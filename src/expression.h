/* ========================================================================== >>expression
   Boolean expressions over an access request: actor, action, resource, meta.
   Compile: one thread.  Evaluate: any thread, also several at once.
   Locks: none.  Allocates: compiling only (a regular expression made while evaluating, too).
   Holds: recursion is at most WIPPYI_EXPRESSION_DEPTH deep.

     or      := and   { ("||" | "or")  and }
     and     := not   { ("&&" | "and") not }
     not     := "not" not | compare
     compare := value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in" | "contains" |
                         "matches" | "startsWith" | "endsWith") value ]
     value   := "!" value | "(" or ")" | "[" [ or { "," or } ] "]" | number | string | "true" |
                "false" | "nil" | path
     path    := ("actor" | "action" | "resource" | "meta") { "." name | "[" string "]" } */
#ifndef WIPPYI_EXPRESSION_H
#define WIPPYI_EXPRESSION_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "operand.h"
#include "regex.h"

#define WIPPYI_EXPRESSION_DEPTH 100

typedef struct wippyi_expression wippyi_expression;

/* Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_LIMIT, _ERR_UNSUPPORTED (a regular expression), _ERR_NOMEM;
   the failure with its column in diag, which may be NULL. */
WIPPYI_FN wippy_result wippyi_expression_compile(wippyi_mem *mem, wippy_slice source,
                                                 wippyi_expression **out, wippy_diag *diag);
WIPPYI_FN void wippyi_expression_free(wippyi_expression *expression); /* NULL does nothing */

/* Returns: WIPPY_OK, _ERR_INVALID (types that do not fit, no boolean), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_expression_evaluate(const wippyi_expression *expression,
                                                  const wippy_access *access, bool *out);

#endif /* WIPPYI_EXPRESSION_H */
