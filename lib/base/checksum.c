#include "lib/base/checksum.h"

#include <sha2.h>

void checksum_sha256(struct span bytes, uint8_t ret_digest[CHECKSUM_LEN])
{
        SHA2_CTX ctx;
        SHA256Init(&ctx);
        SHA256Update(&ctx, bytes.data, bytes.len);
        SHA256Final(ret_digest, &ctx);
}
