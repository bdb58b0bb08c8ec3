#include "issuer/verifier/eventlog/content.h"

/* UEFI §3.3, §32.4.1; shim */
const uint8_t content_guid_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                         0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
const uint8_t content_guid_security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                           0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
static const uint8_t guid_shim[16] = {0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43,
                                      0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23};

#define VARIABLE_NAME_MAX 512 /* characters */
#define NULS_MAX          3   /* what boot loaders leave out of, or put after, the text that they measure */

static bool is_hash_of(enum hash_alg bank, struct span data, struct span digest)
{
        uint8_t own[HASH_MAX_LEN];
        hash(bank, data, own);
        return span_eq(digest, span_make(own, hash_len(bank)));
}

/* ---- separators ---- */

void content_separators(enum hash_alg bank, struct separators *ret)
{
        hash(bank, SPAN("\0\0\0\0"), ret->good);
        hash(bank, SPAN("\xff\xff\xff\xff"), ret->ones);
        hash(bank, SPAN("\x01\0\0\0"), ret->error);
}

/* The good one is known by its digest, whatever the record says of itself. The bad ones' digests are also those of a BootOrder of 1, 0,
 * which firmware measures without its name: there the type decides. Who denies a bad separator so has a register that was never closed,
 * and no facts from it. */
static enum content_kind separator_of(const struct eventlog_event *e, struct span digest, const struct separators *s)
{
        if (span_eq(digest, span_make(s->good, digest.len)))
                return CONTENT_SEPARATOR;
        bool is_bad =
                span_eq(digest, span_make(s->ones, digest.len)) || span_eq(digest, span_make(s->error, digest.len));
        return is_bad && e->type == EV_SEPARATOR ? CONTENT_ERROR_SEPARATOR : CONTENT_UNPROVEN;
}

/* ---- what the whole data may be ---- */

static bool is_action(struct span data)
{
        static const char *const actions[] = {
                "Calling EFI Application from Boot Option",
                "Returning from EFI Application from Boot Option",
                "Exit Boot Services Invocation",
                "Exit Boot Services Returned with Failure",
                "Exit Boot Services Returned with Success",
                "UEFI Debug Mode",
                "DMA Protection Disabled",
        };
        for (size_t i = 0; i < COUNT_OF(actions); i++)
                if (span_eq_str(data, actions[i]))
                        return true;
        return false;
}

/* UEFI_VARIABLE_DATA (PFP §10.2.6). The vendor is asked for first: a program's bytes can't begin with one of these. */
static bool read_variable(struct span data, struct content *c)
{
        struct reader r = READER(data);
        uint64_t name_len = 0, data_len = 0;
        AUTO(fault) struct fault *f = reader_span(&r, 16, &c->guid);
        if (f != NULL || !(span_eq(c->guid, SPAN_OF(content_guid_global)) ||
                           span_eq(c->guid, SPAN_OF(content_guid_security)) || span_eq(c->guid, SPAN_OF(guid_shim))))
                return false;
        f = reader_u64le(&r, &name_len);
        if (f == NULL)
                f = reader_u64le(&r, &data_len);
        if (f != NULL || name_len == 0 || name_len > VARIABLE_NAME_MAX || data_len > data.len)
                return false;
        f = reader_span(&r, (size_t) name_len * 2, &c->name);
        if (f == NULL)
                f = reader_span(&r, (size_t) data_len, &c->data);
        if (f == NULL)
                f = reader_end(&r);
        return f == NULL;
}

static void read_whole(const struct eventlog_event *e, struct content *c)
{
        struct content variable = {.kind = CONTENT_VARIABLE};
        if (is_action(e->data))
                *c = (struct content){.kind = CONTENT_ACTION, .data = e->data};
        else if (read_variable(e->data, &variable))
                *c = variable;
        else if (span_starts_with(e->data, SPAN("EFI PART")))
                c->kind = CONTENT_GPT;
        else
                *c = (struct content){.kind = CONTENT_OTHER, .data = e->data};
}

/* ---- boot loaders' texts ---- */

/* GRUB: a label and the text; Red Hat's writes no colon (grub-core/commands/tpm.c, and its patches). */
static struct span without_label(struct span data, enum text_label *ret)
{
        static const struct {
                struct span text;
                enum text_label label;
        } labels[] = {
                {SPAN("grub_cmd: "), TEXT_COMMAND},          {SPAN("grub_cmd "), TEXT_COMMAND},
                {SPAN("kernel_cmdline: "), TEXT_KERNEL},     {SPAN("grub_kernel_cmdline: "), TEXT_KERNEL},
                {SPAN("grub_kernel_cmdline "), TEXT_KERNEL}, {SPAN("kernel_cmdline "), TEXT_KERNEL},
                {SPAN("module_cmdline: "), TEXT_OTHER},      {SPAN("module_cmdline "), TEXT_OTHER},
        };
        for (size_t i = 0; i < COUNT_OF(labels); i++)
                if (span_starts_with(data, labels[i].text)) {
                        *ret = labels[i].label;
                        return span_slice(data, labels[i].text.len, data.len - labels[i].text.len);
                }
        return SPAN_NONE;
}

/* The text with, or without, some of the NULs at its end is what was hashed. */
static bool is_measured(enum hash_alg bank, struct span text, struct span digest)
{
        for (size_t nuls = 0; nuls <= NULS_MAX && nuls < text.len; nuls++) {
                if (is_hash_of(bank, span_slice(text, 0, text.len - nuls), digest))
                        return true;
                if (text.data[text.len - nuls - 1] != 0)
                        return false;
        }
        return false;
}

static struct span trimmed(struct span text)
{
        while (text.len > 0 && text.data[text.len - 1] == 0)
                text.len--;
        return text;
}

static void read_text(const struct eventlog_event *e, enum hash_alg bank, struct content *c)
{
        enum text_label label = TEXT_OTHER;
        struct span text = without_label(e->data, &label);
        if (text.data != NULL) {
                if (is_measured(bank, text, e->digests[bank]) || is_measured(bank, e->data, e->digests[bank]))
                        *c = (struct content){.kind = CONTENT_TEXT, .label = label, .text = trimmed(text)};
                return;
        }
        /* systemd-boot and systemd-stub: the kernel's command line as UTF-16, nothing around it */
        bool is_wide = e->data.len >= 4 && e->data.data[1] == 0 && e->data.data[3] == 0;
        if (!is_wide || !is_measured(bank, e->data, e->digests[bank]))
                return;
        struct span wide = trimmed(e->data);
        wide.len += wide.len % 2; /* the high byte of its last character */
        *c = (struct content){.kind = CONTENT_TEXT, .label = TEXT_KERNEL, .text = wide, .is_wide = true};
}

void content_read(const struct eventlog_event *e, enum hash_alg bank, const struct separators *s, struct content *ret)
{
        *ret = (struct content){.kind = separator_of(e, e->digests[bank], s)};
        if (ret->kind != CONTENT_UNPROVEN || e->data.len == 0)
                return;
        if (e->type == EV_IPL)
                read_text(e, bank, ret);
        if (ret->kind == CONTENT_UNPROVEN && is_hash_of(bank, e->data, e->digests[bank]))
                read_whole(e, ret);
}

/* ---- names and wide texts ---- */

bool content_name_is(const struct content *c, const char *ascii)
{
        size_t len = strlen(ascii);
        if (c->name.len != 2 * len)
                return false;
        for (size_t i = 0; i < len; i++)
                if (c->name.data[2 * i] != (uint8_t) ascii[i] || c->name.data[2 * i + 1] != 0)
                        return false;
        return true;
}

/* The basic plane is enough for versions and command lines: surrogates are refused. */
static struct fault *append_character(struct buf *out, unsigned c)
{
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c >= 0xfffe)
                return fault(FAULT_INVALID, "BAD_TEXT", "character %04x", c);
        if (c < 0x80)
                return buf_append_byte(out, (uint8_t) c);
        if (c >= 0x800)
                TRY(buf_append_byte(out, (uint8_t) (0xe0 | c >> 12)));
        TRY(buf_append_byte(out, (uint8_t) (c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6)));
        return buf_append_byte(out, (uint8_t) (0x80 | (c & 0x3f)));
}

struct fault *content_wide_text(struct span utf16le, struct buf *out)
{
        if (utf16le.len % 2 != 0)
                return fault(FAULT_INVALID, "BAD_TEXT", "half a character");
        for (size_t i = 0; i < utf16le.len; i += 2)
                TRY(append_character(out, utf16le.data[i] | (unsigned) utf16le.data[i + 1] << 8));
        return NULL;
}
