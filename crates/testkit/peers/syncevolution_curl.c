/*
 * Makes the SyncEvolution 2.0.0 command line of Debian 12 survive an HTTP request.
 *
 * That build passes C++ lambdas to curl_easy_setopt() where libcurl expects plain function
 * pointers. The option call takes any argument, so nothing complains; libcurl then calls whatever
 * bytes the lambda object happened to hold. Preloaded, this object stands in front of
 * curl_easy_setopt() and, for the two callback options and only when SyncEvolution's own library is
 * the caller, passes real functions that end in the members which the lambdas would have called.
 *
 *     cc -shared -fPIC -O2 -o syncevolution_curl.so syncevolution_curl.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* From curl.h, where they are part of the stable interface. */
#define WRITE_FUNCTION 20011
#define READ_FUNCTION 20012

/* The members of SyncEvo::CurlTransportAgent; weak, so that other programs can load this too. */
size_t agent_read(void *agent, void *buffer, size_t length)
    __asm__("_ZN7SyncEvo18CurlTransportAgent8readDataEPvm") __attribute__((weak));
size_t agent_write(void *agent, void *buffer, size_t length)
    __asm__("_ZN7SyncEvo18CurlTransportAgent9writeDataEPvm") __attribute__((weak));

static size_t read_callback(char *buffer, size_t size, size_t count, void *agent)
{
    return agent_read(agent, buffer, size * count);
}

static size_t write_callback(char *buffer, size_t size, size_t count, void *agent)
{
    return agent_write(agent, buffer, size * count);
}

static int called_by_syncevolution(const void *caller)
{
    Dl_info library;
    return dladdr(caller, &library) && library.dli_fname &&
           strstr(library.dli_fname, "libsyncevolution");
}

int curl_easy_setopt(void *handle, int option, ...)
{
    typedef int (*setopt)(void *, int, ...);
    setopt next = (setopt)dlsym(RTLD_NEXT, "curl_easy_setopt");
    va_list arguments;
    void *value;

    if (!next)
        abort();
    /* Pointers, longs and offsets all travel in one register of this width. */
    va_start(arguments, option);
    value = va_arg(arguments, void *);
    va_end(arguments);

    if (called_by_syncevolution(__builtin_return_address(0))) {
        if (option == READ_FUNCTION && agent_read)
            value = (void *)read_callback;
        if (option == WRITE_FUNCTION && agent_write)
            value = (void *)write_callback;
    }
    return next(handle, option, value);
}
