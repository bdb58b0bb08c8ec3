#include "cli/inspect.h"

#include <inttypes.h>

#include "lib/base/parse.h"

static struct fault *print_dates(const struct json *c, struct buf *out)
{
        char from[WALL_TEXT_LEN + 1], to[WALL_TEXT_LEN + 1];
        member_time(c, "not_before", from);
        member_time(c, "not_after", to);
        AUTO_STRING char *both = alloc_printf("%s to %s", from, to);
        return print_field(out, "valid", both);
}

static struct fault *print_certificate(const struct json *c, struct buf *out)
{
        TRY(print_field(out, "identity", member_text(c, "identity", "")));
        TRY(print_field(out, "subject", member_text(c, "subject", "")));
        TRY(print_field(out, "issuer", member_text(c, "issuer", "")));
        TRY(print_field(out, "serial", member_text(c, "serial", "")));
        TRY(print_dates(c, out));
        const struct json *dns = json_get(c, "dns");
        for (size_t i = 0; i < json_count(dns); i++)
                TRY(print_field(out, "dns", (const char *) json_text(json_at(dns, i)).data));
        return print_field(out, "key", member_text(c, "key", ""));
}

static struct fault *print_list(const struct json *list, const char *title, struct buf *out)
{
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *c = json_at(list, i);
                TRY(print_field(out, title, member_text(c, "slot", "")));
                TRY(print_certificate(c, out));
                const struct json *chain = json_get(c, "chain");
                for (size_t k = 1; k < json_count(chain); k++)
                        TRY(print_field(out, "through", member_text(json_at(chain, k), "subject", "")));
                TRY(buf_append_byte(out, '\n'));
        }
        return NULL;
}

static struct fault *print_status(const struct json *s, struct buf *out)
{
        static const char *const members[] = {"state", "profile", "renewAt", "record", "evidence", "policy"};
        for (size_t i = 0; i < COUNT_OF(members); i++)
                TRY(print_field(out, members[i], member_text(s, members[i], "")));
        const struct json *development = json_get(s, "insecureDevelopment"), *problem = json_get(s, "lastProblem");
        if (development != NULL && json_kind(development) == JSON_BOOL && json_bool(development))
                TRY(print_field(out, "WARNING", "development evidence: it proves nothing about a machine"));
        AUTO_STRING char *what =
                alloc_printf("%s: %s", member_text(problem, "check", ""), member_text(problem, "detail", ""));
        return problem == NULL ? NULL : print_field(out, "problem", what);
}

/* JSON that we know by its shape; anything else as it is. */
static struct fault *print_content(const struct json *j, struct buf *out)
{
        if (json_get(j, "decision") != NULL || json_get(j, "record") != NULL)
                return json_get(j, "state") != NULL ? print_status(j, out) : print_record(j, out);
        TRY(json_write_pretty(j, out));
        return buf_append_byte(out, '\n');
}

struct fault *inspect_print(const struct json *result, struct buf *out)
{
        const struct json *content = json_get(result, "content"), *bundle = json_get(result, "bundle"),
                          *status = json_get(result, "status");
        if (content != NULL)
                return print_content(content, out);
        TRY(print_field(out, "volume", member_text(result, "volume", "")));
        TRY(print_list(json_get(result, "certificates"), "certificate", out));
        TRY(print_list(json_get(result, "credentials"), "credential", out));
        if (json_get(result, "private_key") != NULL)
                TRY(print_field(out, "private key", "present"));
        if (status != NULL)
                TRY(print_status(status, out));
        const struct json *sequence = json_get(bundle, "sequence");
        if (sequence != NULL)
                TRY(buf_printf(out, "%-12s sequence %" PRId64 ", %" PRId64 " roots\n", "bundle", json_int(sequence),
                               json_int(json_get(bundle, "roots"))));
        return print_tree(out, json_get(result, "checks"));
}
