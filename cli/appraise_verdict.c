/* What the verifier found, as JSON for programs and as lines for people. */
#include "cli/appraise.h"

#include "issuer/policy/policy.h"

static struct json *reason(const char *check, const char *expected, const char *got)
{
        struct json *j = json_new_object();
        json_set_text(j, "check", check);
        json_set_text(j, "expected", expected == NULL ? "" : expected);
        json_set_text(j, "got", got == NULL ? "" : got);
        return j;
}

/* The failed checks that have none below them, in the order in which they were made. */
static void push_failed(const struct check *c, struct json *list)
{
        for (size_t i = 0; i < c->child_count; i++) {
                const struct check *child = c->children[i];
                if (child->ok)
                        continue;
                if (child->child_count == 0)
                        json_push(list, reason(child->name, child->wanted, child->got));
                else
                        push_failed(child, list); /* as deep as a policy's expression: its compiler bounds that */
        }
}

static struct json *claims(const struct facts *facts)
{
        AUTO(json) struct json *all = facts_to_json(facts);
        struct json *j = json_new_object();
        const char *key = NULL;
        const struct json *fact = NULL;
        for (void *at = NULL; json_next(all, &at, &key, &fact);)
                json_set(j, key, json_copy(json_get(fact, "value")));
        return j;
}

static struct json *collateral(const struct attestation_result *r)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < r->collateral_count; i++) {
                struct json *one = json_new_object();
                json_set_text(one, "name", r->collateral[i].name);
                json_set_hex(one, "sha256", SPAN_OF(r->collateral[i].digest));
                if (r->collateral[i].not_after_unix_s != 0)
                        json_set_int(one, "not_after", r->collateral[i].not_after_unix_s);
                json_push(list, one);
        }
        return list;
}

struct json *appraise_verdict(const struct attestation_result *r, const struct fault *refused,
                              const struct decision *judged, bool accepted)
{
        struct json *j = json_new_object(), *reasons = json_new_array();
        bool undecidable = refused != NULL && fault_code(refused) == FAULT_UNAVAILABLE;
        if (r->checks != NULL && !accepted) /* accepted with concerns: a policy tolerates them */
                push_failed(r->checks, reasons);
        if (judged != NULL && !accepted)
                push_failed(judged->tree, reasons);
        if (refused != NULL && json_count(reasons) == 0)
                json_push(reasons, reason(fault_token(refused), NULL, fault_text(refused)));
        json_set_bool(j, "accepted", accepted);
        json_set_text(j, "kind", r->kind);
        json_set_text(j, "status", ear_status_name(undecidable ? EAR_NONE : r->status));
        json_set(j, "reasons", reasons);
        json_set(j, "claims", claims(&r->facts));
        json_set(j, "not_checked", json_new_texts(r->not_checked, r->not_checked_count));
        json_set(j, "collateral", collateral(r));
        if (r->not_after_unix_s != 0)
                json_set_int(j, "not_after", r->not_after_unix_s);
        return j;
}

static struct fault *print_claims(const struct json *all, struct buf *out)
{
        const char *key = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(all, &at, &key, &value);) {
                AUTO(buf) struct buf text = BUF(OUTPUT_MAX);
                if (json_kind(value) == JSON_TEXT)
                        TRY(buf_append(&text, json_text(value)));
                else
                        TRY(json_write(value, &text));
                TRY(buf_printf(out, "  %-36s ", key));
                TRY(print_text(out, buf_str(&text)));
                TRY(buf_append_byte(out, '\n'));
        }
        return NULL;
}

struct fault *appraise_print(const struct json *j, struct buf *out)
{
        const struct json *reasons = json_get(j, "reasons"), *not_checked = json_get(j, "not_checked");
        TRY(print_field(out, "verdict", json_bool(json_get(j, "accepted")) ? "accepted" : "refused"));
        TRY(print_field(out, "kind", member_text(j, "kind", "")));
        TRY(print_field(out, "status", member_text(j, "status", "")));
        for (size_t i = 0; i < json_count(reasons); i++) {
                const struct json *r = json_at(reasons, i);
                TRY(print_field(out, "reason", member_text(r, "check", "")));
                TRY(print_field(out, "  expected", member_text(r, "expected", "")));
                TRY(print_field(out, "  got", member_text(r, "got", "")));
        }
        for (size_t i = 0; i < json_count(not_checked); i++)
                TRY(print_field(out, "not checked", (const char *) json_text(json_at(not_checked, i)).data));
        char end[WALL_TEXT_LEN + 1];
        member_time(j, "not_after", end);
        TRY(print_field(out, "good until", end));
        if (json_count(json_get(j, "claims")) == 0)
                return NULL;
        TRY(buf_append_str(out, "claims\n"));
        return print_claims(json_get(j, "claims"), out);
}
