/* ========================================================================== >>yaml
   A strict reader of the part of YAML that configuration needs: text to a tree of nodes.
   Parse: any thread.  The tree never changes afterwards; reading it: any thread.
   Locks: none.  Allocates: one arena for each document, through wippyi_mem.
   Holds: a text gives the tree that YAML 1.2 (core schema) gives, or it is refused with line,
   column and what was expected; it is never read as something else.

   Read: block maps and sequences (a sequence may stand at the indentation of its key), compact
   "- key: v" and "- - v", plain, 'single' and "double" quoted scalars on one line, flow [a, b] and
   {a: b} on one line, | and > with + - 1..9, comments, a byte order mark, CRLF. A document that
   begins with [ or { may spread over lines, so JSON is read too.
   Types of plain scalars: null ~ (or nothing), true false, 12 -12 0o17 0x1f, 1.5 1e3 .inf .nan,
   with the spellings of the core schema; yes, no, on, off and all else are strings. One thing
   differs from the core schema: a leading zero means octal, as in 0600.
   Refused, each with its own message: anchors, aliases, tags, directives, document markers,
   complex, empty, null and NaN keys, merge keys, equal keys, scalars over several lines, tabs in
   indentation, integers that do not fit 64 bits, control characters, invalid UTF-8, nesting beyond
   WIPPYI_YAML_DEPTH_MAX. */
#ifndef WIPPYI_YAML_H
#define WIPPYI_YAML_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "value.h"

#define WIPPYI_YAML_DEPTH_MAX 100 /* collections inside each other */

typedef enum wippyi_yaml_kind {
    WIPPYI_YAML_NULL,
    WIPPYI_YAML_BOOL,
    WIPPYI_YAML_INT,
    WIPPYI_YAML_FLOAT,
    WIPPYI_YAML_STRING,
    WIPPYI_YAML_SEQ,
    WIPPYI_YAML_MAP
} wippyi_yaml_kind;

typedef enum wippyi_yaml_style {
    WIPPYI_YAML_PLAIN,   /* a scalar without quotes, a null that was not written */
    WIPPYI_YAML_SINGLE,  /* 'text' */
    WIPPYI_YAML_DOUBLE,  /* "text" */
    WIPPYI_YAML_LITERAL, /* | */
    WIPPYI_YAML_FOLDED,  /* > */
    WIPPYI_YAML_BLOCK,   /* a collection by indentation */
    WIPPYI_YAML_FLOW     /* a collection in brackets */
} wippyi_yaml_style;

typedef struct wippyi_yaml_node {
    wippyi_yaml_kind kind;
    wippyi_yaml_style style;
    uint32_t line;                  /* 1 ... */
    uint32_t column;                /* 1 ..., in characters */
    uint32_t count;                 /* values or pairs in a collection */
    struct wippyi_yaml_node *first; /* of a collection */
    struct wippyi_yaml_node *next;  /* value of the same collection */
    struct wippyi_yaml_node *key;   /* of a value in a map: a scalar, neither null nor NaN */
    wippy_slice text; /* scalars: the content, for plain ones as written; a NUL follows it */
    union {
        bool boolean;
        int64_t integer;
        double number;
    } as;
} wippyi_yaml_node;

typedef struct wippyi_yaml {
    wippyi_mem *mem;
    struct wippyi_yaml_chunk *chunks; /* the arena; this struct lies in its last one */
    wippyi_yaml_node *root;           /* an empty document has a null */
    const char *file;                 /* as given to parse, for messages */
} wippyi_yaml;

/* Read one document. The text is not needed afterwards.
   file: for messages, NULL = none.  diag: may be NULL, filled on failure.
   Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_LIMIT (too deep, or 2 GB and more), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_yaml_parse(const char *text, size_t size, const char *file,
                                         wippyi_mem *mem, wippyi_yaml **out, wippy_diag *diag);

WIPPYI_FN void wippyi_yaml_free(wippyi_yaml *doc); /* may be NULL */

/* The value under a string key; NULL when there is none or the node is no map (or NULL). */
WIPPYI_FN const wippyi_yaml_node *wippyi_yaml_find(const wippyi_yaml_node *map, const char *key);

/* Is it a string with exactly this content? */
WIPPYI_FN bool wippyi_yaml_is(const wippyi_yaml_node *node, const char *text);

/* "a map", "a list", "a string" ...: for messages; "nothing" for null and NULL. */
WIPPYI_FN const char *wippyi_yaml_kind_name(const wippyi_yaml_node *node);

/* Writes one value in place of a string, or makes the writer fail and returns why. */
typedef wippy_result (*wippyi_yaml_string_fn)(const wippyi_yaml_node *node, wippy_writer *w,
                                              void *user_data);

/* Append a node and all below it as one encoded value. string_fn, when not NULL, writes the string
   values (keys are written as they are). Returns what the writer or string_fn said. */
WIPPYI_FN wippy_result wippyi_yaml_write(const wippyi_yaml_node *node, wippy_writer *w,
                                         wippyi_yaml_string_fn string_fn, void *user_data);

/* Fill diag (may be NULL) for a document that was read but cannot be used: file, position of the
   node, message. Returns code. */
WIPPYI_FN wippy_result wippyi_yaml_reject(const wippyi_yaml *doc, const wippyi_yaml_node *node,
                                          wippy_diag *diag, wippy_result code, const char *format,
                                          ...) WIPPYI_PRINTF(5, 6);

#endif /* WIPPYI_YAML_H */
