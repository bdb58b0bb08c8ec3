#include "issuer/policy/compiler.h"

#include "lib/base/parse.h"
#include "lib/crypt/hash.h"

static struct fault *read_bytes(struct compiler *c, const struct document *d, const struct policy_input *input,
                                const struct yaml_node *at, struct value *ret)
{
        struct span text = span_str(at->text);
        const uint8_t *colon = memchr(text.data, ':', text.len);
        size_t len = input->len;
        if (colon != NULL) {
                size_t name_len = (size_t) (colon - text.data);
                enum hash_alg alg;
                if (!succeeded(hash_by_name(span_slice(text, 0, name_len), &alg)) || (len != 0 && len != hash_len(alg)))
                        return document_fault(d, at, "POLICY_VALUE", "\"%.*s\" is no digest algorithm of %s",
                                              (int) name_len, at->text, input->name);
                len = hash_len(alg);
                text = span_slice(text, name_len + 1, text.len - name_len - 1);
        }
        AUTO(buf) struct buf bytes = BUF(POLICY_TEXT_MAX);
        if (text.len == 0 || !succeeded(hex_decode(text, &bytes)))
                return document_fault(d, at, "POLICY_VALUE", "%s is written in hexadecimal digits, two a byte",
                                      input->name);
        if (len != 0 && bytes.len != len)
                return document_fault(d, at, "POLICY_VALUE", "%zu bytes where %s has %zu", bytes.len, input->name, len);
        ret->bytes = arena_bytes(c->p->arena, buf_span(&bytes));
        return NULL;
}

/* For bits: 0x and 1 to 16 digits. */
static bool read_hexadecimal(const char *text, uint64_t *ret)
{
        size_t len = strlen(text);
        if (len < 3 || len > 18 || text[0] != '0' || text[1] != 'x')
                return false;
        static const char digits[] = "0123456789abcdef";
        uint64_t number = 0;
        for (size_t i = 2; i < len; i++) {
                const char *digit = strchr(digits, text[i]);
                if (digit == NULL)
                        return false;
                number = number << 4 | (uint64_t) (digit - digits);
        }
        *ret = number;
        return true;
}

struct fault *compile_value(struct compiler *c, const struct document *d, size_t name, const struct yaml_node *at,
                            struct value *ret)
{
        const struct policy_input *input = c->p->names[name].input;
        TRY(text_check(d, at));
        struct value v = {.kind = input->kind};
        bool flag = false;
        switch (input->kind) {
        case FACT_TEXT:
                v.bytes = arena_bytes(c->p->arena, span_str(at->text));
                break;
        case FACT_NUMBER:
                if (at->quoted || !(succeeded(parse_u64(span_str(at->text), 0, UINT64_MAX, &v.number)) ||
                                    read_hexadecimal(at->text, &v.number)))
                        return document_fault(d, at, "POLICY_VALUE",
                                              "%s is a number, decimal or 0x and hexadecimal, written without quotes",
                                              input->name);
                break;
        case FACT_FLAG:
                if (!scalar_is_flag(at, &flag))
                        return document_fault(d, at, "POLICY_VALUE", "%s is true or false, written without quotes",
                                              input->name);
                v.number = flag;
                break;
        case FACT_BYTES:
                TRY(read_bytes(c, d, input, at, &v));
                break;
        }
        *ret = v;
        return NULL;
}
