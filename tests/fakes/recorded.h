/* recorded: a table of recorded evidence and what is to be said of it. Each row is appraised as `vouchsafe appraise` would, and held against a
 * golden document as well (verdict.h). */
#pragma once

#include "lib/base/parse.h"
#include "tests/fakes/vector.h"
#include "tests/fakes/verdict.h"

#define RECORDED_PARTS_MAX 8

struct recorded {
        const char *name; /* of the golden document, below the kind's folder */
        const char *kind;
        const char *evidence; /* below tests/vectors */
        struct {
                const char *name, *file;
        } parts[RECORDED_PARTS_MAX];
        const char *nonce, *report_data; /* hex; NULL: none asked for */
        const char *at;                  /* NULL: 2026-03-01 */
        const char *refused;             /* NULL: it holds */
        const char *concern;             /* NULL: none */
};

/* What was read for a row; mutate it between recorded_read and recorded_appraise. */
struct recorded_files {
        struct buf evidence, nonce, report_data, parts[RECORDED_PARTS_MAX];
        struct appraisal in;
};

static inline void recorded_hex(const char *text, struct buf *out)
{
        *out = BUF(256);
        if (text != NULL)
                expect_ok(hex_decode(span_str(text), out));
}

/* The appraisal borrows from the files: call recorded_bind again after changing one. */
static inline void recorded_bind(const struct recorded *row, struct recorded_files *f)
{
        struct wall now = {0};
        expect_ok(wall_parse(span_str(row->at != NULL ? row->at : "2026-03-01T00:00:00Z"), &now));
        f->in = (struct appraisal){.kind = row->kind,
                                   .evidence = buf_span(&f->evidence),
                                   .nonce = buf_span(&f->nonce),
                                   .report_data = buf_span(&f->report_data),
                                   .now = now};
        for (size_t i = 0; i < RECORDED_PARTS_MAX && row->parts[i].name != NULL; i++)
                expect_ok(appraisal_add_part(&f->in, row->parts[i].name, buf_span(&f->parts[i])));
}

static inline void recorded_read(const struct recorded *row, struct recorded_files *f)
{
        *f = (struct recorded_files){.evidence = vector_read(row->evidence)};
        recorded_hex(row->nonce, &f->nonce);
        recorded_hex(row->report_data, &f->report_data);
        for (size_t i = 0; i < RECORDED_PARTS_MAX && row->parts[i].name != NULL; i++)
                f->parts[i] = vector_read(row->parts[i].file);
        recorded_bind(row, f);
}

static inline void recorded_clear(struct recorded_files *f)
{
        buf_clear(&f->evidence);
        buf_clear(&f->nonce);
        buf_clear(&f->report_data);
        for (size_t i = 0; i < RECORDED_PARTS_MAX; i++)
                buf_clear(&f->parts[i]);
}

static inline struct buf *recorded_part(const struct recorded *row, struct recorded_files *f, const char *name)
{
        for (size_t i = 0; i < RECORDED_PARTS_MAX && row->parts[i].name != NULL; i++)
                if (strcmp(row->parts[i].name, name) == 0)
                        return &f->parts[i];
        fail_msg("%s has no part %s", row->name, name);
        return NULL;
}

/* The token of a refusal, "OK" when it held. */
static inline const char *recorded_token(const struct recorded_files *f)
{
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *refusal = verifier_appraise(&f->in, &r);
        return refusal != NULL ? fault_token(refusal) : "OK"; /* a literal */
}

static inline void expect_recorded(const struct recorded *row)
{
        struct recorded_files f;
        recorded_read(row, &f);
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *refusal = verifier_appraise(&f.in, &r);
        const char *wanted = row->refused != NULL ? row->refused : "OK",
                   *got = refusal != NULL ? fault_token(refusal) : "OK";
        if (strcmp(wanted, got) != 0)
                fail_msg("%s: wanted %s, got %s (%s)", row->name, wanted, got,
                         refusal != NULL ? fault_text(refusal) : "");
        const char *concern = r.concern_count > 0 ? r.concerns[0] : "none";
        if (refusal == NULL && strcmp(concern, row->concern != NULL ? row->concern : "none") != 0)
                fail_msg("%s: concern %s", row->name, concern);
        AUTO_STRING char *golden = alloc_printf("%s/%s", row->kind, row->name);
        expect_verdict(golden, &r, refusal);
        recorded_clear(&f);
}
