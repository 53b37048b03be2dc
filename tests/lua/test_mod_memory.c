/* ========================================================================== >>test_mod_memory
   The modules without memory: whatever allocation is refused, and whatever the limit of the process,
   it ends one way or another and everything is given back. */
#include "module_kit.h"

/* A little of everything that allocates. */
static const char *const program =
    "local d = time.parse_duration('1h') local n = time.now():add(d)"
    " local z = time.fixed_zone('X', 3600) local ny = time.load_location('America/New_York')"
    " local p = time.parse(time.RFC3339, '2024-01-02T03:04:05+02:00') p = p and p:add_date(1, 2, 3)"
    " local s = n:in_location(z):format(('2006-01-02 '):rep(30))"
    " local ti = time.timer('1h') local tk = time.ticker('1ms') if tk then tk:channel():receive() "
    "end"
    " if ti then ti:reset('2h') ti:stop() end if tk then tk:stop() end time.sleep('1us')"
    " local c = time.after('1us') if c then c:receive() end"
    " local big = {} for i = 1, 40 do big['key' .. i] = {i, i * 1.5, ('x'):rep(i)} end"
    " local text = json.encode(big) if text then json.decode(text) end"
    " json.validate({type = 'object', properties = {key1 = {type = 'array'}}}, big)"
    " logger:with{a = 1}:named('n'):info('line', {e = errors.new('x'), t = big}) print('p')"
    " payload.new(big):transcode(payload.format.JSON) uuid.v4() t.out(#io.args())";

static void run_once(module_setup *setup, uint64_t refuse, uint64_t *refused)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_kit_open(kit, setup);
    test_heap_fail(&kit->lua.heap, refuse, false);
    module_try(kit, "time json logger io uuid", program, NULL);
    if (kit->pid.id != 0) {
        module_wait(kit);
        CHECK_EQ_INT(kit->lua.exits, 1);
    }
    *refused = kit->lua.heap.refused_count;
    test_heap_fail(&kit->lua.heap, 0, false);
    module_close(kit);
    free(kit);
}

TEST(test_modules_without_memory_end_and_leave_nothing)
{
    module_setup setup;
    module_setup_init(&setup);
    setup.bridge.no_recycle = true;
    uint64_t refused = 1;
    uint64_t n = 0;
    while (refused > 0 && n < 2000) {
        run_once(&setup, ++n, &refused);
    }
    CHECK(n > 10 && n < 2000);
}

TEST(test_modules_at_every_memory_limit_end_and_leave_nothing)
{
    module_setup setup;
    uint64_t refused;
    unsigned step = 20000 / test_scale(100);
    module_setup_init(&setup);
    for (size_t limit = 6000; limit < 90000; limit += step) {
        setup.memory_limit = limit;
        run_once(&setup, 0, &refused);
    }
}

TEST_MAIN(TEST_ENTRY(test_modules_without_memory_end_and_leave_nothing),
          TEST_ENTRY(test_modules_at_every_memory_limit_end_and_leave_nothing))
