#include "lib/model/http_signature.h"

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/model/http_fields.h"
#include "lib/model/http_signature_base.h"

#define WIT   "header.claims.signature"
#define AUD   "https://pay.corp.example/charge"
#define NONCE "AAECAwQFBgcICQoLDA0ODw"
#define BODY  "{\"amount\":1}"

static const char *const audiences[] = {"https://other.corp.example/", AUD, NULL};

/* A signed POST whose fields a test may change. */
struct request {
        struct key *key;
        struct wit holder;
        struct http_field fields[12];
        struct http_message m;
        struct buf digest, input, signature;
};

static void request_clear(struct request *r)
{
        key_free(r->key);
        wit_clear(&r->holder);
        buf_clear(&r->digest);
        buf_clear(&r->input);
        buf_clear(&r->signature);
}
DEFINE_AUTO_VALUE(request)

static void add_field(struct request *r, const char *name, struct span value)
{
        assert_true(r->m.field_count < COUNT_OF(r->fields));
        r->fields[r->m.field_count++] = (struct http_field){name, value};
}

static void request_init(struct request *r, enum key_kind kind, const char *target, const char *body)
{
        *r = (struct request){.key = test_key(kind), .digest = BUF(256), .input = BUF(4096), .signature = BUF(1024)};
        r->holder.key_alg = jwt_alg_of(r->key);
        expect_ok(key_from_spki(key_spki(r->key), &r->holder.key));
        r->m = (struct http_message){
                .method = SPAN("POST"), .target = span_str(target), .fields = r->fields, .body = span_str(body)};
        add_field(r, "Host", SPAN("pay.corp.example"));
        add_field(r, "Workload-Identity-Token", SPAN(WIT));
        if (body[0] != '\0') {
                expect_ok(http_content_digest(r->m.body, &r->digest));
                add_field(r, "Content-Type", SPAN(" application/json "));
                add_field(r, "content-digest", buf_span(&r->digest));
        }
}

static void sign(struct request *r, bool by_path)
{
        struct http_signature_order o = {&r->m, AUD, NONCE, TEST_NOW_S, TEST_NOW_S + 60, by_path};
        struct jwt_signer signer = jwt_signer_of(r->key, NULL);

        expect_ok(http_signature_build(&o, &signer, &r->input, &r->signature));
        add_field(r, "Signature-Input", buf_span(&r->input));
        add_field(r, "Signature", buf_span(&r->signature));
}

/* Signs any text of Signature-Input that can be read: what a sender that follows no profile would send. */
static void sign_text(struct request *r, const char *input)
{
        struct signature_inputs inputs;
        AUTO(buf) struct buf base = BUF(65536), raw = BUF(SIGNATURE_MAX);
        struct jwt_signer signer = jwt_signer_of(r->key, NULL);

        expect_ok(signature_inputs_read(span_str(input), &inputs));
        const struct signature_input *s = &inputs.items[0];
        for (size_t i = 0; i < s->component_count; i++)
                expect_ok(http_base_add(&r->m, s->components[i], &base));
        expect_ok(http_base_end(s->params, &base));
        expect_ok(signer.sign(signer.self, buf_span(&base), &raw));
        expect_ok(buf_append_str(&r->input, input));
        expect_ok(buf_append(&r->signature, s->label));
        expect_ok(buf_append_str(&r->signature, "=:"));
        expect_ok(base64_encode(buf_span(&raw), &r->signature));
        expect_ok(buf_append_byte(&r->signature, ':'));
        add_field(r, "Signature-Input", buf_span(&r->input));
        add_field(r, "Signature", buf_span(&r->signature));
}

static struct fault *verify_at(const struct request *r, int64_t at_s, int64_t leeway_s)
{
        AUTO(http_signature) struct http_signature s = {0};
        struct http_signature_rules rules = {SPAN(WIT), &r->holder, audiences, wall_from_unix_s(at_s), leeway_s, 0};
        struct fault *f = http_signature_verify(&r->m, &rules, &s);

        assert_true(f != NULL || (strcmp(s.nonce, NONCE) == 0 && strcmp(s.audience, AUD) == 0));
        return f;
}

static struct fault *verify(const struct request *r)
{
        return verify_at(r, TEST_NOW_S, 0);
}

static void there_and_back(void **state UNUSED)
{
        static const char *const targets[] = {"/charge?currency=EUR", "/charge", "/", "/a?"}, *const bodies[] = {BODY,
                                                                                                                 ""};

        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++)
                for (size_t i = 0; i < COUNT_OF(targets) * COUNT_OF(bodies) * 2; i++) {
                        AUTO(request) struct request r;
                        request_init(&r, kind, targets[i / 4], bodies[i / 2 % 2]);
                        sign(&r, i % 2 == 1);
                        expect_ok(verify(&r));
                }
        /* as RFC 9421, section 2.5, writes it */
        AUTO(request) struct request r;
        request_init(&r, KEY_P256, "/charge?currency=EUR", BODY);
        sign(&r, /* by_path= */ false);
        assert_string_equal(buf_str(&r.input),
                            "wimse=(\"@method\" \"@request-target\" \"content-type\" \"content-digest\" "
                            "\"workload-identity-token\");created=1795392000;expires=1795392060;nonce=\"" NONCE
                            "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"");
        AUTO(buf) struct buf base = BUF(1024);
        expect_ok(http_base_add(&r.m, SPAN("content-type"), &base));
        expect_ok(http_base_add(&r.m, SPAN("@query"), &base));
        expect_ok(http_base_add(&r.m, SPAN("@path"), &base));
        assert_string_equal(buf_str(&base),
                            "\"content-type\": application/json\n\"@query\": ?currency=EUR\n\"@path\": /charge\n");
}

static void dates(void **state UNUSED)
{
        AUTO(request) struct request r;
        request_init(&r, KEY_P256, "/charge", "");
        sign(&r, false);
        expect_ok(verify_at(&r, TEST_NOW_S + 59, 0));
        expect_fault(verify_at(&r, TEST_NOW_S + 60, 0), FAULT_UNAUTHENTICATED, "http_signature.expired");
        expect_ok(verify_at(&r, TEST_NOW_S + 60, 1));
        expect_fault(verify_at(&r, TEST_NOW_S - 1, 0), FAULT_UNAUTHENTICATED, "http_signature.not_yet_valid");
        expect_ok(verify_at(&r, TEST_NOW_S - 1, 1));
}

/* The message changes after it was signed. */
static void refuses_changed_messages(void **state UNUSED)
{
        static const struct {
                const char *name, *method, *target, *body, *field, *value, *token;
        } rows[] = {
                {"as it was", NULL, NULL, NULL, "Accept", "x", NULL},
                {"another method", "PUT", NULL, NULL, NULL, NULL, "http_signature.signature"},
                {"method in lower case", "post", NULL, NULL, NULL, NULL, "http_signature.signature"},
                {"another query", NULL, "/charge?currency=USD", NULL, NULL, NULL, "http_signature.signature"},
                {"no query", NULL, "/charge", NULL, NULL, NULL, "http_signature.signature"},
                {"another path", NULL, "/charges?currency=EUR", NULL, NULL, NULL, "http_signature.signature"},
                {"target with a line break", NULL, "/x\n\"@method\": GET", NULL, NULL, NULL, "http_signature.field"},
                {"another body", NULL, NULL, "{\"amount\":2}", NULL, NULL, "http_signature.digest"},
                {"no body", NULL, NULL, "", NULL, NULL, "http_signature.digest"},
                {"Authorization came up", NULL, NULL, NULL, "Authorization", "Bearer x", "http_signature.coverage"},
                {"Txn-Token came up", NULL, NULL, NULL, "Txn-Token", "x", "http_signature.coverage"},
                {"a second type", NULL, NULL, NULL, "Content-Type", "text/plain", "http_signature.field"},
                {"a second token", NULL, NULL, NULL, "workload-identity-token", WIT, "http_signature.field"},
                {"a second signature field", NULL, NULL, NULL, "Signature", "a=:AA==:", "http_signature.field"},
                {"a second input field", NULL, NULL, NULL, "Signature-Input", "a=()", "http_signature.field"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(request) struct request r;
                request_init(&r, KEY_P256, "/charge?currency=EUR", BODY);
                sign(&r, false);
                if (rows[i].method != NULL)
                        r.m.method = span_str(rows[i].method);
                if (rows[i].target != NULL)
                        r.m.target = span_str(rows[i].target);
                if (rows[i].body != NULL)
                        r.m.body = span_str(rows[i].body);
                if (rows[i].field != NULL)
                        add_field(&r, rows[i].field, span_str(rows[i].value));
                struct fault *f = verify(&r);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

#define REST                                                                                                           \
        ";created=1795392000;expires=1795392060;nonce=\"" NONCE                                                        \
        "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\""
#define COVERS "(\"@method\" \"@request-target\" \"workload-identity-token\")"

/* Validly signed by the right key, and yet not of the profile. */
static void refuses_inputs(void **state UNUSED)
{
        static const struct {
                const char *name, *input, *token;
        } rows[] = {
                {"as it should be", "wimse=" COVERS REST, NULL},
                {"another label", "sig1=" COVERS REST, NULL},
                {"more is covered",
                 "s=(\"host\" \"@method\" \"@request-target\" \"@path\" \"workload-identity-token\")" REST, NULL},
                {"beside another signature", "s=" COVERS REST ", b=(\"@status\");keyid=\"x\";alg=\"rsa-v1_5-sha256\"",
                 NULL},
                {"beside another of the profile", "s=" COVERS REST ", b=" COVERS REST, "http_signature.tag"},
                {"no tag",
                 "s=" COVERS ";created=1795392000;expires=1795392060;nonce=\"" NONCE "\";wimse-aud=\"" AUD "\"",
                 "http_signature.tag"},
                {"another tag", "s=" COVERS ";created=1795392000;expires=1795392060;nonce=\"" NONCE "\";tag=\"x\"",
                 "http_signature.tag"},
                {"tag no string", "s=" COVERS ";tag=wimse-workload-to-workload", "http_signature.tag"},
                {"method not covered", "s=(\"@request-target\" \"workload-identity-token\")" REST,
                 "http_signature.coverage"},
                {"target not covered", "s=(\"@method\" \"workload-identity-token\")" REST, "http_signature.coverage"},
                {"only the path", "s=(\"@method\" \"@path\" \"workload-identity-token\")" REST,
                 "http_signature.coverage"},
                {"token not covered", "s=(\"@method\" \"@request-target\")" REST, "http_signature.coverage"},
                {"nothing covered", "s=()" REST, "http_signature.coverage"},
                {"a component twice",
                 "s=(\"@method\" \"@method\" \"@request-target\" \"workload-identity-token\")" REST,
                 "http_signature.component"},
                {"keyid", "s=" COVERS REST ";keyid=\"x\"", "http_signature.parameter"},
                {"alg", "s=" COVERS REST ";alg=\"ecdsa-p256-sha256\"", "http_signature.parameter"},
                {"a parameter of nobody's", "s=" COVERS REST ";x", "http_signature.parameter"},
                {"response wanted signed", "s=" COVERS REST ";wimse-sign-response", "http_signature.parameter"},
                {"no created",
                 "s=" COVERS ";expires=1795392060;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.parameter"},
                {"created a string",
                 "s=" COVERS ";created=\"1\";expires=1795392060;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.parameter"},
                {"created to come",
                 "s=" COVERS ";created=1795392001;expires=1795392060;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.not_yet_valid"},
                {"no expires",
                 "s=" COVERS ";created=1795392000;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.parameter"},
                {"expired",
                 "s=" COVERS ";created=1795391000;expires=1795392000;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.expired"},
                {"too long a life",
                 "s=" COVERS ";created=1795392000;expires=1795392301;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.life"},
                {"no nonce",
                 "s=" COVERS
                 ";created=1795392000;expires=1795392060;tag=\"wimse-workload-to-workload\";wimse-aud=\"" AUD "\"",
                 "http_signature.parameter"},
                {"a short nonce",
                 "s=" COVERS ";created=1795392000;expires=1795392060;nonce=\"1\";tag=\"wimse-workload-to-workload\";"
                 "wimse-aud=\"" AUD "\"",
                 "http_signature.nonce"},
                {"no audience",
                 "s=" COVERS ";created=1795392000;expires=1795392060;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\"",
                 "http_signature.parameter"},
                {"another audience",
                 "s=" COVERS ";created=1795392000;expires=1795392060;nonce=\"" NONCE
                 "\";tag=\"wimse-workload-to-workload\";wimse-aud=\"https://evil.example/\"",
                 "http_signature.audience"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(request) struct request r;
                request_init(&r, KEY_P256, "/charge", "");
                sign_text(&r, rows[i].input);
                struct fault *f = verify(&r);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

/* Texts that can't be read, or whose second way of writing is not taken. */
static void refuses_texts(void **state UNUSED)
{
        static const struct {
                const char *name, *input, *signature, *token;
        } rows[] = {
                {"nothing", "", "wimse=:AA==:", "http_signature.structure"},
                {"no list", "wimse", "wimse=:AA==:", "http_signature.structure"},
                {"label in upper case", "Wimse=" COVERS REST, "Wimse=:AA==:", "http_signature.structure"},
                {"a label twice", "s=" COVERS REST ", s=" COVERS REST, "s=:AA==:", "http_signature.structure"},
                {"two blanks", "s=(\"@method\"  \"@path\")" REST, "s=:AA==:", "http_signature.structure"},
                {"a blank inside", "s=( \"@method\")" REST, "s=:AA==:", "http_signature.structure"},
                {"a blank before a parameter", "s=" COVERS "; created=1", "s=:AA==:", "http_signature.structure"},
                {"a component that is a token", "s=(host)" REST, "s=:AA==:", "http_signature.structure"},
                {"a component with a parameter", "s=(\"@method\";req)" REST, "s=:AA==:", "http_signature.structure"},
                {"a list that doesn't end", "s=(\"@method\"", "s=:AA==:", "http_signature.structure"},
                {"an escape", "s=" COVERS ";nonce=\"a\\\"b\"", "s=:AA==:", "http_signature.structure"},
                {"a string that doesn't end", "s=" COVERS ";nonce=\"a", "s=:AA==:", "http_signature.structure"},
                {"a decimal", "s=" COVERS ";created=1.5", "s=:AA==:", "http_signature.structure"},
                {"leading zero", "s=" COVERS ";created=01", "s=:AA==:", "http_signature.structure"},
                {"sixteen digits", "s=" COVERS ";created=1000000000000000", "s=:AA==:", "http_signature.structure"},
                {"a flag of 2", "s=" COVERS ";x=?2", "s=:AA==:", "http_signature.structure"},
                {"no value", "s=" COVERS ";x=", "s=:AA==:", "http_signature.structure"},
                {"a parameter twice", "s=" COVERS ";tag=\"x\";tag=\"wimse-workload-to-workload\"",
                 "s=:AA==:", "http_signature.structure"},
                {"a comma at the end", "s=" COVERS REST ",", "s=:AA==:", "http_signature.structure"},
                {"something after it", "s=" COVERS REST " x", "s=:AA==:", "http_signature.structure"},
                {"no signature of its label", "s=" COVERS REST, "wimse=:AA==:", "http_signature.structure"},
                {"signature no bytes", "s=" COVERS REST, "s=\"AA\"", "http_signature.structure"},
                {"signature without end", "s=" COVERS REST, "s=:AA==", "http_signature.structure"},
                {"signature in base64url", "s=" COVERS REST, "s=:A-__:", "http_signature.structure"},
                {"signature unpadded", "s=" COVERS REST, "s=:AA:", "http_signature.structure"},
                {"a signature twice", "s=" COVERS REST, "s=:AA==:, s=:AA==:", "http_signature.structure"},
                {"empty signature", "s=" COVERS REST, "s=::", "http_signature.signature"},
                {"another signature", "s=" COVERS REST, "s=:AA==:", "http_signature.signature"},
                {"a component that isn't there",
                 "s=(\"@method\" \"@path\" \"@query\" \"workload-identity-token\" \"x-user\")" REST,
                 "s=:AA==:", "http_signature.field"},
                {"a component in upper case",
                 "s=(\"@method\" \"@path\" \"@query\" \"workload-identity-token\" \"Host\")" REST,
                 "s=:AA==:", "http_signature.component"},
                {"a component of responses",
                 "s=(\"@method\" \"@path\" \"@query\" \"workload-identity-token\" \"@status\")" REST,
                 "s=:AA==:", "http_signature.component"},
                {"a component without name",
                 "s=(\"@method\" \"@path\" \"@query\" \"workload-identity-token\" \"\")" REST,
                 "s=:AA==:", "http_signature.component"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(request) struct request r;
                request_init(&r, KEY_P256, "/charge", "");
                add_field(&r, "Signature-Input", span_str(rows[i].input));
                add_field(&r, "Signature", span_str(rows[i].signature));
                expect_fault_row(verify(&r), FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

static void refuses_what_is_missing(void **state UNUSED)
{
        AUTO(request) struct request bare, other, nobody, digest;
        AUTO(buf) struct buf input = BUF(4096), signature = BUF(1024);

        request_init(&bare, KEY_P256, "/charge", "");
        expect_fault(verify(&bare), FAULT_UNAUTHENTICATED, "http_signature.field");
        add_field(&bare, "Signature-Input", SPAN("s=" COVERS REST));
        expect_fault(verify(&bare), FAULT_UNAUTHENTICATED, "http_signature.field");

        request_init(&other, KEY_P256, "/charge", "");
        sign(&other, false);
        other.fields[1].value = SPAN(WIT "x");
        expect_fault(verify(&other), FAULT_UNAUTHENTICATED, "http_signature.wit");
        other.fields[1].name = "X-Token";
        expect_fault(verify(&other), FAULT_UNAUTHENTICATED, "http_signature.field");

        /* somebody else's key */
        request_init(&nobody, KEY_P256, "/charge", "");
        AUTO(key) struct key *mine = nobody.key;
        nobody.key = test_key(KEY_P256);
        sign(&nobody, false);
        expect_fault(verify(&nobody), FAULT_UNAUTHENTICATED, "http_signature.signature");

        /* nothing is built that would be refused */
        request_init(&digest, KEY_P256, "/charge", BODY);
        struct jwt_signer signer = jwt_signer_of(digest.key, NULL);
        struct http_signature_order o = {&digest.m, AUD, NONCE, TEST_NOW_S, TEST_NOW_S + 60, false};
        o.audience = "a\"b";
        expect_fault(http_signature_build(&o, &signer, &input, &signature), FAULT_INVALID, "BAD_FIELD");
        o.audience = "";
        expect_fault(http_signature_build(&o, &signer, &input, &signature), FAULT_INVALID, "BAD_FIELD");
        o.audience = AUD;
        digest.fields[3].name = "X-Digest";
        expect_fault(http_signature_build(&o, &signer, &input, &signature), FAULT_UNAUTHENTICATED,
                     "http_signature.digest");
        digest.m.body = SPAN_NONE;
        digest.fields[1].name = "X-Token";
        expect_fault(http_signature_build(&o, &signer, &input, &signature), FAULT_UNAUTHENTICATED,
                     "http_signature.field");
        assert_int_equal(input.len + signature.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back),
                cmocka_unit_test(dates),
                cmocka_unit_test(refuses_changed_messages),
                cmocka_unit_test(refuses_inputs),
                cmocka_unit_test(refuses_texts),
                cmocka_unit_test(refuses_what_is_missing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
