/* Whole files are replaced or left alone; directories above them are made. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <signal.h>
#include <sys/resource.h>

#define ROOM 256

typedef struct place {
    test_heap heap;
    wippyi_mem mem;
    wippy_diag diag;
    char root[64];
    char path[ROOM];
} place;

static bool place_open(place *p)
{
    wippy_allocator allocator;
    memset(p, 0, sizeof(*p));
    memset(&allocator, 0, sizeof(allocator));
    test_heap_init(&p->heap);
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &p->heap;
    wippyi_mem_init(&p->mem, &allocator);
    strcpy(p->root, "/tmp/wippy-filewrite-XXXXXX");
    return mkdtemp(p->root) != NULL;
}

static void place_close(place *p)
{
    char command[ROOM];
    snprintf(command, sizeof(command), "rm -rf '%s'", p->root);
    CHECK_EQ_INT(system(command), 0);
    CHECK_BALANCED(&p->heap);
}

static const char *at(place *p, const char *name)
{
    snprintf(p->path, sizeof(p->path), "%s/%s", p->root, name);
    return p->path;
}

static wippy_result put(place *p, const char *name, const char *text)
{
    memset(&p->diag, 0, sizeof(p->diag));
    return wippyi_file_write(&p->mem, at(p, name), text, strlen(text), 0640, &p->diag);
}

static const char *get(place *p, const char *name)
{
    static char text[64];
    FILE *file = fopen(at(p, name), "rb");
    if (file == NULL) {
        return "(none)";
    }
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

TEST(test_filewrite_replaces_content_and_keeps_permissions)
{
    place p;
    struct stat info;
    REQUIRE(place_open(&p));
    CHECK_EQ_INT(put(&p, "a", "first"), WIPPY_OK);
    REQUIRE(stat(at(&p, "a"), &info) == 0);
    CHECK_EQ_INT(info.st_mode & 07777, 0640);
    CHECK_EQ_INT(chmod(at(&p, "a"), 0604), 0);
    CHECK_EQ_INT(put(&p, "a", "second"), WIPPY_OK);
    CHECK_STR(get(&p, "a"), "second");
    CHECK_EQ_INT(put(&p, "a", ""), WIPPY_OK);
    CHECK_STR(get(&p, "a"), "");
    REQUIRE(stat(at(&p, "a"), &info) == 0);
    CHECK_EQ_INT(info.st_mode & 07777, 0604);
    CHECK_STR(get(&p, "a.new"), "(none)");
    place_close(&p);
}

TEST(test_filewrite_names_what_is_in_the_way)
{
    place p;
    REQUIRE(place_open(&p));
    CHECK_EQ_INT(put(&p, "file", "old"), WIPPY_OK);
    CHECK_EQ_INT(put(&p, "none/a", "x"), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(p.diag.code, WIPPY_ERR_NOTFOUND);
    CHECK_STR(p.diag.file, at(&p, "none/a"));
    CHECK(strstr(p.diag.message, "none/a: no such file or directory") != NULL);
    CHECK_EQ_INT(put(&p, "file/a", "x"), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(mkdir(at(&p, "directory"), 0755), 0);
    CHECK_EQ_INT(put(&p, "directory", "x"), WIPPY_ERR_IO);
    CHECK(strstr(p.diag.message, "directory: input or output failed") != NULL);
    CHECK_STR(get(&p, "directory.new"), "(none)");
    CHECK_EQ_INT(wippyi_file_write(&p.mem, at(&p, "none/a"), "x", 1, 0640, NULL), WIPPY_ERR_NOTFOUND);
    CHECK_STR(get(&p, "file"), "old");
    place_close(&p);
}

TEST(test_filewrite_leaves_the_old_content_when_the_disk_is_full)
{
    place p;
    struct rlimit old, small;
    char text[256];
    REQUIRE(place_open(&p));
    CHECK_EQ_INT(put(&p, "a", "old"), WIPPY_OK);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old;
    small.rlim_cur = 100; /* a write that goes on past it fails, after a short one */
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    wippy_result result = put(&p, "a", text);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_EQ_INT(result, WIPPY_ERR_IO);
    CHECK_STR(get(&p, "a"), "old");
    CHECK_STR(get(&p, "a.new"), "(none)");
    place_close(&p);
}

TEST(test_filewrite_without_permission_is_denied)
{
    place p;
    REQUIRE(place_open(&p));
    if (geteuid() == 0) { /* permissions do not stop root; /proc does */
        CHECK_EQ_INT(wippyi_file_write(&p.mem, "/proc/self/status", "x", 1, 0640, &p.diag),
                     WIPPY_ERR_NOTFOUND);
    } else {
        CHECK_EQ_INT(chmod(p.root, 0500), 0);
        CHECK_EQ_INT(put(&p, "a", "x"), WIPPY_ERR_DENIED);
        CHECK(strstr(p.diag.message, "permission denied") != NULL);
        CHECK_EQ_INT(chmod(p.root, 0700), 0);
    }
    place_close(&p);
}

TEST(test_filewrite_makes_room)
{
    place p;
    struct stat info;
    REQUIRE(place_open(&p));
    for (int twice = 0; twice < 2; twice++) {
        CHECK_EQ_INT(wippyi_file_make_room(&p.mem, at(&p, "a/b/c"), 0755, &p.diag), WIPPY_OK);
    }
    CHECK(stat(at(&p, "a/b"), &info) == 0 && S_ISDIR(info.st_mode));
    CHECK(stat(at(&p, "a/b/c"), &info) != 0);
    CHECK_EQ_INT(wippyi_file_make_room(&p.mem, "", 0755, &p.diag), WIPPY_OK);
    CHECK_EQ_INT(wippyi_file_make_room(&p.mem, "relative", 0755, &p.diag), WIPPY_OK);
    CHECK_EQ_INT(put(&p, "file", "x"), WIPPY_OK);
    CHECK_EQ_INT(wippyi_file_make_room(&p.mem, at(&p, "file/b/c"), 0755, &p.diag),
                 WIPPY_ERR_NOTFOUND);
    CHECK(strstr(p.diag.message, "file/b: no such file or directory") != NULL);
    place_close(&p);
}

TEST(test_filewrite_without_memory_changes_nothing)
{
    place p;
    REQUIRE(place_open(&p));
    CHECK_EQ_INT(put(&p, "a", "old"), WIPPY_OK);
    test_heap_fail(&p.heap, 1, false);
    CHECK_EQ_INT(put(&p, "a", "new"), WIPPY_ERR_NOMEM);
    test_heap_fail(&p.heap, 1, false);
    CHECK_EQ_INT(wippyi_file_make_room(&p.mem, at(&p, "b/c"), 0755, NULL), WIPPY_ERR_NOMEM);
    CHECK_STR(get(&p, "a"), "old");
    place_close(&p);
}

TEST_MAIN(TEST_ENTRY(test_filewrite_replaces_content_and_keeps_permissions),
          TEST_ENTRY(test_filewrite_names_what_is_in_the_way),
          TEST_ENTRY(test_filewrite_leaves_the_old_content_when_the_disk_is_full),
          TEST_ENTRY(test_filewrite_without_permission_is_denied), TEST_ENTRY(test_filewrite_makes_room),
          TEST_ENTRY(test_filewrite_without_memory_changes_nothing))
