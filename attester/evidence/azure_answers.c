#include "attester/evidence/azure_answers.h"

#include "lib/base/parse.h"
#include "lib/wire/json.h"

#define PEM_BEGIN     SPAN("-----BEGIN CERTIFICATE-----")
#define PADDING_MAX   2
#define TEXT_MAX(len) (((len) + 2) / 3 * 4 + PADDING_MAX)

static struct fault *not_an_answer(struct fault *f)
{
        return fault_rename(f, FAULT_INTERNAL, "az.imds_answer");
}

/* What is no certificate at all is left to nobody else to find out. */
static struct fault *append_pem(const struct json *o, const char *name, size_t max_len, struct buf *out)
{
        struct span text = SPAN_NONE;
        TRY(json_need_text(o, name, max_len, &text));
        if (!span_starts_with(text, PEM_BEGIN))
                return fault(FAULT_INVALID, "BAD_FIELD", "%s is no certificate in PEM", name);
        return buf_append(out, text);
}

static struct fault *read_certificates(struct span text, struct buf *ret_vcek, struct buf *ret_chain)
{
        AUTO(json) struct json *answer = NULL;
        TRY(json_parse(text, &answer));
        TRY(append_pem(answer, "vcekCert", AZURE_CERTIFICATE_MAX, ret_vcek));
        return append_pem(answer, "certificateChain", AZURE_CHAIN_MAX, ret_chain);
}

struct fault *azure_certificates_read(struct span json, struct buf *ret_vcek, struct buf *ret_chain)
{
        return not_an_answer(read_certificates(json, ret_vcek, ret_chain));
}

struct fault *azure_td_request_write(struct span tdreport, struct buf *out)
{
        AUTO(json) struct json *request = json_new_object();
        json_set_base64url(request, "report", tdreport);
        return json_write(request, out);
}

static struct fault *read_quote(struct span text, struct buf *ret_quote)
{
        AUTO(json) struct json *answer = NULL;
        struct span quote = SPAN_NONE;
        TRY(json_parse(text, &answer));
        TRY(json_need_text(answer, "quote", TEXT_MAX(AZURE_TD_QUOTE_MAX), &quote));
        for (int i = 0; i < PADDING_MAX && quote.len > 0 && quote.data[quote.len - 1] == '='; i++)
                quote.len--;
        if (quote.len == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "quote is empty");
        return base64url_decode(quote, ret_quote);
}

struct fault *azure_td_quote_read(struct span json, struct buf *ret_quote)
{
        return not_an_answer(read_quote(json, ret_quote));
}
