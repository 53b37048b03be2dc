/* Rows about timers: processor time to set them, and until all have fired; how late they are.
   Each timer's due time is its tag, as it is in the messages of the peers' programs, so one that fires early is an
   error; so is one that fires twice while another does not, for the sum of all is known.
   The 99th percentile is about how long the step that sets them all takes: what comes due meanwhile waits for
   the process itself, whoever could fire it. Below 1 ms it would take 55 ns a timer; it takes 140, of which 50
   are the first touch of its memory and 20 the clock. */
#include "bench.h"

#define SPAN_NS     1000000000u /* due at random within a second */
#define CLOCK_EVERY 16          /* timers set between two looks at the clock */

typedef struct timers {
    uint64_t count;
    double *late_us; /* by arrival */
    uint64_t fired;
    uint64_t due_sum; /* of those that have not fired */
    double set_s; /* processor time */
} timers;

static double thread_seconds(void)
{
    return bench_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static void set_timers(wippy_self *self, timers *t)
{
    uint64_t random = 1;
    uint64_t now = 0;
    uint64_t i;
    double start = thread_seconds();
    for (i = 0; i < t->count; i++) {
        uint64_t delay = bench_random(&random) % SPAN_NS;
        uint64_t due; /* not later than when it must fire, and at most 16 sets earlier */
        wippy_result r;
        if (i % CLOCK_EVERY == 0) {
            now = bench_now_ns();
        }
        due = now + delay;
        t->due_sum += due;
        r = wippy_timer(self, delay, due, NULL);
        if (r != WIPPY_PENDING) {
            bench_die("timer", r);
        }
    }
    t->set_s = thread_seconds() - start;
}

/* The clock is read once a step, and again for a timer that is due after that. */
static wippy_status timers_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    timers *t = (timers *)b->data;
    const wippy_mail *mail;
    uint64_t now = bench_now_ns();
    (void)state;
    while ((mail = bench_next(self)) != NULL) {
        uint64_t due;
        if (mail->kind != WIPPY_MAIL_DONE) {
            set_timers(self, t);
            continue;
        }
        due = wippy_mail_tag(mail);
        now = due > now ? bench_now_ns() : now;
        if (due > now) {
            fprintf(stderr, "bench: a timer fired %llu ns early\n",
                    (unsigned long long)(due - now));
            exit(1);
        }
        t->late_us[t->fired++] = (double)(now - due) / 1000;
        t->due_sum -= due;
    }
    if (t->fired == t->count) {
        bench_finish(b);
        return wippy_done(self);
    }
    return WIPPY_IDLE;
}

static void run_timers(uint32_t workers, uint64_t count, double *values)
{
    bench b;
    timers t;
    wippy_type type;
    wippy_pid pid;
    double start;
    memset(&t, 0, sizeof(t));
    t.count = count;
    t.late_us = (double *)malloc(count * sizeof(*t.late_us));
    memset(t.late_us, 0, count * sizeof(*t.late_us)); /* page faults are not the runtime's */
    bench_open(&b, workers, NULL);
    b.data = &t;
    type = bench_type(&b, "timers", 8, NULL, timers_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    bench_expect(&b, 1);
    start = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    bench_send(&b, pid, NULL, 0);
    (void)bench_await(&b);
    values[0] = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    values[1] = t.set_s;
    bench_close(&b);
    bench_check("timers", t.due_sum, 0);
    values[2] = bench_percentile(t.late_us, count, 0.5);
    values[3] = bench_percentile(t.late_us, count, 0.99);
    free(t.late_us);
}

/* ---- timeouts: set, and dropped before they fire ---- */

#define TIMEOUT_COUNT 1000000

static wippy_status timeouts_step(wippy_self *self, void *state)
{
    bench *b = (bench *)wippy_self_user_data(self);
    uint64_t done = 0;
    uint64_t i;
    (void)state;
    if (bench_next(self) == NULL) {
        return WIPPY_IDLE;
    }
    for (i = bench_scaled(TIMEOUT_COUNT); i > 0; i--) {
        wippy_token token;
        done += wippy_timer(self, 5000000000u, i, &token) == WIPPY_PENDING &&
                wippy_drop(self, token) == WIPPY_OK;
    }
    bench_count(b, done);
    bench_finish(b);
    return wippy_done(self);
}

static void c_timeouts(uint32_t workers, double *values)
{
    bench b;
    wippy_type type;
    wippy_pid pid;
    double start;
    bench_open(&b, workers, NULL);
    type = bench_type(&b, "timeouts", 8, NULL, timeouts_step, NULL);
    pid = bench_spawn(&b, wippy_outside(b.rt), type, NULL, 0, 0);
    bench_expect(&b, 1);
    start = bench_seconds(CLOCK_MONOTONIC);
    bench_send(&b, pid, NULL, 0);
    values[0] = (double)bench_scaled(TIMEOUT_COUNT) / (bench_await(&b) - start);
    bench_close(&b);
    bench_check("timeouts", b.counted, bench_scaled(TIMEOUT_COUNT));
    bench_worked += b.counted;
}

static void c_timers(uint32_t workers, double *values)
{
    run_timers(workers, 200000, values);
}

static void c_timers_million(uint32_t workers, double *values)
{
    run_timers(workers, 1000000, values);
}

const bench_row bench_timer_rows[] = {
    {"c", c_timeouts, 1, {{"timeouts", "set, drop/s"}}},
    {"c",
     c_timers,
     0,
     {{"timers", "s of CPU, 200,000"},
      {"timers_set", "s of CPU, 200,000"},
      {"timers_late_p50", "us"},
      {"timers_late_p99", "us"}}},
    {"c",
     c_timers_million,
     0,
     {{"timers_1m", "s of CPU, 1,000,000"},
      {"timers_1m_set", "s of CPU, 1,000,000"},
      {"timers_1m_late_p50", "us"},
      {"timers_1m_late_p99", "us"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
