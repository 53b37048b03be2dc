/* A program that uses stb_ds itself: in the file of the implementation, before or after it, or in a
   file of its own (ELSEWHERE). */
#if defined(STB_FIRST) || defined(ELSEWHERE)
#define STB_DS_IMPLEMENTATION
#if __has_include(<stb_ds.h>)
#include <stb_ds.h>
#else
#include <stb/stb_ds.h>
#endif
#undef STB_DS_IMPLEMENTATION
#endif

#ifndef ELSEWHERE
#define WIPPY_IMPLEMENTATION
#endif
#include "wippy.h"

#if !defined(STB_FIRST) && !defined(ELSEWHERE)
#define STB_DS_IMPLEMENTATION
#if __has_include(<stb_ds.h>)
#include <stb_ds.h>
#else
#include <stb/stb_ds.h>
#endif
#endif

int main(void)
{
    struct {
        int key;
        int value;
    } *map = NULL;
    hmput(map, 3, 4);
    int found = hmget(map, 3);
    hmfree(map);
    return found == 4 && wippy_result_name(WIPPY_OK) ? 0 : 1;
}
