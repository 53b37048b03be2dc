/* ========================================================================== >>filewrite
   What only storages need from the operating system: writing whole files, making directories, the
   environment of the program. The rest of that door is in platform.
   Any thread; the environment as the C library allows.  Locks: none.
   Allocates: a path, through the wippyi_mem it is given.
   Holds: after a failed write, or a loss of power on the way, the old content is still there.

   POSIX is run by the tests. The Windows parts are written from the documentation and have not been
   run. */
#ifndef WIPPYI_FILEWRITE_H
#define WIPPYI_FILEWRITE_H

#include "api.h"
#include "config.h"
#include "memory.h"

/* Write a whole file: to a new one beside it, which then takes its place. mode: permissions when it
   did not exist; otherwise it keeps its own. The diagnostic gets the path and the reason.
   Returns: WIPPY_OK, _ERR_NOTFOUND (no such directory), _ERR_DENIED, _ERR_IO, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_file_write(wippyi_mem *mem, const char *path, const char *data,
                                         size_t size, uint32_t mode, wippy_diag *diag);

/* Make the directories above a file that do not exist. Returns as wippyi_file_write(). */
WIPPYI_FN wippy_result wippyi_file_make_room(wippyi_mem *mem, const char *path, uint32_t mode,
                                             wippy_diag *diag);

/* One variable of the program's environment; NULL = not set. */
WIPPYI_FN const char *wippyi_environment_get(const char *name);
/* "NAME=VALUE", all of them, ended by NULL; may be NULL. */
WIPPYI_FN char **wippyi_environment_all(void);

#endif /* WIPPYI_FILEWRITE_H */
