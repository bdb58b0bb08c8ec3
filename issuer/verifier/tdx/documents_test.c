/* TCB info and enclave identity, signed by an Intel of our own as they stand, with one member wrong each. */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

struct edit_row {
        const char *name;
        bool qe; /* the identity; else TCB info */
        const char *from, *to;
        const char *token; /* NULL: it holds */
};
static const struct edit_row edits[] = {
        {"unknown member", false, "\"tcbType\":0", "\"tcbType\":0,\"new\":{\"a\":[1]}", NULL},
        {"id SGX", false, "\"id\":\"TDX\"", "\"id\":\"SGX\"", "tdx.tcb_info_id"},
        {"version 2", false, "\"version\":3", "\"version\":2", "tdx.tcb_info_id"},
        {"version 4", false, "\"version\":3", "\"version\":4", "tdx.tcb_info_id"},
        {"type 1", false, "\"tcbType\":0", "\"tcbType\":1", "tdx.tcb_info_id"},
        {"no id", false, "\"id\":\"TDX\",", "", "tdx.tcb_info"},
        {"version is text", false, "\"version\":3", "\"version\":\"3\"", "tdx.tcb_info"},
        {"no issueDate", false, "\"issueDate\"", "\"issuedate\"", "tdx.tcb_info"},
        {"no nextUpdate", false, "\"nextUpdate\"", "\"nextupdate\"", "tdx.tcb_info"},
        {"a date that is none", false, "T18:00:00Z\",\"nextUpdate\"", "T24:00:00Z\",\"nextUpdate\"", "tdx.tcb_info"},
        {"fmspc in lower case", false, "90C06F000000", "90c06f000000", NULL},
        {"fmspc of another", false, "90C06F000000", "90C06F000001", "tdx.fmspc"},
        {"fmspc too short", false, "90C06F000000", "90C06F0000", "tdx.tcb_info"},
        {"fmspc no hex", false, "90C06F000000", "90C06F00000G", "tdx.tcb_info"},
        {"pceId of another", false, "\"pceId\":\"0000\"", "\"pceId\":\"0100\"", "tdx.pceid"},
        {"evaluation number is text", false, "\"tcbEvaluationDataNumber\":18", "\"tcbEvaluationDataNumber\":\"18\"",
         "tdx.tcb_info"},
        {"key twice", false, "\"tcbType\":0", "\"tcbType\":0,\"tcbType\":0", "tdx.tcb_info"},
        {"no module", false, "\"tdxModule\":", "\"tdxmodule\":", "tdx.tcb_info"},
        {"no identities", false, "\"tdxModuleIdentities\":", "\"identities\":", "tdx.module"},
        {"no identity of 1", false, "\"id\":\"TDX_01\"", "\"id\":\"TDX_02\"", "tdx.module"},
        {"identity in lower case", false, "\"id\":\"TDX_01\"", "\"id\":\"tdx_01\"", NULL},
        {"identity of a form to come", false, "\"id\":\"TDX_03\"", "\"id\":\"TDX_SEAM_03\"", NULL},
        {"identity twice", false, "\"id\":\"TDX_03\"", "\"id\":\"TDX_01\"", "tdx.tcb_info"},
        {"identity of another signer", false, "\"id\":\"TDX_01\",\"mrsigner\":\"00",
         "\"id\":\"TDX_01\",\"mrsigner\":\"01", "tdx.module"},
        {"svn of a level too large", false, "{\"isvsvn\":6}", "{\"isvsvn\":65536}", "tdx.tcb_info"},
        {"svn of a level negative", false, "{\"isvsvn\":6}", "{\"isvsvn\":-6}", "tdx.tcb_info"},
        {"15 components", false, "{\"svn\":3},", "", "tdx.tcb_info"},
        {"17 components", false, "{\"svn\":3},", "{\"svn\":3},{\"svn\":3},", "tdx.tcb_info"},
        {"component of 256", false, "{\"svn\":3}", "{\"svn\":256}", "tdx.tcb_info"},
        {"no pcesvn", false, "\"pcesvn\":13", "\"svn\":13", "tdx.tcb_info"},
        {"no status", false, "\"tcbStatus\"", "\"status\"", "tdx.tcb_info"},
        {"unknown status", false, "2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"sgx",
         "2024-11-13T00:00:00Z\",\"tcbStatus\":\"Uptodate\"},{\"tcb\":{\"sgx", "tdx.tcb_status_unknown"},
        {"unknown status of a level not met", false, "\"tcbStatus\":\"Revoked\"}]}]", "\"tcbStatus\":\"Withdrawn\"}]}]",
         NULL},
        {"advisory with a newline", false, "\"INTEL-SA-00106\"", "\"INTEL\\nSA\"", "tdx.tcb_info"},
        {"advisory is a number", false, "\"INTEL-SA-00106\"", "106", "tdx.tcb_info"},
        {"deep", false, "\"tcbType\":0", "\"tcbType\":0,\"a\":[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]",
         "tdx.tcb_info"},
        {"id QE", true, "TD_QE", "QE", "tdx.qe_identity_id"},
        {"version 1", true, "\"version\":2", "\"version\":1", "tdx.qe_identity_id"},
        {"version 3", true, "\"version\":2", "\"version\":3", NULL},
        {"version 4", true, "\"version\":2", "\"version\":4", "tdx.qe_identity_id"},
        {"no levels", true, "\"tcbLevels\"", "\"levels\"", "tdx.qe_identity"},
        {"mask too short", true, "FBFFFFFFFFFFFFFF0000000000000000", "FBFFFFFFFFFFFFFF00000000000000",
         "tdx.qe_identity"},
        {"miscselect of another", true, "\"miscselect\":\"00000000\"", "\"miscselect\":\"01000000\"",
         "tdx.qe_miscselect"},
        {"attributes of another", true, "\"attributes\":\"11", "\"attributes\":\"31", "tdx.qe_attributes"},
        {"attributes outside their mask", true, "\"attributes\":\"11", "\"attributes\":\"15", "tdx.qe_attributes"},
        {"mrsigner of another", true, "DC9E2A", "DD9E2A", "tdx.qe_mrsigner"},
        {"product of another", true, "\"isvprodid\":2", "\"isvprodid\":1", "tdx.qe_prod_id"},
        {"unknown status", true, "\"UpToDate\"", "\"SWHardeningNeeded\"", "tdx.tcb_status_unknown"},
        {"levels the other way round", true, "\"tcbLevels\":[",
         "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":2},\"tcbDate\":"
         "\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"Revoked\"},",
         NULL},
};

static void each_member_is_looked_at(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(edits); i++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 5);
                /* what is no JSON is no answer either */
                c.as_responses = edits[i].token == NULL || strcmp(edits[i].token, "tdx.tcb_info") != 0;
                intel_edit(edits[i].qe ? &c.p.qe_identity : &c.p.tcb_info, edits[i].from, edits[i].to);
                intel_case_expect(&c, intel_case_appraise(&c), edits[i].token, edits[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_member_is_looked_at),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
