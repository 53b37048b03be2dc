/* Actors in a game loop. Two hosts in one program:

     game   a pump host: its actors run only inside wippy_pump(), on the thread of the frame loop,
            and so may touch the game's own data without locks
     ai     a pool host: plans routes on threads of its own while frames go on

   Each unit asks the planner for a leg of its route and walks along it. An answer counts exactly
   DELAY frames after the question, however fast the planner was: when it is late, the frame waits
   (wake_fn). That is how lock-step games stay in step, and why this prints the same every time.

       cc -std=c11 gameloop.c -lpthread -lm       (wippy.h and stb_ds.h on the include path) */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 120, UNITS = 4, DELAY = 3, WIDTH = 64, LEG = 8 };

/* ---------------------------------------------------------------- the game's own data */

typedef struct unit {
    int x, y;        /* where it is */
    int to_x, to_y;  /* end of the current leg */
    int asked_frame; /* of the open question; -1 = none */
    bool answered;   /* the answer is here and waits for its frame */
    int next_x, next_y;
    int legs;
} unit;

typedef struct game {
    int frame;
    int walked; /* frames that the squad has done */
    unit units[UNITS];
    wippy_pid planner;
    wippy_topic tick, plan, leg;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool woken; /* guarded by lock */
} game;

typedef struct question {
    int unit, x, y, leg;
} question;

typedef struct answer {
    int unit, x, y;
} answer;

/* ---------------------------------------------------------------- host ai: the planner */

/* Stands for something slow. Knows nothing of the game: it sees questions and sends answers. */
static answer plan_leg(const question *q)
{
    uint32_t mix = (uint32_t)(q->unit + 1) * 2654435761u + (uint32_t)q->leg * 40503u;
    for (int i = 0; i < 20000; i++) {
        mix ^= mix << 13;
        mix ^= mix >> 17;
        mix ^= mix << 5;
    }
    answer a = {q->unit, q->x + (int)(mix % (2 * LEG + 1)) - LEG,
                q->y + (int)(mix / 64 % (2 * LEG + 1)) - LEG};
    a.x = a.x < 0 ? 0 : a.x >= WIDTH ? WIDTH - 1 : a.x;
    a.y = a.y < 0 ? 0 : a.y >= WIDTH ? WIDTH - 1 : a.y;
    return a;
}

static wippy_status planner_step(wippy_self *self, void *state)
{
    wippy_topic leg = *(const wippy_topic *)wippy_self_user_data(self);
    (void)state;
    for (const wippy_mail *mail; (mail = wippy_next(self)) != NULL;) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        if (mail->kind == WIPPY_MAIL_MESSAGE) {
            question q;
            memcpy(&q, wippy_mail_data(mail), sizeof q);
            answer a = plan_leg(&q);
            wippy_send(self, mail->from, leg, &a, sizeof a);
        }
    }
    return WIPPY_IDLE;
}

/* ---------------------------------------------------------------- host game: the squad */

static void walk(unit *u)
{
    u->x += (u->to_x > u->x) - (u->to_x < u->x);
    u->y += (u->to_y > u->y) - (u->to_y < u->y);
}

static void advance(wippy_self *self, game *g, int index)
{
    unit *u = &g->units[index];
    if (u->answered && g->frame >= u->asked_frame + DELAY) {
        u->to_x = u->next_x;
        u->to_y = u->next_y;
        u->answered = false;
        u->asked_frame = -1;
        u->legs++;
    }
    if (u->x == u->to_x && u->y == u->to_y && u->asked_frame < 0) {
        question q = {index, u->x, u->y, u->legs};
        u->asked_frame = g->frame;
        wippy_send(self, g->planner, g->plan, &q, sizeof q);
    }
    walk(u);
}

static wippy_status squad_step(wippy_self *self, void *state)
{
    game *g = (game *)wippy_self_user_data(self);
    (void)state;
    for (const wippy_mail *mail; (mail = wippy_next(self)) != NULL;) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            return wippy_done(self);
        }
        if (wippy_mail_is(self, mail, g->tick)) {
            for (int i = 0; i < UNITS; i++) {
                advance(self, g, i);
            }
            g->walked++;
        } else if (wippy_mail_is(self, mail, g->leg)) {
            answer a;
            memcpy(&a, wippy_mail_data(mail), sizeof a);
            unit *u = &g->units[a.unit];
            u->next_x = a.x;
            u->next_y = a.y;
            u->answered = true;
        }
    }
    return WIPPY_IDLE;
}

/* ---------------------------------------------------------------- the frame loop */

/* Any thread: mail came for the game host while nobody pumps. */
static void wake(void *user_data)
{
    game *g = (game *)user_data;
    pthread_mutex_lock(&g->lock);
    g->woken = true;
    pthread_cond_signal(&g->work);
    pthread_mutex_unlock(&g->lock);
}

static void wait_for_work(game *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->woken) {
        pthread_cond_wait(&g->work, &g->lock);
    }
    g->woken = false;
    pthread_mutex_unlock(&g->lock);
}

/* Does this frame need an answer that is not here yet? */
static bool is_late(const game *g)
{
    for (int i = 0; i < UNITS; i++) {
        const unit *u = &g->units[i];
        if (u->asked_frame >= 0 && !u->answered && g->frame >= u->asked_frame + DELAY) {
            return true;
        }
    }
    return false;
}

static void draw(const game *g)
{
    printf("frame %3d ", g->frame);
    for (int i = 0; i < UNITS; i++) {
        printf("  unit %d at %2d,%-2d", i, g->units[i].x, g->units[i].y);
    }
    printf("\n");
}

static void run_frames(wippy_runtime *rt, wippy_host host, wippy_pid squad, game *g)
{
    for (g->frame = 0; g->frame < FRAMES; g->frame++) {
        while (is_late(g)) {
            wippy_pump(rt, host, UINT64_MAX, 0);
            if (is_late(g)) {
                wait_for_work(g);
            }
        }
        wippy_send(wippy_outside(rt), squad, g->tick, NULL, 0);
        do {
            wippy_pump(rt, host, 2000000, 0); /* about 2 ms of a frame for actors */
        } while (g->walked <= g->frame);      /* but the squad's part is not left out */
        if (g->frame % 20 == 19) {
            draw(g);
        }
    }
}

static void place_units(game *g)
{
    for (int i = 0; i < UNITS; i++) {
        unit u = {0};
        u.x = u.to_x = 8 + 16 * i;
        u.y = u.to_y = WIDTH / 2;
        u.asked_frame = -1;
        g->units[i] = u;
    }
}

int main(void)
{
    static game g;
    wippy_runtime *rt = NULL;
    wippy_host game_host, ai_host;
    wippy_type squad_type, planner_type;
    wippy_pid squad = {0};
    pthread_mutex_init(&g.lock, NULL);
    pthread_cond_init(&g.work, NULL);
    place_units(&g);

    if (wippy_create(&rt, NULL) != WIPPY_OK) {
        return 1;
    }
    g.tick = wippy_topic_make(rt, "tick");
    g.plan = wippy_topic_make(rt, "plan");
    g.leg = wippy_topic_make(rt, "leg");
    wippy_host_create(
        rt,
        &(wippy_host_desc){
            .name = "game", .kind = WIPPY_HOST_PUMP, .wake_fn = wake, .user_data = &g},
        &game_host);
    wippy_host_create(rt, &(wippy_host_desc){.name = "ai", .workers = 1}, &ai_host);
    wippy_type_register(
        rt, &(wippy_type_desc){.name = "squad", .step = squad_step, .user_data = &g}, &squad_type);
    wippy_type_register(
        rt, &(wippy_type_desc){.name = "planner", .step = planner_step, .user_data = &g.leg},
        &planner_type);
    wippy_self *self = wippy_outside(rt);
    if (wippy_spawn(self, &(wippy_spawn_desc){.type = planner_type, .host = ai_host}, &g.planner,
                    NULL) != WIPPY_OK ||
        wippy_spawn(self, &(wippy_spawn_desc){.type = squad_type, .host = game_host}, &squad,
                    NULL) != WIPPY_OK) {
        return 1;
    }

    run_frames(rt, game_host, squad, &g);
    int legs = 0;
    for (int i = 0; i < UNITS; i++) {
        legs += g.units[i].legs;
    }
    printf("%d frames, %d units, %d legs planned\n", FRAMES, UNITS, legs);

    wippy_stop(rt);
    wippy_join(rt, UINT64_MAX); /* pumps the game host as well */
    return wippy_destroy(rt) == WIPPY_OK ? 0 : 1;
}
