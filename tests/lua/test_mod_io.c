/* ========================================================================== >>test_mod_io
   The module `io` on a terminal host, with a pipe, a file or a pseudo terminal as standard input, and
   a file as standard output. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include "module_kit.h"

#if defined(_WIN32)
TEST(test_io_outside_a_terminal_host)
{
    TEST_SKIP("needs pipes in place of the standard streams");
}
TEST_MAIN(TEST_ENTRY(test_io_outside_a_terminal_host))
#else
#include <fcntl.h>
#include <termios.h>

typedef struct streams {
    int saved[3];
    int input; /* write end of the pipe that is stdin */
    FILE *files[3];
} streams;

static void streams_replace(streams *s, int fd, int with)
{
    s->saved[fd] = dup(fd);
    dup2(with, fd);
}

/* stdin becomes a pipe, stdout and stderr become files. */
static void streams_open(streams *s)
{
    int ends[2];
    memset(s, 0, sizeof(*s));
    fflush(stdout);
    REQUIRE(pipe(ends) == 0);
    streams_replace(s, 0, ends[0]);
    close(ends[0]);
    s->input = ends[1];
    for (int fd = 1; fd <= 2; fd++) {
        s->files[fd] = tmpfile();
        streams_replace(s, fd, fileno(s->files[fd]));
    }
}

static void streams_say(const streams *s, const char *text)
{
    size_t size = strlen(text);
    CHECK(write(s->input, text, size) == (ssize_t)size);
}

static void streams_end(streams *s)
{
    if (s->input >= 0) {
        close(s->input);
        s->input = -1;
    }
}

static void streams_close(streams *s, char *out, char *err, size_t room)
{
    char *texts[3] = {NULL, out, err};
    streams_end(s);
    fflush(stdout);
    for (int fd = 0; fd <= 2; fd++) {
        dup2(s->saved[fd], fd);
        close(s->saved[fd]);
    }
    for (int fd = 1; fd <= 2; fd++) {
        rewind(s->files[fd]);
        size_t size = fread(texts[fd], 1, room - 1, s->files[fd]);
        texts[fd][size] = 0;
        fclose(s->files[fd]);
    }
}

static void terminal_setup(module_setup *setup)
{
    module_setup_init(setup);
    setup->host = WIPPY_HOST_TERMINAL;
}

/* Run `body` on a terminal host with `input`. */
static void terminal_at(int line, const char *body, const char *input, const char *printed,
                        const char *out, const char *err)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    streams s;
    char outs[4096];
    char errs[4096];
    terminal_setup(&setup);
    streams_open(&s);
    module_kit_open(kit, &setup);
    streams_say(&s, input);
    streams_end(&s);
    module_start(kit, "io time", body, NULL);
    module_wait(kit);
    module_close(kit);
    streams_close(&s, outs, errs, sizeof(outs));
    if (kit->lua.last_result != WIPPY_OK || strcmp(kit->lua.out, printed) != 0 ||
        strcmp(outs, out) != 0 || strcmp(errs, err) != 0) {
        FAIL("line %d: %s\n  t.out %s\n  stdout %s\n  stderr %s\n  ended with %s", line, body,
             kit->lua.out, outs, errs, kit->lua.last_value);
    }
    free(kit);
}

#define terminal(body, input, printed, out, err) \
    terminal_at(__LINE__, body, input, printed, out, err)

TEST(test_io_outside_a_terminal_host)
{
    module_program(
        "io",
        "for _, n in ipairs{'write', 'print', 'eprint', 'read', 'readline', 'flush', 'raw'}"
        " do local v, err = io[n]('x') t.out(n, v, err:kind(), err:message(),"
        " err:retryable()) end t.out(type(io.args()), #io.args())",
        "write nil Unavailable no terminal context false\n"
        "print nil Unavailable no terminal context false\n"
        "eprint nil Unavailable no terminal context false\n"
        "read nil Unavailable no terminal context false\n"
        "readline nil Unavailable no terminal context false\n"
        "flush nil Unavailable no terminal context false\n"
        "raw nil Unavailable no terminal context false\n"
        "table 0\n");
}

TEST(test_io_write_print_eprint)
{
    terminal("t.out(io.write('a', 1, 2.5, nil, true)) t.out(io.write())", "", "true\ntrue\n",
             "a12.5niltrue", "");
    terminal("t.out(io.print('a', 1, false)) t.out(io.print()) t.out(io.flush())", "",
             "true\ntrue\ntrue\n", "a\t1\tfalse\n\n", "");
    terminal("t.out(io.eprint('x', 2))", "", "true\n", "", "x\t2\n");
    terminal("io.print(errors.new('bad'), time.utc)", "", "", "bad\tUTC\n", "");
}

TEST(test_io_readline)
{
    terminal("for i = 1, 3 do t.out(io.readline()) end", "one\n\nthree\n", "one\n\nthree\n", "",
             "");
    terminal("t.out(io.readline()) t.out(io.readline())"
             " local l, e = io.readline() t.out(l, e:kind(), e, e:retryable())",
             "one\nrest", "one\nrest\nnil Internal readline: EOF false\n", "", "");
    terminal("t.out(io.readline()) local l, e = io.readline() t.out(l, e)", "crlf\r\n",
             "crlf\nnil readline: EOF\n", "", "");
    terminal("local n = 0 while true do io.write('> ') local l = io.readline()"
             " if not l or #l == 0 then break end n = n + 1 end t.out(n)",
             "a\nb\nc\n", "3\n", "> > > > ", "");
}

TEST(test_io_long_lines_arrive_whole)
{
    terminal(
        "local l = io.readline() t.out(#l, l:sub(-3)) t.out(io.readline())",
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999"
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999"
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999"
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999"
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999"
        "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999xyz"
        "\nnext\n",
        "528 xyz\nnext\n", "", "");
}

TEST(test_io_read)
{
    terminal("t.out(io.read(3)) t.out(io.read(2)) t.out(io.read()) local v, e = io.read()"
             " t.out(v, e:kind(), e)",
             "abcdefg", "abc\nde\nfg\nnil Internal read: EOF\n", "", "");
    terminal("t.out(io.read(0)) t.out(io.read(-1))", "abc", "abc\nnil read: EOF\n", "", "");
    terminal("t.out(io.read(2)) t.out(io.readline())", "abc\nd", "ab\nc\n", "", "");
}

TEST(test_io_args)
{
    static const char *const arguments[] = {"one", "two words", ""};
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    terminal_setup(&setup);
    setup.bridge.argc = 3;
    setup.bridge.argv = arguments;
    module_kit_open(kit, &setup);
    module_start(kit, "io", "local a = io.args() t.out(#a, a[1], a[2], a[3], a[4])", NULL);
    module_wait(kit);
    module_close(kit);
    CHECK_STR(kit->lua.out, "3 one two words  nil\n");
    free(kit);
}

/* ------------------------------------------------------------------ waiting */

typedef struct waiting {
    module_kit *kit;
    const char *text;
} waiting;

static bool has_printed(void *arg)
{
    const waiting *w = (const waiting *)arg;
    size_t size = __atomic_load_n(&w->kit->log_size, __ATOMIC_ACQUIRE);
    return memmem(w->kit->log, size, w->text, strlen(w->text)) != NULL;
}

TEST(test_io_reads_let_others_run_and_keep_what_is_left)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    streams s;
    char text[64];
    waiting tick;
    terminal_setup(&setup);
    streams_open(&s);
    module_kit_open(kit, &setup);
    tick.kit = kit;
    tick.text = "tick 3";
    module_start(
        kit, "io time",
        "coroutine.spawn(function() for i = 1, 3 do time.sleep('2ms') print('tick ' .. i) end"
        " end) t.out(io.readline())",
        NULL);
    CHECK_WAIT(has_printed, &tick, 20000); /* while the read waits */
    streams_say(&s, "fir");
    streams_say(&s, "st\nsecond\nthi");
    module_wait(kit);
    module_start(kit, "io", "t.out(io.readline()) t.out(io.readline())", NULL);
    streams_say(&s, "rd\n");
    module_wait(kit);
    module_close(kit);
    streams_close(&s, text, text, sizeof(text));
    CHECK_STR(kit->lua.out, "first\nsecond\nthird\n");
    free(kit);
}

TEST(test_io_two_coroutines_read_lines_whole)
{
    terminal("local got, done = {}, channel.new(2) for i = 1, 2 do coroutine.spawn(function()"
             " while true do local l = io.readline() if not l then break end got[#got + 1] = l end"
             " done:send(true) end) end done:receive() done:receive() table.sort(got)"
             " t.out(table.concat(got, ' '))",
             "aa\nbb\ncc\ndd\n", "aa bb cc dd\n", "", "");
}

TEST(test_io_a_killed_reader_loses_nothing)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    streams s;
    char text[64];
    waiting ready;
    terminal_setup(&setup);
    streams_open(&s);
    module_kit_open(kit, &setup);
    ready.kit = kit;
    ready.text = "reading";
    module_start(kit, "io", "print('reading') io.readline()", NULL);
    CHECK_WAIT(has_printed, &ready, 20000);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(kit->lua.rt), kit->pid), WIPPY_OK);
    module_wait(kit);
    streams_say(&s, "line\n");
    module_start(kit, "io", "t.out(io.readline())", NULL);
    module_wait(kit);
    module_close(kit);
    streams_close(&s, text, text, sizeof(text));
    CHECK_STR(kit->lua.out, "line\n");
    CHECK_STR(kit->lua.last_value, "");
    free(kit);
}

TEST(test_io_reads_a_file)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    FILE *file = tmpfile();
    fputs("1\n2\n3", file);
    fflush(file);
    rewind(file);
    terminal_setup(&setup);
    int saved = dup(0);
    dup2(fileno(file), 0);
    module_kit_open(kit, &setup);
    module_start(kit, "io",
                 "while true do local l = io.readline() if not l then break end t.out(l) end",
                 NULL);
    module_wait(kit);
    module_close(kit);
    dup2(saved, 0);
    close(saved);
    fclose(file);
    CHECK_STR(kit->lua.out, "1\n2\n3\n");
    free(kit);
}

TEST(test_io_read_that_cannot_wait_raises)
{
    terminal("local ok, e = pcall(table.sort, {3, 2, 1}, function() io.readline() end) t.out(ok, e)"
             " t.out(io.readline())",
             "kept\n",
             "false app:test:1: attempt to yield across a C-call boundary (io.readline)\nkept\n",
             "", "");
}

/* ------------------------------------------------------------------ raw mode */

static bool is_raw(int fd)
{
    struct termios modes;
    return tcgetattr(fd, &modes) == 0 && (modes.c_lflag & (tcflag_t)(ICANON | ECHO)) == 0;
}

static bool is_raw_now(void *arg)
{
    return is_raw(*(int *)arg);
}

TEST(test_io_raw_is_counted_and_reset_at_the_end)
{
    module_kit *kit;
    module_setup setup;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int slave;
    if (master < 0) {
        TEST_SKIP("this system gives no pseudo-terminal");
    }
    REQUIRE(grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
    kit = (module_kit *)malloc(sizeof(*kit));
    terminal_setup(&setup);
    int saved = dup(0);
    dup2(slave, 0);
    module_kit_open(kit, &setup);
    CHECK(!is_raw(slave));
    module_start(kit, "io",
                 "t.out(io.raw(true), io.raw(), io.raw(false)) t.out(io.read(1))"
                 " t.out(io.raw(false), io.raw(false)) t.out(io.readline()) io.raw(true)"
                 " t.out(io.read(1))",
                 NULL);
    CHECK_WAIT(is_raw_now, &slave, 20000);
    CHECK(write(master, "x", 1) == 1); /* no newline needed */
    while (is_raw(slave)) {
        test_pause_ms(1);
    }
    CHECK(write(master, "cooked\n", 7) == 7);
    CHECK_WAIT(is_raw_now, &slave, 20000);
    CHECK(write(master, "y", 1) == 1);
    module_wait(kit);
    module_close(kit);
    CHECK(!is_raw(slave));
    dup2(saved, 0);
    close(saved);
    close(slave);
    close(master);
    CHECK_STR(kit->lua.out, "true true true\nx\ntrue true\ncooked\ny\n");
    free(kit);
}

/* ------------------------------------------------------------------ much input, and none */

/* Run `body` with the file `input` as standard input and `output` (-1 = as it is) as standard output;
   what the program said with t.out() is in `said`. */
static void terminal_files(const char *body, int input, int output, char *said, size_t room)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    int saved[2];
    terminal_setup(&setup);
    fflush(stdout);
    for (int fd = 0; fd < 2; fd++) {
        saved[fd] = dup(fd);
    }
    dup2(input, 0);
    dup2(output >= 0 ? output : saved[1], 1);
    module_kit_open(kit, &setup);
    module_start(kit, "io time", body, NULL);
    module_wait(kit);
    module_close(kit);
    fflush(stdout);
    for (int fd = 0; fd < 2; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    CHECK_STR(kit->lua.last_value, "");
    snprintf(said, room, "%.*s", (int)room - 1, kit->lua.out);
    free(kit);
}

/* A file with `lines` lines of changing length, then one of `last` bytes, at its start. */
static FILE *made_lines(int lines, size_t last)
{
    FILE *file = tmpfile();
    for (int i = 1; i <= lines; i++) {
        fprintf(file, "%d%*s\n", i, i * 7 % 211, "|");
    }
    for (size_t i = 0; i < last; i += 100000) {
        char some[100000];
        memset(some, 'x', sizeof(some));
        fwrite(some, 1, last - i < sizeof(some) ? last - i : sizeof(some), file);
    }
    fputs(last > 0 ? "\nafter\n" : "", file);
    fflush(file);
    rewind(file);
    return file;
}

/* More than any buffer holds: every line whole, once, in its order. */
TEST(test_io_thousands_of_lines_arrive_whole_and_in_order)
{
    char said[256];
    FILE *file = made_lines(3000, 0);
    terminal_files("local n, good = 0, true while true do local l = io.readline() "
                   "if not l then break end n = n + 1 "
                   "good = good and l == tostring(n) .. (' '):rep(math.max(n * 7 % 211, 1) - 1) .. '|'"
                   " end t.out(n, good)",
                   fileno(file), -1, said, sizeof(said));
    fclose(file);
    CHECK_STR(said, "3000 true\n");
}

TEST(test_io_a_line_much_longer_than_the_buffer_arrives_whole)
{
    char said[256];
    FILE *file = made_lines(3, 300000);
    terminal_files("for i = 1, 3 do io.readline() end local l = io.readline() "
                   "t.out(#l, l == ('x'):rep(300000)) t.out(io.readline()) "
                   "t.out(select(2, io.readline()))",
                   fileno(file), -1, said, sizeof(said));
    fclose(file);
    CHECK_STR(said, "300000 true\nafter\nreadline: EOF\n");
}

/* What is there of it is given up, and what follows is read. */
TEST(test_io_a_line_without_an_end_is_refused)
{
    char said[256];
    FILE *file = made_lines(0, (size_t)40 << 20);
    terminal_files("local l, e = io.readline() t.out(l, e:kind(), e:message()) "
                   "l = io.readline() t.out(#l < (40 << 20), l == ('x'):rep(#l)) "
                   "t.out(io.readline()) t.out(#io.args())",
                   fileno(file), -1, said, sizeof(said));
    fclose(file);
    CHECK_STR(said, "nil Internal readline: line too long\ntrue true\nafter\n0\n");
}

TEST(test_io_input_and_output_that_fail)
{
    char said[512];
    int nothing = open("/dev/null", O_RDONLY);
    int directory = open("/", O_RDONLY);
    int full = open("/dev/full", O_WRONLY);
    REQUIRE(nothing >= 0 && directory >= 0);
    terminal_files("local v, e = io.readline() t.out(v, e:kind(), e:message()) "
                   "v, e = io.read(5) t.out(v, e:kind(), e:message())",
                   directory, -1, said, sizeof(said));
    CHECK_STR(said, "nil Internal readline: input cannot be read\n"
                    "nil Internal read: input cannot be read\n");
    if (full >= 0) {
        terminal_files("local v, e = io.write('a') t.out(v, e:kind(), e:message()) "
                       "v, e = io.print(('b'):rep(100000)) t.out(v, e:kind(), e:message()) "
                       "v, e = io.readline() t.out(v, e:message()) t.out(io.eprint())",
                       nothing, full, said, sizeof(said));
        CHECK_STR(said, "nil Internal output cannot be written\n"
                        "nil Internal output cannot be written\n"
                        "nil readline: EOF\ntrue\n");
        close(full);
    }
    close(directory);
    close(nothing);
}

/* print() goes to standard output where the program has no log, lines to nobody. */
TEST(test_io_print_of_a_program_without_a_log)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    streams s;
    char outs[256];
    char errs[256];
    module_setup_init(&setup);
    setup.no_log = true;
    streams_open(&s);
    module_kit_open(kit, &setup);
    module_start(kit, "logger", "print('x', 1, nil) print() logger:error('y', {a = 1}) print('z')", NULL);
    module_wait(kit);
    module_close(kit);
    streams_close(&s, outs, errs, sizeof(outs));
    CHECK_STR(outs, "x 1 nil\n\nz\n");
    CHECK_STR(errs, "");
    CHECK_STR(kit->log, "");
    free(kit);
}

/* Where there is no terminal the mode is counted and nothing happens. */
TEST(test_io_raw_without_a_terminal)
{
    terminal("t.out(io.raw(true), io.raw(), io.raw(false), io.raw(false), io.raw(false))", "",
             "true true true true true\n", "", "");
    terminal("t.out(io.raw(true))", "", "true\n", "", "");
}

/* Both read from the same terminal: what one takes the other does not see. */
TEST(test_io_two_terminal_hosts_share_the_input)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    wippy_host_desc desc;
    wippy_host one, other;
    wippy_pid pid;
    char seen[1001];
    int doubled = 0, missing = 0;
    FILE *file = tmpfile();
    for (int i = 1; i <= 1000; i++) {
        fprintf(file, "%d\n", i);
    }
    fflush(file);
    rewind(file);
    terminal_setup(&setup);
    int saved = dup(0);
    dup2(fileno(file), 0);
    module_kit_open(kit, &setup);
    one = kit->lua.host;
    memset(&desc, 0, sizeof(desc));
    desc.name = "app:other";
    desc.kind = WIPPY_HOST_TERMINAL;
    REQUIRE(wippy_host_create(kit->lua.rt, &desc, &other) == WIPPY_OK);
    for (int i = 0; i < 2; i++) {
        pid = kit->pid;
        kit->lua.host = i == 0 ? one : other;
        module_start(kit, "io", "local got = {} while true do local l = io.readline() if not l then "
                                "break end got[#got + 1] = l end t.out(table.concat(got, ' ') .. ' ')",
                     NULL);
    }
    module_wait(kit);
    kit->pid = pid;
    module_wait(kit);
    module_close(kit);
    dup2(saved, 0);
    close(saved);
    fclose(file);
    memset(seen, 0, sizeof(seen));
    char *end = NULL;
    for (char *at = kit->lua.out; at[strspn(at, " \n")]; at = end) {
        long number = strtol(at, &end, 10);
        REQUIRE(number >= 1 && number <= 1000);
        doubled += seen[number];
        seen[number] = 1;
    }
    for (int i = 1; i <= 1000; i++) {
        missing += !seen[i];
    }
    CHECK_EQ_INT(doubled, 0);
    CHECK_EQ_INT(missing, 0);
    free(kit);
}

TEST_MAIN(TEST_ENTRY(test_io_outside_a_terminal_host), TEST_ENTRY(test_io_write_print_eprint),
          TEST_ENTRY(test_io_readline), TEST_ENTRY(test_io_long_lines_arrive_whole),
          TEST_ENTRY(test_io_read), TEST_ENTRY(test_io_args),
          TEST_ENTRY(test_io_reads_let_others_run_and_keep_what_is_left),
          TEST_ENTRY(test_io_two_coroutines_read_lines_whole),
          TEST_ENTRY(test_io_a_killed_reader_loses_nothing), TEST_ENTRY(test_io_reads_a_file),
          TEST_ENTRY(test_io_read_that_cannot_wait_raises),
          TEST_ENTRY(test_io_raw_is_counted_and_reset_at_the_end),
          TEST_ENTRY(test_io_thousands_of_lines_arrive_whole_and_in_order),
          TEST_ENTRY(test_io_a_line_much_longer_than_the_buffer_arrives_whole),
          TEST_ENTRY(test_io_a_line_without_an_end_is_refused),
          TEST_ENTRY(test_io_input_and_output_that_fail),
          TEST_ENTRY(test_io_print_of_a_program_without_a_log),
          TEST_ENTRY(test_io_raw_without_a_terminal),
          TEST_ENTRY(test_io_two_terminal_hosts_share_the_input))
#endif
