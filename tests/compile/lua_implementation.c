/* The bridge alone, for programs that have wippy.h's implementation elsewhere. */
#define WIPPY_LUA_IMPLEMENTATION
#include "wippy_lua.h"
#ifndef WIPPY_LUA_IMPLEMENTATION_INCLUDED
#error "WIPPY_LUA_IMPLEMENTATION gave no implementation of wippy_lua.h"
#endif
#ifdef WIPPY_IMPLEMENTATION_INCLUDED
#error "the bridge asked for the implementation of wippy.h"
#endif
