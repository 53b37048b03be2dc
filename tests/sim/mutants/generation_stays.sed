# a pid is used twice
# FILE spawn.c
s/before != 0 ? wippyi_pid_generation(before) + 1 : 0;/before != 0 ? wippyi_pid_generation(before) : 0;/
