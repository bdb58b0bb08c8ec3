#include "issuer/verifier/snp/sources.h"

#include "issuer/verifier/snp/snp.h"

static struct fault *add(struct snp_spans *list, struct span bytes)
{
        if (bytes.len == 0)
                return NULL;
        if (list->count == SNP_SOURCES_MAX)
                return fault(FAULT_INVALID, "snp.parts", "more than %d certificate files of a sort", SNP_SOURCES_MAX);
        list->items[list->count++] = bytes;
        return NULL;
}

static struct fault *add_table(struct span bytes, struct snp_sources *s)
{
        struct snp_table table;

        if (bytes.len == 0)
                return NULL;
        AUTO(fault) struct fault *f = snp_table_read(bytes, &table);
        if (f != NULL) {
                s->is_table_bad = true;
                return NULL;
        }
        TRY(add(&s->leaves, table.entries[SNP_ENTRY_VCEK]));
        TRY(add(&s->leaves, table.entries[SNP_ENTRY_VLEK]));
        s->table_signer = table.entries[SNP_ENTRY_ASK];
        return NULL;
}

struct fault *snp_sources_collect(const struct appraisal *in, struct snp_sources *ret)
{
        struct snp_sources s = {0};

        for (size_t i = 0; i < in->part_count; i++) {
                const struct part *p = &in->parts[i];
                if (strcmp(p->name, SNP_PART_VCEK) == 0 || strcmp(p->name, SNP_PART_VLEK) == 0)
                        TRY(add(&s.leaves, p->bytes));
                else if (strcmp(p->name, SNP_PART_CHAIN) == 0)
                        TRY(add(&s.chain, p->bytes));
                else if (strcmp(p->name, SNP_PART_ANCHORS) == 0)
                        TRY(add(&s.anchors, p->bytes));
        }
        TRY(add_table(appraisal_part(in, SNP_PART_AUXBLOB), &s));
        *ret = s;
        return NULL;
}
