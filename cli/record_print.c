/* A decision record as a person reads it: what was decided for whom, by which policy, on what evidence, and every check.
 * Tolerant: members that are missing are left out, a newer issuer may say more. */
#include "cli/command.h"

#include <inttypes.h>

static struct fault *print_texts(struct buf *out, const char *name, const struct json *list)
{
        AUTO(buf) struct buf line = BUF(OUTPUT_MAX);
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *text = json_at(list, i);
                if (text != NULL && json_kind(text) == JSON_TEXT)
                        TRY(buf_printf(&line, "%s%s", line.len == 0 ? "" : ", ", (const char *) json_text(text).data));
        }
        return print_field(out, name, buf_str(&line));
}

/* "first (form second)", without what is missing. */
static struct fault *print_pair(struct buf *out, const char *name, const char *first, const char *word,
                                const char *second)
{
        AUTO_STRING char *both =
                second[0] == '\0' ? alloc_string(first) : alloc_printf("%s (%s%s)", first, word, second);
        return print_field(out, name, both);
}

static struct fault *print_number(struct buf *out, const char *name, const struct json *o, const char *key)
{
        const struct json *j = json_get(o, key);
        if (j == NULL || json_kind(j) != JSON_INT)
                return NULL;
        return buf_printf(out, "%-12s %" PRId64 "\n", name, json_int(j));
}

static struct fault *print_frame(const struct json *frame, struct buf *out)
{
        TRY(print_field(out, "record", member_text(frame, "id", "")));
        TRY(print_number(out, "index", frame, "index"));
        return print_field(out, "leaf hash", member_text(frame, "leaf_hash", ""));
}

static struct fault *print_decision(const struct json *r, struct buf *out)
{
        char time[WALL_TEXT_LEN + 1];
        member_time(r, "time", time);
        TRY(print_field(out, "time", time));
        TRY(print_pair(out, "decision", member_text(r, "decision", "unknown"), "", member_text(r, "check", "")));
        TRY(print_field(out, "reason", member_text(r, "reason", "")));
        TRY(print_field(out, "identity", member_text(r, "identity", "")));
        TRY(print_pair(out, "workload", member_text(r, "workload", ""), "of ", member_text(r, "owner", "")));
        return print_field(out, "profile", member_text(r, "profile", ""));
}

static struct fault *print_requester(const struct json *r, struct buf *out)
{
        const struct json *pod = json_get(r, "pod");
        AUTO_STRING char *name =
                alloc_printf("%s/%s", member_text(pod, "namespace", "?"), member_text(pod, "name", "?"));
        if (pod != NULL) {
                TRY(print_pair(out, "pod", name, "uid ", member_text(pod, "uid", "")));
                TRY(print_field(out, "account",
                                member_text(pod, "serviceAccount", member_text(pod, "service_account", ""))));
                TRY(print_field(out, "node", member_text(pod, "node", "")));
                TRY(print_field(out, "cluster", member_text(pod, "cluster", "")));
                const struct json *verified = json_get(pod, "verified");
                if (verified != NULL && json_kind(verified) == JSON_BOOL && !json_bool(verified))
                        TRY(print_field(out, "NOTE", "the pod is the node's word: it came without a bound token"));
        }
        return print_field(out, "volume", member_text(r, "volume", ""));
}

static struct fault *print_basis(const struct json *r, struct buf *out)
{
        const struct json *policy = json_get(r, "policy"), *verifier = json_get(r, "verifier"),
                          *evidence = json_get(r, "evidence");
        TRY(print_field(out, "policy", member_text(policy, "digest", "")));
        TRY(print_number(out, "revision", policy, "revision"));
        TRY(print_texts(out, "references", json_get(r, "references")));
        TRY(print_pair(out, "verifier", member_text(verifier, "id", ""), "build ", member_text(verifier, "build", "")));
        TRY(print_pair(out, "evidence", member_text(evidence, "kind", ""), "", member_text(evidence, "digest", "")));
        const struct json *development = json_get(evidence, "insecure_development");
        if (development != NULL && json_kind(development) == JSON_BOOL && json_bool(development))
                TRY(print_field(out, "WARNING", "development evidence: it proves nothing about a machine"));
        const struct json *any = json_get(r, "any_genuine");
        if (any != NULL && json_kind(any) == JSON_BOOL && json_bool(any))
                TRY(print_field(out, "WARNING", "any genuine hardware was admitted, not only ours"));
        TRY(print_field(out, "ak", member_text(r, "ak", "")));
        return print_field(out, "nonce", member_text(r, "nonce", ""));
}

static struct fault *print_credentials(const struct json *list, struct buf *out)
{
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *c = json_at(list, i);
                char from[WALL_TEXT_LEN + 1], to[WALL_TEXT_LEN + 1];
                member_time(c, "not_before", from);
                member_time(c, "not_after", to);
                AUTO_STRING char *line =
                        alloc_printf("%s %s %s, %s to %s", member_text(c, "slot", "?"), member_text(c, "type", "?"),
                                     member_text(c, "serial", "?"), from, to);
                TRY(print_field(out, "credential", line));
        }
        return NULL;
}

static struct fault *print_claims(const struct json *claims, struct buf *out)
{
        if (json_count(claims) == 0)
                return NULL;
        AUTO(buf) struct buf text = BUF(OUTPUT_MAX);
        TRY(json_write(claims, &text));
        return print_field(out, "claims", buf_str(&text));
}

/* What a later record says about this one: the signer failed after the decision was written, and nothing left. */
static struct fault *print_correction(const struct json *frame, struct buf *out)
{
        const struct json *r = frame != NULL ? json_get(frame, "record") : NULL;
        if (r == NULL)
                return NULL;
        AUTO_STRING char *text =
                alloc_printf("%s: %s (%s), record %s", member_text(r, "decision", "unknown"),
                             member_text(r, "reason", ""), member_text(r, "check", ""), member_text(frame, "id", ""));
        return print_field(out, "CORRECTED", text);
}

struct fault *print_record(const struct json *result, struct buf *out)
{
        const struct json *inner = json_get(result, "record");
        bool framed = inner != NULL && json_kind(inner) == JSON_OBJECT;
        const struct json *r = framed ? inner : result;
        if (framed)
                TRY(print_frame(result, out));
        TRY(print_decision(r, out));
        TRY(print_correction(framed ? json_get(result, "correction") : NULL, out));
        TRY(print_field(out, "corrects", member_text(r, "corrects", "")));
        TRY(print_requester(r, out));
        TRY(print_basis(r, out));
        TRY(print_credentials(json_get(r, "credentials"), out));
        TRY(print_claims(json_get(r, "claims"), out));
        const struct json *tree = json_get(r, "tree");
        if (tree == NULL)
                return NULL;
        TRY(buf_append_str(out, "checks\n"));
        return print_tree(out, tree);
}
