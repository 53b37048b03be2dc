/* ========================================================================== >>lua/typetree
   Types as bytes: what is left of `type Name = ...` after erasing, for use at run time.
   A table is a run of alias nodes; it holds no pointers, so it may be copied, kept in a Lua string
   or shared read-only by any number of threads.
   Writing: one thread.  Reading: any thread.  Locks: none.
   Allocates: the writer grows one block; readers nothing.
   A node is: kind (1 byte), size of the rest (4 bytes), the rest. Numbers are in host order: a
   table lives and dies in one process. */
#ifndef WIPPYLI_TYPETREE_H
#define WIPPYLI_TYPETREE_H

#include "config.h"

typedef enum wippyli_type_kind {
    WIPPYLI_TYPE_ANY,      /* accepts everything */
    WIPPYLI_TYPE_NIL,      /* also a literal */
    WIPPYLI_TYPE_TRUE,     /* literal */
    WIPPYLI_TYPE_FALSE,    /* literal */
    WIPPYLI_TYPE_FUNCTION, /* parameters and results are not kept */
    WIPPYLI_TYPE_NAME,     /* text; then the arguments of a generic */
    WIPPYLI_TYPE_STRING,   /* literal: bytes */
    WIPPYLI_TYPE_INTEGER,  /* literal: int64_t */
    WIPPYLI_TYPE_FLOAT,    /* literal: double */
    WIPPYLI_TYPE_RECORD,   /* FIELD and INDEX nodes */
    WIPPYLI_TYPE_FIELD,    /* 1 byte optional, text, the value's type */
    WIPPYLI_TYPE_INDEX,    /* the key's type, the value's type */
    WIPPYLI_TYPE_ARRAY,    /* the element's type */
    WIPPYLI_TYPE_OPTIONAL, /* the type that may also be nil */
    WIPPYLI_TYPE_UNION,    /* types */
    WIPPYLI_TYPE_BOTH,     /* an intersection: types */
    WIPPYLI_TYPE_CHECKED,  /* a type, then RULE nodes */
    WIPPYLI_TYPE_RULE,     /* text, then literal nodes: @text(literals) */
    WIPPYLI_TYPE_ALIAS     /* line, depth, parameter count, parameter texts, text, type */
} wippyli_type_kind;

/* ---- writing ---- */

typedef struct wippyli_type_writer {
    const wippyli_mem *mem;
    unsigned char *data;
    size_t size;
    size_t capacity;
    bool failed; /* out of memory; everything written since is void */
} wippyli_type_writer;

WIPPYLI_FN void wippyli_type_writer_init(wippyli_type_writer *writer, const wippyli_mem *mem);
WIPPYLI_FN void wippyli_type_writer_release(wippyli_type_writer *writer);

/* Every node is opened, filled and closed; the result of open is the argument of close. */
WIPPYLI_FN size_t wippyli_type_open(wippyli_type_writer *writer, wippyli_type_kind kind);
WIPPYLI_FN void wippyli_type_close(wippyli_type_writer *writer, size_t node);

/* Open a node around everything written since `mark` (a former writer->size). */
WIPPYLI_FN size_t wippyli_type_open_around(wippyli_type_writer *writer, size_t mark,
                                           wippyli_type_kind kind);
WIPPYLI_FN void wippyli_type_put(wippyli_type_writer *writer, const void *data, size_t size);
WIPPYLI_FN void wippyli_type_put_u32(wippyli_type_writer *writer, uint32_t value);
WIPPYLI_FN void wippyli_type_put_text(wippyli_type_writer *writer, const char *text, size_t size);
WIPPYLI_FN void wippyli_type_put_leaf(wippyli_type_writer *writer, wippyli_type_kind kind,
                                      const void *data, size_t size);

/* ---- reading ---- */

/* A place in a node; `at` moves, nothing is read behind `end`. */
typedef struct wippyli_type_cursor {
    const unsigned char *at;
    const unsigned char *end;
} wippyli_type_cursor;

typedef struct wippyli_type_node {
    wippyli_type_kind kind;
    wippyli_type_cursor body;
} wippyli_type_node;

typedef struct wippyli_type_text {
    const char *data;
    size_t size;
} wippyli_type_text;

/* The node at the cursor, which moves behind it; false at the end. */
WIPPYLI_FN bool wippyli_type_read(wippyli_type_cursor *cursor, wippyli_type_node *out);
WIPPYLI_FN bool wippyli_type_read_u32(wippyli_type_cursor *cursor, uint32_t *out);
WIPPYLI_FN bool wippyli_type_read_byte(wippyli_type_cursor *cursor, unsigned char *out);
WIPPYLI_FN bool wippyli_type_read_text(wippyli_type_cursor *cursor, wippyli_type_text *out);

/* The value of an INTEGER or FLOAT node, also as the other kind of number. */
WIPPYLI_FN bool wippyli_type_read_number(const wippyli_type_node *node, int64_t *integer,
                                         double *number);

/* One `type Name<P, ...> = ...` of a source. */
typedef struct wippyli_alias {
    wippyli_type_text name;
    uint32_t line;
    uint32_t depth; /* blocks around it; 0 = chunk level */
    uint32_t param_count;
    wippyli_type_cursor params; /* that many texts */
    wippyli_type_node type;
} wippyli_alias;

/* Walk a table from offset *at = 0: false at its end. *at of the alias itself, before the call, is
   what wippyli_alias_at() takes. */
WIPPYLI_FN bool wippyli_alias_next(const unsigned char *types, size_t size, size_t *at,
                                   wippyli_alias *out);

/* The alias of that name; of several the one nearest to chunk level, of equals the last. */
WIPPYLI_FN bool wippyli_alias_find(const unsigned char *types, size_t size, const char *name,
                                   size_t name_size, wippyli_alias *out);

/* Short text of a type for messages, at most `size` - 1 bytes: "string", "number[]", "{...}". */
WIPPYLI_FN void wippyli_type_describe(const wippyli_type_node *node, char *out, size_t size);

#endif /* WIPPYLI_TYPETREE_H */
