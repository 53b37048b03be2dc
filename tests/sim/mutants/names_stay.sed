# names of a process that ended stay registered
# FILE relations.c
s/^    wippyi_names_exit(rt, names);/    (void)wippyi_names_exit;/
