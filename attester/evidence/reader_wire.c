#include "attester/evidence/reader_wire.h"

#include <stdio.h>

#include "lib/crypt/x509.h"
#include "lib/model/tpm_evidence.h"
#include "lib/wire/pbcheck.h"
#include "proto/reader.pb-c.h"

typedef Vouchsafe__Reader__V1__ReadCall call_t;
typedef Vouchsafe__Reader__V1__ReadAnswer answer_t;
typedef Vouchsafe__Reader__V1__Transcript transcript_t;
typedef Vouchsafe__Reader__V1__Secondary secondary_t;
typedef Vouchsafe__Reader__V1__EnrolmentMaterial material_t;
typedef Vouchsafe__Reader__V1__Kinds kinds_t;

#define CREDENTIAL_BLOB_MAX 1024 /* of TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET */
#define SECRET_LEN_MAX      64
#define FAULT_CODE_LAST     FAULT_UNAUTHENTICATED

static void free_message(ProtobufCMessage **m)
{
        if (*m != NULL)
                protobuf_c_message_free_unpacked(*m, NULL);
}
#define AUTO_MESSAGE __attribute__((cleanup(free_message)))

static struct span span_of(const ProtobufCBinaryData *d)
{
        return span_make(d->data, d->len);
}

static ProtobufCBinaryData data_of(struct span s)
{
        return (ProtobufCBinaryData){s.len, (uint8_t *) s.data}; /* protobuf-c only reads what it packs */
}

/* ---- calls */

static struct fault *bad_call(const char *what)
{
        return fault(FAULT_INVALID, "READER_CALL", "the evidence reader was called with a bad %s", what);
}

static struct fault *copy_digest(const ProtobufCBinaryData *d, const char *what, uint8_t ret[SHA256_LEN])
{
        if (d->len != SHA256_LEN)
                return bad_call(what);
        memcpy(ret, d->data, SHA256_LEN);
        return NULL;
}

/* Lengths of nonce and audience, order of secondaries: binding_write checks those, for everybody. */
static struct fault *read_transcript(const transcript_t *m, struct read_call *c)
{
        struct binding *b = &c->binding;
        if (m->purpose < BINDING_ENROL || m->purpose > BINDING_RELEASE)
                return bad_call("purpose");
        if (m->n_secondary > BINDING_SECONDARY_MAX)
                return bad_call("number of secondaries");
        b->purpose = (enum binding_purpose) m->purpose;
        TRY(copy_digest(&m->request_digest, "request_digest", b->request_digest));
        TRY(copy_digest(&m->client_spki_digest, "client_spki_digest", b->client_spki_digest));
        TRY(copy_digest(&m->exporter, "exporter", b->exporter));
        for (size_t i = 0; i < m->n_secondary; i++) {
                if (m->secondary[i]->kind > UINT8_MAX)
                        return bad_call("kind of a secondary");
                b->secondary[i].kind = (uint8_t) m->secondary[i]->kind;
                TRY(copy_digest(&m->secondary[i]->digest, "digest of a secondary", b->secondary[i].digest));
        }
        b->secondary_count = m->n_secondary;

        size_t nonce_len = m->nonce.len;
        c->bytes = BUF(BINDING_NONCE_MAX + BINDING_AUDIENCE_MAX);
        if (nonce_len > BINDING_NONCE_MAX || strlen(m->audience) > BINDING_AUDIENCE_MAX)
                return bad_call("nonce or audience");
        TRY(buf_append(&c->bytes, span_of(&m->nonce)));
        TRY(buf_append_str(&c->bytes, m->audience));
        b->nonce = span_slice(buf_span(&c->bytes), 0, nonce_len);
        b->audience = span_slice(buf_span(&c->bytes), nonce_len, c->bytes.len - nonce_len);
        return NULL;
}

static struct fault *read_activation(const Vouchsafe__Reader__V1__Activation *m, struct read_call *c)
{
        c->credential_blob = BUF(CREDENTIAL_BLOB_MAX);
        c->encrypted_secret = BUF(CREDENTIAL_BLOB_MAX);
        if (m->credential_blob.len > CREDENTIAL_BLOB_MAX || m->encrypted_secret.len > CREDENTIAL_BLOB_MAX)
                return bad_call("credential blob");
        TRY(buf_append(&c->credential_blob, span_of(&m->credential_blob)));
        return buf_append(&c->encrypted_secret, span_of(&m->encrypted_secret));
}

static struct fault *read_hello(const Vouchsafe__Reader__V1__Hello *m, struct read_call *c)
{
        if (m->version == 0)
                return bad_call("version");
        c->version = m->version;
        return NULL;
}

static struct fault *read_call_message(const call_t *m, struct read_call *c)
{
        if (m->id == 0)
                return bad_call("id");
        if (m->deadline_ms < 0 || m->deadline_ms > READER_DEADLINE_MAX_MS)
                return bad_call("deadline");
        if (strlen(m->kind) >= sizeof c->kind)
                return bad_call("kind");
        c->id = m->id;
        c->deadline_ms = m->deadline_ms == 0 ? READER_DEADLINE_MAX_MS : m->deadline_ms;
        snprintf(c->kind, sizeof c->kind, "%s", m->kind);

        switch (m->what_case) {
        case VOUCHSAFE__READER__V1__READ_CALL__WHAT_TRANSCRIPT:
                c->what = READ_EVIDENCE;
                return read_transcript(m->transcript, c);
        case VOUCHSAFE__READER__V1__READ_CALL__WHAT_ENROLMENT:
                c->what = READ_ENROLMENT;
                return NULL;
        case VOUCHSAFE__READER__V1__READ_CALL__WHAT_ACTIVATION:
                c->what = READ_ACTIVATION;
                return read_activation(m->activation, c);
        case VOUCHSAFE__READER__V1__READ_CALL__WHAT_HELLO:
                c->what = READ_HELLO;
                return read_hello(m->hello, c);
        default:
                return bad_call("body: there is none");
        }
}

struct fault *read_call_read(struct span frame, struct read_call *ret)
{
        AUTO_MESSAGE ProtobufCMessage *m = NULL;
        AUTO(fault) struct fault *f = NULL;
        if (frame.len > READER_FRAME_MAX)
                return bad_call("frame: it is too long");
        f = pb_unpack(&vouchsafe__reader__v1__read_call__descriptor, frame, &PBCHECK_LIMITS, &m);
        if (f != NULL)
                return fault(FAULT_INVALID, "READER_CALL", "%s", fault_text(f));

        AUTO(read_call) struct read_call c = {0};
        TRY(read_call_message((const call_t *) m, &c));
        *ret = c;
        c = (struct read_call){0}; /* what was given away is not freed */
        return NULL;
}

static struct fault *write_transcript(const struct binding *b, call_t *call, struct buf *out)
{
        secondary_t secondaries[BINDING_SECONDARY_MAX];
        secondary_t *pointers[BINDING_SECONDARY_MAX];
        for (size_t i = 0; i < b->secondary_count; i++) {
                secondaries[i] = (secondary_t) VOUCHSAFE__READER__V1__SECONDARY__INIT;
                secondaries[i].kind = b->secondary[i].kind;
                secondaries[i].digest = data_of(SPAN_OF(b->secondary[i].digest));
                pointers[i] = &secondaries[i];
        }
        AUTO_STRING char *audience = span_to_string(b->audience);
        transcript_t m = VOUCHSAFE__READER__V1__TRANSCRIPT__INIT;
        m.purpose = b->purpose;
        m.nonce = data_of(b->nonce);
        m.audience = audience;
        m.request_digest = data_of(SPAN_OF(b->request_digest));
        m.client_spki_digest = data_of(SPAN_OF(b->client_spki_digest));
        m.exporter = data_of(SPAN_OF(b->exporter));
        m.n_secondary = b->secondary_count;
        m.secondary = pointers;
        call->what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_TRANSCRIPT;
        call->transcript = &m;
        struct fault *f = pb_pack(&call->base, out);
        call->transcript = NULL; /* it ends here */
        return f;
}

static struct fault *write_hello(const struct read_call *c, call_t *call, struct buf *out)
{
        Vouchsafe__Reader__V1__Hello m = VOUCHSAFE__READER__V1__HELLO__INIT;
        m.version = c->version;
        call->what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_HELLO;
        call->hello = &m;
        struct fault *f = pb_pack(&call->base, out);
        call->hello = NULL; /* it ends here */
        return f;
}

struct fault *read_call_write(const struct read_call *c, struct buf *out)
{
        call_t call = VOUCHSAFE__READER__V1__READ_CALL__INIT;
        Vouchsafe__Reader__V1__Enrolment enrolment = VOUCHSAFE__READER__V1__ENROLMENT__INIT;
        Vouchsafe__Reader__V1__Activation activation = VOUCHSAFE__READER__V1__ACTIVATION__INIT;
        call.id = c->id;
        call.deadline_ms = c->deadline_ms;
        call.kind = (char *) c->kind; /* only read */
        if (c->what == READ_EVIDENCE)
                return write_transcript(&c->binding, &call, out);
        if (c->what == READ_HELLO)
                return write_hello(c, &call, out);
        if (c->what == READ_ENROLMENT) {
                call.what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_ENROLMENT;
                call.enrolment = &enrolment;
                return pb_pack(&call.base, out);
        }
        activation.credential_blob = data_of(buf_span(&c->credential_blob));
        activation.encrypted_secret = data_of(buf_span(&c->encrypted_secret));
        call.what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_ACTIVATION;
        call.activation = &activation;
        return pb_pack(&call.base, out);
}

void read_call_clear(struct read_call *c)
{
        buf_clear(&c->bytes);
        buf_clear(&c->credential_blob);
        buf_clear(&c->encrypted_secret);
}

/* ---- answers */

static struct fault *bad_answer(const char *what)
{
        return fault(FAULT_INTERNAL, "READER_ANSWER", "the evidence reader answered with a bad %s", what);
}

static struct fault *copy_bytes(const ProtobufCBinaryData *d, size_t max, const char *what, struct buf *ret)
{
        if (d->len == 0 || d->len > max)
                return bad_answer(what);
        *ret = BUF(max);
        return buf_append(ret, span_of(d));
}

static struct fault *read_evidence(const answer_t *m, struct cmw *ret)
{
        if (strlen(m->media_type) == 0 || strlen(m->media_type) >= CMW_TYPE_MAX)
                return bad_answer("media type");
        *ret = cmw_evidence(m->media_type);
        return copy_bytes(&m->evidence, EVIDENCE_ITEM_MAX, "evidence", &ret->items[0].value);
}

static struct fault *read_material(const material_t *m, struct enrolment_material *ret)
{
        if (m->n_certificates > EK_CHAIN_MAX)
                return bad_answer("number of certificates");
        for (size_t i = 0; i < m->n_certificates; i++) {
                ret->certificate_count = i + 1;
                TRY(copy_bytes(&m->certificates[i], CERT_MAX, "certificate", &ret->certificates[i]));
        }
        TRY(copy_bytes(&m->ek_public, TPM_PUBLIC_MAX, "ek_public", &ret->ek_public));
        return copy_bytes(&m->ak_public, TPM_PUBLIC_MAX, "ak_public", &ret->ak_public);
}

/* Of another version only that is taken: what else it says may have changed its meaning. */
static struct fault *read_kinds(const kinds_t *m, struct reader_kinds *ret)
{
        if (m->version == 0)
                return bad_answer("version");
        ret->version = m->version;
        if (m->version != READER_VERSION)
                return NULL;
        if (m->n_kinds == 0 || m->n_kinds > READER_KINDS_MAX)
                return bad_answer("number of kinds");
        for (size_t i = 0; i < m->n_kinds; i++) {
                size_t len = strlen(m->kinds[i]);
                if (len == 0 || len >= sizeof ret->names[0])
                        return bad_answer("kind");
                memcpy(ret->names[ret->count++], m->kinds[i], len + 1);
        }
        return NULL;
}

static struct fault *read_answer_message(const answer_t *m, struct read_answer *a)
{
        a->id = m->id;
        if (m->code > FAULT_CODE_LAST)
                return bad_answer("code");
        if (m->code != 0) {
                a->failed = fault_from_peer((enum fault_code) m->code, m->token, "%s", m->text);
                return NULL;
        }
        if (m->evidence.len > 0)
                return read_evidence(m, &a->evidence);
        if (m->enrolment != NULL)
                return read_material(m->enrolment, &a->enrolment);
        if (m->kinds != NULL)
                return read_kinds(m->kinds, &a->kinds);
        if (m->secret.len == 0 || m->secret.len > SECRET_LEN_MAX)
                return bad_answer("body: there is none");
        a->secret = secret_copy(span_of(&m->secret));
        return NULL;
}

struct fault *read_answer_read(struct span frame, struct read_answer *ret)
{
        AUTO_MESSAGE ProtobufCMessage *m = NULL;
        AUTO(fault) struct fault *f = NULL;
        if (frame.len > READER_FRAME_MAX)
                return bad_answer("frame: it is too long");
        f = pb_unpack(&vouchsafe__reader__v1__read_answer__descriptor, frame, &PBCHECK_LIMITS, &m);
        if (f != NULL)
                return fault(FAULT_INTERNAL, "READER_ANSWER", "%s", fault_text(f));

        answer_t *answer = (answer_t *) m;
        AUTO(read_answer) struct read_answer a = {0};
        f = read_answer_message(answer, &a);
        if (answer->secret.len > 0)
                wipe(answer->secret.data, answer->secret.len);
        if (f != NULL)
                return TAKE(f);
        *ret = a;
        a = (struct read_answer){0}; /* what was given away is not freed */
        return NULL;
}

static struct fault *write_kinds(const struct reader_kinds *k, answer_t *m, struct buf *out)
{
        char *names[READER_KINDS_MAX];
        kinds_t kinds = VOUCHSAFE__READER__V1__KINDS__INIT;
        for (size_t i = 0; i < k->count; i++)
                names[i] = (char *) k->names[i]; /* only read */
        kinds.version = k->version;
        kinds.n_kinds = k->count;
        kinds.kinds = names;
        m->kinds = &kinds;
        struct fault *f = pb_pack(&m->base, out);
        m->kinds = NULL; /* it ends here */
        return f;
}

struct fault *read_answer_write(const struct read_answer *a, struct buf *out)
{
        answer_t m = VOUCHSAFE__READER__V1__READ_ANSWER__INIT;
        material_t material = VOUCHSAFE__READER__V1__ENROLMENT_MATERIAL__INIT;
        ProtobufCBinaryData certificates[EK_CHAIN_MAX];
        m.id = a->id;
        if (a->failed != NULL) {
                m.code = (uint32_t) fault_code(a->failed);
                m.token = (char *) fault_token(a->failed); /* only read */
                m.text = (char *) fault_text(a->failed);
                return pb_pack(&m.base, out);
        }
        if (a->kinds.version != 0)
                return write_kinds(&a->kinds, &m, out);
        if (a->evidence.count == 1) {
                m.media_type = (char *) a->evidence.items[0].type;
                m.evidence = data_of(buf_span(&a->evidence.items[0].value));
        }
        if (a->enrolment.ek_public.len > 0) {
                for (size_t i = 0; i < a->enrolment.certificate_count; i++)
                        certificates[i] = data_of(buf_span(&a->enrolment.certificates[i]));
                material.n_certificates = a->enrolment.certificate_count;
                material.certificates = certificates;
                material.ek_public = data_of(buf_span(&a->enrolment.ek_public));
                material.ak_public = data_of(buf_span(&a->enrolment.ak_public));
                m.enrolment = &material;
        }
        if (a->secret != NULL)
                m.secret = data_of(secret_span(a->secret));
        return pb_pack(&m.base, out);
}

void read_answer_clear(struct read_answer *a)
{
        fault_free(a->failed);
        a->failed = NULL;
        cmw_clear(&a->evidence);
        enrolment_material_clear(&a->enrolment);
        secret_free(a->secret);
        a->secret = NULL;
}
