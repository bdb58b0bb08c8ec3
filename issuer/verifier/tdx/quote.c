#include "issuer/verifier/tdx/quote.h"

#include "lib/base/reader.h"

#define VENDOR_LEN    16
#define USER_DATA_LEN 20

static struct fault *read_header(struct reader *r, struct tdx_quote *q)
{
        TRY(reader_u16le(r, &q->version));
        if (q->version == 3)
                return fault(FAULT_DENIED, "tdx.version", "quote of version 3 is SGX's");
        if (q->version != 4 && q->version != 5)
                return fault(FAULT_DENIED, "tdx.version", "quote of version %u", q->version);
        TRY(reader_u16le(r, &q->att_key_type));
        if (q->att_key_type != TDX_ATT_KEY_P256)
                return fault(FAULT_DENIED, "tdx.att_key_type", "attestation key of type %u, wanted ECDSA P-256 (2)",
                             q->att_key_type);
        TRY(reader_u32le(r, &q->tee_type));
        if (q->tee_type != TDX_TEE_TYPE)
                return fault(FAULT_DENIED, "tdx.tee_type", "%s",
                             q->tee_type == 0 ? "an SGX enclave's quote" : "not a TD's");
        TRY(reader_skip(r, 4)); /* reserved; QE SVN and PCE SVN in older versions: signed, and said again elsewhere */
        TRY(reader_span(r, VENDOR_LEN, &q->qe_vendor));
        return reader_span(r, USER_DATA_LEN, &q->user_data);
}

/* Version 5's descriptor; version 4 has one sort of body. */
static struct fault *read_body_type(struct reader *r, struct tdx_quote *q, size_t *ret_len)
{
        uint32_t len = TDX_BODY_10_LEN;
        q->body_type = TDX_BODY_10;
        if (q->version == 5) {
                TRY(reader_u16le(r, &q->body_type));
                TRY(reader_u32le(r, &len));
        }
        if (q->body_type == 1)
                return fault(FAULT_DENIED, "tdx.body_type", "body of an SGX enclave");
        if (q->body_type != TDX_BODY_10 && q->body_type != TDX_BODY_15)
                return fault(FAULT_DENIED, "tdx.body_type", "body of type %u", q->body_type);
        size_t wanted = q->body_type == TDX_BODY_10 ? TDX_BODY_10_LEN : TDX_BODY_15_LEN;
        if (len != wanted)
                return fault(FAULT_INVALID, "tdx.structure", "body of type %u with %u bytes, wanted %zu", q->body_type,
                             len, wanted);
        *ret_len = len;
        return NULL;
}

static struct fault *read_body(struct reader *r, bool is_15, struct tdx_body *b)
{
        TRY(reader_span(r, TDX_SVN_LEN, &b->tee_tcb_svn));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mr_seam));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mrsigner_seam));
        TRY(reader_u64le(r, &b->seam_attributes));
        TRY(reader_u64le(r, &b->attributes));
        TRY(reader_u64le(r, &b->xfam));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mrtd));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mrconfigid));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mrowner));
        TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->mrownerconfig));
        for (size_t i = 0; i < TDX_RTMR_COUNT; i++)
                TRY(reader_span(r, TDX_MEASUREMENT_LEN, &b->rtmr[i]));
        TRY(reader_span(r, TDX_REPORT_DATA_LEN, &b->report_data));
        if (!is_15)
                return NULL;
        TRY(reader_span(r, TDX_SVN_LEN, &b->tee_tcb_svn2));
        return reader_span(r, TDX_MEASUREMENT_LEN, &b->mr_servicetd);
}

static struct fault *read_qe_report(struct span bytes, struct tdx_qe_report *q)
{
        struct reader r = READER(bytes);

        TRY(reader_span(&r, 16, &q->cpusvn));
        TRY(reader_span(&r, 4, &q->miscselect));
        TRY(reader_skip(&r, 28));
        TRY(reader_span(&r, 16, &q->attributes));
        TRY(reader_span(&r, 32, &q->mrenclave));
        TRY(reader_skip(&r, 32));
        TRY(reader_span(&r, 32, &q->mrsigner));
        TRY(reader_skip(&r, 96));
        TRY(reader_u16le(&r, &q->isv_prod_id));
        TRY(reader_u16le(&r, &q->isv_svn));
        TRY(reader_skip(&r, 60));
        TRY(reader_span(&r, TDX_REPORT_DATA_LEN, &q->report_data));
        return reader_end(&r);
}

static struct fault *refuse_cert_type(const char *where, uint16_t type)
{
        static const char *const names[] = {
                [1] = "PPID in clear",
                [2] = "PPID encrypted with RSA-2048",
                [3] = "PPID encrypted with RSA-3072",
                [4] = "PCK certificate alone",
                [5] = "PCK certificate chain",
                [6] = "report of a quoting enclave",
                [7] = "platform manifest",
        };
        return fault(FAULT_DENIED, "tdx.cert_type", "%s certification data of type %u (%s)", where, type,
                     type > 0 && type < COUNT_OF(names) ? names[type] : "unknown");
}

/* Type, size, and exactly so many bytes up to the end. */
static struct fault *read_certification(struct reader *r, const char *where, uint16_t wanted, struct span *ret)
{
        uint16_t type;
        uint32_t len;

        TRY(reader_u16le(r, &type));
        if (type != wanted)
                return refuse_cert_type(where, type);
        TRY(reader_u32le(r, &len));
        TRY(reader_span(r, len, ret));
        return reader_end(r);
}

static struct fault *read_signature_data(struct span bytes, struct tdx_quote *q)
{
        struct reader r = READER(bytes);
        struct span data;
        uint16_t auth_len;

        TRY(reader_span(&r, TDX_SIGNATURE_LEN, &q->signature));
        q->platform_bytes = reader_rest(&r);
        TRY(reader_span(&r, TDX_KEY_LEN, &q->att_key));
        TRY(read_certification(&r, "outer", TDX_CERT_QE_REPORT, &data));

        struct reader inner = READER(data);
        TRY(reader_span(&inner, TDX_QE_REPORT_LEN, &q->qe_report_bytes));
        TRY(read_qe_report(q->qe_report_bytes, &q->qe_report));
        TRY(reader_span(&inner, TDX_SIGNATURE_LEN, &q->qe_signature));
        TRY(reader_u16le(&inner, &auth_len));
        TRY(reader_span(&inner, auth_len, &q->qe_auth));
        return read_certification(&inner, "inner", TDX_CERT_PCK_PEM, &q->pck_chain);
}

static struct fault *read_quote(struct span bytes, struct tdx_quote *q)
{
        struct reader r = READER(bytes);
        struct span body, signature_data;
        size_t body_len;
        uint32_t len;

        TRY(read_header(&r, q));
        TRY(read_body_type(&r, q, &body_len));
        TRY(reader_span(&r, body_len, &body));
        q->signed_bytes = span_slice(bytes, 0, r.at);
        struct reader body_reader = READER(body);
        TRY(read_body(&body_reader, q->body_type == TDX_BODY_15, &q->body));
        TRY(reader_end(&body_reader));
        TRY(reader_u32le(&r, &len));
        TRY(reader_span(&r, len, &signature_data));
        return read_signature_data(signature_data, q);
}

struct fault *tdx_quote_read(struct span bytes, struct tdx_quote *ret)
{
        struct tdx_quote q = {0};

        if (bytes.len > TDX_QUOTE_MAX)
                return fault(FAULT_INVALID, "tdx.structure", "quote of %zu bytes", bytes.len);
        struct fault *f = read_quote(bytes, &q);
        if (fault_code(f) == FAULT_INVALID) /* the reader's own words */
                return fault_rename(f, FAULT_INVALID, "tdx.structure");
        TRY(f);
        *ret = q;
        return NULL;
}
