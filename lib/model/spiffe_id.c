#include "lib/model/spiffe_id.h"

#define SCHEME SPAN("spiffe://")

static struct fault *bad(const char *rule)
{
        return fault(FAULT_INVALID, "SPIFFE_ID", "not a SPIFFE id: %s", rule);
}

static bool is_lower_or_digit(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_mark(uint8_t c)
{
        return c == '.' || c == '_' || c == '-';
}

struct fault *trust_domain_check(struct span name)
{
        if (name.len == 0)
                return bad("the trust domain is empty");
        if (name.len > TRUST_DOMAIN_MAX)
                return bad("the trust domain has more than 255 bytes");
        size_t dots = 0;
        for (size_t i = 0; i < name.len; i++) {
                if (!is_lower_or_digit(name.data[i]) && !is_mark(name.data[i]))
                        return bad("the trust domain has a character outside of [a-z0-9._-]");
                dots += name.data[i] == '.';
        }
        /* the standard's characters would let it pass, but who cleans paths would make another id of it */
        return dots == name.len ? bad("the trust domain is made of dots only") : NULL;
}

static struct fault *check_segment(struct span segment)
{
        if (segment.len == 0)
                return bad("the path has an empty segment or a slash at its end");
        size_t dots = 0;
        for (size_t i = 0; i < segment.len; i++) {
                uint8_t c = segment.data[i];
                if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && !is_mark(c))
                        return bad("the path has a character outside of [A-Za-z0-9._-]");
                dots += c == '.';
        }
        return dots == segment.len ? bad("the path has a segment of dots only") : NULL;
}

/* Up to the next slash or the end. */
static size_t segment_len(struct span rest)
{
        const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.data, '/', rest.len);
        return slash == NULL ? rest.len : (size_t) (slash - rest.data);
}

struct fault *spiffe_id_check(struct span id)
{
        if (id.len > SPIFFE_ID_MAX)
                return bad("it has more than 2048 bytes");
        if (!span_starts_with(id, SCHEME))
                return bad("it does not start with spiffe://");

        struct span rest = span_slice(id, SCHEME.len, id.len - SCHEME.len);
        size_t len = segment_len(rest);
        TRY(trust_domain_check(span_slice(rest, 0, len)));
        if (len == rest.len)
                return bad("it has no path");
        while (len < rest.len) {
                rest = span_slice(rest, len + 1, rest.len - len - 1);
                len = segment_len(rest);
                TRY(check_segment(span_slice(rest, 0, len)));
        }
        return NULL;
}

bool spiffe_id_is_in(struct span id, struct span trust_domain)
{
        struct span rest = span_slice(id, SCHEME.len, id.len - SCHEME.len);
        return span_eq(span_slice(rest, 0, segment_len(rest)), trust_domain);
}

struct span spiffe_id_path(struct span id)
{
        struct span rest = span_slice(id, SCHEME.len, id.len - SCHEME.len);
        size_t len = segment_len(rest);
        return span_slice(rest, len, rest.len - len);
}
