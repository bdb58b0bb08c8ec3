#include "issuer/keystore/seal.h"

#include "lib/base/random.h"
#include "lib/crypt/aead.h"

#define LABEL   "vouchsafe-stored-key-v1" /* its NUL belongs to it */
#define AAD_MAX ((size_t) 8 * 1024)

static struct fault *append_field(struct buf *out, struct span field)
{
        TRY(buf_append_u32be(out, (uint32_t) field.len));
        return buf_append(out, field);
}

/* Length before each field: no two keys have the same text. */
static struct fault *write_aad(const struct stored_key *k, const struct key_version *v, struct buf *out)
{
        TRY(buf_append(out, span_make(LABEL, sizeof LABEL)));
        TRY(append_field(out, span_str(k->id)));
        TRY(append_field(out, span_str(k->name)));
        TRY(append_field(out, span_str(k->owner)));
        TRY(append_field(out, span_str(k->identity)));
        TRY(append_field(out, span_str(k->algorithm)));
        TRY(buf_append_u32be(out, v->version));
        return append_field(out, buf_span(&v->spki));
}

static struct fault *check_kek(const struct kek *kek, const struct stored_key *k, const struct key_version *v)
{
        if (strcmp(kek->id, v->kek) == 0)
                return NULL;
        return fault(FAULT_PRECONDITION, "keystore.kek", "version %u of key %s is wrapped by KEK %s, %s is in use",
                     v->version, k->name, v->kek, kek->id);
}

struct fault *seal_key(const struct kek *kek, const struct stored_key *k, struct key_version *v,
                       const struct secret *pem)
{
        AUTO(buf) struct buf aad = BUF(AAD_MAX);
        AUTO(secret) struct secret *data_key = secret_new(AEAD_KEY_LEN);
        TRY(write_aad(k, v, &aad));
        random_bytes(secret_bytes(data_key), AEAD_KEY_LEN);
        v->wrapped = BUF(KEK_WRAPPED_MAX);
        v->sealed = BUF(KEY_BLOB_MAX);
        TRY(aead_seal(data_key, buf_span(&aad), secret_span(pem), &v->sealed));
        TRY(kek->wrap(kek->self, buf_span(&aad), data_key, &v->wrapped));
        memcpy(v->kek, kek->id, sizeof v->kek);
        return NULL;
}

struct fault *unseal_key(const struct kek *kek, const struct stored_key *k, const struct key_version *v,
                         struct secret **ret_pem)
{
        AUTO(buf) struct buf aad = BUF(AAD_MAX);
        AUTO(secret) struct secret *data_key = NULL;
        TRY(check_kek(kek, k, v));
        TRY(write_aad(k, v, &aad));
        TRY_AS(kek->unwrap(kek->self, buf_span(&aad), buf_span(&v->wrapped), &data_key), "version %u of key %s",
               v->version, k->name);
        struct fault *f = secret_len(data_key) == AEAD_KEY_LEN
                                  ? aead_open(data_key, buf_span(&aad), buf_span(&v->sealed), ret_pem)
                                  : fault(FAULT_DATA_LOSS, "keystore.corrupt", "a data key of another length");
        return fault_prefix(fault_rename(f, FAULT_DATA_LOSS, "keystore.corrupt"), "version %u of key %s", v->version,
                            k->name);
}

struct fault *rewrap_key(const struct kek *from, const struct kek *to, const struct stored_key *k,
                         struct key_version *v)
{
        AUTO(buf) struct buf aad = BUF(AAD_MAX);
        AUTO(buf) struct buf wrapped = BUF(KEK_WRAPPED_MAX);
        AUTO(secret) struct secret *data_key = NULL;
        TRY(check_kek(from, k, v));
        TRY(write_aad(k, v, &aad));
        TRY_AS(from->unwrap(from->self, buf_span(&aad), buf_span(&v->wrapped), &data_key), "version %u of key %s",
               v->version, k->name);
        TRY(to->wrap(to->self, buf_span(&aad), data_key, &wrapped));
        buf_clear(&v->wrapped);
        v->wrapped = wrapped;
        wrapped = (struct buf){0};
        memcpy(v->kek, to->id, sizeof v->kek);
        return NULL;
}
