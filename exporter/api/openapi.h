// The OpenAPI 3.1 document of the API, as served at /api/v1/openapi.json.
#pragma once

#include <string_view>

namespace kvmtsc {

extern const std::string_view kOpenApiDocument;

}  // namespace kvmtsc
