#include "tests/integration/exporter.h"

#include <utility>

#include "base/parse.h"
#include "tests/integration/paths.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{10000};
constexpr const char* kConfigName = "kvm-tsc-exporter.yml";

// The port in `address="127.0.0.1:PORT"` (or without the quotation marks) of a logfmt line.
Result<std::uint16_t> port_of(const std::string& line) {
  constexpr std::string_view kKey = "address=";
  const std::size_t at = line.find(kKey);
  if (at != std::string::npos) {
    std::string_view value = std::string_view(line).substr(at + kKey.size());
    if (value.starts_with('"')) {
      value.remove_prefix(1);
    }
    value = value.substr(0, value.find_first_of("\" "));
    const auto port = parse_u32(value.substr(value.rfind(':') + 1));
    if (port && *port > 0 && *port <= UINT16_MAX) {
      return static_cast<std::uint16_t>(*port);
    }
  }
  return Error{ErrorKind::kInvalid, "no address=\"127.0.0.1:PORT\" in the log line: " + line, ""};
}

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::start(const ExporterOptions& options) {
  auto exporter = std::make_unique<Exporter>();
  std::vector<std::string> command{
      product_program("kvm-tsc-exporter"),
      "--config.file=" + exporter->directory_.write(kConfigName, options.config),
      "--web.listen-address=127.0.0.1:0"};
  command.insert(command.end(), options.flags.begin(), options.flags.end());
  auto process = Process::start(std::move(command));
  if (!process) {
    return process.error();
  }
  exporter->process_ = std::move(*process);
  const auto line = exporter->process_->find_error_line("listening", kPatience);
  if (!line) {
    return line.error();
  }
  const auto port = port_of(*line);
  if (!port) {
    return port.error();
  }
  exporter->port_ = *port;
  return exporter;
}

Result<HttpReply> Exporter::get(const std::string& target,
                                const std::map<std::string, std::string>& headers) const {
  return http_request(port_, {"GET", target, headers, ""});
}

Result<HttpReply> Exporter::post(const std::string& target) const {
  return http_request(port_, {"POST", target, {}, ""});
}

Result<Samples> Exporter::metrics() const {
  const auto reply = get("/metrics");
  if (!reply) {
    return reply.error();
  }
  if (reply->status != 200) {
    return Error{ErrorKind::kInvalid, "/metrics: status " + std::to_string(reply->status), ""};
  }
  return parse_exposition(reply->body);
}

void Exporter::rewrite_config(const std::string& yaml) const {
  directory_.write(kConfigName, yaml);
}

std::optional<std::string> vm_label_of(const Samples& samples, pid_t pid) {
  const auto infos = samples.find("kvm_tsc_vm_info", {{"pid", std::to_string(pid)}});
  return infos.size() == 1 ? std::optional(infos[0].labels.at("vm")) : std::nullopt;
}

}  // namespace kvmtsc::integration
