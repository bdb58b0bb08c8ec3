#include "issuer/authority/signer.h"

#include <errno.h>
#include <fcntl.h>

#include "issuer/authority/ca.h"
#include "issuer/authority/result_key.h"
#include "issuer/authority/signer_sandbox.h"
#include "lib/wire/pbcheck.h"

typedef Vouchsafe__Signer__V1__Call PbCall;
typedef Vouchsafe__Signer__V1__Order PbOrder;
typedef Vouchsafe__Signer__V1__Answer PbAnswer;
typedef Vouchsafe__Signer__V1__Intermediate PbIntermediate;
typedef Vouchsafe__Signer__V1__TokenKey PbTokenKey;

#define EXIT_PARENT_GONE 0
#define EXIT_NOT_LOADED  1
#define EXIT_BROKEN_CALL 2

struct signer {
        int socket;
        const struct clock *clock;
        struct ca *ca;                 /* NULL: no credentials are issued */
        struct result_key *result_key; /* NULL: no results are signed */
};

static void send_or_end(const struct signer *s, const PbAnswer *answer)
{
        AUTO(buf) struct buf packed = BUF(SIGNER_MESSAGE_MAX);
        AUTO(fault) struct fault *f = pb_pack(&answer->base, &packed);
        if (f != NULL)
                _exit(EXIT_BROKEN_CALL); /* the issuer sees it end */
        ssize_t sent;
        do
                sent = write(s->socket, packed.data, packed.len);
        while (sent < 0 && errno == EINTR);
        if (sent < 0)
                _exit(EXIT_PARENT_GONE);
}

static void send_fault(const struct signer *s, uint64_t id, const struct fault *f)
{
        PbAnswer answer;
        vouchsafe__signer__v1__answer__init(&answer);
        answer.id = id;
        answer.code = (uint32_t) fault_code(f);
        answer.token = (char *) fault_token(f); /* packing only reads */
        answer.text = (char *) fault_text(f);
        send_or_end(s, &answer);
}

/* To whoever asks for no signature; a problem with them shows when a token is ordered. */
static void add_token_keys(const struct signer *s, PbAnswer *answer, PbTokenKey room[TOKEN_KEYS_SHOWN],
                           PbTokenKey *list[TOKEN_KEYS_SHOWN])
{
        const struct token_key *shown[TOKEN_KEYS_SHOWN];
        size_t count = 0;
        int64_t until_s = 0;
        AUTO(fault) struct fault *f = ca_token_keys(s->ca, clock_wall(s->clock), shown, &count, &until_s);
        if (f != NULL)
                return;
        for (size_t i = 0; i < count; i++) {
                struct span spki = key_spki(shown[i]->key);
                vouchsafe__signer__v1__token_key__init(&room[i]);
                room[i].id = (char *) shown[i]->id; /* packing only reads */
                room[i].spki = (ProtobufCBinaryData){spki.len, (uint8_t *) spki.data};
                list[i] = &room[i];
        }
        answer->n_token_keys = count;
        answer->token_keys = list;
        answer->token_keys_until_unix_s = until_s;
}

static void fill_intermediate(const struct signer *s, PbIntermediate *out)
{
        const struct cert *c = ca_intermediate(s->ca);
        struct span der = cert_der(c);
        out->certificate = (ProtobufCBinaryData){der.len, (uint8_t *) der.data}; /* only read */
        out->not_after_unix_s = wall_unix_s(cert_not_after(c));
        out->renew_at_unix_s = ca_renew_at_unix_s(s->ca);
        struct ca_renewal renewal = ca_renewal(s->ca);
        out->renewal_failures = renewal.failures;
        if (renewal.problem == NULL)
                return;
        out->renewal_code = (uint32_t) fault_code(renewal.problem);
        out->renewal_token = (char *) fault_token(renewal.problem);
        out->renewal_text = (char *) fault_text(renewal.problem);
}

static void send_leaves(const struct signer *s, uint64_t id, const struct buf *leaves, size_t count)
{
        PbIntermediate intermediate;
        vouchsafe__signer__v1__intermediate__init(&intermediate);
        if (s->ca != NULL)
                fill_intermediate(s, &intermediate);
        ProtobufCBinaryData datas[SIGNER_ORDERS_MAX];
        for (size_t i = 0; i < count; i++)
                datas[i] = (ProtobufCBinaryData){leaves[i].len, leaves[i].data};
        PbAnswer answer;
        vouchsafe__signer__v1__answer__init(&answer);
        answer.id = id;
        answer.n_leaves = count;
        answer.leaves = datas;
        answer.intermediate = s->ca != NULL ? &intermediate : NULL;
        PbTokenKey room[TOKEN_KEYS_SHOWN], *list[TOKEN_KEYS_SHOWN];
        if (count == 0 && s->ca != NULL)
                add_token_keys(s, &answer, room, list);
        struct span spki = s->result_key != NULL ? result_key_spki(s->result_key) : SPAN_NONE;
        if (id == 0)
                answer.result_key = (ProtobufCBinaryData){spki.len, (uint8_t *) spki.data}; /* only read */
        send_or_end(s, &answer);
}

/* Claims in, a signed token out. */
static struct fault *sign_result(const struct signer *s, const PbCall *call, struct buf *ret)
{
        if (s->result_key == NULL)
                return fault(FAULT_DENIED, "authority.result", "this signer has no key for attestation results");
        if (call->n_orders > 0)
                return fault(FAULT_INVALID, "authority.batch", "a result and orders in one call");
        return result_key_sign(s->result_key, span_make(call->result.data, call->result.len), clock_wall(s->clock),
                               ret);
}

static void answer_result(const struct signer *s, const PbCall *call)
{
        AUTO(buf) struct buf token = BUF(0);
        PbAnswer answer;
        AUTO(fault) struct fault *f = sign_result(s, call, &token);
        if (f != NULL) {
                send_fault(s, call->id, f);
                return;
        }
        vouchsafe__signer__v1__answer__init(&answer);
        answer.id = call->id;
        answer.result = (ProtobufCBinaryData){token.len, token.data};
        send_or_end(s, &answer);
}

struct leaf_order signer_order(const PbOrder *in)
{
        struct leaf_order o = {
                .identity = in->identity,
                .dns = (const char *const *) in->dns,
                .dns_count = in->n_dns,
                .spki = span_make(in->spki.data, in->spki.len),
                .not_before_unix_s = in->not_before_unix_s,
                .not_after_unix_s = in->not_after_unix_s,
                .insecure_development = in->insecure_development != 0,
                .token = in->token != 0,
                .claims = span_make(in->claims.data, in->claims.len),
        };
        if (in->serial.len == sizeof(o.serial))
                memcpy(o.serial, in->serial.data, sizeof(o.serial));
        return o;
}

static struct fault *issue(struct signer *s, const PbCall *call, struct wall now, struct buf leaves[SIGNER_ORDERS_MAX])
{
        if (call->n_orders > SIGNER_ORDERS_MAX)
                return fault(FAULT_INVALID, "authority.batch", "%zu orders in one call, at most %d are taken",
                             call->n_orders, SIGNER_ORDERS_MAX);
        if (s->ca == NULL)
                return fault(FAULT_DENIED, "authority.off", "this signer issues no credentials");
        struct leaf_order orders[SIGNER_ORDERS_MAX];
        for (size_t i = 0; i < call->n_orders; i++)
                orders[i] = signer_order(call->orders[i]);
        TRY(ca_renew_if_due(s->ca, now));
        return ca_issue(s->ca, orders, call->n_orders, now, leaves);
}

static void answer(struct signer *s, const PbCall *call)
{
        struct buf leaves[SIGNER_ORDERS_MAX];
        if (call->result.len > 0) {
                answer_result(s, call);
                return;
        }
        AUTO(fault) struct fault *f = issue(s, call, clock_wall(s->clock), leaves);
        if (f != NULL) {
                send_fault(s, call->id, f);
                return;
        }
        send_leaves(s, call->id, leaves, call->n_orders);
        for (size_t i = 0; i < call->n_orders; i++)
                buf_clear(&leaves[i]);
}

static _Noreturn void serve(struct signer *s)
{
        static uint8_t message[SIGNER_MESSAGE_MAX + 1];
        for (;;) {
                ssize_t len = read(s->socket, message, sizeof(message));
                if (len < 0 && errno == EINTR)
                        continue;
                if (len <= 0)
                        _exit(EXIT_PARENT_GONE);
                if ((size_t) len > SIGNER_MESSAGE_MAX)
                        _exit(EXIT_BROKEN_CALL); /* our issuer sends no such thing: whoever does isn't served */
                ProtobufCMessage *call = NULL;
                struct fault *broken = pb_unpack(&vouchsafe__signer__v1__call__descriptor,
                                                 span_make(message, (size_t) len), &PBCHECK_LIMITS, &call);
                if (broken != NULL)
                        _exit(EXIT_BROKEN_CALL);
                answer(s, (const PbCall *) call);
                protobuf_c_message_free_unpacked(call, NULL);
        }
}

/* All descriptors but stderr and `*socket`, which becomes 3; standard input and output lead nowhere. */
static struct fault *close_others(int *socket)
{
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0 || dup2(*socket, 3) < 0 ||
            close_range(4, ~0u, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "close what the signer doesn't need");
        *socket = 3;
        return NULL;
}

static struct fault *rehearse_token(struct ca *ca, struct leaf_order order, struct wall now)
{
        const struct token_key *shown[TOKEN_KEYS_SHOWN];
        size_t count = 0;
        int64_t until_s = 0;
        struct buf token;
        TRY(ca_token_keys(ca, now, shown, &count, &until_s));
        if (count < TOKEN_KEYS_SHOWN - 1) /* none, or none is in use yet */
                return NULL;
        authority_serial(order.serial);
        order.token = true;
        order.claims = SPAN("{\"rehearsal\":[\"yes\",1,true]}");
        TRY(ca_issue(ca, &order, 1, now, &token));
        buf_clear(&token);
        return NULL;
}

/* Signs something for nobody: whatever the libraries load or open at first use is loaded before the filter is. */
static struct fault *rehearse(struct ca *ca, const struct authority_options *o, struct wall now)
{
        AUTO(key) struct key *key = NULL;
        TRY(key_generate(KEY_P256, &key));
        AUTO_STRING char *identity = alloc_printf("spiffe://%s/rehearsal", o->trust_domain);
        struct leaf_order order = {.identity = identity,
                                   .spki = key_spki(key),
                                   .not_before_unix_s = wall_unix_s(now),
                                   .not_after_unix_s = wall_unix_s(now) + 1};
        authority_serial(order.serial);
        struct buf leaf;
        TRY(ca_issue(ca, &order, 1, now, &leaf));
        buf_clear(&leaf);

        TRY(rehearse_token(ca, order, now));

        /* the way of a refusal and of an RSA key, which is parsed by OpenSSL */
        order.spki = SPAN("no key");
        AUTO(fault) struct fault *refused = ca_issue(ca, &order, 1, now, &leaf);
        return refused != NULL ? NULL : fault(FAULT_INTERNAL, "SANDBOX", "the rehearsal of a refusal was accepted");
}

static struct fault *load(struct signer *s, const struct authority_options *o, pid_t parent)
{
        struct wall now = clock_wall(s->clock);
        TRY(close_others(&s->socket));
        TRY(signer_sandbox_prepare(parent));
        if (o->root_certificate != NULL) {
                TRY(ca_load(o, now, &s->ca));
                TRY(rehearse(s->ca, o, now));
        }
        if (o->result_key != NULL) {
                TRY(result_key_make_file(o->result_key, NULL)); /* of an issuer that is older than its verifier's key */
                TRY(result_key_load(o->result_key, o->verifier, &s->result_key));
                TRY(result_key_rehearse(s->result_key));
        }
        return signer_sandbox_enter();
}

void signer_run(const struct authority_options *o, pid_t parent, int socket)
{
        struct signer s = {.socket = socket, .clock = o->clock != NULL ? o->clock : &clock_system};
        struct fault *f = load(&s, o, parent);
        if (f != NULL) {
                send_fault(&s, 0, f);
                _exit(EXIT_NOT_LOADED);
        }
        send_leaves(&s, 0, NULL, 0);
        serve(&s);
}
