#include "issuer/keystore/credential.h"

#include "lib/base/log.h"
#include "lib/base/parse.h"

static bool has_credential(const struct key_version *v)
{
        return v->leaf.len > 0;
}

bool credential_is_due(const struct key_version *v, struct wall now)
{
        int64_t middle_s = v->not_before_unix_s + (v->not_after_unix_s - v->not_before_unix_s) / 2;
        return !has_credential(v) || wall_unix_s(now) >= middle_s || wall_unix_s(now) < v->not_before_unix_s;
}

static struct json *describe_key(const struct stored_key *k, const struct key_version *v)
{
        struct json *j = json_new_object();
        json_set_text(j, "name", k->name);
        json_set_text(j, "id", k->id);
        json_set_int(j, "version", v->version);
        json_set_text(j, "algorithm", k->algorithm);
        return j;
}

static struct json *new_record(const struct stored_key *k, const struct key_version *v, const char *decision,
                               struct wall now)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", 1);
        json_set_int(j, "time", wall_unix_s(now));
        json_set_text(j, "decision", decision);
        json_set_text(j, "mechanism", "key-provisioning");
        json_set_text(j, "owner", k->owner);
        json_set_text(j, "identity", k->identity);
        json_set(j, "key", describe_key(k, v));
        return j;
}

static struct json *record_of(const struct credential_basis *b, const struct stored_key *k, const struct key_version *v,
                              struct wall now)
{
        struct json *j = new_record(k, v, "issued", now);
        struct json *policy = json_new_object(), *list = json_new_array(), *c = json_new_object();
        json_set_text(policy, "digest", b->policy_digest);
        json_set_int(policy, "revision", (int64_t) b->policy_revision);
        json_set(j, "policy", policy);
        json_set_text(j, "workload", b->workload);
        json_set_text(c, "slot", k->name);
        json_set_text(c, "type", "x509");
        json_set_text(c, "serial", v->serial);
        json_set_int(c, "not_before", v->not_before_unix_s);
        json_set_int(c, "not_after", v->not_after_unix_s);
        json_push(list, c);
        json_set(j, "credentials", list);
        return j;
}

static struct fault *commit(const struct credential_maker *m, struct json *record, const struct key_version *v,
                            const char *corrects, struct cancel *cancel, char ret_id[33])
{
        struct ledger_entry entry = {.record = record};
        struct ledger_commit c = {.without_nonce = true, .count = 1, .entries = &entry};
        if (corrects != NULL) {
                memcpy(entry.corrects, corrects, sizeof entry.corrects);
        } else {
                entry.issued = true;
                entry.serial_count = 1;
                entry.expires_unix_s = v->not_after_unix_s;
                memcpy(entry.serials[0], v->serial, sizeof v->serial);
        }
        struct fault *f = ledger_commit(m->ledger, &c, cancel);
        json_free(record);
        memcpy(ret_id, entry.ret_id, sizeof entry.ret_id);
        return f;
}

/* The record says "issued", and there is no signature. */
static void take_back(const struct credential_maker *m, const struct stored_key *k, const struct key_version *v,
                      const struct fault *why)
{
        char id[33];
        struct json *record = new_record(k, v, "not-issued", clock_wall(m->clock));
        json_set_text(record, "corrects", v->record);
        json_set_text(record, "check", fault_token(why));
        json_set_text(record, "reason", fault_text(why));
        log_error("recorded_but_not_signed", KV("record", (const char *) v->record), KV("key", (const char *) k->name),
                  KV("problem", why));
        AUTO(fault) struct fault *unsaid = commit(m, record, v, v->record, NULL, id);
        if (unsaid != NULL)
                log_error("record_not_corrected", KV("problem", unsaid), KV("records", 1));
}

/* A copy of what stays the same, with serial and dates of a certificate to come. */
static struct fault *plan(const struct credential_maker *m, const struct key_version *v, struct key_version *next,
                          uint8_t ret_serial[16])
{
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t now_s = wall_unix_s(clock_wall(m->clock)), end_s = 0;
        TRY(authority_intermediate(m->authority, &intermediate, &end_s));
        if (now_s + m->max_life_s < end_s)
                end_s = now_s + m->max_life_s;
        if (end_s <= now_s)
                return fault(FAULT_UNAVAILABLE, "authority.lifetime", "the intermediate ends now");
        next->version = v->version;
        memcpy(next->kek, v->kek, sizeof next->kek);
        next->wrapped = BUF(KEY_BLOB_MAX);
        TRY(buf_append(&next->wrapped, buf_span(&v->wrapped)));
        next->not_before_unix_s = now_s - m->backdate_s;
        next->not_after_unix_s = end_s;
        authority_serial(ret_serial);
        hex_string(span_make(ret_serial, 16), next->serial);
        return NULL;
}

static struct fault *sign(const struct credential_maker *m, const struct credential_basis *b,
                          const struct stored_key *k, const struct key_version *v, struct key_version *next,
                          const uint8_t serial[16], struct cancel *cancel)
{
        struct leaf_issued issued = {{0}, {0}};
        struct leaf_order order = {
                .identity = k->identity,
                .dns = b->dns,
                .dns_count = b->dns_count,
                .spki = buf_span(&v->spki),
                .not_before_unix_s = next->not_before_unix_s,
                .not_after_unix_s = next->not_after_unix_s,
                .insecure_development = b->insecure_development,
        };
        memcpy(order.serial, serial, sizeof order.serial);
        TRY(authority_issue(m->authority, &order, 1, cancel, &issued));
        next->leaf = issued.leaf;
        next->issuer = issued.issuer;
        return NULL;
}

static void swap_buf(struct buf *a, struct buf *b)
{
        struct buf other = *a;
        *a = *b;
        *b = other;
}

struct fault *credential_make(const struct credential_maker *m, const struct credential_basis *basis,
                              const struct stored_key *k, struct key_version *v, struct cancel *cancel)
{
        uint8_t serial[16];
        AUTO(key_version) struct key_version next = {0};
        TRY(plan(m, v, &next, serial));

        TRY(commit(m, record_of(basis, k, &next, clock_wall(m->clock)), &next, NULL, cancel, next.record));
        struct fault *failed = sign(m, basis, k, v, &next, serial, cancel);
        if (failed != NULL) {
                take_back(m, k, &next, failed);
                return failed;
        }

        TRY(store_change_key_version(m->store, k->id, &next));
        swap_buf(&v->leaf, &next.leaf);
        swap_buf(&v->issuer, &next.issuer);
        v->not_before_unix_s = next.not_before_unix_s;
        v->not_after_unix_s = next.not_after_unix_s;
        memcpy(v->serial, next.serial, sizeof v->serial);
        memcpy(v->record, next.record, sizeof v->record);
        log_info("key_credential_made", KV("key", (const char *) k->name), KV("version", v->version),
                 KV("identity", (const char *) k->identity), KV("serial", (const char *) v->serial),
                 KV("not_after_unix_s", v->not_after_unix_s), KV("record", (const char *) v->record));
        return NULL;
}
