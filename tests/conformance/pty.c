/* Run a command on a terminal of its own and talk to it.
     pty COMMAND...    what the command writes goes to standard output; from standard input come lines:
       until TEXT      wait until the command has written TEXT since the last one
       send TEXT       write TEXT to it (\n, \r, \t, \\, \xHH)
       modes           write a line "modes: ..." with what the terminal does: echo, lines, signals
       int             interrupt the command
     After the last line it waits for the end of the command and writes "ended: CODE" (or -SIGNAL) and
     the modes that it left behind. Gives up after 20 s without anything to read. */
#define _XOPEN_SOURCE 600
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static char seen[65536]; /* what was written since the last `until` */
static size_t seen_size;
static int terminal;
static int keeper; /* our own end of the slave: its modes can be read when the command is gone */
static pid_t child;

static void die(const char *why)
{
    printf("\npty: %s\n", why);
    fflush(stdout);
    kill(child, SIGKILL);
    exit(2);
}

/* One piece of what the command writes. 0: it is gone. */
static int listen_once(void)
{
    struct pollfd ready = {terminal, POLLIN, 0};
    char bytes[4096];
    if (poll(&ready, 1, PATIENCE_MS) <= 0) {
        die("nothing to read");
    }
    ssize_t size = read(terminal, bytes, sizeof(bytes));
    if (size <= 0) {
        return 0;
    }
    fwrite(bytes, 1, (size_t)size, stdout);
    if (seen_size + (size_t)size >= sizeof(seen)) {
        seen_size = 0;
    }
    memcpy(seen + seen_size, bytes, (size_t)size);
    seen_size += (size_t)size;
    seen[seen_size] = '\0';
    return 1;
}

static void until(const char *text)
{
    char *found;
    while ((found = strstr(seen, text)) == NULL) {
        if (!listen_once()) {
            die(text);
        }
    }
    found += strlen(text);
    seen_size -= (size_t)(found - seen);
    memmove(seen, found, seen_size + 1);
}

static void send_text(const char *text)
{
    for (; *text; text++) {
        char byte = *text;
        if (byte == '\\' && text[1]) {
            text++;
            byte = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text == 't' ? '\t' : *text;
            if (*text == 'x') {
                char hex[3] = {text[1], text[1] ? text[2] : '\0', '\0'};
                byte = (char)strtol(hex, NULL, 16);
                text += strlen(hex);
            }
        }
        if (write(terminal, &byte, 1) != 1) {
            die("cannot write");
        }
    }
}

static void modes(void)
{
    struct termios m;
    if (tcgetattr(keeper, &m) != 0) {
        die("no modes");
    }
    printf("\nmodes:%s%s%s\n", m.c_lflag & ECHO ? " echo" : "", m.c_lflag & ICANON ? " lines" : "",
           m.c_lflag & ISIG ? " signals" : "");
}

static void start(char **command)
{
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        die("no terminal");
    }
    keeper = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    child = fork();
    if (child == 0) {
        setsid();
        int slave = open(ptsname(terminal), O_RDWR); /* the first one opened becomes our terminal */
        dup2(slave, 0);
        dup2(slave, 1);
        dup2(slave, 2);
        close(terminal);
        close(keeper);
        execvp(command[0], command);
        _exit(127);
    }
    if (child < 0 || keeper < 0) {
        die("cannot start");
    }
}

/* The command's end shows in waitpid(): we hold the terminal open ourselves. */
static int ended(int *status)
{
    struct pollfd ready = {terminal, POLLIN, 0};
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 20) {
        while (poll(&ready, 1, 0) > 0 && listen_once()) {
        }
        if (waitpid(child, status, WNOHANG) == child) {
            while (poll(&ready, 1, 0) > 0 && listen_once()) {
            }
            return 1;
        }
        (void)poll(NULL, 0, 20);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char line[1024];
    int status = 0;
    if (argc < 2) {
        return 2;
    }
    start(argv + 1);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "until ", 6) == 0) {
            until(line + 6);
        } else if (strncmp(line, "send ", 5) == 0) {
            send_text(line + 5);
        } else if (strcmp(line, "modes") == 0) {
            modes();
        } else if (strcmp(line, "int") == 0) {
            kill(child, SIGINT);
        } else {
            die(line);
        }
    }
    if (!ended(&status)) {
        die("does not end");
    }
    printf("\nended: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    modes();
    return 0;
}
