/* ========================================================================== >>lua/mod_env
   The module `env`: declared environment variables. Variables in files are read and written on the
   pool of blocking calls, all others within the step.
   Holds: no state.  Locks: none.  Allocates: Lua values; a job where a file is behind. */
#ifndef WIPPYLI_MOD_ENV_H
#define WIPPYLI_MOD_ENV_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_env(void);

#endif /* WIPPYLI_MOD_ENV_H */
