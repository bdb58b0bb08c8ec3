/* HTTP message signatures, the receiver's side. */
#include "lib/model/http_fields.h"
#include "lib/model/http_signature_base.h"

/* Of the signatures in a message just one has the profile's tag; labels mean nothing (RFC 9421 §7.2.5). NULL: none, or two. */
static const struct signature_input *choose(const struct signature_inputs *inputs)
{
        const struct signature_input *found = NULL;

        for (size_t i = 0; i < inputs->count; i++) {
                const struct field_parameter *tag = signature_input_parameter(&inputs->items[i], "tag");
                if (tag == NULL || tag->kind != PARAMETER_STRING || !span_eq_str(tag->string, HTTP_SIGNATURE_TAG))
                        continue;
                if (found != NULL)
                        return NULL;
                found = &inputs->items[i];
        }
        return found;
}

/* ---- what is covered ----------------------------------------------------------------------------------------------- */

static bool covers(const struct signature_input *s, const char *component)
{
        for (size_t i = 0; i < s->component_count; i++)
                if (span_eq_str(s->components[i], component))
                        return true;
        return false;
}

static struct fault *check_coverage(const struct http_message *m, const struct signature_input *s)
{
        for (size_t i = 0; i < s->component_count; i++)
                for (size_t k = 0; k < i; k++)
                        if (span_eq(s->components[i], s->components[k]))
                                return http_refuse("http_signature.component", "a component twice");
        if (!covers(s, "@method") || !covers(s, WIT_COMPONENT) ||
            (!covers(s, "@request-target") && !(covers(s, "@path") && covers(s, "@query"))))
                return http_refuse("http_signature.coverage", "it does not cover method, target and token");
        for (const char *const *name = http_covered_fields; *name != NULL; name++) {
                struct span value = SPAN_NONE;
                TRY(http_field_find(m, *name, &value));
                if (value.data != NULL && !covers(s, *name))
                        return fault(FAULT_UNAUTHENTICATED, "http_signature.coverage",
                                     "HTTP signature: it does not cover %s", *name);
        }
        return NULL;
}

/* ---- parameters ---------------------------------------------------------------------------------------------------- */

static struct fault *need(const struct signature_input *s, const char *name, int kind,
                          const struct field_parameter **ret)
{
        *ret = signature_input_parameter(s, name);
        if (*ret == NULL || (int) (*ret)->kind != kind)
                return fault(FAULT_UNAUTHENTICATED, "http_signature.parameter", "HTTP signature: no \"%s\"", name);
        return NULL;
}

static struct fault *check_known(const struct signature_input *s)
{
        static const char *const known[] = {"created", "expires", "nonce", "tag", "wimse-aud"};

        for (size_t i = 0; i < s->parameter_count; i++) {
                size_t k = 0;
                while (k < COUNT_OF(known) && !span_eq_str(s->parameters[i].name, known[k]))
                        k++;
                if (k == COUNT_OF(known))
                        return http_refuse("http_signature.parameter", "a parameter that is not for this profile");
        }
        return NULL;
}

static struct fault *check_times(const struct http_signature_rules *rules, const struct http_signature *s)
{
        int64_t now = wall_unix_s(rules->now),
                life = rules->life_max_s != 0 ? rules->life_max_s : HTTP_SIGNATURE_LIFE_MAX_S;

        if (s->created_unix_s > now + rules->leeway_s)
                return http_refuse("http_signature.not_yet_valid", "it was made in the future");
        if (now >= s->expires_unix_s + rules->leeway_s)
                return http_refuse("http_signature.expired", "it has expired");
        if (s->expires_unix_s - s->created_unix_s > life)
                return http_refuse("http_signature.life", "it lives too long for a proof");
        return NULL;
}

static struct fault *check_audience(const struct http_signature *s, const char *const *audiences)
{
        for (; *audiences != NULL; audiences++)
                if (strcmp(s->audience, *audiences) == 0)
                        return NULL;
        return http_refuse("http_signature.audience", "it is for somebody else");
}

static struct fault *read_parameters(const struct signature_input *s, const struct http_signature_rules *rules,
                                     struct http_signature *ret)
{
        const struct field_parameter *created, *expires, *nonce, *audience;

        TRY(check_known(s));
        TRY(need(s, "created", PARAMETER_NUMBER, &created));
        TRY(need(s, "expires", PARAMETER_NUMBER, &expires));
        TRY(need(s, "nonce", PARAMETER_STRING, &nonce));
        TRY(need(s, "wimse-aud", PARAMETER_STRING, &audience));
        ret->created_unix_s = created->number;
        ret->expires_unix_s = expires->number;
        ret->nonce = span_to_string(nonce->string);
        ret->audience = span_to_string(audience->string);
        TRY(check_times(rules, ret));
        if (nonce->string.len < HTTP_SIGNATURE_NONCE_MIN)
                return http_refuse("http_signature.nonce", "its nonce is too short to be unique");
        return check_audience(ret, rules->audiences);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static struct fault *need_field(const struct http_message *m, const char *name, struct span *ret)
{
        TRY(http_field_find(m, name, ret));
        if (ret->data == NULL)
                return fault(FAULT_UNAUTHENTICATED, "http_signature.field", "HTTP signature: no field %s", name);
        return NULL;
}

static struct fault *check_signature(const struct http_message *m, const struct signature_input *s,
                                     struct span signature_field, const struct wit *holder)
{
        AUTO(buf) struct buf base = BUF(HTTP_SIGNATURE_BASE_MAX), signature = BUF(SIGNATURE_MAX);

        TRY(fault_rename(field_bytes_of(signature_field, s->label, &signature), FAULT_UNAUTHENTICATED,
                         "http_signature.structure"));
        for (size_t i = 0; i < s->component_count; i++)
                TRY(http_base_add(m, s->components[i], &base));
        TRY(http_base_end(s->params, &base));
        return fault_rename(jwt_verify_bytes(holder->key, holder->key_alg, buf_span(&base), buf_span(&signature)),
                            FAULT_UNAUTHENTICATED, "http_signature.signature");
}

struct fault *http_signature_verify(const struct http_message *m, const struct http_signature_rules *rules,
                                    struct http_signature *ret)
{
        struct span input_field, signature_field, wit;
        struct signature_inputs inputs;
        AUTO(http_signature) struct http_signature found = {0};

        if (m->field_count > HTTP_MESSAGE_FIELDS_MAX)
                return http_refuse("http_signature.field", "too many fields");
        TRY(need_field(m, "signature-input", &input_field));
        TRY(need_field(m, "signature", &signature_field));
        TRY(need_field(m, WIT_COMPONENT, &wit));
        if (!span_eq(wit, rules->wit))
                return http_refuse("http_signature.wit", "not the token that was verified");
        TRY(signature_inputs_read(input_field, &inputs));
        const struct signature_input *s = choose(&inputs);
        if (s == NULL)
                return http_refuse("http_signature.tag", "not just one signature of this profile");
        TRY(check_coverage(m, s));
        TRY(read_parameters(s, rules, &found));
        TRY(http_check_digest(m));
        TRY(check_signature(m, s, signature_field, rules->holder));
        *ret = found;
        found = (struct http_signature){0};
        return NULL;
}
