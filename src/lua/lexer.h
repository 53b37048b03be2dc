/* ========================================================================== >>lua/lexer
   Tokens of Lua 5.4 source, as the stock lexer would cut them, plus the few signs types add.
   Comments and blanks are skipped. Positions are byte offsets, so a caller can blank what it
   read. A lexer is a plain value: copy it to look ahead.
   Holds: no state of its own.  Locks: none.  Allocates: nothing.
   Reads: never past `size`; bytes may be anything, NUL included. */
#ifndef WIPPYLI_LEXER_H
#define WIPPYLI_LEXER_H

#include "config.h"

/* One-byte signs stand for themselves ('(' and so on); the rest starts behind a byte's range. */
enum {
    WIPPYLI_TOKEN_END = 0, /* end of the source */
    WIPPYLI_TOKEN_NAME = 256,
    WIPPYLI_TOKEN_NUMBER,
    WIPPYLI_TOKEN_STRING,
    WIPPYLI_TOKEN_BAD, /* an unfinished string: no token follows */
    WIPPYLI_TOKEN_DOUBLE_COLON,
    WIPPYLI_TOKEN_DOTS,   /* ... */
    WIPPYLI_TOKEN_ARROW,  /* -> ; only from wippyli_lexer_next_in_type() */
    WIPPYLI_TOKEN_BINARY, /* .. == ~= <= >= << >> // : always between two operands */
    WIPPYLI_TOKEN_AND,    /* keywords, in the order of the table in lexer.c */
    WIPPYLI_TOKEN_BREAK,
    WIPPYLI_TOKEN_DO,
    WIPPYLI_TOKEN_ELSE,
    WIPPYLI_TOKEN_ELSEIF,
    WIPPYLI_TOKEN_END_BLOCK,
    WIPPYLI_TOKEN_FALSE,
    WIPPYLI_TOKEN_FOR,
    WIPPYLI_TOKEN_FUNCTION,
    WIPPYLI_TOKEN_GOTO,
    WIPPYLI_TOKEN_IF,
    WIPPYLI_TOKEN_IN,
    WIPPYLI_TOKEN_LOCAL,
    WIPPYLI_TOKEN_NIL,
    WIPPYLI_TOKEN_NOT,
    WIPPYLI_TOKEN_OR,
    WIPPYLI_TOKEN_REPEAT,
    WIPPYLI_TOKEN_RETURN,
    WIPPYLI_TOKEN_THEN,
    WIPPYLI_TOKEN_TRUE,
    WIPPYLI_TOKEN_UNTIL,
    WIPPYLI_TOKEN_WHILE
};

typedef struct wippyli_token {
    int type;
    uint32_t line; /* where it starts; counted from 1 the way Lua counts */
    uint32_t end_line;
    uint32_t column; /* in bytes, from 1 */
    size_t start;
    size_t end; /* first byte behind it */
} wippyli_token;

typedef struct wippyli_lexer {
    const char *text;
    size_t size;
    size_t pos;
    size_t line_start;
    uint32_t line;
} wippyli_lexer;

/* Start at the first byte; a byte order mark and a first line with # are stepped over. */
WIPPYLI_FN void wippyli_lexer_init(wippyli_lexer *lexer, const char *text, size_t size);

WIPPYLI_FN void wippyli_lexer_next(wippyli_lexer *lexer, wippyli_token *out);

/* The same inside a type, where > always stands alone and -> is one sign. */
WIPPYLI_FN void wippyli_lexer_next_in_type(wippyli_lexer *lexer, wippyli_token *out);

/* Signs of arithmetic. */
enum {
    WIPPYLI_ARITH_ADD = 1,
    WIPPYLI_ARITH_SUB = 2, /* and the sign of one operand */
    WIPPYLI_ARITH_MUL = 4,
    WIPPYLI_ARITH_MOD = 8,
    WIPPYLI_ARITH_POW = 16,
    WIPPYLI_ARITH_DIV = 32,
    WIPPYLI_ARITH_IDIV = 64,
    WIPPYLI_ARITH_ALL = 127
};

/* Those that occur in a source, at the least: all where it cannot be read to its end. */
WIPPYLI_FN uint32_t wippyli_lexer_arithmetic(const char *text, size_t size);

/* Is the token this name? */
WIPPYLI_FN bool wippyli_token_is_name(const wippyli_lexer *lexer, const wippyli_token *token,
                                      const char *name);

/* The bytes a string token stands for, escapes resolved. `out` needs token->end - token->start
   bytes, the value is never longer than its source. False for an invalid escape. */
WIPPYLI_FN bool wippyli_token_string(const wippyli_lexer *lexer, const wippyli_token *token,
                                     char *out, size_t *out_size);

/* The value of a number token: an integer where Lua makes one, else a float. */
typedef struct wippyli_numeral {
    bool is_integer;
    int64_t integer;
    double number; /* also set for an integer */
} wippyli_numeral;

WIPPYLI_FN bool wippyli_token_number(const wippyli_lexer *lexer, const wippyli_token *token,
                                     wippyli_numeral *out);

#endif /* WIPPYLI_LEXER_H */
