/* reports: what the emulated machine says about itself, signed under the test PKIs: SNP reports with their table of certificates, TDX quotes,
 * CCA tokens. As control.h says. */
#pragma once

#include "lib/base/span.h"

#define REPORT_DATA_LEN 64

enum provider { PROVIDER_SNP, PROVIDER_TDX, PROVIDER_CCA, PROVIDER_COUNT };
/* "sev_guest"; PROVIDER_COUNT for a name that is none. */
enum provider provider_by_name(const char *name);
const char *provider_name(enum provider p);

/* `level` below 0: unsaid. */
void report_make(enum provider p, const uint8_t report_data[REPORT_DATA_LEN], int level, struct buf *ret_report,
                 struct buf *ret_table);
/* The root behind these reports as an issuer is configured with it: PEM; of CCA the platform's key by its instance id, JSON. */
void report_anchor(enum provider p, struct buf *ret);
