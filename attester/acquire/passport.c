/* passport (B in the draft): evidence to the verifier, its signed result to the issuer. The evidence is over the issuer's nonce and all keys that will be
 * asked for, so the result is good for this one request and nobody else's. Two round trips when warm, one quote for all orders. */
#include "attester/acquire/issue.h"

#include <assert.h>

#include "attester/verify.h"
#include "lib/model/results.h"

_Static_assert(REQUEST_CREDENTIALS_MAX <= EAR_KEYS_MAX, "a result is for all keys of a request");

static struct fault *add_key(const struct key *key, struct results_request *r)
{
        size_t at = r->key_count;
        assert(at < EAR_KEYS_MAX); /* a batch has no more credentials */
        r->key_count++;
        r->keys[at].spki = BUF(SPKI_MAX);
        r->keys[at].pop = BUF(SIGNATURE_MAX);
        TRY(buf_append(&r->keys[at].spki, key_spki(key)));
        return pop_sign(key, buf_span(&r->nonce), span_str(r->audience), &r->keys[at].pop);
}

static struct fault *fill_request(const struct acquisition *a, struct order *const *orders, size_t count,
                                  struct results_request *r)
{
        r->audience = alloc_string(issuer_audience(a->verifier));
        r->for_audience = alloc_string(issuer_audience(a->issuer));
        r->nonce = r->for_nonce = BUF(NONCE_MAX);
        r->holder = BUF(SPKI_MAX);
        TRY(buf_append(&r->nonce, issuer_nonce(a->verifier)));
        TRY(buf_append(&r->for_nonce, issuer_nonce(a->issuer)));
        TRY(buf_append(&r->holder, issuer_client_spki(a->issuer)));
        for (size_t i = 0; i < count; i++)
                for (size_t k = 0; orders[i] != NULL && k < orders[i]->key_count; k++)
                        TRY(add_key(orders[i]->keys[k].key, r));
        return NULL;
}

static struct fault *get_result(const struct acquisition *a, struct order *const *orders, size_t count,
                                struct cancel *cancel, struct results_reply *ret)
{
        AUTO(results_request) struct results_request request = {0};
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        AUTO(http_reply) struct http_reply reply = {0};
        struct binding binding;
        TRY(issuer_prepare(a->verifier, cancel));
        TRY(fill_request(a, orders, count, &request));
        TRY(results_request_write(&request, &r));
        TRY(issuer_binding(a->verifier, BINDING_RESULTS, buf_span(&r), &binding));
        TRY_AS(a->source->collect(a->source->self, &binding, cancel, &evidence), "attest");
        a->quoted(a->arg);
        TRY(issuer_post(a->verifier, PATH_RESULTS, buf_span(&r), &evidence, &binding, cancel, &reply));
        TRY_AS(results_reply_read(buf_span(&reply.body), ret), "read the verifier's reply");
        return verify_server_time(ret->time_unix_s, clock_wall(a->clock));
}

static struct fault *send_result(const struct acquisition *a, struct order *const *orders, size_t count, struct span r,
                                 struct cancel *cancel, struct http_reply *ret)
{
        AUTO(results_reply) struct results_reply result = {0};
        TRY_AS(get_result(a, orders, count, cancel, &result), "get an attestation result");
        return issuer_post_result(a->issuer, PATH_CREDENTIALS, r, result.result, cancel, ret);
}

static struct fault *acquire(const struct acquisition *a, struct order **orders, size_t count, struct cancel *cancel)
{
        return issue_acquire(a, orders, count, send_result, cancel);
}

const struct mechanism mechanism_passport = {MECHANISM_PASSPORT, acquire};
