/* ========================================================================== >>test_mod_logger
   The module `logger` and print(): records as the program's log function sees them. */
#include "module_kit.h"

static void logs_at_level(int line, wippy_log_level level, const char *body, const char *expected)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    module_setup_init(&setup);
    setup.level = level;
    module_kit_open(kit, &setup);
    module_start(kit, "logger time", body, NULL);
    module_wait(kit);
    module_close(kit);
    if (strcmp(kit->log, expected) != 0 || kit->lua.last_result != WIPPY_OK) {
        FAIL("line %d: %s\n  logged   %s\n  expected %s\n  ended with %s", line, body, kit->log,
             expected, kit->lua.last_value);
    }
    free(kit);
}

#define logs(body, expected) logs_at_level(__LINE__, WIPPY_LOG_DEBUG, body, expected)

/* What every line begins its fields with, when it is written in line N of the source. */
#define AUTO(n) "{\"pid\": \"{app:processes|0x00001}\", \"location\": \"app:test:" n "\""

TEST(test_logger_print_is_a_line_at_info)
{
    logs("print('a', 1, nil, true, 2.5)", "info [] a 1 nil true 2.5 " AUTO("1") "}\n");
    logs("\nprint()", "info []  " AUTO("2") "}\n");
    logs("print(errors.new('bad'))", "info [] bad " AUTO("1") "}\n");
    logs_at_level(__LINE__, WIPPY_LOG_WARN, "print('quiet')", "");
}

TEST(test_logger_levels)
{
    logs("logger:debug('d') logger:info('i')\nlogger:warn('w')\nlogger:error('e')",
         "debug [] d " AUTO("1") "}\ninfo [] i " AUTO("1") "}\nwarn [] w " AUTO(
             "2") "}\nerror [] e " AUTO("3") "}\n");
    logs_at_level(__LINE__, WIPPY_LOG_WARN,
                  "logger:debug('d') logger:info('i') logger:warn('w') logger:error('e')",
                  "warn [] w " AUTO("1") "}\nerror [] e " AUTO("1") "}\n");
}

TEST(test_logger_fields_are_sorted_behind_pid_and_location)
{
    logs(
        "logger:info('m', {zeta = 1, alpha = 'x', beta = 2.5, flag = true, [1] = 'no', [true] = "
        "2})",
        "info [] m " AUTO("1") ", \"alpha\": \"x\", \"beta\": 2.5, \"flag\": true, \"zeta\": 1}\n");
    logs("logger:info('m', {f = print, n = nil, c = coroutine.create(print)})",
         "info [] m " AUTO("1") "}\n");
    logs("logger:info('m', {e = errors.new('broken'), t = {a = {1, 2}}, d = "
         "time.parse_duration('2s')})",
         "info [] m " AUTO("1") ", \"d\": \"2s\", \"e\": \"broken\", \"t\": {\"a\": [1, 2]}}\n");
    logs("logger:info('m', {abc = 3, a = 1, ab = 2, b = payload.new({1}), c = payload.new('x')})",
         "info [] m " AUTO("1") ", \"a\": 1, \"ab\": 2, \"abc\": 3, \"b\": [1], \"c\": \"x\"}\n");
    logs("logger:with({[1] = 'no', [true] = 2, k = 3}):info('m')", "info [] m " AUTO("1") ", \"k\": 3}\n");
    logs("logger:info('m', {})", "info [] m " AUTO("1") "}\n");
    logs("logger:info('m', nil)", "info [] m " AUTO("1") "}\n");
    logs("logger:info('100%s %d')", "info [] 100%s %d " AUTO("1") "}\n");
}

TEST(test_logger_error_field_of_error_comes_first_as_text)
{
    logs("logger:error('m', {a = 1, error = errors.new('bad')})",
         "error [] m " AUTO("1") ", \"error\": \"bad\", \"a\": 1}\n");
    logs("logger:error('m', {a = 1, error = 42})",
         "error [] m " AUTO("1") ", \"error\": \"42\", \"a\": 1}\n");
    logs("logger:info('m', {a = 1, error = 42})",
         "info [] m " AUTO("1") ", \"a\": 1, \"error\": 42}\n");
}

TEST(test_logger_with_adds_fields_to_later_lines)
{
    logs("local l = logger:with{b = 1, a = 2} l:info('x', {c = 3}) l:info('y', {b = 9})"
         " l:with{a = 7}:info('z') logger:info('plain')",
         "info [] x " AUTO("1") ", \"a\": 2, \"b\": 1, \"c\": 3}\n"
                                "info [] y " AUTO("1") ", \"a\": 2, \"b\": 9}\n"
                                                       "info [] z " AUTO(
                                                           "1") ", \"a\": 7, \"b\": 1}\n"
                                                                "info [] plain " AUTO("1") "}\n");
    logs("local f = {a = 1} local l = logger:with(f) f.a = 2 l:info('x')",
         "info [] x " AUTO("1") ", \"a\": 1}\n");
}

TEST(test_logger_named_joins_with_dots)
{
    logs("local l = logger:named('app') l:info('x') l:named('db'):with{k = 1}:warn('y')",
         "info [app] x " AUTO("1") "}\nwarn [app.db] y " AUTO("1") ", \"k\": 1}\n");
}

TEST(test_logger_says_what_it_is)
{
    module_program("logger", "t.out(logger, logger:named('a'):named('b'), logger:with{k = 1})",
                   "logger{} logger{a.b} logger{}\n");
}

TEST(test_logger_location_is_the_innermost_lua_function)
{
    logs("local function f()\nlogger:info('in f') end\n f() pcall(logger.info, logger, 'called')",
         "info [] in f " AUTO("2") "}\ninfo [] called " AUTO("3") "}\n");
}

TEST(test_logger_nesting_too_deep_spoils_one_field_only)
{
    logs("local t = {} for i = 1, 300 do t = {t} end logger:info('m', {a = 1, t = t})",
         "info [] m " AUTO("1") ", \"a\": 1, \"t\": \"nesting too deep\"}\n");
    logs("local t = {} t.t = t logger:info('m', {t = t})",
         "info [] m " AUTO("1") ", \"t\": {\"t\": \"<ref 1>\"}}\n");
}

TEST(test_logger_arguments)
{
    module_program("logger",
                   "t.out(type(logger), require('logger') == logger)"
                   " local l = logger for _, f in ipairs{"
                   "function() l:info() end, function() l:info(5) end, function() l:info({}) end,"
                   "function() l:info('m', 5) end, function() l:info('m', 'x') end,"
                   "function() l:named('') end, function() l:named() end, function() l:with() end,"
                   "function() l.info('m') end, function() l.__tostring(5) end} do"
                   " local ok, e = pcall(f) t.out(ok, type(e)) end",
                   "userdata true\nfalse string\nfalse string\nfalse string\nfalse string\n"
                   "false string\nfalse string\nfalse string\nfalse string\nfalse string\n"
                   "false string\n");
}

TEST_MAIN(TEST_ENTRY(test_logger_print_is_a_line_at_info), TEST_ENTRY(test_logger_levels),
          TEST_ENTRY(test_logger_fields_are_sorted_behind_pid_and_location),
          TEST_ENTRY(test_logger_error_field_of_error_comes_first_as_text),
          TEST_ENTRY(test_logger_with_adds_fields_to_later_lines),
          TEST_ENTRY(test_logger_named_joins_with_dots),
          TEST_ENTRY(test_logger_location_is_the_innermost_lua_function),
          TEST_ENTRY(test_logger_says_what_it_is),
          TEST_ENTRY(test_logger_nesting_too_deep_spoils_one_field_only),
          TEST_ENTRY(test_logger_arguments))
