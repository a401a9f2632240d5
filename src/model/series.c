#include "model/series.h"

void series_key_write(const struct series *series, char *to) {
    const struct slice parts[] = {series->gateway, series->type, series->attribute};
    for (int i = 0; i < 3; i++) {
        if (i)
            *to++ = '.';
        if (parts[i].length)
            memcpy(to, parts[i].data, parts[i].length);
        to += parts[i].length;
    }
}

bool series_key_matches(const struct series *series, struct slice key) {
    if (!key.data || key.length != series_key_length(series))
        return false;
    const char *type = key.data + series->gateway.length + 1, *attribute = type + series->type.length + 1;
    return type[-1] == '.' && attribute[-1] == '.' &&
           slice_equal((struct slice){key.data, series->gateway.length}, series->gateway) &&
           slice_equal((struct slice){type, series->type.length}, series->type) &&
           slice_equal((struct slice){attribute, series->attribute.length}, series->attribute);
}
