/* Certificates in PEM, read by hand: other blocks (a private key in the same file) aren't copied about, and files that
 * were concatenated without a newline between them are taken as they are. RFC 7468 §3. */
#include "lib/crypt/x509.h"

#include "lib/base/parse.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"
#define LINE  64

static bool find(struct span in, struct span what, size_t *ret_at)
{
        const uint8_t *found = in.len > 0 ? memmem(in.data, in.len, what.data, what.len) : NULL;

        if (found == NULL)
                return false;
        *ret_at = (size_t) (found - in.data);
        return true;
}

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct fault *decode(struct span text, struct cert **ret)
{
        AUTO(buf) struct buf dense = BUF(CERT_MAX * 2);
        AUTO(buf) struct buf der = BUF(CERT_MAX);

        for (size_t i = 0; i < text.len; i++) {
                if (!is_blank(text.data[i]))
                        TRY(buf_append_byte(&dense, text.data[i]));
        }
        TRY(base64_decode(buf_span(&dense), &der));
        return cert_from_der(buf_span(&der), ret);
}

struct fault *cert_list_from_pem(struct span pem, struct cert_list *ret)
{
        AUTO(cert_list) struct cert_list list = {0};
        struct span rest = pem;
        size_t begin, end;

        while (find(rest, SPAN(BEGIN), &begin)) {
                rest = span_slice(rest, begin + sizeof BEGIN - 1, rest.len - begin - (sizeof BEGIN - 1));
                if (list.count == COUNT_OF(list.certs))
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "more than %zu certificates", list.count);
                if (!find(rest, SPAN(END), &end))
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "certificate %zu has no end", list.count + 1);

                AUTO(fault) struct fault *f = decode(span_slice(rest, 0, end), &list.certs[list.count]);
                if (f != NULL)
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "certificate %zu: %s", list.count + 1,
                                     fault_text(f));
                list.count++;
                rest = span_slice(rest, end + sizeof END - 1, rest.len - end - (sizeof END - 1));
        }
        if (list.count == 0)
                return fault(FAULT_INVALID, "NO_CERTIFICATE", "no certificate in %zu bytes of PEM", pem.len);
        *ret = list;
        list.count = 0; /* the caller's now */
        return NULL;
}

struct fault *cert_to_pem(const struct cert *c, struct buf *out)
{
        return cert_der_to_pem(cert_der(c), out);
}

struct fault *cert_der_to_pem(struct span der, struct buf *out)
{
        AUTO(buf) struct buf text = BUF(CERT_MAX * 2);

        TRY(base64_encode(der, &text));
        TRY(buf_append_str(out, BEGIN "\n"));
        for (size_t at = 0; at < text.len; at += LINE) {
                size_t take = text.len - at < LINE ? text.len - at : LINE;
                TRY(buf_append(out, span_slice(buf_span(&text), at, take)));
                TRY(buf_append_byte(out, '\n'));
        }
        return buf_append_str(out, END "\n");
}

void cert_list_clear(struct cert_list *l)
{
        for (size_t i = 0; i < l->count; i++)
                cert_free(l->certs[i]);
        *l = (struct cert_list){0};
}
