/* sources: which certificates there are to try, from the named parts and from the host's table. Nothing is copied and nothing believed. */
#pragma once

#include "issuer/verifier/snp/table.h"
#include "issuer/verifier/verifier.h"

#define SNP_SOURCES_MAX 8
struct snp_spans {
        size_t count;
        struct span items[SNP_SOURCES_MAX];
};
struct snp_sources {
        struct snp_spans leaves; /* parts vcek and vlek, then those of the table */
        struct snp_spans
                chain; /* part chain: when it is there, authorities are looked for in it and not in the program */
        struct snp_spans anchors; /* part anchors: of the configuration */
        struct span table_signer; /* the table's ASK entry */
        bool is_table_bad;        /* auxblob can't be read: it is only a hint */
};
/* FAULT_INVALID "snp.parts": more than SNP_SOURCES_MAX of a sort. */
struct fault *snp_sources_collect(const struct appraisal *in, struct snp_sources *ret) MUST_USE;
