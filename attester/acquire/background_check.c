/* background-check (C in the draft): credential request with evidence to the issuer, which appraises it, maps claims and signs. One
 * round trip when warm, one quote for all orders. */
#include "attester/acquire/issue.h"

static struct fault *send_evidence(const struct acquisition *a, struct order *const *orders UNUSED, size_t count UNUSED,
                                   struct span r, struct cancel *cancel, struct http_reply *ret)
{
        struct binding binding;
        AUTO(cmw) struct cmw evidence = {0};
        TRY(issuer_binding(a->issuer, BINDING_ISSUE, r, &binding));
        TRY_AS(a->source->collect(a->source->self, &binding, cancel, &evidence), "attest");
        a->quoted(a->arg);
        return issuer_post(a->issuer, PATH_CREDENTIALS, r, &evidence, &binding, cancel, ret);
}

static struct fault *acquire(const struct acquisition *a, struct order **orders, size_t count, struct cancel *cancel)
{
        return issue_acquire(a, orders, count, send_evidence, cancel);
}

const struct mechanism mechanism_background_check = {MECHANISM_BACKGROUND_CHECK, acquire};
