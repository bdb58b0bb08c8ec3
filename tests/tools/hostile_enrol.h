/* hostile_enrol: the enrolment of an attestation key with one lie in it. The TPM is real: what it refuses to open is guessed. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/issuer.h"
#include "lib/base/file.h"
#include "lib/model/names.h"

struct hostile_enrol {
        const char *which;
        struct issuer *issuer;
        const struct issuer_options *options; /* for a second connection with another key */
        struct evidence_source *source;
        struct cancel *cancel;
        const char *pod_token_file, *node_token_file, *other_certificate_file;
};

static bool enrol_case(const struct hostile_enrol *e, const char *name)
{
        return strcmp(e->which, name) == 0;
}

static struct fault *enrol_copy(struct span bytes, struct buf *ret)
{
        *ret = BUF(EVIDENCE_ITEM_MAX);
        return buf_append(ret, bytes);
}

/* TPMT_PUBLIC of an EC key: type and nameAlg are two bytes each, then the attributes; it ends with the point, each half with its length. */
#define ENROL_ATTRIBUTES_AT 4
#define ENROL_RESTRICTED    0x00010000u

/* A key of our own, dressed up as what a TPM would have made. */
static struct fault *enrol_own_key(struct buf *ak_public)
{
        AUTO(key) struct key *own = NULL;
        AUTO(buf) struct buf x = BUF(64), y = BUF(64);
        TRY(key_generate(KEY_P256, &own));
        TRY(key_ec_point(own, &x, &y));
        memcpy(ak_public->data + ak_public->len - 66, x.data, 32);
        memcpy(ak_public->data + ak_public->len - 32, y.data, 32);
        return NULL;
}

static struct fault *enrol_fill(const struct hostile_enrol *e, struct enrol_request *r)
{
        AUTO(enrolment_material) struct enrolment_material m = {0};
        TRY(e->source->enrolment(e->source->self, e->cancel, &m));
        r->audience = alloc_string(enrol_case(e, "audience") ? "https://other.example" : issuer_audience(e->issuer));
        TRY(enrol_copy(issuer_nonce(e->issuer), &r->nonce));
        TRY(enrol_copy(buf_span(&m.ek_public), &r->ek_public));
        TRY(enrol_copy(buf_span(&m.ak_public), &r->ak_public));
        for (; r->certificate_count < m.certificate_count; r->certificate_count++)
                TRY(enrol_copy(buf_span(&m.certificates[r->certificate_count]),
                               &r->certificates[r->certificate_count]));
        if (enrol_case(e, "no-certificate"))
                for (; r->certificate_count > 0; r->certificate_count--)
                        buf_clear(&r->certificates[r->certificate_count - 1]);
        if (enrol_case(e, "other-certificate")) {
                buf_truncate(&r->certificates[0], 0);
                TRY(file_read(e->other_certificate_file, &r->certificates[0]));
        }
        if (enrol_case(e, "certificate-corrupt"))
                r->certificates[0].data[r->certificates[0].len - 1] ^= 1;
        if (enrol_case(e, "loose-key"))
                r->ak_public.data[ENROL_ATTRIBUTES_AT + 1] ^= ENROL_RESTRICTED >> 16;
        if (enrol_case(e, "ek-as-ak")) {
                buf_clear(&r->ak_public);
                TRY(enrol_copy(buf_span(&m.ek_public), &r->ak_public));
        }
        if (enrol_case(e, "own-key"))
                TRY(enrol_own_key(&r->ak_public));
        if (enrol_case(e, "no-token"))
                return NULL;
        return file_read_secret(enrol_case(e, "pods-token") ? e->pod_token_file : e->node_token_file, &r->token);
}

static struct fault *enrol_begin(const struct hostile_enrol *e, struct buf *ret_nonce, struct enrol_reply *ret)
{
        AUTO(enrol_request) struct enrol_request request = {0};
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        AUTO(http_reply) struct http_reply reply = {0};
        struct binding binding;
        TRY(enrol_fill(e, &request));
        TRY(enrol_copy(buf_span(&request.nonce), ret_nonce));
        TRY(enrol_request_write(&request, &r));
        TRY(issuer_binding(e->issuer, BINDING_ENROL, buf_span(&r), &binding));
        TRY(issuer_post(e->issuer, PATH_ATTESTATION_KEYS, buf_span(&r), NULL, &binding, e->cancel, &reply));
        return enrol_reply_read(buf_span(&reply.body), ret);
}

static void enrol_lie_in_binding(const struct hostile_enrol *e, struct binding *b)
{
        if (enrol_case(e, "quote-for-issuing"))
                b->purpose = BINDING_ISSUE;
        if (enrol_case(e, "other-exporter"))
                b->exporter[0] ^= 1;
        if (enrol_case(e, "other-request"))
                b->request_digest[0] ^= 1;
}

static struct fault *enrol_secret(const struct hostile_enrol *e, const struct enrol_reply *c, struct secret **ret)
{
        AUTO(fault)
        struct fault *shut = e->source->activate(e->source->self, buf_span(&c->credential_blob),
                                                 buf_span(&c->encrypted_secret), e->cancel, ret);
        if (shut != NULL && !enrol_case(e, "own-key"))
                return TAKE(shut);
        if (shut != NULL)
                *ret = secret_new(32); /* a guess: the TPM opens nothing for a key that is not its own */
        if (enrol_case(e, "wrong-secret"))
                secret_bytes(*ret)[0] ^= 1;
        return NULL;
}

static struct fault *enrol_finish(const struct hostile_enrol *e, struct issuer *issuer, struct span first_nonce,
                                  const struct enrol_reply *c, const struct secret *secret)
{
        AUTO(activate_request) struct activate_request request = {0};
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        AUTO(http_reply) struct http_reply reply = {0};
        struct binding sent, quoted;
        TRY(issuer_prepare(issuer, e->cancel));
        request.audience = alloc_string(issuer_audience(issuer));
        request.secret = secret_copy(secret_span(secret));
        TRY(enrol_copy(enrol_case(e, "used-nonce") ? first_nonce : issuer_nonce(issuer), &request.nonce));
        TRY(enrol_copy(buf_span(&c->challenge), &request.challenge));
        if (enrol_case(e, "challenge-corrupt"))
                request.challenge.data[20] ^= 1;
        TRY(activate_request_write(&request, &r));
        TRY(issuer_binding(issuer, BINDING_ENROL, buf_span(&r), &sent));
        sent.nonce = buf_span(&request.nonce);
        quoted = sent;
        enrol_lie_in_binding(e, &quoted);
        TRY(e->source->collect(e->source->self, &quoted, e->cancel, &evidence));
        return issuer_post(issuer, PATH_ACTIVATE, buf_span(&r), enrol_case(e, "no-quote") ? NULL : &evidence, &sent,
                           e->cancel, &reply);
}

static struct fault *hostile_enrol(const struct hostile_enrol *e)
{
        AUTO(enrol_reply) struct enrol_reply challenge = {0};
        AUTO(buf) struct buf first_nonce = BUF(NONCE_MAX);
        AUTO(secret) struct secret *secret = NULL;
        AUTO(issuer) struct issuer *other = NULL;
        TRY(enrol_begin(e, &first_nonce, &challenge));
        TRY(enrol_secret(e, &challenge, &secret));
        if (enrol_case(e, "other-tls-key"))
                TRY(issuer_new(e->options, &other));
        TRY(enrol_finish(e, other != NULL ? other : e->issuer, buf_span(&first_nonce), &challenge, secret));
        if (!enrol_case(e, "used-challenge"))
                return NULL;
        return enrol_finish(e, e->issuer, buf_span(&first_nonce), &challenge, secret);
}
