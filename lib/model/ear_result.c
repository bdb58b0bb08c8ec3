/* Attestation results read: the appraisals in an EAR's claims, as a result like any other. */
#include "lib/base/parse.h"
#include "lib/model/ear_names.h"
#include "lib/model/fields.h"
#include "lib/model/names.h"

#define NAME_LEN_MAX   64 /* of a submodule, a concern, a check */
#define POLICY_IDS_MAX 8

/* ---- one appraisal ------------------------------------------------------------------------------------------------- */

static struct fault *read_vector(const struct json *appraisal, struct trust_vector *ret)
{
        const struct json *vector = json_get(appraisal, "ear_trustworthiness_vector"), *value = NULL;
        const char *name = NULL;

        if (vector == NULL)
                return NULL;
        if (json_kind(vector) != JSON_OBJECT)
                return ear_refuse("ear.vector", "vector is no object");
        for (void *at = NULL; json_next(vector, &at, &name, &value);) {
                size_t i = 0;
                while (i < TRUST_CLAIM_COUNT && strcmp(trust_claims[i].name, name) != 0)
                        i++;
                if (i == TRUST_CLAIM_COUNT || json_kind(value) != JSON_INT || json_int(value) < INT8_MIN ||
                    json_int(value) > INT8_MAX)
                        return ear_refuse("ear.vector", "a claim that AR4SI doesn't have");
                *((int8_t *) ret + trust_claims[i].offset) = (int8_t) json_int(value);
        }
        return NULL;
}

static struct fault *read_appraisal(const struct json *j, struct submodule *s)
{
        struct span name = SPAN_NONE;

        TRY(read_vector(j, &s->vector));
        TRY(ear_refuse_as(json_need_text(j, "ear_status", NAME_LEN_MAX, &name), "ear.status"));
        TRY(ear_refuse_as(ear_status_by_name(name, &s->status), "ear.status"));
        if (s->status == EAR_NONE)
                return ear_refuse("ear.status", "a part that nobody has appraised");
        if (s->status < trust_vector_status(&s->vector))
                return ear_refuse("ear.status", "a status that is better than its vector");
        return NULL;
}

static bool is_name(struct span text)
{
        if (text.len == 0 || text.len > NAME_LEN_MAX)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x21 || text.data[i] > 0x7e)
                        return false;
        return true;
}

/* ---- what was found on the whole ----------------------------------------------------------------------------------- */

static struct fault *read_names(const struct json *whole, const char *member, const char *token, size_t max,
                                struct attestation_result *r, const char **names, size_t *ret_count)
{
        const struct json *list = NULL;

        TRY(ear_refuse_as(json_want_array(whole, member, max, &list), token));
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *item = json_at(list, i);
                if (json_kind(item) != JSON_TEXT || !is_name(json_text(item)))
                        return ear_refuse(token, "a name that is none");
                names[(*ret_count)++] = attestation_result_keep(r, json_text(item));
        }
        return NULL;
}

static struct fault *read_digest(const struct json *j, const char *member, uint8_t ret[SHA256_LEN])
{
        struct span text = SPAN_NONE;
        AUTO(buf) struct buf bytes = BUF(SHA256_LEN);

        TRY(json_need_text(j, member, (size_t) 2 * SHA256_LEN, &text));
        TRY(hex_decode(text, &bytes));
        if (bytes.len != SHA256_LEN)
                return fault(FAULT_INVALID, "BAD_FIELD", "a digest of %zu bytes", bytes.len);
        memcpy(ret, bytes.data, SHA256_LEN);
        return NULL;
}

static struct fault *read_collateral(const struct json *whole, struct attestation_result *r)
{
        static const char *const members[] = {"name", "digest", "not-after", NULL};
        const struct json *list = NULL;

        TRY(json_want_array(whole, EAR_COLLATERAL, COLLATERAL_MAX, &list));
        for (size_t i = 0; i < json_count(list); i++) {
                struct collateral *c = &r->collateral[r->collateral_count++];
                TRY(json_only_keys(json_at(list, i), members));
                TRY(field_text_into(json_at(list, i), "name", sizeof c->name, c->name));
                TRY(read_digest(json_at(list, i), "digest", c->digest));
                TRY(json_want_int(json_at(list, i), "not-after", 1, UNIX_S_MAX, &c->not_after_unix_s));
        }
        return NULL;
}

/* A verifier knows what silicon, logs and itself say: of Kubernetes and the node it knows nothing. */
static bool is_verifiers(enum origin o)
{
        return o == ORIGIN_HW || o == ORIGIN_MEASURED || o == ORIGIN_VERIFIER || o == ORIGIN_SOFTWARE;
}

static struct fault *check_fact(const struct facts *f, const char *name, const char *wanted)
{
        const struct fact *found = facts_find(f, name);
        AUTO(buf) struct buf text = BUF(4096);

        if (found != NULL)
                TRY(ear_refuse_as(fact_text(found, &text), "ear.facts"));
        if (found == NULL || found->origin != ORIGIN_VERIFIER || strcmp(buf_str(&text), wanted) != 0)
                return fault(FAULT_UNAUTHENTICATED, "ear.facts",
                             "attestation result: fact %s is not what the rest says", name);
        return NULL;
}

/* The facts that the policy goes by say the same as the result around them. */
static struct fault *check_facts(const struct attestation_result *r)
{
        AUTO(buf) struct buf concerns = BUF((size_t) CONCERNS_MAX * (NAME_LEN_MAX + 1));

        for (size_t i = 0; i < r->facts.count; i++)
                if (!is_verifiers(r->facts.items[i].origin))
                        return ear_refuse("ear.facts", "a fact of an origin that no verifier knows");
        for (size_t i = 0; i < r->concern_count; i++)
                TRY(buf_printf(&concerns, "%s%s", i == 0 ? "" : " ", r->concerns[i]));
        TRY(check_fact(&r->facts, "evidence.kind", r->kind));
        TRY(check_fact(&r->facts, "evidence.insecure-development", r->insecure_development ? "true" : "false"));
        TRY(check_fact(&r->facts, "verifier.concerns", buf_str(&concerns)));
        return check_fact(&r->facts, "verifier.status", ear_status_name(r->status));
}

static struct fault *read_policy(const struct json *whole, char **ret)
{
        const struct json *list = NULL;

        TRY(json_want_array(whole, "ear_appraisal_policy_ids", POLICY_IDS_MAX, &list));
        if (list == NULL)
                return NULL;
        if (json_count(list) == 0)
                return ear_refuse("ear.policy", "an empty list of policies");
        char text[DIGEST_TEXT_MAX + 1];
        TRY(field_item_text_into(json_at(list, 0), sizeof text, text));
        *ret = alloc_string(text);
        return NULL;
}

static struct fault *read_whole(const struct json *j, struct attestation_result *r, char **ret_policy)
{
        const struct json *facts = json_get(j, EAR_FACTS), *checks = json_get(j, EAR_CHECKS);

        TRY(ear_refuse_as(read_digest(j, EAR_DIGEST, r->evidence_digest), "ear.digest"));
        TRY(ear_refuse_as(json_want_bool(j, EAR_DEVELOPMENT, &r->insecure_development), "ear.facts"));
        TRY(ear_refuse_as(read_policy(j, ret_policy), "ear.policy"));
        TRY(read_names(j, EAR_CONCERNS, "ear.concerns", CONCERNS_MAX, r, r->concerns, &r->concern_count));
        TRY(read_names(j, EAR_NOT_CHECKED, "ear.not_checked", NOT_CHECKED_MAX, r, r->not_checked,
                       &r->not_checked_count));
        TRY(ear_refuse_as(read_collateral(j, r), "ear.collateral"));
        TRY(ear_refuse_as(json_want_int(j, EAR_NOT_AFTER, 1, UNIX_S_MAX, &r->not_after_unix_s), "ear.not_after"));
        if (facts == NULL)
                return ear_refuse("ear.facts", "no facts");
        TRY(ear_refuse_as(facts_from_json(facts, &r->facts), "ear.facts"));
        return checks == NULL ? NULL : ear_refuse_as(check_from_json(checks, &r->checks), "ear.checks");
}

/* One submodule says what was found on the whole. */
static struct fault *read_submodules(const struct json *submods, struct attestation_result *r, struct submodule *whole,
                                     const struct json **ret_whole)
{
        const char *name = NULL;
        const struct json *value = NULL;

        for (void *at = NULL; json_next(submods, &at, &name, &value);) {
                const struct json *kind = json_get(value, EAR_KIND);
                if (kind != NULL && *ret_whole != NULL)
                        return ear_refuse("ear.kind", "two parts that say what was found on the whole");
                if ((kind == NULL && r->submodule_count == SUBMODULES_MAX) || !is_name(span_str(name)))
                        return ear_refuse("ear.submods", "too many parts, or one with an odd name");
                struct submodule *s = kind != NULL ? whole : &r->submodules[r->submodule_count++];
                s->name = attestation_result_keep(r, span_str(name));
                TRY(read_appraisal(value, s));
                if (kind == NULL)
                        continue;
                if (json_kind(kind) != JSON_TEXT || !span_eq_str(json_text(kind), name))
                        return ear_refuse("ear.kind", "a part that is called otherwise than its kind");
                *ret_whole = value;
        }
        return *ret_whole != NULL ? NULL : ear_refuse("ear.kind", "no part that says what was found on the whole");
}

/* Where the whole is a part as well, beside others, it is the first of them. */
static struct fault *take_whole(const struct json *j, const struct submodule *whole, struct attestation_result *r)
{
        bool is_composite = false;

        TRY(ear_refuse_as(json_want_bool(j, EAR_COMPOSITE, &is_composite), "ear.submods"));
        r->kind = whole->name;
        r->vector = whole->vector;
        r->status = whole->status;
        for (size_t i = 0; i < r->submodule_count; i++)
                if (r->submodules[i].status > r->status)
                        r->status = r->submodules[i].status;
        if (is_composite || r->submodule_count == 0)
                return is_composite && r->submodule_count == 0 ? ear_refuse("ear.submods", "a whole without parts")
                                                               : NULL;
        if (r->submodule_count == SUBMODULES_MAX)
                return ear_refuse("ear.submods", "too many parts");
        memmove(&r->submodules[1], &r->submodules[0], r->submodule_count++ * sizeof r->submodules[0]);
        r->submodules[0] = *whole;
        return NULL;
}

struct fault *ear_read_result(const struct json *claims, struct attestation_result *ret, char **ret_policy)
{
        const struct json *submods = NULL, *j = NULL;
        struct submodule whole = {0};

        TRY(ear_refuse_as(json_need_object(claims, "submods", &submods), "ear.submods"));
        TRY(read_submodules(submods, ret, &whole, &j));
        TRY(take_whole(j, &whole, ret));
        TRY(read_whole(j, ret, ret_policy));
        return check_facts(ret);
}
