// tls_server_config in the words of the server that speaks TLS.
#pragma once

#include "config/web_config.h"
#include "exporter/http/tls.h"

namespace kvmtsc {

// `tls` is as parse_web_config() gave it: its names of ciphers and curves are known.
http::TlsOptions tls_options(const WebTls& tls);

}  // namespace kvmtsc
