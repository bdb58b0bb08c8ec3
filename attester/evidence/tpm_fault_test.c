#include "attester/evidence/tpm_fault.h"

#include <tss2/tss2_tpm2_types.h>

#include "tests/fakes/expect.h"

#define TCTI_RC(base)  (TSS2_TCTI_RC_LAYER | (base))
#define ESYS_RC(base)  (TSS2_ESAPI_RC_LAYER | (base))
#define RESMGR_TPM(rc) (TSS2_RESMGR_TPM_RC_LAYER | (rc))

static void maps(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                TSS2_RC rc;
                enum fault_code code;
                const char *token;
                enum tpm_remedy remedy;
        } rows[] = {
                {"retry", TPM2_RC_RETRY, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"yielded", TPM2_RC_YIELDED, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"testing", TPM2_RC_TESTING, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"lockout", TPM2_RC_LOCKOUT, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"canceled", TPM2_RC_CANCELED, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"NV rate", TPM2_RC_NV_RATE, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_NONE},
                {"lockout through a resource manager", RESMGR_TPM(TPM2_RC_LOCKOUT), FAULT_UNAVAILABLE, "tee.busy",
                 TPM_REMEDY_NONE},
                {"no startup", TPM2_RC_INITIALIZE, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_STARTUP},
                {"slots full", TPM2_RC_OBJECT_MEMORY, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_SWEEP},
                {"sessions full", TPM2_RC_SESSION_MEMORY, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_SWEEP},
                {"handle not loaded", TPM2_RC_REFERENCE_H0, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_RELOAD},
                {"session not loaded", TPM2_RC_REFERENCE_S0, FAULT_UNAVAILABLE, "tee.busy", TPM_REMEDY_RELOAD},
                {"failure mode", TPM2_RC_FAILURE, FAULT_INTERNAL, "tee.fault", TPM_REMEDY_NONE},
                {"integrity of parameter 1", TPM2_RC_INTEGRITY | TPM2_RC_P | TPM2_RC_1, FAULT_INTERNAL, "tee.fault",
                 TPM_REMEDY_NONE},
                {"hierarchy has a password", TPM2_RC_AUTH_FAIL | TPM2_RC_S | TPM2_RC_1, FAULT_INTERNAL, "tee.fault",
                 TPM_REMEDY_NONE},
                {"socket broke", TCTI_RC(TSS2_BASE_RC_IO_ERROR), FAULT_UNAVAILABLE, "tee.gone", TPM_REMEDY_NONE},
                {"no connection", TCTI_RC(TSS2_BASE_RC_NO_CONNECTION), FAULT_UNAVAILABLE, "tee.gone", TPM_REMEDY_NONE},
                {"half an answer", ESYS_RC(TSS2_BASE_RC_INSUFFICIENT_RESPONSE), FAULT_UNAVAILABLE, "tee.gone",
                 TPM_REMEDY_NONE},
                {"our own mistake", ESYS_RC(TSS2_BASE_RC_BAD_VALUE), FAULT_INTERNAL, "tee.fault", TPM_REMEDY_NONE},
                /* 0x922 below another layer is no TPM_RC_RETRY */
                {"a base code that looks like retry", ESYS_RC(TPM2_RC_RETRY), FAULT_INTERNAL, "tee.fault",
                 TPM_REMEDY_NONE},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                expect_fault_row(tpm_fault(rows[i].rc, "quote"), rows[i].code, rows[i].token, rows[i].name);
                assert_int_equal(tpm_remedy(rows[i].rc), rows[i].remedy);
        }
        assert_null(tpm_fault(TSS2_RC_SUCCESS, "quote"));
        assert_int_equal(tpm_remedy(TSS2_RC_SUCCESS), TPM_REMEDY_NONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(maps)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
