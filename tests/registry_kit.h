/* What the registry's tests share: values from a short notation, a runtime whose log is kept, a kind
   that records what it is asked. Include after wippy.h and test.h; public API only. */
#ifndef WIPPY_REGISTRY_KIT_H
#define WIPPY_REGISTRY_KIT_H

/* ------------------------------------------------------------------ values
   {'a': 1, 'b': ['x', true, nil, -2, 1.5]}: JSON with single quotes, no escapes. Well-formed only. */

static inline const char *kit_blanks(const char *at)
{
    while (*at == ' ' || *at == ',' || *at == ':') {
        at++;
    }
    return at;
}

static inline const char *kit_scalar(const char *at, wippy_writer *w)
{
    char *end = NULL;
    if (*at == '\'') {
        const char *close = strchr(at + 1, '\'');
        wippy_write_string(w, at + 1, (size_t)(close - at) - 1);
        return close + 1;
    }
    if (strncmp(at, "nil", 3) == 0) {
        wippy_write_nil(w);
        return at + 3;
    }
    if (*at == 't' || *at == 'f') {
        wippy_write_bool(w, *at == 't');
        return at + (*at == 't' ? 4 : 5);
    }
    long long integer = strtoll(at, &end, 10);
    if (*end == '.') {
        wippy_write_float(w, strtod(at, &end));
    } else {
        wippy_write_int(w, integer);
    }
    return end;
}

static inline void kit_write(wippy_writer *w, const char *text)
{
    for (text = kit_blanks(text); *text != '\0'; text = kit_blanks(text)) {
        if (*text == '{' || *text == '[') {
            if (*text == '{') {
                wippy_write_map(w, 0);
            } else {
                wippy_write_array(w, 0);
            }
            text++;
        } else if (*text == '}' || *text == ']') {
            wippy_write_end(w);
            text++;
        } else {
            text = kit_scalar(text, w);
        }
    }
}

/* ------------------------------------------------------------------ a runtime with its log */

#define KIT_LOG_ROOM 8192

typedef struct kit {
    test_heap heap;
    wippy_runtime *rt;
    char log[KIT_LOG_ROOM]; /* "logger: message fields\n" of every warning */
    size_t log_size;
    bool lenient; /* a load leaves out what is refused */
} kit;

static inline void kit_log(const wippy_log_record *record, void *user_data)
{
    kit *k = (kit *)user_data;
    char fields[256];
    fields[0] = '\0';
    if (record->level < WIPPY_LOG_WARN) {
        return;
    }
    if (record->fields.size > 0) {
        wippy_value_to_text(record->fields, fields, sizeof(fields));
    }
    int added = snprintf(k->log + k->log_size, KIT_LOG_ROOM - k->log_size, "%s: %s %s\n",
                         record->logger, record->message, fields);
    k->log_size += (size_t)added;
    if (k->log_size >= KIT_LOG_ROOM) {
        k->log_size = KIT_LOG_ROOM - 1;
    }
}

static inline void kit_desc(kit *k, wippy_desc *desc)
{
    memset(desc, 0, sizeof(*desc));
    desc->allocator.alloc_fn = test_alloc_fn;
    desc->allocator.free_fn = test_free_fn;
    desc->allocator.user_data = &k->heap;
    desc->log_fn = kit_log;
    desc->log_user_data = k;
}

/* False: no runtime (then nothing is to be closed). */
static inline bool kit_open(kit *k)
{
    wippy_desc desc;
    memset(k, 0, sizeof(*k));
    test_heap_init(&k->heap);
    kit_desc(k, &desc);
    return test_check(wippy_create(&k->rt, &desc) == WIPPY_OK, "wippy_create", __FILE__, __LINE__);
}

static inline void kit_close(kit *k)
{
    CHECK_EQ_INT(wippy_destroy(k->rt), WIPPY_OK);
    CHECK_BALANCED(&k->heap);
}

/* ------------------------------------------------------------------ changes in short */

/* One wish: op '+' '=' '-', id, and as kit_write() meta and data ("" = none). */
typedef struct kit_wish {
    char op;
    const char *id;
    const char *kind;
    const char *meta;
    const char *data;
} kit_wish;

#define KIT_WISHES 32

static inline wippy_slice kit_value(wippy_writer *w, wippy_runtime *rt, const char *text)
{
    wippy_slice out = {NULL, 0};
    wippy_writer_init(w, rt);
    if (text != NULL && text[0] != '\0') {
        kit_write(w, text);
        wippy_writer_finish(w, &out);
    }
    return out;
}

static inline wippy_result kit_apply(kit *k, const kit_wish *wishes, size_t count, int64_t *version,
                                     wippy_diag *diag)
{
    static wippy_writer writers[KIT_WISHES * 2]; /* large; one thread at a time applies here */
    wippy_registry_change changes[KIT_WISHES];
    memset(changes, 0, sizeof(changes));
    for (size_t i = 0; i < count; i++) {
        changes[i].op = wishes[i].op == '+'   ? WIPPY_ENTRY_CREATE
                        : wishes[i].op == '=' ? WIPPY_ENTRY_UPDATE
                                              : WIPPY_ENTRY_DELETE;
        changes[i].id = wishes[i].id;
        changes[i].kind = wishes[i].kind;
        changes[i].meta = kit_value(&writers[2 * i], k->rt, wishes[i].meta);
        changes[i].data = kit_value(&writers[2 * i + 1], k->rt, wishes[i].data);
    }
    wippy_result result = wippy_registry_apply(k->rt, changes, count, version, diag);
    for (size_t i = 0; i < count; i++) {
        wippy_writer_free(&writers[2 * i]);
        wippy_writer_free(&writers[2 * i + 1]);
    }
    return result;
}

static inline wippy_result kit_one(kit *k, char op, const char *id, const char *kind,
                                   const char *data)
{
    kit_wish wish;
    wish.op = op;
    wish.id = id;
    wish.kind = kind;
    wish.meta = "";
    wish.data = data;
    return kit_apply(k, &wish, 1, NULL, NULL);
}

/* "id id id" of a snapshot. */
static inline const char *kit_ids(const wippy_snapshot *snapshot)
{
    static char text[1024];
    text[0] = '\0';
    for (size_t i = 0; i < wippy_snapshot_count(snapshot); i++) {
        strncat(text, i > 0 ? " " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, wippy_entry_id(wippy_snapshot_entry(snapshot, i)),
                sizeof(text) - strlen(text) - 1);
    }
    return text;
}

static inline const char *kit_current_ids(kit *k)
{
    wippy_snapshot *snapshot = NULL;
    wippy_snapshot_current(k->rt, &snapshot);
    const char *text = kit_ids(snapshot);
    wippy_snapshot_release(k->rt, snapshot);
    return text;
}

/* "id id" of what a filter finds in the current version; "!message" when it is refused. */
static inline const char *kit_find(kit *k, const char *filter)
{
    static char text[1024];
    wippy_entry *found[64];
    wippy_writer w;
    wippy_snapshot *snapshot = NULL;
    wippy_diag diag;
    size_t count = 0;
    memset(&diag, 0, sizeof(diag));
    wippy_snapshot_current(k->rt, &snapshot);
    text[0] = '\0';
    if (wippy_snapshot_find(k->rt, snapshot, kit_value(&w, k->rt, filter), found, 64, &count,
                            &diag) != WIPPY_OK) {
        snprintf(text, sizeof(text), "!%s", diag.message);
    }
    for (size_t i = 0; i < count && i < 64; i++) {
        strncat(text, i > 0 ? " " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, wippy_entry_id(found[i]), sizeof(text) - strlen(text) - 1);
    }
    wippy_writer_free(&w);
    wippy_snapshot_release(k->rt, snapshot);
    return text;
}

/* ------------------------------------------------------------------ a kind that records */

typedef struct kit_kind {
    char trace[4096];           /* "check+a apply+a commit+a ", - delete, = update, ~ taken back */
    const char *refuse_check;   /* id whose check is refused, */
    const char *refuse_apply;   /* ... whose apply is refused, */
    wippy_result refuse_result; /* with this */
    const char *needs;          /* data field that must name an entry of the next version */
} kit_kind;

static inline void kit_trace(const wippy_kind_call *call, const char *word)
{
    kit_kind *kind = (kit_kind *)call->user_data;
    wippy_entry *entry = call->after ? call->after : call->before;
    char op = call->before == NULL ? '+' : call->after == NULL ? '-' : '=';
    size_t size = strlen(kind->trace);
    snprintf(kind->trace + size, sizeof(kind->trace) - size, "%s%s%c%s ", call->undo ? "~" : "",
             word, op, wippy_entry_id(entry));
}

static inline wippy_result kit_refuse(const wippy_kind_call *call, const char *id)
{
    kit_kind *kind = (kit_kind *)call->user_data;
    wippy_entry *entry = call->after ? call->after : call->before;
    if (id != NULL && strcmp(id, wippy_entry_id(entry)) == 0) {
        snprintf(call->diag->message, sizeof(call->diag->message), "refused %s", id);
        return kind->refuse_result;
    }
    return WIPPY_OK;
}

static inline wippy_result kit_check(const wippy_kind_call *call)
{
    kit_kind *kind = (kit_kind *)call->user_data;
    kit_trace(call, "check");
    if (kind->needs != NULL) {
        char id[128];
        wippy_slice needed = wippy_value_string(wippy_entry_data(call->after), kind->needs, NULL);
        wippy_id_complete(needed.data, needed.size, wippy_entry_id(call->after), id, sizeof(id));
        if (needed.size > 0 && wippy_snapshot_get(call->next, id) == NULL) {
            snprintf(call->diag->message, sizeof(call->diag->message), "no %s", id);
            return WIPPY_ERR_NOTFOUND;
        }
    }
    return kit_refuse(call, kind->refuse_check);
}

static inline wippy_result kit_do(const wippy_kind_call *call)
{
    kit_trace(call, "apply");
    return call->undo ? WIPPY_OK : kit_refuse(call, ((kit_kind *)call->user_data)->refuse_apply);
}

static inline void kit_commit(const wippy_kind_call *call)
{
    kit_trace(call, "commit");
}

static inline wippy_result kit_add_kind(kit *k, kit_kind *kind, const char *name, uint32_t flags)
{
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = name;
    desc.flags = flags;
    desc.check = kit_check;
    desc.apply = kit_do;
    desc.commit = kit_commit;
    desc.user_data = kind;
    return wippy_kind_register(k->rt, &desc);
}

#endif /* WIPPY_REGISTRY_KIT_H */
