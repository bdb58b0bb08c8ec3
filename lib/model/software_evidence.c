#include "lib/model/software_evidence.h"

#include "lib/wire/json.h"

#define TAG         "vouchsafe-software-v1"
#define MESSAGE_MAX ((size_t) 16 * 1024)

struct software_evidence software_evidence_new(void)
{
        return (struct software_evidence){.spki = BUF(SPKI_MAX), .signature = BUF(SIGNATURE_MAX)};
}

static bool is_claim_name(struct span s)
{
        if (s.len == 0 || s.len > SOFTWARE_CLAIM_NAME_MAX)
                return false;
        for (size_t i = 0; i < s.len; i++) {
                uint8_t c = s.data[i];
                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
                        return false;
        }
        return true;
}

struct fault *software_evidence_claim(struct software_evidence *e, struct span name, struct span value)
{
        if (!is_claim_name(name))
                return fault(FAULT_INVALID, "SOFTWARE_EVIDENCE", "a claim's name is not 1 to %d of [a-z0-9._-]",
                             SOFTWARE_CLAIM_NAME_MAX);
        if (value.len > SOFTWARE_CLAIM_VALUE_MAX || span_has_nul(value) || !span_is_utf8(value))
                return fault(FAULT_INVALID, "SOFTWARE_EVIDENCE", "claim %.*s is no text of at most %d bytes",
                             (int) name.len, (const char *) name.data, SOFTWARE_CLAIM_VALUE_MAX);
        if (e->claim_count == SOFTWARE_CLAIMS_MAX)
                return fault(FAULT_INVALID, "SOFTWARE_EVIDENCE", "more than %d claims", SOFTWARE_CLAIMS_MAX);

        struct software_claim claim = {0};
        memcpy(claim.name, name.data, name.len);
        if (value.len > 0)
                memcpy(claim.value, value.data, value.len);
        size_t at = e->claim_count;
        while (at > 0 && strcmp(e->claims[at - 1].name, claim.name) > 0)
                at--;
        if (at > 0 && strcmp(e->claims[at - 1].name, claim.name) == 0)
                return fault(FAULT_INVALID, "SOFTWARE_EVIDENCE", "claim %s is given twice", claim.name);

        memmove(&e->claims[at + 1], &e->claims[at], (e->claim_count - at) * sizeof e->claims[0]);
        e->claims[at] = claim;
        e->claim_count++;
        return NULL;
}

static struct fault *append_sized(struct buf *b, struct span s)
{
        TRY(buf_append_u32be(b, (uint32_t) s.len));
        return buf_append(b, s);
}

static struct fault *message(const struct software_evidence *e, struct span t, struct buf *out)
{
        TRY(buf_append(out, SPAN(TAG)));
        TRY(buf_append_byte(out, 0));
        TRY(append_sized(out, t));
        for (size_t i = 0; i < e->claim_count; i++) {
                TRY(append_sized(out, span_str(e->claims[i].name)));
                TRY(append_sized(out, span_str(e->claims[i].value)));
        }
        return NULL;
}

struct fault *software_evidence_sign(struct software_evidence *e, const struct key *k, struct span t)
{
        AUTO(buf) struct buf text = BUF(MESSAGE_MAX);
        TRY(message(e, t, &text));
        buf_truncate(&e->spki, 0);
        buf_truncate(&e->signature, 0);
        TRY(buf_append(&e->spki, key_spki(k)));
        return key_sign(k, HASH_SHA256, SIGNATURE_RAW, buf_span(&text), &e->signature);
}

struct fault *software_evidence_verify(const struct software_evidence *e, struct span t)
{
        AUTO(buf) struct buf text = BUF(MESSAGE_MAX);
        TRY(message(e, t, &text));
        AUTO(key) struct key *k = NULL;
        AUTO(fault) struct fault *why = key_from_spki(buf_span(&e->spki), &k);
        if (why == NULL && key_kind(k) != KEY_P256)
                return fault(FAULT_DENIED, "software.signature", "the key is not P-256");
        if (why == NULL)
                why = key_verify(k, HASH_SHA256, SIGNATURE_RAW, buf_span(&text), buf_span(&e->signature));
        if (why != NULL)
                return fault(FAULT_DENIED, "software.signature", "%s", fault_text(why));
        return NULL;
}

struct fault *software_evidence_write(const struct software_evidence *e, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_base64url(j, "spki", buf_span(&e->spki));
        json_set_base64url(j, "signature", buf_span(&e->signature));
        struct json *claims = json_new_object();
        for (size_t i = 0; i < e->claim_count; i++)
                json_set_text(claims, e->claims[i].name, e->claims[i].value);
        json_set(j, "claims", claims);
        return json_write(j, out);
}

struct fault *software_evidence_read(struct span text, struct software_evidence *ret)
{
        static const char *const keys[] = {"spki", "signature", "claims", NULL};
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(text, &j));
        if (json_kind(j) != JSON_OBJECT)
                return fault(FAULT_INVALID, "BAD_FIELD", "software evidence is no object");
        TRY(json_only_keys(j, keys));

        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        TRY(json_need_base64url(j, "spki", &e.spki));
        TRY(json_need_base64url(j, "signature", &e.signature));
        const struct json *claims, *value;
        TRY(json_need_object(j, "claims", &claims));
        const char *name;
        for (void *at = NULL; json_next(claims, &at, &name, &value);) {
                if (json_kind(value) != JSON_TEXT)
                        return fault(FAULT_INVALID, "BAD_FIELD", "claim %s is no text", name);
                TRY(software_evidence_claim(&e, span_str(name), json_text(value)));
        }

        *ret = e;
        e = software_evidence_new(); /* what was given away is not freed */
        return NULL;
}

void software_evidence_clear(struct software_evidence *e)
{
        buf_clear(&e->spki);
        buf_clear(&e->signature);
        e->claim_count = 0;
}
