/* ========================================================================== >>signals
   The wait of the main thread. A thread of its own takes the signals with sigwait(), so nothing runs
   inside a signal handler; every other thread has them blocked. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void ending_signals(sigset_t *set)
{
    struct sigaction hangup;
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    /* A program started with nohup stays. */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
        sigaddset(set, SIGHUP);
    }
}

/* A shell starts background jobs with SIGINT ignored; here it is asked for. */
static void stop_ignoring(int signal)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

static void *take_signals(void *argument)
{
    cmd_watch *w = (cmd_watch *)argument;
    struct termios modes;
    bool terminal = tcgetattr(STDIN_FILENO, &modes) == 0;
    sigset_t set;
    ending_signals(&set);
    bool asked = false;
    for (;;) {
        int signal = 0;
        if (sigwait(&set, &signal) != 0) {
            continue;
        }
        if (!asked) {
            asked = true;
            watch_post(w, NOTICE_SIGNAL);
            continue;
        }
        log_line(w->log, WIPPY_LOG_WARN, "force exit");
        if (terminal) {
            tcsetattr(STDIN_FILENO, TCSANOW, &modes); /* a program may have left it in raw mode */
        }
        _exit(1);
    }
    return NULL;
}

bool watch_open(cmd_watch *watch, log_sink *log)
{
    sigset_t set;
    watch->log = log;
    watch->files = -1;
    if (pipe(watch->wake) != 0) {
        return false;
    }
    ending_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread made later */
    stop_ignoring(SIGINT);                  /* blocked by now: one that comes here waits for us */
    stop_ignoring(SIGTERM);
    pthread_t thread;
    return pthread_create(&thread, NULL, take_signals, watch) == 0 && pthread_detach(thread) == 0;
}

void watch_post(cmd_watch *watch, cmd_notice notice)
{
    char byte = (char)notice;
    while (write(watch->wake[1], &byte, 1) < 0 && errno == EINTR) {
    }
}

cmd_notice watch_wait(cmd_watch *watch, int timeout_ms)
{
    struct pollfd readable[2];
    memset(readable, 0, sizeof readable);
    readable[0].fd = watch->wake[0];
    readable[0].events = POLLIN;
    readable[1].fd = watch->files; /* poll() skips -1 */
    readable[1].events = POLLIN;
    if (poll(readable, 2, timeout_ms) <= 0) {
        return NOTICE_NONE;
    }
    char byte = 0;
    if ((readable[0].revents & POLLIN) != 0 && read(watch->wake[0], &byte, 1) == 1) {
        return (cmd_notice)byte;
    }
    if ((readable[1].revents & POLLIN) != 0) {
        file_watch_drain(watch->files);
        return NOTICE_FILES;
    }
    return NOTICE_NONE;
}
