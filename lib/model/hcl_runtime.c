/* Runtime data: the virtual TPM's keys and how the machine is configured. Members that we don't know are left alone: the hardware vouches
 * for all of it, and Azure adds to it. */
#include "lib/model/hcl.h"
#include "lib/base/parse.h"
#include "lib/wire/json.h"

#define KEYS_MAX     16
#define TEXT_MAX     256
#define AK_NAME      "HCLAkPub"
#define RSA_MAX      512
#define EXPONENT_MAX 8

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "az.runtime_data", "%s", what);
}

/* The one signing key; two of that name would leave it open which one is meant. */
static struct fault *read_ak(const struct json *keys, struct hcl_runtime *r)
{
        for (size_t i = 0; i < json_count(keys); i++) {
                const struct json *jwk = json_at(keys, i);
                struct span kid = SPAN_NONE, kty = SPAN_NONE;
                if (json_kind(jwk) != JSON_OBJECT)
                        return bad("a key that is no object");
                TRY(json_want_text(jwk, "kid", TEXT_MAX, &kid));
                if (!span_eq_str(kid, AK_NAME))
                        continue;
                AUTO(buf) struct buf n = BUF(RSA_MAX), e = BUF(EXPONENT_MAX);
                TRY(json_need_text(jwk, "kty", TEXT_MAX, &kty));
                if (!span_eq_str(kty, "RSA") || r->ak != NULL)
                        return bad(AK_NAME " twice, or of a kind that is not taken");
                TRY(json_need_base64url(jwk, "n", &n));
                TRY(json_need_base64url(jwk, "e", &e));
                TRY(key_from_rsa(buf_span(&n), buf_span(&e), &r->ak));
        }
        return r->ak != NULL ? NULL : bad("no key " AK_NAME);
}

static struct fault *want_flag(const struct json *o, const char *name, int *ret)
{
        bool value = false;
        if (json_get(o, name) == NULL)
                return NULL;
        TRY(json_need_bool(o, name, &value));
        *ret = value ? 1 : 0;
        return NULL;
}

static struct fault *want_text(const struct json *o, const char *name, char **ret)
{
        struct span text = SPAN_NONE;
        TRY(json_want_text(o, name, TEXT_MAX, &text));
        if (text.len > 0)
                *ret = span_to_string(text);
        return NULL;
}

static struct fault *read_configuration(const struct json *j, struct hcl_runtime *r)
{
        const struct json *o = NULL;
        TRY(json_want_object(j, "vm-configuration", &o));
        if (o == NULL)
                return NULL;
        TRY(want_flag(o, "secure-boot", &r->secure_boot));
        TRY(want_flag(o, "console-enabled", &r->console_enabled));
        TRY(want_flag(o, "tpm-enabled", &r->tpm_enabled));
        TRY(want_flag(o, "tpm-persisted", &r->tpm_persisted));
        TRY(want_text(o, "vmUniqueId", &r->vm_id));
        return want_text(o, "root-cert-thumbprint", &r->root_thumbprint);
}

static struct fault *read_user_data(const struct json *j, struct hcl_runtime *r)
{
        AUTO(buf) struct buf bytes = BUF(HCL_USER_DATA);
        struct span text = SPAN_NONE;
        TRY(json_want_text(j, "user-data", (size_t) 2 * HCL_USER_DATA, &text));
        if (text.len == 0)
                return NULL;
        TRY(hex_decode(text, &bytes));
        if (bytes.len != HCL_USER_DATA)
                return bad("user data of another length than 64 bytes");
        memcpy(r->user_data, bytes.data, HCL_USER_DATA);
        r->has_user_data = true;
        return NULL;
}

static struct fault *read_all(struct span text, struct hcl_runtime *r)
{
        AUTO(json) struct json *j = NULL;
        const struct json *keys = NULL;
        TRY(json_parse(text, &j));
        if (json_kind(j) != JSON_OBJECT)
                return bad("no object");
        TRY(json_need_array(j, "keys", KEYS_MAX, &keys));
        TRY(read_ak(keys, r));
        TRY(read_configuration(j, r));
        return read_user_data(j, r);
}

struct fault *hcl_runtime_read(struct span json, struct hcl_runtime *ret)
{
        AUTO(hcl_runtime)
        struct hcl_runtime r = {.secure_boot = -1, .console_enabled = -1, .tpm_enabled = -1, .tpm_persisted = -1};
        AUTO(fault) struct fault *f = read_all(json, &r);
        if (f != NULL)
                return bad(fault_text(f));
        *ret = r;
        r = (struct hcl_runtime){0}; /* the caller's now */
        return NULL;
}

void hcl_runtime_clear(struct hcl_runtime *r)
{
        key_free(r->ak);
        free(r->vm_id);
        free(r->root_thumbprint);
        *r = (struct hcl_runtime){0};
}
