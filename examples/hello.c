/* An actor in thirty lines. It runs inside wippy_pump(), on this thread; on a pool host it would run on
   the host's own threads, without another change.

       cc -std=c11 hello.c -lpthread -lm          (wippy.h and stb_ds.h on the include path)

   Prints: hello, Ada / hello, Grace / good night */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"
#include <stdio.h>

static wippy_status greet(wippy_self *self, void *state)
{
    (void)state;
    for (const wippy_mail *mail; (mail = wippy_next(self)) != NULL;) {
        if (mail->kind == WIPPY_MAIL_CANCEL) {
            printf("good night\n");
            return wippy_done(self);
        }
        printf("hello, %.*s\n", (int)mail->size, (const char *)wippy_mail_data(mail));
    }
    return WIPPY_IDLE; /* until the next mail */
}

int main(void)
{
    wippy_runtime *rt = NULL;
    wippy_type greeter;
    wippy_host host;
    wippy_pid pid = {0};
    wippy_create(&rt, NULL);
    wippy_host_create(rt, &(wippy_host_desc){.name = "main", .kind = WIPPY_HOST_PUMP}, &host);
    wippy_type_register(rt, &(wippy_type_desc){.name = "greeter", .step = greet}, &greeter);

    wippy_self *self = wippy_outside(rt); /* whoever is no process */
    wippy_spawn(self, &(wippy_spawn_desc){.type = greeter, .host = host}, &pid, NULL);
    wippy_topic name = wippy_topic_make(rt, "name");
    wippy_send(self, pid, name, "Ada", 3);
    wippy_send(self, pid, name, "Grace", 5);
    wippy_cancel(self, pid, "it is late");

    wippy_pump(rt, host, UINT64_MAX, 0); /* until nothing is left to do */
    return wippy_destroy(rt) == WIPPY_OK ? 0 : 1;
}
