#include "issuer/verifier/snp/certificate.h"

#include <stdio.h>

#include "lib/crypt/der.h"

#define AMD              "1.3.6.1.4.1.3704.1."
#define OID_VERSION      AMD "1"
#define OID_PRODUCT_NAME AMD "2"
#define OID_SPL          AMD "3."
#define OID_HWID         AMD "4"
#define OID_CSP_ID       AMD "5"
#define DER_PRINTABLE    0x13
#define DER_IA5          0x16
#define SPL_FMC          9 /* .3.9: Turin */

/* Which extension (.3.N) holds byte i of a product's TCB. */
static const unsigned spl_of[SNP_PRODUCT_COUNT][SNP_TCB_LEN] = {
        [SNP_MILAN] = {1, 2, 4, 5, 6, 7, 3, 8},
        [SNP_GENOA] = {1, 2, 4, 5, 6, 7, 3, 8},
        [SNP_TURIN] = {SPL_FMC, 1, 2, 3, 5, 6, 7, 8},
};

static struct fault *bad(const char *what, const char *why)
{
        return fault(FAULT_DENIED, "snp.certificate_extensions", "%s: %s", what, why);
}

/* ---- values ---- */

static struct fault *find(const struct cert *c, const char *oid, const char *what, struct span *ret)
{
        AUTO(fault) struct fault *f = cert_extension(c, oid, ret);
        return f == NULL ? NULL : bad(what, "missing");
}

static bool has(const struct cert *c, const char *oid)
{
        struct span value;
        AUTO(fault) struct fault *f = cert_extension(c, oid, &value);
        return f == NULL;
}

/* An INTEGER from 0 to 255, in its shortest form: from 128 on a zero stands before it. */
static struct fault *read_byte(struct span value, const char *what, uint8_t *ret)
{
        struct reader r = READER(value);
        struct span number;

        AUTO(fault) struct fault *f = der_read(&r, DER_INTEGER, &number);
        if (f == NULL)
                f = reader_end(&r);
        if (f != NULL)
                return bad(what, fault_text(f));
        bool is_small = number.len == 1 && number.data[0] < 0x80;
        bool is_large = number.len == 2 && number.data[0] == 0 && number.data[1] >= 0x80;
        if (!is_small && !is_large)
                return bad(what, "not a number from 0 to 255");
        *ret = number.data[number.len - 1];
        return NULL;
}

/* A string of graphic ASCII and blanks. */
static struct fault *read_text(struct span value, const char *what, size_t max, char *ret)
{
        struct reader r = READER(value);
        struct span text;
        uint8_t tag = value.len > 0 ? value.data[0] : 0;

        if (tag != DER_IA5 && tag != DER_UTF8 && tag != DER_PRINTABLE)
                return bad(what, "not a string");
        AUTO(fault) struct fault *f = der_read(&r, tag, &text);
        if (f == NULL)
                f = reader_end(&r);
        if (f != NULL)
                return bad(what, fault_text(f));
        if (text.len == 0 || text.len > max)
                return bad(what, "empty or too long");
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < 0x20 || text.data[i] > 0x7e)
                        return bad(what, "other than printable characters");
        }
        memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
        return NULL;
}

/* ---- the extensions ---- */

bool snp_product_by_name(struct span name, enum snp_product *ret)
{
        static const struct {
                const char *name;
                enum snp_product product;
        } rows[] = {
                {"Milan", SNP_MILAN}, {"Genoa", SNP_GENOA},   {"Siena", SNP_GENOA},
                {"Turin", SNP_TURIN}, {"Bergamo", SNP_GENOA},
        };
        const uint8_t *dash = name.len > 0 ? memchr(name.data, '-', name.len) : NULL;
        struct span line = dash == NULL ? name : span_slice(name, 0, (size_t) (dash - name.data));

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (!span_eq_str(line, rows[i].name))
                        continue;
                *ret = rows[i].product;
                return true;
        }
        return false;
}

static struct fault *read_product(struct snp_certificate *c)
{
        struct span value;
        uint8_t version; /* of the extensions' structure: 0, on Turin 1; it changes none of what is read here */

        TRY(find(c->cert, OID_VERSION, "structVersion", &value));
        TRY(read_byte(value, "structVersion", &version));
        TRY(find(c->cert, OID_PRODUCT_NAME, "productName", &value));
        TRY(read_text(value, "productName", SNP_PRODUCT_NAME_MAX, c->product_name));
        if (!snp_product_by_name(span_str(c->product_name), &c->product))
                return bad("productName", c->product_name);
        return NULL;
}

static struct fault *read_tcb(struct snp_certificate *c)
{
        for (size_t i = 0; i < SNP_TCB_LEN; i++) {
                char oid[sizeof(OID_SPL) + 4], what[16];
                struct span value;
                (void) snprintf(oid, sizeof(oid), OID_SPL "%u", spl_of[c->product][i]); /* fits */
                (void) snprintf(what, sizeof(what), "SPL .3.%u", spl_of[c->product][i]);
                TRY(find(c->cert, oid, what, &value));
                TRY(read_byte(value, what, &c->tcb.parts[i]));
        }
        /* the one that this product's reports have no byte for must say nothing */
        uint8_t foreign = 0;
        struct span value;
        const char *oid = c->product == SNP_TURIN ? OID_SPL "4" : OID_SPL "9";
        if (has(c->cert, oid)) {
                TRY(find(c->cert, oid, "foreign SPL", &value));
                TRY(read_byte(value, "foreign SPL", &foreign));
        }
        if (foreign != 0)
                return bad("foreign SPL", "on a product without it");
        return NULL;
}

/* Both forms are in the field: the bytes as they are, and wrapped into an OCTET STRING. */
static struct fault *read_hwid(struct span value, struct snp_certificate *c)
{
        size_t len = c->product == SNP_TURIN ? SNP_TURIN_HWID_LEN : SNP_CHIP_ID_LEN;
        struct reader r = READER(value);

        if (value.len != len) {
                AUTO(fault) struct fault *f = der_read(&r, DER_OCTET_STRING, &value);
                if (f == NULL)
                        f = reader_end(&r);
                if (f != NULL || value.len != len)
                        return bad("hwID", "not of the product's length");
        }
        memcpy(c->hwid, value.data, len);
        c->hwid_len = len;
        return NULL;
}

/* Of a chip or of a fleet, never both, never neither; the subject's name says the same. */
static struct fault *read_owner(struct snp_certificate *c)
{
        bool has_hwid = has(c->cert, OID_HWID), has_csp = has(c->cert, OID_CSP_ID);
        char name[SNP_COMMON_NAME_MAX + 1];
        struct span value;

        if (has_hwid == has_csp)
                return bad("hwID, CSP_ID", has_hwid ? "both" : "neither");
        c->is_vlek = has_csp;
        snp_common_name(cert_subject(c->cert), name);
        if (strcmp(name, c->is_vlek ? "SEV-VLEK" : "SEV-VCEK") != 0)
                return bad("subject", "not the name of this kind of key");
        if (!c->is_vlek) {
                TRY(find(c->cert, OID_HWID, "hwID", &value));
                return read_hwid(value, c);
        }
        TRY(find(c->cert, OID_CSP_ID, "CSP_ID", &value));
        return read_text(value, "CSP_ID", SNP_CSP_ID_MAX, c->csp_id);
}

static struct fault *read_certificate(struct span bytes, struct cert **ret)
{
        AUTO(cert_list) struct cert_list list = {0};

        TRY(fault_rename(cert_list_read(bytes, &list), FAULT_INVALID, "snp.certificate_format"));
        if (list.count != 1)
                return fault(FAULT_INVALID, "snp.certificate_format", "%zu certificates where one belongs", list.count);
        *ret = TAKE(list.certs[0]);
        list.count = 0;
        return NULL;
}

struct fault *snp_certificate_read(struct span bytes, struct snp_certificate *ret)
{
        AUTO(snp_certificate) struct snp_certificate c = {0};

        TRY(read_certificate(bytes, &c.cert));
        if (cert_key(c.cert) == NULL || key_kind(cert_key(c.cert)) != KEY_P384)
                return fault(FAULT_DENIED, "snp.certificate_key", "its key isn't a P-384 one");
        TRY(read_product(&c));
        TRY(read_tcb(&c));
        TRY(read_owner(&c));
        *ret = c;
        c.cert = NULL; /* the caller's now */
        return NULL;
}

/* ---- asking ---- */

void snp_common_name(const char *name, char ret[SNP_COMMON_NAME_MAX + 1])
{
        const char *at = name;

        ret[0] = '\0';
        while (at != NULL && strncmp(at, "CN=", 3) != 0) {
                at = strchr(at, ',');
                while (at != NULL && at > name && at[-1] == '\\') /* escaped: within a value */
                        at = strchr(at + 1, ',');
                if (at != NULL)
                        at++;
        }
        if (at == NULL)
                return;
        at += 3;
        size_t len = strcspn(at, ",+");
        if (len > SNP_COMMON_NAME_MAX)
                return;
        memcpy(ret, at, len);
        ret[len] = '\0';
}

void snp_certificate_chip_id(const struct snp_certificate *c, uint8_t ret[SNP_CHIP_ID_LEN])
{
        memset(ret, 0, SNP_CHIP_ID_LEN);
        memcpy(ret, c->hwid, c->hwid_len);
}

bool snp_certificate_fits(const struct snp_certificate *c, const struct snp_report *r)
{
        uint8_t chip_id[SNP_CHIP_ID_LEN];

        if (c->is_vlek != (snp_report_signing_key(r) == SNP_SIGNED_BY_VLEK) || !snp_tcb_eq(c->tcb, r->reported_tcb))
                return false;
        if (c->is_vlek || span_is_zero(SPAN_OF(r->chip_id)))
                return true;
        snp_certificate_chip_id(c, chip_id);
        return memcmp(chip_id, r->chip_id, SNP_CHIP_ID_LEN) == 0;
}

void snp_certificate_clear(struct snp_certificate *c)
{
        cert_free(c->cert);
        *c = (struct snp_certificate){0};
}
