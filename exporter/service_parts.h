// What the service's parts are made with, according to Settings. Pure, but for the log's
// configuration; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attach/clock_source.h"
#include "attach/offset_writer.h"
#include "base/result.h"
#include "collectors/attach_rules.h"
#include "collectors/clock_sampling.h"
#include "collectors/proc_identifier.h"
#include "collectors/sweep.h"
#include "config/settings.h"
#include "corrections/correction_service.h"

namespace kvmtsc {

SweepOptions sweep_options(const Settings& settings);
Result<IdentityRules> compile_rules(const Settings& settings);
Result<AttachRules> compile_attach_rules(const Settings& settings);
void configure_log(const Settings& settings);

// The keys that differ and that a running service cannot change: "attach.mode".
std::vector<std::string> needs_restart(const Settings& running, const Settings& wanted);

const char* attach_mode_name(AttachMode mode);

// Attaching to real VMs. Both share what they know of VMMs' filters.
struct Attaching {
  std::unique_ptr<ClockSource> clock_source;    // null where it is off
  std::unique_ptr<OffsetWriter> offset_writer;  // null where none are to be corrected
};
Attaching make_attaching(const Settings& settings);
// Null without a source, which outlives it.
std::unique_ptr<ClockSampling> make_clock_sampling(const Settings& settings, ClockSource* source);

CorrectionOptions correction_options(const Settings& settings);

}  // namespace kvmtsc
