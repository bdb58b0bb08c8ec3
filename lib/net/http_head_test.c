#include "lib/net/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define GET  "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END  "\r\n"

static void heads(void **state)
{
        static const struct {
                const char *name;
                struct span text;
                const char *token; /* NULL: good */
        } rows[] = {
                {"plain", SPAN(GET HOST END), NULL},
                {"1.0 without Host", SPAN("GET / HTTP/1.0\r\n" END), NULL},
                {"obs-text in a value", SPAN(GET HOST "X: \xe9\r\n" END), NULL},
                {"tab in a value", SPAN(GET HOST "X: a\tb\r\n" END), NULL},
                {"empty value", SPAN(GET HOST "X:\r\n" END), NULL},
                {"empty", SPAN_NONE, "BAD_REQUEST"},
                {"only the empty line", SPAN(END), "BAD_REQUEST"},
                {"one byte short", SPAN(GET HOST "\r"), "BAD_REQUEST"},
                {"one byte long", SPAN(GET HOST END "x"), "BAD_REQUEST"},
                {"bare LF", SPAN("GET / HTTP/1.1\nHost: a\r\n" END), "BAD_REQUEST"},
                {"bare CR", SPAN(GET HOST "X: a\rb\r\n" END), "BAD_REQUEST"},
                {"NUL in a value", SPAN(GET HOST "X: a\0b\r\n" END), "BAD_REQUEST"},
                {"NUL in a name", SPAN(GET HOST "X\0: a\r\n" END), "BAD_REQUEST"},
                {"NUL in the path", SPAN("GET /a\0b HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"escaped NUL in the path", SPAN("GET /a%00b HTTP/1.1\r\n" HOST END), "BAD_ESCAPE"},
                {"escaped CR in the path", SPAN("GET /a%0db HTTP/1.1\r\n" HOST END), "BAD_ESCAPE"},
                {"half an escape", SPAN("GET /a%4 HTTP/1.1\r\n" HOST END), "BAD_ESCAPE"},
                {"no escape", SPAN("GET /a%zz HTTP/1.1\r\n" HOST END), "BAD_ESCAPE"},
                {"folded header", SPAN(GET HOST " b\r\n" END), "BAD_REQUEST"},
                {"blank before the colon", SPAN(GET "Host : a\r\n" END), "BAD_REQUEST"},
                {"no colon", SPAN(GET HOST "X\r\n" END), "BAD_REQUEST"},
                {"no name", SPAN(GET HOST ": x\r\n" END), "BAD_REQUEST"},
                {"no Host", SPAN(GET END), "BAD_REQUEST"},
                {"two Hosts", SPAN(GET HOST HOST END), "BAD_REQUEST"},
                {"no version", SPAN("GET /\r\n" HOST END), "BAD_REQUEST"},
                {"four parts", SPAN("GET / x HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"two blanks", SPAN("GET  / HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"HTTP/2.0", SPAN("GET / HTTP/2.0\r\n" HOST END), "HTTP_VERSION"},
                {"HTTP/1.2", SPAN("GET / HTTP/1.2\r\n" HOST END), "HTTP_VERSION"},
                {"small letters", SPAN("get / HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"method of 7", SPAN("OPTIONS / HTTP/1.1\r\n" HOST END), NULL},
                {"method of 8", SPAN("PROPFIND / HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"absolute target", SPAN("GET http://a/ HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"star target", SPAN("OPTIONS * HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"fragment", SPAN("GET /#a HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"UTF-8 in the target", SPAN("GET /\xc3\xa9 HTTP/1.1\r\n" HOST END), "BAD_REQUEST"},
                {"length", SPAN(GET HOST "Content-Length: 5\r\n" END), NULL},
                {"two lengths", SPAN(GET HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END), "BAD_REQUEST"},
                {"list of lengths", SPAN(GET HOST "Content-Length: 5, 5\r\n" END), "BAD_REQUEST"},
                {"negative length", SPAN(GET HOST "Content-Length: -5\r\n" END), "BAD_REQUEST"},
                {"signed length", SPAN(GET HOST "Content-Length: +5\r\n" END), "BAD_REQUEST"},
                {"hex length", SPAN(GET HOST "Content-Length: 0x5\r\n" END), "BAD_REQUEST"},
                {"length past 2^64", SPAN(GET HOST "Content-Length: 18446744073709551621\r\n" END), "BAD_REQUEST"},
                {"empty length", SPAN(GET HOST "Content-Length:\r\n" END), "BAD_REQUEST"},
                {"chunked", SPAN(GET HOST "Transfer-Encoding: chunked\r\n" END), "TRANSFER_ENCODING"},
                {"chunked and length", SPAN(GET HOST "Content-Length: 5\r\ntransfer-encoding: x\r\n" END),
                 "TRANSFER_ENCODING"},
                {"two If-None-Match", SPAN(GET HOST "If-None-Match: a\r\nIf-None-Match: a\r\n" END), "BAD_REQUEST"},
                {"strange Expect", SPAN(GET HOST "Expect: 200-ok\r\n" END), "BAD_REQUEST"},
        };

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(http_head) struct http_head head = {0};
                AUTO(fault) struct fault *failed = http_head_parse(rows[i].text, &head);

                print_message("row: %s\n", rows[i].name);
                if (rows[i].token == NULL)
                        assert_null(failed);
                else
                        assert_string_equal(fault_token(failed), rows[i].token);
        }
}

static void parts(void **state)
{
        AUTO(http_head) struct http_head head = {0};

        (void) state;
        assert_null(http_head_parse(SPAN("POST /v1/%41b%2F?x=%41&y HTTP/1.1\r\nhost: a\r\nCONTENT-LENGTH: 12\r\n"
                                         "If-None-Match:  \"e\" \r\nExpect: 100-Continue\r\n\r\n"),
                                    &head));
        assert_string_equal(head.method, "POST");
        assert_string_equal(buf_str(&head.path), "/v1/Ab/");
        assert_string_equal(buf_str(&head.query), "x=%41&y");
        assert_string_equal(buf_str(&head.if_none_match), "\"e\"");
        assert_int_equal(head.content_length, 12);
        assert_true(head.keep_alive && head.expects_continue && head.has_if_none_match);
}

static void keep_alive(void **state)
{
        static const struct {
                struct span text;
                bool keeps;
        } rows[] = {
                {SPAN(GET HOST END), true},
                {SPAN(GET HOST "Connection: close\r\n" END), false},
                {SPAN(GET HOST "Connection: x, Close\r\n" END), false},
                {SPAN(GET HOST "Connection: keep-alive\r\nConnection: close\r\n" END), false},
                {SPAN("GET / HTTP/1.0\r\n" END), false},
                {SPAN("GET / HTTP/1.0\r\nConnection: keep-alive\r\n" END), true},
        };

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(http_head) struct http_head head = {0};

                assert_null(http_head_parse(rows[i].text, &head));
                assert_int_equal(head.keep_alive, rows[i].keeps);
        }
}

static void number_of_headers(void **state)
{
        AUTO(buf) struct buf text = BUF(HTTP_HEAD_MAX);
        AUTO(http_head) struct http_head head = {0};
        AUTO(fault) struct fault *many = NULL;

        (void) state;
        assert_null(buf_append_str(&text, GET HOST));
        for (int i = 0; i < 63; i++)
                assert_null(buf_append_str(&text, "X: y\r\n"));
        assert_null(buf_append_str(&text, END));
        assert_null(http_head_parse(buf_span(&text), &head));
        http_head_clear(&head);
        buf_truncate(&text, text.len - 2);
        assert_null(buf_append_str(&text, "X: y\r\n" END));
        many = http_head_parse(buf_span(&text), &head);
        assert_string_equal(fault_token(many), "BAD_REQUEST");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(heads),
                cmocka_unit_test(parts),
                cmocka_unit_test(keep_alive),
                cmocka_unit_test(number_of_headers),
        };
        return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
