#include "lib/crypt/der.h"

#include <assert.h>
#include <openssl/objects.h>
#include <time.h>

#include "lib/crypt/ossl.h"

static void keep(struct der *d, struct fault *f)
{
        assert(d->fault == NULL);
        d->fault = f;
}

size_t der_open(struct der *d, uint8_t tag)
{
        if (d->fault == NULL)
                keep(d, buf_append_byte(&d->out, tag));
        if (d->fault == NULL)
                keep(d, buf_append_byte(&d->out, 0));
        return d->out.len;
}

/* Octets of a length beyond the first (X.690 §8.1.3). */
static size_t length_extra(size_t len)
{
        return len < 0x80 ? 0 : len <= 0xff ? 1 : len <= 0xffff ? 2 : 3;
}

void der_close(struct der *d, size_t at)
{
        if (d->fault != NULL)
                return;

        size_t len = d->out.len - at;
        size_t extra = length_extra(len);
        uint8_t *where;

        assert(len <= 0xffffff);
        if (extra == 0) {
                d->out.data[at - 1] = (uint8_t) len;
                return;
        }
        keep(d, buf_grow(&d->out, extra, &where));
        if (d->fault != NULL)
                return;
        memmove(d->out.data + at + extra, d->out.data + at, len);
        d->out.data[at - 1] = (uint8_t) (0x80 | extra);
        for (size_t i = 0; i < extra; i++)
                d->out.data[at + i] = (uint8_t) (len >> (8 * (extra - 1 - i)));
}

void der_raw(struct der *d, struct span elements)
{
        if (d->fault == NULL)
                keep(d, buf_append(&d->out, elements));
}

void der_add(struct der *d, uint8_t tag, struct span content)
{
        size_t at = der_open(d, tag);

        der_raw(d, content);
        der_close(d, at);
}

void der_uint(struct der *d, struct span magnitude)
{
        size_t skip = 0;
        while (skip < magnitude.len && magnitude.data[skip] == 0)
                skip++;
        struct span value = span_slice(magnitude, skip, magnitude.len - skip);
        size_t at = der_open(d, DER_INTEGER);

        if (value.len == 0 || (value.data[0] & 0x80) != 0)
                der_raw(d, SPAN("\0")); /* zero, or the sign of a positive number */
        der_raw(d, value);
        der_close(d, at);
}

void der_true(struct der *d)
{
        der_add(d, DER_BOOLEAN, SPAN("\xff"));
}

void der_bits(struct der *d, struct span bytes)
{
        size_t at = der_open(d, DER_BIT_STRING);

        der_raw(d, SPAN("\0")); /* no unused bits */
        der_raw(d, bytes);
        der_close(d, at);
}

void der_oid_text(struct der *d, const char *dotted)
{
        if (d->fault != NULL)
                return;

        ASN1_OBJECT *oid = OBJ_txt2obj(dotted, /* no_name= */ 1);
        if (oid == NULL || OBJ_length(oid) == 0)
                keep(d, ossl_fault(FAULT_INVALID, "BAD_OID", "object identifier"));
        else
                der_add(d, DER_OID, span_make(OBJ_get0_data(oid), OBJ_length(oid)));
        ASN1_OBJECT_free(oid);
}

void der_time(struct der *d, struct wall t)
{
        time_t seconds = (time_t) wall_unix_s(t);
        struct tm tm = {0};
        char text[32];

        if (d->fault != NULL)
                return;
        if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < 50 || tm.tm_year > 9999 - 1900) {
                keep(d, fault(FAULT_INVALID, "BAD_TIME", "no date for a certificate: %lld s", (long long) seconds));
                return;
        }
        bool is_utc = tm.tm_year < 150;
        (void) strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm); /* fits: 15 characters */
        if (is_utc)
                der_add(d, DER_UTC_TIME, span_str(text + 2)); /* without the century */
        else
                der_add(d, DER_GENERALIZED_TIME, span_str(text));
}

struct fault *der_end(struct der *d, struct buf *out)
{
        if (d->fault != NULL)
                return TAKE(d->fault);
        return buf_append(out, buf_span(&d->out));
}

void der_clear(struct der *d)
{
        fault_free(TAKE(d->fault));
        buf_clear(&d->out);
}

static struct fault *read_length(struct reader *r, size_t *ret)
{
        uint8_t first;

        TRY(reader_u8(r, &first));
        if (first < 0x80) {
                *ret = first;
                return NULL;
        }

        size_t extra = first & 0x7f, len = 0;
        if (extra < 1 || extra > 3)
                return fault(FAULT_INVALID, "BAD_DER", "length of %zu octets", extra);
        for (size_t i = 0; i < extra; i++) {
                uint8_t octet;
                TRY(reader_u8(r, &octet));
                len = len << 8 | octet;
        }
        if (length_extra(len) != extra)
                return fault(FAULT_INVALID, "BAD_DER", "length not minimal");
        *ret = len;
        return NULL;
}

struct fault *der_read(struct reader *r, uint8_t tag, struct span *ret_content)
{
        struct reader at = *r;
        uint8_t found;
        size_t len = 0;
        struct span content = SPAN_NONE;

        AUTO(fault) struct fault *f = reader_u8(&at, &found);
        if (f == NULL && found != tag)
                return fault(FAULT_INVALID, "BAD_DER", "tag %02x where %02x belongs", found, tag);
        if (f == NULL)
                f = read_length(&at, &len);
        if (f == NULL)
                f = reader_span(&at, len, &content);
        if (f != NULL)
                return fault(FAULT_INVALID, "BAD_DER", "%s", fault_text(f));
        *r = at;
        *ret_content = content;
        return NULL;
}

struct fault *der_read_uint(struct reader *r, struct span *ret_magnitude)
{
        struct reader at = *r;
        struct span v;

        TRY(der_read(&at, DER_INTEGER, &v));
        if (v.len == 0 || (v.data[0] & 0x80) != 0 || (v.len == 1 && v.data[0] == 0))
                return fault(FAULT_INVALID, "BAD_DER", "not a positive integer");
        if (v.data[0] == 0 && (v.data[1] & 0x80) == 0)
                return fault(FAULT_INVALID, "BAD_DER", "integer not minimal");
        *r = at;
        *ret_magnitude = v.data[0] == 0 ? span_slice(v, 1, v.len - 1) : v;
        return NULL;
}

struct fault *der_read_bits(struct reader *r, struct span *ret_bytes)
{
        struct reader at = *r;
        struct span v;

        TRY(der_read(&at, DER_BIT_STRING, &v));
        if (v.len == 0 || v.data[0] != 0)
                return fault(FAULT_INVALID, "BAD_DER", "bit string not of whole bytes");
        *r = at;
        *ret_bytes = span_slice(v, 1, v.len - 1);
        return NULL;
}

static bool two_digits(const uint8_t *at, int *ret)
{
        if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
                return false;
        *ret = (at[0] - '0') * 10 + (at[1] - '0');
        return true;
}

/* timegm puts a day too many into the next month; such a date is none. */
static bool is_date(const struct tm *tm, time_t seconds)
{
        struct tm back = {0};

        return gmtime_r(&seconds, &back) != NULL && back.tm_mon == tm->tm_mon && back.tm_mday == tm->tm_mday &&
               back.tm_hour == tm->tm_hour && back.tm_min == tm->tm_min && back.tm_sec == tm->tm_sec;
}

struct fault *der_read_time(struct reader *r, struct wall *ret)
{
        struct reader at = *r;
        bool is_utc = reader_left(r) > 0 && reader_rest(r).data[0] == DER_UTC_TIME;
        size_t year_len = is_utc ? 2 : 4;
        int part[7] = {0}; /* century, year, month, day, hour, minute, second */
        struct span text;

        TRY(der_read(&at, is_utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, &text));
        bool ok = text.len == year_len + 11 && text.data[text.len - 1] == 'Z';
        for (size_t i = 0; ok && 2 * i + 1 < text.len; i++)
                ok = two_digits(text.data + 2 * i, &part[i + (is_utc ? 1 : 0)]);
        if (is_utc)
                part[0] = part[1] < 50 ? 20 : 19;
        struct tm tm = {.tm_year = part[0] * 100 + part[1] - 1900,
                        .tm_mon = part[2] - 1,
                        .tm_mday = part[3],
                        .tm_hour = part[4],
                        .tm_min = part[5],
                        .tm_sec = part[6]};
        struct tm normal = tm;
        time_t seconds = timegm(&normal);
        if (!ok || !is_date(&tm, seconds))
                return fault(FAULT_INVALID, "BAD_DER", "not a time");
        *r = at;
        *ret = wall_from_unix_s(seconds);
        return NULL;
}
