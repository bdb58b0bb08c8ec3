#include "issuer/verifier/snp/authorities.h"

#include "issuer/verifier/snp/roots.h"

enum standing { LOOKED_AT, CLAIMED, TRUSTED };

static bool is_self_issued(const struct cert *c)
{
        return span_eq(cert_subject_der(c), cert_issuer_der(c));
}

static void add(const struct cert *c, enum standing standing, struct snp_authorities *a)
{
        if (!is_self_issued(c))
                a->issuers[a->issuer_count++] = c;
        else if (standing == TRUSTED)
                a->roots[a->root_count++] = c;
        else if (standing == CLAIMED)
                a->claims[a->claim_count++] = c;
}

static void add_all(const struct cert_list *list, enum standing standing, struct snp_authorities *a)
{
        for (size_t i = 0; i < list->count; i++)
                add(list->certs[i], standing, a);
}

static struct fault *read_list(struct span bytes, enum standing standing, struct snp_authorities *a)
{
        struct cert_list *list = &a->lists[a->list_count];

        TRY(cert_list_read(bytes, list));
        a->list_count++;
        add_all(list, standing, a);
        return NULL;
}

static struct fault *read_lists(const struct snp_spans *from, const char *name, enum standing standing,
                                struct snp_authorities *a)
{
        for (size_t i = 0; i < from->count; i++) {
                TRY(fault_rename(read_list(from->items[i], standing, a), FAULT_INVALID, name));
        }
        return NULL;
}

struct fault *snp_authorities_gather(const struct snp_sources *s, struct snp_authorities *a)
{
        add_all(snp_amd_roots(), TRUSTED, a);
        a->amd_root_count = a->root_count;
        TRY(read_lists(&s->chain, "snp.chain_format", CLAIMED, a));
        if (s->chain.count == 0)
                add_all(snp_amd_signers(), LOOKED_AT, a);
        TRY(read_lists(&s->anchors, "snp.anchors", TRUSTED, a));
        if (s->chain.count == 0 && s->table_signer.len > 0)
                fault_free(read_list(s->table_signer, LOOKED_AT, a)); /* a hint: unreadable is as good as absent */
        return NULL;
}

void snp_authorities_clear(struct snp_authorities *a)
{
        for (size_t i = 0; i < a->list_count; i++)
                cert_list_clear(&a->lists[i]);
        *a = (struct snp_authorities){0};
}
