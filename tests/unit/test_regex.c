/* Regular expressions: what they find, what they refuse, and that nothing makes them slow. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

static wippyi_mem *regex_mem(void)
{
    static wippyi_mem mem;
    wippyi_mem_init(&mem, NULL);
    return &mem;
}

/* 1 found, 0 not, negative: the error of compiling. */
static int regex_try(const char *pattern, const char *text)
{
    wippyi_regex *regex = NULL;
    const char *why = NULL;
    wippy_result result =
        wippyi_regex_compile(regex_mem(), pattern, strlen(pattern), &regex, &why);
    if (result != WIPPY_OK) {
        CHECK(why != NULL);
        return (int)result;
    }
    result = wippyi_regex_find(regex, text, strlen(text));
    wippyi_regex_free(regex);
    return result == WIPPY_OK ? 1 : 0;
}

typedef struct regex_case {
    const char *pattern;
    const char *text;
    int expected;
} regex_case;

static void regex_run_cases(const regex_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = regex_try(cases[i].pattern, cases[i].text);
        if (got != cases[i].expected) {
            FAIL("/%s/ on \"%s\" gives %d, expected %d", cases[i].pattern, cases[i].text, got,
                 cases[i].expected);
        }
    }
}

TEST(test_regex_syntax_finds_what_it_says)
{
    static const regex_case cases[] = {
        {"", "", 1},           {"", "x", 1},           {"abc", "xxabcxx", 1},
        {"abc", "ab", 0},      {"^abc$", "abc", 1},    {"^abc$", "abcd", 0},
        {"a.c", "a\xc3\xa9" "c", 1}, {"a.c", "a\nc", 0}, {"(?s)a.c", "a\nc", 1},
        {"[a-c]+x", "zbcax", 1}, {"[^a-c]", "abc", 0}, {"[]a]", "]", 1},
        {"[a-]", "-", 1},      {"[\\]x]", "]", 1},     {"[\\d_]+$", "a_12", 1},
        {"\\d{3}", "a12b", 0}, {"\\d{3}", "a123b", 1}, {"^a{2,3}$", "aaaa", 0},
        {"^a{2,3}$", "aaa", 1}, {"^a{2,}$", "a", 0},   {"^a{2,}$", "aaaaa", 1},
        {"a{x", "a{x", 1},     {"^(ab|cd)*$", "abcdab", 1}, {"^(ab|cd)*$", "abc", 0},
        {"^(?:a|b|c)$", "c", 1}, {"(?P<n>q)u", "qu", 1}, {"a|", "zzz", 1},
        {"^(a*)*$", "aaab", 0}, {"^(a*)*$", "aaaa", 1}, {"x*?y", "xxy", 1},
        {"\\bfoo\\b", "a foo b", 1}, {"\\bfoo\\b", "afoo", 0}, {"\\Boo", "foo", 1},
        {"(?i)HeLLo", "say hello", 1}, {"(?i)[A-C]", "b", 1}, {"(?i:A)b", "ab", 1},
        {"(?i:A)b", "aB", 0},  {"(?m)^b$", "a\nb\nc", 1}, {"^b$", "a\nb\nc", 0},
        {"\\x41\\x{e9}", "A\xc3\xa9", 1}, {"\\.txt$", "a.txt", 1}, {"\\.txt$", "atxt", 0},
        {"[[:alpha:]]+[[:digit:]]", "..ab7", 1}, {"\\S\\s\\W\\D", "a  b", 1},
        {"^[\\W\\D]$", "5", 0}, {"\xc3\xa9+", "\xc3\xa9\xc3\xa9", 1}, {"^.$", "\xff", 1},
        {"\\A\\z", "", 1},     {"a+b?c*", "a", 1},     {"(a|b)(c|d)", "xbd", 1},
        /* letters at the ends of their ranges, in every place that looks at them */
        {"\\x{aF}\\x{Af}", "\xc2\xaf\xc2\xaf", 1}, {"\\x{1F600}", "\xf0\x9f\x98\x80", 1},
        {"\\x{20aC}", "\xe2\x82\xac", 1}, {"^[\\n\\t\\r\\f\\v\\a]{6}$", "\n\t\r\f\v\a", 1},
        {"\\!\\{\\@\\[\\`\\/\\:", "!{@[`/:", 1}, {"(?U)a+", "aa", 1}, {"(?i-i)A", "a", 0},
        {"(?-s)a.b", "a\nb", 0}, {"(?ims:A.^B)", "a\nb", 1}, {"(?i)", "x", 1}, {"a(?i)b(?-i)c", "aBc", 1},
        {"a(?i)b(?-i)c", "aBC", 0}, {"a{,3}", "a{,3}", 1}, {"a{2,x", "a{2,x", 1}, {"a{2,", "a{2,", 1},
        {"a{2", "a{2", 1}, {"a{}", "a{}", 1}, {"^a{0,1000}$", "aaa", 1}, {"^a{0}$", "", 1},
        {"(?i)[x-z]", "Y", 1}, {"(?i)[0-9@]", "@", 1}, {"(?i)\\x{e9}", "\xc3\xa9", 1},
        {"(?i)@`\\[{", "@`[{", 1}, {"(?i)z@", "Z@", 1}, {"\\b_9Zz\\b", " _9Zz ", 1}, {"\\b@\\b", "a@a", 1},
        {"\\b\\{", "a{", 1}, {"\\B`", "`", 1}, {"(?m)a$", "a\n", 1}, {"(?m)a$", "ab", 0},
        {"(?m)a$", "a", 1}, {"a$", "a\n", 0}, {"[\\w]", "-", 0}, {"[^\\w]", "-", 1},
        {"[[:blank:][:punct:]]", "\t", 1}, {"[[:^alpha:]]", "a]", 1}, {"[[:upper:]]", "a", 0},
        {"||", "", 1}, {"a||b", "b", 1}, {"()", "", 1}, {"()*a", "a", 1}, {"\\z", "a", 1},
        {"\\Ab", "ab", 0}, {".", "\xf0\x9f\x98\x80", 1}, {"^.$", "\xe2\x82", 0}};
    regex_run_cases(cases, TEST_COUNT(cases));
}

TEST(test_regex_malformed_is_refused)
{
    static const regex_case cases[] = {
        {"(", "", WIPPY_ERR_SYNTAX},     {")", "", WIPPY_ERR_SYNTAX},
        {"[a", "", WIPPY_ERR_SYNTAX},    {"*a", "", WIPPY_ERR_SYNTAX},
        {"a**", "", WIPPY_ERR_SYNTAX},   {"a{2}{3}", "", WIPPY_ERR_SYNTAX},
        {"a{3,2}", "", WIPPY_ERR_SYNTAX}, {"a{1001}", "", WIPPY_ERR_SYNTAX},
        {"[z-a]", "", WIPPY_ERR_SYNTAX}, {"\\", "", WIPPY_ERR_SYNTAX},
        {"\\x4", "", WIPPY_ERR_SYNTAX},  {"\\x{110000}", "", WIPPY_ERR_SYNTAX},
        {"(?P<n", "", WIPPY_ERR_SYNTAX}, {"\\pL", "", WIPPY_ERR_UNSUPPORTED},
        {"\\1", "", WIPPY_ERR_UNSUPPORTED}, {"(?=a)", "", WIPPY_ERR_UNSUPPORTED},
        {"(a{1000}){1000}", "", WIPPY_ERR_LIMIT},
        {"\\x{}", "", WIPPY_ERR_SYNTAX},   {"\\x{4", "", WIPPY_ERR_SYNTAX},
        {"\\x4g", "", WIPPY_ERR_SYNTAX},   {"\\xG", "", WIPPY_ERR_SYNTAX},
        {"\\x", "", WIPPY_ERR_SYNTAX},     {"\\Q", "", WIPPY_ERR_UNSUPPORTED},
        {"\\\xc3\xa9", "", WIPPY_ERR_UNSUPPORTED}, {"[\\z]", "", WIPPY_ERR_UNSUPPORTED},
        {"(?i", "", WIPPY_ERR_SYNTAX},     {"(?i:a", "", WIPPY_ERR_SYNTAX},
        {"(?x)", "", WIPPY_ERR_UNSUPPORTED}, {"(?P<n>a", "", WIPPY_ERR_SYNTAX},
        {"a{2,1001}", "", WIPPY_ERR_SYNTAX}, {"a|*", "", WIPPY_ERR_SYNTAX},
        {"a|(", "", WIPPY_ERR_SYNTAX},     {"[", "", WIPPY_ERR_SYNTAX},
        {"[a\\", "", WIPPY_ERR_SYNTAX},   {"[^", "", WIPPY_ERR_SYNTAX}};
    regex_run_cases(cases, TEST_COUNT(cases));
}

TEST(test_regex_nested_too_deep_is_a_limit)
{
    char pattern[1001];
    memset(pattern, '(', 500);
    memset(pattern + 500, ')', 500);
    pattern[1000] = '\0';
    CHECK_EQ_INT(regex_try(pattern, ""), WIPPY_ERR_LIMIT);
}

TEST(test_regex_hostile_expression_stays_linear)
{
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    uint64_t start = test_now_ms();
    CHECK_EQ_INT(regex_try("^(a+)+$|(a?){30}b(a|aa)+$", text), 1);
    CHECK_EQ_INT(regex_try("(a*)*(a*)*(a|a)*b", text), 0);
    CHECK(test_now_ms() - start < 5000);
}

static void regex_scenario(test_heap *heap, void *arg)
{
    wippy_allocator allocator;
    wippyi_mem mem;
    wippyi_regex *regex = NULL;
    const char *pattern = "([a-f]+|x{40}y{60}|\\d+){1,3}z";
    (void)arg;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&mem, &allocator);
    wippy_result result = wippyi_regex_compile(&mem, pattern, strlen(pattern), &regex, NULL);
    if (result != WIPPY_OK) {
        CHECK_EQ_INT(result, WIPPY_ERR_NOMEM);
        return;
    }
    result = wippyi_regex_find(regex, "..abc12z", 8);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    wippyi_regex_free(regex);
}

TEST(test_regex_without_memory_says_so)
{
    CHECK(test_heap_sweep(regex_scenario, NULL) > 4);
}

TEST_MAIN(TEST_ENTRY(test_regex_syntax_finds_what_it_says),
          TEST_ENTRY(test_regex_malformed_is_refused),
          TEST_ENTRY(test_regex_nested_too_deep_is_a_limit),
          TEST_ENTRY(test_regex_hostile_expression_stays_linear),
          TEST_ENTRY(test_regex_without_memory_says_so))
