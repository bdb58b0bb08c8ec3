/* GET /v1/bundle: the trust bundle in SPIFFE's form. The document is the same for everybody, so its nonce is in none of its bytes: it can be
 * cached by ETag, and whoever wants a nonce asks for a challenge. */
#include "issuer/api/answer.h"

static struct fault *serve(struct api *a, const struct httpd_request *q, struct httpd_response *r)
{
        TRY(answer_admit(a, q));
        AUTO(bundle_snapshot) struct bundle_snapshot *now = bundle_holder_get(a->bundle);
        memcpy(r->etag, now->state.etag, sizeof now->state.etag);
        if (bundle_state_matches(&now->state, q->if_none_match)) {
                r->status = 304;
                return NULL;
        }
        return buf_append(&r->body, buf_span(&now->state.json));
}

struct fault *bundle_get(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = serve(self, q, r);
        if (refused == NULL)
                return NULL;
        r->etag[0] = '\0';
        return answer_refusal(self, q, refused, NULL, r);
}
