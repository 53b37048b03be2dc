# names are released after EXIT was sent
# FILE relations.c
/^    wippyi_names_exit(rt, names);/d
s/^    wippyi_relations_tell(rt, w, links, pid, code != WIPPY_OK ? (int)WIPPY_MAIL_LINK_DOWN : -1,$/    wippyi_names_exit(rt, names);\n&/
