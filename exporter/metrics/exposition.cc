#include "exporter/metrics/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace kvmtsc {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Writer {
 public:
  explicit Writer(ExpositionFormat format) : format_(format) {}

  void family(const MetricFamily& family) {
    const std::string_view name = family_name(family);
    comment("# HELP ", name);
    help(family.help);
    comment("# TYPE ", name);
    out_ += type_name(family);
    out_ += '\n';
    for (const ClientMetric& metric : family.metric) {
      samples(family, metric);
    }
  }

  std::string finish() && { return std::move(out_); }

 private:
  bool open_metrics() const { return format_ == ExpositionFormat::kOpenMetrics; }

  static bool is_info(const MetricFamily& family) {
    return family.type == MetricType::Gauge && family.name.ends_with("_info");
  }

  // In OpenMetrics a family's name lacks the suffix that its samples carry.
  std::string_view family_name(const MetricFamily& family) const {
    std::string_view name = family.name;
    if (open_metrics()) {
      if (is_info(family)) {
        name.remove_suffix(std::string_view("_info").size());
      } else if (family.type == MetricType::Counter) {
        name.remove_suffix(std::string_view("_total").size());
      }
    }
    return name;
  }

  std::string_view type_name(const MetricFamily& family) const {
    switch (family.type) {
      case MetricType::Counter:
        return "counter";
      case MetricType::Gauge:
        return open_metrics() && is_info(family) ? "info" : "gauge";
      case MetricType::Histogram:
        return "histogram";
      case MetricType::Summary:
        return "summary";
      case MetricType::Untyped:
        break;
    }
    return open_metrics() ? "unknown" : "untyped";
  }

  void comment(std::string_view keyword, std::string_view name) {
    out_ += keyword;
    out_ += name;
    out_ += ' ';
  }

  void help(std::string_view text) {
    // Only OpenMetrics escapes double quotes in HELP.
    escape(text, open_metrics());
    out_ += '\n';
  }

  void samples(const MetricFamily& family, const ClientMetric& metric) {
    switch (family.type) {
      case MetricType::Counter:
        sample(family.name, "", metric, {}, {}, metric.counter.value);
        break;
      case MetricType::Gauge:
        sample(family.name, "", metric, {}, {}, metric.gauge.value);
        break;
      case MetricType::Untyped:
        sample(family.name, "", metric, {}, {}, metric.untyped.value);
        break;
      case MetricType::Summary:
        for (const auto& quantile : metric.summary.quantile) {
          sample(family.name, "", metric, "quantile", number(quantile.quantile), quantile.value);
        }
        totals(family.name, metric, metric.summary.sample_count, metric.summary.sample_sum);
        break;
      case MetricType::Histogram:
        for (const auto& bucket : metric.histogram.bucket) {
          sample(family.name, "_bucket", metric, "le", bound(bucket.upper_bound),
                 static_cast<double>(bucket.cumulative_count));
        }
        totals(family.name, metric, metric.histogram.sample_count, metric.histogram.sample_sum);
        break;
    }
  }

  void totals(std::string_view name, const ClientMetric& metric, std::uint64_t count, double sum) {
    sample(name, "_sum", metric, {}, {}, sum);
    sample(name, "_count", metric, {}, {}, static_cast<double>(count));
  }

  void sample(std::string_view name, std::string_view suffix, const ClientMetric& metric,
              std::string_view extra_label, std::string_view extra_value, double value) {
    out_ += name;
    out_ += suffix;
    char separator = '{';
    for (const auto& label : metric.label) {
      out_ += separator;
      labelled(label.name, label.value);
      separator = ',';
    }
    if (!extra_label.empty()) {
      out_ += separator;
      labelled(extra_label, extra_value);
      separator = ',';
    }
    if (separator == ',') {
      out_ += '}';
    }
    out_ += ' ';
    out_ += number(value);
    out_ += '\n';
  }

  void labelled(std::string_view name, std::string_view value) {
    out_ += name;
    out_ += "=\"";
    escape(value, true);
    out_ += '"';
  }

  void escape(std::string_view text, bool quotes) {
    const auto is_special = [quotes](char c) {
      return c == '\\' || c == '\n' || (c == '"' && quotes);
    };
    // Nearly all text has nothing to escape and goes over in one piece.
    for (auto rest = text.begin(); rest != text.end(); ++rest) {
      const auto special = std::find_if(rest, text.end(), is_special);
      out_.append(rest, special);
      if (special == text.end()) {
        return;
      }
      out_ += '\\';
      out_ += *special == '\n' ? 'n' : *special;
      rest = special;
    }
  }

  // A bucket's bound: OpenMetrics wants a decimal point in it ("1.0"), and the text format allows
  // it.
  static std::string bound(double value) {
    std::string text = number(value);
    if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) {
      text += ".0";
    }
    return text;
  }

  static std::string number(double value) {
    if (std::isnan(value)) {
      return "NaN";
    }
    if (std::isinf(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
  }

  ExpositionFormat format_;
  std::string out_;
};

}  // namespace

const char* content_type(ExpositionFormat format) {
  return format == ExpositionFormat::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string expose_part(std::span<const MetricFamily> families, ExpositionFormat format) {
  Writer writer(format);
  for (const MetricFamily& family : families) {
    writer.family(family);
  }
  return std::move(writer).finish();
}

std::string expose(std::span<const MetricFamily> families, ExpositionFormat format) {
  std::string text = expose_part(families, format);
  if (format == ExpositionFormat::kOpenMetrics) {
    text += "# EOF\n";
  }
  return text;
}

}  // namespace kvmtsc
