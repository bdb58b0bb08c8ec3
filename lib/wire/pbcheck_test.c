#include "lib/wire/pbcheck.h"

#include "proto/attester.pb-c.h"
#include "proto/csi.pb-c.h"
#include "tests/fakes/expect.h"

#define CALL (&vouchsafe__attester__v1__call__descriptor)

/* Call{id: 7, acquire: Acquire{volume: ...}}: field 10, bytes. */
static void accepts(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"nothing", SPAN("")},
                {"a number", SPAN("\x08\x07")},
                {"the same number twice: proto3 takes the last", SPAN("\x08\x07\x08\x08")},
                {"a number of ten bytes", SPAN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
                {"a number longer than it must be", SPAN("\x08\x87\x00")},
                {"a text in a message", SPAN("\x52\x03\x0a\x01v")},
                {"an empty text", SPAN("\x52\x02\x0a\x00")},
                {"UTF-8", SPAN("\x52\x04\x0a\x02\xc3\xb6")},
                {"NUL in bytes", SPAN("\x52\x03\x22\x01\x00")},
                {"no UTF-8 in bytes", SPAN("\x52\x03\x22\x01\xff")},
                {"unknown number", SPAN("\x98\x06\x01")},
                {"unknown fixed64", SPAN("\x99\x06\x01\x02\x03\x04\x05\x06\x07\x08")},
                {"unknown bytes, whatever they are", SPAN("\x9a\x06\x03\xff\x00\x0b")},
                {"unknown fixed32", SPAN("\x9d\x06\x01\x02\x03\x04")},
                {"largest field number", SPAN("\xf8\xff\xff\xff\x0f\x01")},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                ProtobufCMessage *m = NULL;
                print_message("%s\n", rows[i].name);
                expect_ok(pbcheck(CALL, rows[i].bytes, &PBCHECK_LIMITS));
                expect_ok(pb_unpack(CALL, rows[i].bytes, &PBCHECK_LIMITS, &m));
                protobuf_c_message_free_unpacked(m, NULL);
        }
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span bytes;
                const char *token;
        } rows[] = {
                {"NUL in a text",
                 SPAN("\x52\x05\x0a\x03"
                      "v\0x"),
                 "PB_NUL"},
                {"NUL at the end of a text", SPAN("\x52\x04\x0a\x02v\0"), "PB_NUL"},
                {"invalid UTF-8", SPAN("\x52\x04\x0a\x02\xc0\xaf"), "PB_UTF8"},
                {"cut UTF-8", SPAN("\x52\x03\x0a\x01\xc3"), "PB_UTF8"},
                {"surrogate", SPAN("\x52\x05\x0a\x03\xed\xa0\x80"), "PB_UTF8"},
                {"text two levels down", SPAN("\x52\x05\x1a\x03\x0a\x01\0"), "PB_NUL"},
                {"tag alone", SPAN("\x08"), "PB_WIRE"},
                {"cut tag", SPAN("\x88"), "PB_WIRE"},
                {"field number 0", SPAN("\x00\x00"), "PB_WIRE"},
                {"field number past the largest", SPAN("\xf8\xff\xff\xff\x1f\x01"), "PB_WIRE"},
                {"tag of six bytes", SPAN("\x88\x80\x80\x80\x80\x00\x01"), "PB_WIRE"},
                {"cut number", SPAN("\x08\xff"), "PB_WIRE"},
                {"number of eleven bytes", SPAN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"), "PB_WIRE"},
                {"number of 65 bits", SPAN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "PB_WIRE"},
                {"message one byte short", SPAN("\x52\x04\x0a\x01v"), "PB_WIRE"},
                {"text one byte long", SPAN("\x52\x03\x0a\x02v"), "PB_WIRE"},
                {"length past everything", SPAN("\x52\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "PB_WIRE"},
                {"cut length", SPAN("\x52\x80"), "PB_WIRE"},
                {"cut fixed64", SPAN("\x99\x06\x01\x02\x03\x04\x05\x06\x07"), "PB_WIRE"},
                {"cut fixed32", SPAN("\x9d\x06\x01\x02\x03"), "PB_WIRE"},
                {"group", SPAN("\x9b\x06\x9c\x06"), "PB_WIRE"},
                {"end of a group", SPAN("\x9c\x06"), "PB_WIRE"},
                {"wire type 6", SPAN("\x9e\x06"), "PB_WIRE"},
                {"wire type 7", SPAN("\x9f\x06"), "PB_WIRE"},
                {"text as a number", SPAN("\x52\x02\x08\x01"), "PB_WIRE"},
                {"number as bytes", SPAN("\x0a\x01\x07"), "PB_WIRE"},
                {"number as fixed64", SPAN("\x09\x01\x02\x03\x04\x05\x06\x07\x08"), "PB_WIRE"},
                {"message as a number", SPAN("\x50\x01"), "PB_WIRE"},
                {"text after a good message", SPAN("\x52\x00\x52\x03\x0a\x01\0"), "PB_NUL"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                ProtobufCMessage *m = NULL;
                expect_fault_row(pbcheck(CALL, rows[i].bytes, &PBCHECK_LIMITS), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
                expect_fault_row(pb_unpack(CALL, rows[i].bytes, &PBCHECK_LIMITS, &m), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
                assert_null(m);
        }
}

static void bounds_fields_and_depth(void **state UNUSED)
{
        /* two fields at the top and one below */
        const struct span bytes = SPAN("\x08\x01\x52\x03\x0a\x01v");
        expect_ok(pbcheck(CALL, bytes, &(struct pbcheck_limits){.fields = 3, .depth = 2}));
        expect_fault(pbcheck(CALL, bytes, &(struct pbcheck_limits){.fields = 2, .depth = 2}), FAULT_EXHAUSTED,
                     "PB_FIELDS");
        expect_fault(pbcheck(CALL, bytes, &(struct pbcheck_limits){.fields = 3, .depth = 1}), FAULT_EXHAUSTED,
                     "PB_DEPTH");

        /* unknown ones count too */
        AUTO(buf) struct buf many = BUF(1u << 16);
        for (size_t i = 0; i < PBCHECK_LIMITS.fields; i++)
                expect_ok(buf_append(&many, SPAN("\x98\x06\x01")));
        expect_ok(pbcheck(CALL, buf_span(&many), &PBCHECK_LIMITS));
        expect_ok(buf_append(&many, SPAN("\x98\x06\x01")));
        expect_fault(pbcheck(CALL, buf_span(&many), &PBCHECK_LIMITS), FAULT_EXHAUSTED, "PB_FIELDS");
}

static void map_entries_are_messages(void **state UNUSED)
{
        /* NodePublishVolumeRequest.volume_context is field 8 (CSI): a map entry is {key = 1, value = 2} */
        const ProtobufCMessageDescriptor *type = &csi__v1__node_publish_volume_request__descriptor;
        expect_ok(pbcheck(type, SPAN("\x42\x06\x0a\x01k\x12\x01v"), &PBCHECK_LIMITS));
        expect_fault(pbcheck(type, SPAN("\x42\x06\x0a\x01k\x12\x01\0"), &PBCHECK_LIMITS), FAULT_INVALID, "PB_NUL");
        expect_fault(pbcheck(type, SPAN("\x42\x06\x0a\x01\0\x12\x01v"), &PBCHECK_LIMITS), FAULT_INVALID, "PB_NUL");

        AUTO(buf) struct buf many = BUF(1u << 20);
        while (many.len < 262144)
                expect_ok(buf_append(&many, SPAN("\x42\x00")));
        expect_fault(pbcheck(type, buf_span(&many), &PBCHECK_LIMITS), FAULT_EXHAUSTED, "PB_FIELDS");
}

/* Our protocols have no packed field, so the descriptor is made here: message {repeated T f = 1 [packed];} */
static void packed_elements_are_fields(void **state UNUSED)
{
        static const struct {
                const char *name;
                ProtobufCType type;
                struct span bytes;
                size_t fields;
                enum fault_code code;
                const char *token; /* NULL: accepted */
        } rows[] = {
                {"two numbers", PROTOBUF_C_TYPE_UINT64, SPAN("\x0a\x03\x01\xff\x01"), 3, 0, NULL},
                {"two numbers over the budget", PROTOBUF_C_TYPE_UINT64, SPAN("\x0a\x03\x01\xff\x01"), 2,
                 FAULT_EXHAUSTED, "PB_FIELDS"},
                {"a cut number", PROTOBUF_C_TYPE_UINT64, SPAN("\x0a\x02\x01\xff"), 9, FAULT_INVALID, "PB_WIRE"},
                {"two fixed32", PROTOBUF_C_TYPE_FIXED32,
                 SPAN("\x0a\x08"
                      "12345678"),
                 3, 0, NULL},
                {"a cut fixed32", PROTOBUF_C_TYPE_FIXED32,
                 SPAN("\x0a\x07"
                      "1234567"),
                 9, FAULT_INVALID, "PB_WIRE"},
                {"a fixed64", PROTOBUF_C_TYPE_DOUBLE,
                 SPAN("\x0a\x08"
                      "12345678"),
                 2, 0, NULL},
                {"a cut fixed64", PROTOBUF_C_TYPE_DOUBLE,
                 SPAN("\x0a\x07"
                      "1234567"),
                 9, FAULT_INVALID, "PB_WIRE"},
                {"none", PROTOBUF_C_TYPE_UINT64, SPAN("\x0a\x00"), 1, 0, NULL},
                {"not packed", PROTOBUF_C_TYPE_UINT64, SPAN("\x08\x01\x08\x02"), 2, 0, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const ProtobufCFieldDescriptor field = {
                        .name = "f", .id = 1, .label = PROTOBUF_C_LABEL_REPEATED, .type = rows[i].type};
                const ProtobufCIntRange ranges[] = {{1, 0}, {0, 1}};
                const ProtobufCMessageDescriptor type = {
                        .name = "T", .n_fields = 1, .fields = &field, .n_field_ranges = 1, .field_ranges = ranges};
                struct fault *f = pbcheck(&type, rows[i].bytes, &(struct pbcheck_limits){rows[i].fields, 1});
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, rows[i].code, rows[i].token, rows[i].name);
        }
}

static void packs(void **state UNUSED)
{
        Vouchsafe__Attester__V1__Call call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.id = 7;
        AUTO(buf) struct buf out = BUF(2), small = BUF(1), empty = BUF(0);
        expect_ok(pb_pack(&call.base, &out));
        assert_true(span_eq(buf_span(&out), SPAN("\x08\x07")));
        expect_fault(pb_pack(&call.base, &small), FAULT_EXHAUSTED, "TOO_LARGE");
        call.id = 0;
        expect_ok(pb_pack(&call.base, &empty));
        assert_int_equal(empty.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts),
                cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_fields_and_depth),
                cmocka_unit_test(map_entries_are_messages),
                cmocka_unit_test(packed_elements_are_fields),
                cmocka_unit_test(packs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
