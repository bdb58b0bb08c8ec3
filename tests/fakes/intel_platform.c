/* A platform that is up to date, and its quotes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/crypt/hash.h"
#include "tests/fakes/intel_parts.h"

#define DAY_S  (24LL * 3600)
#define YEAR_S (365 * DAY_S)

#define ROOT      "Intel SGX Root CA"
#define PLATFORM  "Intel SGX PCK Platform CA"
#define PROCESSOR "Intel SGX PCK Processor CA"
#define PCK       "Intel SGX PCK Certificate"
#define SIGNER    "Intel SGX TCB Signing"
#define CA_USAGE  "critical,keyCertSign,cRLSign"
#define EE_USAGE  "critical,digitalSignature,nonRepudiation"

/* ---- what Intel publishes ---- */

static void time_text(int64_t unix_s, char ret[32])
{
        time_t t = (time_t) unix_s;
        struct tm tm;
        intel_must(gmtime_r(&t, &tm) != NULL, "time");
        (void) strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm); /* fits */
}

static char *components(const uint8_t v[16])
{
        char *list = alloc_string("");
        for (size_t i = 0; i < 16; i++) {
                char *longer = alloc_printf("%s%s{\"svn\":%u}", list, i == 0 ? "" : ",", v[i]);
                free(list);
                list = longer;
        }
        return list;
}

static char *level(const uint8_t sgx[16], unsigned pcesvn, const uint8_t tdx[16], const char *date, const char *status,
                   const char *advisories)
{
        AUTO_STRING char *a = components(sgx);
        AUTO_STRING char *b = components(tdx);
        return alloc_printf("{\"tcb\":{\"sgxtcbcomponents\":[%s],\"pcesvn\":%u,\"tdxtcbcomponents\":[%s]},"
                            "\"tcbDate\":\"%s\",\"tcbStatus\":\"%s\"%s}",
                            a, pcesvn, b, date, status, advisories);
}

#define ZERO_48 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define MODULE                                                                                                         \
        "\"mrsigner\":\"" ZERO_48 "\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\""

/* Three levels: the platform's own, one that is out of date, one from long ago. Modules 1 and 3, as Intel has them. */
char *intel_default_tcb_info(const struct intel_platform *p, int64_t now_unix_s)
{
        static const uint8_t old_sgx[16] = {3, 3, 2, 2, 3, 1, 0, 5}, oldest_sgx[16] = {2, 2, 2, 2, 3, 1, 0, 3};
        static const uint8_t new_tdx[16] = {5, 0, 3}, old_tdx[16] = {4, 0, 2}, oldest_tdx[16] = {3, 0, 1};
        char from[32], until[32];
        time_text(now_unix_s - DAY_S, from);
        time_text(now_unix_s + 29 * DAY_S, until);
        AUTO_STRING char *newest =
                level(p->pck.components, p->pck.pcesvn, new_tdx, "2024-11-13T00:00:00Z", "UpToDate", "");
        AUTO_STRING char *old = level(old_sgx, 11, old_tdx, "2024-03-13T00:00:00Z", "OutOfDate",
                                      ",\"advisoryIDs\":[\"INTEL-SA-01036\",\"INTEL-SA-00106\"]");
        AUTO_STRING char *oldest = level(oldest_sgx, 5, oldest_tdx, "2018-01-04T00:00:00Z", "Revoked",
                                         ",\"advisoryIDs\":[\"INTEL-SA-00106\"]");
        return alloc_printf(
                "{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"90C06F000000\","
                "\"pceId\":\"0000\",\"tcbType\":0,\"tcbEvaluationDataNumber\":18,\"tdxModule\":{" MODULE "},"
                "\"tdxModuleIdentities\":[{\"id\":\"TDX_03\"," MODULE ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":3},"
                "\"tcbDate\":\"2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]},"
                "{\"id\":\"TDX_01\"," MODULE ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":6},"
                "\"tcbDate\":\"2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":4},"
                "\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\",\"advisoryIDs\":[\"INTEL-SA-01099\"]}"
                ","
                "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-08-09T00:00:00Z\",\"tcbStatus\":\"Revoked\"}]}],"
                "\"tcbLevels\":[%s,%s,%s]}",
                from, until, newest, old, oldest);
}

char *intel_default_qe_identity(int64_t now_unix_s)
{
        char from[32], until[32];
        time_text(now_unix_s - DAY_S, from);
        time_text(now_unix_s + 29 * DAY_S, until);
        return alloc_printf(
                "{\"id\":\"TD_QE\",\"version\":2,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
                "\"tcbEvaluationDataNumber\":18,\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
                "\"attributes\":\"11000000000000000000000000000000\","
                "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","
                "\"mrsigner\":\"DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5\","
                "\"isvprodid\":2,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2024-11-13T00:00:00Z\","
                "\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":3},\"tcbDate\":\"2024-03-13T00:00:00Z\","
                "\"tcbStatus\":\"OutOfDate\",\"advisoryIDs\":[\"INTEL-SA-00203\"]},"
                "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"Revoked\"}]}",
                from, until);
}

void intel_edit(char **text, const char *from, const char *to)
{
        const char *at = strstr(*text, from);
        intel_must(at != NULL, from);
        char *edited = alloc_printf("%.*s%s%s", (int) (at - *text), *text, to, at + strlen(from));
        free(*text);
        *text = edited;
}

/* ---- defaults ---- */

static void init_certs(struct intel_platform *p, int64_t now)
{
        const struct intel_cert certs[INTEL_ROLE_COUNT] = {
                [INTEL_ROOT] = {ROOT, ROOT, INTEL_KEY_ROOT, INTEL_KEY_ROOT, 1, now - 3 * YEAR_S, now + 20 * YEAR_S,
                                true, false, CA_USAGE, NULL},
                [INTEL_CA] = {PLATFORM, ROOT, INTEL_KEY_CA, INTEL_KEY_ROOT, 0x950f, now - 3 * YEAR_S, now + 10 * YEAR_S,
                              true, false, CA_USAGE, NULL},
                [INTEL_PCK] = {PCK, PLATFORM, INTEL_KEY_PCK, INTEL_KEY_CA, 0xf1e2d3c4b5a69788, now - YEAR_S,
                               now + 5 * YEAR_S, false, false, EE_USAGE, NULL},
                [INTEL_SIGNER] = {SIGNER, ROOT, INTEL_KEY_SIGNER, INTEL_KEY_ROOT, 0x7e38, now - YEAR_S,
                                  now + 6 * YEAR_S, false, false, EE_USAGE, NULL},
                [INTEL_CRL_CA] = {PLATFORM, ROOT, INTEL_KEY_CA, INTEL_KEY_ROOT, 0x950f, now - 3 * YEAR_S,
                                  now + 10 * YEAR_S, true, false, CA_USAGE, NULL},
        };
        memcpy(p->certs, certs, sizeof(certs));
        p->root_crl = (struct intel_crl){ROOT, INTEL_KEY_ROOT, now - 30 * DAY_S, now + 330 * DAY_S, 0};
        p->pck_crl = (struct intel_crl){PLATFORM, INTEL_KEY_CA, now - DAY_S, now + 29 * DAY_S, 0};
}

static void init_pck(struct intel_pck *p)
{
        static const uint8_t components[16] = {3, 3, 2, 2, 4, 1, 0, 5};
        static const uint8_t fmspc[6] = {0x90, 0xc0, 0x6f};

        *p = (struct intel_pck){.pcesvn = 13, .sgx_type = 1, .has_platform_fields = true};
        memset(p->ppid, 0x5a, sizeof(p->ppid));
        memset(p->instance_id, 0x6b, sizeof(p->instance_id));
        memcpy(p->components, components, sizeof(components));
        memcpy(p->cpusvn, components, sizeof(components));
        memcpy(p->fmspc, fmspc, sizeof(fmspc));
}

static void init_body(struct intel_platform *p, unsigned version)
{
        static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                           0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
        static const uint8_t svn[3] = {6, 1, 3}, svn2[3] = {6, 1, 3}, xfam[3] = {0xe7, 0x02, 0x06};

        p->header[0] = (uint8_t) version;
        p->header[2] = 2;
        p->header[4] = 0x81;
        memcpy(p->header + 12, vendor, sizeof(vendor));
        memset(p->header + 28, 0x1d, 16);
        p->body_type = version == 5 ? 3 : 2;
        p->body_len = version == 5 ? INTEL_BODY_15_LEN : INTEL_BODY_10_LEN;
        p->body_size = (uint32_t) p->body_len;
        memcpy(p->body + INTEL_BODY_TEE_TCB_SVN, svn, sizeof(svn));
        memset(p->body + INTEL_BODY_MR_SEAM, 0x5e, 48);
        p->body[INTEL_BODY_ATTRIBUTES + 3] = 0x10; /* SEPT_VE_DISABLE */
        memcpy(p->body + INTEL_BODY_XFAM, xfam, sizeof(xfam));
        memset(p->body + INTEL_BODY_MRTD, 0xd7, 48);
        for (size_t i = 0; i < 4; i++)
                memset(p->body + INTEL_BODY_RTMR + 48 * i, (int) (0xa0 + i), 48);
        memset(p->body + INTEL_BODY_REPORT_DATA, 0x77, 64);
        memcpy(p->body + INTEL_BODY_TEE_TCB_SVN2, svn2, sizeof(svn2));
}

static void init_qe(struct intel_platform *p)
{
        static const uint8_t mrsigner[32] = {0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34,
                                             0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba,
                                             0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};
        memcpy(p->qe_report, p->pck.cpusvn, 16);
        p->qe_report[48] = 0x15;
        p->qe_report[56] = 0xe7;
        memset(p->qe_report + 64, 0xe5, 32);
        memcpy(p->qe_report + 128, mrsigner, sizeof(mrsigner));
        p->qe_report[256] = 2;
        p->qe_report[258] = 7;
        for (size_t i = 0; i < sizeof(p->qe_auth); i++)
                p->qe_auth[i] = (uint8_t) i;
}

void intel_platform_init(struct intel_platform *p, unsigned version, int64_t now_unix_s)
{
        *p = (struct intel_platform){
                .tcb_info_key = INTEL_KEY_SIGNER,
                .qe_identity_key = INTEL_KEY_SIGNER,
                .qe_report_key = INTEL_KEY_PCK,
                .quote_key = INTEL_KEY_ATTESTATION,
                .outer_type = 6,
                .inner_type = 5,
                .chain_ends_in_nul = true,
        };
        init_certs(p, now_unix_s);
        init_pck(&p->pck);
        init_body(p, version);
        init_qe(p);
        p->tcb_info = intel_default_tcb_info(p, now_unix_s);
        p->qe_identity = intel_default_qe_identity(now_unix_s);
}

void intel_platform_clear(struct intel_platform *p)
{
        free(p->tcb_info);
        free(p->qe_identity);
        *p = (struct intel_platform){0};
}

void intel_platform_use_processor_ca(struct intel_platform *p)
{
        p->certs[INTEL_CA].name = PROCESSOR;
        p->certs[INTEL_CRL_CA].name = PROCESSOR;
        p->certs[INTEL_PCK].issuer = PROCESSOR;
        p->pck_crl.issuer = PROCESSOR;
        p->pck.has_platform_fields = false;
}

/* ---- quotes ---- */

static void certification(struct buf *b, unsigned type, int size_off, struct span data)
{
        intel_u16(b, type);
        intel_u32(b, (uint32_t) ((int64_t) data.len + size_off));
        intel_append(b, data);
}

static void qe_data(const struct intel_pki *pki, const struct intel_platform *p, struct span chain, struct buf *out)
{
        uint8_t report[384], signature[64], vouched[64 + 32];
        memcpy(report, p->qe_report, sizeof(report));
        if (!p->qe_report_data_is_given) {
                memset(report + 320, 0, 64);
                intel_point(pki->keys[INTEL_KEY_ATTESTATION], vouched);
                memcpy(vouched + 64, p->qe_auth, sizeof(p->qe_auth));
                sha256(SPAN_OF(vouched), report + 320);
        }
        intel_sign(pki->keys[p->qe_report_key], SPAN_OF(report), signature);

        intel_append(out, SPAN_OF(report));
        intel_append(out, SPAN_OF(signature));
        intel_u16(out, (unsigned) ((int) sizeof(p->qe_auth) + p->auth_size_off));
        intel_append(out, SPAN_OF(p->qe_auth));
        certification(out, p->inner_type, p->inner_size_off, chain);
}

void intel_quote(const struct intel_pki *pki, const struct intel_platform *p, struct span chain, struct buf *out)
{
        AUTO(buf) struct buf data = BUF(INTEL_BUF_MAX);
        AUTO(buf) struct buf qe = BUF(INTEL_BUF_MAX);
        uint8_t signature[64], point[64];

        intel_append(out, SPAN_OF(p->header));
        if (p->header[0] == 5) {
                intel_u16(out, p->body_type);
                intel_u32(out, p->body_size);
        }
        intel_append(out, span_make(p->body, p->body_len));
        intel_sign(pki->keys[p->quote_key], buf_span(out), signature);
        intel_point(pki->keys[INTEL_KEY_ATTESTATION], point);
        qe_data(pki, p, chain, &qe);
        intel_append(&data, SPAN_OF(signature));
        intel_append(&data, SPAN_OF(point));
        certification(&data, p->outer_type, p->outer_size_off, buf_span(&qe));
        intel_u32(out, (uint32_t) ((int64_t) data.len + p->signature_size_off));
        intel_append(out, buf_span(&data));
        for (size_t i = 0; i < p->trailing; i++)
                intel_append(out, SPAN("\0"));
}
