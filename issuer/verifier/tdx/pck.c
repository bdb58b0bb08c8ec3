#include "issuer/verifier/tdx/pck.h"

#include "lib/crypt/der.h"

#define DER_ENUMERATED 0x0a

/* 1.2.840.113741.1.13.1 as content octets; every name below has it in front. */
static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
enum { PPID = 1, TCB, PCEID, FMSPC, SGX_TYPE, INSTANCE, CONFIGURATION, FIELDS };
enum { PCESVN = PCK_COMPONENTS + 1, CPUSVN, TCB_FIELDS };
enum { DYNAMIC = 1, CACHED_KEYS, SMT, CONFIGURATION_FIELDS };

/* One SEQUENCE { OID arc.prefix.n, value }; `ret_n` 0: another arc's. The value is what follows the OID. */
static struct fault *read_pair(struct reader *list, uint8_t prefix, unsigned *ret_n, struct reader *ret_value)
{
        struct span pair, oid;
        size_t skip = sizeof(arc) + (prefix != 0);

        TRY(der_read(list, DER_SEQUENCE, &pair));
        struct reader r = READER(pair);
        TRY(der_read(&r, DER_OID, &oid));
        bool is_ours = oid.len == skip + 1 && memcmp(oid.data, arc, sizeof(arc)) == 0 &&
                       (prefix == 0 || oid.data[sizeof(arc)] == prefix) && oid.data[skip] < 0x80;
        *ret_n = is_ours ? oid.data[skip] : 0;
        *ret_value = r;
        return NULL;
}

static struct fault *once(unsigned n, uint32_t *seen)
{
        if ((*seen >> n & 1) != 0)
                return fault(FAULT_INVALID, "tdx.pck", "field %u is there twice", n);
        *seen |= 1u << n;
        return NULL;
}

static struct fault *read_octets(struct reader *value, uint8_t *ret, size_t len)
{
        struct span octets;

        TRY(der_read(value, DER_OCTET_STRING, &octets));
        if (octets.len != len)
                return fault(FAULT_INVALID, "tdx.pck", "field of %zu bytes, wanted %zu", octets.len, len);
        memcpy(ret, octets.data, len);
        return reader_end(value);
}

/* Not negative, minimal, at most `max`. */
static struct fault *read_number(struct reader *value, uint8_t tag, uint32_t max, uint32_t *ret)
{
        struct span v;
        uint32_t number = 0;

        TRY(der_read(value, tag, &v));
        bool is_minimal =
                v.len > 0 && (v.data[0] & 0x80) == 0 && (v.len == 1 || v.data[0] != 0 || (v.data[1] & 0x80) != 0);
        if (!is_minimal || v.len > 3)
                return fault(FAULT_INVALID, "tdx.pck", "number of %zu bytes isn't one of ours", v.len);
        for (size_t i = 0; i < v.len; i++)
                number = number << 8 | v.data[i];
        if (number > max)
                return fault(FAULT_INVALID, "tdx.pck", "number %u, at most %u", number, max);
        *ret = number;
        return reader_end(value);
}

static struct fault *read_flag(struct reader *value, bool *ret)
{
        struct span v;

        TRY(der_read(value, DER_BOOLEAN, &v));
        if (v.len != 1 || (v.data[0] != 0 && v.data[0] != 0xff))
                return fault(FAULT_INVALID, "tdx.pck", "flag isn't DER");
        *ret = v.data[0] != 0;
        return reader_end(value);
}

static struct fault *complete(uint32_t seen, unsigned last, const char *what)
{
        for (unsigned n = 1; n <= last; n++)
                if ((seen >> n & 1) == 0)
                        return fault(FAULT_INVALID, "tdx.pck", "%s: field %u is missing", what, n);
        return NULL;
}

static struct fault *read_tcb(struct reader *value, struct pck_extension *p)
{
        struct span list;
        uint32_t seen = 0, number;

        TRY(der_read(value, DER_SEQUENCE, &list));
        TRY(reader_end(value));
        struct reader r = READER(list);
        while (reader_left(&r) > 0) {
                unsigned n;
                struct reader v;
                TRY(read_pair(&r, TCB, &n, &v));
                if (n == 0 || n >= TCB_FIELDS)
                        continue;
                TRY(once(n, &seen));
                if (n == CPUSVN) {
                        TRY(read_octets(&v, p->cpusvn, sizeof(p->cpusvn)));
                        continue;
                }
                TRY(read_number(&v, DER_INTEGER, n == PCESVN ? UINT16_MAX : UINT8_MAX, &number));
                if (n == PCESVN)
                        p->pcesvn = (uint16_t) number;
                else
                        p->components[n - 1] = (uint8_t) number;
        }
        return complete(seen, CPUSVN, "TCB");
}

static struct fault *read_configuration(struct reader *value, struct pck_extension *p)
{
        bool *const flags[CONFIGURATION_FIELDS] = {
                [DYNAMIC] = &p->dynamic_platform, [CACHED_KEYS] = &p->cached_keys, [SMT] = &p->smt_enabled};
        struct span list;
        uint32_t seen = 0;

        TRY(der_read(value, DER_SEQUENCE, &list));
        TRY(reader_end(value));
        struct reader r = READER(list);
        while (reader_left(&r) > 0) {
                unsigned n;
                struct reader v;
                TRY(read_pair(&r, CONFIGURATION, &n, &v));
                if (n == 0 || n >= CONFIGURATION_FIELDS)
                        continue;
                TRY(once(n, &seen));
                TRY(read_flag(&v, flags[n]));
        }
        p->has_configuration = true;
        return NULL;
}

static struct fault *read_field(unsigned n, struct reader *value, struct pck_extension *p)
{
        uint32_t number;

        switch (n) {
        case PPID:
                return read_octets(value, p->ppid, sizeof(p->ppid));
        case TCB:
                return read_tcb(value, p);
        case PCEID:
                return read_octets(value, p->pceid, sizeof(p->pceid));
        case FMSPC:
                return read_octets(value, p->fmspc, sizeof(p->fmspc));
        case SGX_TYPE:
                TRY(read_number(value, DER_ENUMERATED, UINT8_MAX, &number));
                p->sgx_type = (uint8_t) number;
                return NULL;
        case INSTANCE:
                p->has_instance = true;
                return read_octets(value, p->instance_id, sizeof(p->instance_id));
        case CONFIGURATION:
                return read_configuration(value, p);
        default:
                return NULL; /* a later profile's */
        }
}

static struct fault *read_extension(struct span der, struct pck_extension *p)
{
        struct reader whole = READER(der);
        struct span list;
        uint32_t seen = 0;

        TRY(der_read(&whole, DER_SEQUENCE, &list));
        TRY(reader_end(&whole));
        struct reader r = READER(list);
        while (reader_left(&r) > 0) {
                unsigned n;
                struct reader v;
                TRY(read_pair(&r, 0, &n, &v));
                if (n == 0 || n >= FIELDS)
                        continue;
                TRY(once(n, &seen));
                TRY(read_field(n, &v, p));
        }
        return complete(seen, SGX_TYPE, "PCK extension");
}

struct fault *pck_extension_read(struct span der, struct pck_extension *ret)
{
        struct pck_extension p = {0};

        TRY(fault_rename(read_extension(der, &p), FAULT_INVALID, "tdx.pck"));
        *ret = p;
        return NULL;
}
