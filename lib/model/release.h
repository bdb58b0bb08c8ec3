/* release: asking for a stored key, and the answer (protocol.md §3, mechanism key-release).
 *
 * R: {"v":1,"purpose":"release","audience","nonce","policy","key":name,"version":N (left out: the newest),"slot","wrap":SPKI of an
 * ephemeral P-256 key,"pop": its proof, "volume","profile","token","node"}: the pod as in a credential request, with one credential whose
 * key is the one that the stored key is sealed to.
 * Reply: {"v":1,"time","nonce","policy","bundle","key","version","jwe","credential":{…}}: the private key sealed to `wrap` (lib/crypt/jwe.h;
 * apu: the audience, apv: the request's nonce), and the certificate that was computed for it, as a credential reply has one. */
#pragma once

#include "lib/model/reply.h"
#include "lib/model/request.h"

#define RELEASE_JWE_MAX 16384

struct release_request {
        char key[NAME_MAX_LEN + 1];
        uint32_t version;             /* 0: the newest */
        struct issue_request request; /* one pod with one credential: the slot, `wrap` as its SPKI, and `pop` */
};
struct fault *release_request_write(const struct release_request *r, struct buf *out) MUST_USE;
struct fault *release_request_read(struct span bytes, struct release_request *ret) MUST_USE;
void release_request_clear(struct release_request *r);
DEFINE_AUTO_VALUE(release_request)

struct release_reply {
        int64_t time_unix_s;
        struct buf nonce;
        char *policy;
        uint64_t bundle_sequence;
        char key[NAME_MAX_LEN + 1];
        uint32_t version;
        char *jwe;
        struct issued_credential credential;
};
struct fault *release_reply_write(const struct release_reply *r, struct buf *out) MUST_USE;
struct fault *release_reply_read(struct span body, struct release_reply *ret) MUST_USE;
void release_reply_clear(struct release_reply *r);
DEFINE_AUTO_VALUE(release_reply)
