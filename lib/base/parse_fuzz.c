/* Every text parser on the same input. What one accepts must print back as the text that it came from, so each form of
 * a value is the only one (wall time and the units aside, which have several); refused input leaves outputs alone. */
#include "lib/base/parse.h"

#include "lib/base/clock.h"
#include "tests/fakes/fuzz.h"

static void numbers(struct span text)
{
        AUTO(buf) struct buf back = BUF(64);
        uint64_t u = 0;
        AUTO(fault) struct fault *unsigned_fault = parse_u64(text, 0, UINT64_MAX, &u);
        AUTO(fault) struct fault *unsigned_print = buf_printf(&back, "%llu", (unsigned long long) u);
        must(unsigned_print == NULL && (unsigned_fault != NULL || span_eq(buf_span(&back), text)));

        buf_truncate(&back, 0);
        int64_t i = 0;
        AUTO(fault) struct fault *signed_fault = parse_i64(text, INT64_MIN, INT64_MAX, &i);
        AUTO(fault) struct fault *signed_print = buf_printf(&back, "%lld", (long long) i);
        must(signed_print == NULL && (signed_fault != NULL || span_eq(buf_span(&back), text)));

        bool flag = false;
        AUTO(fault) struct fault *flag_fault = parse_bool(text, &flag);
        must(flag_fault != NULL || span_eq_str(text, flag ? "true" : "false"));

        int64_t ms = -1;
        AUTO(fault) struct fault *duration_fault = parse_duration_ms(text, 5, 1000000, &ms);
        must(duration_fault != NULL ? ms == -1 : ms >= 5 && ms <= 1000000);

        uint64_t bytes = UINT64_MAX;
        AUTO(fault) struct fault *size_fault = parse_size(text, 5, 1000000, &bytes);
        must(size_fault != NULL ? bytes == UINT64_MAX : bytes >= 5 && bytes <= 1000000);

        uint32_t mode = UINT32_MAX;
        AUTO(fault) struct fault *mode_fault = parse_mode(text, &mode);
        must(mode_fault != NULL ? mode == UINT32_MAX : mode <= 07777);
}

static void times(struct span text)
{
        struct wall w = {INT64_MIN};
        AUTO(fault) struct fault *f = wall_parse(text, &w);
        char back[WALL_TEXT_LEN + 1];
        wall_format(w, back);
        if (f != NULL)
                must(w.unix_ms == INT64_MIN);
        else if (text.len == WALL_TEXT_LEN)
                must(span_eq_str(text, back));
}

static void encodings(struct span text)
{
        static const struct {
                struct fault *(*decode)(struct span text, struct buf *out);
                struct fault *(*encode)(struct span bytes, struct buf *out);
                bool one_form;
        } forms[] = {
                {hex_decode, hex_encode, false}, /* both cases are read */
                {base64_decode, base64_encode, true},
                {base64url_decode, base64url_encode, true},
        };
        for (size_t i = 0; i < COUNT_OF(forms); i++) {
                AUTO(buf) struct buf bytes = BUF(1 << 20), back = BUF(4 << 20);
                AUTO(fault) struct fault *f = forms[i].decode(text, &bytes);
                must(f == NULL || bytes.len == 0);
                if (f != NULL)
                        continue;
                AUTO(fault) struct fault *encode_fault = forms[i].encode(buf_span(&bytes), &back);
                must(encode_fault == NULL && back.len == text.len);
                must(!forms[i].one_form || span_eq(buf_span(&back), text));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span text = span_make(data, size);
        numbers(text);
        times(text);
        encodings(text);
        return 0;
}
