/* azure_machine: what a confidential VM of Azure's consists of, under the test PKIs: the paravisor's report (lib/model/hcl.h) around an SEV-SNP report or a
 * TDREPORT, and what the host's metadata service answers. For tests and emulators: no cmocka in it, it aborts on its own mistakes.
 *
 * Chip and platform are those of tests/emulators/endorsements: who asks AMD or Intel about them finds them there. */
#pragma once

#include "lib/base/clock.h"
#include "lib/model/hcl.h"

struct azure_machine {
        enum hcl_report_type type;
        bool is_debug;
        struct wall now;
};
/* `modulus`: of the virtual TPM's attestation key. Small enough for an NV index of swtpm. Appended. */
void azure_machine_report(const struct azure_machine *m, struct span modulus, struct buf *out);
/* The bodies that the metadata service answers with; appended. The second is what a POST of `request` gets: false when that is no request. */
void azure_machine_certificates(struct wall now, struct buf *out);
bool azure_machine_td_quote(struct wall now, struct span request, struct buf *out);
