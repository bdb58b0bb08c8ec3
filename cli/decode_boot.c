/* What a TPM signed, and boot logs. */
#include "cli/decode.h"

#include <stdio.h>

#include "issuer/verifier/eventlog/log.h"
#include "lib/crypt/tpm.h"

#define SHOWN_EVENTS_MAX 2000

struct fault *decode_tpm(struct span bytes, struct json **ret)
{
        struct tpm_quote q;
        struct reader r = READER(bytes);
        uint32_t magic = 0;
        AUTO(fault) struct fault *f = reader_u32be(&r, &magic);
        if (f != NULL || magic != TPM_GENERATED_VALUE)
                return NULL;
        TRY(tpm_quote_read(bytes, &q));
        struct json *j = *ret = decoded("tpm quote (TPMS_ATTEST)"), *banks = json_new_array();
        json_set_hex(j, "qualified_signer", q.qualified_signer);
        json_set_hex(j, "extra_data", q.extra_data);
        json_set_int(j, "clock_ms", q.clock_ms > INT64_MAX ? INT64_MAX : (int64_t) q.clock_ms);
        json_set_int(j, "reset_count", q.reset_count);
        json_set_int(j, "restart_count", q.restart_count);
        json_set_bool(j, "safe", q.safe);
        for (size_t i = 0; i < q.bank_count; i++) {
                struct json *bank = json_new_object(), *pcrs = json_new_array();
                json_set_text(bank, "bank", hash_name(q.banks[i].bank));
                for (int n = 0; n < TPM_PCR_COUNT; n++)
                        if ((q.banks[i].pcrs >> n & 1) != 0)
                                json_push(pcrs, json_new_int(n));
                json_set(bank, "pcrs", pcrs);
                json_push(banks, bank);
        }
        json_set(j, "selection", banks);
        json_set_hex(j, "pcr_digest", q.pcr_digest);
        return NULL;
}

static struct json *event_to_json(const struct eventlog_event *e)
{
        struct json *j = json_new_object();
        char type[16];
        (void) snprintf(type, sizeof(type), "0x%08x", e->type); /* fits */
        json_set_int(j, "register", e->index);
        json_set_text(j, "type", type);
        for (int bank = 0; bank < HASH_ALG_COUNT; bank++)
                if (e->digests[bank].len > 0)
                        json_set_hex(j, hash_name((enum hash_alg) bank), e->digests[bank]);
        json_set_int(j, "data_bytes", (int64_t) e->data.len);
        return j;
}

static bool looks_like_log(struct span bytes)
{
        static const char signature[] = "Spec ID Event03";
        return bytes.len > 32 + sizeof(signature) && memcmp(bytes.data + 32, signature, sizeof(signature)) == 0;
}

struct fault *decode_eventlog(struct span bytes, struct json **ret)
{
        struct eventlog log;
        if (!looks_like_log(bytes))
                return NULL;
        TRY(eventlog_open(bytes, EVENTLOG_TPM, &log)); /* a CCEL only counts its registers otherwise */
        AUTO(json) struct json *events = json_new_array();
        size_t at = log.events_at, count = 0;
        for (bool more = true; more;) {
                struct eventlog_event e;
                TRY(eventlog_next(&log, &at, &e, &more));
                if (more && count++ < SHOWN_EVENTS_MAX)
                        json_push(events, event_to_json(&e));
        }
        *ret = decoded("boot log");
        json_set_int(*ret, "count", (int64_t) count);
        json_set(*ret, "events", TAKE(events));
        return NULL;
}
