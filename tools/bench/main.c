/* Benchmarks of the runtime, in C and in Lua.

     bench [-r RUNS] [-w WORKERS[,WORKERS...]] [-s PART] [-o FILE] [-q] [ROW...]

   Prints a table and writes FILE (default build/bench.json): an array of
   {"row", "lang", "workers", "unit", "median", "min", "max"}. A row is measured RUNS times (default 5)
   after one run that is not counted; each run has a runtime of its own, and its work is checked. ROW is a
   row (pingpong), a language (c, lua) or both (lua-pingpong). Workers: default 1, 2 and the number of
   processors; 0 is a pump host on the only thread there is. -s does only 1 / PART of the work, for tools
   under which a program is slow, and ends with a line `operations N`. -q leaves out the description of
   the machine. Rows, with what they count:

     pingpong       two processes, one message between them             messages
     ring1          1,000 processes in a ring, one message              hops
     ring100        the same with 100 messages                          hops
     fanin          four processes send to one, windows of 100          messages
     random         200 processes, 200 messages that go to anybody      messages
     spawn          spawn, one message, one back, exit; 100 alive       processes
     spawnwait      spawn with a monitor, wait for the exit, repeat     processes
     tree           ten children each, 1,000,000 leaves (Lua: 10,000)   leaves
     call           request and its answer                              round trips
     bytes          resident memory of an idle process, of a million (Lua: of 100,000)
     spawn_typical, bytes_typical   Lua: the same for a script of usual size: three modules, a library, a class, a
                    select over inbox and events; it has handled one message     processes
     names          a name registered, found, released                 rounds
     monitors       a monitor set and taken back                       rounds
     timeouts       a timer set and dropped                            rounds
     timers         200,000 timers within a second: processor time in all; _set: to set them;
                    _late: median and 99th percentile; timers_1m: a million (Lua: 20,000, 100,000)
     latency        request to answer, nothing else to do: median; _p99, _p999
     independent    200 processes compute in steps of 20 us             steps

   fanin_spread and random_spread: half of the work on a host with another worker, so that every other
   message goes to another processor. The latency rows are described in latency.c, the pairs of switches.c
   show what features cost that are on and not used. */
#include "bench.h"

#include <errno.h>

#define RUNS_MAX    50
#define WORKERS_MAX 8

static const bench_row *const tables[] = {bench_message_rows, bench_process_rows, bench_timer_rows,
                                          bench_latency_rows, bench_switch_rows,  bench_lua_rows};

typedef struct options {
    const char *path;
    int runs;
    int quiet;
    uint32_t workers[WORKERS_MAX];
    int worker_count;
    char **names;
    int name_count;
    FILE *json;
    int printed;
} options;

/* ---- results ---- */

static void report(options *o, const bench_row *row, const bench_value *value, uint32_t workers,
                   double *results)
{
    double median = bench_percentile(results, (size_t)o->runs, 0.5);
    double most = results[o->runs - 1];
    printf("%-24s %-4s %7u   %14.6g %14.6g %14.6g   %s\n", value->row, row->lang, workers, median,
           results[0], most, value->unit);
    fflush(stdout);
    fprintf(o->json,
            "%s  {\"row\": \"%s\", \"lang\": \"%s\", \"workers\": %u, \"unit\": \"%s\", "
            "\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}",
            o->printed++ > 0 ? ",\n" : "", value->row, row->lang, workers, value->unit, median,
            results[0], most);
}

static void measure(options *o, const bench_row *row, uint32_t workers)
{
    static double results[BENCH_VALUES_MAX][RUNS_MAX];
    double values[BENCH_VALUES_MAX];
    int i, v;
    row->run(workers, values); /* warm */
    for (i = 0; i < o->runs; i++) {
        row->run(workers, values);
        for (v = 0; v < BENCH_VALUES_MAX; v++) {
            results[v][i] = values[v];
        }
    }
    for (v = 0; v < BENCH_VALUES_MAX && row->values[v].row != NULL; v++) {
        report(o, row, &row->values[v], workers, results[v]);
    }
}

/* ---- which rows ---- */

static int is_named(const options *o, const char *lang, const char *name)
{
    char full[64];
    int i;
    snprintf(full, sizeof(full), "%s-%s", lang, name);
    for (i = 0; i < o->name_count; i++) {
        if (strcmp(o->names[i], name) == 0 || strcmp(o->names[i], full) == 0 ||
            strcmp(o->names[i], lang) == 0) {
            return 1;
        }
    }
    return o->name_count == 0;
}

static int is_wanted(const options *o, const bench_row *row)
{
    int v;
    for (v = 0; v < BENCH_VALUES_MAX && row->values[v].row != NULL; v++) {
        if (is_named(o, row->lang, row->values[v].row)) {
            return 1;
        }
    }
    return 0;
}

static void measure_table(options *o, const bench_row *row)
{
    int i;
    for (; row->run != NULL; row++) {
        if (!is_wanted(o, row)) {
            continue;
        }
        for (i = 0; i < o->worker_count; i++) {
            uint32_t only = o->workers[i] == 0 ? 0 : row->only_workers;
            if (only == 0 || only == o->workers[i]) {
                measure(o, row, o->workers[i]);
            }
        }
    }
}

/* ---- the command line ---- */

static int parse_workers(options *o, const char *text)
{
    char *end;
    o->worker_count = 0;
    do {
        unsigned long workers = strtoul(text, &end, 10);
        if (workers > 124 || o->worker_count == WORKERS_MAX) {
            return 0;
        }
        o->workers[o->worker_count++] = (uint32_t)workers;
        text = end + 1;
    } while (*end == ',');
    return *end == 0;
}

static void default_workers(options *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    o->workers[0] = 1;
    o->workers[1] = 2;
    o->worker_count = 2;
    if (processors > 2) {
        o->workers[o->worker_count++] = (uint32_t)(processors > 124 ? 124 : processors);
    }
}

static int parse(options *o, int argc, char **argv)
{
    int option;
    memset(o, 0, sizeof(*o));
    o->path = "build/bench.json";
    o->runs = 5;
    default_workers(o);
    while ((option = getopt(argc, argv, "r:w:s:o:q")) != -1) {
        if (option == 'r') {
            o->runs = atoi(optarg);
        } else if (option == 'o') {
            o->path = optarg;
        } else if (option == 's') {
            bench_scale = strtoull(optarg, NULL, 10);
        } else if (option == 'q') {
            o->quiet = 1;
        } else if (option != 'w' || !parse_workers(o, optarg)) {
            return 0;
        }
    }
    o->names = argv + optind;
    o->name_count = argc - optind;
    return o->runs >= 1 && o->runs <= RUNS_MAX && bench_scale >= 1;
}

int main(int argc, char **argv)
{
    options o;
    size_t i;
    if (!parse(&o, argc, argv)) {
        fprintf(stderr, "usage: bench [-r RUNS] [-w WORKERS[,WORKERS...]] [-s PART] [-s PART] [-o "
                        "FILE] [-q] [ROW...]\n"
                        "1 to 50 runs, up to 124 workers\n");
        return 2;
    }
    o.json = fopen(o.path, "w");
    if (o.json == NULL) {
        fprintf(stderr, "bench: %s: %s\n", o.path, strerror(errno));
        return 1;
    }
    if (!o.quiet && system("tools/bench/machine") != 0) {
        fprintf(stderr, "bench: no description of the machine\n");
    }
    if (bench_scale == 1) {
        bench_calibrate();
    }
    printf("%-24s %-4s %7s   %14s %14s %14s   %s\n", "row", "lang", "workers", "median", "min",
           "max", "unit");
    fprintf(o.json, "[\n");
    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        measure_table(&o, tables[i]);
    }
    if (bench_scale > 1) {
        printf("operations %llu\n", (unsigned long long)bench_worked);
    }
    fprintf(o.json, "\n]\n");
    return fclose(o.json) == 0 ? 0 : 1;
}
