#include "issuer/verifier/eventlog/log.h"

#define SHA1_LEN          20
#define SPEC_ID           "Spec ID Event03" /* with its NUL: 16 bytes */
#define SPEC_ID_LEN       16
#define LEGACY_EVENTS_MIN 2 /* so many records of the old form, and it is one */

static struct fault *structure(struct fault *f, const char *what)
{
        return fault_rename(fault_prefix(f, "%s", what), FAULT_INVALID, "eventlog.structure");
}

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "eventlog.structure", "%s", what);
}

/* TCG algorithm registry, table 3 */
static int bank_of(uint16_t id)
{
        switch (id) {
        case 0x0004:
                return HASH_SHA1;
        case 0x000b:
                return HASH_SHA256;
        case 0x000c:
                return HASH_SHA384;
        case 0x000d:
                return HASH_SHA512;
        default:
                return -1;
        }
}

/* ---- the header ---- */

/* TCG_PCClientPCREvent: the form of every record in a log of TPM 1.2, and of the header in one of TPM 2.0. */
struct legacy_event {
        uint32_t index, type;
        struct span digest, data;
};
static struct fault *read_legacy(struct reader *r, struct legacy_event *e)
{
        TRY(reader_u32le(r, &e->index));
        TRY(reader_u32le(r, &e->type));
        TRY(reader_span(r, SHA1_LEN, &e->digest));
        uint32_t len = 0;
        TRY(reader_u32le(r, &len));
        if (len > EVENTLOG_EVENT_MAX)
                return bad("an event that is too large");
        return reader_span(r, len, &e->data);
}

static bool is_legacy_log(struct span bytes)
{
        struct reader r = READER(bytes);
        struct legacy_event e;
        size_t count = 0;
        while (count < LEGACY_EVENTS_MIN && reader_left(&r) > 0) {
                AUTO(fault) struct fault *f = read_legacy(&r, &e);
                if (f != NULL || e.index >= 24)
                        return false;
                count++;
        }
        return count == LEGACY_EVENTS_MIN;
}

static struct fault *read_algorithm(struct reader *r, struct eventlog *log)
{
        uint16_t id = 0, len = 0;
        TRY(reader_u16le(r, &id));
        TRY(reader_u16le(r, &len));
        int bank = bank_of(id);
        if (len == 0 || len > HASH_MAX_LEN || (bank >= 0 && len != hash_len((enum hash_alg) bank)))
                return bad("an algorithm with digests of a wrong length");
        for (size_t i = 0; i < log->alg_count; i++)
                if (log->algs[i].id == id)
                        return bad("an algorithm twice");
        log->algs[log->alg_count].id = id;
        log->algs[log->alg_count].len = len;
        log->algs[log->alg_count++].bank = bank;
        if (bank >= 0)
                log->has_bank[bank] = true;
        return NULL;
}

/* TCG_EfiSpecIdEvent */
static struct fault *read_spec_id(struct span data, struct eventlog *log)
{
        struct reader r = READER(data);
        uint32_t platform_class = 0, count = 0;
        uint8_t minor = 0, major = 0, errata = 0, uintn_size = 0, vendor_len = 0;
        TRY(reader_skip(&r, SPEC_ID_LEN));
        TRY(reader_u32le(&r, &platform_class));
        TRY(reader_u8(&r, &minor));
        TRY(reader_u8(&r, &major));
        TRY(reader_u8(&r, &errata));
        TRY(reader_u8(&r, &uintn_size));
        TRY(reader_u32le(&r, &count));
        if (count == 0 || count > EVENTLOG_ALGS_MAX)
                return bad("a list of no algorithm, or of too many");
        for (uint32_t i = 0; i < count; i++)
                TRY(read_algorithm(&r, log));
        TRY(reader_u8(&r, &vendor_len));
        TRY(reader_skip(&r, vendor_len));
        return reader_end(&r);
}

struct fault *eventlog_open(struct span bytes, enum eventlog_form form, struct eventlog *ret)
{
        struct eventlog log = {.bytes = bytes, .form = form};
        struct reader r = READER(bytes);
        struct legacy_event first = {0};
        if (bytes.len > EVENTLOG_MAX)
                return fault(FAULT_INVALID, "eventlog.structure", "a log of %zu bytes", bytes.len);
        TRY(structure(read_legacy(&r, &first), "header"));
        bool is_agile = first.type == EV_NO_ACTION && first.data.len >= SPEC_ID_LEN &&
                        memcmp(first.data.data, SPEC_ID, SPEC_ID_LEN) == 0;
        if (!is_agile && is_legacy_log(bytes))
                return fault(FAULT_DENIED, "eventlog.sha1_only", "the log has SHA-1 digests alone");
        if (!is_agile)
                return bad("the log does not begin with Spec ID Event03");
        TRY(structure(read_spec_id(first.data, &log), "header"));
        log.events_at = r.at;
        *ret = log;
        return NULL;
}

/* ---- records ---- */

/* The rest of the log is what the memory was filled with before anything was written there. */
static bool is_filler(struct span rest)
{
        bool is_erased = rest.len > 0 && rest.data[0] == 0xff; /* flash-like; zeros may follow it */
        for (size_t i = 0; i < rest.len; i++) {
                bool fits = rest.data[i] == 0 || (is_erased && rest.data[i] == 0xff);
                bool in_index = is_erased && i < sizeof(uint32_t);
                if (!fits || (in_index && rest.data[i] != 0xff))
                        return false;
        }
        return true;
}

/* TPML_DIGEST_VALUES: one digest of each algorithm of the header, in any order. */
static struct fault *read_digests(struct reader *r, const struct eventlog *log, struct eventlog_event *e)
{
        uint32_t count = 0;
        bool seen[EVENTLOG_ALGS_MAX] = {0};
        TRY(reader_u32le(r, &count));
        if (count != log->alg_count)
                return bad("a number of digests other than the header's");
        for (uint32_t i = 0; i < count; i++) {
                uint16_t id = 0;
                struct span digest = SPAN_NONE;
                TRY(reader_u16le(r, &id));
                size_t at = 0;
                while (at < log->alg_count && log->algs[at].id != id)
                        at++;
                if (at == log->alg_count || seen[at])
                        return bad("a digest twice, or of an algorithm that is not in the header");
                seen[at] = true;
                TRY(reader_span(r, log->algs[at].len, &digest));
                if (log->algs[at].bank >= 0)
                        e->digests[log->algs[at].bank] = digest;
        }
        return NULL;
}

/* TCG_PCR_EVENT2 */
static struct fault *read_event(struct reader *r, const struct eventlog *log, struct eventlog_event *e)
{
        TRY(reader_u32le(r, &e->index));
        TRY(reader_u32le(r, &e->type));
        TRY(read_digests(r, log, e));
        uint32_t len = 0;
        TRY(reader_u32le(r, &len));
        if (len > EVENTLOG_EVENT_MAX)
                return bad("an event that is too large");
        return reader_span(r, len, &e->data);
}

struct fault *eventlog_next(const struct eventlog *log, size_t *at, struct eventlog_event *ret, bool *ret_more)
{
        struct reader r = {log->bytes, *at};
        struct eventlog_event e = {0};
        if (is_filler(reader_rest(&r))) {
                *ret_more = false;
                return NULL;
        }
        TRY(structure(read_event(&r, log, &e), "event"));
        *at = r.at;
        *ret = e;
        *ret_more = true;
        return NULL;
}
