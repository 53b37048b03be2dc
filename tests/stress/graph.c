/* A random graph of processes on two hosts: they spawn, link, monitor, name, cancel, kill, set timers
   and send, while foreign threads do the same. At the end everything adds up: inits and closes, one
   EXIT for each monitor that was not taken back, nobody left, no memory left. */
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

#include <pthread.h>

#define PEERS 256

typedef struct graph {
    core c;
    wippy_host hosts[2];
    wippy_type type;
    wippy_topic topic;
    uint64_t peers[PEERS]; /* pids that were alive once; atomic */
    uint32_t stop;
    uint32_t inits, failed_inits, closes;
    uint32_t monitors, exits, lost_watchers; /* see node_close */
    uint32_t steps, timers, names;
    uint32_t spawn_budget;
} graph;

typedef struct node {
    graph *g;
    uint64_t random;
    uint64_t watched[8]; /* pids with an open monitor */
    uint32_t pending;    /* spawns with monitor that were not answered yet */
    uint32_t open_timers;
    bool spawner;
} node;

static wippy_pid some_peer(graph *g, uint64_t *random)
{
    wippy_pid pid;
    pid.id = TEST_ATOMIC_LOAD(&g->peers[test_random_next(random) % PEERS]);
    return pid;
}

static wippy_result node_init(wippy_self *self, void *state, const wippy_input *input)
{
    node *n = (node *)state;
    memcpy(&n->g, input->data, sizeof(n->g));
    uint64_t dice = wippy_self_seed(self);
    n->random = dice;
    wippy_trap_links(self, dice % 3 == 0);
    if (dice % 4 == 1) { /* what a failing init started must vanish */
        (void)wippy_timer(self, dice % 100000, 9, NULL);
        (void)wippy_link(self, some_peer(n->g, &n->random));
        (void)wippy_name_register(self, "init", 0, wippy_self_pid(self));
    }
    if (dice % 16 == 1) {
        TEST_ATOMIC_ADD(&n->g->failed_inits, 1u);
        return WIPPY_ERR_CONFLICT;
    }
    TEST_ATOMIC_ADD(&n->g->inits, 1u);
    TEST_ATOMIC_STORE(&n->g->peers[test_random_next(&n->random) % PEERS], wippy_self_pid(self).id);
    return WIPPY_OK;
}

static bool watches(node *n, uint64_t pid, uint64_t value)
{
    for (size_t i = 0; i < TEST_COUNT(n->watched); i++) {
        if (n->watched[i] == pid) {
            n->watched[i] = value;
            return true;
        }
    }
    return false;
}

static void node_monitor(wippy_self *self, node *n)
{
    wippy_pid peer = some_peer(n->g, &n->random);
    wippy_result r;
    bool had = peer.id != 0 && watches(n, peer.id, peer.id);
    if (!had && !watches(n, 0, 0)) {
        return; /* no place to remember it */
    }
    r = wippy_monitor(self, peer);
    if (had) {
        CHECK(r == WIPPY_ERR_EXISTS || r == WIPPY_ERR_GONE || r == WIPPY_ERR_INVALID);
    } else if (r == WIPPY_OK) {
        watches(n, 0, peer.id);
        TEST_ATOMIC_ADD(&n->g->monitors, 1u);
    }
}

/* An EXIT that is in the mailbox already still comes after unmonitor, so the books are kept by
   forgetting the pid: its EXIT then counts as neither. */
static void node_unmonitor(wippy_self *self, node *n)
{
    uint64_t pid = n->watched[test_random_next(&n->random) % TEST_COUNT(n->watched)];
    wippy_pid peer = {pid};
    if (pid != 0) {
        CHECK_EQ_INT(wippy_unmonitor(self, peer), WIPPY_OK);
        watches(n, pid, 0);
        TEST_ATOMIC_SUB(&n->g->monitors, 1u);
    }
}

static void node_spawn(wippy_self *self, node *n)
{
    graph *g = n->g;
    wippy_spawn_desc desc;
    wippy_pid pid = {0};
    wippy_result r;
    uint64_t dice = test_random_next(&n->random);
    if ((int32_t)TEST_ATOMIC_SUB(&g->spawn_budget, 1u) <= 0) {
        TEST_ATOMIC_ADD(&g->spawn_budget, 1u);
        return;
    }
    memset(&desc, 0, sizeof(desc));
    desc.type = g->type;
    desc.host = g->hosts[dice % 2];
    desc.data = &g;
    desc.size = sizeof(g);
    desc.flags = (dice & 16 ? (uint32_t)WIPPY_SPAWN_LINK : 0u) |
                 (dice & 32 ? (uint32_t)WIPPY_SPAWN_HIGH : 0u) |
                 (dice & 64 ? (uint32_t)WIPPY_SPAWN_SILENT : 0u);
    desc.name = dice % 11 == 0 ? "spawned" : NULL;
    r = wippy_spawn(self, &desc, &pid, NULL);
    CHECK(r == WIPPY_OK || r == WIPPY_PENDING || r == WIPPY_ERR_CONFLICT ||
          r == WIPPY_ERR_STOPPED || r == WIPPY_ERR_EXISTS);
}

static void node_act(wippy_self *self, node *n)
{
    graph *g = n->g;
    wippy_pid peer = some_peer(g, &n->random);
    uint64_t dice = test_random_next(&n->random);
    static const char payload[300] = "payload";
    wippy_pid found;
    switch (dice % 20) {
    case 0:
    case 1:
    case 2: node_spawn(self, n); break;
    case 3:
    case 4: node_monitor(self, n); break;
    case 5: node_unmonitor(self, n); break;
    case 6: (void)wippy_link(self, peer); break;
    case 7: (void)wippy_unlink(self, peer); break;
    case 8: (void)wippy_cancel(self, peer, "graph"); break;
    case 9:
        if (dice % 3 == 0) {
            (void)wippy_terminate(self, peer);
        }
        break;
    case 10:
        if (wippy_name_register(self, dice & 64 ? "king" : "queen", 0, peer) == WIPPY_OK) {
            TEST_ATOMIC_ADD(&g->names, 1u);
        }
        break;
    case 11:
        if (wippy_name_find(g->c.rt, "king", 0, &found) == WIPPY_OK) {
            (void)wippy_send(self, found, g->topic, "majesty", 7);
        }
        break;
    case 12: (void)wippy_name_release(self, "queen", 0); break;
    case 13: {
        wippy_token token;
        if (wippy_timer(self, dice % 300000, 5, &token) == WIPPY_PENDING && dice % 7 == 0) {
            (void)wippy_drop(self, token);
        } else {
            n->open_timers++;
        }
        break;
    }
    default: (void)wippy_send(self, peer, g->topic, payload, dice % 300); break;
    }
}

static wippy_status node_step(wippy_self *self, void *state)
{
    node *n = (node *)state;
    graph *g = n->g;
    const wippy_mail *mail;
    bool stops = TEST_ATOMIC_LOAD(&g->stop) != 0;
    TEST_ATOMIC_ADD(&g->steps, 1u);
    while ((mail = wippy_next(self)) != NULL) {
        if (mail->kind == WIPPY_MAIL_EXIT && watches(n, mail->from.id, 0)) {
            TEST_ATOMIC_ADD(&g->exits, 1u);
        } else if (mail->kind == WIPPY_MAIL_CANCEL && (stops || n->random % 2 == 0)) {
            return wippy_done(self);
        } else if (mail->kind == WIPPY_MAIL_DONE && wippy_mail_tag(mail) == 5) {
            TEST_ATOMIC_ADD(&g->timers, 1u);
        }
        if (!stops) {
            node_act(self, n);
        }
    }
    if (!stops && test_random_next(&n->random) % 64 == 0) {
        return n->random % 2 ? wippy_done(self) : wippy_fail(self, WIPPY_ERR_IO, "bad luck");
    }
    return WIPPY_IDLE;
}

static void node_close(wippy_self *self, void *state)
{
    node *n = (node *)state;
    (void)self;
    for (size_t i = 0; i < TEST_COUNT(n->watched); i++) {
        if (n->watched[i] != 0) { /* the watcher ended first */
            TEST_ATOMIC_ADD(&n->g->lost_watchers, 1u);
        }
    }
    TEST_ATOMIC_ADD(&n->g->closes, 1u);
}

static void *foreigner(void *arg)
{
    graph *g = (graph *)arg;
    wippy_self *out = wippy_outside(g->c.rt);
    static const char payload[80] = "from outside";
    uint64_t random = (uint64_t)(uintptr_t)&random ^ test_now_ms();
    while (TEST_ATOMIC_LOAD(&g->stop) == 0) {
        wippy_pid peer = some_peer(g, &random);
        uint64_t dice = test_random_next(&random);
        if (dice % 50 == 0) {
            wippy_spawn_desc desc;
            memset(&desc, 0, sizeof(desc));
            desc.type = g->type;
            desc.host = g->hosts[dice / 50 % 2];
            desc.data = &g;
            desc.size = sizeof(g);
            wippy_result r = wippy_spawn(out, &desc, NULL, NULL);
            CHECK(r == WIPPY_OK || r == WIPPY_ERR_CONFLICT || r == WIPPY_ERR_STOPPED);
        } else if (dice % 211 == 0) {
            (void)wippy_terminate(out, peer);
        } else {
            (void)wippy_send(out, peer, g->topic, payload, dice % 80);
        }
    }
    return NULL;
}

typedef struct goal {
    graph *g;
    uint32_t steps;
} goal;

/* Many steps, and of everything that chance brings something: an EXIT is seen every 250 steps or so. */
static bool enough(void *arg)
{
    const goal *x = (const goal *)arg;
    const graph *g = x->g;
    return TEST_ATOMIC_LOAD(&g->steps) >= x->steps && TEST_ATOMIC_LOAD(&g->exits) > 0 &&
           TEST_ATOMIC_LOAD(&g->timers) > 0 && TEST_ATOMIC_LOAD(&g->names) > 0 &&
           TEST_ATOMIC_LOAD(&g->failed_inits) > 0;
}

static void run_graph(uint32_t workers_a, uint32_t workers_b, uint32_t steps)
{
    static graph g;
    pthread_t threads[2];
    wippy_type_desc type;
    goal x = {&g, steps};
    memset(&g, 0, sizeof(g));
    g.spawn_budget = steps;
    REQUIRE(core_open(&g.c, workers_a));
    REQUIRE(core_add_host(&g.c, "app:second", WIPPY_HOST_POOL, workers_b, &g.hosts[1]) == WIPPY_OK);
    g.hosts[0] = g.c.host;
    g.topic = g.c.topic;
    memset(&type, 0, sizeof(type));
    type.name = "node";
    type.state_bytes = sizeof(node);
    type.init = node_init;
    type.step = node_step;
    type.close = node_close;
    REQUIRE(wippy_type_register(g.c.rt, &type, &g.type) == WIPPY_OK);
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, foreigner, &g) == 0);
    }
    CHECK(test_wait_until(enough, &x, 60000));
    TEST_ATOMIC_ADD(&g.stop, 1u);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t start = test_now_ms();
    core_close(&g.c);
    CHECK(test_now_ms() - start < 4500);
    CHECK_EQ_INT(g.inits, g.closes);
    /* each monitor was answered, taken back, or its watcher ended before its target */
    CHECK_EQ_INT(g.monitors, g.exits + g.lost_watchers);
    printf("%u steps, %u born, %u not, %u monitors, %u exits, %u timers, %u names\n", g.steps, g.inits,
           g.failed_inits, g.monitors, g.exits, g.timers, g.names);
    CHECK(g.exits > 0 && g.timers > 0 && g.names > 0 && g.failed_inits > 0);
}

TEST(test_graph_one_worker_each)
{
    run_graph(1, 1, test_scale(60000));
}

TEST(test_graph_two_workers_each)
{
    run_graph(2, 2, test_scale(60000));
}

TEST(test_graph_many_and_one)
{
    run_graph(5, 1, test_scale(60000));
}

TEST_MAIN(TEST_ENTRY(test_graph_one_worker_each), TEST_ENTRY(test_graph_two_workers_each),
          TEST_ENTRY(test_graph_many_and_one))
