/* ========================================================================== >>fuzz
   What every fuzz target shares. A target is one file, target_NAME.c, with one entry point:

       FUZZ_TARGET(const uint8_t *data, size_t size)
       {
           ... FUZZ_CHECK(holds, "what does not hold: %d", number);
       }

   The entry point is LLVMFuzzerTestOneInput(), so libFuzzer and AFL++ take a target as it is, and
   driver.c (any compiler) replays files. A target checks properties, not only that nothing crashes; a
   property that does not hold ends the program with abort(). Every target answers the same for the
   same bytes: no clock, no address, no chance of its own.

   Targets are linked with the split libraries, so they see private functions: include "fuzz.h", then
   the private headers. */
#ifndef WIPPY_FUZZ_H
#define WIPPY_FUZZ_H

#include "api.h"

#include "test.h"

#include "memory.h"

#if defined(__cplusplus)
#error "targets are C"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_TARGET(data, size)                                \
    static void fuzz_one(data, size);                          \
    int LLVMFuzzerTestOneInput(const uint8_t *one, size_t all) \
    {                                                          \
        fuzz_one(one, all);                                    \
        return 0;                                              \
    }                                                          \
    static void fuzz_one(data, size)

static inline void fuzz_fail(const char *file, int line, const char *format, ...) TEST_PRINTF(3, 4);

static inline void fuzz_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s:%d: FAIL ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort();
}

#define FUZZ_CHECK(holds, ...)                          \
    do {                                                \
        if (!(holds)) {                                 \
            fuzz_fail(__FILE__, __LINE__, __VA_ARGS__); \
        }                                               \
    } while (0)

/* ------------------------------------------------------------------ memory */

static inline wippy_allocator fuzz_allocator(test_heap *heap)
{
    wippy_allocator allocator;
    test_heap_init(heap);
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    return allocator;
}

static inline void fuzz_mem(wippyi_mem *mem, test_heap *heap)
{
    wippy_allocator allocator = fuzz_allocator(heap);
    wippyi_mem_init(mem, &allocator);
}

/* Everything that was taken is given back. */
#define FUZZ_BALANCED(heap) \
    FUZZ_CHECK(test_check_balanced((heap), __FILE__, __LINE__), "memory is not balanced")

/* A copy without a byte to spare, so that AddressSanitizer sees any step behind it. */
static inline char *fuzz_exact(const void *data, size_t size)
{
    char *copy = (char *)malloc(size > 0 ? size : 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

/* The same with a NUL. */
static inline char *fuzz_text(const void *data, size_t size)
{
    char *copy = (char *)malloc(size + 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    return copy;
}

/* ------------------------------------------------------------------ input as choices */

typedef struct fuzz_input {
    const uint8_t *at;
    const uint8_t *end;
} fuzz_input;

static inline fuzz_input fuzz_open(const uint8_t *data, size_t size)
{
    fuzz_input in;
    in.at = data;
    in.end = size > 0 ? data + size : data;
    return in;
}

static inline size_t fuzz_left(const fuzz_input *in)
{
    return (size_t)(in->end - in->at);
}

/* 0 when nothing is left. */
static inline uint8_t fuzz_byte(fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : (uint8_t)0;
}

static inline uint32_t fuzz_below(fuzz_input *in, uint32_t limit)
{
    uint32_t number = fuzz_byte(in);
    if (limit > 256) {
        number = number << 8 | fuzz_byte(in);
    }
    return number % limit;
}

static inline uint64_t fuzz_u64(fuzz_input *in)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | fuzz_byte(in);
    }
    return number;
}

/* Everything up to the next zero byte, or to the end. */
static inline wippy_slice fuzz_part(fuzz_input *in)
{
    wippy_slice part;
    const uint8_t *end = in->at;
    while (end < in->end && *end != 0) {
        end++;
    }
    part.data = (const char *)in->at;
    part.size = (size_t)(end - in->at);
    in->at = end < in->end ? end + 1 : end;
    return part;
}

/* ------------------------------------------------------------------ diagnostics */

/* What ends a line: \n and \r, alone or \r\n; Lua also takes \n\r for one. */
typedef enum fuzz_lines { FUZZ_LINES_YAML, FUZZ_LINES_LUA } fuzz_lines;

/* Bytes of the line end at `at`, 0 when there is none. */
static inline size_t fuzz_line_end(const char *text, size_t size, size_t at, fuzz_lines lines)
{
    if (at >= size || (text[at] != '\n' && text[at] != '\r')) {
        return 0;
    }
    bool pair = at + 1 < size && (text[at + 1] == '\n' || text[at + 1] == '\r') &&
                text[at + 1] != text[at] && (text[at] == '\r' || lines == FUZZ_LINES_LUA);
    return pair ? 2 : 1;
}

/* A failure says where: a line of the text, a column of that line or the one behind it. */
static inline void fuzz_check_place(const wippy_diag *diag, const char *text, size_t size,
                                    fuzz_lines lines)
{
    size_t line = 1;
    size_t at = 0;
    FUZZ_CHECK(diag->message[0] != '\0', "a failure without a message");
    FUZZ_CHECK(memchr(diag->message, '\0', sizeof(diag->message)) != NULL, "message without end");
    FUZZ_CHECK(diag->line >= 1, "no line: %s", diag->message);
    FUZZ_CHECK(diag->column >= 1, "no column: %s", diag->message);
    while (line < diag->line && at < size) {
        size_t end = fuzz_line_end(text, size, at, lines);
        line += end > 0 ? 1u : 0u;
        at += end > 0 ? end : 1;
    }
    FUZZ_CHECK(line == diag->line, "line %u of a text of %zu lines: %s", diag->line, line,
               diag->message);
    size_t start = at;
    while (at < size && fuzz_line_end(text, size, at, lines) == 0) {
        at++;
    }
    FUZZ_CHECK(diag->column <= at - start + 1, "column %u of line %u, which has %zu bytes: %s",
               diag->column, diag->line, at - start, diag->message);
}

static inline void fuzz_check_same_diag(const wippy_diag *a, const wippy_diag *b)
{
    FUZZ_CHECK(a->line == b->line && a->column == b->column && !strcmp(a->message, b->message),
               "two answers: %u:%u %s, then %u:%u %s", a->line, a->column, a->message, b->line,
               b->column, b->message);
}

#endif /* WIPPY_FUZZ_H */
