#include "attester/evidence/tdx.h"

#include "attester/evidence/qgs_host.h"
#include "attester/evidence/tdx_guest.h"
#include "attester/evidence/tsm_source.h"
#include "lib/base/reader.h"

/* Intel TDX DCAP Quoting Library API, appendix 3 */
#define HEADER_LEN      48
#define DESCRIPTOR_LEN  6 /* version 5: type and size of the body */
#define BODY_LEN        584
#define REPORT_DATA_AT  520 /* in bodies of every version */
#define VERSION_4       4
#define VERSION_5       5
#define TEE_TYPE_TDX    0x81
#define ATT_KEY_AND_TEE 2 /* bytes of attestation key type, before the TEE's type */

static struct fault *find_report_data(struct span quote, struct span *ret)
{
        struct reader r = READER(quote);
        uint16_t version = 0;
        uint32_t tee_type = 0;
        TRY(reader_u16le(&r, &version));
        TRY(reader_skip(&r, ATT_KEY_AND_TEE));
        TRY(reader_u32le(&r, &tee_type));
        if ((version != VERSION_4 && version != VERSION_5) || tee_type != TEE_TYPE_TDX)
                return fault(FAULT_INVALID, "tee.blob", "a quote of version %u for TEE %#x", version, tee_type);
        r.at = HEADER_LEN;
        TRY(reader_skip(&r, version == VERSION_5 ? DESCRIPTOR_LEN : 0));
        TRY(reader_skip(&r, REPORT_DATA_AT));
        return reader_span(&r, TSM_REPORT_DATA_LEN, ret);
}

static const struct tsm_kind kind = {.kind = EVIDENCE_TDX,
                                     .cmw_type = CMW_TDX,
                                     .provider = "tdx_guest",
                                     .blob_min = HEADER_LEN + BODY_LEN,
                                     .find_report_data = find_report_data,
                                     .log_part = "ccel",
                                     .probe_fall_back = tdx_guest_probe,
                                     .fall_back = tdx_guest_take};

static struct fault *with_port(const struct evidence_options *o, struct evidence_options *ret)
{
        *ret = *o;
        return qgs_port_find(o->qgs_port, QGS_CONF, &ret->qgs_port);
}

struct fault *evidence_tdx_probe(const struct evidence_options *o)
{
        struct evidence_options resolved;
        TRY(with_port(o, &resolved));
        return evidence_tsm_probe(&kind, &resolved);
}

struct fault *evidence_tdx_open(const struct evidence_options *o, struct evidence_source *ret)
{
        struct evidence_options resolved;
        TRY(with_port(o, &resolved));
        return evidence_tsm_open(&kind, &resolved, ret);
}

bool evidence_tdx_needs_vsock(const struct evidence_options *o)
{
        struct evidence_options resolved;
        bool may_be_tdx =
                o->kind != NULL && (strcmp(o->kind, EVIDENCE_TDX) == 0 || strcmp(o->kind, EVIDENCE_AUTO) == 0);
        if (!may_be_tdx || o->reader_socket != NULL)
                return false;
        AUTO(fault) struct fault *f = with_port(o, &resolved); /* evidence_tdx_open says what is wrong with it */
        return f == NULL && resolved.qgs_port != 0;
}
