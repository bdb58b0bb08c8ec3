#include "attester/evidence/nitro.h"

#include "attester/evidence/nsm.h"
#include "lib/crypt/cose.h"
#include "lib/model/evidence_parts.h"
#include "lib/wire/cbor.h"

/* ---- what came is what was asked for ---- */

static struct fault *find_members(struct span payload, struct nsm_attestation *ret)
{
        struct reader r = READER(payload);
        struct cbor_list members;
        struct fault *f = NULL;
        struct span name, ignored;
        TRY(cbor_map(&r, &members));
        while (cbor_more(&r, &members, &f)) {
                TRY(cbor_text(&r, &name));
                struct span *wanted = span_eq_str(name, "user_data") ? &ret->user_data
                                      : span_eq_str(name, "nonce")   ? &ret->nonce
                                                                     : NULL;
                bool is_null = false;
                TRY(cbor_take_null(&r, &is_null));
                if (!is_null)
                        TRY(wanted != NULL ? cbor_bytes(&r, wanted) : cbor_skip(&r, &ignored));
        }
        return f;
}

static struct fault *check_document(struct span document, const struct nsm_attestation *asked)
{
        struct cose_sign1 outer = {0};
        struct nsm_attestation found = {0};
        struct fault *f = cose_sign1_read(document, &outer);
        if (f == NULL)
                f = find_members(outer.payload, &found);
        TRY(fault_rename(fault_prefix(f, "what came is no attestation document"), FAULT_UNAVAILABLE, "tee.blob"));
        if (!span_eq(found.user_data, asked->user_data) || !span_eq(found.nonce, asked->nonce))
                return fault(FAULT_INTERNAL, "tee.report_data", "the document is over something else than was asked");
        return NULL;
}

/* ---- evidence ---- */

static struct fault *pack(struct span document, struct cmw *ret)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(cmw) struct cmw out = cmw_evidence(CMW_NITRO);
        TRY(buf_append(&e.evidence, document));
        TRY(evidence_parts_write(&e, &out.items[0].value));
        *ret = out;
        memset(&out, 0, sizeof out); /* what was given away is not freed */
        return NULL;
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX), document = BUF(NSM_RESPONSE_MAX);
        uint8_t report_data[SHA512_LEN], nonce[SHA256_LEN];
        (void) self;
        TRY(binding_write(binding, &transcript));
        binding_report_data(buf_span(&transcript), report_data);
        binding_extra_data(buf_span(&transcript), nonce);

        const struct nsm_attestation asked = {.user_data = SPAN_OF(report_data), .nonce = SPAN_OF(nonce)};
        TRY(nsm_attest(&asked, cancel, &document));
        TRY(check_document(buf_span(&document), &asked));
        return pack(buf_span(&document), ret_evidence);
}

static void close_source(void *self)
{
        (void) self; /* the device is opened for each document */
}

struct fault *evidence_nitro_probe(const struct evidence_options *o)
{
        (void) o;
        return nsm_probe();
}

struct fault *evidence_nitro_open(const struct evidence_options *o, struct evidence_source *ret)
{
        if (o->has_privilege_level)
                return fault(FAULT_INVALID, "evidence.privilege_level", "%s has no privilege levels", EVIDENCE_NITRO);
        *ret = (struct evidence_source){.kind = EVIDENCE_NITRO,
                                        .collect = collect,
                                        .enrolment = evidence_no_enrolment,
                                        .activate = evidence_no_activation,
                                        .close = close_source};
        return NULL;
}
