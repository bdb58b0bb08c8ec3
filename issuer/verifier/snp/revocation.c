#include "issuer/verifier/snp/revocation.h"

#include <assert.h>

#include "issuer/verifier/snp/snp.h"
#include "lib/crypt/crl.h"

struct proven_list { /* immutable */
        struct memo_value memo;
        struct crl *crl;
};
static struct memo proven = MEMO_INIT;

const char *snp_crl_state_name(enum snp_crl_state s)
{
        static const char *const names[] = {"absent", "checked", "stale"};
        _Static_assert(COUNT_OF(names) == SNP_CRL_STATE_COUNT, "every state has a name");

        assert((size_t) s < SNP_CRL_STATE_COUNT);
        return names[s];
}

static void list_destroy(struct memo_value *v)
{
        struct proven_list *l = CONTAINER_OF(v, struct proven_list, memo);

        crl_free(l->crl);
        free(l);
}

static void proven_list_free(struct proven_list *l)
{
        if (l != NULL)
                memo_release(&l->memo);
}
DEFINE_AUTO(proven_list)

void snp_revocation_forget(void)
{
        memo_clear(&proven);
}

static void key_of(struct span bytes, const struct cert *root, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        uint64_t len = bytes.len;

        hasher_add(h, SPAN_OF(len));
        hasher_add(h, bytes);
        hasher_add(h, cert_der(root));
        hasher_end(h, ret);
}

/* Read, and signed by the root. Its dates are the caller's: at its own beginning they hold. */
static struct fault *prove(struct span bytes, const struct cert *root, struct proven_list **ret)
{
        uint8_t key[SHA256_LEN];

        key_of(bytes, root, key);
        struct memo_value *known = memo_find(&proven, key);
        if (known != NULL) {
                *ret = CONTAINER_OF(known, struct proven_list, memo);
                return NULL;
        }

        AUTO(proven_list) struct proven_list *l = NEW(struct proven_list);
        l->memo = MEMO_VALUE(list_destroy);
        struct fault *f = crl_read(bytes, &l->crl);
        if (f == NULL)
                f = crl_verify(l->crl, root, CERT_SIGNATURE_PSS_SHA384, crl_this_update(l->crl));
        TRY(fault_rename(f, FAULT_DENIED, "snp.crl"));
        memo_keep(&proven, key, &l->memo);
        *ret = TAKE(l);
        return NULL;
}

/* Lists of several products may be there: AMD's roots have different names. */
static struct span choose(const struct appraisal *in, const struct cert *root)
{
        struct span first = SPAN_NONE;

        for (size_t i = 0; i < in->part_count; i++) {
                AUTO(crl) struct crl *c = NULL;
                if (strcmp(in->parts[i].name, SNP_PART_CRL) != 0 || in->parts[i].bytes.len == 0)
                        continue;
                if (first.len == 0)
                        first = in->parts[i].bytes;
                AUTO(fault) struct fault *f = crl_read(in->parts[i].bytes, &c);
                if (f == NULL && span_eq(crl_issuer_der(c), cert_subject_der(root)))
                        return in->parts[i].bytes;
        }
        return first;
}

static size_t count_lists(const struct appraisal *in)
{
        size_t count = 0;

        for (size_t i = 0; i < in->part_count; i++)
                count += strcmp(in->parts[i].name, SNP_PART_CRL) == 0;
        return count;
}

struct fault *snp_revocation_check(const struct appraisal *in, const struct snp_chain *chain,
                                   struct snp_revocation *ret)
{
        struct span bytes = count_lists(in) > 1 ? choose(in, chain->root) : appraisal_part(in, SNP_PART_CRL);
        AUTO(proven_list) struct proven_list *list = NULL;
        int64_t now = wall_unix_s(in->now);
        char begin[WALL_TEXT_LEN + 1];

        if (bytes.len == 0) {
                *ret = (struct snp_revocation){.state = SNP_CRL_ABSENT};
                return NULL;
        }
        TRY(prove(bytes, chain->root, &list));
        if (now < wall_unix_s(crl_this_update(list->crl))) {
                wall_format(crl_this_update(list->crl), begin);
                return fault(FAULT_DENIED, "snp.crl_not_yet_valid", "revocation list begins %s", begin);
        }
        if (crl_lists(list->crl, cert_serial(chain->issuer)))
                return fault(FAULT_DENIED, "snp.revoked", "\"%s\" is revoked", cert_subject(chain->issuer));
        bool is_stale = now > wall_unix_s(crl_next_update(list->crl));
        *ret = (struct snp_revocation){
                .state = is_stale ? SNP_CRL_STALE : SNP_CRL_CHECKED,
                .list = bytes,
                .next_update = crl_next_update(list->crl),
        };
        return NULL;
}
