#include "tests/fakes/rpc_client.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>

#define REPLY_MAX (4u << 20)

struct rpc_client {
        grpc_channel *channel;
        char *authority; /* NULL: the library's */
};
struct rpc_client_call {
        grpc_completion_queue *queue; /* of this call alone: no thread in between */
        grpc_call *call;
        grpc_byte_buffer *request, *reply;
        grpc_metadata_array initial, trailing;
        grpc_status_code status;
        grpc_slice details;
};

struct rpc_client *rpc_client_new(const struct rpc_client_options *o)
{
        struct rpc_client *c = NEW(struct rpc_client);
        AUTO_STRING char *target = alloc_printf("unix:%s", o->socket_path);
        grpc_channel_credentials *clear = grpc_insecure_credentials_create();
        grpc_arg args[] = {
                {.type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
                {.type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0},
                {.type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_ENABLE_RETRIES, .value.integer = 0},
                {.type = GRPC_ARG_INTEGER,
                 .key = (char *) GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
                 .value.integer = o->gzip ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE},
        };

        c->authority = o->authority != NULL ? alloc_string(o->authority) : NULL;
        c->channel = grpc_channel_create(target, clear, &(grpc_channel_args){COUNT_OF(args), args});
        grpc_channel_credentials_release(clear);
        return c;
}

void rpc_client_free(struct rpc_client *c)
{
        if (c == NULL)
                return;
        grpc_channel_destroy(c->channel);
        free(c->authority);
        free(c);
}

struct rpc_client_call *rpc_client_start(struct rpc_client *c, const char *method, struct span request,
                                         bool empty_stream, int64_t deadline_ms)
{
        struct rpc_client_call *k = NEW(struct rpc_client_call);
        gpr_timespec deadline = deadline_ms == 0 ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                                                 : gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                                                gpr_time_from_millis(deadline_ms, GPR_TIMESPAN));
        grpc_slice host = c->authority != NULL ? grpc_slice_from_copied_string(c->authority) : grpc_empty_slice();
        grpc_slice path = grpc_slice_from_copied_string(method);
        grpc_slice bytes = grpc_slice_from_copied_buffer((const char *) request.data, request.len);
        grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
        size_t count = 1;
        grpc_call_error error;

        k->queue = grpc_completion_queue_create_for_next(NULL);
        k->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, k->queue, path,
                                           c->authority != NULL ? &host : NULL, deadline, NULL);
        grpc_metadata_array_init(&k->initial);
        grpc_metadata_array_init(&k->trailing);
        k->details = grpc_empty_slice();
        if (!empty_stream) {
                k->request = grpc_raw_byte_buffer_create(&bytes, 1);
                ops[count].op = GRPC_OP_SEND_MESSAGE;
                ops[count++].data.send_message.send_message = k->request;
        }
        ops[count++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        ops[count].op = GRPC_OP_RECV_INITIAL_METADATA;
        ops[count++].data.recv_initial_metadata.recv_initial_metadata = &k->initial;
        ops[count].op = GRPC_OP_RECV_MESSAGE;
        ops[count++].data.recv_message.recv_message = &k->reply;
        ops[count].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
        ops[count].data.recv_status_on_client.trailing_metadata = &k->trailing;
        ops[count].data.recv_status_on_client.status = &k->status;
        ops[count++].data.recv_status_on_client.status_details = &k->details;
        error = grpc_call_start_batch(k->call, ops, count, k, NULL);
        assert(error == GRPC_CALL_OK);
        (void) error; /* a mistake of the test otherwise */
        grpc_slice_unref(host);
        grpc_slice_unref(path);
        grpc_slice_unref(bytes);
        return k;
}

void rpc_client_cancel(struct rpc_client_call *call)
{
        (void) grpc_call_cancel(call->call, NULL); /* nothing to learn: the end comes anyway */
}

static void reply_take(const struct rpc_client_call *k, struct rpc_client_reply *ret)
{
        grpc_byte_buffer_reader reader;
        grpc_slice *slice;

        ret->status = (int) k->status;
        (void) snprintf(ret->message, sizeof ret->message, "%.*s", (int) GRPC_SLICE_LENGTH(k->details),
                        (const char *) GRPC_SLICE_START_PTR(k->details));
        ret->body = BUF(REPLY_MAX);
        if (k->reply == NULL || !grpc_byte_buffer_reader_init(&reader, k->reply))
                return;
        while (grpc_byte_buffer_reader_peek(&reader, &slice)) {
                struct fault *failed =
                        buf_append(&ret->body, span_make(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)));

                assert(failed == NULL); /* a reply of more than 4 MiB is no test of ours */
                fault_free(failed);
        }
        grpc_byte_buffer_reader_destroy(&reader);
}

void rpc_client_finish(struct rpc_client_call *k, struct rpc_client_reply *ret)
{
        gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
        grpc_event event = grpc_completion_queue_next(k->queue, never, NULL);

        assert(event.type == GRPC_OP_COMPLETE && event.tag == k);
        reply_take(k, ret);
        grpc_call_unref(k->call);
        grpc_completion_queue_shutdown(k->queue);
        while (event.type != GRPC_QUEUE_SHUTDOWN)
                event = grpc_completion_queue_next(k->queue, never, NULL);
        grpc_completion_queue_destroy(k->queue);
        if (k->request != NULL)
                grpc_byte_buffer_destroy(k->request);
        if (k->reply != NULL)
                grpc_byte_buffer_destroy(k->reply);
        grpc_metadata_array_destroy(&k->initial);
        grpc_metadata_array_destroy(&k->trailing);
        grpc_slice_unref(k->details);
        free(k);
}

int rpc_client_call(struct rpc_client *c, const char *method, struct span request, int64_t deadline_ms,
                    struct rpc_client_reply *ret)
{
        rpc_client_finish(rpc_client_start(c, method, request, /* empty_stream= */ false, deadline_ms), ret);
        return ret->status;
}

void rpc_client_reply_clear(struct rpc_client_reply *r)
{
        buf_clear(&r->body);
}
