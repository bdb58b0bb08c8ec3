/* The concerns: states of a genuine machine that few want. A verifier reports them, and every one denies unless a guardrail tolerates it by
 * name. One row each, sorted. */
#include "issuer/policy/inputs.h"

static const struct {
        const char *name, *help;
} table[] = {
        {"cca.lifecycle", "The platform is not in its secured state: it can be debugged."},
        {"ccel.os_registers", "A TD's registers of the operating system went on after its boot log ends."},
        {"ccel.separator", "A TD's firmware measured that its boot failed."},
        {"collateral.grace",
         "What Intel publishes for TDX is past its end, by less than the `collateral-grace` that a guardrail grants."},
        {"eventlog.os_registers", "PCRs of the operating system went on after the boot log ends."},
        {"eventlog.separator", "Firmware measured into the PCRs that its boot failed."},
        {"nitro.debug", "The enclave runs in debug mode: its parent can read its memory."},
        {"snp.chip_id_masked", "The host hides which chip it is: no platform set can name it."},
        {"snp.crl_stale", "AMD's revocation list is past its end."},
        {"snp.debug", "The guest policy allows the host to debug the guest: it can read its memory."},
        {"snp.migration_agent", "The guest policy allows a migration agent: whoever controls that controls the guest."},
        {"snp.vlek_chip_id", "A report signed by a fleet's key (VLEK) names a chip all the same."},
        {"snp.vmpl", "The report was asked for at VMPL 2 or 3: code of little privilege in the guest."},
        {"tdx.debug", "The TD runs in debug mode: the host can read its memory."},
        {"tdx.migratable", "The TD may be migrated: whoever controls the migration service controls the TD."},
        {"tdx.servicetd", "A service TD is bound to the TD, a migration agent for example."},
        {"tdx.tcb_status", "Intel's verdict on the platform's or module's TCB is not UpToDate."},
};

const char *policy_concern_at(size_t index, const char **ret_help)
{
        if (index >= COUNT_OF(table))
                return NULL;
        *ret_help = table[index].help;
        return table[index].name;
}

const char *policy_concern_find(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(table); i++)
                if (strcmp(table[i].name, name) == 0)
                        return table[i].name;
        return NULL;
}
