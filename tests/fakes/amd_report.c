/* Reports and certificate tables of amd_pki. */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "lib/crypt/hash.h"
#include "tests/fakes/amd_keys.h"

#define NUMBER_ROOM 72
#define ENTRY_LEN   24

void amd_put_u32(uint8_t *at, uint32_t v)
{
        for (size_t i = 0; i < 4; i++)
                at[i] = (uint8_t) (v >> 8 * i);
}

void amd_put_u64(uint8_t *at, uint64_t v)
{
        for (size_t i = 0; i < 8; i++)
                at[i] = (uint8_t) (v >> 8 * i);
}

void amd_report(const struct amd_leaf *l, uint32_t version, uint8_t ret[SNP_REPORT_LEN])
{
        static const uint8_t processors[SNP_PRODUCT_COUNT][3] = {
                {0x19, 0x01, 0x01}, {0x19, 0x11, 0x01}, {0x1a, 0x02, 0x01}};
        static const size_t tcbs[] = {AMD_CURRENT_TCB, AMD_REPORTED_TCB, AMD_COMMITTED_TCB, AMD_LAUNCH_TCB};
        static const uint8_t firmware[] = {21, 55, 1};

        memset(ret, 0, SNP_REPORT_LEN);
        amd_put_u32(ret + AMD_VERSION, version);
        amd_put_u64(ret + AMD_POLICY, SNP_POLICY_SMT | SNP_POLICY_ONE);
        amd_put_u32(ret + AMD_SIGNATURE_ALGORITHM, SNP_ALGORITHM_P384_SHA384);
        amd_put_u64(ret + AMD_PLATFORM_INFO, SNP_PLATFORM_SMT | SNP_PLATFORM_ECC | SNP_PLATFORM_ALIAS_CHECK);
        amd_put_u32(ret + AMD_FLAGS, (l->is_vlek ? SNP_SIGNED_BY_VLEK : SNP_SIGNED_BY_VCEK) << SNP_FLAG_SIGNING_KEY_AT);
        hash(HASH_SHA384, SPAN("a launch"), ret + AMD_MEASUREMENT);
        memset(ret + 0x140, 0x42, 32);
        memset(ret + 0x160, 0xff, 32);
        for (size_t i = 0; i < COUNT_OF(tcbs); i++)
                memcpy(ret + tcbs[i], l->tcb.parts, SNP_TCB_LEN);
        if (version >= SNP_VERSION_3)
                memcpy(ret + AMD_CPU_FAMILY, processors[l->product], 3);
        memcpy(ret + AMD_CHIP_ID, l->chip_id, SNP_CHIP_ID_LEN);
        memcpy(ret + AMD_CURRENT_VERSION, firmware, 3);
        memcpy(ret + AMD_CURRENT_VERSION + 4, firmware, 3);
        if (version >= SNP_VERSION_5) {
                amd_put_u64(ret + AMD_LAUNCH_MITIGATIONS, 0x3f);
                amd_put_u64(ret + AMD_LAUNCH_MITIGATIONS + 8, 0x3f);
        }
}

void amd_report_sign(const struct amd_leaf *l, uint8_t report[SNP_REPORT_LEN])
{
        EVP_PKEY *key = amd_leaf_key(l);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t der[128];
        const uint8_t *at = der;
        size_t len = sizeof der;

        amd_must(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) == 1 &&
                         EVP_DigestSign(ctx, der, &len, report, SNP_SIGNED_LEN) == 1,
                 "report's signature");
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long) len);
        amd_must(signature != NULL, "signature's numbers");
        memset(report + AMD_SIGNATURE, 0, SNP_REPORT_LEN - AMD_SIGNATURE);
        amd_must(BN_bn2lebinpad(ECDSA_SIG_get0_r(signature), report + AMD_SIGNATURE, NUMBER_ROOM) == NUMBER_ROOM &&
                         BN_bn2lebinpad(ECDSA_SIG_get0_s(signature), report + AMD_SIGNATURE + NUMBER_ROOM,
                                        NUMBER_ROOM) == NUMBER_ROOM,
                 "numbers in the report");
        ECDSA_SIG_free(signature);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(key);
}

void amd_table_write(const struct amd_table_entry *entries, size_t count, struct buf *ret)
{
        size_t offset = ENTRY_LEN * (count + 1);
        uint8_t numbers[8], *end;

        for (size_t i = 0; i < count; i++) {
                amd_put_u32(numbers, (uint32_t) offset);
                amd_put_u32(numbers + 4, (uint32_t) entries[i].content.len);
                amd_must_hold(buf_append(ret, entries[i].guid), "GUID");
                amd_must_hold(buf_append(ret, SPAN_OF(numbers)), "entry");
                offset += entries[i].content.len;
        }
        amd_must_hold(buf_grow(ret, ENTRY_LEN, &end), "end");
        memset(end, 0, ENTRY_LEN);
        for (size_t i = 0; i < count; i++)
                amd_must_hold(buf_append(ret, entries[i].content), "content");
}
