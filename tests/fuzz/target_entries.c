/* The registry, fed with documents. Input: documents with a zero byte after each; the first byte of all says how
   they are used: loaded one after the other, or the last one as a program of changes. Whatever is refused
   leaves every entry as it was, with a message that says where; what was done can be taken back; in the
   end the memory is balanced. */
#include "fuzz.h"

#include "lua/api.h"

#define IDS 12

typedef struct world {
    test_heap heap;
    wippy_runtime *rt;
    unsigned events;
    unsigned warnings; /* an entry that could not be applied while loading stays readable */
} world;

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash * 31 + size;
}

/* Everything a reader sees of the current version. */
static uint64_t picture(world *w)
{
    wippy_snapshot *snapshot = NULL;
    uint64_t hash = 0xcbf29ce484222325u;
    FUZZ_CHECK(wippy_snapshot_current(w->rt, &snapshot) == WIPPY_OK, "no version");
    for (size_t i = 0; i < wippy_snapshot_count(snapshot); i++) {
        wippy_entry *entry = wippy_snapshot_entry(snapshot, i);
        wippy_slice meta = wippy_entry_meta(entry);
        wippy_slice data = wippy_entry_data(entry);
        const char *id = wippy_entry_id(entry);
        FUZZ_CHECK(wippy_snapshot_get(snapshot, id) == entry, "%s is not found", id);
        FUZZ_CHECK(wippy_value_check(meta.data, meta.size, 1) == WIPPY_OK, "meta of %s", id);
        FUZZ_CHECK(wippy_value_check(data.data, data.size, 1) == WIPPY_OK, "data of %s", id);
        hash = mix(hash, id, strlen(id));
        hash = mix(hash, wippy_entry_kind(entry), strlen(wippy_entry_kind(entry)));
        hash = mix(hash, meta.data, meta.size);
        hash = mix(hash, data.data, data.size);
    }
    wippy_snapshot_release(w->rt, snapshot);
    return hash;
}

static size_t entry_count(world *w)
{
    wippy_snapshot *snapshot = NULL;
    FUZZ_CHECK(wippy_snapshot_current(w->rt, &snapshot) == WIPPY_OK, "no version");
    size_t count = wippy_snapshot_count(snapshot);
    wippy_snapshot_release(w->rt, snapshot);
    return count;
}

static void listen(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    world *w = (world *)user_data;
    (void)rt;
    FUZZ_CHECK(event->count > 0, "an event about nothing");
    for (size_t i = 0; i < event->count; i++) {
        const wippy_entry_change *change = &event->changes[i];
        FUZZ_CHECK((change->before == NULL) == (change->op == WIPPY_ENTRY_CREATE), "before");
        FUZZ_CHECK((change->after == NULL) == (change->op == WIPPY_ENTRY_DELETE), "after");
    }
    w->events++;
}

static void note_warning(const wippy_log_record *record, void *user_data)
{
    world *w = (world *)user_data;
    w->warnings += record->level >= WIPPY_LOG_WARN ? 1u : 0u;
}

static void world_open(world *w)
{
    wippy_desc desc;
    wippy_host_desc host;
    wippy_host made;
    wippy_lua_desc lua;
    memset(w, 0, sizeof(*w));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&lua, 0, sizeof(lua));
    desc.allocator = fuzz_allocator(&w->heap);
    desc.log_fn = note_warning;
    desc.log_user_data = w;
    desc.random_seed = 1;
    host.name = "app:main";
    host.kind = WIPPY_HOST_PUMP;
    lua.no_recycle = true;
    FUZZ_CHECK(wippy_create(&w->rt, &desc) == WIPPY_OK, "no runtime");
    FUZZ_CHECK(wippy_lua_open(w->rt, &lua) == WIPPY_OK, "no bridge");
    FUZZ_CHECK(wippy_host_create(w->rt, &host, &made) == WIPPY_OK, "no host");
    FUZZ_CHECK(wippy_registry_listen(w->rt, listen, w) == WIPPY_OK, "no listener");
}

static void check_refused(world *w, wippy_result result, const wippy_diag *diag, uint64_t before,
                          int64_t version, unsigned events)
{
    FUZZ_CHECK(result < 0, "result %d", result);
    FUZZ_CHECK(result != WIPPY_ERR_NOMEM && result != WIPPY_ERR_INTERNAL, "result %d: %s", result,
               diag->message);
    FUZZ_CHECK(diag->message[0] != '\0', "refused without a reason: %d", result);
    FUZZ_CHECK(picture(w) == before, "refused (%s), but something has changed", diag->message);
    FUZZ_CHECK(wippy_version_current(w->rt) == version, "refused, but a version was made");
    FUZZ_CHECK(w->events == events, "refused, but listeners were told");
}

static void load(world *w, wippy_slice text)
{
    wippy_diag diag;
    char *exact = fuzz_exact(text.data, text.size);
    uint64_t before = picture(w);
    int64_t version = wippy_version_current(w->rt);
    unsigned events = w->events;
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_load_text(w->rt, "file.yaml", exact, text.size, &diag);
    if (result != WIPPY_OK) {
        check_refused(w, result, &diag, before, version, events);
        if (result == WIPPY_ERR_SYNTAX && strcmp(diag.file, "file.yaml") == 0 && diag.line > 0) {
            fuzz_check_place(&diag, exact, text.size, FUZZ_LINES_YAML);
        }
    }
    free(exact);
}

/* Ids that changes speak of: those that are there, and some that are not. */
static const char *choose_id(world *w, fuzz_input *in, char *room, size_t size)
{
    static const char *const others[] = {"app:new", "app:x", "b:y", "noid", ":", "app:"};
    uint32_t choice = fuzz_byte(in);
    wippy_snapshot *snapshot = NULL;
    if (choice & 1) {
        return others[choice / 2 % TEST_COUNT(others)];
    }
    FUZZ_CHECK(wippy_snapshot_current(w->rt, &snapshot) == WIPPY_OK, "no version");
    size_t count = wippy_snapshot_count(snapshot);
    snprintf(room, size, "%s",
             count ? wippy_entry_id(wippy_snapshot_entry(snapshot, choice / 2 % count)) : "app:z");
    wippy_snapshot_release(w->rt, snapshot);
    return room;
}

typedef struct wishes {
    wippy_registry_change changes[4];
    char ids[4][300];
    wippy_writer meta[4];
    wippy_writer data[4];
    size_t count;
} wishes;

static void add_wish(world *w, wishes *all, fuzz_input *in)
{
    static const char *const kinds[] = {
        "registry.entry",  "library.lua",  "process.lua",        "function.lua", "unknown.kind",
        "security.policy", "env.variable", "env.storage.memory", NULL,           "process.service"};
    static const char *const datas[] = {
        "{}",
        "{a: 1}",
        "{source: 'return {}'}",
        "{source: 'return function() end', imports: {l: 'app:x'}}",
        "{policy: {actions: '*', resources: '*', effect: allow}}",
        "{storage: 'app:x', variable: A}",
        "{source: 'local x: = 1'}",
        "{process: 'app:x', host: 'app:new', lifecycle: {requires: ['app:y']}}",
        "{source: 'return {}', imports: {l: 'app:new'}}",
        "[1]"};
    wippy_registry_change *change = &all->changes[all->count];
    uint32_t at = (uint32_t)all->count;
    const char *text = datas[fuzz_below(in, TEST_COUNT(datas))];
    memset(change, 0, sizeof(*change));
    change->op = (wippy_entry_op)fuzz_below(in, 3);
    change->id = choose_id(w, in, all->ids[at], sizeof(all->ids[at]));
    change->kind = kinds[fuzz_below(in, TEST_COUNT(kinds))];
    wippy_writer_init(&all->data[at], w->rt);
    (void)wippy_write_yaml(&all->data[at], NULL, text, strlen(text), NULL);
    (void)wippy_writer_finish(&all->data[at], &change->data);
    text = fuzz_byte(in) & 1 ? "{depends_on: ['app:x', 'app:new']}" : "{tag: 1}";
    wippy_writer_init(&all->meta[at], w->rt);
    (void)wippy_write_yaml(&all->meta[at], NULL, text, strlen(text), NULL);
    (void)wippy_writer_finish(&all->meta[at], &change->meta);
    all->count++;
}

/* What a change made can be taken back and made again. What never was in effect, because something it
   needs was missing when it was loaded, may be refused on the way. */
static void go_back(world *w, uint64_t before, int64_t version, int64_t made)
{
    wippy_diag diag;
    uint64_t after = picture(w);
    unsigned events = w->events;
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_registry_apply_version(w->rt, version, &diag);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(w->warnings > 0, "no way back: %s", diag.message);
        check_refused(w, result, &diag, after, made, events);
        return;
    }
    FUZZ_CHECK(picture(w) == before, "going back gives something else");
    FUZZ_CHECK(wippy_registry_apply_version(w->rt, made, &diag) == WIPPY_OK, "no way forth: %s",
               diag.message);
    FUZZ_CHECK(picture(w) == after, "going forth gives something else");
}

static void apply(world *w, fuzz_input *in)
{
    wishes *all = (wishes *)calloc(1, sizeof(wishes));
    wippy_diag diag;
    int64_t made = -7;
    uint64_t before = picture(w);
    int64_t version = wippy_version_current(w->rt);
    unsigned events = w->events;
    uint32_t count = fuzz_below(in, 5);
    memset(&diag, 0, sizeof(diag));
    for (uint32_t i = 0; i < count && i < 4; i++) {
        add_wish(w, all, in);
    }
    wippy_result result = wippy_registry_apply(w->rt, all->changes, all->count, &made, &diag);
    if (result != WIPPY_OK) {
        check_refused(w, result, &diag, before, version, events);
        FUZZ_CHECK(made == -7, "refused, but a number was given");
    } else {
        FUZZ_CHECK(made == wippy_version_current(w->rt) && made != version, "number %lld",
                   (long long)made);
        FUZZ_CHECK(w->events == events + 1, "listeners were told %u times", w->events - events);
        go_back(w, before, version, made);
    }
    for (size_t i = 0; i < all->count; i++) {
        wippy_writer_free(&all->data[i]);
        wippy_writer_free(&all->meta[i]);
    }
    free(all);
}

static void delete_all(world *w)
{
    wippy_snapshot *snapshot = NULL;
    wippy_diag diag;
    FUZZ_CHECK(wippy_snapshot_current(w->rt, &snapshot) == WIPPY_OK, "no version");
    size_t count = wippy_snapshot_count(snapshot);
    wippy_registry_change *changes =
        (wippy_registry_change *)calloc(count > 0 ? count : 1, sizeof(wippy_registry_change));
    for (size_t i = 0; i < count; i++) {
        changes[i].op = WIPPY_ENTRY_DELETE;
        changes[i].id = wippy_entry_id(wippy_snapshot_entry(snapshot, i));
    }
    if (count > 0) {
        memset(&diag, 0, sizeof(diag));
        wippy_result result = wippy_registry_apply(w->rt, changes, count, NULL, &diag);
        FUZZ_CHECK(result == WIPPY_OK, "everything cannot be deleted: %s", diag.message);
        FUZZ_CHECK(entry_count(w) == 0, "everything was deleted, but %zu", entry_count(w));
    }
    free(changes);
    wippy_snapshot_release(w->rt, snapshot);
}

static void find(world *w, wippy_slice text)
{
    wippy_writer filter;
    wippy_slice bytes;
    wippy_snapshot *snapshot = NULL;
    wippy_diag diag;
    size_t count = 0, again = 0;
    wippy_writer_init(&filter, w->rt);
    (void)wippy_write_yaml(&filter, NULL, text.data, text.size, NULL);
    FUZZ_CHECK(wippy_snapshot_current(w->rt, &snapshot) == WIPPY_OK, "no version");
    if (wippy_writer_finish(&filter, &bytes) == WIPPY_OK) {
        memset(&diag, 0, sizeof(diag));
        wippy_result result = wippy_snapshot_find(w->rt, snapshot, bytes, NULL, 0, &count, &diag);
        FUZZ_CHECK(result == WIPPY_OK || diag.message[0] != '\0', "refused without a reason");
        FUZZ_CHECK(wippy_snapshot_find(w->rt, snapshot, bytes, NULL, 0, &again, NULL) == result &&
                       again == count,
                   "two answers");
        FUZZ_CHECK(count <= wippy_snapshot_count(snapshot), "more than there are");
    }
    wippy_snapshot_release(w->rt, snapshot);
    wippy_writer_free(&filter);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    world w;
    fuzz_input in = fuzz_open(data, size);
    uint8_t mode = fuzz_byte(&in);
    unsigned documents = mode % 3u + 1u;
    world_open(&w);
    for (unsigned i = 0; i < documents; i++) {
        load(&w, fuzz_part(&in));
    }
    if (mode & 16) {
        find(&w, fuzz_part(&in));
    }
    for (unsigned i = 0; i < 16 && fuzz_left(&in) > 0; i++) {
        apply(&w, &in);
    }
    delete_all(&w);
    FUZZ_CHECK(wippy_destroy(w.rt) == WIPPY_OK, "not destroyed");
    FUZZ_BALANCED(&w.heap);
}
