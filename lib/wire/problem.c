#include "lib/wire/problem.h"

#include <stdio.h>

#define TYPE_PREFIX       "https://vouchsafe.dev/problems/"
#define RETRY_AFTER_MAX_S 86400
#define TOKEN_MAX_LEN     64 /* fault_from_peer's */

int problem_http_status(enum fault_code code)
{
        switch (code) {
        case FAULT_INVALID:
                return 400;
        case FAULT_UNAUTHENTICATED:
                return 401;
        case FAULT_DENIED:
                return 403;
        case FAULT_NOT_FOUND:
                return 404;
        case FAULT_ABORTED:
        case FAULT_EXISTS:
        case FAULT_PRECONDITION:
                return 409;
        case FAULT_EXHAUSTED:
                return 429;
        case FAULT_UNIMPLEMENTED:
                return 501;
        case FAULT_UNAVAILABLE:
                return 503;
        case FAULT_DEADLINE:
                return 504;
        case FAULT_CANCELLED:
        case FAULT_UNKNOWN:
        case FAULT_RANGE:
        case FAULT_INTERNAL:
        case FAULT_DATA_LOSS:
                break;
        }
        return 500;
}

/* What a status means when the document does not say it better. */
static enum fault_code code_of_status(int http_status)
{
        switch (http_status) {
        case 401:
                return FAULT_UNAUTHENTICATED;
        case 403:
                return FAULT_DENIED;
        case 404:
                return FAULT_NOT_FOUND;
        case 408:
        case 504:
                return FAULT_DEADLINE;
        case 409:
                return FAULT_ABORTED;
        case 429:
                return FAULT_EXHAUSTED;
        case 501:
                return FAULT_UNIMPLEMENTED;
        case 502:
        case 503:
                return FAULT_UNAVAILABLE;
        default:
                return http_status >= 400 && http_status < 500 ? FAULT_INVALID : FAULT_INTERNAL;
        }
}

static const char *title(enum fault_code code)
{
        switch (code) {
        case FAULT_INVALID:
                return "The request is not well-formed";
        case FAULT_UNAUTHENTICATED:
                return "The caller could not be authenticated";
        case FAULT_DENIED:
                return "The request was refused";
        case FAULT_NOT_FOUND:
                return "There is no such thing";
        case FAULT_ABORTED:
        case FAULT_EXISTS:
        case FAULT_PRECONDITION:
                return "The request does not fit the present state";
        case FAULT_EXHAUSTED:
                return "Too many requests";
        case FAULT_UNIMPLEMENTED:
                return "Not implemented";
        case FAULT_UNAVAILABLE:
                return "Not available now";
        case FAULT_DEADLINE:
                return "Not done in time";
        case FAULT_CANCELLED:
        case FAULT_UNKNOWN:
        case FAULT_RANGE:
        case FAULT_INTERNAL:
        case FAULT_DATA_LOSS:
                break;
        }
        return "Internal error";
}

struct json *problem_write(const struct fault *f)
{
        char type[sizeof TYPE_PREFIX + TOKEN_MAX_LEN];
        (void) snprintf(type, sizeof type, "%s%s", TYPE_PREFIX,
                        fault_token(f)); /* tokens are short; a cut one does no harm */

        struct json *j = json_new_object();
        json_set_text(j, "type", type);
        json_set_text(j, "title", title(fault_code(f)));
        json_set_int(j, "status", problem_http_status(fault_code(f)));
        json_set_text(j, "detail", fault_text(f));
        json_set_text(j, "check", fault_token(f));
        json_set_text(j, "code", fault_code_name(fault_code(f)));
        if (fault_retry_after_ms(f) > 0)
                json_set_int(j, "retry_after_s", (fault_retry_after_ms(f) + 999) / 1000);
        return j;
}

/* What can't be read is as if it were not there. */
static struct span text_or_none(const struct json *j, const char *key, size_t max_len)
{
        const struct json *value = json_get(j, key);
        if (value == NULL || json_kind(value) != JSON_TEXT || json_text(value).len > max_len)
                return SPAN_NONE;
        return json_text(value);
}

struct fault *problem_read(int http_status, const struct json *json)
{
        struct span check = text_or_none(json, "check", TOKEN_MAX_LEN);
        struct span detail = text_or_none(json, "detail", FAULT_TEXT_MAX);
        struct span name = text_or_none(json, "code", TOKEN_MAX_LEN);

        /* the name tells more than the status, but may not contradict it */
        enum fault_code code = name.len > 0 ? fault_code_by_name((const char *) name.data) : 0;
        if (code == 0 || problem_http_status(code) != http_status)
                code = code_of_status(http_status);
        const char *token = check.len > 0 ? (const char *) check.data : "PEER_PROBLEM";
        struct fault *f = detail.len > 0
                                  ? fault_from_peer(code, token, "%s", (const char *) detail.data)
                                  : fault_from_peer(code, token, "the peer answered with status %d", http_status);

        const struct json *retry = json_get(json, "retry_after_s");
        if (retry != NULL && json_kind(retry) == JSON_INT && json_int(retry) > 0 &&
            json_int(retry) <= RETRY_AFTER_MAX_S)
                fault_set_retry_after_ms(f, json_int(retry) * 1000);
        return f;
}
