#include "attester/evidence/reader_wire.h"

#include <stdio.h>

#include "lib/wire/pbcheck.h"
#include "proto/reader.pb-c.h"
#include "tests/fakes/expect.h"

typedef Vouchsafe__Reader__V1__ReadCall call_t;
typedef Vouchsafe__Reader__V1__ReadAnswer answer_t;
typedef Vouchsafe__Reader__V1__Transcript transcript_t;
typedef Vouchsafe__Reader__V1__Secondary secondary_t;

static void evidence_call_goes_round(void **state)
{
        (void) state;
        struct read_call c = {.id = 7,
                              .deadline_ms = 1500,
                              .kind = "tpm",
                              .what = READ_EVIDENCE,
                              .binding = {.purpose = BINDING_RELEASE,
                                          .nonce = SPAN("\0nonce\0"),
                                          .audience = SPAN("https://issuer"),
                                          .secondary_count = 2,
                                          .secondary = {{.kind = 1, .digest = {9}}, {.kind = 255, .digest = {8}}}}};
        memset(c.binding.request_digest, 1, SHA256_LEN);
        memset(c.binding.client_spki_digest, 2, SHA256_LEN);
        memset(c.binding.exporter, 3, SHA256_LEN);
        AUTO(buf) struct buf frame = BUF(4096), t = BUF(BINDING_T_MAX), t_back = BUF(BINDING_T_MAX);
        AUTO(read_call) struct read_call back = {0};
        expect_ok(read_call_write(&c, &frame));
        expect_ok(read_call_read(buf_span(&frame), &back));
        assert_int_equal(back.id, 7);
        assert_int_equal(back.deadline_ms, 1500);
        assert_string_equal(back.kind, "tpm");
        assert_int_equal(back.what, READ_EVIDENCE);
        expect_ok(binding_write(&c.binding, &t)); /* the transcript that both sides build is the same */
        expect_ok(binding_write(&back.binding, &t_back));
        assert_true(span_eq(buf_span(&t), buf_span(&t_back)));
}

static void other_calls_go_round(void **state)
{
        (void) state;
        AUTO(read_call)
        struct read_call activation = {.id = 8,
                                       .kind = "tpm",
                                       .what = READ_ACTIVATION,
                                       .credential_blob = BUF(16),
                                       .encrypted_secret = BUF(16)};
        AUTO(read_call) struct read_call back = {0}, enrolment_back = {0};
        AUTO(buf) struct buf frame = BUF(4096), enrolment = BUF(4096);
        expect_ok(buf_append_str(&activation.credential_blob, "blob"));
        expect_ok(buf_append_str(&activation.encrypted_secret, "secret"));
        expect_ok(read_call_write(&activation, &frame));
        expect_ok(read_call_read(buf_span(&frame), &back));
        assert_int_equal(back.what, READ_ACTIVATION);
        assert_int_equal(back.deadline_ms, READER_DEADLINE_MAX_MS); /* unsaid */
        assert_string_equal(buf_str(&back.credential_blob), "blob");
        assert_string_equal(buf_str(&back.encrypted_secret), "secret");

        expect_ok(read_call_write(&(struct read_call){.id = 9, .kind = "tpm", .what = READ_ENROLMENT}, &enrolment));
        expect_ok(read_call_read(buf_span(&enrolment), &enrolment_back));
        assert_int_equal(enrolment_back.what, READ_ENROLMENT);

        AUTO(read_call) struct read_call hello = {0};
        buf_truncate(&frame, 0);
        expect_ok(read_call_write(&(struct read_call){.id = 10, .what = READ_HELLO, .version = 7}, &frame));
        expect_ok(read_call_read(buf_span(&frame), &hello));
        assert_int_equal(hello.what, READ_HELLO);
        assert_int_equal(hello.version, 7);
        assert_string_equal(hello.kind, "");
}

/* A good call, to be spoilt by a row. */
struct parts {
        call_t call;
        transcript_t transcript;
        secondary_t secondary;
        secondary_t *secondaries[BINDING_SECONDARY_MAX + 1];
        Vouchsafe__Reader__V1__Hello hello;
        uint8_t bytes[BINDING_NONCE_MAX + 1];
        char text[BINDING_AUDIENCE_MAX + 2];
};
static void init(struct parts *p)
{
        *p = (struct parts){.call = VOUCHSAFE__READER__V1__READ_CALL__INIT,
                            .transcript = VOUCHSAFE__READER__V1__TRANSCRIPT__INIT,
                            .secondary = VOUCHSAFE__READER__V1__SECONDARY__INIT,
                            .hello = VOUCHSAFE__READER__V1__HELLO__INIT};
        p->call.id = 1;
        p->call.kind = (char *) "tpm";
        p->call.what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_TRANSCRIPT;
        p->call.transcript = &p->transcript;
        p->transcript.purpose = BINDING_ISSUE;
        p->transcript.nonce = (ProtobufCBinaryData){4, p->bytes};
        p->transcript.audience = (char *) "https://issuer";
        p->transcript.request_digest = p->transcript.client_spki_digest = p->transcript.exporter =
                (ProtobufCBinaryData){SHA256_LEN, p->bytes};
        p->secondary.kind = 1;
        p->secondary.digest = (ProtobufCBinaryData){SHA256_LEN, p->bytes};
        for (size_t i = 0; i < COUNT_OF(p->secondaries); i++)
                p->secondaries[i] = &p->secondary;
        p->transcript.secondary = p->secondaries;
        memset(p->text, 'a', sizeof p->text - 1);
}

static void nothing(struct parts *p)
{
        (void) p;
}
static void no_id(struct parts *p)
{
        p->call.id = 0;
}
static void deadline_negative(struct parts *p)
{
        p->call.deadline_ms = -1;
}
static void deadline_long(struct parts *p)
{
        p->call.deadline_ms = READER_DEADLINE_MAX_MS + 1;
}
static void kind_long(struct parts *p)
{
        p->call.kind = p->text;
}
static void no_body(struct parts *p)
{
        p->call.what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT__NOT_SET;
}
static void purpose_0(struct parts *p)
{
        p->transcript.purpose = 0;
}
static void purpose_5(struct parts *p)
{
        p->transcript.purpose = BINDING_RELEASE + 1;
}
static void digest_short(struct parts *p)
{
        p->transcript.request_digest.len--;
}
static void spki_long(struct parts *p)
{
        p->transcript.client_spki_digest.len++;
}
static void exporter_missing(struct parts *p)
{
        p->transcript.exporter.len = 0;
}
static void nonce_long(struct parts *p)
{
        p->transcript.nonce.len = BINDING_NONCE_MAX + 1;
}
static void audience_long(struct parts *p)
{
        p->transcript.audience = p->text;
}
static void secondaries_many(struct parts *p)
{
        p->transcript.n_secondary = BINDING_SECONDARY_MAX + 1;
}
static void secondary_kind_256(struct parts *p)
{
        p->transcript.n_secondary = 1;
        p->secondary.kind = 256;
}
static void secondary_digest_short(struct parts *p)
{
        p->transcript.n_secondary = 1;
        p->secondary.digest.len = 31;
}

static void hello_of_no_version(struct parts *p)
{
        p->call.what_case = VOUCHSAFE__READER__V1__READ_CALL__WHAT_HELLO;
        p->call.hello = &p->hello;
}

static void calls_are_refused(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                void (*spoil)(struct parts *p);
        } rows[] = {
                {"good", nothing},
                {"no id", no_id},
                {"negative deadline", deadline_negative},
                {"deadline too long", deadline_long},
                {"kind too long", kind_long},
                {"no body", no_body},
                {"purpose 0", purpose_0},
                {"purpose 5", purpose_5},
                {"digest one byte short", digest_short},
                {"SPKI digest one byte long", spki_long},
                {"no exporter", exporter_missing},
                {"nonce too long", nonce_long},
                {"audience too long", audience_long},
                {"too many secondaries", secondaries_many},
                {"secondary kind 256", secondary_kind_256},
                {"secondary digest short", secondary_digest_short},
                {"hello of no version", hello_of_no_version},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct parts p;
                AUTO(buf) struct buf frame = BUF(8192);
                AUTO(read_call) struct read_call c = {0};
                init(&p);
                rows[i].spoil(&p);
                expect_ok(pb_pack(&p.call.base, &frame));
                struct fault *f = read_call_read(buf_span(&frame), &c);
                if (i == 0)
                        expect_ok(f);
                if (i > 0)
                        expect_fault_row(f, FAULT_INVALID, "READER_CALL", rows[i].name);
        }
        AUTO(read_call) struct read_call c = {0};
        expect_fault(read_call_read(SPAN("\xff\xff"), &c), FAULT_INVALID, "READER_CALL");
        expect_fault(read_call_read(SPAN_NONE, &c), FAULT_INVALID, "READER_CALL");
        expect_fault(read_call_read(SPAN("\x08\x01\x1a\x04tpm\0"), &c), FAULT_INVALID,
                     "READER_CALL"); /* NUL in the kind */
}

static void answers_go_round(void **state)
{
        (void) state;
        AUTO(read_answer)
        struct read_answer evidence = {.id = 1, .evidence.count = 1}, material = {.id = 2}, secret = {.id = 3},
                           failed = {.id = 4};
        AUTO(buf) struct buf frame = BUF(8192);
        struct read_answer *all[] = {&evidence, &material, &secret, &failed};

        snprintf(evidence.evidence.items[0].type, CMW_TYPE_MAX, "%s", CMW_TPM_QUOTE);
        evidence.evidence.items[0].value = BUF(16);
        expect_ok(buf_append_str(&evidence.evidence.items[0].value, "{}"));
        material.enrolment = (struct enrolment_material){
                .certificate_count = 1, .certificates = {BUF(8)}, .ek_public = BUF(8), .ak_public = BUF(8)};
        expect_ok(buf_append_str(&material.enrolment.certificates[0], "cert"));
        expect_ok(buf_append_str(&material.enrolment.ek_public, "ek"));
        expect_ok(buf_append_str(&material.enrolment.ak_public, "ak"));
        secret.secret = secret_copy(SPAN("secret"));
        failed.failed = fault(FAULT_PRECONDITION, "tee.wiped", "other TPM");

        for (size_t i = 0; i < COUNT_OF(all); i++) {
                AUTO(read_answer) struct read_answer a = {0};
                buf_truncate(&frame, 0);
                expect_ok(read_answer_write(all[i], &frame));
                expect_ok(read_answer_read(buf_span(&frame), &a));
                assert_int_equal(a.id, i + 1);
                assert_true((a.failed != NULL) == (i == 3));
                if (i == 0) {
                        assert_string_equal(a.evidence.items[0].type, CMW_TPM_QUOTE);
                        assert_string_equal(buf_str(&a.evidence.items[0].value), "{}");
                        assert_int_equal(a.evidence.items[0].indicator, CMW_IND_EVIDENCE);
                }
                if (i == 1) {
                        assert_int_equal(a.enrolment.certificate_count, 1);
                        assert_string_equal(buf_str(&a.enrolment.certificates[0]), "cert");
                        assert_string_equal(buf_str(&a.enrolment.ek_public), "ek");
                        assert_string_equal(buf_str(&a.enrolment.ak_public), "ak");
                }
                if (i == 2)
                        assert_true(secret_eq(a.secret, SPAN("secret")));
                if (i == 3) {
                        expect_fault(a.failed, FAULT_PRECONDITION, "tee.wiped");
                        a.failed = NULL;
                }
        }
}

static void answers_are_refused(void **state)
{
        (void) state;
        AUTO(read_answer) struct read_answer a = {0};
        AUTO(buf) struct buf frame = BUF(4096);
        answer_t m = VOUCHSAFE__READER__V1__READ_ANSWER__INIT;
        uint8_t bytes[65] = {0};
        m.id = 1;
        expect_ok(pb_pack(&m.base, &frame)); /* neither code nor body */
        expect_fault(read_answer_read(buf_span(&frame), &a), FAULT_INTERNAL, "READER_ANSWER");
        m.code = 17;
        buf_truncate(&frame, 0);
        expect_ok(pb_pack(&m.base, &frame));
        expect_fault(read_answer_read(buf_span(&frame), &a), FAULT_INTERNAL, "READER_ANSWER");
        m.code = 0;
        m.evidence = (ProtobufCBinaryData){1, bytes}; /* of no type */
        buf_truncate(&frame, 0);
        expect_ok(pb_pack(&m.base, &frame));
        expect_fault(read_answer_read(buf_span(&frame), &a), FAULT_INTERNAL, "READER_ANSWER");
        m.evidence.len = 0;
        m.secret = (ProtobufCBinaryData){65, bytes};
        buf_truncate(&frame, 0);
        expect_ok(pb_pack(&m.base, &frame));
        expect_fault(read_answer_read(buf_span(&frame), &a), FAULT_INTERNAL, "READER_ANSWER");
        expect_fault(read_answer_read(SPAN("\xff"), &a), FAULT_INTERNAL, "READER_ANSWER");
}

static void kinds_go_round(void **state)
{
        (void) state;
        AUTO(buf) struct buf frame = BUF(4096);
        AUTO(read_answer) struct read_answer back = {0};
        const struct read_answer a = {
                .id = 5, .kinds = {.version = READER_VERSION, .count = 2, .names = {EVIDENCE_SEV_SNP, EVIDENCE_TPM}}};
        expect_ok(read_answer_write(&a, &frame));
        expect_ok(read_answer_read(buf_span(&frame), &back));
        assert_int_equal(back.id, 5);
        assert_int_equal(back.kinds.version, READER_VERSION);
        assert_int_equal(back.kinds.count, 2);
        assert_string_equal(back.kinds.names[0], EVIDENCE_SEV_SNP);
        assert_string_equal(back.kinds.names[1], EVIDENCE_TPM);
}

static void kinds_are_refused(void **state)
{
        (void) state;
        static char long_name[NAME_MAX_LEN + 2];
        memset(long_name, 'k', NAME_MAX_LEN + 1);
        static const struct {
                const char *name;
                uint32_t version;
                size_t count;
                const char *kind;
                bool is_taken;
        } rows[] = {
                {"one", READER_VERSION, 1, "tpm", true},
                {"as many as there may be", READER_VERSION, READER_KINDS_MAX, "tpm", true},
                {"one more", READER_VERSION, READER_KINDS_MAX + 1, "tpm", false},
                {"none", READER_VERSION, 0, "tpm", false},
                {"no version", 0, 1, "tpm", false},
                {"no name", READER_VERSION, 1, "", false},
                {"a name too long", READER_VERSION, 1, long_name, false},
                {"another version, whatever it says", READER_VERSION + 1, 0, "", true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf frame = BUF(4096);
                AUTO(read_answer) struct read_answer a = {0};
                answer_t m = VOUCHSAFE__READER__V1__READ_ANSWER__INIT;
                Vouchsafe__Reader__V1__Kinds kinds = VOUCHSAFE__READER__V1__KINDS__INIT;
                char *names[READER_KINDS_MAX + 1];
                for (size_t n = 0; n < COUNT_OF(names); n++)
                        names[n] = (char *) rows[i].kind; /* only read */
                kinds.version = rows[i].version;
                kinds.n_kinds = rows[i].count;
                kinds.kinds = names;
                m.id = 1;
                m.kinds = &kinds;
                expect_ok(pb_pack(&m.base, &frame));
                struct fault *f = read_answer_read(buf_span(&frame), &a);
                if (rows[i].is_taken)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INTERNAL, "READER_ANSWER", rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evidence_call_goes_round), cmocka_unit_test(other_calls_go_round),
                cmocka_unit_test(calls_are_refused),        cmocka_unit_test(answers_go_round),
                cmocka_unit_test(answers_are_refused),      cmocka_unit_test(kinds_go_round),
                cmocka_unit_test(kinds_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
