/* Inputs as claims of a proof that the right key has signed, and as tokens. */
#include "lib/model/wpt.h"

#include "tests/fakes/fuzz.h"

static void try_token(struct span token, const struct wit *holder)
{
        static const char *const audiences[] = {"https://pay.corp.example/charge", NULL};
        static const struct wpt_other others[] = {{"x-user", SPAN("alice")}};
        AUTO(wpt) struct wpt w = {0};
        const struct wpt_rules rules = {.tokens = {SPAN("wit"), SPAN("at"), SPAN("tt"), 1, others},
                                        .holder = holder,
                                        .audiences = audiences,
                                        .now = {1795392000000}};

        AUTO(fault) struct fault *f = wpt_verify(token, &rules, &w);
        if (f != NULL ? fault_code(f) != FAULT_UNAUTHENTICATED
                      : strlen(w.id) < WPT_ID_MIN || strcmp(w.audience, audiences[0]) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct wit holder = {.key_alg = "ES256"};
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf token = BUF(WPT_MAX);

        if (holder.key == NULL) {
                AUTO(fault) struct fault *f = key_generate(KEY_P256, &holder.key);
                must(f == NULL);
        }
        try_token(span_make(data, size), &holder);
        AUTO(fault) struct fault *parsing = json_parse(span_make(data, size), &j);
        if (parsing != NULL)
                return 0;
        struct jwt_signer signer = jwt_signer_of(holder.key, NULL);
        AUTO(fault) struct fault *f = jwt_sign_by(&signer, WPT_TYPE, j, WPT_MAX, &token);
        if (f == NULL)
                try_token(buf_span(&token), &holder);
        return 0;
}
