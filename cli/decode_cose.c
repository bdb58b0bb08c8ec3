/* Documents in CBOR: Nitro Enclaves, Arm CCA. */
#include "cli/decode.h"

#include <stdio.h>

#include "cli/inspect.h"
#include "issuer/verifier/cca/token.h"
#include "issuer/verifier/nitro/document.h"
#include "lib/crypt/x509.h"

struct fault *decode_nitro(struct span bytes, struct json **ret)
{
        struct cose_sign1 c = {0};
        struct nitro_document d;
        if (bytes.len < 2 || (bytes.data[0] != 0x84 && bytes.data[0] != 0xd2))
                return NULL;
        TRY(cose_sign1_read(bytes, &c));
        TRY(nitro_document_read(c.payload, &d));
        struct json *j = decoded("nitro attestation document"), *pcrs = json_new_object();
        json_set_span(j, "module_id", d.module_id);
        json_set_int(j, "timestamp_ms", d.timestamp_ms > INT64_MAX ? INT64_MAX : (int64_t) d.timestamp_ms);
        for (unsigned i = 0; i < NITRO_PCRS_MAX; i++) {
                char name[8];
                (void) snprintf(name, sizeof(name), "%u", i); /* fits */
                if (d.pcrs[i].len > 0)
                        json_set_hex(pcrs, name, d.pcrs[i]);
        }
        json_set(j, "pcrs", pcrs);
        if (d.nonce.len > 0)
                json_set_hex(j, "nonce", d.nonce);
        if (d.user_data.len > 0)
                json_set_hex(j, "user_data", d.user_data);
        if (d.public_key.len > 0)
                json_set_hex(j, "public_key", d.public_key);
        AUTO(cert) struct cert *leaf = NULL;
        AUTO(fault) struct fault *f = cert_from_der(d.certificate, &leaf);
        if (f == NULL)
                json_set(j, "certificate", cert_to_json(leaf));
        *ret = j;
        return NULL;
}

struct fault *decode_cca(struct span bytes, struct json **ret)
{
        struct cca_token t = {0};
        struct cca_platform p;
        struct cca_realm r;
        if (bytes.len < 3 || bytes.data[0] != 0xd9 || bytes.data[1] != 0x01 || bytes.data[2] != 0x8f)
                return NULL;
        TRY(cca_token_read(bytes, &t));
        TRY(cca_platform_read(t.platform.payload, &p));
        TRY(cca_realm_read(t.realm.payload, &r));
        struct json *j = *ret = decoded("arm cca token");
        struct json *platform = json_new_object(), *realm = json_new_object(), *components = json_new_array();
        json_set_span(platform, "profile", p.profile);
        json_set_hex(platform, "implementation_id", p.implementation_id);
        json_set_hex(platform, "instance_id", p.instance_id);
        json_set_int(platform, "lifecycle", p.lifecycle > INT64_MAX ? INT64_MAX : (int64_t) p.lifecycle);
        for (size_t i = 0; i < p.component_count; i++) {
                struct json *one = json_new_object();
                json_set_span(one, "type", p.components[i].type);
                json_set_hex(one, "measurement", p.components[i].measurement);
                json_set_span(one, "version", p.components[i].version);
                json_push(components, one);
        }
        json_set(platform, "components", components);
        json_set_hex(realm, "challenge", r.challenge);
        json_set_hex(realm, "initial", r.initial);
        json_set_hex(realm, "personalization", r.personalization);
        json_set(j, "platform", platform);
        json_set(j, "realm", realm);
        return NULL;
}
