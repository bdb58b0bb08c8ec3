#include "issuer/verifier/appraise.h"

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
        if (is_check)
                return f;
        struct fault *renamed = fault(fault_code(f), name, "%s", fault_text(f));
        fault_free(f);
        return renamed;
}
