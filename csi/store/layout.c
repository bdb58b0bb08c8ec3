#include "csi/store/layout.h"

#include <assert.h>
#include <stdio.h>

#include "lib/model/names.h"

/* What a file is put together from. */
enum part { PART_END, PART_KEY, PART_JWK, PART_CHAIN, PART_TOKEN, PART_ROOTS, PART_BUNDLE, PART_STATUS };

/* The table: `type` NULL is once a volume, else once a credential of that type. */
static const struct row {
        const char *type, *name;
        enum part parts[LAYOUT_PARTS_MAX];
} table[] = {
        {SLOT_TYPE_X509, "tls.crt", {PART_CHAIN}}, /* leaf, then intermediates; never the root */
        {SLOT_TYPE_X509, "tls.key", {PART_KEY}},
        {SLOT_TYPE_X509, "credential-bundle.pem", {PART_KEY, PART_CHAIN}}, /* one open = one generation */
        {SLOT_TYPE_WIT, "wit.jwt", {PART_TOKEN}},
        {SLOT_TYPE_WIT, "wit.key.pem", {PART_KEY}},
        {SLOT_TYPE_WIT, "wit.key.jwk", {PART_JWK}}, /* the same key */
        {NULL, "ca.crt", {PART_ROOTS}},
        {NULL, "trust-bundle.json", {PART_BUNDLE}},
        {NULL, STATUS_FILE, {PART_STATUS}},
};

static bool slot_is_good(const char *slot)
{
        size_t len = slot == NULL ? 0 : strlen(slot);
        return len > 0 && len <= NAME_MAX_LEN && strspn(slot, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool type_is(const struct acquired_credential *c, const char *type)
{
        return c->type != NULL && strcmp(c->type, type) == 0;
}

/* Keys, chains and tokens are joined in files: what would end without a newline would garble its neighbour. */
static bool ends_line(struct span s)
{
        return s.len > 0 && s.data[s.len - 1] == '\n';
}

static struct fault *check_credential(const struct acquired_credential *c, struct wall now)
{
        if (!slot_is_good(c->slot))
                return fault(FAULT_INTERNAL, "BAD_SLOT", "a slot's name may have a-z, 0-9 and \"-\"");
        bool x509 = type_is(c, SLOT_TYPE_X509);
        if (!x509 && !type_is(c, SLOT_TYPE_WIT))
                return fault(FAULT_INTERNAL, "UNKNOWN_CREDENTIAL_TYPE", "slot %s is of type %.32s", c->slot,
                             c->type == NULL ? "(none)" : c->type);
        if (c->private_key_pem == NULL || !ends_line(secret_span(c->private_key_pem)))
                return fault(FAULT_INTERNAL, "EMPTY_KEY", "slot %s came without a whole private key", c->slot);
        if (x509 && !ends_line(buf_span(&c->chain_pem)))
                return fault(FAULT_INTERNAL, "EMPTY_CHAIN", "slot %s came without a whole chain", c->slot);
        if (!x509 && (c->token == NULL || c->token[0] == '\0'))
                return fault(FAULT_INTERNAL, "EMPTY_TOKEN", "slot %s came without a token", c->slot);
        if (!x509 && c->private_key_jwk == NULL)
                return fault(FAULT_INTERNAL, "EMPTY_JWK", "slot %s came without its key as JWK", c->slot);
        if (c->issued_unix_s < 0 || c->not_before_unix_s < 0 || c->not_after_unix_s > LAYOUT_DATE_MAX ||
            c->issued_unix_s >= c->not_after_unix_s || c->not_before_unix_s > c->not_after_unix_s)
                return fault(FAULT_INTERNAL, "BAD_DATES", "slot %s has dates that can't be", c->slot);
        if (wall_unix_s(now) >= c->not_after_unix_s)
                return fault(FAULT_UNAVAILABLE, "EXPIRED_CREDENTIAL",
                             "slot %s had expired when it came: compare the clocks of node and issuer", c->slot);
        return NULL;
}

struct fault *layout_check(const struct acquired *a, struct wall now)
{
        if (a->count == 0)
                return fault(FAULT_INTERNAL, "NO_CREDENTIALS", "the profile gave no credential");
        if (a->count > ACQUIRED_MAX)
                return fault(FAULT_INTERNAL, "TOO_MANY_CREDENTIALS", "%zu credentials for one volume", a->count);
        for (size_t i = 0; i < a->count; i++)
                TRY(check_credential(&a->credentials[i], now));
        if (!ends_line(buf_span(&a->bundle.roots_pem)) || a->bundle.json.len == 0)
                return fault(FAULT_INTERNAL, "EMPTY_BUNDLE", "no trust bundle came with the credentials");
        return NULL;
}

/* Names of ours only: one component, not hidden, so that nothing of a generation's own bookkeeping can be hit. */
static bool name_is_good(const char *name)
{
        return name[0] != '.' && name[0] != '\0' && strlen(name) <= LAYOUT_NAME_MAX && strchr(name, '/') == NULL;
}

const struct layout_file *layout_find(const struct layout *l, const char *name)
{
        for (size_t i = 0; i < l->count; i++) {
                if (strcmp(l->files[i].name, name) == 0)
                        return &l->files[i];
        }
        return NULL;
}

struct fault *layout_add(struct layout *l, const char *name, struct layout_file **ret)
{
        if (!name_is_good(name))
                return fault(FAULT_INTERNAL, "BAD_FILE_NAME", "\"%.64s\" is no name for a file in a volume", name);
        if (layout_find(l, name) != NULL)
                return fault(FAULT_INTERNAL, "DUPLICATE_FILE", "two slots would both write %s", name);
        if (l->count == LAYOUT_FILES_MAX)
                return fault(FAULT_INTERNAL, "TOO_MANY_FILES", "more than %d files in a volume", LAYOUT_FILES_MAX);
        struct layout_file *file = &l->files[l->count++];
        *file = (struct layout_file){0};
        (void) snprintf(file->name, sizeof(file->name), "%s", name); /* fits: name_is_good */
        *ret = file;
        return NULL;
}

struct source {
        const struct acquired_credential *credential; /* NULL in the volume's own rows */
        const struct trust_bundle *bundle;
        struct span status_json;
};

static struct span part_bytes(enum part part, const struct source *from)
{
        assert(from->credential != NULL || part == PART_END || part >= PART_ROOTS); /* the table's rows have it so */
        switch (part) {
        case PART_KEY:
                return secret_span(from->credential->private_key_pem);
        case PART_JWK:
                return secret_span(from->credential->private_key_jwk);
        case PART_CHAIN:
                return buf_span(&from->credential->chain_pem);
        case PART_TOKEN:
                return span_str(from->credential->token);
        case PART_ROOTS:
                return buf_span(&from->bundle->roots_pem);
        case PART_BUNDLE:
                return buf_span(&from->bundle->json);
        case PART_STATUS:
                return from->status_json;
        case PART_END:
                break;
        }
        return SPAN_NONE;
}

static struct fault *add_row(struct layout *l, const struct row *row, const char *prefix, const struct source *from)
{
        char name[LAYOUT_NAME_MAX + 1];
        (void) snprintf(name, sizeof(name), "%s%s%s", prefix == NULL ? "" : prefix, prefix == NULL ? "" : ".",
                        row->name); /* fits: NAME_MAX_LEN and the longest name of the table */
        struct layout_file *file = NULL;
        TRY(layout_add(l, name, &file));
        for (size_t i = 0; i < LAYOUT_PARTS_MAX; i++)
                file->parts[i] = part_bytes(row->parts[i], from);
        return NULL;
}

static bool is_first_of_type(const struct acquired *a, size_t index)
{
        for (size_t i = 0; i < index; i++) {
                if (type_is(&a->credentials[i], a->credentials[index].type))
                        return false;
        }
        return true;
}

struct fault *layout_of(const struct acquired *a, const struct trust_bundle *bundle, struct span status_json,
                        struct layout *ret)
{
        ret->count = 0;
        struct source from = {NULL, bundle, status_json};
        for (size_t i = 0; i < a->count; i++) {
                from.credential = &a->credentials[i];
                const char *prefix = is_first_of_type(a, i) ? NULL : a->credentials[i].slot;
                for (size_t k = 0; k < COUNT_OF(table); k++) {
                        if (table[k].type != NULL && type_is(from.credential, table[k].type))
                                TRY(add_row(ret, &table[k], prefix, &from));
                }
        }
        from.credential = NULL;
        for (size_t k = 0; k < COUNT_OF(table); k++) {
                if (table[k].type == NULL)
                        TRY(add_row(ret, &table[k], NULL, &from));
        }
        return NULL;
}

static bool is_of_volume(const char *name)
{
        for (size_t k = 0; k < COUNT_OF(table); k++) {
                if (table[k].type == NULL && strcmp(table[k].name, name) == 0)
                        return true;
        }
        return false;
}

struct fault *layout_of_bundle(const struct layout *current, const struct trust_bundle *bundle, struct span status_json,
                               struct layout *ret)
{
        ret->count = 0;
        const struct source from = {NULL, bundle, status_json};
        for (size_t i = 0; i < current->count; i++) {
                struct layout_file *file = NULL;
                if (is_of_volume(current->files[i].name))
                        continue;
                TRY(layout_add(ret, current->files[i].name, &file));
                file->from_current = true;
        }
        for (size_t k = 0; k < COUNT_OF(table); k++) {
                if (table[k].type == NULL)
                        TRY(add_row(ret, &table[k], NULL, &from));
        }
        return NULL;
}
