#include "sign/arguments.h"

#include "lib/base/parse.h"

const char arguments_help[] =
        "usage: vouchsafe-sign wpt [options] URL\n"
        "       vouchsafe-sign http [options] METHOD URL\n"
        "\n"
        "Shows, for one request, that this workload holds the key of its Workload Identity Token. Prints the "
        "request's\n"
        "header fields, a line each, as curl takes them:\n"
        "\n"
        "    vouchsafe-sign wpt https://pay.example/charge | curl -H @- -d amount=1 https://pay.example/charge\n"
        "\n"
        "  wpt    a Workload Proof Token: short, for this URL only, covers no content\n"
        "  http   an HTTP message signature (RFC 9421): covers method, target, token, and content when it is given\n"
        "\n"
        "options\n"
        "  --dir DIR            where the volume is mounted; else the environment's VOUCHSAFE_DIR\n"
        "  --name SLOT          which token, in a volume with several (SLOT.wit.jwt)\n"
        "  --audience URI       what the receiver is called, when it is not the URL without its query\n"
        "  --ttl DURATION       how long the proof holds: 1s to 5m, 60s when not given\n"
        "  --access-token FILE  wpt: an access token that travels in the same request (`ath`)\n"
        "  --txn-token FILE     wpt: a transaction token that does (`tth`)\n"
        "  --field 'NAME: VALUE'\n"
        "                       wpt: another token that travels in a field of its own (`oth`)\n"
        "                       http: a field of the request; Content-Type, Authorization, Txn-Token are covered\n"
        "  --authorization      wpt: print `Authorization: WPT …` instead of `Workload-Proof-Token: …`\n"
        "  --token              wpt: print the bare token\n"
        "  --body FILE          http: what the request carries (- is standard input); adds Content-Digest\n"
        "  --by-path            http: cover @path and @query instead of @request-target, for HTTP/2 and receivers of "
        "newer drafts\n"
        "  --help, --version\n"
        "\n"
        "files   DIR/wit.jwt and DIR/wit.key.pem, read anew by each run: a renewed token is used at once.\n"
        "exit    0 printed; 1 no proof (standard error says why); 2 a mistake in the arguments.\n"
        "A proof is for one request: make a new one for each, receivers refuse one that they have seen.\n";

enum option_kind { OPTION_TEXT, OPTION_FLAG, OPTION_TTL, OPTION_FIELD };
struct option {
        const char *name;
        enum option_kind kind;
        size_t offset;     /* in struct arguments */
        bool wpt, is_http; /* for which command */
};
static const struct option options[] = {
        {"--dir", OPTION_TEXT, offsetof(struct arguments, dir), true, true},
        {"--name", OPTION_TEXT, offsetof(struct arguments, name), true, true},
        {"--audience", OPTION_TEXT, offsetof(struct arguments, audience), true, true},
        {"--ttl", OPTION_TTL, offsetof(struct arguments, ttl_s), true, true},
        {"--field", OPTION_FIELD, 0, true, true},
        {"--access-token", OPTION_TEXT, offsetof(struct arguments, access_token_file), true, false},
        {"--txn-token", OPTION_TEXT, offsetof(struct arguments, txn_token_file), true, false},
        {"--authorization", OPTION_FLAG, offsetof(struct arguments, authorization), true, false},
        {"--token", OPTION_FLAG, offsetof(struct arguments, token_only), true, false},
        {"--body", OPTION_TEXT, offsetof(struct arguments, body_file), false, true},
        {"--by-path", OPTION_FLAG, offsetof(struct arguments, by_path), false, true},
};

static struct fault *usage(const char *what, const char *text)
{
        return fault(FAULT_INVALID, "USAGE", "%s%s: see vouchsafe-sign --help", what, text);
}

static bool is_token_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* "Name: value". */
static struct fault *take_field(struct arguments *a, const char *text)
{
        size_t len = 0;

        while (is_token_char(text[len]))
                len++;
        if (len == 0 || text[len] != ':')
                return usage("a field is written 'Name: value', not ", text);
        if (a->field_count == FIELDS_GIVEN_MAX)
                return usage("too many fields", "");
        char *copy = alloc_string(text), *value = copy + len + 1;
        a->fields[a->field_count] = copy;
        copy[len] = '\0';
        while (*value == ' ' || *value == '\t')
                value++;
        a->parsed[a->field_count++] = (struct http_field){copy, span_str(value)};
        return NULL;
}

static struct fault *take_ttl(struct arguments *a, const char *text)
{
        int64_t ms = 0;

        TRY_AS(fault_rename(parse_duration_ms(span_str(text), 1000, WPT_LIFE_MAX_S * 1000LL, &ms), FAULT_INVALID,
                            "USAGE"),
               "--ttl");
        a->ttl_s = ms / 1000;
        return NULL;
}

static struct fault *take_value(struct arguments *a, const struct option *o, const char *value)
{
        switch (o->kind) {
        case OPTION_FLAG:
                *(bool *) (void *) ((char *) a + o->offset) = true;
                return NULL;
        case OPTION_TTL:
                return take_ttl(a, value);
        case OPTION_FIELD:
                return take_field(a, value);
        case OPTION_TEXT:
                break;
        }
        *(const char **) (void *) ((char *) a + o->offset) = value;
        return NULL;
}

/* --name value, --name=value, --flag. *ret_used: how many of argv it took. */
static struct fault *take_option(struct arguments *a, int argc, char **argv, int *ret_used)
{
        const char *equals = strchr(argv[0], '=');
        size_t len = equals != NULL ? (size_t) (equals - argv[0]) : strlen(argv[0]), i = 0;

        while (i < COUNT_OF(options) && (strlen(options[i].name) != len || memcmp(options[i].name, argv[0], len) != 0))
                i++;
        if (i == COUNT_OF(options))
                return usage("there is no option ", argv[0]);
        const struct option *o = &options[i];
        if (!(a->command == SIGN_WPT ? o->wpt : o->is_http))
                return usage(o->name, a->command == SIGN_WPT ? " is not for wpt" : " is not for http");
        bool wants_value = o->kind != OPTION_FLAG;
        if (!wants_value && equals != NULL)
                return usage(o->name, " takes no value");
        if (wants_value && equals == NULL && argc < 2)
                return usage(o->name, " needs a value");
        *ret_used = wants_value && equals == NULL ? 2 : 1;
        return take_value(a, o, equals != NULL ? equals + 1 : argv[1]);
}

static struct fault *check(const struct arguments *a, size_t words)
{
        if (words != (a->command == SIGN_WPT ? 1 : 2))
                return usage(a->command == SIGN_WPT ? "wpt takes one URL" : "http takes a method and a URL", "");
        if (a->dir == NULL)
                return usage("where is the volume? --dir DIR, or VOUCHSAFE_DIR in the environment", "");
        for (const char *at = a->method; at != NULL && *at != '\0'; at++)
                if (!is_token_char(*at))
                        return usage("this is no method: ", a->method);
        if (a->authorization && a->token_only)
                return usage("--authorization or --token, not both", "");
        return NULL;
}

static bool is_word(const char *text, const char *a, const char *b)
{
        return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static struct fault *read_command(const char *word, enum sign_command *ret)
{
        if (is_word(word, "--help", "help"))
                *ret = SIGN_HELP;
        else if (is_word(word, "--version", "version"))
                *ret = SIGN_VERSION;
        else if (strcmp(word, "wpt") == 0)
                *ret = SIGN_WPT;
        else if (strcmp(word, "http") == 0)
                *ret = SIGN_HTTP;
        else
                return usage("there is no command ", word);
        return NULL;
}

struct fault *arguments_read(int argc, char **argv, const char *dir_default, struct arguments *ret)
{
        AUTO(arguments) struct arguments a = {.dir = dir_default, .ttl_s = TTL_DEFAULT_S};
        const char *words[2] = {NULL, NULL};
        size_t word_count = 0;

        if (argc < 2)
                return usage("wpt or http?", "");
        TRY(read_command(argv[1], &a.command));
        bool asks_only = a.command == SIGN_HELP || a.command == SIGN_VERSION;
        for (int i = 2, used = 1; i < argc && !asks_only; i += used) {
                used = 1;
                if (strcmp(argv[i], "--help") == 0) {
                        a.command = SIGN_HELP;
                        asks_only = true;
                } else if (strncmp(argv[i], "--", 2) == 0) {
                        TRY(take_option(&a, argc - i, argv + i, &used));
                } else if (word_count == COUNT_OF(words)) {
                        return usage("too many arguments: ", argv[i]);
                } else {
                        words[word_count++] = argv[i];
                }
        }
        if (!asks_only) {
                a.url = a.command == SIGN_WPT ? words[0] : words[1];
                a.method = a.command == SIGN_WPT ? NULL : words[0];
                TRY(check(&a, word_count));
        }
        *ret = a;
        a = (struct arguments){0};
        return NULL;
}

void arguments_clear(struct arguments *a)
{
        for (size_t i = 0; i < a->field_count; i++)
                free(a->fields[i]);
        *a = (struct arguments){0};
}
