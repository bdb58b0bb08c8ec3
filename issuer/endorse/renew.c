/* What is fetched without a request that asks: endorsements that are due, and those of listed chips; and the folder that mirrors makers. */
#include <stdio.h>

#include "issuer/endorse/parts.h"
#include "issuer/endorse/prefetch.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#define RENEW_EVERY_MS 30000
#define PUT_OFF_S      900 /* when the next try is due, should this one come to nothing */
#define LIST_MAX       ((size_t) 16 << 20)

/* ---- the mirroring folder ---- */

/* "kds:/vcek/v1/Milan/crl" is FOLDER/kds/vcek/v1/Milan/crl: canonical paths have no ".." in them. */
static char *mirror_file(const struct endorse *e, const char *path, const char *end)
{
        const char *colon = strchr(path, ':');
        return alloc_printf("%s/%.*s%s%s", e->config->endorsements_mirror, (int) (colon - path), path, colon + 1, end);
}

static struct fault *read_file(const char *name, bool must_exist, struct buf *out)
{
        struct fault *f = file_read(name, out);
        if (f == NULL || must_exist || fault_code(f) != FAULT_NOT_FOUND)
                return f;
        fault_free(f);
        return NULL;
}

static struct fault *take_file(struct endorse *e, const char *path)
{
        AUTO(buf) struct buf body = BUF(ENDORSEMENT_MAX), chain = BUF(ENDORSEMENT_MAX);
        AUTO_STRING char *body_file = mirror_file(e, path, ""), *chain_file = mirror_file(e, path, ".chain");
        TRY(read_file(body_file, /* must_exist= */ true, &body));
        TRY(read_file(chain_file, /* must_exist= */ false, &chain));
        return cache_offer(e->cache, path, buf_span(&body), buf_span(&chain));
}

bool mirror_take(struct endorse *e, const char *path)
{
        enum endorsement_sort sort;
        enum maker maker;
        if (e->config->endorsements_mirror == NULL)
                return false;
        AUTO(fault) struct fault *f = sort_of(path, &sort, &maker);
        if (f == NULL)
                f = take_file(e, path);
        if (f != NULL && fault_code(f) != FAULT_NOT_FOUND && fault_code(f) != FAULT_EXISTS)
                log_warn("endorsement_in_mirror_refused", KV("path", path), KV("problem", f));
        return f == NULL;
}

/* ---- the list of chips ---- */

static struct fault *begin_path(struct endorse *e, const char *path)
{
        AUTO(entry) struct entry *found = NULL;
        TRY(cache_find(e->cache, path, &found));
        if (found == NULL && !mirror_take(e, path) && e->fetch != NULL)
                fetch_begin(e->fetch, path, /* is_wanted= */ false);
        return NULL;
}

/* The chip's certificate, and what else its reports will need: chain and list of the product. */
static struct fault *begin_chip(struct endorse *e, const char *path)
{
        char other[MAKER_PATH_MAX + 1];
        int product_len = (int) (strrchr(path, '/') - path);
        TRY(begin_path(e, path));
        (void) snprintf(other, sizeof other, "%.*s/cert_chain", product_len, path); /* shorter than path */
        TRY(begin_path(e, other));
        (void) snprintf(other, sizeof other, "%.*s/crl", product_len, path);
        return begin_path(e, other);
}

struct fault *prefetch_read(struct endorse *e)
{
        const char *name = e->config->endorsements_prefetch;
        AUTO(buf) struct buf text = BUF(LIST_MAX);
        if (name == NULL)
                return NULL;
        TRY_AS(file_read(name, &text), "read %s", name);
        struct span rest = buf_span(&text);
        for (size_t number = 1; rest.len > 0; number++) {
                const uint8_t *end = memchr(rest.data, '\n', rest.len);
                size_t len = end != NULL ? (size_t) (end - rest.data) : rest.len;
                char path[MAKER_PATH_MAX + 1];
                TRY_AS(prefetch_line(span_slice(rest, 0, len), path), "%s, line %zu", name, number);
                if (path[0] != '\0')
                        TRY(begin_chip(e, path));
                len += end != NULL;
                rest = span_slice(rest, len, rest.len - len);
        }
        return NULL;
}

/* ---- what is due ---- */

static struct fault *renew_one(struct endorse *e, const char *path)
{
        if (mirror_take(e, path))
                return NULL; /* it has a new date */
        TRY(store_put_off_endorsement(e->store, path, wall_unix_s(clock_wall(e->clock)) + PUT_OFF_S));
        if (e->fetch != NULL)
                fetch_begin(e->fetch, path, /* is_wanted= */ false);
        return NULL;
}

void endorse_renew(struct endorse *e)
{
        AUTO(endorsement_list) struct endorsement_list due = {0};
        AUTO(fault) struct fault *f = store_due_endorsements(e->store, clock_wall(e->clock), &due);
        for (size_t i = 0; f == NULL && i < due.count; i++)
                f = renew_one(e, due.items[i]->path);
        if (f != NULL)
                log_warn("endorsements_not_renewed", KV("problem", f));
}

void *renew_run(void *endorse)
{
        struct endorse *e = endorse;
        pthread_mutex_lock(&e->mu);
        while (!e->is_stopping) {
                pthread_mutex_unlock(&e->mu); /* no lock over the store */
                endorse_renew(e);
                pthread_mutex_lock(&e->mu);
                AUTO(cancel) struct cancel pause;
                cancel_init(&pause, e->clock, (struct boot){clock_boot(e->clock).ms + RENEW_EVERY_MS});
                struct fault *over = NULL;
                while (over == NULL && !e->is_stopping)
                        over = cancel_wait(&pause, &e->wake, &e->mu);
                fault_free(over);
        }
        pthread_mutex_unlock(&e->mu);
        return NULL;
}
