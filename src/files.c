/* ========================================================================== >>files
   Files, directories and paths: the bodies of those functions of platform.h.
   Any thread.  Locks: none.  Allocates: through the wippyi_mem that is given.
   Holds: after a failure nothing is left to free. */
#include "platform.h"

#include <string.h>

#if WIPPYI_OS_WINDOWS
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

/* Text copy that ends with NUL; when cut, the end is kept: that part of a path tells most. */
static void wippyi_diag_copy(char *out, size_t room, const char *text)
{
    size_t size = strlen(text);
    if (size >= room) {
        text += size - (room - 1);
        size = room - 1;
    }
    memcpy(out, text, size);
    out[size] = '\0';
}

static void wippyi_diag_append(wippy_diag *diag, const char *text)
{
    size_t used = strlen(diag->message);
    wippyi_diag_copy(diag->message + used, sizeof(diag->message) - used, text);
}

/* Fill a diagnostic: "cannot <verb>: <reason>". */
static wippy_result wippyi_file_fail(wippy_diag *diag, wippy_result code, const char *verb,
                                     const char *path, const char *reason)
{
    if (diag != NULL) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        wippyi_diag_copy(diag->file, sizeof(diag->file), path);
        wippyi_diag_append(diag, "cannot ");
        wippyi_diag_append(diag, verb);
        wippyi_diag_append(diag, ": ");
        wippyi_diag_append(diag, reason);
    }
    return code;
}

typedef struct wippyi_file_error {
    long number;
    wippy_result code;
    const char *reason;
} wippyi_file_error;

/* Own texts: strerror is not thread safe, and its safe relatives differ between systems. */
static const wippyi_file_error wippyi_file_errors[] = {
#if WIPPYI_OS_WINDOWS
    {ERROR_FILE_NOT_FOUND, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ERROR_PATH_NOT_FOUND, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ERROR_INVALID_NAME, WIPPY_ERR_NOTFOUND, "not a file name"},
    {ERROR_ACCESS_DENIED, WIPPY_ERR_DENIED, "permission denied, or a directory"},
    {ERROR_SHARING_VIOLATION, WIPPY_ERR_BUSY, "in use by another program"},
    {ERROR_DIRECTORY, WIPPY_ERR_IO, "not a directory"},
    {ERROR_TOO_MANY_OPEN_FILES, WIPPY_ERR_IO, "too many open files"},
    {ERROR_NOT_ENOUGH_MEMORY, WIPPY_ERR_NOMEM, "out of memory"},
#else
    {ENOENT, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ENOTDIR, WIPPY_ERR_NOTFOUND, "a part of the path is not a directory"},
    {EACCES, WIPPY_ERR_DENIED, "permission denied"},
    {EPERM, WIPPY_ERR_DENIED, "operation not permitted"},
    {EISDIR, WIPPY_ERR_IO, "it is a directory"},
    {ELOOP, WIPPY_ERR_IO, "too many symbolic links"},
    {ENAMETOOLONG, WIPPY_ERR_IO, "the path is too long"},
    {EMFILE, WIPPY_ERR_IO, "too many open files in this program"},
    {ENFILE, WIPPY_ERR_IO, "too many open files in the system"},
    {EIO, WIPPY_ERR_IO, "input/output error of the device"},
    {ENOMEM, WIPPY_ERR_NOMEM, "out of memory"},
#endif
};

/* Decimal digits of an error number; text has room for 24. */
static void wippyi_error_number(char *text, long number)
{
    char digits[24];
    size_t count = 0;
    memcpy(text, "error ", 6);
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 && count < 12);
    for (size_t i = 0; i < count; i++) {
        text[6 + i] = digits[count - 1 - i];
    }
    text[6 + count] = '\0';
}

static wippy_result wippyi_file_fail_number(wippy_diag *diag, const char *verb, const char *path,
                                            long number)
{
    char reason[24];
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_file_errors); i++) {
        const wippyi_file_error *error = &wippyi_file_errors[i];
        if (error->number == number) {
            return wippyi_file_fail(diag, error->code, verb, path, error->reason);
        }
    }
    wippyi_error_number(reason, number);
    return wippyi_file_fail(diag, WIPPY_ERR_IO, verb, path, reason);
}

/* A file being read: the bytes so far and the room for them. */
typedef struct wippyi_file_buffer {
    struct wippyi_mem *mem;
    char *bytes;
    size_t size;
    size_t room;
    size_t limit; /* bytes a file may have */
} wippyi_file_buffer;

/* Ends with `room` exactly: callers free size + 1. */
static wippy_result wippyi_file_resize(wippyi_file_buffer *b, size_t room)
{
    if (room != b->room) {
        char *bytes = (char *)wippyi_mem_resize(b->mem, b->bytes, b->room, room);
        if (bytes == NULL) {
            return WIPPY_ERR_NOMEM;
        }
        b->bytes = bytes;
        b->room = room;
    }
    return WIPPY_OK;
}

/* One byte more than the limit is read at most: it tells that there is more. */
static wippy_result wippyi_file_grow(wippyi_file_buffer *b)
{
    size_t most = b->limit < SIZE_MAX - 1 ? b->limit + 1 : SIZE_MAX - 1;
    size_t room = b->room < most / 2 ? b->room * 2 : most;
    room = WIPPYI_MIN(WIPPYI_MAX(room, 4096u), most);
    return room > b->room ? wippyi_file_resize(b, room) : WIPPY_ERR_LIMIT;
}

#if WIPPYI_OS_WINDOWS

/* Files are opened by UTF-16 names. NULL: out of memory or not UTF-8; *size is in bytes. */
static wchar_t *wippyi_wide_path(struct wippyi_mem *mem, const char *path, const char *suffix,
                                 size_t *size)
{
    int path_count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (path_count <= 0) {
        return NULL;
    }
    size_t suffix_count = strlen(suffix);
    *size = ((size_t)path_count + suffix_count) * sizeof(wchar_t);
    wchar_t *wide = (wchar_t *)wippyi_mem_alloc(mem, *size);
    if (wide == NULL) {
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, path_count);
    for (size_t i = 0; i <= suffix_count; i++) {
        wide[(size_t)path_count - 1 + i] = (wchar_t)suffix[i];
    }
    return wide;
}

static long wippyi_file_load(HANDLE file, wippyi_file_buffer *b, wippy_result *result)
{
    for (;;) {
        DWORD got = 0;
        if (b->size == b->room) {
            *result = wippyi_file_grow(b);
            if (*result != WIPPY_OK) {
                return 0;
            }
        }
        DWORD wanted = (DWORD)WIPPYI_MIN(b->room - b->size, (size_t)0x40000000);
        if (!ReadFile(file, b->bytes + b->size, wanted, &got, NULL)) {
            return (long)GetLastError();
        }
        if (got == 0) {
            return 0;
        }
        b->size += got;
    }
}

/* Returns an error number of the system, or 0 with *result. */
static long wippyi_file_fetch(const char *path, wippyi_file_buffer *b, wippy_result *result)
{
    size_t wide_size = 0;
    wchar_t *wide = wippyi_wide_path(b->mem, path, "", &wide_size);
    if (wide == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    long failed = file == INVALID_HANDLE_VALUE ? (long)GetLastError() : 0;
    wippyi_mem_free(b->mem, wide, wide_size);
    if (failed == 0) {
        failed = wippyi_file_load(file, b, result);
        CloseHandle(file);
    }
    return failed;
}

#else

static int wippyi_file_open(const char *path, int flags)
{
    int fd;
    do {
        fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Read to the end; the size that fstat tells is only a first guess (pipes, /proc, growing files).
   Returns an error number of the system, or 0 with *result. */
static long wippyi_file_load(int fd, wippyi_file_buffer *b, wippy_result *result)
{
    for (;;) {
        if (b->size == b->room) {
            *result = wippyi_file_grow(b);
            if (*result != WIPPY_OK) {
                return 0;
            }
        }
        ssize_t got = read(fd, b->bytes + b->size, b->room - b->size);
        if (got == 0) {
            return 0;
        }
        if (got > 0) {
            b->size += (size_t)got;
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

static void wippyi_file_guess(int fd, wippyi_file_buffer *b, wippy_result *result)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0) {
        uint64_t size = (uint64_t)info.st_size;
        if (size > b->limit) {
            *result = WIPPY_ERR_LIMIT;
        } else if (size < SIZE_MAX / 2) {
            *result = wippyi_file_resize(b, (size_t)size + 1);
        }
    }
}

static long wippyi_file_fetch(const char *path, wippyi_file_buffer *b, wippy_result *result)
{
    int fd = wippyi_file_open(path, 0);
    if (fd < 0) {
        return errno;
    }
    long failed = 0;
    wippyi_file_guess(fd, b, result);
    if (*result == WIPPY_OK) {
        failed = wippyi_file_load(fd, b, result);
    }
    close(fd);
    return failed;
}

#endif

static wippy_result wippyi_file_finish(wippyi_file_buffer *b)
{
    if (b->size > b->limit) {
        return WIPPY_ERR_LIMIT;
    }
    wippy_result result = wippyi_file_resize(b, b->size + 1);
    if (result == WIPPY_OK) {
        b->bytes[b->size] = '\0';
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_file_read(struct wippyi_mem *mem, const char *path, size_t max_bytes,
                                        char **out, size_t *out_size, wippy_diag *diag)
{
    wippyi_file_buffer b;
    wippy_result result = WIPPY_OK;
    memset(&b, 0, sizeof(b));
    b.mem = mem;
    b.limit = max_bytes;
    long failed = wippyi_file_fetch(path, &b, &result);
    if (failed == 0 && result == WIPPY_OK) {
        result = wippyi_file_finish(&b);
    }
    if (failed == 0 && result == WIPPY_OK) {
        *out = b.bytes;
        *out_size = b.size;
        return WIPPY_OK;
    }
    wippyi_mem_free(mem, b.bytes, b.room);
    if (failed != 0) {
        return wippyi_file_fail_number(diag, "read the file", path, failed);
    }
    return wippyi_file_fail(diag, result, "read the file", path,
                            result == WIPPY_ERR_LIMIT ? "it is larger than allowed"
                                                      : "out of memory");
}

/* ---- directories ---- */

static bool wippyi_dir_reserve(struct wippyi_mem *mem, wippyi_dir *dir)
{
    if (dir->count < dir->room) {
        return true;
    }
    size_t room = dir->room > 0 ? dir->room * 2 : 16;
    wippyi_dir_entry *entries = (wippyi_dir_entry *)wippyi_mem_resize(
        mem, dir->entries, dir->room * sizeof(*entries), room * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    dir->entries = entries;
    dir->room = room;
    return true;
}

/* Where a name belongs. */
static size_t wippyi_dir_place(const wippyi_dir *dir, const char *name)
{
    size_t low = 0;
    size_t high = dir->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(dir->entries[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Insert in order: the C library's sort may allocate behind our back. */
static bool wippyi_dir_add(struct wippyi_mem *mem, wippyi_dir *dir, const char *name, bool is_dir)
{
    if (!wippyi_dir_reserve(mem, dir)) {
        return false;
    }
    size_t size = strlen(name);
    char *copy = (char *)wippyi_mem_alloc(mem, size + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, name, size + 1);
    size_t place = wippyi_dir_place(dir, name);
    memmove(dir->entries + place + 1, dir->entries + place,
            (dir->count - place) * sizeof(*dir->entries));
    dir->entries[place].name = copy;
    dir->entries[place].name_size = size;
    dir->entries[place].is_dir = is_dir;
    dir->count++;
    return true;
}

static bool wippyi_dir_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

WIPPYI_FN void wippyi_dir_free(struct wippyi_mem *mem, wippyi_dir *dir)
{
    for (size_t i = 0; i < dir->count; i++) {
        wippyi_mem_free(mem, dir->entries[i].name, dir->entries[i].name_size + 1);
    }
    wippyi_mem_free(mem, dir->entries, dir->room * sizeof(*dir->entries));
    memset(dir, 0, sizeof(*dir));
}

#if WIPPYI_OS_WINDOWS

static long wippyi_dir_load(struct wippyi_mem *mem, const char *path, wippyi_dir *dir)
{
    WIN32_FIND_DATAW found;
    size_t wide_size = 0;
    long failed = 0;
    wchar_t *wide = wippyi_wide_path(mem, path, "\\*", &wide_size);
    if (wide == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    HANDLE search = FindFirstFileW(wide, &found);
    failed = search == INVALID_HANDLE_VALUE ? (long)GetLastError() : 0;
    wippyi_mem_free(mem, wide, wide_size);
    while (failed == 0) {
        char name[MAX_PATH * 3 + 1];
        bool is_dir = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
        WideCharToMultiByte(CP_UTF8, 0, found.cFileName, -1, name, (int)sizeof(name), NULL, NULL);
        if (!wippyi_dir_is_dots(name) && !wippyi_dir_add(mem, dir, name, is_dir)) {
            failed = ERROR_NOT_ENOUGH_MEMORY;
        } else if (!FindNextFileW(search, &found)) {
            failed = (long)GetLastError();
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    return failed == ERROR_NO_MORE_FILES ? 0 : failed;
}

WIPPYI_FN wippyi_path_kind wippyi_path_look(const char *path)
{
    wchar_t wide[MAX_PATH + 1];
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, MAX_PATH + 1) <= 0) {
        return WIPPYI_PATH_NONE;
    }
    DWORD attributes = GetFileAttributesW(wide);
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        return WIPPYI_PATH_NONE;
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? WIPPYI_PATH_DIR : WIPPYI_PATH_FILE;
}

#else

/* 1: a directory or a link to one; 0: anything else, also a link that leads nowhere; -1 with errno: the
   system does not say, and what may be a directory must not pass for a file. */
static int wippyi_dir_is_dir(DIR *stream, const char *name)
{
    struct stat info;
    if (fstatat(dirfd(stream), name, &info, 0) == 0) {
        return S_ISDIR(info.st_mode) ? 1 : 0;
    }
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ? 0 : -1;
}

static long wippyi_dir_load(struct wippyi_mem *mem, const char *path, wippyi_dir *dir)
{
    DIR *stream = opendir(path);
    long failed = stream == NULL ? errno : 0;
    while (failed == 0) {
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (found == NULL) {
            failed = errno;
            break;
        }
        if (wippyi_dir_is_dots(found->d_name)) {
            continue;
        }
        int is_dir = wippyi_dir_is_dir(stream, found->d_name);
        if (is_dir < 0) {
            failed = errno;
        } else if (!wippyi_dir_add(mem, dir, found->d_name, is_dir == 1)) {
            failed = ENOMEM;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return failed;
}

WIPPYI_FN wippyi_path_kind wippyi_path_look(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return WIPPYI_PATH_NONE;
    }
    return S_ISDIR(info.st_mode) ? WIPPYI_PATH_DIR : WIPPYI_PATH_FILE;
}

#endif

WIPPYI_FN wippy_result wippyi_dir_read(struct wippyi_mem *mem, const char *path, wippyi_dir *out,
                                       wippy_diag *diag)
{
    memset(out, 0, sizeof(*out));
    long failed = wippyi_dir_load(mem, path, out);
    if (failed == 0) {
        return WIPPY_OK;
    }
    wippyi_dir_free(mem, out);
    return wippyi_file_fail_number(diag, "list the directory", path, failed);
}

/* ---- paths ---- */

static bool wippyi_path_is_separator(char c)
{
    return c == '/' || (WIPPYI_OS_WINDOWS && c == '\\');
}

/* A colon names a drive or a stream of a file on Windows: neither stays below a root. */
static bool wippyi_path_is_absolute(const char *path)
{
    return wippyi_path_is_separator(path[0]) || (WIPPYI_OS_WINDOWS && strchr(path, ':') != NULL);
}

/* Drop the last part of out[floor..size); false when there is none. */
static bool wippyi_path_up(const char *out, size_t floor, size_t *size)
{
    if (*size == floor) {
        return false;
    }
    while (*size > floor && out[*size - 1] != '/') {
        (*size)--;
    }
    if (*size > floor) {
        (*size)--; /* the separator before the part */
    }
    return true;
}

/* Append "/part", or "part" at the very beginning of a relative result. */
static bool wippyi_path_append(char *out, size_t room, size_t *size, const char *part, size_t count)
{
    size_t separator = *size > 0 && out[*size - 1] != '/' ? 1 : 0;
    if (room - *size <= count + separator) {
        return false;
    }
    if (separator != 0) {
        out[(*size)++] = '/';
    }
    memcpy(out + *size, part, count);
    *size += count;
    return true;
}

static wippy_result wippyi_path_parts(char *out, size_t room, size_t *size, const char *relative)
{
    size_t floor = *size;
    while (*relative != '\0') {
        size_t count = 0;
        while (relative[count] != '\0' && !wippyi_path_is_separator(relative[count])) {
            count++;
        }
        if (count == 2 && relative[0] == '.' && relative[1] == '.') {
            if (!wippyi_path_up(out, floor, size)) {
                return WIPPY_ERR_DENIED;
            }
        } else if (count > 0 && !(count == 1 && relative[0] == '.')) {
            if (!wippyi_path_append(out, room, size, relative, count)) {
                return WIPPY_ERR_LIMIT;
            }
        }
        relative += count;
        relative += *relative != '\0' ? 1 : 0;
    }
    return WIPPY_OK;
}

WIPPYI_FN wippy_result wippyi_path_join(char *out, size_t room, const char *root,
                                        const char *relative)
{
    size_t size = 0;
    WIPPYI_ASSERT(room > 0);
    out[0] = '\0';
    if (wippyi_path_is_absolute(relative)) {
        return WIPPY_ERR_DENIED;
    }
    if (root[0] != '\0' && !wippyi_path_append(out, room, &size, root, strlen(root))) {
        out[0] = '\0';
        return WIPPY_ERR_LIMIT;
    }
    wippy_result result = wippyi_path_parts(out, room, &size, relative);
    out[result == WIPPY_OK ? size : 0] = '\0';
    return result;
}
