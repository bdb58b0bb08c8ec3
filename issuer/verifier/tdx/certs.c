#include "issuer/verifier/tdx/certs.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

struct tdx_cert tdx_cert_of(const struct cert *c)
{
        struct span serial = cert_serial(c);
        struct tdx_cert ret = {
                .serial_len = serial.len, .not_before = cert_not_before(c), .not_after = cert_not_after(c)};
        memcpy(ret.serial, serial.data, serial.len);
        return ret;
}

static struct span skip_blanks(struct span s)
{
        while (s.len > 0 && strchr(" \t\r\n", s.data[0]) != NULL && s.data[0] != 0)
                s = span_slice(s, 1, s.len - 1);
        return s;
}

/* Somebody's reader may stop where another goes on: only certificates may be there. */
static struct fault *check_only_certificates(struct span text)
{
        while (text.len > 0 && text.data[text.len - 1] == 0)
                text.len--;
        for (struct span rest = skip_blanks(text); rest.len > 0; rest = skip_blanks(rest)) {
                const uint8_t *end = memmem(rest.data, rest.len, END, sizeof END - 1);
                if (!span_starts_with(rest, SPAN(BEGIN)) || end == NULL)
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "bytes that are no certificate in PEM");
                size_t taken = (size_t) (end - rest.data) + sizeof END - 1;
                rest = span_slice(rest, taken, rest.len - taken);
        }
        return NULL;
}

static int hex_value(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 §2.1. A '+' stays: it is a digit of base64. */
static struct fault *percent_decode(struct span text, struct buf *out)
{
        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.data[i];
                if (c == '%') {
                        int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
                        int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
                        if (low < 0)
                                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "percent encoding");
                        c = (uint8_t) (high << 4 | low);
                        i += 2;
                }
                TRY(buf_append_byte(out, c));
        }
        return NULL;
}

struct fault *tdx_certs_read(struct span pem, struct cert_list *ret)
{
        AUTO(buf) struct buf decoded = BUF(CERT_MAX * CHAIN_MAX);

        if (pem.len > 0 && memchr(pem.data, '%', pem.len) != NULL) { /* no character of PEM */
                TRY(percent_decode(pem, &decoded));
                pem = buf_span(&decoded);
        }
        TRY(check_only_certificates(pem));
        return cert_list_from_pem(pem, ret);
}

/* The subject is RFC 2253 text: a comma inside a value is escaped, so what stands between two commas is one attribute. */
bool tdx_cert_is_named(const struct cert *c, const char *common_name)
{
        const char *subject = cert_subject(c);
        size_t len = strlen(common_name);

        for (const char *at = subject; (at = strstr(at, "CN=")) != NULL; at += 3) {
                bool begins = at == subject || at[-1] == ',';
                if (begins && strncmp(at + 3, common_name, len) == 0 && (at[3 + len] == ',' || at[3 + len] == '\0'))
                        return true;
        }
        return false;
}

bool tdx_cert_may_sign(const struct cert *c, bool is_ca)
{
        unsigned wanted = is_ca ? KU_KEY_CERT_SIGN : KU_DIGITAL_SIGNATURE;
        return cert_is_ca(c) == is_ca && (cert_key_usage(c) & wanted) != 0 && cert_key(c) != NULL &&
               key_kind(cert_key(c)) == KEY_P256;
}

struct fault *tdx_cert_issued_by(const struct cert *c, const struct cert *issuer, const char *token)
{
        if (!tdx_cert_may_sign(issuer, /* is_ca= */ true))
                return fault(FAULT_DENIED, token, "issuer \"%s\" is no CA with a P-256 key", cert_subject(issuer));
        if (!span_eq(cert_issuer_der(c), cert_subject_der(issuer)))
                return fault(FAULT_DENIED, token, "\"%s\" isn't issued by \"%s\"", cert_subject(c),
                             cert_subject(issuer));
        if (cert_has_unknown_critical(c))
                return fault(FAULT_DENIED, token, "\"%s\" has a critical extension that is unknown", cert_subject(c));
        AUTO(fault) struct fault *f = cert_check_signature(c, cert_key(issuer), CERT_SIGNATURE_ECDSA_SHA256);
        return f == NULL ? NULL : fault(FAULT_DENIED, token, "\"%s\": %s", cert_subject(c), fault_text(f));
}
