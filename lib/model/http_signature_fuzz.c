/* A request as text, its first line "METHOD target", then fields, an empty line and a body: read as a receiver has it. What signs is never the
 * holder's key, so nothing may hold; the two structured fields are read for themselves as well. */
#include "lib/model/http_fields.h"
#include "lib/model/http_signature.h"

#include "tests/fakes/fuzz.h"

#define FIELDS 24

static struct span next_line(struct span *rest)
{
        size_t len = 0;

        while (len < rest->len && rest->data[len] != '\n')
                len++;
        struct span line = span_slice(*rest, 0, len);
        size_t used = len < rest->len ? len + 1 : len;
        *rest = span_slice(*rest, used, rest->len - used);
        return line;
}

/* Splits at the first `at`; false: none is there. */
static bool cut(struct span s, char at, struct span *ret_before, struct span *ret_after)
{
        for (size_t i = 0; i < s.len; i++)
                if (s.data[i] == (uint8_t) at) {
                        *ret_before = span_slice(s, 0, i);
                        *ret_after = span_slice(s, i + 1, s.len - i - 1);
                        return true;
                }
        return false;
}

static void read_alone(struct span text)
{
        struct signature_inputs inputs;
        AUTO(buf) struct buf bytes = BUF(text.len);

        AUTO(fault) struct fault *f = signature_inputs_read(text, &inputs);
        for (size_t i = 0; f == NULL && i < inputs.count; i++)
                if (inputs.items[i].params.data < text.data || inputs.items[i].params.len > text.len)
                        abort();
        AUTO(fault) struct fault *g = field_bytes_of(text, SPAN("wimse"), &bytes);
        if (g == NULL && bytes.len >= text.len)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct wit holder = {.key_alg = "ES256"};
        static const char *const audiences[] = {"https://pay.corp.example/charge", NULL};
        struct span rest = span_make(data, size), line = next_line(&rest), name = SPAN_NONE, value = SPAN_NONE;
        char *names[FIELDS] = {NULL};
        struct http_field fields[FIELDS];
        struct http_message m = {.fields = fields};
        AUTO(http_signature) struct http_signature s = {0};

        if (holder.key == NULL) {
                AUTO(fault) struct fault *f = key_generate(KEY_P256, &holder.key);
                must(f == NULL);
        }
        if (!cut(line, ' ', &m.method, &m.target))
                return 0;
        while ((line = next_line(&rest)).len > 0 && m.field_count < FIELDS) {
                if (!cut(line, ':', &name, &value) || span_has_nul(name))
                        continue;
                names[m.field_count] = name.len > 0 ? span_to_string(name) : alloc_string("");
                fields[m.field_count] = (struct http_field){names[m.field_count], value};
                m.field_count++;
                read_alone(value);
        }
        m.body = rest;
        const struct http_signature_rules rules = {SPAN("wit"), &holder, audiences, {1795392000000}, 0, 0};
        AUTO(fault) struct fault *f = http_signature_verify(&m, &rules, &s);
        if (f == NULL || (fault_code(f) != FAULT_UNAUTHENTICATED && fault_code(f) != FAULT_EXHAUSTED))
                abort();
        for (size_t i = 0; i < m.field_count; i++)
                free(names[i]);
        return 0;
}
