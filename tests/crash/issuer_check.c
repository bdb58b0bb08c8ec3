/* What must be so at every start of the issuer: no credential without its record, records whole or not there, numbers without gaps. */
#include "tests/crash/issuer_world.h"

#include <sys/stat.h>

#include "lib/base/parse.h"
#include "tests/crash/witness.h"
#include "tests/fakes/sql.h"

void issuer_nonce(uint64_t number, uint8_t ret_digest[SHA256_LEN])
{
        sha256(SPAN_OF(number), ret_digest);
}

static bool has_record(const struct issuer_world *w, const char *serial_or_id, char ret_id[33])
{
        AUTO(json) struct json *found = NULL;
        AUTO(fault) struct fault *f = ledger_find(w->ledger, serial_or_id, &found);
        if (f != NULL)
                must(strcmp(fault_token(f), "NO_RECORD") == 0, "find %s: %s", serial_or_id, fault_text(f));
        struct span id = f == NULL ? json_text(json_get(found, "id")) : SPAN("");
        must(id.len <= 32, "an id of %zu characters", id.len);
        memcpy(ret_id, id.data, id.len);
        ret_id[id.len] = '\0';
        return f == NULL;
}

static int64_t number_of(const struct issuer_world *w, const char *query)
{
        AUTO_STRING char *text = sql_text(w->database, query);
        int64_t number = -1;
        must_ok(parse_i64(span_str(text), 0, INT64_MAX, &number), query);
        return number;
}

static bool nonce_is_used(const struct issuer_world *w, uint64_t number)
{
        uint8_t digest[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        issuer_nonce(number, digest);
        hex_string(SPAN_OF(digest), hex);
        AUTO_STRING char *query = alloc_printf("SELECT count(*) FROM nonces WHERE digest = x'%s'", hex);
        return number_of(w, query) == 1;
}

bool issuer_check_request(const struct issuer_world *w, int i)
{
        const struct issuer_request_witness *r = &w->witness->requests[i];
        char id[33], by_serial[33], serial[33];
        bool there = r->id[0] != '\0' && has_record(w, r->id, id);
        must(there || !r->acknowledged, "request %d was acknowledged and has no record", i);
        must(there || !r->delivered, "request %d has a credential and no record", i);
        must(!there || r->asked, "request %d has a record and was never made", i);
        must(nonce_is_used(w, (uint64_t) i) == there, "request %d: record %d, nonce used %d", i, there, !there);
        if (!r->has_serial)
                return there;
        hex_string(SPAN_OF(r->serial), serial);
        bool found = has_record(w, serial, by_serial);
        must(found == there, "request %d: record %d, serial %d", i, there, found);
        must(!found || strcmp(by_serial, r->id) == 0, "request %d: its serial leads to record %s", i, by_serial);
        return there;
}

static void check_ak(const struct issuer_world *w, bool moved)
{
        AUTO(ak_record) struct ak_record *ak = NULL;
        AUTO(fault) struct fault *f = store_find_ak(w->store, SPAN(AK_NAME), &ak);
        must(f == NULL || strcmp(fault_token(f), "NO_AK") == 0, "find the AK: %s", f == NULL ? "" : fault_text(f));
        must(f == NULL || !w->witness->ak_answered, "the attestation key was acknowledged and is not there");
        if (f != NULL)
                return;
        must(span_eq_str(buf_span(&ak->public_area), "public"), "the attestation key is another one");
        uint64_t want = moved ? AK_CLOCK_AFTER : AK_CLOCK_BEFORE;
        must(ak->clock_ms == want, "the AK's clock is %llu, not %llu", (unsigned long long) ak->clock_ms,
             (unsigned long long) want);
}

static void check_mode(const struct issuer_world *w, const char *suffix)
{
        AUTO_STRING char *path = alloc_printf("%s%s", w->database, suffix);
        struct stat st;
        must(stat(path, &st) != 0 || (st.st_mode & 07777) == 0600, "%s has mode %o", path, (unsigned) st.st_mode);
}

void issuer_check(const struct issuer_world *w)
{
        const struct issuer_witness *known = w->witness;
        int64_t there = 0;
        bool moved = false;
        for (int i = 0; i < REQUESTS; i++) {
                bool is_there = issuer_check_request(w, i);
                there += is_there;
                moved |= i == 2 && is_there;
        }
        int64_t group = 0;
        for (int i = GROUP_FIRST; i < GROUP_FIRST + GROUP_COUNT; i++)
                group += issuer_check_request(w, i);
        must(group == 0 || group == GROUP_COUNT, "%d of the %d of one transaction are there", (int) group, GROUP_COUNT);

        int64_t rows = number_of(w, "SELECT count(*) FROM records");
        int64_t last = number_of(w, "SELECT coalesce(max(idx) + 1, 0) FROM records");
        int64_t serials = number_of(w, "SELECT count(*) FROM serials s JOIN records r ON r.idx = s.idx");
        must(rows == last, "%d records, numbered to %d", (int) rows, (int) last);
        must(serials == number_of(w, "SELECT count(*) FROM serials"), "a serial without its record");
        must(rows - there >= known->replays_answered && rows - there <= known->replays_asked,
             "%d records that are no request's, %u replays answered, %u asked", (int) (rows - there),
             known->replays_answered, known->replays_asked);
        must((uint64_t) rows == ledger_records(w->ledger), "the ledger counts otherwise");

        AUTO_STRING char *integrity = sql_text(w->database, "PRAGMA integrity_check");
        must(strcmp(integrity, "ok") == 0, "integrity: %s", integrity);
        must(nonce_is_used(w, ENROL_NONCE) || !known->enrol_answered || known->swept, "a used nonce is forgotten");
        check_ak(w, moved);
        check_mode(w, "");
        check_mode(w, "-wal");
        check_mode(w, "-shm");
}
