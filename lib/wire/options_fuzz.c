/* A configuration file of any content fills a struct within its bounds or leaves it zeroed. */
#include "lib/wire/options.h"

#include "tests/fakes/fuzz.h"

struct item {
        char *name;
        int64_t ttl_ms;
};
struct config {
        char *listen;
        bool verbose;
        uint64_t workers, size;
        uint32_t mode;
        int level;
        struct option_texts banks;
        struct option_items peers;
};

static const struct option item_rows[] = {
        {.name = "name", .type = OPTION_TEXT, .offset = offsetof(struct item, name), .required = true, .help = ""},
        {.name = "ttl",
         .type = OPTION_DURATION,
         .offset = offsetof(struct item, ttl_ms),
         .fallback = "1m",
         .max = 60000,
         .help = ""},
        {0},
};
static const struct option rows[] = {
        {.name = "listen",
         .type = OPTION_TEXT,
         .offset = offsetof(struct config, listen),
         .required = true,
         .help = ""},
        {.name = "verbose", .type = OPTION_BOOL, .offset = offsetof(struct config, verbose), .help = ""},
        {.name = "limits.workers",
         .type = OPTION_COUNT,
         .offset = offsetof(struct config, workers),
         .fallback = "2",
         .min = 1,
         .max = 64,
         .help = ""},
        {.name = "limits.size", .type = OPTION_SIZE, .offset = offsetof(struct config, size), .help = ""},
        {.name = "mode", .type = OPTION_MODE, .offset = offsetof(struct config, mode), .fallback = "0440", .help = ""},
        {.name = "level",
         .type = OPTION_CHOICE,
         .offset = offsetof(struct config, level),
         .choices = (const char *const[]){"debug", "info", NULL},
         .help = ""},
        {.name = "banks",
         .type = OPTION_TEXTS,
         .offset = offsetof(struct config, banks),
         .fallback = "a,b",
         .help = ""},
        {.name = "peers",
         .type = OPTION_ITEMS,
         .offset = offsetof(struct config, peers),
         .rows = item_rows,
         .item_size = sizeof(struct item),
         .help = ""},
        {0},
};
static const struct program program = {"fuzz", "", rows, sizeof(struct config)};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config *c = NEW(struct config);
        AUTO(fault) struct fault *refused = options_read_yaml(&program, "fuzz", span_make(data, size), c);
        if (refused != NULL) {
                must(span_is_zero(SPAN_OF(*c)));
        } else {
                must(c->listen != NULL && c->listen[0] != '\0' && c->workers >= 1 && c->workers <= 64 &&
                     c->level >= 0 && c->level < 2);
                for (size_t i = 0; i < c->peers.count; i++) {
                        const struct item *item = c->peers.items[i];
                        must(item->name[0] != '\0' && item->ttl_ms >= 0 && item->ttl_ms <= 60000);
                }
        }
        options_free(&program, c);
        return 0;
}
