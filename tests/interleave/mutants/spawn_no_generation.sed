# a slot is used again under the same pid
# FILE spawn.c
# RUN test_process end_against_send
# RUN test_process terminate_end_reuse
s/wippyi_pid_generation(before) + 1 : 0/wippyi_pid_generation(before) : 0/
