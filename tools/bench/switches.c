/* Pairs that differ in one switch: what a feature costs ping-pong when it is on and not used, in per cent.
   Both forms run in turn in one run, and the better time of each counts: what disturbs the machine only
   ever makes a round slower. Rows:

     slices_cost    time slices: interrupts of overdue steps on (the default) against off
     policies_cost  100 policies loaded, processes without actor and scope, against none

   The rows of the same names in lua.c do so with the programs there. */
#include "bench.h"

#define ROUNDS BENCH_SWITCH_ROUNDS
#define HOPS   1000000

double bench_switch_cost(const double *with, const double *without)
{
    double best_with = 0;
    double best_without = 0;
    int i;
    for (i = 0; i < ROUNDS; i++) {
        best_with = with[i] > best_with ? with[i] : best_with;
        best_without = without[i] > best_without ? without[i] : best_without;
    }
    return 100 * (best_without / best_with - 1);
}

void bench_switch_slices_off(wippy_desc *desc)
{
    memset(desc, 0, sizeof(*desc));
    desc->interrupt_signal = -1;
    desc->slice_us = 1000000000;
}

static void c_slices(uint32_t workers, double *values)
{
    wippy_desc off;
    double with[ROUNDS], without[ROUNDS];
    int i;
    bench_switch_slices_off(&off);
    for (i = 0; i < ROUNDS; i++) {
        with[i] = bench_pingpong(NULL, NULL, workers, HOPS);
        without[i] = bench_pingpong(&off, NULL, workers, HOPS);
    }
    values[0] = bench_switch_cost(with, without);
}

char *bench_switch_policies(void)
{
    char *text = (char *)malloc(65536);
    size_t size = (size_t)snprintf(text, 65536, "namespace: p\nentries:\n");
    int i;
    for (i = 0; i < 100; i++) {
        size += (size_t)snprintf(text + size, 65536 - size,
                                 "  - name: p%d\n    kind: security.policy\n    policy:\n"
                                 "      actions: [process.spawn]\n      resources: ['app:%d*']\n"
                                 "      effect: deny\n",
                                 i, i);
    }
    return text;
}

static void c_policies(uint32_t workers, double *values)
{
    char *policies = bench_switch_policies();
    double with[ROUNDS], without[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; i++) {
        with[i] = bench_pingpong(NULL, policies, workers, HOPS);
        without[i] = bench_pingpong(NULL, NULL, workers, HOPS);
    }
    free(policies);
    values[0] = bench_switch_cost(with, without);
}

const bench_row bench_switch_rows[] = {
    {"c", c_slices, 1, {{"slices_cost", "% of pingpong"}}},
    {"c", c_policies, 1, {{"policies_cost", "% of pingpong"}}},
    {NULL, NULL, 0, {{NULL, NULL}}},
};
