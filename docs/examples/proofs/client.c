/* Prints the header fields that show whose a request is: the Workload Identity Token of a volume, and a Workload Proof Token made here with
 * OpenSSL 3.
 *
 *     cc -o client client.c -lcrypto
 *     VOUCHSAFE_DIR=/var/run/identity ./client https://pay.example/charge | curl -H @- https://pay.example/charge */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 8192

static void die(const char *what)
{
        fprintf(stderr, "client: %s\n", what);
        exit(1);
}

/* base64url without padding; `out` has room for 4/3 of `len`, and four. Returns its length. */
static size_t b64url(const void *bytes, size_t len, char *out)
{
        size_t n = (size_t) EVP_EncodeBlock((unsigned char *) out, bytes, (int) len);
        while (n > 0 && out[n - 1] == '=')
                n--;
        out[n] = '\0';
        for (size_t i = 0; i < n; i++)
                out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
        return n;
}

static FILE *open_file(const char *dir, const char *name)
{
        char path[TEXT_MAX];
        if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int) sizeof path)
                die("path too long");
        FILE *f = fopen(path, "r");
        if (f == NULL)
                die(path);
        return f;
}

/* Raw r and s, as JWS wants them (RFC 7518, section 3.4). */
static void sign(EVP_PKEY *key, const char *message, unsigned char raw[64])
{
        unsigned char der[128];
        size_t len = sizeof der;
        const unsigned char *at = der;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
            EVP_DigestSign(ctx, der, &len, (const unsigned char *) message, strlen(message)) != 1)
                die("can't sign");
        ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long) len);
        if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) != 32 ||
            BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) != 32)
                die("the key is no P-256 key");
        ECDSA_SIG_free(sig);
        EVP_MD_CTX_free(ctx);
}

int main(int argc, char **argv)
{
        const char *dir = getenv("VOUCHSAFE_DIR");
        char wit[TEXT_MAX], claims[TEXT_MAX], message[2 * TEXT_MAX], id[32], hash[64], signature[128];
        unsigned char random[16], digest[SHA256_DIGEST_LENGTH], raw[64];

        if (argc != 2 || dir == NULL)
                die("usage: VOUCHSAFE_DIR=… client URL");
        FILE *f = open_file(dir, "wit.jwt");
        if (fgets(wit, sizeof wit, f) == NULL)
                die("empty wit.jwt");
        fclose(f);
        wit[strcspn(wit, "\n")] = '\0';
        f = open_file(dir, "wit.key.pem");
        EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
        if (key == NULL || RAND_bytes(random, sizeof random) != 1)
                die("no private key in wit.key.pem");

        b64url(random, sizeof random, id);
        SHA256((const unsigned char *) wit, strlen(wit), digest);
        b64url(digest, sizeof digest, hash);
        int len = snprintf(claims, sizeof claims, "{\"aud\":\"%.*s\",\"exp\":%lld,\"jti\":\"%s\",\"wth\":\"%s\"}",
                           (int) strcspn(argv[1], "?#"), argv[1], (long long) time(NULL) + 60, id, hash);
        if (len < 0 || len >= (int) sizeof claims)
                die("URL too long");
        size_t at = b64url("{\"alg\":\"ES256\",\"typ\":\"wpt+jwt\"}", 31, message);
        message[at++] = '.';
        b64url(claims, (size_t) len, message + at);
        sign(key, message, raw);
        b64url(raw, sizeof raw, signature);
        EVP_PKEY_free(key);
        printf("Workload-Identity-Token: %s\nWorkload-Proof-Token: %s.%s\n", wit, message, signature);
        return 0;
}
