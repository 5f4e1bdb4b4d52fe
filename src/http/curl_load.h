/* http/curl_load.h - libcurl, loaded with the first call.
 *
 * It brings thirty libraries along, half of what a start of this program would take, and most
 * processes make no call, or not at once. <curl/curl.h> is used as ever. */
#ifndef HTTP_CURL_LOAD_H
#define HTTP_CURL_LOAD_H

/* Loads it unless it is there and sets it up, with memory that it wipes and OpenSSL for its TLS: NULL, or why it cannot be, for a
 * person. Thread-safe. Everything else of libcurl ends the process when it is not there. */
const char *curl_ready(void);

#endif
