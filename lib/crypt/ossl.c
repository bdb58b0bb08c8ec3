#include "lib/crypt/ossl.h"

#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/base/secret.h"

/* Private numbers of some thousands of EC keys; OpenSSL's allocator wants powers of two. */
#define SECURE_HEAP_LEN ((size_t) 512 * 1024)
#define SECURE_HEAP_MIN 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* written once under `once`, read-only afterwards */
static EVP_MD *md[HASH_ALG_COUNT];
static EVP_CIPHER *cipher[OSSL_CIPHER_COUNT];
static EVP_MAC *hmac;
static EVP_PKEY *curve[2];

/* ---- memory ------------------------------------------------------------------------------------------------------
 * OpenSSL wipes most of what was secret, but not all: an EC key's octets stay in a freed block when the key
 * is encoded. So everything is wiped that it gives back. */

static void *block_new(size_t len, const char *file UNUSED, int line UNUSED)
{
        return malloc(len);
}

static void block_free(void *memory, const char *file UNUSED, int line UNUSED)
{
        if (memory != NULL)
                wipe(memory, malloc_usable_size(memory));
        free(memory);
}

static void *block_resize(void *memory, size_t len, const char *file, int line)
{
        size_t old_len = memory == NULL ? 0 : malloc_usable_size(memory);
        void *moved = malloc(len);
        if (moved == NULL)
                return NULL;
        if (memory != NULL)
                memcpy(moved, memory, old_len < len ? old_len : len);
        block_free(memory, file, line);
        return moved;
}

/* Before main: OpenSSL refuses once it has taken a block. Keys would then be as safe as it makes them itself. */
__attribute__((constructor)) static void use_wiping_blocks(void)
{
        (void) CRYPTO_set_mem_functions(block_new, block_resize, block_free);
}

void ossl_must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "vouchsafe: OpenSSL failed at %s: %s\n", what, ERR_reason_error_string(ERR_peek_last_error()));
        abort();
}

struct fault *ossl_fault(enum fault_code code, const char *token, const char *what)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        struct fault *f = reason != NULL ? fault(code, token, "%s: %s", what, reason) : fault(code, token, "%s", what);

        ERR_clear_error();
        return f;
}

static void start(void)
{
        static const char *const md_names[] = {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};
        static const char *const cipher_names[] = {"AES-256-GCM", "AES-128-CFB", "AES-256-CFB", "AES-256-WRAP"};
        _Static_assert(COUNT_OF(md_names) == HASH_ALG_COUNT, "a name for every hash");
        _Static_assert(COUNT_OF(cipher_names) == OSSL_CIPHER_COUNT, "a name for every cipher");

        /* Refused where locked memory is scarce; keys then live in the ordinary heap, wiped by OpenSSL when freed. */
        (void) CRYPTO_secure_malloc_init(SECURE_HEAP_LEN, SECURE_HEAP_MIN);
        for (size_t i = 0; i < COUNT_OF(md_names); i++) {
                md[i] = EVP_MD_fetch(NULL, md_names[i], NULL);
                ossl_must(md[i] != NULL, md_names[i]);
        }
        for (size_t i = 0; i < COUNT_OF(cipher_names); i++) {
                cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
                ossl_must(cipher[i] != NULL, cipher_names[i]);
        }
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        ossl_must(hmac != NULL, "HMAC");
        curve[KEY_P256] = EVP_EC_gen("P-256");
        curve[KEY_P384] = EVP_EC_gen("P-384");
        ossl_must(curve[KEY_P256] != NULL && curve[KEY_P384] != NULL, "curves");
}

void ossl_start(void)
{
        (void) pthread_once(&once, start); /* fails only for a bad argument */
}

const EVP_MD *ossl_md(enum hash_alg alg)
{
        ossl_start();
        return md[alg];
}

const EVP_CIPHER *ossl_cipher(enum ossl_cipher which)
{
        ossl_start();
        return cipher[which];
}

EVP_MAC *ossl_hmac(void)
{
        ossl_start();
        return hmac;
}

const EVP_PKEY *ossl_curve(enum key_kind kind)
{
        ossl_start();
        return curve[kind];
}
