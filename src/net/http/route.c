#include "net/http/http.h"

/* Does the path match, segment by segment? */
static bool route_matches(const char *pattern, struct slice path, struct slice *ret_parameter) {
    const char *at = path.data, *end = path.data + path.length;
    struct slice parameter = {0};
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            const char *slash = memchr(at, '/', (size_t)(end - at));
            parameter = (struct slice){at, (size_t)((slash ? slash : end) - at)};
            at += parameter.length;
            if (parameter.length == 0)
                return false;
        } else if (at == end || *at++ != *pattern) {
            return false;
        }
    }
    if (at != end)
        return false;
    *ret_parameter = parameter;
    return true;
}

const struct http_route *http_route_find(const struct http_route *routes, enum http_method method, struct slice path,
                                         struct slice *ret_parameter, unsigned *ret_allowed) {
    unsigned wanted = method == HTTP_HEAD ? HTTP_HEAD | HTTP_GET : method;
    *ret_allowed = 0;
    *ret_parameter = (struct slice){0};
    for (const struct http_route *route = routes; route->path; route++) {
        if (!route_matches(route->path, path, ret_parameter))
            continue;
        if (route->methods & wanted)
            return route;
        *ret_allowed |= route->methods | (route->methods & HTTP_GET ? HTTP_HEAD : 0) | HTTP_OPTIONS;
    }
    return NULL;
}
