/* http_fields: the two header fields of an HTTP message signature (RFC 9421 §4), which are structured fields (RFC 8941), read in their
 * canonical form only: what is signed is the text as it stands, so a second way of writing the same is refused. Borrowed from the text. */
#pragma once

#include "lib/base/span.h"

#define SIGNATURES_MAX   8  /* in one message */
#define COMPONENTS_MAX   32 /* that one of them covers */
#define PARAMETERS_MAX   16
#define FIELD_LABEL_MAX  64
#define FIELD_STRING_MAX 2048

struct field_parameter {
        struct span name;
        enum { PARAMETER_NUMBER, PARAMETER_STRING, PARAMETER_FLAG, PARAMETER_OTHER } kind;
        int64_t number;     /* also the flag */
        struct span string; /* between the quotes; no escapes in it */
};
struct signature_input {
        struct span label;
        struct span params; /* `("@method" …);created=…`: the value of "@signature-params" */
        size_t component_count;
        struct span components[COMPONENTS_MAX]; /* names without their quotes */
        size_t parameter_count;
        struct field_parameter parameters[PARAMETERS_MAX];
};
struct signature_inputs {
        size_t count;
        struct signature_input items[SIGNATURES_MAX];
};
/* FAULT_UNAUTHENTICATED "http_signature.structure"; components with parameters (`;sf`, `;req`) too. */
struct fault *signature_inputs_read(struct span text, struct signature_inputs *ret) MUST_USE;
/* NULL: it has none of this name. */
const struct field_parameter *signature_input_parameter(const struct signature_input *s, const char *name);
/* The bytes that a dictionary of byte sequences (`Signature`, `Content-Digest`) has for `key`. "http_signature.structure";
 * FAULT_NOT_FOUND "NO_MEMBER". */
struct fault *field_bytes_of(struct span text, struct span key, struct buf *out) MUST_USE;
