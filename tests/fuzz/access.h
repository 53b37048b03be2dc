/* Requests that policies and expressions are asked about. Include fuzz.h first. */
#ifndef WIPPY_FUZZ_ACCESS_H
#define WIPPY_FUZZ_ACCESS_H

#include "value.h"
#include "yaml.h"

#define FUZZ_ACCESSES 4

typedef struct fuzz_accesses {
    wippy_writer meta;
    wippy_access access[FUZZ_ACCESSES];
} fuzz_accesses;

static inline void fuzz_accesses_init(fuzz_accesses *all, wippyi_mem *mem)
{
    static const char meta[] =
        "{team: red, level: 7, names: [a, b, 'app:x'], flag: true, none: null, deep: {a: {b: c}}}";
    wippy_slice bytes;
    wippyi_writer_init(&all->meta, mem);
    (void)wippy_write_yaml(&all->meta, NULL, meta, sizeof(meta) - 1, NULL);
    FUZZ_CHECK(wippy_writer_finish(&all->meta, &bytes) == WIPPY_OK, "no meta");
    memset(all->access, 0, sizeof(all->access));
    all->access[1].actor_id = "user:1";
    all->access[1].action = "process.spawn";
    all->access[1].resource = "app:worker";
    all->access[2] = all->access[1];
    all->access[2].actor_meta = bytes;
    all->access[2].meta = bytes;
    all->access[3] = all->access[2];
    all->access[3].resource = "a";
    all->access[3].action = "";
}

static inline void fuzz_accesses_free(fuzz_accesses *all)
{
    wippy_writer_free(&all->meta);
}

#endif /* WIPPY_FUZZ_ACCESS_H */
