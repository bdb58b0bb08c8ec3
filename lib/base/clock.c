#include "lib/base/clock.h"

#include <stdlib.h>
#include <time.h>

#define MS_PER_S  1000
#define S_PER_DAY 86400
#define YEAR_MAX  9999

static int64_t now_ms(clockid_t id)
{
        struct timespec now;
        if (clock_gettime(id, &now) != 0)
                abort();
        return (int64_t) now.tv_sec * MS_PER_S + now.tv_nsec / 1000000;
}

static struct wall system_wall(void *self UNUSED)
{
        return (struct wall){now_ms(CLOCK_REALTIME)};
}

static struct boot system_boot(void *self UNUSED)
{
        return (struct boot){now_ms(CLOCK_BOOTTIME)};
}

const struct clock clock_system = {system_wall, system_boot, NULL};

void clock_head(struct wall w, uint8_t ret[CLOCK_HEAD_LEN])
{
        uint64_t parts = (uint64_t) w.unix_ms * 256 / MS_PER_S;
        for (int i = CLOCK_HEAD_LEN - 1; i >= 0; i--, parts >>= 8)
                ret[i] = (uint8_t) parts;
}

/* The proleptic Gregorian calendar counted from 0000-03-01, so that a leap day is the last day of its year; eras of
 * 400 years have the same number of days each. */
#define DAYS_PER_ERA 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

struct date {
        int64_t year, month, day;
};

static int64_t days_from_date(struct date d)
{
        int64_t year = d.month <= 2 ? d.year - 1 : d.year;
        int64_t era = (year >= 0 ? year : year - 399) / 400;
        int64_t year_of_era = year - era * 400;
        int64_t month_from_march = (d.month + 9) % 12;
        int64_t day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static struct date date_from_days(int64_t days)
{
        days += DAYS_TO_1970;
        int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
        int64_t day_of_era = days - era * DAYS_PER_ERA;
        int64_t year_of_era =
                (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
        int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t month_from_march = (5 * day_of_year + 2) / 153;
        int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
        int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        return (struct date){era * 400 + year_of_era + (month <= 2), month, day};
}

/* No snprintf: an appraisal shows two dozen dates. */
static void put_number(char *where, size_t digits, int64_t v)
{
        while (digits-- > 0) {
                where[digits] = (char) ('0' + v % 10);
                v /= 10;
        }
}

/* Times that the form can't hold are shown as the first or last one that it can. */
void wall_format(struct wall w, char ret_text[WALL_TEXT_LEN + 1])
{
        const int64_t first = days_from_date((struct date){0, 1, 1}) * S_PER_DAY;
        const int64_t last = days_from_date((struct date){YEAR_MAX + 1, 1, 1}) * S_PER_DAY - 1;
        int64_t s = w.unix_ms / MS_PER_S - (w.unix_ms % MS_PER_S < 0);
        s = s < first ? first : s > last ? last : s;

        int64_t days = s / S_PER_DAY - (s % S_PER_DAY < 0);
        int64_t second = s - days * S_PER_DAY;
        struct date d = date_from_days(days);
        memcpy(ret_text, "0000-00-00T00:00:00Z", WALL_TEXT_LEN + 1);
        put_number(ret_text, 4, d.year);
        put_number(ret_text + 5, 2, d.month);
        put_number(ret_text + 8, 2, d.day);
        put_number(ret_text + 11, 2, second / 3600);
        put_number(ret_text + 14, 2, second / 60 % 60);
        put_number(ret_text + 17, 2, second % 60);
}

static bool is_digit(uint8_t byte)
{
        return byte >= '0' && byte <= '9';
}

/* Takes `count` digits, and then `after` unless that is 0, off the front of *text. */
static bool take_number(struct span *text, size_t count, char after, int64_t *ret)
{
        size_t len = count + (after != 0);
        if (text->len < len || (after != 0 && text->data[count] != (uint8_t) after))
                return false;
        int64_t v = 0;
        for (size_t i = 0; i < count; i++) {
                if (!is_digit(text->data[i]))
                        return false;
                v = v * 10 + (text->data[i] - '0');
        }
        *ret = v;
        *text = span_slice(*text, len, text->len - len);
        return true;
}

/* "." and one to nine digits; absent is fine. Milliseconds, the rest is dropped. */
static bool take_fraction(struct span *text, int64_t *ret_ms)
{
        *ret_ms = 0;
        if (text->len == 0 || text->data[0] != '.')
                return true;
        size_t digits = 0;
        int64_t unit = 100;
        while (1 + digits < text->len && is_digit(text->data[1 + digits])) {
                *ret_ms += (text->data[1 + digits] - '0') * unit;
                unit /= 10;
                digits++;
        }
        *text = span_slice(*text, 1 + digits, text->len - 1 - digits);
        return digits >= 1 && digits <= 9;
}

/* "Z" or "+hh:mm" or "-hh:mm", and nothing after it. */
static bool take_offset(struct span text, int64_t *ret_s)
{
        if (span_eq(text, SPAN("Z"))) {
                *ret_s = 0;
                return true;
        }
        if (text.len == 0 || (text.data[0] != '+' && text.data[0] != '-'))
                return false;
        int64_t sign = text.data[0] == '+' ? 1 : -1;
        text = span_slice(text, 1, text.len - 1);
        int64_t hours, minutes;
        if (!take_number(&text, 2, ':', &hours) || !take_number(&text, 2, 0, &minutes) || text.len > 0)
                return false;
        *ret_s = sign * (hours * 3600 + minutes * 60);
        return hours < 24 && minutes < 60;
}

static bool date_is_real(struct date d)
{
        if (d.month < 1 || d.month > 12 || d.day < 1)
                return false;
        struct date next = d.month == 12 ? (struct date){d.year + 1, 1, 1} : (struct date){d.year, d.month + 1, 1};
        return d.day <= days_from_date(next) - days_from_date((struct date){d.year, d.month, 1});
}

struct fault *wall_parse(struct span text, struct wall *ret)
{
        struct span rest = text;
        struct date d;
        int64_t hour, minute, second, ms, offset_s;
        bool good = take_number(&rest, 4, '-', &d.year) && take_number(&rest, 2, '-', &d.month) &&
                    take_number(&rest, 2, 'T', &d.day) && take_number(&rest, 2, ':', &hour) &&
                    take_number(&rest, 2, ':', &minute) && take_number(&rest, 2, 0, &second) &&
                    take_fraction(&rest, &ms) && take_offset(rest, &offset_s);
        if (!good || !date_is_real(d) || hour > 23 || minute > 59 || second > 59)
                return fault(FAULT_INVALID, "BAD_TIME", "\"%.*s\" is not a time like 2026-11-23T18:00:00Z",
                             (int) (text.len < 40 ? text.len : 40), text.data == NULL ? "" : (const char *) text.data);

        int64_t s = days_from_date(d) * S_PER_DAY + hour * 3600 + minute * 60 + second - offset_s;
        ret->unix_ms = s * MS_PER_S + ms;
        return NULL;
}
