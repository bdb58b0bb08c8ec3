#include "attester/evidence/tpm_ak.h"

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/tpm.h"
#include "lib/model/tpm_evidence.h"
#include "lib/wire/json.h"

#define STATE_MAX     4096
#define STATE_VERSION 1
#define NAME_LIMIT    (2 + HASH_MAX_LEN)

struct fault *tpm_ak_open(const char *state_dir, struct tpm_ak *ret)
{
        if (state_dir == NULL)
                return fault(FAULT_INVALID, "evidence.state_dir", "the TPM's evidence needs a state directory");
        int dir;
        TRY_AS(dir_open_make(state_dir, 0700, &dir), "state directory %s", state_dir);
        *ret = (struct tpm_ak){.state_dir = dir, .name = BUF(NAME_LIMIT), .public = BUF(TPM_PUBLIC_MAX)};
        return NULL;
}

/* ---- what is kept */

static struct fault *wiped(const char *why)
{
        return fault(FAULT_PRECONDITION, "tee.wiped", "attestation key: %s; it has to be enrolled again", why);
}

static struct fault *parse_state(struct span text, struct tpm_ak *ak)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(text, &j));
        int64_t version;
        TRY(json_need_int(j, "v", 1, INT64_MAX, &version));
        if (version != STATE_VERSION)
                return fault(FAULT_PRECONDITION, "evidence.state_version", "%s was written by a newer release (v%lld)",
                             TPM_AK_STATE_FILE, (long long) version);
        AUTO(buf) struct buf unique = BUF(TPM_AK_UNIQUE_LEN), name = BUF(NAME_LIMIT);
        TRY(json_need_base64url(j, "unique", &unique));
        TRY(json_need_base64url(j, "name", &name));
        if (unique.len != TPM_AK_UNIQUE_LEN)
                return fault(FAULT_INVALID, "BAD_FIELD", "unique has %zu bytes", unique.len);

        memcpy(ak->unique, unique.data, TPM_AK_UNIQUE_LEN);
        buf_truncate(&ak->name, 0);
        TRY(buf_append(&ak->name, buf_span(&name)));
        ak->is_known = true;
        return NULL;
}

/* Leaves is_known false when nothing was ever kept. */
static struct fault *read_state(struct tpm_ak *ak)
{
        if (ak->is_known)
                return NULL;
        AUTO(buf) struct buf text = BUF(STATE_MAX);
        AUTO(fault) struct fault *f = file_read_at(ak->state_dir, TPM_AK_STATE_FILE, &text);
        if (f != NULL && fault_code(f) == FAULT_NOT_FOUND)
                return NULL;
        if (f != NULL)
                return TAKE(f);
        f = parse_state(buf_span(&text), ak);
        if (f == NULL || strcmp(fault_token(f), "evidence.state_version") == 0)
                return TAKE(f);
        return wiped("its state can't be read");
}

static struct fault *write_state(const struct tpm_ak *ak)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "v", STATE_VERSION);
        json_set_base64url(j, "unique", span_make(ak->unique, TPM_AK_UNIQUE_LEN));
        json_set_base64url(j, "name", buf_span(&ak->name));
        AUTO(buf) struct buf text = BUF(STATE_MAX);
        TRY(json_write(j, &text));
        TRY(buf_append_byte(&text, '\n'));
        TRY_AS(file_write_atomic_at(ak->state_dir, TPM_AK_STATE_FILE, buf_span(&text), 0600), "keep %s",
               TPM_AK_STATE_FILE);
        return NULL;
}

/* ---- the key in the TPM */

/* noDA: without it each power loss counts as a failed password (part 1, dictionary attack protection), and a machine that lost power a few times can't
 * quote any more. The key has no password to guess. */
static TPM2B_PUBLIC template_of(const struct tpm_ak *ak)
{
        TPM2B_PUBLIC in = {.publicArea = {
                                   .type = TPM2_ALG_ECC,
                                   .nameAlg = TPM2_ALG_SHA256,
                                   .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                                       TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_NODA |
                                                       TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |
                                                       TPMA_OBJECT_SIGN_ENCRYPT,
                                   .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
                                                            .scheme = {.scheme = TPM2_ALG_ECDSA,
                                                                       .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
                                                            .curveID = TPM2_ECC_NIST_P256,
                                                            .kdf.scheme = TPM2_ALG_NULL},
                           }};
        in.publicArea.unique.ecc.x.size = TPM_AK_UNIQUE_LEN;
        memcpy(in.publicArea.unique.ecc.x.buffer, ak->unique, TPM_AK_UNIQUE_LEN);
        return in;
}

static struct fault *create(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel, struct tpm_object *ret,
                            struct buf *ret_name)
{
        const TPM2B_SENSITIVE_CREATE no_auth = {0};
        const TPM2B_DATA no_data = {0};
        const TPML_PCR_SELECTION no_pcrs = {0};
        const TPM2B_PUBLIC in = template_of(ak);
        AUTO_ESYS TPM2B_PUBLIC *public = NULL;
        AUTO(tpm_object) struct tpm_object key = TPM_OBJECT(t);
        TPM_CALL(t, cancel, "make attestation key",
                 Esys_CreatePrimary_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                          &no_auth, &in, &no_data, &no_pcrs),
                 Esys_CreatePrimary_Finish(t->esys, &key.handle, &public, NULL, NULL, NULL));
        buf_truncate(&ak->public, 0);
        TRY(tpm_public_append(&public->publicArea, &ak->public));
        TRY(tpm_name(buf_span(&ak->public), ret_name));
        *ret = tpm_object_take(&key);
        return NULL;
}

static struct fault *save_context(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel, ESYS_TR key)
{
        TPMS_CONTEXT *saved = NULL;
        TPM_CALL(t, cancel, "save attestation key", Esys_ContextSave_Async(t->esys, key),
                 Esys_ContextSave_Finish(t->esys, &saved));
        ak->saved = saved;
        return NULL;
}

static struct fault *load_context(const struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel,
                                  struct tpm_object *ret)
{
        AUTO(tpm_object) struct tpm_object key = TPM_OBJECT(t);
        TPM_CALL(t, cancel, "load attestation key", Esys_ContextLoad_Async(t->esys, ak->saved),
                 Esys_ContextLoad_Finish(t->esys, &key.handle));
        *ret = tpm_object_take(&key);
        return NULL;
}

static void drop_context(struct tpm_ak *ak)
{
        Esys_Free(TAKE(ak->saved));
}

static struct fault *make_anew(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel, struct tpm_object *ret)
{
        bool is_first = !ak->is_known;
        if (is_first)
                random_bytes(ak->unique, sizeof ak->unique);
        AUTO(buf) struct buf name = BUF(NAME_LIMIT);
        AUTO(tpm_object) struct tpm_object key = TPM_OBJECT(t);
        TRY(create(ak, t, cancel, &key, &name));
        if (!is_first && !span_eq(buf_span(&name), buf_span(&ak->name)))
                return wiped("the TPM was wiped, or is another one");

        if (is_first) {
                buf_truncate(&ak->name, 0);
                TRY(buf_append(&ak->name, buf_span(&name)));
                TRY(write_state(ak));
                ak->is_known = true;
                log_info("attestation_key_made");
        }
        TRY(save_context(ak, t, cancel, key.handle));
        *ret = tpm_object_take(&key);
        return NULL;
}

struct fault *tpm_ak_load(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel, struct tpm_object *ret)
{
        TRY(read_state(ak));
        if (ak->saved != NULL) {
                AUTO(fault) struct fault *f = load_context(ak, t, cancel, ret);
                if (f == NULL || strcmp(fault_token(f), "tee.fault") != 0)
                        return TAKE(f);
                drop_context(ak); /* the TPM was reset since */
        }
        return make_anew(ak, t, cancel, ret);
}

struct fault *tpm_ak_load_or_replace(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel,
                                     struct tpm_object *ret)
{
        AUTO(fault) struct fault *f = tpm_ak_load(ak, t, cancel, ret);
        if (f == NULL || strcmp(fault_token(f), "tee.wiped") != 0)
                return TAKE(f);
        log_warn("attestation_key_replaced", KV("why", f));
        ak->is_known = false;
        return make_anew(ak, t, cancel, ret);
}

void tpm_ak_clear(struct tpm_ak *ak)
{
        drop_context(ak);
        buf_clear(&ak->name);
        buf_clear(&ak->public);
        if (ak->state_dir >= 0)
                (void) close(ak->state_dir); /* nothing is written through it */
        ak->state_dir = -1;
}
