#include "cli/command.h"

#include <inttypes.h>

#include "issuer/policy/policy.h"

#define RESERVED_MAX 16

static const struct flag flags[] = {
        {"trust-domain", "NAME", "identities must lie in it; any one when not given"},
        {"reserved-dns", "NAME", "a DNS name that only the issuer may have; may be given several times"},
        {"insecure-development", NULL, "admit documents that say insecure-development, as a development issuer does"},
        {NULL, NULL, NULL},
};

static struct json *report(const struct policy *p)
{
        struct json *j = json_new_object(), *profiles = json_new_array(), *warnings = json_new_array();
        json_set_bool(j, "ok", true);
        json_set_text(j, "digest", policy_digest(p));
        json_set_int(j, "revision", (int64_t) policy_revision(p)); /* the compiler keeps it in range */
        json_set_int(j, "documents", (int64_t) policy_document_count(p));
        for (size_t i = 0; i < policy_profile_count(p); i++)
                json_push(profiles, json_new_text(span_str(policy_profile(p, i)->name)));
        for (size_t i = 0; policy_warning(p, i) != NULL; i++)
                json_push(warnings, json_new_text(span_str(policy_warning(p, i))));
        json_set(j, "profiles", profiles);
        json_set(j, "warnings", warnings);
        return j;
}

static struct json *refusal(const struct fault *why)
{
        struct json *j = json_new_object();
        json_set_bool(j, "ok", false);
        json_set_text(j, "check", fault_token(why));
        json_set_text(j, "detail", fault_text(why));
        return j;
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO(sources) struct sources sources = {0};
        TRY(sources_read(in->words, in->word_count, &sources));

        const char *reserved[RESERVED_MAX + 1];
        (void) invocation_flag_all(in, "reserved-dns", reserved, RESERVED_MAX);
        const struct policy_options o = {.trust_domain = invocation_flag(in, "trust-domain"),
                                         .reserved_dns = reserved,
                                         .insecure_development = invocation_flag(in, "insecure-development") != NULL};
        AUTO(policy) struct policy *p = NULL;
        AUTO(fault) struct fault *why = policy_compile(sources.items, sources.count, &o, &p);
        if (why != NULL && fault_code(why) != FAULT_INVALID)
                return TAKE(why);
        *ret = why == NULL ? report(p) : refusal(why);
        *ret_exit = why == NULL ? EXIT_FINE : EXIT_NEGATIVE;
        return NULL;
}

static struct fault *print(const struct json *j, struct buf *out)
{
        if (!json_bool(json_get(j, "ok"))) {
                TRY(print_field(out, "refused", member_text(j, "detail", "")));
                return print_field(out, "check", member_text(j, "check", ""));
        }
        TRY(print_field(out, "digest", member_text(j, "digest", "")));
        TRY(buf_printf(out, "%-12s %" PRId64 "\n", "revision", json_int(json_get(j, "revision"))));
        TRY(buf_printf(out, "%-12s %" PRId64 "\n", "documents", json_int(json_get(j, "documents"))));
        const struct json *warnings = json_get(j, "warnings");
        for (size_t i = 0; i < json_count(warnings); i++)
                TRY(print_field(out, "warning", (const char *) json_text(json_at(warnings, i)).data));
        return NULL;
}

const struct command command_policy_check = {
        .words = {"policy", "check"},
        .arguments = "FILE|DIR…",
        .summary = "Compiles policy documents as the issuer would, all or nothing.",
        .help = "A folder stands for its *.yaml files. Prints the digest that the issuer will report for exactly these "
                "documents,\n"
                "or the first thing that is wrong with file, line and column.",
        .flags = flags,
        .words_min = 1,
        .words_max = WORDS_GIVEN_MAX,
        .run = run,
        .print = print,
};
