/* A certificate that is taken says all that is asked of one: a kind, a product, an id of its length. */
#include "issuer/verifier/snp/certificate.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(snp_certificate) struct snp_certificate c = {0};
        uint8_t chip_id[SNP_CHIP_ID_LEN];
        enum snp_product product;

        AUTO(fault) struct fault *f = snp_certificate_read(span_make(data, size), &c);
        must((f == NULL) == (c.cert != NULL));
        if (c.cert == NULL)
                return 0;
        must(c.is_vlek ? c.csp_id[0] != '\0' && c.hwid_len == 0 : c.csp_id[0] == '\0' && c.hwid_len >= 8);
        must(snp_product_by_name(span_str(c.product_name), &product) && product == c.product);
        must(key_kind(cert_key(c.cert)) == KEY_P384);
        snp_certificate_chip_id(&c, chip_id);
        return 0;
}
