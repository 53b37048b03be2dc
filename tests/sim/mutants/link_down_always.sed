# LINK_DOWN also when a process ends normally
# FILE relations.c
s/code != WIPPY_OK ? (int)WIPPY_MAIL_LINK_DOWN : -1/(int)WIPPY_MAIL_LINK_DOWN/
