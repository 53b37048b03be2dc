/* Relations from the inside: lists stay whole whichever end goes first, names are replaced only when
   their owner has let go, a slot at the end of its generations is retired. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include "../core_kit.h"

static wippyi_slot *slot_of(core *c, wippy_pid pid)
{
    return wippyi_slot_of(c->rt, pid.id);
}

static uint32_t list_length(const wippyi_rel_node *node)
{
    uint32_t n = 0;
    for (; node != NULL; node = node->next) {
        CHECK(*node->link == node);
        CHECK(node->relation != NULL);
        n++;
    }
    return n;
}

static wippy_status relate_to_all(wippy_self *self, core_actor *a)
{
    core_actor *others = (core_actor *)a->arg;
    for (int i = 0; i < a->number; i++) {
        CHECK_EQ_INT(wippy_monitor(self, others[i].pid), WIPPY_OK);
        CHECK_EQ_INT(wippy_link(self, others[i].pid), WIPPY_OK);
    }
    return WIPPY_IDLE;
}

TEST(test_relations_lists_stay_whole_in_any_order_of_ends)
{
    for (int round = 0; round < 10; round++) {
        core c;
        static core_actor others[10];
        core_actor hub = {0};
        REQUIRE(core_open(&c, 0));
        memset(others, 0, sizeof(others));
        for (int i = 0; i < 10; i++) {
            others[i].trap = true;
            core_spawn(&c, &others[i]);
        }
        hub.on_start = relate_to_all;
        hub.arg = others;
        hub.number = 10;
        hub.trap = true;
        wippy_pid pid = core_spawn(&c, &hub);
        core_run(&c);
        CHECK_EQ_INT(list_length(slot_of(&c, pid)->relations->watching), 10);
        CHECK_EQ_INT(list_length(slot_of(&c, pid)->relations->links), 10);
        CHECK_EQ_INT(list_length(slot_of(&c, others[3].pid)->relations->watched), 1);
        uint32_t left = 10;
        for (int k = 0; k < 5; k++) {
            int which = (int)test_random_below(10);
            if (others[which].closes == 0) {
                wippy_terminate(c.out, others[which].pid);
                core_run(&c);
                left--;
            }
            CHECK_EQ_INT(list_length(slot_of(&c, pid)->relations->watching), left);
            CHECK_EQ_INT(list_length(slot_of(&c, pid)->relations->links), left);
        }
        wippy_terminate(c.out, pid);
        core_run(&c);
        for (int i = 0; i < 10; i++) {
            if (others[i].closes == 0) {
                CHECK_EQ_INT(list_length(slot_of(&c, others[i].pid)->relations->watched), 0);
                CHECK_EQ_INT(list_length(slot_of(&c, others[i].pid)->relations->links), 0);
                CHECK_EQ_INT(core_kinds(&others[i], WIPPY_MAIL_LINK_DOWN), 1);
            }
        }
        core_close(&c);
    }
}

/* The window between an exit that has closed the tenant word and one that has freed its names. */
TEST(test_relations_name_of_an_ending_owner_can_be_taken)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_pid found = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    wippy_pid two = core_spawn(&c, &b);
    CHECK_EQ_INT(wippy_name_register(c.out, "seat", 0, one), WIPPY_OK);
    wippyi_slot *slot = slot_of(&c, one);
    wippyi_a64_store_rel(&slot->tenant, one.id | WIPPYI_LIFE_TERMINATE); /* as its exit would */
    CHECK_EQ_INT(wippy_name_register(c.out, "more", 0, one), WIPPY_ERR_GONE);
    CHECK_EQ_INT(wippy_name_register(c.out, "seat", 0, two), WIPPY_OK);
    CHECK_EQ_INT(wippy_name_find(c.rt, "seat", 0, &found), WIPPY_OK);
    CHECK_EQ_U64(found.id, two.id);
    CHECK(slot->relations->names == NULL);
    wippyi_a64_store_rel(&slot->tenant, one.id);
    wippy_terminate(c.out, one);
    core_run(&c);
    CHECK_EQ_INT(wippy_name_find(c.rt, "seat", 0, &found), WIPPY_OK); /* the exit took nothing away */
    CHECK_EQ_U64(found.id, two.id);
    core_close(&c);
}

TEST(test_relations_letter_to_an_earlier_tenant_causes_no_step)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    wippy_message m;
    wippy_runtime_info info;
    REQUIRE(core_open(&c, 0));
    wippy_pid one = core_spawn(&c, &a);
    wippy_terminate(c.out, one);
    core_run(&c);
    wippy_pid two = {0};
    for (int i = 0; i < 100 && wippyi_pid_slot(two.id) != wippyi_pid_slot(one.id); i++) {
        memset(&b, 0, sizeof(b));
        two = core_spawn(&c, &b);
        core_run(&c);
        if (wippyi_pid_slot(two.id) != wippyi_pid_slot(one.id)) {
            wippy_terminate(c.out, two);
            core_run(&c);
        }
    }
    REQUIRE(wippyi_pid_slot(two.id) == wippyi_pid_slot(one.id));
    memset(&m, 0, sizeof(m));
    wippy_mail *late = wippyi_mail_new(c.rt, NULL, one.id, 0, &m); /* a sender that was slow */
    REQUIRE(late != NULL);
    uint32_t steps = b.steps;
    if (wippyi_mailbox_push(&slot_of(&c, two)->box, late) == WIPPYI_PUSH_OWNED) {
        wippyi_schedule(NULL, slot_of(&c, two));
    }
    core_run(&c);
    CHECK_EQ_INT(b.steps, steps);
    CHECK_EQ_INT(b.count, 0);
    wippy_runtime_stats(c.rt, &info);
    CHECK_EQ_U64(info.dead_letters, 1);
    core_tell(&c, two, "x");
    core_run(&c);
    CHECK_EQ_INT(b.count, 1);
    core_close(&c);
}

TEST(test_relations_slot_without_generations_left_is_retired)
{
    core c;
    core_actor a = {0};
    core_actor b = {0};
    REQUIRE(core_open(&c, 0));
    wippy_pid pid = core_spawn(&c, &a);
    uint32_t index = wippyi_pid_slot(pid.id);
    wippy_terminate(c.out, pid);
    core_run(&c);
    wippyi_slot *slot = slot_of(&c, pid);
    wippyi_a64_store_rel(&slot->tenant, wippyi_pid_make(index, 1, WIPPYI_GENERATION_MAX - 1) |
                                            WIPPYI_LIFE_TERMINATE);
    uint32_t uses = 0;
    for (int i = 0; i < 200; i++) {
        memset(&b, 0, sizeof(b));
        pid = core_spawn(&c, &b);
        if (wippyi_pid_slot(pid.id) == index) {
            uses++;
            CHECK_EQ_INT(wippyi_pid_generation(pid.id), WIPPYI_GENERATION_MAX);
        }
        wippy_terminate(c.out, pid);
        core_run(&c);
    }
    CHECK_EQ_INT(uses, 1);
    core_close(&c);
}

TEST_MAIN(TEST_ENTRY(test_relations_lists_stay_whole_in_any_order_of_ends),
          TEST_ENTRY(test_relations_name_of_an_ending_owner_can_be_taken),
          TEST_ENTRY(test_relations_letter_to_an_earlier_tenant_causes_no_step),
          TEST_ENTRY(test_relations_slot_without_generations_left_is_retired))
