/* ========================================================================== >>value
   The encoded form of payloads: nil, boolean, integer, float, string, array, map, error.
   Writer, reader: passive, one thread at a time each; checks and look-ups: any thread.
   Locks: none.  Allocates: only a writer, one block, through wippyi_mem.
   Holds: a reader never looks outside its bytes, whatever they are; a writer that has not failed
   and has nothing open holds bytes that wippy_value_check() accepts.

   Format. A sequence is values one after the other, with no header and no alignment, the same on
   every machine. Each value begins with a tag:

     00..3f          integer 0..63
     40..5f          string of 0..31 bytes, which follow
     60              nil
     61 62           false, true
     63 varint       integer, zigzag
     64 8 bytes      float, IEEE 754 binary64, least significant byte first
     65 varint       string: its length, then its bytes
     66 varint       array: how many values to expect (0 = unknown), then values, then 68
     67 varint       map: how many pairs to expect (0 = unknown), then key value ..., then 68
     68              end of the array, map or error that is open
     69 varint       reference: how many containers back, counted in the order in which they begin
                     (1 = the one that began last); a distance, so that a value can be moved
     6a byte         error: retryable (0 no, 1 yes, 2 unknown), kind and message as varint length
                     and bytes, then at most two values (details, stack as text), then 68
     e0..ff          integer -32..-1
     others          malformed

   A varint has 7 bits a byte, the lowest first, bit 7 set on all but the last, and fits 64 bits. */
#ifndef WIPPYI_VALUE_H
#define WIPPYI_VALUE_H

#include "api.h"
#include "config.h"
#include "memory.h"

enum {
    WIPPYI_TAG_SHORT_STRING = 0x40,
    WIPPYI_TAG_NIL = 0x60,
    WIPPYI_TAG_FALSE = 0x61,
    WIPPYI_TAG_TRUE = 0x62,
    WIPPYI_TAG_INT = 0x63,
    WIPPYI_TAG_FLOAT = 0x64,
    WIPPYI_TAG_STRING = 0x65,
    WIPPYI_TAG_ARRAY = 0x66,
    WIPPYI_TAG_MAP = 0x67,
    WIPPYI_TAG_END = 0x68,
    WIPPYI_TAG_REF = 0x69,
    WIPPYI_TAG_ERROR = 0x6a,
    WIPPYI_TAG_NEGATIVE = 0xe0
};

#define WIPPYI_VALUE_FLOAT_TEXT 32 /* room for any double as text, with its NUL */

/* As wippy_writer_init(), from an allocator. NULL = never grow: full is WIPPY_ERR_NOMEM. */
WIPPYI_FN void wippyi_writer_init(wippy_writer *w, wippyi_mem *mem);

/* The shortest decimal that reads back as the same double, in the form of JSON: 3.14, 2, 1e+21,
   1e-7; "null" for NaN and infinities. Independent of the locale. Returns its length. */
WIPPYI_FN size_t wippyi_value_float_text(double number, char text[WIPPYI_VALUE_FLOAT_TEXT]);

/* The length of the UTF-8 sequence (1..4) at the start of size bytes, 0 when it is none: overlong,
   surrogate, beyond U+10FFFF or cut. */
WIPPYI_FN size_t wippyi_value_utf8(const uint8_t *bytes, size_t size);

#endif /* WIPPYI_VALUE_H */
