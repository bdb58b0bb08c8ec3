/* Attestation keys that were trusted before, each under a digest of all that this rested on: the key's part, the certificates beside it, and
 * the anchors. Its dates are asked each time: once they are over, or before they began, the chain is looked for anew. */
#include "issuer/verifier/tpm/tpm.h"

static struct memo memo = MEMO_INIT;

static void add_parts(struct hasher *h, const struct appraisal *in, const char *name)
{
        uint64_t count = 0;
        for (size_t i = 0; i < in->part_count; i++)
                count += strcmp(in->parts[i].name, name) == 0;
        hasher_add(h, SPAN_OF(count));
        for (size_t i = 0; i < in->part_count; i++)
                if (strcmp(in->parts[i].name, name) == 0)
                        memo_key_add(h, in->parts[i].bytes);
}

static void key_of(const struct appraisal *in, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        memo_key_add(h, appraisal_part(in, "ak"));
        add_parts(h, in, "chain");
        add_parts(h, in, "anchors");
        hasher_end(h, ret);
}

struct tpm_ak *tpm_ak_known(const struct appraisal *in)
{
        uint8_t key[SHA256_LEN];
        int64_t now = wall_unix_s(in->now);
        key_of(in, key);
        struct memo_value *v = memo_find(&memo, key);
        if (v == NULL)
                return NULL;
        struct tpm_ak *ak = CONTAINER_OF(v, struct tpm_ak, memo);
        if (now >= ak->valid.from_unix_s && now <= ak->valid.until_unix_s)
                return ak;
        memo_release(v);
        return NULL;
}

void tpm_ak_keep(const struct appraisal *in, struct tpm_ak *ak)
{
        uint8_t key[SHA256_LEN];
        key_of(in, key);
        memo_keep(&memo, key, &ak->memo);
}

void tpm_ak_forget(void)
{
        memo_clear(&memo);
}
