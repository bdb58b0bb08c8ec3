#include "issuer/authority/rules.h"

#include "lib/model/spiffe_id.h"

#define DNS_NAME_MAX  253
#define DNS_LABEL_MAX 63

static struct fault *check_serial(const uint8_t serial[16])
{
        if ((serial[0] & 0x80) != 0 || span_is_zero(span_make(serial, 16)))
                return fault(FAULT_DENIED, "authority.serial", "a serial is 127 bits and not zero");
        return NULL;
}

static struct fault *check_identity(const struct rules *r, const char *identity)
{
        struct span id = span_str(identity);
        TRY(fault_rename(spiffe_id_check(id), FAULT_DENIED, "authority.identity"));
        if (!spiffe_id_is_in(id, r->trust_domain))
                return fault(FAULT_DENIED, "authority.trust_domain", "%s is outside the trust domain %.*s", identity,
                             (int) r->trust_domain.len, (const char *) r->trust_domain.data);

        struct span path = spiffe_id_path(id);
        if (path.len == 0)
                return fault(FAULT_DENIED, "authority.identity", "%s has no path: it names the authority", identity);
        if (span_eq_str(path, "/vouchsafe") || span_starts_with(path, SPAN("/vouchsafe/")))
                return fault(FAULT_DENIED, "authority.reserved", "%s is reserved", identity);
        return NULL;
}

static bool is_letter_or_digit(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123 §2.1, lower case, no wildcard. */
static bool label_is_good(struct span label)
{
        if (label.len == 0 || label.len > DNS_LABEL_MAX || !is_letter_or_digit(label.data[0]) ||
            !is_letter_or_digit(label.data[label.len - 1]))
                return false;
        for (size_t i = 0; i < label.len; i++)
                if (!is_letter_or_digit(label.data[i]) && label.data[i] != '-')
                        return false;
        return true;
}

static bool is_number(struct span label)
{
        for (size_t i = 0; i < label.len; i++)
                if (label.data[i] < '0' || label.data[i] > '9')
                        return false;
        return true;
}

static bool dns_name_is_good(struct span name)
{
        if (name.len > DNS_NAME_MAX)
                return false;
        struct span label;
        size_t from = 0;
        do {
                size_t to = from;
                while (to < name.len && name.data[to] != '.')
                        to++;
                label = span_slice(name, from, to - from);
                if (!label_is_good(label))
                        return false;
                from = to + 1;
        } while (from <= name.len);
        return !is_number(label); /* the last one: 10.0.0.1 is an address */
}

static struct fault *check_dns(const struct leaf_order *o)
{
        if (o->dns_count > LEAF_DNS_MAX)
                return fault(FAULT_DENIED, "authority.dns", "%zu DNS names, at most %d are allowed", o->dns_count,
                             LEAF_DNS_MAX);
        for (size_t i = 0; i < o->dns_count; i++)
                if (!dns_name_is_good(span_str(o->dns[i])))
                        return fault(FAULT_DENIED, "authority.dns", "%s is no DNS name in lower case", o->dns[i]);
        return NULL;
}

/* SubjectPublicKeyInfo of an uncompressed point, up to the point (RFC 5480 §2). That the point lies on the curve was seen
 * when its proof was verified; a leaf over a point that doesn't is of no use to anybody. */
static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t p384_head[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};

static bool is_point(struct span spki, struct span head, size_t coordinate_len)
{
        return spki.len == head.len + 2 * coordinate_len && span_starts_with(spki, head);
}

static struct fault *check_key(struct span spki)
{
        if (is_point(spki, SPAN_OF(p256_head), 32) || is_point(spki, SPAN_OF(p384_head), 48))
                return NULL;
        AUTO(key) struct key *k = NULL;
        AUTO(fault) struct fault *bad = spki.len <= SPKI_MAX ? key_from_spki(spki, &k) : NULL;
        if (k == NULL)
                return fault(FAULT_DENIED, "authority.key", "the key is none of P-256, P-384 and RSA: %s",
                             bad != NULL ? fault_text(bad) : "too long");
        return NULL;
}

/* A token's key is P-256, which every reader must know; names of hosts are a certificate's. */
static struct fault *check_token(const struct leaf_order *o)
{
        if (!is_point(o->spki, SPAN_OF(p256_head), 32))
                return fault(FAULT_DENIED, "authority.key", "a token is for a key of P-256");
        if (o->dns_count > 0)
                return fault(FAULT_DENIED, "authority.dns", "a token has no DNS names");
        return NULL;
}

static struct fault *check_times(const struct rules *r, const struct leaf_order *o, int64_t issuer_not_after_unix_s,
                                 int64_t now_s)
{
        if (o->not_before_unix_s > now_s + ORDER_AGE_MAX_S ||
            o->not_before_unix_s < now_s - r->backdate_s - ORDER_AGE_MAX_S)
                return fault(FAULT_DENIED, "authority.not_before", "notBefore is %lld, and it is %lld now",
                             (long long) o->not_before_unix_s, (long long) now_s); /* a difference may not fit */
        if (o->not_after_unix_s <= now_s)
                return fault(FAULT_DENIED, "authority.not_after", "the order has expired");
        if (o->not_after_unix_s > issuer_not_after_unix_s)
                return fault(FAULT_DENIED, "authority.not_after", "notAfter is %lld s past the end of the intermediate",
                             (long long) (o->not_after_unix_s - issuer_not_after_unix_s));
        if (o->not_after_unix_s - now_s > r->max_leaf_life_s)
                return fault(FAULT_DENIED, "authority.lifetime", "a life of %lld s, at most %lld are allowed",
                             (long long) (o->not_after_unix_s - now_s), (long long) r->max_leaf_life_s);
        return NULL;
}

struct fault *rules_check(const struct rules *r, const struct leaf_order *o, int64_t issuer_not_after_unix_s,
                          struct wall now)
{
        TRY(check_serial(o->serial));
        TRY(check_identity(r, o->identity));
        TRY(check_dns(o));
        TRY(check_key(o->spki));
        if (o->token)
                TRY(check_token(o));
        return check_times(r, o, issuer_not_after_unix_s, wall_unix_s(now));
}
