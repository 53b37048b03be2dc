/* What the benchmark programs share: a runtime with one pool host, an end that is waited for, a count
   that must come out right, and rows. */
#ifndef BENCH_H
#define BENCH_H

#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include "wippy.h"
#include "wippy_lua.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BENCH_VALUES_MAX 8 /* results of one run */

/* ---- rows ---- */

typedef struct bench_value {
    const char *row;
    const char *unit;
} bench_value;

/* One thing that is run; a run gives one value for each name. A table of rows ends with run == NULL. */
typedef struct bench_row {
    const char *lang;
    void (*run)(uint32_t workers, double *values);
    uint32_t only_workers; /* 0 = 1, 2 and as many as there are processors */
    bench_value values[BENCH_VALUES_MAX];
} bench_row;

extern const bench_row bench_message_rows[];
extern const bench_row bench_process_rows[];
extern const bench_row bench_timer_rows[];
extern const bench_row bench_latency_rows[];
extern const bench_row bench_switch_rows[];
extern const bench_row bench_lua_rows[];

/* ---- one run ---- */

typedef struct bench {
    wippy_runtime *rt;
    wippy_host host;
    wippy_topic topic;
    void *data; /* of the row */
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int is_pump;                         /* the host runs inside bench_await() and bench_settle() */
    int left;                            /* ends that are waited for; guarded by lock */
    double ended;                        /* monotonic time of the last of them; guarded by lock */
    uint64_t counted;                    /* see bench_count(); atomic */
    uint64_t took_ns;                    /* between start and stop of a Lua program */
    double lua_values[BENCH_VALUES_MAX]; /* what bench.value() said */
} bench;

void bench_die(const char *what, wippy_result result);
void bench_check(const char *what, uint64_t found, uint64_t expected);

/* A runtime with a pool host of `workers`, 0 = a pump host; desc as for wippy_create(). */
void bench_open(bench *b, uint32_t workers, const wippy_desc *desc);
void bench_load(bench *b, const char *name, const char *yaml);
wippy_host bench_add_host(bench *b, const char *name, uint32_t workers);
/* Ends all processes without asking them. */
void bench_close(bench *b);

typedef wippy_result (*bench_init_fn)(wippy_self *self, void *state, const wippy_input *input);
typedef wippy_status (*bench_step_fn)(wippy_self *self, void *state);
typedef void (*bench_close_fn)(wippy_self *self, void *state);

wippy_type bench_type(bench *b, const char *name, size_t state_bytes, bench_init_fn init,
                      bench_step_fn step, bench_close_fn close);
wippy_pid bench_spawn(bench *b, wippy_self *self, wippy_type type, const void *data, size_t size,
                      uint32_t flags);
wippy_pid bench_spawn_on(bench *b, wippy_host host, wippy_type type, const void *data, size_t size);
void bench_send(bench *b, wippy_pid to, const void *data, size_t size);
wippy_result bench_copy_init(wippy_self *self, void *state, const wippy_input *input);

/* The next mail that is not the CANCEL of bench_close(), whose payload is text. */
static inline const wippy_mail *bench_next(wippy_self *self)
{
    const wippy_mail *mail = wippy_next(self);
    while (mail != NULL && mail->kind == WIPPY_MAIL_CANCEL) {
        mail = wippy_next(self);
    }
    return mail;
}

/* The end of a run: `bench_expect`, start the work, `bench_await` answers when the last of `count` calls
   of bench_finish() was made. */
void bench_expect(bench *b, int count);
void bench_finish(bench *b);
double bench_await(bench *b);

/* How much work a row does: `count` divided by the -s of the command line, at least 1,000. */
uint64_t bench_scaled(uint64_t count);
extern uint64_t bench_scale;
/* Number of things that were done inside bench_await(), for counts of instructions. */
extern uint64_t bench_worked;

/* Work done, added up by the processes themselves when they end or finish, compared in the end. */
void bench_count(bench *b, uint64_t count);

/* ---- clocks and numbers ---- */

double bench_seconds(clockid_t clock);
uint64_t bench_now_ns(void);
/* Value at `part` (0..1) of `count` numbers, which are sorted by this. */
double bench_percentile(double *values, size_t count, double part);
uint64_t bench_random(uint64_t *state);
double bench_resident_bytes(void);

/* Processor work of about `us` microseconds, always the same number of instructions for one `us`. */
void bench_calibrate(void);
uint64_t bench_burn(uint32_t us, uint64_t seed);

/* Until nothing is runnable and nothing runs any more. */
void bench_settle(bench *b);

/* Two processes, `hops` messages; answers messages in a second. entries: YAML that is loaded first. */
double bench_pingpong(const wippy_desc *desc, const char *entries, uint32_t workers, uint64_t hops);

/* For rows that compare a switch on with the same off, the two in turn. cost: per cent by which the best
   of `with` is slower than the best of `without`. policies: 100 of them, to be freed. */
#define BENCH_SWITCH_ROUNDS 10
double bench_switch_cost(const double *with, const double *without);
void bench_switch_slices_off(wippy_desc *desc);
char *bench_switch_policies(void);

/* 200 processes, 200 messages that go to anybody; answers messages in a second. */
double bench_random_pairs(uint32_t workers);

#endif /* BENCH_H */
