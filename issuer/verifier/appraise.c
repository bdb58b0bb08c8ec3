#include "issuer/verifier/appraise.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/parse.h"

#define SHOWN_BYTES_MAX 64

struct fault *appraise_hold(struct attestation_result *r, const char *name, bool ok, enum origin origin,
                            const char *wanted, const char *got)
{
        (void) check_add(r->checks, name, ok, wanted, got, (int) origin); /* owned by the tree */
        if (ok)
                return NULL;
        return fault(FAULT_DENIED, name, "wanted %s, got %s", wanted == NULL ? "another value" : wanted,
                     got == NULL ? "this one" : got);
}

static void show(struct span bytes, char ret[2 * SHOWN_BYTES_MAX + 1])
{
        hex_string(span_slice(bytes, 0, bytes.len < SHOWN_BYTES_MAX ? bytes.len : SHOWN_BYTES_MAX), ret);
}

struct fault *appraise_bytes(struct attestation_result *r, const char *name, enum origin origin, struct span wanted,
                             struct span got)
{
        char wanted_text[2 * SHOWN_BYTES_MAX + 1], got_text[2 * SHOWN_BYTES_MAX + 1];
        show(wanted, wanted_text);
        show(got, got_text);
        return appraise_hold(r, name, span_eq_secret(wanted, got), origin, wanted_text, got_text);
}

struct fault *appraise_call(struct attestation_result *r, const char *name, enum origin origin, struct fault *f)
{
        if (f == NULL) {
                (void) check_add(r->checks, name, true, NULL, NULL, (int) origin); /* owned by the tree */
                return NULL;
        }
        bool is_check = strchr(fault_token(f), '.') != NULL;
        (void) check_add(r->checks, is_check ? fault_token(f) : name, false, NULL, fault_text(f), (int) origin);
        return is_check ? f : fault_rename(f, fault_code(f), name);
}

void appraise_concern(struct attestation_result *r, const char *name, bool ok, enum origin origin, const char *wanted,
                      const char *got, enum ear_status worst)
{
        (void) check_add(r->checks, name, ok, wanted, got, (int) origin); /* owned by the tree */
        if (ok)
                return;
        for (size_t i = 0; i < r->concern_count; i++)
                if (strcmp(r->concerns[i], name) == 0)
                        return;
        assert(r->concern_count < CONCERNS_MAX); /* names are literals: there are only so many a kind */
        r->concerns[r->concern_count++] = name;
        if (worst > r->worst)
                r->worst = worst;
}

void appraise_not_checked(struct attestation_result *r, const char *name)
{
        assert(r->not_checked_count < NOT_CHECKED_MAX);
        r->not_checked[r->not_checked_count++] = name;
}

void appraise_rests_on(struct attestation_result *r, const char *name, struct span bytes, struct wall not_after)
{
        uint8_t digest[SHA256_LEN];
        sha256(bytes, digest);
        appraise_rests_on_digest(r, name, digest, not_after);
}

void appraise_rests_on_digest(struct attestation_result *r, const char *name, const uint8_t digest[SHA256_LEN],
                              struct wall not_after)
{
        assert(r->collateral_count < COLLATERAL_MAX);
        struct collateral *c = &r->collateral[r->collateral_count++];
        (void) snprintf(c->name, sizeof(c->name), "%s", name); /* cut is fine: it is for people */
        memcpy(c->digest, digest, SHA256_LEN);
        c->not_after_unix_s = wall_unix_s(not_after);
        if (c->not_after_unix_s != 0 && (r->not_after_unix_s == 0 || c->not_after_unix_s < r->not_after_unix_s))
                r->not_after_unix_s = c->not_after_unix_s;
}

struct fault *appraise_report_data(const struct appraisal *in, struct attestation_result *r, const char *name,
                                   struct span got)
{
        if (in->report_data.len == 0) {
                appraise_not_checked(r, "freshness");
                return NULL;
        }
        return appraise_bytes(r, name, ORIGIN_HW, in->report_data, got);
}
