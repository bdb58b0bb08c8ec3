#include "cli/inspect.h"

#include "lib/base/parse.h"
#include "lib/crypt/x509.h"

static const char *const kinds[] = {[KEY_P256] = "p256", [KEY_P384] = "p384", [KEY_RSA] = "rsa"};
_Static_assert(COUNT_OF(kinds) == KEY_KIND_COUNT, "a word for each kind");

struct json *cert_to_json(const struct cert *c)
{
        struct json *j = json_new_object(), *dns = json_new_array();
        json_set_text(j, "subject", cert_subject(c));
        json_set_text(j, "issuer", cert_issuer(c));
        json_set_hex(j, "serial", cert_serial(c));
        if (cert_uri_count(c) == 1)
                json_set_text(j, "identity", cert_uri(c, 0));
        for (size_t i = 0; i < cert_dns_count(c); i++)
                json_push(dns, json_new_text(span_str(cert_dns(c, i))));
        json_set(j, "dns", dns);
        json_set_int(j, "not_before", wall_unix_s(cert_not_before(c)));
        json_set_int(j, "not_after", wall_unix_s(cert_not_after(c)));
        json_set_text(j, "key", cert_key(c) == NULL ? "unknown" : kinds[key_kind(cert_key(c))]);
        json_set_bool(j, "ca", cert_is_ca(c));
        uint8_t digest[SHA256_LEN];
        cert_sha256(c, digest);
        json_set_hex(j, "sha256", SPAN_OF(digest));
        return j;
}
