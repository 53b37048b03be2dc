/* ========================================================================== >>lua/machine.c */
#include "machine.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

#if defined(_WIN32)

WIPPYLI_FN uint32_t wippyli_machine_cpus(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 0 ? (uint32_t)info.dwNumberOfProcessors : 1;
}

WIPPYLI_FN int64_t wippyli_machine_pid(void)
{
    return (int64_t)GetCurrentProcessId();
}

WIPPYLI_FN bool wippyli_machine_host_name(char *text, size_t room)
{
    DWORD size = (DWORD)room;
    return GetComputerNameA(text, &size) != 0;
}

WIPPYLI_FN bool wippyli_machine_directory(char *text, size_t room)
{
    DWORD size = GetCurrentDirectoryA((DWORD)room, text);
    return size > 0 && size < room;
}

#else

WIPPYLI_FN uint32_t wippyli_machine_cpus(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

WIPPYLI_FN int64_t wippyli_machine_pid(void)
{
    return (int64_t)getpid();
}

WIPPYLI_FN bool wippyli_machine_host_name(char *text, size_t room)
{
    bool good = gethostname(text, room - 1) == 0;
    text[room - 1] = 0;
    return good;
}

WIPPYLI_FN bool wippyli_machine_directory(char *text, size_t room)
{
    return getcwd(text, room) != NULL;
}

#endif
