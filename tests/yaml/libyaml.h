/* ========================================================================== >>yaml/libyaml
   The trees of our YAML reader and of libyaml as texts that can be compared: content and style of
   scalars, not their types, which are ours alone. Include the reader's header first. */
#ifndef WIPPY_TEST_LIBYAML_H
#define WIPPY_TEST_LIBYAML_H

#include <yaml.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dump {
    char *data;
    size_t size;
    size_t capacity;
} dump;

static inline void dump_add(dump *d, const void *data, size_t size)
{
    if (d->size + size + 1 > d->capacity) {
        d->capacity = (d->size + size + 1) * 2;
        d->data = (char *)realloc(d->data, d->capacity);
    }
    memcpy(d->data + d->size, data, size);
    d->size += size;
    d->data[d->size] = '\0';
}

static inline void dump_scalar(dump *d, char style, const void *text, size_t size)
{
    char head[32];
    snprintf(head, sizeof(head), "%c%zu:", style, size);
    dump_add(d, head, strlen(head));
    dump_add(d, text, size);
    dump_add(d, " ", 1);
}

static inline void dump_ours(dump *d, const wippyi_yaml_node *node)
{
    static const char styles[] = "PSDLF";
    if (node->kind < WIPPYI_YAML_SEQ) {
        dump_scalar(d, styles[node->style], node->text.data, node->text.size);
        return;
    }
    dump_add(d, node->kind == WIPPYI_YAML_SEQ ? "[ " : "{ ", 2);
    for (const wippyi_yaml_node *value = node->first; value; value = value->next) {
        if (value->key) {
            dump_ours(d, value->key);
        }
        dump_ours(d, value);
    }
    dump_add(d, node->kind == WIPPYI_YAML_SEQ ? "] " : "} ", 2);
}

static inline char libyaml_style(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: return 'S';
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return 'D';
    case YAML_LITERAL_SCALAR_STYLE: return 'L';
    case YAML_FOLDED_SCALAR_STYLE: return 'F';
    default: return 'P';
    }
}

/* One event; what ours never accepts shows as a mark that no tree of ours holds. */
static inline void dump_event(dump *d, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
        dump_add(d,
                 event->data.sequence_start.anchor || event->data.sequence_start.tag ? "[!" : "[ ",
                 2);
        break;
    case YAML_MAPPING_START_EVENT:
        dump_add(d, event->data.mapping_start.anchor || event->data.mapping_start.tag ? "{!" : "{ ",
                 2);
        break;
    case YAML_SEQUENCE_END_EVENT: dump_add(d, "] ", 2); break;
    case YAML_MAPPING_END_EVENT: dump_add(d, "} ", 2); break;
    case YAML_SCALAR_EVENT:
        dump_scalar(d,
                    event->data.scalar.anchor || event->data.scalar.tag
                        ? '!'
                        : libyaml_style(event->data.scalar.style),
                    event->data.scalar.value, event->data.scalar.length);
        break;
    case YAML_ALIAS_EVENT: dump_add(d, "* ", 2); break;
    case YAML_DOCUMENT_START_EVENT:
        if (!event->data.document_start.implicit) {
            dump_add(d, "--- ", 4);
        }
        break;
    default: break;
    }
}

static inline bool dump_libyaml(dump *d, const char *text, size_t size, char *problem,
                                size_t capacity)
{
    yaml_parser_t parser;
    bool more = true;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            snprintf(problem, capacity, "%s, line %zu", parser.problem ? parser.problem : "?",
                     parser.problem_mark.line + 1);
            yaml_parser_delete(&parser);
            return false;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        dump_event(d, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (d->size == 0) {
        dump_scalar(d, 'P', "", 0); /* nothing at all: ours gives a null */
    }
    return true;
}

#endif /* WIPPY_TEST_LIBYAML_H */
