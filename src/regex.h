/* ========================================================================== >>regex
   Regular expressions in the syntax of RE2, for searching: no captures. The time of a match is the
   length of the text times the length of the expression, whatever both are.
   Compile: one thread.  Match: any thread, also several at once.
   Locks: none.  Allocates: three blocks an expression; a match of a long one also allocates.
   Holds: an expression never changes after it was compiled.

   Understood: literals, . [a-z] [^a] [[:alpha:]] \d \D \w \W \s \S \b \B \A \z ^ $ | ( ) (?: )
   (?P<name> ) (?flags) (?flags: ) with i m s, * + ? {n} {n,} {n,m} and their lazy forms, \n \t \r
   \f \v \a \x41 \x{e9}. Differences to RE2: (?i) folds ASCII letters only; \p{..}, \C and
   \Q..\E are refused. Text is read as UTF-8; a byte that is none counts as one character U+FFFD. */
#ifndef WIPPYI_REGEX_H
#define WIPPYI_REGEX_H

#include "api.h"
#include "config.h"
#include "memory.h"

typedef struct wippyi_regex wippyi_regex;

/* Returns: WIPPY_OK, _ERR_SYNTAX, _ERR_UNSUPPORTED, _ERR_LIMIT (deeper than 200, or too long when
   its repetitions are written out), _ERR_NOMEM. why: receives a sentence; may be NULL. */
WIPPYI_FN wippy_result wippyi_regex_compile(wippyi_mem *mem, const char *pattern, size_t bytes,
                                            wippyi_regex **out, const char **why);

/* Is it found anywhere in the text?  Returns: WIPPY_OK, _ERR_NOTFOUND, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_regex_find(const wippyi_regex *regex, const char *text, size_t bytes);

WIPPYI_FN void wippyi_regex_free(wippyi_regex *regex); /* NULL does nothing */

#endif /* WIPPYI_REGEX_H */
