#include "lib/model/wpt.h"

#include <assert.h>

#include "lib/base/parse.h"
#include "lib/model/fields.h"

#define ID_MAX       128
#define AUDIENCE_MAX 2048

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "workload proof token: %s", why);
}

static void set_hash(struct json *j, const char *member, struct span token)
{
        uint8_t digest[SHA256_LEN];

        sha256(token, digest);
        json_set_base64url(j, member, SPAN_OF(digest));
}

void wpt_id(const uint8_t random[16], char ret_text[WPT_ID_MIN + 1])
{
        AUTO(buf) struct buf text = BUF(WPT_ID_MIN);

        AUTO(fault) struct fault *f = base64url_encode(span_make(random, 16), &text);
        assert(f == NULL && text.len == WPT_ID_MIN);
        memcpy(ret_text, buf_str(&text), WPT_ID_MIN + 1);
}

struct fault *wpt_build(const struct wpt_order *o, const struct jwt_signer *signer, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        struct jwt_signer nameless = *signer;

        assert(o->tokens.other_count <= WPT_OTHERS_MAX);
        nameless.kid = NULL;
        json_set_text(j, "aud", o->audience);
        json_set_int(j, "exp", o->expires_unix_s);
        json_set_text(j, "jti", o->id);
        set_hash(j, "wth", o->tokens.wit);
        if (o->tokens.access_token.data != NULL)
                set_hash(j, "ath", o->tokens.access_token);
        if (o->tokens.txn_token.data != NULL)
                set_hash(j, "tth", o->tokens.txn_token);
        if (o->tokens.other_count > 0) {
                struct json *others = json_new_object();
                for (size_t i = 0; i < o->tokens.other_count; i++)
                        set_hash(others, o->tokens.others[i].header, o->tokens.others[i].token);
                json_set(j, "oth", others);
        }
        return jwt_sign_by(&nameless, WPT_TYPE, j, WPT_MAX, out);
}

/* ---- verifying ----------------------------------------------------------------------------------------------------- */

static struct fault *read_text(const struct json *j, const char *member, size_t max, const char *token, char **ret)
{
        return fault_rename(field_text(j, member, max, ret), FAULT_UNAUTHENTICATED, token);
}

static struct fault *check_audience(const struct wpt *w, const char *const *audiences)
{
        for (; *audiences != NULL; audiences++)
                if (strcmp(w->audience, *audiences) == 0)
                        return NULL;
        return refuse("wpt.aud", "it is for somebody else");
}

static struct fault *check_times(const struct json *j, const struct wpt_rules *rules, struct wpt *w)
{
        int64_t now = wall_unix_s(rules->now), life = rules->life_max_s != 0 ? rules->life_max_s : WPT_LIFE_MAX_S;
        int64_t not_before = 0;

        TRY(fault_rename(json_need_int(j, "exp", 1, UNIX_S_MAX, &w->expires_unix_s), FAULT_UNAUTHENTICATED, "wpt.exp"));
        TRY(fault_rename(json_want_int(j, "nbf", 0, UNIX_S_MAX, &not_before), FAULT_UNAUTHENTICATED,
                         "wpt.not_yet_valid"));
        if (now >= w->expires_unix_s + rules->leeway_s)
                return refuse("wpt.expired", "it has expired");
        if (w->expires_unix_s - now > life + rules->leeway_s)
                return refuse("wpt.life", "it lives too long for a proof");
        return not_before > now + rules->leeway_s ? refuse("wpt.not_yet_valid", "it is not valid yet") : NULL;
}

/* The member is the hash of `token`; there is one exactly when there is the other. */
static struct fault *check_hash(const struct json *j, const char *member, struct span token, const char *refusal)
{
        const struct json *found = json_get(j, member);
        AUTO(buf) struct buf bytes = BUF(SHA256_LEN);
        uint8_t digest[SHA256_LEN];

        if (found == NULL && token.data == NULL)
                return NULL;
        if (found == NULL)
                return fault(FAULT_UNAUTHENTICATED, refusal, "workload proof token: no hash in \"%s\"", member);
        AUTO(fault) struct fault *f = json_need_base64url(j, member, &bytes);
        sha256(token, digest);
        if (f != NULL || token.data == NULL || !span_eq(buf_span(&bytes), SPAN_OF(digest)))
                return fault(FAULT_UNAUTHENTICATED, refusal,
                             "workload proof token: \"%s\" is not the hash of a token of this message", member);
        return NULL;
}

static struct fault *check_others(const struct json *j, const struct wpt_tokens *t)
{
        const struct json *others = json_get(j, "oth");

        if (others == NULL && t->other_count == 0)
                return NULL;
        if (others == NULL || json_kind(others) != JSON_OBJECT)
                return refuse("wpt.oth", "no hashes of other tokens in it");
        for (size_t i = 0; i < t->other_count; i++)
                TRY(check_hash(others, t->others[i].header, t->others[i].token, "wpt.oth"));
        /* each of ours was found: more members are of tokens that are not known here */
        return json_count(others) == t->other_count ? NULL
                                                    : refuse("wpt.oth", "hash of a token that is not known here");
}

static struct fault *check_claims(const struct json *j, const struct wpt_rules *rules, struct wpt *w)
{
        TRY(read_text(j, "aud", AUDIENCE_MAX, "wpt.aud", &w->audience));
        TRY(check_audience(w, rules->audiences));
        TRY(check_times(j, rules, w));
        TRY(read_text(j, "jti", ID_MAX, "wpt.jti", &w->id));
        if (strlen(w->id) < WPT_ID_MIN)
                return refuse("wpt.jti", "\"jti\" is too short to be unique");
        TRY(check_hash(j, "wth", rules->tokens.wit, "wpt.wth"));
        TRY(check_hash(j, "ath", rules->tokens.access_token, "wpt.ath"));
        TRY(check_hash(j, "tth", rules->tokens.txn_token, "wpt.tth"));
        return check_others(j, &rules->tokens);
}

struct fault *wpt_verify(struct span token, const struct wpt_rules *rules, struct wpt *ret)
{
        static const struct jwt_rules shape = {.typ = WPT_TYPE, .max = WPT_MAX};
        AUTO(json) struct json *j = NULL;
        AUTO(wpt) struct wpt w = {0};

        assert(rules->tokens.wit.data != NULL);
        TRY(jwt_verify_with(token, rules->holder->key, rules->holder->key_alg, &shape, &j));
        TRY(check_claims(j, rules, &w));
        *ret = w;
        w = (struct wpt){0};
        return NULL;
}

void wpt_clear(struct wpt *w)
{
        free(w->id);
        free(w->audience);
        *w = (struct wpt){0};
}
