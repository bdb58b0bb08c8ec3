/* policy: policies and facts that tests of issuer/policy and of who uses it share. */
#pragma once

#include <stdio.h>

#include "issuer/policy/policy.h"
#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

#define EK_1  "1111111111111111111111111111111111111111111111111111111111111111"
#define EK_2  "2222222222222222222222222222222222222222222222222222222222222222"
#define PCR_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PCR_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NOW   ((struct wall){1795456800000}) /* 2026-11-23T18:00:00Z */

#define DOCUMENT(kind, name, owner, spec)                                                                              \
        "---\napiVersion: vouchsafe.dev/v1\nkind: " kind "\nmetadata: {name: " name ", owner: " owner "}\nspec: " spec \
        "\n"
#define PROFILE                                                                                                        \
        DOCUMENT("Profile", "default", "admins", "{slots: [{name: x509, type: x509, algorithms: [p256], ttl: 1h}]}")
#define NODES                                                                                                          \
        DOCUMENT("ReferenceSet", "nodes", "platform",                                                                  \
                 "{platform: true, entries: [{name: n1, values: {tpm.ek: " EK_1 "}}]}")
#define BOOT                                                                                                           \
        DOCUMENT("ReferenceSet", "boot", "platform",                                                                   \
                 "{entries: [{name: v1, values: {tpm.pcr.sha256.0: " PCR_A ", tpm.pcr.sha256.7: " PCR_B "}}]}")
#define ID "spiffe://demo.example/ns/payroll/sa/app"
/* A workload named w whose spec has `match` and, after the identity, `rest`. */
#define WORKLOAD_AS(name, owner, id, match, rest)                                                                      \
        DOCUMENT("Workload", name, owner, "{profiles: [default], match: " match ", identity: \"" id "\"" rest "}")
#define WORKLOAD(match, rest)    WORKLOAD_AS("w", "team", ID, match, rest)
#define GUARDRAIL(require, rest) DOCUMENT("Guardrail", "floor", "admins", "{require: " require rest "}")

static inline struct fault *compile_with(const char *text, const struct policy_options *o, struct policy **ret)
{
        char name[] = "p.yaml";
        struct source s = {.name = name, .text = BUF(1 << 22)};
        expect_ok(buf_append_str(&s.text, text));
        struct fault *f = policy_compile(&s, 1, o, ret);
        buf_clear(&s.text);
        return f;
}

static inline struct fault *compile_text(const char *text, struct policy **ret)
{
        static const char *const own[] = {"issuer.demo.example", NULL};
        const struct policy_options o = {.trust_domain = "demo.example", .reserved_dns = own};
        return compile_with(text, &o, ret);
}

static inline struct fault *compile_development(const char *text, struct policy **ret)
{
        const struct policy_options o = {.trust_domain = "demo.example", .insecure_development = true};
        return compile_with(text, &o, ret);
}

static inline void set_hex(struct facts *f, const char *name, const char *hex)
{
        AUTO(buf) struct buf bytes = BUF(64);
        expect_ok(hex_decode(span_str(hex), &bytes));
        facts_set_bytes(f, name, ORIGIN_HW, buf_span(&bytes));
}

static inline void set_k8s(struct facts *f, const char *namespace, const char *account)
{
        facts_set_text(f, "k8s.cluster", ORIGIN_K8S, SPAN("lab"));
        facts_set_text(f, "k8s.namespace", ORIGIN_K8S, span_str(namespace));
        facts_set_text(f, "k8s.service-account", ORIGIN_K8S, span_str(account));
}

/* What a TPM of ours in the state that `boot` lists gives, for a pod of payroll's. */
static inline struct facts good_facts(void)
{
        struct facts f = {0};
        facts_set_text(&f, "evidence.kind", ORIGIN_VERIFIER, SPAN("tpm"));
        facts_set_text(&f, "verifier.status", ORIGIN_VERIFIER, SPAN("affirming"));
        set_hex(&f, "tpm.ek", EK_1);
        set_hex(&f, "tpm.pcr.sha256.0", PCR_A);
        set_hex(&f, "tpm.pcr.sha256.7", PCR_B);
        facts_set_number(&f, "tpm.firmware-version", ORIGIN_HW, 7);
        facts_set_flag(&f, "tpm.clock-safe", ORIGIN_HW, true);
        set_k8s(&f, "payroll", "app");
        facts_set_text(&f, "node.namespace", ORIGIN_NODE, SPAN("payroll"));
        return f;
}
