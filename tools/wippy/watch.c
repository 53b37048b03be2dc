/* ========================================================================== >>watch
   Have the files of a project changed? A look walks the directories and makes one number of the names,
   sizes and times it finds; two looks that give the same number saw the same. On Linux inotify says when
   a look is worth it; elsewhere somebody looks from time to time.
   One thread.  Holds: a descriptor, the names of the roots. */
#define _GNU_SOURCE /* stat times, inotify */
#include "command.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>
#endif

#define DEPTH_MAX 32
#define PATH_ROOM 4096
#define NAMES_MAX 100000 /* looked at: ends circles of links */

/* ---------------------------------------------------------------- the platform */

#ifdef __linux__

static int notify_open(void)
{
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

/* A directory that is watched already is not watched twice. */
static void notify_directory(int descriptor, const char *path)
{
    const uint32_t events = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                            IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    (void)inotify_add_watch(descriptor, path, events);
}

#else

static int notify_open(void)
{
    return -1;
}

static void notify_directory(int descriptor, const char *path)
{
    (void)descriptor;
    (void)path;
}

#endif

static uint64_t time_ns(const struct stat *info)
{
#ifdef __APPLE__
    return (uint64_t)info->st_mtimespec.tv_sec * 1000000000u + (uint64_t)info->st_mtimespec.tv_nsec;
#else
    return (uint64_t)info->st_mtim.tv_sec * 1000000000u + (uint64_t)info->st_mtim.tv_nsec;
#endif
}

/* ---------------------------------------------------------------- looking */

typedef struct look {
    file_watch *watch;
    uint32_t names;
    uint64_t sum; /* of the hashes of all files: the order of a directory does not count */
    char path[PATH_ROOM];
} look;

static uint64_t mix(uint64_t hash, const void *data, size_t bytes) /* FNV-1a */
{
    const unsigned char *at = (const unsigned char *)data;
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

static void look_at_file(look *l, const struct stat *info)
{
    uint64_t facts[3];
    facts[0] = (uint64_t)info->st_size;
    facts[1] = time_ns(info);
    facts[2] = (uint64_t)info->st_ino;
    uint64_t hash = mix(0xcbf29ce484222325u, l->path, strlen(l->path));
    l->sum += mix(hash, facts, sizeof facts);
}

/* Hidden names are editors' and version control's, but for the project's own. */
static bool is_skipped(const char *name)
{
    return (name[0] == '.' && strcmp(name, ".wippy") != 0) || strcmp(name, "node_modules") == 0;
}

static void look_at_directory(look *l, int depth);

static void look_at_name(look *l, const char *name, int depth)
{
    struct stat info;
    size_t bytes = strlen(l->path);
    if (bytes + strlen(name) + 2 > sizeof l->path || is_skipped(name) || ++l->names > NAMES_MAX) {
        return;
    }
    snprintf(l->path + bytes, sizeof l->path - bytes, "/%s", name);
    if (stat(l->path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            look_at_directory(l, depth + 1);
        } else if (S_ISREG(info.st_mode)) {
            look_at_file(l, &info);
        }
    }
    l->path[bytes] = 0;
}

static void look_at_directory(look *l, int depth)
{
    DIR *directory = depth < DEPTH_MAX ? opendir(l->path) : NULL;
    if (directory == NULL) {
        return;
    }
    if (l->watch->notify >= 0) {
        notify_directory(l->watch->notify, l->path);
    }
    for (struct dirent *item = readdir(directory); item != NULL; item = readdir(directory)) {
        look_at_name(l, item->d_name, depth);
    }
    closedir(directory);
}

/* ---------------------------------------------------------------- for run.c and signals.c */

void file_watch_open(file_watch *watch)
{
    memset(watch, 0, sizeof *watch);
    watch->notify = notify_open();
}

void file_watch_close(file_watch *watch)
{
    for (size_t i = 0; i < watch->roots.count; i++) {
        free((void *)(uintptr_t)watch->roots.items[i]);
    }
    free((void *)watch->roots.items);
    if (watch->roots.count > 0 && watch->notify >= 0) {
        close(watch->notify);
    }
    memset(watch, 0, sizeof *watch);
}

bool file_watch_add(file_watch *watch, const char *directory)
{
    for (size_t i = 0; i < watch->roots.count; i++) {
        if (strcmp(watch->roots.items[i], directory) == 0) {
            return true;
        }
    }
    char *copy = (char *)malloc(strlen(directory) + 1);
    if (copy == NULL) {
        return false;
    }
    strcpy(copy, directory);
    if (!text_list_add(&watch->roots, copy)) {
        free(copy);
        return false;
    }
    return true;
}

bool file_watch_changed(file_watch *watch)
{
    look l;
    l.watch = watch;
    l.names = 0;
    l.sum = 0;
    for (size_t i = 0; i < watch->roots.count; i++) {
        snprintf(l.path, sizeof l.path, "%s", watch->roots.items[i]);
        look_at_directory(&l, 0);
    }
    bool changed = l.sum != watch->seen;
    watch->seen = l.sum;
    return changed;
}

void file_watch_drain(int descriptor)
{
    char room[4096];
    while (read(descriptor, room, sizeof room) > 0) {
    }
}
