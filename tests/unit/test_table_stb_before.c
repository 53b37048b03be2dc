/* The program's own stb_ds with its body stands before wippy.h in the same file; both work. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* system headers come before wippy.h here */
#endif
#define STB_DS_IMPLEMENTATION
#if __has_include(<stb_ds.h>)
#include <stb_ds.h>
#else
#include <stb/stb_ds.h>
#endif
#include "test_table_stb.h"
