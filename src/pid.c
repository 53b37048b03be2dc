/* ========================================================================== >>pid
   Text form of pids: "{host|0x00001}" (slot and generation as one hexadecimal number).
   Any thread.  Locks: hosts_lock while parsing.  Allocates: nothing. */
#include "core.h"
#include "host.h"

#include <stdio.h>
#include <string.h>

/* The number printed: slot in the low 24 bits, generation above; the label is the text in front. */
static uint64_t wippyi_pid_number(uint64_t pid)
{
    return wippyi_pid_slot(pid) | (uint64_t)wippyi_pid_generation(pid) << WIPPYI_PID_SLOT_BITS;
}

#define WIPPYI_PID_DIGITS 5 /* at the least */

/* "|0x00001}" into `out`, which has room for 21 bytes. */
static size_t wippyi_pid_tail(uint64_t number, char *out)
{
    size_t digits = WIPPYI_PID_DIGITS;
    size_t i;
    while (digits < 16 && number >> (4 * digits) != 0) {
        digits++;
    }
    memcpy(out, "|0x", 3);
    for (i = digits; i > 0; i--) {
        out[2 + i] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
    memcpy(out + 3 + digits, "}", 2);
    return digits + 4;
}

/* Written by hand: each spawn and each new sender of a Lua process asks for a text. */
WIPPY_API size_t wippy_pid_text(wippy_runtime *rt, wippy_pid pid, char *text, size_t room)
{
    const wippyi_label *label = wippyi_label_at(rt, wippyi_pid_label(pid.id));
    const char *host = label != NULL ? label->text : "";
    char tail[24];
    size_t host_bytes, tail_bytes;
    if (pid.id == 0) {
        if (room > 0) {
            text[0] = '\0';
        }
        return 0;
    }
    host_bytes = strlen(host);
    tail_bytes = wippyi_pid_tail(wippyi_pid_number(pid.id), tail);
    if (room > host_bytes + tail_bytes + 1) {
        text[0] = '{';
        memcpy(text + 1, host, host_bytes);
        memcpy(text + 1 + host_bytes, tail, tail_bytes + 1);
    } else {
        (void)snprintf(text, room, "{%s%s", host, tail);
    }
    return host_bytes + tail_bytes + 1;
}

static wippy_result wippyi_pid_bad(wippy_diag *diag, wippy_result code, const char *message)
{
    if (diag != NULL) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        (void)snprintf(diag->message, sizeof(diag->message), "%s", message);
    }
    return code;
}

static bool wippyi_hex(const char *text, size_t bytes, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;
    if (bytes < 3 || bytes > 18 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        return false;
    }
    for (i = 2; i < bytes; i++) {
        char c = text[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint32_t)(c - 'A') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

WIPPY_API wippy_result wippy_pid_parse(wippy_runtime *rt, const char *text, size_t bytes,
                                       wippy_pid *out, wippy_diag *diag)
{
    const char *bar, *host, *number, *at, *end;
    uint64_t value;
    uint32_t label;
    if (bytes < 3 || text[0] != '{' || text[bytes - 1] != '}') {
        return wippyi_pid_bad(diag, WIPPY_ERR_INVALID, "invalid pid format: missing braces");
    }
    end = text + bytes - 1;
    bar = (const char *)memchr(text, '|', bytes);
    if (bar == NULL) {
        return wippyi_pid_bad(diag, WIPPY_ERR_INVALID, "invalid pid format: missing pipe");
    }
    host = text + 1;
    at = (const char *)memchr(host, '@', (size_t)(bar - host));
    if (at != NULL) {
        host = at + 1; /* a node name; there is one node */
    }
    number = bar + 1;
    at = (const char *)memchr(number, '|', (size_t)(end - number));
    if (at != NULL) {
        number = at + 1; /* old form with three parts */
    }
    if (!wippyi_hex(number, (size_t)(end - number), &value) || wippyi_pid_slot(value) == 0 ||
        value >> (WIPPYI_PID_SLOT_BITS + WIPPYI_PID_GENERATION_BITS) != 0) {
        return wippyi_pid_bad(diag, WIPPY_ERR_INVALID, "invalid pid format: bad number");
    }
    label = wippyi_label_find(rt, host, (size_t)(bar - host));
    if (label == 0) {
        return wippyi_pid_bad(diag, WIPPY_ERR_NOTFOUND, "host not found");
    }
    out->id =
        wippyi_pid_make(wippyi_pid_slot(value), label, (uint32_t)(value >> WIPPYI_PID_SLOT_BITS));
    return WIPPY_OK;
}

#undef WIPPYI_PID_DIGITS
