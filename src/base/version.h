/* base/version.h - what `valetkey --version` says. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define VALETKEY_VERSION "0.1.0"

#endif
