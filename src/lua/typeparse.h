/* ========================================================================== >>lua/typeparse
   The grammar of types in gradually typed Lua.
       type    ::= ['readonly'] ['|'] inter {'|' inter}
       inter   ::= postfix {'&' postfix}
       postfix ::= prim { '?' | '[' ']' | '@' Name ['(' literals ')'] }
       prim    ::= Name {'.' Name} ['<' type {',' type} '>'] | String | ['-'] Number
                 | 'true' | 'false' | 'nil' | 'function' | 'typeof' '(' ... ')'
                 | '{' [field {(','|';') field} [','|';']] '}' | '{' type '}'
                 | [generics] '(' [item {',' item}] ')' ['->' result]
       item    ::= [Name ['?'] ':'] type | '...' [[':'] type]
       result  ::= type | '...' [type]
       field   ::= ['readonly'] (Name ['?'] | String | '[' type ']') ':' type
   A parse ends at the first token that cannot continue the type. Nesting is limited to
   WIPPYLI_TYPE_DEPTH, so the C stack is bounded.
   Locks: none.  Allocates: only what the optional writer does, and the text of string literals. */
#ifndef WIPPYLI_TYPEPARSE_H
#define WIPPYLI_TYPEPARSE_H

#include "lexer.h"
#include "typetree.h"

#define WIPPYLI_TYPE_DEPTH 200

typedef enum wippyli_type_place {
    WIPPYLI_TYPE_PLACE_ANY,
    WIPPYLI_TYPE_PLACE_LOCAL, /* `T <const>`: the attribute is not an argument of T */
    WIPPYLI_TYPE_PLACE_CAST   /* `x :: T < y`: a < that opens no arguments is a comparison */
} wippyli_type_place;

typedef struct wippyli_type_parser {
    wippyli_lexer at;            /* behind the last token that was taken */
    wippyli_lexer ahead;         /* behind `look` */
    wippyli_token look;          /* the next token */
    wippyli_type_writer *writer; /* NULL: only skip the type */
    const wippyli_mem *mem;
    wippyli_type_place place;
    int depth;
    int enclosed;  /* brackets open around the type at hand; void after a failure */
    bool too_deep; /* failed because of WIPPYLI_TYPE_DEPTH, not at `look` */
    bool no_memory;
} wippyli_type_parser;

/* Begin behind what `at` has read. */
WIPPYLI_FN void wippyli_type_parser_init(wippyli_type_parser *parser, const wippyli_lexer *at,
                                         const wippyli_mem *mem, wippyli_type_writer *writer,
                                         wippyli_type_place place);

/* Take one type. On success parser->at stands behind it; on failure parser->look is the token that
   does not fit, or too_deep or no_memory says what else was wrong. */
WIPPYLI_FN bool wippyli_type_parse(wippyli_type_parser *parser);

/* A type where `...` may stand too, behind the parameters of a function. */
WIPPYLI_FN bool wippyli_type_parse_result(wippyli_type_parser *parser);

/* '<' Name [':' type] {',' Name [':' type]} '>'. With a writer: the count of names, then each as a
   text; bounds are checked for syntax only. */
WIPPYLI_FN bool wippyli_type_parse_generics(wippyli_type_parser *parser);

/* Take the next token if it is of that type. */
WIPPYLI_FN bool wippyli_type_parser_accept(wippyli_type_parser *parser, int type);

#endif /* WIPPYLI_TYPEPARSE_H */
