/* The program's own stb_ds with its body stands after wippy.h in the same file; both work. */
#define STB_AFTER
#include "test_table_stb.h"
