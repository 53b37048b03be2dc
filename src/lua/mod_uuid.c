/* ========================================================================== >>lua/mod_uuid.c */
#include "mod_uuid.h"

#include <stdio.h>

/* high and low half, with the version put in; the variant is always the same. */
static int wippyli_uuid_push(lua_State *L, uint64_t high, uint64_t low, unsigned version)
{
    char text[40];
    high = (high & ~UINT64_C(0xf000)) | (uint64_t)version << 12;
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    snprintf(text, sizeof(text), "%08lx-%04x-%04x-%04x-%04x%08lx", (unsigned long)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
             (unsigned)(low >> 32 & 0xffff), (unsigned long)(low & 0xffffffff));
    lua_pushstring(L, text);
    return 1;
}

static int wippyli_uuid_v4(lua_State *L)
{
    wippy_self *self = wippyli_self(wippyli_process_of(L));
    uint64_t high = wippy_self_seed(self);
    return wippyli_uuid_push(L, high, wippy_self_seed(self), 4);
}

static int wippyli_uuid_v7(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_self *self = wippyli_self(process);
    uint64_t ms = (uint64_t)(wippy_wall_ns(wippyli_runtime(process)) / 1000000);
    uint64_t high = ms << 16 | (wippy_self_seed(self) & 0xfff);
    return wippyli_uuid_push(L, high, wippy_self_seed(self), 7);
}

static const wippyli_entry wippyli_uuid_entries[] = {
    {"v4", wippyli_uuid_v4, 0, NULL},
    {"v7", wippyli_uuid_v7, 0, NULL},
};

WIPPYLI_FN const wippyli_library *wippyli_uuid_module(void)
{
    static const wippyli_library library = {"uuid", wippyli_uuid_entries,
                                            WIPPYLI_COUNT(wippyli_uuid_entries), NULL, NULL};
    return &library;
}
