/* say: what our parsers make of files, as one line of JSON a file, for a comparison with parsers that only Python has (compare.py).
 * usage: say json|yaml|x509|protobuf FILE... */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/file.h"
#include "lib/crypt/x509.h"
#include "lib/wire/json.h"
#include "lib/wire/pbcheck.h"
#include "lib/wire/yaml.h"
#include "proto/attester.pb-c.h"
#include "proto/csi.pb-c.h"
#include "proto/pluginregistration.pb-c.h"
#include "proto/signer.pb-c.h"

#define FILE_MAX ((size_t) 4 << 20)

static struct json *node_json(const struct yaml_node *n)
{
        struct json *out;
        switch (n->kind) {
        case YAML_SCALAR:
                return json_new_text(span_str(n->text));
        case YAML_SEQUENCE:
                out = json_new_array();
                for (size_t i = 0; i < n->count; i++)
                        json_push(out, node_json(n->items[i]));
                return out;
        default:
                out = json_new_object();
                for (size_t i = 0; i < n->count; i++)
                        json_set(out, n->keys[i]->text, node_json(n->items[i]));
                return out;
        }
}

static struct fault *say_yaml(struct span text, struct json *into)
{
        AUTO(yaml) struct yaml *y = NULL;
        TRY(yaml_parse("file", text, &y));
        struct json *documents = json_new_array();
        for (size_t i = 0; i < yaml_documents(y); i++)
                json_push(documents, node_json(yaml_document(y, i)));
        json_set(into, "value", documents);
        return NULL;
}

static struct fault *say_json(struct span text, struct json *into)
{
        AUTO(json) struct json *value = NULL;
        AUTO(buf) struct buf written = BUF(2 * FILE_MAX);
        TRY(json_parse(text, &value));
        TRY(json_write(value, &written));
        json_set_base64url(into, "written", buf_span(&written));
        return NULL;
}

static struct fault *say_x509(struct span der, struct json *into)
{
        AUTO(cert) struct cert *c = NULL;
        TRY(cert_from_der(der, &c));
        json_set_hex(into, "serial", cert_serial(c));
        json_set_hex(into, "subject", cert_subject_der(c));
        json_set_hex(into, "issuer", cert_issuer_der(c));
        json_set_int(into, "not_before", wall_unix_s(cert_not_before(c)));
        json_set_int(into, "not_after", wall_unix_s(cert_not_after(c)));
        json_set_bool(into, "is_ca", cert_is_ca(c));
        json_set_int(into, "key_usage", cert_key_usage(c));
        struct json *uris = json_new_array(), *names = json_new_array();
        for (size_t i = 0; i < cert_uri_count(c); i++)
                json_push(uris, json_new_text(span_str(cert_uri(c, i))));
        for (size_t i = 0; i < cert_dns_count(c); i++)
                json_push(names, json_new_text(span_str(cert_dns(c, i))));
        json_set(into, "uris", uris);
        json_set(into, "dns", names);
        if (cert_key(c) != NULL)
                json_set_hex(into, "spki", key_spki(cert_key(c)));
        return NULL;
}

/* The first byte picks the message, as in pbcheck_fuzz.c. */
static struct fault *say_protobuf(struct span input, struct json *into)
{
        static const ProtobufCMessageDescriptor *const types[] = {
                &vouchsafe__attester__v1__call__descriptor,
                &vouchsafe__attester__v1__answer__descriptor,
                &csi__v1__node_publish_volume_request__descriptor,
                &csi__v1__node_get_info_response__descriptor,
                &csi__v1__node_unpublish_volume_request__descriptor,
                &pluginregistration__registration_status__descriptor,
                &vouchsafe__signer__v1__call__descriptor,
                &vouchsafe__signer__v1__answer__descriptor,
        };
        if (input.len == 0)
                return fault(FAULT_INVALID, "EMPTY", "no message chosen");
        const ProtobufCMessageDescriptor *type = types[input.data[0] % COUNT_OF(types)];
        ProtobufCMessage *message = NULL;
        AUTO(buf) struct buf packed = BUF(2 * FILE_MAX);
        json_set_text(into, "type", type->name);
        TRY(pb_unpack(type, span_slice(input, 1, input.len - 1), &PBCHECK_LIMITS, &message));
        struct fault *failed = pb_pack(message, &packed);
        protobuf_c_message_free_unpacked(message, NULL);
        TRY(failed);
        json_set_hex(into, "packed", buf_span(&packed));
        return NULL;
}

static struct fault *say(const char *kind, const char *path)
{
        AUTO(json) struct json *line = json_new_object();
        AUTO(buf) struct buf text = BUF(FILE_MAX), out = BUF(8 * FILE_MAX);
        TRY(file_read(path, &text));
        json_set_text(line, "file", path);
        struct span input = buf_span(&text);
        AUTO(fault)
        struct fault *refused = strcmp(kind, "json") == 0   ? say_json(input, line)
                                : strcmp(kind, "yaml") == 0 ? say_yaml(input, line)
                                : strcmp(kind, "x509") == 0 ? say_x509(input, line)
                                                            : say_protobuf(input, line);
        if (refused != NULL) {
                json_set_text(line, "refused", fault_token(refused));
                json_set_text(line, "why", fault_text(refused));
        }
        TRY(json_write(line, &out));
        printf("%.*s\n", (int) out.len, (const char *) out.data);
        return NULL;
}

int main(int argc, char **argv)
{
        for (int i = 2; i < argc; i++) {
                AUTO(fault) struct fault *failed = say(argv[1], argv[i]);
                if (failed != NULL) {
                        (void) fprintf(stderr, "say: %s: %s\n", argv[i], fault_text(failed));
                        return EXIT_FAILURE;
                }
        }
        return argc > 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
