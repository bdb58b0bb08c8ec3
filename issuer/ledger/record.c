#include "issuer/ledger/record.h"

#include "lib/base/parse.h"

#define RECORD_USUAL 6144

/* RFC 6962 §2.1: the prefix tells a leaf from an inner node. */
void ledger_leaf_hash(struct span record_bytes, uint8_t ret_hash[SHA256_LEN])
{
        static const uint8_t leaf_prefix = 0x00;
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        hasher_add(h, SPAN_OF(leaf_prefix));
        hasher_add(h, record_bytes);
        hasher_end(h, ret_hash);
}

static void make_id(const uint8_t leaf_hash[SHA256_LEN], struct wall now, char ret_id[RECORD_ID_LEN + 1])
{
        uint8_t id[RECORD_ID_LEN / 2];
        clock_head(now, id);
        memcpy(id + CLOCK_HEAD_LEN, leaf_hash, sizeof(id) - CLOCK_HEAD_LEN);
        hex_string(SPAN_OF(id), ret_id);
}

void ledger_record_id(struct span record_bytes, struct wall now, char ret_id[RECORD_ID_LEN + 1])
{
        uint8_t leaf_hash[SHA256_LEN];
        ledger_leaf_hash(record_bytes, leaf_hash);
        make_id(leaf_hash, now, ret_id);
}

bool ledger_id_fits(const char *id, const uint8_t leaf_hash[SHA256_LEN])
{
        char hash[2 * SHA256_LEN + 1];
        hex_string(span_make(leaf_hash, SHA256_LEN), hash);
        size_t head = 2 * (size_t) CLOCK_HEAD_LEN;
        return strlen(id) == RECORD_ID_LEN &&
               (memcmp(id + head, hash, RECORD_ID_LEN - head) == 0 || memcmp(id, hash, RECORD_ID_LEN) == 0);
}

static struct fault *make_record(const struct json *j, struct wall now, struct buf *body, struct store_record *ret)
{
        *body = BUF(RECORD_MAX);
        buf_expect(body, RECORD_USUAL);
        TRY_AS(json_write(j, body), "write a record");
        ret->body = buf_span(body);
        ledger_leaf_hash(ret->body, ret->leaf_hash);
        make_id(ret->leaf_hash, now, ret->id);
        return NULL;
}

/* What stays of a request whose nonce was used before. `attempt` keeps two replays within a millisecond apart. */
static struct json *replay_record(const struct ledger_commit *c, const uint8_t attempt[REPLAY_ATTEMPT_LEN],
                                  struct wall now)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", 1);
        json_set_text(j, "decision", "denied");
        json_set_text(j, "check", "nonce.replayed");
        json_set_text(j, "reason", "the nonce was used before");
        json_set_int(j, "time_unix_ms", now.unix_ms);
        json_set_hex(j, "nonce_digest", span_make(c->nonce_digest, SHA256_LEN));
        json_set_hex(j, "attempt", span_make(attempt, REPLAY_ATTEMPT_LEN));
        json_set_int(j, "pods", (int64_t) c->count);
        if (c->requester != NULL)
                json_set(j, "requester", json_copy(c->requester));
        return j;
}

struct fault *prepared_make(struct ledger_commit *c, const uint8_t attempt[REPLAY_ATTEMPT_LEN], struct wall now,
                            struct prepared *ret)
{
        AUTO(prepared)
        struct prepared p = {
                .count = c->count,
                .bodies = alloc_zero(c->count + 1, sizeof(*p.bodies)),
                .records = alloc_zero(c->count + 1, sizeof(*p.records)),
        };
        for (size_t i = 0; i < c->count; i++) {
                struct ledger_entry *e = &c->entries[i];
                struct store_record *r = &p.records[i];
                TRY(make_record(e->record, now, &p.bodies[i], r));
                r->serials = e->serials;
                r->serial_count = e->serial_count;
                r->expires_unix_s = e->expires_unix_s;
                r->corrects = e->corrects[0] != '\0' ? e->corrects : NULL;
                memcpy(e->ret_id, r->id, sizeof(e->ret_id));
        }
        AUTO(json) struct json *replay = replay_record(c, attempt, now);
        TRY(make_record(replay, now, &p.bodies[c->count], &p.records[c->count]));

        p.commit = (struct store_commit){
                .without_nonce = c->without_nonce,
                .nonce_expires_unix_s = c->nonce_expires_unix_s,
                .count = c->count,
                .records = p.records,
                .replay = &p.records[c->count],
                .has_ak = c->has_ak,
                .ak_name = c->ak_name,
                .clock_safe = c->clock_safe,
                .clock_ms = c->clock_ms,
                .reset_count = c->reset_count,
                .restart_count = c->restart_count,
        };
        memcpy(p.commit.nonce_digest, c->nonce_digest, SHA256_LEN);
        *ret = p;
        p = (struct prepared){0};
        return NULL;
}

void prepared_clear(struct prepared *p)
{
        for (size_t i = 0; p->bodies != NULL && i <= p->count; i++)
                buf_clear(&p->bodies[i]);
        free(p->bodies);
        free(p->records);
        fault_free(p->commit.ret_outcome);
        *p = (struct prepared){0};
}
