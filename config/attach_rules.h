// attach.exclude and attach.include: reading and checking.
#pragma once

#include <string>
#include <vector>

#include "config/problems.h"
#include "config/settings.h"
#include "config/yaml_document.h"

namespace kvmtsc {

// The rules in `node`, the value of `key`: a list of maps, or null for none. A rule needs both
// `match` and `pattern`. Problems name "KEY[N].NAME", N from 0; with any problem the result is of
// no use.
std::vector<AttachRule> read_attach_rules(const YamlNode& node, const std::string& key,
                                          Problems& problems);

}  // namespace kvmtsc
