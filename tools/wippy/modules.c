/* ========================================================================== >>modules
   What Lua gets from the command, when an entry names it in `modules`:

     fs.read(path)         content of a file                           string | nil, error
     fs.list(path)         what is in a directory, sorted by name; or  {{path, type, size}} | nil, error
                           the file itself; type "file", "directory", "link" or "other"
     fs.project()          the project directory, as it was given      string
     console.is_terminal() whether standard output is a terminal       boolean
     console.width()       its columns                                 integer | nil

   Paths are relative to the working directory. fs reads below the project directory, the directories
   of fs.roots in .wippy.yaml, and what was given as an argument; nothing else, symbolic links
   followed. With policies it also needs the right `fs.read` to the path.
   Threads: reading happens on the runtime's blocking threads; no worker waits for a disk. */
#define _POSIX_C_SOURCE  200809L
#define _DEFAULT_SOURCE  1
#define _DARWIN_C_SOURCE 1
#include "command.h"
#include "wippy_lua.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

#define READ_MAX (32L * 1024L * 1024L) /* bytes; a message holds twice that */

/* ---------------------------------------------------------------- what may be read */

static bool add_root(lua_access *access, const char *path)
{
    char *resolved = realpath(path, NULL);
    if (resolved == NULL) {
        return errno != ENOMEM; /* no such path: nothing to allow */
    }
    if (!text_list_add(&access->roots, resolved)) {
        free(resolved);
        return false;
    }
    return true;
}

static bool add_configured(lua_access *access, const char *path)
{
    char full[PATH_MAX];
    if (path[0] == '/') {
        return add_root(access, path);
    }
    int bytes = snprintf(full, sizeof full, "%s/%s", access->project, path);
    return bytes >= (int)sizeof full || add_root(access, full);
}

bool lua_access_open(lua_access *out, const cmd_options *options, const cmd_config *config,
                     const text_list *arguments)
{
    memset(out, 0, sizeof *out);
    out->project = options->directory;
    bool good = add_root(out, options->directory);
    for (size_t i = 0; good && i < config->roots.count; i++) {
        good = add_configured(out, config->roots.items[i]);
    }
    for (size_t i = 0; good && i < arguments->count; i++) {
        good = add_root(out, arguments->items[i]);
    }
    return good;
}

void lua_access_close(lua_access *access)
{
    for (size_t i = 0; i < access->roots.count; i++) {
        free((void *)(uintptr_t)access->roots.items[i]);
    }
    free((void *)access->roots.items);
    memset(access, 0, sizeof *access);
}

static bool is_inside(const lua_access *access, const char *resolved)
{
    for (size_t i = 0; i < access->roots.count; i++) {
        const char *root = access->roots.items[i];
        size_t bytes = strlen(root);
        if (bytes == 1 || (strncmp(resolved, root, bytes) == 0 &&
                           (resolved[bytes] == 0 || resolved[bytes] == '/'))) {
            return true;
        }
    }
    return false;
}

/* Nothing is there: may the caller know? Only if what is there above it may be read. */
static bool may_know(const lua_access *access, const char *path)
{
    char above[PATH_MAX];
    char resolved[PATH_MAX];
    snprintf(above, sizeof above, "%s", path);
    for (;;) {
        char *slash = strrchr(above, '/');
        if (slash == NULL) {
            return realpath(".", resolved) != NULL && is_inside(access, resolved);
        }
        *slash = 0;
        if (realpath(above[0] == 0 ? "/" : above, resolved) != NULL) {
            return is_inside(access, resolved);
        }
    }
}

/* ---------------------------------------------------------------- the work */

typedef struct fs_job {
    const lua_access *access;
    bool list;
    char *path; /* behind this struct */
} fs_job;

static wippy_result refuse(wippy_writer *out, wippy_result result, const char *path,
                           const char *reason)
{
    char message[PATH_MAX + 128];
    const char *kind = wippy_result_kind(result);
    int bytes = snprintf(message, sizeof message, "%s: %s", path, reason);
    wippy_write_error(out, kind, strlen(kind), message, (size_t)bytes, 0);
    wippy_write_end(out);
    return result;
}

static wippy_result refuse_errno(wippy_writer *out, const char *path)
{
    int code = errno;
    wippy_result result = code == ENOENT || code == ENOTDIR ? WIPPY_ERR_NOTFOUND
                          : code == EACCES                  ? WIPPY_ERR_DENIED
                                                            : WIPPY_ERR_IO;
    return refuse(out, result, path, strerror(code));
}

/* `a/./b/../c//d` to `a/c/d`, as far as that needs no look at the disk. */
static void clean_path(char *path)
{
    char *out = path;
    const char *at = path;
    bool absolute = *at == '/';
    size_t kept = 0; /* components that `..` may take back */
    while (*at == '/') {
        at++;
    }
    out += absolute ? 1 : 0;
    char *first = out;
    while (*at != 0) {
        size_t bytes = strcspn(at, "/");
        bool up = bytes == 2 && at[0] == '.' && at[1] == '.';
        if (up && kept > 0) {
            kept--;
            do {
                out--;
            } while (out > first && *out != '/');
        } else if (!(bytes == 1 && at[0] == '.') && !(up && absolute)) {
            if (out > first) {
                *out++ = '/';
            }
            memmove(out, at, bytes);
            out += bytes;
            kept += up ? 0 : 1;
        }
        at += bytes;
        at += strspn(at, "/");
    }
    if (out == path) {
        *out++ = '.';
    }
    *out = 0;
}

static wippy_result read_open(int descriptor, const char *path, wippy_writer *out)
{
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) {
        return refuse_errno(out, path);
    }
    if (!S_ISREG(facts.st_mode)) {
        return refuse(out, WIPPY_ERR_INVALID, path, "not a regular file");
    }
    if (facts.st_size > READ_MAX) {
        return refuse(out, WIPPY_ERR_LIMIT, path, "larger than 32 MiB");
    }
    size_t room = (size_t)facts.st_size;
    char *text = (char *)malloc(room + 1);
    size_t size = 0;
    ssize_t bytes = 1;
    while (text != NULL && size < room && bytes > 0) {
        bytes = read(descriptor, text + size, room - size);
        size += bytes > 0 ? (size_t)bytes : 0;
    }
    if (text == NULL || bytes < 0) {
        free(text);
        return text == NULL ? refuse(out, WIPPY_ERR_NOMEM, path, "out of memory")
                            : refuse_errno(out, path);
    }
    wippy_write_string(out, text, size);
    free(text);
    return WIPPY_OK;
}

static wippy_result read_file(const char *path, const char *resolved, wippy_writer *out)
{
    int descriptor = open(resolved, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) {
        return refuse_errno(out, path);
    }
    wippy_result result = read_open(descriptor, path, out);
    close(descriptor);
    return result;
}

static void write_item(wippy_writer *out, const char *path, const struct stat *facts)
{
    wippy_write_map(out, 3);
    wippy_write_cstring(out, "path");
    wippy_write_cstring(out, path);
    wippy_write_cstring(out, "type");
    wippy_write_cstring(out, S_ISREG(facts->st_mode)   ? "file"
                             : S_ISDIR(facts->st_mode) ? "directory"
                             : S_ISLNK(facts->st_mode) ? "link"
                                                       : "other");
    wippy_write_cstring(out, "size");
    wippy_write_int(out, (int64_t)facts->st_size);
    wippy_write_end(out);
}

static int is_visible(const struct dirent *item)
{
    return strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
}

static wippy_result list_directory(const char *path, const char *resolved, wippy_writer *out)
{
    struct dirent **items = NULL;
    int count = scandir(resolved, &items, is_visible, alphasort);
    if (count < 0) {
        return refuse_errno(out, path);
    }
    wippy_write_array(out, (size_t)count);
    for (int i = 0; i < count; i++) {
        char full[PATH_MAX];
        char shown[PATH_MAX];
        struct stat facts;
        int bytes = snprintf(full, sizeof full, "%s/%s", resolved, items[i]->d_name);
        int visible = snprintf(shown, sizeof shown, "%s/%s", path, items[i]->d_name);
        if (bytes < (int)sizeof full && visible < (int)sizeof shown && lstat(full, &facts) == 0) {
            clean_path(shown);
            write_item(out, shown, &facts);
        }
        free(items[i]);
    }
    free((void *)items);
    wippy_write_end(out);
    return WIPPY_OK;
}

static wippy_result list_path(fs_job *job, const char *resolved, wippy_writer *out)
{
    struct stat facts;
    if (stat(resolved, &facts) != 0) {
        return refuse_errno(out, job->path);
    }
    if (S_ISDIR(facts.st_mode)) {
        return list_directory(job->path, resolved, out);
    }
    wippy_write_array(out, 1);
    clean_path(job->path);
    write_item(out, job->path, &facts);
    wippy_write_end(out);
    return WIPPY_OK;
}

/* On a blocking thread. */
static wippy_result work(void *argument, wippy_writer *out)
{
    fs_job *job = (fs_job *)argument;
    char resolved[PATH_MAX];
    if (realpath(job->path, resolved) == NULL) {
        int code = errno;
        if (!may_know(job->access, job->path)) {
            return refuse(out, WIPPY_ERR_DENIED, job->path, "not allowed to read");
        }
        errno = code;
        return refuse_errno(out, job->path);
    }
    if (!is_inside(job->access, resolved)) {
        return refuse(out, WIPPY_ERR_DENIED, job->path, "not allowed to read");
    }
    return job->list ? list_path(job, resolved, out) : read_file(job->path, resolved, out);
}

/* ---------------------------------------------------------------- fs */

static int answer(lua_State *L, const wippy_mail *mail, void *argument)
{
    (void)argument;
    if (mail->result != WIPPY_OK && mail->count == 0) {
        return wippy_lua_fail(L, (wippy_result)mail->result);
    }
    if (mail->result != WIPPY_OK) {
        lua_pushnil(L);
    }
    wippy_lua_decode(L, wippy_mail_data(mail), mail->size, mail->count);
    return mail->result == WIPPY_OK ? 1 : 2;
}

static int ask(lua_State *L, const char *name, bool list)
{
    size_t bytes = 0;
    const char *path = luaL_checklstring(L, 1, &bytes);
    luaL_argcheck(L, bytes > 0 && bytes < PATH_MAX && strlen(path) == bytes, 1, "not a path");
    wippy_self *self = wippy_lua_self(L);
    wippy_slice none = {NULL, 0};
    if (!wippy_allowed(self, "fs.read", path, none)) {
        return wippy_lua_fail(L, WIPPY_ERR_DENIED);
    }
    uint64_t tag = wippy_lua_wait_tag(L, name);
    fs_job *job = (fs_job *)malloc(sizeof *job + bytes + 1);
    if (job == NULL) {
        return wippy_lua_fail(L, WIPPY_ERR_NOMEM);
    }
    job->access = (const lua_access *)wippy_lua_user_data(L, "fs");
    job->list = list;
    job->path = (char *)(job + 1);
    memcpy(job->path, path, bytes + 1);
    wippy_result result = wippy_blocking(self, work, job, free, tag, NULL);
    if (result != WIPPY_PENDING) {
        free(job);
        return wippy_lua_fail(L, result);
    }
    return wippy_lua_wait(L, answer, NULL);
}

static int fs_read(lua_State *L)
{
    return ask(L, "fs.read", false);
}

static int fs_list(lua_State *L)
{
    return ask(L, "fs.list", true);
}

static int fs_project(lua_State *L)
{
    const lua_access *access = (const lua_access *)wippy_lua_user_data(L, "fs");
    lua_pushstring(L, access->project);
    return 1;
}

/* ---------------------------------------------------------------- console */

static int console_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(STDOUT_FILENO));
    return 1;
}

static int console_width(lua_State *L)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        lua_pushinteger(L, size.ws_col);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static const wippy_lua_function fs_functions[] = {
    {"list", fs_list},
    {"project", fs_project},
    {"read", fs_read},
};

static const wippy_lua_function console_functions[] = {
    {"is_terminal", console_is_terminal},
    {"width", console_width},
};

static wippy_result add_module(wippy_runtime *rt, const char *name,
                               const wippy_lua_function *functions, size_t count, void *user_data)
{
    wippy_lua_module_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.name = name;
    desc.functions = functions;
    desc.function_count = (uint32_t)count;
    desc.user_data = user_data;
    return wippy_lua_module(rt, &desc);
}

wippy_result modules_register(wippy_runtime *rt, lua_access *access)
{
    wippy_result result =
        add_module(rt, "fs", fs_functions, sizeof fs_functions / sizeof fs_functions[0], access);
    if (result != WIPPY_OK) {
        return result;
    }
    return add_module(rt, "console", console_functions,
                      sizeof console_functions / sizeof console_functions[0], NULL);
}
