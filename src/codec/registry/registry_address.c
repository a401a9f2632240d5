/* A list of URLs separated by commas. User and password are taken out of each and kept apart, so that what is shown
 * later has none. */
#include "codec/registry/registry_address.h"

#include <curl/curl.h>
#include <stdio.h>

#include "core/memory.h"

static void address_release(CURLU **url) {
    curl_url_cleanup(*url);
}

/* A part of the URL in `arena`, decoded when `flags` say so; NULL data when it has none or memory has run out
 * (*ret_failed). */
static const char *address_part(CURLU *url, CURLUPart part, unsigned flags, struct arena *arena, bool *ret_failed) {
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, flags);
    struct slice copy = code ? (struct slice){0} : arena_copy(arena, slice_of(text));
    *ret_failed |= code == CURLUE_OUT_OF_MEMORY || (!code && !copy.data);
    curl_free(text);
    return copy.data;
}

static bool address_has(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

/* Takes away what must not be shown. */
static CURLUcode address_strip(CURLU *url) {
    static const CURLUPart secrets[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY,
                                        CURLUPART_FRAGMENT};
    CURLUcode code = CURLUE_OK;
    for (size_t i = 0; !code && i < sizeof secrets / sizeof *secrets; i++)
        code = curl_url_set(url, secrets[i], NULL, 0);
    return code;
}

static int address_invalid(size_t number, const char *what, struct error *error) {
    return error_set(error, ERROR_INVALID,
                     "schema registry URL %zu cannot be used (%s): it looks like http://host:8081 or "
                     "https://user:password@host/path, "
                     "with other characters than letters and digits of user and password percent-encoded; several are "
                     "separated by commas",
                     number, what);
}

static int address_read(const char *text, size_t number, struct arena *arena, struct registry_address *ret_address,
                        struct error *error) {
    cleanup(address_release) CURLU *url = curl_url();
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OUT_OF_MEMORY)
        return error_no_memory(error);
    if (code)
        return address_invalid(number, curl_url_strerror(code), error);
    bool failed = false;
    const char *scheme = address_part(url, CURLUPART_SCHEME, 0, arena, &failed);
    struct registry_address address = {.username = address_part(url, CURLUPART_USER, CURLU_URLDECODE, arena, &failed),
                                       .password =
                                           address_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE, arena, &failed)};
    bool more = address_has(url, CURLUPART_QUERY) || address_has(url, CURLUPART_FRAGMENT);
    failed |= address_strip(url) != CURLUE_OK;
    char *base = (char *)address_part(url, CURLUPART_URL, 0, arena, &failed);
    if (failed || !base || !scheme)
        return error_no_memory(error);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return address_invalid(number, "neither http nor https", error);
    if (more)
        return address_invalid(number, "a query or a fragment", error);
    for (size_t length = strlen(base); length > 0 && base[length - 1] == '/'; length--)
        base[length - 1] = '\0';
    address.base = base;
    *ret_address = address;
    return 0;
}

/* Cuts the next URL off the list, without the spaces around it. */
static struct slice address_next(const char **list) {
    const char *from = *list + strspn(*list, " \t"), *end = from + strcspn(from, ",");
    *list = *end ? end + 1 : NULL;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct slice){from, (size_t)(end - from)};
}

int registry_addresses_read(const char *list, struct arena *arena, struct registry_address **ret_addresses,
                            size_t *ret_count, struct error *error) {
    size_t count = 1, read = 0;
    for (const char *at = list; (at = strchr(at, ',')); at++)
        count++;
    struct registry_address *addresses = arena_allocate(arena, count * sizeof *addresses);
    if (!addresses)
        return error_no_memory(error);
    for (const char *rest = list; rest; read++) {
        struct slice text = arena_copy(arena, address_next(&rest));
        int status =
            text.data ? address_read(text.data, read + 1, arena, &addresses[read], error) : error_no_memory(error);
        if (status)
            return status;
    }
    *ret_addresses = addresses;
    *ret_count = count;
    return 0;
}

void registry_address_show(const char *text, char *to, size_t size) {
    cleanup(address_release) CURLU *url = curl_url();
    char *shown = NULL;
    to[0] = '\0';
    if (url && !curl_url_set(url, CURLUPART_URL, text, 0) && !address_strip(url) &&
        !curl_url_get(url, CURLUPART_URL, &shown, 0))
        snprintf(to, size, "%s", shown);
    curl_free(shown);
}
