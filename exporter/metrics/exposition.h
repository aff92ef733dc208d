// The exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0. Pure; any thread.
//
// Our own rather than prometheus-cpp's serializer, which writes 16 significant digits (a double
// needs 17), leaves HELP unescaped and knows no OpenMetrics. Sources: Prometheus documentation,
// "Exposition formats"; OpenMetrics 1.0.0, sections 4 and 5.
#pragma once

#include <span>
#include <string>

#include <prometheus/metric_family.h>

namespace kvmtsc {

enum class ExpositionFormat { kText, kOpenMetrics };

// The media type for the Content-Type header.
const char* content_type(ExpositionFormat format);

// Families named *_info are gauges in the text format and of type info in OpenMetrics. Counters'
// names end in _total. Numbers are the shortest decimals that read back as the same double. Label
// values and HELP must be valid UTF-8. Families in the order given; names unique.
std::string expose(std::span<const prometheus::MetricFamily> families, ExpositionFormat format);

// The same of the first families of several: what expose() gives of the others goes after it.
std::string expose_part(std::span<const prometheus::MetricFamily> families,
                        ExpositionFormat format);

}  // namespace kvmtsc
