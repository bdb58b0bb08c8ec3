#include "sign/url.h"

static size_t up_to(struct span s, size_t from, const char *stops)
{
        while (from < s.len && strchr(stops, s.data[from]) == NULL)
                from++;
        return from;
}

struct fault *url_read(struct span text, struct url *ret)
{
        size_t scheme = span_starts_with(text, SPAN("https://")) ? 8 : span_starts_with(text, SPAN("http://")) ? 7 : 0;

        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x21 || text.data[i] > 0x7e)
                        return fault(FAULT_INVALID, "USAGE",
                                     "a URL has no blanks and only ASCII: percent-encode the rest");
        size_t host_end = up_to(text, scheme, "/?#"), path_end = up_to(text, host_end, "?#"),
               end = up_to(text, host_end, "#");
        if (scheme == 0 || host_end == scheme)
                return fault(FAULT_INVALID, "USAGE", "a URL begins with https:// or http:// and a host");
        if (up_to(span_slice(text, scheme, host_end - scheme), 0, "@") < host_end - scheme)
                return fault(FAULT_INVALID, "USAGE", "a URL with a user in it is not taken");
        if (path_end == host_end && end > path_end)
                return fault(FAULT_INVALID, "USAGE", "a URL with a query has a path before it: https://host/?query");
        ret->audience = span_slice(text, 0, path_end);
        ret->target = end > host_end ? span_slice(text, host_end, end - host_end) : SPAN("/");
        return NULL;
}
