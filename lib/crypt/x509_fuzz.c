/* A certificate that is taken keeps its bytes, answers every question, and doesn't verify against no roots. */
#include "lib/crypt/x509.h"

#include "tests/fakes/fuzz.h"

static void ask(struct cert *c)
{
        struct cert_list none = {0}, itself = {1, {c}};
        struct span value = SPAN_NONE;
        AUTO(buf) struct buf pem = BUF(CERT_MAX * 2);

        must(strlen(cert_subject(c)) < SIZE_MAX && strlen(cert_issuer(c)) < SIZE_MAX);
        must(cert_serial(c).len >= 1 && cert_serial(c).len <= CERT_SERIAL_MAX);
        for (size_t i = 0; i < cert_uri_count(c); i++)
                must(span_is_utf8(span_str(cert_uri(c, i))));
        for (size_t i = 0; i < cert_dns_count(c); i++)
                must(span_is_utf8(span_str(cert_dns(c, i))));
        must(cert_subject_der(c).len >= 2 && cert_issuer_der(c).len >= 2);
        (void) (cert_has_eku(c, "2.23.133.8.1") + cert_key_usage(c) + cert_is_ca(c)); /* asked for their own sake */
        AUTO(fault) struct fault *extension = cert_extension(c, "2.5.29.17", &value);
        must(extension != NULL || value.len <= cert_der(c).len);
        AUTO(fault) struct fault *writing = cert_to_pem(c, &pem);
        must(writing == NULL);
        AUTO(cert_list) struct cert_list back = {0};
        AUTO(fault) struct fault *reading = cert_list_from_pem(buf_span(&pem), &back);
        must(reading == NULL && back.count == 1 && span_eq(cert_der(back.certs[0]), cert_der(c)));
        AUTO(fault) struct fault *rootless = cert_verify(c, &itself, &none, CERT_PURPOSE_ANY, cert_not_before(c));
        must(rootless != NULL);
        AUTO(fault) struct fault *own_root = cert_verify(c, NULL, &itself, CERT_PURPOSE_EK, cert_not_before(c));
        must(own_root == NULL || fault_code(own_root) == FAULT_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span input = span_make(data, size), der = SPAN_NONE;
        AUTO(cert) struct cert *c = NULL;
        AUTO(cert_list) struct cert_list list = {0};

        AUTO(fault) struct fault *reading = cert_from_der(input, &c);
        AUTO(fault) struct fault *trimming = cert_trim(input, &der);
        AUTO(fault) struct fault *reading_pem = cert_list_from_pem(input, &list);
        must(trimming != NULL || der.len <= size);
        must(reading_pem != NULL || list.count > 0);
        if (reading != NULL)
                return 0;
        must(trimming == NULL && span_eq(cert_der(c), input) && span_eq(der, input));
        ask(c);
        return 0;
}
