/* Certificates of a file, PEM or DER: told apart by the first byte. */
#include "lib/crypt/der.h"
#include "lib/crypt/x509.h"

static struct fault *read_der(struct span bytes, struct cert_list *list)
{
        while (bytes.len > 0) {
                struct span der;
                if (list->count == COUNT_OF(list->certs))
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "more than %zu certificates", list->count);
                TRY(cert_trim(bytes, &der));
                TRY(cert_from_der(der, &list->certs[list->count]));
                list->count++;
                bytes = span_slice(bytes, der.len, bytes.len - der.len);
        }
        return NULL;
}

struct fault *cert_list_read(struct span bytes, struct cert_list *ret)
{
        AUTO(cert_list) struct cert_list list = {0};

        if (bytes.len == 0 || bytes.data[0] != DER_SEQUENCE)
                return cert_list_from_pem(bytes, ret);
        TRY(read_der(bytes, &list));
        *ret = list;
        list.count = 0; /* the caller's now */
        return NULL;
}
