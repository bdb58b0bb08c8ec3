/* amd_world: one machine under a test PKI, and the appraisal of its report: what snp's tests change one thing of. */
#pragma once

#include "issuer/verifier/verifier.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/pki.h"

#define AMD_WORLD_MAX ((size_t) 256 * 1024)

struct amd_world {
        struct amd_authority ark, signer; /* signer: ASK or ASVK */
        struct amd_leaf machine;          /* whose key signs the report */
        struct amd_leaf leaf;             /* the certificate that is given: the same unless changed */
        struct amd_list list;
        bool gives_list, gives_no_anchors, gives_no_leaf, is_unsigned;
        uint8_t report[SNP_REPORT_LEN];
        size_t report_len;
        uint8_t report_data[64];
        size_t report_data_len; /* 0: none asked for */
        struct wall now;
        /* raw parts: replace what would be given; the first two are given beside it */
        struct buf more_leaf, auxblob, chain, anchors, leaf_bytes, list_bytes, more_list;
};

static inline void amd_world_init(struct amd_world *w, enum snp_product p, bool is_vlek, uint32_t version)
{
        *w = (struct amd_world){.ark = amd_ark(p, TEST_NOW),
                                .signer = is_vlek ? amd_asvk(p, TEST_NOW) : amd_ask(p, TEST_NOW),
                                .machine = is_vlek ? amd_vlek(p, TEST_NOW) : amd_vcek(p, TEST_NOW),
                                .list = amd_list(p, TEST_NOW),
                                .report_len = SNP_REPORT_LEN,
                                .report_data_len = 64,
                                .now = TEST_NOW};
        struct buf *const bufs[] = {&w->more_leaf,  &w->auxblob,    &w->chain,    &w->anchors,
                                    &w->leaf_bytes, &w->list_bytes, &w->more_list};
        for (size_t i = 0; i < COUNT_OF(bufs); i++)
                *bufs[i] = BUF(AMD_WORLD_MAX);
        w->leaf = w->machine;
        memset(w->report_data, 0xd7, sizeof w->report_data);
        amd_report(&w->machine, version, w->report);
        memcpy(w->report + AMD_REPORT_DATA, w->report_data, sizeof w->report_data);
}

static inline void amd_world_write(struct amd_world *w)
{
        if (w->leaf_bytes.len == 0)
                amd_leaf_write(&w->leaf, &w->leaf_bytes);
        if (w->chain.len == 0)
                amd_authority_write(&w->signer, &w->chain);
        if (w->anchors.len == 0)
                amd_authority_write(&w->ark, &w->anchors);
        if (w->gives_list && w->list_bytes.len == 0)
                amd_list_write(&w->list, &w->list_bytes);
        if (!w->is_unsigned)
                amd_report_sign(&w->machine, w->report);
}

/* Empty parts are left out, as if they hadn't been given. */
static inline void amd_world_parts(const struct amd_world *w, struct appraisal *in)
{
        const struct {
                const char *name;
                const struct buf *bytes;
                bool is_left_out;
        } rows[] = {
                {w->leaf.is_vlek ? "vlek" : "vcek", &w->leaf_bytes, w->gives_no_leaf},
                {"vcek", &w->more_leaf, false},
                {"auxblob", &w->auxblob, false},
                {"chain", &w->chain, false},
                {"anchors", &w->anchors, w->gives_no_anchors},
                {"crl", &w->list_bytes, false},
                {"crl", &w->more_list, false},
        };
        *in = (struct appraisal){.kind = EVIDENCE_SEV_SNP,
                                 .evidence = span_make(w->report, w->report_len),
                                 .report_data = span_make(w->report_data, w->report_data_len),
                                 .now = w->now};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (!rows[i].is_left_out && rows[i].bytes->len > 0)
                        expect_ok(appraisal_add_part(in, rows[i].name, buf_span(rows[i].bytes)));
        }
}

static inline struct fault *amd_world_appraise(struct amd_world *w, struct attestation_result *result)
{
        struct appraisal in;

        amd_world_parts(w, &in);
        return verifier_appraise(&in, result);
}

static inline void amd_world_clear(struct amd_world *w)
{
        struct buf *const bufs[] = {&w->more_leaf,  &w->auxblob,    &w->chain,    &w->anchors,
                                    &w->leaf_bytes, &w->list_bytes, &w->more_list};
        for (size_t i = 0; i < COUNT_OF(bufs); i++)
                buf_clear(bufs[i]);
}
DEFINE_AUTO_VALUE(amd_world)

/* What came of it, in one word: "" when it held without concern, the refusal's check, or the only concern. */
static inline const char *amd_world_verdict(struct amd_world *w, enum fault_code *ret_code)
{
        AUTO(attestation_result) struct attestation_result result = {0};
        AUTO(fault) struct fault *f = amd_world_appraise(w, &result);

        *ret_code = f != NULL ? fault_code(f) : (enum fault_code) 0;
        if (f != NULL) {
                assert_int_equal(result.facts.count, 0);
                assert_int_equal(result.status, EAR_CONTRAINDICATED);
                const struct check *why = check_first_failure(result.checks);
                if (why == NULL || strcmp(why->name, fault_token(f)) != 0)
                        fail_msg("%s isn't the reason that the checks give: %s", fault_token(f),
                                 why == NULL ? "none" : why->name);
                return fault_token(f);
        }
        assert_true(result.concern_count <= 1);
        assert_int_equal(result.status == EAR_AFFIRMING, result.concern_count == 0);
        return result.concern_count == 0 ? "" : result.concerns[0];
}
