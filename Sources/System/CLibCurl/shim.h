#include <curl/curl.h>
#include <sys/socket.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call.
static inline CURLcode curl_shim_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
// A port that a listener of this process has can be used for a connection too, if both say so before they are bound.
static inline int curl_shim_share(void *context, curl_socket_t socket, curlsocktype purpose) {
    int yes = 1;
    (void)context;
    (void)purpose;
    int failed = setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes)
                 || setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    return failed ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}
static inline CURLcode curl_shim_share_port(CURL *handle) {
    return curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, curl_shim_share);
}
typedef size_t (*curl_shim_write)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode curl_shim_set_write(CURL *handle, CURLoption option, curl_shim_write function) {
    return curl_easy_setopt(handle, option, function);
}
static inline CURLcode curl_shim_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode curl_shim_get_pointer(CURL *handle, CURLINFO info, void **value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLMcode curl_shim_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}
