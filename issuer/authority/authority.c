#include "issuer/authority/authority.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "issuer/authority/link.h"
#include "issuer/authority/result_key.h"
#include "issuer/authority/signer.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/model/wit.h"

typedef Vouchsafe__Signer__V1__Call PbCall;
typedef Vouchsafe__Signer__V1__Order PbOrder;
typedef Vouchsafe__Signer__V1__Answer PbAnswer;
typedef Vouchsafe__Signer__V1__Intermediate PbIntermediate;

#define ASK_MS         5000 /* a signer that is stopped must not hold whoever only asks */
#define TELL_EVERY_MS  60000
#define ROOTS_PEM_MAX  (256 * 1024)
#define CALL_BYTES_MAX (96u * 1024) /* of orders in one call: leaves are larger than orders and must fit the answer */

struct authority {
        pid_t signer;
        struct link *link;
        const struct clock *clock; /* of the certificates' dates */
        struct buf roots_pem;
        struct jwk_set *result_keys; /* NULL: no results are signed */

        pthread_mutex_t mu;
        struct buf intermediate;   /* DER; guarded by mu */
        int64_t not_before_unix_s; /* guarded by mu */
        int64_t not_after_unix_s;  /* guarded by mu */
        int64_t renew_at_unix_s;   /* guarded by mu */

        struct json *token_keys;         /* array of JWK; guarded by mu */
        int64_t token_keys_from_unix_s;  /* when they were told; guarded by mu */
        int64_t token_keys_until_unix_s; /* guarded by mu */

        uint64_t renewal_failures; /* guarded by mu */
        bool has_told;             /* that they are there; guarded by mu */
        struct boot told_at;       /* guarded by mu */
};

/* ---- the intermediate as the signer tells of it ---- */

/* True when the failures are more than before and nobody was told for a minute. */
static bool note_failures(struct authority *a, uint64_t failures)
{
        if (failures <= a->renewal_failures) /* answers may overtake one another */
                return false;
        a->renewal_failures = failures;
        struct boot now = clock_boot(a->clock);
        if (a->has_told && now.ms - a->told_at.ms < TELL_EVERY_MS)
                return false;
        a->has_told = true;
        a->told_at = now;
        return true;
}

static void tell_failure(const PbIntermediate *i)
{
        AUTO(fault)
        struct fault *problem =
                fault_from_peer((enum fault_code) i->renewal_code, i->renewal_token, "%s", i->renewal_text);
        log_error("intermediate_not_renewed", KV("problem", problem), KV("not_after_unix_s", i->not_after_unix_s));
}

/* Of the clock's going back before it, the parent must know as well. */
static int64_t start_of(struct span der)
{
        AUTO(cert) struct cert *c = NULL;
        AUTO(fault) struct fault *bad = cert_from_der(der, &c);
        return bad == NULL ? wall_unix_s(cert_not_before(c)) : INT64_MAX; /* asked for again */
}

static void remember_intermediate(struct authority *a, const PbIntermediate *i)
{
        if (i == NULL)
                return; /* there is no CA */
        pthread_mutex_lock(&a->mu);
        bool is_new = !span_eq(buf_span(&a->intermediate), span_make(i->certificate.data, i->certificate.len));
        if (is_new) {
                buf_clear(&a->intermediate);
                AUTO(fault)
                struct fault *f = buf_append(&a->intermediate, span_make(i->certificate.data, i->certificate.len));
                a->not_before_unix_s = start_of(buf_span(&a->intermediate));
                a->not_after_unix_s = f == NULL ? i->not_after_unix_s : 0;
                a->renew_at_unix_s = f == NULL ? i->renew_at_unix_s : 0; /* too large for us: asked for again */
        } else if (i->renew_at_unix_s > a->renew_at_unix_s) {
                a->renew_at_unix_s = i->renew_at_unix_s; /* the next attempt */
        }
        bool must_tell = note_failures(a, i->renewal_failures);
        pthread_mutex_unlock(&a->mu);
        if (must_tell && i->renewal_code != 0)
                tell_failure(i);
        if (is_new)
                log_info("intermediate_changed", KV("not_after_unix_s", i->not_after_unix_s));
}

/* ---- the token keys as it tells of them ---- */

static struct fault *read_token_keys(const PbAnswer *answer, struct json **ret)
{
        AUTO(json) struct json *keys = json_new_array();
        for (size_t i = 0; i < answer->n_token_keys; i++) {
                const Vouchsafe__Signer__V1__TokenKey *k = answer->token_keys[i];
                AUTO(key) struct key *key = NULL;
                TRY_AS(key_from_spki(span_make(k->spki.data, k->spki.len), &key), "token key of the signer");
                json_push(keys, jwk_published(key, k->id, WIT_USE));
        }
        *ret = TAKE(keys);
        return NULL;
}

/* An answer of before the change may come after it: then they are asked for again. */
static struct fault *remember_token_keys(struct authority *a, const PbAnswer *answer)
{
        AUTO(json) struct json *keys = NULL;
        if (answer->token_keys_until_unix_s == 0)
                return NULL; /* it was not asked */
        TRY(read_token_keys(answer, &keys));
        pthread_mutex_lock(&a->mu);
        json_free(a->token_keys);
        a->token_keys = TAKE(keys);
        a->token_keys_from_unix_s = wall_unix_s(clock_wall(a->clock));
        a->token_keys_until_unix_s = answer->token_keys_until_unix_s;
        pthread_mutex_unlock(&a->mu);
        return NULL;
}

/* ---- issuing ---- */

/* The pair of arrays that protobuf-c packs from; `out` borrows from `in`. */
static void fill_call(PbCall *call, PbOrder *out, PbOrder **list, const struct leaf_order *in, size_t count)
{
        vouchsafe__signer__v1__call__init(call);
        for (size_t i = 0; i < count; i++) {
                vouchsafe__signer__v1__order__init(&out[i]);
                /* packing only reads */
                out[i].serial = (ProtobufCBinaryData){sizeof(in[i].serial), (uint8_t *) in[i].serial};
                out[i].identity = (char *) in[i].identity;
                out[i].n_dns = in[i].dns_count;
                out[i].dns = (char **) in[i].dns;
                out[i].spki = (ProtobufCBinaryData){in[i].spki.len, (uint8_t *) in[i].spki.data};
                out[i].not_before_unix_s = in[i].not_before_unix_s;
                out[i].not_after_unix_s = in[i].not_after_unix_s;
                out[i].insecure_development = in[i].insecure_development;
                out[i].token = in[i].token;
                out[i].claims = (ProtobufCBinaryData){in[i].claims.len, (uint8_t *) in[i].claims.data};
                list[i] = &out[i];
        }
        call->n_orders = count;
        call->orders = list;
}

static struct fault *copy_leaves(const PbAnswer *answer, size_t count, struct leaf_issued *ret)
{
        if (answer->n_leaves != count)
                return fault(FAULT_INTERNAL, "SIGNER_ANSWER", "%zu leaves for %zu orders", answer->n_leaves, count);
        if (count == 0)
                return NULL;
        if (answer->intermediate == NULL)
                return fault(FAULT_INTERNAL, "SIGNER_ANSWER", "leaves without their intermediate");
        const ProtobufCBinaryData *issuer = &answer->intermediate->certificate;
        for (size_t i = 0; i < count; i++) {
                ret[i] = (struct leaf_issued){BUF(CERT_MAX), BUF(CERT_MAX)};
                TRY(buf_append(&ret[i].leaf, span_make(answer->leaves[i].data, answer->leaves[i].len)));
                TRY(buf_append(&ret[i].issuer, span_make(issuer->data, issuer->len)));
        }
        return NULL;
}

static struct fault *call_signer(struct authority *a, const struct leaf_order *orders, size_t count,
                                 struct cancel *cancel, struct leaf_issued *ret)
{
        PbCall call;
        PbOrder room[SIGNER_ORDERS_MAX], *list[SIGNER_ORDERS_MAX];
        fill_call(&call, room, list, orders, count);
        PbAnswer *answer = NULL;
        TRY(link_call(a->link, &call, cancel, &answer));
        remember_intermediate(a, answer->intermediate);
        struct fault *f = remember_token_keys(a, answer);
        if (f == NULL)
                f = copy_leaves(answer, count, ret);
        vouchsafe__signer__v1__answer__free_unpacked(answer, NULL);
        return f;
}

static size_t order_bytes(const struct leaf_order *o)
{
        size_t bytes = 256 + strlen(o->identity) + o->spki.len;
        if (o->token)
                bytes += 768 + 2 * o->claims.len; /* in base64, each with the trust domain's name */
        for (size_t i = 0; i < o->dns_count; i++)
                bytes += 8 + strlen(o->dns[i]);
        return bytes;
}

/* How many of the orders go into the next call: at least one. */
static size_t next_call(const struct leaf_order *orders, size_t count)
{
        size_t taken = 0;
        for (size_t bytes = 0; taken < count && taken < SIGNER_ORDERS_MAX; taken++) {
                bytes += order_bytes(&orders[taken]);
                if (taken > 0 && bytes > CALL_BYTES_MAX)
                        break;
        }
        return taken;
}

struct fault *authority_issue(struct authority *a, const struct leaf_order *orders, size_t count, struct cancel *cancel,
                              struct leaf_issued *ret)
{
        struct leaf_issued *issued = alloc_zero(count, sizeof(*issued));
        struct fault *f = NULL;
        for (size_t at = 0; at < count && f == NULL;) {
                size_t taken = next_call(orders + at, count - at);
                f = call_signer(a, orders + at, taken, cancel, issued + at);
                at += taken;
        }
        for (size_t i = 0; i < count; i++) {
                if (f == NULL)
                        ret[i] = issued[i];
                else
                        leaf_issued_clear(&issued[i]);
        }
        free(issued);
        return fault_prefix(f, "sign");
}

void leaf_issued_clear(struct leaf_issued *l)
{
        buf_clear(&l->leaf);
        buf_clear(&l->issuer);
}

/* ---- attestation results ---- */

struct fault *authority_sign_result(struct authority *a, const struct json *claims, struct cancel *cancel,
                                    struct buf *ret)
{
        AUTO(buf) struct buf text = BUF(RESULT_CLAIMS_MAX);
        PbCall call;
        PbAnswer *answer = NULL;
        TRY_AS(json_write(claims, &text), "write an attestation result");
        vouchsafe__signer__v1__call__init(&call);
        call.result = (ProtobufCBinaryData){text.len, text.data};
        TRY_AS(link_call(a->link, &call, cancel, &answer), "sign an attestation result");
        struct fault *f = buf_append(ret, span_make(answer->result.data, answer->result.len));
        vouchsafe__signer__v1__answer__free_unpacked(answer, NULL);
        return f;
}

const struct jwk_set *authority_result_keys(const struct authority *a)
{
        return a->result_keys;
}

static struct fault *remember_result_key(struct authority *a, const PbAnswer *answer)
{
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf id = BUF(RESULT_KEY_ID_MAX), text = BUF(4096);
        AUTO(json) struct json *set = json_new_object();
        struct json *keys = json_new_array();
        json_set(set, "keys", keys);
        if (answer->result_key.len == 0)
                return NULL;
        TRY_AS(key_from_spki(span_make(answer->result_key.data, answer->result_key.len), &key),
               "verifier key of the signer");
        TRY(jwk_thumbprint(key, &id));
        json_push(keys, jwk_published(key, buf_str(&id), RESULT_KEY_USE));
        TRY(json_write(set, &text));
        return jwk_set_parse(buf_span(&text), &a->result_keys);
}

/* ---- what the certificates are ---- */

static bool is_stale(struct authority *a)
{
        pthread_mutex_lock(&a->mu);
        int64_t now_s = wall_unix_s(clock_wall(a->clock));
        bool stale = now_s >= a->renew_at_unix_s || now_s < a->not_before_unix_s;
        pthread_mutex_unlock(&a->mu);
        return stale;
}

static struct fault *ask(struct authority *a)
{
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + ASK_MS});
        return call_signer(a, NULL, 0, &cancel, NULL);
}

struct fault *authority_intermediate(struct authority *a, struct buf *out, int64_t *ret_not_after_unix_s)
{
        if (is_stale(a))
                TRY_AS(ask(a), "ask for the intermediate");
        pthread_mutex_lock(&a->mu);
        struct fault *f = buf_append(out, buf_span(&a->intermediate));
        if (f == NULL)
                *ret_not_after_unix_s = a->not_after_unix_s;
        pthread_mutex_unlock(&a->mu);
        return f;
}

static struct fault *refresh_token_keys(struct authority *a)
{
        pthread_mutex_lock(&a->mu);
        int64_t now_s = wall_unix_s(clock_wall(a->clock));
        bool stale = now_s >= a->token_keys_until_unix_s || now_s < a->token_keys_from_unix_s;
        pthread_mutex_unlock(&a->mu);
        return stale ? fault_prefix(ask(a), "ask for the token keys") : NULL;
}

struct fault *authority_check_tokens(struct authority *a)
{
        TRY(refresh_token_keys(a));
        pthread_mutex_lock(&a->mu);
        size_t count = json_count(a->token_keys);
        pthread_mutex_unlock(&a->mu);
        if (count == 0)
                return fault(FAULT_DENIED, "authority.token_key", "this authority has no token keys");
        if (count == 1) /* the one in use always has the next one beside it */
                return fault(FAULT_UNAVAILABLE, "authority.token_key",
                             "the first token key is published, and used when everybody has it");
        return NULL;
}

struct fault *authority_token_keys(struct authority *a, struct json **ret, int64_t *ret_until_unix_s)
{
        TRY(refresh_token_keys(a));
        pthread_mutex_lock(&a->mu);
        *ret = json_copy(a->token_keys);
        *ret_until_unix_s = a->token_keys_until_unix_s;
        pthread_mutex_unlock(&a->mu);
        return NULL;
}

struct fault *authority_roots(struct authority *a, struct cert_list *ret)
{
        return cert_list_from_pem(buf_span(&a->roots_pem), ret);
}

uint64_t authority_renewal_failures(struct authority *a)
{
        pthread_mutex_lock(&a->mu);
        uint64_t failures = a->renewal_failures;
        pthread_mutex_unlock(&a->mu);
        return failures;
}

/* ---- life ---- */

static void on_death(void *arg UNUSED)
{
        log_error("signer_gone");
}

bool authority_is_dead(struct authority *a)
{
        return link_is_dead(a->link);
}

static struct fault *fork_signer(const struct authority_options *o, pid_t *ret_pid, int *ret_socket)
{
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
                return fault_errno(FAULT_INTERNAL, "SIGNER_SOCKET", errno, "make a socket pair");
        (void) fflush(NULL); /* or the child would have what is buffered here as well */
        pid_t parent = getpid(), child = fork();
        if (child == 0)
                signer_run(o, parent, pair[1]);
        close(pair[1]);
        if (child < 0) {
                int err = errno;
                close(pair[0]);
                return fault_errno(FAULT_UNAVAILABLE, "SIGNER_GONE", err, "fork the signer");
        }
        *ret_pid = child;
        *ret_socket = pair[0];
        return NULL;
}

/* It has nothing to save, and may be stopped or stuck: killed, then collected. */
static void end_signer(pid_t pid)
{
        (void) kill(pid, SIGKILL); /* it may have ended by itself */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
}

static struct fault *hear_first_word(struct authority *a, int socket)
{
        PbAnswer *answer = NULL;
        TRY_AS(link_receive(socket, &answer), "start the signer");
        remember_intermediate(a, answer->intermediate);
        struct fault *f = remember_token_keys(a, answer);
        if (f == NULL)
                f = remember_result_key(a, answer);
        vouchsafe__signer__v1__answer__free_unpacked(answer, NULL);
        return f;
}

struct fault *authority_start(const struct authority_options *o, struct authority **ret)
{
        struct authority *a = NEW(struct authority);
        a->roots_pem = BUF(ROOTS_PEM_MAX);
        a->intermediate = BUF(CERT_MAX);
        a->token_keys = json_new_array();
        a->clock = o->clock != NULL ? o->clock : &clock_system;
        pthread_mutex_init(&a->mu, NULL); /* default attributes: can't fail */
        int socket = -1;
        struct fault *f = fork_signer(o, &a->signer, &socket);
        if (f == NULL)
                f = hear_first_word(a, socket);
        if (f == NULL && o->root_certificate != NULL)
                f = file_read(o->root_certificate, &a->roots_pem);
        if (f == NULL && o->shield != NULL)
                f = o->shield(o->shield_arg);
        if (f == NULL)
                f = link_start(socket, on_death, a, &a->link);
        if (f != NULL) {
                if (socket >= 0)
                        close(socket);
                authority_stop(a);
                return f;
        }
        *ret = a;
        return NULL;
}

void authority_stop(struct authority *a)
{
        if (a == NULL)
                return;
        link_stop(a->link);
        if (a->signer > 0)
                end_signer(a->signer);
        buf_clear(&a->roots_pem);
        buf_clear(&a->intermediate);
        json_free(a->token_keys);
        jwk_set_free(a->result_keys);
        pthread_mutex_destroy(&a->mu);
        free(a);
}
