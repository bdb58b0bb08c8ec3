#include "issuer/verifier/tdx/status.h"

#include <stdlib.h>

static const char *const names[] = {
        [TCB_UP_TO_DATE] = "UpToDate",
        [TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
        [TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
        [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
        [TCB_OUT_OF_DATE] = "OutOfDate",
        [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
        [TCB_REVOKED] = "Revoked",
        [TCB_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
        [TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
        [TCB_STATUS_UNKNOWN] = "unknown",
};
_Static_assert(COUNT_OF(names) == TCB_STATUS_COUNT, "each has its name");

const char *tcb_status_name(enum tcb_status s)
{
        return names[s];
}

enum tcb_status tcb_status_by_name(struct span name)
{
        for (unsigned s = TCB_UP_TO_DATE; s <= TCB_REVOKED; s++)
                if (span_eq_str(name, names[s]))
                        return (enum tcb_status) s;
        return TCB_STATUS_UNKNOWN;
}

bool tcb_status_is_of_enclave(enum tcb_status s)
{
        return s == TCB_UP_TO_DATE || s == TCB_OUT_OF_DATE || s == TCB_REVOKED;
}

enum tcb_status tcb_status_merge(enum tcb_status platform, enum tcb_status part)
{
        if (platform == TCB_REVOKED || part == TCB_REVOKED)
                return TCB_REVOKED;
        if (part != TCB_OUT_OF_DATE)
                return platform;
        switch (platform) {
        case TCB_UP_TO_DATE:
        case TCB_SW_HARDENING_NEEDED:
                return TCB_OUT_OF_DATE;
        case TCB_CONFIGURATION_NEEDED:
        case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
                return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
        default:
                return platform; /* is out of date already */
        }
}

static bool needs_configuration(enum tcb_status s)
{
        return s == TCB_CONFIGURATION_NEEDED || s == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
               s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

enum tcb_status tcb_status_relaunch(const struct relaunch *r)
{
        bool sgx_is_fine = r->sgx <= TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;
        bool is_out_of_date = r->merged == TCB_OUT_OF_DATE || r->merged == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
        bool is_newest = r->svn2_module >= r->newest_module && r->svn2_microcode >= r->newest_microcode;

        if (r->qe != TCB_UP_TO_DATE || !sgx_is_fine || !is_out_of_date || r->module != TCB_OUT_OF_DATE || !is_newest)
                return r->merged;
        return needs_configuration(r->sgx) || needs_configuration(r->merged) ? TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
                                                                             : TCB_RELAUNCH_ADVISED;
}

/* ---- advisories ---- */

/* The next id of a list; false at its end. */
static bool next_id(const char **at, struct span *ret)
{
        if (*at == NULL || **at == '\0')
                return false;
        size_t len = strcspn(*at, ",");
        *ret = span_make(*at, len);
        *at += len + ((*at)[len] == ',');
        return true;
}

static int compare(struct span a, struct span b)
{
        int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
        return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void append(char *out, size_t *len, struct span id)
{
        if (*len > 0)
                out[(*len)++] = ',';
        memcpy(out + *len, id.data, id.len);
        *len += id.len;
}

/* One id into a sorted list. */
static void insert(char **list, struct span id)
{
        const char *at = *list;
        char *out = alloc_zero(1, (at == NULL ? 0 : strlen(at)) + id.len + 2);
        size_t len = 0;
        bool done = false;

        for (struct span there; next_id(&at, &there);) {
                int order = compare(id, there);
                if (!done && order < 0)
                        append(out, &len, id);
                done = done || order <= 0;
                append(out, &len, there);
        }
        if (!done)
                append(out, &len, id);
        free(*list);
        *list = out;
}

void advisories_merge(char **list, const char *more)
{
        for (struct span id; next_id(&more, &id);)
                insert(list, id);
        if (*list == NULL)
                *list = alloc_string("");
}

size_t advisories_count(const char *list)
{
        size_t count = 0;
        for (struct span id; next_id(&list, &id);)
                count++;
        return count;
}
