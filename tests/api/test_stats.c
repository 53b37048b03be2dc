/* Numbers about a runtime, exact where nothing moves. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

TEST(test_stats_count_what_happened)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_runtime_info rt;
    wippy_host_info host;
    wippy_worker_info worker;
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    core_spawn(&c, &b);
    for (int i = 0; i < 5; i++) {
        core_tell(&c, pid, "x");
    }
    CHECK_EQ_INT(wippy_host_stats(c.rt, c.host, &host), WIPPY_OK);
    CHECK_EQ_INT(host.host.id, c.host.id);
    CHECK_STR(host.name, "app:main");
    CHECK_EQ_INT(host.kind, WIPPY_HOST_PUMP);
    CHECK_EQ_INT(host.processes, 2);
    CHECK_EQ_U64(host.executed, 0);
    CHECK_EQ_U64(host.queue_depth, 2);
    core_run(&c);
    CHECK_EQ_INT(wippy_host_stats(c.rt, c.host, &host), WIPPY_OK);
    CHECK_EQ_U64(host.executed, 2);
    CHECK_EQ_U64(host.messages, 5);
    CHECK_EQ_U64(host.queue_depth, 0);
    CHECK_EQ_INT(wippy_worker_stats(c.rt, c.host, 0, &worker), WIPPY_OK);
    CHECK_EQ_U64(worker.executed, 2);
    CHECK_EQ_U64(worker.running.id, 0);
    CHECK_EQ_INT(wippy_worker_stats(c.rt, c.host, 1, &worker), WIPPY_ERR_NOTFOUND);
    wippy_host bad = {99};
    CHECK_EQ_INT(wippy_host_stats(c.rt, bad, &host), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_worker_stats(c.rt, bad, 0, &worker), WIPPY_ERR_NOTFOUND);
    core_tell(&c, pid, "x");
    core_tell(&c, pid, "x");
    wippy_terminate(c.out, pid);
    core_run(&c);
    CHECK_EQ_INT(wippy_runtime_stats(c.rt, &rt), WIPPY_OK);
    CHECK_EQ_U64(rt.processes, 1);
    CHECK_EQ_U64(rt.spawned, 2);
    CHECK_EQ_U64(rt.dead_letters, 2);
    CHECK_EQ_INT(rt.hosts, 1);
    CHECK_EQ_INT(rt.threads, 0);
    CHECK_NEAR((double)rt.memory_bytes, (double)c.heap.live_bytes, 64.0); /* empty blocks cost a byte */
    CHECK(rt.uptime_ns > 0);
    core_close(&c);
}

static wippy_status yield_open(wippy_self *self, core_actor *a)
{
    (void)a;
    CHECK_EQ_INT(wippy_open(self, 1, NULL), WIPPY_PENDING);
    return WIPPY_YIELD;
}

static wippy_status look_at_myself(wippy_self *self, core_actor *a)
{
    wippy_process_info info;
    (void)a;
    wippy_self_memory(self, 12345);
    CHECK_EQ_INT(wippy_process_stats(wippy_self_runtime(self), wippy_self_pid(self), &info), WIPPY_OK);
    CHECK_STR(info.state, "running");
    CHECK_EQ_U64(info.memory_bytes, 12352); /* in units of 64 */
    return WIPPY_IDLE;
}

TEST(test_stats_of_a_process)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_process_info info;
    REQUIRE(core_open(&c, 0));
    b.on_start = look_at_myself;
    a.on_start = yield_open;
    wippy_pid pid = core_spawn(&c, &a);
    wippy_pid other = core_spawn(&c, &b);
    CHECK_EQ_INT(wippy_process_stats(c.rt, pid, &info), WIPPY_OK);
    CHECK_STR(info.state, "ready");
    CHECK_EQ_U64(info.steps, 0);
    core_run(&c);
    CHECK_EQ_INT(wippy_process_stats(c.rt, pid, &info), WIPPY_OK);
    CHECK_STR(info.state, "blocked");
    CHECK_EQ_U64(info.steps, 1);
    CHECK_EQ_U64(info.pid.id, pid.id);
    CHECK_EQ_U64(info.parent.id, 0);
    CHECK_EQ_INT(info.host.id, c.host.id);
    CHECK_STR(info.entry, "");
    CHECK(info.started_wall_ns > 0 && info.started_wall_ns <= wippy_wall_ns(c.rt));
    CHECK_EQ_INT(wippy_process_stats(c.rt, other, &info), WIPPY_OK);
    CHECK_STR(info.state, "idle");
    CHECK_EQ_U64(info.memory_bytes, 12352);
    wippy_terminate(c.out, pid);
    core_run(&c);
    CHECK_EQ_INT(wippy_process_stats(c.rt, pid, &info), WIPPY_ERR_GONE);
    wippy_pid none = {0};
    CHECK_EQ_INT(wippy_process_stats(c.rt, none, &info), WIPPY_ERR_GONE);
    core_close(&c);
}

static size_t memory_told(core *c, wippy_pid pid)
{
    wippy_process_info info;
    CHECK_EQ_INT(wippy_process_stats(c->rt, pid, &info), WIPPY_OK);
    return info.memory_bytes;
}

/* The text says what the step tells: "5" = 64 * 5 - 1 bytes, "m" all there is, "u" an upgrade. */
static wippy_status tell_memory(wippy_self *self, core_actor *a, const wippy_mail *mail)
{
    const char *text = (const char *)wippy_mail_data(mail);
    wippy_type same = {0};
    char again[sizeof(a)];
    memcpy(again, &a, sizeof(a));
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return WIPPY_IDLE;
    }
    if (text[0] == 'u') {
        return wippy_upgrade(self, NULL, same, again, sizeof(again), 0);
    }
    wippy_self_memory(self, text[0] == 'm' ? SIZE_MAX : text[0] == '0' ? 0 : 64u * 5 - 1);
    return WIPPY_IDLE;
}

TEST(test_stats_memory_is_what_the_process_told)
{
    static const char *const told[] = {"5", "m", "5", "0", "m", "u", "5"};
    static const uint64_t shown[] = {320, UINT64_C(64) * (UINT32_MAX / 32), 320, 0,
                                     UINT64_C(64) * (UINT32_MAX / 32), 0, 320};
    core c;
    core_actor a = {0};
    core_actor next = {0};
    REQUIRE(core_open(&c, 0));
    a.on_mail = tell_memory;
    wippy_pid pid = core_spawn(&c, &a);
    CHECK_EQ_U64(memory_told(&c, pid), 0);
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        core_tell(&c, pid, told[i]);
        core_run(&c);
        CHECK_EQ_U64(memory_told(&c, pid), (size_t)shown[i]);
    }
    wippy_terminate(c.out, pid);
    core_run(&c);
    wippy_pid tenant = core_spawn(&c, &next); /* the same slot */
    CHECK_EQ_U64(memory_told(&c, tenant), 0);
    core_close(&c);
}

TEST(test_stats_lists_processes_and_hosts)
{
    core c;
    core_actor a[5] = {{0}};
    wippy_host other;
    wippy_host hosts[4];
    wippy_pid pids[4];
    wippy_host all = {0};
    REQUIRE(core_open(&c, 0));
    REQUIRE(core_add_host(&c, "app:other", WIPPY_HOST_PUMP, 0, &other) == WIPPY_OK);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(core_spawn_by(&c, c.out, &a[i], i < 3 ? c.host : other, 0, NULL), WIPPY_OK);
    }
    CHECK_EQ_U64(wippy_processes(c.rt, all, NULL, 0), 5);
    CHECK_EQ_U64(wippy_processes(c.rt, c.host, pids, 2), 3);
    CHECK_EQ_U64(pids[1].id, a[1].pid.id);
    CHECK_EQ_U64(wippy_processes(c.rt, other, pids, 4), 2);
    CHECK_EQ_U64(pids[0].id, a[3].pid.id);
    CHECK_EQ_U64(wippy_survivors(c.rt, pids, 1), 5);
    CHECK_EQ_U64(wippy_hosts(c.rt, hosts, 4), 2);
    CHECK_EQ_INT(hosts[0].id, c.host.id); /* in creation order */
    CHECK_EQ_INT(hosts[1].id, other.id);
    CHECK_EQ_U64(wippy_hosts(c.rt, NULL, 0), 2);
    core_close(&c);
}

typedef struct traces {
    uint32_t kinds[8];
    wippy_trace_record last[8];
} traces;

static void on_trace(const wippy_trace_record *record, void *user_data)
{
    traces *t = (traces *)user_data;
    t->kinds[record->kind]++;
    t->last[record->kind] = *record;
}

TEST(test_stats_trace_sees_the_life_of_a_process)
{
    core c;
    core_actor a = {0};
    traces t;
    wippy_desc desc;
    memset(&desc, 0, sizeof(desc));
    memset(&t, 0, sizeof(t));
    desc.trace_fn = on_trace;
    desc.trace_user_data = &t;
    REQUIRE(core_open_with(&c, 0, &desc, NULL));
    wippy_pid pid = core_spawn(&c, &a);
    core_tell(&c, pid, "fail");
    core_run(&c);
    CHECK_EQ_INT(t.kinds[WIPPY_TRACE_SPAWN], 1);
    CHECK_EQ_INT(t.kinds[WIPPY_TRACE_SEND], 1);
    CHECK_EQ_INT(t.kinds[WIPPY_TRACE_STEP], 1);
    CHECK_EQ_INT(t.kinds[WIPPY_TRACE_EXIT], 1);
    CHECK_EQ_U64(t.last[WIPPY_TRACE_SEND].other.id, pid.id);
    CHECK_EQ_INT(t.last[WIPPY_TRACE_STEP].number, WIPPY_DONE);
    CHECK_EQ_INT(t.last[WIPPY_TRACE_EXIT].number, WIPPY_ERR_CONFLICT);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_stats_count_what_happened), TEST_ENTRY(test_stats_of_a_process),
          TEST_ENTRY(test_stats_memory_is_what_the_process_told),
          TEST_ENTRY(test_stats_lists_processes_and_hosts),
          TEST_ENTRY(test_stats_trace_sees_the_life_of_a_process))
