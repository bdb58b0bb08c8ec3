/* verdict: an appraisal's outcome as a golden document below tests/golden: claims and reasons, a line each, so that a difference can be read.
 * VERDICTS_WRITE=1 writes them anew; what changed is then for `git diff` to show. */
#pragma once

#include <stdio.h>

#include "issuer/policy/received.h"
#include "issuer/verifier/verifier.h"
#include "lib/base/file.h"
#include "tests/fakes/ear_round.h"
#include "tests/fakes/expect.h"

#define VERDICT_MAX ((size_t) 256 * 1024)

static inline void verdict_line(struct buf *out, const struct json *j)
{
        expect_ok(json_write(j, out));
}

static inline int verdict_by_name(const void *a, const void *b)
{
        return strcmp(((const struct fact *) a)->name, ((const struct fact *) b)->name);
}

/* Of the kind itself: what every appraisal says is verifier.c's. */
static inline bool verdict_is_common(const char *name)
{
        return strncmp(name, "evidence.", 9) == 0 || strncmp(name, "verifier.", 9) == 0;
}

static inline void verdict_facts(const struct facts *facts, struct buf *out)
{
        struct facts sorted = {0};
        bool is_first = true;

        facts_merge(&sorted, facts);
        if (sorted.count > 0)
                qsort(sorted.items, sorted.count, sizeof sorted.items[0], verdict_by_name);
        expect_ok(buf_append_str(out, "\"facts\":{"));
        for (size_t i = 0; i < sorted.count; i++) {
                AUTO(buf) struct buf text = BUF(VERDICT_MAX);
                if (verdict_is_common(sorted.items[i].name))
                        continue;
                expect_ok(fact_text(&sorted.items[i], &text));
                AUTO(json) struct json *name = json_new_text(span_str(sorted.items[i].name));
                AUTO(json) struct json *value = json_new_text(buf_span(&text));
                expect_ok(buf_append_str(out, is_first ? "\n" : ",\n"));
                is_first = false;
                verdict_line(out, name);
                expect_ok(buf_printf(out, ":{\"origin\":\"%s\",\"value\":", origin_name(sorted.items[i].origin)));
                verdict_line(out, value);
                expect_ok(buf_append_str(out, "}"));
        }
        expect_ok(buf_append_str(out, "\n},\n"));
        facts_clear(&sorted);
}

static inline void verdict_names(const char *member, const char *const *names, size_t count, struct buf *out)
{
        expect_ok(buf_printf(out, "\"%s\":[", member));
        for (size_t i = 0; i < count; i++)
                expect_ok(buf_printf(out, "%s\"%s\"", i == 0 ? "" : ",", names[i]));
        expect_ok(buf_append_str(out, "],\n"));
}

static inline void verdict_write(const struct attestation_result *r, const struct fault *refusal, struct buf *out)
{
        AUTO(json) struct json *checks = check_to_json(r->checks);

        expect_ok(
                buf_printf(out, "{\n\"accepted\":%s,\n", refusal == NULL && r->concern_count == 0 ? "true" : "false"));
        if (refusal != NULL)
                expect_ok(buf_printf(out, "\"refused\":\"%s\",\n\"code\":\"%s\",\n", fault_token(refusal),
                                     fault_code_name(fault_code(refusal))));
        expect_ok(buf_printf(out, "\"status\":\"%s\",\n", ear_status_name(r->status)));
        verdict_names("concerns", r->concerns, r->concern_count, out);
        verdict_names("not_checked", r->not_checked, r->not_checked_count, out);
        expect_ok(buf_append_str(out, "\"collateral\":["));
        for (size_t i = 0; i < r->collateral_count; i++)
                expect_ok(buf_printf(out, "%s\n{\"name\":\"%s\",\"not_after\":%lld}", i == 0 ? "" : ",",
                                     r->collateral[i].name, (long long) r->collateral[i].not_after_unix_s));
        expect_ok(buf_append_str(out, "\n],\n"));
        verdict_facts(&r->facts, out);
        expect_ok(buf_append_str(out, "\"checks\":["));
        for (size_t i = 0; i < json_count(checks); i++) {
                expect_ok(buf_append_str(out, i == 0 ? "\n" : ",\n"));
                verdict_line(out, json_at(checks, i));
        }
        expect_ok(buf_append_str(out, "\n]\n}\n"));
}

/* `name`: "sev-snp/milan-v2". `refusal`: what verifier_appraise gave. */
static inline void expect_verdict(const char *name, const struct attestation_result *r, const struct fault *refusal)
{
        AUTO_STRING char *path = alloc_printf("tests/golden/%s.json", name);
        AUTO(buf) struct buf got = BUF(VERDICT_MAX), wanted = BUF(VERDICT_MAX);

        if (refusal == NULL && r->status != EAR_NONE && facts_find(&r->facts, "verifier.status") != NULL) {
                expect_ear_round(r);
                expect_ok(policy_check_received(&r->facts));
        }
        verdict_write(r, refusal, &got);
        if (getenv("VERDICTS_WRITE") != NULL) {
                FILE *f = fopen(path, "w");
                assert_non_null(f);
                assert_int_equal(fwrite(got.data, 1, got.len, f), got.len);
                assert_int_equal(fclose(f), 0);
        }
        expect_ok(file_read(path, &wanted));
        if (!span_eq(buf_span(&got), buf_span(&wanted)))
                fail_msg("%s: wanted\n%s\ngot\n%s", path, buf_str(&wanted), buf_str(&got));
}
