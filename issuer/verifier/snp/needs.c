/* What to ask AMD's key distribution service for: paths as its interface specification has them (57230, chapter 4). */
#include <stdio.h>

#include "issuer/verifier/snp/chain.h"
#include "issuer/verifier/snp/snp.h"
#include "lib/base/parse.h"

static struct need *add(struct needs *n, const char *part)
{
        struct need *one = &n->items[n->count++];

        *one = (struct need){.part = part};
        return one;
}

static void add_vcek(struct needs *n, const struct snp_report *r, enum snp_product product)
{
        const uint8_t *t = r->reported_tcb.parts;
        const char *name = snp_product_name(product);
        size_t len = product == SNP_TURIN ? SNP_TURIN_HWID_LEN : SNP_CHIP_ID_LEN;
        char hwid[2 * SNP_CHIP_ID_LEN + 1];
        struct need *one = add(n, SNP_PART_VCEK);

        hex_string(span_make(r->chip_id, len), hwid);
        if (product == SNP_TURIN)
                (void) snprintf(one->path, sizeof(one->path), /* fits */
                                "kds:/vcek/v1/%s/%s?fmcSPL=%02u&blSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u", name,
                                hwid, t[0], t[1], t[2], t[3], t[7]);
        else
                (void) snprintf(one->path, sizeof(one->path), /* fits */
                                "kds:/vcek/v1/%s/%s?blSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u", name, hwid, t[0],
                                t[1], t[6], t[7]);
}

static void add_authority(struct needs *n, const char *part, const char *kind, enum snp_product product,
                          const char *what)
{
        struct need *one = add(n, part);

        (void) snprintf(one->path, sizeof(one->path), "kds:/%s/v1/%s/%s", kind, snp_product_name(product),
                        what); /* fits */
}

struct fault *needs_snp(const struct appraisal *in, struct needs *ret)
{
        struct snp_report r;
        struct snp_sources s;
        enum snp_product products[2] = {SNP_MILAN, SNP_GENOA}; /* that have had firmware with version 2 */
        size_t count = COUNT_OF(products);
        bool fits = false;

        AUTO(fault) struct fault *f = snp_report_read(in->evidence, &r);
        if (f == NULL)
                f = snp_sources_collect(in, &s);
        if (f != NULL)
                return NULL; /* the appraisal says so */
        bool is_vlek = snp_report_signing_key(&r) == SNP_SIGNED_BY_VLEK;
        enum snp_product seen, said;
        if (snp_chain_peek(&s, &r, &fits, &seen)) {
                products[0] = seen;
                count = 1;
        }
        if (r.version >= SNP_VERSION_3) {
                if (!snp_report_product(&r, &said))
                        return NULL;
                products[0] = said;
                count = 1;
        }

        struct needs n = {0};
        _Static_assert(3 * COUNT_OF(products) <= NEEDS_MAX, "all fit");
        for (size_t i = 0; i < count; i++) {
                /* a VLEK is its cloud's to hand out; without chip id there is nothing to ask for */
                if (!is_vlek && !fits && !span_is_zero(SPAN_OF(r.chip_id)))
                        add_vcek(&n, &r, products[i]);
                add_authority(&n, SNP_PART_CHAIN, is_vlek ? "vlek" : "vcek", products[i], "cert_chain");
                add_authority(&n, SNP_PART_CRL, is_vlek ? "vlek" : "vcek", products[i], "crl");
        }
        *ret = n;
        return NULL;
}
