/* Frames: what is inherited, what is replaced, and that merging contexts keeps values whole. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"
#include "literal.h"

static void frame_desc(wippy_frame_desc *desc)
{
    memset(desc, 0, sizeof(*desc));
}

static bool frame_context_is(const wippy_frame *frame, const char *expected)
{
    char text[512];
    wippy_value_to_text(wippy_frame_context(frame), text, sizeof(text));
    return CHECK_STR(text, expected);
}

TEST(test_frame_null_is_empty)
{
    const char *const *ids = NULL;
    CHECK_STR(wippy_frame_actor(NULL), "");
    CHECK_EQ_U64(wippy_frame_actor_meta(NULL).size, 0);
    CHECK_EQ_U64(wippy_frame_context(NULL).size, 0);
    CHECK_EQ_INT(wippy_frame_scope(NULL, &ids), 0);
    CHECK(!wippy_frame_has_scope(NULL));
    CHECK(wippy_frame_hold(NULL) == NULL);
    wippy_frame_release(NULL, NULL);
}

TEST(test_frame_child_keeps_what_it_does_not_replace)
{
    static const char *const scope[] = {"app:one", "app:two"};
    const char *const *ids = NULL;
    wippyi_mem mem;
    literal meta, context;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    wippyi_mem_init(&mem, NULL);
    frame_desc(&desc);
    desc.actor_id = "user:1";
    desc.actor_meta = literal_make(&meta, "{role: admin}");
    desc.context = literal_make(&context, "{a: 1, b: {c: 2}}");
    desc.scope = scope;
    desc.scope_count = 2;
    REQUIRE(wippyi_frame_build(&mem, &desc, &base) == WIPPY_OK);
    literal_free(&meta);
    literal_free(&context);
    frame_desc(&desc);
    desc.base = base;
    REQUIRE(wippyi_frame_build(&mem, &desc, &child) == WIPPY_OK);
    wippy_frame_release(NULL, base);
    CHECK_STR(wippy_frame_actor(child), "user:1");
    CHECK(wippyi_bytes_is(wippy_value_string(wippy_frame_actor_meta(child), "role", ""), "admin"));
    CHECK_EQ_INT(wippy_frame_scope(child, &ids), 2);
    CHECK_STR(ids[0], "app:one");
    CHECK_STR(ids[1], "app:two");
    CHECK(wippy_frame_has_scope(child));
    frame_context_is(child, "{\"a\": 1, \"b\": {\"c\": 2}}");
    wippy_frame_release(NULL, child);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

TEST(test_frame_replaces_actor_and_scope)
{
    static const char *const scope[] = {"app:one"};
    wippyi_mem mem;
    literal meta;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    wippyi_mem_init(&mem, NULL);
    frame_desc(&desc);
    desc.actor_id = "user:1";
    desc.actor_meta = literal_make(&meta, "{role: admin}");
    desc.scope = scope;
    desc.scope_count = 1;
    REQUIRE(wippyi_frame_build(&mem, &desc, &base) == WIPPY_OK);
    literal_free(&meta);
    frame_desc(&desc);
    desc.base = base;
    desc.actor_id = "";
    desc.scope = scope; /* with count 0: an empty one */
    REQUIRE(wippyi_frame_build(&mem, &desc, &child) == WIPPY_OK);
    CHECK_STR(wippy_frame_actor(child), "");
    CHECK_EQ_U64(wippy_frame_actor_meta(child).size, 0);
    CHECK(wippy_frame_has_scope(child));
    CHECK_EQ_U64(wippy_frame_scope(child, NULL), 0);
    wippy_frame_release(NULL, child);
    wippy_frame_release(NULL, base);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

TEST(test_frame_context_is_merged_by_key)
{
    wippyi_mem mem;
    literal one, two;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    wippyi_mem_init(&mem, NULL);
    frame_desc(&desc);
    desc.context = literal_make(&one, "{a: 1, b: 2, c: {x: 1}, d: 4}");
    REQUIRE(wippyi_frame_build(&mem, &desc, &base) == WIPPY_OK);
    desc.base = base;
    desc.context = literal_make(&two, "{b: 20, c: {y: 2}, e: 5}");
    REQUIRE(wippyi_frame_build(&mem, &desc, &child) == WIPPY_OK);
    frame_context_is(child, "{\"a\": 1, \"d\": 4, \"b\": 20, \"c\": {\"y\": 2}, \"e\": 5}");
    frame_context_is(base, "{\"a\": 1, \"b\": 2, \"c\": {\"x\": 1}, \"d\": 4}");
    CHECK_EQ_INT(wippy_value_check(wippy_frame_context(child).data,
                                   wippy_frame_context(child).size, 1), WIPPY_OK);
    literal_free(&one);
    literal_free(&two);
    wippy_frame_release(NULL, base);
    wippy_frame_release(NULL, child);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

static wippy_slice frame_shared_map(wippy_writer *w, const char *first, const char *second)
{
    wippy_slice out;
    wippy_write_map(w, 2);
    uint32_t index = w->containers;
    wippy_write_cstring(w, first);
    wippy_write_array(w, 1);
    wippy_write_int(w, 7);
    wippy_write_end(w);
    wippy_write_cstring(w, second);
    wippy_write_ref(w, index);
    wippy_write_end(w);
    CHECK_EQ_INT(wippy_writer_finish(w, &out), WIPPY_OK);
    return out;
}

TEST(test_frame_merge_keeps_shared_containers_or_refuses)
{
    wippyi_mem mem;
    wippy_writer w;
    literal one;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    wippyi_mem_init(&mem, NULL);
    wippyi_writer_init(&w, &mem);
    frame_desc(&desc);
    desc.context = literal_make(&one, "{a: [1], z: {}}");
    REQUIRE(wippyi_frame_build(&mem, &desc, &base) == WIPPY_OK);
    desc.base = base;
    desc.context = frame_shared_map(&w, "p", "q");
    REQUIRE(wippyi_frame_build(&mem, &desc, &child) == WIPPY_OK);
    frame_context_is(child, "{\"a\": [1], \"z\": {}, \"p\": [7], \"q\": \"<ref 3>\"}");
    wippy_frame_release(NULL, base);
    base = child;
    child = NULL;
    desc.base = base;
    literal_free(&one);
    desc.context = literal_make(&one, "{p: 1}"); /* hides what q refers to */
    CHECK_EQ_INT(wippyi_frame_build(&mem, &desc, &child), WIPPY_ERR_INVALID);
    wippy_frame_release(NULL, base);
    literal_free(&one);
    wippy_writer_free(&w);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

TEST(test_frame_refuses_a_context_that_is_no_map)
{
    wippyi_mem mem;
    literal one;
    wippy_frame_desc desc;
    wippy_frame *frame = NULL;
    wippyi_mem_init(&mem, NULL);
    frame_desc(&desc);
    desc.context = literal_make(&one, "[1]");
    CHECK_EQ_INT(wippyi_frame_build(&mem, &desc, &frame), WIPPY_ERR_INVALID);
    desc.context.size = 1; /* cut */
    CHECK_EQ_INT(wippyi_frame_build(&mem, &desc, &frame), WIPPY_ERR_INVALID);
    CHECK(frame == NULL);
    literal_free(&one);
}

TEST(test_frame_trusted_is_not_inherited)
{
    wippyi_mem mem;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    wippyi_mem_init(&mem, NULL);
    REQUIRE(wippyi_frame_trusted(&mem, &base) == WIPPY_OK);
    CHECK(base->trusted);
    frame_desc(&desc);
    desc.base = base;
    REQUIRE(wippyi_frame_build(&mem, &desc, &child) == WIPPY_OK);
    CHECK(!child->trusted);
    wippy_frame_release(NULL, child);
    wippy_frame_release(NULL, base);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
}

static void frame_scenario(test_heap *heap, void *arg)
{
    static const char *const scope[] = {"a:b"};
    wippy_allocator allocator;
    wippyi_mem mem;
    literal one;
    wippy_frame_desc desc;
    wippy_frame *base = NULL;
    wippy_frame *child = NULL;
    (void)arg;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&mem, &allocator);
    char text[900];
    memset(text, 'x', sizeof(text));
    memcpy(text, "{big: '", 7);
    memcpy(text + sizeof(text) - 3, "'}", 3);
    frame_desc(&desc);
    desc.context = literal_make(&one, text);
    desc.scope = scope;
    desc.scope_count = 1;
    wippy_result result = wippyi_frame_build(&mem, &desc, &base);
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    if (result == WIPPY_OK) {
        literal two;
        desc.base = base;
        desc.context = literal_make(&two, "{small: 1}");
        result = wippyi_frame_build(&mem, &desc, &child);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        literal_free(&two);
    }
    literal_free(&one);
    wippy_frame_release(NULL, child);
    wippy_frame_release(NULL, base);
}

TEST(test_frame_without_memory_says_so)
{
    CHECK(test_heap_sweep(frame_scenario, NULL) > 2);
}

TEST_MAIN(TEST_ENTRY(test_frame_null_is_empty),
          TEST_ENTRY(test_frame_child_keeps_what_it_does_not_replace),
          TEST_ENTRY(test_frame_replaces_actor_and_scope),
          TEST_ENTRY(test_frame_context_is_merged_by_key),
          TEST_ENTRY(test_frame_merge_keeps_shared_containers_or_refuses),
          TEST_ENTRY(test_frame_refuses_a_context_that_is_no_map),
          TEST_ENTRY(test_frame_trusted_is_not_inherited),
          TEST_ENTRY(test_frame_without_memory_says_so))
