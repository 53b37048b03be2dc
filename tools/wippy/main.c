/* ========================================================================== >>main
   The wippy command: which of its commands is asked for, and the small ones. */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX 1024

static const char usage[] =
    "wippy runs applications made of Lua and YAML.\n"
    "\n"
    "  wippy run                        start the services of the project, until a signal\n"
    "  wippy run NAME [ARGUMENT...]     the same, with the process of that command; ends with it\n"
    "  wippy run -x NS:NAME [ARGUMENT...]  the same, with the process of that id\n"
    "  wippy run list                   list the commands of the project\n"
    "  wippy test [ARGUMENT...]         short for: wippy run test\n"
    "  wippy init                       write wippy.lock\n"
    "  wippy version\n"
    "\n"
    "  -x, --exec NS:NAME               process to start on the terminal host\n"
    "      --host ID                    terminal host to use; default: the only one\n"
    "  -C, --dir DIRECTORY              the project: where wippy.lock, .wippy.yaml and src/ are;\n"
    "                                   default: the working directory. Other paths do not move\n"
    "  -c, --console                    logs on standard output, with the time since the start\n"
    "  -s, --silent                     no logs; implied by NAME and -x without -c or -v\n"
    "  -v, --verbose, --very-verbose    logs from level DEBUG on; where an error came from\n"
    "  -w, --watch                      when files of the project change: load what differs into "
    "the\n"
    "                                   running application; a broken file changes nothing\n"
    "  -o, --override NS:ENTRY:FIELD=VALUE  change a field of an entry; repeatable\n"
    "      --set SECTION.PATH=VALUE     change a setting of .wippy.yaml; repeatable:\n"
    "                                   logger.encoding, logger.level, shutdown.timeout,\n"
    "                                   security.strict_mode, fs.roots\n"
    "      --config FILE                settings; default: .wippy.yaml of the project\n"
    "  -e, -p, -m SIZE                  accepted, without effect\n"
    "      --                           what follows is an argument, whatever it looks like\n";

static const char lock_text[] = "directories:\n"
                                "  modules: .wippy\n"
                                "  src: ./src\n";

int fail(const cmd_options *options, const char *format, ...)
{
    char text[ERROR_MAX * 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fflush(stdout);
    fprintf(stderr, "%s%s\n", options->console ? "" : "Error: ", text);
    return 1;
}

void diag_text(const wippy_diag *diag, char *text, size_t room)
{
    const char *message = diag->message[0] != 0 ? diag->message : wippy_result_text(diag->code);
    if (diag->file[0] == 0) {
        snprintf(text, room, "%s", message);
    } else if (diag->line == 0) {
        snprintf(text, room, "%s: %s", diag->file, message);
    } else if (diag->column == 0) {
        snprintf(text, room, "%s:%u: %s", diag->file, (unsigned)diag->line, message);
    } else {
        snprintf(text, room, "%s:%u:%u: %s", diag->file, (unsigned)diag->line,
                 (unsigned)diag->column, message);
    }
}

/* Never overwrites; a project that has a lock file is fine as it is. */
static int command_init(const cmd_options *options)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", options->directory, LOCK_FILE);
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        fclose(file);
        printf("%s is already there\n", LOCK_FILE);
        return 0;
    }
    file = fopen(path, "wb");
    if (file == NULL) {
        return fail(options, "%s: %s", path, strerror(errno));
    }
    bool written = fputs(lock_text, file) >= 0;
    if (fclose(file) != 0 || !written) {
        return fail(options, "%s: %s", path, strerror(errno));
    }
    printf("wrote %s\n", LOCK_FILE);
    return 0;
}

static bool is_pack(const char *name)
{
    size_t bytes = strlen(name);
    return strchr(name, '/') != NULL || (bytes > 5 && strcmp(name + bytes - 5, ".wapp") == 0);
}

/* `words`: what stands after "run". */
static int run_words(const cmd_options *options, const cmd_config *config, const text_list *words)
{
    text_list arguments = *words;
    const char *name = NULL;
    if (options->exec == NULL && words->count > 0) {
        name = words->items[0];
        arguments.items++;
        arguments.count--;
        if (is_pack(name)) {
            return fail(options, "packs and modules are not supported: %s", name);
        }
        if (strcmp(name, "list") == 0) {
            return command_list(options, config);
        }
    }
    return command_run(options, config, name, &arguments);
}

static int run(const cmd_options *options, bool test)
{
    char error[ERROR_MAX];
    cmd_config config;
    text_list words = options->positional;
    if (!test) { /* "test" itself is the name of the command that is run */
        words.items++;
        words.count--;
    }
    int status = 1;
    if (config_load(&config, options, error, sizeof error)) {
        status = run_words(options, &config, &words);
    } else {
        fail(options, "%s", error);
    }
    config_free(&config);
    return status;
}

static int dispatch(const cmd_options *options)
{
    const char *name = options->positional.count > 0 ? options->positional.items[0] : "help";
    if (options->version || strcmp(name, "version") == 0) {
        printf("wippy %d.%d.%d\n", WIPPY_VERSION_MAJOR, WIPPY_VERSION_MINOR, WIPPY_VERSION_PATCH);
        return 0;
    }
    if (options->help || strcmp(name, "help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (strcmp(name, "run") == 0 || strcmp(name, "test") == 0) {
        return run(options, name[0] == 't');
    }
    if (strcmp(name, "init") == 0) {
        return command_init(options);
    }
    return fail(options, "unknown command \"%s\". Use 'wippy help'", name);
}

int main(int argc, char **argv)
{
    char error[ERROR_MAX];
    cmd_options options;
    int status;
    if (options_parse(&options, argc, argv, error, sizeof error)) {
        status = dispatch(&options);
    } else {
        status = fail(&options, "%s", error);
    }
    options_free(&options);
    return status;
}
