#include "typetree.h"

#include <stdio.h>
#include <string.h>

#define WIPPYLI_TYPE_HEAD 5u /* kind and size */

/* ---- writing ---- */

WIPPYLI_FN void wippyli_type_writer_init(wippyli_type_writer *writer, const wippyli_mem *mem)
{
    memset(writer, 0, sizeof(*writer));
    writer->mem = mem;
}

WIPPYLI_FN void wippyli_type_writer_release(wippyli_type_writer *writer)
{
    wippyli_mem_free(writer->mem, writer->data, writer->capacity);
    wippyli_type_writer_init(writer, writer->mem);
}

/* Room for `size` more bytes, or failed. */
static bool wippyli_type_reserve(wippyli_type_writer *writer, size_t size)
{
    if (writer->failed || size > UINT32_MAX - writer->size) {
        writer->failed = true;
        return false;
    }
    if (writer->size + size <= writer->capacity) {
        return true;
    }
    size_t capacity = (writer->size + size) * 2 + 64;
    unsigned char *data = (unsigned char *)wippyli_mem_alloc(writer->mem, capacity);
    if (!data) {
        writer->failed = true;
        return false;
    }
    if (writer->size > 0) {
        memcpy(data, writer->data, writer->size);
    }
    wippyli_mem_free(writer->mem, writer->data, writer->capacity);
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

WIPPYLI_FN void wippyli_type_put(wippyli_type_writer *writer, const void *data, size_t size)
{
    if (size > 0 && wippyli_type_reserve(writer, size)) {
        memcpy(writer->data + writer->size, data, size);
        writer->size += size;
    }
}

WIPPYLI_FN void wippyli_type_put_u32(wippyli_type_writer *writer, uint32_t value)
{
    wippyli_type_put(writer, &value, sizeof(value));
}

WIPPYLI_FN void wippyli_type_put_text(wippyli_type_writer *writer, const char *text, size_t size)
{
    wippyli_type_put_u32(writer, (uint32_t)size);
    wippyli_type_put(writer, text, size);
}

WIPPYLI_FN size_t wippyli_type_open(wippyli_type_writer *writer, wippyli_type_kind kind)
{
    return wippyli_type_open_around(writer, writer->size, kind);
}

WIPPYLI_FN size_t wippyli_type_open_around(wippyli_type_writer *writer, size_t mark,
                                           wippyli_type_kind kind)
{
    if (wippyli_type_reserve(writer, WIPPYLI_TYPE_HEAD)) {
        memmove(writer->data + mark + WIPPYLI_TYPE_HEAD, writer->data + mark, writer->size - mark);
        writer->data[mark] = (unsigned char)kind;
        memset(writer->data + mark + 1, 0, WIPPYLI_TYPE_HEAD - 1);
        writer->size += WIPPYLI_TYPE_HEAD;
    }
    return mark;
}

WIPPYLI_FN void wippyli_type_close(wippyli_type_writer *writer, size_t node)
{
    if (!writer->failed) {
        uint32_t size = (uint32_t)(writer->size - node - WIPPYLI_TYPE_HEAD);
        memcpy(writer->data + node + 1, &size, sizeof(size));
    }
}

WIPPYLI_FN void wippyli_type_put_leaf(wippyli_type_writer *writer, wippyli_type_kind kind,
                                      const void *data, size_t size)
{
    size_t node = wippyli_type_open(writer, kind);
    wippyli_type_put(writer, data, size);
    wippyli_type_close(writer, node);
}

/* ---- reading ---- */

static bool wippyli_type_take(wippyli_type_cursor *cursor, void *out, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size) {
        return false;
    }
    memcpy(out, cursor->at, size);
    cursor->at += size;
    return true;
}

WIPPYLI_FN bool wippyli_type_read_u32(wippyli_type_cursor *cursor, uint32_t *out)
{
    return wippyli_type_take(cursor, out, sizeof(*out));
}

WIPPYLI_FN bool wippyli_type_read_byte(wippyli_type_cursor *cursor, unsigned char *out)
{
    return wippyli_type_take(cursor, out, 1);
}

WIPPYLI_FN bool wippyli_type_read_text(wippyli_type_cursor *cursor, wippyli_type_text *out)
{
    uint32_t size = 0;
    if (!wippyli_type_read_u32(cursor, &size) || (size_t)(cursor->end - cursor->at) < size) {
        return false;
    }
    out->data = (const char *)cursor->at;
    out->size = size;
    cursor->at += size;
    return true;
}

WIPPYLI_FN bool wippyli_type_read(wippyli_type_cursor *cursor, wippyli_type_node *out)
{
    unsigned char kind = 0;
    wippyli_type_text body;
    if (!wippyli_type_read_byte(cursor, &kind) || !wippyli_type_read_text(cursor, &body)) {
        return false;
    }
    out->kind = (wippyli_type_kind)kind;
    out->body.at = (const unsigned char *)body.data;
    out->body.end = cursor->at;
    return true;
}

WIPPYLI_FN bool wippyli_type_read_number(const wippyli_type_node *node, int64_t *integer,
                                         double *number)
{
    wippyli_type_cursor body = node->body;
    if (node->kind == WIPPYLI_TYPE_INTEGER && wippyli_type_take(&body, integer, sizeof(*integer))) {
        *number = (double)*integer;
        return true;
    }
    *integer = 0;
    return node->kind == WIPPYLI_TYPE_FLOAT && wippyli_type_take(&body, number, sizeof(*number));
}

static bool wippyli_alias_read(wippyli_type_cursor *cursor, wippyli_alias *out)
{
    wippyli_type_node node;
    wippyli_type_text param;
    if (!wippyli_type_read(cursor, &node) || node.kind != WIPPYLI_TYPE_ALIAS ||
        !wippyli_type_read_u32(&node.body, &out->line) ||
        !wippyli_type_read_u32(&node.body, &out->depth) ||
        !wippyli_type_read_u32(&node.body, &out->param_count)) {
        return false;
    }
    out->params = node.body;
    for (uint32_t i = 0; i < out->param_count; i++) {
        if (!wippyli_type_read_text(&node.body, &param)) {
            return false;
        }
    }
    return wippyli_type_read_text(&node.body, &out->name) &&
           wippyli_type_read(&node.body, &out->type);
}

WIPPYLI_FN bool wippyli_alias_next(const unsigned char *types, size_t size, size_t *at,
                                   wippyli_alias *out)
{
    wippyli_type_cursor cursor;
    if (!types || *at >= size) {
        return false;
    }
    cursor.at = types + *at;
    cursor.end = types + size;
    if (!wippyli_alias_read(&cursor, out)) {
        return false;
    }
    *at = (size_t)(cursor.at - types);
    return true;
}

WIPPYLI_FN bool wippyli_alias_find(const unsigned char *types, size_t size, const char *name,
                                   size_t name_size, wippyli_alias *out)
{
    wippyli_alias alias;
    size_t at = 0;
    bool found = false;
    while (wippyli_alias_next(types, size, &at, &alias)) {
        bool same = alias.name.size == name_size && memcmp(alias.name.data, name, name_size) == 0;
        if (same && (!found || alias.depth <= out->depth)) {
            *out = alias;
            found = true;
        }
    }
    return found;
}

/* ---- describing ---- */

typedef struct wippyli_type_printer {
    char *out;
    size_t size;
    size_t used;
} wippyli_type_printer;

static void wippyli_type_print_bytes(wippyli_type_printer *printer, const char *text, size_t size)
{
    for (size_t i = 0; i < size && printer->used + 1 < printer->size; i++) {
        printer->out[printer->used++] = text[i];
    }
}

static void wippyli_type_print_text(wippyli_type_printer *printer, const char *text)
{
    wippyli_type_print_bytes(printer, text, strlen(text));
}

static void wippyli_type_print_number(wippyli_type_printer *printer, const wippyli_type_node *node)
{
    char text[40];
    int64_t integer = 0;
    double number = 0;
    (void)wippyli_type_read_number(node, &integer, &number);
    if (node->kind == WIPPYLI_TYPE_INTEGER) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)integer);
    } else {
        (void)snprintf(text, sizeof(text), "%.14g", number);
    }
    wippyli_type_print_text(printer, text);
}

/* Kinds whose text needs no other type's. */
static void wippyli_type_print_leaf(wippyli_type_printer *printer, const wippyli_type_node *node)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_text text;
    switch (node->kind) {
    case WIPPYLI_TYPE_NIL: wippyli_type_print_text(printer, "nil"); break;
    case WIPPYLI_TYPE_TRUE: wippyli_type_print_text(printer, "true"); break;
    case WIPPYLI_TYPE_FALSE: wippyli_type_print_text(printer, "false"); break;
    case WIPPYLI_TYPE_FUNCTION: wippyli_type_print_text(printer, "function"); break;
    case WIPPYLI_TYPE_RECORD: wippyli_type_print_text(printer, "table"); break;
    case WIPPYLI_TYPE_INTEGER:
    case WIPPYLI_TYPE_FLOAT: wippyli_type_print_number(printer, node); break;
    case WIPPYLI_TYPE_NAME:
        if (wippyli_type_read_text(&body, &text)) {
            wippyli_type_print_bytes(printer, text.data, text.size);
        }
        break;
    case WIPPYLI_TYPE_STRING:
        wippyli_type_print_text(printer, "\"");
        wippyli_type_print_bytes(printer, (const char *)body.at, (size_t)(body.end - body.at));
        wippyli_type_print_text(printer, "\"");
        break;
    default: wippyli_type_print_text(printer, "any"); break;
    }
}

/* Composed types show `levels` levels; what is deeper becomes "...". */
static void wippyli_type_print(wippyli_type_printer *printer, const wippyli_type_node *node,
                               int levels)
{
    wippyli_type_cursor body = node->body;
    wippyli_type_node child;
    bool many = node->kind == WIPPYLI_TYPE_UNION || node->kind == WIPPYLI_TYPE_BOTH;
    bool one = node->kind == WIPPYLI_TYPE_ARRAY || node->kind == WIPPYLI_TYPE_OPTIONAL ||
               node->kind == WIPPYLI_TYPE_CHECKED;
    if (!many && !one) {
        wippyli_type_print_leaf(printer, node);
        return;
    }
    if (levels == 0) {
        wippyli_type_print_text(printer, "...");
        return;
    }
    for (bool first = true; wippyli_type_read(&body, &child) && (many || first); first = false) {
        if (!first) {
            wippyli_type_print_text(printer, node->kind == WIPPYLI_TYPE_UNION ? " | " : " & ");
        }
        wippyli_type_print(printer, &child, levels - 1);
    }
    if (one && node->kind != WIPPYLI_TYPE_CHECKED) {
        wippyli_type_print_text(printer, node->kind == WIPPYLI_TYPE_ARRAY ? "[]" : "?");
    }
}

WIPPYLI_FN void wippyli_type_describe(const wippyli_type_node *node, char *out, size_t size)
{
    wippyli_type_printer printer;
    if (size == 0) {
        return;
    }
    printer.out = out;
    printer.size = size;
    printer.used = 0;
    wippyli_type_print(&printer, node, 4);
    out[printer.used] = 0;
}

#undef WIPPYLI_TYPE_HEAD
