#include "attester/enrol.h"

#include "lib/base/file.h"
#include "lib/base/log.h"

static struct buf copy_of(struct span bytes, size_t limit, struct fault **failed)
{
        struct buf b = BUF(limit);
        if (*failed == NULL)
                *failed = buf_append(&b, bytes);
        return b;
}

static struct fault *fill_request(struct issuer *issuer, const struct enrolment_material *material,
                                  const char *node_token_file, struct enrol_request *r)
{
        struct fault *failed = NULL;
        r->audience = alloc_string(issuer_audience(issuer));
        r->nonce = copy_of(issuer_nonce(issuer), NONCE_MAX, &failed);
        for (size_t i = 0; i < material->certificate_count; i++)
                r->certificates[r->certificate_count++] =
                        copy_of(buf_span(&material->certificates[i]), EVIDENCE_ITEM_MAX, &failed);
        r->ek_public = copy_of(buf_span(&material->ek_public), EVIDENCE_ITEM_MAX, &failed);
        r->ak_public = copy_of(buf_span(&material->ak_public), EVIDENCE_ITEM_MAX, &failed);
        if (failed == NULL && node_token_file != NULL)
                failed = fault_prefix(file_read_secret(node_token_file, &r->token), "read node-token-file");
        return failed;
}

/* First exchange: who we are, and a challenge back. */
static struct fault *begin(struct issuer *issuer, const struct enrolment_material *material,
                           const char *node_token_file, struct cancel *cancel, struct enrol_reply *ret)
{
        TRY(issuer_prepare(issuer, cancel));
        AUTO(enrol_request) struct enrol_request request = {0};
        TRY(fill_request(issuer, material, node_token_file, &request));
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        TRY(enrol_request_write(&request, &r));
        struct binding binding;
        struct fault *failed = issuer_binding(issuer, BINDING_ENROL, buf_span(&r), &binding);
        AUTO(http_reply) struct http_reply reply = {0};
        if (failed == NULL)
                failed = issuer_post(issuer, PATH_ATTESTATION_KEYS, buf_span(&r), NULL, &binding, cancel, &reply);
        buf_wipe(&r); /* it may hold the node's token */
        TRY(failed);
        return enrol_reply_read(buf_span(&reply.body), ret);
}

/* Second exchange: the secret that only this TPM could open, with a quote by the new AK. */
static struct fault *finish(struct issuer *issuer, struct evidence_source *source, const struct enrol_reply *challenge,
                            struct cancel *cancel)
{
        AUTO(activate_request) struct activate_request request = {0};
        TRY_AS(source->activate(source->self, buf_span(&challenge->credential_blob),
                                buf_span(&challenge->encrypted_secret), cancel, &request.secret),
               "open the issuer's challenge with the TPM");
        TRY(issuer_prepare(issuer, cancel));
        struct fault *failed = NULL;
        request.audience = alloc_string(issuer_audience(issuer));
        request.nonce = copy_of(issuer_nonce(issuer), NONCE_MAX, &failed);
        request.challenge = copy_of(buf_span(&challenge->challenge), EVIDENCE_ITEM_MAX, &failed);
        TRY(failed);
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        TRY(activate_request_write(&request, &r));

        struct binding binding;
        AUTO(cmw) struct cmw evidence = {0};
        AUTO(http_reply) struct http_reply reply = {0};
        failed = issuer_binding(issuer, BINDING_ENROL, buf_span(&r), &binding);
        if (failed == NULL)
                failed = fault_prefix(source->collect(source->self, &binding, cancel, &evidence),
                                      "quote for the enrolment");
        if (failed == NULL)
                failed = issuer_post(issuer, PATH_ACTIVATE, buf_span(&r), &evidence, &binding, cancel, &reply);
        buf_wipe(&r);
        TRY(failed);
        AUTO(activate_reply) struct activate_reply done = {0};
        TRY(activate_reply_read(buf_span(&reply.body), &done));
        log_info("attestation_key_enrolled", KV("ak", done.ak));
        return NULL;
}

struct fault *enrol(struct issuer *issuer, struct evidence_source *source, const char *node_token_file,
                    struct cancel *cancel)
{
        AUTO(enrolment_material) struct enrolment_material material = {0};
        TRY_AS(source->enrolment(source->self, cancel, &material), "read the TPM's endorsement key");
        AUTO(enrol_reply) struct enrol_reply challenge = {0};
        TRY_AS(begin(issuer, &material, node_token_file, cancel, &challenge), "enrol the attestation key");
        TRY_AS(finish(issuer, source, &challenge, cancel), "activate the attestation key");
        return NULL;
}
