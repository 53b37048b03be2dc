/* ========================================================================== >>lua/machine
   The few facts about the machine and the program that Lua modules report.
   Any thread.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYLI_MACHINE_H
#define WIPPYLI_MACHINE_H

#include "config.h"

WIPPYLI_FN uint32_t wippyli_machine_cpus(void); /* at least 1 */
WIPPYLI_FN int64_t wippyli_machine_pid(void);
/* Answer false when it is unknown or does not fit. */
WIPPYLI_FN bool wippyli_machine_host_name(char *text, size_t room);
WIPPYLI_FN bool wippyli_machine_directory(char *text, size_t room);

#endif /* WIPPYLI_MACHINE_H */
