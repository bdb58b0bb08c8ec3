/* Any text through the compiler, and what compiles through decisions: without facts, with a node's, with development's. */
#include <assert.h>

#include "issuer/policy/policy.h"
#include "tests/fakes/fuzz.h"

static void decide(const struct policy *p, const char *profile, const struct facts *facts)
{
        AUTO(decision) struct decision *d = NULL;
        policy_decide(p, profile, facts, wall_from_unix_s(1795456800), &d);
        assert(d->allowed == (d->identity != NULL) && d->allowed == (d->token[0] == '\0'));
        AUTO(json) struct json *j = decision_to_json(d);
        assert(j != NULL);
        assert(facts->count > 0 || !d->allowed); /* nothing is granted to nobody */
}

static void decide_all(const struct policy *p)
{
        static const uint8_t digest[32] = {0x11};
        AUTO(facts) struct facts none = {0}, node = {0}, tpm = {0}, software = {0};
        facts_set_text(&node, "node.namespace", ORIGIN_NODE, SPAN("payroll"));
        facts_set_text(&node, "node.pod", ORIGIN_NODE, SPAN("a"));
        facts_set_text(&node, "k8s.namespace", ORIGIN_SELF, SPAN("payroll"));
        facts_set_text(&tpm, "evidence.kind", ORIGIN_VERIFIER, SPAN("tpm"));
        facts_set_text(&tpm, "k8s.namespace", ORIGIN_K8S, SPAN("payroll"));
        facts_set_bytes(&tpm, "tpm.ek", ORIGIN_HW, SPAN_OF(digest));
        facts_set_bytes(&tpm, "tpm.pcr.sha256.7", ORIGIN_HW, SPAN_OF(digest));
        facts_set_number(&tpm, "tpm.firmware-version", ORIGIN_HW, 7);
        facts_set_text(&software, "evidence.kind", ORIGIN_SOFTWARE, SPAN("software"));
        facts_set_text(&software, "software.instance", ORIGIN_SOFTWARE, SPAN("x"));
        for (size_t i = 0; i < policy_profile_count(p); i++) {
                const char *name = policy_profile(p, i)->name;
                decide(p, name, &none);
                decide(p, name, &node);
                decide(p, name, &tpm);
                decide(p, name, &software);
        }
        decide(p, "no-such-profile", &tpm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(buf) struct buf text = BUF(size);
        if (buf_append(&text, span_make(data, size)) != NULL)
                abort(); /* it was given all the room it needs */
        char name[] = "fuzz.yaml";
        const struct source source = {.name = name, .text = text};
        static const char *const own[] = {"issuer.demo.example", NULL};
        for (int development = 0; development < 2; development++) {
                const struct policy_options o = {.trust_domain = development ? NULL : "demo.example",
                                                 .reserved_dns = own,
                                                 .insecure_development = development};
                AUTO(policy) struct policy *p = NULL;
                AUTO(fault) struct fault *f = policy_compile(&source, 1, &o, &p);
                assert((f == NULL) == (p != NULL));
                if (p != NULL)
                        decide_all(p);
        }
        return 0;
}
