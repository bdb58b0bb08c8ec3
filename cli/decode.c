#include "cli/decode.h"

#include "cli/inspect.h"
#include "lib/base/file.h"
#include "lib/crypt/x509.h"

struct json *decoded(const char *form)
{
        struct json *j = json_new_object();
        json_set_text(j, "form", form);
        return j;
}

static struct fault *decode_certificate(struct span bytes, struct json **ret)
{
        static const char pem[] = "-----BEGIN ";
        AUTO(cert_list) struct cert_list list = {0};
        bool is_pem = bytes.len > sizeof(pem) && memcmp(bytes.data, pem, sizeof(pem) - 1) == 0;
        bool is_der = bytes.len > 4 && bytes.data[0] == 0x30 && bytes.data[1] == 0x82;
        if (!is_pem && !is_der)
                return NULL;
        TRY(cert_list_read(bytes, &list));
        struct json *all = json_new_array();
        for (size_t i = 0; i < list.count; i++)
                json_push(all, cert_to_json(list.certs[i]));
        *ret = decoded("certificates");
        json_set(*ret, "certificates", all);
        return NULL;
}

static struct fault *decode_json(struct span bytes, struct json **ret)
{
        AUTO(json) struct json *j = NULL;
        if (bytes.len == 0 || bytes.data[0] != '{')
                return NULL;
        TRY(json_parse(bytes, &j));
        *ret = decoded(json_get(j, "eat_profile") != NULL ? "attestation result (EAR)" : "JSON");
        json_set(*ret, "content", TAKE(j));
        return NULL;
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        /* the most particular first */
        static const decoder decoders[] = {decode_snp,   decode_hcl,   decode_tdx,      decode_tpm,
                                           decode_cca,   decode_nitro, decode_eventlog, decode_certificate,
                                           decode_token, decode_json};
        AUTO(buf) struct buf bytes = BUF(DECODED_MAX);
        struct fault *f = file_read(in->words[0], &bytes);
        if (f != NULL)
                return fault_prefix(f, "%s", in->words[0]);
        for (size_t i = 0; i < COUNT_OF(decoders) && *ret == NULL; i++) {
                f = decoders[i](buf_span(&bytes), ret);
                if (f != NULL)
                        break;
        }
        if (*ret != NULL)
                return f;
        AUTO(fault) struct fault *why = f;
        *ret = decoded("unknown");
        json_set_text(*ret, "why",
                      why != NULL ? fault_text(why)
                                  : "it begins like no evidence, certificate or token that is known here");
        *ret_exit = EXIT_NEGATIVE;
        return NULL;
}

static struct fault *print(const struct json *j, struct buf *out)
{
        TRY(json_write_pretty(j, out));
        return buf_append_byte(out, '\n');
}

const struct command command_decode = {
        .words = {"decode", NULL},
        .arguments = "FILE",
        .summary = "Shows what evidence, certificates or tokens say. Nothing is verified.",
        .help = "FILE is an SEV-SNP report, TDX quote, TPMS_ATTEST, Azure HCL report, Nitro document, CCA token, boot "
                "log, "
                "certificates (PEM or DER),\n"
                "an EAR or a workload identity token; its form is found from its bytes. `appraise` says whether to "
                "believe it.",
        .flags = NULL,
        .words_min = 1,
        .words_max = 1,
        .run = run,
        .print = print,
};
