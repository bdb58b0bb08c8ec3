#include "lib/crypt/crl.h"

#include "lib/base/parse.h"
#include "lib/crypt/x509_signed.h"

#define BEGIN       "-----BEGIN X509 CRL-----"
#define END         "-----END X509 CRL-----"
#define VERSION_2   1 /* RFC 5280 §5.1.2.1 */
#define KU_CRL_SIGN 0x02u

/* Contents of OBJECT IDENTIFIERs: extensions that may be critical because we know what they say. */
#define OID_CRL_NUMBER       SPAN("\x55\x1d\x14")
#define OID_REASON           SPAN("\x55\x1d\x15")
#define OID_INVALIDITY_DATE  SPAN("\x55\x1d\x18")
#define OID_DELTA_INDICATOR  SPAN("\x55\x1d\x1b")
#define OID_AUTHORITY_KEY_ID SPAN("\x55\x1d\x23")

struct crl {
        struct buf der;
        struct x509_signed parts; /* points into der, as all spans here */
        struct span inner_algorithm, issuer;
        struct wall this_update, next_update;
        size_t count;
        struct span *serials; /* sorted: shorter first, then by value */
};

/* ---- bytes ---- */

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct fault *decode_pem(struct span pem, struct buf *ret_der)
{
        const uint8_t *begin = memmem(pem.data, pem.len, BEGIN, sizeof BEGIN - 1);
        const uint8_t *end = memmem(pem.data, pem.len, END, sizeof END - 1);
        AUTO(buf) struct buf dense = BUF(CRL_MAX * 2);

        if (begin == NULL || end == NULL || end < begin + (sizeof BEGIN - 1))
                return fault(FAULT_INVALID, "BAD_CRL", "neither DER nor PEM of a revocation list");
        for (const uint8_t *at = begin + (sizeof BEGIN - 1); at < end; at++) {
                if (!is_blank(*at))
                        TRY(buf_append_byte(&dense, *at));
        }
        const uint8_t *rest = end + (sizeof END - 1);
        if (memmem(rest, (size_t) (pem.data + pem.len - rest), BEGIN, sizeof BEGIN - 1) != NULL)
                return fault(FAULT_INVALID, "BAD_CRL", "more than one revocation list");
        return base64_decode(buf_span(&dense), ret_der);
}

/* ---- structure ---- */

static int by_value(const void *a, const void *b)
{
        const struct span *x = a, *y = b;

        if (x->len != y->len)
                return x->len < y->len ? -1 : 1;
        return x->len == 0 ? 0 : memcmp(x->data, y->data, x->len);
}

static struct span without_zeros(struct span number)
{
        while (number.len > 0 && number.data[0] == 0)
                number = span_slice(number, 1, number.len - 1);
        return number;
}

/* Extensions: SEQUENCE OF SEQUENCE { OID, BOOLEAN DEFAULT FALSE, OCTET STRING }. A critical one that isn't among `known` changes what the
 * list means; so does a delta indicator in any case. */
static struct fault *check_extensions(struct span extensions, const struct span *known, size_t known_count)
{
        struct reader all = READER(extensions);

        while (reader_left(&all) > 0) {
                struct span one, oid, flag = SPAN_NONE, value;
                TRY(der_read(&all, DER_SEQUENCE, &one));
                struct reader r = READER(one);
                TRY(der_read(&r, DER_OID, &oid));
                if (reader_left(&r) > 0 && reader_rest(&r).data[0] == DER_BOOLEAN) {
                        TRY(der_read(&r, DER_BOOLEAN, &flag));
                        if (flag.len != 1)
                                return fault(FAULT_INVALID, "BAD_CRL", "flag of an extension");
                }
                TRY(der_read(&r, DER_OCTET_STRING, &value));
                TRY(reader_end(&r));

                bool is_known = false;
                for (size_t i = 0; i < known_count; i++)
                        is_known |= span_eq(oid, known[i]);
                if (span_eq(oid, OID_DELTA_INDICATOR))
                        return fault(FAULT_INVALID, "BAD_CRL", "a delta list is no complete one");
                if (!is_known && flag.len == 1 && flag.data[0] != 0)
                        return fault(FAULT_INVALID, "BAD_CRL", "critical extension that we don't know");
        }
        return NULL;
}

/* SEQUENCE { serial, revocationDate, extensions OPTIONAL } */
static struct fault *read_entry(struct reader *list, struct span *ret_serial)
{
        const struct span known[] = {OID_REASON, OID_INVALIDITY_DATE}; /* a certificate's issuer: an indirect list */
        struct span entry, serial, extensions;
        struct wall when;

        TRY(der_read(list, DER_SEQUENCE, &entry));
        struct reader r = READER(entry);
        TRY(der_read(&r, DER_INTEGER, &serial));
        if (serial.len == 0 || (serial.data[0] & 0x80) != 0)
                return fault(FAULT_INVALID, "BAD_CRL", "negative serial number");
        TRY(der_read_time(&r, &when));
        if (reader_left(&r) > 0) {
                TRY(der_read(&r, DER_SEQUENCE, &extensions));
                TRY(check_extensions(extensions, known, COUNT_OF(known)));
        }
        TRY(reader_end(&r));
        *ret_serial = without_zeros(serial);
        return NULL;
}

static struct fault *read_entries(struct span entries, struct crl *c)
{
        struct reader r = READER(entries);
        size_t room = 0;

        while (reader_left(&r) > 0) {
                if (c->count == room) {
                        room = room == 0 ? 16 : 2 * room; /* bounded by CRL_MAX: an entry has some twenty bytes */
                        c->serials = alloc_resize(c->serials, room, sizeof *c->serials);
                }
                TRY(read_entry(&r, &c->serials[c->count]));
                c->count++;
        }
        if (c->count > 0)
                qsort(c->serials, c->count, sizeof *c->serials, by_value);
        return NULL;
}

static bool next_is(const struct reader *r, uint8_t tag)
{
        return reader_left(r) > 0 && reader_rest(r).data[0] == tag;
}

/* TBSCertList (RFC 5280 §5.1). nextUpdate is optional in the syntax and required by the text; a list without end is none for us. */
static struct fault *read_list(struct crl *c)
{
        const struct span known[] = {OID_CRL_NUMBER, OID_AUTHORITY_KEY_ID};
        struct reader r = READER(c->parts.inner);
        struct span version, name, entries, outer, extensions;

        TRY(der_read_uint(&r, &version));
        if (version.len != 1 || version.data[0] != VERSION_2)
                return fault(FAULT_INVALID, "BAD_CRL", "not version 2");
        TRY(der_read(&r, DER_SEQUENCE, &c->inner_algorithm));
        size_t from = r.at;
        TRY(der_read(&r, DER_SEQUENCE, &name));
        c->issuer = span_slice(c->parts.inner, from, r.at - from);
        TRY(der_read_time(&r, &c->this_update));
        TRY(der_read_time(&r, &c->next_update));
        if (next_is(&r, DER_SEQUENCE)) {
                TRY(der_read(&r, DER_SEQUENCE, &entries));
                TRY(read_entries(entries, c));
        }
        if (next_is(&r, DER_CONTEXT_CONSTRUCTED(0))) {
                TRY(der_read(&r, DER_CONTEXT_CONSTRUCTED(0), &outer));
                struct reader in = READER(outer);
                TRY(der_read(&in, DER_SEQUENCE, &extensions));
                TRY(reader_end(&in));
                TRY(check_extensions(extensions, known, COUNT_OF(known)));
        }
        return reader_end(&r);
}

static struct fault *read_bytes(struct span bytes, struct crl *c)
{
        if (bytes.len > 0 && bytes.data[0] == DER_SEQUENCE)
                TRY(buf_append(&c->der, bytes));
        else
                TRY(decode_pem(bytes, &c->der));
        TRY(x509_signed_read(buf_span(&c->der), &c->parts));
        return read_list(c);
}

struct fault *crl_read(struct span bytes, struct crl **ret)
{
        AUTO(crl) struct crl *c = NEW(struct crl);

        c->der = BUF(CRL_MAX);
        TRY(fault_rename(read_bytes(bytes, c), FAULT_INVALID, "BAD_CRL"));
        *ret = TAKE(c);
        return NULL;
}

/* ---- trust ---- */

struct fault *crl_verify(const struct crl *c, const struct cert *issuer, enum cert_signature wanted, struct wall now)
{
        unsigned usage = cert_key_usage(issuer);
        char edge[WALL_TEXT_LEN + 1];

        if (!span_eq(c->issuer, cert_subject_der(issuer)) || cert_key(issuer) == NULL ||
            (usage != 0 && (usage & KU_CRL_SIGN) == 0))
                return fault(FAULT_DENIED, "x509.crl_issuer", "revocation list isn't of \"%s\"", cert_subject(issuer));
        TRY(fault_rename(x509_signed_verify(&c->parts, c->inner_algorithm, cert_key(issuer), wanted), FAULT_DENIED,
                         "x509.crl_signature"));
        if (wall_unix_s(now) < wall_unix_s(c->this_update)) {
                wall_format(c->this_update, edge);
                return fault(FAULT_DENIED, "x509.crl_not_yet_valid", "revocation list begins %s", edge);
        }
        if (wall_unix_s(now) > wall_unix_s(c->next_update)) {
                wall_format(c->next_update, edge);
                return fault(FAULT_DENIED, "x509.crl_expired", "revocation list ended %s", edge);
        }
        return NULL;
}

bool crl_lists(const struct crl *c, struct span serial)
{
        struct span wanted = without_zeros(serial);

        return c->count > 0 && bsearch(&wanted, c->serials, c->count, sizeof *c->serials, by_value) != NULL;
}

struct span crl_issuer_der(const struct crl *c)
{
        return c->issuer;
}

struct wall crl_this_update(const struct crl *c)
{
        return c->this_update;
}

struct wall crl_next_update(const struct crl *c)
{
        return c->next_update;
}

struct span crl_der(const struct crl *c)
{
        return buf_span(&c->der);
}

void crl_free(struct crl *c)
{
        if (c == NULL)
                return;
        buf_clear(&c->der);
        free(c->serials);
        free(c);
}
