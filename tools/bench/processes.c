/* Rows about processes: spawn, spawnwait, tree, bytes, independent. */
#include "bench.h"

/* ---- spawn: one message there, one back, exit; 100 alive ---- */

#define SPAWN_COUNT 300000
#define SPAWN_ALIVE 100

typedef struct nursery {
    wippy_type child;
    uint64_t left;
    uint64_t alive;
    uint64_t heard;
} nursery;

static wippy_status child_step(wippy_self *self, void *state)
{
    const wippy_mail *mail = bench_next(self);
    (void)state;
    if (mail == NULL) {
        return WIPPY_IDLE;
    }
    (void)wippy_send(self, mail->from, mail->topic, NULL, 0);
    return wippy_done(self);
}

static void bear(wippy_self *self, bench *b, nursery *n)
{
    wippy_pid child = bench_spawn(b, self, n->child, NULL, 0, 0);
    (void)wippy_send(self, child, b->topic, NULL, 0);
    n->left--;
    n->alive++;
}

/* Mail from nobody starts a round, mail from a child is its farewell. */
static wippy_status nursery_step(wippy_self *self, void *state)
{
    nursery *n = (nursery *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->from.id == 0) {
            n->left = bench_scaled(SPAWN_COUNT);
            while (n->alive < SPAWN_ALIVE) {
                bear(self, b, n);
            }
            continue;
        }
        n->alive--;
        n->heard++;
        if (n->left > 0) {
            bear(self, b, n);
        } else if (n->alive == 0) {
            bench_count(b, n->heard);
            n->heard = 0;
            bench_finish(b);
        }
    }
    return WIPPY_IDLE;
}

/* Two rounds in one runtime, so that memory and slots are there; answers the time of the second. */
static double second_round(bench *b, wippy_pid main_process)
{
    double start = 0;
    double took = 0;
    int round;
    for (round = 0; round < 2; round++) {
        bench_expect(b, 1);
        start = bench_seconds(CLOCK_MONOTONIC);
        bench_send(b, main_process, NULL, 0);
        took = bench_await(b) - start;
    }
    return took;
}

static void c_spawn(uint32_t workers, double *values)
{
    bench b;
    wippy_type child, parent;
    wippy_pid pid;
    bench_open(&b, workers, NULL);
    child = bench_type(&b, "child", 8, NULL, child_step, NULL);
    parent = bench_type(&b, "nursery", sizeof(nursery), bench_copy_init, nursery_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), parent, &child, sizeof(child), 0);
    values[0] = (double)bench_scaled(SPAWN_COUNT) / second_round(&b, pid);
    bench_close(&b);
    bench_check("children", b.counted, 2 * bench_scaled(SPAWN_COUNT));
    bench_worked += b.counted;
}

/* ---- spawnwait: one child after the other, each waited for by a monitor ---- */

#define WAIT_COUNT 300000

typedef struct waiter {
    wippy_type child;
    uint64_t left;
    uint64_t ended;
    wippy_pid last;
} waiter;

static wippy_status mayfly_step(wippy_self *self, void *state)
{
    (void)state;
    return wippy_done(self);
}

static wippy_status waiter_step(wippy_self *self, void *state)
{
    waiter *w = (waiter *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_EXIT) {
            w->ended += mail->from.id == w->last.id && mail->result == WIPPY_OK;
        } else {
            w->left = bench_scaled(WAIT_COUNT);
        }
        if (w->left > 0) {
            w->left--;
            w->last = bench_spawn(b, self, w->child, NULL, 0, WIPPY_SPAWN_MONITOR);
        } else {
            bench_count(b, w->ended);
            w->ended = 0;
            bench_finish(b);
        }
    }
    return WIPPY_IDLE;
}

static void c_spawnwait(uint32_t workers, double *values)
{
    bench b;
    wippy_type child, parent;
    wippy_pid pid;
    bench_open(&b, workers, NULL);
    child = bench_type(&b, "mayfly", 8, NULL, mayfly_step, NULL);
    parent = bench_type(&b, "waiter", sizeof(waiter), bench_copy_init, waiter_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), parent, &child, sizeof(child), 0);
    values[0] = (double)bench_scaled(WAIT_COUNT) / second_round(&b, pid);
    bench_close(&b);
    bench_check("exits", b.counted, 2 * bench_scaled(WAIT_COUNT));
    bench_worked += b.counted;
}

/* ---- tree: ten children each, 1,000,000 leaves that say their number, sums on the way back ---- */

#define TREE_LEAVES   1000000
#define TREE_CHILDREN 10

typedef struct branch {
    wippy_pid parent;
    wippy_type type;
    uint32_t waiting;
    uint64_t first; /* number of its first leaf */
    uint64_t leaves;
    uint64_t sum;
} branch;

/* A leaf answers, others spawn; false: the process has done its work. */
static int branch_grow(wippy_self *self, bench *b, branch *n)
{
    branch child = *n;
    uint32_t i;
    if (n->leaves == 1) {
        (void)wippy_send(self, n->parent, b->topic, &n->first, sizeof(n->first));
        return 0;
    }
    child.parent = wippy_self_pid(self);
    child.leaves = n->leaves / TREE_CHILDREN;
    for (i = 0; i < TREE_CHILDREN; i++) {
        child.first = n->first + i * child.leaves;
        (void)bench_spawn(b, self, n->type, &child, sizeof(child), 0);
    }
    n->waiting = TREE_CHILDREN;
    return 1;
}

static wippy_status branch_step(wippy_self *self, void *state)
{
    branch *n = (branch *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    if (n->waiting == 0 && !branch_grow(self, b, n)) {
        return wippy_done(self);
    }
    while ((mail = bench_next(self)) != NULL) {
        uint64_t sum;
        memcpy(&sum, wippy_mail_data(mail), sizeof(sum));
        n->sum += sum;
        if (--n->waiting == 0) {
            (void)wippy_send(self, n->parent, b->topic, &n->sum, sizeof(n->sum));
            return wippy_done(self);
        }
    }
    return WIPPY_IDLE;
}

typedef struct gardener {
    wippy_type type;
} gardener;

static wippy_status gardener_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    const wippy_mail *mail;
    while ((mail = bench_next(self)) != NULL) {
        branch root;
        if (mail->size > 0) {
            uint64_t sum;
            memcpy(&sum, wippy_mail_data(mail), sizeof(sum));
            bench_count(b, sum);
            bench_finish(b);
            continue;
        }
        memset(&root, 0, sizeof(root));
        root.parent = wippy_self_pid(self);
        root.type = ((gardener *)state)->type;
        root.leaves = bench_scaled(TREE_LEAVES);
        (void)bench_spawn(b, self, root.type, &root, sizeof(root), 0);
    }
    return WIPPY_IDLE;
}

static void c_tree(uint32_t workers, double *values)
{
    bench b;
    uint64_t leaves = bench_scaled(TREE_LEAVES);
    wippy_type type, parent;
    wippy_pid pid;
    bench_open(&b, workers, NULL);
    type = bench_type(&b, "branch", sizeof(branch), bench_copy_init, branch_step, NULL);
    parent = bench_type(&b, "gardener", sizeof(gardener), bench_copy_init, gardener_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), parent, &type, sizeof(type), 0);
    values[0] = (double)leaves / second_round(&b, pid);
    bench_close(&b);
    bench_check("sum of leaves", b.counted, leaves * (leaves - 1));
    bench_worked += 2 * leaves;
}

/* ---- names and monitors: each is made and taken back ---- */

#define RELATION_COUNT 500000

static wippy_status names_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    wippy_pid me = wippy_self_pid(self);
    uint64_t found = 0;
    uint64_t i;
    (void)state;
    if (bench_next(self) == NULL) {
        return WIPPY_IDLE;
    }
    for (i = bench_scaled(RELATION_COUNT); i > 0; i--) {
        wippy_pid pid;
        if (wippy_name_register(self, "somebody", 8, me) == WIPPY_OK &&
            wippy_name_find(wippy_self_runtime(self), "somebody", 8, &pid) == WIPPY_OK &&
            wippy_name_release(self, "somebody", 8) == WIPPY_OK) {
            found += pid.id == me.id;
        }
    }
    bench_count(b, found);
    bench_finish(b);
    return WIPPY_IDLE;
}

static wippy_status monitors_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    wippy_pid other = *(const wippy_pid *)state;
    uint64_t done = 0;
    uint64_t i;
    if (bench_next(self) == NULL) {
        return WIPPY_IDLE;
    }
    for (i = bench_scaled(RELATION_COUNT); i > 0; i--) {
        done += wippy_monitor(self, other) == WIPPY_OK && wippy_unmonitor(self, other) == WIPPY_OK;
    }
    bench_count(b, done);
    bench_finish(b);
    return WIPPY_IDLE;
}

static wippy_status idle_step(wippy_self *self, void *state)
{
    (void)state;
    while (bench_next(self) != NULL) {
    }
    return WIPPY_IDLE;
}

static double run_relations(uint32_t workers, bench_step_fn step)
{
    bench b;
    wippy_type type, idle;
    wippy_pid pid;
    double rate;
    bench_open(&b, workers, NULL);
    type = bench_type(&b, "relations", sizeof(wippy_pid), bench_copy_init, step, NULL);
    idle = bench_type(&b, "idle", 8, NULL, idle_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), idle, NULL, 0, 0);
    pid = bench_spawn(&b, wippy_outside(b.rt), type, &pid, sizeof(pid), 0);
    rate = (double)bench_scaled(RELATION_COUNT) / second_round(&b, pid);
    bench_close(&b);
    bench_check("relations", b.counted, 2 * bench_scaled(RELATION_COUNT));
    bench_worked += b.counted;
    return rate;
}

static void c_names(uint32_t workers, double *values)
{
    values[0] = run_relations(workers, names_step);
}

static void c_monitors(uint32_t workers, double *values)
{
    values[0] = run_relations(workers, monitors_step);
}

/* ---- bytes: resident memory of processes that idle ---- */

#define IDLE_PROCESSES 1000000

static wippy_status crowd_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    wippy_type child;
    int i;
    memcpy(&child, state, sizeof(child));
    for (i = 0; i < IDLE_PROCESSES; i++) {
        (void)bench_spawn(b, self, child, NULL, 0, 0);
    }
    bench_finish(b);
    return wippy_done(self);
}

static void c_bytes(uint32_t workers, double *values)
{
    bench b;
    wippy_host_info info;
    wippy_type child, crowd;
    double before;
    bench_open(&b, workers, NULL);
    child = bench_type(&b, "idle", 16, NULL, idle_step, NULL);
    crowd = bench_type(&b, "crowd", sizeof(wippy_type), bench_copy_init, crowd_step, NULL);
    bench_expect(&b, 1);
    before = bench_resident_bytes();
    (void)bench_spawn(&b, wippy_outside(b.rt), crowd, &child, sizeof(child), 0);
    (void)bench_await(&b);
    bench_settle(&b);
    values[0] = (bench_resident_bytes() - before) / IDLE_PROCESSES;
    (void)wippy_host_stats(b.rt, b.host, &info);
    bench_check("idle processes", info.processes, IDLE_PROCESSES);
    bench_close(&b);
}

/* ---- independent: processes that compute, 20 us a step, and never talk ---- */

#define LABOURERS      200
#define LABOURER_STEPS 50
#define LABOURER_US    20

typedef struct labourer {
    uint64_t seed;
    uint64_t steps;
} labourer;

static wippy_status labourer_step(wippy_self *self, void *state)
{
    labourer *l = (labourer *)state;
    bench *b = (bench *)wippy_self_user_data(self);
    if (bench_next(self) == NULL && l->steps == 0) {
        return WIPPY_IDLE;
    }
    l->seed = bench_burn(LABOURER_US, l->seed);
    if (++l->steps < LABOURER_STEPS) {
        return WIPPY_CONTINUE;
    }
    bench_count(b, l->steps);
    bench_finish(b);
    return wippy_done(self);
}

static void c_independent(uint32_t workers, double *values)
{
    bench b;
    wippy_type type;
    wippy_pid pids[LABOURERS];
    double start;
    uint32_t i;
    bench_open(&b, workers, NULL);
    type = bench_type(&b, "labourer", sizeof(labourer), NULL, labourer_step, NULL);
    for (i = 0; i < LABOURERS; i++) {
        pids[i] = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    }
    bench_settle(&b);
    bench_expect(&b, LABOURERS);
    start = bench_seconds(CLOCK_MONOTONIC);
    for (i = 0; i < LABOURERS; i++) {
        bench_send(&b, pids[i], NULL, 0);
    }
    values[0] = LABOURERS * LABOURER_STEPS / (bench_await(&b) - start);
    bench_close(&b);
    bench_check("steps", b.counted, LABOURERS * LABOURER_STEPS);
}

const bench_row bench_process_rows[] = {
    {"c", c_spawn, 0, {{"spawn", "processes/s"}}},
    {"c", c_spawnwait, 0, {{"spawnwait", "processes/s"}}},
    {"c", c_tree, 0, {{"tree", "leaves/s"}}},
    {"c", c_names, 1, {{"names", "register, find, release/s"}}},
    {"c", c_monitors, 1, {{"monitors", "monitor, unmonitor/s"}}},
    {"c", c_bytes, 0, {{"bytes", "bytes/process"}}},
    {"c", c_independent, 0, {{"independent", "steps of 20 us/s"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
