#include "issuer/verifier/tdx/roots.h"

#include "issuer/verifier/memo.h"
#include "lib/crypt/x509.h"

/* Intel SGX Root CA (2018 to 2049), SHA-256 of its SubjectPublicKeyInfo. */
static const uint8_t intel[SHA256_LEN] = {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
                                          0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
                                          0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};

/* That such a root is among such anchors: certificates are slow to parse, and a verifier's anchors don't change. */
static struct memo memo = MEMO_INIT;

static void found_free(struct memo_value *v)
{
        free(v);
}

static void key_of(const uint8_t spki[SHA256_LEN], struct span anchors, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        hasher_add(h, span_make(spki, SHA256_LEN));
        hasher_add(h, anchors);
        hasher_end(h, ret);
}

static struct fault *search(const uint8_t spki[SHA256_LEN], struct span anchors, bool *ret_found)
{
        AUTO(cert_list) struct cert_list list = {0};

        TRY(fault_rename(fault_prefix(cert_list_read(anchors, &list), "anchors"), FAULT_INVALID, "tdx.root"));
        *ret_found = false;
        for (size_t i = 0; i < list.count; i++) {
                uint8_t digest[SHA256_LEN];
                if (cert_key(list.certs[i]) == NULL)
                        continue;
                key_spki_sha256(cert_key(list.certs[i]), digest);
                *ret_found |= memcmp(digest, spki, SHA256_LEN) == 0;
        }
        return NULL;
}

struct fault *tdx_root_find(const uint8_t spki[SHA256_LEN], struct span anchors, enum tdx_root *ret)
{
        uint8_t key[SHA256_LEN];
        bool found = false;

        *ret = memcmp(spki, intel, SHA256_LEN) == 0 ? TDX_ROOT_INTEL : TDX_ROOT_NONE;
        if (*ret == TDX_ROOT_INTEL || anchors.len == 0)
                return NULL;
        key_of(spki, anchors, key);
        struct memo_value *known = memo_find(&memo, key);
        if (known == NULL)
                TRY(search(spki, anchors, &found));
        if (found) {
                known = NEW(struct memo_value);
                *known = MEMO_VALUE(found_free);
                memo_keep(&memo, key, known);
        }
        if (known != NULL)
                *ret = TDX_ROOT_CONFIGURED;
        memo_release(known);
        return NULL;
}

void tdx_root_forget(void)
{
        memo_clear(&memo);
}
