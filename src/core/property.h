/* A setting of a server's client by name, such as "security.protocol". Values may be secret: they are never logged. */
#ifndef METERLINE_CORE_PROPERTY_H
#define METERLINE_CORE_PROPERTY_H

struct client_property {
    const char *name, *value;
};

#endif
