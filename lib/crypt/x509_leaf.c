/* The leaf that pods get: a strict X509-SVID. This runs once for every credential, so it is plain appending and one signature. */
#include "lib/crypt/x509_build.h"

#include "lib/crypt/x509_parts.h"

#define EXTRA_MAX 8
#define DNS_MAX   64

/* SHA-1 of subjectPublicKey's content, as key_id() gives it for a key. */
static struct fault *spki_key_id(struct span spki, uint8_t ret[20])
{
        struct reader outer = READER(spki);
        struct span body, algorithm, bits;

        TRY(der_read(&outer, DER_SEQUENCE, &body));
        TRY(reader_end(&outer));
        struct reader r = READER(body);
        TRY(der_read(&r, DER_SEQUENCE, &algorithm));
        TRY(der_read_bits(&r, &bits));
        TRY(reader_end(&r));
        hash(HASH_SHA1, bits, ret);
        return NULL;
}

static struct fault *check_leaf(const struct leaf_spec *spec)
{
        TRY(part_check_frame(spec->serial, spec->not_before, spec->not_after));
        TRY(part_check_ia5(spec->uri));
        if (spec->dns_count > DNS_MAX || spec->extra_count > EXTRA_MAX)
                return fault(FAULT_INVALID, "BAD_NAME", "too many names or extensions");
        for (size_t i = 0; i < spec->dns_count; i++)
                TRY(part_check_ia5(spec->dns[i]));
        return NULL;
}

static void write_leaf_extensions(struct der *d, const struct leaf_spec *spec, const uint8_t subject_key_id[20])
{
        size_t wrapper = der_open(d, DER_CONTEXT_CONSTRUCTED(3)), list = der_open(d, DER_SEQUENCE);

        part_authority_key_id(d, SPAN_OF(spec->issuer_key_id));
        part_subject_key_id(d, subject_key_id);
        part_basic_constraints(d, /* is_ca= */ false, -1);
        part_key_usage(d, PART_USAGE_SIGN);
        part_server_and_client(d);

        struct part e = part_open(d, PART_SAN, true);
        size_t names = der_open(d, DER_SEQUENCE);
        der_add(d, PART_SAN_URI, span_str(spec->uri));
        for (size_t i = 0; i < spec->dns_count; i++)
                der_add(d, PART_SAN_DNS, span_str(spec->dns[i]));
        der_close(d, names);
        part_close(d, e);

        for (size_t i = 0; i < spec->extra_count; i++) {
                size_t whole = der_open(d, DER_SEQUENCE);
                der_oid_text(d, spec->extra[i].oid);
                der_add(d, DER_OCTET_STRING, spec->extra[i].der);
                der_close(d, whole);
        }
        der_close(d, list);
        der_close(d, wrapper);
}

struct fault *leaf_build(const struct leaf_spec *spec, const struct key *ca_key, struct buf *ret_der)
{
        uint8_t subject_key_id[20];

        TRY(check_leaf(spec));
        TRY(fault_rename(fault_prefix(spki_key_id(spec->spki, subject_key_id), "key to certify"), FAULT_INVALID,
                         "KEY_ENCODING"));

        AUTO(der) struct der d = DER(PART_TBS_MAX);
        size_t tbs = der_open(&d, DER_SEQUENCE);
        part_head(&d, spec->serial, ca_key);
        der_raw(&d, spec->issuer_name_der);
        part_validity(&d, spec->not_before, spec->not_after);
        der_add(&d, DER_SEQUENCE, SPAN_NONE); /* no subject: the SAN is critical */
        der_raw(&d, spec->spki);
        write_leaf_extensions(&d, spec, subject_key_id);
        der_close(&d, tbs);
        return part_sign(&d, ca_key, ret_der);
}
