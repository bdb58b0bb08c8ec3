#include "attester/message.h"

#include "lib/base/log.h"
#include "lib/crypt/jwt.h"
#include "lib/wire/pbcheck.h"

typedef Vouchsafe__Attester__V1__Answer answer_t;
typedef Vouchsafe__Attester__V1__Credential credential_t;
typedef Vouchsafe__Attester__V1__Bundle bundle_t;

#define CHAIN_PEM_MAX (64u * 1024)

static void send_answer(struct frames_conn *c, const answer_t *answer)
{
        AUTO(buf) struct buf frame = BUF(FRAME_MAX);
        struct fault *failed = pb_pack(&answer->base, &frame);
        if (failed == NULL)
                failed = frames_send(c, buf_span(&frame));
        buf_wipe(&frame);
        if (failed != NULL)
                log_debug("answer_not_sent", KV("problem", failed)); /* the peer is gone: it will ask again */
        fault_free(failed);
}

void message_send_problem(struct frames_conn *c, uint64_t call, const struct fault *f)
{
        Vouchsafe__Attester__V1__Problem problem = VOUCHSAFE__ATTESTER__V1__PROBLEM__INIT;
        problem.code = (uint32_t) fault_code(f);
        problem.token = (char *) fault_token(f); /* protobuf-c only reads what it packs */
        problem.text = (char *) fault_text(f);
        problem.retry_after_ms = fault_retry_after_ms(f);
        answer_t answer = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        answer.id = call;
        answer.problem = &problem;
        send_answer(c, &answer);
}

static ProtobufCBinaryData data_of(const struct buf *b)
{
        return (ProtobufCBinaryData){b->len, b->data};
}

static bundle_t bundle_message(const struct bundle_copy *b)
{
        bundle_t m = VOUCHSAFE__ATTESTER__V1__BUNDLE__INIT;
        m.sequence = b->bundle.sequence;
        m.refresh_hint_s = b->bundle.refresh_hint_s;
        m.json = data_of(&b->json);
        m.roots_pem = data_of(&b->roots_pem);
        return m;
}

/* One credential with what it owns while the answer is packed. */
struct packed_credential {
        credential_t message;
        struct buf chain;
        struct secret *key, *jwk; /* jwk NULL: none */
};

static struct fault *pack_credential(const struct delivered *d, int64_t issued_unix_s, struct packed_credential *ret)
{
        const struct issued_credential *c = d->credential;
        ret->chain = BUF(CHAIN_PEM_MAX);
        TRY(key_to_pem_private(d->key, &ret->key));
        if (strcmp(c->type, SLOT_TYPE_WIT) == 0)
                TRY(jwk_write_private(d->key, &ret->jwk));
        for (size_t i = 0; i < c->chain_count; i++) /* they were verified */
                TRY(cert_der_to_pem(buf_span(&c->chain[i]), &ret->chain));
        credential_t *m = &ret->message;
        *m = (credential_t) VOUCHSAFE__ATTESTER__V1__CREDENTIAL__INIT;
        m->slot = (char *) c->slot;
        m->type = (char *) c->type;
        m->identity = c->identity;
        m->private_key_pem = (ProtobufCBinaryData){secret_len(ret->key), secret_bytes(ret->key)};
        if (ret->jwk != NULL)
                m->private_key_jwk = (ProtobufCBinaryData){secret_len(ret->jwk), secret_bytes(ret->jwk)};
        m->chain_pem = data_of(&ret->chain);
        if (c->token != NULL)
                m->token = c->token;
        m->serial = (char *) d->serial;
        m->not_before_unix_s = c->not_before_unix_s;
        m->not_after_unix_s = c->not_after_unix_s;
        m->issued_unix_s = issued_unix_s;
        m->record = (char *) c->record;
        return NULL;
}

void message_send_acquired(struct frames_conn *c, uint64_t call, const struct delivery *d,
                           const struct bundle_copy *bundle)
{
        struct packed_credential packed[SLOTS_MAX] = {0};
        credential_t *messages[SLOTS_MAX];
        struct fault *failed = NULL;
        for (size_t i = 0; i < d->count && failed == NULL; i++) {
                failed = pack_credential(&d->credentials[i], d->server_time_unix_s, &packed[i]);
                messages[i] = &packed[i].message;
        }
        if (failed == NULL) {
                bundle_t bundle_part = bundle_message(bundle);
                Vouchsafe__Attester__V1__Acquired body = VOUCHSAFE__ATTESTER__V1__ACQUIRED__INIT;
                body.n_credentials = d->count;
                body.credentials = messages;
                body.bundle = &bundle_part;
                body.evidence_kind = (char *) d->evidence_kind;
                body.insecure_development = d->insecure_development;
                body.policy = (char *) d->policy;
                body.server_time_unix_ms = d->server_time_unix_s * 1000;
                answer_t answer = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
                answer.id = call;
                answer.body_case = VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED;
                answer.acquired = &body;
                send_answer(c, &answer);
        } else {
                message_send_problem(c, call, failed);
        }
        fault_free(failed);
        for (size_t i = 0; i < d->count; i++) {
                buf_clear(&packed[i].chain);
                secret_free(packed[i].key);
                secret_free(packed[i].jwk);
        }
}

void message_send_bundle(struct frames_conn *c, uint64_t call, const struct bundle_copy *bundle)
{
        bundle_t body = bundle_message(bundle);
        answer_t answer = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        answer.id = call;
        answer.body_case = VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_BUNDLE;
        answer.bundle = &body;
        send_answer(c, &answer);
}

void message_send_status(struct frames_conn *c, uint64_t call, const Vouchsafe__Attester__V1__Status *status)
{
        answer_t answer = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        answer.id = call;
        answer.body_case = VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_STATUS;
        answer.status = (Vouchsafe__Attester__V1__Status *) status;
        send_answer(c, &answer);
}
