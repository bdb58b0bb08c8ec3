/* A volume's folder: one generation is opened once and read through that, so a rotation in between mixes nothing. */
#include "cli/inspect_volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/crypt/x509.h"
#include "lib/model/bundle.h"

#define CHAIN_FILE      "tls.crt"
#define SLOTS_SHOWN_MAX 16

void volume_add(struct volume *v, const char *prefix, const char *name, bool ok, const char *wanted, const char *got)
{
        AUTO_STRING char *place = alloc_printf("%s%s", prefix, name);
        check_add(v->checks, place, ok, wanted, got, -1);
        v->checks->ok = v->checks->ok && ok;
}

/* A step that must succeed: its fault becomes a failed check. */
bool volume_fits(struct volume *v, const char *prefix, const char *name, const char *wanted, struct fault *f)
{
        AUTO(fault) struct fault *why = f;
        volume_add(v, prefix, name, why == NULL, wanted, why == NULL ? "it does" : fault_text(why));
        return why == NULL;
}

static struct fault *open_generation(const char *path, int *ret)
{
        AUTO_STRING char *current = alloc_printf("%s/..data", path);
        AUTO_CLOSE int fd = open(current, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fault_errno(FAULT_NOT_FOUND, "NO_FILE", errno, "open %s", path);
        *ret = TAKE_FD(fd);
        return NULL;
}

/* ---- what all credentials share ------------------------------------------------------------------------------------ */
static struct fault *read_roots(struct volume *v)
{
        AUTO(buf) struct buf pem = BUF(INSPECTED_MAX);
        TRY(file_read_at(v->dir, "ca.crt", &pem));
        return cert_list_from_pem(buf_span(&pem), &v->roots);
}

static struct fault *compare_bundle(struct volume *v)
{
        AUTO(buf) struct buf text = BUF(INSPECTED_MAX);
        AUTO(bundle) struct bundle bundle = {0};
        TRY(file_read_at(v->dir, "trust-bundle.json", &text));
        TRY(bundle_read(buf_span(&text), &bundle));
        struct json *j = json_new_object();
        json_set_int(j, "sequence", (int64_t) bundle.sequence);
        json_set_int(j, "roots", (int64_t) bundle.root_count);
        json_set(v->result, "bundle", j);
        for (size_t i = 0; i < bundle.root_count; i++) {
                bool found = false;
                for (size_t k = 0; k < v->roots.count; k++)
                        found = found || span_eq(buf_span(&bundle.roots[i]), cert_der(v->roots.certs[k]));
                if (!found || bundle.root_count != v->roots.count)
                        return fault(FAULT_INVALID, "OTHER_ROOTS", "its roots are not those of ca.crt");
        }
        return NULL;
}

static struct fault *read_status(struct volume *v)
{
        AUTO(buf) struct buf text = BUF(INSPECTED_MAX);
        TRY(file_read_at(v->dir, "status.json", &text));
        TRY(json_parse(buf_span(&text), &v->status));
        json_set(v->result, "status", json_copy(v->status));
        return NULL;
}

/* ---- one credential ------------------------------------------------------------------------------------------------ */
struct fault *volume_read(struct volume *v, const char *prefix, const char *name, struct buf *out)
{
        AUTO_STRING char *whole = alloc_printf("%s%s", prefix, name);
        return file_read_at(v->dir, whole, out);
}

static struct fault *compare_key(struct volume *v, const char *prefix, const struct cert *leaf)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/fd/%d/%stls.key", v->dir, prefix);
        AUTO(secret) struct secret *pem = NULL;
        AUTO(key) struct key *key = NULL;
        TRY(file_read_secret(path, &pem));
        TRY(pem_private_key(secret_span(pem), &key));
        if (cert_key(leaf) == NULL || !span_eq(key_spki(cert_key(leaf)), key_spki(key)))
                return fault(FAULT_INVALID, "OTHER_KEY", "it is another key");
        return NULL;
}

/* Key and chain in one file: certificates are public, the key in it goes through wiped memory. */
static struct fault *compare_both(struct volume *v, const char *prefix, const struct cert *leaf)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/fd/%d/%scredential-bundle.pem", v->dir, prefix);
        AUTO(secret) struct secret *pem = NULL;
        AUTO(key) struct key *key = NULL;
        AUTO(cert_list) struct cert_list certs = {0};
        TRY(file_read_secret(path, &pem));
        TRY(cert_list_from_pem(secret_span(pem), &certs));
        TRY(pem_private_key(secret_span(pem), &key));
        if (!span_eq(cert_der(certs.certs[0]), cert_der(leaf)) || cert_key(leaf) == NULL ||
            !span_eq(key_spki(cert_key(leaf)), key_spki(key)))
                return fault(FAULT_INVALID, "OTHER_GENERATION", "it holds another certificate or key");
        return NULL;
}

static const char *status_serial(const struct json *status, const char *slot)
{
        const struct json *list = json_get(status, "credentials");
        for (size_t i = 0; i < json_count(list); i++) {
                const char *name = member_text(json_at(list, i), "slot", "");
                if (json_count(list) == 1 || strcmp(name, slot) == 0)
                        return member_text(json_at(list, i), "serial", NULL);
        }
        return member_text(status, "serial", NULL);
}

/* status.json lists every credential; the one whose serial this is must be among them. */
static bool status_lists(const struct json *status, const char *serial)
{
        const struct json *list = json_get(status, "credentials");
        for (size_t i = 0; i < json_count(list); i++)
                if (strcmp(member_text(json_at(list, i), "serial", ""), serial) == 0)
                        return true;
        return strcmp(member_text(status, "serial", ""), serial) == 0;
}

void volume_compare_status(struct volume *v, const char *prefix, const char *name, const char *serial)
{
        if (v->status == NULL)
                return;
        bool listed = status_lists(v->status, serial);
        volume_add(v, prefix, name, listed, serial, listed ? "listed" : status_serial(v->status, prefix));
}

static void inspect_credential(struct volume *v, const char *prefix)
{
        AUTO(buf) struct buf pem = BUF(INSPECTED_MAX);
        AUTO(cert_list) struct cert_list chain = {0};
        if (!volume_fits(v, prefix, CHAIN_FILE, "can be read", volume_read(v, prefix, CHAIN_FILE, &pem)) ||
            !volume_fits(v, prefix, "certificates", "are certificates", cert_list_from_pem(buf_span(&pem), &chain)))
                return;
        const struct cert *leaf = chain.certs[0];
        struct cert_list rest = {.count = chain.count - 1}; /* borrows */
        for (size_t i = 1; i < chain.count; i++)
                rest.certs[i - 1] = chain.certs[i];

        struct json *j = cert_to_json(leaf), *list = json_new_array();
        AUTO_STRING char *slot =
                prefix[0] == '\0' ? alloc_string("x509") : span_to_string(span_make(prefix, strlen(prefix) - 1));
        json_set_text(j, "slot", slot);
        for (size_t i = 0; i < chain.count; i++)
                json_push(list, cert_to_json(chain.certs[i]));
        json_set(j, "chain", list);
        json_push(v->credentials, j);

        (void) volume_fits(v, prefix, "chain", "verifies against ca.crt",
                           cert_verify(leaf, &rest, &v->roots, CERT_PURPOSE_WORKLOAD, v->now));
        (void) volume_fits(v, prefix, "key", "belongs to the certificate", compare_key(v, prefix, leaf));
        (void) volume_fits(v, prefix, "credential-bundle", "is of the same generation", compare_both(v, prefix, leaf));
        AUTO(buf) struct buf serial = BUF(2 * CERT_SERIAL_MAX + 2);
        if (volume_fits(v, prefix, "serial", "at most 20 bytes", hex_encode(cert_serial(leaf), &serial)))
                volume_compare_status(v, prefix, "status", buf_str(&serial));
}

/* "tls.crt", and with a slot in front "internal.tls.crt". */
static bool is_named(const char *file, const char *name)
{
        size_t len = strlen(file), suffix = strlen(name);
        return len >= suffix && strcmp(file + len - suffix, name) == 0 &&
               (len == suffix || file[len - suffix - 1] == '.');
}

static int is_credential(const struct dirent *e)
{
        return is_named(e->d_name, CHAIN_FILE) || is_named(e->d_name, TOKEN_FILE);
}

static void inspect_file(struct volume *v, const char *file)
{
        bool is_token = is_named(file, TOKEN_FILE);
        size_t len = strlen(file) - strlen(is_token ? TOKEN_FILE : CHAIN_FILE);
        AUTO_STRING char *prefix = span_to_string(span_make(file, len));
        if (is_token)
                inspect_token(v, prefix);
        else
                inspect_credential(v, prefix);
}

static struct fault *inspect_credentials(struct volume *v)
{
        struct dirent **files = NULL;
        int found = scandirat(v->dir, ".", &files, is_credential, alphasort);
        if (found < 0)
                return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "list the volume");
        for (int i = 0; i < found; i++) {
                if (i < SLOTS_SHOWN_MAX)
                        inspect_file(v, files[i]->d_name);
                free(files[i]);
        }
        free(files);
        if (found == 0)
                volume_add(v, "", CHAIN_FILE, false, "a credential", "neither " CHAIN_FILE " nor " TOKEN_FILE " in it");
        return NULL;
}

static void volume_clear(struct volume *v)
{
        if (v->dir >= 0)
                (void) close(v->dir); /* only read from */
        json_free(v->result);
        json_free(v->status);
        check_free(v->checks);
        cert_list_clear(&v->roots);
}
DEFINE_AUTO_VALUE(volume)

struct fault *inspect_volume(const char *path, struct wall now, struct json **ret, bool *ret_ok)
{
        AUTO(volume) struct volume v = {.dir = -1, .now = now};
        TRY(open_generation(path, &v.dir));
        v.result = json_new_object();
        v.checks = check_new("inspect", true);
        json_set_text(v.result, "volume", path);
        v.credentials = json_new_array();
        json_set(v.result, "credentials", v.credentials);

        (void) volume_fits(&v, "", "ca.crt", "can be read", read_roots(&v));
        (void) volume_fits(&v, "", "status.json", "can be read", read_status(&v));
        TRY(inspect_credentials(&v));
        (void) volume_fits(&v, "", "trust-bundle.json", "has the roots of ca.crt", compare_bundle(&v));

        json_set_bool(v.result, "ok", v.checks->ok);
        json_set(v.result, "checks", check_to_json(v.checks));
        *ret_ok = v.checks->ok;
        *ret = TAKE(v.result);
        return NULL;
}
