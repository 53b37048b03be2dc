# relations of a spawn are forgotten when it is queued
# FILE spawn.c
/^static wippy_result wippyi_spawn_elsewhere/,/^}/s/^    ext->job = job;/    wippyi_relation_free(rt, self->worker, job->link); job->link = NULL; ext->job = job;/
