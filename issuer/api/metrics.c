#include "issuer/api/metrics.h"

#include <pthread.h>

#include "issuer/api/api.h"
#include "lib/model/names.h"

static const char *const route_names[] = {PATH_CHALLENGE,
                                          PATH_ATTESTATION_KEYS,
                                          PATH_ACTIVATE,
                                          PATH_CREDENTIALS,
                                          PATH_RESULTS,
                                          PATH_BUNDLE,
                                          (PATH_KEYS "/*"),
                                          "other",
                                          NULL};
static const char *const class_names[] = {"2xx", "3xx", "4xx", "5xx", NULL};
static const char *const outcome_names[] = {"issued", "denied", NULL};
static const char *const nonce_names[] = {"nonce.malformed", "nonce.foreign",  "nonce.expired",
                                          "nonce.future",    "nonce.replayed", NULL};
/* Families of checks; what is in none of them is "other". */
static const char *const family_names[] = {
        "RATE_LIMITED", "nonce", "audience", "stale_policy", "binding", "pop",       "evidence", "tpm",
        "software",     "enrol", "ek",       "k8s",          "policy",  "guardrail", "workload", "release",
        "keystore",     "ear",   "results",  "role",         "other",   NULL};

static struct metric requests = {.name = "vouchsafe_issuer_requests_total",
                                 .help = "requests by path",
                                 .kind = METRIC_COUNTER,
                                 .label = "path",
                                 .values = route_names};
static struct metric responses = {.name = "vouchsafe_issuer_responses_total",
                                  .help = "replies by class of status",
                                  .kind = METRIC_COUNTER,
                                  .label = "class",
                                  .values = class_names};
static const double buckets[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};
static struct metric took = {.name = "vouchsafe_issuer_request_seconds",
                             .help = "how long requests took, from their head to their reply",
                             .kind = METRIC_HISTOGRAM,
                             .buckets = buckets};
static struct metric refusals = {.name = "vouchsafe_issuer_refusals_total",
                                 .help = "requests and pods refused, by family of the failed check",
                                 .kind = METRIC_COUNTER,
                                 .label = "check",
                                 .values = family_names};
static struct metric nonces = {.name = "vouchsafe_issuer_nonce_refusals_total",
                               .help = "nonces refused, by check",
                               .kind = METRIC_COUNTER,
                               .label = "check",
                               .values = nonce_names};
static struct metric decisions = {.name = "vouchsafe_issuer_decisions_total",
                                  .help = "decisions on genuine evidence, each one a record",
                                  .kind = METRIC_COUNTER,
                                  .label = "outcome",
                                  .values = outcome_names};
static struct metric credentials = {
        .name = "vouchsafe_issuer_credentials_total", .help = "credentials issued", .kind = METRIC_COUNTER};
static struct metric taken_back = {.name = "vouchsafe_issuer_credentials_not_signed_total",
                                   .help = "credentials that were recorded and then not signed; a correction says so",
                                   .kind = METRIC_COUNTER};
static struct metric tls_end = {.name = "vouchsafe_issuer_tls_not_after_seconds",
                                .help = "end of this server's TLS certificate, Unix seconds",
                                .kind = METRIC_GAUGE};
static struct metric tls_reload_failures = {.name = "vouchsafe_issuer_tls_reload_failures_total",
                                            .help = "changed TLS certificates that could not be used",
                                            .kind = METRIC_COUNTER};
static struct metric room = {
        .name = "vouchsafe_issuer_ledger_room_bytes", .help = "free on the ledger's disk", .kind = METRIC_GAUGE};
static struct metric enrolments = {
        .name = "vouchsafe_issuer_enrolments_total", .help = "attestation keys enrolled", .kind = METRIC_COUNTER};
static struct metric records = {
        .name = "vouchsafe_issuer_records", .help = "records in the ledger", .kind = METRIC_GAUGE};
static struct metric transactions = {.name = "vouchsafe_issuer_ledger_transactions_total",
                                     .help = "ledger transactions, each with one sync",
                                     .kind = METRIC_COUNTER};
static struct metric reload_failures = {.name = "vouchsafe_issuer_policy_reload_failures_total",
                                        .help = "policy reloads that failed and left the last good one in force",
                                        .kind = METRIC_COUNTER};
static struct metric revision = {
        .name = "vouchsafe_issuer_policy_revision", .help = "revision of the policy in force", .kind = METRIC_GAUGE};
static struct metric intermediate_end = {.name = "vouchsafe_issuer_intermediate_not_after_seconds",
                                         .help = "end of the online intermediate, Unix seconds",
                                         .kind = METRIC_GAUGE};
static struct metric renewal_failures = {
        .name = "vouchsafe_issuer_intermediate_renewal_failures_total",
        .help = "renewals of the online intermediate that failed; it goes on until its end",
        .kind = METRIC_COUNTER};
static struct metric insecure = {.name = "vouchsafe_issuer_insecure_development",
                                 .help = "1 when development evidence is admitted, which proves nothing",
                                 .kind = METRIC_GAUGE};
static struct metric *const rows[] = {&requests,
                                      &responses,
                                      &took,
                                      &refusals,
                                      &nonces,
                                      &decisions,
                                      &credentials,
                                      &enrolments,
                                      &records,
                                      &transactions,
                                      &reload_failures,
                                      &revision,
                                      &intermediate_end,
                                      &renewal_failures,
                                      &insecure,
                                      &taken_back,
                                      &tls_end,
                                      &tls_reload_failures,
                                      &room};

/* The last value of a table of names is what everything else counts as. */
static size_t last(const char *const *names)
{
        size_t count = 0;
        while (names[count + 1] != NULL)
                count++;
        return count;
}

static size_t index_of(const char *const *names, const char *name, size_t name_len)
{
        for (size_t i = 0; names[i] != NULL; i++)
                if (strlen(names[i]) == name_len && memcmp(names[i], name, name_len) == 0)
                        return i;
        return last(names);
}

void count_request(const char *route, int status, int64_t took_us)
{
        metric_add(&requests, index_of(route_names, route, strlen(route)), 1);
        if (status >= 200 && status < 600)
                metric_add(&responses, (size_t) (status / 100 - 2), 1);
        metric_observe_us(&took, took_us > 0 ? (uint64_t) took_us : 0);
}

void count_refusal(const char *check)
{
        metric_add(&refusals, index_of(family_names, check, strcspn(check, "./")), 1);
        if (strncmp(check, "nonce.", 6) == 0)
                metric_add(&nonces, index_of(nonce_names, check, strlen(check)), 1);
}

void count_decision(enum outcome outcome)
{
        metric_add(&decisions, (size_t) outcome, 1);
}

void count_credentials(size_t count)
{
        metric_add(&credentials, 0, (int64_t) count);
}

void count_taken_back(size_t count)
{
        metric_add(&taken_back, 0, (int64_t) count);
}

void count_enrolment(void)
{
        metric_add(&enrolments, 0, 1);
}

/* A counter that somebody else keeps. Two listeners may render at the same time. */
static void count_up_to(struct metric *m, uint64_t total)
{
        static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&mu);
        int64_t missing = (int64_t) total - metric_get(m, 0);
        if (missing > 0) /* another one has seen a later total */
                metric_add(m, 0, missing);
        pthread_mutex_unlock(&mu);
}

struct fault *metrics_text(struct api *a, struct buf *out)
{
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t not_after = 0;
        AUTO(fault)
        struct fault *none = a->issues_nothing ? NULL : authority_intermediate(a->authority, &intermediate, &not_after);
        metric_set(&records, 0, (int64_t) ledger_records(a->ledger));
        count_up_to(&transactions, ledger_transactions(a->ledger));
        count_up_to(&reload_failures, policy_holder_failures(a->holder));
        metric_set(&revision, 0, (int64_t) policy_revision(rules->policy));
        metric_set(&intermediate_end, 0, none == NULL ? not_after : 0);
        count_up_to(&renewal_failures, authority_renewal_failures(a->authority));
        metric_set(&insecure, 0, a->insecure_development);
        uint64_t bytes = 0;
        AUTO(fault) struct fault *unknown = store_room(a->store, &bytes); /* 0: as bad as full */
        metric_set(&room, 0, (int64_t) bytes);
        if (a->tls != NULL) {
                metric_set(&tls_end, 0, tls_holder_end_unix_s(a->tls));
                count_up_to(&tls_reload_failures, tls_holder_failures(a->tls));
        }
        TRY(metrics_render(rows, COUNT_OF(rows), out));
        return a->endorse != NULL ? endorse_metrics(a->endorse, out) : NULL;
}
