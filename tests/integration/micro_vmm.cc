#include "tests/integration/micro_vmm.h"

#include <utility>

#include "tests/integration/paths.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{20000};

Result<nlohmann::json> parse_line(const std::string& line) {
  auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (parsed.is_discarded()) {
    return Error{ErrorKind::kInvalid, "micro-vmm did not answer JSON: " + line, ""};
  }
  return parsed;
}

}  // namespace

MicroVmm::MicroVmm(std::unique_ptr<Process> process, nlohmann::json ready)
    : process_(std::move(process)), ready_(std::move(ready)) {}

Result<std::unique_ptr<MicroVmm>> MicroVmm::start(const std::vector<std::string>& arguments,
                                                  const std::vector<std::string>& wrapper) {
  std::vector<std::string> command = wrapper;
  command.push_back(product_program("micro-vmm"));
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = Process::start(std::move(command));
  if (!process) {
    return process.error();
  }
  auto line = (*process)->read_line(kPatience);
  if (!line) {
    return line.error();
  }
  auto ready = parse_line(*line);
  if (!ready) {
    return ready.error();
  }
  return std::unique_ptr<MicroVmm>(new MicroVmm(std::move(*process), std::move(*ready)));
}

std::string MicroVmm::directory(std::size_t vm) const {
  const auto& described = ready_["vm"][vm];
  return described["creator"].dump() + "-" + described["fd"].dump();
}

Result<nlohmann::json> MicroVmm::command(const std::string& line) {
  if (Status written = process_->write_line(line); !written) {
    return written.error();
  }
  auto text = process_->read_line(kPatience);
  if (!text) {
    return text.error();
  }
  auto answer = parse_line(*text);
  if (answer && answer->contains("error")) {
    return Error{ErrorKind::kRefused, "'" + line + "': " + (*answer)["error"].get<std::string>(),
                 ""};
  }
  return answer;
}

std::int64_t as_i64(const nlohmann::json& text) {
  return std::stoll(text.get<std::string>());
}

std::uint64_t as_u64(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>());
}

}  // namespace kvmtsc::integration
