/* nsm_module: an enclave's security module, with a PKI of the tests behind it: each connection to a Unix socket is one request, and ends with an errno
 * (4 bytes) and the response (nsm.c hands both on).
 *
 *     nsm_module SOCKET ANCHOR CONTROL        writes the PKI's root to the file ANCHOR, then listens
 *
 * CONTROL as tests/emulators/tsm/control.h has it. Keys: errno=NAME[*n]; error=WORD[*n] (the module's own refusal); debug=1 (PCRs 0 to 2 are zero);
 * image=HEX (two digits: what PCR 0 is full of); indefinite=1; other=1 (over something else); response=empty|text|long|twice. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/wire/cbor.h"
#include "tests/emulators/tsm/control.h"
#include "tests/fakes/nitro_pki.h"

#define REQUEST_MAX  0x1000
#define RESPONSE_MAX 0x3000

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        abort();
}

static void done(struct fault *f)
{
        if (f != NULL)
                (void) fprintf(stderr, "nsm_module: %s\n", fault_text(f));
        must(f == NULL, "nsm_module");
}

/* ---- what is asked ---- */

struct wanted {
        struct span user_data, nonce, public_key;
};

static struct fault *read_field(struct reader *r, struct span *ret)
{
        bool is_null = false;
        TRY(cbor_take_null(r, &is_null));
        return is_null ? NULL : cbor_bytes(r, ret);
}

/* {"Attestation": {"user_data", "nonce", "public_key"}}, each bytes or null. */
static struct fault *read_request(struct span bytes, struct wanted *ret)
{
        struct reader r = READER(bytes);
        struct cbor_list outer, members;
        struct fault *f = NULL;
        struct span name;
        TRY(cbor_map(&r, &outer));
        if (!cbor_more(&r, &outer, &f))
                return fault(FAULT_INVALID, "REQUEST", "an empty one");
        TRY(cbor_text(&r, &name));
        if (!span_eq_str(name, "Attestation"))
                return fault(FAULT_INVALID, "REQUEST", "not Attestation");
        TRY(cbor_map(&r, &members));
        while (cbor_more(&r, &members, &f)) {
                TRY(cbor_text(&r, &name));
                struct span *field = span_eq_str(name, "user_data")    ? &ret->user_data
                                     : span_eq_str(name, "nonce")      ? &ret->nonce
                                     : span_eq_str(name, "public_key") ? &ret->public_key
                                                                       : NULL;
                if (field == NULL)
                        return fault(FAULT_INVALID, "REQUEST", "an unknown field");
                TRY(read_field(&r, field));
        }
        TRY(f);
        return reader_end(&r);
}

/* ---- what is answered ---- */

static void write_error(const char *word, struct buf *out)
{
        done(cbor_write_head(out, CBOR_MAP, 1));
        done(cbor_write_text(out, "Error"));
        done(cbor_write_text(out, word));
}

static unsigned digit(char c)
{
        return c >= '0' && c <= '9' ? (unsigned) (c - '0') : (unsigned) (c - 'a' + 10);
}

static void write_document(const struct nitro_pki *pki, const struct wanted *w, struct buf *out)
{
        static uint8_t image[NITRO_PCR_LEN], zero[NITRO_PCR_LEN];
        AUTO(buf) struct buf document = BUF(RESPONSE_MAX);
        struct nitro_pki_document from = nitro_pki_document(wall_from_unix_s(time(NULL)));
        from.d.user_data = w->user_data;
        from.d.nonce = control_is("other", "1") ? SPAN("something else") : w->nonce;
        from.d.public_key = w->public_key;
        from.is_indefinite = control_is("indefinite", "1");
        const char *hex = control_take("image");
        if (hex != NULL) {
                memset(image, (int) (digit(hex[0]) << 4 | digit(hex[1])), sizeof image);
                from.d.pcrs[0] = SPAN_OF(image);
        }
        for (size_t i = 0; i < 3 && control_is("debug", "1"); i++)
                from.d.pcrs[i] = SPAN_OF(zero);
        nitro_pki_sign(pki, &from, &document);

        bool is_twice = control_is("response", "twice");
        done(cbor_write_head(out, CBOR_MAP, 1));
        done(cbor_write_text(out, "Attestation"));
        done(cbor_write_head(out, CBOR_MAP, is_twice ? 2 : 1));
        for (int i = 0; i < 1 + is_twice; i++) {
                done(cbor_write_text(out, "document"));
                done(cbor_write_bytes(out, is_twice ? SPAN("x") : buf_span(&document)));
        }
        if (control_is("response", "long"))
                done(buf_append_byte(out, 0));
}

static void respond(const struct nitro_pki *pki, struct span request, struct buf *out)
{
        struct wanted w = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
        const char *word = control_take("error");
        AUTO(fault) struct fault *f = read_request(request, &w);
        if (word != NULL || f != NULL)
                write_error(word != NULL ? word : "InvalidArgument", out);
        else if (control_is("response", "text"))
                done(cbor_write_text(out, "DescribeNSM"));
        else if (!control_is("response", "empty"))
                write_document(pki, &w, out);
}

/* ---- life ---- */

static void serve(const struct nitro_pki *pki, int fd)
{
        uint8_t request[REQUEST_MAX];
        size_t len = 0;
        ssize_t n;
        AUTO(buf) struct buf answer = BUF(RESPONSE_MAX + sizeof(int));
        while (len < sizeof request && (n = read(fd, request + len, sizeof request - len)) > 0)
                len += (size_t) n;
        const int error = control_error("errno");
        done(buf_append(&answer, SPAN_OF(error)));
        if (error == 0)
                respond(pki, span_make(request, len), &answer);
        (void) send(fd, answer.data, answer.len, MSG_NOSIGNAL); /* who went away wants nothing */
}

static void write_anchor(const struct nitro_pki *pki, const char *path)
{
        const unsigned char *at = pki->certs[0].data;
        X509 *root = d2i_X509(NULL, &at, (long) pki->certs[0].len);
        FILE *out = fopen(path, "we");
        must(root != NULL && out != NULL && PEM_write_X509(out, root) == 1 && fclose(out) == 0, path);
        X509_free(root);
}

int main(int argc, char **argv)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        if (argc != 4 || strlen(argv[1]) >= sizeof at.sun_path) {
                (void) fprintf(stderr, "usage: %s SOCKET ANCHOR CONTROL\n", argv[0]);
                return 2;
        }
        struct nitro_pki *pki = nitro_pki_new(wall_from_unix_s(time(NULL)), NITRO_PKI_SOUND);
        control_use(argv[3]);
        write_anchor(pki, argv[2]);
        memcpy(at.sun_path, argv[1], strlen(argv[1]));
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(listener >= 0 && bind(listener, (const struct sockaddr *) &at, sizeof at) == 0 &&
                     listen(listener, 64) == 0,
             argv[1]);
        for (;;) {
                AUTO_CLOSE int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                must(fd >= 0, "accept");
                serve(pki, fd);
        }
}
