#include "issuer/api/tls_holder.h"

#include <pthread.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/crypt/tls.h"

#define CHAIN_PEM_MAX (256u * 1024)
#define WARN_S        (30LL * 24 * 3600)
#define TELL_EVERY_MS (24LL * 3600 * 1000)

struct look { /* tells a file from the one that was there before, also behind links */
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec changed;
};

struct tls_holder {
        const char *paths[2]; /* certificate, key */
        struct buf client_ca; /* PEM; empty: clients sign for themselves */
        const struct clock *clock;
        struct tls_server *server;
        pthread_mutex_t mu;
        struct look looks[2];   /* guarded by mu, as all below */
        struct wall start, end; /* of the certificate in force */
        uint64_t failures;
        bool has_told; /* of the end */
        struct boot told_at;
};

static struct look look_at(const char *path)
{
        struct stat st;
        if (stat(path, &st) != 0)
                return (struct look){0}; /* nothing there: another one than anything */
        return (struct look){st.st_dev, st.st_ino, st.st_size, st.st_ctim};
}

static bool is_same(const struct look *a, const struct look *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
               a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Under mu. Looks come first: what is written in between is seen as another change. */
static struct fault *load(struct tls_holder *h)
{
        AUTO(buf) struct buf chain = BUF(CHAIN_PEM_MAX);
        AUTO(secret) struct secret *key = NULL;
        AUTO(cert_list) struct cert_list certs = {0};
        for (size_t i = 0; i < COUNT_OF(h->looks); i++)
                h->looks[i] = look_at(h->paths[i]);
        TRY_AS(file_read(h->paths[0], &chain), "tls.certificate");
        TRY_AS(file_read_secret(h->paths[1], &key), "tls.key");
        TRY_AS(cert_list_from_pem(buf_span(&chain), &certs), "tls.certificate");
        if (h->server == NULL)
                TRY(tls_server_new_for(buf_span(&chain), key, buf_span(&h->client_ca), &h->server));
        else
                TRY(tls_server_replace(h->server, buf_span(&chain), key));
        h->start = cert_not_before(certs.certs[0]);
        h->end = cert_not_after(certs.certs[0]);
        h->has_told = false;
        return NULL;
}

/* Under mu. */
static void warn_of_end(struct tls_holder *h)
{
        struct boot now = clock_boot(h->clock);
        int64_t left_s = wall_unix_s(h->end) - wall_unix_s(clock_wall(h->clock));
        if (left_s >= WARN_S || (h->has_told && now.ms - h->told_at.ms < TELL_EVERY_MS))
                return;
        h->has_told = true;
        h->told_at = now;
        char end[WALL_TEXT_LEN + 1];
        wall_format(h->end, end);
        if (left_s <= 0)
                log_error("tls_certificate_ended", KV("not_after", (const char *) end),
                          KV("meaning", "no attester connects any more"));
        else
                log_warn("tls_certificate_ends", KV("not_after", (const char *) end), KV("left_s", left_s),
                         KV("hint", "put a new pair in the place of tls.certificate and tls.key: it is read at once"));
}

/* Under mu. */
static void reload(struct tls_holder *h)
{
        AUTO(fault) struct fault *failed = load(h);
        if (failed != NULL) {
                h->failures++;
                log_error("tls_reload_failed", KV("problem", failed), KV("in_force", "the certificate from before"));
                return;
        }
        char end[WALL_TEXT_LEN + 1];
        wall_format(h->end, end);
        log_info("tls_certificate_loaded", KV("not_after", (const char *) end));
}

void tls_holder_watch(struct tls_holder *h)
{
        pthread_mutex_lock(&h->mu);
        bool is_changed = false;
        for (size_t i = 0; i < COUNT_OF(h->looks); i++) {
                struct look now = look_at(h->paths[i]);
                is_changed |= !is_same(&now, &h->looks[i]);
        }
        if (is_changed)
                reload(h);
        warn_of_end(h);
        pthread_mutex_unlock(&h->mu);
}

void tls_holder_reload(struct tls_holder *h)
{
        pthread_mutex_lock(&h->mu);
        reload(h);
        warn_of_end(h);
        pthread_mutex_unlock(&h->mu);
}

struct tls_server *tls_holder_server(struct tls_holder *h)
{
        return h->server;
}

int64_t tls_holder_end_unix_s(struct tls_holder *h)
{
        pthread_mutex_lock(&h->mu);
        int64_t end_s = wall_unix_s(h->end);
        pthread_mutex_unlock(&h->mu);
        return end_s;
}

uint64_t tls_holder_failures(struct tls_holder *h)
{
        pthread_mutex_lock(&h->mu);
        uint64_t failures = h->failures;
        pthread_mutex_unlock(&h->mu);
        return failures;
}

struct fault *tls_holder_check_dates(struct tls_holder *h, struct wall now)
{
        pthread_mutex_lock(&h->mu);
        struct wall start = h->start, end = h->end;
        pthread_mutex_unlock(&h->mu);
        char text[WALL_TEXT_LEN + 1];
        if (now.unix_ms >= end.unix_ms) {
                wall_format(end, text);
                return fault(FAULT_UNAVAILABLE, "TLS_EXPIRED", "this server's TLS certificate ended at %s", text);
        }
        if (now.unix_ms < start.unix_ms) {
                wall_format(start, text);
                return fault(FAULT_UNAVAILABLE, "TLS_NOT_YET_VALID", "this server's TLS certificate begins at %s",
                             text);
        }
        return NULL;
}

static struct fault *start(struct tls_holder *h, const char *client_ca_path)
{
        h->client_ca = BUF(CHAIN_PEM_MAX);
        if (client_ca_path != NULL)
                TRY_AS(file_read(client_ca_path, &h->client_ca), "CA of TLS clients");
        return load(h);
}

struct fault *tls_holder_new(const char *certificate_path, const char *key_path, const struct clock *clock,
                             struct tls_holder **ret)
{
        return tls_holder_new_for(certificate_path, key_path, NULL, clock, ret);
}

struct fault *tls_holder_new_for(const char *certificate_path, const char *key_path, const char *client_ca_path,
                                 const struct clock *clock, struct tls_holder **ret)
{
        struct tls_holder *h = NEW(struct tls_holder);
        h->paths[0] = certificate_path;
        h->paths[1] = key_path;
        h->clock = clock;
        pthread_mutex_init(&h->mu, NULL); /* default attributes: can't fail */
        struct fault *failed = start(h, client_ca_path);
        if (failed != NULL) {
                tls_holder_free(h);
                return failed;
        }
        warn_of_end(h);
        *ret = h;
        return NULL;
}

void tls_holder_free(struct tls_holder *h)
{
        if (h == NULL)
                return;
        tls_server_free(h->server);
        buf_clear(&h->client_ca);
        pthread_mutex_destroy(&h->mu);
        free(h);
}
