#include "cli/inspect.h"

#include "lib/crypt/x509.h"

/* The first block with a label that ends in `what`, with its marks; SPAN_NONE: none. */
static struct span find_block(struct span text, const char *what)
{
        static const char begin[] = "-----BEGIN ", end[] = "-----END ";
        const char *at = (const char *) text.data, *stop = at + text.len;
        while (at != NULL && at < stop) {
                const char *start = memmem(at, (size_t) (stop - at), begin, sizeof begin - 1);
                if (start == NULL)
                        return SPAN_NONE;
                const char *line = memchr(start, '\n', (size_t) (stop - start));
                const char *last = memmem(start, (size_t) (stop - start), end, sizeof end - 1);
                if (line == NULL || last == NULL)
                        return SPAN_NONE;
                const char *close = memchr(last, '\n', (size_t) (stop - last));
                close = close == NULL ? stop : close + 1;
                if (memmem(start, (size_t) (line - start), what, strlen(what)) != NULL)
                        return span_make(start, (size_t) (close - start));
                at = close;
        }
        return SPAN_NONE;
}

struct fault *pem_private_key(struct span text, struct key **ret)
{
        struct span block = find_block(text, "PRIVATE KEY-----");
        if (block.len == 0)
                return fault(FAULT_NOT_FOUND, "NO_KEY", "there is no private key in it");
        return key_from_pem_private(block, ret);
}

static struct fault *add_key(struct span text, const struct cert_list *certs, struct json *result, struct check *checks)
{
        if (find_block(text, "PRIVATE KEY-----").len == 0)
                return NULL;
        AUTO(key) struct key *key = NULL;
        AUTO(fault) struct fault *why = pem_private_key(text, &key);
        json_set_bool(result, "private_key", true);
        if (why != NULL) {
                check_add(checks, "key.readable", false, "a key of a kind that we take", fault_text(why), -1);
                return NULL;
        }
        if (certs->count == 0)
                return NULL;
        const struct key *own = cert_key(certs->certs[0]);
        bool same = own != NULL && span_eq(key_spki(own), key_spki(key));
        check_add(checks, "key.match", same, "the first certificate's key", same ? "it is" : "another key", -1);
        return NULL;
}

static void add_dates(const struct cert *c, struct wall now, struct check *checks)
{
        bool early = now.unix_ms<cert_not_before(c).unix_ms, late = now.unix_ms> cert_not_after(c).unix_ms;
        check_add(checks, "x509.dates", !early && !late, "valid now",
                  early  ? "not yet"
                  : late ? "expired"
                         : "valid",
                  -1);
}

struct fault *inspect_pem(struct span text, struct wall now, struct json **ret)
{
        AUTO(cert_list) struct cert_list certs = {0};
        if (find_block(text, "CERTIFICATE-----").len != 0)
                TRY(cert_list_from_pem(text, &certs));
        else if (find_block(text, "PRIVATE KEY-----").len == 0)
                return fault(FAULT_INVALID, "UNKNOWN_CONTENT", "neither certificates, keys nor JSON");

        AUTO(json) struct json *result = json_new_object();
        AUTO(check) struct check *checks = check_new("inspect", true);
        struct json *list = json_new_array();
        json_set(result, "certificates", list);
        for (size_t i = 0; i < certs.count; i++)
                json_push(list, cert_to_json(certs.certs[i]));
        if (certs.count > 0)
                add_dates(certs.certs[0], now, checks);
        TRY(add_key(text, &certs, result, checks));
        for (size_t i = 0; i < checks->child_count; i++)
                checks->ok = checks->ok && checks->children[i]->ok;
        json_set_bool(result, "ok", checks->ok);
        json_set(result, "checks", check_to_json(checks));
        *ret = TAKE(result);
        return NULL;
}
