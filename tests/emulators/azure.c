/* azure: what is around a guest of Azure's: its paravisor, which leaves report and key in the virtual TPM before the guest starts, and the host's metadata
 * service.
 *
 *     azure boot TCTI snp|tdx [debug]     fills the TPM (tests/fakes/azure_tpm.h)
 *     azure serve PORT CONTROL            writes the port of the metadata service to the file PORT, then answers there until it is killed
 *
 * CONTROL as tests/emulators/tsm/control.h has it: imds=WORD[*n] is a mode of tests/fakes/imds.h, retry-after=SECONDS goes with it. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/auto.h"
#include "lib/base/parse.h"
#include "tests/emulators/tsm/control.h"
#include "tests/fakes/azure_machine.h"
#include "tests/fakes/azure_tpm.h"
#include "tests/fakes/imds.h"

#define REPORT_MAX  ((size_t) 16 * 1024)
#define MODULUS_MAX 512

static int fail(struct fault *f)
{
        (void) fprintf(stderr, "azure: %s\n", fault_text(f));
        fault_free(f);
        return 1;
}

static struct fault *boot(const char *tcti, bool is_snp, bool is_debug)
{
        const struct azure_machine m = {is_snp ? HCL_SNP : HCL_TDX, is_debug, clock_wall(&clock_system)};
        AUTO(buf) struct buf modulus = BUF(MODULUS_MAX), report = BUF(REPORT_MAX);
        TRY(azure_tpm_key(tcti, 1, &modulus));
        azure_machine_report(&m, buf_span(&modulus), &report);
        return azure_tpm_report(tcti, buf_span(&report));
}

static enum imds_mode told(void)
{
        const char *word = control_take("imds");
        enum imds_mode mode = word == NULL ? IMDS_FINE : imds_mode_by_name(word);
        if (mode == IMDS_MODE_COUNT) {
                (void) fprintf(stderr, "azure: imds=%s?\n", word);
                abort();
        }
        return mode;
}

static unsigned told_seconds(void)
{
        const char *text = control_take("retry-after");
        uint64_t seconds = 0;
        AUTO(fault) struct fault *f = text == NULL ? NULL : parse_u64(span_str(text), 0, 3600, &seconds);
        return f == NULL ? (unsigned) seconds : 0;
}

static int serve(const char *port_file)
{
        uint16_t port;
        int listener = imds_listen(&port);
        FILE *out = fopen(port_file, "we");
        if (out == NULL || fprintf(out, "%u\n", port) < 0 || fclose(out) != 0)
                return fail(fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "write %s", port_file));
        for (;;) {
                AUTO_CLOSE int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        return fail(fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "accept"));
                enum imds_mode mode = told();
                imds_answer(fd, mode, told_seconds());
        }
}

int main(int argc, char **argv)
{
        if (argc == 4 && strcmp(argv[1], "serve") == 0) {
                control_use(argv[3]);
                return serve(argv[2]);
        }
        bool is_snp = argc >= 4 && strcmp(argv[3], "snp") == 0;
        if (argc < 4 || strcmp(argv[1], "boot") != 0 || (!is_snp && strcmp(argv[3], "tdx") != 0)) {
                (void) fprintf(stderr, "usage: %s boot TCTI snp|tdx [debug], or serve PORT CONTROL\n", argv[0]);
                return 2;
        }
        struct fault *f = boot(argv[2], is_snp, argc > 4);
        return f == NULL ? 0 : fail(f);
}
