/* Shared by test_table_stb_before and test_table_stb_after. */
#if __SIZEOF_POINTER__ == 8 /* elsewhere stb_ds refuses it */
#define STBDS_SIPHASH_2_4 /* the program's choices stay the program's */
#endif
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#if (__SIZEOF_POINTER__ == 8 && !defined(STBDS_SIPHASH_2_4)) || defined(STBDS_STATISTICS)
#error "wippy.h changed how the program configures stb_ds"
#endif
#if defined(STB_AFTER)
#if defined(INCLUDE_STB_DS_H) || defined(stbds_header) || defined(STBDS_REALLOC) ||               \
    defined(stbds_arrgrowf) || defined(STB_DS_IMPLEMENTATION)
#error "wippy.h leaves traces of its stb_ds"
#endif
#define STB_DS_IMPLEMENTATION
#if __has_include(<stb_ds.h>)
#include <stb_ds.h>
#else
#include <stb/stb_ds.h>
#endif
#elif !defined(INCLUDE_STB_DS_H) || !defined(stbds_header) || !defined(STB_DS_IMPLEMENTATION) ||   \
    !defined(shput)
#error "wippy.h took the program's stb_ds away"
#endif

#include "../test.h"

/* Theirs allocates by realloc, ours through the runtime's allocator. */
TEST(test_table_and_the_programs_stb_ds_work_side_by_side)
{
    struct pair {
        const char *key;
        int value;
    } *theirs = NULL; /* by text: maps by number need typeof, which a strict -std=c11 lacks */
    int *numbers = NULL;
    static char names[100][8];
    test_heap heap;
    wippy_allocator allocator;
    wippyi_mem mem;
    wippyi_intmap ours;
    test_heap_init(&heap);
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &heap;
    wippyi_mem_init(&mem, &allocator);
    wippyi_intmap_init(&ours, &mem);
    for (int i = 0; i < 100; i++) {
        uint64_t count = heap.alloc_count;
        snprintf(names[i], sizeof(names[i]), "%d", i);
        shput(theirs, names[i], i * 2);
        arrput(numbers, i);
        CHECK_EQ_U64(heap.alloc_count, count);
        CHECK_EQ_INT(wippyi_intmap_put(&ours, (uint64_t)i, NULL), WIPPY_OK);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_EQ_INT(shget(theirs, names[i]), i * 2);
        CHECK_EQ_INT(numbers[i], i);
        CHECK(wippyi_intmap_find(&ours, (uint64_t)i) != NULL);
    }
    CHECK_EQ_INT(shlen(theirs), 100);
    CHECK_EQ_INT(arrlen(numbers), 100);
    shfree(theirs);
    arrfree(numbers);
    wippyi_intmap_destroy(&ours);
    CHECK_BALANCED(&heap);
}

TEST_MAIN(TEST_ENTRY(test_table_and_the_programs_stb_ds_work_side_by_side))
