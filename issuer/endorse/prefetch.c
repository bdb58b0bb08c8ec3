#include "issuer/endorse/prefetch.h"

#include <stdio.h>

#include "issuer/verifier/snp/report.h"
#include "issuer/verifier/verifier.h"
#include "lib/base/parse.h"

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static struct span next_word(struct span *rest)
{
        size_t from = 0;
        while (from < rest->len && is_blank(rest->data[from]))
                from++;
        size_t end = from;
        while (end < rest->len && !is_blank(rest->data[end]))
                end++;
        struct span word = span_slice(*rest, from, end - from);
        *rest = span_slice(*rest, end, rest->len - end);
        return word;
}

static struct span without_comment(struct span line)
{
        for (size_t i = 0; i < line.len; i++)
                if (line.data[i] == '#')
                        return span_slice(line, 0, i);
        return line;
}

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "endorsements.prefetch",
                     "%s: expected a product (Milan, Genoa, Turin), a chip id in hex, and a TCB of 16 hex digits",
                     what);
}

static struct fault *read_hex(struct span word, size_t len, const char *what, uint8_t *ret)
{
        AUTO(buf) struct buf bytes = BUF(SNP_CHIP_ID_LEN);
        AUTO(fault) struct fault *f = hex_decode(word, &bytes);
        if (f != NULL || bytes.len != len)
                return bad(what);
        memcpy(ret, bytes.data, len);
        return NULL;
}

struct fault *prefetch_line(struct span line, char ret_path[MAKER_PATH_MAX + 1])
{
        struct span rest = without_comment(line);
        struct span product = next_word(&rest), chip = next_word(&rest), tcb = next_word(&rest);
        ret_path[0] = '\0';
        if (product.len == 0)
                return NULL;
        enum snp_product p = SNP_MILAN;
        while (p < SNP_PRODUCT_COUNT && !span_eq_str(product, snp_product_name(p)))
                p++;
        if (p == SNP_PRODUCT_COUNT || next_word(&rest).len > 0)
                return bad("a line");

        uint8_t id[SNP_CHIP_ID_LEN] = {0}, number[SNP_TCB_LEN], t[SNP_TCB_LEN];
        size_t id_len = p == SNP_TURIN && chip.len == 16 ? 8 : SNP_CHIP_ID_LEN;
        TRY(read_hex(chip, id_len, "the chip id", id));
        TRY(read_hex(tcb, sizeof number, "the TCB", number));
        for (size_t i = 0; i < sizeof t; i++)
                t[i] = number[sizeof t - 1 - i]; /* a number is written from its top */
        char hwid[2 * SNP_CHIP_ID_LEN + 1];
        hex_string(span_make(id, p == SNP_TURIN ? 8 : sizeof id), hwid);
        /* as the verifier's needs write it */
        if (p == SNP_TURIN)
                (void) snprintf(ret_path, MAKER_PATH_MAX + 1, /* fits */
                                "kds:/vcek/v1/%s/%s?fmcSPL=%02u&blSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
                                snp_product_name(p), hwid, t[0], t[1], t[2], t[3], t[7]);
        else
                (void) snprintf(ret_path, MAKER_PATH_MAX + 1, /* fits */
                                "kds:/vcek/v1/%s/%s?blSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
                                snp_product_name(p), hwid, t[0], t[1], t[6], t[7]);
        return NULL;
}
