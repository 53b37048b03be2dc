/* The implementation in one file. Compiled as C and as C++, with and without Lua. */
#ifdef STDIO_FIRST
#include <stdio.h>
#endif
#ifdef HEADER_FIRST
#include "wippy.h"
#endif

#define WIPPY_IMPLEMENTATION
#include "wippy.h"
#ifndef WIPPY_IMPLEMENTATION_INCLUDED
#error "WIPPY_IMPLEMENTATION gave no implementation of wippy.h"
#endif

#ifdef WITH_LUA
#include "wippy_lua.h"
#ifndef WIPPY_LUA_IMPLEMENTATION_INCLUDED
#error "WIPPY_IMPLEMENTATION gave no implementation of wippy_lua.h"
#endif
#endif

/* Asked for twice, given once. */
#include "wippy.h"
#ifdef WITH_LUA
#include "wippy_lua.h"
#endif
