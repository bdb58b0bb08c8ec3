#include "lib/net/makers.h"

#include <ctype.h>

#include "lib/base/file.h"

#define CA_FILE_MAX ((size_t) 4 << 20)
#define USER_AGENT  "vouchsafe/" VOUCHSAFE_VERSION

const char *const maker_names[MAKER_COUNT + 1] = {"kds", "pcs", "pcs-root", NULL};
static const char *const own_urls[MAKER_COUNT] = {MAKER_KDS_URL, MAKER_PCS_URL, MAKER_PCS_ROOT_URL};
/* Intel PCS API v4 has the issuer chain in a header; which one says what it is the chain of. */
static const char *const chain_headers[] = {"TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain",
                                            "SGX-Enclave-Identity-Issuer-Chain", "SGX-PCK-CRL-Issuer-Chain", NULL};

struct maker_host {
        struct http *http;
        struct tls_client *tls;
        char *prefix; /* path of the base URL, without a slash at its end */
};
struct makers {
        struct maker_host hosts[MAKER_COUNT];
};

/* ---- paths ---- */

struct fault *maker_path_check(const char *path, enum maker *ret)
{
        const char *colon = strchr(path, ':');
        size_t name_len = colon != NULL ? (size_t) (colon - path) : 0;
        for (size_t i = 0; i < MAKER_COUNT && colon != NULL; i++) {
                if (strlen(maker_names[i]) != name_len || memcmp(maker_names[i], path, name_len) != 0)
                        continue;
                static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/?=&._-";
                const char *rest = colon + 1;
                bool is_plain = rest[0] == '/' && rest[1] != '\0' && rest[1] != '/' && strlen(path) <= MAKER_PATH_MAX &&
                                rest[strspn(rest, allowed)] == '\0' && strstr(rest, "..") == NULL;
                if (!is_plain)
                        break;
                *ret = (enum maker) i;
                return NULL;
        }
        return fault(FAULT_INVALID, "MAKER_PATH", "%.80s is no path of something that a maker publishes", path);
}

/* ---- hosts ---- */

/* "https://mirror.example:8443/amd/" is an origin, a name to expect, and what comes before each path. */
static struct fault *split_url(const char *url, char **ret_origin, char **ret_name, char **ret_prefix)
{
        static const char scheme[] = "https://";
        const char *authority = strncmp(url, scheme, sizeof scheme - 1) == 0 ? url + sizeof scheme - 1 : "";
        size_t len = strcspn(authority, "/");
        const char *prefix = authority + len;
        if (len == 0 || url[strcspn(url, "?#@ \t\r\n")] != '\0')
                return fault(FAULT_INVALID, "BAD_URL", "%.200s is not of the form https://host[:port][/path]", url);
        size_t name_len = authority[0] == '[' ? strcspn(authority, "]") : strcspn(authority, ":/");
        bool is_bracketed = authority[0] == '[';
        size_t prefix_len = strlen(prefix);
        while (prefix_len > 0 && prefix[prefix_len - 1] == '/')
                prefix_len--;
        *ret_origin = alloc_printf("%.*s", (int) (sizeof scheme - 1 + len), url);
        *ret_name = alloc_printf("%.*s", (int) (name_len - is_bracketed), authority + is_bracketed);
        *ret_prefix = alloc_printf("%.*s", (int) prefix_len, prefix);
        return NULL;
}

static struct fault *host_open(const struct makers_options *o, enum maker which, struct span ca, struct maker_host *h)
{
        AUTO_STRING char *origin = NULL, *name = NULL;
        const char *url = o->urls[which] != NULL ? o->urls[which] : own_urls[which];
        TRY(split_url(url, &origin, &name, &h->prefix));
        const struct tls_client_options trust = {.ca_pem = ca, .is_public = true, .server_name = name};
        TRY(tls_client_new(&trust, &h->tls));
        const struct http_options http = {.base_url = origin,
                                          .tls = h->tls,
                                          .body_max = MAKER_BODY_MAX,
                                          .connect_timeout_ms = o->connect_timeout_ms,
                                          .user_agent = USER_AGENT,
                                          .is_public = true,
                                          .keep = chain_headers};
        return http_new(&http, &h->http);
}

struct fault *makers_new(const struct makers_options *o, struct makers **ret)
{
        AUTO(makers) struct makers *m = NEW(struct makers);
        AUTO(buf) struct buf ca = BUF(CA_FILE_MAX);
        if (o->ca_file != NULL)
                TRY_AS(file_read(o->ca_file, &ca), "read %s", o->ca_file);
        for (size_t i = 0; i < MAKER_COUNT; i++)
                TRY_AS(host_open(o, (enum maker) i, buf_span(&ca), &m->hosts[i]), "%s", maker_names[i]);
        *ret = TAKE(m);
        return NULL;
}

void makers_free(struct makers *m)
{
        if (m == NULL)
                return;
        for (size_t i = 0; i < MAKER_COUNT; i++) {
                http_free(m->hosts[i].http);
                tls_client_free(m->hosts[i].tls);
                free(m->hosts[i].prefix);
        }
        free(m);
}

/* ---- asking ---- */

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 §2.1, into PEM: printable and line ends. */
struct fault *maker_chain_decode(const char *text, struct buf *out)
{
        for (const char *c = text; *c != '\0'; c++) {
                int byte = (unsigned char) *c;
                if (*c == '%') {
                        int high = hex_digit(c[1]), low = high < 0 ? -1 : hex_digit(c[2]);
                        if (low < 0)
                                return fault(FAULT_UNAVAILABLE, "MAKER_CHAIN",
                                             "the issuer chain isn't percent-encoded");
                        byte = high * 16 + low;
                        c += 2;
                }
                if (byte != '\n' && byte != '\r' && (byte < ' ' || byte > '~'))
                        return fault(FAULT_UNAVAILABLE, "MAKER_CHAIN", "the issuer chain isn't PEM");
                TRY(buf_append_byte(out, (uint8_t) byte));
        }
        return NULL;
}

struct fault *makers_get(struct makers *m, const char *path, struct cancel *cancel, struct maker_answer *ret)
{
        enum maker which;
        AUTO(http_reply) struct http_reply reply = {0};
        AUTO(maker_answer) struct maker_answer answer = {.body = BUF(MAKER_BODY_MAX), .chain = BUF(HTTP_KEPT_MAX)};
        TRY(maker_path_check(path, &which));
        struct maker_host *h = &m->hosts[which];
        AUTO_STRING char *full = alloc_printf("%s%s", h->prefix, strchr(path, ':') + 1); /* checked: there is one */

        TRY(http_get(h->http, full, NULL, cancel, &reply));
        answer.status = reply.status;
        answer.retry_after_ms = reply.retry_after_ms;
        if (reply.status == 200) {
                TRY(buf_append(&answer.body, buf_span(&reply.body)));
                if (reply.kept != NULL)
                        TRY(maker_chain_decode(reply.kept, &answer.chain));
        }
        *ret = answer;
        answer = (struct maker_answer){0}; /* it is the caller's */
        return NULL;
}

void maker_answer_clear(struct maker_answer *a)
{
        buf_clear(&a->body);
        buf_clear(&a->chain);
        *a = (struct maker_answer){0};
}
