# LINK_DOWN comes before EXIT
# FILE relations.c
s/    wippyi_relations_tell(rt, w, watched, pid, (int)WIPPY_MAIL_EXIT, code, result);/    wippyi_relations_tell(rt, w, links, pid, code != WIPPY_OK ? (int)WIPPY_MAIL_LINK_DOWN : -1, code, result); links = NULL; wippyi_relations_tell(rt, w, watched, pid, (int)WIPPY_MAIL_EXIT, code, result);/
