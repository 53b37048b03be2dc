/* ========================================================================== >>lua/lib_pattern.c
   A pattern is read as it is, item by item; there are no loops in it, so each quantifier has at most
   one choice open. A choice remembers where to go on and which captures there were: captures made later
   need no undoing, they are simply not there any more. */
#include "lib_pattern.h"

#include <string.h>

#define WIPPYLI_CAPTURES_MAX  32
#define WIPPYLI_CHOICES_MAX   200
#define WIPPYLI_CHOICES_SMALL 16
#define WIPPYLI_POLL_STEPS    4096

/* ------------------------------------------------------------------ characters */

enum {
    WIPPYLI_ALPHA = 1,
    WIPPYLI_DIGIT = 2,
    WIPPYLI_LOWER = 4,
    WIPPYLI_UPPER = 8,
    WIPPYLI_SPACE = 16,
    WIPPYLI_CNTRL = 32,
    WIPPYLI_PUNCT = 64,
    WIPPYLI_XDIGIT = 128,
    WIPPYLI_ZERO = 256 /* %z of older versions */
};

/* clang-format off */
static const uint16_t wippyli_char_classes[128] = {
    288,  32,  32,  32,  32,  32,  32,  32,  32,  48,  48,  48,  48,  48,  32,  32,
     32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,  32,
     16,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,  64,
    130, 130, 130, 130, 130, 130, 130, 130, 130, 130,  64,  64,  64,  64,  64,  64,
     64, 137, 137, 137, 137, 137, 137,   9,   9,   9,   9,   9,   9,   9,   9,   9,
      9,   9,   9,   9,   9,   9,   9,   9,   9,   9,   9,  64,  64,  64,  64,  64,
     64, 133, 133, 133, 133, 133, 133,   5,   5,   5,   5,   5,   5,   5,   5,   5,
      5,   5,   5,   5,   5,   5,   5,   5,   5,   5,   5,  64,  64,  64,  64,  32,
};
/* clang-format on */

/* Bits of the class %letter, 0 = the letter names no class. */
static unsigned wippyli_class_bits(char letter)
{
    switch (letter | 0x20) {
    case 'a': return WIPPYLI_ALPHA;
    case 'c': return WIPPYLI_CNTRL;
    case 'd': return WIPPYLI_DIGIT;
    case 'g': return WIPPYLI_ALPHA | WIPPYLI_DIGIT | WIPPYLI_PUNCT;
    case 'l': return WIPPYLI_LOWER;
    case 'p': return WIPPYLI_PUNCT;
    case 's': return WIPPYLI_SPACE;
    case 'u': return WIPPYLI_UPPER;
    case 'w': return WIPPYLI_ALPHA | WIPPYLI_DIGIT;
    case 'x': return WIPPYLI_XDIGIT;
    case 'z': return WIPPYLI_ZERO;
    default: return 0;
    }
}

static bool wippyli_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool wippyli_class_has(unsigned bits, bool negated, unsigned char c)
{
    return (c < 128 && (wippyli_char_classes[c] & bits) != 0) != negated;
}

/* Does the character stand for what follows a '%'? */
static bool wippyli_escape_has(char letter, unsigned char c)
{
    unsigned bits = wippyli_is_letter(letter) ? wippyli_class_bits(letter) : 0;
    if (bits == 0) {
        return (unsigned char)letter == c;
    }
    return wippyli_class_has(bits, letter < 'a', c);
}

/* ------------------------------------------------------------------ the matcher */

typedef struct wippyli_capture {
    const char *start;
    ptrdiff_t size; /* WIPPYLI_CAPTURE_POSITION = the position only */
} wippyli_capture;

#define WIPPYLI_CAPTURE_POSITION ((ptrdiff_t)-1)

typedef struct wippyli_choice {
    const char *at; /* greedy: where the optional repetitions begin; lazy: where they end so far */
    const char *item; /* lazy: what to repeat once more; NULL = greedy */
    const char *next; /* the pattern behind the quantifier */
    ptrdiff_t count;  /* greedy: optional repetitions taken */
    int lead;         /* the byte that must stand where `next` goes on, -1 = not known */
    uint32_t closed;  /* captures, as in the matcher */
    uint32_t level;
} wippyli_choice;

typedef struct wippyli_matcher {
    lua_State *L;
    const char *source;
    const char *source_end;
    const char *pattern; /* without the anchor */
    const char *pattern_end;
    bool anchored;
    int lead;       /* the byte every match begins with, -1 = not known */
    bool has_first; /* every match begins with a character of `first` */
    uint64_t steps;
    uint64_t next_poll;
    uint64_t budget;
    uint32_t level;  /* captures begun */
    uint32_t closed; /* bit i: capture i is complete */
    uint32_t choice_count;
    uint32_t choice_room;
    const char *first;
    wippyli_choice *choices;
    wippyli_choice small_choices[WIPPYLI_CHOICES_SMALL];
    wippyli_capture captures[WIPPYLI_CAPTURES_MAX];
} wippyli_matcher;

static void wippyli_matcher_poll(wippyli_matcher *m)
{
    if (m->steps > m->budget) {
        luaL_error(m->L, "pattern too complex");
    }
    m->next_poll = m->steps + WIPPYLI_POLL_STEPS;
    wippyli_guard_poll(m->L);
}

static void wippyli_matcher_charge(wippyli_matcher *m, uint64_t steps)
{
    m->steps += steps;
    if (m->steps >= m->next_poll) {
        wippyli_matcher_poll(m);
    }
}

/* ---- items: what matches one character */

typedef enum wippyli_item_kind {
    WIPPYLI_ITEM_ANY = 0,
    WIPPYLI_ITEM_CHAR,
    WIPPYLI_ITEM_CLASS,
    WIPPYLI_ITEM_SET
} wippyli_item_kind;

typedef struct wippyli_item {
    wippyli_item_kind kind;
    unsigned char c; /* CHAR */
    bool negated;    /* CLASS, SET */
    unsigned bits;   /* CLASS */
    const char *set; /* SET: the first member */
    const char *end; /* behind the item; SET: its last byte is the ']' */
} wippyli_item;

static const char *wippyli_set_end(const wippyli_matcher *m, const char *p)
{
    p++;
    if (p < m->pattern_end && *p == '^') {
        p++;
    }
    const char *first = p;
    for (;;) {
        if (p >= m->pattern_end) {
            luaL_error(m->L, "malformed pattern (missing ']')");
        }
        if (*p == ']' && p != first) {
            return p + 1;
        }
        p += *p == '%' && p + 1 < m->pattern_end ? 2 : 1;
    }
}

static void wippyli_item_read(const wippyli_matcher *m, const char *p, wippyli_item *item)
{
    item->end = p + 1;
    item->c = (unsigned char)*p;
    item->kind = WIPPYLI_ITEM_CHAR;
    if (*p == '.') {
        item->kind = WIPPYLI_ITEM_ANY;
    } else if (*p == '[') {
        item->kind = WIPPYLI_ITEM_SET;
        item->end = wippyli_set_end(m, p);
        item->negated = p[1] == '^';
        item->set = p + (item->negated ? 2 : 1);
    } else if (*p == '%') {
        if (p + 1 >= m->pattern_end) {
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        }
        item->end = p + 2;
        item->c = (unsigned char)p[1];
        item->bits = wippyli_is_letter(p[1]) ? wippyli_class_bits(p[1]) : 0;
        if (item->bits != 0) {
            item->kind = WIPPYLI_ITEM_CLASS;
            item->negated = p[1] < 'a';
        }
    }
}

static bool wippyli_set_has(const wippyli_item *item, unsigned char c)
{
    const char *last = item->end - 1;
    for (const char *p = item->set; p < last; p++) {
        if (*p == '%') {
            p++;
            if (wippyli_escape_has(*p, c)) {
                return !item->negated;
            }
        } else if (p[1] == '-' && p + 2 < last) {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) {
                return !item->negated;
            }
            p += 2;
        } else if ((unsigned char)*p == c) {
            return !item->negated;
        }
    }
    return item->negated;
}

static bool wippyli_item_has(const wippyli_item *item, char character)
{
    unsigned char c = (unsigned char)character;
    switch (item->kind) {
    case WIPPYLI_ITEM_ANY: return true;
    case WIPPYLI_ITEM_CHAR: return item->c == c;
    case WIPPYLI_ITEM_CLASS: return wippyli_class_has(item->bits, item->negated, c);
    default: return wippyli_set_has(item, c);
    }
}

/* How many characters from s on the item matches. */
static ptrdiff_t wippyli_item_run(wippyli_matcher *m, const wippyli_item *item, const char *s)
{
    ptrdiff_t limit = m->source_end - s;
    if (item->kind == WIPPYLI_ITEM_ANY) {
        return limit;
    }
    ptrdiff_t count = 0;
    while (count < limit && wippyli_item_has(item, s[count])) {
        count++;
        if (count % WIPPYLI_POLL_STEPS == 0) {
            wippyli_matcher_charge(m, WIPPYLI_POLL_STEPS);
        }
    }
    m->steps += (uint64_t)(count % WIPPYLI_POLL_STEPS);
    return count;
}

/* ---- captures */

static void wippyli_capture_open(wippyli_matcher *m, const char *s, bool position)
{
    if (m->level >= WIPPYLI_CAPTURES_MAX) {
        luaL_error(m->L, "too many captures");
    }
    m->captures[m->level].start = s;
    m->captures[m->level].size = WIPPYLI_CAPTURE_POSITION;
    uint32_t bit = (uint32_t)1 << m->level;
    m->closed = position ? m->closed | bit : m->closed & ~bit;
    m->level++;
}

static void wippyli_capture_close(wippyli_matcher *m, const char *s)
{
    for (uint32_t i = m->level; i-- > 0;) {
        if ((m->closed >> i & 1) == 0) {
            m->captures[i].size = s - m->captures[i].start;
            m->closed |= (uint32_t)1 << i;
            return;
        }
    }
    luaL_error(m->L, "invalid pattern capture");
}

/* ---- items that are more than one character: NULL = no match, else behind what they match */

static const char *wippyli_match_balance(wippyli_matcher *m, const char *s, const char *p)
{
    if (m->pattern_end - p < 4) {
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    }
    char opening = p[2];
    char closing = p[3];
    if (s >= m->source_end || *s != opening) {
        return NULL;
    }
    size_t depth = 1;
    for (s++; s < m->source_end; s++) {
        wippyli_matcher_charge(m, 1);
        if (*s == closing) {
            if (--depth == 0) {
                return s + 1;
            }
        } else if (*s == opening) {
            depth++;
        }
    }
    return NULL;
}

/* %f[set]: between a character that is not in the set and one that is. */
static bool wippyli_match_frontier(wippyli_matcher *m, const char *s, const wippyli_item *set)
{
    char before = s == m->source ? '\0' : s[-1];
    char after = s == m->source_end ? '\0' : *s;
    (void)m;
    return !wippyli_set_has(set, (unsigned char)before) &&
           wippyli_set_has(set, (unsigned char)after);
}

static const char *wippyli_match_back(wippyli_matcher *m, const char *s, char digit)
{
    uint32_t at = (uint32_t)(digit - '1'); /* %0 becomes too large */
    if (at >= m->level || (m->closed >> at & 1) == 0) {
        luaL_error(m->L, "invalid capture index %%%d", digit - '0');
    }
    const wippyli_capture *capture = &m->captures[at];
    if (capture->size < 0 || m->source_end - s < capture->size) {
        return NULL;
    }
    wippyli_matcher_charge(m, (uint64_t)capture->size / 16);
    return memcmp(s, capture->start, (size_t)capture->size) == 0 ? s + capture->size : NULL;
}

/* ---- choices */

/* The byte that a match of the pattern at p must begin with; -1 = there are several, or none. */
static int wippyli_pattern_lead(const char *p, const char *end)
{
    while (p < end && (*p == '(' || *p == ')')) {
        p++;
    }
    if (p < end && *p == '%') {
        p++;
        if (p < end && (wippyli_is_letter(*p) || (*p >= '0' && *p <= '9'))) {
            return -1;
        }
    } else if (p < end && (*p == '.' || *p == '[' || *p == '$')) {
        return -1;
    }
    if (p >= end) {
        return -1;
    }
    bool optional = p + 1 < end && (p[1] == '*' || p[1] == '?' || p[1] == '-');
    return optional ? -1 : (unsigned char)*p;
}

static wippyli_choice *wippyli_choice_push(wippyli_matcher *m, const char *at, const char *next)
{
    if (m->choice_count >= m->choice_room) {
        luaL_error(m->L, "pattern too complex");
    }
    wippyli_choice *choice = &m->choices[m->choice_count++];
    choice->at = at;
    choice->next = next;
    choice->item = NULL;
    choice->lead = wippyli_pattern_lead(next, m->pattern_end);
    choice->closed = m->closed;
    choice->level = m->level;
    return choice;
}

/* One repetition less, or as many less as it takes for what follows to be able to match. */
static const char *wippyli_choice_less(wippyli_matcher *m, wippyli_choice *choice)
{
    const char *s = choice->at + --choice->count;
    if (choice->lead >= 0) {
        while (s > choice->at && (s == m->source_end || (unsigned char)*s != choice->lead)) {
            s--;
        }
        wippyli_matcher_charge(m, (uint64_t)(choice->at + choice->count - s) / 16);
        choice->count = s - choice->at;
    }
    return s;
}

/* One repetition more. NULL: there is none. */
static const char *wippyli_choice_more(wippyli_matcher *m, wippyli_choice *choice)
{
    if (choice->at >= m->source_end) {
        return NULL;
    }
    if (*choice->item == '.' && choice->lead >= 0) { /* as many as it takes */
        const char *from = choice->at + 1;
        choice->at = (const char *)memchr(from, choice->lead, (size_t)(m->source_end - from));
        wippyli_matcher_charge(m,
                               (uint64_t)((choice->at ? choice->at : m->source_end) - from) / 16);
        return choice->at;
    }
    wippyli_item item;
    wippyli_item_read(m, choice->item, &item);
    return wippyli_item_has(&item, *choice->at) ? ++choice->at : NULL;
}

/* Take the next way of the newest choice that has one. False: no way is left. */
static bool wippyli_choice_next(wippyli_matcher *m, const char **s, const char **p)
{
    while (m->choice_count > 0) {
        wippyli_choice *choice = &m->choices[m->choice_count - 1];
        wippyli_matcher_charge(m, 1);
        m->level = choice->level;
        m->closed = choice->closed;
        *p = choice->next;
        if (!choice->item) {
            *s = wippyli_choice_less(m, choice);
            m->choice_count -= choice->count == 0 ? 1u : 0u;
            return true;
        }
        *s = wippyli_choice_more(m, choice);
        if (*s) {
            return true;
        }
        m->choice_count--;
    }
    return false;
}

/* An item with a quantifier behind it. False: it cannot match here. */
static bool wippyli_match_repeated(wippyli_matcher *m, const wippyli_item *item, const char **s,
                                   const char **p)
{
    char quantifier = *item->end;
    const char *next = item->end + 1;
    if (quantifier == '-') {
        wippyli_choice_push(m, *s, next)->item = *p;
        *p = next;
        return true;
    }
    ptrdiff_t count = 0;
    if (quantifier == '?') {
        count = *s < m->source_end && wippyli_item_has(item, **s) ? 1 : 0;
    } else {
        count = wippyli_item_run(m, item, *s);
    }
    if (quantifier == '+') {
        if (count == 0) {
            return false;
        }
        (*s)++;
        count--;
    }
    if (count > 0) {
        wippyli_choice_push(m, *s, next)->count = count;
    }
    *s += count;
    *p = next;
    return true;
}

static bool wippyli_is_quantifier(char c)
{
    return c == '*' || c == '+' || c == '-' || c == '?';
}

/* One character, or several with a quantifier. False: no match. */
static bool wippyli_match_item(wippyli_matcher *m, const char **s, const char **p)
{
    wippyli_item item;
    wippyli_item_read(m, *p, &item);
    if (item.end < m->pattern_end && wippyli_is_quantifier(*item.end)) {
        return wippyli_match_repeated(m, &item, s, p);
    }
    if (*s >= m->source_end || !wippyli_item_has(&item, **s)) {
        return false;
    }
    (*s)++;
    *p = item.end;
    return true;
}

/* %b, %f, %1 ... False: no match. */
static bool wippyli_match_escape(wippyli_matcher *m, const char **s, const char **p)
{
    char letter = m->pattern_end - *p > 1 ? (*p)[1] : '\0';
    const char *end = NULL;
    if (letter == 'f') {
        wippyli_item set;
        if (m->pattern_end - *p < 3 || (*p)[2] != '[') {
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        }
        wippyli_item_read(m, *p + 2, &set);
        *p = set.end;
        return wippyli_match_frontier(m, *s, &set);
    }
    if (letter == 'b') {
        end = wippyli_match_balance(m, *s, *p);
        *p += 4;
    } else if (letter >= '0' && letter <= '9') {
        end = wippyli_match_back(m, *s, letter);
        *p += 2;
    } else {
        return wippyli_match_item(m, s, p);
    }
    *s = end;
    return end != NULL;
}

/* Match one step of the pattern at *p. False: no match. */
static bool wippyli_match_step(wippyli_matcher *m, const char **s, const char **p)
{
    switch (**p) {
    case '(': {
        bool position = m->pattern_end - *p > 1 && (*p)[1] == ')';
        wippyli_capture_open(m, *s, position);
        *p += position ? 2 : 1;
        return true;
    }
    case ')':
        wippyli_capture_close(m, *s);
        (*p)++;
        return true;
    case '$':
        if (*p + 1 == m->pattern_end) {
            (*p)++;
            return *s == m->source_end;
        }
        return wippyli_match_item(m, s, p);
    case '%': return wippyli_match_escape(m, s, p);
    default: return wippyli_match_item(m, s, p);
    }
}

/* Match the whole pattern at s. NULL = no match, else behind it. */
static const char *wippyli_matcher_run(wippyli_matcher *m, const char *s)
{
    const char *p = m->pattern;
    m->level = 0;
    m->closed = 0;
    m->choice_count = 0;
    while (p < m->pattern_end) {
        if (++m->steps >= m->next_poll) {
            wippyli_matcher_poll(m);
        }
        if (!wippyli_match_step(m, &s, &p) && !wippyli_choice_next(m, &s, &p)) {
            return NULL;
        }
    }
    return s;
}

/* ---- setting up */

/* Find out what every match begins with, to pass quickly over where none can. */
static void wippyli_matcher_first(wippyli_matcher *m)
{
    const char *p = m->pattern;
    wippyli_item item;
    m->has_first = false;
    m->lead = -1;
    if (p < m->pattern_end && *p == '(') {
        p++;
    }
    if (m->anchored || p >= m->pattern_end || strchr("()$.", *p) != NULL) {
        return;
    }
    if (*p == '%' && m->pattern_end - p > 1 && strchr("bf0123456789", p[1]) != NULL) {
        return;
    }
    wippyli_item_read(m, p, &item);
    if (item.end < m->pattern_end && strchr("*?-", *item.end) != NULL) {
        return;
    }
    m->has_first = true;
    m->first = p;
    m->lead = item.kind == WIPPYLI_ITEM_CHAR ? item.c : -1;
}

/* Room for the choices: as many as there are quantifiers. Many come to stand on the Lua stack. */
static void wippyli_matcher_room(wippyli_matcher *m)
{
    uint32_t count = 0;
    for (const char *p = m->pattern; p < m->pattern_end; p++) {
        count += wippyli_is_quantifier(*p) ? 1u : 0u;
    }
    m->choices = m->small_choices;
    m->choice_room = WIPPYLI_CHOICES_SMALL;
    if (count > WIPPYLI_CHOICES_SMALL) {
        m->choice_room = count < WIPPYLI_CHOICES_MAX ? count : WIPPYLI_CHOICES_MAX;
        m->choices =
            (wippyli_choice *)lua_newuserdatauv(m->L, m->choice_room * sizeof(wippyli_choice), 0);
    }
}

/* May push one value, which must stay on the stack while the matcher is used. */
static void wippyli_matcher_init(wippyli_matcher *m, lua_State *L, const char *source,
                                 size_t source_size, const char *pattern, size_t pattern_size,
                                 bool can_anchor)
{
    uint64_t budget = wippyli_guard_of(L)->shared->pattern_steps;
    m->L = L;
    m->source = source;
    m->source_end = source + source_size;
    m->pattern = pattern;
    m->pattern_end = pattern + pattern_size;
    m->anchored = can_anchor && pattern_size > 0 && *pattern == '^';
    if (m->anchored) {
        m->pattern++;
    }
    m->steps = 0;
    m->next_poll = WIPPYLI_POLL_STEPS;
    m->budget = (budget ? budget : WIPPYLI_PATTERN_STEPS) + 16 * (uint64_t)source_size;
    wippyli_matcher_room(m);
}

/* Where a match can begin, from s on; NULL = nowhere. */
static const char *wippyli_matcher_skip(wippyli_matcher *m, const char *s)
{
    if (!m->has_first) {
        return s;
    }
    if (m->lead >= 0) {
        const char *found = (const char *)memchr(s, m->lead, (size_t)(m->source_end - s));
        wippyli_matcher_charge(m, (uint64_t)((found ? found : m->source_end) - s) / 16);
        return found;
    }
    wippyli_item item;
    wippyli_item_read(m, m->first, &item);
    while (s < m->source_end && !wippyli_item_has(&item, *s)) {
        wippyli_matcher_charge(m, 1);
        s++;
    }
    return s < m->source_end ? s : NULL;
}

/* ---- results */

static void wippyli_push_capture(const wippyli_matcher *m, uint32_t at, const char *start,
                                 const char *end)
{
    if (at >= m->level) {
        if (at != 0) {
            luaL_error(m->L, "invalid capture index %%%d", (int)at + 1);
        }
        lua_pushlstring(m->L, start, (size_t)(end - start));
        return;
    }
    const wippyli_capture *capture = &m->captures[at];
    if ((m->closed >> at & 1) == 0) {
        luaL_error(m->L, "unfinished capture");
    }
    if (capture->size < 0) {
        lua_pushinteger(m->L, capture->start - m->source + 1);
    } else {
        lua_pushlstring(m->L, capture->start, (size_t)capture->size);
    }
}

/* Push all captures; the whole match, if whole and there are none. */
static int wippyli_push_captures(const wippyli_matcher *m, const char *start, const char *end,
                                 bool whole)
{
    uint32_t count = m->level == 0 && whole ? 1 : m->level;
    wippyli_stack_room(m->L, (int)count, "too many captures");
    for (uint32_t i = 0; i < count; i++) {
        wippyli_push_capture(m, i, start, end);
    }
    return (int)count;
}

/* ------------------------------------------------------------------ find and match */

static bool wippyli_is_plain(const char *pattern, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (pattern[i] != '\0' && strchr("^$*+?.([%-", pattern[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* Plain search, counted like a match. */
static const char *wippyli_plain_find(wippyli_matcher *m, const char *s)
{
    size_t size = (size_t)(m->pattern_end - m->pattern);
    if (size == 0) {
        return s;
    }
    while ((size_t)(m->source_end - s) >= size) {
        size_t room = (size_t)(m->source_end - s) - size + 1;
        const char *found = (const char *)memchr(s, *m->pattern, room);
        wippyli_matcher_charge(m, (found ? (size_t)(found - s) : room) / 16 + 1);
        if (!found) {
            return NULL;
        }
        if (memcmp(found, m->pattern, size) == 0) {
            return found;
        }
        m->steps += size / 16;
        s = found + 1;
    }
    return NULL;
}

static int wippyli_push_found(lua_State *L, const wippyli_matcher *m, const char *start,
                              const char *end)
{
    lua_pushinteger(L, start - m->source + 1);
    lua_pushinteger(L, end - m->source);
    return wippyli_push_captures(m, start, end, false) + 2;
}

/* The first match from s on. */
static int wippyli_search(wippyli_matcher *m, const char *s, bool find)
{
    for (;;) {
        s = wippyli_matcher_skip(m, s);
        if (!s) {
            break;
        }
        const char *end = wippyli_matcher_run(m, s);
        if (end) {
            return find ? wippyli_push_found(m->L, m, s, end)
                        : wippyli_push_captures(m, s, end, true);
        }
        if (s >= m->source_end || m->anchored) {
            break;
        }
        s++;
    }
    lua_pushnil(m->L);
    return 1;
}

static int wippyli_find_or_match(lua_State *L, bool find)
{
    size_t source_size = 0;
    size_t pattern_size = 0;
    const char *source = wippyli_check_subject(L, 1, &source_size);
    const char *pattern = luaL_checklstring(L, 2, &pattern_size);
    size_t from = wippyli_string_from(luaL_optinteger(L, 3, 1), source_size) - 1;
    if (from > source_size) {
        lua_pushnil(L);
        return 1;
    }
    bool plain = find && (lua_toboolean(L, 4) || wippyli_is_plain(pattern, pattern_size));
    wippyli_matcher m;
    wippyli_matcher_init(&m, L, source, source_size, pattern, pattern_size, !plain);
    if (!plain) {
        wippyli_matcher_first(&m);
        return wippyli_search(&m, source + from, find);
    }
    const char *found = wippyli_plain_find(&m, source + from);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    m.level = 0;
    return wippyli_push_found(L, &m, found, found + pattern_size);
}

WIPPYLI_FN int wippyli_pattern_find(lua_State *L)
{
    return wippyli_find_or_match(L, true);
}

WIPPYLI_FN int wippyli_pattern_match(lua_State *L)
{
    return wippyli_find_or_match(L, false);
}

/* ------------------------------------------------------------------ gmatch */

/* Upvalues: subject, pattern, where to go on, end of the last match (-1 = none). */
static int wippyli_gmatch_next(lua_State *L)
{
    size_t source_size = 0;
    size_t pattern_size = 0;
    const char *source = lua_tolstring(L, lua_upvalueindex(1), &source_size);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_size);
    const char *s = source + lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    wippyli_matcher m;
    wippyli_matcher_init(&m, L, source, source_size, pattern, pattern_size, false);
    wippyli_matcher_first(&m);
    for (; s <= m.source_end; s++) {
        s = wippyli_matcher_skip(&m, s);
        const char *end = s ? wippyli_matcher_run(&m, s) : NULL;
        if (end && end - source != last) {
            lua_pushinteger(L, end - source);
            lua_copy(L, -1, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return wippyli_push_captures(&m, s, end, true);
        }
        if (!s) {
            break;
        }
    }
    lua_pushinteger(L, (lua_Integer)source_size + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

WIPPYLI_FN int wippyli_pattern_gmatch(lua_State *L)
{
    size_t size = 0;
    wippyli_check_subject(L, 1, &size);
    luaL_checkstring(L, 2);
    size_t from = wippyli_string_from(luaL_optinteger(L, 3, 1), size) - 1;
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(from > size ? size + 1 : from));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, wippyli_gmatch_next, 4);
    return 1;
}

/* ------------------------------------------------------------------ gsub */

/* Append the replacement text at index 3, its %0 ... %9 filled in. */
static void wippyli_gsub_text(const wippyli_matcher *m, luaL_Buffer *buffer, const char *start,
                              const char *end)
{
    size_t size = 0;
    const char *text = lua_tolstring(m->L, 3, &size);
    const char *text_end = text + size;
    while (text < text_end) {
        const char *escape = (const char *)memchr(text, '%', (size_t)(text_end - text));
        luaL_addlstring(buffer, text, (size_t)((escape ? escape : text_end) - text));
        if (!escape) {
            return;
        }
        char c = escape + 1 < text_end ? escape[1] : '\0';
        text = escape + 2;
        if (c == '%') {
            luaL_addchar(buffer, '%');
        } else if (c == '0') {
            luaL_addlstring(buffer, start, (size_t)(end - start));
        } else if (c >= '1' && c <= '9') {
            wippyli_push_capture(m, (uint32_t)(c - '1'), start, end);
            luaL_addvalue(buffer);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Append what takes the place of a match. False: the match stays. */
static bool wippyli_gsub_replace(const wippyli_matcher *m, luaL_Buffer *buffer, const char *start,
                                 const char *end)
{
    lua_State *L = m->L;
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
        lua_pushvalue(L, 3);
        int count = wippyli_push_captures(m, start, end, true);
        lua_call(L, count, 1);
        break;
    }
    case LUA_TTABLE:
        wippyli_push_capture(m, 0, start, end);
        lua_gettable(L, 3);
        break;
    default: wippyli_gsub_text(m, buffer, start, end); return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(buffer, start, (size_t)(end - start));
        return false;
    }
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(buffer);
    return true;
}

/* Append the text up to where the next match can begin. */
static const char *wippyli_gsub_skip(wippyli_matcher *m, luaL_Buffer *buffer, const char *s)
{
    const char *next = wippyli_matcher_skip(m, s);
    if (next && next > s) {
        luaL_addlstring(buffer, s, (size_t)(next - s));
    }
    return next;
}

/* Replace up to `most` matches; the result is in the buffer but for the rest from *rest on. */
static lua_Integer wippyli_gsub_run(wippyli_matcher *m, luaL_Buffer *buffer, lua_Integer most,
                                    bool *changed, const char **rest)
{
    const char *s = m->source;
    const char *last = NULL;
    lua_Integer count = 0;
    while (count < most) {
        const char *next = wippyli_gsub_skip(m, buffer, s);
        if (!next) {
            break;
        }
        s = next;
        const char *end = wippyli_matcher_run(m, s);
        if (end && end != last) {
            count++;
            *changed |= wippyli_gsub_replace(m, buffer, s, end);
            s = last = end;
        } else if (s < m->source_end) {
            luaL_addchar(buffer, *s);
            s++;
        } else {
            break;
        }
        if (m->anchored) {
            break;
        }
    }
    *rest = s;
    return count;
}

WIPPYLI_FN int wippyli_pattern_gsub(lua_State *L)
{
    size_t source_size = 0;
    size_t pattern_size = 0;
    const char *source = wippyli_check_subject(L, 1, &source_size);
    const char *pattern = luaL_checklstring(L, 2, &pattern_size);
    int type = lua_type(L, 3);
    if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TTABLE && type != LUA_TFUNCTION) {
        return luaL_typeerror(L, 3, "string/function/table");
    }
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)source_size + 1);
    lua_settop(L, 3);
    wippyli_matcher m;
    wippyli_matcher_init(&m, L, source, source_size, pattern, pattern_size, true);
    wippyli_matcher_first(&m);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    bool changed = false;
    const char *rest = NULL;
    lua_Integer count = wippyli_gsub_run(&m, &buffer, most, &changed, &rest);
    if (changed) {
        luaL_addlstring(&buffer, rest, (size_t)(m.source_end - rest));
        luaL_pushresult(&buffer);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

#undef WIPPYLI_CAPTURES_MAX
#undef WIPPYLI_CHOICES_MAX
#undef WIPPYLI_CHOICES_SMALL
#undef WIPPYLI_POLL_STEPS
#undef WIPPYLI_CAPTURE_POSITION
