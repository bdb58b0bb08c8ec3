#include "attester/evidence/software.h"

#include "lib/base/log.h"
#include "lib/model/software_evidence.h"

struct software_source {
        struct key *key;
        struct software_evidence claims; /* the part that is the same in each piece of evidence */
};

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        const struct software_source *s = self;
        TRY(cancel_check(cancel));
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        TRY(binding_write(binding, &transcript));

        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        memcpy(e.claims, s->claims.claims, sizeof e.claims);
        e.claim_count = s->claims.claim_count;
        TRY(software_evidence_sign(&e, s->key, buf_span(&transcript)));

        AUTO(cmw) struct cmw out = cmw_evidence(CMW_SOFTWARE);
        TRY(software_evidence_write(&e, &out.items[0].value));
        *ret_evidence = out;
        memset(&out, 0, sizeof out); /* what was given away is not freed */
        return NULL;
}

static void close_source(void *self)
{
        struct software_source *s = self;
        key_free(s->key);
        software_evidence_clear(&s->claims);
        free(s);
}

/* "name=value,name=value" */
static struct fault *parse_claims(const char *text, struct software_evidence *ret)
{
        struct span rest = text == NULL ? SPAN_NONE : span_str(text);
        while (rest.len > 0) {
                struct span pair = span_cut(&rest, ',', NULL);
                const uint8_t *equals = pair.len == 0 ? NULL : memchr(pair.data, '=', pair.len);
                if (equals == NULL)
                        return fault(FAULT_INVALID, "evidence.claims", "a claim is written name=value");
                size_t name_len = (size_t) (equals - pair.data);
                TRY(fault_rename(software_evidence_claim(ret, span_slice(pair, 0, name_len),
                                                         span_slice(pair, name_len + 1, pair.len - name_len - 1)),
                                 FAULT_INVALID, "evidence.claims"));
        }
        return NULL;
}

struct fault *evidence_software_open(const struct evidence_options *o, struct evidence_source *ret)
{
        if (!o->insecure_development)
                return fault(FAULT_DENIED, "evidence.insecure_development",
                             "software evidence proves nothing: it needs insecure-development in the configuration");
        AUTO(software_evidence) struct software_evidence claims = software_evidence_new();
        TRY(parse_claims(o->software_claims, &claims));
        AUTO(key) struct key *key = NULL;
        TRY(key_generate(KEY_P256, &key));

        log_warn("insecure_development", KV("evidence", EVIDENCE_SOFTWARE));
        struct software_source *s = NEW(struct software_source);
        s->key = TAKE(key);
        s->claims = claims;
        claims = software_evidence_new(); /* what was given away is not freed */
        *ret = (struct evidence_source){.kind = EVIDENCE_SOFTWARE,
                                        .insecure_development = true,
                                        .collect = collect,
                                        .enrolment = evidence_no_enrolment,
                                        .activate = evidence_no_activation,
                                        .close = close_source,
                                        .self = s};
        return NULL;
}
