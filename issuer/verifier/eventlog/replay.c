#include "issuer/verifier/eventlog/replay.h"

#define FIRMWARE_PCRS    0xffu
#define FIRMWARE_RTMRS   0x3u
#define STARTUP_LOCALITY SPAN("StartupLocality\0") /* then one byte */
#define HCRTM_LOCALITY   4

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "eventlog.structure", "%s", what);
}

int eventlog_register(const struct eventlog *log, const struct eventlog_event *e)
{
        if (e->type == EV_NO_ACTION)
                return -1;
        return log->form == EVENTLOG_TPM ? (int) e->index : (int) e->index - 1;
}

static void extend(uint8_t *value, enum hash_alg bank, struct span digest)
{
        uint8_t both[2 * HASH_MAX_LEN];
        size_t len = hash_len(bank);
        memcpy(both, value, len);
        memcpy(both + len, digest.data, len);
        hash(bank, span_make(both, 2 * len), value);
}

static void extend_all(struct eventlog_replay *p, unsigned n, const struct eventlog_event *e)
{
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++)
                if (p->log.has_bank[bank])
                        extend(p->values[bank][n], (enum hash_alg) bank, e->digests[bank]);
        p->extended |= 1u << n;
        p->event_count++;
}

/* ---- where PCR 0 began ---- */

static void set_locality(struct eventlog_replay *p, uint8_t locality)
{
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++)
                p->values[bank][0][hash_len((enum hash_alg) bank) - 1] = locality;
}

/* Whatever it says, the replay shows whether it is so: a PCR 0 that began elsewhere ends elsewhere. */
static struct fault *read_locality(struct eventlog_replay *p, const struct eventlog_event *e, bool *seen)
{
        struct span name = STARTUP_LOCALITY;
        if (p->log.form != EVENTLOG_TPM || e->data.len != name.len + 1 || !span_starts_with(e->data, name))
                return NULL;
        uint8_t locality = e->data.data[name.len];
        if (*seen || (p->extended & 1) != 0)
                return bad("a startup locality twice, or after PCR 0 was extended");
        if (locality != 0 && locality != 3 && locality != HCRTM_LOCALITY)
                return bad("a startup locality that is none");
        *seen = true;
        set_locality(p, locality);
        return NULL;
}

/* ---- all of it ---- */

static struct fault *apply(struct eventlog_replay *p, const struct eventlog_event *e, bool *locality_seen)
{
        if (e->type == EV_NO_ACTION)
                return read_locality(p, e, locality_seen);
        if (e->index >= (p->log.form == EVENTLOG_TPM ? TPM_PCR_COUNT : RTMR_COUNT + 1))
                return bad("an event of a register that there is not");
        if (p->log.form == EVENTLOG_TPM && e->type == EV_EFI_HCRTM_EVENT && e->index == 0 && (p->extended & 1) == 0 &&
            !*locality_seen)
                set_locality(p, HCRTM_LOCALITY);
        int n = eventlog_register(&p->log, e);
        if (n >= 0)
                extend_all(p, (unsigned) n, e);
        return NULL;
}

struct fault *eventlog_replay(struct span bytes, enum eventlog_form form, struct eventlog_replay *ret)
{
        memset(ret, 0, sizeof(*ret));
        TRY(eventlog_open(bytes, form, &ret->log));
        bool locality_seen = false, more = false;
        size_t at = ret->log.events_at;
        for (size_t count = 0;; count++) {
                struct eventlog_event e;
                TRY(eventlog_next(&ret->log, &at, &e, &more));
                if (!more)
                        return NULL;
                if (count == EVENTLOG_EVENTS_MAX)
                        return bad("too many events");
                TRY(apply(ret, &e, &locality_seen));
        }
}

void eventlog_compare(const struct eventlog_replay *replay, register_values values, enum hash_alg bank,
                      struct eventlog_match *ret)
{
        bool is_ccel = replay->log.form == EVENTLOG_CCEL;
        *ret = (struct eventlog_match){.differing = -1};
        if (!replay->log.has_bank[bank])
                return;
        for (int n = 0; n < TPM_PCR_COUNT; n++) {
                struct span given = values[bank][n];
                uint32_t bit = 1u << n;
                bool is_extended = (replay->extended & bit) != 0;
                bool is_firmware = ((is_ccel ? FIRMWARE_RTMRS : FIRMWARE_PCRS) & bit) != 0;
                if (given.len == 0 || (!is_extended && !is_firmware))
                        continue;
                ret->compared = ret->compared || is_extended;
                if (span_eq(given, span_make(replay->values[bank][n], hash_len(bank))))
                        ret->equal |= is_extended ? bit : 0;
                else if (is_firmware || is_ccel)
                        ret->differing = n;
                else
                        ret->went_on |= bit;
        }
}
