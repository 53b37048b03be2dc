/* ========================================================================== >>operand
   What conditions and expressions compare: values out of an access request, as scalars, and the
   paths that lead to them.
   Pure functions; any thread.  Locks: none.  Allocates: nothing.
   Holds: strings of an operand belong to what it was read from. */
#ifndef WIPPYI_OPERAND_H
#define WIPPYI_OPERAND_H

#include "api.h"
#include "config.h"

/* A scalar, or a container still encoded. */
typedef struct wippyi_operand {
    wippy_value_type type; /* WIPPY_END = there is none */
    bool boolean;
    int64_t integer;
    double number;
    wippy_slice string;
    wippy_slice encoded; /* arrays, maps and errors */
} wippyi_operand;

WIPPYI_FN void wippyi_operand_clear(wippyi_operand *operand);
WIPPYI_FN void wippyi_operand_string(wippyi_operand *operand, const char *data, size_t size);
WIPPYI_FN void wippyi_operand_read(wippyi_operand *operand, wippy_slice encoded);
/* As a number, also text that is one. */
WIPPYI_FN bool wippyi_operand_number(const wippyi_operand *operand, double *out);
/* Order of two numbers, -1 0 1; integers exactly. 2: NaN. Both must be WIPPY_INT or WIPPY_FLOAT. */
WIPPYI_FN int wippyi_operand_order(const wippyi_operand *a, const wippyi_operand *b);
/* A whole text as a decimal number, whatever the locale. */
WIPPYI_FN bool wippyi_number_parse(wippy_slice text, double *out);
WIPPYI_FN int wippyi_bytes_order(wippy_slice a, wippy_slice b); /* bytewise: -1 0 1 */
WIPPYI_FN bool wippyi_bytes_is(wippy_slice slice, const char *text);
WIPPYI_FN bool wippyi_bytes_has(wippy_slice slice, wippy_slice part);
WIPPYI_FN bool wippyi_bytes_begins(wippy_slice slice, wippy_slice part);
WIPPYI_FN bool wippyi_bytes_ends(wippy_slice slice, wippy_slice part);

typedef enum wippyi_path_root {
    WIPPYI_ROOT_BAD = 0, /* names nothing that exists; using it is an error */
    WIPPYI_ROOT_ACTOR_ID,
    WIPPYI_ROOT_ACTOR_META,
    WIPPYI_ROOT_ACTION,
    WIPPYI_ROOT_RESOURCE,
    WIPPYI_ROOT_META
} wippyi_path_root;

/* Where a value comes from: a root, then keys joined by a separator. */
typedef struct wippyi_path {
    wippyi_path_root root;
    char separator;   /* '\0' keeps dots inside keys; '\1' = `rest` is one key */
    wippy_slice rest; /* size 0 = the root itself */
} wippyi_path;

/* Cut the first key off `rest`. */
WIPPYI_FN wippy_slice wippyi_path_next(wippy_slice *rest, char separator);

/* The path that a condition names: "actor.meta.level", "meta.owner", "owner". */
WIPPYI_FN void wippyi_path_parse(wippyi_path *path, wippy_slice text);

/* What stands at a path; WIPPY_END when nothing does.
   Returns: WIPPY_OK, _ERR_INVALID (bad path, or the actor of an access without one). */
WIPPYI_FN wippy_result wippyi_path_look_up(const wippyi_path *path, const wippy_access *access,
                                           wippyi_operand *out);

#endif /* WIPPYI_OPERAND_H */
