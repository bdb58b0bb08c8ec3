/* GET /v1/challenge: a nonce, and what may be asked for. */
#include "issuer/api/answer.h"
#include "issuer/api/profiles.h"

static struct fault *serve(struct api *a, const struct httpd_request *q, struct httpd_response *r)
{
        TRY(answer_admit(a, q));
        AUTO(buf) struct buf profile = BUF(NAME_MAX_LEN);
        struct fault *no_profile = httpd_query(q, "profile", NAME_MAX_LEN, &profile);
        bool is_one = no_profile == NULL;
        if (!is_one && fault_code(no_profile) != FAULT_NOT_FOUND)
                return no_profile;
        fault_free(no_profile);
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        if (is_one && policy_find_profile(rules->policy, buf_str(&profile)) == NULL)
                return fault(FAULT_NOT_FOUND, "policy.no_profile", "the policy has no profile \"%s\"",
                             buf_str(&profile));

        AUTO(challenge) struct challenge c = {0};
        profiles_challenge(a, rules->policy, is_one ? buf_str(&profile) : NULL, &c);
        return challenge_write(&c, &r->body);
}

struct fault *challenge_get(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = serve(self, q, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, NULL, r);
}
