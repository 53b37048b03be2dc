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
    CHECK_WAIT(has_printed, &tick, 5000); /* while the read waits */
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
    CHECK_WAIT(has_printed, &ready, 5000);
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
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int slave;
    REQUIRE(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
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
    CHECK_WAIT(is_raw_now, &slave, 5000);
    CHECK(write(master, "x", 1) == 1); /* no newline needed */
    while (is_raw(slave)) {
        test_pause_ms(1);
    }
    CHECK(write(master, "cooked\n", 7) == 7);
    CHECK_WAIT(is_raw_now, &slave, 5000);
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

TEST_MAIN(TEST_ENTRY(test_io_outside_a_terminal_host), TEST_ENTRY(test_io_write_print_eprint),
          TEST_ENTRY(test_io_readline), TEST_ENTRY(test_io_long_lines_arrive_whole),
          TEST_ENTRY(test_io_read), TEST_ENTRY(test_io_args),
          TEST_ENTRY(test_io_reads_let_others_run_and_keep_what_is_left),
          TEST_ENTRY(test_io_two_coroutines_read_lines_whole),
          TEST_ENTRY(test_io_a_killed_reader_loses_nothing), TEST_ENTRY(test_io_reads_a_file),
          TEST_ENTRY(test_io_read_that_cannot_wait_raises),
          TEST_ENTRY(test_io_raw_is_counted_and_reset_at_the_end))
#endif
