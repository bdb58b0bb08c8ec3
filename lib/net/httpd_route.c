#include "lib/net/httpd_conn.h"

#include <stdio.h>

static bool path_fits(const char *pattern, struct span path)
{
        size_t len = strlen(pattern);

        if (len > 0 && pattern[len - 1] == '*')
                return span_starts_with(path, span_make(pattern, len - 1));
        return span_eq_str(path, pattern);
}

const struct httpd_route *httpd_route_find(const struct httpd_route *routes, size_t count, const char *method,
                                           struct span path, int *ret_status, char ret_allow[64])
{
        const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
        size_t used = 0;

        for (size_t i = 0; i < count; i++) {
                int n;

                if (!path_fits(routes[i].path, path))
                        continue;
                if (strcmp(routes[i].method, wanted) == 0)
                        return &routes[i];
                n = snprintf(ret_allow + used, 64 - used, "%s%s", used > 0 ? ", " : "", routes[i].method);
                used = n > 0 && used + (size_t) n < 64 ? used + (size_t) n : used;
        }
        *ret_status = used > 0 ? 405 : 404;
        return NULL;
}

struct fault *httpd_query(const struct httpd_request *r, const char *name, size_t max, struct buf *out)
{
        size_t name_len = strlen(name);
        bool found = false;

        for (const char *at = r->query; *at != '\0';) {
                size_t len = strcspn(at, "&");
                AUTO(buf) struct buf value = BUF(max);

                if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=') {
                        if (found)
                                return fault(FAULT_INVALID, "DUPLICATE_PARAMETER", "parameter %s is there twice", name);
                        found = true;
                        TRY_AS(percent_decode(span_make(at + name_len + 1, len - name_len - 1), &value), "parameter %s",
                               name);
                        if (!span_is_utf8(buf_span(&value)))
                                return fault(FAULT_INVALID, "BAD_ESCAPE", "parameter %s is not UTF-8", name);
                        TRY(buf_append(out, buf_span(&value)));
                }
                at += len;
                at += *at == '&';
        }
        return found ? NULL : fault(FAULT_NOT_FOUND, "NO_PARAMETER", "there is no parameter %s", name);
}
