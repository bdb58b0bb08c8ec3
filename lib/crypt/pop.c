/* The proof of possession of a credential key; declared in binding.h beside the transcript it travels with. */
#include "lib/crypt/binding.h"

#define TAG         "vouchsafe-pop-v1" /* its NUL belongs to it */
#define MESSAGE_MAX (sizeof TAG + 2 + BINDING_NONCE_MAX + 2 + BINDING_AUDIENCE_MAX + 4 + SPKI_MAX)

static enum hash_alg pop_hash(const struct key *k)
{
        return key_kind(k) == KEY_P384 ? HASH_SHA384 : HASH_SHA256;
}

static enum signature_form pop_form(const struct key *k)
{
        return key_kind(k) == KEY_RSA ? SIGNATURE_RSAPSS : SIGNATURE_RAW;
}

static struct fault *write_message(const struct key *k, struct span nonce, struct span audience, struct buf *out)
{
        struct span spki = key_spki(k);

        if (nonce.len == 0 || nonce.len > BINDING_NONCE_MAX || audience.len == 0 || audience.len > BINDING_AUDIENCE_MAX)
                return fault(FAULT_INVALID, "BINDING_FIELD",
                             "proof of possession: nonce or audience empty or too long");
        TRY(buf_append(out, span_make(TAG, sizeof TAG)));
        TRY(buf_append_u16be(out, (uint16_t) nonce.len));
        TRY(buf_append(out, nonce));
        TRY(buf_append_u16be(out, (uint16_t) audience.len));
        TRY(buf_append(out, audience));
        TRY(buf_append_u32be(out, (uint32_t) spki.len));
        return buf_append(out, spki);
}

struct fault *pop_sign(const struct key *k, struct span nonce, struct span audience, struct buf *out)
{
        AUTO(buf) struct buf message = BUF(MESSAGE_MAX);

        TRY(write_message(k, nonce, audience, &message));
        return key_sign(k, pop_hash(k), pop_form(k), buf_span(&message), out);
}

struct fault *pop_verify(const struct key *k, struct span nonce, struct span audience, struct span pop)
{
        AUTO(buf) struct buf message = BUF(MESSAGE_MAX);

        TRY(write_message(k, nonce, audience, &message));
        AUTO(fault) struct fault *f = key_verify(k, pop_hash(k), pop_form(k), buf_span(&message), pop);
        if (f == NULL)
                return NULL;
        return fault(FAULT_DENIED, "pop", "proof of possession: %s", fault_text(f));
}
