#include "cli/appraise.h"

#include "issuer/policy/policy.h"
#include "lib/model/ear.h"

static const struct flag flags[] = {
        {"kind", "KIND", "sev-snp, tdx, tpm, az-sev-snp, az-tdx, nitro, cca or eventlog"},
        {"evidence", "FILE", "report, quote, TPMS_ATTEST, HCL report, document, token or log"},
        {"part", "NAME=FILE", "what comes with it; may be given several times"},
        {"collateral", "DIR", "what its maker publishes: each file is a part under its own name"},
        {"policy", "FILE|DIR", "its guardrails decide; without one the evidence must be without any reservation"},
        {"report-data", "HEX", "the 64 bytes that the evidence must be bound to"},
        {"nonce", "HEX", "what its nonce must be"},
        {"at", "RFC3339", "appraise as of then, not now"},
        {"offline", NULL, "ask no maker's service for what isn't given"},
        {NULL, NULL, NULL},
};

static struct fault *read_policy(const char *path, struct policy **ret)
{
        AUTO(sources) struct sources sources = {0};
        const struct policy_options o = {0};
        TRY(sources_read(&path, 1, &sources));
        return policy_compile(sources.items, sources.count, &o, ret);
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO(appraise_files) struct appraise_files files = {0};
        AUTO(buf) struct buf freshness = BUF(512);
        struct appraisal appraisal;
        TRY(appraise_read(in, &files, &freshness, &appraisal));
        AUTO(policy) struct policy *policy = NULL;
        const char *path = invocation_flag(in, "policy");
        if (path != NULL) {
                TRY(read_policy(path, &policy));
                appraisal.collateral_grace_s = policy_collateral_grace_s(policy);
        }
        appraise_fetch(in, &files, &appraisal);

        AUTO(attestation_result) struct attestation_result result = {0};
        AUTO(fault) struct fault *refused = verifier_appraise(&appraisal, &result);
        AUTO(decision) struct decision *judged = NULL;
        if (policy != NULL) /* its guardrails, and the concerns */
                policy_judge(policy, &result.facts, appraisal.now, &judged);
        bool accepted = refused == NULL && (judged != NULL ? judged->allowed : result.concern_count == 0);
        *ret_exit = accepted ? EXIT_FINE : EXIT_NEGATIVE;
        *ret = in->output == OUTPUT_EAR ? attestation_result_to_ear(&result, VOUCHSAFE_VERSION, appraisal.now)
                                        : appraise_verdict(&result, refused, judged, accepted);
        return NULL;
}

const struct command command_appraise = {
        .words = {"appraise", NULL},
        .arguments = "--kind KIND --evidence FILE",
        .summary = "Says whether evidence is genuine and in a state to be trusted, and why not.",
        .help = "The same appraisal as the issuer's, of files. Parts, as PEM or DER alike:\n"
                "  sev-snp              vcek, vlek, chain, auxblob, crl\n"
                "  tdx                  ccel; the collateral folder has tcb_info.json and .sig (or "
                "tcb_info.response.json), the same for\n"
                "                       qe_identity, tcb_signing_chain.pem, pck_crl.der, pck_crl_issuer_chain.pem, "
                "root_crl.der\n"
                "  tpm                  sig, pcrs, ak, chain, anchors (CA certificates or AK public keys), eventlog\n"
                "  az-sev-snp, az-tdx   quote, sig, pcrs, vcek, chain, td-quote\n"
                "  nitro                none: the root is built in\n"
                "  cca                  cpak (JWK)\n"
                "  eventlog             pcrs or rtmrs\n"
                "--output ear prints the attestation result as an EAR's claims.",
        .flags = flags,
        .words_min = 0,
        .words_max = 0,
        .has_ear = true,
        .run = run,
        .print = appraise_print,
};
