/* Both steps of an enrolment through the handlers, with one thing wrong at a time. The TPM is one of bytes: what its ActivateCredential
 * would find is read from the challenge, which the test can open. */
#include "issuer/api/enrol_challenge.h"
#include "lib/crypt/binding.h"
#include "tests/fakes/issuer.h"

static struct fake_issuer issuer;

struct enrolling {
        struct enrol_request first;
        struct activate_request second;
        struct fake_token token;
        bool has_token;
        struct fake_ek_certificate certificate;
        struct httpd_request q;
        struct binding quoted;
        struct fake_quote quote;
        size_t evidence_count;
        const struct fake_tpm *signer; /* of the quote */
        struct httpd_response response;
};
typedef void (*change)(struct enrolling *e);

static struct buf bytes_of(struct span s)
{
        struct buf b = BUF(EVIDENCE_ITEM_MAX);
        expect_ok(buf_append(&b, s));
        return b;
}

static void set_bytes(struct buf *b, struct span s)
{
        buf_clear(b);
        *b = bytes_of(s);
}

static struct buf nonce_of_now(void)
{
        struct buf nonce = BUF(NONCE_LEN);
        uint8_t random[NONCE_RANDOM_LEN], made[NONCE_LEN];
        authority_serial(random);
        nonce_make(issuer.master, ISSUER_AUDIENCE, clock_wall(&issuer.time.clock), random, made);
        expect_ok(buf_append(&nonce, SPAN_OF(made)));
        return nonce;
}

static void begin(struct enrolling *e)
{
        *e = (struct enrolling){.has_token = true, .evidence_count = 1, .signer = &issuer.tpm};
        e->token = fake_token_of("attester", "attester-x", "uid-attester");
        e->token.namespace = "vouchsafe";
        e->certificate =
                fake_ek_certificate(issuer.tpm.ek, "maker", issuer.maker, wall_unix_s(clock_wall(&issuer.time.clock)));
        e->first.audience = alloc_string(ISSUER_AUDIENCE);
        e->first.nonce = nonce_of_now();
        e->first.ek_public = bytes_of(buf_span(&issuer.tpm.ek_public));
        e->first.ak_public = bytes_of(buf_span(&issuer.tpm.ak_public));
        e->q = fake_request(&issuer, "POST", PATH_ATTESTATION_KEYS, SPAN_NONE);
        e->response = fake_response();
}

static void end(struct enrolling *e)
{
        enrol_request_clear(&e->first);
        activate_request_clear(&e->second);
        fake_quote_clear(&e->quote);
        buf_clear(&e->response.body);
}

static void post_first(struct enrolling *e)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        if (e->first.certificate_count == 0 && e->certificate.key != NULL) {
                e->first.certificates[0] = BUF(CERT_MAX);
                fake_ek_certificate_write(&e->certificate, &e->first.certificates[0]);
                e->first.certificate_count = 1;
        }
        if (e->has_token && e->first.token == NULL)
                e->first.token = fake_token_sign(&issuer, &e->token);
        expect_ok(enrol_request_write(&e->first, &r));
        expect_ok(envelope_write(buf_span(&r), NULL, &body));
        e->q.body = buf_span(&body);
        buf_truncate(&e->response.body, 0);
        e->response.status = 200;
        expect_ok(attestation_keys_post(&issuer.api, &e->q, &e->response));
}

/* What the TPM would do with the reply. */
static void open_reply(struct enrolling *e)
{
        AUTO(enrol_reply) struct enrol_reply reply = {0};
        AUTO(enrol_challenge) struct enrol_challenge c = {0};
        if (e->response.status != 200)
                fail_msg("first step: %s", buf_str(&e->response.body));
        expect_ok(enrol_reply_read(buf_span(&e->response.body), &reply));
        expect_ok(enrol_challenge_open(issuer.master, ISSUER_AUDIENCE, buf_span(&reply.challenge), &c));
        assert_memory_equal(c.client_spki_digest, e->q.client_spki_sha256, SHA256_LEN);
        assert_true(span_eq(buf_span(&c.record->name), buf_span(&issuer.tpm.ak_name)));
        e->second.audience = alloc_string(ISSUER_AUDIENCE);
        e->second.nonce = bytes_of(buf_span(&reply.nonce));
        e->second.challenge = bytes_of(buf_span(&reply.challenge));
        e->second.secret = secret_copy(secret_span(c.secret));
}

static void post_second(struct enrolling *e, change quoted, change quote)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX), transcript = BUF(BINDING_T_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        expect_ok(activate_request_write(&e->second, &r));
        e->quoted = (struct binding){
                .purpose = BINDING_ENROL, .nonce = buf_span(&e->second.nonce), .audience = SPAN(ISSUER_AUDIENCE)};
        sha256(buf_span(&r), e->quoted.request_digest);
        memcpy(e->quoted.client_spki_digest, e->q.client_spki_sha256, SHA256_LEN);
        memcpy(e->quoted.exporter, e->q.exporter, BINDING_EXPORTER_LEN);
        if (quoted != NULL)
                quoted(e);
        expect_ok(binding_write(&e->quoted, &transcript));
        fake_quote_clear(&e->quote);
        fake_quote_init(&e->quote, e->signer, buf_span(&transcript));
        e->quote.clock_ms = (uint64_t) clock_wall(&issuer.time.clock).unix_ms;
        if (quote != NULL)
                quote(e);
        for (size_t i = 0; i < e->evidence_count; i++) {
                struct cmw_item *item = &evidence.items[evidence.count++];
                (void) snprintf(item->type, sizeof item->type, "%s", CMW_TPM_QUOTE);
                (void) snprintf(item->label, sizeof item->label, "%zu", i);
                item->value = BUF(EVIDENCE_ITEM_MAX);
                fake_quote_evidence(&e->quote, e->signer, &item->value);
        }
        expect_ok(envelope_write(buf_span(&r), evidence.count > 0 ? &evidence : NULL, &body));
        e->q.body = buf_span(&body);
        buf_truncate(&e->response.body, 0);
        e->response.status = 200;
        expect_ok(activate_post(&issuer.api, &e->q, &e->response));
}

static struct ak_record *enrolled(void)
{
        struct ak_record *r = NULL;
        AUTO(fault) struct fault *none = store_find_ak(issuer.api.store, buf_span(&issuer.tpm.ak_name), &r);
        assert_true(none == NULL || fault_code(none) == FAULT_NOT_FOUND);
        return r;
}

/* ---- the good way ---- */

static void a_key_is_enrolled_for_its_node_and_clock(void **state UNUSED)
{
        struct enrolling e;
        begin(&e);
        post_first(&e);
        assert_null(enrolled()); /* nothing is kept for who has proved nothing */
        open_reply(&e);
        post_second(&e, NULL, NULL);
        assert_int_equal(e.response.status, 200);
        AUTO(ak_record) struct ak_record *r = enrolled();
        assert_non_null(r);
        assert_string_equal(r->node, CLUSTER_NODE);
        assert_string_equal(r->cluster, "demo");
        assert_true(r->has_clock);
        assert_int_equal(r->clock_ms, e.quote.clock_ms);
        end(&e);
}

/* ---- the first step ---- */

static void other_audience(struct enrolling *e)
{
        free(e->first.audience);
        e->first.audience = alloc_string("https://other.example");
}
static void short_nonce(struct enrolling *e)
{
        buf_truncate(&e->first.nonce, NONCE_LEN - 1);
}
static void no_client_key(struct enrolling *e)
{
        e->q.has_client_spki = false;
}
static void no_certificate(struct enrolling *e)
{
        e->certificate.key = NULL;
}
/* Of another TPM of the same maker. */
static void other_certificate(struct enrolling *e)
{
        static struct key *other;
        if (other == NULL)
                expect_ok(key_generate(KEY_P256, &other));
        e->certificate.key = other;
}
static void expired_certificate(struct enrolling *e)
{
        e->certificate.not_after_unix_s = wall_unix_s(clock_wall(&issuer.time.clock)) - 1;
}
static void signing_certificate(struct enrolling *e)
{
        e->certificate.key_usage = "critical,digitalSignature";
}
static void forged_certificate(struct enrolling *e)
{
        e->certificate.issuer_key = issuer.tpm.ek; /* under the maker's name */
}
static void ak_as_ek(struct enrolling *e)
{
        set_bytes(&e->first.ek_public, buf_span(&issuer.tpm.ak_public));
        e->certificate.key = issuer.tpm.ak;
}
static void ek_as_ak(struct enrolling *e)
{
        set_bytes(&e->first.ak_public, buf_span(&issuer.tpm.ek_public));
}
static void loose_ak(struct enrolling *e)
{
        struct fake_public ak = fake_ak(issuer.tpm.ak);
        ak.attributes &= ~(uint32_t) TPMA_RESTRICTED;
        buf_clear(&e->first.ak_public);
        e->first.ak_public = BUF(1024);
        fake_public_write(&ak, &e->first.ak_public);
}
static void truncated_ak(struct enrolling *e)
{
        buf_truncate(&e->first.ak_public, e->first.ak_public.len - 1);
}
static void no_token(struct enrolling *e)
{
        e->has_token = false;
}
static void pods_token(struct enrolling *e)
{
        e->token.namespace = "payroll";
        e->token.service_account = "app";
}
static void nodeless_token(struct enrolling *e)
{
        e->token.node = NULL;
}
static void expired_token(struct enrolling *e)
{
        e->token.life_s = -60;
}
static void api_servers_token(struct enrolling *e)
{
        e->token.audience = "https://kubernetes.default.svc";
}
static void forged_token(struct enrolling *e)
{
        e->token.is_corrupt = true;
}

static void the_first_step_refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                change what;
                int status;
                const char *check;
        } rows[] = {
                {"for another issuer", other_audience, 403, "audience"},
                {"nonce a byte short", short_nonce, 401, "nonce.malformed"},
                {"no client certificate", no_client_key, 401, "binding.client_key"},
                {"no EK certificate", no_certificate, 403, "ek.missing"},
                {"EK certificate of another TPM", other_certificate, 403, "ek.key"},
                {"EK certificate expired", expired_certificate, 403, "ek.expired"},
                {"certificate of a signing key", signing_certificate, 403, "ek.purpose"},
                {"forged by name", forged_certificate, 403, "ek.signature"},
                {"AK shown as EK", ak_as_ek, 403, "ek.template"},
                {"EK shown as AK", ek_as_ak, 403, "ak.attributes"},
                {"AK that is not restricted", loose_ak, 403, "ak.attributes"},
                {"AK a byte short", truncated_ak, 403, "ak.public"},
                {"no token", no_token, 403, "k8s.missing"},
                {"a pod's token", pods_token, 403, "k8s.attester"},
                {"token of no node", nodeless_token, 403, "k8s.node"},
                {"expired token", expired_token, 403, "k8s.expired"},
                {"token for the API server", api_servers_token, 403, "k8s.audience"},
                {"forged token", forged_token, 403, "k8s.signature"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct enrolling e;
                begin(&e);
                rows[i].what(&e);
                post_first(&e);
                expect_refusal(&e.response, rows[i].status, rows[i].check, rows[i].name);
                end(&e);
        }
}

/* ---- the second step ---- */

static void wrong_secret(struct enrolling *e)
{
        secret_bytes(e->second.secret)[31] ^= 1;
}
static void short_secret(struct enrolling *e)
{
        secret_shrink(e->second.secret, 31);
}
static void changed_challenge(struct enrolling *e)
{
        e->second.challenge.data[e->second.challenge.len - 1] ^= 1;
}
static void late(struct enrolling *e)
{
        fake_clock_advance_ms(&issuer.time, ENROL_LIFE_S * 1000LL);
        buf_clear(&e->second.nonce);
        e->second.nonce = nonce_of_now();
}
static void used_nonce(struct enrolling *e)
{
        set_bytes(&e->second.nonce, buf_span(&e->first.nonce));
}
static void other_client(struct enrolling *e)
{
        e->q.client_spki_sha256[0] ^= 1;
}
static void no_quote(struct enrolling *e)
{
        e->evidence_count = 0;
}
static void two_quotes(struct enrolling *e)
{
        e->evidence_count = 2;
}
static void other_tpms_quote(struct enrolling *e)
{
        static struct fake_tpm other;
        if (other.ak == NULL)
                fake_tpm_init(&other);
        e->signer = &other;
}
static void for_issuing(struct enrolling *e)
{
        e->quoted.purpose = BINDING_ISSUE;
}
static void other_exporter(struct enrolling *e)
{
        e->quoted.exporter[0] ^= 1;
}
static void bad_signature(struct enrolling *e)
{
        e->quote.signature_is_wrong = true;
}

static void the_second_step_refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                change what, quoted, quote;
                int status;
                const char *check;
        } rows[] = {
                {"wrong secret", wrong_secret, NULL, NULL, 403, "enrol.secret"},
                {"secret a byte short", short_secret, NULL, NULL, 403, "enrol.secret"},
                {"challenge changed", changed_challenge, NULL, NULL, 401, "enrol.challenge"},
                {"challenge expired", late, NULL, NULL, 403, "enrol.expired"},
                {"nonce of the first step", used_nonce, NULL, NULL, 409, "nonce.replayed"},
                {"over another client key", other_client, NULL, NULL, 403, "enrol.client_key"},
                {"no quote", no_quote, NULL, NULL, 400, "evidence.missing"},
                {"two quotes", two_quotes, NULL, NULL, 400, "evidence.count"},
                {"another TPM's quote", other_tpms_quote, NULL, NULL, 403, "enrol.ak"},
                {"quoted for issuing", NULL, for_issuing, NULL, 403, "tpm.extra_data"},
                {"quoted on another connection", NULL, other_exporter, NULL, 403, "tpm.extra_data"},
                {"signature of the quote", NULL, NULL, bad_signature, 403, "tpm.signature"},
        };
        AUTO(ak_record) struct ak_record *before = enrolled();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct enrolling e;
                begin(&e);
                post_first(&e);
                open_reply(&e);
                if (rows[i].what != NULL)
                        rows[i].what(&e);
                post_second(&e, rows[i].quoted, rows[i].quote);
                expect_refusal(&e.response, rows[i].status, rows[i].check, rows[i].name);
                end(&e);
        }
        AUTO(ak_record) struct ak_record *after = enrolled();
        assert_int_equal(after->clock_ms, before->clock_ms); /* none of them touched the row */
}

/* ---- again ---- */

static void a_challenge_is_good_once(void **state UNUSED)
{
        struct enrolling e;
        begin(&e);
        post_first(&e);
        open_reply(&e);
        post_second(&e, NULL, NULL);
        assert_int_equal(e.response.status, 200);
        buf_clear(&e.second.nonce);
        e.second.nonce = nonce_of_now();
        post_second(&e, NULL, NULL);
        expect_refusal(&e.response, 409, "enrol.replayed", "with a nonce of its own");
        end(&e);
}

static void older_clock(struct enrolling *e)
{
        e->quote.clock_ms = 1;
}
static void older_boot(struct enrolling *e)
{
        e->quote.reset_count--;
}

static void enrolling_again_does_not_wind_the_clock_back(void **state UNUSED)
{
        static const struct {
                const char *name, *check;
                change quote;
        } rows[] = {{"clock", "tpm.clock", older_clock}, {"boot", "tpm.reset_count", older_boot}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct enrolling e;
                begin(&e);
                post_first(&e);
                open_reply(&e);
                post_second(&e, NULL, rows[i].quote);
                expect_refusal(&e.response, 403, rows[i].check, rows[i].name);
                end(&e);
        }
}

static void a_machine_may_get_another_node_name(void **state UNUSED)
{
        struct enrolling e;
        begin(&e);
        e.token.node = "node-9";
        post_first(&e);
        open_reply(&e);
        post_second(&e, NULL, NULL);
        assert_int_equal(e.response.status, 200);
        AUTO(ak_record) struct ak_record *r = enrolled();
        assert_string_equal(r->node, "node-9");
        end(&e);
}

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_key_is_enrolled_for_its_node_and_clock),
                cmocka_unit_test(the_first_step_refuses),
                cmocka_unit_test(the_second_step_refuses),
                cmocka_unit_test(a_challenge_is_good_once),
                cmocka_unit_test(enrolling_again_does_not_wind_the_clock_back),
                cmocka_unit_test(a_machine_may_get_another_node_name),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
