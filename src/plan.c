#include "plan.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ table
   The caller holds the lock. */

WIPPYI_FN wippyi_service *wippyi_services_find(const wippyi_supervisor *supervisor, const char *id)
{
    wippyi_service *service = supervisor->services;
    while (service && strcmp(service->id, id) != 0) {
        service = service->next;
    }
    return service;
}

WIPPYI_FN void wippyi_service_free(wippyi_supervisor *supervisor, wippyi_service *service)
{
    wippyi_service_release(service->config);
    wippyi_service_release(service->staged);
    wippyi_mem_text_free(supervisor->mem, service->id);
    wippyi_mem_free(supervisor->mem, service, sizeof(*service));
}

WIPPYI_FN wippyi_service *wippyi_services_add(wippyi_supervisor *supervisor, const char *id)
{
    wippyi_service **link = &supervisor->services;
    wippyi_service *service = (wippyi_service *)wippyi_mem_alloc(supervisor->mem, sizeof(*service));
    char *copy = service ? wippyi_mem_text(supervisor->mem, id, strlen(id)) : NULL;
    if (!copy) {
        wippyi_mem_free(supervisor->mem, service, sizeof(*service));
        return NULL;
    }
    memset(service, 0, sizeof(*service));
    service->supervisor = supervisor;
    service->id = copy;
    while (*link) {
        link = &(*link)->next;
    }
    *link = service;
    return service;
}

/* Does nothing remember it any more? Its memory is then the caller's. */
static bool wippyi_service_is_over(const wippyi_service *service)
{
    return !service->config && !service->is_staged && service->runner.id == 0;
}

WIPPYI_FN void wippyi_services_sweep(wippyi_supervisor *supervisor)
{
    wippyi_service **link = &supervisor->services;
    while (*link) {
        wippyi_service *service = *link;
        if (wippyi_service_is_over(service)) {
            *link = service->next;
            supervisor->relinked = true;
            wippyi_service_free(supervisor, service);
        } else {
            link = &service->next;
        }
    }
}

WIPPYI_FN bool wippyi_supervisor_is_up(const wippyi_supervisor *supervisor)
{
    return supervisor->state == WIPPYI_SUPERVISOR_COMING ||
           supervisor->state == WIPPYI_SUPERVISOR_ON;
}

/* ------------------------------------------------------------------ requirements
   The caller holds the lock. A requirement without target is met when the program itself has made a
   host of that name. */

static void wippyi_services_link(wippyi_supervisor *supervisor)
{
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        for (size_t i = 0; service->config && i < service->config->requirement_count; i++) {
            wippyi_requirement *one = &service->config->requirements[i];
            one->target = wippyi_services_find(supervisor, one->id);
        }
    }
}

WIPPYI_FN size_t wippyi_service_requirements(const wippyi_service *service)
{
    return service->config ? service->config->requirement_count : 0;
}

WIPPYI_FN wippyi_service *wippyi_service_target(const wippyi_service *service, size_t index)
{
    return service->config->requirements[index].target;
}

/* Is everything it requires leveled already, or not a service at all? */
static bool wippyi_service_may_level(const wippyi_service *service)
{
    for (size_t i = 0; i < wippyi_service_requirements(service); i++) {
        const wippyi_service *target = wippyi_service_target(service, i);
        if (target && !target->leveled) {
            return false;
        }
    }
    return true;
}

/* Some requirement that could not be leveled; there is one. */
static wippyi_service *wippyi_service_obstacle(const wippyi_service *service)
{
    size_t i = 0;
    while (!wippyi_service_target(service, i) || wippyi_service_target(service, i)->leveled) {
        i++;
    }
    return wippyi_service_target(service, i);
}

/* Every step from an obstacle to the next ends in a circle, at the latest after all services. */
static void wippyi_services_mark_circle(wippyi_service *start, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        start = wippyi_service_obstacle(start);
    }
    for (; !start->cyclic; start = wippyi_service_obstacle(start)) {
        start->cyclic = true;
    }
}

static void wippyi_services_find_circles(wippyi_supervisor *supervisor)
{
    size_t count = 0;
    bool moved = true;
    wippyi_service *service;
    for (service = supervisor->services; service; service = service->next, count++) {
        service->leveled = false;
        service->cyclic = false;
    }
    while (moved) {
        moved = false;
        for (service = supervisor->services; service; service = service->next) {
            if (!service->leveled && wippyi_service_may_level(service)) {
                service->leveled = moved = true;
            }
        }
    }
    for (service = supervisor->services; service; service = service->next) {
        if (!service->leveled) {
            wippyi_services_mark_circle(service, count);
        }
    }
}

WIPPYI_FN void wippyi_services_relink(wippyi_supervisor *supervisor)
{
    if (supervisor->relinked) {
        supervisor->relinked = false;
        wippyi_services_link(supervisor);
        wippyi_services_find_circles(supervisor);
    }
}

/* ------------------------------------------------------------------ plan
   The caller holds the lock. Decides from the table alone; what is to be done is left in it. */

WIPPYI_FN void wippyi_service_want(wippyi_service *service)
{
    service->wanted = true;
    service->asked++;
    service->supervisor->settled = false;
}

/* What is wanted wants what it requires. */
static void wippyi_plan_spread(wippyi_supervisor *supervisor)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (wippyi_service *service = supervisor->services; service; service = service->next) {
            for (size_t i = 0; service->wanted && i < wippyi_service_requirements(service); i++) {
                wippyi_service *target = wippyi_service_target(service, i);
                if (target && target->config && !target->wanted && !target->cyclic) {
                    wippyi_service_want(target);
                    moved = true;
                }
            }
        }
    }
}

static bool wippyi_service_vanishes(const wippyi_service *service)
{
    return service->deleted || service->replaced || !service->wanted;
}

/* Must it stop: asked to, or something it requires vanishes? */
static bool wippyi_service_must_stop(const wippyi_service *service)
{
    if (service->supervisor->state == WIPPYI_SUPERVISOR_STOPPING ||
        wippyi_service_vanishes(service)) {
        return true;
    }
    for (size_t i = 0; i < wippyi_service_requirements(service); i++) {
        const wippyi_service *target = wippyi_service_target(service, i);
        if (target && wippyi_service_vanishes(target) && target->up) {
            return true;
        }
    }
    return false;
}

typedef enum wippyi_readiness {
    WIPPYI_READY = 0,
    WIPPYI_NOT_YET, /* it will come, or try again */
    WIPPYI_NEVER    /* not by itself */
} wippyi_readiness;

static wippyi_readiness wippyi_target_readiness(const wippyi_supervisor *supervisor,
                                                const wippyi_requirement *requirement)
{
    const wippyi_service *target = requirement->target;
    wippy_host host;
    if (!target) {
        bool there = wippy_host_find(supervisor->rt, requirement->id, &host) == WIPPY_OK;
        return there ? WIPPYI_READY : WIPPYI_NEVER;
    }
    if (target->deleted || !target->config || target->cyclic || target->blocked) {
        return WIPPYI_NEVER;
    }
    if (target->asked != target->begun || target->up) {
        return target->status == WIPPY_SERVICE_RUNNING ? WIPPYI_READY : WIPPYI_NOT_YET;
    }
    if (target->status == WIPPY_SERVICE_EXITED && !target->failed) {
        return WIPPYI_READY; /* it has done its work */
    }
    return target->retry_at_ns != 0 ? WIPPYI_NOT_YET : WIPPYI_NEVER;
}

/* The worst of its requirements, and which. */
static wippyi_readiness wippyi_service_readiness(const wippyi_service *service, const char **which)
{
    wippyi_readiness worst = service->cyclic ? WIPPYI_NEVER : WIPPYI_READY;
    *which = service->id;
    for (size_t i = 0; i < wippyi_service_requirements(service) && worst != WIPPYI_NEVER; i++) {
        const wippyi_requirement *one = &service->config->requirements[i];
        wippyi_readiness readiness = wippyi_target_readiness(service->supervisor, one);
        if (readiness > worst) {
            worst = readiness;
            *which = one->id;
        }
    }
    return worst;
}

static void wippyi_plan_block(wippyi_service *service, const char *which)
{
    char text[sizeof(service->details)];
    snprintf(text, sizeof(text),
             service->cyclic ? "service requires itself: %.100s -> ... -> %.100s"
                             : "service startup blocked by missing dependencies: %.100s requires "
                               "%.100s",
             service->id, which);
    if (!service->blocked || strcmp(text, service->details) != 0) {
        memcpy(service->details, text, sizeof(text));
        service->blocked = true;
        service->say_blocked = !service->config->optional;
    }
}

static void wippyi_plan_start(wippyi_service *service)
{
    const char *which;
    bool pending = service->asked != service->begun && !wippyi_service_must_stop(service);
    if (!pending || service->up) {
        service->blocked = false;
        /* It runs: nothing to be done. While it is still starting nobody knows whether there will be; if it
           comes to nothing, the request waits for what it requires, as any other. */
        if (pending && service->status == WIPPY_SERVICE_RUNNING &&
            service->allowed != service->asked) {
            service->allowed = service->asked;
            service->ring = true;
        }
        return;
    }
    wippyi_readiness readiness = wippyi_service_readiness(service, &which);
    if (readiness == WIPPYI_NEVER) {
        wippyi_plan_block(service, which);
        return;
    }
    service->blocked = false;
    if (readiness == WIPPYI_READY && service->allowed != service->asked) {
        service->allowed = service->asked;
        service->ring = true;
    }
}

static void wippyi_plan_starts(wippyi_supervisor *supervisor)
{
    bool moved = true;
    while (moved) { /* a block spreads to those that require it */
        moved = false;
        for (wippyi_service *service = supervisor->services; service; service = service->next) {
            bool before = service->blocked;
            if (service->config) {
                wippyi_plan_start(service);
            }
            moved = moved || before != service->blocked;
        }
    }
}

static bool wippyi_service_is_host(const wippyi_service *service)
{
    return service->config && service->config->type != WIPPYI_SERVICE_PROCESS;
}

/* Count for each service who is up and requires it. Returns: whether any process is up. */
static bool wippyi_plan_count(wippyi_supervisor *supervisor)
{
    bool any = false;
    wippyi_service *service;
    for (service = supervisor->services; service; service = service->next) {
        service->dependents = 0;
    }
    for (service = supervisor->services; service; service = service->next) {
        any = any || (service->up && !wippyi_service_is_host(service));
        for (size_t i = 0; service->up && i < wippyi_service_requirements(service); i++) {
            if (wippyi_service_target(service, i)) {
                wippyi_service_target(service, i)->dependents++;
            }
        }
    }
    return any;
}

static void wippyi_plan_stops(wippyi_supervisor *supervisor)
{
    bool processes = wippyi_plan_count(supervisor);
    bool all = supervisor->state == WIPPYI_SUPERVISOR_STOPPING;
    bool anything = false;
    wippyi_service *service;
    for (service = supervisor->services; service; service = service->next) {
        bool must = wippyi_service_must_stop(service);
        bool wait =
            service->dependents > 0 || (all && processes && wippyi_service_is_host(service));
        bool stop = must && service->up && !wait;
        if (must && service->up && service->wanted && !service->deleted && !all) {
            service->asked = service->begun + 1; /* it comes back with what it requires */
        }
        service->ring =
            service->ring || stop != service->stop_now || (must && service->retry_at_ns != 0);
        service->stop_now = stop;
        anything = anything || service->up;
    }
    for (service = supervisor->services; service; service = service->next) {
        bool quit = (service->deleted && !service->up) || (all && !anything);
        service->ring = service->ring || (quit && !service->quit);
        service->quit = quit;
    }
}

/* Is there nothing to be waited for, and nothing planned? */
static bool wippyi_service_is_settled(const wippyi_service *service)
{
    if (!service->wanted || service->blocked || service->deleted) {
        return true;
    }
    if (service->asked != service->begun) {
        for (size_t i = 0; i < wippyi_service_requirements(service); i++) {
            const wippyi_requirement *one = &service->config->requirements[i];
            if (one->target && one->target->settled &&
                wippyi_target_readiness(service->supervisor, one) != WIPPYI_READY) {
                return true; /* waits for one that has failed, or that waits itself */
            }
        }
        return false;
    }
    return service->status == WIPPY_SERVICE_RUNNING || service->status == WIPPY_SERVICE_FAILED ||
           service->status == WIPPY_SERVICE_EXITED;
}

static void wippyi_plan_settle(wippyi_supervisor *supervisor)
{
    bool all = true;
    wippyi_service *service;
    for (service = supervisor->services; service; service = service->next) {
        service->settled = false;
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (service = supervisor->services; service; service = service->next) {
            if (!service->settled && wippyi_service_is_settled(service)) {
                service->settled = moved = true;
            }
        }
    }
    for (service = supervisor->services; service; service = service->next) {
        all = all && service->settled;
    }
    supervisor->settled = all;
}

WIPPYI_FN void wippyi_plan(wippyi_supervisor *supervisor)
{
    wippyi_services_sweep(supervisor);
    wippyi_services_relink(supervisor);
    wippyi_plan_spread(supervisor);
    wippyi_plan_stops(supervisor);
    wippyi_plan_starts(supervisor);
    wippyi_plan_settle(supervisor);
    wippyi_cond_broadcast(&supervisor->changed);
}
