#include "issuer/verifier/eventlog/registers.h"

#include "lib/base/parse.h"
#include "lib/base/reader.h"
#include "lib/wire/json.h"

#define RTMR_NAME "rtmr"
#define RTMR_LAST 3

void registers_free(struct registers *r)
{
        free(r);
}

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "BAD_FIELD", "registers: %s", what);
}

static struct fault *set(struct registers *r, enum hash_alg bank, unsigned index, struct span value)
{
        if (index >= TPM_PCR_COUNT)
                return bad("there are 24");
        if (value.len != hash_len(bank))
                return bad("a value has a length other than its bank's");
        if (r->values[bank][index].len > 0)
                return bad("one is given twice");
        memcpy(r->storage[bank][index], value.data, value.len);
        r->values[bank][index] = span_make(r->storage[bank][index], value.len);
        return NULL;
}

/* ---- JSON ---- */

static struct fault *read_index(const char *name, bool is_rtmr, unsigned *ret)
{
        struct span text = span_str(name);
        uint64_t index = 0;
        if (is_rtmr) {
                if (!span_starts_with(text, SPAN(RTMR_NAME)))
                        return bad("a name that is not rtmr0 to rtmr3");
                text = span_slice(text, strlen(RTMR_NAME), text.len - strlen(RTMR_NAME));
        }
        TRY(parse_u64(text, 0, is_rtmr ? RTMR_LAST : TPM_PCR_COUNT - 1, &index));
        *ret = (unsigned) index;
        return NULL;
}

static struct fault *read_bank(const struct json *j, enum hash_alg bank, bool is_rtmr, struct registers *r)
{
        const char *name = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(j, &at, &name, &value);) {
                AUTO(buf) struct buf bytes = BUF(HASH_MAX_LEN);
                unsigned index = 0;
                TRY(read_index(name, is_rtmr, &index));
                if (json_kind(value) != JSON_TEXT || json_text(value).len > (size_t) 2 * HASH_MAX_LEN)
                        return bad("a value that is no hex text");
                TRY(hex_decode(json_text(value), &bytes));
                TRY(set(r, bank, index, buf_span(&bytes)));
        }
        return NULL;
}

static struct fault *read_json(struct span text, bool is_rtmr, struct registers *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(text, &j));
        if (json_kind(j) != JSON_OBJECT)
                return bad("no object");
        const char *name = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(j, &at, &name, &value);) {
                enum hash_alg bank = HASH_SHA256;
                if (json_kind(value) == JSON_INT)
                        continue;
                TRY(hash_by_name(span_str(name), &bank));
                if (json_kind(value) != JSON_OBJECT || (is_rtmr && bank != HASH_SHA384))
                        return bad("a bank that is no object, or one that RTMRs don't have");
                TRY(read_bank(value, bank, is_rtmr, r));
        }
        return NULL;
}

/* ---- bytes ---- */

static struct fault *read_bytes(struct span bytes, struct registers *r)
{
        struct reader in = READER(bytes);
        while (reader_left(&in) > 0) {
                uint8_t bank = 0, index = 0;
                struct span value = SPAN_NONE;
                TRY(reader_u8(&in, &bank));
                TRY(reader_u8(&in, &index));
                if (bank >= HASH_ALG_COUNT)
                        return bad("a bank that is none");
                TRY(reader_span(&in, hash_len((enum hash_alg) bank), &value));
                TRY(set(r, (enum hash_alg) bank, index, value));
        }
        return NULL;
}

struct fault *registers_append(enum hash_alg bank, unsigned index, struct span value, struct buf *out)
{
        TRY(buf_append_byte(out, (uint8_t) bank));
        TRY(buf_append_byte(out, (uint8_t) index));
        return buf_append(out, value);
}

struct fault *registers_read_pcrs(struct span text, struct registers **ret)
{
        AUTO(registers) struct registers *r = NEW(struct registers);
        bool is_bytes = text.len > 0 && text.data[0] < HASH_ALG_COUNT;
        TRY(is_bytes ? read_bytes(text, r) : read_json(text, /* is_rtmr= */ false, r));
        *ret = TAKE(r);
        return NULL;
}

struct fault *registers_read_rtmrs(struct span text, struct registers **ret)
{
        AUTO(registers) struct registers *r = NEW(struct registers);
        TRY(read_json(text, /* is_rtmr= */ true, r));
        *ret = TAKE(r);
        return NULL;
}

uint32_t registers_given(const struct registers *r, enum hash_alg bank)
{
        uint32_t bits = 0;
        for (unsigned i = 0; i < TPM_PCR_COUNT; i++)
                bits |= r->values[bank][i].len > 0 ? 1u << i : 0;
        return bits;
}
