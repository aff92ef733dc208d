#include "exporter/scrape/rendering.h"

#include "exporter/metrics/families.h"

namespace kvmtsc {
namespace {

std::string rendered(const SnapshotPtr& snapshot, ExpositionFormat format) {
  Families families;
  if (snapshot != nullptr) {
    append_vm_families(*snapshot, families);
    append_host_families(*snapshot, families);
    append_correction_families(*snapshot, families);
  }
  std::string text = expose_part(families, format);
  text.shrink_to_fit();
  return text;
}

}  // namespace

Rendering::Forms& Rendering::forms(ExpositionFormat format) const {
  return forms_[format == ExpositionFormat::kOpenMetrics ? 1 : 0];
}

std::shared_ptr<const std::string> Rendering::made_text(ExpositionFormat format) const {
  auto& text = forms(format).text;
  if (text == nullptr) {
    text = std::make_shared<const std::string>(rendered(snapshot_, format));
  }
  return text;
}

std::shared_ptr<const std::string> Rendering::text(ExpositionFormat format) const {
  const std::lock_guard lock(mutex_);
  return made_text(format);
}

std::shared_ptr<const http::GzipStart> Rendering::packed(ExpositionFormat format) const {
  const std::lock_guard lock(mutex_);
  auto& packed = forms(format).packed;
  if (packed == nullptr) {
    if (auto start = http::start_gzip(*made_text(format))) {
      packed = std::make_shared<const http::GzipStart>(*std::move(start));
    }
  }
  return packed;
}

}  // namespace kvmtsc
