/* wpt: Workload Proof Tokens (draft-ietf-wimse-wpt): whoever sends a Workload Identity Token shows with each message that it holds the
 * token's key.
 *
 * A short JWT of typ "wpt+jwt", signed by the key in the WIT's `cnf` under exactly that key's `alg`: `aud` (for whom), `exp` (seconds to
 * minutes), `jti` (never the same twice), `wth` (hash of the WIT), and hashes of the tokens that travel beside it: `ath` of an OAuth access
 * token, `tth` of a transaction token, `oth` of others by the name of their header field. A token that came along without being hashed, and a
 * hash whose token did not come along, are both refused. Who may be meant by `aud` is the receiver's configuration, never the Host field.
 *
 * Refusals, FAULT_UNAUTHENTICATED: those of jwt_verify_with; "wpt.aud", "wpt.exp", "wpt.expired", "wpt.life" (further in the future than the
 * rules allow), "wpt.not_yet_valid", "wpt.jti" (missing, or too short to be unique), "wpt.wth", "wpt.ath", "wpt.tth", "wpt.oth". Whether `jti` was seen
 * before is for the caller to remember, until `expires_unix_s`. */
#pragma once

#include "lib/model/wit.h"

#define WPT_TYPE       "wpt+jwt"
#define WPT_HEADER     "Workload-Proof-Token"
#define WPT_MAX        ((size_t) 8 * 1024)
#define WPT_LIFE_MAX_S 300
#define WPT_ID_MIN     22 /* characters: 128 bits in base64url */
#define WPT_OTHERS_MAX 8

struct wpt_other {
        const char *header; /* lower case */
        struct span token;  /* the field's value */
};
/* Tokens in the same message. SPAN_NONE: there is none. */
struct wpt_tokens {
        struct span wit, access_token, txn_token;
        size_t other_count; /* at most WPT_OTHERS_MAX */
        const struct wpt_other *others;
};
struct wpt_order {
        struct wpt_tokens tokens;
        const char *audience; /* the target URI without query and fragment, or what the receiver goes by */
        const char *id;       /* random: wpt_id */
        int64_t expires_unix_s;
};
/* `signer` has the WIT's key; a kid in it is left out. */
struct fault *wpt_build(const struct wpt_order *o, const struct jwt_signer *signer, struct buf *out) MUST_USE;
void wpt_id(const uint8_t random[16], char ret_text[WPT_ID_MIN + 1]);

struct wpt_rules {
        struct wpt_tokens tokens;     /* as they came */
        const struct wit *holder;     /* tokens.wit, verified */
        const char *const *audiences; /* NULL-terminated: what the receiver is called */
        struct wall now;
        int64_t leeway_s;
        int64_t life_max_s; /* 0: WPT_LIFE_MAX_S */
};
struct wpt {
        char *id, *audience;
        int64_t expires_unix_s;
};
struct fault *wpt_verify(struct span token, const struct wpt_rules *rules, struct wpt *ret) MUST_USE;
void wpt_clear(struct wpt *w);
DEFINE_AUTO_VALUE(wpt)
