/* Instance information in certificates of Google's virtual TPMs, one byte wrong. */
#include "issuer/verifier/tpm/tpm.h"

#include "tests/fakes/vector.h"

/* Where the extension's value begins in the recorded certificate: SEQUENCE, zone, … */
static size_t find_value(const struct buf *der)
{
        const uint8_t zone[] = "us-central1-a";
        const uint8_t *at = memmem(der->data, der->len, zone, sizeof(zone) - 1);
        assert_non_null(at);
        return (size_t) (at - der->data) - 4;
}

static void instance_information(void **state UNUSED)
{
        static const struct {
                const char *name;
                size_t at; /* from the value's first byte */
                uint8_t value;
                bool has_facts, is_good;
        } rows[] = {
                {"as recorded", 0, 0x30, true, true},
                {"no sequence", 0, 0x31, false, false},
                {"a byte less", 1, 0x69, false, false},
                {"a zone that is a number", 2, 0x02, false, false},
                {"a zone that is no text", 4, 0xff, false, false},
                {"a project number that is a text", 17, 0x0c, false, false},
                {"a negative project number", 19, 0x9b, false, false},
                {"not a production machine", 87, 0x00, false, true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf der = vector_read("tpm/gce-cos85-nonce9009/ak.cert.der");
                AUTO(cert) struct cert *c = NULL;
                AUTO(attestation_result) struct attestation_result r = {.checks = check_new("evidence", false)};
                der.data[find_value(&der) + rows[i].at] = rows[i].value;
                expect_ok(cert_from_der(buf_span(&der), &c));
                struct fault *f = tpm_set_gce_facts(c, &r);
                if (rows[i].is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, "ak.certificate", rows[i].name);
                if ((r.facts.count > 0) != rows[i].has_facts)
                        fail_msg("%s: %zu facts", rows[i].name, r.facts.count);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(instance_information)};
        return cmocka_run_group_tests_name("gce", tests, NULL, NULL);
}
