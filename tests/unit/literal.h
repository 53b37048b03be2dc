/* Encoded values from short text, for tests: {a: 1, b: ['x', 2.5, true, nil], 'c.d': {}}.
   Names need quotes only when they hold more than letters, digits and '_'. */
#ifndef WIPPY_TEST_LITERAL_H
#define WIPPY_TEST_LITERAL_H

typedef struct literal {
    wippyi_mem mem;
    wippy_writer w;
    wippy_slice value;
} literal;

static inline const char *literal_space(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == ',' || *at == ':') {
        at++;
    }
    return at;
}

static inline const char *literal_word(wippy_writer *w, const char *at)
{
    size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.+-");
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)size, at);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        wippy_write_bool(w, text[0] == 't');
    } else if (strcmp(text, "nil") == 0) {
        wippy_write_nil(w);
    } else if ((text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) && strchr(text, '.')) {
        wippy_write_float(w, strtod(text, NULL));
    } else if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) {
        wippy_write_int(w, strtoll(text, NULL, 10));
    } else {
        wippy_write_string(w, at, size);
    }
    return at + size;
}

static inline void literal_write(wippy_writer *w, const char *at)
{
    for (at = literal_space(at); *at; at = literal_space(at)) {
        if (*at == '{') {
            wippy_write_map(w, 0);
            at++;
        } else if (*at == '[') {
            wippy_write_array(w, 0);
            at++;
        } else if (*at == '}' || *at == ']') {
            wippy_write_end(w);
            at++;
        } else if (*at == '\'') {
            size_t size = strcspn(at + 1, "'");
            wippy_write_string(w, at + 1, size);
            at += size + 2;
        } else {
            at = literal_word(w, at);
        }
    }
}

static inline wippy_slice literal_make(literal *l, const char *text)
{
    wippyi_mem_init(&l->mem, NULL);
    wippyi_writer_init(&l->w, &l->mem);
    literal_write(&l->w, text);
    if (wippy_writer_finish(&l->w, &l->value) != WIPPY_OK || l->w.count != 1) {
        FAIL("bad literal: %s", text);
        memset(&l->value, 0, sizeof(l->value));
    }
    return l->value;
}

static inline void literal_free(literal *l)
{
    wippy_writer_free(&l->w);
}

#endif /* WIPPY_TEST_LITERAL_H */
