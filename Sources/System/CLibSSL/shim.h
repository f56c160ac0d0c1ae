#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

// Macros that Swift cannot import.
static inline long ssl_shim_require_tls_1_2(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}
