#include "filewrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if WIPPYI_OS_WINDOWS
#include <direct.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <crt_externs.h>
#else
extern char **environ;
#endif
#endif

static wippy_result wippyi_filewrite_fail(wippy_diag *diag, int number, const char *what,
                                          const char *path)
{
    wippy_result result = number == ENOENT || number == ENOTDIR ? WIPPY_ERR_NOTFOUND
                          : number == EACCES || number == EPERM || number == EROFS
                              ? WIPPY_ERR_DENIED
                              : WIPPY_ERR_IO;
    if (diag) {
        memset(diag, 0, sizeof(*diag));
        diag->code = result;
        snprintf(diag->file, sizeof(diag->file), "%s", path);
        snprintf(diag->message, sizeof(diag->message), "cannot %s %.300s: %s", what, path,
                 result == WIPPY_ERR_NOTFOUND ? "no such file or directory"
                 : result == WIPPY_ERR_DENIED ? "permission denied"
                                              : "input or output failed");
    }
    return result;
}

/* ------------------------------------------------------------------ one system each */

#if WIPPYI_OS_WINDOWS

static int wippyi_filewrite_store(const char *path, const char *data, size_t size, uint32_t mode)
{
    FILE *file = fopen(path, "wb");
    (void)mode;
    if (!file) {
        return errno;
    }
    bool whole = fwrite(data, 1, size, file) == size;
    whole = fclose(file) == 0 && whole;
    return whole ? 0 : EIO;
}

static int wippyi_filewrite_replace(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING) ? 0 : EIO;
}

static int wippyi_filewrite_mkdir(const char *path, uint32_t mode)
{
    (void)mode;
    return _mkdir(path) == 0 ? 0 : errno;
}

static uint32_t wippyi_filewrite_mode(const char *path, uint32_t fallback)
{
    (void)path;
    return fallback;
}

WIPPYI_FN char **wippyi_environment_all(void)
{
    return _environ;
}

#else

static int wippyi_filewrite_store(const char *path, const char *data, size_t size, uint32_t mode)
{
    int number = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return errno;
    }
    while (size > 0 && number == 0) {
        ssize_t done = write(fd, data, size);
        if (done >= 0) {
            data += done;
            size -= (size_t)done;
        } else if (errno != EINTR) {
            number = errno;
        }
    }
    if (number == 0 && fchmod(fd, (mode_t)mode) != 0) { /* the umask has cut it */
        number = errno;
    }
    if (number == 0 && fsync(fd) != 0) { /* on the disk before it takes the place of the old one */
        number = errno;
    }
    if (close(fd) != 0 && number == 0) {
        number = errno;
    }
    return number;
}

static int wippyi_filewrite_replace(const char *from, const char *to)
{
    return rename(from, to) == 0 ? 0 : errno;
}

static int wippyi_filewrite_mkdir(const char *path, uint32_t mode)
{
    return mkdir(path, (mode_t)mode) == 0 ? 0 : errno;
}

static uint32_t wippyi_filewrite_mode(const char *path, uint32_t fallback)
{
    struct stat info;
    return stat(path, &info) == 0 ? (uint32_t)info.st_mode & 07777u : fallback;
}

WIPPYI_FN char **wippyi_environment_all(void)
{
#if defined(__APPLE__)
    return *_NSGetEnviron();
#else
    return environ;
#endif
}

#endif

/* ------------------------------------------------------------------ all systems */

WIPPYI_FN const char *wippyi_environment_get(const char *name)
{
    return getenv(name);
}

WIPPYI_FN wippy_result wippyi_file_write(wippyi_mem *mem, const char *path, const char *data,
                                         size_t size, uint32_t mode, wippy_diag *diag)
{
    size_t bytes = strlen(path) + 5;
    char *beside = (char *)wippyi_mem_alloc(mem, bytes);
    if (!beside) {
        return WIPPY_ERR_NOMEM;
    }
    snprintf(beside, bytes, "%s.new", path);
    int number = wippyi_filewrite_store(beside, data, size, wippyi_filewrite_mode(path, mode));
    if (number == 0) {
        number = wippyi_filewrite_replace(beside, path);
    }
    if (number != 0) {
        (void)remove(beside);
    }
    wippyi_mem_free(mem, beside, bytes);
    return number == 0 ? WIPPY_OK : wippyi_filewrite_fail(diag, number, "write", path);
}

WIPPYI_FN wippy_result wippyi_file_make_room(wippyi_mem *mem, const char *path, uint32_t mode,
                                             wippy_diag *diag)
{
    wippy_result result = WIPPY_OK;
    char *part = wippyi_mem_text(mem, path, strlen(path));
    if (!part) {
        return WIPPY_ERR_NOMEM;
    }
    for (char *at = part + 1; *part && *at && result == WIPPY_OK; at++) {
        if (*at == '/') {
            *at = '\0';
            int number = wippyi_filewrite_mkdir(part, mode);
            if (number != 0 && number != EEXIST) {
                result = wippyi_filewrite_fail(diag, number, "make the directory", part);
            }
            *at = '/';
        }
    }
    wippyi_mem_text_free(mem, part);
    return result;
}
