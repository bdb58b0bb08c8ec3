/* A Workload Identity Token of a volume: read by the volume's own bundle, and held against its key. */
#include "cli/inspect_volume.h"

#include "lib/base/file.h"
#include "lib/model/bundle.h"
#include "lib/model/wit.h"

static struct fault *verify(struct volume *v, struct span token, struct wit *ret)
{
        AUTO(buf) struct buf text = BUF(INSPECTED_MAX);
        AUTO(bundle) struct bundle bundle = {0};
        AUTO(jwk_set) struct jwk_set *keys = NULL;
        char trust_domain[TRUST_DOMAIN_MAX + 1];
        TRY(volume_read(v, "", "trust-bundle.json", &text));
        TRY(bundle_read(buf_span(&text), &bundle));
        TRY(bundle_token_key_set(&bundle, &keys));
        TRY(bundle_trust_domain(&bundle, trust_domain));
        const struct wit_rules rules = {trust_domain, v->now, /* leeway_s= */ 0};
        return wit_verify(token, keys, &rules, ret);
}

static struct fault *compare_key(const struct wit *w, const struct key *key)
{
        return span_eq(key_spki(w->key), key_spki(key)) ? NULL : fault(FAULT_INVALID, "OTHER_KEY", "it is another key");
}

static struct fault *compare_pem(struct volume *v, const char *prefix, const struct wit *w)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/fd/%d/%swit.key.pem", v->dir, prefix);
        AUTO(secret) struct secret *pem = NULL;
        AUTO(key) struct key *key = NULL;
        TRY(file_read_secret(path, &pem));
        TRY(key_from_pem_private(secret_span(pem), &key));
        return compare_key(w, key);
}

void inspect_token(struct volume *v, const char *prefix)
{
        AUTO(buf) struct buf text = BUF(INSPECTED_MAX);
        AUTO(wit) struct wit w = {0};
        if (!volume_fits(v, prefix, TOKEN_FILE, "can be read", volume_read(v, prefix, TOKEN_FILE, &text)) ||
            !volume_fits(v, prefix, "token", "verifies against trust-bundle.json", verify(v, buf_span(&text), &w)))
                return;
        AUTO_STRING char *slot =
                prefix[0] == '\0' ? alloc_string("wit") : span_to_string(span_make(prefix, strlen(prefix) - 1));
        struct json *j = json_new_object();
        json_set_text(j, "slot", slot);
        json_set_text(j, "identity", w.subject);
        json_set_text(j, "subject", "Workload Identity Token");
        json_set_text(j, "issuer", w.issuer);
        json_set_text(j, "key", w.key_alg);
        json_set_text(j, "serial", w.id);
        json_set_int(j, "not_before", w.not_before_unix_s);
        json_set_int(j, "not_after", w.expires_unix_s);
        if (w.claims != NULL)
                json_set(j, "claims", json_copy(w.claims));
        json_push(v->credentials, j);

        (void) volume_fits(v, prefix, "token-key", "belongs to the token", compare_pem(v, prefix, &w));
        volume_compare_status(v, prefix, "token-status", w.id);
}
