/* What wasn't given and its maker publishes, asked for at the maker's own host. Whatever doesn't come is no trouble: the appraisal says what it lacks. */
#include "cli/appraise.h"
#include "lib/net/makers.h"

#define CONNECT_TIMEOUT_MS 5000
#define ALL_TIMEOUT_MS     20000

static bool is_given(const struct appraisal *a, const char *part)
{
        static const char response[] = ".response.json"; /* the same is fine as .json and .sig */
        size_t len = strlen(part), end = sizeof response - 1;
        if (appraisal_part(a, part).len > 0)
                return true;
        if (len <= end || strcmp(part + len - end, response) != 0)
                return false;
        AUTO_STRING char *other = alloc_printf("%.*s.json", (int) (len - end), part);
        return appraisal_part(a, other).len > 0;
}

/* What is published now says nothing of another time, but for a chip's certificate. Authorities are in the program. */
static bool is_wanted(const struct invocation *in, const struct appraisal *a, const struct need *n)
{
        bool lasts = strcmp(n->part, "vcek") == 0;
        return strcmp(n->part, "chain") != 0 && !is_given(a, n->part) && (lasts || invocation_flag(in, "at") == NULL);
}

static struct fault *keep(const char *name, struct buf *bytes, struct appraise_files *files, struct appraisal *a)
{
        if (name == NULL || bytes->len == 0 || files->count == APPRAISE_FILES_MAX || is_given(a, name))
                return NULL;
        char *own_name = alloc_string(name);
        struct span content = buf_span(bytes);
        files->items[files->count].name = own_name;
        files->items[files->count++].bytes = *bytes;
        *bytes = BUF(0); /* it is files' */
        return appraisal_add_part(a, own_name, content);
}

static struct fault *fetch_one(struct makers *makers, const struct need *n, struct cancel *cancel,
                               struct appraise_files *files, struct appraisal *a)
{
        AUTO(maker_answer) struct maker_answer answer = {0};
        TRY(makers_get(makers, n->path, cancel, &answer));
        TRY(keep(n->part, &answer.body, files, a));
        return keep(n->chain_part, &answer.chain, files, a);
}

static struct fault *fetch_all(const struct invocation *in, const struct needs *needs, struct appraise_files *files,
                               struct appraisal *a)
{
        AUTO(makers) struct makers *makers = NULL;
        const struct makers_options options = {.connect_timeout_ms = CONNECT_TIMEOUT_MS};
        bool is_out[MAKER_COUNT] = {false};
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, in->clock, (struct boot){clock_boot(in->clock).ms + ALL_TIMEOUT_MS});
        TRY(makers_new(&options, &makers));
        for (size_t i = 0; i < needs->count; i++) {
                enum maker which;
                TRY(maker_path_check(needs->items[i].path, &which));
                if (is_out[which] || !is_wanted(in, a, &needs->items[i]))
                        continue;
                struct fault *f = fetch_one(makers, &needs->items[i], &cancel, files, a);
                is_out[which] = f != NULL; /* it would fail for the next one as well */
                fault_free(f);
        }
        return NULL;
}

void appraise_fetch(const struct invocation *in, struct appraise_files *files, struct appraisal *a)
{
        struct needs needs = {0};
        if (invocation_flag(in, "offline") != NULL)
                return;
        struct fault *f = verifier_needs(a, &needs);
        bool wants = false;
        for (size_t i = 0; f == NULL && i < needs.count; i++)
                wants = wants || is_wanted(in, a, &needs.items[i]);
        if (f == NULL && wants)
                f = fetch_all(in, &needs, files, a);
        fault_free(f); /* the appraisal says what it lacks */
}
