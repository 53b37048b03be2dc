/* What the machine holds for this process, for tests that watch memory from outside. */
#ifndef WIPPY_TEST_RESIDENT_H
#define WIPPY_TEST_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* 0: not known here. */
static inline uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%*u %llu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Sanitizers hold memory of their own: figures from outside say nothing then. */
static inline bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

#endif /* WIPPY_TEST_RESIDENT_H */
