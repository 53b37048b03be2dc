/* ========================================================================== >>env
   Environment variables: declared names on top of storages, and the rights to them.
   Any thread.
   Locks: the catalogs', for a few instructions.  Allocates: objects when entries are staged.
   Holds: what is not declared cannot be read by name, even if the operating system has it. */
#ifndef WIPPYI_ENV_H
#define WIPPYI_ENV_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "runtime_access.h"
#include "storage.h"

/* Also registers the kinds env.storage.* and env.variable. */
WIPPYI_FN wippy_result wippyi_env_create(wippy_runtime *rt, wippyi_mem *mem, wippyi_env **out);
WIPPYI_FN void wippyi_env_destroy(wippyi_env *env); /* NULL does nothing */

#endif /* WIPPYI_ENV_H */
