/* The explorer's door: with WIPPYI_EXPLORE every operation arrives here, described completely. */
#define WIPPYI_EXPLORE
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

typedef struct record {
    wippyi_atomic_kind kind;
    wippyi_atomic_order order;
    unsigned width;
    void *address;
    uint64_t operand;
} record;

static record last;
static unsigned relax_count;

static uint64_t read_word(const void *address, unsigned width)
{
    uint32_t narrow;
    uint64_t wide;
    if (width == 4) {
        memcpy(&narrow, address, 4);
        return narrow;
    }
    memcpy(&wide, address, 8);
    return wide;
}

static void write_word(void *address, unsigned width, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;
    if (width == 4) {
        memcpy(address, &narrow, 4);
    } else {
        memcpy(address, &value, 8);
    }
}

static uint64_t apply(wippyi_atomic_kind kind, uint64_t old, uint64_t operand)
{
    switch (kind) {
    case WIPPYI_AT_LOAD: return old;
    case WIPPYI_AT_ADD: return old + operand;
    case WIPPYI_AT_SUB: return old - operand;
    case WIPPYI_AT_OR: return old | operand;
    case WIPPYI_AT_AND: return old & operand;
    default: return operand;
    }
}

uint64_t wippyi_explore_op(wippyi_atomic_kind kind, wippyi_atomic_order order, unsigned width,
                           void *address, uint64_t operand, uint64_t *expected)
{
    uint64_t old = read_word(address, width);
    last.kind = kind;
    last.order = order;
    last.width = width;
    last.address = address;
    last.operand = operand;
    if (kind == WIPPYI_AT_CAS) {
        if (old != *expected) {
            *expected = old;
            return 0;
        }
        write_word(address, width, operand);
        return 1;
    }
    write_word(address, width, apply(kind, old, operand));
    return old;
}

void wippyi_explore_relax(void)
{
    relax_count++;
}

static void check_last(wippyi_atomic_kind kind, wippyi_atomic_order order, unsigned width,
                       const void *address, uint64_t operand)
{
    CHECK_EQ_INT(last.kind, kind);
    CHECK_EQ_INT(last.order, order);
    CHECK_EQ_INT(last.width, width);
    CHECK_EQ_PTR(last.address, address);
    CHECK_EQ_U64(last.operand, operand);
}

TEST(test_atomic_hook_sees_every_operation)
{
    wippyi_a32 a;
    wippyi_a64 b;
    uint64_t expected = 1;
    wippyi_a32_init(&a, 5);
    check_last(WIPPYI_AT_INIT, WIPPYI_ORD_rlx, 4, &a, 5);
    CHECK_EQ_U64(wippyi_a32_load_acq(&a), 5);
    check_last(WIPPYI_AT_LOAD, WIPPYI_ORD_acq, 4, &a, 0);
    wippyi_a32_store_rel(&a, 6);
    check_last(WIPPYI_AT_STORE, WIPPYI_ORD_rel, 4, &a, 6);
    CHECK_EQ_U64(wippyi_a32_add_acqrel(&a, 0xffffffffu), 6);
    check_last(WIPPYI_AT_ADD, WIPPYI_ORD_acqrel, 4, &a, 0xffffffffu);
    CHECK_EQ_U64(wippyi_a32_sub_sc(&a, 1), 5);
    CHECK_EQ_U64(wippyi_a32_or_rlx(&a, 8), 4);
    CHECK_EQ_U64(wippyi_a32_and_rlx(&a, 8), 12);
    wippyi_a64_init(&b, 1u);
    CHECK(wippyi_a64_cas_sc(&b, &expected, 0x200000000u));
    check_last(WIPPYI_AT_CAS, WIPPYI_ORD_sc, 8, &b, 0x200000000u);
    CHECK(!wippyi_a64_cas_acq(&b, &expected, 3));
    CHECK_EQ_U64(expected, 0x200000000u);
    CHECK_EQ_U64(wippyi_a64_xchg_rel(&b, 9), 0x200000000u);
    check_last(WIPPYI_AT_XCHG, WIPPYI_ORD_rel, 8, &b, 9);
    wippyi_cpu_relax();
    CHECK_EQ_INT(relax_count, 1);
}

TEST(test_atomic_hook_carries_pointers)
{
    int one, two;
    wippyi_ap a;
    void *expected = &two;
    wippyi_ap_init(&a, &one);
    CHECK_EQ_PTR(wippyi_ap_load_sc(&a), &one);
    CHECK(!wippyi_ap_cas_acqrel(&a, &expected, NULL));
    CHECK_EQ_PTR(expected, &one);
    CHECK_EQ_PTR(wippyi_ap_xchg_acq(&a, &two), &one);
    check_last(WIPPYI_AT_XCHG, WIPPYI_ORD_acq, (unsigned)sizeof(void *), &a, (uintptr_t)&two);
}

TEST_MAIN(TEST_ENTRY(test_atomic_hook_sees_every_operation),
          TEST_ENTRY(test_atomic_hook_carries_pointers))
