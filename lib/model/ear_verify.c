/* Attestation results believed: whose they are, and for whom, when and about which keys. */
#include "lib/model/ear_names.h"

/* Whose keys are tried; what the token says of its issuer is proved by nothing yet. NULL: nobody's. */
static const struct ear_verifier *find_verifier(const struct ear_rules *rules, struct span issuer)
{
        for (size_t i = 0; i < rules->verifier_count; i++)
                if (span_eq_str(issuer, rules->verifiers[i].id))
                        return &rules->verifiers[i];
        return NULL;
}

static struct fault *check_dates(const struct ear *e, const struct ear_rules *rules)
{
        int64_t now = wall_unix_s(rules->now);

        if (e->issued_unix_s > now + rules->leeway_s)
                return ear_refuse("ear.not_yet_valid", "it was issued in the future");
        if (now >= e->expires_unix_s + rules->leeway_s)
                return ear_refuse("ear.expired", "it has expired");
        if (rules->age_max_s != 0 && now - e->issued_unix_s > rules->age_max_s + rules->leeway_s)
                return ear_refuse("ear.age", "the evidence is too old");
        return NULL;
}

bool ear_has_key(const struct ear *e, const uint8_t spki_sha256[SHA256_LEN])
{
        for (size_t i = 0; i < e->key_count; i++)
                if (memcmp(e->keys[i], spki_sha256, SHA256_LEN) == 0)
                        return true;
        return false;
}

static struct fault *check_binding(const struct ear *e, const struct ear_rules *rules)
{
        if (strcmp(e->audience, rules->audience) != 0)
                return ear_refuse("ear.aud", "it is for somebody else");
        if (rules->nonce.data != NULL && !span_eq(buf_span(&e->nonce), rules->nonce))
                return ear_refuse("ear.nonce", "it answers another nonce");
        if (rules->holder != NULL && !span_eq(key_spki(e->holder), key_spki(rules->holder)))
                return ear_refuse("ear.holder", "it was given to somebody else");
        for (size_t i = 0; i < rules->key_count; i++)
                if (!ear_has_key(e, rules->keys[i]))
                        return ear_refuse("ear.key", "a key that was not in the evidence");
        return NULL;
}

struct fault *ear_verify(struct span token, const struct ear_rules *rules, struct ear *ret)
{
        static const char *const header[] = {"alg", "kid", "typ", NULL}, *const algs[] = {"ES256", "ES384", NULL};
        static const struct jwt_rules shape = {EAR_TYPE, header, algs, true, EAR_MAX};
        AUTO(json) struct json *peeked = NULL, *claims = NULL;
        struct span issuer = SPAN_NONE;
        AUTO(ear) struct ear e = {0};

        TRY(jwt_peek(token, EAR_MAX, &peeked));
        TRY(fault_rename(json_need_text(peeked, "iss", 2048, &issuer), FAULT_UNAUTHENTICATED, "ear.issuer"));
        const struct ear_verifier *verifier = find_verifier(rules, issuer);
        if (verifier == NULL)
                return ear_refuse("ear.issuer", "of a verifier that is not trusted here");
        TRY(jwt_verify_by(token, verifier->keys, &shape, &claims));
        TRY(ear_read_claims(claims, &e));
        TRY(check_dates(&e, rules));
        TRY(check_binding(&e, rules));
        *ret = e;
        e = (struct ear){0};
        return NULL;
}
