/* Linked into every fuzz program. OpenSSL's random generators are made here, before lib/crypt sets up the secure heap: what they own would
 * otherwise be known to that heap alone, where LeakSanitizer doesn't look, and would count as lost. */
#include <openssl/rand.h>

__attribute__((constructor)) static void make_generators(void)
{
        unsigned char byte;
        (void) RAND_bytes(&byte, 1); /* made for its own sake */
        (void) RAND_priv_bytes(&byte, 1);
}
