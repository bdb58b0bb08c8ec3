#include "attester/evidence/nsm.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "attester/evidence/retry.h"
#include "attester/evidence/tsm_instance.h"
#include "attester/evidence/uapi.h"
#include "lib/wire/cbor.h"

#define RETRY_PAUSE_MS 50

/* ---- messages ---- */

static struct fault *write_member(const char *name, struct span bytes, struct buf *out)
{
        TRY(cbor_write_text(out, name));
        return bytes.len == 0 ? cbor_write_head(out, CBOR_SIMPLE, CBOR_NULL) : cbor_write_bytes(out, bytes);
}

struct fault *nsm_request_write(const struct nsm_attestation *a, struct buf *out)
{
        TRY(cbor_write_head(out, CBOR_MAP, 1));
        TRY(cbor_write_text(out, "Attestation"));
        TRY(cbor_write_head(out, CBOR_MAP, 3));
        TRY(write_member("user_data", a->user_data, out));
        TRY(write_member("nonce", a->nonce, out));
        return write_member("public_key", a->public_key, out);
}

/* nsm-api's ErrorCode. */
static struct fault *refused(struct span word)
{
        static const struct {
                const char *word;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"InvalidArgument", FAULT_INTERNAL, "tee.refused"}, {"InvalidIndex", FAULT_INTERNAL, "tee.refused"},
                {"ReadOnlyIndex", FAULT_INTERNAL, "tee.refused"},   {"InvalidOperation", FAULT_INTERNAL, "tee.refused"},
                {"InputTooLarge", FAULT_INTERNAL, "tee.refused"},   {"InvalidResponse", FAULT_UNAVAILABLE, "tee.busy"},
                {"BufferTooSmall", FAULT_UNAVAILABLE, "tee.blob"},  {"InternalError", FAULT_UNAVAILABLE, "tee.host"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (span_eq_str(word, rows[i].word))
                        return fault(rows[i].code, rows[i].token, "the security module says %s", rows[i].word);
        return fault(FAULT_INTERNAL, "tee.fault", "the security module refuses in a word of %zu bytes that is new",
                     word.len);
}

static struct fault *no_response(const char *what)
{
        return fault(FAULT_UNAVAILABLE, "tee.blob", "what came is no response of a security module: %s", what);
}

static struct fault *read_attestation(struct reader *r, struct span *ret_document)
{
        struct cbor_list members;
        struct fault *f = NULL;
        struct span name, document = SPAN_NONE, ignored;
        TRY(cbor_map(r, &members));
        while (cbor_more(r, &members, &f)) {
                TRY(cbor_text(r, &name));
                bool is_document = span_eq_str(name, "document");
                if (is_document && document.len > 0)
                        return no_response("two documents");
                TRY(is_document ? cbor_bytes(r, &document) : cbor_skip(r, &ignored));
        }
        TRY(f);
        if (document.len == 0)
                return no_response("no document");
        *ret_document = document;
        return NULL;
}

/* {"Attestation": {"document": bytes}} or {"Error": word} */
static struct fault *read_response(struct reader *r, struct span *ret_document)
{
        struct cbor_list outer;
        struct fault *f = NULL;
        struct span kind, word = SPAN_NONE;
        TRY(cbor_map(r, &outer));
        if (!cbor_more(r, &outer, &f)) {
                fault_free(f);
                return no_response("an empty one");
        }
        TRY(cbor_text(r, &kind));
        bool is_error = span_eq_str(kind, "Error");
        if (!is_error && !span_eq_str(kind, "Attestation"))
                return no_response("an answer to something else");
        TRY(is_error ? cbor_text(r, &word) : read_attestation(r, ret_document));
        if (cbor_more(r, &outer, &f))
                return no_response("more than one");
        TRY(f);
        TRY(reader_end(r));
        return is_error ? refused(word) : NULL;
}

struct fault *nsm_response_read(struct span response, struct span *ret_document)
{
        struct reader r = READER(response);
        struct span document = SPAN_NONE;
        AUTO(fault) struct fault *f = read_response(&r, &document);
        if (f != NULL && strncmp(fault_token(f), "tee.", 4) != 0)
                return no_response(fault_text(f));
        if (f == NULL)
                *ret_document = document;
        return TAKE(f);
}

/* ---- the device ---- */

static struct fault *open_device(int *ret)
{
        return fault_prefix(tsm_device_open(NSM_DEVICE, ret), "the security module of a Nitro Enclave");
}

struct fault *nsm_probe(void)
{
        AUTO_CLOSE int fd = -1;
        return open_device(&fd);
}

struct call {
        struct buf request, response;
        struct buf *document;
};

static struct fault *exchange(int device, struct call *c)
{
        uint8_t *room;
        buf_truncate(&c->response, 0);
        TRY(buf_grow(&c->response, NSM_RESPONSE_MAX, &room));
        memset(room, 0, NSM_RESPONSE_MAX);
        struct nsm_raw raw = {.request = {(__u64) (uintptr_t) c->request.data, c->request.len},
                              .response = {(__u64) (uintptr_t) room, NSM_RESPONSE_MAX}};
        if (ioctl(device, NSM_IOCTL_RAW, &raw) < 0)
                return tsm_fault(errno, NSM_DEVICE);
        if (raw.response.len > NSM_RESPONSE_MAX)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "a response of %llu bytes, there was room for %d",
                             (unsigned long long) raw.response.len, NSM_RESPONSE_MAX);
        buf_truncate(&c->response, (size_t) raw.response.len);
        return NULL;
}

static struct fault *try_once(void *arg, struct cancel *cancel)
{
        struct call *c = arg;
        AUTO_CLOSE int device = -1;
        struct span document;
        (void) cancel; /* evidence_retry looks at it: there is nothing between the steps here */
        TRY(open_device(&device));
        TRY(exchange(device, c));
        TRY(nsm_response_read(buf_span(&c->response), &document));
        buf_truncate(c->document, 0);
        return buf_append(c->document, document);
}

struct fault *nsm_attest(const struct nsm_attestation *a, struct cancel *cancel, struct buf *ret_document)
{
        struct call c = {BUF(NSM_REQUEST_MAX), BUF(NSM_RESPONSE_MAX), ret_document};
        struct fault *f = nsm_request_write(a, &c.request);
        if (f == NULL)
                f = evidence_retry(try_once, &c, NULL, RETRY_PAUSE_MS, cancel);
        buf_clear(&c.request);
        buf_clear(&c.response);
        return f;
}
