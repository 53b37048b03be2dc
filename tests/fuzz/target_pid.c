/* Pids as text: what is read is written again, and read again as the same; any number has a text;
   what is refused says why. */
#include "fuzz.h"

static wippy_runtime *rt;
static test_heap heap;

static void once(void)
{
    wippy_host_desc host;
    wippy_host made;
    wippy_desc desc;
    static const char *const names[] = {"app:main", "a", "node:control"};
    memset(&desc, 0, sizeof(desc));
    desc.allocator = fuzz_allocator(&heap);
    FUZZ_CHECK(wippy_create(&rt, &desc) == WIPPY_OK, "no runtime");
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        memset(&host, 0, sizeof(host));
        host.name = names[i];
        host.kind = WIPPY_HOST_PUMP;
        FUZZ_CHECK(wippy_host_create(rt, &host, &made) == WIPPY_OK, "no host");
    }
}

static void check_pid(wippy_pid pid)
{
    char text[300], again[300], cut[8];
    wippy_pid read = {0};
    size_t size = wippy_pid_text(rt, pid, text, sizeof(text));
    FUZZ_CHECK(size < sizeof(text) && strlen(text) == size, "length %zu of %s", size, text);
    FUZZ_CHECK(wippy_pid_text(rt, pid, cut, sizeof(cut)) == size, "another length when cut");
    FUZZ_CHECK(strlen(cut) < sizeof(cut) && !strncmp(cut, text, strlen(cut)), "cut wrongly");
    if (pid.id == 0) {
        FUZZ_CHECK(size == 0, "the zero pid is %s", text);
        return;
    }
    if (wippy_pid_parse(rt, text, size, &read, NULL) == WIPPY_OK) {
        wippy_pid_text(rt, read, again, sizeof(again));
        FUZZ_CHECK(strcmp(text, again) == 0, "%s is read as %s", text, again);
    }
    (void)wippy_alive(rt, pid);
    (void)wippy_send(wippy_outside(rt), pid, wippy_topic_make(rt, "x"), NULL, 0);
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    wippy_pid pid = {7}, again = {7};
    wippy_diag diag;
    char *exact = fuzz_exact(data, size);
    if (rt == NULL) {
        once();
    }
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_pid_parse(rt, exact, size, &pid, &diag);
    FUZZ_CHECK(wippy_pid_parse(rt, exact, size, &again, NULL) == result && again.id == pid.id,
               "two answers");
    if (result == WIPPY_OK) {
        char text[300];
        FUZZ_CHECK(pid.id != 0, "the zero pid was read");
        check_pid(pid);
        wippy_pid_text(rt, pid, text, sizeof(text));
        FUZZ_CHECK(wippy_pid_parse(rt, text, strlen(text), &again, NULL) == WIPPY_OK &&
                       again.id == pid.id,
                   "%s is not read as it was written", text);
    } else {
        FUZZ_CHECK(pid.id == 7, "written although it failed");
        FUZZ_CHECK(diag.message[0] != '\0', "no message");
        FUZZ_CHECK(result == WIPPY_ERR_INVALID || result == WIPPY_ERR_NOTFOUND, "%d", result);
    }
    if (size >= 8) {
        memcpy(&pid.id, data, 8);
        check_pid(pid);
    }
    free(exact);
    FUZZ_CHECK(TEST_ATOMIC_LOAD(&heap.live_bytes) < 1u << 20, "memory grows");
}
