/* Replays files through one target, without any fuzzer:

       PROGRAM [-d] FILE|DIRECTORY...

   Prints the file that was running when something fails. With
   -d each file is also run with every byte cut off its end and with single bytes changed (short
   files only): what a fuzzer would try first. Exit status 0 when every file went through. */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECONDS_A_FILE 100 /* of the clock on the wall: the machine may be busy */

static const char *current;
static unsigned long count;
static bool damage;

/* Only what a signal handler may use. */
static void say(const char *text)
{
    ssize_t written = write(2, text, strlen(text));
    (void)written;
}

static void on_death(int signal_number)
{
    say(signal_number == SIGALRM ? "FAIL hangs: " : "FAIL with ");
    say(current ? current : "?");
    say("\n");
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = (uint8_t *)malloc(size > 0 ? size : 1);
    memcpy(exact, data, size);
    alarm(SECONDS_A_FILE);
    (void)LLVMFuzzerTestOneInput(exact, size);
    alarm(0);
    free(exact);
    count++;
}

static void run_damaged(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = {0, '\n', '"', 0x80, 0xff};
    for (size_t cut = 0; cut < size; cut++) {
        run(data, cut);
        uint8_t was = data[cut];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            data[cut] = bytes[i];
            run(data, size);
        }
        data[cut] = was;
    }
}

static bool replay_file(const char *path, long size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = (uint8_t *)malloc(size > 0 ? (size_t)size : 1);
    if (file == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        perror(path);
        return false;
    }
    fclose(file);
    current = path;
    run(data, (size_t)size);
    if (damage && size <= 512) {
        run_damaged(data, (size_t)size);
    }
    free(data);
    return true;
}

static bool replay(const char *path)
{
    struct stat info;
    DIR *directory;
    struct dirent *entry;
    bool good = true;
    if (stat(path, &info) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(info.st_mode)) {
        return replay_file(path, (long)info.st_size);
    }
    directory = opendir(path);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char below[4096];
        if (entry->d_name[0] != '.') {
            snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
            good = replay(below) && good;
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return directory != NULL && good;
}

int main(int argc, char **argv)
{
    static const int deaths[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    bool good = true;
    for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
        signal(deaths[i], on_death);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-d") == 0) {
            damage = true;
        } else {
            good = replay(argv[i]) && good;
        }
    }
    printf("%lu runs\n", count);
    return good && count > 0 ? 0 : 1;
}
