/* The header is the first thing a file includes, and the second time changes nothing. Compiled as C
   and as C++. */
#ifdef WITH_LUA
#include "wippy_lua.h"
#include "wippy_lua.h"
#endif
#include "wippy.h"
#include "wippy.h"

#if defined(WIPPY_IMPLEMENTATION_INCLUDED) || defined(WIPPY_LUA_IMPLEMENTATION_INCLUDED)
#error "the implementation is there although nobody asked for it"
#endif

int wippy_test_alone(void);
int wippy_test_alone(void)
{
    wippy_pid pid;
    pid.id = 0;
    return pid.id == 0 ? WIPPY_OK : WIPPY_ERR_INTERNAL;
}
