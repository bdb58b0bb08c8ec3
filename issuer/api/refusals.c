#include "issuer/api/refusals.h"

#include <pthread.h>
#include <stdio.h>

struct refusal {
        struct wall time;
        char path[64], remote[64], client[33], check[65];
        const char *code; /* a literal */
        char detail[256];
};
struct refusals {
        pthread_mutex_t mu;
        uint64_t count;                    /* guarded by mu: ever seen; the next one goes to count % REFUSALS_MAX */
        struct refusal ring[REFUSALS_MAX]; /* guarded by mu */
};

struct refusals *refusals_new(void)
{
        struct refusals *r = NEW(struct refusals);
        pthread_mutex_init(&r->mu, NULL);
        return r;
}

/* What is longer is cut: it is for people. */
static void set(char *where, size_t size, const char *text)
{
        (void) snprintf(where, size, "%s", text);
}

void refusals_add(struct refusals *r, struct wall now, const char *path, const char *remote, const char *client,
                  const struct fault *f)
{
        pthread_mutex_lock(&r->mu);
        struct refusal *one = &r->ring[r->count++ % REFUSALS_MAX];
        one->time = now;
        set(one->path, sizeof one->path, path);
        set(one->remote, sizeof one->remote, remote);
        set(one->client, sizeof one->client, client);
        set(one->check, sizeof one->check, fault_token(f));
        one->code = fault_code_name(fault_code(f));
        set(one->detail, sizeof one->detail, fault_text(f));
        pthread_mutex_unlock(&r->mu);
}

static struct json *to_json(const struct refusal *one)
{
        struct json *j = json_new_object();
        json_set_int(j, "time", wall_unix_s(one->time));
        json_set_text(j, "path", one->path);
        json_set_text(j, "remote", one->remote);
        json_set_text(j, "client", one->client);
        json_set_text(j, "check", one->check);
        json_set_text(j, "code", one->code);
        json_set_text(j, "detail", one->detail);
        return j;
}

struct json *refusals_to_json(struct refusals *r)
{
        struct json *list = json_new_array();
        pthread_mutex_lock(&r->mu);
        uint64_t kept = r->count < REFUSALS_MAX ? r->count : REFUSALS_MAX;
        for (uint64_t i = 1; i <= kept; i++)
                json_push(list, to_json(&r->ring[(r->count - i) % REFUSALS_MAX]));
        pthread_mutex_unlock(&r->mu);
        struct json *j = json_new_object();
        json_set(j, "refusals", list);
        return j;
}

void refusals_free(struct refusals *r)
{
        if (r == NULL)
                return;
        pthread_mutex_destroy(&r->mu);
        free(r);
}
