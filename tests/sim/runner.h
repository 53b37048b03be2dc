/* ========================================================================== >>sim runner
   Runs seeds in child processes, so that a crash, a hang and a broken invariant are the same: a seed that
   failed. Then makes the plan smaller as long as it still fails, and prints the line that repeats it.

   A program gives sim_plan_seed() and sim_run(); whoever finds something wrong calls sim_broken(). */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIM_BATCH   500 /* seeds a child runs */
#define SIM_SECONDS 60  /* of processor time that one seed, or a batch of them, may take */

/* What a run is made of. The seed alone gives all of it; shrinking lowers the numbers. */
typedef struct sim_plan {
    uint64_t seed;
    uint32_t actors;  /* processes there may ever be */
    uint32_t roots;   /* of them spawned at the start */
    uint32_t ops;     /* that all of them do together */
    uint32_t calls;   /* from outside */
    uint32_t moves;   /* after which the run is stopped */
    uint32_t without; /* bits of the operations left out */
    bool trace;
} sim_plan;

typedef struct sim_shared {
    uint64_t seed;  /* that runs, or ran last */
    uint64_t done;  /* seeds */
    uint64_t moves; /* of all of them */
    uint64_t hash;  /* of the last one */
    char text[512]; /* what was broken */
} sim_shared;

static sim_shared *sim_board; /* of all processes; a test program, so static */

/* From the program. */
static void sim_plan_seed(sim_plan *plan, uint64_t seed);
static uint64_t sim_run(const sim_plan *plan); /* answers the hash */
static const char *const sim_op_names[];

__attribute__((noreturn, format(printf, 1, 2))) static void sim_broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(sim_board->text, sizeof(sim_board->text), format, args);
    va_end(args);
    fflush(stdout);
    _exit(3);
}

/* The numbers say whom it is about. */
#define SIM_CHECK_OF(a, b, x) \
    ((x) ? (void)0 : sim_broken("%s:%d: of %u and %u: %s", __FILE__, __LINE__, a, b, #x))
#define SIM_CHECK(x) ((x) ? (void)0 : sim_broken("%s:%d: %s", __FILE__, __LINE__, #x))

static void sim_open_board(void)
{
    void *at = mmap(NULL, sizeof(sim_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                    -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    sim_board = (sim_shared *)at;
}

/* Run seeds [plan->seed, plan->seed + count) in a child. True: all hold. */
static bool sim_child(const sim_plan *plan, uint64_t count, bool whole_plan)
{
    int status = 0;
    pid_t pid;
    fflush(stdout);
    sim_board->text[0] = '\0';
    sim_board->seed = plan->seed;
    pid = fork();
    if (pid == 0) {
        uint64_t i;
        struct itimerval limit;
        memset(&limit, 0, sizeof(limit));
        limit.it_value.tv_sec = SIM_SECONDS;
        setitimer(ITIMER_PROF, &limit, NULL); /* not the clock: the machine may be busy */
        for (i = 0; i < count; i++) {
            sim_plan each = *plan;
            if (!whole_plan) {
                sim_plan_seed(&each, plan->seed + i);
            }
            sim_board->seed = each.seed;
            sim_board->hash = sim_run(&each);
            sim_board->done++;
        }
        fflush(stdout);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status) && sim_board->text[0] == '\0') {
        snprintf(sim_board->text, sizeof(sim_board->text), "signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGPROF ? " (hangs)" : "");
    } else if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && sim_board->text[0] == '\0') {
        snprintf(sim_board->text, sizeof(sim_board->text), "exit status %d", WEXITSTATUS(status));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- shrinking ---- */

/* Does it fail with this number lowered? Then keep it so. Halving first, then one less. */
static bool sim_lower(sim_plan *plan, uint32_t *field, uint32_t least)
{
    uint32_t step = (*field - least + 1) / 2;
    bool any = false;
    while (step > 0) {
        uint32_t before = *field;
        if (*field < least + step) {
            step /= 2;
            continue;
        }
        *field -= step;
        if (sim_child(plan, 1, true)) {
            *field = before;
            step /= 2;
        } else {
            any = true;
        }
    }
    return any;
}

static bool sim_leave_out(sim_plan *plan)
{
    bool any = false;
    uint32_t i;
    for (i = 0; sim_op_names[i] != NULL; i++) {
        uint32_t before = plan->without;
        plan->without |= 1u << i;
        if (plan->without != before) {
            if (sim_child(plan, 1, true)) {
                plan->without = before;
            } else {
                any = true;
            }
        }
    }
    return any;
}

static void sim_shrink(sim_plan *plan)
{
    bool again = true;
    uint32_t rounds;
    for (rounds = 0; again && rounds < 5; rounds++) {
        again = sim_lower(plan, &plan->moves, 1);
        again = sim_leave_out(plan) || again;
        again = sim_lower(plan, &plan->calls, 0) || again;
        again = sim_lower(plan, &plan->ops, 0) || again;
        again = sim_lower(plan, &plan->roots, 1) || again;
        again = sim_lower(plan, &plan->actors, 1) || again;
    }
    (void)sim_child(plan, 1, true); /* what it says at last */
}

static void sim_print_again(const char *program, const sim_plan *plan)
{
    const char *comma = "";
    uint32_t i;
    printf("  again: %s --seed %llu --actors %u --roots %u --ops %u --calls %u --moves %u", program,
           (unsigned long long)plan->seed, plan->actors, plan->roots, plan->ops, plan->calls,
           plan->moves);
    if (plan->without != 0) {
        printf(" --without ");
        for (i = 0; sim_op_names[i] != NULL; i++) {
            if ((plan->without >> i & 1) != 0) {
                printf("%s%s", comma, sim_op_names[i]);
                comma = ",";
            }
        }
    }
    printf(" --trace\n");
}

static void sim_report(const char *program, uint64_t seed, bool shrink)
{
    sim_plan plan;
    sim_plan_seed(&plan, seed);
    printf("FAIL seed %llu: %s\n  again: %s %llu\n", (unsigned long long)seed, sim_board->text,
           program, (unsigned long long)seed);
    if (shrink) {
        sim_shrink(&plan);
        printf("  smaller: %s\n", sim_board->text);
        sim_print_again(program, &plan);
    }
}

/* Seeds [first, first + count), each on its own. Returns how many failed; stops after `most`. */
static uint32_t sim_seeds(const char *program, uint64_t first, uint64_t count, uint32_t most,
                          bool shrink)
{
    uint64_t at = first;
    uint64_t end = first + count;
    uint32_t failed = 0;
    while (at < end && failed < most) {
        uint64_t batch = end - at < SIM_BATCH ? end - at : SIM_BATCH;
        sim_plan plan;
        memset(&plan, 0, sizeof(plan));
        plan.seed = at;
        if (sim_child(&plan, batch, false)) {
            at += batch;
        } else {
            uint64_t seed = sim_board->seed;
            sim_report(program, seed, shrink);
            failed++;
            at = seed + 1;
        }
    }
    return failed;
}

/* ---- command line ---- */

static uint32_t sim_op_bits(const char *names)
{
    uint32_t bits = 0;
    uint32_t i;
    for (i = 0; sim_op_names[i] != NULL; i++) {
        size_t length = strlen(sim_op_names[i]);
        const char *at = names;
        while ((at = strstr(at, sim_op_names[i])) != NULL) {
            if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0')) {
                bits |= 1u << i;
            }
            at += length;
        }
    }
    return bits;
}

static bool sim_option(sim_plan *plan, const char *name, const char *value)
{
    uint32_t number = (uint32_t)strtoul(value, NULL, 0);
    if (strcmp(name, "--actors") == 0) {
        plan->actors = number;
    } else if (strcmp(name, "--roots") == 0) {
        plan->roots = number;
    } else if (strcmp(name, "--ops") == 0) {
        plan->ops = number;
    } else if (strcmp(name, "--calls") == 0) {
        plan->calls = number;
    } else if (strcmp(name, "--moves") == 0) {
        plan->moves = number;
    } else if (strcmp(name, "--without") == 0) {
        plan->without = sim_op_bits(value);
    } else {
        return false;
    }
    return true;
}

static int sim_one(const sim_plan *plan)
{
    bool holds;
    setvbuf(stdout, NULL, _IOLBF, 0);
    holds = sim_child(plan, 1, true);
    if (holds) {
        printf("seed %llu holds, hash %016llx\n", (unsigned long long)plan->seed,
               (unsigned long long)sim_board->hash);
    } else {
        printf("seed %llu: %s\n", (unsigned long long)plan->seed, sim_board->text);
    }
    return holds ? 0 : 1;
}

/* The seeds whose hashes are recorded, without refused allocations: what fits into memory is not the
   same on every machine. */
#define SIM_HASHES 12

static int sim_print_hashes(void)
{
    uint64_t seed;
    for (seed = 1; seed <= SIM_HASHES; seed++) {
        sim_plan plan;
        sim_plan_seed(&plan, seed);
        plan.without |= sim_op_bits("nomem");
        printf("%llu %016llx\n", (unsigned long long)seed, (unsigned long long)sim_run(&plan));
    }
    return 0;
}

static int sim_many(const char *program, uint64_t first, uint64_t count, bool shrink)
{
    uint32_t failed = sim_seeds(program, first, count, shrink ? 3 : 1, shrink);
    printf("%llu schedules, %llu moves\n%s\n", (unsigned long long)sim_board->done,
           (unsigned long long)sim_board->moves,
           failed == 0 ? "1 passed, 0 failed" : "0 passed, 1 failed");
    return failed == 0 ? 0 : 1;
}

/* PROGRAM [SEED] [--seed N [--actors N ...] [--trace]] [--seeds N] [--first N] [--as-it-is] [--hashes] */
static int sim_main(int argc, char **argv)
{
    const char *scale = getenv("TEST_SCALE");
    uint64_t count = 20 * (scale != NULL ? strtoull(scale, NULL, 10) : 100);
    uint64_t first = 0;
    bool one = false;
    bool shrink = true;
    sim_plan plan;
    int i;
    sim_open_board();
    sim_plan_seed(&plan, 0);
    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--hashes") == 0) {
            return sim_print_hashes();
        } else if (strcmp(argv[i], "--trace") == 0) {
            plan.trace = true;
        } else if (strcmp(argv[i], "--as-it-is") == 0) {
            shrink = false; /* stop at the first that fails */
        } else if (strcmp(argv[i], "--seeds") == 0) {
            count = strtoull(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--first") == 0) {
            first = strtoull(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--seed") == 0 || argv[i][0] != '-') {
            sim_plan_seed(&plan, strtoull(argv[i][0] != '-' ? argv[i] : value, NULL, 0));
            plan.trace = argv[i][0] != '-';
            one = true;
            i += argv[i][0] != '-' ? 0 : 1;
        } else if (sim_option(&plan, argv[i], value)) {
            i++;
        } else {
            fprintf(stderr, "%s: what is %s?\n", argv[0], argv[i]);
            return 2;
        }
    }
    return one ? sim_one(&plan) : sim_many(argv[0], first, count, shrink);
}

#endif /* SIM_RUNNER_H */
