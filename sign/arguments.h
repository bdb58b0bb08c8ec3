/* arguments: what vouchsafe-sign is told on its command line. */
#pragma once

#include "lib/base/span.h"
#include "lib/model/http_signature.h"
#include "lib/model/wpt.h"

#define FIELDS_GIVEN_MAX 32
#define TTL_DEFAULT_S    60

enum sign_command { SIGN_HELP, SIGN_VERSION, SIGN_WPT, SIGN_HTTP };
struct arguments {
        enum sign_command command;
        const char *dir;      /* where the volume is mounted */
        const char *name;     /* slot; NULL: the volume has one token */
        const char *method;   /* http */
        const char *url;      /* whom the request goes to */
        const char *audience; /* NULL: of the URL */
        int64_t ttl_s;
        bool authorization;                                         /* wpt: as `Authorization: WPT` */
        bool token_only;                                            /* wpt: the bare token */
        bool by_path;                                               /* http */
        const char *access_token_file, *txn_token_file, *body_file; /* NULL: none */
        size_t field_count;
        char *fields[FIELDS_GIVEN_MAX]; /* "Name: value"; split where the value begins */
        struct http_field parsed[FIELDS_GIVEN_MAX];
};
/* `dir_default` may be NULL. FAULT_INVALID "USAGE". */
struct fault *arguments_read(int argc, char **argv, const char *dir_default, struct arguments *ret) MUST_USE;
void arguments_clear(struct arguments *a);
DEFINE_AUTO_VALUE(arguments)
extern const char arguments_help[];
