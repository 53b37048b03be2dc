/* A second unit that only uses: links with the one that has the implementation, C with C++ too. */
#include "wippy.h"
#include <stdio.h>
#include <string.h>

int main(void)
{
    if (strcmp(wippy_result_name(WIPPY_OK), "OK") != 0) {
        printf("wippy_result_name(WIPPY_OK) is %s\n", wippy_result_name(WIPPY_OK));
        return 1;
    }
    return 0;
}
