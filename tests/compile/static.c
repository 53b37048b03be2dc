/* WIPPY_STATIC: the whole library private to one file. */
#define WIPPY_STATIC
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

int main(void)
{
    return wippy_result_name(WIPPY_OK) ? 0 : 1;
}
