/* What the benchmark programs share: see bench.h. */
#include "bench.h"

void bench_die(const char *what, wippy_result result)
{
    fprintf(stderr, "bench: %s: %s\n", what, wippy_result_text(result));
    exit(1);
}

void bench_check(const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) {
        fprintf(stderr, "bench: %s: %llu, expected %llu\n", what, (unsigned long long)found,
                (unsigned long long)expected);
        exit(1);
    }
}

/* ---- clocks and numbers ---- */

double bench_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_percentile(double *values, size_t count, double part)
{
    size_t at = (size_t)(part * (double)count);
    qsort(values, count, sizeof(*values), by_size);
    return values[at < count ? at : count - 1];
}

uint64_t bench_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

double bench_resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- work ---- */

static uint64_t rounds_per_us;

static uint64_t burn_rounds(uint64_t rounds, uint64_t seed)
{
    uint64_t i;
    for (i = 0; i < rounds; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
    }
    return seed;
}

void bench_calibrate(void)
{
    const uint64_t rounds = 1000000;
    uint64_t best = UINT64_MAX;
    uint64_t seed = 1;
    int i;
    for (i = 0; i < 20; i++) {
        uint64_t start = bench_now_ns();
        uint64_t took;
        seed = burn_rounds(rounds, seed);
        took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    rounds_per_us = rounds * 1000 / (best + (seed == 0)); /* seed is used, so the loop stays */
}

uint64_t bench_burn(uint32_t us, uint64_t seed)
{
    return burn_rounds(rounds_per_us * us, seed);
}

/* ---- how much ---- */

uint64_t bench_scale = 1;
uint64_t bench_worked;

uint64_t bench_scaled(uint64_t count)
{
    uint64_t scaled = count / bench_scale;
    return scaled > 1000 ? scaled : 1000;
}

/* ---- runtime ---- */

wippy_host bench_add_host(bench *b, const char *name, uint32_t workers)
{
    wippy_host_desc desc;
    wippy_host host;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    desc.name = name;
    desc.kind = workers == 0 ? WIPPY_HOST_PUMP : WIPPY_HOST_POOL;
    desc.workers = workers;
    r = wippy_host_create(b->rt, &desc, &host);
    if (r != WIPPY_OK) {
        bench_die("host", r);
    }
    return host;
}

void bench_open(bench *b, uint32_t workers, const wippy_desc *desc)
{
    wippy_result r;
    memset(b, 0, sizeof(*b));
    b->is_pump = workers == 0;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->finished, NULL);
    r = wippy_create(&b->rt, desc);
    if (r != WIPPY_OK) {
        bench_die("create", r);
    }
    b->host = bench_add_host(b, "bench:pool", workers);
    b->topic = wippy_topic_make(b->rt, "m");
}

void bench_load(bench *b, const char *name, const char *yaml)
{
    wippy_diag diag;
    wippy_result r = wippy_load_text(b->rt, name, yaml, strlen(yaml), &diag);
    if (r != WIPPY_OK) {
        fprintf(stderr, "bench: %s: line %u: %s\n", name, diag.line, diag.message);
        bench_die("entries", r);
    }
}

void bench_close(bench *b)
{
    wippy_result r = wippy_host_stop(b->rt, b->host, 0);
    if (r == WIPPY_OK) {
        r = wippy_stop(b->rt);
    }
    if (r == WIPPY_OK) {
        r = wippy_join(b->rt, 100000000); /* further hosts: terminated after half of it */
    }
    if (r == WIPPY_OK) {
        r = wippy_destroy(b->rt);
    }
    if (r != WIPPY_OK) {
        bench_die("destroy", r);
    }
    pthread_cond_destroy(&b->finished);
    pthread_mutex_destroy(&b->lock);
}

wippy_type bench_type(bench *b, const char *name, size_t state_bytes, bench_init_fn init,
                      bench_step_fn step, bench_close_fn close)
{
    wippy_type_desc desc;
    wippy_type type;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    desc.name = name;
    desc.state_bytes = state_bytes;
    desc.init = init;
    desc.step = step;
    desc.close = close;
    desc.user_data = b;
    r = wippy_type_register(b->rt, &desc, &type);
    if (r != WIPPY_OK) {
        bench_die("type", r);
    }
    return type;
}

static wippy_pid spawn(wippy_self *self, wippy_host host, wippy_type type, const void *data,
                       size_t size, uint32_t flags)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    desc.type = type;
    desc.host = host;
    desc.data = data;
    desc.size = size;
    desc.flags = flags;
    r = wippy_spawn(self, &desc, &pid, NULL);
    if (r != WIPPY_OK) {
        bench_die("spawn", r);
    }
    return pid;
}

wippy_pid bench_spawn(bench *b, wippy_self *self, wippy_type type, const void *data, size_t size,
                      uint32_t flags)
{
    return spawn(self, b->host, type, data, size, flags);
}

wippy_pid bench_spawn_on(bench *b, wippy_host host, wippy_type type, const void *data, size_t size)
{
    return spawn(wippy_outside(b->rt), host, type, data, size, 0);
}

void bench_send(bench *b, wippy_pid to, const void *data, size_t size)
{
    wippy_result r = wippy_send(wippy_outside(b->rt), to, b->topic, data, size);
    if (r != WIPPY_OK) {
        bench_die("send", r);
    }
}

wippy_result bench_copy_init(wippy_self *self, void *state, const wippy_input *input)
{
    (void)self;
    if (input->size > 0) {
        memcpy(state, input->data, input->size);
    }
    return WIPPY_OK;
}

/* ---- the end of a run ---- */

void bench_expect(bench *b, int count)
{
    pthread_mutex_lock(&b->lock);
    b->left = count;
    pthread_mutex_unlock(&b->lock);
}

void bench_finish(bench *b)
{
    double now = bench_seconds(CLOCK_MONOTONIC);
    pthread_mutex_lock(&b->lock);
    if (--b->left == 0) {
        b->ended = now;
        pthread_cond_signal(&b->finished);
    }
    pthread_mutex_unlock(&b->lock);
}

/* The thread of a pump host is this one. */
static void pump_until_idle(bench *b)
{
    wippy_result r = wippy_pump(b->rt, b->host, UINT64_MAX, 0);
    if (r != WIPPY_OK) {
        bench_die("pump", r);
    }
}

double bench_await(bench *b)
{
    double ended;
    if (b->is_pump) {
        pump_until_idle(b);
        bench_check("ends that do not come", (uint64_t)b->left, 0);
    }
    pthread_mutex_lock(&b->lock);
    while (b->left > 0) {
        pthread_cond_wait(&b->finished, &b->lock);
    }
    ended = b->ended;
    pthread_mutex_unlock(&b->lock);
    return ended;
}

void bench_count(bench *b, uint64_t count)
{
    __atomic_fetch_add(&b->counted, count, __ATOMIC_RELAXED);
}

void bench_settle(bench *b)
{
    wippy_host_info before, now;
    if (b->is_pump) {
        pump_until_idle(b);
        return;
    }
    (void)wippy_host_stats(b->rt, b->host, &now);
    do {
        before = now;
        usleep(50000);
        (void)wippy_host_stats(b->rt, b->host, &now);
    } while (now.executed != before.executed || now.queue_depth > 0);
}
