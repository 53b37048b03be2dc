# unlink takes back what has one end in common
# FILE relations.c
s/return (relation->watcher == watcher \&\& relation->target == target) ||/return relation->watcher == watcher ||/
